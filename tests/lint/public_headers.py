#!/usr/bin/env python3
"""Public headers include the standard library and each other, compile alone, and survive <windows.h>'s macros."""

import os
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor

from _tree import files, includes, run

# What <windows.h> and its friends define. Here each stands for something no compiler accepts.
WORDS = """
DELETE ERROR CONST THIS STRICT PASSTHROUGH TRUE FALSE DIFFERENCE RELATIVE ABSOLUTE NO_ERROR IN OUT OPTIONAL near far small
interface hyper cdecl pascal VOID TEXT CALLBACK WINAPI ALTERNATE WINDING TRANSPARENT OPAQUE NO_DATA TRY_AGAIN HOST_NOT_FOUND
NO_RECOVERY IGNORE INFINITE MAX_PATH STATUS_TIMEOUT STATUS_PENDING DOMAIN OVERFLOW UNDERFLOW NEAR FAR SUCCEEDED FAILED
SendMessage GetMessage PostMessage PeekMessage DispatchMessage CreateWindow CreateEvent CreateFile CreateProcess CreateMutex
CreateDirectory DeleteFile CopyFile MoveFile GetObject GetUserName GetComputerName GetCurrentTime GetClassName GetCommandLine
LoadString LoadLibrary DrawText RegisterClass FindText ReplaceText OpenEvent StartService ReportEvent UpdateResource
GetTempPath SetPort GetJob AddJob EncryptFile CopyMemory MoveMemory ZeroMemory s_addr h_addr rad1 grp1 stc1
""".split()
FUNCTIONS = ["min(a, b)", "max(a, b)", "Yield()", "ASSERT(x)", "MAKEWORD(a, b)"]
BREAKS = "?a_windows_macro?"


def compiles(root, text):
    command = [os.environ.get("CXX") or "g++", "-std=c++20", "-fsyntax-only", "-Wall", "-Wextra", "-Wpedantic", "-Werror"]
    done = subprocess.run(command + ["-I", root / "include", "-x", "c++", "-"], input=text, capture_output=True, text=True)
    return "" if done.returncode == 0 else done.stderr


def first_error(message):
    lines = [line for line in message.split("\n") if "error" in line]
    return lines[0] if lines else message[:300]


def check(root):
    headers = list(files(root, ("include",)))
    standard = set()
    for path in headers:
        for line, name, _ in includes(path):
            if re.fullmatch(r"[a-z_0-9]+", name):
                standard.add(name)
            elif not name.startswith("artel/"):
                yield path, line, f"{name} is neither the standard library nor ours"

    def alone(path):
        include = f'#include "{path.relative_to(root / "include").as_posix()}"\n'
        return path, compiles(root, include * 2)

    with ThreadPoolExecutor(2) as pool:
        for path, message in pool.map(alone, headers):
            if message:
                yield path, 1, "does not compile alone: " + first_error(message)

    umbrella = root / "include/artel/artel.hpp"
    if umbrella.is_file():
        text = "".join(f"#include <{name}>\n" for name in sorted(standard))
        text += "".join(f"#undef {re.sub('[(].*', '', w)}\n#define {w} {BREAKS}\n" for w in WORDS + FUNCTIONS)
        message = compiles(root, text + "#include <artel/artel.hpp>\n")
        if message:
            yield umbrella, 1, "breaks on a macro of <windows.h>: " + first_error(message)


run(
    "public_headers",
    check,
    [
        ("include/artel/a.hpp", "#pragma once\n#include <uv.h>\n", True),
        ("include/artel/a.hpp", "#pragma once\ninline std::string f();\n", True),
        ("include/artel/a.hpp", "int twice = 0;\n", True),
        ("include/artel/artel.hpp", "#pragma once\nenum class Method { DELETE };\n", True),
        ("include/artel/artel.hpp", "#pragma once\n#include <algorithm>\ninline int f() { return std::max(1, 2); }\n", True),
        ("include/artel/artel.hpp", "#pragma once\n#include <algorithm>\ninline int f() { return (std::max)(1, 2); }\n", False),
        ("include/artel/a.hpp", "#pragma once\n#include <string>\nnamespace a {\nstd::string f();\n}\n", False),
    ],
)
