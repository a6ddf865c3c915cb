#!/usr/bin/env python3
""".github/workflows: read by a forge only, so what can be checked of them is checked here.

Their form: known keys, a runner and steps for each job, actions pinned to commit ids that are known to be what their
comment says, expressions that name something. Their steps: one command of ./dev, or of dev.cmd on Windows, each; and the
commands of ./dev are those that .ci/run runs, so that only the forge itself and Visual Studio are unproven."""

import re

import _yaml
from _tree import read, run

# Commit -> tag. Checked against two independent lists of such ids when it was added.
ACTIONS = {
    "actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683": "v4.2.2",
    "actions/cache@0057852bfaa89a56745cba8c7296529d2fc39830": "v4.3.0",
    "actions/upload-artifact@ea165f8d65b6e75b540449e92b4886f43607fa02": "v4.6.2",
}
# Of ./dev, not in .ci/run.
FORGE_ONLY = {
    "bench": "its numbers mean nothing on a shared machine; counterpart.bench runs it on a small scale",
    "package": "installs what the test \"consumer\" installs",
}
# In .ci/run, not on the forge: every other command does it for itself.
CI_ONLY = {"deps"}

TOP = {"name", "on", "permissions", "concurrency", "env", "jobs"}
JOB = {"name", "runs-on", "container", "strategy", "steps", "needs", "if", "env", "timeout-minutes"}
STEP = {"name", "uses", "with", "run", "shell", "if", "env"}
EVENTS = {"push", "pull_request", "workflow_dispatch", "schedule"}
CONTEXTS = ("github", "env", "runner", "matrix")


def expanded(text, matrix):
    """The text for each value of the matrix."""
    names = set(re.findall(r"\$\{\{ matrix\.(\w+) \}\}", text))
    texts = [text]
    for name in names:
        texts = [t.replace("${{ matrix.%s }}" % name, str(value)) for t in texts for value in matrix.get(name, ["?"])]
    return texts


def expressions(value):
    if isinstance(value, dict):
        for one in value.values():
            yield from expressions(one)
    elif isinstance(value, list):
        for one in value:
            yield from expressions(one)
    else:
        if value.count("${{") != len(re.findall(r"\$\{\{ [^{}]+ \}\}", value)):
            yield None, value
        for found in re.findall(r"\$\{\{ ([^{}]+) \}\}", value):
            yield found, value


def form(flow):
    if not isinstance(flow, dict) or not {"name", "on", "jobs", "permissions"} <= set(flow) <= TOP:
        yield f"has not the keys of a workflow, or others than {sorted(TOP)}"
        return
    if not set(flow["on"]) <= EVENTS:
        yield f"unknown events in {sorted(flow['on'])}"
    if flow["permissions"] != {"contents": "read"}:
        yield "may do more than read"
    for name, job in flow["jobs"].items():
        if not {"runs-on", "steps"} <= set(job) <= JOB:
            yield f"job {name}: no runner or no steps, or keys other than {sorted(JOB)}"
            continue
        if not re.fullmatch(r"(ubuntu|windows)-[\w.]+", job["runs-on"]):
            yield f"job {name}: unknown runner {job['runs-on']}"
        matrix = job.get("strategy", {}).get("matrix", {})
        for expression, text in expressions(job):
            if expression is None:
                yield f"job {name}: an expression has not the form ${{{{ x }}}}: {text}"
            elif matched := re.match(r"matrix\.(\w+)", expression):
                if matched[1] not in matrix:
                    yield f"job {name}: no matrix.{matched[1]}"
            elif not re.match(rf"({'|'.join(CONTEXTS)})\.|hashFiles\(", expression):
                yield f"job {name}: {expression} names nothing"
        for step in job["steps"]:
            if not set(step) <= STEP or ("uses" in step) == ("run" in step):
                yield f"job {name}: a step is either uses or run, with keys of {sorted(STEP)}: {step}"
            elif "uses" in step and step["uses"] not in ACTIONS:
                yield f"job {name}: {step['uses']} is not pinned to a commit that is known here"


