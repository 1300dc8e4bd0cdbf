"""Master keys: each wraps data keys, which never lie anywhere unwrapped."""

import base64
import binascii
import os
import re
from collections.abc import Mapping
from typing import Annotated, Protocol, Self
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec import Meta

from libs.blobs.encoding.damage import Damaged
from libs.blobs.failures import StoreMisconfigured
from libs.contracts.storage import SealedKey

KEY_BYTES = 32
NONCE_BYTES = 12

_BOUND_TO = b"strongroom.datakey.v1"
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_ENTRY = r"[ \t]*([A-Za-z0-9][A-Za-z0-9._-]{0,63}:[A-Za-z0-9+/]{43}=)?[ \t]*(#[^\n,]*)?\r?"

MasterKeysText = Annotated[str, Meta(pattern=rf"^{_ENTRY}([\n,]{_ENTRY})*$")]
"""How master keys are written in a setting: one ``id:base64`` of 32 bytes a line, newest first."""


class MasterKeyMissing(StoreMisconfigured):
    """Bytes need a master key that this process was not given; an operator has to act."""

    def __init__(self, reason: str) -> None:
        super().__init__("the master keys", reason)


class MasterKeysInvalid(ValueError):
    """The master keys cannot be read. The message never repeats one."""


class MasterKeys(Protocol):
    """Who wraps data keys: a ``Keyring`` here, or a key management service that keeps its own.

    Both methods raise ``StoreUnavailable`` (``MasterKeyMissing``) when the master key cannot be
    used now, and may be called at once by many tasks.
    """

    @property
    def newest(self) -> str | None:
        """The id of the master key that wraps from now on; None when nothing can be sealed."""

    async def wrap(self, data_key: bytes, blob_id: UUID) -> SealedKey:
        """Return ``data_key`` as only ``unwrap`` reads it, for this blob only."""

    async def unwrap(self, sealed: SealedKey, blob_id: UUID) -> bytes:
        """Return the data key, or raise ``Damaged`` when it is not one of this blob's."""


class Keyring:
    """Master keys in this process's memory, newest first."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        """``keys`` are 32 bytes by id; the first one wraps, all unwrap."""
        self._ciphers = {name: AESGCM(key) for name, key in keys.items()}
        self._newest = next(iter(keys), None)

    @classmethod
    def parse(cls, text: str | None) -> Self:
        """Read one ``id:base64`` a line (or between commas), newest first; ``#`` begins a remark.

        Nothing gives a keyring that neither wraps nor unwraps. Raises ``MasterKeysInvalid``.
        """
        keys: dict[str, bytes] = {}
        for line in re.split(r"[\n,]", text or ""):
            entry = line.partition("#")[0].strip()
            if not entry:
                continue
            name, key = _entry(entry)
            if name in keys:
                raise MasterKeysInvalid(f"the master key {name!r} is given twice")
            keys[name] = key
        return cls(keys)

    @property
    def newest(self) -> str | None:
        """See ``MasterKeys.newest``."""
        return self._newest

    @property
    def ids(self) -> frozenset[str]:
        """The ids of all master keys that unwrap."""
        return frozenset(self._ciphers)

    async def wrap(self, data_key: bytes, blob_id: UUID) -> SealedKey:
        """See ``MasterKeys.wrap``."""
        if self._newest is None:
            raise MasterKeyMissing("none was given, so nothing can be encrypted")
        nonce = os.urandom(NONCE_BYTES)
        cipher = self._ciphers[self._newest]
        wrapped = nonce + cipher.encrypt(nonce, data_key, _bound_to(self._newest, blob_id))
        return SealedKey(master=self._newest, wrapped=wrapped)

    async def unwrap(self, sealed: SealedKey, blob_id: UUID) -> bytes:
        """See ``MasterKeys.unwrap``."""
        cipher = self._ciphers.get(sealed.master)
        if cipher is None:
            raise MasterKeyMissing(f"{sealed.master!r} is needed and was not given")
        nonce, wrapped = sealed.wrapped[:NONCE_BYTES], sealed.wrapped[NONCE_BYTES:]
        try:
            data_key = cipher.decrypt(nonce, wrapped, _bound_to(sealed.master, blob_id))
        except (InvalidTag, ValueError):
            raise Damaged("its data key does not open") from None
        return data_key


def new_data_key() -> bytes:
    """Return a key for one body, from the system's randomness."""
    return os.urandom(KEY_BYTES)


def new_master_key(name: str) -> str:
    """Return a new line for a file of master keys."""
    return f"{name}:{base64.b64encode(os.urandom(KEY_BYTES)).decode('ascii')}"


async def rewrapped(keys: MasterKeys, sealed: SealedKey, blob_id: UUID) -> SealedKey:
    """Return the same data key, wrapped by the newest master key; the blob's bytes stay."""
    return await keys.wrap(await keys.unwrap(sealed, blob_id), blob_id)


def _entry(entry: str) -> tuple[str, bytes]:
    name, colon, encoded = (part.strip() for part in entry.partition(":"))
    if not colon or not _ID.fullmatch(name):
        raise MasterKeysInvalid("a master key is written id:base64, its id of A-Z a-z 0-9 . _ -")
    try:
        key = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        key = b""
    if len(key) != KEY_BYTES:
        raise MasterKeysInvalid(f"the master key {name!r} is not {KEY_BYTES} bytes in base64")
    return name, key


def _bound_to(master: str, blob_id: UUID) -> bytes:
    return _BOUND_TO + blob_id.bytes + master.encode("ascii")
