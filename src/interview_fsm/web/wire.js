// The socket. What is sent waits here until it is answered; after a drop it is sent again with the same id,
// which the server recognises.

const FIRST_WAIT = 500; // ms
const LONGEST_WAIT = 15_000;
const SLOW_WAIT = 5_000; // idle, or too many: no need to hurry
const AGAIN_AFTER = 1_500;
const PING_EVERY = 20_000; // proxies forget quiet connections after 60 s at the least
const PONG_WITHIN = 8_000;
const CHUNK = 65_536;
const MOST_UNSENT = 2 ** 20; // bytes that the browser holds for a slow connection: half a minute of sound

const OLD = "This page and the server differ in version. Please load the page again.";
const FINAL = {
  1009: "That was too big for the server.",
  4400: OLD,
  4401: "The server did not accept the access token. Please open its own link again.",
  4406: OLD,
};
const ENDS = ["session_not_found", "session_expired", "unauthorized", "newer_format"];
const AGAIN = ["storage_unavailable", "busy", "rate_limited"];
const HELLO = "hello"; // the id of a connection's first message

export class Wire {
  #socket = null;
  #create = null;
  #key = null;
  #waiting = new Map(); // id -> {message, resolve, reject}, in the order they were sent
  #isKnown = false; // the server has said whose connection this is
  #tries = 0;
  #timers = {};

  /** `status` is off, connecting, open, waiting, taken, refused (with `error`) or over. */
  constructor(url, { onevent, onstatus }) {
    Object.assign(this, { url, onevent, onstatus, seq: 0, status: "off" });
  }

  /** A new interview. */
  begin(create) {
    this.abandon();
    this.#start(create, null);
  }

  /** Erase what was made ready and never begun; the server then closes the socket. */
  abandon() {
    if (!this.#create || this.status !== "open") return;
    this.#post({ type: "erase_session" });
    this.#socket.onclose = this.#socket.onmessage = null;
    this.#socket = null;
    this.close();
  }

  resume(session, token) {
    this.#start(null, { session, token });
  }

  /** Try now, or see whether the other side is there. */
  hurry(now = this.status === "waiting") {
    if (now) this.#open();
    else this.#probe(3_000);
  }

  close() {
    this.#drop(false);
    this.#fail({ code: "closed", message: "This interview was left." });
    this.#tell("off");
  }

  /** Send; the answer, which to a command is its update, stored. Rejected with the server's error. */
  request(message) {
    const id = `${Date.now()}-${Math.random()}`;
    if (message.type === "start_interview") this.#create = null; // begun: from here on it is kept
    return new Promise((resolve, reject) => {
      const whole = { ...message, id };
      this.#waiting.set(id, { message: whole, resolve, reject });
      if (this.status === "open") this.#post(whole);
      else if (this.status === "over") this.#open();
    });
  }

  /** Sound, as it is made; whether the connection takes it. */
  sound(bytes) {
    if (!this.#isKnown || this.#socket?.readyState !== WebSocket.OPEN || this.#socket.bufferedAmount > MOST_UNSENT) return false;
    this.#socket.send(bytes);
    return true;
  }

  async upload(file, purpose = "resume") {
    const received = this.request({ type: "begin_upload", purpose, name: file.name.slice(0, 255), size: file.size });
    received.catch(() => {}); // awaited below; until then it is nobody's
    const socket = this.#socket;
    for (let at = 0; at < file.size; at += CHUNK) {
      const bytes = await file.slice(at, at + CHUNK).arrayBuffer();
      if (socket?.readyState !== WebSocket.OPEN) break; // `received` says so
      socket.send(bytes);
    }
    return (await received).upload;
  }

  #start(create, key) {
    this.close();
    this.#create = create;
    this.#key = key;
    this.seq = this.#tries = 0;
    this.#open();
  }

  #open() {
    this.#drop();
    this.#isKnown = false;
    this.#tell("connecting");
    const socket = (this.#socket = new WebSocket(this.url, "interview-fsm.v1"));
    this.#timers.pong = setTimeout(() => this.#lost(1006), LONGEST_WAIT);
    socket.onopen = () =>
      this.#post(this.#key ? { type: "resume_session", id: HELLO, ...this.#key, seq: this.seq } : { type: "create_session", id: HELLO, ...this.#create });
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => this.#hear(data);
    socket.onclose = ({ code }) => this.#lost(code);
  }

  #drop(now = true) {
    const socket = this.#socket;
    this.#socket = null;
    for (const timer of Object.values(this.#timers)) clearTimeout(timer);
    if (!socket) return;
    socket.onmessage = socket.onclose = null;
    socket.onopen = () => socket.close();
    if (now || socket.readyState) socket.close(); // before it is open, browsers complain
  }

  #lost(code) {
    this.#drop();
    // A file went with the connection; whoever sent it begins again.
    for (const [id, { message, reject }] of this.#waiting) {
      if (!["begin_upload", "set_resume", "check_sound"].includes(message.type)) continue;
      this.#waiting.delete(id);
      reject({ code: "lost" });
    }
    if (code === 1000) this.#tell("over");
    else if (code === 4409) this.#tell("taken");
    else if (FINAL[code]) this.#refused({ code: "closed", message: FINAL[code] });
    else this.#wait(code === 4408 || code === 4429 ? SLOW_WAIT : FIRST_WAIT);
  }

  #wait(first) {
    const longest = Math.min(LONGEST_WAIT, first * 2 ** this.#tries++);
    // Drawn, so that a thousand pages do not come back at once.
    this.#timers.retry = setTimeout(() => this.#open(), longest * (0.5 + Math.random() / 2));
    this.#tell("waiting");
  }

  #post(message) {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  #tell(status, error) {
    this.status = status;
    this.onstatus({ status, error });
  }

