"""Saying that a commit is good: what a protected branch may ask for before a merge."""

from libs.chassis.database import Database
from libs.chassis.rpc import serves
from libs.contracts.versioning import (
    CommitCheck,
    CommitCheckList,
    ListCommitChecks,
    ReportCheck,
)
from services.versioning.domain.errors import TooManyChecks
from services.versioning.repository import commit_checks, refs, repositories
from services.versioning.repository.commit_checks import Check

MOST_CHECKS = 200
"""Names of checks that may speak of one commit."""


@serves(ReportCheck)
async def report_check(request: ReportCheck, db: Database) -> CommitCheck:
    async with db.transaction() as tx:
        bucket_id = (await repositories.get_repository(tx, request)).bucket_id
        commit_id = await refs.get_commit_id(tx, bucket_id, request.commit)
        check = await commit_checks.upsert_check(
            tx,
            bucket_id,
            commit_id,
            name=request.name,
            state=request.state,
            detail=request.detail,
            actor=request.actor,
        )
        if await commit_checks.count_checks(tx, bucket_id, commit_id) > MOST_CHECKS:
            raise TooManyChecks(f"at most {MOST_CHECKS} checks can speak of a commit")
    return _commit_check(check)


@serves(ListCommitChecks)
async def list_commit_checks(request: ListCommitChecks, db: Database) -> CommitCheckList:
    async with db.connection() as conn:
        bucket_id = (await repositories.get_repository(conn, request)).bucket_id
        commit_id = await refs.get_commit_id(conn, bucket_id, request.commit)
        found = await commit_checks.list_checks(conn, bucket_id, commit_id)
    return CommitCheckList(items=[_commit_check(check) for check in found])


def _commit_check(check: Check) -> CommitCheck:
    return CommitCheck(
        commit_id=check.commit_id.hex(),
        name=check.name,
        state=check.state,
        detail=check.detail,
        actor=check.actor,
        reported_at=check.reported_at,
    )
