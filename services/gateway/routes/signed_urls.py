"""Signed links: one call to one file, for whoever holds the link and without a key."""

import unicodedata
from datetime import UTC, datetime, timedelta
from typing import Literal
from uuid import UUID

from litestar import Request, Response, delete, get, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from msgspec import Struct, field

from libs.contracts.ids import new_id
from libs.contracts.storage import LONGEST_DIRECT_S, BucketInfo, GetBucket, SessionWish
from libs.contracts.values import ByteCount, ContentType, FilePath
from services.gateway.domain import served
from services.gateway.domain.failures import DirectNotPossible, Forbidden, InvalidInput
from services.gateway.domain.keys import Identity, Needs
from services.gateway.domain.links import SIGNATURE, LinkMethod, LinkSeconds, Terms
from services.gateway.edge.access import Access
from services.gateway.edge.gate import needs
from services.gateway.edge.links import Links
from services.gateway.edge.platform import Platform
from services.gateway.repository.signed_urls import IssuedLink
from services.gateway.routes.given import PREFIX, Bucket, Cursor, Cursors, Limit, Page
from services.gateway.settings import Settings
from services.gateway.transfer.direct import DirectUploads

TAGS = ["Files"]
MANY = "/buckets/{bucket:str}/signed-urls"

Call = Request[Identity, None, State]


