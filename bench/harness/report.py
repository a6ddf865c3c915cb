"""The results, for a terminal of 80 columns and for docs/performance.md. Both from the same dictionary, so that a
report can be made again later. A part that was not measured is left out."""

import textwrap

from .machine import ROOT
from .workloads import BY_KEY

STORM = "tls-rsa"
PAGE = ROOT / "docs/performance.md"
BEGIN, END = "<!-- bench -->", "<!-- /bench -->"


def micro(value):
    return f"{value:.2f} us" if value < 10 else f"{value:,.0f} us"


def size(value):
    return f"{value:,.0f} B" if abs(value) < 2**20 else f"{value / 2**20:.1f} MiB"


def whole(value):
    return "-" if value is None else f"{value:,.0f}"


def ratio(r):
    return f"{r['median']:.2f} [{r['low']:.2f}, {r['high']:.2f}]"


def slowest(result):
    """Of a storm of handshakes."""
    return ", ".join(f"{name} {server['p99_us'] / 1000:.1f}" for name, server in result["servers"].items())


# ---- the terminal ----------------------------------------------------------------------------------------------------


def show_load(result):
    ours = result["servers"]["artel"]
    print(f"{result['title']:44}{micro(ours['cpu_us']):>10}/{result['unit']:<10}{ours['per_second']:>12,.0f}/s")
    for name, values in result["ratios"].items():
        theirs = result["servers"][name]
        print(f"    / {name:20} {ratio(values):22}{micro(theirs['cpu_us']):>13}{theirs['per_second']:>13,.0f}/s")
    if result["title"] == BY_KEY[STORM].title:
        print(f"    p99 in ms: {slowest(result)}")
    notes = [f"{result['rounds']} rounds"]
    if result["dropped"]:
        notes.append(f"{result['dropped']} disturbed windows")
    if result["disturbed"]:
        notes.append("MACHINE NOT QUIET: all counted")
    notes += [f"{name} lost {s['lost']} connections" for name, s in result["servers"].items() if s["lost"]]
    print(f"    ({', '.join(notes)})")


def show_row(title, cells):
    """As many cells to a line as fit."""
    line = f"{title:40}"
    for cell in cells:
        if len(line) + len(cell) > 78 and line.strip():
            print(line)
            line = " " * 40
        line += "  " + cell
    print(line)


def show_counts(table, digits):
    for title, counts in table.items():
        show_row(title, [f"{name} {value:,.{digits}f}" for name, value in counts.items()])


def show_memory(result):
    print(f"{result['connections']:,} connections; bytes each after one request |\n"
          f"after one message of 256 KiB and {result['rest']:.0f} s of rest")  # fmt: skip
    for title, values in result["kinds"].items():
        show_row(title, [f"{name} {whole(v['small'])} | {whole(v['big'])}" for name, v in values.items()])


def show_crowd(result):
    title = f"{result['connections']:,} in {result['processes']} processes, bytes each"
    show_row(title, [f"{kind} {value:,.0f}" for kind, value in result["kinds"].items()])
    listed = result.get("listed")
    if listed:
        print(f"{listed['rows']:,} listed in {listed['seconds']:.1f} s")


def show_tls(result):
    show_row(f"{result['connections']:,} connections, bytes each", [f"{name} {whole(value)}" for name, value in result["values"].items()])


def show_latency(result):
    for name, v in result["servers"].items():
        late = "" if v["per_second"] > 0.99 * result["rate"] else f"; ONLY {v['per_second']:,.0f}/s"
        print(f"{name:16} p50 {v['p50_us']:,.0f} us, p99 {v['p99_us']:,.0f} us, p99.9 {v['p999_us']:,.0f} us, "
              f"CPU {v['server_cpu']:.2f}{late}")  # fmt: skip


def show_accepts(result):
    for name, values in result.items():
        print(f"{name:20}{values['per_second']:>10,.0f} new connections/s, half of them within {values['p50_us'] / 1000:.1f} ms")


def show_slow(result):
    for title, values in result.items():
        for name, v in values.items():
            print(f"{title:9} {name:12} grew {size(v['grew']):>9}, took {v['sent'] / 2**20:.0f} MiB; "
                  f"p99 {v['p99_before_us'] / 1000:.2f} -> {v['p99_during_us'] / 1000:.2f} ms{times(v)}")  # fmt: skip


