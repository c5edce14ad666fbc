#!/usr/bin/env python3
"""A scripted peer for the client: speaks the protocol of docs/protocol.md without a daemon behind it.

As a module, FakeDaemon serves a socket from threads of the test. As a program (named by $GENOPT_DAEMON) it takes the socket that
the client bound, notes in the directory $GENOPT_TEST_FAKE how it was started, and answers daemon/status, daemon/stop and `ask`;
a file `older` there makes it one of an older version."""

import base64
import hashlib
import json
import os
import pathlib
import socket
import threading

JOB = "01JAAAAAAAAAAAAAAAAAAAAAAA"
NAIVE = {"calls": 4, "tokens": {"input": 40000, "cache_read": 0, "cache_write": 0, "output": 8000},
         "nanousd": 240000000, "ms": 90000}


def sha256(data):
    return hashlib.sha256(data.encode() if isinstance(data, str) else data).hexdigest()


def summary(**files):
    return {"files": {"keep": 0, "reuse": 0, "template": 0, "mechanical": 0, "call": 0, "batched": 0, "failed": 0, **files},
            "calls": 1, "retries": 0, "tokens": {"input": 1000, "cache_read": 3000, "cache_write": 0, "output": 500},
            "cache_share": {"fake": 0.75}, "checks": {"confident": 1, "judged": 0, "rejected": 0},
            "nanousd": 12000000, "ms": 4200, "naive": NAIVE}


def error(name, code, message, remedy=""):
    return {"code": code, "message": message,
            "data": {"name": name, "class": "client", "retryable": False, "remedy": remedy}}


class Refused(Exception):
    """Raised by a handler: answered as an error."""

    def __init__(self, *args):
        super().__init__(args[2])
        self.error = error(*args)


class Later(Exception):
    """Raised by a handler: answered by another one, or never."""


class HangUp(Exception):
    """Raised by a handler: the connection is closed without an answer."""


class Connection:
    def __init__(self, daemon, s):
        self.daemon, self.s = daemon, s

    def send(self, message):
        self.s.sendall(json.dumps(message).encode() + b"\n")

    def event(self, type, seq=None, job=JOB, **fields):
        params = {"job": job, "time": "2026-01-02T03:04:05.678Z", "type": type, **fields}
        if seq is not None:
            params["seq"] = seq
        self.send({"jsonrpc": "2.0", "method": "job/event", "params": params})

    def serve(self):
        with self.s, self.s.makefile("rb") as lines:
            try:
                for line in lines:
                    self.answer(json.loads(line))
            except (HangUp, BrokenPipeError, ConnectionResetError):
                return

    def answer(self, m):
        method, params = m["method"], m.get("params", {})
        self.id = m.get("id")
        self.daemon.note(method, params)
        try:
            result = self.daemon.handlers[method](self, params)
        except Later:
            return
        except Refused as refused:
            self.send({"jsonrpc": "2.0", "id": m["id"], "error": refused.error})
            return
        after = None
        if isinstance(result, tuple):
            result, after = result
        self.send({"jsonrpc": "2.0", "id": m["id"], "result": result})
        if after:
            after(self)


