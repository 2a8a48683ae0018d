"""What must not be read by others: keys, tokens, and what tells who somebody is. Imports nothing of ours.

Keys belong to whoever runs the server and come from its surroundings; a client that sends one has been
taught wrong, and its message is refused before it is stored or logged (``looks_like_key``). Log messages hold
no résumé, answer or prompt by the way they are written; ``Redaction`` is the last line of defence behind
that, for what a library or a later change lets slip. Embedders add it to handlers of their own::

    handler.addFilter(Redaction())
"""

from __future__ import annotations

import logging
import re
import unicodedata

import msgspec

KEY_FIELDS = frozenset({
    "accesskeyid", "apikeys", "apisecret", "apitoken", "authorization", "authtoken", "bearer", "bearertoken",
    "clientsecret", "credential", "credentials", "key", "passwd", "password", "secret", "token",
})  # fmt: skip
"""Names of fields that no message of the wire has, letters and digits alone."""

WITH_TOKEN = ("resume_session",)
"""Messages in which a field ``token`` is in its place. In any other it is a key."""

KEY_ENDINGS = ("accesskey", "apikey", "privatekey", "secretkey")
"""Ends of such names: ``x-api-key``, ``openai_api_key``."""

_SHAPES = (
    r"sk-[A-Za-z0-9_-]{20,}",  # Anthropic, OpenAI, OpenRouter
    r"(?:AKIA|ASIA)[0-9A-Z]{16}",  # AWS
    r"AIza[A-Za-z0-9_-]{35}",  # Google
    r"gh[pousr]_[A-Za-z0-9]{36,}",  # GitHub
    r"github_pat_[A-Za-z0-9_]{22,}",
    r"xox[abeoprs]-[A-Za-z0-9-]{10,}",  # Slack
    r"(?:hf|gsk|pplx|r8|glpat)[_-][A-Za-z0-9_-]{20,}",  # Hugging Face, Groq, Perplexity, Replicate, GitLab
)
_SHAPE = re.compile(rf"(?<![A-Za-z0-9])(?:{'|'.join(_SHAPES)})")
_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----(?:[^-]*-----END [A-Z ]{0,40}-----)?")
_CHANGES = re.compile(r"[a-zA-Z](?=[0-9])|[0-9](?=[a-zA-Z])")
_SNIPPETS = re.compile(r"(?<=[A-Z0-9])[a-z]{1,2}(?=[A-Z0-9])")
"""Small letters by ones and twos between others: words that are written together are longer."""

# No blank begins a name, and those behind one are not given back: else blanks are read again and again.
_NAMED = re.compile(r"[\"']?([\w.-][\w .-]{0,39}?)[\"']?\s*+[:=]")
_BROKEN_JSON = re.compile(r"[\"']([\w .-]{1,40})[\"']\s*:")


def looks_like_key(frame: str) -> bool:
    """Whether a message brings a key: in a field named for one, at its head or anywhere in its JSON, or as a
    text that has the shape of one, wherever it stands.
    """
    return _has_shape(frame) or any(_is_key_field(name) for name in _fields(frame))


def is_secret_name(name: str) -> bool:
    """Whether what goes by this name is not to be shown: a key, a token, a password."""
    return _is_key_field(name) or name.lower().endswith(("token", "password", "secret", "dsn"))


def masked(secret: str) -> str:
    """A secret as it may be shown: its last four characters, where they are no more than a quarter."""
    return "…" + (secret[-4:] if len(secret) >= 16 else "")


def redact(text: str) -> str:
    """*text* without keys, tokens, e-mail addresses, telephone numbers, and what follows a URL's path."""
    text = _PRIVATE_KEY.sub("[key]", text)
    text = _SHAPE.sub(lambda found: f"[key {masked(found[0])}]" if _is_random(found[0]) else found[0], text)
    text = _BEARER.sub(r"\1 [token]", text)
    text = _VALUE.sub(_without_secret, text)
    text = _URL.sub(_bare, text)
    text = _E_MAIL.sub("[e-mail]", text)
    text = _LONG.sub(lambda found: "[token]" if _is_random(found[0]) else found[0], text)
    return _PHONE.sub("[phone]", text)


