//! What feeds, calendars and sitemaps say: as much as is known, and no more; and that they say when it changed.

use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::client::{Client, Reply};

fn text(reply: &Reply) -> String {
    String::from_utf8(reply.body.clone()).unwrap()
}

/// The content lines of the components of a calendar, by their names, with parameters and values.
fn components(reply: &Reply) -> Vec<Vec<(String, String)>> {
    let unfolded = text(reply).replace("\r\n ", "");
    let component = |part: &str| -> Vec<(String, String)> {
        let part = part.split("END:VEVENT").next().unwrap();
        part.lines().filter_map(|line| line.split_once(':')).map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
    };
    unfolded.split("BEGIN:VEVENT\r\n").skip(1).map(component).collect()
}

fn of<'a>(component: &'a [(String, String)], name: &str) -> &'a str {
    let is_named = |line: &&(String, String)| line.0 == name || line.0.starts_with(&format!("{name};"));
    component.iter().find(is_named).map_or("", |line| line.1.as_str())
}

fn calendar(client: &Client, path: &str) -> Vec<Vec<(String, String)>> {
    components(&client.get(&format!("/api/v1/{path}")).expect(200))
}

fn json_ld(client: &Client, slug: &str) -> Value {
    client.get(&format!("/api/v1/events/{slug}/json-ld")).expect(200).json()
}

fn publish(editor: &Client, collection: &str, body: Value) -> Value {
    let mut body = body;
    body["status"] = "published".into();
    editor.create(collection, &body)
}

/// Two characters are allowed in texts and not in XML: readers would refuse the whole feed.
#[apply(api_test)]
fn xml_has_no_noncharacters(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    let body = "<p>High\u{fffe} &#1;water</p>";
    let event = json!({"title": "Rivers\u{ffff} rise", "slug": "rise", "body": body, "starts_at": "2031-05-01T09:00"});
    publish(&editor, "events", event);
    let session = json!({"title": "Talk\u{ffff}", "event": "rise", "starts_at": "2031-05-01T10:00", "ends_at": "2031-05-01T11:00"});
    publish(&editor, "sessions", session);
    for (path, title) in
        [("events.atom", "Rivers rise"), ("events.rss", "Rivers rise"), ("events/rise/schedule.xml", "Talk")]
    {
        let document = text(&public.get(&format!("/api/v1/{path}")).expect(200));
        let is_allowed = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..);
        assert!(document.contains(title) && document.chars().all(is_allowed), "{path}: {document}");
    }
    assert_eq!(public.get("/api/v1/events/rise").expect(200).json()["body"], "<p>High water</p>");
}

/// An event with one item of each kind that it is shown with.
fn fill(editor: &Client) {
    publish(
        editor,
        "venues",
        json!({"name": "Hall", "slug": "hall", "address": {"street": "Quay 1", "city": "Delta City", "region": "LA", "country": "US"}}),
    );
    publish(editor, "topics", json!({"name": "Water", "slug": "water"}));
    publish(editor, "partners", json!({"name": "Delta House", "slug": "delta"}));
    publish(editor, "speakers", json!({"name": "Anna", "slug": "anna"}));
    publish(editor, "event-types", json!({"name": "Dialogue", "slug": "dialogue"}));
    let event = json!({"title": "Rivers", "slug": "rivers", "type": "dialogue", "topics": ["water"], "venue": "hall",
        "starts_at": "2027-03-04T14:30", "ends_at": "2027-03-04T16:00", "time_zone": "Europe/Brussels",
        "partners": [{"partner": "delta", "role": "organiser"}], "speakers": [{"speaker": "anna"}]});
    publish(editor, "events", event);
}

