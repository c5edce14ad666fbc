"""`genopt fix`: what a user is told, and when."""

import json
import os
import select

import pytest

from fix_app import App
from test_fix import app, fix, git, plan, start_repository, tree_app  # noqa: F401 (app and tree_app are fixtures)


def test_a_command_that_shuts_its_output_has_not_ended(place, sim, daemon, app):
    r = daemon.genopt("fix", app.path, "--source", place / "app", "--json", "--verify", "exec >&- 2>&-; sleep 1000", "--verify-timeout", "1s", check=75)
    assert "did not end in 1.0 s" in r.stderr, r.stderr
    r = daemon.genopt("fix", "--resume", "--source", place / "app", "--json", "--verify", "exec >&- 2>&-; exit 0", check=0)
    assert next(e["summary"] for e in daemon.events(r) if e["type"] == "done")["verified"] is True


def test_a_command_that_does_not_end_is_ended(place, sim, daemon, app):
    """With all that it started; that is no verdict, so nobody is asked again, and more time settles it."""
    os.mkfifo(place / "pids")
    pids = os.open(place / "pids", os.O_RDWR | os.O_NONBLOCK)
    command = f"sleep 1000 & echo $$ $! > {place / 'pids'}; wait"
    r = daemon.genopt("fix", app.path, "--source", place / "app", "--json", "--verify", command, "--verify-timeout", "1s", check=75)
    assert "did not end in 1.0 s" in r.stderr and "--resume" in r.stderr
    said = os.read(pids, 100).split() if select.select([pids], [], [], 0)[0] else []  # none: it was ended before it began
    os.close(pids)
    for pid in map(int, said):
        try:
            fd = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        assert select.select([fd], [], [], 60)[0]
        os.close(fd)
    n = len(sim.requests())
    r = daemon.genopt("fix", "--resume", "--source", place / "app", "--json", "--verify", "true", "--verify-timeout", "10m", check=0)
    summary = next(e["summary"] for e in daemon.events(r) if e["type"] == "done")
    assert summary["verified"] is True and summary["retries"] == 0 and len(sim.requests()) == n
    for wrong in (("--verify-timeout", "1s"), ("--verify", "true", "--verify-timeout", "0s"), ("--verify", "true", "--verify-timeout", "soon")):
        assert daemon.genopt("fix", app.path, "--source", place / "app", *wrong).returncode == 2


def test_who_attaches_is_told_how_the_command_runs(place, sim, daemon, app):
    daemon.genopt("fix", app.path, "--source", place / "app", "--verify", "kill -KILL $$", check=75)
    r = daemon.genopt("attach", cwd=place / "app", check=75)
    assert "`genopt fix --resume --source . --verify COMMAND`" in r.stderr and "genopt attach" not in r.stderr


def test_a_report_that_cannot_be_written_is_told_first(place, sim, daemon, app):
    for bad in (place / "nowhere/r.html", place):
        r = daemon.genopt("fix", app.path, "--source", place / "app", "--report", bad, check=65)
        assert "--report" in r.stderr and str(bad) in r.stderr
    assert sim.requests() == [] and not (place / "app/.genopt").exists()


def test_a_rule_cannot_steer_a_terminal_by_git(place, sim, daemon):
    app = App(0)
    app.files["conf/a.properties"] = "old.name=1\n"
    app.add("keys\u001b[31m\n-001", "conf/a.properties", 1, "Rename properties prefixed by `old` with `new`", "old.name=1")
    root = start_repository(app.write(place / "app"))
    fix(daemon, app.write_analysis(place / "o.yaml"), root, "--files", "conf/*", "--commit", "per-rule")
    assert git(root, "log", "-1", "--format=%s") == "Repair keys?[31m?-001\n"


@pytest.mark.parametrize("text,where", [(b"- name: x\n  violations:\n    a: {description: \"caf\xe9\"}\n", ":3:26: "), (b"", ": it is empty"),
                                        (b"- name: \xc3\xa9\n  x: \"\x00\"\n", ":2:7: "),
                                        (b"version: '1.0'\nplan_file: p.yaml\nphases:\n- {phase_id: one}\n", "--state")])
