"""The examples that dial out: websocket_client against the python package "websockets" playing an Autobahn-style server,
the proxies with curl, and the rest with plain sockets."""
import asyncio
import os
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import _artel_program as artel

try:
    import websockets
except ImportError:
    # The package of the system is invisible to another python that may stand first in PATH.
    system = "/usr/bin/python3"
    if sys.executable != system and subprocess.run([system, "-c", "import websockets"], capture_output=True).returncode == 0:
        os.execv(system, [system, *sys.argv])
    artel.skip("the python package websockets is not installed (Debian: python3-websockets)")
artel.need("curl", "openssl")


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
        return True
    except OSError:
        return False


class Walked:
    """An Autobahn-style server: each case says something and looks at what comes back."""

    def __init__(self):
        self.done, self.reported, self.agents, self.deflated = [], False, set(), set()

    async def texts(self, ws):
        for text in ("", "x", "\u4e2d" * 1000, "y" * 70_000):
            await ws.send(text)
            assert await ws.recv() == text

    async def bytes(self, ws):
        for size in (0, 125, 126, 65535, 65536, 1_000_000):
            data = os.urandom(size)
            await ws.send(data)
            assert await ws.recv() == data

    async def fragments(self, ws):
        await ws.send(["one ", "two ", "three"])
        assert await ws.recv() == "one two three"

    async def pings(self, ws):
        for data in (b"", b"x" * 125):
            await asyncio.wait_for(await ws.ping(data), artel.patience)

    async def closes(self, ws):
        await ws.close(4000, "enough")
        assert ws.close_code == 4000

    async def bad_text(self, ws):
        ws.transport.write(b"\x81\x02\xc3\x28")
        await ws.wait_closed()
        assert ws.close_code == 1007, ws.close_code

    async def masked(self, ws):
        ws.transport.write(b"\x81\x81abcd\x00")
        await ws.wait_closed()
        assert ws.close_code == 1002, ws.close_code

    cases = (texts, bytes, fragments, pings, closes, bad_text, masked)

    async def serve(self, ws, path):
        if path == "/getCaseCount":
            return await ws.send(str(len(self.cases)))
        name, _, query = path.partition("?")
        words = dict(pair.split("=") for pair in query.split("&"))
        self.agents.add(words["agent"])
        if name == "/updateReports":
            self.reported = True
            return None
        case = self.cases[int(words["case"]) - 1]
        self.deflated.add(bool(ws.extensions))
        await case(self, ws)
        self.done.append(case.__name__)


class WebSocketClient(artel.Case):
    def walk(self, scheme="ws", environment=None, **options):
        walked = Walked()

        async def main():
            async with websockets.serve(walked.serve, "127.0.0.1", 0, **options) as server:
                port = server.sockets[0].getsockname()[1]
                program = self.program("websocket_client", arguments=[f"{scheme}://localhost:{port}"],
                                       env={**os.environ, **(environment or {})})
                code = await asyncio.get_running_loop().run_in_executor(None, program.wait)
                self.assertEqual(code, 0)
        asyncio.run(main())
        self.assertEqual(walked.done, [case.__name__ for case in walked.cases])
        self.assertTrue(walked.reported)
        self.assertEqual(walked.agents, {"artel"})
        return walked

    def test_walk(self):
        self.assertEqual(self.walk().deflated, {True})

    def test_walk_over_tls(self):
        with tempfile.TemporaryDirectory() as folder:
            cert, key = f"{folder}/cert.pem", f"{folder}/key.pem"
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "9",
                            "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", cert],
                           check=True, capture_output=True)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(cert, key)
            # OpenSSL's own variable: where the authorities of the system are.
            self.assertEqual(self.walk("wss", {"SSL_CERT_FILE": cert}, ssl=context).deflated, {True})

    def test_the_subject_of_a_certificate_is_no_name(self):
        with tempfile.TemporaryDirectory() as folder:
            cert, key = f"{folder}/cert.pem", f"{folder}/key.pem"
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "9",
                            "-subj", "/CN=localhost", "-keyout", key, "-out", cert], check=True, capture_output=True)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(cert, key)
            walked = Walked()

            async def main():
                async with websockets.serve(walked.serve, "127.0.0.1", 0, ssl=context) as server:
                    port = server.sockets[0].getsockname()[1]
                    program = self.program("websocket_client", arguments=[f"wss://localhost:{port}"],
                                           env={**os.environ, "SSL_CERT_FILE": cert})
                    await asyncio.get_running_loop().run_in_executor(None, program.wait)
                    return program

            program = asyncio.run(main())
            self.assertIn("TLS failed: certificate verify failed: hostname mismatch", program.err.text())
            self.assertEqual(walked.agents, set())

    def test_walk_without_compression(self):
        self.assertEqual(self.walk(compression=None).deflated, {False})


