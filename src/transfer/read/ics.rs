//! iCalendar files (RFC 5545, RFC 7986). Every `VEVENT` becomes an event.

use std::io::BufRead;

use icalendar::parser::Property;
use serde_json::json;

use super::ics_lines::Lines;
use super::ics_times::CalendarZones;
use super::{Closed, Settings, Sink, web_address};
use crate::content::values;
use crate::transfer::record::Record;

/// Greatest number of lines of an event; further lines are dropped. It bounds the memory for a hostile file.
const MOST_LINES: usize = 10_000;

/// Properties that are ignored without a note: they are read elsewhere, Plenary maintains the value itself,
/// or an event has no field for them.
const SILENT: [&str; 16] = [
    "UID",
    "DTSTAMP",
    "CREATED",
    "LAST-MODIFIED",
    "SEQUENCE",
    "TRANSP",
    "CLASS",
    "PRIORITY",
    "DTSTART",
    "DTEND",
    "DURATION",
    "RECURRENCE-ID",
    "SUMMARY",
    "ATTENDEE",
    "REQUEST-STATUS",
    "COLOR",
];

/// Reads all events of all calendars in a file.
///
/// # Errors
/// Returns [`Closed`] if the import has ended.
pub fn read(input: Box<dyn BufRead>, settings: &Settings, sink: &Sink) -> Result<(), Closed> {
    let mut lines = Lines::new(input);
    let mut walk = Walk {
        sink,
        zones: CalendarZones::new(&settings.time_zone),
        open: Vec::new(),
        event: None,
        tzid: None,
        calendars: 0,
    };
    while let Some((number, line)) = lines.next() {
        match line {
            Ok(line) => walk.line(number, &line)?,
            Err(error) => {
                sink.broken(format!("line {number}"), "unreadable", error)?;
                break;
            }
        }
    }
    if let Some(event) = walk.event.take() {
        sink.broken(format!("line {}", event.line), "malformed_calendar", "the file ends within this event")?;
    }
    if walk.calendars == 0 {
        sink.broken("line 1", "malformed_calendar", "there is no VCALENDAR in this file")?;
    }
    Ok(())
}

/// The `VEVENT` that is being read.
struct Open {
    line: usize,
    lines: Vec<(usize, String)>,
}

struct Walk<'a> {
    sink: &'a Sink,
    zones: CalendarZones,
    /// Names of the components around the current line.
    open: Vec<String>,
    event: Option<Open>,
    tzid: Option<String>,
    calendars: usize,
}

