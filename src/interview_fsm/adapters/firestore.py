"""Logs kept in Google's Firestore: for more than one server, with no database to run.

An append is one commit of two documents, the entry and the log's head, on the condition that the head is as
Firestore last said it was: of two servers that believe they have an interview one is told Conflict. Nothing
is read for it, and there is no transaction. Everything here may be repeated, an append because of its
``append_id``, so what is lost on the way is tried again until the time is up; then it is an error.

**Durable** means that Firestore has acknowledged it, on several machines.

**Erasing** first leaves a tombstone for a head, which stops every writer at once, then removes the entries.
Of an erased log stays its id, for ever, so that it is not used again.

**A head has an outline** of its interview for front ends that listen to it: the state and some counts. It is
made here, of the events that are appended, so that no other storage has to know of it; what was said stays
out of it unless it is asked for.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from google.cloud.firestore_v1.async_document import AsyncDocumentReference
from google.cloud.firestore_v1.async_query import AsyncQuery
from google.cloud.firestore_v1.base_query import FieldFilter

from ..errors import AdapterError, Conflict, Gone
from ..events import Entry, Head, encode
from . import _firestore_documents as documents
from ._firestore_client import FAILURES, REFUSED, Connection, connect, explained, patience_options, refusal
from ._firestore_documents import Standing

_T = TypeVar("_T")

PATIENCE = 8.0
"""Seconds for a call, with all its repetitions; a session gives up after 10."""
_LET_GO = 1.0
"""Seconds that calls under way may take to end when the storage is closed."""
_REMEMBERED = 4_096
"""Logs that are known without reading: about 10 kB each. An append to another one reads its log first."""
_PAGE = 500
"""Documents read or deleted at once."""
_NAME = "__name__"


class FirestoreStorage:
    """A Storage in Firestore. Made by ``create()``; used on the event loop it was made on.

    Holds one connection, and what it remembers of the logs it appends to, until ``aclose()``.
    """

    def __init__(self, connection: Connection, *, read_only: bool, texts: bool, patience: float) -> None:
        self.read_only = read_only
        self.place = f"by firestore, {connection.place}"
        """Where interviews are, in words."""
        self.data = "" if connection.is_emulated else "What is kept goes to Google's Firestore."
        """What candidates are told of that; the emulator keeps it to itself."""
        self._connection = connection
        self._client = connection.client
        self._logs = connection.client.collection(documents.LOGS)
        self._texts = texts
        self._patience = patience
        self._options = patience_options(patience)
        self._standing: OrderedDict[str, Standing] = OrderedDict()
        self._calls: set[asyncio.Task[Any]] = set()
        self._closing: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Ask for something. Raises AdapterError with a sentence that says what is wrong."""
        await self._ask(lambda: self._found(self._listed().limit(1)))

    # ------------------------------------------------------------------------------ append and load

    async def append(
        self,
        interview_id: str,
        expected_version: int,
        entry: Entry,
        *,
        owner: str | None = None,
        expires_at: float | None = None,
    ) -> None:
        """See Storage.append(). Durable in Firestore when it returns."""
        body = encode(entry).decode()
        if entry.version != expected_version + 1:
            raise ValueError(f"version {entry.version} cannot follow version {expected_version}")
        if not documents.fits(interview_id):
            raise ValueError("Firestore has no document with such a name")
        if owner is not None:
            owner.encode()  # ValueError for what is no Unicode
        expiry = None if expires_at is None else documents.moment(expires_at)
        self._must_write()
        await self._ask(lambda: self._append(interview_id, entry, body, owner, expiry))

    async def _append(
        self, interview_id: str, entry: Entry, body: str, owner: str | None, expires_at: datetime | None
    ) -> None:
        standing = await self._standing_at(interview_id, entry.version - 1)
        if standing is not None:
            later = standing.following(entry, expires_at)
            head = documents.head_fields(
                later, entry.at, owner=owner, expires_at=expires_at, texts=self._texts
            )
            try:
                seen = await self._commit(interview_id, standing, later, entry, body, head)
            except REFUSED:
                pass  # others were there, or we were, and did not hear of it
            else:
                self._remember(
                    interview_id, Standing(later.version, seen, later.entries_expire_at, later.interview)
                )
                return
        await self._check_is_there(interview_id, entry)

    async def _commit(
        self,
        interview_id: str,
        before: Standing,
        after: Standing,
        entry: Entry,
        body: str,
        head: dict[str, Any],
    ) -> Any:
        """Write head and entry, or neither; when Firestore did. Raises one of REFUSED."""
        batch = self._client.batch()
        if before.version:
            as_seen = self._client.write_option(last_update_time=before.seen)
            batch.update(self._head(interview_id), head, option=as_seen)
        else:
            kind = documents.kind(interview_id)
            batch.create(self._head(interview_id), {documents.OWNER: None, **head, documents.KIND: kind})
        expiry = {documents.EXPIRES_AT: after.entries_expire_at}
        fields = {documents.APPEND_ID: entry.append_id, documents.BODY: body, **expiry}
        batch.create(self._entry(interview_id, entry.version), fields)
        if after.entries_expire_at != before.entries_expire_at:
            for version in range(1, entry.version):
                batch.update(self._entry(interview_id, version), expiry)
        results = await batch.commit(**self._options)
        return results[0].update_time

    async def _check_is_there(self, interview_id: str, entry: Entry) -> None:
        """An append that was refused may have been done before. Raises Conflict, Gone."""
        kept = await self._entry(interview_id, entry.version).get(**self._options)
        if kept.exists and kept.get(documents.APPEND_ID) == entry.append_id:
            return
        head = await self._head(interview_id).get(**self._options)
        raise (Conflict if documents.live(head.to_dict()) else Gone)(interview_id)

    async def load(self, interview_id: str, after: int = 0) -> list[Entry]:
        """See Storage.load()."""
        if not documents.fits(interview_id):
            raise Gone(interview_id)
        return await self._ask(lambda: self._load(interview_id, after))

    async def _load(self, interview_id: str, after: int) -> list[Entry]:
        """The head is read last: while it lives, nothing of what was read before had been erased."""
        entries = await self._entries(interview_id, after)
        head = await self._head(interview_id).get(**self._options)
        fields = documents.live(head.to_dict())
        if fields is None or not (entries or after):
            raise Gone(interview_id)
        if not after and len(entries) == fields[documents.VERSION]:
            interview = documents.following(documents.begun(interview_id).interview, entries)
            expiry = fields[documents.ENTRIES_EXPIRE_AT]
            self._remember(interview_id, Standing(len(entries), head.update_time, expiry, interview))
        return entries

    async def _entries(self, interview_id: str, after: int) -> list[Entry]:
        query = self._after(self._head(interview_id).collection(documents.ENTRIES), after)
        found = await self._found(query)
        return documents.entries_of(
            interview_id, after, [(each.id, each.get(documents.BODY)) for each in found]
        )

    # --------------------------------------------------------------------------- what is remembered

    async def _standing_at(self, interview_id: str, version: int) -> Standing | None:
        """The log where it has this version, remembered or read; None where it is elsewhere, or gone."""
        if not version:
            return documents.begun(interview_id)
        known = self._standing.pop(interview_id, None)  # known no more: the append may be cancelled
        if known is None or known.version != version:
            try:
                await self._load(interview_id, 0)
            except Gone:
                return None
            known = self._standing.pop(interview_id, None)
        return known if known is not None and known.version == version else None

    def _remember(self, interview_id: str, standing: Standing) -> None:
        if documents.is_over(standing):
            return
        self._standing[interview_id] = standing
        if len(self._standing) > _REMEMBERED:
            self._standing.popitem(last=False)

    # ------------------------------------------------------------------------------------- listing

    async def interviews(
        self, *, owner: str | None = None, expired_before: float | None = None
    ) -> AsyncIterator[Head]:
        """See Storage.interviews(). Read a page at a time: what is appended meanwhile may be in it or not.

        What has expired is sorted here, and held meanwhile: Firestore has it by time.
        """
        if expired_before is not None:
            for head in await self._expired(owner, expired_before):
                yield head
            return
        query = self._listed()
        if owner is not None:
            query = query.where(filter=FieldFilter(documents.OWNER, "==", owner))
        async for head in self._pages(query.order_by(_NAME)):
            yield head

    async def _expired(self, owner: str | None, before: float) -> list[Head]:
        expired = FieldFilter(documents.EXPIRES_AT, "<", documents.moment_before(before))
        query = self._logs.where(filter=expired).order_by(documents.EXPIRES_AT).order_by(_NAME)
        heads = [head async for head in self._pages(query) if owner is None or head.owner == owner]
        return sorted(heads, key=lambda head: head.interview_id)

    async def _pages(self, query: AsyncQuery) -> AsyncIterator[Head]:
        query = query.limit(_PAGE)
        page = query
        while found := await self._ask(partial(self._found, page)):
            for each in found:
                yield documents.head_of(each.id, each.to_dict())
            page = query.start_after(found[-1])

    # ------------------------------------------------------------------------------------- erasing

    async def erase(self, interview_id: str) -> bool:
        """See Storage.erase(). Cut short, it may leave entries that nobody can read; again removes them."""
        self._must_write()
        return documents.fits(interview_id) and await self._ask(lambda: self._erase(interview_id))

    async def _erase(self, interview_id: str) -> bool:
        self._standing.pop(interview_id, None)
        head = self._head(interview_id)
        was_live = documents.live((await head.get(**self._options)).to_dict()) is not None
        if was_live:
            # Whatever is being appended: a condition might never hold under a busy writer.
            tombstone = {documents.VERSION: 0, documents.ERASED_AT: documents.moment(time.time())}
            await head.set(tombstone, **self._options)
        removed = 0
        names = head.collection(documents.ENTRIES).select([]).limit(_PAGE)
        while left := await self._found(names):
            batch = self._client.batch()
            for each in left:
                batch.delete(each.reference)
            await batch.commit(**self._options)
            removed += len(left)
        return was_live or removed > 0

    # ------------------------------------------------------------------------------------- closing

    async def aclose(self) -> None:
        """Close the connection; what runs may end, a second at the most."""
        if self._closing is None:
            self._closing = asyncio.ensure_future(self._close())
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        if self._calls:
            await asyncio.wait(self._calls, timeout=_LET_GO)
        for call in self._calls:
            call.cancel()
        await self._connection.aclose()

    # ------------------------------------------------------------------------------------- asking

    def _head(self, interview_id: str) -> AsyncDocumentReference:
        head: AsyncDocumentReference = self._logs.document(interview_id)
        return head

    def _entry(self, interview_id: str, version: int) -> AsyncDocumentReference:
        entries = self._head(interview_id).collection(documents.ENTRIES)
        entry: AsyncDocumentReference = entries.document(documents.entry_name(version))
        return entry

    def _listed(self) -> AsyncQuery:
        return self._logs.where(filter=FieldFilter(documents.KIND, "==", documents.INTERVIEW))

    def _after(self, entries: Any, version: int) -> AsyncQuery:
        query: AsyncQuery = entries.order_by(_NAME)
        return query.start_after({_NAME: entries.document(documents.entry_name(version))})

    async def _found(self, query: AsyncQuery) -> list[Any]:
        return [each async for each in query.stream(**self._options)]

    def _must_write(self) -> None:
        if self.read_only:
            raise AdapterError("firestore", "storage_read_only", "the database was opened for reading only")

    async def _ask(self, work: Callable[[], Awaitable[_T]]) -> _T:
        """What *work* returns, in time, however Google's client waits."""
        if self._closing is not None:
            raise refusal("the storage has been closed")
        call = asyncio.ensure_future(self._in_time(work))
        self._calls.add(call)
        call.add_done_callback(self._calls.discard)
        try:
            return await call
        except asyncio.CancelledError:
            if call.cancelled() and self._closing is not None:
                raise refusal("the storage has been closed", retryable=True) from None
            call.cancel()
            raise

    async def _in_time(self, work: Callable[[], Awaitable[_T]]) -> _T:
        try:
            async with asyncio.timeout(self._patience):
                return await work()
        except TimeoutError as error:
            raise refusal("Firestore did not answer in time", retryable=True) from error
        except FAILURES as error:
            raise explained(error) from error


async def create(
    *,
    project: str | None = None,
    database: str | None = None,
    texts: bool = False,
    read_only: bool = False,
    patience: float = PATIENCE,
) -> FirestoreStorage:
    """The storage in a Firestore database in native mode, by default the project's ``(default)`` one.

    *project* is by default the one of the credentials or ``GOOGLE_CLOUD_PROJECT``. Credentials come by
    Google's own ways (``GOOGLE_APPLICATION_CREDENTIALS``, the machine's account, ``gcloud auth
    application-default login``); the emulator that ``FIRESTORE_EMULATOR_HOST`` names needs none. With *texts*
    the question, the answer and the summary, as they are now, are in the head for whoever may read it.
    *patience* is how many seconds a call may take. With *read_only* appending and erasing are refused
    (``storage_read_only``).

    Raises SettingError where there are no credentials or no project; AdapterError ``storage_unavailable``.
    """
    storage = FirestoreStorage(
        await connect(project, database), read_only=read_only, texts=texts, patience=patience
    )
    try:
        await storage.open()
    except BaseException:
        await storage.aclose()
        raise
    return storage
