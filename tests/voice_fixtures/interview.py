"""What recognition is measured with: a résumé, questions on it, and a sentence of the answer to each.

Written before any of it was decoded, and never changed after. Some answers use words of the résumé and of the
question, as answers do, and some use none; words that the recogniser's dictionary lacks are among them.
"""

RESUME = """\
Marta Lindqvist, software engineer

Experience
Backend engineer, Harbour Payments, 2019 to 2024
- Rebuilt the payment service in Python and Django, with Redis for caching and PostgreSQL for storage
- Moved nightly batch jobs to a message queue, which reduced the latency of refunds from hours to seconds
- Introduced code review and continuous integration; deployments went from monthly to daily
- Mentored two junior developers and led the migration to Kubernetes
Support engineer, Northern Transit, 2016 to 2019
- Answered customer tickets, wrote the documentation of the ticket machines, trained new staff
- Found the cause of an outage of the timetable server and wrote the incident report

Education
Bachelor of science in mathematics, University of Uppsala, 2016; thesis on scheduling algorithms

Skills
Databases, testing, monitoring, project management, Swedish, English
"""

SPOKEN = (
    (
        "Tell me about the payment service that you rebuilt.",
        "I split the payment service into smaller parts so that each team could release on its own.",
    ),
    (
        "How did you reduce the latency of refunds?",
        "We moved the refunds to a message queue and the latency went down to about two seconds.",
    ),
    (
        "Describe a time when you disagreed with a colleague.",
        "My manager wanted to ship on Friday but I thought the risk for our customers was too high.",
    ),
    (
        "What did you learn from the outage of the timetable server?",
        "The outage taught me to write down every change before anyone is allowed to touch the server.",
    ),
    (
        "How do you mentor junior developers?",
        "I sit next to the junior developers for an hour and let them explain their code to me.",
    ),
    (
        "Why did you introduce code review?",
        "Before we had code review the same mistake came back three times in a single month.",
    ),
    (
        "What was the hardest part of the migration?",
        "The hardest part of the migration was that nobody knew which services still used the old database.",
    ),
    (
        "How did you make deployments daily?",
        "With continuous integration we could deploy every morning and go home "
        "without being afraid of the weekend.",
    ),
    (
        "Tell me about your work with customers.",
        "I called the customer myself and apologised because the answer in the ticket was simply wrong.",
    ),
    (
        "How do you decide what to test?",
        "I begin testing with the part that would cost the most money if it failed at night.",
    ),
    (
        "What was your thesis about?",
        "My thesis compared three scheduling algorithms and showed that the simplest one "
        "was good enough in practice.",
    ),
    (
        "Describe a project that failed.",
        "The project failed because we had promised a date before we understood what they really needed.",
    ),
    (
        "How do you handle pressure?",
        "When there is a lot of pressure I make a short list and do the first thing.",
    ),
    (
        "What did you do about monitoring?",
        "Our monitoring sent two hundred messages a day so I removed everything that nobody had to act on.",
    ),
    (
        "How did you use Redis for caching?",
        "Caching made the page faster but twice it showed people a price that was no longer true.",
    ),
    (
        "How did you train new staff?",
        "I wrote a small guide for new staff and asked each of them to improve one page.",
    ),
    (
        "Tell me about a goal that you reached.",
        "My goal was to halve the number of open tickets and it took the whole of last winter.",
    ),
    (
        "How do you manage a project with a tight deadline?",
        "I asked the project management which half of the features could wait until after the deadline.",
    ),
    (
        "Why do you want to leave your present job?",
        "I enjoy the people there but after five years I would like to learn something completely different.",
    ),
    (
        "Which databases have you worked with?",
        "Most of the time I worked with large databases and wrote the documentation that was missing.",
    ),
)
"""Questions, and what is said to them: 14 to 19 words."""