class Proxies(artel.Case):
    def setUp(self):
        self.web = self.program("http_hello", listen="http://127.0.0.1:0")
        self.url = f"http://127.0.0.1:{self.web.port()}/"

    def curl(self, *options):
        return subprocess.run(["curl", "-s", "-S", "--max-time", str(artel.patience), *options], capture_output=True, text=True)

    def test_http_proxy(self):
        proxy = self.program("http_proxy", listen="tcp://127.0.0.1:0")
        through = ["-p", "-x", f"http://127.0.0.1:{proxy.port()}"]
        self.assertIn("hello", self.curl(*through, self.url).stdout)
        refused = self.curl(*through, f"http://127.0.0.1:{artel.free_port()}/")
        self.assertIn("502", refused.stderr)
        wire = self.wire(proxy.port())
        wire.send("GET http://127.0.0.1/ HTTP/1.1\r\n\r\n")
        self.assertIn(b"405", wire.all())
        for target in ("127.0.0.1", "[::1]", "me@127.0.0.1:80", "127.0.0.1:80/", "127.0.0.1:x", "::1:80", ":80"):
            wire = self.wire(proxy.port())
            wire.send(f"CONNECT {target} HTTP/1.1\r\n\r\n")
            self.assertIn(b"HTTP/1.1 400 ", wire.all(), target)
        host = "[::1]" if has_ipv6() else "127.0.0.1"
        echo = self.program("tcp_echo", listen=f"tcp://{host}:0")
        eager = self.wire(proxy.port())
        eager.send(f"CONNECT {host}:{echo.port()} HTTP/1.1\r\n\r\nfirst")
        eager.send(", then")
        answer = b"HTTP/1.1 200 Connection established\r\n\r\n"
        self.assertEqual(eager.exactly(len(answer) + 11), answer + b"first, then", "what comes with the request goes on")
        eager.end()
        self.assertEqual(eager.all(), b"")

    def test_socks5_proxy(self):
        proxy = self.program("socks5_proxy", listen="tcp://127.0.0.1:0")
        for kind in ("socks5", "socks5h"):
            self.assertIn("hello", self.curl("-x", f"{kind}://127.0.0.1:{proxy.port()}", self.url).stdout, kind)
        named = self.curl("-x", f"socks5h://127.0.0.1:{proxy.port()}", self.url.replace("127.0.0.1", "localhost"))
        self.assertIn("hello", named.stdout)
        refused = self.curl("-x", f"socks5://127.0.0.1:{proxy.port()}", f"http://127.0.0.1:{artel.free_port()}/")
        self.assertNotEqual(refused.returncode, 0)
        nobody = artel.free_port().to_bytes(2, "big")
        local = b"\x01\x7f\x00\x00\x01"
        for request, code in ((b"\x05\x02\x00" + local + nobody, 7),  # BIND
                              (b"\x05\x01\x00\x02" + local + nobody, 8),  # no kind of address
                              (b"\x04\x01\x00" + local + nobody, 8),  # another version
                              (b"\x05\x01\x00" + local + nobody, 5),
                              (b"\x05\x01\x00\x04" + bytes(15) + b"\x01" + nobody, 5 if has_ipv6() else 4),
                              (b"\x05\x01\x00\x03\x46" + b"a" * 70 + nobody, 4),  # a label may have 63 letters
                              (b"\x05\x01\x00\x03\x03a:b" + nobody, 1)):
            wire = self.wire(proxy.port())
            for byte in b"\x05\x02\x02\x00":
                wire.send(bytes([byte]))
            self.assertEqual(wire.exactly(2), b"\x05\x00")
            wire.send(request[:6])
            wire.send(request[6:])
            self.assertEqual(wire.all(), bytes([5, code, 0, 1, 0, 0, 0, 0, 0, 0]), request)
        for greeting, reply in ((b"\x05\x01\x02", b"\x05\xff"), (b"\x05\x00", b"\x05\xff"), (b"\x04\x01\x00\x50", b"")):
            wire = self.wire(proxy.port())
            wire.send(greeting)
            self.assertEqual(wire.all(), reply)
        if has_ipv6():
            six = self.program("tcp_echo", listen="tcp://[::1]:0")
            wire = self.wire(proxy.port())
            wire.send(b"\x05\x01\x00\x05\x01\x00\x04" + bytes(15) + b"\x01" + six.port().to_bytes(2, "big") + b"six")
            wire.end()
            self.assertEqual(wire.all()[12:], b"six")
        echo = self.program("tcp_echo", listen="tcp://127.0.0.1:0")
        eager = self.wire(proxy.port())
        eager.send(b"\x05\x01\x00\x05\x01\x00\x01\x7f\x00\x00\x01" + echo.port().to_bytes(2, "big") + b"first")
        eager.send(b", then")
        self.assertEqual(eager.exactly(2 + 10)[:4], b"\x05\x00\x05\x00")
        eager.send(b", and last")
        self.assertEqual(eager.exactly(21), b"first, then, and last", "what comes with the request goes on")

    def test_tcp_proxy(self):
        echo = self.program("tcp_echo", listen="tcp://127.0.0.1:0")
        proxy = self.program("tcp_proxy", listen="tcp://127.0.0.1:0", arguments=[f"tcp://127.0.0.1:{echo.port()}"])
        wire = self.wire(proxy.port())
        data = os.urandom(20_000_000)
        threading.Thread(target=wire.send, args=(data,), daemon=True).start()
        self.assertEqual(wire.exactly(len(data)), data)
        wire.end()
        self.assertEqual(wire.all(), b"")
        nobody = self.program("tcp_proxy", listen="tcp://127.0.0.1:0", arguments=[f"tcp://127.0.0.1:{artel.free_port()}"])
        wire = self.wire(nobody.port())
        wire.send("anybody?")
        self.assertEqual(wire.all(), b"", "a target that refuses ends its client")