class Redaction(logging.Filter):
    """Rewrites what is logged with ``redact()``: message, arguments, exception, stack. Lets all through."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite *record*."""
        try:
            record.msg = redact(record.getMessage())
        except Exception:  # arguments that do not fit; logging would print them as they are
            record.msg = redact(str(record.msg))
        record.args = ()
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        if record.exc_text:  # what a formatter takes when it is there
            record.exc_text = redact(record.exc_text)
        if record.stack_info:
            record.stack_info = redact(record.stack_info)
        return True


# ---------------------------------------------------------------------------------------- inside

_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}")
_VALUE = re.compile(
    r"(?i)(?<![\w.-])([\w.-]{1,64})([\"']?[:=]\s?[\"']?(?:token )?)"
    r"(?!\[token\]|bearer |basic )[^\s\"',;&)}\]]{4,}"
)
_URL = re.compile(r"(?i)\b([a-z][a-z0-9+.-]{1,15}://)([^\s/?#\"'<>]*)([^\s?#\"'<>]*)([^\s\"'<>]*)")
_E_MAIL = re.compile(r"[\w.+%-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+")
_LONG = re.compile(r"(?<![A-Za-z0-9_/.-])[A-Za-z0-9_.-]{40,}")
_PHONE = re.compile(
    r"(?<![\w.:/-])(?:\+\d(?:[ ().-]{0,2}\d){6,14}"  # with the country
    r"|\(\d{2,5}\)[ -]?\d{3,4}(?:[ -]?\d{2,4}){1,2}"  # the area in brackets
    r"|\d{3}([ .-])\d{3}\1\d{4}"
    r"|0\d{2,4}[ /-]\d{3,4}[ -]?\d{2,5})(?![\w-])"
)


def _has_shape(text: str) -> bool:
    return any(_is_random(found[0]) for found in _SHAPE.finditer(text)) or bool(_PRIVATE_KEY.search(text))


def _is_random(text: str) -> bool:
    """Whether letters and digits, or small letters and great ones, alternate as nobody writes them:
    ``sk-learn`` and names of files and classes do not.
    """
    return len(_CHANGES.findall(text)) >= 3 or len(_SNIPPETS.findall(text)) >= 4


def _is_key_field(name: str) -> bool:
    plain = "".join(filter(str.isalnum, unicodedata.normalize("NFKC", name).lower()))
    return plain in KEY_FIELDS or plain.endswith(KEY_ENDINGS)


def _fields(frame: str) -> list[str]:
    """The names of the fields of a message: JSON's, at any depth, or the word at the head of a line."""
    frame = frame.lstrip()
    if frame.startswith(("{", "[")):
        try:
            return _names(msgspec.json.decode(frame))
        except (msgspec.MsgspecError, RecursionError, UnicodeError):
            return _BROKEN_JSON.findall(frame)
    head = _NAMED.match(frame)
    return [head[1]] if head else []


def _names(decoded: object) -> list[str]:
    if isinstance(decoded, dict) and decoded.get("type") in WITH_TOKEN:
        decoded = {name: value for name, value in decoded.items() if name != "token"}
    names: list[str] = []
    rest = [decoded]
    while rest:
        value = rest.pop()
        if isinstance(value, dict):
            names += value
            rest += value.values()
        elif isinstance(value, list):
            rest += value
    return names


def _without_secret(value: re.Match[str]) -> str:
    name, between = value.groups()
    return f"{name}{between}[token]" if is_secret_name(name) else value[0]


def _bare(url: re.Match[str]) -> str:
    scheme, place, path, rest = url.groups()
    return scheme + place.rpartition("@")[2] + path + ("?…" if rest else "")
