"""Makes the résumés in ``tests/resumes`` and the one that ``interview-fsm demo`` brings.

People, employers, schools and places are invented. Run ``python tests/make_resumes.py`` after a change; the
same release of reportlab writes the same bytes (no dates, no random ids), and a test compares the text.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reportlab.lib.colors import Color, black, white
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.lib.utils import ImageReader, simpleSplit
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas

HERE = Path(__file__).resolve().parent
FOLDER = HERE / "resumes"
DEMO = HERE.parent / "src" / "interview_fsm" / "data" / "demo_resume.pdf"

WIDE, HIGH = 595.0, 842.0
DARK, GREY, BLUE = Color(0.13, 0.22, 0.32), Color(0.4, 0.4, 0.4), Color(0.1, 0.3, 0.6)


@dataclass
class Sheet:
    """Pages that are written from the top. ``y`` is the baseline, in points from the upper edge."""

    encrypt: StandardEncryption | None = None
    y: float = 60.0
    file: io.BytesIO = field(default_factory=io.BytesIO)

    def __post_init__(self) -> None:
        self.canvas = Canvas(self.file, pagesize=(WIDE, HIGH), invariant=1, encrypt=self.encrypt)

    def write(
        self, x: float, text: str, *, size: float = 10.0, bold: bool = False, colour: Color = black
    ) -> None:
        """One line at *x* on the present baseline."""
        self.canvas.setFont("Helvetica-Bold" if bold else "Helvetica", size)
        self.canvas.setFillColor(colour)
        self.canvas.drawString(x, HIGH - self.y, text)

    def right(self, x: float, text: str, *, size: float = 10.0, colour: Color = GREY) -> None:
        """One line that ends at *x*."""
        self.write(x - stringWidth(text, "Helvetica", size), text, size=size, colour=colour)

    def wrap(self, x: float, width: float, text: str, *, size: float = 10.0, colour: Color = black) -> None:
        """Lines of at most *width*; afterwards the baseline is that of the line below."""
        for line in simpleSplit(text, "Helvetica", size, width):
            self.write(x, line, size=size, colour=colour)
            self.y += 1.25 * size

    def bullet(self, x: float, width: float, text: str, *, size: float = 10.0) -> None:
        """An item of a list."""
        self.write(x, "•", size=size)
        self.wrap(x + 10, width - 10, text, size=size)

    def heading(self, x: float, text: str, *, size: float = 13.0, colour: Color = BLUE) -> None:
        """A section's title, with room above."""
        self.y += 12
        self.write(x, text, size=size, bold=True, colour=colour)
        self.y += 1.5 * size

    def block(self, x: float, y: float, width: float, height: float, colour: Color) -> None:
        """A filled rectangle, its upper left corner at *x* and *y*."""
        self.canvas.setFillColor(colour)
        self.canvas.rect(x, HIGH - y - height, width, height, stroke=0, fill=1)

    def turn(self) -> None:
        """Begin another page."""
        self.canvas.showPage()
        self.y = 60.0

    def pdf(self) -> bytes:
        """What was written."""
        self.canvas.showPage()
        self.canvas.save()
        return self.file.getvalue()


def head(sheet: Sheet, x: float, name: str, *lines: str, colour: Color = black) -> None:
    """A name and what stands below it."""
    sheet.write(x, name, size=22, bold=True, colour=colour)
    sheet.y += 20
    for line in lines:
        sheet.write(x, line, colour=GREY)
        sheet.y += 13


def entry(sheet: Sheet, x: float, title: str, when: str, items: Iterable[str]) -> None:
    """A job: its title, its dates at the right edge, and what was done."""
    sheet.write(x, title, bold=True)
    sheet.right(545, when)
    sheet.y += 14
    for item in items:
        sheet.bullet(x + 8, 537 - x, item)
    sheet.y += 6


# ----------------------------------------------------------------------------------------- the demo


