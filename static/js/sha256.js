// SHA-256 (FIPS 180-4) for pages that are not served over https, where browsers hand out no crypto.subtle.

const primes = [];
for (let n = 2; primes.length < 64; n += 1) if (primes.every((prime) => n % prime)) primes.push(n);

// The first 32 bits behind the point, of square roots and cube roots.
const fraction = (root) => ((root - Math.floor(root)) * 2 ** 32) | 0;
const START = primes.slice(0, 8).map((prime) => fraction(Math.sqrt(prime)));
const ROUND = Int32Array.from(primes, (prime) => fraction(Math.cbrt(prime)));
const words = new Int32Array(64);

const turned = (word, by) => (word >>> by) | (word << (32 - by));

/** The hash of some bytes, as 32 bytes. */
export function sha256(bytes) {
  const length = bytes.length;
  const padded = new DataView(new ArrayBuffer(64 * Math.ceil((length + 9) / 64)));
  bytes.forEach((byte, index) => padded.setUint8(index, byte));
  padded.setUint8(length, 0x80);
  padded.setUint32(padded.byteLength - 4, 8 * length);

  const state = Int32Array.from(START);
  for (let at = 0; at < padded.byteLength; at += 64) block(state, padded, at);

  const digest = new DataView(new ArrayBuffer(32));
  state.forEach((word, index) => digest.setInt32(4 * index, word));
  return new Uint8Array(digest.buffer);
}

function block(state, padded, at) {
  for (let n = 0; n < 16; n += 1) words[n] = padded.getInt32(at + 4 * n);
  for (let n = 16; n < 64; n += 1) {
    const early = words[n - 15];
    const late = words[n - 2];
    const spread = turned(early, 7) ^ turned(early, 18) ^ (early >>> 3);
    words[n] = (turned(late, 17) ^ turned(late, 19) ^ (late >>> 10)) + words[n - 7] + spread + words[n - 16];
  }
  let [a, b, c, d, e, f, g, h] = state;
  for (let n = 0; n < 64; n += 1) {
    const mixed = (turned(e, 6) ^ turned(e, 11) ^ turned(e, 25)) + ((e & f) ^ (~e & g));
    const first = (h + mixed + ROUND[n] + words[n]) | 0;
    const second = (turned(a, 2) ^ turned(a, 13) ^ turned(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
    h = g;
    g = f;
    f = e;
    e = (d + first) | 0;
    d = c;
    c = b;
    b = a;
    a = (first + second) | 0;
  }
  [a, b, c, d, e, f, g, h].forEach((word, n) => {
    state[n] += word;
  });
}
