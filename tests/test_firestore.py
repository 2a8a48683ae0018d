"""Firestore as it is in the world: things lost on the way, servers that hang or are away, others' clients."""

import asyncio
import json
import random
import re
import socket
import urllib.error
import urllib.request
from contextlib import asynccontextmanager

import pytest
from grpc import StatusCode

from interview_fsm import views
from interview_fsm.adapters import _firestore_client as client
from interview_fsm.adapters import _firestore_documents as documents
from interview_fsm.adapters import coach, firestore
from interview_fsm.cli import banner
from interview_fsm.errors import AdapterError, Conflict, Gone, SettingError
from interview_fsm.events import Attached, ChooseDifficulty, Entry, StartInterview, StopInterview
from interview_fsm.interview import Interview
from interview_fsm.testing.storage import entry, fresh

from .firestores import ROOT, RULES, VARIABLE, Firestore, new_project
from .test_cli import RESUME, process, server
from .test_end_to_end import interview, serving_files
from .worlds import PLAN

BUSY = 60.0
"""Seconds that a call may take where none is to be late: the machine may be busy."""
EVERYTHING = frozenset({"Commit", "BatchGetDocuments", "RunQuery"})


@pytest.fixture
def served(monkeypatch):
    """A server of ours, which can lose what is sent; and nobody's credentials."""
    running = Firestore()
    with running.running() as host:
        monkeypatch.setenv(VARIABLE, host)
        yield running


@asynccontextmanager
async def opened(project=None, **options):
    storage = await firestore.create(project=project or new_project(), **{"patience": BUSY} | options)
    try:
        yield storage
    finally:
        await storage.aclose()


async def fails(code, call, kind=AdapterError):
    with pytest.raises(kind) as caught:
        await call
    assert caught.value.code == code
    return caught.value


def losing(chance, share, calls=EVERYTHING):
    """A fault for a share of all calls: the request is lost, or the reply."""

    def fault(call, request):
        if call in calls and chance.random() < share:
            return chance.choice(("request", "reply"))
        return None

    return fault


# ----------------------------------------------------------------------------- what is lost


@pytest.mark.parametrize("loss", ["UNAVAILABLE", "CANCELLED", "ABORTED", "INTERNAL"])
@pytest.mark.parametrize("lost", ["request", "reply"])
def test_what_was_lost_on_the_way_is_done_once(served, grpc_runner, lost, loss):
    served.loss = getattr(StatusCode, loss)

    async def story():
        interview_id, told = fresh(), [entry(n) for n in range(1, 6)]
        async with opened() as storage:
            for one in told:
                once = iter([lost])
                served.fault = lambda call, request, once=once: next(once, None) if call == "Commit" else None
                await storage.append(interview_id, one.version - 1, one)
                assert next(once, None) is None, "nothing was lost"
            served.fault = lambda call, request: None
            assert await storage.load(interview_id) == told
            once = iter([lost])
            served.fault = lambda call, request: next(once, None)
            assert await storage.erase(interview_id) is True
            served.fault = lambda call, request: None
            assert await storage.erase(interview_id) is False

    grpc_runner.run(story())


async def write_all(storage, interview_id, me, texts, chance):
    """Append each text once, whatever is lost and whoever else appends; as a node does that reads again."""
    for number, text in enumerate(texts):
        one, done = f"{me}:{number}", False
        while not done:
            try:
                log = await storage.load(interview_id)
            except Gone:
                log = []
            except AdapterError:
                continue
            if any(each.append_id == one for each in log):
                break
            version = len(log) + 1
            try:
                await storage.append(interview_id, version - 1, entry(version, text, append_id=one))
                done = True
            except (AdapterError, Conflict):
                await asyncio.sleep(0)


SEEDS = range(40)


@pytest.mark.parametrize("seeds", [SEEDS[:4], pytest.param(SEEDS[4:], marks=pytest.mark.slow)], ids=str)
def test_two_nodes_on_a_network_that_loses_things_write_everything_once(served, grpc_runner, seeds):
    """Each append is acknowledged or repeated with its id; two that compete never both get a place."""
    lost = 0

    async def story(seed):
        nonlocal lost
        chance = random.Random(seed)
        fault = losing(chance, chance.uniform(0.1, 0.5))

        def counted(call, request):
            nonlocal lost
            found = fault(call, request)
            lost += found is not None
            return found

        interview_id, project = fresh(), new_project()
        texts = {me: [f"{me} says {n}" for n in range(6)] for me in "ab"}
        async with opened(project) as one, opened(project) as other:
            served.fault = counted
            await asyncio.gather(
                write_all(one, interview_id, "a", texts["a"], chance),
                write_all(other, interview_id, "b", texts["b"], chance),
            )
            served.fault = lambda call, request: None
            log = await one.load(interview_id)
        assert [each.version for each in log] == list(range(1, 13))
        for me in "ab":
            mine = [each for each in log if each.append_id.startswith(me)]
            assert [each.append_id for each in mine] == [f"{me}:{n}" for n in range(6)]
            assert [each.events[0].text for each in mine] == texts[me]

    for seed in seeds:
        grpc_runner.run(story(seed))
    assert lost > 10 * len(seeds)


