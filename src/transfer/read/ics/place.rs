//! Where an event is: a place, an address on the net, or both.

use serde_json::{Map, Value, json};

use super::calendars::Calendar;
use super::components::Component;
use super::property::Property;
use crate::transfer::country_names::country_code;
use crate::transfer::read::map_addresses::is_map;
use crate::transfer::read::online_places::whereabouts;
use crate::transfer::read::plain_text::rich_value;
use crate::transfer::read::whereabouts::Whereabouts;
use crate::transfer::read::{Sink, SinkClosed, web_address};
use crate::transfer::record::Record;

/// Properties with addresses at which programs let people attend online, the standard one first.
pub const ONLINE: [&str; 5] = [
    "CONFERENCE",
    "X-GOOGLE-CONFERENCE",
    "X-MICROSOFT-SKYPETEAMSMEETINGURL",
    "X-MICROSOFT-ONLINEMEETINGEXTERNALLINK",
    "X-MICROSOFT-ONLINEMEETINGCONFLINK",
];

/// Greatest length of an address beside a place, in bytes.
const LONGEST_ADDRESS: usize = 2_000;

/// Returns whether a property says where the event is.
pub fn is_place(name: &str) -> bool {
    ONLINE.contains(&name) || matches!(name, "LOCATION" | "GEO" | "X-APPLE-STRUCTURED-LOCATION")
}

/// Sets the place of an event.
///
/// # Errors
/// Returns [`SinkClosed`] if the import has ended.
pub fn set(sink: &Sink, calendar: &Calendar, event: &Component, record: &mut Record) -> Result<(), SinkClosed> {
    let place = event.place();
    let mut found = event.text("LOCATION").map(|text| whereabouts(&text)).unwrap_or_default();
    let title = event.find("X-APPLE-STRUCTURED-LOCATION").and_then(|property| property.parameter("X-TITLE"));
    if let Some(title) = title.filter(|_| found.place.is_empty() && !found.is_nowhere()) {
        // Where nothing else is said than a map, the title that Apple's programs write is the place.
        found.place = found.join(whereabouts(title));
    }
    found.tell(sink, &place, "/venue")?;
    for _ in event.all("LOCATION").skip(1) {
        sink.left_out(&place, "LOCATION, a further one");
    }
    for property in ONLINE.iter().flat_map(|name| event.all(name)) {
        match web_address(&property.text()) {
            Ok(url) if is_map(&url) && found.map.is_none() => found.map = Some(url),
            Ok(url) if is_map(&url) && found.map.as_ref() == Some(&url) => {}
            Ok(url) if found.url.is_none() && !is_map(&url) => (found.url, found.is_online) = (Some(url), true),
            Ok(url) if found.url.as_ref() == Some(&url) => {}
            Ok(_) => sink.left_out(&place, &format!("{}, a further address", property.name)),
            Err((code, message)) => sink.note(&place, "/online_url", code, message)?,
        }
    }
    if !found.place.is_empty() {
        record.set("venue", venue(sink, calendar, event, &found)?);
    } else if let Some(property) = event.find("GEO") {
        sink.left_out(&place, &format!("{} without LOCATION", property.name));
    }
    found.set(record);
    Ok(())
}

fn venue(sink: &Sink, calendar: &Calendar, event: &Component, found: &Whereabouts) -> Result<String, SinkClosed> {
    let (place, text) = (event.place(), found.place.as_str());
    let apple = event.find("X-APPLE-STRUCTURED-LOCATION");
    let mut lines: Vec<String> = lines_of(text);
    let name = if lines.is_empty() { text.to_owned() } else { lines.remove(0) };
    if let Some(given) = apple.and_then(address_of).filter(|given| is_address_of(given, &lines)) {
        lines = given;
    }
    // With its address a place is the same in all calendars; a name alone, such as "Aula", means it within its own.
    let place_text = text.replace('\n', ", ");
    let scope = if place_text.contains(',') { "ics" } else { calendar.origin.as_str() };
    let source = format!("{scope}:venue/{place_text}");
    let mut record = Record::new(place.clone(), "venue", source.clone()).into_supporting();
    // The language of a place is its own (RFC 5545, section 3.2.10).
    record.locale = event.find("LOCATION").and_then(|property| property.parameter("LANGUAGE")).map(str::to_owned);
    record.set("name", name.clone());
    if name.chars().count() > 200 {
        record.set("description", rich_value(&name));
    }
    record.set("address", address(&lines));
    record.set("map_url", found.map.clone());
    let geo = event.find("GEO").or(apple.filter(|property| property.value.starts_with("geo:")));
    if let Some(property) = geo {
        match coordinates(property) {
            Ok(geo) => record.set("geo", geo),
            Err(message) => sink.note(&place, "/geo", "out_of_range", message)?,
        }
    }
    sink.record(record).map(|()| source)
}

/// Returns the lines of the address that Apple's programs keep beside a place.
fn address_of(property: &Property) -> Option<Vec<String>> {
    let address = property
        .parameter("X-ADDRESS")
        .filter(|address| address.len() <= LONGEST_ADDRESS)?
        .replace("\\\\n", "\n")
        .replace("\\n", "\n");
    Some(lines_of(&address)).filter(|lines| !lines.is_empty())
}

