"""CPU time per message, in short windows of one program after the other, so that a drift of the machine hits all alike."""

import contextlib

from . import load
from .servers import Server
from .stats import median, summary

FOREIGN = 0.35  # CPUs that others may use during a window that counts


def measure(workload, contenders, settings):
    """Rounds with a disturbed window are repeated, up to as many again."""
    taking_part = [c for c in contenders if c.command(workload.kind, workload.key)]
    rounds = []
    dropped = 0
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(Server(c, workload.kind, settings.server_core, workload.key)) for c in taking_part]
        while sum(map(clean, rounds)) < settings.rounds and len(rounds) < 2 * settings.rounds:
            windows = {}
            for server in list(servers):
                window = load.able(server, lambda server=server: one(workload, server, settings))
                if window:
                    windows[server.name] = window
                else:
                    servers.remove(server)
            dropped += sum(window["foreign_cpu"] > FOREIGN for window in windows.values())
            rounds.append(windows)
    return evaluate(workload, [server.name for server in servers], rounds, dropped, settings)


def one(workload, server, settings):
    options = workload.options | {"seconds": settings.seconds, "warmup": settings.warmup}
    return load.run(workload.mode, server, settings.load_core, **options)


def clean(windows):
    return all(window["foreign_cpu"] <= FOREIGN for window in windows.values())


def evaluate(workload, names, rounds, dropped, settings):
    kept = [windows for windows in rounds if clean(windows)]
    disturbed = len(kept) < min(3, settings.rounds)
    if disturbed:
        kept = rounds  # better than nothing, and marked
    result = {"title": workload.title, "unit": workload.unit, "rounds": len(kept), "dropped": dropped, "disturbed": disturbed}
    result["servers"] = {
        name: {
            "cpu_us": median([w[name]["cpu_us"] for w in kept]),
            "per_second": median([w[name]["per_second"] for w in kept]),
            "p50_us": median([w[name]["p50_us"] for w in kept]),
            "p99_us": median([w[name]["p99_us"] for w in kept]),
            "lost": sum(w[name]["lost"] for w in kept),
        }
        for name in names
    }
    result["ratios"] = {
        name: summary([w["artel"]["cpu_us"] / w[name]["cpu_us"] for w in kept]) for name in names if name != "artel"
    }
    return result
