/// Mail by libcurl's SMTP.
#ifndef CMAIL_H
#define CMAIL_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
    /// `smtp://host:port` or `smtps://host:port`.
    const char *url;
    /// Whether STARTTLS must succeed before anything else is said.
    int requires_tls;
    /// A file of certificates in PEM to trust instead of the system's; NULL for the system's.
    const char *ca_file;
    /// NULL for none.
    const char *user;
    const char *password;
    /// Addresses without angle brackets.
    const char *sender;
    const char *const *recipients;
    size_t recipient_count;
    /// The whole message, with CR LF.
    const uint8_t *body;
    size_t body_size;
    long total_ms;
} ccurl_mail;

typedef struct {
    /// A CURLcode; 0 when the server took the message.
    int code;
    /// The server's last reply code; 0 when there was none.
    long status;
    /// Whether bytes of the message itself were handed over, so that it may have been taken.
    int was_sent;
    /// Whether the failure is one of TLS.
    int is_tls;
    /// Whether the server refused the user or password.
    int is_login;
    /// libcurl's words for a failure.
    char error[256];
} ccurl_mail_result;

/// Sends one message and waits. TLS 1.2 at least and always verified; SIGPIPE is kept from the
/// caller.
void ccurl_send_mail(const ccurl_mail *mail, ccurl_mail_result *result);

#endif
