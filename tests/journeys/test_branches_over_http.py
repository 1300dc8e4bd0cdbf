"""Branches over HTTP: made of any state, written by plain PUT, read like any other files."""

import asyncio
import hashlib
import os
from collections import Counter
from typing import Any

import httpx
import pytest

from libs.contracts.versioning import RefMoved
from tests.journeys.callers import CallerWith, give, principal_of
from tests.listening import Events

SMALL, LARGE = 1_000, 300_000
"""Below and above what a body may have to be read at once."""


@pytest.fixture
def branches(bucket: str) -> str:
    """Where the bucket's branches are."""
    return f"/api/v1/buckets/{bucket}/branches"


@pytest.fixture
def staged(bucket: str) -> str:
    """Where what is staged is."""
    return f"/api/v1/buckets/{bucket}/staged"


async def put(http: httpx.AsyncClient, url: str, body: bytes | None = None, **said: Any) -> bytes:
    body = os.urandom(SMALL) if body is None else body
    answer = await http.put(url, content=body, **said)
    assert answer.status_code in (200, 201), answer.text
    return body


async def make(http: httpx.AsyncClient, branches: str, name: str, **wish: Any) -> dict[str, Any]:
    answer = await http.post(branches, json={"name": name, **wish})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def read(http: httpx.AsyncClient, url: str, ref: str) -> bytes:
    answer = await http.get(url, params={"ref": ref})
    assert answer.status_code == 200, answer.text
    return answer.content


async def paths(http: httpx.AsyncClient, files: str, ref: str | None = None) -> list[str]:
    answer = await http.get(files, params={} if ref is None else {"ref": ref})
    assert answer.status_code == 200, answer.text
    return [item["path"] for item in answer.json()["items"]]


def problem(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].removeprefix("urn:strongroom:problem:")


async def test_a_branch_begins_with_what_was_just_stored(
    http: httpx.AsyncClient, files: str, branches: str
) -> None:
    body = await put(http, f"{files}/a")

    made = await make(http, branches, "draft")

    assert made["commit_id"] is not None
    assert await read(http, f"{files}/a", "draft") == body
    assert await paths(http, files, "draft") == ["a"]


async def test_a_branch_begins_at_any_ref(
    http: httpx.AsyncClient, files: str, branches: str
) -> None:
    first = await put(http, f"{files}/a")
    one = (await make(http, branches, "one"))["commit_id"]
    await put(http, f"{files}/a")
    await http.post(branches.replace("branches", "tags"), json={"name": "v1", "source": one})
    await make(http, branches, "two")

    for number, source in enumerate((one, one[:12], "v1", "one", "main~1", "two~1")):
        await make(http, branches, f"of-{number}", source=source)

        assert await read(http, f"{files}/a", f"of-{number}") == first


async def test_a_branch_of_an_empty_main_is_empty_and_takes_files(
    http: httpx.AsyncClient, files: str, branches: str
) -> None:
    made = await make(http, branches, "draft")

    assert made["commit_id"] is None
    assert await paths(http, files, "draft") == []
    body = await put(http, f"{files}/a?ref=draft")
    assert await read(http, f"{files}/a", "draft") == body
    assert await paths(http, files) == []


@pytest.mark.parametrize("size", [0, SMALL, LARGE])
async def test_a_put_on_a_branch_shows_there_and_nowhere_else(
    http: httpx.AsyncClient, files: str, branches: str, size: int
) -> None:
    on_main = await put(http, f"{files}/a")
    await make(http, branches, "draft")
    body = os.urandom(size)

    changed = await http.put(
        f"{files}/a?ref=draft", content=body, headers={"Strongroom-Meta-Owner": "ann"}
    )
    added = await http.put(f"{files}/b?ref=draft", content=body)

    assert (changed.status_code, added.status_code) == (200, 201)
    assert changed.headers["etag"] == f'"{hashlib.sha256(body).hexdigest()}"'
    assert changed.headers["strongroom-branch"] == "draft"
    assert changed.json()["staged"] is True
    assert changed.json()["metadata"] == {"owner": "ann"}
    assert (await http.get(added.headers["location"])).content == body
    assert await read(http, f"{files}/a", "draft") == body
    assert await paths(http, files, "draft") == ["a", "b"]
    assert (await http.get(f"{files}/a")).content == on_main
    assert await paths(http, files) == ["a"]


