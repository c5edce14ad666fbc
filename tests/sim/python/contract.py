#: role contract_tests
#: says `class Contract`
#: says links_of(model)
#: says a class that derives from it sets `resource`, `sample`
"""Tests that each resource has to pass."""

import datetime
import decimal
import inspect
import json
import typing
import uuid

import sqlalchemy as sa
from fastapi.encoders import jsonable_encoder

from app import crud

FILLERS: dict[type, typing.Any] = {
    bool: True,
    int: 3,
    float: 0.25,
    bytes: b"some",
    dict: {"some": 1},
    decimal.Decimal: decimal.Decimal("2.5"),
    datetime.date: datetime.date(2021, 5, 6),
    datetime.time: datetime.time(7, 8),
    datetime.datetime: datetime.datetime(2021, 5, 6, 7, 8),
    datetime.timedelta: datetime.timedelta(seconds=90),
}


def when(*actions: str) -> typing.Callable:
    """Tell which actions a test needs."""

    def wrap(test):
        test.needed = frozenset(actions)
        return test

    return wrap


def filler(column: sa.Column) -> typing.Any:
    """Give a value that the column can hold."""
    kind = column.type.python_type
    if kind in (str, uuid.UUID):
        return kind(str(uuid.uuid4()))
    return FILLERS[kind]


def stored(session, model: type):
    """Store some record of a model; what it needs is stored before."""
    keys, record = crud.references_of(model), model()
    for prop in sa.inspect(model).column_attrs:
        (column,) = prop.columns
        if column.primary_key or column.nullable or column.default:
            continue
        if prop.key in keys:
            setattr(record, prop.key, stored(session, keys[prop.key]).id)
        else:
            setattr(record, prop.key, filler(column))
    session.add(record)
    session.commit()
    return record


