// The adapter of {{name}}: answers the requests of chapter 13, one on a line, by calls of the library.
// Import the library here.

globalThis.console = new console.Console(process.stderr, process.stderr); // what the library prints is not an answer

class Refusal extends Error {} // the library refused; the text is an error name of chapter 01
class InvalidParams extends Error {}

function hello() {
  const capabilities = ["proof-of-work-target"]; // add one when all of its methods are in METHODS
  return { name: "{{name}}", version: "0", language: "JavaScript", spec: "0.1", capabilities };
}

function reset() {
  return {}; // forget here what the handles stand for
}

const MAX_U64 = 2n ** 64n - 1n;
// An example, chapter 06: call the library instead, or remove it.
// Bytes are hex: Buffer.from(params.message, "hex"), plaintext.toString("hex").
function target(params) {
  const [length, ttl, difficulty] = ["payload_length", "ttl_ms", "difficulty"].map((name) => integer(params, name));
  const product = (ttl / 1000n) * (length + 8n);
  const divisor = difficulty * (length + 8n + product / 65535n);
  if (length < 0n || ttl < 0n || difficulty < 1n || product > MAX_U64 || divisor > MAX_U64) throw new Refusal("OutOfRange");
  return { target: (MAX_U64 / divisor).toString(16).padStart(16, "0") };
}

const METHODS = { hello, reset, "proof_of_work.target": target }; // functions may be async

function integer(params, name) {
  if (!/^-?\d+$/.test(params[name])) throw new InvalidParams(`${name} is missing, or no integer`);
  return BigInt(params[name]);
}

const failure = (code, message, data = {}) => ({ error: { code, message, data } });

async function call(name, params) {
  if (!Object.hasOwn(METHODS, name)) return failure(-32601, `there is no method ${name}`);
  try {
    return { result: await METHODS[name](params ?? {}) };
  } catch (error) {
    if (error instanceof Refusal) return failure(-32000, "the library refused", { error: error.message });
    if (error instanceof InvalidParams) return failure(-32602, error.message);
    return failure(-32603, error?.stack ?? String(error));
  }
}

// Integers from 2^53 on would be rounded by JSON.parse: they become texts, which BigInt reads. Rubbish becomes nothing.
function parse(line) {
  const keep = (token) => (token[0] === '"' || Number.isSafeInteger(+token) ? token : `"${token}"`);
  try {
    return JSON.parse(line.replace(/"[^"\\]*(?:\\.[^"\\]*)*"|-?\d[\d.eE+-]*/g, keep)) ?? {};
  } catch {
    return {};
  }
}

async function answer(line) {
  const { id, method, params } = parse(line);
  if (id === undefined || typeof method !== "string") return { id: null, ...failure(-32700, "this line is not a request") };
  return { id, ...(await call(method, params)) };
}

let rest = "";
for await (const chunk of process.stdin.setEncoding("utf8")) {
  const lines = (rest + chunk).split("\n");
  rest = lines.pop();
  for (const line of lines) process.stdout.write(JSON.stringify({ jsonrpc: "2.0", ...(await answer(line)) }) + "\n");
}
