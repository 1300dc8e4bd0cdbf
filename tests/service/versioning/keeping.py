"""What tests of retention and purging share: a bucket, its versions, and a round of a policy."""

from typing import Any

import httpx
from msgspec import Struct

from libs.chassis.bus import Bus
from libs.chassis.database import Database
from libs.contracts.ids import new_id
from services.versioning.retaining import apply_policies, give_up_unreached
from services.versioning.settings import Settings
from tests.waiting import eventually


class Kept(Struct):
    """A bucket over HTTP, with what is needed to let its retention work at once."""

    http: httpx.AsyncClient
    name: str
    db: Database
    bus: Bus

    @property
    def url(self) -> str:
        return f"/api/v1/buckets/{self.name}"

    async def write(self, path: str, count: int = 1, ref: str | None = None) -> list[bytes]:
        """Give a file so many states; return their contents, oldest first, once all are known."""
        before = len(await self.versions(path))
        contents = [new_id().bytes + bytes(100) for _ in range(count)]
        for content in contents:
            query = {} if ref is None else {"ref": ref}
            answer = await self.http.put(f"{self.url}/files/{path}", content=content, params=query)
            answer.raise_for_status()
        if ref is None:
            await self.recorded(path, before + count)
        return contents

    async def remove(self, path: str) -> None:
        """Delete a file, and wait until history knows."""
        before = len(await self.versions(path))
        (await self.http.delete(f"{self.url}/files/{path}")).raise_for_status()
        await self.recorded(path, before + 1)

    async def recorded(self, path: str, count: int) -> None:
        """Wait until history has so many versions of a file."""

        async def look() -> bool:
            return len(await self.versions(path)) == count

        await eventually(look)

    async def versions(self, path: str) -> list[dict[str, Any]]:
        """List the versions of a file, newest first."""
        answer = await self.http.get(f"{self.url}/versions", params={"path": path, "limit": 1000})
        items: list[dict[str, Any]] = answer.json().get("items", [])
        return items

    async def read(self, path: str, **query: Any) -> bytes | str:
        """Return a file's content, or the name of the problem."""
        answer = await self.http.get(f"{self.url}/files/{path}", params=query)
        if answer.is_success:
            return answer.content
        code: str = answer.json()["type"].rsplit(":", 1)[-1]
        return code

    async def post(self, what: str, body: dict[str, Any]) -> Any:
        answer = await self.http.post(f"{self.url}/{what}", json=body)
        answer.raise_for_status()
        return answer.json()

    async def head(self) -> str:
        """Return the newest commit of main."""
        items = (await self.http.get(f"{self.url}/commits")).json()["items"]
        commit: str = items[0]["commit_id"]
        return commit

    async def preview(self, **asked: Any) -> dict[tuple[str, int], tuple[bool, str]]:
        """Return what a policy would do with each state, over all pages, and why."""
        found: dict[tuple[str, int], tuple[bool, str]] = {}
        cursor: str | None = None
        while True:
            body = {"kept": True, **asked} | ({} if cursor is None else {"cursor": cursor})
            page = await self.post("retention/preview", body)
            for item in page["items"]:
                found[item["path"], item["version"]] = (item["expires"], item["reason"])
            cursor = page.get("next")
            if cursor is None:
                return found

    async def retain(self, **policy: Any) -> dict[str, Any]:
        """Set a policy, apply it in full, and return what was given up."""
        body = {"policy": policy}
        (await self.http.put(f"{self.url}/retention", json=body)).raise_for_status()

        async def applied() -> dict[str, Any]:
            await apply_policies(self.db, self.bus, a_setting())
            told: dict[str, Any] = (await self.http.get(f"{self.url}/retention")).json()
            assert told["ran_at"] is not None
            return told

        return await eventually(applied)

    async def give_up_unreached(self, grace_s: float) -> None:
        """Give up what no ref reaches for so long."""
        await give_up_unreached(self.db, a_setting(unreached_grace_s=grace_s))


def a_setting(**changed: Any) -> Settings:
    """Return settings of a second replica; nothing connects by them."""
    return Settings(database_url="postgresql://elsewhere", nats_url="nats://elsewhere", **changed)
