"""Latency: what share of the requests was answered within how long, on both sides."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from evalgate.core.numbers import Estimate, Unmeasured
from evalgate.core.report_data import ComparisonData, QuantilePair
from evalgate.core.run import Run
from evalgate.report.html.axes import Axes
from evalgate.report.html.markup import Html, joined, tag
from evalgate.report.html.scales import Scale, spanning
from evalgate.report.html.section import Place, section, table
from evalgate.report.html.svg import label, path, place, scroller, svg, whisker
from evalgate.report.html.typeset import name, number
from evalgate.report.numbers import count, level, with_interval
from evalgate.report.safe_text import safe_line

_WIDTH, _LEFT, _RIGHT = 800, 62, 62
# The curves stand above, the intervals of the quantiles below, a row each, on the same scale of times.
_TOP, _FLOOR, _ROWS, _ROW = 38, 330, 364, 30
# More steps than this cannot be seen; where the quantiles lie is marked apart, exactly.
MOST_STEPS = 400
# What a letter of a name takes in the legend at most on average, and what the sign before it.
_LETTER, _SIGN, _LONGEST_NAME = 8.7, 34.0, 28
# The names of P95 and P99 stand so close that they are moved apart a little.
_NUDGES = {0.95: 8.0, 0.99: 1.0}


@dataclass(frozen=True, slots=True)
class _Curve:
    """One side's sorted latencies."""

    policy: str
    times: Sequence[float]
    role: str


def latency_section(data: ComparisonData, where: Place) -> Html:
    """Return the curves, the quantiles with intervals, and when all this was recorded."""
    curves = [_curve(run, role) for run, role in ((data.baseline, "base"), (data.candidate, "cand")) if run]
    drawable = [curve for curve in curves if curve.times and curve.times[0] >= 0]
    return section(
        where,
        "latency",
        "Latency",
        "The share of requests that waited no longer than this, failed ones until they failed. Below, the "
        "median, P95 and P99 with their intervals.",
        _figure(drawable, data, where) if drawable else None,
        _quantiles(data.latencies, data, "latency"),
        _quantiles(data.first_tokens, data, "first token") if data.first_tokens else None,
        _quantiles(data.tokens, data, "time per output token") if data.tokens else None,
        _recorded(data),
    )


def _curve(run: Run, role: str) -> _Curve:
    # Nobody waits for what a batch API answers.
    waited = [graded.outcome for graded in run.results if graded.outcome.batch_window_s is None]
    times = sorted(outcome.latency_s for outcome in waited)
    return _Curve(safe_line(run.manifest.policy, _LONGEST_NAME), times, role)


def _figure(curves: Sequence[_Curve], data: ComparisonData, where: Place) -> Html:
    rows_end = _ROWS + _ROW * len(data.latencies)
    axes = Axes(
        x=_time_scale(curves),
        y=Scale(0.0, 1.0, _FLOOR, _TOP),
        x_kind="seconds",
        y_kind="percent",
        x_title="latency →",
        y_title="share of requests ↑",
        title_drop=rows_end + 16 - _FLOOR,
    )
    said = "; ".join(
        f"{_share_name(pair.share)}: {side} {with_interval(measured, 'seconds', signed=False)}"
        for pair in data.latencies
        for side, measured in (("baseline", pair.baseline), ("candidate", pair.candidate))
        if isinstance(measured, Estimate)
    )
    drawing = svg(
        _WIDTH,
        rows_end + 24,
        axes.draw(),
        joined(_rule(pair.share, axes) for pair in data.latencies),
        joined(_steps(curve, axes) for curve in curves),
        joined(_intervals(pair, _ROWS + _ROW * (row + 0.5), axes) for row, pair in enumerate(data.latencies)),
        joined(_legend(curves)),
        title=f"Latency distribution. {said}",
    )
    return tag(
        "figure", scroller("Chart of latencies", drawing), class_="chart", id=where.id("latency-chart")
    )


def _time_scale(curves: Sequence[_Curve]) -> Scale:
    """Times of nothing (cache hits without lookup) stand at the left edge of a scale by magnitude."""
    positive = [time for curve in curves for time in curve.times if time > 0]
    ends = [min(positive), max(positive)] if positive else [0.0, 1.0]
    return spanning(ends, _LEFT, _WIDTH - _RIGHT, pad=0.05)


def _steps(curve: _Curve, axes: Axes) -> Html:
    total = len(curve.times)
    ranks: Sequence[int] = range(1, total + 1)
    if total > MOST_STEPS:
        ranks = sorted({round(step * (total - 1) / (MOST_STEPS - 1)) + 1 for step in range(MOST_STEPS)})
    drawn = [f"M{place(axes.x(curve.times[0]))} {place(axes.y(0.0))}"]
    drawn += [f"H{place(axes.x(curve.times[rank - 1]))}V{place(axes.y(rank / total))}" for rank in ranks]
    return path("".join(drawn), f"curve {curve.role}")


