"""The reports to keep: the same in every form, exact about quotes, and nothing from outside is markup."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections import Counter
from datetime import UTC, datetime
from functools import lru_cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st
from linkify_it import LinkifyIt
from markdown_it import MarkdownIt
from msgspec.structs import replace
from playwright.async_api import async_playwright

from interview_fsm import adapters, cli
from interview_fsm.events import (
    MAX_TEXT,
    Analyze,
    AnswerFeedback,
    AnswerRecorded,
    Attached,
    ChooseDifficulty,
    CorrectAnswer,
    Delivery,
    Entry,
    Evidence,
    Feedback,
    FeedbackGiven,
    FollowUpWanted,
    NotScored,
    Observation,
    OutlineStep,
    Plan,
    Provenance,
    Question,
    QuestionAsked,
    Quote,
    RecordAnswer,
    RetryQuestion,
    Score,
    Slot,
    StartInterview,
    SubmitAnswer,
    Total,
    Transcript,
)
from interview_fsm.interview import Answer, Interview, Turn
from interview_fsm.report import as_html, as_json, as_markdown, as_text, plain

from .hostile_texts import TEXTS
from .page_checks import axe
from .test_readme_js import CHROMIUM, FLAGS, need

AT = datetime(2026, 5, 4, 15, 30, tzinfo=UTC)
ANSWER = "I moved 😀 two people. It cost <nothing>. The backlog fell to forty."
FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def quoted(text: str, words: str) -> Quote:
    return Quote(start := text.index(words), start + len(words), words)


def entries(word: str = "") -> list[Any]:
    """What happened in an interview with a follow-up, a spoken and corrected answer, and a skipped one."""
    by = Provenance("coach" + word, "m-1" + word, "7" + word, ("anthropic" + word,))
    built_on = Evidence("e1", "achievement", "Moved people" + word, 0, 12, "Ward" + word, "Nurse" + word)
    first, asked = ANSWER + word, "Tell me about the nights." + word
    seen = (
        Observation("there", "own_action", "You say what you did." + word, quoted(first, "I moved 😀 two")),
        Observation("there", "number", "A figure.", quoted(first, "two people. It")),
        Observation("there", "result", "A result." + word, quoted(first, first[first.index("The") :])),
        Observation("missing", "reason", "No reason." + word),
    )
    moved = quoted(first, "I moved 😀 two")
    scores = (
        Score("relevance", 4, "Nearly every part." + word, (moved,), "Found: a case." + word),
        Score("depth", 3, "Says why." + word, (), capped=True),
        NotScored("own" + word, "own_criterion"),
    )
    outline = (OutlineStep("own_action", "Your step." + word, moved), OutlineStep("result", "Say [what]."))
    delivery = Delivery(3, 3.2, None, 1, fillers_at_least=True, pauses=0, talk_seconds=2.4)
    silent = tuple(NotScored(each, "nothing_to_assess") for each in ("relevance", "depth"))
    feedback = Feedback(
        (
            AnswerFeedback(1, 1, seen, by, scores, 3.6, outline, Delivery(12), ("repeated",)),
            AnswerFeedback(2, 2, (), by, silent, delivery=delivery),
        ),
        totals=(Total("relevance", 4.0, 1), Total("depth", 3.0, 1)),
        overall=3.6,
        summary="Two answers." + word,
        practice=("Say why." + word,),
        limitations="It cannot tell truth." + word,
        provenance=by,
        plan=Plan().fingerprint,
    )
    return [
        Attached("secret-token-hash", "secret-owner"),
        StartInterview(Plan(questions=2)),
        ChooseDifficulty("mid " + word),
        QuestionAsked(Question(1, asked, Slot("ownership"), built_on, None, "mid " + word, by)),
        SubmitAnswer(1, first),
        FollowUpWanted(1, "reason"),
        QuestionAsked(Question(2, "Why?" + word, follow_up_to=1, provenance=by)),
        RecordAnswer(2),
        AnswerRecorded(2, Transcript("It hurt" + word, "whisper" + word, 0.5, 3.2)),
        CorrectAnswer(2, "It hurt them." + word),
        QuestionAsked(Question(3, "And then?" + word, provenance=by)),
        Analyze(),
        FeedbackGiven(feedback),
    ]


def held(word: str = "") -> Interview:
    return Interview(id="7f3c" + word).following(entries(word))


def changed(again: str = "Another <answer>.") -> Interview:
    """Its first answer was given again, and so has no feedback as it stands."""
    done = held().following([Analyze()])
    answered = done.following([ChooseDifficulty("mid"), SubmitAnswer(3, "Nothing else.")])
    return answered.following([RetryQuestion(1), SubmitAnswer(1, again)])


class Skeleton(HTMLParser):
    """A page taken apart: its tags with their attributes, what else is markup, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[Any, ...]] = []
        self.others: list[str] = []
        self.text = ""
        self.marks: list[str] = []
        self.inside: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, *attrs))
        if tag != "meta":
            self.inside.append(tag)
        if tag == "mark":
            self.marks.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.inside.pop() == tag, "elements overlap"
        self.tags.append((f"/{tag}",))

    def handle_data(self, data: str) -> None:
        if "style" not in self.inside:
            self.text += data
        if "mark" in self.inside:
            self.marks[-1] += data

    def handle_comment(self, data: str) -> None:
        self.others.append(data)

    def handle_pi(self, data: str) -> None:
        self.others.append(data)

    def unknown_decl(self, data: str) -> None:
        self.others.append(data)


