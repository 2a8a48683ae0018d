"""The server's voice on the page: its own module in Node, with a clock and a player of the test's."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from interview_fsm import diagram

from .test_readme_js import NODE, need

ALOUD = Path(diagram.__file__).with_name("web") / "aloud.js"

SCRIPT = """
import { mock } from "node:test";
mock.timers.enable({ apis: ["setTimeout"] });
const players = [];
globalThis.window = {};
globalThis.URL = { createObjectURL: () => "blob:", revokeObjectURL() {} };
globalThis.Audio = class {
  duration = 2;
  constructor() { players.push(this); }
  pause() {}
  async play() {}
};
const { Aloud } = await import("./aloud.mjs");
const app = { model: { features: { speech: true } }, wire: { request: async () => {} } };
const aloud = new Aloud(app, { onchange() {}, ontrouble() {} });
await aloud.toggle();
aloud.say("One. Two. Three.", 1);
const seen = [];
for (const step of JSON.parse(process.argv[2])) {
  if (typeof step === "number") mock.timers.tick(step);
  else if (step === "sentence") aloud.hear(new Uint8Array(4), 1);
  else players.at(-1)[`on${step}`]();
  seen.push(aloud.isSpeaking);
}
console.log(JSON.stringify([seen, players.length]));
"""
"""Does the steps it is given: milliseconds, a sentence of the server's, or what befalls the player; says
after each whether the question is still being read, and how many sentences were begun in all.
"""


def reading(folder: Path, *steps: int | str) -> tuple[list[bool], int]:
    need("node", NODE)
    assert NODE is not None
    shutil.copy(ALOUD, folder / "aloud.mjs")
    script = folder / "script.mjs"
    script.write_text(SCRIPT, encoding="utf-8")
    command = [NODE, "--no-warnings", str(script), json.dumps(steps)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    seen, begun = json.loads(done.stdout)
    return seen, begun


NEVER_HEARD = {
    "no sentence comes": (),
    "a player that does nothing": ("sentence",),
    "that never ends": ("sentence", "loadedmetadata"),
    "does nothing, and more comes": ("sentence", "sentence"),
    "never ends, and more comes": ("sentence", "loadedmetadata", "sentence"),
    "more comes before its length is known": ("sentence", "sentence", "loadedmetadata"),
    "the second one does nothing": ("sentence", "loadedmetadata", "sentence", "ended"),
}


@pytest.mark.parametrize("befalls", NEVER_HEARD.values(), ids=NEVER_HEARD.keys())
def test_a_voice_that_never_says_that_it_has_ended_is_given_up(
    tmp_path: Path, befalls: tuple[str, ...]
) -> None:
    seen, _ = reading(tmp_path, *befalls, 1000, 10_000)
    assert seen == [True] * (len(befalls) + 1) + [False]


def test_all_sentences_are_read_and_what_is_said_last_ends_it(tmp_path: Path) -> None:
    one = ("loadedmetadata", 2000, "ended")
    seen, begun = reading(tmp_path, 5000, "sentence", "sentence", *one, *one, 1000, "sentence", *one, 2000)
    assert begun == 3
    assert seen == [True] * (len(seen) - 1) + [False]
