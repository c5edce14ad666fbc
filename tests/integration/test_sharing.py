"""One request for many who ask the same, whoever they are and whoever of them leaves."""

import time

from conftest import DEADLINE


def ask_all(daemon, n, prompt="What does a harbour master do?"):
    """n clients that ask the same at once: (connection, job) of each."""
    rpcs = [daemon.rpc() for _ in range(n)]
    ids = [rpc.send("job/submit", {"kind": "ask", "input": {"prompt": prompt}, "meta": {"client": {"pid": 1000 + i}}})
           for i, rpc in enumerate(rpcs)]
    jobs = []
    for rpc, id in zip(rpcs, ids):
        m = rpc.read()
        assert m["id"] == id
        jobs.append(m["result"]["job"])
    return list(zip(rpcs, jobs))


def wait_in_flight(sim, n):
    deadline = time.monotonic() + DEADLINE
    while sim.stats()["in_flight"] != n:
        assert time.monotonic() < deadline
    return sim.stats()


def ends(askers):
    for rpc, job in askers:
        rpc.ok("job/attach", {"job": job, "after": 0})
    return [rpc.end() for rpc, _ in askers]


def test_fifty_identical_requests_are_one_call(daemon, sim):
    sim.faults({"kind": "slow_first_byte", "ms": 500})
    askers = ask_all(daemon, 50)
    results = ends(askers)
    assert {e["type"] for e in results} == {"done"}
    assert len({e["text"] for e in results}) == 1
    assert len(sim.requests()) == 1
    # One of them paid, and what it paid is what the provider billed.
    assert sorted(e["summary"]["nanousd"] > 0 for e in results) == [False] * 49 + [True]
    assert sum(e["summary"]["nanousd"] for e in results) == sim.stats()["nanousd"]
    assert daemon.rpc().ok("stats/get")["calls_joined"] + daemon.rpc().ok("stats/get")["cache_hits"] >= 49


def test_the_first_asker_is_cancelled(daemon, sim):
    sim.faults({"kind": "slow_first_byte", "ms": 1500})
    askers = ask_all(daemon, 50)
    wait_in_flight(sim, 1)
    for rpc, job in askers[:3]:
        assert rpc.ok("job/cancel", {"job": job})["state"] == "cancelled"
    results = ends(askers[3:])
    assert {e["type"] for e in results} == {"done"} and len({e["text"] for e in results}) == 1
    assert len(sim.requests()) == 1 and sim.requests()[0]["outcome"] == "ok"
    spent = daemon.rpc().ok("daemon/status")["spent_today_nanousd"]
    assert spent == sim.stats()["nanousd"]


def test_the_first_asker_dies(daemon, sim, place):
    """Its connection is gone; its job is not, and nobody asks again."""
    sim.faults({"kind": "slow_first_byte", "ms": 1500})
    askers = ask_all(daemon, 50)
    wait_in_flight(sim, 1)
    for rpc, _ in askers[:5]:
        rpc.close()
    results = ends(askers[5:])
    assert {e["type"] for e in results} == {"done"} and len({e["text"] for e in results}) == 1
    rpc = daemon.rpc()
    for _, job in askers[:5]:
        rpc.ok("job/attach", {"job": job, "after": 0})
        assert rpc.end()["type"] == "done"
    assert len(sim.requests()) == 1


def test_all_askers_leave(daemon, sim):
    """Nobody wants it any more: the stream is closed, and what it may have cost is booked."""
    sim.faults({"kind": "stall", "events": 5})
    askers = ask_all(daemon, 10)
    wait_in_flight(sim, 1)
    for rpc, job in askers:
        assert rpc.ok("job/cancel", {"job": job})["state"] == "cancelled"
    wait_in_flight(sim, 0)
    assert len(sim.requests()) == 1
    assert daemon.rpc().ok("daemon/status")["spent_today_nanousd"] > 0


def test_two_projects_at_once_share_their_calls(daemon, sim, place):
    """Clients that generate the same at once share their calls."""
    from conftest import write_spec
    spec = write_spec(place / "s.yaml", n_entities=2).read_text()
    sim.faults({"kind": "slow_first_byte", "ms": 100})
    params = {"kind": "generate", "input": {"spec": {"name": "s.yaml", "text": spec}}, "options": {"optimization.template": "off"}}
    askers = []
    for i in range(3):
        rpc = daemon.rpc()
        askers.append((rpc, rpc.ok("job/submit", {**params, "meta": {"client": {"pid": 2000 + i}}})["job"]))
    results = ends(askers)
    assert {e["type"] for e in results} == {"done"}
    hashes = [row["body_hash"] for row in sim.requests()]
    assert len(set(hashes)) == len(hashes), "a request left twice"
    assert sum(e["summary"]["nanousd"] for e in results) == sim.stats()["nanousd"]


def test_whenever_somebody_asks_it_is_one_call(daemon, sim):
    """Before, while, right after it is under way, and when it is known: each of them is served, and the provider hears of it once."""
    sim.faults({"kind": "slow_first_byte", "ms": 20})
    askers, known = [], 0
    rpc = daemon.rpc()
    first = ask_all(daemon, 1)[0]
    while known < 20:
        reply = rpc.ok("job/submit", {"kind": "ask", "input": {"prompt": "What does a harbour master do?"}, "meta": {"client": {"pid": 3000 + len(askers)}}})
        known += bool(reply.get("cached"))
        if not reply.get("cached"):
            askers.append((daemon.rpc(), reply["job"]))
    results = ends([first, *askers])
    assert {e["type"] for e in results} == {"done"} and len({e["text"] for e in results}) == 1
    assert len(sim.requests()) == 1
    assert sum(e["summary"]["nanousd"] for e in results) == sim.stats()["nanousd"]
