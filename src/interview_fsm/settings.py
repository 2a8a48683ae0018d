"""Settings of the command line, and where each comes from: flag, environment, TOML, default, in this order.

Click does the choosing; here the TOML files are read for it, and what it has chosen is shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import click
from click.core import ParameterSource

from .errors import SettingError
from .redaction import is_secret_name, looks_like_key, masked, redact

Table = dict[str, Any]


class Place(NamedTuple):
    """Where a value stands in a file."""

    file: Path
    key: str
    """Dotted, with its table's name."""


class Setting(NamedTuple):
    """One setting as it is in force."""

    name: str
    """``serve.port``."""
    value: str
    """As text; a secret's end alone."""
    source: str
    """``default``, an environment variable, or a file."""
    problem: str = ""
    """Why the value cannot be used, and what to do; empty when it can."""


class Settings:
    """What the files say: ``defaults`` for click's ``default_map``, and where each value stands."""

    def __init__(self) -> None:
        self.defaults: Table = {}
        self._places: dict[tuple[str, ...], Place] = {}

    @classmethod
    def read(cls, files: list[Path], main: click.Group) -> Settings:
        """The settings in *files* that exist, the weakest first. Raises SettingError, which names the file
        and the key and says what to do.
        """
        import tomllib

        settings = cls()
        for path in files:
            if path.is_file():
                try:
                    tables = tomllib.loads(path.read_text(encoding="utf-8"))
                except (OSError, ValueError) as error:
                    raise SettingError(
                        f"the settings in {path} cannot be read: {redact(str(error))}"
                    ) from None
                for name, table in tables.items():
                    settings._take(path, main, settings.defaults, (name,), table)
        return settings

    def _take(
        self, path: Path, group: click.Group, defaults: Table, names: tuple[str, ...], table: object
    ) -> None:
        """Take in the table of one command, and of those below it."""
        where, name = ".".join(names), names[-1]
        if (command := group.commands.get(name)) is None:
            if not isinstance(table, dict):
                raise SettingError(
                    f"the setting {where} in {path} cannot be used: a setting belongs in the table of its "
                    "command, such as [serve]"
                )
            raise SettingError(f"[{where}] in {path} is no command{_meant(name, group.commands)}")
        if not isinstance(table, dict):
            raise SettingError(
                f"the setting {where} in {path} is a command, not a setting: write it as [{where}]"
            )
        mine = defaults.setdefault(name, {})
        for key, value in table.items():
            if isinstance(command, click.Group):
                self._take(path, command, mine, (*names, key), value)
                continue
            options = _options(command)
            if is_secret_name(key):
                raise SettingError(
                    f"the setting {where}.{key} in {path} is a secret, and this file is not for them: take "
                    "it out, and set it in the environment"
                )
            if (option := options.get(key.replace("-", "_"))) is None:
                raise SettingError(f"the setting {where}.{key} in {path} is not known{_meant(key, options)}")
            mine[option.name] = value
            self._places[*names, str(option.name)] = Place(path, f"{where}.{key}")

    def explain(self, error: click.BadParameter) -> SettingError | None:
        """The same as a SettingError that says where the value stands; None for one typed as a flag."""
        ctx, param = error.ctx, error.param
        if ctx is None or param is None or param.name is None:
            return None
        match ctx.get_parameter_source(param.name):
            case ParameterSource.ENVIRONMENT:
                where = f"{_variable(ctx, param)} in the environment"
            case ParameterSource.DEFAULT_MAP:
                place = self._places[*_path(ctx), param.name]
                where = f"{place.key} in {place.file}"
            case _:
                return None
        said = "its value cannot be used" if is_secret_name(param.name) else redact(error.message.rstrip("."))
        return SettingError(f"the setting {where} cannot be used: {said}; correct it there")

    def shown(self, main: click.Context) -> Iterator[Setting]:
        """Every setting, in the order of the commands' names."""
        assert isinstance(main.command, click.Group)
        yield from self._of(main.command, main)

    def _of(self, group: click.Group, parent: click.Context) -> Iterator[Setting]:
        for name, command in sorted(group.commands.items()):
            if isinstance(command, click.Group):
                yield from self._of(command, click.Context(command, parent, name))
            else:
                ctx = command.make_context(name, [], parent, resilient_parsing=True)
                for option in dict.fromkeys(_options(command).values()):
                    yield self._one(ctx, option)

    def _one(self, ctx: click.Context, option: click.Option) -> Setting:
        assert option.name is not None
        name = ".".join((*_path(ctx), max(option.opts, key=len).lstrip("-")))
        source = ctx.get_parameter_source(option.name)
        if source is ParameterSource.ENVIRONMENT:
            where = f"{_variable(ctx, option)} in the environment"
        elif source is ParameterSource.DEFAULT_MAP:
            where = str(self._places[*_path(ctx), option.name].file)
        else:
            return Setting(name, _text(option, ctx.params.get(option.name)), "default")
        problem = self._problem(ctx, option)
        return Setting(name, "" if problem else _text(option, ctx.params.get(option.name)), where, problem)

    def _problem(self, ctx: click.Context, option: click.Option) -> str:
        ctx = click.Context(ctx.command, ctx.parent, ctx.info_name)
        try:
            option.handle_parse_result(ctx, {}, [])
        except click.BadParameter as error:
            return str(self.explain(error))
        return ""


def _options(command: click.Command) -> dict[str, click.Option]:
    """The options that can be set for good, by every name they may be called, underscores for hyphens."""
    found = {}
    for param in command.params:
        if isinstance(param, click.Option) and not param.is_eager and param.expose_value:
            for flag in (*param.opts, *param.secondary_opts):
                if flag.startswith("--") and not flag.startswith("--no-"):
                    found[flag.removeprefix("--").replace("-", "_")] = param
            found[str(param.name)] = param
    return found


def _path(ctx: click.Context) -> tuple[str, ...]:
    """The names of the commands from the program's down to this one."""
    return (*_path(ctx.parent), str(ctx.info_name)) if ctx.parent is not None else ()


def _variable(ctx: click.Context, param: click.Parameter) -> str:
    return f"{ctx.auto_envvar_prefix}_{str(param.name).upper()}"


def _text(option: click.Option, value: object) -> str:
    if value is None or value == ():
        return ""
    if is_secret_name(str(option.name)) or looks_like_key(str(value)):
        return masked(str(value))
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return ", ".join(redact(str(each)) for each in value)
    return redact(str(value))


def _meant(name: str, known: Any) -> str:
    import difflib

    near = difflib.get_close_matches(name.replace("-", "_"), list(known), n=1)
    if near:
        return f": did you mean {near[0].replace('_', '-')}?"
    return "; known are " + ", ".join(sorted({each.replace("_", "-") for each in known}))