/// A text is as new as the newest thing in it, and what is taken out of it is a change as well.
#[apply(api_test)]
fn stamps_are_of_all_that_a_text_is_made_of(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    fill(&editor);
    let stamps = || {
        let component = calendar(&public, "events.ics").remove(0);
        let sequence: i64 = of(&component, "SEQUENCE").parse().unwrap();
        let atom = text(&public.get("/api/v1/events.atom").expect(200));
        let updated = atom.split("<entry>").nth(1).unwrap().split("<updated>").nth(1).unwrap()[..20].to_owned();
        let json = public.get("/api/v1/events.json").expect(200).json()["items"][0]["date_modified"].clone();
        let map = text(&public.get("/api/v1/sitemap.xml").expect(200));
        let lastmod = map.split("<lastmod>").nth(1).unwrap().split('<').next().unwrap().to_owned();
        assert_eq!(of(&component, "DTSTAMP"), of(&component, "LAST-MODIFIED"));
        (sequence, of(&component, "DTSTAMP").to_owned(), updated, json.as_str().unwrap().to_owned(), lastmod)
    };
    let mut before = stamps();
    let mut grows = |why: &str, changed: &Value| {
        let after = stamps();
        let at = changed["updated_at"].as_str().unwrap();
        assert!(after.0 > before.0, "{why}: {before:?} {after:?}");
        assert_eq!((&after.3[..], &after.4[..]), (at, at), "{why}");
        assert_eq!(after.1, at[..19].replace(['-', ':'], "") + "Z", "{why}");
        assert_eq!(after.2[..19], at[..19], "{why}");
        before = after;
    };
    for path in ["venues/hall", "topics/water", "partners/delta", "speakers/anna", "event-types/dialogue"] {
        let name = json!({"name": format!("Another {path}")});
        let changed = editor.patch(&format!("/api/v1/{path}"), "\"v1\"", &name).expect(200).json();
        grows(path, &changed);
    }
    let hidden = editor.act("/api/v1/topics/water/unpublish", "\"v2\"").expect(200).json();
    grows("a topic that is no longer public", &hidden);
    let changed = editor.patch("/api/v1/events/rivers", "\"v1\"", &json!({"topics": [], "speakers": []})).expect(200);
    grows("what was changed so often is taken out", &changed.json());
    // What was never public changes nothing.
    let before = calendar(&public, "events.ics");
    editor.create("speakers", &json!({"name": "Draft", "slug": "draft"}));
    editor.patch("/api/v1/speakers/draft", "\"v1\"", &json!({"name": "Another draft"})).expect(200);
    assert_eq!(calendar(&public, "events.ics"), before);
}

#[apply(api_test)]
fn a_programme_has_the_version_of_all_in_it(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    fill(&editor);
    let opening = json!({"event": "rivers", "title": "Opening", "slug": "opening", "starts_at": "2027-03-04T14:30", "ends_at": "2027-03-04T15:00", "speakers": [{"speaker": "anna"}]});
    publish(&editor, "sessions", opening.clone());
    publish(
        &editor,
        "sessions",
        json!({"event": "rivers", "title": "End", "slug": "end", "starts_at": "2027-03-04T15:30"}),
    );
    let version = || {
        let json = public.get("/api/v1/events/rivers/schedule.json").expect(200).json();
        let version = json["schedule"]["version"].as_str().unwrap().to_owned();
        let xml = text(&public.get("/api/v1/events/rivers/schedule.xml").expect(200));
        assert!(xml.contains(&format!("<version>{version}</version>")), "{version}: {xml}");
        version
    };
    let mut seen = vec![version()];
    let mut is_new = |why: &str| {
        let version = version();
        assert!(!seen.contains(&version), "{why}: {version}");
        seen.push(version);
    };
    editor.patch("/api/v1/sessions/opening", "\"v1\"", &json!({"starts_at": "2027-03-04T14:45"})).expect(200);
    is_new("a session is later");
    editor.patch("/api/v1/speakers/anna", "\"v1\"", &json!({"biography": "She knows rivers."})).expect(200);
    is_new("a speaker has a biography");
    editor.act("/api/v1/sessions/end/unpublish", "\"v1\"").expect(200);
    is_new("a session is withdrawn");
    let last = seen.last().unwrap().clone();
    editor.create("sessions", &json!({"event": "rivers", "title": "Draft", "starts_at": "2027-03-04T15:00"}));
    assert_eq!(version(), last, "a draft is not in it");
}

