// Sound as the server wants it: PCM16, mono, 16 kHz, in frames of 100 ms. Runs where the browser makes sound.

const RATE = 16_000;
const FRAME = 1_600;
const PHASES = 64; // between two samples: what is heard of their number lies 70 dB below the voice
const REACH = 12; // zero crossings of the filter on each side
const PASS = 0.92; // of the highest frequency that 16 kHz can hold, for the filter needs room to fall

/** From `from` Hz to RATE by a windowed sinc; for browsers that give the device's own rate. A function of chunks. */
function resampler(from) {
  const step = from / RATE;
  const half = Math.ceil(REACH * step / PASS);
  const kernels = Array.from({ length: PHASES + 1 }, (_, phase) => kernel(phase / PHASES, half, PASS / step));
  let kept = new Float32Array(2 * half); // silence before the first sound
  let at = half; // of the next sample, in `kept`
  return (chunk) => {
    const all = new Float32Array(kept.length + chunk.length);
    all.set(kept);
    all.set(chunk, kept.length);
    const out = [];
    for (; at + half < all.length; at += step) {
      const first = Math.floor(at);
      const taps = kernels[Math.round((at - first) * PHASES)];
      let sum = 0;
      for (let tap = 0; tap < taps.length; tap++) sum += taps[tap] * all[first - half + 1 + tap];
      out.push(sum);
    }
    const spent = Math.max(0, Math.floor(at) - half);
    kept = all.slice(spent);
    at -= spent;
    return out;
  };
}

/** Blackman's window over sin(x)/x, `shift` of a sample late, passing `cutoff` of the source's half rate. */
function kernel(shift, half, cutoff) {
  const taps = Float32Array.from({ length: 2 * half }, (_, tap) => {
    const x = tap - half + 1 - shift;
    const angle = Math.PI * x * cutoff;
    const edge = (Math.PI * x) / half;
    return (angle ? Math.sin(angle) / angle : 1) * (0.42 + 0.5 * Math.cos(edge) + 0.08 * Math.cos(2 * edge));
  });
  const sum = taps.reduce((all, each) => all + each, 0);
  return taps.map((each) => each / sum);
}

class Recorder extends AudioWorkletProcessor {
  #frame = new Int16Array(FRAME);
  #filled = 0;
  #isOver = false;
  #samples = sampleRate === RATE ? (chunk) => chunk : resampler(sampleRate);

  constructor() {
    super();
    this.port.onmessage = () => this.#end();
  }

  process([[channel]]) {
    if (channel && !this.#isOver) for (const sample of this.#samples(channel)) this.#take(sample);
    return !this.#isOver;
  }

  #take(sample) {
    this.#frame[this.#filled++] = Math.max(-1, Math.min(1, sample)) * 0x7fff;
    if (this.#filled === FRAME) this.#send(this.#frame);
  }

  /** What is left, and null. */
  #end() {
    this.#isOver = true;
    if (this.#filled) this.#send(this.#frame.slice(0, this.#filled));
    this.port.postMessage(null);
  }

  #send({ buffer }) {
    this.port.postMessage(buffer, [buffer]);
    this.#frame = new Int16Array(FRAME);
    this.#filled = 0;
  }
}

registerProcessor("recorder", Recorder);
