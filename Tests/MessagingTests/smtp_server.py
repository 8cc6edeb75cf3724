"""A mail server for the tests, by aiosmtpd. Prints its port, then a line of JSON for each message."""
import asyncio
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult

mode, certificate, key = sys.argv[1], sys.argv[2], sys.argv[3]


class Handler:
    count = 0

    async def handle_DATA(self, server, session, envelope):
        Handler.count += 1
        print(json.dumps({
            "from": envelope.mail_from, "to": envelope.rcpt_tos, "tls": session.ssl is not None,
            "user": getattr(session, "auth_data", None) and session.auth_data.login.decode(),
            "data": envelope.content.decode("ascii")}), flush=True)
        if mode == "later" and Handler.count == 1:
            return "451 4.3.0 try again"
        if mode == "never":
            return "554 5.7.1 not here"
        if mode == "cut" and Handler.count == 1:
            server.transport.abort()
        return "250 OK"


def authenticate(server, session, envelope, mechanism, data):
    good = data.login == b"lastseen" and data.password == b"right"
    return AuthResult(success=good, auth_data=data)


def server():
    context = None
    if mode != "plain":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
    return SMTP(
        Handler(), hostname="localhost", tls_context=context, authenticator=authenticate,
        require_starttls=False, auth_require_tls=True, auth_required=mode == "auth")


async def main():
    loop = asyncio.get_running_loop()
    listening = await loop.create_server(server, "127.0.0.1", 0)
    print(listening.sockets[0].getsockname()[1], flush=True)
    # Until the test closes standard input.
    await loop.run_in_executor(None, sys.stdin.read)
    listening.close()


asyncio.run(main())