#[apply(api_test)]
fn no_date_is_more_precise_than_it_is_known(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    for (slug, starts, ends, precision) in [
        ("month", "2027-05-01", None, "month"),
        ("year", "2028-01-01", None, "year"),
        ("day", "2027-06-01", Some("2027-06-02"), "day"),
        ("time", "2027-07-01T10:00", None, "time"),
    ] {
        let event = json!({"title": slug, "slug": slug, "starts_at": starts, "ends_at": ends, "date_precision": precision, "time_zone": "UTC"});
        publish(&editor, "events", event);
    }
    let events = calendar(&public, "events.ics");
    let lines = |slug: &str| {
        let event = events.iter().find(|event| of(event, "SUMMARY") == slug).unwrap();
        [of(event, "DTSTART"), of(event, "DTEND"), of(event, "TRANSP")].map(str::to_owned)
    };
    assert_eq!(lines("month"), ["20270501", "20270601", "TRANSPARENT"]);
    assert_eq!(lines("year"), ["20280101", "20290101", "TRANSPARENT"]);
    assert_eq!(lines("day"), ["20270601", "20270603", ""]);
    assert_eq!(lines("time"), ["20270701T100000Z", "", ""]);
    let table = text(&public.get("/api/v1/events.csv").expect(200));
    let feed = public.get("/api/v1/events.json").expect(200).json();
    for (slug, starts, ends) in [
        ("month", "2027-05", None),
        ("year", "2028", None),
        ("day", "2027-06-01", Some("2027-06-02")),
        ("time", "2027-07-01T10:00:00+00:00", None),
    ] {
        let linked = json_ld(&public, slug);
        assert_eq!((&linked["startDate"], &linked["endDate"]), (&json!(starts), &json!(ends)), "{slug}");
        let item = feed["items"].as_array().unwrap().iter().find(|item| item["title"] == slug).unwrap();
        let event = &item["_event"];
        assert_eq!((&event["starts_at"], &event["ends_at"]), (&json!(starts), &json!(ends)), "{slug}");
        assert_eq!(event["date_precision"], slug);
        let row = format!(",{starts},{},UTC,false,{slug},", ends.unwrap_or_default());
        assert!(table.contains(&row), "{row} in {table}");
    }
    assert!(!table.contains("T00:00:00"), "{table}");
}

