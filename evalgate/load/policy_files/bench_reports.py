"""Benchmark reports that a policy or a price names: what machines carry, and how they slow down."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from evalgate.core.errors import BadInput, Problem
from evalgate.core.hosting_file import ThroughputLevel
from evalgate.core.service_time_file import LevelFile
from evalgate.load.findings import Findings
from evalgate.load.policy_files.bench_formats import BenchLevel, aiperf_csv, bench_levels, unknown
from evalgate.load.syntax.documents import read_text
from evalgate.load.syntax.paths import resolve

_CARRIED = (
    "concurrency",
    "output_tokens_per_s",
    "requests_per_s",
    "good_requests_per_s",
    "ttft_p95_s",
    "tpot_p95_s",
    "latency_p95_s",
)
_TIMED = ("ttft_s", "tpot_s", "input_tokens", "output_tokens")


def throughput_levels(report: str | Sequence[str], folder: Path, findings: Findings) -> list[ThroughputLevel]:
    """Return what a benchmark says that one replica carries, a level each.

    Raises:
        BadInput: a file is missing or is no report of a known tool.

    """
    return [
        ThroughputLevel(**{name: getattr(level, name) for name in _CARRIED})
        for level, _ in _levels(report, folder, findings)
    ]


def service_levels(report: str | Sequence[str], folder: Path, findings: Findings) -> list[LevelFile]:
    """Return how fast a benchmark found an engine at each level.

    Raises:
        BadInput: a file is missing, is no report of a known tool, or did not measure tokens one by one.

    """
    found = []
    for level, shown in _levels(report, folder, findings):
        lacking = [name for name in _TIMED if getattr(level, name) is None]
        if lacking:
            message = f"the report does not tell {', '.join(lacking)} at concurrency {level.concurrency:g}"
            cure = "measure with streaming on, and with prompts of known length"
            raise BadInput([Problem(message, cure, shown)])
        # By Little's law a single stream runs a little less than one request on average.
        numbers = {name: getattr(level, name) for name in _TIMED}
        found.append(LevelFile(concurrency=max(1.0, level.concurrency), **numbers))
    return found


def _levels(
    report: str | Sequence[str], folder: Path, findings: Findings
) -> Iterator[tuple[BenchLevel, str]]:
    for name in [report] if isinstance(report, str) else report:
        path = resolve(name, folder, findings.root)
        shown = findings.shown(path)
        text = read_text(path, shown)
        if path.suffix == ".csv":
            yield aiperf_csv(text, shown), shown
            continue
        for document in _documents(text, shown):
            for level in bench_levels(document, shown):
                yield level, shown


def _documents(text: str, shown: str) -> Iterator[Any]:
    """Yield the file's JSON, or that of each line: vLLM appends one result after another."""
    try:
        yield json.loads(text)
    except ValueError:
        lines = [line for line in text.split("\n") if line.strip()]
        try:
            found = [json.loads(line) for line in lines]
        except (ValueError, RecursionError):
            raise unknown(shown) from None
        yield from found
    except RecursionError:
        raise unknown(shown) from None
