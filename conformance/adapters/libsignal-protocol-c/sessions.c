/* The methods of chapter 03. An account is one set of the library's stores, a session one remote address of it. */
#include "adapter.h"

#include <key_helper.h>
#include <protocol.h>
#include <session_builder.h>
#include <session_cipher.h>
#include <stdbool.h>
#include <string.h>

/* Each session has a record of its own, so all peers can have the same address. */
static const signal_protocol_address PEER = {"peer", 4, 1};

static void free_builder(session_builder **builder)
{
    session_builder_free(*builder);
}

static void free_cipher(session_cipher **cipher)
{
    session_cipher_free(*cipher);
}

#define BUILDER __attribute__((cleanup(free_builder))) session_builder
#define CIPHER __attribute__((cleanup(free_cipher))) session_cipher

static int answer_public_key(json_t *result, const char *member, const ec_public_key *key)
{
    BUFFER *bytes = NULL;
    int code = ec_public_key_serialize(&bytes, key);
    if (code >= 0)
        answer_bytes(result, member, bytes);
    return code;
}

/* Stores a signed prekey and makes it the one that bundles carry. */
static int store_signed_prekey(json_t *account, session_signed_pre_key *prekey)
{
    json_object_set_new(account, "newest", json_integer(session_signed_pre_key_get_id(prekey)));
    return signal_protocol_signed_pre_key_store_key(stores, prekey);
}

static int make_signed_prekey(json_t *account, uint64_t now_ms)
{
    UNREF ratchet_identity_key_pair *identity = NULL;
    UNREF session_signed_pre_key *prekey = NULL;
    int code = signal_protocol_identity_get_key_pair(stores, &identity);
    if (code >= 0)
        code = signal_protocol_key_helper_generate_signed_pre_key(&prekey, identity, 1, now_ms, library);
    return code < 0 ? code : store_signed_prekey(account, prekey);
}

static int create_account(json_t *params, UNUSED json_t *result)
{
    BUFFER *private_key = bytes_of(params, "private_key");
    UNREF ec_key_pair *pair = NULL;
    int code = decode_key_pair(&pair, private_key);
    if (code < 0)
        return code;
    json_t *account = new_entries("account");
    put_handle(text_of(params, "account"), account);
    store_entry(account, "private_key", signal_buffer_data(private_key), signal_buffer_len(private_key));
    json_object_set_new(account, "last_id", json_integer(1));
    answer_public_key(account, "public_key", ec_key_pair_get_public(pair));
    use(account, NULL);
    return make_signed_prekey(account, (uint64_t)number_of(params, "now_ms"));
}

static int create_plain_bundle(json_t *params, json_t *result)
{
    UNREF session_signed_pre_key *prekey = NULL;
    json_t *account = find_handle("account", text_of(params, "account"));
    if (!account)
        return BAD_PARAMS;
    use(account, NULL);
    int code = signal_protocol_signed_pre_key_load_key(stores, &prekey, (uint32_t)number_of(account, "newest"));
    if (code < 0)
        return code;
    json_object_set(result, "identity_key", json_object_get(account, "public_key"));
    json_object_set_new(result, "signed_prekey_id", json_integer(session_signed_pre_key_get_id(prekey)));
    json_object_set_new(result, "signature", hex_of(session_signed_pre_key_get_signature(prekey),
                                                    session_signed_pre_key_get_signature_len(prekey)));
    return answer_public_key(result, "signed_prekey", ec_key_pair_get_public(session_signed_pre_key_get_key_pair(prekey)));
}

/* Takes the next id that no prekey of the account has. */
static uint32_t take_id(json_t *account)
{
    json_int_t id = number_of(account, "last_id");
    do
        id = id % PRE_KEY_MEDIUM_MAX_VALUE + 1;
    while (signal_protocol_pre_key_contains_key(stores, (uint32_t)id) ||
           signal_protocol_signed_pre_key_contains_key(stores, (uint32_t)id));
    json_object_set_new(account, "last_id", json_integer(id));
    return (uint32_t)id;
}

