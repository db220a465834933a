#!/usr/bin/env bash
# feedsmith 3.0.1 (npm) writes a text that has an ampersand or a less-than sign as CDATA on a line of its own, so that line breaks
# and blanks stand around it, while a text without these stands alone. The blanks belong to the text of the element (XML 1.0,
# section 2.10). Read by rss-parser 3.13.0 (npm), the link and the guid of an RSS item, the id of an Atom entry and its title
# begin with a line break, those of items without an ampersand do not. RFC 4287, section 4.2.6, has an IRI in atom:id, which has no
# blanks, and its section 4.2.6.1 compares ids by character, so an entry is another one when its address gets a second
# parameter or when the feed comes from elsewhere. An address in an attribute (Atom's link) is right. feedsmith's own parser and
# feedparser 6.0.14 (Python) strip the blanks.
#
# The script needs Node.js, npm and Python 3.10 or newer, and installs the pinned packages in a temporary folder. It exits
# with a non-zero status if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts feedsmith@3.0.1 rss-parser@3.13.0
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check feedparser==6.0.14
cat >write.mjs <<'JS'
import { writeFileSync } from "node:fs";
import { generateAtomFeed, generateRssFeed, parseFeed } from "feedsmith";
import Parser from "rss-parser";

const updated = new Date("2031-05-01T09:00:00Z");
const items = [["Rain", "http://river.example/?walk=1"], ["Rain & mud", "http://river.example/?walk=2&lang=nl"]];
const feeds = {
  rss: generateRssFeed({
    title: "Walks", link: "http://river.example/", description: "Walks",
    items: items.map(([title, link]) => ({ title, link, guid: { value: link } })),
  }),
  atom: generateAtomFeed({
    title: { value: "Walks" }, id: "tag:river.example,2031:walks", updated,
    entries: items.map(([title, id]) => ({ title: { value: title }, id, links: [{ href: id }], updated })),
  }),
};
for (const [name, text] of Object.entries(feeds)) {
  writeFileSync(name, text);
  for (const { title, link, guid, id } of (await new Parser().parseString(text)).items) {
    console.log(`rss-parser, ${name}: ${JSON.stringify([title, link, guid ?? id])}`);
  }
  const { feed } = parseFeed(text);
  const [, second] = feed.items ?? feed.entries;
  console.log(`feedsmith, ${name}: ${JSON.stringify(second.guid?.value ?? second.id)}`);
}
JS
cat >read.py <<'SCRIPT'
import json

import feedparser

for name in ["rss", "atom"]:
    print(f"feedparser, {name}: {json.dumps(feedparser.parse(name).entries[1].id)}")
SCRIPT
{ node write.mjs && python/bin/python read.py; } | tee out
diff out - <<'SEEN'
rss-parser, rss: ["Rain","http://river.example/?walk=1","http://river.example/?walk=1"]
rss-parser, rss: ["\n        Rain & mud\n      ","\n        http://river.example/?walk=2&lang=nl\n      ","\n        http://river.example/?walk=2&lang=nl\n      "]
feedsmith, rss: "http://river.example/?walk=2&lang=nl"
rss-parser, atom: ["Rain","http://river.example/?walk=1","http://river.example/?walk=1"]
rss-parser, atom: ["\n      Rain & mud\n    ","http://river.example/?walk=2&lang=nl","\n      http://river.example/?walk=2&lang=nl\n    "]
feedsmith, atom: "http://river.example/?walk=2&lang=nl"
feedparser, rss: "http://river.example/?walk=2&lang=nl"
feedparser, atom: "http://river.example/?walk=2&lang=nl"
SEEN