def renderer() -> MarkdownIt:
    """CommonMark with what GitHub adds to it: tables, struck text, links where an address stands."""
    shown = MarkdownIt("commonmark", {"linkify": True}).enable(["table", "strikethrough", "linkify"])
    shown.linkify = LinkifyIt({}, {"fuzzy_link": False, "fuzzy_ip": False})
    return shown


GITHUB = renderer()
INLINE = {
    "text",
    "softbreak",
    "hardbreak",
    "code_inline",
    "strong_open",
    "strong_close",
    "em_open",
    "em_close",
}


class Rendered:
    """A Markdown report as it is shown."""

    def __init__(self, markdown: str) -> None:
        tokens = GITHUB.parse(markdown)
        blocks = [(token.type, token.tag) for token in tokens if token.type != "inline"]
        self.blocks = [block for block in blocks if not block[0].startswith("paragraph")]
        """But the paragraphs: an empty line in an answer makes one more."""
        self.lines = [token.children or [] for token in tokens if token.type == "inline"]

    @property
    def kinds(self) -> Counter[str]:
        return Counter(piece.type for line in self.lines for piece in line)

    @property
    def text(self) -> str:
        """What a reader sees, on one line."""
        said = ("".join(" " if p.type.endswith("break") else p.content for p in line) for line in self.lines)
        return " ".join(" ".join(said).split())

    @property
    def uncoded(self) -> str:
        return " ".join(piece.content for line in self.lines for piece in line if piece.type == "text")


@lru_cache(maxsize=1)
def harmless() -> tuple[list[tuple[Any, ...]], Rendered, str]:
    """The same interview without any of it: the page's tags, the Markdown, and the page's text."""
    page = Skeleton(as_html(held(), made_at=AT))
    return page.tags, Rendered(as_markdown(held(), made_at=AT)), page.text


def shown(text: str) -> str:
    return " ".join(plain(text).split())


# --------------------------------------------------------------------------- nothing becomes markup


@pytest.mark.parametrize("text", TEXTS)
def test_no_text_becomes_markup_in_html(text: str) -> None:
    page = Skeleton(as_html(held(text), made_at=AT))
    tags, _, said = harmless()
    assert page.tags == tags
    assert page.others == []
    assert page.text.replace(plain(text), "") == said.replace(plain(text), "")
    assert page.text.count(plain(text)) > 15, "it stands wherever it was put"


