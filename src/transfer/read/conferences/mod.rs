//! Lists of conferences in JSON or YAML: either `{topic, name, url, startDate, endDate, city, country, online, …}`, in which a
//! conference appears once per topic, or the form of lists of deadlines (see `deadlines`).

mod dates;
mod deadlines;

use serde_json::{Value, json};

use super::input::as_utf8;
use super::iso_time::{IsoTime, exact_precision, parse_day};
use super::json_stream::{self, ElementHandler, place};
use super::online_places::whereabouts;
use super::programme::states::status_of;
use super::programme::words::flag;
use super::whereabouts::Whereabouts;
use super::{Input, Settings, Sink, SinkClosed, text_of, web_address, yaml_stream};
use crate::content::slug::from_title;
use crate::transfer::country_names::country_code;
use crate::transfer::language_names::language_tag;
use crate::transfer::record::Record;
use dates::Days;

/// Fields that are read; others are reported as left out.
const KNOWN: [&str; 13] = [
    "topic",
    "name",
    "url",
    "startDate",
    "endDate",
    "city",
    "country",
    "online",
    "locales",
    "cocUrl",
    "cfpUrl",
    "cfpEndDate",
    "offersSignLanguageOrCC",
];

/// Members that say whether a conference takes place as announced, and those of them that are true if it does not.
const STATUS: [&str; 8] =
    ["status", "event_status", "eventStatus", "postponed", "cancelled", "canceled", "is_cancelled", "isCancelled"];
const CANCELLED: [&str; 4] = ["cancelled", "canceled", "is_cancelled", "isCancelled"];

/// Reads a list of conferences.
///
/// # Errors
/// Returns [`SinkClosed`] if the import has ended.
pub fn read(input: Box<dyn Input>, settings: &Settings, sink: &Sink) -> Result<(), SinkClosed> {
    let (input, is_json) = match as_utf8(input, None).and_then(|mut input| Ok((is_json(&mut *input)?, input))) {
        Ok((is_json, input)) => (input, is_json),
        Err(error) => return sink.report_broken("line 1", "unreadable", error.to_string()),
    };
    let name = settings.source(None);
    sink.set_origin(&format!("{name}:conferences"));
    let mut rows = Rows { name, sink, is_known: false };
    let is_read =
        if is_json { json_stream::read(input, &mut rows, sink)? } else { yaml_stream::read(input, &mut rows, sink)? };
    match (is_read, rows.is_known) {
        (true, true) => sink.mark_whole(),
        (true, false) => sink.report_broken("line 1", "unknown_format", "this is no list of conferences"),
        (false, _) => Ok(()),
    }
}

/// Returns whether a text is JSON: its first character opens an array or an object.
fn is_json(input: &mut dyn Input) -> std::io::Result<bool> {
    Ok(input.fill_buf()?.iter().find(|byte| !byte.is_ascii_whitespace()).is_some_and(|byte| b"[{".contains(byte)))
}

struct Rows<'a> {
    name: String,
    sink: &'a Sink,
    /// Whether there is an entry of a list.
    is_known: bool,
}

/// Returns whether a part of a path is the position of an entry.
fn is_index(part: &str) -> bool {
    part.bytes().all(|byte| byte.is_ascii_digit())
}

impl ElementHandler for Rows<'_> {
    fn enters(&self, path: &[String]) -> bool {
        // The list is the text, or a member of an object.
        path.is_empty() || (path.len() == 1 && !is_index(&path[0]))
    }

    fn hear(&mut self, path: &[String], row: Value) -> Result<(), SinkClosed> {
        let at = place(path);
        let is_entry = path.last().is_some_and(|part| is_index(part)) && (path.len() == 1 || row.is_object());
        if !is_entry {
            self.sink.left_out(&at, path.first().map_or("", String::as_str));
            return Ok(());
        }
        self.is_known = true;
        let Some(object) = row.as_object() else {
            return self.sink.report_broken(at, "wrong_type", "a conference must be an object");
        };
        if deadlines::is_deadline(&row) {
            return self.deadlines(path, object);
        }
        if ["name", "startDate"].iter().any(|name| text_of(row.get(*name)).is_none()) {
            return self.sink.report_broken(at, "required", "a conference requires a name and a start");
        }
        for name in object.keys().filter(|name| !KNOWN.contains(&name.as_str()) && !STATUS.contains(&name.as_str())) {
            self.sink.left_out(&at, name);
        }
        // What is refused leaves no venue and no topic behind.
        let start = text_of(row.get("startDate")).unwrap_or_default();
        if Days::read(&start, None).is_none() {
            let message = format!("\"{start}\" is neither a day nor a month");
            return self.sink.report_refused(at, ("event", self.source(&source_of(&row))), "not_a_time", message);
        }
        let place = self.venue(&at, &row)?;
        let topic = self.topic(&at, text_of(row.get("topic")))?;
        self.conference(&at, &row, place, topic)
    }
}

