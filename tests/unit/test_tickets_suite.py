"""The shipped suite keeps its promises: enough tickets, no near-copies, no leaks, two label passes."""

import csv
import json
import re
from collections import Counter, defaultdict
from itertools import combinations
from pathlib import Path

SUITE = Path(__file__).parents[2] / "suites" / "tickets"
GOLDEN = [json.loads(line) for line in (SUITE / "cases.jsonl").read_text().splitlines()]
TRAINING = [json.loads(line) for line in (SUITE / "training" / "tickets.jsonl").read_text().splitlines()]
TEXTS = {row["id"]: row.get("input") or row["text"] for row in GOLDEN + TRAINING}
LABELS = {"billing", "shipping", "returns", "account", "technical", "sales"}


def trigrams(text):
    words = re.findall(r"\w+", text.lower())
    return {tuple(words[at : at + 3]) for at in range(len(words) - 2)}


def alike(texts):
    """Return the pairs of texts of which the shorter shares half of its word trigrams with the other."""
    grams = {name: trigrams(text) for name, text in texts.items()}
    holders = defaultdict(list)
    for name, own in grams.items():
        for gram in own:
            holders[gram].append(name)
    shared = Counter(pair for names in holders.values() for pair in combinations(names, 2))
    return {pair for pair, count in shared.items() if 2 * count >= min(len(grams[name]) for name in pair)}


def test_at_least_400_golden_tickets_and_a_separate_training_split():
    assert len(GOLDEN) >= 400
    assert len(TRAINING) >= 400
    assert len(TEXTS) == len(GOLDEN) + len(TRAINING)


def test_no_two_texts_share_half_of_their_word_trigrams():
    assert not alike(TEXTS)


def test_the_likeness_test_sees_a_near_copy():
    copied = TEXTS[TRAINING[0]["id"]]
    assert alike({**TEXTS, "copy": copied + " thank you so much"})


def test_every_label_channel_and_difficulty_is_well_filled():
    assert {row["target"] for row in GOLDEN} == LABELS == {row["label"] for row in TRAINING}
    for key in ("intent", "channel", "difficulty"):
        counts = Counter(row["slices"][key] for row in GOLDEN)
        assert min(counts.values()) >= 30, counts
    assert all(row["slices"]["intent"] == row["target"] for row in GOLDEN)


def test_lengths_vary():
    lengths = sorted(len(row["input"].split()) for row in GOLDEN)
    assert lengths[0] < 12
    assert lengths[-1] > 80


def test_every_label_had_a_second_blind_pass_and_disagreements_were_settled():
    with (SUITE / "annotation.tsv").open() as file:
        rows = {row["id"]: row for row in csv.DictReader(file, delimiter="\t")}
    assert rows.keys() == TEXTS.keys()
    final = {row["id"]: row.get("target") or row["label"] for row in GOLDEN + TRAINING}
    assert all(rows[name]["final"] == label for name, label in final.items())
    assert all(row["final"] in (row["first"], row["second"]) for row in rows.values())
