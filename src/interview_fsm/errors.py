"""Everything this library raises. Imports nothing of ours.

::

    InterviewError
    ├── CommandError          the caller's doing: correct it and send it again
    │   ├── InvalidCommand    not possible now, or for that question; nothing has changed
    │   ├── BadMessage        not a message of the protocol
    │   ├── Busy              too much is waiting already; nothing of this was taken
    │   ├── ResumeError       the résumé's link or document cannot be used
    │   └── SettingError      a setting or an option cannot be used
    ├── AdapterError          the world's doing: a device, a service, a disk
    │   ├── BudgetSpent       no more calls, tokens or sound for this interview or client
    │   └── MissingExtra      a package that is not installed
    └── SessionError          this interview is not to be had (any more) from here
        ├── SessionOver       the session ended before it could do this
        │   └── EngineClosed  its engine is being closed, and opens nothing more
        ├── SessionTaken      opened somewhere else
        ├── TooSlow           its updates were not read in time
        ├── Conflict          another writer moved the interview on; nothing was written
        ├── Gone              erased, or never there
        │   └── Expired       kept as long as was promised, and no longer
        └── NewerFormat       written by a later release than this one

Every class has a stable ``code``, which is what goes over the wire; texts may change, codes do not.
Messages are for people: lower case, what is and what would be allowed, and never a résumé's text, a
transcript, a prompt or a key.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class InterviewError(Exception):
    """Base of every error this library raises."""

    code: str = "internal"
    retryable: bool = False
    """Whether the same thing may work when it is tried again, unchanged."""

    def __reduce__(self) -> Any:
        # Fields are keyword arguments here and there; the default would lose them in a copy.
        return _rebuild, (type(self), self.args, self.__dict__)


def _rebuild(cls: type[InterviewError], args: tuple[object, ...], fields: dict[str, Any]) -> Any:
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(fields)
    return error


class CommandError(InterviewError):
    """What was asked for cannot be done as it was asked; the caller can mend it."""

    code = "bad_message"


class InvalidCommand(CommandError):
    """The interview cannot do this in its present state, or not for that question; nothing has changed.

    ``allowed`` are the commands that are possible now; ``reason`` says in words why this one is not.
    """

    code = "invalid_command"

    def __init__(self, trigger: str, state: str, allowed: Sequence[str], reason: str) -> None:
        super().__init__(trigger, state, tuple(allowed), reason)
        self.trigger, self.state, self.allowed, self.reason = trigger, state, tuple(allowed), reason

    def __str__(self) -> str:
        choices = ", ".join(self.allowed) or "nothing"
        return f"cannot {self.trigger} now: {self.reason}; possible: {choices}"


class BadMessage(CommandError):
    """Not a message of the protocol; ``str()`` says what would be."""

    code = "bad_message"


class Busy(CommandError):
    """Too much is waiting already; nothing of this was taken, and it may be sent again."""

    code = "busy"
    retryable = True


class ResumeError(CommandError):
    """A résumé that cannot be used, with the sentence that a candidate reads.

    ``code`` is one of ``resume_url_refused``, ``resume_unreachable``, ``resume_too_large``,
    ``resume_timeout``, ``resume_not_pdf``, ``resume_unreadable``, ``resume_empty``, ``busy``.
    ``kind`` says more to a host (``private_address``, ``encrypted``, ``memory`` …); it goes to logs.
    """

    def __init__(self, code: str, message: str, *, kind: str = "", retryable: bool = False) -> None:
        super().__init__(message)
        self.code, self.kind, self.retryable = code, kind, retryable


class SettingError(CommandError):
    """A setting, a flag or a file of settings that cannot be used; ``str()`` says which and why."""

    code = "bad_setting"


class AdapterError(InterviewError):
    """Something outside failed: a disk, a model, a device. The cause is chained.

    ``adapter`` is the adapter's name; ``code`` one of the protocol's error codes or a finer one of the
    adapter's; ``retryable`` whether trying again may help. ``str()`` never quotes a provider.
    """

    def __init__(self, adapter: str, code: str, message: str = "", *, retryable: bool = False) -> None:
        super().__init__(adapter, code, message)
        self.adapter, self.code, self.message, self.retryable = adapter, code, message, retryable

    def __str__(self) -> str:
        return self.message or f"{self.adapter} failed ({self.code})"


class BudgetSpent(AdapterError):
    """Another call would cost more than there is for it; it was not made.

    ``scope`` is whose budget it is (``interview``, ``client`` or ``server``), ``what`` is spent, in words.
    """

    def __init__(self, scope: str, what: str) -> None:
        super().__init__("budget", "budget_spent", _SPENT[scope].format(what=what))
        self.args = (scope, what)
        self.scope, self.what = scope, what


_SPENT = {
    "interview": "this interview has used up its {what}; what there is is kept, and another can be begun",
    "client": "you have used up your {what} for today; what there is is kept, come back tomorrow",
    "server": "this server has used up its {what} for today; what there is is kept, come back tomorrow",
}


STOOD_IN_FOR = {
    "budget_spent": "what this interview may cost is spent",
    "context_truncated": "it has read only a part of what it was sent",
    "model_cut_off": "its reply ended early",
    "model_overloaded": "it is overloaded",
    "model_rate_limited": "it asks for a pause",
    "model_refused": "it declined",
    "model_resting": "it has failed before and is left alone for a while",
    "model_setup": "it turned the request down as it is set up",
    "model_timeout": "it did not answer in time",
    "model_unreachable": "it cannot be reached",
    "model_unusable": "its reply could not be used",
}
"""By code, why one interviewer had to stand in for another, in words."""


class MissingExtra(AdapterError):
    """An adapter's package is not installed; ``str()`` has the command that installs it."""

    def __init__(self, adapter: str, extra: str) -> None:
        super().__init__(
            adapter,
            "missing_extra",
            f'{adapter} needs packages that are not installed: pip install "interview-fsm[{extra}]"',
        )
        self.args = (adapter, extra)
        self.extra = extra


class SessionError(InterviewError):
    """The interview cannot be had from here; its log, if there is one, is as it was."""

    code = "session_error"

    def __init__(self, interview_id: str = "", message: str = "") -> None:
        super().__init__(interview_id, message)
        self.interview_id, self.message = interview_id, message

    def __str__(self) -> str:
        return self.message or (self.__doc__ or self.code).splitlines()[0].rstrip(".")


class SessionOver(SessionError):
    """The session has ended; the log says how far the interview came."""

    code = "session_over"


class EngineClosed(SessionOver):
    """The program that holds this interview is stopping; what is stored is kept.

    Its engine opens nothing more. Whether a command that was waiting has been stored the log says: open the
    interview with another engine, and send the command again with the same id.
    """

    code = "engine_closed"
    retryable = True


class SessionTaken(SessionError):
    """The interview was opened somewhere else and goes on there."""

    code = "session_taken"


class TooSlow(SessionError):
    """The updates of this session were not read in time; open it again to go on from the log."""

    code = "too_slow"


class Conflict(SessionError):
    """Another writer has moved this interview on; nothing was written."""

    code = "session_taken"


class Gone(SessionError):
    """There is no such interview: it was erased, has expired, or never was."""

    code = "session_not_found"


class Expired(Gone):
    """The interview has expired: it was kept as long as was promised, and is being erased."""

    code = "session_expired"


class NewerFormat(SessionError):
    """The interview was written by a later release of interview_fsm; upgrade this one to open it."""

    code = "newer_format"
