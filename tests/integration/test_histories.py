"""Histories of a directory: a user edits, the specification changes, runs are killed anywhere, and the two meet again.

Whatever happens, no line that the user typed is lost: it stands in the tree, in a conflict, or in a file that was saved. And after a run
that was not killed manifest and disk agree: what the user never touched is what was made, nothing else is taken for theirs, and
nothing of ours lies around.

A history is told by its seed. GENOPT_TEST_HISTORIES=N plays N of them (./dev bench histories), GENOPT_TEST_HISTORY=SEED,SEED
these."""

import json
import os
import pathlib
import random
import re
import shutil
import tempfile

import pytest

from conftest import Daemon, Sim, config_for, sha256, tree

N = int(os.environ.get("GENOPT_TEST_HISTORIES", "4"))
ONLY = os.environ.get("GENOPT_TEST_HISTORY")
SEEDS = [int(s) for s in ONLY.split(",")] if ONLY else range(1, N + 1)
STEPS = 7
NAMES = ["Parcel", "Depot", "Route"]
TOKEN = re.compile(r"user \d+-\d+ \.")
MODES = [[], [], ["--merge"], ["--merge"], ["--overwrite"]]


class Story:
    """What the specification says now."""

    def __init__(self, rng):
        self.rng, self.entities, self.wording, self.extra = rng, set(NAMES[:2]), 0, False

    def change(self):
        what = self.rng.randrange(4)
        if what == 0 and len(self.entities) > 1:
            self.entities.discard(self.rng.choice(sorted(self.entities)))
        elif what == 1:
            self.entities.add(self.rng.choice(NAMES))
        elif what == 2:
            self.wording = self.rng.randrange(3)
        else:
            self.extra = not self.extra

    def text(self):
        size = ["", " of at most five words", " that is never empty"][self.wording]
        lines = ["name: Parcels", "requirements:",
                 f"  - {{id: FR-001, description: A {sorted(self.entities)[0].lower()} has a label{size}., priority: P1}}",
                 "data_model:", "  entities:"]
        for name in sorted(self.entities):
            more = ", Weight: float64" if self.extra else ""
            lines.append(f"    - {{name: {name}, attributes: {{ID: string, Label: string{more}}}}}")
        return "\n".join(lines) + "\n"


