"""The words on the wire: events, requests, replies and problems.

Everything that crosses a process boundary is a frozen msgspec struct of this package, and nothing
else is. Messages evolve only by adding fields with defaults; a breaking change is a new word.
"""
