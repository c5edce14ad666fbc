"""`genopt fix`: findings that look alike, lines that are not where they were told, files as they are on other systems."""

import json
import re

import pytest

from conftest import Daemon, config_for
from fix_app import App
from test_fix import files_of, fix, numbered, one_file, plan
from test_fix_lines import answered
from test_planner import windows

ONLY = ("--files", "src/Big.java")


def without_snippets(place, lines, at, message="Say it otherwise", rule="near-001"):
    """One file; its findings are told without what stands in their lines."""
    a = App(0)
    a.files["src/Big.java"] = "\n".join(lines) + "\n"
    for n in at:
        a.add(rule, "src/Big.java", n, message, None, effort=3)
    a.write(place / "app")
    return a.write_analysis(place / "o.yaml"), place / "app/src/Big.java"


def marked(file, lines):
    """The lines (from 1) above which a repair stands."""
    text = file.read_text().splitlines()
    return [i + 1 for i, line in enumerate(lines) if text[text.index(line) - 1].startswith("// Repaired")]


def test_a_part_that_failed_is_not_known_by_the_other(place, sim, daemon):
    """Forty findings that nothing tells apart but their lines, in two parts, of which the second cannot be made: known are those of the first alone."""
    lines, at = numbered(120), list(range(10, 90, 2))
    path, file = without_snippets(place, lines, at)
    sim.faults({"kind": "bad_request", "nth": 2, "times": 1})
    events, summary = fix(daemon, path, place / "app", *ONLY, check=1)
    assert summary["findings"]["manual"] == 20 == sum(summary["findings"]["repaired"].values()) and marked(file, lines) == at[20:]
    p = plan(daemon, path, place / "app", *ONLY)["findings"]
    assert (p["known"], p["asked"]) == (20, 20)
    events, summary = fix(daemon, path, place / "app", *ONLY)
    assert summary["findings"]["manual"] == 0 and summary["findings"]["repaired"]["call"] == 20
    assert file.read_text().count("// Repaired") == 40 and marked(file, lines) == at
    p = plan(daemon, path, place / "app", *ONLY)["findings"]
    assert (p["known"], p["asked"]) == (40, 0)


def test_what_another_analysis_tells_is_open(place, sim, daemon):
    """The file is as the repair left it; a new analysis tells one that looks like those that were repaired, far from them."""
    lines = numbered(160)
    path, file = without_snippets(place, lines, [10, 20, 30])
    fix(daemon, path, place / "app", *ONLY)
    assert plan(daemon, path, place / "app", *ONLY)["findings"]["known"] == 3
    a = App(0)
    a.add("near-001", "src/Big.java", 120, "Say it otherwise", None, effort=3)
    path = a.write_analysis(place / "p.yaml")
    f = plan(daemon, path, place / "app", *ONLY)["findings"]
    assert (f["known"], f["asked"]) == (0, 1)


def test_lines_that_look_alike_have_moved(place, sim, daemon):
    """Six of them, four lines lower than they were told: each is repaired, in its own place."""
    lines = ["class Big {"] + [line for i in range(6) for line in ("    @Moored", f"    int a{i};", f"    int b{i};", f"    int c{i};")] + ["}"]
    a = App(0)
    for i in range(6):
        a.add("near-001", "src/Big.java", 2 + 4 * i, "Moor it otherwise", "    @Moored", effort=3)
    a.files["src/Big.java"] = "\n".join(["// one", "// two", "// three", "// four"] + lines) + "\n"
    a.write(place / "app")
    path, file = a.write_analysis(place / "o.yaml"), place / "app/src/Big.java"
    events, summary = fix(daemon, path, place / "app", *ONLY)
    text = file.read_text().splitlines()
    assert summary["findings"]["repaired"]["call"] == 6 and summary["calls"] == 1
    assert [text[text.index(f"    int a{i};") - 2].startswith("// Repaired") for i in range(6)] == [True] * 6
    assert sorted(x["line"] for e in files_of(events) for x in e["findings"]) == [6 + 4 * i for i in range(6)]