def demo() -> bytes:
    """Mara Lindqvist, software engineer with five years behind her."""
    sheet = Sheet()
    head(
        sheet,
        50,
        "Mara Lindqvist",
        "Software Engineer",
        "mara.lindqvist@example.org  ·  Gothenburg, Sweden",
    )
    sheet.heading(50, "Summary")
    sheet.wrap(
        50,
        495,
        "Backend engineer with five years of experience in Python and PostgreSQL. I like systems that are "
        "measured before they are changed, and teams in which a junior may question a senior.",
    )
    sheet.heading(50, "Experience")
    entry(
        sheet,
        50,
        "Senior Software Engineer, Halvorsen Freight Systems",
        "Mar 2024 – present",
        (
            "Led the move of the booking service from one monolith to four services; releases went from one "
            "a month to nine a week, with no outage over five minutes in the year since.",
            "Reduced the 95th percentile latency of route search from 1.8 s to 240 ms by indexing and "
            "caching, which cut timeouts at checkout by 62%.",
            "Mentor two junior engineers; both now carry the on-call pager on their own.",
        ),
    )
    entry(
        sheet,
        50,
        "Software Engineer, Brightmoor Analytics",
        "Aug 2021 – Feb 2024",
        (
            "Built the import pipeline for 40 million meter readings a day in Python and Kafka; it replaced "
            "a nightly job that took 7 hours by a stream that is never more than 3 minutes behind.",
            "Introduced property-based tests for the billing rules and found 14 errors before customers did.",
            "Cut the monthly cloud bill from 31,000 to 19,000 euros by right-sizing and archiving.",
        ),
    )
    entry(
        sheet,
        50,
        "Working student, Tidewater Robotics Lab",
        "Sep 2020 – Jul 2021",
        ("Wrote the telemetry viewer that 12 researchers use to replay test runs.",),
    )
    sheet.heading(50, "Education")
    entry(
        sheet,
        50,
        "M.Sc. Computer Science, University of Västervik",
        "2019 – 2021",
        ("Thesis: Scheduling repairs of offshore turbines under uncertain weather.",),
    )
    sheet.heading(50, "Skills")
    sheet.wrap(
        50, 495, "Python, PostgreSQL, Kafka, Kubernetes, Terraform, Go (basic), Swedish, English, German"
    )
    return sheet.pdf()


# ------------------------------------------------------------------------------------------ layouts


def one_column() -> bytes:
    sheet = Sheet()
    head(sheet, 50, "Tomasz Ferreira", "Registered Nurse", "tomasz.ferreira@example.org  ·  Port Ellery")
    sheet.heading(50, "Profile")
    sheet.wrap(
        50,
        495,
        "Emergency nurse who has worked nights for six years and still likes them. Known for calm handovers "
        "and for teaching new colleagues to speak up when a number looks wrong.",
    )
    for title, employer, items in (
        (
            "Charge Nurse, 2022 to today",
            "Saint Orwin Hospital",
            (
                "Lead a night shift of nine nurses in a department with 140 patients a day.",
                "Introduced a five-line handover card; medication errors at shift change fell from eleven "
                "to three in a quarter.",
            ),
        ),
        (
            "Staff Nurse, 2018 to 2022",
            "Kestrel Valley Clinic",
            ("Trained 24 colleagues in triage.", "Ran the vaccination tent for 3,100 visitors."),
        ),
    ):
        sheet.heading(50, title, size=11, colour=black)
        sheet.write(50, employer, colour=GREY)
        sheet.y += 14
        for item in items:
            sheet.bullet(58, 480, item)
    sheet.heading(50, "Education")
    sheet.write(50, "B.Sc. Nursing, Ellery School of Health, 2018")
    return sheet.pdf()


def two_columns() -> bytes:
    """Drawn row by row across both columns, as office programs do."""
    sheet = Sheet()
    head(sheet, 50, "Ines Okonkwo-Baptiste", "Secondary school teacher, mathematics and physics")
    sheet.block(50, sheet.y, 495, 1, GREY)
    left = [
        ("Experience", True),
        ("Head of mathematics, Larkfield Academy, 2021 to today", True),
        ("Rebuilt the sixth-form course around weekly problem", False),
        ("sessions; the share of pupils who choose further", False),
        ("mathematics rose from 9 to 23 percent.", False),
        ("Lead a department of seven and watch two lessons", False),
        ("of each colleague every term.", False),
        ("Teacher, Quillmere High School, 2015 to 2021", True),
        ("Started the robotics club, which went to the national", False),
        ("finals three years in a row with pupils who had never", False),
        ("held a soldering iron before.", False),
        ("Wrote the physics workbook that four schools use.", False),
        ("Substitute teacher, Dunmarrow College, 2014", True),
        ("Covered eleven classes in two languages.", False),
    ]
    right = [
        ("Contact", True),
        ("ines.okonkwo@example.org", False),
        ("Larkfield, Westmark", False),
        ("Skills", True),
        ("Curriculum design, classroom", False),
        ("observation, Python, LaTeX", False),
        ("Languages", True),
        ("English, Portuguese, French", False),
        ("Education", True),
        ("M.Ed., University of Westmark,", False),
        ("2014, with a thesis on why", False),
        ("pupils stop asking questions", False),
        ("B.Sc. Physics, Harrowgate", False),
        ("Institute, 2012", False),
    ]
    top = sheet.y + 30
    for row, ((one, bold), (other, strong)) in enumerate(zip(left, right, strict=True)):
        sheet.y = top + 18 * row
        sheet.write(50, one, bold=bold)
        # offset, so that no line of one column stands on a line of the other
        sheet.y += 5
        sheet.write(375, other, bold=strong)
    return sheet.pdf()


