//! Endpoints that return lists of events and single events as feeds, calendars, tables and schedules.

use std::sync::Arc;

use serde_json::{Value, json};
use utoipa::openapi::RefOr;
use utoipa::openapi::path::{Parameter, ParameterIn};

use crate::api::content::items::{
    cached_or_compute, collection_path, expires_at, item_path, item_response, negotiate, not_found_response, read_page,
};
use crate::api::openapi::schemas::{json_document, one_of, text};
use crate::api::parameters::{IF_NONE_MATCH, number, path_id_or_slug};
use crate::api::preview_links::{ReadView, read_view, restrict_to_link};
use crate::content::LocaleMode;
use crate::content::violation::Violations;
use crate::content_types::ContentType;
use crate::database::Db;
use crate::delivery::ReadContext;
use crate::delivery::cache::cached_response::{FreshResponse, ReadOutcome};
use crate::delivery::get_item::{ItemLookup, find_item};
use crate::delivery::query::parser::QueryParser;
use crate::delivery::query::{ListQuery, Pairs};
use crate::delivery::viewer::Viewer;
use crate::feeds::schedule::ConferenceSchedule;
use crate::feeds::schedule_xml::schedule_xml;
use crate::feeds::{Feed, INCLUDED, atom, calendar, json_feed, json_ld, rss, table};
use crate::http::preconditions::entity_tag as etag;
use crate::http::request::Request;
use crate::http::response::Response;
use crate::http::route::{Access, ParameterSet, Route, SharedOperation, parameter};
use crate::problem::{Problem, ProblemKind};

/// Default number of events in a feed.
const DEFAULT_LIMIT: i64 = 100;
/// Maximum number of events in a feed.
pub const MAX_FEED_EVENTS: i64 = 500;

/// The format of a feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FeedFormat {
    Calendar,
    Rss,
    Atom,
    JsonFeed,
    JsonLd,
    Csv,
    ScheduleJson,
    ScheduleXml,
}

impl FeedFormat {
    /// Formats of lists of events.
    const LISTS: [FeedFormat; 6] = [
        FeedFormat::Calendar,
        FeedFormat::Rss,
        FeedFormat::Atom,
        FeedFormat::JsonFeed,
        FeedFormat::JsonLd,
        FeedFormat::Csv,
    ];
    /// Formats of single events.
    const SINGLE: [FeedFormat; 4] =
        [FeedFormat::Calendar, FeedFormat::JsonLd, FeedFormat::ScheduleJson, FeedFormat::ScheduleXml];

    fn suffix(self) -> &'static str {
        match self {
            FeedFormat::Calendar => "ics",
            FeedFormat::Rss => "rss",
            FeedFormat::Atom => "atom",
            FeedFormat::JsonFeed => "json",
            FeedFormat::JsonLd => "jsonld",
            FeedFormat::Csv => "csv",
            FeedFormat::ScheduleJson => "schedule.json",
            FeedFormat::ScheduleXml => "schedule.xml",
        }
    }

    fn media_type(self) -> &'static str {
        match self {
            FeedFormat::Calendar => "text/calendar; charset=utf-8",
            FeedFormat::Rss => "application/rss+xml; charset=utf-8",
            FeedFormat::Atom => "application/atom+xml; charset=utf-8",
            FeedFormat::JsonFeed => "application/feed+json",
            FeedFormat::JsonLd => "application/ld+json",
            FeedFormat::Csv => "text/csv; charset=utf-8; header=present",
            FeedFormat::ScheduleJson => "application/json",
            FeedFormat::ScheduleXml => "application/xml",
        }
    }

    /// Returns the summary of the operation and the specification of the format.
    fn list_texts(self) -> (&'static str, &'static str) {
        match self {
            FeedFormat::Calendar => {
                ("Get events as a calendar", "iCalendar (RFC 5545, RFC 7986), to which calendar programs can subscribe")
            }
            FeedFormat::Rss => ("Get events as RSS", "RSS 2.0"),
            FeedFormat::Atom => ("Get events as Atom", "Atom (RFC 4287)"),
            FeedFormat::JsonFeed => ("Get events as a JSON Feed", "JSON Feed 1.1"),
            FeedFormat::JsonLd => {
                ("Get events as JSON-LD", "JSON-LD: a schema.org/ItemList of schema.org/Event objects")
            }
            FeedFormat::Csv => ("Get events as a table", "CSV (RFC 4180), for spreadsheets"),
            FeedFormat::ScheduleJson => (
                "Get the schedule of an event as JSON",
                "Returns the sessions of the event by day and room, in the schedule format of frab and pretalx.",
            ),
            FeedFormat::ScheduleXml => (
                "Get the schedule of an event as XML",
                "Returns the sessions of the event by day and room, in the schedule format of frab and pretalx.",
            ),
        }
    }

    /// Returns the last path segment, the operation id, the summary and the description of the operation for
    /// one event.
    fn item_operation(self) -> (&'static str, &'static str, &'static str, &'static str) {
        match self {
            FeedFormat::Calendar => (
                "calendar.ics",
                "getEventCalendar",
                "Get an event as a calendar",
                "Returns the event and its sessions as iCalendar (RFC 5545, RFC 7986); the sessions are related to \
                 the event.",
            ),
            FeedFormat::ScheduleJson => {
                ("schedule.json", "getEventScheduleJson", self.list_texts().0, self.list_texts().1)
            }
            FeedFormat::ScheduleXml => {
                ("schedule.xml", "getEventScheduleXml", self.list_texts().0, self.list_texts().1)
            }
            _ => (
                "json-ld",
                "getEventJsonLd",
                "Get an event as JSON-LD",
                "Returns the event as a schema.org/Event object in JSON-LD, for the web page of the event.",
            ),
        }
    }

    /// Whether the format contains the sessions of an event.
    fn has_sessions(self) -> bool {
        matches!(self, FeedFormat::Calendar | FeedFormat::ScheduleJson | FeedFormat::ScheduleXml)
    }

    /// Writes a feed of a list of events.
    fn write(self, feed: &Feed<'_>) -> String {
        match self {
            FeedFormat::Calendar => calendar::calendar(feed),
            FeedFormat::Rss => rss::rss(feed),
            FeedFormat::Atom => atom::atom(feed),
            FeedFormat::JsonFeed => json_feed::json_feed(feed).to_string(),
            FeedFormat::JsonLd => json_ld::embeddable(&json_ld::list_of(feed)),
            FeedFormat::Csv => table::csv(feed),
            // Schedules are formats of single events only; see `SINGLE`.
            FeedFormat::ScheduleJson | FeedFormat::ScheduleXml => String::new(),
        }
    }

    /// Writes a feed of a single event.
    fn write_one(self, feed: &Feed<'_>, event: &Value) -> String {
        match self {
            FeedFormat::JsonLd => json_ld::embeddable(&json_ld::event(feed, event)),
            FeedFormat::ScheduleJson => ConferenceSchedule::new(feed, event).json(feed.own_url).to_string(),
            FeedFormat::ScheduleXml => schedule_xml(&ConferenceSchedule::new(feed, event)),
            _ => self.write(feed),
        }
    }

    fn schema(self) -> RefOr<utoipa::openapi::Schema> {
        match self {
            FeedFormat::JsonFeed | FeedFormat::JsonLd | FeedFormat::ScheduleJson => json_document(),
            _ => text().into(),
        }
    }
}

