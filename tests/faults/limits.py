"""Faults of limits: descriptors, memory, and handlers that do what they must not."""
import contextlib
import time

from service import (Clients, Load, Service, Wire, address_space, alive, at_most, check, cpu, fault, limit, ms,
                     shim, until)


@fault("F7", "no descriptor left (EMFILE, ENFILE) on accept")
def no_descriptors():
    """Accepting pauses without spinning (< 5 % CPU; tested: 20 %), who is there is served, and it goes on by itself."""
    with Service(count=1) as service:
        wire, worker = service.kept()
        limit(worker, "nofile", 40)
        flood = [Wire(service.port) for _ in range(100)]
        for one in flood:
            one.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        service.err.wait("cannot accept")
        used, begin = cpu(worker), time.monotonic()
        while time.monotonic() - begin < 1.5:
            wire.send("GET /pid HTTP/1.1\r\nHost: x\r\n\r\n")
            check(wire.response()[0] == 200, "who is there is served")
            time.sleep(0.02)
        share = at_most((cpu(worker) - used) / 1.5 * 100, 20, "processor time", "%")
        lines = len(service.err.find("cannot accept"))
        check(lines == 1, f"{lines} lines about it")
        for one in flood:
            one.close()
        took = at_most(service.served(), 10, "time until new clients are served")
        wire.close()
        service.stop()
    with Service(count=1, env={"LD_PRELOAD": shim(), "ARTEL_FAULT_ENFILE": "full"}) as service:
        wire, worker = service.kept()
        full = service.folder / "full"
        full.touch()
        waiting = Wire(service.port)
        waiting.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        service.err.wait("cannot accept")
        used = cpu(worker)
        time.sleep(1)
        system = at_most((cpu(worker) - used) * 100, 20, "processor time at ENFILE", "%")
        full.unlink()
        check(waiting.response()[0] == 200, "who waited is served")
        wire.close()
        waiting.close()
        service.stop()
    return f"{share:.0f} % CPU (ENFILE {system:.0f} %), 1 log line, new clients served {ms(took)} after descriptors were free"


@fault("F26", "no memory (RLIMIT_AS)")
def no_memory():
    """A connection or a worker is lost, others are not, the master makes a new one."""
    with Service() as service, Load(service.port) as load:
        victim = service.workers()[0]
        with contextlib.closing(service.kept_at(victim)) as wire:
            limit(victim, "as", address_space(victim) + (128 << 20))
            begin = time.monotonic()
            wire.send("GET /grow HTTP/1.1\r\nHost: x\r\n\r\n")
            until(lambda: victim not in service.workers() and len(service.workers()) == 4, "another worker")
            grown = at_most(time.monotonic() - begin, 10, "time to a new worker")
        check(not load.failed(but=[victim]), f"failed elsewhere: {load.failed(but=[victim])[:5]}")
        reason = service.err.wait(rf"\(pid {victim}\) ended: ([^;]*)").group(1)
        # Memory that peers take: large bodies that are not finished.
        for worker in service.workers():
            limit(worker, "as", address_space(worker) + (24 << 20))
        master = service.master
        uploads, lost = [], 0
        for _ in range(24):
            try:
                wire = Wire(service.port)
                uploads.append(wire)
                wire.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n\r\n")
                wire.send(b"x" * 8_000_000)
            except OSError:
                lost += 1
        service.served()
        service.settled(4, 40)
        for wire in uploads:
            wire.close()
        check(alive(master) and service.process.poll() is None, "the master lives")
        service.served()
        service.stop()
        check(lost > 0 or len(service.err.find("ended:")) > 1, "there was memory enough: nothing was tested")
    return f"worker ended ({reason}), new one after {ms(grown)}, 0 failed elsewhere; {lost} of 24 uploads lost, master lives"


