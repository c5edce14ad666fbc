"""go-service without a model: entities alone become a service that builds, lints clean and passes its own tests."""

import json
import os
import re
import subprocess

import pytest
import yaml

from conftest import ROOT, Daemon, config_for, kind_of, tree

# Those of its own; of those that are fastapi-crud's by name, all but the largest, which is `./dev bench blueprints`.
SPECS = [*sorted((ROOT / "tests" / "specs" / "crud").glob("*.yaml")),
         *(ROOT / "tests" / "specs" / f"crud-{name}.yaml" for name in ("few", "types", "relations", "names", "words", "collide"))]
# What is compiled twice is compiled once, wherever it lies.
GO = {**os.environ, "GOFLAGS": "-mod=mod -trimpath", "GOPROXY": "off"}
BLUEPRINT = yaml.safe_load((ROOT / "blueprints" / "go-service" / "blueprint.yaml").read_text())
KINDS = [row["kind"] for row in BLUEPRINT["files"] if "template" in row]


def run(directory, *command):
    r = subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=900, env=GO)
    assert r.returncode == 0, (command, r.stdout[-4000:], r.stderr[-4000:])
    return r.stdout


def generate(daemon, spec, out, *args, env=None):
    r = daemon.genopt("gen", spec, "-o", out, "--blueprint", "go-service", "--json", *args, check=0, env=env)
    events = daemon.events(r)
    end = events[-1]
    assert end["type"] == "done", end
    return events, end["summary"]


@pytest.fixture
def alone(place):
    """A daemon without any provider."""
    d = Daemon(place, "", env={"ANTHROPIC_API_KEY": ""})
    d.start()
    yield d
    d.stop()


@pytest.mark.parametrize("spec", SPECS, ids=lambda p: p.stem)
def test_a_service_without_a_model(alone, place, spec):
    events, summary = generate(alone, spec, place / "out")
    files = summary["files"]
    assert summary["calls"] == 0 and files["failed"] == 0 and files["call"] == 0
    assert files["template"] == len(tree(place / "out")) > 10
    if spec.stem == "crud-words": # a letter that has a capital needs no other before it
        assert "`json:\"öffnung\"`" in (place / "out" / "internal" / "gre" / "größe.go").read_text()
    assert run(place / "out", "gofmt", "-l", ".") == ""
    run(place / "out", "go", "build", "./...")
    run(place / "out", "go", "vet", "./...")
    run(place / "out", "go", "test", "./...")
    again, summary = generate(alone, spec, place / "again")
    assert tree(place / "again") == tree(place / "out")


def test_siblings_have_one_structure(alone, place):
    generate(alone, ROOT / "tests" / "specs" / "crud" / "forty.yaml", place / "out")
    for a, b in (("well", "meter"), ("pipe", "reading"), ("lamp", "tree")):
        for path in sorted((place / "out" / "internal").rglob(f"{a}*.go")):
            other = path.with_name(path.name.replace(a, b, 1)).read_text()
            text = path.read_text().replace(a.capitalize(), b.capitalize())
            text = re.sub(rf"\b{a}(?=[A-Zs\W])", b, text)
            assert text == other, path


def test_no_name_that_the_specification_does_not_have(alone, place):
    """What is exported is made of the words of the specification and of those that the roles are made of."""
    roles = """New Err Invalid Not Found Exists Memory SQL Repository Service Handler Router Param Read JSON Write Error Database Open
        Break Fields Unwrap Validate Create Get List Update Delete Handle Serve HTTP Register ID Commit Rollback Begin Prepare Close
        Exec Query Columns Next Connect Driver Num Input Test Page Count""".split()
    generate(alone, ROOT / "tests" / "specs" / "crud" / "one.yaml", place / "out")
    words = {w.lower() for w in roles} | {"note", "title", "body", "pinned"}
    for path in sorted((place / "out").rglob("*.go")):
        if path.name.endswith("_test.go"):
            continue
        for name in re.findall(r"^(?:func (?:\(.*?\) )?|type |\t(?=[A-Z]\w* [a-z]))([A-Z]\w*)", path.read_text(), re.M):
            for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z][a-z]+", name):
                assert word.lower() in words, (path.name, name)


