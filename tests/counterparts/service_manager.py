"""systemd's side of a service, and a terminal's: what they are told, and what their end does."""
import os
import pathlib
import pty
import signal
import socket
import tempfile

import _artel_program as artel


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
