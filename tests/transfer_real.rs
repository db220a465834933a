//! Real files of other systems, taken in whole.

use std::path::PathBuf;

use plenary::transfer::read::Settings;
use plenary::transfer::{Options, Outcome};
use serde_json::Value;

use crate::support::app::TestApp;
use crate::support::data::real_path;
use crate::support::import::{all, bring, options};

#[apply(api_test)]
fn a_list_of_thousands_comes_in_whole(app: &TestApp) {
    let Some(path) = real_path("events/tech-conferences.json") else { return };
    let rows: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    let begun = std::time::Instant::now();
    let said = bring(app, &path, &options(&path));
    eprintln!("{} rows in {:.1} s on {:?}", rows.len(), begun.elapsed().as_secs_f64(), app.backend);
    assert_eq!(said.report.total(Outcome::Refused), 0);
    let taken = [Outcome::Created, Outcome::Updated, Outcome::Unchanged]
        .map(|o| said.report.of(o, "event"))
        .iter()
        .sum::<u64>();
    assert_eq!(taken, rows.len() as u64);

    // Every row is found again: its name, days, place, topic and addresses.
    let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut events = std::collections::HashMap::<(String, String, String), Vec<Value>>::new();
    for event in all(app, "/api/v1/events?detail=full&include=venue,topics") {
        let city = plain(event["venue"]["address"]["city"].as_str().unwrap_or_default());
        let key = (plain(event["title"].as_str().unwrap()), event["starts_on"].as_str().unwrap().to_owned(), city);
        events.entry(key).or_default().push(event);
    }
    let mut disagree = 0;
    for row in &rows {
        let text = |name: &str| plain(row[name].as_str().unwrap_or_default());
        let key = (text("name"), text("startDate"), text("city"));
        let found = events.get(&key).unwrap_or_else(|| panic!("lost: {row}"));
        let url = url::Url::parse(&text("url")).unwrap().to_string();
        let holds = |e: &&Value| {
            e["topics"].as_array().unwrap().iter().any(|t| t["name"] == row["topic"])
                && e["links"].as_array().unwrap().iter().any(|l| l["url"] == url)
        };
        let event = found.iter().find(holds).unwrap_or_else(|| panic!("lost: {row}\n{found:#?}"));
        disagree += usize::from(event["ends_on"] != row["endDate"]);
    }
    let told =
        said.lines(Outcome::Note).flat_map(|l| &l.faults).filter(|f| f.code == "differs" && f.pointer == "/ends_at");
    assert_eq!(disagree, told.count(), "rows whose last day is another than that of their event");
    let again = bring(app, &path, &options(&path));
    assert_eq!(again.report.of(Outcome::Unchanged, "event"), rows.len() as u64);
    assert_eq!((again.report.total(Outcome::Created), again.report.total(Outcome::Updated)), (0, 0));
}

#[apply(api_test)]
fn programmes_in_xml_come_in_whole(app: &TestApp) {
    for (file, sessions, persons, title) in [
        ("fosdem-2016.xml", 617, 569, "FOSDEM 2016"),
        ("fosdem-2020.xml", 872, 841, "FOSDEM 2020"),
        ("fosdem-2025.xml", 943, 992, "FOSDEM 2025"),
    ] {
        let Some(path) = real_path(&format!("programmes/{file}")) else { return };
        let said = bring(app, &path, &options(&path));
        assert_eq!(said.report.total(Outcome::Refused), 0, "{:?}", said.lines(Outcome::Refused).next());
        assert_eq!(
            (said.report.of(Outcome::Created, "session"), said.report.of(Outcome::Created, "speaker")),
            (sessions, persons),
            "{file}"
        );
        // One person has spoken in several years.
        let noted = said.codes(Outcome::Note);
        assert!(
            noted.iter().all(|code| ["not_a_url", "likely_double", "not_shown", "site_zone"].contains(code)),
            "{noted:?}"
        );
        let events = all(app, "/api/v1/events");
        let event = events.iter().find(|e| e["title"] == title).expect("the event");
        let held = all(app, &format!("/api/v1/sessions?event={}&detail=full", event["slug"].as_str().unwrap()));
        assert_eq!(held.len() as u64, sessions);
        let text = std::fs::read_to_string(&path).unwrap();
        let facts = text.matches("<person ").count();
        assert_eq!(held.iter().map(|s| s["speakers"].as_array().unwrap().len()).sum::<usize>(), facts, "{file}");
        let rooms: std::collections::BTreeSet<&str> = held.iter().filter_map(|s| s["room"].as_str()).collect();
        let venue = app
            .visitor()
            .get(&format!("/api/v1/venues/{}", event["venue"]["slug"].as_str().unwrap()))
            .expect(200)
            .json();
        assert!(
            rooms.len() > 20
                && rooms.iter().all(|r| venue["rooms"].as_array().unwrap().iter().any(|v| v["name"] == *r))
        );
        let again = bring(app, &path, &options(&path));
        assert_eq!((again.report.total(Outcome::Created), again.report.total(Outcome::Updated)), (0, 0));
    }
}

