//! Conferences as lists of deadlines have them, mostly in YAML: `{title, year, id, link, deadline, date, place, sub, …}`.

use serde_json::{Map, Value, json};

use super::dates::Days;
use super::{Rows, join_country};
use crate::transfer::country_names::country_code;
use crate::transfer::read::json_stream::place;
use crate::transfer::read::map_addresses::without_maps;
use crate::transfer::read::online_places::whereabouts;
use crate::transfer::read::plain_text::rich_value;
use crate::transfer::read::unknown_place::is_unknown;
use crate::transfer::read::whereabouts::Whereabouts;
use crate::transfer::read::{SinkClosed, text_of, web_address};
use crate::transfer::record::Record;

/// Greatest number of topics of an event. One more is read, so that the others are noted.
const MOST_TOPICS: usize = 50;

/// Names of the members that are read.
const READ: [&str; 42] = [
    "title",
    "name",
    "conference",
    "year",
    "id",
    "full_name",
    "description",
    "note",
    "comment",
    "link",
    "url",
    "website",
    "cfp_link",
    "cfpUrl",
    "deadline",
    "deadlines",
    "abstract_deadline",
    "cfp",
    "cfp_ext",
    "timeline",
    "timezone",
    "date",
    "dates",
    "data",
    "start",
    "end",
    "start_date",
    "end_date",
    "place",
    "location",
    "city",
    "country",
    "venue",
    "online",
    "sub",
    "tags",
    "topics",
    "topic",
    "confs",
    "locales",
    "languages",
    "alt_name",
];

/// Returns whether a conference has the form of this module.
pub fn is_deadline(row: &Value) -> bool {
    let has = |name: &str| row.get(name).is_some();
    !has("startDate")
        && ["year", "deadline", "deadlines", "cfp", "date", "start", "confs", "conference"].iter().any(|name| has(name))
}

/// Returns a member that says something.
fn known_text(row: &Value, names: &[&str]) -> Option<String> {
    member_text(row, names).filter(|text| !is_unknown(text))
}

/// Returns a member as it is, the first of several names.
fn member_text(row: &Value, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| text_of(row.get(*name)))
}

/// Returns the texts of a member that is one or a list of them.
fn list(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::Array(all)) => all.iter().filter_map(|one| text_of(Some(one))).collect(),
        other => text_of(other).into_iter().collect(),
    }
}

