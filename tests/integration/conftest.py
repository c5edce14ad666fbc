"""What integration tests share: a simulator, a daemon and a client of their own, in directories of their own.

Nothing waits by the clock: every wait is for an event, a line or the end of a process, with a deadline.
GENOPT_BUILD names the build tree (default: build below the project)."""

import base64
import contextlib
import ctypes
import hashlib
import json
import os
import pathlib
import re
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import http.client

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("GENOPT_BUILD", ROOT / "build"))
GENOPT = BUILD / "client" / "genopt"
GENOPTD = BUILD / "daemon" / "genoptd"
SIM = BUILD / "tests" / "sim" / "genopt-sim"
DEADLINE = float(os.environ.get("GENOPT_TEST_DEADLINE", "60"))
KEY = "test-key-3f9c1d"  # appears in no log, event or file: tests look for it


MODEL_PATHS = ("/v1/messages", "/v1/chat/completions", "/api/chat", "/api/generate")
LIMIT = int(os.environ.get("GENOPT_TEST_LIMIT", "600"))  # seconds that one test may take: more than any needs, Go's library built anew


class Endless(Exception):
    """Not waited for any longer; where it stood is in the trace."""


def endless(signal_number, frame):
    raise Endless(f"the test took more than {LIMIT} s")


PR_SET_CHILD_SUBREAPER = 36


