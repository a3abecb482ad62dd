// The client's end of the live way: state by websocket, by polling where that is blocked, and how old it is (R6.1).
//
//   connect({ socket: "/ws/queues/1/", poll: "/live/queues/1", first, onState, onAge, onOver }) -> { close }
//
// first    the state that the page came with (see embedded), or leave it out
// old      seconds since the page was known to be true, where it does not come from the server
// onState  (state) for every newer state; the first too
// onAge    (seconds | null): null while the state is fresh, else how long ago it was known to be the database's
//
// onOver   () when this page follows no more and must be loaded again, if at all: set up anew, unknown, not allowed.
//          Without it the page is loaded again where it was set up anew, and else stays as it is.
//
// A gap ends in the present state, never in a replay: the server sends whole states, and a version that is not newer
// is ignored.

const QUIET = 10000; // no word for so long: say how old the state is
const POLL_EVERY = 3000;
const TRY_SOCKET_AGAIN = 60000; // while polling
const FAILURES = 2; // failed websockets before polling
const SLOW_START = 5000; // a proxy that swallows websockets does not refuse them
const LOST = 15000; // no frame for so long, though there is a heartbeat every 5 s: the connection is dead
const SPREAD = 3000; // a restarted server is not met by all of its screens at once; doubled with each failure
const LONGEST_PAUSE = 15000; // between tries
const REFUSED = new Set([4403, 4404]); // forbidden, unknown: asking again does not help
const CHANGED = 4409; // the board was set up anew: its page must be loaded again

/** The state embedded in the page as <script type="application/json" id="...">, or null. */
export function embedded(id) {
  const element = document.getElementById(id);
  return element ? JSON.parse(element.textContent) : null;
}

// The time that has passed, in ms. One clock stands still while a device sleeps, the other may be set by hand.
const clock = { passed: 0, steady: performance.now(), wall: Date.now() };
function now() {
  const steady = performance.now() - clock.steady;
  const wall = Date.now() - clock.wall;
  clock.passed += wall - steady > 1000 ? wall : steady;
  clock.steady += steady;
  clock.wall += wall;
  return clock.passed;
}

/** The part of a board's ETag that changes when it is set up anew. */
function setup(tag) {
  return (tag || "").split("-")[1];
}

export function connect({ socket, poll, first = null, old = 0, onState, onAge = () => {}, onOver = null }) {
  let version = -1;
  let tag = null;
  let ws = null;
  let worked = false; // the present websocket has brought a state
  let heard = 0; // when it last brought a frame
  let failures = 0;
  let polling = false;
  let unreachable = false; // the last poll got no answer
  let ended = false;
  let shownAge = null;
  let knownAt = now() - old * 1000; // when the state was last known to be the database's, by this clock
  let timer = 0;

  const known = (secondsAgo) => {
    knownAt = now() - Math.max(0, secondsAgo) * 1000;
    tellAge();
  };

  const take = (state) => {
    if (!(state.version > version)) return;
    version = state.version;
    onState(state);
  };

  const tellAge = () => {
    const quiet = now() - knownAt;
    const age = quiet > QUIET ? Math.floor(quiet / 1000) : null;
    if (age !== shownAge) onAge((shownAge = age));
  };

  const later = (work, pause) => {
    clearTimeout(timer);
    if (!ended) timer = setTimeout(work, pause);
  };

  const open = () => {
    const url = new URL(socket, location.href);
    url.protocol = url.protocol.replace("http", "ws");
    heard = now();
    worked = false;
    const mine = (ws = new WebSocket(url));
    mine.onmessage = (event) => {
      if (mine !== ws) return;
      heard = now();
      const message = JSON.parse(event.data);
      if ("heartbeat" in message) {
        // Both times are the server's: this device's clock may be wrong.
        known((Date.parse(message.now) - Date.parse(message.heartbeat)) / 1000);
        return;
      }
      // The first state is the present one, a newer one tells of a commit: both are the database's of this moment.
      if (!worked || message.version > version) known(0);
      worked = true;
      failures = 0;
      polling = false;
      take(message);
    };
    mine.onclose = (event) => mine === ws && gone(event.code);
  };

  const pause = () => Math.random() * Math.min(LONGEST_PAUSE, SPREAD * 2 ** failures);
  const untilSocket = () => now() + TRY_SOCKET_AGAIN * (0.75 + 0.5 * Math.random());

  const gone = (code) => {
    ws = null;
    if (ended) return;
    if (code === CHANGED || REFUSED.has(code)) return over(code === CHANGED);
    failures += worked ? 0 : 1;
    if (failures >= FAILURES) {
      polling = true;
      ask(untilSocket());
      return;
    }
    later(open, pause());
  };

  const watch = () => {
    tellAge();
    if (ws && now() - heard > (worked ? LOST : SLOW_START)) {
      const dead = ws;
      gone(0); // not left to onclose, which waits for an answer to the closing
      dead.close();
    }
  };

  const ask = async (until) => {
    if (ended) return;
    let next = () => (now() < until ? ask(until) : open());
    let wait = POLL_EVERY * (0.9 + 0.2 * Math.random());
    const impatience = new AbortController();
    const patience = setTimeout(() => impatience.abort(), QUIET);
    try {
      const response = await fetch(poll, {
        headers: tag ? { "If-None-Match": tag } : {},
        cache: "no-store", // the ETag is handled here: a 304 must be seen as one
        signal: impatience.signal,
      });
      const state = response.status === 200 ? await response.json() : null; // may break off: nothing is known then
      if (ended || ws) return;
      if (response.status === 403 || response.status === 404) return over(false);
      if (state) {
        const newer = response.headers.get("ETag");
        if (tag && setup(newer) !== setup(tag)) return over(true);
        tag = newer;
        take(state);
      }
      if (response.ok || response.status === 304) {
        known(Number(response.headers.get("Queue-Age") || 0));
        // The server was away: websockets failed for that, and need not be blocked.
        if (unreachable) {
          unreachable = false;
          failures = 0;
          [next, wait] = [open, pause()];
        }
      } else {
        unreachable = true; // a proxy answers for a server that is away
      }
    } catch {
      unreachable = true; // the age tells it
    } finally {
      clearTimeout(patience);
    }
    if (!ws) later(next, wait);
  };

  const end = () => {
    ended = true;
    clearTimeout(timer);
    if (ws) ws.close();
  };

  const over = (changed) => {
    end();
    if (onOver) onOver();
    else if (changed) location.reload();
  };

  // A phone that slept missed its timers: look at once when it is taken out again.
  const wake = () => {
    if (ended || document.visibilityState !== "visible") return;
    watch();
    if (ws === null) later(polling ? () => ask(untilSocket()) : open, 0);
    else if (ws.readyState === WebSocket.OPEN) ws.send("ping");
  };

  if (first) take(first);
  document.addEventListener("visibilitychange", wake);
  addEventListener("online", wake);
  setInterval(watch, 1000);
  open();
  return { close: end };
}