def test_a_node_that_another_has_overtaken_is_told_and_writes_nothing(served, grpc_runner):
    """Whoever believes to have the interview: what it remembers is compared with what there is."""

    async def story():
        interview_id, project = fresh(), new_project()
        async with opened(project) as old, opened(project) as new:
            await old.append(interview_id, 0, entry(1))
            await old.append(interview_id, 1, entry(2))
            await new.load(interview_id)
            won = entry(3, "of the new one")
            await new.append(interview_id, 2, won)
            with pytest.raises(Conflict):
                await old.append(interview_id, 2, entry(3, "of the old one"))
            assert (await old.load(interview_id))[2:] == [won]

    grpc_runner.run(story())


def test_a_stale_node_does_not_write_into_a_log_that_was_erased(served, grpc_runner):
    """Not even when nothing else of it is left, as after Firestore's own deletion by age."""

    async def story():
        interview_id, project = fresh(), new_project()
        async with opened(project) as stale, opened(project) as other:
            await stale.append(interview_id, 0, entry(1))
            assert await other.erase(interview_id)
            with pytest.raises(Gone):
                await stale.append(interview_id, 1, entry(2))
            # The head deleted by age, the id begun again as nobody does: versions agree, times do not.
            await stale._client.collection(documents.LOGS).document(interview_id).delete()
            begun = entry(1, "another")
            await other.append(interview_id, 0, begun)
            stale._remember(interview_id, documents.Standing(1, (await first_seen(stale)), None, None))
            with pytest.raises(Conflict):
                await stale.append(interview_id, 1, entry(2))
            assert await other.load(interview_id) == [begun]

    async def first_seen(storage):
        somewhere = storage._client.collection("elsewhere").document("x")
        return (await somewhere.set({"x": 1})).update_time

    grpc_runner.run(story())


def test_an_append_that_is_cancelled_amid_its_commit_is_there_or_not(served, grpc_runner):
    async def story():
        interview_id = fresh()
        async with opened() as storage:
            await storage.append(interview_id, 0, entry(1))
            served.fault = lambda call, request: "hang" if call == "Commit" else None
            one = entry(2)
            append = asyncio.ensure_future(storage.append(interview_id, 1, one))
            await asyncio.to_thread(served.waiting.acquire)
            append.cancel()
            with pytest.raises(asyncio.CancelledError):
                await append
            served.fault = lambda call, request: None
            served.go.set()
            await storage.append(interview_id, 1, one)
            assert (await storage.load(interview_id))[1:] == [one]

    grpc_runner.run(story())


# ------------------------------------------------------------------- slow, hanging, not there


def test_a_server_that_hangs_is_an_error_in_time_and_what_was_asked_can_be_asked_again(served, grpc_runner):
    async def story():
        interview_id, one = fresh(), entry(1)
        async with opened(patience=0.5) as storage:
            served.fault = lambda call, request: "hang"
            for call in (
                storage.append(interview_id, 0, one),
                storage.load(interview_id),
                storage.erase(interview_id),
                anext(storage.interviews()),
            ):
                error = await fails("storage_unavailable", call)
                assert error.retryable
                assert "in time" in str(error)
            served.fault = lambda call, request: None
            served.go.set()
            storage._patience = BUSY
            storage._options = client.patience_options(BUSY)
            await storage.append(interview_id, 0, one)
            assert await storage.load(interview_id) == [one]

    grpc_runner.run(asyncio.wait_for(story(), BUSY))


def test_a_slow_server_is_waited_for(served, grpc_runner):
    async def story():
        interview_id, one = fresh(), entry(1)
        async with opened() as storage:
            served.fault = lambda call, request: "hang"
            append = asyncio.ensure_future(storage.append(interview_id, 0, one))
            await asyncio.to_thread(served.waiting.acquire)
            assert not append.done()
            served.go.set()
            await append
            assert await storage.load(interview_id) == [one]

    grpc_runner.run(story())


