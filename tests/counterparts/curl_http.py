"""http_hello and http_echo against curl, and against bytes that curl would not send."""
import os
import pathlib
import re
import subprocess
import tempfile

import _artel_program as artel


def curl(*words, **kwargs):
    """What curl printed, its answer headers and its talk (-v)."""
    command = ["curl", "--silent", "--show-error", "--noproxy", "*" if "--proxy" not in words else "", "--max-time",
               str(int(artel.patience * 2)), *words]
    return subprocess.run(command, capture_output=True, timeout=artel.patience * 3, **kwargs)


class Http(artel.Case):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.data = os.urandom(3_000_000)
        cls.file = pathlib.Path(cls.folder.name) / "data"
        cls.file.write_bytes(cls.data)

    def hello(self, **kwargs):
        program = self.program("http_hello", listen="http://127.0.0.1:0", **kwargs)
        return program.address() + "/"

    def echo(self):
        self.server = self.program("http_echo", listen="http://127.0.0.1:0")
        return self.server.address() + "/"

    def test_hello(self):
        done = curl("-i", self.hello())
        head, body = done.stdout.split(b"\r\n\r\n", 1)
        self.assertEqual(body, b"hello world")
        self.assertRegex(head, rb"^HTTP/1\.1 200 OK\r\n")
        self.assertRegex(head, rb"(?i)\r\nContent-Length: 11(\r|$)")
        self.assertRegex(head, rb"(?i)\r\nContent-Type: text/plain(\r|$)")
        self.assertRegex(head, rb"(?i)\r\nDate: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT(\r|$)")

    def test_keep_alive(self):
        url = self.hello()
        done = curl("-w", "\n%{http_code} %{num_connects}\n", url, url, url)
        self.assertEqual(re.findall(rb"(\d+) (\d+)\n", done.stdout), [(b"200", b"1"), (b"200", b"0"), (b"200", b"0")])

    def test_connection_close(self):
        url = self.hello()
        done = curl("-i", "-H", "Connection: close", "-w", "\n%{num_connects}\n", url, url)
        self.assertEqual(done.stdout.count(b"\n1\n"), 2, "every request needs its own connection")
        self.assertEqual(len(re.findall(rb"(?i)\r\nConnection: close\r\n", done.stdout)), 2)

    def test_http_1_0(self):
        url = self.hello()
        done = curl("-0", "-i", url)
        self.assertTrue(done.stdout.endswith(b"\r\n\r\nhello world"))
        self.assertRegex(done.stdout, rb"(?i)\r\nConnection: close\r\n")
        wire = self.wire(int(url.rsplit(":", 1)[1].strip("/")))
        wire.send("GET / HTTP/1.0\r\n\r\n")
        self.assertTrue(wire.all().endswith(b"hello world"), "an HTTP/1.0 answer ends with the connection")
        wire = self.wire(int(url.rsplit(":", 1)[1].strip("/")))
        for _ in range(2):
            wire.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            status, headers, body = wire.response()
            self.assertEqual((status, headers["connection"].lower(), body), (200, "keep-alive", b"hello world"))

    def test_head(self):
        url = self.hello()
        done = curl("-I", url)
        self.assertRegex(done.stdout, rb"(?i)\r\nContent-Length: 11\r\n")
        wire = self.wire(int(url.rsplit(":", 1)[1].strip("/")))
        wire.send("HEAD / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n")
        self.assertEqual(wire.response(head=True)[1]["content-length"], "11")
        self.assertEqual(wire.response()[2], b"hello world", "no body came after HEAD")

    def test_bodies(self):
        url = self.echo()
        self.assertEqual(curl("-d", "some text", url).stdout, b"some text")
        for options in ([], ["-H", "Transfer-Encoding: chunked"], ["-H", "Expect:"], ["-X", "PUT"], ["-X", "DELETE"],
                        ["-X", "PATCH"], ["-0"]):
            done = curl(*options, "--data-binary", f"@{self.file}", url + "any/path?q=1")
            self.assertEqual(len(done.stdout), len(self.data), options)
            self.assertEqual(done.stdout, self.data, options)
        self.assertEqual(curl("-i", "-X", "POST", "-d", "", url).stdout.split(b"\r\n\r\n", 1)[1], b"")
        self.assertRegex(curl("-i", "-d", "x", "-H", "Content-Type: text/csv", url).stdout, rb"(?i)Content-Type: text/csv\r\n")

    def test_slow_reader(self):
        # Three megabytes do not fit into the socket's buffers: the rest waits until the client takes it.
        done = curl("--limit-rate", "2M", "--data-binary", f"@{self.file}", self.echo())
        self.assertEqual(done.stdout, self.data)

    def test_expect(self):
        url = self.echo()
        done = curl("-v", "-H", "Expect: 100-continue", "--data-binary", f"@{self.file}", url)
        self.assertIn(b"< HTTP/1.1 100 Continue", done.stderr)
        self.assertEqual(done.stdout, self.data)
        # Who announces too much is refused before the body travels.
        wire = self.wire(self.server.port())
        wire.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\nExpect: 100-continue\r\n\r\n")
        self.assertEqual(wire.response()[0], 413)
        self.assertEqual(wire.all(), b"", "and the connection ends")

    def test_absolute_form(self):
        url = self.echo()
        done = curl("--proxy", url, "-d", "through", "http://example.org/some/path?x=1")
        self.assertEqual(done.stdout, b"through")

    def test_h2c_upgrade_is_ignored(self):
        done = curl("--http2", "-i", self.hello())
        self.assertRegex(done.stdout, rb"^HTTP/1\.1 200 OK\r\n")
        self.assertTrue(done.stdout.endswith(b"hello world"))

    def test_ipv6(self):
        program = self.program("http_hello", listen="http://[::1]:0")
        self.assertEqual(curl("-g", program.address()).stdout, b"hello world")

    def test_limits(self):
        url = self.echo()
        code = ["-o", os.devnull, "-w", "%{http_code}"]
        self.assertEqual(curl(*code, url + "a" * 7000).stdout, b"200")
        self.assertEqual(curl(*code, url + "a" * 9000).stdout, b"414")
        self.assertEqual(curl(*code, "-H", "X-Long: " + "a" * 14000, url).stdout, b"200")
        self.assertEqual(curl(*code, "-H", "X-Long: " + "a" * 17000, url).stdout, b"431")
        many = [word for i in range(110) for word in ("-H", f"X-{i}: 1")]
        self.assertEqual(curl(*code, *many, url).stdout, b"431")
        big = pathlib.Path(self.folder.name) / "big"
        big.write_bytes(bytes(11 * 1024 * 1024))
        for options in (["-H", "Expect:"], ["-H", "Expect:", "-H", "Transfer-Encoding: chunked"]):
            self.assertEqual(curl(*code, *options, "--data-binary", f"@{big}", url).stdout[:3], b"413", options)
        self.assertEqual(curl("-d", "still here", url).stdout, b"still here")

    def test_pipelining(self):
        self.echo()
        wire = self.wire(self.server.port())
        bodies = [f"body {i} ".encode() * (i + 1) for i in range(60)]
        wire.send(b"".join(b"POST /%d HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (i, len(b), b)
                           for i, b in enumerate(bodies)))
        self.assertEqual([wire.response()[2] for _ in bodies], bodies, "answers come in the order of the requests")
        # The same bytes, one at a time.
        request = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n1\r\n!\r\n0\r\nT: 1\r\n\r\n"
        for byte in request * 2:
            wire.send(bytes([byte]))
        self.assertEqual([wire.response()[2] for _ in range(2)], [b"hello!"] * 2)

    def test_malformed(self):
        self.echo()
        broken = {
            "no request": b"\x00\x01\x02\x03 garbage\r\n\r\n",
            "no host": b"GET / HTTP/1.1\r\n\r\n",
            "two lengths": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
            "length and chunks": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "a bad length": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3x\r\n\r\nabc",
            "a bad chunk": b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
            "a space before the colon": b"GET / HTTP/1.1\r\nHost : x\r\n\r\n",
        }
        for what, data in broken.items():
            with self.subTest(what):
                wire = self.wire(self.server.port())
                wire.send(data)
                self.assertRegex(wire.all(), rb"^HTTP/1\.1 400 ", what)
        wire = self.wire(self.server.port())
        wire.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nok")
        self.assertEqual(wire.response()[2], b"ok", "the process goes on")

    def test_four_processes(self):
        url = self.hello(count=4)
        seen = {}

        def ask():
            worker, pid = re.fullmatch(rb"(\d+)/(\d+)\n", curl(url + "worker").stdout).groups()
            seen.setdefault(int(worker), set()).add(int(pid))
            return len(seen) == 4

        artel.until(ask, "an answer from each of the four processes", 60)
        self.assertEqual(sorted(seen), [0, 1, 2, 3])
        self.assertEqual([len(pids) for pids in seen.values()], [1] * 4)
        self.assertEqual(len(set.union(*seen.values())), 4)


if __name__ == "__main__":
    artel.need("curl")
    artel.run()
