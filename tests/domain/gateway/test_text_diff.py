"""What differs between two texts, line by line: always right, and never more work than allowed."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from services.gateway.domain.hunks import DiffLine, Hunk, hunks, unified
from services.gateway.domain.text_diff import Work, compare, decode, lines_of

LINES = st.lists(st.sampled_from(["a\n", "b\n", "c\n", "d\r\n", "\n", "long line here\n"]))
TEXTS = st.builds(
    lambda lines, last: "".join(lines) + last, LINES, st.sampled_from(["", "a", "end", "\r"])
)


def found(old: str, new: str, *, context: int = 3, most: int | None = None) -> list[Hunk]:
    return hunks(old, new, context=context, work=Work() if most is None else Work(most))


def applied(old: str, changes: list[Hunk]) -> str:
    """Read the hunks as a program would."""
    before, after = lines_of(old), []
    at = 0
    for hunk in changes:
        begin = hunk.old_start - 1 if hunk.old_count else hunk.old_start
        after += before[at:begin]
        at = begin + hunk.old_count
        after += [
            line.text + ("" if line.ends_file else "\n")
            for line in hunk.lines
            if line.kind != "removed"
        ]
        assert hunk.new_start - bool(hunk.new_count) == len(after) - hunk.new_count
    return "".join(after + before[at:])


@given(TEXTS, TEXTS, st.integers(0, 4), st.sampled_from([None, 0, 10, 100]))
def test_what_differs_makes_one_text_the_other(
    old: str, new: str, context: int, most: int | None
) -> None:
    changes = found(old, new, context=context, most=most)

    assert applied(old, changes) == new
    assert (changes == []) == (old == new)


@given(LINES, LINES)
def test_what_is_told_as_equal_is_equal(old: list[str], new: list[str]) -> None:
    at = there = 0
    for block in compare(old, new, Work()):
        assert old[at : block.old_start] == new[there : block.new_start]
        at, there = block.old_end, block.new_end
    assert old[at:] == new[there:]


@given(st.text("abc", max_size=12), st.text("abc", max_size=12))
def test_lines_that_all_occur_often_are_compared_with_the_fewest_changes(
    old: str, new: str
) -> None:
    doubled = [*old, *old], [*new, *new]  # no line is there once: nothing but the shortest way

    changes = sum(block.size for block in compare(*doubled, Work()))

    assert changes == sum(map(len, doubled)) - 2 * longest_common(*doubled)


def longest_common(old: list[str], new: list[str]) -> int:
    row = [0] * (len(new) + 1)
    for one in old:
        before, row = row, [0]
        for at, other in enumerate(new):
            row.append(before[at] + 1 if one == other else max(before[at + 1], row[at]))
    return row[-1]


CASES = {
    "changed": ("one\ntwo\nthree\n", "one\n2\nthree\n"),
    "grows": ("one\n", "one\ntwo\n"),
    "loses-its-last-line-feed": ("one\ntwo\n", "one\ntwo"),
    "gets-a-last-line-feed": ("one\ntwo", "one\ntwo\n"),
    "other-line-ends": ("one\r\ntwo\r\n", "one\ntwo\n"),
    "emptied": ("one\ntwo\n", ""),
    "filled": ("", "one\n"),
    "odd-separators": ("a\x0bb\u2028c\n", "a\x0bB\u2028c\n"),
    "byte-order-mark": ("\ufeffone\n", "one\n"),
    "far-apart": (
        "".join(f"{n}\n" for n in range(60)),
        "".join(f"{n}{'x' * (n % 25 == 3)}\n" for n in range(60)),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_git_can_apply_the_text(case: str, tmp_path: Path) -> None:
    old, new = CASES[case]
    (tmp_path / "file.txt").write_bytes(old.encode())
    patch = unified("file.txt", "file.txt", found(old, new))

    ran = subprocess.run(
        ["git", "apply", "--whitespace=nowarn", "--unidiff-zero", "-"],
        input=patch.encode(),
        cwd=tmp_path,
        capture_output=True,
        env={"GIT_CEILING_DIRECTORIES": str(tmp_path.parent), "PATH": "/usr/bin:/bin"},
        check=False,
    )

    assert ran.returncode == 0, ran.stderr.decode() + patch
    assert (tmp_path / "file.txt").read_bytes() == new.encode()


def test_a_text_says_where_it_was_and_where_it_is() -> None:
    text = unified("a b.txt", 'odd"\n.txt', found("one\n", "two"))

    assert text == (
        '--- a/a b.txt\n+++ "b/odd\\"\\n.txt"\n@@ -1 +1 @@\n-one\n+two\n'
        "\\ No newline at end of file\n"
    )
    assert unified(None, "x", found("", "one\n")).startswith(
        "--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n"
    )


def test_changed_words_are_marked() -> None:
    (hunk,) = found("the quick fox = 1;\n", "the slow fox = 1;\n")

    removed, added = hunk.lines
    assert [removed.text[start:end] for start, end in removed.spans] == ["quick"]
    assert [added.text[start:end] for start, end in added.spans] == ["slow"]


@given(st.text("ab c.=", max_size=40), st.text("ab c.=", max_size=40))
def test_what_is_not_marked_is_the_same_on_both_sides(old: str, new: str) -> None:
    assume(old != new)
    (hunk,) = found(f"{old}\n", f"{new}\n")
    removed, added = hunk.lines

    if removed.spans or added.spans:
        assert unmarked(removed) == unmarked(added)


def unmarked(line: DiffLine) -> str:
    text = line.text
    for start, end in reversed(line.spans):
        assert 0 <= start < end <= len(text)
        text = text[:start] + text[end:]
    return text


def test_lines_that_have_nothing_in_common_are_not_marked() -> None:
    (hunk,) = found("entirely this\n", "quite, another-one.\n")

    assert [line.spans for line in hunk.lines] == [[], []]


def test_lines_keep_their_numbers() -> None:
    (hunk,) = found("1\n2\n3\n4\n5\n", "1\n2\n4\n4b\n5\n", context=1)

    assert [(line.kind, line.text, line.old, line.new) for line in hunk.lines] == [
        ("context", "2", 2, 2),
        ("removed", "3", 3, None),
        ("context", "4", 4, 3),
        ("added", "4b", None, 4),
        ("context", "5", 5, 5),
    ]


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", ""),
        ("größer\n".encode(), "größer\n"),
        (b"\xef\xbb\xbfx", "\ufeffx"),
        (b"a\0b", None),
        (b"\xff\xfea\0", None),
        ("größer".encode("latin-1"), None),
    ],
    ids=["empty", "utf-8", "utf-8-with-mark", "nul", "utf-16", "latin-1"],
)
def test_text_is_utf_8_without_nul(data: bytes, text: str | None) -> None:
    assert decode(data) == text


NASTY = {
    "two-lines-shuffled": (["a\n", "b\n"] * 20_000, ["b\n", "a\n", "a\n"] * 13_000),
    "all-different": ([f"{n}\n" for n in range(40_000)], [f"{n}x\n" for n in range(40_000)]),
    "backwards": ([f"{n}\n" for n in range(40_000)], [f"{n}\n" for n in range(40_000)][::-1]),
    "few-lines-random": (
        [f"{n * n * 7919 % 13}\n" for n in range(40_000)],
        [f"{n * n * 104729 % 17}\n" for n in range(40_000)],
    ),
    "one-long-line": (["x y" * 170_000], ["y x" * 170_000]),
    "many-alike-lines": (
        [f"a {n} b {n} c\n" for n in range(20_000)],
        [f"a {n} b {n + 1} c\n" for n in range(20_000)],
    ),
}


@pytest.mark.parametrize("case", NASTY)
def test_nasty_texts_take_no_more_steps_than_allowed(case: str) -> None:
    old, new = ("".join(lines) for lines in NASTY[case])
    work = Work()

    changes = hunks(old, new, context=3, work=work)

    assert applied(old, changes) == new
    assert work.left > -len(lines_of(old)) - len(lines_of(new))
