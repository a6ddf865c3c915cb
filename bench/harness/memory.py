"""Memory per idle connection: private dirty bytes of the whole process tree with many connections, minus without."""

import contextlib
import json
import subprocess
import time

from . import load
from .machine import private_dirty
from .servers import Server

KINDS = {"tcp": "TCP", "http": "HTTP", "websocket": "WebSocket"}
BIG = 256 * 1024


TLS = {"protocol": "http", "tls": "full"}


def per_connection(contender, kind, settings, connections, processes=1, look=None, **options):
    """After one request each; with big=N also after a message of N bytes each and a rest. `look`: at the server then."""
    more = ["--count", str(processes)] if processes > 1 else []
    with Server(contender, kind, settings.server_core, more=more) as server, contextlib.ExitStack() as stack:
        before = private_dirty(server.pid)
        share = -(-connections // processes)
        holders = [
            load.Held("hold", server, settings.load_core, connections=share, sources=max(2, 2 * processes), **({"protocol": kind} | options))
            for _ in range(processes)
        ]
        for holder in holders:
            stack.enter_context(holder)
        for holder in holders:
            holder.wait()
        if "big" in options:
            time.sleep(settings.rest)  # it is a rest that is measured
        each = (private_dirty(server.pid) - before) / (share * processes)
        if look:
            look(server)
        return each


def measure(contenders, settings):
    result = {}
    for kind, title in KINDS.items():
        values = {}
        for contender in contenders:
            if contender.command(kind):
                count = settings.idle_connections
                small = load.able(contender, lambda c=contender: per_connection(c, kind, settings, count))
                big = load.able(contender, lambda c=contender: per_connection(c, kind, settings, count, big=BIG))
                values[contender.name] = {"small": small, "big": big}
        result[title] = values
    return {"connections": settings.idle_connections, "rest": settings.rest, "kinds": result}, None


def measure_tls(contenders, settings):
    count = settings.idle_connections
    values = {}
    for contender in contenders:
        if contender.command("https"):
            values[contender.name] = load.able(contender, lambda c=contender: per_connection(c, "https", settings, count, **TLS))
    return {"connections": count, "values": values}, None


def asked(server, *words):
    """What a command of that running service prints, as JSON."""
    words = [server.program, *words, "--json", "--pid-file", f"{server.folder.name}/artel.pid"]
    return json.loads(subprocess.run(words, capture_output=True, text=True, check=True).stdout)


def measure_crowd(contenders, settings):
    """100,000 connections, artel in six processes; and all of them listed."""
    ours = [c for c in contenders if c.name == "artel"][0]
    count = settings.crowd_connections
    listed = {}

    def list_all(server):
        begin = time.perf_counter()
        rows = len(asked(server, "connections")["connections"])
        listed.update(rows=rows, seconds=time.perf_counter() - begin)

    values = {title: per_connection(ours, kind, settings, count, processes=6, look=list_all if kind == "http" else None)
              for kind, title in KINDS.items()}  # fmt: skip
    return {"connections": count, "processes": 6, "kinds": values, "listed": listed}, None
