"""What an operator waits for: a start, a status, a worker that comes back; and how evenly workers share connections."""

import json
import os
import signal
import socket
import subprocess
import tempfile
import time

from .machine import BIN
from .stats import median

TIMES = 20


class Service:
    """A program in the background, in a folder of its own."""

    def __init__(self, count, program="http_hello"):
        self.program = program
        self.folder = tempfile.TemporaryDirectory(prefix="artel-bench-")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.start = ["start", "-d", "--count", str(count), "--listen", f"http://127.0.0.1:{self.port}"]

    def run(self, *words):
        done = subprocess.run([BIN / self.program, *words], cwd=self.folder.name, capture_output=True, text=True, timeout=60)
        if done.returncode != 0:
            raise SystemExit(f"{self.program} {' '.join(words)}: {done.stdout}{done.stderr}")
        return done.stdout

    def processes(self):
        return json.loads(self.run("status", "--json"))["workers"][0]["processes"]

    def __enter__(self):
        self.run(*self.start)
        return self

    def __exit__(self, *_):
        self.run("stop")
        self.folder.cleanup()


def milliseconds(action):
    begin = time.perf_counter()
    action()
    return (time.perf_counter() - begin) * 1000


def starts():
    taken = []
    for _ in range(TIMES):
        service = Service(4)
        taken.append(milliseconds(lambda service=service: service.run(*service.start)))
        service.__exit__()
    return taken


def statuses():
    with Service(8) as service:
        blocked = service.processes()[0]["pid"]
        os.kill(blocked, signal.SIGSTOP)
        taken = [milliseconds(lambda: service.run("status")) for _ in range(TIMES)]
        os.kill(blocked, signal.SIGCONT)
    return taken


def returns():
    """From the kill until status shows another one that serves."""
    taken = []
    for _ in range(TIMES):
        with Service(4) as service:
            killed = service.processes()[0]["pid"]

            def back(service=service, killed=killed):
                os.kill(killed, signal.SIGKILL)
                while True:
                    now = [p for p in service.processes() if p["state"] not in ("starting", "stopping")]
                    if len(now) == 4 and killed not in [p["pid"] for p in now]:
                        return

            taken.append(milliseconds(back))
    return taken


def spread(program):
    """200 connections, 1 ms apart, over 4 workers: the least and the most that one got."""
    with Service(4, program) as service:
        clients = []
        for _ in range(200):
            client = socket.create_connection(("127.0.0.1", service.port))
            clients.append(client)
            time.sleep(0.001)
        # Counted when accepted, which the last one may not be yet.
        deadline = time.monotonic() + 5
        shares = []
        while sum(shares) != 200 and time.monotonic() < deadline:
            shares = [p["connections"] for p in service.processes()]
        for client in clients:
            client.close()
    return min(shares), max(shares)


def measure(_contenders, _settings):
    return {
        "start": median(starts()),
        "status": median(statuses()),
        "return": median(returns()),
        "spread": [spread("http_hello") for _ in range(TIMES)],
        "spread_sockets": [spread("bench/http_reuse_port") for _ in range(TIMES)],
    }, None
