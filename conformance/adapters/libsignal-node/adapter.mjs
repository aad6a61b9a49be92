// Answers the requests of chapter 13, one on a line. Nothing here is about one library: library.mjs is.

globalThis.console = new console.Console(process.stderr, process.stderr); // what the library prints is not an answer

const { METHODS, InvalidParams, nameRefusal } = await import("./library.mjs");

const failure = (code, message, data = {}) => ({ error: { code, message, data } });

async function call(name, params) {
  if (!Object.hasOwn(METHODS, name)) return failure(-32601, `there is no method ${name}`);
  const [required, run] = METHODS[name];
  const missing = required.filter((member) => params[member] === undefined);
  if (missing.length > 0) return failure(-32602, `the params lack ${missing.join(", ")}`);
  try {
    return { result: (await run(params)) ?? {} };
  } catch (error) {
    return describe(error);
  }
}

function describe(error) {
  if (error instanceof InvalidParams) return failure(-32602, error.message);
  const message = `${error?.name}: ${error?.message}`;
  const refusal = nameRefusal(error);
  if (refusal) return failure(-32000, message, { error: refusal });
  console.error(error);
  return failure(-32603, message);
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
  return { id, ...(await call(method, params ?? {})) };
}

let rest = "";
for await (const chunk of process.stdin.setEncoding("utf8")) {
  const lines = (rest + chunk).split("\n");
  rest = lines.pop();
  for (const line of lines) process.stdout.write(JSON.stringify({ jsonrpc: "2.0", ...(await answer(line)) }) + "\n");
}
