"""Faults of processes: they die, hang, and cannot be made."""
import collections
import contextlib
import os
import re
import signal
import threading
import time

from service import (Load, Service, at_most, check, cpu, fault, free_port, limit, ms, refused,
                     stranger, until)

respawn = 5.0  # the goal is 0.1 s; this process has other faults to watch meanwhile, and a busy machine more


def replaced(service, before, seconds=None):
    """Waits until somebody new is there in place of who died; who it is."""
    return until(lambda: [p for p in service.workers() if p not in before], "a new worker", seconds)[0]


def back(service, victim, end):
    """Ends a worker under load: time until a new one is there, and the load."""
    before = service.workers()
    begin = time.monotonic()
    end(victim)
    replaced(service, before)
    took = time.monotonic() - begin
    service.settled(len(before))
    service.served()
    return at_most(took, respawn, "time to respawn")


@fault("F1", "worker killed under load")
def killed():
    """A new worker within 0.1 s (tested: 5 s), no failed request on the others, the reason in the log."""
    with Service() as service, Load(service.port) as load:
        victim = next(iter(load.pids()))
        took = back(service, victim, lambda pid: os.kill(pid, signal.SIGKILL))
        time.sleep(0.3)
        check(not load.failed(but=[victim]), f"failed elsewhere: {load.failed(but=[victim])[:5]}")
        service.err.wait(rf"\(pid {victim}\) ended: signal KILL")
        service.stop()
        return f"back after {ms(took)}, 0 of {load.answered:,} requests failed elsewhere"


