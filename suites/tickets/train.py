"""Train the suite's three classifiers and the production router, from the training split alone.

Run from the root of the repository (needs the ``router`` extra): ``python -m suites.tickets.train``.
The golden cases are never read here. Prints what each model reaches out of fold on the training split.
"""

import hashlib
import json
from pathlib import Path

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import Pipeline, make_pipeline, make_union

from evalgate.core.cases import Case
from evalgate.core.routing import question_digest
from suites.tickets import serve

HERE = Path(__file__).parent
TRAINING = HERE / "training" / "tickets.jsonl"
ROUTER = HERE.parents[1] / "policies" / "tickets" / "routers" / "router.json"
QUANTIZED_BITS = 3
FOLDS = StratifiedKFold(8, shuffle=True, random_state=1)


def view(analyzer: str, **options: object) -> TfidfVectorizer:
    """Return the vectorizer that counts exactly what ``serve.py`` counts."""
    return TfidfVectorizer(analyzer=serve.ANALYZERS[analyzer], sublinear_tf=True, **options)


def weak() -> Pipeline:
    """Return the cheap model: the 1,500 most frequent words."""
    return make_pipeline(make_union(view("words", max_features=1500)), LogisticRegression(C=5, max_iter=1000))


def strong() -> Pipeline:
    """Return the costly model: words, pairs of words and character n-grams."""
    views = make_union(view("words_and_pairs", min_df=2), view("characters", min_df=3))
    return make_pipeline(views, LogisticRegression(C=20, max_iter=1000))


def stored(model: Pipeline, analyzers: list[str], bits: int | None = None) -> dict[str, np.ndarray]:
    """Return the arrays of a fitted model.

    With ``bits``, its weights are rounded to signed integers of that width with one scale for the whole
    model (absolute-maximum, round-to-nearest), and terms whose weights all became zero are dropped.
    """
    union, head = model[0], model[-1]
    arrays = {
        "labels": np.array(list(head.classes_)),
        "analyzers": np.array(analyzers),
        "intercept": head.intercept_.astype(np.float32),
    }
    scale = np.abs(head.coef_).max() / (2 ** (bits - 1) - 1) if bits else 1.0
    start = 0
    for at, (_, vectorizer) in enumerate(union.transformer_list):
        terms = vectorizer.get_feature_names_out()
        weights = head.coef_[:, start : start + len(terms)].T
        start += len(terms)
        kept = np.ones(len(terms), dtype=bool)
        if bits:
            weights = np.round(weights / scale)
            kept = weights.any(axis=1)
        arrays[f"terms{at}"] = np.frombuffer("\n".join(terms[kept]).encode(), dtype=np.uint8)
        arrays[f"idf{at}"] = vectorizer.idf_[kept].astype(np.float32)
        arrays[f"weights{at}"] = weights[kept].astype(np.int8 if bits else np.float16)
        arrays[f"scale{at}"] = np.float64(scale)
    return arrays


def split(rows: list[dict[str, str]]) -> dict[str, object]:
    """Return what the router has seen, as its file says it, so that no suite judges it on that."""
    seen = {row["id"]: question_digest(Case(id=row["id"], input=row["text"])) for row in rows}
    return {"seed": 0, "share": 1.0, "cases": {"tickets-training": seen}}


def router(texts: list[str], needs_strong: np.ndarray, provenance: dict[str, object]) -> dict[str, object]:
    """Return the router as JSON: how likely only the strong model names the right team."""
    vectorizer = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2)
    head = LogisticRegression(C=1, class_weight="balanced", max_iter=1000)
    make_pipeline(vectorizer, head).fit(texts, needs_strong)
    terms = zip(vectorizer.get_feature_names_out(), vectorizer.idf_, head.coef_[0], strict=True)
    return {
        "format": "evalgate/text-classifier@1",
        "ngrams": [1, 2],
        "sublinear_tf": True,
        "intercept": round(float(head.intercept_[0]), 6),
        "terms": {str(term): [round(float(idf), 6), round(float(weight), 6)] for term, idf, weight in terms},
        "provenance": provenance,
    }


def main() -> None:
    """Train, say what was reached out of fold, and write models and router."""
    rows = [json.loads(line) for line in TRAINING.read_text(encoding="utf-8").splitlines()]
    texts = [row["text"] for row in rows]
    labels = np.array([row["label"] for row in rows])
    right = {}
    for name, model, analyzers in (
        ("weak", weak(), ["words"]),
        ("strong", strong(), ["words_and_pairs", "characters"]),
    ):
        right[name] = cross_val_predict(model, texts, labels, cv=FOLDS) == labels
        print(f"{name}: {right[name].mean():.3f} right out of fold, {len(texts)} training tickets")
        model.fit(texts, labels)
        save(name, stored(model, analyzers))
        if name == "strong":
            save(f"strong-int{QUANTIZED_BITS}", stored(model, analyzers, QUANTIZED_BITS))

    needs_strong = ~right["weak"] & right["strong"]
    provenance = {
        "trained_on": "suites/tickets/training/tickets.jsonl",
        "sha256": hashlib.sha256(TRAINING.read_bytes()).hexdigest(),
        "cases": len(texts),
        "positive": "strong right and weak wrong, out of fold",
        "script": "suites/tickets/train.py",
    }
    ROUTER.parent.mkdir(parents=True, exist_ok=True)
    made = router(texts, needs_strong, provenance) | {"split": split(rows)}
    ROUTER.write_text(json.dumps(made, ensure_ascii=False, indent=0, sort_keys=True) + "\n", encoding="utf-8")
    show_thresholds(texts, needs_strong, right)


def show_thresholds(texts: list[str], needs_strong: np.ndarray, right: dict[str, np.ndarray]) -> None:
    """Print, out of fold, the strong share and accuracy of a few thresholds: what a proposal is chosen by."""
    pipeline = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2),
        LogisticRegression(C=1, class_weight="balanced", max_iter=1000),
    )
    score = cross_val_predict(pipeline, texts, needs_strong, cv=FOLDS, method="predict_proba")[:, 1]
    for threshold in np.arange(0.20, 0.41, 0.02):
        to_strong = score >= threshold
        accuracy = np.where(to_strong, right["strong"], right["weak"]).mean()
        print(f"threshold {threshold:.2f}: strong share {to_strong.mean():.2f}, accuracy {accuracy:.3f}")


def save(name: str, arrays: dict[str, np.ndarray]) -> None:
    """Write one model."""
    path = serve.MODELS / f"{name}.npz"
    np.savez_compressed(path, **arrays)
    print(f"{name}: {path.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
