//! Who is shown what: every kind of reader, on every relation, to every depth. Each text carries a mark, and no
//! answer may have a mark that its reader may not see.

use std::collections::BTreeSet;

use plenary::content::field::RelationShape;
use plenary::content_types::{ALL, ContentType, in_order_of_reference, with_lists};
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::client::{Client, Reply};
use crate::support::kinds;

/// What becomes of items after they were published.
const STATES: [&str; 6] = ["live", "draft", "archived", "trashed", "changed", "hidden"];

/// An item of the test, by the number in its marks.
struct Marked {
    kind: &'static str,
    id: String,
    state: &'static str,
    /// The index of the event that a session belongs to.
    parent: Option<usize>,
}

/// Which text a mark stands in: the public one, that of a hidden language, that of a working draft.
const PUBLIC: char = 'a';
const HIDDEN: char = 'b';
const DRAFT: char = 'c';

/// Somebody who reads, and what is open to them beyond what is public.
struct Reader {
    name: String,
    client: Client,
    collections: Vec<&'static str>,
    link: Option<(usize, String)>,
}

impl Marked {
    fn resource(&self) -> &'static ContentType {
        ContentType::of_kind(self.kind).unwrap()
    }

    fn path(&self) -> String {
        format!("/api/v1/{}/{}", self.resource().collection, self.id)
    }

    fn is_published(&self) -> bool {
        matches!(self.state, "live" | "changed" | "hidden")
    }
}

/// Whether the public sees an item: sessions only with their event.
fn is_live(world: &[Marked], number: usize) -> bool {
    world[number].is_published() && world[number].parent.is_none_or(|parent| is_live(world, parent))
}

impl Reader {
    fn may_see(&self, world: &[Marked], (number, text): (usize, char), asked: Option<usize>) -> bool {
        let item = &world[number];
        let edits = self.collections.contains(&item.resource().collection);
        let own = self.link.as_ref().is_some_and(|(own, _)| *own == number);
        if item.state == "trashed" {
            return edits && asked == Some(number);
        }
        let waits = |own: usize| item.is_published() && item.parent == Some(own);
        let shown = is_live(world, number) || self.link.as_ref().is_some_and(|(own, _)| waits(*own));
        edits || own || (shown && text != DRAFT && (text == PUBLIC || item.state != "hidden"))
    }

    /// Whether the reader may ask for anything of a collection.
    fn enters(&self, resource: &ContentType) -> bool {
        self.collections.is_empty() || self.collections.contains(&resource.collection)
    }

    fn get(&self, world: &[Marked], path: &str, asked: Option<usize>) -> BTreeSet<(usize, char)> {
        let mark = if path.contains('?') { '&' } else { '?' };
        let link = self.link.as_ref().map_or(String::new(), |(_, token)| format!("{mark}preview={token}"));
        self.check(world, &self.client.get(&format!("{path}{link}")), path, asked)
    }

    fn check(&self, world: &[Marked], reply: &Reply, path: &str, asked: Option<usize>) -> BTreeSet<(usize, char)> {
        assert!([200, 404].contains(&reply.status), "{} {path}: {}", self.name, reply.status);
        let body = String::from_utf8_lossy(&reply.body);
        let seen = marks(&body);
        for (number, text) in &seen {
            let item = &world[*number];
            let told = format!("{} {path}: {} {} {text}\n{body}", self.name, item.state, item.kind);
            // Editors are told which references lead to the trash.
            let is_told = path.ends_with("/desk") && item.state == "trashed";
            let edits = self.collections.contains(&item.resource().collection);
            assert!(self.may_see(world, (*number, *text), asked) || (is_told && edits), "{told}");
        }
        seen
    }
}

/// The marks in a text.
fn marks(body: &str) -> BTreeSet<(usize, char)> {
    let after = body.split("zz").skip(1);
    let mark = |rest: &str| {
        let end = rest.find(|c: char| !c.is_ascii_digit())?;
        Some((rest[..end].parse().ok()?, rest[end..].chars().next()?))
    };
    after.filter_map(mark).collect()
}

fn text(resource: &ContentType, number: usize) -> Value {
    let label = resource.fields.iter().find(|field| field.name == resource.label).unwrap();
    match label.localised {
        true => json!({"en": format!("zz{number}{PUBLIC}"), "nl": format!("zz{number}{HIDDEN}")}),
        false => json!(kinds::label(resource, &format!("zz{number}{PUBLIC}"))),
    }
}