def times(v):
    """Of kept results that are older there is no ratio."""
    return f", {v['p99_ratio']:.2f} times" if "p99_ratio" in v else ""


SERVICE = {"start": "start -d of 4 workers, until all are ready", "status": "status of 8 workers, one of them stopped",
           "return": "a killed worker, until another one serves"}  # fmt: skip

# What each of 4 workers gets of 200 connections: between which numbers, and in how many of 20 runs that is the goal.
SPREADS = {"spread": ("one listener", 40, 60, 20), "spread_sockets": ("a socket for each, by hash", 35, 65, 18)}


def show_service(result):
    for key, title in SERVICE.items():
        print(f"{title:45}{result[key]:>8.1f} ms")
    for key, (title, least, most, goal) in SPREADS.items():
        shares = result[key]
        even = sum(a >= least and b <= most for a, b in shares)
        print(f"{title}: {between(shares)} of 200; {least} to {most} in {even} of {len(shares)} (goal: {goal})")


def between(shares):
    return f"{min(least for least, _ in shares)} to {max(most for _, most in shares)}"


SHOW = {
    "instructions": ("User-space instructions per message", lambda r: show_counts(r, 0)),
    "syscalls": ("System calls per message", lambda r: show_counts(r, 2)),
    "latency": ("Latency of HTTP hello at a fixed rate", show_latency),
    "memory": ("Memory per idle connection", show_memory),
    "tls": ("Memory per idle TLS connection", show_tls),
    "crowd": ("Memory per idle connection, many processes", show_crowd),
    "accepts": ("New connections while 1,000 clients take all", show_accepts),
    "slow": ("A peer that reads nothing", show_slow),
    "service": ("What an operator waits for", show_service),
}


# ---- the page --------------------------------------------------------------------------------------------------------


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "| --- |" + " ---: |" * (len(head) - 1)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


def names_of(dictionaries):
    found = {}
    for dictionary in dictionaries:
        found.update(dict.fromkeys(dictionary))
    return list(found)


def load_tables(results):
    names = [name for name in names_of(r["servers"] for r in results) if name != "artel"]

    def cell(result, name):
        return ratio(result["ratios"][name]) if name in result["ratios"] else ""

    def mark(result):
        return " (disturbed)" if result["disturbed"] else ""

    yield "CPU time per message, and artel's divided by that of others in the same round (median [95 % interval]; lower is better)."
    rows = [[r["title"] + mark(r), micro(r["servers"]["artel"]["cpu_us"]), *[cell(r, n) for n in names]] for r in results]
    yield table(["load", "artel", *[f"/ {name}" for name in names]], rows)
    yield "Messages per second of one worker on one core (median). Un-pipelined loads are limited by the generator too."
    rows = []
    for r in results:
        rows.append([r["title"], *[f"{r['servers'][n]['per_second']:,.0f}" if n in r["servers"] else "" for n in ["artel", *names]]])
    yield table(["load", "artel", *names], rows)
    storm = [r for r in results if r["title"] == BY_KEY[STORM].title]
    if storm:
        yield (f"A storm of handshakes, 64 clients with an RSA-2048 certificate: 99 % of the connections have their answer within "
               f"so many milliseconds, from connecting on: {slowest(storm[0])}. The floor serves whoever came first.\n")  # fmt: skip
    rounds = sorted(r["rounds"] for r in results)
    dropped = sum(r["dropped"] for r in results)
    yield f"{rounds[0]} to {rounds[-1]} rounds a load; {dropped} windows were dropped because others used the machine.\n"


def counts_table(result, digits):
    names = names_of(result.values())
    rows = [[title, *[f"{c[n]:,.{digits}f}" if n in c else "" for n in names]] for title, c in result.items()]
    return table(["load", *names], rows)


def memory_table(result):
    names = names_of(result["kinds"].values())

    def cell(values, name):
        return f"{whole(values[name]['small'])} / {whole(values[name]['big'])}" if name in values else ""

    rows = [[title, *[cell(values, n) for n in names]] for title, values in result["kinds"].items()]
    return table(["protocol", *names], rows)


def occasion(machine):
    """Which run it was."""
    return f"{machine['date']}, {machine.get('commit') or 'no commit'}"