def left_dates() -> bytes:
    sheet = Sheet()
    head(sheet, 50, "Jorun Takahashi-Vale", "Structural engineer", "jorun.vale@example.org")
    sheet.heading(150, "Experience")
    for when, title, text in (
        (
            "2020 – today",
            "Senior engineer, Arkwright & Moss Bridges",
            "Design lead for the Senna footbridge, 212 metres, finished four months early. I wrote the "
            "vibration study that let us drop the dampers and saved 1.3 million.",
        ),
        (
            "2016 – 2020",
            "Engineer, Pellworm Consulting",
            "Checked 60 existing rail bridges; built the spreadsheet, later the program, that ranks them by "
            "remaining life and is used by the state authority since.",
        ),
        ("2014 – 2016", "Trainee, City of Osterby", "Surveyed culverts and learned to read old drawings."),
    ):
        sheet.write(50, when, colour=BLUE)
        sheet.write(150, title, bold=True)
        sheet.y += 14
        sheet.wrap(150, 395, text)
        sheet.y += 8
    sheet.heading(150, "Education")
    sheet.write(50, "2009 – 2014", colour=BLUE)
    sheet.write(150, "Diploma in civil engineering, Technical University of Osterby")
    sheet.y += 14
    sheet.write(50, "2009", colour=BLUE)
    sheet.write(150, "School leaving certificate")
    return sheet.pdf()


def right_dates() -> bytes:
    """Place, dates and length of stay stand beside bullets that run over line ends."""
    sheet = Sheet()
    head(sheet, 50, "Casimir Odhiambo", "Product designer", "casimir.odhiambo@example.org")
    sheet.heading(50, "Experience")
    for title, beside, items in (
        (
            "Lead designer, Moonhollow Games",
            ("Tarnwick, Fjordland", "May 2022 – today", "4 years"),
            (
                "Redesigned the first ten minutes of the game after watching thirty players get lost; the "
                "share that comes back the next day grew from 31 to 44 percent.",
                "Built a library of 85 components that three teams share.",
            ),
        ),
        (
            "Designer, Ashgrove Savings Bank",
            ("Merriden", "Jan 2019 – Apr 2022", "3 years 4 months"),
            (
                "Made the loan form readable: from 41 fields to 17, and from nine calls to the help line "
                "per hundred customers to two.",
                "Ran 60 interviews with customers over seventy.",
            ),
        ),
        (
            "Junior designer, Fennel & Daughters",
            ("Merriden", "Jun 2017 – Dec 2018", "1 year 7 months"),
            (
                "Drew icons, packed boxes and once a whole catalogue in a week when the printer had moved "
                "its date without telling anyone.",
            ),
        ),
    ):
        first = sheet.y
        sheet.write(50, title, bold=True)
        for line in beside:
            sheet.right(545, line)
            sheet.y += 12.5
        sheet.y = first + 12.5
        for item in items:
            sheet.bullet(58, 350, item)
        sheet.y += 8
    sheet.heading(50, "Education")
    sheet.write(50, "B.A. Visual Communication, Merriden School of Arts", bold=True)
    sheet.right(545, "2017")
    return sheet.pdf()


