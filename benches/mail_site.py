"""A server of Plenary with a mail server beside it, for the benchmarks of the newsletter."""

import json
import os
import pathlib
import signal
import subprocess
import tempfile
import time
import urllib.request

from load import free_port

EMAIL, PASSWORD = "admin@example.org", "correct horse battery"
ROOT = pathlib.Path(__file__).resolve().parent.parent


class MailSite:
    """The program PLENARY on a database of its own, and tests/tools/smtp_server.py in the interpreter PYTHON."""

    def __init__(self, plenary, python, database=None, **settings):
        self.plenary, self.server, self.token = plenary, None, ""
        folder = pathlib.Path(tempfile.mkdtemp())
        self.post, self.port, smtp_port = folder / "post", free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = os.environ | {
            "PLENARY_DATABASE_URL": database or str(folder / "plenary.db"),
            "PLENARY_LISTEN": f"127.0.0.1:{self.port}",
            "PLENARY_SEARCH__FOLDER": str(folder / "search"),
            "PLENARY_ADMIN_EMAIL": EMAIL,
            "PLENARY_ADMIN_PASSWORD": PASSWORD,
            "PLENARY_AUTH__HASH_MEMORY_KIB": "64",
            "PLENARY_MAIL__SMTP_URL": f"smtp://127.0.0.1:{smtp_port}",
            "PLENARY_MAIL__FROM": "Desk <desk@example.org>",
            "PLENARY_LOG__LEVEL": "error",
        } | settings
        self.office = subprocess.Popen([python, ROOT / "tests/tools/smtp_server.py", str(smtp_port), self.post])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end(signal.SIGKILL)
        self.office.kill()

    def start(self, *arguments, **settings):
        """Starts the server, and waits until it is ready."""
        command = [self.plenary, "serve", *arguments]
        self.server = subprocess.Popen(command, env=self.environment | settings, stdout=subprocess.DEVNULL)
        while self.server.poll() is None:
            try:
                return urllib.request.urlopen(self.url + "/readyz").read()
            except OSError:
                time.sleep(0.05)
        raise SystemExit(f"the server ended with {self.server.returncode}")

    def end(self, by=signal.SIGTERM):
        """Ends the server by a signal, and waits for its end."""
        if self.server:
            self.server.send_signal(by)
            self.server.wait()

    def call(self, method, path, body=None, headers=()):
        """Sends a request. Returns the body of the response; a status of 400 or more is an error."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else None
        own = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        request = urllib.request.Request(self.url + path, data, own | dict(headers), method=method)
        request.headers.setdefault("Content-type", "application/json")
        with urllib.request.urlopen(request) as reply:
            return json.loads(reply.read() or "null")

    def log_in(self):
        """Lets the requests that follow be those of the administrator."""
        self.token = ""
        self.token = self.call("POST", "/api/v1/auth/login", {"email": EMAIL, "password": PASSWORD})["access_token"]

    def subscribe(self, addresses):
        """Imports subscribers with invented consent."""
        rows = "".join(f"{address},en,Yes,2026-01-01,invented\n" for address in addresses)
        table = ("email,locale,consent_text,consented_at,proof\n" + rows).encode()
        report = self.call("POST", "/api/v1/newsletter/subscribers/import", table, {"Content-type": "text/csv"})
        assert report["created"] == len(addresses), report

    def taken(self):
        """Returns the files of the mails that the mail server took."""
        new = self.post / "new"
        return list(new.iterdir()) if new.exists() else []
