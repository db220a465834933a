//! The schemas of a page with all that a website shows around it, and of its public versions.

use utoipa::openapi::schema::{KnownFormat, Type};

use crate::api::openapi::item_schemas::ItemForm;
use crate::api::openapi::schemas::{
    Locales, Reference, closed_object, formatted_text, integer, list_of, of_type, or_null, reference, schema, text,
    with_description, with_name,
};
use crate::api::parameters::MAX_NUMBER;
use crate::content_types::PATH;
use crate::content_types::pages::PAGE;

/// Returns the schema of a page with the pages around it and its paths.
pub fn page_view() -> Reference {
    let form = ItemForm { content_type: &PAGE, locales: Locales::One };
    let related = || list_of(reference(&form.related_name()));
    let path = closed_object(of_type(Type::Object).description(Some("Path of a page in a language.")))
        .property("locale", schema(text().description(Some("Language (BCP 47)."))))
        .property(PATH, schema(text()))
        .required("locale")
        .required(PATH);
    let paths = list_of(with_name("LocalPath", path.build()));
    let about = "A page with all that a website shows around it.";
    let view = closed_object(of_type(Type::Object).description(Some(about)))
        .property("page", reference(&form.name()))
        .property("breadcrumbs", with_description(related(), "Pages above, from the top down."))
        .property("children", with_description(related(), "Pages directly below, short, in their order; at most 100."))
        .property("paths", with_description(paths, "Paths of the page in all languages of the site."));
    let view = ["page", "breadcrumbs", "children", "paths"].into_iter().fold(view, |view, name| view.required(name));
    with_name("WebPageView", view.build())
}

fn members() -> [(&'static str, Reference); 4] {
    let moment = |about| with_description(schema(formatted_text(KnownFormat::DateTime)), about);
    let until = |about| or_null(schema(formatted_text(KnownFormat::DateTime).description(Some(about))));
    let period = closed_object(of_type(Type::Object).description(Some("A time in which a version was public.")))
        .property("from", moment("Time at which it became public."))
        .property("until", until("Time at which it was replaced or taken down."))
        .required("from")
        .required("until");
    let periods = list_of(with_name("PublicPeriod", period.build()));
    let about = "When it was public, the first period first. A page may be taken down for a time.";
    let number =
        "Version of the page by which the text first became public. It identifies the text, and stays the same.";
    [
        ("version", with_description(schema(integer(1, MAX_NUMBER)), number)),
        ("from", moment("Time at which the text first became public.")),
        ("until", until("Time at which it was last replaced or taken down.")),
        ("periods", with_description(periods, about)),
    ]
}

/// Returns the schema of the list of the public versions of a page.
pub fn version_list() -> Reference {
    let one = closed_object(of_type(Type::Object).description(Some("A version of a page that was public.")));
    let one = members().into_iter().fold(one, |one, (name, member)| one.property(name, member).required(name));
    let title = with_description(schema(text()), "Title of the page then.");
    let one = with_name("WebPageVersion", one.property("title", title).required("title").build());
    let about = "The public versions of a page, the newest first.";
    let list =
        closed_object(of_type(Type::Object).description(Some(about))).property("data", list_of(one)).required("data");
    with_name("WebPageVersionList", list.build())
}

/// Returns the schema of a public version of a page.
pub fn version_view() -> Reference {
    let about = "A version of a page that was public, as visitors saw it.";
    let view = closed_object(of_type(Type::Object).description(Some(about)));
    let view = members().into_iter().fold(view, |view, (name, member)| view.property(name, member).required(name));
    let page = reference(&ItemForm { content_type: &PAGE, locales: Locales::One }.name());
    with_name("WebPageVersionView", view.property("page", page).required("page").build())
}
