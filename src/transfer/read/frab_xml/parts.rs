//! The parts of a session: recordings, links, attachments and persons, and what of them is not read.

use serde_json::Value;

use super::element::Element;
use crate::items::record_ids::RecordIds;
use crate::transfer::read::Sink;
use crate::transfer::read::programme::states::{TAKEN, is_state};
use crate::transfer::read::programme::words::SESSION;
use crate::transfer::read::programme::{LabelledUrl, ProgrammePerson, add_addresses};

/// Attributes and elements that are read, by the element that has them, besides the elements of an event that JSON has
/// too. Others are reported as left out.
const INNER: [(&str, &[&str], &[&str]); 9] = [
    ("event", &[], &["recording", "conf_url", "id", "guid"]),
    ("recording", &[], &["license", "optout", "url", "link"]),
    ("persons", &[], &["person"]),
    ("person", &["url", "avatar"], &["public_name", "name", "biography", "avatar"]),
    ("links", &[], &["link"]),
    ("link", &["href", "title"], &[]),
    ("attachments", &[], &["attachment"]),
    ("attachment", &["href", "type"], &[]),
    ("track", &["name", "color", "slug"], &[]),
];

/// Counts the attributes and elements within an element that are not read.
pub fn count_unread(sink: &Sink, place: &str, element: &Element) {
    let name = element.name.as_str();
    let (attributes, children) = INNER
        .iter()
        .find(|(known, ..)| *known == name)
        .map_or((&[][..], &[][..]), |(_, attributes, children)| (attributes, children));
    let id = ["guid", "code", "id"].into_iter().find(|id| element.attributes.contains_key(*id));
    let has_ids = matches!(name, "event" | "person");
    let ids = RecordIds::of_programme(|member| element.attribute(member).filter(|_| has_ids));
    for attribute in element.attributes.keys().map(String::as_str) {
        match attribute {
            _ if ids.members().any(|known| known == attribute) => {}
            "id" | "guid" | "code" | "slug" if id != Some(attribute) => {
                sink.on_purpose(place, &format!("{name}/@{attribute}"), "another id is kept, or the name");
            }
            _ if id == Some(attribute) || attributes.contains(&attribute) => {}
            _ if name == "event" && is_state(attribute) => {
                sink.on_purpose(place, &format!("{name}/@{attribute}"), TAKEN);
            }
            _ => sink.left_out(place, &format!("{name}/@{attribute}")),
        }
    }
    for child in &element.children {
        let inner = child.name.as_str();
        if children.contains(&inner) || (name == "event" && (inner == "date" || SESSION.contains(&inner))) {
            count_unread(sink, place, child);
        } else if name == "event" && is_state(inner) && !child.is_empty() {
            sink.on_purpose(place, &format!("{name}/{inner}"), TAKEN);
        } else if !child.is_empty() {
            sink.left_out(place, &format!("{name}/{inner}"));
        }
    }
}

/// Returns an attachment.
pub fn attachment(element: &Element) -> LabelledUrl {
    let title = Some(element.text.trim().to_owned());
    (title, element.attribute("href").unwrap_or_default(), element.attribute("type"))
}

/// Returns what says whether a session must not be recorded, the licence of its recordings, and their addresses.
pub fn recording(element: &Element) -> (Value, Option<String>, Vec<LabelledUrl>) {
    let inner = element.child("recording");
    let text = |name: &str| inner.and_then(|recording| recording.text_of(name));
    let opted_out = text("optout").or_else(|| element.text_of("do_not_record"));
    let license = text("license").or_else(|| element.text_of("recording_license"));
    let addresses = [element.text_of("video_download_url"), text("url").or_else(|| text("link"))];
    let addresses = addresses.into_iter().flatten().map(|url| (None, url, None)).collect();
    (opted_out.map_or(Value::Null, Value::from), license, addresses)
}

/// Returns the links of a session.
pub fn links(element: &Element) -> Vec<LabelledUrl> {
    let title = |link: &Element| Some(link.text.trim().to_owned()).filter(|text| !text.is_empty());
    let link = |link: &Element| {
        (title(link).or_else(|| link.attribute("title")), link.attribute("href").unwrap_or_default(), None)
    };
    let mut links: Vec<LabelledUrl> = element.list("links").iter().map(link).collect();
    let pages = ["url", "origin_url", "conf_url"].map(|name| ("Programme", element.text_of(name)));
    add_addresses(&mut links, pages.into_iter().chain([("Feedback", element.text_of("feedback_url"))]));
    links
}

/// Returns a person; `None` without a name.
pub fn person(element: &Element) -> Option<ProgrammePerson> {
    let inner = element.text_of("public_name").or_else(|| element.text_of("name"));
    let name = Some(element.text.trim().to_owned()).filter(|name| !name.is_empty()).or(inner)?;
    let attribute = |name: &str| element.attribute(name);
    let id =
        attribute("guid").or_else(|| attribute("code")).or_else(|| attribute("id")).unwrap_or_else(|| name.clone());
    Some(ProgrammePerson {
        id,
        ids: RecordIds::of_programme(attribute),
        name,
        biography: element.value_of("biography"),
        portrait: attribute("avatar").or_else(|| element.text_of("avatar")),
        links: attribute("url").map(|url| (Some("Profile".to_owned()), url, None)).into_iter().collect(),
        ..ProgrammePerson::default()
    })
}
