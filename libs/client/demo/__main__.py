"""``make demo``, or ``python -m libs.client.demo [DIR]``."""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from libs.client.cli.app import run_app
from libs.client.cli.connect import FOUND, Connect
from libs.client.cli.output import say
from libs.client.client import Client
from libs.client.demo.own_platform import CHECKOUT, a_platform
from libs.client.demo.source import tree_to_show
from libs.client.demo.story import Story
from libs.client.failures import Usage

app = App(name="demo", help="Show what Strongroom does with a real directory tree.")


@app.default
async def demo(
    directory: Annotated[Path, Parameter(help="The tree to show it with.")] = CHECKOUT,
    /,
    *,
    jobs: Annotated[int, Parameter(name=["--jobs", "-j"], help="Files at once.")] = 8,
    keep: Annotated[bool, Parameter(negative=(), help="Leave the bucket there.")] = False,
    connect: Connect = FOUND,
) -> int:
    """Upload a tree, change, snapshot, delete and restore it; exit 0 only if all came back."""
    tree = tree_to_show(directory)
    if not tree.files:
        raise Usage(f"there is no file in {directory}")
    async with a_platform(connect) as connection, Client(connection=connection) as client:
        story = Story(client, tree, jobs=jobs)
        try:
            proven = await story.tell()
        finally:
            if not keep:
                await story.clean_up()
    story.print_figures()
    if keep:
        say(f"the bucket {story.bucket} is still there: strongroom ls -r {story.bucket}")
    return 0 if proven else 1


if __name__ == "__main__":
    sys.exit(run_app(app))
