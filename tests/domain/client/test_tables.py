"""Tables can be read in terminals of any width, and whole in pipes."""

import pytest

from libs.client.cli.output import print_table

KEY = "key:458b88d0-ab33-43c0-a78f-51c2eea96972"
MESSAGE = "bring the bucket back as it was last week, all of it"
HEADINGS = ("commit", ">files", "by", "message")
ROWS = [("553cb99131ef", 5, KEY, MESSAGE)]


def test_in_a_pipe_nothing_is_folded_or_shortened(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(HEADINGS, ROWS)

    _, row = capsys.readouterr().out.splitlines()
    assert row == f"553cb99131ef      5  {KEY}  {MESSAGE}"


def test_a_narrow_terminal_folds_the_last_column_only(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(HEADINGS, ROWS, width=70)

    _, first, second, *_ = capsys.readouterr().out.splitlines()
    assert first.startswith("553cb99131ef      5  key:458b88d0  bring the bucket")
    assert second.startswith(" " * 35)
    assert max(len(first), len(second)) <= 70


def test_what_does_not_fit_goes_on_in_the_next_line_of_the_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_table(HEADINGS, ROWS, width=40)

    _, row = capsys.readouterr().out.splitlines()
    assert row == f"553cb99131ef      5  key:458b88d0  {MESSAGE}"