impl Walk<'_> {
    fn line(&mut self, number: usize, line: &str) -> Result<(), Closed> {
        let upper = line.get(..6).map(str::to_ascii_uppercase).unwrap_or_default();
        if upper == "BEGIN:" {
            return self.begin(number, line[6..].trim().to_ascii_uppercase());
        }
        if line.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("END:")) {
            return self.end(number, &line[4..].trim().to_ascii_uppercase());
        }
        match self.open.last().map(String::as_str) {
            Some("VEVENT") => match &mut self.event {
                Some(event) if event.lines.len() < MOST_LINES => event.lines.push((number, line.to_owned())),
                _ => {}
            },
            Some("VCALENDAR") => {
                if let Some(zone) = value_of(line, "X-WR-TIMEZONE") {
                    self.zones.set_calendar_zone(&zone);
                }
            }
            Some("VTIMEZONE") => {
                if let Some(tzid) = value_of(line, "TZID") {
                    self.tzid = Some(tzid);
                } else if let (Some(tzid), Some(place)) = (&self.tzid, value_of(line, "X-LIC-LOCATION")) {
                    self.zones.name(tzid, &place);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn begin(&mut self, number: usize, name: String) -> Result<(), Closed> {
        if name == "VCALENDAR" {
            self.calendars += 1;
            self.zones.forget_calendar();
        }
        if name == "VEVENT"
            && let Some(open) = self.event.replace(Open { line: number, lines: Vec::new() })
        {
            self.sink.broken(format!("line {}", open.line), "malformed_calendar", "this event has no END:VEVENT")?;
            self.open.retain(|name| name == "VCALENDAR");
        }
        if self.open.len() < 16 {
            self.open.push(name);
        }
        Ok(())
    }

    fn end(&mut self, number: usize, name: &str) -> Result<(), Closed> {
        match self.open.iter().rposition(|open| open == name) {
            Some(place) => self.open.truncate(place),
            None => self.sink.note(
                &format!("line {number}"),
                "",
                "malformed_calendar",
                format!("END:{name} has no BEGIN:{name}"),
            )?,
        }
        match self.event.take_if(|_| name == "VEVENT") {
            Some(event) => self.event(event),
            None => Ok(()),
        }
    }

    fn event(&mut self, open: Open) -> Result<(), Closed> {
        let place = format!("line {}", open.line);
        let mut properties = Vec::with_capacity(open.lines.len());
        for (number, line) in &open.lines {
            match Property::try_from(line.as_str()) {
                Ok(property) => properties.push(property),
                Err(_) => self.sink.note(
                    &format!("line {number}"),
                    "",
                    "malformed_property",
                    "left out; this is not an iCalendar property",
                )?,
            }
        }
        let event = Event { properties: &properties };
        // A UID is required (RFC 5545, section 3.8.4.7). If it is missing, start and title identify the
        // event.
        let made = || Some(format!("{}/{}", event.find("DTSTART")?.val.as_str(), event.text("SUMMARY")?));
        let Some(uid) = event.text("UID").or_else(made) else {
            return self.sink.broken(place, "required", "an event requires a UID, or a start and a summary");
        };
        let instance = event.find("RECURRENCE-ID").map_or(String::new(), |p| format!("/{}", p.val.as_str()));
        let mut record = Record::new(place.clone(), "event", format!("ics:{uid}{instance}"));
        record.set("title", event.text("SUMMARY"));
        match self.zones.span(&event) {
            Ok(span) => {
                record.set("starts_at", span.starts);
                record.set("ends_at", span.ends);
                record.set("time_zone", span.zone);
                record.set("all_day", span.days);
            }
            Err((property, message)) => return self.sink.broken(place, "not_a_time", format!("{property}: {message}")),
        }
        self.rest(&place, &event, &mut record)?;
        self.sink.record(record)
    }

    /// Reads all properties except title and times.
    fn rest(&self, place: &str, event: &Event<'_>, record: &mut Record) -> Result<(), Closed> {
        let (mut topics, mut links, mut documents, mut contact) = (Vec::new(), Vec::new(), Vec::new(), json!({}));
        for property in event.properties {
            let value = property.val.clone().unescape_text().as_str().trim().to_owned();
            if value.is_empty() {
                continue;
            }
            match property.name.as_str().to_ascii_uppercase().as_str() {
                "DESCRIPTION" => record.set("body", value),
                "LOCATION" => record.set("venue", self.venue(place, event, &value)?),
                "GEO" | "SUMMARY" => {}
                "CATEGORIES" => {
                    for name in property.val.as_str().split(',').map(str::trim).filter(|n| !n.is_empty()) {
                        topics.push(self.topic(place, name)?);
                    }
                }
                "STATUS" if value.eq_ignore_ascii_case("CANCELLED") => record.set("event_status", "cancelled"),
                "STATUS" => {}
                "URL" => {
                    links.extend(self.url(place, "/links", &value)?.map(|url| json!({"title": "Website", "url": url})));
                }
                "CONFERENCE" => {
                    if let Some(url) = self.url(place, "/online_url", &value)? {
                        record.set("online_url", url);
                    }
                }
                "IMAGE" => {
                    if let Some(url) = self.url(place, "/image", &value)? {
                        record.set("image", json!({ "url": url }));
                    }
                }
                "ATTACH" if parameter(property, "VALUE").is_none_or(|v| !v.eq_ignore_ascii_case("BINARY")) => {
                    documents.extend(self.url(place, "/documents", &value)?.map(|url| json!({ "url": url })));
                }
                "CONTACT" => contact["name"] = value.chars().take(200).collect::<String>().into(),
                "ORGANIZER" => {
                    if let Some(name) = parameter(property, "CN") {
                        contact["name"] = name.trim_matches('"').into();
                    }
                    let address =
                        value.get(..7).filter(|s| s.eq_ignore_ascii_case("mailto:")).map(|_| value[7..].to_owned());
                    if let Some(Ok(email)) = address.map(values::email) {
                        contact["email"] = email.into();
                    }
                }
                "RRULE" | "RDATE" | "EXDATE" | "EXRULE" => {
                    let message = "left out: the event is imported once, at its first date";
                    self.sink.note(place, &format!("/{}", property.name.as_str()), "recurrence", message)?;
                }
                known if SILENT.contains(&known) || known.starts_with("X-") => {}
                other => {
                    self.sink.note(place, &format!("/{other}"), "left_out", "there is no field for this property")?;
                }
            }
        }
        topics.dedup();
        record.set("topics", topics);
        record.set("links", unique(links));
        record.set("documents", unique(documents));
        record.set("contact", contact);
        Ok(())
    }

    fn topic(&self, place: &str, name: &str) -> Result<String, Closed> {
        let source = format!("ics:topic/{name}");
        let mut record = Record::new(place, "topic", source.clone()).supporting();
        record.set("name", name);
        self.sink.record(record).map(|()| source)
    }

    fn venue(&self, place: &str, event: &Event<'_>, name: &str) -> Result<String, Closed> {
        let source = format!("ics:venue/{name}");
        let mut record = Record::new(place, "venue", source.clone()).supporting();
        let short: String = name.chars().take(200).collect();
        if short != name {
            record.set("description", name);
        }
        record.set("name", short);
        let geo = event.find("GEO").and_then(|p| {
            let (latitude, longitude) = p.val.as_str().split_once(';')?;
            Some(json!({"latitude": latitude.trim().parse::<f64>().ok()?, "longitude": longitude.trim().parse::<f64>().ok()?}))
        });
        if let Some(geo) = geo {
            record.set("geo", geo);
        }
        self.sink.record(record).map(|()| source)
    }

    fn url(&self, place: &str, field: &str, given: &str) -> Result<Option<String>, Closed> {
        match web_address(given) {
            Ok(url) => Ok(Some(url)),
            Err((code, message)) => self.sink.note(place, field, code, message).map(|()| None),
        }
    }
}

/// A `VEVENT` with its properties.
pub struct Event<'a> {
    properties: &'a [Property<'a>],
}

