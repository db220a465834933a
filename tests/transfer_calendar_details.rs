//! Details of calendars as programs write them: places on the net, whole days, zones, texts, names and encodings.

use plenary::transfer::Outcome;
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::calendars::{calendar, event, read};
use crate::support::import::{Said, bring_bytes, bring_text, strip_nulls};

/// Returns the texts of the notes of one code on one property, with their numbers.
fn texts<'a>(said: &'a Said, code: &str, subject: &str) -> Vec<(&'a str, u64)> {
    let groups = said.report.notes.values().filter(|group| group.code == code && group.subject == subject);
    groups.map(|group| (group.message.as_str(), group.count)).collect()
}

/// A service or a word for it is no place, and is told.
#[apply(api_test)]
fn what_is_on_the_net_is_no_venue(app: &TestApp) {
    let lines = [
        "LOCATION:Microsoft Teams Meeting\nX-MICROSOFT-SKYPETEAMSMEETINGURL:https://teams.microsoft.com/l/7",
        "LOCATION:Zoom",
        "LOCATION:Online (Eventbrite)",
        "LOCATION:Virtual Event",
        "LOCATION:webex",
        "LOCATION:meet.google.com/abc",
        "LOCATION:HTTPS://MEET.RIVER.EXAMPLE/A",
        "LOCATION:https://zoom.us/j/1 (passcode 123)",
    ];
    let events: String =
        lines.iter().enumerate().map(|(at, lines)| event(&at.to_string(), &format!("Net {at}"), lines)).collect();
    let more = event("a", "Both", "LOCATION:Aula\\, Main Street 1 (online via Zoom)")
        + &event("b", "Hybrid", "LOCATION:Hybrid");
    let said = bring_text(app, "net.ics", &calendar(&(events + &more)));
    assert_eq!((said.report.of(Outcome::Created, "event"), said.report.of(Outcome::Created, "venue")), (10, 1));
    for (at, lines) in lines.iter().enumerate() {
        let found = read(app, &format!("net-{at}"));
        assert_eq!((&found["attendance_mode"], &found["venue"]), (&json!("online"), &Value::Null), "{lines}");
    }
    assert_eq!(read(app, "net-5")["online_url"], "https://meet.google.com/abc");
    assert_eq!(read(app, "net-6")["online_url"], "https://meet.river.example/A");
    assert_eq!(read(app, "net-7")["online_url"], "https://zoom.us/j/1");
    let both = read(app, "both");
    assert_eq!((&both["attendance_mode"], &both["venue"]["name"]), (&json!("mixed"), &json!("Aula, Main Street 1")));
    let hybrid = read(app, "hybrid");
    assert_eq!((&hybrid["attendance_mode"], &hybrid["venue"]), (&json!("mixed"), &Value::Null));
    let told = texts(&said, "no_place", "/venue");
    assert!(told.contains(&("\"passcode 123\" names no place; the event is online", 1)), "{told:?}");
}

