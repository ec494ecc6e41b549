#pragma once

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

/* Variadic in C, which Swift does not import. */
static inline EVP_PKEY *countersign_generate_rsa(size_t bits) { return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", bits); }
static inline EVP_PKEY *countersign_generate_ec(const char *curve) { return EVP_PKEY_Q_keygen(NULL, NULL, "EC", curve); }
static inline EVP_PKEY *countersign_generate_ed25519(void) { return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"); }

/* A macro with a cast. The bytes belong to the BIO. */
static inline long countersign_bio_data(BIO *bio, char **data) { return BIO_get_mem_data(bio, data); }

/* The builder keeps the pointers it is given until the key is made. Names must be C literals for that: Swift passes
   strings in memory that is gone after the call. `curve` and `point` are for the caller to keep. */
static inline int countersign_push_rsa(OSSL_PARAM_BLD *builder, const BIGNUM *modulus, const BIGNUM *exponent) {
    return OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, modulus)
        && OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, exponent);
}
static inline int countersign_push_ec(OSSL_PARAM_BLD *builder, const char *curve, const void *point, size_t count) {
    return OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, curve, 0)
        && OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point, count);
}

/* The parameter points to the digest's name, which Swift would pass in memory that is gone after the call. */
static inline int countersign_mac_begin(EVP_MAC_CTX *context, const unsigned char *key, size_t count) {
    char digest[] = "SHA256";
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0), OSSL_PARAM_construct_end()
    };
    return EVP_MAC_init(context, key, count, parameters);
}

/* Macros made of macros. */
static const unsigned long countersign_openssl_built = OPENSSL_VERSION_NUMBER;
static const int countersign_select_public_key = EVP_PKEY_PUBLIC_KEY;

/* Answers every request for a passphrase with failure; without a callback OpenSSL would prompt on the terminal. */
static inline int countersign_no_passphrase(char *buffer, int count, int writing, void *unused) {
    (void)buffer, (void)count, (void)writing, (void)unused;
    return -1;
}
