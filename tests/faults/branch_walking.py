"""Changes of branches over HTTP, each compared with what a model says becomes of it."""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import cycle, permutations
from typing import Any, Literal, NamedTuple

import httpx

from tests.builders import a_bucket_name
from tests.faults import branch_model as model
from tests.faults.branch_model import MAIN, Change, File, Files, Refused, World
from tests.faults.load import API
from tests.faults.walking import quiet
from tests.platform import Platform
from tests.waiting import eventually

BRANCHES = (MAIN, "one", "two")
PATHS = ("a", "b/1", "b/2", "c")
CONTENTS = 6
"""The last ones are the bytes of the first ones, described differently."""
BODIES = 4
PROBLEM = "urn:strongroom:problem:"
ABSENT = ("branch-not-found", "ref-not-found")
PATIENCE_S = 60.0
PATIENCE_IN_A_FAULT_S = 9.0

How = Literal["refuse", "ours", "theirs", "each"]


class Step(NamedTuple):
    """One change; what it does not need of these is not looked at."""

    what: str
    branch: str = MAIN
    other: str = BRANCHES[1]
    path: str = PATHS[0]
    content: int | None = 0
    second: tuple[str, int | None] = (PATHS[1], None)
    back: int = 0
    how: How = "refuse"
    squash: bool = False


class Call(NamedTuple):
    """A request, and what it means."""

    change: Change
    method: str
    where: str
    more: Mapping[str, Any]
    early: Change | None = None
    """What it means if the commits that it names are found before others change their branches."""


class Answer(NamedTuple):
    code: str | None
    """None: it was done."""
    conflicts: dict[str, tuple[str | None, ...]]


class Unanswered(Exception):
    """There was no answer, or one that does not tell what happened."""


