// The screens up to the feedback, and what all are made of. Whatever comes from outside goes in as text, never as
// markup.

import * as store from "./store.js";

export const byId = (id) => document.getElementById(id);

/** An element with attributes, listeners (`onclick` …) and children. */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value != null) node.setAttribute(name, value);
  }
  node.append(...children.filter(Boolean));
  return node;
}

/** A template's screen, and its parts by the names in `data-ref`. */
export function screen(id) {
  const root = byId(id).content.cloneNode(true);
  const ui = { root };
  for (const node of root.querySelectorAll("[data-ref]")) ui[node.dataset.ref] = node;
  return ui;
}

/** Only where it differs: live regions speak of changes alone. */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function show(node, visible) {
  node.hidden = !visible;
}

export function sentence({ message, hint }) {
  const text = message[0].toUpperCase() + message.slice(1);
  return (/[.!?…]$/.test(text) ? text : `${text}.`) + (hint ? ` ${hint}` : "");
}

/** Fills `box` anew if what it shows has changed; the focus stays on its button, or goes to `heading`. */
export function refill(box, data, heading, nodes) {
  const now = JSON.stringify(data);
  if (box.shown === now) return;
  box.shown = now;
  const name = box.contains(document.activeElement) && document.activeElement.ariaLabel;
  box.replaceChildren(...nodes());
  if (name) ([...box.querySelectorAll("button")].find(({ ariaLabel }) => ariaLabel === name) ?? heading).focus();
}

/** Opens a dialog; resolves to whether it was left with yes. */
export function answered(dialog) {
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}

export function confirm(title, text, yes, no) {
  Object.entries({ title, text, yes, no }).forEach(([part, words]) => say(byId(`confirm-${part}`), words));
  return answered(byId("confirm"));
}

function button(text, name, onclick, kind = "") {
  return el("button", { type: "button", "aria-label": name, class: kind, onclick }, text);
}

// -- questions and answers

/** Main questions are counted; a follow-up belongs to its question. */
export function titleOf({ question }, turns) {
  const to = question.follow_up_to;
  const main = turns.filter((each) => each.question.number <= (to ?? question.number) && !each.question.follow_up_to).length;
  return `${to ? "Follow-up to question" : "Question"} ${main || 1}`;
}

export function headOf(turn, model, id) {
  return el("div", { class: "ends" },
    el("h3", { id }, titleOf(turn, model.turns)),
    turn.answer ? el("span", { class: "stored" }, turn.answer.unconfirmed ? "To be confirmed" : "Stored ✓") : el("span", { class: "hint" }, turn.skipped ? "Skipped" : "Not answered"));
}

/** What can be done with an answer now, and its earlier wordings. */
export function footOf(turn, app) {
  const { answer, attempts = [], question: { number } } = turn;
  if (!answer) return [];
  const { allowed, turns } = app.model;
  const title = titleOf(turn, turns).toLowerCase();
  const older = attempts.map(({ text }, place) => [`Attempt ${place + 1}`, text]);
  if (answer.original != null) older.push(["Before the correction", answer.original]);
  return [
    older.length && el("details", {},
      el("summary", {}, "Earlier versions"),
      ...older.flatMap(([name, text]) => [el("h4", {}, name), el("p", { class: "answer" }, text)])),
    el("div", { class: "row" },
      allowed.includes("correct_answer") && button("Correct", `Correct the answer: ${title}`, () => correct(turn, app)),
      allowed.includes("retry_question") && button("Try again", `Try again: ${title}`, () => app.send("retry_question", { question: number }))),
  ];
}

async function correct({ question: { number, text: asked }, answer }, app) {
  const { session } = app.model;
  const box = byId("edit-text");
  const place = `${number}.correction`;
  say(byId("edit-question"), asked);
  box.value = store.draft(session, place) || answer.text;
  box.oninput = () => store.keepDraft(session, place, box.value);
  const yes = await answered(byId("edit"));
  const text = box.value;
  const stored = !yes || !text.trim() || text === answer.text || (await app.send("correct_answer", { question: number, text }));
  if (stored) store.keepDraft(session, place, "");
}

// -- the interviews of this browser

