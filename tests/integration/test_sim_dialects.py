"""The simulator's other dialects by themselves: OpenAI Chat Completions with the servers that speak it, and Ollama."""

import json
import http.client
import threading

import pytest

from conftest import Sim

LONG = " ".join(f"Rule {i}: a parcel has a weight." for i in range(400))  # some 4,000 tokens


def post(sim, path, body, key="k"):
    c = http.client.HTTPConnection("127.0.0.1", sim.port, timeout=30)
    c.request("POST", path, json.dumps(body), {"authorization": f"Bearer {key}"} if key else {})
    r = c.getresponse()
    return r, r.read()


def get(sim, path, headers=None):
    c = http.client.HTTPConnection("127.0.0.1", sim.port, timeout=30)
    c.request("GET", path, headers=headers or {})
    r = c.getresponse()
    return r.status, json.loads(r.read())


def chat(sim, text="How is a knot tied?", model="gpt-5.4", system=None, usage=True, **more):
    body = {"model": model, "max_completion_tokens": 500, "stream": True, "messages": [{"role": "user", "content": text}], **more}
    if system:
        body["messages"].insert(0, {"role": "system", "content": system})
    if usage:
        body["stream_options"] = {"include_usage": True}
    return post(sim, "/v1/chat/completions", body)


def chunks(data):
    """Parsed data lines; [DONE] as text."""
    lines = [line[5:].strip() for line in data.decode().replace("\r\n", "\n").split("\n") if line.startswith("data:")]
    return [line if line == "[DONE]" else json.loads(line) for line in lines]


def text_of(found):
    return "".join(c["choices"][0]["delta"].get("content") or "" for c in found if c != "[DONE]" and c.get("choices"))


def usage_of(data):
    return next(c["usage"] for c in reversed(chunks(data)) if c != "[DONE]" and c.get("usage"))


@pytest.fixture
def make(place):
    sims = []

    def start(*flags):
        (place / str(len(sims))).mkdir()
        sims.append(Sim(place / str(len(sims)), *flags))
        return sims[-1]
    yield start
    for s in sims:
        s.close()


