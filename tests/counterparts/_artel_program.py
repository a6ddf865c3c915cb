"""Starts artel programs for the counterpart tests, and waits: always for a condition, never for a time."""
import contextlib
import os
import pathlib
import random
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

source_dir = pathlib.Path(__file__).resolve().parents[2]
bin_dir = pathlib.Path(os.environ.get("ARTEL_BIN") or source_dir / "build" / "dev" / "bin").resolve()
build_dir = pathlib.Path(os.environ.get("ARTEL_BUILD") or source_dir / "build").resolve()
patience = float(os.environ.get("ARTEL_PATIENCE", "15"))  # seconds that anything may take


def skip(reason):
    """CTest shows the reason: 77 is its SKIP_RETURN_CODE."""
    print("skipped:", reason)
    sys.exit(77)


def need(*commands):
    for command in commands:
        if not shutil.which(command):
            skip(f"{command} is not installed")


def command_of(name):
    """What starts that program: one that was built for Windows runs under Wine."""
    windows = bin_dir / f"{name}.exe"
    return ["wine", str(windows)] if windows.exists() else [str(bin_dir / name)]


def until(condition, what, seconds=None):
    """Returns the first true value of condition()."""
    deadline = time.monotonic() + (seconds or patience)
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds or patience} s in vain for: {what}")
        time.sleep(0.01)


def free_port(kind=socket.SOCK_STREAM, host="127.0.0.1"):
    """Below the ports that the system gives to clients, so that no client of another test takes it meanwhile."""
    while True:
        port = random.randrange(12000, 32000)
        with socket.socket(socket.AF_INET, kind) as probe, contextlib.suppress(OSError):
            # A thread beside this one may fork just now, and its child holds the port for a moment longer than we do.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
            return port


def readable(sock, seconds):
    return bool(select.select([sock], [], [], seconds)[0])


