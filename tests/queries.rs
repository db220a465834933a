//! The query language beyond its basics: operators, relations, places, zones, fields, facets, cost.

use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::client::Client;

fn slugs(client: &Client, query: &str) -> Vec<String> {
    seen(&client.get(&format!("/api/v1/events?sort=title&{query}")).expect(200).json())
}

fn seen(page: &Value) -> Vec<String> {
    page["data"].as_array().unwrap().iter().map(|item| item["slug"].as_str().unwrap().to_owned()).collect()
}

/// Each question is a new one (another limit), so that no kept answer gives it.
#[apply(api_test)]
fn what_filters_name_is_remembered_only_while_it_is_so(app: &TestApp) {
    let editor = app.editor();
    editor.create("event-types", &json!({"name": "Talk", "slug": "talk", "status": "published"}));
    for slug in ["a", "b"] {
        let event =
            json!({"title": slug, "slug": slug, "type": "talk", "starts_at": "2027-01-01", "status": "published"});
        editor.create("events", &event);
    }
    let public = app.visitor();
    for limit in 10..14 {
        assert_eq!(slugs(&public, &format!("type=talk&limit={limit}")), ["a", "b"]);
    }
    editor.patch("/api/v1/events/b", "\"v1\"", &json!({"title": "0"})).expect(200);
    assert_eq!(slugs(&public, "type=talk&limit=20"), ["b", "a"]);
    editor.patch("/api/v1/event-types/talk", "\"v1\"", &json!({"slug": "lecture"})).expect(200);
    // The former slug leads to the type that had it, until another one has it.
    assert_eq!(slugs(&public, "type=talk&limit=21"), ["b", "a"]);
    editor.create("event-types", &json!({"name": "Talk", "slug": "talk", "status": "published"}));
    assert_eq!(slugs(&public, "type=talk&limit=22"), [""; 0]);
    assert_eq!(slugs(&public, "type=lecture&limit=22"), ["b", "a"]);
    editor.delete("/api/v1/events/a", "\"v1\"").expect(204);
    assert_eq!(slugs(&public, "type=lecture&limit=23"), ["b"]);
}

/// Bounds of the query and of the page's place meet in one column; several events start at once.
#[apply(api_test)]
fn pages_within_bounds_follow_each_other(app: &TestApp) {
    let editor = app.editor();
    for (number, year) in [2019, 2020, 2020, 2020, 2021, 2022, 2088, 2089, 2089, 2089, 2090, 2091].iter().enumerate() {
        let event = json!({"title": format!("{number:02}"), "slug": format!("e{number:02}"), "starts_at": format!("{year}-05-01T10:00:00Z"), "status": "published"});
        editor.create("events", &event);
    }
    let public = app.visitor();
    let span = ["2020-05-01T10:00:00Z", "2090-05-01T10:00:00Z"];
    let mut queries = vec![
        "when=upcoming".to_owned(),
        "when=past".to_owned(),
        format!("starts_at[gt]={}&starts_at[lt]={}", span[0], span[1]),
    ];
    for compare in ["gte", "gt", "lte", "lt"] {
        queries.extend(span.map(|moment| format!("starts_at[{compare}]={moment}")));
    }
    for (query, sort) in queries.iter().flat_map(|query| ["starts_at", "-starts_at"].map(|sort| (query, sort))) {
        let path = format!("/api/v1/events?{query}&sort={sort}");
        let whole = seen(&public.get(&format!("{path}&limit=50")).expect(200).json());
        assert_eq!(there_and_back(&public, &path, 2), whole, "{path}");
    }
}

/// What is on all pages, when they are turned to the last and back.
fn there_and_back(public: &Client, path: &str, limit: usize) -> Vec<String> {
    let (mut found, mut page) = (Vec::new(), public.get(&format!("{path}&limit={limit}")).expect(200).json());
    loop {
        found.extend(seen(&page));
        let Some(next) = page["page"]["next"].as_str() else { break };
        page = public.get(&format!("{path}&limit={limit}&cursor={next}")).expect(200).json();
    }
    let mut back = seen(&page);
    while let Some(previous) = page["page"]["prev"].as_str() {
        page = public.get(&format!("{path}&limit={limit}&cursor={previous}")).expect(200).json();
        back.splice(0..0, seen(&page));
    }
    assert_eq!(back, found, "back: {path}");
    found
}

