// The clerk's desk: one field with the focus, one answer in one place. The queue beside it is desk_queue.js.
import { ask, stepWords } from "./staff.js";
import { inWords, say } from "./words.js";
import { minding, waitWords } from "./desk_minding.js";
import * as side from "./desk_queue.js";
import { within } from "./within.js";

const byId = (id) => document.getElementById(id);
const field = byId("field");
const SCAN = /\/t\/[\w-]+|^(?=.*[A-Za-z])[\w-]{20,24}$/; // a code, or the address in its picture
const KEPT = 3; // steps in the list of what was just done
const AFTER_NEXT = 1000; // milliseconds: a second press this soon is the same press
const FORMS = ["walk-in", "priority", "hand-over"];
let found = []; // matches of the last search: visits of today, else people who are known
let at = 0; // the chosen one of them
let askedFor = ""; // what the matches were found by
let reading = null; // what that said of a person: name, ID, phone
let asked = null; // whom the open form is about
let just = []; // own steps, newest first: { words, when, session, event }
let line = Promise.resolve(); // the steps under way and to come
let nextAgain = 0; // when "next" may be pressed again

function answer(words, bad = false, warnings = []) {
  byId("answer").textContent = words;
  byId("warnings").replaceChildren(...warnings.map((each) => Object.assign(document.createElement("li"), { textContent: each })));
  byId("answer-box").toggleAttribute("data-bad", bad);
  byId("answer-box").toggleAttribute("data-warn", !bad && warnings.length > 0);
}

// One step after the other: a second scan waits for the first. A refusal is a sentence in the same place.
function run(work) {
  line = line.then(work).catch((refusal) => answer(withElsewhere(refusal), true));
  return line;
}

// A form is sent once, however often Enter is pressed.
function send(form, work) {
  if (form.dataset.sent) return;
  form.dataset.sent = "yes";
  run(work).then(() => delete form.dataset.sent);
}

function withElsewhere(refusal) {
  const others = (refusal.problem?.elsewhere || []).filter((each) => typeof each === "object");
  const names = others.map((each) => `${inWords(each.names)} (${each.left})`).join(", ");
  return names ? `${refusal.message} ${say("elsewhere", { names })}` : refusal.message;
}

// --- what was just done, and taking it back

function did(words, session, ticket, kind, warnings = []) {
  answer(words, false, warnings);
  const entry = { words, when: Date.now(), session, event: null };
  just = [entry, ...just].slice(0, KEPT);
  showJust();
  side.state.live?.refresh();
  ask(`queues/${session}/staff/`).then((queue) => {
    // Only the own step: others may have done something since.
    if (queue.undo?.ticket === ticket && queue.undo.kind === kind) entry.event = queue.undo;
    showJust();
  }, () => null);
}

function showJust() {
  byId("just").replaceChildren(
    ...just.map((entry) => {
      const item = document.createElement("li");
      const age = document.createElement("span");
      age.className = "soft";
      const seconds = Math.floor((Date.now() - entry.when) / 1000);
      age.textContent = seconds < 60 ? say("ago", { n: seconds }) : say("minutes_ago", { n: Math.floor(seconds / 60) });
      item.append(entry.words, " ", age);
      return item;
    }),
  );
  byId("just-none").hidden = just.length > 0;
  const last = undoable();
  byId("undo-words").textContent = last ? say("undo_what", { what: stepWords(last.event) }) : say("undo");
  document.querySelector('[data-do="undo"]').setAttribute("aria-disabled", !last);
}

const undoable = () => just.find((entry) => entry.event);

// --- find and check in

function clearFound() {
  found = [];
  byId("found").hidden = true;
  byId("found").replaceChildren();
  field.removeAttribute("aria-activedescendant");
}

// The empty field again; what was typed or scanned since the last search stays.
function reset() {
  for (const id of FORMS) byId(id).hidden = true;
  clearFound();
  if (field.value.trim() === askedFor) field.value = "";
  askedFor = "";
  field.focus();
}

function facts(result) {
  return {
    name: result.name,
    slot: side.slotWords(result.slot),
    expert: inWords(result.session.names),
    number: result.ticket?.label,
    state: result.ticket ? say(`state.${result.ticket.state}`) : say(`booking.${result.appointment}`),
  };
}

// A person rather than a visit of today: known, or new and read from a card.
const isPerson = (match) => !match.token;