/// Returns the feed routes of events.
pub fn routes() -> Vec<Route> {
    let Some(resource) = ContentType::of_kind("event") else { return Vec::new() };
    let formats = FeedFormat::LISTS.map(|format| format!("`{}`: {}", format.suffix(), format.list_texts().1));
    let description = format!(
        "Returns public events in a format, with the filters and sort keys of the list of events. {}. Fails with 400 \
         when a parameter is unknown or invalid, or when the query is too expensive, and with 401 when the token or \
         the preview link is not valid.",
        formats.join("; ")
    );
    let list = FeedFormat::LISTS.into_iter().map(|feed_format| {
        let (summary, _) = feed_format.list_texts();
        let path = format!("{}.{}", collection_path(resource), feed_format.suffix());
        let id = format!("feedEvents{}", feed_format.suffix().to_uppercase());
        let shared = SharedOperation {
            path: format!("{}.{{format}}", collection_path(resource)),
            parameter: format_parameter(),
            operation_id: "feedEvents",
            tag: resource.title_plural,
            summary: "Get events as a feed, a calendar or a table",
        };
        Route::get(path, Access::Public, move |r| list(resource, feed_format, r))
            .operation_id(id)
            .shared(shared)
            .tag(resource.title_plural)
            .summary(summary)
            .description(description.clone())
            .parameter_set(ParameterSet::Feed(resource))
            .parameters([IF_NONE_MATCH.clone()])
            .responds_as(200, "The feed.", feed_format.media_type(), feed_format.schema(), &["ETag", "Cache-Control"])
            .responds_empty(304, "The client already has the current representation.", &[])
            .problems(&[ProblemKind::NotFound])
    });
    let single = FeedFormat::SINGLE.into_iter().map(|feed_format| {
        let (name, id, summary, description) = feed_format.item_operation();
        Route::get(format!("{}/{name}", item_path(resource)), Access::Public, move |r| get(resource, feed_format, r))
            .operation_id(id)
            .tag(resource.title_plural)
            .summary(summary)
            .description(format!(
                "{description} Fails with 404 when no such event is public, with 400 when a parameter is unknown or \
                 invalid, and with 401 when the token or the preview link is not valid."
            ))
            .parameter_set(ParameterSet::FeedOfOne)
            .parameters([path_id_or_slug(), IF_NONE_MATCH.clone()])
            .responds_as(
                200,
                "The event in this format.",
                feed_format.media_type(),
                feed_format.schema(),
                &["ETag", "Cache-Control"],
            )
            .responds_empty(304, "The client already has the current representation.", &[])
            .problems(&[ProblemKind::NotFound])
    });
    list.chain(single).collect()
}

/// Returns the path parameter of the shared description with the format of a feed.
fn format_parameter() -> Parameter {
    let schema = one_of("FeedFormat", &FeedFormat::LISTS.map(FeedFormat::suffix));
    parameter("format", ParameterIn::Path, schema, "Format of the feed.", json!("ics"))
}