def pytest_configure():
    """Who ends a run early (`timeout`, a closed terminal) ends what it started too. What clients started and left comes to us, not to
    the system's first process."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end_all)
    signal.signal(signal.SIGALRM, endless)


def end_all(signal_number, frame):
    end_children()
    raise KeyboardInterrupt


def children():
    """Processes of which we are the parent."""
    found = set()
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            if int(pathlib.Path(f"/proc/{name}/stat").read_text().rsplit(")", 1)[1].split()[1]) == os.getpid():
                found.add(int(name))
    return found


def end_children(but=frozenset()):
    """And theirs, which become ours when they have no parent any more."""
    while left := children() - but:
        for pid in left:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        for pid in left:
            with contextlib.suppress(OSError):
                os.waitpid(pid, 0)


def pytest_sessionfinish():
    end_children()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item):
    """A test that waits for what never comes fails alone, and the others run."""
    signal.setitimer(signal.ITIMER_REAL, LIMIT, 60)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)


@pytest.fixture(autouse=True)
def nothing_left_running():
    """A test that fails before it stops its daemon leaves none behind. What was there before it outlives it."""
    before = children()
    yield
    end_children(but=before)


def read_line(stream):
    """Of a pipe from a process that is to say something."""
    assert select.select([stream], [], [], DEADLINE)[0], "it says nothing"
    return stream.readline()


def sha256(data):
    return hashlib.sha256(data).hexdigest()


class Sim:
    """The simulated provider."""

    def __init__(self, directory, *flags):
        self.log_path = pathlib.Path(directory) / "sim.log"
        self.process = subprocess.Popen(
            [SIM, "--port", "0", "--speed", "0", "--log", self.log_path, *flags],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        line = read_line(self.process.stdout)
        assert "listening on" in line, line + self.process.stderr.read()
        self.port = int(line.rsplit(":", 1)[1])
        self.url = f"http://127.0.0.1:{self.port}"

    def http(self, method, path, body=None):
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE)
        c.request(method, path, body=None if body is None else json.dumps(body))
        r = c.getresponse()
        data = r.read()
        c.close()
        assert r.status < 300, (r.status, data)
        return json.loads(data) if data.strip() else None

    def stats(self):
        return self.http("GET", "/sim/stats")

    def faults(self, *specs):
        """These and no others."""
        self.http("DELETE", "/sim/faults")
        for spec in specs:
            self.http("POST", "/sim/faults", spec)

    def requests(self):
        """Logged model requests, oldest first."""
        if not self.log_path.exists():
            return []
        rows = [json.loads(line) for line in self.log_path.read_text().splitlines() if line.strip()]
        return [r for r in rows if r.get("path") in MODEL_PATHS]

    def close(self):
        self.process.terminate()
        out, err = self.process.communicate(timeout=DEADLINE)
        assert "runtime error" not in err and "Sanitizer" not in err, err


class Rpc:
    """A client of the socket, one JSON text per line."""

    def __init__(self, path):
        self.s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.s.settimeout(DEADLINE)
        self.s.connect(str(path))
        self.buffer = b""
        self.n = 0
        self.events = []

    def send(self, method, params=None, id=None):
        self.n += 1
        m = {"jsonrpc": "2.0", "id": self.n if id is None else id, "method": method}
        if params is not None:
            m["params"] = params
        self.s.sendall(json.dumps(m).encode() + b"\n")
        return m["id"]

    def read(self):
        while b"\n" not in self.buffer:
            data = self.s.recv(1 << 20)
            if not data:
                raise EOFError(self.buffer)
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\n", 1)
        return json.loads(line)

    def call(self, method, params=None):
        """The reply (result or error object); events that come meanwhile are kept."""
        id = self.send(method, params)
        while True:
            m = self.read()
            if m.get("method") == "job/event":
                self.events.append(m["params"])
            elif m.get("id") == id:
                return m

    def ok(self, method, params=None):
        m = self.call(method, params)
        assert "result" in m, m
        return m["result"]

    def error(self, method, params=None):
        m = self.call(method, params)
        assert "error" in m, m
        return m["error"]

    def event(self, *types):
        """The next event of one of these types; others are passed over."""
        while True:
            while self.events:
                e = self.events.pop(0)
                if e["type"] in types:
                    return e
            m = self.read()
            if m.get("method") == "job/event":
                self.events.append(m["params"])

    def end(self):
        return self.event("done", "failed", "cancelled")

    def close(self):
        self.s.close()


class Daemon:
    """A daemon with directories of its own. It listens itself; `systemd` tests give it sockets."""

    def __init__(self, directory, config, env=None):
        self.dir = pathlib.Path(directory)
        self.socket = self.dir / "rpc.sock"
        self.config_path = self.dir / "genopt.yaml"
        self.write_config(config)
        self.env = {
            "PATH": os.environ["PATH"], "HOME": str(self.dir / "home"), "LANG": "C.UTF-8",
            "GENOPT_SOCKET": str(self.socket), "GENOPT_STATE_DIR": str(self.dir / "state"),
            "GENOPT_CACHE_DIR": str(self.dir / "cache"), "GENOPT_CONFIG": str(self.config_path),
            "GENOPT_DAEMON": str(GENOPTD), "TEST_KEY": KEY, "XDG_CONFIG_HOME": str(self.dir / "home" / "config"),
            "ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0", "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
            **(env or {})}
        (self.dir / "home").mkdir(exist_ok=True)
        self.process = None
        self.logs = []

    def write_config(self, config):
        self.config_path.write_text(config)

    def start(self, env=None, may_die=False):
        """Returns when the daemon has said READY=1."""
        notify_path = self.dir / "notify"
        with contextlib.suppress(FileNotFoundError):
            notify_path.unlink()
        notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        notify.bind(str(notify_path))
        notify.settimeout(0.05)
        log = self.dir / f"log.{len(self.logs)}"
        self.logs.append(log)
        self.process = subprocess.Popen(
            [GENOPTD], env={**self.env, "NOTIFY_SOCKET": str(notify_path), **(env or {})},
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=open(log, "wb"))
        deadline = time.monotonic() + DEADLINE
        try:
            while True:
                with contextlib.suppress(TimeoutError, socket.timeout):
                    if b"READY=1" in notify.recv(4096):
                        return self
                if self.process.poll() is not None and may_die:
                    return self
                assert self.process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
        finally:
            notify.close()
        return self

    def rpc(self):
        return Rpc(self.socket)

    def log(self):
        return "".join(p.read_text(errors="replace") for p in self.logs if p.exists())

    def kill(self):
        self.process.kill()
        self.process.wait(timeout=DEADLINE)

    def wait(self):
        return self.process.wait(timeout=DEADLINE)

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=DEADLINE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise AssertionError("the daemon does not stop:\n" + self.log())
        text = self.log()
        assert "Sanitizer" not in text and "runtime error" not in text, text
        assert KEY not in text

    def genopt(self, *args, input=None, env=None, check=None, cwd=None):
        r = subprocess.run([GENOPT, *map(str, args)], env={**self.env, **(env or {})}, input=input, cwd=cwd or self.dir,
                           capture_output=True, text=True, timeout=DEADLINE * 3)
        assert "Sanitizer" not in r.stderr and "runtime error" not in r.stderr, r.stderr
        if check is not None:
            assert r.returncode == check, (r.returncode, r.stdout[-4000:], r.stderr[-4000:], self.log()[-4000:])
        return r

    def events(self, r):
        """Events of a client that ran with --json."""
        return [json.loads(line) for line in r.stdout.splitlines() if line.strip()]


def kind_of(blueprint, path):
    """The kind of files that a path is of, by the blueprint's patterns; one without variables is the nearest."""
    def is_of(row):
        parts = [re.escape(part) for part in re.split(r"\{\{.*?\}\}", row["path"])]
        return re.fullmatch("[^/]+(?:/[^/]+)*".join(parts), path)

    rows = sorted(blueprint["files"], key=lambda row: (row["path"].count("{{"), -len(row["path"])))
    return next(row["kind"] for row in rows if is_of(row))


