#!/usr/bin/env python3
"""Names that one of the three compilers lacks or means differently. A line may say why it needs one: // lint-ok: reason"""

import re

from _tree import files, includes, only_code, read, run, without_comments

FUNCTIONS = (
    "getpid getppid getuid geteuid getgid gethostname execv execve execvp usleep nanosleep sleep gettimeofday "
    "localtime_r gmtime_r strcasecmp strncasecmp strptime timegm setenv unsetenv isatty fileno popen pclose mkstemp "
    "realpath readlink sigaction waitpid ioctl mmap dup2 strsep asprintf"
).split()

RULES = [
    (r"\blong\b(?!\s+(?:long|double)\b)(?<!long long)", "long is 32 bits wide on Windows: use a type of <cstdint> or size_t"),
    (r"\b(?:pid_t|uid_t|gid_t|mode_t|off_t|useconds_t)\b", "a POSIX type: keep it in platform/"),
    (r"__attribute__|__declspec|__PRETTY_FUNCTION__|__builtin_\w+|__int128|__extension__|\b__asm__|\btypeof\b", "a compiler's own word"),
    (r"(?<![.>:])\b(?:near|far|small|hyper|interface|pascal|cdecl)\b(?!\()", "a macro of Windows' headers"),
    (r"\b(?:not|and|or|xor|bitand|bitor|compl|and_eq|or_eq|xor_eq|not_eq)\b", "an alternative token: MSVC wants a header for it"),
    (rf"(?<![\w.>:])(?:::)?(?:v?fork\s*\(\s*\)|(?:{'|'.join(FUNCTIONS)})\s*\()", "a POSIX function: keep it in platform/"),
]
RULES = [(re.compile(pattern), text) for pattern, text in RULES]


def check(root):
    for path in files(root, ("include", "src", "examples")):
        original = read(path)
        code = only_code(original)
        lines = original.split("\n")

        def finding(offset, text):
            line = code.count("\n", 0, offset) + 1
            if not re.search(r"//.*lint-ok: \S", lines[line - 1]):
                yield path, line, text

        for pattern, text in RULES:
            for match in pattern.finditer(code):
                begin = code.rfind("\n", 0, match.start()) + 1
                if not re.match(r"\s*#\s*(include|error|pragma)", code[begin : match.start()]):
                    yield from finding(match.start(), f"{match[0].strip()}: {text}")
        if not any(name == "uv.h" for _, name, _ in includes(path)):  # libuv defines it where it is missing
            for match in re.finditer(r"\bssize_t\b", code):
                yield from finding(match.start(), "ssize_t: MSVC has none; use std::ptrdiff_t")
        for match in re.finditer(r"\\e", without_comments(original)):
            yield from finding(match.start(), r"\e is not standard: write \x1b or \033")
        for match in re.finditer(r"\benum\b[^;{}()]*\{([^}]*)\}", code):
            for name in re.finditer(r"(?:^|,)\s*([A-Z][A-Z0-9_]+)\s*(?==|,|$)", match[1]):
                yield from finding(match.start(1) + name.start(1), f"{name[1]}: enumerators are camelCase, macros are ALL_CAPS")


run(
    "portability",
    check,
    [
        ("src/a.cpp", "unsigned long n = 0;\n", True),
        ("src/a.cpp", "ssize_t n = 0;\n", True),
        ("include/artel/a.hpp", "void f() __attribute__((cold));\n", True),
        ("examples/a.cpp", "bool b = not a;\n", True),
        ("src/a.cpp", "int p = ::getpid();\n", True),
        ("include/artel/a.hpp", "bool small = true;\n", True),
        ("src/a.cpp", "if (fork() == 0) return;\n", True),
        ("src/a.cpp", "void fork(Slot& slot);\n", False),
        ("src/a.cpp", "enum class E { one, DELETE = 3 };\n", True),
        ("src/a.cpp", 'auto s = "\\e[0m";\n', True),
        ("src/a.cpp", "long long a; long double b; x.sleep(); // not long\n", False),
        ("src/a.cpp", "#include <uv.h>\nvoid f(ssize_t n);\n", False),
        ("src/a.cpp", "unsigned long e = ERR_get_error();  // lint-ok: OpenSSL's type\n", False),
        ("src/a.cpp", 'auto s = "this or that, not long";\nenum class E { one, Two };\nint n = 1\'000;\n', False),
    ],
)
