#!/usr/bin/env bash
# csvkit 2.2.0 (Python) guesses the types of columns where it copies or sorts a table (in2csv, csvsort, csvjoin, csvjson), and
# writes what it guessed. The types are those of agate 1.14.2, which tries durations before dates and texts (its TypeTester) and
# takes phrases as dates:
# - a start of 09:30 becomes 0:09:30, nine minutes and a half, and a length of 01:30 a minute and a half. With seconds,
#   09:30:00, the value is kept, as 9:30:00. csvsql makes an INTERVAL of all of them;
# - a column of first names that are months, April, June and May, becomes 0001-04-01, 0001-06-01 and 0001-05-01, and one of
#   weekdays becomes days of January of the year 1.
# --no-inference (-I) keeps the texts.
#
# The script needs Python 3.10 or newer. It exits with a non-zero status if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check csvkit==2.2.0 agate==1.14.2
cat >walks.csv <<'CSV'
guide,day,start,length,bell
April,Friday,09:30,01:30,09:30:00
June,Sunday,13:05,00:45,13:05:00
May,Monday,16:00,02:00,16:00:00
CSV
{
  python/bin/in2csv walks.csv
  python/bin/csvsort --columns guide walks.csv
  python/bin/csvsort --no-inference --columns guide walks.csv
  python/bin/csvsql --dialect postgresql walks.csv
} | tee out
diff out - <<'SEEN'
guide,day,start,length,bell
0001-04-01,0001-01-05,0:09:30,0:01:30,9:30:00
0001-06-01,0001-01-07,0:13:05,0:00:45,13:05:00
0001-05-01,0001-01-08,0:16:00,0:02:00,16:00:00
guide,day,start,length,bell
0001-04-01,0001-01-05,0:09:30,0:01:30,9:30:00
0001-05-01,0001-01-08,0:16:00,0:02:00,16:00:00
0001-06-01,0001-01-07,0:13:05,0:00:45,13:05:00
guide,day,start,length,bell
April,Friday,09:30,01:30,09:30:00
June,Sunday,13:05,00:45,13:05:00
May,Monday,16:00,02:00,16:00:00
CREATE TABLE walks (
	guide DATE NOT NULL, 
	day DATE NOT NULL, 
	start INTERVAL NOT NULL, 
	length INTERVAL NOT NULL, 
	bell INTERVAL NOT NULL
);
SEEN