export function kept(box, app) {
  const all = store.interviews();
  const remove = (some, what, yes) => async () => {
    if (!(await confirm(`Delete ${what}?`, "Questions, answers and feedback are removed from the server for good.", yes, "Keep"))) return;
    let failed;
    await Promise.all(some.map((each) => app.erase(each).catch((error) => (failed = error))));
    app.trouble(failed ? `Not deleted yet. ${sentence(failed)}` : "");
    if (!box.isConnected) return;
    if (!failed) app.announce("Deleted.");
    kept(box, app);
    document.querySelector("main h1").focus();
  };
  const row = (each) => {
    const name = `the interview of ${new Date(each.at).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" })}`;
    return el("li", { class: "ends" },
      name.slice(4).replace("i", "I"),
      el("span", { class: "row" },
        each.id !== app.model.session && el("a", { class: "button", href: `#interview=${each.id}`, "aria-label": `Open ${name}` }, "Open"),
        button("Delete", `Delete ${name}`, remove([each], name, "Delete"), "quiet danger")));
  };
  show(box, all.length);
  box.replaceChildren(
    el("div", { class: "ends" },
      el("h2", { id: "h-kept" }, "Your interviews in this browser"),
      all.length > 1 && button("Delete all", null, remove(all, `all ${all.length} interviews`, "Delete all"), "quiet danger")),
    el("ul", {}, ...all.map(row)),
    el("p", { class: "hint" }, "Only this browser has the keys to them."),
  );
}

// -- before: the résumé, how many questions and how hard, and who is asking

const MOST = 50;
const SETTLE = 250; // ms without a change before the server is told

