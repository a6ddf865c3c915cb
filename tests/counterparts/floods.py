"""Floods of bytes that never become a message: refused at the limit, and the memory of the process does not notice."""
import _artel_program as artel


class Floods(artel.Case):
    flood, most = 64 << 20, 2 << 20

    def pour(self, name, scheme, start, piece, status):
        """`piece` over and over after `start`: the answer comes at the limit, and what follows it is thrown away."""
        server = self.program(name, listen=f"{scheme}://127.0.0.1:0")
        worker = artel.worker_of(server.pid)
        wire = self.wire(server.port())
        wire.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        wire.response()
        if scheme != "http":
            wire = self.wire(server.port())
        before = 0 if artel.sanitized(name) else artel.private_bytes(worker)
        wire.send(start)
        piece *= 1 + (64 << 10) // len(piece)
        sent = 0
        while sent < self.flood and not artel.readable(wire.socket, 0):
            wire.send(piece)
            sent += len(piece)
        self.assertLess(sent, self.flood, "no answer")
        self.assertEqual(wire.response()[0], status)
        try:
            while sent < self.flood:
                wire.send(piece)
                sent += len(piece)
        except OSError:
            pass  # lingerTimeout is over
        if before:
            self.assertLess(artel.private_bytes(worker) - before, self.most)
        other = self.wire(server.port())
        other.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        self.assertIn(other.response()[0], (200, 426))

    request, post = b"GET / HTTP/1.1\r\nHost: x\r\n", b"POST / HTTP/1.1\r\nHost: x\r\n"
    chunks = post + b"Transfer-Encoding: chunked\r\n\r\n"

    def test_a_request_line_without_an_end(self):
        self.pour("http_echo", "http", b"GET /", b"a", 414)

    def test_a_header_line_without_an_end(self):
        self.pour("http_echo", "http", self.request + b"X: ", b"a", 431)

    def test_header_lines_without_an_end(self):
        self.pour("http_echo", "http", self.request, b"X: a\r\n", 431)

    def test_an_upgrade_request_without_an_end(self):
        hello = self.request + b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        self.pour("websocket_echo", "websocket", hello, b"X: a\r\n", 431)
        self.pour("websocket_echo", "websocket", hello + b"Sec-WebSocket-Key: ", b"a", 431)

    def test_a_chunk_size_without_an_end(self):
        self.pour("http_echo", "http", self.chunks, b"0", 400)

    def test_a_chunk_extension_without_an_end(self):
        self.pour("http_echo", "http", self.chunks + b"3;", b"a", 413)

    def test_a_trailer_without_an_end(self):
        self.pour("http_echo", "http", self.chunks + b"0\r\n", b"X: a\r\n", 431)

    def test_a_body_beyond_its_limit(self):
        self.pour("http_echo", "http", self.post + b"Content-Length: 99999999\r\n\r\n", b"a", 413)

    def test_empty_lines_without_an_end(self):
        self.pour("http_echo", "http", b"", b"\r\n", 400)


if __name__ == "__main__":
    artel.run()
