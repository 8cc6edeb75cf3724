/// What Response needs of libcurl and libcrypto, in functions that Swift can call:
/// `curl_easy_setopt` is variadic, and OpenSSL's constants are macros.
#ifndef CCURL_H
#define CCURL_H

#include <stddef.h>
#include <stdint.h>

/// Decides whether a connection to a resolved address may be opened. `address` is 16 bytes, IPv4 in
/// its mapped form. Called on the calling thread, after name resolution, for each address tried.
typedef int (*ccurl_address_check)(void *context, const uint8_t *address);

typedef struct {
    const char *url;
    /// Lines as `name: value`.
    const char *const *headers;
    size_t header_count;
    const uint8_t *body;
    size_t body_size;
    /// A file of certificates in PEM to trust instead of the system's; NULL for the system's.
    const char *ca_file;
    long connect_ms;
    long total_ms;
    ccurl_address_check check;
    void *context;
} ccurl_request;

enum { CCURL_BODY_KEPT = 2048, CCURL_BODY_LIMIT = 65536 };

typedef enum {
    CCURL_ANSWERED = 0,
    /// The name did not resolve, or no connection was made.
    CCURL_UNREACHABLE,
    /// `check` refused every address that could have been used.
    CCURL_ADDRESS_REFUSED,
    /// The certificate or the TLS handshake is not acceptable.
    CCURL_TLS,
    CCURL_TIMED_OUT,
    /// The connection broke, or what came was not a whole HTTP answer.
    CCURL_BROKEN,
    /// libcurl could not begin: out of memory, or a URL that it does not take.
    CCURL_NOT_BEGUN,
} ccurl_result;

typedef struct {
    ccurl_result result;
    /// Whether bytes of the request left, so that the receiver may have acted.
    int was_sent;
    /// 0 when no status line came.
    long status;
    /// Seconds, from either form of Retry-After; -1 when there is none.
    int64_t retry_after;
    /// The header `lastseen-outcome`, cut; empty when there is none.
    char outcome[32];
    /// libcurl's words for a failure; never holds headers or bodies.
    char error[256];
    /// The start of the body.
    uint8_t body[CCURL_BODY_KEPT];
    size_t body_size;
} ccurl_response;

typedef struct ccurl_client ccurl_client;

/// A client that keeps its connections between requests. Not for two threads at once. NULL when
/// out of memory.
ccurl_client *ccurl_client_new(void);
void ccurl_client_free(ccurl_client *client);

/// POSTs and waits. Redirects are not followed, proxies of the environment not used, TLS 1.2 at
/// least and always verified, and SIGPIPE kept from the caller.
void ccurl_post(ccurl_client *client, const ccurl_request *request, ccurl_response *response);

typedef enum {
    CCURL_URL_OK = 0,
    CCURL_URL_MALFORMED,
    CCURL_URL_SCHEME,
    CCURL_URL_HAS_CREDENTIALS,
} ccurl_url_verdict;

/// Reads a URL with the parser that will use it. Gives `is_tls`, and `origin` as `https://host:port`.
ccurl_url_verdict ccurl_check_url(const char *url, int *is_tls, char *origin, size_t origin_size);

/// `out` takes 32 bytes. Returns 0 when libcrypto refuses.
int ccurl_sha256(const void *bytes, size_t count, uint8_t *out);
int ccurl_hmac_sha256(
    const void *key, size_t key_size, const void *bytes, size_t count, uint8_t *out);

/// Base64 with padding. `out` takes 4 * ((count + 2) / 3) + 1 bytes; returns the text's length.
size_t ccurl_base64_encode(const uint8_t *bytes, size_t count, char *out);
/// `out` takes 3 * (count / 4) bytes. Returns the number of bytes, or -1 for text that is not
/// exactly what encoding gives.
long ccurl_base64_decode(const char *text, size_t count, uint8_t *out);

#endif
