"""The platform about itself."""

from importlib.metadata import version

from litestar import Response, get
from litestar.di import NamedDependency
from msgspec import Struct

from services.gateway.edge.gate import needs
from services.gateway.edge.parts import Health, Parts
from services.gateway.settings import Settings

TAGS = ["System"]


class Limits(Struct, frozen=True, kw_only=True):
    max_upload_bytes: int
    max_json_bytes: int
    requests_per_s: float
    request_burst: int


class Info(Struct, frozen=True, kw_only=True):
    name: str
    version: str
    api: str
    limits: Limits


@get("/system/health", summary="How everything is", tags=TAGS, opt=needs("anyone"))
async def get_health(parts: NamedDependency[Parts]) -> Response[Health]:
    """Return the state of every part: 200 while files can be written and read, else 503."""
    health = await parts.health()
    headers = {"Cache-Control": "no-store"}
    if health.status == "down":
        return Response(health, status_code=503, headers=headers | {"Retry-After": "1"})
    return Response(health, headers=headers)


@get("/system/info", summary="What this is", tags=TAGS, opt=needs("read"))
async def get_info(settings: NamedDependency[Settings]) -> Info:
    """Return the version and the limits."""
    return Info(
        name="strongroom",
        version=version("strongroom"),
        api="v1",
        limits=Limits(
            max_upload_bytes=settings.max_upload_bytes,
            max_json_bytes=settings.max_json_bytes,
            requests_per_s=settings.requests_per_s,
            request_burst=settings.request_burst,
        ),
    )


ROUTES = [get_health, get_info]
