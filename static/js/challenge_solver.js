// A proof of work (ALTCHA's second version): the counter is tried for whose hash, with salt and nonce before it, begins
// as the challenge says.
//
//   solve({ salt, nonce, keyPrefix, data: { most } }, onProgress) -> { counter, derivedKey }
//
// With crypto.subtle where the page may use it (https); else with the plain hash beside this file.

import { sha256 } from "./sha256.js";

const AT_ONCE = 500; // hashes asked for together: each question alone costs more than its hash

const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
const unhex = (text) => Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));

export async function solve({ salt, nonce, keyPrefix, data }, onProgress = () => {}) {
  const head = [...unhex(salt), ...unhex(nonce)];
  const prefix = unhex(keyPrefix);
  const subtle = globalThis.crypto?.subtle;

  function message(counter) {
    const bytes = new Uint8Array(head.length + 4);
    bytes.set(head);
    new DataView(bytes.buffer).setUint32(head.length, counter);
    return bytes;
  }

  async function hashes(from) {
    const messages = Array.from({ length: AT_ONCE }, (_, index) => message(from + index));
    if (!subtle) return messages.map(sha256);
    const digests = await Promise.all(messages.map((each) => subtle.digest("SHA-256", each)));
    return digests.map((each) => new Uint8Array(each));
  }

  for (let from = 0; from <= data.most; from += AT_ONCE) {
    const tried = await hashes(from);
    const found = tried.findIndex((hash) => prefix.every((byte, index) => hash[index] === byte));
    if (found >= 0) return { counter: from + found, derivedKey: hex(tried[found]) };
    onProgress(from + AT_ONCE);
    await new Promise((resolve) => setTimeout(resolve)); // lets a page without workers breathe
  }
  throw new Error("no counter fits");
}