def sidebar() -> bytes:
    """White on dark at the left; the main text at the right."""
    sheet = Sheet()
    sheet.block(0, 0, 190, HIGH, DARK)
    sheet.write(24, "Priya Anand-Keller", size=17, bold=True, colour=white)
    sheet.y += 20
    sheet.write(24, "Data analyst", colour=white)
    for title, lines in (
        ("Contact", ("priya.keller@example.org", "Norrhaven")),
        (
            "Skills",
            ("SQL and dbt", "Python, pandas", "Forecasting", "Writing for people who", "do not like charts"),
        ),
        ("Languages", ("German", "Tamil", "English")),
        ("Interests", ("Bell ringing", "Long trains")),
    ):
        sheet.y += 16
        sheet.heading(24, title, size=12, colour=white)
        for line in lines:
            sheet.write(24, line, colour=white)
            sheet.y += 14
    sheet.y = 66
    sheet.heading(215, "Experience")
    for title, text in (
        (
            "Senior analyst, Norrhaven Transit, 2021 to today",
            "Built the model that predicts how full each tram will be half an hour ahead; drivers see it, "
            "and complaints about crowding fell by a third within a winter.",
        ),
        (
            "Analyst, Tallow Street Market, 2018 to 2021",
            "Found that two thirds of spoiled fruit came from one delivery window and had it moved, which "
            "saved 90,000 a year for a week of work.",
        ),
        (
            "Intern, Statistical Office of Norrhaven, 2017",
            "Cleaned the census of bicycles by hand, then wrote the script that does it now.",
        ),
    ):
        sheet.write(215, title, bold=True)
        sheet.y += 15
        sheet.wrap(215, 340, text)
        sheet.y += 8
    sheet.heading(215, "Education")
    sheet.wrap(
        215,
        340,
        "M.Sc. Statistics, University of Norrhaven, 2018. Thesis on small samples in "
        "local elections, graded with distinction by both readers.",
    )
    return sheet.pdf()


def table_skills() -> bytes:
    sheet = Sheet()
    head(sheet, 50, "Baltasar Nyström", "Automotive mechanic, master craftsman", "b.nystrom@example.org")
    sheet.heading(50, "Experience")
    entry(
        sheet,
        50,
        "Workshop manager, Ironbridge Motors",
        "2019 – today",
        ("Run a workshop of six; 1,900 repairs a year, 97 percent done on the promised day.",),
    )
    entry(
        sheet,
        50,
        "Mechanic, Garage Vestergaard",
        "2011 – 2019",
        ("Specialised in electric drive trains before most customers had seen one.",),
    )
    sheet.heading(50, "Skills")
    rows = (
        ("Skill", "Level", "Years", "Last used"),
        ("Diagnosis of electric drives", "expert", "9", "2026"),
        ("Welding", "advanced", "14", "2025"),
        ("Estimating", "advanced", "7", "2026"),
        ("Apprentice training", "expert", "6", "2026"),
    )
    for row in rows:
        for x, cell in zip((50, 250, 350, 430), row, strict=True):
            sheet.write(x, cell, bold=row is rows[0])
        sheet.block(50, sheet.y + 4, 440, 0.5, GREY)
        sheet.y += 16
    sheet.heading(50, "Certificates")
    sheet.wrap(50, 495, "Master's certificate (2016), high-voltage licence (2018), first aid (2025)")
    return sheet.pdf()


def two_pages() -> bytes:
    sheet = Sheet()
    head(sheet, 50, "Wilhelmina Castellanos", "Research chemist", "w.castellanos@example.org")
    sheet.heading(50, "Experience")
    jobs = (
        (
            "Group leader, Oakhampton Polymers",
            "2021 – today",
            "Lead eleven chemists; our coating that heals scratches below 40 degrees went into series "
            "in 2024.",
        ),
        (
            "Senior scientist, Oakhampton Polymers",
            "2017 – 2021",
            "Scaled the synthesis from two litres to four hundred without changing the yield of 91 percent.",
        ),
        (
            "Postdoctoral researcher, Lindgrove University",
            "2014 – 2017",
            "Eleven papers; the one about slow crystals is cited 400 times, mostly by people who disagree.",
        ),
        (
            "Doctoral researcher, Lindgrove University",
            "2010 – 2014",
            "Measured at night for three years because the trams shook the building by day.",
        ),
    )
    for title, when, text in jobs:
        entry(sheet, 50, title, when, [text] * 1)
        for number in range(1, 7):
            sheet.bullet(
                58, 480, f"Project {number} of these years: planned, measured, reported and archived."
            )
        sheet.y += 10
    sheet.y = 800
    sheet.write(290, "1 / 2", size=8, colour=GREY)
    sheet.turn()
    sheet.heading(50, "Education")
    entry(sheet, 50, "Ph.D. Chemistry, Lindgrove University", "2014", ("Summa cum laude.",))
    sheet.heading(50, "Publications")
    for number in range(1, 5):
        sheet.wrap(
            50,
            495,
            f"[{number}] W. Castellanos and others, “On films that mend themselves, part "
            f"{number}”, Journal of Patient Chemistry, volume {number + 10}, pages 1 to {number * 9}.",
        )
        sheet.y += 4
    sheet.y = 800
    sheet.write(290, "2 / 2", size=8, colour=GREY)
    return sheet.pdf()


