"""What a request may have changed: which records must not be believed after it.

Only what is there is remembered, never that a file is absent. So the first state of a path touches
nothing: most uploads cost no cache anything.

Every request of storage and versioning stands in one of the tables below, and a test sees to it
that a new one does. Should one be missing all the same, nothing at all is believed after it.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from libs.contracts import progress, storage, versioning
from libs.contracts.base import Reply, Request

Place = tuple[str, str]
"""A bucket's name and a path."""

FIRST_REVISION = 1
"""Of a path that never had a state before, in this bucket."""

JUST_ENDED = timedelta(seconds=10)


class Touched(NamedTuple):
    """The files that may be different now."""

    places: Sequence[Place] = ()
    bucket: str = ""
    """All of this one's."""
    all: bool = False
    """Whatever there is."""


NOTHING = Touched()
ALL = Touched(all=True)

CHANGES_NO_FILE: frozenset[type[Request[Any]]] = frozenset(
    {
        storage.AbortUpload,
        storage.AddChanges,
        storage.AppendPart,
        storage.BeginDirectUpload,
        storage.BeginSession,
        storage.BeginUpload,
        storage.BreakPromises,
        storage.DiscardDraft,
        storage.EmptyTrash,
        storage.EndSession,
        storage.ExportFiles,
        storage.FindBlobs,
        storage.GetBucket,
        storage.GetBucketPolicy,
        storage.GetBucketUsage,
        storage.GetCheckedContent,
        storage.GetFile,
        storage.GetLock,
        storage.GetPrincipalUsage,
        storage.GetStorageUsage,
        storage.HoldContents,
        storage.JoinSessions,
        storage.LeaseAssembly,
        storage.LeasePart,
        storage.ListBuckets,
        storage.ListChecks,
        storage.ListDeletedBuckets,
        storage.ListFiles,
        storage.ListLocks,
        storage.ListParts,
        storage.ListPrincipalQuotas,
        storage.ListQuarantined,
        storage.ListTrash,
        storage.MarkBucket,
        storage.PreviewLifecycle,
        storage.PromiseKeys,
        storage.ReleaseLease,
        storage.RemoveGrant,
        storage.RemovePrincipalQuota,
        storage.RenewLease,
        storage.RestoreBucket,
        storage.SetGrant,
        storage.SetLock,
        storage.SetPrincipalQuota,
        versioning.AddSigningKey,
        versioning.BlobsInUse,
        versioning.CreateBranch,
        versioning.CreateTag,
        versioning.DeleteBranch,
        versioning.DeleteTag,
        versioning.DiscardStaged,
        versioning.GetBlame,
        versioning.GetBranch,
        versioning.GetCommit,
        versioning.GetDiff,
        versioning.GetEntry,
        versioning.GetRetention,
        versioning.GetTag,
        versioning.GetVersion,
        versioning.ImportCommit,
        versioning.ListBranches,
        versioning.ListCommitChecks,
        versioning.ListCommits,
        versioning.ListEntries,
        versioning.ListSigningKeys,
        versioning.ListStaged,
        versioning.ListTags,
        versioning.ListVersions,
        versioning.PreviewRetention,
        versioning.PurgeVersions,
        versioning.RemoveSigningKey,
        versioning.ReportCheck,
        versioning.SetRetention,
        versioning.Sign,
        versioning.StageUpdate,
        versioning.StageWrites,
        versioning.UpdateBranch,
        versioning.VerifyHistory,
    }
)

CHANGES_A_BUCKET: frozenset[type[Request[Any]]] = frozenset(
    {
        storage.ApplyChanges,
        storage.CreateBucket,
        storage.DeleteBucket,
        storage.EmptyAndDeleteBucket,
        storage.GiveVerdict,
        storage.RestoreTrash,
        storage.UpdateBucket,
        versioning.CherryPick,
        versioning.CreateCommit,
        versioning.Merge,
        versioning.Restore,
        versioning.Revert,
    }
)
"""Named by their ``bucket`` or ``name``."""


def _the_named_file(request: Any, _: Reply | None) -> Touched:
    return Touched(places=[(request.bucket, request.path)])


def _all_given_files(request: storage.PutFiles, reply: storage.FilesPut | None) -> Touched:
    """Those of which it is not known that they are new, or wait."""
    outcomes = reply.outcomes if reply is not None else [None] * len(request.files)
    return Touched(
        places=[
            (file.bucket, file.path)
            for file, outcome in zip(request.files, outcomes, strict=True)
            if outcome is None or outcome.put is None or _file(outcome.put.visible).places
        ]
    )


def _file(file: storage.FileInfo | None) -> Touched:
    """``file``, unless it waits for its checks or is new: nobody could know of a state before."""
    if file is None or file.revision == FIRST_REVISION:
        return NOTHING
    return Touched(places=[(file.bucket, file.path)])


def _what_it_became(_: Any, reply: storage.FilePut | None) -> Touched:
    """Only the answer names the file; without one it may be any."""
    return ALL if reply is None else _file(reply.visible)


def _what_a_session_became(_: Any, reply: storage.SessionInfo | None) -> Touched:
    put = reply.put if reply is not None else None
    return NOTHING if put is None else _file(put.visible)


def _what_a_draft_became(_: Any, reply: storage.DirectUpload | None) -> Touched:
    return _what_a_session_became(_, reply.session if reply is not None else None)


def _what_was_checked(_: Any, reply: storage.FileCheck | None) -> Touched:
    return NOTHING if reply is None else _file(reply.file)


TELLS_OF_FILES: dict[type[Request[Any]], Callable[[Any, Any], Touched]] = {
    storage.GetCheck: _what_was_checked,
    storage.GetDirectUpload: _what_a_draft_became,
    storage.GetSession: _what_a_session_became,
}
"""Change nothing, but whoever asks learns that something else did."""

CHANGES_FILES: dict[type[Request[Any]], Callable[[Any, Any], Touched]] = {
    storage.CommitPart: _what_it_became,
    storage.CommitUpload: _what_it_became,
    storage.DeleteFile: _the_named_file,
    storage.PutFiles: _all_given_files,
    # Its blob may be that of many files.
    storage.ReportDamage: lambda *_: ALL,
    storage.UpdateFile: _the_named_file,
}


def touched(request: Request[Any], reply: Reply | None) -> Touched:
    """Return what ``request`` may have changed; without ``reply`` it was refused, or nobody knows.

    A refusal counts, too: what was remembered may be why it surprised the caller.
    """
    kind = type(request)
    if kind in CHANGES_NO_FILE:
        return NOTHING
    tell = CHANGES_FILES.get(kind) or TELLS_OF_FILES.get(kind)
    if tell is not None:
        return tell(request, reply)
    if kind in CHANGES_A_BUCKET:
        return Touched(bucket=getattr(request, "bucket", "") or getattr(request, "name", ""))
    if request.owner in ("storage", "versioning"):
        return ALL
    return _by_a_task(reply)


def _by_a_task(reply: Reply | None) -> Touched:
    """Whoever is told that a task has just ended sees what it did."""
    if isinstance(reply, progress.TaskInfo) and reply.finished_at is not None:
        return ALL if datetime.now(UTC) - reply.finished_at < JUST_ENDED else NOTHING
    return NOTHING
