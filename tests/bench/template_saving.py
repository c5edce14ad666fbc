"""What templates save on a CRUD specification of 15 entities of which at least 40 % of the tasks need a model all the same: every entity
has a requirement that no rule knows, ten have an endpoint that is more than the five plain ones. Two cold runs against the simulator,
with templates and without; shares of tasks, calls, tokens and money."""

import json
import os
import pathlib
import shutil
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ENTITIES = ["Hotel", "Room", "Guest", "Stay", "Rate", "Season", "Invoice", "Payment", "Employee", "Shift", "Errand", "Supplier", "Article",
            "Delivery", "Review"]
RULES = ["may be closed only by whoever opened it", "is shown to guests without its notes", "is sealed once the day has ended",
         "keeps what it was before each change"]
ACTIONS = ["close", "approve", "repeat", "print", "move"]
NEEDED = 0.4


def specification():
    spec = {"name": "Inn", "description": "Rooms and whoever sleeps in them.", "requirements": [], "entities": [], "api_contracts": []}
    for i, name in enumerate(ENTITIES):
        plural = name.lower() + ("ies" if name.endswith("y") else "s")
        plural = plural.replace("yies", "ies")
        spec["entities"].append({"name": name, "attributes": [
            {"name": "id", "type": "string"}, {"name": "name", "type": "string", "required": True}, {"name": "since", "type": "date"},
            {"name": "amount", "type": "decimal"}, {"name": "count", "type": "int"}]})
        spec["requirements"].append({"id": f"FR-{i + 1}", "description": f"A {name.lower()} {RULES[i % len(RULES)]}"})
        spec["api_contracts"] += [{"endpoint": f"{m} /{plural}{p}"} for m, p in
                                  (("POST", ""), ("GET", ""), ("GET", "/{id}"), ("PUT", "/{id}"), ("DELETE", "/{id}"))]
        if i % 3:
            spec["api_contracts"].append({"endpoint": f"POST /{plural}/{{id}}/{ACTIONS[i % len(ACTIONS)]}"})
    return spec


def run(conftest, place, *args):
    sim = conftest.Sim(place)
    d = conftest.Daemon(place, conftest.config_for(sim, "budget: {job_usd: none, day_usd: none}\n"))
    d.start()
    try:
        spec = place / "inn.json"
        spec.write_text(json.dumps(specification()))
        r = d.genopt("gen", spec, "-o", place / "out", "--blueprint", "go-service", "--json", *args)
        end = d.events(r)[-1]
        assert end["type"] == "done" and end["summary"]["files"]["failed"] == 0, end
        return end["summary"]
    finally:
        d.stop()
        sim.close()


def numbers(summary):
    tokens = summary["tokens"]
    return {"tasks": sum(summary["files"][k] for k in ("call",)), "calls": summary["calls"],
            "input tokens": tokens["input"] + tokens["cache_read"] + tokens["cache_write"], "output tokens": tokens["output"],
            "money": summary["nanousd"]}


def report(build):
    """0: the specification is what it claims to be."""
    os.environ["GENOPT_BUILD"] = str(build)
    sys.path.insert(0, str(HERE.parent / "integration"))
    import conftest
    place = pathlib.Path(tempfile.mkdtemp(prefix="genopt-bench."))
    try:
        (place / "with").mkdir()
        (place / "without").mkdir()
        some = run(conftest, place / "with")
        none = run(conftest, place / "without", "--set", "optimization.template=off")
    finally:
        shutil.rmtree(place, ignore_errors=True)
    files = some["files"]
    n = files["call"] + files["template"]
    print(f"\nA CRUD specification of {len(ENTITIES)} entities, {n} tasks, {files['call']} of them ({files['call'] / n:.0%}) for a model:")
    print(f"{'':16}{'without':>14}{'with templates':>16}{'saved':>8}")
    a, b = numbers(none), numbers(some)
    for key in a:
        show = (lambda v: f"${v / 1e9:.4f}") if key == "money" else str
        print(f"{key:16}{show(a[key]):>14}{show(b[key]):>16}{1 - b[key] / a[key]:>8.0%}")
    return 0 if files["call"] / n >= NEEDED else 1


if __name__ == "__main__":
    sys.exit(report(pathlib.Path(sys.argv[1]).resolve()))