/// The events of a speaker are found in the order of their ties; with a count, by their own. Both say the same,
/// though somebody is tied twice, events are moved, and some are not to be seen.
#[apply(api_test)]
fn what_refers_to_an_item_is_found_in_order(app: &TestApp) {
    let editor = app.editor();
    editor.create("event-types", &json!({"name": "Talk", "status": "published"}));
    for name in ["Anna", "Bram"] {
        editor.create("speakers", &json!({"name": name, "status": "published"}));
    }
    let tie = |role: &str, name: &str| json!({"speaker": name, "role": role});
    for number in 0..14 {
        let speakers = match number % 4 {
            0 => json!([tie("speaker", "anna"), tie("moderator", "anna")]),
            1 => json!([tie("speaker", "bram")]),
            _ => json!([tie("speaker", "bram"), tie("moderator", "anna")]),
        };
        let status = if number == 6 { "draft" } else { "published" };
        let mut event = json!({"title": format!("{number:02}"), "slug": format!("e{number:02}"), "status": status, "speakers": speakers});
        if number != 7 {
            event["starts_at"] = format!("20{}-05-01T10:00:00Z", 20 + number / 3 * 17).into();
        }
        if number % 2 == 0 {
            event["type"] = "talk".into();
        }
        editor.create("events", &event);
    }
    editor
        .patch("/api/v1/events/e02", "\"v1\"", &json!({"starts_at": "2095-01-01T10:00:00Z", "ends_at": null}))
        .expect(200);
    editor.delete("/api/v1/events/e03", "\"v1\"").expect(204);
    let public = app.visitor();
    let mut all = 0;
    for query in [
        "speaker=anna",
        "speaker=bram",
        "speaker=anna&type=talk",
        "speaker=anna&speaker[none]=bram",
        "speaker[all]=anna,bram",
        "speaker=anna&starts_at[gt]=2037-05-01T10:00:00Z",
        "speaker=bram&starts_at[lte]=2054-05-01T10:00:00Z",
        "speaker=anna&when=upcoming",
        "speaker=bram&when=past",
        "speaker=nobody",
    ] {
        for sort in ["starts_at", "-starts_at"] {
            let path = format!("/api/v1/events?{query}&sort={sort}");
            let counted = public.get(&format!("{path}&limit=50&count=exact")).expect(200).json();
            let whole = seen(&counted);
            assert_eq!(counted["page"]["total"], whole.len(), "{path}");
            for limit in [1, 3, 50] {
                assert_eq!(there_and_back(&public, &path, limit), whole, "{path}");
            }
            let behind = seen(&public.get(&format!("{path}&limit=3&offset=2")).expect(200).json());
            assert_eq!(behind, whole.iter().skip(2).take(3).cloned().collect::<Vec<_>>(), "{path}");
            all += whole.len();
        }
    }
    assert!(all > 60, "{all}");
    editor.patch("/api/v1/events/e00", "\"v1\"", &json!({"speakers": [tie("speaker", "bram")]})).expect(200);
    let left = seen(&public.get("/api/v1/events?speaker=anna&limit=49").expect(200).json());
    assert!(!left.contains(&"e00".to_owned()) && left.contains(&"e02".to_owned()), "{left:?}");
}

fn fill(app: &TestApp) -> Client {
    let editor = app.editor();
    let make = |collection: &str, body: Value| {
        let mut body = body;
        body["status"] = "published".into();
        editor.create(collection, &body);
    };
    make("event-types", json!({"name": "Talk"}));
    make("event-types", json!({"name": "Panel"}));
    for name in ["Water", "Law"] {
        make("topics", json!({"name": name}));
    }
    make("speakers", json!({"name": "Anna", "country": "BE", "languages": ["nl", "fr"]}));
    make("speakers", json!({"name": "Bram", "country": "NL", "languages": ["nl"]}));
    make("partners", json!({"name": "Delta", "kind": "foundation", "country": "BE"}));
    make("partners", json!({"name": "Polder", "kind": "company"}));
    make(
        "venues",
        json!({"name": "Hall", "address": {"country": "BE"}, "geo": {"latitude": 50.8466, "longitude": 4.3528}}),
    );
    make(
        "venues",
        json!({"name": "Harbour", "address": {"country": "NL"}, "geo": {"latitude": 51.9225, "longitude": 4.4792}}),
    );
    make(
        "events",
        json!({"title": "A", "type": "talk", "topics": ["water"], "speakers": [{"speaker": "anna"}], "partners": [{"partner": "delta"}], "venue": "hall",
        "starts_at": "2026-12-31T23:30", "time_zone": "Europe/Brussels", "languages": ["en", "fr"]}),
    );
    make(
        "events",
        json!({"title": "B", "type": "panel", "topics": ["water", "law"], "speakers": [{"speaker": "bram"}, {"speaker": "anna"}], "partners": [{"partner": "polder"}], "venue": "harbour",
        "starts_at": "2027-01-15T10:00", "time_zone": "UTC", "languages": ["en"], "attendance_mode": "online", "event_status": "cancelled", "registration": {"invitation_only": true}}),
    );
    make("events", json!({"title": "C", "starts_at": "2027-02-01", "all_day": true, "attendance_mode": "mixed"}));
    editor
}

