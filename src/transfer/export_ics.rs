//! Events as iCalendar (RFC 5545, RFC 7986): published ones that have a date.

use std::collections::BTreeMap;
use std::io::Write;

use chrono::{DateTime, Datelike, NaiveDate, Utc};
use chrono_tz::Tz;
use icalendar::{Component, Event, EventStatus, Property};
use serde_json::{Map, Value};

use super::export::{ExportError, each};
use super::timezone::vtimezone;
use crate::content::Site;
use crate::content::moment::Moment;
use crate::content::rich_text::to_text;
use crate::database::Database;
use crate::editorial::derive::label;
use crate::items::Item;
use crate::resources::Resource;

/// Writes a calendar of all events that the public can see; says how many.
pub async fn write<W: Write + Send + 'static>(
    database: &Database,
    site: &Site,
    public_url: &str,
    mut out: W,
) -> Result<u64, ExportError> {
    let (site, public_url) = (site.clone(), public_url.trim_end_matches('/').to_owned());
    database
        .read(move |c| {
            let Some(resource) = Resource::of_kind("event") else { return Ok(0) };
            out.write_all(
                b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Plenary//Plenary//EN\r\nCALSCALE:GREGORIAN\r\n",
            )?;
            let mut zones: BTreeMap<&'static str, (Tz, i32, i32)> = BTreeMap::new();
            let mut count = 0;
            each(c, resource, true, |_, rows| {
                for row in rows {
                    let content = row.content();
                    let Some(event) = event(&row, &content, resource, &site, &public_url, &mut zones) else { continue };
                    out.write_all(event.as_bytes())?;
                    count += 1;
                }
                Ok(())
            })?;
            // The order of components is free; by now it is known which zones and years there are.
            for (zone, first, last) in zones.into_values() {
                out.write_all(vtimezone(zone, first, last).as_bytes())?;
            }
            out.write_all(b"END:VCALENDAR\r\n")?;
            out.flush()?;
            Ok(count)
        })
        .await
}

fn event(
    row: &Item,
    content: &Map<String, Value>,
    resource: &'static Resource,
    site: &Site,
    public_url: &str,
    zones: &mut BTreeMap<&'static str, (Tz, i32, i32)>,
) -> Option<String> {
    let text = |name: &str| content.get(name).and_then(Value::as_str);
    let zone: Tz = text("time_zone")?.parse().ok()?;
    let starts = Moment::parse(text("starts_at")?, zone).ok()?;
    let ends = text("ends_at").and_then(|ends| Moment::parse(ends, zone).ok());
    let stamp = DateTime::<Utc>::from_timestamp_micros(row.updated_at)?;
    let mut event = Event::with_uid(&format!("{}@{}", row.id, host(public_url)));
    event.timestamp(stamp).last_modified(stamp).sequence(u32::try_from(row.version - 1).unwrap_or(u32::MAX));
    event.created(DateTime::<Utc>::from_timestamp_micros(row.created_at)?);
    event.summary(&label(resource, content, site)).url(&format!("{public_url}/api/v1/events/{}", row.slug));
    moment(&mut event, "DTSTART", &starts, false, zones);
    if let Some(ends) = &ends {
        moment(&mut event, "DTEND", ends, matches!(starts, Moment::At(_)), zones);
    }
    if let Some(description) = described(content, site) {
        event.description(&description);
    }
    match text("event_status") {
        Some("cancelled") => event.status(EventStatus::Cancelled),
        Some("postponed") => event.status(EventStatus::Tentative),
        _ => event.status(EventStatus::Confirmed),
    };
    if let Some(url) = text("online_url") {
        let mut conference = Property::new("CONFERENCE", url);
        event.append_property(conference.add_parameter("VALUE", "URI").done());
    }
    Some(event.to_string())
}

/// Sets a time. Days end with the first day after them; the end of an event with hours that has only
/// a date is the next midnight.
fn moment(
    event: &mut Event,
    name: &str,
    at: &Moment,
    as_instant: bool,
    zones: &mut BTreeMap<&'static str, (Tz, i32, i32)>,
) {
    let end = name == "DTEND";
    match at {
        Moment::Day(day) if !as_instant => {
            let day: NaiveDate = if end { day.succ_opt().unwrap_or(*day) } else { *day };
            let mut property = Property::new(name, day.format("%Y%m%d").to_string());
            event.append_property(property.add_parameter("VALUE", "DATE").done());
        }
        Moment::Day(day) => {
            let next = day.succ_opt().unwrap_or(*day);
            event.append_property(Property::new(name, next.format("%Y%m%dT000000").to_string()).done());
        }
        Moment::At(at) if at.timezone() == chrono_tz::UTC => {
            event.append_property(Property::new(name, at.format("%Y%m%dT%H%M%SZ").to_string()).done());
        }
        Moment::At(at) => {
            let zone = at.timezone();
            let years = zones.entry(zone.name()).or_insert((zone, at.year(), at.year()));
            (years.1, years.2) = (years.1.min(at.year()), years.2.max(at.year()));
            let mut property = Property::new(name, at.format("%Y%m%dT%H%M%S").to_string());
            event.append_property(property.add_parameter("TZID", zone.name()).done());
        }
    }
}

fn described(content: &Map<String, Value>, site: &Site) -> Option<String> {
    let picked = |name: &str| {
        let map = content.get(name)?.as_object()?;
        map.get(site.default_locale()).or_else(|| map.values().next())
    };
    let summary = picked("summary").and_then(Value::as_str).map(str::to_owned);
    summary.or_else(|| Some(to_text(picked("body")?.get("html")?.as_str()?)))
}

fn host(public_url: &str) -> String {
    url::Url::parse(public_url)
        .ok()
        .and_then(|u| u.host_str().map(str::to_owned))
        .unwrap_or_else(|| "plenary".to_owned())
}
