"""`genopt fix`: findings of an analyser, repaired per file."""

import hashlib
import json
import os
import re
import select
import signal

import pytest

from conftest import ROOT, Daemon, config_for, tree
from fix_app import App
from test_planner import windows

DATA = ROOT.parent / "shared" / "data"


@pytest.fixture
def app(place):
    a = App()
    a.write(place / "app")
    a.path = a.write_analysis(place / "output.yaml")
    return a


def fix(d, analysis, source, *flags, check=0):
    r = d.genopt("fix", analysis, "--source", source, "--json", *flags, check=check)
    events = d.events(r)
    return events, next((e.get("summary") for e in events if e["type"] == "done"), None)


def plan(d, analysis, source, *flags):
    return json.loads(d.genopt("fix", analysis, "--source", source, "--dry-run", "--json", *flags, check=0).stdout)


def files_of(events):
    return [e for e in events if e["type"] == "file"]


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def accounted(f):
    """Every finding of an analysis is somewhere."""
    return f["here"] + f["dependency"] + f["build"] + f["gone"] + f["elsewhere"] + f["filtered"]


def test_findings_are_repaired(place, sim, daemon, app):
    before = tree(place / "app")
    events, summary = fix(daemon, app.path, place / "app")
    after = tree(place / "app")
    f = summary["findings"]
    assert f["total"] == len(app.findings) == accounted(f)
    assert f["build"] == 1 and f["errors"] == 1 and f["unmatched"] == 2
    assert f["repaired"]["mechanical"] == 6 * 3 + 2 and f["repaired"]["call"] == 5 and f["manual"] == 0
    for path, text in app.files.items():
        new = after[path].decode()
        if path.startswith("target/"):
            assert new == text
            continue
        assert "old." not in new and "new." in new, path
        if path.endswith(".java"):
            for line in text.splitlines():
                assert line.replace("import old.", "import new.") in new.splitlines()
    assert '<unit version="3.0"' in after["src/main/resources/unit.xml"].decode()
    assert "Repaired: moor-001" in after["src/main/java/org/boats/Boat0.java"].decode()
    assert set(before) == set(after)


def test_one_writer_and_one_base(place, sim, daemon, app):
    """What stands on disk, then what the last change made of it: each change of a file begins where the one before it ended."""
    stands = {p: sha256(t) for p, t in tree(place / "app").items()}
    events, _ = fix(daemon, app.path, place / "app")
    for e in files_of(events):
        assert e["action"] == "write" and e["base"] == stands[e["path"]]
        stands[e["path"]] = e["blob"]
    assert {p: sha256(t) for p, t in tree(place / "app").items()} == stands


def test_a_dry_run_marks_nothing(place, sim, daemon, app):
    before = tree(place / "app")
    p = plan(daemon, app.path, place / "app")
    assert sim.stats()["requests"] == 0 if "requests" in sim.stats() else sim.requests() == []
    assert tree(place / "app") == before and not (place / "app/.genopt").exists()
    assert p["findings"]["mechanical"] == 20 and p["findings"]["asked"] == 5
    assert p["naive"]["calls"] == 25 and p["totals"]["calls"] < 5
    names = [r["name"] for r in p["rules"]]
    assert "findings" in names and "mechanical" in names
    assert [s["kind"] for s in p["steps"]].count("mechanical") == 7


def test_the_same_again_costs_nothing(place, sim, daemon, app):
    """A revert and another analysis: what was made is known by what it was made from."""
    events, first = fix(daemon, app.path, place / "app")
    after = tree(place / "app")
    app.write(place / "app")
    events, again = fix(daemon, app.path, place / "app")
    assert first["calls"] > 0 and again["calls"] == 0 and tree(place / "app") == after
    assert again["findings"]["repaired"]["reuse"] == 25


def test_what_was_edited_meanwhile_is_the_users(place, sim, daemon, app):
    """Sources are sent before --detach leaves; the repairs are made, an edit comes, then somebody delivers."""
    victim = place / "app/src/main/java/org/boats/Boat1.java"
    job = daemon.genopt("fix", app.path, "--source", place / "app", "--detach", check=0).stdout.strip()
    rpc = daemon.rpc()
    rpc.ok("job/attach", {"job": job})
    rpc.event("done")
    assert "import old.sea" in victim.read_text()
    mine = victim.read_text() + "// mine\n"
    victim.write_text(mine)
    r = daemon.genopt("fix", "--resume", "--source", place / "app", "--json", check=1)
    findings = daemon.events(r)[-1]["summary"]["findings"]
    assert victim.read_text() == mine
    assert [f["path"] for f in findings["not_written_files"]] == ["src/main/java/org/boats/Boat1.java"]
    assert "import new.sea" in (victim.parent / "Boat0.java").read_text()


@pytest.mark.parametrize("fault,reason", [("broken", "do not stand in the text"), ("empty_file", "changes nothing")])
def test_an_answer_that_does_not_fit_is_asked_for_again(place, sim, daemon, app, fault, reason):
    sim.faults({"kind": fault, "file": 1})
    events, summary = fix(daemon, app.path, place / "app")
    reasons = [e["reason"] for e in events if e["type"] == "task.retry"]
    assert any(reason in r for r in reasons), reasons
    assert summary["findings"]["manual"] == 0 and summary["retries"] > 0


def test_filters(place, daemon, app):
    def counts(*flags):
        return plan(daemon, app.path, place / "app", *flags)["findings"]

    assert counts("--rules", "import-*")["here"] == 18
    assert counts("--max-effort", "2")["asked"] == 0
    assert counts("--files", "Boat0.java")["here"] == 5
    assert counts("--exclude", "*.java")["here"] == 2
    assert counts("--categories", "optional")["here"] == 0
    for flags in (("--rules", "import-*"), ("--max-effort", "2"), ("--files", "Boat0.java")):
        f = counts(*flags)
        assert accounted(f) == f["total"] == len(app.findings)
    assert daemon.genopt("fix", app.path, "--max-effort", "11").returncode == 2


def test_mechanical_can_be_switched_off(place, sim, daemon, app):
    events, summary = fix(daemon, app.path, place / "app", "--set", "optimization.mechanical=off")
    assert summary["findings"]["repaired"]["mechanical"] == 0 and summary["findings"]["repaired"]["call"] == 25
    assert summary["findings"]["manual"] == 0


