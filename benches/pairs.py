#!/usr/bin/env python3
"""Two builds of Plenary beside each other, on SQLite and on Postgres: the same content, the same requests in turn,
each server on one core and the load on the other. Prints the middle of the ratios of each workload, and all of them.

    python3 benches/pairs.py BEFORE AFTER

BEFORE and AFTER are paths of two release builds. PAIRS (5) says how often each is measured, SECONDS_EACH (8) how
long, EVENTS (10000) how much content, MODES and DATABASES (names with commas between) what is measured. The same
build twice shows how much of a ratio is chance. Needs what benches/load.py needs. The load goes to 127.0.0.1 only."""
import contextlib, json, os, pathlib, subprocess, sys, tempfile, urllib.request


from load import EMAIL, PASSWORD, call, content, free_port, middle, postgres, server, settle, wrk

PAIRS = int(os.environ.get("PAIRS", "5"))
MODES = os.environ.get("MODES", "one,newest,unmodified,filter,speaker,search,any one,create").split(",")
DATABASES = os.environ.get("DATABASES", "SQLite,Postgres").split(",")


@contextlib.contextmanager
def site(program, database, folder):
    """A server with the content: its address, and an administrator's token."""
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    env = {"PLENARY_DATABASE_URL": database, "PLENARY_ADMIN_PASSWORD": PASSWORD, "PLENARY_LOG__LEVEL": "error",
           "PLENARY_LISTEN": f"127.0.0.1:{port}", "PLENARY_PUBLIC_URL": base, "PLENARY_SERVER__WORKERS": "1", "PLENARY_SERVER__COMPRESS": "true",
           "PLENARY_SEARCH__FOLDER": str(folder / f"search-{port}")}
    done = subprocess.run([program, "import", folder / "content.jsonl"], env={**os.environ, **env}, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)
    with server([program, "serve"], f"{base}/readyz", env):
        settle(base)
    with server([program, "serve"], f"{base}/readyz", env):
        settle(base)
        token = json.loads(call(f"{base}/api/v1/auth/login", {"email": EMAIL, "password": PASSWORD}))["access_token"]
        yield base, token


def request(base, token, names, mode):
    """What the load script is told for a workload, and with how many connections."""
    if mode == "create":
        return 8, dict(TOKEN=token, SPEAKERS=names["speakers"], PARTNERS=names["partners"])
    more = {"SLUGS": names["slugs"] if mode == "any one" else names["some_slugs"], "SPEAKERS": names["speakers"]}
    if mode == "unmodified":
        with urllib.request.urlopen(f"{base}/api/v1/events?limit=20&include=speakers,partners") as answer:
            more["TAG"] = answer.headers["etag"]
    return 32, more


def compare(name, sites, names):
    for mode in MODES:
        ratios, tails, last = [], [], ()
        for turn in range(PAIRS + 1):
            # Which is first takes turns: these machines are faster and slower by the minute.
            order = sites if turn % 2 else sites[::-1]
            got = {}
            for base, token in order:
                connections, more = request(base, token, names, mode)
                got[base] = wrk(base, mode.removeprefix("any "), "plenary", connections, **more)
            before, after = (got[base] for base, _ in sites)
            # The first turn fills the caches of both.
            if turn:
                ratios.append(after[0] / before[0])
                tails.append(after[2] / before[2])
                last = (before[0], after[0])
        each = " ".join(f"{ratio:.2f}" for ratio in ratios)
        print(f"{name}, {mode}: {middle(ratios):.3f} of before (p99 {middle(tails):.2f} times); last {last[0]:,.0f} and {last[1]:,.0f}/s; all {each}", flush=True)


def main():
    before, after = (pathlib.Path(path).resolve() for path in sys.argv[1:3])
    with tempfile.TemporaryDirectory(prefix="plenary-pairs-") as temporary:
        folder = pathlib.Path(temporary)
        names = content(folder)
        if "SQLite" in DATABASES:
            with site(before, str(folder / "before.db"), folder) as first, site(after, str(folder / "after.db"), folder) as second:
                compare("SQLite", [first, second], names)
        with postgres(folder) if "Postgres" in DATABASES else contextlib.nullcontext() as url:
            if url:
                other = url.rsplit("/", 1)[0] + "/template1"
                with site(before, url, folder) as first, site(after, other, folder) as second:
                    compare("Postgres", [first, second], names)


if __name__ == "__main__":
    main()
