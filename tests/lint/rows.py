#!/usr/bin/env python3
"""docs/rows.md has one line for each row of the manual, and a row is "done" only with a test that runs.

Lines look like: | 1.8.2.1 | id | done | `Cluster.FourProcessesWithFourIds` | [faq](faq.md) |
States: done, later, not applicable: because ... A test is Suite.Test of tests/{unit,loop,integration}, a CTest name such
as counterpart.curl_http or lint.layers, or one function of such a script: counterpart.curl_http:test_hello. The lines of
README's feature table must name tests, too. --counts prints how many rows are in which state.
"""

import pathlib
import re
import sys
import tempfile

from _tree import read, without_comments

# Every row of the manual's table of contents, and its must-read rules M1 to M12. "1.8.2" with 14: 1.8.2 and 1.8.2.1-14.
CONTENTS = (
    ("1.1", 0), ("1.2", 0), ("1.3", 0), ("1.4", 2), ("1.5", 3), ("1.6", 4), ("1.7", 3), ("1.8", 4), ("1.8.2", 14),
    ("1.8.3", 8), ("1.8.4", 3), ("1.9", 3), ("1.9.1", 6), ("1.9.2", 5), ("1.9.3", 8), ("1.10", 4), ("1.11", 4),
    ("1.12", 3), ("1.14", 5), ("1.15", 5), ("1.15.1", 2), ("1.15.1.2", 3), ("1.15.2", 4), ("1.15.2.2", 4), ("1.15.4", 3),
    ("1.15.5", 1), ("1.15.6.1", 0), ("1.15.6.2", 0), ("1.15.7", 2), ("1.15.8", 1), ("1.15.9.1", 0), ("1.15.10", 0),
    ("1.16", 42),
)  # fmt: skip
# Section 1.17 has no row of its own in the table of contents.
ROWS = list(dict.fromkeys(name for row, n in CONTENTS for name in [row, *(f"{row}.{i + 1}" for i in range(n))]))
ROWS += [f"1.17.{i + 1}" for i in range(8)] + [f"M{i + 1}" for i in range(12)]
KINDS = ("unit", "loop", "integration")
STATE = re.compile(r"done|later(?::.*)?|not applicable: \S.*")


def google_tests(root):
    """Suite.Test -> why it does not run, or None."""
    found, parametrized, instantiated = {}, set(), set()
    for kind in KINDS:
        for path in sorted((root / "tests" / kind).glob("*.cpp")):
            code = without_comments(read(path))
            instantiated |= set(re.findall(r"INSTANTIATE_TEST_SUITE_P\(\s*\w*,\s*(\w+)", code))
            for match in re.finditer(r"^TEST(_F|_P)?\(\s*(\w+),\s*(\w+)\s*\)\s*\{\s*(\w*)", code, re.M):
                name = f"{match[2]}.{match[3]}"
                if match[1] == "_P":
                    parametrized.add(name)
                disabled = "is disabled" if "DISABLED_" in name else None
                found[name] = disabled or ("skips without a condition" if match[4] == "GTEST_SKIP" else None)
    for name in parametrized:
        if name.split(".")[0] not in instantiated:
            found[name] = "is never instantiated"
    return found


def script(root, name):
    """Of counterpart.curl_http:test_hello: why it does not run, or None."""
    name, _, function = name.partition(":")
    folder, _, stem = name.partition(".")
    folder = {"counterpart": "counterparts"}.get(folder, folder)
    paths = [root / "tests" / folder / (stem + end) for end in (".py", ".sh")]
    if name == "consumer":
        paths = [root / "tests/consumer/run.sh"]
    path = next((path for path in paths if path.is_file()), None)
    if path is None or folder not in ("counterparts", "lint", "consumer") or stem.startswith("_"):
        return "does not exist"
    if function:
        match = re.search(rf"((?:^ *@.*\n)*)^ *(?:async )?def {function}\(.*\n\s*(.*)", read(path), re.M)
        if not match:
            return f"has no {function}"
        if "skip" in match[1] or match[2].startswith(("self.skipTest", "raise unittest.SkipTest")):
            return f"skips {function}"
    return None


