"""Faults of files: full and read-only disks, wrong pid files, starts that meet, moved logs, missing descriptors."""
import contextlib
import os
import pathlib
import signal
import socket
import subprocess
import tempfile
import threading
import time

from service import NotHere, Service, artel, at_most, check, cpu, errors, fault, ms, refused, small_disk, stranger, until
import service as shared


def fill(folder):
    """Writes until the disk is full, to the last byte."""
    with open(folder / "filler", "wb", buffering=0) as file:
        for size in (4096, 1):
            with contextlib.suppress(OSError):
                while True:
                    file.write(bytes(size))
    return folder / "filler"


@fault("F8", "disk full: log, pid file")
def disk_full():
    """Serving, status, reload and respawn go on without the log; no busy retry; a start on a full disk says why."""
    with small_disk(256) as folder:
        with Service("fixtures/service", words=["count=2"], folder=folder, background=True) as one:
            filler = fill(folder)
            master, workers = one.master, one.workers()
            used, begin = cpu(master), time.monotonic()
            size = one.log_file.stat().st_size
            for i in range(200):
                check(one.get(f"/log?full-{i}-{'x' * 200}")[0] == 200, "a request that logs")
            check(one.log_file.stat().st_size <= size + 4096, "the disk was not full")
            check(len(one.status()["workers"][0]["processes"]) == 2, "status")
            code, said = one.command("reload", timeout=30)
            check(code == 0, f"reload: code {code}: {said}")
            victim = one.settled(2)[0]
            os.kill(victim, signal.SIGKILL)
            until(lambda: victim not in one.workers() and len(one.workers()) == 2, "a new worker")
            one.served()
            check(one.master == master and shared.alive(master), "the master lives")
            share = (cpu(master) - used) / (time.monotonic() - begin) * 100
            at_most(cpu(master) - used, 1.0, "processor time of the master")
            filler.unlink()
            one.get("/log?room-again")
            until(lambda: "room-again" in one.log(), "the log goes on when there is room")
            one.stop()
        fill(folder)
        with Service("fixtures/service", folder=folder, start=False) as two:
            said, _ = refused(two, 6, ["error[E06]", "service.pid", "no space left"])
    return f"200 of 200 answered, reload and respawn worked, master {share:.1f} % CPU; log back with room; start: {errors(said)[:10]}"


@fault("F9", "pid file or log cannot be written")
def not_writable():
    """Read-only disk (EROFS) and no permission (EACCES): refused with -d too, the file is named, nothing is left."""
    count, slowest = 0, 0.0
    with small_disk(64) as folder:
        subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
        with Service("fixtures/service", folder=folder, start=False) as here, Service("fixtures/service", start=False) as there:
            there.tail = ["--", f"log={folder}/x.log"]
            for one, file in ((here, "service"), (there, "x.log")):
                for background in (False, True):
                    _, took = refused(one, 6, ["error[E06]", file, "ead-only"], background=background)
                    count, slowest = count + 1, max(slowest, took)
    user = stranger()
    with tempfile.TemporaryDirectory() as closed:
        os.chmod(closed, 0o755)
        with Service("fixtures/service", start=False, user=user) as one:
            for more, words, file in ((["--pid-file", f"{closed}/x.pid"], [], "x.pid"), ([], [f"log={closed}/x.log"], "x.log")):
                one.words, one.tail = more, ["--", *words]
                for background in (False, True):
                    _, took = refused(one, 6, ["error[E06]", file, "ermission denied"], background=background)
                    count, slowest = count + 1, max(slowest, took)
    return f"{count} of {count} starts refused with the file's name, after {ms(slowest)} at most, nothing left"


