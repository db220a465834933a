#!/usr/bin/env bash
# feed-rs 3.0.0 (Rust) leaves out three things that feeds say:
# - an RSS item with a guid and no link has no link, although a guid is a permanent address of the item, unless isPermaLink says
#   false (RSS 2.0, "guid sub-element of item": true is the default). The address is in the id only;
# - the author "anna@river.example (Anna Rivers)", the form that RSS 2.0 gives, has the name "(Anna Rivers)", in parentheses;
# - xml:base of an Atom entry applies to links, which come resolved, and to relative references within its content (RFC 4287,
#   section 2), which stay as they are, while Entry::base is empty, so that nothing tells where /walks/may/rain.png was.
#
# The script needs Rust, and builds a program with the pinned crate in a temporary folder. It exits with a non-zero status
# if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/src"
cat >"$folder/Cargo.toml" <<'TOML'
[package]
name = "finding"
version = "0.0.0"
edition = "2021"
[dependencies]
feed-rs = "=3.0.0"
[profile.dev]
debug = 0
TOML
cat >"$folder/src/main.rs" <<'RUST'
const RSS: &str = r#"<rss version="2.0"><channel><title>Walks</title><link>http://river.example/</link><description>Walks</description>
<item><title>Rain</title><guid>http://river.example/rain</guid><author>anna@river.example (Anna Rivers)</author></item>
<item><title>Sun</title><guid isPermaLink="true">http://river.example/sun</guid></item>
<item><title>Snow</title><guid isPermaLink="false">snow</guid><link>http://river.example/snow</link></item>
</channel></rss>"#;
const ATOM: &str = r#"<feed xmlns="http://www.w3.org/2005/Atom"><title>Walks</title><id>tag:river.example,2031:walks</id>
<updated>2031-05-01T09:00:00Z</updated><author><name>The river club</name></author>
<entry xml:base="http://river.example/walks/may/"><title>Rain</title><id>tag:river.example,2031:walks/1</id>
<updated>2031-05-01T09:00:00Z</updated><link href="rain"/>
<content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><img alt="" src="rain.png"/></div></content></entry>
</feed>"#;

fn main() {
    for text in [RSS, ATOM] {
        for entry in feed_rs::parser::parse(text.as_bytes()).unwrap().entries {
            let links: Vec<&str> = entry.links.iter().map(|link| &link.href[..]).collect();
            println!("{}: links {links:?}", entry.id);
            entry.authors.iter().for_each(|author| println!("  author {:?}, {:?}", author.name, author.email));
            if let Some(body) = entry.content.and_then(|content| content.body) {
                println!("  base {:?}, content {body}", entry.base);
            }
        }
    }
}
RUST
cargo run --quiet --manifest-path "$folder/Cargo.toml" --target-dir "$folder/target" | tee "$folder/out"
diff "$folder/out" - <<'SEEN'
http://river.example/rain: links []
  author Some("(Anna Rivers)"), Some("anna@river.example")
http://river.example/sun: links []
snow: links ["http://river.example/snow"]
tag:river.example,2031:walks/1: links ["http://river.example/walks/may/rain"]
  base None, content <img alt="" src="rain.png"></img>
SEEN
