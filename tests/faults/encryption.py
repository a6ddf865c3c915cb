"""Faults of TLS: peers that do not shake hands as they should, and files that do not fit."""
import contextlib
import os
import pathlib
import socket
import ssl
import subprocess
import tempfile
import time

from service import Peak, Service, Wire, artel, at_most, check, fault, ms, refused, until


def pair(folder, name):
    """A certificate that speaks for itself, and its key."""
    certificate, key = pathlib.Path(folder) / f"{name}.pem", pathlib.Path(folder) / f"{name}.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
                    "30", "-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out",
                    certificate], check=True, capture_output=True)
    os.chmod(key, 0o600)
    return certificate, key


def trusting(certificate):
    return ssl.create_default_context(cafile=str(certificate))


def serial(port, context):
    """The certificate that the port shows, checked; the number of the worker's process that served."""
    with socket.create_connection(("127.0.0.1", port), artel.patience) as plain:
        with context.wrap_socket(plain, server_hostname="127.0.0.1") as one:
            one.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            said = b""
            while more := one.recv(4096):
                said += more
            check(said.startswith(b"HTTP/1.1 200"), f"answered {said[:40]}")
            return one.getpeercert()["serialNumber"]


def closed_after(wire):
    begin = time.monotonic()
    with contextlib.suppress(OSError):
        wire.all()
    return time.monotonic() - begin


@fault("F28", "TLS: plain bytes, no hello, bad certificate files")
def tls():
    """Plain bytes are closed at once, an unfinished hello by handshakeTimeout; files that do not fit refuse a start and
    leave a running service as it is."""
    with tempfile.TemporaryDirectory(prefix="artel-fault-") as folder:
        first, other = pair(folder, "first"), pair(folder, "other")
        used = tuple(pathlib.Path(folder) / name for name in ("used.pem", "used.key"))

        def use(certificate, key):
            for to, source in zip(used, (certificate, key)):
                to.write_bytes(source.read_bytes())
                os.chmod(to, 0o600)
        use(*first)
        words = [f"cert={used[0]}", f"key={used[1]}", "handshake=3000"]
        service = Service("fixtures/secure", words=words, start=False)
        use(first[0], other[1])
        said, _ = refused(service, 6, ["error[E06]", str(used[0]), str(used[1])])
        used[1].unlink()
        refused(service, 6, ["error[E06]", str(used[1])])
        use(*first)
        with Service("fixtures/secure", words=words) as service:
            number = serial(service.port, trusting(first[0]))
            with Wire(service.port) as plain:
                plain.send("GET / HTTP/1.1\r\n\r\n")
                at_once = at_most(closed_after(plain), 1, "plain bytes closed")
            with Peak(*service.workers()) as peak, contextlib.ExitStack() as stack:
                silent = [stack.enter_context(Wire(service.port)) for _ in range(300)]
                for i, wire in enumerate(silent):
                    if i % 2:
                        wire.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
                check(serial(service.port, trusting(first[0])) == number, "others are served meanwhile")
                took = max(closed_after(wire) for wire in silent[:10])
                at_most(took, 10, "handshakeTimeout of 3 s")
            at_most(peak.mib, 20, "300 unfinished handshakes", "MiB")
            use(first[0], other[1])
            code, _ = service.command("reload")
            check(code == 0, f"reload ended with {code}")
            check(serial(service.port, trusting(first[0])) == number, "the old certificate has gone")
            check("stays in use" in service.log(), "nothing says that the pair does not fit")
            use(*other)
            begin = time.monotonic()

            def renewed():
                with contextlib.suppress(ssl.SSLError, OSError):
                    return serial(service.port, trusting(other[0])) != number
            until(renewed, "the new certificate", 10)
            noticed = time.monotonic() - begin
            check(len(service.workers()) == 2, "a worker is missing")
        return (f"plain closed after {ms(at_once)}; 300 silent ones after {took:.1f} s, +{peak.mib:.1f} MiB; start refused; "
                f"reload keeps the old; new ones after {noticed:.1f} s")
