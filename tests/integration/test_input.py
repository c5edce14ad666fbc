"""What users and their directories bring: broken specifications, hostile names, odd output directories, clients that do not answer."""

import concurrent.futures
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time

import pytest

from conftest import DEADLINE, GENOPT, GENOPTD, Daemon, Sim, config_for, go_build, tree, write_spec

NOBODY = 65534


@pytest.fixture
def spec(place):
    return write_spec(place / "s.yaml")


def gen(daemon, spec, out, *args, **kw):
    return daemon.genopt("gen", spec, "-o", out, *args, **kw)


def everything(place):
    """Every path below the place, but for what the daemon and the simulator keep there."""
    own = {"state", "cache", "home", "sim.log", "rpc.sock", "rpc.sock.lock", "genopt.yaml", "notify"}
    return {str(p.relative_to(place)) for top in place.iterdir() if top.name not in own and not top.name.startswith("log.")
            for p in (top, *top.rglob("*"))}


# ---- specifications that cannot be read ----

GOOD = """name: Parcels
requirements:
  - {id: FR-001, description: "A parcel has a sender."}
data_model:
  entities:
    - {name: Parcel, attributes: {ID: string, Name: string}}
    - {name: Courier, attributes: {ID: string, Name: string}}
build_config: {go_version: "1.19"}
"""


@pytest.mark.parametrize("text, where, words", [
    (GOOD + "  - : [\n", "9:3", "parsing"),
    (GOOD.replace("requirements:", "requirements:\n\t- x"), "3:1", "token"),
    (GOOD.replace('"A parcel', '"A \\q parcel'), "3:", ""),
    (GOOD + "name: Again\n", "9:1", "name"),
    (GOOD.replace("name: Parcels", "name: [1, 2]"), "1:7", "must be a text"),
    (GOOD.replace("data_model:", "data_model: 7\nx:"), "4:13", "must be a map"),
    (GOOD.replace("requirements:\n  - {", "requirements:\n  {{"), "3:", ""),
    (GOOD.replace("name: Courier", "name: Parcel"), "7:7", "Parcel"),
    (GOOD.replace("name: Courier", "name: parcel"), "7:7", "parcel"),
    (GOOD.replace("name: Courier", 'name: ""'), "7:7", "name"),
    (GOOD.replace("name: Courier", "name: .."), "7:7", "letter"),
    (GOOD.replace("name: Courier", "name: " + "x" * 300), "7:7", "127"),
    ("", "1:1", "nothing to generate"),
    ("# a comment\n", "1:1", "nothing to generate"),
    ("- a\n- b\n", "1:1", "map"),
    ("hello\n", "1:1", "map"),
    ("a: &a [x,x]\n" + "".join(f"{b}: &{b} [" + ",".join(["*" + a] * 9) + "]\n" for a, b in zip("abcdefghijk", "bcdefghijkl")), "6:", "anchors"),
    ("a: &a\n  b: *a\n", "2:", "anchors"),
    ("a: " + "[" * 5000 + "]" * 5000, "1:", "deep"),
    ("{" * 5000, "1:", ""),
    ('{"name": "x", "data_model": {"entities": [', "", "parsing"),
], ids=lambda v: repr(v)[:24])
def test_a_specification_that_cannot_be_used(daemon, place, text, where, words):
    """It says where and what; nothing is paid for and nothing is written; a terminal and a program get the same."""
    path = place / ("bad.json" if text.startswith('{"') else "bad.yaml")
    path.write_text(text)
    r = gen(daemon, path, place / "out")
    assert r.returncode == 65, r
    assert f"{path.name}:{where}" in r.stderr and words in r.stderr, r.stderr
    assert len(r.stderr) < 2000
    assert tree(place / "out") == {}
    r = gen(daemon, path, place / "out", "--json")
    assert r.returncode == 65
    last = daemon.events(r)[-1]
    error = last.get("error", last)
    assert where in json.dumps(error) and error["data"]["name"] == "bad_spec" and error["data"]["remedy"], last
    r = gen(daemon, path, place / "out", "--dry-run")
    assert r.returncode == 65 and where in r.stderr


