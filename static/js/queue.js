// One queue's numbers, live.
import { connect } from "./live.js";
import { inWords, put, showAge } from "./words.js";
import { insteadOfNext, roomOf, spanText } from "./queue_words.js";

const page = document.getElementById("queue");
const { session, zone } = page.dataset;
const part = (name) => page.querySelector(`[data-put="${name}"]`);
const clone = (id) => document.getElementById(id).content.firstElementChild.cloneNode(true);

function busy(queue, entry, state) {
  const item = clone("busy");
  item.classList.toggle("called", state === "called");
  put(item, "number", entry.number);
  put(item, "room", inWords(roomOf(queue, entry.room).names));
  item.querySelector('[data-put="called"]').hidden = state !== "called";
  item.querySelector('[data-put="serving"]').hidden = state !== "serving";
  return item;
}

function line(queue, entry) {
  const item = clone("line");
  put(item, "number", entry.number);
  put(item, "range", spanText(queue, entry, zone));
  return item;
}

function show(queue) {
  const words = insteadOfNext(queue, zone);
  put(page, "words", words);
  part("words").hidden = !words;
  part("busy").replaceChildren(
    ...queue.called.map((entry) => busy(queue, entry, "called")),
    ...queue.serving.map((entry) => busy(queue, entry, "serving")),
  );
  put(page, "count", queue.waiting.length);
  part("lines").replaceChildren(...queue.waiting.map((entry) => line(queue, entry)));
  page.querySelector('[data-when="missed"]').hidden = !queue.missed.length;
  part("missed").replaceChildren(...queue.missed.map((number) => {
    const item = document.createElement("li");
    item.textContent = number;
    return item;
  }));
}

connect({
  socket: `/ws/queues/${session}/`,
  poll: `/live/queues/${session}`,
  onState: show,
  onAge: (age) => showAge(document.getElementById("age"), age),
});
showAge(document.getElementById("age"), null); // the page was made a moment ago
