"""A pipeline that answers at once, in place of the real one: the command line is what is tested here."""

import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from evalgate.core.errors import ExitCode
from evalgate.core.numbers import Unmeasured
from evalgate.core.spend import Spend
from evalgate.core.verdict import CallCounts, CaseCounts, Decision, Judgement, SideSummary


def side(policy):
    return SideSummary(
        policy=policy,
        strong_share=None,
        cache_hit_share=None,
        deployment_shares=(("only", 1.0),),
        retries=0,
        fallbacks=0,
        failures=0,
        cost_per_request_usd=Unmeasured("no price"),
        retries_usd=0.0,
        fallbacks_usd=0.0,
        cost_per_correct=Unmeasured("no price"),
    )


def decision(exit_code=ExitCode.OK, **changed):
    judgement = Judgement(
        suite="tickets",
        baseline="production",
        candidate="proposal",
        verdict="pass",
        blocked=exit_code in (ExitCode.BLOCKED, ExitCode.BLOCKED_UNPROVEN),
        headline="the headline of the judgement",
        checks=(),
        cases=CaseCounts(total=4, both_right=4, both_wrong=0, fixed=0, broke=0, failed=0),
        flips=(),
        baseline_side=side("production"),
        candidate_side=side("proposal"),
        calls=CallCounts(needed=8, reused=8, made=0),
        spend_usd=0.0,
        mode="replay",
    )
    fields = {
        "verdict": "pass",
        "blocked": judgement.blocked,
        "exit_code": exit_code,
        "judgements": (judgement,),
        "notes": (),
    }
    return Decision(**(fields | changed))


@dataclass
class Pipeline:
    """What the verbs asked for, and what they get: a value, or an exception that is raised."""

    answer: object
    asked: list[object] = field(default_factory=list)

    def reply(self, *asked):
        self.asked.append(asked)
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer


def module(name, **functions):
    made = ModuleType(name)
    vars(made).update(functions)
    return made


@pytest.fixture
def pipeline(monkeypatch):
    made = Pipeline(decision())
    for name, function in (("run", "run"), ("record", "record"), ("compare", "compare_files")):
        path = f"evalgate.pipeline.{name}"
        monkeypatch.setitem(sys.modules, path, module(path, **{function: made.reply}))
    for variable in ("NO_COLOR", "FORCE_COLOR", "EVALGATE_TRACEBACK", "CI"):
        monkeypatch.delenv(variable, raising=False)
    return made


def recorded(**changed):
    fields = {
        "suite": "tickets",
        "needed": 10,
        "already": 4,
        "made": 6,
        "failed": 0,
        "file": Path("suites/tickets/recordings/a.jsonl"),
        "spend": Spend(0.0213),
        "judging_usd": 0.0,
        "anew": 0,
        "batched": SimpleNamespace(calls=0, failed=0, usd=0.0),
        "drift": None,
    }
    return SimpleNamespace(**(fields | changed))


@pytest.fixture
def recording():
    """Makes what ``evalgate record`` gets from the pipeline, of the given suites."""
    return lambda *suites, broken_off=None: SimpleNamespace(
        suites=tuple(recorded(**changed) for changed in suites), broken_off=broken_off
    )


@pytest.fixture
def decided():
    """Makes a Decision."""
    return decision
