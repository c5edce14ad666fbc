"""The house rules' own test: each rule finds its breach, and nothing else."""

import os
import subprocess
import sys

import pytest

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
SCRIPT = os.path.join(TOP, "tests", "check-house.py")

LONG_FUNCTION = "static int f(void)\n{\n" + "        f();\n" * 98 + "}\n"  # 101 lines

CASES = [
    ("layer", "daemon/store/a.c", '#include "daemon/plan/plan.h"\n', 1),
    ("layer", "common/a.c", '#include "proto/wire.h"\n', 1),
    ("layer", "proto/a.c", '\n#include "daemon/loop/loop.h"\n', 2),
    ("layer", "client/a.c", '#include "daemon/loop/loop.h"\n', 1),
    ("layer", "daemon/plan/a.c", '#include "client/client.h"\n', 1),
    ("layer", "daemon/loop/a.c", '#include "daemon/main.h"\n', 1),
    ("layer", "daemon/plan/a.c", '#include "tests/unit/unit.h"\n', 1),
    ("layer", "tests/sim/a.c", '#include "proto/wire.h"\n', 1),
    ("confined", "daemon/plan/a.c", "#include <lmdb.h>\n", 1),
    ("confined", "daemon/calls/a.c", "#include <curl/curl.h>\n", 1),
    ("confined", "daemon/store/a.c", "#include <event2/event.h>\n", 1),
    ("banned", "common/a.c", "static int f(char *s)\n{\n        return atoi(s);\n}\n", 3),
    ("sleep", "tests/unit/a.c", "static int f(void)\n{\n        usleep(1);\n}\n", 3),
    ("sleep", "tests/integration/a.py", "import time\ntime.sleep" + "(1)\n", 2),
    ("sleep", "tests/a.sh", "while true; do sleep 1; done\n", 1),
    ("file-length", "common/a.c", "static int x;\n" * 801, 801),
    ("file-length", "common/a.h", "#pragma once\n" + "extern int x;\n" * 200, 201),
    ("function-length", "common/a.c", LONG_FUNCTION, 1),
    ("pragma-once", "common/a.h", "extern int x;\n", 1),
    ("own-header", "common/loop.c", "#include <stdio.h>\n\n#include \"common/loop.h\"\n", 1),
    ("format", "common/a.c", "static int f(void) {\n  return 0; }\n", 1),
    ("machine", "docs/a.md", "see /ho" + "me/somebody/src\n", 1),
]

FINE = {
    "common/loop.h": "#pragma once\n/* strcpy(a, b) is only talked about */\n",
    "common/loop.c": '#include "common/loop.h"\n\nstatic const char *const text = "atoi(x)";\n',
    "proto/wire.h": '#pragma once\n#include "common/loop.h"\n',
    "daemon/plan/plan.h": '#pragma once\n#include "daemon/store/store.h"\n',
    "daemon/store/store.h": "#pragma once\n#include <lmdb.h>\n",
    "daemon/loop/loop.h": "#pragma once\n#include <event2/event.h>\n",
    "daemon/main.h": '#pragma once\n#include "daemon/plan/plan.h"\n',
    "client/client.h": '#pragma once\n#include "proto/wire.h"\n',
    "tests/unit/unit.h": '#pragma once\n#include "daemon/plan/plan.h"\n',
    "docs/fine.md": "daemon/work/plan.h and tests/*/work/ are no machine's paths\n",
}


def make_tree(top, files):
    for name, text in files.items():
        path = top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (top / ".clang-format").write_text(open(os.path.join(TOP, ".clang-format")).read())
    subprocess.run(["git", "init", "-q"], cwd=top, check=True)
    subprocess.run(["git", "add", "."], cwd=top, check=True)


def check(top, *args):
    return subprocess.run([sys.executable, SCRIPT, "--top", str(top), *args], capture_output=True, text=True, check=False)


def breaches(r):
    return [line for line in r.stdout.split("\n") if line.endswith("]")]


def test_fine_tree_passes(tmp_path):
    make_tree(tmp_path, FINE)
    r = check(tmp_path)
    assert breaches(r) == []
    assert r.returncode == 0
    assert r.stdout.endswith(" 0 failed\n")


@pytest.mark.parametrize("rule,name,text,line", CASES, ids=[f"{c[0]}-{c[1]}" for c in CASES])
def test_breach_is_found(tmp_path, rule, name, text, line):
    make_tree(tmp_path, {**FINE, name: text})
    r = check(tmp_path)
    assert r.returncode == 1
    assert f"{name}:{line}: " in r.stdout
    assert [line for line in breaches(r) if f"[{rule}: " not in line] == []


def test_program_that_links_too_much(tmp_path):
    make_tree(tmp_path, FINE)
    source = tmp_path / "x.c"
    source.write_text("#include <openssl/evp.h>\nint main(void) { return EVP_sha256() == 0; }\n")
    subprocess.run(["gcc", "-o", str(tmp_path / "x"), str(source), "-lcrypto"], check=True)
    r = check(tmp_path, "--client", str(tmp_path / "x"))
    assert r.returncode == 1
    assert "libcrypto" in breaches(r)[0]
    r = check(tmp_path, "--client", "/bin/true")
    assert r.returncode == 0
