"""How all this was measured: what is needed to do it again, and what the numbers assume."""

from collections.abc import Iterable, Sequence

from evalgate.core.budgets import Rules
from evalgate.core.metrics import METRICS
from evalgate.core.numbers import Unmeasured
from evalgate.core.policy_file import Price
from evalgate.core.report_data import ComparisonData, ReportData, SmallestEffect
from evalgate.core.run import Manifest, Run, Session
from evalgate.report import wording
from evalgate.report.html.markup import Child, Html, joined, tag
from evalgate.report.html.section import Place, header_row, section, table
from evalgate.report.html.svg import scroller
from evalgate.report.html.typeset import missing, name, typeset, versus
from evalgate.report.ledger import machines
from evalgate.report.numbers import count, percent, points, usd
from evalgate.report.rests import both, evidence
from evalgate.report.safe_text import safe_line

_MOST_SESSIONS = 20
_METHODS = {
    "tango": "score interval of a paired difference (Tango 1998)",
    "wilson": "score interval of a share (Wilson 1927)",
    "fieller": "ratio of means (Fieller 1954), on the data and with its most adverse case doubled",
    "exceedance": "paired exceedance of the pooled P95, mid-p, inverted to an interval",
    "order_statistic": "Harrell and Davis' quantile between two order statistics",
    "clustered_order_statistic": "Harrell and Davis' quantile, at the effective number of cases",
    "pseudo_case_t": "t interval of a bounded mean with a pseudo-case at each extreme",
    "paired_t_of_logs": "t interval of paired differences of logarithms",
    "suite": "t interval over the trials of exactly these cases",
    "identical": "nothing differs, so the change is exactly zero",
}


def provenance_section(data: ReportData, place: Place) -> Html:
    """Return the last part of the page."""
    several = len(data.comparisons) > 1
    return section(
        place,
        "how",
        "How this was measured",
        data.texts_note or None,
        *(_comparison(each, several=several) for each in data.comparisons),
        tag("h3", "Notes and assumptions"),
        _listed(typeset(note) for note in wording.notes(data.decision)),
        tag("h3", "How to read a verdict"),
        _glossary(),
    )


def _comparison(each: ComparisonData, *, several: bool) -> Html:
    judgement = each.judgement
    runs = [run for run in (each.baseline, each.candidate) if run is not None]
    rules = runs[0].manifest.rules
    parts = (
        _facts(each, runs),
        _smallest(each.smallest, rules) if each.smallest else None,
        _methods(each),
        _sessions(runs),
        _policies(runs),
        _prices(runs),
    )
    if not several:
        return tag("div", *parts)
    title = tag("summary", name(judgement.suite), ": ", versus(judgement))
    return tag("details", title, *parts, class_="one-of-many")


def _facts(each: ComparisonData, runs: Sequence[Run]) -> Html:
    manifest, rules = each.candidate.manifest, runs[0].manifest.rules
    suite = safe_line(manifest.suite)
    rows: list[tuple[str, Child]] = [
        (
            "Again with",
            tag("code", f"evalgate run {suite} --policy {safe_line(manifest.policy)} --mode {manifest.mode}"),
        ),
        ("evalgate", manifest.evalgate_version),
        ("Suite", _digest(manifest.suite_digest)),
        *(
            (("Baseline policy", _digest(run.manifest.policy_digest)) for run in runs[:1])
            if len(runs) == 2
            else ()
        ),
        ("Candidate policy", _digest(manifest.policy_digest)),
        ("Trials", _trials(manifest)),
        (
            "One-sided level",
            f"{rules.alpha:g} per limit, so printed intervals are {percent(1 - 2 * rules.alpha, 0)}",
        ),
        ("Reaches", _INFERENCE[rules.inference]),
    ]
    if rules.cleanup_usd_per_wrong:
        rows.append(
            ("Cleanup", f"{usd(rules.cleanup_usd_per_wrong)} per wrong answer, inside cost per correct")
        )
    if manifest.requests_per_month:
        rows.append(("Traffic", f"{manifest.requests_per_month:,} requests a month"))
    return tag(
        "dl", *(tag("div", tag("dt", term), tag("dd", value)) for term, value in rows), class_="facts wide"
    )


def _trials(manifest: Manifest) -> str:
    said = f"{manifest.trials:,} per case" + (", in order, as a stream" if manifest.ordered else "")
    rule = manifest.rules.trials_pass
    return said if rule is None else f"{said}; {rule.sentence}"


_INFERENCE = {
    "population": "requests like these cases, of which they are a sample",
    "suite": "exactly these cases and no others",
}


def _digest(digest: str) -> Html:
    return tag("code", safe_line(digest, 64), class_="digest")


