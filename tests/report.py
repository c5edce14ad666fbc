#!/usr/bin/env python3
"""Small readers of what meson and pytest write, for ./dev.

    report.py targets BUILD SUITE       the ninja targets that the tests of a suite need, one a line
    report.py summary LOGS BUILD…       failures, the ten slowest tests, and "N passed, N failed"; exit status 1 on failures
"""

import json
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree


def suite_targets(build, suite):
    tests = json.loads(subprocess.check_output(["meson", "introspect", "--tests", build]))
    targets = json.loads(subprocess.check_output(["meson", "introspect", "--targets", build]))
    wanted = {d for t in tests if any(s == suite or s.endswith(":" + suite) for s in t["suite"]) for d in t["depends"]}
    return [os.path.relpath(t["filename"][0], build) for t in targets if t["id"] in wanted]


class Summary:
    def __init__(self):
        self.passed = self.failed = 0
        self.failures = []
        self.skipped = []
        self.times = []

    def count(self, name, passed, failed, seconds=None):
        self.passed += passed
        self.failed += failed
        if failed:
            self.failures.append(name)
        if seconds is not None:
            self.times.append((seconds, name))

    def add_steps(self, path):
        """Steps that are no tests themselves count as one each. Of the others nothing is counted twice, but one that failed
        without any failing test of its own (it crashed, or found none) counts."""
        with open(path, encoding="utf-8") as f:
            for line in f:
                name, status, _ = line.rstrip("\n").split("\t")
                ok = status == "0"
                if name == "house":
                    self.add_house(os.path.join(os.path.dirname(path), "house.txt"), ok)
                elif name.startswith("unit-") or name == "integration":
                    if not ok and not self.failures:
                        self.count(name, 0, 1)
                else:
                    self.count(name, int(ok), int(not ok))

    def add_house(self, path, ok):
        with open(path, encoding="utf-8", errors="replace") as f:
            m = re.search(r"^(\d+) passed, (\d+) failed$", f.read(), re.M)
        self.count("house", int(m.group(1)) if m else int(ok), int(m.group(2)) if m else int(not ok))

    def add_meson(self, build):
        """One line of JSON a program. cmocka's own counts tell how many tests were in it."""
        path = os.path.join(build, "meson-logs", "testlog.json")
        if not os.path.exists(path):
            return
        with open(path, encoding="utf-8") as f:
            for line in f:
                t = json.loads(line)
                name = f"{t['name']} ({os.path.basename(build)})"
                output = t.get("stdout", "") + t.get("stderr", "")
                passed = sum(map(int, re.findall(r"\[  PASSED  \] (\d+) test", output)))
                failed = sum(map(int, re.findall(r"\[  FAILED  \] (\d+) test", output)))
                if t["result"] in ("OK", "EXPECTEDFAIL"):
                    self.count(name, max(passed, 1), 0, t["duration"])
                elif t["result"] == "SKIP":
                    self.skipped.append(name)
                else:
                    self.count(name, passed, max(failed, 1), t["duration"])

    def add_junit(self, path):
        if not os.path.exists(path):
            return
        for case in ElementTree.parse(path).getroot().iter("testcase"):
            name = case.get("classname", "").replace("tests.integration.", "") + "." + case.get("name", "")
            bad = case.find("failure") is not None or case.find("error") is not None
            if case.find("skipped") is not None:
                reason = case.find("skipped").get("message", "").split("\n")[0]
                self.skipped.append(f"{name}: {reason}")
            else:
                self.count(name, int(not bad), int(bad), float(case.get("time", 0)))

    def print(self):
        if self.failures:
            print("\nfailed:")
            for name in self.failures:
                print(f"  {name}")
        if self.skipped:
            print("\nskipped:")
            for name in self.skipped:
                print(f"  {name}")
        print("\nslowest:")
        for seconds, name in sorted(self.times, reverse=True)[:10]:
            print(f"  {seconds:7.2f} s  {name}")
        print(f"\n{self.passed} passed, {self.failed} failed")


def main(args):
    if len(args) == 3 and args[0] == "targets":
        print("\n".join(suite_targets(args[1], args[2])))
        return 0
    if len(args) >= 2 and args[0] == "summary":
        s = Summary()
        for build in args[2:]:
            s.add_meson(build)
        s.add_junit(os.path.join(args[1], "integration.xml"))
        s.add_steps(os.path.join(args[1], "steps.tsv"))
        s.print()
        return 1 if s.failed else 0
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
