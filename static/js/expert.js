// The expert's page: what is shown of one room, what each key does. What may be done is the server's to say.
import { ask, follow, lasted, stepWords } from "./staff.js";
import { spanText } from "./queue_words.js";
import { clock, inWords, pauseReason, put, say, showAge } from "./words.js";

const page = document.body;
const { session, zone } = page.dataset;
const byId = (id) => document.getElementById(id);
const KEYS = { r: "recall", m: "miss", s: "start", b: "test", f: "finish", p: "pause", t: "room", a: "add", z: "undo" };
const DIGITS = 9; // keys for those who come back
const AFTER_NEXT = 1000; // milliseconds: a second press this soon is the same press
let room = Number(page.dataset.room);
let queue = null;
let began = Infinity; // the first call of the session
let line = Promise.resolve(); // the steps under way and to come
let nextAgain = 0; // when "next" may be pressed again

const seat = () => queue.rooms.find((each) => each.id === room) || queue.rooms.find((each) => each.mine);
const present = () => queue.byId.get(seat()?.ticket) || null;

function answer(words, bad = false) {
  byId("answer").textContent = words;
  byId("answer").toggleAttribute("data-bad", bad);
}

// `act`: what its button says and does, and its key, where it has one.
function row(entry, act) {
  const element = byId("row").content.firstElementChild.cloneNode(true);
  put(element, "label", entry.label);
  put(element, "name", entry.masked);
  put(element, "place", entry.place ? say(`place.${entry.place}`) : "");
  element.querySelector("em").dataset.place = entry.place || "";
  put(element, "wait", say("minutes", { n: Math.floor((Date.now() + queue.ahead - Date.parse(entry.arrived)) / 60000) }));
  if (act) {
    const button = element.querySelector("button");
    button.hidden = false;
    put(button, "act", say(act.step));
    button.querySelector("kbd").textContent = act.key;
    button.dataset.key = act.key;
    button.onclick = () => run(() => step(entry, act.step));
  }
  return element;
}

// Who is not here yet and says so: no number, the time of the slot, and when it was said.
function lateRow(entry) {
  const element = byId("row").content.firstElementChild.cloneNode(true);
  put(element, "label", clock(entry.slot.starts_at, zone));
  put(element, "name", entry.masked);
  put(element, "wait", say("said_at", { time: clock(entry.said_at, zone) }));
  return element;
}

// `step`: what can be done for each; `before`: how many digits other lists have taken for their keys.
function list(part, entries, step, before = 0) {
  const key = (n) => (n < DIGITS ? String(n + 1) : "");
  fill(part, entries.map((entry, n) => row(entry, step && { step, key: key(before + n) })));
}

function fill(part, rows) {
  page.querySelector(`[data-put="${part}"]`).replaceChildren(...rows);
  const box = page.querySelector(`[data-part="${part}"]`);
  if (box) box.hidden = !rows.length;
}

function show(newest) {
  queue = newest;
  const here = seat();
  if (!here) return answer(say("closed"), true);
  room = here.id;
  const patient = present();
  const called = patient?.state === "called";
  const first = queue.line[0];
  page.dataset.state = here.paused ? "paused" : patient ? patient.state : "free";
  put(page, "room", inWords(here.names));
  const counts = [say("seen_of", { done: queue.done, all: queue.numbers }), say("waiting_count", { n: queue.line.length })];
  if (queue.to_come) counts.push(say("to_come", { n: queue.to_come }));
  put(page, "counts", counts.join(" · "));
  began = Math.min(...queue.tickets.map((ticket) => Date.parse(ticket.started_at || ticket.called_at) || Infinity));
  put(page, "state", patient ? say(called ? "called" : "in_service") : say("room_free"));
  put(page, "number", patient ? patient.label : "–");
  put(page, "name", patient ? patient.masked : "");
  put(page, "kind", patient ? kind(patient) : "");
  showNext(here, patient, first);
  put(page, "pause", say(here.paused ? "resume" : "pause"));
  put(page, "undo", here.undo ? say("undo_what", { what: stepWords(here.undo) }) : say("undo"));
  enable({ recall: called, miss: called, start: called, test: patient, finish: patient, pause: true, undo: here.undo });
  list("line", queue.line);
  page.querySelector('[data-put="nobody"]').hidden = queue.line.length > 0;
  fill("late", queue.late.map(lateRow));
  list("missed", queue.missed, "put-back");
  list("away", queue.away, "return-visit", queue.missed.length);
  tick();
}

