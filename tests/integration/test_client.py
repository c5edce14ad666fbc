"""The client against a scripted peer: what it sends, writes, prints, and how it ends."""

import fcntl
import json
import os
import pathlib
import pty
import re
import select
import signal
import subprocess
import termios
import struct
import threading
import time

import pytest

from conftest import DEADLINE, GENOPT, ROOT
from fakedaemon import JOB, NAIVE, FakeDaemon, HangUp, Later, Refused, sha256, summary, write_event

HERE = pathlib.Path(__file__).resolve().parent
SPEC = "project: {name: Shop}\n"


class Client:
    def __init__(self, place):
        self.place, self.socket = place, place / "rpc.sock"
        (place / "home").mkdir()
        (place / "out").mkdir()
        (place / "spec.yaml").write_text(SPEC)
        self.out = place / "out"
        self.env = {"PATH": os.environ["PATH"], "HOME": str(place / "home"), "LANG": "C.UTF-8", "GENOPT_SOCKET": str(self.socket),
                    "GENOPT_STATE_DIR": str(place / "state"), "ASAN_OPTIONS": "detect_leaks=1",
                    "UBSAN_OPTIONS": "halt_on_error=1", "GENOPT_DAEMON": str(HERE / "fakedaemon.py"),
                    "GENOPT_TEST_FAKE": str(place), "TERM": "xterm"}
        self.daemon = None

    def serve(self):
        self.daemon = FakeDaemon(self.socket)
        return self.daemon

    def run(self, *args, check=None, env=None, input=None, cwd=None):
        r = subprocess.run([GENOPT, *map(str, args)], env={**self.env, **(env or {})}, cwd=cwd or self.place, input=input,
                           capture_output=True, text=True, timeout=DEADLINE)
        assert "Sanitizer" not in r.stderr and "runtime error" not in r.stderr, r.stderr
        if check is not None:
            assert r.returncode == check, (r.returncode, r.stdout, r.stderr)
        return r

    def gen(self, *args, **kwargs):
        return self.run("gen", "spec.yaml", "-o", self.out, *args, **kwargs)

    def start(self, *args, env=None, **kwargs):
        return subprocess.Popen([GENOPT, *map(str, args)], env={**self.env, **(env or {})}, cwd=self.place, text=True, **kwargs)

    def manifest(self):
        m = json.loads((self.out / ".genopt/manifest.json").read_text())
        return {e["path"]: e for e in m["files"]}


@pytest.fixture
def client(place):
    c = Client(place)
    yield c
    if c.daemon:
        c.daemon.close()


def done(**files):
    return ("done", {"summary": summary(**files)})


# --- words of the command line


@pytest.mark.parametrize("args, words", [
    (["gne"], "did you mean `gen`"), (["gen", "--outptu", "x", "s"], "did you mean --output"), (["gen"], "gen wants SPEC"),
    (["gen", "a", "b"], "one word too many"), (["ask", "--tier", "best", "x"], "fast, balanced or quality"),
    (["ask", "--max-tokens", "0", "x"], "above 0"), (["--set", "novalue", "jobs"], "KEY=VALUE"), (["--color", "pink", "jobs"], "--color"),
    (["cache", "stast"], "did you mean `cache stats`"), (["key", "set", "../x"], "letters, digits"), (["jobs", "--limit", "0"], "--limit"),
    (["help", "atach"], "did you mean `attach`"), ([], "usage:"), (["key", "frob"], "key wants"), (["gen", "-o"], "-o wants a value"), (["cache", "clear", "-n"], "no --dry-run"),
    (["-n", "cancel", JOB], "no --dry-run")])
def test_usage_errors_name_what_was_meant(client, args, words):
    r = client.run(*args, check=2)
    assert words in r.stderr and r.stdout == ""


def test_help_and_version_need_no_daemon(client):
    assert "Commands:" in client.run("--help", check=0).stdout
    assert "--blueprint" in client.run("help", "gen", check=0).stdout
    assert "--blueprint" in client.run("gen", "--help", check=0).stdout
    assert client.run("--version", check=0).stdout.startswith("genopt ")


def test_help_fits_a_terminal(client):
    for line in client.run("__complete", check=0).stdout.splitlines():
        text = client.run("help", line.split("\t")[0], check=0).stdout
        assert max(map(len, text.split("\n"))) <= 80 and not re.search(r" $", text, re.M), text
    assert max(map(len, client.run("--help", check=0).stdout.split("\n"))) <= 80


def test_completion_words_come_from_the_tables(client):
    words = dict(line.split("\t") for line in client.run("__complete", check=0).stdout.splitlines())
    assert {"gen", "ask", "attach", "key"} <= set(words) and "__complete" not in words
    options = [line.split("\t")[0] for line in client.run("__complete", "gen", check=0).stdout.splitlines()]
    assert "--output=" in options and "--detach" in options and "--json" in options


def test_completion_asks_for_jobs_without_starting_a_daemon(client):
    assert client.run("__complete", ":jobs", check=0).stdout == ""
    assert not list(client.place.glob("started.*"))
    client.serve().on("job/list", {"jobs": [{"job": JOB, "kind": "ask", "state": "done"}], "more": False})
    assert client.run("__complete", ":jobs", check=0).stdout == f"{JOB}\task done\n"


def test_completion_for_bash(client):
    script = f"""PATH={GENOPT.parent}:$PATH; source {ROOT}/client/completions/genopt.bash
    t() {{ COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _genopt; echo ${{COMPREPLY[*]}}; }}
    t genopt sta; t genopt gen --outp; t genopt --set a=b canc; t genopt ask --tier q; t genopt cache ver; t genopt --js"""
    r = subprocess.run(["bash", "-c", script], env=client.env, capture_output=True, text=True, timeout=DEADLINE)
    assert r.stdout.split("\n") == ["status start", "--output", "cancel", "quality", "verify", "--json", ""], r.stderr


def test_the_manual_page_names_every_command_and_option(client):
    page = (ROOT / "docs/genopt.1").read_text()
    commands = [line.split("\t")[0] for line in client.run("__complete", check=0).stdout.splitlines()]
    for command in commands:
        assert f".It Cm {command}" in page, command
        for line in client.run("__complete", command, check=0).stdout.splitlines():
            option = line.split("\t")[0].strip("-=")
            assert f"Fl -{option}" in page, (command, option)
    readme = (ROOT / "README.md").read_text()
    for words in set(re.findall(r"genopt (\w+)", "\n".join(re.findall(r"^    .*|`[^`\n]*`", readme, re.M)))):
        assert words in commands, words


# --- reaching a daemon


def test_without_a_daemon_status_says_so(client):
    r = client.run("status", check=69)
    assert "no genoptd listens there" in r.stderr and "→" in r.stderr
    r = client.run("status", "--json", check=69)
    assert json.loads(r.stdout)["error"]["data"]["name"] == "unavailable"


