//! The parameters that several routes share, with their schemas and descriptions.

use std::sync::LazyLock;

use serde_json::json;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ArrayBuilder, ArrayItems, ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::{RefOr, Required, Schema};

use crate::api::feeds::{MAX_CALENDAR, MAX_FEED_ITEMS, USUAL_LIMIT};
use crate::api::filter_parameters::sort_and_filter_parameters;
use crate::api::openapi::DocumentView;
use crate::api::openapi::field_paths::field_path_name;
use crate::api::openapi::schemas::{LINE, id_or_slug, integer, one_of, reference, text};
use crate::api::query_values::number_between;
use crate::content::Site;
use crate::content_types::ContentType;
use crate::delivery::query::parser::NO_FALLBACK;
use crate::delivery::query::{DEFAULT_LIMIT, MAX_LIMIT, MAX_OFFSET, STATUSES};
use crate::delivery::sql::facets::Facet;
use crate::editorial::external_ids::{MAX_RECORD_ID, MAX_SYSTEM};
use crate::http::request::Request;
use crate::http::route::parameter;
use crate::problem::Problem;
use crate::search::MAX_QUERY_CHARACTERS;

/// The header `If-Match` of operations that change an existing item.
pub static IF_MATCH: LazyLock<Parameter> = LazyLock::new(|| {
    let tag = r#"(W/)?"v[1-9][0-9]{0,15}(-[0-9a-f]{16})?(\+(br|zstd|gzip))?""#;
    let schema = text().pattern(Some(format!("^{tag}( *, *{tag})*$")));
    let about = "ETag of the version that the change is based on, or a list of ETags of which one must be current \
                 (RFC 9110, section 13.1.1). A weak ETag never matches. 428 without the header, 412 if no ETag is current.";
    let mut parameter = parameter("If-Match", ParameterIn::Header, schema, about, json!("\"v3-1f2e3d4c5b6a7988\""));
    parameter.required = Required::True;
    parameter
});

/// Returns the header `If-Match` of an operation that creates or replaces.
pub fn optional_if_match(about: &str) -> Parameter {
    let mut parameter = IF_MATCH.clone();
    (parameter.required, parameter.description) = (Required::False, Some(about.to_owned()));
    parameter
}

/// Returns the header `If-None-Match` of an operation that creates or replaces, whose only value is `*`.
pub fn if_absent(about: &str) -> Parameter {
    parameter("If-None-Match", ParameterIn::Header, text().pattern(Some(r"^\*$")), about, json!("*"))
}

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

/// Returns the schema of an integer between `min` and `max`, both inclusive.
pub fn integer_between(min: i64, max: i64) -> ObjectBuilder {
    integer(min, max)
}

/// Largest version or sequence number in requests: 2^53 - 1, the largest integer that JavaScript represents
/// exactly.
pub const MAX_NUMBER: i64 = 9_007_199_254_740_991;

/// Parses a query parameter as an integer between 1 and `max`; `None` if the query does not have it.
///
/// # Errors
/// 400 if the value is not such an integer.
pub fn number(request: &Request, name: &str, max: i64) -> Result<Option<i64>, Problem> {
    number_between(request, name, (1, max))
}

/// Returns the parameter `limit` of a page.
pub fn page_limit(max: i64, default: i64) -> Parameter {
    let schema = integer_between(1, max).default(Some(json!(default)));
    query("limit", schema, "Maximum number of entries per page.", json!(default))
}

/// Returns the parameter `offset` of a page of a list without cursors.
pub fn page_offset(max: i64) -> Parameter {
    query("offset", integer_between(0, max), "Number of entries to skip.", json!(0))
}

/// Returns the path parameter `{id}`.
pub fn path_id() -> Parameter {
    let schema = text().format(Some(SchemaFormat::KnownFormat(utoipa::openapi::KnownFormat::Uuid)));
    parameter("id", ParameterIn::Path, schema, "Id of the resource.", json!("01890a5d-ac96-774b-bcce-b302099a8057"))
}

/// Returns the query parameter of a page that begins after the row with an id.
pub fn id_of_row(name: &str, about: &str) -> Parameter {
    let schema = text().format(Some(SchemaFormat::KnownFormat(utoipa::openapi::KnownFormat::Uuid)));
    query(name, schema, about, json!("01890a5d-ac96-774b-bcce-b302099a8057"))
}

/// Returns the path parameter `{id_or_slug}`.
pub fn path_id_or_slug() -> Parameter {
    let about = "Id or slug of the item.";
    parameter("id_or_slug", ParameterIn::Path, id_or_slug(), about, json!("rivers-without-borders"))
}

/// Returns an optional query parameter.
pub fn query(name: &str, schema: impl Into<RefOr<Schema>>, about: &str, example: serde_json::Value) -> Parameter {
    parameter(name, ParameterIn::Query, schema, about, example)
}

