#!/usr/bin/env python3
"""Measures artel against the floor, nginx and other servers. ./dev bench builds what is needed and runs this.

Every server runs alone on one core with one worker, the load generator on another. The servers of a load take turns in
short windows (A B C, A B C, ...). What counts is the server's CPU time per message, and its ratio to another server's in
the same round: the speed of a machine drifts, a ratio within a second does not."""

import argparse
import json
import shlex
import sys
import time

from harness import accepts, instructions, latency, memory, report, rounds, servers, service, slow_reader, syscalls
from harness.machine import RESULTS, describe
from harness.workloads import ALL, BY_KEY

PARTS = {
    "instructions": instructions.measure,
    "syscalls": syscalls.measure,
    "latency": latency.measure,
    "memory": memory.measure,
    "accepts": accepts.measure,
    "slow": slow_reader.measure,
    "service": service.measure,
    "tls": memory.measure_tls,
    "crowd": memory.measure_crowd,
}
USUAL = [part for part in PARTS if part != "crowd"]

HELP_AFTER = f"""
loads: {' '.join(BY_KEY)}
parts: load (all of these) {' '.join(PARTS)}; tls is also all loads with TLS

peers: --peer NAME=COMMAND           an HTTP server; or, with {{kind}} in the command, one of every kind
       --peer NAME@VERSION=COMMAND   the same; the version is for the page
       --peer NAME:KIND=COMMAND      kind: {', '.join(servers.KINDS)}, or the name of a load
       {{port}} is the port it must listen on at 127.0.0.1, with one worker. A broadcast server sends every WebSocket
       message to all; the others send back what they get, and the answer to an HTTP request is always the same body.
       https: {{folder}}/certificate.pem and key.pem are what it must show.

Results are kept in build/bench/results.json, quick ones in quick.json: a part that is measured again replaces the older
one. A full run writes the tables of docs/performance.md.
"""


def parse(words):
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__, epilog=HELP_AFTER,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--quick", action="store_true", help="3 rounds, 1,000 idle connections, short rests: for development")
    parser.add_argument("--only", metavar="NAME,...", default="", help="these loads and parts (default: all but crowd)")
    parser.add_argument("--peer", action="append", default=[], metavar="NAME=COMMAND", help="another server, see below")
    parser.add_argument("--without", metavar="NAME,...", default="", help="leave out: floor, nginx")
    parser.add_argument("--rounds", type=int, help="of each load (15)")
    parser.add_argument("--seconds", type=float, default=0.7, help="of a window (0.7)")
    parser.add_argument("--warmup", type=float, default=0.3, help="before each window (0.3)")
    parser.add_argument("--server-core", type=int, default=0, metavar="N", help="(0)")
    parser.add_argument("--load-core", type=int, default=1, metavar="N", help="(1)")
    parser.add_argument("--write", action="store_true", help="write docs/performance.md even after a partial run")
    parser.add_argument("--no-write", action="store_true", help="do not write it after a full run")
    parser.add_argument("--report", action="store_true", help="measure nothing: write the page from the kept results")
    settings = parser.parse_args(words)
    settings.rounds = settings.rounds or (3 if settings.quick else 15)
    settings.idle_connections = 1000 if settings.quick else 10_000
    settings.crowd_connections = 6000 if settings.quick else 100_000
    settings.rest = 2.0 if settings.quick else 10.0
    settings.pairs = 1 if settings.quick else 3  # windows without and with the peer that reads nothing
    wanted = [name for name in settings.only.split(",") if name]
    unknown = set(wanted) - set(BY_KEY) - set(PARTS) - {"load"}
    if unknown:
        parser.error(f"--only: unknown {', '.join(sorted(unknown))}")
    settings.loads = [w for w in ALL if not wanted or "load" in wanted or w.key in wanted or ("tls" in wanted and w.kind.startswith("https"))]
    settings.parts = [part for part in PARTS if part in (wanted or USUAL)]
    settings.full = not wanted and not settings.quick
    return settings


def contenders(settings):
    found = [servers.artel(), servers.floor(), servers.nginx(), *servers.peers(settings.peer)]
    without = settings.without.split(",")
    if found[2] is None and "nginx" not in without:
        print("nginx is not installed and left out (apt-get install nginx-light)")
    return [c for c in found if c and c.name not in without]


def repeat_command(settings):
    """Without the commands of peers: they are of one machine."""
    words = ["./dev bench"]
    words += ["--quick"] if settings.quick else []
    words += ["--peer " + shlex.quote(f"{peer.partition('=')[0]}=COMMAND") for peer in settings.peer]
    return " ".join(words)


def kept_in(settings):
    """Quick results never mix with those to keep."""
    return RESULTS / ("quick.json" if settings.quick else "results.json")


def load_results(file):
    try:
        return json.loads(file.read_text())
    except (OSError, ValueError):
        return {}


def keep(results, file):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(results, indent=1))


def main():
    settings = parse(sys.argv[1:])
    file = kept_in(settings)
    results = load_results(file)
    if settings.report:
        if "machine" not in results:
            raise SystemExit(f"{file.name}: nothing was measured yet")
        report.write(results)
        return
    begin = time.monotonic()
    taking_part = contenders(settings)
    machine = describe() | {c.name: c.version for c in taking_part if c.version}
    # Of a part that is measured again the page says when: what else it shows is of the run that measured it.
    if settings.full or "machine" not in results:
        results["machine"], results["command"] = machine, repeat_command(settings)
    measured = results.setdefault("measured", {})
    for name, text in machine.items():
        print(f"{name:12}{text}"[:79])

    if settings.loads:
        print("\n== CPU time per message; artel / others (median [95 % interval])")
    for workload in settings.loads:
        result = rounds.measure(workload, taking_part, settings)
        results.setdefault("load", {})[workload.key] = result
        measured[workload.key] = report.occasion(machine)
        report.show_load(result)
        sys.stdout.flush()
        keep(results, file)
    for part in settings.parts:
        title, show = report.SHOW[part]
        print(f"\n== {title}", flush=True)
        result, refusal = PARTS[part](taking_part, settings)
        if result is None:
            print(f"left out: {refusal}")
            continue
        results[part] = result
        measured[part] = report.occasion(machine)
        show(result)
        sys.stdout.flush()
        keep(results, file)

    print(f"\n{time.monotonic() - begin:.0f} s; kept in build/bench/{file.name}")
    if (settings.full or settings.write) and not settings.no_write:
        report.write(results)
        print("written: docs/performance.md")


if __name__ == "__main__":
    main()