// Who it is, as far as the calls have to do with it.
function kind(patient) {
  const slot = queue.slots.find((each) => each.index === patient.slot);
  return [
    patient.priority && say(`place.${patient.priority}`),
    patient.booked ? say("booked_for", { time: clock(slot.starts_at, zone) }) : say("place.walk_in"),
    patient.returned ? say("place.return_visit") : patient.first_visit && say("first_visit"),
    patient.late && say("place.late"),
  ].filter(Boolean).join(" · ");
}

function showNext(here, patient, first) {
  const live = ["open", "running"].includes(queue.session.state);
  let [big, whom, off] = [say("next"), first ? `${first.label} ${first.masked}` : "", false];
  if (!live || queue.stopped_early) [big, whom, off] = [say("next"), say(live ? "stopped" : `state.${queue.session.state}`), true];
  else if (here.paused) {
    const until = here.paused.until ? say("return_at", { time: clock(here.paused.until, zone) }) : "";
    [big, whom] = [say("resume"), [pauseReason(here.paused.reason), until].filter(Boolean).join(" · ")];
  } else if (!first) [big, whom, off] = [say(patient ? "next_finish" : "next_nobody"), "", !patient];
  put(page, "next", big);
  put(page, "whom", whom);
  byId("next").setAttribute("aria-disabled", off);
}

function enable(actions) {
  for (const [action, can] of Object.entries(actions)) {
    page.querySelector(`[data-do="${action}"]`).setAttribute("aria-disabled", !can);
  }
}

function tick() {
  if (!queue) return;
  const patient = present();
  const since = patient && (patient.state === "called" ? patient.called_at : patient.started_at);
  const times = patient?.state === "called" ? say("times", { n: patient.calls }) : "";
  showMorning(patient);
  put(page, "lasted", since ? [times, lasted(since, queue.ahead)].filter(Boolean).join(" · ") : "");
}

// How long the session has gone on, and when all who are here will have been seen.
function showMorning(patient) {
  const [start, end] = [clock(queue.session.starts_at, zone), clock(queue.session.ends_at, zone)];
  const minutes = Math.max(0, Math.floor((Date.now() + queue.ahead - began) / 60000));
  const time = minutes < 60 ? say("minutes", { n: minutes }) : say("hours", { h: Math.floor(minutes / 60), n: minutes % 60 });
  put(page, "running", began === Infinity ? say("planned", { start, end }) : say("running", { time, end }));
  const here = queue.behind_all && (patient || queue.line.length);
  put(page, "all_seen", here ? say("all_seen", { range: spanText(queue, queue.behind_all, zone) }) : "");
}

// One step after the other. Each is about whom the presser saw: what has moved on meanwhile is the server's to refuse.
function run(work) {
  line = line.then(work).catch((refusal) => answer(refusal.message, true));
  line.then(live.refresh);
}

async function step(ticket, what, body = {}) {
  await ask(`staff/tickets/${ticket.id}/${what}/`, body);
  answer(say(`did.${what}`, { number: ticket.label }));
}

const needed = (patient, state) => {
  if (!patient || (state && patient.state !== state)) throw new Error(say(patient ? "not_called" : "no_patient"));
  return patient;
};

