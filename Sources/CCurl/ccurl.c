#define _GNU_SOURCE
#include "ccurl.h"

#include <curl/curl.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <time.h>

/// Handles that are not in use, and how many there are in all.
struct ccurl_client {
    pthread_mutex_t lock;
    pthread_cond_t returned;
    size_t limit, made, idle_count;
    CURL **idle;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void start(void) { curl_global_init(CURL_GLOBAL_DEFAULT); }

ccurl_client *ccurl_client_new(size_t limit) {
    pthread_once(&once, start);
    ccurl_client *client = calloc(1, sizeof *client);
    if (!client) return NULL;
    client->limit = limit;
    client->idle = calloc(limit, sizeof *client->idle);
    // The first one now, so that a lack of memory shows when the client is set up.
    CURL *first = client->idle ? curl_easy_init() : NULL;
    if (!first) {
        free(client->idle);
        free(client);
        return NULL;
    }
    client->idle[client->idle_count++] = first;
    client->made = 1;
    pthread_mutex_init(&client->lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&client->returned, &attributes);
    pthread_condattr_destroy(&attributes);
    return client;
}

void ccurl_client_free(ccurl_client *client) {
    if (!client) return;
    for (size_t i = 0; i < client->idle_count; i++) curl_easy_cleanup(client->idle[i]);
    pthread_cond_destroy(&client->returned);
    pthread_mutex_destroy(&client->lock);
    free(client->idle);
    free(client);
}

/// A handle of the caller's own until `give_back`; NULL when none came free in time.
static CURL *take(ccurl_client *client, long wait_ms) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += wait_ms / 1000;
    until.tv_nsec += wait_ms % 1000 * 1000000;
    if (until.tv_nsec >= 1000000000) until.tv_sec++, until.tv_nsec -= 1000000000;
    CURL *easy = NULL;
    int code = 0;
    pthread_mutex_lock(&client->lock);
    while (!easy) {
        if (client->idle_count > 0) {
            easy = client->idle[--client->idle_count];
        } else if (client->made < client->limit && (easy = curl_easy_init())) {
            client->made++;
        } else if (code != 0) {
            break;
        } else {
            code = pthread_cond_timedwait(&client->returned, &client->lock, &until);
        }
    }
    pthread_mutex_unlock(&client->lock);
    return easy;
}

static void give_back(ccurl_client *client, CURL *easy) {
    pthread_mutex_lock(&client->lock);
    client->idle[client->idle_count++] = easy;
    pthread_cond_signal(&client->returned);
    pthread_mutex_unlock(&client->lock);
}

static long milliseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/// One request's state while libcurl calls back.
struct transfer {
    const ccurl_request *request;
    ccurl_response *response;
    size_t received;
    int body_too_long;
    int refused;
    int allowed;
};

/// The address as it will be connected to: a check of the name beforehand could be answered
/// differently the second time (DNS rebinding).
static curl_socket_t open_socket(
    void *context, curlsocktype purpose, struct curl_sockaddr *address) {
    struct transfer *transfer = context;
    uint8_t bytes[16] = {0};
    if (purpose != CURLSOCKTYPE_IPCXN) return CURL_SOCKET_BAD;
    if (address->family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, &address->addr, sizeof v4);
        bytes[10] = bytes[11] = 0xFF;
        memcpy(bytes + 12, &v4.sin_addr, 4);
    } else if (address->family == AF_INET6) {
        // `addr` is declared as the smaller sockaddr, but holds `addrlen` bytes.
        struct sockaddr_in6 v6;
        memcpy(&v6, (const void *)&address->addr, sizeof v6);
        memcpy(bytes, &v6.sin6_addr, 16);
    } else {
        return CURL_SOCKET_BAD;
    }
    if (!transfer->request->check(transfer->request->context, bytes)) {
        transfer->refused = 1;
        return CURL_SOCKET_BAD;
    }
    transfer->allowed = 1;
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static size_t take_body(char *bytes, size_t size, size_t count, void *context) {
    struct transfer *transfer = context;
    ccurl_response *response = transfer->response;
    size_t length = size * count;
    size_t room = transfer->request->body_kept - response->body_size;
    size_t kept = length < room ? length : room;
    if (kept > 0 && !response->body) response->body = malloc(transfer->request->body_kept);
    if (kept > 0 && response->body) {
        memcpy(response->body + response->body_size, bytes, kept);
        response->body_size += kept;
    }
    if (kept < length || !response->body) response->is_body_cut = 1;
    transfer->received += length;
    if (transfer->received > transfer->request->body_limit) {
        transfer->body_too_long = 1;
        return 0;
    }
    return length;
}

