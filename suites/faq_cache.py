"""The help desk of ``suites/faq-cache``: the model that answers its questions, and how its stream is made.

The model knows the help pages and nothing else: it looks a question up in ``questions.txt``. It is as good as
a model can be on purpose, because the cache before it is what this suite is about. It reads from its prompt
of which day the pages are, and it does not understand every question.

``python -m suites.faq_cache`` writes ``cases.jsonl`` anew from ``questions.txt``.
"""

import json
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from difflib import SequenceMatcher
from pathlib import Path
from time import sleep
from zlib import crc32

from evalgate.core.calls import Usage
from evalgate.core.functions import FunctionReply, FunctionRequest

HERE = Path(__file__).parent / "faq-cache"
QUESTIONS, CASES = HERE / "questions.txt", HERE / "cases.jsonl"
UNSURE = "I am not sure; please ask at the desk."
BEFORE, AFTER = "2026-11-02", "2026-11-05"
OPENED, CHANGED, CLOSED = (
    datetime(2026, 11, day, hour, tzinfo=UTC) for day, hour in ((2, 8), (5, 9), (7, 20))
)
OPEN_HOURS = range(8, 20)
REPEATS = 900
SEED = 20261102
DIMENSIONS = 256
WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Question:
    """One way to ask something, with its answers by the pages before and after they changed."""

    text: str
    key: str
    group: str
    topic: str
    answers: tuple[str, str]
    axis: str | None = None
    near: str | None = None
    understood: bool = True


def read_questions() -> list[Question]:
    """Return every question of ``questions.txt``, whose head explains its lines."""
    found: list[Question] = []
    topic = key = ""
    answers = ("", "")
    for line in QUESTIONS.read_text(encoding="utf-8").splitlines():
        mark, _, rest = line.partition(" ")
        match mark:
            case "" | "#":
                continue
            case "##":
                topic = rest
            case "=":
                key, _, answer = rest.partition(" | ")
                answers = _answers(answer)
            case "!":
                axis, answer, text = rest.split(" | ")
                own = f"{key}/{axis}-{sum(each.group == key for each in found)}"
                found.append(Question(text, own, key, topic, _answers(answer), axis))
            case "~":
                found.append(Question(rest, key, key, topic, answers, understood=False))
            case _:
                found.append(Question(line, key, key, topic, answers))
    return [replace(each, near=_most_alike(each, found)) if each.axis is not None else each for each in found]


