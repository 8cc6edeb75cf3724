#define _GNU_SOURCE
#include "chiredis.h"

#include <curl/curl.h>
#include <dlfcn.h>
#include <hiredis/hiredis.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

// The library of the headers that we were built with: the reply's layout differs between versions.
#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)
static const char library_name[] = "libhiredis.so." TEXT(HIREDIS_SONAME);

static struct {
    __typeof__(&redisFormatCommandArgv) format;
    __typeof__(&redisFreeCommand) free_command;
    __typeof__(&redisReaderCreate) reader_new;
    __typeof__(&redisReaderFree) reader_free;
    __typeof__(&redisReaderFeed) feed;
    __typeof__(&redisReaderGetReply) get_reply;
    __typeof__(&freeReplyObject) free_reply;
} hiredis;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static char missing[256];

static void start(void) {
    curl_global_init(CURL_GLOBAL_DEFAULT);
    void *library = dlopen(library_name, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        snprintf(missing, sizeof missing, "%s", dlerror());
        return;
    }
#define LOAD(field, symbol) \
    do { \
        void *address = dlsym(library, #symbol); \
        if (!address) { \
            snprintf(missing, sizeof missing, "%s has no %s", library_name, #symbol); \
            return; \
        } \
        memcpy(&hiredis.field, &address, sizeof address); \
    } while (0)
    LOAD(format, redisFormatCommandArgv);
    LOAD(free_command, redisFreeCommand);
    LOAD(reader_new, redisReaderCreate);
    LOAD(reader_free, redisReaderFree);
    LOAD(feed, redisReaderFeed);
    LOAD(get_reply, redisReaderGetReply);
    LOAD(free_reply, freeReplyObject);
#undef LOAD
}

/// The most bytes of one answer.
#define ANSWER_LIMIT ((size_t)16 << 20)

struct chiredis_link {
    CURL *easy;
    redisReader *reader;
    curl_socket_t socket;
    int64_t deadline;
};

static int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/// OpenSSL writes without MSG_NOSIGNAL, so SIGPIPE is blocked around each call into libcurl.
struct quiet {
    sigset_t before;
    int was_pending;
};

static void hush(struct quiet *quiet) {
    sigset_t only_pipe, pending;
    sigemptyset(&only_pipe);
    sigaddset(&only_pipe, SIGPIPE);
    sigemptyset(&pending);
    sigpending(&pending);
    quiet->was_pending = sigismember(&pending, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &only_pipe, &quiet->before);
}

static void unhush(struct quiet *quiet) {
    sigset_t only_pipe;
    struct timespec none = {0, 0};
    sigemptyset(&only_pipe);
    sigaddset(&only_pipe, SIGPIPE);
    if (!quiet->was_pending) {
        while (sigtimedwait(&only_pipe, NULL, &none) == SIGPIPE) {
        }
    }
    pthread_sigmask(SIG_SETMASK, &quiet->before, NULL);
}

static chiredis_status classify(CURLcode code) {
    switch (code) {
    case CURLE_OK: return CHIREDIS_OK;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT: return CHIREDIS_UNREACHABLE;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR: return CHIREDIS_TLS;
    case CURLE_OPERATION_TIMEDOUT: return CHIREDIS_TIMED_OUT;
    case CURLE_OUT_OF_MEMORY: return CHIREDIS_MEMORY;
    default: return CHIREDIS_BROKEN;
    }
}

chiredis_link *chiredis_open(
    const chiredis_target *target, chiredis_status *status, char *error, size_t error_size) {
    pthread_once(&once, start);
    if (missing[0]) {
        snprintf(error, error_size, "%s", missing);
        *status = CHIREDIS_NO_LIBRARY;
        return NULL;
    }
    chiredis_link *link = calloc(1, sizeof *link);
    char said[CURL_ERROR_SIZE] = {0};
    char url[512];
    *status = CHIREDIS_MEMORY;
    snprintf(error, error_size, "out of memory");
    if (!link) return NULL;
    link->deadline = now_ms() + target->total_ms;
    link->easy = curl_easy_init();
    link->reader = hiredis.reader_new();
    if (!link->easy || !link->reader) {
        chiredis_close(link);
        return NULL;
    }
    // libcurl only connects (and shakes hands): the scheme says no more than whether by TLS.
    snprintf(
        url, sizeof url, "%s://%s:%d/", target->is_tls ? "https" : "http",
        target->unix_path ? "localhost" : target->host, target->unix_path ? 6379 : target->port);
    CURL *easy = link->easy;
    CURLcode bad = CURLE_OK;
#define SET(option, value) \
    do { \
        CURLcode code = curl_easy_setopt(easy, option, value); \
        if (code != CURLE_OK) bad = code; \
    } while (0)
    SET(CURLOPT_ERRORBUFFER, said);
    SET(CURLOPT_URL, url);
    SET(CURLOPT_CONNECT_ONLY, 1L);
    SET(CURLOPT_PROXY, "");
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_CONNECTTIMEOUT_MS, target->connect_ms);
    SET(CURLOPT_TIMEOUT_MS, target->total_ms);
    SET(CURLOPT_SSL_ENABLE_ALPN, 0L);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (target->unix_path) SET(CURLOPT_UNIX_SOCKET_PATH, target->unix_path);
    if (target->ca_file) {
        SET(CURLOPT_CAINFO, target->ca_file);
        SET(CURLOPT_CAPATH, NULL);
    }
#undef SET
    CURLcode code = bad;
    if (code == CURLE_OK) {
        struct quiet quiet;
        hush(&quiet);
        code = curl_easy_perform(easy);
        unhush(&quiet);
    }
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, NULL);
    if (code == CURLE_OK) code = curl_easy_getinfo(easy, CURLINFO_ACTIVESOCKET, &link->socket);
    *status = classify(code);
    if (code != CURLE_OK || link->socket == CURL_SOCKET_BAD) {
        if (*status == CHIREDIS_OK) *status = CHIREDIS_UNREACHABLE;
        snprintf(error, error_size, "%s", said[0] ? said : curl_easy_strerror(code));
        chiredis_close(link);
        return NULL;
    }
    error[0] = 0;
    return link;
}

