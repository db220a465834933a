#!/usr/bin/env bash
# ical.js 2.2.1 (npm) reads a local time that clocks show twice, because they are put back, as the second one. RFC 5545, section
# 3.3.5, says that it is the first. The hour before such a change is read right, and so is the hour after it. Here are
# Brussels' clocks in the night of 31 October 2027, at 03:00 put back to 02:00: 02:30 is 00:30 in UTC, and read as 01:30.
# A calendar that means the first is read right by all if it writes UTC.
#
# The script needs Node.js and npm, and installs the pinned package in a temporary folder. It exits with a non-zero status if
# the behaviour changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts ical.js@2.2.1
cat >read.mjs <<'JS'
import ICAL from "ical.js";

const zone = `BEGIN:VTIMEZONE
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
END:VTIMEZONE`;
const event = (start, number) => `BEGIN:VEVENT
UID:${number}@river.example
DTSTAMP:20270101T000000Z
DTSTART${start}
END:VEVENT`;
const night = ["0130", "0230", "0330"].map((clock) => `;TZID=Europe/Brussels:20271031T${clock}00`);
const events = [...night, ":20271031T003000Z"].map(event);
const lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//example//example//EN", zone, ...events, "END:VCALENDAR"];
const calendar = new ICAL.Component(ICAL.parse(lines.join("\n").replaceAll("\n", "\r\n")));
calendar.getAllSubcomponents("vtimezone").forEach((part) => ICAL.TimezoneService.register(part));
for (const part of calendar.getAllSubcomponents("vevent")) {
  const start = new ICAL.Event(part).startDate;
  console.log(start.toString(), start.zone.tzid, "is", start.toJSDate().toISOString());
}
JS
node read.mjs | tee out
diff out - <<'SEEN'
2027-10-31T01:30:00 Europe/Brussels is 2027-10-30T23:30:00.000Z
2027-10-31T02:30:00 Europe/Brussels is 2027-10-31T01:30:00.000Z
2027-10-31T03:30:00 Europe/Brussels is 2027-10-31T02:30:00.000Z
2027-10-31T00:30:00Z UTC is 2027-10-31T00:30:00.000Z
SEEN
