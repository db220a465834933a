#!/usr/bin/env bash
# rss-parser 3.13.0 (npm) puts the words of an Atom entry in another order if its content is XHTML (type="xhtml"; RFC 4287,
# section 4.1.3.3): first comes all text that stands between the elements of a paragraph, then the elements. Here "Meet at the
# bridge, not at the mill, at nine." becomes "Meet at , not at , at nine.the bridgethe mill" in `contentSnippet`, and likewise
# with its markup in `content`, without an error. (Issue 275 of rss-parser tells of it.) A title in XHTML becomes an object.
# The same texts as escaped HTML (type="html") are read right, and feedsmith 3.0.1 reads the XHTML right.
#
# The script needs Node.js and npm, and installs the pinned packages in a temporary folder. It exits with a non-zero status if
# the behaviour changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts rss-parser@3.13.0 feedsmith@3.0.1
cat >read.mjs <<'JS'
import Parser from "rss-parser";
import { parseFeed } from "feedsmith";

const paragraph = "<p>Meet at <b>the bridge</b>, not at <b>the mill</b>, at nine.</p>";
const div = (html) => `<div xmlns="http://www.w3.org/1999/xhtml">${html}</div>`;
const feed = (type, title, content) => `<?xml version="1.0" encoding="utf-8"?>
<feed xmlns="http://www.w3.org/2005/Atom">
<title>Walks</title><id>tag:river.example,2031:walks</id><updated>2031-05-01T09:00:00Z</updated>
<author><name>The river club</name></author>
<entry>
<title type="${type}">${title}</title><id>tag:river.example,2031:walks/1</id><updated>2031-05-01T09:00:00Z</updated>
<content type="${type}">${content}</content>
</entry>
</feed>`;
const xhtml = feed("xhtml", div("A <b>long</b> walk"), div(paragraph));
const html = feed("html", "A &lt;b>long&lt;/b> walk", paragraph.replaceAll("<", "&lt;"));
for (const [type, text] of Object.entries({ xhtml, html })) {
  const [item] = (await new Parser().parseString(text)).items;
  console.log(`${type}: ${item.content}`);
  console.log(`${type} as words: ${item.contentSnippet}`);
  console.log(`${type}, the title: ${typeof item.title}`);
}
console.log(`xhtml by feedsmith: ${parseFeed(xhtml).feed.entries[0].content.value}`);
JS
node read.mjs | tee out
diff out - <<'SEEN'
xhtml: <div type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>Meet at , not at , at nine.<b>the bridge</b><b>the mill</b></p></div></div>
xhtml as words: Meet at , not at , at nine.the bridgethe mill
xhtml, the title: object
html: <p>Meet at <b>the bridge</b>, not at <b>the mill</b>, at nine.</p>
html as words: Meet at the bridge, not at the mill, at nine.
html, the title: string
xhtml by feedsmith: <p>Meet at <b>the bridge</b>, not at <b>the mill</b>, at nine.</p>
SEEN
