"""Cache normalization: what two questions may differ in and still share an answer.

Every rule is a pure function on text, applied in the order written. Each merges questions on purpose, and
each can merge questions that need different answers; ``docs/levers/cache.md`` says which. Masks are written
as private-use characters, which no other rule changes and no question holds.
"""

import re
import unicodedata
from collections.abc import Callable, Sequence
from functools import lru_cache

from evalgate.core.digest import valid_text
from evalgate.core.policy_file import NormalizeName, RegexRule
from evalgate.serving.patterns import compile_substitution

NUMBER_MASK = "\ue000"
DATE_MASK = "\ue001"
UUID_MASK = "\ue002"

Rule = Callable[[str], str]

_WHITESPACE = re.compile(r"\s+")
_ASCII_PUNCTUATION = str.maketrans("", "", "!\"#%&'()*,-./:;?@[\\]_{}")

# A number counts only as a word of its own: gpt-4, B2B, 5kg, x² and v1.2 are names, not quantities.
_WORD = re.compile(r"\w+(?:[-.,]\w+)*")
_NUMERIC_WORD = re.compile(r"\d+(?:[-.,]\d+)*")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")

_UUID = re.compile(r"(?<!\w)(?<!\w-)[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?!\w)(?!-\w)", re.IGNORECASE)

_YEAR, _MONTH, _DAY = r"[0-9]{4}", r"(?:0?[1-9]|1[0-2])", r"(?:0?[1-9]|[12][0-9]|3[01])"
_MONTH_NAME = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
_TIME = r"(?:[t ][0-2]?[0-9]:[0-5][0-9](?::[0-5][0-9](?:[.,][0-9]+)?)?(?: ?z|[+-][0-9]{2}:?[0-9]{2})?)?"
_DATE = re.compile(
    r"(?<!\w)(?<!\w[-./:])(?:"
    + "|".join(
        [
            rf"{_YEAR}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01]){_TIME}",
            rf"{_YEAR}/{_MONTH}/{_DAY}",
            rf"{_DAY}/{_DAY}/(?:{_YEAR}|[0-9]{{2}})",
            rf"{_DAY}\.{_MONTH}\.{_YEAR}",
            rf"{_DAY}(?:st|nd|rd|th)?(?: of)? {_MONTH_NAME}(?:,? {_YEAR})?",
            rf"{_MONTH_NAME} {_DAY}(?:st|nd|rd|th)?(?:,? {_YEAR})?",
        ]
    )
    + r")(?!\w)(?![-./:]\w)",
    re.IGNORECASE,
)

# Only words that cannot turn an answer round. Negations, prepositions, pronouns, question words, tenses and
# quantities are left in on purpose: general lists drop "not", "off" and "before", and serve the opposite.
STOPWORDS = (
    *("a", "an", "the", "is", "are", "am", "be", "been", "being", "do", "does"),
    *("please", "kindly", "hello", "hi", "hey", "thanks", "just", "really", "actually", "basically"),
)
_STOPWORD = re.compile(rf"(?<!\S)(?:{'|'.join(STOPWORDS)})[,.!?;:]*(?!\S)\s*", re.IGNORECASE)


def nfc(text: str) -> str:
    """Write characters composed: ``e`` + accent as ``é``."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def nfkc(text: str) -> str:
    """Replace compatibility characters: full width, ligatures; also ``²`` by ``2``."""
    return text if text.isascii() else unicodedata.normalize("NFKC", text)


def trim(text: str) -> str:
    """Drop whitespace at both ends."""
    return text.strip()


def collapse_whitespace(text: str) -> str:
    """Write every run of whitespace, line breaks too, as one space."""
    return _WHITESPACE.sub(" ", text)


def casefold(text: str) -> str:
    """Ignore case, in every script."""
    return text.casefold()


def strip_punctuation(text: str) -> str:
    """Drop every character of the Unicode categories P*; symbols such as ``+ $ =`` are kept."""
    if text.isascii():
        return text.translate(_ASCII_PUNCTUATION)
    return "".join([each for each in text if unicodedata.category(each)[0] != "P"])


def mask_numbers(text: str) -> str:
    """Make all numbers equal that stand as words of their own; a sign in front is kept."""

    def mask(match: re.Match[str]) -> str:
        word = match[0]
        return _NUMBER.sub(NUMBER_MASK, word) if _NUMERIC_WORD.fullmatch(word) else word

    return _WORD.sub(mask, text)


def mask_dates(text: str) -> str:
    """Make all calendar dates equal: ISO (with a time too), ``1/31/2026``, ``31.1.2026``, ``31 Jan 2026``."""
    return _DATE.sub(DATE_MASK, text)


def mask_uuids(text: str) -> str:
    """Make all UUIDs in their 8-4-4-4-12 form equal."""
    return _UUID.sub(UUID_MASK, text)


def drop_stopwords(text: str) -> str:
    """Drop articles, forms of ``be`` and ``do`` in the present, politeness and fillers (English).

    A text of nothing else stays whole, or every greeting would share one answer.
    """
    kept = _STOPWORD.sub("", text)
    return kept if kept.strip() else text


_NAMED: dict[NormalizeName, Rule] = {
    "nfc": nfc,
    "nfkc": nfkc,
    "trim": trim,
    "collapse_whitespace": collapse_whitespace,
    "casefold": casefold,
    "strip_punctuation": strip_punctuation,
    "mask_numbers": mask_numbers,
    "mask_dates": mask_dates,
    "mask_uuids": mask_uuids,
    "drop_stopwords": drop_stopwords,
}


def compile_rules(rules: Sequence[NormalizeName | RegexRule]) -> Rule:
    """Return one function that applies ``rules`` in order to a text, made valid Unicode first.

    Raises:
        BadInput: a regex rule is not RE2, or its replacement names a group that is not there.

    """
    return _compiled(tuple(rules))


@lru_cache(maxsize=64)
def _compiled(rules: tuple[NormalizeName | RegexRule, ...]) -> Rule:
    steps = tuple(_step(rule) for rule in rules)

    def normalize(text: str) -> str:
        text = valid_text(text)
        for step in steps:
            text = step(text)
        return text

    return normalize


def _step(rule: NormalizeName | RegexRule) -> Rule:
    if isinstance(rule, RegexRule):
        return compile_substitution(rule.regex, rule.replace)
    return _NAMED[rule]
