"""Peers that are slow on purpose: they end in bounded time, cost bounded memory, and nobody else notices."""
import os
import socket
import ssl
import threading
import time

import _artel_program as artel


def deaf_wire(port):
    """A client whose kernel takes next to nothing for it."""
    wire = artel.Wire.__new__(artel.Wire)
    wire.socket = socket.socket()
    wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    wire.socket.settimeout(artel.patience)
    wire.socket.connect(("127.0.0.1", port))
    wire.rest = b""
    return wire


class SmallLimits(artel.Case):
    """The limits of tests/fixtures/slow_peers.cpp: two seconds, 1000 bytes a second."""

    get = "GET {} HTTP/1.1\r\nHost: x\r\n\r\n"

    def setUp(self):
        if not (artel.bin_dir / "fixtures" / "slow_peers").exists():
            self.skipTest("no fixtures here")
        self.server = self.program("fixtures/slow_peers", listen="http://127.0.0.1:0")
        self.other = self.wire(self.server.port())
        self.ask()

    def ask(self):
        """A client beside the slow ones; it hears how many connections there are."""
        self.other.send(self.get.format("/"))
        status, _, body = self.other.response()
        self.assertEqual(status, 200)
        return int(body)

    def drip(self, start):
        """Byte by byte until the server has had enough."""
        wire = self.wire(self.server.port())
        wire.send(start)
        began = time.monotonic()
        while not artel.readable(wire.socket, 0.05):
            wire.send("x")
            self.ask()
            self.assertLess(time.monotonic() - began, artel.patience, "each byte bought new time")
        return wire.response()[0]

    def test_a_header_byte_by_byte(self):
        self.assertEqual(self.drip("GET / HTTP/1.1\r\nHost: x\r\nX: "), 408)

    def test_a_body_byte_by_byte(self):
        for how in ("Content-Length: 100000\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\nffff\r\n"):
            self.assertEqual(self.drip("POST / HTTP/1.1\r\nHost: x\r\n" + how), 408)

    def test_a_body_that_falls_silent(self):
        wire = self.wire(self.server.port())
        wire.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n\r\n" + "x" * 1_000_000)
        self.assertEqual(wire.response()[0], 408, "a megabyte at once buys no silence")

    def test_who_takes_nothing(self):
        deaf = [deaf_wire(self.server.port()) for _ in range(3)]
        for wire in deaf:
            self.addCleanup(wire.close)
            wire.send(self.get.format("/large"))
        artel.until(lambda: self.ask() == 1, "the end of those who take nothing")
        self.server.err.wait("onError: client takes nothing", 3)
        self.assertEqual(len(self.server.err.find(r"warn .*takes nothing")), 1, "one log line a minute")
        for wire in deaf:
            self.assertLess(len(wire.all()), 64 << 20, "and not even late they get the rest")

    def test_who_takes_nothing_of_what_fits_into_the_kernel(self):
        wire = deaf_wire(self.server.port())
        self.addCleanup(wire.close)
        wire.send(self.get.format("/small"))
        artel.until(lambda: self.ask() == 2, "the deaf one to be there")
        artel.until(lambda: self.ask() == 1, "the kernel to give it up (TCP_USER_TIMEOUT)", 30)

    def test_who_takes_little_but_enough(self):
        wire = self.wire(self.server.port())
        wire.send(self.get.format("/large"))
        began = last = time.monotonic()
        slowest = taken = 0
        while last - began < 5:  # more than two limits
            taken += len(wire.socket.recv(100_000))
            artel.readable(self.other.socket, 0.05)  # our pace
            now = time.monotonic()
            slowest, last = max(slowest, now - last), now
        if slowest > 1:
            self.skipTest("this machine stood still for a second")
        self.assertLess(taken, 20 << 20)
        self.assertEqual(self.ask(), 2)
        self.assertEqual(self.server.err.find("takes nothing"), [])


class DeafOverTls(artel.Case):
    """Who shakes hands, asks for much and reads nothing costs what it costs without TLS, and no longer."""

    def test_who_takes_nothing(self):
        if artel.sanitized("fixtures/slow_peers"):
            self.skipTest("a sanitizer's own memory would be measured")
        ask = b"GET /small HTTP/1.1\r\nHost: x\r\n\r\n"
        for scheme in ("http", "https"):
            server = self.program("fixtures/slow_peers", listen=f"{scheme}://127.0.0.1:0")
            port = server.port()
            worker = artel.worker_of(server.pid)
            with artel.Wire(port) as known:  # what the first one costs
                if scheme == "https":
                    known.socket = self.secured(known.socket)
                known.socket.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                known.all()
            before = most = artel.private_bytes(worker)
            few = len(os.listdir(f"/proc/{worker}/fd"))  # with the first one, if it is not closed yet
            for _ in range(4):
                deaf = deaf_wire(port)
                self.addCleanup(deaf.close)
                if scheme == "https":
                    deaf.socket = self.secured(deaf.socket)
                deaf.socket.settimeout(0.1)
                try:
                    for _ in range(200):
                        deaf.send(ask * 100)
                except OSError:
                    pass  # it is not read from any more
                most = max(most, artel.private_bytes(worker))

            def over():
                nonlocal most
                most = max(most, artel.private_bytes(worker))
                return len(os.listdir(f"/proc/{worker}/fd")) <= few
            artel.until(over, "the end of those who take nothing")
            server.err.wait("onError: client takes nothing", 4)
            # For each its limit of 1 MiB and the answer that crossed it, as plain bytes or encrypted.
            self.assertLess(most - before, 8 << 20, scheme)

    @staticmethod
    def secured(plain):
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context.wrap_socket(plain)


