"""Thousands of idle connections in one process (row 1.16.13): all are served, and each costs little memory."""
import resource
import unittest

import _artel_program as artel

WANTED = 10_000
SPARE = 200  # descriptors for everything else


def raise_limit():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def resident_bytes(pid):
    with open(f"/proc/{pid}/smaps_rollup") as file:
        return sum(int(line.split()[1]) * 1024 for line in file if line.startswith(("Private_Dirty", "Private_Clean")))


class ManyConnections(unittest.TestCase):
    def test_idle_connections(self):
        hard = raise_limit()
        if hard < 2000:
            self.skipTest(f"only {hard} open files are allowed here")
        count = min(WANTED, hard - SPARE)
        program = artel.Program("text_echo", "text://127.0.0.1:0")
        self.addCleanup(program.kill)
        port = program.port()
        worker = artel.worker_of(program.pid)
        with artel.Wire(port) as one:
            one.send("warm\n")
            self.assertEqual(one.line(), "warm")
        before = resident_bytes(worker)
        wires = [artel.Wire(port) for _ in range(count)]
        for i, wire in enumerate(wires):
            wire.send(f"{i}\n")
        for i, wire in enumerate(wires):
            self.assertEqual(wire.line(), str(i))
        each = (resident_bytes(worker) - before) / count
        print(f"{count} connections, {each:.0f} bytes of private memory each")
        self.assertLess(each, 4096)
        for wire in wires:
            wire.close()
        self.assertEqual(program.stop(), 0)


if __name__ == "__main__":
    artel.run()
