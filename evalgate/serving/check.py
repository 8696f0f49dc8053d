"""What would stop a suite's cases from being served, found before any of them is."""

from collections.abc import Iterable

from evalgate.core.cascade_file import ColumnConfidence
from evalgate.core.cases import Case
from evalgate.core.errors import Problem
from evalgate.core.policy import Policy
from evalgate.core.router_file import ColumnRouter
from evalgate.serving.confidence import confidence_column_problem
from evalgate.serving.prompts import compile_prompt, missing_variable
from evalgate.serving.route import column_problem


def find_problems(policy: Policy, cases: Iterable[Case]) -> tuple[Problem, ...]:
    """Return every variable and router column that the policy needs and a case lacks."""
    variables = sorted(
        {name for each in policy.answering.values() for name in compile_prompt(each.prompt).variables}
    )
    column = policy.router.spec if policy.router is not None else None
    problems: list[Problem] = []
    for case in cases:
        problems += [missing_variable(case, name) for name in variables if name not in case.vars]
        if isinstance(column, ColumnRouter) and (problem := column_problem(column, case)):
            problems.append(problem)
        problems += _confidence_problems(policy, case)
    return tuple(problems)


def _confidence_problems(policy: Policy, case: Case) -> list[Problem]:
    spec = policy.cascade.spec if policy.cascade is not None else None
    if spec is None or not isinstance(spec.confidence, ColumnConfidence):
        return []
    found = (confidence_column_problem(spec, case, alias) for alias in spec.asked[:-1])
    return [problem for problem in dict.fromkeys(found) if problem is not None]
