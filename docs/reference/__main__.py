"""Write the generated documents, or with ``--check`` say which are not current."""

import sys
from pathlib import Path

from docs.reference import asyncapi, configuration, events

FOLDER = Path(__file__).parents[1]
DOCUMENTS = {
    "events.md": events.document,
    "configuration.md": configuration.document,
    "asyncapi.json": asyncapi.document,
}


def main() -> int:
    """Return 1 when a document was not current and only a check was asked for."""
    stale = []
    for name, document in DOCUMENTS.items():
        path, text = FOLDER / name, document()
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(name)
            if "--check" not in sys.argv:
                path.write_text(text, encoding="utf-8")
    if stale and "--check" in sys.argv:
        sys.stderr.write(f"not current, run `make docs`: {', '.join(stale)}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
