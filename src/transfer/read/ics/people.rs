//! The people of an event: whom to ask, and who chairs it.

use std::collections::HashSet;

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

use super::calendars::Calendar;
use super::components::Component;
use super::event::MOST_OF_LIST;
use super::parameters;
use super::property::Property;
use crate::content::values;
use crate::transfer::read::{Sink, SinkClosed, web_address};
use crate::transfer::record::Record;

/// Sets the contact of an event. It is `CONTACT` if there is one, else `ORGANIZER`; two contacts are not mixed.
pub fn set_contact(sink: &Sink, event: &Component, record: &mut Record) {
    let place = event.place();
    let contact = event.find("CONTACT").filter(|property| !property.text().is_empty());
    let organiser = event.find("ORGANIZER");
    match (contact, organiser) {
        (Some(contact), organiser) => {
            record.set("contact", of_text(contact));
            if organiser.is_some() {
                sink.left_out(&place, "ORGANIZER beside CONTACT");
            }
        }
        (None, Some(organiser)) if is_nobody(organiser) => {
            sink.on_purpose(&place, "ORGANIZER", "it says that the organiser is not known");
        }
        (None, Some(organiser)) => record.set("contact", of_address(organiser)),
        (None, None) => {}
    }
    for _ in event.all("CONTACT").skip(1) {
        sink.left_out(&place, "CONTACT, a further one");
    }
}

/// Returns whether an organiser stands for none, as Google and Apple write it.
fn is_nobody(organiser: &Property) -> bool {
    const NAMES: [&str; 5] = ["unknown organizer", "unknown organiser", "unknown", "no organizer", "none"];
    let address = mail_address(organiser).unwrap_or_default().to_lowercase();
    let name = common_name(organiser).unwrap_or_default().to_lowercase();
    address.starts_with("unknownorganizer@")
        || (address.is_empty()
            && (name.is_empty() || NAMES.contains(&name.as_str()))
            && values::url(organiser.value.trim()).is_err())
}

/// Returns the contact in a text such as `Jo Example, +32 2 555 0100`.
fn of_text(property: &Property) -> Map<String, Value> {
    let (mut contact, mut names) = (Map::new(), Vec::new());
    let text = property.text();
    for part in text.split([',', ';', '\n']).map(str::trim).filter(|part| !part.is_empty()) {
        let digits = part.bytes().filter(u8::is_ascii_digit).count();
        let is_number = digits >= 6 && part.chars().all(|c| c.is_ascii_digit() || "+-()./ ".contains(c));
        match values::email(part.to_owned()) {
            Ok(email) if !contact.contains_key("email") => drop(contact.insert("email".to_owned(), email.into())),
            _ if is_number && !contact.contains_key("telephone") => {
                contact.insert("telephone".to_owned(), part.into());
            }
            _ => names.push(part),
        }
    }
    if !names.is_empty() {
        contact.insert("name".to_owned(), names.join(", ").into());
    }
    if let Some(url) = property.parameter("ALTREP").and_then(|url| web_address(url).ok()) {
        contact.insert("url".to_owned(), url.into());
    }
    contact
}

/// Returns the contact of a calendar user: the name, and the address if it is one of mail or of the web.
fn of_address(property: &Property) -> Map<String, Value> {
    let mut contact = Map::new();
    if let Some(name) = common_name(property) {
        contact.insert("name".to_owned(), name.into());
    }
    if let Some(email) = mail_address(property) {
        contact.insert("email".to_owned(), email.into());
    } else if let Ok(url) = values::url(property.value.trim()) {
        contact.insert("url".to_owned(), url.into());
    }
    contact
}

/// Returns the name of a calendar user. Some programs encode it as if it were part of an address.
fn common_name(property: &Property) -> Option<String> {
    let name = property.parameter("CN").map(str::trim).filter(|name| !name.is_empty())?;
    let is_code = |rest: &str| rest.len() > 1 && rest.bytes().take(2).all(|byte| byte.is_ascii_hexdigit());
    let is_encoded = !name.contains(char::is_whitespace) && name.split('%').skip(1).all(is_code);
    let decoded = percent_decode_str(name).decode_utf8().ok().filter(|_| is_encoded);
    let plain = decoded.filter(|name| !name.chars().any(char::is_control)).map_or_else(|| name.to_owned(), Into::into);
    // What stands in its place is often an address, which is no name.
    Some(without_address(plain.trim())).filter(|name| !name.is_empty())
}

