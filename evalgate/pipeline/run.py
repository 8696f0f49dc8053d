"""The verb ``run``: measure every candidate and its baseline, compare them, decide."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING

from evalgate.core.errors import BadInput, ExitCode, Problem
from evalgate.core.numbers import Unmeasured
from evalgate.core.policy_file import Price
from evalgate.core.progress import Progress
from evalgate.core.run import Run
from evalgate.core.suite import Project, Suite
from evalgate.core.verdict import CallCounts, Decision, Judgement, JudgeUse
from evalgate.gate.decide import decide
from evalgate.gate.waivers import in_force
from evalgate.pipeline.bench import Bench, Judged
from evalgate.pipeline.loading import loaded, policies_to_call
from evalgate.pipeline.places import local_folder
from evalgate.pipeline.recorded import committed_and_local
from evalgate.pipeline.settings import RunSettings
from evalgate.pipeline.texts import NO_TEXTS, Texts, texts_of
from evalgate.pricing.prices import resolve_prices
from evalgate.store.recordings import Recordings, read_recordings

if TYPE_CHECKING:
    from evalgate.pipeline.looking import Looking


def run(settings: RunSettings, progress: Progress) -> Decision:
    """Gate every proposal of each suite's family against its baseline.

    Raises:
        BadInput: something a person wrote is wrong; every problem is listed.
        CannotJudge: recordings are missing, a provider refuses, a grader crashed.

    """
    return run_for_report(settings, progress).decision


@dataclass(frozen=True, slots=True)
class Ran:
    """A Decision with what it rests on: each judgement's runs, the baseline's first where there is one."""

    decision: Decision
    runs: tuple[tuple[Run, ...], ...]
    texts: Texts


def run_for_report(settings: RunSettings, progress: Progress, *, texts: bool = False) -> Ran:
    """Do what :func:`run` does and keep the runs, with ``texts`` also what was asked and said in them."""
    with loaded(settings, calling=settings.mode != "replay") as found:
        # A commit's files are gone after this.
        judged = judge_project(found.project, settings, progress, texts=texts)
    decision = decide(judged.judgements, (*_notes(settings), *found.notes))
    if not settings.gates:
        decision = _shown_only(decision)
    return Ran(decision, judged.runs, judged.texts)


@dataclass(frozen=True, slots=True)
class JudgedProject:
    """A project's judgements, the runs behind each (the baseline's first), and the texts of those runs."""

    judgements: tuple[Judgement, ...]
    runs: tuple[tuple[Run, ...], ...]
    texts: Texts


def judge_project(
    project: Project, settings: RunSettings, progress: Progress, *, texts: bool
) -> JudgedProject:
    """Measure and judge every proposal of a project's suites; the settings say how, not what.

    Raises:
        BadInput: something a person wrote is wrong.
        CannotJudge: recordings are missing, a provider refuses, a grader crashed.

    """
    judged = [
        each
        for suite in _narrowed(project.suites, settings)
        for each in _judge_suite(project, suite, settings, progress)
    ]
    every = (run for _, runs in judged for run in runs)
    kept = texts_of(project, every) if texts else NO_TEXTS
    return JudgedProject(tuple(judgement for judgement, _ in judged), tuple(runs for _, runs in judged), kept)


def _judge_suite(project: Project, suite: Suite, settings: RunSettings, progress: Progress) -> list[Judged]:
    policies = [policy for policy in (suite.baseline, *suite.proposals) if policy is not None]
    prices = {
        policy.name: resolve_prices(policy.deployments.values(), project.prices, project.price_at)
        for policy in policies
    }
    called = _Called(committed_and_local(project, suite))
    if settings.mode != "replay":
        called = _call(project, suite, prices, settings, progress)
    bench = Bench(project, suite, prices, called.recordings, settings.mode, keep=settings.gates)
    progress.start(f"{suite.name}: replaying", len(policies))
    looking = called.looking
    judged = bench.judgements(progress) if looking is None else looking.judgements(bench, progress)
    not_spent = None if looking is None else looking.not_spent(called.recordings)
    progress.done()
    notes = (*called.notes, *in_force(suite.rules.waivers, suite.rules.limits))
    finished = []
    for judgement, runs in judged:
        judges = bench.judging(runs)
        completed = replace(
            judgement,
            calls=_counts(suite, runs, judges, called),
            spend_usd=called.spend_usd,
            not_spent=not_spent,
            judging=judges,
            notes=(*judgement.notes, *notes),
            owners=suite.owners,
            file=_file_of(suite, judgement),
        )
        finished.append((completed, runs))
    return finished


def _file_of(suite: Suite, judgement: Judgement) -> str:
    known = (suite.baseline, *suite.proposals)
    return next((each.file for each in known if each is not None and each.name == judgement.candidate), "")


@dataclass(frozen=True, slots=True)
class _Called:
    """What a suite's policies are replayed from, and what it took to get it."""

    recordings: Recordings
    made: frozenset[str] = frozenset()
    spend_usd: float | Unmeasured = 0.0
    looking: "Looking | None" = None
    notes: tuple[str, ...] = ()


