import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.io.IOException;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.whispersystems.libsignal.IdentityKey;
import org.whispersystems.libsignal.IdentityKeyPair;
import org.whispersystems.libsignal.InvalidKeyException;
import org.whispersystems.libsignal.InvalidKeyIdException;
import org.whispersystems.libsignal.SessionBuilder;
import org.whispersystems.libsignal.SessionCipher;
import org.whispersystems.libsignal.SignalProtocolAddress;
import org.whispersystems.libsignal.ecc.Curve;
import org.whispersystems.libsignal.ecc.ECKeyPair;
import org.whispersystems.libsignal.ecc.ECPrivateKey;
import org.whispersystems.libsignal.ecc.ECPublicKey;
import org.whispersystems.libsignal.protocol.CiphertextMessage;
import org.whispersystems.libsignal.protocol.PreKeySignalMessage;
import org.whispersystems.libsignal.protocol.SignalMessage;
import org.whispersystems.libsignal.state.PreKeyBundle;
import org.whispersystems.libsignal.state.PreKeyRecord;
import org.whispersystems.libsignal.state.SessionRecord;
import org.whispersystems.libsignal.state.SignedPreKeyRecord;
import org.whispersystems.libsignal.state.impl.InMemorySignalProtocolStore;
import org.whispersystems.libsignal.util.KeyHelper;

/** Chapter 03: what is asked of the library's sessions. */
final class Sessions {
  private static final int REGISTRATION_ID = 1;
  private static final int DEVICE_ID = 1;
  private static final byte[] BASE_POINT = HexFormat.of().parseHex("0509" + "00".repeat(31));

  static final Map<String, Account> ACCOUNTS = new HashMap<>();
  static final Map<String, Session> SESSIONS = new HashMap<>();

  /** The library's own store, which holds everything serialised, and the ids that it cannot list. */
  static final class Account extends InMemorySignalProtocolStore {
    private final Set<Integer> prekeys = new TreeSet<>();
    private int newest;
    private int lastId;

    Account(byte[] privateKey) throws InvalidKeyException {
      super(decodeIdentity(privateKey), REGISTRATION_ID);
    }

    @Override
    public void storePreKey(int id, PreKeyRecord record) {
      super.storePreKey(id, record);
      prekeys.add(id);
    }

    @Override
    public void removePreKey(int id) {
      super.removePreKey(id);
      prekeys.remove(id);
    }

    void addSignedPreKey(SignedPreKeyRecord record) {
      storeSignedPreKey(record.getId(), record);
      newest = record.getId();
    }

    int nextId() {
      do lastId++; while (containsPreKey(lastId) || containsSignedPreKey(lastId));
      return lastId;
    }
  }

  /** One address of an account. The library's store trusts an address's identity if it is the one that it saved first. */
  record Session(String account, SignalProtocolAddress address, IdentityKey theirs) {
    Account stores() {
      return Library.find(ACCOUNTS, account);
    }

    void keep() {
      stores().saveIdentity(address, theirs);
      SESSIONS.put(address.getName(), this);
    }
  }

  private static ECKeyPair decodePair(byte[] privateKey) throws InvalidKeyException {
    ECPrivateKey ours = Curve.decodePrivatePoint(privateKey);
    byte[] publicKey = BASE_POINT.clone();
    System.arraycopy(Curve.calculateAgreement(Curve.decodePoint(BASE_POINT, 0), ours), 0, publicKey, 1, 32);
    return new ECKeyPair(Curve.decodePoint(publicKey, 0), ours);
  }

  private static IdentityKeyPair decodeIdentity(byte[] privateKey) throws InvalidKeyException {
    ECKeyPair pair = decodePair(privateKey);
    return new IdentityKeyPair(new IdentityKey(pair.getPublicKey()), pair.getPrivateKey());
  }

  private static Account account(Adapter.Params params) {
    return Library.find(ACCOUNTS, params.text("account"));
  }

  private static Session session(Adapter.Params params) {
    return Library.find(SESSIONS, params.text("session"));
  }

  static Map<String, ?> createAccount(Adapter.Params params) throws InvalidKeyException {
    Account created = new Account(params.bytes("private_key"));
    created.addSignedPreKey(KeyHelper.generateSignedPreKey(created.getIdentityKeyPair(), created.nextId()));
    ACCOUNTS.put(params.text("account"), created);
    return null;
  }

  static Map<String, Object> createPlainBundle(Adapter.Params params) throws InvalidKeyIdException {
    Account account = account(params);
    SignedPreKeyRecord signed = account.loadSignedPreKey(account.newest);
    Map<String, Object> bundle = new HashMap<>();
    bundle.put("identity_key", Adapter.hex(account.getIdentityKeyPair().getPublicKey().serialize()));
    bundle.put("signed_prekey_id", signed.getId());
    bundle.put("signed_prekey", Adapter.hex(signed.getKeyPair().getPublicKey().serialize()));
    bundle.put("signature", Adapter.hex(signed.getSignature()));
    return bundle;
  }

  static Map<String, ?> createBundle(Adapter.Params params) throws InvalidKeyIdException {
    Account account = account(params);
    PreKeyRecord prekey = KeyHelper.generatePreKeys(account.nextId(), 1).get(0);
    account.storePreKey(prekey.getId(), prekey);
    Map<String, Object> bundle = createPlainBundle(params);
    bundle.put("one_time_prekey_id", prekey.getId());
    bundle.put("one_time_prekey", Adapter.hex(prekey.getKeyPair().getPublicKey().serialize()));
    return bundle;
  }