def test_a_server_that_is_not_there_is_an_error_in_time(grpc_runner, monkeypatch):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # taken, and nobody listens
        monkeypatch.setenv(VARIABLE, f"127.0.0.1:{nobody.getsockname()[1]}")

        async def story():
            error = await fails("storage_unavailable", firestore.create(project=new_project(), patience=0.5))
            assert error.retryable

        grpc_runner.run(asyncio.wait_for(story(), BUSY))


def test_closing_refuses_what_comes_and_leaves_nothing_hanging(served, grpc_runner):
    async def story():
        async with opened() as storage:
            served.fault = lambda call, request: "hang"
            append = asyncio.ensure_future(storage.append(fresh(), 0, entry(1)))
            await asyncio.to_thread(served.waiting.acquire)
            await storage.aclose()
            await fails("storage_unavailable", append)
            await fails("storage_unavailable", storage.load(fresh()))
            served.go.set()

    grpc_runner.run(asyncio.wait_for(story(), BUSY))


# ------------------------------------------------------------------------ who may use it


@pytest.mark.parametrize("key_file", [None, "no-such-file.json"])
def test_missing_credentials_are_one_sentence(monkeypatch, tmp_path, key_file, grpc_runner):
    for variable in (VARIABLE, "GOOGLE_CLOUD_PROJECT", client.KEY_FILE):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    if key_file:
        monkeypatch.setenv(client.KEY_FILE, str(tmp_path / key_file))

    async def story():
        with pytest.raises(SettingError, match=client.KEY_FILE) as caught:
            await firestore.create(project="demo")
        assert "\n" not in str(caught.value)
        assert ("service account" in str(caught.value)) is (key_file is None)

    grpc_runner.run(story())


def test_a_project_must_be_known(served, grpc_runner, monkeypatch):
    for variable in ("GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT"):
        monkeypatch.delenv(variable, raising=False)

    async def story():
        with pytest.raises(SettingError, match="--firestore-project"):
            await firestore.create()

    grpc_runner.run(story())


def test_a_storage_for_reading_writes_nothing(served, grpc_runner):
    async def story():
        interview_id, project = fresh(), new_project()
        async with opened(project) as storage:
            await storage.append(interview_id, 0, entry(1))
        async with opened(project, read_only=True) as storage:
            await fails("storage_read_only", storage.append(interview_id, 1, entry(2)))
            await fails("storage_read_only", storage.erase(interview_id))
            assert len(await storage.load(interview_id)) == 1

    grpc_runner.run(story())


@pytest.mark.parametrize("unfit", ["", ".", "..", "__a__", "a/b", "a/entries/0000000001", "x" * 1501])
def test_an_id_that_leads_elsewhere_leads_nowhere(served, grpc_runner, unfit):
    """A client chooses what it asks for; no name of its may be a path."""

    async def story():
        async with opened() as storage:
            await storage.append("a", 0, entry(1))
            with pytest.raises(ValueError, match="name"):
                await storage.append(unfit, 0, entry(1))
            with pytest.raises(Gone):
                await storage.load(unfit)
            assert await storage.erase(unfit) is False
            assert len(await storage.load("a")) == 1

    grpc_runner.run(story())


# ------------------------------------------------------------------------------ what is kept


def fields(served, interview_id):
    (found,) = [kept for name, kept in served.documents.items() if name.endswith(f"/{interview_id}")]
    return found.fields.fields


def begun(interview_id):
    token = Attached("ab" * 32, "ada")
    return [
        Entry(1, "c1", 1.5, (token, StartInterview(PLAN))),
        Entry(2, "c2", 2.5, (ChooseDifficulty("senior"),)),
    ]


@pytest.mark.parametrize("texts", [False, True])
def test_a_head_has_an_outline_without_what_was_said(served, grpc_runner, texts):
    async def story():
        interview_id, project = fresh(), new_project()
        log = begun(interview_id)
        async with opened(project, texts=texts) as storage:
            for one in log:
                await storage.append(interview_id, one.version - 1, one)
        outline = fields(served, interview_id)[documents.OUTLINE].map_value.fields
        now = Interview.replay(interview_id, log)
        assert outline["state"].string_value == now.state.value
        assert outline["planned"].integer_value == PLAN.count
        assert ("question_text" in outline) is texts
        # Another server, which has not seen it begin, tells the same story.
        async with opened(project, texts=texts) as storage:
            await storage.append(interview_id, 2, Entry(3, "c3", 3.5, (StopInterview(),)))
        outline = fields(served, interview_id)[documents.OUTLINE].map_value.fields
        assert outline["state"].string_value == "stopped"

    grpc_runner.run(story())


