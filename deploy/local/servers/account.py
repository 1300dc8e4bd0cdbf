"""PostgreSQL refuses to run as root, so a stack of root runs it as an account of its own.

That account must reach its data and its programs. Below a closed directory, such as ``/root``, it
cannot: both then live in ``/var/lib/strongroom``, and no mode of a foreign directory is changed.
"""

import os
import pwd
import secrets
import shutil
import subprocess
import time
from pathlib import Path

ACCOUNT = "embedded_postgres"
OUTSIDE = Path("/var/lib/strongroom")


def database_account() -> pwd.struct_passwd | None:
    """Return the account that PostgreSQL has to run as, made when missing; None when not root."""
    if os.getuid() != 0:
        return None
    for _ in range(5):
        try:
            return pwd.getpwnam(ACCOUNT)
        except KeyError:
            _add_account()
    return pwd.getpwnam(ACCOUNT)


def _add_account() -> None:
    made = subprocess.run(
        ["useradd", "--system", "--user-group", "--no-create-home", ACCOUNT],
        check=False,
        capture_output=True,
        text=True,
    )
    if made.returncode != 0:
        # Two first starts at once: one of them finds the account file locked, or the name taken.
        time.sleep(0.3)


def can_reach(directory: Path, account: pwd.struct_passwd) -> bool:
    """Return whether ``account`` may walk into ``directory`` from the root of the file system."""
    return all(_can_enter(place, account) for place in (directory, *directory.parents))


def _can_enter(place: Path, account: pwd.struct_passwd) -> bool:
    found = place.stat()
    if found.st_uid == account.pw_uid:
        return bool(found.st_mode & 0o100)
    if found.st_gid == account.pw_gid:
        return bool(found.st_mode & 0o010)
    return bool(found.st_mode & 0o001)


def prepare_data_place(link: Path, account: pwd.struct_passwd | None) -> Path:
    """Return a private directory for the account's data: ``link`` itself, or what it points to."""
    if account is None:
        link.mkdir(mode=0o700, exist_ok=True)
        return link
    if not link.exists():
        _create_place(link, account)
    if not link.is_symlink():
        _let_in(link.parent, account)
    place = link.resolve()
    os.chown(place, account.pw_uid, account.pw_gid)
    place.chmod(0o700)
    return place


def _create_place(link: Path, account: pwd.struct_passwd) -> None:
    link.unlink(missing_ok=True)
    if can_reach(link.parent.parent, account):
        link.mkdir(mode=0o700)
        return
    place = _outside() / f"postgres-{secrets.token_hex(6)}"
    place.mkdir(mode=0o700)
    link.symlink_to(place)


def _let_in(directory: Path, account: pwd.struct_passwd) -> None:
    """Let the account's group, and nobody else, pass through ``directory``."""
    os.chown(directory, -1, account.pw_gid)
    directory.chmod(0o710)


def _outside() -> Path:
    OUTSIDE.mkdir(mode=0o755, parents=True, exist_ok=True)
    OUTSIDE.chmod(0o755)
    return OUTSIDE


def remove_data_place(link: Path) -> None:
    """Delete the account's data and, when it lives elsewhere, the link to it."""
    if link.is_symlink():
        place = link.resolve()
        if place.parent == OUTSIDE:
            shutil.rmtree(place, ignore_errors=True)
        link.unlink()
    else:
        shutil.rmtree(link, ignore_errors=True)


def reachable_install(package: Path, version: str, account: pwd.struct_passwd | None) -> Path:
    """Return ``package``, or a copy of it when ``account`` cannot reach it where it is."""
    if account is None or can_reach(package, account):
        return package
    copy = _outside() / f"postgresql-{version}"
    if not copy.exists():
        fresh = _outside() / f".{copy.name}.{secrets.token_hex(4)}"
        shutil.copytree(package, fresh / package.name, ignore=shutil.ignore_patterns("include"))
        # The programs look for their libraries beside the package, by a relative path.
        libraries = package.with_name(f"{package.name}.libs")
        shutil.copytree(libraries, fresh / libraries.name)
        try:
            fresh.rename(copy)
        except OSError:
            shutil.rmtree(fresh)  # another first start was faster
    return copy / package.name
