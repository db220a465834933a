//! Feeds of any query of events, and of single events.

use std::sync::Arc;

use actix_web::http::Method;
use serde_json::Value;
use utoipa::openapi::RefOr;

use super::conditions::tag as etag;
use super::content_api::{collection_path, good_until, item_path, keep, kept_item, missing, negotiate, read_page, tag};
use super::openapi::schemas::text;
use super::parameters::{IF_NONE_MATCH, number, path_id_or_slug};
use super::preview_api::{Sight, sight};
use super::route::{Access, Answer, Request, Route, Takes};
use crate::content::LocaleMode;
use crate::content::fault::Faults;
use crate::database::Db;
use crate::delivery::kept::{Fresh, Made};
use crate::delivery::one::{One, one};
use crate::delivery::query::Pairs;
use crate::delivery::reader::Reader;
use crate::delivery::viewer::Viewer;
use crate::feeds::schedule::Schedule;
use crate::feeds::schedule_xml::schedule_xml;
use crate::feeds::{Feed, INCLUDED, atom, calendar, json_feed, json_ld, rss, table};
use crate::problem::{Kind, Problem};
use crate::resources::Resource;

/// Events of a feed when nothing else is asked for, and at most.
const USUAL: i64 = 100;
/// See [`USUAL`].
pub const MOST: i64 = 500;

/// The forms of a feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Calendar,
    Rss,
    Atom,
    JsonFeed,
    JsonLd,
    Csv,
    ScheduleJson,
    ScheduleXml,
}

impl Form {
    /// Those of lists.
    const LISTS: [Form; 6] = [Form::Calendar, Form::Rss, Form::Atom, Form::JsonFeed, Form::JsonLd, Form::Csv];
    /// Those of single events.
    const SINGLE: [Form; 4] = [Form::Calendar, Form::JsonLd, Form::ScheduleJson, Form::ScheduleXml];

    fn suffix(self) -> &'static str {
        match self {
            Form::Calendar => "ics",
            Form::Rss => "rss",
            Form::Atom => "atom",
            Form::JsonFeed => "json",
            Form::JsonLd => "jsonld",
            Form::Csv => "csv",
            Form::ScheduleJson => "schedule.json",
            Form::ScheduleXml => "schedule.xml",
        }
    }

    fn media_type(self) -> &'static str {
        match self {
            Form::Calendar => "text/calendar; charset=utf-8",
            Form::Rss => "application/rss+xml; charset=utf-8",
            Form::Atom => "application/atom+xml; charset=utf-8",
            Form::JsonFeed => "application/feed+json",
            Form::JsonLd => "application/ld+json",
            Form::Csv => "text/csv; charset=utf-8; header=present",
            Form::ScheduleJson => "application/json",
            Form::ScheduleXml => "application/xml",
        }
    }

    fn about(self) -> (&'static str, &'static str) {
        match self {
            Form::Calendar => ("Events as a calendar", "iCalendar (RFC 5545, RFC 7986), to be subscribed to."),
            Form::Rss => ("Events as RSS", "RSS 2.0."),
            Form::Atom => ("Events as Atom", "RFC 4287."),
            Form::JsonFeed => ("Events as a JSON Feed", "Version 1.1."),
            Form::JsonLd => ("Events as JSON-LD", "schema.org/Event, as an ItemList."),
            Form::Csv => ("Events as a table", "CSV (RFC 4180), for spreadsheets."),
            Form::ScheduleJson => {
                ("Programme as JSON", "The sessions by days and rooms, as frab and pretalx tell them.")
            }
            Form::ScheduleXml => ("Programme as XML", "The sessions by days and rooms, as frab and pretalx tell them."),
        }
    }

    /// Last part of the address, operation, and what is said of it, for one event.
    fn of_one(self) -> (&'static str, &'static str, &'static str, &'static str) {
        match self {
            Form::Calendar => {
                ("calendar.ics", "getEventCalendar", "An event as a calendar", "With its sessions, which belong to it.")
            }
            Form::ScheduleJson => ("schedule.json", "getEventScheduleJson", self.about().0, self.about().1),
            Form::ScheduleXml => ("schedule.xml", "getEventScheduleXml", self.about().0, self.about().1),
            _ => ("json-ld", "getEventJsonLd", "An event as JSON-LD", "schema.org/Event, for the page of the event."),
        }
    }

    /// Whether it shows the sessions of an event.
    fn has_sessions(self) -> bool {
        matches!(self, Form::Calendar | Form::ScheduleJson | Form::ScheduleXml)
    }

    fn write(self, feed: &Feed<'_>) -> String {
        match self {
            Form::Calendar => calendar::calendar(feed),
            Form::Rss => rss::rss(feed),
            Form::Atom => atom::atom(feed),
            Form::JsonFeed => json_feed::json_feed(feed).to_string(),
            Form::JsonLd => json_ld::embeddable(&json_ld::list_of(feed)),
            Form::Csv => table::csv(feed),
            // One event is all that they are ever asked for.
            Form::ScheduleJson | Form::ScheduleXml => String::new(),
        }
    }

    /// A feed of one event.
    fn write_one(self, feed: &Feed<'_>, event: &Value) -> String {
        match self {
            Form::JsonLd => json_ld::embeddable(&json_ld::event(feed, event)),
            Form::ScheduleJson => Schedule::new(feed, event).json(feed.own_url).to_string(),
            Form::ScheduleXml => schedule_xml(&Schedule::new(feed, event)),
            _ => self.write(feed),
        }
    }

    fn schema(self) -> RefOr<utoipa::openapi::Schema> {
        match self {
            Form::JsonFeed | Form::JsonLd | Form::ScheduleJson => {
                let free = utoipa::openapi::schema::AdditionalProperties::FreeForm(true);
                utoipa::openapi::ObjectBuilder::new().additional_properties(Some(free)).into()
            }
            _ => text().into(),
        }
    }
}

