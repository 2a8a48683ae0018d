import builtins
import re
import struct
from html import unescape
from pathlib import Path
from xml.etree import ElementTree

import pytest

from interview_fsm import diagram
from interview_fsm.errors import MissingExtra, SettingError
from interview_fsm.states import OUTCOMES, RULES, State, Trigger

ROOT = Path(__file__).resolve().parents[1]
Edge = tuple[str, str, str]


def label(trigger: str, guard: str | None) -> str:
    return f"{trigger} [{guard}]" if guard else trigger


def expected_edges() -> set[Edge]:
    """The table's moves; to stop is one line from any state."""
    edges = {(r.source.value, r.dest.value, label(r.trigger, r.conditions)) for r in RULES if r.dest}
    stops = {edge for edge in edges if edge[1] == "stopped"}
    assert {edge[2] for edge in stops} == {"stop_interview"}
    return edges - stops | {("any state", "stopped", "stop_interview")}


def expected_inside() -> set[tuple[str, str]]:
    return {
        (r.source.value, label(r.trigger, r.conditions))
        for r in RULES
        if r.dest is None and r.trigger is not Trigger.ATTACHED
    }


class Drawn:
    """What a reader of a Mermaid text would see: names, edges, and what is written inside the states."""

    def __init__(self, text: str) -> None:
        self.names: dict[str, str] = {}
        self.edges: list[Edge] = []
        self.inside: list[tuple[str, str]] = []
        self.ends: list[tuple[str, str]] = []
        head, *lines = text.splitlines()
        assert head == "stateDiagram-v2"
        for line in map(str.strip, lines):
            self._read(line)

    def _read(self, line: str) -> None:
        if found := re.fullmatch(r'state "([a-z_ ]+)" as (\w+)', line):
            self.names[found[2]] = found[1]
        elif found := re.fullmatch(r"(\w+) --> (\w+): (.+)", line):
            source, dest = self.names[found[1]], self.names[found[2]]
            self.edges += [(source, dest, each) for each in found[3].split(" | ")]
        elif found := re.fullmatch(r"(\S+) --> (\S+)", line):
            self.ends.append((found[1], found[2]))
        elif found := re.fullmatch(r"(\w+): (.+)", line):
            self.inside.append((self.names[found[1]], found[2]))
        else:
            assert line == "direction TB"


def test_the_mermaid_text_has_the_edges_and_labels_of_the_table():
    drawn = Drawn(diagram.mermaid())
    assert sorted(drawn.edges) == sorted(expected_edges())
    assert sorted(drawn.inside) == sorted(expected_inside())
    assert set(drawn.names.values()) == {*State, "any state"}
    assert drawn.ends == [("[*]", "idle"), ("stopped", "[*]")]


def test_moves_are_the_edges_in_the_order_of_the_table():
    moves = diagram.moves()
    assert {tuple(move) for move in moves} == expected_edges()
    order = [Trigger(move.label.split()[0]) for move in moves[:-1]]
    assert order == sorted(order, key=list(Trigger).index)
    assert all(type(name) is str for move in moves for name in move[:2]), "wire names, as plain text"


def test_every_row_but_attached_is_drawn_once():
    drawn = Drawn(diagram.mermaid())
    rows = [r for r in RULES if r.trigger not in (Trigger.ATTACHED, Trigger.STOP_INTERVIEW)]
    assert len(drawn.edges) - 1 + len(drawn.inside) == len(rows)
    assert "attached" not in diagram.mermaid()
    assert "attached" not in diagram.dot()


def test_the_dot_text_has_the_edges_and_labels_of_the_table():
    edges, inside = set(), set()
    for line in diagram.dot().splitlines():
        cells = re.findall(r"<tr>(.*?)</tr>", line)
        labels = [unescape(re.sub(r"<[^>]+>", "", cell)).strip() for cell in cells]
        if found := re.match(r'\s*"([^"]+)" -> "([^"]+)"', line):
            edges |= {(found[1], found[2], each) for each in labels}
        elif found := re.match(r'\s*"([^"]+)" \[label', line):
            assert labels[0] == found[1]
            inside |= {(found[1], each) for each in labels[1:]}
    assert edges == expected_edges()
    assert inside == expected_inside()


def test_what_no_client_sends_is_in_italics():
    italic = {each.split()[0] for each in re.findall(r"<i>(\w+)(?: \[\w+\])?</i>", diagram.dot())}
    assert italic == OUTCOMES - {Trigger.ATTACHED} | {"Italics"}


def test_drawing_leaves_the_running_machine_alone():
    from interview_fsm.states import MACHINE

    diagram.mermaid()
    assert MACHINE.models == []
    assert type(MACHINE).__name__ == "Machine"


def test_the_texts_are_drawn_without_graphviz(monkeypatch: pytest.MonkeyPatch):
    hide_graphviz(monkeypatch)
    assert diagram.draw("mermaid") == diagram.mermaid().encode()
    assert diagram.draw("dot") == diagram.dot().encode()


@pytest.mark.parametrize("form", ["svg", "png"])
def test_a_picture_without_graphviz_says_what_to_install(form: str, monkeypatch: pytest.MonkeyPatch):
    hide_graphviz(monkeypatch)
    with pytest.raises(MissingExtra, match=r'pip install "interview-fsm\[diagram\]"') as caught:
        diagram.draw(form)
    assert (caught.value.adapter, caught.value.extra) == ("diagram", "diagram")
    assert isinstance(caught.value.__cause__, ImportError)


def hide_graphviz(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def hiding(name, *args, **kwargs):
        if name == "pygraphviz":
            raise ModuleNotFoundError(f"No module named {name!r}")
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", hiding)


def test_the_svg_shows_every_label():
    pytest.importorskip("pygraphviz", reason="the extra [diagram] is not installed")
    root = ElementTree.fromstring(diagram.draw("svg"))
    shown = {"".join(text.itertext()).strip() for text in root.iter("{http://www.w3.org/2000/svg}text")}
    assert shown >= {label for _, _, label in expected_edges()} | {label for _, label in expected_inside()}
    assert shown >= {*State, "any state"}


def test_the_png_is_a_picture_large_enough_to_read():
    pytest.importorskip("pygraphviz", reason="the extra [diagram] is not installed")
    png = diagram.draw("png")
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", png[16:24])
    assert 1200 < width < 4000
    assert 1200 < height < 4000


def test_another_form_is_refused():
    with pytest.raises(SettingError, match="mermaid, dot, svg, png"):
        diagram.draw("gif")


@pytest.mark.parametrize("page", ["README.md", "docs/design.md"])
def test_the_pages_show_the_diagram_of_the_table(page):
    # Mend it with: python -c "from interview_fsm.diagram import mermaid; print(mermaid())"
    blocks = re.findall(r"^```mermaid\n(.*?)\n```$", (ROOT / page).read_text("utf-8"), re.M | re.S)
    assert blocks, f"{page} has no mermaid block"
    assert blocks[0] == diagram.mermaid()