async def test_what_is_staged_is_listed_and_can_be_discarded(
    http: httpx.AsyncClient, files: str, branches: str, staged: str
) -> None:
    kept = await put(http, f"{files}/kept")
    await put(http, f"{files}/gone")
    await make(http, branches, "draft")
    for path in ("kept", "new/a", "new/b"):
        await put(http, f"{files}/{path}?ref=draft")
    assert (await http.delete(f"{files}/gone?ref=draft")).status_code == 204

    listed = (await http.get(staged, params={"branch": "draft"})).json()["items"]
    below = (await http.get(staged, params={"branch": "draft", "prefix": "new/"})).json()["items"]
    page = (await http.get(staged, params={"branch": "draft", "limit": 3})).json()
    rest = await http.get(staged, params={"branch": "draft", "limit": 3, "cursor": page["next"]})

    states = {item["path"]: (item.get("before"), item.get("after")) for item in listed}
    assert [item["path"] for item in listed] == ["gone", "kept", "new/a", "new/b"]
    assert states["gone"][1] is None
    assert states["new/a"][0] is None
    assert states["kept"][0]["sha256"] == hashlib.sha256(kept).hexdigest()
    assert [item["path"] for item in below] == ["new/a", "new/b"]
    assert page["items"] + rest.json()["items"] == listed
    assert (await http.get(f"{branches}/draft")).json()["staged"] == 4

    one = await http.delete(staged, params={"branch": "draft", "path": "gone"})
    some = await http.delete(staged, params={"branch": "draft", "prefix": "new/"})

    assert one.json() == {"branch": "draft", "discarded": 1, "staged": 3}
    assert some.json() == {"branch": "draft", "discarded": 2, "staged": 1}
    assert await paths(http, files, "draft") == ["gone", "kept"]
    everything = await http.delete(staged, params={"branch": "draft"})
    assert everything.json()["staged"] == 0
    assert await read(http, f"{files}/kept", "draft") == kept


async def test_a_write_that_brings_the_committed_state_back_is_not_staged(
    http: httpx.AsyncClient, files: str, branches: str
) -> None:
    body = await put(http, f"{files}/a")
    await make(http, branches, "draft")
    await put(http, f"{files}/a?ref=draft")

    back = await http.put(f"{files}/a?ref=draft", content=body)

    assert (back.status_code, back.json()["staged"]) == (200, False)
    assert (await http.get(f"{branches}/draft")).json()["staged"] == 0
    head = await http.head(f"{files}/a?ref=draft")
    assert "strongroom-commit" in head.headers


async def test_preconditions_hold_on_a_branch(
    http: httpx.AsyncClient, files: str, branches: str
) -> None:
    on_main = hashlib.sha256(await put(http, f"{files}/a")).hexdigest()
    await make(http, branches, "draft")
    url = f"{files}/a?ref=draft"
    on_branch = hashlib.sha256(await put(http, url)).hexdigest()

    async def status(method: str, url: str, **headers: str) -> int:
        content = os.urandom(10) if method == "PUT" else None
        answer = await http.request(
            method,
            url,
            content=content,
            headers={k.replace("_", "-"): v for k, v in headers.items()},
        )
        return answer.status_code

    assert await status("PUT", url, If_Match=f'"{on_main}"') == 412
    assert await status("PUT", url, If_None_Match="*") == 412
    assert await status("PUT", url, If_None_Match="*", If_Match="*") == 412
    assert await status("DELETE", url, If_Match=f'"{on_main}"') == 412
    assert await status("PUT", f"{files}/b?ref=draft", If_Match="*") == 412
    assert hashlib.sha256(await read(http, f"{files}/a", "draft")).hexdigest() == on_branch
    assert await status("PUT", url, If_Match=f'"{on_branch}"') == 200
    assert await status("PUT", url, If_Match="*") == 200
    assert await status("PUT", f"{files}/b?ref=draft", If_None_Match="*") == 201
    assert await status("DELETE", url, If_Match="*") == 204
    assert await status("DELETE", url) == 404