#[apply(api_test)]
fn feeds_tell_the_status_when_and_where(app: &TestApp) {
    let app = TestApp::start_with(app.backend, |c| c.site.locales = vec!["en".into(), "de".into()]);
    let (editor, public) = (app.editor(), app.visitor());
    fill(&editor);
    let change = json!({"event_status": "cancelled", "summary": "Use the <table> tag, if a < b", "body": "See [the map](/map).", "image": {"url": "https://example.org/hall.png"}});
    editor.patch("/api/v1/events/rivers", "\"v1\"", &change).expect(200);
    let line = "2027-03-04, 14:30–16:00 (Europe/Brussels) · Hall, Quay 1, Delta City, LA, US";
    for (locale, word) in [("en", "Cancelled"), ("de", "Abgesagt")] {
        let get = |form: &str| public.get(&format!("/api/v1/events.{form}?locale={locale}")).expect(200);
        let channel = rss::Channel::read_from(&get("rss").body[..]).unwrap();
        let item = &channel.items()[0];
        assert_eq!(item.title(), Some(format!("{word}: Rivers").as_str()));
        // HTML within XML: plain text is escaped for both.
        let described = format!("{line}<br>\nUse the &lt;table&gt; tag, if a &lt; b");
        assert_eq!(item.description(), Some(described.as_str()));
        assert!(item.content().unwrap().starts_with(&format!("<p>{line}</p>\n")), "{:?}", item.content());
        assert!(item.content().unwrap().contains("href=\"http://127.0.0.1:8080/map\""), "{:?}", item.content());
        assert_eq!(item.dublin_core_ext().unwrap().creators(), ["Delta House"]);
        assert_eq!(item.enclosure().unwrap().mime_type(), "image/png");
        let atom = atom_syndication::Feed::read_from(&get("atom").body[..]).unwrap();
        let entry = &atom.entries()[0];
        assert_eq!(entry.title().as_str(), format!("{word}: Rivers"));
        assert!(entry.summary().unwrap().as_str().starts_with(&format!("{line}\n")), "{:?}", entry.summary());
        let item = get("json").json()["items"][0].clone();
        assert_eq!(
            (&item["title"], &item["_event"]["status"]),
            (&json!(format!("{word}: Rivers")), &json!("cancelled"))
        );
        assert!(item["content_html"].as_str().unwrap().starts_with(&format!("<p>{line}</p>")), "{item}");
        assert_eq!(item["_event"]["venue"], "Hall, Quay 1, Delta City, LA, US");
        let component = components(&get("ics")).remove(0);
        assert_eq!((of(&component, "SUMMARY"), of(&component, "STATUS")), (&*format!("{word}: Rivers"), "CANCELLED"));
    }
    // Search engines have a member for it, and so have tables.
    assert_eq!(json_ld(&public, "rivers")["name"], "Rivers");
    // Nothing is an image of a kind that nobody knows.
    editor.patch("/api/v1/events/rivers", "\"v2\"", &json!({"image": {"url": "https://example.org/hall"}})).expect(200);
    assert!(!text(&public.get("/api/v1/events.rss").expect(200)).contains("<enclosure"));
}

#[apply(api_test)]
fn search_engines_are_told_only_what_is_known(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    fill(&editor);
    let rivers = json_ld(&public, "rivers");
    assert_eq!(rivers["location"]["address"]["addressRegion"], "LA");
    assert_eq!(rivers["eventAttendanceMode"], "https://schema.org/OfflineEventAttendanceMode");
    assert_eq!((rivers.get("offers"), rivers.get("inLanguage"), rivers.get("previousStartDate")), (None, None, None));
    // Registration may be closed or full.
    let change = json!({"registration": {"url": "https://example.org/register", "closes_at": "2020-01-01T12:00"},
        "speakers": [{"speaker": "anna", "role": "moderator"}], "languages": ["fr"], "starts_at": "2027-03-05T10:00",
        "ends_at": null, "event_status": "rescheduled"});
    editor.patch("/api/v1/events/rivers", "\"v1\"", &change).expect(200);
    let rivers = json_ld(&public, "rivers");
    assert_eq!(
        rivers["offers"],
        json!({"@type": "Offer", "url": "https://example.org/register", "validThrough": "2020-01-01T12:00:00+01:00"})
    );
    assert_eq!((rivers.get("performer"), &rivers["contributor"][0]["name"]), (None, &json!("Anna")));
    assert_eq!((&rivers["inLanguage"], rivers.get("endDate")), (&json!(["fr"]), None));
    assert_eq!(rivers["previousStartDate"], "2027-03-04T14:30:00+01:00");
    let list = public.get("/api/v1/events.jsonld").expect(200).json();
    assert_eq!(list["itemListElement"][0]["item"]["previousStartDate"], "2027-03-04T14:30:00+01:00");
    // Only a date that was public was a date.
    editor.create(
        "events",
        &json!({"title": "Draft", "slug": "draft", "starts_at": "2027-01-01", "event_status": "rescheduled"}),
    );
    editor
        .patch("/api/v1/events/draft", "\"v1\"", &json!({"starts_at": "2027-01-02", "status": "published"}))
        .expect(200);
    assert_eq!(json_ld(&public, "draft").get("previousStartDate"), None);
    // An online event whose address is not known takes place on its page; and nothing is known of a place.
    publish(&editor, "events", json!({"title": "Online", "slug": "online", "attendance_mode": "online"}));
    let online = json_ld(&public, "online");
    assert_eq!(online["location"], json!({"@type": "VirtualLocation", "url": online["url"]}));
    publish(&editor, "events", json!({"title": "Somewhere", "slug": "somewhere"}));
    let somewhere = json_ld(&public, "somewhere");
    assert_eq!((somewhere.get("location"), somewhere.get("eventAttendanceMode")), (None, None));
}

