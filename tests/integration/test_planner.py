"""Rules against the simulator: what is switched off changes prices, never files; what was foretold comes true."""

import itertools
import json
import re
import shutil

import pytest

from conftest import ROOT, Daemon, Sim, config_for, go_build, tree, write_spec

SWITCHES = ["keep", "reuse", "template", "mechanical", "frame", "context", "compress", "tier", "batch.enabled", "prefix.enabled", "schedule"]
BY_TEMPLATE = {"template", "frame"}  # without them a model writes what a template would have, or more of it
NAIVE = ("--set", "optimization.enabled=off", "--set", "limits.calls=1")


def gen(daemon, spec, out, *args):
    r = daemon.genopt("gen", spec, "-o", out, "--json", *args)
    return next(e for e in reversed(daemon.events(r)) if e["type"] == "done")["summary"]


def off(*names):
    return [a for n in names for a in ("--set", f"optimization.{n}=off")]


def clean(daemon, place):
    """Nothing is known of what went before."""
    daemon.genopt("cache", "clear", check=0)
    shutil.rmtree(place / "out", ignore_errors=True)


def covering(names):
    """Sets of switches in which each pair is off together at least once: halves, by the bits of the index, and their
    complements; a few of them instead of all pairs."""
    sets = []
    for bit in range((len(names) - 1).bit_length()):
        half = [n for i, n in enumerate(names) if i >> bit & 1]
        sets += [half, [n for n in names if n not in half]]
    left = [p for p in itertools.combinations(names, 2) if not any(set(p) <= set(s) for s in sets)]
    return sets + [list(p) for p in left]


def same_files(a, b):
    """Byte by byte, but for files of which a template makes the one and the model the other."""
    assert set(a) == set(b)
    return {p for p in a if a[p] != b[p]}


def test_switches_change_no_file(daemon, place):
    spec = write_spec(place / "s.yaml", n_entities=4, requirements=["A parcel that weighs more than 30 is refused."])
    first = gen(daemon, spec, place / "out")
    files = tree(place / "out")
    go_build(place / "out")
    assert first["files"]["failed"] == 0
    for switched in ["keep"], ["reuse"], ["keep", "reuse"]:  # where there is something to keep and to reuse
        again = gen(daemon, spec, place / "out", *off(*switched))
        assert again["files"]["failed"] == 0 and not same_files(files, tree(place / "out")), switched
        assert (again["calls"] > 0) == (len(switched) == 2) and (again["files"]["keep"] > 0) == ("keep" not in switched), (switched, again)
    for switched in [[n] for n in SWITCHES + ["prefix.anthropic"]] + covering(SWITCHES):
        clean(daemon, place)
        summary = gen(daemon, spec, place / "out", *off(*switched))
        assert summary["files"]["failed"] == 0, switched
        differ = same_files(files, tree(place / "out"))
        if not BY_TEMPLATE & set(switched):
            assert not differ, (switched, differ)
        elif len(switched) == 1:
            go_build(place / "out")
    clean(daemon, place)
    summary = gen(daemon, spec, place / "out", "--set", "parallel=off")
    assert not same_files(files, tree(place / "out"))


def test_naive_plan_is_run_as_it_is_priced(daemon, sim, place):
    spec = write_spec(place / "s.yaml", n_entities=3)
    plan = json.loads(daemon.genopt("gen", spec, "-o", place / "out", "--dry-run", "--json").stdout)
    summary = gen(daemon, spec, place / "out", *NAIVE)
    assert summary["calls"] == plan["naive"]["calls"] == len(sim.requests()) == plan["tasks"]
    assert summary["tokens"]["cache_read"] == 0 and summary["files"]["batched"] == 0
    assert {r["model"] for r in sim.requests()} == {"claude-opus-5-5"}
    assert abs(summary["nanousd"] / plan["naive"]["nanousd"] - 1) < 0.35
    go_build(place / "out")