@pytest.mark.parametrize("content, words", [
    (GOOD.encode() + b"# " + b"x" * (5 << 20), "4 MiB"),
    (bytes(range(256)) * 20, "UTF-8"),
    (b"\x7fELF\x02\x01\x01\x00\x00", "UTF-8"),
    (GOOD.encode("utf-16"), "UTF-8"),
], ids=["large", "binary", "nul", "utf-16"])
def test_a_file_that_is_no_specification(daemon, place, content, words):
    path = place / "bad.yaml"
    path.write_bytes(content)
    r = gen(daemon, path, place / "out")
    assert r.returncode == 65 and "bad.yaml" in r.stderr and words in r.stderr
    assert daemon.rpc().ok("job/list")["jobs"] == []  # it was not even sent


def test_paths_that_are_no_specification(daemon, place):
    (place / "d").mkdir()
    os.mkfifo(place / "fifo")
    for name, words in (("none.yaml", "No such file"), ("d", "directory"), ("/dev/null", "nothing to generate")):
        r = gen(daemon, place / name, place / "out")
        assert r.returncode == 65 and words in r.stderr, r


def test_what_is_odd_is_a_warning_with_its_place(daemon, place):
    path = place / "odd.yaml"
    path.write_text(GOOD.replace("build_config", "  relationships:\n    - {from: Parcel, to: Ghost, type: one_to_many}\nbuild_config") + "colour: blue\n")
    r = gen(daemon, path, place / "out", check=0)
    assert "odd.yaml:9:" in r.stderr and "Ghost" in r.stderr
    assert "odd.yaml:11:1" in r.stderr and "colour" in r.stderr
    go_build(place / "out")
    events = daemon.events(gen(daemon, path, place / "again", "--json", check=0))
    texts = [e["text"] for e in events if e["type"] == "warning"]
    assert any("Ghost" in t for t in texts) and any("colour" in t for t in texts)


@pytest.mark.parametrize("n", range(56, 62))
def test_what_is_quoted_in_part_is_whole_characters(daemon, place, n):
    """Wherever a quotation is cut: the job is planned, its warnings are told, and it waits for nothing."""
    path = place / "odd.yaml"
    word = "a" * n + "üß日本🦔"
    path.write_text(GOOD.replace("build_config", f"  relationships:\n    - {{from: Parcel, to: {word}, type: one_to_many}}\nbuild_config")
                    .replace("FR-001", f"FR-{word}") + f"{word}: 3\n")
    r = gen(daemon, path, place / "out", "--dry-run", "--json", check=0)
    plan = json.loads(r.stdout)
    assert plan["steps"] and all(s["reason"] for s in plan["steps"])
    r = gen(daemon, path, place / "out", check=0)
    assert word[:50] in r.stderr and "\ufffd" not in r.stderr


def test_many_warnings_stay_readable(daemon, place):
    path = place / "odd.yaml"
    path.write_text(GOOD + "".join(f"k{i}: {'x' * 100}\n" for i in range(30000)))
    r = gen(daemon, path, place / "out", check=0)
    assert "odd.yaml:9:1" in r.stderr
    assert r.stderr.count("is not used") < 1000


def test_line_ends_and_marks_make_no_difference(daemon, sim, place):
    """A BOM, CR LF and a missing last line end: the same tasks with the same keys."""
    for name, text in (("a", GOOD), ("b", "\ufeff" + GOOD), ("c", GOOD.replace("\n", "\r\n")), ("d", GOOD.rstrip())):
        (place / f"{name}.yaml").write_bytes(text.encode())
        n = len(sim.requests())
        gen(daemon, place / f"{name}.yaml", place / name, check=0)
        assert name == "a" or len(sim.requests()) == n, name
        assert tree(place / name) == tree(place / "a")


# ---- names that would be paths ----

NAMES = ["../../etc/x", "/abs", "..\\x", "con", "func", "error", "main", "internal", "parcel_test", "x_linux", ".git", ".genopt", "-rf", "$(id)",
         "{{ x }}", "<<<file a b", "*/", "Parcel\nx", "a\\0b", "\u202egnp.exe", "123", '"quoted"', "Größe", "日本", "x" * 40, "Repository", "Router",
         "init", "_x", "%s%n"]


