"""``python -m evalgate``, and what the ``evalgate`` command calls."""

import sys

from evalgate.cli import main as cli


def main() -> None:
    """Run the command line of this process and exit with its code."""
    sys.exit(cli.main())


if __name__ == "__main__":
    main()
