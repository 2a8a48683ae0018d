"""The command line: a thin skin on the library.

One module for each command or group of commands; ``COMMANDS`` lists them. Heavy imports happen inside the
command that needs them, so that ``--version`` and ``--help`` answer at once. Data goes to stdout, talk to
stderr. Exit codes: 0 done, 1 failed, 2 wrong usage, 3 an optional package is missing, 4 a setting cannot be
used, 5 the network failed, 130 Ctrl-C.
"""

from __future__ import annotations

from pathlib import Path

import click

from .. import __version__
from ..settings import Settings
from . import (
    config,
    demo,
    diagram,
    doctor,
    eval,
    practice,
    replay,
    report,
    resume,
    serve,
    sessions,
    transcribe,
)
from .failing import Commands

COMMANDS: tuple[click.Command, ...] = (
    config.config,
    serve.serve,
    practice.practice,
    demo.demo,
    resume.resume,
    report.report,
    replay.replay,
    eval.evaluate,
    diagram.diagram,
    sessions.sessions,
    transcribe.transcribe,
    doctor.doctor,
)


@click.group(cls=Commands, context_settings={"auto_envvar_prefix": "INTERVIEW_FSM"})
@click.version_option(__version__, prog_name="interview-fsm")
@click.pass_context
def main(ctx: click.Context) -> None:
    """Practice interviews made from a résumé. Works without a key, a network, or a microphone.

    Every option can be set in the environment (INTERVIEW_FSM_SERVE_PORT=9000) and in interview-fsm.toml
    (a table for each command); the option on the command line is the strongest.
    """
    settings = Settings.read(settings_files(), main)
    ctx.obj, ctx.default_map = settings, settings.defaults


for command in COMMANDS:
    main.add_command(command)


def settings_files() -> list[Path]:
    """Where settings may stand, the weakest first."""
    from platformdirs import user_config_path

    return [user_config_path("interview_fsm", appauthor=False) / "config.toml", Path("interview-fsm.toml")]