def test_names_never_leave_the_directory(daemon, place):
    """A project that builds or an error that says why; and no file but below the output directory."""
    # vet compiles and does not link; with -trimpath what stood in an earlier project too is not compiled again
    go_env = {**os.environ, "GOFLAGS": "-mod=mod -trimpath", "GOPROXY": "off"}
    outcomes, built = {}, []
    for i, name in enumerate(NAMES):
        d = place / f"n{i}"
        (d / "deep" / "er").mkdir(parents=True)
        path = d / "s.yaml"
        path.write_text(GOOD.replace("name: Courier", "name: " + json.dumps(name)))
        before = everything(place)
        out = d / "deep" / "er" / "out"
        r = gen(daemon, path, out, cwd=d)
        new = everything(place) - before
        prefix = str(out.relative_to(place))
        assert all(p == prefix or p.startswith(prefix + "/") for p in new), (name, new)
        for p in out.rglob("*"):
            assert not p.is_symlink() and "\n" not in p.name and "\\" not in p.name, (name, p)
        outcomes[name] = r.returncode
        if r.returncode == 0:
            built.append(out)
            r = subprocess.run(["go", "vet", "./..."], cwd=out, capture_output=True, text=True, timeout=600, env=go_env)
            assert r.returncode == 0, (name, r.stderr[-1000:])
        else:
            assert r.returncode in (1, 65) and (path.name in r.stderr or "failed" in r.stderr), (name, r)
            if r.returncode == 65:
                assert "7:7" in r.stderr
    print(outcomes)
    assert len(built) > len(NAMES) * 2 / 3
    assert not pathlib.Path("/etc/x").exists()


@pytest.mark.parametrize("line", [
    "    - {name: Courier, package: ../../../evil, attributes: {ID: string}}",
    "    - {name: Courier, package: /tmp/evil, attributes: {ID: string}}",
    "    - {name: Courier, attributes: {ID: string, ../x: string, a/b: string, func: string, 'a b': string, 1x: string}}",
    "    - {name: Courier, attributes: {ID: '../../x', Name: 'string; import \"os\"', When: '}} {{', Odd: 'map[string]map[string]'}}",
])
def test_hostile_packages_and_attributes(daemon, place, line):
    path = place / "s.yaml"
    path.write_text(GOOD.replace("    - {name: Courier, attributes: {ID: string, Name: string}}", line))
    before = everything(place)
    r = gen(daemon, path, place / "o" / "u" / "t")
    new = everything(place) - before
    assert all(p == "o" or p.startswith("o/u") for p in new), new
    assert not pathlib.Path("/tmp/evil").exists()
    if r.returncode == 0:
        go_build(place / "o" / "u" / "t")
    else:
        assert r.returncode in (1, 65) and r.stderr


@pytest.mark.parametrize("line", ["name: ../../../evil", "name: /etc/passwd", "name: con", "name: go", 'name: "a b/c d"', "name: 日本", "name: fmt", "name: -x",
                                  "name: '{{ 1 }}'", "name: " + "x" * 40])
def test_hostile_project_names(daemon, place, line):
    path = place / "s.yaml"
    path.write_text(GOOD.replace("name: Parcels", line, 1))
    before = everything(place)
    r = gen(daemon, path, place / "o")
    assert all(p == "o" or p.startswith("o/") for p in everything(place) - before)
    if r.returncode == 0:
        go_build(place / "o")
    else:
        assert r.returncode in (1, 65) and r.stderr


# ---- output directories ----


def test_output_directory_that_is_a_link(daemon, place, spec):
    (place / "real").mkdir()
    (place / "link").symlink_to("real")
    gen(daemon, spec, place / "link", check=0)
    assert (place / "link").is_symlink()
    go_build(place / "real")
    again = daemon.events(gen(daemon, spec, place / "link", "--json", check=0))[-1]
    assert again["summary"]["calls"] == 0


