//! Times: local in, RFC 3339 with offset and zone out; what does not exist is refused.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike, TimeDelta};
use plenary::time_zone::Zone;
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::times::{all, pages, utc};

#[apply(api_test)]
fn local_times_get_their_offset(app: &TestApp) {
    let editor = app.editor();
    let cases = [
        ("2015-07-01T09:00", "Europe/Brussels", "2015-07-01T09:00:00+02:00"),
        ("2015-12-01 09:00", "Europe/Brussels", "2015-12-01T09:00:00+01:00"),
        ("2015-07-01T09:00:00+05:30", "Asia/Kolkata", "2015-07-01T09:00:00+05:30"),
        ("2015-07-01T09:00:00Z", "America/New_York", "2015-07-01T05:00:00-04:00"),
        ("2025-10-26T02:30:00+01:00", "Europe/Brussels", "2025-10-26T02:30:00+01:00"),
        ("2025-10-26T02:30:00+02:00", "Europe/Brussels", "2025-10-26T02:30:00+02:00"),
    ];
    for (given, zone, shown) in cases {
        let made = editor.create("events", &json!({"title": "T", "starts_at": given, "time_zone": zone}));
        assert_eq!(made["starts_at"], shown);
        assert_eq!(made["time_zone"], zone);
    }
    // Without a zone it is the site's.
    assert_eq!(editor.create("events", &json!({"title": "T"}))["time_zone"], "Europe/Brussels");
}

#[apply(api_test)]
fn impossible_times_are_refused(app: &TestApp) {
    let editor = app.editor();
    let cases = [
        (
            "2025-03-30T02:30",
            "Europe/Brussels",
            "nonexistent_time",
            "2025-03-30T01:30:00+01:00 or 2025-03-30T03:30:00+02:00",
        ),
        (
            "2025-10-26T02:30",
            "Europe/Brussels",
            "ambiguous_time",
            "2025-10-26T02:30:00+02:00 or 2025-10-26T02:30:00+01:00",
        ),
        ("2015-07-01T09:00:00+05:00", "Europe/Brussels", "wrong_offset", "2015-07-01T09:00:00+02:00"),
        ("2015-02-30", "Europe/Brussels", "not_a_time", "2015-02-30"),
        ("tomorrow", "Europe/Brussels", "not_a_time", "tomorrow"),
    ];
    for (given, zone, code, named) in cases {
        let problem = editor
            .post("/api/v1/events", &json!({"title": "T", "starts_at": given, "time_zone": zone}))
            .problem(422, &[("/starts_at", code)]);
        assert!(problem["errors"][0]["message"].as_str().unwrap().contains(named), "{problem}");
    }
    let problem = editor
        .post("/api/v1/events", &json!({"title": "T", "time_zone": "Europe/Brusels"}))
        .problem(422, &[("/time_zone", "unknown_zone")]);
    assert!(problem["errors"][0]["message"].as_str().unwrap().contains("Europe/Brussels"));
}

#[apply(api_test)]
fn spans_run_forward(app: &TestApp) {
    let editor = app.editor();
    let post = |starts: &str, ends: &str| {
        editor.post("/api/v1/events", &json!({"title": "T", "starts_at": starts, "ends_at": ends}))
    };
    post("2027-01-02T10:00", "2027-01-02T09:00").problem(422, &[("/ends_at", "before_start")]);
    post("2027-01-02", "2027-01-01").problem(422, &[("/ends_at", "before_start")]);
    post("2027-01-02", "2027-01-02").expect(201);
    // An end at an hour that nobody named would be one more constant.
    post("2027-01-02T10:00", "2027-01-02").problem(422, &[("/ends_at", "not_a_time")]);
    editor
        .post("/api/v1/events", &json!({"title": "T", "ends_at": "2027-01-01"}))
        .problem(422, &[("/ends_at", "without_start")]);
    editor.create("events", &json!({"title": "P", "starts_at": "2027-01-02T10:00", "ends_at": "2027-01-02T12:00"}));
    editor
        .patch("/api/v1/events/p", "\"v1\"", &json!({"ends_at": "2027-01-02T08:00"}))
        .problem(422, &[("/ends_at", "before_start")]);
}

