#define _GNU_SOURCE
#include "cpostgres.h"

#include <dlfcn.h>
#if __has_include(<postgresql/libpq-fe.h>)
#include <postgresql/libpq-fe.h>
#else
#include <libpq-fe.h>
#endif
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char library_name[] = "libpq.so.5";

#define EACH(F) \
    F(PQconnectStartParams) F(PQconnectPoll) F(PQfinish) F(PQstatus) F(PQsocket) \
    F(PQsetErrorVerbosity) F(PQerrorMessage) F(PQconnectionNeedsPassword) F(PQconninfoParse) \
    F(PQconninfoFree) F(PQfreemem) F(PQsetnonblocking) F(PQsendQueryParams) F(PQflush) \
    F(PQconsumeInput) F(PQisBusy) F(PQgetResult) F(PQclear) F(PQresultStatus) F(PQcmdTuples) \
    F(PQntuples) F(PQnfields) F(PQgetvalue) F(PQresultErrorField) F(PQsetNoticeReceiver)

#define DECLARE(name) __typeof__(&name) name##_;
static struct {
    EACH(DECLARE)
} pq;
#undef DECLARE

static pthread_once_t once = PTHREAD_ONCE_INIT;
static char missing[256];

static void start(void) {
    void *library = dlopen(library_name, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        snprintf(missing, sizeof missing, "%s", dlerror());
        return;
    }
#define LOAD(name) \
    { \
        void *address = dlsym(library, #name); \
        if (!address) { \
            snprintf(missing, sizeof missing, "%s has no %s", library_name, #name); \
            return; \
        } \
        memcpy(&pq.name##_, &address, sizeof address); \
    }
    EACH(LOAD)
#undef LOAD
}

struct cpostgres_link {
    PGconn *connection;
    int64_t deadline;
};

static int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/// The server's notices are nobody's here; libpq would print them.
static void ignore(void *context, const PGresult *result) {
    (void)context;
    (void)result;
}

static void clear(cpostgres_result *result) {
    memset(result, 0, sizeof *result);
    result->rows = result->number = -1;
}

static void tell(cpostgres_result *result, cpostgres_status status, const char *text) {
    result->status = status;
    snprintf(result->message, sizeof result->message, "%s", text ? text : "");
}

/// The code in a message of `PQERRORS_VERBOSE`: `FATAL:  28P01: password …`. While connecting there
/// is no other way to it, and the words may be in any language.
static void find_sqlstate(cpostgres_result *result) {
    for (const char *at = result->message; (at = strstr(at, ":  ")) != NULL; at += 3) {
        const char *code = at + 3;
        size_t length = strspn(code, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ");
        if (length == 5 && code[5] == ':') {
            memcpy(result->sqlstate, code, 5);
            return;
        }
    }
}

static int wait_for(cpostgres_link *link, short events) {
    for (;;) {
        int64_t left = link->deadline - now_ms();
        if (left <= 0) return 0;
        struct pollfd file = {.fd = pq.PQsocket_(link->connection), .events = events};
        if (poll(&file, 1, left > 1000 ? 1000 : (int)left) > 0) return 1;
    }
}

void cpostgres_check_string(
    const char *text, cpostgres_result *result, char *password, size_t password_size) {
    clear(result);
    password[0] = 0;
    pthread_once(&once, start);
    if (missing[0]) {
        tell(result, CPOSTGRES_NO_LIBRARY, missing);
        return;
    }
    char *error = NULL;
    PQconninfoOption *options = pq.PQconninfoParse_(text, &error);
    if (!options) {
        // libpq's words repeat the string, which holds the password.
        tell(result, CPOSTGRES_BAD_STRING, "libpq cannot read it");
        if (error) pq.PQfreemem_(error);
        return;
    }
    for (PQconninfoOption *option = options; option->keyword; option++) {
        if (strcmp(option->keyword, "password") == 0 && option->val) {
            snprintf(password, password_size, "%s", option->val);
        }
    }
    pq.PQconninfoFree_(options);
}

cpostgres_link *cpostgres_open(const char *text, long total_ms, cpostgres_result *result) {
    clear(result);
    pthread_once(&once, start);
    if (missing[0]) {
        tell(result, CPOSTGRES_NO_LIBRARY, missing);
        return NULL;
    }
    cpostgres_link *link = calloc(1, sizeof *link);
    if (!link) {
        tell(result, CPOSTGRES_MEMORY, "out of memory");
        return NULL;
    }
    link->deadline = now_ms() + total_ms;
    // What comes later wins over what the string says; the encoding is ours.
    const char *names[] = {"dbname", "client_encoding", "fallback_application_name", NULL};
    const char *values[] = {text, "UTF8", "lastseen", NULL};
    link->connection = pq.PQconnectStartParams_(names, values, 1);
    if (!link->connection) {
        free(link);
        tell(result, CPOSTGRES_MEMORY, "out of memory");
        return NULL;
    }
    pq.PQsetErrorVerbosity_(link->connection, PQERRORS_VERBOSE);
    PostgresPollingStatusType step = PGRES_POLLING_WRITING;
    if (pq.PQstatus_(link->connection) == CONNECTION_BAD) step = PGRES_POLLING_FAILED;
    while (step == PGRES_POLLING_READING || step == PGRES_POLLING_WRITING) {
        if (!wait_for(link, step == PGRES_POLLING_READING ? POLLIN : POLLOUT)) {
            tell(result, CPOSTGRES_TIMED_OUT, "no connection in time");
            cpostgres_close(link);
            return NULL;
        }
        step = pq.PQconnectPoll_(link->connection);
    }
    if (step != PGRES_POLLING_OK) {
        tell(result, CPOSTGRES_BROKEN, pq.PQerrorMessage_(link->connection));
        find_sqlstate(result);
        if (result->sqlstate[0]) result->status = CPOSTGRES_ERROR;
        if (pq.PQconnectionNeedsPassword_(link->connection) && !result->sqlstate[0]) {
            result->status = CPOSTGRES_ERROR;
            memcpy(result->sqlstate, "28P01", 6);
        }
        cpostgres_close(link);
        return NULL;
    }
    pq.PQsetErrorVerbosity_(link->connection, PQERRORS_TERSE);
    pq.PQsetNoticeReceiver_(link->connection, ignore, NULL);
    pq.PQsetnonblocking_(link->connection, 1);
    return link;
}

void cpostgres_close(cpostgres_link *link) {
    if (!link) return;
    pq.PQfinish_(link->connection);
    free(link);
}

static void take(PGresult *from, cpostgres_result *result) {
    switch (pq.PQresultStatus_(from)) {
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK: {
        const char *count = pq.PQcmdTuples_(from);
        if (count[0]) result->rows = atoll(count);
        if (pq.PQntuples_(from) > 0 && pq.PQnfields_(from) > 0) {
            const char *value = pq.PQgetvalue_(from, 0, 0);
            char *end = NULL;
            long long number = strtoll(value, &end, 10);
            if (end != value && *end == 0 && number >= 0) result->number = number;
        }
        break;
    }
    case PGRES_COPY_IN:
    case PGRES_COPY_OUT:
    case PGRES_COPY_BOTH:
        tell(result, CPOSTGRES_BROKEN, "the statement copies, which is not taken");
        break;
    default: {
        const char *state = pq.PQresultErrorField_(from, PG_DIAG_SQLSTATE);
        const char *message = pq.PQresultErrorField_(from, PG_DIAG_MESSAGE_PRIMARY);
        tell(result, state ? CPOSTGRES_ERROR : CPOSTGRES_BROKEN, message);
        if (state) snprintf(result->sqlstate, sizeof result->sqlstate, "%s", state);
        break;
    }
    }
}

void cpostgres_run(
    cpostgres_link *link, const char *sql, const char *const *values, int count,
    cpostgres_result *result) {
    clear(result);
    if (!pq.PQsendQueryParams_(link->connection, sql, count, NULL, values, NULL, NULL, 0)) {
        tell(result, CPOSTGRES_BROKEN, pq.PQerrorMessage_(link->connection));
        return;
    }
    int flushing = pq.PQflush_(link->connection);
    for (;;) {
        if (flushing < 0) {
            tell(result, CPOSTGRES_BROKEN, pq.PQerrorMessage_(link->connection));
            return;
        }
        while (!flushing && !pq.PQisBusy_(link->connection)) {
            PGresult *found = pq.PQgetResult_(link->connection);
            if (!found) {
                if (pq.PQstatus_(link->connection) == CONNECTION_BAD
                    && result->status == CPOSTGRES_OK) {
                    tell(result, CPOSTGRES_BROKEN, pq.PQerrorMessage_(link->connection));
                }
                return;
            }
            take(found, result);
            pq.PQclear_(found);
            if (result->status == CPOSTGRES_BROKEN) return;
        }
        if (!wait_for(link, flushing ? POLLIN | POLLOUT : POLLIN)) {
            tell(result, CPOSTGRES_TIMED_OUT, "no answer in time");
            return;
        }
        if (!pq.PQconsumeInput_(link->connection)) {
            tell(result, CPOSTGRES_BROKEN, pq.PQerrorMessage_(link->connection));
            return;
        }
        if (flushing) flushing = pq.PQflush_(link->connection);
    }
}
