// What is asked of libsignal-node. Nothing here checks anything: what the library accepts, is accepted.
// A session handle is one address of the library, with the store of its account behind it.
import { createRequire } from "node:module";
import signal from "libsignal";

const { version } = createRequire(import.meta.url)("libsignal/package.json");
const { ProtocolAddress, SessionBuilder, SessionCipher, SessionRecord, curve, keyhelper } = signal;

const CAPABILITIES = [
  "key-agreement", "xeddsa-sign", "xeddsa-verify", "sessions", "one-time-prekeys", "prekey-import", "persistence",
];
const REGISTRATION_ID = 1;
const DEVICE_ID = 1;
const PREKEY_MESSAGE = 3; // the library's type of ciphertext

export class InvalidParams extends Error {}
class Refusal extends Error {} // the text is the name of an error

// The library names most of its errors in their text only; whatever is not listed here is not a refusal.
// "No matching sessions" has no reason, that goes to its log.
const ERRORS = [
  [/^UntrustedIdentityKeyError/, "UntrustedIdentity"],
  [/^PreKeyError: /, "UnknownPrekey"],
  [/^MessageCounterError: /, "DuplicateMessage"],
  [/^SessionError: (No sessions|No open session)$/, "NoSession"],
  [/^SessionError: (No session record|No sessions available)$/, "UnknownSession"],
  [/^SessionError: Over 2000 messages into the future/, "TooFarAhead"],
  [/^SessionError: Chain closed/, "Stale"],
  [/^SessionError: No matching sessions found/, "ProtocolViolation"],
  [/^Error: Invalid signature/, "InvalidSignature"],
  [/^Error: (Invalid public key|Incorrect private key length)/, "InvalidKey"],
  [/^Error: Incompatible version number/, "UnsupportedVersion"],
  [/^Error: (No registrationId|Bad MAC length)/, "InvalidMessage"],
  [/^Error: Bad MAC$/, "InvalidMac"],
  [/^Error: Tried to (de|en)crypt on a /, "ProtocolViolation"],
  [/^Error: Error migrating SessionRecord/, "UnreadableState"],
];

export function nameRefusal(error) {
  if (error instanceof Refusal) return error.message;
  return ERRORS.find(([text]) => text.test(String(error)))?.[1];
}

const bytes = (text) => Buffer.from(text, "hex");
const hex = (buffer) => Buffer.from(buffer).toString("hex");
const write = ({ pubKey, privKey }) => ({ pubKey: hex(pubKey), privKey: hex(privKey) });
const read = (pair) => pair && { pubKey: bytes(pair.pubKey), privKey: bytes(pair.privKey) };
const readPrivate = (text) => ({ pubKey: curve.getPublicFromPrivateKey(bytes(text)), privKey: bytes(text) });

// What the handles stand for: {identity, prekeys, signedPrekeys, newest, lastId} or {account, theirs, record}, all serialised.
const held = new Map();

function find(handle, member) {
  const value = held.get(handle);
  if (value?.[member] === undefined) throw new InvalidParams(`${handle} stands for nothing that has ${member}`);
  return value;
}

class Store {
  constructor(account, session) { Object.assign(this, { account, session }); }
  async getOurIdentity() { return read(this.account.identity); }
  async getOurRegistrationId() { return REGISTRATION_ID; }
  async isTrustedIdentity(name, key) { return hex(key) === this.session.theirs; }
  async loadPreKey(id) { return read(this.account.prekeys[id]); }
  async storePreKey(id, pair) { this.account.prekeys[id] = write(pair); }
  async removePreKey(id) { delete this.account.prekeys[id]; }
  async loadSignedPreKey(id) { return read(this.account.signedPrekeys[id]); }
  async storeSignedPreKey(id, pair) { this.account.signedPrekeys[id] = write(pair); }
  async loadSession() { return this.session.record && SessionRecord.deserialize(JSON.parse(this.session.record)); }
  async storeSession(address, record) { this.session.record = JSON.stringify(record.serialize()); }
}

function nextId(account) {
  do account.lastId += 1; while (account.lastId in account.prekeys || account.lastId in account.signedPrekeys);
  return account.lastId;
}

async function addSignedPrekey(account, { keyId, keyPair, signature }) {
  await new Store(account).storeSignedPreKey(keyId, keyPair);
  account.newest = { id: keyId, signature: hex(signature) };
}

async function createAccount({ account: handle, private_key }) {
  const pair = readPrivate(private_key);
  const account = { identity: write(pair), prekeys: {}, signedPrekeys: {}, newest: null, lastId: 0 };
  await addSignedPrekey(account, keyhelper.generateSignedPreKey(pair, nextId(account)));
  held.set(handle, account);
}

