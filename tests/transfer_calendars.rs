//! Calendars of other programs: zones, texts, series, places, people, and what is left out of them.

use plenary::transfer::Outcome;
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::calendars::{calendar, event, read};
use crate::support::import::{bring_bytes, bring_text, strip_nulls};

#[apply(api_test)]
fn zones_have_many_names(app: &TestApp) {
    let names = [
        ("Hawaiian Standard Time", "2027-07-01T09:00:00-10:00"),
        ("Central America Standard Time", "2027-07-01T09:00:00-06:00"),
        ("\"(UTC+01:00) Brussels, Copenhagen, Madrid, Paris\"", "2027-07-01T09:00:00+02:00"),
        ("\"(GMT+01:00) Sarajevo, Skopje, Warsaw, Zagreb\"", "2027-07-01T09:00:00+02:00"),
        ("UTC+2", "2027-07-01T09:00:00+02:00"),
        ("GMT+0545", "2027-07-01T09:00:00+05:45"),
        ("europe/brussels", "2027-07-01T09:00:00+02:00"),
        ("/river.example/Europe/Kyiv", "2027-07-01T09:00:00+03:00"),
    ];
    let events: String = names
        .iter()
        .enumerate()
        .map(|(number, (name, _))| {
            event(&number.to_string(), &format!("Zone {number}"), &format!("DTSTART;TZID={name}:20270701T090000"))
        })
        .collect();
    let more = event("a", "Offset in the time", "DTSTART:20270701T090000-0500")
        + &event("b", "No seconds", "DTSTART:20270701T0900");
    let said = bring_text(app, "zones.ics", &calendar(&(events + &more)));
    assert_eq!(
        (said.report.of(Outcome::Created, "event"), said.report.total(Outcome::Refused)),
        (10, 0),
        "{:?}",
        said.lines
    );
    for (number, (name, wanted)) in names.iter().enumerate() {
        assert_eq!(read(app, &format!("zone-{number}"))["starts_at"], *wanted, "{name}");
    }
    assert_eq!(read(app, "offset-in-the-time")["starts_at"], "2027-07-01T16:00:00+02:00");
    assert_eq!(read(app, "no-seconds")["starts_at"], "2027-07-01T09:00:00+02:00");
}

/// The zone that the file defines decides, wherever the definition stands, and also against the name.
#[apply(api_test)]
fn the_calendars_own_zone_decides(app: &TestApp) {
    let zone = |name: &str, summer: &str| {
        format!(
            "BEGIN:VTIMEZONE\nTZID:{name}\nBEGIN:STANDARD\nDTSTART:16010101T030000\nTZOFFSETFROM:{summer}\nTZOFFSETTO:+0100\nRRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10\nEND:STANDARD\nBEGIN:DAYLIGHT\nDTSTART:16010101T020000\nTZOFFSETFROM:+0100\nTZOFFSETTO:{summer}\nRRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3\nEND:DAYLIGHT\nEND:VTIMEZONE\n"
        )
    };
    let at = |uid: &str, title: &str, zone: &str| event(uid, title, &format!("DTSTART;TZID={zone}:20270704T090000"));
    let text = at("1", "Summer forum", "My zone")
        + &at("2", "Half an hour", "Odd zone")
        + &at("3", "Another offset", "Europe/Paris")
        + &zone("My zone", "+0200")
        + &zone("Odd zone", "+0130")
        + "BEGIN:VTIMEZONE\nTZID:Europe/Paris\nBEGIN:STANDARD\nDTSTART:19700101T000000\nTZOFFSETFROM:+0100\nTZOFFSETTO:+0100\nEND:STANDARD\nEND:VTIMEZONE\n";
    let said = bring_text(app, "own.ics", &calendar(&text));
    assert_eq!(said.report.total(Outcome::Refused), 0, "{:?}", said.lines);
    let forum = read(app, "summer-forum");
    assert_eq!(
        (&forum["starts_at"], &forum["time_zone"]),
        (&json!("2027-07-04T09:00:00+02:00"), &json!("Europe/Brussels"))
    );
    // No zone of the world does this: the instant is kept, and told.
    assert_eq!(read(app, "half-an-hour")["starts_at"], "2027-07-04T09:30:00+02:00");
    assert_eq!(read(app, "another-offset")["starts_at"], "2027-07-04T10:00:00+02:00");
    assert_eq!(said.report.count_notes("zone", "/DTSTART"), 2, "{:?}", said.lines);
}

