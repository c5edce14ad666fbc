"""Our template engine against Jinja2 itself: the same bytes, or both refuse.

Needs $GENOPT_TEST_RENDER, the program made from tests/unit/render.c; `meson test template-diff` sets it.
"""
import json
import os
import subprocess

import jinja2
import pytest

from template_pairs import PAIRS

RENDER = os.environ.get("GENOPT_TEST_RENDER")


def environment():
    env = jinja2.Environment(
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    # The one difference that is meant: |tojson is for code, so <, >, & and ' are not written as escapes for HTML.
    env.filters["tojson"] = lambda value, indent=None: json.dumps(value, sort_keys=True, indent=indent)
    return env


def reference(template, context):
    """("text", …) or ("refused", …)"""
    try:
        return "text", environment().from_string(template).render(context)
    except Exception as e:  # whatever Python raises: the template cannot be rendered
        return "refused", f"{type(e).__name__}: {e}"


def ours(pairs):
    asked = [{"template": t, "context": c} for _, t, c in pairs]
    done = subprocess.run([RENDER], input=json.dumps(asked).encode(), stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def answers():
    if not RENDER:
        pytest.skip("GENOPT_TEST_RENDER is not set")
    return ours(PAIRS)


@pytest.mark.parametrize("n", range(len(PAIRS)), ids=lambda n: f"{n}:{PAIRS[n][1][:40]!r}")
def test_pair(answers, n):
    kind, template, context = PAIRS[n]
    what, text = reference(template, json.loads(json.dumps(context)))
    assert what == {"T": "text", "R": "refused"}[kind], f"the pair is wrong: Jinja2 says {text}"
    got = answers[n]
    if kind == "T":
        assert got.get("text", got) == text
    else:
        assert "refused" in got, got
        assert got["refused"] and got["line"] >= 1 and got["column"] >= 1


def test_there_are_enough():
    assert len(PAIRS) >= 120
    assert sum(kind == "R" for kind, _, _ in PAIRS) >= 60
