"""``evalgate schema``: JSON Schemas for editors."""

import click

from evalgate.cli import streams
from evalgate.core.errors import ExitCode

FILES = ("project", "suite", "policy", "case", "label")


@click.command(short_help="Print the JSON Schema of a file, for editors.")
@click.argument("name", type=click.Choice(FILES), metavar="{project|suite|policy|case|label}")
def schema(name: str) -> int:
    """Print the JSON Schema (draft-07) of evalgate.yaml, suite.yaml, a policy, or a line of a JSONL file."""
    from evalgate.pipeline.schemas import schema_text  # noqa: PLC0415  heavy

    streams.write_data(schema_text(name))
    return int(ExitCode.OK)
