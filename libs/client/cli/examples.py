"""What the help of each command ends with: how it is used."""


def _examples(*lines: str) -> str:
    return "\n".join(["Examples:", *(f"  strongroom {line}" for line in lines)])


EXAMPLES = {
    "put": _examples(
        "put report.pdf papers/2026/      # → papers/2026/report.pdf",
        "put ./site web --sync -j 16      # everything below; equal files stay",
        "put - dumps/db.sql < db.sql",
        "put plan.md papers/ --ref draft  # staged on a branch",
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
    "log": _examples(
        "log papers/notes.md",
        "log papers -n 10 --ref draft",
        "log papers --author user:ann --since 2026-11-01 --grep plan",
    ),
    "restore": _examples(
        "restore papers/notes.md --version 3",
        "restore papers/2026/ --to 3f2a91c0 -m 'undo the clean-up'",
        "restore papers --to @2026-11-20T10:00Z",
        "revert papers 9d1c04be           # takes a restore back, as any commit",
    ),
    "branch": _examples(
        "branch create papers draft       # --from TAG",
        "put plan.md papers/ --ref draft && commit papers -b draft -m 'new plan'",
        "branch protect papers main --check tests",
        "branch reset papers draft main",
    ),
    "tag": _examples("tag create papers v1.0 -m 'as printed'", "get papers/ ./v1 --ref v1.0"),
    "commit": _examples(
        "commit papers -b draft -m 'what is staged'",
        "commit papers/site/ ./site -m 'publish' --exact    # a directory, all or nothing",
    ),
    "commit_checks": _examples(
        "commit-checks report papers draft tests passed",
        "commit-checks list papers main",
    ),
    "staged": _examples("staged list papers -b draft", "staged discard papers/plan.md -b draft"),
    "merge": _examples(
        "merge papers draft --dry-run     # into main",
        "merge papers draft --theirs plan.md --ours notes.md -m 'the new plan'",
    ),
    "revert": _examples("revert papers 9d1c04be", "revert papers draft~2 -b draft"),
    "cherry_pick": _examples("cherry-pick papers 9d1c04be -b release"),
    "diff": _examples(
        "diff papers main draft           # A added, D removed, M changed, R moved",
        "diff papers/plan.md main~3       # against now, line by line",
        "diff papers v1.0 v1.1 --stat",
    ),
    "blame": _examples("blame papers", "blame papers/2026/ --ref v1.0"),
    "retention": _examples(
        "retention preview papers --keep-last 10 --keep-days 90",
        "retention set papers --keep-last 10 --keep-days 90",
    ),
    "purge": _examples("purge papers/secret.txt --dry-run", "purge papers/old/ --yes"),
    "verify": _examples("verify papers", "verify papers v1.0"),
    "sign": _examples("sign papers v1.0 --with ~/.ssh/id_ed25519"),
    "signing_key": _examples("signing-key add papers ann ~/.ssh/id_ed25519.pub"),
    "share": _examples(
        "share papers/2026/report.pdf --expires 7d",
        "share inbox/form.pdf --put --max-bytes 10000000",
    ),
    "git": _examples(
        "git import ~/src/site papers --all --tags --main master",
        "git export papers ./site.git --all --bare",
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
