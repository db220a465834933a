//! The queries of feeds: those of lists, with the relations that feeds show, and with the order and the bounds of their
//! format.

use std::time::{Duration, Instant};

use chrono::{DateTime, Days, NaiveTime, Utc};

use crate::api::content::items::expires_at;
use crate::api::feeds::formats::{FeedFormat, MAX_FEED_ITEMS};
use crate::api::parameters::number;
use crate::content::LocaleMode;
use crate::content::violation::Violations;
use crate::content_types::{Column, ContentType, FilterTarget, UNTITLED};
use crate::database::now;
use crate::delivery::query::parser::QueryParser;
use crate::delivery::query::{Compare, Condition, ListQuery, Pairs, Quantity};
use crate::delivery::viewer::Viewer;
use crate::http::request::Request;
use crate::items::NO_DATE;
use crate::problem::Problem;

/// Number of days before the present day from which a calendar has events.
pub const DAYS_BACK: u64 = 90;

/// The query of a feed.
pub struct FeedQuery {
    pub list: ListQuery,
    /// Language of the texts.
    pub locale: String,
    /// Whether texts that are missing in the language are null.
    pub is_strict: bool,
    /// Time at which the response expires, if it depends on the time of day or the present day.
    pub expires_at: Option<Instant>,
}

/// Parses the query of a feed with these parameters, for a viewer.
///
/// # Errors
/// 400 if a parameter is invalid.
pub fn parse(
    content_type: &'static ContentType,
    request: &Request,
    viewer: &Viewer,
    pairs: &Pairs,
) -> Result<FeedQuery, Problem> {
    let mut violations = Violations::new();
    let site = &request.app.site;
    let mut parser = QueryParser { content_type, site, viewer, violations: &mut violations };
    let mut list = parser.list(pairs, &request.app.site_key);
    let locale = match &list.shape.view.locale {
        LocaleMode::One(locale) => locale.clone(),
        LocaleMode::All => {
            violations.add("?locale", "not_allowed", "a feed has one locale");
            String::new()
        }
    };
    if !violations.is_empty() {
        return Err(Problem::bad_request(violations));
    }
    list.shape.full = true;
    let (is_strict, expires_at) = (!list.shape.view.falls_back, expires_at(&list));
    Ok(FeedQuery { list, locale, is_strict, expires_at })
}

/// Parses the query of a feed of a list at a time (µs; now if `None`): with the order of the format, and, for a
/// calendar, from [`DAYS_BACK`] days before, unless the query has an order or bounds on times of its own.
///
/// # Errors
/// 400 if a parameter is invalid.
pub fn parse_list(
    content_type: &'static ContentType,
    feed_format: FeedFormat,
    request: &Request,
    at: Option<i64>,
) -> Result<FeedQuery, Problem> {
    let limit = number(request, "limit", MAX_FEED_ITEMS)?;
    let mut pairs: Pairs = request.query_pairs.iter().filter(|(name, _)| name != "limit").cloned().collect();
    // The order has to be known before the cursor is read, which belongs to one order.
    pairs.extend(usual_order(feed_format, &pairs).map(|order| ("sort".to_owned(), order.to_owned())));
    let mut query = parse(content_type, request, &Viewer::Public, &pairs)?;
    query.list.limit = limit.unwrap_or(feed_format.usual_limit());
    query.list.at = at;
    if query.is_strict {
        // The pages are of what the feed shows, and not of more.
        let without = FilterTarget::Word(UNTITLED);
        query.list.conditions.push(Condition::Values(without, Quantity::None, vec![query.locale.clone()]));
    }
    if feed_format == FeedFormat::Calendar && !query.list.conditions.iter().any(is_bound_on_time) {
        // A preview has the bounds of the present calendar, so that it shows all that is going to change in it.
        let today = DateTime::from_timestamp_micros(now()).unwrap_or_default();
        query.list.conditions.extend(calendar_bounds(today));
        query.expires_at = query.expires_at.or(Some(Instant::now() + until_midnight(today)));
    }
    Ok(query)
}