impl Event<'_> {
    /// Returns the first property with this name.
    pub fn find(&self, name: &str) -> Option<&Property<'_>> {
        self.properties.iter().find(|p| p.name.as_str().eq_ignore_ascii_case(name))
    }

    fn text(&self, name: &str) -> Option<String> {
        let text = self.find(name)?.val.clone().unescape_text().as_str().trim().to_owned();
        (!text.is_empty()).then_some(text)
    }
}

/// Returns a parameter of a property, such as `TZID`.
pub fn parameter<'a>(property: &'a Property<'_>, name: &str) -> Option<&'a str> {
    let found = property.params.iter().find(|p| p.key.as_str().eq_ignore_ascii_case(name))?;
    found.val.as_ref().map(|v| v.as_str().trim_matches('"'))
}

/// Returns the value of a line, if it is the property of this name.
fn value_of(line: &str, name: &str) -> Option<String> {
    let property = Property::try_from(line).ok()?;
    property.name.as_str().eq_ignore_ascii_case(name).then(|| property.val.as_str().trim().to_owned())
}

fn unique(list: Vec<serde_json::Value>) -> Vec<serde_json::Value> {
    let mut kept = Vec::with_capacity(list.len());
    for entry in list {
        if !kept.contains(&entry) {
            kept.push(entry);
        }
    }
    kept
}
