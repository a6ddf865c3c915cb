"""What wrong input gets: on the command line one clear text and an exit code, on the wire an answer and a log line."""
import os
import pathlib
import re
import signal
import socket
import subprocess
import tempfile
import time

import _artel_program as artel


class CommandLine(artel.Case):
    def refused(self, name, code, *patterns, command="start", words=(), **kwargs):
        program = artel.Program(name, command=command, options=words, **kwargs)
        self.programs.append(program)
        self.assertEqual(program.wait(), code, program.said())
        said = program.err.text()
        self.assertEqual(program.out.text(), "", "nothing on stdout")
        for pattern in patterns:
            self.assertRegex(said, pattern)
        self.assertLessEqual(len(said.splitlines()), 6, said)
        self.assertNotRegex(said, r"terminate called|what\(\):|0x[0-9a-f]{6}|#\d+ |Traceback|core dumped")
        return said

    def errors(self, code, *patterns):
        return rf"(?m)^error\[E0{code}\] ", *patterns

    def test_addresses_that_cannot_be_read(self):
        for address in ("http://", "http://127.0.0.1", "http://127.0.0.1:", "http://127.0.0.1:65536", "http://127.0.0.1:-1",
                        "http://127.0.0.1:http", "http://127.0.0.1:80x", "127.0.0.1:80", ":80", "http:/127.0.0.1:80",
                        "http://[::1:80", "http://::1:80", "http://256.0.0.1:80", "http://no such host:80", "nonsense", "://x:1"):
            with self.subTest(address):
                said = self.refused("http_hello", 6, *self.errors(6), listen=address)
                self.assertIn(address.split("://")[-1], said, "the text names what was wrong")
        self.assertIn("65535", self.refused("http_hello", 6, listen="http://127.0.0.1:65536"), "and what would be right")

    def test_unknown_scheme(self):
        said = self.refused("http_hello", 6, *self.errors(6, "gopher"), listen="gopher://127.0.0.1:0")
        for known in ("http", "websocket", "text", "frame", "tcp", "udp", "unix"):
            self.assertIn(known, said)
        self.assertIn("websocket", self.refused("websocket_echo", 6, *self.errors(6), listen="ws://127.0.0.1:0"),
                      "the scheme of clients: the text names that of servers")

    def test_busy_port(self):
        with socket.create_server(("127.0.0.1", 0)) as holder:
            port = holder.getsockname()[1]
            self.refused("http_hello", 5, *self.errors(5, "http_hello", f"127.0.0.1:{port}", "in use", rf"held by:? .*pid {os.getpid()}", "try"),
                         listen=f"http://127.0.0.1:{port}")
            self.refused("http_hello", 5, *self.errors(5), listen=f"http://127.0.0.1:{port}", count=4)
        first = self.program("udp_echo", listen="udp://127.0.0.1:0")
        self.refused("udp_echo", 5, *self.errors(5, "in use"), listen=first.address())
        # Where it can be known, the program is named that holds the port.
        web = self.program("http_echo", listen="http://127.0.0.1:0")
        self.refused("http_hello", 5, *self.errors(5, rf"held by:? .*http_echo.*pid {web.pid}|held by:? .*artel.*pid {web.pid}"), listen=web.address())

    def test_foreign_address(self):
        self.refused("http_hello", 5, *self.errors(5, "203.0.113.7"), listen="http://203.0.113.7:8080")

    def test_no_permission(self):
        start = pathlib.Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")
        if not start.exists() or int(start.read_text()) <= 80:
            self.skipTest("port 80 is open to everybody here")
        user = {"user": "nobody"} if os.getuid() == 0 else {}
        if user and subprocess.run([artel.bin_dir / "http_hello", "version"], capture_output=True, **user).returncode != 0:
            self.skipTest("nobody may not run the programs here")
        said = self.refused("http_hello", 5, listen="http://127.0.0.1:80", **user)
        self.assertEqual(said, """\
error[E05] worker "http_hello" (http://127.0.0.1:80) cannot listen on http://127.0.0.1:80: permission denied (13 EACCES)
  try:     a port from 1024 on, or CAP_NET_BIND_SERVICE for this program
  read:    docs/errors.md#e05""")

    def test_unix_sockets(self):
        with tempfile.TemporaryDirectory() as folder:
            path = folder + "/s"
            with socket.socket(socket.AF_UNIX) as holder:
                holder.bind(path)
                holder.listen()
                self.refused("tcp_echo", 5, *self.errors(5, re.escape(path)), listen=f"unix://{path}")
            self.assertTrue(os.path.exists(path))
            self.refused("tcp_echo", 5, *self.errors(5, re.escape(path), "rm "), listen=f"unix://{path}")
            os.unlink(path)
            pathlib.Path(path).write_text("precious")
            self.refused("tcp_echo", 5, *self.errors(5, re.escape(path)), listen=f"unix://{path}")
            self.assertEqual(pathlib.Path(path).read_text(), "precious", "no file is removed that is not ours")
            self.refused("tcp_echo", 6, *self.errors(6, "(?i)no such"), listen=f"unix://{folder}/no/such/folder/s")

    def test_words(self):
        web = "http_hello"
        self.refused(web, 2, *self.errors(2, "api", "http_hello"), listen="api=http://127.0.0.1:0")
        self.refused(web, 2, *self.errors(2, "api"), words=["--count", "api=2"])
        self.refused(web, 2, *self.errors(2, "four"), count="four")
        self.refused(web, 2, *self.errors(2, "strat", "start"), command="strat")
        self.refused(web, 2, *self.errors(2, "--lisen", "--listen"), words=["--lisen", "http://127.0.0.1:0"])
        self.refused(web, 2, *self.errors(2), words=["--listen"])
        self.refused(web, 2, *self.errors(2, "word"), words=["word"])
        program = artel.Program(web, command=None)
        self.programs.append(program)
        self.assertEqual(program.wait(), 2)
        self.assertIn("usage: ", program.err.text())
        for command in ("help", "version"):
            program = artel.Program(web, command=command)
            self.programs.append(program)
            self.assertEqual(program.wait(), 0)
            self.assertEqual(program.err.text(), "")
            self.assertIn("artel", program.out.text())

    def test_handler_that_does_not_fit(self):
        self.refused("http_hello", 6, *self.errors(6, "onMessage", "http"), listen="text://127.0.0.1:0")
        self.refused("websocket_echo", 6, *self.errors(6, "onMessage"), listen="http://127.0.0.1:0")
        self.refused("text_echo", 6, *self.errors(6, "onMessage"), listen="udp://127.0.0.1:0")
        self.refused("udp_echo", 6, *self.errors(6, "onMessage"), listen="text://127.0.0.1:0")

    def test_one_process_only(self):
        self.refused("chat", 6, *self.errors(6, "rooms live in one process until Channel exists"), count=2, listen="http://127.0.0.1:0")

    def test_exception_at_the_start(self):
        program = artel.Program("heartbeat", listen="text://127.0.0.1:0", arguments=["soon"])  # not a number: stod throws
        self.programs.append(program)
        self.assertEqual(program.wait(), 1, program.said())
        self.assertRegex(program.err.text(), "stod")
        self.assertNotIn("terminate called", program.err.text())