async def test_what_is_known_of_a_file_changes_on_its_branch_only(
    http: httpx.AsyncClient, files: str, branches: str
) -> None:
    body = await put(http, f"{files}/a", headers={"Content-Type": "text/plain"})
    await make(http, branches, "draft")

    first = await http.patch(f"{files}/a?ref=draft", json={"tags": {"k": "v"}})
    second = await http.patch(f"{files}/a?ref=draft", json={"metadata": {"m": "n"}})
    missing = await http.patch(f"{files}/b?ref=draft", json={"tags": {}})
    stale = await http.patch(
        f"{files}/a?ref=draft", json={"tags": {}}, headers={"If-Match": f'"{"0" * 64}"'}
    )

    assert first.status_code == 200, first.text
    assert second.json()["tags"] == {"k": "v"}
    assert second.json()["metadata"] == {"m": "n"}
    assert second.json()["content_type"] == "text/plain"
    assert await read(http, f"{files}/a", "draft") == body
    assert problem(missing) == (404, "file-not-found")
    assert problem(stale) == (412, "precondition-failed")
    assert (await http.head(f"{files}/a")).headers.get("strongroom-tags") is None


@pytest.mark.parametrize("kind", ["branch", "staged", "tag", "commit", "main"])
async def test_ranges_conditions_and_heads_work_at_any_ref(
    http: httpx.AsyncClient, files: str, branches: str, kind: str
) -> None:
    body = await put(http, f"{files}/a")
    commit = (await make(http, branches, "draft"))["commit_id"]
    if kind == "staged":
        body = await put(http, f"{files}/a?ref=draft")
    tagged = await http.post(branches.replace("branches", "tags"), json={"name": "v1"})
    assert tagged.status_code == 201, tagged.text
    ref = {"branch": "draft", "staged": "draft", "tag": "v1", "main": "main"}.get(kind, commit)
    url, etag = f"{files}/a?ref={ref}", f'"{hashlib.sha256(body).hexdigest()}"'

    whole = await http.get(url)
    part = await http.get(url, headers={"Range": "bytes=100-199"})
    behind = await http.get(url, headers={"Range": f"bytes={len(body)}-"})
    same = await http.get(url, headers={"If-None-Match": etag})
    other = await http.get(url, headers={"If-Match": '"x"'})
    head = await http.head(url)
    listed = (await http.get(files, params={"ref": ref})).json()

    assert (whole.content, whole.headers["etag"]) == (body, etag)
    assert (part.status_code, part.content) == (206, body[100:200])
    assert [answer.status_code for answer in (behind, same, other)] == [416, 304, 412]
    assert head.headers["content-length"] == str(len(body))
    assert head.headers["etag"] == etag
    assert [(item["path"], item["staged"]) for item in listed["items"]] == [("a", kind == "staged")]
    named = "strongroom-branch" if kind == "staged" else "strongroom-commit"
    assert named in head.headers