async function find(text) {
  answer(say("looking"));
  const answered = await ask("find/", { q: text });
  askedFor = text;
  reading = answered.reading;
  at = 0;
  found = answered.results.length ? answered.results : answered.known;
  if (!found.length && reading.name && reading.id_number) found = [{ name: reading.name, warnings: [], written: reading }];
  // The next scan takes the place of this one.
  if (field.value.trim() === text && document.activeElement === field) field.select();
  if (!found.length) {
    clearFound();
    const elsewhere = answered.elsewhere.map((where) => say(`elsewhere.${where}`)).join(" ");
    return answer(elsewhere || say("found_none", { query: text }), true);
  }
  if (found.length > 1) {
    showFound();
    return answer(say("found_many", { n: found.length }));
  }
  if (SCAN.test(text) && found[0].can_check_in) return checkIn(found[0]);
  await tell(found[0]);
}

async function tell(match) {
  if (isPerson(match)) return tellPerson(match);
  const warnings = minding(match, side.state.shown);
  if (match.ticket) {
    side.showQueueOf(match.session.id);
    side.choose(match.ticket.id);
    return answer(say("found_ticket", facts(match)), false, warnings);
  }
  const place = match.joining ? waitWords(match.joining) : "";
  const key = match.can_check_in ? (match.late ? "found_late" : "found_one") : "found_not_now";
  answer(say(key, { ...facts(match), place }), false, warnings);
}

// What they would get, before they accept (R4.1): with the queue that is shown.
async function tellPerson(person) {
  const { shown } = side.state;
  if (!shown) return answer(say("no_queue", { name: person.name }), true);
  const made = await ask(`queues/${shown.session}/walk-in-offer/`);
  const offered = { name: person.name, slot: side.slotWords(made.slot), expert: inWords(shown.names), place: waitWords(made) };
  answer(say(person.patient ? "known_offer" : "new_offer", offered), false, minding(person));
}

function showFound() {
  const rows = found.map((result, index) => {
    const item = document.createElement("li");
    const { name, slot = "", expert = "", number, state } = isPerson(result) ? result : facts(result);
    item.id = `found-${index}`;
    item.role = "option";
    item.ariaSelected = index === at;
    const bold = document.createElement("b");
    bold.textContent = name;
    item.append(bold, result.phone_end ? ` (…${result.phone_end})` : "", ` ${slot} ${expert} · ${[number, state].filter(Boolean).join(" ")}`);
    item.onclick = () => {
      at = index;
      const { shown } = side.state;
      run(() => take(shown));
    };
    return item;
  });
  byId("found").replaceChildren(...rows);
  byId("found").hidden = false;
  field.setAttribute("aria-controls", "found");
  field.setAttribute("aria-activedescendant", `found-${at}`);
  byId(`found-${at}`).scrollIntoView({ block: "nearest" });
}

async function take(shown) {
  const result = found[at];
  if (!result) return openWalkIn();
  if (found.length > 1) {
    byId("found").hidden = true;
    at = 0;
    // Of one alone it is told where they would stand.
    const alone = result.can_check_in && (await ask("find/", { q: result.token })).results[0];
    found = [alone || result];
    return tell(found[0]);
  }
  if (isPerson(result)) return register(result.patient ? { patient_id: result.patient } : { patient: result.written }, shown);
  return result.ticket ? tell(result) : checkIn(result);
}

async function checkIn(result) {
  const ticket = await ask(`appointments/${result.token}/check-in/`, {});
  side.showQueueOf(ticket.session);
  reset();
  side.choose(ticket.id);
  const facts = { number: ticket.label, name: ticket.name, expert: inWords(result.session.names) };
  const place = result.joining ? waitWords(result.joining) : "";
  did(say("checked_in", { ...facts, place }), ticket.session, ticket.id, "check_in", minding(result));
}

// A walk-in with the queue that was shown when the key was pressed; who is in it already keeps that ticket.
async function register(who, shown) {
  const before = side.state.queue?.byId;
  const ticket = await ask(`queues/${shown.session}/walk-ins/`, who);
  reset();
  side.choose(ticket.id);
  const facts = { number: ticket.label, name: ticket.name, expert: inWords(shown.names) };
  if (before?.has(ticket.id)) return answer(say("in_queue", facts));
  did(say("registered", facts), ticket.session, ticket.id, "register");
}

byId("find").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = field.value.trim();
  if (!text) return;
  // The next patient's scan may come before the answer to this one.
  if (SCAN.test(text)) field.value = "";
  const { shown } = side.state;
  run(() => (text === askedFor ? take(shown) : find(text)));
});
field.addEventListener("input", () => {
  clearFound();
  askedFor = "";
});

