#!/usr/bin/env bash
# A date of a series whose local time clocks skip is ignored and not counted (RFC 5545, section 3.3.10). Of three readers one does
# so. Here is a walk of one hour at 02:30 in Brussels, daily, three times, from the day before clocks go from 02:00 to 03:00:
# - ical.js 2.2.1 (npm) has it on that night too, at 00:30 in UTC, which is 01:30, an hour before its time;
# - recurring-ical-events 3.8.2 (Python) has it at 01:30 in UTC, and it ends as it begins;
# - node-ical 0.27.2 (npm) leaves the night out and has a walk on one more day.
# So the last walk is on another day. UTC, or a date in EXDATE and one in COUNT more, would be read alike.
#
# The script needs Node.js 20 or newer, npm and Python 3.10 or newer, and installs the pinned packages in a temporary folder.
# It exits with a non-zero status if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts ical.js@2.2.1 node-ical@0.27.2
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check icalendar==7.3.2 recurring-ical-events==3.8.2
sed 's/$/\r/' >walk.ics <<'ICS'
BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//example//example//EN
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
BEGIN:VEVENT
UID:walk@river.example
DTSTAMP:20270101T000000Z
DTSTART;TZID=Europe/Brussels:20270327T023000
DURATION:PT1H
RRULE:FREQ=DAILY;COUNT=3
END:VEVENT
END:VCALENDAR
ICS
cat >read.mjs <<'JS'
import { readFileSync } from "node:fs";
import ICAL from "ical.js";
import nodeIcal from "node-ical";

const text = readFileSync("walk.ics", "utf8");
const said = (start, end) => `${start.toISOString().slice(5, 16)}/${end.toISOString().slice(11, 16)}`;
const calendar = new ICAL.Component(ICAL.parse(text));
calendar.getAllSubcomponents("vtimezone").forEach((part) => ICAL.TimezoneService.register(part));
const event = new ICAL.Event(calendar.getFirstSubcomponent("vevent"));
const [walks, iterator] = [[], event.iterator()];
for (let next = iterator.next(); next; next = iterator.next()) {
  const details = event.getOccurrenceDetails(next);
  walks.push(said(details.startDate.toJSDate(), details.endDate.toJSDate()));
}
console.log("ical.js:", ...walks);
const series = Object.values(nodeIcal.sync.parseICS(text)).find((part) => part.type === "VEVENT");
const year = { from: new Date("2027-01-01T00:00:00Z"), to: new Date("2028-01-01T00:00:00Z") };
console.log("node-ical:", ...nodeIcal.expandRecurringEvent(series, year).map(({ start, end }) => said(start, end)));
JS
cat >read.py <<'SCRIPT'
from datetime import timezone

import icalendar
import recurring_ical_events

with open("walk.ics", "rb") as file:
    calendar = icalendar.Calendar.from_ical(file.read())
said = lambda time, form: time.astimezone(timezone.utc).strftime(form)
events = recurring_ical_events.of(calendar).between("20270101", "20280101")
print("recurring-ical-events:", *sorted(f"{said(event.start, '%m-%dT%H:%M')}/{said(event.end, '%H:%M')}" for event in events))
SCRIPT
{ node read.mjs && python/bin/python read.py; } | tee out
diff out - <<'SEEN'
ical.js: 03-27T01:30/02:30 03-28T00:30/01:30 03-29T00:30/01:30
node-ical: 03-27T01:30/02:30 03-29T00:30/01:30 03-30T00:30/01:30
recurring-ical-events: 03-27T01:30/02:30 03-28T01:30/01:30 03-29T00:30/01:30
SEEN
