"""How many tasks are in each state: sums of changes, which triggers write."""

from libs.chassis.database import Connection


async def by_state(tx: Connection) -> dict[str, int]:
    """Return how many tasks are in each state that ever had one."""
    rows = await tx.fetch(
        "SELECT state, sum(change)::bigint AS tasks FROM task_count GROUP BY state"
    )
    return {row["state"]: row["tasks"] for row in rows}


async def fold(tx: Connection) -> None:
    """Make one change of many. Another ledger that folds at the same time takes other rows."""
    await tx.execute(
        """
        WITH few AS (
            SELECT ctid
            FROM task_count
            LIMIT 100000
            FOR UPDATE SKIP LOCKED
        ), gone AS (
            DELETE FROM task_count
            WHERE ctid = ANY (ARRAY(SELECT ctid FROM few))
            RETURNING state, change
        )
        INSERT INTO task_count (state, change)
        SELECT state, sum(change)
        FROM gone
        GROUP BY state
        """
    )
