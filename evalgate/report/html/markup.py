"""Markup that cannot be broken by what it shows: every text is escaped unless its type says it is markup."""

from collections.abc import Iterable
from html import escape as escape_html

from evalgate.core.digest import valid_text

# Control characters have no place in HTML; white space keeps its meaning.
_CONTROLS = dict.fromkeys([*range(0x20), *range(0x7F, 0xA0)], "\ufffd") | {9: "\t", 10: "\n", 13: "\n"}

Attribute = str | int | float | bool | None


class Html(str):
    """Text that is markup already; made by this module's functions only."""

    __slots__ = ()


Child = str | None


def escape(text: str) -> Html:
    """Return ``text`` as markup that shows exactly it, in an element or in a quoted attribute."""
    if isinstance(text, Html):
        return text
    return Html(escape_html(valid_text(text).translate(_CONTROLS), quote=True))


def tag(element: str, /, *children: Child, **attributes: Attribute) -> Html:
    """Return an element. Children that are no :class:`Html` are escaped, None is left out.

    An attribute's trailing underscore is dropped and others become hyphens (``class_``, ``aria_label``);
    True stands for itself, None and False leave the attribute out.
    """
    opened = f"<{element}{''.join(_attribute(key, value) for key, value in attributes.items())}>"
    return Html(opened) if element in _VOID else Html(f"{opened}{joined(children)}</{element}>")


def joined(children: Iterable[Child]) -> Html:
    """Return the children one after the other, escaped unless they are markup."""
    return Html("".join(escape(child) for child in children if child is not None))


def raw_element(name: str, content: str, **attributes: Attribute) -> Html:
    """Return a ``script`` or ``style``, whose content ends only at its own closing tag.

    Raises:
        ValueError: the content could end the element or hide its end.

    """
    if "</" in content or "<!--" in content:
        raise ValueError(f"the content of a {name} element may hold neither </ nor <!--")
    opened = f"<{name}{''.join(_attribute(key, value) for key, value in attributes.items())}>"
    return Html(f"{opened}{content}</{name}>")


def bdi(text: str) -> Html:
    """Return somebody's text, kept from reordering what stands around it."""
    return tag("bdi", text)


_VOID = frozenset({"meta", "input", "br", "hr"})


def _attribute(key: str, value: Attribute) -> str:
    if value is None or value is False:
        return ""
    name = key.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{escape(_plain(value))}"'


def _plain(value: str | float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
