"""The transcripts of docs/protocol.md, replayed. Their notation is explained there."""

import json
import re

import pytest

from conftest import ROOT

TEXT = (ROOT / "docs" / "protocol.md").read_text()
ANY = "*"
MORE = "..."


def blocks():
    """(what it shows, lines) of each block; a line is (mark, text)."""
    found = []
    for m in re.finditer(r"^```transcript\n(.*?)^```$", TEXT, re.M | re.S):
        title = TEXT[:m.start()].strip().rsplit("\n\n", 1)[-1].replace("\n", " ")
        lines = []
        for line in m.group(1).splitlines():
            if line.startswith(" "):
                lines[-1] = (lines[-1][0], lines[-1][1] + line)
            else:
                mark, text = line.split(" ", 1)
                lines.append((mark, text))
        found.append(pytest.param(lines, id=title[:32]))
    return found


def fill(value, names):
    """What is sent: names stand for what they stood for before."""
    if isinstance(value, dict):
        return {k: fill(v, names) for k, v in value.items()}
    if isinstance(value, list):
        return [fill(v, names) for v in value]
    if isinstance(value, str) and value.startswith("$") and value in names:
        return names[value]
    return value


def difference(expected, got, names, at=""):
    """None, or where and how they differ. Names are learnt on the way."""
    if expected == ANY:
        return None
    if isinstance(expected, str) and expected.startswith("$"):
        return None if names.setdefault(expected, got) == got else f"{at}: {expected} is {names[expected]!r}, not {got!r}"
    if isinstance(expected, dict) and isinstance(got, dict):
        missing = set(expected) - set(got) - {MORE}
        extra = set() if MORE in expected else set(got) - set(expected)
        if missing or extra:
            return f"{at}: without {sorted(missing)}, with {sorted(extra)}"
        pairs = ((k, v, got[k]) for k, v in expected.items() if k != MORE)
    elif isinstance(expected, list) and isinstance(got, list) and len(expected) == len(got):
        pairs = ((i, *p) for i, p in enumerate(zip(expected, got)))
    else:
        same = type(expected) is type(got) and expected == got
        return None if same else f"{at}: {got!r} instead of {expected!r}"
    return next((d for d in (difference(e, g, names, f"{at}/{k}") for k, e, g in pairs) if d), None)


class Replay:
    def __init__(self, rpc, sim):
        self.rpc, self.sim = rpc, sim
        self.names, self.replies, self.events = {}, [], []
        self.may_skip = False

    def read(self):
        m = self.rpc.read()
        (self.events if "method" in m else self.replies).append(m)

    def expect_reply(self, expected):
        while True:
            for m in self.replies:
                if m.get("id") == expected["id"]:
                    self.replies.remove(m)
                    problem = difference(expected, m, self.names)
                    assert not problem, f"{problem}\nin {json.dumps(m)}"
                    return
            self.read()

    def expect_event(self, expected):
        passed = []
        while True:
            while not self.events:
                self.read()
            m = self.events.pop(0)
            names = dict(self.names)
            problem = difference(expected, m, names)
            if not problem:
                self.names = names
                self.may_skip = False
                return
            passed.append(m["params"]["type"])
            ended = passed[-1] in ("done", "failed", "cancelled")
            assert self.may_skip and not ended, f"{problem}\nin {json.dumps(m)}\nafter {passed}"

    def line(self, mark, text):
        if mark == "provider:":
            self.sim.faults(json.loads(text))
        elif mark == ">":
            message = json.dumps(fill(json.loads(text), self.names))
            assert "$" not in message, f"a name that nothing has told yet: {message}"
            self.rpc.s.sendall(message.encode() + b"\n")
        elif text == MORE:
            self.may_skip = True
        elif "id" in json.loads(text):
            self.expect_reply(json.loads(text))
        else:
            self.expect_event(json.loads(text))


@pytest.mark.parametrize("lines", blocks())
def test_replay(daemon, sim, lines):
    r = Replay(daemon.rpc(), sim)
    for mark, text in lines:
        r.line(mark, text)
    assert r.replies == []
    assert r.may_skip or r.events == []


def test_there_are_transcripts_of_what_matters():
    text = "".join(t for p in blocks() for _, t in p.values[0])
    for word in ("initialize", "job/submit", "job/attach", "job/answer", "job/cancel", "job/resume", "job/list", "blob/put", "blob/get", "dry_run",
                 '"cached": true', '"error"'):
        assert word in text, word


def test_the_comparison_can_fail():
    """A test that cannot fail is a defect."""
    for expected, got in (({"a": 1}, {"a": 2}), ({"a": 1}, {}), ({"a": 1}, {"a": 1, "b": 2}), ([1], [1, 2]), (True, 1), ({"a": "$x", "b": "$x"}, {"a": 1, "b": 2}),
                          ({"...": "*", "a": 1}, {"b": 1})):
        assert difference(expected, got, {}), (expected, got)
    for expected, got in (({"a": "*"}, {"a": [1]}), ({"...": "*"}, {"b": 1}), ({"a": "$x", "b": "$x"}, {"a": 1, "b": 1})):
        assert not difference(expected, got, {}), (expected, got)
