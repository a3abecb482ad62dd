// What a board keeps in the browser for a start without the server: its page with all parts, and its last state. It is no
// more than the board shows, and gone as soon as the screen shows this board no more.
const WORKER = "/board/worker.js";
const PAGE = "/board/kept";
const STATE = "board";
const CACHE = "board "; // with the version of the page

const able = () => "caches" in window && Boolean(navigator.serviceWorker); // only where the address is https or localhost

/** Keeps the page as it is served now, and lets the worker show it when the server is away. */
export async function keepPage(version) {
  if (!able()) return;
  await navigator.serviceWorker.register(WORKER);
  const parts = performance.getEntriesByType("resource").map((each) => each.name)
    .filter((name) => name.startsWith(`${location.origin}/static/`));
  const cache = await caches.open(CACHE + version);
  await cache.addAll([...new Set(parts)]);
  const page = await fetch(location.href, { cache: "no-store" });
  if (!page.ok || page.redirected) return;
  await cache.put(PAGE, page); // last, so that a page is never kept without its parts
  await drop((name) => name !== CACHE + version);
}

export function keepState(slug, queues) {
  localStorage.setItem(STATE, JSON.stringify({ slug, queues, at: Date.now() }));
}

/** The last state of this board as { queues, age }, the age in seconds; null where none is kept. */
export function keptState(slug) {
  const kept = JSON.parse(localStorage.getItem(STATE) || "null");
  if (!kept || kept.slug !== slug) return null;
  // A television without network may have lost the time: its state is never called fresh.
  return { queues: kept.queues, age: Math.max(60, (Date.now() - kept.at) / 1000) };
}

export async function forget() {
  localStorage.removeItem(STATE);
  if (!able()) return;
  await drop(() => true);
}

async function drop(old) {
  const names = (await caches.keys()).filter((name) => name.startsWith(CACHE) && old(name));
  await Promise.all(names.map((name) => caches.delete(name)));
}