def test_reads_come_as_foretold(daemon, sim, place):
    """Estimates learn what a prefix has tokens from the first run; the next plan foretells reads within 2 %."""
    a = write_spec(place / "a.yaml", n_entities=6, requirements=["A parcel is closed after five days."])
    gen(daemon, a, place / "a", *off("template"))
    b = write_spec(place / "b.yaml", n_entities=8, requirements=["A parcel is lost after nine days."])
    plan = json.loads(daemon.genopt("gen", b, "-o", place / "out", "--dry-run", "--json", *off("template", "reuse")).stdout)
    n = len(sim.requests())
    summary = gen(daemon, b, place / "out", *off("template", "reuse"))
    read = sum(r["usage"]["cache_read"] for r in sim.requests()[n:])
    assert read == summary["tokens"]["cache_read"] > 0
    assert abs(plan["totals"]["cache_read"] / read - 1) < 0.02, (plan["totals"], summary["tokens"])
    total = sum(summary["tokens"][k] for k in ("input", "cache_read", "cache_write"))
    planned = sum(plan["totals"][k] for k in ("input", "cache_read", "cache_write"))
    assert abs(planned / total - 1) < 0.1, (planned, total)


def test_what_was_learned_survives_a_kill(daemon, sim, place):
    """Estimates go to state while they are learned: the next daemon plans with them."""
    spec = write_spec(place / "s.yaml", n_entities=4)
    plan = lambda: json.loads(daemon.genopt("gen", spec, "-o", place / "new", "--dry-run", "--json", *off("template", "reuse")).stdout)["totals"]
    cold = plan()
    gen(daemon, spec, place / "out", *off("template"))
    learned = plan()
    assert learned["input"] + learned["cache_read"] != cold["input"] + cold["cache_read"] and learned["output"] != cold["output"]
    daemon.kill()
    daemon.start()
    again = plan()
    assert {k: again[k] for k in ("calls", "output")} == {k: learned[k] for k in ("calls", "output")}
    # In the provider's cache prefixes lapse while the daemon was away; the sum of the tokens stays.
    tokens = [sum(p[k] for k in ("input", "cache_read", "cache_write")) for p in (learned, again)]
    assert abs(tokens[0] - tokens[1]) <= 2, (learned, again)


def test_explain_tells_what_a_kill_cost(daemon, sim, place):
    """What was paid stands in the steps, whichever daemon paid it; what was under way when one died stands beside them."""
    spec = write_spec(place / "s.yaml", n_entities=4)
    rpc = daemon.rpc()
    sim.faults({"kind": "slow_first_byte", "ms": 30000, "nth": 4, "times": 2}, {"kind": "slow_first_byte", "ms": 1500, "nth": 1, "times": 1})
    job = rpc.ok("job/submit", {"kind": "generate", "input": {"spec": {"name": spec.name, "text": spec.read_text()}},
                                "options": {"optimization.template": "off", "optimization.batch.enabled": "off", "limits.calls": "2"}})["job"]
    rpc.ok("job/attach", {"job": job, "after": 0})
    for _ in range(3):
        rpc.event("call.done")
    while sim.stats()["in_flight"] < 2:
        pass
    whole = rpc.ok("job/explain", {"job": job})
    daemon.kill()
    sim.faults()
    daemon.start()
    rpc = daemon.rpc()
    rpc.ok("job/attach", {"job": job, "after": 0})
    assert rpc.end()["type"] == "done"
    plan = rpc.ok("job/explain", {"job": job})
    steps = [s["measured"] for s in plan["steps"]]
    assert plan["measured"]["ms"] >= 1500  # the time of the run that was cut counts
    assert plan["lost"]["calls"] == 2 and plan["lost"]["nanousd"] > 0
    # beside the plan of the whole, not of the rest: what was known of the results of the first calls is none of its savings
    assert plan["totals"] == whole["totals"] and plan["naive"] == whole["naive"]
    assert [s["kind"] for s in plan["steps"]] == [s["kind"] for s in whole["steps"]] and all(s["kind"] == "call" for s in plan["steps"])
    assert plan["measured"]["calls"] == plan["totals"]["calls"] + 2
    assert sum(m["calls"] for m in steps) + 2 == plan["measured"]["calls"]
    assert sum(m["nanousd"] for m in steps) + plan["lost"]["nanousd"] == plan["measured"]["nanousd"]
    assert sum(m["nanousd"] for m in steps) == sum(r["nanousd"] for r in sim.requests() if r["outcome"] == "ok")
    shown = daemon.genopt("explain", job, check=0).stdout
    assert "for 2 calls that the end of a daemon cut off" in shown
    assert json.loads(daemon.genopt("report", job, "--json", check=0).stdout)["lost"] == plan["lost"]
    for form in ("text", "html"):
        assert "for 2 calls that the end of a daemon cut off" in daemon.genopt("report", job, "--format", form, check=0).stdout


