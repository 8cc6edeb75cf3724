/// PostgreSQL through libpq, never blocking longer than a limit. libpq is loaded when the first
/// connection is opened, so that a machine without PostgreSQL needs no libpq.
#ifndef CPOSTGRES_H
#define CPOSTGRES_H

#include <stddef.h>
#include <stdint.h>

typedef enum {
    CPOSTGRES_OK = 0,
    /// libpq cannot be loaded.
    CPOSTGRES_NO_LIBRARY,
    /// The connection string is none.
    CPOSTGRES_BAD_STRING,
    /// The server said no; `sqlstate` says what.
    CPOSTGRES_ERROR,
    /// Nobody there, or the connection broke.
    CPOSTGRES_BROKEN,
    CPOSTGRES_TIMED_OUT,
    CPOSTGRES_MEMORY,
} cpostgres_status;

typedef struct {
    cpostgres_status status;
    /// Rows changed by the statement, or given by it; -1 when it tells none.
    int64_t rows;
    /// The first column of the first row as a number; -1 when there is none.
    int64_t number;
    /// Five characters and a zero; empty when there is none.
    char sqlstate[6];
    /// For a person, in the server's language, cut.
    char message[512];
} cpostgres_result;

typedef struct cpostgres_link cpostgres_link;

/// Whether the string is one that libpq reads; gives its password (cut) for masking.
void cpostgres_check_string(
    const char *text, cpostgres_result *result, char *password, size_t password_size);

/// `text` is a connection URI or `key=value` string. NULL unless the status is OK. `total_ms` is for
/// the connection and all statements together.
cpostgres_link *cpostgres_open(const char *text, long total_ms, cpostgres_result *result);
void cpostgres_close(cpostgres_link *link);

/// Runs one statement (the protocol takes no more) with texts for $1, $2 … . After a status other
/// than OK and ERROR only `cpostgres_close` may follow.
void cpostgres_run(
    cpostgres_link *link, const char *sql, const char *const *values, int count,
    cpostgres_result *result);

#endif
