"""What a candidate does on the page: everything is found as a person finds it, by its role and name."""

from __future__ import annotations

from playwright.async_api import Locator, Page, expect

RESUME = """Ada Example

Experience
Software engineer, Northwind Traders, 2019 to 2023
- Cut the nightly payroll run from 4 hours to 20 minutes by rewriting its slowest step.
- Led the move of 40 services to a new cluster.

Skills
Python, SQL, Kubernetes
"""
ANSWER = "I measured it first and rewrote the slow part myself because nobody else had time: 20 minutes."
"""What was done, by whom, why, and what came of it: nothing for a follow-up to ask."""
VAGUE = (
    "We had a problem with the payroll in spring, and everybody was worried about it for weeks. "
    "Then the team fixed it together, and we were all very glad that it was over."
)
"""An answer that is followed up: it is long, and says nothing of one's own part."""


class Sitting:
    """An interview on one page."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.main = page.get_by_role("main")
        self.heading = page.get_by_role("heading", level=1)
        self.interviewer = page.get_by_role("region", name="Interviewer")
        self.question = self.interviewer.locator(".question")
        self.answer_box = page.get_by_label("Your answer", exact=True).first
        self.banner = page.locator("#banner-text")

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    async def press(self, name: str) -> None:
        await self.button(name).click()

    async def paste(self, text: str = RESUME) -> None:
        """Give a résumé as text, and wait until what was read is shown."""
        await self.page.get_by_text("Paste the text instead").click()
        await self.page.get_by_label("Text of your résumé").fill(text)
        await self.press("Use this text")
        await expect(self.read).to_be_visible()

    @property
    def read(self) -> Locator:
        return self.page.get_by_role("group", name="What was read")

    async def begin(self, questions: int = 2) -> str:
        """Begin from the setup screen; the first question."""
        await self.page.get_by_label("Number of questions").fill(str(questions))
        await self.press("Begin the interview")
        return await self.asked(1)

    async def asked(self, number: int) -> str:
        """Wait until main question *number* is open; its text."""
        await expect(self.heading).to_contain_text(f"Question {number} of")
        await expect(self.question).not_to_be_empty()
        await expect(self.answer_box).to_be_editable()
        return await self.question.inner_text()

    async def answer(self, text: str = ANSWER) -> None:
        """Send an answer, and wait until it is shown as stored."""
        await self.answer_box.fill(text)
        await self.press("Send answer")
        await expect(self.answer_box).not_to_have_value(text)

    async def state(self, name: str) -> None:
        """Wait until the interview is in that state."""
        await expect(self.main).to_have_attribute("data-state", name)

    async def screen(self, name: str) -> None:
        """Wait until that screen is shown."""
        await expect(self.main).to_have_attribute("data-screen", name)

    async def sit(self, questions: int = 2, answer: str = ANSWER) -> None:
        """A whole interview, to the feedback."""
        await self.begin(questions)
        for number in range(1, questions + 1):
            await self.asked(number)
            await self.answer(f"{answer} ({number})")
        await self.press("Finish and get feedback")
        await self.feedback()

    async def feedback(self) -> None:
        """Wait until the feedback is there, beside what was answered."""
        await self.screen("report")
        await expect(self.page.get_by_role("region", name="In short")).to_be_visible()
        await expect(self.page.locator(".note")).not_to_have_count(0)
        await expect(self.page.locator("[data-ref=analyze]")).to_be_hidden()

    async def stop(self, name: str = "Stop the interview") -> None:
        """Stop for good, by the button of that name and that of the dialog."""
        await self.press(name)
        await self.page.get_by_role("dialog").get_by_role("button", name=name, exact=True).click()
        await self.state("stopped")
