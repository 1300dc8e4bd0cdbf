"""What a plan comes to for one body."""

from collections.abc import AsyncGenerator
from typing import NamedTuple

from libs.blobs.depot.plan import Encoded, Plan
from libs.blobs.encoding.choosing import LEAST_BYTES, is_worth_it, may_pay, pays
from libs.blobs.encoding.compression import compress_whole, compressed
from libs.blobs.encoding.computing import computed
from libs.blobs.encoding.frames import FrameCipher, sealed_size
from libs.blobs.encoding.sealing import sealed
from libs.contracts.storage import Codec, SealedKey


class Seal(NamedTuple):
    """What seals one body: its data key at work, and wrapped."""

    cipher: FrameCipher
    key: SealedKey


def compresses(plan: Plan, begun: bytes, size: int | None) -> bool:
    """Tell whether a stream that begins so is to be compressed."""
    if plan.compression == "auto":
        return may_pay(plan.content_type, size) and pays(plan.content_type, begun)
    return plan.compression == "zstd"


def encoded_stream(
    pieces: AsyncGenerator[bytes, None], codec: Codec | None, seal: Seal | None
) -> AsyncGenerator[bytes, None]:
    """Return ``pieces`` as they are to be stored."""
    if codec is not None:
        pieces = compressed(pieces)
    return pieces if seal is None else sealed(pieces, seal.cipher)


def encoded_size(size: int | None, codec: Codec | None, seal: Seal | None) -> int | None:
    """Return how many bytes ``size`` bytes are going to be, where that can be known."""
    if size is None or codec is not None:
        return None
    return size if seal is None else sealed_size(size)


async def encoded_whole(body: bytes, plan: Plan, seal: Seal | None) -> Encoded:
    """Return a body that is all there as it is to be stored."""
    codec: Codec | None = None
    stored = body
    smaller = await _compressed_whole(body, plan)
    if smaller is not None:
        stored, codec = smaller, "zstd"
    if seal is None:
        return Encoded(stored=stored, codec=codec, sealed=None)
    stored = await computed(len(stored), seal.cipher.seal, 0, stored, ends=True)
    return Encoded(stored=stored, codec=codec, sealed=seal.key)


async def _compressed_whole(body: bytes, plan: Plan) -> bytes | None:
    """Return the body compressed if that was asked for and pays; small ones are their own probe."""
    if plan.compression == "off" or len(body) < LEAST_BYTES:
        return None
    if plan.compression == "auto" and not may_pay(plan.content_type, len(body)):
        return None
    smaller = await computed(len(body), compress_whole, body)
    if plan.compression == "auto" and not is_worth_it(len(body), len(smaller)):
        return None
    return smaller
