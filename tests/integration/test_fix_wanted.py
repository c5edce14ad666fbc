"""`genopt fix`: filters and trees that have nothing of what was asked for."""

import json

import pytest

from fix_app import App
from test_fix import app, fix, plan  # noqa: F401 (app is a fixture)


@pytest.mark.parametrize("flags,says", [
    (("--rules", "imprt-001"), "no rule of the analysis matches `imprt-001`; did you mean `import-001`?"),
    (("--rules", "nothing-*"), "there is import-001, "),
    (("--categories", "mandatry"), "did you mean `mandatory`?"),
    (("--files", "Nowhere.java"), "no file that the analysis names matches `Nowhere.java`"),
    (("--phase", "hrd"), "there is no phase `hrd`: 1 mechanical, "),
])
def test_a_word_that_means_nothing_is_named(place, sim, daemon, app, flags, says):
    for more in ((), ("--dry-run",)):
        r = daemon.genopt("fix", app.path, "--source", place / "app", *flags, *more, check=65)
        assert says in r.stderr and r.stderr.count(flags[1]) == 1
    assert sim.requests() == []


def test_beside_others_it_is_a_warning(place, daemon, app):
    for flags, n in ((("--rules", "import-001,imprt-001"), 18), (("--exclude", "Bot0.java"), 25), (("--categories", "mandatory,optinal"), 25)):
        r = daemon.genopt("fix", app.path, "--source", place / "app", "--dry-run", *flags, check=0)
        assert f"warning: {flags[0]}: no " in r.stderr and "did you mean `" in r.stderr
        assert plan(daemon, app.path, place / "app", *flags)["findings"]["here"] == n


@pytest.mark.parametrize("flags", [("--categories", "optional"), ("--rules", "never-*"), ("--phase", "hard"), ("--max-effort", "0")])
def test_what_is_known_but_not_found_is_no_mistake(place, sim, daemon, app, flags):
    """A pipeline that repairs what is found goes on when nothing is left of it."""
    r = daemon.genopt("fix", app.path, "--source", place / "app", *flags, check=0)
    assert "none of 26 findings is asked for" in r.stderr or "there is 20 of 1 mechanical, 5 of 3 moderate" in r.stderr
    assert sim.requests() == []


def test_another_tree_is_named(place, sim, daemon, app):
    (place / "other/x").mkdir(parents=True)
    (place / "other/x/y.txt").write_text("y\n")
    for other in ("other", "other/x"):
        r = daemon.genopt("fix", app.path, "--source", place / other, check=65)
        assert "no file of the analysis stands in the source: 25 findings, as in " in r.stderr and "--source" in r.stderr
    assert not (place / "other/y.txt").exists() and sim.requests() == []


def test_insights_that_are_asked_for_by_rule_are_told(place, daemon, app):
    text = json.loads(app.path.read_text())
    text[0]["insights"] = {"tell-001": text[0]["violations"].pop("moor-001")}
    app.path.write_text(json.dumps(text))
    r = daemon.genopt("fix", app.path, "--source", place / "app", "--rules", "tell-001", "--dry-run", check=0)
    assert "(3 are insights: --insights takes them)" in r.stderr