#[apply(api_test)]
fn values_can_be_any_all_or_none(app: &TestApp) {
    fill(app);
    let public = app.visitor();
    for (query, found) in [
        ("topic=water,law", vec!["a", "b"]),
        ("topic[all]=water,law", vec!["b"]),
        ("topic[all]=water,nothing", vec![]),
        ("topic[none]=law", vec!["a", "c"]),
        ("topic[none]=water,law", vec!["c"]),
        ("speaker[all]=anna,bram", vec!["b"]),
        ("speaker[none]=bram", vec!["a", "c"]),
        ("type[none]=talk", vec!["b", "c"]),
        ("type[none]=talk,panel", vec!["c"]),
        ("slug[none]=a", vec!["b", "c"]),
        ("partner[none]=delta&topic=water", vec!["b"]),
        ("topic[none]=nothing", vec!["a", "b", "c"]),
    ] {
        assert_eq!(slugs(&public, query), found, "{query}");
    }
    let kinds = |query: &str| {
        public.get(&format!("/api/v1/partners?{query}")).expect(200).json()["data"].as_array().unwrap().len()
    };
    assert_eq!((kinds("kind[none]=company"), kinds("country[none]=BE"), kinds("country=be")), (1, 1, 1));
    assert_eq!(public.get("/api/v1/speakers?event[none]=a").expect(200).json()["data"][0]["slug"], "bram");
    public.get("/api/v1/events?type[all]=talk").problem(400, &[("?type[all]", "unknown_parameter")]);
}

#[apply(api_test)]
fn words_of_fields_select(app: &TestApp) {
    fill(app);
    let public = app.visitor();
    for (query, found) in [
        ("attendance_mode=online", vec!["b"]),
        ("attendance_mode=offline", vec!["a"]),
        ("attendance_mode=offline,mixed", vec!["a", "c"]),
        ("attendance_mode[none]=offline", vec!["b", "c"]),
        ("attendance_mode[none]=online", vec!["a", "c"]),
        ("attendance_mode[none]=offline,online", vec!["c"]),
        ("event_status=cancelled", vec!["b"]),
        ("event_status[none]=cancelled", vec!["a", "c"]),
        ("language=en", vec!["a", "b"]),
        ("language=FR", vec!["a"]),
        ("language[all]=en,fr", vec!["a"]),
        ("language[none]=fr", vec!["b", "c"]),
        ("invitation_only=true", vec!["b"]),
        ("invitation_only=false", vec!["a", "c"]),
        ("all_day=true", vec!["c"]),
        ("date_precision=day", vec!["c"]),
    ] {
        assert_eq!(slugs(&public, query), found, "{query}");
    }
    public.get("/api/v1/events?attendance_mode=onlin").problem(400, &[("?attendance_mode", "not_allowed")]);
    public.get("/api/v1/events?language=not%20a%20tag").problem(400, &[("?language", "not_a_language")]);
}

#[apply(api_test)]
fn what_others_are_like_selects(app: &TestApp) {
    let editor = fill(app);
    let public = app.visitor();
    for (query, found) in [
        ("speaker.country=BE", vec!["a", "b"]),
        ("speaker.country=NL", vec!["b"]),
        ("speaker.country[none]=NL", vec!["a", "c"]),
        ("speaker.country=FR", vec![]),
        ("speaker.language=fr", vec!["a", "b"]),
        ("partner.kind=foundation", vec!["a"]),
        ("partner.kind=foundation,company&topic=law", vec!["b"]),
        ("partner.country=BE", vec!["a"]),
        ("country=NL", vec!["b"]),
    ] {
        assert_eq!(slugs(&public, query), found, "{query}");
    }
    // What is hidden selects nothing.
    editor.act("/api/v1/speakers/bram/unpublish", "\"v1\"").expect(200);
    assert_eq!(slugs(&public, "speaker.country=NL"), [""; 0]);
    public.get("/api/v1/events?partner.kind=x").problem(400, &[("?partner.kind", "not_allowed")]);
    public.get("/api/v1/events?speaker.name=x").problem(400, &[("?speaker.name", "unknown_parameter")]);
}