static int create_bundle(json_t *params, json_t *result)
{
    signal_protocol_key_helper_pre_key_list_node *made = NULL;
    int code = create_plain_bundle(params, result);
    if (code >= 0) {
        json_t *account = find_handle("account", text_of(params, "account"));
        code = signal_protocol_key_helper_generate_pre_keys(&made, take_id(account), 1, library);
    }
    if (code < 0)
        return code;
    session_pre_key *prekey = signal_protocol_key_helper_key_list_element(made);
    code = signal_protocol_pre_key_store_key(stores, prekey);
    json_object_set_new(result, "one_time_prekey_id", json_integer(session_pre_key_get_id(prekey)));
    answer_public_key(result, "one_time_prekey", ec_key_pair_get_public(session_pre_key_get_key_pair(prekey)));
    signal_protocol_key_helper_key_list_free(made);
    return code;
}

/* Signs with the identity key the serialised public key of a prekey, as the library's key helper does. */
static int sign_prekey(ec_key_pair *pair, signal_buffer **signature)
{
    UNREF ratchet_identity_key_pair *identity = NULL;
    BUFFER *bytes = NULL;
    int code = ec_public_key_serialize(&bytes, ec_key_pair_get_public(pair));
    if (code >= 0)
        code = signal_protocol_identity_get_key_pair(stores, &identity);
    return code < 0 ? code
                    : curve_calculate_signature(library, signature, ratchet_identity_key_pair_get_private(identity),
                                                signal_buffer_data(bytes), signal_buffer_len(bytes));
}

static int import_signed_prekey(json_t *account, json_t *params)
{
    BUFFER *private_key = bytes_of(params, "signed_prekey_private"), *signature = NULL;
    UNREF ec_key_pair *pair = NULL;
    UNREF session_signed_pre_key *prekey = NULL;
    int code = decode_key_pair(&pair, private_key);
    if (code >= 0)
        code = sign_prekey(pair, &signature);
    if (code >= 0)
        code = session_signed_pre_key_create(&prekey, (uint32_t)number_of(params, "signed_prekey_id"),
                                             (uint64_t)number_of(params, "now_ms"), pair, signal_buffer_data(signature),
                                             signal_buffer_len(signature));
    return code < 0 ? code : store_signed_prekey(account, prekey);
}

static int import_one_time_prekey(json_t *params)
{
    BUFFER *private_key = bytes_of(params, "one_time_prekey_private");
    UNREF ec_key_pair *pair = NULL;
    UNREF session_pre_key *prekey = NULL;
    int code = decode_key_pair(&pair, private_key);
    if (code >= 0)
        code = session_pre_key_create(&prekey, (uint32_t)number_of(params, "one_time_prekey_id"), pair);
    return code < 0 ? code : signal_protocol_pre_key_store_key(stores, prekey);
}

static int import_prekeys(json_t *params, UNUSED json_t *result)
{
    json_t *account = find_handle("account", text_of(params, "account"));
    if (!account)
        return BAD_PARAMS;
    use(account, NULL);
    int code = import_signed_prekey(account, params);
    return code < 0 || !text_of(params, "one_time_prekey_private") ? code : import_one_time_prekey(params);
}

static int create(json_t *params, UNUSED json_t *result)
{
    BUFFER *identity_key = bytes_of(params, "identity_key");
    UNREF ec_public_key *theirs = NULL;
    if (!find_handle("account", text_of(params, "account")))
        return BAD_PARAMS;
    int code = decode_public_key(&theirs, identity_key);
    if (code < 0)
        return code;
    json_t *session = new_entries("session");
    json_object_set(session, "account", json_object_get(params, "account"));
    json_object_set(session, "identity_key", json_object_get(params, "identity_key"));
    put_handle(text_of(params, "session"), session);
    return code;
}

/* Lets the library use the stores of a session and of its account. */
static int use_session(json_t *params)
{
    json_t *session = find_handle("session", text_of(params, "session"));
    const char *account = text_of(session, "account");
    use(account ? find_handle("account", account) : NULL, session);
    return account && find_handle("account", account) ? SG_SUCCESS : BAD_PARAMS;
}

/* Decodes a member of a bundle; one that is absent stays NULL. */
static int decode_member(ec_public_key **key, json_t *params, const char *member)
{
    BUFFER *bytes = bytes_of(params, member);
    return bytes ? decode_public_key(key, bytes) : SG_SUCCESS;
}