@fault("F10", "pid file: stale, a stranger's, empty, garbage")
def pid_files():
    """A start works with all of them; a stop never signals a stranger."""
    stranger_ = subprocess.Popen(["sleep", "300"])
    try:
        gone = subprocess.Popen(["true"])
        gone.wait()
        contents = {"stale": f"{gone.pid}\n", "a stranger's": f"{stranger_.pid}\n", "empty": "", "garbage": "\0\xff pid\n" * 9,
                    "huge": "9" * (1 << 20), "negative": "-1\n", "init's": "1\n", "zero": "0\n"}
        for what, content in contents.items():
            for lock in (False, True):
                with Service("fixtures/service", background=True, start=False) as one:
                    one.pid_file.write_text(content)
                    if lock:
                        (one.folder / "service.pid.lock").write_text(content)
                    code, said = one.command("stop")
                    check(code in (0, 3), f"stop with a pid file that is {what}: code {code}: {said}")
                    check(stranger_.poll() is None, f"stop ended a stranger; the pid file was {what}")
                    if not one.pid_file.exists():
                        one.pid_file.write_text(content)
                    one.start()
                    one.served()
                    one.stop()
                    check(stranger_.poll() is None, f"stop ended a stranger; the pid file was {what}")
    finally:
        stranger_.kill()
        stranger_.wait()
    return f"{len(contents)} contents, with and without a lock file: each start works, each stop hits its own"


@fault("F11", "started twice, eight at once, during a stop")
def started_twice():
    """Exactly one runs; the others say so with code 4, in a second (tested: 10 s)."""
    with Service("fixtures/service", background=True) as one:
        begin = time.monotonic()
        code, said = one.command("start", "-d")
        check(code == 4 and "already running" in said, f"second start: code {code}: {said}")
        second = at_most(time.monotonic() - begin, 10, "time of the second start")
        one.stop()
    slowest = 0.0
    for _ in range(5):
        with Service("fixtures/service", background=True, start=False) as one:
            begin = time.monotonic()
            starts = [subprocess.Popen([str(one.program), "start", "-d"], cwd=one.folder, stdout=subprocess.PIPE,
                                       stderr=subprocess.STDOUT, text=True) for _ in range(8)]
            said = [start.communicate()[0] for start in starts]
            slowest = max(slowest, at_most(time.monotonic() - begin, 10, "time of eight starts"))
            codes = sorted(start.returncode for start in starts)
            check(codes == [0] + [4] * 7, f"eight starts at once ended with {codes}: {said}")
            one.master = int(one.pid_file.read_text())
            check(len([p for p in one.everyone() if (shared.stat_of(p) or (0, 0))[1] == one.master]) == 1, "one worker")
            one.stop()
    with Service(background=True, words=["stop-timeout=1000"]) as one:
        stuck, pid = one.kept()
        stuck.send("GET /loop HTTP/1.1\r\nHost: x\r\n\r\n")
        until(lambda: cpu(pid) > 0.05, "a worker that is stuck")
        stop = subprocess.Popen([str(one.program), "stop"], cwd=one.folder, stdout=subprocess.PIPE, text=True)
        until(lambda: len(one.workers()) < 4, "it is stopping")
        begin = time.monotonic()
        code, said = one.command("start", "-d")
        during = at_most(time.monotonic() - begin, 10, "time of a start during a stop")
        stop.communicate()
        stuck.close()
        if code == 0:
            one.master = int(one.pid_file.read_text())
            one.stop()
        else:
            check(code == 4, f"a start during a stop: code {code}: {said}")
        until(lambda: not one.everyone(), "nothing is left")
    return f"second: code 4 after {ms(second)}; 5 x 8 at once: one each, {ms(slowest)} at most; during a stop: code {code}, {ms(during)}"