def windows(place, **tokens):
    """The package's data, with other windows."""
    data = place / "data"
    data.mkdir()
    (data / "blueprints").symlink_to(ROOT / "blueprints")
    text = (ROOT / "daemon/plan/models.yaml").read_text()
    for name, n in tokens.items():
        head, tail = text.split(f"- name: claude-{name}\n", 1)
        text = f"{head}- name: claude-{name}\n" + re.sub(r"window: \d+", f"window: {n}", tail, count=1)
    (data / "models.yaml").write_text(text)
    return {"GENOPT_DATA_DIR": str(data)}


def test_what_fits_no_window_is_told_before_it_is_asked(place, sim):
    """A dry run, an approval, a person may still do something about it; a tier with a larger window is planned where there is one."""
    spec = write_spec(place / "s.yaml", requirements=[f"A parcel of the {i}th kind is weighed before it leaves." for i in range(300)])
    for opus, is_told in (6000, True), (1000000, False):
        (place / str(opus)).mkdir()
        d = Daemon(place, config_for(sim), windows(place / str(opus), **{"haiku-4-5": 6000, "sonnet-5": 6000, "opus-5-5": opus}))
        d.start()
        r = d.genopt("gen", spec, "-o", place / "out", "--dry-run", "--json", *off("template"), check=0)
        long = [s for s in json.loads(r.stdout)["steps"] if s["kind"] == "call" and s["estimate"]["input"] + s["estimate"]["cache_read"] + s["estimate"]["cache_write"] > 6000]
        words = d.genopt("gen", spec, "-o", place / "out", "--dry-run", *off("template"), check=0).stderr
        assert long and ("do not fit the window of claude-" in words) == is_told, words
        if not is_told:
            assert {s["model"] for s in long} == {"claude-opus-5-5"}
            assert any("too long for the window of a lower tier" in s["reason"] for s in long)
        d.stop()


@pytest.mark.parametrize("sonnet, opus, outcome", [(6400, 1000000, "warned"), (4000, 1000000, "moved"), (4000, 4000, "refused")])
def test_a_window_is_never_cut_silently(place, sim, sonnet, opus, outcome):
    """Above four fifths of a window a warning; above all of it a tier with a larger one, or a refusal that says the numbers."""
    daemon = Daemon(place, config_for(sim), windows(place, **{"sonnet-5": sonnet, "opus-5-5": opus}))
    daemon.start()
    prompt = "Describe in 20 words how a parcel " + "and another parcel of the same kind " * 400 + "leave."
    r = daemon.genopt("ask", prompt, "--json")
    events = daemon.events(r)
    warnings = [e["text"] for e in events if e["type"] == "warning" and "of the window" in e["text"]]
    failed = [e["error"]["message"] for e in events if e["type"] == "task.done" and e["verdict"] == "failed"]
    asked = sim.requests()
    if outcome == "refused":
        assert r.returncode == 65 and not asked
        assert f"do not fit the window of claude-sonnet-5-5 ({sonnet})" in failed[0], failed
    else:
        assert r.returncode == 0 and not failed and len(asked) == 1
        assert len(warnings) == (outcome == "warned"), warnings
        assert asked[0]["model"] == ("claude-opus-5-5" if outcome == "moved" else "claude-sonnet-5-5")
        assert asked[0]["usage"]["input"] > 3500  # all of it
    daemon.stop()


@pytest.mark.parametrize("opus, outcome", [(1000000, "moved"), (5300, "whole")])
def test_an_answer_that_goes_on_fits_the_window_too(place, sim, opus, outcome):
    """What a model said before it was cut off is part of the next prompt: it goes on in a larger window, or is asked for whole."""
    daemon = Daemon(place, config_for(sim), windows(place, **{"sonnet-5": 5300, "opus-5-5": opus}))
    daemon.start()
    for i in range(6):  # until it knows how long such prompts and answers are
        daemon.genopt("ask", f"Describe in 900 words how parcel {i} " + "and another parcel of the same kind " * 200 + "leaves.", check=0)
    n = len(sim.requests())
    sim.faults({"kind": "truncate", "tokens": 1200, "times": 1})
    r = daemon.genopt("ask", "Describe in 900 words how a parcel " + "and another parcel of the same kind " * 400 + "leaves.", "--json")
    asked = sim.requests()[n:]
    assert asked[0]["model"] == "claude-sonnet-5-5" and asked[0]["stop_reason"] == "max_tokens"
    for row in asked:
        used = sum(row["usage"][k] for k in ("input", "cache_read", "cache_write_5m", "output"))
        assert row["model"] == "claude-opus-5-5" and outcome == "moved" or used <= 5300, (row["model"], row["usage"])
    assert r.returncode == 0 and asked[-1]["model"] == ("claude-opus-5-5" if outcome == "moved" else "claude-sonnet-5-5")
    assert any(b["role"] == "assistant" for b in asked[-1]["prompt"]) == (outcome == "moved")
    daemon.stop()


