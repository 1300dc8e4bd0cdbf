"""How storing bytes can fail. Whoever can act on a name catches it; nobody else does.

These are no problems of the wire: who answers a request maps those it cannot handle.
"""


class BlobFailure(Exception):
    """Something named went wrong with a blob or its store; subclasses say what."""


class BlobNotFound(BlobFailure):
    """The store holds nothing under this key."""

    def __init__(self, key: str) -> None:
        super().__init__(f"no blob under {key!r}")
        self.key = key


class BlobExists(BlobFailure):
    """Something is stored under this key already, and the ``put`` was to create only.

    It may also be our own doing: when the answer to a first try got lost, the retry meets its blob.
    """

    def __init__(self, key: str) -> None:
        super().__init__(f"there is a blob under {key!r} already")
        self.key = key


class BlobKeyRefused(BlobFailure):
    """The key is none that every store can hold; nothing was sent to the store."""

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(f"the key {key!r} is refused: {reason}")
        self.key = key


class RangeNotSatisfiable(BlobFailure):
    """The range asked for begins behind the blob's last byte, or ends before it begins."""

    def __init__(self, key: str, *, start: int, end: int | None, size: int | None = None) -> None:
        super().__init__(f"{key!r} has no range {start}..{'' if end is None else end}")
        self.key = key
        self.size = size
        """Size of the whole blob, where the store was asked."""


class BlobTruncated(BlobFailure):
    """The store gave, or kept, fewer bytes than it owes: what was read of the blob is not all."""

    def __init__(self, key: str, *, expected: int, got: int) -> None:
        super().__init__(f"{key!r} should have {expected} bytes, the store has {got}")
        self.key = key
        self.expected = expected
        self.got = got


class BlobDamaged(BlobFailure):
    """The stored bytes are not those that were written: a frame of them does not prove itself."""

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(f"{key!r} is damaged: {reason}")
        self.key = key
        self.reason = reason


class BodySizeMismatch(BlobFailure):
    """The body was longer or shorter than announced; nothing was stored."""

    def __init__(self, key: str, *, announced: int, got: int) -> None:
        super().__init__(f"{got} bytes came for {key!r}, {announced} were announced")
        self.key = key
        self.announced = announced
        self.got = got


class BlobTooLarge(BlobFailure):
    """The body outgrew what this store can hold when it is put like this."""

    def __init__(self, key: str, *, most: int, advice: str) -> None:
        super().__init__(f"{key!r} has more than {most} bytes; {advice}")
        self.key = key
        self.most = most


class StoreUnavailable(BlobFailure):
    """The store cannot be reached, does not answer in time, or fails by its own account.

    Trying again later can help. What a failed ``put`` did is unknown to its caller only in that
    the blob may be there completely; it is never there in part.
    """

    def __init__(self, store: str, reason: str) -> None:
        super().__init__(f"{store}: {reason}")
        self.store = store
        self.reason = reason


class StoreMisconfigured(StoreUnavailable):
    """The store answers but refuses us: credentials, bucket or rights are wrong.

    An operator has to act; trying again does not help by itself.
    """


class StoreFull(BlobFailure):
    """The store has no room (or quota) for these bytes; reading and deleting still work."""

    def __init__(self, store: str, reason: str) -> None:
        super().__init__(f"{store}: {reason}")
        self.store = store
        self.reason = reason


class StoreUrlInvalid(ValueError):
    """The address of a store cannot be understood. The message never repeats a secret."""
