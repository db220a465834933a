//! Two sources are never one by accident, and what a source has no more is told.

use plenary::transfer::import::ImportError;
use plenary::transfer::read::Mapping;
use plenary::transfer::{Options, Outcome};
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::data::real_path;
use crate::support::import::{bring, bring_bytes, bring_text, options, try_to_bring};

/// A programme with sessions and their speakers, whose ids count from 1.
fn programme(acronym: &str, year: i32, titles: &[&str], people: &[&str]) -> String {
    let session = |(number, title): (usize, &&str)| {
        let id = number + 1;
        let person = people.get(number).map(|name| format!("<person id=\"{id}\">{name}</person>")).unwrap_or_default();
        let hour = 9 + number;
        format!(
            "<event id=\"{id}\"><start>{hour:02}:00</start><duration>00:30</duration><title>{title}</title><persons>{person}</persons></event>"
        )
    };
    let sessions: String = titles.iter().enumerate().map(session).collect();
    format!(
        "<schedule><conference><acronym>{acronym}</acronym><title>River Days {year}</title><start>{year}-05-01</start><end>{year}-05-01</end><time_zone_name>Europe/Brussels</time_zone_name></conference><day index=\"1\" date=\"{year}-05-01\"><room name=\"Aula\">{sessions}</room></day></schedule>"
    )
}

const FIRST: [&str; 3] = ["Rain", "Snow", "Fog"];
const PEOPLE: [&str; 3] = ["Ada Example", "Bo Sample", "Cy Third"];

/// The programmes of two years in files of one name are two events, also with the same acronym.
#[apply(api_test)]
fn two_years_in_files_of_one_name_are_two_events(app: &TestApp) {
    bring_text(app, "schedule.xml", &programme("riverdays", 2027, &FIRST, &PEOPLE));
    let said = bring_text(
        app,
        "schedule.xml",
        &programme("riverdays", 2028, &["Ice", "Hail", "Dew"], &["Di Fourth", "Ed Fifth", "Flo Sixth"]),
    );
    assert_eq!(
        (said.report.of(Outcome::Created, "event"), said.report.of(Outcome::Created, "session")),
        (1, 3),
        "{:?}",
        said.lines
    );
    assert_eq!(said.report.total(Outcome::Updated) + said.report.total(Outcome::Missing), 0, "{:?}", said.lines);
    let count = |path: &str| app.visitor().get(path).expect(200).json()["data"].as_array().unwrap().len();
    assert_eq!((count("/api/v1/events"), count("/api/v1/sessions"), count("/api/v1/speakers")), (2, 6, 6));
    let first = app.visitor().get("/api/v1/speakers/ada-example").expect(200).json();
    assert_eq!(first["name"], "Ada Example");
}

/// Under one name that is given, the second year stops and asks.
#[apply(api_test)]
fn another_source_under_the_same_name_asks(app: &TestApp) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("schedule.xml");
    let mut named = options(&path);
    named.settings.name = "river".to_owned();
    std::fs::write(&path, programme("riverdays", 2027, &FIRST, &PEOPLE)).unwrap();
    bring(app, &path, &named);
    assert_eq!(bring(app, &path, &named).report.total(Outcome::Updated), 0);
    std::fs::write(
        &path,
        programme("riverdays", 2028, &["Ice", "Hail", "Dew"], &["Di Fourth", "Ed Fifth", "Flo Sixth"]),
    )
    .unwrap();
    for dry_run in [true, false] {
        let refused = try_to_bring(app, &path, &Options { dry_run, ..named.clone() }).map(|said| said.lines);
        assert!(matches!(refused, Err(ImportError::OtherSource(..))), "{refused:?}");
    }
    assert_eq!(app.visitor().get("/api/v1/speakers/ada-example").expect(200).json()["name"], "Ada Example");
    let replaced = bring(app, &path, &Options { replace: true, ..named });
    assert_eq!(replaced.report.of(Outcome::Updated, "session"), 3);
    assert_eq!(app.visitor().get("/api/v1/speakers/ada-example").expect(200).json()["name"], "Di Fourth");
}

