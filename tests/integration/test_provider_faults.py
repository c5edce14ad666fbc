"""What providers do wrong: each ends in a clear error or is mended, and nothing is lost."""

import socket

import pytest

from conftest import Daemon, Sim, config_for, tree, write_spec

RETRIED = {
    "rate_limit": {"kind": "rate_limit", "retry_after_ms": 1000, "times": 1},
    "rate_limit_without_retry_after": {"kind": "rate_limit", "times": 1},
    "overloaded": {"kind": "overloaded", "times": 1},
    "server_error": {"kind": "server_error", "times": 1},
    "cut": {"kind": "cut", "events": 4, "times": 1},
    "error_in_stream": {"kind": "error_frame", "events": 4, "times": 1},
    "empty": {"kind": "empty", "times": 1},
}
ANSWERS = ["missing_file", "fence", "chatter", "truncate", "wrong_path", "empty_file"]
FINAL = {"unauthorized": "key_refused", "not_found": "model_not_found", "too_large": "too_long", "spend_cap": "spend_limit",
         "refusal": "refused"}


def ask(rpc, prompt):
    job = rpc.ok("job/submit", {"kind": "ask", "input": {"prompt": prompt}})["job"]
    rpc.ok("job/attach", {"job": job, "after": 0})
    return job


@pytest.mark.parametrize("name", RETRIED)
def test_is_tried_again(daemon, sim, name):
    sim.faults(RETRIED[name])
    rpc = daemon.rpc()
    ask(rpc, "What is ebb?")
    retry = rpc.event("task.retry")
    assert retry["reason"]
    if "retry_after_ms" in RETRIED[name]:
        assert retry["delay_ms"] >= RETRIED[name]["retry_after_ms"]  # as the provider says
    else:
        assert 0 < retry["delay_ms"] <= 1000  # a second or two of backoff, and the tests' are shorter
    end = rpc.end()
    assert end["type"] == "done" and end["text"]
    assert end["summary"]["retries"] >= 1


@pytest.mark.parametrize("name", ANSWERS)
def test_bad_answers_are_asked_again_or_mended(daemon, sim, place, name):
    sim.faults({"kind": name, "times": 1})
    r = daemon.genopt("gen", write_spec(place / "s.yaml", n_entities=1), "-o", place / "out", "--json", check=0)
    end = daemon.events(r)[-1]
    assert end["type"] == "done" and end["summary"]["files"]["failed"] == 0


def test_what_cannot_succeed_fails_clearly(daemon, sim):
    for kind, error in FINAL.items():
        sim.faults({"kind": kind})
        rpc = daemon.rpc()
        ask(rpc, f"Is {kind} final?")
        e = rpc.event("waiting", "done", "failed")
        if e["type"] == "done":
            assert e["failures"][0]["error"]["data"]["name"] == error, (kind, e)
            assert e["failures"][0]["remedy"]
        else:
            assert e["type"] == "waiting" and e["remedy"], (kind, e)
        rpc.close()


def test_wrong_key_waits_and_goes_on_after_resume(daemon, sim):
    sim.faults({"kind": "unauthorized"})
    rpc = daemon.rpc()
    job = ask(rpc, "Which key?")
    w = rpc.event("waiting")
    assert w["on"] == "key" and "genopt key set" in w["remedy"]
    sim.faults()
    rpc.ok("job/resume", {"job": job})
    assert rpc.end()["type"] == "done"


def test_unreachable_provider(place):
    sim = Sim(place)
    d = Daemon(place, config_for(sim))
    sim.close()
    d.start()
    rpc = d.rpc()
    ask(rpc, "Anybody there?")
    end = rpc.end()
    assert end["failures"][0]["error"]["data"]["name"] == "unreachable"
    d.stop()


def test_one_failure_stops_only_what_depends_on_it(daemon, sim, place):
    sim.faults({"kind": "refusal", "match": "parcel_service.go"})
    r = daemon.genopt("gen", write_spec(place / "s.yaml", n_entities=2), "-o", place / "out", "--json", check=1)
    end = daemon.events(r)[-1]
    failed = {f["path"] for f in end["failures"]}
    assert any("parcel_service" in p for p in failed)
    assert not any("courier" in p and "_test" not in p for p in failed), failed
    assert list((place / "out").rglob("courier_service.go"))
    sim.faults()
    job = end["job"]
    r = daemon.genopt("resume", job)
    rpc = daemon.rpc()
    rpc.ok("job/attach", {"job": job, "after": end["seq"]})
    assert rpc.end()["summary"]["files"]["failed"] == 0


