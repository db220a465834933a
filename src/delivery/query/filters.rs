//! Parser of the filters of a list: from query parameters, with their operators and values, to conditions.

use crate::content::local_time::instant_in_query;
use crate::content::slug::MAX_SLUG;
use crate::content::values;
use crate::content_types::{Column, Filter, FilterTarget};
use crate::delivery::query::parser::QueryParser;
use crate::delivery::query::years::{YEARS, YearSpan};
use crate::delivery::query::*;
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
            FilterTarget::When => match When::ALL.iter().find(|(word, _)| *word == value) {
                Some((_, when)) => Some(Condition::When(*when)),
                None => {
                    self.refuse_value("when", value, &When::ALL.map(|(word, _)| word));
                    None
                }
            },
            FilterTarget::Year => self.years(&parameter),
            FilterTarget::Near(relation) => self.near(value).map(|around| Condition::Near { relation, around }),
            _ => self.values(&parameter, filter),
        }
    }

    fn near(&mut self, value: &str) -> Option<Circle> {
        let around = around(value);
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

/// Returns a value in its stored form.
fn stored_form(on: FilterTarget, value: String) -> String {
    match on {
        FilterTarget::Country => value.to_ascii_uppercase(),
        FilterTarget::Word(word) if word.words.is_none() => values::language(&value).unwrap_or(value),
        _ => value,
    }
}

/// Parses a location with a distance, such as `50.84,4.36,10km`.
fn around(text: &str) -> Option<Circle> {
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
