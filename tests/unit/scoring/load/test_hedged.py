from dataclasses import replace

from evalgate.core.load import Station, Traffic
from evalgate.core.numbers import Unmeasured
from evalgate.scoring.load.metrics import under_load
from tests.synthetic_runs import Served, rules_of, run_of


def test_calls_beside_slow_ones_are_not_simulated_and_the_reason_says_so():
    run = run_of([Served("a"), Served("b")])
    run = replace(run, manifest=replace(run.manifest, stations=(Station("strong"),)))
    first, *others = run.results
    beside = replace(first.outcome.steps[0], role="hedge", lost=True)
    hedged = replace(first, outcome=replace(first.outcome, steps=(*first.outcome.steps, beside)))
    found = under_load(None, replace(run, results=(hedged, *others)), Traffic(1.0, 1.0), rules_of())
    assert isinstance(found, Unmeasured)
    assert "measure it without hedge_after_s" in found.reason
