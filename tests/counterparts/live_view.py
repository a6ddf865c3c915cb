"""`status -d` on a real terminal: what each key does, and that the terminal is as it was on every way out."""
import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios

import _artel_program as artel

ENTER, LEAVE = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"
# Starts its words as a job, as a shell does that has job control, and goes on with it when a line was typed.
SHELL = """
import os, signal, sys
signal.signal(signal.SIGTTOU, signal.SIG_IGN)
job = os.fork()
if job == 0:
    os.setpgid(0, 0)
    os.tcsetpgrp(0, os.getpid())
    signal.signal(signal.SIGTTOU, signal.SIG_DFL)
    os.execv(sys.argv[1], sys.argv[1:])
while os.WIFSTOPPED(os.waitpid(job, os.WUNTRACED)[1]):
    os.tcsetpgrp(0, os.getpgrp())
    print("STOPPED", flush=True)
    word = sys.stdin.readline().strip()
    if word == "fg":
        os.tcsetpgrp(0, job)
    if word == "kill":
        os.kill(job, signal.SIGTERM)
    os.kill(job, signal.SIGCONT)
    if word == "bg":
        os.waitpid(job, os.WCONTINUED)
        while open(f"/proc/{job}/stat").read().rsplit(") ", 1)[1][0] != "S":
            pass
        print("RUNS", flush=True)
        sys.stdin.readline()
        os.tcsetpgrp(0, job)
os.tcsetpgrp(0, os.getpgrp())
print("ENDED", flush=True)
"""