def registered(root):
    """Whether CMake takes all files of the folders."""
    cmake = root / "tests/CMakeLists.txt"
    text = read(cmake) if cmake.is_file() else ""
    for part in (f"IN ITEMS {' '.join(KINDS)})", '"${kind}/*.cpp"', '"counterparts/[a-z]*.py"', '"lint/[a-z]*.py"', "artel_script(consumer"):
        if part not in text:
            yield cmake, 1, f"{part} is gone: tests may not be registered any more, and this script does not notice"


def problems(root, google, text):
    """Of the tests named in a cell: what is wrong with them."""
    for name in re.findall(r"`([^`]+)`", text):
        why = script(root, name) if re.match(r"(counterpart|lint)\.|consumer\b", name) else google.get(name, "does not exist")
        if why:
            yield f"the test {name} {why}"


def lines(page):
    for number, line in enumerate(read(page).split("\n"), 1):
        match = re.match(r"\|\s*((?:\d+(?:\.\d+)*|M\d+))\s*\|", line)
        if match:
            yield number, [cell.strip() for cell in line.strip().strip("|").split("|")]


def check(root):
    page = root / "docs/rows.md"
    if not page.is_file():
        yield page, 1, "is missing"
        return
    yield from registered(root)
    google = google_tests(root)
    seen = set()
    for number, cells in lines(page):
        row = cells[0]
        if row not in ROWS or row in seen:
            yield page, number, f"row {row} " + ("is not in the manual" if row not in ROWS else "comes twice")
        seen.add(row)
        if len(cells) != 5 or not cells[1]:
            yield page, number, f"row {row}: five cells, please: row, title, state, tests, page"
            continue
        state, tests = cells[2], cells[3]
        if not STATE.fullmatch(state):
            yield page, number, f'row {row}: unknown state "{state}"'
        if state == "done" and "`" not in tests:
            yield page, number, f"row {row} is done, but names no test"
        if state == "done" and not cells[4]:
            yield page, number, f"row {row} is done, but names no page or example"
        for what in problems(root, google, tests):
            yield page, number, f"row {row}: {what}"
    for row in ROWS:
        if row not in seen:
            yield page, 1, f"row {row} is missing"

    readme = root / "README.md"
    features = re.search(r"<!-- features -->\n(.*?)<!-- /features -->", read(readme), re.S) if readme.is_file() else None
    if readme.is_file() and not features:
        yield readme, 1, "the feature table is gone"
    for line in features[1].split("\n")[2:] if features else []:
        cells = line.strip().strip("|").split("|")
        if line.strip() and "`" not in cells[-1]:
            yield readme, 1, f"no feature without a test: {cells[0].strip()}"
        for what in problems(root, google, cells[-1]):
            yield readme, 1, what


def counts(root):
    numbers = {}
    for _, cells in lines(root / "docs/rows.md"):
        state = cells[2].split(":")[0]
        numbers[state] = numbers.get(state, 0) + 1
    for state, number in sorted(numbers.items()):
        print(f"{number:4} {state}")
    print(f"{sum(numbers.values()):4} rows")


CMAKE = 'IN ITEMS unit loop integration) "${kind}/*.cpp" "counterparts/[a-z]*.py" "lint/[a-z]*.py" artel_script(consumer'


