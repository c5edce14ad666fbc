"""What benchmarks are measured on stays what it was, and is worth measuring."""

import json
import subprocess

import pytest

from conftest import BUILD, DEADLINE, ROOT, sha256

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


@pytest.mark.parametrize("name", sorted(p.removesuffix(".yaml") for p in FROZEN))
def test_nothing_rises(name, place):
    """Calls, tokens and money of a plan, with and without templates, are at most what tests/bench/plan.json says; they are the same on every
    machine and at every speed. Who makes them fall commits the new counts: ./dev bench plan --json tests/bench/plan.json"""
    bench = ROOT / "tests" / "bench"
    r = subprocess.run([bench / "bench-plan", BUILD, "--only", name, "--variants", "planned,without template", "--speed", "0",
                        "--against", bench / "plan.json"], capture_output=True, text=True, timeout=DEADLINE * 5)
    assert r.returncode == 0, r.stdout[-3000:] + r.stderr[-3000:]
    assert "again " in r.stdout and "one entity edited" in r.stdout and "without template" in r.stdout


def test_a_rise_is_seen(place):
    """The test above can fail: counts that were lower once are told, each by its name."""
    bench = ROOT / "tests" / "bench"
    rows = json.loads((bench / "plan.json").read_text())
    one = next(r for r in rows if r["project"] == "shop" and r["variant"] == "planned")
    lower = {**one, "calls": one["calls"] - 1, "nanousd": one["nanousd"] - 1, "checks": one["checks"] + 1}
    (place / "lower.json").write_text(json.dumps([lower if r is one else r for r in rows]))
    r = subprocess.run([bench / "bench-plan", BUILD, "--only", "shop", "--variants", "planned", "--speed", "0", "--against", place / "lower.json"],
                       capture_output=True, text=True, timeout=DEADLINE * 5)
    assert r.returncode == 1, r.stdout + r.stderr
    told = [line for line in r.stdout.splitlines() if line.startswith("shop, planned:")]
    assert [line.split()[2] for line in told] == ["calls", "nanousd", "checks"], told


def test_the_yardstick_is_as_committed(place):
    """What plans are held against: naive counts, neither more nor less. Who changes them commits the new ones."""
    bench = ROOT / "tests" / "bench"
    r = subprocess.run([bench / "bench-plan", BUILD, "--only", "shop,microservices", "--variants", "naive", "--speed", "0", "--against", bench / "plan.json"],
                       capture_output=True, text=True, timeout=DEADLINE * 5)
    assert r.returncode == 0, r.stdout[-3000:] + r.stderr[-3000:]


def test_of_what_is_not_there_nothing_is_said(place):
    """Status 3: neither that something rose nor that nothing did."""
    bench = ROOT / "tests" / "bench"
    for wrong in (["--only", "nosuch"], ["--only", "shop", "--variants", "nosuch"]):
        r = subprocess.run([bench / "bench-plan", BUILD, *wrong], capture_output=True, text=True, timeout=DEADLINE)
        assert r.returncode == 3 and "no project or variant nosuch" in r.stderr and not r.stdout, r.stderr
    (place / "other.json").write_text("[]")
    r = subprocess.run([bench / "bench-plan", BUILD, "--only", "shop", "--variants", "naive", "--speed", "0", "--against", place / "other.json"],
                       capture_output=True, text=True, timeout=DEADLINE * 5)
    assert r.returncode == 3 and "has no counts of shop, naive" in r.stderr, r.stderr
