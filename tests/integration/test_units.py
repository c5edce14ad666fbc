"""The units of both instances: systemd understands every line, and they are closed to what they do not need."""

import os
import pathlib
import shutil
import subprocess

import pytest

from conftest import BUILD, GENOPT, GENOPTD, ROOT

INSTANCES = {"system": 15, "user": 22}  # the exposure that is allowed, in tenths
SYSTEMD = pathlib.Path(ROOT) / "systemd"

pytestmark = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd-analyze here")


def analyze(instance, place, *arguments):
    env = {"PATH": os.environ["PATH"], "XDG_RUNTIME_DIR": str(place), "HOME": str(place), "LANG": "C.UTF-8"}
    return subprocess.run(["systemd-analyze", f"--{instance}", "--no-pager", *map(str, arguments)], env=env, capture_output=True,
                          text=True, check=False)


@pytest.fixture(params=INSTANCES)
def units(request, place):
    """As they are installed, but for the programs, which are where they were built."""
    for unit in ("genoptd.service", "genoptd.socket"):
        text = (SYSTEMD / request.param / f"{unit}.in").read_text()
        text = text.replace("@bindir@/genoptd", str(GENOPTD)).replace("@bindir@/genopt", str(GENOPT))
        assert "@" not in text.replace("@system-service", "").replace("@privileged", "").replace("@resources", "")
        (place / unit).write_text(text)
    return request.param, place


def test_every_line_is_understood(units):
    instance, place = units
    r = analyze(instance, place, "verify", "--man=no", place / "genoptd.socket", place / "genoptd.service")
    assert (r.returncode, r.stderr) == (0, ""), r.stderr
    (place / "genoptd.service").write_text((place / "genoptd.service").read_text() + "ProtectEverything=yes\n")
    assert analyze(instance, place, "verify", "--man=no", place / "genoptd.service").stderr  # it would have told


def test_exposure(units):
    instance, place = units
    service = place / "genoptd.service"
    security = "security", "--offline=true", f"--threshold={INSTANCES[instance]}", service
    r = analyze(instance, place, *security)
    assert r.returncode == 0, r.stdout + r.stderr
    service.write_text("".join(x for x in service.read_text().splitlines(True) if not x.startswith("SystemCallFilter")))
    assert analyze(instance, place, *security).returncode != 0


def test_a_stop_is_ours_before_it_is_the_managers(units):
    """What is under way is given up by the daemon itself, in good order, before systemd would kill it."""
    _, place = units
    source = (pathlib.Path(ROOT) / "daemon" / "assembly.c").read_text()
    drain_ms = int(source.split("#define DRAIN_MS (uint64_t)")[1].split()[0])
    (minutes,) = [x for x in (place / "genoptd.service").read_text().splitlines() if x.startswith("TimeoutStopSec=")]
    assert drain_ms + 20000 <= int(minutes.removeprefix("TimeoutStopSec=").removesuffix("min")) * 60000


def test_user_and_directories(place):
    """What an installation of the system's instance makes."""
    root = place / "root"
    (root / "etc").mkdir(parents=True)
    subprocess.run(["systemd-sysusers", f"--root={root}", SYSTEMD / "sysusers.conf"], check=True, capture_output=True)
    users = (root / "etc" / "passwd").read_text()
    assert any(x.startswith("genoptd:") and ":/var/lib/genopt:" in x for x in users.splitlines())
    groups = dict(x.split(":", 1) for x in (root / "etc" / "group").read_text().splitlines())
    assert groups["genopt"].endswith(":genoptd")  # it reloads itself through its own socket
    if os.geteuid() != 0:
        pytest.skip("only root can make what belongs to root")
    r = subprocess.run(["systemd-tmpfiles", f"--root={root}", "--create", SYSTEMD / "tmpfiles.conf"], check=False, capture_output=True,
                       text=True)
    assert (r.returncode, r.stderr) == (0, "")
    assert (root / "etc/genopt/keys").stat().st_mode & 0o777 == 0o700
    assert (root / "etc/genopt").stat().st_mode & 0o777 == 0o755


def test_what_is_installed(place):
    """Units and all else land where systemd looks."""
    if not (BUILD / "meson-info" / "intro-installed.json").exists():
        pytest.skip("the build tree knows no installation")
    text = (BUILD / "meson-info" / "intro-installed.json").read_text()
    for path in ("lib/systemd/system/genoptd.socket", "lib/systemd/system/genoptd.service", "lib/systemd/user/genoptd.socket",
                 "lib/systemd/user/genoptd.service", "lib/sysusers.d/genopt.conf", "lib/tmpfiles.d/genopt.conf"):
        assert f"/{path}\"" in text, path
