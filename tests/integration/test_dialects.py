"""Every dialect and every server that speaks one: the same work comes out, and what servers do oddly ends as it should."""

import json
import socket
import time

import pytest

from conftest import GENOPTD, ROOT, Daemon, Sim, tree, write_spec

# name: (dialect, what base_url ends with, flags of the simulator, model)
SERVERS = {
    "anthropic": ("anthropic", "", (), "claude-sonnet-5-5"),
    "openai": ("openai", "/v1", (), "gpt-5.4"),
    "openai-marked": ("openai", "/v1", (), "gpt-6.1-sol"),
    "lmstudio": ("openai", "/v1", ("--flavour", "lmstudio"), "qwen3-coder"),
    "llamacpp": ("openai", "", ("--flavour", "llamacpp"), "whatever"),
    "vllm": ("openai", "/v1", ("--flavour", "vllm", "--details", "1"), "llama3.2"),
    "ollama-v1": ("openai", "/v1", ("--flavour", "ollama"), "qwen3-coder"),
    "ollama": ("ollama", "", (), "qwen3-coder"),
}
KEYED = ("anthropic", "openai", "openai-marked")


def config(name, url, extra="", more=""):
    dialect, end, _, model = SERVERS[name]
    key = ", key: {env: TEST_KEY}" if name in KEYED else ""
    base = url if url.startswith("unix:") else url + end
    tiers = "".join(f"  {t}: {{provider: there, model: {model}}}\n" for t in ("fast", "balanced", "quality"))
    return f'providers:\n  there: {{dialect: {dialect}, base_url: "{base}"{key}{more}}}\ntiers:\n{tiers}{extra}'


class Bench:
    def __init__(self, place, name, *flags, extra="", more=""):
        self.place = place
        self.sim = Sim(place, *SERVERS[name][2], *flags)
        self.daemon = Daemon(place, config(name, self.sim.url, extra, more))
        self.daemon.start()

    def close(self):
        self.daemon.stop()
        self.sim.close()

    def ask(self, prompt="What is ebb?"):
        return self.end(self.begin(prompt))

    def begin(self, prompt):
        rpc = self.daemon.rpc()
        job = rpc.ok("job/submit", {"kind": "ask", "input": {"prompt": prompt}})["job"]
        rpc.ok("job/attach", {"job": job, "after": 0})
        return rpc

    def end(self, rpc):
        """The last event, reasons of retries, tokens of the call."""
        retries, usage = [], None
        while True:
            e = rpc.event("task.retry", "call.done", "waiting", "done", "failed")
            if e["type"] == "task.retry":
                retries.append(e["reason"])
            elif e["type"] == "call.done":
                usage = e["tokens"]
            else:
                rpc.close()
                return e, retries, usage


@pytest.fixture
def bench(place):
    benches = []

    def make(name, *flags, **more):
        benches.append(Bench(place, name, *flags, **more))
        return benches[-1]
    yield make
    for b in benches:
        b.close()


def test_the_same_specification_gives_the_same_files(place):
    found = {}
    for name in SERVERS:
        directory = place / name
        directory.mkdir()
        b = Bench(directory, name)
        try:
            r = b.daemon.genopt("gen", write_spec(directory / "s.yaml", n_entities=2), "-o", directory / "out", "--json", check=0)
            summary = b.daemon.events(r)[-1]["summary"]
            found[name] = tree(directory / "out")
            assert summary["files"]["failed"] == 0
            # what is booked is what the server counted
            told = b.sim.stats()["tokens"]
            assert summary["tokens"]["output"] == told["output"], name
            assert sum(summary["tokens"][k] for k in ("input", "cache_read", "cache_write")) == \
                told["input"] + told["cache_read"] + told["cache_write_5m"] + told["cache_write_1h"], name
        finally:
            b.close()
    for name, files in found.items():
        assert files == found["anthropic"], [p for p in files if files[p] != found["anthropic"].get(p)]


def test_a_refused_parameter_costs_one_request(bench):
    """Who speaks first finds out how the server wants to be asked; the others wait for that."""
    b = bench("openai")
    ends = [b.end(rpc) for rpc in [b.begin(f"What is ebb? ({i})") for i in range(12)]]
    assert {e["type"] for e, _, _ in ends} == {"done"}
    assert [row["status"] for row in b.sim.requests()].count(400) == 1 and len(b.sim.requests()) == 13
    assert sum(len(retries) for _, retries, _ in ends) == 1
    assert b.ask("What is a neap tide?")[0]["type"] == "done" and len(b.sim.requests()) == 14


