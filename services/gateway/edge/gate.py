"""Who may come in: every route says what it needs, and a route that says nothing lets nobody in.

A route with a bucket in its address also needs a role in it: what it does not say otherwise is that
of its scope, on the whole bucket.
"""

import logging
from collections.abc import Iterable
from typing import Literal
from urllib.parse import parse_qsl

from litestar import Litestar
from litestar.handlers.base import BaseRouteHandler

from libs.contracts.storage import Role
from services.gateway.domain import paths
from services.gateway.domain.access import ALL_OF_IT, Deed
from services.gateway.domain.failures import Forbidden, InvalidInput, Unauthorized
from services.gateway.domain.keys import Identity, Needs
from services.gateway.domain.links import SIGNATURE
from services.gateway.domain.ref_names import STANDS_IN
from services.gateway.edge import problems
from services.gateway.edge.access import Access
from services.gateway.edge.asgi import ACCESS, RAW_FILE, RAW_NAME, App, Receive, Scope, Send, header
from services.gateway.edge.keys import Keys
from services.gateway.edge.known_buckets import KnownBuckets
from services.gateway.edge.links import Links
from services.gateway.edge.rates import Rates

Query = dict[str, str]

log = logging.getLogger(__name__)

KEYS_IN_QUERY = frozenset({"key", "api_key", "apikey", "token", "access_token", "authorization"})
REPEATED = "tag"
"""The one query parameter that may be given several times."""

MOST_QUERY_FIELDS = 50


HISTORY = frozenset({"ref", "version"})
"""Query parameters that ask for what was; public reading is of what is."""

ROLES: dict[Needs, Role] = {"read": "reader", "key": "reader", "write": "writer"}
"""The role in the bucket that goes with a scope."""

Where = Literal["bucket", "prefix", "path", "somewhere"]
"""What the role has to cover: the whole bucket, what the query parameter of that name says, or
anything in the bucket. ``somewhere`` is for routes that look closer themselves, e.g. at a body."""


def needs(
    what: Needs, *, role: Role | None = None, at: Where = "bucket", public: bool = False
) -> dict[str, object]:
    """Return a route's ``opt`` that says what its callers need.

    A file's own route needs the role at the file. ``public`` lets anybody in, also without a key,
    whose bucket is public, while files and lists are read as they are now.
    """
    return {"needs": what, "role": role or ROLES.get(what, "owner"), "at": at, "public": public}


class Gate:
    """Middleware of all routes: identifies, counts and lets in, or raises the problem."""

    def __init__(
        self, app: App, keys: Keys, links: Links, buckets: KnownBuckets, rates: Rates
    ) -> None:
        self._app = app
        self._keys = keys
        self._buckets = buckets
        self._links = links
        self._rates = rates

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on who is let in, as the scope's ``user``."""
        if scope["type"] == "websocket":
            await self._open_socket(scope, receive, send)
        else:
            receive = await self._check(scope, receive)
            await self._app(scope, receive, send)

    async def _open_socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a WebSocket like any request: its handshake is one."""
        try:
            await self._check(scope, receive)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is answered
            await problems.refuse_socket(scope, send, error)
            return
        try:
            await self._app(scope, receive, send)
        except Exception:
            log.exception("a WebSocket failed")
            raise

    async def _check(self, scope: Scope, receive: Receive) -> Receive:
        """Return the body as far as the caller may send one."""
        handler: BaseRouteHandler = scope["route_handler"]
        if scope.get("method") != "OPTIONS":
            query = _read_query(scope["query_string"])
            _name(scope)
            if RAW_FILE in scope and SIGNATURE in query:
                receive = await self._admit(scope, receive, query)
                del query[SIGNATURE]
            else:
                await self._let_in(scope, handler, query)
            _refuse_unknown(query, handler)
        return receive

    async def _let_in(self, scope: Scope, handler: BaseRouteHandler, query: Query) -> None:
        if handler.opt.get("needs") == "anyone":
            return
        if _comes_openly(scope, handler, query):
            self._rates.count_anonymous(address_of(scope))
            await self._enter_bucket(scope, Access(None, self._buckets), query)
        else:
            await self._enter(scope, await self._identify(scope, query), query)

    async def _admit(self, scope: Scope, receive: Receive, query: Query) -> Receive:
        """Let the holder of a signed link in as the link's maker."""
        admission = await self._links.admit(scope, receive, address_of(scope))
        await self._enter(scope, admission.identity, query)
        return admission.receive

    async def _enter(self, scope: Scope, identity: Identity, query: Query) -> None:
        wanted: Needs | None = scope["route_handler"].opt.get("needs")
        self._rates.count_request(identity.key_id)
        if wanted is None or not identity.may(wanted):
            raise Forbidden(f"the API key has not the scope {wanted!r}", needs=wanted)
        scope["user"] = identity
        await self._enter_bucket(scope, Access(identity, self._buckets), query)

    async def _enter_bucket(self, scope: Scope, access: Access, query: Query) -> None:
        """Raise unless the caller has the route's role in the bucket of its address, if any."""
        scope[ACCESS] = access
        bucket: str | None = scope["path_params"].get("bucket")
        if bucket is None or access.is_admin:
            return
        opt = scope["route_handler"].opt
        is_public = bool(opt["public"]) and not HISTORY & query.keys()
        deed = Deed(role=opt["role"], at=_place(scope, opt["at"], query), is_public=is_public)
        of_a_file = RAW_FILE in scope or (opt["at"] == "path" and "path" in query)
        await access.check_deed(bucket, deed, file=of_a_file)

    async def _identify(self, scope: Scope, query: Query) -> Identity:
        authorization = header(scope, b"authorization")
        if authorization is None and KEYS_IN_QUERY.intersection(map(str.lower, query)):
            raise Unauthorized(
                "an API key in a URL ends up in logs: send it as Authorization: Bearer sr_…, "
                "and replace this one"
            )
        return await self._keys.identify(authorization, address_of(scope))


