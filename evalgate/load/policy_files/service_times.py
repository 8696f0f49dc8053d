"""The service time of a deployment, with the levels of its benchmark report read in."""

from collections.abc import Sequence

from evalgate.core.errors import BadInput, Problem
from evalgate.core.policy_file import PolicyFile
from evalgate.core.service_time_file import (
    LEVELS_NEEDED,
    FittedStepTimeFile,
    LevelFile,
    ReportedStepTimeFile,
    ServiceTime,
)
from evalgate.load.findings import Findings
from evalgate.load.policy_files.bench_reports import service_levels
from evalgate.load.syntax.documents import Document
from evalgate.load.syntax.yaml_text import KeyPath


def load_service_time(document: Document[PolicyFile], alias: str, findings: Findings) -> ServiceTime | None:
    """Return how a deployment slows down as it fills; None where nothing says it, or with problems noted."""
    written = document.value.deployments[alias].service_time
    key: KeyPath = ("deployments", alias, "service_time")
    if isinstance(written, FittedStepTimeFile):
        levels = written.levels
        findings.attempt_at(document, (*key, "levels"), lambda: _differing(levels))
        return written
    if not isinstance(written, ReportedStepTimeFile):
        return written
    report, folder = written.report, document.path.parent
    found = findings.attempt_at(
        document, (*key, "report"), lambda: _differing(service_levels(report, folder, findings))
    )
    return None if found is None else FittedStepTimeFile(levels=found, max_running=written.max_running)


def _differing(levels: Sequence[LevelFile]) -> list[LevelFile]:
    """Return the levels.

    Raises:
        BadInput: too few of them differ in concurrency.

    """
    found = len({level.concurrency for level in levels})
    if found < LEVELS_NEEDED:
        cure = f"measure at {LEVELS_NEEDED} or more: fewer cannot tell how the engine slows down"
        raise BadInput([Problem(f"the levels are of {found} different concurrencies", cure)])
    return list(levels)
