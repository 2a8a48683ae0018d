// The screen after: answers, and the feedback on them. Loaded once an interview is there.

import { doubt } from "./doubt.js";
import { confirm, el, footOf, headOf, kept, refill, say, screen, sentence, show } from "./screens.js";

const SIGNS = { there: "✓ There", missing: "○ Missing", try: "→ Try" };
const HIGHEST = 5;
const NAMES = { depth: "Depth for the level" };
const REASONS = {
  silence: "no word was said",
  nothing_to_assess: "there is nothing in it that could be scored",
  language: "it is in a language that could not be assessed",
  follow_up: "it completes the answer before it",
  own_criterion: "it is a criterion of this interview's own, which the rules do not know",
  failed: "no usable answer came from the model",
  unconfirmed: "it was not understood surely; confirm or correct what was understood, then ask for feedback again",
};
const FLAGS = {
  instructions: "Part of it speaks to whoever assesses it, and counted for nothing.",
  repeated: "What was said twice counted once.",
  language: "It is in a language that could not be assessed.",
};

const capital = (text) => text[0].toUpperCase() + text.slice(1);
const named = (dimension) => NAMES[dimension] ?? capital(dimension);

/** Who made something, in words. */
export function madeBy({ adapter, model, fallback_from: from }) {
  return [adapter, model].filter(Boolean).join(", ") + (from ? ` in place of ${from.join(", ")}` : "");
}

/**
 * The pieces of an answer between the ends of its quotes: {text, marks, ends}, the latter two by the quotes'
 * `mark`. Offsets count code points, as the server does, and not the units of JavaScript's strings.
 */
function slices(text, quotes) {
  const points = Array.from(text);
  const cuts = [...new Set([0, points.length, ...quotes.flatMap(({ start, end }) => [start, end])])].sort((a, b) => a - b);
  return cuts.slice(0, -1).map((from, place) => {
    const to = cuts[place + 1];
    return {
      text: points.slice(from, to).join(""),
      marks: quotes.filter(({ start, end }) => start <= from && to <= end).map(({ mark }) => mark),
      ends: quotes.filter(({ end }) => end === to).map(({ mark }) => mark),
    };
  });
}

const bar = (value) => el("meter", { min: 0, max: HIGHEST, value, "aria-hidden": "true" });
const quoted = (quote) => quote && el("q", {}, quote.text.trim());

