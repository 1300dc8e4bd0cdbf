"""tus 1.0: uploads that survive whatever happens to a connection, a client or a gateway."""

from typing import cast
from uuid import UUID

from litestar import HttpMethod, MediaType, Request, Response, delete, patch, post, route
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath

from libs.contracts.storage import SessionInfo
from services.gateway.domain import conditions, served, tus
from services.gateway.domain.keys import Identity
from services.gateway.edge.access import Access
from services.gateway.edge.asgi import Receive
from services.gateway.edge.gate import needs
from services.gateway.routes.accepted import address_of
from services.gateway.routes.given import PREFIX
from services.gateway.routes.tus_documents import (
    AppendOperation,
    CreationOperation,
    TusOperation,
)
from services.gateway.settings import Settings
from services.gateway.transfer.tus import Caller, IncomingPart, TusUploads

TAGS = ["Uploads"]
ALL = "/uploads"
ONE = "/uploads/{upload_id:uuid}"
ADDRESS = f"{PREFIX}/uploads"

Call = Request[Identity, None, State]
Upload = FromPath[UUID]


@route(
    ALL,
    http_method=[HttpMethod.OPTIONS],
    summary="What of tus is understood",
    tags=TAGS,
    opt=needs("anyone"),
    status_code=204,
)
async def describe_tus(settings: NamedDependency[Settings]) -> Response[None]:
    """Tell version, extensions, checksums and the largest file."""
    return Response(
        None,
        status_code=204,
        headers={
            "Tus-Version": tus.VERSION,
            "Tus-Extension": ",".join(tus.EXTENSIONS),
            "Tus-Max-Size": str(settings.max_upload_bytes),
            "Tus-Checksum-Algorithm": ",".join(tus.ALGORITHMS),
        },
    )


@post(
    ALL,
    summary="Begin an upload",
    tags=TAGS,
    opt=needs("write"),
    status_code=201,
    request_max_body_size=None,
    operation_class=CreationOperation,
)
async def begin_upload(
    request: Call, access: NamedDependency[Access], tus_uploads: NamedDependency[TusUploads]
) -> Response[bytes]:
    """Begin an upload of `Upload-Length` bytes, with its first ones if there is a body.

    `Upload-Metadata` names `bucket` and `path`, and may give `filetype`, `tags`, `sha256` and
    `meta-…`. `Upload-Concat` joins uploads that were sent side by side.
    """
    tus.check_version(request.headers)
    wanted = tus.creation(request.headers, conditions.expectation(request.headers))
    first = None
    if wanted.partials is None and _brings_bytes(request):
        first = _part(request, offset=0)
    session = await tus_uploads.create(
        wanted, _caller(request, access), first, cast("Receive", request.receive)
    )
    location = f"{ADDRESS}/{session.session_id}"
    return Response(
        b"",
        media_type=MediaType.TEXT,
        status_code=201,
        headers=_headers(session) | {"Location": location},
    )


@route(
    ONE,
    http_method=[HttpMethod.HEAD],
    summary="Look at an upload",
    tags=TAGS,
    opt=needs("write"),
    status_code=200,
    operation_class=TusOperation,
)
async def look_at_upload(
    upload_id: Upload,
    request: Call,
    access: NamedDependency[Access],
    tus_uploads: NamedDependency[TusUploads],
) -> Response[bytes]:
    """Tell how many bytes have come; when it is all of them, the file is there."""
    tus.check_version(request.headers)
    session = await tus_uploads.look(upload_id, _caller(request, access))
    headers = _headers(session) | {"Cache-Control": "no-store"}
    if session.length is None:
        headers["Upload-Defer-Length"] = "1"
    else:
        headers["Upload-Length"] = str(session.length)
    if session.wish.told:
        headers["Upload-Metadata"] = session.wish.told
    return Response(b"", media_type=MediaType.TEXT, status_code=200, headers=headers)


@patch(
    ONE,
    summary="Go on with an upload",
    tags=TAGS,
    opt=needs("write"),
    status_code=204,
    request_max_body_size=None,
    operation_class=AppendOperation,
)
async def go_on_with_upload(
    upload_id: Upload,
    request: Call,
    access: NamedDependency[Access],
    tus_uploads: NamedDependency[TusUploads],
) -> Response[None]:
    """Append the body at `Upload-Offset`. The answer to the last byte means that the file is there,
    or with `Strongroom-Check` that it appears when the checks of its bucket have passed.

    What came before a connection broke is kept, unless `Upload-Checksum` speaks for all of it.
    """
    tus.check_version(request.headers)
    tus.check_media_type(request.headers)
    part = _part(request, offset=tus.offset(request.headers))
    session = await tus_uploads.append(
        upload_id, _caller(request, access), part, cast("Receive", request.receive)
    )
    return Response(None, status_code=204, headers=_headers(session))


@delete(
    ONE,
    summary="Give an upload up",
    tags=TAGS,
    opt=needs("write"),
    status_code=204,
    operation_class=TusOperation,
)
async def give_upload_up(
    upload_id: Upload,
    request: Call,
    access: NamedDependency[Access],
    tus_uploads: NamedDependency[TusUploads],
) -> None:
    """Delete what has come; a file that was made of it stays."""
    tus.check_version(request.headers)
    await tus_uploads.end(upload_id, _caller(request, access))


def _brings_bytes(request: Call) -> bool:
    """Tell whether a POST has a body that is the beginning of the file."""
    if request.headers.get("content-length", "0") == "0" and (
        "transfer-encoding" not in request.headers
    ):
        return False
    tus.check_media_type(request.headers)
    return True


def _part(request: Call, *, offset: int) -> IncomingPart:
    return IncomingPart(
        offset=offset,
        size=tus.number(request.headers, "Content-Length"),
        checksum=tus.checksum(request.headers),
        length=tus.number(request.headers, "Upload-Length"),
    )


def _caller(request: Call, access: Access) -> Caller:
    return Caller(request.user.actor, access)


def _headers(session: SessionInfo) -> dict[str, str]:
    headers = {
        "Upload-Offset": str(session.received),
        "Upload-Expires": conditions.http_date(session.expires_at),
    }
    concat = tus.concat(session, ADDRESS)
    if concat is not None:
        headers["Upload-Concat"] = concat
    if session.put is not None and session.put.check is not None:
        headers["Strongroom-Check"] = address_of(session.put.check)
    elif session.put is not None:
        file = session.put.file
        headers["ETag"] = conditions.etag(file.sha256)
        headers["Strongroom-Version"] = str(file.revision)
        headers["Strongroom-File"] = (
            f"{PREFIX}/buckets/{file.bucket}/files/{served.url_path(file.path)}"
        )
    return headers


ROUTES = [describe_tus, begin_upload, look_at_upload, go_on_with_upload, give_upload_up]