# What ends well at once, and with the usage that the server counted.
HARMLESS = ["usage_in_finish", "odd_content", "roles", "no_role", "joined_finish", "tool_calls", "reasoning", "noise", "crlf", "tight"]
# As well, but nobody says what it cost.
UNCOUNTED = ["no_usage", "null_usage"]
# What is asked again, with the reason.
OVERLOADED, LIMITED, BROKEN, THEIRS = "the provider is overloaded", "the provider limits the rate", "provider there: ", "the provider has a fault of its own"
AGAIN = {
    "error_frame": OVERLOADED, "error_event": OVERLOADED, "error_line": OVERLOADED, "error_done": OVERLOADED,
    "error_text": THEIRS, "error_html": THEIRS, "server_error": THEIRS, "overloaded": OVERLOADED,
    "rate_limit": LIMITED, "empty": "provider there: the answer is empty", "cut": BROKEN,
    "empty_body": "provider there: the answer ended before its end mark",
}
SPLIT = {"kind": "split", "bytes": 1}


@pytest.mark.parametrize("name", ["anthropic", "openai", "llamacpp", "vllm", "ollama"])
def test_odd_streams(bench, name):
    b = bench(name)
    usual, _, counted = b.ask("What is ebb? Say it in ä few words.")
    assert usual["type"] == "done" and counted["output"] > 0
    for i, kind in enumerate(HARMLESS + UNCOUNTED):
        for more in ([], [SPLIT]):
            b.sim.faults({"kind": kind}, *more)
            before = b.sim.stats()["tokens"]
            end, retries, usage = b.ask(f"What is ebb at {kind} {len(more)}?")
            told = b.sim.stats()["tokens"]
            assert end["type"] == "done" and end["text"] and not retries, (kind, more, end, retries)
            assert "<think" not in end["text"] and "Let me think" not in end["text"]
            if kind in HARMLESS:
                assert usage["output"] == told["output"] - before["output"], (kind, usage)
                assert usage["input"] + usage["cache_read"] + usage["cache_write"] == sum(
                    told[k] - before[k] for k in ("input", "cache_read", "cache_write_5m", "cache_write_1h")), (kind, usage)


@pytest.mark.parametrize("name", ["anthropic", "openai", "llamacpp", "vllm", "ollama"])
def test_broken_streams_are_asked_again(bench, name):
    b = bench(name, extra="limits: {calls: 32}\n")
    b.ask()
    # what a server gives up is no end, where it says so or hangs up
    given_up = {} if name == "anthropic" else {"abort": "the server gave up" if SERVERS[name][0] == "openai" else BROKEN}
    # an end mark that is missing is an end only where the dialect has another one
    unmarked = {"no_stop": None if SERVERS[name][0] == "openai" else BROKEN}
    cases = {**AGAIN, **given_up, **unmarked}
    b.sim.faults(*({"kind": kind, "times": 1, "match": f"ebb at {kind}?", **({"events": 2} if kind in ("cut", "abort") else {"retry_after_ms": 1000} if kind == "overloaded" else {})}
                   for kind in cases))
    asked = {kind: b.begin(f"What is ebb at {kind}?") for kind in cases}
    for kind, reason in cases.items():
        end, retries, _ = b.end(asked[kind])
        assert end["type"] == "done" and end.get("text"), (kind, end)
        assert len(retries) == (reason is not None) and all(r.startswith(reason) for r in retries), (kind, retries)


def test_the_other_name_of_the_limit_is_learned(bench):
    b = bench("openai")
    assert len(b.ask("One?")[1]) == 1
    assert not b.ask("Two?")[1]
    first, *later = b.sim.requests()
    assert first["status"] == 400 and all(r["status"] == 200 for r in later)


def test_unknown_models_are_told_with_what_there_is(bench, place):
    b = bench("ollama")
    for name, words in (("ollama", "`ollama pull no-such`, or correct `tiers`"), ("lmstudio", "the server has: qwen3-coder, llama3.2"),
                        ("vllm", "the server has: qwen3-coder")):
        b.sim.http("POST", "/sim/options", {"flavour": name})
        b.daemon.write_config(config(name, b.sim.url).replace(f"model: {SERVERS[name][3]}", "model: no-such"))
        b.daemon.rpc().ok("daemon/reload")
        end, _, _ = b.ask(f"Is it there at {name}?")
        failure = end["failures"][0]
        assert failure["error"]["data"]["name"] == "model_not_found" and words in failure["remedy"], failure
        assert "qwen3-coder" in failure["remedy"]
        assert all(m["name"] != "no-such" for p in b.daemon.rpc().ok("daemon/status")["providers"] for m in p.get("warm", {}).get("models", []))