def wide_spec(path, n_attributes, n_wide, n_small=0):
    """Entities whose types, as others are shown them, are long."""
    many = ", ".join(f"Measure{i}: float64" for i in range(n_attributes))
    lines = ["name: Gauges", "description: What instruments say.", "requirements:",
             "  - {id: FR-001, description: \"A gauge0 is read each hour.\"}", "data_model:", "  entities:"]
    lines += [f"    - {{name: Gauge{i}, attributes: {{ID: string, {many}}}}}" for i in range(n_wide)]
    lines += [f"    - {{name: Small{i}, attributes: {{ID: string, Name: string}}}}" for i in range(n_small)]
    path.write_text("\n".join(lines + ["build_config: {go_version: \"1.19\"}"]) + "\n")
    return path


@pytest.mark.parametrize("window, outcome", [(1000000, "whole"), (11500, "split")])
def test_a_call_for_several_files_that_passes_the_window_is_split(place, sim, window, outcome):
    """Its blueprint believes that interfaces are short: what a call is shown is longer than the plan foretold. Its files are asked for one by
    one, each is told all that it is told in a large window, and nothing is cut."""
    daemon = Daemon(place, config_for(sim), windows(place, **{"sonnet-5": window}))
    daemon.start()
    blueprint = place / "own" / "go-service"
    shutil.copytree(ROOT / "blueprints" / "go-service", blueprint)
    text = (blueprint / "blueprint.yaml").read_text()
    text = re.sub(r"interface_bytes: \d+", "interface_bytes: 1", re.sub(r"output_bytes: \d+", "output_bytes: 1500", text))
    (blueprint / "blueprint.yaml").write_text(text)
    args = [*off("template"), "--set", "optimization.objective=cost", "--blueprint", blueprint]
    spec = write_spec(place / "s.yaml", n_entities=8)
    summary = gen(daemon, spec, place / "out", *args)
    assert summary["files"]["failed"] == 0
    splits = [line for line in daemon.log().splitlines() if "do not fit one call" in line]
    assert bool(splits) == (outcome == "split"), splits
    longest = max(sum(r["usage"][k] for k in ("input", "cache_read", "cache_write_5m")) for r in sim.requests())
    assert (longest > 9500) == (outcome == "whole"), longest
    go_build(place / "out")
    daemon.stop()


def test_a_file_that_declares_much_of_the_specification_is_told_of(daemon, place):
    """More than 40 % of it, once for each kind; where all declare alike nothing is said."""
    def warnings(name, *size):
        r = daemon.genopt("gen", wide_spec(place / f"{name}.yaml", *size), "-o", place / name, "--json")
        return [e["text"] for e in daemon.events(r) if e["type"] == "warning" and "of the specification" in e["text"]]

    told = warnings("much", 120, 1, 3)
    assert told and all(re.match(r"\S*gauge0\S* declares [4-9]\d % of the specification", t) for t in told), told
    assert len(told) == len(set(told))
    assert not warnings("alike", 40, 6)


def test_of_a_small_specification_every_part_is_large(daemon, place):
    """No word of it, as docs/planner.md says: up to 4,000 bytes of facts."""
    spec = write_spec(place / "s.yaml", n_entities=2)  # each entity is half of it
    r = daemon.genopt("gen", spec, "-o", place / "out", "--dry-run", *off("template"), check=0)
    assert "of the specification: its kind may declare less" not in r.stderr


REMOTE = "https://0.0.0.0:9"  # not of this machine by its name; nothing is ever asked there


def priced(place, url=REMOTE, model="acme-large", price=""):
    """A daemon whose tiers all ask one model."""
    d = Daemon(place, f'providers:\n  acme: {{dialect: openai, base_url: "{url}", key: {{env: TEST_KEY}}}}\ntiers:\n'
               + "".join(f"  {t}: {{provider: acme, model: {model}{price}}}\n" for t in ("fast", "balanced", "quality")))
    d.start()
    return d