#[apply(api_test)]
fn places_within_a_distance_are_found(app: &TestApp) {
    let editor = fill(app);
    let public = app.visitor();
    for (near, found) in [
        ("50.84,4.36,10km", vec!["a"]),
        ("50.84,4.36,500m", vec![]),
        ("50.84,4.36,200km", vec!["a", "b"]),
        ("-33.9,151.2,1000km", vec![]),
        ("90,0,1000km", vec![]),
    ] {
        assert_eq!(slugs(&public, &format!("near={near}")), found, "{near}");
    }
    let island = json!({"name": "Island", "geo": {"latitude": 0.0, "longitude": 179.95}, "status": "published"});
    editor.create("venues", &island);
    let venues = public.get("/api/v1/venues?near=0,-179.95,20km").expect(200).json();
    assert_eq!(venues["data"][0]["slug"], "island", "the meridian of the date is no border");
    editor.patch("/api/v1/venues/island", "\"v1\"", &json!({"geo": null})).expect(200);
    assert_eq!(public.get("/api/v1/venues?near=0,-179.95,20km").expect(200).json()["data"], json!([]));
    for wrong in ["1,2", "91,0,1km", "0,181,1km", "0,0,5", "0,0,-1km", "0,0,2000km", "x,y,z", "NaN,0,1km"] {
        public.get(&format!("/api/v1/events?near={wrong}")).problem(400, &[("?near", "not_a_place")]);
    }
}

#[apply(api_test)]
fn ranges_are_meant_in_a_zone(app: &TestApp) {
    fill(app);
    let public = app.visitor();
    // A begins at 22:30 UTC on the last day of the year.
    assert_eq!(slugs(&public, "starts_at[gte]=2027-01-01"), ["b", "c"]);
    assert_eq!(slugs(&public, "starts_at[gte]=2027-01-01&time_zone=Asia/Tokyo"), ["a", "b", "c"]);
    assert_eq!(slugs(&public, "starts_at[lt]=2026-12-31T17:31&time_zone=America/New_York"), ["a"]);
    public.get("/api/v1/events?time_zone=Europe/Brusels").problem(400, &[("?time_zone", "unknown_zone")]);
}

#[apply(api_test)]
fn fields_are_those_that_were_asked_for(app: &TestApp) {
    fill(app);
    let public = app.visitor();
    let page = public.get("/api/v1/events?fields=title,starts_at&sort=title").expect(200);
    assert_eq!(page.header("content-type"), "application/vnd.plenary.partial+json");
    let page = page.json();
    let first = page["data"][0].as_object().unwrap();
    assert_eq!(first.keys().map(String::as_str).collect::<Vec<_>>(), ["id", "slug", "title", "starts_at"]);
    assert_eq!(first["starts_at"], "2026-12-31T23:30:00+01:00");
    let one = public.get("/api/v1/events/a?fields=body,speakers&include=speakers").expect(200).json();
    assert_eq!(one.as_object().unwrap().len(), 4);
    assert_eq!(one["speakers"][0]["speaker"]["country"], "BE");
    let list = public.get("/api/v1/events?fields=body,type").expect(200).json();
    assert!(list["data"][0].as_object().unwrap().contains_key("body"), "a field of single answers can be asked for");
    public.get("/api/v1/events?fields=titel").problem(400, &[("?fields", "not_allowed")]);
}

