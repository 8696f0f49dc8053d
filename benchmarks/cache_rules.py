"""What each cache rule merges that it must not: on CLINC150, which no one here wrote, and on faq-cache.

    python benchmarks/cache_rules.py

Of CLINC150's 23,700 questions two may share an answer only when their intent and every number, date and
entity in them agree: by intent alone masking looks free, and "square root of 888" is answered with that of
8814. Its texts are lower case and have no punctuation to speak of, so rules about these look better there
than they are; the near-misses of faq-cache are made for them.

Every rule is added to NFC and trimming. CLINC150 has no clock, so its questions come in one seeded order; a
semantic cache gets the 5,500 of its test split. The embedding hashes parts of words. Prints hits, distinct
pairs of questions, the share of these that is false with its exact 90 % interval, what is false by intent (or
group) alone, false hits per 1,000 requests, and seconds. Last, what 10,000 lookups among as many stored
questions take, against the matrix products alone.
"""

import asyncio
import csv
import gzip
import random
import re
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import numpy as np

from evalgate.core.calls import Attempt, Call, Request, Response
from evalgate.core.cases import Case
from evalgate.core.digest import DigestFrame
from evalgate.core.messages import Message
from evalgate.core.policy import Deployment, Policy
from evalgate.core.policy_file import CacheFile, ExactCache, Reliability, SemanticCache
from evalgate.core.response_file import ResponseFile
from evalgate.scoring.methods.one_arm import exact_interval
from evalgate.serving.cache import PolicyCache
from evalgate.serving.nearest import NearestKeys
from evalgate.serving.serve import Asked, Server
from suites.faq_cache import CASES, embed

DATA = Path(__file__).parents[2] / "shared" / "data" / "clinc150" / "data_full.csv.gz"
RULES = {
    "nfc, trim": (),
    "nfkc": ("nfkc",),
    "collapse_whitespace": ("collapse_whitespace",),
    "casefold": ("casefold",),
    "strip_punctuation": ("strip_punctuation",),
    "mask_uuids": ("mask_uuids",),
    "mask_dates": ("mask_dates",),
    "mask_numbers": ("mask_numbers",),
    "drop_stopwords": ("drop_stopwords",),
    "all of them": (
        "nfkc",
        "casefold",
        "mask_uuids",
        "mask_dates",
        "mask_numbers",
        "strip_punctuation",
        "drop_stopwords",
        "collapse_whitespace",
    ),
}
THRESHOLDS = (0.98, 0.95, 0.9, 0.85, 0.8, 0.7)
NUMBER_WORDS = """
    zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
    seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand million
    billion half dozen first second third fourth fifth sixth seventh eighth ninth tenth
"""
DATE_WORDS = """
    january february march april may june july august september october november december monday tuesday
    wednesday thursday friday saturday sunday today tonight tomorrow yesterday weekend morning afternoon
    evening noon midnight week month year am pm
"""
EXACT_WORDS = frozenset((NUMBER_WORDS + DATE_WORDS).split())
WORD = re.compile(r"\w+")
# A word is no entity when it is everybody's (used under this many intents) or its intent's own (used in this
# share of its questions): what is left are names, places, foods and amounts, and rare ways to put things.
COMMON_INTENTS, OWN_SHARE = 20, 0.02


