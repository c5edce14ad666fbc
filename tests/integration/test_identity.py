"""What an edit makes again, and what it leaves alone; and `genopt why`, which names what changed."""

import json
import pathlib
import shutil
import subprocess

import pytest

import oracle
from conftest import ROOT, Daemon, Sim, config_for, tree

CLARIFIED = ROOT.parent / "shared" / "data" / "gocreator" / "fcs_shop_7_entities.json"  # where it is at hand
NO_BUDGET = "budget: {job_usd: none, day_usd: none}"


@pytest.fixture
def pair(place, sim):
    """Two daemons with a state and a cache of their own: one on trial, one that always begins anew."""
    daemons = []
    for name in ("warm", "cold"):
        (place / name).mkdir()
        daemons.append(Daemon(place / name, config_for(sim, NO_BUDGET)))
        daemons[-1].start()
    yield daemons
    for d in daemons:
        d.stop()


def run_trials(pair, place, spec, trials, flags=()):
    o = oracle.Oracle(*pair, place, flags)
    o.begin(spec, place / "out")
    for what, changed in trials:
        r = o.trial(changed)
        assert r["missed"] == [], (what, r["missed"])
        calls, wrong = o.back()
        assert (calls, wrong) == (0, []), what
        assert r["unnamed"] == [], (what, r["unnamed"])  # `why` names what changed for each of them
        yield what, r


@pytest.mark.parametrize("flags", [(), ("--set", "optimization.template=off")], ids=["templates", "calls"])
def test_oracle_clarified(pair, place, flags):
    """A sample; ./dev bench identity runs the hundred, on a project of 200 files too."""
    spec = oracle.fcs()
    for what, r in run_trials(pair, place, spec, oracle.edits(spec, 11, 4), flags):
        assert r["waste"] == [], (what, r["waste"])


def test_oracle_given(pair, place):
    if not CLARIFIED.exists():
        pytest.skip("no specification of others is at hand")
    spec = json.loads(CLARIFIED.read_text())
    for _ in run_trials(pair, place, spec, oracle.edits(spec, 5, 3)):
        pass


def test_every_kind_of_edit_reaches_something(daemon, place):
    """Reworded, added, removed: by the plan alone, so that all kinds are tried. What may reach nothing is named."""
    out, spec_path = place / "out", place / "spec.json"
    spec = oracle.project(3, 8)

    def plan(s):
        spec_path.write_text(json.dumps(s))
        p = json.loads(daemon.genopt("gen", spec_path, "-o", out, "--dry-run", "--json", check=0).stdout)
        return {t for step in p["steps"] if not (step["kind"] == "keep" and step["certain"]) for t in step["tasks"]}

    spec_path.write_text(json.dumps(spec))
    daemon.genopt("gen", spec_path, "-o", out, check=0)
    assert plan(spec) == set()
    silent = []
    for what, changed in oracle.edits(spec, 1, len(oracle.EDITS)):
        if not plan(changed):
            silent.append(what)
    allowed = ("order of", "purpose of", "FR-900", "is decimal", "is text")
    assert [w for w in silent if not any(a in w for a in allowed)] == []
    assert any(w.startswith("order of") for w in silent)  # what has no order makes nothing again


# ---- why ----

def gen(daemon, place, spec, *args, out="out"):
    path = place / "spec.json"
    path.write_text(json.dumps(spec))
    return daemon.genopt("gen", path, "-o", place / out, *args, check=0)


def why(daemon, place, path, *args, out="out"):
    return json.loads(daemon.genopt("why", *args, path, "-o", place / out, "--json", check=0).stdout)