def prose() -> bytes:
    """No headings, no bullets, no dates at an edge."""
    sheet = Sheet()
    sheet.write(50, "Anselm Duquesne", size=14)
    sheet.y += 30
    for text in (
        "I have repaired clocks in Sankt Alban since I left school, first with my aunt, who taught me to "
        "listen before opening a case, and since 2016 in a shop of my own with two apprentices.",
        "In 2022 the town asked me to bring the tower clock back to life. It had stood still for nineteen "
        "years. I drew the missing escapement from the marks it had left, had the wheel cut by a friend, and "
        "on the second of May it struck noon to within four seconds.",
        "Before that I spent three years at the Maison Corbeau workshop, where I restored 140 pocket watches "
        "and wrote the catalogue. I speak French and German, and I would like to teach.",
    ):
        sheet.wrap(50, 495, text, size=11)
        sheet.y += 14
    return sheet.pdf()


def scanned() -> bytes:
    """Two pages that are pictures."""
    from PIL import Image, ImageDraw

    sheet = Sheet()
    for page in range(2):
        picture = Image.new("L", (420, 594), 255)
        pen = ImageDraw.Draw(picture)
        for row in range(30):
            pen.text((40, 40 + 16 * row), f"Leonhard Abiodun, page {page + 1}, line {row + 1}", fill=0)
        sheet.canvas.drawImage(ImageReader(picture), 0, 0, WIDE, HIGH)
        if page == 0:
            sheet.turn()
    return sheet.pdf()


def encrypted() -> bytes:
    """Opens with a password only."""
    sheet = Sheet(encrypt=StandardEncryption("open sesame", "owner", strength=128))
    head(sheet, 50, "Nobody Reads This", "Locksmith")
    return sheet.pdf()


MAKERS: dict[str, Callable[[], bytes]] = {
    f"{maker.__name__}.pdf": maker
    for maker in (
        one_column,
        two_columns,
        left_dates,
        right_dates,
        sidebar,
        table_skills,
        two_pages,
        prose,
        scanned,
        encrypted,
    )
}


def expect(
    layout: str,
    name: str,
    first_employer: str,
    *,
    pages: int = 1,
    facts: Iterable[str] = (),
    wrap: Iterable[str] = (),
    order: Iterable[Iterable[str]] = (),
    apart: Iterable[tuple[str, str]] = (),
) -> dict[str, Any]:
    """What a reader sees, in the shape of the shared résumés' expectations."""
    return {
        "layout": layout,
        "name": name,
        "facts": list(facts),
        "wrap": list(wrap),
        "order": [list(markers) for markers in order],
        "apart": [list(pair) for pair in apart],
        "pages": pages,
        "first_employer": first_employer,
    }


