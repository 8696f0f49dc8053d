"""The short form of benchmarks/faults.py: every figure must hold."""

import random

import pytest

from benchmarks import faults_calls, faults_store

SHORT = {
    "kills": lambda rng: faults_store.acknowledged_calls_lost(2, 1, rng),
    "kills of four": lambda rng: faults_store.acknowledged_calls_lost(1, 4, rng),
    "paid twice": lambda rng: faults_calls.paid_twice(1, 20, rng),
    "attempts noted": lambda _: faults_calls.attempts_noted(),
    "wrong hits": lambda rng: faults_calls.wrong_hits(500, rng),
    "errors served": lambda _: faults_calls.errors_served(),
    "spend cap": lambda _: faults_calls.spend_cap(4, 50, 1.0),
    "interrupted": lambda _: faults_calls.interrupted(40),
    "deterministic 500": lambda _: faults_calls.deterministic_500(),
    "retry after": lambda _: faults_calls.retry_after(1),
    "damage": lambda rng: faults_store.damage(25, 40, rng),
    "first open": lambda _: faults_store.first_open_race(4, 4),
    "old stores": lambda _: faults_store.old_stores(),
    "disk full": lambda _: faults_store.disk_full(200_000),
}


@pytest.mark.parametrize("name", SHORT)
def test_the_figure_holds(name):
    figure = SHORT[name](random.Random(7))
    assert figure.holds, f"{figure.number} {figure.name}: {figure.found}; target {figure.target}"


def test_a_replay_calls_nobody_and_one_lever_only_what_it_affects():
    for figure in faults_calls.unchanged_and_one_lever(12):
        assert figure.holds, figure.found
