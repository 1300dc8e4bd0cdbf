"""What a URL's path names: a branch, tag or commit, whose name may hold slashes."""

import pytest

from services.gateway.domain.ref_names import find_name

pytestmark = pytest.mark.domain

BUCKET = "/api/v1/buckets/reports"


@pytest.mark.parametrize(
    ("path", "routed", "name"),
    [
        ("/branches/main", "/branches/-", "main"),
        ("/branches/feature/x", "/branches/-", "feature/x"),
        ("/branches/feature%2Fx", "/branches/-", "feature%2Fx"),
        ("/branches/branches/x", "/branches/-", "branches/x"),
        ("/tags/v1", "/tags/-", "v1"),
        ("/tags/a/b/signatures", "/tags/-/signatures", "a/b"),
        ("/tags/a%2Fsignatures", "/tags/-", "a%2Fsignatures"),
        ("/tags/signatures", "/tags/-", "signatures"),
        ("/commits/main~1/checks", "/commits/-/checks", "main~1"),
    ],
)
def test_a_name_is_what_stands_between_its_kind_and_what_is_known_of_it(
    path: str, routed: str, name: str
) -> None:
    found = find_name(f"{BUCKET}{path}".encode())

    assert found is not None
    assert (found.path, found.name) == (f"{BUCKET}{routed}", name.encode())


@pytest.mark.parametrize(
    "path",
    ["/branches", "/branches/", "/files/branches/x", "/diff/content", "/tagsx/a", "/a/b/tags/c"],
)
def test_other_paths_name_nothing(path: str) -> None:
    assert find_name(f"{BUCKET}{path}".encode()) is None


def test_a_bucket_that_is_written_otherwise_is_none() -> None:
    assert find_name(b"/api/v1/buckets/a%2Fb/tags/c") is None
