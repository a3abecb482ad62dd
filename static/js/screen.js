// A screen that waits to be connected: it asks every few seconds, and goes where it is sent.
import { forget } from "./board_keep.js";
import { renew } from "./renew.js";

const EVERY = 3000; // milliseconds
const code = document.getElementById("code");
let until = performance.now() + 1000 * Number(code.dataset.seconds);

function show(digits) {
  const parts = [digits.slice(0, 3), digits.slice(3)].map((each) => {
    const part = document.createElement("span");
    part.textContent = each;
    return part;
  });
  if (code.textContent !== digits || !code.firstElementChild) {
    code.textContent = "";
    code.append(parts[0], parts[1]);
  }
}

async function ask() {
  try {
    const answer = await fetch("/screens/waiting/", { cache: "no-store" });
    if (answer.ok) {
      const { shows, digits, seconds } = await answer.json();
      if (shows) {
        renew(shows === location.pathname ? location.href : shows);
        return;
      }
      if (document.querySelector("#words[role=alert]")) {
        renew(location.href); // what it refused before is over
        return;
      }
      show(digits);
      until = performance.now() + 1000 * seconds;
    }
  } catch (error) {
    // no answer: the next one tells
  }
  code.toggleAttribute("data-over", performance.now() > until);
  setTimeout(ask, EVERY);
}

forget(); // it may have shown a board before
show(code.textContent);
ask();
