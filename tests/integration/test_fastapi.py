"""The blueprint fastapi-crud: with no provider, entities alone become an application that lints clean and passes its own tests.

/usr/bin/python3 has Debian's FastAPI, SQLAlchemy, pytest and linters; they run once over what they can see together."""

import json
import subprocess

import pytest

from conftest import DEADLINE, ROOT, Daemon, tree

PYTHON = "/usr/bin/python3"
SPECS = ROOT / "tests" / "specs"
NAMES = ["crud-1", "crud-types", "crud-relations", "crud-names", "crud-words", "crud-40"]
# Some resources of the large projects: all of them have the same tests.
SOME = {"crud-40": ["tests/test_migrations.py", *(f"tests/test_{n}.py" for n in ("asset", "contract"))],
        "crud-names": ["tests/test_migrations.py", *(f"tests/test_{n}.py" for n in ("class_entity", "order", "none", "address"))],
        "crud-words": [f"tests/test_{n}.py" for n in ("книга", "читатель", "学生", "größe")]}
# What costs most for the most files: enough of them.
LINTED = {"crud-40": ["app/models", "app/schemas"]}


def folder(place, name):
    return place / name.replace("/", "_")


def run(*command, cwd=None):
    r = subprocess.run([str(c) for c in command], cwd=cwd, capture_output=True, text=True, timeout=DEADLINE * 5)
    assert r.returncode == 0, (command, r.stdout[-4000:], r.stderr[-2000:])
    return r.stdout


def gen(daemon, name, out, *args):
    r = daemon.genopt("gen", SPECS / f"{name}.yaml", "-o", out, "--blueprint", "fastapi-crud", "--json", *args)
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
    folders = [folder(place, name) / part for name in NAMES for part in ("app", "tests")]
    run(PYTHON, "/usr/bin/black", "-l", "79", "-q", "--check", *folders)
    run(PYTHON, "-m", "flake8", *folders)
    for name in NAMES:
        run(PYTHON, "-m", "isort", "--check", "app", "tests", cwd=folder(place, name))


@pytest.mark.parametrize("name", ["crud-relations", "crud-names", "crud-40"])  # those with many siblings
def test_nothing_stands_twice(projects, name):
    run(PYTHON, "-m", "pylint", "--disable=all", "--enable=duplicate-code", *LINTED.get(name, ["app", "tests"]), cwd=folder(projects[0], name))


@pytest.mark.parametrize("name", NAMES)
def test_its_own_tests_pass(projects, name):
    out = run(PYTHON, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-W", "ignore", *SOME.get(name, []), cwd=folder(projects[0], name))
    assert " passed" in out and "skipped" not in out


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
