"""Everything that the case view shows, in compressed chunks that are opened one at a time."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from evalgate.core.calls import Attempt
from evalgate.core.messages import Message
from evalgate.core.numbers import Unmeasured
from evalgate.core.outcome import Answer, Cost, Failure, Graded, Step
from evalgate.core.policy_file import Price
from evalgate.core.report_data import CallKey, CallText
from evalgate.report.html.arithmetic import arithmetic
from evalgate.report.html.cases import Side

MOST_CASES = 50
# A chunk is unpacked whole to show one case, and that must not be felt.
MOST_TEXT = 500_000

Chunk = dict[str, object]


@dataclass(frozen=True, slots=True)
class RunSides:
    """One run of a suite: its number on the page, its prices, and its side of every case.

    ``predicted`` are the deployments of which a prompt cache was predicted.
    ``formats`` holds the number format of each deployment that says one.
    """

    number: int
    prices: Mapping[str, Price]
    sides: Mapping[str, Side]
    predicted: frozenset[str]
    formats: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Packing:
    """What goes into the chunks of one suite. ``told`` are the cases whose texts may stand in the page."""

    runs: Sequence[RunSides]
    calls: Mapping[CallKey, CallText]
    asked: Mapping[str, str]
    told: frozenset[str]


class _Texts:
    """The texts of one chunk, each once. Records name them by number: side by side they compress better."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}
        self.size = 0

    def number(self, text: str | None) -> int | None:
        if text is None:
            return None
        if text not in self.numbers:
            self.numbers[text] = len(self.numbers)
            self.size += len(text)
        return self.numbers[text]


def chunks(case_ids: Iterable[str], packing: Packing) -> Iterator[tuple[int, Chunk]]:
    """Yield the cases in chunks, each with how many it holds, in the order of ``case_ids``."""
    writer = _Writer(packing)
    for case_id in case_ids:
        writer.add(case_id)
        if writer.full:
            yield writer.chunk()
            writer = _Writer(packing)
    if writer.records:
        yield writer.chunk()


class _Writer:
    """Writes one chunk."""

    def __init__(self, packing: Packing) -> None:
        self.packing = packing
        self.texts = _Texts()
        self.records: list[dict[str, object]] = []

    @property
    def full(self) -> bool:
        return len(self.records) >= MOST_CASES or self.texts.size > MOST_TEXT

    def chunk(self) -> tuple[int, Chunk]:
        return len(self.records), {"t": list(self.texts.numbers), "c": self.records}

    def add(self, case_id: str) -> None:
        told = case_id in self.packing.told
        prompts: list[list[list[object]]] = []
        sides: dict[str, object] = {}
        for run in self.packing.runs:
            side = run.sides[case_id]
            prompt = self._prompt(side) if told else None
            if prompt is not None and prompt not in prompts:
                prompts.append(prompt)
            trials = [self._trial(graded, run, told=told) for graded in side.trials]
            sides[str(run.number)] = {"p": None if prompt is None else prompts.index(prompt), "t": trials}
        record: dict[str, object] = {"p": prompts, "r": sides}
        if not told:
            record["untold"] = 1
        elif not prompts and case_id in self.packing.asked:
            record["p"] = [[["case", self.texts.number(self.packing.asked[case_id])]]]
        self.records.append(record)

    def _prompt(self, side: Side) -> list[list[object]] | None:
        """The messages of the first call that any trial made; a cache hit makes none."""
        for graded in side.trials:
            for step in graded.outcome.steps:
                text = self.packing.calls.get((step.digest, step.session))
                if text is not None:
                    return [[message.role, self.texts.number(_content(message))] for message in text.messages]
        return None

    def _trial(self, graded: Graded, run: RunSides, *, told: bool) -> dict[str, object]:
        outcome = graded.outcome
        found: dict[str, object] = {"n": outcome.trial, "l": short(outcome.latency_s)}
        served: str | None = None
        match outcome.result:
            case Answer(text=text, tool_calls=tool_calls, finish_reason=ended):
                if ended == "length":
                    found["cut"] = 1
                if told:
                    served = text
                    found["a"] = self.texts.number(text)
                    if tool_calls:
                        found["tools"] = [[call.name, call.arguments] for call in tool_calls]
            case Failure(kind=kind, reason=reason):
                found["f"] = [kind, reason if told else ""]
        match graded.cost:
            case Cost(total_usd=usd):
                found["usd"] = short(usd)
            case Unmeasured(reason=why):
                found["unpriced"] = why
        found |= self._judged(graded, told=told)
        if outcome.batch_window_s is not None:
            found["b"] = short(outcome.batch_window_s)
        if outcome.tokens is not None:
            tokens = outcome.tokens
            found["t"] = [
                _short_or_none(tokens.ttft_s),
                _short_or_none(tokens.tpot_s),
                tokens.unknown_because,
            ]
        found["s"] = [self._step(step, run, served) for step in outcome.steps]
        return found

    def _judged(self, graded: Graded, *, told: bool) -> dict[str, object]:
        """The grade, and what cache and router did; grade and key may quote what was said."""
        outcome, found = graded.outcome, dict[str, object]()
        if graded.unreadable:
            found["unread"] = 1
        if graded.grade is not None:
            grade = graded.grade
            reason, label = (self.texts.number(grade.reason), grade.label) if told else (None, None)
            found["g"] = [short(grade.score), int(grade.correct), reason, label]
        if outcome.cache is not None:
            key = self.texts.number(outcome.cache.key) if told else None
            kind = graded.hit.kind if graded.hit is not None else None
            near = outcome.cache.similarity
            shown = None if near is None else short(near)
            waited = short(outcome.cache.waited_s)
            found["k"] = [key, int(outcome.cache.hit), outcome.cache.source, kind, shown, waited]
        if outcome.route is not None:
            found["o"] = [short(outcome.route.score), int(outcome.route.strong), outcome.route.deployment]
        if outcome.skipped:
            found["x"] = list(outcome.skipped)
        if outcome.stages:
            found["c"] = [
                [
                    stage.deployment,
                    None if stage.confidence is None else short(stage.confidence),
                    stage.accepted,
                ]
                for stage in outcome.stages
            ]
        return found

    def _step(self, step: Step, run: RunSides, served: str | None) -> list[object]:
        """Role, deployment, session, attempts, the raw answer if rules changed it, format; 1 if it lost."""
        text = self.packing.calls.get((step.digest, step.session)) if served is not None else None
        raw = text.answer if text is not None and text.answer != served and not step.lost else None
        price, predicted = run.prices.get(step.deployment), step.deployment in run.predicted
        attempts = [_attempt(each, arithmetic(each, price, predicted=predicted)) for each in step.attempts]
        form = run.formats.get(step.deployment)
        lost = [1] if step.lost else []
        return [step.role, step.deployment, step.session, attempts, self.texts.number(raw), form, *lost]


def short(number: float) -> float:
    """Return a number with more digits than the page shows, and no more than that."""
    return float(f"{number:.6g}")


def _content(message: Message) -> str:
    tools = [f"{call.name}({call.arguments})" for call in message.tool_calls]
    return "\n".join([*([message.content] if message.content is not None else []), *tools])


def _attempt(attempt: Attempt, cost: str) -> list[object]:
    return [
        short(attempt.wait_s),
        short(attempt.latency_s),
        _short_or_none(attempt.ttft_s),
        attempt.error,
        attempt.status,
        cost,
        _short_or_none(attempt.tokens_per_s),
        *([] if attempt.fault_at_s is None else [short(attempt.fault_at_s)]),
    ]


def _short_or_none(number: float | None) -> float | None:
    return None if number is None else short(number)
