// The line of calls to be shown: each for at least HOLD, however many come at once; then the newest stays (R6.1).
export const HOLD = 8000; // milliseconds

const key = (call) => `${call.session} ${call.number}`;

export class CallLine {
  constructor(hold = HOLD) {
    this.hold = hold;
    this.line = [];
    this.seen = new Map();
    this.shown = null;
    this.since = 0;
  }

  // Takes the present state (`isGone` tells of it which call was taken back or missed): queues its new calls and repeated ones, drops what was taken back or missed.
  take(queues) {
    const open = [];
    const off = new Set();
    const known = new Set();
    for (const queue of queues) {
      for (const call of queue.called) open.push({ ...call, session: queue.session });
      for (const number of queue.missed) off.add(key({ session: queue.session, number }));
      for (const entry of queue.waiting) off.add(key({ session: queue.session, number: entry.number }));
      known.add(queue.session);
    }
    open.sort((a, b) => (a.at < b.at ? -1 : 1));
    for (const call of open) {
      if (this.seen.get(key(call)) === call.at) continue;
      this.seen.set(key(call), call.at);
      this.line = this.line.filter((other) => key(other) !== key(call));
      this.line.push(call);
    }
    const gone = (this.isGone = (call) => off.has(key(call)) || !known.has(call.session));
    // Taken back, then open after all: it is announced then.
    for (const call of [...this.line, this.shown]) if (call && gone(call)) this.seen.delete(key(call));
    this.line = this.line.filter((call) => !gone(call));
    if (this.shown && gone(this.shown)) this.shown = null;
    const inRooms = queues.flatMap((queue) => [...queue.called, ...queue.serving]
      .map((each) => key({ session: queue.session, number: each.number })));
    this.inRooms = new Set(inRooms);
    this.open = open;
  }

  // The call to show at `now` (milliseconds), and whether it was not shown before this moment.
  at(now) {
    const held = this.shown === null || now - this.since >= this.hold;
    if (held && this.line.length) {
      this.shown = this.line.shift();
      this.since = now;
      return { call: this.shown, fresh: true };
    }
    if (held && this.shown && !this.inRooms.has(key(this.shown))) this.shown = null;
    if (!this.shown && this.open && this.open.length) this.shown = this.open[this.open.length - 1];
    return { call: this.shown, fresh: false };
  }

  isOpen(call) {
    return Boolean(this.open && this.open.some((other) => key(other) === key(call)));
  }
}
