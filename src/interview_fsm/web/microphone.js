// This browser's microphone: open for one answer at a time.

export const RATE = 16_000; // Hz
const FLOOR = -60; // dB under full scale: as good as silent
const FIRST_SOUND = 4_000; // ms: a headset may have to wake up
const LAST_SOUND = 500; // ms: a page that is put to sleep answers nothing

/** What whoever sits here has chosen; kept as long as the page is. */
export const chosen = { device: "", clean: true };

const WHY = {
  NotAllowedError: "This page may not use the microphone. Allow it beside the page's address or in the system's settings and try again",
  NotFoundError: "No microphone was found. Plug one in and try again",
  NotReadableError: "The microphone is there, but cannot be read: something else may be using it. Close that and try again",
  OverconstrainedError: "The microphone that was chosen is not there any more. Choose another one",
  InsecureOrigin: "Browsers give the microphone only to pages of this machine (localhost) or over https, and this page came otherwise",
  Lost: "The microphone was lost in the middle of the answer. What you had said until then is kept. Plug it in again to go on",
  Silent: "Nothing comes from the microphone. See that it is not muted, or choose another one",
};

/** Why there is no sound, for the person: a sentence that ends in the way out. */
export function because({ name }) {
  return `${WHY[name] ?? `The microphone could not be opened (${name}). Try again`}, or you can type your answer.`;
}

const failure = (name) => Object.assign(new Error(name), { name });

export class Microphone {
  #stream = null;
  #context = null;
  #node = null;
  #watch = 0;
  #isClosed = false;

  /**
   * Resolves once it listens; rejects with an error whose name `because` knows. `onframe` is given PCM16 at RATE as
   * it comes, 100 ms each; `onlost` an error when the device goes, or gives nothing at all.
   */
  async open({ onframe, onlost }) {
    if (!navigator.mediaDevices?.getUserMedia) throw failure("InsecureOrigin");
    const { device, clean } = chosen;
    const audio = { channelCount: 1, echoCancellation: clean, noiseSuppression: clean, autoGainControl: clean };
    if (device) audio.deviceId = { exact: device };
    const stream = (this.#stream = await navigator.mediaDevices.getUserMedia({ audio }));
    if (this.#isClosed) return this.#free(); // it was given up while the browser asked
    stream.getAudioTracks()[0].onended = () => onlost(failure("Lost"));
    this.#watch = setTimeout(() => onlost(failure("Silent")), FIRST_SOUND);
    const hear = (buffer) => {
      clearTimeout(this.#watch);
      onframe(buffer);
    };
    try {
      await this.#listen(new AudioContext({ sampleRate: RATE }), hear);
    } catch {
      this.#context?.close(); // some browsers give the device's own rate and no other
      await this.#listen(new AudioContext(), hear);
    }
    if (this.#isClosed) this.#free();
  }

  async #listen(context, hear) {
    this.#context = context;
    const source = context.createMediaStreamSource(this.#stream);
    await context.audioWorklet.addModule(new URL("recorder-worklet.js", import.meta.url));
    const node = (this.#node = new AudioWorkletNode(context, "recorder", { channelCount: 1, channelCountMode: "explicit" }));
    node.port.onmessage = ({ data }) => data && hear(data);
    source.connect(node).connect(context.destination); // silence, without which some browsers do not run it
    context.resume();
  }

  /** Let go of the device; resolves when the last frame has been given. */
  async close() {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#watch);
    const port = this.#node?.port;
    if (port) {
      const hear = port.onmessage;
      await new Promise((resolve) => {
        port.onmessage = (event) => (event.data ? hear(event) : resolve());
        port.postMessage("end");
        setTimeout(resolve, LAST_SOUND);
      });
    }
    this.#free();
  }

  #free() {
    for (const track of this.#stream?.getTracks() ?? []) {
      track.onended = null;
      track.stop();
    }
    if (this.#context && this.#context.state !== "closed") this.#context.close();
  }
}

/** How loud a frame is, from 0 to 1 as ears hear it. */
export function loudness(buffer) {
  const samples = new Int16Array(buffer);
  const power = samples.reduce((sum, each) => sum + each * each, 0) / samples.length;
  return Math.max(0, 1 - (10 * Math.log10(power / 0x7fff ** 2 + 1e-10)) / FLOOR);
}
