"""Every failure leaves as RFC 9457 problem+json; what has no name leaves as 500 with an id only."""

import logging
from http import HTTPStatus
from typing import Any
from uuid import UUID

import msgspec
from litestar import Request, Response
from litestar.enums import ParamType
from litestar.exceptions import HTTPException, ValidationException

from libs.blobs import failures as blobs
from libs.contracts.ids import new_id
from libs.contracts.problems import Problem, ProblemDetails, ServiceUnavailable
from services.gateway.domain import failures
from services.gateway.edge.asgi import REQUEST_ID, Scope, Send
from services.gateway.edge.wording import in_words

MEDIA_TYPE = "application/problem+json"

log = logging.getLogger(__name__)


class InternalError(Problem):
    """Something broke that should not have"""

    code, status = "internal-error", 500


def named(error: Exception) -> ProblemDetails:
    """Return ``error`` as a problem; what we do not know is logged under an id."""
    match error:
        case Problem():
            return error.details()
        case ValidationException():
            return _invalid(error).details()
        case HTTPException():
            return _refused(error).details()
        case blobs.StoreFull():
            return failures.StoreFull("the object store has no room").details()
        case blobs.StoreUnavailable():
            log.warning("the object store: %s", error.reason)
            return ServiceUnavailable("the object store does not answer", retry_after_s=2).details()
        case blobs.BlobNotFound() | blobs.BlobTruncated():
            log.error("stored bytes are missing: %s", error)
            return failures.FileDamaged("the stored bytes are not complete").details()
        case blobs.BlobDamaged():
            log.error("stored bytes changed: %s", error)
            return failures.FileDamaged("the stored bytes are not those that came").details()
        case blobs.BlobTooLarge():
            return failures.BodyTooLarge("announce the size of so large a body").details()
    error_id: UUID = new_id()
    log.error("unexpected failure %s", error_id, exc_info=error)
    return InternalError("report it with its id", error_id=str(error_id)).details()


def body_of(details: ProblemDetails, instance: str) -> bytes:
    """Return the members of RFC 9457, then our own."""
    members: dict[str, Any] = {
        "type": f"urn:strongroom:problem:{details.code}",
        "title": details.title,
        "status": details.status,
    }
    if details.detail:
        members["detail"] = details.detail
    members["instance"] = instance
    extra = {name: value for name, value in details.fields.items() if name not in members}
    return msgspec.json.encode(members | extra)


def headers_of(details: ProblemDetails) -> dict[str, str]:
    """Return the headers that belong to a problem."""
    headers = {}
    if details.retry_after_s is not None:
        headers["retry-after"] = str(max(1, round(details.retry_after_s)))
    elif details.status in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS):
        headers["retry-after"] = "1"
    if details.status == HTTPStatus.UNAUTHORIZED:
        headers["www-authenticate"] = 'Bearer realm="strongroom"'
    if details.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and "size" in details.fields:
        headers["content-range"] = f"bytes */{details.fields['size']}"
    if details.status == HTTPStatus.METHOD_NOT_ALLOWED and "allow" in details.fields:
        headers["allow"] = str(details.fields["allow"])
    return headers


def instance_of(scope: Scope) -> str:
    """Return what names this occurrence: the request that ``X-Request-Id`` names too."""
    return f"urn:strongroom:request:{scope[REQUEST_ID]}"


def respond(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Answer a failed request; Litestar's exception handler for everything."""
    details = named(error)
    return Response(
        content=body_of(details, instance_of(request.scope)),  # type: ignore[arg-type]
        status_code=details.status,
        media_type=MEDIA_TYPE,
        headers=headers_of(details),
    )


async def refuse_socket(scope: Scope, send: Send, error: Exception) -> None:
    """Answer a WebSocket's handshake with a problem (ASGI's ``websocket.http.response``)."""
    details = named(error)
    body = body_of(details, instance_of(scope))
    lines = [
        (b"content-type", MEDIA_TYPE.encode()),
        (b"content-length", str(len(body)).encode()),
        *((k.encode("ascii"), v.encode("latin-1")) for k, v in headers_of(details).items()),
    ]
    start = {"type": "websocket.http.response.start", "status": details.status, "headers": lines}
    await send(start)
    await send({"type": "websocket.http.response.body", "body": body})


def _invalid(error: ValidationException) -> Problem:
    """Say which input is wrong, and where it stood."""
    found = error.extra if isinstance(error.extra, list) else []
    errors = [
        {
            "field": item.get("key", ""),
            "in": _place(item.get("source")),
            "why": in_words(item["message"]),
        }
        for item in found
        if isinstance(item, dict) and "message" in item
    ]
    if not errors:
        return failures.InvalidInput(error.detail.split(" for path ")[0])
    return failures.InvalidInput(errors[0]["why"], errors=errors)


def _place(source: object) -> str:
    return str(source.value) if isinstance(source, ParamType) else "body"


def _refused(error: HTTPException) -> Problem:
    """Name what Litestar refuses by itself."""
    match error.status_code:
        case HTTPStatus.NOT_FOUND:
            return failures.NotFound("there is nothing at this address")
        case HTTPStatus.METHOD_NOT_ALLOWED:
            allow = (error.headers or {}).get("allow", "")
            return failures.MethodNotAllowed(f"allowed: {allow}", allow=allow)
        case HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            return failures.BodyTooLarge("a JSON body may not be that large")
        case HTTPStatus.UNSUPPORTED_MEDIA_TYPE:
            return failures.MediaTypeNotSupported(error.detail)
        case status if status < HTTPStatus.INTERNAL_SERVER_ERROR:
            return failures.InvalidInput(error.detail)
    log.error("Litestar failed", exc_info=error)
    return InternalError("")
