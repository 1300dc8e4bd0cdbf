"""The words of tus 1.0.0 (https://tus.io/protocols/resumable-upload), and what they mean here."""

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from uuid import UUID

from msgspec import Struct

from libs.contracts.problems import Problem
from libs.contracts.storage import Expectation, SessionInfo, SessionWish
from libs.contracts.values import Labels
from services.gateway.domain import labels, served
from services.gateway.domain.failures import MalformedHeader, MediaTypeNotSupported

VERSION = "1.0.0"
EXTENSIONS = (
    "creation",
    "creation-with-upload",
    "creation-defer-length",
    "termination",
    "expiration",
    "checksum",
    "concatenation",
)
ALGORITHMS = ("sha1", "sha256", "sha512", "md5")
MEDIA_TYPE = "application/offset+octet-stream"
LOCKED = "upload-session-locked"
"""The problem of storage that says that another request is at it."""

META = "meta-"
MOST_PARTIALS = 1000
LARGEST = 2**63 - 1

_KEY = re.compile(r"[\x21-\x2b\x2d-\x7e]+")
_NUMBER = re.compile(r"[0-9]{1,19}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_UPLOAD = re.compile(
    r"(?:https?://[^/?#]+)?/api/v1/uploads/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"
)


class VersionNotSupported(Problem):
    """Only version 1.0.0 of the tus protocol is understood."""

    code, status = "tus-version-not-supported", 412


class ChecksumMismatch(Problem):
    """The bytes do not have the checksum that was announced; none of them was kept."""

    code, status = "checksum-mismatch", 460


class Checksum(Struct, frozen=True):
    """What a request says of its body."""

    algorithm: str
    digest: bytes

    def running(self) -> "hashlib._Hash":
        """Return an empty digest of this algorithm; it finds accidents, it is no signature."""
        return hashlib.new(self.algorithm, usedforsecurity=False)

    def check(self, found: str) -> None:
        """Raise ``ChecksumMismatch`` unless ``found``, in hexadecimal, is what was announced."""
        if found != self.digest.hex():
            raise ChecksumMismatch(f"its {self.algorithm} is {found}")


class Creation(Struct, frozen=True, kw_only=True):
    """What a POST asks for."""

    wish: SessionWish
    length: int | None = None
    """None when it comes later."""
    is_partial: bool = False
    partials: list[UUID] | None = None
    """The uploads to join."""


def check_version(headers: Mapping[str, str]) -> None:
    """Raise ``VersionNotSupported`` unless the client speaks our version."""
    if headers.get("tus-resumable") != VERSION:
        raise VersionNotSupported(f"send Tus-Resumable: {VERSION}")


def check_media_type(headers: Mapping[str, str]) -> None:
    """Raise unless a body is what tus calls one."""
    if headers.get("content-type", "").partition(";")[0].strip().lower() != MEDIA_TYPE:
        raise MediaTypeNotSupported(f"send Content-Type: {MEDIA_TYPE}")


def creation(headers: Mapping[str, str], expect: Expectation) -> Creation:
    """Read the headers of a POST; names are lower-case. Raises ``MalformedHeader``."""
    concat = headers.get("upload-concat", "")
    told = headers.get("upload-metadata", "")
    is_partial = concat == "partial"
    wish = _wish(told, expect, is_partial=is_partial)
    if concat.startswith("final;"):
        return Creation(wish=wish, partials=_partials(concat))
    if concat and not is_partial:
        raise MalformedHeader("partial, or final; and uploads", header="Upload-Concat")
    return Creation(wish=wish, length=_length(headers), is_partial=is_partial)


def offset(headers: Mapping[str, str]) -> int:
    """Return where the body of a PATCH belongs."""
    found = number(headers, "Upload-Offset")
    if found is None:
        raise MalformedHeader("a PATCH says where its body belongs", header="Upload-Offset")
    return found


