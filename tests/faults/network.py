"""Faults of networks and peers: gone without a word, slow, many, resetting, and datagrams that cannot be delivered."""
import contextlib
import os
import socket
import struct
import time

from service import (Peak, Service, WebSocket, Wire, at_most, check, cpu, fault, ms, network, own_network, rss, shim, until)


def connections(service):
    return sum(p["connections"] for w in service.status()["workers"] for p in w["processes"])


@fault("F23", "peers gone without a word (network down)")
def half_open():
    """Timeouts and pings find them, their memory comes back, and new clients are served when the network is there."""
    own_network()
    with Service(count=1, words=["keep-alive=5000", "ping=3000", "header=5000", "send=5000"]) as service, \
            contextlib.ExitStack() as stack:
        worker = service.workers()[0]
        base = rss(worker)
        sockets = [WebSocket(service.port) for _ in range(200)]
        wires = [service.kept()[0] for _ in range(200)]
        halves = [Wire(service.port) for _ in range(50)]
        for one in halves:
            one.send("GET / HTTP/1.1\r\n")
        for one in [*wires, *halves, *(s.wire for s in sockets)]:
            stack.callback(one.close)
        check(connections(service) == 450, "all are there")
        network("link", "set", "lo", "down")
        begin = time.monotonic()
        until(lambda: connections(service) == 0, "all are found gone", 60)
        took = at_most(time.monotonic() - begin, 50, "time until the last one was found")
        network("link", "set", "lo", "up")
        back = at_most(service.served(), 10, "time until a new client is served")
        check(service.workers() == [worker], "the same worker")
        more = at_most((rss(worker) - base) / (1 << 20), 16, "memory that did not come back", "MiB")
        service.stop()
    return f"450 of 450 closed after {took:.1f} s (timeouts of 3 to 5 s), {more:.1f} MiB over before; new client after {ms(back)}"


@fault("F24", "readers that do not read")
def slow_reader():
    """What is sent to them is bounded (32 MiB; 1 MiB each by default), others are served, who takes nothing is closed."""
    with Service("websocket_echo", listen="websocket://127.0.0.1:0") as echo:
        worker = echo.workers()[0] if echo.workers() else echo.master
        with Peak(worker) as peak, contextlib.closing(WebSocket(echo.port)) as one:
            one.wire.socket.settimeout(1)
            message, sent = WebSocket.frame(b"x" * 65536, 0x82), 0
            with contextlib.suppress(TimeoutError):
                while sent < 256 << 20:
                    one.wire.send(message)
                    sent += len(message)
            check(sent < 64 << 20, f"{sent >> 20} MiB were taken of a peer that reads nothing")
            with contextlib.closing(WebSocket(echo.port)) as other:
                other.send(b"hello")
                check(other.receive() == (1, b"hello"), "another client is served")
        echoed = at_most(peak.mib, 32, "memory for one that echoes", "MiB")
        echo.stop()
    with Service(count=1, words=["send=1000"]) as service:
        worker = service.workers()[0]
        with Peak(worker) as peak:
            floods = [WebSocket(service.port) for _ in range(4)]
            for one in floods:
                one.send(b"flood")
            begin = time.monotonic()
            time.sleep(0.5)
            check(service.get()[0] == 200, "others are served")
            until(lambda: connections(service) == 0, "who takes nothing is closed", 30)
            took = at_most(time.monotonic() - begin, 20, "time until they were closed")
        for one in floods:
            one.close()
        pushed = at_most(peak.mib, 32, "memory for four that are pushed to", "MiB")
        check(service.workers() == [worker], "the same worker")
        service.stop()
    return (f"echo stopped reading after {sent >> 20} MiB, +{echoed:.1f} MiB; 4 floods +{pushed:.1f} MiB, "
            f"closed after {took:.1f} s (sendTimeout 1 s)")


def reset(sock):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


