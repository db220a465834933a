//! Zones: every one of them, at hard times, in every format.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike, NaiveDateTime};
use plenary::time_zone::{LocalOffsets, Zone, rules};
use plenary::transfer::Outcome;
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::client::Client;
use crate::support::import::{bring, options};
use crate::support::times::{all, instants_of, utc, write_export};

/// A time in a zone, exact.
struct Case {
    zone: Zone,
    at: i64,
    event: Value,
}

impl Case {
    fn given(&self) -> String {
        utc(self.at)
    }

    fn slug(&self) -> &str {
        self.event["slug"].as_str().unwrap()
    }
}

/// For each zone a time, by turns at its first change of the clock (where offsets had seconds), around a later one
/// (skipped and doubled times), at the ends of years and of the calendar, and in years to come.
fn times() -> Vec<(Zone, i64)> {
    let year = |year: i32| DateTime::from_timestamp(0, 0).unwrap().with_year(year).unwrap().timestamp();
    let of = |(index, name): (usize, String)| {
        let zone: Zone = name.parse().unwrap();
        let changes: Vec<i64> = zone.changes(year(1800), year(2037)).map(|change| change.begins).collect();
        let (first, late) = (changes.first().copied().unwrap_or(0), changes.get(index % changes.len().max(1)));
        let late = late.copied().unwrap_or(0);
        let at = match index % 9 {
            0 => first - 1,
            1 => first - 86_400 * 365 - 17,
            2 => late - 1,
            3 => late,
            4 => late - 1_800,
            5 => late + 1_800,
            6 => year(1901 + (index % 130) as i32) - 1 - i64::from(zone.period_at(0).offset),
            7 => year(if index % 2 == 0 { 9_999 } else { 2 }) + 86_400 * 363,
            _ => year(2031) + index as i64 * 3_607,
        };
        // Where clocks went back by less than a minute, one text stands for two instants.
        let shown = zone_time(zone, at);
        let twice = matches!(zone.clock_at(shown), LocalOffsets::Twice(a, b) if (a.local_minus_utc() - b.local_minus_utc()).abs() < 60);
        (zone, if twice { at - 300 } else { at })
    };
    rules::names().into_iter().enumerate().map(of).collect()
}

fn zone_time(zone: Zone, at: i64) -> NaiveDateTime {
    DateTime::from_timestamp(at, 0).unwrap().with_timezone(&zone).naive_local()
}

fn made(editor: &Client) -> Vec<Case> {
    let make = |(index, (zone, at)): (usize, (Zone, i64))| {
        let body = json!({"title": format!("{zone}"), "slug": format!("zone-{index}"), "status": "published",
            "time_zone": zone.name(), "starts_at": utc(at), "ends_at": utc(at + 3_600)});
        Case { zone, at, event: editor.create("events", &body) }
    };
    times().into_iter().enumerate().map(make).collect()
}

#[apply(api_test)]
fn every_zone_is_the_same_instant_in_every_format(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    let cases = made(&editor);
    let by_slug: BTreeMap<&str, &Case> = cases.iter().map(|case| (case.slug(), case)).collect();
    // JSON: the local time of the zone, its offset to the minute, and order.
    let listed = all(&public, "sort=starts_at");
    assert_eq!(listed.len(), cases.len());
    let order: Vec<i64> = listed.iter().map(|event| by_slug[event["slug"].as_str().unwrap()].at).collect();
    assert!(order.is_sorted(), "out of order");
    for event in &listed {
        let case = by_slug[event["slug"].as_str().unwrap()];
        let text = event["starts_at"].as_str().unwrap();
        let local = zone_time(case.zone, case.at);
        assert_eq!(&text[..19], local.format("%Y-%m-%dT%H:%M:%S").to_string(), "{}", case.zone);
        let apart = DateTime::parse_from_rfc3339(text).unwrap().timestamp() - case.at;
        assert!(apart.abs() <= 30, "{text} in {}", case.zone);
        assert_eq!(event["starts_on"], local.date().to_string());
    }
    calendars_say_the_same(&public, &by_slug);
    other_feeds_say_the_same(&public, &by_slug);
    filters_and_facets_agree(&public, &cases);
    // Into the other database and out again.
    let folder = tempfile::tempdir().unwrap();
    let file = write_export(app, folder.path());
    let other = TestApp::start(app.other_backend());
    let said = bring(&other, &file, &options(&file));
    assert_eq!(said.report.of(Outcome::Created, "event"), cases.len() as u64);
    assert_eq!(said.lines(Outcome::Note).count(), 0);
    let there = all(&other.visitor(), "sort=starts_at");
    assert!(there.iter().map(|event| &event["starts_at"]).eq(listed.iter().map(|event| &event["starts_at"])));
}

