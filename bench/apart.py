"""A load of its own process: it shares neither memory nor interpreter with who measures."""

import asyncio
import multiprocessing
from collections.abc import Callable, Coroutine
from concurrent.futures import ProcessPoolExecutor
from typing import Any, ParamSpec, TypeVar

import uvloop

P = ParamSpec("P")
T = TypeVar("T")

LONGEST_S = 900.0


def apart(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call ``work``, a function of a module, in a new process and return what it returns."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as pool:
        return pool.submit(work, *args, **kwargs).result(LONGEST_S)


def apart_async(work: Callable[P, Coroutine[Any, Any, T]], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run the coroutine function ``work`` in a new process and return what it returns."""
    return apart(_run, work, args, kwargs)


def _run(work: Callable[..., Coroutine[Any, Any, T]], args: Any, kwargs: Any) -> T:
    async def bounded() -> T:
        async with asyncio.timeout(LONGEST_S):
            return await work(*args, **kwargs)

    return uvloop.run(bounded())
