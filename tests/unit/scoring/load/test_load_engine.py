"""The batching engine against an iteration-by-iteration simulation, and the fit of its step time."""

import math
import random
from collections import deque

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from evalgate.core.load import LoadLevel, StepTime
from evalgate.core.numbers import Unmeasured
from evalgate.scoring.load.engine import Engine
from evalgate.scoring.load.fit import fit_step_time

STEP = StepTime(0.012, 0.0004, 0.00004, max_running=4)


def by_hand(step: StepTime, asked: list[tuple[float, int, int]]) -> list[float]:
    """When each request is done, one iteration after the other without any leap."""
    waiting = deque(sorted((at, number, prompt, output) for number, (at, prompt, output) in enumerate(asked)))
    running: dict[int, int] = {}
    done = [0.0] * len(asked)
    clock = 0.0
    while waiting or running:
        if not running and waiting[0][0] > clock:
            clock = waiting[0][0]
        prompts = 0
        while waiting and waiting[0][0] <= clock and len(running) < step.max_running:
            _, number, prompt, output = waiting.popleft()
            running[number] = output
            prompts += prompt
        clock += step.step_s + step.per_running_s * len(running) + step.per_prefill_token_s * prompts
        for number in list(running):
            running[number] -= 1
            if running[number] == 0:
                done[number] = clock
                del running[number]
        # Whoever comes in the very moment that an iteration ends may be in the next or not: sums of floats
        # differ in their last digit by the order of adding.
        assume(all(at == 0 or abs(at - clock) > 1e-9 for at, *_ in asked))
    return done


requests = st.lists(
    st.tuples(st.floats(0, 3), st.integers(1, 2000), st.integers(1, 60)), min_size=1, max_size=25
)


@given(requests)
def test_leaps_over_quiet_iterations_change_nothing(asked):
    asked = sorted(asked)
    engine = Engine(STEP)
    for number, (at, prompt, output) in enumerate(asked):
        engine.arrive(at, number, prompt, output)
    done = [0.0] * len(asked)
    while not engine.idle:
        for number in engine.advance(math.inf):
            done[number] = engine.clock_s
    assert done == pytest.approx(by_hand(STEP, asked), abs=1e-9)


def measured(step: StepTime, concurrency: int, prompt: int, output: int, rounds: int = 30) -> LoadLevel:
    """What a closed loop of ``concurrency`` workers measures, each a moment after its last answer."""
    rng = random.Random(concurrency)
    waiting = deque((0.0, each) for each in range(concurrency))
    left: dict[int, int] = {}
    length: dict[int, int] = {}
    asked: dict[int, float] = {}
    first: dict[int, float] = {}
    clock, firsts, betweens = 0.0, [], []
    while len(betweens) < rounds * concurrency:
        prompts = 0
        while waiting and waiting[0][0] <= clock:
            at, number = waiting.popleft()
            left[number], asked[number] = rng.randint(output // 2, output * 3 // 2), at
            length[number] = left[number]
            first.pop(number, None)
            prompts += prompt
        if not left:
            clock = waiting[0][0]
            continue
        clock += step.step_s + step.per_running_s * len(left) + step.per_prefill_token_s * prompts
        for number in list(left):
            left[number] -= 1
            if number not in first:
                first[number] = clock
                firsts.append(clock - asked[number])
            if left[number] == 0:
                betweens.append((clock - first[number]) / (length[number] - 1))
                del left[number]
                waiting.append((clock + rng.uniform(0.001, 0.02), number))
    settled = slice(5 * concurrency, None)
    mean = [sum(each[settled]) / len(each[settled]) for each in (firsts, betweens)]
    return LoadLevel(concurrency, mean[0], mean[1], prompt, output)


def test_a_fit_of_four_levels_finds_the_step_time():
    true = StepTime(0.012, 0.0004, 0.00004, max_running=64)
    levels = [measured(true, each, prompt=500, output=120) for each in (1, 8, 24, 48)]
    fit = fit_step_time(levels, max_running=64)
    assert not isinstance(fit, Unmeasured)
    assert fit.step.step_s == pytest.approx(true.step_s, rel=0.1)
    assert fit.step.per_running_s == pytest.approx(true.per_running_s, rel=0.25)
    assert fit.step.per_prefill_token_s == pytest.approx(true.per_prefill_token_s, rel=0.25)
    assert fit.worst_error < 0.3


def test_fewer_than_three_levels_are_refused():
    level = LoadLevel(1, 0.1, 0.01, 100, 100)
    found = fit_step_time([level, level, LoadLevel(8, 0.2, 0.02, 100, 100)], 64)
    assert found == Unmeasured("2 concurrency levels were measured; a step time needs 3 or more")


def test_no_coefficient_is_negative():
    levels = [LoadLevel(c, 0.1 - 0.001 * c, 0.02 - 0.0002 * c, 100, 100) for c in (1, 8, 32)]
    fit = fit_step_time(levels, 64)
    assert not isinstance(fit, Unmeasured)
    assert min(fit.step.step_s, fit.step.per_running_s, fit.step.per_prefill_token_s) >= 0
