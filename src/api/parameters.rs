//! The parameters that several routes share, with their schemas and descriptions.

use std::sync::LazyLock;

use serde_json::json;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn, ParameterStyle};
use utoipa::openapi::schema::{ArrayBuilder, ArrayItems, ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::{RefOr, Required, Schema};

use crate::api::feeds::MAX_FEED_EVENTS;
use crate::api::openapi::item_schemas::field_paths_name;
use crate::api::openapi::schemas::{LINE, reference};
use crate::content::Site;
use crate::content::violation::Violations;
use crate::content_types::{ContentType, Filter, FilterTarget};
use crate::delivery::query::{Compare, DEFAULT_LIMIT, MAX_LIMIT, MAX_OFFSET, Quantity, STATUSES, When};
use crate::delivery::sql::facets::Facet;
use crate::http::request::Request;
use crate::http::route::parameter;
use crate::problem::Problem;
use crate::search::MAX_QUERY_CHARACTERS;

/// The header `If-Match` of operations that change an existing item.
pub static IF_MATCH: LazyLock<Parameter> = LazyLock::new(|| {
    let tag = r#"(W/)?"v[1-9][0-9]{0,15}(-[0-9a-f]{16})?(\+(br|zstd|gzip))?""#;
    let schema = text().pattern(Some(format!("^{tag}( *, *{tag})*$")));
    let about = "ETag of the version that the change is based on, or a list of ETags of which one must be current \
                 (RFC 9110, section 13.1.1). A weak ETag never matches. 428 if the header is missing, 412 if no ETag is \
                 current.";
    let mut parameter = parameter("If-Match", ParameterIn::Header, schema, about, json!("\"v3-1f2e3d4c5b6a7988\""));
    parameter.required = Required::True;
    parameter
});

/// The header `If-None-Match` of reads.
pub static IF_NONE_MATCH: LazyLock<Parameter> = LazyLock::new(|| {
    let about = "ETags of representations that the client has stored. The response is 304 if one of them is current.";
    parameter("If-None-Match", ParameterIn::Header, text(), about, json!("\"v3-1f2e3d4c5b6a7988\""))
});

/// The header `Idempotency-Key` of create operations.
pub static IDEMPOTENCY_KEY: LazyLock<Parameter> = LazyLock::new(|| {
    let schema = text().min_length(Some(1)).max_length(Some(255)).pattern(Some("^[!-~]+$"));
    let about = "Key chosen by the client. A create request that is repeated with the same key within 24 hours is \
                 carried out once.";
    parameter("Idempotency-Key", ParameterIn::Header, schema, about, json!("0b9d3c1e-import-42"))
});

/// The query parameter `reason` of operations that write.
pub static REASON: LazyLock<Parameter> = LazyLock::new(|| {
    let schema = text().min_length(Some(1)).max_length(Some(MAX_REASON)).pattern(Some(LINE));
    query("reason", schema, "Reason for the change, recorded in the history.", json!("Speaker confirmed"))
});

/// The query parameter `q`, the full-text query.
pub static TEXT: LazyLock<Parameter> = LazyLock::new(|| {
    let schema = text().min_length(Some(1)).max_length(Some(MAX_QUERY_CHARACTERS));
    let about = "Full-text query: words, phrases in double quotes, and words or phrases after `-` that must not occur. \
                 The last word may be incomplete. Without `sort`, items are sorted by relevance.";
    query("q", schema, about, json!("shared rivers"))
});

/// Maximum length of `reason`, in characters.
pub const MAX_REASON: usize = 500;

fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

/// Returns the schema of a string that is one of `words`.
pub fn one_of(words: &[&str]) -> ObjectBuilder {
    text().enum_values(Some(words.to_vec()))
}

/// Returns the schema of an integer between `min` and `max`, both inclusive.
pub fn whole(min: i64, max: i64) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(min)).maximum(Some(max))
}

/// Largest version or sequence number in requests: 2^53 - 1, the largest integer that JavaScript represents
/// exactly.
pub const MAX_NUMBER: i64 = 9_007_199_254_740_991;

/// Parses a query parameter as an integer between 1 and `max`; `None` if the query does not have it.
///
/// # Errors
/// 400 if the value is not such an integer.
pub fn number(request: &Request, name: &str, max: i64) -> Result<Option<i64>, Problem> {
    let Some(text) = request.query(name) else { return Ok(None) };
    match text.parse().ok().filter(|number| (1..=max).contains(number)) {
        Some(number) => Ok(Some(number)),
        None => Err(Problem::bad_request(Violations::one(
            format!("?{name}"),
            "out_of_range",
            format!("must be a whole number between 1 and {max}"),
        ))),
    }
}

/// Returns the path parameter `{id}`.
pub fn path_id() -> Parameter {
    let schema = text().format(Some(SchemaFormat::KnownFormat(utoipa::openapi::KnownFormat::Uuid)));
    parameter("id", ParameterIn::Path, schema, "Id of the resource.", json!("01890a5d-ac96-774b-bcce-b302099a8057"))
}

