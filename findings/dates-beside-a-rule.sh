#!/usr/bin/env bash
# An event that lists its dates (RDATE) and has no rule takes place at DTSTART and at the dates (RFC 5545, section 3.8.5.2). Of
# four readers one says so:
# - ical.js 2.2.1 (npm) says isRecurring(), and its iterator has the listed dates without the first (pull request 534 of it);
# - node-ical 0.27.2 (npm) keeps RDATE, and expandRecurringEvent has the first date alone, with a rule the dates of the rule;
# - ts-ics 2.4.6 (npm) does not read RDATE;
# - recurring-ical-events 3.8.2 (Python) has all dates.
# And ical.js moves on by one EXDATE with each date that it gives, so a cancelled date takes place if two others that match
# nothing stand before it in one interval, as those of a series whose weekday was changed. One event for each date, with UIDs
# of their own, is read alike by all.
#
# The script needs Node.js 20 or newer, npm and Python 3.10 or newer, and installs the pinned packages in a temporary folder.
# It exits with a non-zero status if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts ical.js@2.2.1 node-ical@0.27.2 ts-ics@2.4.6
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check icalendar==7.3.2 recurring-ical-events==3.8.2

# Writes the calendar $1 of an event with the lines that follow.
calendar() {
  local name=$1; shift
  printf '%s\r\n' BEGIN:VCALENDAR VERSION:2.0 PRODID:-//example//example//EN BEGIN:VEVENT "UID:$name@river.example" \
    DTSTAMP:20270101T000000Z DTSTART:20270301T090000Z DURATION:PT1H "$@" END:VEVENT END:VCALENDAR >"$name.ics"
}
calendar listed RDATE:20270308T090000Z,20270320T090000Z
calendar both 'RRULE:FREQ=WEEKLY;COUNT=2' RDATE:20270320T090000Z
calendar cancelled 'RRULE:FREQ=WEEKLY;COUNT=4' EXDATE:20270302T090000Z,20270304T090000Z,20270308T090000Z
cat >read.mjs <<'JS'
import { readFileSync } from "node:fs";
import ICAL from "ical.js";
import nodeIcal from "node-ical";
import { convertIcsCalendar } from "ts-ics";

const year = { from: new Date("2027-01-01T00:00:00Z"), to: new Date("2028-01-01T00:00:00Z") };
for (const name of ["listed", "both", "cancelled"]) {
  const text = readFileSync(`${name}.ics`, "utf8");
  const event = new ICAL.Event(new ICAL.Component(ICAL.parse(text)).getFirstSubcomponent("vevent"));
  const [dates, walk] = [[], event.iterator()];
  for (let next = walk.next(); next; next = walk.next()) dates.push(next.toString().slice(5, 10));
  console.log(`${name}, ical.js, recurring ${event.isRecurring()}:`, ...dates);
  const part = Object.values(nodeIcal.sync.parseICS(text)).find(({ type }) => type === "VEVENT");
  console.log(`${name}, node-ical:`, ...nodeIcal.expandRecurringEvent(part, year).map(({ start }) => start.toISOString().slice(5, 10)));
  console.log(`${name}, ts-ics:`, ...Object.keys(convertIcsCalendar(undefined, text).events[0]).filter((key) => /date|recur/i.test(key)));
}
JS
cat >read.py <<'SCRIPT'
import icalendar
import recurring_ical_events

for name in ["listed", "both", "cancelled"]:
    with open(f"{name}.ics", "rb") as file:
        calendar = icalendar.Calendar.from_ical(file.read())
    events = recurring_ical_events.of(calendar).between("20270101", "20280101")
    print(f"{name}, recurring-ical-events:", *sorted(event.start.strftime("%m-%d") for event in events))
SCRIPT
{ node read.mjs && python/bin/python read.py; } | tee out
diff out - <<'SEEN'
listed, ical.js, recurring true: 03-08 03-20
listed, node-ical: 03-01
listed, ts-ics:
both, ical.js, recurring true: 03-01 03-08 03-20
both, node-ical: 03-01 03-08
both, ts-ics: recurrenceRule
cancelled, ical.js, recurring true: 03-01 03-08 03-15 03-22
cancelled, node-ical: 03-01 03-15 03-22
cancelled, ts-ics: recurrenceRule exceptionDates
listed, recurring-ical-events: 03-01 03-08 03-20
both, recurring-ical-events: 03-01 03-08 03-20
cancelled, recurring-ical-events: 03-01 03-15 03-22
SEEN
