"""What a command that fails says, and its exit code."""

from __future__ import annotations

import os
import sys
from typing import Any, NoReturn

import click

from ..errors import InterviewError, MissingExtra, ResumeError, SettingError
from ..settings import Settings


class Commands(click.Group):
    """A group that turns our errors into one sentence and an exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except InterviewError as error:
            if os.environ.get("INTERVIEW_FSM_DEBUG"):
                raise
            give_up(error)
        except click.BadParameter as error:
            unfit = ctx.obj.explain(error) if isinstance(ctx.obj, Settings) else None
            if unfit is None:
                raise
            give_up(unfit)
        except KeyboardInterrupt:
            sys.exit(130)


def give_up(error: InterviewError) -> NoReturn:
    """Say in one sentence what failed, and end with the code of its kind."""
    from ..protocol import sentence
    from ..report import plain

    click.echo(f"interview-fsm: {plain(sentence(str(error)))}", err=True)
    sys.exit(_exit_code(error))


def _exit_code(error: InterviewError) -> int:
    if isinstance(error, MissingExtra):
        return 3
    if isinstance(error, SettingError):
        return 4
    if isinstance(error, ResumeError) and error.code in ("resume_unreachable", "resume_timeout"):
        return 5
    return 1
