"""TLS against curl, openssl s_client, python's ssl and the package websockets, and against bytes that they would not send."""
import asyncio
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree

import _artel_program as artel

try:
    import websockets
except ImportError:
    system = "/usr/bin/python3"
    if sys.executable != system and subprocess.run([system, "-c", "import websockets"], capture_output=True).returncode == 0:
        os.execv(system, [system, *sys.argv])
    websockets = None
artel.need("curl", "openssl")


def openssl(*words, **kwargs):
    return subprocess.run(["openssl", *map(str, words)], capture_output=True, timeout=artel.patience, **kwargs)


class Authority:
    """An authority of our own, and what it signs."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.file = self.folder / "ca.pem"
        self.key = self.folder / "ca.key"
        self.made("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
                  "-subj", "/CN=Test authority", "-keyout", self.key, "-out", self.file)

    def made(self, *words, **kwargs):
        done = openssl(*words, **kwargs)
        if done.returncode != 0:
            raise AssertionError(done.stderr.decode())
        return done.stdout

    def sign(self, name, kind=("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"), days=30, stem=None):
        """(certificate, key) for a name."""
        stem = stem or name
        certificate, key, request = (self.folder / f"{stem}.{end}" for end in ("pem", "key", "csr"))
        extensions = self.folder / f"{stem}.ext"
        extensions.write_text(f"subjectAltName=DNS:{name},IP:127.0.0.1\n")
        self.made("req", *kind, "-nodes", "-subj", f"/CN={name}", "-keyout", key, "-out", request)
        self.made("x509", "-req", "-in", request, "-CA", self.file, "-CAkey", self.key, "-CAcreateserial", "-days", days,
                  "-extfile", extensions, "-out", certificate)
        os.chmod(key, 0o600)
        return certificate, key


class Tls(artel.Case):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.ca = Authority(cls.folder.name)
        cls.cert, cls.key = cls.ca.sign("a.example")
        cls.rsa = cls.ca.sign("rsa.example", ("-newkey", "rsa:2048"))

    def secure(self, *words, pair=None, count=None, **kwargs):
        cert, key = pair or (self.cert, self.key)
        return self.program("fixtures/secure", arguments=[f"cert={cert}", f"key={key}", *words],
                            options=["--count", f"web={count}"] if count else [], **kwargs)

    def context(self, ca=None, **kwargs):
        context = ssl.create_default_context(cafile=str(ca or self.ca.file))
        for name, value in kwargs.items():
            setattr(context, name, value)
        return context

    def connect(self, port, name="a.example", context=None, session=None, **options):
        plain = socket.create_connection(("127.0.0.1", port), artel.patience)
        self.addCleanup(plain.close)
        wrapped = (context or self.context()).wrap_socket(plain, server_hostname=name, session=session, **options)
        self.addCleanup(wrapped.close)
        return wrapped

    def get(self, sock, path="/"):
        """The body of the answer to one request."""
        sock.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        data = b""
        while b"\r\n\r\n" not in data or len(data.split(b"\r\n\r\n", 1)[1]) < int(
                re.search(rb"Content-Length: (\d+)", data)[1]):
            more = sock.recv(65536)
            if not more:
                raise AssertionError(f"the end came after {data!r}")
            data += more
        return data.split(b"\r\n\r\n", 1)[1].decode()

    def curl(self, url, *words):
        port = re.search(r":(\d+)", url)[1]
        return subprocess.run(["curl", "-sS", "--noproxy", "*", "--max-time", "20", "--cacert", str(self.ca.file),
                               "--resolve", f"a.example:{port}:127.0.0.1", url, *words], capture_output=True,
                              timeout=30)

    def s_client(self, port, *words, data=b""):
        done = openssl("s_client", "-connect", f"127.0.0.1:{port}", "-servername", "a.example", "-CAfile", self.ca.file,
                       *words, input=data)
        return (done.stdout + done.stderr).decode(errors="replace")

    # -- what is spoken

    def test_https_with_curl(self):
        url = f"https://a.example:{self.secure().port()}/"
        done = self.curl(url, url, "-w", "\n%{http_code} %{num_connects} %{http_version} %{ssl_verify_result}\n",
                         "--http2")
        self.assertEqual(re.findall(rb"(\d+) (\d+) 1\.1 0\n", done.stdout), [(b"200", b"1"), (b"200", b"0")], done.stderr)

    def test_curl_resumes(self):
        """TLS 1.3 only: with 1.2 curl takes no tickets, and there is nothing else in which a session could be kept."""
        url = f"https://a.example:{self.secure(count=2).port()}/"
        done = self.curl(url, url, url, "-v", "-H", "Connection: close")
        self.assertEqual(done.stdout.count(b"/"), 3, done.stderr)
        self.assertEqual(done.stderr.count(b"(IN), TLS handshake, Certificate (11)"), 1, done.stderr)

    def test_a_body_there_and_back(self):
        data = pathlib.Path(self.folder.name) / "data"
        data.write_bytes(os.urandom(3_000_000))
        url = f"https://a.example:{self.secure().port()}/"
        for version in ("--tlsv1.3", "--tls-max"):
            words = [version] if version == "--tlsv1.3" else [version, "1.2"]
            done = self.curl(url, *words, "--data-binary", f"@{data}", "-H", "Expect:")
            self.assertEqual(done.stdout, data.read_bytes(), done.stderr)

    def test_a_client_that_does_not_believe_us_is_told_nothing(self):
        port = self.secure().port()
        with self.assertRaises(ssl.SSLCertVerificationError):
            self.connect(port, "b.example")
        with self.assertRaises(ssl.SSLCertVerificationError):
            self.connect(port, context=ssl.create_default_context())
        self.assertRegex(self.get(self.connect(port)), r"^0/\d+$")

    def test_versions_and_ciphers(self):
        for pair in ((self.cert, self.key), self.rsa):
            port = self.secure(pair=pair).port()
            for version in ("-tls1_2", "-tls1_3"):
                self.assertRegex(self.s_client(port, version), r"(?m)^New, TLSv1\.[23], Cipher is \S*(GCM|POLY1305)")
            for version in ("-tls1", "-tls1_1"):
                said = self.s_client(port, version, "-cipher", "ALL:@SECLEVEL=0")
                self.assertIn("Cipher is (NONE)", said)
            for wanted, taken in (("ALL:!ECDHE", False), ("ECDHE:!AESGCM:!CHACHA20", False), ("ECDHE+AES128+AESGCM", True),
                                  ("ECDHE+AES256+AESGCM", True), ("ECDHE+CHACHA20", True)):
                said = self.s_client(port, "-tls1_2", "-cipher", wanted + ":@SECLEVEL=0")
                self.assertEqual("Cipher is (NONE)" not in said, taken, f"{wanted}: {said}")

    def test_sslscan_finds_nothing_weak(self):
        if not shutil.which("sslscan"):
            self.skipTest("sslscan is not installed")
        for pair in ((self.cert, self.key), self.rsa):
            port = self.secure(pair=pair).port()
            done = subprocess.run(["sslscan", "--no-colour", "--xml=-", f"127.0.0.1:{port}"], capture_output=True, text=True)
            found = xml.etree.ElementTree.fromstring(done.stdout).find("ssltest")
            versions = {(one.get("type"), one.get("version")) for one in found.findall("protocol") if one.get("enabled") == "1"}
            self.assertEqual(versions, {("tls", "1.2"), ("tls", "1.3")})
            ciphers = {one.get("cipher") for one in found.findall("cipher")}
            self.assertGreaterEqual(len(ciphers), 6, done.stdout)
            for cipher in ciphers:
                self.assertRegex(cipher, r"^(TLS_|ECDHE-)\S*(GCM|CHACHA20|POLY1305)")
            self.assertEqual([one.get("vulnerable") for one in found.findall("heartbleed")], ["0"] * 2)
            self.assertEqual(found.find("renegotiation").get("supported"), "0")

    def test_no_renegotiation_no_compression(self):
        port = self.secure().port()
        said = self.s_client(port, "-tls1_2", data=b"R\n")
        self.assertRegex(said, r"no renegotiation|ssl3_read_bytes|renegotiat")
        self.assertIn("Compression: NONE", said)

    def test_websockets(self):
        if websockets is None:
            self.skipTest("the python package websockets is not installed")
        port = self.secure().port()

        async def talk():
            async with websockets.connect(f"wss://a.example:{port}/", ssl=self.context(), host="127.0.0.1", port=port,
                                          open_timeout=artel.patience, max_size=None) as one:
                for message in ("hello", "x" * 1_000_000, "bye"):
                    await one.send(message)
                    self.assertEqual(await asyncio.wait_for(one.recv(), artel.patience), message)
            self.assertEqual(one.close_code, 1000)
        asyncio.run(talk())

    def test_tls_1_2_as_mini_programs_ask_for_it(self):
        """Row 1.16.36: a valid certificate and TLS 1.2."""
        if websockets is None:
            self.skipTest("the python package websockets is not installed")
        port = self.secure().port()
        context = self.context(maximum_version=ssl.TLSVersion.TLSv1_2)

        async def talk():
            async with websockets.connect(f"wss://a.example:{port}/", ssl=context, host="127.0.0.1", port=port,
                                          open_timeout=artel.patience) as one:
                await one.send("hi")
                self.assertEqual(await asyncio.wait_for(one.recv(), artel.patience), "hi")
        asyncio.run(talk())

    def test_text_over_tls_and_its_end(self):
        port = self.secure().port(2)
        one = self.connect(port)
        one.sendall(b"a\nb\n")
        got = b""
        while len(got) < 4:
            got += one.recv(100)
        self.assertEqual(got, b"a\nb\n")
        one.unwrap().close()  # close_notify both ways

    def test_a_proxy_header_comes_before_tls(self):
        port = self.secure("proxied").port()
        header = b"PROXY TCP4 203.0.113.7 203.0.113.8 5000 443\r\n"
        for together in (True, False):
            with artel.Wire(port) as wire:
                into, out = ssl.MemoryBIO(), ssl.MemoryBIO()
                client = self.context().wrap_bio(into, out, server_hostname="a.example")

                def step(what):
                    while True:
                        try:
                            done = what()
                        except ssl.SSLWantReadError:
                            done = None
                        wire.send(out.read())
                        if done is not None:
                            return done
                        into.write(wire.socket.recv(65536))
                if together:
                    with self.assertRaises(ssl.SSLWantReadError):
                        client.do_handshake()
                    wire.send(header + out.read())
                else:
                    wire.send(header)
                step(lambda: client.do_handshake() or True)
                client.write(b"GET /ip HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                self.assertIn(b"\r\n\r\n203.0.113.7", step(lambda: client.read(65536)))

    # -- sessions

    def resumed(self, port, session, context, name="a.example"):
        one = self.connect(port, name, context, session)
        self.get(one)
        return one.session_reused, one.session

    def test_sessions_resume_in_every_process_and_after_a_reload(self):
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            program = self.secure(count=3)
            port = program.port()
            context = self.context(maximum_version=version)
            pids, session = set(), None
            for _ in range(40):
                one = self.connect(port, context=context, session=session)
                self.assertEqual(one.session_reused, session is not None)
                pids.add(self.get(one).split("/")[1])
                session = one.session
                if len(pids) == 3:
                    break
            self.assertEqual(len(pids), 3)
            self.assertEqual(self.command(program, "reload"), 0)
            reused, session = self.resumed(port, session, context)
            self.assertTrue(reused, "a reload keeps the tickets' keys")
            self.assertEqual(self.command(program, "reload", "--exec"), 0)
            reused, session = self.resumed(port, session, context)
            self.assertTrue(reused, "a new program has them, too")

    def everywhere(self, port, session, context, count=2, until=None):
        """Resumes with it until each of `count` processes has said whether it did, or has done what is wanted."""
        found = {}
        deadline = time.monotonic() + artel.patience
        while len(found) < count or (until and not all(map(until, found.values()))):
            self.assertLess(time.monotonic(), deadline, f"in vain: {found}")
            one = self.connect(port, context=context, session=session)
            found[self.get(one).split("/")[1]] = (one.session_reused, one.session.id)
            one.close()
        return {reused for reused, _ in found.values()}

    def test_a_session_lasts_as_long_as_its_key(self):
        """Rotated in a service that runs, also where its processes have opened the listener at run time: after one
        rotation a session still resumes, after three it does not."""
        port = artel.free_port()
        program = self.secure("stays", "quick", "rotates", f"inner=https://127.0.0.1:{port}", count=2)
        old = self.context(maximum_version=ssl.TLSVersion.TLSv1_2)
        new = self.context()
        ports = (program.port(), port)
        kept = {(at, context): self.resumed(at, None, context)[1] for at in ports for context in (old, new)}
        for rotation in (1, 2, 3):
            before = {at: self.resumed(at, None, old)[1] for at in ports}
            self.assertEqual(self.command(program, "reload"), 0)
            for at, session in before.items():
                # With TLS 1.2 a ticket is renewed only because its key is not the first any more.
                reused = self.everywhere(at, session, old, until=lambda said, session=session: said[1] != session.id)
                self.assertEqual(reused, {True}, f"rotation {rotation}")
            for (at, context), session in kept.items():
                self.assertEqual(self.everywhere(at, session, context), {rotation < 3}, f"rotation {rotation}")

    def test_sessions_resume_at_a_listener_opened_at_run_time(self):
        """In every process that has opened it, and nowhere else."""
        port = artel.free_port()
        program = self.secure(f"inner=https://127.0.0.1:{port}", count=2)
        program.port()
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = self.context(maximum_version=version, check_hostname=False)
            session = self.resumed(port, None, context)[1]
            self.assertEqual(self.everywhere(port, session, context), {True})
            self.assertFalse(self.resumed(port, session, context, "b.example")[0], "another name")
            self.assertFalse(self.resumed(program.port(), session, context)[0], "another listener")
            session = self.resumed(program.port(), None, context)[1]
            self.assertFalse(self.resumed(port, session, context)[0], "the other way round")

    def test_no_session_resumes_elsewhere(self):
        """CVE-2025-23419: what was checked for one name, or at one port, opens no other."""
        b = self.ca.sign("b.example")
        program = self.secure(f"sni=b.example={self.both(b)}")
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = self.context(maximum_version=version, check_hostname=False)
            _, session = self.resumed(program.port(), None, context)
            self.assertTrue(self.resumed(program.port(), session, context)[0])
            self.assertFalse(self.resumed(program.port(), session, context, "b.example")[0], "another name")
            self.assertFalse(self.resumed(program.port(), session, context, "c.example")[0], "a name without certificate")
            line = self.connect(program.port(2), context=context, session=session)
            self.assertFalse(line.session_reused, "another listener")

    # -- certificates

    def both(self, pair):
        """A file with certificate and key."""
        file = pathlib.Path(str(pair[0]) + ".both")
        file.write_bytes(pair[0].read_bytes() + pair[1].read_bytes())
        os.chmod(file, 0o600)
        return file

    def command(self, program, *words):
        return subprocess.run([program.process.args[0], *words], cwd=program.folder.name, capture_output=True,
                              timeout=artel.patience).returncode

    def serial(self, port, name="a.example"):
        one = self.connect(port, name)
        return one.getpeercert()["serialNumber"]

    def test_names_choose_certificates(self):
        b, star = self.ca.sign("b.example"), self.ca.sign("*.c.example", stem="star")
        program = self.secure(f"sni=b.example={self.both(b)}", f"sni=*.c.example={self.both(star)}")
        numbers = {name: self.serial(program.port(), name) for name in ("a.example", "b.example", "x.c.example")}
        self.assertEqual(len(set(numbers.values())), 3)

    def pair_to_change(self):
        """A pair in files of its own."""
        cert, key = self.ca.sign("a.example", stem=f"changing{random.random()}")
        return cert, key

    def test_a_reload_brings_new_certificates_and_drops_nobody(self):
        pair = self.pair_to_change()
        program = self.secure(pair=pair)
        port = program.port()
        before = self.serial(port)
        stays = self.connect(port)
        self.get(stays)
        fresh = self.ca.sign("a.example", stem="fresh")
        for old, new in zip(pair, fresh):
            old.write_bytes(new.read_bytes())
        self.assertEqual(self.command(program, "reload", "-g", "--no-wait"), 0)
        artel.until(lambda: self.serial(port) != before, "the new certificate")
        self.get(stays)
        # A certificate without its key: what was there stays, and one line says so.
        pair[0].write_bytes(self.cert.read_bytes())
        now = self.serial(port)
        self.assertEqual(self.command(program, "reload"), 0)
        self.assertEqual(self.serial(port), now)
        program.err.wait(r"is not the key of the certificate .*stays in use", 2)
        self.assertEqual(len(program.err.find(r"is not the key of the certificate .*stays in use")), 2, "one of each Worker")

    def test_a_changed_file_is_noticed(self):
        pair = self.pair_to_change()
        program = self.secure(pair=pair)
        port = program.port()
        before = self.serial(port)
        stays = self.connect(port)
        self.get(stays)
        fresh = self.ca.sign("a.example", stem="noticed")
        for old, new in zip(pair, fresh):
            old.write_bytes(new.read_bytes())
        artel.until(lambda: self.serial(port) != before, "the new certificate", 10)
        self.get(stays)

    def test_renewed_by_a_link_and_served_by_another_user(self):
        """As certbot does it: live/ has links into archive/. The key is root's alone, and root's process reads it."""
        if os.geteuid() != 0:
            self.skipTest("only root may become another user")
        live = pathlib.Path(tempfile.mkdtemp(dir=self.folder.name))
        links = live / "fullchain.pem", live / "privkey.pem"
        numbers = []
        for i in range(3):
            pair = self.ca.sign("a.example", stem=f"archive{i}")
            for link, file in zip(links, pair):
                os.symlink(file, str(link) + ".new")
                os.replace(str(link) + ".new", link)
            if i == 0:
                program = self.secure("user=nobody", "quick", pair=links)
                port = program.port()
                worker = int(self.get(self.connect(port)).split("/")[1])
                self.assertNotEqual(os.stat(f"/proc/{worker}").st_uid, 0)
                self.assertEqual(os.stat(pair[1]).st_mode & 0o777, 0o600)
            elif i == 1:
                artel.until(lambda: self.serial(port) not in numbers, "the new certificate")
                self.assertEqual(int(self.get(self.connect(port)).split("/")[1]), worker, "the same process")
            else:
                self.assertEqual(self.command(program, "reload"), 0)
                self.assertNotIn(self.serial(port), numbers)
            numbers.append(self.serial(port))

    def test_a_key_that_breaks_in_a_handover(self):
        """Between the trial of a new program and its taking over: what the trial has read is served."""
        pair = self.pair_to_change()
        armed = self.ca.folder / "armed"
        inherited = self.ca.folder / "inherited"
        program = self.secure(f"spoils={armed}", f"inherits={inherited}", "quick", pair=pair)
        port = program.port()
        before, key = self.serial(port), pair[1].read_bytes()
        stays = self.connect(port)
        self.get(stays)
        fresh = self.ca.sign("a.example", stem="handed")
        armed.touch()
        self.assertEqual(self.command(program, "reload", "--exec"), 0)
        program.err.wait("has taken the place of")
        self.assertIn("/proc/", inherited.read_text())
        self.assertNotIn("memfd", inherited.read_text(), "keys, open for a program that main starts before runAll")
        self.assertEqual(pair[1].read_bytes(), b"")
        self.assertEqual(self.serial(port), before)
        program.err.wait(r"has no key in it; the certificate that was read before stays in use")
        pair[1].write_bytes(fresh[1].read_bytes())
        pair[0].write_bytes(fresh[0].read_bytes())
        artel.until(lambda: self.serial(port) != before, "the new certificate")

    def test_client_certificates(self):
        friend = self.ca.sign("friend")
        for verify, without in (("optional", True), ("required", False)):
            port = self.secure(f"verify={verify}", f"ca={self.ca.file}").port()
            context = self.context()
            context.load_cert_chain(*friend)
            self.get(self.connect(port, context=context))
            done = self.curl(f"https://a.example:{port}/", "--cert", friend[0], "--key", friend[1])
            self.assertRegex(done.stdout, rb"^\d+/\d+$", done.stderr)
            strangers = self.context()
            other = tempfile.mkdtemp(dir=self.folder.name)
            strangers.load_cert_chain(*Authority(other).sign("friend"))
            with self.assertRaises((ssl.SSLError, OSError, AssertionError)):
                self.get(self.connect(port, context=strangers))
            if without:
                self.get(self.connect(port))
            else:
                with self.assertRaises((ssl.SSLError, OSError, AssertionError)):
                    self.get(self.connect(port))

    def test_a_resumed_session_says_whose_certificate_it_was(self):
        """And one that has shown none, where none was asked for, opens nothing where one is."""
        friend = self.ca.sign("friend")
        port = self.secure("verify=required", f"ca={self.ca.file}", count=2).port()
        free = self.secure().port()
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = self.context(maximum_version=version)
            session = self.resumed(free, None, context)[1]
            with self.assertRaises((ssl.SSLError, OSError, AssertionError)):
                self.get(self.connect(port, context=context, session=session))
            context.load_cert_chain(*friend)
            session = self.resumed(port, None, context)[1]
            for _ in range(5):
                one = self.connect(port, context=context, session=session)
                self.assertTrue(one.session_reused)
                self.assertEqual(self.get(one, "/who"), "CN=friend")

    def test_an_ocsp_response_that_does_not_fit_is_not_sent(self):
        """One line says why, at the start, in check and at a reload; the service serves."""
        index = self.ca.folder / "responses.txt"
        other = self.ca.sign("other.example", stem="responses")[0]
        numbers = [openssl("x509", "-in", one, "-noout", "-serial").stdout.decode().strip().split("=")[1]
                   for one in (self.cert, other)]
        index.write_text("".join(f"V\t490101000000Z\t\t{number}\tunknown\t/CN={number}\n" for number in numbers))

        def respond(name, certificate, *words):
            request, response = self.ca.folder / f"{name}.req", self.ca.folder / f"{name}.der"
            self.ca.made("ocsp", "-issuer", self.ca.file, "-cert", certificate, "-reqout", request)
            self.ca.made("ocsp", "-index", index, "-rsigner", self.ca.file, "-rkey", self.ca.key, "-CA", self.ca.file,
                         "-reqin", request, "-respout", response, *words)
            return response
        good = respond("good", self.cert, "-ndays", "7")
        kinds = {
            "expired": (self.moved(good, thisUpdate="20200101000000Z", nextUpdate="20200108000000Z"),
                        "has expired on 2020-01-08; clients get none"),
            "early": (self.moved(good, thisUpdate="20900101000000Z", nextUpdate="20900108000000Z"),
                      "is valid from 2090-01-01 on; until then clients get none"),
            "foreign": (respond("foreign", other, "-ndays", "7").read_bytes(), "is about another certificate than"),
            "timeless": (self.moved(good, thisUpdate="20200101000000Z", nextUpdate="2099x108000000Z"),
                         "holds no OCSP response; clients get none"),
            "longer": (good.read_bytes() + b"x", "holds no OCSP response; clients get none"),
            "gone": (None, "cannot be read: ")}
        file = self.ca.folder / "stapled.der"
        file.write_bytes(good.read_bytes())
        program = self.secure(f"ocsp={file}", "quick")
        port = program.port()
        self.assertIn("OCSP Response Status: successful", self.s_client(port, "-status"))
        for kind, (content, why) in kinds.items():
            with self.subTest(kind):
                line = re.escape(f"ssl.ocspFile {file} {why}")
                before = len(program.err.find(line))
                self.put(file, content)
                artel.until(lambda: len(program.err.find(line)) == before + 2, "a line of each Worker")
                artel.until(lambda: "OCSP response: no response sent" in self.s_client(port, "-status"), "none to be sent")
                before += 2
                self.assertEqual(self.command(program, "reload"), 0)
                artel.until(lambda: len(program.err.find(line)) == before + 2, "one more of each Worker")
                self.assertIn("OCSP response: no response sent", self.s_client(port, "-status"))
                words = [str(artel.bin_dir / "fixtures/secure"), "check", "--", f"cert={self.cert}", f"key={self.key}",
                         f"ocsp={file}"]
                done = subprocess.run(words, capture_output=True, text=True, cwd=self.folder.name)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertIn(why.split(";")[0], " ".join(done.stdout.split()))
        another = self.secure(f"ocsp={file}")
        another.port()
        another.err.wait(r"cannot be read: .*; clients get none", 2)
        self.put(file, good.read_bytes())
        artel.until(lambda: "OCSP Response Status: successful" in self.s_client(port, "-status"), "the good one")

    @staticmethod
    def put(file, content):
        """At once: the service looks at it at any time."""
        if content is None:
            return file.unlink()
        aside = file.with_suffix(".new")
        aside.write_bytes(content)
        os.replace(aside, file)

    def moved(self, response, thisUpdate, nextUpdate):
        """The same with other times. Its signature is wrong then, which only clients look at."""
        data = response.read_bytes()
        times = [at for at in re.finditer(rb"\x18\x0f(\d{14}Z)", data)]  # producedAt, thisUpdate, nextUpdate
        self.assertEqual(len(times), 3)
        for at, new in zip(times[1:], (thisUpdate, nextUpdate)):
            data = data[:at.start(1)] + new.encode() + data[at.end(1):]
        return data

    def test_ocsp_stapling(self):
        index = self.ca.folder / "index.txt"
        number = openssl("x509", "-in", self.cert, "-noout", "-serial").stdout.decode().strip().split("=")[1]
        index.write_text(f"V\t490101000000Z\t\t{number}\tunknown\t/CN=a.example\n")
        request, response = self.ca.folder / "request.der", self.ca.folder / "response.der"
        self.ca.made("ocsp", "-issuer", self.ca.file, "-cert", self.cert, "-reqout", request)
        self.ca.made("ocsp", "-index", index, "-rsigner", self.ca.file, "-rkey", self.ca.key, "-CA", self.ca.file,
                     "-reqin", request, "-respout", response, "-ndays", "7")
        said = self.s_client(self.secure(f"ocsp={response}").port(), "-status")
        self.assertIn("OCSP Response Status: successful", said)
        self.assertIn("Cert Status: good", said)
        self.assertIn("OCSP response: no response sent", self.s_client(self.secure().port(), "-status"))

    def test_a_development_certificate_is_made(self):
        program = self.program("fixtures/secure", arguments=["development"])
        port = program.port()
        file = pathlib.Path(program.folder.name) / "development.pem"
        self.assertEqual(file.stat().st_mode & 0o777, 0o600)
        self.get(self.connect(port, "localhost", self.context(file)))
        done = subprocess.run(["curl", "-sS", "--noproxy", "*", "--cacert", str(file), f"https://127.0.0.1:{port}/"],
                              capture_output=True, timeout=30)
        self.assertRegex(done.stdout, rb"^0/\d+$", done.stderr)

    def test_secure_echo(self):
        program = self.program("secure_echo", listen="https://127.0.0.1:0")
        url = f"https://127.0.0.1:{program.port()}/a"
        done = subprocess.run(["curl", "-sS", "--noproxy", "*", "--cacert", f"{program.folder.name}/development.pem", url],
                              capture_output=True, timeout=30)
        self.assertEqual(done.stdout, b"over TLS: /a\n", done.stderr)

    # -- what must not be sent

    def test_plain_bytes_and_what_is_no_handshake(self):
        program = self.secure()
        port, line = program.port(), program.port(2)
        with artel.Wire(port) as one:
            one.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            self.assertTrue(one.all().startswith(b"HTTP/1.1 400 "))
        with artel.Wire(line) as one:
            one.send("hello\n")
            self.assertEqual(one.all(), b"")
        program.err.wait(r"an HTTP request reached https://\S+, which speaks TLS; open https://")
        program.err.wait(r"something that is no TLS hello reached text://\S+, which speaks TLS")
        self.get(self.connect(port))

    def test_a_tls_hello_on_a_plain_port(self):
        for name, listen in (("http_hello", "http://127.0.0.1:0"), ("text_echo", "text://127.0.0.1:0"),
                             ("websocket_echo", "websocket://127.0.0.1:0")):
            program = self.program(name, listen=listen)
            with self.assertRaises((ssl.SSLError, OSError)):
                self.connect(program.port())
            program.err.wait("a TLS hello reached")

    def test_key_updates_without_end(self):
        program = self.secure()
        one = subprocess.Popen(["openssl", "s_client", "-connect", f"127.0.0.1:{program.port()}", "-CAfile",
                                str(self.ca.file), "-tls1_3"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT)
        self.addCleanup(one.communicate)
        for line in one.stdout:
            if b"Verify return code" in line:
                break
        begin = time.monotonic()
        while one.poll() is None:
            self.assertLess(time.monotonic() - begin, artel.patience, "it is not closed")
            try:
                one.stdin.write(b"K\n")  # a key update that asks for another
                one.stdin.flush()
            except OSError:
                break
            time.sleep(0.005)
        program.err.wait("TLS failed: it sends key updates or hellos, and hardly anything else")
        self.get(self.connect(program.port()))

    def test_handshakes_cut_anywhere_leave_nothing_behind(self):
        """Aborted, truncated, mangled: 300 here, 10,000 with ARTEL_HANDSHAKES=10000."""
        program = self.secure("handshake=3000")
        port = program.port()
        hello = self.hello()
        context = self.context(check_hostname=False, verify_mode=ssl.CERT_NONE)
        worker = int(self.get(self.connect(port)).split("/")[1])
        self.storm(port, hello, context, 100)  # what the first ones cost once
        artel.until(lambda: self.descriptors(worker) < 30, "the first ones to go")
        before = artel.private_bytes(worker)
        self.storm(port, hello, context, int(os.environ.get("ARTEL_HANDSHAKES", "300")))
        artel.until(lambda: self.descriptors(worker) < 30, "all connections to end")
        if not artel.sanitized("fixtures/secure"):
            self.assertLess(artel.private_bytes(worker) - before, 3 << 20)
        self.get(self.connect(port))
        self.assertEqual(int(self.get(self.connect(port)).split("/")[1]), worker, "it did not crash")

    @staticmethod
    def descriptors(pid):
        return len(os.listdir(f"/proc/{pid}/fd"))

    def hello(self):
        """A ClientHello as python makes it."""
        into, out = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = self.context().wrap_bio(into, out, server_hostname="a.example")
        try:
            client.do_handshake()
        except ssl.SSLWantReadError:
            pass
        return out.read()

    @staticmethod
    def storm(port, hello, context, count):
        dice = random.Random(4)
        for i in range(count):
            with socket.create_connection(("127.0.0.1", port), artel.patience) as one:
                one.settimeout(artel.patience)
                try:
                    what = i % 5
                    if what == 0:  # cut
                        one.sendall(hello[:dice.randrange(len(hello))])
                    elif what == 1:  # mangled
                        data = bytearray(hello)
                        for _ in range(dice.randrange(1, 8)):
                            data[dice.randrange(5, len(data))] = dice.randrange(256)
                        one.sendall(data)
                        one.recv(4096)
                    elif what == 2:  # garbage
                        one.sendall(bytes(dice.randrange(256) for _ in range(200)))
                    elif what == 3:  # gone in the middle
                        one.sendall(hello)
                        one.recv(dice.randrange(1, 2000))
                        if dice.random() < 0.5:
                            one.sendall(bytes([20, 3, 3, 0, 1, 1, 23, 3, 3, 0, 50]) + os.urandom(50))
                    else:  # and one that is right
                        with context.wrap_socket(one, server_hostname="a.example") as right:
                            right.sendall(b"GET / HTTP/1.1\r\n")
                except OSError:
                    pass

    # -- what a start says

    def refused(self, *words):
        program = self.program("fixtures/secure", arguments=list(words))
        self.assertEqual(program.wait(), 6, program.said())
        return program.err.text()

    def test_what_does_not_fit_refuses_the_start(self):
        other = self.ca.sign("other.example")
        locked = self.ca.folder / "locked.key"
        self.ca.made("pkey", "-in", self.key, "-aes256", "-passout", "pass:secret", "-out", locked)
        os.chmod(locked, 0o600)
        said = self.refused(f"cert={self.cert}", f"key={other[1]}")
        self.assertRegex(said, rf"error\[E06\].*{other[1]} is not the key of the certificate {self.cert}")
        self.assertRegex(self.refused(f"cert={self.cert}", "key=/nowhere.pem"),
                         r"localPk /nowhere\.pem \(of the certificate \S+a\.example\.pem\) cannot be read")
        self.assertRegex(self.refused("cert=/nowhere.pem"), r"localCert /nowhere\.pem cannot be read: no such file")
        self.assertRegex(self.refused(f"cert={self.cert}", f"key={locked}"),
                         rf"{locked} of the certificate {self.cert} is encrypted, and there is no passphrase")
        self.assertRegex(self.refused(f"cert={self.cert}", f"key={locked}", "pass=wrong"), "passphrase does not open")
        self.assertRegex(self.refused(f"cert={self.key}", f"key={self.key}"), "has no certificate in it")
        self.assertRegex(self.refused(), "TLS needs a certificate")
        self.assertRegex(self.refused(f"cert={self.cert}", f"key={self.key}", "ciphers=AES256-SHA"), "ECDHE and AEAD")
        self.get(self.connect(self.secure("pass=secret", pair=(self.cert, locked)).port()))

    def test_what_is_only_unwise_is_a_warning(self):
        soon = self.ca.sign("soon.example", days=5)
        program = self.secure(pair=soon)
        program.port()
        self.assertTrue(program.err.wait(r"soon\.example\.pem expires in [45] days \(20"))
        over = self.ca.sign("over.example", days=-1)
        os.chmod(over[1], 0o644)
        program = self.secure(pair=over)
        program.port()
        self.assertTrue(program.err.wait(r"over\.example\.pem has expired on 20"))
        self.assertTrue(program.err.wait(r"every user of this machine may read the key in \S+over\.example\.key"))

    def test_check_shows_certificates(self):
        done = subprocess.run([str(artel.bin_dir / "fixtures/secure"), "check", "--", f"cert={self.cert}",
                               f"key={self.key}"], capture_output=True, text=True, cwd=self.folder.name)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, rf"certificate +{self.cert} +EC P-256, valid until 20\d\d-\d\d-\d\d")

    def test_a_stop_ends_connections_in_order(self):
        program = self.secure()
        one = self.connect(program.port(), suppress_ragged_eofs=False)
        self.get(one)
        program.process.send_signal(signal.SIGINT)
        self.assertEqual(one.recv(100), b"", "close_notify: an end without it would throw")
        one.close()
        self.assertEqual(program.wait(), 0)

    def test_who_says_nothing_is_closed(self):
        program = self.secure("handshake=1000")
        begin = time.monotonic()
        with artel.Wire(program.port()) as silent, artel.Wire(program.port()) as half, artel.Wire(program.port()) as slow:
            half.send(self.hello()[:50])
            for byte in self.hello():
                slow.send(bytes([byte]))
                if artel.readable(slow.socket, 0.1):
                    break
                self.assertLess(time.monotonic() - begin, 10, "each byte bought new time")
            self.assertEqual(slow.all(), b"")
            self.assertEqual(silent.all(), b"")
            half.all()
        self.assertLess(time.monotonic() - begin, 10)
        program.err.wait("its TLS handshake was not done in time")


if __name__ == "__main__":
    artel.run()
