"""The socket under strange and hostile clients: each gets an answer or its end, and the others do not notice."""

import contextlib
import json
import os
import pathlib
import select
import shutil
import socket
import subprocess
import time

import pytest

from conftest import DEADLINE, GENOPTD, ROOT, Daemon, config_for, write_spec

MIB = 1 << 20
FRAME_BYTES = 8 * MIB
PATIENCE_S = 4  # for what a peer does not read, and for half a frame; 30 outside of tests
MEMORY_BYTES = 96 * MIB  # what hostile clients may cost; a sanitizer's own books are in it


class Raw:
    """Bytes over the socket, in the framing of one's choice."""

    def __init__(self, daemon, headers=False, rcvbuf=None):
        self.s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        if rcvbuf:
            self.s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        self.s.connect(str(daemon.socket))  # without a timeout: a full backlog is waited for
        self.s.settimeout(DEADLINE)
        self.headers = headers
        self.buffer = b""

    def frame(self, message):
        text = message if isinstance(message, bytes) else json.dumps(message).encode()
        return b"Content-Length: %d\r\n\r\n%s" % (len(text), text) if self.headers else text + b"\n"

    def put(self, data):
        self.s.sendall(data)

    def send(self, message):
        self.put(self.frame(message))

    def request(self, id, method, params=None):
        self.send({"jsonrpc": "2.0", "id": id, "method": method, **({} if params is None else {"params": params})})

    def _until(self, n_or_mark):
        while (len(self.buffer) < n_or_mark) if isinstance(n_or_mark, int) else (n_or_mark not in self.buffer):
            data = self.s.recv(1 << 18)
            if not data:
                raise EOFError(self.buffer)
            self.buffer += data
        n = n_or_mark if isinstance(n_or_mark, int) else self.buffer.index(n_or_mark) + len(n_or_mark)
        part, self.buffer = self.buffer[:n], self.buffer[n:]
        return part

    def read(self):
        if not self.headers:
            return json.loads(self._until(b"\n"))
        head = self._until(b"\r\n\r\n").decode()
        (length,) = [line.split(":", 1)[1] for line in head.splitlines() if line.lower().startswith("content-length:")]
        return json.loads(self._until(int(length)))

    def ask(self, method, params=None, id=1):
        self.request(id, method, params)
        m = self.read()
        assert m["id"] == id, m
        return m

    def ends(self):
        """The peer closed; what it had still to say is in buffer."""
        try:
            while True:
                data = self.s.recv(1 << 18)
                if not data:
                    return True
                self.buffer += data
        except ConnectionResetError:
            return True

    def close(self):
        self.s.close()


def error_name(message):
    return message["error"]["data"]["name"]


def is_served(daemon):
    """A round trip of another client, in seconds. One that is slow may tell of a crowded machine; not each of many."""
    for _ in range(5):
        rpc = daemon.rpc()
        start = time.monotonic()
        rpc.ok("daemon/status")
        took = time.monotonic() - start
        rpc.close()
        if took < 1:
            return took
    raise AssertionError(f"others wait for {took} s")


def memory(daemon):
    text = pathlib.Path(f"/proc/{daemon.process.pid}/status").read_text()
    return int(next(line for line in text.splitlines() if line.startswith("VmRSS")).split()[1]) * 1024


@pytest.fixture
def lean(place, sim):
    """A daemon whose memory tells something even under the address sanitizer."""
    d = Daemon(place, config_for(sim), env={"GENOPT_TEST_PATIENCE_MS": str(PATIENCE_S * 1000),
                                              "ASAN_OPTIONS": "detect_leaks=1:quarantine_size_mb=1:malloc_context_size=1"})
    d.start()
    yield d
    d.stop()


# ---- framing ----


@pytest.mark.parametrize("headers", [False, True])
def test_framings(daemon, headers):
    c = Raw(daemon, headers)
    m = c.ask("initialize", {"client": {"name": "test"}})
    assert m["jsonrpc"] == "2.0" and m["result"]["protocol"] == 1
    assert m["result"]["capabilities"] == {"frame_bytes": FRAME_BYTES, "blob_bytes": 16 * MIB}
    assert c.ask("job/list", id="a")["result"] == {"jobs": [], "more": False}


def test_both_framings_at_once(daemon):
    clients = [Raw(daemon, headers=i % 2 == 1) for i in range(20)]
    for round in range(5):
        for i, c in enumerate(clients):
            c.request(f"{i}.{round}", "daemon/status")
        for i, c in enumerate(clients):
            m = c.read()
            assert m["id"] == f"{i}.{round}" and m["result"]["state"] == "ready"


@pytest.mark.parametrize("headers", [False, True])
def test_byte_by_byte(daemon, headers):
    c = Raw(daemon, headers)
    for byte in c.frame({"jsonrpc": "2.0", "id": 1, "method": "initialize"}):
        c.put(bytes([byte]))
    assert c.read()["result"]["protocol"] == 1


def test_header_variants(daemon):
    c = Raw(daemon, headers=True)
    text = b'{"jsonrpc":"2.0","id":5,"method":"initialize"}'
    for head in (b"content-length: %d\r\n\r\n", b"CONTENT-LENGTH:%d\n\n",
                 b"Content-Type: application/vscode-jsonrpc; charset=utf-8\r\nContent-Length: %d\r\n\r\n"):
        c.put(head % len(text) + text)
        assert c.read()["id"] == 5


