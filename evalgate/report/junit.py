"""The result as JUnit XML, for the tools that show tests: one suite a golden suite, one test a limit."""

from collections.abc import Iterable, Sequence
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from evalgate.core.verdict import Check, Decision, Judgement
from evalgate.report import wording
from evalgate.report.ledger import ledger
from evalgate.report.numbers import MISSING
from evalgate.report.safe_text import no_command, safe_line

_LONGEST = 400


def render(decision: Decision) -> str:
    """Return the document with a final newline; equal decisions give equal bytes.

    A blocked limit is a failure of type ``fail`` or ``inconclusive``. What is not proven and does not block
    is skipped, with its reason: most viewers show neither as green. A suite without limits has no tests.
    """
    root = Element("testsuites", name="evalgate")
    for suite in dict.fromkeys(judgement.suite for judgement in decision.judgements):
        judgements = [judgement for judgement in decision.judgements if judgement.suite == suite]
        element = SubElement(root, "testsuite", name=_name(suite))
        _properties(element, judgements)
        for judgement in judgements:
            for check in judgement.checks:
                _test(element, judgement, check)
        _count(element, [element])
    _count(root, root)
    return _document(root)


def _properties(suite: Element, judgements: Iterable[Judgement]) -> None:
    """Say where each candidate's requests and money went, a month's among them."""
    properties = SubElement(suite, "properties")
    for judgement in judgements:
        for row in ledger(judgement):
            value = f"{row.baseline} → {row.candidate}" if row.baseline else row.candidate
            name = no_command(f"{_name(judgement.candidate)}: {row.label}")
            SubElement(properties, "property", name=name, value=no_command(value))


def render_error(kind: str, message: str) -> str:
    """Return the document of a run that came to no decision."""
    root = Element("testsuites", name="evalgate")
    suite = SubElement(root, "testsuite", name="evalgate")
    test = SubElement(suite, "testcase", classname="evalgate", name="run")
    lines = [safe_line(line, _LONGEST) for line in message.split("\n")]
    error = SubElement(test, "error", type=_name(kind), message=lines[0])
    error.text = "\n".join(no_command(line) for line in lines)
    _count(suite, [suite])
    _count(root, root)
    return _document(root)


def _test(suite: Element, judgement: Judgement, check: Check) -> None:
    words = wording.check_words(check)
    test = SubElement(
        suite,
        "testcase",
        classname=f"{_name(judgement.suite)}.{_name(judgement.candidate)}",
        name=no_command(f"{words.subject}: {words.budget}"),
    )
    said = safe_line(check.reason, _LONGEST)
    numbers = words.change if words.baseline == MISSING else f"{words.sides}, {words.change}"
    if check.blocked:
        failure = SubElement(test, "failure", type=check.verdict, message=no_command(said))
        failure.text = no_command(f"{said} ({numbers}; budget {words.budget})")
    elif check.verdict != "pass" or not check.gated:
        why = "waived" if check.waiver is not None else "not blocked"
        SubElement(test, "skipped", message=no_command(f"{check.verdict}, {why}: {said}"))
    else:
        output = SubElement(test, "system-out")
        output.text = no_command(f"{said} ({numbers}; budget {words.budget})")


def _count(element: Element, within: Iterable[Element] | Sequence[Element]) -> None:
    tests = [test for suite in within for test in suite.iter("testcase")]
    element.set("tests", str(len(tests)))
    for name, attribute in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
        element.set(attribute, str(sum(test.find(name) is not None for test in tests)))


def _name(text: str) -> str:
    return no_command(safe_line(text)) or "(empty)"


def _document(root: Element) -> str:
    indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode") + "\n"