@pytest.mark.parametrize("what", ["directory", "file", ".genopt", "manifest"])
def test_links_that_lead_outside_are_not_followed(daemon, place, spec, what):
    outside = place / "outside"
    outside.mkdir()
    (outside / "keep.txt").write_text("mine")
    out = place / "out"
    out.mkdir()
    if what == "directory":
        (out / "internal").symlink_to(outside)
    elif what == "file":
        (outside / "go.mod").write_text("mine too")
        (out / "go.mod").symlink_to(outside / "go.mod")
    elif what == ".genopt":
        (out / ".genopt").symlink_to(outside)
    else:
        (out / ".genopt").mkdir()
        (out / ".genopt" / "manifest.json").symlink_to(outside / "keep.txt")
    before = tree(outside)
    r = gen(daemon, spec, out)
    assert r.returncode in (0, 1, 65), r
    if r.returncode:
        assert r.stderr
    assert tree(outside) == before and {p.name for p in outside.iterdir()} == set(before), list(outside.rglob("*"))


def test_a_chain_of_links_to_nowhere(daemon, place, spec):
    (place / "a").symlink_to("b")
    (place / "b").symlink_to("a")
    r = gen(daemon, spec, place / "a")
    assert r.returncode == 65 and str(place / "a") in r.stderr, r
    (place / "dangling").symlink_to("nowhere/at/all")
    r = gen(daemon, spec, place / "dangling")
    assert r.returncode in (0, 65), r


def test_output_directory_that_is_a_file(daemon, place, spec):
    (place / "out").write_text("a file")
    r = gen(daemon, spec, place / "out")
    assert r.returncode == 65 and "out" in r.stderr
    assert (place / "out").read_text() == "a file"


@pytest.mark.skipif(os.getuid() != 0 or not shutil.which("setpriv"), reason="needs root, to run the client as somebody whom modes stop")
def test_output_directory_that_is_read_only(place, sim, spec):
    """As an ordinary user: a message, not half a project; with a directory in it that cannot be written, the rest is delivered."""
    d = Daemon(place, config_for(sim))
    place.chmod(0o777)
    subprocess.run(["chmod", "-R", "a+rX", str(place)], check=True)
    for name in ("home", "state", "cache"):
        (place / name).mkdir(exist_ok=True)
        os.chown(place / name, NOBODY, NOBODY)
    out = place / "out"
    out.mkdir()
    out.chmod(0o555)
    run = ["setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups", GENOPT]
    started = [*run, "gen", spec, "-o", out]
    r = subprocess.run(started, env=d.env, capture_output=True, text=True, timeout=DEADLINE * 2, cwd=place)
    if "Permission denied" in r.stderr and "genopt:" not in r.stderr:
        pytest.skip("the programs cannot be run as another user")
    assert r.returncode == 65 and "out" in r.stderr, r
    assert list(out.iterdir()) == []
    out.chmod(0o777)
    (out / "internal").mkdir(mode=0o555)
    r = subprocess.run(started, env=d.env, capture_output=True, text=True, timeout=DEADLINE * 2, cwd=place)
    assert r.returncode == 1 and "internal/web/router.go" in r.stderr, r
    assert (out / "go.mod").exists()
    assert list((out / "internal").iterdir()) == []
    subprocess.run([*run, "stop"], env=d.env, capture_output=True, timeout=DEADLINE)


DAMAGE = {
    "empty": "", "noise": "\x00\x01\x02", "cut": '{"version": 1, "files": [\n{"fingerprint": "a', "list": "[]", "other version": '{"version": 9, "files": []}',
    "climbing": '{"version": 1, "files": [\n{"fingerprint": "f", "path": "../../etc/passwd", "sha256": "%s"}\n]}' % ("0" * 64),
    "absolute": '{"version": 1, "files": [\n{"fingerprint": "f", "path": "/etc/passwd", "sha256": "%s"}\n]}' % ("0" * 64),
    "wrong types": '{"version": 1, "files": [\n{"fingerprint": 1, "path": [], "sha256": {}}\n]}', "deep": "[" * 10000,
}


