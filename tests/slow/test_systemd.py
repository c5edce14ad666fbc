"""Both instances under a systemd of their own: the programs are installed into a copy of this system (an overlay in memory), which is
booted in a container. Needs root, systemd-nspawn and overlayfs. Run by ./dev slow."""

import json
import os
import pathlib
import select
import shutil
import socket
import subprocess
import tempfile

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("GENOPT_BUILD", ROOT / "build"))
DEADLINE = 60
KEY = "sk-of-the-container"
ENV = {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "LANG": "C.UTF-8", "HOME": "/root"}


def why_not():
    if os.geteuid() != 0:
        return "needs root"
    if not shutil.which("systemd-nspawn"):
        return "needs systemd-nspawn (package systemd-container)"
    return None


pytestmark = pytest.mark.skipif(bool(why_not()), reason=str(why_not()))


class Machine:
    def __init__(self, directory):
        self.top = pathlib.Path(directory)
        self.root = self.top / "root"
        self.boot = None
        self.started = []

    def mount(self):
        up = self.top / "up"
        for d in (up, self.root):
            d.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "genopt-test", up], check=True)
        (up / "upper").mkdir()
        (up / "work").mkdir()
        r = subprocess.run(["mount", "-t", "overlay", "genopt-test", "-o",
                            f"lowerdir=/,upperdir={up}/upper,workdir={up}/work", self.root], capture_output=True, text=True, check=False)
        if r.returncode:
            pytest.skip("no overlay of / here: " + r.stderr.strip())

    def install(self):
        subprocess.run(["meson", "install", "-C", BUILD, "--no-rebuild", "--quiet", "--destdir", self.root], check=True,
                       capture_output=True)
        shutil.copy(BUILD / "tests" / "sim" / "genopt-sim", self.root / "usr/local/bin/genopt-sim")
        for wants in (self.root / "etc/systemd/system").glob("*.wants"):  # nothing of this machine's own services
            shutil.rmtree(wants)
        # In place of what else may hold accounts here.
        for name in ("alice", "bob"):
            subprocess.run(["useradd", "--root", self.root, "-m", "-s", "/bin/sh", name], check=True, capture_output=True)

    def start(self):
        ready = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        ready.bind(str(self.top / "ready"))
        ready.settimeout(DEADLINE)
        self.boot = subprocess.Popen(
            ["systemd-nspawn", "--register=no", "--keep-unit", "--link-journal=no", "--notify-ready=yes", "-b", "--private-network",
             "--console=pipe", "-M", "genopt-test", "-D", self.root, "systemd.unit=multi-user.target"],
            env={**os.environ, "NOTIFY_SOCKET": str(self.top / "ready")}, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=open(self.top / "boot.log", "wb"))
        leader, is_ready = None, False
        while not (leader and is_ready):
            try:
                message = ready.recv(4096).decode()
            except TimeoutError:
                pytest.skip("it does not boot here: " + (self.top / "boot.log").read_text()[-400:])
            for line in message.splitlines():
                leader = line.partition("=")[2] if line.startswith("X_NSPAWN_LEADER_PID=") else leader
                is_ready |= line == "READY=1"
        ready.close()
        self.enter = ["nsenter", "-t", leader, "-m", "-p", "-u", "-i", "-n", "-C", "--", "env", "-i",
                      *[f"{k}={v}" for k, v in ENV.items()]]

    def stop(self):
        for p in self.started:
            p.kill()
            p.wait()
        if self.boot:
            self.boot.terminate()  # shuts the container down
            try:
                self.boot.wait(timeout=30)
            except subprocess.TimeoutExpired:
                self.boot.kill()
                self.boot.wait()
        for where in (self.root, self.top / "up"):
            subprocess.run(["umount", "-R", where], check=False, capture_output=True)

    def run(self, *command, user=None, check=True, input=None):
        r = subprocess.run([*self.enter, *self.become(user), *command], input=input, capture_output=True, text=True, timeout=DEADLINE,
                           check=False)
        if check:
            assert r.returncode == 0, (command, r.stdout, r.stderr, self.journal())
        return r

    def begin(self, *command, user=None):
        p = subprocess.Popen([*self.enter, *self.become(user), *command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, bufsize=0)
        self.started.append(p)
        return p

    def become(self, user):
        if not user:
            return []
        uid = self.run("id", "-u", user).stdout.strip()
        return ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", "env", f"HOME=/home/{user}",
                f"XDG_RUNTIME_DIR=/run/user/{uid}"]

    def write(self, path, text, mode=0o644):
        self.run("sh", "-c", 'cat > "$1" && chmod "$2" "$1"', "sh", path, f"{mode:o}", input=text)

    def journal(self, *arguments):
        return self.run("journalctl", "--no-pager", "-o", "cat", "-u", "genoptd", *arguments, check=False).stdout

    def show(self, what):
        return self.run("systemctl", "show", "-P", what, "genoptd.service").stdout.strip()