class OnTheWire(artel.Case):
    def answers(self, server, data):
        wire = self.wire(server.port())
        wire.send(data)
        return wire.all()

    get = b"GET /some/page HTTP/1.1\r\nHost: x\r\nUser-Agent: Mozilla\r\n\r\n"
    hello = (b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
             b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
    tls = bytes.fromhex("16030100c5010000c10303") + bytes(range(32)) + b"\x20" + bytes(180)

    def test_wrong_protocol(self):
        speaks = {"websocket_echo": "websocket", "text_echo": "text", "frame_server": "frame"}
        for name, scheme in speaks.items():
            with self.subTest(name):
                server = self.program(name, listen=f"{scheme}://127.0.0.1:0")
                for _ in range(3):
                    answer = self.answers(server, self.get)
                    self.assertRegex(answer, rb"^HTTP/1\.1 426 ")
                    self.assertRegex(answer, rb"(?i)\r\nConnection: [^\r]*close")
                    self.assertIn(scheme.encode(), answer.split(b"\r\n\r\n", 1)[1], "the page says what the port speaks")
                said = server.err.wait(scheme).group(0)
                self.assertEqual(len(server.err.find(r"HTTP")), 1, "one log line a minute")
                self.assertTrue(said)
                if scheme != "websocket":
                    self.assertRegex(self.answers(server, self.hello), rb"^HTTP/1\.1 426 ")
        for name, scheme in {**speaks, "http_echo": "http"}.items():
            with self.subTest(name + ", TLS"):
                server = self.program(name, listen=f"{scheme}://127.0.0.1:0")
                self.answers(server, self.tls)
                server.err.wait("TLS")

    def test_websocket_hello_to_plain_http(self):
        server = self.program("http_hello", listen="http://127.0.0.1:0")
        wire = self.wire(server.port())
        wire.send(self.hello)
        status, _, _ = wire.response()
        self.assertNotEqual(status, 101, "it reaches onMessage like any request (decisions, section 5)")

    def test_garbage(self):
        import random
        dice = random.Random(7)
        programs = {"http_echo": "http", "websocket_echo": "websocket", "text_echo": "text", "frame_server": "frame",
                    "chat": "http", "protocol_xml": "tcp", "protocol_json": "json"}
        for name, scheme in programs.items():
            with self.subTest(name):
                server = self.program(name, listen=f"{scheme}://127.0.0.1:0")
                for i in range(60):
                    wire = artel.Wire(server.port())
                    try:
                        start = dice.choice([b"", self.get, self.hello, self.tls, b"\0\0\0\x20", b"POST / HTTP/1.1\r\nHost: x\r\n"])
                        wire.send(start + dice.randbytes(dice.choice([1, 10, 1000, 70000])))
                        if i % 2:
                            wire.end()
                            wire.all()
                    except OSError:
                        pass
                    finally:
                        wire.close()
                self.assertNotRegex(server.err.text(), r"exited|signal|restart|exception", "no process died")
                if scheme == "http":
                    wire = self.wire(server.port())
                    wire.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                    self.assertEqual(wire.response()[0], 200)

    def test_half_a_request(self):
        server = self.program("http_hello", listen="http://127.0.0.1:0")
        start = time.monotonic()
        wires = [self.wire(server.port()) for _ in range(3)]
        wires[1].send("GET / HT")
        wires[2].send("GET / HTTP/1.1\r\nHost: x\r\n")
        for wire in wires:
            wire.socket.settimeout(30)
        for wire in wires[1:]:
            self.assertRegex(wire.all(), rb"^HTTP/1\.1 408 ")
        wires[0].all()
        self.assertGreater(time.monotonic() - start, 9)

    def test_killed_worker_comes_back(self):
        server = self.program("http_hello", listen="http://127.0.0.1:0")
        server.port()
        first = artel.worker_of(server.pid)
        os.kill(first, signal.SIGKILL)
        artel.until(lambda: artel.worker_of(server.pid) not in (None, first), "another worker")
        self.assertIn(b"200 OK", self.answers(server, b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"))
        server.err.wait(r"signal (SIG)?KILL")

    def test_killed_master_takes_its_workers_along(self):
        server = self.program("http_hello", listen="http://127.0.0.1:0", count=2)
        port = server.port()
        server.process.kill()
        server.process.wait()

        def free():
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) != 0
        artel.until(free, "the port to be free")


if __name__ == "__main__":
    artel.run()
