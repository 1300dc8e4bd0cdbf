"""Files whose commits are there when a test goes on."""

from libs.client import ApiProblem, Client
from tests.waiting import eventually


async def put(client: Client, bucket: str, path: str, content: bytes) -> str:
    """Store a file and return the commit that recorded it."""
    stored = await client.files.put(bucket, path, content)

    async def recorded() -> str | None:
        try:
            async for version in client.versions.of(bucket, path, limit=1):
                return version.commit_id if version.version == stored.revision else None
        except ApiProblem as problem:
            if problem.status != 404:
                raise
        return None

    return await eventually(recorded)
