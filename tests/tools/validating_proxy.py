#!/usr/bin/env python3
"""Sends requests of all kinds through a proxy that holds requests and responses to the document, and names violations.

    tests/tools/validating_proxy.py SERVER EMAIL PASSWORD [FOLDER]

The server has demo content (`plenary serve --demo`). The proxy, `@stoplight/prism-cli`, is installed in FOLDER.
Requests that break the document on purpose are marked so: the proxy has to find those, and only those.

The proxy holds every body of `application/…+json` to the schema of `application/json` (findings/prism-structured-suffix.sh).
So what is of another type goes through a second proxy, with a copy of the document that has this type only.
"""

import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

from problem_statuses import put_statuses

PRISM = "@stoplight/prism-cli@5.16.0"
ALL_LOCALES, PARTIAL = "application/vnd.plenary.all-locales+json", "application/vnd.plenary.partial+json"
PATCH = "application/merge-patch+json"

server, email, password = sys.argv[1:4]
folder = pathlib.Path(sys.argv[4] if len(sys.argv) > 4 else tempfile.mkdtemp(prefix="proxy-")).resolve()
prism = folder / "node_modules/.bin/prism"


class NoRedirection(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


opener = urllib.request.build_opener(NoRedirection)


def alone(node, kind):
    """A part of the document in which bodies that can be of a type are of this type only."""
    if isinstance(node, list):
        return [alone(one, kind) for one in node]
    if not isinstance(node, dict):
        return node
    return {name: {kind: value[kind]} if name == "content" and kind in value else alone(value, kind) for name, value in node.items()}


class Proxy:
    """The proxy with one of the two documents."""

    def __init__(self, document, port, kinds):
        with urllib.request.urlopen(f"{server}/api/{document}.json") as answer:
            described = json.load(answer)
        put_statuses(described)
        self.count, self.violations, self.headers, self.urls, self.processes = 0, [], {}, {}, []
        for offset, kind in enumerate([None, *kinds]):
            name = f"{document}-{offset}"
            (folder / f"{name}.json").write_text(json.dumps(alone(described, kind) if kind else described))
            self.urls[kind] = f"http://127.0.0.1:{port + offset}"
            self.start(name, port + offset)

    def start(self, name, port):
        file = folder / f"{name}.log"
        command = ["node", prism, "proxy", folder / f"{name}.json", server, "--port", str(port), "--host", "127.0.0.1"]
        with open(file, "w") as log:
            self.processes.append(subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True))
        deadline = time.monotonic() + 120
        while "is listening" not in file.read_text():
            assert self.processes[-1].poll() is None and time.monotonic() < deadline, "the proxy does not start"
            time.sleep(0.5)

    def send(self, method, path, status, body=None, kind="application/json", wrong=False, form=None, **headers):
        """Sends a request that is answered with this status, and gives the answer and its tag."""
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        data = None if body is None else json.dumps(body).encode()
        if data is not None:
            names["Content-Type"] = kind
        request = urllib.request.Request(self.urls[form or (kind if kind in self.urls else None)] + path, data, {**self.headers, **names}, method=method)
        try:
            answer = opener.open(request, timeout=60)
        except urllib.error.HTTPError as error:
            answer = error
        text, self.count = answer.read(), self.count + 1
        said = answer.headers.get("sl-violations") or "[]"
        try:
            found = json.loads(said)
        except json.JSONDecodeError:
            found = [{"location": ["unknown"], "message": said}]
        # A request that is wrong on purpose breaks the document; its response does not.
        ours = [one for one in found if not (wrong and one["location"][0] == "request")]
        if answer.status != status or ours or (wrong and not found):
            self.violations.append((method, path, answer.status, ours or text[:300]))
        is_json = "json" in (answer.headers.get("Content-Type") or "")
        return (json.loads(text) if text and is_json else {}), answer.headers.get("ETag") or '"v1"'

    def stop(self):
        for process in self.processes:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait()


def reads(proxy):
    """What a frontend asks for."""
    first, tag = proxy.send("GET", "/api/v1/events/rivers-without-borders", 200)
    proxy.send("GET", f"/api/v1/events/{first['id']}?include=speakers,sessions,venue&locale=nl", 200)
    proxy.send("GET", "/api/v1/events/rivers-without-borders", 304, If_None_Match=tag)
    for query in [
        "", "?when=upcoming&include=speakers,partners&limit=5", "?topic=water&facets=type,topic,year&count=exact",
        "?q=water&highlights=true", "?near=50.84,4.36,25km",
        "?starts_at%5Bgte%5D=2020-01-01&sort=-starts_at,title&detail=full", "?locale=nl&ids=" + first["id"],
    ]:
        proxy.send("GET", "/api/v1/events" + query, 200)
    proxy.send("GET", "/api/v1/events?fields=title,starts_at,speakers.speaker.name", 200, form=PARTIAL)
    proxy.send("GET", f"/api/v1/events/{first['id']}?fields=title", 200, form=PARTIAL)
    page, _ = proxy.send("GET", "/api/v1/events?limit=1", 200)
    proxy.send("GET", f"/api/v1/events?limit=1&cursor={page['page']['next']}", 200)
    for collection in ["sessions", "speakers", "partners", "venues", "topics", "series", "event-types"]:
        items, _ = proxy.send("GET", f"/api/v1/{collection}", 200)
        proxy.send("GET", f"/api/v1/{collection}/{items['data'][0]['slug']}", 200)
    for form in ["ics", "rss", "atom", "json", "jsonld", "csv"]:
        proxy.send("GET", f"/api/v1/events.{form}", 200)
    for form in ["calendar.ics", "json-ld", "schedule.json", "schedule.xml"]:
        proxy.send("GET", f"/api/v1/events/rivers-without-borders/{form}", 200)
    changes, _ = proxy.send("GET", "/api/v1/changes", 200)
    proxy.send("GET", f"/api/v1/changes?since={changes['next']}", 200)
    proxy.send("GET", "/api/v1/search?q=rivr", 200)
    proxy.send("GET", "/api/v1/sitemap.xml", 200)
    proxy.send("GET", "/api/v1/events/no-such-event", 404)
    proxy.send("GET", "/api/v1/events?limit=1000", 400, wrong=True)


