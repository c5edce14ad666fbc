"""`genopt fix`: what came into the files, and what did not, is told as it is."""

import json
import os

from fix_app import App
from test_fix import app, fix, git, start_repository  # noqa: F401 (app is a fixture)


BOAT = "src/main/java/org/boats/Boat{}.java"


def stop_after_one(d, analysis, root):
    """The client dies when it has put one change in place. The boats that it did not get to."""
    before = {p: p.read_bytes() for p in root.rglob("*.java")}
    r = d.genopt("fix", analysis, "--source", root, "--json", env={"GENOPT_TEST_CRASH_POINT": "1"})
    assert r.returncode == -9
    return [n for n in range(6) if (root / BOAT.format(n)).read_bytes() == before[root / BOAT.format(n)]]


def summary_of(events):
    return next(e["summary"] for e in events if e["type"] == "done")


def n_findings(app, path):
    return len([f for f in app.findings if f["incident"]["uri"].endswith("/" + path)])


def test_what_was_edited_is_not_counted_as_repaired(place, sim, daemon, app):
    """In the summary, on the page, by the exit status; and a merge puts it in place without another call."""
    root = place / "app"
    n = stop_after_one(daemon, app.path, root)[0]
    boat = root / BOAT.format(n)
    boat.write_text(boat.read_text() + "// mine\n")
    r = daemon.genopt("fix", "--resume", "--source", root, "--json", "--report", place / "r.html", check=1)
    events = daemon.events(r)
    f, left = summary_of(events)["findings"], n_findings(app, BOAT.format(n))
    told = [e for e in events if e["type"] == "conflict"]
    assert [e["path"] for e in told] == [BOAT.format(n)] and "--resume" in told[0]["remedy"]
    assert f["not_written"] == left and sum(f["repaired"].values()) == 25 - left and f["manual"] == 0
    assert f["not_written_files"] == [{"path": BOAT.format(n), "why": told[0]["text"], "findings": left}]
    assert boat.read_text().endswith("// mine\n")
    page = (place / "r.html").read_text()
    assert "<h2>Not written</h2>" in page and told[0]["text"] in page and f"<b>{25 - left}</b>" in page
    r = daemon.genopt("fix", "--resume", "--source", root)
    assert r.returncode == 1 and f"{left} not written" in r.stdout + r.stderr and "--merge" in r.stderr and "--overwrite" not in r.stderr
    calls = len(sim.requests())
    r = daemon.genopt("fix", "--resume", "--source", root, "--json", "--merge", check=0)
    f = summary_of(daemon.events(r))["findings"]
    assert sum(f["repaired"].values()) == 25 and "not_written" not in f and len(sim.requests()) == calls
    assert boat.read_text().endswith("// mine\n") and "import old" not in boat.read_text()


def test_what_cannot_be_written_is_offered_again(place, sim, daemon, app):
    """A link stands above it: not repaired; when it has gone, the next run puts it in place and pays nothing."""
    root = place / "app"
    stop_after_one(daemon, app.path, root)
    elsewhere = place / "elsewhere"
    os.rename(root / "src", elsewhere)
    os.symlink(elsewhere, root / "src")
    texts = {p: p.read_bytes() for p in elsewhere.rglob("*.java")}
    r = daemon.genopt("fix", "--resume", "--source", root, "--json", check=1)
    f = summary_of(daemon.events(r))["findings"]
    assert sum(f["repaired"].values()) == 0 and f["not_written"] == 25 and all("link" in x["why"] for x in f["not_written_files"])
    assert {p: p.read_bytes() for p in elsewhere.rglob("*.java")} == texts
    os.unlink(root / "src")
    os.rename(elsewhere, root / "src")
    calls = len(sim.requests())
    events, again = fix(daemon, app.path, root)
    f = again["findings"]
    assert sum(f["repaired"].values()) + f["there"] == 25 and len(sim.requests()) == calls
    assert all("import old" not in p.read_text() for p in root.rglob("src/**/*.java"))


def test_what_could_not_be_taken_back_is_not_said_to_be(place, sim, daemon, app):
    """The command refuses it twice, and edits it: the repair stands in it, and that is said."""
    root, boat = place / "app", BOAT.format(3)
    command = f"grep -q 'Repaired: speed-001' {boat} && {{ test -e once && echo '// mine' >> {boat}; touch once; echo {boat}:1: no; exit 1; }}; true"
    r = daemon.genopt("fix", app.path, "--source", root, "--json", "--verify", command, check=1)
    events = daemon.events(r)
    failures = next(e["failures"] for e in events if e["type"] == "done")
    text = (root / boat).read_text()
    assert "Repaired: speed-001" in text and text.rstrip().endswith("// mine")
    assert len(failures) == 2  # the model's part, and what was repaired by rule before it
    for failure in failures:
        assert failure["path"] == boat and "could not be taken back" in failure["error"]["message"] and "as it was" not in failure["error"]["message"]
        assert "still stands" in failure["remedy"]
    assert [e["path"] for e in events if e["type"] == "conflict"] == [boat]


