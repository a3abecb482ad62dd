// Opens a patient's page without a connection: as keep.js kept it last. Its scope is /t/.
const VISITS = "visits";
const GONE = new Set([404, 410]); // there is no such visit any more, or a shared link has ended

const visitIn = (url) => new URL(url).pathname.match(/^\/t\/[\w-]+\//)?.[0];

async function forgetVisits(over) {
  if (!(await caches.has(VISITS))) return;
  const cache = await caches.open(VISITS);
  const visits = (await cache.keys()).filter((each) => visitIn(each.url));
  const gone = await Promise.all(visits.map(async (each) => over(each, await cache.match(each)) && cache.delete(each)));
  if (gone.every(Boolean)) await caches.delete(VISITS);
}

async function opened(request) {
  const page = visitIn(request.url);
  await forgetVisits((_visit, answer) => new Date(answer.headers.get("Kept-Until")) < new Date());
  try {
    const answer = await fetch(request);
    if (GONE.has(answer.status)) await forgetVisits((visit) => visitIn(visit.url) === page);
    return answer;
  } catch (error) {
    const kept = await caches.match(page, { cacheName: VISITS });
    if (!kept) throw error;
    return new URL(request.url).pathname === page ? kept : Response.redirect(page, 303);
  }
}

self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.mode === "navigate" && visitIn(request.url)) event.respondWith(opened(request));
  else if (new URL(request.url).pathname.startsWith("/static/")) {
    event.respondWith(fetch(request).catch(async () => (await caches.match(request)) ?? Response.error()));
  }
});
