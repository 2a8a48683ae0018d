"""An interview in a script: questions printed, answers read from standard input.

python examples/minimal.py resume.pdf
"""

import sys

from interview_fsm import InterviewAssistant

QUESTIONS = 2


def main(resume: str) -> None:
    """Ask, read, analyze."""
    with InterviewAssistant(resume, questions=QUESTIONS) as interview:
        for _ in range(QUESTIONS):
            print(interview.generate_question("entry-level"))
            interview.record_answer(input("> "))
        print(interview.analyze_responses())


if __name__ == "__main__":
    main(sys.argv[1])
