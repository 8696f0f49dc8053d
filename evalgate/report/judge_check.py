"""How far a judge can be trusted, as text for people, as JSON for scripts, and as a sheet to label on."""

import json
from collections.abc import Iterable, Iterator, Sequence

from evalgate.core.judge_check import TRUSTED_KAPPA, Agreement, JudgeCheck, SuiteJudgeCheck
from evalgate.core.numbers import Measured, Unmeasured
from evalgate.report.json_numbers import measured_json, usd_json
from evalgate.report.layout import wrap
from evalgate.report.numbers import count, level, usd_or_missing, with_interval
from evalgate.report.safe_text import safe_line

SCHEMA = "evalgate/judge-check@1"
_CLASSES_SHOWN, _NEXT_SHOWN = 8, 10
_LEAST_IN_CLASS = 5


def render_text(checks: Sequence[SuiteJudgeCheck], *, width: int = 100) -> str:
    """Return a paragraph a suite and proposal: agreement, flicker, bias, labels."""
    lines: list[str] = []
    for check in checks:
        subject = f"{safe_line(check.suite)}: {safe_line(check.judge)} judges {safe_line(check.baseline)}"
        lines += wrap(f"{subject} → {safe_line(check.candidate)}", width)
        for sentence in _sentences(check):
            lines += wrap(sentence, width, first="  ")
        lines.append("")
    return "\n".join(lines)


def render_json(checks: Sequence[SuiteJudgeCheck]) -> str:
    """Return the same as indented JSON, with every class and every case to label."""
    document = {"schema": SCHEMA, "checks": [_check_json(check) for check in checks]}
    return json.dumps(document, indent=2, ensure_ascii=True, allow_nan=False) + "\n"


def label_sheet(checks: Iterable[SuiteJudgeCheck]) -> str:
    """Return lines for ``labels.jsonl`` that lack ``correct`` and ``by``, each answer once."""
    lines = {
        (each.case, each.answer): {
            "case": each.case,
            "answer": each.answer,
            "correct": None,
            "by": "",
            "question": each.question,
            "said": each.said,
        }
        for check in checks
        for each in check.to_label
    }
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines.values())


def _sentences(check: SuiteJudgeCheck) -> Iterator[str]:
    found = check.found
    if check.made:
        yield f"{count(check.made, 'call')} made for this, spent {usd_or_missing(check.spend_usd)}"
    yield f"agreement with people: {_agreement(found.agreement)}"
    yield from _classes(found)
    yield f"flicker: {_share(found.flicker)} of answers got another grade when judged again"
    yield f"bias between the sides: {_bias(found.bias)}"
    yield from _labels(check)


def _agreement(agreement: Agreement) -> str:
    if isinstance(agreement.kappa, Unmeasured):
        return f"unknown: {safe_line(agreement.kappa.reason, 200)}"
    kappa = f"{_kappa(agreement.kappa)} over {count(agreement.labelled, 'labelled answer')}"
    accepts, refuses = _share(agreement.sensitivity), _share(agreement.specificity)
    return f"{kappa}; accepts {accepts} of right answers, refuses {refuses} of wrong ones"


def _classes(found: JudgeCheck) -> Iterator[str]:
    told = [(name, each) for name, each in found.by_target.items() if each.labelled >= _LEAST_IN_CLASS]
    if len(found.by_target) < 2:
        return
    for name, each in told[:_CLASSES_SHOWN]:
        yield f"  expected {safe_line(name, 40)!r}: {_agreement(each)}"
    left = len(found.by_target) - len(told[:_CLASSES_SHOWN])
    if left:
        yield f"  {count(left, 'other expected answer')}: in the JSON result"


def _labels(check: SuiteJudgeCheck) -> Iterator[str]:
    found = check.found
    yield (
        f"labels: both answers are labelled in {found.labelled:,} of the {found.differing:,} cases whose "
        "answers differ; equal answers need none"
    )
    yield _trust(found)
    if check.budget is not None and found.differing:
        yield f"for a drop of {check.budget * 100:g} pp: {_enough(found)}"
    if found.next:
        names = ", ".join(safe_line(name, 40) for name in found.next[:_NEXT_SHOWN])
        more = f" and {len(found.next) - _NEXT_SHOWN:,} more" if len(found.next) > _NEXT_SHOWN else ""
        yield f"label next, in this order (any part of it is a random one): {names}{more}"


def _trust(found: JudgeCheck) -> str:
    if isinstance(found.agreement.kappa, Unmeasured):
        return "the judge is unvalidated: nobody has said which of its grades are right"
    if found.trusted:
        return f"the judge agrees with people well enough (kappa is at least {TRUSTED_KAPPA})"
    cure = "mend the rubric, or take another judge"
    return f"the judge is not calibrated: kappa is below {TRUSTED_KAPPA}; {cure}"


def _enough(found: JudgeCheck) -> str:
    if found.labels_needed is None:
        return "no number of labels would do; the cases themselves leave too much open"
    if found.labels_needed > found.differing:
        return f"it takes more differing cases than the {found.differing:,} that there are; add cases"
    if found.labels_needed <= found.labelled:
        return f"the {found.labelled:,} labelled cases do; about {found.labels_needed:,} are needed"
    more = found.labels_needed - found.labelled
    return f"about {found.labels_needed:,} labelled cases would do, {more:,} more"


def _kappa(kappa: Measured) -> str:
    if isinstance(kappa, Unmeasured):
        return "kappa unknown"
    return f"kappa {kappa.value:.2f} ({kappa.low:.2f} to {kappa.high:.2f}, {level(kappa.level)} interval)"


def _share(share: Measured) -> str:
    if isinstance(share, Unmeasured):
        return f"an unknown share ({safe_line(share.reason, 200)})"
    return with_interval(share, "percent", signed=False)


def _bias(bias: Measured) -> str:
    if isinstance(bias, Unmeasured):
        return f"unknown: {safe_line(bias.reason, 200)}"
    shown = with_interval(bias, "points", signed=True)
    return f"{shown} in favour of the candidate, {level(bias.level)} interval"


def _check_json(check: SuiteJudgeCheck) -> dict[str, object]:
    found = check.found
    return {
        "suite": check.suite,
        "judge": check.judge,
        "baseline": check.baseline,
        "candidate": check.candidate,
        "agreement": _agreement_json(found.agreement),
        "by_target": {name: _agreement_json(each) for name, each in found.by_target.items()},
        "trusted": found.trusted,
        "flicker": measured_json(found.flicker),
        "bias": measured_json(found.bias),
        "labelled": found.labelled,
        "differing": found.differing,
        "budget": check.budget,
        "labels_needed": found.labels_needed,
        "next": list(found.next),
        "calls_made": check.made,
        "spend_usd": usd_json(check.spend_usd),
    }


def _agreement_json(agreement: Agreement) -> dict[str, object]:
    return {
        "labelled": agreement.labelled,
        "kappa": measured_json(agreement.kappa),
        "sensitivity": measured_json(agreement.sensitivity),
        "specificity": measured_json(agreement.specificity),
    }
