"""Every example against plain sockets: it must answer what its comment says."""
import base64
import json
import os
import pathlib
import re
import select
import socket
import struct
import tempfile
import threading
import time

import _artel_program as artel


def upload(name, data):
    name = name.encode()
    return struct.pack(">IB", 5 + len(name) + len(data), len(name)) + name + data


class Udp:
    def __init__(self, port, host="127.0.0.1"):
        self.socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.settimeout(artel.patience)
        self.socket.connect((host, port))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def ask(self, data):
        self.socket.send(data)
        return self.socket.recv(70000)


class Sources(artel.Case):
    def lines(self, path):
        """Lines of C++: no blank ones, comments, includes."""
        lines = (line.strip() for line in path.read_text().splitlines())
        return sum(1 for line in lines if line and not line.startswith(("//", "#include")))

    def test_sizes(self):
        folder = artel.source_dir / "examples"
        for path in folder.glob("*.cpp"):
            most = 25 if path.name.startswith("simple_") and path.name != "simple_chat.cpp" else 40
            if path.name.endswith("_proxy.cpp"):
                most = 60
            self.assertLessEqual(self.lines(path), most, path.name)
        self.assertLessEqual(sum(self.lines(path) for path in folder.glob("chat/*.cpp")), 150)

    def test_every_example_is_tried_here(self):
        here = pathlib.Path(__file__).parent
        tests = "".join(path.read_text() for path in here.glob("*.py"))
        names = [path.stem for path in (artel.source_dir / "examples").glob("*.cpp")]
        self.assertEqual([name for name in names if f'"{name}"' not in tests], [])


class Echo(artel.Case):
    def test_text(self):
        wire = self.wire(self.program("text_echo", listen="text://127.0.0.1:0").port())
        wire.send("one\ntwo\r\n\nthr")
        self.assertEqual([wire.line() for _ in range(3)], ["one", "two", ""])
        for byte in b"ee\nfour\n":
            wire.send(bytes([byte]))
        self.assertEqual([wire.line() for _ in range(2)], ["three", "four"])
        wire.send("x" * 1_000_000 + "\n")
        self.assertEqual(wire.line(), "x" * 1_000_000)
        wire.send("last\n")
        wire.end()
        self.assertEqual(wire.all(), b"last\n", "a half-closed client gets its answers")

    def test_text_too_long(self):
        server = self.program("text_echo", listen="text://127.0.0.1:0")
        wire = self.wire(server.port())
        threading.Thread(target=self.pour, args=(wire, b"x" * (12 << 20)), daemon=True).start()
        self.assertEqual(wire.all(), b"", "a line without an end is no reason to keep 10 MiB")
        other = self.wire(server.port())
        other.send("still here\n")
        self.assertEqual(other.line(), "still here")

    @staticmethod
    def pour(wire, data):
        try:
            wire.send(data)
        except OSError:
            pass

    def test_tcp(self):
        wire = self.wire(self.program("tcp_echo", listen="tcp://127.0.0.1:0").port())
        data = os.urandom(5_000_000)
        threading.Thread(target=wire.send, args=(data,), daemon=True).start()
        self.assertEqual(wire.exactly(len(data)), data)

    def test_tcp_over_a_unix_socket(self):
        with tempfile.TemporaryDirectory() as folder:
            path = folder + "/echo.sock"
            server = self.program("tcp_echo", listen=f"unix://{path}")
            self.assertEqual(server.address(), f"unix://{path}")
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(artel.patience)
                client.connect(path)
                client.sendall(b"hello")
                self.assertEqual(client.recv(100), b"hello")
            self.stop(server)
            self.assertFalse(os.path.exists(path), "the socket file is gone")

    def test_udp(self):
        with Udp(self.program("udp_echo", listen="udp://127.0.0.1:0").port()) as client:
            for data in (b"hello", b"", os.urandom(1400), os.urandom(65507)):
                self.assertEqual(client.ask(data), data)
        with Udp(self.program("udp_echo", listen="udp://[::1]:0").port(), "::1") as client:
            self.assertEqual(client.ask(b"six"), b"six")

    def test_udp_over_four_processes(self):
        port = self.program("udp_echo", listen="udp://127.0.0.1:0", count=4).port()
        with Udp(port) as client:
            for i in range(1000):
                self.assertEqual(client.ask(b"%d" % i), b"%d" % i)

    def test_a_reader_that_never_reads(self):
        # The server stops reading from who does not take its answers: it neither grows nor stalls for others.
        server = self.program("tcp_echo", listen="tcp://127.0.0.1:0")
        greedy = self.wire(server.port())
        greedy.socket.settimeout(0.5)
        sent = 0
        try:
            while sent < 100 << 20:
                sent += greedy.socket.send(b"x" * 65536)
        except TimeoutError:
            pass
        self.assertLess(sent, 60 << 20)
        other = self.wire(server.port())
        other.send("hello")
        self.assertEqual(other.exactly(5), b"hello")
        greedy.socket.settimeout(artel.patience)
        greedy.end()
        self.assertEqual(len(greedy.all()), sent, "and loses nothing")


