"""Faults of what peers send: too much of it, and what is not allowed."""
import contextlib
import struct
import time
import zlib

from service import Peak, Service, WebSocket, Wire, at_most, check, fault, until


def answer(service, head, endless=b"", most=64 << 20):
    """The status of the answer to what does not end; None when the connection just ended."""
    with contextlib.closing(Wire(service.port)) as wire:
        wire.socket.settimeout(10)
        with contextlib.suppress(OSError):
            wire.send(head)
            sent = 0
            while endless and sent < most:
                wire.send(endless)
                sent += len(endless)
        said = b""
        with contextlib.suppress(OSError):
            said = wire.all()
        return int(said.split(b" ")[1]) if said.startswith(b"HTTP/1.1 ") else None


def code(service, frames, headers=""):
    """The code that a WebSocket is closed with."""
    with contextlib.closing(WebSocket(service.port, headers)) as one:
        one.wire.socket.settimeout(10)
        with contextlib.suppress(OSError):
            for frame in frames:
                one.wire.send(frame)
        return one.closed()


def header(first, size):
    return bytes([first, 0x80 | 127]) + struct.pack("!Q", size) + bytes(4)


@fault("F25", "headers, bodies and frames beyond limits")
def too_much():
    """414, 431, 413 and 1009, then the end; memory goes by the limit, not by what is sent."""
    x = b"x" * 65536
    with Service(count=1) as service:
        worker = service.workers()[0]
        with Peak(worker) as peak:
            got = {
                "request line": answer(service, b"GET /", x),
                "header line": answer(service, b"GET / HTTP/1.1\r\nHost: x\r\nX: ", x),
                "headers": answer(service, b"GET / HTTP/1.1\r\nHost: x\r\n", b"X: y\r\n" * 10000),
                "length": answer(service, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n", x),
                "chunks": answer(service, b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
                                 b"10000\r\n" + x + b"\r\n"),
            }
            # What was cut while we were still sending may reach us as a reset without an answer.
            want = {"request line": (414,), "header line": (431,), "headers": (431,), "length": (413,), "chunks": (413,)}
            for what, status in got.items():
                check(status in want[what] or status is None, f"{what}: {status}, not {want[what]}")
            check(sum(status is not None for status in got.values()) >= 3, f"hardly an answer arrived: {got}")
            codes = [code(service, [header(0x82, size)]) for size in (20 << 20, 1 << 62, (1 << 63) - 1)]
            check(set(codes) <= {1009, 1002}, f"frames beyond the limit were closed with {codes}")
            codes.append(code(service, [header(0x82, 20 << 20)] + [x] * 320))
            check(codes[-1] == 1009, f"a message beyond the limit was closed with {codes[-1]}")
            pieces = [WebSocket.frame(b"x" * 60000, 0x02)] + [WebSocket.frame(b"x" * 60000, 0x00)] * 300
            check(code(service, pieces) == 1009, "fragments beyond the limit")
        most = at_most(peak.mib, 48, "memory", "MiB")
        check(service.workers() == [worker] and service.get()[0] == 200, "the same worker serves")
        service.stop()
    return f"{', '.join(str(s) for s in got.values() if s)}, {', '.join(str(c) for c in codes)}; +{most:.1f} MiB while 64 MiB each came"


@fault("F27", "malformed UTF-8, deflate bombs, fragments")
def malformed():
    """1007 and 1009; memory is bounded; others are served."""
    with Service("websocket_echo", listen="websocket://127.0.0.1:0", count=1) as service:
        worker = (service.workers() or [service.master])[0]
        deflate = "Sec-WebSocket-Extensions: permessage-deflate\r\n"
        with Peak(worker) as peak:
            for bad in (b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"hello \xe2\x82", b"\x80"):
                got = code(service, [WebSocket.frame(bad)])
                check(got == 1007, f"{bad!r} was closed with {got}")
            check(code(service, [WebSocket.frame(b"ok \xce", 0x01), WebSocket.frame(b"\xff", 0x80)]) == 1007, "in fragments")
            packer = zlib.compressobj(9, zlib.DEFLATED, -15)
            bomb = packer.compress(bytes(1 << 20) * 512)
            bomb += packer.flush(zlib.Z_SYNC_FLUSH)
            got = code(service, [WebSocket.frame(bomb[:-4], 0xC1)], deflate)
            check(got == 1009, f"a bomb of 512 MiB was closed with {got}")
            check(code(service, [WebSocket.frame(b"no deflate at all" * 9, 0xC1)], deflate) in (1002, 1007), "garbage to inflate")
            begin = time.monotonic()
            tiny = WebSocket.frame(b"", 0x00) * 10_000 + WebSocket.frame(b"x", 0x00) * 10_000
            with contextlib.closing(WebSocket(service.port)) as one:
                one.send(b"", 0x01)
                for _ in range(25):
                    one.wire.send(tiny)
                one.send(b"end", 0x80)
                check(one.receive() == (1, b"x" * 250_000 + b"end"), "half a million fragments, joined")
            took = time.monotonic() - begin
        most = at_most(peak.mib, 64, "memory", "MiB")
        check((service.workers() or [service.master])[0] == worker, "the same worker")
        service.stop()
    return f"1007 x 7; bomb of 512 MiB in {len(bomb) >> 10} KiB: 1009; 500,000 fragments in {took:.1f} s; +{most:.1f} MiB"