fn calendars_say_the_same(public: &Client, by_slug: &BTreeMap<&str, &Case>) {
    let mut seen = BTreeMap::new();
    for query in
        ["starts_at[lt]=1950-01-01", "starts_at[gte]=1950-01-01&starts_at[lt]=2005-01-01", "starts_at[gte]=2005-01-01"]
    {
        let reply = public.get(&format!("/api/v1/events.ics?limit=500&{query}")).expect(200);
        let text = String::from_utf8(reply.body).unwrap();
        assert!(!text.contains("TZNAME:LMT"));
        seen.extend(instants_of(&text));
    }
    assert_eq!(seen.len(), by_slug.len());
    for case in by_slug.values() {
        assert_eq!(seen[case.zone.name()], case.at, "{} at {}", case.zone, case.given());
    }
}

fn other_feeds_say_the_same(public: &Client, by_slug: &BTreeMap<&str, &Case>) {
    let starts = |slug: &str| public.get(&format!("/api/v1/events/{slug}")).expect(200).json()["starts_at"].clone();
    let query = "limit=500&sort=-starts_at&starts_at[gte]=2005-01-01";
    let feed = public.get(&format!("/api/v1/events.json?{query}")).expect(200).json();
    let linked = public.get(&format!("/api/v1/events.jsonld?{query}")).expect(200).json();
    let table = public.get(&format!("/api/v1/events.csv?{query}")).expect(200).body;
    let mut rows = csv::Reader::from_reader(table.as_slice());
    let rows: Vec<csv::StringRecord> = rows.records().map(Result::unwrap).collect();
    let items = feed["items"].as_array().unwrap();
    let entries = linked["itemListElement"].as_array().unwrap();
    assert!(items.len() > 100 && items.len() == entries.len() && rows.len() == items.len());
    for ((item, entry), row) in items.iter().zip(entries).zip(&rows).step_by(7) {
        let shown = starts(&row[1]);
        assert!(by_slug.contains_key(&row[1]));
        assert_eq!((&item["_event"]["starts_at"], &entry["item"]["startDate"]), (&shown, &shown));
        assert_eq!(row[5], *shown.as_str().unwrap());
    }
    for kind in ["rss", "atom"] {
        let body = public.get(&format!("/api/v1/events.{kind}?{query}")).expect(200).body;
        let text = String::from_utf8(body).unwrap();
        assert_eq!(text.matches("urn:uuid:").count(), items.len());
    }
    let sitemap = String::from_utf8(public.get("/api/v1/sitemap.xml").expect(200).body).unwrap();
    assert_eq!(sitemap.matches("<loc>").count(), by_slug.len());
}

fn filters_and_facets_agree(public: &Client, cases: &[Case]) {
    let slugs = |query: &str| -> Vec<String> {
        all(public, query).iter().map(|event| event["slug"].as_str().unwrap().to_owned()).collect()
    };
    for case in cases.iter().step_by(5) {
        let exact = case.given();
        let there = slugs(&format!("starts_at[gte]={exact}&starts_at[lte]={exact}"));
        assert!(there.iter().any(|slug| slug == case.slug()), "{exact} in {}", case.zone);
        // As answers show it, in the zone of the item.
        let shown = case.event["starts_at"].as_str().unwrap().replace('+', "%2B");
        let there = slugs(&format!("starts_at[gte]={shown}&starts_at[lte]={shown}&time_zone={}", case.zone.name()));
        assert!(there.iter().any(|slug| slug == case.slug()), "{shown} in {}", case.zone);
    }
    let site: Zone = "Europe/Brussels".parse().unwrap();
    let mut years: BTreeMap<i64, u64> = BTreeMap::new();
    for case in cases {
        let year = zone_time(site, case.at).year();
        if (1900..2040).contains(&year) {
            *years.entry(i64::from(year)).or_default() += 1;
        }
    }
    let list = public.get("/api/v1/events?limit=1&facets=year&starts_at[gte]=1900-01-01&starts_at[lt]=2040-01-01");
    let list = list.expect(200).json();
    let counted = list["facets"]["year"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| (entry["value"].as_str().unwrap().parse().unwrap(), entry["count"].as_u64().unwrap()));
    assert_eq!(counted.collect::<BTreeMap<i64, u64>>(), years);
}