def writes(proxy):
    """What an editor does."""
    proxy.send("GET", "/api/v1/accounts", 401, wrong=True)
    proxy.send("POST", "/api/v1/auth/login", 401, {"email": email, "password": "not the password"})
    tokens, _ = proxy.send("POST", "/api/v1/auth/login", 200, {"email": email, "password": password})
    proxy.headers["Authorization"] = f"Bearer {tokens['access_token']}"
    proxy.send("GET", "/api/v1/accounts", 200)
    body = {"title": "Through a proxy", "starts_at": "2027-04-08T09:30", "time_zone": "Europe/Brussels"}
    made, tag = proxy.send("POST", "/api/v1/events", 201, body, Idempotency_Key=f"proxy-{time.time()}")
    path = f"/api/v1/events/{made['id']}"
    proxy.send("PATCH", path, 428, {"kicker": "No tag"}, PATCH, wrong=True)
    _, tag = proxy.send("PATCH", path, 200, {"kicker": "Briefing", "online_url": None}, PATCH, If_Match=tag)
    proxy.send("PATCH", path, 412, {"kicker": "Stale"}, PATCH, If_Match='"v1"')
    _, tag = proxy.send("PUT", path, 200, {**body, "summary": "Replaced."}, If_Match=tag)
    _, tag = proxy.send("PATCH", path, 200, {"title": {"nl": "Door een proxy"}}, ALL_LOCALES, If_Match=tag)
    proxy.send("GET", path + "?locale=*", 200, form=ALL_LOCALES)
    proxy.send("GET", path + "?body_format=source&view=draft", 200)
    _, tag = proxy.send("POST", path + "/publish", 200, If_Match=tag)
    proxy.send("POST", path + "/publish", 409, If_Match=tag)
    proxy.send("GET", path + "/revisions", 200)
    proxy.send("GET", path + "/comments", 200)
    proxy.send("POST", path + "/comments", 201, {"body": "Seen by a proxy."})
    proxy.send("POST", "/api/v1/preview-links", 201, {"collection": "events", "id": made["id"]})
    proxy.send("POST", "/api/v1/events", 422, {"title": "No such day", "starts_at": "2027-02-30"})
    proxy.send("POST", "/api/v1/events", 422, {"title": ""}, wrong=True)
    both = {"title": {"en": "Two languages", "nl": "Twee talen"}, "status": "published", "starts_at": "2027-04-09"}
    other, other_tag = proxy.send("POST", "/api/v1/events", 201, both, ALL_LOCALES)
    speaker = {"speaker": {"match": {"slug": "proxy-person"}, "create": {"name": "Proxy Person", "status": "published"}}, "role": "keynote"}
    _, other_tag = proxy.send("PATCH", f"/api/v1/events/{other['id']}", 200, {"speakers": [speaker]}, PATCH, If_Match=other_tag)
    proxy.send("POST", path + "/duplicate", 201, {"starts_at": "2027-05-08T09:30"})
    job = {"entries": [
        {"operation": "create", "collection": "speakers", "local_id": "anna", "content": {"name": "Anna", "status": "published"}},
        {"operation": "create", "collection": "events", "local_id": "event", "content": {"title": "A job", "speakers": [{"speaker": "#anna"}]}},
        {"operation": "publish", "collection": "events", "id": "#event"},
    ]}
    proxy.send("POST", "/api/v1/batch", 200, job)
    proxy.send("POST", "/api/v1/batch", 422, {"entries": [{"operation": "publish", "collection": "events", "id": "no-such-event", "version": 1}]})
    proxy.send("PUT", f"/api/v1/sessions/by-external-id/proxy/{int(time.time())}", 201, {"title": "By its own id", "event": made["id"]})
    proxy.send("GET", "/api/v1/audit", 200)
    proxy.send("DELETE", path, 204, If_Match=tag)
    proxy.send("GET", "/api/v1/events?status=trashed", 200)


if not prism.exists():
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["npm", "install", "--prefix", folder, "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", PRISM], check=True)
failed = False
for document, port, parts in [("openapi", 18720, [reads, writes]), ("openapi-delivery", 18724, [reads])]:
    proxy = Proxy(document, port, [PARTIAL, ALL_LOCALES] if writes in parts else [PARTIAL])
    try:
        for part in parts:
            part(proxy)
    finally:
        proxy.stop()
    print(f"{document}: {proxy.count} requests, {len(proxy.violations)} violations")
    for violation in proxy.violations:
        print(" ", violation)
    failed |= bool(proxy.violations)
sys.exit(failed)
