"""What a bucket's history keeps of a git commit or tag, so that it can be made again, bit by bit.

Its headers and message are kept readably where that is enough to rebuild it, and otherwise as they
were (compressed, in base64, in pieces as long as a value may be). What it points to, trees and
parents, is known from the history itself.
"""

import base64
import re
import zlib
from collections.abc import Mapping
from datetime import UTC, datetime

from dulwich.objects import Commit, ObjectID, Tag
from msgspec import Struct

from libs.contracts.versioning import CommitInfo, TagInfo

COMMIT = "git-commit"
"""The id of the git commit that a commit was."""
HEAD = "git-head"
"""Of a merge into ``main``: the git commit that it brought, and is where nothing else changed."""
TAG = "git-tag"
AUTHOR, COMMITTER = "git-author", "git-committer"
PLAIN = "git-plain"
"""Every file that the commit put is an ordinary one: nothing needs to be asked for its mode."""
MODE = "git-mode"
"""Of a file: its mode where that is not the ordinary one."""
ORDINARY = 0o100644
MODES = {f"{mode:06o}": mode for mode in (ORDINARY, 0o100664, 0o100755, 0o120000)}
IMPORT = "import"
"""The operation of a commit that was brought along."""
RAW = "git-raw-"

LONGEST_MESSAGE = 4096
LONGEST_VALUE = 1024
LONGEST_LINE = 400
MOST_PIECES = 6
LONGEST_ACTOR = 200

_POINTERS = re.compile(rb"\A(?:(?:tree|parent|object) [0-9a-f]+\n)*")
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_LATEST = datetime(9999, 1, 1, tzinfo=UTC).timestamp()


class Record(Struct, frozen=True):
    """A git commit or tag as a bucket keeps it."""

    author: str
    at: datetime
    message: str
    metadata: dict[str, str]
    exact: bool
    """The metadata says enough to make it again with the same id."""


def of_commit(commit: Commit) -> Record:
    """Return what to keep of a commit."""
    rest = _rest(commit.as_raw_string())
    author, committer = _header(rest, b"author"), _header(rest, b"committer")
    message = _text(commit.message)
    metadata = {COMMIT: commit.id.decode()}
    exact = False
    if author is not None and committer is not None:
        metadata |= {AUTHOR: author, COMMITTER: committer}
        exact = rest == _plain_commit(author, committer, message) and not _unfit(message)
    if not exact:
        pieces = _pieces(rest)
        metadata |= pieces
        exact = bool(pieces)
    at = _moment(commit.commit_time)
    return Record(_actor(commit.author), at, _fitting(message), metadata, exact)


def of_tag(tag: Tag) -> Record:
    """Return what to keep of an annotated tag."""
    message = _text(tag.message or b"")
    pieces = _pieces(_rest(tag.as_raw_string()))
    metadata = {TAG: tag.id.decode(), **pieces}
    return Record(
        _actor(tag.tagger or b"unknown"),
        _moment(tag.tag_time or 0),
        _fitting(message),
        metadata,
        bool(pieces),
    )


def git_id(info: CommitInfo) -> str | None:
    """Return the id of the git commit that a commit was.

    Only an owner imports; what any writer says of a commit of their own counts for nothing.
    """
    return info.metadata.get(COMMIT) if info.operation == IMPORT else None


def is_plain(info: CommitInfo) -> bool:
    """Tell whether no file that a commit put needs to be asked for its mode."""
    return PLAIN in info.metadata and info.operation == IMPORT


def mode_of(metadata: Mapping[str, str]) -> int:
    """Return the mode of a file; what git would not have there is the ordinary one."""
    return MODES.get(metadata.get(MODE, ""), ORDINARY)


def commit_again(
    metadata: Mapping[str, str], message: str, tree: bytes, parents: list[ObjectID]
) -> Commit | None:
    """Return the git commit that this was, None where it cannot be made with the same id."""
    rest = _joined(metadata)
    if rest is None and AUTHOR in metadata and COMMITTER in metadata:
        rest = _plain_commit(metadata[AUTHOR], metadata[COMMITTER], message)
    if rest is None:
        return None
    pointers = [b"tree " + tree, *(b"parent " + parent for parent in parents)]
    commit = Commit.from_string(b"\n".join(pointers) + b"\n" + rest)
    return commit if commit.id.decode() == metadata.get(COMMIT) else None


