"""Runs and results as tables."""

from dataclasses import replace

import decisions
import pytest

from evalgate.core.calls import Attempt, Usage
from evalgate.core.numbers import Unmeasured
from evalgate.report.frames import checks_frame, outcomes_frame
from tests.synthetic_reports import HOSTILE, hostile_data, plain_runs
from tests.synthetic_runs import Served, rules_of, run_of

pd = pytest.importorskip("pandas")


def test_one_row_for_every_case_trial_and_run():
    before, after = plain_runs(30)
    frame = outcomes_frame([before, after])
    assert len(frame) == 60
    assert list(frame["policy"].unique()) == ["production", "small"]
    assert frame["cost_usd"].sum() == pytest.approx(
        sum(each.cost.total_usd for r in (before, after) for each in r.results)
    )
    assert frame.loc[30, "failure"] == "timeout"
    assert pd.isna(frame.loc[30, "answer"])
    assert set(frame["slice.intent"]) == {"billing", "shipping", "returns"}
    assert frame["correct"].sum() == sum(each.grade.correct for r in (before, after) for each in r.results)


def test_a_missing_cost_is_a_missing_cell_and_its_reason():
    frame = outcomes_frame([run_of([Served("a", cost=None), Served("b", cost=0.5, right=None)])])
    assert pd.isna(frame.loc[0, "cost_usd"])
    assert frame.loc[0, "cost_unmeasured"] == "usage is unknown"
    assert pd.isna(frame.loc[1, "correct"])


def test_one_row_for_every_check():
    decision = decisions.proven_fail()
    frame = checks_frame(decision)
    assert len(frame) == 5
    assert list(frame["verdict"]) == [check.verdict for check in decision.judgements[0].checks]
    assert frame.loc[0, "change_low"] == -0.10
    dear = decisions.cost_check(change=Unmeasured("no case was right"))
    frame = checks_frame(decisions.decision(decisions.judgement(checks=(dear,))))
    assert frame.loc[0, "change_unmeasured"] == "no case was right"


def test_hostile_texts_survive_parquet(tmp_path):
    pytest.importorskip("pyarrow")
    data = hostile_data()
    frame = outcomes_frame([each.candidate for each in data.comparisons])
    frame.to_parquet(tmp_path / "x.parquet")
    back = pd.read_parquet(tmp_path / "x.parquet")
    assert f"{HOSTILE[1]}!" in set(back["answer"])
    assert len(back) == len(HOSTILE)


def test_cleanup_and_a_months_spend_have_columns():
    frame = outcomes_frame(
        [run_of([Served("a"), Served("b", right=False)], rules=rules_of(cleanup_usd_per_wrong=2))]
    )
    assert frame["cleanup_usd"].tolist() == [0, 2]
    frame = checks_frame(decisions.pass_with_gain())
    assert frame["requests_per_month"].tolist() == [400_000] * 3
    assert frame["candidate_month_usd"].tolist() == [6567.6] * 3
    assert frame["baseline_cleanup_usd"].tolist() == [0.015] * 3
    assert checks_frame(decisions.proven_fail())["candidate_month_usd"].isna().all()


def test_cached_tokens_are_a_missing_cell_where_no_provider_spoke_of_them():
    run = run_of([Served("told"), Served("silent")])
    usages = (Usage(100, cached_input_tokens=64, cache_write_tokens=0), Usage(100))
    results = []
    for each, usage in zip(run.results, usages, strict=True):
        (step,) = each.outcome.steps
        step = replace(step, attempts=(Attempt(1.0, usage=usage),))
        results.append(replace(each, outcome=replace(each.outcome, steps=(step,))))
    frame = outcomes_frame([replace(run, results=tuple(results))])
    assert frame.loc[0, ["cached_input_tokens", "cache_write_tokens"]].tolist() == [64, 0]
    assert frame.loc[1, ["cached_input_tokens", "cache_write_tokens"]].isna().all()