/// A flag for whole days counts for times from midnight to midnight in any zone; what is dropped of an end is told.
#[apply(api_test)]
fn whole_days_and_what_is_dropped_of_ends(app: &TestApp) {
    let flag = "X-MICROSOFT-CDO-ALLDAYEVENT:TRUE";
    let text = event("1", "Flagged in UTC", &format!("DTSTART:20270304T000000Z\nDTEND:20270305T000000Z\n{flag}"))
        + &event("2", "Flagged to the last minute", &format!("DTSTART:20270304T000000\nDTEND:20270304T235900\n{flag}"))
        + &event("3", "Flagged in vain", &format!("DTSTART:20270304T090000\nDTEND:20270304T100000\n{flag}"))
        + &event("4", "A day and a half", "DTSTART;VALUE=DATE:20270304\nDURATION:PT36H")
        + &event("5", "Backwards", "DTSTART;VALUE=DATE:20270304\nDTEND;VALUE=DATE:20270301")
        + &event("6", "Two ends", "DTSTART:20270304T090000\nDTEND:20270304T100000\nDURATION:PT2H")
        + &event("7", "One end of two", "DTSTART:20270304T090000\nDTEND:soon\nDURATION:PT2H");
    let said = bring_text(app, "days.ics", &calendar(&text));
    for (slug, all_day, starts, ends) in [
        ("flagged-in-utc", true, "2027-03-04", "2027-03-04"),
        ("flagged-to-the-last-minute", true, "2027-03-04", "2027-03-04"),
        ("flagged-in-vain", false, "2027-03-04T09:00:00+01:00", "2027-03-04T10:00:00+01:00"),
        ("a-day-and-a-half", true, "2027-03-04", "2027-03-05"),
        ("two-ends", false, "2027-03-04T09:00:00+01:00", "2027-03-04T10:00:00+01:00"),
        ("one-end-of-two", false, "2027-03-04T09:00:00+01:00", "2027-03-04T11:00:00+01:00"),
    ] {
        let event = read(app, slug);
        let (from, to) = if all_day { ("starts_on", "ends_on") } else { ("starts_at", "ends_at") };
        assert_eq!(
            (&event["all_day"], &event[from], &event[to]),
            (&json!(all_day), &json!(starts), &json!(ends)),
            "{slug}"
        );
    }
    assert_eq!(read(app, "backwards")["ends_on"], "2027-03-04");
    for (code, subject) in
        [("mixed_end", "/X-MICROSOFT-CDO-ALLDAYEVENT"), ("before_start", "/DTEND"), ("not_a_time", "/DTEND")]
    {
        assert_eq!(said.report.count_notes(code, subject), 1, "{code} {subject}: {:?}", said.report.notes.keys());
    }
    assert_eq!(texts(&said, "mixed_end", "/DURATION").len(), 2);
}

/// A name that has a zone, a city or an offset within it is not read as another zone.
#[apply(api_test)]
fn zones_within_names(app: &TestApp) {
    let names = [
        ("tzone://Microsoft/Utc", "2027-07-01T09:00:00+00:00"),
        ("Eastern Standard Time 1", "2027-07-01T09:00:00-04:00"),
        ("Romance Daylight Time", "2027-07-01T09:00:00+02:00"),
        ("Eastern Daylight Time", "2027-07-01T09:00:00-04:00"),
        ("\"(UTC-05:00) Eastern Time (US &amp; Canada)\"", "2027-07-01T09:00:00-04:00"),
        ("(UTC-05:00) Eastern Time (US &amp; Canada)", "2027-07-01T09:00:00-04:00"),
        ("GMT -0500 (Standard) / GMT -0400 (Daylight)", "2027-07-01T09:00:00-04:00"),
        ("America-New_York", "2027-07-01T09:00:00-04:00"),
        ("GMT+01:00", "2027-07-01T09:00:00+01:00"),
        ("(UTC+01:00) Brussels, Copenhagen, Madrid, Paris", "2027-07-01T09:00:00+02:00"),
        ("(GMT-07:00) Somewhere", "2027-07-01T09:00:00-07:00"),
        ("GMT+09:00 Tokyo", "2027-07-01T09:00:00+09:00"),
    ];
    let one = |(number, (name, _)): (usize, &(&str, &str))| {
        event(&number.to_string(), &format!("Zone {number}"), &format!("DTSTART;TZID={name}:20270701T090000"))
    };
    let events: String = names.iter().enumerate().map(one).collect();
    let said = bring_text(app, "zones.ics", &calendar(&events));
    assert_eq!(said.report.total(Outcome::Refused), 0, "{:?}", said.lines);
    for (number, (name, wanted)) in names.iter().enumerate() {
        let at = |text: &str| chrono::DateTime::parse_from_rfc3339(text).unwrap();
        let found = read(app, &format!("zone-{number}"));
        assert_eq!(at(found["starts_at"].as_str().unwrap()), at(wanted), "{name}: {found}");
    }
    // Each of the names that nobody defines is told.
    let told = texts(&said, "zone", "/DTSTART");
    assert_eq!(told.len(), 3, "{told:?}");
    for name in ["Somewhere", "(Standard)", "Tokyo"] {
        assert!(told.iter().any(|(text, count)| text.contains(name) && *count == 1), "{name}: {told:?}");
    }
}