/// A list of any kind whose ids count from 1 is another one in another year, and does not give its names to the items of
/// the first. A few other names are a change of the same list.
#[apply(api_test)]
fn lists_of_all_kinds_ask_before_they_rename(app: &TestApp) {
    let numbered = |names: &[&str]| -> String {
        let rows = names.iter().enumerate().map(|(number, name)| format!("{},{name}\n", number + 1));
        std::iter::once("Id,Name\n".to_owned()).chain(rows).collect()
    };
    let first = numbered(&["Weir", "Quay", "Lock", "Dyke", "Dam", "Pier", "Mole"]);
    let second = numbered(&["Oak", "Elm", "Ash", "Yew", "Fir", "Box", "Bay"]);
    for (kind, path, label) in [
        ("venue", "venues", "name"),
        ("partner", "partners", "name"),
        ("topic", "topics", "name"),
        ("series", "series", "title"),
        ("page", "pages", "title"),
        ("event_type", "event-types", "name"),
    ] {
        let mapping = format!("kind = \"{kind}\"\nid = \"{{Id}}\"\n[fields]\n{label} = \"{{Name}}\"\n");
        let bring_list = |text: &str, change: &dyn Fn(&mut Options)| {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("list.csv");
            std::fs::write(&path, text).unwrap();
            let mut options = options(&path);
            options.settings.mapping = Some(Mapping::parse(&mapping).unwrap());
            change(&mut options);
            try_to_bring(app, &path, &options)
        };
        let taken =
            |text: &str, change: &dyn Fn(&mut Options)| bring_list(text, change).expect("the import ends").report;
        assert_eq!(taken(&first, &|_| {}).of(Outcome::Created, kind), 7);
        for list in [second.clone(), first.replace("Weir", "Oak").replace("Lock", "Ash").replace("Mole", "Bay")] {
            let refused = bring_list(&list, &|_| {}).map(|said| said.lines).unwrap_err();
            assert!(refused.to_string().contains("the source \"list\""), "{kind}: {refused}");
        }
        assert_eq!(app.editor().get(&format!("/api/v1/{path}/weir")).expect(200).json()[label], "Weir");
        assert_eq!(taken(&first.replace("Weir", "Oak"), &|_| {}).of(Outcome::Updated, kind), 1);
        // With a name of its own it is another source. The name may be the one that is shown elsewhere.
        let named = |name: &'static str| move |options: &mut Options| name.clone_into(&mut options.settings.name);
        assert_eq!(taken(&second, &named("trees")).of(Outcome::Created, kind), 7);
        let shown: &'static str = format!("trees:{kind}").leak();
        assert_eq!(taken(&second, &named(shown)).of(Outcome::Unchanged, kind), 7);
        // The first one has its name by now.
        assert_eq!(taken(&second, &|options| options.replace = true).of(Outcome::Updated, kind), 6);
    }
}

/// Of a list with one row, another name is another item.
#[apply(api_test)]
fn a_list_of_one_asks_too(app: &TestApp) {
    let mapping = Mapping::parse("kind = \"venue\"\nid = \"{Id}\"\n[fields]\nname = \"{Name}\"\n").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("halls.csv");
    let mut options = options(&path);
    options.settings.mapping = Some(mapping);
    let taken = |text: &str| {
        std::fs::write(&path, text).unwrap();
        try_to_bring(app, &path, &options).map(|said| said.report.total(Outcome::Updated))
    };
    assert_eq!(taken("Id,Name\n1,Old Hall\n").unwrap(), 0);
    assert_eq!(taken("Id,Name\n1,New Hall\n").unwrap(), 1);
    assert!(matches!(taken("Id,Name\n1,Quarry\n"), Err(ImportError::OtherSource(..))));
}

