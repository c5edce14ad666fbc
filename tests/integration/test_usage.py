"""What a provider says it counted: believed within what a request can have, learned from where it is about code."""

import json

import pytest

from conftest import write_spec
from scripted import answered


def ask(rpc, prompt):
    """What it came to, in nano-dollars."""
    job = rpc.ok("job/submit", {"kind": "ask", "input": {"prompt": prompt}})["job"]
    rpc.ok("job/attach", {"job": job, "after": 0})
    return rpc.event("done")["summary"]["nanousd"]


@pytest.mark.parametrize("usage", [{"output_tokens": 2**63 - 1}, {"output_tokens": 3 * 10**15}, {"input_tokens": 6148914691236517},
                                   {"input_tokens": 10**15}, {"cache_read_input_tokens": 2**62, "cache_creation_input_tokens": 2**62},
                                   {"input_tokens": 2**63 - 1, "cache_read_input_tokens": 2**63 - 1}], ids=str)
def test_no_count_that_cannot_be_is_booked(place, usage):
    """It would be money, or wrap to none: the estimate is booked, and the next question is asked as ever."""
    with answered(place, lambda a: "Fine.") as (d, s):
        s.usage = usage
        r = d.rpc()
        first = ask(r, "How deep is the basin?")
        s.usage = {}
        second = ask(r, "How wide is the basin?")
        spent = r.ok("daemon/status", {})["spent_today_nanousd"]
    assert 0 < first < 10**9 and 0 < second < 10**9 and spent == first + second


def test_questions_do_not_change_what_code_is_foretold_to_take(daemon, sim, place):
    """Prose has more bytes a token than code: twenty questions, and the same plan."""
    spec = write_spec(place / "s.yaml")

    def foretold():
        r = daemon.genopt("gen", spec, "-o", place / "out", "--dry-run", "--json", "--set", "optimization.template=off", check=0)
        return json.loads(r.stdout)["totals"]["output"]

    before = foretold()
    for i in range(20):
        daemon.genopt("ask", f"Please write some four hundred words about basin {i}.", check=0)
    assert abs(foretold() - before) < 0.02 * before