def test_why_names_what_changed(daemon, place):
    spec = oracle.fcs()
    gen(daemon, place, spec)
    a = why(daemon, place, "internal/fleet/bicycle.go")
    assert (a["because"], a["source"], a["changes"]) == ("first", "call", [])
    before = dict(spec["data_model"]["entities"][3]["attributes"])
    spec["data_model"]["entities"][3]["attributes"]["Price"] = "int"

    gen(daemon, place, spec, "--dry-run")
    job = daemon.rpc().ok("job/list", {"limit": 1})["jobs"][0]["job"]
    a = why(daemon, place, "internal/fleet/bicycle.go", job)
    assert a["done"] is False and a["planned"]["kind"] == "call"
    assert [c["input"] for c in a["changes"]] == ["entity:Bicycle"]
    a = why(daemon, place, "internal/rental/rental_service.go", job)  # its own inputs are as before; FR-002 names bicycles
    assert a["because"] == "unsure" and "internal/fleet/bicycle.go" in a["unsure"]
    a = why(daemon, place, "internal/billing/bill_service.go", job)  # a bill's rental has bicycles, but nothing that is said of bills does
    assert a["because"] == "stands"

    spec["requirements"]["functional"][0]["description"] = "Members may hold four rentals at once"
    gen(daemon, place, spec)
    a = why(daemon, place, "internal/fleet/bicycle.go")
    (change,) = a["changes"]
    assert (a["because"], change["input"], change["how"]) == ("changed", "entity:Bicycle", "changed")
    old, new = ({x["name"]: x["type"] for x in change[k]["attributes"]} for k in ("old", "new"))
    assert old["Price"] == "float64" and new["Price"] == "int" and old.keys() == new.keys() >= before.keys()
    a = why(daemon, place, "internal/rental/rental_service.go")
    names = {c["input"]: c for c in a["changes"]}
    assert set(names) == {"requirement:FR-001", "interface:internal/fleet/bicycle.go"}
    assert "three" in names["requirement:FR-001"]["old"]["text"] and "four" in names["requirement:FR-001"]["new"]["text"]
    assert "Price float64" in names["interface:internal/fleet/bicycle.go"]["old"]
    text = daemon.genopt("why", "internal/fleet/bicycle.go", "-o", place / "out", check=0).stdout
    assert "entity:Bicycle changed" in text and "attributes.Price.type" in text and "float64 → int" in text
    assert why(daemon, place, "internal/place/station.go")["because"] == "stands"


def test_why_of_what_came_back(daemon, place):
    spec = oracle.fcs()
    gen(daemon, place, spec)
    path = place / "out" / "internal" / "place" / "station.go"
    path.unlink()
    gen(daemon, place, spec)
    a = why(daemon, place, "internal/place/station.go")
    assert (a["because"], a["source"], a["disk"], a["changes"]) == ("missing", "reuse", "missing", [])
    spec["description"] = "Otherwise."
    gen(daemon, place, spec)
    assert [c["input"] for c in why(daemon, place, "README.md")["changes"]] == ["project"]
    gen(daemon, place, spec, "--fresh")
    a = why(daemon, place, "internal/place/station.go")
    assert (a["because"], a["source"]) == ("fresh", "template")


def test_why_tells_what_is_held_back(daemon, place):
    """Something was made for a file that is the user's: `why` says that it is not there, until it is merged."""
    spec = oracle.fcs()
    gen(daemon, place, spec)
    path = "internal/rental/rental_service.go"
    at = place / "out" / path
    at.write_text(at.read_text().replace("package rental\n", "package rental // mine\n"))
    spec["requirements"]["functional"][0]["description"] = "Members may hold four rentals at once"
    edited = place / "spec.json"
    edited.write_text(json.dumps(spec))
    assert daemon.genopt("gen", edited, "-o", place / "out").returncode == 1
    a = why(daemon, place, path)
    assert a["held_back"] is True and a["disk"] == "edited" and a["because"] == "changed"
    assert "gen --merge" in daemon.genopt("why", path, "-o", place / "out", check=0).stdout
    assert "held_back" not in why(daemon, place, "internal/rental/rental.go")
    daemon.genopt("gen", edited, "-o", place / "out", "--merge", check=0)
    assert "held_back" not in why(daemon, place, path)
    assert "package rental // mine\n" in at.read_text() and "four" in at.read_text()


def test_why_when_it_is_forgotten(daemon, place):
    spec = oracle.fcs()
    gen(daemon, place, spec)
    daemon.genopt("cache", "clear", check=0)
    spec["requirements"]["functional"][0]["description"] = "Members may hold four rentals at once"
    gen(daemon, place, spec)
    a = why(daemon, place, "internal/rental/rental_service.go")
    assert (a["because"], a["old_known"], a["changes"]) == ("unknown", False, [])
    assert "not remembered" in daemon.genopt("why", "internal/rental/rental_service.go", "-o", place / "out", check=0).stdout


def test_why_refuses(daemon, place):
    r = daemon.genopt("why", "x.go", "-o", place)
    assert r.returncode == 2 and "no job was started" in r.stderr
    gen(daemon, place, oracle.fcs())
    r = daemon.genopt("why", "x.go", "-o", place / "out")
    assert r.returncode == 65 and "makes no such file" in r.stderr


