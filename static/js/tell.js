// The button "tell me": this browser is told of this page's visit, or of what one waits for, until it is asked to stop.
// Nobody is asked for a permission unless the button was pressed.
const card = document.getElementById("tell");
const { key, address } = card.dataset;
const WORKER = "/t/worker.js";
const SCOPE = "/t/";
const PREFIX = "told of ";
const kept = PREFIX + location.pathname; // one subscription serves all visits of a browser: which ones, it keeps itself

const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (each) => each.charCodeAt(0));

function show(state) {
  card.hidden = false;
  card.querySelectorAll("[data-tell]").forEach((part) => { part.hidden = part.dataset.tell !== state; });
}

async function send(method, body) {
  const answer = await fetch(address, {
    method,
    headers: {
      "Content-Type": "application/json",
      "X-CSRFToken": card.querySelector("[name=csrfmiddlewaretoken]").value,
    },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`answered ${answer.status}`);
}

function subscribed(subscription) {
  return send("POST", { ...subscription.toJSON(), language: card.dataset.language });
}

// The browser's subscription, where it is to the key of this site.
async function present(registration) {
  const subscription = await registration?.pushManager.getSubscription();
  if (!subscription) return null;
  const own = new Uint8Array(subscription.options.applicationServerKey ?? []);
  if (own.toString() === bytes(key).toString()) return subscription;
  await subscription.unsubscribe();
  return null;
}

// Not `ready`, which waits for a worker of this very page: all pages share the one beneath /t/.
async function installed() {
  const registration = await navigator.serviceWorker.register(WORKER, { scope: SCOPE });
  const worker = registration.installing ?? registration.waiting ?? registration.active;
  while (worker.state !== "activated") {
    if (worker.state === "redundant") throw new Error("the worker was not installed");
    await new Promise((changed) => worker.addEventListener("statechange", changed, { once: true }));
  }
  return registration;
}

async function start() {
  const allowed = await Notification.requestPermission();
  if (allowed !== "granted") {
    show(allowed === "denied" ? "blocked" : "ask");
    return;
  }
  const registration = await installed();
  const options = { userVisibleOnly: true, applicationServerKey: bytes(key) };
  await subscribed((await present(registration)) ?? (await registration.pushManager.subscribe(options)));
  localStorage.setItem(kept, "yes");
  show("on");
}

async function stop() {
  const registration = await navigator.serviceWorker.getRegistration(SCOPE);
  const subscription = await registration?.pushManager.getSubscription();
  localStorage.removeItem(kept);
  if (subscription) {
    await send("DELETE", { endpoint: subscription.endpoint });
    if (!Object.keys(localStorage).some((name) => name.startsWith(PREFIX))) await subscription.unsubscribe();
  }
  show("ask");
}

// What the service may have given anew since, the site hears of when the page is opened.
async function open() {
  if (Notification.permission === "denied") {
    show("blocked");
    return;
  }
  const wanted = Notification.permission === "granted" && localStorage.getItem(kept);
  const subscription = wanted && (await present(await navigator.serviceWorker.getRegistration(SCOPE)));
  if (!subscription) {
    show("ask");
    return;
  }
  show("on");
  await subscribed(subscription);
}

function pressed(act) {
  return async (event) => {
    event.currentTarget.disabled = true;
    const button = event.currentTarget;
    try {
      await act();
    } catch {
      show("failed");
    }
    button.disabled = false;
  };
}

if ("serviceWorker" in navigator && "PushManager" in window && "Notification" in window) {
  card.querySelectorAll("[data-act=start]").forEach((each) => each.addEventListener("click", pressed(start)));
  card.querySelector("[data-act=stop]").addEventListener("click", pressed(stop));
  open().catch(() => show("failed"));
}