def read_until(process, word):
    """The lines of a process up to one that holds the word."""
    lines = []
    while True:
        line = b""
        while not line.endswith(b"\n"):
            assert select.select([process.stdout], [], [], DEADLINE)[0], lines
            byte = process.stdout.read(1)
            assert byte, lines
            line += byte
        lines.append(line.decode(errors="replace").rstrip())
        if word in lines[-1]:
            return lines


@pytest.fixture(scope="module")
def machine():
    with tempfile.TemporaryDirectory(prefix="genopt-slow.") as top:
        m = Machine(top)
        try:
            m.mount()
            m.install()
            m.start()
            m.run("systemd-sysusers")
            m.run("systemd-tmpfiles", "--create", "genopt.conf")
            m.run("usermod", "-aG", "genopt", "alice")
            m.write("/etc/genopt/keys/sim", KEY + "\n", 0o600)
            sim = m.begin("genopt-sim", "--port", "0", "--speed", "0")
            m.port = int(read_until(sim, "listening on")[-1].rsplit(":", 1)[1])
            m.write("/etc/genopt/genopt.yaml",
                    f'providers:\n  sim: {{dialect: anthropic, base_url: "http://127.0.0.1:{m.port}", key: {{env: NO_SUCH_KEY}}}}\n'
                    + "tiers:\n" + "".join(f"  {t}: {{provider: sim, model: {x}}}\n" for t, x in (
                        ("fast", "claude-haiku-4-5"), ("balanced", "claude-sonnet-5-5"), ("quality", "claude-opus-5-5"))))
            m.run("systemctl", "daemon-reload")
            m.run("systemctl", "enable", "--now", "genoptd.socket")
            yield m
        finally:
            m.stop()


def fault(m, *specs):
    program = ("import http.client, sys\nfor method, body in [('DELETE', None)] + [('POST', x) for x in sys.argv[2:]]:\n"
               " c = http.client.HTTPConnection('127.0.0.1', int(sys.argv[1]))\n c.request(method, '/sim/faults', body)\n"
               " assert c.getresponse().status < 300\n")
    m.run("/usr/bin/python3", "-c", program, str(m.port), *map(json.dumps, specs))


def test_activation_and_credentials(machine):
    assert machine.show("ActiveState") == "inactive"  # only its socket is there
    status = json.loads(machine.run("genopt", "status", "--json", user="alice").stdout)
    assert [p for p in status["providers"] if p["name"] == "sim" and p["configured"]]  # the key came as a credential
    assert status["uid"] == int(machine.run("id", "-u", "genoptd").stdout)
    assert machine.run("genopt", "ask", "What is a quay?", user="alice").stdout.strip()
    for place in ("/var/lib/genopt", "/var/cache/genopt"):
        assert machine.run("stat", "-c", "%U %a", place).stdout.split() == ["genoptd", "700"]
    assert KEY not in machine.journal() and KEY not in machine.run("systemctl", "status", "genoptd").stdout
    assert machine.run("genopt", "doctor").returncode == 0
    # Who is not of the group finds no way to it, and doctor says so.
    assert "may not use" in machine.run("genopt", "doctor", user="bob", check=False).stdout


def test_journal_has_fields(machine):
    machine.run("genopt", "ask", "What is a mole?", user="alice")
    rows = [json.loads(x) for x in machine.run("journalctl", "--no-pager", "-o", "json", "-u", "genoptd").stdout.splitlines()]
    assert any(r.get("GENOPT_EVENT") == "call_done" and r.get("GENOPT_JOB") for r in rows), [
        {k: v for k, v in r.items() if k in ("MESSAGE", "PRIORITY") or k.startswith("GENOPT")} for r in rows]