#[apply(api_test)]
fn fields_lead_into_what_others_show(app: &TestApp) {
    let editor = fill(app);
    editor.create("sessions", &json!({"event": "a", "title": "First", "slug": "first", "status": "published", "speakers": [{"speaker": "anna"}]}));
    let public = app.visitor();
    let of_a = |fields: &str| {
        let mut shown = public.get(&format!("/api/v1/events/a?fields={fields}")).expect(200).json();
        let listed = public.get(&format!("/api/v1/events?ids={}&fields={fields}", shown["id"].as_str().unwrap()));
        assert_eq!(listed.expect(200).json()["data"][0], shown, "lists show the same as single answers");
        let members = shown.as_object_mut().unwrap();
        assert!(members.remove("id").is_some() && members.remove("slug").is_some());
        shown
    };
    assert_eq!(of_a("speakers.speaker.name"), json!({"speakers": [{"speaker": {"name": "Anna"}}]}));
    // What is not in a reference is included, with its long texts too, and so is what lies two steps away.
    assert_eq!(
        of_a("speakers.speaker.country,speakers.role"),
        json!({"speakers": [{"role": "speaker", "speaker": {"country": "BE"}}]})
    );
    assert_eq!(of_a("speakers.speaker.links"), json!({"speakers": [{"speaker": {"links": []}}]}));
    assert_eq!(of_a("sessions.title"), json!({"sessions": [{"title": "First"}]}));
    assert_eq!(of_a("sessions.speakers")["sessions"][0]["speakers"][0]["speaker"]["name"], "Anna");
    assert_eq!(of_a("speakers.speaker.organisation"), json!({"speakers": [{"speaker": {"organisation": null}}]}));
    assert_eq!(of_a("venue.geo"), json!({"venue": {"geo": {"latitude": 50.8466, "longitude": 4.3528}}}));
    assert_eq!(of_a("series.url"), json!({"series": null}));
    // All of a field is more than a part of it, and the order says nothing.
    assert_eq!(of_a("type.name,type"), of_a("type,type.name"));
    assert!(of_a("type,type.name")["type"]["id"].is_string());
    for (wrong, meant) in
        [("speakers.speaker.nme", "speakers.speaker.name"), ("tpye.name", "type"), ("title.en", "title")]
    {
        let told = public.get(&format!("/api/v1/events?fields={wrong}")).problem(400, &[("?fields", "not_allowed")]);
        assert!(told["errors"][0]["message"].as_str().unwrap().contains(meant), "{wrong}: {told}");
    }
    // What includes is paid for.
    let all = "venue.geo,type.position,series.url,topics.position,speakers.speaker.country,partners.partner.url,related.summary,sessions.title";
    let dear = format!(
        "/api/v1/events?limit=100&facets=type,topic,year,country,speaker,partner,language,venue,series,event_status,attendance_mode&fields={all}"
    );
    public.get(&dear).problem(400, &[("", "query_too_expensive")]);
}

#[apply(api_test)]
fn facets_count_what_the_filters_leave(app: &TestApp) {
    let editor = fill(app);
    let public = app.visitor();
    let facets = |query: &str| public.get(&format!("/api/v1/events?{query}")).expect(200).json()["facets"].clone();
    let counted = |facet: &Value| -> Vec<(String, i64)> {
        let values = facet.as_array().unwrap().iter();
        values.map(|v| (v["value"].as_str().unwrap().to_owned(), v["count"].as_i64().unwrap())).collect()
    };
    let is = |facet: &Value, wanted: &[(&str, i64)]| {
        let wanted: Vec<(String, i64)> = wanted.iter().map(|(value, count)| ((*value).to_owned(), *count)).collect();
        assert_eq!(counted(facet), wanted);
    };
    let all = facets("facets=type,topic,year,country,attendance_mode,language,speaker");
    is(&all["type"], &[("panel", 1), ("talk", 1)]);
    is(&all["topic"], &[("water", 2), ("law", 1)]);
    is(&all["year"], &[("2027", 2), ("2026", 1)]); // the newest first
    is(&all["country"], &[("BE", 1), ("NL", 1)]);
    is(&all["attendance_mode"], &[("mixed", 1), ("offline", 1), ("online", 1)]);
    is(&all["language"], &[("en", 2), ("fr", 1)]);
    is(&all["speaker"], &[("anna", 2), ("bram", 1)]);
    assert_eq!(all["topic"][0]["label"], "Water");
    let some = facets("facets=topic,type,year&topic=law&limit=1");
    is(&some["topic"], &[("water", 2), ("law", 1)]); // the other choices
    is(&some["type"], &[("panel", 1)]);
    is(&some["year"], &[("2027", 1)]);
    // Drafts do not count, and hidden targets have no name.
    editor.create("events", &json!({"title": "D", "type": "talk", "topics": ["law"]}));
    editor.act("/api/v1/topics/law/unpublish", "\"v1\"").expect(200);
    let less = facets("facets=topic,type");
    is(&less["topic"], &[("water", 2)]);
    is(&less["type"], &[("panel", 1), ("talk", 1)]);
    let partners = public.get("/api/v1/partners?facets=kind,country").expect(200).json();
    is(&partners["facets"]["kind"], &[("company", 1), ("foundation", 1)]);
    public.get("/api/v1/events?facets=colour").problem(400, &[("?facets", "not_allowed")]);
    public.get("/api/v1/events?facets=type,type").problem(400, &[("?facets", "duplicate")]);
}

