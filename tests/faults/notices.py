"""Faults of signals and terminals: strays, floods of them, ends that come too early, and readers that go."""
import contextlib
import os
import pty
import signal
import subprocess
import time

from service import Load, Service, alive, at_most, check, cpu, fault, ms, stat_of, until


@fault("F13", "terminal closed, reader of the output gone")
def hang_up():
    """The background lives on, in a session of its own; the foreground ends; a closed pipe of its output is nothing."""
    ours, theirs = pty.openpty()
    with Service(background=True, start=False) as daemon:
        done = subprocess.run(["setsid", "-c", "-w", str(daemon.program), "start", "-d"], cwd=daemon.folder, stdin=theirs,
                              stdout=theirs, stderr=theirs, timeout=15)
        check(done.returncode == 0, f"start -d on a terminal: code {done.returncode}")
        os.close(theirs)
        os.close(ours)  # HUP for whoever is still there
        daemon.master = int(daemon.pid_file.read_text())
        time.sleep(0.2)
        daemon.port = int(daemon.status()["workers"][0]["listen"].rsplit(":", 1)[1])
        check(daemon.get()[0] == 200, "the daemon serves without the terminal")
        daemon.stop()
    ours, theirs = pty.openpty()
    with Service(start=False) as shown:
        shown.process = subprocess.Popen(["setsid", "-c", str(shown.program), "start"], cwd=shown.folder, stdin=theirs,
                                         stdout=theirs, stderr=theirs)
        shown.master = shown.process.pid
        os.close(theirs)
        until(lambda: len(shown.workers()) == 4 and shown.command("status")[0] == 0, "the foreground serves")
        begin = time.monotonic()
        os.close(ours)
        shown.process.wait(15)
        until(lambda: not shown.everyone(), "nothing is left")
        took = at_most(time.monotonic() - begin, 10, "time to end with the terminal")
        check(not shown.pid_file.exists(), "the pid file is left")
    with Service(start=False) as piped:
        out, err = os.pipe(), os.pipe()
        piped.process = subprocess.Popen([str(piped.program), "start"], cwd=piped.folder, stdin=subprocess.DEVNULL,
                                         stdout=out[1], stderr=err[1], start_new_session=True)
        piped.master = piped.process.pid
        os.close(out[1])
        os.close(err[1])
        until(lambda: len(piped.workers()) == 4 and piped.command("status")[0] == 0, "it serves")
        piped.port = int(piped.status()["workers"][0]["listen"].rsplit(":", 1)[1])
        os.close(out[0])
        os.close(err[0])
        for _ in range(3):  # each end of a worker is a line for nobody
            worker = piped.settled(4)[0]
            os.kill(worker, signal.SIGTERM)
            until(lambda: worker not in piped.workers(), "a worker has gone")
        piped.settled(4)
        check(piped.get()[0] == 200 and piped.process.poll() is None, "it serves without a reader")
        code, said = piped.command("stop")
        check(code == 0 and piped.process.wait(15) == 0, f"stop: {code}, it ended with {piped.process.returncode}: {said}")
    return f"background serves on; foreground gone {ms(took)} after its terminal; without a reader: serves, stops with 0"


harmless = ("SIGPIPE", "SIGALRM", "SIGCHLD", "SIGWINCH", "SIGTTOU", "SIGCONT", "SIGURG")
reloading = ("SIGUSR1", "SIGUSR2")


@fault("F14", "stray signals")
def strays():
    """PIPE, ALRM, CHLD, WINCH, TTOU, CONT and URG are nothing, USR1 and USR2 are a reload; never an end."""
    died = []
    for background in (False, True):
        with Service(background=background) as service:
            for name in harmless + reloading:
                os.kill(service.master, getattr(signal, name))
                time.sleep(0.05)
                if name in reloading:
                    until(lambda: len(service.workers()) == 4 and service.command("status")[0] == 0, f"4 workers after {name}")
                stat = stat_of(service.master)
                if not alive(service.master) or stat[0] == "T":
                    died.append(f"master{' -d' if background else ''}: {name}")
                    break
            else:
                check(service.get()[0] == 200, "it serves")
    with Service() as service:
        for name in harmless:
            service.settled(4)
            worker = service.workers()[0]
            os.kill(worker, getattr(signal, name))
            time.sleep(0.1)
            stat = stat_of(worker)
            if not stat or stat[0] in "ZXT":
                died.append(f"worker: {name}")
                with contextlib.suppress(ProcessLookupError):
                    os.kill(worker, signal.SIGKILL)
    check(not died, f"ended or stopped by: {', '.join(died)}")
    with Service() as service, Load(service.port) as load:
        begin, used = time.monotonic(), cpu(service.master)
        targets = [service.master, *service.workers()]
        while time.monotonic() - begin < 1:
            for pid in targets:
                for name in harmless[2:4]:
                    os.kill(pid, getattr(signal, name))
            time.sleep(0.001)
        check(not load.failed(), f"failed under a storm of signals: {load.failures[:5]}")
        check(service.workers() == targets[1:], "the same workers")
        service.stop()
    return f"{len(harmless)} signals to master and workers: nothing; USR1, USR2: reload; storm: 0 of {load.answered:,} failed"


def ended(service, what, limit=10):
    begin = time.monotonic()
    service.process.wait(limit + 10)
    until(lambda: not service.everyone(), f"nothing is left after {what}")
    check(not service.pid_file.exists() and not (service.folder / "steady.pid.ctl").exists(), f"files are left after {what}")
    return at_most(time.monotonic() - begin, limit, f"time to end, {what}")


@fault("F15", "TERM at any moment, twice, in a reload")
def early_ends():
    """It ends and nothing is left: TERM 0 to 200 ms after the start, TERM twice, TERM in a reload, INT then QUIT."""
    slowest, count = 0.0, 0
    for delay in [i / 1000 for i in (0, 1, 2, 3, 4, 5, 6, 8, 10, 12, 14, 16, 20, 25, 30, 40, 60, 100, 150, 200)]:
        with Service(start=False) as service:
            service.begin()
            time.sleep(delay)
            service.process.terminate()
            slowest = max(slowest, ended(service, f"TERM after {delay * 1000:.0f} ms"))
            check(service.process.returncode in (0, -signal.SIGTERM), f"TERM after {delay} s: code {service.process.returncode}")
            count += 1
    with Service() as service:
        wire, pid = service.kept()
        wire.send("GET /loop HTTP/1.1\r\nHost: x\r\n\r\n")
        until(lambda: cpu(pid) > 0.02, "a worker that is stuck")
        service.process.terminate()
        time.sleep(0.2)
        service.process.terminate()
        twice = ended(service, "TERM twice")
        wire.close()
    for first, then, pause in ((signal.SIGUSR1, signal.SIGTERM, 0), (signal.SIGUSR1, signal.SIGTERM, 0.005),
                               (signal.SIGUSR2, signal.SIGTERM, 0.02), (signal.SIGINT, signal.SIGQUIT, 0),
                               (signal.SIGQUIT, signal.SIGINT, 0.01)):
        with Service() as service:
            os.kill(service.master, first)
            time.sleep(pause)
            with contextlib.suppress(ProcessLookupError):
                os.kill(service.master, then)
            slowest = max(slowest, ended(service, f"{first.name} then {then.name}"))
            # ended() has seen that its files are gone. When the stop is over so soon, the second one meets the rest of
            # main, as any program's.
            check(service.process.returncode in (0, 8, -then), f"{first.name} then {then.name}: code {service.process.returncode}")
            count += 1
    return f"{count} times nothing left after {ms(slowest)} at most; twice with a stuck worker: {ms(twice)}"
