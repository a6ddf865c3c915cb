"""A real HAProxy in front that passes bytes on and says in a PROXY header who the client is (manual 1.16.38)."""
import csv
import pathlib
import socket
import ssl
import subprocess
import tempfile

import _artel_program as artel

artel.need("haproxy", "curl")

CONFIG = """
global
  stats socket {folder}/stats
defaults
  mode tcp
  timeout connect 5s
  timeout check 5s
  timeout client 10s
  timeout server 10s
frontend in
  bind 127.0.0.1:{port}
  bind [::1]:{port} v6only
  default_backend app
backend app
  server one 127.0.0.1:{app} {send}
"""


class Haproxy(artel.Case):
    def haproxy(self, app, send):
        folder = tempfile.TemporaryDirectory(prefix="artel-haproxy-")
        self.addCleanup(folder.cleanup)
        port = artel.free_port()
        config = pathlib.Path(folder.name, "haproxy.cfg")
        config.write_text(CONFIG.format(port=port, app=app, send=send, folder=folder.name))
        self.stats = f"{folder.name}/stats"
        process = subprocess.Popen(["haproxy", "-db", "-f", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

        def stop():
            process.terminate()
            process.communicate(timeout=artel.patience)
        self.addCleanup(stop)

        def listens(family, address):
            self.assertIsNone(process.poll(), "haproxy has ended")
            with socket.socket(family) as probe:
                return probe.connect_ex(address) == 0
        artel.until(lambda: listens(socket.AF_INET, ("127.0.0.1", port)), "haproxy to listen")
        # It binds the statistics under another name and renames them when all else listens.
        artel.until(lambda: listens(socket.AF_UNIX, self.stats), "haproxy to show its statistics")
        return port

    def curl(self, *options):
        done = subprocess.run(["curl", "-s", "-S", "-k", "--max-time", str(artel.patience), *options], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_both_versions_before_tls(self):
        app = self.program("fixtures/secure", arguments=["development", "proxied"])
        for send in ("send-proxy", "send-proxy-v2", "send-proxy-v2-ssl"):
            with self.subTest(send):
                port = self.haproxy(app.port(), send)
                said = self.curl("--interface", "127.0.0.77", f"https://127.0.0.1:{port}/ip", f"https://127.0.0.1:{port}/ip")
                self.assertEqual(said, "127.0.0.77" * 2)
                self.assertEqual(self.curl(f"https://[::1]:{port}/ip"), "::1")

    def test_checks_of_the_proxy_itself(self):
        """They come with a LOCAL header, and go on with TLS."""
        app = self.program("fixtures/secure", arguments=["development", "proxied"])
        port = self.haproxy(app.port(), "send-proxy-v2 check check-send-proxy check-ssl verify none inter 1s fastinter 20ms fall 1")

        def checked():
            with socket.socket(socket.AF_UNIX) as stats:
                stats.connect(self.stats)
                stats.sendall(b"show stat\n")
                rows = list(csv.DictReader(stats.makefile()))
            return any(row["svname"] == "one" and row["status"].startswith("UP") and row["check_status"] == "L6OK" for row in rows)
        artel.until(checked, "a check that was well")
        self.assertEqual(self.curl(f"https://127.0.0.1:{port}/ip"), "127.0.0.1")
        self.assertEqual(app.err.find("PROXY"), [], app.said())

    def test_who_comes_past_it_is_refused(self):
        app = self.program("fixtures/secure", arguments=["development", "proxied"])
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with socket.create_connection(("127.0.0.1", app.port()), artel.patience) as direct, self.assertRaises(OSError):
            context.wrap_socket(direct)
        self.assertTrue(app.err.wait("PROXY"))


artel.run()
