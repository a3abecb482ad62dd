// What script adds to the kiosk's pages: keys on the screen, the reader, printing, the way back to the start, and no
// error page ever. A screen is fetched and put in the place of the last one: the browser keeps none of them.
import { forget } from "./board_keep.js";
import { here } from "./here.js";
import { within } from "./within.js";

const byId = (id) => document.getElementById(id);
const body = () => document.body;
const IDLE = 25; // seconds without a touch until it asks
const ASKED = 20; // and from then until it goes back by itself
const ANEW = 600; // a start screen is fetched again after so many seconds, with a form that the server still takes
const AGAIN = 2000; // milliseconds between tries while the server does not answer
const LOST = 20_000; // of silence after which whoever was here is taken to have gone
const PATIENCE = 15_000;
const SCANNED = 100; // milliseconds between two keys of a reader, at most

let touched = Date.now();
let shownAt = Date.now(); // the code shown on site is another one in each minute
let busy = false;
let refreshing = false;
let scanned = { text: "", at: 0 };

const step = () => body().dataset.step || "";
const since = (moment) => (Date.now() - moment) / 1000;
const say = (id, words) => {
  const element = body().querySelector(`[data-put="${id}"]`);
  if (element && element.textContent !== words) element.textContent = words;
};

// --- screens

async function fetched(sent) {
  const answer = await fetch(location.href, {
    method: sent ? "POST" : "GET", body: sent, cache: "no-store", signal: within(PATIENCE),
  });
  if (answer.status >= 500) throw new Error(String(answer.status));
  // The machine was sent to another place.
  if (answer.redirected && new URL(answer.url).pathname !== location.pathname) location.replace(answer.url);
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}

function show(page) {
  // Not one of the kiosk's own (a form too old, a machine not connected): as the server says it, with its own script.
  if (!page.body.classList.contains("kiosk")) return location.reload();
  document.documentElement.lang = page.documentElement.lang;
  document.title = page.title;
  body().replaceWith(document.adoptNode(page.body));
  begin();
}

async function go(sent) {
  if (busy) return;
  busy = true;
  try {
    const page = await fetched(sent);
    show(page);
    if (step() === "done" && "prints" in body().dataset) print();
  } catch {
    await recovered();
  } finally {
    busy = false;
  }
}

// A start screen as it is now, unless somebody comes meanwhile: what is pressed or scanned goes first.
async function refresh() {
  if (refreshing) return;
  refreshing = true;
  const seen = touched;
  try {
    const page = await fetched();
    if (!busy && touched === seen) show(page);
  } catch {
    if (!busy) go();
  } finally {
    refreshing = false;
  }
}

const told = (fields) => {
  const sent = new URLSearchParams(fields);
  sent.set("csrfmiddlewaretoken", body().querySelector("[name=csrfmiddlewaretoken]").value);
  return sent;
};
const restart = () => go(told({ do: "start" }));

// Nobody's data stays on the screen meanwhile. The server knows where the flow stood; after a while nobody waits for it.
async function recovered() {
  const restarting = told({ do: "start" });
  const quietSince = Date.now();
  byId("idle")?.close();
  body().querySelector("main").replaceWith(byId("trouble").content.cloneNode(true));
  body().querySelector("main h1").focus();
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, AGAIN));
    try {
      return show(await fetched(Date.now() - quietSince > LOST ? restarting : undefined));
    } catch {
      // not yet
    }
  }
}

// --- one screen

function begin() {
  touched = shownAt = Date.now();
  for (const element of body().querySelectorAll(".keys, [data-do=print], [data-do=stay], .ends")) element.hidden = false;
  for (const field of body().querySelectorAll("[data-keys], .scan input")) field.inputMode = "none";
  (body().querySelector("main [autofocus]") || body().querySelector("h1"))?.focus();
  tick();
}

function tick() {
  const now = new Date();
  byId("clock").textContent = new Intl.DateTimeFormat("en-GB", {
    hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: body().dataset.zone,
  }).format(now);
  if (busy) return;
  const ends = Number(body().querySelector("[data-ends]")?.dataset.ends);
  if (ends) return endIn(ends - since(touched));
  if (step() === "start") {
    if ("language" in body().dataset || byId("q").value) return askOrLeave();
    const newCode = "codes" in body().dataset && Math.floor(Date.now() / 60_000) !== Math.floor(shownAt / 60_000);
    if (newCode || since(touched) > ANEW) refresh();
    return;
  }
  askOrLeave();
}

function endIn(left) {
  if (left <= 0) return restart();
  say("ends", body().querySelector("[data-put=ends]").dataset.words.replace("{n}", Math.ceil(left)));
  body().querySelector("progress").value = left;
}

function askOrLeave() {
  const left = IDLE + ASKED - since(touched);
  const dialog = byId("idle");
  if (left <= 0) return restart();
  if (left > ASKED) return;
  if (!dialog.open) dialog.showModal();
  say("left", String(Math.ceil(left)));
}

function touch() {
  touched = Date.now();
  byId("idle")?.close();
}

// --- keys, reader, forms

document.addEventListener("submit", (event) => {
  event.preventDefault();
  const fields = new FormData(event.target, event.submitter);
  go(new URLSearchParams(fields));
});

document.addEventListener("click", (event) => {
  touch();
  const key = event.target.closest("[data-key]")?.dataset.key;
  if (key) type(key);
  if (event.target.closest("[data-do=print]")) print();
});

// The field keeps the focus while keys on the screen are pressed.
document.addEventListener("pointerdown", (event) => {
  touch();
  if (event.target.closest("[data-key]")) event.preventDefault();
});

function type(key) {
  const field = body().querySelector("[data-keys]");
  if (key === "back") field.value = field.value.slice(0, -1);
  else if (field.value.length < field.maxLength) field.value += key;
}

// A reader types fast and ends with Enter. A field takes that as typed; with the focus anywhere else the code begins a
// flow of its own.
document.addEventListener("keydown", (event) => {
  touch();
  if (event.target.matches("input")) return;
  const late = Date.now() - scanned.at > SCANNED;
  if (event.key === "Enter" && !late && scanned.text.length > 5) {
    event.preventDefault();
    const form = byId("scanned");
    form.elements.q.value = scanned.text;
    form.requestSubmit();
  } else if (event.key.length === 1) {
    scanned = { text: (late ? "" : scanned.text) + event.key, at: Date.now() };
  }
});

// Whatever of another screen the browser has kept.
addEventListener("pageshow", (event) => event.persisted && location.reload());
setInterval(tick, 500);
begin();
forget(); // it may have shown a board before
here({
  version: body().dataset.version,
  connected: "connected" in body().dataset,
  calm: () => !busy && step() === "start" && !("language" in body().dataset) && !byId("q").value,
});
