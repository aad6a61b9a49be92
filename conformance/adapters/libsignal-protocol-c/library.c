/* The library's context, and the methods about the adapter and about keys. Nothing here checks anything: what the library
 * accepts, is accepted. */
#include "adapter.h"

#include <string.h>

signal_context *library;
signal_protocol_store_context *stores;

int open_library(void)
{
    int code = signal_context_create(&library, NULL);
    if (code < 0)
        return code;
    signal_context_set_crypto_provider(library, &PROVIDER);
    signal_context_set_log_function(library, note);
    stores = open_stores(library);
    return stores ? SG_SUCCESS : SG_ERR_NOMEM;
}

void unref(void *pointer)
{
    signal_type_base *object;
    memcpy(&object, pointer, sizeof object);
    SIGNAL_UNREF(object);
}

void free_buffer(signal_buffer **buffer)
{
    signal_buffer_free(*buffer);
    *buffer = NULL;
}

int decode_public_key(ec_public_key **key, signal_buffer *bytes)
{
    return curve_decode_point(key, signal_buffer_data(bytes), signal_buffer_len(bytes), library);
}

static int decode_private_key(ec_private_key **key, signal_buffer *bytes)
{
    return curve_decode_private_point(key, signal_buffer_data(bytes), signal_buffer_len(bytes), library);
}

int decode_key_pair(ec_key_pair **pair, signal_buffer *private_key)
{
    UNREF ec_private_key *ours = NULL;
    UNREF ec_public_key *public_key = NULL;
    int code = decode_private_key(&ours, private_key);
    if (code >= 0)
        code = curve_generate_public_key(&public_key, ours);
    return code < 0 ? code : ec_key_pair_create(pair, public_key, ours);
}

static int hello(UNUSED json_t *params, json_t *result)
{
    json_t *members = json_pack("{s:s, s:s, s:s, s:s, s:[s, s, s, s, s, s, s, s, s, s]}", "name", "libsignal-protocol-c",
                                "version", LIBRARY_VERSION, "language", "C", "spec", "0.1", "capabilities", "key-agreement",
                                "xeddsa-sign", "xeddsa-verify", "sessions", "one-time-prekeys", "prekey-import",
                                "sender-keys-send", "sender-keys-renewal", "sender-keys-receive", "persistence");
    json_object_update(result, members);
    json_decref(members);
    return SG_SUCCESS;
}

static int reset(UNUSED json_t *params, UNUSED json_t *result)
{
    forget_handles();
    return SG_SUCCESS;
}

static json_t *find_any(const char *name)
{
    static const char *const KINDS[] = {"sender key", "sender key record", "account", "session"};
    for (size_t i = 0; i < sizeof KINDS / sizeof *KINDS; i++)
        if (find_handle(KINDS[i], name))
            return find_handle(KINDS[i], name);
    return NULL;
}

static int save(json_t *params, json_t *result)
{
    json_t *entries = find_any(text_of(params, "handle"));
    if (!entries)
        return BAD_PARAMS;
    char *state = json_dumps(entries, JSON_COMPACT);
    json_object_set_new(result, "state", json_string(state));
    free(state);
    return SG_SUCCESS;
}

/* Lets the library read the record of a session or of a sender key, if there is one. */
static int read_record(json_t *entries)
{
    BUFFER *record = bytes_of(entries, "record");
    UNREF session_record *session = NULL;
    UNREF sender_key_record *sender_key = NULL;
    int code = SG_SUCCESS;
    if (record && !strcmp(text_of(entries, "kind"), "session"))
        code = session_record_deserialize(&session, signal_buffer_data(record), signal_buffer_len(record), library);
    else if (record)
        code = sender_key_record_deserialize(&sender_key, signal_buffer_data(record), signal_buffer_len(record), library);
    return code < 0 ? UNREADABLE_STATE : SG_SUCCESS;
}

static int restore(json_t *params, UNUSED json_t *result)
{
    json_t *entries = json_loads(text_of(params, "state"), 0, NULL);
    int code = text_of(entries, "kind") ? read_record(entries) : UNREADABLE_STATE;
    if (code >= 0)
        put_handle(text_of(params, "handle"), json_incref(entries));
    json_decref(entries);
    return code;
}

static int agree(json_t *params, json_t *result)
{
    BUFFER *private_key = bytes_of(params, "private_key"), *public_key = bytes_of(params, "public_key");
    UNREF ec_private_key *ours = NULL;
    UNREF ec_public_key *theirs = NULL;
    int code = decode_public_key(&theirs, public_key);
    if (code >= 0)
        code = decode_private_key(&ours, private_key);
    uint8_t *secret = NULL;
    if (code >= 0)
        code = curve_calculate_agreement(&secret, theirs, ours);
    if (code >= 0)
        json_object_set_new(result, "shared_secret", hex_of(secret, (size_t)code));
    free(secret);
    return code;
}

static int sign(json_t *params, json_t *result)
{
    BUFFER *private_key = bytes_of(params, "private_key"), *message = bytes_of(params, "message"), *signature = NULL;
    UNREF ec_private_key *ours = NULL;
    int code = decode_private_key(&ours, private_key);
    if (code >= 0)
        code = curve_calculate_signature(library, &signature, ours, signal_buffer_data(message), signal_buffer_len(message));
    if (code >= 0)
        answer_bytes(result, "signature", signature);
    return code;
}

static int verify(json_t *params, UNUSED json_t *result)
{
    BUFFER *public_key = bytes_of(params, "public_key"), *message = bytes_of(params, "message");
    BUFFER *signature = bytes_of(params, "signature");
    UNREF ec_public_key *theirs = NULL;
    int code = decode_public_key(&theirs, public_key);
    if (code >= 0)
        code = curve_verify_signature(theirs, signal_buffer_data(message), signal_buffer_len(message),
                                      signal_buffer_data(signature), signal_buffer_len(signature));
    return code == 0 ? BAD_SIGNATURE : code;
}

const struct method LIBRARY_METHODS[] = {
    {"hello", hello, {NULL}},
    {"reset", reset, {NULL}},
    {"save", save, {"handle"}},
    {"restore", restore, {"handle", "state"}},
    {"identity.agree", agree, {"private_key", "public_key"}},
    {"identity.sign", sign, {"private_key", "message"}},
    {"identity.verify", verify, {"public_key", "message", "signature"}},
    {NULL, NULL, {NULL}},
};
