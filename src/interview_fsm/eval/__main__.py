"""``python -m interview_fsm.eval``: the command ``interview-fsm eval``."""

import sys

from ..cli import main

if __name__ == "__main__":
    main(["eval", *sys.argv[1:]])