class BranchWalker:
    """A client of one bucket's history, who believes no answer that the model does not give."""

    def __init__(self, platform: Platform, http: httpx.AsyncClient) -> None:
        self.platform = platform
        self.http = http
        self.bucket = a_bucket_name("walk")
        self.world = World()
        self.calm = True
        self.requests = 0
        self.commits = 0
        self.in_doubt = 0
        self.refusals: Counter[str] = Counter()
        self._ids: dict[int, str] = {}
        bodies = [f"{self.bucket} {number}".encode() for number in range(BODIES)]
        self._bodies = [bodies[number % BODIES] for number in range(CONTENTS)]
        self._digests = [hashlib.sha256(body).hexdigest() for body in self._bodies]

    async def begin(self) -> None:
        """Make the bucket, and have storage hold all contents."""
        (await self.http.post(API, json={"name": self.bucket})).raise_for_status()
        for body in self._bodies[:BODIES]:
            answer = await self.http.post(f"{API}/{self.bucket}/contents", content=body)
            answer.raise_for_status()
        await eventually(self._is_known)

    async def take(self, step: Step) -> None:
        """Make one change, and see that all is as the model says."""
        await self.together([step])

    async def together(self, steps: Iterable[Step]) -> None:
        """Make changes at once: they are as if they came in some order."""
        calls = [self.call(step) for step in steps]
        answers = await asyncio.gather(*map(self.send, calls))
        await self.compare(calls, answers)

    async def compare(self, calls: list[Call], answers: list[Answer | None]) -> None:
        """Find the course that things took; unanswered calls took effect, or did not."""
        self.refusals.update(answer.code for answer in answers if answer and answer.code)
        courses = list(self._courses(calls, answers))
        assert courses, f"{answers} cannot be, by {self.world}"
        if None in answers:
            self.in_doubt += 1
            await self.settle(courses)
        else:
            await self.see(courses)

    async def settle(self, courses: list[World]) -> None:
        """See what came of changes without an answer, when nothing is under way any more."""
        await quiet(self.platform, "storage", "versioning")

        async def seen() -> bool:
            await self.see(courses)
            return True

        await eventually(seen, timeout_s=30, pause_s=0.5)

    def call(self, step: Step) -> Call:
        """Return what ``step`` asks, in the world as it is."""
        branch, other, back = step.branch, step.other, step.back
        staged = {"branch": branch, "message": "what was staged"}
        taken_back = {"branch": branch, "commit": f"{branch}~{back}"}
        restored = {"branch": branch, "to": f"{other}~{back}"}
        moved = {"to": f"{other}~{back}", "discard": True}
        made = {"name": branch, "source": other}
        match step.what:
            case "write":
                return self._write(step)
            case "commit":
                return self._commit(step)
            case "commit staged":
                return _call(model.commit_staged(branch), "POST", "commits", staged)
            case "merge":
                return self._merge(step)
            case "revert":
                early = model.revert(branch, back, self.world)
                call = _call(model.revert(branch, back), "POST", "reverts", taken_back)
                return call._replace(early=early)
            case "restore":
                return _call(model.restore(branch, other, back), "POST", "restores", restored)
            case "reset":
                change = model.reset(branch, other, back)
                return _call(change, "PATCH", f"branches/{branch}", moved)
            case "create":
                return _call(model.create(branch, other), "POST", "branches", made)
        more = {"params": {"discard": "true"}}
        return Call(model.delete(branch), "DELETE", f"branches/{branch}", more)

    def _write(self, step: Step) -> Call:
        branch, path, file = step.branch, step.path, self._file(step.content)
        more: dict[str, Any] = {} if branch == MAIN else {"params": {"ref": branch}}
        if file is None:
            return Call(model.write(branch, path, None), "DELETE", f"files/{path}", more)
        more["content"] = self._bodies[file.content]
        more["headers"] = {"content-type": file.content_type}
        return Call(model.write(branch, path, file), "PUT", f"files/{path}", more)

    def _commit(self, step: Step) -> Call:
        second, content = step.second
        states = {step.path: self._file(step.content), second: self._file(content)}
        body = {"branch": step.branch, "lenient": True, "changes": self._changes(states)}
        return _call(model.commit_changes(step.branch, states), "POST", "commits", body)

    def _merge(self, step: Step) -> Call:
        otherwise = step.how if step.how in ("ours", "theirs") else None
        resolutions: dict[str, Any] = {}
        if step.how == "each":
            ways = cycle(["ours", "theirs", self._file(step.content), None])
            paths = model.conflicts_of(self.world, step.other, step.branch)
            resolutions = dict(zip(paths, ways, strict=False))
        body = {
            "from": step.other,
            "into": step.branch,
            "squash": step.squash,
            "otherwise": otherwise,
            "resolutions": {path: self._resolution(way) for path, way in resolutions.items()},
        }
        change = model.merge(step.other, step.branch, resolutions, otherwise, squash=step.squash)
        call = _call(change, "POST", "merges", body)
        if step.other == step.branch:
            return call
        return call._replace(early=model.seen_before(change, step.other, self.world))

    async def send(self, call: Call) -> Answer | None:
        """Return what was answered; None: nobody knows what happened."""
        try:
            answer = await self.ask(call.method, call.where, **call.more)
        except Unanswered:
            return None
        if answer.is_success:
            return Answer(None, {})
        problem = answer.json()
        sides = ("base", "ours", "theirs")
        return Answer(
            problem["type"].removeprefix(PROBLEM),
            {
                conflict["path"]: tuple(
                    conflict[side] and conflict[side]["sha256"] for side in sides
                )
                for conflict in problem.get("conflicts", ())
            },
        )

    async def ask(self, method: str, where: str, **more: Any) -> httpx.Response:
        """Return the answer, unless it leaves open what happened."""
        self.requests += 1
        patience_s = PATIENCE_S if self.calm else PATIENCE_IN_A_FAULT_S
        url = f"{API}/{self.bucket}/{where}"
        try:
            answer = await self.http.request(method, url, timeout=patience_s, **more)
        except httpx.TransportError as error:
            if self.calm:
                raise
            raise Unanswered from error
        if answer.is_server_error:
            assert answer.status_code == 503, f"{method} {where}: {answer.text}"
            raise Unanswered(answer.text)
        return answer

    async def see(self, courses: list[World]) -> None:
        """Take the course that all looks like; it is checked down to parents and files."""
        doubts = []
        for world in courses:
            try:
                ids = await self._identified(world)
            except AssertionError as error:
                doubts.append(str(error))
            else:
                self.commits += len(world.commits) - len(self.world.commits)
                self.world, self._ids = world, ids
                return
        raise AssertionError("\n".join([f"was {self.world}", *doubts]))

    def _courses(self, calls: list[Call], answers: list[Answer | None]) -> Iterable[World]:
        seen: list[World] = []
        for order in permutations(range(len(calls))):
            for world in self._course([(calls[at], answers[at]) for at in order], self.world):
                if world not in seen:
                    seen.append(world)
                    yield world

    def _course(self, left: list[tuple[Call, Answer | None]], world: World) -> Iterable[World]:
        if not left:
            yield world
            return
        (call, answer), *rest = left
        for change in filter(None, (call.change, call.early)):
            try:
                after, expected = change(world), Answer(None, {})
            except Refused as refused:
                after, expected = world, self._refusal(refused)
            if answer is None or _same(answer, expected):
                yield from self._course(rest, after)
            if answer is None and after is not world:
                yield from self._course(rest, world)

    async def _identified(self, world: World) -> dict[int, str]:
        """Compare the platform with a world; return the ids of that world's commits."""
        await self._recorded(world)
        told = (await self._get("branches", limit=1000))["items"]
        assert {one["name"] for one in told} == set(world.branches)
        ids = dict(self._ids)
        for one in told:
            branch = world.branches[one["name"]]
            await self._identify(world, ids, branch.head, one["commit_id"])
            assert one["staged"] == len(branch.staged), f"{one} but {branch}"
        for name, branch in world.branches.items():
            if branch != self.world.branches.get(name) and name != MAIN:
                shown = await self._listed(ref=name)
                assert shown == self._expected(world.shown(name)), f"{name} shows {shown}"
        return ids

    async def _recorded(self, world: World) -> None:
        """Compare what storage has, and let history catch up with it."""
        files = await self._listed()
        assert files == self._expected(world.committed(MAIN)), f"main has {files}"
        body = {"from": MAIN, "into": MAIN, "dry_run": True}
        answer = await self.ask("POST", "merges", json=body)
        assert answer.is_success or world.branches[MAIN].head is None, answer.text

    async def _identify(
        self, world: World, ids: dict[int, str], number: int | None, commit_id: str | None
    ) -> None:
        """See that a commit is the one of the model, over all its parents."""
        if number is None or commit_id is None:
            assert number is None, f"nothing was committed, but {number}"
            assert commit_id is None, f"{commit_id} is new"
            return
        if number in ids:
            assert ids[number] == commit_id, f"{commit_id} is not {number}, {ids[number]}"
            return
        known = {other: one for one, other in ids.items()}
        assert commit_id not in known, f"{commit_id} is {known[commit_id]}, not {number}"
        ids[number] = commit_id
        commit = world.commits[number]
        parents = (await self._get(f"commits/{commit_id}"))["commit"]["parents"]
        assert len(parents) == len(commit.parents), f"{parents} are not {commit.parents}"
        for parent, parent_id in zip(commit.parents, parents, strict=True):
            await self._identify(world, ids, parent, parent_id)
        files = await self._listed(ref=commit_id)
        assert files == self._expected(commit.files), f"{commit_id} has {files}"

    async def _listed(self, **params: Any) -> dict[str, tuple[str, str]]:
        items = (await self._get("files", limit=1000, **params))["items"]
        return {item["path"]: (item["sha256"], item["content_type"]) for item in items}

    async def _get(self, where: str, **params: Any) -> Any:
        answer = await self.ask("GET", where, params=params)
        assert answer.is_success, answer.text
        return answer.json()

    async def _is_known(self) -> bool:
        return (await self.http.get(f"{API}/{self.bucket}/branches")).is_success

    def _file(self, content: int | None) -> File | None:
        if content is None:
            return None
        kind = "application/octet-stream" if content < BODIES else "text/plain"
        return File(content % BODIES, kind)

    def _changes(self, states: model.States) -> list[dict[str, Any]]:
        return [
            {"op": "delete", "path": path}
            if file is None
            else {"op": "put", "path": path, **self._resolution(file)}
            for path, file in states.items()
        ]

    def _resolution(self, way: model.Side | File | None) -> Any:
        if way is None:
            return {}
        if isinstance(way, str):
            return way
        return {"sha256": self._digests[way.content], "content_type": way.content_type}

    def _expected(self, files: Files) -> dict[str, tuple[str, str]]:
        return {
            path: (self._digests[file.content], file.content_type) for path, file in files.items()
        }

    def _refusal(self, refused: Refused) -> Answer:
        conflicts = {
            path: tuple(file and self._digests[file.content] for file in sides)
            for path, sides in refused.conflicts.items()
        }
        return Answer(refused.code, conflicts)


def _call(change: Change, method: str, where: str, body: Mapping[str, Any]) -> Call:
    return Call(change, method, where, {"json": body})


def _same(answer: Answer, expected: Answer) -> bool:
    if answer.code in ABSENT and expected.code in ABSENT:
        return True
    return answer == expected
