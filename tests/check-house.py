#!/usr/bin/env python3
"""House rules that a script can see. Every breach prints file:line and the rule; the exit status is 1 when there is one.

    tests/check-house.py [--build DIRECTORY] [--top DIRECTORY]

--build names a build tree: what its client links, transitively, and the names in its libraries are checked too.
"""

import argparse
import fnmatch
import os
import re
import subprocess
import sys

# From top to bottom: a room may include headers of the rooms after it, of proto and of common. `work` holds nouns without
# behaviour and knows no room, so every room may use it.
ROOMS = ("server jobs exec calls plan input blueprint check edit template provider store metrics options loop work").split()
CLIENT_ROOMS = ("offer", "files", "link", "view")

CONFINED = {  # library header -> where it may be included
    "lmdb.h": ("daemon/store/",),
    "curl/": ("daemon/provider/",),
    "event2/": ("daemon/loop/", "daemon/server/", "daemon/provider/"),
}
# The tests' own programs: the simulator is a libevent server, unit tests look behind a room's face.
CONFINED_EXEMPT = ("tests/",)

CLIENT_FORBIDDEN = ("liblmdb", "libcurl", "libevent", "libcrypto", "libssl")
# Libraries that one program may link share no global name. The two hashes are one interface: a program takes either.
PROGRAMS = ("daemon", "client", "tests/sim")
EITHER = {"libcommon_hash_crypto.a", "libcommon_hash_md.a"}

LOG_EVENTS = "daemon/metrics/log-events.h"
PAGE = "docs/architecture.md"

BANNED = ("sprintf", "vsprintf", "strcpy", "stpcpy", "strcat", "strncpy", "strtok", "atoi", "atol", "gets")
SLEEPS = ("sleep", "usleep", "nanosleep", "clock_nanosleep")

MAX_SOURCE_LINES = 800
MAX_HEADER_LINES = 200
MAX_FUNCTION_LINES = 100

# Directories of developers' machines; in pieces, so that this file passes its own rule.
MACHINE_PATH = re.compile(r"(?<![\w.})\]*-])/(?:" + "|".join(
    ("wo" r"rk/(?!\*)", "fa" r"rm/", r"home/(?!USER\b|user\b|me\b|alice\b|\$)\w+/", "Us" r"ers/\w+/", "ro" r"ot/")) + ")"
    + "|" + r"\." + r"library/")

RULES = {
    "layer": "a room includes only rooms below it, proto and common",
    "confined": "LMDB, curl and libevent stay in their rooms",
    "client-links": "the client links none of LMDB, curl, libevent, libcrypto",
    "symbols": "libraries of one program share no global name",
    "log-events": f"names of log events are those of {LOG_EVENTS}",
    "banned": "banned functions",
    "sleep": "no sleep in tests",
    "file-length": f"sources up to {MAX_SOURCE_LINES} lines, headers up to {MAX_HEADER_LINES}",
    "function-length": f"functions up to {MAX_FUNCTION_LINES} lines",
    "pragma-once": "headers begin with #pragma once",
    "own-header": "x.c includes x.h first",
    "format": "formatted by clang-format",
    "machine": "no path of a developer's machine",
    "list": "a list in a comment stands apart: else clang-format makes prose of it",
    "page": f"what {PAGE} names is there",
}


def tracked(top):
    # CI may run as another user than the one who cloned.
    listed = subprocess.run(["git", "-c", "safe.directory=*", "ls-files", "-z"], cwd=top, capture_output=True, check=False)
    if listed.returncode == 0:
        return [n for n in listed.stdout.decode().split("\0") if n]
    names = []
    for directory, directories, files in os.walk(top):  # a released archive
        directories[:] = sorted(d for d in directories if not d.startswith((".git", "build", "__pycache__")))
        names += sorted(os.path.relpath(os.path.join(directory, f), top) for f in files)
    return names


