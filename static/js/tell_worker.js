// Shows what patients are told while their page is closed, and brings them to it. Its scope is /t/.
self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

const pathOf = (client) => new URL(client.url).pathname;

async function show(told) {
  const pages = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  const before = await self.registration.getNotifications({ tag: told.tag });
  // Who has the page in sight reads it there; what was shown already makes no sound again.
  const seen = pages.some((page) => page.visibilityState === "visible" && pathOf(page) === told.url);
  const again = before.some((each) => each.data?.id === told.id);
  await self.registration.showNotification(told.title, {
    body: told.body,
    lang: told.lang,
    tag: told.tag,
    icon: "/static/img/icon.svg",
    data: { id: told.id, url: told.url },
    silent: seen || again,
    renotify: !seen && !again,
    requireInteraction: told.urgent,
  });
}

self.addEventListener("push", (event) => {
  if (event.data) event.waitUntil(show(event.data.json()));
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const { url } = event.notification.data;
  event.waitUntil(
    self.clients.matchAll({ type: "window", includeUncontrolled: true }).then((pages) => {
      const open = pages.find((page) => pathOf(page) === url);
      return open ? open.focus() : self.clients.openWindow(url);
    }),
  );
});