static int decode_bundle(session_pre_key_bundle **bundle, json_t *params)
{
    BUFFER *signature = bytes_of(params, "signature");
    UNREF ec_public_key *identity = NULL;
    UNREF ec_public_key *signed_prekey = NULL;
    UNREF ec_public_key *one_time_prekey = NULL;
    int code = decode_member(&identity, params, "identity_key");
    if (code >= 0)
        code = decode_member(&signed_prekey, params, "signed_prekey");
    if (code >= 0)
        code = decode_member(&one_time_prekey, params, "one_time_prekey");
    return code < 0 ? code
                    : session_pre_key_bundle_create(bundle, 1, 1, (uint32_t)number_of(params, "one_time_prekey_id"),
                                                    one_time_prekey, (uint32_t)number_of(params, "signed_prekey_id"),
                                                    signed_prekey, signal_buffer_data(signature),
                                                    signal_buffer_len(signature), identity);
}

static int open_session(json_t *params, UNUSED json_t *result)
{
    UNREF session_pre_key_bundle *bundle = NULL;
    BUILDER *builder = NULL;
    int code = use_session(params);
    if (code >= 0)
        code = decode_bundle(&bundle, params);
    if (code >= 0)
        code = session_builder_create(&builder, stores, &PEER, library);
    return code < 0 ? code : session_builder_process_pre_key_bundle(builder, bundle);
}

static int encrypt(json_t *params, json_t *result)
{
    BUFFER *plaintext = bytes_of(params, "plaintext");
    UNREF ciphertext_message *message = NULL;
    CIPHER *cipher = NULL;
    int code = use_session(params);
    if (code >= 0)
        code = session_cipher_create(&cipher, stores, &PEER, library);
    if (code >= 0)
        code = session_cipher_encrypt(cipher, signal_buffer_data(plaintext), signal_buffer_len(plaintext), &message);
    if (code < 0)
        return code;
    bool is_first = ciphertext_message_get_type(message) == CIPHERTEXT_PREKEY_TYPE;
    json_object_set_new(result, "kind", json_string(is_first ? "prekey message" : "message"));
    answer_bytes(result, "message", ciphertext_message_get_serialized(message));
    return code;
}

static int decrypt_prekey_message(session_cipher *cipher, signal_buffer *bytes, signal_buffer **plaintext)
{
    UNREF pre_key_signal_message *message = NULL;
    int code = pre_key_signal_message_deserialize(&message, signal_buffer_data(bytes), signal_buffer_len(bytes), library);
    return code < 0 ? code : session_cipher_decrypt_pre_key_signal_message(cipher, message, NULL, plaintext);
}

static int decrypt_message(session_cipher *cipher, signal_buffer *bytes, signal_buffer **plaintext)
{
    UNREF signal_message *message = NULL;
    int code = signal_message_deserialize(&message, signal_buffer_data(bytes), signal_buffer_len(bytes), library);
    return code < 0 ? code : session_cipher_decrypt_signal_message(cipher, message, NULL, plaintext);
}

static int decrypt(json_t *params, json_t *result)
{
    BUFFER *bytes = bytes_of(params, "message"), *plaintext = NULL;
    CIPHER *cipher = NULL;
    bool is_first = !strcmp(text_of(params, "kind"), "prekey message");
    int code = use_session(params);
    if (code >= 0)
        code = session_cipher_create(&cipher, stores, &PEER, library);
    if (code >= 0)
        code = is_first ? decrypt_prekey_message(cipher, bytes, &plaintext) : decrypt_message(cipher, bytes, &plaintext);
    if (code >= 0)
        answer_bytes(result, "plaintext", plaintext);
    return code;
}

const struct method SESSION_METHODS[] = {
    {"x3dh.create_account", create_account, {"account", "private_key", "now_ms"}},
    {"x3dh.create_plain_bundle", create_plain_bundle, {"account", "now_ms"}},
    {"x3dh.create_bundle", create_bundle, {"account", "now_ms"}},
    {"x3dh.import_prekeys", import_prekeys, {"account", "signed_prekey_id", "signed_prekey_private", "now_ms"}},
    {"session.create", create, {"session", "account", "identity_key"}},
    {"session.open", open_session,
     {"session", "identity_key", "signed_prekey_id", "signed_prekey", "signature", "now_ms"}},
    {"session.encrypt", encrypt, {"session", "plaintext"}},
    {"session.decrypt", decrypt, {"session", "kind", "message", "now_ms"}},
    {NULL, NULL, {NULL}},
};
