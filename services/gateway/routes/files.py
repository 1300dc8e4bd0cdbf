"""Files: their bytes, what is known of them, and lists of them."""

from datetime import datetime
from typing import Annotated, cast

from litestar import HttpMethod, Request, Response, delete, get, patch, put, route
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter
from litestar.types import ASGIApp
from msgspec import Struct

from libs.contracts.storage import (
    BeginUpload,
    DeleteFile,
    FileCheck,
    FileInfo,
    ListFiles,
    UpdateFile,
)
from libs.contracts.values import ByteCount, ContentType, FilePath, Labels, Sha256
from libs.contracts.versioning import EntryInfo, ListEntries
from services.gateway.domain import conditions, labels, served
from services.gateway.domain.failures import InvalidInput
from services.gateway.domain.keys import Identity
from services.gateway.edge.asgi import Receive
from services.gateway.edge.gate import needs
from services.gateway.edge.platform import Platform
from services.gateway.routes import branch_files
from services.gateway.routes.accepted import waiting
from services.gateway.routes.branch_files import FileChange
from services.gateway.routes.file_documents import DownloadOperation, UploadOperation
from services.gateway.routes.given import PREFIX, Bucket, Cursor, Cursors, Limit, Prefix
from services.gateway.routes.reading import PRESENT, read
from services.gateway.routes.sent import announced, content_type_of, plain_headers
from services.gateway.transfer.downloads import Downloads
from services.gateway.transfer.uploads import Uploads

TAGS = ["Files"]
MOST_TAGS_SOUGHT = 10
ONE = "/buckets/{bucket:str}/files/{path:str}"

Call = Request[Identity, None, State]
Path = FromPath[str]
Ref = Annotated[
    str | None, QueryParameter(description="A branch, tag or commit.", min_length=1, max_length=200)
]
Branch = Annotated[
    str | None,
    QueryParameter(description="A branch; else `main`.", min_length=1, max_length=200),
]
Version = Annotated[int | None, QueryParameter(description="A version's number.", ge=1)]


class ListedFile(Struct, frozen=True, kw_only=True):
    """A file as it is, or as it was at a ref."""

    path: FilePath
    sha256: Sha256
    size: ByteCount
    content_type: ContentType
    metadata: Labels
    tags: Labels
    modified_at: datetime
    """At a ref: when its commit was made."""
    revision: int | None = None
    modified_by: str | None = None
    staged: bool = False
    """It waits for a commit on the branch that was asked for."""
    expired: bool = False
    """Its content was given up: reading it answers `version-expired`."""


class FilePage(Struct, frozen=True):
    """A page of files, and with a delimiter of prefixes."""

    items: list[ListedFile]
    prefixes: list[str]
    next: str | None = None
    commit_id: str | None = None
    """The commit that was listed, with ``ref``."""


@put(
    ONE,
    summary="Put a file",
    tags=TAGS,
    opt=needs("write"),
    status_code=201,
    request_max_body_size=None,
    operation_class=UploadOperation,
)
async def put_file(
    bucket: Bucket,
    path: Path,
    request: Call,
    uploads: NamedDependency[Uploads],
    ref: Branch = None,
) -> Response[FileInfo | FileCheck | EntryInfo]:
    """Store the body: 201 for a new file, 200 for a new state of one; all of it or nothing.

    With a branch as ``ref`` it is staged there, until somebody commits it. A bucket with checks
    answers 202: the file appears when they have passed.
    """
    begin = BeginUpload(
        bucket=bucket,
        path=path,
        # Not a second dependency: two are resolved in a task group, which costs more than they do.
        actor=request.user.actor,
        content_type=content_type_of(request),
        metadata=labels.read_metadata(plain_headers(request)),
        tags=labels.read_tags(request.headers.get(labels.TAGS)),
        expect=conditions.expectation(request.headers),
    )
    receive = cast("Receive", request.receive)
    if branch_files.is_meant(ref):
        return await branch_files.put(uploads, ref, begin, announced(request), receive)
    stored = await uploads.put(begin, announced(request), receive)
    if stored.check is not None:
        return waiting(stored.check)
    headers = {"ETag": conditions.etag(stored.file.sha256)}
    if stored.created:
        headers["Location"] = f"{PREFIX}/buckets/{bucket}/files/{served.url_path(path)}"
    return Response(stored.file, status_code=201 if stored.created else 200, headers=headers)


@get(
    ONE,
    summary="Get a file",
    tags=TAGS,
    opt=needs("read", public=True),
    operation_class=DownloadOperation,
)
async def get_file(
    bucket: Bucket,
    path: Path,
    request: Call,
    downloads: NamedDependency[Downloads],
    ref: Ref = None,
    version: Version = None,
    download: Annotated[bool, QueryParameter(description="Save it, never show it.")] = False,
) -> ASGIApp:
    """Return the bytes, whole or one range: as they are, or as they were at ``ref``."""
    reading = await read(downloads, bucket, path, ref, version)
    return await reading.answer(request.headers, downloads, download=download)


