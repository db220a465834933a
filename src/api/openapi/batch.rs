//! Schemas of the entries of a batch, one for each operation that writes content, and two for the steps of the life
//! cycle.
//!
//! The content of an entry has one schema for all content types. A schema for each operation and each content type would
//! be a tenth of the document, and tools that make requests from it would try every member of every content within an
//! entry.

use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, OneOfBuilder, Type};
use utoipa::openapi::{RefOr, Schema};

use crate::api::batch::entries::{CREATE, MAX_LOCAL_ID, PUT, REPLACE, SCHEDULE_STEP, UPDATE};
use crate::api::bulk::WORDS;
use crate::api::content::lifecycle::SCHEDULE;
use crate::api::content::trash::{REFERENCES, TRASH_REFERENCES};
use crate::api::openapi::input_schemas::form;
use crate::api::openapi::schemas::{
    LINE, Reference, any_object, closed_object, enumeration, integer, item_reference, of_type, one_of, or_null,
    reference, schema, text, with_description, with_name,
};
use crate::api::parameters::MAX_NUMBER;
use crate::content::Site;
use crate::content_types::COLLECTION;
use crate::editorial::batch::MAX_ENTRIES;
use crate::editorial::external_ids::{MAX_RECORD_ID, MAX_SYSTEM};

/// The operations that write content, each with the name of its schema, its description, and its member with content.
const WRITES: [(&str, &str, &str, &str); 4] = [
    (CREATE, "BatchCreateInput", "Creation of an item.", "content"),
    (REPLACE, "BatchReplaceInput", "Replacement of all fields of an item.", "content"),
    (UPDATE, "BatchUpdateInput", "Change of an item by a JSON Merge Patch (RFC 7396).", "patch"),
    (PUT, "BatchPutInput", "Creation or replacement of an item by its external id.", "content"),
];

/// Returns the schemas of batches by name.
pub fn schemas(site: &Site) -> Vec<(String, Schema)> {
    let mut entry = OneOfBuilder::new().description(Some("Entry of a batch."));
    let mut all = Vec::new();
    for (word, name, about, member) in WRITES {
        entry = entry.item(reference(name));
        all.push((name.to_owned(), write(word, about, member)));
    }
    let entry = entry.item(reference("BatchStepInput")).item(reference("BatchScheduleInput"));
    all.extend(
        [
            ("BatchEntryInput", Schema::OneOf(entry.build())),
            ("BatchInput", batch()),
            ("BatchStepInput", step()),
            ("BatchScheduleInput", schedule(site)),
            ("ExternalIdInput", external_id()),
        ]
        .map(|(name, schema)| (name.to_owned(), schema)),
    );
    all
}

fn batch() -> Schema {
    let entries = ArrayBuilder::new()
        .items(reference("BatchEntryInput"))
        .min_items(Some(1))
        .max_items(Some(MAX_ENTRIES))
        .description(Some("Entries, in the order in which they are written."))
        .build();
    let object = closed_object(of_type(Type::Object).description(Some("Writes that are made together, all or none.")));
    Schema::Object(object.property("entries", RefOr::T(Schema::Array(entries))).required("entries").build())
}

/// Returns the schema of an operation that is always this one.
fn constant(word: &str) -> Reference {
    schema(text().enum_values(Some([word])))
}

fn local_id() -> Reference {
    let about = "Name by which other entries refer to the item, with `#` before it.";
    let pattern = format!("^[0-9A-Za-z_-]{{1,{MAX_LOCAL_ID}}}$");
    or_null(schema(text().pattern(Some(pattern)).description(Some(about))))
}

fn version(about: &str) -> Reference {
    or_null(schema(integer(1, MAX_NUMBER).description(Some(about))))
}

/// Returns the members that all entries have.
fn entry(about: &str, operation: Reference) -> ObjectBuilder {
    closed_object(of_type(Type::Object).description(Some(about)))
        .property("operation", operation)
        .property("collection", enumeration(COLLECTION))
        .property("local_id", local_id())
        .required("operation")
        .required("collection")
}

/// Adds the members that name an item.
fn with_target(entry: ObjectBuilder) -> ObjectBuilder {
    let about = "Present version of the item; may be left out where `id` is that of another entry.";
    let id = item_reference().description(Some("Id or slug of the item, or `#` and the local id of another entry."));
    entry.property("id", schema(id)).property("version", version(about)).required("id")
}

fn external_id() -> Schema {
    let source = text().pattern(Some(format!("^[0-9A-Za-z._-]{{1,{MAX_SYSTEM}}}$")));
    let id = text().min_length(Some(1)).max_length(Some(MAX_RECORD_ID)).pattern(Some(LINE));
    let object = closed_object(of_type(Type::Object).description(Some("Name of an item in another system.")))
        .property("source", schema(source.description(Some("Name of the other system."))))
        .property("id", schema(id.description(Some("Id of the record in the other system."))))
        .required("source")
        .required("id");
    Schema::Object(object.build())
}

fn write(word: &str, about: &str, member: &str) -> Schema {
    let object = entry(about, constant(word));
    let object = match word {
        CREATE => object.property("external_id", or_null(reference("ExternalIdInput"))),
        PUT => {
            let about = "Version that the replacement is based on; by default the one that the last put made.";
            let object = object.property("external_id", reference("ExternalIdInput"));
            object.property("version", version(about)).required("external_id")
        }
        _ => with_target(object),
    };
    let (name, about) = match word {
        UPDATE => ("ContentPatch", "Changes to an item: `EventPatch`, or its like for the collection."),
        _ => ("ContentInput", "Content of an item: `EventInput`, or its like for the collection."),
    };
    let content = with_name(name, any_object().description(Some(about)).build());
    Schema::Object(object.property(member, content).required(member).build())
}

fn step() -> Schema {
    let steps: Vec<&str> = WORDS.words.iter().copied().filter(|word| *word != SCHEDULE_STEP).collect();
    let object = with_target(entry("Operation of the life cycle on one item.", one_of("BatchStep", &steps)));
    let references = with_description(or_null(enumeration(TRASH_REFERENCES)), REFERENCES.about);
    Schema::Object(object.property(REFERENCES.name, references).build())
}

fn schedule(site: &Site) -> Schema {
    let mut object = with_target(entry("Schedule of one item.", constant(SCHEDULE_STEP)));
    if let Schema::Object(times) = form(&SCHEDULE, site, "") {
        for (name, time) in times.properties {
            object = object.property(name, time);
        }
    }
    Schema::Object(object.build())
}
