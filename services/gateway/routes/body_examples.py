"""What the OpenAPI document shows as bodies of the calls that write history."""

from typing import Any

from litestar import Litestar
from litestar.openapi.spec import Example

from services.gateway.routes.given import PREFIX

_COMMIT = "9d1c04be5a7f3d2286bd0a0e4f1c7d5b3a9e8f6071625344f8a7b6c5d4e3f201"
_DIGEST = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"
_SIGNATURE = {
    "key_id": _DIGEST,
    "signature": "Pz8/" * 21 + "Pw==",
}

BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("post", "commits"): {
        "branch": "draft",
        "message": "New plan, old notes gone",
        "changes": [
            {"op": "put", "path": "plan.md", "sha256": _DIGEST},
            {"op": "move", "source": "notes.md", "path": "archive/notes.md"},
            {"op": "delete", "path": "todo.md"},
        ],
        "expect_head": _COMMIT,
    },
    ("post", "merges"): {
        "from": "draft",
        "into": "main",
        "message": "Take the draft",
        "resolutions": {"plan.md": "theirs", "notes.md": {"sha256": _DIGEST}},
        "dry_run": True,
    },
    ("post", "restores"): {
        "to": "@2026-11-20T10:00Z",
        "prefix": "2026/",
        "message": "Undo the clean-up",
    },
    ("post", "reverts"): {"commit": "9d1c04be", "message": "Not yet"},
    ("post", "cherry-picks"): {"commit": "draft~1", "branch": "main"},
    ("post", "imports"): {
        "author": "git:Ann <ann@example.org>",
        "committed_at": "2019-04-01T12:00:00Z",
        "parents": [_COMMIT],
        "message": "A red wheelbarrow",
        "changes": [{"op": "put", "path": "wheelbarrow.txt", "sha256": _DIGEST}],
    },
    ("post", "branches"): {"name": "draft", "source": "v1.0"},
    ("patch", "branches/{branch}"): {"protected": True, "required_checks": ["tests"]},
    ("post", "tags"): {"name": "v1.0", "source": "main", "message": "As printed"},
    ("put", "commits/{commit}/checks"): {
        "name": "tests",
        "state": "passed",
        "detail": "212 of 212",
    },
    ("post", "signing-keys"): {"name": "ann", "public_key": "Pz8/" * 10 + "Pz8="},
    ("post", "commits/{commit}/signatures"): _SIGNATURE,
    ("post", "tags/{tag}/signatures"): _SIGNATURE,
    ("put", "retention"): {"policy": {"keep_last": 10, "keep_days": 90}},
    ("post", "retention/preview"): {"policy": {"keep_last": 10, "keep_days": 90}},
    ("post", "purges"): {"path": "secret.txt", "dry_run": True},
}
"""By method and what stands behind the bucket."""


def show_bodies(app: Litestar) -> None:
    """Give each of these calls the body that its reader can copy."""
    paths = app.openapi_schema.paths or {}
    for (method, call), body in BODIES.items():
        operation = getattr(paths[f"{PREFIX}/buckets/{{bucket}}/{call}"], method)
        operation.request_body.content["application/json"].examples = {
            "example": Example(value=body)
        }