@fault("F33", "timers and handlers that misbehave")
def misbehaviour():
    """An exception in a timer is logged and ends the worker; a blocking one delays its own only; deletions are safe."""
    with Service() as service:
        victim = service.workers()[0]
        wire = service.kept_at(victim)
        wire.send("GET /throw-in-timer HTTP/1.1\r\nHost: x\r\n\r\n")
        begin = time.monotonic()
        service.err.wait(rf"\(pid {victim}\) ended: code 250")
        until(lambda: len(service.workers()) == 4 and victim not in service.workers(), "a new worker")
        took = at_most(time.monotonic() - begin, 10, "time to a new worker")
        check(service.err.find("thrown in a timer on purpose"), "the exception is in the log")
        wire.close()
        blocked = service.workers()[0]
        wire = service.kept_at(blocked)
        with Load(service.port) as load:
            wire.send("GET /block-timer HTTP/1.1\r\nHost: x\r\n\r\n")
            time.sleep(0.8)
            check(not load.failed(), f"failed: {load.failures[:5]}")
            at_most(max([s for p, s in load.slowest.items() if p != blocked], default=0), 0.7, "slowest answer elsewhere")
        wire.close()
        before, count = service.workers(), 0
        for _ in range(20):  # a handler ends its own connection, with requests behind it; then all of its process
            for path in ("/destroy", "/destroy-all"):
                others = [service.kept()[0] for _ in range(4)]
                one = Wire(service.port)
                one.send(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n" * 2)
                check(one.all() == b"", "nothing comes of a destroyed connection")
                count += 1
                for other in [one, *others]:
                    other.close()
        check(service.workers() == before, "the same workers")
        wire, worker = service.kept()
        wire.send("GET /end-worker HTTP/1.1\r\nHost: x\r\n\r\n")
        check(wire.response()[0] == 200, "the last answer of a worker that ends itself")
        wire.close()
        until(lambda: worker not in service.workers() and len(service.workers()) == 4, "a new worker")
        service.stop()
    return f"timer threw: new worker after {ms(took)}; timer blocked: 0 failed elsewhere; {count} destroys and an end of itself: fine"


@fault("F34", "maxRequests reached under load")
def most_requests():
    """Processes are replaced by themselves, and nobody notices."""
    with Service(words=["max-requests=100"]) as service, Clients(service, 7, (2, 4, 20)) as clients:
        seen, first = clients.result(), service.master
        check(not seen["wrong"], f"clients saw: {seen['wrong']}")
        answered = sum(seen[kind]["answered"] for kind in ("short", "kept", "websocket"))

        def ended():  # one that is replaced keeps its WebSockets for gracefulTimeout, 5 s
            count = sum(e["count"] for w in service.status()["workers"] for e in w["exits"])
            return count if count >= 4 else 0
        ends = until(ended, "4 processes are replaced")
        service.settled(4)
        service.stop()
        check(service.master == first, "the same master")
    return f"{ends} processes replaced, 0 of {answered:,} wrong, slowest answer {seen['slowest_ms']} ms"


@fault("F22", "clock set back an hour, forward a day")
def clock_jumps():
    """Timers go by the monotonic clock: no burst, no stall; nobody is thrown out."""
    with Service(count=1, words=["keep-alive=60000"], env={"LD_PRELOAD": shim(), "ARTEL_FAULT_CLOCK": "clock"}) as service:
        wire, worker = service.kept()
        other = Wire(service.port)  # idle all the while

        def ask(path):
            wire.send(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")
            return [int(word) for word in wire.response()[2].split()]
        rates, now = [], time.time()
        for jump in (0, -3600, 86400, -86400, 0):
            (service.folder / "clock.new").write_text(str(jump))
            (service.folder / "clock.new").rename(service.folder / "clock")
            shown = ask("/clock")[0] - time.time()
            check(abs(shown - jump) < 5, f"the clock did not jump by {jump} but {shown}: nothing was tested")
            begin, before = time.monotonic(), ask("/ticks")[0]
            time.sleep(0.8)
            ticks = ask("/ticks")[0] - before
            due = (time.monotonic() - begin) / 0.02
            check(due * 0.2 <= ticks <= due + 3, f"after a jump of {jump} s: {ticks} ticks where {due:.0f} were due")
            rates.append(ticks / due)
        gap = ask("/ticks")[1]
        other.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        check(other.response()[0] == 200, "the idle connection is there")
        check(service.workers() == [worker], "the same worker")
        check(service.status()["uptime_s"] < 3600, "the time it is up in status")
        wire.close()
        other.close()
        service.stop()
    return f"4 jumps: {min(rates) * 100:.0f} to {max(rates) * 100:.0f} % of the ticks that were due, longest gap {gap} ms for 20"