def test_why_of_a_rename(daemon, place):
    """What went and what came in its place are one change, with both names."""
    spec = oracle.fcs()
    spec["requirements"]["functional"].append({"id": "FR-004", "description": "A bicycle is priced by its kind"})
    gen(daemon, place, spec)
    spec["data_model"]["entities"][4]["name"] = "Model"
    spec["requirements"]["functional"][-1]["description"] = "A bicycle is priced by its model"
    spec["data_model"]["entities"][3]["attributes"].update({"KindID": "string", "Kind": "*Model"})
    spec["data_model"]["relationships"][2]["to"] = "Model"
    gen(daemon, place, spec)
    names = {c["input"]: c for c in why(daemon, place, "internal/fleet/bicycle_service.go")["changes"]}
    assert names["interface:internal/fleet/model.go"]["was"] == "interface:internal/fleet/kind.go"
    assert names["relation:Bicycle-Model"]["was"] == "relation:Bicycle-Kind"


# ---- parts of the blueprint ----

PARTS = [
    # what is edited, how, which inputs are named, which kinds of files are made again
    ("prompts/repository.md", lambda t: t + "\nBe brief.\n", {"prompt"}, "_repository.go"),
    ("standards.md", lambda t: t + "\nNo globals.\n", {"standards"}, ".go"),
    ("templates/gitignore.tmpl", lambda t: t + "*.tmp\n", {"template"}, ".gitignore"),
    ("blueprint.yaml", lambda t: t.replace("a service knows nothing of HTTP", "services know nothing of HTTP"), {"checks"}, "_service.go"),
    # a rule that finds nothing: other interfaces stay as they are
    ("blueprint.yaml", lambda t: t.replace("  go:\n    line_comment", "  go: # of Go\n    line_comment").replace(
        "      - {match: '(*UCP)^const \\p{Lu}'}\n", "      - {match: '(*UCP)^const \\p{Lu}'}\n      - {match: '^//export '}\n"), {"extractor"}, ".go"),
]


@pytest.mark.parametrize("file, edit, inputs, ending", PARTS, ids=["prompt", "standards", "template", "check", "extractor"])
def test_part_of_a_blueprint(place, sim, file, edit, inputs, ending):
    """A part makes again what declares it, and what uses an interface that changed by it: nothing else."""
    data = place / "data"
    data.mkdir()
    shutil.copytree(ROOT / "blueprints", data / "blueprints")
    shutil.copy(ROOT / "daemon" / "plan" / "models.yaml", data)
    d = Daemon(place, config_for(sim, NO_BUDGET), env={"GENOPT_DATA_DIR": str(data)})
    d.start()
    spec = oracle.project(3, 3)
    gen(d, place, spec, "--set", "optimization.template=off")
    at = data / "blueprints" / "go-service" / file
    text = edit(at.read_text())
    assert text != at.read_text()
    at.write_text(text)
    d.rpc().ok("daemon/reload")
    r = gen(d, place, spec, "--json", "--set", "optimization.template=off")
    made = {e["path"] for e in d.events(r) if e["type"] == "task.done" and e["source"] != "keep"}
    assert made and all(p.endswith(ending) for p in made), made
    for p in made:
        changes = {c["input"] for c in why(d, place, p)["changes"]}
        assert changes & inputs and all(c in inputs or c.startswith("interface:") for c in changes), (p, changes)
    d.stop()


# ---- cut-off and history ----

def test_early_cut_off(daemon, sim, place):
    """A file that is made again and keeps its interface does not disturb those that use it."""
    spec = oracle.fcs()
    gen(daemon, place, spec)
    spec["data_model"]["entities"][2]["description"] = "A place with slots."  # Station: in its file, not in its interface
    r = gen(daemon, place, spec, "--json")
    made = {e["path"] for e in daemon.events(r) if e["type"] == "task.done" and e["source"] in ("call", "template")}
    assert "internal/place/station.go" in made
    users = {"internal/member/member_service.go", "internal/member/card_service.go", "internal/rental/rental_service.go"}
    assert not made & users, made
    a = why(daemon, place, "internal/member/member_service.go")
    assert (a["source"], a["because"]) == ("keep", "stands")


def test_history_costs_nothing(daemon, sim, place):
    """Back to an earlier specification, on another branch, in another clone: all of it is known."""
    first = oracle.fcs()
    second = json.loads(json.dumps(first))
    second["data_model"]["entities"][3]["attributes"]["Weight"] = "float64"
    second["requirements"]["functional"].pop(1)
    gen(daemon, place, first)
    was = tree(place / "out")
    gen(daemon, place, second)
    n = len(sim.requests())
    for spec, out in ((first, "out"), (second, "out"), (first, "clone"), (second, "clone"), (second, "branch/deep"), (first, "out")):
        gen(daemon, place, spec, out=out)
    assert len(sim.requests()) == n
    assert tree(place / "out") == was
    # the clone brings its manifest along, and the daemon knows nothing of it: what stands is kept
    shutil.copytree(place / "out", place / "copied")
    r = gen(daemon, place, first, "--json", out="copied")
    assert daemon.events(r)[-1]["summary"]["files"]["keep"] == len(was)
    assert len(sim.requests()) == n


