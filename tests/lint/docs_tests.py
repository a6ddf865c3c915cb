#!/usr/bin/env python3
"""Where a document's table has a column "Test", each row names a test that runs; limits.md has the limits that must be
there, and from-workerman.md every command, signal, file and message of Workerman. Names of tests as in rows.py; a row whose other cells are empty is a heading."""

import re

import rows
from _tree import read, run

# What every service is asked about: each is the beginning of a row of docs/limits.md, without its quotes and Worker.
LIMITS = (
    "http.requestLine", "http.headerBlock", "http.headerCount", "http.chunkExtensions", "http.trailerBlock",
    "connection.maxPackageSize", "An unfinished message", "connection.maxSendBufferSize", "Accept rate", "maxConnections",
    "headerTimeout", "bodyTimeout", "sendTimeout", "minRate", "keepAliveTimeout", "idleTimeout", "lingerTimeout",
)  # fmt: skip

# Every command, flag, signal, file and message of Workerman: each is in the first column of docs/from-workerman.md.
WORKERMAN = (
    "`start`", "`start -d`", "`start -q`", "`stop`", "`stop -g`", "`restart`", "`restart -d`", "`restart -g`", "`reload`",
    "`reload -g`", "`status`", "`status -d`", "`connections`", "no command", "INT, TERM, TSTP", "HUP", "QUIT", "USR1, USR2",
    "IOT, IO", "PIPE", "ALRM", "to a worker", "pid file", "lock file", "log file", "log line", "logFileMaxSize",
    "status and connections files", "stdoutFile", "Unix socket", "already running", "not run", "not alive", "stop success",
    "stop fail", "already in use", "Cannot assign", "Permission denied", "not exist", "Invalid protocol", "Bad worker",
    "can not save pid", "Start success", "to stop", "received signal", "missing extension", "umask", "titles",
    "DEBUG mode", "is stopping", "reloading", "exit with status", "250", "255", "`exit(n)`", "status 11", "CHLD",
)  # fmt: skip


def tables(text):
    """(line number, cells of the head, cells) of each row of each table."""
    head = None
    for number, line in enumerate(text.split("\n"), 1):
        if not line.startswith("|"):
            head = None
            continue
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if head is None:
            head = cells
        elif not re.fullmatch(r"[|\s:-]+", line):
            yield number, head, cells


def check(root):
    google = rows.google_tests(root)
    seen, listed = [], []
    for page in sorted((root / "docs").glob("*.md")):
        for number, head, cells in tables(read(page)):
            if page.name == "limits.md":
                seen.append(re.sub(r"^worker\.", "", cells[0].replace("`", "")))
            if page.name == "from-workerman.md" and head[-1] == "Test":
                listed.append(cells[0])
            if head[-1] != "Test" or not any(cells[1:]):
                continue
            if len(cells) != len(head):
                yield page, number, f"{len(head)} cells, please: {cells[0]}"
            if "`" not in cells[-1]:
                yield page, number, f"no test is named: {cells[0]}"
            for what in rows.problems(root, google, cells[-1]):
                yield page, number, what
        if page.name == "limits.md":
            for limit in LIMITS:
                if not any(name.startswith(limit) for name in seen):
                    yield page, 1, f"the limit {limit} is missing"
        if page.name == "from-workerman.md":
            for one in WORKERMAN:
                if not any(one in cell for cell in listed):
                    yield page, 1, f"what Workerman has is not listed: {one}"


HEAD = "| Name | Test |\n| --- | --- |\n"

run(
    "docs_tests",
    check,
    [
        ("docs/a.md", HEAD + "| x | |\n| a | b |\n", True),
        ("docs/a.md", HEAD + "| x | `A.B` |\n", True),
        ("docs/a.md", HEAD + "| x | `lint.docs_tests` |\n", True),
        ("docs/a.md", HEAD + "| x | y | `A.B` |\n", True),
        ("docs/a.md", HEAD + "| **Heading** | |\n", False),
        ("docs/a.md", "| Name | State |\n| --- | --- |\n| x | y |\n", False),
        ("docs/a.md", "no table\n", False),
        ("docs/limits.md", "| Name | Test |\n| --- | --- |\n| **x** | |\n", True),
        ("docs/limits.md", "nothing\n", True),
        ("docs/from-workerman.md", "nothing\n", True),
    ],
)
