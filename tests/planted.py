"""Planted bugs: mistakes that a storage or an engine could have, each of which the tests must notice.

    python -m tests.planted                 plants each of them
    python -m tests.planted "no claim"      those whose name begins so

Each is one edit of a copy of the package in a folder of its own, put to the few tests that are about it. It
is noticed when one of them fails; an edit that no longer applies is an error, as is a test that does not run.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import interview_fsm

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = Path(interview_fsm.__file__).parent


class Bug(NamedTuple):
    """*right* in *module* becomes *wrong*; *tests* must notice."""

    name: str
    module: str
    right: str
    wrong: str
    tests: tuple[str, ...]


def contract(storage: str, case: str) -> tuple[str, ...]:
    return (f"tests/test_storage_contract.py::test_{storage}[{case}]",)


SIMULATION = ("tests/test_simulation.py",)
ANY_MOMENT = ("tests/test_engine_any_moment.py",)
FAULTS = ("tests/test_engine_faults.py",)
WEATHER = ("tests/test_simulation.py::test_any_weather_and_a_client_that_moves_about",)
POWER = ("tests/test_sqlite_power.py::test_no_acknowledged_append_is_lost_with_the_power",)

AT_ANOTHER_VERSION = "an_append_at_another_version_is_a_conflict"
REPEATED = "a_repeated_append_is_a_success_and_writes_nothing"
ONE_AND_NO_OTHER = "erasing_removes_one_log_and_no_other"
GONE_FOR_GOOD = "an_erased_id_is_gone_for_good"

STORAGES = (
    Bug(
        "sqlite: no version in the update", "adapters/_sqlite_tables.py",
        '" WHERE interview_id = ? AND version = ?"', '" WHERE interview_id = ? AND ? IS NOT NULL"',
        contract("sqlite", AT_ANOTHER_VERSION),
    ),
    Bug(
        "sqlite: a repeat is not recognised", "adapters/_sqlite_tables.py",
        ".fetchone() != (append_id,):", ".fetchone() is not append_id:",
        contract("sqlite", REPEATED),
    ),
    Bug(
        "sqlite: erasing takes everyone", "adapters/_sqlite_tables.py",
        '"DELETE FROM log WHERE interview_id = ?"', '"DELETE FROM log WHERE interview_id = ? OR 1"',
        contract("sqlite", ONE_AND_NO_OTHER),
    ),
    Bug(
        "sqlite: an append revives what was erased", "adapters/_sqlite_tables.py",
        "NOT EXISTS (SELECT 1 FROM erased WHERE mark = ?)", "? IS NOT NULL",
        contract("sqlite", GONE_FOR_GOOD),
    ),
    Bug(
        "sqlite: foreign keys are off", "adapters/_sqlite_tables.py",
        '"PRAGMA foreign_keys=ON"', '"PRAGMA foreign_keys=OFF"',
        ("tests/test_sqlite_files.py::test_what_is_erased_is_in_no_file",),
    ),
    Bug(
        "sqlite: erased text is left in free pages", "adapters/_sqlite_tables.py",
        '"PRAGMA secure_delete=ON"', '"PRAGMA secure_delete=OFF"',
        ("tests/test_sqlite_files.py::test_what_is_erased_is_in_no_file",),
    ),
    Bug(
        "sqlite: flushed now and then", "adapters/_sqlite_tables.py",
        '"PRAGMA synchronous=FULL"', '"PRAGMA synchronous=NORMAL"', POWER,
    ),
    Bug(
        "sqlite: acknowledged before it is committed", "adapters/_sqlite_tables.py",
        'self._cursor.execute("COMMIT")\n        except', "pass\n        except",
        ("tests/test_storage_contract.py", "-k", "sqlite and reopening"),
    ),
    Bug(
        "sqlite: told before the disk knows", "adapters/sqlite.py",
        "self._report(self._deliver, requests, tables.settle(requests))",
        "self._report(self._deliver, requests, [None] * len(requests)); tables.settle(requests)",
        contract("sqlite", AT_ANOTHER_VERSION),
    ),
    Bug(
        "postgres: no version in the update", "adapters/_postgres_tables.py",
        "AND version = %(version)s - 1 AND erasure", "AND erasure",
        contract("postgres", AT_ANOTHER_VERSION),
    ),
    Bug(
        "postgres: a repeat is not recognised", "adapters/_postgres_tables.py",
        'found[1] != row["append_id"]', 'found[1] != ""',
        contract("postgres", REPEATED),
    ),
    Bug(
        "postgres: erasing takes everyone", "adapters/_postgres_tables.py",
        '" WHERE interview_id = %s AND erasure IS NULL"', '" WHERE %s <> \'\' AND erasure IS NULL"',
        contract("postgres", ONE_AND_NO_OTHER),
    ),
    Bug(
        "postgres: an append revives what was erased", "adapters/_postgres_tables.py",
        '" ON CONFLICT DO NOTHING RETURNING',
        '" ON CONFLICT (interview_id) DO UPDATE SET version = 1, erasure = NULL'
        ' WHERE interview_log.erasure IS NOT NULL RETURNING',
        contract("postgres", GONE_FOR_GOOD),
    ),
    Bug(
        "postgres: entries outlive their log", "adapters/_postgres_tables.py",
        "            await connection.execute(_ERASE_ENTRIES, (log,))\n", "",
        ("tests/test_postgres.py::test_of_an_erased_interview_stays_its_id_alone",),
    ),
    Bug(
        "postgres: durable only if the database likes", "adapters/_postgres_tables.py",
        "set_config('synchronous_commit', 'on', false)", "set_config('synchronous_commit', 'off', false)",
        ("tests/test_postgres.py::test_every_append_is_durable_whatever_the_database_prefers",),
    ),
    Bug(
        "firestore: the head is not compared", "adapters/firestore.py",
        "batch.update(self._head(interview_id), head, option=as_seen)",
        "batch.update(self._head(interview_id), head)",
        ("tests/test_firestore.py::test_a_stale_node_does_not_write_into_a_log_that_was_erased",),
    ),
    Bug(
        "firestore: its own write is not recognised", "adapters/firestore.py",
        "kept.get(documents.APPEND_ID) == entry.append_id", 'kept.get(documents.APPEND_ID) == ""',
        ("tests/test_firestore.py::test_what_was_lost_on_the_way_is_done_once",),
    ),
    Bug(
        "firestore: erasing leaves no tombstone", "adapters/firestore.py",
        "await head.set(tombstone, **self._options)", "await head.delete(**self._options)",
        contract("firestore", GONE_FOR_GOOD),
    ),
    Bug(
        "firestore: erasing leaves the entries", "adapters/firestore.py",
        "                batch.delete(each.reference)\n            await batch.commit(**self._options)\n",
        "                pass\n            return was_live\n",
        ("tests/test_firestore.py::test_of_an_erased_interview_stays_its_id_alone",),
    ),
    Bug(
        "firestore: entries expire one by one", "adapters/_firestore_documents.py",
        "if kept is not None and head + SLACK <= kept <= head + 2 * SLACK:", "if kept is not None:",
        ("tests/test_firestore.py::test_all_entries_of_a_log_expire_after_its_head_and_together",),
    ),
    Bug(
        "firestore: a path for an id", "adapters/_firestore_documents.py",
        'and "/" not in interview_id and', "and",
        ("tests/test_firestore.py::test_an_id_that_leads_elsewhere_leads_nowhere",),
    ),
    Bug(
        "memory: any version will do", "adapters/memory.py",
        "elif len(log.lines) != expected_version:", "elif False:",
        contract("memory", AT_ANOTHER_VERSION),
    ),
    Bug(
        "memory: forgets which append was which", "adapters/memory.py",
        ".append_id != entry.append_id", ".append_id",
        contract("memory", REPEATED),
    ),
    Bug(
        "memory: erased ids begin again", "adapters/memory.py",
        "if expected_version or hash(interview_id) in self._is_erased:", "if expected_version:",
        contract("memory", GONE_FOR_GOOD),
    ),
)  # fmt: skip

ENGINE = (
    Bug(
        "a resent command is run again", "session.py",
        "if mail.command_id is None or mail.command_id not in self._seen:", "if True:", FAULTS,
    ),
    Bug(
        "what was seen is not read from the log", "engine.py",
        'seen = {e.append_id: e.version for e in entries if not e.append_id.startswith("~")}', "seen = {}",
        FAULTS,
    ),
    Bug(
        "a command gets another id each time", "session.py",
        'append_id = command_id or f"~{self._nonce}.{version}"', 'append_id = f"~{self._nonce}.{version}"',
        SIMULATION,
    ),
    Bug(
        "acknowledged before it is stored", "session.py",
        "                await self._accept(mail.event, mail.command_id)\n",
        "                reply.set_result(self.interview)\n"
        "                await self._accept(mail.event, mail.command_id)\n",
        SIMULATION,
    ),
    Bug(
        "moves before it is stored", "session.py",
        "        entry = await self._house.append(self.interview.id, version, append_id, events, later)\n"
        "        later.version = version\n        self.interview = later\n",
        "        self.interview = later\n"
        "        entry = await self._house.append(self.interview.id, version, append_id, events, later)\n"
        "        later.version = version\n",
        FAULTS,
    ),
    Bug(
        "no claim when an interview is opened", "engine.py",
        "        if interview.state is State.STOPPED:\n"
        "            await self._house.append_again(interview.id, latest)\n            return interview\n"
        "        events",
        "        if True:\n            return interview\n        events",
        ANY_MOMENT,
    ),
    Bug(
        "a stop that can be read is taken for durable", "engine.py",
        "            await self._house.append_again(interview.id, latest)\n", "", ("tests/test_engine.py",),
    ),
    Bug(
        "an interview is there before its résumé", "session.py",
        "            await self._house.keep(self.interview.id, self.material)\n"
        "        await self._store((attached,), later, None)\n",
        "            await self._store((attached,), later, None)\n"
        "            await self._house.keep(self.interview.id, self.material)\n"
        "        else:\n            await self._store((attached,), later, None)\n",
        (*SIMULATION, *FAULTS),
    ),
    Bug(
        "a résumé is swept before its interview is there", "retention.py",
        "resume.updated_at + BEGINNING < now", "True", (*WEATHER, "tests/test_retention.py"),
    ),
    Bug(
        "who has lost an interview overwrites its résumé", "house.py",
        "        kept = len(await self._kept(interview.id))\n        await self._check_latest(interview)\n",
        "        kept = len(await self._kept(interview.id))\n", ("tests/test_brought.py",),
    ),
    Bug(
        "an erased interview's résumé is kept by who did not know", "house.py",
        "            await self.drop_resume(interview.id)\n            raise\n", "            raise\n",
        ("tests/test_brought.py",),
    ),
    Bug(
        "the résumé is read before the interview is claimed", "engine.py",
        "            try:\n                interview = await self._claim(interview, entries[-1])\n"
        "            except Conflict:\n                continue\n"
        "            material = await self._house.material(interview)",
        "            material = await self._house.material(interview)\n"
        "            try:\n                interview = await self._claim(interview, entries[-1])\n"
        "            except Conflict:\n                continue\n", ("tests/test_brought.py",),
    ),
    Bug(
        "a recording is not given up by who takes over", "engine.py",
        "if interview.state is State.RECORDING:", "if interview.state is State.STOPPED:", ANY_MOMENT,
    ),
    Bug(
        "on a conflict it reads again and writes anyway", "house.py",
        '            outcome = "ok"\n        except Exception as error:\n',
        '            outcome = "ok"\n        except Conflict:\n'
        "            version = len(await self.ports.storage.load(interview_id)) + 1\n"
        "            return await self.append(interview_id, version, append_id, events, later)\n"
        "        except Exception as error:\n",
        (*WEATHER, *ANY_MOMENT),
    ),
    Bug(
        "on a conflict it goes on as if stored", "house.py",
        '            outcome = "ok"\n        except Exception as error:\n',
        '            outcome = "ok"\n        except Conflict:\n            pass\n'
        "        except Exception as error:\n",
        (*SIMULATION, *WEATHER),
    ),
    Bug(
        "an unknown outcome is taken for stored", "house.py",
        '            outcome = "ok"\n        except Exception as error:\n',
        '            outcome = "ok"\n        except AdapterError:\n            pass\n'
        "        except Exception as error:\n",
        SIMULATION,
    ),
    Bug(
        "a storage that hangs is waited for without end", "house.py",
        "async with asyncio.timeout(self.limits.append):", "async with asyncio.timeout(None):", FAULTS,
    ),
    Bug(
        "an outcome that was left behind is taken", "session.py",
        "if mail.sender is self._performing:", "if True:",
        ("tests/test_engine.py", *ANY_MOMENT),
    ),
    Bug(
        "the older session here lives on", "engine.py",
        "await older.aclose(SessionTaken(interview_id))", "pass",
        ("tests/test_engine.py", *ANY_MOMENT),
    ),
    Bug(
        "the résumé outlives its interview", "session.py",
        "self.material, self._has_resume_to_drop = None, True", "self.material = None", ANY_MOMENT,
    ),
    Bug(
        "the résumé outlives an erasure", "retention.py",
        '        (resume_log(interview_id), "resume"),\n', "", ("tests/test_retention.py",),
    ),
    Bug(
        "a new age breaks an older promise", "retention.py",
        "return min(promised, head.updated_at + age)", "return head.updated_at + age",
        ("tests/test_retention.py",),
    ),
    Bug(
        "a receipt for what is still there", "retention.py",
        "        await _check_gone(storage, log)\n", "        pass\n", ("tests/test_retention.py",),
    ),
    Bug(
        "a replay that compares nothing", "archive.py",
        "if digest(interview, fields) != kept.digest:", "if False:", ("tests/test_archive.py",),
    ),
    Bug(
        "a digest of the answers alone", "archive.py",
        'msgspec.json.encode(_essence(interview, fields), order="sorted")',
        'msgspec.json.encode(_essence(interview.turns, fields), order="sorted")', ("tests/test_archive.py",),
    ),
    Bug(
        "a redacted export with its quotes", "placeholders.py",
        '(NotScored, "reason"),', '(NotScored, "reason"), (Quote, "text"),',
        ("tests/test_placeholders.py",),
    ),
)  # fmt: skip

BUGS = (*STORAGES, *ENGINE)


def is_noticed(bug: Bug) -> bool:
    """Whether one of its tests fails with *bug* planted. Raises AssertionError when it cannot be told."""
    with tempfile.TemporaryDirectory(prefix="planted-") as folder:
        copy = Path(folder) / "interview_fsm"
        shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__", "web"))
        module = copy / bug.module
        source = module.read_text("utf-8")
        assert source.count(bug.right) == 1, f"{bug.name}: {bug.right!r} is {source.count(bug.right)} times"
        module.write_text(_imported(source.replace(bug.right, bug.wrong), bug), "utf-8")
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "pytest",
                "-x",
                "-q",
                "-p",
                "no:cacheprovider",
                "-p",
                "no:randomly",
                *bug.tests,
            ],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": folder, "INTERVIEW_FSM_SOAK": ""},
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
    assert done.returncode in (0, 1), (
        f"{bug.name}: its tests do not run\n{done.stdout[-2000:]}{done.stderr[-500:]}"
    )
    return done.returncode == 1


def _imported(source: str, bug: Bug) -> str:
    """What the edit uses and the module does not import."""
    if bug.module == "placeholders.py":
        return source.replace("    Provenance,\n", "    Provenance,\n    Quote,\n")
    return source


def main() -> None:
    """Plant them, say which were noticed; fail when one was not."""
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    missed = []
    for bug in BUGS:
        if bug.name.startswith(wanted):
            noticed = is_noticed(bug)
            print(f"{'noticed' if noticed else 'MISSED '}  {bug.name}", flush=True)
            missed += [] if noticed else [bug.name]
    if missed:
        sys.exit(f"{len(missed)} planted bugs were not noticed")


if __name__ == "__main__":
    main()