@pytest.mark.parametrize("text", TEXTS)
def test_no_text_becomes_markup_in_markdown(text: str) -> None:
    report = as_markdown(held(text), made_at=AT)
    rendered, usual = Rendered(report), harmless()[1]
    assert rendered.blocks == usual.blocks
    assert set(rendered.kinds) <= INLINE
    assert [rendered.kinds[kind] for kind in ("strong_open", "em_open")] == [usual.kinds["strong_open"], 1]
    for said in (f"Tell me about the nights.{text}", ANSWER + text, f"You say what you did.{text}"):
        assert shown(said) in rendered.text, "each letter is there"
    # GitHub looks for links in the source, for addresses and names in what is left after escaping.
    source = re.sub(r"`[^`\n]*`", "", report)
    assert not re.search(r"(?<!\\)www\.|(?:https?|ftp)://", source, re.IGNORECASE)
    assert not re.search(r"[\w.+-]@[\w.-]|(?<!\w)@\w", rendered.uncoded)


@pytest.mark.parametrize("text", TEXTS)
def test_no_text_commands_a_terminal_or_turns_the_reading_order(text: str) -> None:
    done = held(text)
    for report in (as_text(done), as_markdown(done), as_html(done), as_json(done).decode()):
        assert FORBIDDEN.search(report) is None


@pytest.mark.parametrize("text", TEXTS)
def test_json_gives_every_text_back_exactly(text: str) -> None:
    report = json.loads(as_json(held(text)))
    question = report["questions"][0]
    assert report["summary"] == f"Two answers.{text}"
    assert question["answer"]["text"] == ANSWER + text
    for seen in question["feedback"]["observations"]:
        if quote := seen.get("quote"):
            assert question["answer"]["text"][quote["start"] : quote["end"]] == quote["text"]


@settings(max_examples=150, deadline=None)
@given(st.text(st.sampled_from("ab1 .:/@\\`*_[]()<>&~|!#+-=$'\"\n\twW"), max_size=30))
def test_nothing_that_is_made_of_special_signs_becomes_markup(text: str) -> None:
    rendered = Rendered(as_markdown(held(text), made_at=AT))
    assert rendered.blocks == harmless()[1].blocks
    assert set(rendered.kinds) <= INLINE
    assert shown(ANSWER + text) in rendered.text
    assert Skeleton(as_html(held(text), made_at=AT)).tags == harmless()[0]


@pytest.mark.parametrize("sign", [".", "@", "a@", "a.", "www", "/", "a@.", " ", "_", "`", "\n", "<", "1"])
def test_the_longest_answer_takes_no_long_time_whatever_it_is_made_of(sign: str) -> None:
    answer = Answer((sign * MAX_TEXT)[:MAX_TEXT])
    long = Interview(id="i", turns=(Turn(Question(1, "Why?"), answer),))
    began = time.process_time()
    for form in (as_text, as_markdown, as_html, as_json):
        form(long)
    assert time.process_time() - began < 2  # seconds; 0.05 here, minutes where a pattern looks twice


def test_half_of_a_surrogate_pair_does_not_keep_a_report_from_being_written() -> None:
    broken = Interview(id="i", difficulty="\ud83d", feedback=Feedback((), summary="\udc00 Done."))
    for report in (as_html(broken), as_markdown(broken), as_text(broken)):
        assert report.encode()


def test_plain_keeps_lines_and_letters_of_every_script() -> None:
    kept = "שלום 日本 é\tтекст 👩‍💻"
    assert plain(kept) == kept
    assert plain("a\r\nb\rc\u2028d") == "a\nb\nc\nd"


# -------------------------------------------------------------------------------------- HTML


def test_the_page_marks_what_is_quoted_where_it_stands() -> None:
    page = Skeleton(as_html(held()))
    assert page.marks == ["I moved 😀 two people. It", "The backlog fell to forty."]  # two overlapped
    assert ANSWER in page.text


