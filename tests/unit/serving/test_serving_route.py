import math
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from evalgate.core.cases import Case
from evalgate.core.errors import BadInput, CannotJudge
from evalgate.core.messages import Message
from evalgate.core.policy import Router, TextClassifier
from evalgate.core.router_file import ClassifierRouter, ColumnRouter, DifficultyRouter, FunctionRouter
from evalgate.serving.check import find_problems
from evalgate.serving.classifier import classifier_score
from evalgate.serving.route import compile_router
from tests.unit.serving.serving_fakes import policy

SIDES = {"strong": "strong", "weak": "weak"}
TEXTS = [
    "My parcel has not arrived and the tracking page is empty",
    "parcel parcel parcel refund",
    "I was charged twice, please refund the second charge twice",
    "The app crashes when I open the app settings",
    "Straße ÉCLAIR naïve 東京 タワー x_1 don't re-sign",
    "refund",
    "Can you explain how the tax on my invoice of 12.50 was worked out?",
    "reset password password reset",
]
UNSEEN = [
    "",
    "a b c",
    "nothing known here",
    "PARCEL refund Refund",
    "İstanbul ſ ﬁ",
    "the the the app",
    "\ud800 parcel",
]


def trained(**options):
    vectorizer = TfidfVectorizer(**options)
    model = LogisticRegression(C=50).fit(vectorizer.fit_transform(TEXTS), [0, 1, 1, 0, 1, 0, 1, 0])
    weights = {
        term: (float(vectorizer.idf_[index]), float(model.coef_[0][index]))
        for term, index in vectorizer.vocabulary_.items()
    }
    classifier = TextClassifier(
        weights=weights,
        intercept=float(model.intercept_[0]),
        word_ngrams=options.get("ngram_range", (1, 1)),
        sublinear_tf=options.get("sublinear_tf", False),
        provenance={},
    )
    return classifier, vectorizer, model


@pytest.mark.parametrize("sublinear_tf", [False, True])
@pytest.mark.parametrize("ngram_range", [(1, 1), (1, 2), (2, 3), (1, 3)])
def test_the_classifier_scores_as_the_library_that_trained_it(ngram_range, sublinear_tf):
    classifier, vectorizer, model = trained(ngram_range=ngram_range, sublinear_tf=sublinear_tf)
    texts = TEXTS + UNSEEN
    expected = model.predict_proba(vectorizer.transform(texts))[:, 1]
    score = classifier_score(classifier)
    assert [score(text) for text in texts] == pytest.approx(list(expected), abs=1e-9)
    assert max(expected) - min(expected) > 0.3


def test_the_classifier_survives_huge_weights():
    for coefficient, expected in ((1e6, 1.0), (-1e6, 0.0)):
        score = classifier_score(TextClassifier({"ab": (1.0, coefficient)}, 0.0, (1, 1), False, {}))
        assert score("ab") == expected


def test_the_classifier_reads_the_input_or_the_last_user_turn():
    classifier, _, _ = trained()
    spec = ClassifierRouter(kind="classifier", model="router.json", threshold=0.5, **SIDES)
    route = compile_router(Router(spec, classifier=classifier))
    talk = (Message("user", "other"), Message("user", TEXTS[1]), Message("assistant", "crash"))
    asked = route(Case(id="1", input=TEXTS[1]))
    assert asked.score == route(Case(id="2", messages=talk)).score
    assert asked.strong == (asked.score >= 0.5)
    assert asked.deployment == ("strong" if asked.strong else "weak")


@pytest.mark.parametrize(
    ("score", "deployment"), [(0.55, "strong"), (0.5499, "weak"), (0, "weak"), (1, "strong")]
)
def test_a_score_at_the_threshold_goes_to_strong(score, deployment):
    spec = ColumnRouter(kind="column", column="need", threshold=0.55, **SIDES)
    route = compile_router(Router(spec))(Case(id="c", input="x", vars={"need": score}))
    assert (route.score, route.strong, route.deployment) == (score, deployment == "strong", deployment)