def test_reload_and_restart(machine):
    text = machine.run("cat", "/etc/genopt/genopt.yaml").stdout
    machine.run("systemctl", "reload", "genoptd")
    machine.write("/etc/genopt/genopt.yaml", text + "limits: {calls: many}\n")
    assert machine.run("systemctl", "reload", "genoptd", check=False).returncode != 0
    assert "limits.calls" in machine.journal("-n", "20") and machine.show("ActiveState") == "active"
    machine.write("/etc/genopt/genopt.yaml", text)
    pid = machine.show("MainPID")
    assert machine.run("genopt", "restart", user="alice", check=False).returncode != 0  # not hers to do
    machine.run("genopt", "restart")
    assert machine.show("MainPID") != pid and machine.show("NRestarts") == "0"


def test_killed_in_mid_job(machine):
    fault(machine, {"kind": "slow_first_byte", "ms": 3000})
    client = machine.begin("genopt", "ask", "--json", "What is a breakwater?", user="alice")
    read_until(client, "task.started")
    pid = machine.show("MainPID")
    machine.run("systemctl", "kill", "-s", "KILL", "genoptd")
    fault(machine)
    read_until(client, '"done"')
    assert client.wait(timeout=DEADLINE) == 0
    assert machine.show("MainPID") not in (pid, "0")


@pytest.fixture
def hurried(machine):
    """With a watchdog of two seconds."""
    machine.run("mkdir", "-p", "/run/systemd/system/genoptd.service.d")
    machine.write("/run/systemd/system/genoptd.service.d/hurry.conf", "[Service]\nWatchdogSec=2s\n")
    machine.run("systemctl", "daemon-reload")
    machine.run("genopt", "restart")
    yield machine
    machine.run("rm", "-r", "/run/systemd/system/genoptd.service.d")
    machine.run("systemctl", "daemon-reload")


def test_watchdog(hurried):
    machine = hurried
    pid = machine.show("MainPID")
    journal = machine.begin("journalctl", "-f", "-n", "0", "-o", "cat", "-u", "genoptd")
    machine.run("kill", "-STOP", pid)
    read_until(journal, "Watchdog timeout")
    read_until(journal, "is ready")
    assert machine.show("MainPID") not in (pid, "0")
    assert json.loads(machine.run("genopt", "status", "--json", user="alice").stdout)["state"] == "ready"


# Takes the lock that LMDB's writers take turns by, until it is ended.
HOLDER = """
import ctypes, os, signal
lmdb = ctypes.CDLL("liblmdb.so.0")
env, txn = ctypes.c_void_p(), ctypes.c_void_p()
assert lmdb.mdb_env_create(ctypes.byref(env)) == 0
assert lmdb.mdb_env_open(env, b"/var/lib/genopt", 0x200000, 0o600) == 0
assert lmdb.mdb_txn_begin(env, None, 0, ctypes.byref(txn)) == 0
print("held by", os.getpid(), flush=True)
signal.pause()
"""


def test_stuck_writer(hurried):
    """The loop turns, but state cannot be written: the watchdog starts the service again, and no job is lost."""
    machine = hurried
    fault(machine, {"kind": "stall"})
    running = machine.begin("genopt", "ask", "--json", "What is a spit?", user="alice")
    read_until(running, "task.started")
    pid = machine.show("MainPID")
    journal = machine.begin("journalctl", "-f", "-n", "0", "-o", "cat", "-u", "genoptd")
    holder = machine.begin("/usr/bin/python3", "-c", HOLDER)
    holder_pid = read_until(holder, "held by")[-1].split()[-1]
    waiting = machine.begin("genopt", "ask", "--json", "What is a sill?", user="alice")  # wants to be written
    told = read_until(journal, "Watchdog timeout")
    assert any("the writer of the state is stuck" in line for line in told), told
    machine.run("kill", "-KILL", holder_pid)
    fault(machine)
    for client in (running, waiting):
        read_until(client, '"done"')
        assert client.wait(timeout=DEADLINE) == 0
    assert machine.show("MainPID") not in (pid, "0") and machine.show("NRestarts") != "0"


# What docs/operations.md tells an administrator to do, as it stands there.


def jobs_of(machine, user):
    return {j["job"] for j in json.loads(machine.run("genopt", "jobs", "--json", user=user).stdout)["jobs"]}


