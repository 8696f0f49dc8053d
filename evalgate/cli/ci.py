"""``evalgate ci``: what the GitHub Action calls."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from evalgate.cli import streams
from evalgate.cli.errors import code_of
from evalgate.cli.progress import progress_on
from evalgate.cli.run import MODES

if TYPE_CHECKING:
    from evalgate.core.budgets import OnInconclusive
    from evalgate.core.run import Mode
    from evalgate.pipeline.ci.commenting import Commenter, Wanted
    from evalgate.pipeline.ci.settings import CiSettings

_DEFAULT_OUT = Path(".evalgate/ci")
AUTO = "auto"
TOKEN = "EVALGATE_GITHUB_TOKEN"  # noqa: S105  a variable's name
STRICTNESS = ("block", "estimate", "warn")


@click.command(short_help="Judge a pull request by what was there before it.")
@click.argument("suites", nargs=-1, metavar="[SUITES]...", envvar="EVALGATE_SUITES")
@click.option(
    "--policy",
    "policies",
    multiple=True,
    metavar="P",
    envvar="EVALGATE_POLICY",
    help="Only this policy, by name or file; repeatable.",
)
@click.option(
    "--baseline",
    default=AUTO,
    show_default=True,
    envvar="EVALGATE_BASELINE",
    metavar="auto|git:REF|FILE",
    help="What judges: the commit that the event names, another one, or a policy file of that commit.",
)
@click.option(
    "--mode",
    type=click.Choice(MODES),
    default="replay",
    show_default=True,
    envvar="EVALGATE_MODE",
    help="replay needs no key; auto and live are refused for forks.",
)
@click.option(
    "--max-spend",
    type=click.FloatRange(min=0, min_open=True, max=1e9),
    metavar="USD",
    envvar="EVALGATE_MAX_SPEND",
    help="The most that calls may cost; auto and live need it.",
)
@click.option(
    "--on-inconclusive",
    type=click.Choice(STRICTNESS),
    envvar="EVALGATE_ON_INCONCLUSIVE",
    help="Be at least as strict as this about what is not proven; never laxer than the base.",
)
@click.option(
    "--comment",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    show_default=True,
    envvar="EVALGATE_COMMENT",
    help="auto comments on a pull request once something is blocked or moved, then keeps it up to date.",
)
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    envvar="EVALGATE_CONFIG",
    help="Judge only the project of this evalgate.yaml, instead of all of the repository.",
)
@click.option(
    "--untrusted", is_flag=True, envvar="EVALGATE_UNTRUSTED", help="Judge the change as that of a fork."
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=_DEFAULT_OUT,
    show_default=True,
    envvar="EVALGATE_OUT",
    help="The folder for report, result, JUnit XML and summary.",
)
@click.option(
    "--report-name",
    default="evalgate-report.html",
    show_default=True,
    envvar="EVALGATE_REPORT_NAME",
    help="What the HTML report is called.",
)
def ci(  # noqa: PLR0913  one parameter per option
    *,
    suites: tuple[str, ...],
    policies: tuple[str, ...],
    baseline: str,
    mode: "Mode",
    max_spend: float | None,
    on_inconclusive: "OnInconclusive | None",
    comment: "Wanted",
    config: Path | None,
    untrusted: bool,
    out: Path,
    report_name: str,
) -> int:
    """Judge what a change touches, by the suites, budgets, prices and graders of the commit before it.

    In GitHub Actions the event says what that commit is; elsewhere it is where HEAD left the default branch,
    or what --baseline names.
    """
    from evalgate.pipeline.ci.settings import CiSettings  # noqa: PLC0415  heavy
    from evalgate.pipeline.project.settings import Spending  # noqa: PLC0415

    settings = CiSettings(
        start=Path.cwd(),
        suites=suites,
        policies=policies,
        baseline=None if baseline == AUTO else baseline,
        mode=mode,
        on_inconclusive=on_inconclusive,
        config=config,
        untrusted=untrusted,
        spending=Spending(cap_usd=max_spend, ci=True, tell=streams.say),
    )
    return _judged_and_published(settings, out.absolute(), report_name, comment)


def _judged_and_published(settings: "CiSettings", out: Path, report_name: str, wanted: "Wanted") -> int:
    from evalgate.github.event import read_event  # noqa: PLC0415  heavy
    from evalgate.pipeline.ci.commenting import comment_on, comment_on_error, commenter  # noqa: PLC0415
    from evalgate.pipeline.ci.judging import judge_change  # noqa: PLC0415
    from evalgate.pipeline.ci.publish import publish, publish_comment, publish_error, surfaces  # noqa: PLC0415
    from evalgate.report import text  # noqa: PLC0415

    # Whatever else this process starts has no use for it.
    token = os.environ.pop(TOKEN, "")
    to = surfaces(os.environ, out, report_name)
    writer: Commenter | str = ""
    try:
        event = read_event(os.environ)
        writer = commenter(os.environ, event, token, report_name, wanted)
        ruled = judge_change(settings, event, progress_on(sys.stderr, os.environ, quiet=False))
    except BaseException as error:
        code = code_of(error)
        publish_error(error, code, to)
        publish_comment(writer if isinstance(writer, str) else comment_on_error(error, code, writer), to)
        raise
    color = streams.wants_color(sys.stdout, os.environ)
    streams.write_data(text.render(ruled.decision, width=streams.width_of(sys.stdout), color=color))
    publish(ruled, to)
    publish_comment(writer if isinstance(writer, str) else comment_on(ruled.decision, writer), to)
    return int(ruled.decision.exit_code)
