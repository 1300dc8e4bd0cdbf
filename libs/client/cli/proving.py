"""``verify``, ``sign`` and ``signing-key``: a history proven, and signed."""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter
from rich.prompt import Prompt

from libs.client.cli.connect import FOUND, Connect
from libs.client.cli.examples import EXAMPLES
from libs.client.cli.groups import VERSIONS
from libs.client.cli.output import (
    AsJson,
    counted,
    messages,
    print_json,
    print_table,
    say,
    short,
    tell,
    when,
)
from libs.client.client import Client
from libs.client.failures import ApiProblem, Usage
from libs.contracts.versioning import SignatureInfo, SigningKey, Verification

signing_key = App(
    name="signing-key",
    group=VERSIONS,
    help="Ed25519 keys that may sign a bucket's history: list, add, remove.",
    help_epilogue=EXAMPLES["signing_key"],
)


async def verify(
    bucket: str,
    ref: Annotated[str, Parameter(help="Branch, tag or commit.")] = "main",
    /,
    *,
    trees: Annotated[bool, Parameter(help="Prove what the commits name, too.")] = True,
    json: AsJson = False,
    connect: Connect = FOUND,
) -> int:
    """Prove that nobody altered a history: every commit, all parents; exit 1 when one is bad."""
    commits = nodes = faults = 0
    signatures: list[SignatureInfo] = []
    async with connect.client() as client:
        async for part in client.proving.verify(bucket, ref, trees=trees):
            commits += part.commits
            nodes += part.nodes
            faults += len(part.faults)
            signatures += part.signatures
            print_json([part]) if json else _tell_faults(part)
    if not json:
        _print_signatures(signatures)
        verdict = "all good" if not faults else counted(faults, "fault")
        proved = f"{counted(commits, 'commit')} and {counted(nodes, 'tree node')}"
        say(f"{bucket} {ref}: {proved} proven, {verdict}")
    bad = faults or any(not one.valid for one in signatures)
    return 1 if bad else 0


async def sign(
    bucket: str,
    target: Annotated[str, Parameter(help="A tag, or what names a commit.")],
    /,
    *,
    key_file: Annotated[
        Path, Parameter(name="--with", help="Private Ed25519 key: PEM or OpenSSH.")
    ],
    commit: Annotated[
        bool, Parameter(negative=(), help="Sign the commit also where TARGET is a tag.")
    ] = False,
    connect: Connect = FOUND,
) -> None:
    """Sign a tag or a commit; the key never leaves this machine."""
    # Imported by who signs only: to load it takes as long as all the rest of the command.
    from libs.client.signing import is_locked, read_private_key

    passphrase = _passphrase() if is_locked(key_file) else None
    key = read_private_key(key_file, passphrase)
    async with connect.client() as client:
        tag_id = None if commit else await _tag_id(client, bucket, target)
        if tag_id is not None:
            made = await client.proving.sign_tag(bucket, target, tag_id, key)
        else:
            found = await client.versions.commit(bucket, target)
            made = await client.proving.sign_commit(bucket, found.commit.commit_id, key)
    what = "commit" if tag_id is None else "tag"
    say(f"signed {what} {short(made.target)} with {made.key_name}")


@signing_key.command(name=["list", "ls"])
async def list_keys(bucket: str, /, *, json: AsJson = False, connect: Connect = FOUND) -> None:
    """List the keys that are or were trusted."""
    async with connect.client() as client:
        found = await client.proving.keys(bucket)
    if json:
        print_json(found)
        return
    print_table(("key", "name", "owner", "added", "removed"), map(_row, found))


@signing_key.command
async def add(
    bucket: str,
    name: str,
    public_key: Annotated[Path, Parameter(help="File of the public key: OpenSSH or PEM.")],
    /,
    *,
    connect: Connect = FOUND,
) -> None:
    """Trust a key to sign commits and tags of a bucket."""
    from libs.client.signing import read_public_key

    async with connect.client() as client:
        key = await client.proving.add_key(bucket, name, read_public_key(public_key))
    say(f"{key.name} may sign: key {short(key.key_id)}")


@signing_key.command(name=["remove", "rm"])
async def remove(
    bucket: str,
    key: Annotated[str, Parameter(help="Its name, or the beginning of its id.")],
    /,
    *,
    connect: Connect = FOUND,
) -> None:
    """Trust a key no more; what it signed before is still shown as signed."""
    async with connect.client() as client:
        found = [
            one
            for one in await client.proving.keys(bucket)
            if one.removed_at is None and (one.name == key or one.key_id.startswith(key))
        ]
        if len(found) != 1:
            raise Usage(f"{key} names {counted(len(found), 'key')}: `signing-key list {bucket}`")
        await client.proving.remove_key(bucket, found[0].key_id)
    say(f"{found[0].name} may sign no more")


async def _tag_id(client: Client, bucket: str, name: str) -> str | None:
    """Return the id of a tag, None when the name is not that of one."""
    try:
        return (await client.tags.get(bucket, name)).tag_id
    except ApiProblem as problem:
        if problem.status not in (400, 404, 422):
            raise
        return None


def _passphrase() -> bytes:
    if not messages().is_terminal:
        raise Usage("the key has a passphrase, and there is no terminal to ask for it")
    return Prompt.ask("Passphrase", console=messages(), password=True).encode()


def _tell_faults(part: Verification) -> None:
    for fault in part.faults:
        tell(f"{fault.code}: {short(fault.commit_id)} {fault.detail}", style="red")


def _print_signatures(signatures: list[SignatureInfo]) -> None:
    if not signatures:
        return
    rows = [
        (short(one.target), one.key_name, when(one.signed_at), _verdict(one)) for one in signatures
    ]
    print_table(("signed", "by key", "when", ""), rows)


def _verdict(one: SignatureInfo) -> str:
    if not one.valid:
        return "BAD"
    return "good, key removed since" if one.revoked else "good"


def _row(one: SigningKey) -> tuple[object, ...]:
    added, removed = when(one.added_at), when(one.removed_at)
    return (short(one.key_id), one.name, one.owner, added, removed)