def test_odd_findings_are_counted(place, sim, daemon, app):
    """No line, line zero, no snippet, a file that is not there, another one's file, the same twice, one id in two rulesets."""
    boat = "src/main/java/org/boats/Boat5.java"
    app.findings = []
    app.add("odd-001", boat, 0, "about the whole file")
    app.add("odd-001", boat, 0, "about the whole file, otherwise")
    app.add("odd-001", boat, 0, "about the whole file")
    app.add("odd-002", "src/main/java/org/boats/Gone.java", 3, "where is it", "x")
    app.add("odd-003", "org/lib/Lib.java", 3, "a library's", "x", prefix="/home/user/.m2/repository/lib/")
    app.add("odd-003", boat, 4, "said to be a library's", "x", isDependencyIncident=True)
    analysis = app.analysis()
    analysis[1]["violations"] = {"odd-001": {"incidents": [{"uri": f"file:///opt/input/source/{boat}", "message": "from another ruleset"}]}}
    app.path.write_text(json.dumps(analysis))
    events, summary = fix(daemon, app.path, place / "app")
    f = summary["findings"]
    assert (f["total"], f["repeated"], f["gone"], f["dependency"]) == (7, 1, 1, 2) and accounted(f) == 7
    assert f["repaired"]["call"] == 3 and f["manual"] == 0
    assert any("Gone.java" in e["text"] for e in events if e["type"] == "warning")


def test_ends_of_lines_survive(place, sim, daemon, app):
    path = place / "app/src/main/java/org/boats/Boat0.java"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n").rstrip(b"\r\n"))
    fix(daemon, app.path, place / "app")
    after = path.read_bytes()
    assert after.count(b"\r\n") == after.count(b"\n") and b"Repaired: moor-001" in after and not after.endswith(b"\n")


def test_faults_are_named(place, daemon, app):
    bad = place / "bad.yaml"
    bad.write_text("- name: x\n  violations:\n    a: [\n")
    r = daemon.genopt("fix", bad, "--source", place / "app")
    assert r.returncode == 65 and re.search(r"bad\.yaml:\d+:\d+", r.stderr), r.stderr
    r = daemon.genopt("fix", place / "nothing.yaml", "--source", place / "app")
    assert r.returncode == 65 and "No such file" in r.stderr
    r = daemon.genopt("fix", app.path, "--source", place / "nowhere")
    assert r.returncode != 0 and "nowhere" in r.stderr


def test_killed_at_any_file(place, sim):
    """SIGKILL after k changes, for several k: none is made twice, none is left out, no call is paid twice."""
    app = App(8)
    for k in (1, 3, 8, 10):
        root = place / f"app{k}"
        app.write(root)
        path = app.write_analysis(place / f"output{k}.yaml")
        (place / f"d{k}").mkdir()
        d = Daemon(place / f"d{k}", config_for(sim))
        d.start()
        before = sim.stats()
        job = kill_after(d, path, root, k)
        d.start()
        events = d.events(d.genopt("attach", job, "-o", root, "--json", check=0))
        summary = next(e["summary"] for e in events if e["type"] == "done")
        f = summary["findings"]
        assert f["manual"] == 0 and sum(f["repaired"].values()) == f["here"]
        done = [(e["path"], e["blob"]) for e in files_of(events)]
        assert len(done) == len(set(done))
        assert all("old." not in t.decode() for p, t in tree(root).items() if p.startswith("src/"))
        paid = [e for e in events if e["type"] == "call.done" and e["state"] == "ok"]
        tasks = [t for e in paid for t in e["tasks"]]
        assert len(tasks) == len(set(tasks)), "a repair was paid for twice"
        d.stop()


