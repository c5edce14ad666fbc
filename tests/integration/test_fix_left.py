"""`genopt fix`: findings that an answer leaves as they are, with or without a word."""

import pytest

from conftest import tree
from test_fix import files_of, fix, numbered, one_file, plan

ONLY = ("--files", "src/Big.java")
RIGHT = "The field is right as it stands"


def warnings(events):
    return [e["text"] for e in events if e["type"] == "warning"]


def counts(f):
    return f["manual"], f["no_change"], sum(f["repaired"].values())


def test_a_finding_that_needs_no_change(place, sim, daemon):
    """Taken for what it is at once: one call, nothing written, a person told of it; known the next time, also in a file edited elsewhere."""
    path, file = one_file(place, numbered(60), [("calm-001", 30, RIGHT)])
    before = file.read_bytes()
    events, summary = fix(daemon, path, place / "app", *ONLY)
    assert summary["calls"] == 1 and summary["retries"] == 0 and counts(summary["findings"]) == (1, 1, 0)
    assert file.read_bytes() == before and not files_of(events)
    assert any("calm-001 in line 30 needs no change, says the model: It does what it should already." in w for w in warnings(events))
    kept = {"fate": "no_change", "path": "src/Big.java", "rule": "calm-001"}
    assert events[-1]["left"] == [{**kept, "line": 30, "why": "It does what it should already.", "task": 0}]
    for line, text in ((30, before), (32, b"// mine\n\n" + before + b"// mine\n")):
        file.write_bytes(text)
        events, summary = fix(daemon, path, place / "app", *ONLY, "--report", place / "r.html")
        assert events[-1]["left"] == [{**kept, "line": line, "why": "an earlier answer said so, and it stands as then"}]
        assert f"Big.java:{line}</code><td><code>calm-001</code><td>an earlier answer" in (place / "r.html").read_text()
        assert summary["calls"] == 0 and counts(summary["findings"]) == (1, 1, 0) and file.read_bytes() == text
    assert plan(daemon, path, place / "app", *ONLY)["findings"]["no_change"] == 1
    file.write_bytes(before.replace(b"int field25 ", b"int other25 "))  # near it: nobody knows any more
    events, summary = fix(daemon, path, place / "app", *ONLY)
    assert summary["calls"] == 1
    events, summary = fix(daemon, path, place / "app", *ONLY, "--fresh")
    assert summary["calls"] == 1 and len(sim.requests()) == 3


def test_one_is_repaired_the_other_needs_no_change(place, sim, daemon):
    path, file = one_file(place, numbered(60), [("calm-001", 10, RIGHT), ("near-001", 40, "Say it otherwise")])
    events, summary = fix(daemon, path, place / "app", *ONLY, "--verify", "true")
    assert summary["calls"] == 1 and counts(summary["findings"]) == (1, 1, 1) and summary["verified"] is True
    after = file.read_text()
    assert after.count("Repaired: near-001") == 1 and "calm-001" not in after
    events, summary = fix(daemon, path, place / "app", *ONLY)
    f = summary["findings"]
    assert summary["calls"] == 0 and counts(f) == (1, 1, 0) and f["known"] == 1 and file.read_text() == after
    file.write_text("\n".join(numbered(60)) + "\n")  # taken back: what was repaired is repaired, what needs no change does not
    events, summary = fix(daemon, path, place / "app", *ONLY)
    assert summary["calls"] == 0 and counts(summary["findings"]) == (1, 1, 1) and file.read_text() == after


def test_a_command_judges_what_was_not_changed(place, sim, daemon):
    """Nothing was delivered, so nothing is taken back."""
    path, file = one_file(place, numbered(20), [("calm-001", 10, RIGHT)])
    before = file.read_bytes()
    events, summary = fix(daemon, path, place / "app", *ONLY, "--verify", "echo src/Big.java; false", check=1)
    assert file.read_bytes() == before and not files_of(events) and counts(summary["findings"])[2] == 0


def test_who_says_nothing_is_asked_once_more(place, sim, daemon):
    path, file = one_file(place, numbered(60), [("quiet-001", 30, "Do and say nothing")])
    before = tree(place / "app")
    events, summary = fix(daemon, path, place / "app", *ONLY, check=1)
    reasons = [e["reason"] for e in events if e["type"] == "task.retry"]
    assert len(reasons) == 1 and "changes nothing" in reasons[0] and "quiet-001" in reasons[0]
    assert summary["calls"] == 2 and counts(summary["findings"]) == (1, 0, 0) and tree(place / "app") == before


@pytest.mark.parametrize("effort", [0, 5, 10])
def test_what_no_edit_touches_is_not_repaired(place, sim, daemon, effort):
    """Of two findings one is left out: asked once more, with the reason, then that one is left to a person, whatever the effort."""
    path, file = one_file(place, numbered(60), [("quiet-001", 12, "Do and say nothing"), ("near-001", 40, "Say it otherwise")], effort=effort)
    events, summary = fix(daemon, path, place / "app", *ONLY, check=1)  # something is left, without a word
    reasons = [e["reason"] for e in events if e["type"] == "task.retry"]
    assert len(reasons) == 1 and "1 of 2 findings" in reasons[0] and "`quiet-001` in line 12" in reasons[0]
    assert counts(summary["findings"]) == (1, 0, 1) and "Repaired: near-001" in file.read_text()
    assert any("quiet-001 in line 12 was not repaired" in w for w in warnings(events))
    events, summary = fix(daemon, path, place / "app", *ONLY, check=1)
    f = summary["findings"]  # nor is it known as repaired
    assert f["known"] == 1 and f["asked"] == 1


def test_a_repair_may_lie_where_its_rule_says(place, sim, daemon):
    """The last line is far from the finding, and holds a name that the message puts in backticks; another message names nothing there."""
    lines = numbered(30) + ["// the `harbour` of all"]
    for i, (message, n) in enumerate((("Change the last line, where `harbour` stands", 1), ("Change the last line, where `quay` stands", 2))):
        (place / str(i)).mkdir()
        path, file = one_file(place / str(i), lines, [("far-001", 10, message)])
        events, summary = fix(daemon, path, place / str(i) / "app", *ONLY, check=n - 1)
        assert summary["calls"] == n and counts(summary["findings"]) == ((0, 0, 1) if n == 1 else (1, 0, 0))
        assert ("// changed" in file.read_text()) == (n == 1)


def test_a_statement_may_be_long(place, sim, daemon):
    """Its last line is six below the finding; where another statement ends before, it is not its own."""
    for i, (end, n) in enumerate(((",", 1), (";", 2))):
        (place / str(i)).mkdir()
        lines = ["class Big {", f"    call(1{end}"] + [f"        {k}{end}" for k in range(2, 7)] + ["    );"]
        path, file = one_file(place / str(i), lines, [("far-001", 2, "Change the last line")])
        events, summary = fix(daemon, path, place / str(i) / "app", *ONLY, check=n - 1)
        assert summary["calls"] == n and counts(summary["findings"]) == ((0, 0, 1) if n == 1 else (1, 0, 0))


def test_parts_that_moved_are_looked_at_where_they_stand(place, sim, daemon):
    """A later part of a file: its lines are found by what stands in them."""
    findings = [("near-001", 4 + i, f"Say {i} otherwise") for i in range(69)] + [("quiet-001", 80, "Do and say nothing")]
    path, file = one_file(place, numbered(80), findings)
    events, summary = fix(daemon, path, place / "app", *ONLY, check=1)
    assert counts(summary["findings"]) == (1, 0, 69) and summary["retries"] == 1
