"""Options as a user meets them: what a reload changes, what it says that it cannot, and what a job is warned of."""

from conftest import KEY, Daemon, config_for, write_spec


def events_of(rpc, job):
    """All events of a job that ends."""
    rpc.ok("job/attach", {"job": job, "after": 0})
    events = [rpc.event("queued")]
    while events[-1]["type"] not in ("done", "failed", "cancelled"):
        events.append(rpc.event("queued", "planned", "started", "waiting", "warning", "done", "failed", "cancelled"))
    return events


def test_reload_says_what_needs_a_restart(daemon, sim):
    rpc = daemon.rpc()
    daemon.write_config(config_for(sim, "limits: {calls: 3}\n"))
    rpc.ok("daemon/reload")
    assert "configuration read again" in daemon.log()
    assert "after a restart" not in daemon.log()
    daemon.write_config(config_for(sim, "cache: {disk: 3GiB}\n"))
    rpc.ok("daemon/reload")
    assert "cache.disk will hold after a restart" in daemon.log()


def test_reload_of_a_bad_file_changes_nothing(daemon, sim):
    rpc = daemon.rpc()
    daemon.write_config(config_for(sim, "limits: {calls: many}\n"))
    assert "genopt.yaml" in rpc.error("daemon/reload")["data"]["where"]
    r = rpc.ok("job/submit", {"kind": "ask", "input": {"prompt": "What is a mole?"}})
    assert events_of(rpc, r["job"])[-1]["type"] == "done"


def test_a_reload_that_names_another_provider(daemon, sim, place):
    """What is at work is planned again for what there is now: nothing of it fails."""
    sim.faults({"kind": "slow_first_byte", "ms": 200})
    spec = write_spec(place / "s.yaml", n_entities=3).read_text()
    rpc = daemon.rpc()
    job = rpc.ok("job/submit", {"kind": "generate", "input": {"spec": {"name": "s.yaml", "text": spec}},
                                "options": {"optimization.template": "off"}})["job"]
    rpc.ok("job/attach", {"job": job, "after": 0})
    rpc.event("file")
    daemon.write_config(config_for(sim).replace("  sim:", "  acme:").replace("provider: sim", "provider: acme"))
    daemon.rpc().ok("daemon/reload")
    end = rpc.end()
    assert end["type"] == "done" and end["summary"]["files"]["failed"] == 0


def test_a_key_that_cannot_be_used_is_told(place, sim):
    (place / "sim.key").write_text(KEY + "\n")
    (place / "sim.key").chmod(0o644)
    daemon = Daemon(place, config_for(sim).replace("{env: TEST_KEY}", "{file: sim.key}"))
    daemon.start()
    rpc = daemon.rpc()
    rpc.ok("job/attach", {"job": rpc.ok("job/submit", {"kind": "ask", "input": {"prompt": "What is ebb?"}})["job"], "after": 0})
    waiting = rpc.event("waiting", "done", "failed")
    assert waiting["on"] == "key" and "chmod 0600" in waiting["remedy"] and "genopt reload" in waiting["remedy"] and "key set" not in waiting["remedy"]
    assert "chmod 0600" in daemon.genopt("status").stdout and sim.requests() == []
    (place / "sim.key").chmod(0o600)
    daemon.rpc().ok("daemon/reload")
    assert rpc.end()["type"] == "done"
    daemon.stop()


def test_a_long_wait_for_a_limit_is_told(daemon, sim):
    sim.faults({"kind": "rate_limit", "retry_after_ms": 3600000, "times": 1})
    assert "in 61 minutes" in daemon.genopt("ask", "What is ebb?", check=75).stderr
    rpc = daemon.rpc()
    job = rpc.ok("job/submit", {"kind": "ask", "input": {"prompt": "What is flood?"}})["job"]
    rpc.ok("job/attach", {"job": job, "after": 0})
    note = rpc.event("warning", "done", "failed")
    assert "for a limit of provider sim" in note["text"] and note["level"] == "note"
    rpc.ok("job/cancel", {"job": job})