/// The feeds of events.
pub fn routes() -> Vec<Route> {
    let Some(resource) = Resource::of_kind("event") else { return Vec::new() };
    let list = Form::LISTS.into_iter().map(|form| {
        let (summary, about) = form.about();
        let path = format!("{}.{}", collection_path(resource), form.suffix());
        let id = format!("feedEvents{}", form.suffix().to_uppercase());
        Route::new(Method::GET, path, id, move |r| list(resource, form, r))
            .about(tag(resource), summary, format!("{about} Of any query: the filters are those of the list."))
            .access(Access::Public)
            .takes(Takes::Feed(resource))
            .parameters([IF_NONE_MATCH.clone()])
            .answers_as(200, "The feed.", Some((form.media_type(), form.schema())), &["ETag", "Cache-Control"])
            .answers_as(304, "The client has this feed already.", None, &[])
    });
    let single = Form::SINGLE.into_iter().map(|form| {
        let (name, id, summary, about) = form.of_one();
        Route::new(Method::GET, format!("{}/{name}", item_path(resource)), id, move |r| get(resource, form, r))
            .about(tag(resource), summary, about)
            .access(Access::Public)
            .takes(Takes::FeedOfOne)
            .parameters([path_id_or_slug(resource), IF_NONE_MATCH.clone()])
            .answers_as(200, "The event.", Some((form.media_type(), form.schema())), &["ETag", "Cache-Control"])
            .answers_as(304, "The client has it already.", None, &[])
            .problems(&[Kind::NotFound])
    });
    list.chain(single).collect()
}

/// The query of a feed: that of a list, with everything that a feed shows.
fn shaped(
    resource: &'static Resource,
    request: &Request,
) -> Result<(crate::delivery::query::ListQuery, String), Problem> {
    let limit = number(request, "limit", MOST)?.unwrap_or(USUAL);
    let pairs: Pairs = request.pairs.iter().filter(|(name, _)| name != "limit").cloned().collect();
    let mut faults = Faults::new();
    let site = &request.app.site;
    let mut reader = Reader { resource, site, viewer: &Viewer::Public, faults: &mut faults };
    let mut query = reader.list(&pairs, &request.app.site_key);
    let locale = match &query.shape.view.locale {
        LocaleMode::One(locale) => locale.clone(),
        LocaleMode::All => {
            faults.add("?locale", "not_allowed", "a feed is in one language");
            String::new()
        }
    };
    if !faults.is_empty() {
        return Err(Problem::bad_request(faults));
    }
    (query.shape.full, query.shape.include, query.limit) = (true, INCLUDED.to_vec(), limit);
    Ok((query, locale))
}

/// What a feed shows: who subscribes shows no token, so it is the same for all.
async fn only_public(request: &Request) -> Result<Sight, Problem> {
    let sight = sight(request).await?;
    sight.must_be_whole()?;
    Ok(Sight { viewer: Viewer::Public, ..sight })
}

async fn list(resource: &'static Resource, form: Form, mut request: Request) -> Result<Answer, Problem> {
    negotiate(&mut request);
    let sight = only_public(&request).await?;
    let (mut query, locale) = shaped(resource, &request)?;
    query.at = sight.at;
    let until = good_until(&query);
    let compute = async {
        let page = read_page(&request.app, resource, &sight, query).await?;
        let objects: Vec<&str> = page.cards.iter().map(|card| &*card.object).collect();
        let body = written(&request, form, &objects, &locale)?;
        let made = Made::new(form.media_type(), body, |body| etag(0, body), page.dependencies);
        Ok(Fresh::Here(Made { until, ..made }))
    };
    keep(&request, &sight, compute).await
}

async fn get(resource: &'static Resource, form: Form, mut request: Request) -> Result<Answer, Problem> {
    negotiate(&mut request);
    let sight = only_public(&request).await?;
    let (mut query, locale) = shaped(resource, &request)?;
    if form.has_sessions() {
        query.shape.include.extend(resource.children.map(|children| children.name));
    }
    let compute = async {
        let (app, key) = (Arc::clone(&request.app), request.path("id_or_slug").to_owned());
        let read = move |c: &mut Db| Ok(one(c, resource, &app.site, &key, &query.shape)?);
        let found = sight.read_item(&request.app, read).await?;
        let One::Here { composed, version } = found else { return Ok(missing(resource)) };
        let body = written(&request, form, &[&composed.object], &locale)?;
        Ok(kept_item(form.media_type(), body, version, composed.dependencies))
    };
    keep(&request, &sight, compute).await
}

/// The feed of these answers.
fn written(request: &Request, form: Form, objects: &[&str], locale: &str) -> Result<String, Problem> {
    let parse = |object: &&str| serde_json::from_str::<Value>(object).map_err(|error| Problem::internal(&error));
    let events: Vec<Value> = objects.iter().map(parse).collect::<Result<_, _>>()?;
    let public_url = request.app.config.public_url.trim_end_matches('/');
    let query = request.http.query_string();
    let mark = if query.is_empty() { "" } else { "?" };
    let own_url = format!("{public_url}{}{mark}{query}", request.http.path());
    let list_url = format!("{public_url}/api/v1/events{mark}{query}");
    let site = &request.app.site;
    let feed = Feed { site, own_url: &own_url, list_url: &list_url, public_url, locale, events: &events };
    Ok(match events.as_slice() {
        [event] if !request.path("id_or_slug").is_empty() => form.write_one(&feed, event),
        _ => form.write(&feed),
    })
}
