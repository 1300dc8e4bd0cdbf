"""`make demo` proves what it says, leaves no bucket behind, and can be run again."""

import asyncio
import os
import sys
from pathlib import Path

import httpx

from tests.platform import Platform

CHECKOUT = Path(__file__).parents[2]


async def demo(platform: Platform, *words: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "libs.client.demo",
        *words,
        cwd=CHECKOUT,
        env=os.environ | {"STRONGROOM_URL": platform.url, "STRONGROOM_API_KEY": platform.admin_key},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode()


async def buckets(http: httpx.AsyncClient) -> set[str]:
    listed = await http.get("/api/v1/buckets", params={"limit": 1000})
    return {bucket["name"] for bucket in listed.json()["items"]}


async def test_the_demonstration_proves_that_everything_came_back_twice_in_a_row(
    platform: Platform, http: httpx.AsyncClient
) -> None:
    for _ in range(2):
        code, said = await demo(platform, "libs/contracts")

        assert code == 0, said
        assert "every sha256 equal" in said
        assert "restored from the snapshot" in said
    assert not {name for name in await buckets(http) if name.startswith("demo-")}


async def test_the_bucket_can_be_kept_to_look_at(
    platform: Platform, http: httpx.AsyncClient, tmp_path: Path
) -> None:
    (tmp_path / "only").write_text("one file\n")

    code, said = await demo(platform, str(tmp_path), "--keep")

    kept = {name for name in await buckets(http) if f"ls -r {name}" in said}
    assert code == 0, said
    assert len(kept) == 1
    await http.delete(f"/api/v1/buckets/{kept.pop()}", params={"force": True})


async def test_a_directory_without_files_is_misuse(platform: Platform, tmp_path: Path) -> None:
    code, said = await demo(platform, str(tmp_path))

    assert code == 2
    assert "there is no file" in said
