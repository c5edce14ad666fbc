"""`genopt fix --verify`: what a command does to the repairs, and what is said of them after it."""

import json
import os
import select
import signal
import subprocess

import pytest

from conftest import tree
from test_fix import app, fix, git, numbered, one_file, start_repository  # noqa: F401 (app is a fixture)
from test_fix_written import BOAT, n_findings, summary_of


def test_what_is_taken_back_says_what_still_stands(place, sim, daemon, app):
    """A file with repairs by rule and by a model: the model's are taken back, then the command passes, and neither the words nor the page say more."""
    root, boat = start_repository(place / "app"), BOAT.format(0)
    command = f"! grep -l -e 'Repaired: ' {boat} && ! grep -l -e new.sea {BOAT.format(1)}"
    r = daemon.genopt("fix", app.path, "--source", root, "--json", "--report", place / "r.html", "--verify", command, check=1)
    failures = {f["path"]: f["error"]["message"] for e in daemon.events(r) if e["type"] == "done" for f in e["failures"]}
    text = (root / boat).read_text()
    assert "import new.sea.Wave" in text and "Repaired: " not in text
    assert "refused it twice" in failures[boat] and "still stands" in failures[boat] and "as it was" not in failures[boat]
    assert "as it was before" in failures[BOAT.format(1)] and (root / BOAT.format(1)).read_text() == app.files[BOAT.format(1)]
    head = next(line for line in (place / "r.html").read_text().splitlines() if f"<summary><code>{boat}" in line)
    assert "import-001 × 3" in head and "moor-001" not in head and "speed-001" not in head
    r = daemon.genopt("fix", "--resume", "--source", root, "--report", place / "s.html")  # the same, of what was told before
    head = next(line for line in (place / "s.html").read_text().splitlines() if f"<summary><code>{boat}" in line)
    assert "import-001 × 3" in head and "moor-001" not in head and "speed-001" not in head


@pytest.mark.parametrize("take", ["git checkout -q -- {}", "rm -f {}"])
def test_what_a_command_takes_away_is_not_repaired(place, sim, daemon, app, take):
    """It passes, and what was repaired is there no more, or as it was; what it edits is repaired all the same."""
    root, lost, edited = start_repository(place / "app"), BOAT.format(1), BOAT.format(2)
    command = f"{take.format(lost)}; echo '// tidy' >> {edited}"
    r = daemon.genopt("fix", app.path, "--source", root, "--json", "--verify", command, check=1)
    events, left = daemon.events(r), n_findings(app, lost)
    f = summary_of(events)["findings"]
    assert sum(f["repaired"].values()) == 25 - left and f["not_written"] == left
    assert [x["path"] for x in f["not_written_files"]] == [lost] == [e["path"] for e in events if e["type"] == "conflict"]
    git(root, "checkout", "-q", "--", lost)
    r = daemon.genopt("fix", "--resume", "--source", root, "--json", check=0)
    assert sum(summary_of(daemon.events(r))["findings"]["repaired"].values()) == 25 and "import new.sea.Wave" in (root / lost).read_text()


def test_what_a_later_command_takes_away_is_not_repaired(place, sim, daemon, app):
    """Of a job that had ended, not verified."""
    root, lost = start_repository(place / "app"), BOAT.format(1)
    daemon.genopt("fix", app.path, "--source", root, "--verify", "echo all is bad; false", check=1)
    r = daemon.genopt("fix", "--resume", "--source", root, "--json", "--verify", f"git checkout -q -- {lost}", check=1)
    done, left = summary_of(daemon.events(r)), n_findings(app, lost)
    f = done["findings"]
    assert done["verified"] is True and f["not_written"] == left and sum(f["repaired"].values()) == 25 - left and "unverified" not in f


