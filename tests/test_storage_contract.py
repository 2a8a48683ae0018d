"""Each storage of ours, held to the contract that anybody's must pass."""

import pytest

from interview_fsm.adapters import memory, postgres, sqlite
from interview_fsm.testing.storage import StorageContract


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