def test_the_page_needs_and_allows_nothing_else() -> None:
    page = Skeleton(as_html(held(), made_at=AT))
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    assert ("meta", ("http-equiv", "Content-Security-Policy"), ("content", policy)) in page.tags
    attributes = {name for _, *attributes in page.tags for name, _ in attributes}
    assert not attributes & {"src", "href", "action", "srcset", "style", "background"}
    assert not any(name.startswith("on") for name in attributes)
    assert not {tag for tag, *_ in page.tags} & {"script", "link", "img", "form", "iframe", "a"}
    assert "url(" not in as_html(held())
    assert "@import" not in as_html(held())


def test_the_page_names_its_language_and_that_of_the_interview() -> None:
    german = held()
    german.plan = Plan(language="de-AT")
    page = as_html(german)
    assert page.startswith('<!doctype html>\n<html lang="en">')
    assert '<blockquote dir="auto" lang="de-AT">' in page
    german.plan = Plan(language='de" onload="x')
    assert "onload" not in as_html(german)


ELEMENTS = """pages => pages.map(page =>
  [...new DOMParser().parseFromString(page, "text/html").querySelectorAll("*")].map(element =>
    element.tagName + [...element.attributes].map(each => ` ${each.name}=${each.value}`).join("")))"""


def test_a_browser_shows_it_on_paper_on_a_telephone_and_in_the_dark() -> None:
    need("Chromium", CHROMIUM)

    async def look(tmp: str) -> None:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            for scheme, width in (("light", 360), ("dark", 1000)):
                context = await browser.new_context(
                    color_scheme=scheme, viewport={"width": width, "height": 800}, bypass_csp=False
                )
                page = await context.new_page()
                said: list[str] = []
                asked: list[str] = []
                page.on("console", lambda message, said=said: said.append(message.text))
                page.on("request", lambda request, asked=asked: asked.append(request.url))
                await page.set_content(tmp)
                assert await page.evaluate("document.documentElement.scrollWidth") == width
                assert await page.locator("mark").count() == 2
                assert await axe(page) == []
                assert (said, asked) == ([], [])
            assert len(await page.pdf(format="A4")) > 10_000
            usual, *hostile = await page.evaluate(ELEMENTS, [as_html(held(text)) for text in ("", *TEXTS)])
            assert len(usual) > 50
            assert all(elements == usual for elements in hostile)
            await browser.close()

    asyncio.run(look(as_html(held("<script>alert(1)</script> " + "long" * 40), made_at=AT)))


# ------------------------------------------------------------------------------------ what it says


def test_every_form_says_the_same() -> None:
    done = held()
    page, report = Skeleton(as_html(done, made_at=AT)).text, Rendered(as_markdown(done, made_at=AT)).text
    for words in (
        done.plan.fingerprint,
        "2026-05-04 15:30 UTC",
        "coach, m-1, prompt version 7 (in place of anthropic)",
        "2 of 2 asked, 1 answered, and 1 follow-up",
        "From your résumé: “Moved people”",
        "Follow-up to question 1",
        "spoken and understood by whisper, 3 seconds, confidence 50%",
        "Before it was corrected",
        "It hurt them.",
        "Not answered.",
        "No reason.",
        "Say why.",
        "Overall 3.6 of 5: Relevance 4.0, Depth for the level 3.0.",
        "Relevance, 4 of 5: Nearly every part. Found: a case. “I moved 😀 two”",
        "Depth for the level, 3 of 5: Says why. It would be higher, had words of the answer borne it out.",
        "Own, not scored: It is a criterion of this interview's own",
        "Not scored: There is nothing in it that could be scored.",
        "Delivery, which goes into no score: 12 words.",
        "3 words, 3 seconds of which 2 talking, at least 1 fillers such as “um”, 0 pauses.",
        "What was said twice counted once.",
        "A better answer in outline",
        "Your step. “I moved 😀 two”",
        "Say [what].",
        "It cannot tell truth.",
    ):
        assert re.sub("[“”]", "", words) in re.sub("[“”]", "", page), words
        assert words in report, words