#[apply(api_test)]
fn days_without_hours(app: &TestApp) {
    let editor = app.editor();
    let made = editor.create("events", &json!({"title": "T", "starts_at": "2015-07-01", "ends_at": "2015-07-03"}));
    assert_eq!(made["date_precision"], "day");
    assert_eq!(made["starts_at"], "2015-07-01T00:00:00+02:00");
    assert_eq!(made["ends_at"], "2015-07-04T00:00:00+02:00");
    assert_eq!((&made["starts_on"], &made["ends_on"]), (&json!("2015-07-01"), &json!("2015-07-03")));
    editor
        .post("/api/v1/events", &json!({"title": "T", "all_day": true, "starts_at": "2015-07-01T10:00"}))
        .problem(422, &[("/starts_at", "not_a_date")]);
}

#[apply(api_test)]
fn filters_by_time(app: &TestApp) {
    let editor = app.editor();
    for (title, starts, ends) in [
        ("past", "2001-01-01T10:00", "2001-01-01T12:00"),
        ("ongoing", "2001-06-01", "2901-01-01"),
        ("upcoming", "2900-01-01T10:00", "2900-01-01T12:00"),
    ] {
        editor.create("events", &json!({"title": title, "status": "published", "starts_at": starts, "ends_at": ends}));
    }
    editor.create("events", &json!({"title": "undated", "status": "published"}));
    let titles = |query: &str| {
        let list = app.visitor().get(&format!("/api/v1/events?{query}")).expect(200).json();
        list["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|e| e["title"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(titles("when=past"), "past");
    assert_eq!(titles("when=ongoing"), "ongoing");
    assert_eq!(titles("when=upcoming"), "upcoming undated");
    assert_eq!(titles("starts_at[gte]=2001-06-01&starts_at[lt]=2002-01-01"), "ongoing");
    assert_eq!(
        titles("starts_at%5Bgt%5D=2001-01-01T09:00:00Z&starts_at[lte]=2001-05-31T22:00:00Z&sort=starts_at"),
        "ongoing"
    );
    assert_eq!(titles("ends_at[lte]=2001-01-01T11:00:00%2B00:00"), "past");
    assert_eq!(titles("sort=title"), "ongoing past undated upcoming");
    app.visitor().get("/api/v1/events?starts_at[gte]=soon").problem(400, &[("?starts_at[gte]", "not_a_time")]);
    app.visitor()
        .get("/api/v1/events?starts_at[after]=2001-01-01")
        .problem(400, &[("?starts_at[after]", "unknown_parameter")]);
    app.visitor().get("/api/v1/events?when=soon").problem(400, &[("?when", "not_allowed")]);
}

#[apply(api_test)]
fn the_ends_of_the_calendar(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    for (index, zone) in ["Pacific/Kiritimati", "Europe/Brussels", "Pacific/Midway", "UTC"].into_iter().enumerate() {
        for (slug, starts, ends) in [
            ("first-day", "0001-01-01", None),
            ("first-second", "0001-01-01T00:00:00", Some("0001-01-01T00:00:01")),
            ("last-day", "9999-12-31", None),
            ("last-days", "9999-12-29", Some("9999-12-31")),
            ("last-second", "9999-12-31T23:59:58", Some("9999-12-31T23:59:59.999999")),
        ] {
            let slug = format!("{slug}-{index}");
            let body = json!({"title": slug, "slug": slug, "status": "published", "time_zone": zone, "starts_at": starts, "ends_at": ends});
            let event = editor.create("events", &body);
            for name in ["starts_at", "ends_at"] {
                let text = event[name].as_str().unwrap_or(starts);
                assert!(text.len() == 10 || DateTime::parse_from_rfc3339(text).is_ok(), "{name} {text}");
            }
            assert_eq!(event["starts_on"], starts[..10]);
            assert_eq!(event["ends_on"], ends.unwrap_or(starts)[..10]);
            let session = json!({"title": "S", "slug": format!("s-{slug}"), "event": slug, "status": "published", "room": "R",
                "time_zone": "UTC", "starts_at": starts, "ends_at": ends});
            editor.create("sessions", &session);
            let path = format!("/api/v1/events/{slug}");
            let told = public.get(&format!("{path}/schedule.json")).expect(200).json();
            for day in told["schedule"]["conference"]["days"].as_array().unwrap() {
                for name in ["day_start", "day_end"] {
                    assert!(DateTime::parse_from_rfc3339(day[name].as_str().unwrap()).is_ok(), "{day}");
                }
            }
            public.get(&format!("{path}/schedule.xml")).expect(200);
            public.get(&format!("{path}/json-ld")).expect(200);
            let calendar = String::from_utf8(public.get(&format!("{path}/calendar.ics")).expect(200).body).unwrap();
            for line in calendar.lines().filter(|line| line.starts_with("DT") || line.starts_with("DURATION")) {
                let value = line.split_once(':').unwrap().1;
                let digits = value.chars().take_while(char::is_ascii_digit).count();
                assert!(digits == 8 || (line.starts_with("DURATION") && value.starts_with('P')), "{line}");
            }
            editor.patch(&path, "\"v1\"", &json!({"summary": "Another"})).expect(200);
        }
    }
    // In order, with cursors, at both ends and by filters.
    let listed = all(&public, "sort=starts_at,title");
    let years: Vec<&str> = listed.iter().map(|event| &event["starts_at"].as_str().unwrap()[..4]).collect();
    assert_eq!(years, [["0001"; 8].as_slice(), &["9999"; 12]].concat());
    let back = pages(&public, 3, "sort=-starts_at,-title");
    assert!(back.iter().rev().map(|event| &event["slug"]).eq(listed.iter().map(|event| &event["slug"])));
    assert_eq!(all(&public, "starts_at[lt]=5000-01-01").len(), 8);
    assert_eq!(
        all(&public, "starts_at[gte]=0001-01-01T00:00:00%2B14:00&starts_at[lte]=9999-12-31T23:59:59-12:00").len(),
        20
    );
    assert_eq!(all(&public, "when=past").len(), 8);
    assert_eq!(all(&public, "when=upcoming").len(), 12);
    let list = public.get("/api/v1/events?facets=year&limit=1").expect(200).json();
    let counts: Vec<(&str, u64)> = list["facets"]["year"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| (entry["value"].as_str().unwrap(), entry["count"].as_u64().unwrap()))
        .collect();
    assert_eq!(counts, [("9999", 12), ("0001", 8)]);
    for (text, code) in [("0000-12-31", "out_of_range"), ("10000-01-01", "not_a_time"), ("+12026-01-01", "not_a_time")]
    {
        editor.post("/api/v1/events", &json!({"title": "T", "starts_at": text})).problem(422, &[("/starts_at", code)]);
    }
}

/// The facets of a site count the years as its clock shows them.
#[apply(api_test)]
fn years_are_counted_where_the_new_year_had_no_midnight(app: &TestApp) {
    // Manila left out the last day of 1844; Kwajalein, Kanton and Kiritimati the first of 1995.
    for (zone, year) in [("Pacific/Kiritimati", 1995), ("Pacific/Kanton", 1995), ("Asia/Manila", 1845)] {
        let own = TestApp::start_with(app.backend, |config| config.site.time_zone = zone.to_owned());
        let editor = own.editor();
        let clock: Zone = zone.parse().unwrap();
        let new_year = clock.midnight(chrono::NaiveDate::from_ymd_opt(year, 1, 1).unwrap());
        let mut expected: BTreeMap<String, u64> = BTreeMap::new();
        for (index, hours) in [-60, -30, -1, 0, 1, 30, 60].into_iter().enumerate() {
            let at = new_year + TimeDelta::hours(hours);
            let body = json!({"title": "T", "slug": format!("t-{index}"), "status": "published", "time_zone": "UTC",
                "starts_at": utc(at.timestamp())});
            editor.create("events", &body);
            *expected.entry(at.year().to_string()).or_default() += 1;
        }
        let list = own.visitor().get("/api/v1/events?facets=year").expect(200).json();
        let counted = list["facets"]["year"]
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| (entry["value"].as_str().unwrap().to_owned(), entry["count"].as_u64().unwrap()));
        assert_eq!(counted.collect::<BTreeMap<_, _>>(), expected, "{zone}");
    }
}

/// As earlier versions of Plenary stored it.
#[apply(api_test)]
fn what_was_stored_as_no_date_comes_right(app: &TestApp) {
    use diesel::prelude::*;
    use plenary::database::DatabaseError;
    use plenary::database::schema::{items, links, settings};
    let (editor, public) = (app.editor(), app.visitor());
    editor.create("topics", &json!({"name": "Water", "slug": "water", "status": "published"}));
    let body = json!({"title": "Old", "slug": "old", "status": "published", "time_zone": "Africa/Monrovia",
        "starts_at": "1971-03-01T12:00", "topics": ["water"]});
    let before = editor.create("events", &body);
    let spoil = app.app.database.write_content(|c| {
        let no_date = (items::starts_at.eq(i64::MAX), items::ends_at.eq(i64::MAX));
        diesel::update(items::table.filter(items::slug.eq("old"))).set(no_date).execute(c)?;
        diesel::update(links::table).set(links::starts_at.eq(i64::MAX)).execute(c)?;
        diesel::update(settings::table.filter(settings::name.eq("rendered_for")))
            .set(settings::value.eq("4"))
            .execute(c)?;
        diesel::delete(settings::table.filter(settings::name.eq("time_zone_rules"))).execute(c)?;
        Ok::<_, DatabaseError>(())
    });
    app.block_on(spoil).unwrap();
    app.app.database.invalidation_clock().record_all();
    assert_eq!(all(&public, "when=upcoming").len(), 1, "as it was");
    // What each start does.
    app.block_on(plenary::editorial::zone_rules::apply(&app.app.database, &app.app.site))
        .map_err(|p| p.detail)
        .unwrap();
    app.block_on(plenary::items::rerender::if_needed(&app.app.database, &app.app.site)).unwrap();
    app.app.database.invalidation_clock().record_all();
    assert_eq!(all(&public, "when=upcoming").len(), 0);
    assert_eq!(all(&public, "when=past&topic=water").len(), 1);
    let after = public.get("/api/v1/events/old").expect(200).json();
    assert_eq!((&after["starts_at"], &after["starts_on"]), (&before["starts_at"], &json!("1971-03-01")));
}

/// A patch of the dates alone does not leave a precision that they do not have.
#[apply(api_test)]
fn the_precision_follows_the_dates(app: &TestApp) {
    let editor = app.editor();
    let precision = |event: &Value| event["date_precision"].as_str().unwrap().to_owned();
    let made = editor.create("events", &json!({"title": "E", "slug": "e"}));
    assert_eq!(precision(&made), "time");
    for (version, starts, expected) in [
        (1, json!({"starts_at": "2027-03-04", "ends_at": "2027-03-05"}), "day"),
        (2, json!({"starts_at": "2027-03-03T10:00"}), "time"),
        (3, json!({"starts_at": "2027-03-04", "date_precision": "time"}), "day"),
        (4, json!({"starts_at": "2027-03-01", "ends_at": null, "date_precision": "month"}), "month"),
        (5, json!({"starts_at": "2027-04-01"}), "month"),
    ] {
        let changed = editor.patch("/api/v1/events/e", &format!("\"v{version}\""), &starts).expect(200).json();
        assert_eq!(precision(&changed), expected, "{starts}");
    }
}