class User:
    """Types lines, takes lines out, deletes files, puts files in the way. Knows what must not be lost."""

    def __init__(self, rng, seed, out):
        self.rng, self.seed, self.out = rng, seed, out
        self.typed, self.alive, self.touched = 0, set(), set()

    def files(self):
        return [p for p in sorted(tree(self.out)) if not (self.out / p).is_symlink()]

    def line(self):
        self.typed += 1
        token = f"user {self.seed}-{self.typed} ."
        self.alive.add(token)
        return f"// {token}"

    def write(self, path, data):
        self.touched.add(path)
        (self.out / path).parent.mkdir(parents=True, exist_ok=True)
        (self.out / path).write_bytes(data)

    def type_a_line(self, path):
        data = (self.out / path).read_bytes()
        end = b"\r\n" if b"\r\n" in data else b"\n"
        lines = data.split(b"\n")
        lines.insert(self.rng.randrange(len(lines) + 1), self.line().encode() + end[:-1])
        self.write(path, b"\n".join(lines))

    def take_a_line_out(self, path):
        lines = (self.out / path).read_text(errors="surrogateescape").split("\n")
        gone = lines.pop(self.rng.randrange(len(lines)))
        self.write(path, "\n".join(lines).encode(errors="surrogateescape"))
        self.alive -= set(TOKEN.findall(gone)) - self.found()

    def delete(self, path):
        tokens = set(TOKEN.findall((self.out / path).read_text(errors="replace")))
        self.touched.add(path)
        (self.out / path).unlink()
        self.alive -= tokens - self.found()

    def settle_conflicts(self, path):
        """As people do: keeps both sides."""
        kept, side = [], "both"
        for line in (self.out / path).read_text(errors="surrogateescape").split("\n"):
            bare = line.rstrip("\r")
            if bare == "<<<<<<< yours":
                side = "yours"
            elif bare == "||||||| generated before" and side == "yours":
                side = "before"
            elif bare == "=======" and side in ("yours", "before"):
                side = "now"
            elif bare == ">>>>>>> generated now":
                side = "both"
            elif side != "before":
                kept.append(line)
        self.write(path, "\n".join(kept).encode(errors="surrogateescape"))

    def save_with_crlf(self, path):
        self.write(path, (self.out / path).read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))

    def make_a_link(self, path):
        own = f"own/{len(self.touched)}.txt"
        self.write(own, (self.out / path).read_bytes())
        self.touched.add(path)
        (self.out / path).unlink()
        (self.out / path).symlink_to(self.out / own)

    def take_back(self):
        saved = sorted((self.out / ".genopt" / "saved").glob("*"))
        if saved:
            run = self.rng.choice(saved)
            for p in sorted(p for p in run.rglob("*") if p.is_file()):
                path = str(p.relative_to(run))
                there = self.out / path
                if there.is_symlink() or there.is_dir():
                    continue
                lost = set(TOKEN.findall(there.read_text(errors="replace"))) if there.exists() else set()
                self.write(path, p.read_bytes())
                self.alive -= lost - self.found()  # written over by the user

    def act(self, somewhere):
        """somewhere: paths that a specification may name."""
        for _ in range(self.rng.randrange(4)):
            files = self.files()
            path = self.rng.choice(files) if files else None
            marked = [p for p in files if b"<<<<<<< yours" in (self.out / p).read_bytes()]
            what = self.rng.randrange(14)
            if marked and what < 5:
                self.settle_conflicts(self.rng.choice(marked))
            elif what == 5 or not path:
                new = self.rng.choice(somewhere)
                if not (self.out / new).exists() and not (self.out / new).is_symlink():
                    self.write(new, f"{self.line()}\n".encode())
            elif what == 6:
                self.delete(path)
            elif what == 7:
                self.take_a_line_out(path)
            elif what == 8:
                self.save_with_crlf(path)
            elif what == 9:
                self.take_back()
            elif what == 10 and self.rng.randrange(3) == 0:
                self.make_a_link(path)
            else:
                self.type_a_line(path)

    def found(self):
        """Tokens that stand anywhere a user would look."""
        found = set()
        for p in self.out.rglob("*"):
            inner = p.relative_to(self.out).parts
            if p.is_file() and not p.is_symlink() and (inner[0] != ".genopt" or inner[1] == "saved"):
                found |= set(TOKEN.findall(p.read_text(errors="replace")))
        return found


