"""The page's files, read once and answered from memory. Nothing that was not read then is ever opened.

Whatever a path says, it is looked up in a table: there is no way from it to the file system.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, NamedTuple

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; media-src 'self' blob:; connect-src 'self'; worker-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "microphone=(self)",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-cache",
}
"""On every answer."""

MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}
"""Our own: a machine's registry may call a script plain text. A file of another kind is not served."""

MOST_BYTES = 1_000_000
"""Of one file: a slow reader has to have it before the connection is given up, in about ten seconds."""


class Answer(NamedTuple):
    """An answer to a GET or a HEAD."""

    status: int
    headers: dict[str, str]
    body: bytes


class Page(NamedTuple):
    """One file, plain and (where that is shorter) compressed."""

    media_type: str
    etag: str
    plain: bytes
    gzipped: bytes | None


class Pages:
    """What is served, by path. ``/`` is ``index.html``."""

    def __init__(self, contents: dict[str, bytes]) -> None:
        self._pages = {path: _page(path, content) for path, content in contents.items()}
        if (index := self._pages.get("/index.html")) is not None:
            self._pages["/"] = index

    def answer(self, path: str, *, accepts: str = "", known: str = "") -> Answer | None:
        """What *path* (without its query) is answered with; None where there is nothing.

        *accepts* is the request's Accept-Encoding, *known* its If-None-Match.
        """
        page = self._pages.get(path)
        if page is None:
            return None
        headers = {"ETag": page.etag, "Vary": "Accept-Encoding"}
        if _is_known(page.etag, known):
            return Answer(304, headers, b"")
        headers["Content-Type"] = page.media_type
        if page.gzipped is not None and _accepts_gzip(accepts):
            return Answer(200, headers | {"Content-Encoding": "gzip"}, page.gzipped)
        return Answer(200, headers, page.plain)


def read_pages(schema: dict[str, Any], *, with_page: bool = True) -> Pages:
    """The files of ``interview_fsm/web`` (unless *with_page* is False), and the schema."""
    contents = {"/schema.json": json.dumps(schema, ensure_ascii=False).encode()}
    if with_page:
        contents |= _read(files("interview_fsm") / "web", "/")
    return Pages(contents)


def _read(folder: Traversable, prefix: str) -> dict[str, bytes]:
    contents: dict[str, bytes] = {}
    if not folder.is_dir():
        return contents
    for entry in folder.iterdir():
        if entry.is_dir():
            contents |= _read(entry, f"{prefix}{entry.name}/")
        elif _suffix(entry.name) in MEDIA_TYPES:
            contents[prefix + entry.name] = entry.read_bytes()
    return contents


def _suffix(name: str) -> str:
    return name[name.rfind(".") :].lower() if "." in name else ""


def _page(path: str, content: bytes) -> Page:
    if len(content) > MOST_BYTES:
        raise ValueError(f"{path} has {len(content)} bytes; {MOST_BYTES} can be served")
    etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    gzipped = gzip.compress(content, 9, mtime=0)
    media_type = MEDIA_TYPES[_suffix(path)]
    return Page(media_type, etag, content, gzipped if len(gzipped) < len(content) else None)


def _is_known(etag: str, known: str) -> bool:
    given = [each.strip().removeprefix("W/") for each in known.split(",")]
    return etag in given or given == ["*"]


def _accepts_gzip(accepts: str) -> bool:
    for each in accepts.split(","):
        coding, _, weight = each.partition(";")
        if coding.strip().lower() in ("gzip", "*"):
            return weight.replace(" ", "").lower() not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False
