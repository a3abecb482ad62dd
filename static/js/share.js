// "Share a link": one tap opens the phone's own sheet with a new link in it; without one, the link is copied and shown.
const card = document.getElementById("share");
const part = (name) => card.querySelector(`[data-share="${name}"]`);
const link = document.getElementById("shared-link");
let url = ""; // pressed again, it is the same link that is shared

const show = (name, shown = true) => { part(name).hidden = !shown; };

async function send(form, more = {}) {
  const body = new FormData(form);
  Object.entries(more).forEach(([name, value]) => body.set(name, value));
  const answer = await fetch(card.dataset.address, { method: "POST", headers: { Accept: "application/json" }, body });
  if (!answer.ok) throw new Error((await answer.json().catch(() => ({}))).detail);
  return answer.status === 204 ? null : answer.json();
}

// The clipboard is for pages by HTTPS only; the older way is for all.
async function copied() {
  try {
    await navigator.clipboard.writeText(url);
    return true;
  } catch {
    link.select();
    return document.execCommand("copy");
  }
}

async function handOut() {
  if (navigator.share) {
    try {
      await navigator.share({ title: card.dataset.title, url });
      return;
    } catch (error) {
      if (error.name === "AbortError") return; // they thought better of it; the link stands below all the same
    }
  }
  show("copied", await copied());
}

async function make(form) {
  url = url || (await send(form)).url;
  link.value = url;
  show("made");
  show("end");
  await handOut();
}

async function end(form) {
  await send(form, { end: "1" });
  url = link.value = "";
  show("copied", false);
  show("made", false);
  show("end", false);
}

const failed = part("failed").textContent;
for (const [name, act] of [["make", make], ["end", end]]) {
  part(name).addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = event.target.querySelector("button");
    button.disabled = true;
    show("failed", false);
    try {
      await act(event.target);
    } catch (error) {
      part("failed").textContent = error instanceof TypeError || !error.message ? failed : error.message;
      show("failed");
    }
    button.disabled = false;
  });
}
link.addEventListener("focus", () => link.select());