#[apply(api_test)]
fn what_is_too_dear_is_refused(app: &TestApp) {
    let public = app.visitor();
    let all = "type,topic,speaker,partner,series,venue,year,country,attendance_mode,event_status,language,all_day,date_precision,invitation_only";
    public
        .get(&format!("/api/v1/events?limit=100&facets={all}&include=speakers,partners,venue,type,topics"))
        .problem(400, &[("", "query_too_expensive")]);
    public.get(&format!("/api/v1/events?limit=20&facets={all}")).expect(200);
}

#[apply(api_test)]
fn facets_over_too_many_items_are_refused(app: &TestApp) {
    let app = TestApp::start_with(app.backend, |config| config.server.facet_items = 2);
    let editor = fill(&app);
    editor.create("events", &json!({"title": "D", "type": "talk"}));
    let public = app.visitor();
    public.get("/api/v1/events?facets=type").problem(400, &[("?facets", "query_too_expensive")]);
    let few = public.get("/api/v1/events?facets=type&topic=water").expect(200).json();
    assert_eq!(few["facets"]["type"].as_array().map(Vec::len), Some(2));
    // What a facet disregards does not bound what it counts.
    public.get("/api/v1/events?facets=type&type=talk").problem(400, &[("?facets", "query_too_expensive")]);
}

/// Whatever is written to an item, lists find it by what it says then.
#[apply(api_test)]
fn words_follow_their_items(app: &TestApp) {
    let editor = fill(app);
    let public = app.visitor();
    let change = json!({"attendance_mode": "online", "languages": ["de"]});
    editor.patch("/api/v1/events/a", "\"v1\"", &change).expect(200);
    assert_eq!(slugs(&public, "attendance_mode=online"), ["a", "b"]);
    assert_eq!(slugs(&public, "language=fr"), [""; 0]);
    assert_eq!(slugs(&public, "language=de"), ["a"]);
    editor.patch("/api/v1/events/a", "\"v2\"", &json!({"attendance_mode": "offline"})).expect(200);
    assert_eq!(slugs(&public, "attendance_mode=offline"), ["a"]);
}

#[apply(api_test)]
fn relations_of_what_is_included_are_included(app: &TestApp) {
    let editor = fill(app);
    editor.patch("/api/v1/speakers/anna", "\"v1\"", &json!({"organisation": "delta"})).expect(200);
    let session = json!({"title": "S", "event": "a", "speakers": [{"speaker": "bram"}], "status": "published", "starts_at": "2026-12-31T23:40", "time_zone": "Europe/Brussels"});
    editor.create("sessions", &session);
    let public = app.visitor();
    let one = public.get("/api/v1/events/a?include=speakers.organisation,sessions.speakers").expect(200).json();
    let anna = &one["speakers"][0]["speaker"];
    assert_eq!((&anna["country"], &anna["organisation"]["kind"]), (&json!("BE"), &json!("foundation")));
    assert_eq!(one["sessions"][0]["speakers"][0]["speaker"]["country"], "NL");
    let plain = public.get("/api/v1/events/a?include=speakers").expect(200).json();
    assert_eq!(plain["speakers"][0]["speaker"].get("organisation"), None);
    let list = public.get("/api/v1/events?include=speakers.organisation&sort=title").expect(200).json();
    assert_eq!(list["data"][0]["speakers"][0]["speaker"]["organisation"]["slug"], "delta");
    // What is two steps away counts too: its change is seen at once.
    editor.patch("/api/v1/partners/delta", "\"v1\"", &json!({"name": "Estuary"})).expect(200);
    for path in [
        "/api/v1/events/a?include=speakers.organisation,sessions.speakers",
        "/api/v1/events?include=speakers.organisation&sort=title",
    ] {
        assert!(String::from_utf8(public.get(path).expect(200).body).unwrap().contains("Estuary"), "{path}");
    }
    public.get("/api/v1/events?include=speakers.speakers").problem(400, &[("?include", "not_allowed")]);
}
