// What a clerk must know of whoever was found, in words: warnings, and where they would be placed and why.
import { slotWords } from "./desk_queue.js";
import { clock, inWords, say } from "./words.js";

const { zone } = document.body.dataset;
const inLine = { weekday: "short", day: "numeric", month: "short", timeZone: zone };
const day = (moment) => new Intl.DateTimeFormat(document.documentElement.lang, inLine).format(new Date(moment));

function warning({ code, until, session, slot }) {
  if (!session) return say(`warn.${code}`, until && { day: day(until), time: clock(until, zone) });
  const names = { expert: inWords(session.names), department: inWords(session.department_names) };
  return say(`warn.${code}.told`, { ...names, day: day(session.starts_at), slot: slotWords(slot) });
}

// In the order in which they matter. `shown`: the queue beside the work.
export function minding(result, shown) {
  const words = result.warnings.map(warning);
  if (result.session && shown && result.session.id !== shown.session) {
    words.push(say("warn.other_queue", { expert: inWords(result.session.names), shown: inWords(shown.names) }));
  }
  const why = result.joining && say(`placed.${result.joining.place}`);
  return why ? [...words, why] : words;
}

// How many before them, and when they are called: of a place in the queue that is not theirs yet.
export function waitWords({ position, median, p90 }) {
  return say("would_wait", { before: say("before", { n: position }), median: Math.round(median), p90: Math.round(p90) });
}