def kill_after(d, analysis, root, k):
    """Starts a job with a client that delivers, and kills the daemon when k changes were told of. Returns the job."""
    import subprocess

    from conftest import GENOPT

    c = subprocess.Popen([GENOPT, "fix", str(analysis), "--source", str(root), "--json"], env=d.env, cwd=d.dir,
                         stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    n, job = 0, None
    for line in c.stdout:
        e = json.loads(line)
        job = e.get("job", job)
        n += e["type"] == "file"
        if n == k:
            break
    c.kill()
    c.wait()
    d.kill()
    assert job
    return job


# ---- what the user's command says ----

def test_a_command_accepts_what_is_in_place(place, sim, daemon, app):
    """It runs in the tree, once, when all is delivered."""
    seen = place / "seen"
    events, summary = fix(daemon, app.path, place / "app", "--verify", f"pwd >> {seen}; ! grep -rq 'import old' src")
    assert seen.read_text() == f"{place / 'app'}\n"
    assert summary["findings"]["manual"] == 0 and summary["retries"] == 0


def test_what_a_command_refuses_twice_is_taken_back(place, sim, daemon, app):
    """It names a file: that one is asked for again, with what the command said, then taken back and left to a person."""
    boat = "src/main/java/org/boats/Boat3.java"
    events, summary = fix(daemon, app.path, place / "app", "--verify", f"! grep -l 'Repaired: speed-001' {boat}", check=1)
    text = (place / "app" / boat).read_text()
    assert "Repaired" not in text and "import new.sea.Wave" in text  # what it did not refuse stays
    assert "Repaired: speed-001" in (place / "app" / "src/main/java/org/boats/Boat0.java").read_text()
    assert summary["findings"]["manual"] == 1 and summary["retries"] == 1
    told = [e for e in events if e["type"] == "task.retry"]
    assert boat in told[0]["reason"]
    failures = next(e["failures"] for e in events if e["type"] == "done")
    assert [f["path"] for f in failures] == [boat]


def test_a_command_blames_by_path(place, sim, daemon):
    """Two files of one name: the one whose path is told is asked for again, the other is left alone; nor is one whose name ends alike."""
    app = App(0)
    for folder, name in (("a", "Boat"), ("b", "Boat"), ("b", "RowBoat")):
        app.files[f"src/{folder}/{name}.java"] = f"class {name} {{\n}}\n"
        app.add("moor-001", f"src/{folder}/{name}.java", 1, "Moor it", f"class {name} {{", effort=3)
    app.write(place / "app")
    path = app.write_analysis(place / "o.yaml")
    events, summary = fix(daemon, path, place / "app", "--files", "src/*", "--verify", "echo src/b/Boat.java:1: no; test -e once || { touch once; false; }")
    asked = [e["task"] for e in events if e["type"] == "task.retry"]
    paths = {e["task"]: e["path"] for e in events if e["type"] == "task.started"}
    assert [paths[t] for t in asked] == ["src/b/Boat.java"] and summary["findings"]["manual"] == 0


def test_a_kill_while_the_command_is_awaited_costs_nothing(place, sim):
    """All is delivered, nothing judged: the next start asks for the command again, and nobody for a repair."""
    app = App(4)
    root = app.write(place / "app")
    path = app.write_analysis(place / "output.yaml")
    (place / "d").mkdir()
    d = Daemon(place / "d", config_for(sim))
    d.start()
    try:
        d.genopt("fix", path, "--source", root, "--json", "--verify", f"kill -KILL {d.process.pid} $PPID; false")
        n = len(sim.requests())
        assert n > 0
        d.process.wait()
        d.start()
        r = d.genopt("fix", "--resume", "--source", root, "--json", "--verify", "true", check=0)
        summary = next(e["summary"] for e in d.events(r) if e["type"] == "done")
        assert len(sim.requests()) == n and summary["findings"]["manual"] == 0
    finally:
        d.stop()


def test_what_a_command_accepted_is_known(place, sim, daemon, app):
    """After a revert it is put in place again without a call, and the command has its say again."""
    seen = place / "seen"
    command = f"echo x >> {seen}; ! grep -rq 'import old' src"
    fix(daemon, app.path, place / "app", "--verify", command)
    after = tree(place / "app")
    app.write(place / "app")
    events, again = fix(daemon, app.path, place / "app", "--verify", command)
    assert again["calls"] == 0 and seen.read_text() == "x\nx\n" and tree(place / "app") == after


def test_a_command_that_blames_nobody_is_told(place, sim, daemon, app):
    """It still fails in the end: no success, what it says is shown, nothing is committed."""
    root = start_repository(place / "app")
    r = daemon.genopt("fix", app.path, "--source", root, "--json", "--commit", "at-end", "--verify", "echo all is bad; false", check=1)
    events = daemon.events(r)
    summary = next(e["summary"] for e in events if e["type"] == "done")
    assert any("names none of the files" in e["text"] for e in events if e["type"] == "warning")
    assert summary["retries"] == 4 and summary["findings"]["manual"] == 0 and summary["verified"] is False
    assert "all is bad" in r.stderr and "nothing was committed" in r.stderr
    assert len(git(root, "log", "--oneline").splitlines()) == 1
    # The job is at rest: the command is run again, and when it passes, it is committed.
    n = len(sim.requests())
    daemon.genopt("fix", "--resume", "--source", root, "--commit", "at-end", "--verify", "false", check=1)
    assert len(git(root, "log", "--oneline").splitlines()) == 1
    daemon.genopt("fix", "--resume", "--source", root, "--commit", "at-end", "--verify", "true", check=0)
    assert len(git(root, "log", "--oneline").splitlines()) == 2 and len(sim.requests()) == n


@pytest.mark.parametrize("command", ["no-such-command-of-boats", "./not-for-running", "kill -INT $$", "kill -KILL $$"])
def test_a_command_without_a_verdict_buys_nothing(place, sim, daemon, app, command):
    root = start_repository(place / "app")
    (root / "not-for-running").write_text("x")
    r = daemon.genopt("fix", app.path, "--source", root, "--json", "--commit", "at-end", "--verify", command, check=75)
    assert not [e for e in daemon.events(r) if e["type"] == "task.retry"]
    assert "not verified" in r.stderr and "fix --resume" in r.stderr
    n = len(sim.requests())
    assert len(git(root, "log", "--oneline").splitlines()) == 1
    r = daemon.genopt("fix", "--resume", "--source", root, "--json", "--verify", "true", check=0)
    summary = next(e["summary"] for e in daemon.events(r) if e["type"] == "done")
    assert summary["verified"] is True and len(sim.requests()) == n


@pytest.mark.parametrize("how", ["SIGINT", "SIGTERM", "SIGKILL"])
def test_an_interrupt_is_no_verdict(place, sim, daemon, app, how):
    """However the client ends, the command ends with it, and the job waits for its command."""
    import subprocess

    from conftest import GENOPT

    os.mkfifo(place / "pids")
    pids = os.open(place / "pids", os.O_RDWR)
    c = subprocess.Popen([GENOPT, "fix", str(app.path), "--source", str(place / "app"), "--json", "--verify",
                          f"sleep 1000 & echo $$ $! > {place / 'pids'}; wait"], env=daemon.env, cwd=daemon.dir,
                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert select.select([pids], [], [], 60)[0]
    started = [int(p) for p in os.read(pids, 100).split()]
    os.close(pids)
    n = len(sim.requests())
    fds = [os.pidfd_open(p) for p in started]
    c.send_signal(getattr(signal, how))
    c.wait()
    for fd in fds:  # readable when it has ended
        assert select.select([fd], [], [], 60)[0]
        os.close(fd)
    if how == "SIGINT":
        assert c.returncode == 130
    r = daemon.genopt("fix", "--resume", "--source", place / "app", "--json", "--verify", "true", check=0)
    summary = next(e["summary"] for e in daemon.events(r) if e["type"] == "done")
    assert summary["verified"] is True and summary["retries"] == 0 and len(sim.requests()) == n


def test_a_command_runs_also_when_all_is_known(place, sim, daemon, app):
    seen = place / "seen"
    fix(daemon, app.path, place / "app", "--verify", f"echo x >> {seen}")
    fix(daemon, app.path, place / "app", "--verify", f"echo x >> {seen}")
    n = len(sim.requests())
    fix(daemon, app.path, place / "app", "--verify", f"echo x >> {seen}; false", check=1)
    assert seen.read_text() == "x\nx\nx\n" and len(sim.requests()) == n


# ---- how sure it is ----

def test_what_breaks_the_file_is_asked_for_again(place, sim, daemon):
    """An edit that leaves XML broken is refused with line and reason."""
    app = App(0)
    app.files["conf/a.xml"] = "<a>\n  <b/>\n</a>\n"
    app.add("xml-009", "conf/a.xml", 2, "Write it `</b>` otherwise", "  <b/>", effort=3)
    app.write(place / "app")
    sim.faults({"kind": "broken", "file": 1})
    events, summary = fix(daemon, app.write_analysis(place / "o.yaml"), place / "app", "--files", "conf/*")
    assert summary["retries"] == 1 and summary["findings"]["manual"] == 0


# ---- afterwards ----

def test_a_generation_does_not_take_repairs_for_its_own(place, sim, daemon, app):
    """What was repaired is the user's: no manifest says that genopt made it, so nothing is pruned, replaced or forgotten."""
    (place / "spec.yaml").write_text("project: {name: Shop}\nblueprint: go-service\nentities: [{name: Order, attributes: {id: string}}]\n")
    daemon.genopt("gen", place / "spec.yaml", "-o", place / "app", "--json", check=0)
    manifest = (place / "app/.genopt/manifest.json").read_bytes()
    bases = set((place / "app/.genopt/base").iterdir())
    fix(daemon, app.path, place / "app")
    assert (place / "app/.genopt/manifest.json").read_bytes() == manifest and (place / "app/.genopt/repairs.json").exists()
    assert bases <= set((place / "app/.genopt/base").iterdir())
    repaired = tree(place / "app")
    r = daemon.genopt("gen", place / "spec.yaml", "-o", place / "app", "--prune", "--json", check=0)
    assert not files_of(daemon.events(r)) or all(e["action"] != "remove" for e in files_of(daemon.events(r)))
    assert tree(place / "app") == repaired


def git(root, *args):
    import subprocess
    r = subprocess.run(["git", "-C", root, "-c", "user.name=t", "-c", "user.email=t@example.org", *args], capture_output=True, text=True)
    assert r.returncode == 0, r.stderr
    return r.stdout


def start_repository(root):
    git(root, "init", "-q")
    git(root, "config", "user.name", "t")
    git(root, "config", "user.email", "t@example.org")
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "before")
    return root


@pytest.mark.parametrize("when,n", [("per-file", 7), ("at-end", 1)])
def test_commits(place, sim, daemon, app, when, n):
    root = start_repository(place / "app")
    (root / "mine.txt").write_text("not yet\n")
    git(root, "add", "mine.txt")
    fix(daemon, app.path, root, "--commit", when)
    assert len(git(root, "log", "--oneline").splitlines()) == n + 1
    assert git(root, "status", "--porcelain", "--", "src", "mine.txt") == "A  mine.txt\n"


def test_the_report_shows_every_change(place, sim, daemon, app):
    fix(daemon, app.path, place / "app", "--report", place / "r.html")
    page = (place / "r.html").read_text()
    assert page.count("<details") == 7 and "<s>-import old.sea.Wave;</s>" in page and "<b>+import new.sea.Wave;</b>" in page
    assert "<unit" not in page and "&lt;unit" in page and "<script" not in page


def test_resume_delivers_what_is_left(place, sim, daemon, app):
    """The client goes away before anything is written: --resume needs no analysis."""
    job = kill_after(daemon, app.path, place / "app", 1)
    daemon.start()
    r = daemon.genopt("fix", "--resume", "--source", place / "app", "--json", check=0)
    events = daemon.events(r)
    assert events[-1]["job"] == job or any(e.get("job") == job for e in events)
    assert all("old." not in t.decode() for p, t in tree(place / "app").items() if p.startswith("src/"))


# ---- what is known of before ----

def test_what_is_done_is_not_done_again(place, sim, daemon, app):
    """The same analysis, over the tree as it was repaired: nothing is asked, nothing changed; also after an edit elsewhere in a file
    whose finding's line is gone; and after a revert all is there again without a call."""
    fix(daemon, app.path, place / "app")
    after = tree(place / "app")
    before = sim.stats()
    events, again = fix(daemon, app.path, place / "app")
    f = again["findings"]
    assert again["calls"] == 0 and not files_of(events) and tree(place / "app") == after
    assert f["there"] == f["known"] == 25 and f["manual"] == 0
    app.write(place / "app")
    events, reverted = fix(daemon, app.path, place / "app")
    assert reverted["calls"] == 0 and tree(place / "app") == after and reverted["findings"]["repaired"]["reuse"] == 25


def test_a_repair_that_could_be_made_twice_is_not(place, sim, daemon):
    """The same line stands once more in the file, where nothing was found: the second run does not take it for the first one."""
    app = App(0)
    app.files["conf/a.properties"] = "old.name=1\nold.name=1\n"
    app.add("keys-001", "conf/a.properties", 1, "Rename properties prefixed by `old` with `new`", "old.name=1")
    app.write(place / "app")
    path = app.write_analysis(place / "o.yaml")
    for _ in range(2):
        events, summary = fix(daemon, path, place / "app", "--files", "conf/*")
        assert (place / "app/conf/a.properties").read_text() == "new.name=1\nold.name=1\n"
    assert summary["findings"]["known"] == 1 and not files_of(events)


@pytest.mark.parametrize("head,end", [("// Licence\n\n", ""), ("", "// end\n")])
def test_a_repair_survives_an_edit_elsewhere(place, sim, daemon, app, head, end):
    """The lines that were found still stand after the repair, and the user edits the file: nothing is paid or done twice."""
    fix(daemon, app.path, place / "app")
    boats = sorted((place / "app/src/main/java/org/boats").iterdir())
    for boat in boats:
        boat.write_text(head + boat.read_text() + end)
    after = tree(place / "app")
    for _ in range(2):
        events, again = fix(daemon, app.path, place / "app")
        assert again["calls"] == 0 and not files_of(events) and tree(place / "app") == after
    assert again["findings"]["known"] >= 5 and again["findings"]["there"] == 25
    texts = [boat.read_text() for boat in boats]
    first = texts[0].split("\n")
    at = next(i for i, line in enumerate(first) if "Repaired: moor-001" in line)
    boats[0].write_text("\n".join(first[:at] + first[at + 1:]))  # this one is taken back, and no other
    _, again = fix(daemon, app.path, place / "app")
    assert again["findings"]["repaired"].get("call", 0) == 1 and [boat.read_text() for boat in boats] == texts


@pytest.mark.parametrize("name,written", [("B\u00fcro.properties", None), ("it's.properties", "'/opt/input/source/conf/it''s.properties'"),
                                          ("a#b?c.properties", None)])
def test_a_name_is_found_however_it_is_written(place, daemon, name, written):
    app = App(0)
    app.files[f"conf/{name}"] = "old.name=1\n"
    app.add("keys-001", f"conf/{name}", 1, "Rename properties prefixed by `old` with `new`", "old.name=1")
    app.write(place / "app")
    text = app.write_analysis(place / "o.yaml").read_text()
    if written:
        text = text.replace(json.dumps(f"file:///opt/input/source/conf/{name}"), written)
        assert written in text
        (place / "o.yaml").write_text(text)
    f = plan(daemon, place / "o.yaml", place / "app")["findings"]
    assert f["gone"] == f["elsewhere"] == 0 and f["mechanical"] == 3


def test_one_file_reverted_is_repaired_again(place, sim, daemon, app):
    """Fixes lost for ever after a revert: a memory that goes by the path."""
    fix(daemon, app.path, place / "app")
    after = tree(place / "app")
    boat = "src/main/java/org/boats/Boat0.java"
    (place / "app" / boat).write_text(app.files[boat])
    events, again = fix(daemon, app.path, place / "app")
    assert again["calls"] == 0 and {e["path"] for e in files_of(events)} == {boat} and tree(place / "app") == after


def test_fresh_asks_for_what_is_known(place, sim, daemon, app):
    fix(daemon, app.path, place / "app")
    events, again = fix(daemon, app.path, place / "app", "--fresh")
    assert again["findings"]["known"] == 0 and again["findings"]["asked"] >= 5


def test_a_second_rule_finds_the_first_ones_done(place, sim, daemon, app):
    """Some rules first, all later: what the first run repaired is known in the file that it left."""
    fix(daemon, app.path, place / "app", "--rules", "import-*,moor-*")
    events, rest = fix(daemon, app.path, place / "app")
    assert rest["findings"]["known"] == 21 and rest["findings"]["asked"] == 2
    for i in (0, 3):
        text = (place / f"app/src/main/java/org/boats/Boat{i}.java").read_text()
        assert text.count("Repaired: moor-001") == (i == 0) and text.count("Repaired: speed-001") == 1


# ---- phases ----

def test_phases_by_risk(place, sim, daemon, app):
    p = plan(daemon, app.path, place / "app")
    rows = {r["name"]: r for r in p["findings"]["phases"]}
    assert [r["phase"] for r in p["findings"]["phases"]] == [1, 2, 3, 4, 5]
    assert (rows["mechanical"]["findings"], rows["moderate"]["findings"], rows["hard"]["findings"]) == (20, 5, 0)
    assert rows["moderate"]["risk"] == "medium" and all(r["taken"] for r in rows.values())
    f = plan(daemon, app.path, place / "app", "--phase", "1")["findings"]
    assert f["mechanical"] == 20 and f["asked"] == 0 and accounted(f) == f["total"]
    f = plan(daemon, app.path, place / "app", "--phase", "moderate,hard")["findings"]
    assert f["mechanical"] == 0 and f["asked"] == 5 and accounted(f) == f["total"]
    r = daemon.genopt("fix", app.path, "--source", place / "app", "--phase", "6")
    assert r.returncode == 65 and "no phase `6`" in r.stderr and "2 simple" in r.stderr


def test_one_phase_after_another(place, sim, daemon, app):
    """Phase by phase comes to the same findings repaired as all at once."""
    n = 0
    for phase in ("1", "2", "3", "4", "5"):
        events, summary = fix(daemon, app.path, place / "app", "--phase", phase)
        n += sum(summary["findings"]["repaired"].values())
    assert n == 25
    assert all("old." not in t.decode() for p, t in tree(place / "app").items() if p.startswith("src/"))


# ---- what kantra-ai has made ----

def kantra_plan(app, place):
    phases = [{"id": "phase-1", "risk": "high", "violations": []}, {"id": "phase-2", "risk": "low", "deferred": True, "violations": []}]
    for rule, v in app.analysis()[0]["violations"].items():
        phases[rule.startswith("xml")]["violations"].append({"violation_id": rule, **{k: v[k] for k in ("description", "category", "effort")},
                                                            "incident_count": len(v["incidents"]), "incidents": v["incidents"]})
    (place / "plan.yaml").write_text(json.dumps({"version": "1.0", "metadata": {"provider": "claude"}, "phases": phases}))
    return place / "plan.yaml"


def test_a_plan_and_its_state(place, sim, daemon, app):
    """Completed incidents are counted and not done again; of an address that several share none is taken for done."""
    path = kantra_plan(app, place)
    uri = "file:///opt/input/source/src/main/java/org/boats/Boat{}.java"
    state = {"version": "1.0", "plan_file": "plan.yaml", "violations": {
        "moor-001": {"status": "completed", "incidents": {uri.format(0) + ":9": {"status": "completed"}, uri.format(2): {"status": "completed"},
                                                          uri.format(4): {"status": "failed"}}},
        "import-001": {"status": "completed", "incidents": {uri.format(1): {"status": "completed"}}}}}
    (place / "state.yaml").write_text(json.dumps(state))
    f = plan(daemon, path, place / "app", "--state", place / "state.yaml")["findings"]
    assert (f["completed"], f["failed_before"], f["asked"]) == (2, 1, 3)
    assert f["mechanical"] == 18 and f["filtered"] == 3  # the imports are all open; the deferred phase (and the build's copy) is not asked for
    f = plan(daemon, path, place / "app", "--state", place / "state.yaml", "--fresh")["findings"]
    assert f["completed"] == 0 and f["asked"] == 5
    f = plan(daemon, path, place / "app", "--phase", "phase-2")["findings"]
    assert f["mechanical"] == 2 and f["asked"] == 0
    r = daemon.genopt("fix", place / "state.yaml", "--source", place / "app")
    assert r.returncode == 65 and "--state" in r.stderr and re.search(r"state\.yaml:\d+:\d+", r.stderr)
    (place / "bad.yaml").write_text("violations:\n  a: [\n")
    r = daemon.genopt("fix", path, "--source", place / "app", "--state", place / "bad.yaml")
    assert r.returncode == 65 and re.search(r"bad\.yaml:\d+:\d+", r.stderr)


# ---- what a repair does to the tree besides ----

def add_tree_findings(app):
    """A file that is to go, one that is to move, one beside which another is wanted."""
    for name, message in (("gone.cfg", "Remove the file: nothing reads it any more"), ("dock.cfg", "Move the file to `conf/harbour/dock.cfg`"),
                          ("keep.cfg", "Create the file `conf/made.cfg` with the settings of the boats")):
        path = f"conf/{name}"
        app.files[path] = f"# settings\nname = {name}\n"
        app.add(f"tree-{name}", path, 2, message, f"name = {name}", effort=3)
    return app


@pytest.fixture
def tree_app(place):
    a = add_tree_findings(App(2))
    a.write(place / "app")
    a.path = a.write_analysis(place / "output.yaml")
    return a


def check_tree(root):
    files = {p: t.decode() for p, t in tree(root).items() if p.startswith("conf/")}
    assert set(files) == {"conf/harbour/dock.cfg", "conf/keep.cfg", "conf/made.cfg"}
    assert files["conf/made.cfg"] == "# made for conf/keep.cfg\n"
    assert "Repaired: tree-dock.cfg" in files["conf/harbour/dock.cfg"] and "name = dock.cfg" in files["conf/harbour/dock.cfg"]


def test_files_go_move_and_come(place, sim, daemon, tree_app):
    events, summary = fix(daemon, tree_app.path, place / "app", "--report", place / "r.html")
    assert summary["findings"]["manual"] == 0
    check_tree(place / "app")
    by = {(e["action"], e["path"]): e for e in files_of(events)}
    assert by["remove", "conf/gone.cfg"]["base"] == sha256(tree_app.files["conf/gone.cfg"].encode())
    assert by["rename", "conf/harbour/dock.cfg"]["from"] == "conf/dock.cfg"
    assert by["write", "conf/made.cfg"]["base"] is None and by["write", "conf/made.cfg"]["of"] == "conf/keep.cfg"
    page = (place / "r.html").read_text()
    assert "<em>removed</em>" in page and "<em>moved</em>" in page and "<em>new</em>" in page and "conf/dock.cfg → conf/harbour/dock.cfg" in page


def test_a_moved_file_is_known_again(place, sim, daemon, tree_app):
    """After a revert everything is there again without a call, new files included."""
    fix(daemon, tree_app.path, place / "app")
    for p in ("conf/harbour/dock.cfg", "conf/made.cfg"):
        (place / "app" / p).unlink()
    tree_app.write(place / "app")
    events, again = fix(daemon, tree_app.path, place / "app")
    assert again["calls"] == 0 and again["findings"]["manual"] == 0
    check_tree(place / "app")


@pytest.mark.parametrize("to,reason", [("../outside.cfg", "no plain path"), ("/etc/dock.cfg", "no plain path"), (".git/hooks/dock", "not for files"),
                                       (".genopt/dock.cfg", "not for files"), (".gitattributes", "not for files"),
                                       (".github/dock.cfg", "not for files"), ("-rf", "not for files"), ("conf/a\u202egfc.x", "not for files"),
                                       ("conf/keep.cfg", "a file stands there"),
                                       ("conf/keep.cfg/dock.cfg", "needs a folder"), ("conf", "a folder"), ("conf/dock.cfg", "there already")])
def test_nothing_is_put_where_it_must_not(place, sim, daemon, to, reason):
    app = App(0)
    for name in ("dock", "keep"):
        app.files[f"conf/{name}.cfg"] = f"name = {name}\n"
    app.add("tree-001", "conf/dock.cfg", 1, f"Move the file to `{to}`", "name = dock", effort=3)
    app.write(place / "app")
    events, summary = fix(daemon, app.write_analysis(place / "o.yaml"), place / "app", "--files", "conf/*", check=1)
    assert any(reason in e["reason"] for e in events if e["type"] == "task.retry")
    assert summary["findings"]["manual"] == 1 and not any(e["action"] == "rename" for e in files_of(events))
    assert not (place / "outside.cfg").exists() and tree(place / "app")["conf/dock.cfg"] == b"name = dock\n"


def test_two_repairs_never_make_one_file(place, sim, daemon):
    app = App(0)
    for name in ("a", "b"):
        app.files[f"conf/{name}.cfg"] = f"name = {name}\n"
        app.add("tree-001", f"conf/{name}.cfg", 1, "Create the file `conf/made.cfg`", f"name = {name}", effort=3)
    app.write(place / "app")
    events, summary = fix(daemon, app.write_analysis(place / "o.yaml"), place / "app", "--files", "conf/*", check=1)
    assert [e["path"] for e in files_of(events)].count("conf/made.cfg") == 1 and summary["findings"]["manual"] == 1
    assert any("another repair makes a file there" in e["reason"] for e in events if e["type"] == "task.retry")


def test_no_finding_no_change_of_the_tree(place, sim, daemon):
    """The answer does what the finding says, but the rule's words do not let it."""
    app = App(0)
    app.files["conf/dock.cfg"] = "name = dock\n"
    app.add("tree-001", "conf/dock.cfg", 1, "Say where to", "name = dock", effort=3)
    app.write(place / "app")
    p = plan(daemon, app.write_analysis(place / "o.yaml"), place / "app", "--files", "conf/*")
    assert p["findings"]["asked"] == 1
    fix(daemon, place / "o.yaml", place / "app", "--files", "conf/*")
    prompt = "".join(b["text"] for b in sim.requests()[-1]["prompt"])
    assert "text conf/dock.cfg" in prompt and "+++gone" not in prompt and "+++to" not in prompt


def test_what_a_command_refuses_goes_back_whole(place, sim, daemon, tree_app):
    before = {p: t for p, t in tree(place / "app").items() if p.startswith("conf/")}
    events, summary = fix(daemon, tree_app.path, place / "app", "--verify", "echo gone.cfg dock.cfg keep.cfg made.cfg; false", check=1)
    assert {p: t for p, t in tree(place / "app").items() if p.startswith("conf/")} == before
    assert summary["findings"]["manual"] == 3
    assert any(e.get("reason") == "reverted" for e in files_of(events))


@pytest.mark.parametrize("k", [2, 4, 6, 8])
def test_a_tree_change_survives_a_kill(place, sim, k):
    app = add_tree_findings(App(2))
    root = app.write(place / "app")
    path = app.write_analysis(place / "output.yaml")
    (place / "d").mkdir()
    d = Daemon(place / "d", config_for(sim))
    d.start()
    try:
        job = kill_after(d, path, root, k)
        d.start()
        events = d.events(d.genopt("attach", job, "-o", root, "--json", check=0))
        summary = next(e["summary"] for e in events if e["type"] == "done")
        assert summary["findings"]["manual"] == 0
        check_tree(root)
    finally:
        d.stop()


def test_commits_of_a_changed_tree(place, sim, daemon, tree_app):
    root = start_repository(place / "app")
    (root / "conf/made.txt").write_text("mine\n")
    fix(daemon, tree_app.path, root, "--commit", "per-file")
    assert git(root, "status", "--porcelain", "--", "src", "conf") == "?? conf/made.txt\n"
    with_made = git(root, "log", "-1", "--name-status", "--format=%s", "--", "conf/made.cfg")
    assert "found in conf/keep.cfg" in with_made and "A\tconf/made.cfg" in with_made
    assert "conf/harbour/dock.cfg" in git(root, "show", "--no-renames", "--stat", "--format=", "HEAD~0", "HEAD~1", "HEAD~2")


def test_commits_per_rule(place, sim, daemon, app):
    """Each rule's lines are a commit of their own; together they are what stands."""
    root = start_repository(place / "app")
    (root / "mine.txt").write_text("not yet\n")
    git(root, "add", "mine.txt")
    fix(daemon, app.path, root, "--commit", "per-rule")
    log = git(root, "log", "--format=%s").splitlines()[:-1]
    assert sorted(log) == sorted(f"Repair {r}" for r in ("import-001", "moor-001", "speed-001", "xml-001", "xml-002"))
    assert git(root, "status", "--porcelain", "--", "src", "mine.txt") == "A  mine.txt\n"
    for rule, mark in (("moor-001", "Repaired: moor-001"), ("speed-001", "Repaired: speed-001"), ("import-001", "import new.")):
        change = git(root, "log", "-p", "--format=", f"--grep=Repair {rule}")
        added = [line for line in change.splitlines() if line.startswith("+") and not line.startswith("+++")]
        assert added and all(mark in line for line in added), added


@pytest.mark.parametrize("when", ["per-file", "per-rule", "at-end"])
def test_commits_are_made_once_and_of_repairs_alone(place, sim, daemon, app, when):
    """Lines of the user's stay out, and are told of; what is committed is not committed again; what git refused is repeated."""
    root = start_repository(place / "app")
    mine = root / "src/main/java/org/boats/Boat0.java"
    mine.write_text(mine.read_text() + "// mine\n")
    hook = root / ".git/hooks/pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho not today\nexit 1\n")
    hook.chmod(0o755)
    r = daemon.genopt("fix", app.path, "--source", root, "--commit", when, check=1)
    assert "not today" in r.stderr and "Boat0.java is left out" in r.stderr
    assert len(git(root, "log", "--oneline").splitlines()) == 1 and git(root, "diff", "--cached", "--name-only") == ""
    hook.unlink()
    daemon.genopt("fix", "--resume", "--source", root, "--commit", when, check=0)
    head = git(root, "rev-parse", "HEAD")
    assert git(root, "diff", "--name-only").split() == ["src/main/java/org/boats/Boat0.java"]
    assert "// mine" not in git(root, "log", "-p")
    daemon.genopt("fix", "--resume", "--source", root, "--commit", "per-rule", check=0)
    assert git(root, "rev-parse", "HEAD") == head


