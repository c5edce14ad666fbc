"""The oracle of identity: what an edit of a specification must make again, found without asking the daemon.

Two cold runs, before and after the edit, say which files come out otherwise. A run in the directory of the first must end
with exactly the files of the second: one that stays as it was is missed, which is a defect. The simulator writes a digest of all
facts that it was told into each file, so that a file differs wherever they do. A file that was asked for again and came out as
before is waste. Of it `told` are those that were shown the interface of another file that is not what it was: the model was told
otherwise, but it need not have been. A rendering that came out as before is counted apart: nobody was asked, and nothing is written.

Specifications and edits are made here, from a seed: the same seed gives the same edits on every machine."""

import copy
import json
import random

NOUNS = """Account Album Anchor Archive Badge Barrel Basket Beacon Berth Binder Bottle Branch Bridge Bucket Bundle Cabin Cable
Camera Candle Canvas Carton Castle Channel Charter Circuit Clinic Coffer Column Copper Cradle Crane Crate Dairy Depot Device Docket
Drawer Engine Fabric Ferry Filter Folder Garden Gasket Hammer Harbor Hatch Helmet Hostel Invoice Jacket Kennel Kettle Ladder Lantern
Ledger Locker Magnet Manual Marble Market Meadow Medal Mirror Module Needle Orchard Outlet Packet Paddle Parcel Pencil Pillar Planet
Pocket Portal Quarry Ribbon Rocket Saddle Sensor Shelter Signal Silo Socket Stable Studio Tablet Tanker Temple Ticket Timber Token
Tower Tunnel Turbine Vault Vessel Violin Voucher Wagon Wallet Warden Window Workshop""".split()
KINDS = """Amber Blue Brass Bright Broad Clear Dark Deep Eastern Empty Final Former Grand Green Heavy Hollow Inner Light Lower Main Minor
Narrow Northern Open Outer Pale Plain Polar Quiet Rapid Red Round Royal Rural Sharp Silver Small Solid Southern Spare Steep Upper Urban
Western White Wide""".split()
TYPES = ["string", "int", "float64", "bool", "timestamp", "int64", "text", "decimal"]
FIELDS = "Label Weight Height Colour Status Rank Score Amount Owner Country Serial Origin Length Speed Grade Remark".split()
VERBS = ["must be kept for ten years", "must have an owner", "may be closed only once", "must be shown within a second",
         "is never deleted while in use", "must be counted every night", "belongs to one person", "must be sealed before it leaves"]
RELATIONS = ["has_one", "has_many", "belongs_to", "many_to_many"]