#[apply(api_test)]
fn sessions_in_calendars_tell_all_of_themselves(app: &TestApp) {
    let app = TestApp::start_with(app.backend, |c| {
        c.site.event_url = "https://www.example.org/{locale}/events/{slug}".into();
    });
    let (editor, public) = (app.editor(), app.visitor());
    fill(&editor);
    let session = json!({"event": "rivers", "title": "Opening", "slug": "opening", "starts_at": "2027-03-04T14:30", "ends_at": "2027-03-04T15:00",
        "room": "Round hall", "track": "Law", "abstract": "The **state** of rivers.", "speakers": [{"speaker": "anna"}], "time_zone": "Europe/Brussels"});
    publish(&editor, "sessions", session);
    publish(
        &editor,
        "sessions",
        json!({"event": "rivers", "title": "Fair", "slug": "fair", "starts_at": "2027-03-04", "ends_at": "2027-03-04", "time_zone": "Europe/Brussels"}),
    );
    let of_event = calendar(&public, "events/rivers/calendar.ics");
    let of_sessions = calendar(&public, "sessions.ics?speaker=anna");
    assert_eq!((of_event.len(), of_sessions.len()), (3, 1));
    let opening = of_event.iter().find(|component| of(component, "SUMMARY") == "Opening").unwrap();
    assert_eq!(&of_sessions[0], opening, "it is the same in every calendar");
    assert_eq!(of(opening, "LOCATION"), "Round hall\\, Hall\\, Quay 1\\, Delta City\\, LA\\, US");
    assert_eq!(of(opening, "URL"), "https://www.example.org/en/events/rivers#opening");
    assert_eq!(of(opening, "DESCRIPTION"), "Anna\\n\\nThe state of rivers.");
    assert_eq!(of(opening, "CATEGORIES"), "Law");
    // By days, as it was given.
    let fair = of_event.iter().find(|component| of(component, "SUMMARY") == "Fair").unwrap();
    assert_eq!((of(fair, "DTSTART"), of(fair, "DTEND")), ("20270304", "20270305"));
    // A venue with another name changes it, and a cancelled event takes it along.
    let sequence = |components: &[Vec<(String, String)>]| of(&components[0], "SEQUENCE").parse::<i64>().unwrap();
    editor.patch("/api/v1/venues/hall", "\"v1\"", &json!({"name": "Old hall"})).expect(200);
    let renamed = calendar(&public, "sessions.ics?speaker=anna");
    assert!(of(&renamed[0], "LOCATION").contains("Old hall") && sequence(&renamed) > sequence(&of_sessions));
    editor.patch("/api/v1/events/rivers", "\"v1\"", &json!({"event_status": "cancelled"})).expect(200);
    let cancelled = calendar(&public, "sessions.ics?speaker=anna");
    assert_eq!((of(&cancelled[0], "STATUS"), of(&cancelled[0], "SUMMARY")), ("CANCELLED", "Cancelled: Opening"));
    public.get("/api/v1/sessions.ics?topic=water").problem(400, &[("?topic", "unknown_parameter")]);
}

#[apply(api_test)]
fn former_slugs_lead_on_in_every_form(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    fill(&editor);
    editor.patch("/api/v1/events/rivers", "\"v1\"", &json!({"slug": "great-rivers"})).expect(200);
    for form in ["calendar.ics", "json-ld", "schedule.json", "schedule.xml"] {
        for query in ["", "?locale=nl"] {
            let reply = public.get(&format!("/api/v1/events/rivers/{form}{query}")).expect(308);
            let location = reply.header("location").to_owned();
            assert_eq!(location, format!("/api/v1/events/great-rivers/{form}{query}"));
            public.get(&location).expect(200);
        }
    }
    editor.act("/api/v1/events/great-rivers/unpublish", "\"v2\"").expect(200);
    public.get("/api/v1/events/rivers/calendar.ics").problem(404, &[]);
}

