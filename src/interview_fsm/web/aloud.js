// Questions read aloud: by a voice of this machine where the browser has one, else by the server's.

const BEGINS_WITHIN = 6_000; // ms until the first sound: the server's voice may have to be made
const GAP = 1_500; // ms without a further sentence: that was the last
const PER_LETTER = 150; // ms: a slow voice needs half of it
const SLACK = 3_000; // ms

/** A voice for the language that is on this machine: others send what they read to somebody. */
function voice(language) {
  const fits = ({ lang, localService }) => localService && lang.slice(0, 2) === language.slice(0, 2);
  const all = window.speechSynthesis?.getVoices().filter(fits) ?? [];
  return all.find((each) => each.default) ?? all[0] ?? null;
}


export class Aloud {
  #saying = null; // {question, end}
  #timer = 0;
  #queue = []; // the server's sentences
  #audio = null;
  #said = []; // what the browser's voice still has; a browser forgets what nobody holds

  /** `ontrouble` is given a sentence when reading is not to be had, `onchange` is called when `isOn` may have changed. */
  constructor(app, { onchange, ontrouble }) {
    Object.assign(this, { app, onchange, ontrouble, isOn: false, by: "" });
    window.speechSynthesis?.addEventListener("voiceschanged", onchange); // browsers find their voices late
  }

  /** Whether anybody can read: `browser`, `server`, or nobody. */
  get reader() {
    return voice(this.#language) ? "browser" : this.app.model.features?.speech ? "server" : "";
  }

  async toggle() {
    if (this.isOn) return this.off();
    this.by = this.reader;
    this.isOn = this.by !== "";
    this.onchange();
    await this.join();
  }

  off() {
    this.isOn = false;
    this.stop();
    this.onchange();
    if (this.by === "server") this.#tell(false);
  }

  /** Say so to the server, on this connection and, when it is lost, on the next. */
  async join() {
    if (this.isOn && this.by === "server") await this.#tell(true);
  }

  #tell(on) {
    return this.app.wire.request({ type: "set_speech", on }).catch(({ message }) => {
      if (this.isOn) this.ontrouble(message);
    });
  }

  /** Read `text` (of `question`; of the summary where there is none). Resolves when it is over, however it ends. */
  say(text, question) {
    this.stop();
    if (!this.isOn) return Promise.resolve();
    return new Promise((end) => {
      this.#saying = { question, end };
      this.onchange();
      if (this.by === "browser") this.#sayHere(text);
      else this.#within(BEGINS_WITHIN);
    });
  }

  get isSpeaking() {
    return this.#saying !== null;
  }

  /** What is read now is of that question, or the summary. */
  isOf(number) {
    return this.#saying?.question === number;
  }

  /** At once. What the server still sends of it is not played. */
  stop() {
    clearTimeout(this.#timer);
    this.#queue = [];
    this.#said = [];
    if (this.#audio) {
      this.#audio.onended = this.#audio.onerror = null;
      this.#audio.pause();
      URL.revokeObjectURL(this.#audio.src);
      this.#audio = null;
    }
    window.speechSynthesis?.cancel();
    const saying = this.#saying;
    this.#saying = null;
    if (!saying) return;
    saying.end();
    this.onchange();
  }

  /** The watchdog: a voice may never say that it has ended, and the microphone waits for it. */
  #within(ms) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.stop(), ms);
  }

  #sayHere(text) {
    const sentences = text.match(/[^.!?…]+[.!?…]*\s*/g) ?? [text]; // some browsers cut off what takes 15 s
    this.#said = sentences.map((sentence, place) => {
      const words = new SpeechSynthesisUtterance(sentence);
      words.lang = this.#language;
      words.voice = voice(words.lang);
      words.onend = () => (place + 1 < sentences.length ? this.#within(SLACK + sentences[place + 1].length * PER_LETTER) : this.stop());
      words.onerror = ({ error }) => !["canceled", "interrupted"].includes(error) && this.#failed();
      return words;
    });
    this.#within(SLACK + sentences[0].length * PER_LETTER);
    for (const words of this.#said) speechSynthesis.speak(words);
  }

  get #language() {
    return this.app.model.plan?.language ?? "en";
  }

  /** A browser may have voices that do not speak: from here on it is the server's turn, if it can. */
  #failed() {
    this.stop();
    if (!this.app.model.features?.speech) {
      this.off();
      return this.ontrouble("The browser's voice does not speak, and the server has none.");
    }
    this.by = "server";
    this.join();
  }

  /** A sentence of the server's, as WAV. */
  hear(wav, question) {
    if (!this.#saying || this.#saying.question !== question) return;
    this.#queue.push(wav);
    if (!this.#audio) this.#play();
  }

  #play() {
    const wav = this.#queue.shift();
    this.#within(wav ? BEGINS_WITHIN : GAP);
    if (!wav) return;
    const audio = (this.#audio = new Audio(URL.createObjectURL(new Blob([wav], { type: "audio/wav" }))));
    audio.onended = audio.onerror = () => {
      URL.revokeObjectURL(audio.src);
      this.#audio = null;
      this.#play();
    };
    audio.onloadedmetadata = () => this.#within(audio.duration * 1000 + SLACK);
    audio.play().catch(({ name }) => {
      if (name !== "NotAllowedError" || this.#audio !== audio) return;
      this.off();
      this.ontrouble("The browser plays no sound before you have pressed something here. Press “Read aloud” once more.");
    });
  }
}
