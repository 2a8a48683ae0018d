import ast
from pathlib import Path

import pytest

import interview_fsm

PACKAGE = Path(interview_fsm.__file__).parent
FETCHER = PACKAGE / "resume" / "fetch.py"
# Adapters talk to the one service each is named after, through its own SDK; never to a link of a candidate's.
ADAPTERS = PACKAGE / "adapters"
CLIENTS = (
    "aiohttp",
    "anyio",
    "httpcore",
    "httpcore2",
    "httpx",
    "httpx2",
    "requests",
    "urllib3",
    "urllib.request",
)
CLIENTS += ("http.client", "ftplib", "pycurl", "safehttpx", "websockets.client", "websockets.asyncio.client")


def imported(source):
    """Every module that a source may import, with the names taken from it, wherever the import stands."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield from (f"{node.module}.{name.name}" for name in node.names)
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = ast.unparse(node.func).rpartition(".")[2]
            if called in {"import_module", "__import__"}:
                yield str(node.args[0].value)


def clients(source):
    return {
        name for name in imported(source) if any(f"{name}.".startswith(f"{client}.") for client in CLIENTS)
    }


def test_only_the_fetcher_can_open_a_link():
    sources = [path for path in PACKAGE.rglob("*.py") if path != FETCHER and ADAPTERS not in path.parents]
    assert len(sources) > 5
    assert {path.name: found for path in sources if (found := clients(path.read_text("utf-8")))} == {}


def test_the_fetcher_has_one_client():
    assert {name.partition(".")[0] for name in clients(FETCHER.read_text("utf-8"))} == {"httpcore2"}


@pytest.mark.parametrize(
    "source",
    [
        "import urllib.request",
        "from urllib import request",
        "from urllib.request import urlopen",
        "import http.client as c",
        "def f():\n    import httpx2",
        "if True:\n    from httpcore2 import AsyncConnectionPool",
        "import importlib\nimportlib.import_module('requests')",
        "__import__('aiohttp')",
    ],
)
def test_a_client_would_be_noticed(source):
    assert clients(source)


@pytest.mark.parametrize(
    "source", ["from urllib.parse import quote", "import http", "from . import httpx", "import httpxx"]
)
def test_what_is_no_client_is_left_alone(source):
    assert not clients(source)
