import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import java.io.IOException;
import java.security.GeneralSecurityException;
import java.security.SignatureException;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import org.whispersystems.libsignal.DuplicateMessageException;
import org.whispersystems.libsignal.InvalidKeyException;
import org.whispersystems.libsignal.InvalidKeyIdException;
import org.whispersystems.libsignal.InvalidMessageException;
import org.whispersystems.libsignal.LegacyMessageException;
import org.whispersystems.libsignal.NoSessionException;
import org.whispersystems.libsignal.SignalProtocolAddress;
import org.whispersystems.libsignal.ecc.Curve;
import org.whispersystems.libsignal.ecc.ECPrivateKey;
import org.whispersystems.libsignal.ecc.ECPublicKey;
import org.whispersystems.libsignal.groups.GroupCipher;
import org.whispersystems.libsignal.groups.GroupSessionBuilder;
import org.whispersystems.libsignal.groups.SenderKeyName;
import org.whispersystems.libsignal.groups.state.SenderKeyRecord;
import org.whispersystems.libsignal.groups.state.SenderKeyStore;
import org.whispersystems.libsignal.protocol.SenderKeyDistributionMessage;

/** What is asked of the library. Nothing here checks anything: what the library accepts, is accepted. */
final class Library {
  private static final String VERSION = "2.8.1"; // as in pom.xml
  private static final List<String> CAPABILITIES =
      List.of(
          "key-agreement", "xeddsa-sign", "xeddsa-verify",
          "sender-keys-send", "sender-keys-renewal", "sender-keys-receive", "persistence");

  static final Map<String, Adapter.Method> METHODS =
      Map.ofEntries(
          Map.entry("hello", new Adapter.Method(Library::hello)),
          Map.entry("reset", new Adapter.Method(Library::reset)),
          Map.entry("save", new Adapter.Method(Library::save, "handle")),
          Map.entry("restore", new Adapter.Method(Library::restore, "handle", "state")),
          Map.entry("identity.agree", new Adapter.Method(Library::agree, "private_key", "public_key")),
          Map.entry("identity.sign", new Adapter.Method(Library::sign, "private_key", "message")),
          Map.entry("identity.verify", new Adapter.Method(Library::verify, "public_key", "message", "signature")),
          Map.entry("sender_keys.create", new Adapter.Method(Library::create, "key")),
          Map.entry("sender_keys.distribute", new Adapter.Method(Library::distribute, "key")),
          Map.entry("sender_keys.encrypt", new Adapter.Method(Library::encrypt, "key", "plaintext")),
          Map.entry("sender_keys.renew", new Adapter.Method(Library::renew, "key")),
          Map.entry("sender_keys.process", new Adapter.Method(Library::process, "record", "distribution", "now_ms")),
          Map.entry("sender_keys.decrypt", new Adapter.Method(Library::decrypt, "record", "message", "now_ms")));

  /** The names of those errors for which the library has a text only. */
  private static final Map<String, String> TEXTS =
      Map.of(
          "Invalid signature!", "InvalidSignature",
          "Over 2000 messages into the future!", "TooFarAhead",
          "Unknown version", "UnsupportedVersion",
          "Keys must be 32 bytes!", "InvalidKey",
          "Invalid private key length!", "InvalidKey");

  /** Returns the name in chapter 01 of an error of the library; null if nobody foresaw it. */
  static String nameOf(Throwable error) {
    Throwable cause = error.getCause();
    for (String text : TEXTS.keySet()) {
      if (error.getMessage() != null && error.getMessage().startsWith(text)) {
        return TEXTS.get(text);
      }
    }
    if (error instanceof SignatureException) return "InvalidSignature";
    if (error instanceof LegacyMessageException) return "UnsupportedVersion";
    if (error instanceof DuplicateMessageException) return "DuplicateMessage";
    if (error instanceof NoSessionException) return "UnknownSenderKey";
    if (error instanceof InvalidKeyException) return "InvalidKey";
    if (error instanceof IOException) return "ProtocolViolation";
    if (!(error instanceof InvalidMessageException)) return null;
    if (cause instanceof InvalidKeyIdException) return "UnknownSenderKey";
    if (cause instanceof InvalidKeyException) return "InvalidKey";
    if (cause instanceof GeneralSecurityException) return "DecryptionFailed";
    return "InvalidMessage";
  }

  private static final SenderKeyName NAME = new SenderKeyName("group", new SignalProtocolAddress("sender", 1));
  private static final Map<String, Store> HANDLES = new HashMap<>();

