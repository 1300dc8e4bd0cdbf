"""Who may come in: every route says what it needs, and a route that says nothing lets nobody in."""

import logging
from collections.abc import Iterable
from urllib.parse import parse_qsl

from litestar import Litestar
from litestar.handlers.base import BaseRouteHandler

from services.gateway.domain import paths
from services.gateway.domain.failures import Forbidden, InvalidInput, Unauthorized
from services.gateway.domain.keys import Identity, Needs
from services.gateway.domain.links import SIGNATURE
from services.gateway.edge import problems
from services.gateway.edge.asgi import RAW_FILE, App, Receive, Scope, Send, header
from services.gateway.edge.keys import Keys
from services.gateway.edge.links import Links
from services.gateway.edge.rates import Rates

log = logging.getLogger(__name__)

KEYS_IN_QUERY = frozenset({"key", "api_key", "apikey", "token", "access_token", "authorization"})
MOST_QUERY_FIELDS = 50


def needs(what: Needs) -> dict[str, Needs]:
    """Return a route's ``opt`` that says what its callers need."""
    return {"needs": what}


class Gate:
    """Middleware of all routes: identifies, counts and lets in, or raises the problem."""

    def __init__(self, app: App, keys: Keys, links: Links, rates: Rates) -> None:
        self._app = app
        self._keys = keys
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
            query = _names(scope["query_string"])
            if RAW_FILE in scope and SIGNATURE in query:
                receive = await self._admit(scope, receive)
                query.remove(SIGNATURE)
            else:
                await self._let_in(scope, handler, query)
            _refuse_unknown(query, handler)
            if RAW_FILE in scope:
                # A new dict: the router keeps the one that it found, for the next request.
                given = {"path": paths.decode(scope[RAW_FILE])}
                scope["path_params"] = scope["path_params"] | given
        return receive

    async def _let_in(self, scope: Scope, handler: BaseRouteHandler, query: list[str]) -> None:
        wanted: Needs | None = handler.opt.get("needs")
        if wanted == "anyone":
            return
        self._enter(scope, await self._identify(scope, query), wanted)

    async def _admit(self, scope: Scope, receive: Receive) -> Receive:
        """Let the holder of a signed link in as the link's maker."""
        admission = await self._links.admit(scope, receive, address_of(scope))
        self._enter(scope, admission.identity, scope["route_handler"].opt.get("needs"))
        return admission.receive

    def _enter(self, scope: Scope, identity: Identity, wanted: Needs | None) -> None:
        self._rates.count_request(identity.key_id)
        if wanted is None or not identity.may(wanted):
            raise Forbidden(f"the API key has not the scope {wanted!r}", needs=wanted)
        scope["user"] = identity

    async def _identify(self, scope: Scope, query: list[str]) -> Identity:
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


def _names(query: bytes) -> list[str]:
    if not query:
        return []
    try:
        pairs = parse_qsl(
            query.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=MOST_QUERY_FIELDS,
        )
    except ValueError:
        raise InvalidInput("the query cannot be read") from None
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names):
        raise InvalidInput("a query parameter is given twice")
    return names


def _refuse_unknown(query: Iterable[str], handler: BaseRouteHandler) -> None:
    """Refuse what a route does not know: ``?prefx=`` must not silently list everything."""
    for name in query:
        if name not in handler.opt.get("query", ()):
            raise InvalidInput(f"there is no query parameter {name!r}", parameter=name)