void chiredis_close(chiredis_link *link) {
    if (!link) return;
    struct quiet quiet;
    hush(&quiet);
    if (link->easy) curl_easy_cleanup(link->easy);
    unhush(&quiet);
    if (link->reader) hiredis.reader_free(link->reader);
    free(link);
}

/// Waits until the socket is ready, or the time is up.
static chiredis_status wait_for(chiredis_link *link, short events) {
    for (;;) {
        int64_t left = link->deadline - now_ms();
        if (left <= 0) return CHIREDIS_TIMED_OUT;
        struct pollfd file = {.fd = link->socket, .events = events};
        int ready = poll(&file, 1, left > 1000 ? 1000 : (int)left);
        if (ready > 0) return CHIREDIS_OK;
    }
}

static chiredis_status send_all(
    chiredis_link *link, const char *bytes, size_t count, int *was_sent) {
    size_t sent = 0;
    while (sent < count) {
        size_t step = 0;
        struct quiet quiet;
        hush(&quiet);
        CURLcode code = curl_easy_send(link->easy, bytes + sent, count - sent, &step);
        unhush(&quiet);
        if (step > 0) *was_sent = 1;
        sent += step;
        if (code == CURLE_AGAIN) {
            chiredis_status status = wait_for(link, POLLOUT);
            if (status != CHIREDIS_OK) return status;
        } else if (code != CURLE_OK) {
            return CHIREDIS_BROKEN;
        }
    }
    return CHIREDIS_OK;
}

chiredis_status chiredis_command(
    chiredis_link *link, const uint8_t *bytes, const size_t *lengths, size_t count,
    int *was_sent, chiredis_reply **reply) {
    *was_sent = 0;
    *reply = NULL;
    const char **words = calloc(count ? count : 1, sizeof *words);
    if (!words) return CHIREDIS_MEMORY;
    for (size_t i = 0, at = 0; i < count; at += lengths[i], i++) {
        words[i] = (const char *)bytes + at;
    }
    char *command = NULL;
    long long length = hiredis.format(&command, (int)count, words, lengths);
    free(words);
    if (length < 0) return CHIREDIS_MEMORY;
    chiredis_status status = send_all(link, command, (size_t)length, was_sent);
    hiredis.free_command(command);
    size_t received = 0;
    char buffer[16384];
    while (status == CHIREDIS_OK) {
        void *found = NULL;
        if (hiredis.get_reply(link->reader, &found) != REDIS_OK) return CHIREDIS_PROTOCOL;
        if (found) {
            *reply = found;
            return CHIREDIS_OK;
        }
        size_t step = 0;
        struct quiet quiet;
        hush(&quiet);
        CURLcode code = curl_easy_recv(link->easy, buffer, sizeof buffer, &step);
        unhush(&quiet);
        if (code == CURLE_AGAIN) {
            status = wait_for(link, POLLIN);
        } else if (code != CURLE_OK || step == 0) {
            return CHIREDIS_BROKEN;
        } else {
            received += step;
            if (received > ANSWER_LIMIT) return CHIREDIS_PROTOCOL;
            if (hiredis.feed(link->reader, buffer, step) != REDIS_OK) return CHIREDIS_PROTOCOL;
        }
    }
    return status;
}

static const redisReply *as_redis(const chiredis_reply *reply) {
    return (const redisReply *)reply;
}

chiredis_kind chiredis_reply_kind(const chiredis_reply *reply) {
    switch (as_redis(reply)->type) {
    case REDIS_REPLY_INTEGER: return CHIREDIS_INTEGER;
    case REDIS_REPLY_STRING: return CHIREDIS_TEXT;
    case REDIS_REPLY_STATUS: return CHIREDIS_STATUS;
    case REDIS_REPLY_ERROR: return CHIREDIS_ERROR;
    case REDIS_REPLY_ARRAY: return CHIREDIS_LIST;
    default: return CHIREDIS_NIL;
    }
}

int64_t chiredis_reply_integer(const chiredis_reply *reply) { return as_redis(reply)->integer; }

const uint8_t *chiredis_reply_bytes(const chiredis_reply *reply, size_t *count) {
    const redisReply *redis = as_redis(reply);
    *count = redis->str ? (size_t)redis->len : 0;
    return (const uint8_t *)redis->str;
}

size_t chiredis_reply_count(const chiredis_reply *reply) {
    const redisReply *redis = as_redis(reply);
    return redis->type == REDIS_REPLY_ARRAY ? redis->elements : 0;
}

const chiredis_reply *chiredis_reply_element(const chiredis_reply *reply, size_t index) {
    return (const chiredis_reply *)as_redis(reply)->element[index];
}

void chiredis_reply_free(chiredis_reply *reply) {
    if (reply) hiredis.free_reply(reply);
}