def pages(results):
    """The text between the markers, in parts."""
    facts = dict(results["machine"])
    yield table(["", ""], [[name, f"{text}"] for name, text in facts.items()]).replace("---:", "---")
    yield f"To repeat it: `{results['command']}`\n"
    others = {}
    for key, when in results.get("measured", {}).items():
        others.setdefault(when, []).append(f"`{key}`")
    others.pop(occasion(facts), None)
    if others:
        named = [f"{', '.join(keys)} ({when})" for when, keys in others.items()]
        yield f"Measured on another occasion: {'; '.join(named)}.\n"
    if results.get("load"):
        yield "## CPU time and messages\n"
        yield from load_tables([results["load"][key] for key in BY_KEY if key in results["load"]])
    if results.get("instructions"):
        yield "## User-space instructions per message\n"
        yield counts_table(results["instructions"], 0)
    if results.get("syscalls"):
        yield "## System calls per message\n"
        yield counts_table(results["syscalls"], 2)
    if results.get("latency"):
        latency = results["latency"]
        yield "## Latency at a fixed rate\n"
        yield f"HTTP hello, {latency['rate']:,} requests/s over 64 connections, from when each was due. On a virtual machine the tail is the machine's.\n"
        rows = [[n, *[f"{v[p]:,.0f} us" for p in ("p50_us", "p99_us", "p999_us")], f"{v['server_cpu']:.2f}"] for n, v in latency["servers"].items()]
        yield table(["server", "p50", "p99", "p99.9", "CPUs used"], rows)
    if results.get("memory"):
        memory = results["memory"]
        yield "## Memory per idle connection\n"
        yield (f"Bytes of private memory of the whole process tree, with {memory['connections']:,} connections minus without, "
               f"divided: after one request each / after one message of 256 KiB each and {memory['rest']:.0f} s of rest.\n")  # fmt: skip
        yield memory_table(memory)
    if results.get("tls"):
        values = ", ".join(f"{name} {whole(value)}" for name, value in results["tls"]["values"].items())
        yield f"The same for HTTPS, {results['tls']['connections']:,} connections, after one request each: {values}.\n"
    if results.get("crowd"):
        crowd = results["crowd"]
        values = ", ".join(f"{title} {value:,.0f}" for title, value in crowd["kinds"].items())
        yield f"artel with {crowd['connections']:,} connections in {crowd['processes']} processes, after one request: {values}.\n"
        listed = crowd.get("listed")
        if listed:
            yield f"`connections` lists {listed['rows']:,} of them in {listed['seconds']:.1f} s.\n"
    if results.get("accepts"):
        yield "## New connections under full load\n"
        yield "1,000 keep-alive clients take all the server can give; 32 others connect, ask once and leave.\n"
        rows = [[n, f"{v['per_second']:,.0f}", f"{v['p50_us'] / 1000:.1f} ms"] for n, v in results["accepts"].items()]
        yield table(["server", "new connections/s", "median time"], rows)
    if results.get("slow"):
        yield "## A peer that reads nothing\n"
        yield ("It sends up to 256 MiB of messages, 64 MiB/s, and reads no answer; a server that stops reading takes less. "
               "64 others send 5,000 messages/s at fixed times. \"times\" is the median of each pair of windows, so it is "
               "not what the two medians beside it would give.\n")  # fmt: skip
        rows = []
        for title, values in results["slow"].items():
            for name, v in values.items():
                rows.append([f"{title}, {name}", size(v["grew"]), f"{v['sent'] / 2**20:.0f} MiB",
                             f"{v['p99_before_us'] / 1000:.2f} ms", f"{v['p99_during_us'] / 1000:.2f} ms{times(v)}"])  # fmt: skip
        yield table(["", "memory grew", "taken", "p99 of the others without it", "with it"], rows)

    if results.get("service"):
        service = results["service"]
        yield "## What an operator waits for\n"
        yield table(["median of 20", "time"], [[title, f"{service[key]:.1f} ms"] for key, title in SERVICE.items()])
        yield "Connections of each worker, when 200 are opened 1 ms apart, over 4 workers:\n"
        rows = [[title, between(service[key])] for key, (title, *_) in SPREADS.items() if key in service]
        yield table(["", "least and most of 20 runs"], rows)


def wrapped(part):
    return part if part.startswith(("|", "#", "To repeat")) else textwrap.fill(part, 118) + "\n"


def write(results):
    text = PAGE.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    body = "\n".join(wrapped(part) for part in pages(results))
    PAGE.write_text(f"{before}{BEGIN}\n{body}{END}{after}", encoding="utf-8")