def test_what_has_no_price_is_asked_about(place):
    """No budget counts it, so that none holds: whatever the sum, and also where nobody sits, before the first call."""
    spec = write_spec(place / "s.yaml")
    d = priced(place)
    r = d.genopt("gen", spec, "-o", place / "out", "--dry-run", *off("template"), check=0)
    assert "money      is without acme-large, whose price is not known" in r.stdout and re.search(r"acme-large .* \?  ", r.stdout), r.stdout
    for args in ["gen", spec, "-o", place / "out"], ["ask", "how high are tides?"]:
        r = d.genopt(*args, check=75)
        assert "the price of acme-large is not known, so that no budget holds" in r.stderr and "price: {input:" in r.stderr, r.stderr
        assert re.search(r"model calls?, about .* tokens, .*, at a price that nobody has told \(acme-large\)", r.stderr), r.stderr
    r = d.genopt("gen", spec, "-o", place / "out", "--json", *off("template"), check=75)
    waits = [e for e in d.events(r) if e["type"] == "waiting"][-1]
    assert waits["on"] == "approval" and waits["unpriced"] == ["acme-large"] and waits["estimate"]["calls"] > 0
    rpc = d.rpc()
    for options in {"approval.when": "never"}, {"budget.unpriced": "allow"}:  # --yes; or once for all
        job = rpc.ok("job/submit", {"kind": "ask", "input": {"prompt": "hello"}, "options": options})["job"]
        rpc.ok("job/attach", {"job": job, "after": 0})
        assert rpc.event("started", "waiting")["type"] == "started"
        rpc.ok("job/cancel", {"job": job})
        rpc.end()
    rpc.ok("job/resume", {"job": waits["job"]})  # approves
    rpc.ok("job/attach", {"job": waits["job"], "after": waits["seq"]})
    assert rpc.event("started", "waiting")["type"] == "started"
    rpc.ok("job/cancel", {"job": waits["job"]})
    d.stop()


def test_a_price_of_the_users_counts(place, sim):
    """In plans and bills, whatever the model; nothing is asked about then."""
    spec = write_spec(place / "s.yaml")
    d = priced(place, price=", price: {input: 7, output: 11}")
    plan = json.loads(d.genopt("gen", spec, "-o", place / "out", "--dry-run", "--json", *off("template"), check=0).stdout)
    t = plan["totals"]
    assert "unpriced" not in plan and t["nanousd"] == pytest.approx(7000 * (t["input"] + t["cache_read"] + t["cache_write"]) + 11000 * t["output"], rel=1e-3)
    d.stop()
    config = config_for(sim).replace("model: claude-sonnet-5-5", "model: claude-sonnet-5-5, price: {input: 7, output: 11, cache_read: 1}")
    d = Daemon(place, config)
    d.start()
    d.genopt("ask", "how high are tides?", check=0)
    u = sim.requests()[-1]["usage"]
    assert d.rpc().ok("daemon/status")["spent_today_nanousd"] == 7000 * u["input"] + 11000 * u["output"]
    d.stop()


def test_a_plan_is_of_who_will_be_asked(place, sim):
    """A provider without a key is passed over when a plan is made, as it is when a call leaves: plan and bill are of one model."""
    spec = write_spec(place / "s.yaml", n_entities=4)
    config = config_for(sim).replace("tiers:", '  away: {dialect: anthropic, base_url: "https://api.example.com", key: {env: TEST_NO_SUCH_KEY}}\ntiers:')
    config = re.sub(r"(fast|balanced|quality): (\{.*\})", r"\1: [{provider: away, model: nobody-knows-9}, \2]", config)
    d = Daemon(place, config)
    d.start()
    plan = json.loads(d.genopt("gen", spec, "-o", place / "out", "--dry-run", "--json", *off("template"), check=0).stdout)
    assert {s["model"] for s in plan["steps"] if s["kind"] == "call"} <= {"claude-haiku-4-5", "claude-sonnet-5-5", "claude-opus-5-5"}
    assert "unpriced" not in plan and plan["totals"]["nanousd"] > 0
    summary = gen(d, spec, place / "out", *off("template"))
    assert summary["calls"] == plan["totals"]["calls"]
    assert summary["nanousd"] == pytest.approx(plan["totals"]["nanousd"], rel=0.3)
    assert summary["nanousd"] == sum(r["nanousd"] for r in sim.requests())
    d.stop()