class Others(artel.Case):
    def test_a_bot_in_a_chat_over_tls(self):
        chat = self.program("chat", listen="https://127.0.0.1:0")
        port, authority = chat.port(), f"{chat.folder.name}/development.pem"
        page = subprocess.run(["curl", "-sS", "--cacert", authority, f"https://127.0.0.1:{port}/"], capture_output=True, text=True)
        self.assertIn("<html", page.stdout, page.stderr)
        bot = self.program("chat_bot", arguments=[f"wss://127.0.0.1:{port}/ws", authority])

        async def ask():
            context = ssl.create_default_context(cafile=authority)
            async with websockets.connect(f"wss://127.0.0.1:{port}/ws", ssl=context) as me:
                await me.send("join\tme\tlobby\tMe")
                heard = ""
                while '"Bot"' not in heard:
                    heard += await asyncio.wait_for(me.recv(), artel.patience)
                await me.send("say\t1\t!dice")
                while "You rolled " not in heard:
                    heard += await asyncio.wait_for(me.recv(), artel.patience)
                return heard

        self.assertRegex(asyncio.run(ask()), r'"name":"Bot".*"text":"You rolled [1-6]\."')
        self.assertEqual(bot.stop(), 0)

    def test_client_reconnect(self):
        address = f"text://127.0.0.1:{artel.free_port()}"
        client = self.program("client_reconnect", arguments=[address])
        client.err.wait("cannot connect to 127.0.0.1:")
        server = self.program("text_server", listen=address)
        server.address()
        client.err.wait("got: welcome")
        server.stop()
        server = self.program("text_server", listen=address)
        server.address()
        client.err.wait("got: welcome", nth=2)

    def test_async_tasks(self):
        front, tasks = artel.free_port(), artel.free_port()
        server = self.program("async_tasks", listen=f"front=text://127.0.0.1:{front}",
                              options=["--listen", f"tasks=text://127.0.0.1:{tasks}"],
                              arguments=[f"text://127.0.0.1:{tasks}"])
        server.port(2)
        slow, quick = self.wire(front), self.wire(front)
        began = time.monotonic()
        slow.send("sleep 2\n")
        took = []
        while not artel.readable(slow.socket, 0):  # the whole time
            asked = time.monotonic()
            quick.send("echo hi\n")
            self.assertEqual(quick.line(), "echo hi")
            took.append(time.monotonic() - asked)
            time.sleep(0.01)
        self.assertGreaterEqual(time.monotonic() - began, 1.9)
        self.assertGreater(len(took), 4)
        self.assertLess(statistics.median(took), 0.2)
        self.assertLess(max(took), 1.5, "the goal is 50 ms; one that waits for the other takes 2 s")
        self.assertEqual(slow.line(), "done: sleep 2")

    def test_log_collector(self):
        port = artel.free_port(socket.SOCK_DGRAM)
        server = self.program("log_collector", listen=f"collector=udp://127.0.0.1:{port}", arguments=[f"udp://127.0.0.1:{port}"])
        server.err.wait(r"127\.0\.0\.1:\d+ says: line 1$")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.sendto(b"from outside", ("127.0.0.1", port))
            server.err.wait("says: from outside")


artel.run()
