"""How many new connections get in while 1,000 keep-alive clients take all the server can give."""

from . import load
from .servers import Server
from .stats import median


def measure(contenders, settings):
    result = {}
    for contender in contenders:
        if not contender.command("http"):
            continue
        with Server(contender, "http", settings.server_core) as server:
            probes = load.able(server, lambda server=server: [probe(server, settings) for _ in range(3)])
        if not probes:
            continue
        result[contender.name] = {
            "per_second": median([p["per_second"] for p in probes]),
            "p50_us": median([p["p50_us"] for p in probes]),
        }
    return result, None


def probe(server, settings):
    crowd = load.start("http", server, settings.load_core, connections=1000, seconds=4, warmup=0)
    try:
        return load.run("connect", server, settings.load_core, connections=32, warmup=1, seconds=2)
    finally:
        load.finish(crowd, server.name)