export function setup(app) {
  const ui = screen("setup");
  let source = null; // {url | text | file, name}
  let read = false;
  let created = null;
  let told = "";
  let settling = 0;
  let turn = 0; // of readings: an older one's end is nobody's business
  let begun = false;
  let waiters = [];

  const count = () => Number(ui.count.value);
  const isCount = () => Number.isInteger(count()) && count() >= 1 && count() <= MOST;
  const ready = () => created && !settling && (!source || read);
  const level = () => ui.form.elements.level.value;

  // The plan goes with create_session: another count is another session.
  function create() {
    clearTimeout(settling);
    settling = 0;
    const job = ui.job.value.trim();
    const wanted = { plan: { questions: isCount() ? count() : 3 }, ...(job && { job_description: job }) };
    if (created && told === JSON.stringify(wanted)) return wake();
    told = JSON.stringify(wanted);
    created = null;
    app.create(wanted);
  }

  function changed() {
    clearTimeout(settling);
    settling = setTimeout(create, SETTLE);
  }

  function wake() {
    if (ready()) for (const go of waiters.splice(0)) go();
  }

  function until() {
    if (settling) create();
    return ready() ? null : new Promise((go) => waiters.push(go));
  }

  function onevent(event) {
    if (event.type === "session_created") {
      created = event;
      read = false;
      const { disclosure, limits } = event;
      const who = disclosure.is_model ? "A language model" : "Fixed rules, no model";
      ui.disclosure.replaceChildren(el("p", {}, el("span", { class: "tag" }, who), " ", disclosure.speaker), el("p", {}, disclosure.data));
      show(ui.voice, event.features.stream);
      say(ui.most, `${Math.floor(limits.upload / 2 ** 20)} MB`);
    }
    if (event.type !== "session_created" && event.type !== "session_resumed") return;
    if (source && !read) bring();
    else wake();
  }

  // -- the résumé

  function take(value) {
    source = value;
    read = false;
    show(ui.without, false);
    if (created && !settling) bring();
  }

  async function bring() {
    const mine = ++turn;
    const { file, name, ...where } = source;
    show(ui.refused, false);
    show(ui.read, false);
    tell(`Reading ${name} …`);
    let failed;
    try {
      if (file) where.upload = await app.wire.upload(file);
      const seen = await app.wire.request({ type: "set_resume", ...where });
      if (mine !== turn) return;
      read = true;
      found(seen, name);
    } catch (error) {
      if (mine !== turn || ["lost", "closed"].includes(error.code)) return; // the next session brings it again
      failed = error;
    }
    tell("");
    if (failed) refuse(failed);
    wake();
  }

  function tell(text) {
    say(ui.reading, text);
    show(ui.reading, text);
  }

  function refuse(error) {
    source = null;
    ui.file.value = "";
    say(ui.refused, `${sentence(error)} You can choose another file, give a link, or paste the text.`);
    show(ui.refused, true);
    show(ui.without, true);
  }

  function found({ pages, characters, sections, evidence, warnings }, name) {
    const size = `${pages} page${pages === 1 ? "" : "s"}, ${characters.toLocaleString("en")} characters`;
    const kinds = [...Map.groupBy(evidence, ({ kind }) => kind)];
    ui.read.replaceChildren(
      el("div", { class: "ends" }, el("h3", {}, `✓ We read ${name}`), button("Remove", "Remove the résumé", remove, "quiet")),
      el("p", {}, [size, ...sections.map(({ heading }) => heading)].filter(Boolean).join(" · ")),
      ...warnings.map(({ message }) => el("p", { class: "warn" }, `Please note: ${message}`)),
      el("p", {}, kinds.length ? "Questions can build on this:" : "Nothing stands out, so questions will be general."),
      ...kinds.map(([kind, pieces], place) =>
        el("details", { open: place ? null : "" }, el("summary", {}, `${kind[0].toUpperCase()}${kind.slice(1)} (${pieces.length})`), el("ul", {}, ...pieces.map(({ text }) => el("li", {}, text))))),
    );
    show(ui.read, true);
  }

  function remove() {
    turn += 1;
    source = created = null; // the server has read it: begin with one that has not
    ui.file.value = "";
    show(ui.read, false);
    show(ui.without, true);
    create();
    ui.file.focus();
  }

  const takeFile = ([file]) => file && take({ file, name: file.name });
  ui.file.onchange = () => takeFile(ui.file.files);
  const over = (event) => {
    event.preventDefault();
    ui.drop.classList.toggle("over", event.type === "dragover");
  };
  ui.drop.ondragover = ui.drop.ondragleave = over;
  ui.drop.ondrop = (event) => {
    over(event);
    takeFile(event.dataTransfer.files);
  };
  ui.readLink.onclick = () => (ui.link.value.trim() ? take({ url: ui.link.value.trim(), name: "the link" }) : ui.link.focus());
  ui.readText.onclick = () => {
    const text = ui.text.value.trim();
    if (!text) ui.text.focus();
    // A message holds 64 KiB; what is longer goes as a file.
    else take(text.length < 20_000 ? { text, name: "your text" } : { file: new File([text], "résumé.txt"), name: "your text" });
  };
  ui.link.onkeydown = (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault(); // to read is meant, not to begin
    ui.readLink.click();
  };

  // -- the interview

  function recount() {
    ui.count.setAttribute("aria-invalid", !isCount());
    say(ui.countHint, isCount() ? `About ${Math.max(5, Math.round(count() * 0.7) * 5)} minutes.` : `Please give a number from 1 to ${MOST}.`);
    changed();
  }

  const step = (by) => () => {
    ui.count.value = Math.min(MOST, Math.max(1, (count() || 0) + by));
    recount();
  };
  ui.voice.ontoggle = async () => {
    await app.later();
    if (ui.voice.open && app.voice) ui.voice.append(app.voice.trial());
  };
  ui.count.oninput = recount;
  ui.fewer.onclick = step(-1);
  ui.more.onclick = step(1);
  ui.job.oninput = changed;
  ui.levels.onchange = () => show(ui.wordsField, !level());

  ui.form.onsubmit = (event) => {
    event.preventDefault();
    const difficulty = level() || ui.words.value.trim();
    if (!isCount()) return ui.count.focus();
    if (!difficulty) return ui.words.focus();
    if (!begun) begin(difficulty, 0);
  };

  async function begin(difficulty, tries) {
    begun = true;
    say(ui.beginHint, ready() ? "Beginning …" : "One moment, getting ready …");
    await until();
    try {
      await app.start(created, difficulty);
    } catch (error) {
      // Lost before it was stored: nobody has answered anything yet, so simply once more.
      if (error.code === "session_not_found" && tries < 2) return begin(difficulty, tries + 1);
      app.trouble(sentence(error));
    }
    idle();
  }

  function idle() {
    begun = false;
    say(ui.beginHint, "");
  }

  return {
    root: ui.root,
    onevent,
    /** The session is not to be had: begin with another, or say so. */
    onrefused({ code }) {
      created = null;
      idle();
      if (code === "session_not_found") create();
      return code === "session_not_found";
    },
    entered() {
      kept(ui.kept, app);
      create();
    },
    render() {},
    left() {
      turn += 1;
      clearTimeout(settling);
    },
  };
}

// -- during

const SOFT_LIMIT = 120; // seconds: a spoken answer that is longer loses its listener
let timerOff = false; // a wish of whoever sits here; it outlives one question