def test_the_summary_tells_what_a_resume_costs(daemon, sim, place):
    """As estimated: as many calls as a resume then makes, for about as many tokens and as much money."""
    sim.faults({"kind": "refusal", "match": "parcel_service.go"})
    r = daemon.genopt("gen", write_spec(place / "s.yaml", n_entities=3), "-o", place / "out", "--json",
                      "--set", "optimization.template=off", check=1)
    end = daemon.events(r)[-1]
    told, job = end["summary"]["resume"], end["job"]
    assert end["summary"]["files"]["failed"] > 1 and told["calls"] >= 1 and told["ms"] > 0
    line = next(x for x in daemon.genopt("attach", job, "-o", "out", check=1).stderr.splitlines() if x.startswith("resume "))
    assert f"about {told['calls']} call" in line and "(estimated)" in line and f"`genopt resume {job}`" in line
    for shown in (daemon.genopt("show", job, check=0).stdout, daemon.genopt("report", job, check=0).stdout):
        assert f"resume    about {told['calls']} call" in shown
    sim.faults()
    before = sim.stats()
    daemon.genopt("resume", job, check=0)
    rpc = daemon.rpc()
    rpc.ok("job/attach", {"job": job, "after": end["seq"]})
    done = rpc.end()
    assert done["summary"]["files"]["failed"] == 0 and "resume" not in done["summary"]
    calls = done["summary"]["calls"] - end["summary"]["calls"]
    spent = sim.stats()["nanousd"] - before["nanousd"]
    output = sim.stats()["tokens"]["output"] - before["tokens"]["output"]
    print("resume: told", told, "cost", calls, output, spent)
    assert abs(calls - told["calls"]) <= 1
    assert 0.5 < spent / told["nanousd"] < 2
    assert 0.5 < output / told["output"] < 2


def test_stalled_stream(place):
    sim = Sim(place)
    d = Daemon(place, config_for(sim, "limits: {stall_ms: 200ms}\n"))
    d.start()
    sim.faults({"kind": "stall", "events": 3, "times": 1})
    rpc = d.rpc()
    ask(rpc, "Does it stall?")
    assert rpc.event("task.retry")["reason"]
    assert rpc.end()["type"] == "done"
    d.stop()
    sim.close()


def test_a_try_cut_off_by_a_stop_is_no_failure(place):
    """Draining, nothing is tried again: the next daemon does, and nobody is told of a failure."""
    sim = Sim(place)
    d = Daemon(place, config_for(sim, "limits: {stall_ms: 3s}\n"))
    d.start()
    sim.faults({"kind": "stall", "events": 3})
    rpc = d.rpc()
    job = ask(rpc, "Does it stall while it stops?")
    rpc.event("task.started")
    rpc.close()
    d.genopt("stop", check=0)
    sim.faults()
    d.start()
    rpc = d.rpc()
    rpc.ok("job/attach", {"job": job, "after": 0})
    ended = rpc.event("task.done")
    assert ended["verdict"] == "accepted", ended
    end = rpc.end()
    assert end["text"] and "failures" not in end
    d.stop()
    sim.close()


def test_a_refused_key_is_not_tried_for_every_file(daemon, sim, place):
    sim.faults({"kind": "unauthorized"})
    r = daemon.genopt("gen", write_spec(place / "s.yaml", n_entities=8), "-o", place / "out", "--json", check=77)
    assert len(sim.requests()) <= 8  # those that were under way at once
    assert (place / "out" / "go.mod").exists()
    job = daemon.rpc().ok("job/list")["jobs"][0]
    assert job["state"] == "waiting"


