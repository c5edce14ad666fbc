"""The simulator by itself: what the daemon's tests rest on. Talks to it by http.client, compiles what it writes with go."""

import json
import pathlib
import re
import subprocess
import threading
import http.client

import pytest

from conftest import ROOT, Sim

HEADERS = {"x-api-key": "k", "anthropic-version": "2023-06-01", "content-type": "application/json"}
BLUEPRINT = ROOT / "blueprints" / "go-service"


def post(sim, body, headers=HEADERS, path="/v1/messages"):
    c = http.client.HTTPConnection("127.0.0.1", sim.port, timeout=30)
    c.request("POST", path, body if isinstance(body, (str, bytes)) else json.dumps(body), headers)
    r = c.getresponse()
    return r, r.read()


def message(text, model="claude-sonnet-5-5", **more):
    return {"model": model, "max_tokens": 4000, "messages": [{"role": "user", "content": text}], **more}


def ask(sim, text, **more):
    r, data = post(sim, message(text, **more))
    assert r.status == 200, data
    return json.loads(data)


def events(data):
    """SSE as (event, data) pairs."""
    found = []
    for block in data.decode().replace("\r\n", "\n").split("\n\n"):
        lines = [line for line in block.split("\n") if line and not line.startswith(":")]
        if lines:
            found.append((lines[0].removeprefix("event: "), json.loads(lines[1].removeprefix("data: "))))
    return found


def text_of(data):
    return "".join(d["delta"]["text"] for e, d in events(data) if e == "content_block_delta")


def marked(text, ttl=None):
    return {"type": "text", "text": text, "cache_control": {"type": "ephemeral", **({"ttl": ttl} if ttl else {})}}


def plain(text):
    return {"type": "text", "text": text}


# -- HTTP and streams

def test_stream_is_in_the_order_of_the_protocol(sim):
    r, data = post(sim, message("How is a knot tied?", stream=True))
    assert r.status == 200 and r.getheader("content-type").startswith("text/event-stream")
    names = [e for e, _ in events(data)]
    assert names[:3] == ["message_start", "content_block_start", "ping"]
    assert names[-3:] == ["content_block_stop", "message_delta", "message_stop"]
    start, end = events(data)[0][1]["message"], events(data)[-2][1]
    assert start["id"].startswith("msg_") and r.getheader("request-id").startswith("req_")
    assert end["usage"]["input_tokens"] == start["usage"]["input_tokens"] > 0
    assert end["usage"]["output_tokens"] > start["usage"]["output_tokens"]
    whole = ask(sim, "How is a knot tied?")
    assert whole["content"][0]["text"] == text_of(data)
    assert whole["usage"] == end["usage"]


def test_connection_is_kept_and_get_and_head_work(sim):
    c = http.client.HTTPConnection("127.0.0.1", sim.port, timeout=30)
    for _ in range(3):
        c.request("HEAD", "/")
        r = c.getresponse()
        assert r.status == 200 and r.read() == b""
        c.request("GET", "/v1/models")
        assert len(json.loads(c.getresponse().read())["data"]) > 5
    c.request("GET", "/nowhere")
    assert c.getresponse().status == 404
    assert sim.stats()["connections"] == 2


def test_chunked_request_and_http_1_0(sim):
    c = http.client.HTTPConnection("127.0.0.1", sim.port, timeout=30)
    body = json.dumps(message("In pieces.")).encode()
    c.request("POST", "/v1/messages", iter([body[:10], body[10:]]), HEADERS, encode_chunked=True)
    assert c.getresponse().status == 200
    c = http.client.HTTPConnection("127.0.0.1", sim.port, timeout=30)
    c._http_vsn, c._http_vsn_str = 10, "HTTP/1.0"
    c.request("POST", "/v1/messages", json.dumps(message("Old.", stream=True)), HEADERS)
    r = c.getresponse()
    assert r.getheader("transfer-encoding") is None
    assert events(r.read())[-1][0] == "message_stop"


def test_answers_depend_on_prompt_and_model_only(sim):
    a = ask(sim, "What is a sextant? In 40 words.")["content"][0]["text"]
    assert a == ask(sim, "What is a sextant? In 40 words.")["content"][0]["text"]
    assert a != ask(sim, "What is a compass? In 40 words.")["content"][0]["text"]
    assert 35 < len(a.split("\n\n", 1)[1].split()) < 45
    exact = ask(sim, "Please reply with exactly 8192 bytes of text.")
    assert len(exact["content"][0]["text"].encode()) == 8192
    short = ask(sim, "Tell all. In 900 words.", max_tokens=50)
    assert short["stop_reason"] == "max_tokens" and short["usage"]["output_tokens"] == 50


