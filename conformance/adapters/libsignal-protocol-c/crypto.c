/* The cryptography that libsignal-protocol-c asks its user for, from OpenSSL. */
#include "adapter.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>

static int draw(uint8_t *data, size_t size, UNUSED void *user_data)
{
    return RAND_bytes(data, (int)size) == 1 ? SG_SUCCESS : SG_ERR_UNKNOWN;
}

static int begin_hmac(void **context, const uint8_t *key, size_t key_size, UNUSED void *user_data)
{
    static EVP_MAC *hmac;
    if (!hmac)
        hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    char digest[] = "SHA256";
    OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string("digest", digest, 0), OSSL_PARAM_construct_end()};
    *context = EVP_MAC_CTX_new(hmac);
    return EVP_MAC_init(*context, key, key_size, params) == 1 ? SG_SUCCESS : SG_ERR_UNKNOWN;
}

static int update_hmac(void *context, const uint8_t *data, size_t size, UNUSED void *user_data)
{
    return EVP_MAC_update(context, data, size) == 1 ? SG_SUCCESS : SG_ERR_UNKNOWN;
}

static int finish_hmac(void *context, signal_buffer **output, UNUSED void *user_data)
{
    uint8_t mac[EVP_MAX_MD_SIZE];
    size_t size = 0;
    if (EVP_MAC_final(context, mac, &size, sizeof mac) != 1)
        return SG_ERR_UNKNOWN;
    *output = signal_buffer_create(mac, size);
    return *output ? SG_SUCCESS : SG_ERR_NOMEM;
}

static void free_hmac(void *context, UNUSED void *user_data)
{
    EVP_MAC_CTX_free(context);
}

static void free_digest(void *context, UNUSED void *user_data)
{
    EVP_MD_CTX_free(context);
}

static int begin_sha512(void **context, UNUSED void *user_data)
{
    *context = EVP_MD_CTX_new();
    return EVP_DigestInit_ex(*context, EVP_sha512(), NULL) == 1 ? SG_SUCCESS : SG_ERR_UNKNOWN;
}

static int update_sha512(void *context, const uint8_t *data, size_t size, UNUSED void *user_data)
{
    return EVP_DigestUpdate(context, data, size) == 1 ? SG_SUCCESS : SG_ERR_UNKNOWN;
}

static int finish_sha512(void *context, signal_buffer **output, UNUSED void *user_data)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    if (EVP_DigestFinal_ex(context, digest, &size) != 1)
        return SG_ERR_UNKNOWN;
    *output = signal_buffer_create(digest, size);
    return *output ? SG_SUCCESS : SG_ERR_NOMEM;
}

/* Runs AES-256-CBC with PKCS #7 padding, which is all that message version 3 needs. */
static int run_cipher(EVP_CIPHER_CTX *context, signal_buffer *output, const uint8_t *input, size_t size, size_t *written)
{
    int first = 0, last = 0;
    if (EVP_CipherUpdate(context, signal_buffer_data(output), &first, input, (int)size) != 1)
        return SG_ERR_UNKNOWN;
    if (EVP_CipherFinal_ex(context, signal_buffer_data(output) + first, &last) != 1)
        return BAD_PADDING;
    *written = (size_t)first + (size_t)last;
    return SG_SUCCESS;
}

static int cipher(signal_buffer **output, int kind, const uint8_t *key, size_t key_size, const uint8_t *iv, size_t iv_size,
                  const uint8_t *input, size_t size, int encrypting)
{
    if (kind != SG_CIPHER_AES_CBC_PKCS5 || key_size != 32 || iv_size != 16 || size > INT_MAX - 16)
        return SG_ERR_INVAL;
    BUFFER *whole = signal_buffer_alloc(size + 16);
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    size_t written = 0;
    int result = SG_ERR_UNKNOWN;
    if (EVP_CipherInit_ex(context, EVP_aes_256_cbc(), NULL, key, iv, encrypting) == 1)
        result = run_cipher(context, whole, input, size, &written);
    EVP_CIPHER_CTX_free(context);
    ERR_clear_error();
    if (result == SG_SUCCESS)
        *output = signal_buffer_n_copy(whole, written);
    return result;
}

static int encrypt(signal_buffer **output, int kind, const uint8_t *key, size_t key_size, const uint8_t *iv, size_t iv_size,
                   const uint8_t *plaintext, size_t size, UNUSED void *user_data)
{
    return cipher(output, kind, key, key_size, iv, iv_size, plaintext, size, 1);
}

static int decrypt(signal_buffer **output, int kind, const uint8_t *key, size_t key_size, const uint8_t *iv, size_t iv_size,
                   const uint8_t *ciphertext, size_t size, UNUSED void *user_data)
{
    return cipher(output, kind, key, key_size, iv, iv_size, ciphertext, size, 0);
}

const signal_crypto_provider PROVIDER = {
    .random_func = draw,
    .hmac_sha256_init_func = begin_hmac,
    .hmac_sha256_update_func = update_hmac,
    .hmac_sha256_final_func = finish_hmac,
    .hmac_sha256_cleanup_func = free_hmac,
    .sha512_digest_init_func = begin_sha512,
    .sha512_digest_update_func = update_sha512,
    .sha512_digest_final_func = finish_sha512,
    .sha512_digest_cleanup_func = free_digest,
    .encrypt_func = encrypt,
    .decrypt_func = decrypt,
};