def test_a_commit_that_cannot_be_is_refused_before_money(place, sim, daemon, app):
    daemon.genopt("fix", app.path, "--source", place / "app", "--commit", "at-end", check=65)
    start_repository(place / "app")
    git(place / "app", "config", "user.useConfigOnly", "true")
    git(place / "app", "config", "--unset", "user.email")
    daemon.genopt("fix", app.path, "--source", place / "app", "--commit", "at-end", check=65)
    assert not sim.requests()


# ---- what earlier tools got wrong (docs/fix.md) ----

def one_file(place, lines, findings, path="src/Big.java", effort=3):
    """One file and findings in it: (rule, line, message)."""
    app = App(0)
    app.files[path] = "\n".join(lines) + "\n"
    for rule, line, message in findings:
        app.add(rule, path, line, message, lines[line - 1] if line else None, effort=effort)
    app.write(place / "app")
    return app.write_analysis(place / "o.yaml"), place / "app" / path


def numbered(n):
    return ["import a.B;", "", "class Big {"] + [f"    int field{i} = {i};" for i in range(n)] + ["}"]


@pytest.mark.parametrize("n", [60, 16])  # of a small file, all are not many
def test_an_answer_that_removes_too_much_is_refused(place, sim, daemon, n):
    path, file = one_file(place, numbered(n), [("drop-001", 10, "Remove every line")])
    before = file.read_bytes()
    events, summary = fix(daemon, path, place / "app", "--files", "src/*", check=1)
    assert any("it takes away" in e["reason"] for e in events if e["type"] == "task.retry")
    assert summary["findings"]["manual"] == 1 and file.read_bytes() == before


