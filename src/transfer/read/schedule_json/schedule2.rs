//! c3voc's schedule2: the sessions in one list, which names rooms, tracks and persons by their ids.

use serde_json::Value;

use super::ScheduleReader;
use super::frab::{UnknownPerson, talk_of};
use super::people::{ATTACHMENT, LINK, entries, ids_of, note_each, note_members, note_types};
use crate::content::slug::is_id;
use crate::transfer::read::programme::times::GivenTimes;
use crate::transfer::read::programme::words::{SESSION, words};
use crate::transfer::read::programme::{ImportedTalk, TalkPerson};
use crate::transfer::read::{SinkClosed, text_of};

/// Members of a session that are read besides those of frab's form.
const READ: [&str; 2] = ["feedback", "participants"];
/// The roles of participants that are roles here too, and what stands for them.
const ROLES: [(&str, &str); 6] = [
    ("speaker", "speaker"),
    ("keynote", "keynote"),
    ("moderator", "moderator"),
    ("panelist", "panellist"),
    ("panellist", "panellist"),
    ("host", "host"),
];

impl ScheduleReader<'_> {
    /// Reads a session.
    ///
    /// # Errors
    /// Returns [`SinkClosed`] if the import has ended.
    pub(super) fn listed_session(&mut self, at: &str, event: &Value) -> Result<(), SinkClosed> {
        let text = |name: &str| text_of(event.get(name));
        self.is_known = true;
        let Some(id) = text("guid").or_else(|| text("id")).or_else(|| text("code")) else {
            return self.sink.report_broken(at, "required", "an event requires a guid");
        };
        if self.programme.hides(at, &id, |name| event.get(name).cloned())? {
            return Ok(());
        }
        self.note_listed_session(at, event);
        note_types(self.sink, at, event)?;
        let mut talk = talk_of(event);
        let feedback = event.get("feedback").and_then(|feedback| text_of(feedback.get("url")));
        talk.links.extend(feedback.map(|url| (Some("Feedback".to_owned()), url, None)));
        let talk = ImportedTalk {
            id,
            ids: ids_of(event),
            times: GivenTimes {
                date: text("start"),
                end: text("end"),
                duration: text("duration"),
                ..GivenTimes::default()
            },
            room: self.referred_room(event.get("room")),
            track: self.referred_track(event.get("track")).unwrap_or_default(),
            people: self.participants(at, event)?,
            do_not_record: self.programme.consent(at, event.get("do_not_record"))?,
            ..talk
        };
        self.programme.talk(at, talk)
    }

    fn note_listed_session(&self, at: &str, event: &Value) {
        let (sink, inner) = (self.sink, |name: &str| event.get(name));
        let id = ["guid", "id", "code"].into_iter().find(|name| text_of(inner(name)).is_some());
        let ids: Vec<&str> = ids_of(event).members().chain(id).collect();
        note_members(sink, at, "event", event, &[&SESSION[..], &READ, &ids].concat());
        for (name, read) in [
            ("links", &LINK[..]),
            ("attachments", &ATTACHMENT),
            ("room", &["name", "guid"]),
            ("track", &["name"]),
            ("logo", &["url"]),
            ("feedback", &["url"]),
        ] {
            note_each(sink, at, name, inner(name), read);
        }
    }

    /// Returns the name of a room: its own, or that of the room with this id or slug.
    fn referred_room(&mut self, room: Option<&Value>) -> Option<String> {
        let (room, locale) = (room?, &self.settings.locale);
        let known = ["guid", "slug"].iter().find_map(|id| words(self.lookup.room(room.get(*id)?), locale));
        let name = words(room.get("name"), locale).or(known).or_else(|| text_of(Some(room)))?;
        Some(self.programme.room_name(&name, room.get("guid").and_then(Value::as_str).filter(|guid| is_id(guid))))
    }

    /// Returns the name of a track: its own, or that of the track with this id or slug.
    fn referred_track(&self, track: Option<&Value>) -> Option<Value> {
        let (track, is_name) = (track?, |name: &&Value| words(Some(*name), "").is_some());
        let ids = ["guid", "slug"].iter().filter_map(|id| track.get(*id));
        let known = ids.chain([track]).filter_map(|id| self.lookup.track(id));
        let own = track.get("name").into_iter().chain(known).chain([track].into_iter().filter(|it| !it.is_object()));
        own.chain(track.get("slug")).find(is_name).cloned()
    }

    /// Returns the participants with their roles. What is known of them stands in a list of its own.
    fn participants(&mut self, at: &str, event: &Value) -> Result<Vec<TalkPerson>, SinkClosed> {
        let given = event.get("participants").or_else(|| event.get("persons"));
        let mut people = Vec::new();
        for one in entries(given) {
            let role = text_of(one.get("role"));
            let known = role.as_deref().and_then(|role| {
                ROLES.iter().find(|(name, _)| name.eq_ignore_ascii_case(role)).map(|(_, known)| (*known).to_owned())
            });
            if let (Some(role), None) = (&role, &known) {
                self.sink.left_out(at, &format!("participant/role \"{role}\""));
            }
            let id = ["guid", "id", "code"].iter().find_map(|name| one.get(*name)).unwrap_or(one);
            let referred = self.lookup.person(id).cloned();
            match referred {
                Some(person) => people.push(TalkPerson { person, role: known }),
                None => {
                    let found = self.people(at, Some(&Value::Array(vec![one.clone()])), UnknownPerson::Name)?;
                    people.extend(found.into_iter().map(|found| TalkPerson { role: known.clone(), ..found }));
                }
            }
        }
        Ok(people)
    }
}
