"""The life of an interview, drawn from the table: Mermaid and DOT as text, SVG and PNG as pictures.

Moves alone are lines. What stays where it is is listed inside its state, ``stop_interview`` is one line
from "any state", and ``attached``, which a session appends wherever it takes an interview over, is not
drawn: 33 lines for every row of the table cannot be read.

Texts need nothing more. The pictures need Graphviz, which comes with the extra ``diagram``.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple

from transitions.extensions import GraphMachine

from .errors import MissingExtra, SettingError
from .states import OUTCOMES, RULES, Rule, State, Trigger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

ANY_STATE = "any state"
"""Where the line of ``stop_interview`` begins, in place of one from each state."""

UNDRAWN = frozenset({Trigger.ATTACHED})


class Move(NamedTuple):
    """One line of the diagram."""

    source: str
    dest: str
    label: str
    """The trigger, and its guard in brackets where it has one."""


def moves() -> list[Move]:
    """The rows of the table that lead from one state to another, in its order."""
    drawn = [
        Move(rule.source.value, rule.dest.value, _label(rule))
        for rule in RULES
        if rule.dest is not None and rule.trigger is not Trigger.STOP_INTERVIEW
    ]
    return [*drawn, Move(ANY_STATE, State.STOPPED.value, Trigger.STOP_INTERVIEW.value)]


def stays(state: State) -> list[str]:
    """The labels of what can happen in *state* without leaving it, in the table's order."""
    rows = (rule for rule in RULES if rule.source is state and rule.dest is None)
    return [_label(rule) for rule in rows if rule.trigger not in UNDRAWN]


def _label(rule: Rule) -> str:
    return f"{rule.trigger} [{rule.conditions}]" if rule.conditions else str(rule.trigger)


def mermaid() -> str:
    """The diagram as a Mermaid ``stateDiagram-v2``, without a line end at its end."""
    drawn = [line.strip() for line in _machine().get_graph().source.splitlines()]
    # The library's colours would fight those of the page that shows the diagram, light or dark.
    states = [
        line.replace(f'"{_id(ANY_STATE)}"', f'"{ANY_STATE}"') for line in drawn if line.startswith("state ")
    ]
    lines = [line for line in drawn if "-->" in line]
    inside = [f"{state}: {label}" for state in State for label in stays(state)]
    return "\n  ".join(
        ["stateDiagram-v2", "direction TB", *states, *inside, *lines, f"{State.STOPPED} --> [*]"]
    )


def _id(name: str) -> str:
    return name.replace(" ", "_")


class _Nobody:
    """What the machine that draws is drawn for: it never moves."""

    state: str
    get_graph: Callable[[], Any]


def _machine() -> _Nobody:
    """The table's moves in a machine that can draw itself; it is never run."""
    nobody = _Nobody()
    GraphMachine(
        model=nobody,
        states=[*(state.value for state in State), _id(ANY_STATE)],
        initial=State.IDLE.value,
        transitions=[
            {"trigger": label, "source": _id(source), "dest": dest} for source, dest, label in moves()
        ],
        auto_transitions=False,
        graph_engine="mermaid",
        title="",
    )
    return nobody


# Sizes are points; the distances leave room for four labels beside an edge.
_DOT_HEAD = """digraph interview {
  graph [rankdir=TB, nodesep=0.9, ranksep=0.75, pad=0.3, bgcolor=white, fontname="Helvetica",
         fontsize=10,
         label=<In a state: what happens there without leaving it. <i>Italics</i>: never sent by a client.>]
  node [shape=box, style="rounded,filled", fillcolor="#f3f6fb", color="#33507a", penwidth=1.4,
        margin="0.14,0.06", fontname="Helvetica", fontsize=11]
  edge [color="#44546a", fontcolor="#1d2733", fontname="Helvetica", fontsize=11, arrowsize=0.8]
  start [shape=circle, label="", width=0.18, fixedsize=true, style=filled, fillcolor="#33507a"]"""


def dot() -> str:
    """The diagram in Graphviz' language, without a line end at its end."""
    lines = [_DOT_HEAD, *(f'  "{state}" [label=<{_inside(state)}>]' for state in State)]
    lines.append(f'  "{ANY_STATE}" [style="rounded,dashed", label=<<i>{ANY_STATE}</i>>]')
    lines.append(f'  start -> "{State.IDLE}"')
    for (source, dest), labels in _edges().items():
        lines.append(f'  "{source}" -> "{dest}" [label=<{_beside(labels)}>]')
    return "\n".join([*lines, "}"])


def _inside(state: State) -> str:
    """An HTML-like label: the state's name, and under it what stays there."""
    name = f'<b><font point-size="14">{state}</font></b>'
    return _table([name, *(f'<font point-size="10">{_styled(label)}</font>' for label in stays(state))])


def _beside(labels: Iterable[str]) -> str:
    """An HTML-like label for a line: one move under the other, kept off the line by spaces."""
    return _table((f"&#160;&#160;{_styled(label)}" for label in labels), align="left")


def _table(rows: Iterable[str], align: str = "center") -> str:
    cells = "".join(f'<tr><td align="{align}">{row}</td></tr>' for row in rows)
    return f'<table border="0" cellspacing="0" cellpadding="2">{cells}</table>'


def _styled(label: str) -> str:
    """*label* for an HTML-like label, outcomes in italics."""
    text = escape(label)
    return f"<i>{text}</i>" if label.split()[0] in OUTCOMES else text


def _edges() -> dict[tuple[str, str], list[str]]:
    """One edge for each pair of states, with the labels of all its moves."""
    together: dict[tuple[str, str], list[str]] = {}
    for source, dest, label in moves():
        together.setdefault((source, dest), []).append(label)
    return together


def svg() -> bytes:
    """The diagram as an SVG document. Raises MissingExtra without Graphviz."""
    return _picture("svg")


def png() -> bytes:
    """The diagram as a PNG, twice as dense as a screen of 96 dots an inch. Raises MissingExtra."""
    return _picture("png")


def _picture(form: str) -> bytes:
    try:
        from pygraphviz import AGraph
    except ImportError as error:
        raise MissingExtra("diagram", "diagram") from error
    graph = AGraph(string=dot())
    graph.graph_attr["dpi"] = "192" if form == "png" else "72"
    try:
        drawn: bytes = graph.draw(format=form, prog="dot")
    finally:
        graph.close()
    return drawn


def draw(form: str) -> bytes:
    """The diagram as *form*: ``mermaid``, ``dot``, ``svg`` or ``png``; SettingError for any other."""
    match form:
        case "mermaid":
            return mermaid().encode()
        case "dot":
            return dot().encode()
        case "svg":
            return svg()
        case "png":
            return png()
    raise SettingError(f"cannot draw as {form!r}; possible: mermaid, dot, svg, png")
