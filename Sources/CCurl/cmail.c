#include "cmail.h"

#include <curl/curl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <time.h>

struct reading {
    const ccurl_mail *mail;
    size_t offset;
};

static size_t give(char *room, size_t size, size_t count, void *context) {
    struct reading *reading = context;
    size_t left = reading->mail->body_size - reading->offset;
    size_t taken = size * count < left ? size * count : left;
    memcpy(room, reading->mail->body + reading->offset, taken);
    reading->offset += taken;
    return taken;
}

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void start(void) { curl_global_init(CURL_GLOBAL_DEFAULT); }

/// As in ccurl.c: OpenSSL writes without MSG_NOSIGNAL.
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

void ccurl_send_mail(const ccurl_mail *mail, ccurl_mail_result *result) {
    memset(result, 0, sizeof *result);
    pthread_once(&once, start);
    result->code = CURLE_FAILED_INIT;
    CURL *easy = curl_easy_init();
    if (!easy) return;
    struct reading reading = {.mail = mail, .offset = 0};
    struct curl_slist *recipients = NULL;
    CURLcode bad = CURLE_OK;
    for (size_t i = 0; i < mail->recipient_count; i++) {
        struct curl_slist *longer = curl_slist_append(recipients, mail->recipients[i]);
        if (!longer) {
            bad = CURLE_OUT_OF_MEMORY;
            break;
        }
        recipients = longer;
    }
#define SET(option, value) \
    do { \
        CURLcode code = curl_easy_setopt(easy, option, value); \
        if (code != CURLE_OK) bad = code; \
    } while (0)
    SET(CURLOPT_ERRORBUFFER, result->error);
    SET(CURLOPT_URL, mail->url);
    SET(CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    SET(CURLOPT_PROXY, "");
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_USE_SSL, (long)(mail->requires_tls ? CURLUSESSL_ALL : CURLUSESSL_NONE));
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (mail->ca_file) {
        SET(CURLOPT_CAINFO, mail->ca_file);
        SET(CURLOPT_CAPATH, NULL);
    }
    if (mail->user && mail->password) {
        SET(CURLOPT_USERNAME, mail->user);
        SET(CURLOPT_PASSWORD, mail->password);
    }
    SET(CURLOPT_MAIL_FROM, mail->sender);
    SET(CURLOPT_MAIL_RCPT, recipients);
    SET(CURLOPT_UPLOAD, 1L);
    SET(CURLOPT_READFUNCTION, give);
    SET(CURLOPT_READDATA, &reading);
    SET(CURLOPT_INFILESIZE_LARGE, (curl_off_t)mail->body_size);
    SET(CURLOPT_CONNECTTIMEOUT_MS, mail->total_ms < 10000 ? mail->total_ms : 10000L);
    SET(CURLOPT_TIMEOUT_MS, mail->total_ms);
#undef SET
    CURLcode code = bad != CURLE_OK ? bad : perform_without_sigpipe(easy);
    result->code = code;
    result->was_sent = reading.offset > 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &result->status);
    switch (code) {
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_USE_SSL_FAILED:
        result->is_tls = 1;
        break;
    case CURLE_LOGIN_DENIED:
        result->is_login = 1;
        break;
    default:
        break;
    }
    if (code != CURLE_OK && result->error[0] == 0) {
        strncpy(result->error, curl_easy_strerror(code), sizeof result->error - 1);
    }
    curl_easy_cleanup(easy);
    curl_slist_free_all(recipients);
}
