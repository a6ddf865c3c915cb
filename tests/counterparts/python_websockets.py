"""websocket_echo and the chat against the python package "websockets", and against bytes that it would not send."""
import asyncio
import json
import os
import re
import signal
import struct
import subprocess
import sys
import time
import zlib

import _artel_program as artel

try:
    import websockets
    from websockets.extensions import permessage_deflate as deflate
except ImportError:
    # The package of the system is invisible to another python that may stand first in PATH.
    system = "/usr/bin/python3"
    if sys.executable != system and subprocess.run([system, "-c", "import websockets"], capture_output=True).returncode == 0:
        os.execv(system, [system, *sys.argv])
    artel.skip("the python package websockets is not installed (Debian: python3-websockets)")


def connect(url, **options):
    options.setdefault("max_size", None)
    options.setdefault("open_timeout", artel.patience)
    return websockets.connect(url, **options)


def soon(awaitable):
    return asyncio.wait_for(awaitable, artel.patience)


def frame(opcode, payload=b"", fin=True, mask=b"abcd", reserved=0):
    size = len(payload)
    head = bytes([(0x80 if fin else 0) | reserved | opcode])
    flag = 0x80 if mask else 0
    if size < 126:
        head += bytes([flag | size])
    elif size < 65536:
        head += bytes([flag | 126]) + struct.pack(">H", size)
    else:
        head += bytes([flag | 127]) + struct.pack(">Q", size)
    if not mask:
        return head + payload
    return head + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(payload))


class Async(artel.Case):
    def go(self, coroutine):
        return asyncio.run(coroutine)

    def hello(self, port, path="/", headers=""):
        """A connection that has shaken hands, byte by byte as RFC 6455 section 1.3 shows it."""
        wire = self.wire(port)
        wire.send(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
                  f"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{headers}\r\n")
        head = wire.until(b"\r\n\r\n")
        self.assertRegex(head, rb"^HTTP/1\.1 101 ")
        self.assertRegex(head, rb"(?i)\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r\n")
        return wire


