"""What a server's reply to a link is worth, and the sentences for replies that are worth nothing. No I/O."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Final

from msgspec import Struct

from ..errors import ResumeError
from ..sound import audio_type
from .links import INSTEAD

HEAD: Final = 1_024
"""Bytes in which a PDF says that it is one: Acrobat's own rule (PDF 1.7, appendix H, note 13)."""

TEXT_TYPES: Final = frozenset({"text/plain", "text/markdown"})


def media_type_of(data: bytes, declared: str) -> str | None:
    """What a body is, from its beginning and the type its server gave; None for nothing we read.

    A PDF is known by its mark, whatever it is called. Text has no mark, so there the server's word counts.
    """
    if b"%PDF-" in data[:HEAD]:
        return "application/pdf"
    return declared if declared in TEXT_TYPES else None


_MEDIA_TYPE: Final = re.compile(r"[a-z0-9][a-z0-9.+-]{0,40}/[a-z0-9][a-z0-9.+-]{0,80}")


class Wanted(Struct, frozen=True):
    """What a link is expected to lead to."""

    accept: str
    """As in an Accept header."""
    kind: Callable[[bytes, str], str | None]
    """What a body is, from its beginning and the declared type; None for nothing of use."""
    check: Callable[[bytes, str], str]
    """The same of a whole body. Raises ResumeError."""
    refuse: Callable[[str, bytes], ResumeError]
    """The error for a body of no use, by its declared type and what there is of it."""


def declared_type(header: bytes) -> str:
    """The media type in a Content-Type header, in lower case; empty when it is none that could be shown."""
    declared = header.partition(b";")[0].strip().lower().decode("latin-1")
    return declared if _MEDIA_TYPE.fullmatch(declared) else ""


def checked_type(data: bytes, declared: str) -> str:
    """The media type of a whole body. Raises ResumeError ``resume_not_pdf``."""
    found = media_type_of(data, declared)
    if found is None:
        raise not_pdf(declared, data)
    if found in TEXT_TYPES and not _is_text(data):
        raise failure("text", "resume_not_pdf")
    return found


def _is_text(data: bytes) -> bool:
    try:
        return "\0" not in data.decode()
    except UnicodeDecodeError:
        return False


_SENTENCES: Final = {
    "closed": f"The link was not opened, because the server is stopping. Try again, or {INSTEAD}.",
    "queue": f"Other links are being opened just now. Try again in a moment, or {INSTEAD}.",
    "lookups": f"Other links are being opened just now. Try again in a moment, or {INSTEAD}.",
    "dns": f"That link's server was not found. Check the link, or {INSTEAD}.",
    "connect": f"That link's server does not answer. Try again later, or {INSTEAD}.",
    "read": f"That link's server stopped answering. Try again later, or {INSTEAD}.",
    "total": f"That link took too long to give the whole file. Try again later, or {INSTEAD}.",
    "tls": f"That link's server could not prove who it is (TLS). Check the link, or {INSTEAD}.",
    "protocol": f"That link's server broke off or sent something that is not HTTP. Try again, or {INSTEAD}.",
    "redirect": f"That link leads on to nowhere. Copy the file's own link, or {INSTEAD}.",
    "redirects": f"That link leads on too many times. Copy the file's own link, or {INSTEAD}.",
    "encoding": f"That link gave a compressed file, which is not opened here; {INSTEAD}.",
    "overhead": f"That link gave more packaging than file. Use another link, or {INSTEAD}.",
    "text": f"That link gave text that is not UTF-8. Save it as UTF-8 or PDF, or {INSTEAD}.",
}


def failure(kind: str, code: str = "resume_unreachable", *, retryable: bool = False) -> ResumeError:
    """The error of a fetch that failed; *kind* is the stage."""
    retryable = retryable or code in {"resume_timeout", "busy"}
    return ResumeError(code, _SENTENCES[kind], kind=kind, retryable=retryable)


def status_failure(status: int) -> ResumeError:
    """The error for a reply that is neither a file nor a redirect."""
    said = f"That link answered {status}"
    if status in {401, 403}:
        said += ", so it is not open to everybody. Share it, or"
    elif status in {404, 410}:
        said += ": there is no such file. Check the link, or"
    elif status == 429 or status >= 500:
        said += ". Try again later, or"
    else:
        said += ", not a file. Check the link, or"
    retryable = status == 429 or status >= 500
    return ResumeError("resume_unreachable", f"{said} {INSTEAD}.", kind="status", retryable=retryable)


def too_large(limit: int, size: int | None = None) -> ResumeError:
    """The error for a body over *limit* bytes; *size* where the server gave it."""
    is_ = f"is {_megabytes(size)}" if size is not None else "is larger than allowed"
    sentence = f"The file at that link {is_}; the limit is {_megabytes(limit)}. Use a smaller one."
    return ResumeError("resume_too_large", sentence, kind="size")


def _megabytes(size: int) -> str:
    """Rounded up to a tenth, so that what is over a limit never reads as the limit."""
    tenths = math.ceil(size / 2**20 * 10)
    return f"{tenths / 10:,.0f} MB" if tenths >= 1_000 or not tenths % 10 else f"{tenths / 10:.1f} MB"


def not_pdf(declared: str, data: bytes | bytearray) -> ResumeError:
    """The error for a body we do not read; names the media type."""
    if not data:
        found = "an empty file"
    elif declared in {"text/html", "application/xhtml+xml"}:
        found = f"a web page ({declared})"
    elif data[:HEAD].lstrip().lower().startswith((b"<!doctype html", b"<html")):
        found = "a web page (text/html)"
    else:
        found = (
            f"something else ({declared})" if declared not in {"", "application/pdf"} else "something else"
        )
    sentence = f"That link gave {found}, not a PDF. Copy the file's own download link, or {INSTEAD}."
    return ResumeError("resume_not_pdf", sentence, kind="type")


RESUME: Final = Wanted("application/pdf, text/plain, text/markdown", media_type_of, checked_type, not_pdf)
"""A résumé."""


def _audio_type(data: bytes, _declared: str) -> str | None:
    return audio_type(data)


def _checked_audio(data: bytes, declared: str) -> str:
    found = audio_type(data)
    if found is None:
        raise no_audio(declared, data)
    return found


def no_audio(declared: str, data: bytes) -> ResumeError:
    """The error for a body that is no sound file."""
    found = "a web page" if declared in {"text/html", "application/xhtml+xml"} else "something else"
    sentence = (
        f"That link gave {found if data else 'an empty file'}, not a sound file (wav, flac, ogg, mp3, m4a or"
        f" webm). Copy the file's own download link, or {INSTEAD}."
    )
    return ResumeError("unsupported_media", sentence, kind="type")


AUDIO: Final = Wanted("audio/*", _audio_type, _checked_audio, no_audio)
"""The sound of an answer."""
