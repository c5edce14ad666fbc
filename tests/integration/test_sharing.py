"""One request for many who ask the same, whoever they are and whoever of them leaves."""

import re
import time

import pytest

from conftest import DEADLINE, Daemon, config_for, write_spec


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
    sim.faults({"kind": "hold"})
    askers = ask_all(daemon, 50)
    wait_in_flight(sim, 1)
    sim.faults()
    results = ends(askers)
    assert {e["type"] for e in results} == {"done"}
    assert len({e["text"] for e in results}) == 1
    assert len(sim.requests()) == 1
    # One of them paid, and what it paid is what the provider billed.
    assert sorted(e["summary"]["nanousd"] > 0 for e in results) == [False] * 49 + [True]
    assert sum(e["summary"]["nanousd"] for e in results) == sim.stats()["nanousd"]
    assert daemon.rpc().ok("stats/get")["calls_joined"] + daemon.rpc().ok("stats/get")["cache_hits"] >= 49


def test_the_first_asker_is_cancelled(daemon, sim):
    sim.faults({"kind": "hold"})
    askers = ask_all(daemon, 50)
    wait_in_flight(sim, 1)
    for rpc, job in askers[:3]:
        assert rpc.ok("job/cancel", {"job": job})["state"] == "cancelled"
    sim.faults()
    results = ends(askers[3:])
    assert {e["type"] for e in results} == {"done"} and len({e["text"] for e in results}) == 1
    assert len(sim.requests()) == 1 and sim.requests()[0]["outcome"] == "ok"
    spent = daemon.rpc().ok("daemon/status")["spent_today_nanousd"]
    assert spent == sim.stats()["nanousd"]


def test_the_first_asker_dies(daemon, sim, place):
    """Its connection is gone; its job is not, and nobody asks again."""
    sim.faults({"kind": "hold"})
    askers = ask_all(daemon, 50)
    wait_in_flight(sim, 1)
    for rpc, _ in askers[:5]:
        rpc.close()
    daemon.rpc().ok("daemon/status")
    sim.faults()
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


def asked_files(sim):
    """Every file that a request asks for, as often as one does."""
    paths = []
    for row in sim.requests():
        text = "".join(block["text"] for block in row["prompt"])
        listed = re.search(r"^answer:\n(?:.*\n)*?  files:\n((?:    - .*\n)+)", text, re.MULTILINE)
        paths += [line.strip()[2:].strip('"') for line in listed.group(1).splitlines()]
    return paths


def generate(daemon, spec, n=1, **options):
    """n clients that generate the project: (connection, job) of each."""
    params = {"kind": "generate", "input": {"spec": {"name": "s.yaml", "text": spec}}, "options": {"optimization.template": "off", **options}}
    askers = []
    for i in range(n):
        rpc = daemon.rpc()
        askers.append((rpc, rpc.ok("job/submit", {**params, "meta": {"client": {"pid": 4000 + i}}})["job"]))
    return askers


def made(askers):
    """What all jobs came to: full keys of all files, by path; and the ends of the jobs."""
    keys, results = {}, []
    for rpc, job in askers:
        rpc.ok("job/attach", {"job": job, "after": 0})
        while True:
            e = rpc.event("file", "done", "failed", "cancelled")
            if e["type"] != "file":
                break
            keys.setdefault(e["path"], set()).add(e["fingerprint"])
        results.append(e)
    return keys, results


def wait_joined(daemon, job, path):
    """Until the job waits for another one that makes this file."""
    rpc, deadline = daemon.rpc(), time.monotonic() + DEADLINE
    while not any(row["path"] == path and row.get("joined") for row in rpc.ok("job/get", {"job": job})["tasks"]):
        assert time.monotonic() < deadline


def wait_done(daemon, job, is_wanted):
    """Done, and on disk: an event is told when it is durable, a state as it is in memory."""
    rpc = daemon.rpc()
    left = {row["task"] for row in rpc.ok("job/get", {"job": job})["tasks"] if is_wanted(row["path"])}
    rpc.ok("job/attach", {"job": job, "after": 0})
    while left:
        e = rpc.event("task.done")
        assert e["verdict"] == "accepted"
        left.discard(e["task"])


