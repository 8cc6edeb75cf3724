#define _GNU_SOURCE
#include "cmicrohttpd.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct cmhd_server {
    struct MHD_Daemon *daemon;
    cmhd_handler handler;
    void *context;
    size_t body_limit;
    uint16_t port;
};

struct cmhd_exchange {
    struct MHD_Connection *connection;
    const char *method, *path;
    uint8_t *body;
    size_t size;
    struct MHD_Response *response;
    unsigned status;
};

static enum MHD_Result reply_empty(struct MHD_Connection *connection, unsigned status) {
    struct MHD_Response *response =
        MHD_create_response_from_buffer(0, (void *)"", MHD_RESPMEM_PERSISTENT);
    if (!response) return MHD_NO;
    MHD_add_response_header(response, "connection", "close");
    enum MHD_Result result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result take(
    void *context, struct MHD_Connection *connection, const char *url, const char *method,
    const char *version, const char *upload, size_t *upload_size, void **state) {
    (void)version;
    cmhd_server *server = context;
    struct cmhd_exchange *exchange = *state;
    if (!exchange) {
        const char *length =
            MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Content-Length");
        if (length && strtoull(length, NULL, 10) > server->body_limit) {
            return reply_empty(connection, 413);
        }
        exchange = calloc(1, sizeof *exchange);
        if (!exchange) return MHD_NO;
        *state = exchange;
        return MHD_YES;
    }
    if (*upload_size > 0) {
        // Only a chunked body comes here too long: the others say their length.
        if (exchange->size + *upload_size > server->body_limit) return MHD_NO;
        uint8_t *longer = realloc(exchange->body, exchange->size + *upload_size);
        if (!longer) return MHD_NO;
        memcpy(longer + exchange->size, upload, *upload_size);
        exchange->body = longer;
        exchange->size += *upload_size;
        *upload_size = 0;
        return MHD_YES;
    }
    exchange->connection = connection;
    exchange->method = method;
    exchange->path = url;
    server->handler(server->context, exchange);
    if (!exchange->response) return reply_empty(connection, 500);
    enum MHD_Result result =
        MHD_queue_response(connection, exchange->status, exchange->response);
    MHD_destroy_response(exchange->response);
    exchange->response = NULL;
    return result;
}

static void ended(
    void *context, struct MHD_Connection *connection, void **state,
    enum MHD_RequestTerminationCode code) {
    (void)context;
    (void)connection;
    (void)code;
    struct cmhd_exchange *exchange = *state;
    if (!exchange) return;
    free(exchange->body);
    free(exchange);
    *state = NULL;
}

cmhd_server *cmhd_start(
    const cmhd_options *options, cmhd_handler handler, void *context, char *error,
    size_t error_size) {
    struct sockaddr_storage address;
    memset(&address, 0, sizeof address);
    struct sockaddr_in *v4 = (struct sockaddr_in *)&address;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&address;
    unsigned flags = MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_ITC;
    if (inet_pton(AF_INET, options->address, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(options->port);
    } else if (inet_pton(AF_INET6, options->address, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(options->port);
        flags |= MHD_USE_IPv6;
    } else {
        snprintf(error, error_size, "%s is no address", options->address);
        return NULL;
    }
    cmhd_server *server = calloc(1, sizeof *server);
    if (!server) {
        snprintf(error, error_size, "out of memory");
        return NULL;
    }
    server->handler = handler;
    server->context = context;
    server->body_limit = options->body_limit;
    struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)options->certificate},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)options->key},
        {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)"NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"},
        {MHD_OPTION_END, 0, NULL},
    };
    struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};
    if (options->certificate) flags |= MHD_USE_TLS;
    errno = 0;
    server->daemon = MHD_start_daemon(
        flags, options->port, NULL, NULL, take, server,
        MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&address,
        MHD_OPTION_CONNECTION_LIMIT, options->connection_limit,
        MHD_OPTION_CONNECTION_TIMEOUT, options->idle_seconds,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, options->header_limit,
        MHD_OPTION_THREAD_STACK_SIZE, (size_t)1 << 20,
        MHD_OPTION_NOTIFY_COMPLETED, ended, NULL,
        MHD_OPTION_ARRAY, options->certificate ? tls : none, MHD_OPTION_END);
    if (!server->daemon) {
        snprintf(
            error, error_size, "%s port %u cannot be listened on: %s", options->address,
            options->port, errno ? strerror(errno) : "the certificate or key cannot be used");
        free(server);
        return NULL;
    }
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_BIND_PORT);
    server->port = info ? info->port : options->port;
    return server;
}

uint16_t cmhd_port(const cmhd_server *server) { return server->port; }

void cmhd_stop(cmhd_server *server) {
    if (!server) return;
    // What is being answered gets its answer: stopping at once would cut it off.
    MHD_socket listener = MHD_quiesce_daemon(server->daemon);
    for (int i = 0; i < 50; i++) {
        const union MHD_DaemonInfo *info =
            MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);
        if (!info || info->num_connections == 0) break;
        usleep(20000);
    }
    MHD_stop_daemon(server->daemon);
    if (listener != MHD_INVALID_SOCKET) close(listener);
    free(server);
}

const char *cmhd_method(const cmhd_exchange *exchange) { return exchange->method; }
const char *cmhd_path(const cmhd_exchange *exchange) { return exchange->path; }

const char *cmhd_header(const cmhd_exchange *exchange, const char *name) {
    return MHD_lookup_connection_value(exchange->connection, MHD_HEADER_KIND, name);
}

const char *cmhd_argument(const cmhd_exchange *exchange, const char *name) {
    return MHD_lookup_connection_value(exchange->connection, MHD_GET_ARGUMENT_KIND, name);
}

const uint8_t *cmhd_body(const cmhd_exchange *exchange, size_t *size) {
    *size = exchange->size;
    return exchange->body;
}

void cmhd_answer(
    cmhd_exchange *exchange, unsigned status, const char *headers, const uint8_t *body,
    size_t size) {
    if (exchange->response) return;
    exchange->response =
        MHD_create_response_from_buffer(size, (void *)body, MHD_RESPMEM_MUST_COPY);
    exchange->status = status;
    while (exchange->response && *headers) {
        const char *end = strchrnul(headers, '\n');
        const char *colon = memchr(headers, ':', (size_t)(end - headers));
        if (colon) {
            char name[64], value[512];
            const char *start = colon + 1;
            while (start < end && *start == ' ') start++;
            snprintf(name, sizeof name, "%.*s", (int)(colon - headers), headers);
            snprintf(value, sizeof value, "%.*s", (int)(end - start), start);
            MHD_add_response_header(exchange->response, name, value);
        }
        headers = *end ? end + 1 : end;
    }
}
