"""Firestore's client as the storage uses it: whose it is, how often it tries, and what its errors mean.

Credentials come by Google's own ways, and from nowhere else. What Google says is never shown: it may quote
what was sent.
"""

from __future__ import annotations

import asyncio
import os
import secrets
from typing import Any, NamedTuple

import firebase_admin
from firebase_admin import credentials, firestore_async
from google.api_core import exceptions
from google.api_core.retry import if_exception_type
from google.api_core.retry_async import AsyncRetry
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError, TransportError
from google.cloud.firestore_v1.async_client import AsyncClient

from ..errors import AdapterError, SettingError

EMULATOR = "FIRESTORE_EMULATOR_HOST"
"""Names an emulator, ``host:port``; Google's libraries know it too."""
KEY_FILE = "GOOGLE_APPLICATION_CREDENTIALS"

_ENDING = 1.0
"""Seconds that gRPC's own tasks may take to end; it is milliseconds."""

_PASSING = (
    exceptions.ServiceUnavailable,
    exceptions.InternalServerError,
    exceptions.ResourceExhausted,
    exceptions.Aborted,
    exceptions.DeadlineExceeded,
    exceptions.Cancelled,
)
"""What may go well on the next try, which preconditions and ``append_id`` make safe for an append too.

A server cancels a call of its own accord now and then; what we cancel ourselves is no error of Google's.
"""

REFUSED = (exceptions.AlreadyExists, exceptions.NotFound, exceptions.FailedPrecondition)
"""How Firestore says that a write's condition does not hold: nothing of the commit was written."""

FAILURES = (exceptions.GoogleAPICallError, exceptions.RetryError, GoogleAuthError)
"""Whatever a call raises that is Google's."""


class Connection(NamedTuple):
    """A client, used on the event loop it was made on."""

    app: firebase_admin.App
    client: AsyncClient

    @property
    def is_emulated(self) -> bool:
        """Whether it leads to the emulator."""
        return bool(os.environ.get(EMULATOR))

    @property
    def place(self) -> str:
        """Where it leads, in words."""
        host = os.environ.get(EMULATOR)
        emulated = f" on the emulator at {host}" if host else ""
        return f"project {self.client.project}, database {self.client._database}{emulated}"

    async def aclose(self) -> None:
        """Close what it holds open; calls that run are broken off."""
        await self.client._firestore_api.transport.close()
        firebase_admin.delete_app(self.app)
        if ending := [task for task in asyncio.all_tasks() if _is_grpcs(task)]:
            await asyncio.wait(ending, timeout=_ENDING)


def _is_grpcs(task: asyncio.Task[Any]) -> bool:
    """Whether gRPC follows one of its calls with it; it cancels them and does not wait."""
    return getattr(task.get_coro(), "__qualname__", "").startswith("_AioCall.")


class _NoCredential(credentials.Base):  # type: ignore[misc]  # firebase-admin has no types
    """For the emulator, which asks for none; firebase-admin does."""

    def get_credential(self) -> AnonymousCredentials:
        return AnonymousCredentials()  # type: ignore[no-untyped-call]


def refusal(message: str, *, retryable: bool = False) -> AdapterError:
    """``storage_unavailable``, with a sentence."""
    return AdapterError("firestore", "storage_unavailable", message, retryable=retryable)


def patience_options(patience: float) -> dict[str, Any]:
    """For each call: tried again while there is time. ``timeout`` alone would let it try for minutes."""
    retry = AsyncRetry(
        predicate=if_exception_type(*_PASSING), initial=0.05, maximum=1.0, multiplier=2.0, timeout=patience
    )
    return {"retry": retry, "timeout": patience}


async def connect(project: str | None, database: str | None) -> Connection:
    """A client for *database* in *project*. Raises SettingError; AdapterError where credentials fail."""
    credential = _NoCredential() if os.environ.get(EMULATOR) else await _credential()
    options = {"projectId": project} if project else None
    app = firebase_admin.initialize_app(credential, options, name=f"interview_fsm-{secrets.token_hex(8)}")
    try:
        if not app.project_id:
            raise SettingError(
                "say which project Firestore is in: --firestore-project, or GOOGLE_CLOUD_PROJECT"
            )
        return Connection(app, firestore_async.client(app, database))
    except BaseException:
        firebase_admin.delete_app(app)
        raise


async def _credential() -> credentials.Base:
    """Google's own choice. In a thread: it reads files, and may ask the machine's metadata server."""
    credential = credentials.ApplicationDefault()
    try:
        await asyncio.to_thread(credential.get_credential)
    except (DefaultCredentialsError, GoogleAuthError, OSError, ValueError) as error:
        raise _without_credentials() from error
    return credential


def _without_credentials() -> SettingError:
    if os.environ.get(KEY_FILE):
        return SettingError(f"{KEY_FILE} names no file with credentials that Google's libraries can use")
    return SettingError(
        f"Google finds no credentials: set {KEY_FILE} to the key file of a service account, or run "
        f"gcloud auth application-default login; {EMULATOR} needs none"
    )


_SENTENCES: tuple[tuple[type[Exception], str, bool], ...] = (
    (
        exceptions.PermissionDenied,
        "this account may not use the database; it needs the role roles/datastore.user",
        False,
    ),
    (exceptions.Unauthenticated, "Google refuses the credentials", False),
    (exceptions.NotFound, "there is no such Firestore database in this project", False),
    (
        exceptions.FailedPrecondition,
        "the database is not one that this can use: is it in native mode?",
        False,
    ),
    (exceptions.ResourceExhausted, "Firestore's quota is used up, or it is asked too much at once", True),
    (exceptions.RetryError, "Firestore cannot be reached", True),
    (exceptions.GatewayTimeout, "Firestore did not answer in time", True),
    (exceptions.ServerError, "Firestore cannot be reached, or fails", True),
    (exceptions.Aborted, "too many write to this at once", True),
    (exceptions.Cancelled, "the call was broken off", True),
    (TransportError, "Google cannot be reached to check the credentials", True),
    (GoogleAuthError, "Google refuses the credentials", False),
)


def explained(error: Exception) -> AdapterError | ValueError:
    """*error*, one of FAILURES, as the caller is to see it."""
    if isinstance(error, exceptions.InvalidArgument):
        return ValueError("Firestore cannot keep this")
    for kind, sentence, retryable in _SENTENCES:
        if isinstance(error, kind):
            return refusal(sentence, retryable=retryable)
    return refusal(f"Firestore could not be used ({type(error).__name__})")
