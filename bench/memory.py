"""What the whole platform holds while nobody wants anything of it."""

import os

from bench.figures import Figure, limit
from bench.processes import held_by
from bench.scene import Scene, settled_for

MOST_MB = 1300.0


def run(scene: Scene) -> list[Figure]:
    """Look at every process, servers included, after a pause."""
    scene.rest()
    settled_for(scene.sized(15.0, 3.0))
    programs = {process.pid: process.name for process in scene.stack.processes() if process.pid}
    held = held_by(programs, os.getpid())
    by_size = sorted(held.items(), key=lambda item: -item[1].pss)
    detail = " · ".join(f"{name}: {one.pss:.0f}" for name, one in by_size)
    return [
        limit(
            "memory of everything, idle (PSS)",
            [sum(one.pss for one in held.values())],
            "MB",
            at_most=MOST_MB,
            detail=detail,
        ),
        limit(
            "memory of everything, idle (RSS, shared pages counted each time)",
            [sum(one.rss for one in held.values())],
            "MB",
            detail=" · ".join(f"{name}: {one.rss:.0f}" for name, one in by_size),
        ),
    ]