def test_backup_and_back(machine):
    machine.run("genopt", "ask", "What is a jetty?", user="alice")
    before = jobs_of(machine, "alice")
    machine.run("systemctl", "stop", "genoptd.socket", "genoptd.service")
    machine.run("mkdir", "-p", "/backup")
    machine.run("cp", "-a", "/var/lib/genopt", "/backup/")
    machine.run("systemctl", "start", "genoptd.socket")
    machine.run("genopt", "ask", "What is a groyne?", user="alice")
    assert jobs_of(machine, "alice") > before
    machine.run("systemctl", "stop", "genoptd.socket", "genoptd.service")
    machine.run("rm", "-rf", "/var/lib/genopt")
    machine.run("cp", "-a", "/backup/genopt", "/var/lib/")
    machine.run("systemctl", "start", "genoptd.socket")
    assert jobs_of(machine, "alice") == before
    machine.run("genopt", "ask", "What is a weir?", user="alice")


@pytest.fixture
def drop_in(machine):
    directory = "/etc/systemd/system/genoptd.service.d"

    def write(text):
        machine.run("mkdir", "-p", directory)
        machine.write(directory + "/own.conf", "[Service]\n" + text)
        machine.run("systemctl", "daemon-reload")
        machine.run("systemctl", "restart", "genoptd")

    yield write
    machine.run("rm", "-r", directory)
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "restart", "genoptd")


def test_moved_cache(machine, drop_in):
    machine.run("install", "-d", "-o", "genoptd", "-m", "0700", "/big/genopt")
    drop_in("Environment=GENOPT_CACHE_DIR=/big/genopt\nReadWritePaths=/big/genopt\n")
    machine.run("genopt", "ask", "What is a lagoon?", user="alice")
    assert machine.run("stat", "-c", "%U", "/big/genopt/data.mdb").stdout.strip() == "genoptd"


def test_encrypted_key(machine, drop_in):
    text = machine.run("cat", "/etc/genopt/genopt.yaml").stdout
    machine.run("systemd-creds", "encrypt", "--name=anthropic", "-", "/etc/genopt/anthropic.cred", input="sk-encrypted\n")
    assert "sk-encrypted" not in machine.run("cat", "/etc/genopt/anthropic.cred").stdout
    own = '  anthropic: {dialect: anthropic, base_url: "http://127.0.0.1:1", key: {credential: anthropic}}\n'
    machine.write("/etc/genopt/genopt.yaml", text.replace("tiers:\n", own + "tiers:\n"))
    drop_in("LoadCredentialEncrypted=anthropic:/etc/genopt/anthropic.cred\n")
    status = json.loads(machine.run("genopt", "status", "--json", user="alice").stdout)
    assert {"sim", "anthropic"} <= {p["name"] for p in status["providers"] if p["configured"]}
    machine.write("/etc/genopt/genopt.yaml", text)


def test_bad_configuration_is_told_and_no_loop(machine):
    text = machine.run("cat", "/etc/genopt/genopt.yaml").stdout
    machine.write("/etc/genopt/genopt.yaml", text + "limits: {calls: many}\n")
    machine.run("systemctl", "stop", "genoptd.service")
    for _ in range(2):  # each client is told
        r = machine.run("genopt", "ask", "What is a mere?", user="alice", check=False)
        assert r.returncode == 78 and "limits.calls" in r.stderr, r.stderr
    assert machine.show("NRestarts") == "0" and machine.show("ExecMainStatus") == "78"
    machine.write("/etc/genopt/genopt.yaml", text)
    machine.run("genopt", "ask", "What is a mere?", user="alice")


def test_users_instance(machine):
    machine.run("loginctl", "enable-linger", "bob")
    uid, home = machine.run("id", "-u", "bob").stdout.strip(), pathlib.Path("/home", "bob")
    machine.run("systemctl", "start", f"user@{uid}.service")  # waits until it is there
    machine.run("systemctl", "--user", "enable", "--now", "genoptd.socket", user="bob")
    status = json.loads(machine.run("genopt", "status", "--json", user="bob").stdout)
    assert status["uid"] == int(uid)
    machine.run("systemctl", "--user", "reload", "genoptd", user="bob")
    machine.run("rm", "-rf", str(home / ".cache/genopt"), user="bob")  # may be deleted at any time
    machine.run("genopt", "restart", user="bob")
    again = json.loads(machine.run("genopt", "status", "--json", user="bob").stdout)
    assert again["pid"] != status["pid"] and again["uid"] == int(uid)
    for place in (".local/state/genopt", ".cache/genopt"):
        assert machine.run("stat", "-c", "%U %a", str(home / place)).stdout.split() == ["bob", "700"]
    r = machine.run("genopt", "doctor", user="bob")
    assert "also while you are away" in r.stdout
