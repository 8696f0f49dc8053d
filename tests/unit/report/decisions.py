"""Hand-made Decisions, one for each thing a report must be able to say."""

from dataclasses import replace
from math import inf

from evalgate.core.answers import AnswerChanges, Move, Recovery
from evalgate.core.confusions import Confusions
from evalgate.core.errors import ExitCode
from evalgate.core.hosting import Goodput
from evalgate.core.hosting_file import Hosting, LatencyObjective, ThroughputLevel
from evalgate.core.hosting_use import AtUtilisation, HostingUse
from evalgate.core.numbers import Estimate, Unmeasured
from evalgate.core.verdict import (
    CacheUse,
    CallCounts,
    CaseCounts,
    Check,
    Decision,
    Flip,
    Judgement,
    JudgeUse,
    SideSummary,
)

HOSTILE = (
    "\x1b]52;c;cHduZWQ=\x07\x1b[31m|`<script>alert(1)</script>\n::error::pwned\n"
    "@octocat #1 ![x](http://evil.example/p.png)\u202eabc\u200b\x9b2J ##[group]x </details> \\| \ud800 界"
)


def estimate(value, low, high, level=0.90, method="tango"):
    return Estimate(value=value, low=low, high=high, level=level, method=method)


def check(**changed):
    fields = {
        "metric": "accuracy",
        "slice": None,
        "limit": "max_drop",
        "allowance": 0.01,
        "unit": "share",
        "scale": "absolute",
        "verdict": "pass",
        "blocked": False,
        "gated": True,
        "on_inconclusive": "estimate",
        "reason": "accuracy changed by +0.2 points (-0.4 to +0.9), inside the budget of 1.0",
        "baseline": estimate(0.9100, 0.884, 0.931),
        "candidate": estimate(0.9125, 0.886, 0.934),
        "change": estimate(0.0025, -0.0041, 0.0092),
        "method": "tango",
        "level": 0.90,
        "n": 400,
        "clusters": 400,
        "trials": 1,
        "affected": 120,
        "losses": 3,
        "gains": 4,
        "assumptions": ("cases are independent",),
    }
    return Check(**(fields | changed))


def cost_check(**changed):
    fields = {
        "metric": "cost_per_correct",
        "limit": "max_rise",
        "allowance": 0.05,
        "unit": "usd",
        "scale": "relative",
        "baseline": estimate(0.00412, 0.00397, 0.00428),
        "candidate": estimate(0.00287, 0.00271, 0.00304),
        "change": estimate(-0.3034, -0.331, -0.272, method="delete-1 jackknife"),
        "method": "delete-1 jackknife",
        "losses": None,
        "gains": None,
        "assumptions": ("no case costs more than any that was seen",),
    }
    return check(**(fields | changed))


def latency_check(**changed):
    fields = {
        "metric": "latency_p95",
        "limit": "max_rise",
        "allowance": 0.10,
        "unit": "s",
        "scale": "relative",
        "baseline": estimate(2.314, 2.1, 2.62),
        "candidate": estimate(1.982, 1.8, 2.31),
        "change": estimate(-0.1435, -0.19, -0.081, method="paired order statistics"),
        "method": "paired order statistics",
        "losses": 4,
        "gains": 16,
        "assumptions": (),
    }
    return check(**(fields | changed))


def side(policy, **changed):
    fields = {
        "policy": policy,
        "strong_share": 0.5925,
        "cache_hit_share": None,
        "deployment_shares": (("strong", 0.5925), ("weak", 0.4075)),
        "retries": 3,
        "fallbacks": 1,
        "failures": 0,
        "cost_per_request_usd": 0.003749,
        "retries_usd": 0.0000123,
        "fallbacks_usd": 0.00041,
        "cost_per_correct": estimate(0.00412, 0.00395, 0.00431),
    }
    return SideSummary(**(fields | changed))


def flips(broke, fixed):
    labels = ("billing", "shipping", "account", "technical")
    return tuple(
        Flip(
            case_id=f"t-{index:05}",
            kind="broke" if index < broke else "fixed",
            baseline=labels[index % 4] if index < broke else labels[(index + 1) % 4],
            candidate=labels[(index + 1) % 4] if index < broke else labels[index % 4],
            target=labels[index % 4],
        )
        for index in range(broke + fixed)
    )


