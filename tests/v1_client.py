"""A client that knows nothing of JSON v1 but the wire: what it may say and hear is /schema.json.

Every event it hears and every command it says is held to that schema, and each ``seq`` to the one before.
It shares no code with the package: what it finds out, any client can.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

import jsonschema_rs
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from .serving import PATIENCE, Running

SUBPROTOCOL = Subprotocol("interview-fsm.v1")

Event = dict[str, Any]


PROPER: dict[str, dict[str, Any]] = {
    "create_session": {},
    "resume_session": {"session": "0" * 32, "token": "t", "seq": 0},
    "get_session": {},
    "begin_upload": {"purpose": "resume", "name": "cv.pdf", "size": 4},
    "set_resume": {"text": "Ada"},
    "check_sound": {"upload": "u1"},
    "get_report": {"format": "json"},
    "erase_session": {},
    "cancel": {"task": "t"},
    "ping": {},
    "start_interview": {},
    "choose_difficulty": {"difficulty": "easy"},
    "next_question": {},
    "repeat_question": {"question": 1},
    "retry_question": {"question": 1},
    "record_answer": {"question": 1, "source": "stream"},
    "finish_answer": {},
    "discard_answer": {},
    "submit_answer": {"question": 1, "text": "I did it"},
    "correct_answer": {"question": 1, "text": "I did it"},
    "analyze": {},
    "stop_interview": {},
}
"""A proper command of each kind."""


class Schema:
    """The one document of /schema.json, and what it says about a message."""

    def __init__(self, document: Event) -> None:
        jsonschema_rs.meta.validate(document)
        self.document = document
        self._says = {half: self._validator(half) for half in ("commands", "events")}

    def _validator(self, half: str) -> Any:
        document = {key: value for key, value in self.document.items() if key != "oneOf"}
        return jsonschema_rs.Draft202012Validator(document | {"$ref": f"#/$defs/{half}"})

    def is_command(self, message: Event) -> bool:
        """Whether a client may send this."""
        return bool(self._says["commands"].is_valid(message))

    def check(self, half: str, message: Event) -> None:
        """Raise what is wrong with *message*."""
        self._says[half].validate(message)

    def names(self, half: str) -> dict[str, Event]:
        """Each message by its type."""
        found = {}
        for option in self._options(self.document["$defs"][half]):
            (name,) = _constants(option["properties"]["type"])
            found[name] = option
        return found

    def _options(self, node: Event) -> list[Event]:
        node = self.resolve(node)
        if "properties" in node:
            return [node]
        for several in ("oneOf", "anyOf"):
            if several in node:
                return [deep for option in node[several] for deep in self._options(option)]
        return [node]

    def resolve(self, node: Event) -> Event:
        """*node*, or what it refers to."""
        while "$ref" in node:
            found: Any = self.document
            for part in node["$ref"].removeprefix("#/").split("/"):
                found = found[part]
            node = found
        return node


def _constants(node: Event) -> list[str]:
    return [node["const"]] if "const" in node else list(node["enum"])


class Closed(Exception):
    """The server has closed the connection; ``code`` says why."""

    def __init__(self, code: int | None, heard: list[Event]) -> None:
        super().__init__(code, heard)
        self.code, self.heard = code, heard


class Client:
    """One connection. ``heard`` is everything that came, in order; ``seq`` the latest there was."""

    def __init__(self, socket: ClientConnection, schema: Schema) -> None:
        self.socket, self.schema = socket, schema
        self.heard: list[Event] = []
        self.sound: list[bytes] = []
        self.view: Event = {}
        """The latest of state, allowed, question, asked, questions."""
        self.session = self.token = ""
        self.seq = 0
        self.resent: set[str] = set()
        """Ids of commands that were sent, and may be acknowledged once more."""
        self._ids = 0
        self._names = schema.names("commands")

    # ------------------------------------------------------------------------------------- saying

    def command(self, kind: str, **fields: Any) -> Event:
        """A command, with an id where it has one, held to the schema."""
        message = {"type": kind, **fields}
        if "id" in self._names[kind]["properties"] and "id" not in fields:
            self._ids += 1
            message["id"] = f"c{self._ids}-{kind}"
        self.schema.check("commands", message)
        return message

    async def say(self, kind: str, **fields: Any) -> str:
        """Send a command; its id."""
        message = self.command(kind, **fields)
        await self.say_raw(message)
        return str(message.get("id", ""))

    async def say_raw(self, frame: str | bytes | Event) -> None:
        """Send this, whether it may be sent or not."""
        if isinstance(frame, dict):
            self.resent.add(str(frame.get("id", "")))
            frame = json.dumps(frame)
        await self.socket.send(frame)

    # ------------------------------------------------------------------------------------ hearing

    async def hear(self) -> Event:
        """The next event, held to the schema; Closed when there is none."""
        try:
            frame = await asyncio.wait_for(self.socket.recv(), PATIENCE)
        except ConnectionClosed:
            raise Closed(self.socket.close_code, self.heard) from None
        except TimeoutError:
            raise AssertionError(f"nothing came after {self.heard[-3:]}") from None
        if isinstance(frame, bytes):
            assert self.heard[-1]["type"] == "speech", "a binary frame follows its announcement"
            self.sound.append(frame)
            return await self.hear()
        event: Event = json.loads(frame)
        self.schema.check("events", event)
        self._note(event)
        self.heard.append(event)
        return event

    def _note(self, event: Event) -> None:
        kind = event["type"]
        if kind == "session_created":
            self.session, self.token = event["session"], event["token"]
        if kind == "update":
            if event["seq"] <= self.seq:  # a resend, acknowledged again; what it shows is long ago
                assert event.get("in_reply_to") in self.resent, event
                return
            assert event["seq"] == self.seq + 1, f"after {self.seq} comes {event['seq']}"
            self.seq = event["seq"]
        if "state" in event:
            self.view = event

    async def until(self, meets: str | Callable[[Event], object]) -> Event:
        """The first event from now on of this type, or that meets a condition. Errors are not passed over."""
        while True:
            event = await self.hear()
            if event["type"] == meets or (callable(meets) and meets(event)):
                return event
            assert event["type"] != "error", event

    async def closing(self) -> Closed:
        """What still comes, and the code the connection closes with."""
        try:
            while True:
                await self.hear()
        except Closed as closed:
            return closed

    # -------------------------------------------------------------------------------- both at once

    async def ask(self, kind: str, **fields: Any) -> Event:
        """Send a command that changes the interview; the update that acknowledges it."""
        command_id = await self.say(kind, **fields)
        return await self.until(lambda e: e["type"] == "update" and e.get("in_reply_to") == command_id)

    async def refused(self, kind: str, **fields: Any) -> Event:
        """Send a command; the error that says why not."""
        command_id = await self.say(kind, **fields)
        return await self.error(command_id)

    async def error(self, in_reply_to: str | None = None) -> Event:
        """The next error there is; for *in_reply_to*, when given."""
        event = await self.until(lambda e: e["type"] == "error")
        if in_reply_to:
            assert event.get("in_reply_to") == in_reply_to, event
        return event

    async def create(self, **fields: Any) -> Event:
        """A new session."""
        await self.say("create_session", **fields)
        return await self.until("session_created")

    async def snapshot(self) -> Event:
        """The whole interview as the server has it."""
        await self.say("get_session")
        return await self.until("snapshot")

    async def resume(self, session: str, token: str, seq: int) -> Event:
        """Go on with an interview, having seen *seq*."""
        self.session, self.token, self.seq = session, token, seq
        await self.say("resume_session", session=session, token=token, seq=seq)
        return await self.until("session_resumed")

    async def question(self) -> Event:
        """The question that is open, when it is."""
        while not self.view.get("question"):
            await self.until("update")
        return dict(self.view["question"])

    async def begin(self, **fields: Any) -> Event:
        """Create, start, choose a difficulty; the first question."""
        await self.create(**fields)
        await self.ask("start_interview")
        await self.ask("choose_difficulty", difficulty="easy")
        return await self.question()

    async def feedback(self) -> Event:
        """Ask for it; the update that has it."""
        await self.ask("analyze")
        return await self.until(lambda e: happened(e, "feedback_given"))


def happened(event: Event, *kinds: str) -> bool:
    """Whether this is an update that stored one of *kinds*."""
    return event["type"] == "update" and any(stored["type"] in kinds for stored in event["events"])


async def schema_of(running: Running) -> Schema:
    """The schema, as any client gets it."""
    status, headers, body = await running.get("/schema.json")
    assert status == 200, body
    assert "json" in headers["Content-Type"]
    return Schema(json.loads(body))


@asynccontextmanager
async def client(
    running: Running, schema: Schema | None = None, **options: Any
) -> AsyncGenerator[Client, None]:
    """A connection that speaks v1."""
    schema = schema or await schema_of(running)
    async with running.connect(subprotocols=[SUBPROTOCOL], **options) as socket:
        assert socket.subprotocol == SUBPROTOCOL
        yield Client(socket, schema)


@asynccontextmanager
async def client_to(url: str, schema: Schema, **options: Any) -> AsyncGenerator[Client, None]:
    """A connection that speaks v1, to wherever."""
    async with connect(
        url, compression=None, subprotocols=[SUBPROTOCOL], close_timeout=1, **options
    ) as socket:
        yield Client(socket, schema)


@asynccontextmanager
async def client_at(port: int, schema: Schema) -> AsyncGenerator[Client, None]:
    """A connection that speaks v1, to a server in another process."""
    async with client_to(f"ws://127.0.0.1:{port}", schema) as wire:
        yield wire