def test_an_analysis_that_is_none_is_told_where(place, daemon, app, text, where):
    bad = place / "bad.yaml"
    bad.write_bytes(text)
    r = daemon.genopt("fix", bad, "--source", place / "app", check=65)
    assert "bad.yaml" in r.stderr and where in r.stderr, r.stderr


def test_a_device_is_no_analysis(place, daemon, app):
    r = daemon.genopt("fix", "/dev/null", "--source", place / "app", check=65)
    assert "no plain file" in r.stderr


def test_a_source_that_is_no_text_is_left_with_its_line(place, sim, daemon, app):
    boat = place / "app/src/main/java/org/boats/Boat0.java"
    boat.write_bytes(boat.read_bytes() + b"// caf\xe9\n")
    lines = boat.read_bytes().count(b"\n")
    events, summary = fix(daemon, app.path, place / "app")
    f = summary["findings"]
    assert f["gone"] == 5 and sum(f["repaired"].values()) == f["here"] == 20
    assert any(f"Boat0.java:{lines} is no UTF-8 text" in e["text"] for e in events if e["type"] == "warning")


def test_nobody_stands_before_the_only_job(place, sim, daemon, app):
    r = daemon.genopt("fix", app.path, "--source", place / "app", check=0)
    assert "queued behind" not in r.stderr
    events, _ = fix(daemon, app.path, place / "app")
    assert {e["position"] for e in events if e["type"] == "queued"} == {0}


@pytest.mark.parametrize("root", ["C:\\code\\app\\", "file:///C:/code/app/", "file:///C:\\code\\app\\"])
def test_paths_of_windows_are_found(place, daemon, root):
    app = App(0)
    app.files["conf/win.properties"] = "old.name=1\n"
    app.add("keys-001", "conf/win.properties", 1, "Rename properties prefixed by `old` with `new`", "old.name=1")
    separator = "\\" if "\\" in root else "/"
    app.findings[-1]["incident"]["uri"] = root + separator.join(("conf", "win.properties"))
    app.findings = app.findings[-1:]
    app.write(place / "app")
    f = plan(daemon, app.write_analysis(place / "o.yaml"), place / "app")["findings"]
    assert f["mechanical"] == f["here"] == f["total"] == 1


def test_a_backslash_in_a_name_is_told(place, daemon):
    app = App(0)
    app.files["conf/a\\b.properties"] = app.files["conf/c.properties"] = "old.name=1\n"
    for name in ("a\\b", "c"):
        app.add("keys-001", f"conf/{name}.properties", 1, "Rename properties prefixed by `old` with `new`", "old.name=1")
    app.write(place / "app")
    r = daemon.genopt("fix", app.write_analysis(place / "o.yaml"), "--source", place / "app", "--dry-run", check=0)
    assert "a\\b.properties has findings, but its name has a backslash" in r.stderr


@pytest.mark.parametrize("when", ["per-file", "per-rule", "at-end"])
def test_what_git_ignores_is_left_out_of_commits(place, sim, daemon, tree_app, when):
    """Files that were there, and those that a repair makes or moves there; the others are committed all the same."""
    root = place / "app"
    (root / ".gitignore").write_text("resources/\nmade.cfg\nharbour/\n")
    start_repository(root)
    r = daemon.genopt("fix", tree_app.path, "--source", root, "--commit", when, check=0)
    for path in ("src/main/resources/unit.xml", "conf/made.cfg", "conf/harbour/dock.cfg"):
        assert f"{path} is left out of the commits: it is ignored by git" in r.stderr
    assert r.stderr.count("is left out") == 3 and "git:" not in r.stderr
    assert git(root, "status", "--porcelain", "--", "src", "conf") == " D conf/dock.cfg\n"
    assert "new.sea" in git(root, "show", "HEAD:src/main/java/org/boats/Boat0.java")