def answer(request: FunctionRequest) -> FunctionReply:
    """Answer one question by the pages of the day that the prompt names; as ``same-answer``, compare two."""
    prompt = request.messages[0].content or ""
    if request.model == "same-answer":
        return _same_answer(request.input)
    question = KNOWN.get(request.input)
    text = question.answers[AFTER in prompt] if question is not None and question.understood else UNSURE
    # About what a model takes, at a hundredth of the time: a cache that is no faster would look useless.
    sleep(0.002 + 0.0002 * len(text.split()))
    usage = Usage(input_tokens=-(-len(prompt + request.input) // 4), output_tokens=-(-len(text) // 4))
    return FunctionReply(text=text, usage=usage)


def _same_answer(pair: str) -> FunctionReply:
    """Say whether two questions have one answer: the model of the verifier knows the pages as well."""
    first, second, answered = (line.partition(": ")[2] for line in pair.split("\n"))
    one, other = KNOWN.get(first), KNOWN.get(second)
    same = one is not None and other is not None and one.key == other.key and answered != UNSURE
    text = "yes" if same else "no"
    return FunctionReply(text=text, usage=Usage(input_tokens=-(-len(pair) // 4), output_tokens=1))


def embed(texts: list[str]) -> list[list[float]]:
    """Return a vector for each text: its words and their parts of three letters, hashed to 256 numbers.

    No model is in it. Like any embedding it puts near what reads alike, whether or not it means the same.
    """
    vectors = []
    for text in texts:
        numbers = [0.0] * DIMENSIONS
        for word in WORD.findall(text.lower()):
            padded = f"^{word}$"
            for part in (word, *(padded[at : at + 3] for at in range(len(padded) - 2))):
                code = crc32(part.encode())
                numbers[code % DIMENSIONS] += 1.0 if code & 65536 else -1.0
        vectors.append(numbers if any(numbers) else [1.0, *numbers[1:]])
    return vectors


def arrange(questions: list[Question]) -> Iterator[dict[str, object]]:
    """Yield the stream: every question at least once, some again and again, as at any help desk.

    What belongs together is asked around one time, so that a cache meets it. Groups are popular by Zipf's
    law. The pages change once in the middle, and with them what some questions should get.
    """
    rng = random.Random(SEED)
    groups = list(dict.fromkeys(each.group for each in questions))
    rng.shuffle(groups)
    popular = {group: 1 / (rank + 3) for rank, group in enumerate(groups)}
    middle = {group: OPENED + (CLOSED - OPENED) * rng.random() for group in groups}
    for group in dict.fromkeys(each.group for each in questions if each.answers[0] != each.answers[1]):
        middle[group] = CHANGED + timedelta(hours=rng.uniform(-6, 6))
    weights = [popular[each.group] * (1.0 if each.axis is None else 0.3) for each in questions]
    asked = [*questions, *rng.choices(questions, weights, k=REPEATS)]
    timed = sorted(
        ((_moment(middle[each.group], rng), each) for each in asked), key=lambda pair: (pair[0], pair[1].text)
    )
    names = [f"q-{number:04}" for number in range(1, len(timed) + 1)]
    firsts: dict[tuple[str, bool], str] = {}
    for name, (moment, question) in zip(names, timed, strict=True):
        firsts.setdefault((question.text, moment >= CHANGED), name)
    for name, (moment, question) in zip(names, timed, strict=True):
        changed = moment >= CHANGED
        slices = {"topic": question.topic, "axis": question.axis or "none"}
        yield {
            "id": name,
            "input": question.text,
            "target": question.answers[changed],
            "vars": {"pages": AFTER if changed else BEFORE},
            "slices": slices,
            "group": question.group,
            "same_answer": question.key,
            **_near_miss(name, question, firsts, changed=changed),
            "at": f"{moment:%Y-%m-%dT%H:%M:%SZ}",
        }


def _near_miss(
    name: str, question: Question, firsts: dict[tuple[str, bool], str], *, changed: bool
) -> dict[str, str]:
    """Name what a near-miss must not be mistaken for, once, and by the same help pages if it can be."""
    first = firsts.get((question.text, False)) or firsts[question.text, True]
    if question.near is None or name != first:
        return {}
    other = firsts.get((question.near, changed)) or firsts[question.near, not changed]
    return {"near_miss_of": other}


def _moment(middle: datetime, rng: random.Random) -> datetime:
    """A moment around ``middle`` when somebody is at the desk's chat."""
    while True:
        moment = middle + timedelta(hours=rng.gauss(0, 16))
        if OPENED <= moment < CLOSED and moment.hour in OPEN_HOURS:
            return moment


def _answers(text: str) -> tuple[str, str]:
    before, _, after = text.partition(" => ")
    return before, after or before


def _most_alike(near_miss: Question, questions: list[Question]) -> str:
    def likeness(other: str) -> float:
        return SequenceMatcher(None, near_miss.text.lower(), other.lower(), autojunk=False).ratio()

    group = [each.text for each in questions if each.group == near_miss.group and each is not near_miss]
    return max(group, key=likeness)


# Read when this module is imported, so that no question pays for it with its latency.
KNOWN = {each.text: each for each in read_questions()}


if __name__ == "__main__":
    lines = [json.dumps(case, ensure_ascii=False) for case in arrange(read_questions())]
    CASES.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{CASES.name}: {len(lines)} questions, {len(KNOWN)} different ones")