class FakeDaemon:
    """handlers: method -> fn(connection, params) giving the result, or (result, what to do after it was sent)."""

    def __init__(self, path=None, listener=None, handlers=None):
        self.handlers = {"blob/put": self.put, "blob/get": self.get, "daemon/status": lambda c, p: self.status(),
                         "daemon/reload": lambda c, p: {}, "job/cancel": lambda c, p: {"state": "cancelled"},
                         **(handlers or {})}
        self.calls, self.blobs, self.received, self.parts = [], {}, {}, {}
        self.changed = threading.Condition()
        self.listener = listener
        if not listener:
            self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.listener.bind(str(path))
            self.listener.listen(16)
        self.thread = threading.Thread(target=self.accept, daemon=True)
        self.thread.start()

    def on(self, method, fn):
        self.handlers[method] = fn if callable(fn) else (lambda c, p: fn)
        return self

    def note(self, method, params):
        with self.changed:
            self.calls.append((method, params))
            self.changed.notify_all()

    def params(self, method):
        return [p for m, p in self.calls if m == method]

    def wait_for(self, method, n=1, timeout=60):
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.params(method)) >= n, timeout), (method, self.calls)

    def accept(self):
        while True:
            try:
                s, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=Connection(self, s).serve, daemon=True).start()

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(10)

    # content

    def blob(self, text):
        data = text.encode() if isinstance(text, str) else text
        self.blobs[sha256(data)] = data
        return sha256(data)

    def get(self, c, p, limit=3 << 20):
        data = self.blobs.get(p["sha256"])
        if data is None:
            raise Refused("no_such_blob", -32026, "the job has no such content")
        offset = p.get("offset", 0)
        part = data[offset:offset + limit]
        return {"size": len(data), "offset": offset, "data": base64.b64encode(part).decode(), "end": offset + len(part) >= len(data)}

    def put(self, c, p):
        if p.get("absent"):
            self.received[p["path"]] = None
            return {"have": 0, "complete": True}
        part = self.parts.setdefault(p["sha256"], b"")
        assert p.get("offset", 0) == len(part)
        part += base64.b64decode(p["data"])
        self.parts[p["sha256"]] = part
        if len(part) < p["size"]:
            return {"have": len(part), "complete": False}
        assert sha256(part) == p["sha256"]
        del self.parts[p["sha256"]]
        self.received[p.get("path", p["sha256"])] = part
        return {"have": len(part), "complete": True}

    def status(self):
        return {"version": "0.1.0", "pid": os.getpid(), "uid": os.getuid(), "uptime_s": 1, "state": "ready",
                "jobs": {"running": 0, "queued": 0, "waiting": 0}, "calls": {"running": 0}, "spent_today_nanousd": 0,
                "providers": [{"name": "anthropic", "configured": False, "reason": "no key"}],
                "memory": {"rss": 4 << 20, "anonymous": 1 << 20}}

    # whole jobs

    def job(self, *events, state="running", head=0):
        """Accepts any submit; events: (type, fields) given on attach, numbered from 1, those after `after` only."""

        def play(after):
            def go(c):
                for i, (type, fields) in enumerate(events, 1):
                    if type == "task.delta":
                        c.event(type, None, **fields)
                    elif callable(type):
                        type(c)
                    elif i > after:
                        c.event(type, i, **fields)
            return go

        self.on("job/submit", {"job": JOB, "need": []})
        self.on("job/attach", lambda c, p: ({"job": p["job"], "state": state, "head": head}, play(p.get("after", 0))))
        return self


def write_event(path, text, base=None, daemon=None, source="template", fingerprint="f1"):
    blob = daemon.blob(text) if daemon else sha256(text)
    return ("file", {"action": "write", "path": path, "base": base, "blob": blob, "size": len(text.encode()),
                     "fingerprint": fingerprint, "source": source})


def main():
    assert os.environ["LISTEN_PID"] == str(os.getpid()) and os.environ["LISTEN_FDS"] == "1"
    assert os.environ["LISTEN_FDNAMES"] == "rpc"
    note = pathlib.Path(os.environ["GENOPT_TEST_FAKE"])
    stopped = threading.Event()
    (note / f"started.{os.getpid()}").write_text(json.dumps(
        {"env": dict(os.environ), "cwd": os.getcwd(), "sid": os.getsid(0), "pid": os.getpid(),
         "fds": sorted(int(fd) for fd in os.listdir("/proc/self/fd"))}))
    def stop(c, p):
        if (note / "older").exists() and p.get("mode") == "restart":  # of a version that did not know it
            raise Refused("invalid_params", -32602, "`mode` is none of: drain, now")
        return {}, lambda c: stopped.set()

    # All is ready before the first client is heard: some wait already.
    FakeDaemon(listener=socket.socket(fileno=3), handlers={
        "job/submit": lambda c, p: {"cached": True, "result": {"text": "pong " + p["input"]["prompt"]}},
        "daemon/stop": stop})
    stopped.wait()


if __name__ == "__main__":
    main()
