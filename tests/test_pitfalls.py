"""What ``transitions`` does that nobody expects, as far as this project relies on it or keeps clear of it.

Each is a reason for a rule at the head of ``states.py``. When one of these fails, a new release of the
library behaves otherwise: see whether the rule is still needed.
"""

import asyncio
from dataclasses import dataclass
from enum import StrEnum

import pytest
from transitions import Machine, MachineError
from transitions.extensions.asyncio import AsyncMachine


class Phase(StrEnum):
    QUESTIONING = "questioning"
    ANALYZING = "analyzing"
    STOPPED = "stopped"


ROWS = [
    {"trigger": "answer", "source": Phase.QUESTIONING, "dest": Phase.ANALYZING},
    {"trigger": "stop", "source": [Phase.QUESTIONING, Phase.ANALYZING], "dest": Phase.STOPPED},
]


def machine(**options: object) -> Machine:
    return Machine(
        model=None,
        states=Phase,
        initial=Phase.QUESTIONING,
        auto_transitions=False,
        **{"transitions": ROWS} | options,
    )


class Model:
    def __init__(self) -> None:
        self.state = Phase.QUESTIONING


class Slotted:
    __slots__ = ("state",)

    def __init__(self) -> None:
        self.state = Phase.QUESTIONING


def test_an_object_that_was_never_added_is_fired_and_keeps_its_enum_member():
    rules, model = machine(), Slotted()
    assert rules.events["answer"].trigger(model) is True
    assert model.state is Phase.ANALYZING
    assert rules.models == []


def test_a_dest_of_none_stays_without_leaving_and_entering():
    entered: list[str] = []
    rules = machine(transitions=[{"trigger": "repeat", "source": Phase.QUESTIONING, "dest": None}])
    rules.get_state(Phase.QUESTIONING).add_callback("enter", lambda: entered.append("again"))
    model = Model()
    assert rules.events["repeat"].trigger(model) is True
    assert model.state is Phase.QUESTIONING
    assert entered == []


def test_automatic_transitions_would_be_doors_past_the_table():
    assert "to_stopped" not in machine().events
    open_doors = Machine(model=None, states=["a", "b"], initial="a")
    assert {"to_a", "to_b"} <= set(open_doors.events)


def test_an_equal_model_is_not_added():
    @dataclass
    class Session:
        state: Phase = Phase.QUESTIONING

    rules, first, second = machine(), Session(), Session()
    rules.add_model(first)
    rules.add_model(second)
    assert len(rules.models) == 1
    assert not hasattr(second, "stop")


def test_a_model_that_is_added_gets_a_dozen_attributes():
    model = Model()
    before = set(vars(model))
    machine().add_model(model)
    assert {"trigger", "stop", "may_stop", "is_STOPPED"} <= set(vars(model)) - before


def test_a_queue_belongs_to_the_machine_and_says_true_too_early():
    rules, one, two = machine(queued=True), Model(), Model()
    seen: list[Phase] = []

    def stop_two() -> None:
        assert rules.events["stop"].trigger(two) is True
        seen.append(two.state)

    rules.get_state(Phase.ANALYZING).add_callback("enter", stop_two)
    rules.events["answer"].trigger(one)
    assert seen == [Phase.QUESTIONING], "True, and not done: it waited for the other model"
    assert two.state is Phase.STOPPED


def test_a_truthy_guard_is_false():
    class Guarded(Model):
        answers = ("one",)

    rules = machine(transitions=[{**ROWS[0], "conditions": "answers"}])
    assert rules.events["answer"].trigger(Guarded()) is False, "compared with == True"


def test_a_guard_that_misspells_hides_what_it_misspelt():
    class Guarded(Model):
        @property
        def ready(self) -> bool:
            return self.misspelt

    rules = machine(transitions=[{**ROWS[0], "conditions": "ready"}])
    with pytest.raises(AttributeError) as caught:
        rules.events["answer"].trigger(Guarded())
    assert "misspelt" not in str(caught.value)


def test_an_exception_hook_swallows_refusals():
    model = Model()
    model.state = Phase.STOPPED
    assert machine(on_exception=lambda: None).events["answer"].trigger(model) is False, "no MachineError"


def test_ignoring_invalid_triggers_swallows_refusals():
    model = Model()
    model.state = Phase.STOPPED
    assert machine(ignore_invalid_triggers=True).events["answer"].trigger(model) is False


def test_a_refusal_has_no_fields_and_names_members_not_values():
    model = Model()
    model.state = Phase.STOPPED
    with pytest.raises(MachineError) as caught:
        machine().events["answer"].trigger(model)
    assert "STOPPED" in str(caught.value)
    assert not {"trigger", "state"} & set(vars(caught.value))


def test_a_star_counts_the_final_state_in():
    rules = machine(transitions=[{"trigger": "stop", "source": "*", "dest": Phase.STOPPED}])
    model = Model()
    model.state = Phase.STOPPED
    assert rules.events["stop"].trigger(model) is True, "stopped twice, and nobody was told"


class Calling(Model):
    """Calls something slow on entering ANALYZING, as AsyncMachine invites one to."""

    def __init__(self) -> None:
        super().__init__()
        self.notes: list[str] = []
        self.calling, self.may_let_go = asyncio.Event(), asyncio.Event()

    async def call(self) -> None:
        try:
            self.notes.append("call")
            self.calling.set()
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await self.may_let_go.wait()
            self.notes.append("let go")
            raise


def async_machine() -> AsyncMachine:
    rules = AsyncMachine(
        model=None, states=Phase, initial=Phase.QUESTIONING, transitions=ROWS, auto_transitions=False
    )
    rules.get_state(Phase.ANALYZING).add_callback("enter", "call")
    return rules


def test_an_async_machine_does_not_wait_for_what_it_cancels():
    async def run() -> None:
        rules, model = async_machine(), Calling()
        answering = asyncio.create_task(rules.events["answer"].trigger(model))
        await model.calling.wait()
        assert await rules.events["stop"].trigger(model) is True
        assert model.state is Phase.STOPPED
        assert model.notes == ["call"], "stop is done, and the call has not let go"
        model.may_let_go.set()
        assert await answering is False, "cancelled or refused: the caller sees the same False"

    asyncio.run(run())


def test_an_async_machine_swallows_a_cancellation_from_outside():
    # transitions issue 704; mended after 0.9.3.
    async def run() -> None:
        rules, model = async_machine(), Calling()
        model.may_let_go.set()

        async def handler() -> str:
            await rules.events["answer"].trigger(model)
            return "went on"

        task = asyncio.create_task(handler())
        await model.calling.wait()
        task.cancel()
        assert await task == "went on"

    asyncio.run(run())


def test_an_async_machine_keeps_its_tasks_on_the_class():
    assert async_machine().async_tasks is AsyncMachine.async_tasks