/// Returns the path parameter `{id_or_slug}`.
pub fn path_id_or_slug(resource: &ContentType) -> Parameter {
    let schema = text().min_length(Some(1)).max_length(Some(120)).pattern(Some("^[0-9A-Za-z-]+$"));
    let about = format!("Id or slug of the {}.", resource.noun);
    parameter("id_or_slug", ParameterIn::Path, schema, &about, json!("rivers-without-borders"))
}

/// Returns an optional query parameter.
pub fn query(name: &str, schema: impl Into<RefOr<Schema>>, about: &str, example: serde_json::Value) -> Parameter {
    parameter(name, ParameterIn::Query, schema, about, example)
}

/// Returns an optional query parameter with several values, separated by commas.
pub fn comma_separated(name: &str, item: impl Into<ArrayItems>, about: &str, example: serde_json::Value) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Query)
        .required(Required::False)
        .style(Some(ParameterStyle::Form))
        .explode(Some(false))
        .schema(Some(ArrayBuilder::new().items(item).max_items(Some(100)).build()))
        .description(Some(about))
        .example(Some(example))
        .build()
}

/// Returns the parameter `locale` of operations that return or write localised fields.
fn locale(site: &Site) -> Parameter {
    let mut tags: Vec<&str> = site.locales.iter().map(String::as_str).collect();
    tags.push("*");
    let about = "Language of localised fields. A value that is missing in this language is replaced by that of a fallback \
                 language. With `*`, localised fields are maps from language tag to value.";
    query("locale", one_of(&tags), about, json!(site.default_locale()))
}

/// Returns the parameters of a step of the editorial workflow.
pub fn step_parameters(site: &Site) -> Vec<Parameter> {
    vec![locale(site), view(), REASON.clone()]
}

/// Returns the parameters of operations that write content.
pub fn write_parameters(site: &Site) -> Vec<Parameter> {
    let about = "With `auto`, a change that is based on an older version is merged with the later changes, if these \
                 changed other values; if they changed the same values, the response is 412. With `none`, the default, \
                 the response to any change that is based on an older version is 412.";
    let mut parameters = step_parameters(site);
    parameters.push(query("merge", one_of(&["auto", "none"]), about, json!("auto")));
    parameters
}

fn view() -> Parameter {
    let about = "`draft` selects the newest text, for editors: for a published or archived item, this is its working \
                 draft. Writing a working draft does not change what the public sees.";
    query("view", one_of(&["published", "draft"]), about, json!("published"))
}

/// Returns the parameters of reads of a single item.
pub fn item_parameters(resource: &'static ContentType, site: &Site) -> Vec<Parameter> {
    let mut parameters = vec![
        locale(site),
        query(
            "detail",
            one_of(&["card", "full"]),
            "`card` omits long texts and lists, and is the default of lists; `full` includes them, and is the default \
             of single items.",
            json!("full"),
        ),
        query(
            "body_format",
            one_of(&["html", "markdown", "text", "source"]),
            "Format of rich text: sanitised HTML, Markdown, plain text, or the source as it was written. Markdown and \
             source are not sanitised; clients that convert them to HTML must sanitise the result.",
            json!("html"),
        ),
    ];
    let about = "Sparse fieldset: the response contains only these fields, `id` and `slug`. A path with dots selects \
                 fields of nested objects and related items, which are included if necessary: `venue.address`, \
                 `speakers.speaker.name`. The media type of the response is `application/vnd.plenary.partial+json`.";
    let path_schema = reference(&field_paths_name(resource));
    parameters.push(comma_separated("fields", path_schema, about, json!([resource.label, "updated_at"])));
    parameters.push(view());
    parameters.extend(preview_parameters());
    let includes = resource.includes();
    if !includes.is_empty() {
        parameters.push(comma_separated(
            "include",
            one_of(includes),
            "Relations whose items are embedded as a whole instead of as references. A path with a dot names a \
             relation of the related items.",
            json!([includes[0]]),
        ));
    }
    parameters
}

/// Returns the parameters of lists.
pub fn list_parameters(resource: &'static ContentType, site: &Site) -> Vec<Parameter> {
    let mut parameters = item_parameters(resource, site);
    parameters.extend([
        query("limit", whole(1, MAX_LIMIT).default(Some(json!(DEFAULT_LIMIT))), "Number of items per page.", json!(20)),
        query(
            "cursor",
            text().max_length(Some(2_000)),
            "Cursor of the page: `page.next` or `page.prev` of an earlier response.",
            json!("kXo1b2N1cnNvcg"),
        ),
        query(
            "offset",
            whole(0, MAX_OFFSET),
            "Number of items to skip. Cursors are faster for later pages. Cannot be combined with `cursor`.",
            json!(0),
        ),
        query("count", one_of(&["exact", "none"]), "With `exact`, the response has `page.total`.", json!("exact")),
        query(
            "status",
            one_of(&STATUSES),
            "Editorial state of the items. All values except `published` require a token.",
            json!("published"),
        ),
    ]);
    let facets: Vec<&str> = Facet::all(resource).iter().map(Facet::name).collect();
    if let Some(first) = facets.first() {
        let about = "Facets to count: for each of their values, `facets` of the response has the number of items that \
                     match the filters.";
        parameters.push(comma_separated("facets", one_of(&facets), about, json!([first])));
    }
    let boolean = || ObjectBuilder::new().schema_type(Type::Boolean);
    parameters.push(query(
        "highlights",
        boolean(),
        "Requires `q`. `highlights` of the response has the matching passage of each item, as HTML with `<mark>`.",
        json!(true),
    ));
    let tags: Vec<&str> = site.locales.iter().map(String::as_str).collect();
    parameters.extend([
        query(
            "untranslated",
            one_of(&tags),
            "Restricts the list to items with a field that has no value in this language; for editors.",
            json!(tags[tags.len() - 1]),
        ),
        query(
            "outdated",
            one_of(&tags),
            "Restricts the list to items with a translation into this language that is older than its source; for \
             editors.",
            json!(tags[tags.len() - 1]),
        ),
    ]);
    parameters.extend(sort_and_filter_parameters(resource));
    parameters
}

