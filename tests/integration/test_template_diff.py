"""Our template engine against Jinja2 itself: the same bytes, or both refuse.

Needs $GENOPT_TEST_RENDER, the program made from tests/unit/render.c; `meson test template-diff` sets it.
"""
import json
import os
import pathlib
import re
import subprocess

import jinja2
import markupsafe
import pytest

import template_pairs
import template_random
from template_pairs_modules import MODULES

# Python's remarks on templates that cannot work
pytestmark = [pytest.mark.filterwarnings("ignore::SyntaxWarning"), pytest.mark.filterwarnings("ignore::DeprecationWarning")]

PAIRS = template_pairs.PAIRS + MODULES
RENDER = os.environ.get("GENOPT_TEST_RENDER")


def environment(templates):
    env = jinja2.Environment(
        loader=jinja2.DictLoader(templates),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    # A difference that is meant: |tojson is for code, so <, >, & and ' are not written as escapes for HTML.
    # What is escaped is a text, and no Markup that would not be escaped again.
    env.filters["e"] = env.filters["escape"] = env.filters["forceescape"] = lambda value: str(markupsafe.escape(str(value)))
    env.filters["tojson"] = lambda value, indent=None: json.dumps(value, sort_keys=True, indent=indent)
    return env


def reference(template, context, templates={}):
    """("text", …) or ("refused", …)"""
    try:
        return "text", environment({**templates, "main": template}).get_template("main").render(context)
    except Exception as e:  # whatever Python raises: the template cannot be rendered
        return "refused", f"{type(e).__name__}: {e}"


def ours(pairs):
    asked = [{"template": t, "context": c, "templates": m[0] if m else {}} for _, t, c, *m in pairs]
    done = subprocess.run([RENDER], input=json.dumps(asked).encode(), stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def answers():
    if not RENDER:
        pytest.skip("GENOPT_TEST_RENDER is not set")
    return ours(PAIRS)


@pytest.mark.parametrize("n", range(len(PAIRS)), ids=lambda n: f"{n}:{PAIRS[n][1][:40]!r}")
def test_pair(answers, n):
    kind, template, context, templates = PAIRS[n]
    what, text = reference(template, json.loads(json.dumps(context)), templates)
    assert what == {"T": "text", "R": "refused"}[kind], f"the pair is wrong: Jinja2 says {text}"
    got = answers[n]
    if kind == "T":
        assert got.get("text", got) == text
    else:
        assert "refused" in got, got
        assert got["refused"] and got["line"] >= 1 and got["column"] >= 1


# What is ours on purpose, or beyond us: unknown names are refused when a template is compiled even where they are never reached,
# integers have 64 bits, some of Python's methods are missing. (Python slices a constant number to "undefined" while it compiles.)
MEANT = ("is left out", "no filter named", "no test named", "64 bits", "is not supported", "are not supported", "cannot be sliced")


@pytest.mark.parametrize("kind,seed", [("expressions", 12), ("structures", 21), ("templates", 1), ("modules", 7)])
def test_by_chance(kind, seed):
    if not RENDER:
        pytest.skip("GENOPT_TEST_RENDER is not set")
    templates = getattr(template_random, kind)(seed, 2000)
    n_same = 0
    for template, got in zip(templates, ours([("?", t, template_random.CONTEXT, template_random.PARTS) for t in templates])):
        what, text = reference(template, json.loads(json.dumps(template_random.CONTEXT)), template_random.PARTS)
        if "without context" in template and ("generator object" in text or "generator found" in text):
            continue  # Jinja2 3.1 cannot include without context where text is collected: in a macro, set, filter, recursive loop
        if what == "refused" or " at 0x" in text:  # an address: nobody can want that
            assert "refused" in got, (template, text, got)
        elif not any(reason in got.get("refused", "") for reason in MEANT):
            assert got.get("text", got) == text, template
            n_same += 1
    assert n_same > 500


def test_page_names_every_filter_and_test():
    if not RENDER:
        pytest.skip("GENOPT_TEST_RENDER is not set")
    tables = json.loads(subprocess.run([RENDER, "--tables"], stdout=subprocess.PIPE, check=True).stdout)
    page = (pathlib.Path(__file__).parents[2] / "docs" / "templates.md").read_text()
    for what, names in tables.items():
        section = page.split(f"## {what.capitalize()}\n")[1].split("\n## ")[0]
        listed = re.findall(r"^\| `([^`|]+)`", section.replace("\\|", "|"), re.M)
        assert sorted(n for cell in listed for n in cell.split(" ")) == sorted(names), what


def test_examples_of_the_page():
    if not RENDER:
        pytest.skip("GENOPT_TEST_RENDER is not set")
    page = (pathlib.Path(__file__).parents[2] / "docs" / "templates.md").read_text()
    rows = re.findall(r"^\| `(\{\{.*?\}\})` \| `(.*?)` \|$", page, re.M)
    assert len(rows) >= 8
    for (template, wanted), got in zip(rows, ours([("?", t.replace("\\|", "|"), {}) for t, _ in rows])):
        assert got.get("text", got) == wanted, template


def test_white_space_of_the_page():
    if not RENDER:
        pytest.skip("GENOPT_TEST_RENDER is not set")
    page = (pathlib.Path(__file__).parents[2] / "docs" / "templates.md").read_text()
    rows = [[cell.replace(".", " ").replace("$", "\n") for cell in row] for row in re.findall(r"^\| `(a.*?)` \| `(.*?)`: ", page, re.M)]
    assert len(rows) >= 5
    for (template, wanted), got in zip(rows, ours([("?", t, {"x": 1}) for t, _ in rows])):
        assert got.get("text", got) == wanted == reference(template, {"x": 1})[1]


def test_there_are_enough():
    refused = sum(pair[0] == "R" for pair in PAIRS)
    print(f"{len(PAIRS)} pairs compared with Jinja2 {jinja2.__version__}, {refused} of them refused by both")
    assert len(PAIRS) >= 400
    assert refused >= 100
