// What adapter.mjs asks of Baileys' sender keys, and of the curve of libsignal that they use.
//
// Nothing is checked here that the library does not check: only its own errors become refusals.
// A key and a record are the same thing to the library, a sender key record.
// It is kept as Baileys' own cache keeps it, as objects in memory, and saved as Baileys' files are, as JSON.
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const { version } = require("./.baileys/package.json");
const curve = require("libsignal/src/curve");
const {
  GroupCipher, GroupSessionBuilder, SenderKeyDistributionMessage, SenderKeyRecord,
} = require("./.baileys/WASignalGroup");

const CAPABILITIES = [
  "key-agreement", "xeddsa-sign", "xeddsa-verify",
  "sender-keys-send", "sender-keys-renewal", "sender-keys-receive", "persistence",
];

export class InvalidParams extends Error {}
class Refusal extends Error {} // the text is the name of an error

// The library names its errors in their text only; whatever is not listed here is not a refusal.
const REFUSALS = [
  [/^No SenderKeyRecord found|^No session found/, "UnknownSenderKey"],
  [/^Received message with old counter/, "DuplicateMessage"],
  [/^Over 2000 messages/, "TooFarAhead"],
  [/^Invalid signature/, "InvalidSignature"],
  [/^Invalid public key$|^Incorrect private key length/, "InvalidKey"],
  [/^InvalidMessageException$/, "DecryptionFailed"],
  [/^(Range)?Error: /, "InvalidMessage"], // a distribution that does not parse: caught by the library and thrown again
];

export function nameRefusal(error) {
  if (error instanceof Refusal) return error.message;
  return REFUSALS.find(([text]) => error.constructor === Error && text.test(error.message))?.[1];
}

const bytes = (hex) => Buffer.from(hex, "hex");

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
  if (!records.has(handle)) throw new InvalidParams(`${handle} stands for nothing`);
}

function save({ handle }) {
  checkHandle(handle);
  return { state: JSON.stringify(records.get(handle)) };
}

function restore({ handle, state }) {
  records.set(handle, readState(state));
}

function readState(state) {
  try {
    return JSON.parse(state);
  } catch {
    throw new Refusal("UnreadableState");
  }
}

function agree({ private_key, public_key }) {
  return { shared_secret: curve.calculateAgreement(bytes(public_key), bytes(private_key)).toString("hex") };
}

function sign({ private_key, message }) {
  return { signature: curve.calculateSignature(bytes(private_key), bytes(message)).toString("hex") };
}

function verify({ public_key, message, signature }) {
  if (!curve.verifySignature(bytes(public_key), bytes(message), bytes(signature))) throw new Refusal("InvalidSignature");
}

async function create({ key }) {
  await store.storeSenderKey(key, new SenderKeyRecord()); // the library makes a new sender key where the record is empty
  await builder.create(key);
}

async function renew({ key }) {
  checkHandle(key);
  await create({ key });
}

async function distribute({ key }) {
  checkHandle(key);
  return { distribution: (await builder.create(key)).serialize().toString("hex") };
}

async function encrypt({ key, plaintext }) {
  checkHandle(key);
  return { message: (await new GroupCipher(store, key).encrypt(bytes(plaintext))).toString("hex") };
}

async function process({ record, distribution }) {
  const message = new SenderKeyDistributionMessage(null, null, null, null, bytes(distribution));
  if (!records.has(record)) await store.storeSenderKey(record, new SenderKeyRecord()); // as Baileys does
  await builder.process(record, message);
}

async function decrypt({ record, message }) {
  return { plaintext: (await new GroupCipher(store, record).decrypt(bytes(message))).toString("hex") };
}

// Each method with the params that it cannot do without.
export const METHODS = {
  "hello": [[], () => ({ name: "Baileys", version, language: "JavaScript", spec: "0.1", capabilities: CAPABILITIES })],
  "reset": [[], () => records.clear()],
  "save": [["handle"], save],
  "restore": [["handle", "state"], restore],
  "identity.agree": [["private_key", "public_key"], agree],
  "identity.sign": [["private_key", "message"], sign],
  "identity.verify": [["public_key", "message", "signature"], verify],
  "sender_keys.create": [["key"], create],
  "sender_keys.renew": [["key"], renew],
  "sender_keys.distribute": [["key"], distribute],
  "sender_keys.encrypt": [["key", "plaintext"], encrypt],
  "sender_keys.process": [["record", "distribution", "now_ms"], process],
  "sender_keys.decrypt": [["record", "message", "now_ms"], decrypt],
};
