"""Proving a history, signing it, and saying that a commit is good."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from libs.contracts.base import Done, Reply, Request
from libs.contracts.values import (
    Actor,
    CommitId,
    PageLimit,
    Sha256,
)
from libs.contracts.versioning.words import (
    CheckName,
    OfBucket,
    RefText,
)


class Fault(Struct, frozen=True, kw_only=True):
    code: str
    """E.g. ``corrupt-commit``, ``node-not-found``, ``bad-signature``."""
    detail: str
    commit_id: CommitId | None = None


class SignatureInfo(Reply, frozen=True, kw_only=True):
    target: Sha256
    """The id of a commit, or of a tag."""
    key_id: Sha256
    key_name: str
    signed_at: datetime
    valid: bool
    revoked: bool = False
    """The key was removed after it signed."""


class Verification(Reply, frozen=True):
    """What was proved: each commit hashes to its id, and names a whole tree."""

    head: CommitId | None
    commits: int
    nodes: int
    signatures: list[SignatureInfo]
    faults: list[Fault]
    next: str | None = None
    """Ask again with this as ``cursor``: there is more."""


class VerifyHistory(Request[Verification], OfBucket, to="versioning", frozen=True, kw_only=True):
    """Walk a history, all parents, and prove it unaltered; a page of commits at a time."""

    ref: RefText = "main"
    trees: bool = True
    """Prove the trees as well; what an earlier commit of the walk had is not read again."""
    cursor: str = ""
    limit: PageLimit = 200


class SigningKey(Reply, frozen=True):
    key_id: Sha256
    """The sha256 of the public key's 32 bytes."""
    name: str
    public_key: str
    """32 bytes, base64."""
    owner: Actor
    added_at: datetime
    removed_at: datetime | None = None


class SigningKeyList(Reply, frozen=True):
    items: list[SigningKey]


class AddSigningKey(Request[SigningKey], OfBucket, to="versioning", frozen=True, kw_only=True):
    """Trust an Ed25519 key (RFC 8032) to sign commits and tags of this bucket."""

    name: Annotated[str, Meta(min_length=1, max_length=100)]
    public_key: Annotated[str, Meta(min_length=43, max_length=44)]
    actor: Actor


class ListSigningKeys(
    Request[SigningKeyList], OfBucket, to="versioning", frozen=True, kw_only=True
):
    """List the keys that are or were trusted."""


class RemoveSigningKey(Request[Done], OfBucket, to="versioning", frozen=True, kw_only=True):
    """Trust a key no more; what it signed before stays signed, and is shown as such."""

    key_id: Sha256
    actor: Actor


class Sign(Request[SignatureInfo], OfBucket, to="versioning", frozen=True, kw_only=True):
    """Keep a signature of a commit or tag, after proving it.

    What is signed: ``strongroom-signature-v1`` and a line end, ``commit`` or ``tag`` and a line
    end, then the 64 digits of the id, and nothing behind them.
    """

    target: RefText
    """A commit, or a tag (whose own id is signed then)."""
    kind: Literal["commit", "tag"] | None = None
    """None: a tag if there is one of this name, else a commit."""
    key_id: Sha256
    signature: Annotated[str, Meta(min_length=86, max_length=88)]
    """64 bytes, base64."""
    actor: Actor


CheckState = Literal["pending", "passed", "failed"]


class CommitCheck(Reply, frozen=True):
    """What somebody says of a commit, e.g. a test that ran on it."""

    commit_id: CommitId
    name: CheckName
    state: CheckState
    detail: str
    actor: Actor
    reported_at: datetime


class CommitCheckList(Reply, frozen=True):
    items: list[CommitCheck]


class ReportCheck(Request[CommitCheck], OfBucket, to="versioning", frozen=True, kw_only=True):
    """Say how a check went; the last word of each name counts."""

    commit: RefText
    name: CheckName
    state: CheckState
    detail: Annotated[str, Meta(max_length=1000)] = ""
    actor: Actor


class ListCommitChecks(
    Request[CommitCheckList], OfBucket, to="versioning", frozen=True, kw_only=True
):
    commit: RefText
