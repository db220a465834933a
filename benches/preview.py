#!/usr/bin/env python3
"""What previews cost: with 1,500 plans, reads of the site as it will be beside plain reads, and writes beside
8 readers of such previews beside writes alone, on SQLite and on Postgres, each next to what it is compared with.

    cargo build --release && python3 benches/preview.py

PLENARY says where the program is, PLANS how many are planned, SECONDS_EACH how long a figure takes, PAIRS how
often it is taken. The clients are Python processes on the same cores as the server, which is why plain readers
beside writers are measured too: what they take from the writers is what any 8 busy readers take.
The load goes to 127.0.0.1 only."""
import contextlib, http.client, json, multiprocessing, os, pathlib, tempfile, time, urllib.request
from datetime import datetime, timedelta, timezone

from load import EMAIL, PASSWORD, TARGET, call, free_port, middle, postgres

PROGRAM = pathlib.Path(os.environ.get("PLENARY", TARGET / "release/plenary"))
PLANS = int(os.environ.get("PLANS", "1500"))
SECONDS = float(os.environ.get("SECONDS_EACH", "6"))
PAIRS = int(os.environ.get("PAIRS", "3"))
READERS, WRITERS = 8, 4
# Between two reads of somebody who looks at one page after the other, in seconds.
PAUSE = 0.1
BEGIN = datetime.now(timezone.utc).replace(microsecond=0) + timedelta(days=1)


def client(port, request, until, results, pause=0):
    """One connection that asks again and again, perhaps with pauses, and tells how long each answer took."""
    connection, times, number = http.client.HTTPConnection("127.0.0.1", port), [], 0
    while time.time() < until:
        method, path, headers, body = request(number)
        number += 1
        begun = time.perf_counter()
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        answer.read()
        if answer.status not in (200, 201):
            raise SystemExit(f"{method} {path}: {answer.status}")
        times.append(time.perf_counter() - begun)
        time.sleep(pause)
    results.put(times)


class Reads:
    """Reads of a list and of an item; never asked before, or again and again."""

    def __init__(self, more, anew, who):
        self.more, self.anew, self.who = more, anew, who

    def __call__(self, number):
        # Always the same in meaning; as text it is new each time.
        anew = f"&starts_at%5Blt%5D=2099-01-01T00:00:00.{self.who:02}{number % 10_000:04}Z" if self.anew else ""
        return "GET", f"/api/v1/events?limit=20&include=speakers{anew}{self.more}", {}, None


class Writes:
    def __init__(self, token, who):
        self.token, self.who = token, who

    def __call__(self, number):
        body = json.dumps({"title": f"Written {self.who} {number}", "status": "published", "body": "Some words. " * 40})
        return "POST", "/api/v1/events", {"content-type": "application/json", "authorization": self.token}, body