def test_lines_variants(daemon):
    c = Raw(daemon)
    c.put(b'{"jsonrpc":"2.0","id":1,"method":"initialize"}\r\n\n\r\n\n{"jsonrpc":"2.0","id":2,"method":"initialize"}\n')
    assert [c.read()["id"], c.read()["id"]] == [1, 2]


@pytest.mark.parametrize("bad", [
    b"Content-Length: x\r\n\r\n", b"Content-Length: -5\r\n\r\n", b"Content-Length:\r\n\r\n", b"Length: 5\r\n\r\nhello",
    b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", b"\x00\x01\x02\x03\n\n", b"hello\r\n\r\n", b"X: " + b"y" * 5000 + b"\r\n",
    b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", b"Content-Length: 99999999999999999999999999\r\n\r\n"])
def test_what_is_no_frame_ends_the_connection(daemon, bad):
    c = Raw(daemon, headers=True)
    c.put(bad)
    assert c.ends()
    assert b'"error"' in c.buffer, c.buffer
    is_served(daemon)


def test_half_a_frame_and_close(daemon):
    for headers in (False, True):
        for n in (1, 10, 40):
            c = Raw(daemon, headers)
            c.put(c.frame({"jsonrpc": "2.0", "id": 1, "method": "job/list"})[:n])
            c.close()
    is_served(daemon)


def test_half_a_frame_and_half_close_is_told(daemon):
    for headers, text in ((False, b"the text ends"), (True, b"ends within a frame")):
        c = Raw(daemon, headers)
        c.put(c.frame({"jsonrpc": "2.0", "id": 1, "method": "job/list"})[:40])
        c.s.shutdown(socket.SHUT_WR)
        assert c.ends() and b"parse_error" in c.buffer and text in c.buffer, c.buffer


def test_half_a_frame_and_silence_harms_nobody(daemon):
    silent = []
    for i in range(50):
        c = Raw(daemon, headers=i % 2 == 1)
        c.put(c.frame({"jsonrpc": "2.0", "id": 1, "method": "job/list"})[:20 + i % 7])
        silent.append(c)
    c = Raw(daemon, headers=True)  # and one that has announced a whole frame and sent nearly all of it
    c.put(b"Content-Length: %d\r\n\r\n" % FRAME_BYTES + b"{" + b" " * (FRAME_BYTES - 10))
    silent.append(c)
    for _ in range(5):
        is_served(daemon)
    # the rest may come late: it counts all the same
    first = silent[0]
    first.put(first.frame({"jsonrpc": "2.0", "id": 1, "method": "job/list"})[20:])
    assert "result" in first.read()


def test_noise(daemon):
    import random
    chance = random.Random(7)
    for i in range(40):
        c = Raw(daemon)
        try:
            c.put(bytes(chance.getrandbits(8) for _ in range(chance.choice((1, 100, 5000, 70000)))))
            c.s.shutdown(socket.SHUT_WR)
            assert c.ends()
        except (BrokenPipeError, ConnectionResetError):
            pass  # refused at its first bytes
        c.close()
    for i in range(40):  # noise that begins like a message
        c = Raw(daemon)
        c.put(b"{" + bytes(chance.getrandbits(8) for _ in range(300)).replace(b"\n", b" ") + b"\n")
        assert error_name(c.read()) in ("parse_error", "invalid_request")
        assert c.ask("initialize")["result"]
        c.close()
    is_served(daemon)


def test_an_announced_frame_of_100_mb(lean):
    before = memory(lean)
    for _ in range(20):
        c = Raw(lean, headers=True)
        c.put(b"Content-Length: 100000000\r\n\r\n{")
        assert c.ends()
        assert b"frame_too_large" in c.buffer
    assert memory(lean) - before < 16 * MIB
    is_served(lean)


def test_a_line_of_9_mb(lean):
    before = memory(lean)
    c = Raw(lean)
    sent = 0
    try:
        c.put(b'{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"client":{"name":"')
        while sent < 9 * MIB:
            c.put(b"x" * 65536)
            sent += 65536
    except (BrokenPipeError, ConnectionResetError):
        pass
    assert sent >= FRAME_BYTES - MIB
    assert c.ends()
    assert b"frame_too_large" in c.buffer
    c.close()
    is_served(lean)
    assert memory(lean) - before < 32 * MIB


def test_the_largest_frame_is_taken(daemon):
    c = Raw(daemon)
    text = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "job/submit", "params": {"kind": "nothing", "input": {"x": ""}}}).encode()
    text = text.replace(b'""', b'"' + b"x" * (FRAME_BYTES - len(text) - 1) + b'"')
    assert len(text) == FRAME_BYTES - 1
    c.put(text + b"\n")
    m = c.read()
    assert m["id"] == 1 and m["error"]["data"]["where"] == "/params/kind"


# ---- messages ----


def test_deep_nesting(daemon):
    c = Raw(daemon)
    for n in (65, 1000, 100000, 4000000):
        for a, b in ((b"[", b"]"), (b'{"a":', b"}")):
            if n * len(a) > 7 * MIB:
                continue
            c.put(b'{"jsonrpc":"2.0","id":1,"method":"job/submit","params":' + a * n + b"1" + b * n + b"}\n")
            assert error_name(c.read()) in ("parse_error", "invalid_request")
    assert c.ask("initialize")["result"]


