"""A git repository on this machine, written."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from dulwich import porcelain
from dulwich.errors import NotGitRepository
from dulwich.objects import ObjectID
from dulwich.refs import Ref
from dulwich.repo import Repo
from msgspec import Struct

from libs.client.failures import Usage
from libs.client.git.objects import Objects
from libs.client.git.placing import Placed, place_branch, place_tag
from libs.client.git.source import HEADS
from libs.contracts.versioning import TagInfo

HEAD = Ref(b"HEAD")


class Target(Struct, frozen=True):
    """Where an export goes."""

    repo: Repo
    is_new: bool


@contextmanager
def target_at(path: Path, *, bare: bool) -> Iterator[Target]:
    """Open the repository at ``path``, or make one where nothing is."""
    if path.exists() and not path.is_dir():
        raise Usage(f"{path} is no directory")
    is_new = not path.exists() or not any(path.iterdir())
    if is_new:
        path.mkdir(parents=True, exist_ok=True)
        repo = Repo.init_bare(str(path)) if bare else Repo.init(str(path))
    else:
        try:
            repo = Repo(str(path))
        except NotGitRepository as error:
            raise Usage(f"{path} is no git repository, and not empty") from error
    try:
        yield Target(repo, is_new)
    finally:
        repo.close()


def place_refs(
    target: Target,
    branches: Mapping[str, ObjectID],
    tags: Sequence[tuple[TagInfo, ObjectID]],
    *,
    force: bool,
) -> list[Placed]:
    """Set branches and tags; a new repository shows the first branch's files."""
    repo = target.repo
    if target.is_new and branches:
        first = "main" if "main" in branches else next(iter(branches))
        repo.refs.set_symbolic_ref(HEAD, Ref(HEADS + first.encode()))
    objects = Objects(repo)
    placed = [place_branch(repo, name, at, force=force) for name, at in branches.items()]
    placed += [place_tag(repo, objects, tag, at) for tag, at in tags]
    if target.is_new and branches and not repo.bare:
        porcelain.reset(repo, "hard")
    return placed