class Simple(artel.Case):
    """The manual's first examples, and the addresses that they listen on."""

    def test_http(self):
        server = self.program("simple_http", listen="http://127.0.0.1:0")
        for _ in range(8):
            wire = self.wire(server.port())
            wire.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            self.assertEqual(wire.response()[2], b"hello world")

    def test_websocket(self):
        wire = self.wire(self.program("simple_websocket", listen="websocket://127.0.0.1:0").port())
        websocket_hello(wire)
        wire.send(websocket_text("tom"))
        self.assertEqual(wire.exactly(11), b"\x81\x09hello tom")

    def test_tcp(self):
        wire = self.wire(self.program("simple_tcp", listen="tcp://127.0.0.1:0").port())
        wire.send("tom\n")
        self.assertEqual(wire.line(), "hello tom")

    def test_udp(self):
        with Udp(self.program("simple_udp", listen="udp://127.0.0.1:0").port()) as client:
            self.assertEqual(client.ask(b"tom"), b"get message tom")

    def test_timer(self):
        before = time.monotonic()
        task = self.program("simple_timer", arguments=["0.5"])  # more than a start takes, also with a sanitizer
        for run in range(1, 6):
            task.out.wait(f"^task run {run}$")
        self.assertGreater(time.monotonic() - before, 2.4)

    def test_addresses(self):
        manual = {"simple_http": "http://0.0.0.0:2345", "simple_websocket": "websocket://0.0.0.0:2000", "simple_chat": "text://0.0.0.0:2347",
                  "simple_tcp": "tcp://0.0.0.0:2347", "simple_udp": "udp://0.0.0.0:9292"}
        for name, address in manual.items():
            source = (artel.source_dir / "examples" / (name + ".cpp")).read_text()
            self.assertIn(f'"{address}"', source)
        for name in ("http_hello", "http_echo", "websocket_echo", "text_echo", "tcp_echo", "udp_echo"):
            source = (artel.source_dir / "examples" / (name + ".cpp")).read_text()
            self.assertIn("://127.0.0.1:", source)