def commands(root, name):
    """Of ./dev or dev.cmd: the words that it knows."""
    text = read(root / name)
    if name == "dev":
        names = re.findall(r"^  ([a-z| -]+)\)(?: .*)?$", text[text.index("case $command in") :], re.M)
        return {word.strip() for one in names for word in one.split("|")}
    return set(re.search(r"for %%a in \(([a-z ]+)\)", text)[1].split()) | {"help", "clean"}


def steps(root, flow):
    """The first words of ./dev that it runs; and what is wrong with its steps."""
    found, wrong = set(), []
    for name, job in flow["jobs"].items():
        windows = job["runs-on"].startswith("windows")
        for step in job["steps"]:
            for command in expanded(step.get("run", ""), job.get("strategy", {}).get("matrix", {})):
                match = re.fullmatch(r"dev ([a-z]+)( .+)?" if step.get("shell") == "cmd" else r"\.[/\\]dev ([a-z]+)( .+)?", command)
                if not command:
                    continue
                if not match or re.search(r"[;&|`$<>\n]", command):
                    wrong.append(f"job {name}: a step calls ./dev or dev and nothing else: {command}")
                    continue
                if match[1] not in commands(root, "dev.cmd" if windows else "dev"):
                    wrong.append(f"job {name}: {command}: there is no such command")
                if not windows:
                    found.add(match[1])
                elif "\\" not in command and step.get("shell") != "cmd":
                    wrong.append(f"job {name}: {command}: not how a shell of Windows calls it")
    return found, wrong


def check(root):
    seen = set()
    for path in sorted((root / ".github/workflows").glob("*.yml")):
        text = read(path)
        try:
            flow = _yaml.parse(text)
        except _yaml.Fault as fault:
            yield path, fault.line, fault.text
            continue
        faults = list(form(flow))
        for fault in faults:
            yield path, 1, fault
        for number, line in enumerate(text.split("\n"), 1):
            if (match := re.search(r"uses: (\S+)(.*)$", line)) and match[2].strip() != "# " + ACTIONS.get(match[1], "?"):
                yield path, number, "the comment is not the tag of that commit"
        if not faults:
            found, wrong = steps(root, flow)
            seen |= found
            for fault in wrong:
                yield path, 1, fault
    ci = root / ".ci/run"
    if ci.is_file():
        runs = set(re.findall(r"\./dev ([a-z]+)", read(ci))) - CI_ONLY
        for missing in sorted(runs - seen):
            yield ci, 1, f"./dev {missing} is run here, but by no workflow"
        for more in sorted(seen - runs - set(FORGE_ONLY)):
            yield ci, 1, f"./dev {more} is run by a workflow, but not here"


HEAD = "name: x\non: { push: {} }\npermissions: { contents: read }\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n"
USES = "      - uses: actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683 # v4.2.2\n"

if __name__ == "__main__":
    run(
        "workflows",
        check,
        [
            (".github/workflows/a.yml", HEAD + USES, False),
            (".github/workflows/a.yml", HEAD + USES.replace("4.2.2", "5"), True),
            (".github/workflows/a.yml", HEAD + "      - uses: actions/checkout@v4\n", True),
            (".github/workflows/a.yml", HEAD + "      - run: make\n", True),
            (".github/workflows/a.yml", HEAD.replace("runs-on: ubuntu-latest", "name: a") + USES, True),
            (".github/workflows/a.yml", HEAD + USES + "        with: { x: \"${{ matrix.x }}\" }\n", True),
            (".github/workflows/a.yml", HEAD + USES + "        with: { x: [1 }\n", True),
            (".github/workflows/a.yml", HEAD + USES + "\t  with: { x: 1 }\n", True),
            (".github/workflows/a.yml", HEAD.replace("read }", "write }") + USES, True),
            (".ci/run", "asan() { ./dev asan; }\n", True),
        ],
    )