impl Rows<'_> {
    fn source(&self, what: &str) -> String {
        format!("{}:{what}", self.name)
    }

    fn topic(&self, at: &str, topic: Option<String>) -> Result<Option<String>, SinkClosed> {
        let Some(topic) = topic else { return Ok(None) };
        let source = self.source(&format!("topic/{topic}"));
        let mut record = Record::new(at, "topic", source.clone()).into_supporting();
        record.slug = Some(topic.clone());
        record.set("name", topic);
        self.sink.record(record)?;
        Ok(Some(source))
    }

    /// Sends the venue, and returns where the conference takes place, with the source of the venue.
    fn venue(&self, at: &str, row: &Value) -> Result<(Whereabouts, Option<String>), SinkClosed> {
        let mut found = text_of(row.get("city")).map(|city| whereabouts(&city)).unwrap_or_default();
        let country = text_of(row.get("country")).map(|country| join_country(&mut found, &country));
        let country = country.filter(|country| !country.is_empty());
        found.tell(self.sink, at, "/venue")?;
        if found.place.is_empty() {
            if country.is_some() {
                self.sink.left_out(at, "country without a city");
            }
            return Ok((found, None));
        }
        let city = found.place.clone();
        let code = country.as_deref().and_then(country_code);
        let source = self.source(&format!("venue/{city}, {}", country.as_deref().unwrap_or("")));
        let mut record = Record::new(at, "venue", source.clone()).into_supporting();
        record.set("name", city.clone());
        let mut address = json!({"city": city});
        match (&country, code) {
            (_, Some(code)) => address["country"] = code.into(),
            (Some(country), None) => address["region"] = country.as_str().into(),
            (None, None) => {}
        }
        record.set("address", address);
        record.set("map_url", found.map.clone());
        self.sink.record(record)?;
        if let (Some(country), None) = (country, code) {
            self.sink.note(
                at,
                "/country",
                "unknown_country",
                format!("\"{country}\" has no ISO 3166-1 code; kept as the region"),
            )?;
        }
        Ok((found, Some(source)))
    }

    fn conference(
        &self,
        at: &str,
        row: &Value,
        (place, venue): (Whereabouts, Option<String>),
        topic: Option<String>,
    ) -> Result<(), SinkClosed> {
        let text = |name: &str| text_of(row.get(name));
        let part = |name: &str| text(name).unwrap_or_default();
        let mut record = Record::new(at, "event", self.source(&source_of(row)));
        record.same_as = Some(self.source(&shared_source_of(row)));
        let year = Days::read(&part("startDate"), None).map(|days| days.first.format("%Y").to_string());
        record.slug = text("name").map(|name| format!("{} {}", from_title(&name), year.unwrap_or_default()));
        record.set("title", text("name"));
        set_days(row, &mut record);
        let is_online = place.is_online || row.get("online").and_then(Value::as_bool) == Some(true);
        let place = Whereabouts { is_online, ..place };
        record.set("attendance_mode", place.mode().unwrap_or("offline"));
        self.set_status(at, row, &mut record)?;
        record.set("venue", venue);
        record.set("topics", topic.into_iter().collect::<Vec<_>>());
        record.set("languages", self.languages(at, text("locales"))?);
        if text("cfpEndDate").is_some() && text("cfpUrl").is_none() {
            self.sink.left_out(at, "cfpEndDate without cfpUrl");
        }
        let until = text("cfpEndDate").map_or(String::new(), |day| format!(", until {day}"));
        let mut links = Vec::new();
        for (title, field) in [
            ("Website".to_owned(), "url"),
            ("Code of conduct".to_owned(), "cocUrl"),
            (format!("Call for papers{until}"), "cfpUrl"),
        ] {
            let Some(given) = text(field) else { continue };
            match web_address(&given) {
                Ok(url) => links.push(json!({"title": title, "url": url})),
                Err((code, message)) => self.sink.note(at, &format!("/{field}"), code, message)?,
            }
        }
        record.set("links", links);
        place.set(&mut record);
        if let Some(offers) = row.get("offersSignLanguageOrCC").and_then(Value::as_bool) {
            record.set(
                "accessibility",
                if offers {
                    "Sign language or closed captions are offered."
                } else {
                    "Neither sign language nor closed captions are offered."
                },
            );
        }
        self.sink.record(record)
    }

    /// Sets whether a conference takes place as announced.
    fn set_status(&self, at: &str, row: &Value, record: &mut Record) -> Result<(), SinkClosed> {
        let is = |names: &[&str]| names.iter().any(|name| row.get(*name).and_then(flag) == Some(true));
        let given = ["status", "event_status", "eventStatus"].iter().find_map(|name| text_of(row.get(*name)));
        match given.as_deref().map(|given| (given, status_of(given))) {
            _ if is(&CANCELLED) => record.set("event_status", "cancelled"),
            _ if is(&["postponed"]) => record.set("event_status", "postponed"),
            Some((_, Some(status))) => record.set("event_status", status),
            Some((given, None)) => {
                self.sink.note(at, "/event_status", "unknown_status", format!("left out: \"{given}\""))?;
            }
            None => {}
        }
        Ok(())
    }

    fn languages(&self, at: &str, given: Option<String>) -> Result<Vec<String>, SinkClosed> {
        let mut languages = Vec::new();
        for word in given.as_deref().unwrap_or_default().split([',', ';']).map(str::trim).filter(|w| !w.is_empty()) {
            match language_tag(word) {
                Some(tag) if languages.contains(&tag) => {}
                Some(tag) => languages.push(tag),
                None => {
                    let message = format!("\"{word}\" is neither a BCP 47 tag nor the name of a language");
                    self.sink.note(at, "/locales", "not_a_language", message)?;
                }
            }
        }
        Ok(languages)
    }
}