#[apply(api_test)]
fn sitemaps_have_every_kind_with_a_page(app: &TestApp) {
    let app = TestApp::start_with(app.backend, |c| {
        c.site.event_url = "https://www.example.org/{locale}/events/{slug}".into();
        c.site.session_url = "https://www.example.org/{locale}/events/{event}/{slug}".into();
        c.site.speaker_url = "https://www.example.org/{locale}/people/{slug}".into();
        c.site.topic_url = "https://www.example.org/topics/{slug}".into();
    });
    let (editor, public) = (app.editor(), app.visitor());
    fill(&editor);
    publish(&editor, "sessions", json!({"event": "rivers", "title": "Opening", "slug": "opening"}));
    let anna = json!({"job_title": {"en": "Analyst", "nl": "Analist"}});
    editor.patch("/api/v1/speakers/anna?locale=*", "\"v1\"", &anna).expect(200);
    let map = text(&public.get("/api/v1/sitemap.xml").expect(200));
    for address in [
        "https://www.example.org/en/events/rivers",
        "https://www.example.org/en/events/rivers/opening",
        "https://www.example.org/en/people/anna",
        "https://www.example.org/nl/people/anna",
        "https://www.example.org/topics/water",
    ] {
        assert!(map.contains(&format!("<loc>{address}</loc>")), "{address} in {map}");
    }
    assert_eq!(map.matches("<url>").count(), 5, "{map}");
    let calendar = calendar(&public, "sessions.ics?ids=x");
    assert!(calendar.is_empty());
    // What is no longer public has no page.
    editor.act("/api/v1/topics/water/unpublish", "\"v1\"").expect(200);
    assert!(!text(&public.get("/api/v1/sitemap.xml").expect(200)).contains("/topics/water"));
}

/// The address of a session contains its event, which has a slug of its own in another language.
#[apply(api_test)]
fn sitemaps_have_the_event_of_a_session_in_the_language(app: &TestApp) {
    let app = TestApp::start_with(app.backend, |c| {
        c.site.session_url = "https://www.example.org/{locale}/{event}/{slug}".into();
    });
    let (editor, public) = (app.editor(), app.visitor());
    let title = |en: &str, nl: &str| json!({"en": en, "nl": nl});
    let session = |event: &str, slug: &str, nl: &str| {
        let body = json!({"event": event, "title": title("Opening", "Begin"), "status": "published",
            "slugs": {"en": slug, "nl": nl}});
        editor.post("/api/v1/sessions?locale=*", &body).expect(201);
    };
    for (slug, nl) in [("rivers", "rivieren"), ("roads", "wegen")] {
        let body = json!({"title": title("A", "B"), "slugs": {"en": slug, "nl": nl}, "status": "published"});
        editor.post("/api/v1/events?locale=*", &body).expect(201);
    }
    session("rivers", "opening", "begin");
    session("roads", "first", "eerste");
    // The slug of a language that is not public is no part of an address.
    editor.act("/api/v1/events/roads/translations/nl/unpublish", "\"v1\"").expect(200);
    let map = text(&public.get("/api/v1/sitemap.xml").expect(200));
    for address in ["nl/rivieren/begin", "en/rivers/opening", "nl/roads/eerste", "en/roads/first"] {
        assert!(map.contains(&format!("<loc>https://www.example.org/{address}</loc>")), "{address} in {map}");
    }
    let nl = "hreflang=\"nl\" href=\"https://www.example.org/nl/rivieren/begin\"";
    assert_eq!(map.matches(nl).count(), 2, "{map}");
    assert!(!map.contains("wegen") && !map.contains("/nl/rivers/"), "{map}");
    // The website's own addresses are the same.
    let found = public.get("/api/v1/redirects/resolve?path=/nl/rivieren/begin").expect(200).json();
    assert_eq!((&found["outcome"], &found["item"]["collection"]), (&json!("present"), &json!("sessions")), "{found}");
}

