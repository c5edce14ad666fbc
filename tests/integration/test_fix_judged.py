"""`genopt fix --verify`: what a command does to the repairs, and what is said of them after it."""

import os
import select

import pytest

from test_fix import app, fix, git, start_repository  # noqa: F401 (app is a fixture)
from test_fix_written import BOAT, n_findings, summary_of


def test_what_is_taken_back_says_what_still_stands(place, sim, daemon, app):
    """A file with repairs by rule and by a model: the model's are taken back, and neither the words nor the page say more."""
    root, boat = start_repository(place / "app"), BOAT.format(0)
    r = daemon.genopt("fix", app.path, "--source", root, "--json", "--report", place / "r.html", "--verify", f"echo {boat} {BOAT.format(1)}; exit 3", check=1)
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
