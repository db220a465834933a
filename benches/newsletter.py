"""An issue of the newsletter to many addresses, with a mail server that fails half the time and a node that is killed.

benches/newsletter.py PLENARY PYTHON [ADDRESSES] [KILLS] [DATABASE_URL]

PLENARY is the program, PYTHON an interpreter with aiosmtpd (target/test-tools/python/bin/python). It prints how many mails were
taken a second, how many more than once, how many doubts the log counted, and the greatest memory of the server.
"""

import collections
import pathlib
import signal
import sys
import time

from mail_site import MailSite

plenary, python = sys.argv[1:3]
addresses = int(sys.argv[3]) if len(sys.argv) > 3 else 10_000
kills = int(sys.argv[4]) if len(sys.argv) > 4 else 10
database = sys.argv[5] if len(sys.argv) > 5 else None
settings = {
    "PLENARY_MAIL__TIMEOUT_SECONDS": "1",
    "PLENARY_MAIL__RETRY_SECONDS": "1",
    "PLENARY_MAIL__RETRY_MAX_SECONDS": "2",
    "PLENARY_MAIL__DOMAIN_PER_MINUTE": "0",
    "PLENARY_MAIL__CONNECTIONS": "4",
    "PLENARY_SERVER__MAX_BODY_BYTES": "67108864",
}
memory = 0


def look(site):
    global memory
    for line in pathlib.Path(f"/proc/{site.server.pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            memory = max(memory, int(line.split()[1]))


with MailSite(plenary, python, database, **settings) as site:
    site.start()
    site.log_in()
    site.subscribe([f"reader-{n:06}@example.org" for n in range(addresses)])
    edition = {"locale": "en", "subject": "Many", "blocks": [{"type": "text", "text": "Dear reader"}]}
    issue = site.call("POST", "/api/v1/newsletter/issues", {"name": "Many", "editions": [edition]})
    path = f"/api/v1/newsletter/issues/{issue['id']}"
    while not (site.post / "new").exists():
        time.sleep(0.05)
    (site.post / "mode").write_text("half")
    begun = time.monotonic()
    site.call("POST", path + "/send", {}, {"If-match": '"v1"'})
    for kill in range(1, kills + 1):
        while len(site.taken()) < addresses * kill // (kills + 1):
            look(site)
            time.sleep(0.05)
        site.end(signal.SIGKILL)
        site.start()
    site.log_in()
    while site.call("GET", path)["status"] != "sent":
        look(site)
        time.sleep(0.5)
    seconds = time.monotonic() - begun
    site.log_in()
    counts = site.call("GET", path)["counts"]
    got = collections.Counter(file.read_bytes().split(b"\r\n")[1].decode() for file in site.taken())
    doubts, before = {}, ""
    while True:
        page = site.call("GET", f"/api/v1/mails?kind=newsletter_issue&limit=100{before}")
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
