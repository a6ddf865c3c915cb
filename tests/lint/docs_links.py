#!/usr/bin/env python3
"""Links of the documents lead somewhere: every relative link and anchor exists, the questions have their anchors, every
example is named, and README keeps to 150 lines."""

import re

from _tree import read, run

LINK = re.compile(r"(?<!!)\[[^\]\n]*\]\(([^)\s]+)\)|!\[[^\]\n]*\]\(([^)\s]+)\)|<img [^>]*src=\"([^\"]+)\"|<a [^>]*href=\"([^\"]+)\"")
CODE = re.compile(r"^(```|~~~).*?^\1\s*$|`[^`\n]*`", re.S | re.M)
QUESTIONS = [f"1.16.{i}" for i in range(1, 43)] + [f"1.17.{i}" for i in range(1, 9)]
ERRORS = ["e01", "e02", "e05", "e06", "e07", "e70"]
LONGEST_README = 150


def documents(root):
    found = [*root.glob("*.md")]
    for folder in ("docs", "examples", "tests", "src", "packaging"):
        found += (root / folder).rglob("*.md")
    return sorted(found)


def slug(heading):
    """What a forge makes of a heading."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").strip().lower()
    return re.sub(r"[^\w\- ]", "", text).replace(" ", "-")


def anchors(path):
    text = read(path)
    found = set(re.findall(r'<a id="([^"]+)"', text))
    seen = {}
    for heading in re.findall(r"^#{1,6} (.+?)\s*$", re.sub(r"^```.*?^```\s*$", "", text, flags=re.S | re.M), re.M):
        name = slug(heading)
        seen[name] = seen.get(name, -1) + 1
        found.add(f"{name}-{seen[name]}" if seen[name] else name)
    return found


def check(root):
    known = {}

    def has(path, anchor):
        if path not in known:
            known[path] = anchors(path)
        return anchor in known[path]

    everything = ""
    for path in documents(root):
        text = read(path)
        everything += text
        hidden = CODE.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), text)
        for match in LINK.finditer(hidden):
            target = next(group for group in match.groups() if group)
            line = hidden.count("\n", 0, match.start()) + 1
            if re.match(r"[a-z]+:", target):
                continue
            name, _, anchor = target.partition("#")
            other = (path.parent / name).resolve() if name else path
            if not other.exists():
                yield path, line, f"{target}: there is no such file"
            elif anchor and (other.suffix != ".md" or not has(other, anchor)):
                yield path, line, f"{target}: there is no such anchor"

    for name, wanted in (("docs/faq.md", QUESTIONS), ("docs/errors.md", ERRORS)):
        page = root / name
        for anchor in wanted if page.is_file() else []:
            if not has(page, anchor):
                yield page, 1, f"no anchor {anchor}"
    if (root / "docs").is_dir() and (root / "examples").is_dir():
        examples = [path for path in sorted((root / "examples").rglob("*.cpp"))]
        for path in examples:
            name = path.relative_to(root).as_posix()
            if name not in everything and path.parent.relative_to(root).as_posix() + "/main.cpp" not in everything:
                yield path, 1, "no document names this example"
    readme = root / "README.md"
    if readme.is_file() and len(read(readme).splitlines()) > LONGEST_README:
        yield readme, LONGEST_README + 1, f"README has more than {LONGEST_README} lines"


run(
    "docs_links",
    check,
    [
        ("docs/a.md", "[x](none.md)\n", True),
        ("docs/a.md", "[x](a.md#none)\n", True),
        ("docs/a.md", "[x](#none)\n", True),
        ("README.md", '<img src="docs/none.png">\n', True),
        ("README.md", "![x](docs/none.png)\n", True),
        ("README.md", "line\n" * 151, True),
        ("docs/faq.md", '<a id="1.16.1"></a>\n', True),
        ("docs/errors.md", "# E01\n", True),
        ("docs/a.md", '# A heading, `code`\n[x](#a-heading-code) [y](a.md#z) <a id="z"></a> `[x](none.md)` [w](https://example.com)\n', False),
        ("docs/a.md", "```sh\n# no heading\n[x](none.md)\n```\n", False),
    ],
)
