import com.google.gson.JsonObject;
import java.io.IOException;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;
import org.whispersystems.libsignal.SignalProtocolAddress;
import org.whispersystems.libsignal.groups.GroupCipher;
import org.whispersystems.libsignal.groups.GroupSessionBuilder;
import org.whispersystems.libsignal.groups.SenderKeyName;
import org.whispersystems.libsignal.groups.state.SenderKeyRecord;
import org.whispersystems.libsignal.groups.state.SenderKeyStore;
import org.whispersystems.libsignal.protocol.SenderKeyDistributionMessage;

/** Chapter 04: what is asked of the library's groups. */
final class SenderKeys {
  private static final SenderKeyName NAME = new SenderKeyName("group", new SignalProtocolAddress("sender", 1));
  static final Map<String, Store> STORES = new HashMap<>();

  /** Holds one record in its serialised form, so that a load is a copy, as SenderKeyStore demands. */
  static final class Store implements SenderKeyStore {
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

  static JsonObject save(String handle) {
    JsonObject state = new JsonObject();
    state.addProperty("sender_key", Adapter.hex(STORES.get(handle).serialised));
    return state;
  }

  static void restore(String handle, JsonObject state) throws IOException {
    Store restored = new Store();
    restored.storeSenderKey(NAME, new SenderKeyRecord(HexFormat.of().parseHex(state.get("sender_key").getAsString())));
    STORES.put(handle, restored);
  }

  static Map<String, ?> create(Adapter.Params params) {
    Store created = new Store();
    new GroupSessionBuilder(created).create(NAME);
    STORES.put(params.text("key"), created);
    return null;
  }

  static Map<String, ?> distribute(Adapter.Params params) {
    GroupSessionBuilder builder = new GroupSessionBuilder(Library.find(STORES, params.text("key")));
    return Map.of("distribution", Adapter.hex(builder.create(NAME).serialize()));
  }

  static Map<String, ?> encrypt(Adapter.Params params) throws Exception {
    GroupCipher cipher = new GroupCipher(Library.find(STORES, params.text("key")), NAME);
    return Map.of("message", Adapter.hex(cipher.encrypt(params.bytes("plaintext"))));
  }

  /** Forgets the record and creates a new one; the library has no other way. */
  static Map<String, ?> renew(Adapter.Params params) {
    Library.find(STORES, params.text("key"));
    return create(params);
  }

  static Map<String, ?> process(Adapter.Params params) throws Exception {
    SenderKeyDistributionMessage distribution = new SenderKeyDistributionMessage(params.bytes("distribution"));
    Store receiver = STORES.getOrDefault(params.text("record"), new Store());
    new GroupSessionBuilder(receiver).process(NAME, distribution);
    STORES.put(params.text("record"), receiver);
    return null;
  }

  static Map<String, ?> decrypt(Adapter.Params params) throws Exception {
    GroupCipher cipher = new GroupCipher(STORES.getOrDefault(params.text("record"), new Store()), NAME);
    return Map.of("plaintext", Adapter.hex(cipher.decrypt(params.bytes("message"))));
  }
}
