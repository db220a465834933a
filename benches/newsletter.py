"""An issue of the newsletter to many addresses, with a mail server that fails half the time and a node that is killed.

benches/newsletter.py PLENARY PYTHON [ADDRESSES] [KILLS] [DATABASE_URL]

PLENARY is the program, PYTHON an interpreter with aiosmtpd (target/test-tools/python/bin/python). It prints how many mails were
taken a second, how many more than once, how many doubts the log counted, and the greatest memory of the server.
"""

import collections
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

plenary, python = sys.argv[1:3]
addresses = int(sys.argv[3]) if len(sys.argv) > 3 else 10_000
kills = int(sys.argv[4]) if len(sys.argv) > 4 else 10
folder = pathlib.Path(tempfile.mkdtemp())
database = sys.argv[5] if len(sys.argv) > 5 else str(folder / "plenary.db")
root = pathlib.Path(__file__).resolve().parent.parent


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


smtp_port, port = free_port(), free_port()
post = folder / "post"
office = subprocess.Popen([python, root / "tests/tools/smtp_server.py", str(smtp_port), post])
url = f"http://127.0.0.1:{port}"
environment = os.environ | {
    "PLENARY_DATABASE_URL": database,
    "PLENARY_LISTEN": f"127.0.0.1:{port}",
    "PLENARY_SEARCH__FOLDER": str(folder / "search"),
    "PLENARY_ADMIN_EMAIL": "admin@example.org",
    "PLENARY_ADMIN_PASSWORD": "correct horse battery",
    "PLENARY_AUTH__HASH_MEMORY_KIB": "64",
    "PLENARY_MAIL__SMTP_URL": f"smtp://127.0.0.1:{smtp_port}",
    "PLENARY_MAIL__FROM": "Desk <desk@example.org>",
    "PLENARY_MAIL__TIMEOUT_SECONDS": "1",
    "PLENARY_MAIL__RETRY_SECONDS": "1",
    "PLENARY_MAIL__RETRY_MAX_SECONDS": "2",
    "PLENARY_MAIL__DOMAIN_PER_MINUTE": "0",
    "PLENARY_MAIL__CONNECTIONS": "4",
    "PLENARY_SERVER__MAX_BODY_BYTES": "67108864",
    "PLENARY_LOG__LEVEL": "error",
}
token = ""


def call(method, path, body=None, headers=()):
    data = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(url + path, data, dict(headers) | {"authorization": f"Bearer {token}"}, method=method)
    request.headers.setdefault("Content-type", "application/json")
    with urllib.request.urlopen(request) as reply:
        return reply.headers, json.loads(reply.read() or "null")


def start():
    server = subprocess.Popen([plenary, "serve"], env=environment, stdout=subprocess.DEVNULL)
    while True:
        try:
            urllib.request.urlopen(url + "/readyz").read()
            return server
        except OSError:
            time.sleep(0.05)


def log_in():
    global token
    token = ""
    token = call("POST", "/api/v1/auth/login", {"email": "admin@example.org", "password": "correct horse battery"})[1]["access_token"]


def taken():
    return sum(1 for _ in (post / "new").iterdir())


memory = 0


def look(server):
    global memory
    for line in pathlib.Path(f"/proc/{server.pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            memory = max(memory, int(line.split()[1]))


server = start()
try:
    log_in()
    rows = "".join(f"reader-{n:06}@example.org,en,Yes,2026-01-01,invented\n" for n in range(addresses))
    table = ("email,locale,consent_text,consented_at,proof\n" + rows).encode()
    report = call("POST", "/api/v1/newsletter/subscribers/import", table, {"Content-type": "text/csv"})[1]
    assert report["created"] == addresses, report
    edition = {"locale": "en", "subject": "Many", "blocks": [{"type": "text", "text": "Dear reader"}]}
    issue = call("POST", "/api/v1/newsletter/issues", {"name": "Many", "editions": [edition]})[1]
    path = f"/api/v1/newsletter/issues/{issue['id']}"
    while not (post / "new").exists():
        time.sleep(0.05)
    (post / "mode").write_text("half")
    begun = time.monotonic()
    call("POST", path + "/send", {}, {"If-match": '"v1"'})
    for kill in range(1, kills + 1):
        while taken() < addresses * kill // (kills + 1):
            look(server)
            time.sleep(0.05)
        server.send_signal(signal.SIGKILL)
        server.wait()
        server = start()
    log_in()
    while call("GET", path)[1]["status"] != "sent":
        look(server)
        time.sleep(0.5)
    seconds = time.monotonic() - begun
    log_in()
    counts = call("GET", path)[1]["counts"]
    got = collections.Counter(
        file.read_bytes().split(b"\r\n")[1].decode() for file in (post / "new").iterdir()
    )
    doubts, before = {}, ""
    while True:
        page = call("GET", f"/api/v1/mails?kind=newsletter_issue&limit=100{before}")[1]
        doubts |= {f"X-To: {mail['recipient']}": mail["doubts"] for mail in page["data"]}
        if not page["next"]:
            break
        before = f"&before={page['next']}"
    unexplained = [to for to, times in got.items() if times > 1 + doubts[to]]
    print(f"{len(got)} of {addresses} addresses, counts {counts}")
    print(f"{seconds:.0f} s, {addresses / seconds:.0f} addresses a second, {kills} kills")
    print(f"{sum(got.values()) - len(got)} mails more than once, {sum(doubts.values())} doubts, {len(unexplained)} unexplained")
    print(f"{memory // 1024} MB at most")
    assert len(got) == addresses and not unexplained
finally:
    server.kill()
    office.kill()