@given(st.lists(st.floats(0, 1), max_size=30), st.floats(0, 1), st.floats(0, 1))
def test_law_a_higher_threshold_sends_to_strong_only_what_a_lower_one_does(scores, one, other):
    def strong(threshold):
        route = compile_router(
            Router(ColumnRouter(kind="column", column="need", threshold=threshold, **SIDES))
        )
        routed = (route(Case(id=f"c{at}", input="x", vars={"need": need})) for at, need in enumerate(scores))
        return [each.strong for each in routed]

    low, high = (strong(threshold) for threshold in sorted((one, other)))
    assert all(below or not above for below, above in zip(low, high, strict=True))


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({}, "case 'c' has no column 'need' in its vars"),
        ({"need": "0.5"}, "column 'need' of case 'c' is '0.5', not a number"),
        ({"need": None}, "is None, not a number"),
        ({"need": True}, "is True, not a number"),
        ({"need": 5.5}, "is 5.5, outside 1 to 5"),
        ({"need": math.nan}, "is nan, outside 1 to 5"),
        ({"need": math.inf}, "is inf, outside 1 to 5"),
    ],
)
def test_an_unusable_column_is_bad_input_naming_the_case(columns, message):
    spec = ColumnRouter(kind="column", column="need", range=(1.0, 5.0), threshold=3.0, **SIDES)
    case = Case(id="c", input="x", vars=columns)
    with pytest.raises(BadInput, match=message) as raised:
        compile_router(Router(spec))(case)
    assert "from 1 to 5" in raised.value.problems[0].cure
    assert find_problems(policy(router=Router(spec)), [case, case]) == raised.value.problems * 2


def function_router(function):
    spec = FunctionRouter(kind="function", path="team.router:need", threshold=0.5, **SIDES)
    return compile_router(Router(spec, function=function))


def test_a_function_scores_the_case():
    route = function_router(lambda case: np.float32(len(case.input) / 4))
    assert route(Case(id="c", input="ab")).deployment == "strong"
    assert type(route(Case(id="c", input="a")).score) is float


def crash(case):
    raise KeyError("plan")


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (crash, "raised KeyError: 'plan'"),
        (lambda case: math.nan, "returned nan, outside its range of 0 to 1"),
        (lambda case: 1.5, "returned 1.5, outside"),
        (lambda case: None, "returned None, not a number"),
        (lambda case: True, "returned True, not a number"),
        (lambda case: SimpleNamespace(score=1), "not a number"),
    ],
)
def test_a_function_that_breaks_stops_the_judgement(function, message):
    with pytest.raises(CannotJudge, match=message) as raised:
        function_router(function)(Case(id="c-7", input="x"))
    assert "team.router:need" in str(raised.value)
    assert "'c-7'" in str(raised.value)


def difficulty(enough):
    words = {"why": (1.0, 6.0), "proof": (1.0, 2.0)}
    hard = {"why": (1.0, -1.0), "proof": (1.0, 9.0)}
    spec = DifficultyRouter(
        kind="difficulty", model="d.json", enough=enough, easy="small", medium="middle", hard="large"
    )
    return compile_router(
        Router(
            spec,
            classifier=TextClassifier(words, -3.0, (1, 1), False, {}),
            hard_classifier=TextClassifier(hard, -3.0, (1, 1), False, {}),
        )
    )


def chosen(enough, text):
    return difficulty(enough)(Case(id="c", input=text)).deployment


def test_the_cheapest_deployment_that_suffices_likely_enough_is_asked():
    assert chosen(0.8, "where is it") == "small"
    assert chosen(0.8, "why is it") == "middle"
    assert chosen(0.8, "why is this proof wrong") == "large"
    assert difficulty(0.8)(Case(id="c", input="why proof")).strong


def test_asking_for_more_certainty_never_asks_a_cheaper_deployment():
    order = ["small", "middle", "large"]
    for text in ("where", "why", "proof", "why proof"):
        ranks = [order.index(chosen(step / 20, text)) for step in range(21)]
        assert ranks == sorted(ranks)
    assert chosen(0.0, "why proof") == "small"
    assert chosen(1.0, "where") == "large"