def test_a_plan_knows_how_many_calls_a_provider_takes(place, sim):
    """`limits: {calls: 1}` is the documented way with a server on a desk: its plan is one of calls one after another."""
    spec = write_spec(place / "s.yaml", n_entities=8)
    plans = []
    for limits, args in ("", []), (", limits: {calls: 1}", []), ("", ["--set", "limits.calls=1"]):
        d = Daemon(place, config_for(sim).replace("key: {env: TEST_KEY}", "key: {env: TEST_KEY}" + limits))
        d.start()
        plans.append(json.loads(d.genopt("gen", spec, "-o", place / "out", "--dry-run", "--json", *off("template"), *args, check=0).stdout)["totals"])
        d.stop()
    wide, provider, job = plans
    assert provider == job and provider["ms"] > wide["ms"], plans


def test_a_budget_that_stops_a_plan_is_told_before_and_after(daemon, place):
    """Beforehand that it will; then what the next call may cost and what is left; and raising it leaves the plan of the whole."""
    spec = write_spec(place / "s.yaml", n_entities=8)
    whole = [*off("template"), "--set", "optimization.batch.max_files=2"]
    plan = json.loads(daemon.genopt("gen", spec, "-o", place / "out", "--dry-run", "--json", *whole, check=0).stdout)
    budget = f"{0.7 * plan['totals']['nanousd'] / 1e9:.4f}"
    r = daemon.genopt("gen", spec, "-o", place / "out", "--json", *whole, "--budget", budget, check=75)
    events = daemon.events(r)
    assert any(e["type"] == "warning" and f"${budget} of the job's budget is left" in e["text"] for e in events), r.stdout
    waits = next(e for e in events if e["type"] == "waiting")
    job = waits["job"]
    rpc = daemon.rpc()
    rpc.ok("job/resume", {"job": job, "options": {"budget.job_usd": "50"}})
    rpc.ok("job/attach", {"job": job, "after": waits["seq"]})
    assert rpc.end()["type"] == "done"
    told = rpc.ok("job/explain", {"job": job})
    assert told["totals"] == plan["totals"] and [s["kind"] for s in told["steps"]] == [s["kind"] for s in plan["steps"]]
    assert told["measured"]["calls"] == sum(s["measured"]["calls"] for s in told["steps"])


def test_questions_do_not_spoil_the_estimates_of_files(daemon, place):
    spec = write_spec(place / "s.yaml", n_entities=4)
    dry = ["gen", spec, "-o", place / "out", "--dry-run", "--json", *off("template")]
    before = json.loads(daemon.genopt(*dry, check=0).stdout)["totals"]
    for i in range(6):
        daemon.genopt("ask", f"please write in 300 words about tide {i}", check=0)
    after = json.loads(daemon.genopt(*dry, check=0).stdout)["totals"]
    assert abs(after["output"] / before["output"] - 1) < 0.02, (before, after)


def test_a_cache_is_of_its_provider(place):
    """The same model and text elsewhere: nothing of it is warm there, and one writes what the others read."""
    sims = [Sim(place / n) for n in ("one", "two") if not (place / n).mkdir()]
    spec = write_spec(place / "s.yaml", n_entities=8)
    config = config_for(sims[0]).replace("tiers:", f'  other: {{dialect: anthropic, base_url: "{sims[1].url}", key: {{env: TEST_KEY}}}}\ntiers:')
    whole = [*off("template"), "--set", "optimization.batch.max_files=2", "--fresh"]
    d = Daemon(place, config)
    d.start()
    gen(d, spec, place / "out", *whole)
    d.write_config(config.replace("provider: sim", "provider: other"))
    d.genopt("reload", check=0)
    plan = json.loads(d.genopt("gen", spec, "-o", place / "out", "--dry-run", "--json", *whole, check=0).stdout)["totals"]
    gen(d, spec, place / "out", *whole)
    usage = [r["usage"] for r in sims[1].requests()]
    written = sum(u["cache_write_5m"] for u in usage)
    assert written > 0 and plan["cache_write"] == pytest.approx(written, rel=0.05), (plan, usage)
    d.stop()
    for s in sims:
        s.close()


