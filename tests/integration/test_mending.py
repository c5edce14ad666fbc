"""What a rule can mend is never asked for again."""

from conftest import go_build, tree, write_spec


def gen(daemon, spec, out, *more):
    r = daemon.genopt("gen", spec, "-o", out, "--json", "--set", "optimization.frame=off", *more, check=0)
    return daemon.events(r)


def test_a_forgotten_import_costs_no_call(daemon, sim, place):
    """Each file of the answers lacks the first line of what it imports: the same files, the same number of calls, and it is told."""
    spec = write_spec(place / "s.yaml", n_entities=2)
    gen(daemon, spec, place / "whole", "--set", "optimization.template=off")
    n = len(sim.requests())
    daemon.genopt("cache", "clear")
    sim.faults({"kind": "no_import"})
    events = gen(daemon, spec, place / "lacking", "--set", "optimization.template=off")
    assert len(sim.requests()) <= 2 * n  # what calls cost is learned, so there may be fewer
    assert not [e for e in events if e["type"] == "task.retry"]
    mended = [e for e in events if e["type"] == "task.done" and "imported" in e.get("mended", "")]
    assert len(mended) > 5
    go_build(place / "lacking")


def test_a_fence_costs_no_call(daemon, sim, place):
    sim.faults({"kind": "inner_fence"})
    events = gen(daemon, write_spec(place / "s.yaml", n_entities=1), place / "out")
    assert not [e for e in events if e["type"] == "task.retry"]
    assert any("around the file" in e.get("mended", "") for e in events if e["type"] == "task.done")
    assert not any(b"```" in text for path, text in tree(place / "out").items() if path.endswith(".go"))


def test_words_around_the_files_cost_no_call(daemon, sim, place):
    """What a model says before its files, between and after them is passed over."""
    spec = write_spec(place / "s.yaml", n_entities=1)
    gen(daemon, spec, place / "whole")
    n = len(sim.requests())
    daemon.genopt("cache", "clear")
    sim.faults({"kind": "chatter"})
    events = gen(daemon, spec, place / "chatter")
    assert 0 < len(sim.requests()) - n <= n  # what calls cost is learned, so there may be fewer
    assert not [e for e in events if e["type"] == "task.retry"] and events[-1]["summary"]["files"]["failed"] == 0
    assert tree(place / "chatter") == tree(place / "whole")