/// Makes a published item that refers to the newest item of each kind in this list.
fn make(
    editor: &Client,
    resource: &'static ContentType,
    world: &mut Vec<Marked>,
    known: &[usize],
    state: &'static str,
) {
    let number = world.len();
    let mut body = json!({resource.label: text(resource, number), "status": "published"});
    kinds::complete(resource, &mut body);
    // Without it, the path of a page would have the marks of those above, which its editors may know.
    if resource.has_paths() {
        body["segment"] = json!({"en": format!("page-{number}")});
    }
    let mut parent = None;
    for relation in resource.relations() {
        let target = known.iter().rev().find(|target| world[**target].kind == relation.target);
        let Some(target) = target.copied() else { continue };
        let id = world[target].id.clone();
        if resource.is_child() && resource.parent == Some(relation.name) {
            parent = Some(target);
        }
        if let RelationShape::Within(field) = relation.shape {
            let block = match relation.target {
                "speaker" => json!({"type": "quote", "text": {"en": "a"}, "speaker": id}),
                "partner" => json!({"type": "partners", "partners": [id]}),
                target => json!({"type": "call_to_action", "label": {"en": "a"}, target: id}),
            };
            match body.get_mut(field.name).and_then(Value::as_array_mut) {
                Some(blocks) => blocks.push(block),
                None => body[field.name] = json!([block]),
            }
            continue;
        }
        body[relation.name] = match relation.shape {
            RelationShape::One => json!(id),
            RelationShape::Many => json!([id]),
            RelationShape::ManyWith { key, .. } => json!([{key: id}]),
            RelationShape::Within(_) => continue,
        };
    }
    let made = editor.post(&format!("/api/v1/{}?locale=*", resource.collection), &body).expect(201).json();
    let id = made["id"].as_str().unwrap().to_owned();
    world.push(Marked { kind: resource.kind, id, state, parent });
}

/// The kinds of which there is any number of items, each after those that it refers to.
fn in_order() -> impl Iterator<Item = &'static ContentType> {
    in_order_of_reference().into_iter().filter(|resource| !resource.is_singleton())
}

/// For each state two items of each kind, of which the second refers to the first ones, and a live one that
/// refers to the second ones; then these get their state.
fn world(editor: &Client) -> Vec<Marked> {
    let mut world = Vec::new();
    for state in STATES {
        let begin = world.len();
        for resource in in_order().chain(in_order()) {
            let known: Vec<usize> = (begin..world.len()).collect();
            make(editor, resource, &mut world, &known, state);
        }
        let known: Vec<usize> = (begin..world.len()).collect();
        for resource in in_order() {
            make(editor, resource, &mut world, &known, "live");
        }
    }
    for (number, item) in world.iter().enumerate().rev() {
        let path = item.path();
        match item.state {
            "draft" => drop(editor.act(&format!("{path}/unpublish"), "\"v1\"").expect(200)),
            "archived" => drop(editor.act(&format!("{path}/archive"), "\"v1\"").expect(200)),
            "trashed" => drop(editor.trash(&path, "\"v1\"").expect(204)),
            "changed" => {
                let change =
                    json!({item.resource().label: kinds::label(item.resource(), &format!("zz{number}{DRAFT}"))});
                editor.patch(&format!("{path}?view=draft"), "\"v1\"", &change).expect(200);
            }
            "hidden" if text(item.resource(), number).is_object() => {
                editor.act(&format!("{path}/translations/nl/unpublish"), "\"v1\"").expect(200);
            }
            _ => {}
        }
    }
    world
}

/// All that can be embedded, as the beginning of a query.
fn include(resource: &'static ContentType) -> String {
    let names = resource.includes().join(",");
    if names.is_empty() { names } else { format!("include={names}&") }
}

/// Asks for all that this reader may ask for.
fn read_all(reader: &Reader, world: &[Marked]) {
    for resource in with_lists().filter(|resource| reader.enters(resource)) {
        let whole = format!("{}detail=full", include(resource));
        let edits = reader.collections.contains(&resource.collection);
        let list = format!("/api/v1/{}?limit=50", resource.collection);
        let states: &[&str] =
            if edits { &["published", "draft", "changed", "archived", "any"] } else { &["published"] };
        for (status, locale) in states.iter().flat_map(|status| ["en", "nl", "*"].map(|locale| (status, locale))) {
            reader.get(world, &format!("{list}&{whole}&status={status}&locale={locale}"), None);
            reader.get(world, &format!("{list}&status={status}&locale={locale}&count=exact"), None);
            if edits {
                reader.get(world, &format!("{list}&{whole}&status={status}&locale={locale}&view=draft"), None);
            }
        }
        reader.get(world, &format!("{list}&q=zz&highlights=true"), None);
        let own = world.iter().enumerate().filter(|(_, item)| item.kind == resource.kind);
        for (number, item) in own {
            let (path, asked) = (item.path(), Some(number));
            reader.get(world, &format!("{path}?{whole}&locale=*"), asked);
            if edits {
                reader.get(world, &format!("{path}?{whole}&locale=*&view=draft"), asked);
                for more in ["revisions", "revisions/1", "desk", "translations", "comments"] {
                    reader.get(world, &format!("{path}/{more}"), asked);
                }
            }
        }
    }
    if reader.collections.is_empty() || reader.collections.contains(&"events") {
        for form in ["ics", "rss", "atom", "json", "jsonld", "csv"] {
            reader.get(world, &format!("/api/v1/events.{form}?limit=100"), None);
        }
    }
}

