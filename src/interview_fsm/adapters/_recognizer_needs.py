"""What the recognisers of SpeechRecognition need beside it, and what is told when it is not there."""

from __future__ import annotations

from importlib.util import find_spec
from typing import NamedTuple
from urllib.parse import urlsplit

from .. import keys
from ..errors import MissingExtra, SettingError
from ._failures import check_url


class Needs(NamedTuple):
    """What a recogniser needs beside SpeechRecognition."""

    package: str = ""
    extra: str = ""
    """Of ours, that installs it; else it is installed by its own name."""
    key: str = ""
    """The name of its key."""
    base_url: str = ""
    """Of its service, where no other is given."""
    model: str = ""
    """That is used where no other is named; None without any."""
    model_is_needed: bool = False
    host: str = ""
    """That gets the sound, where it is always the same."""


_OPENAI, _GROQ = "https://api.openai.com/v1", "https://api.groq.com/openai/v1"
ENGINES = {
    "sphinx": Needs("pocketsphinx", "stt"),
    "google": Needs(host="www.google.com"),
    "openai": Needs("openai", "openai", key="OPENAI_API_KEY", base_url=_OPENAI, model="whisper-1"),
    "groq": Needs("openai", "openai", key="GROQ_API_KEY", base_url=_GROQ, model="whisper-large-v3-turbo"),
    "faster_whisper": Needs("faster_whisper", "whisper", model_is_needed=True),
    "whisper": Needs("whisper", "", model_is_needed=True),
    "vosk": Needs("vosk", "vosk", model_is_needed=True),
}
_OWN_PACKAGES = {"whisper": "openai-whisper"}


class Chosen(NamedTuple):
    """A recogniser with all that it needs."""

    options: dict[str, object]
    """Arguments that say which model, and where."""
    host: str
    """That gets the sound; empty where it stays on this machine."""
    key: str


def choose(engine: str, *, model: str | None, base_url: str | None, api_key: str | None) -> Chosen:
    """What *engine* is used with. Raises MissingExtra, SettingError."""
    needs = ENGINES.get(engine, Needs(host=f"the service {engine}"))
    _check_package(engine, needs)
    options, host = _place(engine, needs, model=model, base_url=base_url)
    return Chosen(options, host, _key(engine, needs, api_key, has_own_server=base_url is not None))


def _check_package(engine: str, needs: Needs) -> None:
    if not needs.package or find_spec(needs.package) is not None:
        return
    if needs.extra:
        raise MissingExtra(f"the recogniser {engine}", needs.extra)
    raise SettingError(
        f"the recogniser {engine} needs a package that is not installed: pip install {_OWN_PACKAGES[engine]}"
    )


def _place(
    engine: str, needs: Needs, *, model: str | None, base_url: str | None
) -> tuple[dict[str, object], str]:
    """The arguments that say which model and where, and the host that gets the sound."""
    if needs.model_is_needed and not model:
        raise SettingError(
            f"the recogniser {engine} needs a model that is on this machine, by its folder; none is fetched"
        )
    given: dict[str, object] = {"model": model or needs.model} if needs.model or model else {}
    if not needs.base_url:
        return given, needs.host
    check_url(url := base_url or needs.base_url)
    return given | {"base_url": url}, urlsplit(url).hostname or ""


def _key(engine: str, needs: Needs, given: str | None, *, has_own_server: bool) -> str:
    if not needs.key:
        return ""
    if given:
        return given.strip()
    if (found := keys.find(needs.key)) is not None:
        return found.reveal()
    if has_own_server:
        return ""
    raise SettingError(
        f"the recogniser {engine} needs a key: set {needs.key} in the environment, or in the file of keys"
    )
