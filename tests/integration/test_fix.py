"""`genopt fix`: findings of an analyser, repaired per file."""

import hashlib
import json
import re

import pytest

from conftest import ROOT, Daemon, config_for, tree
from fix_app import App

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
    victim = place / "app/src/main/java/org/boats/Boat1.java"
    job = daemon.genopt("fix", app.path, "--source", place / "app", "--detach", check=0).stdout.strip()
    rpc = daemon.rpc()
    rpc.ok("job/attach", {"job": job})
    needs = [e for e in [rpc.event("waiting", "done")] if e["type"] == "waiting"]
    assert needs and needs[0]["on"] == "blobs"  # contents are asked for, and nobody is there who sends them
    r = daemon.genopt("cancel", job)
    victim.write_text(victim.read_text() + "// mine\n")
    events, _ = fix(daemon, app.path, place / "app")
    assert victim.read_text().endswith("// mine\n") and "import new.sea.Wave" in victim.read_text()


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

    from conftest import GENOPT, STARTED

    c = subprocess.Popen([GENOPT, "fix", str(analysis), "--source", str(root), "--json"], env=d.env, cwd=d.dir,
                         stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    STARTED.append(c)
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


def test_a_command_that_blames_nobody_is_told(place, sim, daemon, app):
    events, summary = fix(daemon, app.path, place / "app", "--verify", "echo all is bad; false")
    assert any("names none of the files" in e["text"] for e in events if e["type"] == "warning")
    assert summary["retries"] == 4 and summary["findings"]["manual"] == 0


# ---- afterwards ----

def git(root, *args):
    import subprocess
    r = subprocess.run(["git", "-C", root, "-c", "user.name=t", "-c", "user.email=t@example.org", *args], capture_output=True, text=True)
    assert r.returncode == 0, r.stderr
    return r.stdout


@pytest.mark.parametrize("when,n", [("per-file", 7), ("at-end", 1)])
def test_commits(place, sim, daemon, app, when, n):
    root = place / "app"
    git(root, "init", "-q")
    git(root, "config", "user.name", "t")
    git(root, "config", "user.email", "t@example.org")
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "before")
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
    (place / "app").mkdir()
    f = plan(daemon, analysis, place / "app")["findings"]
    assert f["total"] > 0 and accounted(f) == f["total"]


def test_invalid_syntax_of_others_names_its_line(place, daemon):
    analysis = DATA / "kantra-ai" / "testdata_invalid_syntax.yaml"
    if not analysis.exists():
        pytest.skip("no analysis of others is at hand")
    (place / "app").mkdir()
    r = daemon.genopt("fix", analysis, "--source", place / "app", "--dry-run")
    assert r.returncode == 65 and re.search(r"testdata_invalid_syntax\.yaml:\d+:\d+", r.stderr), r.stderr
