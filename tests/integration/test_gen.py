"""The main job: a specification becomes a project; again costs nothing; a change costs what depends on it."""

import json
import pathlib
import re
import shutil

import pytest

from conftest import ROOT, Rpc, go_build, tree, write_spec

HARBOUR = ROOT / "tests" / "specs" / "harbour.yaml"


def gen(daemon, spec, out, *args, check=0, **kw):
    r = daemon.genopt("gen", spec, "-o", out, "--json", *args, check=check, **kw)
    events = daemon.events(r)
    return events, next((e for e in reversed(events) if e["type"] in ("done", "failed")), None)


def test_cold_again_and_changed(daemon, sim, place):
    spec = place / "harbour.yaml"
    shutil.copy(HARBOUR, spec)
    events, end = gen(daemon, spec, place / "out")
    files = end["summary"]["files"]
    assert files["failed"] == 0 and files["template"] >= 30 and files["call"] >= 10
    first = tree(place / "out")
    assert len(first) >= 30
    go_build(place / "out")
    n = len(sim.requests())
    assert end["summary"]["calls"] == n

    events, end = gen(daemon, spec, place / "out")
    assert end["summary"]["calls"] == 0 and end["summary"]["nanousd"] == 0
    assert tree(place / "out") == first
    # and a third time it is known by its bytes: no job at all
    jobs = len(daemon.rpc().ok("job/list")["jobs"])
    events, end = gen(daemon, spec, place / "out")
    assert len(daemon.rpc().ok("job/list")["jobs"]) == jobs
    assert len(sim.requests()) == n

    text = spec.read_text()
    spec.write_text(text.replace("fourteen days", "thirty days"))
    events, end = gen(daemon, spec, place / "out")
    second = tree(place / "out")
    changed = {p for p in second if second[p] != first.get(p)}
    assert changed and all("invoice" in p.lower() for p in changed), changed
    assert 0 < end["summary"]["calls"] == len(sim.requests()) - n <= len(first) / 4
    go_build(place / "out")

    spec.write_text(text)  # going back costs nothing
    events, end = gen(daemon, spec, place / "out")
    assert end["summary"]["calls"] == 0
    assert tree(place / "out") == first


def test_another_clone_costs_nothing(daemon, sim, place):
    spec = write_spec(place / "s.yaml")
    gen(daemon, spec, place / "a")
    n = len(sim.requests())
    events, end = gen(daemon, spec, place / "b")
    assert len(sim.requests()) == n
    assert tree(place / "a") == tree(place / "b")


def test_dry_run_pays_and_writes_nothing(daemon, sim, place):
    r = daemon.genopt("gen", HARBOUR, "-o", place / "out", "--dry-run", "--json", check=0)
    plan = json.loads(r.stdout)
    assert set(plan) >= {"tasks", "steps", "totals", "naive", "rules"}
    step = plan["steps"][0]
    assert set(step) >= {"kind", "tasks", "certain", "reason", "estimate"}
    assert set(step["estimate"]) >= {"input", "cache_read", "cache_write", "output", "nanousd", "ms"}
    assert all(set(r) >= {"name", "calls", "input", "output", "nanousd", "ms"} for r in plan["rules"])
    assert plan["tasks"] == sum(len(s["tasks"]) for s in plan["steps"])
    assert plan["totals"]["nanousd"] < plan["naive"]["nanousd"]
    assert sim.requests() == []
    assert not (place / "out").exists() or tree(place / "out") == {}


def test_dry_runs_are_no_jobs_to_look_after(daemon, place):
    daemon.genopt("gen", HARBOUR, "-o", place / "out", "--dry-run", check=0)
    assert daemon.genopt("jobs", check=0).stderr == "no jobs\n"
    assert "(dry run)" in daemon.genopt("jobs", "--dry-runs", check=0).stdout
    assert daemon.rpc().ok("job/list")["jobs"][0]["dry_run"] is True


def test_dry_run_needs_no_provider(place):
    from conftest import Daemon
    d = Daemon(place, "")
    d.start()
    r = d.genopt("gen", HARBOUR, "-o", place / "out", "--dry-run", "--json", check=0)
    assert json.loads(r.stdout)["tasks"] > 30
    d.stop()


