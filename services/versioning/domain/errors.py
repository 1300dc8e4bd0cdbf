"""Named failures of versioning's domain."""

from libs.contracts.problems import Problem


class CorruptNode(Problem):
    """A stored tree node is not what its name says."""

    code, status = "corrupt-node", 500


class CorruptCommit(Problem):
    """A stored commit is not what its name says."""

    code, status = "corrupt-commit", 500


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
