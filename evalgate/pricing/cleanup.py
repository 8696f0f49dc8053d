"""What wrong answers cost beside the calls: ``cleanup_usd_per_wrong``, for every request that needs it."""

import math
from collections import defaultdict

from evalgate.core.outcome import Graded
from evalgate.core.run import Run
from evalgate.core.trials import trial_values


def cleanup_per_request(run: Run) -> float:
    """Return the mean cost of repairing wrong answers per request, in USD; cases weigh what they weigh.

    A case is wrong by what it does not count as right, trials and their rule included; one that is not graded
    needs no repair that anybody knows of.
    """
    price = run.manifest.rules.cleanup_usd_per_wrong
    if not price:
        return 0.0
    trials: defaultdict[str, list[Graded]] = defaultdict(list)
    for graded in run.results:
        trials[graded.outcome.case_id].append(graded)
    rule = run.manifest.rules.trials_pass
    wrong: list[float] = []
    for case in trials.values():
        grades = [each.grade for each in case if each.grade is not None]
        if len(grades) == len(case):
            right = trial_values(len(case), rule)[sum(grade.correct for grade in grades)]
            wrong.append(case[0].weight * (1 - right))
    weight = math.fsum(case[0].weight for case in trials.values())
    return price * math.fsum(wrong) / weight if weight else 0.0
