"""User-space instructions per message, counted by callgrind: two runs of different length, the difference divided.

The count depends on the build alone, not on the machine's load."""

import pathlib
import re
import shutil
import tempfile

from . import load
from .servers import Server
from .workloads import BY_KEY

MEASURED = ("http", "http-p16", "text", "text-p16", "ws", "ws-p16")
SHORT, LONG = 4096, 16384  # multiples of 64 connections times 16


def total(contender, workload, settings, requests):
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder).chmod(0o777)  # workers that become another user write there, too
        prefix = ["valgrind", "-q", "--tool=callgrind", f"--callgrind-out-file={folder}/out.%p"]
        with Server(contender, workload.kind, settings.server_core, workload.key, prefix) as server:
            load.run(workload.mode, server, settings.load_core, requests=requests, **workload.options)
        files = list(pathlib.Path(folder).glob("out.*"))
        return sum(int(n) for file in files for n in re.findall(r"^totals: (\d+)", file.read_text(), re.M))


def measure(contenders, settings):
    if not shutil.which("valgrind"):
        return None, "valgrind is not installed"
    result = {}
    for key in MEASURED:
        workload = BY_KEY[key]
        counts = {}
        for contender in contenders:
            if contender.command(workload.kind, key):
                runs = load.able(contender, lambda c=contender: [total(c, workload, settings, n) for n in (SHORT, LONG)])
                if runs:
                    counts[contender.name] = (runs[1] - runs[0]) / (LONG - SHORT)
        result[workload.title] = counts
    return result, None
