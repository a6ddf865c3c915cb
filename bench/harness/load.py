"""Runs artel-load."""

import json
import subprocess

from .machine import BIN
from .servers import DoesNotServe, on_core

PROGRAM = BIN / "bench/artel-load"


class WrongAnswer(Exception):
    """Or none, or a connection that did not come about."""


def able(contender, measure):
    """What measure() returns; None, and a line that says why, when a program other than ours cannot do it."""
    try:
        return measure()
    except (WrongAnswer, DoesNotServe) as failed:
        if contender.name == "artel":
            raise
        print(f"left out: {failed}"[:400], flush=True)
        return None


def words(mode, server, options):
    command = [str(PROGRAM), mode, "--port", str(server.port), "--pids", str(server.pid)]
    for name, value in options.items():
        command += [f"--{name}", str(value)]
    return command


def start(mode, server, core, **options):
    return subprocess.Popen(words(mode, server, options), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True, preexec_fn=on_core(core))  # fmt: skip


def finish(process, name):
    out, err = process.communicate()
    if process.returncode != 0:
        raise WrongAnswer(f"{name}: {err.strip() or out} (artel-load ended with {process.returncode})")
    return out


def run(mode, server, core, **options):
    """What it measured, as a dictionary."""
    process = start(mode, server, core, **options)
    return json.loads(finish(process, f"{server.name}, {mode} {options}"))


class Held:
    """artel-load in a mode that says a line when it has done its part, and then keeps its connections."""

    def __init__(self, mode, server, core, **options):
        self.name = f"{server.name}, {mode} {options}"
        self.process = start(mode, server, core, **options)

    def wait(self):
        line = self.process.stdout.readline()
        if not line:
            finish(self.process, self.name)
            raise WrongAnswer(f"{self.name}: artel-load said nothing")
        return line.split()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.communicate("")
