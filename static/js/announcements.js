// What a board says aloud: each call once, one after the other and never over one another, a recall again.
//
//   const announcements = new Announcements(voice)   voice: { ready(), chime(), speak(said) }, the last two promises
//   announcements.add(call, said)                     in the order of the calls
//   announcements.drop(isGone)                        calls that were taken back before their turn to be said
//
// What was said is kept for this tab, so that a board that loads itself anew does not say it again.
const KEPT = 60;
const STORE = "announced";
const key = (call) => `${call.session} ${call.number} ${call.at}`;

export class Announcements {
  constructor(voice, store = sessionStorage) {
    this.voice = voice;
    this.store = store;
    this.line = [];
    this.busy = false;
    this.said = JSON.parse(store.getItem(STORE) || "[]");
  }

  add(call, said) {
    // Who cannot be heard now is not heard later, all at once; the board shows the call.
    if (!this.voice.ready() || this.said.includes(key(call))) return;
    this.said = this.said.concat(key(call)).slice(-KEPT);
    this.store.setItem(STORE, JSON.stringify(this.said));
    this.line.push({ call, said });
    if (!this.busy) this.run();
  }

  drop(isGone) {
    for (const { call } of this.line) {
      // Called again after all, it is said then.
      if (isGone(call)) this.said = this.said.filter((each) => each !== key(call));
    }
    this.line = this.line.filter(({ call }) => !isGone(call));
  }

  async run() {
    this.busy = true;
    while (this.line.length) {
      const { said } = this.line.shift();
      await this.voice.chime();
      await this.voice.speak(said);
      if (!this.line.length) await this.voice.speak(said); // twice, where nobody else waits to be called
    }
    this.busy = false;
  }
}
