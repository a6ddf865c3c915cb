"""A real nginx in front: HTTP with kept connections, WebSocket, the client's address by header. The
configuration is the one of docs/clients.md."""
import os
import pathlib
import re
import socket
import ssl
import subprocess
import tempfile

import _artel_program as artel

artel.need("nginx", "curl")
GUIDE = artel.source_dir / "docs" / "clients.md"


class Front(artel.Case):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="artel-nginx-"))
        self.addCleanup(subprocess.run, ["rm", "-rf", self.folder])

    def nginx(self, inside, listen=";"):
        """One with that configuration inside http or stream; answers its port. `listen`: what stands behind it."""
        port = artel.free_port()
        temporary = "".join(f"{kind}_temp_path {self.folder};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        config = self.folder / "nginx.conf"
        config.write_text(f"daemon off; pid {self.folder}/pid; error_log {self.folder}/error.log; events {{}}\n"
                          f"http {{ access_log off; {temporary}\n{inside.replace('listen 80;', f'listen 127.0.0.1:{port}{listen}')}\n}}\n")
        command = ["nginx", "-p", str(self.folder), "-c", str(config), "-e", f"{self.folder}/error.log"]
        checked = subprocess.run([*command, "-t"], capture_output=True, text=True)
        self.assertEqual(checked.returncode, 0, checked.stderr)
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

        def stop():
            process.terminate()
            process.wait(artel.patience)
        self.addCleanup(stop)

        def listens():
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0
        artel.until(listens, "nginx to listen")
        return port

    def guide(self, app):
        block = re.search(r"^```nginx\n(.*?)^```$", GUIDE.read_text(), re.S | re.M).group(1)
        self.assertIn("server 127.0.0.1:8080;", block)
        return block.replace("server 127.0.0.1:8080;", f"server 127.0.0.1:{app};")

    def curl(self, *options):
        done = subprocess.run(["curl", "-s", "-S", "--max-time", str(artel.patience), *options], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_http_and_the_clients_address(self):
        app = self.program("fixtures/behind_proxy", listen="web=http://127.0.0.1:0")
        port = self.nginx(self.guide(app.port()))
        made_up = ["-H", "X-Forwarded-For: 6.6.6.6", "-H", "X-Real-IP: 6.6.6.6"]
        for _ in range(3):
            answer = self.curl("--interface", "127.0.0.77", *made_up, f"http://127.0.0.1:{port}/")
            self.assertEqual(answer, "client 127.0.0.77")
        direct = self.curl("-H", "X-Real-IP: 6.6.6.6", f"http://127.0.0.1:{app.port()}/")
        self.assertEqual(direct, "client 6.6.6.6", "127.0.0.1 is trusted here")

    def test_connections_to_us_are_kept(self):
        app = self.program("fixtures/behind_proxy", listen="web=http://127.0.0.1:0")
        port = self.nginx(self.guide(app.port()))
        seen = {self.curl(f"http://127.0.0.1:{port}/port") for _ in range(5)}
        self.assertEqual(len(seen), 1, seen)

    def test_websocket(self):
        app = self.program("websocket_echo", listen="websocket://127.0.0.1:0")
        wire = self.wire(self.nginx(self.guide(app.port())))
        wire.send("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")
        self.assertIn(b" 101 ", wire.until(b"\r\n\r\n"))
        wire.send(b"\x81\x82\0\0\0\0hi")
        self.assertEqual(wire.exactly(4), b"\x81\x02hi")

    def test_nginx_ends_tls(self):
        """https and wss in front, http and ws behind."""
        cert, key = f"{self.folder}/cert.pem", f"{self.folder}/key.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "9",
                        "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", cert],
                       check=True, capture_output=True)
        listen = f" ssl; ssl_certificate {cert}; ssl_certificate_key {key};"
        app = self.program("fixtures/behind_proxy", listen="web=http://127.0.0.1:0")
        port = self.nginx(self.guide(app.port()), listen)
        answer = self.curl("--cacert", cert, "--interface", "127.0.0.77", "--resolve", f"localhost:{port}:127.0.0.1",
                           f"https://localhost:{port}/")
        self.assertEqual(answer, "client 127.0.0.77")
        echo = self.program("websocket_echo", listen="websocket://127.0.0.1:0")
        port = self.nginx(self.guide(echo.port()), listen)
        context = ssl.create_default_context(cafile=cert)
        with context.wrap_socket(socket.create_connection(("127.0.0.1", port), artel.patience), server_hostname="localhost") as wire:
            wire.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                         b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")
            with wire.makefile("rb") as said:
                self.assertIn(b" 101 ", said.readline())
                while said.readline() != b"\r\n":
                    pass
                wire.sendall(b"\x81\x82\0\0\0\0hi")
                self.assertEqual(said.read(4), b"\x81\x02hi")

    def test_nginx_speaks_tls_to_us(self):
        app = self.program("secure_echo", listen="https://127.0.0.1:0")
        inside = self.guide(app.port()).replace(
            "proxy_pass http://app;",
            "proxy_pass https://app; proxy_ssl_verify on; proxy_ssl_server_name on; proxy_ssl_name localhost;"
            f"proxy_ssl_trusted_certificate {app.folder.name}/development.pem;")
        self.assertIn("proxy_ssl_verify", inside)
        port = self.nginx(inside)
        for path in ("/one", "/two"):
            self.assertEqual(self.curl(f"http://127.0.0.1:{port}{path}"), f"over TLS: {path}\n")


if os.geteuid() != 0:
    artel.skip("a test's nginx is started as root only: others could not read its folder")
artel.run()
