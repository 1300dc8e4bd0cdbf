"""Proving a history: that every commit and tree node is what its name says, and all are there.

A commit names its tree and its parents by digest, so whoever knows the id of a head can have all
behind it proved. What only helps to find things (where commits stand, columns beside the bytes) is
compared with what the bytes say.

**Each commit once.** What lies behind a head is a beginning of each line. Each commit's parents
have to be there, the first one just before it: so no commit can be left out unseen.
**Each node about once.** A tree is read where it differs from that of the first parent, which is
proved itself when its turn comes.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import TypeAlias

from msgspec import Struct, field

from libs.chassis.database import Connection
from libs.contracts.versioning import Fault, SignatureInfo
from services.versioning.domain import proving as rules
from services.versioning.domain import tags
from services.versioning.domain.commits import Commit, CommitId
from services.versioning.domain.signatures import is_valid
from services.versioning.domain.tree import EMPTY, NodeId
from services.versioning.domain.tree.node import Node
from services.versioning.repository import ancestry, proving, signatures
from services.versioning.repository.ancestry import Ancestors
from services.versioning.repository.lines import Place
from services.versioning.repository.proving import CommitRow
from services.versioning.repository.repositories import Repository
from services.versioning.repository.signatures import Signature

NODES_READ_AT_ONCE = 1000
NODES_AT_ONCE = 20_000
"""Nodes after which a page ends, with the commit that it is at."""

Levels: TypeAlias = dict[int, set[NodeId]]


class Proved(Struct):
    """What a page of a history has shown."""

    commits: int = 0
    nodes: int = 0
    signatures: list[SignatureInfo] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    behind: Place | None = None
    """Where the next page goes on; None: everything was proved."""


class Prover:
    """Proves one page."""

    def __init__(self, conn: Connection, repository: Repository, *, trees: bool) -> None:
        self._conn = conn
        self._bucket_id = repository.bucket_id
        self._trees = trees
        self._known: set[NodeId] = {EMPTY.node_id}
        self._at_hand: dict[NodeId, Node] = {}
        self._ahead: dict[NodeId, Node] = {}
        """What was read of the tree of a first parent, which comes next as a rule."""
        self._proved = Proved()

    async def prove(self, head: CommitId, behind: Place | None, limit: int) -> Proved:
        """Prove up to ``limit`` commits behind ``head``, from where a page before it ended."""
        found = await proving.find_rows(self._conn, self._bucket_id, [head])
        if head not in found:
            self._fault("commit-not-found", f"commit {head.hex()} is not stored", head)
            return self._proved
        ancestors = await ancestry.list_ancestors(self._conn, found[head].place)
        rows = await proving.list_rows(self._conn, ancestors, behind, limit=limit + 1)
        done = await self._prove_rows(rows[:limit], ancestors)
        await self._prove_names([row.commit_id for row in rows[:done]])
        if done < len(rows):
            self._proved.behind = rows[done - 1].place
        return self._proved

    async def _prove_rows(self, rows: Sequence[CommitRow], ancestors: Ancestors) -> int:
        """Prove commits until nodes enough were read; return how many commits."""
        opened = [(row, self._open(row)) for row in rows]
        named = {parent for _, commit in opened if commit for parent in commit.parents}
        parents = await proving.find_rows(self._conn, self._bucket_id, named)
        for done, (row, commit) in enumerate(opened, start=1):
            self._proved.commits += 1
            if commit is not None:
                self._check_parents(row, commit, parents, ancestors)
                if self._trees:
                    await self._prove_tree(row, commit, parents)
            if self._proved.nodes >= NODES_AT_ONCE:
                return done
        return len(rows)

    def _open(self, row: CommitRow) -> Commit | None:
        opened = rules.open_commit(row.commit_id, row.data)
        if isinstance(opened, Fault):
            self._proved.faults.append(opened)
            return None
        seen = (row.first_parent, row.committed_at, row.author, row.message)
        self._proved.faults += rules.check_columns(row.commit_id, opened, seen)
        return opened

    def _check_parents(
        self,
        row: CommitRow,
        commit: Commit,
        parents: dict[CommitId, CommitRow],
        ancestors: Ancestors,
    ) -> None:
        for parent in commit.parents:
            found = parents.get(parent)
            if found is None:
                self._fault("commit-not-found", f"its parent {parent.hex()} is missing", row)
            elif not ancestry.contains(ancestors, found.place):
                self._fault("misplaced-commit", f"its parent {parent.hex()} was cut off", row)
        first = parents.get(commit.parents[0]) if commit.parents else None
        before = -1 if first is None else first.position
        if (first is not None or not commit.parents) and row.position != before + 1:
            self._fault("misplaced-commit", f"it does not stand behind {before}", row)

    async def _prove_tree(
        self, row: CommitRow, commit: Commit, parents: dict[CommitId, CommitRow]
    ) -> None:
        """Prove the nodes that the first parent's tree has not."""
        first = parents.get(commit.parents[0]) if commit.parents else None
        opened = rules.open_commit(first.commit_id, first.data) if first is not None else None
        before = opened.tree if isinstance(opened, Commit) else EMPTY.node_id
        self._at_hand, self._ahead = self._ahead | {EMPTY.node_id: EMPTY.node}, {}
        if commit.tree == before:
            of_before = (first.files, first.bytes) if first and before != EMPTY.node_id else (0, 0)
            if of_before != (row.files, row.bytes):
                self._fault("corrupt-commit", "its sums differ from those before it", row)
            return
        news, olds = await self._roots(row, commit.tree, before)
        for level in range(max([*news, *olds, 0]), -1, -1):
            fresh = news[level] - olds[level] - self._known
            common = news[level] & olds[level]
            for node in await self._prove_nodes(row, fresh):
                news[level - 1] |= _children(node)
            if level:
                for node in await self._look_at(row, olds[level] - common):
                    olds[level - 1] |= _children(node)

    async def _roots(self, row: CommitRow, tree: NodeId, before: NodeId) -> tuple[Levels, Levels]:
        """Return both roots by their levels; the new one is proved, and what it sums up to."""
        news: Levels = defaultdict(set)
        olds: Levels = defaultdict(set)
        root = (await self._read(row.commit_id, {tree}))[tree]
        if isinstance(root, Fault):
            self._proved.faults.append(root)
            return news, olds
        self._at_hand[tree] = root
        if root.totals() != (row.files, row.bytes):
            self._fault("corrupt-commit", "its sums differ from those of its tree", row)
        news[root.level].add(tree)
        for old in await self._look_at(row, {before}):
            olds[old.level].add(before)
        return news, olds

    async def _prove_nodes(self, row: CommitRow, node_ids: set[NodeId]) -> list[Node]:
        read = await self._read(row.commit_id, node_ids)
        self._known |= node_ids
        self._proved.nodes += len(node_ids)
        self._proved.faults += [node for node in read.values() if isinstance(node, Fault)]
        return [node for node in read.values() if isinstance(node, Node)]

    async def _look_at(self, row: CommitRow, node_ids: set[NodeId]) -> list[Node]:
        """Return nodes of a tree that is proved another time; what is wrong there is left out."""
        read = await self._read(row.commit_id, node_ids)
        found = {node_id: node for node_id, node in read.items() if isinstance(node, Node)}
        self._ahead |= found
        return list(found.values())

    async def _read(self, commit_id: CommitId, node_ids: set[NodeId]) -> dict[NodeId, Node | Fault]:
        """Return nodes that the database has as their names say, and what is wrong with others."""
        read: dict[NodeId, Node | Fault] = {
            node_id: self._at_hand[node_id] for node_id in node_ids & self._at_hand.keys()
        }
        for part in _parts(node_ids - read.keys()):
            stored = await proving.read_nodes(self._conn, part)
            read |= {each: rules.open_node(each, stored.get(each), commit_id) for each in part}
        return read

    async def _prove_names(self, commit_ids: Sequence[CommitId]) -> None:
        """Prove the tags of these commits, and the signatures of both."""
        named = await proving.list_tags_at(self._conn, self._bucket_id, commit_ids)
        for name, commit_id, data in named:
            self._proved.faults += rules.check_tag(name, commit_id, data)
        targets = [*commit_ids, *(tags.id_of(data) for _, _, data in named)]
        for each in await signatures.list_signatures(self._conn, self._bucket_id, targets):
            info = signature_info(each)
            self._proved.signatures.append(info)
            if not info.valid:
                detail = f"{info.key_name} did not sign {each.kind} {info.target}"
                self._proved.faults.append(Fault(code="bad-signature", detail=detail))

    def _fault(self, code: str, detail: str, at: CommitRow | CommitId) -> None:
        commit_id = at.commit_id if isinstance(at, CommitRow) else at
        self._proved.faults.append(Fault(code=code, detail=detail, commit_id=commit_id.hex()))


def signature_info(signature: Signature) -> SignatureInfo:
    """Return a signature as it crosses the wire, proved now."""
    key = signature.key
    return SignatureInfo(
        target=signature.target.hex(),
        key_id=key.key_id.hex(),
        key_name=key.name,
        signed_at=signature.signed_at,
        valid=is_valid(key.public_key, signature.signature, signature.kind, signature.target),
        revoked=key.removed_at is not None,
    )


def _children(node: Node) -> set[NodeId]:
    return {NodeId(item.body) for item in node.items} if node.level else set()


def _parts(node_ids: set[NodeId]) -> list[list[NodeId]]:
    ordered = sorted(node_ids)
    return [
        ordered[first : first + NODES_READ_AT_ONCE]
        for first in range(0, len(ordered), NODES_READ_AT_ONCE)
    ]
