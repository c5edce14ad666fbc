"""The service manager's side: readiness, watchdog, reload, inherited sockets, the journal."""

import contextlib
import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
import time

import pytest

from conftest import BUILD, DEADLINE, GENOPT, GENOPTD, Daemon, Rpc, config_for, read_line


@pytest.fixture
def notify(place):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    s.bind(str(place / "manager"))
    s.settimeout(DEADLINE)
    yield s
    s.close()


def wait_for(notify, word):
    while True:
        message = notify.recv(4096).decode()
        if word in message:
            return message


@pytest.fixture
def managed(place, sim, notify):
    """A daemon started as a manager starts it; its own notify socket is ours."""
    d = Daemon(place, config_for(sim))
    processes = []

    def start(command=(GENOPTD,), env=None, **kw):
        p = subprocess.Popen(list(map(str, command)), env={**d.env, "NOTIFY_SOCKET": str(place / "manager"), **(env or {})},
                             stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=open(place / "log.0", "wb"), **kw)
        processes.append(p)
        d.process = p
        d.logs = [place / "log.0"]
        return p

    d.launch = start
    yield d
    for p in processes:
        if p.poll() is None:
            p.terminate()
            p.wait(timeout=DEADLINE)


def test_ready_and_stopping(managed, notify):
    p = managed.launch()
    assert "STATUS=" in wait_for(notify, "READY=1")
    Rpc(managed.socket).ok("daemon/status")  # ready means ready
    p.terminate()
    wait_for(notify, "STOPPING=1")
    assert p.wait(timeout=DEADLINE) == 0


def test_watchdog_is_fed(managed, notify):
    managed.launch(env={"WATCHDOG_USEC": "300000"})
    wait_for(notify, "READY=1")
    for _ in range(3):
        wait_for(notify, "WATCHDOG=1")