def test_the_service_answers(alone, place):
    """Status codes and JSON of what runs: created with its place, absent, refused with the fields, known twice, too much."""
    generate(alone, ROOT / "tests" / "specs" / "crud" / "relations.yaml", place / "out")
    (place / "out" / "cmd" / "paws" / "answers_test.go").write_text('''package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func ask(t *testing.T, method, path, body string) (*httptest.ResponseRecorder, map[string]interface{}) {
	t.Helper()
	w := httptest.NewRecorder()
	router.ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader(body)))
	var answer map[string]interface{}
	_ = json.Unmarshal(w.Body.Bytes(), &answer)
	return w, answer
}

var router = newRouter(nil)

func TestAnswers(t *testing.T) {
	w, owner := ask(t, "POST", "/owners", `{"name": "Ada", "phone": "1"}`)
	place := w.Header().Get("Location")
	if w.Code != http.StatusCreated || place != "/owners/"+owner["id"].(string) {
		t.Fatalf("%d %s %v", w.Code, place, owner)
	}
	if w, got := ask(t, "GET", place, ""); w.Code != 200 || got["name"] != "Ada" || !strings.HasPrefix(w.Header().Get("Content-Type"), "application/json") {
		t.Errorf("get: %d %v", w.Code, got)
	}
	if w, got := ask(t, "POST", "/owners", `{"phone": "1"}`); w.Code != 400 || got["fields"].(map[string]interface{})["name"] == nil {
		t.Errorf("without a name: %d %v", w.Code, got)
	}
	if w, got := ask(t, "POST", "/owners", `{"name": " "}`); w.Code != 400 || got["fields"].(map[string]interface{})["name"] == nil {
		t.Errorf("with an empty name: %d %v", w.Code, got)
	}
	for _, c := range []struct {
		method, path, body string
		code               int
	}{
		{"GET", "/owners/none", "", 404},
		{"PUT", "/owners/none", `{"name": "x"}`, 404},
		{"DELETE", "/owners/none", "", 404},
		{"POST", "/owners", `{"id": "` + owner["id"].(string) + `", "name": "again"}`, 409},
		{"POST", "/owners", `{`, 400},
		{"POST", "/owners", `{"name": "` + strings.Repeat("x", 2<<20) + `"}`, 400},
		{"PUT", place, `{"name": "Eve"}`, 200},
		{"PATCH", "/owners", "", 405},
		{"GET", "/nothing", "", 404},
		{"GET", "/owners?limit=no", "", 400},
		{"GET", "/owners?offset=-1", "", 400},
		{"POST", "/pets", `{"name": "Rex", "owner_id": "nobody"}`, 400},
		{"POST", "/pets", `{"id": "r", "name": "Rex", "owner_id": "` + owner["id"].(string) + `"}`, 201},
		{"POST", "/treatments", `{"title": "bath"}`, 201},
		{"POST", "/treatments", `{"title": "bath", "treatment_ids": ["none"]}`, 400},
		{"POST", "/vets", `{"id": "v", "name": "Eve", "mentor_id": "v"}`, 400},
	} {
		if w, got := ask(t, c.method, c.path, c.body); w.Code != c.code {
			t.Errorf("%s %s: %d %v", c.method, c.path, w.Code, got)
		}
	}
	// what something refers to stays, until nothing does any more
	if w, got := ask(t, "DELETE", place, ""); w.Code != 409 || !strings.Contains(got["error"].(string), "owner_id of pet") {
		t.Errorf("an owner with a pet: %d %v", w.Code, got)
	}
	_, pet := ask(t, "POST", "/pets", `{"name": "Tom", "owner_id": "` + owner["id"].(string) + `"}`)
	for _, c := range []struct {
		method, path, body string
		code               int
	}{
		{"DELETE", "/pets/" + pet["id"].(string), "", 204},
		{"DELETE", "/pets/r", "", 204},
		{"POST", "/treatments", `{"id": "t", "title": "wash"}`, 201},
		{"POST", "/treatments", `{"id": "u", "title": "dry", "treatment_ids": ["t"]}`, 201},
		{"DELETE", "/treatments/t", "", 409},
		{"PUT", "/treatments/u", `{"title": "dry"}`, 200},
		{"DELETE", "/treatments/t", "", 204},
		{"POST", "/vets", `{"id": "v", "name": "Eve"}`, 201},
		{"PUT", "/vets/v", `{"name": "Eve", "mentor_id": "v"}`, 200},
		{"DELETE", "/vets/v", "", 204},
	} {
		if w, got := ask(t, c.method, c.path, c.body); w.Code != c.code {
			t.Errorf("%s %s: %d %v", c.method, c.path, w.Code, got)
		}
	}
	for i := 0; i < 120; i++ {
		ask(t, "POST", "/owners", `{"name": "one more"}`)
	}
	var page []interface{}
	if w, _ = ask(t, "GET", "/owners", ""); json.Unmarshal(w.Body.Bytes(), &page) != nil || len(page) != 100 || w.Header().Get("X-Total-Count") != "121" {
		t.Errorf("a page: %d of %s", len(page), w.Header().Get("X-Total-Count"))
	}
	if w, _ = ask(t, "DELETE", place, ""); w.Code != http.StatusNoContent || w.Body.Len() != 0 {
		t.Errorf("delete: %d %s", w.Code, w.Body)
	}
}
''')
    run(place / "out", "go", "test", "./cmd/...")


