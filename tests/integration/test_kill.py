"""kill -9 in the midst of a job with calls: tests/bench/bench-kill does it more often."""

import kill
from conftest import Daemon, Sim, config_for

CONFIG = "budget: {job_usd: none, day_usd: none}\nlimits: {calls: 8}\n"


def test_ten_kills(place):
    sim = Sim(place)
    daemon = Daemon(place, config_for(sim, CONFIG))
    daemon.start()
    sim.faults({"kind": "slow_first_byte", "ms": 120})
    job, events, rows, in_flight = kill.run(daemon, sim, kill.params_of(kill.project_text(7, 14)), n_kills=10)
    figures = kill.check(daemon, job, events, rows, len(in_flight), 8)
    print(figures, in_flight)
    assert figures["tasks"] >= 100 and len(in_flight) == 10 and figures["lost"] > 0
    daemon.stop()
    sim.close()
