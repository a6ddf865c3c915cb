#!/usr/bin/env python3
"""_clang_windows.py PREFIX: a second compiler reads what is Windows' own, and the public headers, as standard C++ without
extensions. Run by the Windows build's tests; mingw-w64's headers and library, clang's rules."""

import concurrent.futures
import pathlib
import shutil
import subprocess
import sys

root = pathlib.Path(__file__).resolve().parents[2]
library = sorted(pathlib.Path("/usr/lib/gcc/x86_64-w64-mingw32").glob("*-posix/include/c++"))
if shutil.which("clang++") is None or not library:
    print("Skipped: no clang++, or no mingw-w64 library with posix threads")
    sys.exit(77)
flags = ["--target=x86_64-w64-mingw32", "-nostdinc++", "-isystem", str(library[-1]), "-isystem", f"{library[-1]}/x86_64-w64-mingw32",
         "-isystem", sys.argv[1] + "/include", "-std=c++20", "-fsyntax-only", "-pedantic-errors", "-Wall", "-Wextra", "-Werror",
         "-D_WIN32_WINNT=0x0A00", "-DWIN32_LEAN_AND_MEAN", "-DNOMINMAX", "-Iinclude", "-I."]  # fmt: skip


def read(path):
    words = ["clang++", *flags, *(["-xc++", "-Wno-pragma-once-outside-header"] if path.suffix == ".hpp" else []), str(path)]
    return subprocess.run(words, cwd=root, capture_output=True, text=True)


paths = [*sorted((root / "platform/win32").glob("*.cpp")), root / "include/artel/artel.hpp"]
with concurrent.futures.ThreadPoolExecutor(2) as pool:
    failed = [run.stderr for run in pool.map(read, paths) if run.returncode != 0]
print("\n".join(failed) or f"{len(paths)} files")
sys.exit(1 if failed else 0)
