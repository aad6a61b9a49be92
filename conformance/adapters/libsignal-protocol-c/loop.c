/* The adapter of libsignal-protocol-c. This file speaks the adapter protocol; the other ones call the library. */
#include "adapter.h"

#include <stdbool.h>
#include <string.h>

enum { REFUSED = -32000, METHOD_NOT_FOUND = -32601, INVALID_PARAMS = -32602, INTERNAL_ERROR = -32603, PARSE_ERROR = -32700 };

static const char *const NUMBERS[] = {"now_ms", "signed_prekey_id", "one_time_prekey_id", NULL};
static const char *const TEXTS[] = {"handle", "state", "key", "record", "account", "session", "kind", NULL};

/* The names of chapter 01 for the library's codes. What the library logs tells more, where one code stands for several
 * errors: the rule counts whose text was logged first. */
#define RULE(code, text, error) {code, #code, text, error}
static const struct rule {
    int code;
    const char *code_name, *text, *error;
} RULES[] = {
    RULE(BAD_SIGNATURE, "", "InvalidSignature"),
    RULE(BAD_PADDING, "", "DecryptionFailed"),
    RULE(UNREADABLE_STATE, "", "UnreadableState"),
    RULE(SG_ERR_DUPLICATE_MESSAGE, "", "DuplicateMessage"),
    RULE(SG_ERR_INVALID_KEY, "invalid signature on device key!", "InvalidSignature"),
    RULE(SG_ERR_INVALID_KEY, "", "InvalidKey"),
    RULE(SG_ERR_INVALID_KEY_ID, "", "UnknownPrekey"),
    RULE(SG_ERR_INVALID_MESSAGE, "Unknown version", "UnsupportedVersion"),
    RULE(SG_ERR_INVALID_MESSAGE, "No keys for", "UnknownSenderKey"),
    RULE(SG_ERR_INVALID_MESSAGE, "Invalid signature!", "InvalidSignature"),
    RULE(SG_ERR_INVALID_MESSAGE, "Bad MAC", "InvalidMac"),
    RULE(SG_ERR_INVALID_MESSAGE, "Over 2000 messages into the future!", "TooFarAhead"),
    RULE(SG_ERR_INVALID_MESSAGE, "", "InvalidMessage"),
    RULE(SG_ERR_INVALID_PROTO_BUF, "", "InvalidMessage"),
    RULE(SG_ERR_INVALID_VERSION, "", "UnsupportedVersion"),
    RULE(SG_ERR_LEGACY_MESSAGE, "", "UnsupportedVersion"),
    RULE(SG_ERR_NO_SESSION, "No session for", "UnknownSession"),
    RULE(SG_ERR_NO_SESSION, "No sender key for", "UnknownSenderKey"),
    RULE(SG_ERR_UNTRUSTED_IDENTITY, "", "UntrustedIdentity"),
    RULE(SG_ERR_INVAL, "", "ProtocolViolation"),
    RULE(SG_ERR_UNKNOWN, "", "ProtocolViolation"), /* what it looked for is not there; it does not say what */
};

static char logged[600]; /* what the library said in this call */

void note(int level, const char *message, size_t length, UNUSED void *user_data)
{
    size_t used = strlen(logged);
    if (level <= SG_LOG_NOTICE)
        snprintf(logged + used, sizeof logged - used, "%s%.*s", used ? "; " : ": ", (int)length, message);
}

static const char DIGITS[] = "0123456789abcdef";

static int find_digit(char digit)
{
    const char *found = digit ? strchr(DIGITS, digit) : NULL;
    return found ? (int)(found - DIGITS) : -1;
}

static signal_buffer *decode_hex(const char *text)
{
    size_t size = strlen(text) / 2;
    signal_buffer *bytes = signal_buffer_alloc(size);
    for (size_t i = 0; bytes && i < size; i++) {
        int high = find_digit(text[2 * i]), low = find_digit(text[2 * i + 1]);
        if (high < 0 || low < 0)
            free_buffer(&bytes);
        else
            signal_buffer_data(bytes)[i] = (uint8_t)(high << 4 | low);
    }
    if (strlen(text) % 2)
        free_buffer(&bytes);
    return bytes;
}

const char *text_of(json_t *params, const char *member)
{
    return json_string_value(json_object_get(params, member));
}

json_int_t number_of(json_t *params, const char *member)
{
    return json_integer_value(json_object_get(params, member));
}

signal_buffer *bytes_of(json_t *params, const char *member)
{
    const char *text = text_of(params, member);
    return text ? decode_hex(text) : NULL;
}

