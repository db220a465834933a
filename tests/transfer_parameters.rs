//! Calendars in which every parameter of every property stands: nothing is neither stored nor noted.

use plenary::transfer::Outcome;

use crate::support::app::TestApp;
use crate::support::calendars::{calendar, event, read};
use crate::support::import::{bring_text, export_text};

/// Parameters of RFC 5545, 6638, 7986, 8607 and 9073, with values that each property can have.
const PARAMETERS: [(&str, &str); 32] = [
    ("ALTREP", "\"https://alt.example/#\""),
    ("CN", "Name #"),
    ("CUTYPE", "INDIVIDUAL"),
    ("DELEGATED-FROM", "\"mailto:from#@x.example\""),
    ("DELEGATED-TO", "\"mailto:to#@x.example\""),
    ("DERIVED", "TRUE"),
    ("DIR", "\"ldap://x.example/#\""),
    ("DISPLAY", "BADGE"),
    ("EMAIL", "mail#@x.example"),
    ("FBTYPE", "BUSY"),
    ("FEATURE", "VIDEO"),
    ("FILENAME", "file-#.pdf"),
    ("FMTTYPE", "application/x-#"),
    ("LABEL", "Label #"),
    ("LANGUAGE", "fr"),
    ("LINKREL", "SOURCE"),
    ("MANAGED-ID", "managed-#"),
    ("MEMBER", "\"mailto:member#@x.example\""),
    ("ORDER", "#"),
    ("PARTSTAT", "ACCEPTED"),
    ("RELATED", "END"),
    ("RELTYPE", "SIBLING"),
    ("ROLE", "CHAIR"),
    ("RSVP", "TRUE"),
    ("SCHEDULE-AGENT", "SERVER"),
    ("SCHEDULE-STATUS", "1.#"),
    ("SCHEMA", "\"https://schema.example/#\""),
    ("SENT-BY", "\"mailto:by#@x.example\""),
    ("SIZE", "77#"),
    ("X-APPLE-RADIUS", "7#.5"),
    ("X-NUM-GUESTS", "3"),
    ("X-OWN", "own #"),
];
/// Properties of events that are read, with their values, and the parameters whose value decides how they are read or that an
/// event cannot have together with the others.
const PROPERTIES: [(&str, &str, &[&str]); 19] = [
    ("UID", "1@river.example", &[]),
    ("DTSTART", "20270304T090000Z", &[]),
    ("DTEND", "20270304T100000Z", &[]),
    ("SEQUENCE", "2", &[]),
    ("DTSTAMP", "20270101T000000Z", &[]),
    ("SUMMARY", "Evening", &["LANGUAGE"]),
    ("DESCRIPTION", "Words of the evening", &["LANGUAGE"]),
    ("LOCATION", "Quay 7", &["LANGUAGE"]),
    ("GEO", "51.05;3.72", &[]),
    ("X-APPLE-STRUCTURED-LOCATION", "geo:51.05,3.72", &[]),
    ("CONFERENCE", "https://meet.example/7", &[]),
    ("CATEGORIES", "Water", &["LANGUAGE"]),
    ("STATUS", "CONFIRMED", &[]),
    ("CLASS", "PUBLIC", &[]),
    ("CONTACT", "Jo Example", &[]),
    ("ATTENDEE", "mailto:ada@river.example", &["ROLE", "PARTSTAT", "CUTYPE", "EMAIL"]),
    ("URL", "https://river.example/e", &[]),
    ("ATTACH", "https://river.example/plan", &["FMTTYPE"]),
    ("IMAGE", "https://river.example/i.png", &[]),
];

