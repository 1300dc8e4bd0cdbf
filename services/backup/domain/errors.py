"""How backing up fails, by name."""

from libs.contracts.problems import Problem


class TargetNotFound(Problem):
    """There is no such target."""

    code, status = "target-not-found", 404


class TargetExists(Problem):
    """A target of this name, or at this place, is registered already."""

    code, status = "target-exists", 409


class TargetInUse(Problem):
    """A task of this target has not finished."""

    code, status = "target-in-use", 409


class TargetUrlRefused(Problem):
    """No target can be at this address."""

    code, status = "target-url-refused", 422


class TargetUnusable(Problem):
    """The target does not store, return and delete what it is given."""

    code, status = "target-unusable", 422


class TargetReplaced(Problem):
    """What lies at the target's address is not the repository that was registered."""

    code, status = "target-replaced", 409


class SnapshotNotFound(Problem):
    """There is no such snapshot."""

    code, status = "snapshot-not-found", 404


class SnapshotNotComplete(Problem):
    """The snapshot is not, or not yet, complete."""

    code, status = "snapshot-not-complete", 409


class SourceDamaged(Problem):
    """Bytes in the object store are missing or not what they were; no snapshot was made of them."""

    code, status = "source-damaged", 409


class ExportDamaged(Problem):
    """The list of a bucket's files did not arrive whole."""

    code, status = "export-damaged", 502


class SnapshotDamaged(Problem):
    """The snapshot's own record or manifest in the target is missing or not what it was."""

    code, status = "snapshot-damaged", 409


class ChainBroken(Problem):
    """The snapshots in the target do not follow on each other: history was altered."""

    code, status = "chain-broken", 409


class PathNotInSnapshot(Problem):
    """The snapshot has no file at a path that was asked for."""

    code, status = "path-not-in-snapshot", 404


class RestoreIncomplete(Problem):
    """Some files are damaged in the target and were not restored; all others were."""

    code, status = "restore-incomplete", 409