/// A calendar that loses more than a third of what is to come stops too; a few changes do not.
#[apply(api_test)]
fn a_source_that_loses_a_third_asks(app: &TestApp) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("river.ics");
    let write = |numbers: std::ops::Range<u32>| {
        let events: String = numbers.map(|n| format!("BEGIN:VEVENT\r\nUID:{n}@river.example\r\nDTSTART:20990304T090000Z\r\nSUMMARY:Evening {n}\r\nEND:VEVENT\r\n")).collect();
        std::fs::write(
            &path,
            format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nX-WR-CALNAME:River\r\n{events}END:VCALENDAR\r\n"),
        )
        .unwrap();
    };
    write(0..9);
    bring(app, &path, &options(&path));
    write(2..9);
    assert_eq!(bring(app, &path, &options(&path)).report.of(Outcome::Missing, "event"), 2);
    write(5..9);
    assert!(matches!(
        try_to_bring(app, &path, &options(&path)).map(|said| said.lines),
        Err(ImportError::OtherSource(..))
    ));
    write(20..22);
    let said = bring(app, &path, &Options { replace: true, ..options(&path) });
    assert_eq!((said.report.of(Outcome::Created, "event"), said.report.of(Outcome::Missing, "event")), (2, 9));
}

#[apply(api_test)]
fn what_is_missing_is_told_and_withdrawn(app: &TestApp) {
    let whole = programme("riverdays", 2099, &FIRST, &PEOPLE);
    bring_text(app, "schedule.xml", &whole);
    let less = programme("riverdays", 2099, &FIRST[..2], &PEOPLE[..2]);
    let said = bring_text(app, "schedule.xml", &less);
    let missing: Vec<&str> = said.lines(Outcome::Missing).map(|line| line.what.as_str()).collect();
    assert_eq!(missing, ["Fog"]);
    app.visitor().get("/api/v1/sessions/fog").expect(200);
    // A file that breaks off withdraws nothing.
    let broken = less.replace("</day></schedule>", "");
    let said = bring_bytes(app, "schedule.xml", broken.as_bytes(), |options| options.withdraw_missing = true);
    assert_eq!(said.report.total(Outcome::Withdrawn), 0);
    let withdraw =
        |text: &str| bring_bytes(app, "schedule.xml", text.as_bytes(), |options| options.withdraw_missing = true);
    assert_eq!(withdraw(&less).report.of(Outcome::Withdrawn, "session"), 1);
    app.visitor().get("/api/v1/sessions/fog").expect(404);
    let again = withdraw(&less);
    assert_eq!(again.report.total(Outcome::Withdrawn) + again.report.total(Outcome::Missing), 0, "{:?}", again.lines);
    // It returns with its record.
    let back = withdraw(&whole);
    assert_eq!(back.report.of(Outcome::Updated, "session"), 1, "{:?}", back.lines);
    app.visitor().get("/api/v1/sessions/fog").expect(200);
}

#[apply(api_test)]
fn missing_events_are_cancelled(app: &TestApp) {
    let event = |n: u32, year: u32| {
        format!(
            "BEGIN:VEVENT\r\nUID:{n}@river.example\r\nDTSTART:{year}0304T090000Z\r\nSUMMARY:Evening {n}\r\nEND:VEVENT\r\n"
        )
    };
    let calendar =
        |events: &str| format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nX-WR-CALNAME:River\r\n{events}END:VCALENDAR\r\n");
    bring_text(app, "river.ics", &calendar(&(event(1, 2099) + &event(2, 2099) + &event(3, 2001))));
    let less = calendar(&event(1, 2099));
    let said = bring_bytes(app, "river.ics", less.as_bytes(), |options| options.withdraw_missing = true);
    // What is over has only left the calendar.
    assert_eq!(said.report.of(Outcome::Withdrawn, "event"), 1, "{:?}", said.lines);
    let status =
        |slug: &str| app.visitor().get(&format!("/api/v1/events/{slug}")).expect(200).json()["event_status"].clone();
    assert_eq!((status("evening-2"), status("evening-3")), (json!("cancelled"), json!("scheduled")));
    bring_text(app, "river.ics", &calendar(&(event(1, 2099) + &event(2, 2099))));
    assert_eq!(status("evening-2"), "scheduled");
}