def test_an_edit_far_from_every_finding_is_refused(place, sim, daemon):
    path, file = one_file(place, numbered(100), [("far-001", 5, "Change the last line")])
    before = file.read_bytes()
    events, summary = fix(daemon, path, place / "app", "--files", "src/*", check=1)
    assert any("no finding is about this place" in e["reason"] for e in events if e["type"] == "task.retry")
    assert summary["findings"]["manual"] == 1 and file.read_bytes() == before


def test_what_is_left_out_is_asked_for_again(place, sim, daemon):
    """One of two findings of some effort has no edit near it: asked again, then put in place, named for a person to look at, and the one left to them."""
    path, file = one_file(place, numbered(50), [("far-001", 52, "Change the last line"), ("near-001", 20, "Say it otherwise")], effort=5)
    events, summary = fix(daemon, path, place / "app", "--files", "src/*", "--report", place / "r.html", check=1)
    assert any("no edit that touches" in e["reason"] for e in events if e["type"] == "task.retry")
    f = summary["findings"]
    assert (f["manual"], f["review"], f["review_files"]) == (1, 1, ["src/Big.java"]) and "// changed\n" in file.read_text()
    left = {x["fate"]: x for x in events[-1]["left"]}
    assert left["left"] == {"fate": "left", "path": "src/Big.java", "line": 20, "rule": "near-001", "why": "no edit touches it", "task": 0}
    assert left["review"]["rule"] == "far-001" and re.fullmatch(r"sure to 0\.7\d, where 0\.80 is wanted", left["review"]["why"]) and len(events[-1]["left"]) == 2
    page = (place / "r.html").read_text()
    assert "look at this one" in page and re.search(r"<h2>Not repaired</h2>.*Big\.java:20</code><td><code>near-001</code><td>no edit touches it\n", page, re.S)
    assert re.search(r"<h2>Repaired, but look at it</h2>.*Big\.java:52</code><td><code>far-001</code><td>sure to ", page, re.S) and "Needs no change" not in page
    r = daemon.genopt("fix", "--resume", "--source", place / "app", "--report", place / "s.html", check=1)
    assert re.search(r"1 repaired file is to be looked at:\n  src/Big\.java \(line 52\): sure to 0\.7", r.stderr)
    assert f"<h1>Repairs: {path.name}</h1>" in page and f"<h1>Repairs: {path.name}</h1>" in (place / "s.html").read_text()
    done = next(e for e in events if e["type"] == "task.done" and e["path"] == "src/Big.java")
    assert 0.7 < done["confidence"] < 0.75


