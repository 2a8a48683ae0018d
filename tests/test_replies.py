"""What a reply to a link is taken for, and what is said of one that is worth nothing. No network in here."""

from __future__ import annotations

import pytest

from interview_fsm.errors import ResumeError
from interview_fsm.resume.replies import (
    AUDIO,
    HEAD,
    checked_type,
    declared_type,
    not_pdf,
    status_failure,
    too_large,
)

PDF = b"%PDF-1.7\n"
MB = 2**20


@pytest.mark.parametrize(
    ("data", "declared", "found"),
    [
        (PDF, "application/pdf", "application/pdf"),
        (PDF, "text/html", "application/pdf"),
        (b" " * (HEAD - 5) + b"%PDF-", "", "application/pdf"),
        ("Ada Lovelace, é".encode(), "text/plain", "text/plain"),
        (b"# Ada", "text/markdown", "text/markdown"),
    ],
)
def test_a_file_is_known_by_its_mark_and_a_text_by_its_servers_word(data: bytes, declared: str, found: str):
    assert checked_type(data, declared) == found


@pytest.mark.parametrize(
    ("data", "declared", "kind"),
    [
        (b" " * (HEAD - 4) + b"%PDF-", "", "type"),
        (b"Ada", "application/pdf", "type"),
        (b"Ada", "text/html", "type"),
        (b"Ada\0", "text/plain", "text"),
        (b"Ada \xff", "text/markdown", "text"),
    ],
)
def test_what_is_neither_is_refused(data: bytes, declared: str, kind: str):
    with pytest.raises(ResumeError) as refused:
        checked_type(data, declared)
    assert (refused.value.code, refused.value.kind) == ("resume_not_pdf", kind)


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"OggS", "audio/ogg"),
        (b"fLaC", "audio/flac"),
        (b"ID3\4", "audio/mpeg"),
        (b"\xff\xfb\x90", "audio/mpeg"),
        (b"\x1aE\xdf\xa3", "audio/webm"),
        (b"RIFF\0\0\0\0WAVE", "audio/wav"),
        (b"\0\0\0\x20ftypM4A ", "audio/mp4"),
        (b"RIFF\0\0\0\0AVI ", None),
        (b"\xff\x1b", None),
        (b"\xff", None),
        (b"#EXTM3U", None),
        (PDF, None),
        (b"", None),
    ],
)
def test_sound_is_known_by_its_mark_alone(data: bytes, found: str | None):
    for declared in ("", "audio/ogg", "text/html"):
        assert AUDIO.kind(data, declared) == found
        if found is not None:
            assert AUDIO.check(data, declared) == found
            continue
        with pytest.raises(ResumeError) as refused:
            AUDIO.check(data, declared)
        assert (refused.value.code, refused.value.kind) == ("unsupported_media", "type")
        named = "an empty file" if not data else "a web page" if "html" in declared else "something else"
        assert str(refused.value).startswith(f"That link gave {named}, not a sound file (wav, flac, ogg")


@pytest.mark.parametrize(
    ("header", "declared"),
    [
        (b"Text/HTML; charset=utf-8", "text/html"),
        (b" application/pdf ", "application/pdf"),
        (b"application/vnd.openxmlformats-officedocument.x+xml", None),
        (b"text", ""),
        (b"text/<b>", ""),
        (b"a/" + b"b" * 82, ""),
        (b"", ""),
    ],
)
def test_a_type_is_repeated_only_when_it_is_one(header: bytes, declared: str | None):
    assert declared_type(header) == (header.decode() if declared is None else declared)


@pytest.mark.parametrize(
    ("status", "said", "retryable"),
    [
        (401, "not open to everybody. Share it", False),
        (403, "not open to everybody. Share it", False),
        (404, "there is no such file", False),
        (410, "there is no such file", False),
        (429, "Try again later", True),
        (500, "Try again later", True),
        (503, "Try again later", True),
        (599, "Try again later", True),
        *((status, "not a file. Check the link", False) for status in (204, 300, 400, 402, 405, 409, 411)),
        *((status, "not a file. Check the link", False) for status in (428, 430, 451, 499)),
    ],
)
def test_each_status_says_what_to_do(status: int, said: str, retryable: bool):
    error = status_failure(status)
    assert str(error).startswith(f"That link answered {status}")
    assert said in str(error)
    assert (error.code, error.kind, error.retryable) == ("resume_unreachable", "status", retryable)


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        (10 * MB + 1, "10.1 MB"),
        (11 * MB, "11 MB"),
        (99 * MB + MB // 2, "99.5 MB"),
        (99 * MB + MB - 1, "100 MB"),
        (100 * MB - MB // 20, "100 MB"),
        (10**12, "953,674 MB"),
    ],
)
def test_a_size_over_the_limit_never_reads_as_the_limit(size: int, shown: str):
    error = too_large(10 * MB, size)
    assert str(error) == f"The file at that link is {shown}; the limit is 10 MB. Use a smaller one."
    assert (error.code, error.kind) == ("resume_too_large", "size")


def test_a_size_that_nobody_gave_is_not_made_up():
    said = "The file at that link is larger than allowed; the limit is 0.1 MB. Use a smaller one."
    assert str(too_large(1)) == said


@pytest.mark.parametrize(
    ("declared", "data", "found"),
    [
        ("application/pdf", b"", "an empty file"),
        ("text/html", b"x", "a web page (text/html)"),
        ("application/xhtml+xml", b"x", "a web page (application/xhtml+xml)"),
        ("application/pdf", b"\r\n <!DOCTYPE HTML><p>", "a web page (text/html)"),
        ("", b"<HTML lang=en>", "a web page (text/html)"),
        ("", b" " * HEAD + b"<html>", "something else"),
        ("application/pdf", b"PK\3\4", "something else"),
        ("", b"PK\3\4", "something else"),
        ("application/zip", b"PK\3\4", "something else (application/zip)"),
    ],
)
def test_what_was_got_instead_is_named(declared: str, data: bytes, found: str):
    error = not_pdf(declared, data)
    assert str(error).startswith(f"That link gave {found}, not a PDF. Copy the file's own download link, or ")
    assert (error.code, error.kind) == ("resume_not_pdf", "type")
