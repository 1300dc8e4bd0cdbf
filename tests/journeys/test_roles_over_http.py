"""Every route × every kind of caller: nobody comes in whom no rule lets in.

A new route needs a line in ``RULES``: until it has one, this fails.
"""

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from typing import Any, Literal, NamedTuple
from uuid import uuid4

import httpx
import pytest
from litestar.handlers import HTTPRouteHandler

from services.gateway.application import API
from tests.builders import a_bucket_name
from tests.journeys.callers import calling, give, new_key

Scope = Literal["anyone", "key", "read", "write", "admin"]
Role = Literal["reader", "writer", "owner"]
Outcome = Literal["in", "401", "403", "404"]

PREFIX = "/api/v1"
BUCKET = "/buckets/{bucket}"
TASK = "/progress/tasks/{task_id}"
SNAPSHOT = "/backups/snapshots/{snapshot}"


class Rule(NamedTuple):
    """What a route asks for; ``role`` where its address has a bucket."""

    scope: Scope
    role: Role | None = None


READ, WRITE, ADMIN = Rule("read"), Rule("write"), Rule("admin")
READER, WRITER = Rule("read", "reader"), Rule("write", "writer")
OWNER = Rule("write", "owner")
BY_PATHS = Rule("write", "reader")
"""Whoever sees the bucket comes to the body, whose every path is looked at."""
SEES = Rule("key", "reader")

RULES: dict[str, Rule] = {
    "POST /buckets": WRITE,
    "GET /buckets": READ,
    "GET /deleted-buckets": READ,
    "POST /deleted-buckets/{bucket_id}/restore": WRITE,
    f"GET {BUCKET}": READER,
    f"PATCH {BUCKET}": OWNER,
    f"DELETE {BUCKET}": OWNER,
    f"GET {BUCKET}/grants": Rule("read", "owner"),
    f"PUT {BUCKET}/grants": OWNER,
    f"DELETE {BUCKET}/grants": OWNER,
    f"POST {BUCKET}/access-checks": SEES,
    f"PUT {BUCKET}/files/{{path}}": WRITER,
    f"GET {BUCKET}/files/{{path}}": READER,
    f"HEAD {BUCKET}/files/{{path}}": READER,
    f"DELETE {BUCKET}/files/{{path}}": WRITER,
    f"PATCH {BUCKET}/files/{{path}}": WRITER,
    f"GET {BUCKET}/files": READER,
    f"POST {BUCKET}/files": WRITER,
    f"POST {BUCKET}/contents": WRITER,
    f"GET {BUCKET}/archive": READER,
    "OPTIONS /uploads": Rule("anyone"),
    "POST /uploads": WRITE,
    "HEAD /uploads/{upload_id}": WRITE,
    "PATCH /uploads/{upload_id}": WRITE,
    "DELETE /uploads/{upload_id}": WRITE,
    f"POST {BUCKET}/changes": BY_PATHS,
    f"POST {BUCKET}/signed-urls": SEES,
    f"GET {BUCKET}/signed-urls": SEES,
    f"DELETE {BUCKET}/signed-urls/{{link_id}}": SEES,
    f"POST {BUCKET}/direct-uploads/{{upload_id}}/completions": WRITER,
    f"DELETE {BUCKET}/direct-uploads/{{upload_id}}": WRITER,
    f"POST {BUCKET}/branches": WRITER,
    f"GET {BUCKET}/branches": READER,
    f"GET {BUCKET}/branches/{{branch}}": READER,
    f"PATCH {BUCKET}/branches/{{branch}}": WRITER,
    f"DELETE {BUCKET}/branches/{{branch}}": WRITER,
    f"POST {BUCKET}/tags": WRITER,
    f"GET {BUCKET}/tags": READER,
    f"GET {BUCKET}/tags/{{tag}}": READER,
    f"DELETE {BUCKET}/tags/{{tag}}": WRITER,
    f"GET {BUCKET}/staged": READER,
    f"DELETE {BUCKET}/staged": BY_PATHS,
    f"GET {BUCKET}/versions": READER,
    f"GET {BUCKET}/commits": READER,
    f"GET {BUCKET}/commits/{{commit}}": READER,
    f"GET {BUCKET}/diff": READER,
    f"GET {BUCKET}/diff/content": READER,
    f"GET {BUCKET}/blame": READER,
    f"POST {BUCKET}/commits": BY_PATHS,
    f"POST {BUCKET}/imports": OWNER,
    f"POST {BUCKET}/restores": BY_PATHS,
    f"POST {BUCKET}/reverts": WRITER,
    f"POST {BUCKET}/cherry-picks": WRITER,
    f"POST {BUCKET}/merges": WRITER,
    f"GET {BUCKET}/commits/{{commit}}/checks": READER,
    f"PUT {BUCKET}/commits/{{commit}}/checks": WRITER,
    f"GET {BUCKET}/verification": READER,
    f"GET {BUCKET}/signing-keys": READER,
    f"POST {BUCKET}/signing-keys": OWNER,
    f"DELETE {BUCKET}/signing-keys/{{key_id}}": OWNER,
    f"POST {BUCKET}/commits/{{commit}}/signatures": WRITER,
    f"POST {BUCKET}/tags/{{tag}}/signatures": WRITER,
    f"GET {BUCKET}/retention": READER,
    f"PUT {BUCKET}/retention": OWNER,
    f"POST {BUCKET}/retention/preview": READER,
    f"POST {BUCKET}/purges": OWNER,
    f"GET {BUCKET}/trash": READER,
    f"POST {BUCKET}/trash/restores": WRITER,
    f"DELETE {BUCKET}/trash": WRITER,
    f"GET {BUCKET}/lock": READER,
    f"PUT {BUCKET}/lock": WRITER,
    f"GET {BUCKET}/locks": READER,
    f"GET {BUCKET}/checks": Rule("read", "owner"),
    f"GET {BUCKET}/checks/{{check_id}}": READER,
    f"GET {BUCKET}/checks/{{check_id}}/content": Rule("read", "owner"),
    f"POST {BUCKET}/checks/{{check_id}}/verdicts": OWNER,
    f"GET {BUCKET}/lifecycle/preview": READER,
    f"GET {BUCKET}/usage": READER,
    "POST /backups/targets": ADMIN,
    "GET /backups/targets": READ,
    "DELETE /backups/targets/{name}": ADMIN,
    "POST /backups/snapshots": WRITE,
    "GET /backups/snapshots": READ,
    f"GET {SNAPSHOT}": READ,
    f"POST {SNAPSHOT}/verifications": WRITE,
    "POST /backups/restores": WRITE,
    "POST /progress/tasks": WRITE,
    "GET /progress/tasks": READ,
    f"GET {TASK}": READ,
    f"DELETE {TASK}": WRITE,
    f"PATCH {TASK}/progress": WRITE,
    f"POST {TASK}/complete": WRITE,
    f"POST {TASK}/fail": WRITE,
    f"POST {TASK}/cancel": WRITE,
    f"POST {TASK}/retry": WRITE,
    f"GET {TASK}/logs": READ,
    f"POST {TASK}/logs": WRITE,
    "POST /api-keys": ADMIN,
    "GET /api-keys": ADMIN,
    "DELETE /api-keys/{key_id}": ADMIN,
    "GET /me": Rule("key"),
    "GET /me/usage": Rule("key"),
    "GET /quotas": ADMIN,
    "GET /quotas/{principal}": ADMIN,
    "PUT /quotas/{principal}": ADMIN,
    "DELETE /quotas/{principal}": ADMIN,
    "GET /system/health": Rule("anyone"),
    "GET /system/info": READ,
    "GET /system/quarantine": ADMIN,
    "GET /system/storage": ADMIN,
}