// By action, with the room and the patient that the presser saw.
const ACTIONS = {
  async next(here, patient) {
    if (here.paused) return ACTIONS.resume(here);
    const called = await ask(`queues/${session}/call-next/`, { room: here.id, seen: patient ? patient.id : null });
    if (called.label) return answer(say("did.call", { number: called.label }));
    answer(patient ? say("did.finish", { number: patient.label }) : say("did.nobody"));
  },
  recall: (here, patient) => step(needed(patient, "called"), "recall", { seen: patient?.calls }),
  miss: (here, patient) => step(needed(patient, "called"), "miss"),
  start: (here, patient) => step(needed(patient, "called"), "start"),
  test: (here, patient) => step(needed(patient), "send-for-test"),
  finish: (here, patient) => step(needed(patient), "finish"),
  async undo(here) {
    const last = here.undo;
    if (!last) return answer(say("nothing_to_undo"));
    await ask(`queues/${session}/undo/`, { event: last.id });
    answer(say("undone", { what: stepWords(last) }));
  },
  async pause(here) {
    if (here.paused) return ACTIONS.resume(here);
    const form = await chosen("pause-dialog");
    if (!form) return;
    const reason = form.get("reason") || form.get("other");
    const until = new Date(Date.now() + queue.ahead + Number(form.get("minutes")) * 60000).toISOString();
    await ask(`queues/${session}/pause/`, { room: here.id, reason, until });
    answer(say("did.pause"));
  },
  async resume(here) {
    await ask(`queues/${session}/resume/`, { room: here.id });
    answer(say("did.resume"));
  },
  async add() {
    const form = byId("add-dialog")?.querySelector("form");
    if (!form) return;
    const open = queue.slots.filter((slot) => Date.parse(slot.ends_at) > Date.now() + queue.ahead);
    if (!open.length) return answer(say("slots_over"), true);
    const options = open.map((slot) => new Option(`${clock(slot.starts_at, zone)}–${clock(slot.ends_at, zone)}`, slot.id));
    form.elements.slot.replaceChildren(...options);
    form.elements.count.value = 1;
    form.elements.reason.value = "";
    showAdded(form);
    const asked = await chosen("add-dialog");
    if (!asked) return;
    const sent = { slot: Number(asked.get("slot")), count: Number(asked.get("count")), reason: asked.get("reason") };
    await ask(`queues/${session}/added-numbers/`, sent);
    answer(say("did.add", { count: sent.count }));
  },
  async room(here) {
    const select = byId("room-dialog").querySelector("select");
    const taken = new Set(queue.rooms.map((each) => String(each.id)));
    for (const option of select.options) option.hidden = option.disabled = taken.has(option.value);
    const free = [...select.options].find((option) => !option.disabled);
    if (!free) return answer(say("no_free_room"), true);
    select.value = free.value;
    const form = await chosen("room-dialog");
    if (!form) return;
    const to = Number(form.get("room"));
    await ask(`queues/${session}/change-room/`, { room: here.id, to_room: to });
    room = to;
    answer(say("did.change-room", { room: select.selectedOptions[0].textContent }));
  },
};

// What added numbers would do is the server's to say, before they are added.
async function showAdded(form) {
  const asked = new URLSearchParams({ slot: form.elements.slot.value, count: form.elements.count.value || 1 });
  const does = byId("add-does");
  try {
    const { words } = await ask(`queues/${session}/added-numbers/?${asked}`);
    if (asked.get("slot") !== form.elements.slot.value || asked.get("count") !== (form.elements.count.value || "1")) return;
    does.replaceChildren(...words.map((each) => Object.assign(document.createElement("p"), { textContent: each })));
  } catch (refusal) {
    does.textContent = refusal.message;
  }
}

const whyNot = () => page.querySelector('[data-put="whom"]').textContent || say("did.nobody");

// What was chosen in a dialog, or null where it was left by Esc or "back".
function chosen(id) {
  const dialog = byId(id);
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    const closed = () => resolve(dialog.returnValue === "yes" ? new FormData(dialog.querySelector("form")) : null);
    dialog.addEventListener("close", closed, { once: true });
  });
}

function press(action) {
  if (!queue || !seat()) return;
  if (action === "next") {
    // Twice is once; a press that comes later still, before the new state does, is told apart by whom it saw.
    if (performance.now() < nextAgain) return;
    nextAgain = performance.now() + AFTER_NEXT;
    if (byId("next").getAttribute("aria-disabled") === "true") return answer(whyNot());
  }
  const [here, patient] = [seat(), present()];
  run(() => ACTIONS[action](here, patient));
}

for (const button of page.querySelectorAll("[data-do]")) {
  button.addEventListener("click", (event) => {
    // Space must go on meaning "next" after a click; who came by Tab keeps the focus.
    if (event.detail > 0) button.blur();
    press(button.dataset.do);
  });
}

for (const dialog of document.querySelectorAll("dialog")) {
  dialog.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target.tagName === "SELECT") dialog.querySelector("button.main").click();
  });
}

byId("add-dialog")?.addEventListener("input", (event) => event.target.name !== "reason" && showAdded(event.target.form));

const other = document.querySelector("[name=other]");
other.addEventListener("input", () => (other.closest("label").querySelector("[type=radio]").checked = true));

const keys = byId("keys");
keys.checked = localStorage.getItem("expert-keys") !== "off";
keys.addEventListener("change", () => localStorage.setItem("expert-keys", keys.checked ? "on" : "off"));

document.addEventListener("keydown", (event) => {
  if (!keys.checked || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, select, textarea, dialog")) return;
  const onControl = event.target.closest("button, a");
  const back = /^[1-9]$/.test(event.key) && page.querySelector(`.line [data-key="${event.key}"]`);
  if (back) return back.click();
  const action = event.key === " " ? !onControl && "next" : KEYS[event.key.toLowerCase()];
  if (!action) return;
  event.preventDefault();
  press(action);
});

setInterval(tick, 1000);
const live = follow(session, { onQueue: show, onAge: (age) => showAge(byId("age"), age) });