class ManyUnfinishedMessages(artel.Case):
    """Each costs what has come of it, however small its pieces are, and nothing when it has gone."""

    peers, tiny, pieces = 200, 20, 20_000

    def test_in_tiny_fragments(self):
        if artel.sanitized("fixtures/slow_peers"):
            self.skipTest("a sanitizer's own memory would be measured")
        post = "POST / HTTP/1.1\r\nHost: x\r\n"
        for head, piece in ((post + f"Content-Length: {self.tiny + self.pieces + 1}\r\n\r\n", b"x"),
                            (post + "Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n")):
            server = self.program("fixtures/slow_peers", listen="http://127.0.0.1:0")
            worker = artel.worker_of(server.pid)
            other = self.wire(server.port())

            def number():
                other.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                return int(other.response()[2])
            number()
            before = artel.private_bytes(worker)
            wires = [self.wire(server.port()) for _ in range(self.peers)]
            for wire in wires:
                wire.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                wire.send(head)
            for _ in range(self.tiny):
                for wire in wires:
                    wire.send(piece)
            for wire in wires:
                wire.send(piece * self.pieces)
            sent = self.peers * (len(head) + len(piece) * (self.tiny + self.pieces))
            artel.until(lambda: artel.private_bytes(worker) - before > sent / 2, "what was sent to be there")
            number()  # asked behind all of it
            # A growing buffer is at most twice what it holds; a connection and its parser are small.
            self.assertLess(artel.private_bytes(worker) - before, 2 * sent + self.peers * 16384 + (4 << 20), head)
            for wire in wires:
                wire.close()
            artel.until(lambda: number() == 1, "the end of those who have left")


class HalfOpen(artel.Case):
    def test_a_silent_connection_is_probed(self):
        """Whoever vanished without a word is noticed: the kernel's keep-alive timer runs."""
        server = self.program("text_echo", listen="text://127.0.0.1:0")
        wire = self.wire(server.port())
        wire.send("hello\n")
        self.assertEqual(wire.line(), "hello")

        def timer():
            for line in open("/proc/net/tcp"):
                words = line.split()
                ports = [int(address.rsplit(":", 1)[1], 16) for address in words[1:3] if ":" in address]
                if ports == [server.port(), wire.socket.getsockname()[1]]:
                    kind, ticks = words[5].split(":")
                    return (int(kind, 16), int(ticks, 16) / 100)
        kind, seconds = artel.until(lambda: (found := timer()) and found[0] == 2 and found, "the timer of keep-alive")
        self.assertLessEqual(seconds, 55)


class ANonReader(artel.Case):
    """256 MiB of echoes towards a peer that reads nothing: it is not read from any more."""

    offered, most = 256 << 20, 4 << 20

    def check(self, name, scheme, hello, message, answer):
        if artel.sanitized(name):
            self.skipTest("a sanitizer's own memory would be measured")
        server = self.program(name, listen=f"{scheme}://127.0.0.1:0")
        worker = artel.worker_of(server.pid)
        wires = [self.wire(server.port()) for _ in range(2)]
        for wire in wires:
            if hello:
                wire.send(hello)
                wire.until(b"\r\n\r\n")
            wire.send(message)
            wire.until(answer)
        other, greedy = wires
        before = artel.private_bytes(worker)
        piece = message * (1 + (256 << 10) // len(message))
        grown = threading.Event()

        def pour():
            sent = 0
            try:
                while sent < self.offered:
                    sent += greedy.socket.send(piece)
            except OSError:
                pass
            grown.set()

        greedy.socket.settimeout(1)  # a second in which nothing is taken: it will not be read from again
        pouring = threading.Thread(target=pour, daemon=True)
        pouring.start()
        while not grown.is_set():
            other.send(message)
            other.until(answer)
        pouring.join()
        growth = artel.private_bytes(worker) - before
        print(f"{name}: {growth >> 10} KiB more")
        self.assertLessEqual(growth, self.most)
        other.send(message)
        other.until(answer)

    hello = (b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
             b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")

    def test_tcp(self):
        self.check("tcp_echo", "tcp", b"", b"x" * 999 + b"\n", b"x\n")

    def test_text(self):
        self.check("text_echo", "text", b"", b"x" * 999 + b"\n", b"x\n")

    def test_http(self):
        body = b"x" * 999 + b"\n"
        self.check("http_echo", "http", b"", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n" + body, b"x\n")

    def test_websocket(self):
        frame = b"\x81" + bytes([0x80 | 126]) + (1000).to_bytes(2, "big") + bytes(4) + b"x" * 999 + b"\n"
        self.check("websocket_echo", "websocket", self.hello, frame, b"x\n")


if __name__ == "__main__":
    artel.run()
