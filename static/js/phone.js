// A patient's page, live: finds its own number in the queue's state and says the same as phone_face.py.
import { forget, keep, kept, rest } from "./keep.js";
import { connect, embedded } from "./live.js";
import { clock, inWords, put, say, showAge } from "./words.js";
import { kindOfNotice, paused, roomOf, spanText } from "./queue_words.js";

const MOVED = 300000; // ms by which the own turn has to move until the time to come is asked for anew
const LONG = 15; // minutes
const SHOWN_AHEAD = 12;
const SHOWN_EVENTS = 12;
const LIVE = ["waiting", "called", "serving", "missed"];
const PAID_EVERY = 20000; // ms between two questions whether a held number is paid
const STILL_EVERY = 60000; // ms between two questions whether a shared link still shows anything
const KEEP_FIRST = 3000; // ms: what is kept for later does not hold up what is seen first
const KEEP_EVERY = 15000;
const BUZZ = [400, 200, 400, 200, 800];
const SHORT_BUZZ = [300, 200, 300];

let page = document.getElementById("face");
const { session, zone } = page.dataset;
const looksOn = "looksOn" in page.dataset; // a relative with a shared link
const age = document.getElementById("age");
const told = new Set(); // what is in the list of what happened already
let known = null; // numbers of the last state
let asking = 0;
let present = embedded("snapshot"); // the state that the page shows
let fresh = true;
let near = false; // whether it has come to few before me
let turnTold = null; // when a patient at home would be called, as the time to come was worked out from it

const part = (name) => page.querySelector(`[data-put="${name}"]`);

function face(queue, number) {
  for (const state of ["called", "serving"]) {
    const entry = queue[state].find((each) => each.number === number);
    if (entry) return { state, room: roomOf(queue, entry.room), times: entry.times };
  }
  if (queue.missed.includes(number)) return { state: "missed" };
  const ahead = queue.waiting.findIndex((each) => each.number === number);
  return ahead < 0 ? { state: "" } : { state: "waiting", ahead, entry: queue.waiting[ahead] };
}

// From so many before me on, "come to the waiting area".
const isNear = (ahead) => ahead <= Number(page.dataset.near);

function advice(queue, entry, ahead) {
  const kind = kindOfNotice(queue);
  if (kind === "stopped") return say("advice.stopped");
  const pause = paused(queue);
  if (pause) return pause.until ? say("advice.paused.until", { time: clock(pause.until, zone) }) : say("advice.paused");
  if (ahead === 0) return say("advice.next", { room: queue.rooms.map((room) => inWords(room.names)).join(", ") });
  if (isNear(ahead)) return say("advice.near");
  const early = (entry.median || 0) / 2;
  if (early < LONG) return say("advice.stay");
  return say("advice.time", { time: clock(Date.parse(queue.at) + early * 60000, zone) });
}

function strip(queue, ahead, number) {
  const many = (name, count) => Array(Math.max(0, count)).fill(name);
  const marks = [
    ...many("busy", Math.min(queue.serving.length + queue.called.length, 3)),
    ...many("ahead", Math.min(ahead, SHOWN_AHEAD)),
    ...many("more", ahead > SHOWN_AHEAD ? 1 : 0),
    "me",
    ...many("behind", Math.min(queue.waiting.length - ahead - 1, 2)),
  ];
  part("strip").replaceChildren(...marks.map((name) => {
    const mark = document.createElement("i");
    mark.className = name;
    return mark;
  }));
  part("strip").setAttribute("aria-label", say("strip", { n: ahead, number }));
}

function happened(at, text, worse = false) {
  if (looksOn) return; // what happened is the patient's
  const item = document.createElement("li");
  const time = document.createElement("time");
  const words = document.createElement("span");
  time.textContent = clock(at, zone);
  words.textContent = text;
  item.classList.toggle("worse", worse);
  item.append(time, " ", words);
  part("happened").prepend(item);
  while (part("happened").children.length > SHOWN_EVENTS) part("happened").lastElementChild.remove();
}

function tellWorse(entry, quietly) {
  for (const each of [...entry.worse].reverse()) {
    const key = `${each.at} ${each.reason}`;
    if (told.has(key)) continue;
    told.add(key);
    if (quietly) continue;
    happened(each.at, say("worse", { n: each.by, reason: say(`reason.${each.reason}`) }), true);
  }
}

// A call takes the whole screen.
function cover() {
  document.body.toggleAttribute("data-called", page.dataset.state === "called" && !looksOn);
}

function show(queue, mine, number) {
  page.querySelectorAll("[data-when]").forEach((each) => { each.hidden = each.dataset.when !== mine.state; });
  page.dataset.state = mine.state;
  cover();
  if (mine.state === "waiting") {
    put(page, "before", say(mine.ahead ? "before" : "before.none", { n: mine.ahead, number }));
    put(page, "ahead", mine.ahead);
    put(page, "range", spanText(queue, mine.entry, zone));
    put(page, "advice", advice(queue, mine.entry, mine.ahead));
    strip(queue, mine.ahead, number);
    document.title = say("title.waiting", { n: mine.ahead, number });
  }
  if (mine.room) {
    page.querySelectorAll('[data-put="room"]').forEach((each) => put(each.parentElement, "room", inWords(mine.room.names)));
    put(page, "way", inWords(mine.room.ways));
  }
  if (mine.state === "called") document.title = say("title.called", { room: inWords(mine.room.names), number });
}

