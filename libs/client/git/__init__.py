"""Histories of git, brought into a bucket and taken out again (extra ``git``)."""
