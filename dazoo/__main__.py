"""`python -m dazoo` is the command line."""

from __future__ import annotations

import sys

from dazoo.cli.main import main


if __name__ == "__main__":
    sys.exit(main())