  #hear(data) {
    clearTimeout(this.#timers.pong);
    if (typeof data !== "string") return this.onevent({ type: "sound", bytes: data });
    const event = JSON.parse(data);
    const { type, in_reply_to: id } = event;
    if (type === "error" && (id === HELLO || ENDS.includes(event.code))) {
      this.#drop();
      return event.retryable ? this.#wait(FIRST_WAIT) : this.#refused(event);
    }
    if (type === "session_created") this.#key = { session: event.session, token: event.token };
    if (event.seq > this.seq) this.seq = event.seq;
    this.#isKnown ||= id === HELLO;
    this.onevent(event);
    if (id === HELLO) this.#welcome();
    else this.#settle(event, this.#waiting.get(id));
  }

  #welcome() {
    this.#tries = 0;
    for (const { message } of this.#waiting.values()) this.#post(message);
    this.#timers.ping = setInterval(() => this.#probe(PONG_WITHIN), PING_EVERY);
    this.#tell("open");
  }

  #settle(event, waiting) {
    if (!waiting) return;
    const { message, resolve, reject } = waiting;
    // Whoever erases is told, and asks again: with what is kept here, which is all that leads to it.
    if (event.retryable && AGAIN.includes(event.code) && message.type !== "erase_session") {
      setTimeout(() => this.status === "open" && this.#waiting.has(message.id) && this.#post(message), AGAIN_AFTER);
      return;
    }
    this.#waiting.delete(message.id);
    (event.type === "error" ? reject : resolve)(event);
  }

  #refused(error) {
    this.#fail(error);
    this.#tell("refused", error);
  }

  #fail(error) {
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject } of waiting) reject(error);
  }

  /** A network that has gone says nothing: ask, and take silence for a no. */
  #probe(within) {
    if (this.status !== "open") return;
    this.#post({ type: "ping" });
    clearTimeout(this.#timers.pong);
    this.#timers.pong = setTimeout(() => this.#lost(1006), within);
  }
}