def test_many_findings_of_a_file_above_the_window(place, sim):
    """Each is asked for in a region that shows its line; where regions meet they part between two findings."""
    names = {"haiku-4-5": 9000, "sonnet-5": 9000, "opus-5-5": 9000}
    d = Daemon(place, config_for(sim), windows(place, **names))
    d.start()
    try:
        lines, at = numbered(1000), list(range(20, 900, 10))
        a = App(0)
        a.files["src/Big.java"] = "\n".join(line + " // " + "x" * 40 for line in lines) + "\n"
        lines = a.files["src/Big.java"].splitlines()
        for n in at:
            a.add("near-001", "src/Big.java", n, f"Say line {n} otherwise", lines[n - 1], effort=3)
        a.write(place / "app")
        path, file = a.write_analysis(place / "o.yaml"), place / "app/src/Big.java"
        events, summary = fix(d, path, place / "app", *ONLY)
        assert summary["findings"]["manual"] == 0 and sum(summary["findings"]["repaired"].values()) == len(at)
        assert marked(file, lines) == at and [line for line in file.read_text().splitlines() if not line.startswith("// Repaired")] == lines
        for r in sim.requests():
            shown = "".join(b["text"] for b in r["prompt"])
            for n in at:
                assert f"line {n} otherwise" not in shown or lines[n - 1] in shown, n
    finally:
        d.stop()


@pytest.mark.parametrize("mark,end", [(b"", b"\r\n"), (b"\xef\xbb\xbf", b"\n"), (b"\xef\xbb\xbf", b"\r\n")])
def test_files_of_other_systems_stay_theirs(place, sim, daemon, mark, end):
    """A mark at the beginning, other ends of lines: no part of what is shown and edited, and there again in the end; also without a repair by rule."""
    a, java = App(0), ["import old.sea.Wave;", "class Sea {", "    int a;", "}"]
    for name in ("Asked", "Both"):
        a.files[f"src/{name}.java"] = "\n".join(java)
        a.add("near-001", f"src/{name}.java", 1 if name == "Asked" else 3, "Say it otherwise", java[0 if name == "Asked" else 2], effort=3)
    a.add("import-001", "src/Both.java", 1, "Replace the `old.sea` import statement with `new.sea`", java[0])
    a.write(place / "app")
    for path in a.files:
        if path.endswith(".java"):
            (place / "app" / path).write_bytes(mark + end.join(line.encode() for line in java))
    events, summary = fix(daemon, a.write_analysis(place / "o.yaml"), place / "app", "--files", "src/*.java")
    assert sum(summary["findings"]["repaired"].values()) == 3 and summary["findings"]["repaired"]["mechanical"] == 1 and summary["retries"] == 0
    asked, both = ((place / f"app/src/{name}.java").read_bytes() for name in ("Asked", "Both"))
    for text in (asked, both):
        assert text.startswith(mark) and text.count(b"\xef\xbb\xbf") == bool(mark) and text.count(end) == text.count(b"\n") == 4 and not text.endswith(b"\n")
    assert asked[len(mark):].startswith(b"// Repaired: near-001") and asked.split(end)[1] == b"import old.sea.Wave;"
    assert both[len(mark):].startswith(b"import new.sea.Wave;" + end)
    again = fix(daemon, place / "o.yaml", place / "app", "--files", "src/*.java")[1]
    assert again["calls"] == 0 and again["findings"]["known"] >= 2


def test_packages_that_are_called_like_what_builds_make(place, daemon):
    """Below sources a folder is a package; above them it is what its name says. Where the analyser stood says nothing."""
    a = App(0)
    inside = [f"src/main/java/com/acme/{name}/A.java" for name in ("vendor", "build", "target", "out", "bin", "dist")]
    outside = ["target/classes/A.java", "vendor/acme/A.java", "web/dist/A.java"]
    for path in inside + outside:
        a.files[path] = "import old.sea.Wave;\nclass A {}\n"
        a.add("import-001", path, 1, "Replace the `old.sea` import statement with `new.sea`", "import old.sea.Wave;", prefix="/srv/vendor/shop/")
    a.write(place / "app")
    path = a.write_analysis(place / "o.yaml")
    f = plan(daemon, path, place / "app", "--rules", "import-001")["findings"]
    assert (f["mechanical"], f["build"], f["dependency"]) == (len(inside), 2, 1)


