"""Sign-ups of programs from one network while others read, and what the responses tell of who is subscribed.

benches/sign_up_flood.py PLENARY PYTHON [SECONDS] [RATE] [DATABASE_URL]

PLENARY is the program, PYTHON an interpreter with aiosmtpd (target/test-tools/python/bin/python). Spells without and with RATE
sign-ups a second (500) take turns, SECONDS (60) of each in all. Each sign-up has a correct solution of a challenge, which costs the
server most. It prints the 99th percentile of reads in both and their ratio, the responses, the mails, and how well the time of a
response tells a subscriber from a stranger: 0.50 is not at all.
"""

import base64
import collections
import hashlib
import http.client
import json
import multiprocessing
import statistics
import sys
import time

from mail_site import MailSite

plenary, python = sys.argv[1:3]
seconds = int(sys.argv[3]) if len(sys.argv) > 3 else 60
rate = int(sys.argv[4]) if len(sys.argv) > 4 else 500
database = sys.argv[5] if len(sys.argv) > 5 else None
SPELLS, FLOODERS, STRANGERS = 6, 2, 400
SUBSCRIPTIONS = "/api/v1/newsletter/subscriptions"
READS = ["/api/v1/events?limit=10", "/api/v1/events/rivers-without-borders", "/api/v1/layout?locale=nl", "/api/v1/search?q=river"]


def solved():
    """Solves a challenge as docs/newsletter.md describes it."""
    challenge = site.call("GET", "/api/v1/newsletter/challenge")
    known = challenge["parameters"]
    nonce, salt, prefix = bytes.fromhex(known["nonce"]), bytes.fromhex(known["salt"]), known["keyPrefix"]
    for counter in range(1_000_000):
        password = nonce + counter.to_bytes(4, "big")
        key = hashlib.pbkdf2_hmac("sha256", password, salt, known["cost"], known["keyLength"]).hex()
        if key.startswith(prefix):
            solution = {"challenge": challenge, "solution": {"counter": counter, "derivedKey": key}}
            return base64.b64encode(json.dumps(solution).encode()).decode()


def form(email, solution):
    return json.dumps({"email": email, "consent_version": 1, "altcha": solution}).encode()


def exchange(connection, method, path, body=None):
    begun = time.perf_counter()
    connection.request(method, path, body, {"content-type": "application/json"} if body else {})
    reply = connection.getresponse()
    reply.read()
    return reply, time.perf_counter() - begun


def read_until(end, times):
    """Reads forty times a second, as a website does, and notes how long each took."""
    connection, turn, taken = http.client.HTTPConnection("127.0.0.1", site.port), 0, []
    due = time.monotonic()
    while due < end:
        time.sleep(max(0, due - time.monotonic()))
        reply, took = exchange(connection, "GET", READS[turn % len(READS)])
        assert reply.status == 200, reply.status
        taken.append(took)
        turn, due = turn + 1, due + 1 / 40
    times.put(taken)


def flood_until(end, solutions, number, replies):
    connection, seen, turn = http.client.HTTPConnection("127.0.0.1", site.port), collections.Counter(), 0
    due = time.monotonic()
    while due < end:
        time.sleep(max(0, due - time.monotonic()))
        body = form(f"{number}-{turn}@example.org", solutions[turn % len(solutions)])
        seen[exchange(connection, "POST", SUBSCRIPTIONS, body)[0].status] += 1
        # A client that falls behind does not catch up by more than it was to send.
        turn, due = turn + 1, max(due + FLOODERS / rate, time.monotonic() - 0.5)
    replies.put(seen)


def spell(is_flood, solutions):
    end, queue, replies = time.monotonic() + seconds / SPELLS, multiprocessing.Queue(), multiprocessing.Queue()
    workers = [multiprocessing.Process(target=read_until, args=(end, queue))]
    if is_flood:
        numbers = range(FLOODERS)
        workers += [multiprocessing.Process(target=flood_until, args=(end, solutions[n::FLOODERS], n, replies)) for n in numbers]
    for worker in workers:
        worker.start()
    taken = queue.get()
    seen = sum((replies.get() for _ in range(FLOODERS)), collections.Counter()) if is_flood else collections.Counter()
    for worker in workers:
        worker.join()
    return taken, seen


def p99(times):
    return statistics.quantiles(times, n=100)[98]


def compare():
    """Signs subscribers and strangers up in turn. Returns the times of both, and the responses without their ids and dates."""
    connection, times, replies = http.client.HTTPConnection("127.0.0.1", site.port), ([], []), set()
    for n in range(STRANGERS):
        for kind in (0, 1) if n % 2 else (1, 0):
            reply, took = exchange(connection, "POST", SUBSCRIPTIONS, form(f"{('known', 'stranger')[kind]}-{n}@example.net", solved()))
            times[kind].append(took)
            headers = frozenset((name, value) for name, value in reply.getheaders() if name.lower() not in ("date", "x-request-id"))
            replies.add((reply.status, headers))
    return times, replies


with MailSite(plenary, python, database) as site:
    site.start("--demo")
    solutions = [solved() for _ in range(40)]
    time.sleep(3)
    calm, flood, replies = [], [], collections.Counter()
    for _ in range(SPELLS):
        calm += spell(False, solutions)[0]
        taken, seen = spell(True, solutions)
        flood += taken
        replies += seen
    time.sleep(2)
    mails = len(site.taken())
    sent = sum(replies.values())
    print(f"{sent} sign-ups in {seconds} s, {sent / seconds:.0f} a second: {dict(replies)}; {mails} mails")
    print(f"reads: p99 {p99(calm) * 1000:.1f} ms calm, {p99(flood) * 1000:.1f} ms beside, ratio {p99(flood) / p99(calm):.2f}")
    print(f"reads: median {statistics.median(calm) * 1000:.1f} ms calm, {statistics.median(flood) * 1000:.1f} ms beside")
    site.end()
    site.start(PLENARY_PROTECTION__NETWORK_PER_HOUR="1000000", PLENARY_PROTECTION__DIFFICULTY="1", PLENARY_PROTECTION__MINIMUM_SECONDS="0")
    site.log_in()
    site.subscribe([f"known-{n}@example.net" for n in range(STRANGERS)])
    (known, strangers), responses = compare()
    slower = sum((a > b) + (a == b) / 2 for a in known for b in strangers) / STRANGERS**2
    print(f"{len(responses)} kind of response; median {statistics.median(known) * 1000:.2f} ms known, {statistics.median(strangers) * 1000:.2f} ms stranger, told apart {slower:.3f}")
    assert mails <= 20 and set(replies) <= {202, 422, 429} and len(responses) == 1