@contextlib.contextmanager
def running(port, requests, pause=0):
    results, until = multiprocessing.Queue(), time.time() + SECONDS
    processes = [multiprocessing.Process(target=client, args=(port, request, until, results, pause)) for request in requests]
    [process.start() for process in processes]
    got = {}
    yield got
    times = sorted(t for _ in processes for t in results.get())
    [process.join() for process in processes]
    got.update(rate=len(times) / SECONDS, p50=times[len(times) // 2] * 1e3, p99=times[len(times) * 99 // 100] * 1e3)


def measure(port, requests):
    with running(port, requests) as got:
        pass
    return got


@contextlib.contextmanager
def plenary(database, folder):
    port = free_port()
    env = {**os.environ, "PLENARY_DATABASE_URL": database, "PLENARY_ADMIN_PASSWORD": PASSWORD, "PLENARY_LOG__LEVEL": "error",
           "PLENARY_LISTEN": f"127.0.0.1:{port}", "PLENARY_PUBLIC_URL": f"http://127.0.0.1:{port}", "PLENARY_SEARCH__FOLDER": str(folder / f"search-{port}")}
    import subprocess
    process = subprocess.Popen([PROGRAM, "serve"], env=env)
    try:
        for _ in range(600):
            with contextlib.suppress(OSError):
                call(f"http://127.0.0.1:{port}/readyz")
                break
            time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait()


def send(port, token, method, path, body, etag=None):
    headers = {"content-type": "application/json", "authorization": token, **({"if-match": etag} if etag else {})}
    request = urllib.request.Request(f"http://127.0.0.1:{port}/api/v1/{path}", json.dumps(body).encode(), headers, method=method)
    with urllib.request.urlopen(request) as answer:
        return json.loads(answer.read()), answer.headers["etag"]


def plan_some(port, token, numbers):
    for number in numbers:
        made, etag = send(port, token, "POST", "events", {"title": f"Planned {number}", "starts_at": "2031-02-03T10:00", "body": "Some words. " * 40, "speakers": [{"speaker": f"speaker-{number % 50}"}]})
        at = (BEGIN + timedelta(minutes=number)).isoformat()
        send(port, token, "POST", f"events/{made['id']}/schedule", {"publish_at": at}, etag)


def filled(port):
    """A site with 50 speakers, 2,000 events and the plans; a token, and one of a link to the time after them."""
    token = "Bearer " + json.loads(call(f"http://127.0.0.1:{port}/api/v1/auth/login", {"email": EMAIL, "password": PASSWORD}))["access_token"]
    for number in range(50):
        send(port, token, "POST", "speakers", {"name": f"Speaker {number}", "status": "published"})
    parts = [multiprocessing.Process(target=plan_some, args=(port, token, range(part, PLANS, 8))) for part in range(8)]
    parts += [multiprocessing.Process(target=publish_some, args=(port, token, range(part, 2_000, 8))) for part in range(8)]
    [part.start() for part in parts]
    [part.join() for part in parts]
    at = (BEGIN + timedelta(minutes=PLANS)).isoformat()
    link, _ = send(port, token, "POST", "preview-links", {"at": at})
    return token, f"&preview={link['token']}"


def publish_some(port, token, numbers):
    for number in numbers:
        send(port, token, "POST", "events", {"title": f"Event {number}", "status": "published", "starts_at": "2030-02-03T10:00", "body": "Some words. " * 40, "speakers": [{"speaker": f"speaker-{number % 50}"}]})


def report(name, port, token, preview):
    begun = time.perf_counter()
    seen = json.loads(call(f"http://127.0.0.1:{port}/api/v1/events?count=exact{preview}"))["page"]["total"]
    print(f"{name}: {PLANS} plans; the first look took {(time.perf_counter() - begun) * 1e3:.0f} ms and saw {seen} events")
    for anew in (False, True):
        ratios = []
        for _ in range(PAIRS):
            plain, ahead = (measure(port, [Reads(more, anew, who) for who in range(READERS)]) for more in ("", preview))
            ratios.append((ahead["p50"] / plain["p50"], plain, ahead))
        ratio, plain, ahead = sorted(ratios, key=lambda r: r[0])[len(ratios) // 2]
        kind = "asked for the first time" if anew else "asked again"
        print(f"  a read that is {kind}: plain {plain['p50']:.2f} ms, preview {ahead['p50']:.2f} ms, {ratio:.2f} times")
    writes = lambda: [Writes(token, f"{time.time()} {who}") for who in range(WRITERS)]
    for beside, more, pause in (("plain readers", "", 0), ("preview readers", preview, 0), ("preview readers at a pace", preview, PAUSE)):
        rates, tails = [], []
        for _ in range(PAIRS):
            alone = measure(port, writes())
            with running(port, [Reads(more, False, who) for who in range(READERS)], pause) as readers:
                busy = measure(port, writes())
            rates.append(busy["rate"] / alone["rate"])
            tails.append(busy["p99"] / alone["p99"])
        print(f"  writes beside {READERS} {beside}: {middle(rates):.2f} of the rate without ({busy['rate']:.0f}/s, {alone['rate']:.0f}/s), p99 {middle(tails):.2f} times ({busy['p99']:.1f} ms, {alone['p99']:.1f} ms); they read {readers['rate']:.0f}/s")


def main():
    with tempfile.TemporaryDirectory(prefix="plenary-preview-") as temporary:
        folder = pathlib.Path(temporary)
        with plenary(str(folder / "plenary.db"), folder) as port:
            report("SQLite", port, *filled(port))
        with postgres(folder) as url:
            if url:
                with plenary(url, folder) as port:
                    report("Postgres", port, *filled(port))


if __name__ == "__main__":
    main()
