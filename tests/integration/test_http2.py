"""A server that refuses a stream of HTTP/2 has not looked at the request: it leaves again, and only what was looked at is paid."""

import pytest

import h2peer
from conftest import Daemon

PRICE = 100 * 1000 + 20 * 5000  # of what it answers: nano-dollars, by models.yaml


def good(c, stream):
    c.good(stream, "ebb and flow")


def refused(c, stream):
    c.reset(stream, h2peer.REFUSED_STREAM)


def broken(c, stream):
    c.reset(stream, h2peer.INTERNAL_ERROR)


def gone(c, stream):
    """It ends the connection, and says that an earlier stream was its last."""
    c.go_away(max(stream - 2, 0))


@pytest.fixture
def served(place):
    made = []

    def serve(*steps):
        peer = h2peer.Peer(place, *steps)
        d = Daemon(place, f"""providers:
  peer: {{dialect: anthropic, base_url: "{peer.url}", key: {{env: TEST_KEY}}}}
tiers:
  fast: {{provider: peer, model: claude-haiku-4-5}}
  balanced: {{provider: peer, model: claude-haiku-4-5}}
  quality: {{provider: peer, model: claude-haiku-4-5}}
""", env={"SSL_CERT_FILE": str(peer.cert), "GENOPT_TEST_HURRY": "1000"})
        d.start()
        made.extend((d, peer))
        return d, peer

    yield serve
    for x in made:
        (x.stop if isinstance(x, Daemon) else x.close)()


def ask(daemon, prompt):
    """(its end, what it cost, the reasons of retries)"""
    rpc = daemon.rpc()
    before = rpc.ok("daemon/status")["spent_today_nanousd"]
    job = rpc.ok("job/submit", {"kind": "ask", "input": {"prompt": prompt}})["job"]
    rpc.ok("job/attach", {"job": job, "after": 0})
    reasons = []
    while True:
        e = rpc.event("task.retry", "done", "failed")
        if e["type"] != "task.retry":
            return e, rpc.ok("daemon/status")["spent_today_nanousd"] - before, reasons
        reasons.append(e["reason"])


@pytest.mark.parametrize("refuse", [refused, gone])
def test_a_refused_request_leaves_again_at_once(served, refuse):
    """On a connection that was made for it, and on one that has served."""
    daemon, peer = served(refuse, good, good, refuse, good)
    for prompt in ("What is ebb?", "What is flow?", "What is slack water?"):
        end, cost, reasons = ask(daemon, prompt)
        assert end["text"] == "ebb and flow" and reasons == []
        assert cost == PRICE
    assert len(peer.streams) == 5
    assert peer.streams[2][0] is peer.streams[3][0] and peer.streams[4][0] is not peer.streams[3][0]


def test_who_refuses_again_is_given_time(served):
    daemon, peer = served(refused, refused, good)
    end, cost, reasons = ask(daemon, "What is ebb?")
    assert end["text"] == "ebb and flow" and len(reasons) == 1 and "refused the request unread" in reasons[0]
    assert cost == PRICE and len(peer.streams) == 3


def test_who_always_refuses_is_not_paid(served):
    daemon, peer = served(refused)
    end, cost, reasons = ask(daemon, "What is ebb?")
    assert end["failures"][0]["error"]["data"]["name"] == "overloaded"
    assert cost == 0 and len(peer.streams) >= 2 * len(reasons)


def test_another_reset_may_have_been_paid(served):
    daemon, peer = served(good, broken, good)
    ask(daemon, "What is ebb?")
    end, cost, reasons = ask(daemon, "What is flow?")
    assert end["text"] == "ebb and flow" and len(reasons) == 1
    assert cost > PRICE and len(peer.streams) == 3
