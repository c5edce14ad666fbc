"""Questions: one prompt, one text; asked once, answered for ever after."""

import json
import threading

import pytest

from conftest import DEADLINE, KEY, Rpc


def ask(rpc, prompt, **more):
    """(submit's result, the end of the job or None)"""
    r = rpc.ok("job/submit", {"kind": "ask", "input": {"prompt": prompt, **more}})
    if "job" not in r:
        return r, None
    rpc.ok("job/attach", {"job": r["job"], "after": 0})
    return r, rpc.end()


def test_answer_streams_and_is_kept(daemon, sim):
    rpc = daemon.rpc()
    r, end = ask(rpc, "What is a berth?")
    assert end["type"] == "done" and end["text"]
    assert end["summary"]["calls"] == 1
    again, none = ask(rpc, "What is a berth?")
    assert none is None and again["cached"] is True
    assert again["result"]["text"] == end["text"]
    assert again["result"]["summary"]["calls"] == 0 and again["result"]["summary"]["nanousd"] == 0
    assert len(sim.requests()) == 1


def test_meta_does_not_make_a_request_another(daemon, sim):
    rpc = daemon.rpc()
    ask(rpc, "What is a pier?")
    p = {"kind": "ask", "input": {"prompt": "What is a pier?"}, "meta": {"label": "again", "client": {"pid": 7}}}
    assert rpc.ok("job/submit", p)["cached"] is True
    # key order and blanks make another K but the same F
    text = '{"jsonrpc":"2.0", "id":99,"method":"job/submit","params":{"input" : {"prompt":"What is a pier?"},"kind":"ask"}}\n'
    rpc.s.sendall(text.encode())
    m = rpc.read()
    assert m["id"] == 99 and m["result"]["cached"] is True
    assert len(sim.requests()) == 1


def test_other_prompt_tier_or_system_is_another_question(daemon, sim):
    rpc = daemon.rpc()
    texts = set()
    for more in [{}, {"tier": "quality"}, {"system": "Answer as a sailor."}, {"max_tokens": 900}]:
        r, end = ask(rpc, "What is a buoy?", **more)
        assert end["type"] == "done"
    assert len(sim.requests()) == 4


def test_fresh_asks_again(daemon, sim):
    rpc = daemon.rpc()
    ask(rpc, "What is a knot?")
    r = rpc.ok("job/submit", {"kind": "ask", "input": {"prompt": "What is a knot?"}, "fresh": True})
    rpc.ok("job/attach", {"job": r["job"], "after": 0})
    assert rpc.end()["type"] == "done"
    assert len(sim.requests()) == 2


def test_deltas_are_the_text(daemon):
    rpc = daemon.rpc()
    r = rpc.ok("job/submit", {"kind": "ask", "input": {"prompt": "Tell of the tides in 80 words."}})
    rpc.ok("job/attach", {"job": r["job"], "after": 0, "deltas": True})
    text = ""
    while True:
        e = rpc.event("task.delta", "done")
        if e["type"] == "done":
            break
        assert "seq" not in e
        assert e["offset"] == len(text.encode())
        text += e["text"]
    assert e["text"].startswith(text)


def test_cache_survives_restart(daemon, sim):
    rpc = daemon.rpc()
    ask(rpc, "What is a mole?")
    rpc.close()
    daemon.stop()
    daemon.start()
    r, end = ask(daemon.rpc(), "What is a mole?")
    assert r["cached"] is True
    assert len(sim.requests()) == 1


def test_same_idempotency_key_is_the_same_job(daemon, sim):
    rpc = daemon.rpc()
    p = {"kind": "ask", "input": {"prompt": "How deep is the basin?"}, "fresh": True, "meta": {"key": "k-1"}}
    a, b = rpc.ok("job/submit", p), rpc.ok("job/submit", p)
    assert a["job"] == b["job"]
    rpc.ok("job/attach", {"job": a["job"], "after": 0})
    assert rpc.end()["type"] == "done"
    assert rpc.ok("job/submit", p)["job"] == a["job"]
    assert len(sim.requests()) == 1


def test_same_idempotency_key_before_the_first_is_durable(daemon, sim):
    """Twice at once, each on a connection of its own: the second comes while the first is being written."""
    p = {"kind": "ask", "input": {"prompt": "How wide is the basin?"}, "fresh": True, "meta": {"key": "k-2"}}
    rpcs = [daemon.rpc() for _ in range(4)]
    for r in rpcs:
        r.send("job/submit", p)
    assert len({r.read()["result"]["job"] for r in rpcs}) == 1
    rpcs[0].ok("job/attach", {"job": rpcs[0].ok("job/submit", p)["job"]})
    rpcs[0].end()
    assert len(sim.requests()) == 1
    for r in rpcs:
        r.close()


def test_identical_questions_at_once_are_one_call(daemon, sim):
    n = 20
    sim.faults({"kind": "slow_first_byte", "ms": 300, "times": 1})
    rpcs = [daemon.rpc() for _ in range(n)]
    results = [None] * n

    def one(i):
        results[i] = ask(rpcs[i], "How many berths are there?")

    threads = [threading.Thread(target=one, args=(i,)) for i in range(n)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(DEADLINE)
    texts = {(end or r["result"])["text"] for r, end in results}
    assert len(texts) == 1
    assert len(sim.requests()) == 1


def test_command_line(daemon, sim):
    a = daemon.genopt("ask", "What", "is", "a", "hawser?", check=0)
    b = daemon.genopt("ask", "What is a hawser?", check=0)
    assert a.stdout == b.stdout and a.stdout.strip()
    assert len(sim.requests()) == 1


def test_no_secret_anywhere(daemon, place):
    daemon.genopt("ask", "What is a capstan?", check=0)
    daemon.stop()
    for p in list((place / "state").rglob("*")) + list((place / "cache").rglob("*")) + [place / "sim.log"]:
        if p.is_file():
            assert KEY.encode() not in p.read_bytes(), p
