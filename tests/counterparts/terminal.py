"""What the commands draw on a real terminal: its width, its colours, and the terminal as it was afterwards."""
import fcntl
import os
import pty
import re
import struct
import termios

import _artel_program as artel

SGR = re.compile(r"\x1b\[[0-9;]*m")


class Terminal(artel.Case):
    def setUp(self):
        self.service = self.program("fixtures/misbehave", count=2)
        self.port = self.service.port()
        self.client = artel.Wire(self.port)
        self.addCleanup(self.client.close)
        self.client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        self.client.until(b"\r\n\r\n")

    def run_on_terminal(self, words, width, keys=None, **environment):
        """What the command draws, with plain line ends, and its exit code. `keys`: (after this text, type that)."""
        pid, ours = pty.fork()
        if pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
            names = {k: v for k, v in os.environ.items() if k != "NO_COLOR"}
            program = str(artel.bin_dir / "fixtures/misbehave")
            os.chdir(self.service.folder.name)
            os.execve(program, [program, *words], {**names, "TERM": "xterm", **environment})
        said = b""
        while True:
            self.assertTrue(artel.readable(ours, artel.patience), said)
            try:
                data = os.read(ours, 65536)
            except OSError:  # the command has ended
                break
            if not data:
                break
            said += data
            if keys and keys[0] in said:
                os.write(ours, keys[1])
                keys = None
        os.close(ours)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        return said.decode().replace("\r\n", "\n"), code

    def check(self, words, titles):
        for width, shown in titles.items():
            with self.subTest(words=words, width=width):
                colourful, code = self.run_on_terminal(words, width)
                self.assertEqual(code, 0, colourful)
                lines = SGR.sub("", colourful).splitlines()
                self.assertLessEqual(max(map(len, lines)), width, colourful)
                self.assertIn(shown, [line.split() for line in lines], colourful)
                self.assertIn("\x1b[32m", colourful)
                for without in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
                    plain, code = self.run_on_terminal(words, width, **without)
                    self.assertEqual(code, 0, plain)
                    self.assertNotIn("\x1b", plain)
                    self.assertIn(shown, [line.split() for line in plain.splitlines()], plain)

    def test_status(self):
        wide = "WORKER LISTEN PID UP MEM CONN TIMER REQUESTS QPS IN/S OUT/S P50 P99 LAG FAIL EXIT STATE".split()
        self.check(["status"], {60: "WORKER PID MEM CONN QPS P99 FAIL STATE".split(),
                                80: "WORKER PID MEM CONN QPS P99 FAIL STATE".split(),
                                160: wide})  # fmt: skip

    def test_connections(self):
        wide = ("PID WORKER CID TRANS PROTOCOL IPV4 IPV6 RECV-Q SEND-Q BYTES-R BYTES-W STATUS IDLE AGE TLS "
                "LOCAL FOREIGN").split()
        self.check(["connections"], {60: "PID WORKER CID STATUS FOREIGN".split(),
                                     80: "PID WORKER CID PROTOCOL SEND-Q STATUS FOREIGN".split(),
                                     160: wide})  # fmt: skip

    def test_the_live_view_has_colours(self):
        said, code = self.run_on_terminal(["status", "-d"], 80, keys=(b"q quit", b"\x03"))
        self.assertEqual(code, 0, said)
        self.assertIn("\x1b[32midle\x1b[0m", said)


if __name__ == "__main__":
    artel.run()