async def test_a_branch_is_listed_with_prefixes_and_in_pages(
    http: httpx.AsyncClient, files: str, branches: str
) -> None:
    await put(http, f"{files}/a/1")
    await put(http, f"{files}/c")
    await make(http, branches, "draft")
    await put(http, f"{files}/b/1?ref=draft")
    await put(http, f"{files}/a/2?ref=draft")
    await http.delete(f"{files}/c?ref=draft")

    folders = (await http.get(files, params={"ref": "draft", "delimiter": "/"})).json()
    page = (await http.get(files, params={"ref": "draft", "limit": 2})).json()
    rest = await http.get(files, params={"ref": "draft", "limit": 2, "cursor": page["next"]})

    assert (folders["prefixes"], folders["items"]) == (["a/", "b/"], [])
    assert [item["path"] for item in page["items"]] == ["a/1", "a/2"]
    assert [item["path"] for item in rest.json()["items"]] == ["b/1"]


@pytest.mark.parametrize("ref", ["main", "now"])
async def test_main_is_written_as_without_a_ref(
    http: httpx.AsyncClient, files: str, ref: str
) -> None:
    body = os.urandom(SMALL)

    stored = await http.put(f"{files}/a?ref={ref}", content=body)

    assert stored.json()["revision"] == 1
    assert (await http.get(f"{files}/a")).content == body
    assert (await http.patch(f"{files}/a?ref={ref}", json={"tags": {"k": "v"}})).status_code == 200
    assert (await http.delete(f"{files}/a?ref={ref}")).status_code == 204


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize(
    ("ref", "refusal"),
    [
        ("v1", (409, "not-a-branch")),
        ("COMMIT", (409, "not-a-branch")),
        ("draft~1", (409, "not-a-branch")),
        ("@2026-11-20T10:00Z", (409, "not-a-branch")),
        ("a..b", (409, "not-a-branch")),
        ("nobody", (404, "branch-not-found")),
        ("release", (409, "branch-protected")),
    ],
)
async def test_only_branches_that_take_writes_are_written(
    http: httpx.AsyncClient,
    files: str,
    branches: str,
    method: str,
    ref: str,
    refusal: tuple[int, str],
) -> None:
    body = await put(http, f"{files}/a")
    commit = (await make(http, branches, "draft"))["commit_id"]
    await http.post(branches.replace("branches", "tags"), json={"name": "v1"})
    await make(http, branches, "release", protected=True)
    bodies: dict[str, dict[str, Any]] = {
        "PUT": {"content": b"x"},
        "PATCH": {"json": {"tags": {}}},
        "DELETE": {},
    }

    answer = await http.request(
        method, f"{files}/a", params={"ref": commit if ref == "COMMIT" else ref}, **bodies[method]
    )

    assert problem(answer) == refusal
    assert (await http.get(f"{files}/a")).content == body


async def test_a_protected_main_takes_no_direct_writes(
    http: httpx.AsyncClient, files: str, branches: str
) -> None:
    await put(http, f"{files}/a")

    protected = await http.patch(f"{branches}/main", json={"protected": True})

    assert protected.status_code == 200, protected.text
    assert protected.json()["protected"] is True
    refused = await http.put(f"{files}/a", content=b"x")
    assert problem(refused) == (409, "branch-protected")
    await http.patch(f"{branches}/main", json={"protected": False})
    assert (await http.put(f"{files}/a", content=b"x")).status_code == 200


async def test_main_can_neither_be_moved_nor_deleted(
    http: httpx.AsyncClient, files: str, branches: str
) -> None:
    await put(http, f"{files}/a")
    await make(http, branches, "draft")

    moved = await http.patch(f"{branches}/main", json={"to": "draft"})
    deleted = await http.delete(f"{branches}/main")
    uncommitted = await http.patch(f"{branches}/main", json={"auto_commit": False})

    assert {problem(answer) for answer in (moved, deleted, uncommitted)} == {
        (409, "main-moves-by-commits")
    }
    listed = (await http.get(branches)).json()["items"]
    assert [(one["name"], one["is_default"]) for one in listed] == [
        ("draft", False),
        ("main", True),
    ]


