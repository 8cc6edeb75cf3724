/// A Redis connection for one short exchange: hiredis writes and reads the protocol, libcurl makes
/// the connection (names, Unix sockets, TLS with the same checks as every other call of ours).
/// Debian 12's hiredis has no TLS of its own, and its blocking calls have no limit for the whole.
///
/// hiredis is loaded when the first connection is opened, so that a machine that has no Redis needs
/// no hiredis.
#ifndef CHIREDIS_H
#define CHIREDIS_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
    /// NULL when `unix_path` is given.
    const char *host;
    int port;
    /// An absolute path, or NULL.
    const char *unix_path;
    int is_tls;
    /// A file of certificates in PEM to trust instead of the system's; NULL for the system's.
    const char *ca_file;
    /// For the connection and for all exchanges on it together.
    long connect_ms, total_ms;
} chiredis_target;

typedef enum {
    CHIREDIS_OK = 0,
    /// libhiredis cannot be loaded.
    CHIREDIS_NO_LIBRARY,
    /// Nobody there: no such name, no route, refused.
    CHIREDIS_UNREACHABLE,
    CHIREDIS_TLS,
    CHIREDIS_TIMED_OUT,
    /// The connection broke.
    CHIREDIS_BROKEN,
    /// What came is not Redis's protocol, or more than is taken.
    CHIREDIS_PROTOCOL,
    CHIREDIS_MEMORY,
} chiredis_status;

typedef enum {
    CHIREDIS_NIL = 0,
    CHIREDIS_INTEGER,
    /// Bytes.
    CHIREDIS_TEXT,
    /// Bytes, for a person.
    CHIREDIS_STATUS,
    /// Bytes: a word in capitals and what it means.
    CHIREDIS_ERROR,
    CHIREDIS_LIST,
} chiredis_kind;

typedef struct chiredis_link chiredis_link;
typedef struct chiredis_reply chiredis_reply;

/// NULL with `status` and words for a person in `error`.
chiredis_link *chiredis_open(
    const chiredis_target *target, chiredis_status *status, char *error, size_t error_size);
void chiredis_close(chiredis_link *link);

/// Sends one command and waits for its answer. `bytes` holds the words one after the other, of the
/// lengths given: any byte may be in them. `was_sent` tells whether any byte left. The reply is to
/// be freed; NULL unless the status is OK. After another status only `chiredis_close` may follow.
chiredis_status chiredis_command(
    chiredis_link *link, const uint8_t *bytes, const size_t *lengths, size_t count,
    int *was_sent, chiredis_reply **reply);

chiredis_kind chiredis_reply_kind(const chiredis_reply *reply);
int64_t chiredis_reply_integer(const chiredis_reply *reply);
/// Valid until the reply is freed.
const uint8_t *chiredis_reply_bytes(const chiredis_reply *reply, size_t *count);
size_t chiredis_reply_count(const chiredis_reply *reply);
/// Belongs to its list.
const chiredis_reply *chiredis_reply_element(const chiredis_reply *reply, size_t index);
void chiredis_reply_free(chiredis_reply *reply);

#endif
