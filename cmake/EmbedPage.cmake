# cmake -DIN=page.html -DOUT=x_page.hpp -P EmbedPage.cmake: one character array, because compilers limit string literals.
cmake_minimum_required(VERSION 3.25)
file(READ "${IN}" hex HEX)
string(REPEAT ".." 24 row)
string(REGEX REPLACE "(${row})" "\\1\n  " hex "${hex}")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${hex}")
file(WRITE "${OUT}" "// Generated from a page.html. sizeof(page) - 1 bytes and a zero.\n#pragma once\n"
  "inline constexpr char page[] = {\n  ${bytes} '\\0'};\n")
