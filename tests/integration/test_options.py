"""Options as a user meets them: what a reload changes, what it says that it cannot, and what a job is warned of."""

from conftest import config_for


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
