#include "ckey.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

struct ckey {
    EVP_PKEY *pkey;
    ckey_kind kind;
};

/// An encrypted key is refused: without this, libcrypto would ask for the passphrase on the terminal.
static int no_passphrase(char *out, int size, int purpose, void *context) {
    (void)out, (void)size, (void)purpose, (void)context;
    return -1;
}

/// Takes the key over; NULL when it is not of a kind that is taken here.
static ckey *adopt(EVP_PKEY *pkey) {
    ckey_kind kind = 0;
    if (pkey && EVP_PKEY_get_base_id(pkey) == EVP_PKEY_RSA) {
        int bits = EVP_PKEY_get_bits(pkey);
        if (bits >= 2048 && bits <= 8192) kind = CKEY_RSA;
    } else if (pkey && EVP_PKEY_get_base_id(pkey) == EVP_PKEY_EC) {
        char group[64] = {0};
        size_t size = 0;
        if (EVP_PKEY_get_group_name(pkey, group, sizeof group, &size) == 1
            && (strcmp(group, "prime256v1") == 0 || strcmp(group, "P-256") == 0)) {
            kind = CKEY_P256;
        }
    }
    ckey *key = kind ? calloc(1, sizeof *key) : NULL;
    if (!key) {
        EVP_PKEY_free(pkey);
        ERR_clear_error();
        return NULL;
    }
    key->pkey = pkey;
    key->kind = kind;
    return key;
}

ckey *ckey_read(const char *pem, size_t size) {
    if (size > 65536) return NULL;
    BIO *bio = BIO_new_mem_buf(pem, (int)size);
    EVP_PKEY *pkey = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;
    BIO_free(bio);
    return adopt(pkey);
}

ckey *ckey_read_public(const char *pem, size_t size) {
    if (size > 65536) return NULL;
    BIO *bio = BIO_new_mem_buf(pem, (int)size);
    EVP_PKEY *pkey = bio ? PEM_read_bio_PUBKEY(bio, NULL, no_passphrase, NULL) : NULL;
    BIO_free(bio);
    return adopt(pkey);
}

ckey *ckey_new(ckey_kind kind) {
    return adopt(kind == CKEY_RSA ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256"));
}

void ckey_free(ckey *key) {
    if (!key) return;
    EVP_PKEY_free(key->pkey);
    free(key);
}

ckey_kind ckey_get_kind(const ckey *key) { return key->kind; }

size_t ckey_sign(const ckey *key, const void *bytes, size_t count, uint8_t *out) {
    uint8_t der[1024];
    size_t size = sizeof der;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    int is_signed = context
        && EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key->pkey) == 1
        && EVP_DigestSign(context, der, &size, bytes, count) == 1;
    EVP_MD_CTX_free(context);
    ERR_clear_error();
    if (!is_signed) return 0;
    if (key->kind == CKEY_RSA) {
        memcpy(out, der, size);
        return size;
    }
    const uint8_t *cursor = der;
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &cursor, (long)size);
    if (!pair) return 0;
    int fits = BN_bn2binpad(ECDSA_SIG_get0_r(pair), out, 32) == 32
        && BN_bn2binpad(ECDSA_SIG_get0_s(pair), out + 32, 32) == 32;
    ECDSA_SIG_free(pair);
    return fits ? 64 : 0;
}

int ckey_verify(
    const ckey *key, const void *bytes, size_t count, const uint8_t *signature, size_t size) {
    uint8_t *der = NULL;
    if (key->kind == CKEY_P256) {
        if (size != 64) return 0;
        ECDSA_SIG *pair = ECDSA_SIG_new();
        BIGNUM *r = BN_bin2bn(signature, 32, NULL), *s = BN_bin2bn(signature + 32, 32, NULL);
        int length = pair && r && s && ECDSA_SIG_set0(pair, r, s) == 1
            ? i2d_ECDSA_SIG(pair, &der) : -1;
        if (length < 0) {
            // The pair owns the numbers only after `set0` took them.
            BN_free(r), BN_free(s);
            ECDSA_SIG_free(pair);
            return 0;
        }
        ECDSA_SIG_free(pair);
        signature = der;
        size = (size_t)length;
    }
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    int is_right = context
        && EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, key->pkey) == 1
        && EVP_DigestVerify(context, signature, size, bytes, count) == 1;
    EVP_MD_CTX_free(context);
    OPENSSL_free(der);
    ERR_clear_error();
    return is_right;
}

/// Big-endian, at least `least` bytes.
static int number(const ckey *key, const char *name, int least, uint8_t *out, size_t *size) {
    BIGNUM *value = NULL;
    if (EVP_PKEY_get_bn_param(key->pkey, name, &value) != 1) return 0;
    int length = BN_num_bytes(value);
    if (length < least) length = least;
    int fits = length <= 1024 && BN_bn2binpad(value, out, length) == length;
    BN_free(value);
    *size = (size_t)length;
    return fits;
}

int ckey_public(
    const ckey *key, uint8_t *first, size_t *first_size, uint8_t *second, size_t *second_size) {
    if (key->kind == CKEY_RSA) {
        return number(key, OSSL_PKEY_PARAM_RSA_N, 1, first, first_size)
            && number(key, OSSL_PKEY_PARAM_RSA_E, 1, second, second_size);
    }
    return number(key, OSSL_PKEY_PARAM_EC_PUB_X, 32, first, first_size)
        && number(key, OSSL_PKEY_PARAM_EC_PUB_Y, 32, second, second_size);
}

size_t ckey_write(const ckey *key, char *out, size_t room) {
    BIO *bio = BIO_new(BIO_s_mem());
    size_t size = 0;
    if (bio && PEM_write_bio_PKCS8PrivateKey(bio, key->pkey, NULL, NULL, 0, NULL, NULL) == 1) {
        char *text = NULL;
        long length = BIO_get_mem_data(bio, &text);
        if (length > 0 && (size_t)length <= room) {
            memcpy(out, text, (size_t)length);
            size = (size_t)length;
        }
    }
    BIO_free(bio);
    ERR_clear_error();
    return size;
}
