"""What benchmarks are measured on stays what it was, and is worth measuring."""

import json

import pytest

from conftest import ROOT, sha256

SPECS = ROOT / "tests" / "bench" / "specs"
FROZEN = dict(reversed(line.split()) for line in (SPECS / "SHA256SUMS").read_text().splitlines())


def test_specifications_are_frozen():
    """Figures of two days compare only while these are the same. A new specification is a new file."""
    assert {p.name: sha256(p.read_bytes()) for p in SPECS.glob("*.yaml")} == FROZEN


@pytest.mark.parametrize("name", sorted(FROZEN))
def test_a_model_has_its_part(daemon, place, name):
    """At least 40 % of the files need a model: templates alone would make any plan look good."""
    plan = json.loads(daemon.genopt("gen", SPECS / name, "-o", place / "out", "--dry-run", "--json", check=0).stdout)
    asked = sum(len(s["tasks"]) for s in plan["steps"] if s["kind"] == "call")
    assert asked >= 0.4 * plan["tasks"], (asked, plan["tasks"])