impl Rows<'_> {
    /// Reads a conference, or each of those within it, which have what it says of all of them.
    ///
    /// # Errors
    /// Returns [`SinkClosed`] if the import has ended.
    pub(super) fn deadlines(&self, path: &[String], row: &Map<String, Value>) -> Result<(), SinkClosed> {
        let Some(Value::Array(editions)) = row.get("confs") else {
            return self.edition(&place(path), &Value::Object(row.clone()));
        };
        let mut shared = row.clone();
        shared.shift_remove("confs");
        for (index, edition) in editions.iter().enumerate() {
            let at = format!("{}/confs/{index}", place(path));
            let Some(own) = edition.as_object() else {
                self.sink.report_broken(at, "wrong_type", "a conference must be an object")?;
                continue;
            };
            let mut whole = shared.clone();
            whole.extend(own.iter().map(|(name, value)| (name.clone(), value.clone())));
            self.edition(&at, &Value::Object(whole))?;
        }
        Ok(())
    }

    fn edition(&self, at: &str, row: &Value) -> Result<(), SinkClosed> {
        let year = text_of(row.get("year")).and_then(|text| text.parse::<i32>().ok());
        let Some(name) = known_text(row, &["title", "name", "conference"]) else {
            return self.sink.report_broken(at, "required", "a conference requires a title");
        };
        let title = match year {
            Some(year) if !name.contains(&year.to_string()) => format!("{name} {year}"),
            _ => name,
        };
        let id = text_of(row.get("id")).unwrap_or_else(|| title.clone());
        let mut record = Record::new(at, "event", self.source(&format!("edition/{id}")));
        record.slug = Some(title.clone());
        record.set("title", title);
        record.set("summary", known_text(row, &["full_name", "description", "alt_name"]));
        let body = known_text(row, &["note", "comment"]).map_or(Value::Null, |text| rich_value(&text));
        record.set("body", body);
        self.set_days(at, row, year, &mut record)?;
        if !record.body.contains_key("starts_at") {
            let identity = ("event", record.source);
            let said =
                known_text(row, &["start", "start_date"]).or_else(|| known_text(row, &["date", "dates", "data"]));
            let (code, message) = match said {
                Some(said) => ("not_a_time", format!("\"{said}\" names no day and no month, and there is no year")),
                None => ("required", "a conference requires days, or a year".to_owned()),
            };
            return self.sink.report_refused(at, identity, code, message);
        }
        self.set_status(at, row, &mut record)?;
        self.set_topics(at, row, &mut record)?;
        let languages = list(row.get("locales").or_else(|| row.get("languages"))).join(",");
        record.set("languages", self.languages(at, Some(languages))?);
        record.set("links", self.links_of_row(at, row)?);
        self.set_place(at, row, &mut record)?;
        self.sink.record(record)
    }

    /// Sets the days: those in members of their own, else those in words, else the year.
    fn set_days(&self, at: &str, row: &Value, year: Option<i32>, record: &mut Record) -> Result<(), SinkClosed> {
        let words = known_text(row, &["date", "dates", "data"]);
        let own = known_text(row, &["start", "start_date"]);
        let read = |text: &String| Days::read(text, year);
        let days = own.as_ref().and_then(read).or_else(|| words.as_ref().and_then(read));
        let Some(days) = days.or_else(|| year.and_then(Days::of_year)) else {
            return Ok(());
        };
        if days.precision == "year" {
            let message = match own.or(words) {
                Some(text) => format!("\"{text}\" names no day; the year is kept"),
                None => "the days are not known; the year is kept".to_owned(),
            };
            self.sink.note(at, "/starts_at", "only_the_year", message)?;
        }
        if days.is_several {
            self.sink.note(
                at,
                "/starts_at",
                "several_days",
                "more than two days are named; the first and the last are taken",
            )?;
        }
        record.set("starts_at", days.first.to_string());
        let end = known_text(row, &["end", "end_date"]).as_ref().and_then(read).map(|end| end.last);
        record.set("ends_at", end.unwrap_or(days.last).to_string());
        if days.precision == "day" {
            record.set("all_day", true);
        }
        // An earlier list may have known the month only, so the precision is set in any case.
        record.set("date_precision", days.precision);
        Ok(())
    }

    /// Sets the venue, and whether the conference is online.
    fn set_place(&self, at: &str, row: &Value, record: &mut Record) -> Result<(), SinkClosed> {
        // Texts that stand for an unknown place are noted, so they are read as they are.
        let (country, name) = (member_text(row, &["country"]), member_text(row, &["venue"]));
        let given = member_text(row, &["place", "location", "city"]).unwrap_or_default();
        let is_online = row.get("online").and_then(Value::as_bool).unwrap_or(false);
        // The address of a map may have commas.
        let (given, maps) = without_maps(&given);
        let mut whole = Whereabouts { is_online, ..Whereabouts::of_maps(maps) };
        // A slash is a part of an address on the net and of "n/a", and divides places.
        let dividers: &[char] =
            if given.contains("://") || is_unknown(&given) { &[',', ';'] } else { &[',', ';', '/'] };
        let mut places: Vec<String> = given.split(dividers).map(|part| whole.join(whereabouts(part))).collect();
        places.extend(country.map(|country| join_country(&mut whole, &country)));
        let name = name.map(|name| whole.join(whereabouts(&name))).filter(|name| !name.is_empty());
        whole.tell(self.sink, at, "/venue")?;
        let parts: Vec<&str> = places.iter().map(|place| place.trim()).filter(|place| !place.is_empty()).collect();
        let venue = match (parts.as_slice(), name) {
            ([], None) => None,
            ([], Some(name)) => Some(self.place(at, (&name, &[]), None, whole.map.clone())?),
            ([city, rest @ ..], name) => Some(self.place(at, (city, rest), name, whole.map.clone())?),
        };
        if row.get("location").is_some_and(|location| !location.is_string()) {
            self.sink.left_out(at, "location");
        }
        whole.place = venue.clone().unwrap_or_default();
        record.set("attendance_mode", whole.mode().unwrap_or("offline"));
        whole.set(record);
        record.set("venue", venue);
        Ok(())
    }

    /// Sends the venue in a city, and returns its source. What follows the city is a region, a country, or both.
    fn place(
        &self,
        at: &str,
        (city, rest): (&str, &[&str]),
        name: Option<String>,
        map: Option<String>,
    ) -> Result<String, SinkClosed> {
        let code = rest.last().and_then(|last| country_code(last));
        let region = if code.is_some() { &rest[..rest.len() - 1] } else { rest };
        let whole: Vec<&str> = name.as_deref().into_iter().chain([city]).chain(rest.iter().copied()).collect();
        let source = self.source(&format!("place/{}", whole.join(", ")));
        let mut record = Record::new(at, "venue", source.clone()).into_supporting();
        record.set("name", name.as_deref().unwrap_or(city));
        let mut address = json!({"city": city});
        if let Some(code) = code {
            address["country"] = code.into();
        }
        if !region.is_empty() {
            address["region"] = region.join(", ").into();
        }
        record.set("address", address);
        record.set("map_url", map);
        self.sink.record(record)?;
        Ok(source)
    }

    fn set_topics(&self, at: &str, row: &Value, record: &mut Record) -> Result<(), SinkClosed> {
        let mut topics: Vec<String> = Vec::new();
        for given in ["sub", "tags", "topics", "topic"].iter().flat_map(|name| list(row.get(*name))) {
            for word in given.split(',').map(str::trim).filter(|word| !word.is_empty()) {
                if topics.len() > MOST_TOPICS {
                    break;
                }
                if let Some(source) = self.topic(at, Some(word.to_owned()))?.filter(|source| !topics.contains(source)) {
                    topics.push(source);
                }
            }
        }
        record.set("topics", topics);
        Ok(())
    }

    /// Returns the links: the website, the calls with their deadlines, and every other member that is an address.
    fn links_of_row(&self, at: &str, row: &Value) -> Result<Vec<Value>, SinkClosed> {
        let website = known_text(row, &["link", "url", "website"]);
        let call = known_text(row, &["cfp_link", "cfpUrl"]);
        let until = deadlines_of(row);
        let mut given: Vec<(String, String)> = website.iter().map(|url| ("Website".to_owned(), url.clone())).collect();
        match (call.or(website), until.is_empty()) {
            (Some(url), false) => given.push((format!("Call for papers, until {}", until.join(" and ")), url)),
            (Some(url), true) if !given.iter().any(|(_, known)| *known == url) => {
                given.push(("Call for papers".to_owned(), url));
            }
            (None, false) => self.sink.left_out(at, "deadline without link"),
            _ => {}
        }
        for (name, value) in row.as_object().into_iter().flatten().filter(|(name, _)| is_other(name)) {
            match text_of(Some(value)).filter(|text| text.starts_with("https://") || text.starts_with("http://")) {
                Some(url) => given.push((name.replace('_', " "), url)),
                None if value.is_null() => {}
                None => self.sink.left_out(at, name),
            }
        }
        let mut links = Vec::new();
        for (title, given) in given {
            match web_address(&given) {
                Ok(url) => links.push(json!({"title": title, "url": url})),
                Err((code, message)) => self.sink.note(at, "/links", code, message)?,
            }
        }
        Ok(links)
    }
}

