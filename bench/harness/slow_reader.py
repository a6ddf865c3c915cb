"""A peer sends 256 MiB and reads nothing of the answers: what the server's memory and the other clients notice. Without it
and with it by turns: the tail of a virtual machine is its own as often as the server's."""

import statistics

from . import load
from .machine import forget_peak, resident
from .servers import Server

KINDS = {"text": "text", "tcp": "TCP", "websocket": "WebSocket", "http": "HTTP"}
FLOOD = {"flood": 256, "rate": 64, "size": 16384}  # MiB, MiB/s, bytes of a message
OTHERS = {"connections": 64, "rate": 5000, "seconds": 4, "warmup": 0.3}  # an open loop


def measure(contenders, settings):
    result = {}
    for kind, title in KINDS.items():
        values = {}
        for contender in contenders:
            if not contender.command(kind):
                continue
            found = load.able(contender, lambda c=contender: one(c, kind, settings))
            if found:
                values[contender.name] = found
        result[title] = values
    return result, None


def one(contender, kind, settings):
    with Server(contender, kind, settings.server_core) as server:
        turns = [turn(server, kind, settings) for _ in range(settings.pairs)]
    return {"grew": max(t["grew"] for t in turns), "sent": max(t["sent"] for t in turns),
            "p99_before_us": statistics.median(t["before"] for t in turns),
            "p99_during_us": statistics.median(t["during"] for t in turns),
            "p99_ratio": statistics.median(t["during"] / t["before"] for t in turns)}  # fmt: skip


def turn(server, kind, settings):
    quiet = load.run(kind, server, settings.load_core, **OTHERS)
    forget_peak(server.pid)
    before = resident(server.pid)
    with load.Held("flood", server, settings.load_core, protocol=kind, **FLOOD) as flood:
        flooded = load.run(kind, server, settings.load_core, **OTHERS)
        sent = int(flood.wait()[1])
        peak = resident(server.pid, "VmHWM")
    return {"grew": peak - before, "sent": sent, "before": quiet["p99_us"], "during": flooded["p99_us"]}
