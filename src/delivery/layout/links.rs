//! The links of a layout: where they lead, and which of them readers can follow.

use std::collections::{BTreeMap, HashMap};

use diesel::prelude::*;
use diesel::result::QueryResult;
use serde_json::{Map, Value, json};

use crate::content_types::pages::PAGE;
use crate::content_types::references::deep_references;
use crate::content_types::{ANNOUNCEMENT, ContentType, LINKED, MENU, PATH};
use crate::database::schema::items;
use crate::database::{Db, in_list};
use crate::delivery::cache::dependencies::Dependencies;
use crate::delivery::layout::LayoutContext;
use crate::delivery::layout::legal_pages::LegalPage;
use crate::delivery::layout::parts::LayoutPart;
use crate::delivery::public_slugs;
use crate::delivery::render::links_within::add_dependency;
use crate::delivery::render::loaded_item::LoadedItem;
use crate::delivery::render::paths;
use crate::delivery::viewer::VisibilityState;
use crate::items::Item;

/// An item to which a link leads.
struct Target {
    /// Title or name of the item.
    label: Value,
    /// Address of its page; null if the site configures none for its kind.
    url: Option<String>,
    /// The item by collection, id and slug.
    reference: Value,
}

/// The parts of a layout that have links.
#[derive(Clone, Copy)]
pub struct LayoutLinks<'a> {
    pub menus: &'a [LayoutPart],
    pub announcements: &'a [LayoutPart],
    pub legal_pages: &'a [LegalPage],
}

/// The items to which the links of a layout lead, by id, as far as readers see them.
pub struct LinkTargets(HashMap<String, Target>);

impl LinkTargets {
    /// Loads the targets of the links of these parts. The layout depends on all of them, also on those
    /// that are not public yet.
    ///
    /// # Errors
    ///
    /// Fails if a statement fails.
    pub fn load(
        connection: &mut Db,
        context: LayoutContext<'_>,
        linking: LayoutLinks<'_>,
        dependencies: &mut Dependencies,
    ) -> QueryResult<Self> {
        let mut wanted: BTreeMap<&str, &'static str> =
            linking.legal_pages.iter().map(|page| (page.id.as_str(), PAGE.kind)).collect();
        for (content_type, parts) in [(&MENU, linking.menus), (&ANNOUNCEMENT, linking.announcements)] {
            for part in parts {
                let found = deep_references(content_type, &part.object).into_iter();
                wanted.extend(found.filter_map(|reference| Some((reference.value.as_str()?, reference.kind))));
            }
        }
        if wanted.is_empty() {
            return Ok(Self(HashMap::new()));
        }
        let mut rows: Vec<Item> = by_ids(connection, wanted.keys().copied())?;
        rows.iter().for_each(|row| add_dependency(&VisibilityState::from(row), dependencies));
        rows.retain(|row| {
            let is_of_kind = wanted.get(row.id.as_str()).is_some_and(|kind| *kind == row.kind);
            is_of_kind && context.shape.viewer.sees(&VisibilityState::from(row))
        });
        let mut places = events(connection, context, &rows)?;
        let pages = rows.iter().filter(|row| ContentType::of_kind(&row.kind).is_some_and(ContentType::has_paths));
        let pages: Vec<&str> = pages.map(|row| row.id.as_str()).collect();
        places.extend(paths::visible_paths(connection, &context.shape.viewer, context.locale, &pages)?);
        Ok(Self(rows.into_iter().filter_map(|row| target(context, row, &places)).collect()))
    }

    /// Returns the entries of a menu that readers can follow, with all below them.
    pub fn entries(&self, entries: &[Value]) -> Value {
        let entry = |entry: &Value| {
            let mut shown = self.link(entry)?;
            if let Some(children) = entry.get("children").and_then(Value::as_array) {
                shown.insert("children".to_owned(), self.entries(children));
            }
            Some(Value::Object(shown))
        };
        entries.iter().filter_map(entry).collect::<Vec<Value>>().into()
    }

    /// Returns the link to an item, with its title and its address; `None` if readers do not see the item.
    pub fn link_to(&self, id: &str) -> Option<Map<String, Value>> {
        self.link(&json!({"target": {"id": id}}))
    }

    /// Returns a link with its text and its address; `None` if it leads to an item that readers do not see.
    pub fn link(&self, link: &Value) -> Option<Map<String, Value>> {
        let given = |name: &str| link.get(name).filter(|value| !value.is_null());
        let target = match given("target") {
            Some(target) => Some(self.0.get(target.get("id")?.as_str()?)?),
            None => None,
        };
        let label = given("label").or(target.map(|target| &target.label)).cloned().unwrap_or_default();
        let url = match target {
            Some(target) => target.url.clone().map_or(Value::Null, Value::String),
            None => given("url").cloned().unwrap_or_default(),
        };
        let mut shown = Map::new();
        shown.insert("label".to_owned(), label);
        shown.insert("url".to_owned(), url);
        shown.insert("target".to_owned(), target.map_or(Value::Null, |target| target.reference.clone()));
        Some(shown)
    }
}

fn by_ids<'a>(connection: &mut Db, ids: impl Iterator<Item = &'a str>) -> QueryResult<Vec<Item>> {
    let ids = in_list(connection.dialect(), items::id, ids);
    items::table.filter(ids).select(Item::as_select()).load(connection)
}

/// Returns the slugs of the events of sessions in the locale, by id. The addresses of sessions contain them.
fn events(connection: &mut Db, context: LayoutContext<'_>, rows: &[Item]) -> QueryResult<HashMap<String, String>> {
    let slugs = public_slugs::of_owners(connection, rows.iter().map(|row| (&*row.kind, row.parent_id.as_deref())))?;
    Ok(slugs.into_iter().map(|(id, slugs)| (id, slugs.in_locale(context.locale).to_owned())).collect())
}

/// Returns the target of a link, with its id. `places` has the slugs of the events of sessions, by their ids, and the paths
/// of pages, by theirs.
fn target(context: LayoutContext<'_>, row: Item, places: &HashMap<String, String>) -> Option<(String, Target)> {
    let content_type = ContentType::of_kind(&row.kind)?;
    let (collection, _) = LINKED.iter().find(|(_, kind)| *kind == row.kind)?;
    let event = row.parent_id.as_ref().and_then(|id| places.get(id)).cloned().unwrap_or_default();
    let view = context.shape.viewer.view_of(&row.kind, &row.id, &context.shape.view);
    let LoadedItem { id, fragments, .. } = LoadedItem::from_item(row, context.site, &view);
    let mut shown: Map<String, Value> = serde_json::from_str(&fragments.reference).ok()?;
    let slug = shown.shift_remove("slug")?;
    let url = match content_type.has_paths() {
        // A page without a path in the language is not there.
        true => {
            places.get(&id).and_then(|path| context.site.page_address(content_type.kind, path, None, context.locale))
        }
        false => context.site.page_address(content_type.kind, slug.as_str()?, Some(&event), context.locale),
    };
    let label = shown.shift_remove(content_type.label).unwrap_or_default();
    let mut reference = json!({"collection": collection, "id": id, "slug": slug});
    if content_type.has_paths() {
        reference[PATH] = places.get(&id).cloned().into();
    }
    Some((id, Target { label, url, reference }))
}
