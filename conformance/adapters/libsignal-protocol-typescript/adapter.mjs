// Answers the requests of chapter 13, one on a line; library.mjs calls the library.

globalThis.console = new console.Console(process.stderr, process.stderr); // what the library prints is not an answer

const { METHODS, InvalidParams, nameRefusal } = await import("./library.mjs");

const failure = (code, message, data = {}) => ({ error: { code, message, data } });

async function call(name, params) {
  if (!Object.hasOwn(METHODS, name)) return failure(-32601, `there is no method ${name}`);
  const [required, run] = METHODS[name];
  try {
    if (required.some((member) => params[member] === undefined)) throw new InvalidParams(`the params are ${required}`);
    return { result: (await run(params)) ?? {} };
  } catch (error) {
    const message = `${error?.name}: ${error?.message}`;
    if (error instanceof InvalidParams) return failure(-32602, message);
    const refusal = nameRefusal(error);
    return refusal ? failure(-32000, message, { error: refusal }) : failure(-32603, message);
  }
}

async function answer(line) {
  let id, method, params;
  try {
    ({ id, method, params } = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(line)));
    if (id === undefined || typeof method !== "string") throw new TypeError("a member is missing");
  } catch {
    return { id: null, ...failure(-32700, "this line is not a request") };
  }
  return { id, ...(await call(method, params ?? {})) };
}

let rest = "";
for await (const chunk of process.stdin.setEncoding("latin1")) { // one character a byte, so that no chunk ends inside a character
  const lines = (rest + chunk).split("\n");
  rest = lines.pop();
  for (const line of lines) {
    process.stdout.write(JSON.stringify({ jsonrpc: "2.0", ...(await answer(Buffer.from(line, "latin1"))) }) + "\n");
  }
}
