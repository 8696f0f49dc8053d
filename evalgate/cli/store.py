"""``evalgate store``: recordings made elsewhere, whether recordings are what they say, the local store."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from evalgate.cli import streams
from evalgate.cli.store_local import explain_miss, export, gc, stats

if TYPE_CHECKING:
    from evalgate.pipeline.logs.importing import Imported


@click.group(short_help="Import logs; verify and look after recordings.")
def store() -> None:
    """Bring logs in as recordings, verify recordings, and look after the local store."""


for _command in (stats, gc, export, explain_miss):
    store.add_command(_command)


def _pairs(_context: click.Context, option: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    odd = [each for each in given if "=" not in each]
    if odd:
        raise click.BadParameter(f"{odd[0]!r} is not COLUMN=VALUE", param=option)
    return dict(each.split("=", 1) for each in given)


@store.command(name="import", short_help="Make cases and recordings of a log.")
@click.argument("log", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--suite", metavar="NAME", help="The suite that gets the cases and recordings.")
@click.option(
    "--columns",
    multiple=True,
    metavar="MAP",
    help="openai, litellm, KEY=COLUMN or a .yaml of such pairs; repeatable, the last one wins.",
)
@click.option("--provider", metavar="P", help="The provider in evalgate.yaml that answered.")
@click.option("--model", metavar="M", help="The model that answered, as policies name it.")
@click.option("--revision", metavar="R", help="Which version of the model it was.")
@click.option("--quantization", metavar="Q", help="Its number format, as in q4_1.")
@click.option(
    "--where",
    multiple=True,
    callback=_pairs,
    metavar="COLUMN=VALUE",
    help="Only lines with this value; repeatable.",
)
@click.option(
    "--system",
    type=click.Choice(["policy", "case"]),
    default="policy",
    show_default=True,
    help="Whether the system prompt belongs to the policy, or to each case.",
)
@click.option(
    "--params",
    type=click.Choice(["policy", "drop"]),
    default="policy",
    show_default=True,
    help="Whether the params of the requests belong to the policy, or are left out.",
)
def import_command(  # noqa: PLR0913  one parameter per option
    *,
    log: Path,
    suite: str | None,
    columns: tuple[str, ...],
    provider: str | None,
    model: str | None,
    revision: str | None,
    quantization: str | None,
    where: dict[str, str],
    system: str,
    params: str,
) -> None:
    """Make cases and recordings of LOG (.jsonl, .json or .csv), which other software wrote.

    Nothing is called. The policy that replays the calls is written to stdout.
    A LOG that is a file of recordings needs no options: its calls go to the local store.
    """
    if (suite, provider, model) == (None, None, None) and _is_recordings(log):
        _into_store(log)
        return
    for option, given in (("--suite", suite), ("--provider", provider), ("--model", model)):
        if given is None:
            raise click.UsageError(f"Missing option {option!r}, which a log needs.")
    assert suite is not None
    assert provider is not None
    assert model is not None
    from evalgate.core.policy_file import DeploymentFile  # noqa: PLC0415  heavy
    from evalgate.pipeline.logs.importing import import_log  # noqa: PLC0415
    from evalgate.pipeline.project.settings import ImportSettings  # noqa: PLC0415

    deployment = DeploymentFile(provider=provider, model=model, revision=revision, quantization=quantization)
    settings = ImportSettings(
        start=Path.cwd(),
        log=log,
        suite=suite,
        columns=columns,
        deployment=deployment,
        where=where,
        system_in_case=system == "case",
        drop_params=params == "drop",
    )
    imported = import_log(settings)
    streams.say("\n".join(_sentences(imported)))
    streams.write_data(imported.policy)


def _is_recordings(log: Path) -> bool:
    with log.open("rb") as file:
        return b'"evalgate/recordings@' in file.readline(4096)


def _into_store(file: Path) -> None:
    from evalgate.pipeline.storing import import_recordings  # noqa: PLC0415  heavy
    from evalgate.report.numbers import count  # noqa: PLC0415

    calls, new = import_recordings(Path.cwd(), [file])
    streams.write_data(f"{count(calls, 'call')} read, {new:,} of them new to the local store\n")


def _sentences(imported: "Imported") -> list[str]:
    from evalgate.report.numbers import count  # noqa: PLC0415

    file = (
        imported.file.relative_to(Path.cwd()) if imported.file.is_relative_to(Path.cwd()) else imported.file
    )
    failed = f", {imported.failed:,} of them failed" if imported.failed else ""
    said = [
        f"{imported.suite}: {count(imported.calls, 'call')}{failed}, written to {file}",
        f"{count(imported.new_cases, 'new case')}, {imported.known_cases:,} already in the suite",
    ]
    said += [f"passed over {count(lines, 'line')}: {reason}" for reason, lines in imported.skipped.items()]
    if imported.ungraded_cases:
        ungraded = count(imported.ungraded_cases, "case")
        said.append(f"{ungraded} without a target: not graded until the file of cases says one")
    fewest, most = imported.trials
    if fewest < imported.trials_of_suite:
        said.append(
            f"the suite asks each case {imported.trials_of_suite} times, the log has {fewest}: set trials"
        )
    elif most > imported.trials_of_suite:
        said.append(f"questions asked again (up to {most} times) are kept as trials, which `trials` asks for")
    return [*said, f"the policy that replays these calls, for {imported.policies}/:"]


@store.command(name="verify", short_help="Are recordings whole and rightly named?")
@click.argument("places", nargs=-1, metavar="[FILE|FOLDER|SUITE]...")
def verify_command(*, places: tuple[str, ...]) -> None:
    """Read every line of the recordings and recompute every digest; anything odd ends with exit code 2."""
    from evalgate.pipeline.verifying import verify_recordings  # noqa: PLC0415  heavy
    from evalgate.report.numbers import count  # noqa: PLC0415

    verified = verify_recordings(Path.cwd(), places)
    said = (
        f"{count(verified.files, 'file')}, {count(verified.sessions, 'session')}, "
        f"{count(verified.recordings, 'recording')}: every line is whole"
    )
    if verified.unnamed:
        checked = verified.recordings - verified.unnamed
        said += (
            f"; {checked:,} digests are right, {verified.unnamed:,} stand without a request to check them by"
        )
    elif verified.recordings:
        said += " and every digest is right"
    streams.write_data(f"{said}\n")
    if not places:
        _verify_store()


def _verify_store() -> None:
    from evalgate.core.errors import BadInput, Problem  # noqa: PLC0415
    from evalgate.pipeline.storing import store_verified  # noqa: PLC0415
    from evalgate.report.numbers import count  # noqa: PLC0415

    found = store_verified(Path.cwd())
    if found is None:
        return
    if found.damaged or found.misnamed:
        what = f"{found.damaged:,} of {count(found.calls, 'call')} are damaged, {found.misnamed:,} misnamed"
        cure = "none of them is served; they are called again when needed"
        raise BadInput([Problem(f"the local store: {what}", cure)])
    streams.write_data(
        f"the local store: {count(found.calls, 'call')}, every one is whole and rightly named\n"
    )
