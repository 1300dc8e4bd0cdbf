"""Changes of a bucket over HTTP, each noted in a model of what the bucket may hold by now."""

import asyncio
import hashlib
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from random import Random
from typing import Any, Literal, NamedTuple, TypeAlias

import asyncpg
import httpx

from libs.contracts.values import Versioning
from tests.builders import a_bucket_name
from tests.faults import model
from tests.faults.load import API, states
from tests.faults.model import Change, Model, World
from tests.platform import Platform
from tests.waiting import eventually

PATHS = ("a/1", "a/2", "a/b/3", "c/1", "c/b/3", "d")
FOLDERS = ("a/", "a/b/", "c/")
SIZES = (300, 9_000, 9_001, 100 * 1024, 3 * 1024 * 1024)
CONTENTS = 8
CHANGES = {"content-type": "application/octet-stream"}
NOTICED_WITHIN_S = 15.0
"""Ten seconds are promised; the machine may be busy."""
QUIET_S = 2.0
"""After this long without a transaction of storage no request waits for one any more."""

Condition: TypeAlias = Literal["always", "new", "same", "other"]
OUTCOMES = {404: model.ABSENT, 409: model.TAKEN, 412: model.UNEXPECTED}


class Step(NamedTuple):
    """One change; what it does not need of these is not looked at."""

    what: str
    path: str = PATHS[0]
    other: str = PATHS[1]
    content: int = 0
    condition: Condition = "always"
    folders: tuple[str, str] = (FOLDERS[0], FOLDERS[2])


@dataclass(frozen=True)
class Kind:
    """What a bucket is to be like."""

    versioning: Versioning = "auto"
    compression: str = "off"
    encryption: str = "off"
    trash: bool = False