def test_odd_numbers_and_types(place, daemon):
    """What is no number is not told, what is no list is refused by its line."""
    (place / "app").mkdir()
    (place / "app/A.txt").write_text("one\ntwo\nthree\n")
    analysis = [{"name": "odd", "violations": {
        f"r-{i}": {"description": "d", "category": c, "effort": e,
                   "incidents": [{"uri": "file:///opt/input/source/A.txt", "lineNumber": n, "message": f"m{i}"}]}
        for i, (c, e, n) in enumerate([("Mandatory", 7.5, 2.0), ("mandatory", -1, 1), ("mandatory", "99999999999999999999", 3), ("mandatory", 3.0, 1)])}}]
    (place / "o.json").write_text(json.dumps(analysis))
    p = plan(daemon, place / "o.json", place / "app")
    assert {x["name"]: x["findings"] for x in p["findings"]["phases"]}["moderate"] == 4  # not told: medium
    analysis[0]["violations"]["r-0"]["incidents"] = {"uri": "file:///opt/input/source/A.txt"}
    (place / "o.json").write_text(json.dumps(analysis, indent=1))
    r = daemon.genopt("fix", place / "o.json", "--source", place / "app", "--dry-run", check=65)
    assert re.search(r"o\.json:(9|10):", r.stderr) and "`incidents` must be a list" in r.stderr


def test_findings_that_undo_each_other_are_not_both_repaired(place, sim, daemon):
    """What one spells out takes back what the other did: a model sees both; a third, in another line, is repaired by rule all the same."""
    a = App(0)
    a.files["src/A.java"] = "import old.sea.Wave;\nimport old.dock.Rope;\nclass A {}\n"
    for rule, line, old, new in (("import-001", 1, "old.sea", "new.sea"), ("import-002", 1, "new.sea", "old.sea"), ("import-003", 2, "old.dock", "new.dock")):
        a.add(rule, "src/A.java", line, f"Replace the `{old}` import statement with `{new}`", a.files["src/A.java"].splitlines()[line - 1])
    a.write(place / "app")
    path = a.write_analysis(place / "o.yaml")
    f = plan(daemon, path, place / "app", "--files", "src/A.java")["findings"]
    assert (f["mechanical"], f["asked"]) == (1, 2)
    assert plan(daemon, path, place / "app", "--files", "src/A.java", "--phase", "optional")["findings"]["filtered"] >= 3
    events, summary = fix(daemon, path, place / "app", "--files", "src/A.java")
    assert summary["findings"]["repaired"]["mechanical"] == 1 and summary["calls"] == 1 and "import new.dock.Rope;" in (place / "app/src/A.java").read_text()


@pytest.mark.parametrize("has_snippets", [True, False])
def test_one_that_is_left_is_not_known_by_those_that_look_like_it(place, has_snippets):
    """Six lines alike, of which an answer repairs five, whenever it is asked: the sixth stays open, until it is repaired."""
    lines = ["class Big {"] + [line for i in range(6) for line in ("    @Old", f"    int a{i};", "", "")] + ["}"]
    at, is_careless = [2 + 4 * i for i in range(6)], [True]
    if has_snippets:
        path, file = one_file(place, lines, [("near-001", n, "Say it otherwise") for n in at])
    else:
        path, file = without_snippets(place, lines, at)

    def answer(a):
        text = a.text.split("\n")
        mine = [n for n in a.lines if not (is_careless[0] and "a5" in text[n])]
        return a.edits(*[a.edit("\n".join(text[n - 1:n + 1]), "    @New\n" + text[n]) for n in mine])

    with answered(place, answer) as (d, s):
        events, summary = fix(d, path, place / "app", *ONLY, check=1)
        assert summary["findings"]["manual"] == 1 and summary["findings"]["repaired"]["call"] == 5 and file.read_text().count("@Old") == 1
        f = plan(d, path, place / "app", *ONLY)["findings"]
        assert (f["known"], f["asked"]) == (5, 1)
        is_careless[0] = False
        events, summary = fix(d, path, place / "app", *ONLY)
        assert summary["findings"]["repaired"]["call"] == 1 and "@Old" not in file.read_text() and s.asked[-1].lines == [22]
        assert plan(d, path, place / "app", *ONLY)["findings"]["known"] == 6


def test_what_a_command_said_is_told_with_each_later_answer(place):
    """The answer after it does not apply: the one after that hears of both."""
    path, file = one_file(place, numbered(20), [("near-001", 10, "Say it otherwise")])

    def answer(a):
        if "no boat" in a.prompt and "do not stand in the text" not in a.prompt:
            return a.edits(a.edit("not there", "neither"))
        return a.edits(a.edit(a.text.split("\n")[9], "    // better" if "no boat" in a.prompt else "    // worse"))

    with answered(place, answer) as (d, s):
        events, summary = fix(d, path, place / "app", *ONLY, "--verify", "! grep -q worse src/Big.java || { echo src/Big.java:10: no boat; false; }")
    assert len(s.asked) == 3 and "no boat" in s.asked[2].prompt and "do not stand in the text" in s.asked[2].prompt
    assert "    // better" in file.read_text() and summary["verified"] is True