def test_what_attributes_say(alone, place):
    """`unique` is a conflict, names of JSON stay as they are written, lists of identifiers refer to what is there, and a database that
    refuses to delete what something refers to says the same as memory does."""
    (place / "names.yaml").write_text("""name: Names
entities:
- name: Owner
  attributes: [{name: apiKey, type: string, required: true, unique: true}, {name: 2nd_line, type: string}, {name: street name, type: string}]
- {name: Pet, attributes: {owner_id: string, friend_ids: list of string}}
- {name: Friend, attributes: {name: string}}
""")
    generate(alone, place / "names.yaml", place / "out")
    (place / "out" / "cmd" / "names" / "answers_test.go").write_text('''package main

import (
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"

	"names/internal/owner"
	"names/internal/pet"
	"names/internal/sqltest"
)

func TestAnswers(t *testing.T) {
	router := newRouter(nil)
	for _, c := range []struct {
		method, path, body string
		code               int
		part               string
	}{
		{"POST", "/owners", `{"id": "o", "apiKey": "k", "2nd_line": "two", "street name": "High"}`, 201, `"apiKey":"k","2nd_line":"two","street name":"High"`},
		{"POST", "/owners", `{"apiKey": "k"}`, 409, "apiKey"},
		{"POST", "/owners", `{"api_key": "l"}`, 400, `"apiKey":"is required"`},
		{"POST", "/friends", `{"id": "f"}`, 201, ""},
		{"POST", "/pets", `{"owner_id": "o", "friend_ids": ["f", "none"]}`, 400, "friend_ids"},
		{"POST", "/pets", `{"id": "p", "owner_id": "o", "friend_ids": ["f"]}`, 201, `"friend_ids":["f"]`},
		{"DELETE", "/friends/f", "", 409, "friend_ids of pet p refers to it"},
		{"DELETE", "/owners/o", "", 409, "owner_id of pet p refers to it"},
	} {
		w := httptest.NewRecorder()
		router.ServeHTTP(w, httptest.NewRequest(c.method, c.path, strings.NewReader(c.body)))
		if w.Code != c.code || !strings.Contains(w.Body.String(), c.part) {
			t.Errorf("%s %s %s: %d %s", c.method, c.path, c.body, w.Code, w.Body)
		}
	}
}

// refusing deletes nothing, as a database does that has a row which refers to it.
type refusing struct {
	owner.OwnerRepository
}

func (refusing) Delete(context.Context, string) error {
	return errors.New("FOREIGN KEY constraint failed")
}

func TestDatabaseThatRefuses(t *testing.T) {
	ctx := context.Background()
	db, _ := sqltest.Open()
	all := newRepositories(db)
	owners := ownerReferences{refusing{all.ownerRepository}, all}
	if err := all.ownerRepository.Create(ctx, &owner.Owner{ID: "o", APIKey: "k"}); err != nil {
		t.Fatal(err)
	}
	if err := owners.Delete(ctx, "o"); err == nil || errors.Is(err, owner.ErrOwnerExists) {
		t.Errorf("refused for another reason: %v", err)
	}
	if err := all.petRepository.Create(ctx, &pet.Pet{ID: "p", OwnerID: "o"}); err != nil {
		t.Fatal(err)
	}
	if err := owners.Delete(ctx, "o"); !errors.Is(err, owner.ErrOwnerExists) {
		t.Errorf("a pet refers to it: %v", err)
	}
}
''')
    run(place / "out", "gofmt", "-l", ".")
    run(place / "out", "go", "vet", "./...")
    run(place / "out", "go", "test", "./...")


