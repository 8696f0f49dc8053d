"""``evalgate store stats``, ``gc``, ``export`` and ``explain-miss``: looking after the local store."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from evalgate.cli import streams
from evalgate.core.errors import ExitCode

if TYPE_CHECKING:
    from evalgate.pipeline.explaining import Explained

_STATES = {
    "billed": "billed",
    "free": "free",
    "possible": "possibly billed",
    "lost": "broken off, possibly billed",
    "sent": "in flight",
}
_SHOWN_CHARACTERS = 300


@click.command(short_help="What the local store holds, and what it cost.")
def stats() -> None:
    """Show the calls, sessions and attempts of the local store, and what they cost."""
    from evalgate.pipeline.storing import store_stats  # noqa: PLC0415  heavy
    from evalgate.report.numbers import count, usd  # noqa: PLC0415

    path, found = store_stats(Path.cwd())
    shown = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
    lines = [
        f"{shown}: {count(found.calls, 'call')} in {count(found.sessions, 'session')}, {_size(found.bytes)}"
    ]
    for state, name in _STATES.items():
        if found.attempts.get(state):
            lines.append(f"{count(found.attempts[state], 'attempt')} {name}")
    spent = f"spent {usd(found.billed_usd)}"
    if found.possible_usd:
        spent += f", and at most {usd(found.possible_usd)} that may have been billed"
    streams.write_data("".join(f"{line}\n" for line in [*lines, spent]))


@click.command(short_help="Remove what recordings hold too.")
@click.option(
    "--older-than",
    type=click.IntRange(min=0),
    metavar="DAYS",
    help="Also sessions that began longer ago, whether their calls are recorded or not.",
)
@click.option("-n", "--dry-run", is_flag=True, help="Tell what would be removed, and remove nothing.")
def gc(*, older_than: int | None, dry_run: bool) -> None:
    """Remove calls from the local store that the suites' recordings hold too."""
    from evalgate.pipeline.storing import collect_garbage  # noqa: PLC0415  heavy
    from evalgate.report.numbers import count  # noqa: PLC0415

    found = collect_garbage(Path.cwd(), older_than, dry_run=dry_run)
    said = (
        f"{count(found.calls, 'call')} would be removed"
        if dry_run
        else f"{count(found.calls, 'call')} removed"
    )
    streams.write_data(f"{said}{'' if dry_run else f', {_size(found.freed_bytes)} freed'}\n")


@click.command(short_help="Write all calls of the local store to a file.")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def export(*, file: Path) -> None:
    """Write every call of the local store to FILE, as recordings (.jsonl)."""
    from evalgate.pipeline.storing import export_store  # noqa: PLC0415  heavy
    from evalgate.report.numbers import count  # noqa: PLC0415

    streams.write_data(f"{count(export_store(Path.cwd(), file), 'call')} written to {file}\n")


@click.command("explain-miss", short_help="Why is a call not recorded?")
@click.argument("key", metavar="KEY")
@click.argument("suites", nargs=-1, metavar="[SUITES]...")
def explain_miss(*, key: str, suites: tuple[str, ...]) -> int:
    """Show the recorded call that is nearest to the missing one whose digest begins with KEY."""
    from evalgate.pipeline.explaining import explain_miss as explain  # noqa: PLC0415  heavy

    streams.write_data("".join(f"{line}\n" for line in _explained(explain(Path.cwd(), key, suites))))
    return int(ExitCode.OK)


def _explained(found: "Explained") -> list[str]:
    from evalgate.report.safe_text import safe_line  # noqa: PLC0415

    call = f"call {found.digest[:12]} (suite {found.suite}, case {safe_line(found.case)}, {found.deployment})"
    if found.recorded:
        return [f"{call} is recorded"]
    if found.nearest is None:
        return [f"{call} is not recorded, and neither is any other call"]
    lines = [f"{call} is not recorded; the nearest that is, {found.nearest[:12]}, differs in:"]
    for each in found.differences:
        lines += [
            f"  {safe_line(each.path)}",
            f"    asked:    {safe_line(each.asked, _SHOWN_CHARACTERS)}",
            f"    recorded: {safe_line(each.recorded, _SHOWN_CHARACTERS)}",
        ]
    return lines


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 100_000 else f"{count / 1e3:.1f} kB"
