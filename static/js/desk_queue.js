// The desk's right half: which queue and room are shown, the list with the chosen patient in it.
import { follow } from "./staff.js";
import { clock, data, inWords, language, pauseReason, say, showAge } from "./words.js";

const HAN = /[\u3400-\u9fff]/;
const { zone, chosen } = document.body.dataset;
const byId = (id) => document.getElementById(id);
export const queues = data("queues");

// What each state allows, so that a key that cannot work looks so; the server decides.
const CAN = {
  waiting: ["call", "priority", "hand-over", "leave"],
  called: ["recall", "miss", "priority", "leave"],
  serving: [],
  missed: ["call", "put-back", "priority", "hand-over", "leave"],
  away: ["return-visit", "priority", "leave"],
  done: ["return-visit"],
};

export const state = { shown: null, queue: null, ticket: null, room: null, live: null };
let changed = () => {};
let nextCode = 0; // timer: the code of check-in by phone is another one in each minute

export const slotWords = (slot) => `${clock(slot.starts_at, zone)}–${clock(slot.ends_at, zone)}`;
export const can = (ticket, step) => (CAN[ticket.state] || []).includes(step);
export const ticketNow = () => state.queue?.byId.get(state.ticket) || null;

function element(tag, className, words) {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = words;
  if (language === "en" && HAN.test(words)) made.lang = "zh-Hans";
  return made;
}

function tabs() {
  const made = queues.map((queue, index) => {
    const button = element("button", "tab", "");
    button.type = "button";
    button.setAttribute("aria-pressed", queue.session === state.shown?.session);
    button.append(element("b", "", inWords(queue.names)), " ", element("span", "soft", queue.rooms.map((room) => room.code).join(" · ")));
    if (index < 9) button.append(" ", element("kbd", "", `Alt ${index + 1}`));
    button.onclick = () => showQueue(index);
    return button;
  });
  byId("tabs").replaceChildren(...made);
}

/** Shows the queue at that place of the list; nothing where there is none. */
export function showQueue(index) {
  const next = queues[index];
  if (!next || next === state.shown) return;
  state.live?.close();
  Object.assign(state, { shown: next, queue: null, ticket: null, room: next.rooms[0]?.id ?? null });
  byId("line").replaceChildren();
  byId("rooms").replaceChildren();
  tabs();
  state.live = follow(next.session, { onQueue: take, onAge: (age) => showAge(byId("age"), age) });
  changed();
}

export function showQueueOf(session) {
  showQueue(queues.findIndex((queue) => queue.session === session));
}

function take(queue) {
  state.queue = queue;
  if (!queue.rooms.some((room) => room.id === state.room)) state.room = queue.rooms[0]?.id ?? null;
  showCode();
  show();
}

function showCode() {
  const { on_site: code, ahead } = state.queue;
  const element = byId("on-site");
  element.hidden = !code;
  clearTimeout(nextCode);
  if (!code) return;
  element.querySelector("b").textContent = code.code;
  nextCode = setTimeout(() => state.live.refresh(), Math.max(1000, Date.parse(code.until) - Date.now() - ahead + 500));
}

const rows = () => [...state.queue.line, ...state.queue.tickets.filter((t) => ["called", "serving", "missed", "away"].includes(t.state))];

export function show() {
  const { queue } = state;
  if (!queue) return;
  byId("rooms").replaceChildren(...queue.rooms.map(roomCard));
  byId("line").replaceChildren(...rows().map(row));
  byId("nobody").hidden = queue.line.length > 0;
  const left = queue.slots.filter((slot) => Date.parse(slot.ends_at) > Date.now() + queue.ahead);
  const numbers = left.reduce((sum, slot) => sum + slot.left_walk_in, 0);
  byId("counts").textContent = [say("counts", { waiting: queue.line.length, done: queue.done }), say("left_walk_in", { n: numbers })].join(" · ");
  const ticket = ticketNow();
  byId("chosen").textContent = ticket ? `${ticket.label} ${ticket.name} · ${say(`state.${ticket.state}`)}` : say("choose_row");
  for (const button of document.querySelectorAll(".side [data-do]")) {
    if (["next", "room-page"].includes(button.dataset.do)) continue;
    button.setAttribute("aria-disabled", !(ticket && can(ticket, button.dataset.do)));
  }
  point();
  changed();
}

function roomCard(room) {
  const ticket = state.queue.byId.get(room.ticket);
  const made = element("li", "room", "");
  const button = element("button", "", "");
  button.type = "button";
  button.setAttribute("aria-pressed", room.id === state.room);
  button.append(element("span", "code", inWords(room.names)));
  if (room.paused) button.append(element("span", "paused", [say("paused"), pauseReason(room.paused.reason)].filter(Boolean).join(": ")));
  if (ticket) {
    made.dataset.state = ticket.state;
    button.append(element("b", "", ticket.label), element("span", "soft", say(`state.${ticket.state}`) + (ticket.state === "called" ? ` ${ticket.calls} ×` : "")));
  } else if (!room.paused) button.append(element("span", "soft", say("free")));
  button.onclick = () => chooseRoom(room.id);
  made.append(button);
  return made;
}

export function chooseRoom(id) {
  state.room = id;
  show();
}

export function nextRoom() {
  const ids = state.queue?.rooms.map((room) => room.id) || [];
  if (ids.length) chooseRoom(ids[(ids.indexOf(state.room) + 1) % ids.length]);
}

function row(ticket) {
  const made = element("li", "", "");
  const waiting = ticket.state === "waiting";
  made.id = `ticket-${ticket.id}`;
  made.role = "option";
  made.dataset.state = ticket.state;
  made.ariaSelected = ticket.id === state.ticket;
  const place = element("em", "", waiting ? say(`place.${ticket.place}`) : say(`state.${ticket.state}`));
  place.dataset.place = waiting ? ticket.place : ticket.state;
  const slot = state.queue.slots.find((each) => each.index === ticket.slot);
  const [n, m] = [Math.round(ticket.median), Math.round(ticket.p90)];
  const wait = waiting ? say(n === m ? "about_one" : "about", { n, m }) : "";
  made.append(element("b", "", ticket.label), element("span", "name", ticket.name), place, element("span", "soft", clock(slot.starts_at, zone)), element("span", "wait", wait));
  made.onclick = () => choose(ticket.id);
  return made;
}

export function choose(id) {
  state.ticket = id;
  show();
}

/** Up or down the list by keys; the focus stays in the field, which says whom it points at. */
export function move(by) {
  if (!state.queue) return;
  const ids = rows().map((ticket) => ticket.id);
  if (!ids.length) return;
  const at = ids.indexOf(state.ticket);
  choose(ids[at < 0 ? (by > 0 ? 0 : ids.length - 1) : Math.min(ids.length - 1, Math.max(0, at + by))]);
}

function point() {
  const field = byId("field");
  if (!byId("found").hidden) return;
  field.setAttribute("aria-controls", "line");
  if (state.ticket && byId(`ticket-${state.ticket}`)) {
    field.setAttribute("aria-activedescendant", `ticket-${state.ticket}`);
    byId(`ticket-${state.ticket}`).scrollIntoView({ block: "nearest" });
  } else field.removeAttribute("aria-activedescendant");
}

/** Begins with the queue asked for, else the first that is live; `onChange` after everything that changed. */
export function begin(onChange) {
  changed = onChange;
  const wanted = queues.findIndex((queue) => String(queue.session) === chosen);
  const live = queues.findIndex((queue) => queue.state !== "planned");
  tabs();
  showQueue(Math.max(0, wanted >= 0 ? wanted : live));
}