EXPECTED: dict[str, dict[str, Any]] = {
    "one_column.pdf": expect(
        "one column",
        "Tomasz Ferreira",
        "Saint Orwin Hospital",
        facts=("Registered Nurse", "Port Ellery", "Kestrel Valley Clinic", "3,100 visitors"),
        wrap=(
            "Known for calm handovers and for teaching new colleagues to speak up when a number looks wrong",
            "medication errors at shift change fell from eleven to three in a quarter",
        ),
        order=(("Profile", "Charge Nurse", "Saint Orwin", "Staff Nurse", "Kestrel", "Education"),),
    ),
    "two_columns.pdf": expect(
        "two columns 3:2, drawn row by row with offset baselines",
        "Ines Okonkwo-Baptiste",
        "Larkfield Academy",
        facts=("Quillmere High School", "Dunmarrow College", "University of Westmark", "Portuguese"),
        wrap=(
            "the share of pupils who choose further mathematics rose from 9 to 23 percent",
            "the national finals three years in a row with pupils who had never held a soldering iron",
            "with a thesis on why pupils stop asking questions",
        ),
        order=(
            ("Experience", "Larkfield Academy", "Quillmere", "Dunmarrow", "Contact", "Skills", "Languages"),
            ("Languages", "Education", "M.Ed.", "B.Sc. Physics"),
        ),
        apart=(("Rebuilt the sixth-form", "Larkfield, Westmark"), ("Lead a department", "Languages")),
    ),
    "left_dates.pdf": expect(
        "left date gutter",
        "Jorun Takahashi-Vale",
        "Arkwright & Moss Bridges",
        facts=(
            "2016 – 2020 Engineer, Pellworm Consulting",
            "2009 School leaving certificate",
            "City of Osterby",
        ),
        wrap=(
            "I wrote the vibration study that let us drop the dampers and saved 1.3 million",
            "that ranks them by remaining life and is used by the state authority since",
        ),
        order=(
            ("2020 – today", "Arkwright", "2016 – 2020", "Pellworm", "2014 – 2016", "Trainee", "Education"),
        ),
    ),
    "right_dates.pdf": expect(
        "one column with right-hand gutter of place, dates and length beside bullets",
        "Casimir Odhiambo",
        "Moonhollow Games",
        facts=(
            "Lead designer, Moonhollow Games Tarnwick, Fjordland May 2022 – today",
            "Ashgrove Savings Bank",
        ),
        wrap=(
            "the share that comes back the next day grew from 31 to 44 percent",
            "from nine calls to the help line per hundred customers to two",
            "once a whole catalogue in a week when the printer had moved its date without telling anyone",
        ),
        order=(("Moonhollow", "May 2022", "31 to 44", "Ashgrove", "Jan 2019", "Fennel", "Jun 2017", "B.A."),),
    ),
    "sidebar.pdf": expect(
        "sidebar left, white on dark; main right",
        "Priya Anand-Keller",
        "Norrhaven Transit",
        facts=("priya.keller@example.org", "Tallow Street Market", "Bell ringing"),
        wrap=(
            "complaints about crowding fell by a third within a winter",
            "came from one delivery window and had it moved, which saved 90,000 a year for a week of work",
            "Writing for people who do not like charts",
        ),
        order=(
            ("Contact", "Skills", "Languages", "Interests"),
            ("Experience", "Norrhaven Transit", "Tallow Street", "Statistical Office", "Education"),
        ),
        apart=(("Contact", "Senior analyst"), ("German", "Tallow Street"), ("Skills", "Built the model")),
    ),
    "table_skills.pdf": expect(
        "one column, skills in a table",
        "Baltasar Nyström",
        "Ironbridge Motors",
        facts=(
            "Diagnosis of electric drives expert 9 2026",
            "Welding advanced 14 2025",
            "Apprentice training expert 6 2026",
            "Garage Vestergaard",
        ),
        order=(("Ironbridge", "Vestergaard", "Skill Level Years", "Welding", "Estimating", "Certificates"),),
    ),
    "two_pages.pdf": expect(
        "one column, two pages, dates right",
        "Wilhelmina Castellanos",
        "Oakhampton Polymers",
        pages=2,
        facts=("Lindgrove University", "Summa cum laude", "1 / 2", "2 / 2"),
        wrap=("our coating that heals scratches below 40 degrees went into series in 2024",),
        order=(("2021 – today", "2017 – 2021", "2014 – 2017", "2010 – 2014", "Education", "Publications"),),
    ),
    "prose.pdf": expect(
        "prose without headings",
        "Anselm Duquesne",
        "Maison Corbeau",
        facts=("Sankt Alban", "140 pocket watches"),
        wrap=(
            "who taught me to listen before opening a case",
            "It had stood still for nineteen years",
            "and on the second of May it struck noon to within four seconds",
        ),
        order=(("clocks in Sankt Alban", "tower clock", "Maison Corbeau", "I would like to teach"),),
    ),
    "scanned.pdf": expect("pictures of text", "", "none", pages=2) | {"error": "resume_empty"},
    "encrypted.pdf": expect("locked with a password", "", "none")
    | {"error": "resume_unreadable", "kind": "encrypted"},
}


def main() -> None:
    """Write all of it."""
    FOLDER.mkdir(exist_ok=True)
    DEMO.parent.mkdir(exist_ok=True)
    expected = {}
    for name, make in MAKERS.items():
        made = make()
        (FOLDER / name).write_bytes(made)
        expected[name] = EXPECTED[name] | {"sha256": hashlib.sha256(made).hexdigest()}
    DEMO.write_bytes(demo())
    text = json.dumps(expected, indent=1, ensure_ascii=False)
    (FOLDER / "expectations.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
