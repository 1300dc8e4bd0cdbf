"""Checks: what waits before it is visible, and verdicts."""

from typing import Annotated
from uuid import UUID

from litestar import Request, get, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter
from litestar.types import ASGIApp
from msgspec import Struct

from libs.contracts.problems import Problem
from libs.contracts.storage import (
    CheckName,
    CheckState,
    FileCheck,
    GetCheck,
    GetCheckedContent,
    GiveVerdict,
    ListChecks,
    Verdict,
)
from libs.contracts.storage.checks import Reason
from services.gateway.domain.failures import CheckNotFound
from services.gateway.domain.keys import Identity
from services.gateway.edge.access import Access
from services.gateway.edge.gate import needs
from services.gateway.edge.platform import Platform
from services.gateway.routes.given import Bucket, Cursor, Cursors, Limit, Page
from services.gateway.routes.reading import Reading
from services.gateway.transfer.downloads import Downloads

TAGS = ["Checks"]
ALL = "/buckets/{bucket:str}/checks"
ONE = "/buckets/{bucket:str}/checks/{check_id:uuid}"

Call = Request[Identity, None, State]
CheckId = FromPath[UUID]


class NewVerdict(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    check: CheckName
    verdict: Verdict
    reason: Reason = ""
    """Told to who put the file, if it is refused."""


@get(ALL, summary="List checks", tags=TAGS, opt=needs("read", role="owner"))
async def list_checks(
    bucket: Bucket,
    platform: NamedDependency[Platform],
    cursors: NamedDependency[Cursors],
    only: Annotated[
        CheckState | None, QueryParameter(name="state", description="Only these.")
    ] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[FileCheck]:
    """List what waits, and what was decided in the last week, in the order of its arrival."""
    scope = f"checks\n{bucket}\n{only or ''}"
    after = cursors.open(scope, cursor, UUID)
    found = await platform.ask(ListChecks(bucket=bucket, state=only, after=after, limit=limit))
    return Page(found.items, cursors.seal(scope, found.next))


@get(ONE, summary="Get a check", tags=TAGS, opt=needs("read", at="somewhere"))
async def get_check(
    bucket: Bucket,
    check_id: CheckId,
    access: NamedDependency[Access],
    platform: NamedDependency[Platform],
) -> FileCheck:
    """Return what has become of content, for who put it and for owners of the bucket."""
    check = await platform.ask(GetCheck(bucket=bucket, check_id=check_id))
    if access.identity is None or access.identity.actor != check.actor:
        try:
            await access.check(bucket, role="owner")
        except Problem:
            # As if it were not there: whose it is, is nobody else's business.
            raise CheckNotFound(str(check_id), check_id=str(check_id)) from None
    return check


@get(
    f"{ONE}/content",
    summary="Get what is to be checked",
    tags=TAGS,
    opt=needs("read", role="owner"),
)
async def get_checked_content(
    bucket: Bucket,
    check_id: CheckId,
    request: Call,
    platform: NamedDependency[Platform],
    downloads: NamedDependency[Downloads],
) -> ASGIApp:
    """Return the bytes that wait, whole or one range, never to be shown by a browser.

    410 when they wait no more.
    """
    found = await platform.ask(GetCheckedContent(bucket=bucket, check_id=check_id))
    check = found.check
    reading = Reading(
        bucket=bucket,
        path=check.path,
        sha256=check.sha256,
        size=check.size,
        content_type="application/octet-stream",
        metadata=check.metadata,
        tags=check.tags,
        modified_at=check.arrived_at,
        named=(b"strongroom-check", str(check_id).encode()),
        blob=found.blob,
    )
    return await reading.answer(request.headers, downloads, download=True)


@post(
    f"{ONE}/verdicts",
    summary="Give a verdict",
    tags=TAGS,
    opt=needs("write", role="owner"),
    status_code=200,
)
async def give_verdict(
    bucket: Bucket,
    check_id: CheckId,
    data: JSONBody[NewVerdict],
    actor: NamedDependency[str],
    platform: NamedDependency[Platform],
) -> FileCheck:
    """Say what a check found. With the last one that passes the file appears, or the answer says
    why it cannot any more; one refusal ends the waiting.

    The same verdict again changes nothing; 409 `verdict-given` for another one.
    """
    return await platform.ask(
        GiveVerdict(
            bucket=bucket,
            check_id=check_id,
            check=data.check,
            verdict=data.verdict,
            actor=actor,
            reason=data.reason,
        )
    )


ROUTES = [list_checks, get_check, get_checked_content, give_verdict]