static size_t take_header(char *bytes, size_t size, size_t count, void *context) {
    struct transfer *transfer = context;
    ccurl_response *response = transfer->response;
    size_t length = size * count;
    // A status line begins another answer: what came before was an interim one.
    if (length >= 5 && memcmp(bytes, "HTTP/", 5) == 0) {
        response->headers_size = 0;
        return length;
    }
    if (!response->headers) response->headers = malloc(CCURL_HEADERS_KEPT);
    if (response->headers && length <= CCURL_HEADERS_KEPT - response->headers_size) {
        memcpy(response->headers + response->headers_size, bytes, length);
        response->headers_size += length;
    }
    return length;
}

static ccurl_result classify(CURLcode code, const struct transfer *transfer) {
    switch (code) {
    case CURLE_OK:
        return CCURL_ANSWERED;
    case CURLE_WRITE_ERROR:
        // We hung up on an endless body: the status has been read and stands.
        return transfer->body_too_long ? CCURL_ANSWERED : CCURL_BROKEN;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
        return transfer->refused && !transfer->allowed ? CCURL_ADDRESS_REFUSED
                                                       : CCURL_UNREACHABLE;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
        return CCURL_TLS;
    case CURLE_OPERATION_TIMEDOUT:
        return CCURL_TIMED_OUT;
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
    case CURLE_FAILED_INIT:
    case CURLE_OUT_OF_MEMORY:
        return CCURL_NOT_BEGUN;
    default:
        return CCURL_BROKEN;
    }
}

/// Runs the transfer with SIGPIPE blocked on this thread and taken away afterwards: with
/// CURLOPT_NOSIGNAL libcurl leaves that to us, and OpenSSL writes without MSG_NOSIGNAL.
static CURLcode perform_without_sigpipe(CURL *easy) {
    sigset_t only_pipe, before, pending;
    sigemptyset(&only_pipe);
    sigaddset(&only_pipe, SIGPIPE);
    sigemptyset(&pending);
    sigpending(&pending);
    int was_pending = sigismember(&pending, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &only_pipe, &before);
    CURLcode code = curl_easy_perform(easy);
    if (!was_pending) {
        struct timespec now = {0, 0};
        while (sigtimedwait(&only_pipe, NULL, &now) == SIGPIPE) {
        }
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return code;
}

void ccurl_send(ccurl_client *client, const ccurl_request *request, ccurl_response *response) {
    memset(response, 0, sizeof *response);
    response->retry_after = -1;
    struct transfer transfer = {.request = request, .response = response};
    long begun = milliseconds();
    CURL *easy = take(client, request->total_ms);
    long left = request->total_ms - (milliseconds() - begun);
    if (!easy || left <= 0) {
        if (easy) give_back(client, easy);
        response->result = CCURL_TIMED_OUT;
        strcpy(response->error, "other requests took all of the time");
        return;
    }
    curl_easy_reset(easy);  // keeps connections and the name cache
    struct curl_slist *headers = NULL;
    for (size_t i = 0; i < request->header_count; i++) {
        struct curl_slist *longer = curl_slist_append(headers, request->headers[i]);
        if (!longer) {
            curl_slist_free_all(headers);
            give_back(client, easy);
            response->result = CCURL_NOT_BEGUN;
            return;
        }
        headers = longer;
    }
    CURLcode bad = CURLE_OK;
#define SET(option, value) \
    do { \
        CURLcode code = curl_easy_setopt(easy, option, value); \
        if (code != CURLE_OK) bad = code; \
    } while (0)
    SET(CURLOPT_ERRORBUFFER, response->error);
    SET(CURLOPT_URL, request->url);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_PROXY, "");
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_PATH_AS_IS, 1L);
    if (request->body) {
        SET(CURLOPT_POST, 1L);
        SET(CURLOPT_POSTFIELDS, (const char *)request->body);
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_size);
    }
    SET(CURLOPT_CUSTOMREQUEST, request->method);
    SET(CURLOPT_HTTPHEADER, headers);
    SET(CURLOPT_CONNECTTIMEOUT_MS, request->connect_ms);
    SET(CURLOPT_TIMEOUT_MS, left);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (request->ca_file) {
        SET(CURLOPT_CAINFO, request->ca_file);
        SET(CURLOPT_CAPATH, NULL);
    }
    SET(CURLOPT_OPENSOCKETFUNCTION, open_socket);
    SET(CURLOPT_OPENSOCKETDATA, &transfer);
    SET(CURLOPT_WRITEFUNCTION, take_body);
    SET(CURLOPT_WRITEDATA, &transfer);
    SET(CURLOPT_HEADERFUNCTION, take_header);
    SET(CURLOPT_HEADERDATA, &transfer);