class Kind(NamedTuple):
    """A kind of caller: the scopes of its key, and its role in the bucket."""

    scopes: tuple[str, ...]
    role: Role | None = None
    works: bool = True


KINDS = {
    "none": Kind((), works=False),
    "revoked": Kind(("read", "write"), "owner", works=False),
    "stranger": Kind(("read", "write")),
    "read-scope": Kind(("read",), "owner"),
    "write-scope": Kind(("write",), "owner"),
    "reader": Kind(("read", "write"), "reader"),
    "writer": Kind(("read", "write"), "writer"),
    "owner": Kind(("read", "write"), "owner"),
    "admin": Kind(("admin",)),
}
ROLES: list[Role] = ["reader", "writer", "owner"]


def expected(rule: Rule, kind: Kind) -> Outcome:
    """Say what happens to a caller, in the order in which it is asked: key, scope, bucket, role."""
    if rule.scope == "anyone":
        return "in"
    if not kind.works:
        return "401"
    if "admin" in kind.scopes:
        return "in"
    if rule.scope != "key" and rule.scope not in kind.scopes:
        return "403"
    if rule.role is None:
        return "in"
    if kind.role is None:
        return "404"
    return "in" if ROLES.index(kind.role) >= ROLES.index(rule.role) else "403"


def routes() -> Iterator[tuple[str, str, str]]:
    """Yield the name of every route, its method and its path as the gateway has it."""
    for part in API:
        for handler in part.ROUTES:
            if isinstance(handler, HTTPRouteHandler):
                for path in handler.paths:
                    for method in handler.http_methods:
                        yield f"{method} {re.sub(r':[a-z]+}', '}', path)}", method, path


