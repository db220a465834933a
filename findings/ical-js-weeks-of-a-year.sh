#!/usr/bin/env bash
# ical.js 2.2.1 (npm) repeats an event every week, whose rule is once a year by a number of weeks: FREQ=YEARLY;BYDAY=20MO (the
# 20th Monday of a year) and FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO (the Monday of week 20), both examples of RFC 5545, section
# 3.8.5.3, with the dates that stand there. It reads the numbers and gives all Mondays without an error, and skips the first
# date of the second rule. With a month (BYMONTH=5;BYWEEKNO=19) it gives all Mondays of the month. -1MO is right. rrule 2.8.1
# (npm) has the dates of the RFC.
#
# The script needs Node.js and npm, and installs the pinned packages in a temporary folder. It exits with a non-zero status if
# the behaviour changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts ical.js@2.2.1 rrule@2.8.1
cat >expand.mjs <<'JS'
import ICAL from "ical.js";
import rrule from "rrule";

const rules = [
  ["1997-05-19", "FREQ=YEARLY;BYDAY=20MO"],
  ["1997-05-12", "FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO"],
  ["2026-05-04", "FREQ=YEARLY;BYMONTH=5;BYWEEKNO=19;BYDAY=MO"],
  ["2026-12-28", "FREQ=YEARLY;BYDAY=-1MO"],
];
for (const [start, rule] of rules) {
  const walk = ICAL.Recur.fromString(rule).iterator(ICAL.Time.fromString(`${start}T09:00:00`));
  const dates = [1, 2, 3].map(() => walk.next().toString().slice(0, 10));
  const set = rrule.rrulestr(`DTSTART:${start.replaceAll("-", "")}T090000Z\nRRULE:${rule}`);
  const others = set.all((_, number) => number < 3).map((date) => date.toISOString().slice(0, 10));
  console.log(`${rule}\n  ical.js: ${dates.join(", ")}\n  rrule:   ${others.join(", ")}`);
}
JS
node expand.mjs | tee out
diff out - <<'SEEN'
FREQ=YEARLY;BYDAY=20MO
  ical.js: 1997-05-19, 1997-05-26, 1997-06-02
  rrule:   1997-05-19, 1998-05-18, 1999-05-17
FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO
  ical.js: 1997-05-19, 1997-05-26, 1997-06-02
  rrule:   1997-05-12, 1998-05-11, 1999-05-17
FREQ=YEARLY;BYMONTH=5;BYWEEKNO=19;BYDAY=MO
  ical.js: 2026-05-04, 2026-05-11, 2026-05-18
  rrule:   2026-05-04, 2027-05-10, 2028-05-08
FREQ=YEARLY;BYDAY=-1MO
  ical.js: 2026-12-28, 2027-12-27, 2028-12-25
  rrule:   2026-12-28, 2027-12-27, 2028-12-25
SEEN
