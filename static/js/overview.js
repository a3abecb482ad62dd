// The overview renews itself each minute; where that fails, what is shown stays, and says that it is old.
const address = location.href;

async function renew() {
  if (document.hidden) return;
  const shown = document.getElementById("overview");
  try {
    const answer = await fetch(address, { cache: "no-store" });
    if (!answer.ok || answer.redirected) throw new Error(answer.statusText);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    // Not under somebody's cursor: whoever is in a table by keyboard stays there.
    if (!shown.contains(document.activeElement)) shown.replaceWith(page.getElementById("overview"));
  } catch {
    document.getElementById("old").hidden = false;
  }
}

setInterval(renew, document.getElementById("overview").dataset.renew * 1000);
document.addEventListener("visibilitychange", renew);