async def test_of_two_who_move_a_branch_one_is_told_that_it_moved(
    http: httpx.AsyncClient, files: str, branches: str, bucket: str, events: Events
) -> None:
    await put(http, f"{files}/a")
    await make(http, branches, "one")
    await put(http, f"{files}/a")
    await make(http, branches, "two")
    await put(http, f"{files}/a")
    begun = (await make(http, branches, "race"))["commit_id"]

    answers = await asyncio.gather(
        *(http.patch(f"{branches}/race", json={"to": to, "expect": begun}) for to in ("one", "two"))
    )

    assert Counter(answer.status_code for answer in answers) == {200: 1, 412: 1}
    (lost,) = [answer for answer in answers if answer.status_code == 412]
    (won,) = [answer for answer in answers if answer.status_code == 200]
    assert problem(lost) == (412, "stale-head")
    now = (await http.get(f"{branches}/race")).json()["commit_id"]
    assert now == won.json()["commit_id"] == lost.json()["head"]
    moves = await events.until(RefMoved, lambda e: (e.bucket, e.ref) == (bucket, "race"), count=2)
    assert [(move.before, move.after) for move in moves] == [(None, begun), (begun, now)]


async def test_a_reset_and_a_deletion_ask_before_staged_writes_are_lost(
    http: httpx.AsyncClient, files: str, branches: str, bucket: str, events: Events
) -> None:
    first = await put(http, f"{files}/a")
    old = (await make(http, branches, "old"))["commit_id"]
    await put(http, f"{files}/a")
    head = (await make(http, branches, "draft"))["commit_id"]
    await put(http, f"{files}/b?ref=draft")

    refused = await http.patch(f"{branches}/draft", json={"to": "old"})
    kept = await http.delete(f"{branches}/draft")
    stale = await http.delete(f"{branches}/draft", params={"expect": old, "discard": True})

    assert problem(refused) == problem(kept) == (409, "staged-changes")
    assert problem(stale) == (412, "stale-head")
    assert await paths(http, files, "draft") == ["a", "b"]

    reset = await http.patch(f"{branches}/draft", json={"to": "old", "discard": True})

    assert (reset.json()["commit_id"], reset.json()["staged"]) == (old, 0)
    assert await read(http, f"{files}/a", "draft") == first
    assert await paths(http, files, "draft") == ["a"]
    deleted = await http.delete(f"{branches}/draft", params={"expect": old})
    assert deleted.status_code == 204
    assert problem(await http.get(f"{branches}/draft")) == (404, "branch-not-found")
    moves = await events.until(RefMoved, lambda e: (e.bucket, e.ref) == (bucket, "draft"), count=3)
    assert [(m.before, m.after) for m in moves] == [(None, head), (head, old), (old, None)]


async def test_names_are_those_that_git_allows(http: httpx.AsyncClient, branches: str) -> None:
    for name in ("feature/x", "v1.2", "A_b-c", "0123456", "a/b/c"):
        made = await http.post(branches, json={"name": name})
        assert made.status_code == 201, name
        assert (await http.get(made.headers["location"])).json()["name"] == name
        assert (await http.get(f"{branches}/{name.replace('/', '%2F')}")).status_code == 200
        assert (await http.post(branches, json={"name": name})).status_code == 409
        assert (await http.delete(f"{branches}/{name}")).status_code == 204

    bad = [
        "",
        "now",
        "HEAD",
        "a..b",
        "/a",
        "a/",
        "a//b",
        ".a",
        "a/.b",
        "a.lock",
        "a.",
        "a b",
        "a~1",
    ]
    bad += ["-a", "a@b", "a:b", "a?b", "a*b", "a[b", "a\\b", "a\nb", "é", "0" * 64, "deadbeef"]
    for name in bad:
        refused = await http.post(branches, json={"name": name})
        assert refused.status_code == 400, name


