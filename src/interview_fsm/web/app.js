// The page: one interview, as the server has it. What an update says of the state, the commands and the open
// question is shown at once; all else (answers, attempts) is asked for whole, as a snapshot.

import { diagram, inWords } from "./diagram.js";
import * as store from "./store.js";
import { answered, byId, el, interview, say, sentence, setup, show } from "./screens.js";
import { Wire } from "./wire.js";

const ADDRESS = location.href.split("#")[0].replace(/^http/, "ws");
const SCREENS = { setup, interview }; // and the report, once there is something to report
const main = byId("main");
const { svg, light, center } = diagram();
const hash = (name) => new URLSearchParams(location.hash.slice(1)).get(name);
const access = hash("token"); // after the #, so it is in no request
let view = null;
let asking = false;
let changed = false;
let lost = false;

const model = {};
const wire = new Wire(ADDRESS, { onevent, onstatus });
const app = { wire, model, create, start, send, erase, announce, trouble, key, later, voice: null };

function clear(session = null) {
  Object.assign(model, {
    session, seq: 0, state: "idle", allowed: [], plan: null, turns: [], asked: 0, questions: 0,
    question: null,
    puts: 1, // how often it was put, as far as this page saw
    activity: null,
    level: null, // how the difficulty was read
    feedback: null,
    stale: [], // answered questions that the feedback does not know as they stand
    partial: "",
    heard: 0, // bytes that the server had of what is being said, when this page came back to it
    elsewhere: false, // whether it is not this page that hears the answer
  });
}

// -- what screens ask for

function create(fields) {
  clear();
  wire.begin({ ...fields, ...(access && { access_token: access }) });
}

async function start({ session, token }, difficulty) {
  clear(session);
  store.remember(session, token);
  history.replaceState(null, "", `#interview=${session}`);
  try {
    await Promise.all([wire.request({ type: "start_interview" }), wire.request({ type: "choose_difficulty", difficulty })]);
  } catch (error) {
    if (model.seq) return; // it has begun: its screen asks again for what is missing
    store.forget(session);
    history.replaceState(null, "", "#");
    clear();
    throw error;
  }
}

async function send(type, fields) {
  try {
    return await wire.request({ type, ...fields });
  } catch (error) {
    if (error.code !== "closed") trouble(sentence(error));
    return false;
  }
}

async function erase({ id, token }) {
  const isHere = id === model.session;
  const side = isHere ? wire : new Wire(ADDRESS, { onevent() {}, onstatus: ({ status }) => status === "waiting" && side.close() });
  if (!isHere) side.resume(id, token);
  try {
    await side.request({ type: "erase_session" });
  } catch (error) {
    if (error.code === "closed") error.message = "The server or its storage cannot be reached. Please try again.";
    if (!["session_not_found", "session_expired"].includes(error.code)) throw error; // else it is gone, or about to be
  } finally {
    if (!isHere) side.close();
  }
  store.forget(id);
  if (isHere) location.hash = "";
}

function announce(text) {
  const status = byId("announce");
  const isNew = status.textContent !== text;
  say(status, isNew ? text : "");
  if (!isNew) setTimeout(() => say(status, text), 60); // the same words again are news, too
}

function trouble(text) {
  say(byId("trouble-text"), text);
  show(byId("trouble"), text);
}

// -- what the server says

// It is told where it matters; sound may still be on its way when the server has heard enough.
const QUIET = ["session_taken", "unexpected_binary"];
const UNHEARD = { microphone_unavailable: "The microphone cannot be used.", interrupted: "The recording was interrupted." };

function onevent(event) {
  const { type, features } = event;
  if (features) model.features = features;
  if (type === "session_resumed" || type === "snapshot") whole(event);
  else if (type === "update") update(event);
  else if (type === "transcript_partial") model.partial = event.text;
  else if (type === "warning" && event.code !== "silence_soon") trouble(event.message);
  else if (type === "error" && !event.in_reply_to && !QUIET.includes(event.code)) trouble(sentence(event));
  view.onevent?.(event);
  app.voice?.onevent(event);
  render();
}

function live({ seq, state, allowed, question = null, activity = null, level = null, asked, questions }) {
  if (question?.number !== model.question?.number) model.puts = 1;
  Object.assign(model, { seq, state, allowed, question, activity, level, asked, questions });
  if (state !== "recording") model.elsewhere = false;
}

function whole(event) {
  if (event.session !== model.session || event.seq < model.seq) return;
  const { plan, turns, feedback = null, stale, heard = 0 } = event;
  live(event);
  Object.assign(model, { plan, turns, feedback, stale, heard });
}

function update(event) {
  if (!model.session || event.seq <= model.seq) return;
  live(event);
  for (const { type, question, code, feedback, reason } of event.events) {
    if (feedback) Object.assign(model, { feedback, stale: [] });
    if (type === "question_asked") model.turns = [...model.turns, { question }];
    if (type === "repeat_question" || type === "answer_lost") model.puts += 1;
    if (type === "record_answer") model.partial = "";
    if (type === "answer_lost") trouble(`${UNHEARD[reason] ?? "Nothing was understood."} Please say it again, or type your answer.`);
    if (type === "activity_failed" && code !== "cancelled") trouble("That did not work just now. Your answers are stored; please ask again.");
  }
  refresh();
}

async function refresh() {
  changed = true;
  if (asking) return;
  asking = true;
  while (changed) {
    changed = false;
    await wire.request({ type: "get_session" }).catch(() => {}); // the connection says why
  }
  asking = false;
}

// -- connection

