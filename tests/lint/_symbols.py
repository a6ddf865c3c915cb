#!/usr/bin/env python3
"""_symbols.py LINUX_LIBRARY WINDOWS_LIBRARY: both define the same public functions. Run by the Windows build's tests.

Public is what a header in include/artel names. Only functions that are no inline ones: whether those become symbols is
the compiler's choice. 64-bit integers have two names."""

import pathlib
import re
import subprocess
import sys

from _tree import only_code, read

# Symbol -> why only one of the two systems has it. Empty is the aim.
EXCEPTIONS = {}


def functions(nm, library, words):
    # In sysv's form, with sections: an inline function of a Windows object has one of its own, .text$name.
    text = subprocess.run([nm, "-C", "--defined-only", "-f", "sysv", library], check=True, capture_output=True, text=True).stdout
    found = set()
    for line in text.split("\n"):
        cells = [cell.strip() for cell in line.rsplit("|", 6)]
        if len(cells) < 7 or cells[2] != "T" or "$" in cells[6] or not cells[0].startswith("artel::"):
            continue
        match = re.match(r"(artel::.*)$", cells[0])
        if "(anonymous namespace)" in match[1] or re.match(r"artel::(platform|net|run)::", match[1]):
            continue
        name = re.sub(r"\bunsigned long long\b", "unsigned long", match[1])
        name = re.sub(r"\blong long\b", "long", name)
        name = re.sub(r"\b(\d+u?)ll\b", r"\1l", name)
        name = re.sub(r" \[clone .*\]$|\.cold$", "", name)
        qualified = re.match(r"[\w:~]+", name)[0].split("::")
        if all(part.lstrip("~") in words for part in qualified):
            found.add(name)
    return found


def main():
    root = pathlib.Path(__file__).resolve().parents[2]
    linux, windows = sys.argv[1:3]
    if not pathlib.Path(linux).is_file():
        print(f"Skipped: there is no {linux} to compare with; ./dev windows makes it")
        return 77
    words = set()
    for header in (root / "include/artel").glob("*.hpp"):
        words |= set(re.findall(r"\w+", only_code(read(header))))
    ours = functions("nm", linux, words)
    theirs = functions("x86_64-w64-mingw32-nm", windows, words)
    only = {"Linux": ours - theirs, "Windows": theirs - ours}
    bad = 0
    for system, names in only.items():
        for name in sorted(names - set(EXCEPTIONS)):
            print(f"only on {system}: {name}")
            bad += 1
    for name in sorted(set(EXCEPTIONS) - only["Linux"] - only["Windows"]):
        print(f"no exception any more: {name}")
        bad += 1
    print(f"{len(ours & theirs)} public functions on both, {bad} differences")
    if len(ours & theirs) < 100 or "artel::Worker::runAll(int, char**)" not in ours & theirs:
        print("so few: this script reads the libraries wrongly")
        return 1
    return 1 if bad else 0


sys.exit(main())