async def test_a_commit_is_found_by_a_name_with_slashes(
    http: httpx.AsyncClient, files: str, branches: str
) -> None:
    await put(http, f"{files}/a")
    commit = (await make(http, branches, "feature/x"))["commit_id"]
    commits = branches.replace("branches", "commits")

    for name in ("feature/x", "feature%2Fx", commit):
        found = await http.get(f"{commits}/{name}")
        checks = await http.get(f"{commits}/{name}/checks")

        assert found.json()["commit"]["commit_id"] == commit
        assert checks.json()["items"] == []


async def test_a_branch_and_a_tag_cannot_share_a_name(
    http: httpx.AsyncClient, files: str, branches: str
) -> None:
    await put(http, f"{files}/a")
    tags = branches.replace("branches", "tags")
    await make(http, branches, "one")
    assert (await http.post(tags, json={"name": "two"})).status_code == 201

    assert problem(await http.post(tags, json={"name": "one"})) == (409, "ref-exists")
    assert problem(await http.post(branches, json={"name": "two"})) == (409, "ref-exists")
    assert problem(await http.get(f"{branches}/two")) == (409, "not-a-branch")
    assert problem(await http.get(f"{tags}/one")) == (404, "tag-not-found")
    assert problem(await http.delete(f"{tags}/main")) == (404, "tag-not-found")


async def test_a_tag_never_moves_and_can_only_be_deleted(
    http: httpx.AsyncClient, files: str, branches: str, bucket: str, events: Events
) -> None:
    first = await put(http, f"{files}/a")
    tags = branches.replace("branches", "tags")
    wish = {"name": "release/1.0", "message": "the first", "metadata": {"by": "ann"}}

    tagged = await http.post(tags, json=wish)
    await put(http, f"{files}/a")

    assert tagged.status_code == 201, tagged.text
    tag = tagged.json()
    assert (tag["message"], tag["metadata"]) == ("the first", {"by": "ann"})
    assert (await http.get(tagged.headers["location"])).json() == tag
    assert (await http.get(f"{tags}/release%2F1.0")).json() == tag
    assert (await http.get(tags)).json()["items"] == [tag]
    assert await read(http, f"{files}/a", "release/1.0") == first
    assert (await http.patch(f"{tags}/release/1.0", json={})).status_code == 405
    assert (await http.delete(f"{tags}/release/1.0")).status_code == 204
    assert problem(await http.get(f"{tags}/release/1.0")) == (404, "tag-not-found")
    moves = await events.until(
        RefMoved, lambda e: (e.bucket, e.ref) == (bucket, "release/1.0"), count=2
    )
    assert [(m.before, m.after) for m in moves] == [
        (None, tag["commit_id"]),
        (tag["commit_id"], None),
    ]


async def test_an_empty_history_has_nothing_to_tag(http: httpx.AsyncClient, branches: str) -> None:
    answer = await http.post(branches.replace("branches", "tags"), json={"name": "v1"})

    assert problem(answer) == (404, "ref-not-found")


async def test_refs_are_listed_by_name_in_pages(
    http: httpx.AsyncClient, files: str, branches: str
) -> None:
    await put(http, f"{files}/a")
    tags = branches.replace("branches", "tags")
    for name in ("b/2", "B", "b/1", "z"):
        await make(http, branches, name)
        assert (await http.post(tags, json={"name": f"t-{name}"})).status_code == 201
    await put(http, f"{files}/x?ref=b/1")

    async def names(url: str, **asked: Any) -> list[str]:
        found: list[str] = []
        page: dict[str, Any] = {"next": None}
        while True:
            cursor = {"cursor": page["next"]} if page["next"] else {}
            page = (await http.get(url, params={"limit": 2, **asked, **cursor})).json()
            found += [item["name"] for item in page["items"]]
            if not page.get("next"):
                return found

    assert await names(branches) == ["B", "b/1", "b/2", "main", "z"]
    assert await names(branches, prefix="b/") == ["b/1", "b/2"]
    assert await names(tags) == ["t-B", "t-b/1", "t-b/2", "t-z"]
    waiting = {item["name"]: item["staged"] for item in (await http.get(branches)).json()["items"]}
    assert waiting == {"B": 0, "b/1": 1, "b/2": 0, "main": 0, "z": 0}


