"""``commit-checks``: what is said of commits, e.g. by tests; protected branches may ask for it."""

from typing import Annotated

from cyclopts import App, Parameter

from libs.client.cli.connect import FOUND, Connect
from libs.client.cli.examples import EXAMPLES
from libs.client.cli.groups import VERSIONS
from libs.client.cli.output import AsJson, print_json, print_table, say, short, when
from libs.contracts.versioning import CheckState

commit_checks = App(
    name="commit-checks",
    group=VERSIONS,
    help="What checks say of commits: list, report.",
    help_epilogue=EXAMPLES["commit_checks"],
)

Commit = Annotated[str, Parameter(help="Commit, branch or tag.")]


@commit_checks.command(name=["list", "ls"])
async def list_checks(
    bucket: str, commit: Commit, /, *, json: AsJson = False, connect: Connect = FOUND
) -> None:
    """List what checks say of a commit."""
    async with connect.client() as client:
        found = await client.commits.checks(bucket, commit)
    if json:
        print_json(found)
        return
    rows = [(one.name, one.state, when(one.reported_at), one.actor, one.detail) for one in found]
    print_table(("check", "state", "reported", "by", "detail"), rows)


@commit_checks.command
async def report(
    bucket: str,
    commit: Commit,
    name: Annotated[str, Parameter(help="Of the check, as `branch protect --check` names it.")],
    state: CheckState,
    /,
    *,
    detail: Annotated[str, Parameter(help="More about it, e.g. where its log is.")] = "",
    connect: Connect = FOUND,
) -> None:
    """Say how a check of a commit went; the last word counts."""
    async with connect.client() as client:
        said = await client.commits.report_check(bucket, commit, name, state, detail=detail)
    say(f"{short(said.commit_id)}: {said.name} {said.state}")
