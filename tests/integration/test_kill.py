"""kill -9 and power cuts in the midst of a job with calls: tests/bench/bench-kill does it more often."""

import kill
import power
from conftest import Daemon, Sim, config_for

CONFIG = "budget: {job_usd: none, day_usd: none}\nlimits: {calls: 8}\n"


def test_ten_kills(place):
    sim = Sim(place)
    daemon = Daemon(place, config_for(sim, CONFIG))
    daemon.start()
    sim.faults({"kind": "slow_first_byte", "ms": 120})
    job, events, rows, in_flight, times = kill.run(daemon, sim, kill.params_of(kill.project_text(7, 14)), n_kills=10)
    figures = kill.check(daemon, job, events, rows, len(in_flight), 8, times)
    print(figures, in_flight)
    # On a crowded machine it may be done before the last of them.
    assert figures["tasks"] >= 100 and 5 <= len(in_flight) <= 10 and figures["lost"] > 0
    daemon.stop()
    sim.close()


def test_ten_power_cuts(place):
    """Nothing that was told, and no token, is lost when all that was not synced is gone."""
    sim = Sim(place)
    daemon = Daemon(place, config_for(sim, CONFIG), env={"GENOPT_TEST_REST_MS": "100"})  # so soon the cache is synced
    disk = power.Disk(daemon, seed=3)
    sim.faults({"kind": "slow_first_byte", "ms": 120})
    params = kill.params_of(kill.project_text(7, 14))
    job, events, rows = power.run(daemon, sim, disk, params, n_cuts=10, seed=3)
    figures = kill.check(daemon, job, events, rows, disk.n_cuts, 8, disk.times)
    print(figures, disk.n_cuts, disk.n_unsynced, disk.n_kept, disk.n_cache_unsynced, disk.n_cache_kept, daemon.log().count("is set aside"))
    assert figures["tasks"] >= 100 and 5 <= disk.n_cuts <= 10 and figures["lost"] > 0
    assert disk.n_unsynced > 10 and 0 < disk.n_kept < disk.n_unsynced  # the cuts did cut something
    assert "restored" not in daemon.log()  # state was whole each time
    assert disk.n_cache_unsynced > disk.n_cache_kept > 10
    if disk.n_cuts == 10:  # some of them left no cache
        assert "the cache was damaged and is set aside" in daemon.log()
    again, n_calls = power.again(daemon, params)
    assert again == power.contents(events)  # what the cache gives is what was made
    assert n_calls < figures["tasks"]
    daemon.stop()
    assert disk.is_like_files()  # what was replayed is what was written
    sim.close()
