"""A mail server on loopback: STARTTLS and a password, or nothing. Usage: mail_server.py PORT CERTIFICATE KEY USER PASSWORD MAILBOX

Each mail is a line of JSON in MAILBOX. Receivers called refused@… have no mailbox.
"""

import email
import email.policy
import json
import ssl
import sys
import time

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

port, certificate, key, user, password, mailbox = sys.argv[1:]


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("refused@"):
            return "550 5.1.1 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 fine"

    async def handle_DATA(self, server, session, envelope):
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        kept = {
            "to": envelope.rcpt_tos,
            "from": envelope.mail_from,
            "encrypted": session.ssl is not None,
            "authenticated": session.authenticated,
            "id": mail["message-id"],
            "subject": mail["subject"],
            "receivers": mail["to"],
            "text": mail.get_content(),
        }
        with open(mailbox, "a") as file:
            file.write(json.dumps(kept) + "\n")
        return "250 2.0.0 kept"


def authenticate(server, session, envelope, mechanism, given):
    fits = isinstance(given, LoginPassword) and (given.login.decode(), given.password.decode()) == (user, password)
    return AuthResult(success=fits)


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)
Controller(
    Handler(),
    hostname="127.0.0.1",
    port=int(port),
    tls_context=context,
    require_starttls=True,
    authenticator=authenticate,
    auth_required=True,
).start()
while True:
    time.sleep(60)
