// What is asked of libsignal-client. Nothing here checks anything: what the library accepts, is accepted.
// A session handle is one address of the library, with the stores of its account behind it.
import { createRequire } from "node:module";
import signal from "@signalapp/libsignal-client";

const { version } = createRequire(import.meta.url)("@signalapp/libsignal-client/package.json");
const { CiphertextMessageType, PreKeyBundle, PreKeyRecord, PreKeySignalMessage, PrivateKey, ProtocolAddress } = signal;
const { PublicKey, SessionRecord, SignalMessage, SignedPreKeyRecord } = signal;

const CAPABILITIES = [
  "key-agreement", "xeddsa-sign", "xeddsa-verify", "sessions", "one-time-prekeys", "prekey-import", "persistence",
];
const REGISTRATION_ID = 1;
const DEVICE_ID = 1;

export class InvalidParams extends Error {}
class Refusal extends Error {} // the text is the name of an error

// The library tells its errors by operation and text; "decryption failed" has no reason, that goes to its log.
const ERRORS = [
  [/SessionCipher_Encrypt.*: session with .* not found/, "NoSession"],
  [/: session with .* not found/, "UnknownSession"],
  [/: callback error Error: UnknownPrekey/, "UnknownPrekey"], // what a store of prekeys throws comes back as text
  [/: untrusted identity/, "UntrustedIdentity"],
  [/: invalid signature detected/, "InvalidSignature"],
  [/: message with old counter/, "DuplicateMessage"],
  [/: (no key type identifier|bad key)/, "InvalidKey"],
  [/: ciphertext version/, "UnsupportedVersion"],
  [/: ciphertext serialized bytes were too short|: protobuf encoding was invalid/, "InvalidMessage"],
  [/: invalid (Whisper|PreKey) message/, "ProtocolViolation"],
  [/Record_Deserialize: /, "UnreadableState"],
];

export function nameRefusal(error) {
  if (error instanceof Refusal) return error.message;
  if (!(error instanceof signal.LibSignalErrorBase)) return undefined;
  return ERRORS.find(([text]) => text.test(`${error.operation}: ${error.message}`))?.[1];
}

const bytes = (hex) => Buffer.from(hex, "hex");
const hex = (key) => key.serialize().toString("hex");
const privateKey = (text) => PrivateKey.deserialize(bytes(text));
const publicKey = (text) => PublicKey.deserialize(bytes(text));

// What the handles stand for: {identity, prekeys, signedPrekeys, newest, lastId} or {account, theirs, record}, all serialised.
const held = new Map();

function find(handle, member) {
  const value = held.get(handle);
  if (value?.[member] === undefined) throw new InvalidParams(`${handle} stands for nothing that has ${member}`);
  return value;
}

function findPrekey(prekeys, id) {
  if (!Object.hasOwn(prekeys, id)) throw new Refusal("UnknownPrekey");
  return bytes(prekeys[id]);
}

class Sessions extends signal.SessionStore {
  constructor(session) { super(); this.session = session; }
  async getSession() { return this.session.record ? SessionRecord.deserialize(bytes(this.session.record)) : null; }
  async saveSession(address, record) { this.session.record = hex(record); }
}

class Identities extends signal.IdentityKeyStore {
  constructor(account, session) { super(); Object.assign(this, { account, session }); }
  async getIdentityKey() { return privateKey(this.account.identity); }
  async getLocalRegistrationId() { return REGISTRATION_ID; }
  async getIdentity() { return publicKey(this.session.theirs); }
  async saveIdentity() { return false; }
  async isTrustedIdentity(address, key) { return hex(key) === this.session.theirs; }
}

class Prekeys extends signal.PreKeyStore {
  constructor(account) { super(); this.account = account; }
  async getPreKey(id) { return PreKeyRecord.deserialize(findPrekey(this.account.prekeys, id)); }
  async savePreKey(id, record) { this.account.prekeys[id] = hex(record); }
  async removePreKey(id) { delete this.account.prekeys[id]; }
}

class SignedPrekeys extends signal.SignedPreKeyStore {
  constructor(account) { super(); this.account = account; }
  async getSignedPreKey(id) { return SignedPreKeyRecord.deserialize(findPrekey(this.account.signedPrekeys, id)); }
  async saveSignedPreKey(id, record) { this.account.signedPrekeys[id] = hex(record); }
}

function nextId(account) {
  do account.lastId += 1; while (account.lastId in account.prekeys || account.lastId in account.signedPrekeys);
  return account.lastId;
}

