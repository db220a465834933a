//! Parameters that several routes have.

use std::sync::LazyLock;

use serde_json::json;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn, ParameterStyle};
use utoipa::openapi::schema::{ArrayBuilder, ArrayItems, ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::{RefOr, Required, Schema};

use super::feeds_api::MOST;
use super::openapi::answers::places_name;
use super::openapi::schemas::{LINE, reference};
use super::route::{Request, parameter};
use crate::content::Site;
use crate::content::fault::Faults;
use crate::delivery::facets::Facet;
use crate::delivery::query::{Compare, DEFAULT_LIMIT, MAX_LIMIT, MAX_OFFSET, Quantity, STATUSES, When};
use crate::problem::Problem;
use crate::resources::{Filter, On, Resource};
use crate::search::LONGEST as LONGEST_TEXT;

/// `If-Match`, on every write of what exists.
pub static IF_MATCH: LazyLock<Parameter> = LazyLock::new(|| {
    let tag = r#"(W/)?"v[1-9][0-9]{0,15}(-[0-9a-f]{16})?(\+(br|zstd|gzip))?""#;
    let schema = text().pattern(Some(format!("^{tag}( *, *{tag})*$")));
    let about = "The ETag of the version that the change is based on (428 without it, 412 when it is stale). Of a list \
                 (RFC 9110, 13.1.1) one must be current; a weak tag never is.";
    let mut parameter = parameter("If-Match", ParameterIn::Header, schema, about, json!("\"v3-1f2e3d4c5b6a7988\""));
    parameter.required = Required::True;
    parameter
});

/// `If-None-Match`, on reads.
pub static IF_NONE_MATCH: LazyLock<Parameter> = LazyLock::new(|| {
    let about = "ETags of representations that the client has; 304 when one is current.";
    parameter("If-None-Match", ParameterIn::Header, text(), about, json!("\"v3-1f2e3d4c5b6a7988\""))
});

/// `Idempotency-Key`, on creates.
pub static IDEMPOTENCY_KEY: LazyLock<Parameter> = LazyLock::new(|| {
    let schema = text().min_length(Some(1)).max_length(Some(255)).pattern(Some("^[!-~]+$"));
    let about = "A key of the client's making; a create that is sent again with it within a day happens once.";
    parameter("Idempotency-Key", ParameterIn::Header, schema, about, json!("0b9d3c1e-import-42"))
});

/// `reason`, on every write.
pub static REASON: LazyLock<Parameter> = LazyLock::new(|| {
    let schema = text().min_length(Some(1)).max_length(Some(MAX_REASON)).pattern(Some(LINE));
    query("reason", schema, "Why; the history keeps it.", json!("Speaker confirmed"))
});

/// `q`, the text to look for.
pub static TEXT: LazyLock<Parameter> = LazyLock::new(|| {
    let schema = text().min_length(Some(1)).max_length(Some(LONGEST_TEXT));
    let about = "A text to look for: words, the last of which may be unfinished, phrases in quotes, and words \
                 behind `-` that must not occur. Without `sort` the best match comes first.";
    query("q", schema, about, json!("shared rivers"))
});

/// Longest reason, in characters.
pub const MAX_REASON: usize = 500;

fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

/// A word of a list.
pub fn one_of(words: &[&str]) -> ObjectBuilder {
    text().enum_values(Some(words.to_vec()))
}

/// A whole number within bounds.
pub fn whole(min: i64, max: i64) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(min)).maximum(Some(max))
}

/// Largest number that versions and sequences may have in requests: exact in JavaScript too.
pub const MAX_NUMBER: i64 = 9_007_199_254_740_991;

/// A number of the query, within its bounds.
pub fn number(request: &Request, name: &str, max: i64) -> Result<Option<i64>, Problem> {
    let Some(text) = request.query(name) else { return Ok(None) };
    match text.parse().ok().filter(|number| (1..=max).contains(number)) {
        Some(number) => Ok(Some(number)),
        None => Err(Problem::bad_request(Faults::one(
            format!("?{name}"),
            "out_of_range",
            format!("a whole number between 1 and {max}"),
        ))),
    }
}

/// `{id}` in a path.
pub fn path_id() -> Parameter {
    let schema = text().format(Some(SchemaFormat::KnownFormat(utoipa::openapi::KnownFormat::Uuid)));
    parameter("id", ParameterIn::Path, schema, "The id.", json!("01890a5d-ac96-774b-bcce-b302099a8057"))
}

/// `{id_or_slug}` in a path.
pub fn path_id_or_slug(resource: &Resource) -> Parameter {
    let schema = text().min_length(Some(1)).max_length(Some(120)).pattern(Some("^[0-9A-Za-z-]+$"));
    let about = format!("Id or slug of the {}.", resource.noun);
    parameter("id_or_slug", ParameterIn::Path, schema, &about, json!("rivers-without-borders"))
}