def config_for(sim, extra=""):
    return f"""providers:
  sim: {{dialect: anthropic, base_url: "{sim.url}", key: {{env: TEST_KEY}}}}
tiers:
  fast: {{provider: sim, model: claude-haiku-4-5}}
  balanced: {{provider: sim, model: claude-sonnet-5-5}}
  quality: {{provider: sim, model: claude-opus-5-5}}
{extra}"""


@pytest.fixture
def place():
    d = tempfile.mkdtemp(prefix="genopt-test.")
    yield pathlib.Path(d)
    subprocess.run(["chmod", "-R", "u+w", d], check=False)
    shutil.rmtree(d, ignore_errors=True)


@pytest.fixture
def sim(place):
    s = Sim(place)
    yield s
    s.close()


@pytest.fixture
def daemon(place, sim):
    d = Daemon(place, config_for(sim))
    d.start()
    yield d
    d.stop()


def write_spec(path, n_entities=2, requirements=(), contracts=False):
    """A small specification of our own."""
    names = ["Parcel", "Courier", "Depot", "Route", "Vehicle", "Shift", "Customer", "Label"][:n_entities]
    lines = ["name: Parcels", "description: Parcels on their way.", "requirements:"]
    for i, text in enumerate(requirements or [f"A {names[0].lower()} has a sender."], 1):
        lines.append(f"  - {{id: FR-{i:03d}, description: {json.dumps(text)}, priority: P1}}")
    lines += ["data_model:", "  entities:"]
    for n in names:
        lines.append(f"    - {{name: {n}, attributes: {{ID: string, Name: string, Weight: float64, Done: bool}}}}")
    lines += ["build_config: {go_version: \"1.19\"}"]
    pathlib.Path(path).write_text("\n".join(lines) + "\n")
    return path


def tree(directory):
    """path → content of a generated project, without genopt's own files."""
    root = pathlib.Path(directory)
    return {str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob("*"))
            if p.is_file() and ".genopt" not in p.relative_to(root).parts}


def go_build(directory):
    r = subprocess.run(["go", "build", "./..."], cwd=directory, capture_output=True, text=True, timeout=600,
                       env={**os.environ, "GOFLAGS": "-mod=mod", "GOPROXY": "off"})
    assert r.returncode == 0, r.stderr[-4000:]