#[apply(api_test)]
fn plain_text_is_plain(app: &TestApp) {
    let text = event(
        "1",
        "Plain",
        "DESCRIPTION:09:00 Doors\\n09:30 Talk\\n\\n# 2 of 5 seats\\nWrite to Desk <desk@river.example> or my_long_name\\n* no list",
    ) + &event(
        "2",
        "Marked up",
        "DESCRIPTION:See <a href=\"https://river.example/\">this</a>.<br>And that.",
    ) + &event("3", "Both", "DESCRIPTION:Rich words\nX-ALT-DESC;FMTTYPE=text/html:<p>Rich <b>words</b></p>");
    bring_text(app, "text.ics", &calendar(&text));
    let body = |slug: &str| read(app, slug)["body"].as_str().unwrap().to_owned();
    assert_eq!(
        body("plain"),
        "<p>09:00 Doors<br>\n09:30 Talk</p>\n<p># 2 of 5 seats<br>\nWrite to Desk &lt;desk@river.example&gt; or my_long_name<br>\n* no list</p>"
    );
    assert!(
        body("marked-up").contains("<br>And that.") && body("marked-up").contains("<a href="),
        "{}",
        body("marked-up")
    );
    assert_eq!(body("both"), "<p>Rich <b>words</b></p>");
}

#[apply(api_test)]
fn titles_languages_and_topics(app: &TestApp) {
    let app = TestApp::start_with(app.backend, |c| c.site.locales = vec!["en".into(), "nl".into()]);
    let long = "word ".repeat(70);
    let text = event("1", "Comma", "CATEGORIES:Law\\, order and rivers,Water")
        + &event("2", &long, "")
        + &event("3", "Two\\nlines", "")
        + "BEGIN:VEVENT\nUID:4@river.example\nDTSTART:20270304T090000Z\nSUMMARY;LANGUAGE=nl:Waterdag\nDESCRIPTION:Over water\nEND:VEVENT\n"
        + "BEGIN:VEVENT\nUID:5@river.example\nDTSTART:20270304T090000Z\nSUMMARY;LANGUAGE=is:Vatn\nEND:VEVENT\n"
        + "BEGIN:VEVENT\nUID:6@river.example\nDTSTART:20270304T090000Z\nDESCRIPTION:no title at all\nEND:VEVENT\n";
    let said = bring_text(&app, "titles.ics", &calendar(&text));
    let topics = read(&app, "comma")["topics"].clone();
    assert_eq!(
        topics.as_array().unwrap().iter().map(|t| &t["name"]).collect::<Vec<_>>(),
        ["Law, order and rivers", "Water"]
    );
    let refused: Vec<_> = said.lines(Outcome::Refused).collect();
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert_eq!(
        refused[0].faults.iter().map(|f| (f.pointer.as_str(), f.code.as_str())).collect::<Vec<_>>(),
        [("/title", "required")]
    );
    assert_eq!(said.report.count_notes("too_long", "/title/en"), 1, "{:?}", said.report.notes);
    let shortened = said.lines(Outcome::Created).find(|line| line.what.starts_with("word")).unwrap();
    assert_eq!(shortened.kind, "event");
    assert_eq!(read(&app, "two-lines")["title"], "Two lines");
    let dutch = app.visitor().get("/api/v1/events/waterdag?locale=*").expect(200).json();
    assert_eq!((&dutch["title"], dutch["body"].get("en")), (&json!({"nl": "Waterdag"}), None));
    assert_eq!(read(&app, "vatn")["title"], "Vatn");
    assert_eq!(said.report.count_notes("unknown_locale", ""), 1, "{:?}", said.report.notes);
}

#[apply(api_test)]
fn states_are_those_of_the_calendar(app: &TestApp) {
    let text = event("1", "Perhaps", "STATUS:TENTATIVE")
        + &event("2", "Called off", "STATUS:CANCELLED")
        + &event("3", "Private matter", "CLASS:PRIVATE")
        + &event("4", "Public matter", "CLASS:PUBLIC");
    let said = bring_text(app, "states.ics", &calendar(&text));
    assert_eq!(read(app, "perhaps")["event_status"], "tentative");
    let feed = app.visitor().get("/api/v1/events.ics").expect(200);
    assert!(String::from_utf8_lossy(&feed.body).contains("STATUS:TENTATIVE"));
    assert_eq!(read(app, "called-off")["event_status"], "cancelled");
    assert_eq!(read(app, "public-matter")["event_status"], "scheduled");
    app.visitor().get("/api/v1/events/private-matter").expect(404);
    assert_eq!(app.editor().get("/api/v1/events/private-matter").expect(200).json()["status"], "draft");
    assert_eq!(said.report.count_notes("not_public", ""), 1);
    // What was public and becomes private is not public any more.
    let text = event("4", "Public matter", "CLASS:CONFIDENTIAL");
    bring_text(app, "states.ics", &calendar(&text));
    app.visitor().get("/api/v1/events/public-matter").expect(404);
    // An answer to an invitation is no publication; a cancellation is one.
    let reply = bring_text(app, "reply.ics", &calendar(&("METHOD:REPLY\n".to_owned() + &event("5", "Answer", ""))));
    assert_eq!(reply.report.count_notes("on_purpose", "METHOD:REPLY"), 1);
    bring_text(app, "cancel.ics", &calendar(&("METHOD:CANCEL\n".to_owned() + &event("1", "Perhaps", ""))));
    assert_eq!(read(app, "perhaps")["event_status"], "cancelled");
}

