#!/usr/bin/env bash
# ical.js 2.2.1 (npm) moves the rest of a series to a wrong time if RECURRENCE-ID;RANGE=THISANDFUTURE is in UTC, as in the
# example of RFC 5545, section 3.8.4.4, and the events are in a zone. It gives the time in UTC the zone of the event without
# converting it, so that the difference is the offset of the zone too long. Here a daily walk at 09:00 in Brussels is at
# 11:00 from the third day on. The third day is right, since it is found by its time in UTC; all later ones are at 12:00. With
# RECURRENCE-ID in the zone all are at 11:00. recurring-ical-events 3.8.2 (Python) has 11:00 for both files.
#
# The script needs Node.js, npm and Python 3.10 or newer, and installs the pinned packages in a temporary folder. It exits
# with a non-zero status if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts ical.js@2.2.1
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check icalendar==7.3.2 recurring-ical-events==3.8.2

# Writes a calendar whose RECURRENCE-ID has the parameters and the value $1.
calendar() {
  sed 's/$/\r/' <<ICS
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
DTSTART;TZID=Europe/Brussels:20270301T090000
DURATION:PT1H
RRULE:FREQ=DAILY;COUNT=5
SUMMARY:Walk
END:VEVENT
BEGIN:VEVENT
UID:walk@river.example
DTSTAMP:20270102T000000Z
RECURRENCE-ID;RANGE=THISANDFUTURE$1
DTSTART;TZID=Europe/Brussels:20270303T110000
DURATION:PT1H
SUMMARY:Later walk
END:VEVENT
END:VCALENDAR
ICS
}
calendar ';TZID=Europe/Brussels:20270303T090000' >zone.ics
calendar ':20270303T080000Z' >utc.ics
cat >read.mjs <<'JS'
import { readFileSync } from "node:fs";
import ICAL from "ical.js";

for (const name of ["zone", "utc"]) {
  const calendar = new ICAL.Component(ICAL.parse(readFileSync(`${name}.ics`, "utf8")));
  calendar.getAllSubcomponents("vtimezone").forEach((part) => ICAL.TimezoneService.register(part));
  const series = new ICAL.Event(calendar.getFirstSubcomponent("vevent"));
  const [starts, walk] = [[], series.iterator()];
  for (let next = walk.next(); next; next = walk.next()) {
    starts.push(series.getOccurrenceDetails(next).startDate.toString().slice(8, 16));
  }
  console.log(`ical.js, ${name}:`, ...starts);
}
JS
cat >read.py <<'SCRIPT'
import icalendar
import recurring_ical_events

for name in ["zone", "utc"]:
    with open(f"{name}.ics", "rb") as file:
        calendar = icalendar.Calendar.from_ical(file.read())
    events = recurring_ical_events.of(calendar).between("20270301", "20270401")
    starts = sorted(event.start.strftime("%dT%H:%M") for event in events)
    print(f"recurring-ical-events, {name}:", *starts)
SCRIPT
{ node read.mjs && python/bin/python read.py; } | tee out
diff out - <<'SEEN'
ical.js, zone: 01T09:00 02T09:00 03T11:00 04T11:00 05T11:00
ical.js, utc: 01T09:00 02T09:00 03T11:00 04T12:00 05T12:00
recurring-ical-events, zone: 01T09:00 02T09:00 03T11:00 04T11:00 05T11:00
recurring-ical-events, utc: 01T09:00 02T09:00 03T11:00 04T11:00 05T11:00
SEEN
