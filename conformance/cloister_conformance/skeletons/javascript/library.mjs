// What adapter.mjs asks of {{name}}: a function for each method, and the names of its refusals.
// Import the library here.

export class InvalidParams extends Error {} // a handle stands for nothing, or a param is of another type
class Refusal extends Error {} // the library says no by what it returns; the text is an error name of chapter 01

// What the library throws to refuse its input, and the error name of chapter 01. Whatever is not here is no refusal.
const REFUSALS = [[/^RangeError: the target has no place/, "OutOfRange"]];

export function nameRefusal(error) {
  if (error instanceof Refusal) return error.message;
  return REFUSALS.find(([text]) => text.test(String(error)))?.[1];
}

function hello() {
  const capabilities = ["proof-of-work-target"]; // add one when all of its methods are in METHODS
  return { name: "{{name}}", version: "0", language: "JavaScript", spec: "0.1", capabilities };
}

function reset() {
  // Forget here what the handles stand for.
}

function integer(value) {
  if (!/^-?\d+$/.test(value)) throw new InvalidParams(`${value} is no integer`);
  return BigInt(value);
}

const MAX_U64 = 2n ** 64n - 1n;
// An example, chapter 06: call the library instead, or remove it.
// Bytes are hex: Buffer.from(message, "hex"), plaintext.toString("hex").
function target({ payload_length, ttl_ms, difficulty }) {
  const [length, ttl, factor] = [payload_length, ttl_ms, difficulty].map(integer);
  const product = (ttl / 1000n) * (length + 8n);
  const divisor = factor * (length + 8n + product / 65535n);
  const fits = length >= 0n && ttl >= 0n && factor >= 1n && product <= MAX_U64 && divisor <= MAX_U64;
  if (!fits) throw new RangeError("the target has no place in 64 bits");
  return { target: (MAX_U64 / divisor).toString(16).padStart(16, "0") };
}

// Each method with the params that it cannot do without. Functions may be async; nothing returned is {}.
export const METHODS = {
  "hello": [[], hello],
  "reset": [[], reset],
  "proof_of_work.target": [["payload_length", "ttl_ms", "difficulty"], target],
};
