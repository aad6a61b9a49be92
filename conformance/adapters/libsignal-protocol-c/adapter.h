/* What the parts of the adapter share. */
#ifndef ADAPTER_H
#define ADAPTER_H

#include <jansson.h>
#include <signal_protocol.h>

/* Failures that the library has no code for; it leaves the numbers below SG_ERR_MINIMUM to its users. */
enum {
    BAD_PARAMS = SG_ERR_MINIMUM - 1,       /* the params do not fit the method, or a handle stands for nothing */
    BAD_SIGNATURE = SG_ERR_MINIMUM - 2,    /* the library answered 0: the signature does not verify */
    BAD_PADDING = SG_ERR_MINIMUM - 3,      /* OpenSSL, on behalf of the library: the ciphertext does not decrypt */
    UNREADABLE_STATE = SG_ERR_MINIMUM - 4, /* no state that `save` wrote, or no record that the library reads */
};

/* loop.c: the adapter protocol. A method answers 0 and adds to `result`, or answers a negative code. */
struct method {
    const char *name;
    int (*function)(json_t *params, json_t *result);
    const char *required[8];
};
void note(int level, const char *message, size_t length, void *user_data);
const char *text_of(json_t *params, const char *member);
json_int_t number_of(json_t *params, const char *member);
signal_buffer *bytes_of(json_t *params, const char *member); /* new, or NULL if there is no such member */
json_t *hex_of(const uint8_t *data, size_t size);
void answer_bytes(json_t *result, const char *member, signal_buffer *bytes);

/* Variables that are given back where their scope ends; NULL is allowed. */
void unref(void *pointer);
void free_buffer(signal_buffer **buffer);
#define UNREF __attribute__((cleanup(unref)))
#define BUFFER __attribute__((cleanup(free_buffer))) signal_buffer
#define UNUSED __attribute__((unused))

/* crypto.c */
extern const signal_crypto_provider PROVIDER;

/* stores.c: what the handles stand for, and the library's interface to it. */
json_t *find_handle(const char *kind, const char *name); /* NULL if there is none of that kind */
json_t *new_entries(const char *kind);
void put_handle(const char *name, json_t *entries); /* takes the entries over */
void forget_handles(void);
int load_entry(json_t *entries, const char *name, signal_buffer **value); /* 1, or 0 if there is none */
int store_entry(json_t *entries, const char *name, const uint8_t *data, size_t size);
void use(json_t *account, json_t *record); /* what the library is to find in its stores */
signal_protocol_store_context *open_stores(signal_context *context);

/* library.c, sender_keys.c, sessions.c: the methods, each list ended by one without a name. */
extern signal_context *library;
extern signal_protocol_store_context *stores;
extern const struct method LIBRARY_METHODS[], SENDER_KEY_METHODS[], SESSION_METHODS[];
int open_library(void);
int decode_key_pair(ec_key_pair **pair, signal_buffer *private_key);
int decode_public_key(ec_public_key **key, signal_buffer *bytes);

#endif
