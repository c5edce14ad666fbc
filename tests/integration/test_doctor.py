"""genopt doctor: each fault is found, told with a remedy, and gone when that was done; nothing is changed or told that should not be."""

import json
import os
import socket

import pytest

from conftest import config_for

SECRET = "sk-this-must-never-be-shown"


def examine(daemon, env=None, check=0):
    r = daemon.genopt("doctor", "--json", env=env)
    assert r.returncode == check, r.stdout + r.stderr
    assert SECRET not in r.stdout + r.stderr
    return json.loads(r.stdout)


def found(result, subject, grade):
    return [f for f in result["findings"] if f["subject"] == subject and f["grade"] == grade]


@pytest.fixture
def keys(daemon):
    directory = daemon.dir / "home" / "config" / "genopt" / "keys"
    directory.mkdir(parents=True, mode=0o700)
    (directory / "openai").write_text(SECRET + "\n")
    (directory / "openai").chmod(0o600)
    return directory


def test_all_is_well(daemon, keys, sim):
    before = len(sim.requests())
    result = examine(daemon)
    assert result["faults"] == 0
    assert "openai" in found(result, "keys", "ok")[0]["text"]
    assert "its server takes connections" in found(result, "providers", "ok")[0]["text"]
    assert {f["subject"] for f in result["findings"]} >= {"programs", "data", "configuration", "directories", "sockets", "daemon", "cache"}
    assert len(sim.requests()) == before  # nothing was asked
    words = daemon.genopt("doctor")
    assert words.returncode == 0 and "ok      programs" in words.stdout and SECRET not in words.stdout


def test_what_others_can_read(daemon, keys):
    (keys / "openai").chmod(0o644)
    (daemon.dir / "state").chmod(0o755)
    result = examine(daemon, check=1)
    (fault,) = found(result, "keys", "fault")
    assert "0644" in fault["text"] and fault["remedy"] == f"chmod 600 {keys}/openai"
    (fault,) = found(result, "directories", "fault")
    assert fault["remedy"] == f"chmod 700 {daemon.dir}/state"
    os.system(fault["remedy"])
    (keys / "openai").chmod(0o600)
    examine(daemon)


def test_configuration_that_cannot_be_used(daemon, sim):
    daemon.write_config(config_for(sim, "limits: {calls: many}\n"))
    (fault,) = found(examine(daemon, check=1), "configuration", "fault")
    assert "genopt.yaml:7:" in fault["text"] and "limits.calls" in fault["text"]
    daemon.write_config(config_for(sim))
    daemon.config_path.chmod(0o666)
    (fault,) = found(examine(daemon, check=1), "configuration", "fault")
    assert "changed by others" in fault["text"]


def test_programs(daemon, place):
    other = place / "genoptd"
    other.write_text("#!/bin/sh\n[ \"$1\" = --version ] && echo genoptd 9.9\n")
    other.chmod(0o755)
    (fault,) = found(examine(daemon, env={"GENOPT_DAEMON": str(other)}, check=1), "programs", "fault")
    assert "9.9" in fault["text"]
    other.write_text("#!/bin/sh\nexit 3\n")
    (fault,) = found(examine(daemon, env={"GENOPT_DAEMON": str(other)}, check=1), "programs", "fault")
    assert "cannot be run" in fault["text"]


def test_nobody_listens(daemon, place):
    """It starts nothing; what a dead daemon left is told apart from what is no socket."""
    absent = place / "none.sock"
    result = examine(daemon, env={"GENOPT_SOCKET": str(absent)})
    assert "does not run" in found(result, "daemon", "note")[0]["text"] and not absent.exists()
    s = socket.socket(socket.AF_UNIX)
    s.bind(str(absent))
    s.close()
    absent.chmod(0o600)
    assert "is left of" in found(examine(daemon, env={"GENOPT_SOCKET": str(absent)}), "sockets", "note")[0]["text"]
    absent.unlink()
    absent.write_text("")
    assert "no socket" in found(examine(daemon, env={"GENOPT_SOCKET": str(absent)}, check=1), "sockets", "fault")[0]["text"]
