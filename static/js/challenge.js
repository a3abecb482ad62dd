// What must be solved before a form is taken: a number is tried for, beside the page, and the form is sent by itself.
//
//   <form> ... <section data-challenge='{"parameters": {...}, "signature": "..."}'> <div data-solving hidden> ...
//
// Where that fails, what stands there for browsers without script is shown: a picture to read.

import { solve } from "./challenge_solver.js";

const section = document.querySelector("[data-challenge]");
const form = section.closest("form");
const solving = section.querySelector("[data-solving]");
const progress = solving.querySelector("progress");
const field = solving.querySelector("[name=solution]");
const challenge = JSON.parse(section.dataset.challenge);

// Pressed meanwhile: it is sent when it can be, and nobody takes it for sent before.
function wait(event) {
  event.preventDefault();
  event.stopPropagation();
}

function show(tried) {
  progress.value = Math.min(99, (100 * tried) / challenge.parameters.data.most);
}

/** In a worker, or, where a browser knows none that are modules, here, with pauses for the page. */
function solved() {
  return new Promise((resolve, reject) => {
    const here = () => solve(challenge.parameters, show).then(resolve, reject);
    let worker;
    try {
      worker = new Worker(new URL("./challenge_worker.js", import.meta.url), { type: "module" });
    } catch {
      here();
      return;
    }
    worker.onerror = () => {
      worker.terminate();
      here();
    };
    worker.onmessage = ({ data }) => {
      if (data.tried) show(data.tried);
      else if (data.failed) reject();
      else resolve(data.solution);
    };
    worker.postMessage(challenge.parameters);
  });
}

async function run() {
  form.addEventListener("submit", wait);
  solving.hidden = false;
  try {
    const solution = await solved();
    field.value = btoa(JSON.stringify({ challenge, solution }));
    progress.value = 100;
    form.removeEventListener("submit", wait);
    form.submit();
  } catch {
    form.removeEventListener("submit", wait);
    solving.hidden = true;
    const spare = document.createElement("div");
    spare.innerHTML = section.querySelector("noscript").textContent;
    section.append(spare);
  }
}

run();
