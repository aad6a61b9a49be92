/* What the handles stand for, in memory, and the library's interface to its user's storage.
 *
 * A handle stands for a JSON object of entries; the library's own are hex of its serialised form, as in a database, so that
 * what the library did not store has not changed. `save` writes such an object down as it is. */
#include "adapter.h"

#include <string.h>

static json_t *handles;
static struct {
    json_t *account, *record;
} in_use;

json_t *new_entries(const char *kind)
{
    return json_pack("{s:s}", "kind", kind);
}

json_t *find_handle(const char *kind, const char *name)
{
    json_t *entries = json_object_get(handles, name);
    const char *found = json_string_value(json_object_get(entries, "kind"));
    return found && !strcmp(found, kind) ? entries : NULL;
}

void put_handle(const char *name, json_t *entries)
{
    if (!handles)
        handles = json_object();
    json_object_set_new(handles, name, entries);
}

void forget_handles(void)
{
    json_decref(handles);
    handles = NULL;
}

int load_entry(json_t *entries, const char *name, signal_buffer **value)
{
    *value = bytes_of(entries, name);
    return *value != NULL;
}

int store_entry(json_t *entries, const char *name, const uint8_t *data, size_t size)
{
    return json_object_set_new(entries, name, hex_of(data, size)) ? SG_ERR_NOMEM : SG_SUCCESS;
}

void use(json_t *account, json_t *record)
{
    in_use.account = account;
    in_use.record = record;
}

/* Names the entry of a prekey; the text holds until the next call. */
static const char *name_prekey(const char *kind, uint32_t id)
{
    static char name[40];
    snprintf(name, sizeof name, "%s %u", kind, id);
    return name;
}

static int load_prekey(signal_buffer **record, uint32_t id, void *kind)
{
    return load_entry(in_use.account, name_prekey(kind, id), record) ? SG_SUCCESS : SG_ERR_INVALID_KEY_ID;
}

static int store_prekey(uint32_t id, uint8_t *record, size_t size, void *kind)
{
    return store_entry(in_use.account, name_prekey(kind, id), record, size);
}

static int contains_prekey(uint32_t id, void *kind)
{
    return json_object_get(in_use.account, name_prekey(kind, id)) != NULL;
}

static int remove_prekey(uint32_t id, void *kind)
{
    json_object_del(in_use.account, name_prekey(kind, id));
    return SG_SUCCESS;
}

static int load_session(signal_buffer **record, UNUSED signal_buffer **user_record,
                        UNUSED const signal_protocol_address *address, UNUSED void *user_data)
{
    return load_entry(in_use.record, "record", record);
}

static int store_session(UNUSED const signal_protocol_address *address, uint8_t *record, size_t size,
                         UNUSED uint8_t *user_record, UNUSED size_t user_record_size, UNUSED void *user_data)
{
    return store_entry(in_use.record, "record", record, size);
}

static int contains_session(UNUSED const signal_protocol_address *address, UNUSED void *user_data)
{
    return json_object_get(in_use.record, "record") != NULL;
}

static int load_sender_key(signal_buffer **record, UNUSED signal_buffer **user_record,
                           UNUSED const signal_protocol_sender_key_name *name, UNUSED void *user_data)
{
    return load_entry(in_use.record, "record", record);
}

static int store_sender_key(UNUSED const signal_protocol_sender_key_name *name, uint8_t *record, size_t size,
                            UNUSED uint8_t *user_record, UNUSED size_t user_record_size, UNUSED void *user_data)
{
    return store_entry(in_use.record, "record", record, size);
}

static int get_identity(signal_buffer **public_key, signal_buffer **private_key, UNUSED void *user_data)
{
    load_entry(in_use.account, "public_key", public_key);
    load_entry(in_use.account, "private_key", private_key);
    return *public_key && *private_key ? SG_SUCCESS : SG_ERR_UNKNOWN;
}

static int get_registration_id(UNUSED void *user_data, uint32_t *id)
{
    *id = 1;
    return SG_SUCCESS;
}

/* Trusts the identity that the session was created for and no other, so there is nothing to save. */
static int is_trusted(UNUSED const signal_protocol_address *address, uint8_t *key, size_t size, UNUSED void *user_data)
{
    BUFFER *peer = bytes_of(in_use.record, "identity_key");
    return peer && signal_buffer_len(peer) == size && !memcmp(signal_buffer_data(peer), key, size);
}

static int save_identity(UNUSED const signal_protocol_address *address, UNUSED uint8_t *key, UNUSED size_t size,
                         UNUSED void *user_data)
{
    return SG_SUCCESS;
}

signal_protocol_store_context *open_stores(signal_context *context)
{
    signal_protocol_store_context *opened = NULL;
    if (signal_protocol_store_context_create(&opened, context) < 0)
        return NULL;
    signal_protocol_store_context_set_session_store(
        opened, &(signal_protocol_session_store){.load_session_func = load_session, .store_session_func = store_session,
                                                 .contains_session_func = contains_session});
    signal_protocol_store_context_set_pre_key_store(
        opened, &(signal_protocol_pre_key_store){load_prekey, store_prekey, contains_prekey, remove_prekey, NULL,
                                                 "one-time prekey"});
    signal_protocol_store_context_set_signed_pre_key_store(
        opened, &(signal_protocol_signed_pre_key_store){load_prekey, store_prekey, contains_prekey, remove_prekey, NULL,
                                                        "signed prekey"});
    signal_protocol_store_context_set_identity_key_store(
        opened, &(signal_protocol_identity_key_store){get_identity, get_registration_id, save_identity, is_trusted, NULL, NULL});
    signal_protocol_store_context_set_sender_key_store(
        opened, &(signal_protocol_sender_key_store){store_sender_key, load_sender_key, NULL, NULL});
    return opened;
}
