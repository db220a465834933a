//! Columns with places that are none: a service for meetings, an address on the net, or that the place is not known.

use serde_json::{Map, Value};

use super::Rows;
use super::mapping::{Cells, RuleOptions, field, fill};
use crate::content::field::Field;
use crate::transfer::read::SinkClosed;
use crate::transfer::read::online_places::whereabouts;
use crate::transfer::read::whereabouts::Whereabouts;
use crate::transfer::record::Record;

impl Rows<'_> {
    /// Returns where a text of a row says that something takes place, if its field is the venue and the text says more, or
    /// something else, than a place. What the mapping itself puts for the text is a place.
    pub(super) fn whereabouts(&self, declared: &'static Field, rule: &RuleOptions, text: &str) -> Option<Whereabouts> {
        let is_venue = declared.relation().is_some_and(|relation| relation.target == "venue");
        let found = whereabouts(Some(text).filter(|_| is_venue && !rule.words.contains_key(text))?);
        (found.is_online || found.map.is_some() || !found.rest.is_empty()).then_some(found)
    }

    /// Notes what is no part of a place, and the columns with details of a venue that is none.
    ///
    /// # Errors
    /// Returns [`SinkClosed`] if the import has ended.
    pub(super) fn tell_place(
        &self,
        line: &str,
        name: &str,
        found: &Whereabouts,
        cells: &Cells<'_>,
    ) -> Result<(), SinkClosed> {
        if found.place.is_empty() {
            for (inner, rule, _) in self.mapping.created_fields(self.content_type, name) {
                if fill(&rule.options().from, cells).is_ok_and(|text| !text.is_empty()) {
                    self.sink.left_out(line, &format!("{name}.{inner} of what is no place"));
                }
            }
        }
        found.tell(self.sink, line, &format!("/{name}"))
    }

    /// Sets how people attend, where the kind has such fields and the mapping does not set them.
    pub(super) fn set_place(&self, line: &str, found: &Whereabouts, record: &mut Record) {
        let has = |name: &str| field(self.content_type.fields, name).is_some();
        if !has("attendance_mode") || !has("online_url") {
            if found.url.is_some() {
                self.sink.left_out(line, "venue, an address on the net");
            }
            return;
        }
        let of_net = ["attendance_mode", "online_url"].into_iter();
        let mapped: Map<String, Value> =
            of_net.filter_map(|name| Some((name.to_owned(), record.body.get(name)?.clone()))).collect();
        found.set(record);
        let other = mapped.get("online_url").filter(|url| found.url.is_some() && url.as_str() != found.url.as_deref());
        if other.is_some() {
            self.sink.left_out(line, "venue, a further address on the net");
        }
        record.body.extend(mapped);
    }
}
