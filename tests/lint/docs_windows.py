#!/usr/bin/env python3
"""docs/windows.md and docs/errors.md quote the sentence that the programs print: whyLimited of platform/win32."""

import pathlib
import re
import sys

root = pathlib.Path(__file__).resolve().parents[2]
source = (root / "platform/win32/capabilities.cpp").read_text(encoding="utf-8")
sentence = "".join(re.findall(r'"([^"]*)"', re.search(r'\.whyLimited =\s*((?:"[^"]*"\s*)+)', source)[1]))
bad = [page for page in ("docs/windows.md", "docs/errors.md") if sentence not in (root / page).read_text(encoding="utf-8")]
for page in bad:
    print(f"{page}: does not quote: {sentence}")
sys.exit(1 if bad else 0)
