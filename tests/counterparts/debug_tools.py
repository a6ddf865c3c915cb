"""gdb and strace on workers (rows 1.14.3, 1.14.5): names of functions, and silence when nothing is to do."""
import os
import re
import shutil
import subprocess
import unittest

import _artel_program as artel


def attach(*words):
    """What a tool says that attaches to a process; the test is skipped where the system forbids it."""
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    said = done.stdout + done.stderr
    if "ptrace" in said.lower() and "not permitted" in said.lower():
        raise unittest.SkipTest("this system does not let a process be traced")
    return said


class DebugTools(artel.Case):
    def needs(self, command):
        if not shutil.which(command):
            self.skipTest(f"{command} is not installed")

    def test_gdb_names_the_function_of_a_busy_worker(self):
        self.needs("gdb")
        program = self.program("fixtures/misbehave", count=1)
        wire = self.wire(program.port())
        worker = artel.worker_of(program.pid)
        wire.send("GET /until HTTP/1.1\r\nHost: x\r\n\r\n")
        said = artel.until(lambda: (lambda text: text if "loopUntil" in text else "")(
            attach("gdb", "-p", str(worker), "-batch", "-ex", "bt")), "the function in gdb's stack")
        self.assertRegex(said, r"#\d+ .*loopUntil")
        with open(os.path.join(program.folder.name, "go"), "w"):
            pass
        self.assertEqual(wire.response()[0], 200)

    def test_an_idle_worker_makes_no_calls(self):
        self.needs("strace")
        if artel.sanitized("http_hello"):
            self.skipTest("the sanitizer makes calls of its own")
        program = self.program("http_hello", "http://127.0.0.1:0", count=1)
        with artel.Wire(program.port()) as wire:
            wire.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            self.assertEqual(wire.response()[0], 200)
        worker = artel.worker_of(program.pid)

        def makes_none():  # the connection may be at its end just now
            said = attach("timeout", "-s", "INT", "3", "strace", "-f", "-p", str(worker))
            self.assertIn("attached", said)
            return len(re.findall(r"^(?:\[pid +\d+\] )?\w+\(", said, re.M)) <= 1  # the one it waits in
        artel.until(makes_none, "three seconds without a call")


if __name__ == "__main__":
    artel.run()