def test_a_server_that_is_not_there_is_passed_over(place):
    sim = Sim(place, "--flavour", "llamacpp")
    free = socket.socket()
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
    tiers = "".join(f"  {t}: [{{provider: off, model: a}}, {{provider: there, model: b}}]\n" for t in ("fast", "balanced", "quality"))
    d = Daemon(place, f'providers:\n  off: {{dialect: openai, base_url: "http://127.0.0.1:{port}/v1"}}\n'
                      f'  there: {{dialect: openai, base_url: "{sim.url}"}}\ntiers:\n{tiers}')
    d.start()
    rpc = d.rpc()
    providers = {p["name"]: p for p in rpc.ok("daemon/status")["providers"]}
    assert not providers["off"]["configured"] and f"no server answers at http://127.0.0.1:{port}/v1" in providers["off"]["reason"]
    assert providers["there"]["configured"]
    job = rpc.ok("job/submit", {"kind": "ask", "input": {"prompt": "Who is there?"}})["job"]
    rpc.ok("job/attach", {"job": job, "after": 0})
    assert rpc.end()["type"] == "done" and len(sim.requests()) == 1
    d.stop()
    sim.close()


def test_no_server_at_all_is_unreachable(place):
    d = Daemon(place, config("ollama", "http://127.0.0.1:9"))
    d.start()
    rpc = d.rpc()
    job = rpc.ok("job/submit", {"kind": "ask", "input": {"prompt": "Who is there?"}})["job"]
    rpc.ok("job/attach", {"job": job, "after": 0})
    end = rpc.event("done", "failed", "waiting")
    error = end["failures"][0]["error"]
    assert error["data"]["name"] == "unreachable" and "no server answers at http://127.0.0.1:9" in error["message"]
    d.stop()


def test_a_unix_socket_is_an_address(place):
    sim = Sim(place, "--flavour", "llamacpp", "--unix", str(place / "llama.sock"))
    d = Daemon(place, config("llamacpp", f"unix:{place}/llama.sock"))
    d.start()
    rpc = d.rpc()
    job = rpc.ok("job/submit", {"kind": "ask", "input": {"prompt": "Who is there?"}})["job"]
    rpc.ok("job/attach", {"job": job, "after": 0})
    assert rpc.end()["type"] == "done" and len(sim.requests()) == 1
    d.stop()
    sim.close()


# -- Ollama's own

def test_ollama_is_told_to_load_what_a_plan_needs(bench, place):
    b = bench("ollama", more=", keep_alive: 30m")
    b.daemon.genopt("gen", write_spec(place / "s.yaml", n_entities=2), "-o", place / "out", check=0)
    requests = b.sim.requests()
    loads = [r for r in requests if r["stop_reason"] == "load"]
    assert len(loads) == 1 and len(requests) > 1
    loaded = b.sim.http("GET", "/api/ps")["models"]
    assert len(loaded) == 1 and loaded[0]["context_length"] >= 4096
    warm = b.daemon.rpc().ok("daemon/status")["providers"][-1]["warm"]
    assert warm["models"] == [{"name": "qwen3-coder", "context": loaded[0]["context_length"], "used_ms": warm["models"][0]["used_ms"]}]
    shown = b.daemon.genopt("status", check=0).stdout
    assert "connection used" in shown and f"model qwen3-coder ({loaded[0]['context_length']} tokens, used" in shown, shown
    # one context for all: the model is loaded once
    contexts = {json.dumps(r.get("context")) for r in requests}
    assert len(contexts) == 1


def test_ollama_cuts_no_prompt_unseen(bench):
    b = bench("ollama")
    long = "The tide comes and goes. " * 9000  # far over the model's 32,768 tokens
    end, retries, _ = b.ask(long + "Why?")
    failure = end["failures"][0]
    assert failure["error"]["data"]["name"] == "too_long" and not retries, end


def test_load_delay_is_waited_for(bench):
    b = bench("ollama", "--load-ms", "3000", "--speed", "20")
    end, retries, _ = b.ask()
    assert end["type"] == "done" and not retries


