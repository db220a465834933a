#!/usr/bin/env python3
"""The time of a tool call `search` at /mcp beside that of the same GET, in turn on one connection each, on SQLite and on
Postgres: of texts that were searched before, whose responses are cached, and of new ones. Prints the ratio of each round and
its middle.

    cargo build --release && python3 benches/mcp.py

ROUNDS_EACH (5) says how often both are measured, CALLS (2000) how many calls a round has, EVENTS (10000) how much content
there is, DATABASES (names with commas between) what is measured. The program is the release build; PROGRAM names another one.
Needs what benches/load.py needs. The load goes to 127.0.0.1 only."""
import contextlib, http.client, itertools, json, os, pathlib, random, tempfile, time, urllib.parse

from load import TARGET, content, middle, postgres
from pairs import site

ROUNDS = int(os.environ.get("ROUNDS_EACH", "5"))
CALLS = int(os.environ.get("CALLS", "2000"))
DATABASES = os.environ.get("DATABASES", "SQLite,Postgres").split(",")
PROGRAM = pathlib.Path(os.environ.get("PROGRAM", TARGET / "release/plenary")).resolve()


def words(folder):
    """The words of the titles of events."""
    titles = (json.loads(line)["content"].get("title", {}).get("en", "") for line in open(folder / "content.jsonl"))
    return sorted({word.strip(".,:;?!()'\"").lower() for title in titles for word in title.split() if len(word) > 3})


def timed(connection, method, path, body, headers):
    begun = time.perf_counter()
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    text = answer.read()
    taken = time.perf_counter() - begun
    assert answer.status == 200, (answer.status, text)
    return taken, text


def get(connection, text):
    # The parameters stand in another order than in the request of the tool, so that neither fills the cache of the other.
    return timed(connection, "GET", "/api/v1/search?" + urllib.parse.urlencode({"limit": 10, "q": text}), None, {})


def call(connection, text):
    params = {"name": "search", "arguments": {"q": text, "limit": 10}}
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})
    return timed(connection, "POST", "/mcp", body, {"content-type": "application/json"})


def compare(name, base, known):
    host = base.removeprefix("http://")
    reads, calls = http.client.HTTPConnection(host), http.client.HTTPConnection(host)
    # A word that occurs nowhere, and so excludes nothing, makes each text a new one.
    chance = random.Random(7)
    fresh = (f"{' '.join(chance.sample(known, 2))} -none{number}" for number in itertools.count())
    repeated = [next(fresh) for _ in range(20)]
    result = json.loads(call(calls, repeated[0])[1])["result"]
    assert not result["isError"] and json.loads(result["content"][0]["text"]) == json.loads(get(reads, repeated[0])[1])
    for kind, texts in (("searched before", itertools.cycle(repeated)), ("new", fresh)):
        ratios, last = [], ()
        for turn in range(ROUNDS + 1):
            times = {get: [], call: []}
            for number in range(CALLS):
                text = next(texts)
                # Which is first takes turns.
                for ask in (get, call) if number % 2 else (call, get):
                    times[ask].append(ask(reads if ask is get else calls, text)[0])
            # The first turn fills the caches.
            if turn:
                last = middle(times[get]) * 1e6, middle(times[call]) * 1e6
                ratios.append(last[1] / last[0])
                print(f"  {name}, {kind}: GET {last[0]:,.0f} µs, tool {last[1]:,.0f} µs: {ratios[-1]:.2f} times", flush=True)
        print(f"{name}: a tool call `search` of texts that are {kind} takes {middle(ratios):.2f} times as long as the same GET")


def main():
    with tempfile.TemporaryDirectory(prefix="plenary-mcp-") as temporary:
        folder = pathlib.Path(temporary)
        content(folder)
        known = words(folder)
        os.sched_setaffinity(0, {1})
        if "SQLite" in DATABASES:
            with site(PROGRAM, str(folder / "plenary.db"), folder) as (base, _):
                compare("SQLite", base, known)
        with postgres(folder) if "Postgres" in DATABASES else contextlib.nullcontext() as url:
            if url:
                with site(PROGRAM, url, folder) as (base, _):
                    compare("Postgres", base, known)


if __name__ == "__main__":
    main()