@pytest.mark.parametrize("is_on", ["true", "false"])
def test_a_retry_says_what_was_wrong_unless_it_is_told_not_to(daemon, sim, place, is_on):
    """ENABLE_SMART_RETRY: the next prompt has the reason, and its answer is right; without it a model errs as before."""
    spec = write_spec(place / "s.yaml")
    whole = [*off("template", "batch.enabled"), "--json"]
    plan = json.loads(daemon.genopt("gen", spec, "-o", place / "out", "--dry-run", *whole, check=0).stdout)
    path = next(s["tasks"][0] for s in plan["steps"] if s["kind"] == "call" and s["tasks"][0].endswith("_service.go"))
    sim.faults({"kind": "broken", "match": f"path: {path}"})  # not where the prompt tells why the last answer was refused
    r = daemon.genopt("gen", spec, "-o", place / "out", *whole, env={"ENABLE_SMART_RETRY": is_on})
    summary = next(e for e in reversed(daemon.events(r)) if e["type"] == "done")["summary"]
    prompts = ["".join(part["text"] for part in row["prompt"]) for row in sim.requests()]
    again = [p for p in prompts if "was refused:" in p]
    assert len(again) == (is_on == "true") and bool(summary["files"]["failed"]) == (is_on == "false"), summary
    assert (summary["calls"] == plan["totals"]["calls"] + 1) == (is_on == "true"), summary


@pytest.mark.parametrize("is_on", ["true", "false"])
def test_what_is_doubted_stands_unless_nothing_may_be(place, sim, is_on):
    """ENABLE_CONFIDENCE_VALIDATION: a breach that is perhaps none is counted as judged; without it each refuses its file."""
    blueprints = place / "blueprints"
    shutil.copytree(ROOT / "blueprints", blueprints)
    page = blueprints / "go-service/blueprint.yaml"
    text = page.read_text().replace("\nchecks:\n", "\nchecks:\n  no_digest: {pattern: 'Facts [0-9a-f]{8}', must_match: false, confidence: 0.4, message: no digest, sees: all}\n")
    page.write_text(text.replace("checks: [package_clause, domain_struct, ", "checks: [no_digest, package_clause, domain_struct, "))
    d = Daemon(place, config_for(sim), {"GENOPT_BLUEPRINT_DIR": str(blueprints)})
    d.start()
    r = d.genopt("gen", write_spec(place / "s.yaml"), "-o", place / "out", "--json", *off("template", "batch.enabled"),
                 env={"ENABLE_CONFIDENCE_VALIDATION": is_on})
    summary = next(e for e in reversed(d.events(r)) if e["type"] == "done")["summary"]
    asked = [row for row in sim.requests() if "the domain type" in "".join(part["text"] for part in row["prompt"])]
    if is_on == "true":
        assert summary["checks"]["judged"] == 2 and summary["files"]["failed"] == 0 and len(asked) == 2, summary
    else:
        assert summary["checks"]["judged"] == 0 and summary["files"]["failed"] >= 2 and len(asked) > 2, summary
    d.stop()


@pytest.mark.parametrize("project, by_model", [("tests/specs/harbour.yaml", []), ("tests/bench/specs/microservices.yaml", sorted(BY_TEMPLATE))])
def test_no_switch_changes_what_a_model_writes(daemon, place, project, by_model):
    """However facts are told, whoever is asked, alone or with others: the same files."""
    files = None
    for switch in None, "context", "compress", "tier", "batch.enabled", "prefix.enabled":
        clean(daemon, place)
        summary = gen(daemon, ROOT / project, place / "out", "--set", "budget.job_usd=none", *off(*by_model, *([switch] if switch else [])))
        assert summary["files"]["failed"] == 0 and summary["files"]["call"] > 0, switch
        files = files or tree(place / "out")
        assert not same_files(files, tree(place / "out")), switch


def test_a_model_without_a_price_is_told_of(place):
    """No sum and no budget would bind: where it is asked elsewhere, each plan with calls says so, once."""
    spec, unknown = write_spec(place / "s.yaml"), "the price of nobody-knows-9 is not known"
    tiers = "tiers:\n" + "".join(f"  {t}: {{provider: p, model: %s}}\n" for t in ("fast", "balanced", "quality"))
    for url, model, n in (("https://api.example.com", "nobody-knows-9", 1), ("http://127.0.0.1:9", "nobody-knows-9", 0), ("https://api.example.com", "gpt-5", 0)):
        d = Daemon(place, f'providers:\n  p: {{dialect: openai, base_url: "{url}", key: {{env: TEST_KEY}}}}\n' + tiers % ((model,) * 3))
        d.start()
        r = d.genopt("gen", spec, "-o", place / "out", "--dry-run", check=0)
        assert r.stderr.count(unknown) == n, (url, model, r.stderr)
        d.stop()