@pytest.mark.parametrize("text, name", [
    (b"[]", "invalid_request"),
    (b'[{"jsonrpc":"2.0","id":1,"method":"initialize"}]', "invalid_request"),
    (b'[{"jsonrpc":"2.0","id":1,"method":"initialize"},{"jsonrpc":"2.0","id":2,"method":"initialize"}]', "invalid_request"),
    (b"{}", "invalid_request"),
    (b"{", "parse_error"),
    (b'{"jsonrpc":"2.0","id":1,"method":"initialize"', "parse_error"),
    (b'{"jsonrpc":"2.0","id":1,"method":"initialize"} x', "parse_error"),
    (b'{"jsonrpc":"2.0","id":1,"method":"initialize",}', "parse_error"),
    (b'{"jsonrpc":"1.0","id":1,"method":"initialize"}', "invalid_request"),
    (b'{"id":1,"method":"initialize"}', "invalid_request"),
    (b'{"jsonrpc":"2.0","id":1}', "invalid_request"),
    (b'{"jsonrpc":"2.0","id":1,"method":7}', "invalid_request"),
    (b'{"jsonrpc":"2.0","id":[1],"method":"initialize"}', "invalid_request"),
    (b'{"jsonrpc":"2.0","id":{},"method":"initialize"}', "invalid_request"),
    (b'{"jsonrpc":"2.0","id":1,"method":"initialize","params":"x"}', "invalid_request"),
    (b'{"jsonrpc":"2.0","id":1,"method":"initialize","more":1}', "invalid_request"),
    (b'{"jsonrpc":"2.0","id":1,"id":2,"method":"initialize"}', "invalid_request"),
    (b'{"jsonrpc":"2.0","id":1,"method":"initialize","method":"job/list"}', "invalid_request"),
    (b'{"jsonrpc":"2.0","id":"' + b"i" * 300 + b'","method":"initialize"}', "invalid_request"),
    (b'{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"client":{"name":"\xff\xfe"}}}', "parse_error"),
    (b'{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"client":{"name":"\xc0\xaf"}}}', "parse_error"),
    (b'{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"client":{"name":"\xed\xa0\x80"}}}', "parse_error"),
    (b'{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"client":{"name":"\\ud800"}}}', "parse_error"),
    (b'{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"client":{"name":"a\tb"}}}', "parse_error"),
    (b'{"jsonrpc":"2.0","id":01,"method":"initialize"}', "parse_error"),
    (b'{"jsonrpc":"2.0","id":1,"method":"no/such"}', "method_not_found"),
    (b'{"jsonrpc":"2.0","id":1,"method":"' + b"m" * 100000 + b'"}', "method_not_found"),
    (b'{"jsonrpc":"2.0","id":1,"method":"job/list","params":[]}', "invalid_params"),
])
@pytest.mark.parametrize("headers", [False, True])
def test_messages_that_are_none(daemon, text, name, headers):
    c = Raw(daemon, headers)
    c.send(text)
    m = c.read()
    assert error_name(m) == name, m
    assert m["jsonrpc"] == "2.0" and isinstance(m["error"]["code"], int) and m["error"]["message"]
    assert set(m["error"]["data"]) >= {"name", "class", "retryable", "remedy"}
    assert c.ask("initialize", id=9)["result"]["protocol"] == 1  # and the connection goes on


ULID = "01ARZ3NDEKTSV4RRFFQ69G5FAV"


@pytest.mark.parametrize("method, params, where", [
    ("initialize", {"client": {"name": "x", "colour": 1}}, "/params/client/colour"),
    ("initialize", {"client": {}}, "/params/client/name"),
    ("initialize", {"more": 1}, "/params/more"),
    ("job/submit", {}, "/params/kind"),
    ("job/submit", {"kind": "ask"}, "/params/input"),
    ("job/submit", {"kind": 1, "input": {}}, "/params/kind"),
    ("job/submit", {"kind": "ask", "input": []}, "/params/input"),
    ("job/submit", {"kind": "ask", "input": {"prompt": "x"}, "meta": {"key": ""}}, "/params/meta/key"),
    ("job/submit", {"kind": "ask", "input": {"prompt": "x"}, "meta": {"key": "k" * 129}}, "/params/meta/key"),
    ("job/submit", {"kind": "ask", "input": {"prompt": "x"}, "meta": {"client": {"pid": -1}}}, "/params/meta/client/pid"),
    ("job/submit", {"kind": "ask", "input": {"prompt": "x"}, "dry_run": "yes"}, "/params/dry_run"),
    ("job/submit", {"kind": "ask", "input": {"prompt": "x"}, "options": {"a": 1}}, "/params/options/a"),
    ("job/submit", {"kind": "ask", "input": {"prompt": "x"}, "commands": [[]]}, "/params/commands/0"),
    ("job/submit", {"kind": "ask", "input": {"prompt": "x"}, "commands": [["a"]] * 65}, "/params/commands"),
    ("job/attach", {"job": "x"}, "/params/job"),
    ("job/attach", {"job": ULID, "after": -1}, "/params/after"),
    ("job/attach", {"job": ULID, "after": 1.5}, "/params/after"),
    ("job/list", {"limit": 0}, "/params/limit"),
    ("job/list", {"limit": 1001}, "/params/limit"),
    ("job/list", {"state": ["asleep"]}, "/params/state/0"),
    ("job/answer", {"job": ULID}, "/params/wait"),
    ("job/answer", {"job": ULID, "wait": 1, "command": {"index": 0, "status": 300, "output": ""}}, "/params/command/status"),
    ("job/answer", {"job": ULID, "wait": 1, "command": {"index": 0, "status": 0, "output": "x" * 65537}}, "/params/command/output"),
    ("blob/put", {"job": ULID}, "/params/sha256"),
    ("blob/put", {"job": ULID, "sha256": "AB" * 32, "size": 1, "data": ""}, "/params/sha256"),
    ("blob/put", {"job": ULID, "sha256": "ab" * 32, "size": 17 * MIB, "data": ""}, "/params/size"),
    ("blob/put", {"job": ULID, "sha256": "ab" * 32, "size": 1, "data": "AAAAA"}, "/params/data"),
    ("blob/put", {"job": ULID, "sha256": "ab" * 32, "size": 6 * MIB, "data": "A" * (6 * MIB)}, "/params/data"),
    ("blob/get", {"job": ULID, "sha256": "ab" * 32, "limit": 0}, "/params/limit"),
    ("cache/trim", {"max_bytes": "all"}, "/params/max_bytes"),
    ("daemon/stop", {"mode": "never"}, "/params/mode"),
    ("daemon/status", {"x": 1}, "/params/x"),
])
def test_bad_parameters_are_named(daemon, method, params, where):
    m = Raw(daemon).ask(method, params)
    assert error_name(m) == "invalid_params", m
    assert m["error"]["data"]["where"] == where, m
    assert m["error"]["code"] == -32602


