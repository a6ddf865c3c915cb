#!/usr/bin/env python3
"""Which system or compiler this is may be asked in platform/ only."""

import re

from _tree import files, only_code, read, run

MACRO = re.compile(
    r"\b(_WIN32|_WIN64|WIN32|__CYGWIN__|__linux__|__linux|linux|__APPLE__|__unix__|__unix|unix|__FreeBSD__|__ANDROID__"
    r"|_MSC_VER|_MSVC_LANG|__MINGW\w*|__GNUC__|__GNUG__|__clang__|__GLIBC__|__GLIBCXX__|_LIBCPP_VERSION|_POSIX_\w+"
    r"|__SANITIZE_\w+|__has_feature|__x86_64__|__aarch64__|_M_X64)\b"
)


def check(root):
    for path in files(root):
        if path.relative_to(root).parts[0] == "platform":
            continue
        joined = re.sub(r"\\\n", "  ", only_code(read(path)))
        skipped = [m.start() for m in re.finditer(r"\\\n", only_code(read(path)))]
        for match in re.finditer(r"^[ \t]*#[ \t]*(?:if|ifdef|ifndef|elif|elifdef|elifndef)\b(.*)$", joined, re.M):
            macro = MACRO.search(match[1])
            if macro:
                line = joined.count("\n", 0, match.start()) + 1 + sum(s < match.start() for s in skipped)
                yield path, line, f"{macro[1]} outside platform/"


run(
    "system_ifs",
    check,
    [
        ("src/a.cpp", "#ifdef _WIN32\n#endif\n", True),
        ("include/artel/a.hpp", "# if defined(X) || \\\n  defined(__linux__)\n#endif\n", True),
        ("examples/a.cpp", "#if 0\n#elif __GNUC__ > 3\n#endif\n", True),
        ("platform/posix/a.cpp", "#ifdef __linux__\n#endif\n", False),
        ("src/a.cpp", "// #ifdef _WIN32\n#if UV_VERSION_HEX > 3\n#endif\n", False),
    ],
)
