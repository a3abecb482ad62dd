// The queues that run now: the server's own part of the page, fetched again while somebody looks.
import { within } from "./within.js";
import { showAge } from "./words.js";

const part = document.getElementById("queues");
const age = document.getElementById("age");
const every = Number(part.dataset.every) * 1000;
let known = performance.now();

async function look() {
  if (document.visibilityState === "visible") {
    try {
      // The browser sends the ETag of what it has, and hands over its copy where that is still right.
      const response = await fetch(part.dataset.part, { cache: "no-cache", signal: within(8000) });
      if (response.ok) {
        const html = await response.text();
        const focused = document.activeElement?.closest("#queues a")?.getAttribute("href");
        const next = new DOMParser().parseFromString(html, "text/html").body;
        if (next.innerHTML !== part.innerHTML) {
          part.replaceChildren(...next.childNodes);
          if (focused) part.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
        }
        known = performance.now();
      }
    } catch {
      // Offline: the age tells it.
    }
    const quiet = Math.floor((performance.now() - known) / 1000);
    showAge(age, quiet > 10 ? quiet : null);
  }
  setTimeout(look, every * (0.9 + 0.2 * Math.random()));
}

document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && (known = performance.now()));
look();
