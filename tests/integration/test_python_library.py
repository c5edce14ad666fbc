"""python-library: a library is as the linters want it and passes its own tests, whether templates or a model wrote its files."""

import subprocess

import pytest

from conftest import DEADLINE, ROOT, tree

PYTHON = "/usr/bin/python3"
SPEC = ROOT / "tests" / "specs" / "topics.yaml"


def run(out, *command):
    r = subprocess.run(command, cwd=out, capture_output=True, text=True, timeout=DEADLINE * 5)
    assert r.returncode == 0, (command, r.stdout[-4000:], r.stderr[-2000:])
    return r.stdout


def generate(daemon, out, *args):
    events = daemon.events(daemon.genopt("gen", SPEC, "-o", out, "--json", *args, check=0))
    assert events[-1]["type"] == "done", events[-1]
    assert events[-1]["summary"]["files"]["failed"] == 0
    notes = [e["text"] for e in events if e["type"] == "warning"]
    return events[-1]["summary"]["files"], notes


@pytest.mark.parametrize("args", [(), ("--set", "optimization.template=off")], ids=["templates", "a model"])
def test_a_library(daemon, place, args):
    files, notes = generate(daemon, place / "out", *args)
    assert (files["template"] == 0) == bool(args) and files["call"] > 0
    assert any("it speaks of a library in Python" in n for n in notes), notes
    out = place / "out"
    run(out, "/usr/bin/black", "-q", "--check", ".")
    run(out, PYTHON, "-m", "flake8", ".")
    run(out, PYTHON, "-m", "isort", "-q", "--check", ".")
    assert "passed" in run(out, PYTHON, "-m", "pytest", "-q", "-p", "no:cacheprovider")
    # Words of the language and names that the library has itself get an ending; what closes a circle is an identifier.
    made = tree(out)
    assert "src/class_9/class_package/class_entity.py" in made and "src/class_9/errors_package/collection.py" in made
    assert b"class CollectionEntity:" in made["src/class_9/errors_package/collection.py"]
    assert b"class_ids: tuple[int, ...] = ()" in made["src/class_9/room/long_name_of_an_entity.py"]
    run(out, PYTHON, "-c", """if True:
        import sys
        sys.path.insert(0, "src")
        import class_9
        from class_9 import errors, registry
        from class_9.class_package import Class, Collection, Pupil
        from class_9.errors_package import CollectionEntity
        import datetime, dataclasses
        everything = Collection()
        pupil = Pupil(id="p", name="Ada")
        everything.pupils.add(pupil)
        try:
            pupil.name = "Eve"
        except dataclasses.FrozenInstanceError:
            pass
        else:
            sys.exit("a value changed")
        for make, wrong in ((lambda: Pupil(id="p", name=" "), errors.InvalidValue), (lambda: everything.pupils.add(pupil), errors.AlreadyThere),
                            (lambda: everything.pupils.get("none"), errors.NotFound), (lambda: everything.pupils.remove("none"), errors.NotFound),
                            (lambda: Class(id=1, from_=datetime.date(2021, 1, 1), pupils=()), errors.InvalidValue)):
            try:
                make()
            except wrong as e:
                assert isinstance(e, errors.Error) and isinstance(e, (ValueError, LookupError))
            else:
                sys.exit(f"{wrong} was not raised")
        other = dataclasses.replace(pupil, name="Bob")
        everything.pupils.replace(other)
        assert everything.pupils.get("p") is other and "p" in everything.pupils and list(everything.pupils) == [other] and len(everything.pupils) == 1
        """)