@pytest.mark.parametrize("what", DAMAGE)
def test_a_damaged_manifest(daemon, sim, place, spec, what):
    """It is set aside; what stands and is the same costs nothing, and nothing of the user's is touched."""
    out = place / "out"
    gen(daemon, spec, out, check=0)
    first, n = tree(out), len(sim.requests())
    mine = next(out.rglob("*parcel*.go"))
    mine.write_text(mine.read_text() + "// mine\n")
    (out / ".genopt" / "manifest.json").write_text(DAMAGE[what])
    r = gen(daemon, spec, out)
    assert r.returncode in (0, 1), r
    assert "manifest.json" in r.stderr and "set aside" in r.stderr
    assert mine.read_text().endswith("// mine\n")
    assert {p: c for p, c in tree(out).items() if p != str(mine.relative_to(out))} == \
        {p: c for p, c in first.items() if p != str(mine.relative_to(out))}
    assert len(sim.requests()) == n
    r = gen(daemon, spec, out)
    assert "set aside" not in r.stderr and len(sim.requests()) == n


def test_two_into_one_directory(daemon, sim, place, spec):
    """One is told who holds it; and only that one leaves the directory alone."""
    sim.faults({"kind": "hold"})
    out = place / "out"
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        running = [pool.submit(gen, daemon, spec, out) for _ in range(2)]
        concurrent.futures.wait(running, return_when=concurrent.futures.FIRST_COMPLETED)
        sim.faults()
        a, b = (f.result() for f in running)
    assert sorted((a.returncode, b.returncode)) == [0, 75], (a, b)
    told = a if a.returncode == 75 else b
    assert "another genopt (process " in told.stderr and str(out) in told.stderr
    go_build(out)


def test_other_files_stay(daemon, place, spec):
    """Files of the user's in the output directory, some where ours would be: kept, and said."""
    out = place / "out"
    (out / "docs").mkdir(parents=True)
    (out / "docs" / "mine.txt").write_text("mine")
    (out / "README.md").write_text("my own words\n")
    (out / "Makefile").mkdir()
    r = gen(daemon, spec, out)
    assert (out / "docs" / "mine.txt").read_text() == "mine"
    assert (out / "README.md").read_text() == "my own words\n"
    assert (out / "Makefile").is_dir()
    assert r.returncode == 1 and "README.md" in r.stderr and "Makefile" in r.stderr, r


def test_a_full_output_directory(daemon, sim, place, spec):
    """The user's disk is full: what could not be written is delivered by the next run, and costs nothing again."""
    out = place / "out"
    out.mkdir()
    r = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48k", "none", str(out)], capture_output=True, text=True)
    if r.returncode:
        pytest.skip(f"cannot mount a file system: {r.stderr.strip()}")
    try:
        r = gen(daemon, spec, out)
        assert r.returncode not in (0, -6, -11) and "space" in r.stderr.lower(), r
        job = daemon.rpc().ok("job/list")["jobs"][0]["job"]
        rpc = daemon.rpc()
        rpc.ok("job/attach", {"job": job, "after": 0})
        assert rpc.end()["type"] == "done"  # it goes on without its client
        n = len(sim.requests())
        subprocess.run(["mount", "-o", "remount,size=64m", str(out)], check=True)
        gen(daemon, spec, out, check=0)
        go_build(out)
        assert len(sim.requests()) == n
    finally:
        subprocess.run(["umount", "-l", str(out)], check=True)


# ---- clients that do not answer ----


def test_a_missing_client_file(daemon, place):
    r = daemon.genopt("echo-check", "absent.txt", "--", "true", cwd=place)
    assert r.returncode in (1, 65) and "absent.txt" in r.stderr, r


@pytest.mark.parametrize("path", ["../outside.txt", "/etc/hostname", "sub/../../outside.txt"])
def test_the_daemon_gets_no_file_outside(daemon, place, path):
    (place / "outside.txt").write_text("secret tide")
    (place / "in").mkdir()
    r = daemon.genopt("echo-check", path, "--", "true", cwd=place / "in")
    assert "secret tide" not in r.stdout
    assert r.returncode != 0, r


