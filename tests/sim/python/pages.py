#: role pages
#: says make_router(resources)
#: says `table.html` (resource, labels, rows, page,
#: says `is_many`
"""Pages for people: a list of what there is, tables and forms.

Every form carries the token of a cookie; one without it is refused, because
another site may have sent it.
"""

import decimal
import hmac
import json
import os
import typing
import urllib.parse
import uuid

import fastapi
import pydantic
import sqlalchemy as sa
from fastapi.responses import RedirectResponse, Response
from fastapi.templating import Jinja2Templates
from sqlalchemy import orm

from app import crud, database, schema

FOLDER = os.path.join(os.path.dirname(__file__), "templates")
HTML = Jinja2Templates(directory=FOLDER)
COOKIE = "csrf_token"
CHOICES = 200

# What the schema calls a value, and the input that fits it.
KINDS = {
    "date-time": "datetime-local",
    "boolean": "checkbox",
    "integer": "number",
    "number": "number",
}
SAME = ("date", "time", "email")


def render(
    request: fastapi.Request, page: str, status_code: int = 200, /, **values
) -> Response:
    """Show a page, with a token for its forms."""
    token = request.cookies.get(COOKIE, "") or uuid.uuid4().hex
    values.update(
        {"request": request, "token": token, "quote": urllib.parse.quote}
    )
    shown = HTML.TemplateResponse(page, values, status_code=status_code)
    shown.set_cookie(COOKIE, token, samesite="lax", httponly=True)
    return shown


async def checked_form(request: fastapi.Request) -> typing.Any:
    """Give a form that was made here, else answer 403."""
    form = await request.form()
    want, got = request.cookies.get(COOKIE, ""), str(form.get(COOKIE, ""))
    if want and hmac.compare_digest(want.encode(), got.encode()):
        return form
    raise fastapi.HTTPException(403, "please load the form again")


def as_text(value: typing.Any) -> typing.Any:
    """Give what a cell or an input shows."""
    if isinstance(value, decimal.Decimal):
        return f"{value:f}"
    if value is None or isinstance(value, (str, bool)):
        return value
    plain = json.loads(schema.dump(value))
    if isinstance(plain, (str, list)):
        return plain
    return json.dumps(plain, ensure_ascii=False)


class Form:
    """The form of a resource: its inputs, and what they say."""

    def __init__(self, resource: crud.Resource):
        self.resource = resource
        self.fields = resource.schema.__fields__
        self.links = crud.links_of(resource.model)
        about = resource.schema.schema(by_alias=False)
        self.about = about.get("properties", {})

    def choices(self, session: orm.Session, name: str) -> list | None:
        """Give what a field can refer to; None where that is too much."""
        target = crud.references_of(self.resource.model).get(name)
        if name in self.links:
            target = self.links[name].mapper.class_
        if target is None:
            texts = self.about[name].get("enum")
            return texts and [(text, text) for text in texts]
        found, total = crud.find(session, target, crud.Page(CHOICES, 0))
        if total > CHOICES:
            return None
        return [(str(row.id), name_of(row)) for row in found]

    def inputs(self, session: orm.Session, values: dict) -> list[dict]:
        """Describe an input for each field."""
        return [
            self.input(session, name, values.get(name, field.default))
            for name, field in self.fields.items()
        ]

    def input(
        self, session: orm.Session, name: str, value: typing.Any
    ) -> dict:
        """Describe one input."""
        about = self.about[name]
        kind = about.get("format") or about.get("type", "")
        text = as_text(value)
        if name in self.links:
            text = [str(key) for key in value or ()]
        elif isinstance(text, list):
            text = json.dumps(text, ensure_ascii=False)
        needed = self.fields[name].required and kind != "boolean"
        return {
            "name": name,
            "label": self.title(name),
            "input": kind if kind in SAME else KINDS.get(kind, "text"),
            "is_long": "widget" in about,
            "is_many": name in self.links,
            "choices": self.choices(session, name),
            "value": text,
            "required": needed,
        }

    def title(self, name: str) -> str:
        """Give what people call a field."""
        return self.fields[name].field_info.title or name

    def read(self, form: typing.Any) -> dict:
        """Give the values of a form that was sent."""
        values: dict[str, typing.Any] = {}
        for name in self.fields:
            kind = self.about[name].get("type", "json")
            if name in self.links:
                values[name] = form.getlist(name)
            elif kind == "boolean":
                values[name] = name in form
            elif form.get(name):
                values[name] = form[name]
                if kind in ("json", "array", "object"):
                    values[name] = parsed(form[name])
        return values

    def named(self, error: typing.Any) -> dict[str, str]:
        """Give what is wrong, by the field that it is about."""
        names = {field.alias: key for key, field in self.fields.items()}
        rows = error.detail if hasattr(error, "detail") else error.errors()
        if isinstance(rows, str):
            return {"": rows}
        wrong = {}
        for row in rows:
            last = str(row["loc"][-1 if row["loc"][0] == "body" else 0])
            wrong[names.get(last, last)] = row["msg"]
        return wrong


