"""systemd's side of a service, and a terminal's: what they are told, and what their end does."""
import http.client
import os
import pathlib
import pty
import re
import signal
import socket
import subprocess
import tempfile
import termios

import _artel_program as artel


def status_of(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=artel.patience)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status
    finally:
        connection.close()


TCP_USER_TIMEOUT = 18

class Systemd(artel.Case):
    def test_ready_and_stopping(self):
        with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.settimeout(artel.patience)
            manager.bind(f"{folder}/notify")
            environment = {**os.environ, "NOTIFY_SOCKET": f"{folder}/notify"}
            program = self.program("fixtures/service", env=environment)
            self.assertEqual(manager.recv(4096).decode(), f"READY=1\nMAINPID={program.pid}\nSTATUS=serving")
            self.assertEqual(program.stop(), 0)
            self.assertEqual(manager.recv(4096).decode(), "STOPPING=1")


    def test_the_watchdog_hears_of_a_master_that_lives(self):
        with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.settimeout(artel.patience)
            manager.bind(f"{folder}/notify")
            environment = {**os.environ, "NOTIFY_SOCKET": f"{folder}/notify", "WATCHDOG_USEC": "200000"}
            program = self.program("fixtures/service", env=environment)
            for _ in range(5):
                while manager.recv(4096) != b"WATCHDOG=1":
                    pass
            os.kill(program.pid, signal.SIGSTOP)  # it hangs
            try:
                manager.settimeout(1)
                with self.assertRaises(TimeoutError):
                    for _ in range(100):
                        manager.recv(4096)
            finally:
                os.kill(program.pid, signal.SIGCONT)
            self.assertEqual(program.stop(), 0)

    def test_a_watchdog_of_another_process_is_not_fed(self):
        with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.settimeout(artel.patience)
            manager.bind(f"{folder}/notify")
            environment = {**os.environ, "NOTIFY_SOCKET": f"{folder}/notify", "WATCHDOG_USEC": "20000", "WATCHDOG_PID": "1"}
            program = self.program("fixtures/service", env=environment)
            self.assertIn("READY=1", manager.recv(4096).decode())
            self.assertEqual(status_of(program.port()), 200)
            self.assertEqual(program.stop(), 0)
            self.assertEqual(manager.recv(4096).decode(), "STOPPING=1")

    def start_with(self, sockets, words):
        """The program with these sockets from descriptor 3 on, as systemd starts it."""
        script = "export LISTEN_PID=$$ LISTEN_FDS=%d; exec \"$@\"" % len(sockets)

        def place():
            for number, one in enumerate(sockets):
                os.dup2(one.fileno(), 100 + number)
            for number in range(len(sockets)):
                os.dup2(100 + number, 3 + number)

        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        process = subprocess.Popen(
            ["/bin/sh", "-c", script, "sh", str(artel.bin_dir / "fixtures/service"), "start", *words],
            cwd=folder.name, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            pass_fds=tuple(range(3, 3 + len(sockets))), preexec_fn=place)  # fmt: skip
        self.addCleanup(lambda: process.poll() is None and process.terminate())
        return process

    def test_a_socket_that_was_bound_before_is_used(self):
        for words in ([], ["--", "reuse-port"]):
            with self.subTest(words), socket.socket(socket.AF_INET6) as bound, socket.socket() as stranger:
                bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
                bound.bind(("::", 0))  # ListenStream=PORT
                bound.listen(64)
                stranger.bind(("127.0.0.1", 0))
                stranger.listen(1)
                port = bound.getsockname()[1]
                process = self.start_with(
                    [bound, stranger], ["--listen", f"http://0.0.0.0:{port}", "--count", "2", *words])
                while not process.stdout.readline().startswith("listening"):
                    pass
                self.assertEqual(status_of(port), 200)
                self.assertNotEqual(bound.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY), 0, "as any listener has it")
                # So has one that a program takes over, which may want something else than the one before.
                bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 0)
                bound.setsockopt(socket.IPPROTO_TCP, TCP_USER_TIMEOUT, 1000)
                subprocess.run([artel.bin_dir / "fixtures/service", "reload", "--exec"], cwd=f"/proc/{process.pid}/cwd",
                               check=True, timeout=artel.patience)  # fmt: skip
                self.assertNotEqual(bound.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY), 0)
                self.assertEqual(bound.getsockopt(socket.IPPROTO_TCP, TCP_USER_TIMEOUT), 60_000)
                process.terminate()
                _, said = process.communicate(timeout=artel.patience)
                self.assertEqual(process.returncode, 0, said)
                self.assertIn(f"has bound 127.0.0.1:{stranger.getsockname()[1]}, where no worker listens", said)
                with socket.create_connection(("127.0.0.1", port)):  # the queue is systemd's and stays
                    pass

    def test_a_unix_socket_of_the_service_manager_keeps_its_file(self):
        with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as bound:
            path = f"{folder}/web.sock"
            bound.bind(path)
            bound.listen(64)
            process = self.start_with([bound], ["--listen", f"line=unix://{path}", "--", "keep"])
            while not process.stdout.readline().startswith("listening"):
                pass
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(path)
                client.sendall(b"who")
                self.assertTrue(client.recv(4096).isdigit())
            process.terminate()
            _, said = process.communicate(timeout=artel.patience)
            self.assertEqual(process.returncode, 0, said)
            self.assertTrue(os.path.exists(path))