def test_the_plain_text_tells_the_scores_in_sentences_without_a_table() -> None:
    said = as_text(held())
    for words in (
        "Overall 3.6 of 5: Relevance 4.0, Depth for the level 3.0.",
        "  Relevance, 4 of 5: Nearly every part.",
        "  Not scored: There is nothing in it that could be scored.",
        "  A better answer in outline:\n    Your step. “I moved 😀 two”\n    Say [what].",
    ):
        assert words in said


class Charts(HTMLParser):
    """The names and the widths of the bars of the charts of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.bars: list[float] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "svg":
            assert given["role"] == "img"
            self.names.append(given["aria-label"] or "")
        if given.get("class") == "bar":
            self.bars.append(float(given["width"] or 0))


def test_the_chart_has_a_bar_for_each_dimension_and_a_name_that_says_the_same() -> None:
    chart = Charts(as_html(held()))
    assert chart.names == [
        "Mean score by dimension, from 1 to 5: Relevance 4.0; Depth for the level 3.0",
    ]
    relevance, depth = chart.bars
    assert relevance / depth == pytest.approx(4 / 3)


@pytest.mark.parametrize("text", TEXTS)
def test_a_hosts_dimension_is_text_in_the_chart_whatever_it_is_called(text: str) -> None:
    done = held()
    assert done.feedback is not None
    usual = Skeleton(as_html(done))
    done.feedback = replace(done.feedback, totals=(Total(text, 4.0, 1), Total("own" + text, 3.0, 1)))
    page = Skeleton(as_html(done))
    assert [tag for tag, *_ in page.tags] == [tag for tag, *_ in usual.tags]
    assert page.others == []


def test_without_a_score_there_is_no_chart() -> None:
    done = held()
    assert done.feedback is not None
    done.feedback = replace(done.feedback, totals=(), overall=None)
    assert Charts(as_html(done)).names == []
    assert "Overall 3.6 of 5: " not in as_markdown(done)


def test_questions_are_counted_as_a_candidate_counts() -> None:
    titles = ["Question 1", "Follow-up to question 1", "Question 2"]
    assert re.findall(r"^### (.*)$", as_markdown(held()), re.MULTILINE) == titles
    assert [each["title"] for each in json.loads(as_json(held()))["questions"]] == titles


def test_an_answer_that_changed_since_is_marked_and_the_quotes_stay_with_the_one_they_are_from() -> None:
    done = changed()
    report = json.loads(as_json(done))
    first = report["questions"][0]
    assert report["stale"] == [1, 3]
    assert first["feedback"]["stale"] is True
    assert (first["feedback"]["revision"], first["answer"]["revision"]) == (1, 2)
    assert [attempt["text"] for attempt in first["attempts"]] == [ANSWER]
    page = Skeleton(as_html(done))
    assert page.marks == ["I moved 😀 two people. It", "The backlog fell to forty."]
    assert (
        page.text.index("Another <answer>.") < page.text.index("Earlier attempt 1") < page.text.index(ANSWER)
    )
    for said in (page.text, as_markdown(done), as_text(done)):
        assert "This answer has changed and has no feedback yet." in said


def test_the_same_words_in_an_answer_that_no_feedback_is_on_are_not_marked() -> None:
    page = Skeleton(as_html(changed(ANSWER + " More.")))
    assert len(page.marks) == 2
    assert page.text.count("The backlog fell to forty. More.") == 1


def test_a_correction_takes_the_marks_off_the_answer_and_leaves_them_on_the_original() -> None:
    done = held().following([CorrectAnswer(1, "Something else entirely.")])
    page = Skeleton(as_html(done))
    assert page.marks == ["I moved 😀 two people. It", "The backlog fell to forty."]
    assert page.text.index("Before it was corrected") < page.text.index(ANSWER)


def test_every_report_says_how_much_was_left_out() -> None:
    done = held()
    assert done.feedback is not None
    answers = list(done.feedback.answers)
    answers[0] = replace(answers[0], dropped_quotes=1, dropped_remarks=3)
    done = replace(done, feedback=replace(done.feedback, answers=tuple(answers), dropped_remarks=4))
    told = "Left out, because nothing that was said bears it out: 1 quote and 3 remarks."
    for report in (as_text(done), as_markdown(done), Skeleton(as_html(done)).text):
        assert report.count("Left out") == 1
        assert told in report
    kept = json.loads(as_json(done))
    assert kept["dropped_remarks"] == 4
    first = kept["questions"][0]["feedback"]
    assert (first["dropped_quotes"], first["dropped_remarks"]) == (1, 3)


def test_json_has_its_own_version_and_these_fields() -> None:
    report = json.loads(as_json(held(), made_at=AT))
    assert list(report) == [
        *(
            "format",
            "version",
            "offsets",
            "interview",
            "made_at",
            "state",
            "difficulty",
            "level",
            "plan",
            "fingerprint",
        ),
        *("questions", "stale", "summary", "practice", "limitations", "dropped_quotes"),
        *("dropped_remarks", "totals", "overall", "provenance"),
    ]
    assert (report["format"], report["version"]) == ("interview_fsm.report", 1)
    assert (report["offsets"], report["made_at"]) == ("code points", "2026-05-04T15:30:00Z")
    assert report["fingerprint"] == held().plan.fingerprint
    first, second, _ = report["questions"]
    assert (first["slot"], first["evidence"]["id"]) == ({"competency": "ownership"}, "e1")
    assert (second["answer"]["original"], second["answer"]["transcript"]["engine"]) == ("It hurt", "whisper")


def test_no_report_tells_the_token_or_the_owner() -> None:
    for report in (as_text(held()), as_markdown(held()), as_html(held()), as_json(held()).decode()):
        assert "secret" not in report


def test_an_interview_that_has_not_begun_has_a_report_too() -> None:
    new = Interview(id="i")
    assert "There is no feedback yet." in as_markdown(new)
    assert "There is no feedback yet." in as_html(new)
    assert json.loads(as_json(new))["provenance"] is None


# -------------------------------------------------------------------------------- the command line


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Where the interview is kept, with an entry a second."""

    async def keep() -> None:
        storage = await adapters.load("sqlite", path=tmp_path / "kept.sqlite3")
        for place, event in enumerate(entries(), 1):
            await storage.append("7f3c", place - 1, Entry(place, f"~{place}", 60.0 * place, (event,)))
        await storage.aclose()

    asyncio.run(keep())
    return tmp_path / "kept.sqlite3"


