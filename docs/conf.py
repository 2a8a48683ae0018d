"""Sphinx: Furo, MyST, nothing fetched. The diagram is drawn from the table while the docs are built."""

from __future__ import annotations

from importlib.metadata import version as installed
from pathlib import Path

from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx

from interview_fsm.diagram import draw

project = "interview_fsm"
author = copyright = "The interview_fsm developers"
release = version = installed("interview-fsm")

extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = ["_build"]
myst_heading_anchors = 3
nitpicky = False

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_class_signature = "mixed"

html_theme = "furo"
html_title = f"interview_fsm {release}"
html_show_sphinx = False
html_copy_source = False

drawn = Path(__file__).parent / "_build" / "lifecycle.svg"
drawn.parent.mkdir(exist_ok=True)
drawn.write_bytes(draw("svg"))


def setup(app: Sphinx) -> None:
    """Show Mermaid as text here; elsewhere, such as where the sources are read, it is drawn."""
    app.add_lexer("mermaid", TextLexer)