/// Returns an optional query parameter with several values, separated by commas.
pub fn comma_separated(name: &str, item: impl Into<ArrayItems>, about: &str, example: serde_json::Value) -> Parameter {
    let list = ArrayBuilder::new().items(item).max_items(Some(MAX_VALUES)).build();
    comma_separated_list(name, RefOr::T(Schema::Array(list)), about, example)
}

/// Maximum number of values that a query parameter takes.
pub const MAX_VALUES: usize = 100;

/// Returns an optional query parameter with the values of a list, separated by commas.
pub fn comma_separated_list(name: &str, list: RefOr<Schema>, about: &str, example: serde_json::Value) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Query)
        .required(Required::False)
        .explode(Some(false))
        .schema(Some(list))
        .description(Some(about))
        .example(Some(example))
        .build()
}

/// Returns the parameter `locale` of operations that return or write localised fields.
fn locale(site: &Site) -> Parameter {
    let tags: Vec<&str> = locales(site).into_iter().chain(["*"]).collect();
    let about = "Language of localised fields; a fallback language replaces what is missing. With `*`, they are objects \
                 from locale to text, as `application/vnd.plenary.all-locales+json`.";
    query("locale", one_of("LocaleOrAll", &tags), about, json!(site.default_locale()))
}

fn locales(site: &Site) -> Vec<&str> {
    site.locales.iter().map(String::as_str).collect()
}

/// Returns the schema of one of the locales of the site.
fn one_locale(site: &Site) -> RefOr<Schema> {
    one_of("Locale", &locales(site))
}

/// Returns the parameters of a step of the editorial workflow.
pub fn step_parameters(site: &Site) -> Vec<Parameter> {
    vec![locale(site), view(), REASON.clone()]
}

/// Returns the parameters of operations that write content.
pub fn write_parameters(site: &Site) -> Vec<Parameter> {
    let about = "`auto` merges a change that is based on an older version with the later changes, and the response is 412 \
                 only if both changed the same values. With `none`, the default, an older version is always 412.";
    let mut parameters = step_parameters(site);
    parameters.extend([query("merge", one_of("MergeMode", &["auto", "none"]), about, json!("auto")), body_format()]);
    parameters
}

pub fn body_format() -> Parameter {
    let about = "Format of rich text: sanitised HTML, Markdown, plain text, or the source as it was written. HTML that a \
                 client makes of Markdown or source must be sanitised.";
    query("body_format", one_of("BodyFormat", &["html", "markdown", "text", "source"]), about, json!("html"))
}

fn view() -> Parameter {
    let about = "`draft` selects the newest text, for editors: of a published or archived item, its working draft, which \
                 the public does not see.";
    query("view", one_of("TextView", &["published", "draft"]), about, json!("published"))
}

/// Returns the parameters of reads of a single item in a view.
pub fn item_parameters(resource: &'static ContentType, site: &Site, document_view: DocumentView) -> Vec<Parameter> {
    let mut parameters = match document_view {
        DocumentView::All => vec![locale(site), view(), at_parameter()],
        DocumentView::Delivery => language_parameters(site),
    };
    parameters.extend([
        query(
            "detail",
            one_of("DetailLevel", &["card", "full"]),
            "`card` omits long texts and lists, and is the default of lists; `full` includes them, and is the default \
             of single items.",
            json!("full"),
        ),
        body_format(),
        preview(),
    ]);
    parameters.push(fallback());
    let about = "Only these fields, `id` and `slug`, as a partial item. Dots lead deeper.";
    let path_schema = reference(&field_path_name(resource));
    parameters.push(comma_separated("fields", path_schema, about, json!([resource.label, "updated_at"])));
    let includes = resource.includes();
    if !includes.is_empty() {
        parameters.push(comma_separated(
            "include",
            one_of(&format!("{}Include", resource.schema), includes),
            "Relations whose items are embedded as a whole; a dot leads to those of the related items.",
            json!([includes[0]]),
        ));
    }
    parameters
}

/// Returns the parameters of a page that is found by its path, in a view.
pub fn place_parameters(site: &Site, document_view: DocumentView) -> Vec<Parameter> {
    let mut parameters = language_parameters(site);
    if document_view == DocumentView::All {
        parameters.extend([view(), at_parameter()]);
    }
    parameters.extend([body_format(), preview()]);
    parameters
}

/// Returns the parameters of lists in a view.
pub fn list_parameters(resource: &'static ContentType, site: &Site, document_view: DocumentView) -> Vec<Parameter> {
    let mut parameters = item_parameters(resource, site, document_view);
    if document_view == DocumentView::All {
        parameters.extend(editor_parameters(site));
    }
    parameters.extend([
        page_limit(MAX_LIMIT, DEFAULT_LIMIT),
        cursor(),
        query(
            "offset",
            integer_between(0, MAX_OFFSET),
            "Number of items to skip. Cursors are faster for later pages. Cannot be combined with `cursor`.",
            json!(0),
        ),
        query(
            "count",
            one_of("CountMode", &["exact", "none"]),
            "With `exact`, the response has `page.total`.",
            json!("exact"),
        ),
    ]);
    let facets: Vec<&str> = Facet::all(resource).iter().map(Facet::name).collect();
    if let Some(first) = facets.first() {
        let about = "Facets whose values the response counts in `facets`.";
        parameters.push(comma_separated(
            "facets",
            one_of(&format!("{}Facet", resource.schema), &facets),
            about,
            json!([first]),
        ));
    }
    let boolean = || ObjectBuilder::new().schema_type(Type::Boolean);
    parameters.push(query(
        "highlights",
        boolean(),
        "Requires `q`. `highlights` of the response has the matching passage of each item, as HTML with `<mark>`.",
        json!(true),
    ));
    parameters.extend(sort_and_filter_parameters(resource));
    parameters
}

