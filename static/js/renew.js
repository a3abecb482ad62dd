// Goes to an address, or loads the page again, only once the server has given that page: a screen on a wall has nobody
// who would press "reload" on an error page.
const AGAIN = 5000; // milliseconds, and up to as much on top: a restarted server is not met by all screens at once

export async function renew(address) {
  try {
    const answer = await fetch(address, { cache: "no-store" });
    if (answer.ok) {
      location.replace(answer.url);
      return;
    }
  } catch (error) {
    // no answer yet
  }
  setTimeout(renew, AGAIN * (1 + Math.random()), address);
}
