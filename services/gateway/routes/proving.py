"""Proving a history: what is said of commits, who signed them, and that nothing was altered."""

from typing import Annotated

from litestar import get, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from msgspec import Meta, Struct

from libs.contracts.versioning import (
    CheckName,
    CheckState,
    CommitCheck,
    CommitCheckList,
    ListCommitChecks,
    ReportCheck,
)
from services.gateway.edge.gate import needs
from services.gateway.edge.platform import Platform
from services.gateway.routes.given import Bucket

TAGS = ["Versions"]
CHECKS = "/buckets/{bucket:str}/commits/{commit:str}/checks"


class Verdict(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a check says of a commit."""

    name: CheckName
    state: CheckState
    detail: Annotated[str, Meta(max_length=1000)] = ""


@get(CHECKS, summary="List a commit's checks", tags=TAGS, opt=needs("read"))
async def list_commit_checks(
    bucket: Bucket, commit: FromPath[str], platform: NamedDependency[Platform]
) -> CommitCheckList:
    """List by name what checks say of a commit."""
    return await platform.ask(ListCommitChecks(bucket=bucket, commit=commit))


@put(CHECKS, summary="Report a check", tags=TAGS, opt=needs("write"))
async def report_check(
    bucket: Bucket,
    commit: FromPath[str],
    data: JSONBody[Verdict],
    actor: NamedDependency[str],
    platform: NamedDependency[Platform],
) -> CommitCheck:
    """Say how a check of a commit went; the last word of each name counts.

    A protected branch may ask for checks: only what they passed is merged into it.
    """
    return await platform.ask(
        ReportCheck(
            bucket=bucket,
            commit=commit,
            name=data.name,
            state=data.state,
            detail=data.detail,
            actor=actor,
        )
    )


ROUTES = [list_commit_checks, report_check]
