#: role migration_tests
#: says wanted_schema
#: says renamed_columns
#: says MigrationError
"""Tests of the migrations."""

import pathlib
import sqlite3

import pytest

from app import database, migrations, models


class Store:
    """A database in a file, and the schema that is wanted of it."""

    def __init__(self, path: pathlib.Path, monkeypatch):
        self.path = path
        self.monkeypatch = monkeypatch

    def run(self, script: str) -> None:
        """Run statements."""
        connection = sqlite3.connect(self.path)
        connection.executescript(script)
        connection.close()

    def ask(self, query: str) -> list:
        """Give the rows of a query."""
        connection = sqlite3.connect(self.path)
        rows = connection.execute(query).fetchall()
        connection.close()
        return rows

    def migrate(self, script: str | None = None) -> None:
        """Migrate to what a script makes, else to the models."""

        def wanted() -> sqlite3.Connection:
            connection = sqlite3.connect(":memory:")
            connection.executescript(script)
            return connection

        if script is not None:
            self.monkeypatch.setattr(migrations, "wanted_schema", wanted)
        engine = database.make_engine(f"sqlite:///{self.path}")
        migrations.migrate(engine)
        engine.dispose()


@pytest.fixture(name="store")
def make_store(tmp_path, monkeypatch) -> Store:
    """Make a database of the test's own."""
    return Store(tmp_path / "data.db", monkeypatch)


def test_models(store):
    """All tables of the models come into being, and the second time none."""
    store.migrate()
    query = "SELECT name, sql FROM sqlite_master"
    made = store.ask(query)
    assert set(models.metadata.tables) <= {row[0] for row in made}
    store.migrate()
    assert store.ask(query) == made


def test_added_column(store):
    """A new column that may be empty is empty."""
    store.run(
        "CREATE TABLE a (id INTEGER PRIMARY KEY); INSERT INTO a VALUES (7)"
    )
    store.migrate("CREATE TABLE a (id INTEGER PRIMARY KEY, b VARCHAR)")
    assert store.ask("SELECT id, b FROM a") == [(7, None)]


def test_column_of_another_name(store, monkeypatch):
    """What has another name now has its old values."""
    store.run(
        "CREATE TABLE a (id INTEGER PRIMARY KEY, b VARCHAR);"
        "INSERT INTO a VALUES (1, 'x')"
    )
    monkeypatch.setattr(
        migrations, "renamed_columns", lambda: {"a": {"c": "b"}}
    )
    store.migrate("CREATE TABLE a (id INTEGER PRIMARY KEY, c VARCHAR)")
    assert store.ask("SELECT * FROM a") == [(1, "x")]


def test_kept_column(store):
    """A column that nobody wants any more keeps its values."""
    store.run(
        "CREATE TABLE a (id INTEGER PRIMARY KEY, b VARCHAR NOT NULL);"
        "INSERT INTO a VALUES (1, 'x')"
    )
    store.migrate("CREATE TABLE a (id INTEGER PRIMARY KEY)")
    assert store.ask("SELECT b FROM a") == [("x",)]
    store.run("INSERT INTO a (id) VALUES (2)")


def test_tightened_column(store):
    """What must have a value now has the empty one."""
    store.run(
        "CREATE TABLE a (id INTEGER PRIMARY KEY, b VARCHAR);"
        "INSERT INTO a VALUES (1, NULL), (2, 'y')"
    )
    store.migrate(
        "CREATE TABLE a (id INTEGER PRIMARY KEY, b VARCHAR NOT NULL,"
        " n INTEGER NOT NULL)"
    )
    rows = store.ask("SELECT b, n FROM a ORDER BY id")
    assert rows == [("", 0), ("y", 0)]


def test_nothing_or_all(store):
    """Rows that do not fit stay as they are."""
    store.run(
        "CREATE TABLE a (id INTEGER PRIMARY KEY, b VARCHAR);"
        "INSERT INTO a VALUES (1, 'same'), (2, 'same')"
    )
    with pytest.raises(migrations.MigrationError):
        store.migrate(
            "CREATE TABLE z (id INTEGER PRIMARY KEY);"
            "CREATE TABLE a (id INTEGER PRIMARY KEY, b VARCHAR, UNIQUE (b))"
        )
    assert store.ask("SELECT b FROM a") == [("same",), ("same",)]
    assert not store.ask("SELECT 1 FROM sqlite_master WHERE name = 'z'")
