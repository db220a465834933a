//! Schemas of the layout, and of the computed members of the settings of the site.

use utoipa::openapi::Schema;
use utoipa::openapi::schema::{AdditionalProperties, KnownFormat, ObjectBuilder, Type};

use crate::api::openapi::schemas::{
    Reference, closed_object, enumeration, formatted_text, integer, list_of, of_type, or_null, reference, schema, text,
    with_description, with_name,
};
use crate::content::field::{Field, FieldType};
use crate::content_types::pages::PAGE;
use crate::content_types::{ANNOUNCEMENT, LINKED_COLLECTION, PATH, SITE_SETTINGS};

/// Name of the schema of the layout.
pub const LAYOUT: &str = "Layout";

/// Returns the schema of the layout.
pub fn layout() -> Schema {
    let menus = of_type(Type::Object)
        .additional_properties(Some(AdditionalProperties::RefOr(menu())))
        .description(Some("The menus by their slugs."));
    let about = "What all pages of the website have in common.";
    let members = [
        ("locale", schema(text().description(Some("Language of the response (BCP 47).")))),
        ("site", reference(SITE_SETTINGS.schema)),
        ("menus", with_name("LayoutMenus", menus.build())),
        ("announcements", list_of(announcement())),
        ("legal_pages", list_of(legal_page())),
    ];
    Schema::Object(object(about, members).build())
}

/// Adds the members of the settings of the site that are computed.
pub fn with_site_members(settings: ObjectBuilder) -> ObjectBuilder {
    let about = "What the configuration of the server fixes; requests cannot change it.";
    let members = [
        ("default_locale", schema(text().description(Some("Language of responses whose request names none.")))),
        ("locales", list_of(schema(text()))),
        ("time_zone", schema(text().description(Some("IANA time zone of times that name none.")))),
    ];
    let year = integer(1970, 9999).description(Some("The year now, in the time zone of the site; computed."));
    settings
        .property("current_year", schema(year))
        .property("configuration", with_name("SiteConfiguration", object(about, members).build()))
}

fn object<const N: usize>(about: &str, members: [(&str, Reference); N]) -> ObjectBuilder {
    let object = closed_object(of_type(Type::Object).description(Some(about.to_owned())));
    members.into_iter().fold(object, |object, (name, member)| object.property(name, member).required(name))
}

fn menu() -> Reference {
    let last = link("LayoutEntryOfLevelThree", None);
    let middle = link("LayoutEntryOfLevelTwo", Some(last));
    let members = [
        ("id", schema(formatted_text(KnownFormat::Uuid))),
        ("title", schema(text())),
        ("entries", list_of(link("LayoutEntry", Some(middle)))),
    ];
    with_name("LayoutMenu", object("A menu with the links that readers can follow.", members).build())
}

/// Returns the schema of a link, and of those below it.
fn link(name: &str, below: Option<Reference>) -> Reference {
    let about = "A link. In a menu, one without target and address is a heading.";
    let object = object(about, link_members());
    let object = match below {
        Some(below) => object.property("children", list_of(below)).required("children"),
        None => object,
    };
    with_name(name, object.build())
}

fn legal_page() -> Reference {
    let role = match PAGE.field("role") {
        Some(Field { kind: FieldType::OneOf(known), .. }) => enumeration(known),
        _ => schema(text()),
    };
    let link = object("A link to a legal page, such as the one on privacy.", link_members());
    with_name("LayoutLegalPage", link.property("role", role).required("role").build())
}

fn link_members() -> [(&'static str, Reference); 3] {
    let url = "Address: as it was written, or that of the target's page, which is null if the site configures none.";
    [
        ("label", schema(text())),
        ("url", or_null(schema(text().description(Some(url))))),
        ("target", or_null(linked_item())),
    ]
}

fn linked_item() -> Reference {
    let members = [
        ("collection", enumeration(LINKED_COLLECTION)),
        ("id", schema(formatted_text(KnownFormat::Uuid))),
        ("slug", schema(text())),
    ];
    let path = or_null(schema(text().description(Some("Path of a page; other items have none."))));
    with_name("LinkedItem", object("The item to which a link leads.", members).property(PATH, path).build())
}

fn announcement() -> Reference {
    let moment = || or_null(schema(formatted_text(KnownFormat::DateTime)));
    let words = |name: &str| match ANNOUNCEMENT.field(name) {
        Some(Field { kind: FieldType::OneOf(known), .. }) => enumeration(known),
        _ => schema(text()),
    };
    let members = [
        ("id", schema(formatted_text(KnownFormat::Uuid))),
        ("slug", schema(text())),
        ("title", schema(text())),
        ("text", with_description(or_null(schema(text())), "Sanitised HTML.")),
        ("severity", words("severity")),
        ("place", words("place")),
        ("dismissible", schema(of_type(Type::Boolean))),
        ("starts_at", moment()),
        ("ends_at", moment()),
        ("link", or_null(link("LayoutLink", None))),
    ];
    with_name("LayoutAnnouncement", object("An announcement that is due.", members).build())
}