def self_test():
    def page(line="| 1.1 | Preface | later | | |"):
        rest = [f"| {row} | x | later | | |" for row in ROWS if row != "1.1"]
        return {"docs/rows.md": "\n".join([line, *rest]), "tests/CMakeLists.txt": CMAKE}

    done = "| 1.1 | Preface | done | {} | [page](page.md) |"
    unit = "tests/unit/a.cpp"
    cases = [
        (page(), False),
        (page(""), True),
        (page("| 1.1 | Preface | ready | | |"), True),
        (page("| 1.1 | Preface | not applicable | | |"), True),
        (page("| 1.1 | Preface | not applicable: a matter of PHP | | |"), False),
        (page("| 1.1 | Preface | later | | |\n| 1.13 | x | later | | |"), True),
        (page("| 1.1 | Preface | later | | |\n| 1.1 | x | later | | |"), True),
        (page("| 1.1 | Preface | later |"), True),
        (page(done.format("")), True),
        (page("| 1.1 | Preface | done | `A.B` | |") | {unit: "TEST(A, B) {}"}, True),
        (page(done.format("`A.B`")), True),
        (page(done.format("`A.B`")) | {unit: "TEST(A, B) {\n}\n"}, False),
        (page(done.format("`A.B`")) | {unit: "// TEST(A, B) {}\n"}, True),
        (page(done.format("`A.B`")) | {"tests/other/a.cpp": "TEST(A, B) {}\n"}, True),
        (page(done.format("`A.DISABLED_B`")) | {unit: "TEST(A, DISABLED_B) {}\n"}, True),
        (page(done.format("`A.B`")) | {unit: "TEST_F(A, B) {\n  GTEST_SKIP();\n}\n"}, True),
        (page(done.format("`A.B`")) | {unit: "TEST(A, B) {\n  if (x) GTEST_SKIP();\n}\n"}, False),
        (page(done.format("`A.B`")) | {unit: "TEST_P(A, B) {}\n"}, True),
        (page(done.format("`A.B`")) | {unit: "TEST_P(A, B) {}\nINSTANTIATE_TEST_SUITE_P(All, A, x);\n"}, False),
        (page(done.format("`A.B`")) | {unit: "TEST(A, B) {}\n", "tests/CMakeLists.txt": ""}, True),
        (page(done.format("`counterpart.curl`")), True),
        (page(done.format("`counterpart.curl`")) | {"tests/counterparts/curl.py": "x"}, False),
        (page(done.format("`counterpart._curl`")) | {"tests/counterparts/_curl.py": "x"}, True),
        (page(done.format("`counterpart.curl:test_a`")) | {"tests/counterparts/curl.py": "    def test_b(self):\n        pass"}, True),
        (page(done.format("`counterpart.curl:test_a`")) | {"tests/counterparts/curl.py": "    def test_a(self):\n        pass"}, False),
        (page(done.format("`counterpart.curl:test_a`"))
         | {"tests/counterparts/curl.py": "    @unittest.skip('x')\n    def test_a(self):\n        pass"}, True),
        (page(done.format("`lint.layers`, `consumer`")) | {"tests/lint/layers.py": "x", "tests/consumer/run.sh": "x"}, False),
        (page() | {"README.md": "no table"}, True),
        (page() | {"README.md": "<!-- features -->\n| a | b |\n|-|-|\n| fast | |\n<!-- /features -->"}, True),
        (page() | {"README.md": "<!-- features -->\n| a | b |\n|-|-|\n| fast | `A.B` |\n<!-- /features -->"}, True),
        (page() | {"README.md": "<!-- features -->\n| a | b |\n|-|-|\n| fast | `A.B` |\n<!-- /features -->", unit: "TEST(A, B) {}"}, False),
        ({}, True),
    ]  # fmt: skip
    bad = 0
    for number, (files, wanted) in enumerate(cases):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            for name, content in files.items():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_text(content, encoding="utf-8")
            found = list(check(root))
        if bool(found) != wanted:
            bad += 1
            print(f"case {number}: {found[:3] if found else 'no finding'}")
    print(f"self-test of rows: {len(cases)} cases, {bad} wrong")
    return 1 if bad else 0


def main():
    root = pathlib.Path(__file__).resolve().parents[2]
    if "--self-test" in sys.argv[1:]:
        return self_test()
    if "--counts" in sys.argv[1:]:
        return counts(root)
    findings = list(check(root))
    for path, line, text in findings:
        print(f"{path.relative_to(root)}:{line}: rows: {text}")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