/// Writing what an answer said changes nothing.
#[apply(api_test)]
fn what_was_given_out_is_accepted(app: &TestApp) {
    let editor = app.editor();
    for (index, (zone, at)) in times().into_iter().enumerate().step_by(3) {
        let body = json!({"title": "T", "slug": format!("t-{index}"), "time_zone": zone.name(),
            "starts_at": utc(at), "ends_at": utc(at + 3_600), "registration": {"opens_at": utc(at - 7_200)}});
        let made = editor.create("events", &body);
        let path = format!("/api/v1/events/t-{index}");
        let times = |event: &Value| {
            [&event["starts_at"], &event["ends_at"], &event["starts_on"], &event["registration"]["opens_at"]]
                .map(Value::clone)
        };
        let patched = editor.patch(&path, "\"v1\"", &json!({"title": "Another"})).expect(200).json();
        assert_eq!(times(&patched), times(&made), "{zone} at {}", utc(at));
        let mut whole = body.clone();
        whole["starts_at"] = made["starts_at"].clone();
        whole["ends_at"] = made["ends_at"].clone();
        whole["registration"]["opens_at"] = made["registration"]["opens_at"].clone();
        let put = editor.put(&path, "\"v2\"", &whole).expect(200).json();
        assert_eq!(times(&put), times(&made), "{zone} at {}", utc(at));
        let local = json!({"starts_at": made["starts_at"], "ends_at": made["ends_at"]});
        let again = editor.patch(&path, "\"v3\"", &local).expect(200).json();
        assert_eq!(times(&again), times(&made), "{zone} at {}", utc(at));
    }
}

#[apply(api_test)]
fn programmes_keep_the_second(app: &TestApp) {
    let editor = app.editor();
    for (slug, zone, at, offset) in [
        ("monrovia", "Africa/Monrovia", "1971-03-01T12:00:00", "-00:45"),
        ("dublin", "Europe/Dublin", "1910-06-01T09:30:15", "-00:25"),
        ("brussels", "Europe/Brussels", "1885-05-02T10:00:00", "+00:18"),
    ] {
        let times = json!({"starts_at": at, "ends_at": format!("{offset_day}T23:00", offset_day = &at[..10]), "time_zone": zone, "status": "published"});
        let with = |more: Value| {
            let mut body = times.clone();
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            body
        };
        let event = editor.create("events", &with(json!({"title": slug, "slug": slug})));
        assert_eq!((&event["starts_at"], &event["starts_on"]), (&json!(format!("{at}{offset}")), &json!(at[..10])));
        let session =
            with(json!({"title": "Opening", "slug": format!("opening-{slug}"), "event": slug, "room": "Hall"}));
        editor.create("sessions", &session);
        let past = app.visitor().get(&format!("/api/v1/events?when=past&slug={slug}")).expect(200).json();
        assert_eq!(past["data"].as_array().unwrap().len(), 1, "{slug} is over");
        let path = format!("/api/v1/events/{slug}");
        let told = app.visitor().get(&format!("{path}/schedule.json")).expect(200).json();
        let talk = &told["schedule"]["conference"]["days"][0]["rooms"]["Hall"][0];
        assert_eq!((&talk["date"], &talk["start"]), (&json!(format!("{at}{offset}")), &json!(at[11..16])));
        let xml = app.visitor().get(&format!("{path}/schedule.xml")).expect(200).body;
        assert!(String::from_utf8(xml).unwrap().contains(&format!("<date>{at}{offset}</date>")));
        let calendar = String::from_utf8(app.visitor().get(&format!("{path}/calendar.ics")).expect(200).body).unwrap();
        let start = format!("DTSTART;TZID={zone}:{}\r\n", at.replace(['-', ':'], ""));
        assert_eq!(calendar.matches(&start).count(), 2, "{calendar}");
        editor.patch(&path, "\"v1\"", &json!({"title": "Another"})).expect(200);
    }
}
