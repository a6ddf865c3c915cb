"""Faults of reloads and stops: storms, broken programs, clients that do not go. fault-clients count every failure."""
import contextlib
import json
import signal
import socket
import subprocess
import threading
import time

import service as shared
from service import Clients, Service, WebSocket, Wire, at_most, check, fault, ms, options, until

modes = {"shared": [], "reuse-port": ["reuse-port"]}


def new_program(service):
    """Another file in the place of the program that runs: itself and a byte more."""
    put_program(service, 'cp -p "$1" new && echo >>new && mv new "$1"')


def put_program(service, how):
    """A shell writes the file: a process forked while this one wrote it would keep it open, and so busy."""
    subprocess.run(["sh", "-e", "-c", how, "sh", str(service.program)], cwd=service.folder, check=True)


def in_both_modes(what):
    """Runs `what` for both kinds of listening at once; their results."""
    results, failures = {}, []

    def run(mode, words):
        try:
            with Service(words=words, own_program=True, background=True) as service:
                results[mode] = what(service)
        except Exception as error:
            failures.append(AssertionError(f"{mode}: {error}") if isinstance(error, AssertionError) else error)
    threads = [threading.Thread(target=run, args=pair) for pair in modes.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return results


def numbers():
    """Clients of each kind: few in a short run beside other tests, all of them in a long one."""
    return (8, 64, 500) if options.seconds >= 60 else (3, 8, 100)


def nothing_wrong(clients):
    seen = clients.result()
    check(not seen["wrong"], f"clients saw: {json.dumps(seen['wrong'])}")
    check(all(seen[kind]["answered"] > 0 for kind in ("short", "kept", "websocket")), f"too little was asked: {seen}")
    return sum(seen[kind]["answered"] for kind in ("short", "kept", "websocket"))


def reloaded(service, *more, codes=(0,)):
    begin = time.monotonic()
    got, said = service.command("reload", *more, timeout=60)
    check(got in codes, f"reload {' '.join(more)}: code {got}: {said}")
    return said, time.monotonic() - begin


@fault("F16", "reloads under load, onto new programs too")
def under_load():
    """No connection refused, no request unanswered, WebSockets told 1001: plain, graceful, and onto another program."""
    def what(service):
        count, slowest = 0, 0.0
        with Clients(service, options.seconds, numbers()) as clients:
            time.sleep(0.5)
            end = time.monotonic() + options.seconds - 3
            while clients.running() and time.monotonic() < end:
                kind = count % 3
                if kind == 1:
                    new_program(service)
                # 8: on a busy machine some are killed at the deadline. What counts is what the clients saw.
                said, took = reloaded(service, *(["-g", "-t", "1.5"] if kind == 2 else []), codes=(0, 8))
                check(kind != 1 or " -> " in said, f"no new program: {said}")
                count, slowest = count + 1, max(slowest, took)
                time.sleep(0.2)
            answered = nothing_wrong(clients)
        service.settled(4)
        service.stop()
        return count, slowest, answered
    done = in_both_modes(what).values()
    return (f"{sum(d[0] for d in done)} reloads, each done after {max(d[1] for d in done):.1f} s at most, "
            f"0 of {sum(d[2] for d in done):,} wrong, shared and reuse-port")


@fault("F17", "reload storm: 30 in 1.5 s")
def storm():
    """It settles at N workers, nobody notices, no old workers pile up."""
    def what(service):
        first, most, storms = service.master, 0, 0
        with Clients(service, options.seconds, numbers()) as clients:
            time.sleep(0.5)
            end = time.monotonic() + options.seconds - 6
            while storms == 0 or time.monotonic() < end:
                begin = time.monotonic()
                for i in range(30):
                    if i % 10 == 5:
                        new_program(service)
                    reloaded(service, "--no-wait")
                    most = max(most, len(service.workers()))
                    time.sleep(max(0.0, begin + (i + 1) * 0.05 - time.monotonic()))
                storms += 1
                began = time.monotonic()
                while len(service.workers()) != 4 or time.monotonic() - began < 0.3:
                    most = max(most, len(service.workers()))
                    check(time.monotonic() - began < 20, f"it does not settle: {len(service.workers())} workers")
                    time.sleep(0.02)
                settled = time.monotonic() - began
            answered = nothing_wrong(clients)
        check(service.master == first and shared.alive(first), "the same master")
        check(len(service.settled(4)) == 4, "4 workers")
        at_most(most, 4 * 8, "processes at once", "processes")
        service.stop()
        return settled, most, answered
    done = in_both_modes(what).values()
    return (f"4 workers {ms(max(d[0] for d in done))} after the last, {max(d[1] for d in done)} at once at most, "
            f"0 of {sum(d[2] for d in done):,} wrong")


@fault("F18", "reload onto broken programs")
def broken():
    """The old workers go on; reload fails with the reason, which is in the log and in status."""
    def what(service):
        before = set(service.workers())
        subprocess.run(["cp", str(service.program), str(service.folder / "good")], check=True)
        cases = {"text": "echo this is no program", "a part of one": "head -c 50000 good", "an empty file": "true",
                 "one that ends at once": "cat /bin/false", "a script": "printf '#!/bin/sh\\nexit 6\\n'"}
        with Clients(service, options.seconds, numbers()) as clients:
            time.sleep(0.5)
            rounds, end = 0, time.monotonic() + options.seconds - 3
            while rounds == 0 or (time.monotonic() < end and clients.running()):
                for name, writes in cases.items():
                    put_program(service, f'{writes} >new && chmod 755 new && mv new "$1"')
                    reloaded_badly(service, name)
                rounds += 1
            check(set(service.workers()) >= before, "the old workers are there")
            check("refused" in service.log(), f"nothing in the log: {service.log()[-500:]}")
            shown = json.loads(by_good(service, "status", "--json").stdout).get("reload_failed", {}).get("why", "")
            check("refused" in shown, f"status does not show it: {shown}")
            put_program(service, 'cp good new && echo >>new && mv new "$1"')
            reloaded(service)
            check("reload_failed" not in service.status(), "a good reload does not end it")
            answered = nothing_wrong(clients)
        service.settled(4)
        service.stop()
        return rounds * len(cases), answered
    done = in_both_modes(what)
    return f"{sum(d[0] for d in done.values())} broken programs refused, the old went on, 0 of {sum(d[1] for d in done.values()):,} wrong"


def by_good(service, *words):
    """A command by a good copy of the program: the one in its place cannot run. It finds the service by its name."""
    helper = service.folder / "helper" / service.name
    if not helper.exists():
        helper.parent.mkdir()
        subprocess.run(["cp", str(service.folder / "good"), str(helper)], check=True)
    return subprocess.run([str(helper), *words], cwd=service.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=60)


def reloaded_badly(service, name):
    done = by_good(service, "reload")
    check(done.returncode == 1 and "error[" in done.stdout and "goes on" in done.stdout,
          f"reload onto {name}: code {done.returncode}: {done.stdout}")


@fault("F36", "a new program hangs after its trial")
def hangs_after_its_trial():
    """Nobody can stop such a master, so an alarm ends it: its workers go, too, and the next start works."""
    with Service(words=["hang-from=hang"], own_program=True) as service:
        (service.folder / "hang").write_text("now")
        new_program(service)
        begin = time.monotonic()
        service.command("reload", timeout=60)
        service.process.wait(40)
        took = at_most(time.monotonic() - begin, 25, "time until the alarm")
        until(lambda: not service.everyone(), "nobody is left", 20)
        check(service.process.returncode == -signal.SIGALRM, f"it ended with {service.process.returncode}")
        with Service(folder=service.folder) as second:
            second.served()
            second.stop()
    return f"the alarm ended it after {took:.1f} s, its workers with it; next start works"


@fault("F19", "graceful stop: long request, idle, drip, WebSocket")
def graceful_stop():
    """The long request is answered, idle connections are closed, WebSockets get 1001, all within the one timeout."""
    with Service() as service:
        asked = [Wire(service.port) for _ in range(4)]
        idle = [service.kept()[0] for _ in range(8)]
        sockets = [WebSocket(service.port) for _ in range(8)]
        drip = Wire(service.port)
        drip.send("GET / HT")
        for wire in asked:
            wire.send("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        time.sleep(0.1)
        dripping = threading.Event()

        def drop():
            with contextlib.suppress(OSError):
                for byte in b"TP/1.1\r\nHost: x\r\nX: " + b"x" * 1000:
                    if dripping.wait(0.1):
                        return
                    drip.send(bytes([byte]))
        thread = threading.Thread(target=drop, daemon=True)
        thread.start()
        begin = time.monotonic()
        stop = subprocess.Popen([str(service.program), "stop", "-g", "-t", "3"], cwd=service.folder, stdout=subprocess.PIPE,
                                text=True)
        try:
            for wire in asked:
                status, head, body = wire.response()
                check((status, body) == (200, b"slow"), f"the long request was answered {status} {body}")
            for wire in idle:
                wire.socket.settimeout(10)
                check(wire.all() == b"", "an idle connection is closed")
            closed = time.monotonic() - begin
            codes = {one.closed() for one in sockets}
            check(codes == {1001}, f"WebSockets were closed with {codes}")
            said, _ = stop.communicate(timeout=20)
            check(stop.returncode in (0, 8), f"stop -g: {stop.returncode}: {said}")
            service.process.wait(10)
        finally:
            dripping.set()
            thread.join()
            stop.kill()
            for wire in [*asked, *idle, drip, *(one.wire for one in sockets)]:
                wire.close()
        took = at_most(time.monotonic() - begin, 6, "time of a graceful stop of 3 s")
        until(lambda: not service.everyone(), "nothing is left")
    return f"4 long requests answered, idle closed after {closed:.1f} s, WebSockets 1001, all over after {took:.1f} of 3 s"


@fault("F20", "stop with 200 half-sent requests, 10,000 idle")
def full_stop():
    """In order within stopTimeout (2 s) and at once when asked twice (0.5 s; tested: 5 s); graceful is bounded."""
    took, idle_count = {}, 0
    for how in ("stop", "stop -g -t 1", "TERM twice"):
        with Service(words=["header=60000"]) as service, contextlib.ExitStack() as stack:
            half = [stack.enter_context(Wire(service.port)) for _ in range(200)]
            for wire in half:
                wire.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nhalf")
            idle = []
            with contextlib.suppress(OSError):  # as many as this process may have
                for _ in range(10_000 if how == "stop" else 2000):
                    one = socket.create_connection(("127.0.0.1", service.port))
                    idle.append(one)
                    stack.callback(one.close)
            idle_count = max(idle_count, len(idle))
            check(len(idle) >= 500, f"only {len(idle)} connections")
            until(lambda: sum(p["connections"] for p in service.status()["workers"][0]["processes"]) == len(idle) + 200,
                  "all are accepted", 30)
            begin = time.monotonic()
            if how == "TERM twice":
                service.process.terminate()
                time.sleep(0.05)
                service.process.terminate()
            else:
                stop = subprocess.Popen([str(service.program), *how.split()], cwd=service.folder, stdout=subprocess.DEVNULL)
                check(stop.wait(60) in (0, 8), f"{how}: {stop.returncode}")
            service.process.wait(30)
            until(lambda: not service.everyone(), "nothing is left")
            took[how] = at_most(time.monotonic() - begin, 5 if how == "TERM twice" else 15, how)
    return f"200 and {idle_count:,}: " + ", ".join(f"{how} {seconds:.1f} s" for how, seconds in took.items())