class History:
    def __init__(self, seed, daemon, place, expected):
        self.rng = random.Random(seed)
        self.seed, self.daemon, self.place, self.expected = seed, daemon, place, expected
        self.out = place / f"out.{seed}"
        self.out.mkdir()
        self.spec = place / f"spec.{seed}.yaml"
        self.story, self.user = Story(self.rng), User(self.rng, seed, self.out)
        self.told, self.last = [], ""

    def say(self, *words):
        self.told.append(" ".join(map(str, words)))

    def made(self, text):
        """What a run into an empty directory gives. Everything is known by then, so that it costs nothing."""
        if text not in self.expected:
            spec, out = self.place / "cold.yaml", self.place / "cold"
            spec.write_text(text)
            shutil.rmtree(out, ignore_errors=True)
            self.daemon.genopt("gen", spec, "-o", out, check=0)
            self.expected[text] = tree(out)
        return self.expected[text]

    def run(self, args, env):
        self.spec.write_text(self.story.text())
        r = self.daemon.genopt("gen", self.spec, "-o", self.out, "--json", *args, env=env)
        self.last = r.stderr[-3000:]
        self.say("gen", *args, env, "->", r.returncode)
        return r, [json.loads(line) for line in r.stdout.splitlines() if line.endswith("}")]

    def mind_the_daemon(self):
        """If it died, the client has started another, which is not ours to look after."""
        if self.daemon.process.poll() is not None:
            self.daemon.genopt("stop", "--now")
            self.daemon.start()

    def kill_the_daemon_in(self, n):
        self.daemon.stop()
        self.daemon.start(env={"GENOPT_TEST_DIE_AFTER": str(n)}, may_die=True)

    def play(self):
        everything = Story(self.rng)
        everything.entities = set(NAMES)
        somewhere = sorted(self.made(everything.text()))
        for step in range(STEPS):
            is_last = step == STEPS - 1
            if step > 0:
                self.story.change()
                self.user.act(somewhere)
            args = list(self.rng.choice(MODES)) + (["--prune"] if self.rng.randrange(5) < 2 else [])
            env, fate = {}, self.rng.randrange(10)
            if fate < 4 and not is_last:
                env["GENOPT_TEST_CRASH_POINT"] = str(self.rng.randrange(1, 40))
            elif fate < 6 and not is_last:
                self.kill_the_daemon_in(self.rng.randrange(1, 30))
            r, events = self.run(args, env)
            self.mind_the_daemon()
            lost = self.user.alive - self.user.found()
            assert not lost, lost
            if r.returncode in (0, 1):
                self.look(args, events)
            else:
                assert env and r.returncode == -9 or not env and r.returncode in (69, 75), (r.returncode, r.stdout[-500:], r.stderr[-1500:])

    def look(self, args, events):
        """A run that went to its end: manifest and disk agree."""
        made, touched = self.made(self.story.text()), self.user.touched
        own = self.out / ".genopt"
        manifest = {e["path"]: e["sha256"] for e in json.loads((own / "manifest.json").read_text())["files"]}
        assert not (own / "pending").exists()
        assert not (own / "tmp").exists() or not list((own / "tmp").iterdir())
        assert not [p for p in self.out.rglob(".genopt-*")]
        assert events[-1]["type"] == "done", events[-1]
        theirs = {e["path"] for e in events if e["type"] in ("conflict", "merge_conflict", "merged", "unresolved", "released", "saved")}
        assert theirs <= touched, theirs - touched
        files = tree(self.out)
        for path, data in made.items():
            if path not in touched:
                assert files.get(path) == data, f"{path} is not what was made"
            if path not in touched or args[:1] == ["--overwrite"] and not (self.out / path).is_symlink():
                assert manifest.get(path) == sha256(data) == sha256(files[path]), path
        for path, digest in manifest.items():
            if path not in touched:
                assert path in files and sha256(files[path]) == digest, path
            if "--prune" in args and path not in made:  # but for a link in its place
                assert path in touched and (self.out / path).is_symlink(), f"{path} was not pruned"
        left = set(files) - set(made) - touched
        assert left <= set(manifest), left - set(manifest)
        orphans = {e["path"] for e in events if e["type"] == "orphan"}
        assert left == orphans & left or "--prune" in args and not left, (left, orphans)


@pytest.fixture(scope="module")
def ground():
    """One daemon for all: what one history made costs the next nothing."""
    place = pathlib.Path(tempfile.mkdtemp(prefix="genopt-test."))
    sim = Sim(place)
    yield place, sim, {}
    sim.process.kill()
    sim.process.wait()
    shutil.rmtree(place, ignore_errors=True)


@pytest.mark.parametrize("seed", SEEDS)
def test_no_line_is_lost(ground, seed):
    place, sim, expected = ground
    daemon = Daemon(place, config_for(sim))
    daemon.start()
    history = History(seed, daemon, place, expected)
    try:
        history.play()
    except AssertionError as e:
        raise AssertionError("\n".join([f"history {seed}:", *history.told, history.last, str(e)])) from e
    finally:
        daemon.genopt("stop", "--now")
    shutil.rmtree(history.out)