def test_what_relationships_say(alone, place):
    """Keys that are numbers, one to one, at least one, none twice; a unique text that many lack; in memory and with SQL."""
    (place / "books.yaml").write_text("""name: Books
entities:
- {name: Author, attributes: [{name: name, type: string}, {name: nick, type: string, unique: true}]}
- {name: Book, description: "of ''two'' and '''three''' and ``more``", attributes: [{name: author_id, type: int, required: true},
    {name: an_attribute_that_is_called_by_so_many_words_that_its_name_has_eighty_four_letters_and_more, type: string, required: true}]}
- {name: Profile, attributes: [{name: author_id, type: int}]}
- {name: Node, attributes: [{name: parent_id, type: int}]}
- {name: Team, attributes: [{name: label, type: string}]}
- {name: Player, attributes: [{name: label, type: string}]}
relationships:
- {from: Profile, to: Author, type: one_to_one}
- {from: Node, to: Node, type: has_many}
- {from: Player, to: Team, type: many_to_many, required: true}
""")
    generate(alone, place / "books.yaml", place / "out")
    schema = next((place / "out" / "migrations").iterdir()).read_text()
    assert '"author_id" BIGINT NOT NULL REFERENCES "authors" ("id"),' in schema
    assert '"author_id" BIGINT UNIQUE REFERENCES "authors" ("id")' in schema and '"nick" VARCHAR(255) UNIQUE\n' in schema
    (place / "out" / "cmd" / "books" / "answers_test.go").write_text('''package main

import (
	"database/sql"
	"net/http/httptest"
	"strings"
	"testing"

	"books/internal/sqltest"
)

func TestAnswers(t *testing.T) {
	memory, _ := sqltest.Open()
	for _, db := range []*sql.DB{nil, memory} {
		router := newRouter(db)
		long := `"an_attribute_that_is_called_by_so_many_words_that_its_name_has_eighty_four_letters_and_more": "x"`
		for _, c := range []struct {
			path, body string
			code       int
			part       string
		}{
			{"/authors", `{"name": "Ada"}`, 201, `"id":1`},
			{"/authors", `{"name": "Eve"}`, 201, `"id":2`},
			{"/authors", `{"nick": "n"}`, 201, ""},
			{"/authors", `{"nick": "n"}`, 409, "nick"},
			{"/books", `{"author_id": 4711, ` + long + `}`, 400, "author_id"},
			{"/books", `{` + long + `}`, 400, `"author_id":"is required"`},
			{"/books", `{"author_id": 1, ` + long + `}`, 201, ""},
			{"/profiles", `{"author_id": 1}`, 201, ""},
			{"/profiles", `{"author_id": 1}`, 409, "author_id"},
			{"/profiles", `{}`, 201, ""},
			{"/profiles", `{}`, 201, ""},
			{"/nodes", `{"parent_id": 7}`, 400, "parent_id"},
			{"/nodes", `{}`, 201, ""},
			{"/nodes", `{"parent_id": 1}`, 201, ""},
			{"/teams", `{"id": "t"}`, 201, ""},
			{"/players", `{"label": "none"}`, 400, `"team_ids":"is required"`},
			{"/players", `{"team_ids": ["t", "t"]}`, 201, `"team_ids":["t"]`},
		} {
			w := httptest.NewRecorder()
			router.ServeHTTP(w, httptest.NewRequest("POST", c.path, strings.NewReader(c.body)))
			if w.Code != c.code || !strings.Contains(w.Body.String(), c.part) {
				t.Errorf("%v: %s %s: %d %s", db != nil, c.path, c.body, w.Code, w.Body)
			}
		}
	}
}
''')
    assert run(place / "out", "gofmt", "-l", ".") == ""
    run(place / "out", "go", "vet", "./...")
    run(place / "out", "go", "test", "./...")