function createPlainBundle({ account: handle }) {
  const { identity, signedPrekeys, newest } = find(handle, "identity");
  return {
    identity_key: identity.pubKey,
    signed_prekey_id: newest.id, signed_prekey: signedPrekeys[newest.id].pubKey, signature: newest.signature,
  };
}

async function createBundle({ account: handle }) {
  const account = find(handle, "identity");
  const { keyId, keyPair } = keyhelper.generatePreKey(nextId(account));
  await new Store(account).storePreKey(keyId, keyPair);
  return { ...createPlainBundle({ account: handle }), one_time_prekey_id: keyId, one_time_prekey: hex(keyPair.pubKey) };
}

async function importPrekeys(params) {
  const account = find(params.account, "identity");
  const keyPair = readPrivate(params.signed_prekey_private);
  const signature = curve.calculateSignature(bytes(account.identity.privKey), keyPair.pubKey);
  await addSignedPrekey(account, { keyId: params.signed_prekey_id, keyPair, signature });
  if (params.one_time_prekey_id === undefined) return;
  await new Store(account).storePreKey(params.one_time_prekey_id, readPrivate(params.one_time_prekey_private));
}

function createSession({ session, account, identity_key }) {
  find(account, "identity");
  held.set(session, { account, theirs: identity_key });
}

// The store and the address of a session, as the library's classes take them.
function locate(handle) {
  const session = find(handle, "account");
  return [new Store(find(session.account, "identity"), session), new ProtocolAddress(handle, DEVICE_ID)];
}

async function open(params) {
  const { one_time_prekey_id: id, one_time_prekey: key } = params;
  await new SessionBuilder(...locate(params.session)).initOutgoing({
    registrationId: REGISTRATION_ID,
    identityKey: bytes(params.identity_key),
    signedPreKey: { keyId: params.signed_prekey_id, publicKey: bytes(params.signed_prekey), signature: bytes(params.signature) },
    preKey: key === undefined ? undefined : { keyId: id, publicKey: bytes(key) },
  });
}

async function encrypt({ session, plaintext }) {
  const { type, body } = await new SessionCipher(...locate(session)).encrypt(bytes(plaintext));
  return { kind: type === PREKEY_MESSAGE ? "prekey message" : "message", message: hex(body) };
}

async function decrypt({ session, kind, message }) {
  const cipher = new SessionCipher(...locate(session));
  const plaintext = kind === "prekey message"
    ? await cipher.decryptPreKeyWhisperMessage(bytes(message))
    : await cipher.decryptWhisperMessage(bytes(message));
  return { plaintext: hex(plaintext) };
}

function save({ handle }) {
  if (!held.has(handle)) throw new InvalidParams(`${handle} stands for nothing`);
  return { state: JSON.stringify(held.get(handle)) };
}

// The form around what the library has serialised is the adapter's own.
function readState(state) {
  try {
    const value = JSON.parse(state);
    if (value.identity ?? value.theirs) return value;
  } catch {} // refused below
  throw new Refusal("UnreadableState");
}

function restore({ handle, state }) {
  const value = readState(state);
  if (value.record) SessionRecord.deserialize(JSON.parse(value.record));
  held.set(handle, value);
}

function verify({ public_key, message, signature }) {
  if (!curve.verifySignature(bytes(public_key), bytes(message), bytes(signature))) throw new Refusal("InvalidSignature");
}

// Each method with the params that it cannot do without.
export const METHODS = {
  "hello": [[], () => ({ name: "libsignal-node", version, language: "JavaScript", spec: "0.1", capabilities: CAPABILITIES })],
  "reset": [[], () => held.clear()],
  "save": [["handle"], save],
  "restore": [["handle", "state"], restore],
  "identity.agree": [["private_key", "public_key"], ({ private_key, public_key }) =>
    ({ shared_secret: hex(curve.calculateAgreement(bytes(public_key), bytes(private_key))) })],
  "identity.sign": [["private_key", "message"], ({ private_key, message }) =>
    ({ signature: hex(curve.calculateSignature(bytes(private_key), bytes(message))) })],
  "identity.verify": [["public_key", "message", "signature"], verify],
  "x3dh.create_account": [["account", "private_key", "now_ms"], createAccount],
  "x3dh.create_plain_bundle": [["account", "now_ms"], createPlainBundle],
  "x3dh.create_bundle": [["account", "now_ms"], createBundle],
  "x3dh.import_prekeys": [["account", "signed_prekey_id", "signed_prekey_private", "now_ms"], importPrekeys],
  "session.create": [["session", "account", "identity_key"], createSession],
  "session.open": [["session", "identity_key", "signed_prekey_id", "signed_prekey", "signature", "now_ms"], open],
  "session.encrypt": [["session", "plaintext"], encrypt],
  "session.decrypt": [["session", "kind", "message", "now_ms"], decrypt],
};