def test_a_model_sees_what_it_edits(place, sim, daemon):
    path, file = one_file(place, numbered(60), [("near-001", 30, "Say it otherwise")])
    fix(daemon, path, place / "app", "--files", "src/*")
    texts = [b["text"] for b in sim.requests()[-1]["prompt"]]
    assert any("".join(f"{line}\n" for line in numbered(60)) in t for t in texts)


def test_each_finding_gets_its_own_repair(place, sim, daemon, app):
    """Files of one call, findings of one file: every repair stands where its finding was."""
    fix(daemon, app.path, place / "app")
    for i in range(6):
        lines = (place / f"app/src/main/java/org/boats/Boat{i}.java").read_text().splitlines()
        for rule, marked in (("moor-001", "    @Moored"), ("speed-001", f"    public int knots{i}() {{")):
            expected = i % (2 if rule == "moor-001" else 3) == 0
            assert (f"Repaired: {rule}" in lines[lines.index(marked) - 1]) == expected, (i, rule)


def test_a_budget_holds(place, sim, daemon, app):
    r = daemon.genopt("fix", app.path, "--source", place / "app", "--json", "--budget", "0.00001")
    spent = sum(e["nanousd"] for e in daemon.events(r) if e["type"] == "call.done")
    assert r.returncode != 0 and spent <= 10000 and sim.requests() == []