async def test_a_branch_can_commit_each_write_at_once(
    http: httpx.AsyncClient, files: str, branches: str, bucket: str
) -> None:
    await put(http, f"{files}/a")
    begun = (await make(http, branches, "draft"))["commit_id"]
    waiting = await put(http, f"{files}/waits?ref=draft")
    await http.patch(f"{branches}/draft", json={"auto_commit": True})

    body = os.urandom(SMALL)
    written = await http.put(f"{files}/b?ref=draft", content=body)

    commit = written.headers["strongroom-commit"]
    detail = (await http.get(f"/api/v1/buckets/{bucket}/commits/{commit}")).json()
    assert detail["commit"]["parents"] == [begun]
    assert detail["commit"]["message"] == "put b"
    assert [change["path"] for change in detail["changes"]] == ["b"]
    now = (await http.get(f"{branches}/draft")).json()
    assert (now["commit_id"], now["staged"]) == (commit, 1)
    assert await read(http, f"{files}/waits", "draft") == waiting
    assert await read(http, f"{files}/b", commit) == body
    same = await http.put(f"{files}/b?ref=draft", content=body)
    assert same.headers["strongroom-commit"] == commit


async def test_writers_of_one_branch_lose_nothing(
    http: httpx.AsyncClient, files: str, branches: str, staged: str
) -> None:
    await put(http, f"{files}/a")
    await make(http, branches, "draft")
    bodies = {f"d/{number:02}": os.urandom(SMALL) for number in range(16)}

    answers = await asyncio.gather(
        *(http.put(f"{files}/{path}?ref=draft", content=body) for path, body in bodies.items())
    )

    assert {answer.status_code for answer in answers} == {201}
    assert await paths(http, files, "draft") == ["a", *bodies]
    for path, body in bodies.items():
        assert await read(http, f"{files}/{path}", "draft") == body
    listed = (await http.get(staged, params={"branch": "draft"})).json()["items"]
    assert [item["path"] for item in listed] == list(bodies)


async def test_roles_count_at_the_paths_that_are_touched(
    http: httpx.AsyncClient, files: str, branches: str, staged: str, bucket: str, caller: CallerWith
) -> None:
    await put(http, f"{files}/a")
    await make(http, branches, "draft")
    await put(http, f"{files}/a?ref=draft")
    writer = await caller()
    await give(http, bucket, principal_of(writer), "writer", prefix="mine/")

    assert (await writer.put(f"{files}/mine/b?ref=draft", content=b"x")).status_code == 201
    assert (await writer.put(f"{files}/a?ref=draft", content=b"x")).status_code == 403
    discard = {"branch": "draft", "path": "a"}
    assert (await writer.delete(staged, params=discard)).status_code == 403
    assert (await writer.delete(staged, params={"branch": "draft"})).status_code == 403
    mine = await writer.get(staged, params={"branch": "draft", "prefix": "mine/"})
    assert [item["path"] for item in mine.json()["items"]] == ["mine/b"]
    assert (await writer.get(staged, params={"branch": "draft"})).status_code == 403
    done = await writer.delete(staged, params={"branch": "draft", "prefix": "mine/"})
    assert done.json()["discarded"] == 1
    assert (await writer.post(branches, json={"name": "x"})).status_code == 403


