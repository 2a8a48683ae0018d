"""Each storage of ours, held to the contract that anybody's must pass."""

import psycopg
import pytest

from interview_fsm.adapters import firestore, memory, postgres, sqlite
from interview_fsm.testing.storage import StorageContract

from .firestores import VARIABLE, Firestore, new_project
from .pooler import pooling


@pytest.mark.parametrize("case", StorageContract.cases())
def test_memory(case):
    StorageContract(memory.create, durable=False).check(case)


@pytest.mark.parametrize("case", StorageContract.cases())
def test_sqlite(case, tmp_path):
    async def create():
        return await sqlite.create(path=tmp_path / "interviews.db")

    StorageContract(create).check(case)


@pytest.fixture(scope="module")
def dsn(cluster):
    return cluster.new_database()


@pytest.mark.parametrize("case", StorageContract.cases())
def test_postgres(case, dsn):
    async def create():
        return await postgres.create(dsn=dsn)

    StorageContract(create).check(case)


@pytest.mark.slow
@pytest.mark.parametrize("case", StorageContract.cases())
def test_postgres_where_transactions_are_serializable(case, cluster, dsn):
    async def create():
        return await postgres.create(dsn=f"{dsn} options='-c default_transaction_isolation=serializable'")

    StorageContract(create).check(case)


@pytest.fixture(scope="module")
def pooled(cluster):
    """Through PgBouncer, as the manual says to set the role up."""
    database = psycopg.conninfo.conninfo_to_dict(cluster.new_database())["dbname"]
    cluster.execute(f"ALTER DATABASE {database} SET synchronous_commit = on")
    with pooling(cluster) as pooler:
        yield f"{pooler} dbname={database}"


@pytest.mark.slow
@pytest.mark.parametrize("case", StorageContract.cases())
def test_postgres_through_a_pooler_that_shares_connections(case, pooled):
    async def create():
        storage = await postgres.create(dsn=pooled)
        async with storage._pool.connection() as connection:
            assert connection.prepare_threshold is None, "it was not seen to be a pooler"
        return storage

    StorageContract(create).check(case)


def check_on_firestore(case, runner):
    project = new_project()

    async def create():
        return await firestore.create(project=project, patience=60)  # the machine may be busy

    StorageContract(create).check(case, runner)


@pytest.mark.parametrize("case", StorageContract.cases())
def test_firestore(case, grpc_runner, monkeypatch):
    with Firestore().running() as host:
        monkeypatch.setenv(VARIABLE, host)
        check_on_firestore(case, grpc_runner)


@pytest.mark.slow
@pytest.mark.parametrize("case", StorageContract.cases())
def test_firestore_emulator(case, grpc_runner, firestore_emulator, monkeypatch):
    monkeypatch.setenv(VARIABLE, firestore_emulator)
    check_on_firestore(case, grpc_runner)