def parent_of(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return int(stat.read().rsplit(")", 1)[1].split()[1])
    except OSError:
        return 0


def worker_of(master):
    """The process number of a worker of that master."""
    return until(lambda: next((int(p) for p in os.listdir("/proc") if p.isdigit() and parent_of(p) == master), 0), "a worker")


def private_bytes(pid):
    """Memory that this process has for itself alone."""
    with open(f"/proc/{pid}/smaps_rollup") as file:
        return sum(int(line.split()[1]) * 1024 for line in file if line.startswith(("Private_Dirty", "Private_Clean")))


def sanitized(name):
    """Whether a sanitizer's own memory would be measured."""
    program = (bin_dir / name).read_bytes()
    return b"__asan_init" in program or b"__tsan_init" in program


class Output:
    """The lines of a stream, read by a thread."""

    def __init__(self, stream):
        self.lines = []
        self.ended = False
        self.changed = threading.Condition()
        self.thread = threading.Thread(target=self._read, args=(stream,), daemon=True)
        self.thread.start()

    def _read(self, stream):
        with stream:
            for line in stream:
                with self.changed:
                    self.lines.append(line.rstrip("\n"))
                    self.changed.notify_all()
        with self.changed:
            self.ended = True
            self.changed.notify_all()

    def text(self):
        with self.changed:
            return "\n".join(self.lines)

    def find(self, pattern):
        with self.changed:
            return [m for m in (re.search(pattern, line) for line in self.lines) if m]

    def wait(self, pattern, nth=1, seconds=None):
        """The match object of the nth line that matches."""
        deadline = time.monotonic() + (seconds or patience)
        with self.changed:
            while True:
                found = [m for m in (re.search(pattern, line) for line in self.lines) if m]
                if len(found) >= nth:
                    return found[nth - 1]
                left = deadline - time.monotonic()
                if left <= 0 or self.ended:
                    raise AssertionError(f"no line number {nth} like {pattern!r} in:\n" + "\n".join(self.lines))
                self.changed.wait(left)


class Program:
    """One program of ARTEL_BIN, started with `start`. `listen` is passed on; port 0 is the right one for tests."""

    def __init__(self, name, listen=None, count=None, options=(), arguments=(), command="start", cwd=None, **popen):
        words = command_of(name)
        words += [command] if command else []
        words += ["--listen", listen] if listen else []
        words += ["--count", str(count)] if count else []
        words += list(options)
        words += ["--", *arguments] if arguments else []
        self.name = name
        # A service writes into the directory it is started in.
        self.folder = None if cwd else tempfile.TemporaryDirectory(prefix="artel-", ignore_cleanup_errors=True)
        if self.folder and "user" in popen:
            shutil.chown(self.folder.name, popen["user"])
        cwd = cwd or self.folder.name
        self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        text=True, errors="replace", cwd=cwd, start_new_session=True, **popen)
        self.out = Output(self.process.stdout)
        self.err = Output(self.process.stderr)

    @property
    def pid(self):
        return self.process.pid

    def address(self, nth=1):
        """The nth address it listens on, whole: "http://127.0.0.1:40123"."""
        return self.out.wait(r"^listening (\S+)", nth).group(1)

    def port(self, nth=1):
        return int(self.address(nth).rsplit(":", 1)[1])

    def wait(self, seconds=None):
        """The exit code."""
        try:
            code = self.process.wait(seconds or patience)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} does not end\n{self.said()}") from None
        self.out.thread.join(patience)
        self.err.thread.join(patience)
        return code

    def stop(self):
        """Ctrl+C; the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        return self.wait()

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def said(self):
        return f"--- {self.name}, stdout\n{self.out.text()}\n--- {self.name}, stderr\n{self.err.text()}\n---"


class Wire:
    """A TCP connection of a test."""

    def __init__(self, port, host="127.0.0.1"):
        self.socket = socket.create_connection((host, port), patience)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.rest = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data.encode() if isinstance(data, str) else data)

    def end(self):
        self.socket.shutdown(socket.SHUT_WR)

    def _more(self):
        data = self.socket.recv(1 << 16)
        self.rest += data
        return data

    def exactly(self, size):
        while len(self.rest) < size:
            if not self._more():
                raise AssertionError(f"the end came after {self.rest[:200]!r}, {size} bytes were expected")
        data, self.rest = self.rest[:size], self.rest[size:]
        return data

    def until(self, mark):
        while mark not in self.rest:
            if not self._more():
                raise AssertionError(f"the end came after {self.rest[-200:]!r}, {mark!r} was expected")
        at = self.rest.index(mark) + len(mark)
        data, self.rest = self.rest[:at], self.rest[at:]
        return data

    def line(self):
        return self.until(b"\n")[:-1].decode()

    def all(self):
        """Everything up to the end of the connection. A reset counts as one."""
        try:
            while self._more():
                pass
        except ConnectionResetError:
            pass
        data, self.rest = self.rest, b""
        return data

    def response(self, head=False):
        """One HTTP answer with a Content-Length or chunks: status, headers in lower case, body."""
        lines = self.until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        status = int(lines[0].split(" ")[1])
        headers = {k.lower(): v.strip() for k, v in (line.split(":", 1) for line in lines[1:] if line)}
        if head or status in (204, 304) or status < 200:
            return status, headers, b""
        if headers.get("transfer-encoding", "").lower() == "chunked":
            body = b""
            while size := int(self.until(b"\r\n").split(b";")[0], 16):
                body += self.exactly(size)
                self.exactly(2)
            self.until(b"\r\n")
            return status, headers, body
        return status, headers, self.exactly(int(headers["content-length"]))


class Case(unittest.TestCase):
    """A test whose programs must end with exit code 0 on Ctrl+C. What they said is shown when the test fails."""

    maxDiff = 2000

    def run(self, result=None):
        self.programs = []
        failed = len(result.failures) + len(result.errors)
        super().run(result)
        for program in self.programs:
            program.kill()
            if len(result.failures) + len(result.errors) > failed:
                print(program.said(), file=sys.stderr)
        return result

    def program(self, *args, **kwargs):
        program = Program(*args, **kwargs)
        self.programs.append(program)
        self.addCleanup(self.stop, program)
        return program

    # A crash that a new worker makes good again is a crash. What a sanitizer has seen is one everywhere.
    never = r"(ERROR|WARNING): \w+Sanitizer|runtime error: |ended: (signal (SEGV|BUS|ILL|FPE|ABRT)|code 250)"

    def stop(self, program):
        if program.process.poll() is None:
            self.assertEqual(program.stop(), 0, "exit code after Ctrl+C")
        self.assertNotRegex(program.err.text(), self.never)

    def wire(self, port):
        wire = Wire(port)
        self.addCleanup(wire.close)
        return wire


def run():
    """The end of every script."""
    if not pathlib.Path(command_of("http_hello")[-1]).exists():
        skip(f"no programs in {bin_dir}")
    unittest.main(verbosity=2)