@pytest.mark.parametrize("change,status,words", [
    ({"temperature": 0.2}, 400, "temperature"),
    ({"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}, 400, "prefill"),
    ({"messages": []}, 400, "at least one message"),
    ({"messages": [{"role": "assistant", "content": "b"}]}, 400, "user"),
    ({"messages": [{"role": "user", "content": [plain("")]}]}, 400, "non-empty"),
    ({"messages": [{"role": "user", "content": [plain("x"), marked("")]}]}, 400, "empty text blocks"),
    ({"system": [marked("a"), marked("b", "1h")]}, 400, "must not come after"),
    ({"system": [marked(str(i)) for i in range(5)]}, 400, "Found 5"),
    ({"thinking": {"type": "enabled", "budget_tokens": 2000}}, 400, "thinking"),
    ({"tools": [{"name": "f", "input_schema": {}}], "tool_choice": {"type": "any"}}, 400, "tool_choice"),
    ({"max_tokens": 200000}, 400, "maximum allowed number"),
    ({"max_tokens": 0, "stream": True}, 400, "max_tokens"),
    ({"colour": "red"}, 400, "Extra inputs"),
    ({"model": "gpt-1"}, 404, "gpt-1"),
])
def test_requests_that_the_service_refuses(sim, change, status, words):
    r, data = post(sim, {**message("x"), **change})
    body = json.loads(data)
    assert r.status == status and words in body["error"]["message"], body
    assert body["type"] == "error" and body["request_id"] == r.getheader("request-id")


@pytest.mark.parametrize("body", [b"", b"{", b"[1,]", b'{"a":1,}', b'{"a" 1}', b'{"a":1,"a":2}', b'{"model":"\\ud800"}', b'{"model":"\\u0000"}', b'{"model":"\xff"}',
                                  b'{"model":"x"} y', b"[" * 100, b'{"model":"a\nb"}', b"tru", b'{"n":01}', b'{"model":"\\q"}'])
def test_bodies_that_are_no_json(sim, body):
    r, data = post(sim, body)
    assert r.status == 400 and "not valid JSON" in json.loads(data)["error"]["message"]


def test_text_comes_through_whole(sim):
    text = 'quote " slash \\ / tab \t line\n\b\f\r é ☃ 😀 \u007f'
    for ascii_only in (True, False):
        r, _ = post(sim, json.dumps(message(text), ensure_ascii=ascii_only).encode())
        assert r.status == 200 and sim.requests()[-1]["prompt"][0]["text"] == text


def test_old_models_take_what_new_ones_refuse(sim):
    ask(sim, "x", model="claude-haiku-4-5", temperature=0.2)
    r, _ = post(sim, {**message("x", model="claude-haiku-4-5"),
                      "messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]})
    assert r.status == 200


def test_headers_that_are_needed(place):
    sim = Sim(place, "--key", "right")
    good = {**HEADERS, "x-api-key": "right"}
    for headers, status in [({**good, "x-api-key": "wrong"}, 401), ({k: v for k, v in good.items() if k != "x-api-key"}, 401),
                            ({**good, "authorization": "Bearer x"}, 401), ({"authorization": "Bearer right", "anthropic-version": "2023-06-01"}, 200),
                            ({k: v for k, v in good.items() if k != "anthropic-version"}, 400), ({**good, "anthropic-beta": "odd-2020"}, 400),
                            ({**good, "anthropic-beta": "fast-mode-2026-02-01"}, 200)]:
        assert post(sim, message("x"), headers)[0].status == status, headers
    assert "right" not in sim.log_path.read_text()
    sim.close()


def test_body_that_is_too_large_is_refused_by_the_front(sim):
    r, data = post(sim, b" " * (33 << 20))
    assert r.status == 413 and data.startswith(b"<html>")


def test_counting(sim):
    body = message("count me " * 50)
    del body["max_tokens"]
    r, data = post(sim, body, path="/v1/messages/count_tokens")
    assert json.loads(data)["input_tokens"] == ask(sim, "count me " * 50)["usage"]["input_tokens"]


# -- cache

STABLE = "The harbour master keeps a book of berths, tides and dues. " * 120  # above every minimum but haiku's


def cached(sim, system, tail, model="claude-sonnet-5-5", **more):
    u = json.loads(post(sim, {"model": model, "max_tokens": 20, "system": system, "messages": [{"role": "user", "content": tail}], **more})[1])["usage"]
    return u["input_tokens"], u["cache_read_input_tokens"], u["cache_creation_input_tokens"]


def test_cache_is_written_at_a_mark_and_read_by_the_next(sim):
    i1, r1, w1 = cached(sim, [marked(STABLE)], "first")
    i2, r2, w2 = cached(sim, [marked(STABLE)], "second")
    assert (r1, w2) == (0, 0) and w1 == r2 > 512 and i1 < 50 and i2 < 50
    assert cached(sim, [plain(STABLE)], "third")[1:] == (0, 0)
    assert cached(sim, [marked(STABLE)], "x", model="claude-opus-5-5")[1] == 0
    assert cached(sim, [marked(STABLE + ".")], "x")[1] == 0


def test_cache_has_a_minimum(sim):
    assert cached(sim, [marked("short")], "x")[1:] == (0, 0)
    assert cached(sim, [marked(STABLE)], "x", model="claude-haiku-4-5")[1:] == (0, 0)


def test_cache_lifetime_counts_from_the_start_and_reads_refresh(sim):
    cached(sim, [marked(STABLE, "5m")], "a")
    for _ in range(3):
        sim.http("POST", "/sim/advance", {"seconds": 250})
        assert cached(sim, [marked(STABLE)], "b")[1] > 0
    sim.http("POST", "/sim/advance", {"seconds": 301})
    assert cached(sim, [marked(STABLE, "1h")], "c")[1] == 0
    sim.http("POST", "/sim/advance", {"seconds": 3000})
    assert cached(sim, [marked(STABLE, "1h")], "d")[1] > 0


def test_cache_bills_two_lifetimes(sim):
    body = {"model": "claude-sonnet-5-5", "max_tokens": 5, "system": [marked(STABLE, "1h")],
            "messages": [{"role": "user", "content": [marked(STABLE), plain("x")]}]}
    u = json.loads(post(sim, body)[1])["usage"]
    assert u["cache_creation"]["ephemeral_1h_input_tokens"] > 512 and u["cache_creation"]["ephemeral_5m_input_tokens"] > 512
    assert u["cache_creation_input_tokens"] == sum(u["cache_creation"].values())
    assert sim.stats()["nanousd"] == (u["input_tokens"] * 2000 + u["cache_creation"]["ephemeral_1h_input_tokens"] * 4000
                                      + u["cache_creation"]["ephemeral_5m_input_tokens"] * 2500 + u["output_tokens"] * 10000)


def test_cache_looks_back_twenty_positions(sim):
    blocks = [plain(f"Part {i}. " + STABLE[:600]) for i in range(30)]

    def at(n):
        content = [dict(b) for b in blocks[:n]]
        content[-1] = {**content[-1], "cache_control": {"type": "ephemeral"}}
        return json.loads(post(sim, {"model": "claude-sonnet-5-5", "max_tokens": 5, "messages": [{"role": "user", "content": content}]})[1])["usage"]
    first = at(5)["cache_creation_input_tokens"]
    assert at(24)["cache_read_input_tokens"] == first
    sim.http("POST", "/sim/reset")
    at(5)
    assert at(25)["cache_read_input_tokens"] == 0


def test_cache_is_visible_only_after_the_first_event(place):
    sim = Sim(place, "--speed", "1", "--first-ms", "0", "--tokens-per-second", "100000")
    sim.faults({"kind": "hold", "times": 1})
    results = []
    slow = threading.Thread(target=lambda: results.append(cached(sim, [marked(STABLE)], "slow")))
    slow.start()
    while sim.stats()["in_flight"] == 0:
        pass
    assert cached(sim, [marked(STABLE)], "at once")[1] == 0  # both write
    sim.faults()
    slow.join()
    assert results[0][1] == 0 and cached(sim, [marked(STABLE)], "later")[1] > 0
    sim.close()


def test_prewarming_and_unexplained_misses(sim):
    r, data = post(sim, {"model": "claude-sonnet-5-5", "max_tokens": 0, "system": [marked(STABLE)], "messages": [{"role": "user", "content": "."}]})
    warm = json.loads(data)
    assert warm["content"] == [] and warm["stop_reason"] == "max_tokens" and warm["usage"]["output_tokens"] == 0
    assert cached(sim, [marked(STABLE)], "x")[1] > 0
    sim.http("POST", "/sim/options", {"miss-rate": 1})
    assert cached(sim, [marked(STABLE)], "x")[1] == 0


# -- limits, pace, faults

def test_rate_limits_and_their_headers(place):
    sim = Sim(place, "--rpm", "3", "--itpm", "100000", "--otpm", "50000")
    for left in (2, 1, 0):
        r, _ = post(sim, message("x"))
        assert r.status == 200 and r.getheader("anthropic-ratelimit-requests-remaining") == str(left)
    assert r.getheader("anthropic-ratelimit-input-tokens-limit") == "100000"
    assert r.getheader("anthropic-ratelimit-tokens-limit") in ("100000", "50000")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", r.getheader("anthropic-ratelimit-requests-reset"))
    r, data = post(sim, message("x"))
    assert r.status == 429 and json.loads(data)["error"]["type"] == "rate_limit_error"
    wait = int(r.getheader("retry-after"))
    assert 1 <= wait <= 21
    sim.http("POST", "/sim/advance", {"seconds": wait})
    assert post(sim, message("x"))[0].status == 200
    sim.close()


def test_pace_is_that_of_the_model(place):
    """Never faster; slower only where the machine is crowded, and not each time."""
    sim = Sim(place, "--speed", "100")
    ratios = []
    for i in range(10):
        post(sim, message("Please reply with exactly 4000 bytes.", stream=True))
        row = sim.requests()[i]
        first, whole = (row["first_us"] - row["start_us"]) / 1e6, (row["end_us"] - row["first_us"]) / 1e6
        told = row["usage"]["output"] / 85
        assert 0.8 <= first and told * 0.9 < whole
        ratios.append((first, whole / told))
        if first < 3 and whole < told * 1.6:
            break
    else:
        raise AssertionError(ratios)
    sim.close()


@pytest.mark.parametrize("fault,status,header,words", [
    ({"kind": "rate_limit", "retry_after_ms": 2000}, 429, ("retry-after", "2"), b"rate_limit_error"),
    ({"kind": "rate_limit", "retry_after_ms": 1500}, 429, ("retry-after-ms", "1500"), b"rate_limit_error"),
    ({"kind": "rate_limit"}, 429, ("retry-after", None), b"rate_limit_error"),
    ({"kind": "rate_limit", "should_retry": 0}, 429, ("x-should-retry", "false"), b"rate_limit_error"),
    ({"kind": "spend_cap"}, 429, ("retry-after", None), b"enforced_spend_limit_reached"),
    ({"kind": "usage_limit"}, 400, ("retry-after", None), b"API usage limits"),
    ({"kind": "unauthorized"}, 401, ("anthropic-workspace-id", None), b"authentication_error"),
    ({"kind": "forbidden"}, 403, ("retry-after", None), b"permission_error"),
    ({"kind": "not_found"}, 404, ("retry-after", None), b"not_found_error"),
    ({"kind": "too_large"}, 413, ("content-type", "text/html"), b"<html>"),
    ({"kind": "server_error"}, 500, ("retry-after", None), b"api_error"),
    ({"kind": "overloaded"}, 529, ("retry-after", None), b"overloaded_error"),
    ({"kind": "status", "status": 503, "body": "busy"}, 503, ("retry-after", None), b"busy"),
    ({"kind": "empty_body"}, 200, ("content-length", "0"), b""),
])
def test_reply_faults(sim, fault, status, header, words):
    sim.faults({**fault, "nth": 2})
    assert post(sim, message("a"))[0].status == 200
    r, data = post(sim, message("b"))
    assert r.status == status and r.getheader(header[0]) == header[1] and words in data
    assert post(sim, message("c"))[0].status == 200


def test_connection_faults(sim):
    for kind in ("drop", "reset"):
        sim.faults({"kind": kind, "times": 1})
        with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
            post(sim, message("x"))
    sim.faults({"kind": "cut", "bytes": 700, "times": 1}, {"kind": "cut", "events": 5, "nth": 2}, {"kind": "cut", "reset": True, "nth": 3})
    for n in (700, None):
        with pytest.raises(http.client.IncompleteRead) as e:
            post(sim, message("long one", stream=True))
        assert n is None or len(e.value.partial) == n
    with pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
        post(sim, message("long one", stream=True))
    assert sim.stats()["by_outcome"] == {"fault:drop": 1, "fault:reset": 1, "fault:cut": 3}


def test_stream_faults(sim):
    def stream(fault):
        sim.faults({**fault, "times": 1})
        return post(sim, message("Tell me of tar.", stream=True))[1]
    good = post(sim, message("Tell me of tar.", stream=True))[1]
    assert text_of(stream({"kind": "split"})) == text_of(good)
    assert text_of(stream({"kind": "crlf"})) == text_of(good)
    noisy = stream({"kind": "noise"})
    assert text_of(noisy) == text_of(good) and b": a comment" in noisy
    assert text_of(stream({"kind": "stall", "ms": 50})) == text_of(good)
    broken = events(stream({"kind": "error_frame"}))
    assert broken[-1][0] == "error" and broken[-1][1]["error"]["type"] == "overloaded_error"
    assert [e for e, _ in events(stream({"kind": "no_stop"}))][-1] == "message_delta"
    assert [e for e, _ in events(stream({"kind": "empty"}))] == ["message_start", "message_delta", "message_stop"]
    assert "usage" not in events(stream({"kind": "no_usage"}))[-2][1]
    assert events(stream({"kind": "null_usage"}))[-2][1]["usage"]["input_tokens"] is None


def test_faults_by_text_chance_and_command_line(place):
    sim = Sim(place, "--fault", "overloaded,times=1,match=tar, pitch", "--seed", "7")
    assert post(sim, message("tar"))[0].status == 200
    assert post(sim, message("of tar, pitch and oakum"))[0].status == 529
    sim.faults({"kind": "server_error", "probability": 0.5})
    got = [post(sim, message("x"))[0].status for _ in range(20)]
    assert 3 < got.count(500) < 17
    sim.http("POST", "/sim/reset")
    sim.faults({"kind": "server_error", "probability": 0.5})
    assert [post(sim, message("x"))[0].status for _ in range(20)] == got
    c = http.client.HTTPConnection("127.0.0.1", sim.port)
    c.request("POST", "/sim/faults", '{"kind": "odd"}')
    r = c.getresponse()
    assert r.status == 400 and b"overloaded" in r.read()
    sim.close()


def test_log_tells_prompts_and_hides_keys(sim):
    post(sim, {**message([plain("hello"), marked("there")]), "system": "Be brief."}, {**HEADERS, "x-api-key": "secret-key"})
    row = sim.requests()[0]
    assert [(b["role"], b["text"], "cache_control" in b) for b in row["prompt"]] == [
        ("system", "Be brief.", False), ("user", "hello", False), ("user", "there", True)]
    assert "secret-key" not in sim.log_path.read_text()
    assert row["headers"]["x-api-key"] == "(hidden)" and row["status"] == 200 and row["outcome"] == "ok"


def test_client_that_leaves_is_noticed(place):
    sim = Sim(place, "--speed", "1", "--first-ms", "1")
    c = http.client.HTTPConnection("127.0.0.1", sim.port)
    c.request("POST", "/v1/messages", json.dumps(message("Please reply with exactly 90000 bytes.", stream=True, max_tokens=60000)), HEADERS)
    c.getresponse().read(400)
    c.close()
    while sim.stats()["in_flight"]:
        pass
    row = sim.requests()[0]
    assert row["outcome"] == "client_gone" and row["usage"]["output"] < 5000
    sim.close()


def test_it_costs_little(place):
    sim = Sim(place)
    c = http.client.HTTPConnection("127.0.0.1", sim.port)
    for i in range(300):
        c.request("POST", "/v1/messages", json.dumps(message(f"Question {i}: reply with exactly 2000 bytes", stream=True)), HEADERS)
        c.getresponse().read()
    cost = sim.stats()["cost_us"]
    assert cost["n"] == 300 and cost["p50"] < 3000  # a sanitised build; a plain one stays below 300
    sim.close()


# -- the model

def test_a_part_that_is_missing_breaks_the_answer(sim):
    answer = write(sim, [facts_of("Ticket")], [], task_for("repository", "Ticket"))
    assert "Not shown in the prompt" in answer and "MemoryTicketRepository" not in answer


PROJECT = {"name": "Helpdesk", "module": "helpdesk", "app": "helpdesk", "description": "Tickets of people who need help."}
ENTITIES = {
    "Account": {"name": "Account", "package": "account", "import_path": "helpdesk/internal/people", "attributes": [
        {"name": "ID", "type": "string"}, {"name": "Email", "type": "string", "required": True, "description": "Where answers go."},
        {"name": "Age", "type": "int"}, {"name": "Limits", "type": "map[string]int", "required": True}]},
    "Ticket": {"name": "Ticket", "package": "ticket", "import_path": "helpdesk/internal/ticket", "description": "A question that someone asked.",
               "attributes": [{"name": "ID", "type": "int64"}, {"name": "Title", "type": "string", "required": True}, {"name": "Closed", "type": "bool"},
                              {"name": "Opened", "type": "time.Time"}, {"name": "AccountID", "type": "string"}, {"name": "Account", "type": "*account.Account"},
                              {"name": "Tags", "type": "[]string"}, {"name": "Extra", "type": "map[string]string"}],
               "references": [{"entity": "Account", "import_path": "helpdesk/internal/people"}]},
}
CONTRACTS = {
    "Account": [{"method": "POST", "endpoint": "/accounts", "action": "Create"}, {"method": "GET", "endpoint": "/accounts/{id}", "action": "Get"}],
    "Ticket": [
        {"method": "POST", "endpoint": "/tickets", "action": "Create", "request": {"title": "string", "account_id": "string"}, "response": {"id": "string", "link": "string"}},
        {"method": "GET", "endpoint": "/tickets?open=true", "action": "List", "response": {"tickets": "[]Ticket", "total": "int"}},
        {"method": "GET", "endpoint": "/tickets/{id}", "action": "Get"}, {"method": "PUT", "endpoint": "/tickets/{id}", "action": "Update"},
        {"method": "DELETE", "endpoint": "/tickets/{id}", "action": "Delete"}, {"method": "POST", "endpoint": "/tickets/{id}/close", "action": "Close"},
        {"method": "GET", "endpoint": "/accounts/{account_id}/tickets", "action": "ListByAccount"},
        {"method": "POST", "endpoint": "/tickets/search", "action": "Search", "request": {"q": "string"}, "response": {"found": "[]string"}},
        {"method": "POST", "endpoint": "/tickets/import", "action": "Import", "description": "Takes a ticket of another desk."}],
}
RULES = [{"id": "FR-001", "text": "A closed ticket stays closed.", "priority": "high"}]
SCENARIOS = [{"id": "S1", "title": "Agent closes a ticket", "when": "Agent runs `helpdesk close 1`", "then": "- It is closed\n- The account hears of it",
              "criteria": ["# once", "twice is an error"]}, {"id": "S2", "title": "Add a ticket", "when": "User runs `helpdesk add \"No sound\"`"}]


def facts_of(*names, **more):
    return {"entities": [ENTITIES[n] for n in names], **more}


def task_for(role, entity=None, path=None, package=None):
    stem = {"domain": "", "test": "_service_test"}.get(role, "_" + role)
    package = package or (entity or "main").lower()
    folder = "people" if package == "account" else package  # a package need not be called as its folder
    path = path or f"internal/{folder}/{package}{stem}.go"
    return {"path": path, "role": role, "package": package, "import_path": f"helpdesk/{pathlib.PurePath(path).parent}",
            "language": "go", **({"entity": entity} if entity else {})}


def fence(info, text):
    return f"```{info}\n{text.rstrip()}\n```\n"


def write(sim, facts, shown, *tasks, model="claude-sonnet-5-5", evidence=None):
    """Asks for files as docs/prompts.md says; one file: its text, else path to text."""
    role = tasks[0]["role"]
    system = [plain((BLUEPRINT / "standards.md").read_text()), marked((BLUEPRINT / "prompts" / f"{role}.md").read_text())]
    user = [plain(fence("yaml", json.dumps(f))) for f in facts]
    user += [plain(fence(f"go interface {path}", text)) for path, text in shown]
    user += [plain(fence("yaml", json.dumps({"task": t}))) for t in tasks]
    if evidence:
        user.append(plain(evidence))
    user.append(plain("Answer with the files between their markers:\n\n" + fence("yaml", json.dumps({"answer": {"tag": "0a1b2c3d", "files": [t["path"] for t in tasks]}}))))
    r, data = post(sim, {"model": model, "max_tokens": 20000, "system": system, "messages": [{"role": "user", "content": user}]})
    assert r.status == 200, data
    text = json.loads(data)["content"][0]["text"]
    files = dict(re.findall(r"^<<<file (\S+) 0a1b2c3d\n(.*?)^>>>end 0a1b2c3d\n", text, re.S | re.M))
    return files[tasks[0]["path"]] if len(tasks) == 1 else files


def interface(text):
    """What a file exports: by go's own gofmt style, declarations begin in column 0."""
    out = []
    for block in re.split(r"\n(?=\S)", text):
        if re.match(r"(package|import|type [A-Z]|var Err|var [A-Z])", block):
            out.append(re.sub(r" = errors.New.*", " error", block))
        elif m := re.match(r"func (\(\w+ \*?[A-Z]\w*\) )?[A-Z].*", block):
            out.append(m.group(0).removesuffix(" {"))
        elif block.strip() in ("}", ")"):
            out.append(block.strip())
    return "\n".join(out)


class Project:
    """Generates file after file, showing each what it needs."""

    def __init__(self, sim, directory, version="1.19"):
        self.sim, self.directory, self.files = sim, pathlib.Path(directory), {}
        self.put("go.mod", f"module helpdesk\n\ngo {version}\n")

    def put(self, path, text):
        self.files[path] = text
        target = self.directory / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    def make(self, role, facts, shown=(), entity=None, path=None, package=None):
        t = task_for(role, entity, path, package)
        self.put(t["path"], write(self.sim, [facts], [(p, interface(self.files[p])) for p in shown], t))
        return t["path"]

    def go(self, *args):
        r = subprocess.run(args, cwd=self.directory, capture_output=True, text=True, timeout=600)
        assert r.returncode == 0, r.stdout[-6000:] + r.stderr[-3000:]
        return r.stdout


def build(project, is_http):
    p, domains = project, []
    if is_http:
        router = p.make("router", {"project": PROJECT}, path="internal/web/router.go", package="web")
    every = []
    for name in ("Account", "Ticket"):
        closure = ["Ticket", "Account"] if name == "Ticket" else [name]
        domain = p.make("domain", facts_of(*closure, requirements=RULES), entity=name)
        domains.append(domain)
        repository = p.make("repository", facts_of(*closure), [domain], name)
        service = p.make("service", facts_of(*closure, contracts=CONTRACTS[name] if is_http else [], requirements=RULES, scenarios=SCENARIOS if name == "Ticket" else []),
                         [*domains, repository], name)
        p.make("test", facts_of(*closure, requirements=RULES), [domain, repository, service], name)
        if is_http:
            p.make("sql_repository", facts_of(*closure), [domain, repository], name)
            every.append(p.make("handler", facts_of(*closure, contracts=CONTRACTS[name], web="helpdesk/internal/web"), [router, domain, repository, service], name))
        else:
            every += [domain, service, p.make("file_repository", facts_of(*closure), [domain, repository], name)]
    if not is_http:
        return p.make("cli", {"project": PROJECT, **facts_of("Account", "Ticket", requirements=RULES, scenarios=SCENARIOS)}, every, path="cmd/helpdesk/main.go", package="main")
    routes = p.make("routes", {**facts_of("Ticket", contracts=[{"method": "POST", "endpoint": "/login", "request": {"email": "string"}, "response": {"token": "string"}}]),
                               "web": "helpdesk/internal/web"}, [router, "internal/ticket/ticket.go", "internal/ticket/ticket_service.go"],
                    path="internal/api/routes.go", package="api")
    p.make("repositories", {"project": PROJECT, **facts_of("Account", "Ticket")}, every, path="cmd/helpdesk/repositories.go", package="main")
    # tickets are served elsewhere: their service is made because package api asks for it
    return p.make("main", {"project": PROJECT, **facts_of("Account", requirements=RULES), "web": "helpdesk/internal/web", "api": "helpdesk/internal/api"},
                  [router, *every, routes], path="cmd/helpdesk/main.go", package="main")


@pytest.mark.parametrize("is_http", [True, False], ids=["http", "cli"])
def test_project_compiles_and_its_tests_pass(sim, place, is_http):
    p = Project(sim, place / "project")
    main = build(p, is_http)
    assert p.go("gofmt", "-l", ".") == ""
    p.go("go", "build", "./...")
    p.go("go", "vet", "./...")
    p.go("go", "test", "./...")
    whole = "".join(p.files.values())
    assert "Not shown" not in whole
    for fact in ("A closed ticket stays closed.", "Where answers go.", "A question that someone asked.", "The account hears of it", "twice is an error"):
        assert fact in whole, fact
    if is_http:
        assert "ListByAccount" in p.files["internal/ticket/ticket_service.go"] and "api.NewRoutes(ticketService)" in p.files[main]
        return
    program = ["go", "run", "./cmd/helpdesk"]
    run = lambda *a: subprocess.run([*program, *a], cwd=p.directory, capture_output=True, text=True, env={**__import__("os").environ, "HELPDESK_DATA": str(place / "data")})
    assert run("ticket", "add", "No", "sound", "account_id=7").returncode == 0
    assert run("close", "1").returncode == 0
    listed = run("ticket", "list").stdout
    assert "No sound" in listed and "Closed=true" in listed and run().returncode == 0 and run("odd").returncode == 1


def test_log_tells_what_waited_for_what(sim):
    tasks = [task_for("domain", "Ticket"), task_for("repository", "Ticket"), task_for("service", "Ticket")]
    files = write(sim, [facts_of("Ticket")], [], *tasks[:2])
    shown = [(t["path"], interface(files[t["path"]])) for t in tasks[:2]]
    write(sim, [facts_of("Ticket")], shown, tasks[2])
    ask(sim, "What is ebb?")
    first, second, third = sim.requests()
    paths = [t["path"] for t in tasks]
    assert first["asks"] == paths[:2] and "shows" not in first and [f["path"] for f in first["files"]] == paths[:2]
    assert second["asks"] == paths[2:] and second["shows"] == paths[:2] and [f["path"] for f in second["files"]] == paths[2:]
    assert "asks" not in third and third["files"] == []
    assert all(r["start_us"] <= f["us"] <= r["end_us"] for r in (first, second) for f in r["files"])
    bound = sim.http("GET", "/sim/bound?from=0&calls=2")
    assert [c["n"] for c in bound["path"]] in ([1, 2], [3]) and bound["calls"] == 3 and bound["at_once"] == 2 and bound["again"] == 0
    assert bound["path_us"] <= bound["span_us"] and bound["all_us"] == sum(r["end_us"] - r["start_us"] for r in (first, second, third)) // 2
    assert bound["bound_us"] == max(bound["path_us"], bound["all_us"])
    assert sim.http("GET", "/sim/bound?from=2")["calls"] == 1


def test_log_that_has_forgotten_says_no_bound(place):
    sim = Sim(place, "--keep", "2")
    for i in range(3):
        ask(sim, f"Question {i}")
    with pytest.raises(AssertionError, match="(?s)409.*only the last 2 requests"):
        sim.http("GET", "/sim/bound")
    assert sim.http("GET", "/sim/bound?from=1")["calls"] == 2
    with pytest.raises(AssertionError, match="400"):
        sim.http("GET", "/sim/bound?calls=some")
    sim.close()


def test_every_fact_shows_and_a_changed_fact_changes_the_file(sim):
    text = json.dumps(facts_of("Account", requirements=RULES, packages=[{"name": "account", "path": "internal/people", "purpose": "People who ask"}],
                               relations=[{"from": "Account", "to": "Ticket", "type": "has_many"}]))
    before = write(sim, [json.loads(text)], [], task_for("domain", "Account"))
    assert "People who ask" in before and "has_many" in before
    for old, new in (("People who ask", "People who pay"), ("has_many", "has_one"), ("high", "low"), ("Where answers go.", "Where bills go."), ('"int"', '"int64"')):
        assert old in text
        after = write(sim, [json.loads(text.replace(old, new))], [], task_for("domain", "Account"))
        assert after != before and new.strip('"') in after


def test_batch_gives_each_file_its_own_facts(sim):
    one = write(sim, [facts_of("Account")], [], task_for("domain", "Account"))
    both = write(sim, [facts_of("Account"), facts_of("Ticket")], [], task_for("domain", "Account"), task_for("domain", "Ticket"))
    assert both["internal/people/account.go"] == one and "type Ticket struct" in both["internal/ticket/ticket.go"]


def test_other_languages_list_the_facts(sim):
    t = {**task_for("domain", "Ticket", path="src/ticket.rb"), "language": "ruby"}
    text = write(sim, [facts_of("Ticket", requirements=RULES)], [], t)
    assert "A closed ticket stays closed." in text and "AccountID" in text


ANSWER_FAULTS = ["missing_file", "fence", "inner_fence", "chatter", "truncate", "wrong_path", "empty_file", "refusal", "no_end", "wrong_tag", "broken", "placeholder"]


@pytest.mark.parametrize("kind", ANSWER_FAULTS)
def test_answer_faults_end_when_the_prompt_tells_the_mistake(sim, kind):
    tasks = [task_for("domain", "Account")]
    good = write(sim, [facts_of("Account")], [], *tasks)
    sim.faults({"kind": kind})
    bad = None
    try:
        bad = write(sim, [facts_of("Account")], [], *tasks)
    except (KeyError, IndexError):  # no file of that name, no text at all
        pass
    row = sim.requests()[-1]
    assert kind in row["faults"]
    if kind not in ("fence", "chatter"):
        assert bad != good
    assert row["stop_reason"] == {"truncate": "max_tokens", "refusal": "refusal"}.get(kind, "end_turn")
    assert write(sim, [facts_of("Account")], [], *tasks, evidence="The last answer for this file was refused:\nno package clause\n") == good
