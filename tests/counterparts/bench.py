"""The benchmark's own tools count what is right and nothing else. How fast anything is does not matter here."""
import json
import subprocess
import sys
import unittest

import _artel_program as artel

sys.path.insert(0, str(artel.source_dir / "bench"))
from harness import report, rounds, servers, stats, workloads  # noqa: E402

LOAD = artel.bin_dir / "bench/artel-load"
PROGRAMS = {"http": "http_hello", "text": "text_echo", "tcp": "tcp_echo", "websocket": "websocket_echo",
            "broadcast": "bench/websocket_broadcast"}  # fmt: skip


def load(mode, port, *options, code=0):
    """The exit code is the one expected; returns what was printed."""
    done = subprocess.run([LOAD, mode, "--port", str(port), *map(str, options)], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=100)  # fmt: skip
    if done.returncode != code:
        raise AssertionError(f"artel-load ended with {done.returncode}, not {code}\n{done.stdout}{done.stderr}")
    return done.stdout


def counts(mode, port, *options):
    return json.loads(load(mode, port, *options))


class Load(artel.Case):
    def server(self, kind):
        scheme = "websocket" if kind == "broadcast" else kind
        return self.program(PROGRAMS[kind], f"{scheme}://127.0.0.1:0").port()

    def right(self, found, answers, size=None):
        self.assertEqual((found["wrong"], found["lost"], found["refused"]), (0, 0, 0))
        self.assertEqual(found["answers"], answers)
        if size:
            self.assertEqual(found["bytes"], answers * size)

    def test_http(self):
        port = self.server("http")
        self.right(counts("http", port, "--requests", 640, "--body", "hello world"), 640)
        self.right(counts("http", port, "--requests", 2048, "--pipeline", 16, "--body", "hello world"), 2048)
        self.right(counts("http", port, "--requests", 640, "--urls", 100, "--body", "hello world"), 640)

    def test_text(self):
        port = self.server("text")
        self.right(counts("text", port, "--requests", 640, "--size", 64), 640, 64)
        self.right(counts("text", port, "--requests", 2048, "--pipeline", 16, "--size", 64), 2048, 64)

    def test_websocket(self):
        port = self.server("websocket")
        for size, header in ((20, 2), (16384, 4), (70000, 10)):
            found = counts("websocket", port, "--requests", 128, "--connections", 8, "--size", size)
            self.right(found, 128)
            self.assertGreaterEqual(found["bytes"], 128 * (size + header))  # and the handshakes

    def test_connect(self):
        found = counts("connect", self.server("http"), "--requests", 100, "--connections", 4, "--body", "hello world")
        self.assertGreaterEqual(found["answers"], 100)
        self.assertEqual((found["wrong"], found["lost"], found["refused"]), (0, 0, 0))

    def test_tls(self):
        for contender, kind_of_key in ((servers.artel(), "https"), (servers.floor(), "https-rsa")):
            with servers.Server(contender, kind_of_key, 0) as server:
                port = server.port
                self.right(counts("http", port, "--tls", "full", "--requests", 1024, "--pipeline", 16), 1024)
                for kind in ("full", "resumed"):
                    found = counts("connect", port, "--tls", kind, "--requests", 40, "--connections", 4, "--body", "hello world")
                    self.assertGreaterEqual(found["answers"], 40)
                    self.assertEqual((found["wrong"], found["lost"], found["refused"]), (0, 0, 0))
                self.assertEqual(load("hold", port, "--protocol", "http", "--tls", "full", "--connections", 20), "READY\n")

    def test_without_tls_on_the_other_side_nothing_counts(self):
        load("connect", self.server("http"), "--tls", "full", "--seconds", 0.1, "--warmup", 0, "--connections", 1, code=3)

    def test_broadcast(self):
        port = self.server("broadcast")
        for pipeline in (1, 16):
            found = counts("broadcast", port, "--requests", 3200, "--connections", 50, "--size", 20, "--pipeline", pipeline)
            self.assertGreaterEqual(found["answers"], 3200)
            self.assertEqual((found["wrong"], found["lost"]), (0, 0))

    def test_open_loop(self):
        found = counts("text", self.server("text"), "--requests", 500, "--rate", 5000)
        self.assertGreaterEqual(found["answers"], 500)
        self.assertEqual((found["wrong"], found["lost"]), (0, 0))

    def test_hold_and_flood(self):
        for kind in ("http", "text", "tcp", "websocket"):
            port = self.server(kind)
            self.assertEqual(load("hold", port, "--protocol", kind, "--connections", 20, "--big", 100_000), "READY\n")
            said = load("flood", port, "--protocol", kind, "--flood", 1, "--size", 1000)
            self.assertRegex(said, r"^FLOODED \d+\n$")

    def test_the_floor_is_right_too(self):
        for kind in ("http", "text", "tcp", "websocket", "broadcast"):
            with servers.Server(servers.floor(), kind, 0) as server:
                found = counts(kind, server.port, "--requests", 1024, "--pipeline", 16)
                self.assertGreaterEqual(found["answers"], 1024)
                self.assertEqual((found["wrong"], found["lost"]), (0, 0))

    def test_a_wrong_answer_is_an_error(self):
        http, raw = self.server("http"), self.server("tcp")
        load("http", http, "--requests", 64, "--body", "hello World", code=1)
        load("text", http, "--requests", 64, code=1)  # gets 400 Bad Request
        load("http", raw, "--requests", 64, code=1)  # gets its own request
        load("websocket", raw, "--requests", 64, code=1)


