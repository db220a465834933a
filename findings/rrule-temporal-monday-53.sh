#!/usr/bin/env bash
# rrule-temporal 2.2.8 (npm) gives a date in the next year for FREQ=YEARLY;BYDAY=53MO, the 53rd Monday of a year, in years that have
# 52 only: 5 January 2026 for 2025, and so on each year. RFC 5545, section 3.3.10, counts the weekday within the year, and ignores
# a date that does not exist. So a party "on the 53rd Monday, if there is one" is every year. The same rule with -53MO is in
# the year before. The fifth Monday of a month (FREQ=MONTHLY;BYDAY=5MO) and BYWEEKNO=53 are right. rrule 2.8.1 (npm)
# and python-dateutil 2.9.0 have the years with 53 Mondays alone. node-ical 0.27.2 expands rules with rrule-temporal.
#
# The script needs Node.js 20 or newer and npm, and installs the pinned packages in a temporary folder. It exits with a
# non-zero status if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts rrule-temporal@2.2.8 rrule@2.8.1
cat >expand.mjs <<'JS'
import rrule from "rrule";
import { RRuleTemporal } from "rrule-temporal";

for (const rule of ["FREQ=YEARLY;BYDAY=53MO", "FREQ=YEARLY;BYDAY=-53MO", "FREQ=MONTHLY;BYDAY=5MO", "FREQ=YEARLY;BYWEEKNO=53;BYDAY=MO"]) {
  const text = `DTSTART:20240101T090000Z\nRRULE:${rule};COUNT=3`;
  const dates = new RRuleTemporal({ rruleString: text }).all().map((date) => date.toString().slice(0, 10));
  const others = rrule.rrulestr(text).all().map((date) => date.toISOString().slice(0, 10));
  console.log(`${rule}\n  rrule-temporal: ${dates.join(", ")}\n  rrule:          ${others.join(", ")}`);
}
JS
node expand.mjs | tee out
diff out - <<'SEEN'
FREQ=YEARLY;BYDAY=53MO
  rrule-temporal: 2024-12-30, 2026-01-05, 2027-01-04
  rrule:          2024-12-30, 2029-12-31, 2035-12-31
FREQ=YEARLY;BYDAY=-53MO
  rrule-temporal: 2024-01-01, 2024-12-30, 2025-12-29
  rrule:          2024-01-01, 2029-01-01, 2035-01-01
FREQ=MONTHLY;BYDAY=5MO
  rrule-temporal: 2024-01-29, 2024-04-29, 2024-07-29
  rrule:          2024-01-29, 2024-04-29, 2024-07-29
FREQ=YEARLY;BYWEEKNO=53;BYDAY=MO
  rrule-temporal: 2026-12-28, 2032-12-27, 2037-12-28
  rrule:          2026-12-28, 2032-12-27, 2037-12-28
SEEN
