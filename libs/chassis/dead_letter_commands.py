"""``python -m services.<name> dead-letters …``."""

import sys
from argparse import Namespace
from uuid import UUID

from libs.chassis import dead_letters
from libs.chassis.bus import Bus
from libs.chassis.database import Database
from libs.chassis.dead_letters import DeadLetter, RedriveFailed
from libs.chassis.service import Command


async def list_letters(db: Database) -> int:
    """List the events that wait for somebody, oldest first."""
    async with db.connection() as conn:
        letters = await dead_letters.list_parked(conn)
    for letter in letters:
        _print(
            f"{letter.dead_letter_id}  {letter.parked_at:%Y-%m-%d %H:%M:%S}  "
            f"{letter.consumer}  {letter.subject}  {letter.tries} tries  {letter.error}"
        )
    if not letters:
        _print("no dead letters")
    return 0


async def show(arguments: Namespace, db: Database) -> int:
    """Show one event with its headers, body and error."""
    for letter in await _chosen(arguments, db):
        _print(f"{letter.subject} for {letter.consumer}, parked at {letter.parked_at:%c}")
        for name, value in letter.headers.items():
            _print(f"  {name}: {value}")
        _print(letter.payload.decode(errors="backslashreplace"))
        _print(f"after {letter.tries} tries: {letter.error}")
    return 0


async def redrive(arguments: Namespace, db: Database, bus: Bus) -> int:
    """Give an event, or `all`, to its consumer once more; the service must be running."""
    failed = 0
    for letter in await _chosen(arguments, db):
        try:
            await dead_letters.redrive(db, bus, letter)
        except RedriveFailed as error:
            failed += 1
            _print(f"{letter.dead_letter_id}: failed again: {error}")
        else:
            _print(f"{letter.dead_letter_id}: applied")
    return 1 if failed else 0


async def drop(arguments: Namespace, db: Database) -> int:
    """Forget an event for good."""
    for letter in await _chosen(arguments, db):
        async with db.transaction() as tx:
            await dead_letters.drop(tx, letter.dead_letter_id)
        _print(f"{letter.dead_letter_id}: dropped")
    return 0


COMMANDS: dict[str, Command] = {
    "list": list_letters,
    "show": show,
    "redrive": redrive,
    "drop": drop,
}


async def _chosen(arguments: Namespace, db: Database) -> list[DeadLetter]:
    async with db.connection() as conn:
        if arguments.dead_letter_id == "all":
            return await dead_letters.list_parked(conn)
        try:
            wanted = UUID(arguments.dead_letter_id)
        except ValueError:
            raise SystemExit("that is no dead letter's id; `list` shows them") from None
        letter = await dead_letters.find(conn, wanted)
    if letter is None:
        raise SystemExit(f"there is no dead letter {wanted}")
    return [letter]


def _print(line: str) -> None:
    sys.stdout.write(line + "\n")