/// Parses the query of a feed, and its locale: a list query with the full items and the relations that feeds
/// show, and with the limits of feeds.
fn parse_feed_query(
    content_type: &'static ContentType,
    request: &Request,
    viewer: &Viewer,
) -> Result<(ListQuery, String), Problem> {
    let limit = number(request, "limit", MAX_FEED_EVENTS)?.unwrap_or(DEFAULT_LIMIT);
    let pairs: Pairs = request.query_pairs.iter().filter(|(name, _)| name != "limit").cloned().collect();
    let mut violations = Violations::new();
    let site = &request.app.site;
    let mut parser = QueryParser { content_type, site, viewer, violations: &mut violations };
    let mut query = parser.list(&pairs, &request.app.site_key);
    let locale = match &query.shape.view.locale {
        LocaleMode::One(locale) => locale.clone(),
        LocaleMode::All => {
            violations.add("?locale", "not_allowed", "a feed has one locale");
            String::new()
        }
    };
    if !violations.is_empty() {
        return Err(Problem::bad_request(violations));
    }
    (query.shape.full, query.shape.include, query.limit) = (true, INCLUDED.to_vec(), limit);
    Ok((query, locale))
}

/// Returns the view of a feed: that of the public, even if the caller is an editor. Subscribers send no
/// token, so a feed must show an editor what subscribers get.
async fn public_view(request: &Request) -> Result<ReadView, Problem> {
    let view = read_view(request).await?;
    view.require_list_access()?;
    Ok(ReadView { viewer: Viewer::Public, ..view })
}

/// Returns the view of one event as a feed: that of the public, or of the holder of a preview link.
async fn item_view(request: &Request) -> Result<ReadView, Problem> {
    let view = read_view(request).await?;
    match view.viewer {
        Viewer::Link { .. } => Ok(view),
        Viewer::Public | Viewer::Editor { .. } => Ok(ReadView { viewer: Viewer::Public, ..view }),
    }
}

async fn list(
    content_type: &'static ContentType,
    feed_format: FeedFormat,
    mut request: Request,
) -> Result<Response, Problem> {
    negotiate(&mut request);
    let view = public_view(&request).await?;
    let (mut query, locale) = parse_feed_query(content_type, &request, &view.viewer)?;
    query.at = view.at;
    let expires_at = expires_at(&query);
    let compute = async {
        let page = read_page(&request.app, content_type, &view, query).await?;
        let objects: Vec<&str> = page.items.iter().map(|item| &*item.object).collect();
        let body = write_feed(&request, feed_format, &objects, &locale)?;
        let fresh = FreshResponse::new(feed_format.media_type(), body, |body| etag(0, body), page.dependencies);
        Ok(ReadOutcome::Found(FreshResponse { expires_at, ..fresh }))
    };
    cached_or_compute(&request, &view, compute).await
}

async fn get(
    content_type: &'static ContentType,
    feed_format: FeedFormat,
    mut request: Request,
) -> Result<Response, Problem> {
    negotiate(&mut request);
    let view = item_view(&request).await?;
    let (mut query, locale) = parse_feed_query(content_type, &request, &view.viewer)?;
    if feed_format.has_sessions() {
        query.shape.include.extend(content_type.children.map(|children| children.name));
    }
    let compute = async {
        let (app, key) = (Arc::clone(&request.app), request.path("id_or_slug").to_owned());
        let read = move |c: &mut Db| {
            restrict_to_link(c, content_type, &key, &mut query.shape)?;
            let context = ReadContext { content_type, site: &app.site, shape: &query.shape };
            Ok(find_item(c, context, &key)?)
        };
        let lookup = view.read_item(&request.app, read).await?;
        let ItemLookup::Found { item, version } = lookup else { return Ok(not_found_response(content_type)) };
        let body = write_feed(&request, feed_format, &[&item.object], &locale)?;
        Ok(item_response(feed_format.media_type(), body, version, item.dependencies))
    };
    cached_or_compute(&request, &view, compute).await
}

/// Writes events, given as JSON objects of the API, in a feed format.
fn write_feed(request: &Request, feed_format: FeedFormat, objects: &[&str], locale: &str) -> Result<String, Problem> {
    let parse = |object: &&str| serde_json::from_str::<Value>(object).map_err(|error| Problem::internal(&error));
    let events: Vec<Value> = objects.iter().map(parse).collect::<Result<_, _>>()?;
    let public_url = request.app.config.base_url();
    let query = request.http.query_string();
    let mark = if query.is_empty() { "" } else { "?" };
    let own_url = format!("{public_url}{}{mark}{query}", request.http.path());
    let list_url = format!("{public_url}/api/v1/events{mark}{query}");
    let site = &request.app.site;
    let feed = Feed { site, own_url: &own_url, list_url: &list_url, public_url, locale, events: &events };
    Ok(match events.as_slice() {
        [event] if !request.path("id_or_slug").is_empty() => feed_format.write_one(&feed, event),
        _ => feed_format.write(&feed),
    })
}
