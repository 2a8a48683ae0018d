// The life of an interview, drawn by hand from two lists. A test holds both to the table of the machine.

const SVG = "http://www.w3.org/2000/svg";

/** Where each state stands: its middle, and its width, in units of the drawing. */
export const STATES = [
  { name: "idle", x: 46, y: 44, width: 68 },
  { name: "awaiting_difficulty", x: 264, y: 44, width: 152 },
  { name: "questioning", x: 528, y: 44, width: 124 },
  { name: "recording", x: 528, y: 152, width: 124 },
  { name: "analyzing", x: 782, y: 44, width: 112 },
  { name: "stopped", x: 946, y: 44, width: 92 },
];

/** Every move from one state to another, as the table has it; to stop is one line from any state. */
export const EDGES = [
  { from: "idle", to: "awaiting_difficulty", label: "start_interview" },
  { from: "awaiting_difficulty", to: "questioning", label: "choose_difficulty" },
  { from: "analyzing", to: "questioning", label: "choose_difficulty [can_continue]" },
  { from: "analyzing", to: "questioning", label: "next_question [can_continue]" },
  { from: "analyzing", to: "questioning", label: "retry_question [can_retry]" },
  { from: "questioning", to: "recording", label: "record_answer [has_open_question]" },
  { from: "recording", to: "questioning", label: "discard_answer" },
  { from: "recording", to: "questioning", label: "submit_answer" },
  { from: "questioning", to: "analyzing", label: "analyze [has_answers]" },
  { from: "recording", to: "questioning", label: "answer_recorded" },
  { from: "recording", to: "questioning", label: "answer_lost" },
  { from: "any state", to: "stopped", label: "stop_interview" },
];

/** How the lines run, and where their labels begin: the first label's place, and to which side it is set. */
const LINES = [
  { from: "idle", to: "awaiting_difficulty", path: "M80 44H182", at: [131, 36], anchor: "middle" },
  { from: "awaiting_difficulty", to: "questioning", path: "M340 44H460", at: [400, 36], anchor: "middle" },
  { from: "questioning", to: "analyzing", path: "M590 37H720", at: [655, 29], anchor: "middle" },
  { from: "analyzing", to: "questioning", path: "M726 51H596", at: [660, 67], anchor: "middle" },
  { from: "questioning", to: "recording", path: "M556 62V128", at: [564, 118], anchor: "start" },
  { from: "recording", to: "questioning", path: "M500 134V68", at: [491, 82], anchor: "end" },
  { from: "any state", to: "stopped", path: "M946 134V68", at: [937, 108], anchor: "end" },
];
const LINE = 14; // between two labels

function draw(name, attributes, ...children) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

const words = (name) => name.split(" [")[0].replaceAll("_", " ");

function box({ name, x, y, width }) {
  return draw("g", { class: "node", "data-node": name },
    draw("rect", { x: x - width / 2, y: y - 18, width, height: 36, rx: 18 }),
    draw("text", { x, y: y + 4.5, "text-anchor": "middle" }, words(name)));
}

function labels({ from, to, at: [x, y], anchor }) {
  const own = EDGES.filter((edge) => edge.from === from && edge.to === to);
  return own.map(({ label }, place) =>
    draw("text", { class: "edge-label", "data-edge": label, x, y: y + place * LINE, "text-anchor": anchor }, words(label)));
}

export function diagram() {
  const head = draw("marker", { id: "head", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto" },
    draw("path", { d: "M0 .5L8 4L0 7.5Z" }));
  const svg = draw("svg", { viewBox: "0 14 1000 162", class: "diagram", "aria-hidden": true },
    head,
    ...LINES.map(({ path }) => draw("path", { d: path, class: "edge", "marker-end": "url(#head)" })),
    ...LINES.flatMap(labels),
    ...[...STATES, { name: "any state", x: 946, y: 152, width: 92 }].map(box));
  /** Scrolls its box, not the page, to the state that is lit. */
  const center = () => {
    const { left, width } = svg.querySelector(".now").getBoundingClientRect();
    const box = svg.parentElement;
    box.scrollLeft += left + width / 2 - box.getBoundingClientRect().left - box.clientWidth / 2;
  };
  const light = (state) => {
    for (const node of svg.querySelectorAll(".node")) node.classList.toggle("now", node.dataset.node === state);
    center();
  };
  return { svg, light, center };
}

export const inWords = () => EDGES.map(({ from, to, label }) => `From ${words(from)} to ${words(to)}: ${words(label)}.`).join(" ");
