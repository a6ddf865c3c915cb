"""Starts the programs that are compared: ours, the floor, nginx, and those given with --peer."""

import contextlib
import os
import pathlib
import random
import re
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from .machine import BIN, first_line

KINDS = ("http", "text", "tcp", "websocket", "broadcast", "https")

OURS = {
    "http": "http_hello start -q --pid-file {folder}/artel.pid --listen http://127.0.0.1:{port}",
    "text": "text_echo start -q --pid-file {folder}/artel.pid --listen text://127.0.0.1:{port}",
    "tcp": "tcp_echo start -q --pid-file {folder}/artel.pid --listen tcp://127.0.0.1:{port}",
    "websocket": "websocket_echo start -q --pid-file {folder}/artel.pid --listen websocket://127.0.0.1:{port}",
    "broadcast": "bench/websocket_broadcast start -q --pid-file {folder}/artel.pid --listen websocket://127.0.0.1:{port}",
    "https": "bench/https_hello start -q --pid-file {folder}/artel.pid --listen https://127.0.0.1:{port}",
}

# One worker; everything that only costs is off, everything that only helps is on.
NGINX = """
daemon off;
worker_processes 1;
pid {folder}/pid;
error_log stderr crit;
events {{ worker_connections 19000; multi_accept on; }}
http {{
  access_log off;
  server_tokens off;
  tcp_nodelay on;
  keepalive_timeout 600s;
  keepalive_requests 1000000000;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  default_type text/plain;
  server {{
    listen 127.0.0.1:{port} backlog=4096{tls};
    location / {{ return 200 "hello world"; }}
  }}
}}
"""


NGINX_TLS = " ssl; ssl_protocols TLSv1.3; ssl_certificate {folder}/certificate.pem; ssl_certificate_key {folder}/key.pem"

# Kinds of server that need a certificate, in the directory they are started in; peers find it in {folder}.
KEYS = {"https": ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"], "https-rsa": ["rsa:2048"]}


def make_certificate(kind, folder):
    """certificate.pem and key.pem, of a new key."""
    words = ["openssl", "req", "-x509", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-newkey", *KEYS[kind]]
    files = ["-keyout", "key.pem", "-out", "certificate.pem"]
    subprocess.run([*words, *files], cwd=folder, check=True, capture_output=True)


def nginx_path():
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")


class Contender:
    """Something that can be started for some kinds of load. `commands`: kind or workload -> command line."""

    def __init__(self, name, commands, version=""):
        self.name, self.commands, self.version = name, commands, version

    def command(self, kind, workload=None):
        return self.commands.get(workload) or self.commands.get(kind) or self.commands.get(kind.partition("-")[0])


def artel():
    return Contender("artel", {kind: f"{BIN}/{words}" for kind, words in OURS.items()})


def floor():
    return Contender("floor", {kind: f"{BIN}/bench/bench-floor {kind} {{port}}" for kind in KINDS}, "raw epoll, parses nothing")


def nginx():
    path = nginx_path()
    if not path:
        return None
    command = f"{path} -p {{folder}} -c {{folder}}/conf"
    return Contender("nginx", {"http": command, "https": command}, re.sub(r".*: *nginx/", "", first_line(path, "-v")))


def peers(words):
    """From the words of --peer: NAME=COMMAND and NAME:KIND=COMMAND; after the first NAME, @VERSION may follow."""
    found = {}
    for word in words:
        name, _, command = word.partition("=")
        name, _, kind = name.partition(":")
        name, _, version = name.partition("@")
        if not name or "{port}" not in command:
            raise SystemExit(f"--peer {word}: wanted NAME=COMMAND or NAME:KIND=COMMAND, and {{port}} in the command")
        peer = found.setdefault(name, Contender(name, {}))
        peer.version = version or peer.version
        commands = peer.commands
        if kind:
            commands[kind] = command
        elif "{kind}" in command:
            commands.update({kind: command.replace("{kind}", kind) for kind in KINDS})
        else:
            commands["http"] = command
    return list(found.values())


def free_port():
    """Below the ports that the system gives to clients, so that no client of ours takes it meanwhile."""
    while True:
        port = random.randrange(12000, 32000)
        with socket.socket() as probe:
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return port


def on_core(core):
    def prepare():
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # a run in the background of a script ignores it
        if core in os.sched_getaffinity(0):
            os.sched_setaffinity(0, {core})

    return prepare


class DoesNotServe(SystemExit):
    """Where nothing can go on without it, this ends the run with what it says."""


class Server:
    """A running program. Ends with the `with` block."""

    def __init__(self, contender, kind, core, workload=None, prefix=(), more=()):
        self.name = contender.name
        self.port = free_port()
        self.folder = tempfile.TemporaryDirectory(prefix="artel-bench-")
        os.chmod(self.folder.name, 0o755)
        command = contender.command(kind, workload).replace("{port}", str(self.port)).replace("{folder}", self.folder.name)
        if kind in KEYS:
            make_certificate(kind, self.folder.name)
        if self.name == "nginx":
            tls = NGINX_TLS.format(folder=self.folder.name) if kind in KEYS else ""
            text = NGINX.format(folder=self.folder.name, port=self.port, tls=tls)
            pathlib.Path(self.folder.name, "conf").write_text(text)
        self.program = shlex.split(command)[0]
        self.log = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen([*prefix, *shlex.split(command), *more], cwd=self.folder.name if kind in KEYS else None, stdin=subprocess.DEVNULL, stdout=self.log,
                                        stderr=self.log, start_new_session=True, preexec_fn=on_core(core))  # fmt: skip

    @property
    def pid(self):
        return self.process.pid

    def __enter__(self):
        deadline = time.monotonic() + 30
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 5):
                return self
            if self.process.poll() is not None or time.monotonic() > deadline:
                said = self.said()
                self.__exit__()
                raise DoesNotServe(f"{self.name} does not serve on port {self.port}:\n{said}")
            time.sleep(0.02)

    def said(self):
        self.log.seek(0)
        return self.log.read()[-2000:]

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(10)
        with contextlib.suppress(ProcessLookupError):  # its own session: nobody else is in it
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.log.close()
        self.folder.cleanup()
