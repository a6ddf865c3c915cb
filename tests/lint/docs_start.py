#!/usr/bin/env python3
"""docs/start.md is true: the blocks marked <!-- run --> are typed into a shell word for word, and what the blocks marked
<!-- output --> show must come out."""

import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile

root = pathlib.Path(__file__).resolve().parents[2]
programs = pathlib.Path(os.environ.get("ARTEL_BIN") or root / "build/dev/bin").resolve()
page = (root / "docs/start.md").read_text(encoding="utf-8")
STEP = re.compile(r"<!-- run -->\n```sh\n(.*?)```\n(?:\n<!-- output -->\n```text\n(.*?)```\n)?", re.S)


def skip(reason):
    print("skipped:", reason)
    sys.exit(77)


steps = STEP.findall(page)
if len(steps) != page.count("<!-- run -->") or not steps:
    sys.exit("docs/start.md: a marked block that this script cannot read")
if not (programs / "http_hello").exists():
    skip(f"no programs in {programs}")
if "curl " in page and not shutil.which("curl"):
    skip("curl is not installed")
for port in set(re.findall(r"127\.0\.0\.1:(\d{5})\b", "".join(commands for commands, _ in steps))):
    if int(port) > 65535:
        continue
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", int(port)))
        except OSError:
            skip(f"port {port} of docs/start.md is taken")

bad = 0
with tempfile.TemporaryDirectory() as folder:
    (pathlib.Path(folder) / "build/dev").mkdir(parents=True)
    (pathlib.Path(folder) / "build/dev/bin").symlink_to(programs)
    environment = {key: value for key, value in os.environ.items() if not key.lower().endswith("_proxy")}
    for commands, output in steps:
        done = subprocess.run(["sh", "-c", commands], cwd=folder, env=environment, capture_output=True, text=True, timeout=60)
        said = done.stdout + done.stderr
        missing = [line for line in output.splitlines() if line not in said]
        if missing:
            bad += 1
            print(f"docs/start.md: typed\n{commands}missing {missing} in\n{said}")
print(f"docs/start.md: {len(steps)} blocks run, {bad} wrong")
sys.exit(1 if bad else 0)