def test_a_finding_that_is_told_no_more_changes_nothing(place, sim, daemon, app):
    """147, 150, 154 findings for one application: what another analysis leaves out is neither marked as repaired nor lost."""
    kept = app.findings
    app.findings = [f for f in kept if f["rule"] != "speed-001"]
    app.write_analysis(app.path)
    fix(daemon, app.path, place / "app")
    app.findings = kept
    app.write_analysis(app.path)
    events, summary = fix(daemon, app.path, place / "app")
    assert summary["findings"]["repaired"]["call"] == 2 and summary["findings"]["known"] == 23
    assert "Repaired: speed-001" in (place / "app/src/main/java/org/boats/Boat3.java").read_text()


def test_many_findings_are_asked_for_in_parts(place, sim, daemon):
    """Each part edits what the one before made of the file."""
    path, file = one_file(place, numbered(80), [("near-001", 4 + i, f"Say {i} otherwise") for i in range(70)])
    events, summary = fix(daemon, path, place / "app", "--files", "src/*")
    assert summary["calls"] == 3 and summary["findings"]["repaired"]["call"] == 70
    text = file.read_text()
    assert text.count("Repaired: near-001") == 70 and [line for line in text.splitlines() if "Repaired" not in line] == numbered(80)


def test_a_file_above_the_window_is_asked_for_by_region(place, sim):
    """What no window holds is shown in regions around the findings, the lowest first; the rest of the file stays byte for byte."""
    names = {"haiku-4-5": 9000, "sonnet-5": 9000, "opus-5-5": 9000}
    d = Daemon(place, config_for(sim), windows(place, **names))
    d.start()
    try:
        lines = numbered(3000)
        at = (10, 40, 1500, 1510, 2990)
        path, file = one_file(place, lines, [("near-001", n, f"Say line {n} otherwise") for n in at])
        events, summary = fix(d, path, place / "app", "--files", "src/*")
        assert summary["findings"]["manual"] == 0 and summary["calls"] == 3
        text = file.read_text().splitlines()
        assert [line for line in text if "Repaired" not in line] == lines
        for n in at:
            assert "Repaired: near-001" in text[text.index(lines[n - 1]) - 1], n
        shown = ["".join(b["text"] for b in r["prompt"]) for r in sim.requests()]
        assert all("lines up to the end are not shown" in t or "lines here are not shown" in t for t in shown)
        assert "field2987 " in shown[0] and "field1500 " not in shown[0]
    finally:
        d.stop()