export function interview(app) {
  const ui = screen("interview");
  const { model } = app;
  let shown = ""; // the question on screen, and how often it was put
  let sending = false;
  let levelOpen = false;

  const can = (name) => model.allowed.includes(name);
  const number = () => model.question?.number;
  const answering = () => model.state === "questioning" && can("submit_answer");
  const counting = () => answering() || model.state === "recording";
  const before = () => model.state === "awaiting_difficulty" || model.state === "idle";

  function render() {
    const { question, asked, questions } = model;
    const making = model.activity === "ask";
    const title = question && titleOf({ question }, model.turns);
    const done = asked >= questions && !making;
    const main = question && !question.follow_up_to;
    say(ui.title, main ? `${title} of ${questions}` : title ?? (before() ? "Your interview" : done ? "That was the last question" : "The next question"));
    ui.progress.max = questions;
    ui.progress.value = asked;
    renderQuestion(question, making);
    renderAnswer();
    ui.analyze.disabled = !can("analyze");
    ui.analyze.classList.toggle("primary", !question && done && !before());
    ui.stop.disabled = !can("stop_interview");
    const wanted = before() && !making;
    show(ui.levelPanel, wanted || (levelOpen && can("choose_difficulty")));
    say(ui.levelTitle, wanted ? "How hard should the questions be?" : "How hard from now on? The open question is skipped.");
    show(ui.level, !wanted && can("choose_difficulty"));
    ui.level.setAttribute("aria-expanded", levelOpen);
    renderTurns();
  }

  function renderQuestion(question, making) {
    const resume = question?.evidence?.text;
    const by = question?.provenance;
    say(ui.question, question ? question.text : making ? "" : closing());
    ui.question.classList.toggle("quietly", !question);
    show(ui.making, making);
    say(ui.because, resume ? `From your résumé: “${resume}”` : "");
    say(ui.read, question && model.level && question.difficulty !== model.level.name ? model.level.message : "");
    say(ui.asker, by?.adapter ? `Asked by ${by.model || by.adapter}` + (by.fallback_from ? `, because ${by.fallback_from.join(", ")} could not.` : ".") : "");
    show(ui.repeat, can("repeat_question"));
    show(ui.skip, question || can("next_question"));
    say(ui.skip, question ? "Skip this question" : "Ask for the next question");
    ui.skip.disabled = !can("next_question") || making;
    ui.interviewer.classList.toggle("now", making);
    show(ui.theirTurn, making);
    const put = question ? `${question.number}/${model.puts}` : "";
    if (put === shown) return;
    const isOther = parseInt(put) !== parseInt(shown);
    shown = put;
    if (question) ask(question, isOther);
  }

  function closing() {
    if (before()) return "We can begin when you are ready.";
    if (model.asked < model.questions) return "Shall we go on? Ask for the next question, or finish here.";
    return "Thank you. Look through your answers below, or get your feedback.";
  }

  function ask({ text }, isOther) {
    ui.question.classList.remove("arriving");
    void ui.question.offsetWidth; // so that it arrives again
    ui.question.classList.add("arriving");
    app.announce(`${ui.title.textContent}: ${text}`);
    if (!isOther) return;
    ui.answer.value = store.draft(model.session, number());
    ui.answer.lang = ui.question.lang = model.plan?.language ?? "en";
    seconds = 0;
    paused = false;
  }

  let heard = false;

  function renderAnswer() {
    const listening = model.state === "recording" || app.voice?.taking;
    show(ui.listening, listening);
    const done = !model.question && model.activity !== "ask";
    show(ui.form, sending || !done);
    say(ui.partial, model.partial);
    show(ui.record, model.features?.microphone && can("record_answer") && !listening);
    say(ui.record, model.features?.stream ? "Use the server's microphone" : "Record");
    show(ui.you, !before());
    show(ui.yourTurn, answering());
    ui.you.classList.toggle("now", answering() || listening);
    const mayType = model.question && can("submit_answer");
    ui.answer.readOnly = sending || !mayType; // never disabled: the focus would be lost
    ui.send.disabled = sending || !mayType;
    ui.send.classList.toggle("primary", ui.answer.value || !(listening || model.features?.stream));
    draft();
    time();
    if (listening === heard) return;
    heard = listening;
    if (!document.activeElement?.checkVisibility() || document.activeElement === document.body) (listening ? ui.finish : ui.title).focus();
  }

  function draft() {
    say(ui.draft,
      model.state === "recording" ? "What you type here is sent instead of what you say."
      : !sending ? (ui.answer.value ? "Draft kept in this browser. Ctrl + Enter sends it." : "Take your time. Ctrl + Enter sends it.")
      : app.wire.status === "open" ? "Storing …"
      : "Kept in this browser, and sent as soon as the connection is back.");
  }

  function renderTurns() {
    const past = model.turns.filter(({ question, answer }) => question.number !== number() || answer);
    show(ui.soFar, past.length);
    refill(ui.turns, [past, model.allowed], ui.title, () => past.map((turn) =>
      el("li", { class: "past" },
        headOf(turn, model),
        el("p", { class: "hint" }, turn.question.text),
        turn.answer && el("p", { class: "answer" }, turn.answer.text),
        ...footOf(turn, app))));
  }

  // -- the timer

  let seconds = 0;
  let paused = false;
  let tick = 0;

  function time() {
    const late = seconds >= SOFT_LIMIT && !timerOff;
    show(ui.timer, counting());
    say(ui.time, `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`);
    ui.timer.classList.toggle("late", late);
    show(ui.late, late);
    show(ui.time, !timerOff);
    show(ui.pause, !timerOff);
    say(ui.pause, paused ? "Resume timer" : "Pause timer");
    say(ui.timerOff, timerOff ? "Turn timer on" : "Turn timer off");
  }

  const pause = () => {
    paused = !paused;
    time();
  };

  // -- doing

  async function submit() {
    const question = number();
    const text = ui.answer.value;
    if (sending || ui.send.disabled) return;
    if (!text.trim()) {
      say(ui.draft, "A few words first, then it can be sent.");
      return ui.answer.focus();
    }
    sending = true;
    renderAnswer();
    try {
      const title = titleOf(model, model.turns);
      await app.wire.request({ type: "submit_answer", question, text });
      store.keepDraft(model.session, question, "");
      if (ui.answer.value === text) ui.answer.value = "";
      say(ui.stored, `${title}: your answer is stored ✓`);
    } catch (error) {
      if (error.code !== "closed") app.trouble(sentence(error));
    }
    sending = false;
    render();
    (ui.form.hidden ? ui.title : ui.answer).focus();
  }

  async function stop() {
    const answers = model.turns.filter(({ answer }) => answer).length;
    const what = answers ? `Kept: your answers (${answers}), in the list of this browser; but without new feedback.` : "Nothing has been answered yet.";
    const text = `${what} Your résumé is erased from the server. If you only need a break, just close the page and come back later.`;
    if (await confirm("Stop for good?", text, "Stop the interview", "Go on")) app.send("stop_interview");
  }

  async function choose(difficulty) {
    if (!difficulty) return ui.levelWords.focus();
    levelOpen = false;
    if (model.state === "idle") await app.send("start_interview");
    await app.send("choose_difficulty", { difficulty });
    ui.title.focus();
  }

  const doing = {
    repeat: () => can("repeat_question") && app.send("repeat_question", { question: number() }),
    skip: () => !ui.skip.disabled && app.send("next_question"),
    analyze: () => can("analyze") && app.send("analyze"),
    record: async () => {
      if (!ui.record.hidden) model.elsewhere = await app.send("record_answer", { question: number(), source: "microphone" });
    },
    finish: () => (app.voice?.taking ? app.voice.finish() : app.send("finish_answer")),
    discard: () => (app.voice?.taking ? app.voice.discard() : app.send("discard_answer")),
    pause: () => counting() && !timerOff && pause(),
    stop,
  };
  const speak = () => {
    if (can("finish_answer") || app.voice?.taking) doing.finish();
    else if (model.features?.stream) app.voice?.hold("keyup");
    else doing.record();
  };
  for (const [name, does] of Object.entries(doing)) ui[name].onclick = does;
  ui.form.onsubmit = (event) => {
    event.preventDefault();
    submit();
  };
  ui.answer.onkeydown = (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    submit();
  };
  ui.answer.oninput = () => {
    if (number()) store.keepDraft(model.session, number(), ui.answer.value);
    say(ui.stored, ""); // it was about the answer before
    renderAnswer();
  };
  ui.timerOff.onclick = () => {
    timerOff = !timerOff;
    time();
  };
  ui.level.onclick = () => {
    levelOpen = !levelOpen;
    render();
  };
  ui.levelPanel.onclick = ({ target }) => target.value && choose(target.value);
  ui.levelSend.onclick = () => choose(ui.levelWords.value.trim());

  return {
    root: ui.root,
    entered() {
      const keys = { a: () => ui.answer.focus(), p: doing.repeat, s: doing.skip, t: doing.pause, f: doing.analyze, r: speak };
      for (const [letter, does] of Object.entries(keys)) app.key(letter, does);
      tick = setInterval(() => {
        if (paused || timerOff || !counting()) return;
        seconds += 1;
        time();
      }, 1000);
    },
    ui,
    render,
    shows: renderAnswer,
    left() {
      clearInterval(tick);
      for (const letter of "apstfr") app.key(letter);
    },
  };
}
