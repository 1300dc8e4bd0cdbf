"""Whoever writes what does not fit is told what does."""

import importlib
import pkgutil
from collections.abc import Iterator
from typing import Any, get_args

import msgspec
import pytest
from msgspec import Meta

import libs.contracts
from services.gateway.edge.wording import in_words


def patterned() -> Iterator[tuple[str, Any]]:
    """Yield the values of contracts that have a pattern."""
    for module in pkgutil.walk_packages(libs.contracts.__path__, "libs.contracts."):
        for name, value in vars(importlib.import_module(module.name)).items():
            metas = [one for one in get_args(value) if isinstance(one, Meta) and one.pattern]
            if metas and not name.startswith("_"):
                yield f"{module.name}.{name}", value


@pytest.mark.parametrize("value", [pytest.param(value, id=name) for name, value in patterned()])
def test_every_pattern_is_told_in_words(value: Any) -> None:
    with pytest.raises(msgspec.ValidationError) as refused:
        msgspec.convert("!", value)

    told = in_words(str(refused.value))

    assert "regex" not in told
    assert "expected" in told or "named by" in told


def test_what_has_no_pattern_is_told_as_it_is() -> None:
    assert in_words("Expected `int` >= 1") == "Expected `int` >= 1"