fn cursor() -> Parameter {
    query(
        "cursor",
        text().max_length(Some(2_000)),
        "Cursor of the page: `page.next` or `page.prev` of an earlier response.",
        json!("kXo1b2N1cnNvcg"),
    )
}

/// Returns the parameters of lists that only editors may use.
fn editor_parameters(site: &Site) -> [Parameter; 5] {
    let last = site.locales.last();
    [
        query(
            "status",
            one_of("StatusFilter", &STATUSES),
            "Editorial state of the items. All values except `published` require a token.",
            json!("published"),
        ),
        query(
            "untranslated",
            one_locale(site),
            "Restricts the list to items with a field that has no value in this language; for editors.",
            json!(last),
        ),
        query(
            "outdated",
            one_locale(site),
            "Restricts the list to items with a translation into this language that is older than its source; for \
             editors.",
            json!(last),
        ),
        query(
            "external_id",
            text().min_length(Some(3)).max_length(Some(MAX_SYSTEM + 1 + MAX_RECORD_ID)).pattern(Some("^[^:]+:.+$")),
            "Restricts the list to the item with this external id, `source:id`; for editors.",
            json!("pretalx:XKQ8JD"),
        ),
        query(
            "external_source",
            text().min_length(Some(1)).max_length(Some(MAX_SYSTEM)).pattern(Some("^[^:]+$")),
            "Restricts the list to items with an external id of this source; for editors.",
            json!("pretalx"),
        ),
    ]
}

/// Returns the parameter with the time of a preview.
fn at_parameter() -> Parameter {
    query(
        "at",
        text().max_length(Some(40)),
        "Time of the preview: the response shows the site as the public will see it then, after everything that is \
         scheduled until then; for editors.",
        json!("2027-01-15T09:00:00Z"),
    )
}

/// Returns the parameter with the token of a preview link.
fn preview() -> Parameter {
    query(
        "preview",
        text().min_length(Some(1)).max_length(Some(200)),
        "Token of a preview link. It grants access to what the link shows, without logging in.",
        json!("q1w2e3r4t5"),
    )
}

/// Returns the parameters of feeds of lists in a view.
pub fn feed_parameters(resource: &'static ContentType, site: &Site, document_view: DocumentView) -> Vec<Parameter> {
    let mut parameters = item_feed_parameters(site, document_view);
    parameters.push(feed_fallback());
    let about = format!(
        "Maximum number of items. Without it, a calendar has up to {MAX_CALENDAR}, a table all, and other feeds \
         {USUAL_LIMIT}; `Link` leads to more."
    );
    parameters.push(query("limit", integer_between(1, MAX_FEED_ITEMS), &about, json!(USUAL_LIMIT)));
    parameters.push(cursor());
    parameters.extend(sort_and_filter_parameters(resource));
    parameters
}

/// Returns the parameter `locale` of responses in one language.
pub fn language_parameters(site: &Site) -> Vec<Parameter> {
    let about = "Language of the response. A value that is missing in this language is replaced by that of a fallback \
                 language.";
    vec![query("locale", one_locale(site), about, json!(site.default_locale()))]
}

/// Returns the parameter `fallback` of reads.
pub fn fallback() -> Parameter {
    let about = "`none`: a text that is missing in the language is null, and the response has partial items. A search then \
                 finds only items that have a title or name in the language.";
    query("fallback", one_of("FallbackMode", &[NO_FALLBACK]), about, json!(NO_FALLBACK))
}

/// Returns the parameter `fallback` of feeds.
pub fn feed_fallback() -> Parameter {
    let about = "No texts of other languages: what has no title in the language is left out.";
    query("fallback", one_of("FallbackMode", &[NO_FALLBACK]), about, json!(NO_FALLBACK))
}

/// Returns the parameter with the language into which is translated.
pub fn translation_parameter(site: &Site) -> Parameter {
    let mut parameter =
        query("language", one_locale(site), "Language into which is translated.", json!(site.locales.last()));
    parameter.required = Required::True;
    parameter
}

/// Returns the parameters of feeds of one item in a view.
pub fn item_feed_parameters(site: &Site, document_view: DocumentView) -> Vec<Parameter> {
    let mut parameters = language_parameters(site);
    parameters.push(preview());
    if document_view == DocumentView::All {
        parameters.push(at_parameter());
    }
    parameters
}
