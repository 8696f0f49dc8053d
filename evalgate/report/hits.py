"""New hit pairs as text, CSV for people to fill in, and JSON."""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from evalgate.core.hit_pairs import HitPair, NewHits
from evalgate.report.numbers import count
from evalgate.report.safe_text import safe_line

SCHEMA = "evalgate/hits@1"
_SHOWN = 20
_COLUMNS = (
    "suite",
    "candidate",
    "verdict",
    "why",
    "hits",
    "similarity",
    "stored_case",
    "stored_question",
    "case",
    "question",
    "served",
    "fresh",
    "may_share",
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def render_text(found: Sequence[NewHits]) -> str:
    """Return what is new: false pairs first, then those that people should look at."""
    return "\n".join(line for each in found for line in _lines(each))


def render_csv(found: Sequence[NewHits]) -> str:
    """Return the pairs that people should look at, with an empty column ``may_share`` for their answer."""
    out = io.StringIO()
    writer = csv.DictWriter(out, _COLUMNS, lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    for each in found:
        for pair in each.sample:
            row = {"suite": each.suite, "candidate": each.candidate, **asdict(pair), "may_share": ""}
            writer.writerow({key: _cell(value) for key, value in row.items()})
    return out.getvalue()


def render_json(found: Sequence[NewHits]) -> str:
    """Return everything, in ASCII."""
    content = {"schema": SCHEMA, "comparisons": [asdict(each) for each in found]}
    return json.dumps(content, indent=2) + "\n"


def _lines(found: NewHits) -> Iterator[str]:
    against = f"{safe_line(found.baseline)} → " if found.baseline else ""
    yield f"{safe_line(found.suite)}: {against}{safe_line(found.candidate)}"
    told = ", ".join(f"{found.count(verdict):,} {verdict}" for verdict in ("false", "unsure", "right"))
    gone = f"; {count(found.gone, 'pair is', 'pairs are')} no longer served" if found.gone else ""
    yield f"  {count(len(found.pairs), 'new hit pair')}: {told}{gone}"
    false = [pair for pair in found.pairs if pair.verdict == "false"]
    yield from _pairs("false", false[:_SHOWN], len(false))
    yield from _pairs("for people to look at", found.sample, found.count("unsure"))
    yield ""


def _pairs(title: str, shown: Sequence[HitPair], of: int) -> Iterator[str]:
    if not shown:
        return
    yield f"  {title} ({len(shown):,} of {of:,})"
    for pair in shown:
        near = "" if pair.similarity is None else f", cosine {pair.similarity:.3f}"
        yield f"    {safe_line(pair.stored_question, 100)}"
        yield f"    {safe_line(pair.question, 100)}"
        yield f"      served {safe_line(pair.served, 80)}"
        if pair.fresh is not None:
            yield f"      fresh  {safe_line(pair.fresh, 80)}"
        yield f"      {safe_line(pair.why, 120)} ({count(pair.hits, 'hit')}, {safe_line(pair.case)}{near})"


def _cell(value: object) -> object:
    """A question may begin like a formula, which a spreadsheet would run."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
