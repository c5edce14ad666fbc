"""Blueprints and templates of the user's own: listed, checked, travelling with a submit."""

import json
import re
import shutil
import subprocess

import pytest

from conftest import GENOPT, ROOT, Daemon, tree

SPEC = ROOT / "tests" / "specs" / "crud" / "one.yaml"
GO = ROOT / "blueprints" / "go-service"

TINY = """format: 1
name: tiny
description: one page about each entity
language: markdown
names:
  packages: {default_path: "{{ package.name }}"}
  identity: {name: id, type: text, types: [text]}
  by_id: {ending: _id, ending_of_many: _ids, strip: ""}
types: {unknown: text, entity: "$1", qualified: "$1.$2", rules: [{match: '^(?:string|text|boolean)$', type: text}]}
actions: {create: create, list: list, get: get, update: update, delete: delete, list_by: list_by, create_for: create_for, verbs: {}}
limits: {any: ''}
files:
- kind: page
  each: entity
  path: "{{ entity.snake }}.md"
  template: templates/page.tmpl
  prompt: prompt.md
  tier: fast
  inputs: [entity]
  covers: {entities.description: any, entities.attributes.type: any}
  ignores: [entities.package, entities.import_path, entities.description, entities.attributes.type]
"""
PAGE = "# {{ entity.name }}\n{% for a in entity.attributes %}\n- {{ a.name }}\n{% endfor %}\n"


def write_tiny(directory, text=TINY, page=PAGE):
    (directory / "templates").mkdir(parents=True)
    (directory / "blueprint.yaml").write_text(text)
    (directory / "prompt.md").write_text("Write a page about the entity.\n")
    (directory / "templates" / "page.tmpl").write_text(page)
    return directory


@pytest.fixture
def alone(place):
    d = Daemon(place, "", env={"ANTHROPIC_API_KEY": ""})
    d.start()
    yield d
    d.stop()


def gen(d, out, *args, check=0):
    r = d.genopt("gen", SPEC, "-o", out, "--json", *args, check=check)
    return d.events(r)[-1] if check == 0 else r