class Walker:
    """A client of one bucket, who believes no answer that no world allows."""

    def __init__(self, platform: Platform, http: httpx.AsyncClient, kind: Kind) -> None:
        self.platform = platform
        self.http = http
        self.kind = kind
        self.bucket = a_bucket_name("walk")
        self.model = Model()
        self.contents = list(_contents(self.bucket))
        self.digests = [hashlib.sha256(body).hexdigest() for body in self.contents]
        self.sizes = dict(zip(self.digests, map(len, self.contents), strict=True))
        self.calm = True
        self.requests = 0
        self.in_doubt = 0

    async def begin(self) -> None:
        """Make the bucket."""
        wanted = {
            "name": self.bucket,
            "versioning": self.kind.versioning,
            "compression": self.kind.compression,
            "encryption": self.kind.encryption,
            "trash_s": 3600 if self.kind.trash else 0,
        }
        (await self.http.post(API, json=wanted)).raise_for_status()

    async def take(self, step: Step) -> None:
        """Make one change."""
        path, digest = step.path, self.digests[step.content]
        match step.what:
            case "put":
                await self.put(path, step.content, step.condition, step.other)
            case "delete":
                change = model.delete(path, trash=self.kind.trash)
                await self._send(change, "DELETE", f"files/{path}")
            case "copy" | "move" if path != step.other:
                change = self._copy_or_move(step)
                one = {"op": step.what, "source": path, "path": step.other}
                await self._send(change, "POST", "changes", json={"changes": [one]})
            case "move folder" if not step.folders[1].startswith(step.folders[0]):
                await self._move_folder(*step.folders)
            case "restore version" if self.kind.versioning == "auto":
                await self._restore_version(path, digest)
            case "restore trash":
                overwrite = step.condition != "new"
                change = model.restore_trash(path, overwrite=overwrite)
                wanted = {"paths": [path], "overwrite": overwrite}
                await self._send(change, "POST", "trash/restores", json=wanted)
            case "empty trash":
                params = {"path": path}
                await self._send(model.empty_trash(path), "DELETE", "trash", params=params)

    async def put(
        self, path: str, content: int, condition: Condition = "always", other: str = ""
    ) -> None:
        """Upload one of the contents, perhaps only over what is there."""
        headers, expect = dict(CHANGES), None
        if condition == "new":
            headers["if-none-match"] = "*"
        elif condition in ("same", "other"):
            looked_at = path if condition == "same" else other
            expect = self.model.worlds[0].now(looked_at) or self.digests[content]
            headers["if-match"] = f'"{expect}"'
        change = model.put(path, self.digests[content], expect, absent=condition == "new")
        body = self.contents[content]
        await self._send(change, "PUT", f"files/{path}", content=body, headers=headers)

    def _copy_or_move(self, step: Step) -> Change:
        if step.what == "copy":
            return model.copy(step.path, step.other)
        return model.move(step.path, step.other, trash=self.kind.trash)

    async def _move_folder(self, source: str, prefix: str) -> None:
        one = {"op": "move_prefix", "source_prefix": source, "prefix": prefix, "overwrite": True}
        change = model.move_folder(source, prefix, trash=self.kind.trash)
        await self._send(change, "POST", "changes", json={"changes": [one]})

    async def _restore_version(self, path: str, digest: str) -> None:
        """Restore the commit that last gave a path this content, if one did."""
        answer = await self._ask("GET", "versions", params={"path": path, "limit": 1000})
        if answer is None or not answer.is_success:
            return
        commits: dict[str, str] = {}
        for version in reversed(answer.json()["items"]):
            commits[version["commit_id"]] = version["sha256"]
        for commit, then in commits.items():
            if then == digest:
                wanted = {"to": commit, "paths": [path]}
                change = model.restore_version(path, digest)
                await self._send(change, "POST", "restores", json=wanted)
                return

    async def read(self, path: str) -> None:
        """Get a file as it is: some world has it so, or, in a fault, there is no answer."""
        answer = await self._ask("GET", f"files/{path}")
        if answer is None or answer.status_code == 503:
            return
        assert answer.status_code in (200, 404), f"{path}: {answer.status_code} {answer.text}"
        seen = hashlib.sha256(answer.content).hexdigest() if answer.is_success else None
        self.model.assert_possible(path, seen, lambda world: world.now(path))

    async def refused(self, path: str) -> None:
        """Get a file whose bytes are damaged: there is an error, or an answer that breaks off."""
        self.calm = False
        answer = await self._ask("GET", f"files/{path}")
        assert answer is None or answer.status_code == 502, f"{path}: {answer.status_code}"
        self.calm = True

    async def _send(self, change: Change, method: str, where: str, **body: Any) -> None:
        answer = await self._ask(method, where, **body)
        if answer is None or answer.is_server_error:
            self.in_doubt += 1
            self.model.in_doubt(change)
        elif answer.is_success:
            self.model.answered(change, model.OK)
        else:
            outcome = OUTCOMES.get(answer.status_code)
            assert outcome, f"{method} {where}: {answer.status_code} {answer.text}"
            self.model.answered(change, outcome)

    async def _ask(self, method: str, where: str, **body: Any) -> httpx.Response | None:
        """Return the answer; None where none came, which only a fault excuses."""
        self.requests += 1
        began = time.monotonic()
        try:
            answer = await self.http.request(method, f"{API}/{self.bucket}/{where}", **body)
        except httpx.TransportError:
            if self.calm:
                raise
            return None
        took_s = time.monotonic() - began
        assert took_s < NOTICED_WITHIN_S, f"{method} {where} took {took_s:.1f} s"
        if answer.is_server_error:
            assert answer.status_code in (502, 503, 507), f"{method} {where}: {answer.text}"
            assert "retry-after" in answer.headers or answer.status_code != 503, answer.text
        return answer

    async def settle(self) -> None:
        """Wait until nothing is under way, then see what came of all that was in doubt."""
        if len(self.model.worlds) > 1:
            await quiet(self.platform)
        self.model.settle("files", await self._listed(), World.live)
        self.model.settle("trash", await self._trashed(), lambda world: dict(world.trash))

    async def look(self) -> None:
        """See that lists and counters say what some world says."""
        self.model.assert_possible("files", await self._listed(), World.live)
        self.model.assert_possible("trash", await self._trashed(), lambda world: dict(world.trash))
        used = (await self._get("usage")).json()
        for what, digests in (("live", _live_digests), ("trash", lambda w: w.trash.values())):
            counted = used[what]["number"], used[what]["bytes"]
            self.model.assert_possible(what, counted, self._amount(digests))

    async def look_at_all(self) -> None:
        """See that every file reads as it is listed, and that history has every state."""
        for path in PATHS:
            await self.read(path)
        if self.kind.versioning == "auto":
            for path in PATHS:
                await eventually(lambda path=path: self._has_history(path), timeout_s=20)  # type: ignore[misc]

    async def _has_history(self, path: str) -> bool:
        seen = await states(self.http, self.bucket, path)
        look: Callable[[World], object] = lambda world: list(  # noqa: E731 - a word for it
            enumerate(world.files.get(path, ()), 1)
        )
        self.model.settle(f"history of {path}", [tuple(state) for state in seen], look)
        return True

    def _amount(self, digests: Callable[[World], Any]) -> Callable[[World], object]:
        def amount(world: World) -> tuple[int, int]:
            sizes = [self.sizes[digest] for digest in digests(world)]
            return len(sizes), sum(sizes)

        return amount

    async def _listed(self) -> dict[str, tuple[str, int]]:
        items = (await self._get("files?limit=1000")).json()["items"]
        return {item["path"]: (item["sha256"], item["revision"]) for item in items}

    async def _trashed(self) -> dict[tuple[str, int], str]:
        items = (await self._get("trash?limit=1000")).json()["items"]
        return {(item["path"], item["revision"]): item["sha256"] for item in items}

    async def _get(self, where: str) -> httpx.Response:
        """Ask until there is an answer: a busy machine may let one be late."""

        async def answered() -> httpx.Response:
            answer = await self._ask("GET", where)
            assert answer is not None
            assert answer.is_success, answer.text
            return answer

        return await eventually(answered, timeout_s=10, pause_s=0.2)


