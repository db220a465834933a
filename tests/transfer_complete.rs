//! Each reader over a file in which every property of its format occurs: nothing is neither stored nor noted.

use plenary::transfer::read::{ImportFormat, Mapping};
use plenary::transfer::{Options, Outcome};

use crate::support::app::TestApp;
use crate::support::complete::{Leaf, leaves_of_json, leaves_of_xml, lost_values};
use crate::support::data::fixture;
use crate::support::import::{Said, bring, bring_bytes, options};

/// Imports a fixture, and fails for what is lost of it. `elsewhere` is that of [`lost`].
fn all_of(app: &TestApp, name: &str, change: impl FnOnce(&mut Options), elsewhere: &[(&str, &str)]) -> Said {
    let path = fixture(&format!("complete/{name}"));
    let mut options = options(&path);
    change(&mut options);
    let said = bring(app, &path, &options);
    assert_eq!(said.report.total(Outcome::Refused), 0, "{name}: {:?}", said.lines(Outcome::Refused).next());
    assert!(said.report.total(Outcome::Created) > 0, "{name}: {:?}", said.lines);
    let text = std::fs::read_to_string(&path).unwrap();
    let mut leaves = Vec::new();
    if name.ends_with(".xml") {
        leaves = leaves_of_xml(&text);
    } else {
        leaves_of_json(&serde_json::from_str(&text).unwrap(), "", &mut leaves);
    }
    assert!(leaves.len() > 5, "{name} has no values");
    let lost = lost_values(app, &said, &leaves, elsewhere);
    assert!(lost.is_empty(), "{name}: {lost:#?}\n{:#?}", said.report.notes.keys());
    said
}

/// The check itself finds what is lost.
#[apply(api_test)]
fn what_is_lost_is_found(app: &TestApp) {
    let row = serde_json::json!([{"topic": "water", "name": "Brook", "startDate": "2027-05-03", "mood": "good"}]);
    let said = bring_bytes(app, "list.json", row.to_string().as_bytes(), |_| {});
    let mut leaves = Vec::new();
    leaves_of_json(&row, "", &mut leaves);
    assert!(lost_values(app, &said, &leaves, &[]).is_empty());
    leaves.push(Leaf { path: "/secret".into(), text: "nowhere".into(), is_flag: false });
    leaves.push(Leaf { path: "/flag".into(), text: "true".into(), is_flag: true });
    assert_eq!(lost_values(app, &said, &leaves, &[]), ["/secret: nowhere", "/flag: true"]);
}

#[apply(api_test)]
fn frab_in_xml(app: &TestApp) {
    all_of(
        app,
        "schedule.xml",
        |_| {},
        &[("conference/day_change", ""), ("event/duration", "10:45"), ("recording/optout", "\"do_not_record\":true")],
    );
}

/// pretalx: submissions with everything that can be expanded, and the lists of its API.
#[apply(api_test)]
fn pretalx(app: &TestApp) {
    all_of(
        app,
        "pretalx-submissions.json",
        |_| {},
        &[
            ("/results/state", ""),
            ("/results/duration", "10:45"),
            ("/do_not_record", "\"do_not_record\":true"),
            ("/slots/is_visible", ""),
        ],
    );
    all_of(app, "pretalx-slots.json", |_| {}, &[("/is_visible", "")]);
    all_of(app, "pretalx-speakers.json", |_| {}, &[]);
    all_of(
        app,
        "pretalx-widget.json",
        |_| {},
        &[
            ("/talks/state", ""),
            ("/talks/duration", "09:30"),
            ("/talks/track", "Law"),
            ("/talks/room", "Aula"),
            ("/do_not_record", "\"do_not_record\":false"),
        ],
    );
}

#[apply(api_test)]
fn sessionize(app: &TestApp) {
    let of_session = [("/isServiceSession", ""), ("/status", ""), ("/roomId", "")];
    let all = [
        // The entries of categories are the track, the format and the language; others are noted by their category.
        ("/sessions/categoryItems", "Law"),
        ("/categories/title", ""),
        ("/categories/items/name", "Long talk"),
    ];
    all_of(app, "sessionize-all.json", |_| {}, &[&of_session[..], &all].concat());
    all_of(app, "sessionize-sessions.json", |_| {}, &[&of_session[..], &[("/categories/name", "")]].concat());
}

#[apply(api_test)]
fn indico(app: &TestApp) {
    all_of(
        app,
        "indico.json",
        |_| {},
        &[
            // The event has its days; the contribution is at another zone's time.
            ("/results/startDate/time", ""),
            ("/results/endDate/time", ""),
            ("/contributions/startDate/time", "2027-05-03T10:00:00+02:00"),
            ("/contributions/endDate/time", "2027-05-03T10:30:00+02:00"),
            ("/contributions/startDate/tz", ""),
            ("/contributions/endDate/tz", ""),
            ("/roomFullname", ""),
            ("/speakers/person_id", "77731"),
        ],
    );
}

#[apply(api_test)]
fn the_events_calendar(app: &TestApp) {
    let said = all_of(
        app,
        "events-calendar.json",
        |_| {},
        &[
            ("/events/status", ""),
            ("/events/all_day", ""),
            ("/events/hide_from_listings", "\"status\":\"draft\""),
            ("/events/is_virtual", "\"attendance_mode\":\"mixed\""),
            ("/excerpt", "Short words"),
            // They say that the file is one page of several, which is noted.
            ("/next_rest_url", ""),
            ("/previous_rest_url", ""),
            ("/events/start_date", "2027-05-03T18:00:00"),
            ("/events/end_date", "2027-05-03T20:00:00"),
            ("/venue/country", "\"FR\""),
        ],
    );
    assert_eq!(said.report.count_notes("partial", ""), 1);
}

