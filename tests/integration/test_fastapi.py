"""The blueprint fastapi-crud: with no provider, entities alone become an application that lints clean and passes its own tests.

/usr/bin/python3 has Debian's FastAPI, SQLAlchemy, pytest and linters; they run once over what they can see together."""

import json
import re
import subprocess

import pytest
import yaml

from conftest import DEADLINE, ROOT, Daemon, Sim, config_for, kind_of, tree

PYTHON = "/usr/bin/python3"
SPECS = ROOT / "tests" / "specs"
RUN = ROOT / "tests" / "integration" / "run_projects.py"
NAMES = ["crud-1", "crud-few", "crud-types", "crud-relations", "crud-names", "crud-words", "crud-collide", "crud-40", "crud/types", "crud/relations", "crud/awkward"]
# Some resources of the large projects: all of them have the same tests.
SOME = {"crud-40": ["tests/test_migrations.py", *(f"tests/test_{n}.py" for n in ("asset", "contract"))],
        "crud-names": ["tests/test_migrations.py", *(f"tests/test_{n}.py" for n in ("class_entity", "order", "none", "address", "only", "membership"))],
        "crud/relations": ["tests/test_visit.py", "tests/test_treatment.py"],
        "crud/awkward": ["tests/test_order_item.py", "tests/test_router.py"],
        "crud-words": [f"tests/test_{n}.py" for n in ("книга", "читатель", "学生", "größe")]}
# The rest of them, and whatever else takes minutes, is `./dev bench blueprints`.
FEW = {"crud/awkward": ("order_item", "router", "http_server", "main"), "crud-40": ("asset", "contract", "crud", "main", "migrations")}
BLUEPRINT = yaml.safe_load((ROOT / "blueprints" / "fastapi-crud" / "blueprint.yaml").read_text())
KINDS = [row["kind"] for row in BLUEPRINT["files"] if "template" in row]
# Whose templates are made to fail together: far from one another, so that most of what each is told of is a template's.
FORCED = [",".join(KINDS[i::4]) for i in range(4)] + ["all"]


def folder(place, name):
    return place / name.replace("/", "_")


def run(*command, cwd=None):
    r = subprocess.run([str(c) for c in command], cwd=cwd, capture_output=True, text=True, timeout=DEADLINE * 10)
    assert r.returncode == 0, (command[:6], r.stdout[-6000:], r.stderr[-2000:])
    return r.stdout


def lint(paths):
    """Whatever black, flake8 and isort say of files, each content once."""
    paths = list({path.read_bytes(): path for path in paths if path.suffix == ".py"}.values())
    assert paths
    run(PYTHON, "/usr/bin/black", "-l", "79", "-q", "--check", *paths)
    run(PYTHON, "-m", "flake8", *paths)
    run(PYTHON, "-m", "isort", "--profile", "black", "-l", "79", "-p", "app", "-p", "tests", "--check", *paths)


def gen(daemon, name, out, *args, env=None):
    r = daemon.genopt("gen", SPECS / f"{name}.yaml", "-o", out, "--blueprint", "fastapi-crud", "--json", *args, env=env)
    return daemon.events(r)[-1]


@pytest.fixture(scope="module")
def projects(tmp_path_factory):
    """Every specification, made without a provider."""
    place = tmp_path_factory.mktemp("fastapi")
    d = Daemon(place, "")
    d.start()
    ends = {name: gen(d, name, folder(place, name)) for name in NAMES}
    again = gen(d, "crud-relations", place / "again")
    d.stop()
    return place, ends, again


@pytest.fixture(scope="module")
def forced(tmp_path_factory):
    """Projects in which templates are made to fail, each in one of them, and one for all; kinds → folder, events, log."""
    place = tmp_path_factory.mktemp("forced")
    sim, made = Sim(place), {}
    for n, kinds in enumerate(FORCED):
        home = place / f"home.{n}"
        home.mkdir()
        d = Daemon(home, config_for(sim), env={"GENOPT_TEST_TEMPLATE_FAILS": kinds})
        d.start()
        r = d.genopt("gen", SPECS / "crud-few.yaml", "-o", place / f"forced.{n}", "--blueprint", "fastapi-crud", "--json")
        d.stop()
        events = d.events(r)
        made[kinds] = place / f"forced.{n}", events, d.log()
    sim.close()
    return made


def test_no_model_is_asked(projects):
    place, ends, _ = projects
    for name, end in ends.items():
        files = end["summary"]["files"]
        assert end["type"] == "done" and end["summary"]["calls"] == 0 and files["failed"] == 0, (name, end)
        assert files["template"] + files["reuse"] == len(tree(folder(place, name)))


def test_again_is_the_same(projects):
    place, _, again = projects
    assert tree(place / "again") == tree(place / "crud-relations")
    assert again["summary"]["calls"] == 0


def test_formatted(projects):
    place = projects[0]
    lint(path for name in NAMES for part in ("app", "tests") for path in (folder(place, name) / part).rglob("*.py")
         if name not in FEW or path.stem.removeprefix("test_") in FEW[name])


