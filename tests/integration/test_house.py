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
    ("layer", "client/view/a.c", '#include "client/files/writer.h"\n', 1),
    ("layer", "client/files/a.c", '#include "client/submit.h"\n', 1),
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
    ("log-events", "daemon/store/a.c", 'static void f(void)\n{\n        log_event(LOG_LEVEL_INFO, "odd", "x");\n}\n', 3),
    ("log-events", "daemon/metrics/log-events.h", '#pragma once\n#define LOG_EVENT_TABLE(X) X(seen, "a")\n#define MORE(X) X(unseen, "b")\n', 3),
    ("format", "common/a.c", "static int f(void) {\n  return 0; }\n", 1),
    ("list", "common/a.c", "/* Words:\n *\n *     one   a thing\n * that goes on */\n", 4),
    ("page", "docs/architecture.md", "    common/   a room\n\nSee `common/loop.c` and `common/gone.c`.\n", 3),
    ("page", "docs/architecture.md", "    common/   a room\n      gone/   none\n", 2),
    ("machine", "docs/a.md", "see /ho" + "me/somebody/src\n", 1),
]

FINE = {
    "common/loop.h": "#pragma once\n/* strcpy(a, b) is only talked about */\n",
    "common/loop.c": '#include "common/loop.h"\n\nstatic const char *const text = "atoi(x)";\n',
    "proto/wire.h": '#pragma once\n#include "common/loop.h"\n',
    "daemon/plan/plan.h": '#pragma once\n#include "daemon/store/store.h"\n',
    "daemon/store/store.h": "#pragma once\n#include <lmdb.h>\n",
    "daemon/loop/loop.h": "#pragma once\n#include <event2/event.h>\n",
    "daemon/metrics/log-events.h": '#pragma once\n#define LOG_EVENT_TABLE(X) X(seen, "something was seen")\n',
    "daemon/exec/run.c": 'static void f(void)\n{\n        log_event(LOG_LEVEL_INFO, "seen", "x");\n}\n',
    "daemon/main.h": '#pragma once\n#include "daemon/plan/plan.h"\n',
    "client/client.h": '#pragma once\n#include "proto/wire.h"\n',
    "tests/unit/unit.h": '#pragma once\n#include "daemon/plan/plan.h"\n',
    "common/list.h": "#pragma once\n/* Words:\n *\n *     one   a thing\n *           that goes on\n *     two   another\n *\n * Prose. */\n",
    "docs/architecture.md": "    common/   a room\n\nSee `loop.c`, `common/lo*.c` and `daemon/plan/NAME.c`.\n",
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


def compile_into(build, path, text, *flags):
    """A static library, or a program where the path has no ending."""
    target = build / path
    target.parent.mkdir(parents=True, exist_ok=True)
    source = build / "x.c"
    source.write_text(text)
    if target.suffix == ".a":
        subprocess.run(["gcc", "-c", "-o", str(build / "x.o"), str(source)], check=True)
        subprocess.run(["ar", "rcs", str(target), str(build / "x.o")], check=True)
    else:
        subprocess.run(["gcc", "-o", str(target), str(source), *flags], check=True)


@pytest.fixture
def build(tmp_path):
    """A build tree without fault: the hashes stand for each other, client and daemon never meet."""
    make_tree(tmp_path, FINE)
    build = tmp_path / "build"
    compile_into(build, "client/genopt", "int main(void) { return 0; }\n")
    for path in ("common/libcommon_hash_crypto.a", "common/libcommon_hash_md.a"):
        compile_into(build, path, "void hash(void) {}\n")
    compile_into(build, "client/libclient.a", "void run(void) {}\nstatic void f(void) { run(); }\nvoid g(void) { f(); }\n")
    compile_into(build, "daemon/exec/libexec.a", "void run(void) {}\nstatic void f(void) { run(); }\nvoid h(void) { f(); }\n")
    return build


def test_fine_build_passes(tmp_path, build):
    r = check(tmp_path, "--build", str(build))
    assert breaches(r) == []
    assert r.returncode == 0


def test_client_that_links_too_much(tmp_path, build):
    compile_into(build, "client/genopt", "#include <openssl/evp.h>\nint main(void) { return EVP_sha256() == 0; }\n", "-lcrypto")
    r = check(tmp_path, "--build", str(build))
    assert r.returncode == 1
    assert ["libcrypto" in b for b in breaches(r)] == [True]


def test_name_in_two_libraries(tmp_path, build):
    compile_into(build, "daemon/jobs/libjobs.a", "void run(void) {}\n")
    r = check(tmp_path, "--build", str(build))
    assert r.returncode == 1
    assert ["daemon/exec/libexec.a:0: run is also in daemon/jobs/libjobs.a" in b for b in breaches(r)] == [True]


def test_build_without_libraries(tmp_path):
    make_tree(tmp_path, FINE)
    compile_into(tmp_path / "build", "client/genopt", "int main(void) { return 0; }\n")
    assert check(tmp_path, "--build", str(tmp_path / "build")).returncode == 1
