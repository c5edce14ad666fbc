#: role crud
#: says Resource(model, schema, path, title, actions)
#: says find(session, model, page, filters=None) -> (records, total)
#: says change(session, record, payload, complete)
#: says references_of(model)
"""What is done with records, whatever model they are of."""

import dataclasses
import typing
import urllib.parse

import fastapi
import pydantic
import sqlalchemy as sa
from fastapi import status
from fastapi.exceptions import RequestValidationError
from sqlalchemy import exc, orm

from app import database, schema

MAX_PAGE = 200
ALL = ("create", "list", "get", "replace", "change", "delete")


@dataclasses.dataclass(frozen=True)
class Resource:
    """A model, its schema, and what is offered of it under which path."""

    model: type
    schema: type
    path: str
    title: str
    actions: tuple


@dataclasses.dataclass
class Page:
    """A part of a list."""

    limit: int = fastapi.Query(default=50, ge=1, le=MAX_PAGE)
    offset: int = fastapi.Query(default=0, ge=0, le=schema.MAX_INTEGER)


def references_of(model: type) -> dict[str, type]:
    """Name the columns that refer to other records, and their models."""
    found = {}
    for relation in sa.inspect(model).relationships:
        if relation.direction.name == "MANYTOONE":
            for column in relation.local_columns:
                found[column.key] = relation.mapper.class_
    return found


def links_of(model: type) -> dict[str, typing.Any]:
    """Name the fields of identifiers, and the relationships behind them."""
    links = getattr(model, "LINKS", {})
    relationships = sa.inspect(model).relationships
    return {field: relationships[links[field]] for field in links}


def _needed(
    session: orm.Session, model: type, key: typing.Any, field: str
) -> database.Base:
    record = session.get(model, key)
    if record is not None:
        return record
    problem = {
        "loc": ["body", field],
        "msg": f"no {model.__name__} has the id {key}",
        "type": "value_error.reference",
    }
    raise fastapi.HTTPException(422, detail=[problem])


def _set(
    session: orm.Session, record: database.Base, payload: schema.Schema
) -> None:
    """Look up all that the payload refers to, then set its values."""
    links, keys = links_of(type(record)), references_of(type(record))
    values = {}
    with session.no_autoflush:
        for name, field in payload.__fields__.items():
            value = getattr(payload, name)
            if name in links:
                relation = links[name]
                rows: list[database.Base] = []
                for key in value:
                    row = _needed(
                        session, relation.mapper.class_, key, field.alias
                    )
                    if row not in rows:
                        rows.append(row)
                values[relation.key] = rows
                continue
            if name in keys and value is not None:
                _needed(session, keys[name], value, field.alias)
            values[name] = value
        for name, value in values.items():
            setattr(record, name, value)


def _finish(session: orm.Session, *first: typing.Any) -> None:
    """Commit; what contradicts other records is a conflict."""
    try:
        for statement in first:
            session.execute(statement)
        session.commit()
    except exc.IntegrityError as error:
        session.rollback()
        text = str(error.orig).lower()
        reason = "it is still referred to"
        if "unique" in text:
            reason = f"not unique: {text.rpartition('.')[2]}"
        raise fastapi.HTTPException(
            status.HTTP_409_CONFLICT, reason
        ) from error


def get(session: orm.Session, model: type, key: typing.Any) -> typing.Any:
    """Give the record with this identifier, or answer 404."""
    record = session.get(model, key)
    if not record:
        raise fastapi.HTTPException(404, f"no {model.__name__} {key}")
    return record


def find(
    session: orm.Session,
    model: type,
    page: Page,
    filters: dict | None = None,
) -> tuple[list, int]:
    """Give the records of a page, by identifier, and the sum of all."""
    wanted = [
        getattr(model, name) == value
        for name, value in (filters or {}).items()
        if value is not None
    ]
    count = sa.select(sa.func.count()).select_from(model).where(*wanted)
    rows = (
        sa.select(model)
        .where(*wanted)
        .order_by(model.id)
        .limit(page.limit)
        .offset(page.offset)
    )
    return session.scalars(rows).all(), session.scalar(count)


def create(
    session: orm.Session, model: type, payload: schema.Schema
) -> typing.Any:
    """Make a record of the payload."""
    record = model()
    _set(session, record, payload)
    session.add(record)
    _finish(session)
    return record


def replace(
    session: orm.Session, record: database.Base, payload: schema.Schema
) -> typing.Any:
    """Set all values of a record."""
    _set(session, record, payload)
    _finish(session)
    return record


def change(
    session: orm.Session,
    record: database.Base,
    payload: schema.Schema,
    complete: type,
) -> typing.Any:
    """Set the values that were sent, if the whole is valid."""
    sent = payload.dict(exclude_unset=True)
    try:
        whole = complete(**{**values_of(record, complete), **sent})
    except pydantic.ValidationError as error:
        raise RequestValidationError(error.raw_errors) from error
    return replace(session, record, whole)


def delete(session: orm.Session, record: database.Base) -> None:
    """Remove a record."""
    table = type(record).__table__
    _finish(session, table.delete().where(table.c.id == record.id))


def location(path: str, record: database.Base) -> str:
    """Give the address of a record."""
    return urllib.parse.quote(f"{path}/{record.id}")


def values_of(record: database.Base, model: type) -> dict:
    """Give what a record has for each field of a schema."""
    values = {}
    for name in model.__fields__:
        values[name] = getattr(record, name)
    return values
