#: role migrations
#: says migrate(engine)
#: says wanted_schema()
#: says renamed_columns()
#: says MigrationError
#: says columns that the models no longer have stay
"""Brings an SQLite database to the schema of the models.

Whatever differs is made anew beside the old table, which is dropped once
its rows were copied. Nothing that a row holds is lost.
"""

import contextlib
import sqlite3

import sqlalchemy as sa

from app import database, models

ZERO = ("INT", "BOOL", "FLOAT", "REAL", "NUM")


class MigrationError(Exception):
    """The rows that are there do not fit."""


def _name(text: str) -> str:
    doubled = text.replace('"', '""')
    return f'"{doubled}"'


class Shape:
    """What a table looks like."""

    def __init__(self, connection: sqlite3.Connection, table: str):
        def ask(pragma: str, of: str) -> list:
            rows = connection.execute(f"PRAGMA {pragma}({_name(of)})")
            return rows.fetchall()

        self.columns = {row[1]: row[2:6] for row in ask("table_info", table)}
        self.keys = sorted(
            (row[3], row[2], row[4] or "", row[6])
            for row in ask("foreign_key_list", table)
        )
        self.unique = sorted(
            [part[2] for part in ask("index_info", row[1])]
            for row in ask("index_list", table)
            if row[3] == "u"
        )

    def misses(self, other: "Shape") -> list[str]:
        """Name the columns that only the other has."""
        return [name for name in other.columns if name not in self.columns]


def _made(connection: sqlite3.Connection, kind: str) -> dict[str, tuple]:
    """Give table and statement of all tables or indexes, by name."""
    query = (
        "SELECT name, tbl_name, sql FROM sqlite_master WHERE type = ?"
        " AND sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY rowid"
    )
    return {row[0]: row[1:] for row in connection.execute(query, (kind,))}


def wanted_schema() -> sqlite3.Connection:
    """Give a database in memory that has what the models want."""
    engine = database.make_engine("sqlite://")
    models.metadata.create_all(engine)
    return engine.raw_connection().driver_connection


def renamed_columns() -> dict[str, dict[str, str]]:
    """Give the old names of columns that have new ones."""
    return {
        name: {
            column.name: column.info["was"]
            for column in table.columns
            if "was" in column.info
        }
        for name, table in models.metadata.tables.items()
    }


def _call_anew(connection: sqlite3.Connection, table: str, new: Shape) -> None:
    """Rename what stands under its old name alone."""
    for now, then in renamed_columns().get(table, {}).items():
        there = Shape(connection, table).columns
        if then in there and now not in there and now in new.columns:
            if then not in new.columns:
                connection.execute(
                    f"ALTER TABLE {_name(table)} RENAME COLUMN"
                    f" {_name(then)} TO {_name(now)}"
                )


def _empty(column: tuple) -> str:
    """Give what a column holds where the rows have nothing for it."""
    kind, _is_needed, default, _key = column
    if default is not None:
        return default
    if kind.upper().startswith(ZERO):
        return "0"
    dated = {"DATE": "'1970-01-01'", "TIME": "'00:00:00.000000'"}
    dated["DATETIME"] = "'1970-01-01 00:00:00.000000'"
    return dated.get(kind, {"JSON": "'null'", "BLOB": "x''"}.get(kind, "''"))


def _source(name: str, old: Shape, new: Shape) -> str | None:
    """Give the expression from which a column is copied; None: nothing."""
    column = new.columns.get(name)
    is_needed = column is not None and column[1]
    if name not in old.columns:
        return _empty(column) if is_needed else None
    if is_needed and not old.columns[name][1]:
        return f"ifnull({_name(name)}, {_empty(column)})"
    return _name(name)


def _make_anew(
    connection: sqlite3.Connection,
    table: str,
    statement: str,
    shapes: tuple[Shape, Shape],
) -> None:
    """Put a table of the wanted shape in the place of the old one."""
    old, new = shapes
    kept = _name("old " + table)
    connection.execute(f"ALTER TABLE {_name(table)} RENAME TO {kept}")
    connection.execute(statement)
    for name in new.misses(old):
        connection.execute(
            f"ALTER TABLE {_name(table)}"
            f" ADD COLUMN {_name(name)} {old.columns[name][0]}"
        )
    sources = {}
    for name in {**new.columns, **old.columns}:
        source = _source(name, old, new)
        if source is not None:
            sources[_name(name)] = source
    connection.execute(
        f"INSERT INTO {_name(table)} ({', '.join(sources)})"
        f" SELECT {', '.join(sources.values())} FROM {kept}"
    )
    connection.execute(f"DROP TABLE {kept}")


def _is_enough(old: Shape, new: Shape) -> bool:
    """Say whether columns that may be empty are all that is missing."""
    same = all(
        old.columns[name] == column
        for name, column in new.columns.items()
        if name in old.columns
    )
    added = [new.columns[name] for name in old.misses(new)]
    gone = [old.columns[name] for name in new.misses(old)]
    return (
        same
        and not any(column[1] or column[3] for column in added + gone)
        and (old.keys, old.unique) == (new.keys, new.unique)
    )


def _fit(connection: sqlite3.Connection, wanted: sqlite3.Connection) -> None:
    """Make all tables and indexes those that are wanted."""
    there = _made(connection, "table")
    for table, (_table, statement) in _made(wanted, "table").items():
        if table not in there:
            connection.execute(statement)
            continue
        new = Shape(wanted, table)
        _call_anew(connection, table, new)
        old = Shape(connection, table)
        if not _is_enough(old, new):
            _make_anew(connection, table, statement, (old, new))
            continue
        for name in old.misses(new):
            kind = new.columns[name][0]
            connection.execute(
                f"ALTER TABLE {_name(table)} ADD COLUMN {_name(name)} {kind}"
            )
    indexes = _made(wanted, "index")
    for name, made in _made(connection, "index").items():
        if name.startswith("ix_") and indexes.get(name) != made:
            connection.execute(f"DROP INDEX {_name(name)}")
    there = _made(connection, "index")
    for name, (_table, statement) in indexes.items():
        if name not in there:
            connection.execute(statement)
    lost = connection.execute("PRAGMA foreign_key_check").fetchone()
    if lost:
        raise MigrationError(f"a row refers to nothing: {lost}")


@contextlib.contextmanager
def _at_once(connection: sqlite3.Connection):
    """All that is done within happens, or nothing."""
    level, connection.isolation_level = connection.isolation_level, None
    connection.execute("PRAGMA foreign_keys = OFF")
    connection.execute("PRAGMA legacy_alter_table = ON")
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except (sqlite3.Error, MigrationError) as error:
        connection.execute("ROLLBACK")
        raise MigrationError(str(error)) from error
    finally:
        connection.execute("PRAGMA legacy_alter_table = OFF")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.isolation_level = level


def migrate(engine: sa.engine.Engine) -> None:
    """Bring the database of this engine to the schema of the models."""
    if engine.dialect.name == "sqlite":
        raw = engine.raw_connection()
        wanted = wanted_schema()
        with _at_once(raw.driver_connection):
            _fit(raw.driver_connection, wanted)
        wanted.close()
        raw.close()
    else:
        models.metadata.create_all(engine)
