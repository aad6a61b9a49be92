// Baileys' sender keys, and the curve of libsignal that they use, behind the adapter protocol.
//
// Nothing is checked here that the library does not check: only its own errors become refusals.
// A key and a record are the same thing to the library, a sender key record.
// It is kept as Baileys' own cache keeps it, as objects in memory, and saved as Baileys' files are, as JSON.
'use strict';

globalThis.console = new console.Console(process.stderr, process.stderr); // whatever the library prints is not an answer

const { version } = require('./.baileys/package.json');
const curve = require('libsignal/src/curve');
const {
  GroupCipher, GroupSessionBuilder, SenderKeyDistributionMessage, SenderKeyRecord,
} = require('./.baileys/WASignalGroup');

const CAPABILITIES = [
  'key-agreement', 'xeddsa-sign', 'xeddsa-verify',
  'sender-keys-send', 'sender-keys-renewal', 'sender-keys-receive', 'persistence',
];
const HEX_PARAMS = new Set(['private_key', 'public_key', 'message', 'signature', 'plaintext', 'distribution']);

// The library names its errors in their text only; whatever is not listed here is not a refusal.
const ERRORS = [
  [/^No SenderKeyRecord found|^No session found/, 'UnknownSenderKey'],
  [/^Received message with old counter/, 'DuplicateMessage'],
  [/^Over 2000 messages/, 'TooFarAhead'],
  [/^Invalid signature/, 'InvalidSignature'],
  [/^Invalid public key$|^Incorrect private key length/, 'InvalidKey'],
  [/^InvalidMessageException$/, 'DecryptionFailed'],
  [/^(Range)?Error: /, 'InvalidMessage'], // a distribution that does not parse: caught by the library and thrown again
];

class BadParams extends Error {}
class Refusal extends Error {}

const records = new Map();
const store = {
  async loadSenderKey(handle) {
    return records.has(handle) ? new SenderKeyRecord(records.get(handle)) : undefined;
  },
  async storeSenderKey(handle, record) {
    records.set(handle, record.serialize());
  },
};
const builder = new GroupSessionBuilder(store);

function checkHandle(handle) {
  if (!records.has(handle)) throw new BadParams(`${handle} stands for nothing`);
}

async function create({ key }) {
  await store.storeSenderKey(key, new SenderKeyRecord()); // the library makes a new sender key where the record is empty
  await builder.create(key);
}

const METHODS = {
  'hello': [[], () => ({ name: 'Baileys', version, language: 'JavaScript', spec: '0.1', capabilities: CAPABILITIES })],
  'reset': [[], () => records.clear()],
  'save': [['handle'], ({ handle }) => {
    checkHandle(handle);
    return { state: JSON.stringify(records.get(handle)) };
  }],
  'restore': [['handle', 'state'], ({ handle, state }) => {
    records.set(handle, JSON.parse(state));
  }],
  'identity.agree': [['private_key', 'public_key'], ({ private_key, public_key }) =>
    ({ shared_secret: curve.calculateAgreement(public_key, private_key).toString('hex') })],
  'identity.sign': [['private_key', 'message'], ({ private_key, message }) =>
    ({ signature: curve.calculateSignature(private_key, message).toString('hex') })],
  'identity.verify': [['public_key', 'message', 'signature'], ({ public_key, message, signature }) => {
    if (!curve.verifySignature(public_key, message, signature)) throw new Refusal('InvalidSignature');
  }],
  'sender_keys.create': [['key'], create],
  'sender_keys.renew': [['key'], async ({ key }) => {
    checkHandle(key);
    await create({ key });
  }],
  'sender_keys.distribute': [['key'], async ({ key }) => {
    checkHandle(key);
    return { distribution: (await builder.create(key)).serialize().toString('hex') };
  }],
  'sender_keys.encrypt': [['key', 'plaintext'], async ({ key, plaintext }) => {
    checkHandle(key);
    return { message: (await new GroupCipher(store, key).encrypt(plaintext)).toString('hex') };
  }],
  'sender_keys.process': [['record', 'distribution', 'now_ms'], async ({ record, distribution }) => {
    const message = new SenderKeyDistributionMessage(null, null, null, null, distribution);
    if (!records.has(record)) await store.storeSenderKey(record, new SenderKeyRecord()); // as Baileys does
    await builder.process(record, message);
  }],
  'sender_keys.decrypt': [['record', 'message', 'now_ms'], async ({ record, message }) =>
    ({ plaintext: (await new GroupCipher(store, record).decrypt(message)).toString('hex') })],
};

// Checks that the params are those of the method, and turns hex into bytes.
function bind(names, params) {
  if (String(Object.keys(params ?? {}).sort()) !== String([...names].sort())) throw new BadParams(`the params are ${names}`);
  const values = names.map((name) => [name, HEX_PARAMS.has(name) ? Buffer.from(params[name], 'hex') : params[name]]);
  return Object.fromEntries(values);
}

function describe(error) {
  const failure = (code, data = {}) => ({ error: { code, message: `${error.constructor.name}: ${error.message}`, data } });
  if (error instanceof BadParams) return failure(-32602);
  if (error instanceof Refusal) return failure(-32000, { error: error.message });
  const known = ERRORS.find(([text]) => error.constructor === Error && text.test(error.message));
  return known ? failure(-32000, { error: known[1] }) : failure(-32603);
}

async function call(method, params) {
  if (!Object.hasOwn(METHODS, method)) return { error: { code: -32601, message: `there is no method ${method}`, data: {} } };
  const [names, run] = METHODS[method];
  try {
    return { result: await run(bind(names, params)) ?? {} };
  } catch (error) {
    return describe(error);
  }
}

async function answer(line) {
  let id, method, params;
  try {
    ({ id, method, params } = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(line)));
    if (id === undefined || typeof method !== 'string') throw new TypeError('a member is missing');
  } catch {
    return { jsonrpc: '2.0', id: null, error: { code: -32700, message: 'not a request', data: {} } };
  }
  return { jsonrpc: '2.0', id, ...await call(method, params) };
}

async function main() {
  let rest = '';
  process.stdin.setEncoding('latin1'); // one character a byte, so that no chunk ends inside a character
  for await (const chunk of process.stdin) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop();
    for (const line of lines) process.stdout.write(`${JSON.stringify(await answer(Buffer.from(line, 'latin1')))}\n`);
  }
}

main();