export function report(app) {
  const ui = screen("report");
  const { model } = app;

  const can = (name) => model.allowed.includes(name);

  function render() {
    const { feedback, turns, stale } = model;
    const working = model.activity === "analyze";
    say(ui.title, feedback ? "Your feedback" : working ? "Your feedback is on its way" : "Your interview");
    show(ui.working, working);
    show(ui.summary, feedback || !working);
    say(ui.summaryText, feedback ? `${feedback.summary}${feedback.overall ? ` Overall score: ${feedback.overall} of ${HIGHEST}.` : ""}` : turns.some(({ answer }) => answer) ? "There is no feedback." : "Nothing was answered, so there is no feedback.");
    show(ui.practiceBox, feedback?.practice?.length);
    say(ui.limitations, feedback?.limitations ?? "");
    say(ui.by, feedback?.provenance?.adapter ? `Feedback by ${madeBy(feedback.provenance)}.` : "");
    say(ui.level, model.level?.message ?? "");
    show(ui.analyze, can("analyze") && !working && stale.length);
    say(ui.analyze, feedback ? "Update the feedback" : "Get feedback");
    show(ui.next, can("next_question"));
    show(ui.stop, can("stop_interview"));
    const totals = feedback?.totals ?? [];
    show(ui.totals, totals.length);
    refill(ui.rows, totals, ui.title, () => totals.map(total));
    refill(ui.practice, feedback?.practice, ui.title, () => (feedback?.practice ?? []).map((each) => el("li", {}, each)));
    refill(ui.answers, [turns, feedback, model.allowed], ui.title, () => turns.map(card));
  }

  const total = ({ dimension, mean, answers }) =>
    el("tr", {}, el("th", { scope: "row" }, named(dimension)), el("td", {}, bar(mean)), el("td", {}, `${mean} of ${HIGHEST}`), el("td", { class: "hint wide" }, answers === 1 ? "1 answer" : `${answers} answers`));

  function card(turn) {
    const { question: { number, text }, answer } = turn;
    const given = model.feedback?.answers.find(({ question }) => question === number);
    const fits = given && answer && given.revision === (answer.revision ?? 1); // a first one is left out
    return el("article", { class: "card case", "aria-labelledby": `q${number}` },
      headOf(turn, model, `q${number}`),
      el("p", { class: "question small" }, text),
      answer?.unconfirmed && fits && el("ul", { class: "scores" }, ...unscored(given.scores ?? [])),
      answer?.unconfirmed && doubt(turn, app),
      answer && !answer.unconfirmed && (fits ? beside(answer.text, given, !answer.transcript) : el("p", { class: "answer" }, answer.text)),
      answer && !fits && !answer.unconfirmed && model.feedback && el("p", { class: "warn" }, "This answer is newer than the feedback."),
      ...footOf(turn, app));
  }

  function beside(answer, given, typed) {
    const { observations = [], scores = [], outline = [], flags = [], delivery } = given;
    const notes = observations.map((each, place) => ({ ...each, mark: place + 1 }));
    const quotes = notes.flatMap(({ quote, mark }) => (quote ? { ...quote, mark } : []));
    const words = el("p", { class: "answer" }, ...slices(answer, quotes).flatMap(({ text, marks, ends }) => [
      marks.length ? el("mark", { "data-marks": marks.join(" ") }, text) : text,
      ...ends.map(reference),
    ]));
    return el("div", { class: "beside" },
      el("div", { class: "stack" },
        el("h4", {}, "Your answer"), words,
        ...flags.map((flag) => el("p", { class: "warn" }, FLAGS[flag] ?? flag)),
        leftOut(given),
        ...(delivery ? delivered(delivery, typed) : [])),
      el("div", { class: "stack" },
        notes.length && el("h4", {}, "What was noticed"), el("ul", {}, ...notes.map((each) => note(each, words))),
        scores.length && el("h4", {}, `Scores${given.overall ? `: ${given.overall} of ${HIGHEST} in all` : ""}`),
        el("ul", { class: "scores" }, ...scores.filter(({ value }) => value).map(score), ...unscored(scores)),
        outline.length && el("h4", {}, "A better answer, in outline"),
        outline.length && el("ol", { class: "outline" }, ...outline.map(step)),
        instead(given)));
  }

  function leftOut({ dropped_quotes = 0, dropped_remarks = 0 }) {
    const counts = [[dropped_quotes, "quote"], [dropped_remarks, "remark"]].filter(([count]) => count);
    const told = counts.map(([count, what]) => `${count} ${what}${count === 1 ? "" : "s"}`).join(" and ");
    return told && el("p", { class: "small" }, `Left out, because nothing that was said bears it out: ${told}.`);
  }

  // -- an answer's scores

  const score = ({ dimension, value, anchor, rationale, capped, quotes = [] }) =>
    el("li", {},
      el("p", {}, bar(value), el("strong", {}, `${named(dimension)}, ${value} of ${HIGHEST}`)),
      el("p", {}, [anchor, rationale, capped && "It would be higher, had words of the answer borne it out."].filter(Boolean).join(" ")),
      quotes.length && el("details", {}, el("summary", {}, "The words it rests on"), ...quotes.map(quoted)));

  /** Dimensions that are not scored for the same reason share a line. */
  function unscored(scores) {
    const reasons = Map.groupBy(scores.filter(({ value }) => !value), ({ reason }) => reason);
    return [...reasons].map(([reason, each]) => {
      const which = each.length === scores.length ? "Not scored" : `${each.map(({ dimension }) => named(dimension)).join(", ")}: not scored`;
      return el("li", {}, el("strong", {}, which), ` because ${REASONS[reason] ?? reason.replaceAll("_", " ")}.`);
    });
  }

  const step = ({ part, text, quote }) =>
    el("li", {}, el("strong", {}, capital(part.replaceAll("_", " "))), " ", text, quote && " ", quoted(quote));

  /** Who else assessed this answer, where it was not who made the rest. */
  const instead = ({ provenance }) =>
    provenance?.adapter && madeBy(provenance) !== madeBy(model.feedback.provenance ?? {}) && el("p", { class: "hint" }, `Assessed by ${madeBy(provenance)}.`);

  // -- how it was given

  function delivered({ words, seconds, talk_seconds: talk, words_per_minute: pace, fillers, fillers_at_least: least, pauses, longest_pause: longest }, typed) {
    const figure = (name, value, unit = "") =>
      el("div", {}, el("dt", {}, name), el("dd", { class: value == null ? "hint" : null }, value == null ? "unknown" : `${value}${unit}`));
    return [
      el("h4", {}, "How it was given"),
      el("dl", { class: "figures" },
        figure("Words", words),
        figure("Time", seconds?.toFixed(), " s"),
        talk != null && figure("Talk time", talk.toFixed(), " s"),
        figure("Words a minute", pace?.toFixed()),
        figure("Fillers such as “um”", fillers == null ? null : `${least ? "at least " : ""}${fillers}`),
        figure("Pauses", pauses == null ? null : `${pauses}${longest ? `, the longest ${longest.toFixed(1)} s` : ""}`)),
      el("p", { class: "hint" }, `${typed ? "A typed answer has no pace, fillers or pauses to count. " : ""}None of this goes into a score.`),
    ];
  }

  // -- what was noticed

  const reference = (mark) => el("sup", { class: "ref" }, String(mark));

  function note({ kind, text, quote, mark }, words) {
    const light = ({ type }) => {
      for (const each of words.querySelectorAll("mark")) {
        each.classList.toggle("lit", type === "mouseenter" && each.dataset.marks.split(" ").includes(String(mark)));
      }
    };
    return el("li", { class: `note ${kind}`, onmouseenter: light, onmouseleave: light },
      el("p", {}, el("strong", {}, SIGNS[kind] ?? kind), quote && " ", quote && reference(mark), " ", text),
      quoted(quote));
  }

  const download = (format) => async () => {
    try {
      const { name, media_type: type, content } = await app.wire.request({ type: "get_report", format });
      const href = URL.createObjectURL(new Blob([content], { type }));
      el("a", { href, download: name }).click();
      setTimeout(() => URL.revokeObjectURL(href), 10_000); // the browser has taken it by then
      app.announce(`${name} is in your downloads.`);
    } catch (error) {
      app.trouble(sentence(error));
    }
  };

  for (const format of ["html", "markdown", "json"]) ui[format].onclick = download(format);
  ui.print.onclick = () => print();
  ui.analyze.onclick = () => app.send("analyze");
  ui.next.onclick = () => app.send("next_question");
  ui.stop.onclick = async () => {
    const text = "Kept: your answers and feedback, in the list of this browser. Your résumé is erased from the server.";
    if (await confirm("End the interview?", text, "End the interview", "Not yet")) app.send("stop_interview");
  };

  return { root: ui.root, render, entered: () => kept(ui.kept, app), left() {} };
}
