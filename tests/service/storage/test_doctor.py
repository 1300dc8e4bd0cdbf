"""``strongroom doctor`` and ``strongroom fsck``, as an operator types them."""

import asyncio
import os
import sys
from pathlib import Path

import msgspec
import pytest

from libs.chassis.checkup import Finding
from libs.chassis.database import Database
from libs.contracts.ids import new_id
from tests.platform import Platform
from tests.service.storage.bucket import Bucket

STRONGROOM = str(Path(sys.executable).parent / "strongroom")


async def run(*command: str, env: dict[str, str] | None = None) -> tuple[int, str]:
    """Run a command and return its exit code and what it printed."""
    process = await asyncio.create_subprocess_exec(
        *command,
        env=env or dict(os.environ),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    printed, _ = await process.communicate()
    return process.returncode or 0, printed.decode()


async def examined(environment: dict[str, str]) -> tuple[int, dict[str, Finding]]:
    """Return what storage finds out about itself, by part."""
    command = (sys.executable, "-m", "services.storage", "doctor", "--json")
    code, printed = await run(*command, env=environment)
    findings = msgspec.json.decode(printed, type=list[Finding])
    return code, {finding.part: finding for finding in findings}


async def test_the_doctor_says_of_every_part_how_safe_it_is(platform: Platform) -> None:
    code, printed = await run(STRONGROOM, "doctor", "--json", "--root", str(platform.stack.root))

    found = {finding.part: finding for finding in msgspec.json.decode(printed, type=list[Finding])}
    levels = {part: finding.level for part, finding in found.items()}
    assert {
        "postgresql version": "ok",
        "postgresql durability": "ok",
        "postgresql clock": "ok",
        "nats durability": "ok",
        "nats streams": "ok",
        "primary store": "ok",
        "primary store clock": "ok",
        "primary store durability": "warn",
        "secrets": "ok",
        "storage migrations": "ok",
        "gateway": "ok",
        "gateway outbox": "ok",
        "versioning dead letters": "ok",
    }.items() <= levels.items()
    assert found["primary store durability"].says.startswith("BEST-EFFORT: ")
    assert all(finding.todo for finding in found.values() if finding.level != "ok")
    assert code == (2 if "fail" in levels.values() else 1)


async def test_the_doctor_speaks_to_people(platform: Platform) -> None:
    _, printed = await run(STRONGROOM, "doctor", "--root", str(platform.stack.root))

    lines = printed.splitlines()
    assert any(line.startswith("✓  postgresql durability") for line in lines)
    assert "worth a look" in lines[-1]


async def test_what_is_not_well_is_named_with_what_to_do(
    bucket: Bucket, db: Database, storage_environment: dict[str, str]
) -> None:
    await bucket.put("a", new_id().bytes)
    place = (await bucket.get("a")).blob
    async with db.connection() as conn:
        await conn.execute(
            "UPDATE blob SET quarantined_at = now(), damage = 'planted' WHERE blob_id = $1",
            place.blob_id,
        )
        migration = await conn.fetchval(
            "DELETE FROM schema_migrations WHERE version = '0006' RETURNING version"
        )
    weak = storage_environment | {
        "STRONGROOM_STORAGE_OBJECT_GRACE_S": "1",
        "STRONGROOM_STORAGE_NATS_MONITOR_URL": "http://127.0.0.1:1",
    }

    try:
        code, found = await examined(weak)
        listed, printed = await run(
            sys.executable, "-m", "services.storage", "damaged", env=storage_environment
        )
    finally:
        async with db.connection() as conn:
            await conn.execute("INSERT INTO schema_migrations VALUES ($1)", migration)
            await conn.execute(
                "UPDATE blob SET quarantined_at = NULL, damage = NULL WHERE blob_id = $1",
                place.blob_id,
            )

    assert code == 2
    assert found["quarantine"].level == "fail"
    assert found["storage migrations"].says == "pending: 0006"
    assert found["storage migrations"].todo == "python -m services.storage migrate"
    assert found["settings"].level == "warn"
    assert found["nats"].level == "fail"
    assert (listed, f"{bucket.name}/a" in printed) == (1, True)


@pytest.mark.parametrize(
    ("setting", "value", "part"),
    [
        ("DATABASE_URL", "postgres://a:b@127.0.0.1:1/nowhere", "database"),
        ("STORE_URL", "s3://a:b@127.0.0.1:1/nowhere?tls=false", "primary store"),
    ],
    ids=["database", "store"],
)
async def test_a_server_that_is_away_is_a_finding(
    storage_environment: dict[str, str], setting: str, value: str, part: str
) -> None:
    code, found = await examined(storage_environment | {f"STRONGROOM_STORAGE_{setting}": value})

    assert code == 2
    assert found[part].level == "fail"
    assert found["nats streams"].level == "ok"


async def test_fsck_is_a_command_of_the_running_platform(platform: Platform) -> None:
    code, printed = await run(STRONGROOM, "fsck", "--json", "--root", str(platform.stack.root))

    assert code in (0, 1)
    assert "differences" in msgspec.json.decode(printed)