def checksum(headers: Mapping[str, str]) -> Checksum | None:
    """Return what ``Upload-Checksum`` announces of the body."""
    given = headers.get("upload-checksum")
    if given is None:
        return None
    algorithm, _, text = given.strip().partition(" ")
    if algorithm not in ALGORITHMS:
        raise MalformedHeader(f"one of {', '.join(ALGORITHMS)}", header="Upload-Checksum")
    digest = _decoded(text, "Upload-Checksum")
    if len(digest) != hashlib.new(algorithm, usedforsecurity=False).digest_size:
        raise MalformedHeader(f"this is no {algorithm}", header="Upload-Checksum")
    return Checksum(algorithm, digest)


def number(headers: Mapping[str, str], name: str) -> int | None:
    """Return the number in a header; None when it is absent."""
    given = headers.get(name.lower())
    if given is None:
        return None
    if not _NUMBER.fullmatch(given) or int(given) > LARGEST:
        raise MalformedHeader("a number of bytes is expected", header=name)
    return int(given)


def metadata(told: str) -> Labels:
    """Return the pairs of ``Upload-Metadata``: a key, and its value in Base64."""
    found: Labels = {}
    for pair in filter(None, map(str.strip, told.split(","))):
        key, _, text = pair.partition(" ")
        if not _KEY.fullmatch(key) or key in found:
            raise MalformedHeader("keys of ASCII, each once", header="Upload-Metadata")
        try:
            found[key] = _decoded(text, "Upload-Metadata").decode("utf-8")
        except UnicodeDecodeError:
            raise MalformedHeader(f"{key} is not UTF-8", header="Upload-Metadata") from None
    return found


def concat(session: SessionInfo, prefix: str) -> str | None:
    """Return ``Upload-Concat`` of an upload that is part of others, or made of them."""
    if session.kind == "partial":
        return "partial"
    if session.kind == "final":
        return "final;" + " ".join(f"{prefix}/{partial}" for partial in session.partials)
    return None


def _wish(told: str, expect: Expectation, *, is_partial: bool) -> SessionWish:
    pairs = metadata(told)
    bucket, path = pairs.get("bucket"), pairs.get("path") or pairs.get("filename")
    if not is_partial and not (bucket and path):
        raise MalformedHeader("bucket and path are needed", header="Upload-Metadata")
    content_type = pairs.get("filetype") or None
    if content_type is not None and not served.is_content_type(content_type):
        raise MalformedHeader("filetype is no media type", header="Upload-Metadata")
    sha256 = pairs.get("sha256", "").lower() or None
    if sha256 is not None and not _SHA256.fullmatch(sha256):
        raise MalformedHeader("sha256 has 64 hexadecimal digits", header="Upload-Metadata")
    return SessionWish(
        bucket=bucket or None,
        path=path or None,
        content_type=content_type,
        metadata={
            key.removeprefix(META).lower(): value
            for key, value in pairs.items()
            if key.startswith(META)
        },
        tags=labels.read_tags(pairs.get("tags")),
        expect=expect,
        sha256=sha256,
        told=told,
    )


def _length(headers: Mapping[str, str]) -> int | None:
    length, deferred = number(headers, "Upload-Length"), headers.get("upload-defer-length")
    if deferred not in (None, "1"):
        raise MalformedHeader("only 1 is allowed", header="Upload-Defer-Length")
    if (length is None) == (deferred is None):
        raise MalformedHeader("Upload-Length, or Upload-Defer-Length: 1", header="Upload-Length")
    return length


def _partials(concat: str) -> list[UUID]:
    named = concat.removeprefix("final;").split()
    found = [_UPLOAD.fullmatch(url) for url in named]
    partials = [UUID(match[1]) for match in found if match]
    if not partials or len(partials) != len(named) or len(partials) > MOST_PARTIALS:
        raise MalformedHeader(
            f"1 to {MOST_PARTIALS} addresses of partial uploads", header="Upload-Concat"
        )
    if len(set(partials)) != len(partials):
        raise MalformedHeader("an upload is named twice", header="Upload-Concat")
    return partials


def _decoded(text: str, header: str) -> bytes:
    try:
        return base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        raise MalformedHeader("the value is not Base64", header=header) from None
