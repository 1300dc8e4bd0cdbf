"""What the help of each command ends with: how it is used."""


def _examples(*lines: str) -> str:
    return "\n".join(["Examples:", *(f"  strongroom {line}" for line in lines)])


EXAMPLES = {
    "put": _examples(
        "put report.pdf papers/2026/      # → papers/2026/report.pdf",
        "put ./site web --sync -j 16      # everything below; equal files stay",
        "put - dumps/db.sql < db.sql",
    ),
    "get": _examples(
        "get papers/2026/report.pdf       # → ./report.pdf",
        "get web/ ./site --sync           # everything below",
        "get web ./then --ref 3f2a91c0    # as it was at a commit",
        "get web/ site.zip --zip          # one archive, made while it comes",
    ),
    "cat": _examples("cat papers/notes.md", "cat papers/notes.md --version 3"),
    "ls": _examples("ls", "ls papers/2026/ -l", "ls papers -r --json | jq -r .path"),
    "cp": _examples("cp papers/plan.md papers/old/", "cp -r papers/2026/ papers/2027/"),
    "mv": _examples("mv papers/a.md papers/b.md", "mv -r papers/2026/ papers/archive/2026/"),
    "rm": _examples("rm papers/draft.md", "rm -r papers/old/ --yes"),
    "log": _examples("log papers/notes.md", "log papers -n 10"),
    "restore": _examples(
        "restore papers/notes.md --version 3",
        "restore papers/2026/ --to 3f2a91c0 -m 'undo the clean-up'",
    ),
    "share": _examples(
        "share papers/2026/report.pdf --expires 7d",
        "share inbox/form.pdf --put --max-bytes 10000000",
    ),
    "watch": _examples("watch papers", "watch 0192f0c1-7b1e-7000-8000-2d1f6a3c9b55"),
    "access_check": _examples(
        "access-check papers/2026/plan.md write",
        "access-check papers/2026/ list --as user:ann --group editors",
    ),
    "completion": _examples(
        "completion bash > ~/.local/share/bash-completion/completions/strongroom"
    ),
}
