"""Opening the store behind a target's address, where the operator allows one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path, PurePosixPath

from libs.blobs import BlobStore, StoreUrlInvalid, open_store
from services.backup.domain.errors import TargetUrlRefused
from services.backup.domain.target_url import FilePlace, check_below, parse


class TargetStores:
    """Opens stores; folders only below ``file_roots``, wherever their links lead."""

    def __init__(self, file_roots: tuple[str, ...]) -> None:
        self._file_roots = file_roots

    @asynccontextmanager
    async def open(self, url: str) -> AsyncIterator[BlobStore]:
        """Lend the store at ``url``; raises ``TargetUrlRefused`` before anything is touched."""
        place = parse(url)
        if isinstance(place, FilePlace):
            await asyncio.to_thread(self._check, place.path)
        try:
            store = await asyncio.to_thread(open_store, url)
        except StoreUrlInvalid as error:
            raise TargetUrlRefused("the address cannot be understood") from error
        async with store:
            yield store

    def _check(self, path: PurePosixPath) -> None:
        check_below(Path(path).resolve(), [Path(root).resolve() for root in self._file_roots])