def test_nothing_stands_twice(projects):
    run(PYTHON, "-m", "pylint", "--disable=all", "--enable=duplicate-code", "app", "tests", cwd=folder(projects[0], "crud-relations"))


def test_its_own_tests_pass(projects):
    run(PYTHON, RUN, *(f"{folder(projects[0], name)}:{','.join(SOME.get(name, []))}" for name in NAMES))


@pytest.mark.parametrize("kinds", FORCED)
def test_a_template_that_fails_is_the_models(forced, kinds):
    """Its files, and no others, are written by the model, and pass the same checks."""
    place, events, log = forced[kinds]
    files = events[-1]["summary"]["files"]
    assert events[-1]["type"] == "done" and files["failed"] == 0, events[-1]
    assert files["call"] > 0 and files["call"] + files["template"] == len(tree(place))
    asked = {e["path"] for e in events if e["type"] == "task.done" and e["source"] == "call"}
    assert len(asked) == files["call"]
    for path in asked:
        assert re.search(rf"template_fallback.*{re.escape(path)}", log), path
    assert {kind_of(BLUEPRINT, path) for path in asked} == set(KINDS if kinds == "all" else kinds.split(","))
    assert (files["template"] == 0) == (kinds == "all")


def test_templates_switched_off(tmp_path):
    """Without templates a model writes every file, and the project lints clean and passes its tests."""
    sim = Sim(tmp_path)
    d = Daemon(tmp_path, config_for(sim))
    d.start()
    end = gen(d, "crud-1", tmp_path / "out", env={"ENABLE_TEMPLATES": "false"})
    d.stop()
    sim.close()
    files = end["summary"]["files"]
    assert end["type"] == "done" and files["template"] == 0 and files["failed"] == 0, end
    assert files["call"] == len(tree(tmp_path / "out"))
    lint(path for part in ("app", "tests") for path in (tmp_path / "out" / part).rglob("*.py"))
    run(PYTHON, RUN, tmp_path / "out")


def test_what_the_model_writes_is_formatted(forced):
    lint(path for place, _, _ in forced.values() for part in ("app", "tests") for path in (place / part).rglob("*.py"))
    run(PYTHON, "-m", "pylint", "--disable=all", "--enable=duplicate-code", "app", "tests", cwd=forced["all"][0])


def test_what_the_model_writes_fits_the_rest(forced):
    """Each of these projects passes its own tests."""
    run(PYTHON, RUN, *(place for place, _, _ in forced.values()))


def test_siblings_have_one_structure(projects):
    """The files of two entities that differ in name alone differ in nothing else."""
    place = projects[0] / "crud-names" / "app"
    item, other = ((place / kind / f"{name}.py").read_text() for kind in ["routes"] for name in ["item2", "item10"])
    assert item.replace("Item2", "Item10").replace("item2", "item10") == other


def test_names_are_those_of_the_specification(projects):
    models = projects[0] / "crud-names" / "app" / "models"
    wanted = {
        "people": ("People", "people"), "category": ("Category", "categories"), "status": ("Status", "statuses"),
        "address": ("Address", "addresses"), "order_item": ("OrderItem", "order_items"), "class_entity": ("Class", "classes"),
        "http_server": ("HTTPServer", "http_servers"),
    }
    for module, (name, table) in wanted.items():
        text = (models / f"{module}.py").read_text()
        assert f"class {name}(database.Base):" in text and f'__tablename__ = "{table}"' in text
    schema = (models.parent / "schemas" / "address.py").read_text()
    assert 'alias="zipCode"' in schema and 'alias="street name"' in schema


def test_a_renamed_attribute_keeps_its_data(tmp_path):
    """Two versions of a specification, and a database that the first program filled."""
    d = Daemon(tmp_path, "")
    d.start()
    spec = tmp_path / "s.yaml"
    program = ("import sys; import fastapi.testclient; from app import main\n"
               "with fastapi.testclient.TestClient(main.create_app('sqlite:///../data.db')) as c:\n"
               "    for method, path, body in eval(sys.argv[1]):\n        r = c.request(method, path, json=body); print(r.status_code, r.text)\n")
    old = "{name: Author, attributes: {name: string}}, {name: Book, attributes: [{name: name, type: string}, {name: author, type: Author}]}"
    new = ("{name: Author, attributes: {name: string}}, {name: Book, attributes: [{name: bookTitle, type: string, was: name, required: true},"
           " {name: writer, type: Author, was: author}]}")
    said = {}
    for version, entities, calls in (
            ("old", old, [("POST", "/authors", {"name": "Ada"}), ("POST", "/books", {"name": "Notes", "author_id": 1})]),
            ("new", new, [("GET", "/books/1", None), ("POST", "/books", {"bookTitle": "More", "writer_id": 1}), ("GET", "/books", None)])):
        spec.write_text(f"name: Books\nentities: [{entities}]\n")
        r = d.genopt("gen", spec, "-o", tmp_path / version, "--blueprint", "fastapi-crud", "--json", check=0)
        assert d.events(r)[-1]["summary"]["calls"] == 0
        said[version] = run(PYTHON, "-c", program, repr(calls), cwd=tmp_path / version)
    d.stop()
    assert said["old"].count("201 ") == 2, said
    assert said["new"].startswith("200 ") and '"bookTitle":"Notes","writer_id":1' in said["new"].splitlines()[0], said
    assert '"bookTitle":"More","writer_id":1' in said["new"].splitlines()[1], said


