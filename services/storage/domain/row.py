"""A row of the database as the domain reads it: values by the name of their column."""

from typing import Any, Protocol


class Row(Protocol):
    """Whatever has columns."""

    def __getitem__(self, column: str, /) -> Any: ...
