"""Handlers say what they need by type; what a service was given is bound to them at start.

``async def commit_upload(request: CommitUpload, db: Database)`` gets the one ``Database`` of its
service. What is missing stops the start, not the first request.
"""

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any, get_origin, get_type_hints


class NotGiven(TypeError):
    """A handler needs what its service was not given."""


class GivenTwice(TypeError):
    """A handler needs one thing of a type of which its service was given several."""


def bind(handler: Callable[..., Any], given: Sequence[object], *, own: int) -> Callable[..., Any]:
    """Return ``handler`` with all parameters after the first ``own`` filled from ``given``.

    Raises ``NotGiven`` when nothing of a parameter's type is there, ``GivenTwice`` when more than
    one thing is.
    """
    hints = get_type_hints(handler)
    names = list(inspect.signature(handler).parameters)[own:]
    found = {name: _one_of(hints[name], given, handler, name) for name in names}
    return functools.partial(handler, **found) if found else handler


def _one_of(kind: Any, given: Sequence[object], handler: Callable[..., Any], name: str) -> object:
    cls = get_origin(kind) or kind
    fitting = {id(thing): thing for thing in given if _is_a(thing, cls)}
    needed = f"{handler.__module__}.{handler.__qualname__} needs {name}: {kind}"
    if not fitting:
        raise NotGiven(needed)
    if len(fitting) > 1:
        raise GivenTwice(f"{needed}, and there are {len(fitting)}")
    (thing,) = fitting.values()
    return thing


def _is_a(thing: object, cls: Any) -> bool:
    if getattr(cls, "_is_protocol", False):
        return all(hasattr(thing, name) for name in _members(cls))
    return isinstance(thing, cls)


@functools.cache
def _members(protocol: Any) -> frozenset[str]:
    return frozenset(
        name
        for base in protocol.__mro__[:-1]
        if getattr(base, "_is_protocol", False)
        for name in (*vars(base), *getattr(base, "__annotations__", {}))
        if not name.startswith("_")
    )
