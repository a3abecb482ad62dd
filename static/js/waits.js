// A page that waits for something: what is left of the time, and a look every few seconds whether anything has changed.
// What has is put in its place; where it is another state, the page is loaded anew, with its heading and its buttons.
//
//   <div id="waits" data-address="/w/…/" data-now="…" data-state="offered" data-every="10"> … <progress data-until="…" max="600"> …
const page = document.getElementById("waits");
const { address, state, every } = page.dataset;
const unreachable = document.getElementById("unreachable");
const bar = () => page.querySelector("[data-until]");
// The clock of a phone may be wrong; what is left is counted from the server's.
const left = bar() ? (Date.parse(bar().dataset.until) - Date.parse(page.dataset.now)) / 1000 : 0;
const over = performance.now() / 1000 + left;

function show() {
  if (bar()) bar().value = Math.max(0, over - performance.now() / 1000);
}

async function look() {
  if (document.hidden) return;
  try {
    const answer = await fetch(address, { cache: "no-store" });
    if (!answer.ok) throw new Error(`answered ${answer.status}`);
    const now = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("waits");
    if (unreachable) unreachable.hidden = true;
    if (now && now.dataset.state !== state) location.replace(address);
    else if (now) page.replaceChildren(...now.childNodes);
    show();
  } catch {
    if (unreachable) unreachable.hidden = false;
  }
}

show();
if (bar()) {
  setInterval(show, 1000);
  setTimeout(look, Math.max(0, left + 1) * 1000);
}
if (every) setInterval(look, every * 1000);
document.addEventListener("visibilitychange", look);