  static Map<String, ?> importPrekeys(Adapter.Params params) throws InvalidKeyException {
    Account account = account(params);
    int id = params.integer("signed_prekey_id").intValue();
    ECKeyPair pair = decodePair(params.bytes("signed_prekey_private"));
    ECPrivateKey ours = account.getIdentityKeyPair().getPrivateKey();
    byte[] signature = Curve.calculateSignature(ours, pair.getPublicKey().serialize());
    account.addSignedPreKey(new SignedPreKeyRecord(id, params.integer("now_ms").longValue(), pair, signature));
    if (params.has("one_time_prekey_id")) {
      int prekeyId = params.integer("one_time_prekey_id").intValue();
      account.storePreKey(prekeyId, new PreKeyRecord(prekeyId, decodePair(params.bytes("one_time_prekey_private"))));
    }
    return null;
  }

  static Map<String, ?> create(Adapter.Params params) throws InvalidKeyException {
    SignalProtocolAddress address = new SignalProtocolAddress(params.text("session"), DEVICE_ID);
    Session created = new Session(params.text("account"), address, new IdentityKey(params.bytes("identity_key"), 0));
    created.stores().deleteSession(address);
    created.keep();
    return null;
  }

  static Map<String, ?> open(Adapter.Params params) throws Exception {
    Session session = session(params);
    boolean hasOneTime = params.has("one_time_prekey_id");
    int prekeyId = hasOneTime ? params.integer("one_time_prekey_id").intValue() : 0;
    ECPublicKey oneTime = hasOneTime ? Library.publicKey(params, "one_time_prekey") : null;
    PreKeyBundle bundle =
        new PreKeyBundle(
            REGISTRATION_ID, DEVICE_ID, prekeyId, oneTime,
            params.integer("signed_prekey_id").intValue(), Library.publicKey(params, "signed_prekey"),
            params.bytes("signature"), new IdentityKey(params.bytes("identity_key"), 0));
    new SessionBuilder(session.stores(), session.address()).process(bundle);
    return null;
  }

  static Map<String, ?> encrypt(Adapter.Params params) throws Exception {
    Session session = session(params);
    CiphertextMessage message = new SessionCipher(session.stores(), session.address()).encrypt(params.bytes("plaintext"));
    String kind = message.getType() == CiphertextMessage.PREKEY_TYPE ? "prekey message" : "message";
    return Map.of("kind", kind, "message", Adapter.hex(message.serialize()));
  }

  static Map<String, ?> decrypt(Adapter.Params params) throws Exception {
    Session session = session(params);
    SessionCipher cipher = new SessionCipher(session.stores(), session.address());
    byte[] frame = params.bytes("message");
    boolean isPrekey = params.text("kind").equals("prekey message");
    byte[] plaintext = isPrekey ? cipher.decrypt(new PreKeySignalMessage(frame)) : cipher.decrypt(new SignalMessage(frame));
    return Map.of("plaintext", Adapter.hex(plaintext));
  }

  static JsonObject saveAccount(String handle) {
    Account account = ACCOUNTS.get(handle);
    JsonArray prekeys = new JsonArray();
    JsonArray signedPrekeys = new JsonArray();
    for (int id : account.prekeys) prekeys.add(Adapter.hex(loadPreKey(account, id).serialize()));
    for (SignedPreKeyRecord signed : account.loadSignedPreKeys()) signedPrekeys.add(Adapter.hex(signed.serialize()));
    JsonObject state = new JsonObject();
    state.addProperty("identity", Adapter.hex(account.getIdentityKeyPair().getPrivateKey().serialize()));
    state.addProperty("newest", account.newest);
    state.addProperty("last_id", account.lastId);
    state.add("prekeys", prekeys);
    state.add("signed_prekeys", signedPrekeys);
    return state;
  }

  private static PreKeyRecord loadPreKey(Account account, int id) {
    try {
      return account.loadPreKey(id);
    } catch (InvalidKeyIdException e) {
      throw new IllegalStateException(e);
    }
  }

  private static byte[] bytes(JsonElement hex) {
    return HexFormat.of().parseHex(hex.getAsString());
  }

  static void restoreAccount(String handle, JsonObject state) throws IOException, InvalidKeyException {
    Account account = new Account(bytes(state.get("identity")));
    for (JsonElement hex : state.getAsJsonArray("prekeys")) {
      PreKeyRecord prekey = new PreKeyRecord(bytes(hex));
      account.storePreKey(prekey.getId(), prekey);
    }
    for (JsonElement hex : state.getAsJsonArray("signed_prekeys")) {
      account.addSignedPreKey(new SignedPreKeyRecord(bytes(hex)));
    }
    account.newest = state.get("newest").getAsInt();
    account.lastId = state.get("last_id").getAsInt();
    ACCOUNTS.put(handle, account);
  }

  static JsonObject saveSession(String handle) {
    Session session = Library.find(SESSIONS, handle);
    JsonObject state = new JsonObject();
    state.addProperty("account", session.account());
    state.addProperty("theirs", Adapter.hex(session.theirs().serialize()));
    if (session.stores().containsSession(session.address())) {
      state.addProperty("record", Adapter.hex(session.stores().loadSession(session.address()).serialize()));
    }
    return state;
  }

  static void restoreSession(String handle, JsonObject state) throws IOException, InvalidKeyException {
    IdentityKey theirs = new IdentityKey(bytes(state.get("theirs")), 0);
    Session session = new Session(state.get("account").getAsString(), new SignalProtocolAddress(handle, DEVICE_ID), theirs);
    SessionRecord record = state.has("record") ? new SessionRecord(bytes(state.get("record"))) : null;
    session.keep();
    if (record != null) session.stores().storeSession(session.address(), record);
  }
}