def test_estimate_is_near_what_was_measured(daemon, place):
    plan = json.loads(daemon.genopt("gen", HARBOUR, "-o", place / "out", "--dry-run", "--json", check=0).stdout)
    events, end = gen(daemon, HARBOUR, place / "out")
    measured = end["summary"]["tokens"]
    total = measured["input"] + measured["cache_read"] + measured["cache_write"]
    estimated = plan["totals"]["input"] + plan["totals"]["cache_read"] + plan["totals"]["cache_write"]
    assert 0.5 < estimated / total < 2, (estimated, total)


def test_after_the_run_estimated_stands_beside_measured(daemon, sim, place):
    spec = write_spec(place / "s.yaml")
    dry = json.loads(daemon.genopt("gen", spec, "-o", place / "out", "--dry-run", "--json", check=0).stdout)
    sim.faults({"kind": "server_error", "times": 1})  # one call fails and is asked again
    events, end = gen(daemon, spec, place / "out")
    plan = json.loads(daemon.genopt("explain", "--json", "-o", place / "out", check=0).stdout)
    assert plan["job"] == end["job"] and plan["state"] == "done"
    assert plan["totals"] == dry["totals"] and plan["naive"] == dry["naive"]  # the plan as it was
    # in all: what the summary says, and what the steps come to
    summary = end["summary"]
    assert plan["measured"]["calls"] == summary["calls"] and plan["measured"]["nanousd"] == summary["nanousd"] > 0
    for key in ("input", "cache_read", "cache_write", "output"):
        assert plan["measured"][key] == summary["tokens"][key] == sum(s["measured"][key] for s in plan["steps"])
    assert sum(s["measured"]["nanousd"] for s in plan["steps"]) == summary["nanousd"]
    for step in plan["steps"]:
        assert [t["path"] for t in step["measured"]["tasks"]] == step["tasks"] or len(step["tasks"]) > 1
        assert (step["measured"]["calls"] > 0) == (step["kind"] == "call")
    # by rule: templates came as planned, so they saved what was estimated
    rules = {r["name"]: r for r in plan["rules"]}
    assert rules["template"]["measured"]["nanousd"] == rules["template"]["nanousd"] > 0
    assert rules["tier"]["measured"]["nanousd"] > 0
    phases = plan["phases"]
    assert set(phases) == {"planning", "calls", "other", "waiting"} and phases["waiting"] == 0
    assert phases["planning"] + phases["calls"] + phases["other"] >= summary["ms"] - 1000

    text = daemon.genopt("explain", end["job"], check=0).stdout
    assert re.search(r"^requirement:FR-001 +\d+ tasks? by parcel: A parcel has a sender\.$", text, re.M), text
    assert "planned  measured" in text and "naive" in text
    assert text.index("naive") < text.index("saved by") < text.index("asked of a model")  # in this order
    # of all prompts, in full and compressed: in every form
    compress = rules["compress"]
    assert compress["full"] - compress["compressed"] == compress["input"] > 0 and compress["compressed"] > 0
    told = next(line for line in text.splitlines() if line.startswith("prompts: "))
    assert re.fullmatch(r"prompts: [0-9.]+k tokens in full, [0-9.]+k compressed", told), told
    for form in ("text", "html"):
        assert told in daemon.genopt("report", end["job"], "--format", form, check=0).stdout, form
    assert compress in json.loads(daemon.genopt("report", end["job"], "--json", check=0).stdout)["rules"]
    assert text.count("  measured") >= summary["calls"] and "balanced: " in text and "certain: " in text
    # a dry run has nothing to measure
    job = next(j["job"] for j in daemon.rpc().ok("job/list")["jobs"] if j["job"] != end["job"])
    dry_plan = daemon.rpc().ok("job/explain", {"job": job})
    assert "measured" not in dry_plan and "phases" not in dry_plan