/// Returns a name without the addresses of mail in it: `Jo Example <jo@example.org>` is `Jo Example`.
fn without_address(name: &str) -> String {
    let bare = |word: &str| {
        let word = word.trim_matches(|c: char| "<>()[]\"',;".contains(c));
        word.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case("mailto:")).map_or(word, |_| &word[7..]).to_owned()
    };
    let is_address = |word: &&str| word.contains('@') && values::email(bare(word)).is_ok();
    if !name.split_whitespace().any(|word| is_address(&word)) {
        return name.to_owned();
    }
    name.split_whitespace().filter(|word| !is_address(word)).collect::<Vec<_>>().join(" ")
}

fn mail_address(property: &Property) -> Option<String> {
    let value = property.value.trim();
    let given = value.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case("mailto:")).map(|_| &value[7..]);
    let given = given.or_else(|| property.parameter("EMAIL"))?;
    // The address of a calendar is one to which nobody can write.
    values::email(given.trim().to_owned()).ok().filter(|email| !email.to_lowercase().ends_with(".calendar.google.com"))
}

/// Sets the speakers of an event: those who chair it. Other participants are no matter of the public.
///
/// # Errors
/// Returns [`SinkClosed`] if the import has ended.
pub fn set_speakers(
    sink: &Sink,
    calendar: &Calendar,
    event: &Component,
    record: &mut Record,
) -> Result<(), SinkClosed> {
    let place = event.place();
    let (mut speakers, mut known) = (Vec::new(), HashSet::new());
    for property in event.all("ATTENDEE") {
        let name = common_name(property);
        let takes_part = !property.parameter_is("PARTSTAT", "DECLINED")
            && property.parameter("CUTYPE").is_none_or(|kind| kind.eq_ignore_ascii_case("INDIVIDUAL"));
        let Some(name) = name.filter(|_| property.parameter_is("ROLE", "CHAIR") && takes_part) else {
            sink.on_purpose(&place, "ATTENDEE", "who is invited is no matter of the public; only chairs are taken");
            continue;
        };
        if speakers.len() >= MOST_OF_LIST {
            sink.left_out(&place, "ATTENDEE, one of too many");
            continue;
        }
        parameters::note_of_event(sink, event, property);
        let source = match mail_address(property) {
            Some(email) => format!("ics:person/{}", email.to_lowercase()),
            None => format!("{}/person/{name}", calendar.origin),
        };
        let mut speaker = Record::new(place.clone(), "speaker", source.clone()).into_supporting();
        speaker.set("name", name);
        sink.record(speaker)?;
        if known.insert(source.clone()) {
            speakers.push(json!({"speaker": source, "role": "moderator"}));
        }
    }
    record.set("speakers", speakers);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contacts_in_text_and_as_addresses() {
        let contact = of_text(&Property::parse("CONTACT:Jo Example\\, +32 2 555 0100\\, jo@example.org").unwrap());
        let wanted = json!({"telephone": "+32 2 555 0100", "email": "jo@example.org", "name": "Jo Example"});
        assert_eq!(Value::Object(contact), wanted);
        let organiser =
            of_address(&Property::parse("ORGANIZER;CN=\"Club, of Boats; east\":MAILTO:desk@example.org").unwrap());
        assert_eq!(Value::Object(organiser), json!({"name": "Club, of Boats; east", "email": "desk@example.org"}));
        let name = |line: &str| common_name(&Property::parse(line).unwrap());
        for (cn, wanted) in [
            ("The%20Org", "The Org"),
            ("100% Water", "100% Water"),
            ("50%off", "50%off"),
            ("%C5%81%C3%B3d%C5%BA", "Łódź"),
            ("Jo Example <jo@example.org>", "Jo Example"),
            ("Jo Example (mailto:jo@example.org)", "Jo Example"),
            ("Jo @ Work", "Jo @ Work"),
        ] {
            assert_eq!(name(&format!("ORGANIZER;CN=\"{cn}\":mailto:a@example.org")).as_deref(), Some(wanted));
        }
        assert_eq!(name("ATTENDEE;CN=jane@example.org:mailto:jane@example.org"), None);
    }
}
