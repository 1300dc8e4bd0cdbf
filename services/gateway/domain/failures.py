"""What the edge itself refuses, by name."""

from libs.contracts.problems import Problem


class MalformedPath(Problem):
    """The path of the file cannot be read."""

    code, status = "malformed-path", 400


class MalformedHeader(Problem):
    """A header cannot be understood."""

    code, status = "malformed-header", 400


class MalformedBody(Problem):
    """The body cannot be understood."""

    code, status = "malformed-body", 400


class InvalidInput(Problem):
    """The request asks for something that does not exist or fit."""

    code, status = "invalid-input", 400


class InvalidCursor(Problem):
    """The cursor was not made by this list."""

    code, status = "invalid-cursor", 400


class BodyIncomplete(Problem):
    """The body ended before it was complete."""

    code, status = "body-incomplete", 400


class Unauthorized(Problem):
    """A valid API key is needed."""

    code, status = "unauthorized", 401


class Forbidden(Problem):
    """The API key does not allow this."""

    code, status = "forbidden", 403


class LinkRefused(Problem):
    """The signed link is not good for this call."""

    code, status = "link-refused", 403


class NotFound(Problem):
    """There is no such thing."""

    code, status = "not-found", 404


class BucketNotFound(Problem):
    """There is no such bucket."""

    code, status = "bucket-not-found", 404


class FileNotFound(Problem):
    """There is no such file."""

    code, status = "file-not-found", 404


class TaskNotFound(Problem):
    """There is no such task."""

    code, status = "task-not-found", 404


class SnapshotNotFound(Problem):
    """There is no such snapshot."""

    code, status = "snapshot-not-found", 404


class MethodNotAllowed(Problem):
    """This address does not know the method."""

    code, status = "method-not-allowed", 405


class TooSlow(Problem):
    """The request came too slowly."""

    code, status = "too-slow", 408


class KeyIsInUse(Problem):
    """The same request is being answered at this moment."""

    code, status = "idempotency-key-in-use", 409


class DirectNotPossible(Problem):
    """The object store cannot be talked to directly for this; a link of the gateway can do it."""

    code, status = "direct-not-possible", 409


class DraftMissing(Problem):
    """Nothing was put at the direct URL."""

    code, status = "draft-missing", 409


class NotABranch(Problem):
    """Only branches can be written."""

    code, status = "not-a-branch", 409


class BranchProtected(Problem):
    """The branch changes by merges only."""

    code, status = "branch-protected", 409


class PreconditionFailed(Problem):
    """The file is not what the request expects."""

    code, status = "precondition-failed", 412


class BodyTooLarge(Problem):
    """The body is larger than allowed."""

    code, status = "body-too-large", 413


class MediaTypeNotSupported(Problem):
    """This content type is not understood here."""

    code, status = "unsupported-media-type", 415


class RangeNotSatisfiable(Problem):
    """The file does not have this range; one range at most is answered."""

    code, status = "range-not-satisfiable", 416


class DigestMismatch(Problem):
    """The bytes do not have the digest that was announced."""

    code, status = "digest-mismatch", 422


class KeyWasUsedDifferently(Problem):
    """The idempotency key belongs to another request."""

    code, status = "idempotency-key-reused", 422


class TooManyRequests(Problem):
    """The API key or address asks too often."""

    code, status = "too-many-requests", 429


class VersionExpired(Problem):
    """The content was given up, by the bucket's retention or by a purge."""

    code, status = "version-expired", 410


class FileDamaged(Problem):
    """The stored bytes are not those that were uploaded."""

    code, status = "file-damaged", 502


class Busy(Problem):
    """The gateway holds as much as it may."""

    code, status = "busy", 503


class StoreFull(Problem):
    """The object store has no room."""

    code, status = "store-full", 507


def key_needed() -> Unauthorized:
    """Return the refusal of who came without a key."""
    return Unauthorized("send an API key: Authorization: Bearer sr_…")


class CheckNotFound(Problem):
    """Nothing waits, or waited lately, under this id."""

    code, status = "check-not-found", 404