#[apply(api_test)]
fn the_newer_revision_counts(app: &TestApp) {
    let version = |sequence: u32, stamp: &str, title: &str| {
        format!(
            "BEGIN:VEVENT\nUID:1@river.example\nDTSTAMP:{stamp}\nSEQUENCE:{sequence}\nDTSTART:20270304T090000Z\nSUMMARY:{title}\nEND:VEVENT\n"
        )
    };
    let text = version(2, "20270102T000000Z", "New") + &version(1, "20270103T000000Z", "Old");
    let said = bring_text(app, "versions.ics", &calendar(&text));
    assert_eq!(
        (said.report.of(Outcome::Created, "event"), said.report.count_notes("older_revision", "")),
        (1, 1),
        "{:?}",
        said.lines
    );
    assert_eq!(read(app, "new")["title"], "New");
    // Across imports too.
    let said = bring_text(app, "versions.ics", &calendar(&version(1, "20270109T000000Z", "Old")));
    assert_eq!(
        (said.report.of(Outcome::Unchanged, "event"), said.report.count_notes("older_revision", "")),
        (1, 1),
        "{:?}",
        said.lines
    );
    let said = bring_text(app, "versions.ics", &calendar(&version(2, "20270109T000000Z", "Newest")));
    assert_eq!(said.report.of(Outcome::Updated, "event"), 1);
    assert_eq!(read(app, "new")["title"], "Newest");
    // The same under a newer revision, and then one between the two.
    let said = bring_text(app, "versions.ics", &calendar(&version(5, "20270110T000000Z", "Newest")));
    assert_eq!(said.report.of(Outcome::Unchanged, "event"), 1);
    let between = version(4, "20270111T000000Z", "Late");
    for text in [calendar(&between), calendar(&("METHOD:CANCEL\n".to_owned() + &between))] {
        let said = bring_text(app, "versions.ics", &text);
        assert_eq!(said.report.count_notes("older_revision", ""), 1, "{:?}", said.lines);
        assert_eq!(
            (&read(app, "new")["title"], &read(app, "new")["event_status"]),
            (&json!("Newest"), &json!("scheduled"))
        );
    }
}

#[apply(api_test)]
fn places_on_the_net_and_on_the_ground(app: &TestApp) {
    let text = event("1", "Online only", "LOCATION:https://meet.river.example/7")
        + &event(
            "2",
            "Video",
            "CONFERENCE;VALUE=URI;FEATURE=AUDIO:tel:+32-2-555-0100\nCONFERENCE;VALUE=URI;FEATURE=VIDEO:https://meet.river.example/8",
        )
        + &event("3", "Both ways", "LOCATION:Aula\nX-GOOGLE-CONFERENCE:https://meet.river.example/9")
        + &event("4", "Longitude first", "LOCATION:Pier\nGEO:-123.128566;49.286385")
        + &event("5", "Escaped", "LOCATION:Quay\nGEO:48.2\\;16.3")
        + &event(
            "6",
            "Lines",
            "LOCATION:Town Hall\\nMain Street 1\\n9000 Ghent\\nBelgium\nX-APPLE-STRUCTURED-LOCATION;VALUE=URI;X-TITLE=\"Town Hall\":geo:51.05,3.72",
        );
    let said = bring_text(app, "places.ics", &calendar(&text));
    assert_eq!(
        (said.report.of(Outcome::Created, "event"), said.report.total(Outcome::Refused)),
        (6, 0),
        "{:?}",
        said.lines
    );
    let online = read(app, "online-only");
    assert_eq!(
        (&online["online_url"], &online["attendance_mode"], &online["venue"]),
        (&json!("https://meet.river.example/7"), &json!("online"), &Value::Null)
    );
    assert_eq!(
        (&read(app, "video")["online_url"], &read(app, "video")["attendance_mode"]),
        (&json!("https://meet.river.example/8"), &json!("online"))
    );
    assert_eq!(
        (&read(app, "both-ways")["attendance_mode"], &read(app, "both-ways")["venue"]["name"]),
        (&json!("mixed"), &json!("Aula"))
    );
    assert_eq!(said.report.count_notes("out_of_range", "/geo"), 1);
    assert_eq!(said.report.count_notes("not_a_url", "/online_url"), 1);
    let venue = |slug: &str| app.visitor().get(&format!("/api/v1/venues/{slug}")).expect(200).json();
    assert_eq!(venue("pier")["geo"], Value::Null);
    assert_eq!(strip_nulls(&venue("quay")["geo"]), json!({"latitude": 48.2, "longitude": 16.3}));
    let hall = venue("town-hall");
    assert_eq!(
        strip_nulls(&hall["address"]),
        json!({"street": "Main Street 1", "postal_code": "9000", "city": "Ghent", "country": "BE"})
    );
    assert_eq!(hall["geo"]["latitude"], 51.05);
}

