"""Each storage of ours, held to the contract that anybody's must pass."""

import pytest

from interview_fsm.adapters import memory, sqlite
from interview_fsm.testing.storage import StorageContract


@pytest.mark.parametrize("case", StorageContract.cases())
def test_memory(case):
    StorageContract(memory.create, durable=False).check(case)


@pytest.mark.parametrize("case", StorageContract.cases())
def test_sqlite(case, tmp_path):
    async def create():
        return await sqlite.create(path=tmp_path / "interviews.db")

    StorageContract(create).check(case)