def hold_writer(directory):
    """Takes the lock that LMDB's writers take turns by, in a process of its own: who wants to write waits. Kill it to let go."""
    program = textwrap.dedent("""
        import ctypes, sys
        lmdb = ctypes.CDLL("liblmdb.so.0")
        env, txn = ctypes.c_void_p(), ctypes.c_void_p()
        assert lmdb.mdb_env_create(ctypes.byref(env)) == 0
        assert lmdb.mdb_env_open(env, sys.argv[1].encode(), 0x200000, 0o600) == 0
        assert lmdb.mdb_txn_begin(env, None, 0, ctypes.byref(txn)) == 0
        print("held", flush=True)
        sys.stdin.read()
        lmdb.mdb_txn_abort(txn)
        """)
    p = subprocess.Popen([sys.executable, "-c", program, str(directory)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert read_line(p.stdout) == "held\n"
    return p


def test_stuck_writer_is_told_by_the_watchdog(managed, notify):
    """A loop that turns is not enough: a daemon whose state cannot be written is not well, and is to be killed."""
    managed.launch(env={"WATCHDOG_USEC": "600000"})
    wait_for(notify, "READY=1")
    Rpc(managed.socket).ok("daemon/status")
    with hold_writer(managed.dir / "state") as holder:
        rpc = Rpc(managed.socket)
        rpc.send("job/submit", {"kind": "ask", "input": {"prompt": "Does it write?"}})
        until(lambda: managed.log().count("the writer of the state is stuck") > managed.log().count("the writers get on again"))
        notify.setblocking(False)
        with contextlib.suppress(BlockingIOError):  # what was sent before
            while True:
                notify.recv(4096)
        notify.settimeout(1)  # of several periods
        with pytest.raises(TimeoutError):
            wait_for(notify, "WATCHDOG=1")
        Rpc(managed.socket).ok("daemon/status")  # the loop itself does turn
        notify.settimeout(DEADLINE)
        holder.stdin.close()
        holder.wait(timeout=DEADLINE)
    wait_for(notify, "WATCHDOG=1")
    assert "job" in rpc.read()["result"]
    assert "the writers get on again" in managed.log()


def test_reload(managed, notify, sim):
    p = managed.launch()
    wait_for(notify, "READY=1")
    managed.write_config(config_for(sim, "limits: {calls: 2}\n"))
    p.send_signal(signal.SIGHUP)
    assert "MONOTONIC_USEC=" in wait_for(notify, "RELOADING=1")
    wait_for(notify, "READY=1")
    managed.write_config("limits: {calls: many}\n")  # what cannot be used changes nothing
    p.send_signal(signal.SIGHUP)
    wait_for(notify, "RELOADING=1")
    wait_for(notify, "READY=1")
    rpc = Rpc(managed.socket)
    error = rpc.error("daemon/reload")
    assert error["data"]["name"] == "bad_config" and "genopt.yaml" in error["data"]["where"]
    assert any(q["configured"] for q in rpc.ok("daemon/status")["providers"] if q["name"] == "sim")


def test_inherited_socket(managed, notify, place):
    """A connection made before the daemon runs is served by it: nothing polls."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(managed.socket))
    listener.listen(16)
    early = Rpc(managed.socket)
    early.send("daemon/status")

    def place_fd():
        os.dup2(listener.fileno(), 3)

    managed.launch(["/bin/sh", "-c", f"LISTEN_PID=$$ exec {GENOPTD}"], env={"LISTEN_FDS": "1", "LISTEN_FDNAMES": "rpc"},
                   preexec_fn=place_fd, pass_fds=(3,))
    wait_for(notify, "READY=1")
    assert early.read()["result"]["state"] == "ready"
    listener.close()


def test_what_is_no_socket_is_refused(managed, place):
    def place_fd():
        os.dup2(os.open("/dev/null", os.O_RDONLY), 3)

    p = managed.launch(["/bin/sh", "-c", f"LISTEN_PID=$$ exec {GENOPTD}"], env={"LISTEN_FDS": "1"}, preexec_fn=place_fd,
                       pass_fds=(3,))
    assert p.wait(timeout=DEADLINE) != 0
    assert "inherited" in (place / "log.0").read_text()


JOURNAL = textwrap.dedent("""
    import os, socket, subprocess, sys
    subprocess.run(["mount", "-t", "tmpfs", "none", "/run"], check=True)
    os.makedirs("/run/systemd/journal")
    journal = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    journal.bind("/run/systemd/journal/socket")
    journal.settimeout(float(sys.argv[3]))
    ready = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    ready.bind(sys.argv[2] + ".ready")
    ready.settimeout(float(sys.argv[3]))
    log = open(sys.argv[2], "wb")
    st = os.fstat(log.fileno())
    p = subprocess.Popen([sys.argv[1]], env={**os.environ, "JOURNAL_STREAM": f"{st.st_dev}:{st.st_ino}",
                         "NOTIFY_SOCKET": sys.argv[2] + ".ready"}, stderr=log)
    while b"READY=1" not in ready.recv(4096):
        pass
    wanted = [b"MESSAGE=", b"PRIORITY=", b"GENOPT_EVENT=call_done", b"GENOPT_JOB="]
    print("listening", flush=True)
    while wanted:
        line = journal.recv(65536)
        if b"GENOPT_EVENT=call_done" in line:
            assert all(w in line for w in wanted), line
            break
    p.terminate()
    p.wait()
    print("found", flush=True)
""")


def test_journal_gets_fields(place, sim):
    if os.geteuid() != 0 or subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode:
        pytest.skip("needs root and mount namespaces")
    d = Daemon(place, config_for(sim))
    script = place / "journal.py"
    script.write_text(JOURNAL)
    p = subprocess.Popen(["unshare", "-m", sys.executable, script, GENOPTD, place / "journal.log", str(DEADLINE)], env=d.env,
                         stdout=subprocess.PIPE, text=True)
    assert read_line(p.stdout) == "listening\n"
    d.genopt("ask", "Is there a journal?", check=0)
    assert read_line(p.stdout) == "found\n"
    assert p.wait(timeout=DEADLINE) == 0
    assert "Sanitizer" not in (place / "journal.log").read_text()


# --- started by genopt, without a manager


@pytest.fixture
def own(place, sim):
    """Nobody's daemon yet: clients start it."""
    d = Daemon(place, config_for(sim))
    yield d
    for line in d.genopt("status", "--json").stdout.splitlines():  # one that runs still
        with contextlib.suppress(ProcessLookupError, KeyError):
            os.kill(json.loads(line)["pid"], signal.SIGKILL)


def begin(daemon, *args):
    """A client in the background; what it prints, standard output and error, can be read at any time."""
    out = daemon.dir / f"client.{len(list(daemon.dir.glob('client.*')))}"
    p = subprocess.Popen([GENOPT, *args], env=daemon.env, stdin=subprocess.DEVNULL, stdout=open(out, "wb"), stderr=subprocess.STDOUT)
    p.said = out.read_text
    return p


def pid_of(daemon):
    return json.loads(daemon.genopt("status", "--json", check=0).stdout)["pid"]


def state_of(daemon):
    return json.loads(daemon.genopt("status", "--json", check=0).stdout)["state"]


def until(condition):
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline


def ask_and_stall(daemon, sim):
    """A client whose call has begun and does not end, and its job."""
    sim.faults({"kind": "stall"})
    client = begin(daemon, "ask", "--json", "What is a fairway?")
    until(lambda: "task.started" in client.said() and sim.stats()["in_flight"] == 1)
    return client, json.loads(client.said().splitlines()[0])["job"]


def test_a_stop_on_purpose_is_no_crash(own, sim):
    """Two SIGTERM end the daemon at once; its client does not start it again, and says what to do. A job is not lost by it."""
    client, job = ask_and_stall(own, sim)
    pid = pid_of(own)
    os.kill(pid, signal.SIGTERM)
    until(lambda: state_of(own) == "stopping")  # the first is understood
    r = own.genopt("ask", "What is a weir?")
    assert r.returncode == 75 and "is stopping" in r.stderr, r
    os.kill(pid, signal.SIGTERM)
    assert client.wait(timeout=DEADLINE) == 69, client.said()
    assert "the job stays" in client.said() and f"genopt attach {job}" in client.said(), client.said()
    assert own.genopt("status").returncode == 69 and not own.socket.exists()
    sim.faults()
    assert own.genopt("attach", job, check=0).stdout.strip()


def test_killed_is_started_again(own, sim):
    client, job = ask_and_stall(own, sim)
    pid = pid_of(own)
    sim.faults()
    os.kill(pid, signal.SIGKILL)
    assert client.wait(timeout=DEADLINE) == 0, client.said() + (own.dir / "state/genoptd.log").read_text()
    assert json.loads(client.said().splitlines()[-1])["type"] == "done"
    assert pid_of(own) != pid
    own.genopt("stop", check=0)
    assert not own.socket.exists()


def test_who_comes_while_a_daemon_ends_waits_for_its_state(own, sim, place):
    """Its socket has gone, and what it was told is being written still."""
    (place / "state").mkdir(mode=0o700)
    with open(place / "state/lock", "wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        client, log = begin(own, "ask", "What is a slipway?"), place / "state/genoptd.log"
        until(lambda: log.exists() and "waiting for its end" in log.read_text())
    assert client.wait(timeout=DEADLINE) == 0, client.said()
    own.genopt("stop", check=0)


def test_stop_says_what_it_waits_for(own, sim):
    client, _ = ask_and_stall(own, sim)
    stop = begin(own, "stop")
    until(lambda: "--now" in stop.said())
    assert "1 call end first, for 4:30 at most" in stop.said(), stop.said()
    until(lambda: state_of(own) == "stopping")
    assert own.genopt("stop", "--now", check=0).stderr == "genoptd has stopped\n"
    assert stop.wait(timeout=DEADLINE) == 0 and stop.said().endswith("genoptd has stopped\n"), stop.said()
    assert client.wait(timeout=DEADLINE) == 69


def test_who_comes_during_a_restart_waits(own, sim):
    client, _ = ask_and_stall(own, sim)
    pid = pid_of(own)
    restart = begin(own, "restart")
    until(lambda: not own.socket.exists())
    other = begin(own, "ask", "What is a groyne?")
    sim.faults()
    os.kill(pid, signal.SIGTERM)  # it need not wait for a call that stalls
    assert restart.wait(timeout=DEADLINE) == 0 and other.wait(timeout=DEADLINE) == 0, other.said()
    assert client.wait(timeout=DEADLINE) == 0, client.said()
    own.genopt("stop", check=0)


def test_restart_returns_when_it_is_ready(own, sim):
    own.genopt("start", check=0)
    pid = pid_of(own)
    r = own.genopt("restart", check=0)
    assert r.stderr == f"genoptd was started as process {pid_of(own)}\n" and pid_of(own) != pid
    own.write_config(config_for(sim, "limits: {calls: many}\n"))
    r = own.genopt("restart", check=78)
    assert "limits.calls" in r.stderr, r.stderr
    own.write_config(config_for(sim))
    own.genopt("restart", check=0)
    own.genopt("stop", check=0)


@pytest.mark.parametrize("how", ["removed", "moved"])
def test_state_that_was_taken_away(daemon, place, how):
    """Whoever deletes the state of a daemon that runs is told so; nothing is accepted that could not be kept."""
    rpc = daemon.rpc()
    rpc.ok("daemon/status")
    if how == "removed":
        shutil.rmtree(place / "state")
    else:
        (place / "state").rename(place / "elsewhere")
    with contextlib.suppress(EOFError, ConnectionError):  # it may see that by itself
        rpc.send("job/submit", {"kind": "ask", "input": {"prompt": "What is a groyne?"}})
        assert "taken away" in rpc.read()["error"]["message"]
    assert daemon.wait() == 1
    assert f"{place / 'state'}: the state was taken away" in daemon.log()
    daemon.start()  # with none, or with a new one: not hindered by what went
    daemon.rpc().ok("daemon/status")


def test_without_libcurl(place, sim):
    """It is loaded when it is first wanted: a daemon starts without, and says what it lacks when a model is to be asked."""
    d = Daemon(place, config_for(sim), env={"LD_LIBRARY_PATH": str(place)})
    shutil.copy(BUILD / "tests/bench/libdisk-log.so", place / "libcurl.so.4")  # a library, but not that one
    d.start()
    r = d.genopt("ask", "What is a bollard?")
    assert r.returncode == 70 and "libcurl cannot be loaded" in r.stderr, r
    assert "libcurl.so.4 lacks curl_global_init" in d.log()
    d.rpc().ok("daemon/status")
    d.stop()
