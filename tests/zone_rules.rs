//! Newer rules of time zones, and what comes from where others apply.

use std::path::Path;

use plenary::transfer::Outcome;
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::client::Client;
use crate::support::import::{bring, options};
use crate::support::moments::wait_for;
use crate::support::program::{Program, fresh_database, run};
use crate::support::times::{all, instants_of, utc, write_export};
use crate::support::zoneinfo::{ZoneFile, write_release};

/// Rules as they were, and as they became. Vancouver, Edmonton and Casablanca stay at another offset from some
/// change on; in Chisinau clocks change an hour later in the night.
fn rules_of(folder: &Path, release: &str, newer: bool) {
    let change = 1_772_964_000; // 2026-03-08, 10:00 UTC
    let zone = |name, first, old, new: (&'static [(i64, i32, bool, &'static str)], &'static str)| ZoneFile {
        name,
        first,
        changes: if newer { new.0 } else { &[] },
        after: if newer { new.1 } else { old },
    };
    const VANCOUVER: &[(i64, i32, bool, &str)] =
        &[(1_772_964_000, -25_200, true, "PDT"), (1_793_523_600, -25_200, false, "MST")];
    const EDMONTON: &[(i64, i32, bool, &str)] = &[(1_772_960_400, -21_600, false, "CST")];
    const CASABLANCA: &[(i64, i32, bool, &str)] = &[(1_789_869_600, 0, false, "+00")];
    assert_eq!(VANCOUVER[0].0, change);
    let zones = [
        zone("America/Vancouver", (-28_800, "PST"), "PST8PDT,M3.2.0,M11.1.0", (VANCOUVER, "MST7")),
        zone("America/Edmonton", (-25_200, "MST"), "MST7MDT,M3.2.0,M11.1.0", (EDMONTON, "CST6")),
        zone("Africa/Casablanca", (3_600, "+01"), "<+01>-1", (CASABLANCA, "<+00>0")),
        zone("Europe/Chisinau", (7_200, "EET"), "EET-2EEST,M3.5.0,M10.5.0/3", (&[], "EET-2EEST,M3.5.0/3,M10.5.0/4")),
        // Made up.
        zone("Antarctica/Troll", (0, "+00"), "<+00>0", (&[], "<+05>-5")),
    ];
    write_release(folder, release, &zones);
}

/// Starts the program with the rules of this folder.
fn start_with_rules(database: &str, zoneinfo: &str) -> Program {
    Program::start_with(database, |command| {
        command.env("PLENARY_SITE__ZONEINFO", zoneinfo);
    })
}