def judgement(**changed):
    fields = {
        "suite": "tickets",
        "baseline": "production",
        "candidate": "router-threshold",
        "verdict": "pass",
        "blocked": False,
        "headline": "every budget is kept; cost per correct fell by at least 27.2%",
        "checks": (check(), cost_check(), latency_check()),
        "cases": CaseCounts(total=400, both_right=361, both_wrong=32, fixed=4, broke=3, failed=0),
        "flips": flips(3, 4),
        "baseline_side": side("production"),
        "candidate_side": side(
            "router-threshold",
            strong_share=0.41,
            deployment_shares=(("strong", 0.41), ("weak", 0.59)),
            cost_per_request_usd=0.002619,
        ),
        "calls": CallCounts(needed=800, reused=800, made=0),
        "spend_usd": 0.0,
        "mode": "replay",
        "policy_diff": ("router.threshold: 0.55 → 0.62",),
        "notes": (),
        "confusions": Confusions(
            expected=("billing", "shipping"),
            read=("billing", "shipping", "(none)", "(failed)"),
            baseline=((190, 8, 2, 0), (20, 178, 2, 0)),
            candidate=((188, 11, 1, 0), (18, 180, 2, 0)),
        ),
    }
    return Judgement(**(fields | changed))


def recovery(key, name, n, value, low, high):
    after = estimate(0.91 * value, 0.91 * low, min(0.91 * high, 1.0))
    return Recovery(key, name, n, estimate(0.91, 0.884, 0.931), after, estimate(value, low, high))


def answers(**changed):
    once = Unmeasured("every case was tried once")
    none = estimate(0.0, 0.0, 0.0068, method="wilson")
    fields = {
        "changed": estimate(0.12, 0.095, 0.15),
        "flips": Move(once, estimate(0.1, 0.077, 0.13), once),
        "format_failures": Move(none, estimate(0.015, 0.008, 0.03), estimate(0.015, 0.006, 0.029)),
        "length": Move(estimate(20.0, 18, 22), estimate(23.1, 21, 26), estimate(0.155, 0.06, 0.26)),
        "length_unit": "tokens",
        "overall": recovery(None, None, 400, 0.923, 0.893, 0.954),
        "slices": (
            recovery("intent", "technical", 60, 0.7, 0.58, 0.81),
            recovery("intent", "sales | \x1b[31m", 21, 0.9, 0.7, 1.1),
            recovery("intent", "billing", 319, 0.96, 0.93, 0.99),
        ),
        "left_out": ("customer",),
        "requantized": True,
    }
    return AnswerChanges(**(fields | changed))


def decision(*judgements, exit_code=ExitCode.OK, notes=()):
    order = ("fail", "inconclusive", "pass")
    verdict = next((word for word in order if any(each.verdict == word for each in judgements)), "pass")
    return Decision(
        verdict=verdict,
        blocked=any(each.blocked for each in judgements),
        exit_code=exit_code,
        judgements=judgements,
        notes=notes,
    )


def pass_with_gain():
    """A suite that says what a wrong answer costs and how many requests a month there are."""
    made = judgement(requests_per_month=400_000, notes=("cases weigh 1 to 3 in every metric",))
    before, after = (
        replace(
            each,
            cost_per_correct=estimate(value * 5, value * 4.8, value * 5.3),
            without_cleanup=estimate(value, value * 0.96, value * 1.05),
            cleanup_usd=cleanup,
            month_usd=month,
        )
        for each, value, cleanup, month in (
            (made.baseline_side, 0.00412, 0.015, 7499.6),
            (made.candidate_side, 0.00288, 0.0138, 6567.6),
        )
    )
    return decision(replace(made, baseline_side=before, candidate_side=after))


def proven_fail():
    accuracy = {
        "candidate": estimate(0.84, 0.80, 0.87),
        "change": estimate(-0.07, -0.10, -0.041),
        "verdict": "fail",
        "blocked": True,
        "reason": "accuracy fell by at least 4.1 points, budget 1.0",
        "losses": 34,
        "gains": 6,
    }
    floor = accuracy | {
        "limit": "min",
        "allowance": 0.85,
        "verdict": "inconclusive",
        "reason": "accuracy is 84 % (80 to 87 %): the minimum 85 % is neither held nor broken",
        "cases_needed": 1300,
    }
    billing = accuracy | {
        "slice": "billing",
        "allowance": 0.05,
        "blocked": False,
        "gated": False,
        "reason": "accuracy in slice 'billing': 21 cases; below 30 a slice is shown, not judged",
        "n": 21,
        "clusters": 21,
        "affected": 9,
        "losses": 4,
        "gains": 0,
        "baseline": estimate(0.952, 0.8, 1.0),
        "candidate": estimate(0.762, 0.6, 0.9),
        "change": estimate(-0.19, -0.35, -0.06),
    }
    return decision(
        judgement(
            candidate="quantized-model",
            verdict="fail",
            blocked=True,
            headline="accuracy fell by at least 4.1 points, budget 1.0",
            judging=JudgeUse(models=("openai/judge-1",), calls=412, spend_usd=0.8123, errors=1),
            checks=(check(**accuracy), check(**floor), cost_check(), latency_check(), check(**billing)),
            cases=CaseCounts(total=400, both_right=330, both_wrong=30, fixed=6, broke=34, failed=2),
            flips=flips(34, 6),
            candidate_side=side("quantized-model", failures=2, cost_per_request_usd=0.002619),
            policy_diff=("deployments.strong.quantization: (absent) → q4_1",),
            answers=answers(),
            notes=("2 cases have no answer under quantized-model and count as wrong",),
        ),
        exit_code=ExitCode.BLOCKED,
    )