/// Returns whether an address is that of a place, given the lines below the name of the place: there are none, or they have
/// the same words.
fn is_address_of(address: &[String], lines: &[String]) -> bool {
    let whole = lines.join(" ");
    lines.is_empty() || address.iter().flat_map(|line| line.split(", ")).all(|part| whole.contains(part.trim()))
}

/// Returns whether the address that Apple's programs keep beside a place is read.
pub fn is_address_read(event: &Component, property: &Property) -> bool {
    let text = event.text("LOCATION").unwrap_or_default();
    let lines = lines_of(&text);
    address_of(property).is_none_or(|given| is_address_of(&given, lines.get(1..).unwrap_or_default()))
}

fn lines_of(text: &str) -> Vec<String> {
    let lines = text.lines().map(|line| line.trim().trim_end_matches(',').to_owned());
    lines.filter(|line| !line.is_empty()).collect()
}

/// Returns the address of a place, given the lines below its name. The last line is the country if it is the name of
/// one; a line that begins with a number of at least four digits is postal code and city.
fn address(lines: &[String]) -> Map<String, Value> {
    let mut lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    if let [line] = lines.as_slice() {
        // One line with all of it, which ends with the country.
        let parts: Vec<&str> = line.split(',').map(str::trim).collect();
        let names_country = parts.len() > 2 && parts.last().is_some_and(|last| country_code(last).is_some());
        lines = if names_country { parts } else { lines };
    }
    let mut address = Map::new();
    if let Some(code) = lines.last().and_then(|last| country_code(last)) {
        lines.pop();
        address.insert("country".to_owned(), code.into());
    }
    let code_and_city = |line: &&str| {
        let (code, city) = line.split_once(' ')?;
        let is_code = code.len() >= 4 && code.len() <= 20 && code.bytes().any(|byte| byte.is_ascii_digit());
        (is_code && code.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-'))
            .then(|| (code.to_owned(), city.trim().to_owned()))
    };
    if let Some((at, (code, city))) = lines.iter().enumerate().find_map(|(at, line)| Some((at, code_and_city(line)?))) {
        lines.remove(at);
        address.insert("postal_code".to_owned(), code.into());
        address.insert("city".to_owned(), city.into());
    }
    if !lines.is_empty() {
        address.insert("street".to_owned(), lines.join(", ").into());
    }
    address
}

/// Returns the coordinates of a property: latitude and longitude, in this order.
fn coordinates(property: &Property) -> Result<Value, String> {
    let text = property.text();
    let text = text.trim_start_matches("geo:").split('?').next().unwrap_or_default();
    let wrong = || format!("left out: \"{text}\" are no coordinates");
    let (latitude, longitude) = text.split_once([';', ',']).ok_or_else(wrong)?;
    let longitude = longitude.split([';', ',']).next().unwrap_or_default();
    let number = |text: &str| text.trim().parse::<f64>().ok().filter(|number| number.is_finite());
    let (latitude, longitude) = number(latitude).zip(number(longitude)).ok_or_else(wrong)?;
    if latitude.abs() > 90.0 || longitude.abs() > 180.0 {
        let hint = if longitude.abs() <= 90.0 { "; the longitude seems to stand first" } else { "" };
        return Err(format!("left out: \"{text}\" is not on the globe{hint}"));
    }
    Ok(json!({"latitude": latitude, "longitude": longitude}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coordinates_in_their_order() {
        let read = |text: &str| coordinates(&Property::parse(text).unwrap());
        assert_eq!(read("GEO:48.2;16.3"), Ok(json!({"latitude": 48.2, "longitude": 16.3})));
        assert_eq!(read("GEO:48.2\\;16.3"), Ok(json!({"latitude": 48.2, "longitude": 16.3})));
        assert_eq!(
            read("X-APPLE-STRUCTURED-LOCATION;VALUE=URI:geo:51.05,3.72"),
            Ok(json!({"latitude": 51.05, "longitude": 3.72}))
        );
        assert!(read("GEO:-123.128566;49.286385").unwrap_err().contains("first"));
        assert!(read("GEO:here").is_err());
    }

    #[test]
    fn lines_are_an_address() {
        let lines = lines_of("Main Street 1\n9000 Ghent\nBelgium");
        let wanted = json!({"country": "BE", "postal_code": "9000", "city": "Ghent", "street": "Main Street 1"});
        assert_eq!(Value::Object(address(&lines)), wanted);
        let apple = Property::parse(
            "X-APPLE-STRUCTURED-LOCATION;X-ADDRESS=\"Main Street 1\\\\n9000 Ghent\\\\nBelgium\":geo:1,2",
        );
        assert_eq!(address_of(&apple.unwrap()).unwrap(), lines);
        let long = format!("X-APPLE-STRUCTURED-LOCATION;X-ADDRESS=\"{}\":geo:1,2", "a, ".repeat(LONGEST_ADDRESS / 2));
        assert_eq!(address_of(&Property::parse(&long).unwrap()), None);
        assert_eq!(Value::Object(address(&lines_of("Main Street 1, 9000 Ghent, Belgium"))), wanted);
        assert_eq!(Value::Object(address(&lines_of("second floor, left"))), json!({"street": "second floor, left"}));
    }
}