def test_what_nobody_could_make_first_is_optional(tmp_path):
    """Of each circle of references that must be there, one is told by its name; others stay as they are."""
    d = Daemon(tmp_path, "")
    d.start()
    for blueprint in ("fastapi-crud", "go-service"):
        r = d.genopt("gen", SPECS / "crud-collide.yaml", "-o", tmp_path / blueprint, "--blueprint", blueprint, "--dry-run")
        assert re.findall(r"warning: (\S+) closes .* becomes optional", r.stderr + r.stdout) == ["Folder.parent", "Dept.emp_id"], r.stderr
    d.stop()


HOSTILE = """
import fastapi.testclient
from app import main
with fastapi.testclient.TestClient(main.create_app("sqlite://"), raise_server_exceptions=False) as c:
    def said(method, path, **body):
        return c.request(method, path, **body).status_code
    assert said("POST", "/nodes", json={"name": "a"}) == 201
    for body in ([1], [], 5, "x", [{"name": "x"}], None, True):
        for method, path in (("POST", "/nodes"), ("PUT", "/nodes/1"), ("PATCH", "/nodes/1")):
            assert said(method, path, json=body) == 422, (method, body)
    assert said("PATCH", "/nodes/1", json={"parent_id": 1}) == 200
    assert said("DELETE", "/nodes/1") == 204
    assert said("POST", "/folders", json={"name": "root"}) == 201
    for name, value, status in (
            ("at", "9999-12-31T23:59:59-12:00", 422), ("at", "0001-01-01T00:00:00+12:00", 422), ("at", 1e300, 422), ("at", "1e300", 422),
            ("at", "9999-12-31T23:59:59Z", 201), ("at", "2024-02-29T12:00:00+02:00", 201), ("on", 5, 422), ("on", "2024-02-29", 201),
            ("lasts", 1e12, 422), ("lasts", 1e30, 422), ("lasts", "1e30", 422), ("at", 10**400, 422), ("lasts", 10**400, 422), ("ratio", 10**400, 422), ("ratio", 1, 201), ("lasts", 90, 201), ("lasts", "PT1H", 201),
            ("codes", [1.5], 422), ("codes", [True], 422), ("codes", [1, 2], 201)):
        assert said("POST", "/modules", json={name: value}) == status, (name, value)
    assert said("GET", "/modules") == 200
    for value, status in ((1.5, 422), (True, 422), (10**400, 422), (7, 201)):
        assert said("POST", "/pages", json={"model_config": "x", "model_dump": value}) == status, value
    assert said("POST", "/pages", json={"model_config": 5}) == 422
    for path in ("/pages", "/docs", "/swagger", "/ui", "/ui/pages", "/ui/docs", "/pages/1", "/ui/pages/1/edit"):
        assert said("GET", path) == 200, path
    for path in ("/ui/pages/99999999999999999999999/edit", "/pages/99999999999999999999999"):
        assert said("GET", path) == 422, path
"""


def test_no_request_is_too_much(projects):
    """What no record can hold is refused, and what its names collide with is elsewhere."""
    run(PYTHON, "-c", HOSTILE, cwd=projects[0] / "crud-collide")


def test_a_requirement_needs_a_model(tmp_path):
    d = Daemon(tmp_path, "")
    d.start()
    spec = tmp_path / "s.yaml"
    spec.write_text("name: Notes\nentities:\n  - {name: Note, attributes: {title: str}}\n  - {name: Tag, attributes: {label: str}}\n"
                    "requirements:\n  - {id: R1, description: A note must not mention the weather.}\n")
    r = d.genopt("gen", spec, "-o", tmp_path / "out", "--dry-run", "--json", check=0)
    steps = json.loads(r.stdout)["steps"]
    called = {task for s in steps if s["kind"] == "call" for task in s["tasks"]}
    assert called == {"app/schemas/note.py", "tests/test_note.py"}
    d.stop()


@pytest.mark.parametrize("text, reason", [
    ("description: A shop with FastAPI.\nentities: [{name: A, attributes: {x: string}}]", "it speaks of Python or FastAPI"),
    ("entities: [{name: A, attributes: {x: str, at: datetime}}]", "its attributes have Python types"),
])
def test_chosen_by_what_the_specification_says(tmp_path, text, reason):
    d = Daemon(tmp_path, "")
    d.start()
    spec = tmp_path / "s.yaml"
    spec.write_text(f"name: Shop\n{text}\n")
    r = d.genopt("gen", spec, "-o", tmp_path / "out")
    assert reason in r.stderr + r.stdout
    assert (tmp_path / "out" / "app" / "main.py").exists()
    d.stop()