class Harness(unittest.TestCase):
    def test_the_interval_is_that_of_order_statistics(self):
        self.assertEqual(stats.interval(range(1, 16)), (4, 12))  # the known table: n = 15, 96.5 %
        self.assertEqual(stats.interval(range(1, 7)), (1, 6))  # n = 6, 96.9 %
        self.assertEqual(stats.interval([3, 1, 2]), (1, 3))

    def window(self, cpu, foreign):
        return {"cpu_us": cpu, "per_second": 1, "p50_us": 1, "p99_us": 1, "lost": 0, "foreign_cpu": foreign}

    def evaluated(self, ours_and_foreign):
        class Settings:
            rounds = 3

        taken = [{"artel": self.window(cpu, foreign), "floor": self.window(2.0, 0.0)} for cpu, foreign in ours_and_foreign]
        dropped = sum(foreign > rounds.FOREIGN for _, foreign in ours_and_foreign)
        return rounds.evaluate(workloads.BY_KEY["http"], ["artel", "floor"], taken, dropped, Settings)

    def test_disturbed_windows_do_not_count(self):
        result = self.evaluated([(2.0, 0.0), (9.0, 0.4), (2.2, 0.1), (2.4, 0.0)])
        self.assertEqual((result["rounds"], result["dropped"], result["disturbed"]), (3, 1, False))
        self.assertAlmostEqual(result["ratios"]["floor"]["median"], 1.1)

    def test_too_few_quiet_windows_are_marked(self):
        result = self.evaluated([(2.0, 0.0), (9.0, 0.4), (8.0, 0.5)])
        self.assertTrue(result["disturbed"])
        text = "\n".join(report.load_tables([result]))
        self.assertIn("HTTP hello, 64 keep-alive connections (disturbed)", text)

    def test_peers(self):
        found = servers.peers(["a=x {port}", "b@2.1=y {kind} {port}", "b:text=z {port}"])
        self.assertEqual([peer.version for peer in found], ["", "2.1"])
        self.assertEqual(found[0].commands, {"http": "x {port}"})
        self.assertEqual(found[1].command("websocket"), "y websocket {port}")
        self.assertEqual(found[1].command("text"), "z {port}")
        with self.assertRaises(SystemExit):
            servers.peers(["a=no port"])

    def test_what_another_run_has_measured_is_said(self):
        results = {"machine": {"date": "today", "commit": "c"}, "command": "x",
                   "measured": {"memory": "today, c", "accepts": "yesterday, b"}}  # fmt: skip
        self.assertIn("Measured on another occasion: `accepts` (yesterday, b).", "\n".join(report.pages(results)))


if __name__ == "__main__":
    if not LOAD.exists():
        artel.skip(f"no {LOAD}")
    artel.run()