def test_what_is_not_verified_is_told_apart(place, sim, daemon, app):
    root = start_repository(place / "app")
    r = daemon.genopt("fix", app.path, "--source", root, "--json", "--report", place / "r.html", "--verify", "echo all is bad; false", check=1)
    f = summary_of(daemon.events(r))["findings"]
    assert sum(f["repaired"].values()) == 0 and sum(f["unverified"].values()) == 25 and f["unverified"]["mechanical"] == 20
    assert "in place, but the command fails" in (place / "r.html").read_text()
    r = daemon.genopt("fix", "--resume", "--source", root)
    assert "0 of 26 repaired; 25 in place, but not verified" in r.stderr
    r = daemon.genopt("fix", "--resume", "--source", root, "--json", "--verify", "true", check=0)
    done = summary_of(daemon.events(r))
    assert done["verified"] is True and sum(done["findings"]["repaired"].values()) == 25 and "unverified" not in done["findings"]
    r = daemon.genopt("fix", "--resume", "--source", root, "--verify", "echo worse; false", check=1)
    assert r.stderr.index("worse") < r.stderr.index("0 of 26 repaired") and "25 of 26" not in r.stderr


def test_a_resumed_report_tells_all_rules_of_a_file(place, sim, daemon, app):
    """What was delivered before is replayed: each file once, with what all its repairs were for."""
    root = start_repository(place / "app")
    fix(daemon, app.path, root)
    fix_again = daemon.genopt("fix", "--resume", "--source", root, "--report", place / "r.html", "--commit", "per-rule", check=0)
    page = (place / "r.html").read_text()
    assert "import-001 × 3, moor-001, speed-001" in page, fix_again.stderr
    assert sorted(git(root, "log", "--format=%s").splitlines()[:-1]) == sorted(f"Repair {r}" for r in ("import-001", "moor-001", "speed-001", "xml-001", "xml-002"))


def test_who_looks_at_the_job_is_told_what_stands(place, sim, daemon, app):
    """`show` and `report` say what the end of the run said; before anybody delivers, that they do not know."""
    root, lost = place / "app", BOAT.format(1)
    job = daemon.genopt("fix", app.path, "--source", root, "--detach", check=0).stdout.strip()
    rpc = daemon.rpc()
    rpc.ok("job/attach", {"job": job})
    rpc.event("done")
    assert "nobody has told yet" in daemon.genopt("show", job, check=0).stdout and "25 of 26 repaired" in daemon.genopt("show", job, check=0).stdout
    (root / lost).write_text("// mine\n")
    r = daemon.genopt("fix", "--resume", "--source", root, "--json", check=1)
    told, n = summary_of(daemon.events(r))["findings"], n_findings(app, lost)
    summary = rpc.ok("job/get", {"job": job})["summary"]
    assert summary["placed"] is True and summary["findings"] == told and told["not_written"] == n
    shown = daemon.genopt("show", job, check=0).stdout
    assert f"{25 - n} of 26 repaired" in shown and f"{n} not written" in shown and f"left      {lost}: it was changed after" in shown
    report = json.loads(daemon.genopt("report", job, "--json", check=0).stdout)
    assert report["findings"] == told and report["placed"] is True
    for form in ("text", "html"):
        text = daemon.genopt("report", job, "--format", form, check=0).stdout
        assert f"{25 - n} of 26 repaired" in text and f"{lost}: it was changed after" in text
    (root / lost).write_text(app.files[lost])  # the last word counts
    daemon.genopt("fix", "--resume", "--source", root, check=0)
    assert "25 of 26 repaired" in daemon.genopt("show", job, check=0).stdout
    daemon.kill()
    daemon.start()
    assert "placed" in daemon.rpc().ok("job/get", {"job": job})["summary"]


def test_nobody_tells_more_than_was_made(place, sim, daemon, app):
    """Only who owns the job, of a job that ended, in the form that the protocol has."""
    job = daemon.genopt("fix", app.path, "--source", place / "app", "--detach", check=0).stdout.strip()
    rpc = daemon.rpc()
    rpc.ok("job/attach", {"job": job})
    rpc.event("done")
    made = rpc.ok("job/get", {"job": job})["summary"]["findings"]["repaired"]
    for findings in ({"repaired": {**made, "call": made["call"] + 1}}, {"repaired": made, "not_written": 1}, {"repaired": {"magic": 1}}, {"repaired": {"call": -1}},
                     {"here": 1}, {"review": "1"}, {"review_files": ["x" * 2000]}, {"not_written_files": [{"path": "a", "why": "b"}]},
                     {"not_written_files": [{"path": "a", "why": "b", "findings": 0}] * 201}, {"review_files": "a"}, {"repaired": []}):
        assert rpc.error("job/settle", {"job": job, "findings": findings})["data"]["name"] == "invalid_params", findings
    assert "placed" not in rpc.ok("job/get", {"job": job})["summary"]
    rpc.ok("job/settle", {"job": job, "findings": {"repaired": {"call": 1}, "not_written": 24}, "verified": False})
    s = rpc.ok("job/get", {"job": job})["summary"]
    assert s["findings"]["repaired"] == {"call": 1} and s["verified"] is False and s["findings"]["total"] == 26
    other = rpc.ok("job/submit", {"kind": "ask", "input": {"prompt": "What is a berth?"}})["job"]
    rpc.ok("job/attach", {"job": other})
    rpc.event("done")
    assert rpc.error("job/settle", {"job": other, "findings": {}})["data"]["name"] == "bad_state"
