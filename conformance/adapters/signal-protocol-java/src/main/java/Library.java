import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.security.GeneralSecurityException;
import java.security.SignatureException;
import java.util.List;
import java.util.Map;
import org.whispersystems.libsignal.DuplicateMessageException;
import org.whispersystems.libsignal.InvalidKeyException;
import org.whispersystems.libsignal.InvalidKeyIdException;
import org.whispersystems.libsignal.InvalidMessageException;
import org.whispersystems.libsignal.InvalidVersionException;
import org.whispersystems.libsignal.LegacyMessageException;
import org.whispersystems.libsignal.NoSessionException;
import org.whispersystems.libsignal.UntrustedIdentityException;
import org.whispersystems.libsignal.ecc.Curve;
import org.whispersystems.libsignal.ecc.ECPrivateKey;
import org.whispersystems.libsignal.ecc.ECPublicKey;

/** What Adapter.java asks of signal-protocol-java. Nothing here checks anything: what the library accepts, is accepted. */
final class Library {
  private static final String VERSION = "2.8.1"; // as in pom.xml
  private static final List<String> CAPABILITIES =
      List.of(
          "key-agreement", "xeddsa-sign", "xeddsa-verify", "sessions", "one-time-prekeys", "prekey-import",
          "sender-keys-send", "sender-keys-renewal", "sender-keys-receive", "persistence");

  /** Each method with the params that it cannot do without. */
  static final Map<String, Adapter.Method> METHODS =
      Map.ofEntries(
          Map.entry("hello", new Adapter.Method(Library::hello)),
          Map.entry("reset", new Adapter.Method(Library::reset)),
          Map.entry("save", new Adapter.Method(Library::save, "handle")),
          Map.entry("restore", new Adapter.Method(Library::restore, "handle", "state")),
          Map.entry("identity.agree", new Adapter.Method(Library::agree, "private_key", "public_key")),
          Map.entry("identity.sign", new Adapter.Method(Library::sign, "private_key", "message")),
          Map.entry("identity.verify", new Adapter.Method(Library::verify, "public_key", "message", "signature")),
          Map.entry("x3dh.create_account", new Adapter.Method(Sessions::createAccount, "account", "private_key", "now_ms")),
          Map.entry("x3dh.create_plain_bundle", new Adapter.Method(Sessions::createPlainBundle, "account", "now_ms")),
          Map.entry("x3dh.create_bundle", new Adapter.Method(Sessions::createBundle, "account", "now_ms")),
          Map.entry("x3dh.import_prekeys", new Adapter.Method(
              Sessions::importPrekeys, "account", "signed_prekey_id", "signed_prekey_private", "now_ms")),
          Map.entry("session.create", new Adapter.Method(Sessions::create, "session", "account", "identity_key")),
          Map.entry("session.open", new Adapter.Method(
              Sessions::open, "session", "identity_key", "signed_prekey_id", "signed_prekey", "signature", "now_ms")),
          Map.entry("session.encrypt", new Adapter.Method(Sessions::encrypt, "session", "plaintext")),
          Map.entry("session.decrypt", new Adapter.Method(Sessions::decrypt, "session", "kind", "message", "now_ms")),
          Map.entry("sender_keys.create", new Adapter.Method(SenderKeys::create, "key")),
          Map.entry("sender_keys.distribute", new Adapter.Method(SenderKeys::distribute, "key")),
          Map.entry("sender_keys.encrypt", new Adapter.Method(SenderKeys::encrypt, "key", "plaintext")),
          Map.entry("sender_keys.renew", new Adapter.Method(SenderKeys::renew, "key")),
          Map.entry("sender_keys.process", new Adapter.Method(SenderKeys::process, "record", "distribution", "now_ms")),
          Map.entry("sender_keys.decrypt", new Adapter.Method(SenderKeys::decrypt, "record", "message", "now_ms")));

  /** The names of those errors for which the library has a text only. */
  private static final Map<String, String> TEXTS =
      Map.of(
          "Invalid signature!", "InvalidSignature",
          "Invalid signature on device key!", "InvalidSignature",
          "Over 2000 messages into the future!", "TooFarAhead",
          "Unknown version", "UnsupportedVersion",
          "Message version", "UnsupportedVersion",
          "Keys must be 32 bytes!", "InvalidKey",
          "Invalid private key length!", "InvalidKey",
          "Bad Mac!", "InvalidMac",
          "Uninitialized session!", "ProtocolViolation",
          "No session for", "UnknownSession");

