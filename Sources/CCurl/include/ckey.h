/// Private keys and their signatures, by libcrypto.
#ifndef CCURL_KEY_H
#define CCURL_KEY_H

#include <stddef.h>
#include <stdint.h>

typedef enum {
    /// RSA of 2048 to 8192 bits.
    CKEY_RSA = 1,
    /// An elliptic curve key on P-256.
    CKEY_P256 = 2,
} ckey_kind;

/// May be used by several threads at once.
typedef struct ckey ckey;

/// Reads a private key in PEM (PKCS #8, PKCS #1 or SEC 1), not encrypted. NULL when it is none, or
/// not of a kind above.
ckey *ckey_read(const char *pem, size_t size);
/// The same from a public key in PEM (SubjectPublicKeyInfo): it verifies only.
ckey *ckey_read_public(const char *pem, size_t size);
/// A new key; for tests and for `keys new`.
ckey *ckey_new(ckey_kind kind);
void ckey_free(ckey *key);

ckey_kind ckey_get_kind(const ckey *key);

/// Signs with SHA-256: RSASSA-PKCS1-v1_5, or ECDSA as r and s of 32 bytes each (RFC 7518, 3.3 and
/// 3.4). `out` takes 1024 bytes. Returns the signature's size, or 0 when libcrypto fails.
size_t ckey_sign(const ckey *key, const void *bytes, size_t count, uint8_t *out);
/// 1 when the signature is the key's.
int ckey_verify(
    const ckey *key, const void *bytes, size_t count, const uint8_t *signature, size_t size);

/// The public part: for RSA the modulus and the exponent, for P-256 x and y of 32 bytes. Each of
/// `first` and `second` takes 1024 bytes. Returns 0 when libcrypto fails.
int ckey_public(
    const ckey *key, uint8_t *first, size_t *first_size, uint8_t *second, size_t *second_size);

/// The private key in PKCS #8 PEM. `out` takes `room` bytes; returns the text's size, or 0.
size_t ckey_write(const ckey *key, char *out, size_t room);

#endif