/// Short UIDs count within a calendar; long ones mean the same event everywhere.
#[apply(api_test)]
fn uids_that_count_are_those_of_their_calendar(app: &TestApp) {
    let calendar = |name: &str, uid: &str, title: &str| {
        format!(
            "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nX-WR-CALNAME:{name}\r\nBEGIN:VEVENT\r\nUID:{uid}\r\nDTSTART:20990304T090000Z\r\nSUMMARY:{title}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
        )
    };
    bring_text(app, "calendar.ics", &calendar("North", "1", "Rain"));
    let said = bring_text(app, "calendar.ics", &calendar("South", "1", "Sun"));
    assert_eq!(said.report.of(Outcome::Created, "event"), 1);
    bring_text(app, "calendar.ics", &calendar("North", "a@river.example", "Both"));
    let said = bring_text(app, "calendar.ics", &calendar("South", "a@river.example", "Both"));
    assert_eq!(said.report.of(Outcome::Unchanged, "event"), 1, "{:?}", said.lines);
}

/// A hall that two calendars call by the same bare name is two; with its address it is the same place in both.
#[apply(api_test)]
fn places_with_a_bare_name_are_those_of_their_calendar(app: &TestApp) {
    let calendar = |name: &str, place: &str| {
        format!(
            "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nX-WR-CALNAME:{name}\r\nBEGIN:VEVENT\r\nUID:{name}-{place}@river.example\r\nDTSTART:20990304T090000Z\r\nSUMMARY:{name} in {place}\r\nLOCATION:{place}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
        )
    };
    let venues =
        |app: &TestApp| app.visitor().get("/api/v1/venues").expect(200).json()["data"].as_array().unwrap().len();
    bring_text(app, "north.ics", &calendar("North", "Aula"));
    let said = bring_text(app, "south.ics", &calendar("South", "Aula"));
    assert_eq!((venues(app), said.report.count_notes("likely_double", "")), (2, 1), "{:?}", said.report.notes);
    let hall = "Town Hall\\, Main Street 1\\, Ghent";
    bring_text(app, "north.ics", &calendar("North", hall));
    bring_text(app, "south.ics", &calendar("South", hall));
    assert_eq!(venues(app), 3);
}

/// Two real programmes of one conference, both called schedule.xml: the example of the issue.
#[apply(api_test)]
fn two_real_years_stay_two(app: &TestApp) {
    let (Some(first), Some(second)) =
        (real_path("programmes/fosdem-2016.xml"), real_path("programmes/fosdem-2020.xml"))
    else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("schedule.xml");
    let names = |app: &TestApp| -> Vec<Value> {
        let rows = app.visitor().get("/api/v1/speakers?limit=100&sort=created_at").expect(200).json()["data"].clone();
        rows.as_array().unwrap().iter().map(|row| row["name"].clone()).collect()
    };
    std::fs::copy(first, &path).unwrap();
    bring(app, &path, &options(&path));
    let before = names(app);
    std::fs::copy(second, &path).unwrap();
    let said = bring(app, &path, &options(&path));
    assert_eq!(
        (said.report.of(Outcome::Created, "event"), said.report.total(Outcome::Updated)),
        (1, 0),
        "{:?}",
        said.lines(Outcome::Updated).next()
    );
    assert_eq!(names(app), before);
    assert_eq!(app.visitor().get("/api/v1/events").expect(200).json()["data"].as_array().unwrap().len(), 2);
}
