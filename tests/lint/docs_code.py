#!/usr/bin/env python3
"""C++ in the documents is the text of an example, or compiles.

A block under a comment such as <!-- examples/simple_http.cpp --> must be consecutive lines of that file. Every other
one is compiled: a block with a main or an #include as it is, another one as the inside of a function that knows a
`worker`, a `connection` and a `request`.
"""

import os
import re
import subprocess

from _tree import read, run

BLOCK = re.compile(r"(?:<!-- (examples/\S+) -->\n)?^```cpp\n(.*?)^```$", re.S | re.M)
INCLUDE = re.compile(r"^\s*#include.*$|^using namespace .*;$", re.M)
HEAD = """#include <artel/artel.hpp>
#include <algorithm>
#include <map>
#include <string>
#include <string_view>
using namespace artel;
using namespace std::chrono_literals;
"""


def compiles(root, text):
    """The first error, as (file, line, text), or nothing."""
    command = [os.environ.get("CXX") or "g++", "-std=c++20", "-fsyntax-only", "-Wall", "-Wno-unused", "-I", root / "include"]
    done = subprocess.run([*command, "-x", "c++", "-"], input=text, capture_output=True, text=True)
    if done.returncode == 0:
        return None
    for line in done.stderr.split("\n"):
        match = re.match(r"(\S+?):(\d+):\d+: (?:fatal )?error: (.*)", line)
        if match and match[1].endswith(".md"):
            return match[1], int(match[2]), match[3]
    return "README.md", 1, "does not compile: " + done.stderr[:300]


def whole(block):
    return "int main(" in block or "#include" in block or re.search(r"^(struct|class|void) ", block, re.M)


def check(root):
    text = HEAD if (root / "include/artel/artel.hpp").is_file() else ""
    count = 0
    for path in [*sorted(root.glob("*.md")), *sorted((root / "docs").glob("*.md"))]:
        content = read(path)
        for match in BLOCK.finditer(content):
            line = content.count("\n", 0, match.start(2)) + 1
            source, block = match[1], match[2]
            if source:
                if not (root / source).is_file():
                    yield path, line, f"{source} does not exist"
                elif "\n" + block not in "\n" + read(root / source):
                    yield path, line, f"this is not the text of {source}"
                continue
            count += 1
            block = INCLUDE.sub("", block)  # each namespace would get its own std
            before = after = ""
            if not whole(match[2]):
                before = "[[maybe_unused]] void f(Worker& worker, TcpConnection& connection, const http::Request& request) {\n"
                after = "}\n"
            text += f'namespace snippet{count} {{\n{before}#line {line} "{path.relative_to(root).as_posix()}"\n{block}{after}}}\n'
    error = compiles(root, text)
    if error:
        yield error


run(
    "docs_code",
    check,
    [
        ("docs/a.md", "<!-- examples/none.cpp -->\n```cpp\nint x;\n```\n", True),
        ("docs/a.md", "```cpp\nint main() {\n  return nothing;\n}\n```\n", True),
        ("README.md", "```cpp\nstruct A {\n  int a\n};\n```\n", True),
        ("docs/a.md", "```cpp\nint main() {\n  return 0;\n}\n```\n", False),
        ("docs/a.md", "```php\nreturn nothing;\n```\n", False),
    ],
)
