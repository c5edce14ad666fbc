"""`genopt fix`: what an earlier job repaired, and was taken back since, is repaired again in the same way."""

import re

import pytest

from conftest import Daemon, config_for, tree
from fix_app import App
from test_fix import files_of, fix, git, kill_after, numbered, one_file, plan, start_repository


ONLY = ("--files", "src/Big.java")


def shift(app, path, n):
    """The analyser again, over a file with so many lines more at its head."""
    for f in app.findings:
        i = f["incident"]
        if i["uri"].endswith(path):
            i["lineNumber"] += n
            i["codeSnip"] = re.sub(r"(?m)^( *)(\d+)  ", lambda m: f"{int(m[2]) + n:3}  ", i["codeSnip"])


@pytest.mark.parametrize("when", ["at-end", "per-file"])
def test_a_revert_with_moved_lines_costs_nothing(place, sim, daemon, when):
    """Fix, git revert, ten lines above, another analysis with moved lines: no call, and the repairs are those of the first time."""
    app = App(6)
    root = start_repository(app.write(place / "app"))
    path = app.write_analysis(place / "o.yaml")
    fix(daemon, path, root, "--commit", when)
    n = len(sim.requests())
    git(root, "revert", "--no-edit", f"HEAD~{len(git(root, 'log', '--oneline').splitlines()) - 1}..HEAD")
    head = "".join(f"// {i}\n" for i in range(10))
    for p, text in app.files.items():
        assert (root / p).read_text() == text
        if p.endswith(".java"):
            (root / p).write_text(head + text)
            shift(app, p, 10)
    app.write_analysis(path)
    p = plan(daemon, path, root)
    assert p["totals"]["calls"] == 0 and p["findings"]["again"] == 5 and p["findings"]["asked"] == 0
    events, summary = fix(daemon, path, root)
    assert summary["calls"] == 0 and len(sim.requests()) == n
    f = summary["findings"]
    assert f["repaired"]["reuse"] == 5 + 2 and f["repaired"]["mechanical"] + f["repaired"]["reuse"] == 25 and f["manual"] == 0  # the XML stands as it stood
    for i in range(6):
        lines = (root / f"src/main/java/org/boats/Boat{i}.java").read_text().splitlines()
        assert lines[:10] == head.splitlines()
        for rule, marked in (("moor-001", "    @Moored"), ("speed-001", f"    public int knots{i}() {{")):
            assert (f"Repaired: {rule}" in lines[lines.index(marked) - 1]) == (i % (2 if rule == "moor-001" else 3) == 0)
    events, summary = fix(daemon, path, root)  # and known from then on
    assert summary["calls"] == 0 and not files_of(events) and summary["findings"]["known"] == 25


def test_one_rule_taken_back_is_repaired_again(place, sim, daemon):
    """Of two findings that one answer repaired, the one that was taken back, with lines moved."""
    path, file = one_file(place, numbered(60), [("near-001", 10, "Say it otherwise"), ("near-002", 40, "Say it otherwise")])
    fix(daemon, path, place / "app", *ONLY)
    after = file.read_text()
    lines = after.splitlines(keepends=True)
    file.write_text("// mine\n" + "".join(line for line in lines if "Repaired: near-002" not in line))
    events, summary = fix(daemon, path, place / "app", *ONLY)
    f = summary["findings"]
    assert summary["calls"] == 0 and f["known"] == 1 and f["repaired"]["reuse"] == 1 and file.read_text() == "// mine\n" + after


def test_what_surrounds_it_must_stand_as_it_stood(place, sim, daemon):
    path, file = one_file(place, numbered(60), [("near-001", 30, "Say it otherwise")])
    fix(daemon, path, place / "app", *ONLY)
    file.write_text("\n".join(numbered(60)).replace("int field25 ", "int other25 ") + "\n")  # two lines above
    events, summary = fix(daemon, path, place / "app", *ONLY)
    assert summary["calls"] == 1 and summary["findings"]["repaired"]["reuse"] == 0


