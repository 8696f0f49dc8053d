import asyncio

from evalgate.core.policy_file import Limits
from evalgate.load.project import load_project
from evalgate.pipeline.live.pace import Turns, cases_under_way, pace_of

SMALL = ("far", "small", "1", None)


def limited(mail, policy, alias_model, limits):
    mail.edit(
        f"policies/mail/{policy}.yaml", f"model: {alias_model},", f"model: {alias_model}, limits: {limits},"
    )


def paced(mail, concurrency=None):
    suite = load_project(mail.root).suites[0]
    policies = [suite.baseline, *suite.proposals]
    return pace_of(suite, policies, concurrency), cases_under_way(suite, policies, concurrency)


def test_nothing_is_limited_where_nobody_says_so(mail):
    pace, under_way = paced(mail)
    assert pace.limits == {}
    assert pace.concurrency is None
    assert under_way == 256


def test_of_two_limits_on_one_model_the_stricter_holds(mail):
    limited(mail, "production", "small", "{rpm: 60, tpm: 9000}")
    limited(mail, "threshold", "small", "{rpm: 90, max_concurrency: 4}")
    pace, _ = paced(mail)
    assert pace.limits == {SMALL: Limits(rpm=60, tpm=9000, max_concurrency=4)}


def test_limits_change_no_digest(mail):
    before = load_project(mail.root).suites[0].baseline.digest
    limited(mail, "production", "small", "{rpm: 60}")
    assert load_project(mail.root).suites[0].baseline.digest == before


def test_concurrency_is_what_a_person_says(mail):
    pace, under_way = paced(mail, 7)
    assert pace.concurrency == 7
    # For each call in flight at most one that is made ready, and one that is about to be.
    assert under_way == 7 * 3


def test_a_stream_is_called_in_its_order(mail):
    mail.edit("suites/mail/suite.yaml", "policies:", "ordered: true\npolicies:")
    assert paced(mail, 7)[1] == 1


def test_cases_are_handed_out_as_places_come_and_go():
    async def main():
        places, at_once, most, seen = 2, 0, [], []
        turns, items = Turns(lambda: places), iter(range(40))

        async def worker():
            nonlocal at_once, places
            async for item in turns.over(items):
                at_once += 1
                most.append(at_once)
                await asyncio.sleep(0)
                seen.append(item)
                places = 5 if 10 < item < 30 else 2
                at_once -= 1

        await asyncio.wait_for(asyncio.gather(*(worker() for _ in range(16))), 5)
        return most, seen

    most, seen = asyncio.run(main())
    assert sorted(seen) == list(range(40))
    assert max(most[:8]) <= 2
    assert 2 < max(most) <= 5
