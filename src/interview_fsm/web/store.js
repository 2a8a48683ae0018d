// What this browser keeps: the keys to its interviews, and what was typed and not yet stored. Nothing else.

const KEYS = "interview-fsm.interviews";
const DRAFT = "interview-fsm.draft/";

/** Where the browser keeps nothing (private windows), this page does. */
const kept = (() => {
  try {
    localStorage.setItem(DRAFT, "");
    localStorage.removeItem(DRAFT);
    return localStorage;
  } catch {
    const map = new Map();
    return { getItem: (name) => map.get(name), setItem: (name, text) => map.set(name, text), removeItem: (name) => map.delete(name) };
  }
})();

/** {id, token, at (ms)} each, the latest first. */
export function interviews() {
  return JSON.parse(kept.getItem(KEYS) ?? "[]");
}

export function tokenOf(id) {
  return interviews().find((each) => each.id === id)?.token;
}

export function remember(id, token) {
  forget(id);
  kept.setItem(KEYS, JSON.stringify([{ id, token, at: Date.now() }, ...interviews()]));
}

export function forget(id) {
  const left = interviews().filter((each) => each.id !== id);
  if (left.length) kept.setItem(KEYS, JSON.stringify(left));
  else kept.removeItem(KEYS);
  for (const name of Object.keys(kept)) if (name.startsWith(`${DRAFT}${id}/`)) kept.removeItem(name);
}

export function draft(id, question) {
  return kept.getItem(`${DRAFT}${id}/${question}`) ?? "";
}

export function keepDraft(id, question, text) {
  const name = `${DRAFT}${id}/${question}`;
  if (text) kept.setItem(name, text);
  else kept.removeItem(name);
}
