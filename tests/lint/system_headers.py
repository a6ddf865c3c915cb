#!/usr/bin/env python3
"""Headers of a system, or of one compiler, belong in platform/. The tools in bench/linux measure with Linux's own
calls, those in tests/faults break things with them, and fuzz/linux is put in the way of one; they are no part of the
library."""

import re

from _tree import files, includes, run

ALLOWED = ("platform/", "bench/linux/", "fuzz/linux/", "tests/faults/")
SYSTEM = re.compile(
    r"(sys|netinet|arpa|net|linux|mach|asm|bits)/.*"
    r"|(unistd|fcntl|poll|signal|pthread|sched|dlfcn|pwd|grp|syslog|termios|spawn|netdb|ifaddrs|strings|getopt|glob"
    r"|fnmatch|ucontext|execinfo|dirent|semaphore|aio|utime|malloc|alloca|resolv|pty|utmp|cxxabi|ext/.*"
    r"|io|direct|process|conio|windows|winsock2?|ws2tcpip|mswsock|mstcpip|psapi|shellapi|iphlpapi|tlhelp32|dbghelp"
    r"|userenv|aclapi|sddl|wincrypt|winternl|winioctl|crtdbg|intrin|x86intrin|immintrin|emmintrin)(\.h)?",
    re.I,
)


def check(root):
    for path in files(root):
        if path.relative_to(root).as_posix().startswith(ALLOWED):
            continue
        for line, name, angle in includes(path):
            if angle and SYSTEM.fullmatch(name):
                yield path, line, f"<{name}> outside platform/"


run(
    "system_headers",
    check,
    [
        ("src/net/a.cpp", "#include <unistd.h>\n", True),
        ("tests/unit/a.cpp", "#  include <sys/socket.h>\n", True),
        ("include/artel/a.hpp", "#include <Windows.h>\n", True),
        ("src/a.cpp", "#include <csignal>\n#include <uv.h>\n#include <string>\n", False),
        ("platform/win32/a.cpp", "#include <windows.h>\n", False),
        ("bench/servers/a.cpp", "#include <unistd.h>\n", True),
        ("bench/linux/a.cpp", "#include <unistd.h>\n", False),
        ("tests/faults/a.cpp", "#include <unistd.h>\n", False),
        ("tests/fixtures/a.cpp", "#include <unistd.h>\n", True),
    ],
)