/// A described query parameter.
pub fn query(name: &str, schema: impl Into<RefOr<Schema>>, about: &str, example: serde_json::Value) -> Parameter {
    parameter(name, ParameterIn::Query, schema, about, example)
}

/// A list of words, with commas.
pub fn words(name: &str, item: impl Into<ArrayItems>, about: &str, example: serde_json::Value) -> Parameter {
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

/// `locale`, with what it may be.
fn locale(site: &Site) -> Parameter {
    let mut tags: Vec<&str> = site.locales.iter().map(String::as_str).collect();
    tags.push("*");
    let about = "The language of localised fields; what is missing falls back to the default. `*` gives and takes maps from language to value.";
    query("locale", one_of(&tags), about, json!(site.default_locale()))
}

/// The parameters of steps in an item's life.
pub fn of_steps(site: &Site) -> Vec<Parameter> {
    vec![locale(site), view(), REASON.clone()]
}

/// The parameters of writes.
pub fn of_writes(site: &Site) -> Vec<Parameter> {
    let about = "`auto` joins a change that was based on an older version with those of others, where they changed \
                 other places; where they changed the same, the answer is 412 all the same.";
    let mut parameters = of_steps(site);
    parameters.push(query("merge", one_of(&["auto", "none"]), about, json!("auto")));
    parameters
}

fn view() -> Parameter {
    let about = "`draft` means the newest text, for editors: of a published or archived item, its working draft. \
                 Writing it changes nothing in public.";
    query("view", one_of(&["published", "draft"]), about, json!("published"))
}

/// The parameters of single answers.
pub fn of_one(resource: &'static Resource, site: &Site) -> Vec<Parameter> {
    let mut parameters = vec![
        locale(site),
        query(
            "detail",
            one_of(&["card", "full"]),
            "`card` leaves out long texts and lists; `full` has everything.",
            json!("full"),
        ),
        query(
            "body_format",
            one_of(&["html", "markdown", "text", "source"]),
            "Rich text as sanitised HTML, as plain text, or as it was written: as Markdown, or as its source. Of these two nothing is taken out; whoever makes HTML of them has to sanitise that.",
            json!("html"),
        ),
    ];
    let about = "Only these fields, and `id` and `slug`; behind a dot, only this of what a field shows, which is included \
                 where it must be: `venue.address`, `speakers.speaker.name`. The answer is then of type \
                 `application/vnd.plenary.partial+json`.";
    let place = reference(&places_name(resource));
    parameters.push(words("fields", place, about, json!([resource.label, "updated_at"])));
    parameters.push(view());
    parameters.extend(moments());
    let includes = resource.includes();
    if !includes.is_empty() {
        parameters.push(words(
            "include",
            one_of(includes),
            "Relations to show whole instead of as references; behind a dot, relations of these.",
            json!([includes[0]]),
        ));
    }
    parameters
}

/// The parameters of lists.
pub fn of_list(resource: &'static Resource, site: &Site) -> Vec<Parameter> {
    let mut parameters = of_one(resource, site);
    parameters.extend([
        query("limit", whole(1, MAX_LIMIT).default(Some(json!(DEFAULT_LIMIT))), "Items a page.", json!(20)),
        query(
            "cursor",
            text().max_length(Some(2_000)),
            "Where the page begins: `page.next` or `page.prev` of an answer.",
            json!("kXo1b2N1cnNvcg"),
        ),
        query(
            "offset",
            whole(0, MAX_OFFSET),
            "Items to leave out; for deep pages use cursors. Not together with `cursor`.",
            json!(0),
        ),
        query("count", one_of(&["exact", "none"]), "`exact` gives `page.total`.", json!("exact")),
        query(
            "status",
            one_of(&STATUSES),
            "Which items by their state; all but `published` wants a token.",
            json!("published"),
        ),
    ]);
    let facets: Vec<&str> = Facet::all(resource).iter().map(Facet::name).collect();
    if let Some(first) = facets.first() {
        let about = "Counts, for each value of these, the items that meet the filters: `facets` of the answer.";
        parameters.push(words("facets", one_of(&facets), about, json!([first])));
    }
    let boolean = || ObjectBuilder::new().schema_type(Type::Boolean);
    parameters.push(query(
        "highlights",
        boolean(),
        "With `q`: `highlights` of the answer tells for each item where the text was found, as HTML with `<mark>`.",
        json!(true),
    ));
    let tags: Vec<&str> = site.locales.iter().map(String::as_str).collect();
    parameters.extend([
        query(
            "untranslated",
            one_of(&tags),
            "Only what lacks something in this language; for editors.",
            json!(tags[tags.len() - 1]),
        ),
        query(
            "outdated",
            one_of(&tags),
            "Only what has something in this language that is older than its source; for editors.",
            json!(tags[tags.len() - 1]),
        ),
    ]);
    parameters.extend(sorts_and_filters(resource));
    parameters
}

/// By what moment, and by which link, something is seen that is not public yet.
fn moments() -> Vec<Parameter> {
    vec![
        query(
            "at",
            text().max_length(Some(40)),
            "The site as the public will see it at this moment, when what is scheduled until then has happened; for editors.",
            json!("2027-01-15T09:00:00Z"),
        ),
        query(
            "preview",
            text().min_length(Some(1)).max_length(Some(200)),
            "Token of a preview link: shows what that shows, without logging in.",
            json!("q1w2e3r4t5"),
        ),
    ]
}

/// The parameters of feeds.
pub fn of_feed(resource: &'static Resource, site: &Site) -> Vec<Parameter> {
    let mut parameters = of_feed_of_one(site);
    parameters.push(query("limit", whole(1, MOST).default(Some(json!(100))), "The most events.", json!(100)));
    parameters.extend(sorts_and_filters(resource));
    parameters
}

/// The language of an answer.
pub fn of_language(site: &Site) -> Vec<Parameter> {
    let tags: Vec<&str> = site.locales.iter().map(String::as_str).collect();
    vec![query("locale", one_of(&tags), "The language; what is missing falls back.", json!(tags[0]))]
}

/// The parameters of feeds of one item.
pub fn of_feed_of_one(site: &Site) -> Vec<Parameter> {
    [of_language(site), moments()].concat()
}

fn sorts_and_filters(resource: &'static Resource) -> Vec<Parameter> {
    let mut parameters = vec![TEXT.clone()];
    if resource.filters.iter().any(|filter| matches!(filter.on, On::Time(_))) {
        let about = "The IANA zone in which dates and local times of this query are meant, instead of the site's.";
        let schema = text().min_length(Some(1)).max_length(Some(60));
        parameters.push(query("time_zone", schema, about, json!("America/New_York")));
    }
    let keys: Vec<String> = resource.sorts.iter().flat_map(|s| [s.name.to_owned(), format!("-{}", s.name)]).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let first = resource.sorts[0];
    let default = format!(
        "Sort keys; `-` for descending. Without it: `{}{}`.",
        if first.descending { "-" } else { "" },
        first.name
    );
    parameters.push(words("sort", one_of(&keys), &default, json!([keys[0]])));
    for filter in resource.filters {
        match filter.on {
            On::Time(_) => {
                for (operator, compare) in Compare::ALL {
                    let name = format!("{}[{operator}]", filter.name);
                    let about = format!("{} {}.", filter.about.trim_end_matches('.'), meaning(compare));
                    parameters.push(query(&name, text().max_length(Some(40)), &about, json!(filter.example)));
                }
            }
            On::When => parameters.push(query(
                filter.name,
                one_of(&When::ALL.map(|(word, _)| word)),
                filter.about,
                json!(filter.example),
            )),
            On::Near(_) => {
                parameters.push(query(filter.name, text().max_length(Some(60)), filter.about, json!(filter.example)));
            }
            on => parameters.extend(of_values(filter, on)),
        }
    }
    parameters
}

/// A filter by values, with its operators.
fn of_values(filter: &Filter, on: On) -> Vec<Parameter> {
    let value = |on: On| match if let On::Through(through) = on { through.filter.on } else { on } {
        On::Variant(known) => one_of(known),
        On::Word(word) if !word.words.is_empty() => one_of(word.words),
        On::Word(_) => text().min_length(Some(1)).max_length(Some(60)).pattern(Some("^[0-9A-Za-z-]+$")),
        On::Country => text().pattern(Some("^[A-Za-z]{2}$")),
        _ => text().min_length(Some(1)).max_length(Some(120)).pattern(Some("^[0-9A-Za-z-]+$")),
    };
    let example = || json!([filter.example]);
    let mut parameters = vec![words(filter.name, value(on), filter.about, example())];
    for (operator, quantity) in Quantity::ALL {
        let meaning = match quantity {
            Quantity::All if !on.is_many() => continue,
            Quantity::All => "Every one of them.",
            _ => "None of them.",
        };
        let about = format!("{} {meaning}", filter.about);
        parameters.push(words(&format!("{}[{operator}]", filter.name), value(on), &about, example()));
    }
    parameters
}

fn meaning(compare: Compare) -> &'static str {
    match compare {
        Compare::Gte => "(at this time or after it)",
        Compare::Gt => "(after this time)",
        Compare::Lte => "(at this time or before it)",
        Compare::Lt => "(before this time)",
    }
}