def call(database: Path, *arguments: str) -> Result:
    return CliRunner().invoke(cli.main, ["report", *arguments, "--database", str(database)])


def test_the_form_is_what_is_asked_for_else_by_the_name_of_the_file_else_text(
    database: Path, tmp_path: Path
) -> None:
    given_at = datetime.fromtimestamp(60 * len(entries()), UTC)
    assert call(database, "7f3c").stdout == as_text(held()) + "\n"
    assert call(database, "7f3c", "--format", "md").stdout == as_markdown(held(), made_at=given_at)
    kept = tmp_path / "report.html"
    assert call(database, "7f3c", "-o", str(kept)).exit_code == 0
    assert kept.read_text(encoding="utf-8") == as_html(held(), made_at=given_at)
    assert call(database, "7f3c", "-f", "json", "-o", str(kept)).exit_code == 0
    assert json.loads(kept.read_bytes())["interview"] == "7f3c"


def test_what_cannot_be_reported_or_written_is_one_sentence(database: Path, tmp_path: Path) -> None:
    for arguments, code in ((["nowhere"], 1), (["7f3c", "-o", str(tmp_path / "no" / "r.md")], 4)):
        done = call(database, *arguments)
        assert done.exit_code == code
        assert len(done.stderr.splitlines()) == 1
        assert done.stdout == ""