def test_a_daemon_is_started_with_a_clean_environment(client):
    (client.place / "genopt.yaml").write_text("providers:\n  x: {key: {env: MY_KEY}}\n  y: {key: {file: a}}\n")
    r = client.run("ask", "ping", check=0, env={"GENOPT_CONFIG": "genopt.yaml", "MY_KEY": "k", "SECRET": "s", "HTTPS_PROXY": "p",
                                                "GENOPT_TEMPLATE": "off", "LC_ALL": "C.UTF-8"})
    assert r.stdout == "pong ping\n" and r.stderr == ""
    started = [json.loads(p.read_text()) for p in client.place.glob("started.*")]
    assert len(started) == 1
    env = started[0]["env"]
    assert env["MY_KEY"] == "k" and env["HTTPS_PROXY"] == "p" and env["HOME"] and env["LC_ALL"]
    assert "SECRET" not in env and "GENOPT_TEMPLATE" not in env and "TERM" not in env
    assert env["GENOPT_CONFIG"] == str(client.place / "genopt.yaml")
    assert started[0]["cwd"] == "/" and started[0]["sid"] != os.getsid(0)
    assert started[0]["fds"][:4] == [0, 1, 2, 3]
    assert os.stat(client.socket).st_mode & 0o777 == 0o600
    assert client.run("stop", check=0).stderr == "genoptd has stopped\n"
    assert not client.socket.exists()
    assert "was not running" in client.run("stop", check=0).stderr