def test_each_file_of_a_call_has_its_part_of_it(daemon, place):
    spec = write_spec(place / "s.yaml", n_entities=4)
    summary = gen(daemon, spec, place / "out", *off("template"), "--set", "optimization.objective=cost")
    plan = json.loads(daemon.genopt("explain", "--json", "-o", place / "out", check=0).stdout)
    shared = [s["measured"] for s in plan["steps"] if len(s["tasks"]) > 1 and s["measured"]["calls"] == 1]
    assert shared
    for m in shared:
        parts = m["tasks"]
        assert sum(t["nanousd"] for t in parts) == m["nanousd"] and all(t["nanousd"] > 0 for t in parts)
        for key in ("input", "cache_read", "output"):
            assert sum(t["tokens"][key] for t in parts) == m[key]
        assert max(t["tokens"]["output"] for t in parts) - min(t["tokens"]["output"] for t in parts) <= 1
    assert sum(t["nanousd"] for s in plan["steps"] for t in s["measured"]["tasks"]) == summary["nanousd"]
    shown = daemon.rpc().ok("job/get", {"job": plan["job"]})["tasks"]
    assert sum(t["nanousd"] for t in shown) == summary["nanousd"]
    parts = {t["path"]: t["nanousd"] for m in shared for t in m["tasks"]}
    assert {t["path"]: t["nanousd"] for t in shown if t["path"] in parts} == parts


def test_one_file_missing_is_one_call_more(daemon, sim, place):
    spec = write_spec(place / "s.yaml", n_entities=4)
    whole = [*off("template"), "--set", "optimization.objective=cost"]
    plan = json.loads(daemon.genopt("gen", spec, "-o", place / "out", "--dry-run", "--json", *whole).stdout)
    assert any(len(s["tasks"]) > 2 for s in plan["steps"])
    group = next(s["tasks"] for s in plan["steps"] if len(s["tasks"]) > 2)
    sim.faults({"kind": "missing_file", "file": 2, "match": f"path: {group[0]}", "times": 1})
    summary = gen(daemon, spec, place / "out", *whole)
    assert summary["files"]["failed"] == 0
    assert summary["calls"] == plan["totals"]["calls"] + 1
    assert summary["retries"] == 1


def test_readers_follow_their_writer(daemon, sim, place):
    """One call of a prefix goes first; the others leave when its answer has begun, and read."""
    spec = write_spec(place / "s.yaml", n_entities=8)
    sim.faults({"kind": "slow_first_byte", "ms": 300, "times": 1})
    gen(daemon, spec, place / "out", *off("template"), "--set", "optimization.batch.max_files=2")
    rows = sim.requests()
    writes = [r for r in rows if r["usage"]["cache_write_5m"] > 0]
    reads = [r for r in rows if r["usage"]["cache_read"] > 0]
    assert len(reads) > 3 * len(writes), (len(writes), len(reads))


@pytest.mark.parametrize("name, rule", [("ENABLE_COMPRESSED_STANDARDS", "compress"), ("ENABLE_TEMPLATES", "template"),
                                        ("ENABLE_RECOGNITION_CACHE", "reuse")])
def test_the_environment_of_a_run_counts(daemon, place, name, rule):
    spec = write_spec(place / "s.yaml")
    plan = json.loads(daemon.genopt("gen", spec, "-o", place / "out", "--dry-run", "--json", env={name: "false"}).stdout)
    assert rule not in {r["name"] for r in plan["rules"]}


@pytest.mark.parametrize("is_parallel", ["true", "false"])
def test_the_environment_of_a_run_says_whether_calls_go_side_by_side(daemon, sim, place, is_parallel):
    spec = write_spec(place / "s.yaml")
    sim.faults({"kind": "slow_first_byte", "ms": 300, "times": 4})
    r = daemon.genopt("gen", spec, "-o", place / "out", "--json", *off("template"), env={"ENABLE_PARALLEL_EXECUTION": is_parallel})
    assert next(e for e in reversed(daemon.events(r)) if e["type"] == "done")["summary"]["files"]["failed"] == 0
    rows = sorted(sim.requests(), key=lambda row: row["start_us"])
    overlaps = [b for a, b in zip(rows, rows[1:]) if b["start_us"] < a["first_us"]]
    assert len(rows) > 4 and bool(overlaps) == (is_parallel == "true"), rows