def test_what_makes_no_interview_has_no_outline_and_is_kept_all_the_same(served, grpc_runner):
    async def story():
        interview_id = fresh()
        async with opened() as storage:
            for version in (1, 2):
                await storage.append(interview_id, version - 1, entry(version))
                outline = fields(served, interview_id)[documents.OUTLINE]
                assert outline.WhichOneof("value_type") == "null_value"

    grpc_runner.run(story())


def test_an_append_reads_nothing_where_the_log_is_known(served, grpc_runner):
    async def story():
        interview_id, project = fresh(), new_project()
        async with opened(project) as storage:
            served.calls.clear()
            for version in range(1, 6):
                await storage.append(interview_id, version - 1, entry(version))
            assert served.calls == {"Commit": 5}
        async with opened(project) as storage:
            await storage.load(interview_id)
            served.calls.clear()
            await storage.append(interview_id, 5, entry(6))
            assert served.calls == {"Commit": 1}

    grpc_runner.run(story())


def test_all_entries_of_a_log_expire_after_its_head_and_together(served, grpc_runner):
    """Firestore deletes by age: an interview that goes on for weeks must not lose its beginning."""
    day = documents.SLACK.total_seconds()

    async def story():
        interview_id = fresh()
        async with opened() as storage:
            for version, expires_at in enumerate((30, 30.2, 31.5, 60, 5, None, 7), 1):
                at = None if expires_at is None else expires_at * day
                await storage.append(interview_id, version - 1, entry(version), expires_at=at)
                kept = [
                    document.fields.fields[documents.EXPIRES_AT]
                    for name, document in served.documents.items()
                    if f"/{interview_id}/{documents.ENTRIES}/" in name
                ]
                assert len(kept) == version
                assert all(each == kept[0] for each in kept)
                if at is None:
                    assert kept[0].WhichOneof("value_type") == "null_value"
                else:
                    assert at + day <= kept[0].timestamp_value.seconds <= at + 2 * day

    grpc_runner.run(story())


def test_of_an_erased_interview_stays_its_id_alone(served, grpc_runner):
    async def story():
        interview_id = fresh()
        async with opened() as storage:
            await storage.append(interview_id, 0, entry(1, "SECRET"), owner="ada", expires_at=5.0)
            await storage.erase(interview_id)
        assert set(fields(served, interview_id)) == {documents.VERSION, documents.ERASED_AT}
        assert not [name for name in served.documents if f"{interview_id}/" in name]

    grpc_runner.run(story())


def test_an_erasure_that_was_cut_short_is_finished_by_the_next(served, grpc_runner):
    async def story():
        interview_id = fresh()
        async with opened(patience=BUSY) as storage:
            for version in (1, 2, 3):
                await storage.append(interview_id, version - 1, entry(version))
            served.fault = lambda call, request: "hang" if call == "RunQuery" else None
            erasure = asyncio.ensure_future(storage.erase(interview_id))
            await asyncio.to_thread(served.waiting.acquire)
            erasure.cancel()
            await asyncio.wait({erasure})
            served.fault = lambda call, request: None
            served.go.set()
            with pytest.raises(Gone):
                await storage.load(interview_id)
            assert await storage.erase(interview_id) is True
            assert await storage.erase(interview_id) is False
            assert not [name for name in served.documents if f"{interview_id}/" in name]

    grpc_runner.run(story())


def test_candidates_and_the_host_are_told_that_what_is_kept_goes_to_google(served, grpc_runner, monkeypatch):
    async def story():
        rules = await coach.create()
        connection = await client.connect(new_project(), None)
        emulated = firestore.FirestoreStorage(connection, read_only=False, texts=False, patience=BUSY)
        monkeypatch.delenv(VARIABLE)
        storage = firestore.FirestoreStorage(connection, read_only=False, texts=False, patience=BUSY)
        assert emulated.data == ""
        assert views.disclosure(rules, None, storage.data).data == "What is kept goes to Google's Firestore."
        assert views.disclosure(rules, None, emulated.data).data == "Nothing leaves this machine."
        assert banner.who(rules, storage.data)[0].endswith("what is kept goes to Google's Firestore")
        await storage.aclose()

    grpc_runner.run(story())


# -------------------------------------------------------------------- the files to be deployed

DEPLOYED = ROOT / "deploy" / "firestore"


def overrides():
    found = json.loads((DEPLOYED / "firestore.indexes.json").read_text())["fieldOverrides"]
    return {(each["collectionGroup"], each["fieldPath"]): each for each in found}


def test_the_files_name_every_field_there_is_and_no_other():
    heads = {(documents.LOGS, name) for name in documents.HEAD}
    entries = {(documents.ENTRIES, name) for name in documents.ENTRY}
    assert set(overrides()) == heads | entries


