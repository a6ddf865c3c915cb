"""Latency at a fixed rate of requests, from when each was due (open loop), the servers in turns."""

import contextlib

from . import load
from .servers import Server
from .stats import median

RATE = 50_000  # HTTP requests a second, over 64 connections


def measure(contenders, settings):
    windows = {}
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(Server(c, "http", settings.server_core)) for c in contenders if c.command("http")]
        for _ in range(settings.rounds):
            for server in servers:
                options = {"rate": RATE, "seconds": settings.seconds, "warmup": settings.warmup}
                window = load.able(server, lambda s=server, o=options: load.run("http", s, settings.load_core, **o))
                windows.setdefault(server.name, []).extend([window] if window else [])
    names = ("p50_us", "p99_us", "p999_us", "server_cpu", "per_second")
    return {"rate": RATE, "servers": {s: {n: median([w[n] for w in ws]) for n in names} for s, ws in windows.items() if ws}}, None
