#!/usr/bin/env python3
"""Creates a second by POST /batch of 1,000 creates with five links each, beside single creates of the same events by 8
clients, in turn on the same server, on SQLite and on Postgres. Prints the ratio of each round and its middle.

    cargo build --release && python3 benches/batch.py

ROUNDS_EACH (5) says how often both are measured, SECONDS_EACH (8) how long the single creates last, EVENTS (10000) how
much content there is before, DATABASES (names with commas between) what is measured. The program is the release build;
PROGRAM names another one. Needs what benches/load.py needs. The load goes to 127.0.0.1 only."""
import contextlib, json, os, pathlib, random, tempfile, time, urllib.request

from load import TARGET, TYPES, call, content, middle, postgres, wrk
from pairs import site

ROUNDS = int(os.environ.get("ROUNDS_EACH", "5"))
BATCHES = 3
SIZE = 1_000
CORES = os.sched_getaffinity(0)
DATABASES = os.environ.get("DATABASES", "SQLite,Postgres").split(",")
PROGRAM = pathlib.Path(os.environ.get("PROGRAM", TARGET / "release/plenary")).resolve()


def lines(path):
    return pathlib.Path(path).read_text().split()


def event(title, speakers, partners):
    """The same event that benches/requests.lua creates."""
    return {
        "title": title, "type": random.choice(TYPES), "summary": "Written under load.",
        "body": "<p>Twelve words that stand for a body of the usual kind, twice.</p>",
        "starts_at": "2027-03-04T09:30", "ends_at": "2027-03-04T11:30", "time_zone": "Europe/Brussels", "status": "published",
        "speakers": [{"speaker": name} for name in random.sample(speakers, 3)],
        "partners": [{"partner": name} for name in random.sample(partners, 2)],
    }


def batch(base, token, names, run):
    """Creates a second of one batch, from the request to the response."""
    speakers, partners = lines(names["speakers"]), lines(names["partners"])
    entries = [{"operation": "create", "collection": "events", "content": event(f"Batch {run} {number}", speakers, partners)} for number in range(SIZE)]
    body = json.dumps({"entries": entries}).encode()
    headers = {"content-type": "application/json", "authorization": f"Bearer {token}"}
    request = urllib.request.Request(f"{base}/api/v1/batch", data=body, headers=headers, method="POST")
    # The load is on the other core than the server; Postgres, which this process starts, may use both.
    os.sched_setaffinity(0, {1})
    begun = time.perf_counter()
    with urllib.request.urlopen(request) as answer:
        results = json.loads(answer.read())["results"]
    taken = time.perf_counter() - begun
    os.sched_setaffinity(0, CORES)
    assert len(results) == SIZE and all(result["status"] == "published" for result in results)
    return SIZE / taken


def compare(name, base, token, names):
    ratios = []
    for turn in range(ROUNDS + 1):
        single = wrk(base, "create", "plenary", 8, TOKEN=token, SPEAKERS=names["speakers"], PARTNERS=names["partners"])[0]
        batched = middle([batch(base, token, names, f"{time.time_ns()}") for _ in range(BATCHES)])
        # The first turn fills the caches.
        if turn:
            ratios.append(batched / single)
            print(f"  {name}: {single:,.0f} single creates a second by 8 clients, {batched:,.0f} by batches of {SIZE}: {ratios[-1]:.1f} times", flush=True)
    print(f"{name}: POST /batch of {SIZE} creates with five links is {middle(ratios):.1f} times the rate of single creates by 8 clients")
    total = json.loads(call(f"{base}/api/v1/events?count=exact&limit=1"))["page"]["total"]
    print(f"  {total:,} events afterwards")


def main():
    with tempfile.TemporaryDirectory(prefix="plenary-batch-") as temporary:
        folder = pathlib.Path(temporary)
        names = content(folder)
        if "SQLite" in DATABASES:
            with site(PROGRAM, str(folder / "plenary.db"), folder) as (base, token):
                compare("SQLite", base, token, names)
        with postgres(folder) if "Postgres" in DATABASES else contextlib.nullcontext() as url:
            if url:
                with site(PROGRAM, url, folder) as (base, token):
                    compare("Postgres", base, token, names)


if __name__ == "__main__":
    main()