class NewLink(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    method: LinkMethod
    path: FilePath
    expires_s: LinkSeconds = 3600
    content_type: ContentType | None = None
    """``PUT``: the holder has to send exactly this ``Content-Type``."""
    content_length: ByteCount | None = None
    """``PUT``: the body has to have exactly so many bytes."""
    max_length: ByteCount | None = None
    """``PUT``: the body has at most so many bytes."""
    direct: bool | Literal["prefer"] = False
    """A URL of the object store itself: 409 where there is none, or ``prefer`` it where there is.
    One that reads lasts a minute at most, one that writes twelve hours."""


class SignedUrl(Struct, frozen=True, kw_only=True):
    """A link; whoever holds it may make this one call, as often as they like until it ends."""

    id: UUID
    method: LinkMethod
    path: FilePath
    url: str
    expires_at: datetime
    headers: dict[str, str] = field(default_factory=dict)
    """To be sent with the call."""
    direct: bool = False
    """Whether the call goes to the object store."""
    complete: str | None = None
    """With a direct ``PUT``: where to POST ``{"sha256": …}`` to make what was put the file."""


@post(MANY, summary="Sign a link", tags=TAGS, opt=needs("key", at="somewhere"))
async def sign_url(
    bucket: Bucket,
    data: JSONBody[NewLink],
    request: Call,
    access: NamedDependency[Access],
    platform: NamedDependency[Platform],
    links: NamedDependency[Links],
    direct_uploads: NamedDependency[DirectUploads],
    settings: NamedDependency[Settings],
) -> Response[SignedUrl]:
    """Return a link that works without a key, with the rights that its maker has when it is used.

    It ends with its time, its maker's key, its bucket, or when it is taken back. A direct one is a
    URL of the object store; what is put there becomes the file when ``complete`` is called.
    """
    _check_terms(data, request.user)
    await access.check(bucket, data.path, "writer" if data.method == "PUT" else "reader")
    if data.direct:
        try:
            return Response(await _by_store(bucket, data, request, direct_uploads))
        except DirectNotPossible:
            if data.direct != "prefer":
                raise
    info = await platform.ask(GetBucket(name=bucket))
    signed = await _by_gateway(info, data, request, links, settings)
    return Response(signed, headers={"Location": f"{PREFIX}{_one(bucket, signed.id)}"})


@get(MANY, summary="List signed links", tags=TAGS, opt=needs("key", at="somewhere"))
async def list_signed_urls(
    bucket: Bucket,
    request: Call,
    platform: NamedDependency[Platform],
    links: NamedDependency[Links],
    cursors: NamedDependency[Cursors],
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[IssuedLink]:
    """List the links that work, newest first: an administrator all, others those they made."""
    scope = f"signed-urls\n{bucket}"
    before = cursors.open(scope, cursor, UUID)
    info = await platform.ask(GetBucket(name=bucket))
    found = await links.list(
        info.bucket_id, of_key=_only(request.user), before=before, limit=limit + 1
    )
    behind = found[limit - 1].id if len(found) > limit else None
    return Page(found[:limit], cursors.seal(scope, behind))


@delete(
    f"{MANY}/{{link_id:uuid}}",
    summary="Take a signed link back",
    tags=TAGS,
    opt=needs("key", at="somewhere"),
    status_code=204,
)
async def revoke_signed_url(
    bucket: Bucket,
    link_id: FromPath[UUID],
    request: Call,
    platform: NamedDependency[Platform],
    links: NamedDependency[Links],
) -> None:
    """End a link before its time: an administrator any, others those they made. Within 60 s."""
    info = await platform.ask(GetBucket(name=bucket))
    await links.revoke(info.bucket_id, link_id, of_key=_only(request.user))


async def _by_gateway(
    info: BucketInfo, data: NewLink, request: Call, links: Links, settings: Settings
) -> SignedUrl:
    expires_at = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=data.expires_s)
    terms = Terms(
        link_id=new_id(),
        key_id=request.user.key_id,
        bucket_id=info.bucket_id,
        method=data.method,
        expires_at=int(expires_at.timestamp()),
        content_type=data.content_type,
        content_length=data.content_length,
        max_length=data.max_length,
    )
    signature = await links.sign(terms, info.name, data.path)
    place = f"{PREFIX}/buckets/{info.name}/files/{served.url_path(data.path)}"
    return SignedUrl(
        id=terms.link_id,
        method=data.method,
        path=data.path,
        url=f"{_origin(request, settings)}{place}?{SIGNATURE}={signature}",
        expires_at=expires_at,
        headers={"Content-Type": data.content_type} if data.content_type else {},
    )


async def _by_store(
    bucket: str, data: NewLink, request: Call, direct_uploads: DirectUploads
) -> SignedUrl:
    if data.method == "HEAD":
        raise DirectNotPossible("a direct link is for GET or PUT")
    if data.method == "GET":
        found = await direct_uploads.reading(bucket, data.path, data.expires_s)
        return SignedUrl(
            id=new_id(),
            method="GET",
            path=data.path,
            url=found.url,
            expires_at=found.expires_at,
            direct=True,
        )
    upload_id, where = await direct_uploads.begin(
        SessionWish(bucket=bucket, path=data.path, content_type=data.content_type),
        request.user.actor,
        expires_s=min(data.expires_s, LONGEST_DIRECT_S),
        length=data.content_length,
        most=data.max_length,
    )
    return SignedUrl(
        id=upload_id,
        method="PUT",
        path=data.path,
        url=where.url,
        expires_at=where.expires_at,
        direct=True,
        complete=f"{PREFIX}/buckets/{bucket}/direct-uploads/{upload_id}/completions",
    )


def _check_terms(data: NewLink, maker: Identity) -> None:
    wanted: Needs = "write" if data.method == "PUT" else "read"
    if not maker.may(wanted):
        raise Forbidden(f"the API key has not the scope {wanted!r}", needs=wanted)
    if any(unicodedata.category(letter) == "Cc" for letter in data.path):
        raise InvalidInput("no path has control characters", field="path")
    about_a_body = (data.content_type, data.content_length, data.max_length)
    if data.method != "PUT" and about_a_body != (None, None, None):
        raise InvalidInput("only a link for PUT has a body", field="method")
    if data.content_length is not None and data.max_length is not None:
        raise InvalidInput("say content_length or max_length", field="max_length")
    if data.content_type is not None and not served.is_content_type(data.content_type):
        raise InvalidInput("this is no media type", field="content_type")


def _only(caller: Identity) -> UUID | None:
    """Return whose links the caller may see; None: everybody's."""
    return None if caller.may("admin") else caller.key_id


def _origin(request: Call, settings: Settings) -> str:
    """Return where links begin: where we are known to be, or where the caller found us."""
    return settings.public_url or f"{request.url.scheme}://{request.url.netloc}"


def _one(bucket: str, link_id: UUID) -> str:
    return f"/buckets/{bucket}/signed-urls/{link_id}"


ROUTES = [sign_url, list_signed_urls, revoke_signed_url]
