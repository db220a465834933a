//! Parser of the filters of a list: from query parameters, with their operators and values, to conditions.

use chrono::NaiveDate;

use crate::content::local_time::{end_of_day, instant_in_query};
use crate::content::slug::MAX_SLUG;
use crate::content::values;
use crate::content_types::{Column, Filter, FilterTarget};
use crate::delivery::query::parser::QueryParser;
use crate::delivery::query::years::{YEARS, YearSpan};
use crate::delivery::query::*;
use crate::items::NO_DATE;
use crate::time_zone::Zone;

/// A filter parameter, such as `starts_at[gte]=2026-11-28`.
struct FilterParameter<'a> {
    /// Name, with the operator.
    name: &'a str,
    /// Operator: the part of the name in brackets.
    operator: Option<&'a str>,
    value: &'a str,
}

impl QueryParser<'_> {
    /// Parses a filter parameter; `None` if it is no filter, or if it is invalid, which is recorded.
    pub(crate) fn condition(&mut self, name: &str, value: &str, zone: Zone) -> Option<Condition> {
        let (plain, operator) = match name.split_once('[') {
            Some((plain, rest)) => (plain, rest.strip_suffix(']')),
            None => (name, None),
        };
        let filter: &'static Filter = self.content_type.filters.iter().find(|f| f.name == plain)?;
        let parameter = FilterParameter { name, operator, value };
        match filter.on {
            FilterTarget::Time(column) => self.time(&parameter, column, zone),
            FilterTarget::When => match TimeRelation::ALL.iter().find(|(word, _)| *word == value) {
                Some((_, when)) => Some(Condition::When(*when)),
                None => {
                    self.refuse_value("when", value, &TimeRelation::ALL.map(|(word, _)| word));
                    None
                }
            },
            FilterTarget::Year => self.years(&parameter),
            FilterTarget::Near(relation) => self.parse_near(value).map(|around| Condition::Near { relation, around }),
            _ => self.values(&parameter, filter),
        }
    }

    fn parse_near(&mut self, value: &str) -> Option<Circle> {
        let around = parse_circle(value);
        if around.is_none() {
            let rule = format!(
                "must be latitude, longitude and a distance of at most {MAX_KILOMETRES} km, such as 50.84,4.36,10km"
            );
            self.violations.add("?near", "not_a_place", rule);
        }
        around
    }

    fn time(&mut self, parameter: &FilterParameter<'_>, column: Column, zone: Zone) -> Option<Condition> {
        let (_, compare) = Compare::ALL.iter().find(|(word, _)| Some(*word) == parameter.operator)?;
        match instant_in_query(parameter.value, zone) {
            // Only dates have ten characters.
            Ok(at) if parameter.value.len() == 10 => {
                Some(bound_by_day(column, *compare, at.with_timezone(&zone).date_naive(), zone))
            }
            Ok(at) => Some(Condition::Time(column, *compare, at.timestamp_micros())),
            Err((code, message)) => {
                self.violations.add(format!("?{}", parameter.name), code, message);
                None
            }
        }
    }

    fn years(&mut self, parameter: &FilterParameter<'_>) -> Option<Condition> {
        let is_year = |text: &str| text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit());
        let year = |text: &String| text.parse().ok().filter(|year| is_year(text) && (YEARS.0..=YEARS.1).contains(year));
        let years: Option<Vec<i32>> = self.given_values(parameter)?.iter().map(year).collect();
        let Some(years) = years else {
            let rule = format!("must be years of four digits, from {:04} to {}", YEARS.0, YEARS.1);
            self.violations.add(format!("?{}", parameter.name), "not_a_year", rule);
            return None;
        };
        Some(Condition::Years(YearSpan::of_years(years, self.site.time_zone)))
    }

    fn values(&mut self, parameter: &FilterParameter<'_>, filter: &Filter) -> Option<Condition> {
        let on = filter.on;
        let quantity = Quantity::ALL.iter().find(|(word, _)| Some(*word) == parameter.operator);
        let quantity = quantity.map_or(Quantity::Any, |(_, quantity)| *quantity);
        let values = self.given_values(parameter)?;
        let pointer = format!("?{}", parameter.name);
        let target = if let FilterTarget::Through(through) = on { through.filter.on } else { on };
        for value in &values {
            self.check_value(filter.name, &pointer, target, value);
        }
        let values = values.into_iter().map(|value| stored_form(target, value)).collect();
        Some(Condition::Values(on, quantity, values))
    }

    /// Returns the values of a parameter; `None` if there are none or too many, which is recorded.
    fn given_values(&mut self, parameter: &FilterParameter<'_>) -> Option<Vec<String>> {
        let values: Vec<String> = parameter.value.split(',').filter(|v| !v.is_empty()).map(str::to_owned).collect();
        let pointer = format!("?{}", parameter.name);
        if values.is_empty() {
            self.violations.add(pointer, "empty", "must not be empty; omit the parameter instead");
            return None;
        }
        if values.len() > MAX_VALUES {
            self.violations.add(pointer, "too_many", format!("at most {MAX_VALUES} values"));
            return None;
        }
        Some(values)
    }

    fn check_value(&mut self, name: &str, pointer: &str, on: FilterTarget, value: &str) {
        let known = match on {
            FilterTarget::Variant(known) => known.words,
            FilterTarget::Word(word) => word.words.map_or(&[][..], |known| known.words),
            _ => &[],
        };
        let plain = value.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        match on {
            _ if known.contains(&value) => {}
            _ if !known.is_empty() => self.refuse_value(name, value, known),
            FilterTarget::Country => {
                if let Err((code, message)) = values::country(value) {
                    self.violations.add(pointer, code, message);
                }
            }
            FilterTarget::Word(_) => {
                if let Err((code, message)) = values::language(value) {
                    self.violations.add(pointer, code, message);
                }
            }
            _ if value.len() > MAX_SLUG || !plain => {
                self.violations.add(pointer, "not_a_value", "ids and slugs contain only letters, digits and hyphens");
            }
            _ => {}
        }
    }
}

