"""Targets, and the tasks that need them."""

from uuid import UUID

import asyncpg
import msgspec

from libs.chassis.database import Connection
from services.backup.domain.errors import TargetExists, TargetNotFound
from services.backup.domain.targets import Target

_COLUMNS = "target_id, name, url, repository_id, durability, created_by, created_at"


async def insert_target(tx: Connection, target: Target) -> None:
    """Raises ``TargetExists`` when its name or its repository is registered."""
    try:
        await tx.execute(
            """
            INSERT INTO target
                (target_id, name, url, repository_id, durability, created_by, created_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7)
            """,
            target.target_id,
            target.name,
            target.url,
            target.repository_id,
            target.durability,
            target.created_by,
            target.created_at,
        )
    except asyncpg.UniqueViolationError as error:
        if error.constraint_name == "target_name_is_taken_once":
            raise TargetExists(f"a target is named {target.name!r} already") from error
        raise TargetExists("the repository at this address is registered already") from error


async def find_target(tx: Connection, name: str) -> Target | None:
    row = await tx.fetchrow(f"SELECT {_COLUMNS} FROM target WHERE name = $1", name)  # noqa: S608
    return None if row is None else _target(row)


async def get_target(tx: Connection, name: str) -> Target:
    target = await find_target(tx, name)
    if target is None:
        raise TargetNotFound(f"no target is named {name!r}", target=name)
    return target


async def get_target_for_key_share(tx: Connection, name: str) -> Target:
    """Return the target, which cannot be forgotten until this transaction ends."""
    return await _get(tx, name, "FOR KEY SHARE")


async def get_target_for_update(tx: Connection, name: str) -> Target:
    """Return the target, locked against every use until this transaction ends."""
    return await _get(tx, name, "FOR UPDATE")


async def _get(tx: Connection, name: str, lock: str) -> Target:
    row = await tx.fetchrow(
        f"SELECT {_COLUMNS} FROM target WHERE name = $1 {lock}",  # noqa: S608
        name,
    )
    if row is None:
        raise TargetNotFound(f"no target is named {name!r}", target=name)
    return _target(row)


async def lock_for_sealing(tx: Connection, target_id: UUID) -> None:
    """Let nobody else seal a snapshot in this target until this transaction ends.

    New tasks of the target do not wait for it.
    """
    row = await tx.fetchrow(
        """
        SELECT target_id
        FROM target
        WHERE target_id = $1
        FOR NO KEY UPDATE
        """,
        target_id,
    )
    if row is None:
        raise TargetNotFound("the target was forgotten meanwhile")


async def list_targets(tx: Connection) -> list[Target]:
    rows = await tx.fetch(f"SELECT {_COLUMNS} FROM target ORDER BY name")  # noqa: S608
    return [_target(row) for row in rows]


async def delete_target(tx: Connection, target_id: UUID) -> None:
    """Forget the target with all that is known of it."""
    await tx.execute("DELETE FROM target WHERE target_id = $1", target_id)


async def insert_task(tx: Connection, target_id: UUID, task_id: UUID) -> None:
    """Note that a task needs the target until it has finished."""
    await tx.execute(
        "INSERT INTO target_task (task_id, target_id) VALUES ($1, $2)", task_id, target_id
    )


async def is_in_use(tx: Connection, target_id: UUID) -> bool:
    """Tell whether a task of this target has not finished."""
    return bool(
        await tx.fetchval("SELECT EXISTS (SELECT FROM target_task WHERE target_id = $1)", target_id)
    )


async def delete_tasks(tx: Connection, task_ids: list[UUID]) -> None:
    """Note that these tasks have finished."""
    await tx.execute("DELETE FROM target_task WHERE task_id = ANY($1::uuid[])", task_ids)


def _target(row: asyncpg.Record) -> Target:
    return msgspec.convert(dict(row), Target)
