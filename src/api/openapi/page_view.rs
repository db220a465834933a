//! The schema of a page with all that a website shows around it.

use utoipa::openapi::schema::Type;

use crate::api::openapi::item_schemas::ItemForm;
use crate::api::openapi::schemas::{
    Locales, Reference, closed, described, list_of, named, of_type, reference, schema, text,
};
use crate::content_types::PATH;
use crate::content_types::pages::PAGE;

/// Returns the schema of a page with the pages around it and its paths.
pub fn page_view() -> Reference {
    let form = ItemForm { content_type: &PAGE, locales: Locales::One };
    let related = || list_of(reference(&form.related_name()));
    let path = closed(of_type(Type::Object).description(Some("Path of a page in a language.")))
        .property("locale", schema(text().description(Some("Language (BCP 47)."))))
        .property(PATH, schema(text()))
        .required("locale")
        .required(PATH);
    let paths = list_of(named("LocalPath", path.build()));
    let about = "A page with all that a website shows around it.";
    let view = closed(of_type(Type::Object).description(Some(about)))
        .property("page", reference(&form.name()))
        .property("breadcrumbs", described(related(), "Pages above, from the top down."))
        .property("children", described(related(), "Pages directly below, short, in their order; at most 100."))
        .property("paths", described(paths, "Paths of the page in all languages of the site."));
    let view = ["page", "breadcrumbs", "children", "paths"].into_iter().fold(view, |view, name| view.required(name));
    named("WebPageView", view.build())
}