#[apply(api_test)]
fn a_bilingual_programme_keeps_both_languages(app: &TestApp) {
    let Some(path) = real_path("programmes/pyconfr-2025.json") else { return };
    let app = TestApp::start_with(app.backend, |c| c.site.locales = vec!["en".into(), "fr".into()]);
    let said = bring(
        &app,
        &path,
        &Options {
            settings: Settings { time_zone: "Europe/Paris".into(), is_zone_known: true, ..options(&path).settings },
            ..options(&path)
        },
    );
    assert_eq!(said.report.total(Outcome::Refused), 0, "{:?}", said.lines(Outcome::Refused).next());
    let noted = said.codes(Outcome::Note);
    assert!(noted.iter().all(|code| *code == "not_shown"), "{:?}", said.lines(Outcome::Note).next());
    assert!(said.report.count_notes("left_out", "submission/answers") > 0, "{:?}", said.report.notes);
    let programme: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    let held = all(&app, "/api/v1/sessions?locale=*&detail=full&body_format=source");
    let mut count = 0;
    for part in ["schedule", "sprints"] {
        for given in programme[part]
            .as_object()
            .unwrap()
            .values()
            .flat_map(|day| day.as_object().unwrap().values())
            .flat_map(|at| at.as_object().unwrap().values())
        {
            let locale = given["content_locale"].as_str().unwrap();
            let clean = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
            let title = clean(given["title"].as_str().unwrap());
            let slots = given["slots"].as_array().unwrap();
            for slot in slots {
                let found = held.iter().find(|s| {
                    s["title"][locale].as_str().map(clean).as_deref() == Some(&title) && s["starts_at"] == slot["start"]
                });
                let found = found.unwrap_or_else(|| panic!("lost: {title} {slot}"));
                assert_eq!(found["ends_at"], slot["end"]);
                assert_eq!(found["room"], slot["room"]["name"]["fr"]);
                assert_eq!(found["format"], given["submission_type"]["name"]);
                assert_eq!(found["speakers"].as_array().unwrap().len(), given["speakers"].as_array().unwrap().len());
                if let Some(text) = given["description"].as_str().filter(|t| !t.trim().is_empty()) {
                    assert_eq!(clean(found["description"][locale].as_str().unwrap()), clean(text));
                }
                count += 1;
            }
        }
    }
    assert!(count > 90, "{count}");
    let speakers = all(&app, "/api/v1/speakers");
    assert!(
        programme["speakers"].as_object().unwrap().values().all(|given| speakers
            .iter()
            .any(|s| s["name"].as_str().unwrap() == given["name"].as_str().unwrap().trim()))
    );
    assert!(held.iter().any(|s| s["kind"] == "break" && s["title"]["fr"] == "Déjeuner" && s["title"]["en"] == "Lunch"));
}

/// Valid, odd and broken calendars: what is sound comes in, what is not is named with its line.
#[apply(api_test)]
fn calendars_of_many_producers_spoil_nothing(app: &TestApp) {
    let Some(folder) = real_path("calendars") else { return };
    let (mut taken, mut refused) = (0, 0);
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|f| f.unwrap().path()).collect();
    files.sort();
    for path in &files {
        let said = bring(app, path, &options(path));
        taken += said.report.of(Outcome::Created, "event");
        refused += said.report.total(Outcome::Refused);
        for line in said.lines(Outcome::Refused) {
            assert!(line.place.starts_with("line ") && !line.faults.is_empty(), "{line:?}");
        }
    }
    assert!(files.len() > 50 && taken >= 25, "{taken} events taken, {refused} refused, of {} files", files.len());
    for path in &files {
        let said = bring(app, path, &options(path));
        assert_eq!(said.report.of(Outcome::Created, "event"), 0, "{}", path.display());
    }
}