@route(
    ONE,
    http_method=[HttpMethod.HEAD],
    summary="Look at a file",
    tags=TAGS,
    opt=needs("read", public=True),
    status_code=200,
)
async def head_file(
    bucket: Bucket,
    path: Path,
    request: Call,
    downloads: NamedDependency[Downloads],
    ref: Ref = None,
    version: Version = None,
    download: Annotated[bool, QueryParameter(description="As for GET.")] = False,
) -> ASGIApp:
    """Return the headers that GET would, without the bytes."""
    reading = await read(downloads, bucket, path, ref, version)
    return await reading.head(request.headers, downloads.platform, download=download)


@delete(ONE, summary="Delete a file", tags=TAGS, opt=needs("write"), status_code=204)
async def delete_file(
    bucket: Bucket,
    path: Path,
    request: Call,
    actor: NamedDependency[str],
    platform: NamedDependency[Platform],
    ref: Branch = None,
) -> None:
    """Delete the file; its versions stay until they are purged. On a branch that is staged."""
    expect = conditions.expectation(request.headers)
    if branch_files.is_meant(ref):
        await branch_files.delete(platform, ref, bucket, path, actor, expect)
        return
    await platform.ask(DeleteFile(bucket=bucket, path=path, actor=actor, expect=expect))


@patch(ONE, summary="Change what is known of a file", tags=TAGS, opt=needs("write"))
async def update_file(
    bucket: Bucket,
    path: Path,
    data: JSONBody[FileChange],
    request: Call,
    actor: NamedDependency[str],
    platform: NamedDependency[Platform],
    ref: Branch = None,
) -> Response[FileInfo | EntryInfo]:
    """Change content type, metadata or tags; what is absent stays, the bytes do.

    With a branch as ``ref`` the change is staged there.
    """
    expect = conditions.expectation(request.headers)
    if branch_files.is_meant(ref):
        return await branch_files.update(platform, ref, bucket, path, actor, data, expect)
    file = await platform.ask(
        UpdateFile(
            bucket=bucket,
            path=path,
            actor=actor,
            content_type=data.content_type,
            metadata=data.metadata,
            tags=data.tags,
            expect=expect,
        )
    )
    return Response(file, headers={"ETag": conditions.etag(file.sha256)})


@get(
    "/buckets/{bucket:str}/files",
    summary="List files",
    tags=TAGS,
    opt=needs("read", at="prefix", public=True),
)
async def list_files(
    bucket: Bucket,
    platform: NamedDependency[Platform],
    cursors: NamedDependency[Cursors],
    prefix: Prefix = "",
    delimiter: Annotated[str, QueryParameter(description="Usually `/`.", max_length=8)] = "",
    tag: Annotated[
        list[str] | None,
        QueryParameter(
            description="Only files with this tag, `key=value`; given again, with all of them.",
            max_items=MOST_TAGS_SOUGHT,
        ),
    ] = None,
    ref: Ref = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> FilePage:
    """List a bucket in the byte order of paths; with a delimiter like a folder."""
    tags = labels.wanted_tags(tag or ())
    scope = f"files\n{bucket}\n{prefix}\n{delimiter}\n{ref or ''}\n{tags or ''}"
    after = cursors.open(scope, cursor, str) or ""
    if ref is None or ref == PRESENT:
        found = await platform.ask(
            ListFiles(
                bucket=bucket,
                prefix=prefix,
                delimiter=delimiter,
                start_after=after,
                limit=limit,
                tags=tags,
            )
        )
        return FilePage(
            [_listed(file) for file in found.items], found.prefixes, cursors.seal(scope, found.next)
        )
    if tags:
        raise InvalidInput("tags are looked for in the present, not at a ref", parameter="tag")
    then = await platform.ask(
        ListEntries(
            bucket=bucket,
            ref=ref,
            prefix=prefix,
            delimiter=delimiter,
            start_after=after,
            limit=limit,
        )
    )
    return FilePage(
        [_listed(entry) for entry in then.items],
        then.prefixes,
        cursors.seal(scope, then.next),
        then.commit_id,
    )


def _listed(found: FileInfo | EntryInfo) -> ListedFile:
    known = {
        name: getattr(found, name)
        for name in ("path", "sha256", "size", "content_type", "metadata", "tags")
    }
    if isinstance(found, EntryInfo):
        return ListedFile(
            **known, modified_at=found.committed_at, staged=found.staged, expired=found.expired
        )
    return ListedFile(
        **known,
        modified_at=found.modified_at,
        revision=found.revision,
        modified_by=found.modified_by,
    )


ROUTES = [put_file, get_file, head_file, delete_file, update_file, list_files]
