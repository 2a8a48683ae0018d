"""Firestores for tests: Google's emulator, and a server of ours that speaks its protocol and loses things."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.cloud.firestore_v1.order import Order
from google.cloud.firestore_v1.types import document, firestore
from google.protobuf.timestamp_pb2 import Timestamp
from grpc.experimental import aio

ROOT = Path(__file__).resolve().parents[1]
RULES = ROOT / "deploy" / "firestore" / "firestore.rules"
VARIABLE = "FIRESTORE_EMULATOR_HOST"


def new_project() -> str:
    """A name that no other test has, so that nobody's documents are met."""
    return f"demo-{secrets.token_hex(6)}"


_THREADS = 2


@contextlib.contextmanager
def one_loop() -> Generator[asyncio.Runner]:
    """An event loop for all tests of a session: gRPC's own thread belongs to the first it meets."""
    with asyncio.Runner() as runner:
        runner.run(_begun())
        yield runner
        runner.run(_ended())


async def _begun() -> None:
    aio.init_grpc_aio()
    # All threads that this loop will ever have, so that none is taken for some test's.
    asyncio.get_running_loop().set_default_executor(futures.ThreadPoolExecutor(_THREADS))
    all_there = threading.Barrier(_THREADS)
    await asyncio.gather(*(asyncio.to_thread(all_there.wait) for _ in range(_THREADS)))


async def _ended() -> None:
    aio.shutdown_grpc_aio()


# ------------------------------------------------------------------------------ Google's emulator

_JAR = "platform/cloud-firestore-emulator/cloud-firestore-emulator.jar"
_MAIN = "com.google.cloud.datastore.emulator.firestore.CloudFirestore"


def _missing(what: str) -> None:
    why = f"Google's Firestore emulator cannot be run: {what}; or set {VARIABLE} to one that runs"
    if os.environ.get("CI"):
        pytest.fail(why)
    pytest.skip(why)


def _jar() -> Path:
    if shutil.which("java") is None:
        _missing("java is not installed (Debian: apt install default-jre-headless)")
    gcloud = shutil.which("gcloud")
    roots = [Path("/usr/lib/google-cloud-sdk"), Path("/usr/share/google-cloud-sdk")]
    if gcloud is not None:
        roots.insert(0, Path(gcloud).resolve().parents[1])
    found = [root / _JAR for root in roots if (root / _JAR).exists()]
    if not found:
        _missing(
            f"{_JAR} is not in Google's SDK (gcloud components install cloud-firestore-emulator, or the "
            "package google-cloud-cli-firestore-emulator)"
        )
    return found[0]


@contextlib.contextmanager
def emulator() -> Generator[str]:
    """The address of an emulator with our rules, gone afterwards; or of the one that is named.

    Skips where there is none, and fails in CI.
    """
    if named := os.environ.get(VARIABLE):
        yield named
        return
    jar, folder = _jar(), Path(tempfile.mkdtemp(prefix="fsm-fs-"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{free.getsockname()[1]}"
    command = ["java", "-Xmx512m", "-Duser.language=en", "-cp", str(jar), _MAIN, "start"]
    command += ["--host=127.0.0.1", f"--port={host.rpartition(':')[2]}", f"--rules={RULES}"]
    with open(folder / "log", "w") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, start_new_session=True)
    try:
        _wait_for(host, process, folder / "log")
        yield host
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        shutil.rmtree(folder)


def _wait_for(host: str, process: subprocess.Popen[bytes], log: Path) -> None:
    give_up = time.monotonic() + 100
    while time.monotonic() < give_up and process.poll() is None:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"http://{host}/", timeout=5) as said:
            if said.status == 200:
                return
        time.sleep(0.05)
    raise AssertionError(f"the emulator did not start: {log.read_text()}")


# ---------------------------------------------------------------------------- a server of our own

Code = grpc.StatusCode
_LESS, _EQUAL, _DESCENDING = 1, 5, 2
_MOST = 1_048_576
"""Bytes of a document, as Firestore counts them nearly enough."""


def _plain(message: Any) -> Any:
    """The protobuf class below one of Google's wrappers."""
    return type(message.pb(message()))


Document, Value = _plain(document.Document), _plain(document.Value)
CommitResponse, Got, Found = (
    _plain(firestore.CommitResponse),
    _plain(firestore.BatchGetDocumentsResponse),
    _plain(firestore.RunQueryResponse),
)


class Refused(Exception):
    def __init__(self, code: Any, text: str) -> None:
        super().__init__(text)
        self.code = code


