"""All words on the wire, once every module of ``libs.contracts`` is imported."""

import importlib
import pkgutil
from typing import Any

import libs.contracts
from libs.contracts.base import EVENTS, REQUESTS, Event, Request

for _module in pkgutil.iter_modules(libs.contracts.__path__):
    importlib.import_module(f"libs.contracts.{_module.name}")


def all_events() -> list[type[Event]]:
    """Return every event type."""
    return list(EVENTS.values())


def all_requests() -> list[type[Request[Any]]]:
    """Return every request."""
    return list(REQUESTS.values())
