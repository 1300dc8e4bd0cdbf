"""What differs between two states of one file."""

from functools import partial
from typing import Annotated, Literal

import msgspec
from litestar import Request, get
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.openapi import ResponseSpec
from litestar.params import QueryParameter
from litestar.types import ASGIApp

from libs.contracts.problems import AnsweredWithProblem
from services.gateway.domain import content_diff, served
from services.gateway.domain.content_diff import ContentDiff, ContentSide
from services.gateway.domain.failures import FileNotFound
from services.gateway.domain.keys import Identity
from services.gateway.edge.access import Access
from services.gateway.edge.gate import needs
from services.gateway.routes.diffs import TAGS, From, IsStaged, To
from services.gateway.routes.given import Bucket
from services.gateway.routes.reading import PRESENT, Reading, read
from services.gateway.settings import Settings
from services.gateway.transfer.comparing import Comparing
from services.gateway.transfer.downloads import Downloads, ready

UNIFIED = "text/x-diff"
JSON = "application/json"

Call = Request[Identity, None, State]


@get(
    "/buckets/{bucket:str}/diff/content",
    summary="Compare two states of a file",
    tags=TAGS,
    opt=needs("read", at="path"),
    responses={200: ResponseSpec(ContentDiff, description="Also as `text/x-diff`.")},
)
async def get_content_diff(
    bucket: Bucket,
    path: Annotated[str, QueryParameter(description="The file.", min_length=1, max_length=1024)],
    source: From,
    request: Call,
    access: NamedDependency[Access],
    downloads: NamedDependency[Downloads],
    comparing: NamedDependency[Comparing],
    settings: NamedDependency[Settings],
    target: To = PRESENT,
    staged: IsStaged = False,
    old_path: Annotated[
        str | None,
        QueryParameter(description="Where it was before.", min_length=1, max_length=1024),
    ] = None,
    context: Annotated[
        int, QueryParameter(description="Equal lines around changes.", ge=0, le=100)
    ] = 3,
    format: Annotated[  # noqa: A002 - the query parameter's name
        Literal["json", "unified"] | None,
        QueryParameter(description="`unified`: plain text, as with `Accept: text/x-diff`."),
    ] = None,
) -> ASGIApp:
    """Return the changed lines of a text, and what is known of both sides of anything else.

    Text is UTF-8, at most the gateway's `diff_text_bytes` and 20,000 lines on either side. Where
    two texts have so little in common that the shortest way between them takes too long to find,
    a longer one is told.
    """
    if old_path is not None:
        await access.check(bucket, old_path)
    before = await _find(downloads, bucket, old_path or path, _committed(source))
    after = await _find(downloads, bucket, path, target if staged else _committed(target))
    if before is None and after is None:
        raise FileNotFound(path, bucket=bucket, path=path)
    is_plain = format == "unified" or (
        format is None and UNIFIED in (request.headers.get("accept") or "").lower()
    )
    if _is_equal(before, after):
        return _answer(_only_told("equal", before, after), is_plain=is_plain)
    if max(side.size for side in (before, after) if side) > settings.diff_text_bytes:
        return _answer(_only_told("large", before, after), is_plain=is_plain)
    async with comparing.room():
        compare = partial(
            content_diff.compare,
            _side(before),
            _side(after),
            await before.whole(downloads) if before else b"",
            await after.whole(downloads) if after else b"",
            context=context,
        )
        return await comparing.run(lambda: _answer(compare(), is_plain=is_plain))


async def _find(downloads: Downloads, bucket: str, path: str, ref: str) -> Reading | None:
    try:
        return await read(downloads, bucket, path, ref, None)
    except AnsweredWithProblem as problem:
        if problem.named == FileNotFound.code:
            return None
        raise


def _committed(ref: str) -> str:
    """Return the ref that means what is committed, where a branch alone shows what is staged."""
    return ref if ref == PRESENT else f"{ref}~0"


def _is_equal(before: Reading | None, after: Reading | None) -> bool:
    return before is not None and after is not None and before.sha256 == after.sha256


def _only_told(
    form: content_diff.Form, before: Reading | None, after: Reading | None
) -> ContentDiff:
    return ContentDiff(form=form, before=_side(before), after=_side(after))


def _side(reading: Reading | None) -> ContentSide | None:
    if reading is None:
        return None
    return ContentSide(
        path=reading.path,
        sha256=reading.sha256,
        size=reading.size,
        content_type=reading.content_type,
    )


def _answer(diff: ContentDiff, *, is_plain: bool) -> ASGIApp:
    body = content_diff.as_text(diff).encode() if is_plain else msgspec.json.encode(diff)
    media_type = f"{UNIFIED}; charset=utf-8" if is_plain else JSON
    lines = [
        (b"content-type", media_type.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"vary", b"accept"),
        *served.PROTECTION,
    ]
    return ready(200, lines, body)


ROUTES = [get_content_diff]
