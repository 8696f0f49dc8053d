"""Report data made of synthetic runs and hostile texts, for tests of what is drawn from them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from evalgate.core.budgets import Limit, Rules
from evalgate.core.calls import Attempt, Usage
from evalgate.core.messages import Message, ToolCall
from evalgate.core.outcome import Answer, CacheTrace, Cost, Failure, Grade, Graded, Outcome, RouteTrace, Step
from evalgate.core.policy_file import Price
from evalgate.core.report_data import CallKey, CallText, ReportData, ReportTexts
from evalgate.core.run import Manifest, Run, Session
from evalgate.gate.decide import decide
from evalgate.pipeline.comparing.evidence import evidence, points
from evalgate.pipeline.comparing.pairing import judge_runs
from evalgate.scoring.compare import compare, compare_absolute

# What models, cases and files may hold, and what somebody would like it to do to a reader.
HOSTILE = (
    "<script>window.pwned = 1</script>",
    "</script><script>window.pwned = 1</script>",
    "<!--<script>window.pwned = 1</script>-->",
    '<img src="http://evil.example/x.png" onerror="window.pwned = 1">',
    "<svg onload='window.pwned = 1'><a href='javascript:window.pwned=1'>x</a></svg>",
    "javascript:window.pwned=1 [x](javascript:window.pwned=1) https://evil.example/",
    "</textarea></title></style><style>*{display:none}</style>",
    '" onmouseover="window.pwned=1" x=\'',
    "&lt;b&gt; &amp;lt; {{7*7}} ${7*7} <%= 7*7 %>",
    "bidi \u202egnp.exe\u202c \u2066isolate\u2069 \u200bzero\u200dwidth\ufeff \U000e0041tag",
    "\x1b[31mred\x1b]52;c;cHduZWQ=\x07\x9b2J \x00nul \x08back \r\nline\x85next\u2028para\u2029",
    "lone \ud800 surrogate \udfff",
    "[/foo] [link=http://evil.example]x[/link] :tada:",
    "::error file=x::pwned\n##[group]x\n::add-mask::x",
    "@octocat #1 GH-7 ![x](http://evil.example/p.png) `code` | cell |\n| --- |",
    '=HYPERLINK("http://evil.example") \t tab',
    "עברית עם English ومع العربية 界 👩‍👩‍👧 e\u0301\u0301\u0301\u0301",
    "x" * 1_000_000,
)
LIMITS = (
    Limit("accuracy", "max_drop", 0.02, "share", "absolute", "estimate"),
    Limit("accuracy", "min", 0.5, "share", "absolute", "estimate"),
    Limit("cost_per_correct", "max_rise", 0.05, "share", "relative", "estimate"),
    Limit("latency_p95", "max_rise", 0.1, "share", "relative", "warn"),
    Limit("accuracy", "max_drop", 0.05, "share", "absolute", "estimate", slice="*"),
)
PRICES = {
    "strong": Price(input_per_1m=2.5, output_per_1m=10.0),
    "weak": Price(input_per_1m=0.15, output_per_1m=0.6),
}
SESSION = Session("s1", "2026-11-01T10:00:00Z", interleaved=True, seed=1, origin="record")


def usage_usd(usage: Usage, price: Price) -> float:
    tokens = (usage.input_tokens or 0) * price.input_per_1m + (usage.output_tokens or 0) * price.output_per_1m
    return tokens / 1e6


def outcome(
    case_id: str, alias: str, text: str | None, latency_s: float, *, name: str, usage: Usage | None = None
) -> Outcome:
    """One case served by one call; without ``text`` it failed."""
    usage = usage or Usage(input_tokens=40, output_tokens=8)
    attempt = Attempt(latency_s, error="timeout" if text is None else None, status=200, usage=usage)
    return Outcome(
        case_id=case_id,
        trial=0,
        result=Failure("timeout", "no answer in time") if text is None else Answer(text),
        deployment=None if text is None else alias,
        latency_s=latency_s,
        steps=(Step("generate", alias, f"{name}:{case_id}", "s1", (attempt,)),),
        route=RouteTrace(0.5, alias == "strong", alias),
    )


def graded(
    made: Outcome, *, right: bool, slices: Mapping[str, str] | None = None, target: str = "yes"
) -> Graded:
    step = made.steps[0] if made.steps else None
    usage = step.attempts[-1].usage if step is not None else None
    usd = usage_usd(usage, PRICES[step.deployment]) if step is not None and usage is not None else 0.0
    failed = isinstance(made.result, Failure)
    label = None if failed else made.result.text[:60]
    return Graded(
        made,
        Cost(usd),
        Grade(float(right), right, "as expected" if right else f"expected {target}", label),
        dict(slices or {}),
        target=target,
    )


def run_of(results: Sequence[Graded], policy: str, suite: str = "tickets", **changed: object) -> Run:
    fields: dict[str, object] = {
        "suite": suite,
        "policy": policy,
        "policy_digest": f"digest-of-{policy}",
        "suite_digest": f"digest-of-{suite}",
        "mode": "replay",
        "trials": 1,
        "ordered": False,
        "labels": (),
        "rules": Rules(LIMITS, slice_by="intent"),
        "prices": PRICES,
        "sessions": (SESSION,),
        "policy_summary": (f"use: {policy}", "params.temperature: 0"),
        "requests_per_month": 100_000,
        "evalgate_version": "0.1.0",
    }
    return Run(Manifest(**(fields | changed)), tuple(results))  # type: ignore[arg-type]


def plain_runs(count: int = 120, *, broke: int = 9, fixed: int = 2) -> tuple[Run, Run]:
    """A baseline that is mostly right and a cheaper, worse candidate; one case fails on the candidate."""
    before, after = [], []
    for number in range(count):
        case_id, intent = f"t-{number:04}", ("billing", "shipping", "returns")[number % 3]
        slices = {"intent": intent, "channel": ("email", "chat")[number % 2]}
        right = number % 10 != 9
        first = outcome(case_id, "strong", "yes" if right else "no", 1.0 + number / count, name="base")
        before.append(graded(first, right=right, slices=slices))
        now = (right and number >= broke) or (not right and number < 10 * fixed)
        text = None if number == 0 else "yes" if now else "perhaps, on the whole"
        second = outcome(case_id, "weak", text, 0.5 + number / count / 2, name="cand")
        after.append(graded(second, right=now, slices=slices))
    return run_of(before, "production"), run_of(after, "small")


def texts_of(*runs: Run, prompt: str = "Is the parcel of {} late?") -> dict[CallKey, CallText]:
    found: dict[CallKey, CallText] = {}
    for run in runs:
        for each in run.results:
            said = each.outcome.result.text if isinstance(each.outcome.result, Answer) else None
            for step in each.outcome.steps:
                asked = prompt.format(each.outcome.case_id)
                messages = (Message("system", "Answer yes or no."), Message("user", asked))
                found[step.digest, step.session] = CallText(messages, said)
    return found


def report_data(
    *pairs: tuple[Run, ...], texts: ReportTexts = "all", calls: Mapping[CallKey, CallText] | None = None
) -> ReportData:
    """Return the report of pairs (or of runs alone), by the same steps as the pipeline's."""
    pairs = pairs or (plain_runs(),)
    comparisons = [compare(*pair) if len(pair) == 2 else compare_absolute(pair[0]) for pair in pairs]
    decision = decide([judge_runs(pair) for pair in pairs])
    runs = [run for pair in pairs for run in pair]
    return ReportData(
        decision=decision,
        comparisons=tuple(
            evidence(judgement, pair, comparison, points(comparison.suite, comparisons))
            for judgement, pair, comparison in zip(decision.judgements, pairs, comparisons, strict=True)
        ),
        inputs={
            run.manifest.suite: {
                each.outcome.case_id: f"Is {each.outcome.case_id} late?" for each in run.results
            }
            for run in runs
        },
        calls=texts_of(*runs) if calls is None else calls,
        texts=texts,
    )