class House:
    def __init__(self, top):
        self.top = os.path.abspath(top)
        self.breaches = []
        self.files = [n for n in tracked(self.top) if os.path.isfile(os.path.join(self.top, n))]
        self.sources = [n for n in self.files if n.endswith((".c", ".h"))]

    def breach(self, rule, name, line, text):
        self.breaches.append((rule, name, line, text))

    def read(self, name):
        with open(os.path.join(self.top, name), "rb") as f:
            return f.read().decode("utf-8", "replace")

    def check(self):
        for name in self.sources:
            text = self.read(name)
            self.check_includes(name, text)
            self.check_lengths(name, text)
            self.check_lists(name, text)
            code = without_comments_and_strings(text)
            self.check_calls(name, code)
            self.check_functions(name, code)
        for name in self.files:
            if name.startswith("tests/") and name.endswith((".py", ".sh")) or name == "tests/demo":
                self.check_script_sleeps(name, self.read(name))
            self.check_machine(name)
        self.check_log_events()
        self.check_page()
        self.check_format()

    # -- includes

    def resolve(self, name, included):
        """The tracked path of an include in quotes: beside the file, else from the top."""
        beside = os.path.normpath(os.path.join(os.path.dirname(name), included))
        return beside if beside in self.known() else os.path.normpath(included)

    def known(self):
        if not hasattr(self, "_known"):
            self._known = set(self.files)
        return self._known

    def check_includes(self, name, text):
        lines = text.split("\n")
        included = []
        for number, line in enumerate(lines, 1):
            m = re.match(r'\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)', line)
            if not m:
                continue
            included.append(m.group(1) or m.group(2))
            if m.group(2):
                self.check_confined(name, number, m.group(2))
            else:
                self.check_layer(name, number, self.resolve(name, m.group(1)))
        if name.endswith(".h"):
            first = next((line for line in lines if line.strip()), "")
            if first.strip() != "#pragma once":
                self.breach("pragma-once", name, 1, "a header begins with #pragma once")
        else:
            own = name[:-2] + ".h"
            if own in self.known() and (not included or self.resolve(name, included[0]) != own):
                self.breach("own-header", name, 1, f'"{own}" is to be included first')

    def check_confined(self, name, number, header):
        for prefix, places in CONFINED.items():
            if header.startswith(prefix) and not name.startswith(places + CONFINED_EXEMPT):
                self.breach("confined", name, number, f"<{header}> belongs to {', '.join(places)}")

    def check_layer(self, name, number, target):
        reason = layer_fault(name, target)
        if reason:
            self.breach("layer", name, number, f'"{target}": {reason}')

    # -- text

    def check_lengths(self, name, text):
        n = text.count("\n") + (not text.endswith("\n"))
        most = MAX_HEADER_LINES if name.endswith(".h") else MAX_SOURCE_LINES
        if n > most:
            self.breach("file-length", name, n, f"{n} lines, of {most} allowed")

    def check_calls(self, name, code):
        banned = BANNED + (SLEEPS if name.startswith("tests/") else ())
        for m in re.finditer(r"(?<![\w.>])(" + "|".join(banned) + r")\s*\(", code):
            rule = "sleep" if m.group(1) in SLEEPS else "banned"
            self.breach(rule, name, code.count("\n", 0, m.start()) + 1, f"{m.group(1)}()")

    def check_functions(self, name, code):
        """clang-format puts the brace that opens a function alone into column 0, and no other brace."""
        lines = code.split("\n")
        start = None
        for number, line in enumerate(lines, 1):
            if line == "{":
                start = number
                while start > 1 and lines[start - 2].strip() and not re.search(r"[;}]\s*$|^#", lines[start - 2]):
                    start -= 1
            elif line.startswith("}") and start:
                n = number - start + 1
                if n > MAX_FUNCTION_LINES:
                    self.breach("function-length", name, start, f"{n} lines, of {MAX_FUNCTION_LINES} allowed")
                start = None

    def check_script_sleeps(self, name, text):
        pattern = r"\btime\.sleep\s*\(" if name.endswith(".py") else r"(?:^|[;&|(]|\bdo\b|\bthen\b)\s*(?:sleep)\s+[\d.$\"]"
        for number, line in enumerate(text.split("\n"), 1):
            if re.search(pattern, line.split("#")[0] if name.endswith(".py") else line):
                self.breach("sleep", name, number, line.strip())

    def check_machine(self, name):
        try:
            with open(os.path.join(self.top, name), encoding="utf-8") as f:
                lines = f.read().split("\n")
        except UnicodeDecodeError:
            return
        for number, line in enumerate(lines, 1):
            m = MACHINE_PATH.search(line)
            if m:
                self.breach("machine", name, number, m.group(0))

    def check_lists(self, name, text):
        """A line of a list that clang-format broke goes on as prose, and takes the next lines with it."""
        lines = text.split("\n")
        for number, (line, following) in enumerate(zip(lines, lines[1:]), 2):
            if re.match(r" \* {5,}\S", line) and re.match(r" \* [^ /]", following):
                self.breach("list", name, number, "an empty line parts a list from prose")

    def check_page(self):
        """Files by any end of their path (`jobs/life.c`, `report*.c`); rooms as the drawing has them (`      offer/`)."""
        if PAGE not in self.known():
            return
        directories = {os.path.dirname(name) for name in self.files}
        for number, line in enumerate(self.read(PAGE).split("\n"), 1):
            names = [m for m in re.findall(r"`([\w./*-]+\.(?:c|h|py|yaml))`", line) if "NAME" not in m]
            for name in names:
                if not any(fnmatch.fnmatch("/" + known, "*/" + name) for known in self.files):
                    self.breach("page", PAGE, number, f"there is no {name}")
            room = re.match(r" {4,6}([\w-]+)/ ", line)
            if room and not any(("/" + d).endswith("/" + room.group(1)) for d in directories):
                self.breach("page", PAGE, number, f"there is no room {room.group(1)}")

    def check_log_events(self):
        """Both ways: what is logged stands in the table, what stands there is logged."""
        if LOG_EVENTS not in self.known():
            return
        table = {m.group(1): number for number, line in enumerate(self.read(LOG_EVENTS).split("\n"), 1)
                 for m in re.finditer(r"\bX\((\w+),", line)}
        logged = set()
        for name in self.sources:
            if name.startswith("tests/"):
                continue
            text = self.read(name)
            for m in re.finditer(r'\bLOG_LEVEL_\w+,\s*"(\w+)"', text):
                logged.add(m.group(1))
                if m.group(1) not in table:
                    self.breach("log-events", name, text.count("\n", 0, m.start()) + 1, f"{m.group(1)} is not in the table")
        for event in sorted(set(table) - logged):
            self.breach("log-events", LOG_EVENTS, table[event], f"nothing logs {event}")

    # -- tools

    def check_format(self):
        if not self.sources:
            return
        r = subprocess.run(["clang-format", "--dry-run", "-Werror", *self.sources], cwd=self.top,
                           capture_output=True, text=True, check=False)
        seen = set()
        for line in r.stderr.split("\n"):
            m = re.match(r"(.+?):(\d+):\d+: error:", line)
            if m and m.group(1) not in seen:  # the first place of a file is enough
                seen.add(m.group(1))
                self.breach("format", m.group(1), int(m.group(2)), "not formatted; ./dev fmt")
        if r.returncode and not seen:
            self.breach("format", ".clang-format", 1, r.stderr.strip()[:200])

    def check_symbols(self, build):
        libraries = [os.path.relpath(os.path.join(d, f), build) for d, _, names in os.walk(build) for f in names if f.endswith(".a")]
        owners = {}
        for library in sorted(libraries):
            if library.split("/")[0] not in ("common", "proto", "daemon", "client", "tests"):
                continue  # of another build tree, below this one
            r = subprocess.run(["nm", "-g", "--defined-only", library], cwd=build, capture_output=True, text=True, check=False)
            if r.returncode:
                self.breach("symbols", library, 0, r.stderr.strip()[:200])
            for m in re.finditer(r"^\w+ [TDBRSGC] (\w+)$", r.stdout, re.M):
                owners.setdefault(m.group(1), []).append(library)
        if not owners:
            self.breach("symbols", build, 0, "no library is built")
        for symbol, at in sorted(owners.items()):
            for program in PROGRAMS:
                ours = [a for a in at if a.startswith(("common/", "proto/", program + "/"))]
                if len(ours) > 1 and {os.path.basename(a) for a in ours} != EITHER:
                    self.breach("symbols", ours[0], 0, f"{symbol} is also in {', '.join(ours[1:])}")

    def check_client(self, program):
        r = subprocess.run(["ldd", program], capture_output=True, text=True, check=False)
        if r.returncode:
            self.breach("client-links", program, 0, r.stderr.strip())
        for line in r.stdout.split("\n"):
            library = line.strip().split(" ")[0]
            if os.path.basename(library).startswith(CLIENT_FORBIDDEN):
                self.breach("client-links", program, 0, library)


