"""Budgets of a job, a day and a month: never passed, warned of in time, and a wait ends when there is more."""

import json
import time

from conftest import DEADLINE, Daemon, Sim, config_for

TEXT = "Tell me of the tides, reply with exactly 2000 bytes, number %s."


def ask(rpc, n, **options):
    job = rpc.ok("job/submit", {"kind": "ask", "input": {"prompt": TEXT % n}, "options": options})["job"]
    rpc.ok("job/attach", {"job": job, "after": 0})
    return job


def spend(rpc, n):
    ask(rpc, n)
    end = rpc.end()
    assert end["type"] == "done"
    return end["summary"]["nanousd"]


def worst_of(place):
    """What a question costs, and what is reserved for it, so that budgets can be set by it."""
    sim = Sim(place)
    d = Daemon(place, config_for(sim))
    d.start()
    cost = spend(d.rpc(), "first")
    d.stop()
    sim.close()
    return cost


def wait_for_file(path):
    deadline = time.monotonic() + DEADLINE
    while not path.exists() or not path.read_text().endswith("\n"):
        assert time.monotonic() < deadline, path
    return path.read_text()


def test_a_cancelled_job_is_listed_with_what_its_calls_cost(daemon, sim):
    """What was under way counts: in the list, among the events, in `explain`, as in the records of the calls and the day's sum."""
    sim.faults({"kind": "stall", "events": 5})
    rpc = daemon.rpc()
    job = rpc.ok("job/submit", {"kind": "ask", "input": {"prompt": "Tell me of the tides at some length."}})["job"]
    rpc.ok("job/attach", {"job": job, "after": 0, "deltas": True})
    rpc.event("task.delta")
    rpc.ok("job/cancel", {"job": job})
    told = rpc.event("call.done")
    assert told["state"] == "cancelled" and told["nanousd"] > 0
    assert rpc.event("cancelled", "done")["type"] == "cancelled"
    row = rpc.ok("job/get", {"job": job, "calls": True})
    assert [c["state"] for c in row["calls"]] == ["cancelled"]
    spent = sum(c["nanousd"] for c in row["calls"])
    assert told["nanousd"] == spent == row["nanousd"] == rpc.ok("job/list")["jobs"][0]["nanousd"]
    assert rpc.ok("daemon/status")["spent_today_nanousd"] == spent
    shown = rpc.ok("job/explain", {"job": job})
    assert shown["measured"]["nanousd"] == spent and shown["measured"]["calls"] == 1 and "lost" not in shown


def test_month_is_bounded_and_a_wait_ends_with_more(place):
    (place / "measure").mkdir()
    cost = worst_of(place / "measure")
    sim = Sim(place)
    d = Daemon(place, config_for(sim, f"budget: {{month_usd: {cost * 1.5 / 1e9:.9f}, day_usd: none}}\n"))
    d.start()
    rpc = d.rpc()
    job = ask(rpc, "second")  # its worst case is more than is left: a question reserves all that it may say
    w = rpc.event("waiting", "done")
    assert w["type"] == "waiting" and w["on"] == "budget" and "month" in w["remedy"], w
    assert rpc.ok("daemon/status")["spent_month_nanousd"] == 0 and not sim.requests()
    d.write_config(config_for(sim, "budget: {month_usd: 10, day_usd: none}\n"))
    rpc.ok("daemon/reload")
    rpc.ok("job/resume", {"job": job})
    assert rpc.end()["type"] == "done"
    assert rpc.ok("daemon/status")["spent_month_nanousd"] == sim.stats()["nanousd"]
    d.stop()
    sim.close()


def test_warned_once_of_the_day(place):
    (place / "measure").mkdir()
    cost = worst_of(place / "measure")
    program = place / "warn"
    program.write_text(f'#!/bin/sh\nprintf "%s|%s|%s|%s\\n" "$1" "$2" "$3" "${{TEST_KEY:-none}}" >> {place}/told\n')
    program.chmod(0o755)
    sim = Sim(place)
    # After the second question more than the share is spent; a question may always be asked.
    d = Daemon(place, config_for(sim, f"budget: {{day_usd: 1, warn_at: {cost * 1.5 / 1e9:.6f}, warn_program: {program}}}\n"))
    d.start()
    rpc = d.rpc()
    watcher = d.rpc()
    sim.faults({"kind": "stall", "match": "number slow", "events": 3})
    slow = ask(watcher, "slow")  # at work all the while
    watcher.event("task.started")
    spend(rpc, "one")
    spend(rpc, "two")
    w = watcher.event("warning")
    assert "day" in w["text"], w
    told = wait_for_file(place / "told")
    what, spent, limit, key = told.strip().split("|")
    assert what == "day" and float(limit) == 1 and float(spent) >= cost * 1.5 / 1e9 - 1e-6 and key == "none"
    spend(rpc, "three")
    assert (place / "told").read_text() == told  # once
    assert "budget_warning" in d.log()
    rpc.ok("job/cancel", {"job": slow})
    d.stop()
    sim.close()


def test_warned_of_a_job(daemon, sim):
    rpc = daemon.rpc()
    ask(rpc, "cheap", **{"budget.job_usd": "5", "budget.warn_at": "0.000001"})
    w = rpc.event("warning", "done")
    assert w["type"] == "warning" and "the job's budget" in w["text"], w
    assert rpc.end()["type"] == "done"


def test_doctor_tells_what_is_near(place):
    sim = Sim(place)
    d = Daemon(place, config_for(sim))
    d.start()
    rpc = d.rpc()
    spent = spend(rpc, "some")

    def findings(budget):
        d.write_config(config_for(sim, f"budget: {{{budget}}}\n"))
        rpc.ok("daemon/reload")
        found = json.loads(d.genopt("doctor", "--json", check=0).stdout)["findings"]
        return [(f["grade"], f["text"], f.get("remedy")) for f in found if f["subject"] == "budget"]

    day, month, job = findings("day_usd: 20, month_usd: none, job_usd: 3")
    assert day[0] == "ok" and "of $20.00 spent this day (" in day[1]
    assert month[0] == "ok" and "no limit" in month[1]
    assert job[0] == "ok" and "$3.00 at most for a job" in job[1]
    day, month = findings(f"day_usd: {spent * 1.1 / 1e9:.9f}, month_usd: {spent * 2 / 1e9:.9f}, job_usd: none")
    assert day[0] == "warning" and "(90 %)" in day[1] and "budget.day_usd" in day[2]
    assert month[0] == "ok" and "(50 %)" in month[1]
    day, _ = findings(f"day_usd: {spent / 2 / 1e9:.9f}, job_usd: none")
    assert day[0] == "warning" and "calls wait" in day[1] and "tomorrow" in day[2]
    assert "this month" in d.genopt("status", check=0).stdout
    d.stop()
    sim.close()


def test_zero_is_nothing(place):
    """A budget of 0 pays for nothing: it is not the same as none."""
    sim = Sim(place)
    for budget in ("day_usd: 0", "month_usd: 0, day_usd: none", "job_usd: 0"):
        d = Daemon(place, config_for(sim, f"budget: {{{budget}}}\n"))
        d.start()
        rpc = d.rpc()
        ask(rpc, budget)
        w = rpc.event("waiting", "done")
        assert w["type"] == "waiting" and w["on"] == "budget", (budget, w)
        d.stop()
    assert not sim.requests()
    sim.close()
