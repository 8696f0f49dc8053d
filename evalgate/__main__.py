"""``python -m evalgate``, and what the ``evalgate`` command calls."""

import gc
import os
import sys

from evalgate.cli import main as cli


def main() -> None:
    """Run the command line of this process and exit with its code."""
    # Plugins of pydantic would see what is in our files, and looking for them means reading the metadata of
    # every package there is.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    # A run keeps nearly all it makes until its end: looking for garbage among it costs a sixth of the time.
    gc.set_threshold(200_000, 20, 100)
    code = cli.main()
    # All of it goes with the process: looking once more for garbage takes a tenth of a second.
    gc.freeze()
    sys.exit(code)


if __name__ == "__main__":
    main()
