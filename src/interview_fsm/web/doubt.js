// An answer that was heard, and may have been understood wrongly.

import * as store from "./store.js";
import { el, refill, say, show, titleOf } from "./screens.js";

/** Whether it was understood rightly is for whoever said it to say; until then it is not judged. */
export function doubt(turn, app) {
  const { question: { number, text: asked }, answer } = turn;
  const { session, turns } = app.model;
  const place = `${number}.correction`;
  const title = titleOf(turn, turns);
  const box = el("textarea", { rows: 4, maxlength: 60_000 });
  const sure = el("button", { class: "primary" });
  const name = () => {
    say(sure, box.value.trim() === answer.text.trim() ? "That's what I said" : "Store the correction");
    sure.ariaLabel = `${sure.textContent}: ${title.toLowerCase()}`;
  };
  box.value = store.draft(session, place) || answer.text;
  box.oninput = () => {
    store.keepDraft(session, place, box.value);
    name();
  };
  name();
  const onsubmit = async (event) => {
    event.preventDefault();
    if (box.value.trim() && (await app.send("correct_answer", { question: number, text: box.value }))) store.keepDraft(session, place, "");
  };
  return el("form", { class: "stack", onsubmit },
    el("p", { class: "hint" }, `${title}: ${asked}`),
    el("label", {}, "What was understood", box),
    el("div", { class: "ends" }, el("p", { class: "hint" }, "It was hard to understand. It is judged once you have looked at it."), sure));
}

/** All such answers, in `ui.doubts` of a screen. */
export function doubts(ui, app) {
  const unsure = app.model.turns.filter(({ answer }) => answer?.unconfirmed);
  const data = unsure.map(({ question: { number }, answer: { text } }) => [number, text]);
  show(ui.unsure, unsure.length);
  refill(ui.doubts, data, ui.title, () => unsure.map((turn) => doubt(turn, app)));
}
