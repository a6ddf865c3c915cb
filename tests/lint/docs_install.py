#!/usr/bin/env python3
"""docs/install.md names every package, and a missing one is named by the configuration in one line, as it says."""

import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

root = pathlib.Path(__file__).resolve().parents[2]
page = (root / "docs/install.md").read_text(encoding="utf-8")
dev = (root / "dev").read_text(encoding="utf-8")
bad = []

packages = re.search(r'^build_packages="([^"]*)"', dev, re.M)[1].split()
packages += re.search(r'^test_packages="\$build_packages ([^"]*)"', dev, re.M)[1].split()
line = re.search(r"^apt-get install ((?:.*\\\n)*.*)$", page, re.M)[1].replace("\\\n", " ").split()
if sorted(line) != sorted(packages):
    bad.append(f"the apt-get line differs from dev in {sorted(set(line) ^ set(packages))}")
manifest = json.loads((root / "vcpkg.json").read_text(encoding="utf-8"))
for name in manifest["dependencies"] + manifest["features"]["tests"]["dependencies"]:
    if f"`{name}`" not in page:
        bad.append(f"the vcpkg package {name} is not named")

shown = re.search(r"```text\nartel cannot be built yet:\n(.*?)```", page, re.S)[1].strip()
if shutil.which("cmake"):
    with tempfile.TemporaryDirectory() as build:
        done = subprocess.run(
            ["cmake", "-S", root, "-B", build, "-DCMAKE_DISABLE_FIND_PACKAGE_spdlog=ON", "-DARTEL_TESTS=OFF"],
            capture_output=True, text=True, timeout=100,
        )  # fmt: skip
        if done.returncode == 0 or shown not in done.stdout + done.stderr:
            bad.append(f"without spdlog the configuration does not say: {shown}")
else:
    bad.append("cmake was not found")

for text in bad:
    print("docs/install.md:", text)
sys.exit(1 if bad else 0)
