"""``evalgate check`` on suites whose graders ask a model."""

from collections.abc import Callable

from tests.unit.pipeline.conftest import Mail
from tests.unit.pipeline.test_plan_judging import JUDGE, record_judge

Evalgate = Callable[..., tuple[int, str, str]]


def checked(mail: Mail, evalgate: Evalgate, suite: str = JUDGE) -> tuple[int, str]:
    mail.write("suites/mail/suite.yaml", suite)
    code, out, _ = evalgate("check")
    return code, out


def test_judgements_that_nobody_recorded_are_counted(mail, evalgate, no_sockets):
    mail.write("suites/mail/suite.yaml", JUDGE)
    mail.record("weak", "m-1", "m-2")
    mail.record("strong", "m-2", "m-3", "m-4")
    code, out = checked(mail, evalgate)
    assert code == 0
    assert "suites/mail/suite.yaml: grader: 4 of 4 calls that grading needs are not recorded" in out
    assert "`evalgate record suites/mail` makes them" in out
    record_judge(mail)
    assert "grading needs" not in checked(mail, evalgate)[1]


def test_a_judge_without_a_price_is_an_error_of_the_suite(mail, evalgate, no_sockets):
    code, out = checked(mail, evalgate, JUDGE.replace(", price: {input_per_1m: 100}", ""))
    assert code == 2
    assert "suites/mail/suite.yaml: grader: no price for model 'large-judge' of provider 'far'" in out


def test_a_pairwise_judge_without_a_baseline_is_an_error(mail, evalgate, no_sockets):
    (mail.root / "policies/mail/production.yaml").unlink()
    code, out = checked(mail, evalgate, JUDGE.replace("score: [1, 5]", "pairwise: true"))
    assert code == 2
    assert "its judge is pairwise, and the family has no baseline" in out