#[apply(api_test)]
fn people_are_kept_apart(app: &TestApp) {
    let text = event(
        "1",
        "Quoted",
        "ORGANIZER;CN=\"Club, of Boats; east\":mailto:desk@river.example\nCONTACT:Jo Example\\, +32 2 555 0100",
    ) + &event("2", "Organised", "ORGANIZER;CN=Club \\\"The Boat\\\":MAILTO:desk@river.example")
        + &event(
            "3",
            "Chaired",
            "ATTENDEE;ROLE=CHAIR;CN=Ada Example:mailto:ada@river.example\nATTENDEE;CN=Bo Sample:mailto:bo@river.example",
        );
    let said = bring_text(app, "people.ics", &calendar(&text));
    assert_eq!(
        strip_nulls(&read(app, "quoted")["contact"]),
        json!({"name": "Jo Example", "telephone": "+32 2 555 0100"})
    );
    assert_eq!(said.report.count_notes("left_out", "ORGANIZER beside CONTACT"), 1);
    assert_eq!(
        strip_nulls(&read(app, "organised")["contact"]),
        json!({"name": "Club \"The Boat\"", "email": "desk@river.example"})
    );
    let speakers = read(app, "chaired")["speakers"].clone();
    assert_eq!(
        (&speakers[0]["role"], &speakers[0]["speaker"]["name"], speakers.as_array().unwrap().len()),
        (&json!("moderator"), &json!("Ada Example"), 1)
    );
    assert_eq!(said.report.count_notes("on_purpose", "ATTENDEE"), 1);
}

#[apply(api_test)]
fn whole_days_in_every_way(app: &TestApp) {
    let text = event(
        "1",
        "Flagged",
        "DTSTART;TZID=Romance Standard Time:20270304T000000\nDTEND;TZID=Romance Standard Time:20270305T000000\nX-MICROSOFT-CDO-ALLDAYEVENT:TRUE",
    ) + &event("2", "Same day", "DTSTART;VALUE=DATE:20270304\nDTEND;VALUE=DATE:20270304")
        + &event("3", "Three days", "DTSTART;VALUE=DATE:20270304\nDURATION:P3D")
        + &event("4", "Mixed end", "DTSTART;VALUE=DATE:20270304\nDTEND;TZID=Europe/Brussels:20270306T170000")
        + &event("5", "Mixed start", "DTSTART;TZID=Europe/Brussels:20270304T000000\nDTEND;VALUE=DATE:20270306")
        + &event("6", "Odd end", "DTSTART;VALUE=DATE:20270304\nDTEND:soon");
    let said = bring_text(app, "days.ics", &calendar(&text));
    assert_eq!(said.report.total(Outcome::Refused), 0, "{:?}", said.lines);
    for (slug, last, all_day) in [
        ("flagged", "2027-03-04", true),
        ("same-day", "2027-03-04", true),
        ("three-days", "2027-03-06", true),
        ("mixed-end", "2027-03-06", true),
        ("mixed-start", "2027-03-05", false),
        ("odd-end", "2027-03-04", true),
    ] {
        let event = read(app, slug);
        assert_eq!(
            (&event["starts_on"], &event["ends_on"], &event["all_day"]),
            (&json!("2027-03-04"), &json!(last), &json!(all_day)),
            "{slug}"
        );
    }
    assert_eq!(
        (said.report.count_notes("mixed_end", "/DTEND"), said.report.count_notes("not_a_time", "/DTEND")),
        (2, 1)
    );
    // One note says how the end is read.
    assert_eq!(said.report.count_notes("not_a_time", "/ends_at"), 0, "{:?}", said.report.notes);
    assert_eq!(read(app, "mixed-start")["ends_at"], "2027-03-06T00:00:00+01:00");
}