def project(seed, n_entities, n_packages=6, contracts=True):
    """A specification of our own: entities in packages that refer to each other, requirements that name them in every way."""
    rnd = random.Random(seed)
    names = rnd.sample(NOUNS if n_entities <= len(NOUNS) // 2 else [a + b for a in KINDS for b in NOUNS], n_entities)
    packages = [f"area{i}" for i in range(n_packages)]
    spec = {"name": "Storehouse", "description": "Keeps things in their places.",
            "architecture": {"packages": [{"name": p, "path": f"internal/{p}", "purpose": f"Things of {p}"} for p in packages]},
            "requirements": {"functional": [], "non_functional": []}, "data_model": {"entities": [], "relationships": []},
            "testing_strategy": {"coverage_target": 80, "unit_tests": True, "frameworks": ["testing"]},
            "build_config": {"go_version": "1.19", "output_path": "./out", "flags": ["-trimpath"]}}
    for i, name in enumerate(names):
        attributes = [{"name": "ID", "type": "string"}]
        attributes += [{"name": f, "type": rnd.choice(TYPES)} for f in rnd.sample(FIELDS, rnd.randint(2, 5))]
        if i and rnd.random() < 0.5:  # refers to one before it
            attributes.append({"name": names[rnd.randrange(i)] + "ID", "type": "string"})
        if i and rnd.random() < 0.3:
            other = names[rnd.randrange(i)]
            attributes.append({"name": other + "s", "type": f"[]*{other}"})
        spec["data_model"]["entities"].append({"name": name, "package": packages[i % n_packages], "attributes": attributes,
                                               "description": f"A {name.lower()} of the house."})
        if i and rnd.random() < 0.3:
            spec["data_model"]["relationships"].append(
                {"from": name, "to": names[rnd.randrange(i)], "type": rnd.choice(RELATIONS)})
    for i in range(n_entities):
        spec["requirements"]["functional"].append(requirement(rnd, names, f"FR-{i + 1:03d}"))
    spec["requirements"]["functional"].append({"id": "FR-900", "description": "Everything that happens is written down."})
    for i in range(4):
        spec["requirements"]["non_functional"].append(
            {"id": f"NFR-{i + 1:03d}", "description": rnd.choice(["Answers come within 200 ms", f"{rnd.choice(names)}s survive a restart",
                                                                 "The program uses little memory"]), "threshold": str(i + 1)})
    if contracts:
        spec["api_contracts"] = []
        for name in names:
            low = name.lower()
            spec["api_contracts"] += [
                {"endpoint": f"POST /{low}s", "description": f"Add a {low}", "request": {"fields": {"label": "string"}}},
                {"endpoint": f"GET /{low}s/{{id}}", "description": f"Show a {low}"}]
        spec["api_contracts"].append({"endpoint": "GET /health", "description": "Is it alive"})
    elif contracts is False:  # None: neither, so that every entity gets the usual five
        spec["scenarios"] = [{"id": f"SC-{i + 1}", "title": f"Use a {name.lower()}", "given": f"a {name.lower()} is there",
                              "when": "it is opened", "then": "it is shown"} for i, name in enumerate(names)]
    return spec


def fcs():
    """Seven entities of a rental desk in the clarified form, as a tool writes it: ids and times of its own making beside them."""
    entity = lambda name, package, **at: {"name": name, "package": package, "attributes": {"ID": "string", **at}}
    return {
        "schema_version": "1.0", "id": "0b9f6f0e-3c57-4f3c-9a5d-2f5b2c0b7a11", "version": "1.0.0", "original_spec_id": "",
        "metadata": {"created_at": "2025-06-01T00:00:00Z", "original_spec": "", "hash": ""},
        "requirements": {"functional": [
            {"id": "FR-001", "description": "Members may hold three rentals at once", "priority": "high"},
            {"id": "FR-002", "description": "Every bicycle is looked over between rentals", "priority": "high"},
            {"id": "FR-003", "description": "All that happens is logged", "priority": "low"}]},
        "architecture": {"packages": [
            {"name": "member", "path": "internal/member", "purpose": "People who rent"},
            {"name": "place", "path": "internal/place", "purpose": "Where things stand"},
            {"name": "fleet", "path": "internal/fleet", "purpose": "What is rented"},
            {"name": "rental", "path": "internal/rental", "purpose": "Rentals", "dependencies": ["member", "fleet"]},
            {"name": "billing", "path": "internal/billing", "purpose": "Bills", "dependencies": ["rental"]}]},
        "data_model": {"entities": [
            entity("Member", "member", Name="string", Email="string", HomeID="string", Home="*Station"),
            entity("Card", "member", Number="string", MemberID="string", Member="*Member"),
            entity("Station", "place", Name="string", Slots="int"),
            entity("Bicycle", "fleet", Frame="string", Price="float64", KindID="string", Kind="*Kind"),
            entity("Kind", "fleet", Name="string"),
            entity("Rental", "rental", MemberID="string", Member="*Member", Bicycles="[]*Bicycle", Total="float64"),
            entity("Bill", "billing", RentalID="string", Rental="*Rental", Amount="float64", Status="string")],
            "relationships": [{"from": "Member", "to": "Station", "type": "has_one"}, {"from": "Card", "to": "Member", "type": "belongs_to"},
                              {"from": "Bicycle", "to": "Kind", "type": "belongs_to"}, {"from": "Rental", "to": "Member", "type": "belongs_to"},
                              {"from": "Rental", "to": "Bicycle", "type": "has_many"}, {"from": "Bill", "to": "Rental", "type": "belongs_to"}]},
        "testing_strategy": {"coverage_target": 85.0, "unit_tests": True, "integration_tests": True},
        "build_config": {"go_version": "1.19", "output_path": "./output"}}


def requirement(rnd, names, id):
    """Names nobody, or somebody: as it is, in the plural, in lower case, by id."""
    verb, name = rnd.choice(VERBS), rnd.choice(names)
    way = rnd.randrange(5)
    if way == 4:
        return {"id": id, "description": f"What is stored {verb}", "applies_to": [name]}
    subject = ["A " + name.lower(), name, name + "s", name.lower() + "s and " + rnd.choice(names).lower() + "s"][way]
    return {"id": id, "description": f"{subject} {verb}"}


# ---- edits: each changes a copy and says what it did, or None where there is nothing of the kind ----

def entities(s):
    return s["data_model"]["entities"]


def attributes(entity):
    """As a list of [name, type] that is written back in the form it had."""
    a = entity["attributes"]
    return [list(p) for p in a.items()] if isinstance(a, dict) else [[p["name"], p["type"]] for p in a]


def put_attributes(entity, rows):
    if isinstance(entity["attributes"], dict):
        entity["attributes"] = dict(map(tuple, rows))
    else:
        entity["attributes"] = [{"name": n, "type": t} for n, t in rows]


def plain(rows):
    """Attributes that refer to nothing."""
    return [i for i, (name, kind) in enumerate(rows) if name != "ID" and not name.endswith("ID") and kind.lower() in map(str.lower, TYPES)]


def reword(kind):
    def edit(s, rnd):
        rows = s["requirements"].get(kind) or []
        if not rows:
            return None
        r = rnd.choice(rows)
        r["description"] += rnd.choice([" at all times", " without exception", " unless a manager says otherwise"])
        return f"{r['id']} reworded"
    return edit


def add_requirement(s, rnd):
    s["requirements"]["functional"].insert(0, requirement(rnd, [e["name"] for e in entities(s)], "FR-777"))
    return "requirement added"


def remove_requirement(s, rnd):
    rows = s["requirements"]["functional"]
    r = rows.pop(rnd.randrange(len(rows)))
    return f"{r['id']} removed"


def change_attribute(s, rnd):
    e = rnd.choice(entities(s))
    rows = attributes(e)
    if not plain(rows):
        return None
    i = rnd.choice(plain(rows))
    rows[i][1] = rnd.choice([t for t in ("string", "int", "float64", "bool") if t != rows[i][1]])
    put_attributes(e, rows)
    return f"{e['name']}.{rows[i][0]} is {rows[i][1]}"


def add_attribute(s, rnd):
    e = rnd.choice(entities(s))
    put_attributes(e, attributes(e) + [["Extra", rnd.choice(["string", "int"])]])
    return f"{e['name']}.Extra added"


def remove_attribute(s, rnd):
    e = rnd.choice(entities(s))
    rows = attributes(e)
    if not plain(rows):
        return None
    gone = rows.pop(rnd.choice(plain(rows)))
    put_attributes(e, rows)
    return f"{e['name']}.{gone[0]} removed"


def describe_entity(s, rnd):
    e = rnd.choice(entities(s))
    e["description"] = f"{e.get('description', '')} Looked after with care."
    return f"{e['name']} described"


def change_relation(s, rnd):
    r = rnd.choice(s["data_model"]["relationships"])
    r["type"] = rnd.choice([t for t in RELATIONS if t != r["type"]])
    return f"relation {r['from']}-{r['to']} is {r['type']}"


def add_relation(s, rnd):
    a, b = rnd.sample([e["name"] for e in entities(s)], 2)
    s["data_model"]["relationships"].append({"from": a, "to": b, "type": rnd.choice(RELATIONS)})
    return f"relation {a}-{b} added"


def remove_relation(s, rnd):
    rows = s["data_model"]["relationships"]
    r = rows.pop(rnd.randrange(len(rows)))
    return f"relation {r['from']}-{r['to']} removed"


def change_contract(s, rnd):
    if not s.get("api_contracts"):
        return None
    c = rnd.choice(s["api_contracts"])
    c["description"] += ", politely"
    return f"{c['endpoint']} reworded"


def change_message(s, rnd):
    rows = [c for c in s.get("api_contracts") or [] if "request" in c]
    if not rows:
        return None
    c = rnd.choice(rows)
    c["request"]["fields"]["note"] = "string"
    return f"{c['endpoint']} takes a note"


def add_contract(s, rnd):
    if not s.get("api_contracts"):
        return None
    low = rnd.choice(entities(s))["name"].lower()
    s["api_contracts"].append({"endpoint": f"POST /{low}s/{{id}}/close", "description": f"Close a {low}"})
    return f"POST /{low}s/{{id}}/close added"


def remove_contract(s, rnd):
    if not s.get("api_contracts"):
        return None
    c = s["api_contracts"].pop(rnd.randrange(len(s["api_contracts"])))
    return f"{c['endpoint']} removed"


def change_coverage(s, rnd):
    s["testing_strategy"]["coverage_target"] += 5
    return "coverage target"


def change_frameworks(s, rnd):
    s["testing_strategy"].setdefault("frameworks", []).append("testing/quick")
    return "test framework added"


def no_unit_tests(s, rnd):
    s["testing_strategy"]["unit_tests"] = False
    return "no unit tests"


def change_go_version(s, rnd):
    s["build_config"]["go_version"] = "1.18"
    return "Go 1.18"


def change_flags(s, rnd):
    s["build_config"].setdefault("flags", []).append("-race")
    return "build flag added"


def add_entity(s, rnd):
    taken = {e["name"] for e in entities(s)}
    name = rnd.choice([n for n in NOUNS if n not in taken])
    e = {"name": name, "package": rnd.choice(entities(s))["package"], "attributes": []}
    if isinstance(entities(s)[0]["attributes"], dict):
        e["attributes"] = {}
    put_attributes(e, [["ID", "string"], ["Label", "string"]])
    entities(s).insert(rnd.randrange(len(entities(s)) + 1), e)
    return f"{name} added"


def forget(s, name):
    """Nothing else speaks of the entity by its name where that would be a fault."""
    s["data_model"]["relationships"] = [r for r in s["data_model"]["relationships"] if name not in (r["from"], r["to"])]
    for e in entities(s):
        rows = [r for r in attributes(e) if name not in r[1] and r[0] != name + "ID"]
        put_attributes(e, rows)


def delete_entity(s, rnd):
    e = entities(s).pop(rnd.randrange(len(entities(s))))
    forget(s, e["name"])
    return f"{e['name']} deleted"


def rename_entity(s, rnd):
    taken = {e["name"] for e in entities(s)}
    e = rnd.choice(entities(s))
    old, new = e["name"], rnd.choice([n for n in NOUNS if n not in taken])
    e["name"] = new
    for r in s["data_model"]["relationships"]:
        r["from"], r["to"] = [new if n == old else n for n in (r["from"], r["to"])]
    for other in entities(s):
        put_attributes(other, [[n.replace(old, new), t.replace(old, new)] for n, t in attributes(other)])
    return f"{old} is called {new}"


def move_entity(s, rnd):
    e = rnd.choice(entities(s))
    others = sorted({o["package"] for o in entities(s)} - {e["package"]})
    if not others:
        return None
    e["package"] = rnd.choice(others)
    return f"{e['name']} moves to {e['package']}"


def swap_attributes(s, rnd):
    e = rnd.choice(entities(s))
    rows = attributes(e)
    if len(rows) < 3:
        return None
    rows[1], rows[2] = rows[2], rows[1]
    put_attributes(e, rows)
    return f"attributes of {e['name']} swapped"


def change_purpose(s, rnd):
    p = rnd.choice(s["architecture"]["packages"])
    p["purpose"] = p.get("purpose", "") + ", and more"
    return f"purpose of {p['name']}"


def change_scenario(s, rnd):
    if not s.get("scenarios"):
        return None
    c = rnd.choice(s["scenarios"])
    c["then"] += " in full"
    return f"{c['id']} reworded"


def describe_project(s, rnd):
    s["description"] = s.get("description", "") + " And finds them again."
    return "project described"


def shuffle(s, rnd):
    """Another order of what has none: nothing may be made again."""
    rnd.shuffle(s["requirements"]["functional"])
    rnd.shuffle(s["data_model"]["relationships"])
    return "order of requirements and relations"


EDITS = [reword("functional"), reword("functional"), reword("non_functional"), add_requirement, remove_requirement, change_attribute,
         change_attribute, add_attribute, remove_attribute, describe_entity, change_relation, add_relation, remove_relation,
         change_contract, change_message, add_contract, remove_contract, change_coverage, change_frameworks, no_unit_tests,
         change_go_version, change_flags, add_entity, delete_entity, rename_entity, move_entity, swap_attributes, change_purpose,
         change_scenario, describe_project, shuffle]


def edits(spec, seed, n):
    """n single edits of the specification: (what, edited copy). Every kind comes before one comes again."""
    rnd = random.Random(seed)
    order, found = [], []
    while len(found) < n:
        if not order:
            order = list(EDITS)
            rnd.shuffle(order)
        changed = copy.deepcopy(spec)
        what = order.pop()(changed, rnd)
        if what:
            found.append((what, changed))
    return found


# ---- runs ----

class Oracle:
    """warm: the daemon on trial. cold: another one, with a state and a cache of its own. Both ask the same simulator."""

    def __init__(self, warm, cold, place, flags=()):
        # What is written whole and what is made by edits of a rendering differ, also where both are right; which of the two it is
        # follows from what was learned of prices. The oracle compares bytes, so all is written whole.
        self.warm, self.cold, self.place, self.flags = warm, cold, place, [*flags, "--set", "optimization.frame=off"]
        self.n = 0

    def write(self, spec, name="spec.json"):
        path = self.place / name
        path.write_text(json.dumps(spec, indent=1))
        return path

    def gen(self, daemon, spec, out):
        """({path: source} of what the run did, summary, job)"""
        r = daemon.genopt("gen", self.write(spec), "-o", out, "--json", *self.flags)
        events = daemon.events(r)
        assert r.returncode == 0 and events[-1]["type"] == "done", (r.returncode, r.stdout[-2000:], r.stderr[-2000:])
        return {e["path"]: e["source"] for e in events if e["type"] == "task.done"}, events[-1]["summary"], events[-1].get("job")

    def cold_tree(self, spec):
        from conftest import tree
        self.n += 1
        out = self.place / f"cold{self.n}"
        self.cold.genopt("cache", "clear", check=0)
        self.gen(self.cold, spec, out)
        return tree(out)

    def begin(self, spec, out):
        self.spec, self.out = spec, out
        self.gen(self.warm, spec, out)
        self.before = self.cold_tree(spec)

    def reasons(self, job, paths):
        """{path: inputs that changed}, as `why` names them."""
        rpc = self.warm.rpc()
        named = {p: [c["input"] for c in rpc.ok("job/why", {"job": job, "path": p})["changes"]] for p in paths}
        rpc.close()
        return named

    def trial(self, changed):
        """What went wrong with one edit, and what it made again. The directory stands at the edited specification afterwards."""
        from conftest import tree
        done, summary, job = self.gen(self.warm, changed, self.out)
        after, got = self.cold_tree(changed), tree(self.out)
        made = {p for p, source in done.items() if source != "keep"}
        asked = {p for p in made if done[p] == "call"}
        differ = {p for p in after if after[p] != self.before.get(p)}
        missed = sorted(p for p in after if got.get(p) != after[p])
        changes = self.reasons(job, made)
        waste = sorted(p for p in asked if p in self.before and p not in differ)
        told = [p for p in waste if changes[p] and all(c.startswith(("interface:", "depends")) for c in changes[p])]
        unnamed = sorted(p for p in made if p in self.before and not changes[p])
        free_waste = sorted(p for p in made - asked if p in self.before and p not in differ)
        return {"missed": missed, "waste": waste, "told": told, "unnamed": unnamed, "free_waste": free_waste, "differ": sorted(differ), "asked": len(asked),
                "job": job, "done": done, "total": len(after)}

    def back(self):
        """Going back to the first specification: nothing is paid for, and it is as it was."""
        from conftest import tree
        _, summary, _ = self.gen(self.warm, self.spec, self.out)
        got = tree(self.out)
        return summary["calls"], sorted(p for p in self.before if got.get(p) != self.before[p])
