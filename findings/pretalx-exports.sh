#!/usr/bin/env bash
# pretalx 2026.2.1, in the exports of its programme:
# - schedule.xml and schedule.json write a duration of 25 hours as 1:01:00 (days, hours, minutes), where the form of c3voc has
#   hours and minutes only;
# - both slots of a session that takes place twice have the same guid, id and code, although a guid is that of one slot, and
#   in schedule.ics they are two events with the same UID (RFC 5545, section 3.8.4.7: globally unique) and no
#   RECURRENCE-ID, so that a reader may show one of them only;
# - schedule.xml has the word None for an abstract that is absent;
# - schedule.ics has local times in a zone that it calls CET, so two talks of which one begins an hour after the other, when
#   the clock goes back, begin at the same time. UTC would tell them apart.
#
# The script needs Python 3.12 or newer (PYTHON names one). The event is that of examples/pretalx. It exits with a non-zero
# status if the behaviour changes.
set -euo pipefail
here=$(cd "$(dirname "$0")/../examples/pretalx" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv python
python/bin/pip install --quiet --disable-pip-version-check pretalx==2026.2.1
export PRETALX_DATA_DIR="$folder/data" PRETALX_SITE_URL=http://127.0.0.1 PRETALX_DEBUG=True PRETALX_NO_INITIAL_LOG=1
export DJANGO_SETTINGS_MODULE=pretalx_here PYTHONPATH="$here" PYTHONDONTWRITEBYTECODE=1
python/bin/python -m pretalx migrate --verbosity 0 >migrate.log 2>&1
python/bin/python "$here/event.py" >event.log 2>&1
cat >read.py <<'SCRIPT'
import json
import re
import xml.etree.ElementTree as ElementTree

import django

django.setup()
from django.test import Client

get = lambda name: Client().get(f"/river2031/{name}", HTTP_HOST="127.0.0.1").content.decode()
xml = ElementTree.fromstring(get("schedule.xml"))
events = {}
for event in xml.iter("event"):
    events.setdefault(event.findtext("title"), []).append(event)
days = json.loads(get("schedule.json"))["schedule"]["conference"]["days"]
sessions = [session for day in days for room in day["rooms"].values() for session in room]
long = next(session for session in sessions if session["title"] == "Tag und Nacht")
print("25 hours:", events[long["title"]][0].findtext("duration"), "in XML,", long["duration"], "in JSON")
twice = [session for session in sessions if session["title"] == "Twice"]
print("two slots:", len(twice), "sessions,", len({session["guid"] for session in twice}), "guid in JSON,", len({event.get("guid") for event in events["Twice"]}), "in XML")
calendar = get("schedule.ics").replace("\r\n ", "").split("BEGIN:VEVENT")
said = lambda title, name: [re.search(f"^{name}.*", event, re.M)[0].strip() for event in calendar if f"SUMMARY:{title}" in event]
print("their UIDs:", len(said("Twice", "UID")), "events,", len(set(said("Twice", "UID"))), "UID")
print("no abstract:", events["Nobody speaks"][0].findtext("abstract"))
print("an hour apart:", *said("Before the clock", "DTSTART"), *said("After the clock", "DTSTART"))
SCRIPT
python/bin/python read.py 2>/dev/null | tee out
diff out - <<'SEEN'
25 hours: 1:01:00 in XML, 1:01:00 in JSON
two slots: 2 sessions, 1 guid in JSON, 1 in XML
their UIDs: 2 events, 1 UID
no abstract: None
an hour apart: DTSTART;TZID=CET:20311026T023000 DTSTART;TZID=CET:20311026T023000
SEEN
