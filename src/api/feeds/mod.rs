//! Endpoints that return events and sessions as feeds, calendars, tables and schedules.

mod formats;
mod lists;
mod one_event;
mod queries;
mod whole_table;

use serde_json::json;
use utoipa::openapi::path::{Parameter, ParameterIn};

use crate::api::content::items::{collection_path, item_path};
use crate::api::openapi::schemas::one_of;
use crate::api::parameters::{IF_NONE_MATCH, feed_fallback, path_id_or_slug};
use crate::content_types::ContentType;
use crate::http::route::{Access, ParameterSet, Route, SharedOperation, parameter};
use crate::problem::ProblemKind;
use formats::FeedFormat;
pub use formats::{MAX_CALENDAR, MAX_FEED_ITEMS, USUAL_LIMIT};
use queries::DAYS_BACK;

/// Headers of the responses with lists.
const LIST_HEADERS: &[&str] = &["ETag", "Link", "Cache-Control"];

/// Returns the feed routes of events and sessions.
pub fn routes() -> Vec<Route> {
    let (Some(events), Some(sessions)) = (ContentType::of_kind("event"), ContentType::of_kind("session")) else {
        return Vec::new();
    };
    let lists = FeedFormat::LISTS.into_iter().map(|feed_format| list_route(events, feed_format));
    let single = FeedFormat::SINGLE.into_iter().map(|feed_format| single_route(events, feed_format));
    lists.chain(single).chain([session_calendar_route(sessions)]).collect()
}

fn list_route(events: &'static ContentType, feed_format: FeedFormat) -> Route {
    let shared = SharedOperation {
        path: format!("{}.{{format}}", collection_path(events)),
        parameter: format_parameter(),
        operation_id: "feedEvents",
        tag: events.title_plural,
        summary: "Get events as a feed, a calendar or a table",
    };
    let description = format!(
        "Returns public events as iCalendar (RFC 5545), RSS 2.0, Atom (RFC 4287), JSON Feed 1.1, JSON-LD (schema.org) \
         or CSV (RFC 4180), with the filters of the list. A calendar without bounds on times has what ends in the last \
         {DAYS_BACK} days and all that follows; `rss`, `atom` and `json` begin with what was published last. `Link` \
         leads to more (RFC 8288, RFC 5005). Fails with 400 when a parameter is invalid or the query too expensive."
    );
    let path = format!("{}.{}", collection_path(events), feed_format.suffix());
    Route::get(path, Access::Public, move |r| lists::events(events, feed_format, r))
        .operation_id(format!("feedEvents{}", feed_format.suffix().to_uppercase()))
        .shared_operation(shared)
        .tag(events.title_plural)
        .summary(feed_format.list_summary())
        .description(description)
        .parameter_set(ParameterSet::Feed(events))
        .parameters([IF_NONE_MATCH.clone()])
        .responds_as(200, "The feed.", feed_format.media_type(), feed_format.schema(), LIST_HEADERS)
        .responds_empty(304, "The client already has the current representation.", &[])
        .problems(&[ProblemKind::NotFound])
}

fn session_calendar_route(sessions: &'static ContentType) -> Route {
    let calendar = FeedFormat::Calendar;
    let path = format!("{}.{}", collection_path(sessions), calendar.suffix());
    Route::get(path, Access::Public, move |r| lists::sessions(sessions, r))
        .operation_id("feedSessions")
        .tag(sessions.title_plural)
        .summary("Get sessions as a calendar")
        .description(
            "Returns public sessions, such as those of a speaker, as iCalendar, with the filters of the list and the \
             bounds of the calendar of events. Fails with 400 when a parameter is invalid.",
        )
        .parameter_set(ParameterSet::Feed(sessions))
        .parameters([IF_NONE_MATCH.clone()])
        .responds_as(200, "The calendar.", calendar.media_type(), calendar.schema(), LIST_HEADERS)
        .responds_empty(304, "The client already has the current representation.", &[])
}

fn single_route(events: &'static ContentType, feed_format: FeedFormat) -> Route {
    let (name, id, summary, description) = feed_format.item_operation();
    let path = format!("{}/{name}", item_path(events));
    let route = Route::get(path, Access::Public, move |r| one_event::get(events, feed_format, r));
    let route = match feed_format.is_schedule() {
        true => route.shared_operation(shared_schedule(events)),
        // A programme requires titles.
        false => route.parameters([feed_fallback()]),
    };
    route
        .operation_id(id)
        .tag(events.title_plural)
        .summary(summary)
        .description(format!("{description} A former slug redirects. Fails with 404 when no such event is public."))
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
        .responds_empty(308, "The item has another slug now; `Location` is its address.", &["Location"])
        .problems(&[ProblemKind::NotFound])
}

/// Returns what the descriptions of the programme in its formats have in common.
fn shared_schedule(events: &ContentType) -> SharedOperation {
    let schema = one_of("ScheduleFormat", &["json", "xml"]);
    SharedOperation {
        path: format!("{}/schedule.{{format}}", item_path(events)),
        parameter: parameter("format", ParameterIn::Path, schema, "Format of the schedule.", json!("json")),
        operation_id: "getEventSchedule",
        tag: events.title_plural,
        summary: "Get the schedule of an event",
    }
}

/// Returns the path parameter of the shared description with the format of a feed.
fn format_parameter() -> Parameter {
    let schema = one_of("FeedFormat", &FeedFormat::LISTS.map(FeedFormat::suffix));
    parameter("format", ParameterIn::Path, schema, "Format of the feed.", json!("ics"))
}
