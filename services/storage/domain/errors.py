"""The failures of storage that a caller can act on."""

from libs.contracts.problems import Problem


class BucketNotFound(Problem):
    """There is no such bucket."""

    code, status = "bucket-not-found", 404


class DeletedBucketNotFound(Problem):
    """There is no such deleted bucket, or its grace is over."""

    code, status = "deleted-bucket-not-found", 404


class BucketExists(Problem):
    """The name of the bucket is taken."""

    code, status = "bucket-exists", 409


class BucketNotEmpty(Problem):
    """The bucket has files."""

    code, status = "bucket-not-empty", 409


class BucketClosing(Problem):
    """The bucket is being emptied and takes no changes."""

    code, status = "bucket-closing", 409


class FileNotFound(Problem):
    """There is no such file."""

    code, status = "file-not-found", 404


class PreconditionFailed(Problem):
    """The file is not in the state that the call expects."""

    code, status = "precondition-failed", 412


class UploadNotFound(Problem):
    """There is no such upload, or it expired long ago."""

    code, status = "upload-not-found", 404


class UploadExpired(Problem):
    """The upload was not committed in time."""

    code, status = "upload-expired", 410


class UploadCommitted(Problem):
    """The upload was committed already, with other bytes or before it was to be aborted."""

    code, status = "upload-committed", 409


class ContentNotFound(Problem):
    """The bucket never held bytes with this digest."""

    code, status = "content-not-found", 409


class EncryptionRequired(Problem):
    """The bucket takes encrypted bytes only, and these are not."""

    code, status = "encryption-required", 409


class EncryptionUnavailable(Problem):
    """Nothing can be encrypted: the operator has given no master key."""

    code, status = "encryption-unavailable", 409


class InvalidPrefix(Problem):
    """Files cannot be taken from or to this prefix."""

    code, status = "invalid-prefix", 400


class PrefixNotFound(Problem):
    """No file lies below this prefix."""

    code, status = "prefix-not-found", 404


class TooManyFiles(Problem):
    """One request cannot change so many files."""

    code, status = "too-many-files", 422


class PathChangedTwice(Problem):
    """One request changes the same path more than once."""

    code, status = "path-changed-twice", 400


class GrantNotFound(Problem):
    """There is no such grant."""

    code, status = "grant-not-found", 404


class LastOwner(Problem):
    """A bucket keeps at least one owner."""

    code, status = "last-owner", 409


class TooManyGrants(Problem):
    """The bucket has as many grants as it may."""

    code, status = "too-many-grants", 409


class QuotaExceeded(Problem):
    """A quota does not hold these bytes."""

    code, status = "quota-exceeded", 507


class LargerThanQuota(QuotaExceeded):
    """These bytes alone are more than a quota."""

    status = 413


class FileLocked(Problem):
    """A retention lock or a legal hold keeps the file as it is."""

    code, status = "file-locked", 409


class LockKept(Problem):
    """This lock cannot be lifted or shortened like this."""

    code, status = "lock-kept", 403


class InvalidLock(Problem):
    """This is no lock."""

    code, status = "invalid-lock", 400


class VersionNotFound(Problem):
    """The file never had this version, or it is not kept."""

    code, status = "version-not-found", 404


class FileExists(Problem):
    """A file is there already."""

    code, status = "file-exists", 409


class NotInTrash(Problem):
    """There is no such file in the trash."""

    code, status = "not-in-trash", 404


class InvalidSelection(Problem):
    """It is not clear which files are meant."""

    code, status = "invalid-selection", 400


class InvalidLifecycle(Problem):
    """The lifecycle rules cannot be used."""

    code, status = "invalid-lifecycle", 400


class CheckNotFound(Problem):
    """Nothing waits, or waited lately, under this id."""

    code, status = "check-not-found", 404


class CheckNotRequired(Problem):
    """The content does not wait for this check."""

    code, status = "check-not-required", 409


class VerdictGiven(Problem):
    """The check has said something else before."""

    code, status = "verdict-given", 409


class CheckDecided(Problem):
    """It is decided already what becomes of the content."""

    code, status = "check-decided", 409


class CheckUnavailable(Problem):
    """Nothing here can make this check."""

    code, status = "check-unavailable", 409


class InvalidChecks(Problem):
    """These checks cannot be required."""

    code, status = "invalid-checks", 400


class BranchProtected(Problem):
    """The branch changes by merges only."""

    code, status = "branch-protected", 409


class ChecksRequired(Problem):
    """The bucket checks new content, and content comes only as a file to its checks."""

    code, status = "checks-required", 409


class ContentGone(Problem):
    """The bytes wait no more: they are a file, or nobody gets them."""

    code, status = "content-gone", 410


class ChangeSetNotFound(Problem):
    """There is no such change set, or it was applied already."""

    code, status = "change-set-not-found", 404


class NoChanges(Problem):
    """There is nothing to apply."""

    code, status = "no-changes", 422
