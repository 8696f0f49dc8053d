"""What a result takes for granted, in sentences that are printed beside it."""

from collections.abc import Iterable, Mapping

from evalgate.core.labels import JudgeStatus
from evalgate.core.metrics import Metric
from evalgate.core.run import Run, Session
from evalgate.core.suite_file import Inference
from evalgate.core.trials import TrialsPass
from evalgate.scoring.units import Units


def shared_calls(n: int, affected: int, recorded: str = "") -> tuple[str, ...]:
    """Return what reusing one recorded outcome for both sides assumes; nothing when nothing is shared.

    ``recorded`` says when, as in "on 2026-11-20".
    """
    same = n - affected
    if same == 0:
        return ()
    when = f" {recorded}" if recorded else ""
    return (
        f"{same} of {n} cases are served alike by both policies, so their difference is exactly zero",
        f"the provider still serves the models as they were when recorded{when}",
        "the recorded answers are one draw of each model",
    )


def recorded_on(sessions: Iterable[Session]) -> str:
    """Return on which days these sessions recorded: "on 2026-11-20", "from 2026-11-20 to 2026-11-22"."""
    days = sorted({each.started_at[:10] for each in sessions if each.started_at})
    if len(days) < 2:
        return f"on {days[0]}" if days else ""
    return f"from {days[0]} to {days[-1]}"


def whole_windows(runs: Iterable[Run]) -> tuple[str, ...]:
    """Return what a micro-batching window adds to a latency that was measured without traffic."""
    stations = (station for run in runs for station in run.manifest.stations)
    windows = sorted({each.collects.window_s for each in stations if each.collects is not None})
    if not windows:
        return ()
    shown = " and ".join(f"{window * 1000:g} ms" for window in windows)
    said = f"every call waits the whole micro-batching window ({shown}), as a lone request does"
    return (f"{said}; latency_p95_under_load finds the wait that traffic makes of it",)


def amid_faults(faults: int) -> tuple[str, ...]:
    """Return what it means that faults were replayed; nothing where none were."""
    if not faults:
        return ()
    what = "1 fault" if faults == 1 else f"{faults} faults"
    about = "the interval is about other cases at that time, not about other outages"
    return (f"{what} of the suite's traffic befell both policies alike; {about}",)


def sampling(units: Units) -> tuple[str, ...]:
    """Return what the weights and groups of the cases mean for the interval."""
    notes = []
    if not units.single:
        notes.append(f"cases of one group are dependent: {units.count} independent groups decide")
    if units.weighted:
        notes.append("cases count by their weight")
    return tuple(notes)


def counting(rule: TrialsPass | None) -> tuple[str, ...]:
    """Return what a case counts, where that is not the share of its correct trials."""
    return () if rule is None else (rule.sentence,)


def inference(about: Inference) -> tuple[str, ...]:
    """Return what the interval of a share is about, where that is not traffic like the suite."""
    if about == "population":
        return ()
    return ("this is about these very cases (inference: suite), not about traffic like them",)


def judge_notes(judge: JudgeStatus | None, metric: Metric) -> tuple[str, ...]:
    """Return what it means for ``metric`` that a model graded; nothing where none did."""
    if judge is None:
        return ()
    said = f"people labelled {judge.labelled} of the {judge.differing} cases whose answers differ"
    seen = f"{_AS_JUDGED[metric]} as the judge sees it"
    if not judge.validated:
        return (f"the judge is unvalidated ({said}; {judge.because}): {seen}",)
    if metric != "accuracy":
        return (f"a judge graded: {seen}; labels correct accuracy alone",)
    if judge.differing == 0:
        return ("a judge graded; all answers are the same on both sides, so it can favour neither",)
    random = "taken to be a random part of them; each side's own accuracy is as the judge sees it"
    return (f"a judge graded, and labels correct its change in accuracy: {said}, {random}",)


_AS_JUDGED: Mapping[Metric, str] = {
    "accuracy": "this is accuracy",
    "score": "this is the mean grade",
    "cost_per_correct": "what counts as correct is",
    "flip_rate": "what flips is what turned right or wrong",
}
