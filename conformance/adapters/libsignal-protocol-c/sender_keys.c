/* The methods of chapter 04. */
#include "adapter.h"

#include <group_cipher.h>
#include <group_session_builder.h>
#include <protocol.h>

/* Each handle has a record of its own, so all can have the same name. */
static const signal_protocol_sender_key_name NAME = {"group", 5, {"sender", 6, 1}};

static void free_builder(group_session_builder **builder)
{
    group_session_builder_free(*builder);
}

static void free_cipher(group_cipher **cipher)
{
    group_cipher_free(*cipher);
}

#define BUILDER __attribute__((cleanup(free_builder))) group_session_builder
#define CIPHER __attribute__((cleanup(free_cipher))) group_cipher

/* Lets the library make a distribution; it makes a new sender key first, where there is none. */
static int create_session(json_t *entries, sender_key_distribution_message **distribution)
{
    BUILDER *builder = NULL;
    use(NULL, entries);
    int code = group_session_builder_create(&builder, stores, library);
    return code < 0 ? code : group_session_builder_create_session(builder, distribution, &NAME);
}

static int create(json_t *params, UNUSED json_t *result)
{
    UNREF sender_key_distribution_message *distribution = NULL;
    json_t *entries = new_entries("sender key");
    int code = create_session(entries, &distribution);
    put_handle(text_of(params, "key"), entries);
    return code;
}

/* Forgets the sender key and creates a new one; the library has no other way. */
static int renew(json_t *params, json_t *result)
{
    return find_handle("sender key", text_of(params, "key")) ? create(params, result) : BAD_PARAMS;
}

static int distribute(json_t *params, json_t *result)
{
    UNREF sender_key_distribution_message *distribution = NULL;
    json_t *entries = find_handle("sender key", text_of(params, "key"));
    int code = entries ? create_session(entries, &distribution) : BAD_PARAMS;
    if (code >= 0)
        answer_bytes(result, "distribution", ciphertext_message_get_serialized((ciphertext_message *)distribution));
    return code;
}

static int encrypt(json_t *params, json_t *result)
{
    BUFFER *plaintext = bytes_of(params, "plaintext");
    UNREF ciphertext_message *message = NULL;
    CIPHER *cipher = NULL;
    json_t *entries = find_handle("sender key", text_of(params, "key"));
    if (!entries)
        return BAD_PARAMS;
    use(NULL, entries);
    int code = group_cipher_create(&cipher, stores, &NAME, library);
    if (code >= 0)
        code = group_cipher_encrypt(cipher, signal_buffer_data(plaintext), signal_buffer_len(plaintext), &message);
    if (code >= 0)
        answer_bytes(result, "message", ciphertext_message_get_serialized(message));
    return code;
}

/* Finds a record, or makes one that holds no sender key; gives a new reference. */
static json_t *find_or_make_record(json_t *params)
{
    json_t *entries = find_handle("sender key record", text_of(params, "record"));
    return entries ? json_incref(entries) : new_entries("sender key record");
}

static int process_distribution(json_t *entries, signal_buffer *bytes)
{
    UNREF sender_key_distribution_message *distribution = NULL;
    BUILDER *builder = NULL;
    int code = sender_key_distribution_message_deserialize(&distribution, signal_buffer_data(bytes), signal_buffer_len(bytes),
                                                           library);
    if (code >= 0)
        code = group_session_builder_create(&builder, stores, library);
    use(NULL, entries);
    return code < 0 ? code : group_session_builder_process_session(builder, &NAME, distribution);
}

static int process(json_t *params, UNUSED json_t *result)
{
    BUFFER *distribution = bytes_of(params, "distribution");
    json_t *entries = find_or_make_record(params);
    int code = process_distribution(entries, distribution);
    if (code >= 0)
        put_handle(text_of(params, "record"), json_incref(entries));
    json_decref(entries);
    return code;
}

static int decrypt_message(json_t *entries, signal_buffer *bytes, signal_buffer **plaintext)
{
    UNREF sender_key_message *message = NULL;
    CIPHER *cipher = NULL;
    int code = sender_key_message_deserialize(&message, signal_buffer_data(bytes), signal_buffer_len(bytes), library);
    if (code >= 0)
        code = group_cipher_create(&cipher, stores, &NAME, library);
    use(NULL, entries);
    return code < 0 ? code : group_cipher_decrypt(cipher, message, NULL, plaintext);
}

static int decrypt(json_t *params, json_t *result)
{
    BUFFER *message = bytes_of(params, "message"), *plaintext = NULL;
    json_t *entries = find_or_make_record(params);
    int code = decrypt_message(entries, message, &plaintext);
    if (code >= 0)
        answer_bytes(result, "plaintext", plaintext);
    json_decref(entries);
    return code;
}

const struct method SENDER_KEY_METHODS[] = {
    {"sender_keys.create", create, {"key"}},
    {"sender_keys.distribute", distribute, {"key"}},
    {"sender_keys.encrypt", encrypt, {"key", "plaintext"}},
    {"sender_keys.renew", renew, {"key"}},
    {"sender_keys.process", process, {"record", "distribution", "now_ms"}},
    {"sender_keys.decrypt", decrypt, {"record", "message", "now_ms"}},
    {NULL, NULL, {NULL}},
};