async function addSignedPrekey(account, id, key, now_ms) {
  const signature = privateKey(account.identity).sign(key.getPublicKey().serialize());
  await new SignedPrekeys(account).saveSignedPreKey(id, SignedPreKeyRecord.new(id, now_ms, key.getPublicKey(), key, signature));
  account.newest = id;
}

async function addPrekey(account, id, key) {
  await new Prekeys(account).savePreKey(id, PreKeyRecord.new(id, key.getPublicKey(), key));
}

async function createAccount({ account: handle, private_key, now_ms }) {
  const account = { identity: hex(privateKey(private_key)), prekeys: {}, signedPrekeys: {}, newest: 0, lastId: 0 };
  await addSignedPrekey(account, nextId(account), PrivateKey.generate(), now_ms);
  held.set(handle, account);
}

async function createPlainBundle({ account: handle }) {
  const account = find(handle, "identity");
  const signed = await new SignedPrekeys(account).getSignedPreKey(account.newest);
  return {
    identity_key: hex(privateKey(account.identity).getPublicKey()),
    signed_prekey_id: signed.id(), signed_prekey: hex(signed.publicKey()), signature: signed.signature().toString("hex"),
  };
}

async function createBundle({ account: handle }) {
  const account = find(handle, "identity");
  const [id, key] = [nextId(account), PrivateKey.generate()];
  await addPrekey(account, id, key);
  return { ...await createPlainBundle({ account: handle }), one_time_prekey_id: id, one_time_prekey: hex(key.getPublicKey()) };
}

async function importPrekeys(params) {
  const account = find(params.account, "identity");
  await addSignedPrekey(account, params.signed_prekey_id, privateKey(params.signed_prekey_private), params.now_ms);
  if (params.one_time_prekey_id === undefined) return;
  await addPrekey(account, params.one_time_prekey_id, privateKey(params.one_time_prekey_private));
}

function createSession({ session, account, identity_key }) {
  find(account, "identity");
  held.set(session, { account, theirs: hex(publicKey(identity_key)), record: "" });
}

// The address and the stores of a session, as the library's functions take them.
function stores(handle) {
  const session = find(handle, "account");
  const account = find(session.account, "identity");
  return {
    address: [ProtocolAddress.new(handle, DEVICE_ID), new Sessions(session), new Identities(account, session)],
    prekeys: [new Prekeys(account), new SignedPrekeys(account)],
  };
}

async function open(params) {
  const { address } = stores(params.session);
  const bundle = PreKeyBundle.new(
    REGISTRATION_ID, DEVICE_ID,
    params.one_time_prekey_id ?? null, params.one_time_prekey === undefined ? null : publicKey(params.one_time_prekey),
    params.signed_prekey_id, publicKey(params.signed_prekey), bytes(params.signature), publicKey(params.identity_key),
  );
  await signal.processPreKeyBundle(bundle, ...address);
}

async function encrypt({ session, plaintext }) {
  const message = await signal.signalEncrypt(bytes(plaintext), ...stores(session).address);
  return { kind: message.type() === CiphertextMessageType.PreKey ? "prekey message" : "message", message: hex(message) };
}

async function decrypt({ session, kind, message }) {
  const { address, prekeys } = stores(session);
  const plaintext = kind === "prekey message"
    ? await signal.signalDecryptPreKey(PreKeySignalMessage.deserialize(bytes(message)), ...address, ...prekeys)
    : await signal.signalDecrypt(SignalMessage.deserialize(bytes(message)), ...address);
  return { plaintext: plaintext.toString("hex") };
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
  if (value.record) SessionRecord.deserialize(bytes(value.record));
  held.set(handle, value);
}

function verify({ public_key, message, signature }) {
  if (!publicKey(public_key).verify(bytes(message), bytes(signature))) throw new Refusal("InvalidSignature");
}

// Each method with the params that it cannot do without.
export const METHODS = {
  "hello": [[], () => ({ name: "libsignal-client", version, language: "Rust", spec: "0.1", capabilities: CAPABILITIES })],
  "reset": [[], () => held.clear()],
  "save": [["handle"], save],
  "restore": [["handle", "state"], restore],
  "identity.agree": [["private_key", "public_key"], ({ private_key, public_key }) =>
    ({ shared_secret: privateKey(private_key).agree(publicKey(public_key)).toString("hex") })],
  "identity.sign": [["private_key", "message"], ({ private_key, message }) =>
    ({ signature: privateKey(private_key).sign(bytes(message)).toString("hex") })],
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