def main() -> None:
    """Print both tables."""
    lines = CASES.read_text(encoding="utf-8").splitlines()
    faq = [Case.model_validate_json(line) for line in lines]
    print(f"faq-cache: {len(faq):,} questions in their own order\n")
    table("rule added to nfc, trim", [(name, exact(rules, "pages")) for name, rules in RULES.items()], faq)
    print()
    table("cosine from", [(f"{each:g}", semantic(each, "pages")) for each in THRESHOLDS], faq)
    lookups(10_000)
    if not DATA.exists():
        sys.exit(f"\n{DATA} is not there: the rest needs the CLINC150 data set")
    with gzip.open(DATA, "rt", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    keys = answer_keys(rows)
    everything = cases(rows, keys)
    everything = random.Random(1).sample(everything, len(everything))
    print(f"\nCLINC150: {len(rows):,} questions, {len(set(keys)):,} different answers\n")
    table("rule added to nfc, trim", [(name, exact(rules)) for name, rules in RULES.items()], everything)
    test = [case for case in everything if rows[int(case.id)]["split"] in {"test", "oos_test"}]
    print()
    table(
        f"cosine from, {len(test):,} questions", [(f"{each:g}", semantic(each)) for each in THRESHOLDS], test
    )


def table(title: str, specs: Sequence[tuple[str, CacheFile]], stream: Sequence[Case]) -> None:
    """Print one row a cache."""
    print(f"{title:30} hits    pairs  false   90 % interval    by intent  per 1,000  seconds")
    for name, spec in specs:
        started = time.perf_counter()
        hits = list(served(spec, stream))
        took = time.perf_counter() - started
        pairs = {(source.input, case.input) for source, case in hits}
        false = {(one.input, two.input) for one, two in hits if one.same_answer != two.same_answer}
        other = {(one.input, two.input) for one, two in hits if one.group != two.group or one.group == "oos"}
        low, high = exact_interval(len(false), len(pairs), 0.05) if pairs else (0.0, 1.0)
        wrong = sum(one.same_answer != two.same_answer for one, two in hits)
        share = len(false) / len(pairs) if pairs else 0.0
        by_intent = len(other) / len(pairs) if pairs else 0.0
        print(
            f"{name:30}{len(hits) / len(stream):6.2%}{len(pairs):7,} {share:6.1%}  {low:6.1%} to {high:6.1%}"
            f"{by_intent:11.1%}{1000 * wrong / len(stream):11.2f}{took:9.2f}"
        )


def lookups(count: int) -> None:
    """Print what looking up ``count`` questions takes while they are stored one by one."""
    vectors = np.random.default_rng(1).normal(size=(count, 256))
    listed = [tuple(row) for row in vectors.tolist()]
    started = time.perf_counter()
    nearest = NearestKeys(256)
    for at, vector in enumerate(listed):
        list(nearest.near(vector, 0.9))
        nearest.add(str(at), vector)
    took = time.perf_counter() - started
    single = vectors.astype(np.float32)
    started = time.perf_counter()
    for at in range(count):
        np.einsum("ij,j->i", single[:at], single[at])
    floor = time.perf_counter() - started
    print(f"\n{count:,} lookups: {took:.1f} s; the products alone: {floor:.1f} s; ratio {took / floor:.2f}")


def served(spec: CacheFile, stream: Sequence[Case]) -> Iterator[tuple[Case, Case]]:
    """Yield each hit: the case whose answer was served, and the case that got it."""
    server, cache = Server(policy(spec)), PolicyCache(spec)
    by_id = {case.id: case for case in stream}

    async def run() -> list[tuple[Case, Case]]:
        found = []
        for at, case in enumerate(stream):
            outcome = await server.serve(Asked(case, 0, float(at)), answered, cache)
            if outcome.cache is not None and outcome.cache.source is not None:
                found.append((by_id[outcome.cache.source], case))
        return found

    yield from asyncio.run(run())


async def answered(request: Request, rules: Reliability) -> Call:
    """Answer anything: what is served does not matter here, only to whom."""
    del rules  # nothing fails
    return Call(request, (Attempt(0.1),), Response("x"), "benchmark", replayed=True)


def policy(spec: CacheFile) -> Policy:
    """Return a policy with this cache and one model."""
    identity = {"provider": "none", "model": "none", "revision": "1", "quantization": None}
    prompt = (Message("user", "{{input}}"),)
    frame = DigestFrame("chat", identity, {})
    model = Deployment("only", "chat", "none", "none", "1", None, prompt, {}, None, frame)
    return Policy(
        name="benchmark",
        family="",
        file="",
        digest="",
        deployments={"only": model},
        cache=spec,
        router=None,
        use="only",
        reliability=Reliability(),
        response=ResponseFile(),
        embed=embedded if isinstance(spec, SemanticCache) else None,
    )


def exact(rules: Sequence[str], *vary_by: str) -> ExactCache:
    """Return the exact cache with these rules."""
    rules = ["nfc", *rules, "trim"]
    return ExactCache.model_validate({"mode": "exact", "normalize": rules, "vary_by": list(vary_by)})


def semantic(threshold: float, *vary_by: str) -> SemanticCache:
    """Return the semantic cache with this threshold."""
    return SemanticCache(
        mode="exact_then_semantic",
        embedder="benchmarks:embedded",
        similarity_threshold=threshold,
        vary_by=list(vary_by),
    )


def embedded(texts: list[str]) -> list[list[float]]:
    """Embed each text once for all thresholds: it is the lookups that are measured."""
    return [_vector(text) for text in texts]


@cache
def _vector(text: str) -> list[float]:
    return embed([text])[0]


def cases(rows: Sequence[dict[str, str]], keys: Sequence[str]) -> list[Case]:
    """Return the questions as cases; ``group`` is the intent."""
    return [
        Case(id=str(at), input=row["text"], same_answer=key, group=row["intent"])
        for at, (row, key) in enumerate(zip(rows, keys, strict=True))
    ]


def words_of(text: str) -> list[str]:
    """Return the words of a question, alike with and without apostrophes."""
    return WORD.findall(text.lower().replace("'", ""))


def answer_keys(rows: Sequence[dict[str, str]]) -> list[str]:
    """Return what each question may share an answer by: intent, numbers, dates, entities.

    Questions out of scope (``oos``) have no intent: each may share with its own words alone.
    """
    intents_of: defaultdict[str, set[str]] = defaultdict(set)
    used: defaultdict[str, Counter[str]] = defaultdict(Counter)
    sizes: Counter[str] = Counter(row["intent"] for row in rows)
    for row in rows:
        for word in set(words_of(row["text"])):
            intents_of[word].add(row["intent"])
            used[row["intent"]][word] += 1
    keys = []
    for row in rows:
        intent, words = row["intent"], words_of(row["text"])
        if intent == "oos":
            keys.append(f"oos: {' '.join(words)}")
            continue
        kept = [
            word
            for word in words
            if any(each.isdigit() for each in word)
            or word in EXACT_WORDS
            or (len(intents_of[word]) < COMMON_INTENTS and used[intent][word] < OWN_SHARE * sizes[intent])
        ]
        keys.append(f"{intent}: {' '.join(sorted(kept))}")
    return keys


if __name__ == "__main__":
    main()
