#!/usr/bin/env bash
# A duration of one day (P1D) ends at the same time of day, and one of 24 hours (PT24H) ends 24 hours later, which is another
# time when clocks are changed in between (RFC 5545, section 3.3.6: days are nominal, hours are accurate). Three readers know one
# of the two each, and not the same one. Here is an event that begins in Brussels at 12:00 on the day before the clocks are put
# forward: P1D ends at 10:00 in UTC, PT24H at 11:00.
# - icalendar 7.3.2 (Python) ends both at 10:00, and writes PT24H as P1D: a calendar that is read and written means another
#   end for all who read it right.
# - ical.js 2.2.1 (npm) ends both at 10:00 too, although its Duration keeps days and hours apart.
# - node-ical 0.26.1 (npm) ends both at 11:00.
# An end (DTEND) leaves no doubt.
#
# The script needs Node.js 20 or newer, npm and Python 3.10 or newer, and installs the pinned packages in a temporary folder.
# It exits with a non-zero status if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts ical.js@2.2.1 node-ical@0.26.1
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check icalendar==7.3.2
cat >zone.txt <<'ICS'
BEGIN:VTIMEZONE
TZID:Europe/Brussels
BEGIN:DAYLIGHT
DTSTART:19960331T020000
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
END:DAYLIGHT
BEGIN:STANDARD
DTSTART:19961027T030000
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
END:STANDARD
END:VTIMEZONE
ICS
for length in P1D PT24H; do
  { printf '%s\n' BEGIN:VCALENDAR VERSION:2.0 PRODID:-//example//example//EN
    cat zone.txt
    printf '%s\n' BEGIN:VEVENT "UID:$length@river.example" DTSTAMP:20270101T000000Z \
      'DTSTART;TZID=Europe/Brussels:20270327T120000' "DURATION:$length" END:VEVENT END:VCALENDAR
  } | sed 's/$/\r/' >"$length.ics"
done
cat >read.py <<'SCRIPT'
from datetime import timezone

import icalendar

for length in ["P1D", "PT24H"]:
    with open(f"{length}.ics", "rb") as file:
        event = icalendar.Calendar.from_ical(file.read()).events[0]
    end = event.end.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%MZ")
    print(f"icalendar: {length} ends at {end}, is written as {event['DURATION'].to_ical().decode()}")
SCRIPT
cat >read.mjs <<'JS'
import { readFileSync } from "node:fs";
import ICAL from "ical.js";
import nodeIcal from "node-ical";

const said = (date) => `${date.toISOString().slice(0, 16)}Z`;
const texts = ["P1D", "PT24H"].map((length) => [length, readFileSync(`${length}.ics`, "utf8")]);
for (const [length, text] of texts) {
  const calendar = new ICAL.Component(ICAL.parse(text));
  calendar.getAllSubcomponents("vtimezone").forEach((part) => ICAL.TimezoneService.register(part));
  const part = calendar.getFirstSubcomponent("vevent");
  const written = part.getFirstPropertyValue("duration").toICALString();
  console.log(`ical.js: ${length} ends at ${said(new ICAL.Event(part).endDate.toJSDate())}, is written as ${written}`);
}
for (const [length, text] of texts) {
  const event = Object.values(nodeIcal.sync.parseICS(text)).find((part) => part.type === "VEVENT");
  console.log(`node-ical: ${length} ends at ${said(event.end)}`);
}
JS
{ python/bin/python read.py && node read.mjs; } | tee out
diff out - <<'SEEN'
icalendar: P1D ends at 2027-03-28T10:00Z, is written as P1D
icalendar: PT24H ends at 2027-03-28T10:00Z, is written as P1D
ical.js: P1D ends at 2027-03-28T10:00Z, is written as P1D
ical.js: PT24H ends at 2027-03-28T10:00Z, is written as PT24H
node-ical: P1D ends at 2027-03-28T11:00Z
node-ical: PT24H ends at 2027-03-28T11:00Z
SEEN