class Kept:
    """A document, when it was made, and when it was last written (microseconds)."""

    def __init__(self, fields: Any, made: int, written: int) -> None:
        self.fields, self.made, self.written = fields, made, written


def _stamp(micros: int) -> Any:
    return Timestamp(seconds=micros // 1_000_000, nanos=micros % 1_000_000 * 1_000)


def _micros(stamp: Any) -> int:
    return int(stamp.seconds) * 1_000_000 + stamp.nanos // 1_000


class Firestore:
    """The calls that the storage makes, over real gRPC; any other is refused as unimplemented.

    ``fault(call, request)`` says what befalls it: ``request`` or ``reply`` is lost, ``hang`` waits for
    ``go``, None lets it pass.
    """

    def __init__(self) -> None:
        self.documents: dict[str, Kept] = {}
        self.calls: Counter[str] = Counter()
        self.fault: Callable[[str, Any], str | None] = lambda call, request: None
        self.loss = Code.UNAVAILABLE
        """What the client hears where something is lost."""
        self.go = threading.Event()
        self.waiting = threading.Semaphore(0)
        """Released by each call that begins to hang."""
        self._lock = threading.Lock()
        self._clock = 0

    @contextlib.contextmanager
    def running(self) -> Generator[str]:
        """Its address."""
        pool = futures.ThreadPoolExecutor(16)
        server = grpc.server(pool)
        calls = {
            "Commit": self._unary("Commit", self._commit, firestore.CommitRequest),
            "BatchGetDocuments": self._many(
                "BatchGetDocuments", self._get, firestore.BatchGetDocumentsRequest
            ),
            "RunQuery": self._many("RunQuery", self._query, firestore.RunQueryRequest),
        }
        name = "google.firestore.v1.Firestore"
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(name, calls),))
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        try:
            yield f"127.0.0.1:{port}"
        finally:
            self.go.set()
            server.stop(0).wait()
            pool.shutdown()

    # -------------------------------------------------------------------------------------- wiring

    def _unary(self, name: str, work: Callable[[Any], Any], request: Any) -> Any:
        def serve(asked: Any, context: Any) -> Any:
            fault = self._begin(name, asked, context)
            try:
                answer = work(asked)
            except Refused as error:
                context.abort(error.code, str(error))
            if fault == "reply":
                context.abort(self.loss, "the reply is lost")
            return answer

        return grpc.unary_unary_rpc_method_handler(
            serve, _plain(request).FromString, lambda answer: answer.SerializeToString()
        )

    def _many(self, name: str, work: Callable[[Any], Iterator[Any]], request: Any) -> Any:
        def serve(asked: Any, context: Any) -> Iterator[Any]:
            if self._begin(name, asked, context) == "reply":
                context.abort(self.loss, "the reply is lost")
            try:
                yield from work(asked)
            except Refused as error:
                context.abort(error.code, str(error))

        return grpc.unary_stream_rpc_method_handler(
            serve, _plain(request).FromString, lambda answer: answer.SerializeToString()
        )

    def _begin(self, name: str, asked: Any, context: Any) -> str | None:
        self.calls[name] += 1
        fault = self.fault(name, asked)
        if fault == "request":
            context.abort(self.loss, "the request is lost")
        if fault == "hang":
            self.waiting.release()
            self.go.wait()
        return fault

    # ------------------------------------------------------------------------------------- writing

    def _tick(self) -> int:
        self._clock = max(self._clock + 1, time.time_ns() // 1_000)
        return self._clock

    def _commit(self, asked: Any) -> Any:
        """All of its writes, or none."""
        if asked.transaction:
            raise Refused(Code.UNIMPLEMENTED, "transactions")
        with self._lock:
            now, response = self._tick(), CommitResponse()
            later = dict(self.documents)
            for write in asked.writes:
                self._write(later, write, now)
                response.write_results.add().update_time.CopyFrom(_stamp(now))
            self.documents = later
            response.commit_time.CopyFrom(_stamp(now))
            return response

    def _write(self, later: dict[str, Kept], write: Any, now: int) -> None:
        operation = write.WhichOneof("operation")
        if operation not in ("update", "delete") or write.update_transforms:
            raise Refused(Code.UNIMPLEMENTED, str(operation))
        name = write.delete if operation == "delete" else write.update.name
        _check_condition(write.current_document, name, later.get(name))
        if operation == "delete":
            later.pop(name, None)
            return
        old = later.get(name)
        fields = Document()
        if write.HasField("update_mask"):
            if old:
                fields.CopyFrom(old.fields)
            for path in write.update_mask.field_paths:
                fields.fields.pop(path, None)
                if path in write.update.fields:
                    fields.fields[path].CopyFrom(write.update.fields[path])
        else:
            fields.CopyFrom(write.update)
        if fields.ByteSize() > _MOST:
            raise Refused(Code.INVALID_ARGUMENT, "a document over 1 MiB")
        later[name] = Kept(fields, old.made if old else now, now)

    # ------------------------------------------------------------------------------------- reading

    def _shown(self, name: str, only: set[str] | None = None) -> Any:
        kept = self.documents[name]
        shown = Document(name=name, create_time=_stamp(kept.made), update_time=_stamp(kept.written))
        for field, value in kept.fields.fields.items():
            if only is None or field in only:
                shown.fields[field].CopyFrom(value)
        return shown

    def _get(self, asked: Any) -> Iterator[Any]:
        with self._lock:
            now = _stamp(self._tick())
            answers = [
                Got(found=self._shown(name), read_time=now)
                if name in self.documents
                else Got(missing=name, read_time=now)
                for name in asked.documents
            ]
        yield from answers

    def _query(self, asked: Any) -> Iterator[Any]:
        query = asked.structured_query
        (collection,) = query.from_
        if collection.all_descendants or query.offset or query.HasField("end_at"):
            raise Refused(Code.UNIMPLEMENTED, "query")
        base = f"{asked.parent}/{collection.collection_id}/"
        order = [each.field.field_path for each in query.order_by] or ["__name__"]
        if any(each.direction == _DESCENDING for each in query.order_by):
            raise Refused(Code.UNIMPLEMENTED, "descending")
        only = {each.field_path for each in query.select.fields} if query.HasField("select") else None
        with self._lock:
            names = [n for n in self.documents if n.startswith(base) and "/" not in n[len(base) :]]
            names = [name for name in names if self._passes(name, query.where)]
            names = [name for name in names if all(self._value(name, path) is not None for path in order)]
            names = self._sorted(names, order)
            if query.HasField("start_at"):
                names = [name for name in names if self._is_beyond(name, order, query.start_at)]
            if query.HasField("limit"):
                names = names[: query.limit.value]
            answers = [Found(document=self._shown(name, only)) for name in names]
            now = _stamp(self._tick())
        for answer in answers or [Found()]:
            answer.read_time.CopyFrom(now)
            yield answer

    def _value(self, name: str, path: str) -> Any:
        if path == "__name__":
            return Value(reference_value=name)
        fields = self.documents[name].fields.fields
        return fields[path] if path in fields else None  # noqa: SIM401 - a protobuf map: get() makes no message

    def _passes(self, name: str, where: Any) -> bool:
        kind = where.WhichOneof("filter_type")
        if kind is None:
            return True
        if kind == "composite_filter":
            return all(self._passes(name, each) for each in where.composite_filter.filters)
        if kind != "field_filter" or where.field_filter.op not in (_LESS, _EQUAL):
            raise Refused(Code.UNIMPLEMENTED, "filter")
        asked = where.field_filter
        value = self._value(name, asked.field.field_path)
        if value is None or value.WhichOneof("value_type") != asked.value.WhichOneof("value_type"):
            return False
        compared = _compared(value, asked.value)
        return compared < 0 if asked.op == _LESS else compared == 0

    def _sorted(self, names: list[str], order: list[str]) -> list[str]:
        from functools import cmp_to_key

        def compare(left: str, right: str) -> int:
            pairs = ((self._value(left, path), self._value(right, path)) for path in order)
            return next((c for one, other in pairs if (c := _compared(one, other))), 0)

        return sorted(names, key=cmp_to_key(compare))

    def _is_beyond(self, name: str, order: list[str], cursor: Any) -> bool:
        for path, value in zip(order, cursor.values, strict=False):
            if compared := _compared(self._value(name, path), value):
                return compared > 0
        return bool(cursor.before)


def _compared(one: Any, other: Any) -> int:
    return int(Order.compare(document.Value.wrap(one), document.Value.wrap(other)))


def _check_condition(condition: Any, name: str, old: Kept | None) -> None:
    kind = condition.WhichOneof("condition_type")
    if kind == "exists" and condition.exists and old is None:
        raise Refused(Code.NOT_FOUND, name)
    if kind == "exists" and not condition.exists and old is not None:
        raise Refused(Code.ALREADY_EXISTS, name)
    if kind == "update_time" and old is None:
        raise Refused(Code.NOT_FOUND, name)
    if kind == "update_time" and old is not None and old.written != _micros(condition.update_time):
        raise Refused(Code.FAILED_PRECONDITION, name)