class Contract:
    """What every resource promises."""

    resource: crud.Resource
    sample: dict = {}
    required: set = set()
    unique: set = set()
    bad: list = []

    def __init_subclass__(cls):
        offered = set(cls.resource.actions)
        for name, test in inspect.getmembers(cls, inspect.isfunction):
            if not getattr(test, "needed", set()) <= offered:
                setattr(cls, name, None)

    @property
    def fields(self) -> dict:
        """Give the fields by the names that JSON has for them."""
        own = self.resource.schema.__fields__
        return {field.alias: field for field in own.values()}

    @property
    def keys(self) -> dict:
        """Give the models that the fields refer to."""
        own = crud.references_of(self.resource.model)
        fields = self.fields.items()
        return {
            alias: own[field.name]
            for alias, field in fields
            if field.name in own
        }

    @property
    def path(self) -> str:
        """Give the address of the list."""
        return self.resource.path

    def body(self, client, turn: int = 0) -> dict:
        """Give a body that is valid, and unlike those of other turns."""
        made = {**self.sample}
        for name in self.unique:
            if isinstance(made[name], str):
                made[name] = made[name][:-1] + str(turn)
            else:
                made[name] += turn
        for name, model in self.keys.items():
            if self.fields[name].required:
                with client.app.state.sessions() as session:
                    key = stored(session, model).id
                made[name] = jsonable_encoder(key)
        return made

    def address(self, client, turn: int = 0) -> str:
        """Store a record, and say where it is."""
        payload = self.resource.schema(**self.body(client, turn))
        with client.app.state.sessions() as session:
            record = crud.create(session, self.resource.model, payload)
            return crud.location(self.path, record)

    def nowhere(self, model: type) -> typing.Any:
        """Give an identifier that no record has."""
        is_number = model.__table__.c.id.type.python_type is int
        return 987654 if is_number else str(uuid.UUID(int=987654))

    def refused(self, client, body: dict, name: str = "") -> None:
        """See that a body is refused, for the sake of a field."""
        answer = client.post(self.path, json=body)
        assert answer.status_code == 422, (name, answer.text)
        if name:
            places = [row["loc"] for row in answer.json()["detail"]]
            assert any(name in place for place in places)

    def test_what_it_has(self, client):
        """Its fields are those of the sample, references and links."""
        links = set(crud.links_of(self.resource.model))
        others = links | self.keys.keys()
        assert self.fields.keys() - others == self.sample.keys()
        for name in self.sample:
            assert self.fields[name].required == (name in self.required)
        assert client.get("/docs").status_code == 200

    @when("create")
    def test_new(self, client):
        """What was sent comes back, with an address."""
        sent = self.body(client)
        answer = client.post(self.path, json=sent)
        assert answer.status_code == 201, answer.text
        back = answer.json()
        assert sent == {name: back[name] for name in sent}
        if "get" in self.resource.actions:
            again = client.get(answer.headers["location"])
            assert again.json() == back

    @when("create")
    def test_refused(self, client):
        """Fields that are missing, unknown or wrong are refused."""
        good = self.body(client)
        self.refused(client, {**good, "a field of nobody": 0})
        for name in self.required:
            self.refused(client, {**good, name: None}, name)
            rest = dict(good)
            del rest[name]
            self.refused(client, rest, name)
        for name, value in self.bad:
            self.refused(client, {**good, name: value}, name)

    @when("create")
    def test_refers_to_nothing(self, client):
        """A reference or link to nothing is refused."""
        for name, model in self.keys.items():
            wrong = {**self.body(client), name: self.nowhere(model)}
            self.refused(client, wrong, name)
        for name, link in crud.links_of(self.resource.model).items():
            lost = self.nowhere(link.mapper.class_)
            self.refused(client, {**self.body(client), name: [lost]}, name)

    @when("create")
    def test_links_once(self, client):
        """Whatever is linked is linked once."""
        for name, link in crud.links_of(self.resource.model).items():
            with client.app.state.sessions() as session:
                found = stored(session, link.mapper.class_)
                key = jsonable_encoder(found.id)
            body = {**self.body(client, 5), name: [key] * 2}
            answer = client.post(self.path, json=body)
            assert answer.json()[name] == [key], answer.text

    @when("create")
    def test_equal(self, client):
        """The second of two equals is a conflict, where that counts."""
        body = self.body(client)
        codes = [
            client.post(self.path, json=body).status_code for _ in range(2)
        ]
        assert codes == [201, 409 if self.unique else 201]

    @when("list")
    def test_pages(self, client):
        """A list is cut into pages, and says how long it is."""
        for turn in (1, 2, 3):
            self.address(client, turn)
        first = client.get(self.path, params={"limit": 1})
        total = int(first.headers["x-total-count"])
        assert len(first.json()) == 1 and total >= 3
        all_of_them = client.get(self.path).json()
        assert len(all_of_them) == total
        last = client.get(self.path, params={"offset": total - 1})
        assert last.json() == all_of_them[-1:]
        for wrong in ("limit=0", f"limit={crud.MAX_PAGE + 1}", "offset=-1"):
            answer = client.get(f"{self.path}?{wrong}")
            assert answer.status_code == 422

    @when("list")
    def test_chosen(self, client):
        """A list can be narrowed to what refers to one record."""
        self.address(client)
        rows = client.get(self.path).json()
        for name in self.keys:
            key = rows[0][name]
            if key is not None:
                query = {name: key}
                chosen = client.get(self.path, params=query).json()
                assert chosen == [row for row in rows if row[name] == key]

    def test_absent(self, client):
        """What is not there is not found."""
        place = f"{self.path}/{self.nowhere(self.resource.model)}"
        offered = self.resource.actions
        if "get" in offered:
            assert client.get(place).status_code == 404
        if "delete" in offered:
            assert client.delete(place).status_code == 404
        if "replace" in offered:
            body = self.body(client)
            assert client.put(place, json=body).status_code == 404
        if "change" in offered:
            assert client.patch(place, json={}).status_code == 404

    @when("replace")
    def test_replaced(self, client):
        """All values are new, and those that were not sent are empty."""
        place, body = self.address(client), self.body(client, 7)
        for name in self.sample.keys() - self.required:
            del body[name]
        answer = client.put(place, json=body)
        assert answer.status_code == 200, answer.text
        for name, value in answer.json().items():
            if name in body:
                assert value == body[name]
            elif name in self.sample:
                assert value is None or value is False

    @when("change")
    def test_changed(self, client):
        """What is sent changes, and nothing else."""
        place, body = self.address(client), self.body(client, 8)
        before = client.patch(place, json={}).json()
        for name in self.sample:
            answer = client.patch(place, json={name: body[name]})
            before[name] = body[name]
            assert answer.json() == before
        for name in self.required:
            answer = client.patch(place, json={name: None})
            assert answer.status_code == 422

    @when("delete")
    def test_deleted(self, client):
        """A record can be deleted once."""
        place = self.address(client)
        codes = [client.delete(place).status_code for _ in range(2)]
        assert codes == [204, 404]

    @when("list")
    def test_shown(self, client):
        """Texts are shown as texts."""
        with client.app.state.sessions() as session:
            record = stored(session, self.resource.model)
            for prop in sa.inspect(type(record)).column_attrs:
                (column,) = prop.columns
                if column.foreign_keys or column.primary_key:
                    continue
                if isinstance(getattr(record, prop.key), str):
                    setattr(record, prop.key, "<i>")
            session.commit()
        page = client.get("/ui" + self.path)
        assert page.status_code == 200 and "<i>" not in page.text
        assert self.resource.title in client.get("/ui").text

    @when("create", "list")
    def test_sent_by_form(self, client):
        """A form needs its token, and its required fields."""
        place = f"/ui{self.path}/new"
        assert client.get(place).status_code == 200
        form = {}
        for name, value in self.body(client).items():
            if isinstance(value, (list, dict)):
                value = json.dumps(value)
            form[self.fields[name].name] = value
        assert client.post(place, data=form).status_code == 403
        form["csrf_token"] = client.cookies["csrf_token"]
        answer = client.post(place, data=form, follow_redirects=False)
        assert answer.status_code == 303, answer.text
        for name in self.required:
            if not isinstance(self.sample[name], bool):
                rest = {**form}
                del rest[self.fields[name].name]
                answer = client.post(place, data=rest)
                assert answer.status_code == 422 and "error" in answer.text
