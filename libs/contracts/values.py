"""The vocabulary that several messages share: each value with its meaning in the type."""

from typing import Annotated, Literal

from msgspec import Meta

# In Python `$` also matches before a line end; the look-ahead refuses it, in JSON Schema too.
BucketName = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$(?!\n)")]
"""3–63 lower-case letters, digits and hyphens; safe as one token of a subject."""

FilePath = Annotated[str, Meta(min_length=1, max_length=1024)]
"""Where a file stands in its bucket, ``/`` between segments; ``paths`` has the full rule."""

Sha256 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$(?!\n)")]
Blake3 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$(?!\n)")]
CommitId = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$(?!\n)")]
ByteCount = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Revision = Annotated[int, Meta(ge=1, le=2**63 - 1)]
PageLimit = Annotated[int, Meta(ge=1, le=1000)]
ContentType = Annotated[str, Meta(min_length=1, max_length=255)]
Message = Annotated[str, Meta(max_length=4096)]
Actor = Annotated[str, Meta(min_length=1, max_length=200)]
"""Who did it: ``key:<id>``, ``user:<id>`` or ``service:<name>``."""

PrincipalName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@+-]{0,99}$(?!\n)")]
"""The name of a user or a group; an e-mail address is one, too."""

Principal = Annotated[
    str,
    Meta(
        pattern=r"^(everyone"
        r"|key:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
        r"|(user|group):[A-Za-z0-9][A-Za-z0-9._@+-]{0,99})$(?!\n)"
    ),
]
"""Who is meant: ``key:<id>``, ``user:<name>``, ``group:<name>``, or ``everyone`` with a key."""

Labels = dict[str, str]
"""A file's metadata or tags."""

Versioning = Literal["auto", "off"]
Operation = Literal["put", "delete", "copy", "move", "update", "restore"]
"""What made a new state of a file."""