def test_examples_of_the_documentation_load(daemon):
    import re
    blocks = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "providers.md").read_text(), re.S)
    assert len(blocks) >= 8
    for text in blocks:
        daemon.write_config(text)
        rpc = daemon.rpc()
        rpc.ok("daemon/reload")
        names = {p["name"] for p in rpc.ok("daemon/status")["providers"]}
        used = set(re.findall(r"provider: ([\w-]+)", text))
        assert used and used <= names, text


# -- caches of providers over think-time

SPEED = 150  # a lifetime of five minutes is two seconds


def has_test_clocks():
    return b"GENOPT_TEST_SPEED" in GENOPTD.read_bytes()


def spent(daemon):
    return daemon.rpc().ok("daemon/status")["spent_today_nanousd"]


@pytest.mark.skipif(not has_test_clocks(), reason="a build without test clocks")
def test_a_providers_cache_is_kept_alive_where_that_is_configured(place):
    sim = Sim(place, "--speed", str(SPEED))
    d = Daemon(place, config("anthropic", sim.url, "optimization: {prefix: {keep_for: 7s}}\n"), {"GENOPT_TEST_SPEED": str(SPEED)})
    d.start()
    d.genopt("gen", write_spec(place / "s.yaml", n_entities=3), "-o", place / "out", "--set", "optimization.template=off", check=0)
    n = len([r for r in sim.requests() if r["max_tokens"] > 1])
    rpc = d.rpc()
    assert rpc.ok("daemon/status")["kept"]["kept"] + rpc.ok("daemon/status")["kept"]["requests"] > 0
    deadline = time.monotonic() + 60
    while rpc.ok("daemon/status")["kept"]["kept"] and time.monotonic() < deadline:
        sim.stats()  # as good a pause as any
    kept = rpc.ok("daemon/status")["kept"]
    asked = [r for r in sim.requests() if r["max_tokens"] == 1]
    assert kept["kept"] == 0 and 1 <= kept["requests"] == len(asked) <= 24, kept  # no longer than it is to be kept
    assert len(sim.requests()) == n + len(asked) and all(r["usage"]["output"] <= 1 for r in asked)
    assert any(r["usage"]["cache_read"] > 0 for r in asked), [r["usage"] for r in asked]
    # all of it is booked, and told
    assert kept["nanousd"] == sum(r["nanousd"] for r in asked) and spent(d) == sim.stats()["nanousd"]
    assert f"{kept['requests']} requests" in d.genopt("status", check=0).stdout
    d.stop()
    sim.close()


@pytest.mark.skipif(not has_test_clocks(), reason="a build without test clocks")
def test_what_keeping_cost_is_booked_after_a_crash(place):
    """The daemon is killed while such a request is under way: an intent stood on disk, and is booked as lost, once."""
    sim = Sim(place, "--speed", str(SPEED))
    d = Daemon(place, config("anthropic", sim.url, "optimization: {prefix: {keep_for: 60s}}\n"), {"GENOPT_TEST_SPEED": str(SPEED)})
    d.start()
    d.genopt("gen", write_spec(place / "s.yaml", n_entities=3), "-o", place / "out", "--set", "optimization.template=off", check=0)
    sim.faults({"kind": "stall", "events": 0})
    deadline = time.monotonic() + 60
    while sim.stats()["in_flight"] == 0:
        assert time.monotonic() < deadline, "nothing was kept alive"
    before = spent(d)
    d.kill()
    sim.faults()
    d.start()
    after = spent(d)
    assert after > sum(r["nanousd"] for r in sim.requests() if r["max_tokens"] > 1), (before, after)
    d.kill()
    d.start()
    assert spent(d) == after
    d.stop()
    sim.close()


def test_nothing_is_kept_alive_unasked(place):
    sim = Sim(place, "--speed", str(SPEED))
    d = Daemon(place, config("anthropic", sim.url), {"GENOPT_TEST_SPEED": str(SPEED)})
    d.start()
    d.genopt("gen", write_spec(place / "s.yaml", n_entities=3), "-o", place / "out", "--set", "optimization.template=off", check=0)
    kept = d.rpc().ok("daemon/status")["kept"]
    assert kept == {"keep_for_ms": 0, "kept": 0, "requests": 0, "nanousd": 0}
    assert all(r["max_tokens"] > 1 for r in sim.requests())
    d.stop()
    sim.close()
