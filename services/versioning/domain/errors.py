"""Named failures of versioning's domain."""

from libs.contracts.problems import Problem


class CorruptNode(Problem):
    """A stored tree node is not what its name says."""

    code, status = "corrupt-node", 500


class CorruptCommit(Problem):
    """A stored commit is not what its name says."""

    code, status = "corrupt-commit", 500


class CorruptTag(Problem):
    """A stored tag is not what a writer makes."""

    code, status = "corrupt-tag", 500


class NodeNotFound(Problem):
    """A tree node that history names is not stored."""

    code, status = "node-not-found", 500


class UnsupportedFormat(Problem):
    """Stored history was written in a format that this version cannot read."""

    code, status = "unsupported-format", 500


class TextNotEncodable(Problem):
    """A path or a text holds characters that UTF-8 cannot carry."""

    code, status = "text-not-encodable", 422


class EmptyPath(Problem):
    """A file needs a path."""

    code, status = "empty-path", 422


class UnsortedEntries(Problem):
    """A tree is built from paths in strictly ascending byte order."""

    code, status = "unsorted-entries", 500


class BucketNotFound(Problem):
    """There is no such bucket."""

    code, status = "bucket-not-found", 404


class FileNotFound(Problem):
    """There is no such file."""

    code, status = "file-not-found", 404


class VersionNotFound(Problem):
    """The file has no such version."""

    code, status = "version-not-found", 404


class VersionDeleted(Problem):
    """In this version the file was deleted."""

    code, status = "version-deleted", 404


class RefNotFound(Problem):
    """No branch, tag or commit has this name."""

    code, status = "ref-not-found", 404


class RefAmbiguous(Problem):
    """Several commits begin with this."""

    code, status = "ref-ambiguous", 409


class HistoryBehind(Problem):
    """The history has not caught up with the files yet."""

    code, status = "history-behind", 503


class MalformedRef(Problem):
    """This cannot name a commit."""

    code, status = "malformed-ref", 422


class RefExists(Problem):
    """The name is taken."""

    code, status = "ref-exists", 409


class BranchNotFound(Problem):
    """There is no such branch."""

    code, status = "branch-not-found", 404


class NotABranch(Problem):
    """Only branches can be written."""

    code, status = "not-a-branch", 409


class TagNotFound(Problem):
    """There is no such tag."""

    code, status = "tag-not-found", 404


class BranchProtected(Problem):
    """The branch changes by merges only."""

    code, status = "branch-protected", 409


class MainMovesByCommits(Problem):
    """The branch main moves by commits only."""

    code, status = "main-moves-by-commits", 409


class StaleHead(Problem):
    """The branch names another commit than was expected."""

    code, status = "stale-head", 412


class StagedChanges(Problem):
    """What is staged on the branch would be lost: commit or discard it."""

    code, status = "staged-changes", 409


class PreconditionFailed(Problem):
    """A file is not as expected."""

    code, status = "precondition-failed", 412


class PathChangedTwice(Problem):
    """One request wants a path to become two things."""

    code, status = "path-changed-twice", 400


class MergeConflict(Problem):
    """Both sides changed the same paths; nothing was merged."""

    code, status = "merge-conflict", 409


class ResolutionUnused(Problem):
    """A resolution was given for a path that is in no conflict."""

    code, status = "resolution-unused", 422


class ChecksMissing(Problem):
    """The branch wants checks that have not passed on what is to be merged."""

    code, status = "checks-missing", 409


class ContentNotHeld(Problem):
    """Neither history nor storage holds the bytes long enough to name them."""

    code, status = "content-not-held", 409


class VersionExpired(Problem):
    """The content was given up, by the bucket's retention or by a purge."""

    code, status = "version-expired", 410


class TooManyChecks(Problem):
    """More checks want to speak of a commit than one can have."""

    code, status = "too-many-checks", 409


class InvalidCursor(Problem):
    """This does not say where a list goes on."""

    code, status = "invalid-cursor", 400


class MainContended(Problem):
    """The files that this is about change all the time."""

    code, status = "main-contended", 503


class InvalidPurge(Problem):
    """This does not say what is to be purged."""

    code, status = "invalid-purge", 422


class TreeNotFound(Problem):
    """Nobody brought a part of an import that ended with this tree, or it was long ago."""

    code, status = "tree-not-found", 404


class InvalidKey(Problem):
    """This is no Ed25519 public key."""

    code, status = "invalid-key", 422


class InvalidSignatureText(Problem):
    """This is no signature."""

    code, status = "invalid-signature", 422


class BadSignature(Problem):
    """The key did not sign this."""

    code, status = "bad-signature", 422


class KeyNotTrusted(Problem):
    """The bucket does not trust this key, or does so no more."""

    code, status = "key-not-trusted", 409


class KeyNotFound(Problem):
    """There is no such signing key."""

    code, status = "key-not-found", 404


class TooManyKeys(Problem):
    """The bucket trusts as many keys as it can."""

    code, status = "too-many-keys", 409
