"""Logs and blame against the commits themselves: what the indexes say is what the trees say."""

import random

import pytest

from libs.contracts.versioning import CommitInfo, GetBlame, GetCommit, GetDiff, ListCommits
from tests.service.versioning.branching import Branching

PATHS = [f"{folder}/{name}" for folder in "ab" for name in "xyz"]
BRANCHES = ["one", "two", "three"]


async def grow(scene: Branching, chance: random.Random, steps: int) -> list[str]:
    """Let a history grow on main and on branches of branches; return the branches."""
    grown = ["main"]
    word = 0
    await scene.put(**{PATHS[0]: "begin"})
    await scene.ask(GetDiff(bucket=scene.name, source="now"))
    for name in BRANCHES:
        await scene.branch(name, chance.choice(grown))
        grown.append(name)
        for _ in range(steps):
            branch, other = chance.choice(grown), chance.choice(grown)
            if chance.random() < 0.3 and other != branch:
                await scene.merge(other, branch, otherwise="theirs")
                continue
            word += 1
            for path in chance.sample(PATHS, 2):
                if branch == "main":
                    await scene.put(**{path: f"word {word}"})
                elif chance.random() < 0.2 and path in await scene.words(branch):
                    await scene.write(branch, **{path: None})
                else:
                    await scene.write(branch, **{path: f"word {word} {path}"})
    await scene.ask(GetDiff(bucket=scene.name, source="now"))
    return grown


async def changed_by(scene: Branching, commit: CommitInfo) -> set[str]:
    detail = await scene.ask(GetCommit(bucket=scene.name, ref=commit.commit_id))
    return {change.path for change in detail.changes}


@pytest.mark.parametrize("seed", range(3))
async def test_what_touched_a_path_is_what_changed_it(scene: Branching, seed: int) -> None:
    chance = random.Random(seed)
    branches = await grow(scene, chance, steps=5)
    changes: dict[str, set[str]] = {}
    for branch in branches:
        history = await scene.commits(branch)
        for commit in history:
            if commit.commit_id not in changes:
                changes[commit.commit_id] = await changed_by(scene, commit)
        blame = await scene.ask(GetBlame(bucket=scene.name, ref=branch))
        last = {touch.path: touch.commit_id for touch in blame.items}

        assert last.keys() == (await scene.words(branch)).keys()
        for path in PATHS:
            found = await scene.ask(ListCommits(bucket=scene.name, ref=branch, path=path))
            touched = [one.commit_id for one in found.items]
            assert touched == [
                commit.commit_id for commit in history if path in changes[commit.commit_id]
            ]
            assert path not in last or last[path] == touched[0]