def test_what_expires_is_deleted_in_both_collections_and_what_is_asked_for_is_indexed():
    found = overrides()
    by_age = {key for key, each in found.items() if each.get("ttl")}
    assert by_age == {(documents.LOGS, documents.EXPIRES_AT), (documents.ENTRIES, documents.EXPIRES_AT)}
    indexed = {key for key, each in found.items() if each["indexes"]}
    asked = (documents.EXPIRES_AT, documents.OWNER, documents.KIND)
    assert indexed == {(documents.LOGS, name) for name in asked}


def test_the_rules_name_what_there_is():
    rules = RULES.read_text()
    configured = json.loads((DEPLOYED / "firebase.json").read_text())["firestore"]
    assert all((DEPLOYED / name).exists() for name in configured.values())
    assert set(re.findall(r"match /(\w+)/\{interview\}", rules)) == {documents.LOGS}
    assert set(re.findall(r"resource\.data\.(\w+)", rules)) == {documents.OWNER}


def test_the_page_says_what_is_kept():
    page = (ROOT / "docs" / "howto" / "firestore.md").read_text()
    named = {*documents.HEAD, *documents.ENTRY, *documents.outline(Interview(id="x"), texts=True)}
    assert [name for name in sorted(named) if f"`{name}`" not in page] == []


# ------------------------------------------------------------------------- Google's emulator


def rest(host, project, path, body=None):
    """The status that a client without credentials gets."""
    request = urllib.request.Request(
        f"http://{host}/v1/projects/{project}/databases/(default)/documents/{path}",
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
        method="GET" if body is None else "PATCH",
    )
    try:
        with urllib.request.urlopen(request, timeout=BUSY) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


@pytest.mark.slow
def test_the_rules_let_nobody_in_but_the_server(firestore_emulator, grpc_runner, monkeypatch):
    monkeypatch.setenv(VARIABLE, firestore_emulator)
    interview_id, project = fresh(), new_project()

    async def story():
        async with opened(project) as storage:
            await storage.append(interview_id, 0, entry(1), owner="ada")
            head = f"{documents.LOGS}/{interview_id}"
            for path in (head, f"{head}/{documents.ENTRIES}/{documents.entry_name(1)}", documents.LOGS):
                assert await asyncio.to_thread(rest, firestore_emulator, project, path) == 403
            writing = {"fields": {documents.OWNER: {"stringValue": "eve"}}}
            assert await asyncio.to_thread(rest, firestore_emulator, project, head, writing) == 403
            await storage.append(interview_id, 1, entry(2))
            assert len(await storage.load(interview_id)) == 2

    grpc_runner.run(story())


@pytest.mark.slow
def test_a_whole_interview_on_the_command_line(firestore_emulator, tmp_path, monkeypatch):
    project, where = new_project(), ("--storage", "firestore")
    monkeypatch.setenv(VARIABLE, firestore_emulator)
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", project)
    (tmp_path / "cv.txt").write_text(RESUME)
    with (
        serving_files(tmp_path) as web,
        server(*where, "--allow-fetch", f"127.0.0.1:{web}") as (_, banner, url),
    ):
        heard = asyncio.run(interview(url, f"http://127.0.0.1:{web}/cv.txt"))
        assert not [reply for reply in heard if reply.startswith("Error")], heard
        assert f"by firestore, project {project}" in banner
        assert firestore_emulator in banner
        listed = process("sessions", "list", "--json", *where)  # beside the server
    (row,) = json.loads(listed.stdout)
    assert (row["state"], row["answered"]) == ("stopped", 2)
    shown = process("sessions", "show", row["id"], *where)
    assert "and we fixed it" in shown.stdout
    report = process("report", row["id"], "--format", "json", *where)
    assert json.loads(report.stdout)
    elsewhere = process("sessions", "list", "--json", *where, "--firestore-project", new_project())
    assert json.loads(elsewhere.stdout) == []
    deleted = process("sessions", "delete", row["id"], "--yes", *where)
    assert deleted.returncode == 0, deleted.stderr
    assert json.loads(process("sessions", "list", "--json", *where).stdout) == []


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("sessions", "list", "--storage", "firestore", "--database", "x.db"), "--database"),
        (("sessions", "list", "--firestore-project", "x"), "--storage firestore"),
        (("serve", "--firestore-texts"), "--storage firestore"),
    ],
)
def test_options_that_do_not_go_together_are_refused_by_name(arguments, named):
    refused = process(*arguments)
    assert (refused.returncode, named in refused.stderr) == (4, True)