def test_a_command_is_not_waited_for_longer_than_it_runs(place, sim, daemon, app):
    """What it left running holds its output, and goes on."""
    os.mkfifo(place / "pid")
    pipe = os.open(place / "pid", os.O_RDWR | os.O_NONBLOCK)
    command = f"sleep 1000 & echo $! > {place / 'pid'}; echo said; false"
    r = daemon.genopt("fix", app.path, "--source", place / "app", "--verify", command, check=1)
    pids = [int(p) for p in os.read(pipe, 1000).split()] if select.select([pipe], [], [], 0)[0] else []
    os.close(pipe)
    assert pids and "said" in r.stderr
    for pid in pids:
        os.kill(pid, 9)  # there to be ended


@pytest.mark.parametrize("n_asked", [0, 40])
def test_a_file_that_is_refused_without_its_last_part_is_taken_back_whole(place, sim, daemon, app, n_asked):
    """By rule and by a model, or by a model in two parts: the last part goes back, and when the command still names the file, the rest does."""
    path, root, boat = app.path, start_repository(place / "app"), BOAT.format(0)
    if n_asked:
        (place / "parts").mkdir()
        path, file = one_file(place / "parts", numbered(60), [("near-001", 3 + i, f"Say {i} otherwise") for i in range(n_asked)])
        root, boat = start_repository(place / "parts" / "app"), "src/Big.java"
    before, sign = (root / boat).read_bytes(), "Repaired: " if n_asked else "new."
    command = f"echo ran >> {place / 'runs'}; ! grep -l -F '{sign}' {boat}"
    r = daemon.genopt("fix", path, "--source", root, "--json", "--commit", "at-end", "--report", place / "r.html", "--verify", command, check=1)
    done = next(e for e in daemon.events(r) if e["type"] == "done")
    f, failures = done["summary"]["findings"], [x for x in done["failures"] if x["path"] == boat]
    n = n_asked or n_findings(app, boat)
    assert (root / boat).read_bytes() == before and boat not in git(root, "show", "--name-only", "--format=", "HEAD")
    assert f["manual"] == n and sum(f["repaired"].values()) == f["here"] - n and "not_written" not in f
    assert len(failures) == 2 and all("as it was before" in x["error"]["message"] for x in failures)
    assert len((place / "runs").read_text().split()) == 4  # refused twice, refused without it; and what else there is passes
    assert f"<summary><code>{boat}" not in (place / "r.html").read_text()
    again = daemon.genopt("fix", "--resume", "--source", root, "--json", check=1)
    end = next(e for e in reversed(daemon.events(again)) if e["type"] == "done")
    assert end["summary"]["findings"]["manual"] == n and len([x for x in end["failures"] if x["path"] == boat]) == 2 and end["summary"]["calls"] == done["summary"]["calls"]
    shown = json.loads(daemon.genopt("show", done["job"], "--json", check=0).stdout)
    assert [t["state"] for t in shown["tasks"] if t["path"] == boat] == ["failed", "failed"]


def test_a_kill_while_the_rest_is_judged_costs_nothing(place, sim, daemon, app):
    """The last part is back, the command is awaited for what stands before it: who comes after the kill runs it, and asks nobody."""
    root, boat = start_repository(place / "app"), BOAT.format(0)
    runs = place / "runs"
    command = f"echo ran >> {runs}; [ $(wc -l < {runs}) != 3 ] || kill -9 $PPID; ! grep -l -F new. {boat}"
    r = daemon.genopt("fix", app.path, "--source", root, "--verify", command)
    assert r.returncode == -signal.SIGKILL and "new.sea" in (root / boat).read_text() and "Repaired: " not in (root / boat).read_text()
    asked = len(sim.requests())
    daemon.kill()
    daemon.start()
    r = daemon.genopt("fix", "--resume", "--source", root, "--json", "--verify", command, check=1)
    done = next(e for e in reversed(daemon.events(r)) if e["type"] == "done")
    n = n_findings(app, boat)
    assert (root / boat).read_text() == app.files[boat] and len(sim.requests()) == asked
    assert done["summary"]["verified"] is True and sum(done["summary"]["findings"]["repaired"].values()) == 25 - n