@fault("F12", "port busy, not local, privileged")
def no_port():
    """Refused with the address and the reason, with -d too, and no pid file."""
    lines = []
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        busy = f"http://127.0.0.1:{holder.getsockname()[1]}"
        cases = [(busy, 5, "in use", {}), ("http://192.0.2.1:8099", 5, "EADDRNOTAVAIL|not available|annot assign", {})]
        if pathlib.Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text().strip() != "0":
            with contextlib.suppress(NotHere):
                cases.append(("http://127.0.0.1:81", 5, "ermission denied", {"user": stranger()}))
        for address, code, reason, popen in cases:
            for background in (False, True):
                with Service(listen=address, start=False, **popen) as one:
                    said, took = refused(one, code, ["error[E05]", address.split("//")[1]], background=background)
                    check(any(word in said for word in reason.split("|")), f"no {reason} in: {said}")
                    check(not one.pid_file.exists(), "a pid file is left")
                    lines.append(took)
    return f"{len(lines)} starts refused (E05) with address and reason, after {ms(max(lines))} at most, no pid file"


@fault("F21", "log moved, HUP")
def moved_log():
    """A new file at once, and no line is lost."""
    with Service("fixtures/service", words=["count=2"], background=True) as one:
        done, count = threading.Event(), [0]

        def lines():
            while not done.is_set():
                one.get(f"/log?line-{count[0]}-end")
                count[0] += 1
        writer = threading.Thread(target=lines)
        writer.start()
        try:
            until(lambda: count[0] > 50, "lines")
            slowest = 0.0
            for turn in range(5):
                one.log_file.rename(one.folder / f"moved.{turn}")
                begin = time.monotonic()
                os.kill(one.master, signal.SIGHUP)
                until(one.log_file.exists, "a new file")
                slowest = max(slowest, time.monotonic() - begin)
                until(lambda: "-end" in one.log(), "lines in it")
        finally:
            done.set()
            writer.join()
        one.stop()
        text = "".join(f.read_text() for f in [one.log_file, *one.folder.glob("moved.*")])
        lost = [i for i in range(count[0]) if text.count(f"line-{i}-end") != 1]
        check(not lost, f"of {count[0]} lines these are not there once: {lost[:10]}")
        at_most(slowest, 10, "time to a new file")
    return f"5 times, new file after {ms(slowest)} at most, {count[0]:,} lines, none lost"


@fault("F31", "descriptors 0-2 closed, directory deleted")
def nothing_to_stand_on():
    """It runs, or refuses clearly."""
    said = []
    for closed in ("<&-", ">&-", "2>&-", "<&- >&- 2>&-"):
        for background in (False, True):
            shell = ["sh", "-c", f'exec "$0" "$@" {closed}']
            with Service("fixtures/service", start=False) as one:
                with open(one.folder / "keep", "w") as out:
                    process = subprocess.Popen([*shell, str(one.program), "start", *(["-d"] if background else [])],
                                               cwd=one.folder, stdin=out, stdout=out, stderr=out, start_new_session=True)
                one.process, one.master = process, process.pid
                if background:
                    check(process.wait(artel.patience) == 0, f"start -d {closed}: code {process.returncode}")
                until(lambda: one.command("status")[0] == 0, f"start {closed} runs")
                until(lambda: one.status()["workers"][0]["processes"], "its worker")
                one.port = int(one.status()["workers"][0]["listen"].rsplit(":", 1)[1])
                one.served()
                code, text = one.command("stop")
                check(code == 0, f"stop: code {code}: {text}")
                process.wait(artel.patience)
                until(lambda: not one.everyone(), "nothing is left")
    with tempfile.TemporaryDirectory() as folder:
        for background in (False, True):
            gone = pathlib.Path(folder, "gone")
            gone.mkdir()
            line = [str(artel.bin_dir / "fixtures/service"), "start", *(["-d"] if background else [])]
            done = subprocess.run(["sh", "-c", f'cd "{gone}" && rmdir "{gone}" && exec "$0" "$@"', *line],
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=artel.patience)
            check(done.returncode not in (0, 1) and "error[" in done.stdout and done.returncode > 0,
                  f"in a deleted directory: code {done.returncode}: {done.stdout}")
            said.append(errors(done.stdout))
    return f"without 0, 1, 2 and all: serves; deleted directory: {said[0][:70]}"