def _smallest(effects: Sequence[SmallestEffect], rules: Rules) -> Html:
    rows = joined(
        tag(
            "tr",
            tag("th", METRICS[each.metric].heading, scope="row"),
            tag("td", _effect(each), class_="num"),
        )
        for each in effects
    )
    caption = "The smallest change this suite can see"
    head = header_row(("metric", ""), ("smallest change", "num"))
    return tag(
        "div",
        tag("h3", caption),
        tag(
            "p",
            "A true change of this size is told from none four times in five "
            f"(one-sided, level {rules.alpha:g}).",
            class_="lead",
        ),
        scroller(caption, table(caption, head, rows, "plain narrow")),
    )


def _effect(each: SmallestEffect) -> str | Html:
    if isinstance(each.size, Unmeasured):
        return missing(each.size.reason)
    return percent(each.size) if each.relative else points(each.size)


def _methods(each: ComparisonData) -> Html:
    found = dict.fromkeys(check.method for check in each.judgement.checks if check.method != "none")
    said = [
        tag("li", tag("code", safe_line(method, 60)), f": {_METHODS[method]}" if method in _METHODS else None)
        for method in found
    ]
    rests = [tag("li", typeset(text)) for text in both(evidence(each.judgement))]
    return tag(
        "div",
        tag("h3", "Methods"),
        tag("ul", *said, class_="notes"),
        tag("h3", "What the numbers rest on"),
        tag("ul", *rests, class_="notes"),
    )


def _sessions(runs: Sequence[Run]) -> Html:
    sessions = {session.id: session for run in runs for session in run.manifest.sessions}
    rows = joined(_session(session) for session in list(sessions.values())[-_MOST_SESSIONS:])
    head = header_row(
        ("session", ""), ("started", ""), ("both sides back to back", ""), ("seed", "num"), ("made by", "")
    )
    body = table(f"{count(len(sessions), 'recording session')}", head, rows, "plain")
    return tag(
        "details",
        tag("summary", f"Recording sessions ({len(sessions):,})"),
        scroller("Recording sessions", body),
    )


def _session(session: Session) -> Html:
    return tag(
        "tr",
        tag("th", tag("code", name(session.id)), scope="row"),
        tag("td", safe_line(session.started_at, 40) or "not noted"),
        tag("td", "yes" if session.interleaved else "no"),
        tag("td", "" if session.seed is None else str(session.seed), class_="num"),
        tag("td", safe_line(session.origin, 40)),
    )


def _policies(runs: Sequence[Run]) -> Html:
    """Every line of every policy: with the suite's files, this is all that was measured."""
    parts = [
        tag(
            "details",
            tag("summary", "Policy ", name(run.manifest.policy)),
            tag("pre", "\n".join(safe_line(line, 300) for line in run.manifest.policy_summary), tabindex="0"),
        )
        for run in runs
    ]
    return joined(parts)


def _prices(runs: Sequence[Run]) -> Html:
    rows = joined(
        _price(run.manifest.policy, alias, price)
        for run in runs
        for alias, price in run.manifest.prices.items()
    )
    head = header_row(
        ("policy", ""),
        ("deployment", ""),
        ("input", "num"),
        ("cached input", "num"),
        ("output", "num"),
        ("per request", "num"),
    )
    body = table("Prices, USD per million tokens", head, rows, "plain")
    return tag("details", tag("summary", "Prices"), scroller("Prices", body))


def _price(policy: str, alias: str, price: Price) -> Html:
    cached = "as input" if price.cached_input_per_1m is None else usd(price.cached_input_per_1m)
    tiers = f" ({count(len(price.tiers), 'tier')} above)" if price.tiers else ""
    numbers = (f"{usd(price.input_per_1m)}{tiers}", cached, usd(price.output_per_1m), usd(price.per_request))
    cells = (tag("td", number, class_="num") for number in numbers)
    hosted = "" if price.hosting is None else f" (machines: {machines(price.hosting)})"
    return tag("tr", tag("th", name(policy), scope="row"), tag("td", name(alias), hosted), *cells)


def _listed(texts: Iterable[str]) -> Html:
    return tag("ul", *(tag("li", text) for text in texts), class_="notes")


def _glossary() -> Html:
    words = (
        ("pass", "The whole interval keeps the budget: the data show that the limit holds."),
        (
            "pass, of a slice",
            "No fall beyond the budget is proven, after correction for the number of slices.",
        ),
        (
            "fail",
            "The whole interval breaks the budget: the data show that it is exceeded. This always blocks.",
        ),
        (
            "inconclusive",
            "The interval holds both: these cases cannot tell. The suite's on_inconclusive says what then.",
        ),
        (
            "not gated",
            "Shown, but no verdict rests on it: a small slice, or times not recorded side by side.",
        ),
    )
    return tag(
        "dl", *(tag("div", tag("dt", word), tag("dd", text)) for word, text in words), class_="facts wide"
    )