/// Returns the order of a feed whose query names none; `None` for that of the list.
///
/// A calendar has what is nearest to now, where it cannot have everything: what ends first, or, of the past, what ended
/// last. The end has an index that leads to it; by the start, all that is past would come first.
fn usual_order(feed_format: FeedFormat, pairs: &Pairs) -> Option<&'static str> {
    let has = |wanted: fn(&str, &str) -> bool| pairs.iter().any(|(name, value)| wanted(name, value));
    let is_ordered = has(|name, _| name == "sort" || name == "q");
    let has_start = has(|name, _| name.ends_with("_at[gte]") || name.ends_with("_at[gt]"));
    let has_end = has(|name, value| name.ends_with("_at[lte]") || name.ends_with("_at[lt]") || value == "past");
    match feed_format {
        _ if is_ordered => None,
        FeedFormat::Calendar if has_end && !has_start => Some("-ends_at"),
        FeedFormat::Calendar => Some("ends_at"),
        _ if feed_format.is_news() => Some("-published_at"),
        _ => None,
    }
}

/// Returns whether a condition says itself from when on the items are wanted, or which.
fn is_bound_on_time(condition: &Condition) -> bool {
    match condition {
        Condition::Time(column, ..) => matches!(column, Column::StartsAt | Column::EndsAt),
        Condition::When(_) | Condition::Years(_) => true,
        Condition::Values(on, ..) => matches!(on, FilterTarget::Ids | FilterTarget::Slug),
        Condition::Near { .. } => false,
    }
}

/// Returns the bounds of a calendar. They change once a day, so that a calendar can be cached until then.
fn calendar_bounds(today: DateTime<Utc>) -> [Condition; 2] {
    let from = (today.date_naive() - Days::new(DAYS_BACK)).and_time(NaiveTime::MIN).and_utc().timestamp_micros();
    let bound = |compare, at| Condition::Time(Column::EndsAt, compare, at);
    [bound(Compare::Gt, from), bound(Compare::Lt, NO_DATE)]
}

fn until_midnight(now: DateTime<Utc>) -> Duration {
    let midnight = (now.date_naive() + Days::new(1)).and_time(NaiveTime::MIN).and_utc();
    (midnight - now).to_std().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_calendar_has_what_is_nearest() {
        let order = |feed_format, query: &str| {
            usual_order(feed_format, &url::form_urlencoded::parse(query.as_bytes()).into_owned().collect())
        };
        for (query, calendar, news) in [
            ("", Some("ends_at"), Some("-published_at")),
            ("topic=water", Some("ends_at"), Some("-published_at")),
            ("when=past", Some("-ends_at"), Some("-published_at")),
            ("starts_at[lt]=2027-01-01", Some("-ends_at"), Some("-published_at")),
            ("starts_at[gte]=2026-01-01&starts_at[lt]=2027-01-01", Some("ends_at"), Some("-published_at")),
            ("sort=title", None, None),
            ("q=rivers", None, None),
        ] {
            assert_eq!(
                (order(FeedFormat::Calendar, query), order(FeedFormat::Atom, query)),
                (calendar, news),
                "{query}"
            );
            assert_eq!((order(FeedFormat::Csv, query), order(FeedFormat::JsonLd, query)), (None, None), "{query}");
        }
    }

    #[test]
    fn the_bounds_of_a_calendar_change_at_midnight() {
        let evening = DateTime::parse_from_rfc3339("2027-03-04T22:30:00Z").unwrap().to_utc();
        assert_eq!(until_midnight(evening), Duration::from_secs(5_400));
        let Condition::Time(Column::EndsAt, Compare::Gt, from) = calendar_bounds(evening)[0] else { panic!() };
        assert_eq!(DateTime::from_timestamp_micros(from).unwrap().to_rfc3339(), "2026-12-04T00:00:00+00:00");
    }
}
