// What is kept of a visit on this phone, so that its page opens without a connection: the page as it was last, with its
// time. keep_worker.js hands it out. Nothing of it stays once the visit is over, or a shared link has ended.
// Browsers without service workers (WeChat's, pages not by HTTPS) keep nothing, and the page works as before.
const WORKER = "/t/worker.js";
const SCOPE = "/t/";
const CACHE = "visits";
const SPARE = 12 * 3600 * 1000; // ms after the end of the session until which a visit may still go on
const POLICY = "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'";

const root = document.documentElement;
const able = "serviceWorker" in navigator && "caches" in window;
let files = null; // the promise that all that the page consists of is kept too

/** When this page was kept (ms since 1970), where it was opened from there; else null. */
export const kept = root.dataset.kept ? Number(root.dataset.kept) : null;

/** Keeps the page as it is now, with the queue's state in it; `until`: the end of the session. */
export async function keep(state, until) {
  if (!able || kept !== null) return;
  const copy = root.cloneNode(true);
  copy.dataset.kept = Date.now();
  copy.querySelectorAll("[data-online]").forEach((each) => each.remove());
  copy.querySelector("#snapshot").textContent = JSON.stringify(state).replace(/</g, "\\u003c");
  const headers = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": POLICY,
    "Kept-Until": new Date(Date.parse(until) + SPARE).toISOString(),
  };
  const cache = await caches.open(CACHE);
  await cache.put(location.pathname, new Response(`<!doctype html>${copy.outerHTML}`, { headers }));
  files ??= Promise.all([filed(cache), navigator.serviceWorker.register(WORKER, { scope: SCOPE })]);
  await files;
}

/** Nothing of this page stays on the phone. */
export async function forget() {
  if (!able) return;
  const cache = await caches.open(CACHE);
  await cache.delete(location.pathname);
  const left = await cache.keys();
  if (!left.some((each) => new URL(each.url).pathname.startsWith(SCOPE))) await caches.delete(CACHE);
}

// All that was loaded for it, modules included: anew with each load, so that a newer version is kept with its page.
function filed(cache) {
  const loaded = performance.getEntriesByType("resource").map((each) => each.name);
  return cache.addAll([...new Set(loaded.filter((each) => new URL(each).pathname.startsWith("/static/")))]);
}

/** Buttons rest while there is no connection, and the page says why. */
export function rest(resting) {
  document.getElementById("no-connection").hidden = !resting;
  document.querySelectorAll("form button, form input:not([type=hidden])").forEach((each) => { each.disabled = resting; });
  document.querySelectorAll("main a").forEach((each) => {
    if (resting) each.setAttribute("aria-disabled", "true");
    else each.removeAttribute("aria-disabled");
  });
}

document.addEventListener("click", (event) => {
  if (event.target.closest("a[aria-disabled]")) event.preventDefault();
});
addEventListener("offline", () => rest(true));
addEventListener("online", () => kept === null && rest(false));
if (kept !== null || !navigator.onLine) rest(true);
