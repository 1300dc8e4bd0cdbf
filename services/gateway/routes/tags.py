"""Tags of a bucket's history."""

from typing import Annotated

from litestar import Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import Struct, field

from libs.contracts.values import Labels, Message
from libs.contracts.versioning import (
    CreateTag,
    DeleteTag,
    GetTag,
    ListTags,
    RefName,
    RefText,
    TagInfo,
)
from services.gateway.domain import served
from services.gateway.edge.gate import needs
from services.gateway.edge.platform import Platform
from services.gateway.routes.given import PREFIX, Bucket, Cursor, Cursors, Limit, Page

TAGS = ["Versions"]
MANY = "/buckets/{bucket:str}/tags"
ONE = "/buckets/{bucket:str}/tags/{tag:str}"

Tag = FromPath[str]


class NewTag(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: RefName
    source: RefText = "main"
    """What it is to name: a branch, tag or commit."""
    message: Message = ""
    metadata: Labels = field(default_factory=dict)


@post(MANY, summary="Create a tag", tags=TAGS, opt=needs("write"))
async def create_tag(
    bucket: Bucket,
    data: JSONBody[NewTag],
    actor: NamedDependency[str],
    platform: NamedDependency[Platform],
) -> Response[TagInfo]:
    """Name a commit for good: a tag never moves, it can only be deleted."""
    tag = await platform.ask(
        CreateTag(
            bucket=bucket,
            name=data.name,
            source=data.source,
            actor=actor,
            message=data.message,
            metadata=data.metadata,
        )
    )
    place = f"{PREFIX}/buckets/{bucket}/tags/{served.url_path(tag.name)}"
    return Response(tag, headers={"Location": place})


@get(MANY, summary="List tags", tags=TAGS, opt=needs("read"))
async def list_tags(
    bucket: Bucket,
    platform: NamedDependency[Platform],
    cursors: NamedDependency[Cursors],
    prefix: Annotated[
        str, QueryParameter(description="Only names that begin so.", max_length=100)
    ] = "",
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[TagInfo]:
    """List tags by name."""
    scope = f"tags\n{bucket}\n{prefix}"
    after = cursors.open(scope, cursor, str) or ""
    found = await platform.ask(
        ListTags(bucket=bucket, prefix=prefix, start_after=after, limit=limit)
    )
    return Page(found.items, cursors.seal(scope, found.next))


@get(ONE, summary="Get a tag", tags=TAGS, opt=needs("read"))
async def get_tag(bucket: Bucket, tag: Tag, platform: NamedDependency[Platform]) -> TagInfo:
    """Return a tag; `tag_id` is the sha256 of its encoding, which a signature signs."""
    return await platform.ask(GetTag(bucket=bucket, name=tag))


@delete(ONE, summary="Delete a tag", tags=TAGS, opt=needs("write"), status_code=204)
async def delete_tag(
    bucket: Bucket,
    tag: Tag,
    actor: NamedDependency[str],
    platform: NamedDependency[Platform],
) -> None:
    """Delete a tag, not its commit."""
    await platform.ask(DeleteTag(bucket=bucket, name=tag, actor=actor))


ROUTES = [create_tag, list_tags, get_tag, delete_tag]