# ---- real input, where it is at hand ----

def rebuild(analysis, root, prefix):
    """A tree from the snippets of an analysis: what they show stands on its lines."""
    yaml = pytest.importorskip("yaml")
    files = {}
    for ruleset in yaml.safe_load(analysis.read_text()):
        for v in (ruleset.get("violations") or {}).values():
            for i in v["incidents"]:
                if not i["uri"].startswith(prefix):
                    continue
                lines = files.setdefault(i["uri"][len(prefix):], {})
                for row in (i.get("codeSnip") or "").split("\n"):
                    m = re.match(r"\s*(\d+)  ?(.*)$", row)
                    if m:
                        lines[int(m[1])] = m[2]
    for path, lines in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text("".join(lines.get(i, "") + "\n" for i in range(1, max(lines, default=1) + 1)))
    return files


def test_an_application_of_others(place, sim, daemon):
    analysis = DATA / "konveyor" / "coolstore_app-only.yaml"
    if not analysis.exists():
        pytest.skip("no analysis of others is at hand")
    rebuild(analysis, place / "app", "file:///opt/input/source/")
    alone = plan(daemon, analysis, place / "app", "--set", "optimization.batch.enabled=off")
    assert alone["totals"]["calls"] <= 17 and alone["naive"]["calls"] == 150
    events, summary = fix(daemon, analysis, place / "app")
    f = summary["findings"]
    assert f["total"] == 158 == accounted(f) and f["build"] == 8
    assert f["repaired"]["mechanical"] >= 105 and sum(f["repaired"].values()) + f["manual"] == 150
    assert summary["calls"] <= 8 and f["manual"] == 0


@pytest.mark.parametrize("name", ["konveyor/analyzer-lsp_demo-output.yaml", "kantra-ai/javax-to-jakarta_output.yaml",
                                  "kantra-ai/example-plan.yaml"])
def test_every_finding_of_others_is_accounted_for(place, daemon, name):
    analysis = DATA / name
    if not analysis.exists():
        pytest.skip("no analysis of others is at hand")
    for uri in re.findall(r"uri['\"]?: *['\"]?file:///([^\s'\",]+)", analysis.read_text()):  # files of other trees stand below ours
        (place / "app" / uri).parent.mkdir(parents=True, exist_ok=True)
        (place / "app" / uri).write_text("one\ntwo\n")
    f = plan(daemon, analysis, place / "app")["findings"]
    assert f["total"] > 0 and accounted(f) == f["total"]


def test_invalid_syntax_of_others_names_its_line(place, daemon):
    analysis = DATA / "kantra-ai" / "testdata_invalid_syntax.yaml"
    if not analysis.exists():
        pytest.skip("no analysis of others is at hand")
    (place / "app").mkdir()
    r = daemon.genopt("fix", analysis, "--source", place / "app", "--dry-run")
    assert r.returncode == 65 and re.search(r"testdata_invalid_syntax\.yaml:\d+:\d+", r.stderr), r.stderr
