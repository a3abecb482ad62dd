// For a television that is switched on while the server is away: it shows what it showed last, never an error page. Its
// scope is /board/. The server goes first, always, so that no version of a page outlives a newer one (see board_keep.js).
const PATIENCE = 6000; // milliseconds: a server that is silent for so long is away
const AWAY = 60000; // milliseconds that the parts of a kept page are not asked of the server
let awayUntil = 0;

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

function fromServer(request) {
  const late = new Promise((_, failed) => { setTimeout(failed, PATIENCE, new Error("no answer")); });
  return Promise.race([fetch(request), late]);
}

// The page, marked as kept; null where none is.
async function keptPage() {
  const kept = await caches.match("/board/kept");
  if (!kept) return null;
  awayUntil = Date.now() + AWAY;
  const html = await kept.text();
  const headers = new Headers(kept.headers);
  for (const name of ["Content-Encoding", "Content-Length"]) headers.delete(name);
  return new Response(html.replace("<body", "<body data-kept"), { headers });
}

async function page(request) {
  try {
    const answer = await fromServer(request);
    // A proxy answers for a server that is away.
    return answer.status < 500 ? answer : (await keptPage()) || answer;
  } catch (error) {
    const kept = await keptPage();
    if (kept) return kept;
    throw error;
  }
}

async function part(request) {
  const kept = () => caches.match(request, { ignoreVary: true });
  if (Date.now() < awayUntil) return (await kept()) || fromServer(request);
  try {
    return await fromServer(request);
  } catch (error) {
    const found = await kept();
    if (found) return found;
    throw error;
  }
}

self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.mode === "navigate") event.respondWith(page(request));
  else if (new URL(request.url).pathname.startsWith("/static/")) event.respondWith(part(request));
});
