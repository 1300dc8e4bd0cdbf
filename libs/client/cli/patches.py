"""Changed lines of a file, as a terminal shows them."""

from rich.text import Text

from libs.client.cli.output import console, printable, say
from libs.client.client import Client
from libs.client.diffs import DiffLine, Hunk
from libs.contracts.versioning import PathDifference

SIGNS = {"context": " ", "removed": "-", "added": "+"}
COLOURS = {"context": "", "removed": "red", "added": "green"}
TOLD = {
    "equal": "",
    "binary": "  the bytes differ, and are no text",
    "large": "  too large to be compared line by line",
}


async def print_patch(
    client: Client,
    bucket: str,
    one: PathDifference,
    source: str,
    target: str,
    *,
    staged: bool,
) -> None:
    """Print which lines of a file differ, and which characters in them."""
    found = await client.diffs.content(
        bucket, one.path, source, target, old_path=one.moved_from, staged=staged
    )
    if found.form != "text":
        if TOLD[found.form]:
            say(TOLD[found.form])
        return
    for hunk in found.hunks:
        _print_hunk(hunk)


def _print_hunk(hunk: Hunk) -> None:
    out = console()
    old, new = f"-{hunk.old_start},{hunk.old_count}", f"+{hunk.new_start},{hunk.new_count}"
    out.print(Text(f"@@ {old} {new} @@", style="cyan"))
    for line in hunk.lines:
        out.print(_drawn(line))
        if line.ends_file:
            out.print(Text("\\ No newline at end of file", style="dim"))


def _drawn(line: DiffLine) -> Text:
    """Return a line in its colour, the characters that changed in it reversed."""
    # One character stands for each, so what the spans count stays where it is.
    drawn = Text(SIGNS[line.kind] + printable(line.text, keep="\t"), style=COLOURS[line.kind])
    for start, end in line.spans:
        drawn.stylize("reverse", start + 1, end + 1)
    return drawn