/// Each meaning has its own line in the report.
#[apply(api_test)]
fn notes_of_other_meanings_stand_apart(app: &TestApp) {
    let text = event("1", "No coordinates", "LOCATION:Pier\nGEO:abc")
        + &event("2", "Longitude first", "LOCATION:Quay\nGEO:-123.1;49.2")
        + &event("3", "Longitude first again", "LOCATION:Lock\nGEO:-123.1;49.2");
    let said = bring_text(app, "geo.ics", &calendar(&text));
    let told = texts(&said, "out_of_range", "/geo");
    assert_eq!(told.iter().map(|(_, count)| *count).collect::<Vec<_>>(), [2, 1], "{told:?}");
    assert!(told[0].0.contains("longitude") && told[1].0.contains("abc"), "{told:?}");
    assert_eq!(said.report.count_notes("out_of_range", "/geo"), 3);
}

#[apply(api_test)]
fn texts_of_events_are_kept(app: &TestApp) {
    let app = TestApp::start_with(app.backend, |c| c.site.locales = vec!["en".into(), "nl".into()]);
    let text =
        event(
            "1",
            "Address",
            "DESCRIPTION:Important words\nSTYLED-DESCRIPTION;VALUE=URI:https://river.example/text.html",
        ) + &event("2", "Other words", "DESCRIPTION:Bring a boat\nX-ALT-DESC;FMTTYPE=text/html:<p>Rich words</p>")
            + &event(
                "3",
                "Same words",
                "DESCRIPTION:Rich words\nX-ALT-DESC;FMTTYPE=text/html:<p>Rich <b>words</b></p>",
            )
            + &event("4", "Place", "LOCATION;LANGUAGE=nl:Stadhuis\nCATEGORIES;LANGUAGE=nl:Waterbeheer")
            + &event("5", "One L", "STATUS:CANCELED")
            + &event("6", "Encoded", "ORGANIZER;CN=\"The%20Org\":mailto:desk@river.example");
    let said = bring_text(&app, "texts.ics", &calendar(&text));
    let address = read(&app, "address");
    assert!(address["body"].as_str().unwrap().contains("Important words"), "{address}");
    assert_eq!(
        strip_nulls(&address["links"]),
        json!([{"title": "Description", "url": "https://river.example/text.html"}])
    );
    assert_eq!(read(&app, "other-words")["body"], "<p>Rich words</p>");
    assert_eq!(said.report.count_notes("left_out", "DESCRIPTION beside another text with markup"), 1);
    assert_eq!(said.report.count_notes("on_purpose", "DESCRIPTION"), 1);
    for list in ["venues/stadhuis", "topics/waterbeheer"] {
        let item = app.visitor().get(&format!("/api/v1/{list}?locale=*")).expect(200).json();
        assert!(item["name"].get("nl").is_some() && item["name"].get("en").is_none(), "{item}");
    }
    assert_eq!(read(&app, "one-l")["event_status"], "cancelled");
    assert_eq!(read(&app, "encoded")["contact"]["name"], "The Org");
}

#[apply(api_test)]
fn old_calendars_and_other_encodings(app: &TestApp) {
    let old = "BEGIN:VCALENDAR\nVERSION:1.0\nBEGIN:VEVENT\nUID:1@river.example\nSUMMARY:Old\nDTSTART:20270301T090000\nCATEGORIES:MEETING;WATER\nRRULE:W1 MO #3\nEND:VEVENT\nEND:VCALENDAR\n";
    let said = bring_text(app, "old.ics", old);
    assert_eq!(said.report.of(Outcome::Created, "event"), 3, "{:?}", said.lines);
    let topics = read(app, "old-2027-03-15")["topics"].clone();
    assert_eq!(topics.as_array().unwrap().iter().map(|t| &t["name"]).collect::<Vec<_>>(), ["MEETING", "WATER"]);
    let text = calendar(&event("2", "Łódź", ""));
    let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let said = bring_bytes(app, "utf16.ics", &bytes, |_| {});
    assert_eq!((said.report.of(Outcome::Created, "event"), said.report.count_notes("encoding", "")), (1, 0));
    assert_eq!(read(app, "lodz")["title"], "Łódź");
}

