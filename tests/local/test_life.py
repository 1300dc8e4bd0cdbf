"""A stack starts, stops, starts again, and survives being torn down the hard way."""

import os
import signal
import socket
import stat
import time
from pathlib import Path

import asyncpg
import nats
import psutil
import pytest
from obstore.store import S3Store

from deploy.local import AlreadyRunning, Stack, leftovers
from deploy.local.credentials import load_secrets
from deploy.local.home import Home
from deploy.local.ports import HOST, PAIR_OFFSET
from deploy.local.run_file import RunFile
from tests.local.outside import local, running


def processes_of(home: Home) -> list[psutil.Process]:
    return leftovers.find(home, load_secrets(home))


def store_of(told: RunFile) -> S3Store:
    assert told.s3 is not None
    return S3Store(
        told.s3.bucket,
        endpoint=told.s3.endpoint,
        region=told.s3.region,
        access_key_id=told.s3.access_key,
        secret_access_key=told.s3.secret_key,
        client_options={"allow_http": True},
    )


async def keep_something(told: RunFile) -> None:
    """Put a row, a message and an object into the servers."""
    assert told.postgres is not None
    assert told.nats is not None
    db = await asyncpg.connect(told.postgres.urls["storage"])
    await db.execute("CREATE TABLE kept (word text); INSERT INTO kept VALUES ('row')")
    await db.close()
    bus = await nats.connect(told.nats.urls["admin"])
    await bus.jetstream().add_stream(name="KEPT", subjects=["kept"])
    await bus.jetstream().publish("kept", b"message")
    await bus.close()
    await store_of(told).put_async("kept", b"object")


async def what_was_kept(told: RunFile) -> tuple[str, bytes, bytes]:
    assert told.postgres is not None
    assert told.nats is not None
    db = await asyncpg.connect(told.postgres.urls["storage"])
    row = await db.fetchval("SELECT word FROM kept")
    await db.close()
    bus = await nats.connect(told.nats.urls["admin"])
    message = await bus.jetstream().get_msg("KEPT", 1)
    await bus.close()
    found = await store_of(told).get_async("kept")
    return row, message.data or b"", bytes(await found.bytes_async())


KEPT = ("row", b"message", b"object")


async def test_a_second_start_is_quick_and_keeps_the_data(root: Path) -> None:
    async with Stack(root, ()) as first:
        await keep_something(first.describe())

    began = time.monotonic()
    async with Stack(root, ()) as second:
        took_s = time.monotonic() - began

        assert await what_was_kept(second.describe()) == KEPT
        assert second.ports == first.ports
    assert took_s < 8


async def test_a_start_after_kill_9_of_everything_keeps_the_data(root: Path) -> None:
    with running(root) as run:
        await keep_something(run.told)
        for process in [psutil.Process(run.child.pid), *processes_of(run.home)]:
            process.kill()
        run.child.wait()

        async with Stack(root, ()) as again:
            assert await what_was_kept(again.describe()) == KEPT


async def test_a_start_ends_what_a_killed_runner_left_running(root: Path) -> None:
    with running(root) as run:
        await keep_something(run.told)
        run.end(signal.SIGKILL)
        left = processes_of(run.home)
        assert len(left) >= 4  # the supervisor and three servers go on

        async with Stack(root, ()) as again:
            assert await what_was_kept(again.describe()) == KEPT
            assert not any(process.is_running() for process in left)


def test_sigterm_stops_everything_and_leaves_nothing(root: Path) -> None:
    with running(root) as run:
        ports = {str(port + PAIR_OFFSET) for port in Stack(root, ()).attach().ports.values()}
        assert processes_of(run.home)

        code, printed = run.end(signal.SIGTERM)

    assert code == 0, printed
    assert processes_of(run.home) == []
    assert not run.home.run_file.exists()
    sockets = list(Path("/tmp").glob("seaweedfs-*.sock"))  # noqa: S108 - SeaweedFS's fixed place
    assert not [found for found in sockets if found.stem.rpartition("-")[2] in ports]


def test_the_operators_commands_see_and_stop_a_running_stack(root: Path) -> None:
    with running(root) as run:
        assert "postgres" in local("status", root).stdout
        sql = "SELECT current_user"
        asked = local("psql", root, "--role", "storage", "--", "-X", "-A", "-t", "-c", sql)
        assert asked.stdout == "storage\n"
        assert "Server is ready" in local("logs", root, "nats").stdout
        refused = local("reset", root, "--yes")
        assert (refused.returncode, "stop it first" in refused.stderr) == (1, True)

        stopped = local("stop", root)

        assert stopped.stdout == "stopped\n"
        assert run.child.wait(10) == 0
    assert local("status", root).returncode == 3
    assert local("stop", root).stdout == "not running\n"
    assert local("reset", root, "--yes").returncode == 0
    assert not run.home.path.exists()


def test_the_same_directory_is_not_run_twice_at_once(servers: Stack) -> None:
    with pytest.raises(AlreadyRunning):
        Stack(servers.root, ()).start()


def test_two_stacks_run_side_by_side(servers: Stack, root: Path) -> None:
    with Stack(root, ()) as other:
        assert not set(other.ports.values()) & set(servers.ports.values())
        assert all(check() for check in servers.servers.ready_checks().values())
        assert all(check() for check in other.servers.ready_checks().values())


def test_a_start_gets_over_a_reused_pid_and_a_taken_port(root: Path) -> None:
    with Stack(root, ()) as stack:
        before = dict(stack.ports)
        data = stack.servers.postgres.data
    stale = f"{os.getpid()}\n{data}\n1\n5432\n\n127.0.0.1\n  1 1\nready\n"
    (data / "postmaster.pid").write_text(stale)
    with socket.socket() as taker:
        taker.bind((HOST, before["nats"]))
        taker.listen()

        with Stack(root, ()) as again:
            assert again.servers.postgres.is_ready()
            assert again.ports["nats"] != before["nats"]
            assert again.ports["postgres"] == before["postgres"]


def test_everything_listens_on_the_loopback_address_only(servers: Stack) -> None:
    listening = {
        connection.laddr.ip
        for process in processes_of(servers.home)
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }

    assert listening == {HOST}


def test_secrets_are_readable_by_their_owner_only(servers: Stack) -> None:
    home = servers.home
    assert not stat.S_IMODE(home.path.stat().st_mode) & 0o067
    for file in (home.secrets_file, home.run_file, home.ports_file, *home.run.glob("*.conf")):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file


def test_no_password_is_in_a_command_line(servers: Stack) -> None:
    secrets = servers.secrets
    hidden = {*secrets.postgres.values(), *secrets.nats.values(), secrets.s3_secret_key}

    lines = [" ".join(process.cmdline()) for process in processes_of(servers.home)]

    assert len(lines) >= 4
    assert not [line for line in lines if any(secret in line for secret in hidden)]