def test_a_finding_more_of_the_same_kind_is_asked_for(place, sim, daemon):
    """A line alike was found meanwhile: the edits of before are about one of them, and nobody knows which."""
    lines = numbered(20) + ["    // moored"] + [f"    long other{i};" for i in range(20)] + ["}"]
    path, file = one_file(place, lines, [("near-001", 25, "Say it otherwise")])
    fix(daemon, path, place / "app", *ONLY)
    lines = ["    // moored", ""] + lines
    path, file = one_file(place, lines, [("near-001", 1, "Say it otherwise"), ("near-001", 27, "Say it otherwise")])
    events, summary = fix(daemon, path, place / "app", *ONLY)
    assert summary["calls"] == 1 and file.read_text().count("Repaired: near-001") == 2


def test_what_a_command_refused_is_not_made_again(place, sim, daemon):
    """The edits of before fit, the command says no: a model is asked, once."""
    path, file = one_file(place, numbered(60), [("near-001", 30, "Say it otherwise")])
    fix(daemon, path, place / "app", *ONLY)
    file.write_text("// mine\n" + "\n".join(numbered(60)) + "\n")
    events, summary = fix(daemon, path, place / "app", *ONLY, "--verify", "echo src/Big.java; false", check=1)
    assert summary["calls"] == 1 and summary["findings"]["manual"] == 1 and "Repaired" not in file.read_text()
    events, summary = fix(daemon, path, place / "app", *ONLY, "--verify", "true")
    assert summary["calls"] == 1 and "Repaired: near-001" in file.read_text()


def test_repairs_are_told_of_by_the_cache(place, sim, daemon):
    def entries():
        return {r["name"]: r["entries"] for r in daemon.rpc().ok("cache/stats", {})["caches"]}

    path, file = one_file(place, numbered(60), [("near-001", 30, "Say it otherwise")])
    assert entries()["repair"] == 0
    fix(daemon, path, place / "app", *ONLY)
    assert entries()["repair"] > 0
    daemon.genopt("cache", "clear", check=0)
    assert entries()["repair"] == 0
    file.write_text("// mine\n" + "\n".join(numbered(60)) + "\n")  # forgotten: it costs, and is right
    events, summary = fix(daemon, path, place / "app", *ONLY)
    assert summary["calls"] == 1 and "Repaired: near-001" in file.read_text()


def test_a_generation_between_does_not_take_the_jobs_place(place, sim, daemon):
    """`fix --resume` after a `gen` in the same tree goes on with the repair; where an older client noted one place for all, it says so."""
    path, file = one_file(place, numbered(60), [("near-001", 30, "Say it otherwise")])
    fix(daemon, path, place / "app", *ONLY)
    repaired = file.read_text()
    (place / "spec.yaml").write_text("project: {name: Shop}\nblueprint: go-service\nentities: [{name: Order, attributes: {id: string}}]\n")
    daemon.genopt("gen", place / "spec.yaml", "-o", place / "app", "--json", check=0)
    r = daemon.genopt("fix", "--resume", "--source", place / "app", "--json", check=0)
    assert next(e["summary"] for e in daemon.events(r) if e["type"] == "done")["findings"]["total"] > 0 and file.read_text() == repaired
    (place / "app/.genopt/repairs.job").unlink()
    r = daemon.genopt("fix", "--resume", "--source", place / "app", check=65)
    assert "no repair was started" in r.stderr


@pytest.mark.parametrize("k", [1, 4, 8])
def test_after_a_kill_the_same_command_shares_with_the_old_job(place, sim, k):
    """The daemon goes on with the job that was killed, whose edits stand in the tree in part: what both want is asked for once."""
    app = App(7)
    root = app.write(place / "app")
    path = app.write_analysis(place / "output.yaml")
    d = Daemon(place, config_for(sim))
    d.start()
    sim.faults({"kind": "stall", "events": 1})
    old = kill_after(d, path, root, k)
    sim.faults({"kind": "slow_first_byte", "ms": 300})
    d.start()
    events, summary = fix(d, path, root)
    assert summary["findings"]["manual"] == 0 and summary["files"]["failed"] == 0
    assert all("old." not in t.decode() for p, t in tree(root).items() if p.startswith("src/"))
    rpc = d.rpc()
    rpc.ok("job/attach", {"job": old, "after": 0})
    assert rpc.end()["type"] == "done"
    answered = "".join(b["text"] for r in sim.requests() if r["outcome"] == "ok" for b in r["prompt"])
    asked = re.findall(r"^  path: \"?(src/[^\"\s]+)", answered, re.MULTILINE)
    assert len(asked) == len(set(asked)) == 5
    d.stop()