#[apply(api_test)]
fn every_parameter_is_stored_or_noted(app: &TestApp) {
    let (mut lines, mut wanted) = (String::new(), Vec::new());
    for (at, (property, value, special)) in PROPERTIES.iter().enumerate() {
        lines.push_str(property);
        for (parameter, text) in PARAMETERS {
            let text = text.replace('#', &(300 + at).to_string());
            lines.push_str(&format!(";{parameter}={text}"));
            if !special.contains(&parameter) {
                wanted.push((format!("{property};{parameter}"), text.trim_matches('"').to_owned()));
            }
        }
        lines.push_str(&format!(":{value}\n"));
    }
    let said = bring_text(app, "all.ics", &calendar(&format!("BEGIN:VEVENT\n{lines}END:VEVENT\n")));
    assert_eq!(
        (said.report.of(Outcome::Created, "event"), said.report.total(Outcome::Refused)),
        (1, 0),
        "{:?}",
        said.lines
    );
    let stored = export_text(app);
    let is_noted = |subject: &str| said.report.notes.keys().any(|(_, known, _)| known == subject);
    // A value without a number is in many texts, so it must be noted, unless it is no value of its own.
    let lost = wanted.iter().filter(|(subject, text)| {
        let is_stored = text.bytes().any(|byte| byte.is_ascii_digit()) && stored.contains(text.as_str());
        !(is_noted(subject) || is_stored)
    });
    let lost: Vec<&String> = lost.map(|(subject, _)| subject).collect();
    assert!(lost.is_empty(), "{lost:#?}");
    for text in ["Name 315", "file-317.pdf", "application/x-317", "https://alt.example/314"] {
        assert!(stored.contains(text), "{text} is not stored: {stored}");
    }
    assert_eq!(said.report.count_notes("on_purpose", "ATTENDEE;SENT-BY"), 1, "{:?}", said.report.notes);
}

/// Properties of which an event has one, and of calendars and zones.
#[apply(api_test)]
fn what_stands_twice_is_noted(app: &TestApp) {
    let zone = "BEGIN:VTIMEZONE\nTZID:Own\nTZURL:https://zones.example/own\nBEGIN:STANDARD\nTZNAME:OWN\nDTSTART:19700101T000000\nTZOFFSETFROM:+0100\nTZOFFSETTO:+0100\nEND:STANDARD\nEND:VTIMEZONE\n";
    let lines = "DTSTART;TZID=Own:20270304T090000\nDTSTART:20280304T090000Z\nSTATUS:TENTATIVE\nSTATUS:CANCELLED\nCLASS:PUBLIC\nCLASS:PRIVATE\nGEO:1;2\nGEO:3;4\nLOCATION:Quay 7\nORGANIZER;CN=A:mailto:a@x.example\nORGANIZER;CN=B:mailto:b@x.example\nX-APPLE-STRUCTURED-LOCATION;X-TITLE=Elsewhere;X-ADDRESS=Main Street 1:geo:1,2";
    let head = "METHOD;X-OWN=1:PUBLISH\n";
    let said = bring_text(app, "twice.ics", &calendar(&format!("{head}{zone}{}", event("1", "Evening", lines))));
    for subject in [
        "DTSTART, a further one",
        "STATUS, a further one",
        "CLASS, a further one",
        "GEO, a further one",
        "ORGANIZER, a further one",
        "X-APPLE-STRUCTURED-LOCATION;X-TITLE",
        "METHOD;X-OWN",
    ] {
        assert_eq!(said.report.count_notes("left_out", subject), 1, "{subject}: {:?}", said.report.notes);
    }
    for subject in ["VTIMEZONE/TZURL", "VTIMEZONE/TZNAME"] {
        assert_eq!(said.report.count_notes("on_purpose", subject), 1, "{subject}: {:?}", said.report.notes);
    }
    assert_eq!(read(app, "evening")["event_status"], "tentative");
}

/// Thunderbird keeps a text with markup as the address of the other representation of a description.
#[apply(api_test)]
fn a_description_with_markup_beside_it(app: &TestApp) {
    let lines = "DESCRIPTION;ALTREP=\"data:text/html,%3Cbody%3E%3Cp%3EBring%20%3Cb%3Eboots%3C%2Fb%3E%2C%20please%3C%2Fp%3E%3C%2Fbody%3E\":Bring boots\\, please";
    let said = bring_text(app, "markup.ics", &calendar(&event("1", "Walk", lines)));
    let body = app.visitor().get("/api/v1/events/walk?detail=full").expect(200).json()["body"].clone();
    assert!(body.to_string().contains("<strong>boots</strong>") || body.to_string().contains("<b>boots</b>"), "{body}");
    assert_eq!(said.report.count_notes("left_out", "DESCRIPTION;ALTREP"), 0, "{:?}", said.report.notes);
    let other = bring_text(
        app,
        "address.ics",
        &calendar(&event("2", "Talk", "DESCRIPTION;ALTREP=\"https://x.example/long\":Short")),
    );
    assert_eq!(other.report.count_notes("left_out", "DESCRIPTION;ALTREP"), 1, "{:?}", other.report.notes);
}