def inconclusive_blocked():
    slower = latency_check(
        verdict="inconclusive",
        blocked=True,
        reason=(
            "P95 latency changed by +14 % (at least -2 %): the budget of 10 % is neither held nor "
            "broken; 1800 cases would decide it"
        ),
        candidate=estimate(2.638, 2.2, 3.4),
        change=estimate(0.14, -0.02, inf),
        cases_needed=1800,
    )
    return decision(
        judgement(
            candidate="longer-prompt",
            verdict="inconclusive",
            blocked=True,
            headline="P95 latency may have risen by more than 10%: the data cannot tell",
            checks=(check(), slower),
            flips=(),
            cases=CaseCounts(total=400, both_right=368, both_wrong=32, fixed=0, broke=0, failed=0),
        ),
        exit_code=ExitCode.BLOCKED_UNPROVEN,
    )


def unmeasured():
    why = Unmeasured("no case was answered correctly")
    dear = cost_check(
        verdict="inconclusive",
        blocked=True,
        reason="cost per correct was not measured: no case was answered correctly",
        candidate=why,
        change=why,
    )
    unpriced = Unmeasured("the provider did not say how many tokens were billed")
    return decision(
        judgement(
            candidate="broken-prompt",
            verdict="inconclusive",
            blocked=True,
            headline="cost per correct is unmeasured: no case was answered correctly",
            checks=(
                dear,
                latency_check(
                    gated=False,
                    reason="P95 latency fell by 14 %, not gated: the calls were not recorded interleaved",
                ),
            ),
            cases=CaseCounts(total=400, both_right=0, both_wrong=36, fixed=0, broke=364, failed=400),
            flips=(),
            candidate_side=side(
                "broken-prompt",
                failures=400,
                strong_share=None,
                cost_per_request_usd=unpriced,
                retries_usd=unpriced,
                fallbacks_usd=unpriced,
            ),
        ),
        exit_code=ExitCode.BLOCKED_UNPROVEN,
    )


def no_baseline():
    none = Unmeasured("there is no baseline yet")
    absolute = check(limit="min", allowance=0.85, baseline=none, change=none, losses=None, gains=None)
    dollars = cost_check(limit="max", allowance=0.01, scale="absolute", baseline=none, change=none)
    return decision(
        judgement(
            baseline="",
            candidate="first",
            headline="nothing to compare with yet; absolute limits hold",
            checks=(absolute, dollars),
            flips=(),
            policy_diff=(),
        ),
        notes=("the family has no policy named production yet, so only absolute limits were judged",),
    )


def identical():
    same = {"value": 0.0, "low": 0.0, "high": 0.0}
    sure = {"reason": "identical by construction", "affected": 0, "losses": 0, "gains": 0}
    return decision(
        judgement(
            candidate="copy",
            headline="nothing differs: no call, path or price",
            checks=tuple(
                make(change=estimate(**same), candidate=make().baseline, **sure)
                for make in (check, cost_check, latency_check)
            ),
            flips=(),
            cases=CaseCounts(total=400, both_right=364, both_wrong=36, fixed=0, broke=0, failed=0),
            candidate_side=side("copy"),
            policy_diff=(),
        )
    )


def many_suites(number=12):
    kinds = (pass_with_gain, proven_fail, inconclusive_blocked, identical)
    return decision(
        *(
            judgement_of(kinds[index % 4](), suite=f"suite-{index:02}", mode="auto", spend_usd=0.0213)
            for index in range(number)
        ),
        exit_code=ExitCode.BLOCKED,
    )


def judgement_of(made, **changed):
    only = made.judgements[0]
    return Judgement(**({name: getattr(only, name) for name in Judgement.__slots__} | changed))


def ten_thousand_flips():
    return decision(
        judgement(
            flips=flips(6000, 4000),
            cases=CaseCounts(
                total=20_000, both_right=9000, both_wrong=1000, fixed=4000, broke=6000, failed=0
            ),
        )
    )


