"""The formats of specifications, as a user gives them: what each becomes, builds, costs nothing again in another form, and says."""

import json

import pytest

from conftest import go_build, tree

OPENAPI = """openapi: 3.0.3
info: {title: Kennel, description: Dogs that stay over night.}
servers: [{url: "https://kennel.example"}]
paths:
  /dogs:
    get:
      summary: List the dogs
      parameters: [{name: limit, in: query, schema: {type: integer, maximum: 100}}]
      responses:
        "200": {description: dogs, content: {application/json: {schema: {type: array, items: {$ref: "#/components/schemas/Dog"}}}}}
        default: {description: it failed, content: {application/json: {schema: {$ref: "#/components/schemas/Problem"}}}}
    post:
      summary: Take a dog in
      requestBody: {content: {application/json: {schema: {$ref: "#/components/schemas/NewDog"}}}}
      responses:
        "201": {description: taken in, content: {application/json: {schema: {$ref: "#/components/schemas/Dog"}}}}
  /dogs/{id}:
    get:
      summary: One dog
      responses:
        "200": {description: the dog, content: {application/json: {schema: {$ref: "#/components/schemas/Dog"}}}}
  /owners:
    get:
      summary: List the owners
      responses:
        "200": {description: owners, content: {application/json: {schema: {type: array, items: {$ref: "#/components/schemas/Owner"}}}}}
components:
  schemas:
    NewDog:
      type: object
      required: [name]
      properties:
        name: {type: string, maxLength: 40}
        size: {type: string, enum: [small, big]}
        born: {type: string, format: date}
    Dog:
      allOf:
        - {$ref: "#/components/schemas/NewDog"}
        - type: object
          properties:
            id: {type: string}
            owner: {$ref: "#/components/schemas/Owner"}
            weights: {type: array, items: {type: number}}
            notes: {type: object, additionalProperties: {type: string}}
    Owner:
      type: object
      properties: {id: {type: string}, email: {type: string, format: email}, since: {type: string, format: date-time}}
    Problem: {type: object, properties: {title: {type: string}}}
"""

SENTENCES = """# first sprint
create a student with name, email and age:int
create a course with title (string, required)
# second sprint
add course to student
"""

YAML = """name: Inn
description: Rooms and guests.
requirements: [{id: FR-001, description: A guest has a room.}]
entities:
  - {name: Guest, attributes: {ID: string, Name: string}}
  - {name: Room, attributes: {ID: string, Beds: int}}
build_config: {go_version: "1.19"}
"""


def gen(daemon, out, *args, check=0, **kw):
    r = daemon.genopt("gen", *args, "-o", out, "--json", check=check, **kw)
    events = daemon.events(r)
    return events, next((e for e in reversed(events) if e["type"] in ("done", "failed")), None)


def texts(events, level=None):
    return [e["text"] for e in events if e["type"] == "warning" and e.get("level") == level]


def test_openapi_becomes_a_project(daemon, sim, place):
    """Entities by their schemas, handlers by their paths; what is not used is said; it builds, and JSON costs nothing again."""
    yaml = pytest.importorskip("yaml")
    spec = place / "kennel.yaml"
    spec.write_text(OPENAPI)
    events, end = gen(daemon, place / "out", spec)
    assert end["summary"]["files"]["failed"] == 0
    files = tree(place / "out")
    for path in ("internal/dog/dog.go", "internal/dog/dog_handler.go", "internal/owner/owner.go"):
        assert path in files, sorted(files)
    assert not any("problem" in p or "new_dog" in p or "newdog" in p for p in files)
    dog = files["internal/dog/dog.go"].decode()
    for word in ("Name", "Born", "Owner", "Weights", "Notes"):
        assert word in dog, dog
    assert "module kennel" in files["go.mod"].decode()
    assert any("kennel.yaml is read as OpenAPI in YAML" in t for t in texts(events, "note"))
    assert any("Problem is no entity" in t for t in texts(events, "note"))
    assert any("kennel.yaml:3:1" in t and "servers" in t for t in texts(events))
    go_build(place / "out")
    n = len(sim.requests())
    as_json = place / "kennel.json"
    as_json.write_text(json.dumps(yaml.safe_load(OPENAPI)))
    events, end = gen(daemon, place / "again", as_json)
    assert any("OpenAPI in JSON" in t for t in texts(events, "note"))
    assert len(sim.requests()) == n and end["summary"]["calls"] == 0
    assert tree(place / "again") == files