def test_stream_of_chunks(sim):
    r, data = chat(sim)
    found = chunks(data)
    assert r.status == 200 and r.getheader("x-request-id") and r.getheader("content-type").startswith("text/event-stream")
    assert found[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert found[-1] == "[DONE]" and found[-2]["choices"] == [] and found[-3]["choices"][0]["finish_reason"] == "stop"
    u = found[-2]["usage"]
    assert u["prompt_tokens"] > 0 and u["total_tokens"] == u["prompt_tokens"] + u["completion_tokens"]
    r, whole = post(sim, "/v1/chat/completions", {"model": "gpt-5.4", "messages": [{"role": "user", "content": "How is a knot tied?"}]})
    assert json.loads(whole)["choices"][0]["message"]["content"] == text_of(found)
    assert usage_of(data)["completion_tokens"] == json.loads(whole)["usage"]["completion_tokens"]
    assert not [c for c in chunks(chat(sim, usage=False)[1]) if c != "[DONE]" and c.get("usage")]


def test_refusals_of_requests(make):
    sim = make("--key", "right")
    for key, code in ((None, None), ("wrong", "invalid_api_key")):
        r, data = post(sim, "/v1/chat/completions", {"model": "gpt-5.4", "messages": []}, key)
        assert r.status == 401 and json.loads(data)["error"]["code"] == code
    cases = [({"model": "gpt-9"}, 404, "model_not_found"), ({"max_tokens": 5}, 400, "unsupported_parameter"),
             ({"temperature": 0.2}, 400, "unsupported_value"), ({"frobnicate": 1}, 400, None), ({"messages": []}, 400, None),
             ({"messages": [{"role": "user", "content": LONG * 120}]}, 400, "context_length_exceeded")]
    for more, status, code in cases:
        r, data = post(sim, "/v1/chat/completions", {"model": "gpt-5.4", "messages": [{"role": "user", "content": "x"}], **more}, "right")
        assert (r.status, json.loads(data)["error"]["code"]) == (status, code), (more, data)


def test_implicit_cache_counts_in_steps_of_128(sim):
    first, second, short = usage_of(chat(sim, system=LONG)[1]), usage_of(chat(sim, "And a rope?", system=LONG)[1]), usage_of(chat(sim, "a", system="b")[1])
    assert first["prompt_tokens_details"]["cached_tokens"] == 0
    cached = second["prompt_tokens_details"]["cached_tokens"]
    assert cached >= 1024 and cached % 128 == 0 and 0 <= second["prompt_tokens"] - cached < 300
    assert short["prompt_tokens_details"]["cached_tokens"] == 0
    assert usage_of(chat(sim, "And a rope?", model="gpt-5.4-mini", system=LONG)[1])["prompt_tokens_details"]["cached_tokens"] == 0
    sim.http("POST", "/sim/advance", {"seconds": 700})
    assert usage_of(chat(sim, "And a rope?", system=LONG)[1])["prompt_tokens_details"]["cached_tokens"] == 0


def test_newer_models_need_marks_for_a_shared_prefix(sim):
    def ask(tail, marked, **more):
        part = {"type": "text", "text": LONG, **({"prompt_cache_breakpoint": {"mode": "explicit"}} if marked else {})}
        messages = [{"role": "system", "content": [part]}, {"role": "user", "content": tail}]
        return usage_of(post(sim, "/v1/chat/completions", {"model": "gpt-6.1-sol", "stream": True, "stream_options": {"include_usage": True},
                                                            "messages": messages, **more})[1])["prompt_tokens_details"]
    assert ask("one", False)["cache_write_tokens"] > 1024
    assert ask("two", False)["cached_tokens"] == 0
    assert ask("one", False)["cached_tokens"] > 1024  # the whole request again
    sim.http("POST", "/sim/reset")
    explicit = {"prompt_cache_options": {"mode": "explicit", "ttl": "30m"}}
    assert ask("one", True, **explicit)["cache_write_tokens"] > 1024
    assert ask("two", True, **explicit) == {"cached_tokens": ask("three", True, **explicit)["cached_tokens"], "cache_write_tokens": 0}
    assert ask("four", False, **explicit)["cache_write_tokens"] == 0
    sim.http("POST", "/sim/advance", {"seconds": 1500})
    assert ask("five", True, **explicit)["cached_tokens"] > 1024  # and 30 minutes from now
    sim.http("POST", "/sim/advance", {"seconds": 1900})
    assert ask("six", True, **explicit)["cached_tokens"] == 0


def test_limits_are_told_in_durations(make):
    sim = make("--rpm", "2", "--itpm", "100000")
    r, _ = chat(sim)
    assert r.getheader("x-ratelimit-limit-requests") == "2" and r.getheader("x-ratelimit-remaining-requests") == "1"
    assert r.getheader("x-ratelimit-reset-requests").endswith("s") and int(r.getheader("x-ratelimit-remaining-tokens")) < 100000
    chat(sim)
    r, data = chat(sim)
    assert r.status == 429 and int(r.getheader("retry-after")) > 0 and json.loads(data)["error"]["code"] == "rate_limit_exceeded"


FLAVOURS = {
    "lmstudio": lambda e: isinstance(e["error"], str),
    "llamacpp": lambda e: e["error"]["code"] == 404 or True,
    "vllm": lambda e: e["object"] == "error" and e["code"] == 404,
    "ollama": lambda e: e["error"]["type"] == "not_found_error",
}


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_local_flavours(make, flavour):
    sim = make("--flavour", flavour, "--details", "1")
    r, data = post(sim, "/v1/chat/completions", {"model": "no-such", "messages": [{"role": "user", "content": "x"}]}, None)
    assert (r.status == 200) == (flavour == "llamacpp")
    if r.status != 200:
        assert r.status == 404 and FLAVOURS[flavour](json.loads(data)), data
    chat(sim, model="qwen3-coder", system=LONG)
    u = usage_of(chat(sim, "And a rope?", model="qwen3-coder", system=LONG)[1])
    cached = u.get("prompt_tokens_details", {}).get("cached_tokens")
    assert (cached or 0) > 1000 if flavour in ("vllm", "llamacpp") else cached is None
    status, models = get(sim, "/v1/models")
    assert status == 200 and "qwen3-coder" in [m["id"] for m in models["data"]]


def test_what_is_too_long_for_a_local_server(make):
    for flavour, status in (("llamacpp", 400), ("vllm", 400), ("lmstudio", 200), ("ollama", 200)):
        sim = make("--flavour", flavour, "--context", "1000")
        r, data = chat(sim, model="qwen3-coder", system=LONG)
        assert r.status == status, (flavour, data)
        if flavour == "llamacpp":
            e = json.loads(data)["error"]
            assert e["type"] == "exceed_context_size_error" and e["n_prompt_tokens"] > e["n_ctx"] == 1000
        if flavour == "lmstudio":
            assert text_of(chunks(data)) == ""
        if flavour == "ollama":
            assert usage_of(data)["prompt_tokens"] <= 500


def test_llamacpp_loads_first(make):
    sim = make("--flavour", "llamacpp", "--load-ms", "60000")
    assert get(sim, "/health")[0] == 503
    r, data = chat(sim, model="any")
    assert r.status == 503 and json.loads(data)["error"]["message"] == "Loading model"
    sim.http("POST", "/sim/advance", {"seconds": 61})
    assert get(sim, "/health") == (200, {"status": "ok"})
    found = chunks(chat(sim, model="any")[1])
    assert found[0]["choices"][0]["delta"]["content"] is None
    assert found[-3]["timings"]["predicted_n"] == found[-2]["usage"]["completion_tokens"]


# -- Ollama

def lines(data):
    return [json.loads(line) for line in data.decode().splitlines() if line.strip()]


def ollama(sim, text="How is a knot tied?", path="/api/chat", **more):
    body = {"model": "qwen3-coder", **more}
    if text is not None:
        body.update({"messages": [{"role": "user", "content": text}]} if path == "/api/chat" else {"prompt": text})
    return post(sim, path, body, None)


def test_lines_of_json(sim):
    r, data = ollama(sim)
    found = lines(data)
    assert r.status == 200 and r.getheader("content-type") == "application/x-ndjson"
    assert all(not x["done"] for x in found[:-1]) and found[-1]["done"] and found[-1]["done_reason"] == "stop"
    assert found[-1]["prompt_eval_count"] > 0 and found[-1]["eval_count"] > 0
    text = "".join(x["message"]["content"] for x in found)
    plain = lines(ollama(sim, path="/api/generate")[1])
    assert "".join(x["response"] for x in plain) == text
    whole = json.loads(ollama(sim, stream=False)[1])
    assert whole["message"]["content"] == text and whole["eval_count"] == found[-1]["eval_count"]
    cut = lines(ollama(sim, options={"num_predict": 5})[1])[-1]
    assert cut["done_reason"] == "length" and cut["eval_count"] == 5


def test_ollama_loads_and_forgets(make):
    sim = make("--load-ms", "4000", "--speed", "20")
    assert get(sim, "/api/ps")[1] == {"models": []}
    assert "qwen3-coder:latest" in [m["name"] for m in get(sim, "/api/tags")[1]["models"]]
    assert json.loads(ollama(sim, None, keep_alive="10m", options={"num_ctx": 8192})[1])["done_reason"] == "load"
    loaded = get(sim, "/api/ps")[1]["models"][0]
    assert loaded["context_length"] == 8192 and loaded["expires_at"]
    one = lines(ollama(sim, options={"num_ctx": 8192, "num_predict": 1}, keep_alive=-1)[1])[-1]
    assert one["load_duration"] < 1e8
    other = lines(ollama(sim, options={"num_ctx": 16384, "num_predict": 1})[1])[-1]
    assert other["load_duration"] > 3e9  # another context: loaded again
    assert json.loads(ollama(sim, None, path="/api/generate", keep_alive=0)[1])["done_reason"] == "unload"
    assert get(sim, "/api/ps")[1] == {"models": []}
    ollama(sim, options={"num_predict": 1})
    sim.http("POST", "/sim/advance", {"seconds": 400})
    assert get(sim, "/api/ps")[1] == {"models": []}


def test_ollama_cuts_the_front_silently_unless_told_not_to(sim):
    r, data = ollama(sim, LONG * 2)
    assert r.status == 200 and lines(data)[-1]["prompt_eval_count"] <= 2048
    full = lines(ollama(sim, LONG, options={"num_ctx": 16384})[1])[-1]["prompt_eval_count"]
    assert full > 3000
    again = lines(ollama(sim, LONG, options={"num_ctx": 16384})[1])[-1]
    assert again["prompt_eval_count"] == full  # cached tokens count
    r, data = ollama(sim, LONG * 2, truncate=False)
    assert r.status == 400 and "context length" in json.loads(data)["error"]


def test_ollama_refuses_what_it_has_not_and_what_is_too_much(make):
    sim = make("--parallel", "1", "--queue", "1")
    r, data = post(sim, "/api/chat", {"model": "no-such", "messages": [{"role": "user", "content": "x"}]}, None)
    assert r.status == 404 and json.loads(data) == {"error": "model 'no-such' not found"}
    sim.faults({"kind": "stall", "events": 1})
    connections = []
    for _ in range(2):
        c = http.client.HTTPConnection("127.0.0.1", sim.port, timeout=30)
        c.request("POST", "/api/chat", json.dumps({"model": "qwen3-coder", "messages": [{"role": "user", "content": "x y z " * 9}]}))
        c.getresponse().read(10)
        connections.append(c)
    r, data = ollama(sim)
    assert r.status == 503 and "server busy, please try again.  maximum pending" in json.loads(data)["error"]
    for c in connections:
        c.close()


# -- faults, one switch each

def test_switches_of_the_openai_stream(sim):
    def with_fault(kind, **more):
        sim.faults({"kind": kind, **more})
        return chat(sim)
    usual = text_of(chunks(chat(sim)[1]))
    found = chunks(with_fault("usage_in_finish")[1])
    assert found[-1] == "[DONE]" and found[-2]["choices"][0]["finish_reason"] == "stop" and found[-2]["usage"]["prompt_tokens"]
    assert chunks(with_fault("null_usage")[1])[-2]["usage"] is None
    assert all(not c.get("usage") for c in chunks(with_fault("no_usage")[1]) if c != "[DONE]")
    assert chunks(with_fault("no_stop")[1])[-1] != "[DONE]"
    assert [c["choices"][0]["delta"].get("content", "absent") for c in chunks(with_fault("odd_content")[1])[:3]] == [None, "", "absent"]
    assert all("role" in c["choices"][0]["delta"] for c in chunks(with_fault("roles")[1])[:5])
    assert all("role" not in c["choices"][0]["delta"] for c in chunks(with_fault("no_role")[1])[:-2])
    joined = chunks(with_fault("joined_finish")[1])
    assert joined[-3]["choices"][0]["finish_reason"] == "stop" and joined[-3]["choices"][0]["delta"]["content"]
    tools = [c["choices"][0]["delta"] for c in chunks(with_fault("tool_calls")[1])[1:3]]
    assert isinstance(tools[0]["tool_calls"][0]["function"]["arguments"], dict) and "index" not in tools[0]["tool_calls"][0]
    assert "reasoning_content" in chunks(with_fault("reasoning")[1])[1]["choices"][0]["delta"]
    data = with_fault("tight")[1]
    assert b"data:{" in data and b"data: {" not in data and text_of(chunks(data)) == usual
    assert b"\r\n" in with_fault("crlf")[1]
    assert chunks(with_fault("abort")[1])[-2]["choices"][0]["finish_reason"] == "abort"
    assert chunks(with_fault("empty")[1]) == ["[DONE]"]
    assert b"event: error" in with_fault("error_event")[1]
    assert b'\n{"error":"' in with_fault("error_line")[1]
    assert with_fault("error_done")[1].endswith(b"data: [DONE]\n\n")
    assert not with_fault("error_frame")[1].endswith(b"data: [DONE]\n\n")
    r, data = with_fault("error_text")
    assert r.status == 500 and isinstance(json.loads(data)["error"], str)
    r, data = with_fault("error_html")
    assert r.status == 502 and data.startswith(b"<html>")
    with pytest.raises(http.client.HTTPException):
        with_fault("cut", bytes=300)


def test_switches_of_the_ollama_stream(sim):
    def with_fault(kind, **more):
        sim.faults({"kind": kind, **more})
        return lines(ollama(sim)[1])
    assert "prompt_eval_count" not in with_fault("no_usage")[-1] and with_fault("null_usage")[-1]["prompt_eval_count"] is None
    assert not with_fault("no_stop")[-1]["done"] and not with_fault("abort")[-1]["done"]
    assert with_fault("odd_content")[0]["message"]["content"] is None
    assert "role" not in with_fault("no_role")[0]["message"]
    assert with_fault("joined_finish")[-1]["message"]["content"] and with_fault("reasoning")[0]["message"]["thinking"]
    assert "error" in with_fault("error_frame")[-1] and with_fault("error_done")[-1] == {"done": True}


def test_a_unix_socket_serves_too(make, place):
    import socket
    sim = make("--unix", str(place / "s.sock"))
    s = socket.socket(socket.AF_UNIX)
    s.connect(str(place / "s.sock"))
    s.sendall(b"GET /api/version HTTP/1.0\r\n\r\n")
    assert b'"version"' in s.makefile("rb").read()
    s.close()
    sim.stats()


def test_many_at_once(sim):
    found = []
    threads = [threading.Thread(target=lambda i=i: found.append(ollama(sim, f"What is {i}?")[0].status)) for i in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert found == [200] * 8