#[apply(api_test)]
fn letters_are_never_lost(app: &TestApp) {
    let text = calendar(&event("1", "Straße", "LOCATION:Café"));
    let latin: Vec<u8> = text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    let said = bring_bytes(app, "latin.ics", &latin, |_| {});
    assert_eq!(
        (said.report.of(Outcome::Created, "event"), said.report.count_notes("encoding", "")),
        (1, 1),
        "{:?}",
        said.lines
    );
    assert_eq!(
        (&read(app, "strasse")["title"], &read(app, "strasse")["venue"]["name"]),
        (&json!("Straße"), &json!("Café"))
    );
    let old = "BEGIN:VCALENDAR\r\nVERSION:1.0\r\nBEGIN:VEVENT\r\nUID:2@river.example\r\nDTSTART:20270304T090000Z\r\nSUMMARY;ENCODING=QUOTED-PRINTABLE;CHARSET=UTF-8:Gr=C3=BC=\r\n=C3=9Fe\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
    bring_text(app, "old.ics", old);
    assert_eq!(read(app, "grusse")["title"], "Grüße");
}

/// Every property of RFC 5545, 7986 and 9073 is stored or noted.
#[apply(api_test)]
fn nothing_is_passed_over_in_silence(app: &TestApp) {
    let lines = "CREATED:20270101T000000Z\nLAST-MODIFIED:20270101T000000Z\nCLASS:PUBLIC\nCOMMENT:A comment\nDESCRIPTION:Words\nGEO:50.8;4.3\nLOCATION:Quay\nPRIORITY:5\nRESOURCES:Boat\nSTATUS:CONFIRMED\nSEQUENCE:3\nTRANSP:OPAQUE\nURL:https://river.example/1\nATTACH:https://river.example/a.pdf\nATTENDEE:mailto:a@river.example\nCATEGORIES:Water\nCONTACT:Desk\nRELATED-TO:other\nREQUEST-STATUS:2.0;Success\nCOLOR:red\nIMAGE;VALUE=URI:https://river.example/a.jpg\nCONFERENCE;VALUE=URI:https://meet.river.example/\nORGANIZER:mailto:b@river.example\nSTRUCTURED-DATA;VALUE=URI:https://river.example/data\nX-OWN-THING:1\nBEGIN:VALARM\nACTION:DISPLAY\nEND:VALARM\nBEGIN:VLOCATION\nUID:x\nEND:VLOCATION";
    let text = calendar(
        &("X-WR-CALNAME:Rivers\nREFRESH-INTERVAL;VALUE=DURATION:P1D\nCALSCALE:GREGORIAN\n".to_owned()
            + &event("1", "All of it", lines)
            + "BEGIN:VTODO\nUID:t\nSUMMARY:To do\nEND:VTODO\nBEGIN:VJOURNAL\nUID:j\nEND:VJOURNAL\n"),
    );
    let said = bring_text(app, "all.ics", &text);
    let noted: Vec<&str> = said.report.notes.keys().map(|(_, subject, _)| subject.as_str()).collect();
    let event =
        read(app, "all-of-it").to_string() + &app.visitor().get("/api/v1/venues/quay").expect(200).json().to_string();
    // What is stored, and by which text it is known there; and what only says which revision or which event it is.
    let stored = [
        ("DESCRIPTION", "Words"),
        ("GEO", "50.8"),
        ("LOCATION", "Quay"),
        ("STATUS", "scheduled"),
        ("URL", "https://river.example/1"),
        ("ATTACH", "a.pdf"),
        ("CATEGORIES", "Water"),
        ("CONTACT", "Desk"),
        ("IMAGE", "a.jpg"),
        ("CONFERENCE", "meet.river.example"),
        ("CLASS", "published"),
    ];
    let identity = ["UID", "DTSTAMP", "SEQUENCE", "DTSTART", "SUMMARY", "CALSCALE"];
    for line in text.lines().filter(|line| !line.starts_with("END")) {
        let name = line.split([';', ':']).next().unwrap();
        let name = if name == "BEGIN" { &line["BEGIN:".len()..] } else { name };
        if ["VCALENDAR", "VEVENT", "ACTION"].contains(&name) || identity.contains(&name) {
            continue;
        }
        let is_stored = stored.iter().any(|(known, text)| *known == name && event.contains(text));
        assert!(is_stored || noted.iter().any(|subject| subject.starts_with(name)), "{name} is lost: {noted:?}");
    }
    assert_eq!(said.report.count_notes("left_out", "VTODO"), 1);
}
