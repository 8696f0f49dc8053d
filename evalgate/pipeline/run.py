"""The verb ``run``: measure every candidate and its baseline, compare them, decide."""

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING

from evalgate.core.errors import BadInput, ExitCode, Problem
from evalgate.core.progress import Progress
from evalgate.core.run import Run
from evalgate.core.suite import Project, Suite
from evalgate.core.verdict import CallCounts, Decision, Judgement, JudgeUse
from evalgate.gate.decide import decide
from evalgate.gate.waivers import in_force
from evalgate.pipeline.comparing.bench import Bench, Judged
from evalgate.pipeline.comparing.partial import interrupted, partial_judgements
from evalgate.pipeline.live.called import Called
from evalgate.pipeline.measuring.recorded import committed_and_local
from evalgate.pipeline.project.loading import loaded
from evalgate.pipeline.project.places import store_file
from evalgate.pipeline.project.privacy import refuse_secrets
from evalgate.pipeline.project.settings import RunSettings
from evalgate.pipeline.project.texts import NO_TEXTS, Texts, texts_of
from evalgate.pricing.prices import resolve_prices

if TYPE_CHECKING:
    from evalgate.store.local.store import LocalStore


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
    notes = (*_notes(settings), *found.notes)
    if judged.interrupted:
        return Ran(interrupted(judged.judgements, notes), judged.runs, judged.texts)
    decision = decide(judged.judgements, notes)
    if not settings.gates:
        decision = _shown_only(decision)
    return Ran(decision, judged.runs, judged.texts)


@dataclass(frozen=True, slots=True)
class JudgedProject:
    """A project's judgements, the runs behind each (the baseline's first), and the texts of those runs.

    ``interrupted`` says that somebody stopped the calls: the last judgements rest on some of their cases.
    """

    judgements: tuple[Judgement, ...]
    runs: tuple[tuple[Run, ...], ...]
    texts: Texts
    interrupted: bool = False


def judge_project(
    project: Project, settings: RunSettings, progress: Progress, *, texts: bool
) -> JudgedProject:
    """Measure and judge every proposal of a project's suites; the settings say how, not what.

    Raises:
        BadInput: something a person wrote is wrong.
        CannotJudge: recordings are missing, a provider refuses, a grader crashed.
        SpendCapReached: the calls cost more than they may; those that were made are kept.

    """
    judged: list[Judged] = []
    stopped = False
    with ExitStack() as stack:
        store = _opened(project, stack) if settings.mode != "replay" else None
        for suite in _narrowed(project.suites, settings):
            of_suite, stopped = _judge_suite(project, suite, settings, store, progress)
            judged += of_suite
            if stopped:
                break
    every = (run for _, runs in judged for run in runs)
    kept = texts_of(project, every) if texts else NO_TEXTS
    refuse_secrets(project, kept, os.environ)
    judgements = tuple(judgement for judgement, _ in judged)
    return JudgedProject(judgements, tuple(runs for _, runs in judged), kept, stopped)


def _opened(project: Project, stack: ExitStack) -> "LocalStore":
    from evalgate.store.local.store import LocalStore  # noqa: PLC0415  sqlite only when calling

    return stack.enter_context(LocalStore(store_file(project.root)))


def _judge_suite(
    project: Project,
    suite: Suite,
    settings: RunSettings,
    store: "LocalStore | None",
    progress: Progress,
) -> tuple[list[Judged], bool]:
    """Return the judgements of a suite, and whether it was interrupted while it was called."""
    policies = [policy for policy in (suite.baseline, *suite.proposals) if policy is not None]
    prices = {
        policy.name: resolve_prices(policy.deployments.values(), project.prices, project.price_at)
        for policy in policies
    }
    if store is None:
        called = Called(committed_and_local(project, suite))
    else:
        # asyncio only when calling
        from evalgate.pipeline.live.calling_suite import call_suite  # noqa: PLC0415

        called = call_suite(project, suite, prices, settings, store, progress)
    progress.start(f"{suite.name}: replaying", len(policies))
    bench = Bench(
        project,
        suite,
        prices,
        called.recordings,
        settings.mode,
        keep=settings.gates and not called.interrupted,
    )
    judged = _judged(bench, called, progress)
    progress.done()
    return [(_counted(suite, judgement, runs, called, bench), runs) for judgement, runs in judged], (
        called.interrupted
    )


def _judged(bench: Bench, called: Called, progress: Progress) -> list[Judged]:
    if called.interrupted:
        return partial_judgements(bench, progress)
    if called.looking is None:
        return bench.judgements(progress)
    judged = called.looking.judgements(bench, progress)
    not_spent = called.looking.not_spent(called.recordings)
    return [(replace(judgement, not_spent=not_spent), runs) for judgement, runs in judged]


def _counted(
    suite: Suite, judgement: Judgement, runs: tuple[Run, ...], called: Called, bench: Bench
) -> Judgement:
    """Return the judgement with the calls that it took, and where it belongs."""
    judges = bench.judging(runs)
    waivers = in_force(suite.rules.waivers, suite.rules.limits)
    return replace(
        judgement,
        calls=_counts(suite, runs, judges, called),
        spend_usd=called.spend.at_most_usd,
        judging=judges,
        notes=(*judgement.notes, *called.notes, *waivers, *_not_judged(suite, judgement)),
        owners=suite.owners,
        file=_file_of(suite, judgement),
    )


def _not_judged(suite: Suite, judgement: Judgement) -> Iterator[str]:
    """Yield what the config that the candidate is read from does beside what was judged."""
    for each in (suite.baseline, *suite.proposals):
        if each is not None and each.name == judgement.candidate and each.not_judged:
            names = ", ".join(each.not_judged)
            said = "is read from a config of which this was not judged (see `evalgate check`)"
            yield f"{each.name} {said}: {names}"


def _file_of(suite: Suite, judgement: Judgement) -> str:
    known = (suite.baseline, *suite.proposals)
    return next((each.file for each in known if each is not None and each.name == judgement.candidate), "")


def _counts(suite: Suite, runs: tuple[Run, ...], judges: JudgeUse | None, called: Called) -> CallCounts:
    results = chain.from_iterable(run.results for run in runs)
    # By session too: where the commit's log of a call does not settle it, a log that the change adds may.
    every = chain.from_iterable(graded.outcome.steps for graded in results)
    steps = {(step.digest, step.session) for step in every if step.recorded}
    needed = {digest for digest, _ in steps}
    made, reused = needed & called.made, needed - called.made
    is_behind, added = called.recordings.is_behind, 0
    if suite.base is not None:
        asked = (judges.digests if judges is not None else frozenset()) - called.made
        behind = {digest for digest, session in steps if digest in reused and is_behind(digest, session)}
        added = len(behind | set(filter(is_behind, asked)))
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
