"""The mark on recordings that no longer hold: ``drift.json`` beside them."""

import json
from collections.abc import Mapping
from pathlib import Path

from evalgate.core.errors import BadInput, Problem

NAME = "drift.json"
SCHEMA = "evalgate/drift@1"


def read_marks(folder: Path) -> dict[str, str]:
    """Return the sessions in a folder of recordings that no longer hold, each with the reason.

    Raises:
        BadInput: the file is not what evalgate writes.

    """
    path = folder / NAME
    if not path.exists():
        return {}
    cure = "write it anew with `evalgate record --refresh 5%`, or take the last version that was committed"
    try:
        found = json.loads(path.read_text("utf-8"))
        sessions = found["no_longer"]
        good = found["schema"] == SCHEMA and all(isinstance(why, str) for why in sessions.values())
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadInput([Problem("this is no mark of drift", cure, file=str(path))]) from error
    if not good:
        raise BadInput([Problem(f"this is no mark of drift of schema {SCHEMA}", cure, file=str(path))])
    return dict(sessions)


def write_marks(folder: Path, marks: Mapping[str, str]) -> Path | None:
    """Write which sessions no longer hold; where all do, no file is left. Returns the file, if any."""
    path = folder / NAME
    if not marks:
        path.unlink(missing_ok=True)
        return None
    document = {"schema": SCHEMA, "no_longer": dict(sorted(marks.items()))}
    part = path.with_suffix(".part")
    part.write_text(json.dumps(document, indent=2) + "\n", "utf-8")
    part.replace(path)
    return path
