//! Addresses within the texts of feeds: whoever reads a feed is not on the page from which they are meant.

use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::client::Client;

const TEXT: &str = "See [site](/about/us), [map](?x=1), [friend](//friends.example.org/x), [plan](plan.pdf) and [below](#notes).\n\n\
    ## Notes\n\nOf rivers[^1].\n\n[^1]: A note.";

/// What no text of a feed may contain: a relative address in HTML or behind words, and a place in the text.
const LEFT: [&str; 10] =
    ["\"/about", "(/about", "\"?x", "(?x", "\"//", "(//", "\"plan.pdf", "(plan.pdf", "(#", "below ("];

fn fill(app: &TestApp) -> (Client, Client) {
    let (editor, public) = (app.editor(), app.visitor());
    editor.create("speakers", &json!({"name": "Anna", "slug": "anna", "biography": TEXT, "status": "published"}));
    let event = json!({"title": "Rivers", "slug": "rivers", "body": TEXT, "starts_at": "2027-03-04T14:30", "status": "published",
        "speakers": [{"speaker": "anna"}]});
    editor.create("events", &event);
    let session = json!({"event": "rivers", "title": "Opening", "slug": "opening", "abstract": TEXT, "description": TEXT,
        "starts_at": "2027-03-04T14:30", "ends_at": "2027-03-04T15:00", "speakers": [{"speaker": "anna"}], "status": "published"});
    editor.create("sessions", &session);
    (editor, public)
}

#[apply(api_test)]
fn addresses_in_texts_are_absolute_in_every_feed(app: &TestApp) {
    let app = TestApp::start_with(app.backend, |c| {
        c.site.event_url = "https://www.example.org/{locale}/events/{slug}".into();
        c.site.session_url = "https://www.example.org/{locale}/events/{event}/{slug}".into();
        c.site.speaker_url = "https://www.example.org/{locale}/people/{slug}".into();
    });
    let (_, public) = fill(&app);
    for feed in [
        "events.ics",
        "sessions.ics",
        "events.rss",
        "events.atom",
        "events.json",
        "events.jsonld",
        "events/rivers/calendar.ics",
        "events/rivers/json-ld",
        "events/rivers/schedule.json",
        "events/rivers/schedule.xml",
    ] {
        let body = String::from_utf8(public.get(&format!("/api/v1/{feed}")).expect(200).body).unwrap();
        // Lines of calendars are folded; quotes are escaped in JSON and XML.
        let body = body.replace("\r\n ", "").replace("\\\"", "\"").replace("&quot;", "\"").replace("\\,", ",");
        for left in LEFT {
            assert!(!body.contains(left), "{left} in {feed}: {body}");
        }
        for resolved in ["https://www.example.org/about/us", "https://friends.example.org/x"] {
            assert!(body.contains(resolved), "{resolved} in {feed}: {body}");
        }
    }
    // Relative addresses are meant from the page of the item whose text it is.
    let talk = public.get("/api/v1/events/rivers/schedule.json").expect(200).json();
    let talk = &talk["schedule"]["conference"]["days"][0]["rooms"][""][0];
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    for field in ["abstract", "description"] {
        assert!(text(&talk[field]).contains("\"https://www.example.org/en/events/rivers/plan.pdf\""), "{talk}");
        assert!(text(&talk[field]).contains("\"https://www.example.org/en/events/rivers/opening#h-notes\""), "{talk}");
    }
    let life = text(&talk["persons"][0]["biography"]);
    assert!(life.contains("plan (https://www.example.org/en/people/plan.pdf) and below.\n\nNotes"), "{life}");
    let described = public.get("/api/v1/events/rivers/json-ld").expect(200).json()["description"].clone();
    assert!(
        text(&described).starts_with(
            "See site (https://www.example.org/about/us), map (https://www.example.org/en/events/rivers?x=1), "
        ),
        "{described}"
    );
    assert!(
        text(&described).contains("and below.\n\nNotes\n") && text(&described).ends_with("A note. ↩"),
        "{described}"
    );
}

#[apply(api_test)]
fn excerpts_have_words_only(app: &TestApp) {
    let (editor, public) = fill(app);
    let event = public.get("/api/v1/events/rivers").expect(200).json();
    assert_eq!(event["excerpt"], "See site, map, friend, plan and below. Notes Of rivers1. A note. ↩");
    let list = public.get("/api/v1/events").expect(200).json();
    assert_eq!(list["data"][0]["excerpt"], event["excerpt"]);
    // Readers of plain text can follow what leads elsewhere.
    let plain = public.get("/api/v1/events/rivers?body_format=text").expect(200).json()["body"].clone();
    assert!(plain.as_str().unwrap().starts_with("See site (/about/us), map (?x=1),"), "{plain}");
    assert!(plain.as_str().unwrap().contains("and below.\n"), "{plain}");
    // The second of two headings is known by the number that it has elsewhere, too.
    let body = "[down](#dup-1)\n\n## Dup\n\n## Dup";
    editor.patch("/api/v1/events/rivers", "\"v1\"", &json!({"body": body})).expect(200);
    let html = public.get("/api/v1/events/rivers").expect(200).json()["body"].clone();
    assert!(html.as_str().unwrap().contains("href=\"#h-dup-2\""), "{html}");
}

/// An item has a page in each language in which it is written; one without words in the default language has none there.
#[apply(api_test)]
fn sitemaps_have_no_page_without_words(app: &TestApp) {
    let texts = [
        ("both", json!({"en": "Both", "nl": "Beide"})),
        ("dutch", json!({"nl": "Nederlands"})),
        ("english", json!({"en": "English"})),
    ];
    let written = |address: &str| {
        let app = TestApp::start_with(app.backend, |c| c.site.event_url = address.to_owned());
        for (slug, title) in &texts {
            let event = json!({"title": title, "slug": slug, "status": "published"});
            app.editor().post("/api/v1/events?locale=*", &event).expect(201);
        }
        String::from_utf8(app.visitor().get("/api/v1/sitemap.xml").expect(200).body).unwrap()
    };
    let map = written("https://www.example.org/{locale}/{slug}");
    let pages: Vec<&str> =
        map.split("<loc>https://www.example.org/").skip(1).map(|rest| rest.split('<').next().unwrap()).collect();
    assert_eq!(pages, ["en/both", "nl/both", "nl/dutch", "en/english"], "{map}");
    let default = |slug: &str| format!("hreflang=\"x-default\" href=\"https://www.example.org/{slug}\"");
    assert_eq!((map.matches(&default("en/both")).count(), map.matches("x-default").count()), (2, 2), "{map}");
    assert!(!map.contains("en/dutch"), "{map}");
    // Where all languages share one page, each item has it.
    let map = written("https://www.example.org/{slug}");
    for slug in ["both", "dutch", "english"] {
        assert!(map.contains(&format!("<loc>https://www.example.org/{slug}</loc>")), "{slug} in {map}");
    }
}