@pytest.mark.parametrize("when", ["per-file", "per-rule", "at-end"])
def test_what_git_says_beside_its_answer_is_none(place, sim, daemon, app, when):
    """It warns of ends of lines, and tells what it does: neither is the name of an object, nor a file that is not merged."""
    root = place / "app"
    for file in root.rglob("*.java"):
        file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    git(root, "init", "-q")
    git(root, "config", "core.autocrlf", "input")
    start_repository(root)
    daemon.genopt("fix", app.path, "--source", root, "--commit", when, env={"GIT_TRACE": "1"}, check=0)
    assert git(root, "status", "--porcelain", "--", "src") == "" and "new.sea" in git(root, "show", "HEAD:src/main/java/org/boats/Boat0.java")


def test_lists_that_name_nothing_are_refused(place, sim, daemon, app):
    """A variable that is not set selects nothing, rather than everything; and nothing is spent."""
    for words in (("--rules", ""), ("--files", ","), ("--phase", " , "), ("--report", ""), ("--verify", "")):
        r = daemon.genopt("fix", app.path, "--source", place / "app", *words, check=2)
        assert words[0] in r.stderr
    r = daemon.genopt("fix", app.path, "--source", "", check=2)
    assert "--source is empty" in r.stderr and not sim.requests()


def test_the_command_runs_in_the_tree_whatever_cdpath_says(place, sim, daemon, app):
    (place / "elsewhere/app").mkdir(parents=True)
    r = daemon.genopt("fix", app.path, "--source", "app", "--verify", "test -d src", env={"CDPATH": str(place / "elsewhere")}, check=0)
    assert (place / "app/src").is_dir() and "not verified" not in r.stderr


def test_a_submodule_is_left_to_its_own_commits(place, sim, daemon, tree_app):
    root, inner = place / "app", place / "inner"
    (root / "conf").rename(inner)
    start_repository(inner)
    start_repository(root)
    git(root, "-c", "protocol.file.allow=always", "submodule", "add", "-q", inner, "conf")
    git(root, "commit", "-q", "-m", "with conf")
    r = daemon.genopt("fix", tree_app.path, "--source", root, "--commit", "at-end", check=0)
    assert "conf/made.cfg is left out of the commits: it lies in a repository of its own" in r.stderr and "git:" not in r.stderr
    assert not (root / "conf/gone.cfg").exists() and (root / "conf/made.cfg").exists()
    assert git(root, "diff", "--name-only", "HEAD~1", "HEAD", "--", "conf") == "" and git(root / "conf", "log", "--format=%s") == "before\n"
    assert "new.sea" in git(root, "show", "HEAD:src/main/java/org/boats/Boat0.java")


def test_a_job_goes_on_as_it_was_started(place, sim, daemon, app):
    """--resume writes, so it is no dry run; what is said of a job when it begins is refused, not left out."""
    root = start_repository(place / "app")
    fix(daemon, app.path, root)
    git(root, "checkout", "-q", ".")
    for wrong, word in ((("--dry-run",), "--dry-run"), (("-n", "--json"), "--dry-run"), (("--rules", "xml-001"), "--rules"), (("--files", "x"), "--files"),
                        (("--max-effort", "3"), "--max-effort"), (("--fresh",), "--fresh"), (("-d",), "--detach"), (("--budget", "1"), "--budget"),
                        ((app.path,), "ANALYSIS")):
        r = daemon.genopt("fix", "--resume", "--source", root, *wrong, check=2)
        assert word in r.stderr and "--resume" in r.stderr
    assert git(root, "status", "--porcelain", "--", "src") == ""


def test_a_tree_is_a_folder(place, daemon, app):
    for words in ((app.path,), ("--resume",), (app.path, "--commit", "at-end")):
        r = daemon.genopt("fix", *words, "--source", app.path, check=65)
        assert f"{app.path}: Not a directory" in r.stderr


