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
    /// As in the request line: `POST`.
    const char *method;
    const char *url;
    /// Lines as `name: value`.
    const char *const *headers;
    size_t header_count;
    /// NULL for none; an empty one is sent as `content-length: 0`.
    const uint8_t *body;
    size_t body_size;
    /// A file of certificates in PEM to trust instead of the system's; NULL for the system's.
    const char *ca_file;
    long connect_ms;
    /// From the call to the end of the answer, with the wait for a free connection.
    long total_ms;
    /// How much of the answer's body is kept, and after how much we hang up. The status stands.
    size_t body_kept;
    size_t body_limit;
    ccurl_address_check check;
    void *context;
} ccurl_request;

/// The header lines that are kept; what is more is dropped.
enum { CCURL_HEADERS_KEPT = 16384 };

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
    /// libcurl's words for a failure; never holds headers or bodies.
    char error[256];
    /// The header lines of the last answer with their line ends, and the start of the body. To be
    /// freed.
    char *headers;
    size_t headers_size;
    uint8_t *body;
    size_t body_size;
    /// Whether there was more of a body than is kept.
    int is_body_cut;
} ccurl_response;

typedef struct ccurl_client ccurl_client;

/// A client that keeps its connections between requests, and makes at most `limit` requests at a
/// time; more of them wait. For any number of threads. NULL when out of memory.
ccurl_client *ccurl_client_new(size_t limit);
/// Not while a request is under way.
void ccurl_client_free(ccurl_client *client);

/// Sends and waits. Redirects are not followed, proxies of the environment not used, the path is
/// sent as it stands, TLS is 1.2 at least and always verified, and SIGPIPE kept from the caller.
void ccurl_send(ccurl_client *client, const ccurl_request *request, ccurl_response *response);
void ccurl_response_free(ccurl_response *response);

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