#[apply(api_test)]
fn newer_rules_keep_local_times(app: &TestApp) {
    let (folder, zoneinfo) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let database = fresh_database(app.backend, folder.path());
    rules_of(zoneinfo.path(), "2990a", false);
    let program = start_with_rules(&database, zoneinfo.path().to_str().unwrap());
    let (admin, public) = (program.administrator(), program.client());
    let cases = [
        ("vancouver", "America/Vancouver", "2031-01-15T09:00:00", "-08:00", "2031-01-15T09:00:00-07:00"),
        ("edmonton", "America/Edmonton", "2031-01-15T09:00:00", "-07:00", "2031-01-15T09:00:00-06:00"),
        ("casablanca", "Africa/Casablanca", "2031-01-15T09:00:00", "+01:00", "2031-01-15T09:00:00+00:00"),
        // It was the second 02:30 of that night, and is the only one.
        ("chisinau-autumn", "Europe/Chisinau", "2031-10-26T02:30:00", "+02:00", "2031-10-26T02:30:00+03:00"),
        // Clocks skip it now: it is read with the offset before (RFC 5545, section 3.3.5).
        ("chisinau-spring", "Europe/Chisinau", "2031-03-30T03:30:00", "+03:00", "2031-03-30T04:30:00+03:00"),
    ];
    for (slug, zone, local, offset, _) in cases {
        let body = json!({"title": slug, "slug": slug, "status": "published", "time_zone": zone, "starts_at": format!("{local}{offset}")});
        let event = admin.create("events", &body);
        assert_eq!(event["starts_at"], format!("{local}{offset}"), "{zone}");
    }
    // Of a day only the day is stored; its instants move too.
    let days = json!({"title": "Days", "slug": "days", "status": "published", "time_zone": "America/Vancouver", "starts_at": "2031-02-01"});
    assert_eq!(admin.create("events", &days)["starts_at"], "2031-02-01T00:00:00-08:00");
    let session = json!({"title": "Session", "slug": "session", "status": "published", "event": "vancouver",
        "time_zone": "America/Vancouver", "starts_at": "2031-01-15T10:00"});
    admin.create("sessions", &session);
    // Between the two instants of Vancouver, and in no moved zone.
    let between = json!({"title": "Between", "slug": "between", "status": "published", "time_zone": "UTC", "starts_at": "2031-01-15T16:30:00Z"});
    admin.create("events", &between);
    let order = |query: &str| -> Vec<String> {
        all(&public, query).iter().map(|event| event["slug"].as_str().unwrap().to_owned()).collect()
    };
    let january = "sort=starts_at&starts_at[gte]=2031-01-15T16:00:00Z&starts_at[lt]=2031-01-16";
    assert_eq!(order(january), ["edmonton", "between", "vancouver"]);

    // The machine gets newer rules while the server runs.
    rules_of(zoneinfo.path(), "2990b", true);
    program.ask_to_keep_house();
    wait_for("the newer rules", || public.get("/api/v1/events/vancouver").json()["starts_at"] == cases[0].4);
    let health = public.get("/healthz").expect(200).json();
    assert_eq!(health["time_zone_rules"], json!({"release": "2990b", "source": "system"}));
    let metrics = String::from_utf8(public.get("/metrics").expect(200).body).unwrap();
    assert!(metrics.contains("plenary_time_zone_rules{release=\"2990b\",source=\"system\"} 1"));
    for (slug, _, _, _, after) in cases {
        let event = public.get(&format!("/api/v1/events/{slug}")).expect(200).json();
        assert_eq!((&event["starts_at"], &event["version"]), (&json!(after), &json!(2)), "{slug}");
    }
    assert_eq!(public.get("/api/v1/events/days").json()["starts_at"], "2031-02-01T00:00:00-07:00");
    assert_eq!(public.get("/api/v1/sessions/session").json()["starts_at"], "2031-01-15T10:00:00-07:00");
    assert_eq!(public.get("/api/v1/events/between").json()["version"], 1);
    assert_eq!(order(january), ["vancouver", "between"], "Edmonton starts at 15:00 UTC");
    the_calendar_follows(&public);
    the_journal_has_it(&admin, "2990a", "2990b", 7);
    // The right offset is accepted, and the wrong one named.
    let right = json!({"title": "T", "time_zone": "America/Vancouver", "starts_at": "2031-01-15T09:00:00-07:00"});
    admin.create("events", &right);
    let wrong = json!({"title": "T", "time_zone": "America/Vancouver", "starts_at": "2031-01-15T09:00:00-08:00"});
    admin.post("/api/v1/events", &wrong).problem(422, &[("/starts_at", "wrong_offset")]);
    admin.patch("/api/v1/events/vancouver", "\"v2\"", &json!({"title": "Another"})).expect(200);
    program.terminate();

    // At a start too; and rules that are older than those that were used leave everything alone.
    rules_of(zoneinfo.path(), "2990c", false);
    let program = start_with_rules(&database, zoneinfo.path().to_str().unwrap());
    assert_eq!(program.client().get("/api/v1/events/edmonton").json()["starts_at"], "2031-01-15T09:00:00-07:00");
    // In Chisinau all is well again as it is.
    the_journal_has_it(&program.administrator(), "2990b", "2990c", 6);
    program.terminate();
    rules_of(zoneinfo.path(), "2990d", true);
    start_with_rules(&database, zoneinfo.path().to_str().unwrap()).terminate();
    let program = start_with_rules(&database, "built-in");
    let edmonton = || program.client().get("/api/v1/events/edmonton").expect(200);
    assert_eq!(edmonton().json()["starts_at"], "2031-01-15T09:00:00-06:00");
    // What it writes by its own rules is computed anew by the next node that has the newer ones.
    let troll = json!({"title": "Troll", "slug": "troll", "status": "published", "time_zone": "Antarctica/Troll", "starts_at": "2031-01-15T09:00"});
    assert_eq!(program.administrator().create("events", &troll)["starts_at"], "2031-01-15T09:00:00+00:00");
    program.terminate();
    let program = start_with_rules(&database, zoneinfo.path().to_str().unwrap());
    let troll = program.client().get("/api/v1/events/troll").expect(200).json();
    assert_eq!((&troll["starts_at"], &troll["version"]), (&json!("2031-01-15T09:00:00+05:00"), &json!(2)));
    program.terminate();
    let said = String::from_utf8(run(&database, &["doctor"]).stdout).unwrap();
    assert!(said.contains("time zone rules: ") && said.contains("2990d, which are newer"), "{said}");
}