# Whose templates are made to fail together: far from one another, so that most of what each is told of is a template's. Those that have
# to do with references, each with references; the others are quicker with one entity.
FORCED = [*((",".join(KINDS[i::5]), "one") for i in range(5)), ("all", "one"),
          *((kind, "relations") for kind in ("all", "repositories", "sql_repository", "domain"))]


@pytest.mark.parametrize("kinds, spec", FORCED)
def test_a_template_that_fails_is_the_models(place, sim, kinds, spec):
    """Its files, and no others, are written by the model, and pass the same checks and tests."""
    d = Daemon(place, config_for(sim), env={"GENOPT_TEST_TEMPLATE_FAILS": kinds})
    d.start()
    events, summary = generate(d, ROOT / "tests" / "specs" / "crud" / f"{spec}.yaml", place / "out")
    made, asked = tree(place / "out"), {e["path"] for e in events if e["type"] == "task.done" and e["source"] == "call"}
    files = summary["files"]
    assert files["failed"] == 0 and 0 < files["call"] == len(asked) and files["call"] + files["template"] == len(made)
    assert {kind_of(BLUEPRINT, path) for path in asked} == set(KINDS if kinds == "all" else kinds.split(","))
    assert (files["template"] == 0) == (kinds == "all")
    for path in asked:
        assert re.search(rf"template_fallback.*{re.escape(path)}", d.log()), path
    d.stop()
    assert run(place / "out", "gofmt", "-l", ".") == ""
    run(place / "out", "go", "vet", "./...")
    run(place / "out", "go", "test", "./...")


def test_templates_switched_off(place, sim):
    """Without templates a model writes every file, and the project passes its tests."""
    d = Daemon(place, config_for(sim))
    d.start()
    events, summary = generate(d, ROOT / "tests" / "specs" / "crud" / "one.yaml", place / "out", env={"ENABLE_TEMPLATES": "false"})
    assert summary["files"]["template"] == 0 and summary["files"]["call"] == len(tree(place / "out"))
    run(place / "out", "go", "test", "./...")
    d.stop()


def test_what_a_template_does_not_cover_is_asked(place, sim):
    """The plan says honestly which words no template knows; the model is asked for those files alone."""
    spec = place / "s.yaml"
    spec.write_text("""name: Ferry
entities:
  - {name: Ferry, attributes: {name: string, seats: int}}
  - {name: Pier, attributes: {name: string, depth: quaternion}}
requirements:
  - {id: R1, description: The seats of a ferry must be at least 1.}
  - {id: R2, description: A ferry must not leave in fog.}
contracts:
  - {method: POST, endpoint: /ferries}
  - {method: GET, endpoint: "/ferries/{id}"}
  - {method: POST, endpoint: "/ferries/{id}/depart"}
""")
    d = Daemon(place, config_for(sim))
    d.start()
    r = d.genopt("gen", spec, "-o", place / "out", "--blueprint", "go-service", "--set", "optimization.batch.enabled=off", "--dry-run", "--json", check=0)
    asked = {task: s["reason"] for s in json.loads(r.stdout)["steps"] if s["kind"] == "call" for task in s["tasks"]}
    wanted = {"ferry_handler.go": "/ferries/{id}/depart", "ferry_service.go": "does not read `contracts`",
              "ferry_service_test.go": "R2 asks for", "pier_sql_repository.go": "unknown_type",
              "ferry.go": "R2", "pier.go": "unknown_type"}
    for name, reason in wanted.items():
        assert any(path.endswith("/" + name) and reason in why for path, why in asked.items()), (name, asked)
    for name in ("ferry_repository.go", "ferry_sql_repository.go", "pier_service.go", "repositories.go", "router.go", "go.mod"):
        assert not any(path.endswith(name) for path in asked), (name, asked)
    generate(d, spec, place / "out")
    run(place / "out", "go", "vet", "./...")
    d.stop()