def expect_made_once(sim, keys, results):
    """Every full key was asked for once, whoever wanted it, and paid for once."""
    paths = asked_files(sim)
    assert {p: paths.count(p) for p in keys} == {p: len(k) for p, k in keys.items()}
    assert {e["type"] for e in results} == {"done"}
    assert sum(e["summary"]["nanousd"] for e in results) == sim.stats()["nanousd"]


def test_ten_clients_generate_the_same_project(daemon, sim, place):
    spec = write_spec(place / "s.yaml", n_entities=4).read_text()
    sim.faults({"kind": "slow_first_byte", "ms": 100})
    keys, results = made(generate(daemon, spec, 10))
    assert len(keys) >= 40
    expect_made_once(sim, keys, results)
    for e in results:
        assert e["summary"]["files"]["call"] + e["summary"]["files"]["reuse"] == len(keys)
        shown = re.findall(r"(\d+) by another job", daemon.genopt("explain", e["job"], check=0).stdout)
        assert sum(map(int, shown)) == e["summary"]["files"]["joined"]
        rows = daemon.rpc().ok("job/get", {"job": e["job"]})["tasks"]
        assert sum("joined" in row for row in rows) == e["summary"]["files"]["joined"]


def test_two_projects_overlap(daemon, sim, place):
    """Most of their files are the same, and stand in other batches."""
    one = write_spec(place / "one.yaml", n_entities=6).read_text()
    other = write_spec(place / "other.yaml", n_entities=5).read_text()
    sim.faults({"kind": "slow_first_byte", "ms": 100})
    askers = generate(daemon, one) + generate(daemon, other, **{"optimization.batch.max_files": "2"})
    keys, results = made(askers)
    expect_made_once(sim, keys, results)
    n = [sum(e["summary"]["files"][kind] for kind in ("call", "reuse")) for e in results]
    assert sum(n) > len(asked_files(sim)) + 20  # what both have
    hashes = [row["body_hash"] for row in sim.requests()]
    assert len(set(hashes)) == len(hashes)


COURIER = "internal/courier/courier.go"
PARCEL = "internal/parcel/parcel.go"
# The first call that asks for both stands still, for ever, when it has told the one and begun the other.
IN_MID_BATCH = {"kind": "stall", "events": 65, "times": 1, "match": f"- {PARCEL}\n    - {COURIER}"}


def stop_in_mid_batch(daemon, sim, spec):
    """Two jobs that want the same in other batches: the first one's call stands still, the second one waits for it."""
    sim.faults(IN_MID_BATCH)
    (first, job), = generate(daemon, spec)
    first.ok("job/attach", {"job": job, "after": 0})
    while first.event("file")["path"] != PARCEL:
        pass
    second = generate(daemon, spec, **{"optimization.batch.max_files": "1"})
    wait_joined(daemon, second[0][1], COURIER)
    # Of the first one all else is done, or gathered for a call with what the courier is needed for.
    wait_done(daemon, second[0][1], lambda path: "courier" not in path and not path.startswith("cmd/"))
    wait_in_flight(sim, 1)
    return [(first, job)], second


def test_a_file_is_delivered_while_its_call_goes_on(daemon, sim, place):
    """The call stands still behind the first of its files, and cannot end: that file is there all the same."""
    sim.faults(IN_MID_BATCH)
    (rpc, job), = generate(daemon, write_spec(place / "s.yaml", n_entities=4).read_text())
    rpc.ok("job/attach", {"job": job, "after": 0})
    seen, e = [], None
    while not e or e["type"] != "file" or e["path"] != PARCEL:
        e = rpc.event("file", "task.done", "call.done", "done", "failed")
        seen.append(e)
        assert e["type"] not in ("done", "failed")
    wait_in_flight(sim, 1)
    rows = {row["path"]: row for row in rpc.ok("job/get", {"job": job})["tasks"]}
    assert rows[PARCEL]["state"] == "done" and rows[COURIER]["state"] not in ("done", "failed", "skipped")
    assert not [x for x in seen if x["type"] == "call.done" and rows[PARCEL]["task"] in x["tasks"]]
    rpc.ok("job/cancel", {"job": job})