def address_of(scope: Scope) -> str:
    """Return from where the call comes."""
    client = scope.get("client")
    return str(client[0]) if client else "unknown"


def learn_queries(app: Litestar) -> None:
    """Take from the OpenAPI document which query parameters each route knows."""
    items = app.openapi_schema.paths or {}
    for route in app.routes:
        item = items.get(route.path_format)
        for handler in getattr(route, "route_handlers", ()):
            known = set(handler.opt.get("query", ()))
            for method in handler.http_methods:
                operation = getattr(item, method.lower(), None)
                parameters = (operation.parameters if operation else None) or []
                known |= {p.name for p in parameters if getattr(p, "param_in", "") == "query"}
            handler.opt["query"] = known


def _comes_openly(scope: Scope, handler: BaseRouteHandler, query: Query) -> bool:
    """Tell whether this is a call without a key that a public bucket would answer."""
    return (
        bool(handler.opt.get("public"))
        and not HISTORY & query.keys()
        and header(scope, b"authorization") is None
        and KEYS_IN_QUERY.isdisjoint(map(str.lower, query))
    )


def _name(scope: Scope) -> None:
    """Let the route see what the router did not: a file's path, or the name of a ref."""
    # A new dict: the router keeps the one that it found, for the next request.
    found: dict[str, str] = scope["path_params"]
    if RAW_FILE in scope:
        scope["path_params"] = found | {"path": paths.decode(scope[RAW_FILE])}
    elif RAW_NAME in scope:
        name = paths.decode(scope[RAW_NAME])
        scope["path_params"] = {
            key: name if value == STANDS_IN else value for key, value in found.items()
        }


def _place(scope: Scope, at: Where, query: Query) -> str | None:
    if RAW_FILE in scope:
        path: str = scope["path_params"]["path"]
        return path
    if at == "somewhere":
        return None
    return ALL_OF_IT if at == "bucket" else query.get(at, ALL_OF_IT)


def _read_query(query: bytes) -> Query:
    """Return the parameters as the routes get them; what could be read in two ways is refused."""
    if not query:
        return {}
    try:
        pairs = parse_qsl(
            query.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=MOST_QUERY_FIELDS,
        )
    except ValueError:
        raise InvalidInput("the query cannot be read") from None
    read = dict(pairs)
    if len(pairs) - len(read) != max(0, sum(name == REPEATED for name, _ in pairs) - 1):
        raise InvalidInput("a query parameter is given twice")
    return read


def _refuse_unknown(query: Iterable[str], handler: BaseRouteHandler) -> None:
    """Refuse what a route does not know: ``?prefx=`` must not silently list everything."""
    for name in query:
        if name not in handler.opt.get("query", ()):
            raise InvalidInput(f"there is no query parameter {name!r}", parameter=name)