def git(directory, *args):
    who = ["-c", "user.name=Nobody", "-c", "user.email=nobody@example.org", "-c", "init.defaultBranch=main", "-c", "advice.detachedHead=false"]
    return subprocess.run(["git", *who, *args], cwd=directory, check=True, capture_output=True, text=True).stdout


def test_branches_of_git(daemon, sim, place):
    """Specification and project change together from branch to branch, back and forth, and are merged: nothing is paid for twice, no
    file counts as edited, and git sees no change."""
    project = place / "project"
    project.mkdir()
    git(project, "init", "-q")
    first = oracle.fcs()
    second = json.loads(json.dumps(first))
    second["data_model"]["entities"][3]["attributes"]["Weight"] = "float64"
    second["requirements"]["functional"][0]["description"] = "Members may hold four rentals at once"
    del second["data_model"]["entities"][6]
    second["data_model"]["relationships"].pop()

    def make(*flags):
        r = daemon.genopt("gen", "spec.json", "--prune", "--json", *flags, cwd=project, check=0)
        return daemon.events(r)[-1]["summary"], r.stderr

    for branch, spec in (("main", first), ("heavier", second)):
        git(project, "checkout", "-q", "-b", branch)
        (project / "spec.json").write_text(json.dumps(spec, indent=1))
        make()
        git(project, "add", "-A")
        git(project, "commit", "-q", "-m", branch)
    n = len(sim.requests())
    for branch in ("main", "heavier", "main", "heavier~1", "heavier"):
        git(project, "checkout", "-q", branch)
        summary, said = make()
        assert summary["calls"] == 0 and summary["files"]["keep"] == sum(summary["files"].values()) - summary["files"]["batched"], (branch, summary)
        assert said == "" and git(project, "status", "--porcelain") == "", branch
    # without a commit: the earlier specification in the later one's tree, as `git checkout main -- spec.json` leaves it
    git(project, "checkout", "-q", "main", "--", "spec.json")
    summary, said = make()
    git(project, "add", "-A")
    assert summary["calls"] == 0 and git(project, "diff", "--cached", "--stat", "main") == "", said
    git(project, "reset", "-q", "--hard")
    git(project, "checkout", "-q", "main")
    git(project, "merge", "-q", "--no-ff", "-m", "both", "heavier")
    summary, said = make()
    assert summary["calls"] == 0 and git(project, "status", "--porcelain") == "", said
    assert len(sim.requests()) == n


def test_what_stands_is_known_without_planning(daemon, sim, place):
    """Right after a run its directory is known: no job, until a byte of it, the specification or an option is another."""
    spec = oracle.fcs()
    gen(daemon, place, spec)
    files = len(tree(place / "out"))

    def n_jobs():
        return len(daemon.rpc().ok("job/list")["jobs"])

    n = n_jobs()
    r = gen(daemon, place, spec, "--json")
    end = daemon.events(r)[-1]
    assert n_jobs() == n and end["cached"] and end["summary"]["files"]["keep"] == files and end["summary"]["calls"] == 0
    hits = daemon.rpc().ok("stats/get")["cache_hits"]
    again = daemon.events(gen(daemon, place, spec, "--json"))[-1]
    assert again == end and daemon.rpc().ok("stats/get")["cache_hits"] == hits + 1  # from now on by its bytes alone
    assert n_jobs() == n
    gen(daemon, place, spec, "--set", "optimization.tier=off")
    assert n_jobs() == n + 1
    path = place / "out" / "internal" / "place" / "station.go"
    path.write_text(path.read_text() + "// mine\n")
    r = gen(daemon, place, spec)
    assert n_jobs() == n + 2 and "station.go" in r.stderr  # an edit is spoken of each time
    r = gen(daemon, place, spec)
    assert n_jobs() == n + 3 and "station.go" in r.stderr
    path.unlink()
    gen(daemon, place, spec)
    assert n_jobs() == n + 4 and path.exists()
    gen(daemon, place, spec)
    assert n_jobs() == n + 4
    spec["description"] = "Otherwise."
    gen(daemon, place, spec)
    assert n_jobs() == n + 5
    r = daemon.genopt("gen", place / "spec.json", "-o", place / "out", "--dry-run", "--json", check=0)
    assert json.loads(r.stdout)["tasks"] == files  # a plan is what was asked for