def test_the_first_of_two_is_cancelled_in_mid_batch(daemon, sim, place):
    """What stood whole in its broken answer is kept; the other one asks for the rest, once."""
    [(first, job)], second = stop_in_mid_batch(daemon, sim, write_spec(place / "s.yaml", n_entities=4).read_text())
    assert first.ok("job/cancel", {"job": job})["state"] == "cancelled"
    keys, results = made(second)
    paths = asked_files(sim)
    assert {p: paths.count(p) for p in keys} == {p: 1 + (p == COURIER) for p in keys}
    assert [e["type"] for e in results] == ["done"]
    files = results[0]["summary"]["files"]
    assert files["call"] + files["reuse"] == len(keys) and files["failed"] == 0


def test_a_cancelled_job_tells_what_is_left_of_it(daemon, sim, place):
    """As told, and as it then is: what was whole is not asked for again."""
    sim.faults(IN_MID_BATCH)
    (rpc, job), = generate(daemon, write_spec(place / "s.yaml", n_entities=4).read_text())
    rpc.ok("job/attach", {"job": job, "after": 0})
    planned = rpc.event("planned")["estimate"]
    while rpc.event("file")["path"] != PARCEL:
        pass
    rpc.ok("job/cancel", {"job": job})
    end = rpc.end()
    told = end["resume"]
    assert end["type"] == "cancelled" and told["calls"] > 0 and 0 < told["nanousd"] < planned["nanousd"]
    assert rpc.ok("job/get", {"job": job})["resume"] == told
    assert "resume    about" in daemon.genopt("show", job).stdout
    before = len(sim.requests())
    assert rpc.ok("job/resume", {"job": job})["state"] == "queued"
    rpc.ok("job/attach", {"job": job, "after": end["seq"]})
    summary = rpc.end()["summary"]
    assert summary["files"]["failed"] == 0 and "resume" not in rpc.ok("job/get", {"job": job})
    made = len(sim.requests()) - before  # planned anew: what is left may share calls otherwise
    assert told["calls"] / 2 <= made <= told["calls"] * 2
    assert asked_files(sim).count(PARCEL) == 1


@pytest.mark.parametrize("how", ["kill", "stop"])
def test_the_daemon_ends_under_two_that_share(place, sim, how):
    """What was done is not asked for again, by neither; what was under way is asked for again by one of them."""
    daemon = Daemon(place, config_for(sim), env={"GENOPT_TEST_DRAIN_MS": "100"})
    daemon.start()
    askers = sum(stop_in_mid_batch(daemon, sim, write_spec(place / "s.yaml", n_entities=4).read_text()), [])
    getattr(daemon, how)()
    daemon.start()
    keys, results = made([(daemon.rpc(), job) for _, job in askers])
    paths = asked_files(sim)
    assert {p: paths.count(p) for p in keys} == {p: 1 + (p == COURIER) for p in keys}
    assert {e["type"] for e in results} == {"done"}
    daemon.stop()


def test_a_beginning_is_written_once(daemon, sim, place):
    """Two projects that have nothing but their standards in common: what a provider's cache holds of these is written by one leader for both."""
    parcels = write_spec(place / "s.yaml", n_entities=3).read_text()
    berths = parcels.replace("Parcel", "Berth").replace("parcel", "berth").replace("Courier", "Pilot").replace("Depot", "Crane")
    sim.faults({"kind": "slow_first_byte", "ms": 100})
    keys, results = made(generate(daemon, parcels) + generate(daemon, berths))
    expect_made_once(sim, keys, results)
    usages = [(row["model"], row["usage"]) for row in sim.requests()]
    written = [(model, u["cache_read"] + u["cache_write_5m"]) for model, u in usages if u["cache_write_5m"] > 0]
    assert written and len(set(written)) == len(written), written
    assert sum(u["cache_read"] > 0 for _, u in usages) > len(written)
