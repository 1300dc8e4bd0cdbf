"""The OpenAPI document, and its pages out of a package: nothing comes from elsewhere."""

from collections.abc import Sequence
from importlib.resources import files
from typing import Any

import msgspec
from litestar import Request, Response, get
from litestar.params import FromPath
from litestar.response import Redirect

from services.gateway.domain.failures import NotFound
from services.gateway.edge.gate import needs

ASSETS = {
    "swagger-ui.css": "text/css",
    "swagger-ui-bundle.js": "text/javascript",
    "start.js": "text/javascript",
}
PAGE = b"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Strongroom API</title>
<link rel="stylesheet" href="/docs/swagger-ui.css">
<link rel="icon" href="data:,">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""
START = b"""window.ui = SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  persistAuthorization: false,
  validatorUrl: null,
});
"""
POLICY = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'"


@get("/", include_in_schema=False, opt=needs("anyone"))
async def show_root() -> Redirect:
    """Show newcomers the documentation."""
    return Redirect("/docs")


@get("/docs", include_in_schema=False, opt=needs("anyone"), media_type="text/html")
async def show_docs() -> Response[bytes]:
    """Show the API to people."""
    return Response(PAGE, headers={"Content-Security-Policy": POLICY})


@get("/docs/{name:str}", include_in_schema=False, opt=needs("anyone"), sync_to_thread=True)
def get_asset(name: FromPath[str]) -> Response[bytes]:
    """Return a script or style of the documentation."""
    if name not in ASSETS:
        raise NotFound("there is nothing at this address")
    content = START if name == "start.js" else _packaged(name)
    headers = {"Cache-Control": "public, max-age=3600", "X-Content-Type-Options": "nosniff"}
    return Response(content, media_type=ASSETS[name], headers=headers)


@get("/openapi.json", include_in_schema=False, opt=needs("anyone"))
async def get_openapi(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Show the API to programs."""
    document = msgspec.json.encode(request.app.openapi_schema.to_schema())
    return Response(document, media_type="application/json")


def _packaged(name: str) -> bytes:
    return (files("litestar_offline_docs") / "static" / name).read_bytes()


ROUTES: Sequence[Any] = [show_root, show_docs, get_asset, get_openapi]
