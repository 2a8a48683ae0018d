"""Reports of an interview to keep: plain text, Markdown, one page of HTML, and JSON for programs.

All say the same. Whatever came from outside (résumé, questions, answers, feedback) is text in each of
them and never markup, a link, or a control sequence of a terminal.
"""

from __future__ import annotations

from .data import as_json
from .html import as_html
from .markdown import as_markdown
from .text import as_text, plain, summary

__all__ = ["as_html", "as_json", "as_markdown", "as_text", "plain", "summary"]
