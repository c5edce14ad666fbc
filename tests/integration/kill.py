"""A job whose daemon is killed again and again: what is done is done once, and every token of the provider's bill is in the books.

Used by test_kill.py (a few kills) and by tests/bench/bench-kill (many)."""

import datetime
import json
import random
import time

from conftest import DEADLINE

ENDS = ("done", "failed", "cancelled")


def wait_for(rpc, n_events, until):
    """Reads events until n of them came, the time is over or the job ended; gives them."""
    events = []
    rpc.s.settimeout(0.02)
    try:
        while len(events) < n_events and time.monotonic() < until:
            try:
                m = rpc.read()
            except TimeoutError:
                continue
            if m.get("method") == "job/event":
                events.append(m["params"])
                if events[-1]["type"] in ENDS:
                    break
    finally:
        rpc.s.settimeout(DEADLINE)
    return events


def is_poisoned(event):
    return event["type"] == "failed" and event["error"]["data"]["name"] == "poisoned"


def run(daemon, sim, params, n_kills, seed=1, before_start=None):
    """(job, events, rows of the provider's log, in flight at each kill, the time of each): kills at random points, and lets the job end."""
    rnd = random.Random(seed)
    rpc = daemon.rpc()
    job = rpc.ok("job/submit", params)["job"]
    events, in_flight, times = [], [], []
    while True:
        rpc.ok("job/attach", {"job": job, "after": events[-1]["seq"] if events else 0})
        # After some events, and a moment later: within commits, calls and planning alike.
        is_last = len(in_flight) >= n_kills
        events += wait_for(rpc, 10 ** 9 if is_last else rnd.randint(1, 30), time.monotonic() + DEADLINE * 4)
        if not is_last and events[-1]["type"] not in ENDS:
            events += wait_for(rpc, 10 ** 9, time.monotonic() + rnd.random() * 0.01)
        if is_poisoned(events[-1]):  # three kills before anything of it was done: a person has to say that it shall go on
            rpc.ok("job/resume", {"job": job})
            continue
        if events[-1]["type"] in ENDS:
            break
        assert not is_last, "the job does not end"
        in_flight.append(sim.stats()["in_flight"])
        daemon.kill()
        times.append(time.time())
        rpc.close()
        if before_start:
            before_start()
        daemon.start()
        rpc = daemon.rpc()
    rpc.close()
    deadline = time.monotonic() + DEADLINE
    while sim.stats()["in_flight"]:  # it notices who hung up
        assert time.monotonic() < deadline
    return job, events, sim.requests(), in_flight, times


def tokens_of(usage):
    return {"input": usage["input"], "cache_read": usage["cache_read"],
            "cache_write": usage["cache_write_5m"] + usage["cache_write_1h"] if "cache_write_5m" in usage else usage["cache_write"],
            "output": usage["output"]}


def began(row):
    return datetime.datetime.fromisoformat(row["time"].replace("Z", "+00:00")).timestamp()


def per_kill(rows, times):
    """How many of these requests began between one kill and the next."""
    return [sum(before < began(r) <= after for r in rows) for before, after in zip((0, *times), times)]


def check(daemon, job, events, rows, n_kills, n_calls_max, times=()):
    """Every promise; gives figures."""
    seqs = [e["seq"] for e in events]
    assert seqs == list(range(1, len(seqs) + 1)), "an event was told twice, or is missing"
    done = [e["task"] for e in events if e["type"] == "task.done"]
    assert len(done) == len(set(done)), "a task was done twice"
    end = events[-1]
    assert end["type"] == "done" and end["summary"]["files"]["failed"] == 0, end

    records = daemon.rpc().ok("job/get", {"job": job, "calls": True})["calls"]
    by_id = {r["request_id"]: r for r in rows}
    settled = [r for r in records if r.get("request_id") and r["state"] in ("ok", "failed")]
    lost = [r for r in records if r["state"] == "lost"]
    for r in settled:  # to the token
        row = by_id.pop(r["request_id"])
        assert r["tokens"] == tokens_of(row["usage"]), (r, row["usage"])
    # What the provider billed and no record names was under way at a kill: an intent stands for it. That is what is asked again: calls,
    # and answers that were still being looked at, whose slots others had by then.
    assert len(by_id) <= len(lost), (len(by_id), len(lost))
    assert len(lost) <= n_kills * 2 * n_calls_max
    again = per_kill(by_id.values(), times)
    assert max(again, default=0) <= 2 * n_calls_max, again
    spent = daemon.rpc().ok("daemon/status")["spent_today_nanousd"]
    assert spent == sum(r["nanousd"] for r in records), "the ledger is not the sum of its calls"
    assert end["summary"]["nanousd"] == spent, (end["summary"]["nanousd"], spent)
    return {"tasks": len(done), "events": len(events), "calls": len(rows), "settled": len(settled), "lost": len(lost), "not left": sum(r["state"] == "cancelled" for r in records), "again": len(by_id),
            "again at one": max(again, default=0), "whole": sum(r["outcome"] == "ok" for r in by_id.values()), "billed": sum(r["nanousd"] for r in rows), "booked": spent,
            "lost, booked": sum(r["nanousd"] for r in lost), "lost, billed": sum(r["nanousd"] for r in by_id.values())}


def params_of(spec_text, name="s.json", **options):
    return {"kind": "generate", "input": {"spec": {"name": name, "text": spec_text}},
            "options": {"optimization.template": "off", "budget.job_usd": "none", **options}}


def project_text(seed, n_entities):
    import oracle
    return json.dumps(oracle.project(seed, n_entities))
