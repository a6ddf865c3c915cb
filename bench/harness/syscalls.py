"""System calls per message, counted by strace: two runs of different length, the difference divided."""

import re
import shutil
import signal
import subprocess
import tempfile

from . import load
from .machine import tree
from .servers import Server
from .workloads import BY_KEY

MEASURED = ("http", "http-p16", "text", "ws", "connect")
SHORT, LONG = 1024, 8192


def total(server, workload, settings, requests):
    with tempfile.NamedTemporaryFile("r") as table:
        pids = [word for pid in tree(server.pid) for word in ("-p", str(pid))]
        tracer = subprocess.Popen(["strace", "-c", "-f", "-o", table.name, *pids], stderr=subprocess.PIPE, text=True)
        for _ in range(len(pids) // 2):
            line = tracer.stderr.readline()
            if "attached" not in line:
                tracer.wait()
                raise PermissionError(line.strip() or "strace ended")
        load.run(workload.mode, server, settings.load_core, requests=requests, **workload.options)
        tracer.send_signal(signal.SIGINT)
        tracer.communicate()
        said = table.read()
        row = re.search(r"^.* total$", said, re.M)
        if not row:
            raise PermissionError(f"strace counted nothing: {said}")
        return int(row[0].split()[3])  # percent, seconds, microseconds per call, calls


def measure(contenders, settings):
    if not shutil.which("strace"):
        return None, "strace is not installed"
    result = {}
    try:
        for key in MEASURED:
            workload = BY_KEY[key]
            counts = {}
            for contender in contenders:
                if contender.command(workload.kind, key):
                    with Server(contender, workload.kind, settings.server_core, key) as server:
                        runs = load.able(server, lambda server=server: [total(server, workload, settings, n) for n in (SHORT, LONG)])
                    if runs:
                        counts[contender.name] = (runs[1] - runs[0]) / (LONG - SHORT)
            result[workload.title] = counts
    except PermissionError as refused:
        return None, str(refused)
    return result, None