@pytest.mark.parametrize("input, where", [
    ({}, "/params/input/prompt"), ({"prompt": 1}, "/params/input/prompt"), ({"prompt": "x", "tier": "best"}, "/params/input/tier"),
    ({"prompt": "x", "colour": 1}, "/params/input/colour"), ({"prompt": "x", "max_tokens": -1}, "/params/input/max_tokens")])
def test_bad_input_of_a_kind_is_named(daemon, input, where):
    m = Raw(daemon).ask("job/submit", {"kind": "ask", "input": input})
    assert error_name(m) == "invalid_params", m
    assert m["error"]["data"]["where"] == where, m


def test_a_duplicate_key_in_params_is_refused(daemon):
    c = Raw(daemon)
    c.put(b'{"jsonrpc":"2.0","id":1,"method":"job/submit","params":{"kind":"ask","kind":"generate","input":{"prompt":"x"}}}\n')
    assert error_name(c.read()) in ("invalid_params", "parse_error", "invalid_request")
    c.put(b'{"jsonrpc":"2.0","id":1,"method":"job/submit","params":{"meta":{},"kind":"ask","input":{"prompt":"x"},"meta":{"key":"k"}}}\n')
    assert error_name(c.read()) in ("invalid_params", "parse_error", "invalid_request")
    assert daemon.rpc().ok("job/list")["jobs"] == []


def test_ids_come_back_as_they_were(daemon):
    c = Raw(daemon)
    for id in ("1", 1, "a", "", "é \\ \" \n", -7, 0, 1 << 53, 1.5, "x" * 254, None):
        c.request(id, "initialize")
        if id is not None:
            m = c.read()
            assert m["id"] == id and type(m["id"]) is type(id)
    c.put(b'{"jsonrpc":"2.0","id":"\\u0061\\/b","method":"initialize"}\n')
    m = c.read()
    while m["id"] is None:  # a null id may be answered or be a notification
        m = c.read()
    assert m["id"] == "a/b"


