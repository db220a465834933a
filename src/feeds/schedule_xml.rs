//! The programme of an event in the format of frab's `schedule.xml`.

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesPI, BytesText, Event};
use serde_json::Value;

use super::identities::Identities;
use super::schedule::{ConferenceSchedule, Day};
use super::scheduled_talk::ScheduledTalk;
use super::{text, xml_text};
use crate::content::local_time::rfc3339;

type Out = Writer<Vec<u8>>;

/// Returns the programme as an XML document.
pub fn schedule_xml(schedule: &ConferenceSchedule<'_>) -> String {
    let mut out = Writer::new(Vec::new());
    // Writing to a `Vec` cannot fail.
    let _ = out.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)));
    let _ = write(&mut out, schedule);
    xml_text(String::from_utf8(out.into_inner()).unwrap_or_default())
}

fn write(out: &mut Out, schedule: &ConferenceSchedule<'_>) -> std::io::Result<()> {
    out.create_element("schedule").write_inner_content(|out| {
        let generator = [("name", "Plenary"), ("version", env!("CARGO_PKG_VERSION"))];
        out.create_element("generator").with_attributes(generator).write_empty()?;
        say(out, "version", Some(&schedule.version()))?;
        // Programs pass over processing instructions that they do not know; a schema allows no further element.
        let own_id = format!("plenary-id {}", text(schedule.event, "id").unwrap_or_default());
        out.write_event(Event::PI(BytesPI::new(own_id)))?;
        if let Some(status) = schedule.status() {
            out.write_event(Event::PI(BytesPI::new(format!("plenary-status {status}"))))?;
        }
        out.create_element("conference").write_inner_content(|out| conference(out, schedule))?;
        schedule.days.iter().enumerate().try_for_each(|(index, of)| day(out, index, of, schedule))
    })?;
    Ok(())
}

fn conference(out: &mut Out, schedule: &ConferenceSchedule<'_>) -> std::io::Result<()> {
    let (start, end) = schedule.span();
    let days = schedule.days.len().to_string();
    for (name, value) in [
        ("acronym", Some(schedule.acronym().as_str())),
        ("title", schedule.title().as_deref()),
        ("start", start.as_deref()),
        ("end", end.as_deref()),
        ("days", Some(days.as_str())),
        ("timeslot_duration", Some("00:05")),
        ("base_url", Some(schedule.url.as_str())),
        ("time_zone_name", Some(schedule.zone)),
        ("logo", schedule.logo()),
        ("url", Some(schedule.url.as_str())),
    ] {
        say(out, name, value)?;
    }
    for (name, color) in schedule.tracks() {
        let attributes = [("name", Some(name)), ("color", color)];
        let known = attributes.into_iter().filter_map(|(attribute, value)| Some((attribute, value?)));
        out.create_element("track").with_attributes(known).write_empty()?;
    }
    Ok(())
}

fn day(out: &mut Out, index: usize, day: &Day<'_>, schedule: &ConferenceSchedule<'_>) -> std::io::Result<()> {
    let (index, date) = ((index + 1).to_string(), day.date.to_string());
    let (start, end) = (rfc3339(&day.starts), rfc3339(&day.ends));
    let attributes =
        [("index", index.as_str()), ("date", date.as_str()), ("start", start.as_str()), ("end", end.as_str())];
    out.create_element("day").with_attributes(attributes).write_inner_content(|out| {
        for (name, talks) in &day.rooms {
            let room = schedule.room(name);
            let guid = text(&room, "guid").unwrap_or_default();
            out.create_element("room")
                .with_attributes([("name", *name), ("guid", guid)])
                .write_inner_content(|out| talks.iter().try_for_each(|of| talk(out, of, name, schedule)))?;
        }
        Ok(())
    })?;
    Ok(())
}

fn talk(out: &mut Out, talk: &ScheduledTalk<'_>, room: &str, schedule: &ConferenceSchedule<'_>) -> std::io::Result<()> {
    let session = talk.session;
    let identities = schedule.feed.identities;
    let (id, guid) = (identities.number(session).to_string(), identities.guid(session));
    let (date, clock, duration) = (rfc3339(&talk.starts), talk.clock(), talk.duration());
    let (url, slug) = (schedule.page_of(session), schedule.slug(session));
    let [short, long] = ["abstract", "description"].map(|field| schedule.html_of(session, field).unwrap_or_default());
    out.create_element("event").with_attributes([("id", id.as_str()), ("guid", guid)]).write_inner_content(|out| {
        for (name, value) in [
            ("date", Some(date.as_str())),
            ("start", Some(clock.as_str())),
            ("duration", Some(duration.as_str())),
            ("room", Some(room)),
            ("slug", Some(slug.as_str())),
            ("url", Some(url.as_str())),
            ("title", text(session, "title")),
            ("subtitle", text(session, "subtitle").or(Some(""))),
            ("track", text(session, "track").or(Some(""))),
            ("type", ConferenceSchedule::type_of(session).or(Some(""))),
            ("language", text(session, "language").or(Some(""))),
            ("abstract", Some(short.as_str())),
            ("description", Some(long.as_str())),
            ("feedback_url", text(session, "feedback_url")),
        ] {
            say(out, name, value)?;
        }
        recording(out, session)?;
        persons(out, talk, identities)?;
        write_links(out, ("links", "link"), talk.links())?;
        write_links(out, ("attachments", "attachment"), talk.attachments())
    })?;
    Ok(())
}

/// Writes whether and how the session may be recorded. The schema of the c3voc wants both in the element, so it is left
/// out where nobody said whether.
fn recording(out: &mut Out, session: &Value) -> std::io::Result<()> {
    let Some(optout) = session.get("do_not_record").and_then(Value::as_bool) else { return Ok(()) };
    out.create_element("recording").write_inner_content(|out| {
        say(out, "license", text(session, "recording_license").or(Some("")))?;
        say(out, "optout", Some(if optout { "true" } else { "false" }))
    })?;
    Ok(())
}

fn persons(out: &mut Out, talk: &ScheduledTalk<'_>, identities: &Identities) -> std::io::Result<()> {
    out.create_element("persons").write_inner_content(|out| {
        talk.people().try_for_each(|person| {
            let (id, guid) = (identities.number(person).to_string(), identities.guid(person));
            let element = out.create_element("person").with_attributes([("id", id.as_str()), ("guid", guid)]);
            element.write_text_content(BytesText::new(text(person, "name").unwrap_or_default())).map(drop)
        })
    })?;
    Ok(())
}

fn write_links<'a>(
    out: &mut Out,
    names: (&str, &str),
    mut links: impl Iterator<Item = (&'a str, &'a str)>,
) -> std::io::Result<()> {
    out.create_element(names.0).write_inner_content(|out| {
        links.try_for_each(|(url, title)| {
            let element = out.create_element(names.1).with_attribute(("href", url));
            element.write_text_content(BytesText::new(title)).map(drop)
        })
    })?;
    Ok(())
}

fn say(out: &mut Out, name: &str, value: Option<&str>) -> std::io::Result<()> {
    let Some(value) = value else { return Ok(()) };
    out.create_element(name).write_text_content(BytesText::new(value)).map(drop)
}
