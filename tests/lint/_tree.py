"""What the lint scripts share: reading the tree, hiding comments and strings, reporting, proving that a rule can fail.

A script calls run(rule, check, cases). check(root) yields (file, line, text). cases are (file, content, wanted)
triples for --self-test: the content, alone in an empty tree, must give a finding (wanted True) or none (False).
"""

import pathlib
import re
import sys
import tempfile

CODE = (".cpp", ".hpp", ".h", ".c", ".cc")
FOLDERS = ("include", "src", "platform", "examples", "tests", "bench", "fuzz")

_TOKEN = re.compile(
    r"""(?P<comment>//[^\n]*|/\*.*?\*/)"""
    r"""|(?P<raw>R"(?P<tag>[^()\\\s]{0,16})\(.*?\)(?P=tag)")"""
    r"""|(?P<string>"(?:\\.|[^"\\\n])*")"""
    r"""|(?P<number>\b\d(?:'?[\w.])*)"""
    r"""|(?P<char>'(?:\\.|[^'\\\n])+')""",
    re.S,
)


def _blank(text):
    return re.sub(r"[^\n]", " ", text)


def without_comments(text):
    return _TOKEN.sub(lambda m: _blank(m[0]) if m["comment"] else m[0], text)


def only_code(text):
    """Comments, strings and characters become blanks; line numbers and #include lines stay."""

    def replace(match):
        if match["number"]:
            return match[0]
        if match["string"]:
            begin = text.rfind("\n", 0, match.start()) + 1
            if re.match(r"\s*#\s*include", text[begin : match.start()]):
                return match[0]
        return _blank(match[0])

    return _TOKEN.sub(replace, text)


def files(root, folders=FOLDERS, endings=CODE):
    for folder in folders:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in endings and path.is_file():
                yield path


def read(path):
    return path.read_text(encoding="utf-8", errors="replace")


def includes(path):
    """(line, name, with angle brackets?) of every #include."""
    for number, line in enumerate(without_comments(read(path)).split("\n"), 1):
        match = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
        if match:
            yield number, match[2], match[1] == "<"


def _self_test(rule, check, cases):
    bad = 0
    for name, content, wanted in cases:
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
            found = bool(list(check(root)))
        if found != wanted:
            bad += 1
            print(f"self-test of {rule}: {'no finding' if wanted else 'a finding'} in {name}:\n{content}")
    print(f"self-test of {rule}: {len(cases)} cases, {bad} wrong")
    return 1 if bad or not any(wanted for _, _, wanted in cases) else 0


def run(rule, check, cases):
    if "--self-test" in sys.argv[1:]:
        sys.exit(_self_test(rule, check, cases))
    root = pathlib.Path(__file__).resolve().parents[2]
    findings = list(check(root))
    for path, line, text in findings:
        path = pathlib.Path(path)
        shown = path.relative_to(root) if path.is_absolute() else path
        print(f"{shown}:{line}: {rule}: {text}")
    sys.exit(1 if findings else 0)