def tag_again(metadata: Mapping[str, str], commit: bytes) -> Tag | None:
    """Return the annotated tag that this was, None where it cannot be made with the same id."""
    rest = _joined(metadata)
    if rest is None:
        return None
    tag = Tag.from_string(b"object " + commit + b"\n" + rest)
    return tag if tag.id.decode() == metadata.get(TAG) else None


def new_commit(info: CommitInfo, tree: ObjectID, parents: list[ObjectID]) -> Commit:
    """Return a git commit that tells what a commit of a bucket does; always the same one."""
    commit = Commit()
    commit.tree = tree
    commit.parents = parents
    commit.author = commit.committer = person(info.author)
    commit.author_time = commit.commit_time = int(info.created_at.timestamp())
    commit.author_timezone = commit.commit_timezone = 0
    text = info.message or info.operation
    commit.message = text.encode() + (b"" if text.endswith("\n") else b"\n")
    return commit


def new_tag(info: TagInfo, commit: ObjectID) -> Tag:
    """Return an annotated git tag that tells what a tag of a bucket does."""
    tag = Tag()
    tag.name = info.name.encode()
    tag.object = (Commit, commit)
    tag.tagger = person(info.created_by)
    tag.tag_time = int(info.created_at.timestamp())
    tag.tag_timezone = 0
    tag.message = info.message.encode() + b"\n"
    return tag


def person(actor: str) -> bytes:
    """Return how git names who did something: ``git:<name and address>`` as it was."""
    name = re.sub(r"[<>\x00-\x1f]", "", actor)
    if actor.startswith("git:") and re.fullmatch(r"[^<>\n]* <[^<>\n]*>", actor[4:]):
        return actor[4:].encode()
    return f"{name} <{re.sub(r'[^A-Za-z0-9._+-]', '.', name)}@strongroom>".encode()


def _rest(raw: bytes) -> bytes:
    """Return an object without the lines that say what it points to."""
    pointers = _POINTERS.match(raw)
    return raw[pointers.end() :] if pointers else raw


def _header(rest: bytes, name: bytes) -> str | None:
    """Return a header's value, None where it cannot be kept as text."""
    found = re.search(rb"^" + name + rb" (.*)$", rest.partition(b"\n\n")[0], re.MULTILINE)
    if found is None:
        return None
    try:
        value = found[1].decode()
    except UnicodeDecodeError:
        return None
    return None if len(value) > LONGEST_LINE or _UNPRINTABLE.search(value) else value


def _plain_commit(author: str, committer: str, message: str) -> bytes:
    return f"author {author}\ncommitter {committer}\n\n{message}".encode()


def _pieces(rest: bytes) -> dict[str, str]:
    text = base64.b64encode(zlib.compress(rest, 9)).decode()
    if len(text) > MOST_PIECES * LONGEST_VALUE:
        return {}
    starts = range(0, len(text), LONGEST_VALUE)
    return {
        f"{RAW}{number}": text[start : start + LONGEST_VALUE] for number, start in enumerate(starts)
    }


def _joined(metadata: Mapping[str, str]) -> bytes | None:
    count = sum(1 for key in metadata if key.startswith(RAW))
    if not count:
        return None
    text = "".join(metadata.get(f"{RAW}{number}", "") for number in range(count))
    try:
        return zlib.decompress(base64.b64decode(text, validate=True))
    except (ValueError, zlib.error):
        return None


def _text(message: bytes) -> str:
    return message.decode(errors="replace")


def _unfit(message: str) -> bool:
    return len(message) > LONGEST_MESSAGE or "\x00" in message


def _fitting(message: str) -> str:
    return message.replace("\x00", "\N{REPLACEMENT CHARACTER}")[:LONGEST_MESSAGE]


def _actor(line: bytes) -> str:
    return _UNPRINTABLE.sub("", f"git:{_text(line)}")[:LONGEST_ACTOR]


def _moment(seconds: int) -> datetime:
    """Return a time; what no calendar has becomes the nearest that one has."""
    return datetime.fromtimestamp(min(max(seconds, 0), _LATEST), UTC)
