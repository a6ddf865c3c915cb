#!/usr/bin/env python3
"""platform -> net -> protocol -> worker -> master -> components -> run: each includes only what stands to its left.

protocol is stricter: public headers, itself, OpenSSL and zlib. Log and version are usable by all.
"""

import posixpath
import re

from _tree import files, includes, run

ORDER = ("platform", "net", "protocol", "worker", "master", "components", "run")
FOR_ALL = {"src/log.hpp", "src/version.hpp"}
PROTOCOL_MAY = re.compile(r"openssl/.*|zlib\.h|[a-z_0-9]+|artel/.*")
NOT_IN = {  # library: the layers that do without it
    r"uv\.h": ("platform", "protocol", "master", "run"),
    r"openssl/.*": ("platform",),
}


def layer(name):
    parts = name.split("/")
    if parts[0] == "platform":
        return "platform"
    return parts[1] if parts[0] == "src" and len(parts) > 2 else None


def check(root):
    users_of_cli = []
    for path in files(root, ("src", "platform")):
        name = path.relative_to(root).as_posix()
        own = layer(name)
        if own and own not in ORDER:
            yield path, 1, f"unknown layer {own}; known: {' '.join(ORDER)}"
            continue
        for line, included, angle in includes(path):
            if re.match(r"CLI/", included):
                users_of_cli.append((path, line))
            if re.match(r"spdlog/", included) and not name.startswith("src/log."):
                yield path, line, "spdlog is used in src/log.cpp only"
            if not own:
                continue
            for library, layers in NOT_IN.items():
                if angle and own in layers and re.fullmatch(library, included):
                    yield path, line, f"{own} does without <{included}>"
            if angle:
                if own == "protocol" and not PROTOCOL_MAY.fullmatch(included):
                    yield path, line, f"protocol is pure: <{included}> is not for it"
                continue
            target = included
            beside = posixpath.normpath(posixpath.join(posixpath.dirname(name), included))
            if (root / beside).is_file() or included.startswith("."):
                target = beside
            if target in FOR_ALL or target.startswith("artel/"):
                continue
            other = layer(target)
            if other is None:
                yield path, line, f'"{included}" belongs to no layer'
            elif own == "protocol" and other != "protocol":
                yield path, line, f'protocol is pure: "{included}" is not for it'
            elif other not in ORDER or ORDER.index(other) > ORDER.index(own):
                yield path, line, f'{own} must not include "{included}"'
    for path, line in users_of_cli[1:]:
        yield path, line, f"CLI11 is used in one file only, which is {users_of_cli[0][0].name}"
    for path, line in users_of_cli:
        if path.suffix != ".cpp":
            yield path, line, "CLI11 belongs in a .cpp"


run(
    "layers",
    check,
    [
        ("src/net/a.cpp", '#include "src/worker/worker.hpp"\n', True),
        ("src/net/a.cpp", '#include "../master/plan.hpp"\n', True),
        ("src/worker/a.cpp", '#include "src/master/plan.hpp"\n', True),
        ("src/protocol/a.cpp", '#include "platform/platform.hpp"\n', True),
        ("src/protocol/a.cpp", "#include <uv.h>\n", True),
        ("platform/posix/a.cpp", '#include "src/net/loop.hpp"\n', True),
        ("src/master/a.cpp", "#include <uv.h>\n", True),
        ("src/master/a.cpp", '#include "src/run/group.hpp"\n', True),
        ("src/run/a.cpp", '#include "src/master/text_table.hpp"\n', False),
        ("src/master/a.cpp", "#include <spdlog/spdlog.h>\n", True),
        ("src/master/a.hpp", "#include <CLI/CLI.hpp>\n", True),
        ("src/other/a.cpp", "\n", True),
        ("src/master/a.cpp", '#include "src/worker/worker.hpp"\n#include "src/log.hpp"\n#include <CLI/CLI.hpp>\n', False),
        ("src/protocol/a.cpp", '#include <zlib.h>\n#include "artel/http.hpp"\n#include "src/protocol/b.hpp"\n', False),
        ("src/log.cpp", "#include <spdlog/spdlog.h>\n", False),
    ],
)