@fault("F29", "3,000 connections at once, 3,000 resets")
def resets():
    """The same workers, nothing but the resets is lost, and a new client is served."""
    with Service() as service, contextlib.closing(service.kept()[0]) as kept:
        before = service.workers()
        begin = time.monotonic()
        for i in range(3000):
            one = socket.create_connection(("127.0.0.1", service.port))
            if i % 3 == 1:
                one.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            elif i % 3 == 2:
                one.send(b"GET / HT")
            reset(one)
        took = time.monotonic() - begin
        flood = [socket.create_connection(("127.0.0.1", service.port)) for _ in range(3000)]
        until(lambda: connections(service) >= 3001, "all are accepted", 30)
        check(service.get()[0] == 200, "a new client is served")
        for one in flood:
            reset(one)
        until(lambda: connections(service) <= 1, "they are gone", 30)
        back = service.served()
        kept.send("GET /pid HTTP/1.1\r\nHost: x\r\n\r\n")
        check(kept.response()[0] == 200, "who was there before is served")
        check(service.workers() == before, "the same workers")
        check(not service.err.find(" error "), f"errors in the log: {service.err.text()[-300:]}")
        service.stop()
    return f"3,000 resets in {took:.1f} s, then 3,000 at once: same workers, new client after {ms(back)}"


@fault("F30", "calls cut to a byte, and interrupted")
def cut_calls():
    """Every third call fails with EINTR, sockets take and give a byte at a time: what comes back is exact."""
    env = {"LD_PRELOAD": shim(), "ARTEL_FAULT_SHORT": "1"}
    data = os.urandom(150_000)
    begin = time.monotonic()
    with Service("tcp_echo", listen="tcp://127.0.0.1:0", env=env, count=2, background=True) as service, contextlib.closing(Wire(service.port)) as wire:
        wire.send(data)
        check(wire.exactly(len(data)) == data, "the echo is not what was sent")
        code, said = service.command("status")
        check(code == 0, f"status: code {code}: {said}")
        code, said = service.command("reload", timeout=60)
        check(code == 0, f"reload: code {code}: {said}")
        wire.close()
        service.stop()
    with Service("websocket_echo", listen="websocket://127.0.0.1:0", env=env) as service, contextlib.closing(WebSocket(service.port)) as one:
        one.send(data, 0x82)
        check(one.receive() == (2, data), "the WebSocket's echo is not what was sent")
        service.stop()
    with Service("fixtures/steady", env=env, count=2) as service:
        for _ in range(20):
            check(service.get() == (200, "hello"), "http")
        service.stop()
    return f"{2 * len(data):,} bytes exact over tcp and websocket, http answered; start, status, reload, stop work; {time.monotonic() - begin:.1f} s"


@fault("F32", "UDP: empty, largest, nobody there (ICMP)")
def datagrams():
    """Answered or dropped; a refused datagram ends nothing and nothing spins."""
    with Service("udp_echo", start=False, listen="udp://127.0.0.1:0") as service:
        service.begin()
        service.port = int(service.out.wait(r"^listening \S+:(\d+)").group(1))
        to = ("127.0.0.1", service.port)
        worker = until(service.workers, "a worker")[0]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
            one.settimeout(10)
            largest = os.urandom(65507)
            one.sendto(largest, to)
            check(one.recv(70000) == largest, "the largest datagram comes back")
            for _ in range(100):
                one.sendto(b"", to)
            one.sendto(b"after", to)
            while (got := one.recv(70000)) == b"":
                pass
            check(got == b"after", "after empty ones")
            for _ in range(2000):  # answers to a port that is closed by then
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as gone:
                    gone.sendto(b"x", to)
            one.settimeout(0.2)

            def answered():  # datagrams may be lost while its queue is full
                one.sendto(b"still there", to)
                with contextlib.suppress(TimeoutError):
                    return one.recv(70000) == b"still there"
            until(answered, "an answer after the refused ones")
            idle = cpu(worker)
            time.sleep(0.5)
            share = at_most((cpu(worker) - idle) / 0.5 * 100, 20, "processor time after ICMP errors", "%")
        check(service.workers() == [worker], "the same worker")
        service.stop()
    return f"65,507 bytes and 100 empty ones fine; 2,000 answers refused: served on, {share:.0f} % CPU afterwards"