def test_explain_tells_where_requirements_went(daemon, place):
    """By id, by the word itself, inflected, by an endpoint; and what names nobody goes to the logic of the program."""
    spec = oracle.fcs()
    spec["api_contracts"] = [{"endpoint": "GET /bicycles/{id}", "description": "Show one"},
                             {"endpoint": "GET /health", "description": "Is it alive"}]
    spec["requirements"] = {"functional": [
        {"id": "FR-1", "description": "Whatever happens, it is fair", "applies_to": ["Card"]},
        {"id": "FR-2", "description": "A station has ten slots"},
        {"id": "FR-3", "description": "Members are adults"},
        {"id": "FR-4", "description": "GET /bicycles/{id} answers within a second"},
        {"id": "FR-5", "description": "A discard is no card, and cardboard is none"},
        {"id": "FR-6", "description": "All is written down"}],
        "non_functional": [{"id": "NFR-1", "description": "Bills survive a restart"}]}
    gen(daemon, place, spec, "--dry-run")
    rpc = daemon.rpc()
    job = rpc.ok("job/list", {"limit": 1})["jobs"][0]["job"]
    rows = {r["input"]: r for r in rpc.ok("job/explain", {"job": job})["routing"]}

    def because(n, what="requirement:FR-"):
        return [(b["by"], b.get("name"), b.get("said")) for b in rows[f"{what}{n}"]["because"]]

    assert because(1) == [("id", "Card", "Card")]
    assert because(2) == [("word", "Station", "station")]
    assert ("inflected", "Member", "members") in because(3) and len(because(3)) == 1
    assert [b[0] for b in because(4)][-1:] == ["endpoint"]
    assert because(5) == [("word", "Card", "card")]
    assert because(6) == [("logic", None, None)]
    assert "internal/member/card_service.go" in rows["requirement:FR-1"]["tasks"]
    assert not any("station" in p for p in rows["requirement:FR-1"]["tasks"])
    assert any(p.startswith("cmd/") for p in rows["requirement:FR-6"]["tasks"])
    assert rows["requirement:NFR-1"]["non_functional"] and "internal/billing/bill_service.go" in rows["requirement:NFR-1"]["tasks"]
    assert "non_functional" not in rows["requirement:FR-6"]
    assert because("GET /bicycles/{id}", "contract:") == [("entity", "Bicycle", None)]
    assert "internal/fleet/bicycle_handler.go" in rows["contract:GET /bicycles/{id}"]["tasks"]
    assert because("GET /health", "contract:") == [("free", None, None)]
    assert not any("handler" in p for p in rows["contract:GET /health"]["tasks"])
    assert because("Bicycle-Kind", "relation:") == [("entity", "Bicycle", None), ("entity", "Kind", None)]
    assert rows["relation:Bicycle-Kind"]["text"] == "belongs_to"
    assert "internal/fleet/bicycle_service.go" in rows["relation:Bicycle-Kind"]["tasks"]
    assert because("", "testing") == [("declared", None, None)] and "85" in rows["testing"]["text"]
    assert "Makefile" in rows["testing"]["tasks"]
    assert not any(name.split(":")[0] == "entity" for name in rows)
    for row in rows.values():
        assert row["n_tasks"] == len(row["tasks"]) > 0
    said = daemon.genopt("explain", "--routing", job, check=0).stdout.split("where it went\n")[1]
    lines = iter(said.splitlines())
    assert "  requirement:FR-3  Members are adults" in lines
    assert next(lines) == '    Member: names it by another form ("members")'
    assert next(lines).startswith(f"    → {rows['requirement:FR-3']['n_tasks']} files: ")
    assert all(f"  {name}" in said for name in rows) and "requirement:NFR-1 (non-functional)" in said
    assert "where it went" not in daemon.genopt("explain", job, check=0).stdout


def test_the_transcript_of_the_docs(daemon, place):
    """docs/identity.md shows what genopt says."""
    page = (ROOT / "docs" / "identity.md").read_text()
    (block,) = [b.split("```")[0] for b in page.split("```console\n")[1:]]
    out, spec = place / "out", place / "shop.yaml"
    text = (ROOT / "tests" / "specs" / "shop.yaml").read_text()
    for t in (text, text.replace("Quantity: int", "Quantity: int64").replace("belongs to one customer", "belongs to one paying customer")):
        spec.write_text(t)
        daemon.genopt("gen", spec, "-o", out, "--set", "optimization.template=off", check=0)
    for part in block.split("$ genopt ")[1:]:
        command, expected = part.split("\n", 1)
        assert daemon.genopt(*command.split(), cwd=out, check=0).stdout.strip() == expected.strip(), command
