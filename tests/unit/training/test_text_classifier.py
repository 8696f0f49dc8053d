import json
import random

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from evalgate.core.cases import Case
from evalgate.core.policy import TextClassifier
from evalgate.core.routing import RoutingCase, TrainedOn, leaked_cases, question_digest
from evalgate.serving.classifier import classifier_score
from evalgate.training.folds import fold_of, split_cases
from evalgate.training.router_file import router_json, split_json
from evalgate.training.text_classifier import Target, _platt, _vectors, fit

WORDS = [
    "parcel",
    "refund",
    "door",
    "lamp",
    "blue",
    "river",
    "stone",
    "quiet",
    "seven",
    "market",
    "window",
    "paper",
    "garden",
]


def texts_and_needs(count, seed=3):
    """Texts of which those with "why" mostly need the strong model."""
    rng = random.Random(seed)
    rows = []
    for _ in range(count):
        hard = rng.random() < 0.4
        words = [*rng.choices(WORDS, k=5), *(["why"] if hard else [])]
        rng.shuffle(words)
        rows.append((" ".join(words), rng.random() < (0.8 if hard else 0.1)))
    return [text for text, _ in rows], np.array([need for _, need in rows])


def routing_cases(texts, groups=()):
    return [
        RoutingCase("faq", Case(id=f"c{at}", input=text, group=groups[at] if groups else None), (0.0, 1.0))
        for at, text in enumerate(texts)
    ]


def helping(needs):
    """A target where going up never harms."""
    return Target(needs, np.zeros(len(needs), dtype=bool))


def dealt(texts, needs, folds=5):
    return fold_of(routing_cases(texts), needs.astype(int).tolist(), folds, seed=1)


def test_the_file_scores_as_scikit_learn_does_after_calibration():
    texts, needs = texts_and_needs(200)
    fitted = fit(texts, [helping(needs)], dealt(texts, needs))
    written = json.loads(router_json(fitted, {}, {}))
    score = classifier_score(
        TextClassifier(
            {term: tuple(pair) for term, pair in written["terms"].items()},
            written["intercept"],
            tuple(written["ngrams"]),
            written["sublinear_tf"],
            {},
        )
    )
    vectorizer, vectors = _vectors(texts)
    model = LogisticRegression(max_iter=1000).fit(vectors, needs)
    raw = model.decision_function(vectorizer.transform(["why lamp river", "quiet stone", "", "unseen"]))
    given = np.array([score(text) for text in ("why lamp river", "quiet stone", "", "unseen")])
    logits = np.log(given / (1 - given))
    # Calibration is one slope and one shift over scikit-learn's own decision.
    slope = (logits[0] - logits[1]) / (raw[0] - raw[1])
    assert slope > 0
    assert logits == pytest.approx(logits[1] + slope * (raw - raw[1]), abs=1e-4)


def test_out_of_fold_probabilities_are_calibrated_and_tell_the_hard_ones():
    texts, needs = texts_and_needs(600)
    found = fit(texts, [helping(needs)], dealt(texts, needs)).out_of_fold[:, 0]
    assert found.mean() == pytest.approx(needs.mean(), abs=0.02)
    hard = np.array(["why" in text for text in texts])
    assert found[hard].mean() == pytest.approx(needs[hard].mean(), abs=0.1)
    assert found[~hard].mean() == pytest.approx(needs[~hard].mean(), abs=0.1)


def test_a_score_that_is_wrong_way_round_becomes_none_instead_of_turning():
    raw = np.array([2.0, 1.5, 1.0, 0.5, -0.5, -1.0, -1.5, -2.0])
    needs = raw > 0
    assert _platt(raw, needs)[0] > 0
    slope, shift = _platt(raw, ~needs | (np.arange(8) == 0))
    assert slope == 0
    assert 1 / (1 + np.exp(-shift)) == pytest.approx(5 / 8)


def test_texts_where_going_up_harms_are_scored_below_those_where_it_does_nothing():
    texts, needs = texts_and_needs(600)
    harms = ~needs & np.array(["lamp" in text for text in texts])
    unaware = fit(texts, [helping(needs)], dealt(texts, needs)).out_of_fold[:, 0]
    aware = fit(texts, [Target(needs, harms)], dealt(texts, needs)).out_of_fold[:, 0]
    plain = ~needs & ~harms
    assert aware[harms].mean() < aware[plain].mean() - 0.02
    gain = needs.astype(float) - harms
    assert np.corrcoef(aware, gain)[0, 1] > np.corrcoef(unaware, gain)[0, 1] + 0.02


def test_two_heads_share_their_terms():
    texts, needs = texts_and_needs(200)
    lamps = needs & np.array(["lamp" in text for text in texts])
    fitted = fit(texts, [helping(needs), helping(lamps)], dealt(texts, needs))
    written = json.loads(router_json(fitted, {}, {}))
    assert written["format"] == "evalgate/difficulty-classifier@1"
    assert len(written["intercepts"]) == 2
    assert all(len(row) == 3 for row in written["terms"].values())


def test_clusters_are_never_torn_and_folds_are_alike():
    texts, needs = texts_and_needs(300)
    groups = [f"g{at // 3}" for at in range(300)]
    cases = routing_cases(texts, groups)
    folds = fold_of(cases, needs.astype(int).tolist(), 5, seed=2)
    assert all(len({folds[at] for at in range(300) if groups[at] == name}) == 1 for name in set(groups))
    shares = [needs[np.array(folds) == fold].mean() for fold in range(5)]
    assert max(shares) - min(shares) < 0.15
    learned, held_out = split_cases(cases, 0.6, seed=2)
    assert len(learned) + len(held_out) == 300
    assert 0.45 < len(learned) / 300 < 0.75
    assert not {each.case.group for each in learned} & {each.case.group for each in held_out}


def test_a_case_keeps_its_side_when_others_join():
    texts, _ = texts_and_needs(80)
    few, _ = split_cases(routing_cases(texts[:40]), 0.5, seed=9)
    many, _ = split_cases(routing_cases(texts), 0.5, seed=9)
    assert {each.case.id for each in few} == {each.case.id for each in many} & {f"c{at}" for at in range(40)}


def test_the_split_names_what_was_seen_and_finds_it_again():
    cases = routing_cases(["Where is it?", "Why so dear?"], ["g1", None])
    split = split_json(cases, 1.0, 0)
    seen = TrainedOn(split["cases"], {suite: tuple(names) for suite, names in split["groups"].items()})
    again = [
        Case(id="c0", input="edited since"),
        Case(id="new", input="  WHY so dear? "),
        Case(id="para", input="And where?", group="g1"),
        Case(id="fine", input="Something else"),
    ]
    assert leaked_cases(seen, "faq", again) == ["c0", "new", "para"]
    assert leaked_cases(seen, "other", again) == ["new"]
    assert question_digest(Case(id="a", input="Hi ")) == question_digest(Case(id="b", input="hi"))
