"""Coverage-guided fuzzing: ``targets`` tell what must hold, ``python -m tests.fuzz`` tries to break it."""
