"""Power cuts: the daemon's files as its disk may have them, by what tests/bench/disk-log.c wrote down of writes and syncs.

After a cut stands what was synced; of what was written since then nothing, or by chance some pages. That holds for the state, which is
synced before anything is promised, and for the cache, which is synced in the background: of the latter anything may be left, and nothing of
it may be believed wrongly. The machine has another boot's id."""

import random
import shutil
import struct
import time

import kill
from conftest import BUILD, DEADLINE

LIBRARY = BUILD / "tests" / "bench" / "libdisk-log.so"
HEAD = struct.Struct("=QQQQ")
WRITTEN, SYNCED, DURABLE, MADE = 1, 2, 3, 4
STATE, CACHE = 0, 1
PAGE = 4096


def records(path):
    """(file, kind, offset, bytes) of each; the last may be cut off."""
    text, at = path.read_bytes(), 0
    while at + HEAD.size <= len(text):
        file, kind, offset, n = HEAD.unpack_from(text, at)
        at += HEAD.size
        if at + n > len(text):
            return
        yield file, kind, offset, text[at:at + n]
        at += n


def put(image, offset, data):
    if len(image) < offset + len(data):
        image.extend(bytes(offset + len(data) - len(image)))
    image[offset:offset + len(data)] = data


class Image:
    """A file as the disk has it, and what was written to it and may not be there yet: pages, in their order."""

    def __init__(self, path):
        self.path = path
        self.synced, self.unsynced = bytearray(), []

    def apply(self, kind, offset, data):
        if kind == MADE:  # the one before has gone, or has another name
            self.synced, self.unsynced = bytearray(), []
        elif kind == WRITTEN:
            self.unsynced += [(offset + i, data[i:i + PAGE]) for i in range(0, len(data), PAGE)]
        elif kind == DURABLE:
            put(self.synced, offset, data)
        else:
            for x in self.unsynced:
                put(self.synced, *x)
            self.unsynced = []

    def cut(self, kept):
        """Of what is not synced these pages are there by chance: that is the disk now."""
        for x in kept:
            put(self.synced, *x)
        self.unsynced = []
        self.path.write_bytes(self.synced)
        (self.path.parent / "lock.mdb").unlink(missing_ok=True)

    def is_like_file(self):
        whole = bytearray(self.synced)
        for x in self.unsynced:
            put(whole, *x)
        return self.path.read_bytes().rstrip(b"\0") == bytes(whole).rstrip(b"\0")


class Disk:
    """Of one daemon: from its first start on, cut by cut."""

    def __init__(self, daemon, seed=1):
        self.images = [Image(daemon.dir / "state" / "data.mdb"), Image(daemon.dir / "cache" / "data.mdb")]
        self.log = daemon.dir / "disk.log"
        self.rnd = random.Random(seed)
        self.n_cuts = self.n_unsynced = self.n_kept = self.n_cache_unsynced = self.n_cache_kept = 0
        self.times = []  # of the cuts
        daemon.env.update(LD_PRELOAD=str(LIBRARY), DISK_LOG=str(self.log), DISK_LOG_FILES=":".join(str(i.path) for i in self.images))
        daemon.env["ASAN_OPTIONS"] += ":verify_asan_link_order=0"  # the library is there first, and no part of it is checked

    def replay(self):
        if self.log.exists():
            for file, *what in records(self.log):
                self.images[file].apply(*what)
        self.log.unlink(missing_ok=True)

    def age(self, directory):
        """What tells this boot from others is of another."""
        boot = "00000000-0000-4000-8000-%012d" % self.n_cuts
        if (directory / "dirty").exists():
            (directory / "dirty").write_text(boot + " 1\n")
        unsent = directory / "unsent"
        if unsent.exists():  # it was in memory alone
            unsent.write_bytes(b"genopt unsent 1\n" + boot.encode() + unsent.read_bytes()[52:])

    def cut_cache(self):
        """Nothing of what was not synced is left, or the half of it, or all but one page, or there is no cache at all."""
        image, how = self.images[CACHE], self.n_cuts % 4
        kept = []
        if how == 1:
            kept = [x for x in image.unsynced if self.rnd.random() < 0.5]
        elif how == 2 and image.unsynced:
            kept = image.unsynced[:]
            kept.pop(self.rnd.randrange(len(kept)))
        if not image.path.exists():
            return
        self.n_cache_unsynced += len(image.unsynced)
        self.n_cache_kept += len(kept)
        image.cut(kept)
        self.age(image.path.parent)
        if how == 3:
            shutil.rmtree(image.path.parent)
            image.apply(MADE, 0, b"")

    def cut(self):
        """The daemon has been killed: its files become what they might be after a power cut in that moment."""
        self.replay()
        state = self.images[STATE]
        kept = [x for x in state.unsynced if self.rnd.random() < 0.5] if self.n_cuts % 3 == 2 else []
        self.n_unsynced += len(state.unsynced)
        self.n_kept += len(kept)
        state.cut(kept)
        self.age(state.path.parent)
        self.cut_cache()
        self.n_cuts += 1

    def is_like_files(self):
        """While the daemon rests, and nothing was cut: the log tells the whole of each."""
        self.replay()
        return all(i.is_like_file() for i in self.images)


def run(daemon, sim, disk, params, n_cuts, seed=1, most=8):
    """(job, events, rows of the provider's log): the power goes in the midst of a commit, of one of the first `most` after a start, n_cuts
    times at most; then the job ends."""
    rnd = random.Random(seed)
    job, events = None, []
    while True:
        is_last = disk.n_cuts >= n_cuts
        daemon.start({} if is_last else {"DISK_LOG_CUT": str(rnd.randint(2, most))}, may_die=not is_last)
        try:
            rpc = daemon.rpc()
            job = job or rpc.ok("job/submit", {**params, "meta": {"key": "power"}})["job"]
            follow(rpc, job, events)
            while kill.is_poisoned(events[-1]):  # three cuts before anything of it was done
                rpc.ok("job/resume", {"job": job})
                follow(rpc, job, events)
            break
        except (EOFError, OSError):  # the power went
            assert not is_last
            daemon.kill()
            disk.times.append(time.time())
            disk.cut()
    deadline = time.monotonic() + DEADLINE
    while sim.stats()["in_flight"]:  # it notices who hung up
        assert time.monotonic() < deadline
    return job, events, sim.requests()


def follow(rpc, job, events):
    """Adds events as they are told, up to an end; at once if that was told before, and the power went when it was to go on."""
    r = rpc.ok("job/attach", {"job": job, "after": events[-1]["seq"] if events else 0})
    is_over = bool(events) and events[-1]["type"] in kill.ENDS and r["state"] in kill.ENDS and r["head"] == events[-1]["seq"]
    while not is_over:
        m = {"method": "job/event", "params": rpc.events.pop(0)} if rpc.events else rpc.read()
        if m.get("method") == "job/event":
            events.append(m["params"])
            is_over = events[-1]["type"] in kill.ENDS


def contents(events):
    """What became of each path: the hash of its text."""
    return {e["path"]: e["blob"] for e in events if e["type"] == "file" and "blob" in e}


def again(daemon, params):
    """The same job once more, of what is known: (contents, calls)."""
    rpc = daemon.rpc()
    job = rpc.ok("job/submit", params)["job"]
    events = []
    follow(rpc, job, events)
    assert events[-1]["type"] == "done", events[-1]
    return contents(events), events[-1]["summary"]["calls"]
