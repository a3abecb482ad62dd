// A board's sound: a chime of two tones, and the browser's own voice where it has one in the language on the machine
// itself. One over the network would tell an outside company who is called, and is not taken: then a sound file made by
// the server says the same, and where there is none either, the chime stands alone.
//
// Browsers keep silent until somebody has pressed something; `onBlocked` says whether that is still to be done.
const TONES = [[880, 0], [660, 0.35]]; // hertz, seconds
const CHIME = 1100; // milliseconds
const PER_CHARACTER = 500; // milliseconds: a voice that has not ended by then never will
const FILE = 15000; // milliseconds: a file that was not heard by then never will be
const WANTED = { "zh-hans": ["zh-cn", "cmn", "zh"], "zh-hant": ["zh-tw", "cmn", "zh"], en: ["en"] };
const DIGITS = "零一二三四五六七八九";

/** A ticket number as it is read out: digit by digit. */
export function spoken(number, language) {
  const digit = (each) => (language === "en" ? each : DIGITS[each]);
  return number.replace(/\d/g, (each) => ` ${digit(each)}`).trim();
}

/** A room's name as it is read out: three digits and more one by one, as 302 is not a count. */
export function spokenRoom(name, language) {
  return name.replace(/ ?(\d{3,}) ?/g, (_, digits) => ` ${spoken(digits, language)} `).trim();
}

const later = (pause) => new Promise((done) => setTimeout(done, pause));

export class Voice {
  constructor(sound, language, onBlocked) {
    this.sound = sound; // voice, chime or off
    this.language = language;
    const Context = window.AudioContext || window.webkitAudioContext;
    this.context = sound !== "off" && Context ? new Context() : null;
    if (!this.context) return;
    const tell = () => onBlocked(!this.ready());
    this.context.onstatechange = tell;
    const unlock = () => this.context.resume();
    for (const event of ["click", "keydown", "touchend"]) addEventListener(event, unlock);
    tell();
  }

  ready() {
    return Boolean(this.context) && this.context.state === "running";
  }

  async chime() {
    for (const [hertz, at] of TONES) {
      const begin = this.context.currentTime + at;
      const tone = this.context.createOscillator();
      const gain = this.context.createGain();
      tone.frequency.value = hertz;
      gain.gain.setValueAtTime(0.4, begin);
      gain.gain.exponentialRampToValueAtTime(0.001, begin + 0.7);
      tone.connect(gain).connect(this.context.destination);
      tone.start(begin);
      tone.stop(begin + 0.7);
    }
    await later(CHIME);
  }

  // Says { words, file }: the words by the browser, or the file at that address. Ends when it was said.
  async speak({ words, file }) {
    if (this.sound !== "voice") return;
    const voice = this.voice();
    if (!voice) {
      await Promise.race([this.play(file).catch(() => {}), later(FILE)]);
      return;
    }
    const said = new SpeechSynthesisUtterance(words);
    said.voice = voice;
    said.lang = voice.lang;
    said.rate = 0.9;
    const ended = new Promise((done) => { said.onend = said.onerror = done; });
    speechSynthesis.speak(said);
    await Promise.race([ended, later(3000 + words.length * PER_CHARACTER)]);
    speechSynthesis.cancel();
  }

  async play(file) {
    const answer = await fetch(file);
    if (!answer.ok) return;
    const sound = this.context.createBufferSource();
    sound.buffer = await new Promise((done, failed) => {
      // By callbacks: browsers of 2019 give no promise here.
      answer.arrayBuffer().then((bytes) => this.context.decodeAudioData(bytes, done, failed), failed);
    });
    sound.connect(this.context.destination);
    const ended = new Promise((done) => { sound.onended = done; });
    sound.start();
    await ended;
  }

  // Asked each time: a browser may find its voices late.
  voice() {
    const voices = window.speechSynthesis ? speechSynthesis.getVoices().filter((each) => each.localService) : [];
    for (const wanted of WANTED[this.language]) {
      const found = voices.find((each) => each.lang.toLowerCase().replace("_", "-").startsWith(wanted));
      if (found) return found;
    }
    return null;
  }
}
