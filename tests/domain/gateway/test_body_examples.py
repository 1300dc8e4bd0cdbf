"""The bodies that the documentation shows can be sent as they are."""

from typing import Any

import msgspec
import pytest

from services.gateway.routes.body_examples import BODIES
from services.gateway.routes.branches import BranchChange, NewBranch
from services.gateway.routes.making_commits import Committing, Importing
from services.gateway.routes.merges import Merging
from services.gateway.routes.proving import NewKey, NewSignature, Verdict
from services.gateway.routes.restores import Repeating, Restoring
from services.gateway.routes.retention import NewPolicy, Previewing, Purging
from services.gateway.routes.tags import NewTag

TAKEN_AS: dict[str, Any] = {
    "commits": Committing,
    "merges": Merging,
    "restores": Restoring,
    "reverts": Repeating,
    "cherry-picks": Repeating,
    "imports": Importing,
    "branches": NewBranch,
    "branches/{branch}": BranchChange,
    "tags": NewTag,
    "commits/{commit}/checks": Verdict,
    "signing-keys": NewKey,
    "commits/{commit}/signatures": NewSignature,
    "tags/{tag}/signatures": NewSignature,
    "retention": NewPolicy,
    "retention/preview": Previewing,
    "purges": Purging,
}


@pytest.mark.parametrize(
    ("call", "body"), [pytest.param(call, body, id=call) for (_, call), body in BODIES.items()]
)
def test_an_example_is_what_its_call_takes(call: str, body: dict[str, Any]) -> None:
    msgspec.convert(body, TAKEN_AS[call])