def parsed(text: str) -> typing.Any:
    """Read JSON; what is none stays text, which the schema refuses."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def name_of(record: database.Base) -> str:
    """Give a text of the record by which people know it."""
    for column in sa.inspect(type(record)).column_attrs:
        text = getattr(record, column.key)
        if column.key != "id" and isinstance(text, str) and text:
            return text
    return str(record.id)


class Pages:
    """The pages of one resource."""

    def __init__(self, resource: crud.Resource):
        self.resource = resource
        self.form = Form(resource)
        self.router = fastapi.APIRouter(prefix=resource.path)
        self.kind = resource.model.__table__.c.id.type.python_type
        for action in ("list", "create", "replace", "delete"):
            if action in resource.actions:
                getattr(self, f"add_{action}")()

    def back(self) -> Response:
        """Lead to the table."""
        path = urllib.parse.quote("/ui" + self.resource.path)
        return RedirectResponse(path, status_code=303)

    def show(self, request, session, values, wrong=None, key=None) -> Response:
        """Show the form."""
        return render(
            request,
            "form.html",
            422 if wrong else 200,
            resource=self.resource,
            fields=self.form.inputs(session, values),
            errors=wrong or {},
            key=key,
        )

    def save(self, request, session, sent, record=None) -> Response:
        """Store what was sent, or show what is wrong with it."""
        values = self.form.read(sent)
        key = record and record.id
        try:
            payload = self.resource.schema(**values)
            if record:
                crud.replace(session, record, payload)
            else:
                crud.create(session, self.resource.model, payload)
        except (pydantic.ValidationError, fastapi.HTTPException) as error:
            wrong = self.form.named(error)
            return self.show(request, session, values, wrong, key)
        return self.back()

    def add_list(self) -> None:
        """Add the table."""

        @self.router.get("")
        def table(
            request: fastapi.Request,
            page: crud.Page = fastapi.Depends(),
            session: orm.Session = fastapi.Depends(database.get_session),
        ) -> Response:
            found, total = crud.find(session, self.resource.model, page)
            names = list(self.form.fields)
            rows = []
            for row in found:
                cells = [as_text(getattr(row, name)) for name in names]
                rows.append((row.id, [as_text(row.id), *cells]))
            return render(
                request,
                "table.html",
                resource=self.resource,
                labels=[self.form.title(name) for name in names],
                rows=rows,
                page=page,
                total=total,
            )

    def add_create(self) -> None:
        """Add the form of a new record."""

        @self.router.get("/new")
        def empty(
            request: fastapi.Request,
            session: orm.Session = fastapi.Depends(database.get_session),
        ) -> Response:
            return self.show(request, session, {})

        @self.router.post("/new")
        def store(
            request: fastapi.Request,
            sent: typing.Any = fastapi.Depends(checked_form),
            session: orm.Session = fastapi.Depends(database.get_session),
        ) -> Response:
            return self.save(request, session, sent)

    def add_replace(self) -> None:
        """Add the form of a record that is there."""
        kind, model = self.kind, self.resource.model

        @self.router.get("/{key}/edit")
        def filled(
            request: fastapi.Request,
            key: kind,
            session: orm.Session = fastapi.Depends(database.get_session),
        ) -> Response:
            record = crud.get(session, model, key)
            values = crud.values_of(record, self.resource.schema)
            return self.show(request, session, values, key=key)

        @self.router.post("/{key}/edit")
        def store(
            request: fastapi.Request,
            key: kind,
            sent: typing.Any = fastapi.Depends(checked_form),
            session: orm.Session = fastapi.Depends(database.get_session),
        ) -> Response:
            record = crud.get(session, model, key)
            return self.save(request, session, sent, record)

    def add_delete(self) -> None:
        """Add what a button of the table asks for."""
        kind = self.kind

        @self.router.post("/{key}/delete")
        def remove(
            key: kind,
            _sent: typing.Any = fastapi.Depends(checked_form),
            session: orm.Session = fastapi.Depends(database.get_session),
        ) -> Response:
            record = crud.get(session, self.resource.model, key)
            crud.delete(session, record)
            return self.back()


def make_router(resources: list[crud.Resource]) -> fastapi.APIRouter:
    """Make all pages."""
    router = fastapi.APIRouter(prefix="/ui", include_in_schema=False)
    listed = [each for each in resources if "list" in each.actions]

    @router.get("")
    def index(request: fastapi.Request) -> Response:
        return render(request, "index.html", resources=listed)

    for resource in resources:
        router.include_router(Pages(resource).router)
    return router
