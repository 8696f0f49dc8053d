from evalgate.core.deferral import DeferralCurve, DeferralPoint
from evalgate.core.numbers import Unmeasured
from evalgate.report.deferral import render_text


def thresholds(*values):
    """Return the first column of a curve's table."""
    nothing = Unmeasured("nobody asked")
    points = tuple(DeferralPoint(each, 0.5, nothing, nothing, nothing, chosen=False) for each in values)
    lines = render_text([DeferralCurve("mail", "cascade", points)]).splitlines()
    found = [line.split()[0] for line in lines if line and line.split()[0].replace(".", "").isdigit()]
    assert len(found) == len(values)
    return found


def test_thresholds_have_four_digits_where_these_tell_them_apart():
    assert thresholds(0.25, 0.123456) == ["0.25", "0.1235"]


def test_thresholds_that_differ_are_never_told_alike():
    assert thresholds(0.99901, 0.99904) == ["0.99901", "0.99904"]
    assert thresholds(0.1, 0.1 + 2**-56) == ["0.1", "0.10000000000000002"]
