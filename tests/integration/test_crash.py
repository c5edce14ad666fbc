"""Nothing that was accepted is lost: the daemon dies after every durable commit of a job, in turn."""

import shutil

import pytest

from conftest import Daemon, Sim, config_for, go_build, tree, write_spec


def run_until_done(daemon, job, after=0):
    """Events from `after` to the end, over as many deaths of the daemon as there are."""
    events = []
    rpc = daemon.rpc()
    rpc.ok("job/attach", {"job": job, "after": after})
    while True:
        e = rpc.event("queued", "planned", "started", "waiting", "task.started", "task.retry", "task.done", "call.done", "file",
                      "warning", "progress", "done", "failed", "cancelled")
        events.append(e)
        if e["type"] in ("done", "failed", "cancelled"):
            return events


def submit(rpc, spec):
    return rpc.ok("job/submit", {"kind": "generate", "input": {"spec": {"name": spec.name, "text": spec.read_text()}},
                                 "meta": {"key": "the-same"}})


def test_killed_after_every_commit(place):
    spec = write_spec(place / "s.yaml", n_entities=1)
    whole = None
    n = 0
    while True:
        n += 1
        d = place / f"d{n}"
        d.mkdir()
        sim = Sim(d)
        daemon = Daemon(d, config_for(sim))
        daemon.start(env={"GENOPT_TEST_DIE_AFTER": str(n)}, may_die=True)
        job, seen, was_killed = None, [], False
        try:
            rpc = daemon.rpc()
            job = submit(rpc, spec)["job"]
            rpc.ok("job/attach", {"job": job, "after": 0})
            while not seen or seen[-1]["type"] != "done":
                seen.append(rpc.event(*ALL))
            rpc.close()
        except (EOFError, ConnectionError, FileNotFoundError):
            was_killed = True
        if was_killed:
            assert daemon.process.wait(timeout=60) == -9
            daemon.start()
            rpc = daemon.rpc()
            if job is None:  # it was never told the id: asking again is safe
                job = submit(rpc, spec)["job"]
            after = seen[-1]["seq"] if seen else 0
            rpc.ok("job/attach", {"job": job, "after": after})
            rest = []
            while not rest or rest[-1]["type"] not in ("done", "failed", "cancelled"):
                rest.append(rpc.event(*ALL))
            assert rest[0]["seq"] == after + 1
            done_before = {e["task"] for e in seen if e["type"] == "task.done"}
            again = [e for e in rest if e["type"] == "task.done" and e["task"] in done_before]
            assert not again, again
            started_again = [e for e in rest if e["type"] == "task.started" and e["task"] in done_before]
            assert not started_again, started_again
            seen += rest
        assert seen[-1]["type"] == "done", seen[-1]
        assert seen[-1]["summary"]["files"]["failed"] == 0
        files = {e["path"]: e["blob"] for e in seen if e["type"] == "file"}
        if whole is None:
            whole = files
        assert files == whole
        calls = len(sim.requests())
        in_flight = 8
        ended = len([e for e in seen if e["type"] == "call.done"])
        assert calls <= ended + in_flight
        daemon.stop()
        sim.close()
        shutil.rmtree(d)
        if not was_killed:
            break
    print(f"killed after each of {n - 1} commits")
    assert n > 6


ALL = ("queued", "planned", "started", "waiting", "task.started", "task.retry", "task.done", "call.done", "file", "warning", "progress",
       "done", "failed", "cancelled")


def test_cache_deleted_in_mid_job(daemon, sim, place):
    sim.faults({"kind": "slow_first_byte", "ms": 200})
    spec = write_spec(place / "s.yaml", n_entities=3)
    rpc = daemon.rpc()
    job = submit(rpc, spec)["job"]
    rpc.ok("job/attach", {"job": job, "after": 0})
    rpc.event("task.done")
    shutil.rmtree(place / "cache")
    end = rpc.end()
    assert end["type"] == "done" and end["summary"]["files"]["failed"] == 0


