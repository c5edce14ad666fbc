"""What lies on disk: damaged, deleted, read-only, full, held by another, and cut off in the middle of a commit."""

import concurrent.futures
import contextlib
import json
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import threading
import time

import pytest

from conftest import DEADLINE, GENOPTD, Daemon, Rpc, config_for, tree, write_spec

MIB = 1 << 20
FLOOR_BYTES = 64 * MIB  # below so much free disk new jobs are refused (daemon/store/store.c)


def ask(rpc, prompt, **more):
    """The submit's result if it was known, else the end of the job."""
    r = rpc.ok("job/submit", {"kind": "ask", "input": {"prompt": prompt}, **more})
    if "job" not in r:
        return r
    rpc.ok("job/attach", {"job": r["job"], "after": 0})
    end = rpc.end()
    rpc.ok("job/detach", {"job": r["job"]})
    return end


def fill_cache(daemon, n=30):
    rpc = daemon.rpc()
    texts = {}
    for i in range(n):
        r = ask(rpc, f"What is harbour number {i}?")
        texts[i] = (r["result"] if r.get("cached") else r)["text"]
    rpc.close()
    return texts


def check_cache(daemon, texts):
    """Every answer is right, from the cache or anew; how many were known."""
    rpc = daemon.rpc()
    known = 0
    for i, text in texts.items():
        r = ask(rpc, f"What is harbour number {i}?")
        known += r.get("cached") is True
        assert (r["result"] if r.get("cached") else r)["text"] == text
    rpc.close()
    return known


def flip(path, places):
    with open(path, "r+b") as f:
        for at, mask in places:
            f.seek(at)
            old = f.read(1)
            f.seek(at)
            f.write(bytes([old[0] ^ mask]))


def forget_log(daemon):
    """What a sanitizer said of LMDB in a damaged file is no fault of ours."""
    texts = {p: p.read_text(errors="replace") for p in daemon.logs}
    daemon.logs = [p for p in daemon.logs if "liblmdb" not in texts[p] and "in value_open" not in texts[p]]


def start_or_again(daemon, times=4):
    """Starts it; a damaged file may end the process once, but not for ever."""
    for _ in range(times):
        with contextlib.suppress(AssertionError):
            return daemon.start()
    raise AssertionError("it does not start:\n" + daemon.log())


# ---- damage ----


@pytest.mark.parametrize("what", ["cache", "cache, verified", "state"])
def test_damage_to_content_is_never_an_answer(daemon, place, what):
    """Bytes of stored texts are changed: their checksums tell; what is bad is absent."""
    texts = fill_cache(daemon)
    daemon.stop()
    data = place / what.split(",")[0] / "data.mdb"
    places = [(m.start() + 5, 0x40) for m in re.finditer(rb"harbour number", data.read_bytes())]
    assert places
    flip(data, places)
    daemon.start()
    rpc = daemon.rpc()
    if what == "cache, verified":
        assert rpc.ok("cache/verify")["bad"] > 0
        assert rpc.ok("cache/verify")["bad"] == 0  # they are removed
    check_cache(daemon, texts)
    for j in rpc.ok("job/list", {"limit": 1000})["jobs"]:
        m = rpc.call("job/get", {"job": j["job"]})
        assert "result" in m or m["error"]["data"]["name"] in ("no_such_job", "internal"), m
    daemon.stop()
    daemon.start()
    check_cache(daemon, texts)


