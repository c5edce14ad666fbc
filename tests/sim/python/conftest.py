#: role conftest
#: says The fixture `client`
#: says a database of its own, a copy of the application's empty one
"""Fixtures: the application, and who talks to it."""

from collections.abc import Iterator

import fastapi
import pytest
from fastapi import testclient

from app import database, main


@pytest.fixture(scope="session", name="app")
def build_app() -> fastapi.FastAPI:
    """Build it once; it starts with an empty database."""
    return main.create_app("sqlite://")


@pytest.fixture(name="client")
def make_client(app: fastapi.FastAPI) -> Iterator[testclient.TestClient]:
    """Talk to the application, which has a new database."""
    own = database.make_engine("sqlite://")
    with app.state.engine.connect() as old, own.connect() as new:
        empty = old.connection.driver_connection
        empty.backup(new.connection.driver_connection)
    app.state.sessions.configure(bind=own)
    yield testclient.TestClient(app)
    own.dispose()
