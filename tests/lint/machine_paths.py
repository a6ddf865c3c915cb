#!/usr/bin/env python3
"""No file of the repository names a folder of the machine it was written on, or a package registry's host."""

import os
import re
import shutil
import subprocess

from _tree import run

# Written in pieces, so that this file passes its own rule.
FOLDERS = ["/" + name + "/" for name in ("work", "farm")] + ["/tmp/" + "bash_jobs"]
HOSTS = [
    name + "." + end
    for name, end in (
        ("deb.debian", "org"), ("security.debian", "org"), ("ftp.debian", "org"), ("snapshot.debian", "org"),
        ("archive.ubuntu", "com"), ("security.ubuntu", "com"), ("pypi", "org"), ("files.pythonhosted", "org"),
        ("registry.npmjs", "org"), ("crates", "io"), ("proxy.golang", "org"), ("conan", "io"), ("deb.nodesource", "com"),
    )
]  # fmt: skip
PATTERN = re.compile(
    "(?<![A-Za-z0-9_.])(?:" + "|".join(map(re.escape, FOLDERS)) + ")|(?<![A-Za-z0-9_-])(?:" + "|".join(map(re.escape, HOSTS)) + ")"
)


def names(root):
    if (root / ".git").exists() and shutil.which("git"):
        command = ["git", "-c", f"safe.directory={root}", "ls-files", "-co", "--exclude-standard", "-z"]
        listed = subprocess.run(command, cwd=root, capture_output=True, text=True)
        if listed.returncode == 0:
            return [name for name in listed.stdout.split("\0") if name]
    found = []
    for folder, folders, inside in os.walk(root):
        folders[:] = [f for f in folders if f not in ("build", ".git", ".cache", ".vcpkg", "__pycache__")]
        found += [os.path.relpath(os.path.join(folder, name), root) for name in inside]
    return found


def check(root):
    for name in sorted(names(root)):
        path = root / name
        if not path.is_file() or b"\0" in path.read_bytes()[:8000]:
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").split("\n"), 1):
            match = PATTERN.search(line)
            if match:
                yield path, number, match[0]


run(
    "machine_paths",
    check,
    [
        ("docs/a.md", "see " + FOLDERS[0] + "shared\n", True),
        ("cmake/a.cmake", 'set(x "' + FOLDERS[1] + 'x")\n', True),
        ("dev", "cat " + FOLDERS[2] + ".0/x\n", True),
        ("dev", "deb http://" + HOSTS[0] + "/debian\n", True),
        ("docs/a.md", "network/work/x, https://example.com/\n", False),
    ],
)
