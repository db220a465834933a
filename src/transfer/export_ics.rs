//! Export of events as iCalendar: the published events that have a date, as the calendar feed of the API has
//! them.

use std::collections::HashSet;
use std::io::Write;

use serde_json::Value;

use super::export::{ExportError, for_each_chunk};
use crate::content::Site;
use crate::content_types::ContentType;
use crate::database::Database;
use crate::delivery::identities::identities;
use crate::delivery::render::compose::compose;
use crate::delivery::render::loaded_item::LoadedItem;
use crate::delivery::revisions::revisions;
use crate::delivery::{ReadContext, Shape};
use crate::feeds::calendar::{ZoneOffsets, push_event, push_zones};
use crate::feeds::{Feed, INCLUDED, OtherPages};
use crate::items::render::View;

/// Writes a calendar of all public events. Returns their number.
///
/// # Errors
/// Fails if the database fails or the output cannot be written.
pub async fn write<W: Write + Send + 'static>(
    database: &Database,
    site: &Site,
    public_url: &str,
    mut out: W,
) -> Result<u64, ExportError> {
    let (site, public_url) = (site.clone(), public_url.to_owned());
    database
        .read(move |c| {
            let Some(content_type) = ContentType::of_kind("event") else { return Ok(0) };
            out.write_all(
                b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Plenary//Plenary//EN\r\nCALSCALE:GREGORIAN\r\n",
            )?;
            let view = View::default_for(&site);
            let shape = Shape { include: INCLUDED.to_vec(), ..Shape::for_public(view.clone(), true) };
            let (mut zones, mut count, mut earlier) = (ZoneOffsets::new(), 0, HashSet::new());
            for_each_chunk(c, content_type, true, |c, rows| {
                let items: Vec<LoadedItem> =
                    rows.into_iter().map(|row| LoadedItem::from_item(row, &site, &view)).collect();
                let context = ReadContext { content_type, site: &site, shape: &shape };
                let events: Vec<Value> = compose(c, context, &items)?
                    .iter()
                    .map(|item| serde_json::from_str(&item.object).unwrap_or_default())
                    .collect();
                let mut identities = identities(c, &events)?;
                identities.part_from(&mut earlier);
                let feed = Feed {
                    site: &site,
                    own_url: "",
                    list_url: "",
                    public_url: &public_url,
                    locale: site.default_locale(),
                    pages: OtherPages::default(),
                    items: &events,
                    revisions: &revisions(c, &events)?,
                    identities: &identities,
                };
                for event in &events {
                    let mut component = String::new();
                    push_event(&mut component, &feed, event, &mut zones);
                    out.write_all(component.as_bytes())?;
                    count += u64::from(!component.is_empty());
                }
                Ok(())
            })?;
            // The time zones come last: the zones and years in use are known only now, and the order of
            // components is free.
            let mut end = String::new();
            push_zones(&mut end, zones);
            end.push_str("END:VCALENDAR\r\n");
            out.write_all(end.as_bytes())?;
            out.flush()?;
            Ok(count)
        })
        .await
}
