"""`genopt fix`: which lines findings are told with, and which an answer may change, when repairs have moved the text."""

import pytest

from fix_app import App
from scripted import answered
from test_fix import fix, one_file

ONLY = ("--files", "src/Big.java")


def calls(n):
    """Lines that an analyser names by their number alone: nothing else tells them apart from others."""
    return ["import a.B;"] + [f"call({i});" for i in range(2, n + 1)]


def without_snippets(place, lines, at):
    app = App(0)
    app.files["src/Big.java"] = "\n".join(lines) + "\n"
    for n in at:
        app.add("near-001", "src/Big.java", n, "Say it otherwise", effort=3)
    app.write(place / "app")
    return app.write_analysis(place / "o.yaml"), place / "app/src/Big.java"


def test_parts_are_told_with_lines_of_the_text_as_it_is_shown(place):
    """The lower part adds three imports above: the upper one is told where its findings stand by then."""
    def answer(a):
        text = a.text.split("\n")
        edits = [a.edit(text[n - 1], "new " + text[n - 1]) for n in a.lines]
        if max(a.lines) > 300:
            edits.append(a.edit("import a.B;", "import a.A;\nimport a.B;\nimport a.C;\nimport a.D;"))
        return a.edits(*edits)

    at = [8 * i for i in range(1, 46)]
    path, file = without_snippets(place, calls(400), at)
    with answered(place, answer) as (d, s):
        events, summary = fix(d, path, place / "app", *ONLY)
    assert summary["findings"]["repaired"]["call"] == 45 and len(s.asked) == 2
    assert [line for line in file.read_text().split("\n") if line.startswith("new ")] == [f"new call({n});" for n in at]
    assert s.asked[1].lines == [n + 3 for n in at[:len(s.asked[1].lines)]]


def test_what_is_made_again_moves_what_is_asked_for(place):
    """One rule's repair of before makes sixty lines of one; the other rule's findings are told below it."""
    def answer(a):
        text, edits = a.text.split("\n"), []
        for n in a.lines:
            old = text[n - 1]
            edits.append(a.edit(old, "\n".join(f"call(5, {i});" for i in range(60)) if old == "call(5);" else "new " + old))
        return a.edits(*edits)

    def write():
        return one_file(place, calls(159), [("one-001", 5, "Say it at length"), ("two-001", 100, "Say it otherwise"),
                                            ("two-001", 120, "Say it otherwise")])

    with answered(place, answer) as (d, s):
        path, file = write()
        fix(d, path, place / "app", *ONLY, "--rules", "one-001")
        path, file = write()
        events, summary = fix(d, path, place / "app", *ONLY)
    assert summary["calls"] == 1 and summary["findings"]["manual"] == 0 and s.asked[1].lines == [159, 179]
    lines = file.read_text().split("\n")
    assert [line for line in lines if line.startswith("new ")] == ["new call(100);", "new call(120);"] and lines.count("call(5, 7);") == 1


def reasons(events):
    return " ".join(e["reason"] for e in events if e["type"] == "task.retry")


def test_every_part_is_held_to_what_findings_name(place):
    """Also the second of a file's: a change far from its findings is refused."""
    def answer(a):
        text = a.text.split("\n")
        edits = [a.edit(text[n - 1], "new " + text[n - 1]) for n in a.lines]
        return a.edits(*edits, *([a.edit("call(550);", "hacked();")] if max(a.lines) < 300 else []))

    path, file = without_snippets(place, calls(600), [8 * i for i in range(1, 46)])
    with answered(place, answer) as (d, s):
        events, summary = fix(d, path, place / "app", *ONLY, check=1)
    assert "no finding is about this place" in reasons(events) and "hacked" not in file.read_text()
    assert summary["findings"]["manual"] == len(s.asked[1].lines)


def test_a_file_written_anew_is_held_to_the_same(place):
    """Seventy lines far below the finding are gone, fewer than a quarter."""
    def answer(a):
        lines = a.text.split("\n")
        return a.whole("\n".join(["import a.A;", "import a.B;"] + lines[1:19] + ["better(20);"] + lines[20:219] + lines[289 if is_rash else 219:]))

    for is_rash in (True, False):
        path, file = one_file(place, calls(400), [("near-001", 20, "Say it otherwise")])
        with answered(place, answer) as (d, s):
            events, summary = fix(d, path, place / "app", *ONLY, "--fresh", check=1 if is_rash else 0)
        assert ("it changes lines 220 to 289" in reasons(events)) == is_rash, reasons(events)
        assert ("better(20);" in file.read_text()) == (not is_rash)


@pytest.mark.parametrize("line", ["require(is_owner);", "requireNonNull(x);", "importAll();", "packageName = 1;", "using (var f = open()) {", ") { check(); }",
                                  "(void)check();"])
def test_a_line_that_only_begins_like_an_import_is_none(place, line):
    lines = calls(199) + [line]

    def answer(a):
        return a.edits(a.edit("call(5);", "better(5);"), a.edit(line, "// gone"))

    path, file = one_file(place, lines, [("near-001", 5, "Say it otherwise")])
    with answered(place, answer) as (d, s):
        events, summary = fix(d, path, place / "app", *ONLY, check=1)
    assert "no finding is about this place" in reasons(events) and line in file.read_text()


@pytest.mark.parametrize("line", ["require('a.B')", "import a.C;", "using a.B;", "import (", "#include <a.h>", "from a import b", "package a;"])
def test_imports_may_change_wherever_they_stand(place, line):
    def answer(a):
        return a.edits(a.edit("call(199);", "better(199);"), a.edit(line, ""))

    path, file = one_file(place, [line] + calls(199), [("near-001", 200, "Say it otherwise")])
    with answered(place, answer) as (d, s):
        events, summary = fix(d, path, place / "app", *ONLY)
    assert summary["findings"]["repaired"]["call"] == 1 and not file.read_text().startswith(line)