// --- forms: a walk-in, a priority, a hand-over

function open(id, title) {
  for (const other of FORMS) byId(other).hidden = other !== id;
  clearFound();
  byId(`${id}-label`).textContent = title;
  answer(title);
  byId(id).reset();
  byId(id).querySelector("input, select").focus();
}

async function offer() {
  const { shown } = side.state;
  byId("walk-in-label").textContent = say("walk_in_for", { expert: inWords(shown.names) });
  const made = await ask(`queues/${shown.session}/walk-in-offer/`);
  answer(
    say("offer", { slot: side.slotWords(made.slot), expert: inWords(shown.names), place: waitWords(made) }),
  );
}

function openWalkIn() {
  const { shown } = side.state;
  if (!shown) return;
  const text = field.value.trim();
  open("walk-in", say("walk_in_for", { expert: inWords(shown.names) }));
  const form = byId("walk-in").elements;
  if (text && reading) for (const name of ["name", "id_type", "id_number", "phone"]) form[name].value = reading[name];
  if (text && !/\d/.test(text)) form.name.value = text;
  askedFor = text;
  run(offer);
}

// Whoever was found comes as a walk-in with the queue shown; what was typed is looked for first, as they may be booked.
function walkIn() {
  const text = field.value.trim();
  run(async () => {
    if (text && text !== askedFor) {
      await find(text);
      if (found.length) return null;
    }
    if (found.length !== 1) return openWalkIn();
    found = [{ name: found[0].name, patient: found[0].patient, written: found[0].written, warnings: found[0].warnings }];
    return tellPerson(found[0]);
  });
}

byId("walk-in").addEventListener("submit", (event) => {
  event.preventDefault();
  const form = event.target.elements;
  const name = form.name.value.trim();
  if (!name) {
    form.name.focus();
    return answer(say("name_missing"), true);
  }
  const patient = { name, id_type: form.id_type.value, id_number: form.id_number.value.trim(), phone: form.phone.value.trim() };
  const { shown } = side.state;
  send(event.target, () => register({ first_visit: form.first_visit.checked, patient }, shown));
});

// Enter goes through the fields of a form; the last step of a walk-in is the button that accepts what is offered.
for (const id of FORMS) {
  byId(id).addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing || event.target.tagName === "BUTTON") return;
    const fields = [...byId(id).querySelectorAll("input:not([type=checkbox]), select")];
    const next = fields[fields.indexOf(event.target) + 1] || (id === "walk-in" && byId(id).querySelector("button.main"));
    if (!next) return;
    event.preventDefault();
    next.focus();
  });
}

async function act(ticket, what, body = {}) {
  const changed = await ask(`staff/tickets/${ticket.id}/${what}/`, body);
  reset();
  did(say(`did.${what}`, { number: ticket.label, room: changed.room_code || "" }), ticket.session, ticket.id, what.replaceAll("-", "_"));
}

byId("priority").addEventListener("submit", (event) => {
  event.preventDefault();
  const { priority, reason } = event.target.elements;
  send(event.target, () => act(asked, "priority", { priority: priority.value, reason: reason.value.trim() }));
});

byId("hand-over").addEventListener("submit", (event) => {
  event.preventDefault();
  const { to_session: to, reason } = event.target.elements;
  send(event.target, () => act(asked, "hand-over", { to_session: Number(to.value), reason: reason.value.trim() }));
});

// --- actions of buttons and keys

// The ticket, where its state allows the step; else says why not.
function allowed(ticket, what) {
  if (!ticket) throw new Error(say("choose_row"));
  if (side.can(ticket, what)) return ticket;
  throw new Error(say("not_now", { number: ticket.label, state: say(`state.${ticket.state}`) }));
}

// A step on the patient who was chosen when the key was pressed.
const step = (what, body = () => ({})) => () => {
  const ticket = side.ticketNow();
  const { room } = side.state;
  run(() => act(allowed(ticket, what), what, body(ticket, room)));
};

