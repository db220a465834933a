#!/usr/bin/env python3
"""Requests a second for the layout and for a page by its path, each beside a bare actix-web server with a ready body of the
same size, on SQLite and on Postgres; the layout also while about 200 events a second are written.

    python3 benches/layout.py PLENARY REFERENCE

PLENARY and REFERENCE are release builds of the program and of the example `reference`. The content is that of the demo.
PAIRS (5) says how often each is measured, SECONDS_EACH (8) how long. Needs what benches/load.py needs. The load goes to
127.0.0.1 only."""
import json, os, pathlib, sys, tempfile

from load import EMAIL, PASSWORD, TYPES, call, free_port, middle, postgres, server, writers, wrk

PAIRS = int(os.environ.get("PAIRS", "5"))


def ids(base, collection, folder, blocks):
    """A file with the ids of some items, in blocks of these sizes that have none in common: the load script takes one of each."""
    place = folder / f"{collection}-{base.rsplit(':', 1)[1]}.txt"
    items = json.loads(call(f"{base}/api/v1/{collection}?limit=30"))["data"]
    parts = [items[part::len(blocks)] for part in range(len(blocks))]
    lines = [part[number % len(part)]["id"] for part, size in zip(parts, blocks) for number in range(size)]
    place.write_text("".join(line + "\n" for line in lines))
    return str(place)


def prepare(base, folder):
    """What the load script is told: an editor's token, what new events refer to, and the path of a page."""
    token = json.loads(call(f"{base}/api/v1/auth/login", {"email": EMAIL, "password": PASSWORD}))["access_token"]
    present = {kind["slug"] for kind in json.loads(call(f"{base}/api/v1/event-types?limit=100"))["data"]}
    for word in set(TYPES) - present:
        call(f"{base}/api/v1/event-types", {"name": word, "slug": word, "status": "published"}, f"Bearer {token}")
    pages = json.loads(call(f"{base}/api/v1/pages?limit=50"))["data"]
    path = max((page["path"] for page in pages if page["path"]), key=lambda path: path.count("/"))
    return dict(TOKEN=token, PAGE=path,
                SPEAKERS=ids(base, "speakers", folder, (600, 600, 800)), PARTNERS=ids(base, "partners", folder, (100, 100)))


def pairs(name, base, reference, mode, names, body):
    """The rates of a workload and of the bare server in turn, as ratios."""
    ratios = []
    place, port = body.with_suffix(".json"), free_port()
    place.write_bytes(call(f"{base}/api/v1/" + ("layout?locale=en" if mode == "layout" else f"pages/by-path/{names['PAGE']}")))
    with server([reference, port, place], f"http://127.0.0.1:{port}/"):
        for turn in range(PAIRS + 1):
            bare = wrk(f"http://127.0.0.1:{port}", "newest", "reference")
            ours = wrk(base, mode, "plenary", **names)
            # The first turn fills the cache.
            if turn:
                ratios.append(ours[0] / bare[0])
    each = " ".join(f"{ratio:.2f}" for ratio in ratios)
    print(f"{name}, {mode}: {middle(ratios):.2f} of bare; {ours[0]:,.0f} and {bare[0]:,.0f}/s, {place.stat().st_size:,} bytes; all {each}", flush=True)


def beside_writes(name, base, reference, names, body):
    """The rates of the layout while events are written, as ratios to the bare server beside the same writes, and without any."""
    of_equal, of_calm = [], []
    place, port = body.with_suffix(".json"), free_port()
    with server([reference, port, place], f"http://127.0.0.1:{port}/"):
        bare = lambda: wrk(f"http://127.0.0.1:{port}", "newest", "reference")[0]
        for _ in range(PAIRS):
            calm = bare()
            with writers(base, names):
                equal = bare()
            with writers(base, names):
                ours = wrk(base, "layout", "plenary", **names)
            of_equal.append(ours[0] / equal)
            of_calm.append(ours[0] / calm)
    each = " ".join(f"{ratio:.2f}" for ratio in of_equal)
    print(f"{name}, layout beside 200 writes a second: {middle(of_equal):.2f} of bare beside the same writes on the same core, "
          f"{middle(of_calm):.2f} of bare without writes; p99 {ours[2]:.1f} ms; all {each}", flush=True)


def measure(name, database, program, reference, folder):
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    env = {"PLENARY_DATABASE_URL": database, "PLENARY_ADMIN_EMAIL": EMAIL, "PLENARY_ADMIN_PASSWORD": PASSWORD, "PLENARY_LOG__LEVEL": "error",
           "PLENARY_LISTEN": f"127.0.0.1:{port}", "PLENARY_PUBLIC_URL": base, "PLENARY_SERVER__WORKERS": "1",
           "PLENARY_SEARCH__FOLDER": str(folder / f"search-{port}")}
    with server([program, "serve", "--demo"], f"{base}/readyz", env):
        names = prepare(base, folder)
        for mode in ("layout", "path"):
            pairs(name, base, reference, mode, names, folder / f"{name}-{mode}")
        beside_writes(name, base, reference, names, folder / f"{name}-layout")


def main():
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    program, reference = (pathlib.Path(argument).resolve() for argument in sys.argv[1:])
    with tempfile.TemporaryDirectory() as place:
        folder = pathlib.Path(place)
        measure("SQLite", str(folder / "plenary.db"), program, reference, folder)
        with postgres(folder) as database:
            if database:
                measure("Postgres", database, program, reference, folder)


if __name__ == "__main__":
    main()
