//! The parameters with which lists and feeds are searched, sorted and filtered.

use serde_json::json;
use utoipa::openapi::path::Parameter;
use utoipa::openapi::schema::ArrayBuilder;
use utoipa::openapi::{RefOr, Schema};

use crate::api::openapi::schemas::{enumeration, id_or_slug, one_of, text, with_name};
use crate::api::parameters::{MAX_VALUES, TEXT, comma_separated, comma_separated_list, query};
use crate::content_types::{ContentType, Filter, FilterTarget, WordField};
use crate::delivery::query::{Compare, Quantity, TimeRelation};

/// Returns the parameters with which items of a content type are searched, sorted and filtered.
pub(super) fn sort_and_filter_parameters(resource: &'static ContentType) -> Vec<Parameter> {
    let mut parameters = vec![TEXT.clone()];
    if resource.filters.iter().any(|filter| matches!(filter.on, FilterTarget::Time(_))) {
        let about =
            "IANA time zone of the dates and local times in this query. The default is the time zone of the site.";
        let schema = text().min_length(Some(1)).max_length(Some(60));
        parameters.push(query("time_zone", schema, about, json!("America/New_York")));
    }
    let keys: Vec<String> = resource.sorts.iter().flat_map(|s| [s.name.to_owned(), format!("-{}", s.name)]).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let first = resource.sorts[0];
    let default = format!(
        "Sort keys, the first decides first; `-` sorts in descending order. The default is `{}{}`.",
        if first.descending { "-" } else { "" },
        first.name
    );
    parameters.push(comma_separated(
        "sort",
        one_of(&format!("{}Sort", resource.schema), &keys),
        &default,
        json!([keys[0]]),
    ));
    for filter in resource.filters {
        match filter.on {
            FilterTarget::Time(_) => {
                for (operator, compare) in Compare::ALL {
                    let name = format!("{}[{operator}]", filter.name);
                    let about = match compare {
                        Compare::Gte => format!("{} {}.", filter.about.trim_end_matches('.'), meaning(compare)),
                        _ => format!("Like `{}[gte]` {}.", filter.name, meaning(compare)),
                    };
                    parameters.push(query(&name, text().max_length(Some(40)), &about, json!(filter.example)));
                }
            }
            FilterTarget::When => parameters.push(query(
                filter.name,
                one_of("Timing", &TimeRelation::ALL.map(|(word, _)| word)),
                filter.about,
                json!(filter.example),
            )),
            FilterTarget::Near(_) => {
                parameters.push(query(filter.name, text().max_length(Some(60)), filter.about, json!(filter.example)));
            }
            FilterTarget::Year => {
                let year = text().pattern(Some("^([1-9][0-9]{3}|0[1-9][0-9]{2}|00[1-9][0-9]|000[1-9])$"));
                parameters.push(comma_separated(filter.name, year, filter.about, json!([filter.example])));
            }
            on => parameters.extend(value_filter_parameters(filter, on)),
        }
    }
    parameters
}

/// Returns the parameters of a filter by values: one for any of the values, and one for each operator.
fn value_filter_parameters(filter: &Filter, on: FilterTarget) -> Vec<Parameter> {
    let inner = if let FilterTarget::Through(through) = on { through.filter.on } else { on };
    let list = |item: RefOr<Schema>| ArrayBuilder::new().items(item).max_items(Some(MAX_VALUES)).build();
    let values = match inner {
        FilterTarget::Variant(known) | FilterTarget::Word(WordField { words: Some(known), .. }) => {
            RefOr::T(Schema::Array(list(enumeration(known))))
        }
        FilterTarget::Word(_) => {
            let tag = text().min_length(Some(1)).max_length(Some(60)).pattern(Some("^[0-9A-Za-z-]+$"));
            with_name("LanguageTagList", list(tag.into()))
        }
        FilterTarget::Country => with_name("CountryCodeList", list(text().pattern(Some("^[A-Za-z]{2}$")).into())),
        _ => with_name("IdOrSlugList", list(id_or_slug().into())),
    };
    let example = || json!([filter.example]);
    let mut parameters = vec![comma_separated_list(filter.name, values.clone(), filter.about, example())];
    for (operator, quantity) in Quantity::ALL {
        let meaning = match quantity {
            Quantity::All if !on.is_many() => continue,
            Quantity::All => "all of the values",
            Quantity::Under if !on.is_tree() => continue,
            Quantity::Under => "also what is filed below the values",
            _ => "none of the values",
        };
        let about = format!("Like `{}`, but {meaning}.", filter.name);
        parameters.push(comma_separated_list(
            &format!("{}[{operator}]", filter.name),
            values.clone(),
            &about,
            example(),
        ));
    }
    parameters
}

fn meaning(compare: Compare) -> &'static str {
    match compare {
        Compare::Gte => "(lower bound, inclusive)",
        Compare::Gt => "(lower bound, exclusive)",
        Compare::Lte => "(upper bound, inclusive)",
        Compare::Lt => "(upper bound, exclusive)",
    }
}
