"""The verb ``record``: make the calls that the committed recordings lack."""

from dataclasses import dataclass
from pathlib import Path

from evalgate.core.numbers import Unmeasured
from evalgate.core.progress import Progress
from evalgate.core.suite import Project, Suite
from evalgate.pipeline.calling import Calling, make_calls
from evalgate.pipeline.loading import loaded, policies_to_call
from evalgate.pipeline.recorded import committed
from evalgate.pipeline.settings import RecordSettings
from evalgate.pricing.prices import resolve_prices


@dataclass(frozen=True, slots=True)
class SuiteRecorded:
    """What recording one suite did. ``file`` is None when nothing was missing.

    ``judging_usd`` is the part of ``spend_usd`` that went to judges and embedders of the graders.
    """

    suite: str
    needed: int
    already: int
    made: int
    failed: int
    file: Path | None
    spend_usd: float | Unmeasured
    judging_usd: float | Unmeasured


@dataclass(frozen=True, slots=True)
class RecordSummary:
    """What recording did, suite by suite."""

    suites: tuple[SuiteRecorded, ...]


def record(settings: RecordSettings, progress: Progress) -> RecordSummary:
    """Record what each suite's policies need, both sides of a case back to back.

    Raises:
        BadInput: something a person wrote is wrong.
        ProviderRefused: a provider cannot be used; what was finished before is kept.

    """
    with loaded(settings, calling=True) as found:
        suites = found.project.suites
        return RecordSummary(
            tuple(_record_suite(found.project, suite, settings, progress) for suite in suites)
        )


def _record_suite(
    project: Project, suite: Suite, settings: RecordSettings, progress: Progress
) -> SuiteRecorded:
    policies = policies_to_call(suite, anew=False)
    made = make_calls(
        Calling(
            project=project,
            suite=suite,
            policies=policies,
            prices={
                policy.name: resolve_prices(policy.deployments.values(), project.prices, project.price_at)
                for policy in policies
            },
            folder=suite.folder / "recordings",
            known=committed(suite),
            cover_deployments=settings.cover_deployments,
            seed=settings.seed,
            concurrency=settings.concurrency,
        ),
        progress,
    )
    return SuiteRecorded(
        suite=suite.name,
        needed=made.needed,
        already=made.needed - len(made.digests),
        made=len(made.digests),
        failed=made.failed,
        file=made.file,
        spend_usd=made.spend_usd,
        judging_usd=made.judging_usd,
    )
