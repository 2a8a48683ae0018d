"""One client that speaks JSON v1, conducted through its interview. No sockets here.

Commands are taken in the order sent, one at a time, by one worker; ``ping``, ``cancel``, ``begin_upload``
and, in an interview, ``stop_interview`` are done as they come. What the session tells is relayed as it is
stored, and all that is said leaves in one order. The connection may go at any time: the interview does not.
"""

from __future__ import annotations

from .conduct import MOST_WAITING, MOST_WAITING_BYTES, Host, JsonV1
from .intake import Library
from .outbox import MOST_UNSENT, MOST_UNSENT_BYTES, Close

__all__ = [
    "MOST_UNSENT",
    "MOST_UNSENT_BYTES",
    "MOST_WAITING",
    "MOST_WAITING_BYTES",
    "Close",
    "Host",
    "JsonV1",
    "Library",
]
