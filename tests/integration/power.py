"""Power cuts: the daemon's state file as its disk may have it, by what tests/bench/disk-log.c wrote down of writes and syncs.

After a cut stands what was synced; of what was written since then nothing, or by chance some pages. The cache, which nobody syncs
before an answer is given, may be anything: gone, or with holes. The machine has another boot's id."""

import random
import shutil
import struct
import time

import kill
from conftest import BUILD, DEADLINE

LIBRARY = BUILD / "tests" / "bench" / "libdisk-log.so"
HEAD = struct.Struct("=QQQ")
WRITTEN, SYNCED, DURABLE = 1, 2, 3
PAGE = 4096


def records(path):
    """(kind, offset, bytes) of each; the last may be cut off."""
    text, at = path.read_bytes(), 0
    while at + HEAD.size <= len(text):
        kind, offset, n = HEAD.unpack_from(text, at)
        at += HEAD.size
        if at + n > len(text):
            return
        yield kind, offset, text[at:at + n]
        at += n


def put(image, offset, data):
    if len(image) < offset + len(data):
        image.extend(bytes(offset + len(data) - len(image)))
    image[offset:offset + len(data)] = data


class Disk:
    """Of one daemon: from its first start on, cut by cut."""

    def __init__(self, daemon, seed=1):
        self.file, self.cache = daemon.dir / "state" / "data.mdb", daemon.dir / "cache"
        self.marker = daemon.dir / "state" / "dirty"
        self.log = daemon.dir / "disk.log"
        self.image = bytearray()
        self.rnd = random.Random(seed)
        self.n_cuts = self.n_unsynced = self.n_kept = 0
        self.times = []  # of the cuts
        daemon.env.update(LD_PRELOAD=str(LIBRARY), DISK_LOG=str(self.log), DISK_LOG_FILE=str(self.file))
        daemon.env["ASAN_OPTIONS"] += ":verify_asan_link_order=0"  # the library is there first, and no part of it is checked

    def replay(self):
        """The disk as it was synced; gives what was not, in pages."""
        unsynced = []
        for kind, offset, data in records(self.log):
            if kind == WRITTEN:
                unsynced.append((offset, data))
            elif kind == DURABLE:
                put(self.image, offset, data)
            else:
                for x in unsynced:
                    put(self.image, *x)
                unsynced = []
        return [(offset + i, data[i:i + PAGE]) for offset, data in unsynced for i in range(0, len(data), PAGE)]

    def spoil_cache(self):
        data = self.cache / "data.mdb"
        if self.n_cuts % 2 or not data.exists():
            shutil.rmtree(self.cache, ignore_errors=True)
            return
        with open(data, "r+b") as f:
            for i in range(data.stat().st_size // PAGE):
                if self.rnd.random() < 0.3:
                    f.seek(i * PAGE)
                    f.write(bytes(PAGE))

    def cut(self):
        """The daemon has been killed: its files become what they might be after a power cut in that moment."""
        unsynced = self.replay()
        kept = [x for x in unsynced if self.rnd.random() < 0.5] if self.n_cuts % 3 == 2 else []
        for x in kept:
            put(self.image, *x)
        self.file.write_bytes(self.image)
        (self.file.parent / "lock.mdb").unlink(missing_ok=True)
        if self.marker.exists():
            self.marker.write_text("00000000-0000-4000-8000-%012d 1\n" % self.n_cuts)
        unsent = self.file.parent / "unsent"
        if unsent.exists():  # it was in memory, of a machine that is another now
            unsent.write_bytes(b"genopt unsent 1\n00000000-0000-4000-8000-%012d" % self.n_cuts + unsent.read_bytes()[52:])
        self.spoil_cache()
        self.log.unlink(missing_ok=True)  # what stands now is the disk
        self.n_cuts += 1
        self.n_unsynced += len(unsynced)
        self.n_kept += len(kept)

    def is_like_file(self):
        """While the daemon rests, and nothing was cut: the log tells the whole file."""
        self.replay()
        return self.file.read_bytes().rstrip(b"\0") == bytes(self.image).rstrip(b"\0")


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