const ACTIONS = {
  help: () => byId("help").showModal(),
  cancel: () => {
    field.value = "";
    reset();
    answer(say("ready"));
  },
  "walk-in": walkIn,
  room: side.nextRoom,
  // Without a network this page prints what it has; else the server prints all queues.
  paper: () =>
    fetch("/healthz", { cache: "no-store", signal: within(2000) }).then(
      () => byId("paper").requestSubmit(),
      () => window.print(),
    ),
  "from-paper": () => side.state.shown && byId("enter-paper").click(),
  // Begin, finish, pause, change room: on the page of that room.
  "room-page": () => {
    const { shown, room } = side.state;
    if (shown) window.open(`/expert/?session=${shown.session}&room=${room}`, "_blank");
  },
  call: step("call", (ticket, room) => ({ room })),
  recall: step("recall", (ticket) => ({ seen: ticket.calls })),
  miss: step("miss"),
  "put-back": step("put-back"),
  "return-visit": step("return-visit"),
  leave: step("leave"),
  priority: () =>
    run(() => {
      asked = allowed(side.ticketNow(), "priority");
      open("priority", say("priority_of", { number: asked.label }));
    }),
  "hand-over": () =>
    run(() => {
      asked = allowed(side.ticketNow(), "hand-over");
      const { shown } = side.state;
      const others = side.queues.filter((queue) => queue !== shown && queue.department === shown.department && queue.state !== "planned");
      if (!others.length) throw new Error(say("no_other_queue"));
      byId("hand-over").elements.to_session.replaceChildren(...others.map((queue) => new Option(inWords(queue.names), queue.session)));
      open("hand-over", say("hand_over_of", { number: asked.label }));
    }),
  next: () => {
    const { shown, room, queue } = side.state;
    if (!queue || performance.now() < nextAgain) return;
    nextAgain = performance.now() + AFTER_NEXT;
    const seen = queue.rooms.find((each) => each.id === room)?.ticket ?? null;
    run(async () => {
      const ticket = await ask(`queues/${shown.session}/call-next/`, { room, seen });
      if (!ticket.label) return answer(say("nobody"));
      did(say("did.call", { number: ticket.label, room: ticket.room_code || "" }), shown.session, ticket.id, "call");
    });
  },
  undo: () => {
    const last = undoable();
    if (!last) return answer(say("nothing_to_undo"));
    just = just.filter((entry) => entry !== last);
    showJust();
    run(async () => {
      await ask(`queues/${last.session}/undo/`, { event: last.event.id });
      reset();
      answer(say("undone", { what: stepWords(last.event) }));
      side.state.live?.refresh();
    });
  },
};

const KEYS = {
  KeyW: "walk-in", KeyX: "room", KeyC: "call", KeyR: "recall", KeyM: "miss", KeyB: "put-back", KeyP: "priority",
  KeyT: "return-visit", KeyL: "leave", KeyH: "hand-over", KeyN: "next", KeyO: "room-page", KeyQ: "paper",
  KeyI: "from-paper", KeyZ: "undo",
};

const asksForHelp = (event) => event.key === "?" || event.key === "？";

document.addEventListener("keydown", (event) => {
  if (event.isComposing || byId("help").open) return;
  if (event.altKey && !event.ctrlKey && !event.metaKey) {
    // By the key's place, not its letter: Alt and a letter write another character on some keyboards.
    const digit = /^Digit([1-9])$/.exec(event.code);
    if (!digit && !KEYS[event.code]) return;
    event.preventDefault();
    if (event.repeat) return;
    if (digit) chooseQueue(Number(digit[1]) - 1);
    else ACTIONS[KEYS[event.code]]();
  } else if (event.key === "F1" || (asksForHelp(event) && (event.target === field ? !field.value : !event.target.closest("form")))) {
    event.preventDefault();
    ACTIONS.help();
  } else if (event.key === "Escape") {
    event.preventDefault();
    ACTIONS.cancel();
  } else if (event.target === field && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
    event.preventDefault();
    const by = event.key === "ArrowDown" ? 1 : -1;
    if (found.length > 1) {
      at = Math.min(found.length - 1, Math.max(0, at + by));
      showFound();
    } else side.move(by);
  }
});

function chooseQueue(index) {
  side.showQueue(index);
  const [person] = found;
  if (!byId("walk-in").hidden) run(offer);
  else if (found.length === 1 && isPerson(person)) run(() => tellPerson(person));
}

for (const button of document.querySelectorAll("[data-do]")) {
  button.addEventListener("click", () => ACTIONS[button.dataset.do]());
}
byId("help").addEventListener("close", () => field.focus());
// The one field always has the focus: a click beside a form gives it back.
document.addEventListener("click", (event) => {
  if (!event.target.closest("form, dialog, a, .languages")) field.focus();
});

side.begin(() => {
  byId("enter-paper").href = side.state.shown ? `/admin/desk/paper/${side.state.shown.session}/` : "/admin/desk/paper/";
});
showJust();
setInterval(showJust, 5000);
field.focus();
