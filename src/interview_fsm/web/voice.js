// The answer that is being said, and what goes with it: holding the key down, hands-free, reading aloud.

import { Aloud } from "./aloud.js";
import { check } from "./check.js";
import { doubts } from "./doubt.js";
import { Microphone, because, loudness } from "./microphone.js";
import { el, say, show } from "./screens.js";

const MOST_KEPT = 300; // frames, 30 s: the server waits as long for a connection that is away
const HELD = 500; // ms: shorter is a press
const LOUD = 0.35; // of `loudness`: somebody speaks
const QUIET_FOR = 40; // frames without anything to hear, after which it is said
const EMPTY_TAKES = 2; // of hands-free in a row; then nobody is there

export function voice(app) {
  const { model, wire } = app;
  const aloud = new Aloud(app, { onchange: render, ontrouble: app.trouble });
  let view = null;
  // {question, mic, opened (when), acknowledged, over, told, quiet; frames, of which `next` is the first that is not
  // sent, and `gone` bytes were before them}: what was on its way when a connection goes is sent again on the next.
  let take = null;
  let handsFree = false;
  let emptyTakes = 0;
  let speech = null; // what the next sound is

  const ui = {
    speak: el("button", { type: "button", class: "primary" }, "Speak your answer"),
    how: el("p", { class: "hint" }, "Press it, or hold it while you speak. The key R does the same."),
    free: el("input", { type: "checkbox" }),
    level: el("div", { class: "level", "aria-hidden": "true" }),
    note: el("p", { class: "hint", role: "status" }),
    aloud: el("button", { type: "button" }, "Read aloud"),
  };
  ui.hands = el("label", { class: "check" }, ui.free, "Hands-free");
  ui.check = el("details", { ontoggle: () => ui.check.open && ui.check.append(trial()) }, el("summary", {}, "Choose or try your microphone"));
  ui.listening = el("div", { class: "stack" }, ui.level, ui.note);

  const can = (name) => model.allowed.includes(name);
  const mayStream = () => model.features?.stream;
  const recording = () => model.state === "recording";

  let tried = null;
  const trial = () => (tried ??= check(app));

  // -- one answer

  async function start() {
    if (take || !mayStream() || !(can("record_answer") || recording())) return;
    aloud.stop();
    const mic = new Microphone();
    const mine = (take = { question: model.question.number, mic, frames: [], next: 0, gone: recording() ? model.heard : 0, opened: 0, acknowledged: recording(), over: false, quiet: 0 });
    render();
    try {
      await mic.open({ onframe: (frame) => heard(mine, frame), onlost: (error) => lost(mine, error) });
    } catch (error) {
      if (take === mine) end();
      return app.trouble(because(error));
    }
    if (take !== mine) return;
    mine.opened = performance.now();
    render();
    if (mine.acknowledged) return flush();
    if (!(await app.send("record_answer", { question: mine.question, source: "stream" }))) return take === mine && end();
    mine.acknowledged = true;
    if (take === mine) flush();
    else if (recording()) app.send("discard_answer");
  }

  function heard(mine, frame) {
    if (take !== mine) return;
    mine.frames.push(frame);
    const loud = loudness(frame);
    ui.level.style.setProperty("--level", loud.toFixed(2));
    mine.quiet = loud > 0 ? 0 : mine.quiet + 1;
    if (loud > LOUD) say(ui.note, "");
    else if (mine.quiet === QUIET_FOR) say(ui.note, because({ name: "Silent" }));
    flush();
    if (unsent() >= MOST_KEPT) finish();
    if (unsent()) render();
  }

  /** All that is kept, while the connection takes it; then, if all has been said, the end. */
  function flush() {
    if (!take.acknowledged || !recording()) return;
    while (unsent() && wire.sound(take.frames[take.next])) take.next += 1;
    while (take.next > MOST_KEPT) {
      take.gone += take.frames.shift().byteLength;
      take.next -= 1;
    }
    if (!take.ready || unsent() || take.told) return;
    take.told = true;
    app.send("finish_answer");
  }

  const unsent = () => take.frames.length - take.next;

  /** The server has so many bytes of it. */
  function rewind(bytes) {
    let at = take.gone;
    take.next = 0;
    while (take.next < take.frames.length && at < bytes) at += take.frames[take.next++].byteLength;
  }

  async function finish() {
    const mine = take;
    if (!mine || mine.over) return;
    if (!mine.opened) return discard(); // nothing has been heard yet
    mine.over = true;
    render();
    await mine.mic.close(); // the last words are in a frame that is not full
    mine.ready = true;
    if (take === mine) flush();
  }

  async function discard() {
    const wasKnown = take.acknowledged;
    end();
    if (wasKnown) await app.send("discard_answer");
  }

  function lost(mine, error) {
    if (take !== mine) return;
    app.trouble(because(error));
    finish();
  }

  function end() {
    take?.mic.close();
    take = null;
    say(ui.note, "");
    render();
  }

  // -- what happens

  function onevent(event) {
    if (event.type === "session_resumed" && take?.acknowledged && recording()) {
      if (event.heard != null) rewind(event.heard);
      flush(); // before the commands that wait, which may say that this was all
    } else if (event.type === "speech") speech = event;
    else if (event.type === "sound") aloud.hear(event.bytes, speech?.question);
    else if (event.type === "warning" && event.code === "silence_soon" && take) say(ui.note, event.message);
    else if (event.type === "update") for (const each of event.events) follow(each);
    if (take?.acknowledged && !recording()) ended();
    const topic = model.state === "analyzing" ? undefined : model.question?.number;
    if (aloud.isSpeaking && (recording() || !aloud.isOf(topic))) aloud.stop(); // the server's microphone hears it, too
  }

  function follow({ type, question, reason, feedback }) {
    if (type === "question_asked") put(question);
    else if (type === "repeat_question") put(model.question);
    else if (type === "answer_recorded") emptyTakes = 0;
    else if (type === "feedback_given") aloud.say(feedback.summary);
    else if (type === "answer_lost" && reason === "no_speech" && handsFree && ++emptyTakes < EMPTY_TAKES) start();
  }

  async function put({ number, text }) {
    if (take || recording()) return;
    await aloud.say(text, number);
    const { answer } = view.ui ?? {};
    // Whoever types, or looks at something else, is not to be listened to.
    if (handsFree && !recording() && model.question?.number === number && answer && !answer.value && answer !== document.activeElement && !document.hidden) start();
  }

  /** The server has the answer, or has given up on it. */
  function ended() {
    if (unsent() > 10) app.trouble("The connection was away for too long. The answer was taken as far as it was heard: correct it, or try again.");
    end();
  }

  function onstatus({ status }) {
    if (status === "open") {
      aloud.join();
      if (take) flush();
    }
    if (["refused", "taken", "off"].includes(status)) {
      if (take) end();
      aloud.stop();
    }
    render();
  }

  // -- what is seen

  function render() {
    if (!view?.ui) return;
    const { voice: place, meter, reading, hearing } = view.ui;
    if (place && !place.contains(ui.speak)) {
      place.prepend(ui.speak, ui.hands);
      place.after(ui.how, ui.check);
      meter.append(ui.listening);
    }
    if (reading && !reading.contains(ui.aloud)) reading.append(ui.aloud);
    ui.aloud.setAttribute("aria-pressed", aloud.isOn);
    say(ui.aloud, aloud.isSpeaking ? "Stop reading" : aloud.isOn ? "Reading aloud is on" : "Read aloud");
    show(ui.aloud, aloud.reader);
    const may = mayStream() && !take && (can("record_answer") || (recording() && !model.elsewhere));
    for (const each of [ui.speak, ui.hands, ui.how, ui.check]) show(each, may);
    say(ui.speak, recording() ? "Go on speaking" : "Speak your answer");
    show(ui.listening, take);
    if (hearing) say(hearing, words());
    if (view.ui.doubts) doubts(view.ui, app);
    view.shows?.();
  }

  function words() {
    if (!take) return "Listening …";
    if (!take.opened) return "Waiting for the microphone. Please allow it if your browser asks.";
    if (unsent() > 10) return `The connection is away. What you say is kept: ${Math.ceil(unsent() / 10)} of ${MOST_KEPT / 10} seconds.`;
    if (take.over) return "Understanding what you said …";
    return "Listening …";
  }

  // -- pressing and holding

  function release() {
    if (take?.opened && performance.now() - take.opened >= HELD) finish();
  }

  function hold(until) {
    start();
    addEventListener(until, release, { once: true });
  }

  ui.speak.onpointerdown = ({ button }) => button === 0 && hold("pointerup");
  addEventListener("pointercancel", () => take?.opened && performance.now() - take.opened < HELD && discard()); // it was to scroll
  ui.speak.onclick = () => start(); // by keyboard, or once more after the same press
  ui.free.onchange = async () => {
    handsFree = ui.free.checked;
    emptyTakes = 0;
    if (!handsFree) return;
    if (!aloud.isOn) await aloud.toggle();
    if (model.question) put(model.question);
  };
  ui.aloud.onclick = async () => {
    if (aloud.isSpeaking) return aloud.stop();
    await aloud.toggle();
    if (aloud.isOn && model.question) put(model.question);
  };
  addEventListener("pagehide", () => take && end());

  return {
    onevent, onstatus, start, finish, discard, hold, trial,
    get taking() {
      return take !== null;
    },
    render(now) {
      view = now;
      render();
    },
  };
}