#[apply(api_test)]
fn lists_of_conferences(app: &TestApp) {
    all_of(
        app,
        "conferences.json",
        |_| {},
        &[
            ("/country", "\"BE\""),
            ("/online", "mixed"),
            ("/locales", "\"languages\":[\"en\",\"nl\"]"),
            ("/offersSignLanguageOrCC", "Sign language"),
        ],
    );
}

#[apply(api_test)]
fn schedule2(app: &TestApp) {
    all_of(
        app,
        "schedule2.json",
        |_| {},
        &[
            ("/events/duration", "10:45"),
            ("/events/room/guid", "Aula"),
            ("/events/room/slug", "Aula"),
            ("/events/track/slug", "Law"),
            // An instant: the day is the one in the zone of the event.
            ("/conference/start", "\"starts_at\":\"2027-05-01\""),
            ("/conference/end", "\"ends_at\":\"2027-05-02\""),
        ],
    );
}

#[apply(api_test)]
fn open_event(app: &TestApp) {
    let of_session = [("/state", ""), ("/privacy", "")];
    let in_document = [
        ("/type", ""),
        ("/links/self", ""),
        ("/relationships/microlocation/data/id", "Aula"),
        ("/relationships/track/data/id", "Law"),
        ("/relationships/session-type/data/id", "Long talk"),
        ("/relationships/speakers/data/id", "Ada Example"),
        ("/relationships/event/data/id", ""),
        ("/included/id", ""),
        ("/attributes/starts-at", "\"starts_at\":\"2027-05-01\""),
        ("/attributes/ends-at", "\"ends_at\":\"2027-05-02\""),
        ("/attributes/country", "\"BE\""),
        ("/is-mail-sent", ""),
    ];
    all_of(app, "open-event-api.json", |_| {}, &[&of_session[..], &in_document].concat());
    all_of(
        app,
        "open-event-export.json",
        |_| {},
        &[
            ("/state", ""),
            ("/start_time", "2027-05-01T10:00:00"),
            ("/end_time", "2027-05-01T10:45:00"),
            ("/session_type/id", "Long talk"),
            ("/track/id", "Law"),
            ("/microlocation/id", "Aula"),
        ],
    );
    assert_eq!(ImportFormat::detect(&fixture("complete/open-event-api.json")), Ok(ImportFormat::OpenEvent));
}

/// Every column of a list is mapped, or noted; a row that is left out is noted as a whole.
#[apply(api_test)]
fn lists_with_a_mapping(app: &TestApp) {
    let page = std::fs::read_to_string(crate::docs::root().join("docs/import.md")).unwrap();
    let mappings = page.split("```toml\n").skip(1).filter_map(|rest| rest.split_once("```"));
    let (mapping, _) = mappings.into_iter().find(|(mapping, _)| mapping.contains("{Event Name}")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mapping.toml");
    std::fs::write(&path, mapping).unwrap();
    let cells = [
        ("Event Name", "Brook evening"),
        ("Event Description", "Described words"),
        ("Event Excerpt", "Short words"),
        ("Event Start Date", "2027-05-03"),
        ("Event Start Time", "18:00:00"),
        ("Event End Date", "2027-05-03"),
        ("Event End Time", "20:00:00"),
        ("All Day Event", "FALSE"),
        ("Timezone", "Europe/Paris"),
        ("Event Venue Name", "Pump House"),
        ("Event Organizer Name(s) or ID(s)", "River Club"),
        ("Event Cost", "12 florins"),
        ("Event Currency Symbol", "fl"),
        ("Event Category", "Water"),
        ("Event Tags", "Evening"),
        ("Event Website", "https://river.example/brook"),
        ("Event Featured Image", "https://river.example/i.png"),
        ("Event Show Map", "TRUE"),
        ("Event Show Map Link", "TRUE"),
        ("Hide Event From Event Listings", "FALSE"),
        ("Sticky in Month View", "TRUE"),
        ("Feature Event", "TRUE"),
        ("Allow Comments", "TRUE"),
    ];
    let line = |texts: Vec<&str>| texts.join(",") + "\n";
    let text = line(cells.map(|(name, _)| name).to_vec()) + &line(cells.map(|(_, value)| value).to_vec());
    let mapping = Mapping::load(&path).unwrap();
    let said = bring_bytes(app, "events.csv", text.as_bytes(), |options| options.settings.mapping = Some(mapping));
    assert_eq!(
        (said.report.of(Outcome::Created, "event"), said.report.total(Outcome::Refused)),
        (1, 0),
        "{:?}",
        said.lines
    );
    let leaves: Vec<Leaf> = cells
        .iter()
        .map(|(name, value)| Leaf {
            path: (*name).to_owned(),
            text: (*value).to_owned(),
            is_flag: matches!(*value, "TRUE" | "FALSE"),
        })
        .collect();
    let lost = lost_values(app, &said, &leaves, &[("All Day Event", "")]);
    assert!(lost.is_empty(), "{lost:#?}\n{:#?}", said.report.notes.keys());
    let tags = said.report.count_notes("left_out", "column \"Event Show Map\"");
    assert_eq!(tags, 1, "{:?}", said.report.notes);
}