def client_fault(room, goal):
    """As layer_fault(), below client/."""
    if goal in (room, "client.h", "run-command.h"):
        return None
    if room not in CLIENT_ROOMS:
        return f"room {room} is not in the list"
    if goal not in CLIENT_ROOMS:
        return "what wires the rooms is above them"
    return f"{goal} is above {room}" if CLIENT_ROOMS.index(goal) < CLIENT_ROOMS.index(room) else None


def layer_fault(name, target):
    """Why `name` may not include `target`, or None."""
    place, goal = name.split("/"), target.split("/")
    if place[0] == "tests":
        # The simulator judges us: it shares nothing with what it judges but the bottom.
        if place[1] == "sim" and goal[0] not in ("tests", "common"):
            return "the simulator has sources of its own"
        return None
    if goal[0] == "tests":
        return "the program includes no test"
    if goal[0] not in ("common", "proto", "daemon", "client"):
        return "not a header of the project" if len(goal) > 1 else None
    if goal[0] == "common":
        return None
    if place[0] == "common":
        return "common knows nothing of genopt"
    if goal[0] == "proto":
        return None
    if place[0] == "proto":
        return "proto knows only common"
    if place[0] != goal[0]:
        return f"{place[0]} and {goal[0]} share only proto and common"
    if len(place) == 2:  # daemon/main.c and the client's commands: they wire
        return None
    if place[0] == "client":
        return client_fault(place[1], goal[1])
    if len(goal) == 2:
        return "what wires the rooms is above them"
    if place[1] == goal[1]:
        return None
    if place[1] not in ROOMS or goal[1] not in ROOMS:
        return f"room {place[1] if place[1] not in ROOMS else goal[1]} is not in the list"
    if ROOMS.index(goal[1]) < ROOMS.index(place[1]):
        return f"{goal[1]} is above {place[1]}"
    return None


def without_comments_and_strings(text):
    """The code alone, line by line where it was."""
    def blank(m):
        s = m.group(0)
        if s[0] in "\"'":
            return s[0] * 2
        return re.sub(r"[^\n]", "", s) or " "
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank, text, flags=re.S)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--build", metavar="DIRECTORY")
    p.add_argument("--top", default=os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
    args = p.parse_args()

    house = House(args.top)
    house.check()
    rules = [r for r in RULES if r not in ("client-links", "symbols") or args.build]
    if args.build:
        house.check_client(os.path.join(args.build, "client", "genopt"))
        house.check_symbols(args.build)
    for rule, name, line, text in house.breaches:
        print(f"{name}:{line}: {text} [{rule}: {RULES[rule]}]")
    broken = {b[0] for b in house.breaches}
    print(f"house: {len(house.files)} files, {len(house.breaches)} breaches")
    print(f"{len(rules) - len(broken)} passed, {len(broken)} failed")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