/// A calendar of vCalendar 1.0 says its zone by `TZ` and `DAYLIGHT`.
#[apply(api_test)]
fn times_of_old_calendars_have_their_offset(app: &TestApp) {
    let old = |name: &str, head: &str, events: &str| {
        let text = format!("BEGIN:VCALENDAR\nVERSION:1.0\n{head}\n{events}END:VCALENDAR\n").replace('\n', "\r\n");
        bring_text(app, name, &text)
    };
    let at = |uid: &str, title: &str, start: &str| event(uid, title, &format!("DTSTART:{start}"));
    let said = old(
        "west.vcs",
        "TZ:-05",
        &(at("1", "West in winter", "20270304T180000")
            + &at("2", "West in summer", "20270704T180000")
            + &at("3", "West in UTC", "20270704T180000Z")),
    );
    let starts = |slug: &str| read(app, slug)["starts_at"].clone();
    assert_eq!(starts("west-in-winter"), "2027-03-04T18:00:00-05:00");
    assert_eq!(starts("west-in-summer"), "2027-07-04T18:00:00-05:00");
    assert_eq!(starts("west-in-utc"), "2027-07-04T20:00:00+02:00");
    // Whether the clocks change is not said, which matters in summer only.
    assert_eq!((said.report.count_notes("zone", "/DTSTART"), said.report.count_notes("left_out", "TZ")), (1, 0));
    let said = old(
        "east.ics",
        "TZ:-0500\nDAYLIGHT:TRUE;-04;20270314T015959;20271107T015959;EST;EDT",
        &(at("4", "East in winter", "20270304T180000") + &at("5", "East in summer", "20270704T180000")),
    );
    assert_eq!(starts("east-in-winter"), "2027-03-04T18:00:00-05:00");
    assert_eq!(starts("east-in-summer"), "2027-07-04T18:00:00-04:00");
    assert_eq!((said.report.count_notes("zone", "/DTSTART"), said.report.count_notes("left_out", "DAYLIGHT")), (0, 0));
    let said = old("odd.ics", "TZ:local", &at("6", "Odd", "20270304T180000"));
    assert_eq!((starts("odd"), said.report.count_notes("zone", "/TZ")), (json!("2027-03-04T18:00:00+01:00"), 1));
    // Since iCalendar 2.0 there is no such property.
    let said = bring_text(app, "new.ics", &calendar(&format!("TZ:-05\n{}", at("7", "New", "20270304T180000"))));
    assert_eq!((starts("new"), said.report.count_notes("left_out", "TZ")), (json!("2027-03-04T18:00:00+01:00"), 1));
}

/// Thunderbird writes the text with markup beside the plain one, as a `data:` URL.
#[apply(api_test)]
fn texts_with_markup_beside_the_plain_one(app: &TestApp) {
    let text = event(
        "1",
        "Beside",
        "DESCRIPTION;ALTREP=\"data:text/html,%3Cbody%3EHello%20%3Cb%3Ebold%3C%2Fb%3E%3C%2Fbody%3E\":Hello bold",
    ) + &event("2", "Encoded", "DESCRIPTION;ALTREP=\"data:text/html;charset=utf-8;base64,PGI+w6k8L2I+\":é")
        + &event("3", "Elsewhere", "DESCRIPTION;ALTREP=\"https://river.example/a.html\":Plain")
        + &event(
            "4",
            "Both",
            "DESCRIPTION;ALTREP=\"data:text/html,%3Cp%3EOne%3C%2Fp%3E\":One\nX-ALT-DESC;FMTTYPE=text/html:<p>One</p>",
        );
    let said = bring_text(app, "beside.ics", &calendar(&text));
    let body = |slug: &str| read(app, slug)["body"].as_str().unwrap().trim().to_owned();
    assert_eq!(body("beside"), "Hello <b>bold</b>");
    assert_eq!(body("encoded"), "<b>é</b>");
    assert_eq!(body("elsewhere"), "<p>Plain</p>");
    assert_eq!(body("both"), "<p>One</p>");
    assert_eq!(said.report.count_notes("left_out", "X-ALT-DESC, a further one"), 0, "{:?}", said.report.notes);
}