def hostile_data(texts: ReportTexts = "all") -> ReportData:
    """A report in which every text that anybody else wrote is hostile, names and ids too."""
    before, after = [], []
    for number, text in enumerate(HOSTILE):
        short = text[:2000]
        case_id = f"{number} {short[:60]}"
        slices = {"intent": short[:80], short[:40]: "odd"}
        cache = CacheTrace(key=short, hit=number % 2 == 0, source=case_id)
        tool = ToolCall(short, '{"x": "' + short)
        first = outcome(case_id, "strong", text, 1.0, name="base")
        first = replace(first, cache=cache, result=Answer(text, (tool,)))
        second = outcome(case_id, "weak", None if number == 3 else f"{text}!", 1.5, name="cand")
        if number == 3:
            second = replace(second, result=Failure(short[:40], short))
        for results, made, right in ((before, first, True), (after, second, number % 2 == 0)):
            one = graded(made, right=right, slices=slices, target=short)
            results.append(replace(one, grade=Grade(float(right), right, short, short), group=short))
    odd = HOSTILE[1] + HOSTILE[9]
    summary = (f"use: {odd}", f"{HOSTILE[3]}: {odd}")
    sessions = (replace(SESSION, origin=odd),)
    settings = {"policy_summary": summary, "sessions": sessions, "suite": odd}
    runs = (
        run_of(before, f"production {odd}", **settings),
        run_of(after, f"small {odd}", **(settings | {"policy_summary": (f"use: other {odd}",)})),
    )
    calls = {
        key: CallText((Message(HOSTILE[0], value.answer), Message("user", HOSTILE[2] * 3)), HOSTILE[1])
        for key, value in texts_of(*runs).items()
    }
    return report_data(runs, texts=texts, calls=calls)
