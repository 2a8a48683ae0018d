// A try before it counts: which microphone, how loud, how it sounds, and what is understood of it.

import { Microphone, RATE, because, chosen, loudness } from "./microphone.js";
import { el, say, sentence, show } from "./screens.js";

const FRAMES = 30; // three seconds
const FAINT = 0.3; // of `loudness`, at the loudest: one would not be understood

export function check(app) {
  const ui = {
    device: el("select", { onchange: () => (chosen.device = ui.device.value) }),
    clean: el("input", { type: "checkbox", onchange: () => (chosen.clean = ui.clean.checked) }),
    go: el("button", { type: "button", onclick: attempt }, "Record three seconds"),
    level: el("div", { class: "level", "aria-hidden": "true" }),
    said: el("p", { role: "status" }),
    audio: el("audio", { controls: "", "aria-label": "What was recorded" }),
  };
  ui.clean.checked = chosen.clean;
  show(ui.audio, false);
  const root = el("div", { class: "stack" },
    el("label", {}, "Microphone", ui.device),
    el("label", { class: "check" }, ui.clean, "Lessen noise and echo"),
    el("div", { class: "row" }, ui.go),
    ui.level, ui.said, ui.audio,
    el("p", { class: "hint" }, "What you record here is no answer, and is not kept."));

  async function list() {
    const all = (await navigator.mediaDevices?.enumerateDevices().catch(() => [])) ?? [];
    const named = all.filter(({ kind, deviceId, label }) => kind === "audioinput" && deviceId && deviceId !== "default" && label);
    const options = [["", "The browser's choice"], ...named.map(({ deviceId, label }) => [deviceId, label])];
    ui.device.replaceChildren(...options.map(([value, label]) => el("option", { value }, label)));
    ui.device.value = options.some(([value]) => value === chosen.device) ? chosen.device : (chosen.device = "");
  }

  async function attempt() {
    ui.go.disabled = true;
    say(ui.said, "Waiting for the microphone. Please allow it if your browser asks.");
    try {
      const frames = await threeSeconds();
      list(); // with their names, now that the page may know them
      await judge(frames);
    } catch (error) {
      say(ui.said, error.code ? sentence(error) : because(error));
    }
    ui.go.disabled = false;
  }

  async function threeSeconds() {
    const mic = new Microphone();
    const frames = [];
    try {
      await new Promise((resolve, reject) => {
        const onframe = (frame) => {
          frames.push(frame);
          ui.level.style.setProperty("--level", loudness(frame).toFixed(2));
          say(ui.said, "Say a sentence now …");
          if (frames.length === FRAMES) resolve();
        };
        mic.open({ onframe, onlost: reject }).catch(reject);
      });
    } finally {
      ui.level.style.setProperty("--level", 0);
      await mic.close();
    }
    return frames.slice(0, FRAMES);
  }

  async function judge(frames) {
    const sound = wav(frames);
    URL.revokeObjectURL(ui.audio.src);
    ui.audio.src = URL.createObjectURL(sound);
    show(ui.audio, true);
    ui.audio.play().catch(() => {}); // it can be played by its button
    if (Math.max(...frames.map(loudness)) < FAINT) return say(ui.said, "That was hardly to be heard. Speak up or come nearer, or choose another microphone.");
    if (!app.model.features?.uploads.includes("check")) return say(ui.said, "That can be heard well.");
    say(ui.said, "Understanding it …");
    const upload = await app.wire.upload(new File(frames, "check.pcm"), "check");
    const { text } = await app.wire.request({ type: "check_sound", upload });
    say(ui.said, text ? `Heard you say: “${text}”` : "It can be heard, but nothing was understood. Say a whole sentence, or choose another microphone.");
  }

  navigator.mediaDevices?.addEventListener("devicechange", list);
  list();
  return root;
}

/** PCM16 at RATE as a file. */
function wav(frames) {
  const size = frames.reduce((sum, { byteLength }) => sum + byteLength, 0);
  const head = new DataView(new ArrayBuffer(44));
  const word = (at, text) => [...text].forEach((letter, place) => head.setUint8(at + place, letter.charCodeAt(0)));
  word(0, "RIFF");
  head.setUint32(4, 36 + size, true);
  word(8, "WAVEfmt ");
  head.setUint32(16, 16, true);
  head.setUint16(20, 1, true);
  head.setUint16(22, 1, true);
  head.setUint32(24, RATE, true);
  head.setUint32(28, 2 * RATE, true);
  head.setUint16(32, 2, true);
  head.setUint16(34, 16, true);
  word(36, "data");
  head.setUint32(40, size, true);
  return new Blob([head, ...frames], { type: "audio/wav" });
}
