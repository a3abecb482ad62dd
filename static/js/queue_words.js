// What a queue is up to, as board_face.py and phone_face.py say it for the first paint.
import { say, clock, pauseReason, texts } from "./words.js";

const LONG = 15; // minutes
const STEP = 5 * 60000;

export function paused(queue) {
  const pauses = queue.rooms.map((room) => room.paused);
  if (!pauses.length || !pauses.every(Boolean)) return null;
  return pauses.reduce((a, b) => ((b.until || "9") < (a.until || "9") ? b : a));
}

export function kindOfNotice(queue) {
  return queue.notice ? queue.notice.kind : "";
}

export function insteadOfNext(queue, zone, table = texts) {
  if (["stopped", "cancelled"].includes(kindOfNotice(queue))) return say(kindOfNotice(queue), {}, table);
  const pause = paused(queue);
  if (pause) {
    const reason = pauseReason(pause.reason, table) || say("paused.plain", {}, table);
    if (!pause.until) return say("paused", { reason }, table);
    return say("paused.until", { reason, time: clock(pause.until, zone) }, table);
  }
  const start = queue.slots.length ? queue.slots[0].start : null;
  if (queue.state === "open" && start && new Date(start) > new Date() && !queue.waiting.length) {
    return say("not_started", { time: clock(start, zone) }, table);
  }
  return queue.waiting.length ? "" : say("nobody", {}, table);
}

// "called about 10:05 – 10:25": median to 90th percentile, longer ones widened to full five minutes (R5.2).
export function spanText(queue, entry, zone) {
  if (entry.median === null || entry.median === undefined || entry.p90 === null) return say("range.none");
  if (entry.p90 < 1) return say("range.soon");
  let start = Date.parse(queue.at) + entry.median * 60000;
  let end = Date.parse(queue.at) + entry.p90 * 60000;
  if (end < Date.now()) return say("range.late");
  if (entry.p90 >= LONG) {
    start = Math.floor(start / STEP) * STEP;
    end = Math.ceil(end / STEP) * STEP;
  }
  const [first, last] = [clock(start, zone), clock(end, zone)];
  return first === last ? say("range.one", { time: last }) : say("range", { start: first, end: last });
}

export function roomOf(queue, code) {
  return queue.rooms.find((room) => room.code === code) || { code, names: { "zh-hans": code }, ways: {} };
}
