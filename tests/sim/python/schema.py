#: role schema
#: says partial(name, model)
#: says shown(name, model, kind)
#: says MAX_INTEGER
#: says dump(value) -> str
"""What schemas are derived from, and the values that they know."""

import base64
import datetime
import decimal
import json
import typing

import pydantic
from fastapi.encoders import jsonable_encoder

MAX_INTEGER = 9223372036854775807

Id = pydantic.conint(ge=-MAX_INTEGER, le=MAX_INTEGER)
Email = pydantic.constr(
    max_length=254, regex=r"^[^@\s]+@[^@\s.]+(\.[^@\s.]+)+$"
)
Url = pydantic.constr(max_length=2000, regex=r"^https?://[^\s/]\S*$")


class Any:
    """A value that is taken as it comes."""

    form: dict[str, typing.Any] = {}

    @classmethod
    def __get_validators__(cls):
        yield cls.validate

    @classmethod
    def __modify_schema__(cls, field_schema: dict) -> None:
        field_schema.update(cls.form)

    @classmethod
    def validate(cls, value: typing.Any) -> typing.Any:
        """Take it."""
        return value


class Value(Any):
    """Any JSON that is not null."""


class Base64(Any, bytes):
    """Bytes, written in Base64."""

    form = {"type": "string", "format": "byte"}

    @classmethod
    def validate(cls, value: typing.Any) -> bytes:
        """Decode text; bytes stay as they are."""
        if isinstance(value, bytes):
            return value
        if not isinstance(value, str):
            raise ValueError("Base64 is text")
        try:
            return base64.b64decode(value.encode("ascii"), validate=True)
        except ValueError as error:
            raise ValueError("this is no Base64") from error


def show_bytes(value: bytes) -> str:
    """Write bytes as JSON shows them."""
    return base64.b64encode(value).decode("ascii")


def dump(value: typing.Any) -> str:
    """Give the JSON of a value."""
    encoders = {bytes: show_bytes, Base64: show_bytes}
    plain = jsonable_encoder(value, custom_encoder=encoders)
    return json.dumps(plain, ensure_ascii=False, allow_nan=False)


class Schema(pydantic.BaseModel):
    """A body: it has the fields that are declared, and no others."""

    class Config:
        """How bodies and records are read."""

        extra = "forbid"
        orm_mode = True
        allow_population_by_field_name = True
        json_encoders = {bytes: show_bytes}

    @classmethod
    def from_orm(cls, obj: typing.Any) -> "Schema":
        """Read what a record has under the names of the fields."""
        if isinstance(obj, (bytes, str, int, float, list)):
            raise ValueError("this is no object")
        values = {}
        for name in cls.__fields__:
            values[name] = getattr(obj, name)
        return cls(**values)

    @pydantic.validator("*")
    def is_storable(cls, value: typing.Any) -> typing.Any:
        """Refuse numbers that are too large and text that is no text."""
        if isinstance(value, int) and not -MAX_INTEGER <= value <= MAX_INTEGER:
            raise ValueError("the number has more than 64 bits")
        if isinstance(value, datetime.time) and value.tzinfo:
            raise ValueError("the time must not have a zone")
        if isinstance(value, (str, float, list, dict)):
            try:
                dump(value).encode()
            except UnicodeEncodeError as error:
                raise ValueError("the text is not valid Unicode") from error
        return value


def _free(kind: typing.Any) -> typing.Any:
    """Give the type that demands nothing."""
    if typing.get_origin(kind) is typing.Literal:
        return str
    for plain in (str, int, float, decimal.Decimal):
        named = getattr(pydantic, f"Constrained{plain.__name__.title()}")
        if isinstance(kind, type) and issubclass(kind, named):
            return plain
    return kind


def _copy(name: str, model: type, change: typing.Callable) -> type:
    """Make a schema of the same fields, all of them optional."""
    made: dict[str, typing.Any] = {}
    for key, field in model.__fields__.items():
        about = field.field_info
        made[key] = (
            typing.Optional[change(field.outer_type_)],
            pydantic.Field(
                default=None,
                alias=field.alias,
                title=about.title,
                description=about.description,
            ),
        )
    return pydantic.create_model(name, __base__=Schema, **made)


def partial(name: str, model: type[Schema]) -> type[Schema]:
    """Make the schema of a change of some values."""
    return _copy(name, model, lambda kind: kind)


def shown(name: str, model: type[Schema], kind: type) -> type[Schema]:
    """Make the schema of what is stored, with its identifier."""
    base = _copy(name, model, _free)
    return pydantic.create_model(name, __base__=base, id=(kind, ...))