class Echo(Async):
    def setUp(self):
        self.server = self.program("websocket_echo", listen="websocket://127.0.0.1:0")
        self.port = self.server.port()
        self.url = f"ws://127.0.0.1:{self.port}/"

    def test_types_and_sizes(self):
        async def talk():
            async with connect(self.url) as ws:
                self.assertEqual(ws.response_headers.get("Sec-WebSocket-Extensions"), "permessage-deflate; client_max_window_bits=12")
                self.assertIsNone(ws.subprotocol)
                for size in (0, 1, 125, 126, 127, 65535, 65536, 1 << 20, 5_000_000):
                    text = "\u4e2d" * (size // 3) + "x" * (size % 3)
                    await ws.send(text)
                    self.assertEqual(await soon(ws.recv()), text)
                    data = os.urandom(size)
                    await ws.send(data)
                    self.assertEqual(await soon(ws.recv()), data)
        self.go(talk())

    def test_fragments(self):
        async def talk():
            async with connect(self.url) as ws:
                await ws.send(["frag", "ments", "", " of text"])
                self.assertEqual(await soon(ws.recv()), "fragments of text")
                await ws.send([b"\0" * 70000, b"\1" * 70000])
                self.assertEqual(await soon(ws.recv()), b"\0" * 70000 + b"\1" * 70000)
        self.go(talk())
        # A ping between two fragments, in the middle of a character.
        wire = self.hello(self.port)
        wire.send(frame(1, b"\xe4\xb8", fin=False) + frame(9, b"?") + frame(0, b"\xad"))
        self.assertEqual(wire.exactly(3), frame(10, b"?", mask=b""))
        self.assertEqual(wire.exactly(5), frame(1, "\u4e2d".encode(), mask=b""))

    def test_ping(self):
        async def talk():
            async with connect(self.url, ping_interval=None) as ws:
                for payload in (b"", b"hello", b"x" * 125):
                    await soon(await ws.ping(payload))
                await ws.pong(b"unasked")
                await ws.send("after the pings")
                self.assertEqual(await soon(ws.recv()), "after the pings")
        self.go(talk())

    def test_close(self):
        async def talk():
            for code, reason in ((1000, ""), (1001, "going"), (4001, "my own \u00e9")):
                ws = await connect(self.url)
                await ws.send("x")
                await soon(ws.close(code, reason))
                self.assertEqual(ws.close_code, code, "the code comes back")
        self.go(talk())
        wire = self.hello(self.port)
        wire.send(frame(8))
        self.assertEqual(wire.all(), frame(8, mask=b""), "an empty Close is answered by one, then the end comes")

    def test_hundred_clients(self):
        async def one(number):
            async with connect(self.url) as ws:
                for i in range(20):
                    await ws.send(f"{number}: {i}")
                return [await soon(ws.recv()) for i in range(20)]

        async def talk():
            return await asyncio.gather(*(one(number) for number in range(100)))
        for number, answers in enumerate(self.go(talk())):
            self.assertEqual(answers, [f"{number}: {i}" for i in range(20)])

    def test_illegal_frames(self):
        too_big = struct.pack(">BBQ", 0x82, 0xff, 11 * 1024 * 1024) + b"abcd"
        for what, data, code in (
                ("no mask", frame(1, b"x", mask=b""), 1002), ("reserved bit", frame(1, b"x", reserved=0x40), 1002),
                ("another reserved bit", frame(1, b"x", reserved=0x20), 1002),
                ("reserved opcode", frame(3, b"x"), 1002), ("fragmented ping", frame(9, b"x", fin=False), 1002),
                ("long ping", frame(9, b"x" * 126), 1002), ("continuation of nothing", frame(0, b"x"), 1002),
                ("a message inside a message", frame(1, b"x", fin=False) + frame(1, b"y"), 1002),
                ("no UTF-8", frame(1, b"\xc3\x28"), 1007), ("half a character", frame(1, b"\xe4\xb8"), 1007),
                ("a close code of one byte", frame(8, b"x"), 1002), ("an illegal close code", frame(8, struct.pack(">H", 1005)), 1002),
                ("a close reason that is no UTF-8", frame(8, struct.pack(">H", 1000) + b"\xff"), 1007),
                ("too big", too_big, 1009)):
            with self.subTest(what):
                wire = self.hello(self.port)
                wire.send(data)
                answer = wire.all()
                self.assertEqual(answer[:1], b"\x88", f"a Close frame, not {answer!r}")
                self.assertEqual(struct.unpack(">H", answer[2:4])[0], code)
        self.test_ping()  # the process goes on

    def test_handshakes(self):
        good = {"Host": "x", "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
                "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
        for change, status in (({"Sec-WebSocket-Version": "8"}, 426), ({"Sec-WebSocket-Key": "short"}, 400),
                               ({"Sec-WebSocket-Key": None}, 400)):
            with self.subTest(change):
                wire = self.wire(self.port)
                headers = {k: v for k, v in {**good, **change}.items() if v is not None}
                wire.send("GET / HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in headers.items()) + "\r\n")
                answer, fields, _ = wire.response()
                self.assertEqual(answer, status)
                if status == 426:
                    self.assertEqual(fields.get("sec-websocket-version"), "13")
        # A frame right behind the handshake, in the same packet.
        wire = self.wire(self.port)
        wire.send(("GET / HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in good.items()) + "\r\n").encode() + frame(1, b"early"))
        wire.until(b"\r\n\r\n")
        self.assertEqual(wire.exactly(7), frame(1, b"early", mask=b""))

    def test_stop_says_going_away(self):
        async def talk():
            ws = await connect(self.url)
            await ws.send("x")
            await soon(ws.recv())
            self.server.process.send_signal(signal.SIGINT)
            await soon(ws.wait_closed())
            return ws.close_code
        self.assertEqual(self.go(talk()), 1001)
        self.assertEqual(self.server.wait(), 0)


class Deflate(Async):
    """permessage-deflate: what Autobahn's groups 12 and 13 ask, in small."""

    SIZES = (0, 1, 5, 6, 16, 64, 256, 1024, 4096, 8192, 16384, 32768, 65536, 131072, 1 << 20)
    OFFERS = ({}, {"client_max_window_bits": True}, {"server_no_context_takeover": True}, {"client_no_context_takeover": True},
              {"server_no_context_takeover": True, "client_no_context_takeover": True}, {"server_max_window_bits": 9},
              {"server_max_window_bits": 15, "client_max_window_bits": 9}, {"server_max_window_bits": 8},
              {"server_no_context_takeover": True, "server_max_window_bits": 10, "client_max_window_bits": 15})

    def setUp(self):
        self.server = self.program("websocket_echo", listen="websocket://127.0.0.1:0")
        self.port = self.server.port()
        self.url = f"ws://127.0.0.1:{self.port}/"

    @staticmethod
    def messages():
        """JSON, noise, one character again and again, text beyond ASCII; each in every size."""
        line = json.dumps({"type": "position", "x": 12.5, "y": -3.25, "name": "Grüße", "room": "中文"}, ensure_ascii=False)
        for size in Deflate.SIZES:
            yield (line * (size // len(line) + 1))[:size]
            yield os.urandom(size)
            yield "x" * size
            yield "中" * (size // 3)

    def test_every_agreement(self):
        async def talk(offer):
            async with connect(self.url, compression=None, extensions=[deflate.ClientPerMessageDeflateFactory(**offer)]) as ws:
                self.assertEqual(len(ws.extensions), 1, ws.response_headers)
                for message in self.messages():
                    await ws.send(message)
                    self.assertEqual(await soon(ws.recv()), message)
        for offer in self.OFFERS:
            with self.subTest(offer):
                self.go(talk(offer))

    def test_fragmented(self):
        async def talk(offer):
            async with connect(self.url, compression=None, extensions=[deflate.ClientPerMessageDeflateFactory(**offer)]) as ws:
                for size in (1, 3, 100, 5000):
                    for message in ("Grüße aus 中文 " * 500, os.urandom(10000)):
                        await ws.send([message[at:at + size] for at in range(0, min(len(message), size * 200), size)])
                        self.assertEqual(await soon(ws.recv()), message[:size * 200])
                    await soon(await ws.ping(b"between"))
        for offer in self.OFFERS[:5]:
            with self.subTest(offer):
                self.go(talk(offer))

    def test_pipelined(self):
        # A thousand messages before the first answer is read, as Autobahn sends them.
        async def talk():
            async with connect(self.url) as ws:
                messages = [json.dumps({"n": n, "text": "x" * (n % 97)}) for n in range(1000)]
                for message in messages:
                    await ws.send(message)
                self.assertEqual([await soon(ws.recv()) for _ in messages], messages)
        self.go(talk())

    def deflating(self, offer="permessage-deflate"):
        wire = self.wire(self.port)
        wire.send(f"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                  f"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Extensions: {offer}\r\n\r\n")
        head = wire.until(b"\r\n\r\n").decode()
        found = re.search(r"\r\nSec-WebSocket-Extensions: (.*)\r\n", head)
        return wire, found[1] if found else None

    def test_offers(self):
        good = "permessage-deflate; server_max_window_bits=9"
        for bad in ("permessage-deflate; server_max_window_bits=010", "permessage-deflate; server_max_window_bits=16",
                    "permessage-deflate; server_max_window_bits=7", "permessage-deflate; x", "x; server_max_window_bits=9",
                    "permessage-deflate; client_max_window_bits; client_max_window_bits", "permessage-deflate; server_max_window_bits"):
            self.assertIsNone(self.deflating(bad)[1], bad)
            self.assertEqual(self.deflating(f"{bad}, {good}")[1], good)
            self.assertEqual(self.deflating(f'{bad}\r\nSec-WebSocket-Extensions: {good.replace("9", chr(34) + "9" + chr(34))}')[1], good)

    def test_walk(self):
        def packed(data):
            squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
            return (squeeze.compress(data) + squeeze.flush(zlib.Z_SYNC_FLUSH))[:-4]

        def opened(data):
            return zlib.decompressobj(-15).decompress(data + b"\0\0\xff\xff")

        text = "Grüße, Grüße, Grüße, 中文中文中文".encode()
        # Compressed, in three frames with a ping between; not compressed; both answered.
        wire, _ = self.deflating("permessage-deflate; server_no_context_takeover")
        body = packed(text)
        wire.send(frame(1, body[:3], fin=False, reserved=0x40) + frame(9, b"p") + frame(0, body[3:7], fin=False) + frame(0, body[7:]))
        self.assertEqual(wire.exactly(3), frame(10, b"p", mask=b""))
        head = wire.exactly(2)
        self.assertEqual(head[0], 0xc1, "compressed back")
        self.assertEqual(opened(wire.exactly(head[1])), text)
        wire.send(frame(1, b"as it is"))
        head = wire.exactly(2)
        self.assertEqual(opened(wire.exactly(head[1])) if head[0] & 0x40 else wire.exactly(head[1]), b"as it is")

        bomb = packed(b"\0" * (11 << 20))
        broken = packed(text)[:-9]
        for what, data, code in (
                ("RSV1 on a continuation", frame(1, body[:3], fin=False, reserved=0x40) + frame(0, body[3:], reserved=0x40), 1002),
                ("RSV1 on a ping", frame(9, b"x", reserved=0x40), 1002), ("RSV2", frame(1, body, reserved=0x20), 1002),
                ("RSV1 and RSV2", frame(1, body, reserved=0x60), 1002), ("a bomb", frame(2, bomb, reserved=0x40), 1009),
                ("a bomb in pieces", frame(2, bomb[:5000], fin=False, reserved=0x40) + frame(0, bomb[5000:]), 1009),
                ("no deflate", frame(1, b"\xff\xff\xff", reserved=0x40), 1007), ("cut", frame(1, broken, reserved=0x40), 1007),
                ("no UTF-8", frame(1, packed(text + b"\xff" + text), reserved=0x40), 1007)):
            for offer in ("permessage-deflate", "permessage-deflate; client_no_context_takeover"):
                with self.subTest(what, offer=offer):
                    wire, _ = self.deflating(offer)
                    try:
                        wire.send(frame(1, b"good") + data)
                    except ConnectionError:
                        pass  # it was refused before it was all there
                    self.assertEqual(wire.exactly(6), frame(1, b"good", mask=b""), "what was good before is answered")
                    answer = wire.all()
                    self.assertEqual(answer[:1], b"\x88", f"a Close frame, not {answer!r}")
                    self.assertEqual(struct.unpack(">H", answer[2:4])[0], code)


class Chat(Async):
    """The server of examples/chat without its page."""

    def setUp(self):
        self.server = self.program("chat", listen="http://127.0.0.1:0")
        self.port = self.server.port()
        self.url = f"ws://127.0.0.1:{self.port}/ws"

    async def person(self, name, room="lobby", token=None):
        ws = await connect(self.url)
        ws.hello = json.loads(await soon(ws.recv()))
        self.assertEqual(ws.hello["t"], "hello")
        await ws.send(f"join\t{token or os.urandom(8).hex()}\t{room}\t{name}")
        ws.room = await self.next(ws, "room")
        return ws

    async def next(self, ws, *kinds):
        while True:
            message = json.loads(await soon(ws.recv()))
            if message["t"] in kinds:
                return message

    def test_page(self):
        wire = self.wire(self.port)
        wire.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        status, headers, body = wire.response()
        self.assertEqual(status, 200)
        self.assertIn("text/html", headers["content-type"])
        self.assertEqual(body, (artel.source_dir / "examples/chat/page.html").read_bytes())
        self.assertEqual(re.findall(rb"<[^>]*(?:src|href)=(?!\"data:)[^>]*>|@import|url\(", body), [], "nothing is loaded")
        for path, status in (("/nowhere", 404), ("/ws", 404)):
            wire.send(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")
            self.assertEqual(wire.response()[0], status)

    def test_doors(self):
        async def talk():
            for url, options in ((self.url + "x", {}), (self.url, {"origin": "http://evil.example"})):
                with self.assertRaises(websockets.InvalidStatusCode) as refused:
                    await connect(url, **options)
                self.assertEqual(refused.exception.status_code, 403)
            async with connect(self.url, origin=f"http://127.0.0.1:{self.port}") as ws:
                hello = json.loads(await soon(ws.recv()))
                self.assertEqual(hello["worker"], 0)
                self.assertNotEqual(hello["pid"], self.server.pid, "a worker process serves")
        self.go(talk())

    def test_talk(self):
        async def talk():
            ann = await self.person("Ann")
            bob = await self.person("Bob")
            self.assertEqual((await self.next(ann, "in"))["name"], "Bob")
            self.assertEqual(bob.room["people"], ["Ann", "Bob"])
            odd = "a \"quoted\" \\ line\nand\ta tab \u0007 and 100 % \u4e2d\u6587"
            await ann.send("say\tn1\t" + odd)
            for one in (ann, bob):
                line = await self.next(one, "line")
                self.assertEqual((line["name"], line["nonce"], line["id"]), ("Ann", "n1", 1))
                self.assertEqual(line["text"], odd.replace("\t", " ").replace("\u0007", " "))
            await bob.send("typing")
            self.assertEqual((await self.next(ann, "typing"))["name"], "Bob")

            # The same name, the same page.
            other = await self.person("Ann")
            self.assertEqual(other.room["you"], "Ann 2")
            ghost = await self.person("Cleo", token="page")
            again = await self.person("Cleo", token="page")
            self.assertEqual(again.room["you"], "Cleo", "a page takes its own place back")
            with self.assertRaises(websockets.ConnectionClosed):
                while True:
                    await soon(ghost.recv())
            await bob.close()
            while (await self.next(ann, "out"))["name"] != "Bob":
                pass

            # Another room; the list of rooms comes by itself.
            await other.send("join\tt\tgarden\tAnn")
            self.assertEqual((await self.next(other, "room"))["you"], "Ann")
            while True:
                rooms = (await self.next(ann, "rooms"))["rooms"]
                if rooms == [{"name": "garden", "people": 1, "last": 0}, {"name": "lobby", "people": 2, "last": 1}]:
                    break
            for one in (ann, other, again):
                await one.close()
        self.go(talk())

    def test_last_fifty_lines(self):
        async def talk():
            for sender in range(4):  # a person may say twenty things at once
                ws = await self.person(f"p{sender}")
                for i in range(15):
                    await ws.send(f"say\tn\t{sender * 15 + i}")
                for i in range(15):
                    await self.next(ws, "line")
                await ws.close()
            late = await self.person("late")
            self.assertEqual([line["text"] for line in late.room["lines"]], [str(i) for i in range(10, 60)])
            self.assertEqual([line["id"] for line in late.room["lines"]], list(range(11, 61)))
            await late.close()
        self.go(talk())

    def test_limits(self):
        async def talk():
            ws = await connect(self.url)
            for message in ("say\tn\ttoo early", "join\tt\tlobby\t" + "x" * 25, "join\tt\t\tAnn", "join\tt\tlobby\t   ", "join\t\tlobby\tAnn"):
                await ws.send(message)
                self.assertEqual((await self.next(ws, "error", "room"))["t"], "error", message)
            await ws.send("join\tt\tlobby\t" + "\u4e2d" * 24)
            self.assertEqual((await self.next(ws, "error", "room"))["t"], "room", "24 characters of any language")
            await ws.send("say\tn1\t" + "x" * 2001)
            self.assertEqual((await self.next(ws, "error", "line"))["nonce"], "n1")
            await ws.send("say\tn2\t" + "\u4e2d" * 2000)
            self.assertEqual((await self.next(ws, "error", "line"))["t"], "line")
            for junk in ("", "\t\t\t", "nonsense", "say", "join"):
                await ws.send(junk)

            # Too fast: refused with the nonce, then closed.
            with self.assertRaises(websockets.ConnectionClosed):
                for i in range(500):
                    await ws.send(f"say\tf{i}\tx")
                while True:
                    await soon(ws.recv())
            self.assertEqual(ws.close_code, 1008)
            big = await self.person("Big")
            with self.assertRaises(websockets.ConnectionClosed):
                await big.send("say\tn\t" + "x" * 70000)
                while True:
                    await soon(big.recv())
            self.assertEqual(big.close_code, 1009)
            await (await self.person("Ann")).close()
        self.go(talk())

    def test_rooms_are_limited(self):
        async def talk():
            people = [await self.person("x", f"room{i}") for i in range(64)]
            ws = await connect(self.url)
            await ws.send("join\tt\tone more\tx")
            self.assertEqual((await self.next(ws, "error", "room"))["t"], "error")
            await people[0].close()

            async def comes_in():
                await ws.send("join\tt\tone more\tx")
                return (await self.next(ws, "error", "room"))["t"] == "room"
            deadline = time.monotonic() + artel.patience
            while not await comes_in():  # an empty room makes place
                self.assertLess(time.monotonic(), deadline)
                await asyncio.sleep(0.5)
            for one in [ws, *people[1:]]:
                await one.close()
        self.go(talk())


if __name__ == "__main__":
    artel.run()
