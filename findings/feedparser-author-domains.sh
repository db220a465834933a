#!/usr/bin/env bash
# feedparser 6.0.14 (Python) takes name and address of an author apart by a pattern that knows top-level domains of two to four
# letters. Of a longer one, such as .museum, .events or .brussels, the rest goes to the name: of
# "anna@river.example (Anna Rivers)", the form that RSS 2.0 gives, the address is anna@river.exam and the name
# "ple (Anna Rivers", without an error. The same author at river.test is read right. So it is with dc:creator too. Atom has an
# element for each, and is read right. `author` has the whole text in all of them.
#
# The script needs Python 3.10 or newer. It exits with a non-zero status if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check feedparser==6.0.14
cat >read.py <<'SCRIPT'
import feedparser

RSS = """<rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/"><channel>
<title>Walks</title><link>http://river.example/</link><description>Walks</description>
<item><title>Along the river</title>{}</item>
</channel></rss>"""
ATOM = """<feed xmlns="http://www.w3.org/2005/Atom">
<title>Walks</title><id>tag:river.example,2031:walks</id><updated>2031-05-01T09:00:00Z</updated>
<entry><title>Along the river</title><id>tag:river.example,2031:walks/1</id><updated>2031-05-01T09:00:00Z</updated>{}</entry>
</feed>"""


def tell(what, feed):
    entry = feedparser.parse(feed).entries[0]
    print(f"{what}: {entry.author_detail.email} is {entry.author_detail.name!r}, whole: {entry.author}")


for domain in ["test", "example"]:
    for name in ["author", "dc:creator"]:
        tell(f"{name} at .{domain}", RSS.format(f"<{name}>anna@river.{domain} (Anna Rivers)</{name}>"))
    tell(f"Atom at .{domain}", ATOM.format(f"<author><name>Anna Rivers</name><email>anna@river.{domain}</email></author>"))
SCRIPT
python/bin/python read.py | tee out
diff out - <<'SEEN'
author at .test: anna@river.test is 'Anna Rivers', whole: anna@river.test (Anna Rivers)
dc:creator at .test: anna@river.test is 'Anna Rivers', whole: anna@river.test (Anna Rivers)
Atom at .test: anna@river.test is 'Anna Rivers', whole: Anna Rivers (anna@river.test)
author at .example: anna@river.exam is 'ple (Anna Rivers', whole: anna@river.example (Anna Rivers)
dc:creator at .example: anna@river.exam is 'ple (Anna Rivers', whole: anna@river.example (Anna Rivers)
Atom at .example: anna@river.example is 'Anna Rivers', whole: Anna Rivers (anna@river.example)
SEEN
