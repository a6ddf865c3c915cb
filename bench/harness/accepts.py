"""How many new connections get in while 1,000 keep-alive clients take all the server can give."""

from . import load
from .servers import Server
from .stats import median


def measure(contenders, settings):
    result = {}
    for contender in contenders:
        if not contender.command("http"):
            continue
        probes = []
        with Server(contender, "http", settings.server_core) as server:
            for _ in range(3):
                crowd = load.start("http", server, settings.load_core, connections=1000, seconds=4, warmup=0)
                try:
                    probes.append(load.run("connect", server, settings.load_core, connections=32, warmup=1, seconds=2))
                finally:
                    load.finish(crowd, contender.name)
        result[contender.name] = {
            "per_second": median([probe["per_second"] for probe in probes]),
            "p50_us": median([probe["p50_us"] for probe in probes]),
        }
    return result, None