def test_list_and_show(alone, place):
    mine = write_tiny(place / "home" / "config" / "genopt" / "blueprints" / "tiny")
    text = alone.genopt("blueprint", "list", check=0).stdout
    assert "go-service" in text and "yours" in text and "one page about each entity" in text
    listed = json.loads(alone.genopt("blueprint", "list", "--json", check=0).stdout)
    assert {b["name"]: b["from"] for b in listed}["tiny"] == "yours"
    text = alone.genopt("blueprint", "show", "tiny", check=0).stdout
    assert "templates/page.tmpl" in text and "{{ entity.snake }}.md" in text and "fixed text" in text and " 6 B" in text
    with open("/dev/full", "w") as full:
        for args in (["show", "tiny"], ["list", "--json"]):
            r = subprocess.run([GENOPT, "blueprint", *args], env=alone.env, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
            assert r.returncode == 75 and "standard output cannot be written: No space left" in r.stderr and "state directory" not in r.stderr
    r = alone.genopt("blueprint", "show", "tinny", check=65)
    assert "no such blueprint: tinny; did you mean tiny?" in r.stderr and "blueprint list" in r.stderr
    # one of that name goes before genopt's
    shutil.copytree(GO, mine.parent / "go-service")
    listed = json.loads(alone.genopt("blueprint", "list", "--json", check=0).stdout)
    assert [b["from"] for b in listed if b["name"] == "go-service"] == ["yours"]


def test_check_tells_every_fault_with_its_place(alone, place):
    broken = TINY.replace("tier: fast", "tier: best").replace("inputs: [entity]", "inputs: [entyty]").replace("any: ''", "any: '('")
    d = write_tiny(place / "tiny", broken, "{% iff x %}\n")
    r = alone.genopt("blueprint", "check", d, check=65)
    for part in ("blueprint.yaml:18:9", "`best` is no value of `tier`", "did you mean `entity`?", "templates/page.tmpl:1:4: unknown tag 'iff'",
                 "blueprint.yaml:11:15"):
        assert part in r.stderr, (part, r.stderr)
    # a template that nothing leads to is looked at also then
    (d / "templates" / "spare.tmpl").write_text("{{ x | nofilter }}\n")
    r = alone.genopt("blueprint", "check", d, check=65)
    assert "unknown tag 'iff'" in r.stderr and "templates/spare.tmpl:1:" in r.stderr and "no kind of files" not in r.stderr
    good = write_tiny(place / "good" / "tiny")
    (good / "templates" / "spare.tmpl").write_text("{% include 'spare-part.tmpl' %}\n")
    (good / "templates" / "spare-part.tmpl").write_text("{{ x }}\n")
    r = alone.genopt("blueprint", "check", good, check=0)
    assert "no faults" in r.stdout and r.stderr.count("no kind of files is made with it") == 2 and "templates/spare-part.tmpl" in r.stderr
    (good / "templates" / "spare-part.tmpl").write_text("{{ x | nofilter }}\n")
    assert "templates/spare-part.tmpl:1:" in alone.genopt("blueprint", "check", good, check=65).stderr
    (good / "templates" / "spare-part.tmpl").unlink()
    (good / "templates" / "spare.tmpl").unlink()
    assert "no faults" in alone.genopt("blueprint", "check", good, check=0).stdout
    assert "blueprint.yaml" in alone.genopt("blueprint", "check", place / "good", check=65).stderr


def test_check_tells_all_faults_of_a_template(alone, place):
    page = "{{ a | nofilter }}\n{% if = %}\n{% else %}\n{% endif %}\n{{ b is notest }}\n{% foo %}{% endfoo %}\n{% include 'gone.tmpl' %}\n"
    d = write_tiny(place / "tiny", page=page)
    (d / "templates" / "other.tmpl").write_text("{% set x = ! %}\n{% include 'page.tmpl' %}{{ c | nomore }}\n")
    (d / "templates" / "null.tmpl").write_bytes(b"{{ d | nofilter }}\0\n")
    r = alone.genopt("blueprint", "check", d, check=65)
    for part in ("page.tmpl:1:8: no filter named 'nofilter'", "page.tmpl:2:7: unexpected '='", "page.tmpl:5:9: no test named 'notest'",
                 "page.tmpl:6:4: unknown tag 'foo'", "other.tmpl:1:12: unexpected char", "other.tmpl:2:33: no filter named 'nomore'",
                 "null.tmpl:1:8: no filter named 'nofilter'", "null.tmpl: it holds a NUL byte"):
        assert r.stderr.count("templates/" + part) == 1, (part, r.stderr)
    for part in ("endif", "else", "endfoo"):
        assert part not in r.stderr, r.stderr
    # what a job makes of it, too
    (d / "templates" / "page.tmpl").write_text(PAGE)
    (d / "templates" / "other.tmpl").unlink()
    r = gen(alone, place / "out", "--blueprint", d, check=65)
    assert "templates/null.tmpl: it holds a NUL byte" in r.stderr + r.stdout


def test_a_folder_is_a_blueprint(alone, place):
    d = write_tiny(place / "tiny")
    end = gen(alone, place / "out", "--blueprint", d)
    assert end["summary"]["calls"] == 0
    assert tree(place / "out") == {"note.md": b"# Note\n- id\n- Body\n- Pinned\n- Title\n"}
    assert gen(alone, place / "again", "--blueprint", d)["summary"]["files"]["reuse"] == 1
    (d / "templates" / "page.tmpl").write_text("Of {{ entity.name }}: {{ entity.attributes | map(attribute='name') | join(' ') }}\n")
    gen(alone, place / "new", "--blueprint", d)
    assert tree(place / "new") == {"note.md": b"Of Note: id Body Pinned Title\n"}
    r = gen(alone, place / "none", "--blueprint", place / "home" / "x", check=65)
    assert "no blueprint.yaml" in r.stderr + r.stdout


def test_blueprints_of_the_home_are_found_by_name(alone, place):
    write_tiny(place / "home" / "config" / "genopt" / "blueprints" / "tiny")
    gen(alone, place / "out", "--blueprint", "tiny")
    assert list(tree(place / "out")) == ["note.md"]
    spec = place / "s.yaml"
    spec.write_text("blueprint: tiny\n" + SPEC.read_text())
    r = alone.genopt("gen", spec, "-o", place / "asked", "--json", check=0)
    assert list(tree(place / "asked")) == ["note.md"]


def test_a_template_of_mine_goes_before(alone, place):
    over = place / "over" / "go-service" / "templates"
    over.mkdir(parents=True)
    (over / "gomod.tmpl").write_text("module {{ parameters.module }}\n\ngo {{ parameters.go_version }}\n\n// mine\n")
    end = gen(alone, place / "out", "--template-dir", place / "over")
    assert end["summary"]["calls"] == 0
    assert b"// mine" in tree(place / "out")["go.mod"]
    gen(alone, place / "plain")
    assert b"// mine" not in tree(place / "plain")["go.mod"]
    assert {p for p, text in tree(place / "out").items() if text != tree(place / "plain")[p]} == {"go.mod"}
    (over.parent / "blueprint.yaml").write_text("x")
    r = gen(alone, place / "no", "--template-dir", place / "over", check=65)
    assert "only files below templates/ can be replaced" in r.stderr + r.stdout


def test_templates_that_lie_over_nothing_are_told(alone, place):
    """A slip in a name would else make a template that nobody ever sees."""
    def said(folder):
        r = alone.genopt("gen", SPEC, "-o", place / "out", "--dry-run", "--template-dir", folder, "--blueprint", "go-service", check=0)
        return [line for line in r.stderr.splitlines() if line.startswith("warning: ")]

    over = place / "over"
    (over / "go-service" / "templates").mkdir(parents=True)
    assert said(over) == ["warning: the folder of templates holds none"]
    (over / "go-service" / "templates" / "makefil.tmpl").write_text("x\n")
    (over / "go-servic" / "templates").mkdir(parents=True)
    (over / "go-servic" / "templates" / "makefile.tmpl").write_text("x\n")
    (over / "gomod.tmpl").write_text("x\n")
    (over / "fastapi-crud" / "templates").mkdir(parents=True)
    (over / "fastapi-crud" / "templates" / "main.py.tmpl").write_text("x\n")
    told = said(over)
    assert len(told) == 3, told
    for part in ("go-service/templates/makefil.tmpl is not used: the blueprint has no template of that name, and none leads to it; "
                 "did you mean templates/makefile.tmpl?", "below go-servic/ are not used: no blueprint is called so; did you mean go-service?",
                 "template gomod.tmpl is not used: templates lie in BLUEPRINT/templates/"):
        assert sum(part in line for line in told) == 1, (part, told)
    # a new one that a changed one includes has its use
    (over / "go-service" / "templates" / "makefile.tmpl").write_text("{% include 'makefil.tmpl' %}\n")
    assert len(said(over)) == 2


def test_templates_of_the_configuration_that_lie_over_nothing(place):
    over = place / "over"
    (over / "go-servise" / "templates").mkdir(parents=True)
    d = Daemon(place, f"template_dir: {over}\n", env={"ANTHROPIC_API_KEY": ""})
    d.start()
    r = d.genopt("gen", SPEC, "-o", place / "out", "--dry-run", check=0)
    assert "below go-servise/ are not used: no blueprint is called so; did you mean go-service?" in r.stderr
    d.stop()


@pytest.mark.parametrize("blueprint", ["go-service", "fastapi-crud", "go-microservices", "python-library"])
def test_types_that_nobody_knows(alone, place, blueprint):
    """Without a model they are refused, all at once and with those that are known; a plan may be looked at."""
    spec = place / "paint.yaml"
    spec.write_text("name: Paint\nentities:\n- {name: Tin, attributes: {title: string, colour: hueish, more: list of hueish}}\n"
                    "- {name: Shelf, attributes: {shape: blob3d, tin: Tin, height: integer}}\n")
    r = alone.genopt("gen", spec, "-o", place / "out", "--blueprint", blueprint, check=65)
    assert "`hueish` of Tin.colour" in r.stderr and "`list of hueish` of Tin.more" in r.stderr and "`blob3d` of Shelf.shape" in r.stderr
    assert "it knows string, text, " in r.stderr and "genopt key set" in r.stderr and "`integer`" not in r.stderr
    assert not (place / "out").exists() or not tree(place / "out")
    r = alone.genopt("gen", spec, "-o", place / "out", "--blueprint", blueprint, "--dry-run", check=0)
    assert "type `hueish` of Tin.colour is not known" in r.stderr


def test_templates_of_the_configuration(place):
    over = place / "over" / "go-service" / "templates"
    over.mkdir(parents=True)
    (over / "gomod.tmpl").write_text("module {{ parameters.module }}\n\ngo {{ parameters.go_version }}\n\n// configured\n")
    d = Daemon(place, f"template_dir: {place / 'over'}\n", env={"ANTHROPIC_API_KEY": ""})
    d.start()
    gen(d, place / "out")
    assert b"// configured" in tree(place / "out")["go.mod"]
    (over / "gomod.tmpl").write_text("module {{ parameters.module }}\n\ngo {{ parameters.go_version }}\n\n// later\n")
    d.genopt("reload", check=0)
    gen(d, place / "new")
    assert b"// later" in tree(place / "new")["go.mod"]
    d.stop()


def test_blueprints_of_the_configuration_are_read_when_needed(place):
    """A faulty one keeps nobody from work; an edit of one that nobody used yet is seen; nothing known of before it is told after."""
    shelf = place / "shelf"
    tiny = write_tiny(shelf / "tiny")
    write_tiny(shelf / "other", TINY.replace("name: tiny", "name: other").replace("tier: fast", "tier: best"))
    d = Daemon(place, f"blueprint_dir: {shelf}\n", env={"ANTHROPIC_API_KEY": ""})
    d.start()
    out = place / "out"
    gen(d, out, "--blueprint", "tiny")
    assert gen(d, out, "--blueprint", "tiny").get("cached")  # the first that had nothing to write made it known
    assert gen(d, out, "--blueprint", "tiny").get("cached")
    r = d.genopt("blueprint", "list")
    assert r.returncode == 0 and "one page about" in r.stdout and "`best` is no value of `tier`" in r.stderr
    r = gen(d, place / "no", "--blueprint", "other", check=65)
    assert "`best` is no value of `tier`" in r.stderr + r.stdout
    r = gen(d, place / "no", "--blueprint", "othre", check=65)
    assert "did you mean other?" in r.stderr + r.stdout and "genopt blueprint list" in r.stderr + r.stdout
    write_tiny(shelf / "more", TINY.replace("name: tiny", "name: more"))
    shutil.rmtree(shelf / "other")
    write_tiny(shelf / "other", TINY.replace("name: tiny", "name: other"))
    gen(d, place / "mended", "--blueprint", "other")  # no reload was needed
    gen(d, place / "no", "--blueprint", "more", check=65)  # what is there is listed at start and reload
    d.stop()
    d.start()  # with one blueprint more
    gen(d, out, "--blueprint", "tiny")
    d.stop()
    # known to the next daemon, though it has read no blueprint; but not once the template was touched
    d.start()
    assert gen(d, out, "--blueprint", "tiny").get("cached")
    d.stop()
    (tiny / "templates" / "page.tmpl").write_text(PAGE + "New.\n")
    d.start()
    end = gen(d, out, "--blueprint", "tiny")
    assert not end.get("cached") and end["summary"]["files"]["template"] == 1
    assert (out / "note.md").read_text().endswith("New.\n")
    d.stop()


def tutorial():
    """path → text of the files that docs/blueprints.md shows."""
    text = (ROOT / "docs" / "blueprints.md").read_text()
    return {m[1]: m[2] for m in re.finditer(r"^`(\S+)`\n```\w*\n(.*?)^```$", text, re.M | re.S)}


def test_the_example_of_the_page_works(alone, place):
    files = tutorial()
    assert len(files) == 7
    for path, text in files.items():
        (place / path).parent.mkdir(parents=True, exist_ok=True)
        (place / path).write_text(text)
    assert "no faults" in alone.genopt("blueprint", "check", place / "pages", check=0).stdout
    expected = (place / "out" / "article.md").read_text()
    (place / "out" / "article.md").unlink()
    r = alone.genopt("gen", "shop.yaml", "--blueprint", "./pages", "-o", "out", "--dry-run", "--json", cwd=place, check=0)
    steps = {s["tasks"][0]: s for s in json.loads(r.stdout)["steps"]}
    assert [steps[p]["kind"] for p in ("article.md", "order.md", "overview.md")] == ["template", "template", "call"]
    alone.genopt("gen", "shop.yaml", "--blueprint", "./pages", "-o", "out", "--json", cwd=place, check=77)  # the overview needs a key
    assert (place / "out" / "article.md").read_text() == expected
    spec = (place / "shop.yaml").read_text()
    for edit in (("price: decimal", "price: colour"), ("What is sold", "What is sold " * 10)):
        (place / "shop.yaml").write_text(spec.replace(*edit))
        r = alone.genopt("gen", "shop.yaml", "--blueprint", "./pages", "-o", "new", "--dry-run", "--json", cwd=place, check=0)
        steps = {s["tasks"][0]: s for s in json.loads(r.stdout)["steps"]}
        assert steps["article.md"]["kind"] == "call" and "page.tmpl does not" in steps["article.md"]["reason"]


def test_a_wait_for_a_key_names_the_files_and_why(alone, place):
    names = ("One", "Two", "Three", "Four")
    spec = place / "odd.yaml"
    spec.write_text("name: odd\nblueprint: fastapi-crud\nentities:\n" + "".join(
        f"  - {{name: {n}, attributes: [{{name: amount, type: 'list[string]', unique: true}}]}}\n" for n in names))
    r = alone.genopt("gen", spec, "-o", place / "out", cwd=place, check=77)
    assert re.search(r"\d+ files need a model: \S+ \(\S+ does not .*\), .* and \d+ more", r.stderr), r.stderr


def test_check_tells_all_at_once_and_nothing_twice(alone, place):
    odd = TINY.replace("limits: {any: ''}", "checks: {unused: {pattern: a, must_match: true, confidence: 1, message: m},\n"
                       "  bad: {pattern: '(', must_match: true, confidence: 1, message: m}}\nlimits: {any: ''}")
    odd = odd.replace("each: entity", "each: entty").replace("  tier: fast", "  teir: fast\n  checks: [bad]")
    d = write_tiny(place / "tiny", odd, '{% include "nothing.tmpl" %}{{ x | nof }}{% import "gone.tmpl" as g %}{% for a in b %}{% break %}\n')
    faults = alone.genopt("blueprint", "check", d, check=65).stderr
    for part in ("no template 'nothing.tmpl'", "no template 'gone.tmpl'", "no filter named 'nof'", "'break' is left out", "'endfor' is looked for",
                 "no file uses the check unused", "check `bad`", "`entty` is no value of `each`", "there is no key `teir` here; did you mean `tier`?"):
        assert faults.count(part) == 1, (part, faults)
    assert "does not have" not in faults and "`tier` is missing" not in faults and "there is no key `unused`" not in faults, faults


@pytest.mark.parametrize("path, fault", [("/tmp/x.md", "not a relative path"), ("../../{{ entity.snake }}.md", "leads out"),
                                         ("one.md", "is one path for each entity")])
def test_check_refuses_paths_that_cannot_be(alone, place, path, fault):
    d = write_tiny(place / "tiny", TINY.replace("{{ entity.snake }}.md", path))
    assert fault in alone.genopt("blueprint", "check", d, check=65).stderr


@pytest.mark.parametrize("page, fault", [
    ("{{ entty.name }}", "page.tmpl:1:4: there is no variable 'entty' here; did you mean 'entity'?"), ("{{ nosuch }}", "there is no variable 'nosuch'"),
    ("{{ lipsum() }}", "the function 'lipsum' is left out"), ("{{ cycler(1) }}", "the function 'cycler' is left out"),
    ("{% set a = 1 %}{% for b in range(a) %}{{ b }}{{ loop.index }}{% endfor %}{% macro c(d, e=2) %}{{ d }}{{ e }}{% endmacro %}{{ c(1) }}"
     "{{ f | default(1) }}{% if g is defined %}{{ g }}{% endif %}{% with h = 1 %}{{ h }}{% endwith %}", None)])
def test_check_tells_variables_that_are_not_there(alone, place, page, fault):
    d = write_tiny(place / "tiny", page=PAGE.rstrip() + "\n" + page + "\n") if not fault else write_tiny(place / "tiny", page=page + "\n" + PAGE)
    r = alone.genopt("blueprint", "check", d, check=65 if fault else 0)
    assert not fault or fault in r.stderr, r.stderr
