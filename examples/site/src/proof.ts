// The proof of work that keeps programs from filling in forms: the protocol of ALTCHA, whose widget does the same with a
// checkbox of its own. A step takes a key by PBKDF2 of the nonce and a counter; the right counter makes a key with the prefix.
import { data, type Plenary } from "@plenary/client";

interface Challenge {
  parameters: { algorithm: string; cost: number; keyLength: number; keyPrefix: string; nonce: string; salt: string };
  signature?: string;
}

const bytes = (hex: string) => Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
const hex = (buffer: ArrayBuffer) => [...new Uint8Array(buffer)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
/** The server refuses what was filled in faster than a person types. */
const MINIMUM = 2_500;

/** Asks for a challenge and solves it. */
export async function solve(client: Plenary): Promise<string> {
  const begun = Date.now();
  const challenge = data(await client.GET("/api/v1/newsletter/challenge", {})) as unknown as Challenge;
  const { cost, keyLength, keyPrefix, nonce, salt } = challenge.parameters;
  const password = new Uint8Array([...bytes(nonce), 0, 0, 0, 0]);
  const counterPlace = new DataView(password.buffer, password.length - 4);
  const derivation = { name: "PBKDF2", hash: "SHA-256", salt: bytes(salt), iterations: cost };
  for (let counter = 0; ; counter += 1) {
    counterPlace.setUint32(0, counter);
    const key = await crypto.subtle.importKey("raw", password, "PBKDF2", false, ["deriveBits"]);
    const derivedKey = hex(await crypto.subtle.deriveBits(derivation, key, keyLength * 8));
    if (!derivedKey.startsWith(keyPrefix)) continue;
    await new Promise((resolve) => setTimeout(resolve, MINIMUM - (Date.now() - begun)));
    return btoa(JSON.stringify({ challenge, solution: { counter, derivedKey, time: Date.now() - begun } }));
  }
}
