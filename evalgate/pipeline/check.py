"""The verb ``check``: look at everything a person wrote, and measure nothing."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from evalgate.core.errors import BadInput, CannotJudge, Problem
from evalgate.core.policy import Policy
from evalgate.core.review import Review
from evalgate.core.suite import Project, Suite
from evalgate.load.everything import Everything, load_everything
from evalgate.pipeline.measuring.judging import judging_of
from evalgate.pipeline.measuring.walk import Walked, walk
from evalgate.pipeline.planning.plan_judging import plan_judging
from evalgate.pipeline.planning.power_warnings import power_warnings
from evalgate.pipeline.project.places import recordings_in
from evalgate.pricing.prices import resolve_prices
from evalgate.store.recordings import Recordings, read_recordings
from evalgate.store.verify import mismatches


@dataclass(slots=True)
class _Notes:
    """What was found; ``told`` are the policies whose prices were looked at already."""

    errors: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    told: set[str] = field(default_factory=set)


def check(start: Path) -> Review:
    """Look through the project around the folder ``start``; what is wrong is returned, not raised."""
    try:
        found = load_everything(start)
    except BadInput as bad:
        return Review(bad.problems, (), ())
    notes = _Notes(list(found.errors), list(found.warnings))
    files = sum(_only_read(found, folder, notes) for folder in found.broken_suites())
    for suite in found.project.suites:
        policies = [policy for policy in (suite.baseline, *suite.proposals) if policy is not None]
        for policy in policies:
            notes.errors.extend(_prices(found, policy, notes))
        paths = recordings_in(suite.folder)
        files += len(paths)
        recordings = _recordings(found, paths, notes)
        if recordings is not None:
            for policy in policies:
                _replayable(found, suite, policy, recordings, notes)
            _judgeable(found, suite, recordings, notes)
        suite_file = found.shown(suite.file)
        open_budgets = power_warnings(suite)
        if recordings is not None and not notes.errors:
            open_budgets += _open_by_recordings(found.project, suite, recordings)
        notes.warnings += [
            Problem(each, "", suite_file, key="budgets") for each in dict.fromkeys(open_budgets)
        ]
    return Review(
        tuple(dict.fromkeys(notes.errors)), tuple(dict.fromkeys(notes.warnings)), _counted(found, files)
    )


def _open_by_recordings(project: Project, suite: Suite, recordings: Recordings) -> list[str]:
    if not recordings:
        return []
    from evalgate.pipeline.planning.power_recorded import recorded_warnings  # noqa: PLC0415  numpy

    return list(recorded_warnings(project, suite, recordings))


def _prices(found: Everything, policy: Policy, notes: _Notes) -> Iterator[Problem]:
    """Yield each deployment whose price nobody knows, at its place in the policy."""
    if policy.file in notes.told:
        return
    notes.told.add(policy.file)
    for alias, deployment in policy.deployments.items():
        try:
            resolve_prices([deployment], found.project.prices, found.project.price_at)
        except BadInput as bad:
            for problem in bad.problems:
                if problem.file is None:
                    yield found.problem_in(policy, ("deployments", alias), problem.message, problem.cure)


def _only_read(found: Everything, folder: Path, notes: _Notes) -> int:
    """Read the recordings of a suite that has problems itself, and return how many files there are."""
    paths = recordings_in(folder)
    _recordings(found, paths, notes)
    return len(paths)


def _recordings(found: Everything, paths: list[Path], notes: _Notes) -> Recordings | None:
    """Return the committed recordings at ``paths``, or None with their problems noted."""
    try:
        recordings = read_recordings(paths)
    except BadInput as bad:
        notes.errors += [_shown(found, problem) for problem in bad.problems]
        return None
    for path in paths:
        for each in mismatches(path):
            notes.errors.append(
                Problem(
                    "the digest is not that of the request beside it, so this answers another question",
                    "delete the line and record the call again; recordings are not edited by hand",
                    found.shown(path),
                    each.line,
                    key="digest",
                )
            )
    return recordings


def _replayable(
    found: Everything, suite: Suite, policy: Policy, recordings: Recordings, notes: _Notes
) -> None:
    """Note how many calls of a policy nobody recorded."""
    try:
        walked = walk(suite, policy, recordings, succeeding=True)
    except BadInput as bad:
        notes.errors += [_shown(found, problem) for problem in bad.problems]
        return
    except CannotJudge as cannot:
        file = found.shown(policy.file)
        notes.errors.append(
            Problem(str(cannot), "mend the function that the router calls", file, key="router")
        )
        return
    if walked.missing:
        notes.warnings.append(_missing(found, suite, policy, walked))


def _judgeable(found: Everything, suite: Suite, recordings: Recordings, notes: _Notes) -> None:
    """Note what keeps the models that graders ask from judging, and how many of their calls are missing."""
    file = found.shown(suite.file)
    try:
        judging_of(suite)
        planned = plan_judging(found.project, suite, recordings, "replay")
    except BadInput as bad:
        # A judge without a price; what is wrong with a policy or a case is told already.
        unpriced = [problem for problem in bad.problems if (problem.key or "").startswith("deployments.")]
        notes.errors += [
            replace(each, file=file, key=(each.key or "").removeprefix("deployments.")) for each in unpriced
        ]
        return
    except CannotJudge as cannot:
        if not notes.errors:
            notes.errors.append(Problem(str(cannot), "", file))
        return
    if planned is not None and planned.missing:
        needed = sum(each.needed for each in planned.calls)
        message = f"{planned.missing:,} of {needed:,} calls that grading needs are not recorded"
        cure = (
            f"`evalgate record {found.shown(suite.folder)}` makes them; `evalgate plan` tells what they cost"
        )
        notes.warnings.append(Problem(message, cure, file, key="grader"))


def _missing(found: Everything, suite: Suite, policy: Policy, walked: Walked) -> Problem:
    missing, needed = len(walked.missing), len(walked.needed)
    cases = list(walked.missing_cases)
    named = ", ".join(cases[:3]) + (", …" if len(cases) > 3 else "")
    folder = found.shown(suite.folder)
    return Problem(
        f"{missing:,} of {needed:,} calls on suite {suite.name!r} are not recorded (cases {named})",
        f"`evalgate record {folder} --policy {policy.name}` makes them; `evalgate plan` tells what they cost",
        found.shown(policy.file),
    )


def _shown(found: Everything, problem: Problem) -> Problem:
    """Return the problem with its file as people are told of it; the store names files by whole paths."""
    return problem if problem.file is None else replace(problem, file=found.shown(problem.file))


def _counted(found: Everything, files: int) -> tuple[str, ...]:
    suites = found.project.suites
    cases = sum(len(suite.cases) for suite in suites)
    return tuple(
        _count(number, noun)
        for number, noun in (
            (len(suites), "suite"),
            (cases, "case"),
            (len(found.policies), "policy"),
            (files, "recordings file"),
        )
    )


def _count(number: int, noun: str) -> str:
    plural = f"{noun.removesuffix('y')}ies" if noun.endswith("y") else f"{noun}s"
    return f"{number:,} {noun if number == 1 else plural}"
