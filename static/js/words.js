// Words of the page: its texts (JSON made by the server in the page's language), names by language, times.
const CODES = { en: "en", "zh-Hans": "zh-hans", "zh-Hant": "zh-hant" };
const HAN = /[\u3400-\u9fff]/;

export const language = CODES[document.documentElement.lang] || "zh-hans";

export function data(id) {
  const element = document.getElementById(id);
  return element ? JSON.parse(element.textContent) : null;
}

export const texts = data("texts") || {};

// The sentence `key` with its {placeholders} filled; what is counted comes as {one, other}, chosen by values.n.
export function say(key, values = {}, table = texts) {
  let text = table[key] || "";
  if (typeof text === "object") text = values.n === 1 ? text.one : text.other;
  return text.replace(/\{(\w+)\}/g, (_, name) => (values[name] === undefined || values[name] === null ? "" : values[name]));
}

// Why a room pauses, as pauses.py has it: one of the reasons that have words in the table, or as it was typed.
export function pauseReason(reason, table = texts) {
  return say(`pause.${reason}`, {}, table) || reason;
}

export function inWords(names, code = language) {
  return (names && (names[code] || names["zh-hans"])) || "";
}

// A person's name is in no language of the page.
export function langOf(words) {
  return HAN.test(words) ? "zh-Hans" : "en";
}

export function clock(moment, zone, seconds = false) {
  return new Intl.DateTimeFormat("en-GB", {
    hour: "2-digit", minute: "2-digit", second: seconds ? "2-digit" : undefined, hourCycle: "h23", timeZone: zone,
  }).format(new Date(moment));
}

// Text into the element that the server marked with data-put="name"; a name only written in Chinese says so.
export function put(root, name, words) {
  const element = root.querySelector(`[data-put="${name}"]`);
  if (!element) return;
  if (element.textContent !== String(words)) element.textContent = words;
  if (language === "en" && !element.hasAttribute("data-keep-lang")) {
    if (HAN.test(words)) element.lang = "zh-Hans";
    else if (element.lang === "zh-Hans") element.removeAttribute("lang");
  }
}

const STEPS = [["age.seconds", 1, 60], ["age.minutes", 60, 7200], ["age.hours", 3600, Infinity]]; // word, unit, below

// How old the state is, in words and by a mark: `age` as live.js tells it, null while fresh, else seconds.
export function showAge(element, age, table = texts) {
  const [key, unit] = age === null ? ["age.fresh", 1] : STEPS.find(([, , below]) => age < below);
  element.textContent = say(key, { n: Math.floor(age / unit) }, table);
  element.toggleAttribute("data-stale", age !== null);
}
