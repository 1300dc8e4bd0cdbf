"""What tus asks of every answer, and what a page of another origin needs to use it.

Outside the application, so that refusals of any layer carry it, too.
"""

from services.gateway.domain.tus import VERSION
from services.gateway.edge.asgi import App, Message, Receive, Scope, Send, header
from services.gateway.settings import Settings

ADDRESS = "/api/v1/uploads"

METHODS = "POST, HEAD, PATCH, DELETE, OPTIONS"
OVERRIDDEN = frozenset({"PATCH", "DELETE"})
"""What a client that can only POST may say in ``X-HTTP-Method-Override``."""

SENT_HEADERS = ", ".join(
    (
        "Authorization",
        "Content-Type",
        "Idempotency-Key",
        "If-Match",
        "If-None-Match",
        "Tus-Resumable",
        "Upload-Checksum",
        "Upload-Concat",
        "Upload-Defer-Length",
        "Upload-Length",
        "Upload-Metadata",
        "Upload-Offset",
        "X-HTTP-Method-Override",
        "X-Request-ID",
    )
)
SHOWN_HEADERS = ", ".join(
    (
        "ETag",
        "Location",
        "Retry-After",
        "Strongroom-File",
        "Strongroom-Version",
        "Tus-Checksum-Algorithm",
        "Tus-Extension",
        "Tus-Max-Size",
        "Tus-Resumable",
        "Tus-Version",
        "Upload-Concat",
        "Upload-Defer-Length",
        "Upload-Expires",
        "Upload-Length",
        "Upload-Metadata",
        "Upload-Offset",
        "X-Request-Id",
    )
)
PREFLIGHT_S = "7200"


class TusEdge:
    """Wraps the application; what is not about uploads passes untouched."""

    def __init__(self, app: App, settings: Settings) -> None:
        self._app = app
        self._origins = frozenset(settings.upload_origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as tus and browsers want it."""
        if scope["type"] != "http" or not _is_upload(scope["path"]):
            await self._app(scope, receive, send)
            return
        lines = [(b"tus-resumable", VERSION.encode()), *self._shared(scope)]
        override = header(scope, b"x-http-method-override")
        if scope["method"] == "POST" and override in OVERRIDDEN:
            scope["method"] = override

        async def send_more(message: Message) -> None:
            if message["type"] == "http.response.start":
                more = lines
                if message["status"] == 412:
                    more = [*lines, (b"tus-version", VERSION.encode())]
                message["headers"] = [*message["headers"], *more]
            await send(message)

        await self._app(scope, receive, send_more)

    def _shared(self, scope: Scope) -> list[tuple[bytes, bytes]]:
        """Return what lets a page of an allowed origin read the answer (the fetch standard)."""
        if not self._origins:
            return []
        lines = [(b"vary", b"Origin")]
        origin = header(scope, b"origin")
        if origin is None or not self._origins & {origin, "*"}:
            return lines
        lines += [
            (b"access-control-allow-origin", origin.encode("latin-1")),
            (b"access-control-expose-headers", SHOWN_HEADERS.encode()),
        ]
        if scope["method"] == "OPTIONS":
            lines += [
                (b"access-control-allow-methods", METHODS.encode()),
                (b"access-control-allow-headers", SENT_HEADERS.encode()),
                (b"access-control-max-age", PREFLIGHT_S.encode()),
            ]
        return lines


def _is_upload(path: str) -> bool:
    return path == ADDRESS or path.startswith(f"{ADDRESS}/")
