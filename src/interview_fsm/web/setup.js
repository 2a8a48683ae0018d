// Before: the résumé, how many questions and how hard, and who is asking.

import { button, el, kept, say, screen, sentence, show } from "./views.js";

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

  // The plan goes with create_session, so another count is another session. Nothing has begun in it yet.
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