def test_a_client_that_never_sends_its_content(daemon):
    """The job waits; `genopt jobs` and `show` tell for what; others run meanwhile; cancel works."""
    rpc = daemon.rpc()
    job = rpc.ok("job/submit", {"kind": "echo-check", "input": {"path": "notes.txt", "command": 0}, "commands": [["true"]]})["job"]
    rpc.ok("job/attach", {"job": job, "after": 0})
    w = rpc.event("waiting")
    assert w["on"] == "blobs" and w["need"] == [{"path": "notes.txt"}]
    rpc.close()
    r = daemon.genopt("jobs", check=0)
    assert job in r.stdout and "waiting" in r.stdout
    r = daemon.genopt("show", job, check=0)
    assert "notes.txt" in r.stdout or "blobs" in r.stdout
    assert daemon.genopt("ask", "Do others run?", check=0).stdout
    daemon.kill()
    daemon.start()
    assert "waiting" in daemon.genopt("jobs", check=0).stdout
    daemon.genopt("cancel", job, check=0)
    assert daemon.rpc().ok("job/get", {"job": job})["state"] == "cancelled"
    r = daemon.genopt("cancel", job)
    assert r.returncode == 0, r


def test_wrong_content_is_refused(daemon):
    import base64
    import hashlib
    rpc = daemon.rpc()
    job = rpc.ok("job/submit", {"kind": "echo-check", "input": {"path": "notes.txt", "command": 0}, "commands": [["true"]]})["job"]
    data = b"the tide\n"
    digest = hashlib.sha256(data).hexdigest()

    def put(**p):
        p = {"job": job, "path": "notes.txt", "sha256": digest, "size": len(data), "data": base64.b64encode(data).decode(), **p}
        m = rpc.call("blob/put", {k: v for k, v in p.items() if v is not None})
        return m["error"]["data"]["name"] if "error" in m else m["result"]

    assert put(sha256="0" * 64) == "bad_blob"
    assert put(path="other.txt") == "bad_blob"
    assert put(size=3) == "bad_blob"
    assert put(offset=4) == "bad_blob"
    assert put(job="01ARZ3NDEKTSV4RRFFQ69G5FAV") == "no_such_job"
    half = base64.b64encode(data[:4]).decode()
    assert put(data=half) == {"have": 4, "complete": False}
    assert put(data=half) == "bad_blob"  # again from the beginning: it is not where the last ended
    rest = base64.b64encode(data[4:]).decode()
    assert put(data=rest, offset=4) == {"have": len(data), "complete": True}
    assert put() == "bad_blob"  # nobody asks any more
    rpc.ok("job/cancel", {"job": job})
    assert rpc.error("blob/get", {"job": job, "sha256": "0" * 64})["data"]["name"] == "no_such_blob"


def test_many_half_sent_blobs_are_bounded(daemon):
    import base64
    rpc = daemon.rpc()
    job = rpc.ok("job/submit", {"kind": "echo-check", "input": {"path": "notes.txt", "command": 0}, "commands": [["true"]]})["job"]
    piece = base64.b64encode(b"x" * 65536).decode()
    results = [rpc.call("blob/put", {"job": job, "path": "notes.txt", "sha256": f"{i:064x}", "size": 1 << 20, "data": piece}) for i in range(200)]
    assert sum("result" in m for m in results) <= 64
    assert all(m["error"]["data"]["name"] == "bad_blob" for m in results if "error" in m)
    rpc.ok("job/cancel", {"job": job})


# ---- exit codes ----


def test_exit_codes(daemon, sim, place, spec):
    assert daemon.genopt("ask", "Fine?").returncode == 0
    assert daemon.genopt("gen").returncode == 2
    assert daemon.genopt("no-such-command").returncode == 2
    assert daemon.genopt("gen", spec, "--no-such-option").returncode == 2
    assert daemon.genopt("show", "01ARZ3NDEKTSV4RRFFQ69G5FAV").returncode == 65
    assert daemon.genopt("ask", "x", "--set", "no.such.option=1").returncode == 78
    assert daemon.genopt("ask", "x", "--set", "limits.calls=lots").returncode == 78
    sim.faults({"kind": "refusal", "match": "parcel_service.go"})
    assert gen(daemon, spec, place / "out").returncode == 1
    sim.faults({"kind": "unauthorized"})
    r = daemon.genopt("ask", "Which key?")
    assert r.returncode == 77 and "genopt key set" in r.stderr
    sim.faults({"kind": "not_found"})
    assert daemon.genopt("ask", "Which model?").returncode == 78
    sim.faults({"kind": "refusal"})
    assert daemon.genopt("ask", "Will you?").returncode == 1
    sim.faults()