def _rule(share: float, axes: Axes) -> Html:
    """A line through the curves at the height of a quantile."""
    line = path(f"M{place(axes.x.start)} {place(axes.y(share))}H{place(axes.x.end)}", "quantile")
    level_y = axes.y(share) + _NUDGES.get(share, 4.0)
    return tag("g", line, label(axes.x.end + 8, level_y, _share_name(share), "tick"))


def _intervals(pair: QuantilePair, middle: float, axes: Axes) -> Html:
    """Both sides' intervals of one quantile, a little apart so that neither hides the other."""
    marks = []
    for measured, role, shift in ((pair.baseline, "base", -5.5), (pair.candidate, "cand", 5.5)):
        if isinstance(measured, Unmeasured):
            continue
        y = middle + shift
        low, high = axes.x(measured.low), axes.x(measured.high)
        ends = (measured.low < axes.x.low, measured.high > axes.x.high)
        bar = whisker(low, high, y, open_low=ends[0], open_high=ends[1], class_="whisker")
        marks.append(tag("g", bar, _dot(role, axes.x(measured.value), y), class_=f"series {role}"))
    edge = path(f"M{place(axes.x.start)} {place(middle - _ROW / 2)}H{place(axes.x.end)}", "grid")
    named = label(axes.x.start - 8, middle + 4, _share_name(pair.share), "tick", "end")
    return tag("g", edge, named, joined(marks))


def _dot(role: str, x: float, y: float) -> Html:
    if role == "base":
        return tag("rect", x=x - 3.5, y=y - 3.5, width=7, height=7, class_="point")
    return tag("circle", cx=x, cy=y, r=4, class_="point")


def _legend(curves: Sequence[_Curve]) -> list[Html]:
    """The names above the curves, from the right, where no curve comes."""
    found: list[Html] = []
    x, y = float(_WIDTH - _RIGHT), _TOP - 14
    for curve in reversed(curves):
        x -= _LETTER * len(curve.policy) + _SIGN
        line = tag(
            "g",
            path(f"M{place(x)} {y - 4}h22", f"curve {curve.role}"),
            _dot(curve.role, x + 11, y - 4),
            class_=f"series {curve.role}",
        )
        found.append(tag("g", line, label(x + 30, y, curve.policy, f"name {curve.role}")))
        x -= _SIGN / 2
    return found


def _share_name(share: float) -> str:
    return "median" if share == 0.5 else f"P{share * 100:g}"


def _quantiles(pairs: Sequence[QuantilePair], data: ComparisonData, what: str) -> Html:
    rows = []
    for pair in pairs:
        sides = [pair.baseline, pair.candidate] if data.baseline else [pair.candidate]
        cells = [tag("td", number(measured, "seconds"), class_="num") for measured in sides]
        rows.append(tag("tr", tag("th", f"{_share_name(pair.share)} {what}", scope="row"), *cells))
    names = [data.baseline, data.candidate] if data.baseline else [data.candidate]
    head = tag(
        "tr",
        tag("th", _level_of(pairs), scope="col"),
        *(tag("th", name(run.manifest.policy), scope="col", class_="num") for run in names),
    )
    return scroller(f"Quantiles of {what}", table(f"Quantiles of {what}", head, joined(rows), "plain narrow"))


def _level_of(pairs: Sequence[QuantilePair]) -> str:
    levels = {m.level for pair in pairs for m in (pair.baseline, pair.candidate) if isinstance(m, Estimate)}
    return f"{level(levels.pop())} intervals" if len(levels) == 1 else "quantile"


def _recorded(data: ComparisonData) -> Html:
    """When the calls were made, and whether both sides were called back to back."""
    runs = [run for run in (data.baseline, data.candidate) if run is not None]
    steps = (step for run in runs for graded in run.results for step in graded.outcome.steps)
    used = Counter(step.session for step in steps if step.recorded)
    known = {session.id: session for run in runs for session in run.manifest.sessions}
    said = []
    for session_id, calls in used.most_common(5):
        session = known.get(session_id)
        when = (
            safe_line(session.started_at[:19]).replace("T", " ")
            if session and session.started_at
            else "at a time nobody noted"
        )
        how = "both sides back to back" if session and session.interleaved else "sides not interleaved"
        said.append(
            tag(
                "li",
                f"{count(calls, 'call')} recorded {when}, session ",
                tag("code", name(session_id)),
                f", {how}",
            )
        )
    if len(used) > len(said):
        said.append(tag("li", f"and {len(used) - len(said):,} more sessions"))
    return tag("ul", *said, class_="notes")
