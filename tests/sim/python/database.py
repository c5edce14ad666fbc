#: role database
#: says text_key()
#: says join_table(name, **columns)
#: says make_engine(url) -> Engine
#: says request.app.state.sessions
"""Base class and column types of the models, engine and sessions."""

import collections.abc
import datetime
import decimal
import json
import uuid

import fastapi
import sqlalchemy as sa
from sqlalchemy import event, orm
from sqlalchemy.pool import StaticPool

metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
    }
)
Base = orm.declarative_base(metadata=metadata)


class Stored(sa.TypeDecorator):
    """A type whose values the database keeps in another form."""

    impl = sa.String
    cache_ok = True

    @staticmethod
    def put(value):
        """Give the form that is kept."""
        return str(value)

    @staticmethod
    def take(value):
        """Give the value that was kept."""
        return value

    def process_bind_param(self, value, dialect):
        """Write a value."""
        return value if value is None else self.put(value)

    def process_result_value(self, value, dialect):
        """Read a value."""
        return value if value is None else self.take(value)


class Uuid(Stored):
    """A UUID, kept as text."""

    cache_ok = True
    python_type = uuid.UUID
    take = staticmethod(uuid.UUID)


class Exact(Stored):
    """A decimal number, kept as text with all its digits."""

    cache_ok = True
    python_type = decimal.Decimal
    take = staticmethod(decimal.Decimal)

    @staticmethod
    def put(value):
        """Write all digits, without an exponent."""
        return format(value, "f")


class Moment(Stored):
    """A point in time, kept in UTC without its zone."""

    impl = sa.DateTime
    cache_ok = True
    python_type = datetime.datetime

    @staticmethod
    def put(value):
        """Write it in UTC; without a zone it is UTC."""
        if value.tzinfo:
            value = value.astimezone(datetime.timezone.utc)
        return value.replace(tzinfo=None)

    @staticmethod
    def take(value):
        """Read it as UTC."""
        return value.replace(tzinfo=datetime.timezone.utc)


def text_key() -> sa.Column:
    """Make the column of a text that identifies a record."""

    def new() -> str:
        return str(uuid.uuid4())

    return sa.Column(sa.String, primary_key=True, default=new)


def join_table(name: str, **columns: str) -> sa.Table:
    """Make the table of a relation from many to many."""
    table = sa.Table(name, metadata)
    for column, other in columns.items():
        key = sa.ForeignKey(other + ".id", ondelete="CASCADE")
        table.append_column(
            sa.Column(column, key, primary_key=True, index=True)
        )
    return table


def make_engine(url: str) -> sa.engine.Engine:
    """Make an engine; SQLite minds foreign keys and serves all threads."""
    settings = {
        "json_serializer": lambda value: json.dumps(value, default=str)
    }
    if sa.engine.make_url(url).get_backend_name() != "sqlite":
        return sa.create_engine(url, **settings)
    settings.update(connect_args={"check_same_thread": False, "timeout": 5})
    if url == "sqlite://":
        settings.update(poolclass=StaticPool)
    engine = sa.create_engine(url, **settings)

    @event.listens_for(engine, "connect")
    def mind_keys(connection, _record):
        connection.execute("PRAGMA foreign_keys = ON")

    return engine


def get_session(
    request: fastapi.Request,
) -> collections.abc.Iterator[orm.Session]:
    """Give a session for as long as a request lasts."""
    session = request.app.state.sessions()
    try:
        yield session
    finally:
        session.close()