class View:
    """The command on a terminal of its own."""

    def __init__(self, test, words=(), width=80, height=24, shell=False, stdin=None, **environment):
        self.test = test
        program = str(artel.bin_dir / "fixtures/service")
        words = [program, "status", "-d", *words]
        if shell:
            words = [sys.executable, "-c", SHELL, *words]
        self.ours, theirs = pty.openpty()
        test.addCleanup(os.close, self.ours)
        self.resize(width, height)
        self.before = termios.tcgetattr(self.ours)
        environment = {"TERM": "xterm", "LC_ALL": "C.UTF-8", "NO_COLOR": "1", **environment}

        def own():
            os.setsid()
            fcntl.ioctl(1, termios.TIOCSCTTY, 0)

        self.process = subprocess.Popen(words, cwd=test.service.folder.name, env={**os.environ, **environment},
                                        stdin=theirs if stdin is None else stdin, stdout=theirs, stderr=theirs,
                                        preexec_fn=own)
        os.close(theirs)
        self.said = ""
        test.addCleanup(self.end)

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def resize(self, width, height=24):
        fcntl.ioctl(self.ours, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

    def read(self):
        self.test.assertTrue(artel.readable(self.ours, artel.patience), self.said[-2000:])
        try:
            data = os.read(self.ours, 65536)
        except OSError:  # nobody has the terminal open any more
            data = b""
        self.said += data.decode(errors="replace").replace("\r\n", "\n")
        return bool(data)

    def frame(self):
        """The last one that is complete: what the terminal shows."""
        whole = self.said[:self.said.rfind("\x1b[J")]
        return whole[whole.rfind("\x1b[H") + 3:].replace("\x1b[K", "")

    def until(self, condition, what):
        while not condition():
            self.test.assertTrue(self.read(), f"it ended before there was {what}: {self.said[-2000:]!r}")

    def shows(self, *texts, without=()):
        self.until(lambda: "\x1b[J" in self.said and all(text in self.frame() for text in texts) and
                   not any(text in self.frame() for text in without), f"{texts} without {without}")
        return self.frame()

    def press(self, keys):
        os.write(self.ours, keys.encode())

    def stop(self):
        """Ctrl+Z; what was said until the shell had its terminal back."""
        self.press("\x1a")
        self.until(lambda: "STOPPED\n" in self.said, "a stop")
        said, self.said = self.said, ""
        return said

    def code(self):
        """The exit code, when all that was said has been read."""
        while self.read():
            pass
        return self.process.wait(artel.patience)


class LiveView(artel.Case):
    def setUp(self):
        self.service = self.program("fixtures/service", options=["--count", "web=2"], arguments=["keep"])
        self.port = self.service.port()
        self.client = artel.Wire(self.port)
        self.addCleanup(self.client.close)
        self.client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        self.client.until(b"\r\n\r\n")

    def as_it_was(self, view):
        self.assertEqual(termios.tcgetattr(view.ours), view.before)
        self.assertEqual(view.said.count(ENTER), view.said.count(LEAVE))
        self.assertEqual(view.said.rindex(LEAVE) + len(LEAVE), len(view.said.rstrip("\n")))

    def test_each_key(self):
        view = View(self)
        view.shows("3 procs", "conns 1 █", " req/s ", "\nline ", "\nq quit  s sort")
        self.assertEqual(view.said.count(ENTER), 1)
        raw = termios.tcgetattr(view.ours)[3]
        self.assertEqual(raw & (termios.ICANON | termios.ECHO | termios.ISIG), termios.ISIG)
        view.press("s")
        view.shows("by MEM")
        view.press("ss")
        view.shows("by QPS")
        view.press("w")
        view.shows("2 procs", "only web", without=["\nline "])
        view.press("w")
        view.shows("1 proc ", "only line", without=["\nweb "])
        view.press("w")
        view.shows("3 procs", without=["only"])
        view.press("c")
        view.shows("SEND-Q", "ESTABLISHED", "1 of 1 shown.\n", "c processes", without=["by QPS"])
        view.press("s")
        view.shows("by SEND-Q", "ESTABLISHED")
        view.press("c")
        view.shows("P99", "by QPS")
        view.press("?")
        view.shows("reloads the service", "Any key goes back.")
        view.press("x")
        view.shows("\nq quit", "P99")
        view.press("r")
        view.shows("y/n")
        view.press("n")
        view.shows("\nq quit")
        view.press("ry")
        view.shows("reload: 2 workers replaced, 1 kept")
        view.press("x\x1b[A")
        view.shows("\nq quit")
        view.press("q")
        self.assertEqual(view.code(), 0)
        self.as_it_was(view)

    def test_a_pause(self):
        view = View(self)
        view.shows("conns 1 ")
        view.press("p")
        view.shows("PAUSED", "p go on")
        second = artel.Wire(self.port)
        self.addCleanup(second.close)
        second.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        second.until(b"\r\n\r\n")
        frames = view.said.count("\x1b[H")
        self.assertFalse(artel.readable(view.ours, 1.5), "it draws in a pause")
        view.press("s")
        view.shows("PAUSED", "conns 2 ", "by MEM")
        self.assertEqual(view.said.count("\x1b[H"), frames + 1)
        view.press("p")
        view.shows("conns 2 ", without=["PAUSED"])

    def test_another_size(self):
        view = View(self, width=120)
        view.shows("LISTEN")
        view.press("p")
        view.shows("PAUSED")
        frames = view.said.count("\x1b[H")
        view.resize(60, 12)
        view.shows("q quit  ? help", "PAUSED", without=["LISTEN"])
        self.assertLessEqual(view.said.count("\x1b[H"), frames + 2)
        self.assertLessEqual(view.frame().count("\n"), 11)

    def test_every_way_out(self):
        ways = {"q": 0, "\x03": 0, signal.SIGTERM: 0, signal.SIGHUP: 0, signal.SIGINT: 0,
                signal.SIGSEGV: None, signal.SIGABRT: None}  # fmt: skip
        for way, code in ways.items():
            with self.subTest(way=way):
                view = View(self)
                view.shows("\nq quit")
                view.press(way) if isinstance(way, str) else os.kill(view.process.pid, way)
                ended = view.code()
                if code is None:  # a sanitizer would have its own word for it
                    self.assertNotEqual(ended, 0)
                    self.assertIn(LEAVE, view.said)
                    self.assertEqual(termios.tcgetattr(view.ours), view.before)
                else:
                    self.assertEqual(ended, code)
                    self.as_it_was(view)

    def test_the_service_ends(self):
        view = View(self)
        view.shows("\nq quit")
        self.assertEqual(self.service.stop(), 0)
        self.assertEqual(view.code(), 3)
        self.assertEqual(termios.tcgetattr(view.ours), view.before)
        self.assertIn("is not running", view.said[view.said.rindex(LEAVE):], "said when the page is gone")

    def ends_in_front(self, view):
        """It has taken the terminal once since it came back, and gives it back at its end."""
        self.assertEqual(view.said.count(ENTER), 1)
        self.assertFalse(termios.tcgetattr(view.ours)[3] & termios.ECHO)
        view.press("q")
        view.until(lambda: "ENDED" in view.said, "its end")
        self.assertEqual(termios.tcgetattr(view.ours), view.before)

    def test_stopped_and_continued(self):
        view = View(self, shell=True)
        view.shows("\nq quit")
        said = view.stop()
        self.assertEqual(termios.tcgetattr(view.ours), view.before)
        self.assertTrue(said.endswith(LEAVE + "STOPPED\n"), said[-200:])
        view.press("fg\n")
        view.shows("3 procs", "\nq quit")
        self.ends_in_front(view)

    def test_brought_to_the_front_without_a_word(self):
        """`bg`, then `fg`: a shell sends no CONT to a job that runs."""
        view = View(self, shell=True)
        view.shows("\nq quit")
        view.press("p")
        view.shows("PAUSED")
        view.stop()
        view.press("bg\n")
        view.until(lambda: "RUNS\n" in view.said, "a job in the background")
        view.said = ""
        view.press("fg\n")
        view.shows("PAUSED", "p go on")
        view.press("p")
        view.shows("\nq quit", without=["PAUSED"])
        self.ends_in_front(view)

    def test_ended_while_it_was_stopped(self):
        view = View(self, shell=True)
        view.shows("\nq quit")
        view.stop()
        view.press("kill\n")
        view.until(lambda: "ENDED" in view.said, "its end")
        self.assertNotIn("\x1b", view.said, "the terminal is the shell's")
        self.assertEqual(termios.tcgetattr(view.ours), view.before)

    def test_without_escapes(self):
        view = View(self, TERM="dumb")
        view.until(lambda: "q quit" in view.said, "a picture")
        view.press("p")
        view.until(lambda: "PAUSED" in view.said, "another below it")
        self.assertNotIn("\x1b", view.said)
        self.assertRegex(view.said, r"conns 1 %  \d+ req/s [.%]  ")
        view.press("q")
        self.assertEqual(view.code(), 0)
        self.assertEqual(termios.tcgetattr(view.ours), view.before)

    def test_letters_of_another_locale(self):
        for locale in ({"LC_ALL": "C"}, {"LC_ALL": "", "LC_CTYPE": "POSIX", "LANG": "C.UTF-8"}):
            with self.subTest(locale=locale):
                self.assertRegex(View(self, **locale).shows("conns 1 "), "conns 1 %")
        view = View(self, LC_ALL="", LC_CTYPE="", LANG="en_US.utf8")
        self.assertRegex(view.shows("conns 1 "), "conns 1 █")

    def test_no_keys_where_standard_input_is_no_terminal(self):
        view = View(self, stdin=subprocess.DEVNULL)
        view.shows("\nq quit")
        self.assertEqual(termios.tcgetattr(view.ours), view.before)
        os.kill(view.process.pid, signal.SIGTERM)
        self.assertEqual(view.code(), 0)

    def test_objects_on_a_terminal(self):
        view = View(self, words=["--json"])
        view.until(lambda: view.said.count("\n") >= 2, "two lines")
        self.assertEqual(len(re.findall(r'^\{"schema":1,.*\}$', view.said, re.M)), view.said.count("\n"))
        self.assertEqual(termios.tcgetattr(view.ours), view.before)
        view.press("\x03")
        self.assertEqual(view.code(), 0)


if __name__ == "__main__":
    artel.run()
