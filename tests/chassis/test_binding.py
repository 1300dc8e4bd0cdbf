"""Handlers get what they need by type, and a service that cannot tell which does not start."""

from typing import Protocol

import pytest

from libs.chassis.binding import GivenTwice, NotGiven, bind


class Closable(Protocol):
    def close(self) -> None: ...


class Tap:
    def close(self) -> None:
        """Stop the water."""


class HotTap(Tap):
    pass


def turn_off(what: str, tap: Tap) -> tuple[str, Tap]:
    return what, tap


def close(closable: Closable) -> Closable:
    return closable


def test_a_parameter_is_filled_by_its_type() -> None:
    tap = HotTap()

    assert bind(turn_off, ["a string", tap], own=1)("now") == ("now", tap)


def test_a_protocol_is_met_by_its_members() -> None:
    tap = Tap()

    assert bind(close, ["a string", tap], own=0)() is tap


def test_what_is_missing_is_said_at_the_start() -> None:
    with pytest.raises(NotGiven, match="turn_off needs tap"):
        bind(turn_off, ["a string"], own=1)


def test_one_of_two_is_not_chosen_by_chance() -> None:
    with pytest.raises(GivenTwice, match=r"turn_off needs tap.*there are 2"):
        bind(turn_off, [Tap(), HotTap()], own=1)


def test_the_same_thing_given_twice_is_one() -> None:
    tap = Tap()

    assert bind(turn_off, [tap, tap], own=1)("now") == ("now", tap)