def test_what_waits_for_its_command_is_not_committed(place, sim, daemon, app):
    """Not by who goes on without it; nor is a commit promised or refused before anything was done."""
    root = start_repository(place / "app")
    for late in (("--commit", "at-end"), ("--report", place / "r.html")):
        r = daemon.genopt("fix", app.path, "--source", root, "-d", "--verify", "true", *late, check=2)
        assert "--resume" in r.stderr and "--detach" in r.stderr
    assert sim.requests() == [] and not (place / "r.html").exists()
    daemon.genopt("fix", app.path, "--source", root, "--verify", "kill -KILL $$", check=75)
    r = daemon.genopt("fix", "--resume", "--source", root, "--commit", "at-end", check=75)
    assert "nothing was committed: the repairs are not verified" in r.stderr and git(root, "log", "--format=%s") == "before\n"
    daemon.genopt("fix", "--resume", "--source", root, "--verify", "true", "--commit", "at-end", check=0)
    assert git(root, "log", "-1", "--format=%s") != "before\n" and git(root, "status", "--porcelain", "--", "src") == ""
    r = daemon.genopt("fix", app.path, "--source", root, "--commit", "at-end", check=0)
    assert "nothing was committed: this job changed no file" in r.stderr


def test_who_attaches_elsewhere_is_not_told_that_all_is_in_place(place, sim, daemon, app):
    job = json.loads(daemon.genopt("fix", app.path, "--source", place / "app", "--json", "--verify", "kill -KILL $$", check=75).stdout.splitlines()[0])["job"]
    r = daemon.genopt("attach", job, check=75)
    assert "nothing is written here" in r.stderr and "--source DIR" in r.stderr and "in place" not in r.stderr and "--source ." not in r.stderr


def test_a_page_shows_no_turned_lines(place, sim, daemon):
    """A mark that turns the direction of writing would show another change than it is."""
    app = App(0)
    app.files["conf/a.properties"] = "# \u202eturned\nold.name=1\n"
    app.add("keys-001", "conf/a.properties", 2, "Rename properties prefixed by `old` with `new`", "old.name=1")
    fix(daemon, app.write_analysis(place / "o.yaml"), app.write(place / "app"), "--files", "conf/*", "--report", place / "r.html")
    page = (place / "r.html").read_text()
    assert "# ?turned" in page and "\u202e" not in page


def test_what_is_staged_of_a_file_is_not_lost(place, sim, daemon, app):
    """Also where the file itself is as HEAD has it."""
    root, boat = start_repository(place / "app"), "src/main/java/org/boats/Boat1.java"
    (root / boat).write_text(app.files[boat] + "// staged\n")
    git(root, "add", boat)
    (root / boat).write_text(app.files[boat])
    fix(daemon, app.path, root)
    git(root, "add", "src/main/java/org/boats/Boat3.java")  # the repair itself: nothing to lose
    r = daemon.genopt("fix", "--resume", "--source", root, "--commit", "per-rule", check=0)
    assert f"{boat} is left out of the commits: it has something of yours staged" in r.stderr
    assert git(root, "show", f":{boat}").endswith("// staged\n") and "old.sea" in git(root, "show", f"HEAD:{boat}")
    for n in (2, 3):
        assert "new.sea" in git(root, "show", f"HEAD:src/main/java/org/boats/Boat{n}.java")
    assert r.stderr.count("is left out") == 1


def test_a_merge_under_way_is_told_first(place, sim, daemon, app):
    root = start_repository(place / "app")
    (root / ".git/MERGE_HEAD").write_text(git(root, "rev-parse", "HEAD"))
    r = daemon.genopt("fix", app.path, "--source", root, "--commit", "per-file", check=65)
    assert "a merge is under way" in r.stderr and sim.requests() == [] and not (root / ".genopt").exists()


def test_an_edit_that_changes_nothing_repairs_nothing(place, sim, daemon):
    app = App(0)
    app.files["src/A.java"] = "package a;\n\nimport old.sea.Wave;\n"
    app.add("import-001", "src/A.java", 3, "Replace the `old.sea` import statement with `old.sea`", "import old.sea.Wave;")
    root = app.write(place / "app")
    for _ in range(2):
        events, summary = fix(daemon, app.write_analysis(place / "o.yaml"), root, "--files", "src/A.java")
        f = summary["findings"]
        assert not any(f["repaired"].values()) and f["there"] == 1 and f["mechanical"] == 0
        assert (root / "src/A.java").read_text() == app.files["src/A.java"] and not any(e["type"] == "file" for e in events)
    assert sim.requests() == []