def test_a_report_for_people_programs_and_archives(daemon, sim, place):
    spec = place / "<b>&'s.yaml"  # its name is told in the report
    write_spec(spec)
    events, first = gen(daemon, spec, place / "out")
    text = daemon.genopt("report", "-o", place / "out", check=0).stdout
    for words in (first["job"], "phases ", "model calls ", "cache share  sim ", "saved by", "template", "naive"):
        assert words in text, words
    assert len([l for l in text.splitlines() if " call " in l]) >= first["summary"]["files"]["call"]

    report = json.loads(daemon.genopt("report", first["job"], "--format", "json", check=0).stdout)
    assert report["measured"]["nanousd"] == first["summary"]["nanousd"] == sum(t["nanousd"] for t in report["tasks"])
    assert report["saved"]["nanousd"] == first["summary"]["naive"]["nanousd"] - first["summary"]["nanousd"]
    assert report["cache_share"] == first["summary"]["cache_share"] and set(report["phases"]) == {"planning", "calls", "other", "waiting"}
    assert {t["path"] for t in report["tasks"]} == set(tree(place / "out"))

    write_spec(spec, requirements=["A parcel has a sender and a receiver."])
    events, second = gen(daemon, spec, place / "out")
    r = daemon.genopt("report", "--compare", first["job"], second["job"], check=0)
    assert "change" in r.stdout and "differs" in r.stdout and "files kept" in r.stdout
    both = json.loads(daemon.genopt("report", "--compare", first["job"], second["job"], "--json", check=0).stdout)
    figures = {f["name"]: f for f in both["figures"]}
    assert figures["model calls"]["of"] == figures["other work"]["of"] == "time" and "of" not in figures["planning"] and all(n == n.strip() for n in figures)  # data, not layout
    assert (figures["money"]["a"], figures["money"]["b"]) == (first["summary"]["nanousd"], second["summary"]["nanousd"])
    assert figures["files kept"]["b"] == second["summary"]["files"]["keep"] > figures["files kept"]["a"] == 0
    shares = [figures["cache share, sim"][k] // 10 for k in "ab"]  # what is a share differs by points, not by percent of percent
    assert re.search(rf"^cache share, sim .* {'−' if shares[1] < shares[0] else '[+]'}{abs(shares[1] - shares[0])} points$", r.stdout, re.M), r.stdout
    beside = json.loads(daemon.genopt("report", second["job"], "--baseline", first["job"], "--json", check=0).stdout)
    assert beside["baseline"]["figures"] == both["figures"] and beside["job"] == second["job"]

    html = daemon.genopt("report", second["job"], "--baseline", first["job"], "--format", "html", check=0).stdout
    assert "&lt;b&gt;&amp;&#39;s.yaml" in html and "<b>&" not in html
    assert not re.search(r"<script|src=|href=|url\(|@import|http", html)
    assert "color-scheme:light dark" in html and " points<" in html
    for bad in (["--compare", first["job"]], [first["job"], second["job"]], ["--format", "pdf", first["job"]],
                ["--compare", first["job"], second["job"], "--baseline", first["job"]]):
        daemon.genopt("report", *bad, check=2)


# --- approval


def waiting_job(daemon, r):
    job = [e for e in daemon.events(r) if e["type"] == "waiting"][-1]["job"]
    got = daemon.rpc().ok("job/get", {"job": job})
    assert got["state"] == "waiting" and got["waits"][0]["on"] == "approval"
    return job


def test_a_script_is_not_asked_unless_told_so(daemon, sim, place):
    spec = write_spec(place / "s.yaml")
    always = {"GENOPT_APPROVAL": "always", "GENOPT_APPROVAL_TOKENS": "1000"}
    gen(daemon, spec, place / "a", env={"GENOPT_APPROVAL_TOKENS": "1000"})  # nobody is there to answer
    r = daemon.genopt("gen", spec, "-o", place / "b", "--fresh", check=75, env=always)
    assert re.search(r"model calls, about [0-9.]+k? tokens, \$0\.\d+, .* Go on\?", r.stderr), r.stderr
    assert "`genopt resume 0" in r.stderr and "--yes" in r.stderr
    assert not tree(place / "b")
    n = len(sim.requests())
    gen(daemon, spec, place / "b", "--fresh", "--yes", env=always)
    assert len(sim.requests()) > n
    gen(daemon, spec, place / "b", "--yes", env=always)  # nothing to ask about
    gen(daemon, spec, place / "b", env=always)
    # a budget is an answer as far as it reaches
    options = ["--fresh", "--set", "approval.when=always"]  # and 10000 tokens
    gen(daemon, spec, place / "b", *options, "--budget", "4.50")
    r = daemon.genopt("gen", spec, "-o", place / "b", *options, "--budget", "0.01", "--json", check=75)
    waiting_job(daemon, r)
    r = daemon.genopt("gen", spec, "-o", place / "b", "--budget", "much", check=2)
    assert "--budget is a number of dollars like 2.50, below a billion, or none, not `much`" in r.stderr


def test_approval_survives_a_restart_and_is_given_once(daemon, sim, place):
    spec = write_spec(place / "s.yaml")
    r = daemon.genopt("gen", spec, "-o", place / "out", "--set", "approval.when=always", "--set", "approval.tokens=1000", "--json", check=75)
    job = waiting_job(daemon, r)
    wait = [e for e in daemon.events(r) if e["type"] == "waiting"][-1]
    assert wait["estimate"]["calls"] > 0 and not [e for e in daemon.events(r) if e["type"] == "started"]
    # what it has not spent yet is no saving: the plan beside naive, as in a dry run
    head = daemon.genopt("explain", job, check=0).stdout.split("need no model")[0]
    assert "measured" not in head and "−100 %" not in head and "−" in head, head
    report = json.loads(daemon.genopt("report", job, "--json", check=0).stdout)
    assert "saved" not in report and "measured" not in report and report["naive"]["calls"] > report["planned"]["calls"] > 0
    for form in ("text", "html"):
        assert "−100 %" not in daemon.genopt("report", job, "--format", form, check=0).stdout
    daemon.kill()
    daemon.start()
    rpc = daemon.rpc()
    assert rpc.ok("job/get", {"job": job})["waits"][0]["on"] == "approval" and not sim.requests()
    assert rpc.error("job/answer", {"job": job, "wait": wait["wait"] + 1, "approve": True})["data"]["name"] == "bad_state"
    rpc.ok("job/answer", {"job": job, "wait": wait["wait"], "approve": True})
    rpc.ok("job/attach", {"job": job})
    assert rpc.end()["type"] == "done"
    daemon.genopt("attach", "-o", place / "out", check=0)
    assert len(tree(place / "out")) > 5
    assert rpc.ok("job/explain", {"job": job})["phases"]["waiting"] > 0


def test_resume_approves_and_dearer_options_ask_again(daemon, sim, place):
    spec = write_spec(place / "s.yaml")
    r = daemon.genopt("gen", spec, "-o", place / "out", "--set", "approval.when=always", "--set", "approval.tokens=1000", "--json", check=75)
    job = waiting_job(daemon, r)
    rpc = daemon.rpc()
    rpc.ok("job/attach", {"job": job})
    rpc.event("waiting")
    # all templates off: more calls than what was approved of
    rpc.ok("job/resume", {"job": job, "options": {"optimization.template": "off", "optimization.tier": "off"}})
    assert rpc.event("waiting", "done")["type"] == "waiting" and not sim.requests()
    rpc.ok("job/resume", {"job": job})
    assert rpc.end()["type"] == "done"


def test_a_refused_job_costs_nothing(daemon, sim, place):
    spec = write_spec(place / "s.yaml")
    r = daemon.genopt("gen", spec, "-o", place / "out", "--set", "approval.when=always", "--set", "approval.tokens=1000", "--json", check=75)
    job = waiting_job(daemon, r)
    daemon.rpc().ok("job/answer", {"job": job, "wait": 1, "approve": False})
    assert daemon.rpc().ok("job/get", {"job": job})["state"] == "cancelled"
    assert not sim.requests() and not tree(place / "out")


def test_explain_of_what_is_not_there(daemon, place):
    r = daemon.genopt("explain", check=2, cwd=place)
    assert "no job was started for this directory" in r.stderr
    r = daemon.genopt("explain", "01ARZ3NDEKTSV4RRFFQ69G5FAV", check=65)
    assert "no such job" in r.stderr


def test_edits_of_the_user_stay(daemon, place):
    spec = write_spec(place / "s.yaml", requirements=["A parcel has a sender."])
    gen(daemon, spec, place / "out")
    mine = next((place / "out" / "internal").rglob("*parcel*.go"))
    mine.write_text(mine.read_text() + "\n// mine\n")
    edited = mine.read_text()
    events, end = gen(daemon, spec, place / "out")
    assert mine.read_text() == edited
    write_spec(spec, requirements=["A parcel has a sender and a receiver."])
    r = daemon.genopt("gen", spec, "-o", place / "out")
    assert mine.read_text() == edited
    assert mine.name in r.stderr


def test_files_of_an_entity_that_is_gone(daemon, sim, place):
    """They are named, and go only when told to; not at all by a run that failed in part."""
    spec = write_spec(place / "s.yaml", n_entities=2)
    gen(daemon, spec, place / "out")
    before = set(tree(place / "out"))
    spec.write_text(write_spec(place / "one.yaml", n_entities=1).read_text().replace("Weight: float64", "Mass: float64"))
    sim.faults({"kind": "refusal", "match": "parcel_repository.go"})
    events, end = gen(daemon, spec, place / "out", "--prune", check=1)
    assert end["summary"]["files"]["failed"] > 0
    assert daemon.rpc().ok("job/list")["jobs"][0]["failed"] == end["summary"]["files"]["failed"]
    assert not [e for e in events if e.get("reason") == "orphan"] and before <= set(tree(place / "out"))
    sim.faults()
    mine = next((place / "out").rglob("courier_service.go"))
    mine.write_text(mine.read_text() + "// mine\n")
    events, end = gen(daemon, spec, place / "out")
    orphans = {e["path"] for e in events if e["type"] == "orphan"}
    assert orphans and all("courier" in p for p in orphans) and before <= set(tree(place / "out"))
    events, end = gen(daemon, spec, place / "out", "--prune")
    assert {e["path"] for e in events if e["type"] == "pruned"} == orphans - {str(mine.relative_to(place / "out"))}
    assert [p for p in tree(place / "out") if "courier" in p.lower()] == [str(mine.relative_to(place / "out"))]
    events, end = gen(daemon, spec, place / "out", "--prune")
    assert not [e for e in events if e["type"] in ("orphan", "released", "pruned")]


def test_a_file_that_was_removed_comes_back(daemon, sim, place):
    spec = write_spec(place / "s.yaml")
    gen(daemon, spec, place / "out")
    first, n = tree(place / "out"), len(sim.requests())
    next((place / "out" / "internal").rglob("*parcel*.go")).unlink()
    gen(daemon, spec, place / "out")
    assert tree(place / "out") == first
    assert len(sim.requests()) == n


def test_without_cache_what_stands_is_kept(daemon, sim, place):
    """The cache may be deleted: what stands on disk is still not paid for again."""
    spec = write_spec(place / "s.yaml")
    gen(daemon, spec, place / "out")
    n = len(sim.requests())
    daemon.genopt("cache", "clear", check=0)
    events, end = gen(daemon, spec, place / "out")
    assert end["summary"]["files"]["keep"] == len(tree(place / "out"))
    assert len(sim.requests()) == n


def test_shapes_of_formats(daemon, place):
    """JSON and YAML of one specification are the same tasks with the same keys."""
    import yaml
    spec = write_spec(place / "s.yaml")
    (place / "s.json").write_text(json.dumps(yaml.safe_load(spec.read_text())))
    a, _ = gen(daemon, spec, place / "a")
    b, end = gen(daemon, place / "s.json", place / "b")
    assert end["summary"]["calls"] == 0
    prints = lambda events: {e["path"]: e["fingerprint"] for e in events if e["type"] == "file"}
    assert prints(a) == prints(b)


def test_no_provider_delivers_templates_and_waits(place):
    from conftest import Daemon
    d = Daemon(place, "", env={"ANTHROPIC_API_KEY": ""})
    d.start()
    spec = write_spec(place / "s.yaml")
    r = d.genopt("gen", spec, "-o", place / "out", "--json")
    assert r.returncode == 77, r
    assert (place / "out" / "go.mod").exists()
    job = d.rpc().ok("job/list")["jobs"][0]
    assert job["state"] == "waiting"
    text = r.stdout + r.stderr
    assert "`genopt key set anthropic`" in text and "the job goes on then" in text
    d.stop()
