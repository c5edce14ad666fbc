"""Runs the own tests of projects in Python, one process for each: run_projects.py FOLDER[:TEST,TEST…] …

FastAPI and SQLAlchemy take longer to load than the tests of a small project take, so they are loaded once, and each project's process is a
copy of this one. What failed is told at the end; a project whose tests were skipped, or that has none, counts as failed."""

import contextlib
import io
import os
import sys

import fastapi.testclient  # noqa: F401  loaded for the copies
import fastapi.templating  # noqa: F401
import multipart  # noqa: F401
import pydantic  # noqa: F401
import pytest
import sqlalchemy.orm  # noqa: F401


class Count:
    passed = others = 0

    def pytest_runtest_logreport(self, report):
        if report.when == "call" and report.passed:
            self.passed += 1
        elif not report.passed:
            self.others += 1


def run(folder, tests):
    """In the copy: the exit status, and what pytest printed."""
    os.chdir(folder)
    sys.path.insert(0, folder)
    count, out = Count(), io.StringIO()
    with contextlib.redirect_stdout(out):
        code = pytest.main(["-q", "-x", "-p", "no:cacheprovider", "-W", "ignore", "--rootdir", folder, *tests], plugins=[count])
    if code or count.others or not count.passed:
        print(f"== {folder}: {count.passed} passed, {count.others} not\n{out.getvalue()[-3000:]}", flush=True)
        return 1
    print(f"{folder}: {count.passed} passed", flush=True)
    return 0


def main():
    failed = 0
    for argument in sys.argv[1:]:
        folder, _, tests = argument.partition(":")
        child = os.fork()
        if not child:
            code = 1
            try:
                code = run(folder, tests.split(",") if tests else [])
            finally:
                sys.stdout.flush()
                os._exit(code)
        failed += os.waitpid(child, 0)[1] != 0
    sys.exit(1 if failed else 0)


main()