def test_many_clients_at_once_start_one_daemon(client):
    running = [client.start("ask", "n", stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(12)]
    outputs = [p.communicate(timeout=DEADLINE) for p in running]
    assert all(p.returncode == 0 for p in running), outputs
    assert {o for o, _ in outputs} == {"pong n\n"}
    assert len(list(client.place.glob("started.*"))) == 1
    client.run("restart", check=0)
    client.run("ask", "x", check=0)
    assert len(list(client.place.glob("started.*"))) == 2
    client.run("stop", check=0)


def test_an_older_daemon_is_restarted(client):
    """Its client is newer already: it does without what that daemon does not know."""
    (client.place / "older").touch()
    client.run("ask", "x", check=0)
    client.run("restart", check=0)
    assert len(list(client.place.glob("started.*"))) == 2
    client.run("stop", check=0)


def test_an_older_daemon_is_asked_for_less(client):
    """Only for what is as good without: another parameter that it does not know is told."""
    d = client.serve()
    row = {"job": JOB, "kind": "generate", "state": "done", "label": "s", "created": "2026-01-02T03:04:05.678Z", "done": 1, "total": 1, "nanousd": 0}

    def older(known):
        def answer(c, p):
            for name in p.keys() - known:
                raise Refused("invalid_params", -32602, f"`{name}` is unknown")
            return {"jobs": [row], "more": False}
        return answer

    d.on("job/list", older({"limit", "state"}))
    assert JOB in client.run("jobs", "--limit", "3", check=0).stdout
    assert d.params("job/list") == [{"limit": 3, "dry_runs": False}, {"limit": 3}]
    d.on("job/list", older({"state"}))
    assert "`limit` is unknown" in client.run("jobs", "--limit", "3", check=65).stderr


def test_what_a_rule_mended_is_told(client):
    d = client.serve()
    slip = "it imported strings, which the answer had forgotten"
    d.job(("planned", {"tasks": 2, "steps": 2, "kinds": {"call": 2}, "naive": NAIVE}),
          ("task.done", {"task": 0, "path": "a.go", "source": "call", "verdict": "accepted", "nanousd": 12000000, "ms": 900, "mended": slip}),
          ("task.done", {"task": 1, "path": "b.go", "source": "call", "verdict": "accepted", "nanousd": 12000000, "ms": 900}),
          ("done", {"summary": summary(call=2)}))
    r = client.gen(check=0)
    assert f"a.go: call, $0.0120, 900 ms; mended without asking again: {slip}" in r.stderr, r.stderr
    t = Terminal(client, "gen", "spec.yaml", "-o", "out")
    t.until(slip)
    assert t.end() == 0 and "b.go: call" not in t.text


def test_a_daemon_that_cannot_be_run_is_named(client):
    r = client.run("ask", "x", check=69, env={"GENOPT_DAEMON": "/nonexistent/genoptd"})
    assert "cannot be started" in r.stderr and not client.socket.exists()


def test_a_stale_socket_is_replaced(client):
    import socket
    s = socket.socket(socket.AF_UNIX)
    s.bind(str(client.socket))
    s.close()
    assert client.run("ask", "x", check=0).stdout == "pong x\n"
    client.run("stop", check=0)


def test_stop_leaves_a_socket_that_no_client_made(client):
    def hang_up(c):
        raise HangUp

    d = client.serve()
    d.on("daemon/status", {**d.status(), "pid": 0}).on("daemon/stop", lambda c, p: ({}, hang_up))
    client.run("stop", check=0)
    assert d.params("daemon/stop") == [{"mode": "drain"}] and client.socket.exists()
    client.run("stop", "--now", check=0)
    assert d.params("daemon/stop")[1] == {"mode": "now"}


# --- ask


def test_ask_sends_one_small_request(client):
    client.serve().on("job/submit", {"cached": True, "result": {"text": "line\n", "summary": summary()}})
    r = client.run("ask", "what", "is", "ü?", "--tier", "fast", "--max-tokens", "99", "--system", "be brief", "--set", "a.b=c=d", check=0,
                   env={"ENABLE_TEMPLATES": "false"})
    assert r.stdout == "line\n" and r.stderr == ""
    p = client.daemon.params("job/submit")
    assert len(client.daemon.calls) == 1
    assert p[0]["kind"] == "ask" and p[0]["input"] == {"prompt": "what is ü?", "tier": "fast", "max_tokens": 99, "system": "be brief"}
    assert p[0]["options"] == {"a.b": "c=d", "ENABLE_TEMPLATES": "false"}
    assert set(p[0]["meta"]) == {"key", "label", "client"} and p[0]["meta"]["client"]["cwd"] == str(client.place)


def test_ask_reads_the_prompt_from_standard_input(client):
    client.serve().on("job/submit", {"cached": True, "result": {"text": ""}})
    assert client.run("ask", input="a\nb", check=0).stdout == "\n"
    assert client.run("ask", "-", input="c", check=0).stdout == "\n"
    assert [p["input"]["prompt"] for p in client.daemon.params("job/submit")] == ["a\nb", "c"]
    client.run("ask", input="", check=2)


def test_ask_prints_the_whole_text_into_a_pipe_and_streams_when_asked(client):
    d = client.serve().job(("queued", {"kind": "ask", "position": 0}), ("task.delta", {"task": 0, "text": "Hel"}),
                           ("task.delta", {"task": 0, "text": "lo"}), ("done", {"text": "Hello you", "summary": summary()}))
    r = client.run("ask", "hi", check=0)
    assert r.stdout == "Hello you\n" and r.stderr == ""
    assert d.params("job/attach")[0] == {"job": JOB, "after": 0, "deltas": False}
    assert client.run("ask", "--stream", "hi", check=0).stdout == "Hello you\n"
    assert d.params("job/attach")[1]["deltas"] is True


def test_a_streamed_text_that_was_thrown_away_is_followed_by_the_answer(client):
    client.serve().job(("task.delta", {"task": 0, "text": "wrong"}), ("done", {"text": "right", "summary": summary()}))
    r = client.run("ask", "--stream", "hi", check=0)
    assert r.stdout == "wrong\nright\n" and "not whole" in r.stderr


def test_a_long_answer_comes_as_content(client):
    text = "x" * 5_000_000
    d = client.serve()
    d.job(("done", {"blob": d.blob(text), "summary": summary()}))
    assert client.run("ask", "hi", check=0).stdout == text + "\n"
    assert len(d.params("blob/get")) == 2


def test_json_gives_events_as_they_are(client):
    client.serve().job(("queued", {"kind": "ask", "position": 0}), ("done", {"text": "t", "summary": summary()}))
    events = [json.loads(line) for line in client.run("ask", "hi", "--json", check=0).stdout.splitlines()]
    assert [e["type"] for e in events] == ["queued", "done"] and events[0]["seq"] == 1


@pytest.mark.parametrize("name, code, exit_code", [("key_missing", -32040, 77), ("bad_spec", -32021, 65), ("queue_full", -32028, 75),
                                                   ("bad_option", -32023, 78), ("unreachable", -32046, 69), ("check_failed", -32060, 1)])
def test_errors_carry_their_exit_codes(client, name, code, exit_code):
    def refuse(c, p):
        raise Refused(name, code, "it went wrong", "do this")

    client.serve().on("job/submit", refuse)
    r = client.run("ask", "x", check=exit_code)
    assert "it went wrong" in r.stderr and "  → do this" in r.stderr and r.stdout == ""
    r = client.run("ask", "x", "--json", check=exit_code)
    assert json.loads(r.stdout)["error"]["data"]["name"] == name
    error = {"code": code, "message": "later", "data": {"name": name, "class": "x", "retryable": False, "remedy": "do that"}}
    client.daemon.job(("failed", {"error": error, "remedy": "do that"}))
    r = client.run("ask", "x", check=exit_code)
    assert "later" in r.stderr and "  → do that" in r.stderr


def test_a_daemon_that_dies_before_the_reply_is_asked_once_more_with_the_same_key(client):
    def hang_up(c, p):
        if len(client.daemon.params("job/submit")) == 1:
            raise HangUp
        return {"cached": True, "result": {"text": "ok"}}

    client.serve().on("job/submit", hang_up)
    assert client.run("ask", "x", check=0).stdout == "ok\n"
    keys = [p["meta"]["key"] for p in client.daemon.params("job/submit")]
    assert len(keys) == 2 and keys[0] == keys[1]


# --- gen: what is sent


def test_gen_lists_manifest_and_other_files(client):
    d = client.serve()
    d.job(write_event("a.txt", "A\n", daemon=d), write_event("sub/b.txt", "B\n", daemon=d), done(template=2))
    client.gen(check=0)
    p = d.params("job/submit")[0]
    assert p["input"]["spec"] == {"name": "spec.yaml", "text": SPEC} and p["input"]["manifest"] == [] and p["input"]["files"] == []
    assert (client.out / "a.txt").read_text() == "A\n" and (client.out / "sub/b.txt").read_text() == "B\n"
    (client.out / "a.txt").write_text("edited")
    (client.out / "sub/b.txt").unlink()
    (client.out / "own.txt").write_text("own")
    (client.out / ".git").mkdir()
    (client.out / ".git/config").write_text("no")
    (client.out / "link").symlink_to("own.txt")
    d.job(done())
    client.gen("--blueprint", "go-service", "--fresh", check=0)
    p = d.params("job/submit")[1]
    assert p["fresh"] is True and p["input"]["blueprint"] == "go-service"
    assert p["input"]["manifest"] == [
        {"path": "a.txt", "fingerprint": "f1", "sha256": sha256("A\n"), "disk": sha256("edited")},
        {"path": "sub/b.txt", "fingerprint": "f1", "sha256": sha256("B\n"), "disk": None}]
    assert p["input"]["files"] == [{"path": "own.txt", "size": 3, "sha256": sha256("own")}]


def test_needed_content_is_sent_and_nothing_else(client):
    d = client.serve()
    big = os.urandom(7_000_000)
    (client.out / "big.bin").write_bytes(big)
    (client.out / "own.txt").write_text("own")
    (client.place / "secret").write_text("secret")
    d.job(("waiting", {"on": "blobs", "wait": 1, "remedy": "", "need": [{"path": "own.txt"}, {"path": "../secret"}, {"path": "gone"}]}),
          done(), state="running")
    d.on("job/submit", {"job": JOB, "need": [{"sha256": sha256(big)}]})
    client.gen(check=0)
    assert d.received == {"big.bin": big, "own.txt": b"own", "../secret": None, "gone": None}
    assert all(len(p.get("data", "")) <= 4 << 20 for p in d.params("blob/put"))


def test_a_need_that_was_answered_is_not_answered_again(client):
    (client.out / "own.txt").write_text("own")
    need = [{"sha256": sha256("own")}]
    d = client.serve().job(("waiting", {"on": "blobs", "wait": 1, "remedy": "", "need": need}), done())
    d.on("job/submit", {"job": JOB, "need": need})
    client.gen(check=0)
    assert len(d.params("blob/put")) == 1


def test_contents_go_together(client):
    """Small ones do not wait for each other: the daemon answers none before it has three, and makes them one commit."""
    held = []
    for i in range(3):
        (client.out / f"own{i}.txt").write_text(f"own {i}")
    d = client.serve().job(done())

    def hold(c, p):
        d.put(c, p)
        held.append(c.id)
        if len(held) < 3:
            raise Later
        return {"have": p["size"], "complete": True}, lambda c: [c.send({"jsonrpc": "2.0", "id": id, "result": {"have": 1, "complete": True}})
                                                                 for id in held[:2]]

    d.on("blob/put", hold)
    d.on("job/submit", {"job": JOB, "need": [{"sha256": sha256(f"own {i}")} for i in range(3)]})
    client.gen(check=0)
    assert d.received == {f"own{i}.txt": f"own {i}".encode() for i in range(3)}


def test_content_that_was_not_offered_ends_the_run(client):
    d = client.serve()
    d.on("job/submit", {"job": JOB, "need": [{"sha256": "0" * 64}]})
    r = client.gen(check=70)
    assert "not offered" in r.stderr and not d.params("blob/put")


@pytest.mark.parametrize("content, words", [(b"\xff\xfe", "UTF-8"), (b"x" * (4 << 20) + b"y", "4 MiB"), (None, "No such file")],
                         ids=["bytes", "size", "missing"])
def test_a_bad_specification_is_named(client, content, words):
    if content is None:
        (client.place / "spec.yaml").unlink()
    else:
        (client.place / "spec.yaml").write_bytes(content)
    r = client.gen(check=65)
    assert "spec.yaml" in r.stderr and words in r.stderr


# --- gen: what is written


def test_an_edit_is_kept_and_reported(client):
    d = client.serve()
    d.job(write_event("a.txt", "v1", daemon=d), write_event("b.txt", "v1", daemon=d), done(template=2))
    client.gen(check=0)
    (client.out / "a.txt").write_text("mine")
    (client.out / "c.txt").write_text("mine too")
    d.job(write_event("a.txt", "v2", base=sha256("v1"), daemon=d), write_event("b.txt", "v2", base=sha256("v1"), daemon=d),
          write_event("c.txt", "v2", daemon=d), done(template=3))
    r = client.gen(check=1)
    assert (client.out / "a.txt").read_text() == "mine" and (client.out / "b.txt").read_text() == "v2"
    assert (client.out / "c.txt").read_text() == "mine too"
    assert "a.txt: you edited it" in r.stderr and "c.txt: genopt did not write it" in r.stderr and "--merge" in r.stderr
    assert client.manifest()["a.txt"]["sha256"] == sha256("v1") and client.manifest()["b.txt"]["sha256"] == sha256("v2")
    r = client.gen("--json", check=1)
    conflicts = [e["path"] for e in map(json.loads, r.stdout.splitlines()) if e["type"] == "conflict"]
    assert conflicts == ["a.txt", "c.txt"]


def test_an_edit_is_merged_when_told(client):
    d = client.serve()
    v1, v2, mine = "a\nb\nc\nd\ne\n", "A\nb\nc\nd\ne\n", "a\nb\nc\nd\nmine\n"
    d.job(write_event("a.txt", v1, daemon=d), done(template=1))
    client.gen(check=0)
    (client.out / "a.txt").write_text(mine)
    d.job(write_event("a.txt", v2, base=sha256(v1), daemon=d, fingerprint="f2"), done(template=1))
    r = client.gen("--merge", check=0)
    assert (client.out / "a.txt").read_text() == "A\nb\nc\nd\nmine\n" and "merged with your edits:\n  a.txt" in r.stderr
    assert client.manifest()["a.txt"] == {"path": "a.txt", "fingerprint": "f2", "sha256": sha256(v2)}
    v3 = "A\nb\nc\nd\nE\n"
    d.job(write_event("a.txt", v3, base=sha256(v2), daemon=d, fingerprint="f3"), done(template=1))
    r = client.gen("--merge", check=1)
    text = (client.out / "a.txt").read_text()
    assert text == "A\nb\nc\nd\n<<<<<<< yours\nmine\n||||||| generated before\ne\n=======\nE\n>>>>>>> generated now\n"
    assert "with conflicts:\n  a.txt" in r.stderr
    d.job(done(keep=1))  # nothing new: the conflicts are still there, and still the user's
    r = client.gen("--merge", check=1)
    assert "conflicts of an earlier merge:\n  a.txt" in r.stderr and (client.out / "a.txt").read_text() == text
    r = client.gen("--merge", "--json", check=1)
    assert {"type": "unresolved", "path": "a.txt"}.items() <= json.loads(r.stdout.splitlines()[-2]).items()
    assert list((client.out / ".genopt/tmp").iterdir()) == []


def test_git_that_merges_has_no_say_of_its_own(client):
    """No git: said before anything is done. No repository, configuration or program of the directory takes part."""
    d = client.serve()
    r = client.gen("--merge", check=69, env={"PATH": f".:{client.out}:relative"})
    assert "git is not found" in r.stderr and not d.params("job/submit")
    subprocess.run(["git", "init", "-q", client.out], check=True)
    subprocess.run(["git", "-C", client.out, "config", "merge.conflictStyle", "zdiff3"], check=True)
    d.job(write_event("a.txt", "a\nb\n", daemon=d), done(template=1))
    client.gen(check=0)
    (client.out / "a.txt").write_bytes(b"a\r\nmine\r\n")
    d.job(write_event("a.txt", "a\nB", base=sha256("a\nb\n"), daemon=d), done(template=1))
    client.gen("--merge", check=1, env={"GIT_DIR": "/nowhere", "GIT_EXTERNAL_DIFF": "false"})
    assert (client.out / "a.txt").read_bytes().replace(b"\r\n", b"|") == \
        b"a|<<<<<<< yours|mine|||||||| generated before|b|=======|B|>>>>>>> generated now|"


def test_an_edit_is_saved_and_replaced_when_told(client):
    d = client.serve()
    d.job(write_event("a.txt", "v1", daemon=d), write_event("b.txt", "v1", daemon=d), done(template=2))
    client.gen(check=0)
    (client.out / "a.txt").write_text("mine")
    d.job(write_event("a.txt", "v1", daemon=d), done(keep=1, reuse=1))
    r = client.gen("--overwrite", check=0)
    assert [e["disk"] for e in d.params("job/submit")[1]["input"]["manifest"]] == [None, sha256("v1")]
    assert (client.out / "a.txt").read_text() == "v1"
    saved = next((client.out / ".genopt/saved").glob("*/a.txt"))
    assert saved.read_text() == "mine" and str(saved.relative_to(client.out)) in r.stderr
    assert "give one" in client.gen("--overwrite", "--merge", check=2).stderr


def test_what_the_specification_no_longer_describes(client):
    d = client.serve()
    gone = ("file", {"action": "remove", "path": "d/a.txt", "base": sha256("v1"), "reason": "orphan"})
    d.job(write_event("d/a.txt", "v1", daemon=d), write_event("b.txt", "v1", daemon=d), done(template=2))
    client.gen(check=0)
    d.job(("done", {"plan": {"tasks": 1, "steps": [{"kind": "keep", "tasks": ["b.txt"], "certain": True, "reason": "r", "estimate": {}}],
                             "totals": {}, "naive": {}, "rules": []}}))
    r = client.gen("--dry-run", check=0)
    assert "no longer described by the specification:\n  d/a.txt\n" in r.stderr
    d.job(gone, done(keep=1))
    r = client.gen(check=0)
    assert "no longer described by the specification:\n  d/a.txt" in r.stderr and "--prune" in r.stderr
    assert (client.out / "d/a.txt").exists() and "d/a.txt" in client.manifest()
    r = client.gen("--prune", check=0)
    assert not (client.out / "d").exists() and list(client.manifest()) == ["b.txt"]
    r = client.run("attach", "01JAAAAAAAAAAAAAAAAAAAAAAB", "-o", client.out, "--prune", check=2)
    assert "last started" in r.stderr


def test_an_edit_is_kept_even_if_the_daemon_expects_it(client):
    d = client.serve()
    d.job(write_event("a.txt", "v1", daemon=d), done(template=1))
    client.gen(check=0)
    (client.out / "a.txt").write_text("mine")
    d.job(write_event("a.txt", "v2", base=sha256("mine"), daemon=d), done(template=1))
    client.gen(check=1)
    assert (client.out / "a.txt").read_text() == "mine"


def test_content_on_disk_is_not_fetched(client):
    d = client.serve()
    (client.out / "a.txt").write_text("same")
    d.job(write_event("a.txt", "same", daemon=d), done(template=1))
    client.gen(check=0)
    assert not d.params("blob/get") and client.manifest()["a.txt"]["sha256"] == sha256("same")


@pytest.mark.parametrize("path", ["../x", "/etc/x", "a/../x", ".git/hooks/pre-commit", ".genopt/manifest.json", "sub/.GIT/config", "a\\b", ""])
def test_paths_outside_are_refused(client, path):
    d = client.serve()
    d.job(write_event(path, "x", daemon=d), done(template=1))
    r = client.gen(check=70)
    assert "not allowed" in r.stderr and not d.params("blob/get")
    assert [p.name for p in client.out.iterdir()] == [".genopt"]


def test_links_are_not_followed(client):
    d = client.serve()
    (client.place / "elsewhere").mkdir()
    (client.out / "sub").symlink_to(client.place / "elsewhere")
    (client.out / "a.txt").symlink_to(client.place / "spec.yaml")
    d.job(write_event("sub/x.txt", "x", daemon=d), write_event("a.txt", "x", daemon=d), done(template=2))
    r = client.gen(check=1)
    assert "link" in r.stderr
    assert list((client.place / "elsewhere").iterdir()) == [] and (client.place / "spec.yaml").read_text() == SPEC


def test_wrong_content_is_refused(client):
    d = client.serve()
    event = write_event("a.txt", "x", daemon=d)
    d.blobs[event[1]["blob"]] = b"y"
    d.job(event, done(template=1))
    r = client.gen(check=70)
    assert "does not match" in r.stderr and not (client.out / "a.txt").exists()


def test_files_are_removed_and_renamed(client):
    d = client.serve()
    d.job(write_event("old/a.txt", "v1", daemon=d), write_event("b.txt", "v1", daemon=d), write_event("c.txt", "v1", daemon=d), done(template=3))
    client.gen(check=0)
    (client.out / "c.txt").write_text("mine")
    rename = write_event("new/a.txt", "v1", base=sha256("v1"), daemon=d)
    rename[1].update(action="rename", **{"from": "old/a.txt"})
    removals = [("file", {"action": "remove", "path": p, "base": sha256("v1"), "blob": None, "size": 0, "fingerprint": "", "source": "keep"})
                for p in ("b.txt", "c.txt")]
    d.job(rename, *removals, done())
    client.gen(check=1)
    assert (client.out / "new/a.txt").read_text() == "v1" and not (client.out / "old").exists()
    assert not (client.out / "b.txt").exists() and (client.out / "c.txt").read_text() == "mine"
    assert set(client.manifest()) == {"new/a.txt", "c.txt"}


def test_one_writer_per_directory(client):
    d = client.serve()
    d.job()
    first = client.start("gen", "spec.yaml", "-o", client.out, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    d.wait_for("job/attach")
    r = client.gen(check=75)
    assert f"process {first.pid}" in r.stderr
    first.send_signal(signal.SIGINT)
    out, err = first.communicate(timeout=DEADLINE)
    assert first.returncode == 130 and f"genopt attach {JOB}" in err


def test_a_run_that_dies_does_not_make_our_file_look_like_the_users(client):
    d = client.serve()
    reached = threading.Event()
    d.job(write_event("a.txt", "v1", daemon=d), write_event("b.txt", "v1b", daemon=d),
          ("file", {"action": "write", "path": "c.txt", "base": None, "blob": d.blob("v1c"), "size": 3, "fingerprint": "f9", "source": "call"}))
    get = d.handlers["blob/get"]
    n = 0

    def third_hangs(c, p):
        nonlocal n
        n += 1
        if n == 3:
            reached.set()
            threading.Event().wait(DEADLINE)
        return get(c, p)

    d.on("blob/get", third_hangs)
    p = client.start("gen", "spec.yaml", "-o", client.out, stderr=subprocess.DEVNULL)
    assert reached.wait(DEADLINE)
    p.kill()
    p.wait()
    assert not (client.out / ".genopt/manifest.json").exists() and (client.out / "b.txt").exists()
    with open(client.out / ".genopt/pending", "a") as f:
        f.write('{"fingerprint": "f1", "path": "c.txt", "sha2')  # torn
    d.on("blob/get", get)
    d.job(write_event("a.txt", "v2", base=sha256("v1"), daemon=d), done(template=1))
    client.gen(check=0)
    listed = d.params("job/submit")[1]["input"]["manifest"]
    assert [(e["path"], e["disk"]) for e in listed] == [("a.txt", sha256("v1")), ("b.txt", sha256("v1b"))]
    assert (client.out / "a.txt").read_text() == "v2" and not (client.out / ".genopt/pending").exists()
    assert (client.out / ".genopt/base" / sha256("v2")).read_text() == "v2"


def test_a_damaged_manifest_is_set_aside(client):
    (client.out / ".genopt").mkdir()
    (client.out / ".genopt/manifest.json").write_text('{"version": 1, "files": [\n{"path": "../x", "fingerprint": "f", "sha256": "00"}\n]}')
    client.serve().job(done())
    r = client.gen(check=0)
    assert "manifest.json:2:" in r.stderr and (client.out / ".genopt/manifest.json.damaged").exists()


def test_a_dry_run_writes_nothing_and_prints_one_object(client):
    plan = {"tasks": 2, "steps": [{"kind": "template", "tasks": ["a"], "certain": True, "reason": "r", "estimate": {}},
                                  {"kind": "call", "tasks": ["b", "c"], "tier": "fast", "model": "m-1", "certain": False, "reason": "r",
                                   "estimate": {"input": 1000, "cache_read": 0, "cache_write": 0, "output": 200, "nanousd": 5000000, "ms": 900}}],
            "totals": {"input": 1000, "cache_read": 0, "cache_write": 0, "output": 200, "nanousd": 5000000, "ms": 900, "calls": 1},
            "naive": {"input": 9000, "cache_read": 0, "cache_write": 0, "output": 900, "nanousd": 50000000, "ms": 9000, "calls": 3},
            "rules": [{"name": "template", "calls": -1, "input": -3000, "output": -200, "nanousd": -100, "ms": -5}]}
    d = client.serve().job(("planned", {"tasks": 2, "steps": 2, "kinds": {}, "estimate": {}, "naive": {}}), ("done", {"plan": plan}))
    client.out.rmdir()
    r = client.gen("--dry-run", "--json", check=0)
    assert json.loads(r.stdout) == plan and d.params("job/submit")[0]["dry_run"] is True
    r = client.gen("--dry-run", check=0)
    assert "m-1" in r.stdout and "b +1 (likely)" in r.stdout and "−90 %" in r.stdout
    assert not client.out.exists()


def test_the_end_says_what_it_cost_beside_naive(client):
    client.serve().job(("warning", {"text": "key `colour` is not used", "where": "spec.yaml:3:4"}),
                       ("done", {"summary": summary(template=3, call=1, batched=1, failed=1),
                                 "failures": [{"task": 1, "path": "x.go", "error": {"message": "no good", "data": {}}, "remedy": "try"}]}))
    r = client.gen(check=1)
    lines = r.stderr.splitlines()
    assert "spec.yaml:3:4: key `colour` is not used" in r.stderr and "x.go: no good" in r.stderr and "  → try" in r.stderr
    last = [line.split()[0] for line in lines[-5:]]
    assert last == ["time", "tokens", "money", "cache", "files"]
    assert "4.2 s" in lines[-5] and "naive 1:30" in lines[-5] and "−95 %" in lines[-5]
    assert "75 %" in lines[-2] and "3 by template (60 %)" in lines[-1] and "1 failed" in lines[-1]
    assert r.stdout == ""
    assert client.gen("-q", check=1).stderr.count("\n") <= 4


def test_what_a_model_said_does_not_steer_the_terminal(client):
    client.serve().job(("warning", {"text": "a\x1b[2Jb\u009bc"}), ("failed", {"error": {"code": -32603, "message": "x\x1b]0;y\x07", "data": {
        "name": "internal"}}, "remedy": "`genopt resume JOB`"}))
    r = client.gen(check=70)
    assert "\x1b" not in r.stderr and "\u009b" not in r.stderr and "a?[2Jb??c" in r.stderr
    assert f"`genopt resume {JOB}`" in r.stderr


def test_a_known_result_is_shown_at_once(client):
    d = client.serve().on("job/submit", {"cached": True, "result": {"summary": summary(keep=4)}})
    r = client.gen(check=0)
    assert "4 kept" in r.stderr and not d.params("job/attach")


def test_detach_leaves_and_attach_delivers(client):
    d = client.serve()
    d.job(write_event("a.txt", "v1", daemon=d), write_event("a.txt", "v2", base=sha256("v1"), daemon=d), done(template=1), head=2)
    r = client.gen("--detach", check=0)
    assert r.stdout == JOB + "\n" and not d.params("job/attach")
    assert json.loads(client.gen("--detach", "--json", check=0).stdout) == {"job": JOB}
    d.on("job/get", {"job": JOB, "kind": "generate", "state": "running"})
    r = client.run("attach", cwd=client.out, check=0)
    assert (client.out / "a.txt").read_text() == "v2"
    r = client.run("attach", JOB, "-o", client.out, check=0)  # once more, over what stands there now
    assert (client.out / "a.txt").read_text() == "v2"
    r = client.run("attach", JOB, check=0)
    assert "not written here" in r.stderr
    client.run("attach", check=2)


def test_a_resumed_job_is_followed_to_its_last_end(client):
    error = {"code": -32048, "message": "stalled", "data": {"name": "stream_stalled", "remedy": "resume"}}
    d = client.serve()
    d.job(("failed", {"error": error, "remedy": "resume"}), ("queued", {"kind": "generate", "position": 0}),
          write_event("a.txt", "v1", daemon=d), done(call=1), head=3)
    d.on("job/get", {"job": JOB, "kind": "generate", "state": "running"})
    r = client.run("attach", JOB, "-o", client.out, check=0)
    assert "stalled" not in r.stderr and (client.out / "a.txt").read_text() == "v1"


def test_a_daemon_that_dies_meanwhile_is_followed_again(client):
    d = client.serve()
    head = [write_event("a.txt", "v1", daemon=d)]

    def hang_up(c):
        if len(d.params("job/attach")) < 3:
            raise HangUp

    d.job(*head, (hang_up, None), done(template=1))
    r = client.gen(check=0)
    # It hangs up before the content can be fetched: the event is told again until that is done.
    assert [p["after"] for p in d.params("job/attach")] == [0, 0, 0] and "went away" in r.stderr
    assert (client.out / "a.txt").read_text() == "v1"
    d.job((lambda c: (_ for _ in ()).throw(HangUp), None))
    r = client.gen(check=69)
    assert "in a row" in r.stderr and f"genopt attach {JOB}" in r.stderr


# --- waits


@pytest.mark.parametrize("on, exit_code", [("key", 77), ("budget", 75), ("disk", 75), ("approval", 75)])
def test_off_a_terminal_a_wait_for_a_person_ends_the_run_but_not_the_job(client, on, exit_code):
    d = client.serve().job(("waiting", {"on": on, "wait": 1, "remedy": "`genopt key set anthropic`"}))
    r = client.gen(check=exit_code, env={"ANTHROPIC_API_KEY": "k"})
    assert "→ `genopt key set anthropic`" in r.stderr and f"genopt attach {JOB} -o {client.out}`" in r.stderr
    assert ("printenv ANTHROPIC_API_KEY | genopt key set anthropic" in r.stderr) == (on == "key")
    r = client.gen("--json", check=exit_code)
    assert json.loads(r.stdout)["on"] == on and r.stderr == ""
    assert not d.params("job/cancel") and not d.params("job/answer")
    d.job(("waiting", {"on": on, "wait": 1, "remedy": "r"}), ("started", {"attempt": 2}), done(call=1))
    client.gen("--wait", check=0)


def test_a_wait_of_the_past_is_acted_upon_only_if_it_still_holds(client):
    events = [("waiting", {"on": "key", "wait": 1, "remedy": "r"}), ("started", {"attempt": 2}), done(call=1)]
    client.serve().job(*events, head=2, state="running")
    client.gen(check=0)
    client.daemon.job(*events[:1], head=1, state="waiting")
    client.gen(check=77)


def test_only_commands_of_the_own_submit_are_run(client):
    (client.place / "f.txt").write_text("content")
    text = ("done", {"text": "content", "summary": summary(call=1)})
    d = client.serve()
    d.job(("waiting", {"on": "client", "wait": 7, "command": {"index": 0, "task": 0}, "remedy": ""}), text)
    d.on("job/submit", {"job": JOB, "need": [{"path": "f.txt"}]}).on("job/answer", {"state": "running"})
    script = "head -c 100000 /dev/zero | tr '\\0' x; printf '\\377end'; echo oops >&2; exit 3"
    r = client.run("echo-check", "f.txt", "--", "sh", "-c", script, check=0)
    assert r.stdout == "content\n" and d.received == {"f.txt": b"content"}
    p = d.params("job/submit")[0]
    assert p["commands"] == [["sh", "-c", script]] and p["input"] == {"path": "f.txt", "command": 0}
    answer = d.params("job/answer")[0]
    assert answer["wait"] == 7 and answer["command"]["status"] == 3 and answer["command"]["index"] == 0
    assert len(answer["command"]["output"]) == 65536 and answer["command"]["output"].endswith("x?endoops\n")
    client.run("echo-check", "f.txt", "--", "sh", "-c", "kill -9 $$", check=0)
    answer = d.params("job/answer")[1]["command"]
    assert answer["signal"] == 9 and answer["status"] == 137
    d.job(("waiting", {"on": "client", "wait": 7, "command": {"index": 1, "task": 0}, "remedy": "r"}), text)
    client.run("echo-check", "f.txt", "--", "true", check=75)
    assert len(d.params("job/answer")) == 2


# --- terminals


class Terminal:
    """The client on a terminal of its own."""

    def __init__(self, client, *args, columns=80, env=None):
        self.fd, child = pty.openpty()
        self.resize(columns)
        self.process = subprocess.Popen([GENOPT, *map(str, args)], env={**client.env, **(env or {})}, cwd=client.place,
                                        stdin=child, stdout=child, stderr=child, start_new_session=True,
                                        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.close(child)
        self.text = ""

    def resize(self, columns):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))

    def until(self, words):
        deadline = time.monotonic() + DEADLINE
        while words not in self.text:
            assert time.monotonic() < deadline, self.text
            if not select.select([self.fd], [], [], 1)[0]:
                continue
            try:
                self.text += os.read(self.fd, 65536).decode(errors="replace")
            except OSError:
                break
        assert words in self.text, self.text

    def type(self, text):
        os.write(self.fd, text.encode())

    def end(self):
        deadline = time.monotonic() + DEADLINE
        while True:
            if not select.select([self.fd], [], [], 1)[0]:
                assert time.monotonic() < deadline, self.text
                continue
            try:
                data = os.read(self.fd, 65536)
            except OSError:
                break
            if not data:
                break
            self.text += data.decode(errors="replace")
        os.close(self.fd)
        code = self.process.wait(timeout=DEADLINE)
        assert "Sanitizer" not in self.text
        return code


def test_the_live_view_gives_the_terminal_back(client):
    go = threading.Event()
    d = client.serve()
    d.job(("planned", {"tasks": 4, "steps": 2, "kinds": {"template": 3, "call": 1}, "estimate": {}, "naive": {}}),
          ("task.started", {"task": 3, "path": "internal/order/order_service.go", "step": 1, "attempt": 1}),
          (lambda c: go.wait(DEADLINE), None), done(template=4))
    t = Terminal(client, "gen", "spec.yaml", "-o", "out")
    t.until("order_service.go")
    assert "\033[?25l" in t.text and "0/4" in t.text
    t.resize(30)
    t.process.send_signal(signal.SIGWINCH)
    go.set()
    assert t.end() == 0
    assert t.text.rindex("\033[?25h") > t.text.rindex("\033[?25l")
    assert "by template" in t.text.split("\033[?25h")[-1]
    # Erased line by line: a terminal that keeps erased screens would keep every frame.
    assert "\033[K" in t.text and not re.search(r"(\d+A|\r)\033\[J", t.text)


def test_no_live_view_on_a_dumb_terminal(client):
    client.serve().job(done(template=4))
    t = Terminal(client, "gen", "spec.yaml", "-o", "out", env={"TERM": "dumb"})
    assert t.end() == 0 and "\033" not in t.text


def test_interrupt_leaves_the_job_running(client):
    client.serve().job(("started", {"attempt": 1}))
    t = Terminal(client, "gen", "spec.yaml", "-o", "out")
    client.daemon.wait_for("job/attach")
    t.until("queued")
    t.type("\x03")
    t.until(f"genopt attach {JOB} -o out")
    assert t.end() == 130 and "\033[?25h" in t.text and not client.daemon.params("job/cancel")


@pytest.mark.parametrize("typed, approve", [("y\n", True), ("n\n", False)])
def test_approval_is_asked_on_a_terminal(client, typed, approve):
    answered = threading.Event()
    d = client.serve().job(("waiting", {"on": "approval", "wait": 5, "remedy": "Spend $4.20?"}),
                           (lambda c: None, None))
    d.on("job/answer", lambda c, p: ({"state": "running"}, lambda c: c.event("done", 3, summary=summary(call=1))))
    t = Terminal(client, "gen", "spec.yaml", "-o", "out")
    t.until("Spend $4.20? [y/N]")
    t.type(typed)
    assert t.end() == 0
    assert d.params("job/answer") == [{"job": JOB, "wait": 5, "approve": approve}]


def test_an_interrupt_while_the_job_is_accepted_tells_of_it(client):
    def accept(c, p):
        os.kill(p["meta"]["client"]["pid"], signal.SIGINT)
        return {"job": JOB, "need": []}

    client.serve().job().on("job/submit", accept)
    r = client.run("gen", "spec.yaml", "-o", "out", check=130)
    assert f"the job goes on; return to it with `genopt attach {JOB} -o out`" in r.stderr, r.stderr


def test_a_new_size_does_not_cut_what_is_being_written(client):
    """It is in the midst of a write to a pipe that is full."""
    text = "x" * 1_000_000
    client.serve().job(("done", {"text": text, "summary": summary()}))
    p = client.start("ask", "hi", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    full, deadline = fcntl.fcntl(p.stdout, fcntl.F_GETPIPE_SZ), time.monotonic() + DEADLINE
    while struct.unpack("i", fcntl.ioctl(p.stdout, termios.FIONREAD, b"\0" * 4))[0] < full:
        assert time.monotonic() < deadline
    for _ in range(100):
        p.send_signal(signal.SIGWINCH)
    out, err = p.communicate(timeout=DEADLINE)
    assert p.returncode == 0 and out == text + "\n", err


def test_an_interrupted_question_leaves_the_job_waiting(client):
    """Once, and what is so: it does not go on."""
    client.serve().job(("waiting", {"on": "approval", "wait": 5, "remedy": "Spend $4.20?"}), (lambda c: None, None))
    t = Terminal(client, "gen", "spec.yaml", "-o", "out")
    t.until("Spend $4.20? [y/N]")
    t.type("\x03")
    assert t.end() == 130 and not client.daemon.params("job/answer")
    assert f"the job waits; return to it with `genopt attach {JOB} -o out`" in t.text
    assert t.text.count(JOB) == 1 and "goes on" not in t.text and "no answer" not in t.text


def test_a_question_outlives_a_change_of_the_terminals_size(client):
    d = client.serve().job(("waiting", {"on": "approval", "wait": 5, "remedy": "Spend $4.20?"}), done(call=1))
    d.on("job/answer", {"state": "running"})
    t = Terminal(client, "gen", "spec.yaml", "-o", "out")
    t.until("Spend $4.20? [y/N]")
    for columns in range(40, 60):
        t.resize(columns)
        t.process.send_signal(signal.SIGWINCH)
    t.type("y\n")
    assert t.end() == 0 and "no answer" not in t.text, t.text
    assert d.params("job/answer") == [{"job": JOB, "wait": 5, "approve": True}]


def test_the_question_tells_what_it_costs_and_no_answer_leaves_the_job(client):
    estimate = {"calls": 6, "input": 20000, "cache_read": 0, "cache_write": 4000, "output": 10000, "nanousd": 210000000, "ms": 42000}
    d = client.serve().job(("waiting", {"on": "approval", "wait": 5, "remedy": "r", "estimate": estimate}),
                           (lambda c: None, None))
    t = Terminal(client, "gen", "spec.yaml", "-o", "out")
    t.until("6 model calls, about 34.0k tokens, $0.2100, 42.0 s. Go on? [y/N]")
    assert d.params("job/submit")[0]["meta"]["client"]["can_ask"] is True
    t.type("\x04")
    t.until(f"genopt attach {JOB}")
    assert t.end() == 75 and not d.params("job/answer")
    # nobody to ask: no word of it
    d.job(done(call=1))
    client.gen("--json", check=0)
    client.gen("--detach", check=0)
    assert all("can_ask" not in p["meta"]["client"] for p in d.params("job/submit")[1:])
    client.gen("--yes", "--budget", "2.50", check=0)
    assert d.params("job/submit")[-1]["options"] == {
        "approval.when": "never", "approval.tokens": "0", "approval.usd": "2.50", "budget.job_usd": "2.50"}


def test_what_spending_is_set_twice_is_no_riddle(client):
    """The options that are short for others and --set beside them: two words for one thing are refused, and what the short
    ones only bring along gives way to what was said."""
    d = client.serve()
    for command in (("gen", "spec.yaml"), ("fix", "analysis.yaml")):
        r = client.run(*command, "--budget", "1", "--set", "budget.job_usd=0.01", check=2)
        assert "--budget 1 and --set budget.job_usd=0.01: leave one out" in r.stderr
        r = client.run(*command, "--set", "approval.when=always", "--yes", check=2)
        assert "--yes and --set approval.when=always: leave one out" in r.stderr
    assert not d.params("job/submit")
    d.job(done(call=1))
    client.gen("--budget", "1", "--set", "budget.job_usd=1", "--set", "approval.usd=0.5", "--set", "approval.tokens=7", check=0)
    assert d.params("job/submit")[-1]["options"] == {"approval.tokens": "7", "approval.usd": "0.5", "budget.job_usd": "1"}


@pytest.mark.parametrize("sum", ["nonsense", "1e3", "-1", "", "2.", "2,50"])
@pytest.mark.parametrize("command", [("gen", "spec.yaml"), ("fix", "analysis.yaml")])
def test_a_budget_that_is_none_is_named_by_its_flag(client, command, sum):
    r = client.run(*command, "--budget", sum, check=2)
    assert f"--budget is a number of dollars like 2.50, below a billion, or none, not `{sum}`" in r.stderr, r.stderr


def test_on_a_terminal_a_key_is_waited_for(client):
    go = threading.Event()
    client.serve().job(("waiting", {"on": "key", "wait": 1, "remedy": "set it"}), (lambda c: go.wait(DEADLINE), None),
                       ("started", {"attempt": 1}), done(call=1))
    t = Terminal(client, "gen", "spec.yaml", "-o", "out")
    t.until("set it")
    go.set()
    assert t.end() == 0


def test_an_answer_streams_to_a_terminal(client):
    go = threading.Event()
    client.serve().job(("task.delta", {"task": 0, "text": "Hel"}), (lambda c: go.wait(DEADLINE), None), ("done", {"text": "Hello"}))
    t = Terminal(client, "ask", "hi")
    t.until("Hel")
    go.set()
    assert t.end() == 0 and t.text.rstrip().endswith("Hello")


# --- keys and lists


def test_keys_are_kept_for_their_owner_alone(client):
    client.serve()
    keys = client.place / "home/.config/genopt/keys"
    r = client.run("key", "set", "anthropic", input="sk-secret\n", check=0)
    assert "sk-secret" not in r.stdout + r.stderr
    assert (keys / "anthropic").read_text() == "sk-secret\n"
    assert (keys / "anthropic").stat().st_mode & 0o777 == 0o600 and keys.stat().st_mode & 0o777 == 0o700
    assert client.daemon.params("daemon/reload") == [{}]
    assert client.run("key", "list", check=0).stdout == "anthropic\n"
    assert json.loads(client.run("key", "list", "--json", check=0).stdout) == {"keys": ["anthropic"]}
    client.run("key", "set", "x", input="", check=2)
    client.run("key", "set", "x", input="two words\n", check=2)
    assert "at most" in client.run("key", "set", "x", input="a" * 5000, check=2).stderr
    client.run("key", "remove", "anthropic", check=0)
    client.run("key", "remove", "anthropic", check=78)
    assert list(keys.iterdir()) == []


def test_a_key_is_not_shown_when_typed(client):
    client.serve()
    t = Terminal(client, "key", "set", "anthropic")
    t.until("not shown")
    t.type("sk-typed\n")
    assert t.end() == 0 and "sk-typed" not in t.text
    assert (client.place / "home/.config/genopt/keys/anthropic").read_text() == "sk-typed\n"


def test_jobs_show_cache_and_status_print_tables(client):
    d = client.serve()
    row = {"job": JOB, "kind": "generate", "state": "done", "label": "spec.yaml", "created": "2026-01-02T03:04:05.678Z", "ended": None,
           "done": 3, "total": 4, "nanousd": 12000000}
    d.on("job/list", {"jobs": [row], "more": True})
    r = client.run("jobs", "--state", "done,failed", "--limit", "5", check=0)
    assert JOB in r.stdout and "3/4" in r.stdout and "$0.0120" in r.stdout and f"--before {JOB}" in r.stderr
    assert d.params("job/list")[0] == {"state": ["done", "failed"], "limit": 5, "dry_runs": False}
    assert json.loads(client.run("jobs", "--json", check=0).stdout)["jobs"] == [row]
    d.on("job/list", {"jobs": [{**row, "done": 4, "failed": 3}], "more": False})
    assert "1/4, 3 failed" in client.run("jobs", check=0).stdout
    d.on("job/list", {"jobs": [{**row, "dry_run": True}], "more": False})
    assert "generate (dry run)" in client.run("jobs", "--dry-runs", check=0).stdout
    assert d.params("job/list")[-1] == {"dry_runs": True}
    d.on("job/get", {**row, "tasks": [{"task": 0, "path": "a.go", "state": "failed", "source": "call", "attempts": 2, "nanousd": 5,
                                       "error": {"message": "bad"}}],
                     "waits": [{"on": "key", "wait": 1, "remedy": "set it"}], "summary": summary(call=1),
                     "calls": [{"call": 1, "tasks": [0, 7], "model": "m-1", "state": "ok", "attempts": 1, "tokens": {"input": 10}, "nanousd": 5, "ms": 9,
                                "prompt": [{"role": "user", "text": "the prompt"}]}]})
    r = client.run("show", JOB, "--prompts", check=0)
    for words in ("a.go", "bad", "→ set it", "m-1", "a.go +1", "the prompt", "naive"):
        assert words in r.stdout
    assert d.params("job/get")[0] == {"job": JOB, "calls": True, "prompts": True}
    d.on("cache/stats", {"caches": [{"name": "results", "hits": 3, "misses": 1, "size": 2048, "max_size": 4096, "entries": 7, "max_age_s": 86400}]})
    r = client.run("cache", "stats", check=0)
    assert "75 %" in r.stdout and "2.0 KiB" in r.stdout
    d.on("cache/trim", {"removed": 2, "size": 10})
    client.run("cache", "trim", "--max", "1MiB", check=0)
    assert d.params("cache/trim") == [{"max_bytes": 1 << 20}]
    r = client.run("status", check=0)
    assert "anthropic: not ready (no key)" in r.stdout
    d.on("job/resume", {"state": "queued"})
    client.run("resume", JOB, "--set", "budget.job_usd=9", check=0)
    assert d.params("job/resume") == [{"job": JOB, "options": {"budget.job_usd": "9"}}]
    assert "cancelled" in client.run("cancel", JOB, check=0).stderr