def test_notifications_have_no_answer(daemon):
    c = Raw(daemon)
    c.send({"jsonrpc": "2.0", "method": "initialize"})
    c.send({"jsonrpc": "2.0", "method": "no/such"})
    c.send({"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"id": 77}})
    c.send({"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"wrong": 77}})
    c.send({"jsonrpc": "2.0", "id": 3, "result": {}})
    assert c.ask("initialize", id=8)["result"]


# ---- many, pipelined, cancelled ----


def test_300_requests_at_once(daemon):
    c = Raw(daemon)
    c.put(b"".join(c.frame({"jsonrpc": "2.0", "id": i, "method": "daemon/status" if i % 3 else "job/list"}) for i in range(300)))
    seen = {}
    while len(seen) < 300:
        m = c.read()
        assert m["id"] not in seen
        seen[m["id"]] = "result" in m
    assert set(seen) == set(range(300)) and all(seen.values())


def test_200_submits_at_once(daemon, sim):
    sim.faults({"kind": "slow_first_byte", "ms": 60000})
    c = Raw(daemon)
    c.put(b"".join(c.frame({"jsonrpc": "2.0", "id": i, "method": "job/submit",
                            "params": {"kind": "ask", "input": {"prompt": f"Question {i}"}}}) for i in range(200)))
    jobs = {}
    while len(jobs) < 200:
        m = c.read()
        jobs[m["id"]] = m["result"]["job"]
    assert len(set(jobs.values())) == 200
    # ids are given in the order of the submits
    assert [jobs[i] for i in range(200)] == sorted(jobs.values())
    for i in range(200):
        c.request(i, "job/cancel", {"job": jobs[i]})
    assert {c.read()["result"]["state"] for _ in range(200)} == {"cancelled"}


def test_over_the_calls_of_a_connection_is_an_answer(daemon, sim):
    """256 requests may be under way; a durable submit is under way until its commit."""
    sim.faults({"kind": "slow_first_byte", "ms": 60000})
    c = Raw(daemon)
    c.put(b"".join(c.frame({"jsonrpc": "2.0", "id": i, "method": "job/submit",
                            "params": {"kind": "ask", "input": {"prompt": f"Question {i}"}}}) for i in range(600)))
    replies = [c.read() for _ in range(600)]
    assert {m["id"] for m in replies} == set(range(600))
    refused = [m for m in replies if "error" in m]
    assert all(error_name(m) == "too_many_sessions" and m["error"]["data"]["retryable"] for m in refused), refused[0]
    accepted = {m["result"]["job"] for m in replies if "result" in m}
    assert len(accepted) == 600 - len(refused) >= 256
    rpc = daemon.rpc()
    listed = {j["job"] for j in rpc.ok("job/list", {"limit": 1000})["jobs"]}
    assert listed == accepted
    for job in accepted:
        rpc.ok("job/cancel", {"job": job})


def test_a_quick_reply_overtakes_a_slow_one(daemon, sim):
    c = Raw(daemon)
    c.put(c.frame({"jsonrpc": "2.0", "id": "slow", "method": "cache/verify"}) +
          c.frame({"jsonrpc": "2.0", "id": "quick", "method": "initialize"}))
    assert {c.read()["id"], c.read()["id"]} == {"slow", "quick"}


def test_cancel_request(daemon, sim):
    sim.faults({"kind": "slow_first_byte", "ms": 60000})
    c = Raw(daemon)
    submit = {"jsonrpc": "2.0", "id": "s", "method": "job/submit", "params": {"kind": "ask", "input": {"prompt": "Whither?"}}}
    c.put(c.frame(submit) + c.frame({"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"id": "s"}}))
    m = c.read()
    assert m["id"] == "s" and m["error"]["code"] == -32800
    # answered once: the next message on the line is the next answer
    assert c.ask("initialize", id="next")["result"]
    # what was accepted meanwhile stays, and is found by list once it is on disk
    rpc = daemon.rpc()
    deadline = time.monotonic() + DEADLINE
    while not (jobs := rpc.ok("job/list")["jobs"]):
        assert time.monotonic() < deadline
    for job in jobs:
        rpc.ok("job/cancel", {"job": job["job"]})


# ---- peers that do not read ----


def fill_up(daemon, c, data, n):
    """Sends data n times, as much as the other side takes: none, though it serves others."""
    c.s.setblocking(False)
    sent, rest, deadline = 0, b"", time.monotonic() + DEADLINE
    while sent < n and time.monotonic() < deadline:
        rest = rest or data
        try:
            rest = rest[c.s.send(rest):]
            sent += not rest
        except BlockingIOError:
            if select.select([], [c.s], [], 1)[1]:
                continue
            is_served(daemon)
            if not select.select([], [c.s], [], 0)[1]:
                break
        except (BrokenPipeError, ConnectionResetError):
            break
    return sent


def test_peers_that_do_not_read_end_and_harm_nobody(lean, sim, place):
    """One is subscribed again and again to all events of a job, one submits 10,000 requests, one asks for much: none reads.
    Others are served meanwhile, memory stays bounded, and after its time each connection ends."""
    rpc = lean.rpc()
    spec = write_spec(place / "s.yaml", n_entities=8)
    job = rpc.ok("job/submit", {"kind": "generate", "input": {"spec": {"name": "s.yaml", "text": spec.read_text()}}})["job"]
    rpc.ok("job/attach", {"job": job, "after": 0})
    end = rpc.end()
    assert end["type"] == "done"
    known = {"kind": "ask", "input": {"prompt": "Tell of the sea in 800 words."}}
    rpc.ok("job/attach", {"job": rpc.ok("job/submit", known)["job"], "after": 0})
    assert len(rpc.end()["text"]) > 3000
    assert rpc.ok("job/submit", known)["cached"]
    is_served(lean)
    before = memory(lean)
    start = time.monotonic()

    subscribed = Raw(lean)
    fill_up(lean, subscribed, subscribed.frame({"jsonrpc": "2.0", "id": 1, "method": "job/attach", "params": {"job": job, "after": 0}}), 500)
    asking = Raw(lean)
    n = fill_up(lean, asking, asking.frame({"jsonrpc": "2.0", "id": 1, "method": "rpc.discover"}), 10000)
    assert n < 10000  # it is not read for ever
    submitting = Raw(lean)
    n = fill_up(lean, submitting, submitting.frame({"jsonrpc": "2.0", "id": 1, "method": "job/submit", "params": known}), 10000)
    assert n < 10000
    half = Raw(lean)
    half.put(b'{"jsonrpc":"2.0","id":1,')
    header = Raw(lean, headers=True)
    header.put(b"Content-Length: 50\r\n\r\n{")

    peers = {"subscribed": subscribed, "asking": asking, "submitting": submitting, "half": half, "header": header}
    ended, worst = {}, 0
    poll = select.poll()
    for c in peers.values():
        poll.register(c.s, 0)  # only hang-ups: nobody reads
    while len(ended) < len(peers) and time.monotonic() - start < PATIENCE_S + DEADLINE:
        worst = max(worst, is_served(lean))
        assert memory(lean) - before < MEMORY_BYTES
        for fd, what in poll.poll(500):
            name = next(k for k, c in peers.items() if c.s.fileno() == fd)
            ended[name] = time.monotonic() - start
            poll.unregister(fd)
    assert set(ended) == set(peers), ended
    assert all(PATIENCE_S - 0.5 < t for t in ended.values()), ended
    print(f"worst round trip {worst * 1000:.1f} ms, memory +{(memory(lean) - before) / MIB:.1f} MiB, ended {ended}")
    assert half.ends() and b"in time" in half.buffer


def test_a_slow_reader_gets_everything(daemon, place):
    """It reads a little at a time: the cursor goes on where the socket lets it, and no event is lost or doubled."""
    rpc = daemon.rpc()
    spec = write_spec(place / "s.yaml", n_entities=8)
    job = rpc.ok("job/submit", {"kind": "generate", "input": {"spec": {"name": "s.yaml", "text": spec.read_text()}}})["job"]
    slow = Raw(daemon, rcvbuf=4096)
    slow.request(1, "job/attach", {"job": job, "after": 0, "deltas": True})
    rpc.ok("job/attach", {"job": job, "after": 0})
    end = rpc.end()
    seqs = []
    while not seqs or seqs[-1] < end["seq"]:
        if b"\n" not in slow.buffer:
            slow.buffer += slow.s.recv(512)
            continue
        line, slow.buffer = slow.buffer.split(b"\n", 1)
        m = json.loads(line)
        if m.get("method") == "job/event" and "seq" in m["params"]:
            seqs.append(m["params"]["seq"])
    assert seqs == list(range(1, end["seq"] + 1))


# ---- sessions ----


def test_limits_of_sessions(place, sim):
    d = Daemon(place, config_for(sim, "limits: {sessions: 20, sessions_per_user: 10}\n"))
    d.start()
    open_ones = [Raw(d) for _ in range(10)]
    for c in open_ones:
        assert c.ask("initialize")["result"]
    over = Raw(d)
    m = over.read()
    assert error_name(m) == "too_many_sessions" and m["error"]["data"]["retryable"] and m["id"] is None
    assert over.ends()
    for c in open_ones:
        assert c.ask("initialize")["result"]
    open_ones.pop().close()
    deadline = time.monotonic() + DEADLINE
    while True:  # its end is seen soon
        c = Raw(d)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # refused before it could ask
            c.request(1, "initialize")
            if "result" in c.read():
                break
        assert time.monotonic() < deadline
    d.stop()


def test_limit_of_sessions_in_all(place, sim):
    d = Daemon(place, config_for(sim, "limits: {sessions: 5, sessions_per_user: 100}\n"))
    d.start()
    open_ones = [Raw(d) for _ in range(5)]
    for c in open_ones:
        assert c.ask("initialize")["result"]
    assert error_name(Raw(d).read()) == "too_many_sessions"
    d.stop()


def test_subscriptions_of_a_connection_are_bounded(daemon, sim):
    sim.faults({"kind": "slow_first_byte", "ms": 60000})
    rpc = daemon.rpc()
    jobs = [rpc.ok("job/submit", {"kind": "ask", "input": {"prompt": f"n {i}"}})["job"] for i in range(65)]
    for job in jobs[:64]:
        rpc.ok("job/attach", {"job": job, "after": 0})
    assert rpc.error("job/attach", {"job": jobs[64]})["data"]["name"] == "too_many_sessions"
    rpc.ok("job/attach", {"job": jobs[0], "after": 0})  # attaching again only moves the cursor
    rpc.ok("job/detach", {"job": jobs[0]})
    rpc.ok("job/attach", {"job": jobs[64], "after": 0})
    for job in jobs:
        rpc.ok("job/cancel", {"job": job})


@pytest.mark.parametrize("ending", [b"\n", b""])
def test_half_close_gets_its_answers(daemon, ending):
    """As `nc -N` does: all is sent, the sending side is closed, then the answers are read."""
    c = Raw(daemon)
    c.put(b'{"jsonrpc":"2.0","id":1,"method":"initialize"}\n{"jsonrpc":"2.0","id":2,"method":"cache/verify"}\n'
          b'{"jsonrpc":"2.0","id":3,"method":"job/list"}' + ending)
    c.s.shutdown(socket.SHUT_WR)
    assert c.ends()
    assert {json.loads(line)["id"] for line in c.buffer.splitlines()} == {1, 2, 3}


def test_half_close_after_a_submit(daemon):
    c = Raw(daemon)
    c.put(b'{"jsonrpc":"2.0","id":1,"method":"job/submit","params":{"kind":"ask","input":{"prompt":"What is a quay?"}}}')
    c.s.shutdown(socket.SHUT_WR)
    assert c.ends()
    job = json.loads(c.buffer)["result"]["job"]
    rpc = daemon.rpc()
    rpc.ok("job/attach", {"job": job, "after": 0})
    assert rpc.end()["type"] == "done"


@pytest.mark.skipif(not shutil.which("nc"), reason="needs nc")
def test_nc(daemon):
    r = subprocess.run(["nc", "-N", "-U", str(daemon.socket)], input=b'{"jsonrpc":"2.0","id":1,"method":"initialize"}\n',
                       capture_output=True, timeout=DEADLINE)
    assert json.loads(r.stdout)["result"]["protocol"] == 1


def test_idle_connections_cost_little(lean):
    warm = [Raw(lean) for _ in range(20)]
    for c in warm:
        assert c.ask("initialize")["result"]
    is_served(lean)
    before = memory(lean)
    idle = [Raw(lean) for _ in range(200)]
    for c in idle:
        assert c.ask("initialize")["result"]
    cost = memory(lean) - before
    print(f"{cost / 200:.0f} bytes for an idle connection")
    assert cost < 200 * 16384  # under a sanitizer; a buffer of SESSION_READ_BYTES each would be 13 MB
    is_served(lean)
    assert lean.rpc().ok("stats/get")


def test_connections_that_come_and_go(lean):
    def churn(n):
        for i in range(n):
            c = Raw(lean, headers=i % 2 == 1)
            if i % 3 == 0:
                c.request(1, "job/list")
            elif i % 3 == 1:
                c.put(b"C" if c.headers else b"{")
            c.close()

    churn(300)
    is_served(lean)
    before = memory(lean), len(os.listdir(f"/proc/{lean.process.pid}/fd"))
    churn(1500)
    is_served(lean)
    rpc = lean.rpc()
    deadline = time.monotonic() + DEADLINE
    while len(os.listdir(f"/proc/{lean.process.pid}/fd")) > before[1] + 1:
        rpc.ok("daemon/status")
        assert time.monotonic() < deadline
    assert memory(lean) - before[0] < 8 * MIB


# ---- what the daemon tells of itself ----


def test_discover_is_valid_and_whole(daemon):
    document = daemon.rpc().ok("rpc.discover")
    assert document["openrpc"].startswith("1.") and document["info"]["title"] and document["info"]["version"]
    names = [m["name"] for m in document["methods"]]
    assert len(names) == len(set(names))
    text = (ROOT / "docs" / "protocol.md").read_text()
    table = text.split("## Methods", 1)[1].split("\n## ", 1)[0].split("###")[0]
    documented = {line.split("`")[1] for line in table.splitlines() if line.startswith("| `")}
    assert set(names) == documented
    for m in document["methods"]:
        for p in m["params"]:
            assert p["name"] and isinstance(p["schema"], dict), m
        assert isinstance(m.get("result", {}), dict)


def test_every_method_answers_to_nothing(daemon):
    """Called without parameters each method gives a result or an error of its own; none is silent and none is internal."""
    c = Raw(daemon)
    for m in c.ask("rpc.discover")["result"]["methods"]:
        if m["name"] in ("$/cancelRequest", "daemon/stop"):
            continue
        answer = c.ask(m["name"], id=m["name"])
        assert "result" in answer or error_name(answer) != "internal", (m["name"], answer)


def test_stats_and_status(daemon):
    rpc = daemon.rpc()
    stats = rpc.ok("stats/get")
    assert stats and all(isinstance(v, (int, float, dict)) for v in stats.values()), stats
    before = stats["counters"]["frames_in"] if "counters" in stats else stats["frames_in"]
    rpc.ok("daemon/status")
    stats = rpc.ok("stats/get")
    assert (stats["counters"]["frames_in"] if "counters" in stats else stats["frames_in"]) == before + 2
    status = rpc.ok("daemon/status")
    assert set(status) >= {"version", "pid", "uid", "uptime_s", "state", "jobs", "calls", "providers", "memory"}
    assert status["pid"] == daemon.process.pid and status["uid"] == os.getuid() and status["state"] == "ready"
    assert status["jobs"] == {"running": 0, "queued": 0, "waiting": 0} and status["calls"]["running"] == 0
    assert "sim" in [p["name"] for p in status["providers"] if p["configured"]]
    assert all(p["reason"] for p in status["providers"] if not p["configured"])


# ---- other users ----

NOBODY = 65534
AS_ANOTHER = """
import json, socket, sys
s = socket.socket(socket.AF_UNIX)
s.settimeout(60)
s.connect(sys.argv[1])
for text in sys.argv[2:]:
    try:
        s.sendall(text.encode() + b"\\n")
    except OSError:
        break
s.shutdown(socket.SHUT_WR)
out = b""
while True:
    try:
        data = s.recv(65536)
    except OSError:
        break
    if not data:
        break
    out += data
sys.stdout.write(out.decode())
"""

needs_root = pytest.mark.skipif(os.getuid() != 0 or not shutil.which("setpriv"), reason="needs root and setpriv to be another user")


def as_nobody(daemon, *messages):
    r = subprocess.run(["setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups", "/usr/bin/python3", "-c", AS_ANOTHER,
                        str(daemon.socket), *(json.dumps({"jsonrpc": "2.0", "id": i, **m}) for i, m in enumerate(messages))],
                       capture_output=True, text=True, timeout=DEADLINE)
    return r, [json.loads(line) for line in r.stdout.splitlines()]


@needs_root
def test_another_user_is_refused(daemon, place):
    """The socket's mode keeps others out; one that got hold of a connection's path by other means is cut by its credentials."""
    place.chmod(0o755)
    assert daemon.socket.stat().st_mode & 0o777 == 0o600
    r, answers = as_nobody(daemon, {"method": "daemon/status"})
    assert r.returncode != 0 and "PermissionError" in r.stderr
    daemon.socket.chmod(0o666)  # after the start: not what the daemon was given
    r, answers = as_nobody(daemon, {"method": "daemon/status"})
    assert answers == [], answers
    assert "refused" in daemon.log()
    is_served(daemon)


@needs_root
def test_users_of_an_open_socket_see_only_their_own(place, sim):
    """A socket that was made for all (0666, as systemd would): each sees its own jobs."""
    place.chmod(0o755)
    d = Daemon(place, config_for(sim))
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(d.socket))
    d.socket.chmod(0o666)
    listener.listen(64)
    start_with_socket(d, listener)
    rpc = d.rpc()
    mine = rpc.ok("job/submit", {"kind": "ask", "input": {"prompt": "What is mine?"}})["job"]
    rpc.ok("job/attach", {"job": mine, "after": 0})
    assert rpc.end()["type"] == "done"
    blob = "ab" * 32
    r, answers = as_nobody(
        d, {"method": "job/list"}, {"method": "job/get", "params": {"job": mine}}, {"method": "job/attach", "params": {"job": mine}},
        {"method": "job/cancel", "params": {"job": mine}}, {"method": "job/resume", "params": {"job": mine}},
        {"method": "job/explain", "params": {"job": mine}}, {"method": "blob/get", "params": {"job": mine, "sha256": blob}},
        {"method": "job/detach", "params": {"job": mine}}, {"method": "job/answer", "params": {"job": mine, "wait": 1}},
        {"method": "daemon/stop"}, {"method": "daemon/reload"}, {"method": "cache/clear"}, {"method": "cache/trim"}, {"method": "cache/verify"},
        {"method": "daemon/status"}, {"method": "job/submit", "params": {"kind": "ask", "input": {"prompt": "What is mine?"}}})
    by_id = {m["id"]: m for m in answers}
    assert len(by_id) == 16, (r.stderr, answers)
    assert by_id[0]["result"]["jobs"] == []
    for i in (1, 2, 3, 4, 5, 6, 8):
        assert error_name(by_id[i]) == "no_such_job", by_id[i]
    for i in range(9, 14):
        assert "error" in by_id[i], by_id[i]
    assert by_id[14]["result"]["state"] == "ready"
    theirs = by_id[15]["result"]
    # a result may be shared by F; a job is theirs
    assert theirs.get("cached") or theirs["job"] != mine
    if "job" in theirs:  # root sees the jobs of all
        assert theirs["job"] in [j["job"] for j in rpc.ok("job/list")["jobs"]]
    assert rpc.ok("job/get", {"job": mine})["state"] == "done"
    d.stop()
    listener.close()


@needs_root
def test_a_users_configuration_travels_to_a_daemon_of_another(place, sim):
    """A system's daemon opens no file of the user's: the client sends the text, of which job options count."""
    place.chmod(0o755)
    d = Daemon(place, config_for(sim))
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(d.socket))
    d.socket.chmod(0o666)
    listener.listen(64)
    start_with_socket(d, listener)
    home = place / "theirs"
    home.mkdir()
    genopt = shutil.copy2(pathlib.Path(GENOPTD).parent.parent / "client/genopt", home / "genopt")
    spec = write_spec(home / "s.yaml", n_entities=1)

    def plan(config):
        (home / "genopt.yaml").write_text(config)
        os.chown(home / "genopt.yaml", NOBODY, NOBODY)
        (home / "genopt.yaml").chmod(0o600)
        return subprocess.run(["setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups", str(genopt), "gen", str(spec),
                               "-o", str(home / "out"), "--dry-run", "--json"], capture_output=True, text=True, timeout=DEADLINE,
                              env={"PATH": os.environ["PATH"], "HOME": str(home), "GENOPT_SOCKET": str(d.socket), "GENOPT_CONFIG": str(home / "genopt.yaml"),
                                   **{k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")}})

    def kinds(r):
        assert r.returncode == 0, r.stderr
        return {s["kind"] for s in json.loads(r.stdout)["steps"]}

    assert "template" in kinds(plan("limits: {sessions: 1}\n"))
    assert "template" not in kinds(plan("optimization: {template: off}\n"))
    r = plan("optimization:\n  tempalte: off\n")
    assert r.returncode == 78 and "genopt.yaml:2:3" in r.stdout and "optimization.template" in r.stdout, r
    r = plan("limits: {calls: 100}\nbudget: {job_usd: 0.5}\n")
    assert r.returncode == 0, r
    d.stop()
    listener.close()


def start_with_socket(d, listener):
    """As a service manager does it: the socket is descriptor 3."""
    notify_path = d.dir / "notify"
    notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    notify.bind(str(notify_path))
    notify.settimeout(0.05)
    log = d.dir / f"log.{len(d.logs)}"
    d.logs.append(log)
    d.process = subprocess.Popen(
        ["/bin/bash", "-c", f'exec 3<&{listener.fileno()}; LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=rpc exec "$0"', GENOPTD],
        env={**d.env, "NOTIFY_SOCKET": str(notify_path)}, pass_fds=[listener.fileno()], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=open(log, "wb"))
    deadline = time.monotonic() + DEADLINE
    while True:
        try:
            if b"READY=1" in notify.recv(4096):
                notify.close()
                return
        except (TimeoutError, socket.timeout):
            pass
        assert d.process.poll() is None and time.monotonic() < deadline, log.read_text()
