"""A bucket's history as journeys look at it."""

from typing import Any
from urllib.parse import quote

import httpx


class History:
    """One bucket, as the administrator looks at it; no other has its bytes."""

    def __init__(self, http: httpx.AsyncClient, bucket: str) -> None:
        self.http = http
        self.bucket = bucket
        self.root = f"/api/v1/buckets/{bucket}"

    async def put(self, path: str, body: str | bytes, ref: str | None = None) -> None:
        """Put a text that begins with a line of its own, or bytes as they are."""
        content = f"{self.bucket}\n{body}".encode() if isinstance(body, str) else body
        query = {} if ref is None else {"ref": ref}
        answer = await self.http.put(
            f"{self.root}/files/{quote(path)}", content=content, params=query
        )
        assert answer.status_code in (200, 201), answer.text

    async def head(self) -> str:
        """Return main's head, once it has all that storage has."""
        found: str = (await self.get("diff", **{"from": "now"}))["target"]
        return found

    async def get(self, what: str, **query: Any) -> Any:
        answer = await self.http.get(f"{self.root}/{what}", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def refusal(self, what: str, **query: Any) -> tuple[int, str]:
        return problem(await self.http.get(f"{self.root}/{what}", params=query))

    async def text(self, path: str, ref: str) -> str:
        """Return a file without the bucket's own line."""
        answer = await self.http.get(f"{self.root}/files/{path}", params={"ref": ref})
        assert answer.status_code == 200, answer.text
        return answer.text.partition("\n")[2]


def problem(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].removeprefix("urn:strongroom:problem:")