def test_a_cut_answer_is_continued(daemon, sim, place):
    """The model is shown what it said and says the rest: the same files as without the fault, for less than asking again."""
    spec = write_spec(place / "s.yaml", n_entities=2)
    daemon.genopt("gen", spec, "-o", place / "whole", "--json", "--set", "optimization.frame=off", check=0)
    n, output = len(sim.requests()), sim.stats()["tokens"]["output"]
    daemon.genopt("cache", "clear")
    sim.faults({"kind": "truncate", "times": 1})
    r = daemon.genopt("gen", spec, "-o", place / "cut", "--json", "--set", "optimization.frame=off", check=0)
    assert tree(place / "cut") == tree(place / "whole")
    rows = sim.requests()[n:]
    assert any(b["role"] == "assistant" for row in rows for b in row["prompt"]), [row["stop_reason"] for row in rows]
    retries = [e for e in daemon.events(r) if e["type"] == "task.retry"]
    assert retries and all("cut off" in e["reason"] for e in retries)
    assert sim.stats()["tokens"]["output"] - output <= output * 1.02


@pytest.fixture
def closed():
    """A port that is ours, at which nobody listens."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{s.getsockname()[1]}"


def two_providers(place, closed, second):
    """The first of each tier is configured, and does not answer."""
    tiers = "".join(f"  {t}: [{{provider: off, model: claude-haiku-4-5}}, {{provider: there, model: claude-haiku-4-5}}]\n"
                    for t in ("fast", "balanced", "quality"))
    d = Daemon(place, f"""providers:
  off: {{dialect: anthropic, base_url: "{closed}", key: {{env: TEST_KEY}}}}
  there: {{dialect: anthropic, base_url: "{second}", key: {{env: TEST_KEY}}}}
tiers:
{tiers}""", env={"GENOPT_TEST_HURRY": "100"})
    d.start()
    return d


def test_a_provider_that_does_not_answer_is_passed_over(place, sim, closed):
    """The next of the tier's list is asked, for the rest of the job, and that is told; batches stay batches."""
    d = two_providers(place, closed, sim.url)
    events = d.events(d.genopt("gen", write_spec(place / "s.yaml", n_entities=4), "-o", place / "out", "--json",
                               "--set", "optimization.template=off", check=0))
    assert events[-1]["summary"]["files"]["failed"] == 0
    passed = [e for e in events if e["type"] == "task.retry" and e["reason"].endswith("there is asked instead")]
    assert passed and all("off" in e["reason"] for e in passed)
    failed = [e for e in events if e["type"] == "call.done" and e["state"] == "failed"]
    assert 1 <= len(failed) <= 8, failed  # those that were under way at once
    batches = [e["tasks"] for e in failed if len(e["tasks"]) > 1]
    made = [e["tasks"] for e in events if e["type"] == "call.done" and e["state"] == "ok"]
    assert all(b in made for b in batches), (batches, made)
    assert sum(e["nanousd"] for e in events if e["type"] == "call.done") == sim.stats()["nanousd"]
    d.stop()


def test_nobody_answers(place, closed):
    """Every provider of the list was tried, and it ends."""
    d = two_providers(place, closed, closed)
    rpc = d.rpc()
    ask(rpc, "Is anybody there?")
    end = rpc.end()
    assert end["summary"]["files"]["failed"] == 1 and end["failures"][0]["error"]["data"]["name"] == "unreachable", end
    d.stop()


def test_a_broken_stream_keeps_its_files(daemon, sim, place):
    """A batch whose stream breaks off: no file that had come is asked for again."""
    spec = write_spec(place / "s.yaml", n_entities=4)
    sim.faults({"kind": "cut", "bytes": 9000, "times": 3})
    r = daemon.genopt("gen", spec, "-o", place / "out", "--json", "--set", "optimization.template=off", check=0)
    events = daemon.events(r)
    broken = next(e for e in events if e["type"] == "call.done" and e["state"] == "failed" and len(e["tasks"]) > 1)
    again = [e["tasks"] for e in events if e["type"] == "call.done" and e["call"] > broken["call"]]
    asked_again = {t for tasks in again for t in tasks} & set(broken["tasks"])
    assert asked_again and asked_again < set(broken["tasks"]), (broken["tasks"], again)
    assert events[-1]["summary"]["files"]["failed"] == 0