function onstatus({ status, error }) {
  const waiting = status === "waiting" || (lost && status === "connecting");
  const text =
    waiting ? "The connection is lost. What you type is kept here; trying again …"
    : status === "taken" ? "This interview was opened in another tab or window, and goes on there."
    : "";
  if (lost && status === "open") announce("Connected again. Nothing is lost.");
  lost = waiting;
  say(byId("banner-text"), text);
  say(byId("banner-action"), waiting ? "Try now" : "Take over here");
  show(byId("banner"), text);
  main.dataset.connection = status;
  app.voice?.onstatus({ status });
  if (status === "refused") refused(error);
  render();
}

function refused(error) {
  if (view?.onrefused?.(error)) return;
  trouble(sentence(error));
  if (error.code !== "session_not_found" && error.code !== "session_expired") return;
  store.forget(model.session);
  location.hash = "";
  trouble("That interview was deleted or has expired. You can begin a new one.");
}

byId("banner-action").onclick = () => wire.hurry(true);
byId("trouble-close").onclick = () => {
  trouble("");
  main.querySelector("h1").focus();
};
addEventListener("focus", () => wire.hurry());
addEventListener("online", () => wire.hurry(lost));

// -- screens

function render() {
  if (!view) return;
  const { session, state, seq } = model;
  const name = !session || !seq ? view.name : state === "analyzing" || state === "stopped" ? "report" : "interview";
  if (name !== "setup") later();
  if (name !== view.name && !SCREENS[name]) return;
  if (name !== view.name) enter(name);
  const [words, more = ""] = inPlain(model);
  say(byId("where-step"), `Step ${{ idle: 1, awaiting_difficulty: 2, analyzing: 4, stopped: 5 }[state] ?? 3} of 5: `);
  say(byId("where-state"), words);
  say(byId("where-more"), more);
  byId("where").classList.toggle("at-work", model.activity);
  if (main.dataset.state !== state) light((main.dataset.state = state));
  view.render();
  app.voice?.render(view);
}

// What is not needed up to the first question is loaded behind it, and so is there when it is wanted.
let loading = null;

async function later() {
  if (app.voice) return;
  loading ??= Promise.all([import("./report.js"), import("./voice.js")]);
  try {
    const [{ report }, { voice }] = await loading;
    SCREENS.report = report;
    app.voice ??= voice(app);
    render();
  } catch {
    loading = null; // the next word from the server tries again
    if (wire.status === "open") trouble("A part of this page could not be loaded. Please load the page again.");
  }
}

function enter(name) {
  const isFirst = !view;
  view?.left();
  view = Object.assign(SCREENS[name](app), { name });
  main.replaceChildren(view.root);
  main.dataset.screen = name;
  trouble("");
  view.entered();
  view.render();
  const heading = main.querySelector("h1");
  document.title = `${heading.textContent} · Interview practice`;
  if (isFirst) return;
  heading.focus({ preventScroll: true });
  scrollTo(0, 0);
}

function inPlain({ state, question, activity, asked, questions, feedback }) {
  if (state === "idle") return ["getting ready"];
  if (state === "awaiting_difficulty") return ["choosing", " the difficulty"];
  if (state === "recording") return ["listening", " to your answer"];
  if (state === "stopped") return ["it is over"];
  if (state === "analyzing") return activity ? ["reading", " your answers"] : feedback ? ["feedback", " is ready"] : ["your turn", " to ask for feedback"];
  if (question) return ["your turn", `, ${question.follow_up_to ? "follow-up to " : ""}question ${asked} of ${questions}`];
  if (activity) return ["your interviewer", " thinks of a question"];
  return asked < questions ? ["between", " two questions"] : ["all is asked"];
}

function route() {
  const id = hash("interview");
  if (id && id === model.session) return;
  const token = id && store.tokenOf(id);
  clear(token ? id : null);
  if (token) {
    if (view) view.left();
    view = { name: "opening", left() {}, render() {} };
    main.replaceChildren(el("h1", { tabindex: "-1" }, "Opening your interview …"));
    main.dataset.screen = "opening";
    wire.resume(id, token);
  } else {
    enter("setup");
    render();
    if (id) trouble("This browser has no key to that interview. You can begin a new one.");
  }
}

// -- keys

const KEYS = {
  "Ctrl + Enter": "Send the answer",
  A: "Go to the answer box",
  P: "Repeat the question",
  S: "Skip the question",
  T: "Pause the timer, or let it run",
  F: "Finish and get feedback",
  R: "Speak, and end; or hold it while you speak",
  "?": "Show this list",
};
const letters = {};

function key(letter, does) {
  letters[letter] = does;
}

addEventListener("keydown", (event) => {
  const does = letters[event.key.toLowerCase()];
  if (!does || !byId("keys-on").checked || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  // Asked of the page, not of the target: a closed dialog keeps the focus until the next frame.
  if (document.querySelector("dialog[open]")) return;
  if (event.target.closest("input:not([type=radio], [type=file]), textarea")?.checkVisibility()) return;
  event.preventDefault();
  does(event);
});
key("?", () => answered(byId("keys")));
byId("open-keys").onclick = letters["?"];
byId("keys-list").append(...Object.entries(KEYS).flatMap(([name, does]) => [el("dt", {}, el("kbd", {}, name)), el("dd", {}, does)]));

byId("skip").onclick = (event) => {
  event.preventDefault(); // the address is the interview's
  main.querySelector("h1").focus();
};
byId("map-scroll").append(svg);
say(byId("map-text"), inWords());
byId("map").open = matchMedia("(min-width: 62rem)").matches;
byId("map").ontoggle = window.onresize = center;
addEventListener("hashchange", route);
addEventListener("pagehide", () => wire.abandon());
addEventListener("pageshow", ({ persisted }) => persisted && location.reload());
route();