/// Returns the parameters of previews: the time and the preview link.
fn preview_parameters() -> Vec<Parameter> {
    vec![
        query(
            "at",
            text().max_length(Some(40)),
            "Time of the preview: the response shows the site as the public will see it then, after everything that \
             is scheduled until then; for editors.",
            json!("2027-01-15T09:00:00Z"),
        ),
        query(
            "preview",
            text().min_length(Some(1)).max_length(Some(200)),
            "Token of a preview link. It grants access to what the link shows, without logging in.",
            json!("q1w2e3r4t5"),
        ),
    ]
}

/// Returns the parameters of feeds of lists.
pub fn feed_parameters(resource: &'static ContentType, site: &Site) -> Vec<Parameter> {
    let mut parameters = item_feed_parameters(site);
    parameters.push(query(
        "limit",
        whole(1, MAX_FEED_EVENTS).default(Some(json!(100))),
        "Maximum number of events.",
        json!(100),
    ));
    parameters.extend(sort_and_filter_parameters(resource));
    parameters
}

/// Returns the parameter `locale` of responses in one language.
pub fn language_parameters(site: &Site) -> Vec<Parameter> {
    let tags: Vec<&str> = site.locales.iter().map(String::as_str).collect();
    let about = "Language of the response. A value that is missing in this language is replaced by that of a fallback \
                 language.";
    vec![query("locale", one_of(&tags), about, json!(tags[0]))]
}

/// Returns the parameters of feeds of one item.
pub fn item_feed_parameters(site: &Site) -> Vec<Parameter> {
    [language_parameters(site), preview_parameters()].concat()
}

fn sort_and_filter_parameters(resource: &'static ContentType) -> Vec<Parameter> {
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
        "Sort keys, in order of precedence; a leading `-` sorts in descending order. The default is `{}{}`.",
        if first.descending { "-" } else { "" },
        first.name
    );
    parameters.push(comma_separated("sort", one_of(&keys), &default, json!([keys[0]])));
    for filter in resource.filters {
        match filter.on {
            FilterTarget::Time(_) => {
                for (operator, compare) in Compare::ALL {
                    let name = format!("{}[{operator}]", filter.name);
                    let about = format!("{} {}.", filter.about.trim_end_matches('.'), meaning(compare));
                    parameters.push(query(&name, text().max_length(Some(40)), &about, json!(filter.example)));
                }
            }
            FilterTarget::When => parameters.push(query(
                filter.name,
                one_of(&When::ALL.map(|(word, _)| word)),
                filter.about,
                json!(filter.example),
            )),
            FilterTarget::Near(_) => {
                parameters.push(query(filter.name, text().max_length(Some(60)), filter.about, json!(filter.example)));
            }
            on => parameters.extend(value_filter_parameters(filter, on)),
        }
    }
    parameters
}

/// Returns the parameters of a filter by values: one for any of the values, and one for each operator.
fn value_filter_parameters(filter: &Filter, on: FilterTarget) -> Vec<Parameter> {
    let value = |on: FilterTarget| match if let FilterTarget::Through(through) = on { through.filter.on } else { on } {
        FilterTarget::Variant(known) => one_of(known),
        FilterTarget::Word(word) if !word.words.is_empty() => one_of(word.words),
        FilterTarget::Word(_) => text().min_length(Some(1)).max_length(Some(60)).pattern(Some("^[0-9A-Za-z-]+$")),
        FilterTarget::Country => text().pattern(Some("^[A-Za-z]{2}$")),
        _ => text().min_length(Some(1)).max_length(Some(120)).pattern(Some("^[0-9A-Za-z-]+$")),
    };
    let example = || json!([filter.example]);
    let mut parameters = vec![comma_separated(filter.name, value(on), filter.about, example())];
    for (operator, quantity) in Quantity::ALL {
        let meaning = match quantity {
            Quantity::All if !on.is_many() => continue,
            Quantity::All => "The item must have all of the values.",
            _ => "The item must have none of the values.",
        };
        let about = format!("{} {meaning}", filter.about);
        parameters.push(comma_separated(&format!("{}[{operator}]", filter.name), value(on), &about, example()));
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
