"""History beside git and DVC: the same files, the same changes, in turns and in one run."""

from bench.history.cases import run

__all__ = ["run"]