/// Returns whether a member is none of those that are read.
fn is_other(name: &str) -> bool {
    !READ.contains(&name) && !super::STATUS.contains(&name)
}

/// Returns the deadlines as they are written, with the zone that the list names.
fn deadlines_of(row: &Value) -> Vec<String> {
    let zone = known_text(row, &["timezone"]).map_or(String::new(), |zone| format!(" {zone}"));
    let of = |value: &Value| {
        let all = |names: &[&str]| names.iter().flat_map(|name| list(value.get(*name))).collect::<Vec<_>>();
        let abstracts = all(&["abstract_deadline"]).into_iter().map(|text| (text, " for abstracts"));
        abstracts
            .chain(all(&["deadline", "deadlines", "cfp", "cfp_ext"]).into_iter().map(|text| (text, "")))
            .collect::<Vec<_>>()
    };
    let rounds = row.get("timeline").and_then(Value::as_array).into_iter().flatten().flat_map(of);
    let known =
        of(row).into_iter().chain(rounds).filter(|(text, _)| text.starts_with(|first: char| first.is_ascii_digit()));
    known
        .map(|(text, what)| {
            format!(
                "{}{zone}{what}",
                text.strip_suffix(":00").filter(|_| text.matches(':').count() == 2).unwrap_or(&text)
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_not_said() {
        for text in ["TBA", "tbd.", "N/A", "none", "null", "To be announced", "nog niet bekend", "?", "-", " "] {
            assert_eq!(known_text(&json!({"link": text}), &["link"]), None, "{text}");
        }
        for text in ["https://rills.example/tba", "TBA Tower", "10-12 May"] {
            assert_eq!(known_text(&json!({"link": text}), &["url", "link"]).as_deref(), Some(text));
        }
    }
}
