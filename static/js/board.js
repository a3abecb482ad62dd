// The board, live: rows from the newest state, calls one after another from calls.js.
import { connect } from "./live.js";
import { Announcements } from "./announcements.js";
import { CallLine } from "./calls.js";
import { here } from "./here.js";
import { keepPage, keepState, keptState } from "./board_keep.js";
import { renew } from "./renew.js";
import { clock, data, inWords, langOf, put, say, showAge, texts } from "./words.js";
import { insteadOfNext, roomOf } from "./queue_words.js";
import { Voice, spoken, spokenRoom } from "./voice.js";

const board = document.body;
const { slug, zone, first, second, version, sound } = board.dataset;
const byId = (id) => document.getElementById(id);
const calls = new CallLine();
const announcements = new Announcements(new Voice(sound, first, (blocked) => { byId("sound").hidden = !blocked; }));
const NEXT = 3;
const AT_ONCE = 6; // queues of a board in larger type
const TURN = 10000; // milliseconds until the next of them
const SPACIOUS = 8; // queues with names beneath the numbers
const QUARTER = 15 * 60000;
const KEEP_EVERY = 30000;
const own = !("preview" in board.dataset);
const kept = "kept" in board.dataset ? keptState(slug) : null; // the server was away when this page was asked for
let fresh = !("kept" in board.dataset);
let queues = [];

const inSecond = (names) => {
  if (!second) return "";
  const words = inWords(names, second);
  return words === inWords(names, first) ? "" : words;
};

const byLatest = (field) => (a, b) => ((a[field] || "") < (b[field] || "") ? 1 : -1);

function small(words, lang) {
  const element = document.createElement("small");
  element.textContent = words;
  element.lang = lang;
  return element;
}

// Televisions have browsers of about 2019, without replaceChildren.
function fill(element, children) {
  element.textContent = "";
  element.append(...children);
}

function next(queue) {
  const words = insteadOfNext(queue, zone, texts.first);
  if (words) {
    const box = document.createElement("span");
    box.className = "words";
    const plain = document.createElement("span");
    plain.textContent = words;
    box.append(plain, small(insteadOfNext(queue, zone, texts.second), byId("row").dataset.lang));
    return [box];
  }
  return queue.waiting.slice(0, NEXT).map((entry) => {
    const one = byId("next").content.firstElementChild.cloneNode(true);
    one.querySelector("b").textContent = entry.number;
    one.querySelector("small").textContent = entry.name;
    one.querySelector("small").lang = langOf(entry.name);
    return one;
  });
}

// As board_face.py has it.
function roomsLength(rooms) {
  if (rooms.includes(" ") || rooms.length > 4) return "l";
  return rooms.length > 3 ? "m" : "s";
}

// The digits of a room's name by themselves, as they are larger: as the filter `digits_apart` has it.
function digitsApart(name) {
  return name.split(/([0-9]+)/).map((part, at) => {
    if (at % 2 === 0) return part;
    const digits = document.createElement("b");
    digits.textContent = part;
    return digits;
  });
}

// Which rows stand on the screen at this moment, from and to, and the page that they are of how many. By the clock, so
// that all screens of a hall agree; as board_face.py has it.
function turn(count) {
  const pages = board.dataset.layout === "large" ? Math.max(1, Math.ceil(count / AT_ONCE)) : 1;
  const each = Math.ceil(count / pages);
  const page = Math.floor(Date.now() / TURN) % pages;
  return { each, page, pages };
}

function showTurn() {
  const { each, page, pages } = turn(queues.length);
  const words = pages > 1 ? `${page + 1} / ${pages}` : "";
  const changed = byId("turn").textContent !== words;
  byId("turn").textContent = words;
  board.dataset.rows = each;
  board.toggleAttribute("data-dense", each > SPACIOUS);
  [...byId("rows").children].forEach((row, at) => row.toggleAttribute("data-away", Math.floor(at / each) !== page));
  return changed;
}

function row(queue) {
  const element = byId("row").content.firstElementChild.cloneNode(true);
  const busy = [...[...queue.called].sort(byLatest("at")), ...[...queue.serving].sort(byLatest("since"))];
  const others = busy.slice(1).map((each) => `${each.room} ${each.number}`).sort();
  element.dataset.session = queue.session;
  element.toggleAttribute("data-called", queue.called.length > 0);
  if (others.length) element.dataset.many = others.length;
  const rooms = queue.rooms.map((room) => room.code).join(" ");
  put(element, "rooms", rooms);
  element.querySelector('[data-put="rooms"]').dataset.length = roomsLength(rooms);
  put(element, "name", inWords(queue.names, first));
  put(element, "title", inWords(queue.title, first));
  put(element, "now", busy.length ? busy[0].number : "–");
  put(element, "at", others.length ? busy[0].room : "");
  put(element, "also", others.join("\n"));
  fill(element.querySelector('[data-put="next"]'), next(queue));
  return element;
}