#[apply(api_test)]
fn a_status_is_told_whatever_the_title_is(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    for (title, slug) in [("Cancelled flights: your rights", "flights"), ("Cancelled: Rivers", "rivers")] {
        publish(
            &editor,
            "events",
            json!({"title": title, "slug": slug, "event_status": "cancelled", "starts_at": "2027-03-04", "ends_at": "2027-03-04"}),
        );
    }
    for form in ["ics", "rss", "atom", "json"] {
        let body = text(&public.get(&format!("/api/v1/events.{form}")).expect(200));
        assert!(body.contains("Cancelled: Cancelled flights: your rights"), "{form}: {body}");
        assert!(body.contains("Cancelled: Rivers") && !body.contains("Cancelled: Cancelled: Rivers"), "{form}: {body}");
    }
    let json = public.get("/api/v1/events/flights/schedule.json").expect(200).json();
    let conference = &json["schedule"]["conference"];
    assert_eq!(conference["title"], "Cancelled: Cancelled flights: your rights");
    assert_eq!(conference["plenary_status"], "cancelled");
    let xml = text(&public.get("/api/v1/events/flights/schedule.xml").expect(200));
    for part in ["<title>Cancelled: Cancelled flights: your rights</title>", "<?plenary-status cancelled?>"] {
        assert!(xml.contains(part), "{part} in {xml}");
    }
}

#[apply(api_test)]
fn what_has_a_default_is_told_only_if_it_is_known(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    fill(&editor);
    publish(&editor, "events", json!({"title": "Someday", "slug": "someday"}));
    publish(
        &editor,
        "events",
        json!({"title": "Online", "slug": "online", "attendance_mode": "online", "starts_at": "2027-03-05"}),
    );
    let feed = public.get("/api/v1/events.json?sort=title").expect(200).json();
    let of = |title: &str| {
        let is_it = |item: &&Value| item["title"] == title;
        let event = &feed["items"].as_array().unwrap().iter().find(is_it).unwrap()["_event"];
        (event["date_precision"].clone(), event["attendance_mode"].clone())
    };
    assert_eq!(of("Someday"), (Value::Null, Value::Null));
    assert_eq!(of("Online"), (json!("day"), json!("online")));
    assert_eq!(of("Rivers"), (json!("time"), json!("offline")));
    let table = text(&public.get("/api/v1/events.csv").expect(200));
    let line = |title: &str| table.lines().find(|line| line.contains(title)).unwrap().to_owned();
    assert!(line("Someday").contains(",false,,,scheduled,"), "{table}");
    assert!(line("Online").contains(",day,online,scheduled,"), "{table}");
    // The kind of a session is its type if it is another one than the usual.
    let session = |title: &str, more: Value| {
        let mut body =
            json!({"event": "rivers", "title": title, "starts_at": "2027-03-04T14:30", "time_zone": "Europe/Brussels"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        publish(&editor, "sessions", body);
    };
    session("Unknown", json!({}));
    session("Fair", json!({"kind": "break"}));
    session("Hall", json!({"format": "Lecture"}));
    let json = public.get("/api/v1/events/rivers/schedule.json").expect(200).json();
    let talks = json["schedule"]["conference"]["days"][0]["rooms"][""].as_array().unwrap().clone();
    let kind = |title: &str| talks.iter().find(|talk| talk["title"] == title).unwrap()["type"].clone();
    assert_eq!((kind("Unknown"), kind("Fair"), kind("Hall")), (Value::Null, json!("break"), json!("Lecture")));
    let xml = text(&public.get("/api/v1/events/rivers/schedule.xml").expect(200));
    assert_eq!((xml.matches("<type></type>").count(), xml.matches("<type>").count()), (1, 3), "{xml}");
}
