"""The result as scripts read it; its shape is ``result.schema.json`` and docs/result-json.md."""

import json

from evalgate.core.budgets import Waiver
from evalgate.core.confusions import Confusions
from evalgate.core.hosting_use import AtUtilisation
from evalgate.core.labels import JudgeStatus
from evalgate.core.verdict import Check, Decision, Flip, Judgement, JudgeUse, NotSpent
from evalgate.report.answers_json import answers_json
from evalgate.report.json_numbers import measured_json, number_json, text_json, usd_json
from evalgate.report.json_sides import in_states_json, side_json

SCHEMA = "evalgate/result@1"
_COUNTS = ("total", "both_right", "both_wrong", "fixed", "broke", "failed")


def render(decision: Decision) -> str:
    """Return the result as indented JSON with a final newline; equal decisions give equal bytes.

    The text is pure ASCII, so no control or bidirectional character of a model's answer reaches a terminal.
    """
    document = {
        "schema": SCHEMA,
        "verdict": decision.verdict,
        "blocked": decision.blocked,
        "exit_code": int(decision.exit_code),
        "comparisons": [_comparison(judgement) for judgement in decision.judgements],
        "notes": [text_json(note) for note in decision.notes],
        "announcements": [text_json(text) for text in decision.announcements],
        "previews": [_comparison(judgement) for judgement in decision.previews],
    }
    return json.dumps(document, indent=2, ensure_ascii=True, allow_nan=False) + "\n"


def _comparison(judgement: Judgement) -> dict[str, object]:
    cases, calls, candidate = judgement.cases, judgement.calls, judgement.candidate_side
    return {
        "suite": text_json(judgement.suite),
        "baseline": text_json(judgement.baseline) if judgement.baseline else None,
        "candidate": text_json(judgement.candidate),
        "verdict": judgement.verdict,
        "blocked": judgement.blocked,
        "headline": text_json(judgement.headline),
        "checks": [check_json(check) for check in judgement.checks],
        "cases": {name: getattr(cases, name) for name in _COUNTS},
        "shares": {"strong": candidate.strong_share, "cache_hits": candidate.cache_hit_share},
        "calls": {name: getattr(calls, name) for name in ("needed", "reused", "made", "added")},
        "spend_usd": usd_json(judgement.spend_usd),
        "mode": judgement.mode,
        "sequential": None if judgement.not_spent is None else _not_spent(judgement.not_spent),
        "sides": {
            "baseline": side_json(judgement.baseline_side) if judgement.baseline else None,
            "candidate": side_json(candidate),
        },
        "policy_diff": [text_json(line) for line in judgement.policy_diff],
        "flips": [_flip(flip) for flip in judgement.flips],
        "notes": [text_json(note) for note in judgement.notes],
        "owners": [text_json(owner) for owner in judgement.owners],
        "file": text_json(judgement.file),
        "judge": None if judgement.judge is None else _judge(judgement.judge),
        "confusion": None if judgement.confusions is None else _confusion(judgement.confusions),
        "judging": None if judgement.judging is None else _judging(judgement.judging),
        "requests_per_month": judgement.requests_per_month,
        "answers": None if judgement.answers is None else answers_json(judgement.answers),
        **(
            {}
            if judgement.prompt_caches is None
            else {"prompt_caches": in_states_json(judgement.prompt_caches)}
        ),
    }


def _judging(use: JudgeUse) -> dict[str, object]:
    return {
        "models": [text_json(model) for model in use.models],
        "calls": use.calls,
        "spend_usd": usd_json(use.spend_usd),
        "errors": use.errors,
    }


def _not_spent(found: NotSpent) -> dict[str, object]:
    return {
        "cases": found.cases,
        "cases_total": found.cases_total,
        "calls_not_made": found.calls,
        "not_spent_usd": usd_json(found.usd),
    }


def _judge(status: JudgeStatus) -> dict[str, object]:
    return {
        "validated": status.validated,
        "labelled": status.labelled,
        "differing": status.differing,
        "because": status.because,
    }


def _confusion(found: Confusions) -> dict[str, object]:
    return {
        "expected": [text_json(label) for label in found.expected],
        "read": [text_json(label) for label in found.read],
        "baseline": found.baseline,
        "candidate": found.candidate,
    }


def check_json(check: Check) -> dict[str, object]:
    """Return one judged limit."""
    # A relative allowance is a ratio whatever the metric, so only absolute ones are money.
    money = check.metric == "cost_per_correct"
    absolute_money = money and check.scale == "absolute"
    filled = [_at_utilisation(check, each, money=absolute_money) for each in check.at_utilisation]
    return {
        "metric": check.metric,
        "slice": None if check.slice is None else text_json(check.slice),
        "limit": check.limit,
        "allowance": number_json(check.allowance, money=absolute_money),
        "unit": check.unit,
        "scale": check.scale,
        "verdict": check.verdict,
        "blocked": check.blocked,
        "gated": check.gated,
        "on_inconclusive": check.on_inconclusive,
        "reason": text_json(check.reason),
        "baseline": measured_json(check.baseline, money=money),
        "candidate": measured_json(check.candidate, money=money),
        "change": measured_json(check.change, money=absolute_money),
        "method": check.method,
        "level": check.level,
        "n": check.n,
        "clusters": check.clusters,
        "trials": check.trials,
        "affected": check.affected,
        "losses": check.losses,
        "gains": check.gains,
        "cases_needed": check.cases_needed,
        "assumptions": [text_json(assumption) for assumption in check.assumptions],
        "waiver": None if check.waiver is None else _waiver(check.waiver, money=absolute_money),
        **({"at_utilisation": filled} if filled else {}),
    }


def _at_utilisation(check: Check, at: AtUtilisation, *, money: bool) -> dict[str, object]:
    return {
        "times": at.times,
        "utilisation": {text_json(alias): share for alias, share in at.utilisations},
        "candidate": measured_json(at.candidate, money=True),
        "change": measured_json(at.change, money=money),
        "verdict": at.verdict,
        "turns": at.verdict != check.verdict,
    }


def _waiver(waiver: Waiver, *, money: bool) -> dict[str, object]:
    amount = number_json(waiver.allowance, money=money)
    return {"allowance": amount, "reason": text_json(waiver.reason), "expiry": waiver.expiry}


def _flip(flip: Flip) -> dict[str, object]:
    return {
        "case": text_json(flip.case_id),
        "kind": flip.kind,
        "baseline": text_json(flip.baseline),
        "candidate": text_json(flip.candidate),
        "target": None if flip.target is None else text_json(flip.target),
    }
