//! The sessions of a programme in the format of the c3voc's `schedule.json`.

use chrono::{DateTime, Datelike};
use serde_json::{Value, json};

use super::pages::page;
use super::schedule::{ConferenceSchedule, without_unknown};
use super::{Feed, list, local_time, object, text, text_of_page};
use crate::content::local_time::rfc3339;
use crate::time_zone::Zone;

/// One session of a programme.
pub struct ScheduledTalk<'a> {
    pub session: &'a Value,
    /// Start in the time zone of the event.
    pub starts: DateTime<Zone>,
    /// End in the time zone of the event, after the start; `None` if it is not known.
    pub ends: Option<DateTime<Zone>>,
}

impl<'a> ScheduledTalk<'a> {
    /// Creates a session; `None` if it has no start.
    ///
    /// Its times are converted to `zone`, the time zone of the programme, since the session may have another
    /// one. A time that would fall outside the years 1 to 9999 by this, which RFC 3339 cannot represent,
    /// keeps its own zone.
    pub fn new(session: &'a Value, zone: Zone) -> Option<Self> {
        let at = |name| {
            let own = local_time(session, name)?;
            Some(own.with_timezone(&zone)).filter(|at| (1..=9_999).contains(&at.year())).or(Some(own))
        };
        let starts = at("starts_at")?;
        Some(Self { session, starts, ends: at("ends_at").filter(|ends| *ends > starts) })
    }

    /// Returns the duration as `hh:mm`. The formats demand one; it is `00:00` if the end is not known.
    pub fn duration(&self) -> String {
        let minutes = self.ends.map_or(0, |ends| (ends - self.starts).num_minutes());
        format!("{:02}:{:02}", minutes / 60, minutes % 60)
    }

    /// Returns the local time of the start as `hh:mm`.
    pub fn clock(&self) -> String {
        self.starts.format("%H:%M").to_string()
    }

    /// Returns the speakers.
    pub fn people(&self) -> impl Iterator<Item = &'a Value> {
        list(self.session, "speakers").iter().filter_map(|link| link.get("speaker"))
    }

    /// Returns links with their titles: those of the session, and its recordings.
    pub fn links(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        list(self.session, "links").iter().chain(list(self.session, "recordings")).filter_map(url_and_title)
    }

    /// Returns the documents with their titles.
    pub fn attachments(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        list(self.session, "documents").iter().filter_map(url_and_title)
    }

    /// Returns the session in the format of the c3voc's `schedule.json`.
    pub fn json(&self, room: &str, schedule: &ConferenceSchedule<'_>) -> Value {
        let session = self.session;
        let identities = schedule.feed.identities;
        let linked = |(url, title): (&str, &str)| json!({"url": url, "title": title});
        let mut talk = json!({
            "id": identities.number(session),
            "guid": identities.guid(session),
            "code": identities.code(session),
            "date": rfc3339(&self.starts),
            "start": self.clock(),
            "duration": self.duration(),
            "room": room,
            "slug": schedule.slug(session),
            "url": schedule.page_of(session),
            "title": session["title"],
            "subtitle": text(session, "subtitle").unwrap_or_default(),
            "track": session["track"],
            "type": ConferenceSchedule::type_of(session),
            "language": session["language"],
            "abstract": schedule.html_of(session, "abstract"),
            "description": schedule.html_of(session, "description"),
            "persons": self.people().map(|person| person_json(schedule.feed, person)).collect::<Vec<_>>(),
            "links": self.links().map(linked).collect::<Vec<_>>(),
            "attachments": self.attachments().map(linked).collect::<Vec<_>>(),
        });
        if let Some(ends) = &self.ends {
            talk["end"] = rfc3339(ends).into();
        }
        if let Some(image) = object(session, "image").and_then(|image| image.get("url")) {
            talk["logo"] = image.clone();
        }
        // Whether a session may be recorded is told as far as it is known.
        for name in ["do_not_record", "recording_license", "feedback_url"] {
            if let Some(known) = session.get(name).filter(|value| !value.is_null()) {
                talk[name] = known.clone();
            }
        }
        talk
    }
}

/// Returns a speaker in the programme. `id` and `public_name` are deprecated members that programs still read.
fn person_json(feed: &Feed<'_>, person: &Value) -> Value {
    let identities = feed.identities;
    let slug = text(person, "slug").unwrap_or_default();
    let page = page(feed.site, feed.public_url, "speaker", slug, feed.locale);
    let biography = text(person, "biography").map(|html| text_of_page(html, &page)).filter(|text| !text.is_empty());
    let own_page = feed.site.page_url("speaker").map(|_| page);
    without_unknown([
        ("id", identities.number(person).into()),
        ("guid", identities.guid(person).into()),
        ("code", identities.code(person).into()),
        ("name", person["name"].clone()),
        ("public_name", person["name"].clone()),
        ("biography", biography.into()),
        ("avatar", object(person, "portrait").and_then(|image| text(image, "url")).into()),
        ("url", own_page.into()),
    ])
}

fn url_and_title(item: &Value) -> Option<(&str, &str)> {
    let url = text(item, "url")?;
    Some((url, text(item, "title").unwrap_or(url)))
}
