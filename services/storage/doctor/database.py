"""PostgreSQL: does a commit survive a power loss, and is there another copy?"""

from datetime import UTC, datetime

from libs.chassis.checkup import Finding
from libs.chassis.database import Connection, Database

OLDEST_VERSION = 180_000
MOST_SKEW_S = 5.0
SAFE = {
    "fsync": "on",
    "full_page_writes": "on",
}
SYNCED = ("on", "local", "remote_write", "remote_apply")


async def examine_postgresql(db: Database) -> list[Finding]:
    """Look at the server's version, at what makes commits durable, at replicas and its clock."""
    async with db.connection() as conn:
        return [
            await _version(conn),
            await _durability(conn),
            await _replicas(conn),
            await _clock(conn),
        ]


async def _version(conn: Connection) -> Finding:
    number = int(await conn.fetchval("SHOW server_version_num"))
    version = await conn.fetchval("SHOW server_version")
    if number >= OLDEST_VERSION:
        return Finding(part="postgresql version", level="ok", says=version)
    return Finding(
        part="postgresql version",
        level="fail",
        says=f"{version} is too old",
        todo="use PostgreSQL 18 or later",
    )


async def _durability(conn: Connection) -> Finding:
    shown = {name: await conn.fetchval(f"SHOW {name}") for name in (*SAFE, "synchronous_commit")}
    wrong = [name for name, value in SAFE.items() if shown[name] != value]
    wrong += [] if shown["synchronous_commit"] in SYNCED else ["synchronous_commit"]
    says = ", ".join(f"{name}={value}" for name, value in shown.items())
    if not wrong:
        return Finding(part="postgresql durability", level="ok", says=f"DURABLE: {says}")
    return Finding(
        part="postgresql durability",
        level="fail",
        says=f"a power loss takes what was acknowledged: {says}",
        todo=f"switch on {', '.join(wrong)} in postgresql.conf",
    )


async def _replicas(conn: Connection) -> Finding:
    count = await conn.fetchval("SELECT count(*) FROM pg_stat_replication")
    standby = await conn.fetchval("SHOW synchronous_standby_names")
    says = f"{count} replicas" + (f", synchronous: {standby}" if standby else "")
    if not count:
        says = "no replica: backups are the only other copy of the records"
    return Finding(part="postgresql replicas", level="ok", says=says)


async def _clock(conn: Connection) -> Finding:
    theirs: datetime = await conn.fetchval("SELECT clock_timestamp()")
    return clock("postgresql clock", (theirs - datetime.now(UTC)).total_seconds())


def clock(part: str, skew_s: float) -> Finding:
    """Return what a difference between two clocks means."""
    if abs(skew_s) <= MOST_SKEW_S:
        return Finding(part=part, level="ok", says="agrees with ours within seconds")
    return Finding(
        part=part,
        level="warn",
        says=f"is {skew_s:+.0f} s from ours",
        todo="let all machines take their time from NTP",
    )
