#!/usr/bin/env bash
# ts-ics 2.4.6 (npm): extendByRecurrenceRule, which expands a rule to dates, gives others than RFC 5545. The first three rules here
# are examples of its section 3.8.5.3, with the dates that stand there:
# - weekdays in a month or a year lose the time of day: an event at 09:00 is at 00:00 in UTC on all dates, and the first date,
#   which is then before the start, is missing;
# - BYSETPOS=-2 and BYMONTHDAY=-3 are one too far from the end, as if -1 were the last but one;
# - BYWEEKNO=20 counts weeks of the year otherwise than section 3.3.10 (week 1 has four days of the year or more): a week too
#   early in years that begin on a Friday, a Saturday or a Sunday;
# - a yearly event on 29 February is on 28 February in other years, while 3.3.10 ignores dates that do not exist.
# Weekly rules with weekdays are right. rrule 2.8.1 (npm) has the dates of the RFC. The script sets the zone of the process to UTC,
# since ts-ics reckons with days of that zone.
#
# The script needs Node.js 20 or newer and npm, and installs the pinned packages in a temporary folder. It exits with a
# non-zero status if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts ts-ics@2.4.6 rrule@2.8.1
cat >expand.mjs <<'JS'
import { convertIcsRecurrenceRule, extendByRecurrenceRule } from "ts-ics";
import rrule from "rrule";

const rules = [
  ["1997-09-29", "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2"],
  ["1997-09-28", "FREQ=MONTHLY;BYMONTHDAY=-3"],
  ["1997-05-12", "FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO"],
  ["2027-05-26", "FREQ=MONTHLY;BYDAY=-1WE"],
  ["2028-02-29", "FREQ=YEARLY"],
  ["2027-05-24", "FREQ=WEEKLY;BYDAY=MO,WE"],
];
for (const [day, rule] of rules) {
  const start = new Date(`${day}T09:00:00Z`);
  const end = new Date(start.getTime() + 4 * 366 * 24 * 60 * 60 * 1000);
  const said = (dates) => dates.slice(0, 3).map((date) => date.toISOString().slice(0, 16)).join(", ");
  console.log(`${rule}\n  ts-ics: ${said(extendByRecurrenceRule(convertIcsRecurrenceRule(undefined, { value: rule }), { start, end }))}`);
  const set = rrule.rrulestr(`DTSTART:${day.replaceAll("-", "")}T090000Z\nRRULE:${rule}`);
  console.log(`  rrule:  ${said(set.all((_, number) => number < 3))}`);
}
JS
TZ=UTC node expand.mjs | tee out
diff out - <<'SEEN'
FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2
  ts-ics: 1997-10-29T00:00, 1997-11-26T00:00, 1997-12-29T00:00
  rrule:  1997-09-29T09:00, 1997-10-30T09:00, 1997-11-27T09:00
FREQ=MONTHLY;BYMONTHDAY=-3
  ts-ics: 1997-10-28T09:00, 1997-11-27T09:00, 1997-12-28T09:00
  rrule:  1997-09-28T09:00, 1997-10-29T09:00, 1997-11-28T09:00
FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO
  ts-ics: 1997-05-12T09:00, 1998-05-11T09:00, 1999-05-10T09:00
  rrule:  1997-05-12T09:00, 1998-05-11T09:00, 1999-05-17T09:00
FREQ=MONTHLY;BYDAY=-1WE
  ts-ics: 2027-06-30T00:00, 2027-07-28T00:00, 2027-08-25T00:00
  rrule:  2027-05-26T09:00, 2027-06-30T09:00, 2027-07-28T09:00
FREQ=YEARLY
  ts-ics: 2028-02-29T09:00, 2029-02-28T09:00, 2030-02-28T09:00
  rrule:  2028-02-29T09:00, 2032-02-29T09:00, 2036-02-29T09:00
FREQ=WEEKLY;BYDAY=MO,WE
  ts-ics: 2027-05-24T09:00, 2027-05-26T09:00, 2027-05-31T09:00
  rrule:  2027-05-24T09:00, 2027-05-26T09:00, 2027-05-31T09:00
SEEN