  /** Returns the name in chapter 01 of an error of the library; null if nobody foresaw it. */
  static String nameRefusal(Throwable problem) {
    String message = String.valueOf(problem.getMessage());
    Throwable cause = problem.getCause();
    if (message.equals("No valid sessions.")) return nameRefusal(cause); // that of the newest session
    for (String text : TEXTS.keySet()) {
      if (message.startsWith(text)) return TEXTS.get(text);
    }
    if (problem instanceof SignatureException) return "InvalidSignature";
    if (problem instanceof UntrustedIdentityException) return "UntrustedIdentity";
    if (problem instanceof InvalidKeyIdException) return "UnknownPrekey";
    if (problem instanceof InvalidVersionException || problem instanceof LegacyMessageException) return "UnsupportedVersion";
    if (problem instanceof DuplicateMessageException) return "DuplicateMessage";
    if (problem instanceof NoSessionException) return "UnknownSenderKey";
    if (problem instanceof InvalidKeyException) return "InvalidKey";
    if (problem instanceof IOException) return "UnreadableState";
    if (!(problem instanceof InvalidMessageException)) return null;
    if (cause instanceof InvalidKeyIdException) return "UnknownSenderKey";
    if (cause instanceof InvalidKeyException) return "InvalidKey";
    if (cause instanceof GeneralSecurityException) return "DecryptionFailed";
    return "InvalidMessage";
  }

  /** Returns what a handle stands for. */
  static <Kind> Kind find(Map<String, Kind> handles, String handle) {
    Kind found = handles.get(handle);
    if (found == null) throw new Adapter.InvalidParams(handle + " stands for no such thing");
    return found;
  }

  private static Map<String, ?> hello(Adapter.Params params) {
    return Map.of(
        "name", "signal-protocol-java", "version", VERSION, "language", "Java", "spec", "0.1", "capabilities", CAPABILITIES);
  }

  private static Map<String, ?> reset(Adapter.Params params) {
    SenderKeys.STORES.clear();
    Sessions.ACCOUNTS.clear();
    Sessions.SESSIONS.clear();
    return null;
  }

  private static Map<String, ?> save(Adapter.Params params) {
    String handle = params.text("handle");
    JsonObject state =
        SenderKeys.STORES.containsKey(handle) ? SenderKeys.save(handle)
            : Sessions.ACCOUNTS.containsKey(handle) ? Sessions.saveAccount(handle)
            : Sessions.saveSession(handle);
    return Map.of("state", state.toString());
  }

  /** The form around what the library has serialised is the adapter's own. */
  private static Map<String, ?> restore(Adapter.Params params) throws Exception {
    JsonObject state;
    try {
      state = JsonParser.parseString(params.text("state")).getAsJsonObject();
    } catch (JsonParseException | IllegalStateException rubbish) {
      throw new IOException("the state is no JSON object");
    }
    String handle = params.text("handle");
    if (state.has("sender_key")) SenderKeys.restore(handle, state);
    else if (state.has("identity")) Sessions.restoreAccount(handle, state);
    else if (state.has("theirs")) Sessions.restoreSession(handle, state);
    else throw new IOException("the state is that of nothing");
    return null;
  }

  static ECPublicKey publicKey(Adapter.Params params, String name) throws InvalidKeyException {
    return Curve.decodePoint(params.bytes(name), 0);
  }

  private static Map<String, ?> agree(Adapter.Params params) throws InvalidKeyException {
    ECPublicKey publicKey = publicKey(params, "public_key");
    ECPrivateKey privateKey = Curve.decodePrivatePoint(params.bytes("private_key"));
    return Map.of("shared_secret", Adapter.hex(Curve.calculateAgreement(publicKey, privateKey)));
  }

  private static Map<String, ?> sign(Adapter.Params params) throws InvalidKeyException {
    ECPrivateKey privateKey = Curve.decodePrivatePoint(params.bytes("private_key"));
    return Map.of("signature", Adapter.hex(Curve.calculateSignature(privateKey, params.bytes("message"))));
  }

  private static Map<String, ?> verify(Adapter.Params params) throws InvalidKeyException, SignatureException {
    if (!Curve.verifySignature(publicKey(params, "public_key"), params.bytes("message"), params.bytes("signature"))) {
      throw new SignatureException("the signature does not verify");
    }
    return null;
  }
}