class Terminal(artel.Case):
    def on_a_terminal(self, words, folder):
        """The pid of a session leader whose terminal runs `words`, and our end of the terminal."""
        pid, ours = pty.fork()
        if pid == 0:
            os.chdir(folder)
            os.execv(words[0], words)
        return pid, ours

    def read_until(self, ours, text):
        said = b""
        while text not in said:
            self.assertTrue(artel.readable(ours, artel.patience), f"{text} was expected after {said}")
            try:
                said += os.read(ours, 65536)
            except OSError:  # the other end is closed
                break
        return said.decode()

    def test_the_foreground_dies_with_its_terminal(self):
        with tempfile.TemporaryDirectory() as folder:
            pid, ours = self.on_a_terminal([str(artel.bin_dir / "fixtures/service"), "start"], folder)
            self.read_until(ours, b"Ctrl+C stops")
            os.close(ours)
            _, status = os.waitpid(pid, 0)
            self.assertEqual(os.waitstatus_to_exitcode(status), 0)
            self.assertFalse(pathlib.Path(folder, "service.pid").exists())

    def test_ctrl_c_stops_the_foreground_once(self):
        with tempfile.TemporaryDirectory() as folder:
            pid, ours = self.on_a_terminal([str(artel.bin_dir / "fixtures/service"), "start", "--count", "2", "--log-level",
                                            "debug", "--", f"on-signals={signal.SIGINT:d}"], folder)  # fmt: skip
            said = self.read_until(ours, b"Ctrl+C stops")
            before = termios.tcgetattr(ours)
            workers = re.findall(r"(?m)^start \d (\d+)\r?$", said)
            self.assertEqual(len(workers), 2, said)
            os.write(ours, b"\x03")
            said = self.read_until(ours, b"nothing like this")  # up to the end
            self.assertEqual(termios.tcgetattr(ours), before)
            _, status = os.waitpid(pid, 0)
            os.close(ours)
            self.assertEqual(os.waitstatus_to_exitcode(status), 0, said)
            self.assertEqual(said.count(" stopping: "), 1, said)
            self.assertEqual(sorted(re.findall(r"(?m)^stop (\d+)\r?$", said)), sorted(workers), said)
            self.assertNotRegex(said, rf"signal {signal.SIGINT:d} |ended|killed|\x1b\[\?", "the terminal's signal is for the master alone")
            for worker in workers:
                self.assertFalse(pathlib.Path(f"/proc/{worker}").exists())
            self.assertEqual(os.listdir(folder), [])

    def test_the_background_does_not(self):
        with tempfile.TemporaryDirectory() as folder:
            pid, ours = self.on_a_terminal([str(artel.bin_dir / "fixtures/service"), "start", "-d"], folder)
            said = self.read_until(ours, b"log ")
            self.assertIn("service: started in the background, master ", said)
            _, status = os.waitpid(pid, 0)
            self.assertEqual(os.waitstatus_to_exitcode(status), 0)
            os.close(ours)
            master = int(pathlib.Path(folder, "service.pid").read_text())
            self.addCleanup(lambda: pathlib.Path(f"/proc/{master}").exists() and os.kill(master, signal.SIGTERM))
            self.assertIn("127.0.0.1", said)
            stop = self.program("fixtures/service", command="stop", cwd=folder)
            self.assertEqual(stop.wait(), 0, stop.said())
            self.assertEqual(stop.out.text().strip(), "service: stopped")


if __name__ == "__main__":
    artel.run()