  /** Holds one record in its serialised form, so that a load is a copy, as SenderKeyStore demands. */
  private static final class Store implements SenderKeyStore {
    private byte[] serialised = {};

    @Override
    public void storeSenderKey(SenderKeyName name, SenderKeyRecord record) {
      serialised = record.serialize();
    }

    @Override
    public SenderKeyRecord loadSenderKey(SenderKeyName name) {
      try {
        return new SenderKeyRecord(serialised);
      } catch (IOException e) {
        throw new IllegalStateException(e);
      }
    }
  }

  private static Store find(String handle) {
    Store found = HANDLES.get(handle);
    if (found == null) {
      throw new Adapter.BadParams("unknown handle " + handle);
    }
    return found;
  }

  private static Store findOrEmpty(String record) {
    return HANDLES.getOrDefault(record, new Store());
  }

  private static JsonObject hello(Adapter.Params params) {
    JsonObject hello = Adapter.members("name", "signal-protocol-java");
    hello.addProperty("version", VERSION);
    hello.addProperty("language", "Java");
    hello.addProperty("spec", "0.1");
    JsonArray capabilities = new JsonArray();
    CAPABILITIES.forEach(capabilities::add);
    hello.add("capabilities", capabilities);
    return hello;
  }

  private static JsonObject reset(Adapter.Params params) {
    HANDLES.clear();
    return new JsonObject();
  }

  private static JsonObject save(Adapter.Params params) {
    return Adapter.members("state", find(params.text("handle")).serialised);
  }

  private static JsonObject restore(Adapter.Params params) throws IOException {
    Store restored = new Store();
    restored.storeSenderKey(NAME, new SenderKeyRecord(params.bytes("state")));
    HANDLES.put(params.text("handle"), restored);
    return new JsonObject();
  }

  private static JsonObject agree(Adapter.Params params) throws InvalidKeyException {
    ECPublicKey publicKey = Curve.decodePoint(params.bytes("public_key"), 0);
    ECPrivateKey privateKey = Curve.decodePrivatePoint(params.bytes("private_key"));
    return Adapter.members("shared_secret", Curve.calculateAgreement(publicKey, privateKey));
  }

  private static JsonObject sign(Adapter.Params params) throws InvalidKeyException {
    ECPrivateKey privateKey = Curve.decodePrivatePoint(params.bytes("private_key"));
    return Adapter.members("signature", Curve.calculateSignature(privateKey, params.bytes("message")));
  }

  private static JsonObject verify(Adapter.Params params) throws InvalidKeyException, SignatureException {
    ECPublicKey publicKey = Curve.decodePoint(params.bytes("public_key"), 0);
    if (!Curve.verifySignature(publicKey, params.bytes("message"), params.bytes("signature"))) {
      throw new SignatureException("the signature does not verify");
    }
    return new JsonObject();
  }

  private static JsonObject create(Adapter.Params params) {
    Store created = new Store();
    new GroupSessionBuilder(created).create(NAME);
    HANDLES.put(params.text("key"), created);
    return new JsonObject();
  }

  private static JsonObject distribute(Adapter.Params params) {
    SenderKeyDistributionMessage distribution = new GroupSessionBuilder(find(params.text("key"))).create(NAME);
    return Adapter.members("distribution", distribution.serialize());
  }

  private static JsonObject encrypt(Adapter.Params params) throws NoSessionException {
    GroupCipher cipher = new GroupCipher(find(params.text("key")), NAME);
    return Adapter.members("message", cipher.encrypt(params.bytes("plaintext")));
  }

  /** Forgets the record and creates a new one; the library has no other way. */
  private static JsonObject renew(Adapter.Params params) {
    find(params.text("key"));
    return create(params);
  }

  private static JsonObject process(Adapter.Params params) throws LegacyMessageException, InvalidMessageException {
    SenderKeyDistributionMessage distribution = new SenderKeyDistributionMessage(params.bytes("distribution"));
    Store receiver = findOrEmpty(params.text("record"));
    new GroupSessionBuilder(receiver).process(NAME, distribution);
    HANDLES.put(params.text("record"), receiver);
    return new JsonObject();
  }

  private static JsonObject decrypt(Adapter.Params params)
      throws LegacyMessageException, InvalidMessageException, DuplicateMessageException, NoSessionException {
    GroupCipher cipher = new GroupCipher(findOrEmpty(params.text("record")), NAME);
    return Adapter.members("plaintext", cipher.decrypt(params.bytes("message")));
  }
}