async def test_protecting_is_for_owners(
    http: httpx.AsyncClient, files: str, branches: str, bucket: str, caller: CallerWith
) -> None:
    await put(http, f"{files}/a")
    writer = await caller()
    await give(http, bucket, principal_of(writer), "writer")

    assert (await writer.post(branches, json={"name": "x"})).status_code == 201
    wishes: list[dict[str, Any]] = [{"protected": True}, {"required_checks": ["tests"]}]
    for wish in wishes:
        made = await writer.post(branches, json={"name": "y", **wish})
        changed = await writer.patch(f"{branches}/x", json=wish)
        assert (made.status_code, changed.status_code) == (403, 403)
    both = {"required_checks": ["tests", "lint", "tests"], "protected": True}
    checked = await http.patch(f"{branches}/x", json=both)
    assert checked.json()["required_checks"] == ["lint", "tests"]
    assert problem(await writer.patch(f"{branches}/x", json={"to": "main"})) == (
        409,
        "branch-protected",
    )
    assert problem(await writer.delete(f"{branches}/x")) == (409, "branch-protected")


@pytest.mark.parametrize(
    ("said", "refusal"),
    [
        ({"name": "x", "source": "nobody"}, (404, "ref-not-found")),
        ({"name": "x", "source": "0" * 64}, (404, "ref-not-found")),
        ({"name": "x", "source": "main~99"}, (404, "ref-not-found")),
        ({"name": "x", "source": "@2000-01-01T00:00Z"}, (404, "ref-not-found")),
        ({"name": "x", "source": "@yesterday"}, (422, "malformed-ref")),
        ({"name": "x", "source": "@2026-11-20"}, (422, "malformed-ref")),
        ({"name": "x", "source": "a\0b"}, (400, "malformed-request")),
        ({"name": "x", "source": ""}, (400, "invalid-input")),
        ({"name": "main"}, (409, "ref-exists")),
        ({"name": "x" * 101}, (400, "invalid-input")),
        ({"source": "main"}, (400, "invalid-input")),
        ({"name": "x", "sauce": "main"}, (400, "invalid-input")),
        ({"name": "x", "required_checks": ["a b"]}, (400, "invalid-input")),
    ],
    ids=lambda value: (
        "+".join(f"{k}={v}"[:20] for k, v in value.items()).replace("\0", "NUL")
        if isinstance(value, dict)
        else ""
    ),
)
async def test_a_wish_that_makes_no_sense_makes_no_branch(
    http: httpx.AsyncClient,
    files: str,
    branches: str,
    said: dict[str, Any],
    refusal: tuple[int, str],
) -> None:
    await put(http, f"{files}/a")

    answer = await http.post(branches, json=said)

    assert problem(answer) == refusal
    assert [one["name"] for one in (await http.get(branches)).json()["items"]] == ["main"]


async def test_a_name_that_is_none_is_refused_wherever_it_stands(
    http: httpx.AsyncClient, files: str, branches: str, staged: str, bucket: str
) -> None:
    await put(http, f"{files}/a")
    tags = branches.replace("branches", "tags")

    for name in ("a..b", "a%20b", "a%00b", "%F0%9F%98%80", "deadbeef"):
        for url in (f"{branches}/{name}", f"{tags}/{name}", f"{staged}?branch={name}"):
            assert (await http.get(url)).status_code == 400, url
    assert (await http.get(f"{branches}/%FF")).status_code == 400
    assert (await http.get(staged)).status_code == 400
    both = {"branch": "main", "path": "a", "prefix": "b"}
    assert problem(await http.delete(staged, params=both)) == (400, "invalid-input")
    wrong = await http.patch(f"{branches}/main", json={"expect": "abc"})
    assert problem(wrong) == (400, "invalid-input")
    absent = await http.patch(f"{branches}/nobody", json={"to": "main"})
    assert problem(absent) == (404, "branch-not-found")
    assert problem(await http.delete(f"{branches}/nobody")) == (404, "branch-not-found")
    assert problem(await http.get(f"{staged}?branch=nobody")) == (404, "branch-not-found")
    unlabelled = await http.post(tags, json={"name": "v1", "metadata": {"": "x"}})
    assert problem(unlabelled) == (400, "invalid-labels")
