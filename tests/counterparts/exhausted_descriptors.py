"""Descriptors run out: accepting pauses, old clients are served, nothing spins, and it goes on by itself."""
import os
import resource
import tempfile
import unittest

import _artel_program as artel

LIMIT = 40


def few_descriptors():
    resource.setrlimit(resource.RLIMIT_NOFILE, (LIMIT, LIMIT))


def processor_seconds(pid):
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class ExhaustedDescriptors(unittest.TestCase):
    def test_files(self):
        """A file that is there, and cannot be opened now, is no 404."""
        if b"__ubsan_" in (artel.bin_dir / "fixtures/service").read_bytes():
            self.skipTest("the sanitizer needs a descriptor of its own to look at memory, and complains without one")
        program = artel.Program("fixtures/service", preexec_fn=few_descriptors)
        self.addCleanup(program.kill)
        with artel.Wire(program.port()) as first, tempfile.NamedTemporaryFile() as file:
            file.write(b"the end")
            file.flush()

            def status():
                first.send(f"GET /file?{file.name} HTTP/1.1\r\nHost: x\r\n\r\n")
                code = int(first.until(b"\r\n\r\n").split()[1])
                first.until(b"the end" if code == 200 else b"Unavailable")
                return code

            self.assertEqual(status(), 200)
            flood = [artel.Wire(program.port()) for _ in range(2 * LIMIT)]
            program.err.wait("cannot accept")
            self.assertEqual(status(), 503)
            program.err.wait("a file was not sent: too many open files; 503")
            for wire in flood:
                wire.close()
            artel.until(lambda: status() == 200, "the file again")
        self.assertEqual(program.stop(), 0)

    def test_accepting_pauses_and_resumes(self):
        if b"__ubsan_" in (artel.bin_dir / "text_echo").read_bytes():
            self.skipTest("the sanitizer needs a descriptor of its own to look at memory, and complains without one")
        program = artel.Program("text_echo", "text://127.0.0.1:0", preexec_fn=few_descriptors)
        self.addCleanup(program.kill)
        first = artel.Wire(program.port())
        first.send("hello\n")
        self.assertEqual(first.line(), "hello")
        flood = [artel.Wire(program.port()) for _ in range(2 * LIMIT)]
        for i, wire in enumerate(flood):
            wire.send(f"{i}\n")
        program.err.wait("cannot accept")
        worker = artel.worker_of(program.pid)
        before = processor_seconds(worker)
        for i in range(100):  # old clients are served all the while
            first.send(f"again {i}\n")
            self.assertEqual(first.line(), f"again {i}")
        served = [wire for wire in flood if artel.readable(wire.socket, 0)]
        self.assertGreater(len(served), 5)
        self.assertLess(len(served), LIMIT)
        self.assertLess(processor_seconds(worker) - before, 0.2)
        for wire in served:
            wire.close()
        # The next ones in the queue get their turn.
        artel.until(lambda: sum(artel.readable(w.socket, 0) for w in flood if w not in served) >= 5, "clients that waited are served")
        for wire in flood:
            wire.close()
        first.close()
        self.assertEqual(program.stop(), 0)
        self.assertEqual(len(program.err.find("cannot accept")), 1, "one line a minute")


if __name__ == "__main__":
    artel.run()
