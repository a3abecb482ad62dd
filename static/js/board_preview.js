// The board in a frame, with the values of the form as they are now.
const preview = document.getElementById("board-preview");
const screen = preview.querySelector(".screen");
const frame = preview.querySelector("iframe");
const form = preview.closest("form");
const FIELDS = [
  "language", "second_language", "look", "layout", "accent", "title", "title_en", "title_zh_hant", "departments", "rooms",
];
const PAUSE = 400; // milliseconds that somebody who types is left alone
let timer = 0;

function load() {
  const given = new FormData(form);
  const values = FIELDS.flatMap((field) => given.getAll(field).map((value) => [field, value]));
  const address = new URL(`${preview.dataset.address}?${new URLSearchParams(values)}`, location.href).href;
  // Replaced, so that "back" leads away from the form and not through the looks that were tried.
  if (frame.contentWindow.location.href !== address) frame.contentWindow.location.replace(address);
}

function fit() {
  const scale = screen.clientWidth / Number(frame.width);
  frame.style.transform = `scale(${scale})`;
  screen.style.height = `${Number(frame.height) * scale}px`;
}

function turn(pressed) {
  for (const button of preview.querySelectorAll(".shapes button")) {
    button.setAttribute("aria-pressed", String(button === pressed));
  }
  frame.width = pressed.dataset.width;
  frame.height = pressed.dataset.height;
  screen.toggleAttribute("data-upright", Number(frame.height) > Number(frame.width));
  fit();
}

const soon = () => {
  clearTimeout(timer);
  timer = setTimeout(load, PAUSE);
};
form.addEventListener("input", soon);
form.addEventListener("change", soon);
django.jQuery(form).on("change", soon); // what is chosen from a list that searches is told to jQuery alone
for (const button of preview.querySelectorAll(".shapes button")) button.addEventListener("click", () => turn(button));
new ResizeObserver(fit).observe(screen);
load();