def test_three_deaths_set_a_job_aside(place):
    sim = Sim(place)
    daemon = Daemon(place, config_for(sim))
    sim.faults({"kind": "stall"})
    spec = write_spec(place / "s.yaml", n_entities=1)
    daemon.start()
    rpc = daemon.rpc()
    job = rpc.ok("job/submit", {"kind": "ask", "input": {"prompt": "a question that kills"}})["job"]
    after = 0
    for _ in range(3):
        rpc.ok("job/attach", {"job": job, "after": after})
        after = rpc.event("task.started")["seq"]
        daemon.kill()
        daemon.start()
        rpc = daemon.rpc()
    rpc.ok("job/attach", {"job": job, "after": after})
    end = rpc.end()
    assert end["type"] == "failed" and end["error"]["data"]["name"] == "poisoned"
    sim.faults()
    assert rpc.ok("job/resume", {"job": job})["state"] == "queued"
    rpc.ok("job/attach", {"job": job, "after": end["seq"]})
    assert rpc.end()["type"] == "done"
    daemon.stop()
    sim.close()


def test_client_vanishes_job_goes_on(daemon, sim, place):
    sim.faults({"kind": "slow_first_byte", "ms": 300, "times": 2})
    spec = write_spec(place / "s.yaml", n_entities=2)
    rpc = daemon.rpc()
    job = submit(rpc, spec)["job"]
    rpc.close()
    rpc = daemon.rpc()
    rpc.ok("job/attach", {"job": job, "after": 0})
    assert rpc.end()["type"] == "done"


def test_stop_lets_calls_finish_and_the_job_goes_on(daemon, sim, place):
    sim.faults({"kind": "slow_first_byte", "ms": 300})
    spec = write_spec(place / "s.yaml", n_entities=2)
    rpc = daemon.rpc()
    job = submit(rpc, spec)["job"]
    rpc.ok("job/attach", {"job": job, "after": 0})
    rpc.event("task.started")
    daemon.process.terminate()
    assert daemon.wait() == 0
    before = len(sim.requests())
    sim.faults()
    daemon.start()
    rpc = daemon.rpc()
    rpc.ok("job/attach", {"job": job, "after": 0})
    end = rpc.end()
    assert end["type"] == "done" and end["summary"]["files"]["failed"] == 0
    # what was under way at the stop was finished, and is not asked again
    assert end["summary"]["calls"] == len(sim.requests()) >= before


def test_stop_now_in_mid_job(daemon, sim, place):
    """A second SIGTERM ends the daemon at once, with calls and workers under way; the job goes on after."""
    sim.faults({"kind": "stall", "events": 3})
    spec = write_spec(place / "s.yaml", n_entities=3)
    rpc = daemon.rpc()
    job = submit(rpc, spec)["job"]
    rpc.ok("job/attach", {"job": job, "after": 0})
    rpc.event("task.started")
    rpc.ok("daemon/stop", {"mode": "now"})
    assert daemon.wait() == 0
    sim.faults()
    daemon.start()
    rpc = daemon.rpc()
    rpc.ok("job/attach", {"job": job, "after": 0})
    end = rpc.end()
    assert end["type"] == "done" and end["summary"]["files"]["failed"] == 0


def test_stop_gives_up_calls_that_never_end(daemon, sim, place):
    """A service manager would kill what does not stop; the daemon gives up before, in good order."""
    daemon.process.terminate()
    assert daemon.wait() == 0
    daemon.start(env={"GENOPT_TEST_DRAIN_MS": "300"})
    sim.faults({"kind": "stall", "events": 3})
    rpc = daemon.rpc()
    job = submit(rpc, write_spec(place / "s.yaml", n_entities=2))["job"]
    rpc.ok("job/attach", {"job": job, "after": 0})
    rpc.event("task.started")
    daemon.process.terminate()
    assert daemon.wait() == 0
    assert "stopping without them" in daemon.log()
    sim.faults()
    daemon.start()
    rpc = daemon.rpc()
    rpc.ok("job/attach", {"job": job, "after": 0})
    end = rpc.end()
    assert end["type"] == "done" and end["summary"]["files"]["failed"] == 0