#undef SET
    CURLcode code = bad != CURLE_OK ? CURLE_FAILED_INIT : perform_without_sigpipe(easy);
    response->result = classify(code, &transfer);
    long sent = 0;
    curl_easy_getinfo(easy, CURLINFO_REQUEST_SIZE, &sent);
    response->was_sent = sent > 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &response->status);
    curl_off_t wait = 0;
    if (curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &wait) == CURLE_OK && wait > 0) {
        response->retry_after = wait;
    }
    if (code != CURLE_OK && response->error[0] == 0) {
        strncpy(response->error, curl_easy_strerror(code), sizeof response->error - 1);
    }
    // What points at this frame must not outlive it.
    curl_easy_reset(easy);
    curl_slist_free_all(headers);
    give_back(client, easy);
}

void ccurl_response_free(ccurl_response *response) {
    free(response->headers);
    free(response->body);
    response->headers = NULL;
    response->body = NULL;
}

ccurl_url_verdict ccurl_check_url(
    const char *url, int *is_tls, char *origin, size_t origin_size) {
    ccurl_url_verdict verdict = CCURL_URL_MALFORMED;
    char *scheme = NULL, *host = NULL, *port = NULL, *user = NULL, *password = NULL;
    pthread_once(&once, start);
    CURLU *parts = curl_url();
    if (!parts) return verdict;
    if (curl_url_set(parts, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK
        && curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK) {
        *is_tls = strcasecmp(scheme, "https") == 0;
        if (!*is_tls && strcasecmp(scheme, "http") != 0) {
            verdict = CCURL_URL_SCHEME;
        } else if (curl_url_get(parts, CURLUPART_USER, &user, 0) == CURLUE_OK
                   || curl_url_get(parts, CURLUPART_PASSWORD, &password, 0) == CURLUE_OK) {
            verdict = CCURL_URL_HAS_CREDENTIALS;
        } else if (curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK && host[0]
                   && curl_url_get(parts, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT)
                          == CURLUE_OK) {
            const char *piece[] = {*is_tls ? "https" : "http", "://", host, ":", port};
            size_t used = 0;
            verdict = CCURL_URL_OK;
            for (size_t i = 0; i < sizeof piece / sizeof *piece; i++) {
                size_t length = strlen(piece[i]);
                if (used + length + 1 > origin_size) {
                    verdict = CCURL_URL_MALFORMED;
                    break;
                }
                memcpy(origin + used, piece[i], length + 1);
                used += length;
            }
        }
    }
    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    curl_free(user);
    curl_free(password);
    curl_url_cleanup(parts);
    return verdict;
}

int ccurl_sha256(const void *bytes, size_t count, uint8_t *out) {
    unsigned int size = 0;
    return EVP_Digest(bytes, count, out, &size, EVP_sha256(), NULL) == 1 && size == 32;
}

int ccurl_hmac_sha256(
    const void *key, size_t key_size, const void *bytes, size_t count, uint8_t *out) {
    unsigned int size = 0;
    return HMAC(EVP_sha256(), key, (int)key_size, bytes, count, out, &size) != NULL && size == 32;
}

size_t ccurl_base64_encode(const uint8_t *bytes, size_t count, char *out) {
    return (size_t)EVP_EncodeBlock((unsigned char *)out, bytes, (int)count);
}

long ccurl_base64_decode(const char *text, size_t count, uint8_t *out) {
    if (count % 4 != 0 || count > 1 << 20) return -1;
    if (count == 0) return 0;
    int decoded = EVP_DecodeBlock(out, (const unsigned char *)text, (int)count);
    if (decoded < 0) return -1;
    // EVP_DecodeBlock counts the padding as bytes, and takes spaces and stray bits: encode again.
    long size = decoded - (text[count - 1] == '=') - (text[count - 2] == '=');
    unsigned char *again = malloc(count + 1);
    if (!again) return -1;
    int length = EVP_EncodeBlock(again, out, (int)size);
    int same = (size_t)length == count && memcmp(again, text, count) == 0;
    free(again);
    return same ? size : -1;
}