def address(method: str, path: str, bucket: str) -> str:
    """Fill a path: reading calls mean a file that is there, others one that is not."""
    file = "a" if method in ("GET", "HEAD") else "no/such"
    path = path.replace("{bucket:str}", bucket).replace("{path:str}", file)
    path = re.sub(r"{\w+:uuid}", str(uuid4()), path)
    return PREFIX + re.sub(r"{\w+:\w+}", "no-such", path)


def outcome_of(answer: httpx.Response) -> Outcome:
    if answer.status_code == 401:
        return "401"
    if answer.status_code == 403:
        return "403"
    if answer.status_code == 404 and answer.content:
        is_hidden = answer.json()["type"] == "urn:strongroom:problem:bucket-not-found"
        return "404" if is_hidden else "in"
    return "404" if answer.status_code == 404 and "/files/" in str(answer.url) else "in"


async def call(client: httpx.AsyncClient, method: str, path: str, bucket: str) -> httpx.Response:
    body: dict[str, Any] = {} if method in ("GET", "HEAD") else {"json": {}}
    query = {"path": "a"} if path.endswith(("/versions", "/lock")) else {}
    return await client.request(method, address(method, path, bucket), params=query, **body)


@pytest.fixture
async def guarded(http: httpx.AsyncClient) -> str:
    """A bucket that cannot be deleted by accident: it has a file."""
    name = a_bucket_name("roles")
    await http.post(f"{PREFIX}/buckets", json={"name": name})
    answer = await http.put(f"{PREFIX}/buckets/{name}/files/a", content=uuid4().bytes)
    assert answer.status_code == 201
    return name


@pytest.fixture
async def caller(
    request: pytest.FixtureRequest, http: httpx.AsyncClient, guarded: str
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the kind that the test names."""
    kind = KINDS[request.param]
    async with AsyncExitStack() as stack:
        key = None
        if kind.scopes:
            created = await new_key(http, *kind.scopes)
            key = created["key"]
            if kind.role:
                await give(http, guarded, f"key:{created['key_id']}", kind.role)
            if not kind.works:
                await http.delete(f"{PREFIX}/api-keys/{created['key_id']}")
        yield await stack.enter_async_context(calling(http, key))


def test_every_route_has_a_rule() -> None:
    known = {name for name, _, _ in routes()}

    assert known - RULES.keys() == set(), "say in RULES who may call these"
    assert RULES.keys() - known == set(), "these routes are gone"


def test_every_socket_says_what_it_needs() -> None:
    handlers = [handler for part in API for handler in part.ROUTES]

    assert all(handler.opt.get("needs") for handler in handlers)


@pytest.mark.parametrize(
    ("caller", "kind"),
    [(name, kind) for name, kind in KINDS.items() if name != "revoked"],
    ids=[name for name in KINDS if name != "revoked"],
    indirect=["caller"],
)
async def test_a_caller_reaches_exactly_what_the_rules_say(
    caller: httpx.AsyncClient, kind: Kind, guarded: str
) -> None:
    wrong = []
    for name, method, path in routes():
        answer = await call(caller, method, path, guarded)

        wanted = expected(RULES[name], kind) if name in RULES else "403"
        if outcome_of(answer) != wanted or answer.status_code >= 500:
            wrong.append((name, wanted, answer.status_code, answer.text[:200]))
    assert wrong == []


@pytest.mark.parametrize("caller", ["revoked"], indirect=True)
async def test_a_revoked_key_reaches_nothing(caller: httpx.AsyncClient, guarded: str) -> None:
    one_of_each = {RULES[name]: (method, path) for name, method, path in routes()}
    one_of_each.pop(Rule("anyone"))
    # Not every route: whoever presents many wrong keys is not answered at all after a while.
    for rule, (method, path) in one_of_each.items():
        assert (await call(caller, method, path, guarded)).status_code == 401, rule


@pytest.mark.parametrize("caller", ["stranger"], indirect=True)
async def test_a_stranger_cannot_tell_a_bucket_from_none(
    caller: httpx.AsyncClient, guarded: str
) -> None:
    absent = a_bucket_name("absent")
    for name, method, path in routes():
        if "{bucket:str}" in path:
            hidden = await call(caller, method, path, guarded)
            nothing = await call(caller, method, path, absent)

            assert hidden.status_code == nothing.status_code == 404, name
            assert without_ids(hidden.text).replace(guarded, absent) == without_ids(nothing.text)
            assert headers_of(hidden) == headers_of(nothing), name


def without_ids(text: str) -> str:
    return re.sub(r"urn:strongroom:request:[0-9a-f]+", "", text)


def headers_of(answer: httpx.Response) -> set[str]:
    """Return which headers came; a connection may end whenever its body was not read."""
    return set(answer.headers) - {"connection"}