function length(words) {
  const width = [...words].reduce((sum, character) => sum + (character > "\u2e7f" ? 2 : 1), 0);
  return width <= 6 ? "s" : width <= 10 ? "m" : "l";
}

function showCall() {
  const { call, fresh: isNew } = calls.at(performance.now());
  const panel = byId("call");
  panel.toggleAttribute("data-idle", !call);
  panel.querySelector('[data-put="open"]').hidden = !call;
  panel.querySelector('[data-put="idle"]').hidden = Boolean(call);
  if (!call) return;
  const queue = queues.find((each) => each.session === call.session);
  if (!queue) return;
  const room = roomOf(queue, call.room);
  const inside = !calls.isOpen(call);
  const label = inside ? "inside" : call.times > 1 ? "again" : "calling";
  const name = inWords(room.names, first);
  panel.toggleAttribute("data-inside", inside);
  put(panel, "label", say(label, {}, texts.first));
  put(panel, "label-second", say(label, {}, texts.second));
  put(panel, "number", call.number);
  panel.querySelector('[data-put="number"]').dataset.length = call.number.length;
  put(panel, "name", call.name);
  panel.querySelector('[data-put="name"]').lang = langOf(call.name);
  const element = panel.querySelector('[data-put="room"]');
  if (element.textContent !== name) fill(element, digitsApart(name));
  element.dataset.length = length(name);
  put(panel, "room-second", inSecond(room.names));
  put(panel, "way", inWords(room.ways, first));
  put(panel, "way-second", inSecond(room.ways));
  if (isNew) {
    fit();
    if ("kept" in board.dataset) return; // old calls are shown, and not said
    put(document, "heard", say("announce", { number: call.number, room: name }, texts.first));
    announcements.add(call, {
      words: say("announce", { number: spoken(call.number, first), room: spokenRoom(name, first) }, texts.first),
      file: `/board/${slug}/say/${first}/${call.session}/${call.number}.wav`,
    });
    panel.removeAttribute("data-new");
    void panel.offsetWidth; // lets the same motion start again
    panel.setAttribute("data-new", "");
  }
}

// Fonts differ in width by a quarter: what would be cut off gets smaller.
function fit() {
  for (const name of ["number", "room"]) {
    const element = byId("call").querySelector(`[data-put="${name}"]`);
    element.style.fontSize = "";
    const share = element.clientWidth / element.scrollWidth;
    if (share < 1) element.style.fontSize = `${Math.floor(parseFloat(getComputedStyle(element).fontSize) * share)}px`;
  }
  for (const name of ["now", "next"]) squeeze(`td.${name}`, `--squeeze-${name}`);
}

// Makes numbers smaller until no row is cut off: more than once, as the names beneath them stay as they are.
function squeeze(cells, property) {
  let size = 1;
  let share = 1;
  do {
    size = Math.floor(size * share * 100) / 100;
    board.style.setProperty(property, size);
    share = Math.min(1, ...[...byId("rows").querySelectorAll(`tr:not([data-away]) ${cells}`)].map((cell) => cell.clientWidth / cell.scrollWidth));
  } while (share < 1 && size > 0.5);
}

function show(state) {
  queues = state.queues;
  calls.take(queues);
  announcements.drop((call) => calls.isGone(call));
  fill(byId("rows"), queues.map(row));
  byId("table").hidden = !queues.length;
  byId("empty").hidden = queues.length > 0;
  showTurn();
  showCall();
  fit();
}

// When a new version is loaded even while a queue is open.
function isNight() {
  const hour = Number(clock(new Date(), zone).slice(0, 2));
  return hour >= 2 && hour < 5;
}

function tick() {
  const now = new Date();
  byId("clock").textContent = clock(now, zone);
  const hour = Number(clock(now, zone).slice(0, 2));
  board.toggleAttribute("data-night", !queues.length && (hour >= 22 || hour < 6));
  board.dataset.shift = Math.floor(now / QUARTER) % 4;
  if (showTurn()) fit();
  showCall();
}

function age(seconds) {
  fresh = seconds === null;
  showAge(byId("age"), seconds, texts.first);
  board.toggleAttribute("data-stale", !fresh);
}

// The server is back: its page may be a newer one.
function take(state) {
  if ("kept" in board.dataset) renew(location.href);
  else show(state);
}

show({ queues: kept ? kept.queues : data("queues") });
addEventListener("resize", fit);
tick();
setInterval(tick, 500);
if (slug) connect({
  socket: `/ws/boards/${slug}/`,
  poll: `/live/boards/${slug}`,
  old: kept ? kept.age : 0,
  onState: take,
  onAge: age,
  onOver: () => renew(location.href),
});
if (fresh && slug) age(null); // the page was made a moment ago
if (own) here({ version, connected: "connected" in board.dataset, calm: () => !queues.length || isNight() });
if ("keeps" in board.dataset && fresh) {
  keepPage(version).catch(() => {}); // without it the board is as good, until it is switched on without the server
  const keep = () => fresh && keepState(slug, queues);
  keep();
  setInterval(keep, KEEP_EVERY);
}
