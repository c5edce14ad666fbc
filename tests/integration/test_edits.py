"""Answers as edits: a template that covers most of a file gives the frame, the model what is particular."""

import json
import os
import subprocess

import pytest

from conftest import ROOT, Daemon, config_for, go_build, tree

OFF = ("--set", "optimization.frame=off")

SPEC = """\
name: Ferry
description: Boats and their crossings.
data_model:
  entities:
    - {name: Boat, package: boat, attributes: {ID: string, Name: string, Docked: bool}}
    - {name: Crossing, package: boat, attributes: {ID: string, Harbour: string}}
api_contracts:
  - {endpoint: POST /boats, description: Create a boat}
  - {endpoint: "GET /boats/{id}", description: Show a boat}
  - {endpoint: "POST /boats/{id}/dock", description: Dock a boat}
build_config: {go_version: "1.19"}
"""


def generate(d, spec, out, *flags):
    events = d.events(d.genopt("gen", spec, "-o", out, "--json", *flags, check=0))
    done = next(e for e in events if e["type"] == "done")
    return events, done["summary"]


def plan(d, spec, out, *flags):
    return json.loads(d.genopt("gen", spec, "-o", out, "--dry-run", "--json", *flags, check=0).stdout)


def edited(events):
    return sorted(e["path"] for e in events if e["type"] == "task.done" and e.get("edits"))


def steps_of(plan, path):
    return [s for s in plan["steps"] if path in s["tasks"]]


def run(directory, *command):
    r = subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=600,
                       env={**os.environ, "GOFLAGS": "-mod=mod", "GOPROXY": "off"})
    assert r.returncode == 0, (command, r.stdout[-3000:], r.stderr[-3000:])


@pytest.fixture
def ferry(place):
    spec = place / "ferry.yaml"
    spec.write_text(SPEC)
    return spec


def test_an_operation_of_its_own_is_an_edit(place, sim, daemon, ferry):
    """The service's template knows five operations. The sixth is asked for as an edit of what it renders: cheaper than the
    file, estimated and measured, and the project builds and passes its tests."""
    path = "internal/boat/boat_service.go"
    with_frame, without = plan(daemon, ferry, place / "out"), plan(daemon, ferry, place / "out", *OFF)
    assert "edits of its rendering" in steps_of(with_frame, path)[0]["reason"], steps_of(with_frame, path)
    assert steps_of(with_frame, path)[0]["frames"] == 1 and "frames" not in steps_of(without, path)[0]
    assert with_frame["totals"]["nanousd"] < without["totals"]["nanousd"]
    rule = next(r for r in with_frame["rules"] if r["name"] == "frame")
    assert rule["nanousd"] > 0 and rule["output"] > 0 > rule["input"] and rule["calls"] == 0
    events, summary = generate(daemon, ferry, place / "out")
    assert path in edited(events) and summary["retries"] == 0
    text = (place / "out" / path).read_text()
    assert "Create keeps a new boat if it is valid." in text and ") Dock(ctx context.Context" in text
    go_build(place / "out")
    run(place / "out", "go", "vet", "./...")
    run(place / "out", "go", "test", "./...")
    job = next(e["job"] for e in events if e["type"] == "done")
    told = json.loads(daemon.genopt("explain", job, "--json", check=0).stdout)
    measured = next(r for r in told["rules"] if r["name"] == "frame")["measured"]
    assert measured["nanousd"] > 0
    # The same without: the file is written whole, for more money.
    events, whole = generate(daemon, ferry, place / "whole", *OFF, "--fresh")
    assert edited(events) == [] and whole["nanousd"] > summary["nanousd"]
    assert whole["tokens"]["output"] > summary["tokens"]["output"]


def test_edits_that_are_cut_are_continued(place, sim, daemon, ferry):
    """The model is shown the edits that it said, under the tag of the new question, and says the rest."""
    path = "internal/boat/boat_service.go"
    events, _ = generate(daemon, ferry, place / "whole")
    assert path in edited(events)
    n, output = len(sim.requests()), sim.stats()["tokens"]["output"]
    daemon.genopt("cache", "clear")
    sim.faults({"kind": "truncate", "tokens": 320, "match": "edits:"})
    events, _ = generate(daemon, ferry, place / "cut")
    assert path in edited(events) and tree(place / "cut") == tree(place / "whole")
    said = [b["text"] for row in sim.requests()[n:] for b in row["prompt"] if b["role"] == "assistant"]
    assert any(text.startswith("<<<edits ") for text in said), said
    assert all("cut off" in e["reason"] for e in events if e["type"] == "task.retry")
    assert sim.stats()["tokens"]["output"] - output <= output * 1.1


def test_what_the_frame_shows_is_in_the_key(place, sim, daemon, ferry):
    """Another template makes another frame: the file is made again. The same one: nothing is."""
    templates = place / "templates"
    events, first = generate(daemon, ferry, place / "out")
    _, again = generate(daemon, ferry, place / "out")
    assert first["calls"] > 0 and again["calls"] == 0
    source = (ROOT / "blueprints/go-service/templates/service.tmpl").read_text()
    (templates / "go-service" / "templates").mkdir(parents=True)
    target = templates / "go-service" / "templates" / "service.tmpl"
    target.write_text(source.replace("is what the application does with", "is what people do with"))
    _, changed = generate(daemon, ferry, place / "out", "--template-dir", templates)
    assert changed["calls"] > 0
    assert "is what people do with" in (place / "out/internal/boat/boat_service.go").read_text()


@pytest.mark.parametrize("fault", ["broken", "inner_fence", "no_end", "wrong_tag"])
def test_edits_that_do_not_apply_are_asked_for_again(place, sim, daemon, ferry, fault):
    """Refused with a reason that the next prompt tells; what comes then is right."""
    sim.faults({"kind": fault, "file": 1})
    events, summary = generate(daemon, ferry, place / "out")
    assert summary["retries"] > 0 and summary["files"]["failed"] == 0
    go_build(place / "out")
    if fault == "broken":
        reasons = [e["reason"] for e in events if e["type"] == "task.retry"]
        assert any("do not stand in the text" in r for r in reasons), reasons


def test_a_template_that_fails_gives_no_frame(place, sim, ferry):
    d = Daemon(place, config_for(sim), env={"GENOPT_TEST_TEMPLATE_FAILS": "all"})
    d.start()
    events, _ = generate(d, ferry, place / "out")
    assert edited(events) == []
    d.stop()


def test_frames_change_nothing_that_is_covered(place, sim, daemon, ferry):
    """Files that need no model are the same bytes with frames and without."""
    generate(daemon, ferry, place / "a")
    generate(daemon, ferry, place / "b", *OFF, "--fresh")
    a, b = tree(place / "a"), tree(place / "b")
    assert set(a) == set(b)
    covered = [p for s in plan(daemon, ferry, place / "c", "--fresh")["steps"] if s["kind"] == "template" for p in s["tasks"]]
    assert len(covered) > 5 and all(a[p] == b[p] for p in covered)