def _call(
    project: Project,
    suite: Suite,
    prices: Mapping[str, Mapping[str, Price]],
    settings: RunSettings,
    progress: Progress,
) -> _Called:
    # asyncio only when calling
    from evalgate.pipeline.calling import Calling, make_calls  # noqa: PLC0415

    known = committed_and_local(project, suite) if settings.mode == "auto" else None
    policies = policies_to_call(suite, anew=settings.mode == "live")
    looking, notes = _looking(suite, prices, settings, known)
    calling = Calling(
        project,
        suite,
        policies,
        prices,
        folder=local_folder(project.root, suite),
        known=known,
        rounds=None if looking is None else looking.rounds,
        concurrency=settings.concurrency,
    )
    calls = make_calls(calling, progress)
    recordings = committed_and_local(project, suite)
    if settings.mode == "live" and calls.file is not None:
        recordings = read_recordings([calls.file])
    notes = notes if looking is None else (looking.note(),)
    return _Called(recordings, calls.digests, calls.spend_usd, looking, notes)


def _looking(
    suite: Suite,
    prices: Mapping[str, Mapping[str, Price]],
    settings: RunSettings,
    known: Recordings | None,
) -> tuple["Looking | None", tuple[str, ...]]:
    if not settings.sequential:
        return None, ()
    from evalgate.pipeline.looking import Looking, why_not  # noqa: PLC0415  only sequential runs look

    reason = why_not(suite, known)
    return (None, (reason,)) if reason else (Looking(suite, prices, settings.mode), ())


def _counts(suite: Suite, runs: tuple[Run, ...], judges: JudgeUse | None, called: _Called) -> CallCounts:
    results = chain.from_iterable(run.results for run in runs)
    needed = {step.digest for graded in results for step in graded.outcome.steps}
    made, reused = needed & called.made, needed - called.made
    replayed = reused | ((judges.digests if judges is not None else frozenset()) - called.made)
    added = sum(map(called.recordings.is_behind, replayed)) if suite.base is not None else 0
    return CallCounts(needed=len(needed), reused=len(reused), made=len(made), added=added)


def _narrowed(suites: Sequence[Suite], settings: RunSettings) -> list[Suite]:
    wanted = set(settings.cases)
    unknown = wanted - {case.id for suite in suites for case in suite.cases}
    if unknown:
        example = suites[0].cases[0].id
        raise BadInput(
            [
                Problem(
                    f"no case {name!r} in these suites", f"cases are named like {example!r}", key="--case"
                )
                for name in sorted(unknown)
            ]
        )
    kept = [
        replace(suite, cases=tuple(c for c in suite.cases if not wanted or c.id in wanted)[: settings.limit])
        for suite in suites
    ]
    return [suite for suite in kept if suite.cases]


def _shown_only(decision: Decision) -> Decision:
    """Return the decision with nothing blocked: part of a suite proves nothing about the whole."""
    judgements = tuple(
        replace(each, blocked=False, checks=tuple(replace(check, blocked=False) for check in each.checks))
        for each in decision.judgements
    )
    return replace(decision, blocked=False, exit_code=ExitCode.OK, judgements=judgements)


def _notes(settings: RunSettings) -> tuple[str, ...]:
    if settings.gates:
        return ()
    return ("--case and --limit show a part of the suite; nothing was gated and the exit code is 0.",)