@pytest.mark.parametrize("seed", range(8))
def test_random_damage_to_the_cache(daemon, place, seed):
    """Bytes anywhere in the file: the daemon may lose its cache, never its service; no answer is wrong."""
    texts = fill_cache(daemon)
    daemon.stop()
    data = place / "cache" / "data.mdb"
    size = data.stat().st_size
    chance = random.Random(seed)
    flip(data, [(chance.randrange(size), 1 << chance.randrange(8)) for _ in range(1 if seed < 2 else size // 500)])
    for attempt in range(4):
        start_or_again(daemon)
        try:
            check_cache(daemon, texts)
            daemon.rpc().ok("cache/clear")  # now: what was asked last may still be on its way into the file
            break
        except (EOFError, ConnectionError):
            daemon.process.wait(timeout=DEADLINE)
    else:
        raise AssertionError("it dies again and again:\n" + daemon.log()[-4000:])
    # a damaged page may end it inside LMDB; the third run has checked the file before it trusts it
    print(f"it died {attempt} times")
    assert attempt <= 2
    check_cache(daemon, texts)
    daemon.rpc().ok("cache/trim")  # the last answer is in it when its writer comes to this
    assert check_cache(daemon, texts) == len(texts)  # and it keeps again what it learns
    forget_log(daemon)


@pytest.mark.parametrize("what", ["nothing", "half", "noise", "zeros", "short", "directory"])
def test_a_cache_file_that_is_none(daemon, place, what):
    texts = fill_cache(daemon, 5)
    daemon.stop()
    data = place / "cache" / "data.mdb"
    size = data.stat().st_size
    if what == "nothing":
        data.write_bytes(b"")
    elif what == "half":
        os.truncate(data, size // 2)
    elif what == "noise":
        data.write_bytes(random.Random(1).randbytes(size))
    elif what == "zeros":
        data.write_bytes(b"\0" * size)
    elif what == "short":
        os.truncate(data, 100)
    else:
        data.unlink()
        data.mkdir()
    daemon.start()
    check_cache(daemon, texts)
    if what != "directory":
        assert check_cache(daemon, texts) == len(texts)


def test_state_that_was_cut_is_told(daemon, place):
    """Damaged state is set aside with a named loss, and the daemon serves."""
    fill_cache(daemon, 5)
    daemon.stop()
    data = place / "state" / "data.mdb"
    os.truncate(data, data.stat().st_size // 2 + 100)
    daemon.start()
    end = ask(daemon.rpc(), "What is a new question?")
    assert end["type"] == "done"
    assert "damaged" in daemon.log()
    assert list((place / "state").glob("*damaged*"))


# ---- directories ----


def test_cache_directory_that_cannot_be_written(daemon, place, sim):
    """Not for root, whom no mode stops: a file stands where the directory should be."""
    daemon.stop()
    shutil.rmtree(place / "cache")
    (place / "cache").write_text("not a directory")
    daemon.start()
    rpc = daemon.rpc()
    assert ask(rpc, "What is a bollard?")["type"] == "done"
    assert ask(rpc, "What is a bollard?")["type"] == "done"  # asked again: nothing is kept
    assert len(sim.requests()) == 2
    assert "cache" in daemon.log()
    assert rpc.ok("cache/stats")["caches"]
    for method in ("cache/trim", "cache/clear", "cache/verify"):
        m = rpc.call(method)
        assert "error" in m or all(v == 0 for v in m["result"].values()), m
    r = daemon.genopt("gen", write_spec(place / "s.yaml", n_entities=1), "-o", place / "out", check=0)


@pytest.fixture
def mount(place):
    """mount(directory, size): a file system of its own; skips where that cannot be had."""
    mounted = []

    def make(directory, options):
        directory.mkdir(exist_ok=True, mode=0o700)
        r = subprocess.run(["mount", "-t", "tmpfs", "-o", f"mode=0700,{options}", "none", str(directory)], capture_output=True, text=True)
        if r.returncode != 0:
            pytest.skip(f"cannot mount a file system: {r.stderr.strip()}")
        mounted.append(directory)

    yield make
    for directory in mounted:
        subprocess.run(["umount", "-l", str(directory)], check=True)


@pytest.fixture
def unstarted(place, sim):
    d = Daemon(place, config_for(sim))
    yield d
    d.stop()


def test_read_only_cache(unstarted, place, mount, sim):
    d = unstarted
    mount(place / "cache", "size=64m")
    d.start()
    texts = fill_cache(d, 3)
    d.stop()
    subprocess.run(["mount", "-o", "remount,ro", str(place / "cache")], check=True)
    d.start()
    check_cache(d, texts)
    assert ask(d.rpc(), "What is a fender?")["type"] == "done"
    assert "cache" in d.log()
    d.stop()


def test_cache_directory_deleted_while_it_runs(daemon, place, sim):
    texts = fill_cache(daemon, 5)
    shutil.rmtree(place / "cache")
    check_cache(daemon, texts)
    more = fill_cache(daemon, 8)
    assert check_cache(daemon, more) >= 0
    daemon.stop()
    daemon.start()
    check_cache(daemon, more)
    assert check_cache(daemon, more) == len(more)


def test_state_directory_is_held(daemon, place):
    """A second daemon on the same state says who holds it, and the first does not notice."""
    second = Daemon(place / "second" if (place / "second").mkdir() is None else None, daemon.config_path.read_text())
    second.env.update(GENOPT_STATE_DIR=str(place / "state"), GENOPT_TEST_LOCK_MS="100")
    r = subprocess.run([GENOPTD], env=second.env, capture_output=True, text=True, timeout=DEADLINE)
    assert r.returncode == 69
    assert str(place / "state") in r.stderr or "another" in r.stderr, r.stderr
    assert ask(daemon.rpc(), "Still there?")["type"] == "done"


# ---- full disks ----


def fill(directory, leave):
    """Leaves about so many bytes free."""
    path = directory / "ballast"
    free = os.statvfs(directory).f_bavail * os.statvfs(directory).f_frsize
    n = free - leave
    with contextlib.suppress(OSError), open(path, "ab", buffering=0) as f:
        while n > 0:
            n -= f.write(b"\0" * min(n, 65536))
    return path


def test_state_below_the_floor_refuses_and_goes_on(unstarted, place, mount, sim):
    """Below the floor new jobs are refused, running ones wait before their next call; with room again both go on."""
    d = unstarted
    mount(place / "state", "size=160m")
    d.start()
    rpc = d.rpc()
    assert ask(rpc, "What is a keel?")["type"] == "done"
    sim.faults({"kind": "hold"})
    spec = write_spec(place / "s.yaml", n_entities=1)
    job = rpc.ok("job/submit", {"kind": "generate", "input": {"spec": {"name": "s.yaml", "text": spec.read_text()}},
                                "options": {"limits.calls": "1"}})["job"]
    rpc.ok("job/attach", {"job": job, "after": 0})
    rpc.event("started")
    ballast = fill(place / "state", FLOOR_BYTES - 8 * MIB)
    other, deadline = d.rpc(), time.monotonic() + DEADLINE
    while "result" in (m := other.call("job/submit", {"kind": "ask", "input": {"prompt": "What is a rudder?"}})):  # looked at once a second
        other.ok("job/cancel", {"job": m["result"]["job"]})
        assert time.monotonic() < deadline
    sim.faults()
    w = rpc.event("waiting", "done", "failed")
    assert w["type"] == "waiting" and w["on"] == "disk", w
    e = rpc.error("job/submit", {"kind": "ask", "input": {"prompt": "What is a rudder?"}})
    assert e["data"]["name"] == "disk_full" and e["data"]["retryable"] and e["data"]["remedy"]
    assert d.rpc().ok("job/submit", {"kind": "ask", "input": {"prompt": "What is a keel?"}})["cached"]  # nothing to write
    r = d.genopt("ask", "What is a rudder?")
    assert r.returncode == 75 and "disk" in r.stderr, r
    ballast.unlink()
    deadline = time.monotonic() + DEADLINE
    while "error" in rpc.call("job/resume", {"job": job}):
        assert time.monotonic() < deadline
    end = rpc.end()
    assert end["type"] == "done" and end["summary"]["files"]["failed"] == 0
    while "error" in d.rpc().call("job/submit", {"kind": "ask", "input": {"prompt": "What is a rudder?"}}):  # asked once a second
        assert time.monotonic() < deadline


def test_state_that_is_full_to_the_last_byte(unstarted, place, mount, sim):
    """A commit fails: no id is given for what is not on disk; what was given before is all there."""
    d = unstarted
    mount(place / "state", "size=160m")
    d.start()
    rpc = d.rpc()
    accepted = [rpc.ok("job/submit", {"kind": "echo-check", "input": {"path": f"f{i}", "command": 0}, "commands": [["true"]]})["job"]
                for i in range(3)]
    # straight from plenty to nothing, so that the floor is not seen first
    rpc.ok("daemon/status")
    ballast = fill(place / "state", 0)
    refused = 0
    for i in range(50):
        # twice with one key at once: neither is told an id unless it is on disk
        for _ in range(2):
            rpc.send("job/submit", {"kind": "ask", "input": {"prompt": "x" * 60000 + str(i)}, "meta": {"key": f"k{i}"}})
        for m in (rpc.read(), rpc.read()):
            if "result" in m:
                accepted.append(m["result"]["job"])
            else:
                refused += 1
                assert m["error"]["data"]["name"] == "disk_full", m
    assert refused > 0
    is_there = {j["job"] for j in rpc.ok("job/list", {"limit": 1000})["jobs"]}
    assert is_there >= set(accepted)
    d.kill()
    ballast.unlink()
    d.start()
    is_there = {j["job"] for j in d.rpc().ok("job/list", {"limit": 1000})["jobs"]}
    assert is_there == set(accepted)


def test_ends_that_cannot_be_written(unstarted, place, mount, sim):
    """The disk is full when a question is answered and another cancelled: no end is told that is not on disk. When there is room
    both go on by themselves, and their ends are the same after a kill."""
    d = unstarted
    mount(place / "state", "size=160m")
    d.start()
    rpc = d.rpc()
    sim.faults({"kind": "hold", "match": "strake"}, {"kind": "stall", "match": "doldrum"})
    jobs = {what: rpc.ok("job/submit", {"kind": "ask", "input": {"prompt": f"What is a {word}?"}})["job"]
            for what, word in (("cancelled", "doldrum"), ("done", "strake"))}  # the first of a model leads: one that answers
    rpcs = {what: d.rpc() for what in jobs}
    for what, r in rpcs.items():
        r.ok("job/attach", {"job": jobs[what], "after": 0})
        r.event("task.started")
    ballast = fill(place / "state", 0)
    assert rpc.ok("job/cancel", {"job": jobs["cancelled"]})["state"] == "cancelled"
    sim.faults()
    deadline = time.monotonic() + DEADLINE
    while f"{jobs['done']}: state cannot be written" not in d.log():
        assert time.monotonic() < deadline, d.log()
    ballast.unlink()
    ends = {what: r.end() for what, r in rpcs.items()}
    assert {what: e["type"] for what, e in ends.items()} == {"done": "done", "cancelled": "cancelled"}
    d.kill()
    d.start()
    rpc = d.rpc()
    for what, job in jobs.items():
        assert rpc.ok("job/get", {"job": job})["state"] == what
        rpc.ok("job/attach", {"job": job, "after": ends[what]["seq"] - 1})
        assert rpc.end() == ends[what]
    assert rpc.ok("daemon/status")["jobs"] == {"running": 0, "queued": 0, "waiting": 0}


@pytest.mark.parametrize("how", ["resume", "restart", "alone"])
def test_a_job_whose_results_do_not_fit(unstarted, place, mount, sim, how):
    """The disk is full before the answer comes: it waits for the disk (or for the restart), loses nothing and ends well."""
    d = unstarted
    mount(place / "state", "size=160m")
    d.start()
    rpc = d.rpc()
    sim.faults({"kind": "hold"})
    spec = write_spec(place / "s.yaml", n_entities=3)
    job = rpc.ok("job/submit", {"kind": "generate", "input": {"spec": {"name": "s.yaml", "text": spec.read_text()}}})["job"]
    rpc.ok("job/attach", {"job": job, "after": 0})
    rpc.event("task.started")
    ballast = fill(place / "state", 0)
    sim.faults()
    deadline = time.monotonic() + DEADLINE
    while (state := rpc.ok("job/get", {"job": job}))["state"] not in ("waiting", "done"):
        assert time.monotonic() < deadline, state
    assert state["state"] == "waiting" and state["waits"][0]["on"] == "disk", state
    if how == "restart":
        rpc.close()
        d.kill()
    ballast.unlink()
    if how == "restart":
        d.start()
        rpc = d.rpc()
        rpc.ok("job/attach", {"job": job, "after": 0})
    elif how == "resume":
        while "error" in rpc.call("job/resume", {"job": job}):
            assert time.monotonic() < deadline
    end = rpc.end()
    assert end["type"] == "done" and end["summary"]["files"]["failed"] == 0, end
    # each event once, in order, and the same for who was attached all the time
    fresh = d.rpc()
    fresh.ok("job/attach", {"job": job, "after": 0})
    seqs = []
    while not seqs or seqs[-1] < end["seq"]:
        e = fresh.read()
        if e.get("method") == "job/event":
            seqs.append(e["params"]["seq"])
    assert seqs == sorted(set(seqs)) and seqs[0] == 1


def test_full_again_and_again(unstarted, place, mount, sim):
    """The disk is full twice in the middle of one generation: each time it waits and goes on by itself. Every event once, nothing
    failed, and what was made is not asked for again: only what was under way."""
    d = unstarted
    mount(place / "state", "size=160m")
    d.start()
    rpc = d.rpc()
    sim.faults({"kind": "hold"})
    spec = write_spec(place / "s.yaml", n_entities=4)
    n_calls = 1
    job = rpc.ok("job/submit", {"kind": "generate", "input": {"spec": {"name": "s.yaml", "text": spec.read_text()}},
                                "options": {"limits.calls": str(n_calls)}})["job"]
    rpc.ok("job/attach", {"job": job, "after": 0})
    rpc.event("queued")
    other = d.rpc()
    n_full = 2
    for _ in range(n_full):
        assert rpc.event("task.started", "done")["type"] == "task.started"
        ballast = fill(place / "state", 0)
        sim.faults({"kind": "hold"})  # that one goes on, the next one waits
        deadline = time.monotonic() + DEADLINE
        while (state := other.ok("job/get", {"job": job}))["state"] != "waiting":
            assert time.monotonic() < deadline and state["state"] != "done", state
        assert state["waits"][0]["on"] == "disk", state
        ballast.unlink()
        deadline = time.monotonic() + DEADLINE
        while other.ok("job/get", {"job": job})["state"] == "waiting":
            assert time.monotonic() < deadline, d.log()
        rpc.event("queued")  # what was told before it went on is passed over
    sim.faults()
    end = rpc.end()
    assert end["type"] == "done" and end["summary"]["files"]["failed"] == 0, end
    assert ask(other, "What is a thwart?")["type"] == "done"
    made = [e["task"] for e in events_of(d, job) if e["type"] == "task.done"]
    asked = [r for r in sim.requests() if "thwart" not in json.dumps(r)]
    assert len(asked) <= len(made) + n_full * n_calls, (len(asked), len(made))


def events_of(d, job):
    rpc = d.rpc()
    rpc.ok("job/attach", {"job": job, "after": 0})
    events = []
    while not events or events[-1]["type"] not in ("done", "failed", "cancelled"):
        m = rpc.read()
        if m.get("method") == "job/event" and "seq" in m["params"]:
            events.append(m["params"])
    rpc.close()
    seqs = [e["seq"] for e in events]
    assert seqs == sorted(set(seqs)) and seqs[0] == 1
    return events


def test_full_cache_disk_costs_only_money(unstarted, place, mount, sim):
    d = unstarted
    mount(place / "cache", "size=8m")
    d.start()
    texts = fill_cache(d, 5)
    fill(place / "cache", 0)
    for i in range(20):
        assert ask(d.rpc(), f"{i}: tell of the tides in 900 words.")["type"] == "done"
    assert check_cache(d, texts) >= 0
    (place / "cache" / "ballast").unlink()
    assert ask(d.rpc(), "What is known when there is room again?")["type"] == "done"
    d.rpc().ok("cache/trim")  # the last answer is in it when its writer comes to this
    assert ask(d.rpc(), "What is known when there is room again?").get("cached")


# ---- the cache through the client ----


def test_cache_commands(daemon, sim):
    import json
    texts = fill_cache(daemon, 10)
    rows = {c["name"]: c for c in json.loads(daemon.genopt("cache", "stats", "--json", check=0).stdout)["caches"]}
    assert set(rows) >= {"memory", "result", "seen", "raw"}
    for row in rows.values():
        assert set(row) >= {"hits", "misses", "size", "max_size", "entries", "hit_rate", "max_age_s"}
    assert rows["result"]["entries"] == 10 and rows["result"]["size"] > 0
    assert check_cache(daemon, texts) == 10
    text = daemon.genopt("cache", "stats", check=0).stdout
    assert "result" in text and "raw" in text

    verified = json.loads(daemon.genopt("cache", "verify", "--json", check=0).stdout)
    assert verified["bad"] == 0 and verified["checked"] >= 10
    trimmed = json.loads(daemon.genopt("cache", "trim", "--json", check=0).stdout)
    assert trimmed["removed"] == 0  # far below its bound
    assert check_cache(daemon, texts) == 10
    cleared = json.loads(daemon.genopt("cache", "clear", "--json", check=0).stdout)
    assert cleared["removed"] >= 10
    before = len(sim.requests())
    assert check_cache(daemon, texts) == 0
    assert len(sim.requests()) == before + 10


def test_trim_removes_what_was_used_longest_ago(daemon):
    fill_cache(daemon, 40)
    rpc = daemon.rpc()
    size = {c["name"]: c for c in rpc.ok("cache/stats")["caches"]}["result"]["size"]
    r = rpc.ok("cache/trim", {"max_bytes": size // 2})
    assert r["removed"] > 0 and r["size"] <= size // 2 + 64 * 1024, (r, size)
    left = {c["name"]: c for c in rpc.ok("cache/stats")["caches"]}["result"]["entries"]
    assert 0 <= left < 40


def test_a_small_cache_stays_small(place, sim):
    d = Daemon(place, config_for(sim, "cache: {disk: 2MiB, memory: 64KiB, max_age: 30d}\n"), env={"GENOPT_TEST_REST_MS": "50"})
    d.start()
    rpc = d.rpc()
    for i in range(150):
        assert ask(rpc, f"{i}: tell of the wind in 900 words.")["type"] == "done"
    deadline = time.monotonic() + DEADLINE
    while sum(c["size"] for c in rpc.ok("cache/stats")["caches"] if c["name"] != "memory") > 2 * MIB:
        assert time.monotonic() < deadline
    assert (place / "cache" / "data.mdb").stat().st_size < 8 * MIB
    assert ask(rpc, "149: tell of the wind in 900 words.").get("cached")  # the last one used is still there
    d.stop()


# ---- kill -9 ----


def submit_all(d, n, key=None):
    """n clients at once; the ids that were answered."""
    answered, lock = {}, threading.Lock()
    barrier = threading.Barrier(n + 1)

    def one(i):
        try:
            rpc = d.rpc()
            barrier.wait(DEADLINE)
            for round in range(20):
                meta = {"meta": {"key": key(i, round)}} if key else {}
                r = rpc.ok("job/submit", {"kind": "echo-check", "input": {"path": f"f{i}.{round}", "command": 0}, "commands": [["true"]], **meta})
                with lock:
                    answered[(i, round)] = r["job"]
        except (EOFError, ConnectionError, OSError):
            pass

    threads = [threading.Thread(target=one, args=(i,)) for i in range(n)]
    for t in threads:
        t.start()
    barrier.wait(DEADLINE)
    return threads, answered


@pytest.mark.parametrize("after", [1, 7, 40, 150])
def test_killed_during_concurrent_submits(daemon, after):
    """Every id that was answered exists after the restart, and none was answered twice."""
    threads, answered = submit_all(daemon, 20)
    deadline = time.monotonic() + DEADLINE
    while len(answered) < after:
        assert time.monotonic() < deadline
    daemon.kill()
    for t in threads:
        t.join(DEADLINE)
    ids = list(answered.values())
    assert len(set(ids)) == len(ids)
    daemon.start()
    rpc = daemon.rpc()
    listed = {j["job"]: j for j in rpc.ok("job/list", {"limit": 1000})["jobs"]}
    assert set(listed) >= set(ids)
    for job in ids:
        assert rpc.ok("job/get", {"job": job})["state"] in ("queued", "waiting", "planning")
    # new ids go on where the old ended
    new = rpc.ok("job/submit", {"kind": "echo-check", "input": {"path": "g", "command": 0}, "commands": [["true"]]})["job"]
    assert new > max(listed)
    print(f"{len(ids)} answered, {len(listed)} on disk")


def test_idempotency_over_a_kill(daemon):
    """All submits are sent again after the kill: each key is one job, the one that was answered if it was."""
    key = lambda i, round: f"key {i} {round}"
    threads, answered = submit_all(daemon, 10, key)
    deadline = time.monotonic() + DEADLINE
    while len(answered) < 60:
        assert time.monotonic() < deadline
    daemon.kill()
    for t in threads:
        t.join(DEADLINE)
    daemon.start()
    threads, again = submit_all(daemon, 10, key)
    for t in threads:
        t.join(DEADLINE)
    assert len(again) == 200 and len(set(again.values())) == 200
    for k, job in answered.items():
        assert again[k] == job
    assert len(daemon.rpc().ok("job/list", {"limit": 1000})["jobs"]) == 200


def test_same_key_at_once_before_the_commit(place, sim):
    """A second submit with the same key is not answered before the first is on disk: the daemon dies right before that commit."""
    d = Daemon(place, config_for(sim))
    p = {"kind": "echo-check", "input": {"path": "f", "command": 0}, "commands": [["true"]], "meta": {"key": "k"}}
    told = {}
    for n in range(1, 8):
        d.start(env={"GENOPT_TEST_DIE_BEFORE": str(n)}, may_die=True)
        answers = []
        try:
            rpc = d.rpc()
            rpc.s.settimeout(5)
            for i in range(4):
                rpc.send("job/submit", {**p, "meta": {"key": f"k{n}"}})
            while len(answers) < 4:
                answers.append(rpc.read())
        except (EOFError, OSError):
            pass
        d.kill()
        ids = {m["result"]["job"] for m in answers}
        assert len(ids) <= 1
        if ids:
            told[n] = ids.pop()
        d.start()
        rpc = d.rpc()
        listed = {j["job"] for j in rpc.ok("job/list", {"limit": 1000})["jobs"]}
        assert listed >= set(told.values()), n
        rpc.close()
        d.stop()