// What the queue's state cannot tell (checked in, sent for a test, seen, left) the server says: its page, once more.
async function askServer(spread) {
  clearTimeout(asking);
  asking = setTimeout(async () => {
    try {
      const response = await fetch(location.href, { cache: "no-store" });
      if (response.status === 410) {
        await forget();
        location.reload();
      }
      // Who is typing is not interrupted.
      if (!response.ok || document.activeElement?.closest("#face input")) return;
      const next = new DOMParser().parseFromString(await response.text(), "text/html");
      page.replaceWith(document.adoptNode(next.getElementById("face")));
      page = document.getElementById("face");
      cover();
      rest(!navigator.onLine);
      keepIt();
      document.title = next.title;
    } catch {
      // Offline: the age tells it, and the next state asks again.
    }
  }, Math.random() * spread);
}

// Once, as who has the page closed is told once.
function tellNear(queue, mine, number) {
  const before = say(mine.ahead ? "strip" : "before.none", { n: mine.ahead, number });
  document.getElementById("heard").textContent = `${before} ${advice(queue, mine.entry, mine.ahead)}`;
  if (!looksOn) navigator.vibrate?.(SHORT_BUZZ);
}

function withNumber(queue, number) {
  const was = page.dataset.state;
  const mine = face(queue, number);
  if (!mine.state) {
    if (LIVE.includes(was)) askServer(300);
    return;
  }
  if (mine.entry) tellWorse(mine.entry, known === null);
  const call = mine.state === "called" ? `called ${mine.times}` : mine.state;
  if (known !== null && call !== page.dataset.last) {
    const room = mine.room ? inWords(mine.room.names) : "";
    if (mine.state !== was || mine.state === "called") happened(queue.at, say(`happened.${mine.state}`, { room }));
    if (mine.state === "called") {
      if (!looksOn) navigator.vibrate?.(BUZZ);
      document.getElementById("heard").textContent = say("title.called", { room, number });
    }
  }
  const nearNow = mine.state === "waiting" && (near || isNear(mine.ahead));
  if (nearNow && !near && known !== null) tellNear(queue, mine, number);
  near = nearNow;
  page.dataset.last = call;
  show(queue, mine, number);
}

function withoutNumber(queue) {
  const joining = queue.joining.find((each) => String(each.slot) === page.dataset.slot);
  if (joining) {
    put(page, "joining", say("joining", { n: joining.position }));
    put(page, "joining-range", spanText(queue, joining, zone));
    // When to come follows from the queue; the server works it out once the queue has moved enough.
    const turn = Date.parse(queue.at) + joining.median * 60000;
    turnTold ??= turn;
    if (Math.abs(turn - turnTold) >= MOVED) {
      turnTold = turn;
      askServer(5000);
    }
  }
}

// As long as the visit lasts and the page is true; afterwards nothing is kept.
function keepIt() {
  if (!("live" in page.dataset)) forget();
  else if (fresh) keep(present, page.dataset.until).catch(() => {}); // no room, or private browsing
}

// Opened without a connection: how old this is, until the server answers and gives the page anew.
function showKept(seconds) {
  const at = new Date(kept);
  const minutes = Math.floor((seconds ?? 0) / 60);
  const key = minutes < 120 ? "age.kept" : "age.kept.long";
  const day = new Intl.DateTimeFormat(document.documentElement.lang, { month: "long", day: "numeric", timeZone: zone });
  age.textContent = say(key, { time: clock(at, zone), n: minutes, day: day.format(at) });
  age.toggleAttribute("data-stale", true);
}

function onState(queue) {
  present = queue;
  const numbers = new Set([...queue.waiting, ...queue.called, ...queue.serving].map((each) => each.number));
  const number = page.dataset.number;
  if (number) withNumber(queue, number);
  else {
    withoutNumber(queue);
    // Somebody checked in: it may be me, and only the server may say so.
    if (known !== null && [...numbers].some((each) => !known.has(each))) askServer(1000);
  }
  known = numbers;
}

// Of a payment no queue tells.
if (page.dataset.state === "held") setInterval(() => page.dataset.state === "held" && askServer(1000), PAID_EVERY);

// Nor does one tell of a link that was ended.
if (looksOn) setInterval(askServer, STILL_EVERY, 5000);

const way = { socket: `/ws/queues/${session}/`, poll: `/live/queues/${session}` };
if (kept !== null) {
  const old = Math.max(0, (Date.now() - kept) / 1000);
  showKept(old);
  connect({ ...way, old, onState: () => location.reload(), onAge: (seconds) => showKept(seconds) });
} else if ("live" in page.dataset) {
  connect({
    ...way,
    first: present,
    onState,
    onAge: (seconds) => {
      fresh = seconds === null;
      showAge(age, seconds);
    },
  });
  showAge(age, null); // the page was made a moment ago; live.js tells when word stays away
  setTimeout(keepIt, KEEP_FIRST);
  setInterval(keepIt, KEEP_EVERY);
} else forget();