#[apply(api_test)]
fn nobody_is_shown_more_than_is_theirs(app: &TestApp) {
    let editor = app.editor();
    let world = world(&editor);
    let public = Reader { name: "public".into(), client: app.visitor(), collections: Vec::new(), link: None };
    read_all(&public, &world);
    for path in ["/api/v1/search?q=zz", "/api/v1/changes?limit=100", "/api/v1/sitemap.xml"] {
        public.get(&world, path, None);
    }
    let all: Vec<&str> = ALL.iter().map(|resource| resource.collection).collect();
    let own = Reader { name: "editor".into(), client: editor.clone(), collections: all, link: None };
    read_all(&own, &world);
    // The test sees something: an editor is shown all that is not in the trash.
    let seen: BTreeSet<(usize, char)> = with_lists()
        .flat_map(|resource| own.get(&world, &format!("/api/v1/{}?status=any&limit=50", resource.collection), None))
        .collect();
    let present = |number: &usize| world[*number].state != "trashed";
    let expected: BTreeSet<(usize, char)> = (0..world.len()).filter(present).map(|number| (number, PUBLIC)).collect();
    assert_eq!(seen.intersection(&expected).count(), expected.len());
}

#[apply(api_test)]
fn a_link_of_one_item_opens_nothing_else(app: &TestApp) {
    let editor = app.editor();
    let world = world(&editor);
    for (number, item) in world.iter().enumerate().filter(|(_, item)| item.state != "live" || item.kind == "session") {
        let collection = item.resource().collection;
        let body = json!({"collection": collection, "id": item.id});
        let token =
            editor.post("/api/v1/preview-links", &body).expect(201).json()["token"].as_str().unwrap().to_owned();
        let link = Some((number, token.clone()));
        let reader = Reader { name: format!("link {number}"), client: app.visitor(), collections: Vec::new(), link };
        let whole = format!("{}locale=*", include(item.resource()));
        let seen = reader.get(&world, &format!("{}?{whole}", item.path()), Some(number));
        let newest = if item.state == "changed" { DRAFT } else { PUBLIC };
        assert_eq!(seen.contains(&(number, newest)), item.state != "trashed", "{} {}", item.state, item.kind);
        // What is published and only waits for it belongs to it.
        for (waiting, below) in world.iter().enumerate().filter(|(_, below)| below.parent == Some(number)) {
            let shown = below.is_published() && item.state != "trashed";
            assert_eq!(seen.contains(&(waiting, PUBLIC)), shown, "{} {}", item.state, below.state);
        }
        for other in ["/api/v1/events", "/api/v1/events.ics"] {
            app.visitor().get(&format!("{other}?preview={token}")).problem(400, &[("?preview", "one_item")]);
        }
    }
}

#[apply(api_test)]
fn a_key_that_is_held_to_collections_opens_no_others(app: &TestApp) {
    let editor = app.editor();
    let world = world(&editor);
    for resource in with_lists() {
        let collection = resource.collection;
        let key = editor.post("/api/v1/auth/keys", &json!({"name": collection, "collections": [collection]}));
        let client = app.visitor().with_token(key.expect(201).json()["token"].as_str().unwrap());
        let reader = Reader { name: format!("key {collection}"), client, collections: vec![collection], link: None };
        read_all(&reader, &world);
        reader.client.get(&format!("/api/v1/{collection}?at=2050-01-01")).problem(400, &[("?at", "not_for_this_key")]);
        // What a write answers is what its writer may read.
        for (number, item) in world.iter().enumerate().filter(|(_, item)| item.kind == resource.kind) {
            if item.state != "live" {
                continue;
            }
            let step = format!("{}/archive?locale=*", item.path());
            reader.check(&world, &reader.client.act(&step, "\"v1\"").expect(200), &step, Some(number));
        }
    }
    // Nor does a filter tell of what others hold: of a draft by its slug, of drafts that are like that.
    let key = editor.post("/api/v1/auth/keys", &json!({"name": "E", "collections": ["events"]})).expect(201).json();
    let events = app.visitor().with_token(key["token"].as_str().unwrap());
    editor.create("speakers", &json!({"name": "Secret", "country": "FR"}));
    editor.create("events", &json!({"title": "With a secret", "speakers": [{"speaker": "secret"}]}));
    for filter in ["speaker=secret", "speaker.country=FR"] {
        let asked = |client: &Client| {
            let page = client.get(&format!("/api/v1/events?status=any&{filter}")).expect(200).json();
            page["data"].as_array().unwrap().len()
        };
        assert_eq!((asked(&events), asked(&editor)), (0, 1), "{filter}");
    }
}