@pytest.mark.parametrize("rest", ["", "x"])
def test_what_a_command_says_may_be_long(place, sim, daemon, app, rest):
    """It is cut between two characters."""
    boat = BOAT.format(3)
    r = daemon.genopt("fix", app.path, "--source", place / "app", "--json", "--verify",
                      f"test -e once && exit 0; touch once; echo {boat}; printf 'é%.0s' $(seq 4000); printf '{rest}'; false", check=0)
    done = summary_of(daemon.events(r))
    assert done["findings"]["manual"] == 0 and done["retries"] == 1 and done["verified"] is True
    assert "ééé" in "".join(b["text"] for b in sim.requests()[-1]["prompt"])


def test_what_is_refused_does_not_stand_when_nobody_answers(place, sim, daemon, app):
    """The second asking fails: the first answer is not in the tree, not on the page, and not committed."""
    root, boat = start_repository(place / "app"), BOAT.format(3)
    sim.faults({"kind": "bad_request", "match": "a command that checks the whole said"})
    r = daemon.genopt("fix", app.path, "--source", root, "--json", "--commit", "per-file", "--report", place / "r.html",
                      "--verify", f"test -e once && exit 0; touch once; echo {boat}; false", check=1)
    done = next(e for e in daemon.events(r) if e["type"] == "done")
    assert [f["path"] for f in done["failures"]] == [boat] and done["summary"]["findings"]["manual"] == 1
    text = (root / boat).read_text()
    assert "Repaired: " not in text and "import new.sea.Wave" in text  # what stood before it does
    assert "Repaired: " not in git(root, "show", f"HEAD:{boat}") and "Repaired: speed-001" in git(root, "show", f"HEAD:{BOAT.format(0)}")
    assert (place / "r.html").read_text().count("+// Repaired: speed-001") == 1


def test_a_daemon_that_dies_in_the_second_asking_costs_no_chance(place, sim, app):
    """What was refused is judged once more, and asked for again with what the command says then."""
    from conftest import GENOPT, Daemon, config_for
    d = Daemon(place, config_for(sim))
    d.start()
    root, runs, go = place / "app", place / "runs", place / "go"
    os.mkfifo(go)
    pipe = os.open(go, os.O_RDWR)
    command = f"echo ran >> {runs}; [ $(wc -l < {runs}) != 2 ] || read x < {go}; [ $(wc -l < {runs}) -ge 3 ] || {{ echo {BOAT.format(3)}; false; }}"
    sim.faults({"kind": "stall", "match": "a command that checks the whole said", "events": 1})
    c = subprocess.Popen([GENOPT, "fix", str(app.path), "--source", str(root), "--json", "--verify", command], env=d.env, cwd=d.dir,
                         stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        events = []
        for line in c.stdout:
            events.append(json.loads(line))
            if events[-1]["type"] == "task.retry":
                if d.process.poll() is None:
                    d.kill()  # the client starts another
                    sim.http("DELETE", "/sim/faults")
                    os.write(pipe, b"go\n")
        assert c.wait() == 0
        done = events[-1]
        assert done["type"] == "done" and done["summary"]["findings"]["manual"] == 0 and done["summary"]["verified"] is True
        assert len(runs.read_text().split()) == 3 and "Repaired: speed-001" in (root / BOAT.format(3)).read_text()
    finally:
        os.close(pipe)
        d.genopt("stop")
        d.stop()


def test_what_waits_for_its_command_is_not_repaired_again(place, sim, daemon, app):
    """The same command line, with the command mended: told what to do; also when the job is given up, what stands is known."""
    root = start_repository(place / "app")
    r = daemon.genopt("fix", app.path, "--source", root, "--verify", "no-such-command-here")
    assert "could not be run" in r.stderr
    before, asked = tree(root), len(sim.requests())
    r = daemon.genopt("fix", app.path, "--source", root, "--verify", "true", check=75)
    assert "wait for their command" in r.stderr and "genopt fix --resume --verify COMMAND" in r.stderr
    job = r.stderr.split("genopt cancel ")[1].split("`")[0]
    daemon.genopt("cancel", job, check=0)
    r = daemon.genopt("fix", app.path, "--source", root, "--json", "--verify", "true", check=0)
    assert summary_of(daemon.events(r))["findings"]["known"] == 25 and tree(root) == before and len(sim.requests()) == asked