/// An address of mail is no name, and what stands for nobody is no contact.
#[apply(api_test)]
fn people_without_a_name(app: &TestApp) {
    let chairs = "ATTENDEE;ROLE=CHAIR;CN=jane@river.example:mailto:jane@river.example\nATTENDEE;ROLE=CHAIR;CN=\"Bob Example (bob@river.example)\":mailto:bob@river.example";
    let text = event("1", "Chairs", chairs)
        + &event("2", "Unknown", "ORGANIZER;CN=Unknown Organizer:mailto:unknownorganizer@calendar.google.com")
        + &event("3", "Nobody", "ORGANIZER:invalid:nomail")
        + &event("4", "Address", "ORGANIZER;CN=desk@river.example:mailto:desk@river.example")
        + &event("5", "Calendar", "ORGANIZER;CN=River club:mailto:abc123@group.calendar.google.com");
    let said = bring_text(app, "people.ics", &calendar(&text));
    let speakers = app.visitor().get("/api/v1/speakers").expect(200).json();
    let names: Vec<&str> =
        speakers["data"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["Bob Example"]);
    for slug in ["unknown", "nobody"] {
        assert!(read(app, slug)["contact"].is_null(), "{slug}");
    }
    assert_eq!(strip_nulls(&read(app, "address")["contact"]), json!({"email": "desk@river.example"}));
    assert_eq!(strip_nulls(&read(app, "calendar")["contact"]), json!({"name": "River club"}));
    assert_eq!(said.report.count_notes("on_purpose", "ORGANIZER"), 2);
}

/// What says that a place is not known makes none, and a map leads to no meeting.
#[apply(api_test)]
fn places_that_are_not_known_and_maps(app: &TestApp) {
    let map = "https://maps.app.goo.gl/Ab1";
    let text = event("1", "Open", "LOCATION:TBD")
        + &event("2", "Announced", "LOCATION:To be announced")
        + &event("3", "Half", "LOCATION:Ghent (venue TBA)")
        + &event("4", "Map", &format!("LOCATION:{map}\nURL:https://river.example/4"))
        + &event("5", "Hall", "LOCATION:Town Hall\\, Main Street 1\\, https://www.google.com/maps/place/x")
        + &event(
            "6",
            "Meeting",
            "LOCATION:https://meet.google.com/abc\nCONFERENCE;VALUE=URI:https://www.openstreetmap.org/node/1",
        )
        + &event(
            "7",
            "Titled",
            &format!("LOCATION:{map}\nX-APPLE-STRUCTURED-LOCATION;VALUE=URI;X-TITLE=\"Old Mill\":geo:51.05,3.72"),
        );
    let said = bring_text(app, "places.ics", &calendar(&text));
    for slug in ["open", "announced", "map"] {
        let found = read(app, slug);
        assert_eq!((&found["venue"], &found["online_url"]), (&Value::Null, &Value::Null), "{slug}");
        assert_ne!(found["attendance_mode"], "online", "{slug}");
    }
    assert_eq!(said.report.count_notes("no_place", "/venue"), 3, "{:?}", said.report.notes);
    assert_eq!(read(app, "half")["venue"]["name"], "Ghent");
    let links = strip_nulls(&read(app, "map")["links"]);
    assert_eq!(links, json!([{"title": "Map", "url": map}, {"title": "Website", "url": "https://river.example/4"}]));
    let hall = read(app, "hall");
    assert_eq!((&hall["venue"]["name"], &hall["online_url"]), (&json!("Town Hall, Main Street 1"), &Value::Null));
    let slug = hall["venue"]["slug"].as_str().unwrap();
    let venue = app.visitor().get(&format!("/api/v1/venues/{slug}")).expect(200).json();
    assert_eq!(venue["map_url"], "https://www.google.com/maps/place/x");
    let meeting = read(app, "meeting");
    assert_eq!(meeting["online_url"], "https://meet.google.com/abc");
    assert_eq!(
        strip_nulls(&meeting["links"]),
        json!([{"title": "Map", "url": "https://www.openstreetmap.org/node/1"}])
    );
    assert_eq!(read(app, "titled")["venue"]["name"], "Old Mill");
}
