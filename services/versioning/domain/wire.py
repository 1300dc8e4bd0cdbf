"""The few primitives that stored nodes, entries and commits are written with.

Every value has exactly one encoding, and the readers refuse all others: equal content must give
equal bytes, because bytes are named by their digest.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from services.versioning.domain.errors import TextNotEncodable

MAX_VARINT_BITS = 63
DIGEST_BYTES = 32
TIME_BYTES = 8
METADATA = 1
"""Number of the optional field of commits and tags; a reader refuses those it does not know."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


class Malformed(ValueError):
    """Bytes that no writer of this format makes; decoders turn it into a named failure."""


def utf8(text: str) -> bytes:
    """Return ``text`` as UTF-8; a lone surrogate raises ``TextNotEncodable``."""
    try:
        return text.encode()
    except UnicodeEncodeError as fault:
        raise TextNotEncodable(f"{text!r} cannot be written as UTF-8") from fault


def put_varint(out: bytearray, number: int) -> None:
    """Append an unsigned LEB128 integer: seven bits a byte, the lowest first."""
    if number < 0 or number >> MAX_VARINT_BITS:
        raise ValueError(f"{number} does not fit an unsigned {MAX_VARINT_BITS}-bit integer")
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)


def finish_varint(data: bytes, at: int, first: int) -> tuple[int, int]:
    """Read on after ``first``, the byte before ``at`` that had its high bit set.

    Returns the number and the position behind it. Decoders test the first byte themselves, as
    nearly every number of a node is below 128.
    """
    number, shift = first & 0x7F, 7
    while True:
        byte = data[at]
        at += 1
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            break
    if byte == 0 or number >> MAX_VARINT_BITS:
        raise Malformed("an integer is longer than needed")
    return number, at


def put_bytes(out: bytearray, data: bytes) -> None:
    """Append ``data`` behind its length."""
    put_varint(out, len(data))
    out += data


def put_digest(out: bytearray, digest: bytes) -> None:
    """Append a digest; another number of bytes is a ``ValueError``."""
    if len(digest) != DIGEST_BYTES:
        raise ValueError(f"a digest has {DIGEST_BYTES} bytes, not {len(digest)}")
    out += digest


def put_time(out: bytearray, moment: datetime) -> None:
    """Append a time in microseconds since 1970; a naive one is a ``ValueError``."""
    if moment.utcoffset() is None:
        raise ValueError("the time needs a time zone")
    out += ((moment - EPOCH) // MICROSECOND).to_bytes(TIME_BYTES, "big", signed=True)


def put_metadata(out: bytearray, metadata: Mapping[str, str]) -> None:
    """Append the optional field that ends a commit or a tag; an empty map is left out."""
    if metadata:
        put_varint(out, METADATA)
        put_bytes(out, labels(metadata))


def labels(pairs: Mapping[str, str]) -> bytes:
    """Encode a map of texts, sorted by the bytes of its keys."""
    out = bytearray()
    for key, value in sorted((utf8(key), utf8(value)) for key, value in pairs.items()):
        put_bytes(out, key)
        put_bytes(out, value)
    return bytes(out)


class Scanner:
    """Reads primitives one after the other; whatever is wrong raises ``Malformed``."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def at_end(self) -> bool:
        """Return whether everything was read."""
        return self._at == len(self._data)

    def take(self, length: int) -> bytes:
        """Read exactly ``length`` bytes."""
        end = self._at + length
        if end > len(self._data):
            raise Malformed("the bytes end too early")
        taken = self._data[self._at : end]
        self._at = end
        return taken

    def varint(self) -> int:
        """Read an unsigned integer."""
        first = self.take(1)[0]
        if first < 0x80:
            return first
        try:
            number, self._at = finish_varint(self._data, self._at, first)
        except IndexError as fault:
            raise Malformed("the bytes end too early") from fault
        return number

    def bytes(self) -> bytes:
        """Read bytes behind their length."""
        return self.take(self.varint())

    def text(self) -> str:
        """Read UTF-8 behind its length."""
        try:
            return self.bytes().decode()
        except UnicodeDecodeError as fault:
            raise Malformed("a text is not UTF-8") from fault

    def labels(self) -> dict[str, str]:
        """Read a map of texts behind its length; it is never empty, and its keys ascend."""
        inner = Scanner(self.bytes())
        pairs: dict[str, str] = {}
        last: str | None = None
        while not inner.at_end():
            key = inner.text()
            if last is not None and key <= last:
                raise Malformed("the keys of a map do not ascend")
            pairs[key] = inner.text()
            last = key
        if not pairs:
            raise Malformed("an empty map is left out, not written")
        return pairs

    def time(self) -> datetime:
        """Read a time, in UTC."""
        return EPOCH + int.from_bytes(self.take(TIME_BYTES), "big", signed=True) * MICROSECOND

    def metadata(self) -> dict[str, str]:
        """Read the optional field that ends a commit or a tag, up to the end."""
        metadata: dict[str, str] = {}
        if not self.at_end():
            if (number := self.varint()) != METADATA:
                raise Malformed(f"field {number} is unknown")
            metadata = self.labels()
        if not self.at_end():
            raise Malformed("bytes follow its end")
        return metadata
