"""A mail server for tests that fails as real ones do.

smtp_server.py PORT FOLDER [ADDRESS]

It listens at 127.0.0.1, and at ADDRESS too. Mails that it took are files in FOLDER/new, with the envelope in the first lines (X-From, X-To). FOLDER/mode says how it
behaves, and is read at each step: a word, or nothing for a server that works.

refuse    refuses every recipient for good (550)
greylist  refuses each recipient once for now (451), and takes it after that
hang      never answers after the data
drop      takes the mail and ends the connection without an answer
half      every second mail fails: in turn 451 to the recipient, 421, no answer after the data, 452 after the data

It offers a log-in without TLS, and accepts the user "plenary" with the password "pass word".
"""

import asyncio
import itertools
import pathlib
import sys

from aiosmtpd.smtp import SMTP, AuthResult


class Handler:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        (self.folder / "new").mkdir(parents=True, exist_ok=True)
        self.numbers = itertools.count(1)
        self.turns = itertools.count(1)
        self.seen = set()

    def mode(self):
        try:
            return (self.folder / "mode").read_text().strip()
        except FileNotFoundError:
            return ""

    def turn(self, session):
        """The number of the failure of this mail, or None if it is to work."""
        turn = next(self.turns)
        return (turn // 2) % 4 if turn % 2 else None

    async def handle_RCPT(self, server, session, envelope, address, options):
        mode = self.mode()
        session.failure = self.turn(session) if mode == "half" else None
        if mode == "refuse":
            return "550 5.1.1 no such user here"
        if mode == "greylist" and address not in self.seen:
            self.seen.add(address)
            return "451 4.7.1 come back later"
        if session.failure == 0:
            return "451 4.3.0 try again"
        if session.failure == 1:
            return "421 4.3.2 closing"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    def keep(self, envelope):
        name = f"{next(self.numbers):06}"
        head = f"X-From: {envelope.mail_from}\r\nX-To: {envelope.rcpt_tos[0]}\r\n".encode()
        # Written under another name first, so that no test reads half of it.
        half = self.folder / f"{name}.part"
        half.write_bytes(head + envelope.content)
        half.rename(self.folder / "new" / name)

    async def handle_DATA(self, server, session, envelope):
        mode = self.mode()
        if mode == "hang":
            await asyncio.sleep(3600)
        if mode == "drop" or session.failure == 2:
            self.keep(envelope)
            server.transport.abort()
            return "250 never sent"
        if session.failure == 3:
            return "452 4.2.2 mailbox full for now"
        self.keep(envelope)
        return "250 2.0.0 taken"


def authenticate(server, session, envelope, mechanism, given):
    is_known = given.login == b"plenary" and given.password == b"pass word"
    return AuthResult(success=is_known, handled=is_known)


async def main():
    handler = Handler(sys.argv[2])
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(handler, enable_SMTPUTF8=True, authenticator=authenticate, auth_require_tls=False), ["127.0.0.1", *sys.argv[3:]], int(sys.argv[1]))
    async with server:
        await server.serve_forever()


asyncio.run(main())