def test_sentences_from_standard_input(daemon, sim, place):
    events, end = gen(daemon, place / "out", "-", input=SENTENCES)
    assert end["summary"]["files"]["failed"] == 0
    assert any("sentences about entities" in t for t in texts(events, "note"))
    files = tree(place / "out")
    student = next(v.decode() for p, v in files.items() if p.endswith("student.go") or p.endswith("student.py"))
    assert "age" in student.lower() and "course" in student.lower(), student
    listed = place / "app.yaml"  # the project is called as the one from standard input
    listed.write_text("- {entity: student, attributes: [name, email, 'age:int'], related_entity: course}\n"
                      "- {entity: course, attributes: [{name: title, type: string, required: true}]}\n")
    n = len(sim.requests())
    events, end = gen(daemon, place / "again", listed)
    assert any("a list of entities" in t for t in texts(events, "note"))
    assert tree(place / "again") == files
    assert len(sim.requests()) == n and end["summary"]["calls"] == 0


def test_one_specification_in_three_forms(daemon, sim, place):
    yaml = pytest.importorskip("yaml")
    (place / "inn.yaml").write_text(YAML)
    (place / "inn.yml").write_text(YAML)
    (place / "inn.json").write_text(json.dumps(yaml.safe_load(YAML)))
    (place / "inn.md").write_text(f"---\n{YAML}---\n# Inn\n\nAbout rooms.\n")
    gen(daemon, place / "out", place / "inn.yaml")
    first, n = tree(place / "out"), len(sim.requests())
    for name in ("inn.yml", "inn.json", "inn.md"):
        events, end = gen(daemon, place / name.replace(".", "-"), place / name)
        assert end["summary"]["calls"] == 0 and tree(place / name.replace(".", "-")) == first, name
    assert any("inn.md:10:1" in t and "below the front matter is not used" in t for t in texts(events))
    for text in (json.dumps(yaml.safe_load(YAML)), f"---\n{YAML}---\n", YAML):
        gen(daemon, place / "stdin", "-", input=text)
        assert tree(place / "stdin") == first
    assert len(sim.requests()) == n


@pytest.mark.parametrize("name, text, where, words", [
    ("a.yaml", "swagger: '2.0'\npaths: {}\n", "a.yaml:1:1", "Swagger 2.0"),
    ("a.yaml", "openapi: 3.0.0\npaths: {/a: {get: {responses: {'200': {$ref: '#/components/responses/Gone'}}}}}\n", "a.yaml:2:", "there is no"),
    ("a.json", '{"openapi": "3.0.0", "components": {"schemas": {"A": {"properties": {"b": {"$ref": "#/components/schemas/Bee"}}}, "Beef": {}}}}',
     "a.json:1:", "did you mean `Beef`?"),
    ("a.md", "# Inn\n", "a.md", "front matter"),
    ("a.md", "---\nname: x\n", "a.md", "not closed"),
    ("a.txt", "create a dog with name\nfeed the dog\n", "a.txt:2:1", "not understood"),
    ("a.yaml", "name: Inn\nrequirements:\n  - id: R1\n    description: Guests get one of: a room\n", "a.yaml:4:35", "quotes"),
    ("a.yaml", "name: Inn\n\tentities: [A]\n", "a.yaml:2:1", "tab"),
    ("a.yaml", "name: Inn\nentities: [A]\nname: Inn\n", "a.yaml:3:1", "duplicate key"),
    ("a.yaml", "name: Inn\nentities:\n  - &a {name: A, x: *a}\n", "a.yaml:3:", "anchors"),
])
def test_what_cannot_be_read_says_where_and_what_to_do(daemon, place, name, text, where, words):
    (place / name).write_text(text)
    r = daemon.genopt("gen", place / name, "-o", place / "out")
    assert r.returncode == 65 and where in r.stderr and words in r.stderr, r.stderr
    assert not tree(place / "out")
