"""Arguments of operators' commands, as a decorator beside the function that takes them."""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, TypeVar

F = TypeVar("F", bound=Callable[..., Awaitable[int]])


class Argument(NamedTuple):
    """What ``argparse`` is told about one argument."""

    names: tuple[str, ...]
    options: dict[str, Any]


def argument(*names: str, **options: Any) -> Callable[[F], F]:
    """Give a command an argument; it arrives in its ``argparse.Namespace`` parameter."""

    def mark(command: F) -> F:
        before = getattr(command, "__arguments__", ())
        command.__arguments__ = (Argument(names, options), *before)  # type: ignore[attr-defined]
        return command

    return mark
