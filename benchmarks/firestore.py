"""What an append to Firestore costs, beside the bare client doing the same two writes.

    python benchmarks/firestore.py [--rounds 3]

One session, and 64 that append at once, on Google's emulator, started for this; it keeps nothing on disk, so
only the ratio says something. The bare client sends the same commit (entry and head with all their fields, on
the head's last time) and does nothing else: no deadline, no repetition, no interview followed for an outline.
Rounds are interleaved; medians, of ratios too. Then the time to read a log of 200 entries. Exit code 1 when a
bound is broken; without an emulator it says so, and measures nothing.
"""

import argparse
import asyncio
import os
import sys
import time
from pathlib import Path
from statistics import median, quantiles

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud.firestore import AsyncClient

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.firestores import VARIABLE, emulator, new_project

from interview_fsm.adapters import _firestore_documents as documents
from interview_fsm.adapters import firestore
from interview_fsm.events import (
    Attached,
    ChooseDifficulty,
    Entry,
    Plan,
    Question,
    QuestionAsked,
    Slot,
    StartInterview,
    SubmitAnswer,
    encode,
)
from interview_fsm.interview import Interview

LENGTH = {1: 100, 64: 6}  # entries in each log
TEXT = "I led the migration of our billing to a new ledger. " * 12  # 600 bytes, about a minute of speech
AT_MOST_TIMES_BARE = 1.5
OUTLINE = documents.outline(Interview(id=""), texts=False)  # as large as any
PATIENCE = 60.0  # so that a busy machine is measured and not refused
RESUMED, RESUMES = 200, 15  # entries; times that they are read


def entry(version):
    """Of an interview that has 49 questions and is opened again and again after them."""
    number = version // 2
    if version == 1:
        happened = (Attached("ab" * 32, "host"), StartInterview(Plan(50)))
    elif version == 2:
        happened = (ChooseDifficulty("senior"),)
    elif number >= 50:
        happened = (Attached(),)
    elif version % 2:
        happened = (QuestionAsked(Question(number, "What did you do there?", Slot("ownership"))),)
    else:
        happened = (SubmitAnswer(number - 1, TEXT),)
    return Entry(version, f"cmd-{version:08}", 1.5, happened)


class Bare:
    """Google's client as one would use it for this alone."""

    def __init__(self, project):
        self._client = AsyncClient(project=project, credentials=AnonymousCredentials())
        self._seen = {}

    async def append(self, interview_id, expected_version, one):
        head = self._client.collection(documents.LOGS).document(interview_id)
        fields = {documents.VERSION: one.version, documents.UPDATED_AT: one.at, documents.EXPIRES_AT: None}
        fields |= {documents.ENTRIES_EXPIRE_AT: None, documents.OUTLINE: OUTLINE}
        batch = self._client.batch()
        if expected_version:
            seen = self._client.write_option(last_update_time=self._seen[interview_id])
            batch.update(head, fields, option=seen)
        else:
            batch.create(head, fields)
        body = {documents.APPEND_ID: one.append_id, documents.BODY: encode(one).decode()}
        body |= {documents.EXPIRES_AT: None}
        batch.create(head.collection(documents.ENTRIES).document(f"{one.version:010d}"), body)
        results = await batch.commit()
        self._seen[interview_id] = results[0].update_time

    async def aclose(self):
        await self._client._firestore_api.transport.close()


async def seconds(storage, sessions, name):
    """Of each append; and of all together."""
    spent = []

    async def session(interview_id):
        for version in range(1, LENGTH[sessions] + 1):
            one = entry(version)
            began = time.perf_counter()
            await storage.append(interview_id, version - 1, one)
            spent.append(time.perf_counter() - began)

    await asyncio.gather(*(storage.append(f"warm-{name}-{n}", 0, entry(1)) for n in range(8)))
    began = time.perf_counter()
    await asyncio.gather(*(session(f"{name}-{n}") for n in range(sessions)))
    whole = time.perf_counter() - began
    await storage.aclose()
    return whole / len(spent), spent


async def bare(project):
    return Bare(project)


async def measure(rounds):
    """By way and number of sessions: seconds an append in each round, and of every one; then of a resume."""
    project = new_project()
    ways = {
        "storage": lambda: firestore.create(project=project, patience=PATIENCE),
        "bare client": lambda: bare(project),
    }
    found = {(way, sessions): ([], []) for sessions in LENGTH for way in ways}
    for number in range(rounds + 1):
        for (way, sessions), (means, each) in found.items():
            mean, spent = await seconds(await ways[way](), sessions, f"{number}-{way}-{sessions}")
            if number:  # the first round warms up
                means.append(mean)
                each += spent
    return found, await resume(project)


async def resume(project):
    """Seconds to read a log of so many entries, each time by a storage that has not seen it."""
    storage = await firestore.create(project=project, patience=PATIENCE)
    Interview.replay(
        "resumed", map(entry, range(1, RESUMED + 1))
    )  # it is one, so the outline is measured too
    for version in range(1, RESUMED + 1):
        await storage.append("resumed", version - 1, entry(version))
    spent = []
    for _ in range(RESUMES):
        began = time.perf_counter()
        assert len(await storage.load("resumed")) == RESUMED
        spent.append(time.perf_counter() - began)
    await storage.aclose()
    return spent


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    try:
        with emulator() as host:
            os.environ[VARIABLE] = host
            found, resumed = asyncio.run(measure(rounds))
    except pytest.skip.Exception as why:
        print(why)
        return 0
    for (way, sessions), (means, each) in found.items():
        cuts = quantiles(each, n=100)
        print(
            f"{way:12} {sessions:3} session{'s' if sessions > 1 else ' '} {1 / median(means):6,.0f}/s"
            f"  p50 {cuts[49] * 1e3:7.2f} ms  p99 {cuts[98] * 1e3:7.2f} ms"
        )
    print(f"a log of {RESUMED} entries is read in {median(resumed) * 1e3:.0f} ms")
    broken = False
    for sessions in LENGTH:
        pairs = zip(found["storage", sessions][0], found["bare client", sessions][0], strict=True)
        dearer = median(ours / bare for ours, bare in pairs)
        print(f"{dearer:5.2f} times the bare client with {sessions}, at most {AT_MOST_TIMES_BARE}")
        broken |= dearer > AT_MOST_TIMES_BARE
    return int(broken)


if __name__ == "__main__":
    sys.exit(main())