@fault("F2", "SEGV, abort, exit(3), exception in a worker")
def ends():
    """As F1, for four kinds of end; each with its reason in `status`."""
    kinds = {"/segv": "signal SEGV", "/abort": "signal ABRT", "/exit": "code 3", "/throw": "code 250"}
    with Service() as service, Load(service.port) as load:
        victims, slowest = service.workers(), 0.0
        for victim, (path, reason) in zip(victims, kinds.items()):
            with contextlib.closing(service.kept_at(victim)) as wire:
                slowest = max(slowest, back(service, victim, lambda _: wire.send(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")))
            service.err.wait(rf"\(pid {victim}\) ended: {reason}")
        time.sleep(0.2)
        check(not load.failed(but=victims), f"failed elsewhere: {load.failed(but=victims)[:5]}")
        said = service.command("status")[1]
        for reason in kinds.values():
            check(f"1x {reason}" in said, f"no 1x {reason} in status: {said}")
        service.stop()
        return f"back after {ms(slowest)} at most, 0 of {load.answered:,} failed elsewhere, all four in status"


@fault("F3", "crash loop, then repaired")
def crash_loop():
    """Starts are spaced out, the master sleeps (< 1 %; tested: 10 %), the log is short, and it recovers by itself."""
    with Service(words=["fail-from=broken"]) as service, Load(service.port) as load:
        broken = service.folder / "broken"
        broken.touch()
        victim = next(iter(load.pids()))
        before, begin, lines = cpu(service.master), time.monotonic(), len(service.err.lines)
        os.kill(victim, signal.SIGKILL)
        service.err.wait("onWorkerStart failed on purpose", 2)
        time.sleep(max(0, begin + 3.5 - time.monotonic()))
        share = (cpu(service.master) - before) / (time.monotonic() - begin) * 100
        starts = len(service.err.find("onWorkerStart failed on purpose"))
        said = len(service.err.lines) - lines
        check(2 <= starts <= 2 + (time.monotonic() - begin), f"{starts} starts in 3.5 s")
        at_most(share, 10, "processor time of the master", "%")
        at_most(said, 25, "log lines in 3.5 s", "lines")
        broken.unlink()
        repaired = time.monotonic()
        service.settled(4)
        took = at_most(time.monotonic() - repaired, 10, "time to recover")
        check(not load.failed(but=[victim]), f"failed elsewhere: {load.failed(but=[victim])[:5]}")
        service.stop()
        return f"{starts} starts and {said} log lines in 3.5 s, master {share:.1f} % CPU; repaired: back after {took:.1f} s"


@fault("F4", "master killed, one worker stuck")
def master_killed():
    """Its workers leave within stopTimeout (2 s), stuck or not; the port is free; the next start works."""
    port = free_port()
    with Service(listen=f"http://127.0.0.1:{port}") as service:
        workers = service.workers()
        wire, stuck = service.kept()
        wire.send("GET /loop HTTP/1.1\r\nHost: x\r\n\r\n")
        until(lambda: cpu(stuck) > 0.1, "a worker that is stuck")
        begin = time.monotonic()
        os.kill(service.master, signal.SIGKILL)
        service.process.wait()
        until(lambda: not service.everyone(), "no worker is left", 20)
        took = at_most(time.monotonic() - begin, 10, "time until the last worker has gone")
        wire.close()
        again = time.monotonic()
        with Service(listen=f"http://127.0.0.1:{port}", folder=service.folder) as second:
            second.served()
            started = time.monotonic() - again
            second.stop()
        return f"{len(workers)} workers gone after {ms(took)}, next start on the same port served after {ms(started)}"


@fault("F5", "worker stopped (STOP), worker in a loop")
def stuck():
    """The others serve everybody; reload and stop are bounded by stopTimeout (2 s)."""
    with Service() as service, Load(service.port) as load:
        # On a busy machine few processes may have taken all clients; somebody's must be left to be looked at.
        clients = collections.Counter(client["pid"] for client in load.clients)
        stopped, looping = sorted(service.workers(), key=lambda pid: clients[pid])[:2]
        with contextlib.closing(service.kept_at(looping)) as wire:
            os.kill(stopped, signal.SIGSTOP)
            wire.send("GET /loop HTTP/1.1\r\nHost: x\r\n\r\n")
            time.sleep(0.7)
            for _ in range(50):  # new clients as well
                check(service.get("/", timeout=5)[0] == 200, "a new client is served")
            bad = (stopped, looping)
            check(not load.failed(but=bad), f"failed elsewhere: {load.failed(but=bad)[:5]}")
            slowest = at_most(max(s for p, s in load.slowest.items() if p not in bad), 5, "slowest answer elsewhere")
            answered = load.answered
            begin = time.monotonic()
            code, said = service.command("reload", timeout=30)
            reload = at_most(time.monotonic() - begin, 20, "time to reload")
            service.settled(4)
            os.kill(service.workers()[0], signal.SIGSTOP)
        took = service.stop(20)
        return (f"0 of {answered:,} failed elsewhere, slowest {ms(slowest)}; reload {reload:.1f} s (code {code}), "
                f"stop {took:.1f} s")


@fault("F6", "fork fails (RLIMIT_NPROC)")
def no_processes():
    """At the start: refused with a clear error, nothing left. Later: fewer serve, more are tried, it recovers."""
    user = stranger()
    with Service(start=False, wrap=["prlimit", "--nproc=3:3"], count=8, user=user) as service:
        said, _ = refused(service, 1, ["error[", "process"])
    with Service(user=user) as service:
        before, master = service.workers(), service.master
        limit(master, "nproc", 1, user)
        os.kill(before[0], signal.SIGKILL)
        used = cpu(master)
        time.sleep(2.5)
        check(service.workers() == before[1:], f"workers {service.workers()}, not {before[1:]}")
        at_most(cpu(master) - used, 0.25, "processor time of the master in 2.5 s")
        check(service.get()[0] == 200, "the others serve")
        tries = len(service.err.find("temporarily unavailable|EAGAIN|cannot (start|fork|create)"))
        check(1 <= tries <= 8, f"{tries} lines about it: {service.err.text()}")
        limit(master, "nproc", 1000, user)
        begin = time.monotonic()
        service.settled(4, 40)
        took = at_most(time.monotonic() - begin, 40, "time to recover")
        service.stop()
        first = re.search(r"error\[E\d+\][^\n]*", said).group(0)
        return f"start refused ({first[:10]}); later 3 of 4 served, {tries} tries in 2.5 s, back {took:.1f} s after it could"


@fault("F35", "master hangs; master crashes while it respawns")
def master_hangs():
    """status, reload and stop give up with an error in bounded time; after a crash nothing is left and a start works."""
    with Service(background=True) as service:
        os.kill(service.master, signal.SIGSTOP)
        begin, ended = time.monotonic(), {}

        def ask(words):
            code, said = service.command(*words, timeout=60)
            ended[words[0]] = code, said, time.monotonic() - begin
        commands = ["status"], ["reload"], ["connections"], ["stop", "-t", "1"]
        threads = [threading.Thread(target=ask, args=(words,)) for words in commands]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        check(len(ended) == len(commands), f"only {list(ended)} ended within a minute")
        for word, (code, said, _) in ended.items():
            check(code != 0, f"{word} of a master that hangs ended with 0: {said}")
        slowest = at_most(max(took for _, _, took in ended.values()), 40, "a command to a master that hangs")
        codes = [f"{word} {code}" for word, (code, _, _) in ended.items()]
        check(service.get()[0] == 200, "the workers serve without their master")
        with contextlib.suppress(ProcessLookupError):
            os.kill(service.master, signal.SIGCONT)
        until(lambda: not service.everyone() or service.command("status")[0] == 0, "it goes on, or it has stopped")
    with Service() as service:
        for worker in service.workers():
            os.kill(worker, signal.SIGKILL)
        os.kill(service.master, signal.SIGSEGV)
        service.process.wait()
        begin = time.monotonic()
        until(lambda: not service.everyone(), "nobody is left", 20)
        took = at_most(time.monotonic() - begin, 10, "time until nobody is left")
        with Service(folder=service.folder) as second:
            second.served()
            second.stop()
    return f"{', '.join(codes)}, {slowest:.1f} s at most; crash: all gone after {ms(took)}, next start works"