json_t *hex_of(const uint8_t *data, size_t size)
{
    char *text = malloc(2 * size + 1);
    for (size_t i = 0; text && i < size; i++) {
        text[2 * i] = DIGITS[data[i] >> 4];
        text[2 * i + 1] = DIGITS[data[i] & 15];
    }
    json_t *hex = text ? json_stringn(text, 2 * size) : NULL;
    free(text);
    return hex;
}

void answer_bytes(json_t *result, const char *member, signal_buffer *bytes)
{
    json_object_set_new(result, member, hex_of(signal_buffer_data(bytes), signal_buffer_len(bytes)));
}

static bool is_in(const char *const *list, const char *name)
{
    while (*list && strcmp(*list, name))
        list++;
    return *list != NULL;
}

/* Tells whether a member of the params has its type; all that is neither number nor text is hex. */
static bool fits(const char *member, json_t *params)
{
    if (is_in(NUMBERS, member))
        return json_is_integer(json_object_get(params, member));
    if (is_in(TEXTS, member))
        return json_is_string(json_object_get(params, member));
    BUFFER *bytes = bytes_of(params, member);
    return bytes != NULL;
}

static bool are_params(const struct method *method, json_t *params)
{
    const char *member;
    json_t *value;
    for (const char *const *required = method->required; *required; required++)
        if (!fits(*required, params))
            return false;
    json_object_foreach(params, member, value)
        if (!json_is_null(value) && !fits(member, params))
            return false;
    return true;
}

static const struct method *find_method(const char *name)
{
    const struct method *const lists[] = {LIBRARY_METHODS, SENDER_KEY_METHODS, SESSION_METHODS};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        for (const struct method *method = lists[i]; method->name; method++)
            if (!strcmp(method->name, name))
                return method;
    return NULL;
}

static const struct rule *find_rule(int code)
{
    const struct rule *found = NULL;
    const char *found_at = NULL;
    for (const struct rule *rule = RULES; rule < RULES + sizeof RULES / sizeof *RULES; rule++) {
        const char *at = *rule->text ? strstr(logged, rule->text) : logged + strlen(logged);
        if (rule->code == code && at && (!found || at < found_at)) {
            found = rule;
            found_at = at;
        }
    }
    return found;
}

static json_t *fail(int code, const char *message)
{
    return json_pack("{s:{s:i, s:s, s:{}}}", "error", "code", code, "message", message, "data");
}

/* Answers a failure of a method: a refusal, if the library says which. */
static json_t *explain(int code)
{
    char message[sizeof logged + 40];
    const struct rule *rule = find_rule(code);
    if (!rule) {
        snprintf(message, sizeof message, "the library's code %d%s", code, logged);
        return fail(INTERNAL_ERROR, message);
    }
    snprintf(message, sizeof message, "%s%s", rule->code_name, logged);
    return json_pack("{s:{s:i, s:s, s:{s:s}}}", "error", "code", REFUSED, "message", message, "data", "error", rule->error);
}

static json_t *call(const char *name, json_t *params)
{
    const struct method *method = find_method(name);
    if (!method)
        return fail(METHOD_NOT_FOUND, "there is no such method");
    if (!are_params(method, params))
        return fail(INVALID_PARAMS, "the params do not fit the method");
    *logged = 0;
    json_t *result = json_object();
    int code = method->function(params, result);
    if (code >= 0)
        return json_pack("{s:o}", "result", result);
    json_decref(result);
    return code == BAD_PARAMS ? fail(INVALID_PARAMS, "a handle stands for nothing") : explain(code);
}

static json_t *answer(const char *line, size_t length)
{
    json_t *request = json_loadb(line, length, 0, NULL), *params = json_object_get(request, "params");
    json_t *id = json_incref(json_object_get(request, "id")), *answer, *none = json_object();
    const char *method = text_of(request, "method");
    if (id && method && (!params || json_is_object(params))) {
        answer = call(method, params ? params : none);
    } else {
        answer = fail(PARSE_ERROR, "this line is not a request");
        json_decref(id);
        id = json_null();
    }
    json_object_set_new(answer, "jsonrpc", json_string("2.0"));
    json_object_set_new(answer, "id", id);
    json_decref(none);
    json_decref(request);
    return answer;
}

int main(void)
{
    char *line = NULL;
    size_t capacity = 0;
    if (open_library() < 0)
        return 1;
    for (ssize_t length; (length = getline(&line, &capacity, stdin)) >= 0;) {
        json_t *answered = answer(line, (size_t)length);
        json_dumpf(answered, stdout, JSON_COMPACT | JSON_ENCODE_ANY);
        putchar('\n');
        fflush(stdout);
        json_decref(answered);
    }
    free(line);
    return 0;
}