/// A plan of an item writes its instants too: those of a node with older rules are computed anew.
#[apply(api_test)]
fn plans_of_older_rules_are_computed_anew(app: &TestApp) {
    let (folder, zoneinfo) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let database = fresh_database(app.backend, folder.path());
    rules_of(zoneinfo.path(), "2990a", true);
    let zoneinfo = zoneinfo.path().to_str().unwrap();
    start_with_rules(&database, zoneinfo).terminate();
    // At its start, the older one marks the database, and the newer one takes the mark away.
    let older = start_with_rules(&database, "built-in");
    let newer = start_with_rules(&database, zoneinfo);
    let troll = json!({"title": "Troll", "slug": "troll", "status": "published", "time_zone": "Antarctica/Troll", "starts_at": "2031-01-15T09:00"});
    assert_eq!(newer.administrator().create("events", &troll)["starts_at"], "2031-01-15T09:00:00+05:00");
    let until = json!({"unpublish_at": "2999-01-01"});
    older.administrator().act_with("/api/v1/events/troll/schedule", "\"v1\"", &until).expect(200);
    let public = newer.client();
    let starts_at = |expected: &str| public.get("/api/v1/events/troll").expect(200).json()["starts_at"] == expected;
    wait_for("the plan", || starts_at("2031-01-15T09:00:00+00:00"));
    newer.ask_to_keep_house();
    wait_for("the newer rules", || starts_at("2031-01-15T09:00:00+05:00"));
    older.terminate();
    newer.terminate();
}

fn the_calendar_follows(public: &Client) {
    let calendar = String::from_utf8(public.get("/api/v1/events/vancouver/calendar.ics").expect(200).body).unwrap();
    assert!(calendar.contains("DTSTART;TZID=America/Vancouver:20310115T090000\r\n"), "{calendar}");
    let begin = calendar.find("BEGIN:STANDARD").expect("a standard time");
    assert!(
        calendar[begin..].contains("TZOFFSETTO:-0700\r\nTZNAME:MST\r\n") && !calendar.contains("DAYLIGHT"),
        "{calendar}"
    );
    let casablanca = String::from_utf8(public.get("/api/v1/events/casablanca/calendar.ics").expect(200).body).unwrap();
    assert!(casablanca.contains("TZOFFSETTO:+0000\r\nTZNAME:+00\r\n") && !casablanca.contains("LMT"), "{casablanca}");
    let seen = instants_of(&calendar);
    assert_eq!(utc(seen["vancouver"]), "2031-01-15T16:00:00Z");
}

fn the_journal_has_it(admin: &Client, from: &str, to: &str, count: usize) {
    let reason = format!("time zone rules {from} → {to}");
    let audit = admin.get("/api/v1/audit?action=time_zone_rules&limit=100").expect(200).json();
    let entries: Vec<&Value> =
        audit["data"].as_array().unwrap().iter().filter(|entry| entry["reason"] == reason).collect();
    let (whole, items): (Vec<&Value>, Vec<&Value>) = entries.into_iter().partition(|entry| entry["kind"] == "site");
    assert_eq!((whole.len(), whole[0]["id"].as_str()), (1, Some("time_zones")));
    assert_eq!(items.len(), count, "{items:#?}");
    assert_eq!(whole[0]["changed"].as_array().unwrap().len(), items.len());
    // One request did all of it: one step.
    assert!(items.iter().all(|entry| entry["request_id"] == whole[0]["request_id"]));
    for entry in items {
        let place = format!("/{}/{}", entry["kind"].as_str().unwrap(), entry["id"].as_str().unwrap());
        assert!(whole[0]["changed"].as_array().unwrap().contains(&json!(place)), "{place}");
    }
}

