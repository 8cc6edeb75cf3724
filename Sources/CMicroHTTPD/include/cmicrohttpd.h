/// libmicrohttpd as the server needs it: whole requests in, whole answers out, everything bounded.
#ifndef CMICROHTTPD_H
#define CMICROHTTPD_H

#include <stddef.h>
#include <stdint.h>

typedef struct cmhd_server cmhd_server;
/// Valid while the handler runs.
typedef struct cmhd_exchange cmhd_exchange;

/// Answers a request: calls `cmhd_answer` once. On a thread of the connection's own.
typedef void (*cmhd_handler)(void *context, cmhd_exchange *exchange);

typedef struct {
    /// Numeric: `127.0.0.1` or `::1`.
    const char *address;
    /// 0 for any that is free.
    uint16_t port;
    unsigned connection_limit;
    unsigned idle_seconds;
    /// Of the request line and the headers together.
    size_t header_limit;
    size_t body_limit;
    /// PEM; NULL for no TLS.
    const char *certificate, *key;
} cmhd_options;

/// NULL with words in `error`.
cmhd_server *cmhd_start(
    const cmhd_options *options, cmhd_handler handler, void *context, char *error,
    size_t error_size);
uint16_t cmhd_port(const cmhd_server *server);
/// Takes no more connections, and waits up to a second for the answers that are under way.
void cmhd_stop(cmhd_server *server);

const char *cmhd_method(const cmhd_exchange *exchange);
/// Decoded.
const char *cmhd_path(const cmhd_exchange *exchange);
/// NULL when there is none; names of any case.
const char *cmhd_header(const cmhd_exchange *exchange, const char *name);
/// Decoded; NULL when there is none.
const char *cmhd_argument(const cmhd_exchange *exchange, const char *name);
const uint8_t *cmhd_body(const cmhd_exchange *exchange, size_t *size);

/// `headers` are lines as `name: value`, each ended by a line feed. Both are copied.
void cmhd_answer(
    cmhd_exchange *exchange, unsigned status, const char *headers, const uint8_t *body,
    size_t size);

#endif