async def quiet(platform: Platform, *services: str) -> None:
    """Wait until ``services``, or storage, have had no transaction but short ones for a while."""
    async with AsyncExitStack() as stack:
        conns: list[asyncpg.Connection[asyncpg.Record]] = []
        for service in services or ("storage",):
            conns.append(await asyncpg.connect(platform.database_urls[service]))
            stack.push_async_callback(conns[-1].close)
        deadline, quiet_since = time.monotonic() + 60, time.monotonic()
        while time.monotonic() < quiet_since + QUIET_S:
            if any([await _is_busy(conn) for conn in conns]):
                quiet_since = time.monotonic()
            assert time.monotonic() < deadline, "transactions do not end"
            await asyncio.sleep(0.1)


async def _is_busy(conn: "asyncpg.Connection[asyncpg.Record]") -> bool:
    """Tell whether the service whose connection this is has a transaction that takes long."""
    found: bool = await conn.fetchval(
        """
        SELECT EXISTS (
            SELECT
            FROM pg_stat_activity
            WHERE usename = current_user
                AND pid <> pg_backend_pid()
                AND xact_start < clock_timestamp() - interval '0.5 seconds'
        )
        """
    )
    return found


def _live_digests(world: World) -> list[str]:
    return [digest for digest, _ in world.live().values()]


def _contents(bucket: str) -> Any:
    """Yield what nobody else has: noise of several sizes, and words that can be compressed."""
    for number in range(CONTENTS):
        size = SIZES[number % len(SIZES)]
        noise = Random(f"{bucket} {number}").randbytes(size if number < len(SIZES) else 32)
        yield (noise * (size // len(noise) + 1))[:size]