/// Returns the country that a text names, and adds what else it says of the place. A code is no word: `NA` is Namibia.
fn join_country(place: &mut Whereabouts, text: &str) -> String {
    let is_code = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_uppercase());
    if is_code && country_code(text).is_some() { text.to_owned() } else { place.join(whereabouts(text)) }
}

/// Returns what identifies a row.
fn source_of(row: &Value) -> String {
    let part = |name: &str| text_of(row.get(name)).unwrap_or_default();
    format!("{}/{}/{}", part("topic"), shared_source_of(row), part("url"))
}

/// Returns what rows have in common that describe one conference: name, day and place. They differ by topic and URL.
fn shared_source_of(row: &Value) -> String {
    let part = |name: &str| text_of(row.get(name)).unwrap_or_default();
    format!("{}/{}/{}, {}", part("name"), part("startDate"), part("city"), part("country"))
}

/// Sets the days, as exactly as they are known. A time of day stays, and so does what cannot be read, which is noted then.
fn set_days(row: &Value, record: &mut Record) {
    let (start, end) = (text_of(row.get("startDate")), text_of(row.get("endDate")));
    let is_iso = |text: &String| parse_day(text).is_some() || IsoTime::parse(text).is_some();
    let read = |text: &Option<String>| Days::read(text.as_ref()?, None);
    let Some(first) = read(&start) else { return };
    let last = read(&end).map(|days| days.last).or((first.first < first.last).then_some(first.last));
    let last = last.map(|day| day.to_string());
    let exact = start.as_ref().filter(|text| is_iso(text)).map(|text| exact_precision(text));
    record.set("starts_at", start.filter(is_iso).unwrap_or_else(|| first.first.to_string()));
    record.set("ends_at", end.clone().filter(is_iso).or(last).or(end));
    let precision = exact.unwrap_or(first.precision);
    if precision == "day" {
        record.set("all_day", true);
    }
    // An earlier list may have known the month only, so the precision is set in any case.
    record.set("date_precision", precision);
}