#[apply(api_test)]
fn exports_of_other_rules_are_taken(app: &TestApp) {
    let editor = app.editor();
    let body = json!({"title": "Summer", "slug": "summer", "status": "published", "starts_at": "2031-07-01T09:00", "ends_at": "2031-07-01T10:00",
        "registration": {"closes_at": "2031-06-01T12:00"}});
    editor.create("events", &body);
    let draft = json!({"title": "Summer, anew", "starts_at": "2031-07-02T09:00", "ends_at": "2031-07-02T10:00"});
    editor.patch("/api/v1/events/summer?view=draft", "\"v1\"", &draft).expect(200);
    let folder = tempfile::tempdir().unwrap();
    let file = write_export(app, folder.path());
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains("2031-07-01T09:00:00+02:00") && text.contains("2031-07-02T09:00:00+02:00"), "{text}");
    std::fs::write(&file, text.replace("+02:00", "+03:00")).unwrap();
    let other = TestApp::start(app.other_backend());
    let said = bring(&other, &file, &options(&file));
    assert_eq!((said.report.total(Outcome::Created), said.report.total(Outcome::Refused)), (1, 0));
    let notes: Vec<(&str, &str)> = said
        .lines(Outcome::Note)
        .flat_map(|line| &line.faults)
        .map(|fault| (fault.pointer.as_str(), fault.code.as_str()))
        .collect();
    for place in
        ["/content/starts_at", "/content/ends_at", "/content/registration/closes_at", "/draft/content/starts_at"]
    {
        assert!(notes.contains(&(place, "other_rules")), "{notes:?}");
    }
    let there = other.editor();
    let event = there.get("/api/v1/events/summer").expect(200).json();
    assert_eq!(event["starts_at"], "2031-07-01T09:00:00+02:00");
    assert_eq!(
        there.get("/api/v1/events/summer?view=draft").expect(200).json()["starts_at"],
        "2031-07-02T09:00:00+02:00"
    );
    // The same export again changes nothing.
    assert_eq!(bring(&other, &file, &options(&file)).report.of(Outcome::Unchanged, "event"), 1);
    // A time in UTC was written with no rules at all.
    std::fs::write(&file, text.replace("T09:00:00+02:00", "T07:00:00Z").replace("T10:00:00+02:00", "T08:00:00Z"))
        .unwrap();
    let said = bring(&other, &file, &options(&file));
    assert_eq!(said.report.of(Outcome::Unchanged, "event"), 1);
    assert_eq!(said.codes(Outcome::Note), [""; 0]);
}

#[apply(api_test)]
fn numbers_that_cannot_grow_are_refused(app: &TestApp) {
    let editor = app.editor();
    editor.create("topics", &json!({"name": "Water", "slug": "water", "status": "published"}));
    let folder = tempfile::tempdir().unwrap();
    let file = write_export(app, folder.path());
    let whole: Value = serde_json::from_str(std::fs::read_to_string(&file).unwrap().trim()).unwrap();
    let other = TestApp::start(app.other_backend());
    let bring_with = |place: &str, value: Value| {
        let mut item = whole.clone();
        *item.pointer_mut(place).unwrap() = value;
        std::fs::write(&file, item.to_string()).unwrap();
        bring(&other, &file, &options(&file))
    };
    for (place, value) in [
        ("/version", i64::MAX),
        ("/version", i64::MAX - 1),
        ("/version", 1 << 53),
        ("/version", 0),
        ("/created_at", i64::MAX),
        ("/created_at", -1),
        ("/updated_at", i64::MAX),
        ("/published_at", i64::MAX),
        ("/trashed_at", i64::MIN),
    ] {
        let said = bring_with(place, value.into());
        let found = said
            .lines(Outcome::Refused)
            .flat_map(|line| &line.faults)
            .any(|f| f.pointer == place && f.code == "out_of_range");
        assert!(found, "{place} {value}: {:?}", said.lines);
    }
    // The highest that there may be grows.
    let most = (1_i64 << 53) - 1;
    assert_eq!(bring_with("/version", most.into()).report.total(Outcome::Created), 1);
    let there = other.editor();
    let changed =
        there.patch("/api/v1/topics/water", &format!("\"v{most}\""), &json!({"name": "Waters"})).expect(200).json();
    assert_eq!(changed["version"], most + 1);
}
