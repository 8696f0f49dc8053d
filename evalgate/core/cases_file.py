"""Where a suite's cases come from, as ``suite.yaml`` says it under ``cases``."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Annotated, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag

from evalgate.core.written import Written

LOCAL_FORMATS = ("csv", "json", "parquet")


def _sha256(written: str) -> str:
    if len(written) != 64 or set(written) - set("0123456789abcdef"):
        raise ValueError(f"{written!r} is not a SHA-256: write its 64 hex digits, as sha256sum prints them")
    return written


Sha256 = Annotated[str, AfterValidator(_sha256)]


class CasesFile(Written):
    """A ``.jsonl`` file of cases; one outside the project is pinned by its hash."""

    path: str
    sha256: Sha256 | None = None


class ColumnFile(Written):
    """A column whose values are read as something else than they are stored as."""

    column: str
    type: Literal["text", "number", "json"]


class CasesDataset(Written):
    """Rows that become cases: files in the format that ``dataset`` names, else a dataset of the hub.

    ``columns`` maps parts of a case (``input``, ``slices.channel``) to columns; empty means that the columns
    are called like the parts. ``subset``, ``split`` and ``revision`` (a commit) belong to the hub.
    """

    dataset: Annotated[str, Field(min_length=1)]
    path: str | None = None
    files: list[str] = []
    sha256: Sha256 | None = None
    subset: str | None = None
    split: str | None = None
    revision: str | None = None
    columns: dict[str, str | ColumnFile] = {}
    limit: Annotated[int, Field(gt=0)] | None = None
    streaming: bool = False


def _source_tag(value: object) -> str:
    match value:
        case str():
            return "a path"
        case Mapping():
            own = [key for key in value if key not in CasesFile.model_fields]
            return "a dataset" if any(_is_meant(str(key)) for key in own) else "a file"
        case _:
            return "a dataset" if isinstance(value, CasesDataset) else "a file"


def _is_meant(key: str) -> bool:
    """Tell whether ``key``, perhaps misspelt, is one that only a dataset has."""
    near = get_close_matches(key, CasesDataset.model_fields, n=1)
    return bool(near) and near[0] not in CasesFile.model_fields


# No tag is a key, so that a place in the file is never mistaken for a branch of the union.
CasesSource = Annotated[
    Annotated[str, Tag("a path")]
    | Annotated[CasesFile, Tag("a file")]
    | Annotated[CasesDataset, Tag("a dataset")],
    Discriminator(_source_tag),
]