def hostile():
    flip = Flip(case_id=HOSTILE, kind="broke", baseline=HOSTILE, candidate=HOSTILE, target=HOSTILE)
    full = at_utilisation(0.5, 0.2, Unmeasured(HOSTILE), "inconclusive", HOSTILE)
    bad = check(slice=HOSTILE, reason=HOSTILE, verdict="fail", blocked=True, assumptions=(HOSTILE,))
    return decision(
        judgement(
            suite=HOSTILE,
            baseline=HOSTILE,
            candidate=HOSTILE,
            headline=HOSTILE,
            verdict="fail",
            blocked=True,
            checks=(
                bad,
                cost_check(
                    baseline=Unmeasured(HOSTILE),
                    change=Unmeasured(HOSTILE),
                    at_utilisation=(full, replace(full, utilisations=((HOSTILE, 0.2), ("own", 0.3)))),
                ),
            ),
            flips=(flip, flip),
            baseline_side=side(HOSTILE, deployment_shares=((HOSTILE, 1.0),)),
            candidate_side=side(HOSTILE, cost_per_request_usd=Unmeasured(HOSTILE)),
            policy_diff=(f"+ {HOSTILE}", HOSTILE, "::error::first"),
            notes=(HOSTILE, "::warning::note", "::" * 300, "界" * 500, "a" * 500),
        ),
        exit_code=ExitCode.BLOCKED,
        notes=("cut off by --limit 5: shown, not gated", "- not a list", "_quiet_ :tada: www.evil.example"),
    )


def false_hits():
    rate = check(
        metric="false_hit_rate",
        limit="max",
        allowance=0.01,
        verdict="fail",
        blocked=True,
        reason="false-hit rate is at least 4.1%, maximum 1%",
        baseline=estimate(0.0, 0.0, 0.0098, method="clopper_pearson"),
        candidate=estimate(0.0545, 0.041, 0.071, method="clopper_pearson"),
        change=estimate(0.0545, 0.04, 0.071, method="newcombe"),
        method="clopper_pearson",
        n=312,
        clusters=312,
        affected=41,
        losses=17,
        gains=0,
        assumptions=("hits count once for each distinct pair of questions, and pairs are independent",),
    )
    rise = {"limit": "max_rise", "allowance": 0.005, "reason": "false-hit rate rose by at least 4.0 points"}
    raised = {name: getattr(rate, name) for name in type(rate).__slots__} | rise
    return decision(
        judgement(
            candidate="looser-key",
            verdict="fail",
            blocked=True,
            headline="false-hit rate is at least 4.1%, maximum 1%",
            checks=(rate, check(**raised)),
            baseline_side=side(
                "production", cache_hit_share=0.5, cache=CacheUse(400, 200, 200, 0, 0, 0, 180, 0)
            ),
            candidate_side=side(
                "looser-key", cache_hit_share=0.6, cache=CacheUse(400, 240, 208, 32, 3, 0, 312, 17)
            ),
            policy_diff=("cache.normalize: nfc, trim → nfc, trim, mask_numbers",),
        ),
        exit_code=ExitCode.BLOCKED,
    )


def nothing():
    return decision(notes=("no proposal differs from its baseline",))


def hosted():
    """A candidate on machines of one's own, whose cost verdict turns with how full they are."""
    turns = (
        at_utilisation(0.5, 0.2, estimate(0.31, 0.28, 0.34), "fail"),
        at_utilisation(2.0, 0.8, estimate(-0.61, -0.63, -0.59), "pass"),
    )
    hosting = Hosting(
        usd_per_hour=2.5,
        accelerators=2,
        replicas=3,
        utilisation=0.4,
        throughput=[ThroughputLevel(concurrency=8, output_tokens_per_s=464.4, ttft_p95_s=0.07)],
        objective=LatencyObjective(ttft_p95_s=0.1),
    )
    use = HostingUse("own", hosting, Goodput(464.4, "output tokens", 8), 0.001719)
    made = judgement(checks=(check(), cost_check(at_utilisation=turns), latency_check()))
    return decision(replace(made, candidate_side=replace(made.candidate_side, hosting=(use,))))


def at_utilisation(times, share, change, verdict, alias="own"):
    stated = ((alias, share / times),)
    return AtUtilisation(times, ((alias, share),), stated, estimate(0.003, 0.0028, 0.0032), change, verdict)


EXAMPLES = {
    "pass": pass_with_gain,
    "fail": proven_fail,
    "inconclusive": inconclusive_blocked,
    "unmeasured": unmeasured,
    "no-baseline": no_baseline,
    "identical": identical,
    "many-suites": many_suites,
    "hostile": hostile,
    "false-hits": false_hits,
    "nothing": nothing,
    "hosted": hosted,
}
