"""What each signal does to a master and to a worker, and how both are called in the process table (core manual §2.6)."""
import fcntl
import os
import pathlib
import pty
import re
import signal
import subprocess
import tempfile
import termios

import _artel_program as artel


def title(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read().replace(b"\0", b" ").decode().strip()
    except OSError:
        return ""


class Signals(artel.Case):
    def start(self, count=1):
        service = self.program("fixtures/misbehave", count=count)
        self.port = service.port()
        return service

    def answer(self):
        with artel.Wire(self.port) as wire:
            wire.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            return wire.all()

    def replaced(self, service, worker):
        return artel.until(lambda: artel.parent_of(worker) != service.pid and artel.worker_of(service.pid), "a new worker")

    def test_what_stops_the_master(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGTSTP, signal.SIGQUIT):
            with self.subTest(number):
                service = self.start()
                self.assertIn(b"200", self.answer())
                os.kill(service.pid, number)
                self.assertEqual(service.wait(), 0, service.said())

    def test_what_reloads_the_master(self):
        service = self.start()
        worker = artel.worker_of(service.pid)
        for number in (signal.SIGUSR1, signal.SIGUSR2):
            os.kill(service.pid, number)
            worker = self.replaced(service, worker)
            self.assertIn(b"200", self.answer())

    def test_what_ends_a_worker(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGTSTP, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1,
                       signal.SIGUSR2):  # fmt: skip
            with self.subTest(number):
                service = self.start()  # a worker that ends young again and again has to wait
                worker = artel.worker_of(service.pid)
                self.assertIn(b"200", self.answer())
                os.kill(worker, number)
                self.replaced(service, worker)
                service.err.wait("onWorkerStop ran")
                self.assertIn(b"200", self.answer())
                self.assertFalse(service.err.find("ended: signal"), "an orderly end")
                self.assertEqual(service.stop(), 0, service.said())

    def test_handlers_of_a_programs_own(self):
        """Those of Loop::onSignal come beside the framework's. Plain ones take its place, but for the commands."""
        numbers = f"{signal.SIGUSR1:d},{signal.SIGUSR2:d},{signal.SIGCHLD:d}"
        for word in ("on-signals", "handlers"):
            with self.subTest(word):
                service = self.program("fixtures/service", arguments=[f"{word}={numbers}"])
                self.port = service.port()
                worker = artel.worker_of(service.pid)
                with artel.Wire(self.port) as wire:
                    wire.send("GET /fork HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")  # whose end is a SIGCHLD
                    self.assertIn(b"200", wire.all())
                for number in (signal.SIGUSR1, signal.SIGUSR2):
                    if word == "on-signals":
                        service.out.wait(f"signal {signal.SIGCHLD:d} {worker}$") if number == signal.SIGUSR1 else None
                        os.kill(worker, number)
                        service.out.wait(f"signal {number:d} {worker}$")
                        service.out.wait(f"reload {worker}$")
                        worker = self.replaced(service, worker)
                    else:
                        os.kill(worker, number)
                if word == "handlers":
                    for _ in range(2):  # its loop has had turns since
                        self.assertIn(b"200", self.answer())
                    self.assertEqual(service.out.find(f"reload {worker}$"), [])
                self.assertIn(b"200", self.answer())  # who is new is ready
                for command in ("status", "connections", "reload"):
                    done = subprocess.run([artel.bin_dir / "fixtures/service", command], cwd=service.folder.name,
                                          capture_output=True, text=True, timeout=artel.patience)
                    self.assertEqual(done.returncode, 0, done.stderr)
                    if command == "status":
                        self.assertRegex(done.stdout, rf"(?m)^web .* {worker} .* idle$")
                self.assertNotEqual(artel.worker_of(service.pid), worker)
                self.assertIn(b"200", self.answer())

    def test_nohup_outlives_a_handover(self):
        """HUP means new log files to a service that was started under nohup, also when another program has taken over."""
        with tempfile.TemporaryDirectory(prefix="artel-") as folder:
            log, out = pathlib.Path(folder) / "log", pathlib.Path(folder) / "out"
            ours, theirs = pty.openpty()
            self.addCleanup(os.close, ours)

            def on_a_terminal():
                fcntl.ioctl(theirs, termios.TIOCSCTTY, 0)
                signal.signal(signal.SIGHUP, signal.SIG_IGN)

            with out.open("wb") as output:
                service = subprocess.Popen([artel.bin_dir / "fixtures/service", "start", "--", f"log={log}"], cwd=folder,
                                           stdin=theirs, stdout=output, stderr=output, start_new_session=True,
                                           preexec_fn=on_a_terminal)  # fmt: skip
            os.close(theirs)
            try:
                for _ in range(2):
                    artel.until(lambda: re.search(r"listening \S+:(\d+)", out.read_text()), "its start")
                    log.rename(f"{log}.old") if log.exists() else None
                    os.kill(service.pid, signal.SIGHUP)
                    artel.until(lambda: log.exists() or service.poll() is not None, "a new log")
                    self.assertIsNone(service.poll(), out.read_text())
                    subprocess.run([artel.bin_dir / "fixtures/service", "reload", "--exec"], cwd=folder, check=True,
                                   timeout=artel.patience)  # fmt: skip
            finally:
                if service.poll() is None:
                    service.send_signal(signal.SIGTERM)
                self.assertEqual(service.wait(artel.patience), 0, out.read_text())

    def test_strays_do_nothing(self):
        service = self.start()
        worker = artel.worker_of(service.pid)
        for pid in (service.pid, worker):
            for number in (signal.SIGPIPE, signal.SIGALRM, signal.SIGCHLD, signal.SIGWINCH, signal.SIGURG, signal.SIGXFSZ):
                os.kill(pid, number)
        self.assertIn(b"200", self.answer())
        self.assertEqual(artel.worker_of(service.pid), worker)

    def test_titles(self):
        service = self.start()
        worker = artel.worker_of(service.pid)
        master = f"artel: master process {artel.bin_dir}/fixtures/misbehave"
        artel.until(lambda: title(service.pid) == master, f"not {title(service.pid)!r}")
        wanted = f"artel: worker process misbehave http://127.0.0.1:{self.port}"
        artel.until(lambda: title(worker) == wanted, f"not {title(worker)!r}")


if __name__ == "__main__":
    artel.run()