/// Returns a bound that is a date: the day counts as a whole, so that `lte` includes it and `gt` excludes it.
///
/// An end at midnight is that of the day before, as for `ends_on` in responses.
fn bound_by_day(column: Column, compare: Compare, day: NaiveDate, zone: Zone) -> Condition {
    let (begin, end) = (zone.midnight(day).timestamp_micros(), end_of_day(day, zone).timestamp_micros());
    let is_end = column == Column::EndsAt;
    let (compare, bound) = match compare {
        Compare::Gte => (if is_end { Compare::Gt } else { Compare::Gte }, begin),
        Compare::Gt => (if is_end { Compare::Gt } else { Compare::Gte }, end),
        Compare::Lte => (if is_end { Compare::Lte } else { Compare::Lt }, end),
        Compare::Lt => (if is_end { Compare::Lte } else { Compare::Lt }, begin),
    };
    Condition::Time(column, compare, bound)
}

/// Returns the bounds that are to be added to these conditions, so that no value that is absent meets a bound: the
/// numbers that stand for one are beyond all others.
pub(super) fn presence_bounds(conditions: &[Condition]) -> Vec<Condition> {
    let bounds = || {
        conditions.iter().filter_map(|condition| match condition {
            Condition::Time(column, compare, _) => Some((*column, *compare)),
            _ => None,
        })
    };
    let is_span = |column: Column| matches!(column, Column::StartsAt | Column::EndsAt);
    // An upper bound excludes what has no date already. A second one on the same column would mislead SQLite.
    let is_dated = bounds().any(|(column, compare)| is_span(column) && !compare.is_lower())
        || conditions
            .iter()
            .any(|condition| matches!(condition, Condition::When(TimeRelation::Past | TimeRelation::Ongoing)));
    let from = bounds().find(|(column, compare)| is_span(*column) && compare.is_lower() && !is_dated);
    let dated = from.map(|(column, _)| Condition::Time(column, Compare::Lt, NO_DATE));
    let of_publication =
        |lower: bool| bounds().any(|(column, compare)| column == Column::PublishedAt && compare.is_lower() == lower);
    let published = of_publication(false) && !of_publication(true);
    dated.into_iter().chain(published.then_some(Condition::Time(Column::PublishedAt, Compare::Gt, 0))).collect()
}

/// Returns a value in its stored form.
fn stored_form(on: FilterTarget, value: String) -> String {
    match on {
        FilterTarget::Country => value.to_ascii_uppercase(),
        FilterTarget::Word(word) if word.words.is_none() => values::language(&value).unwrap_or(value),
        _ => value,
    }
}

/// Parses a location with a distance, such as `50.84,4.36,10km`.
fn parse_circle(text: &str) -> Option<Circle> {
    let [latitude, longitude, distance] = text.split(',').collect::<Vec<_>>().try_into().ok()?;
    let number = |text: &str, min: f64, max: f64| -> Option<f64> {
        text.trim().parse().ok().filter(|number| (min..=max).contains(number))
    };
    let metres = match distance.trim().strip_suffix("km") {
        Some(kilometres) => number(kilometres, 0.0, MAX_KILOMETRES)? * 1_000.0,
        None => number(distance.trim().strip_suffix('m')?, 0.0, MAX_KILOMETRES * 1_000.0)?,
    };
    let (latitude, longitude) = (number(latitude, -90.0, 90.0)?, number(longitude, -180.0, 180.0)?);
    Some(Circle { latitude, longitude, distance: metres })
}