def websocket_hello(wire, path="/"):
    wire.send(f"GET {path} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
              "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
    assert b" 101 " in wire.until(b"\r\n\r\n")


def websocket_text(text):
    data = text.encode()
    assert len(data) < 126
    return bytes([0x81, 0x80 | len(data), 0, 0, 0, 0]) + data


def websocket_line(wire):
    head = wire.exactly(2)
    assert head[0] == 0x81 and head[1] < 126, head
    return wire.exactly(head[1]).decode()


class Examples(artel.Case):
    def test_simple_chat(self):
        server = self.program("simple_chat", listen="text://127.0.0.1:0")
        people, uids = [], []
        for i in range(3):
            people.append(self.wire(server.port()))
            people[i].send(f"I am {i}\n")  # everybody who is there hears it, the speaker too
            heard = [re.fullmatch(r"user\[(\d+)\] said: I am (\d)", wire.line()).groups() for wire in people]
            self.assertEqual(set(heard), {(heard[0][0], str(i))})
            uids.append(heard[0][0])
        self.assertEqual(len(set(uids)), 3)
        people[1].close()
        for wire in (people[0], people[2]):
            self.assertEqual(wire.line(), f"user[{uids[1]}] logout")
        people[2].send("still here\n")
        for wire in (people[0], people[2]):
            self.assertEqual(wire.line(), f"user[{uids[2]}] said: still here")
        self.assertEqual(server.err.find(r"\b(warn|error)\b"), [])

    def test_text_server(self):
        server = self.program("text_server", listen="text://127.0.0.1:0")
        wire = self.wire(server.port())
        self.assertEqual(wire.line(), "password?")
        wire.send("sesame\nhello\nquit\nlost\n")
        self.assertEqual([wire.line() for _ in range(3)], ["welcome", "you said hello", "goodbye"])
        self.assertEqual(wire.all(), b"")
        wire = self.wire(server.port())
        wire.send("guess\n")
        self.assertEqual(wire.all(), b"password?\nwrong, goodbye\n")

    def test_frame_server(self):
        wire = self.wire(self.program("frame_server", listen="frame://127.0.0.1:0").port())
        wire.send(b"\0\0\0\x09artel\0\0\0\x04\0\0\0\x06ab")
        self.assertEqual(wire.exactly(9 + 4 + 6), b"\0\0\0\x09letra\0\0\0\x04\0\0\0\x06ba")
        data = os.urandom(1_000_000)
        for part in (struct.pack(">I", 4 + len(data))[:2], struct.pack(">I", 4 + len(data))[2:], data[:1000], data[1000:]):
            wire.send(part)
        self.assertEqual(wire.exactly(4 + len(data)), struct.pack(">I", 4 + len(data)) + data[::-1])
        wire.send(b"\0\0\0\x03")
        self.assertEqual(wire.all(), b"", "a length below four is illegal")

    def test_protocol_xml(self):
        server = self.program("protocol_xml", listen="tcp://127.0.0.1:0")
        answer = b"0000000046<received><size>12</size></received>"
        wire = self.wire(server.port())
        wire.send("0000000022<hi>tom</hi>" * 2)
        self.assertEqual(wire.exactly(2 * len(answer)), answer * 2, "glued packets")
        for byte in b"0000000022<hi>tom</hi>":
            wire.send(bytes([byte]))
        self.assertEqual(wire.exactly(len(answer)), answer)
        for bad in ("00000000xx", "0000000009", "9999999999"):
            wire = self.wire(server.port())
            wire.send(bad + "<hi>tom</hi>")
            self.assertEqual(wire.all(), b"", bad)

    def test_protocol_json(self):
        server = self.program("protocol_json", listen="json://127.0.0.1:0")  # the scheme is the program's own
        wire = self.wire(server.port())
        wire.send(b"\0\0\0\x10{\"hi\":\"tom\"}" * 2)
        for _ in range(2):
            size, = struct.unpack(">I", wire.exactly(4))
            self.assertEqual(json.loads(wire.exactly(size - 4)), {"code": 0, "received": {"hi": "tom"}})
        wire.send(b"\0\0\0\x03")
        self.assertEqual(wire.all(), b"")
        wire = self.wire(server.port())
        wire.send(b"\x7f\0\0\0")
        self.assertEqual(wire.all(), b"", "a packet of 2 GB is refused when it is announced")

    def uploads(self, name, pack):
        with tempfile.TemporaryDirectory() as folder:
            server = self.program(name, listen="tcp://127.0.0.1:0", cwd=folder)
            wire = self.wire(server.port())
            data = os.urandom(5_000_000)
            wire.send(pack("big.bin", data) + pack("a.txt", b"hello") + pack("../../b.txt", b"") + pack("C:\\x\\c.txt", b"c"))
            self.assertEqual([wire.line() for _ in range(4)], ["stored big.bin, 5000000 bytes", "stored a.txt, 5 bytes",
                                                              "stored b.txt, 0 bytes", "stored c.txt, 1 bytes"])
            stored = pathlib.Path(folder) / "uploads"
            self.assertEqual(sorted(path.name for path in stored.iterdir()), ["a.txt", "b.txt", "big.bin", "c.txt"])
            self.assertEqual((stored / "big.bin").read_bytes(), data)
            self.assertEqual((stored / "a.txt").read_bytes(), b"hello")
            wire.send(pack("..", b"x") + pack("", b"x"))
            self.assertEqual([wire.line() for _ in range(2)], ["cannot store that"] * 2)
            others = [path.name for path in pathlib.Path(folder).iterdir() if not path.name.startswith(f"{name}.")]
            self.assertEqual(others, ["uploads"], "beside the service's own files")
            self.stop(server)

    def test_protocol_upload(self):
        self.uploads("protocol_upload", upload)

    def test_protocol_upload_text(self):
        def pack(name, data):
            text = json.dumps({"file_name": name, "file_data": base64.b64encode(data).decode()})
            return text.replace("/", "\\/").encode() + b"\n"  # as PHP writes it
        self.uploads("protocol_upload_text", pack)

    def test_broadcast(self):
        server = self.program("broadcast", listen="text://127.0.0.1:0")
        people = [self.wire(server.port()) for _ in range(3)]
        for wire in people:  # all are connected once each of them was heard
            wire.send("I am in\n")
            wire.line()
        people[1].send("hello all\n")
        for wire in people:
            while (line := wire.line()) != "hello all":
                self.assertEqual(line, "I am in")

    def test_broadcast_in_two_processes(self):
        # What the comment warns of: only those hear it who share the speaker's process.
        server = self.program("broadcast", listen="text://127.0.0.1:0", count=2)
        speaker, people = self.wire(server.port()), []

        def some_hear_and_some_do_not():
            people.extend(self.wire(server.port()) for _ in range(5))
            call = f"from {len(people)}"
            for one in (*people, speaker):
                one.send(f"{call}\n" if one is speaker else "I am in\n")
                while one.line() != (call if one is speaker else "I am in"):
                    pass
            heard = 0
            for i, one in enumerate(people):
                one.send(f"now {i}\n")
                while (line := one.line()) != f"now {i}":
                    heard += line == call
            return 0 < heard < len(people)
        artel.until(some_hear_and_some_do_not, "clients of both processes")

    def test_send_to_user(self):
        server = self.program("send_to_user", listen="text://127.0.0.1:0")
        people = {}
        for name in ("tom", "ann", "leo"):
            wire = people[name] = self.wire(server.port())
            wire.send(name + "\n")
            self.assertEqual(wire.line(), f"login success, your uid is {name}")
        people["ann"].send("tom:hello tom: how are you?\n")
        self.assertEqual(people["tom"].line(), "ann: hello tom: how are you?")
        people["tom"].send("all:hello all\n")
        for wire in people.values():
            self.assertEqual(wire.line(), "tom: hello all")
        second = self.wire(server.port())
        second.send("ann\n")
        self.assertEqual(second.all(), b"this user id cannot be had\n")
        people["ann"].close()

        def comes_back():
            people["ann"] = self.wire(server.port())
            people["ann"].send("ann\n")
            return people["ann"].line() == "login success, your uid is ann"
        artel.until(comes_back, "the name to be free again")
        people["tom"].send("ann:welcome back\nnobody:hello\n")
        self.assertEqual(people["ann"].line(), "tom: welcome back")
        self.assertEqual(people["tom"].line(), "there is no such user")
        people["leo"].send("no colon\n")
        self.assertEqual(people["leo"].line(), "type uid:message or all:message")

    def test_active_push(self):
        server = self.program("active_push", listen="websocket://127.0.0.1:0")
        wires = [self.wire(server.port()) for _ in range(3)]
        for wire in wires:
            websocket_hello(wire)
        times = []
        for _ in range(5):
            for wire in wires:
                self.assertRegex(websocket_line(wire), r"^the time is \d+$")
            times.append(time.monotonic())
        self.assertGreater(times[-1] - times[1], 2.7, "one a second")
        self.assertLess(times[-1] - times[1], 6, "one a second")

    def test_push_from_outside(self):
        server = self.program("push_from_outside", listen="websocket://127.0.0.1:0", arguments=["text://127.0.0.1:0"])
        inner = self.wire(int(server.err.wait(r"pushes are taken on text://127\.0\.0\.1:(\d+)").group(1)))
        user = self.wire(server.port())
        websocket_hello(user)
        user.send(websocket_text("tom"))

        def pushed():
            inner.send("tom hello tom\n")
            return inner.line() == "ok"
        artel.until(pushed, "tom to be known")
        self.assertEqual(websocket_line(user), "hello tom")
        inner.send("nobody hello\nnonsense\n\n")
        self.assertEqual([inner.line() for _ in range(3)], ["fail"] * 3)
        user.close()

        def refused():
            inner.send("tom are you there?\n")
            return inner.line() == "fail"
        artel.until(refused, "tom to be gone")

    def test_heartbeat(self):
        server = self.program("heartbeat", listen="text://127.0.0.1:0", arguments=["1.5"])
        start = time.monotonic()
        silent, talking = self.wire(server.port()), self.wire(server.port())
        while not select.select([silent.socket], [], [], 0.1)[0]:
            talking.send("I live\n")
            self.assertLess(time.monotonic() - start, artel.patience)
        self.assertEqual(silent.all(), b"")
        self.assertGreater(time.monotonic() - start, 1.4)
        self.assertEqual(select.select([talking.socket], [], [], 0)[0], [], "who talks stays")
        self.assertEqual(talking.all(), b"", "and is closed after it fell silent")

    def test_close_unauthenticated(self):
        server = self.program("close_unauthenticated", listen="text://127.0.0.1:0", arguments=["3"])
        start = time.monotonic()
        silent, known, wrong, early = (self.wire(server.port()) for _ in range(4))
        known.send("login sesame\n")
        self.assertEqual(known.line(), "welcome")
        wrong.send("login mellon\n")
        self.assertEqual(wrong.all(), b"wrong login, goodbye\n")
        early.close()
        self.assertEqual(silent.all(), b"no login, goodbye\n")
        self.assertGreater(time.monotonic() - start, 2.9)
        known.send("hello\n")
        self.assertEqual(known.line(), "you said hello")

    def test_hex(self):
        server = self.program("hex", listen="tcp://127.0.0.1:0")
        wire = self.wire(server.port())
        wire.send(b"\x01\xff")
        self.assertEqual(wire.exactly(5), b"\xaa\x55\x01\xff\x00")
        server.err.wait(r"received 01ff$")
        data = bytes(range(256))
        wire.send(data)
        self.assertEqual(wire.exactly(259), b"\xaa\x55" + data + bytes([sum(data) & 255]))

    def test_flash_policy(self):
        wire = self.wire(self.program("flash_policy", listen="tcp://127.0.0.1:0").port())
        wire.send(b"<policy-file-request/>\0")
        self.assertEqual(wire.all(), b'<?xml version="1.0"?><cross-domain-policy><site-control permitted-cross-domain-policies="all"/>'
                                     b'<allow-access-from domain="*" to-ports="*"/></cross-domain-policy>\0')


if __name__ == "__main__":
    artel.run()
