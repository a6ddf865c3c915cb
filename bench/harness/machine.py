"""Where this was measured, and what /proc says about processes."""

import datetime
import os
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("ARTEL_BIN") or ROOT / "build/dev/bin").resolve()
RESULTS = ROOT / "build/bench"


def first_line(*command):
    """Of what a program says about itself; None when it is not there."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    except OSError:
        return None
    return (done.stdout + done.stderr).strip().split("\n")[0]


def cached(name):
    cache = BIN.parent / "CMakeCache.txt"
    match = re.search(rf"^{name}:[^=]*=(.*)$", cache.read_text(), re.M) if cache.exists() else None
    return match[1] if match else ""


def describe():
    """Pairs of a name and a text, for people."""
    model = re.search(r"^model name\s*: (.*)$", pathlib.Path("/proc/cpuinfo").read_text(), re.M)
    system = os.uname()
    virtual = " (virtual machine)" if "hypervisor" in pathlib.Path("/proc/cpuinfo").read_text() else ""
    kind = cached("CMAKE_BUILD_TYPE").upper()
    flags = cached("CMAKE_CXX_FLAGS") + " " + cached(f"CMAKE_CXX_FLAGS_{kind}")
    compiler = first_line(cached("CMAKE_CXX_COMPILER") or "c++", "--version")
    commit = first_line("git", "-C", str(ROOT), "describe", "--always", "--dirty")
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d"),
        "machine": f"{os.cpu_count()} x {model[1] if model else system.machine}{virtual}, "
        f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "system": f"{system.sysname} {system.release}, loopback",
        "build": f"{compiler}, preset {BIN.parent.name} ({flags.strip()})",
        "artel": first_line(BIN / "http_hello", "version") or "",
        "commit": commit if commit and "fatal" not in commit else "",
    }


def parent_of(pid):
    try:
        return int(pathlib.Path(f"/proc/{pid}/stat").read_text(errors="replace").rsplit(")", 1)[1].split()[1])
    except (OSError, IndexError):
        return 0


def tree(root):
    """A process and all its descendants."""
    parents = {int(name): parent_of(name) for name in os.listdir("/proc") if name.isdigit()}
    found = [root]
    for pid in found:
        found += [child for child, parent in parents.items() if parent == pid]
    return found


def private_dirty(root):
    """Bytes that only that process tree holds."""
    total = 0
    for pid in tree(root):
        text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
        total += int(re.search(r"^Private_Dirty:\s*(\d+) kB", text, re.M)[1]) * 1024
    return total


def resident(root, field="VmRSS"):
    """Bytes; field VmHWM: the highest since forget_peak()."""
    total = 0
    for pid in tree(root):
        match = re.search(rf"^{field}:\s*(\d+) kB", pathlib.Path(f"/proc/{pid}/status").read_text(), re.M)
        total += int(match[1]) * 1024 if match else 0
    return total


def forget_peak(root):
    for pid in tree(root):
        pathlib.Path(f"/proc/{pid}/clear_refs").write_text("5")
