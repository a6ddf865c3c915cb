#!/usr/bin/env python3
"""Injects the faults F1 to F36 into running services and says what happened: ./dev faults [F1 F16 ...].

Each fault has services and folders of its own, so several run at once. Nothing is left when this ends, however it
ends: all of it runs under a keeper, which becomes the parent of every process that loses its own (daemons, workers
of a killed master) and kills what is left, by process number, once the run is over or its starter is gone."""
import argparse
import concurrent.futures
import ctypes
import os
import pathlib
import resource
import shutil
import signal
import sys
import tempfile
import threading
import time
import traceback

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))


def keep(run):
    """Runs `run` in a child of a keeper; its exit code. SIGINT and SIGTERM end it early."""
    ours, theirs = os.pipe()
    keeper = os.fork()
    if keeper == 0:
        os.close(theirs)
        os._exit(keeping(run, ours))
    os.close(ours)

    def end(number, _):
        os.close(theirs)  # the keeper hears that
        os.waitpid(keeper, 0)
        os._exit(128 + number)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)
    return os.waitstatus_to_exitcode(os.waitpid(keeper, 0)[1])


def keeping(run, starter):
    os.setsid()  # a Ctrl+C is for the starter, which tells us
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # all clients are ours
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # nohup is meant for the starter, too
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER
    folder = tempfile.mkdtemp(prefix="artel-faults-")
    os.chmod(folder, 0o755)  # for services of another user
    os.environ["TMPDIR"] = tempfile.tempdir = folder
    child = os.fork()
    if child == 0:
        os.close(starter)
        code = 1
        try:
            code = run()
        except BaseException:
            traceback.print_exc()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    ended = threading.Event()

    def listen():
        os.read(starter, 1)
        ended.set()
    threading.Thread(target=listen, daemon=True).start()
    code = None
    while code is None and not ended.is_set():
        try:  # orphans that end are reaped, too
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            break
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
        elif pid == 0:
            time.sleep(0.01)
    sweep()
    shutil.rmtree(folder, ignore_errors=True)
    return 1 if code is None else code


def sweep():
    """Kills all that descends from this process, until there is nothing."""
    from service import children
    while True:
        left = children(os.getpid())
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(0.01)


def one(fault):
    """Result and what happened."""
    import service
    begin = time.monotonic()
    try:
        said, result = fault.run(), "ok"
    except service.NotHere as error:
        said, result = f"not possible here: {error}", "-"
    except Exception as error:
        said, result = f"{error}".strip() or repr(error), "FAILED"
        if not isinstance(error, AssertionError):
            said += "\n" + traceback.format_exc()
    return fault, said, result, time.monotonic() - begin


def line(number, title, said, result):
    first, *rest = said.split("\n")
    print(f"{number:<4} {title:<53} {first:<110} {result}".rstrip(), flush=True)
    for more in rest:
        print(f"       {more}")


def run(arguments):
    import service
    service.options.seconds = arguments.seconds
    if not (service.artel.bin_dir / "fixtures/steady").exists():
        print(f"skipped: no programs in {service.artel.bin_dir}")
        return 77
    for module in ("processes", "files", "notices", "reload", "network", "input", "limits", "encryption"):
        __import__(module)
    expected = {f"F{number}" for number in range(1, 37)}
    if set(service.registered) != expected:  # such as a file that another of the same name hides
        print(f"F1 to F36 are wanted, other than those: {', '.join(sorted(expected ^ set(service.registered)))}", file=sys.stderr)
        return 1
    order = sorted(service.registered.values(), key=lambda fault: int(fault.number[1:]))
    wanted = [f.upper() for f in arguments.faults]
    unknown = set(wanted) - set(service.registered)
    if unknown:
        print(f"there is no {', '.join(sorted(unknown))}; there are F1 to F36", file=sys.stderr)
        return 2
    chosen = [f for f in order if not wanted or f.number in wanted]
    begin, results = time.monotonic(), {}
    # Those that count every failure of many clients come first and by themselves: they want the processors.
    loud = [f for f in chosen if f.number in service.loud]
    for together, jobs in ((loud, 2), ([f for f in chosen if f not in loud], arguments.jobs)):
        with concurrent.futures.ThreadPoolExecutor(max_workers=jobs) as pool:
            # A thread each: some move their thread into a network of its own.
            for done in concurrent.futures.as_completed([pool.submit(in_thread, f) for f in together]):
                results[done.result()[0].number] = done.result()
                if arguments.verbose:
                    fault, said, result, took = done.result()
                    line(fault.number, f"{took:.1f} s", said, result)
    shown = {f.number: (f.number, f.title, *results[f.number][1:3]) for f in chosen}
    for number in sorted(shown, key=lambda one: int(one[1:])):
        line(*shown[number])
    count = {word: sum(r[2] == word for r in results.values()) for word in ("ok", "FAILED", "-")}
    print(f"\n{count['ok']} ok, {count['FAILED']} failed, {count['-']} not possible here, in {time.monotonic() - begin:.0f} s")
    return 1 if count["FAILED"] else 0


def in_thread(fault):
    box = []
    thread = threading.Thread(target=lambda: box.append(one(fault)))
    thread.start()
    thread.join()
    return box[0]


def main():
    parser = argparse.ArgumentParser(usage="./dev faults [F1 F16 ...] [--seconds S] [--jobs N] [-v]")
    parser.add_argument("faults", nargs="*", metavar="F1", help="which ones; all of them by default")
    parser.add_argument("--seconds", type=int, default=10, help="how long F16 to F18 go on (10)")
    parser.add_argument("--jobs", type=int, default=8, help="how many at once (8)")
    parser.add_argument("-v", "--verbose", action="store_true", help="say each as it ends, with its time")
    arguments = parser.parse_args()
    sys.stdout.flush()
    return keep(lambda: run(arguments))


if __name__ == "__main__":
    sys.exit(main())
