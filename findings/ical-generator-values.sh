#!/usr/bin/env bash
# ical-generator 11.1.2 (npm) writes three values otherwise than RFC 5545 has them:
# - an address (URL) with a comma or a semicolon gets backslashes, as if it were a text; values of the type URI have no such
#   encoding (section 3.3.13). ical.js 2.2.1 (npm) reads it as it stands, so the link is another one; icalendar 7.3.2 (Python)
#   and node-ical 0.27.2 (npm) take the backslashes away;
# - UNTIL of an event of whole days is a time in UTC, and must be a date as DTSTART is one (section 3.3.10);
# - if the calendar has a zone, DTSTAMP and UNTIL are local times without Z, and both must be in UTC (sections 3.8.7.2 and
#   3.3.10). Without a zone they are.
# Percent-encoding (%2C, %3B) keeps the address whole.
#
# The script needs Node.js 20 or newer, npm and Python 3.10 or newer, and installs the pinned packages in a temporary folder.
# It exits with a non-zero status if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts ical-generator@11.1.2 ical.js@2.2.1 node-ical@0.27.2
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check icalendar==7.3.2
cat >write.mjs <<'JS'
import { writeFileSync } from "node:fs";
import ICAL from "ical.js";
import ical from "ical-generator";
import nodeIcal from "node-ical";

const day = (date) => new Date(`2031-05-${date}T00:00:00Z`);
const calendar = (timezone) => {
  const made = ical({ name: "Walks", timezone });
  made.createEvent({
    id: "days@river.example", stamp: day("01"), start: day("10"), end: day("11"), allDay: true, summary: "Walk",
    url: "http://river.example/map?at=50.8,4.35", repeating: { freq: "DAILY", until: day("12") },
  });
  return made.toString();
};
for (const timezone of [undefined, "Europe/Brussels"]) {
  const lines = calendar(timezone).split("\r\n").filter((line) => /^(DTSTAMP|DTSTART|RRULE|URL)/.test(line));
  console.log(`zone ${timezone ?? "none"}\n  ${lines.join("\n  ")}`);
}
const text = calendar();
writeFileSync("days.ics", text);
console.log("ical.js:", new ICAL.Component(ICAL.parse(text)).getFirstSubcomponent("vevent").getFirstPropertyValue("url"));
const { url } = Object.values(nodeIcal.sync.parseICS(text)).find(({ type }) => type === "VEVENT");
console.log("node-ical:", url.val);
JS
cat >read.py <<'SCRIPT'
import icalendar

with open("days.ics", "rb") as file:
    print("icalendar:", icalendar.Calendar.from_ical(file.read()).events[0]["URL"])
SCRIPT
{ TZ=UTC node write.mjs && python/bin/python read.py; } | tee out
diff out - <<'SEEN'
zone none
  DTSTAMP:20310501T000000Z
  DTSTART;VALUE=DATE:20310510
  RRULE:FREQ=DAILY;UNTIL=20310512T000000Z
  URL;VALUE=URI:http://river.example/map?at=50.8\,4.35
zone Europe/Brussels
  DTSTAMP:20310501T000000
  DTSTART;VALUE=DATE:20310510
  RRULE:FREQ=DAILY;UNTIL=20310512T000000
  URL;VALUE=URI:http://river.example/map?at=50.8\,4.35
ical.js: http://river.example/map?at=50.8\,4.35
node-ical: http://river.example/map?at=50.8,4.35
icalendar: http://river.example/map?at=50.8,4.35
SEEN