def test_exit_codes_of_what_cannot_be_reached(place, sim):
    d = Daemon(place, config_for(sim, "limits: {connect_ms: 500ms}\n"))
    d.env["GENOPT_DAEMON"] = str(place / "no-genoptd")
    assert d.genopt("ask", "x").returncode == 69
    assert d.genopt("status").returncode in (0, 69)
    d.env["GENOPT_DAEMON"] = "/bin/false"
    assert d.genopt("ask", "x").returncode == 69


def test_exit_code_of_a_bad_configuration(place, sim):
    d = Daemon(place, config_for(sim, "optimisation: {template: on}\n"))
    for command in (["ask", "x"], ["start"]):
        r = d.genopt(*command)
        assert r.returncode == 78 and "genopt.yaml:" in r.stderr and "did you mean `optimization`" in r.stderr, r
    r = d.genopt("ask", "x", "--json")
    assert r.returncode == 78 and json.loads(r.stdout)["error"]["data"]["name"] == "bad_config", r
    d.config_path.unlink()
    r = d.genopt("ask", "x")
    assert r.returncode == 78 and str(d.config_path) in r.stderr and "No such file" in r.stderr, r


def test_a_daemon_that_cannot_start_says_why_in_either_framing(place):
    """Also through a service manager's socket: who waits there is answered before the daemon ends."""
    d = Daemon(place, "optimisation: {template: on}\n")
    for request, head in ((b'{"jsonrpc":"2.0","id":1,"method":"job/list"}\n', b"{"), (b"Content-Length: 2\r\n\r\n{}", b"Content-Length: ")):
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(place / "door"))
        listener.listen()
        clients = [socket.socket(socket.AF_UNIX) for _ in range(3)]
        for c in clients:
            c.settimeout(DEADLINE)
            c.connect(str(place / "door"))
            c.sendall(request)
        script = f'exec 3<&{listener.fileno()}; LISTEN_FDS=1 LISTEN_PID=$$ exec "$0"'
        p = subprocess.Popen(["bash", "-c", script, GENOPTD], env=d.env, pass_fds=[listener.fileno()], stderr=subprocess.PIPE, text=True)
        for c in clients:
            answer = b""
            while data := c.recv(65536):
                answer += data
            assert answer.startswith(head) and b'"bad_config"' in answer and b"genopt.yaml:1:" in answer, answer
            c.close()
        assert p.wait(DEADLINE) == 78 and "did you mean" in p.stderr.read()
        listener.close()
        (place / "door").unlink()


def test_exit_code_of_an_unreachable_provider(place):
    s = Sim(place)
    d = Daemon(place, config_for(s))
    s.close()
    d.start()
    r = d.genopt("ask", "Anybody?")
    assert r.returncode == 69 and "connect" in r.stderr, r
    d.stop()


def test_interrupt_leaves_the_job(daemon, sim, place, spec):
    sim.faults({"kind": "hold"})
    p = subprocess.Popen([GENOPT, "gen", spec, "-o", place / "out"], env=daemon.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    rpc = daemon.rpc()
    deadline = time.monotonic() + DEADLINE
    while not rpc.ok("job/list")["jobs"]:
        assert time.monotonic() < deadline
    job = rpc.ok("job/list")["jobs"][0]["job"]
    rpc.ok("job/attach", {"job": job, "after": 0})
    rpc.event("task.started")
    p.send_signal(signal.SIGINT)
    out, err = p.communicate(timeout=DEADLINE)
    assert p.returncode == 130 and f"genopt attach {job}" in err, (p.returncode, err)
    sim.faults()
    assert rpc.end()["type"] == "done"
    daemon.genopt("attach", job, "-o", place / "out", check=0)
    go_build(place / "out")
