//! Insertion of new items, one alone or several together.
//!
//! Several items are first all computed and then all stored, so that they may refer to each other in any order: a
//! link is stored when both of its ends are. Everything that can prevent an insertion is checked before anything
//! is written.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use diesel::result::QueryResult;
use serde_json::{Map, Value};

use super::slugs::{self, SlugRow, SlugsByLocale};
use super::write::{ItemWrite, is_live, owner_of, refuse_circle_among};
use super::{branches, menu_limit, redirects, zone_rules};
use crate::content::Site;
use crate::content::slug::from_title;
use crate::content::translations::Translations;
use crate::content_types::ContentType;
use crate::database::insert::RowInserts;
use crate::database::{Db, new_id, now};
use crate::editorial::write_context::WriteContext;
use crate::items::side_tables::NewRows;
use crate::items::{Item, Link, projection, side_tables};
use crate::journal::{self, ItemEntry};
use crate::problem::Problem;

/// The properties that a new item has already: its id where others refer to it beforehand, and all that an
/// imported item keeps from its previous installation.
#[derive(Debug, Default, Clone)]
pub struct Origin {
    pub id: Option<String>,
    pub version: Option<i64>,
    /// Time of creation (µs).
    pub created_at: Option<i64>,
    /// Time of the last write (µs).
    pub updated_at: Option<i64>,
    /// Time of the first publication (µs, 0 for never).
    pub published_at: Option<i64>,
    /// Time of the move to the trash (µs, 0 for never).
    pub trashed_at: Option<i64>,
    /// The states of the item's translations.
    pub translations: Translations,
    /// Whether references to items of the same kind follow, and with them the paths.
    pub is_incomplete: bool,
}

/// Creates an item. An import of Plenary's own export gives its id, version, times and translation states in
/// `origin`.
///
/// # Errors
///
/// Fails with `Conflict` if the requested slug is taken, with `Invalid` if the item would stand below itself,
/// and if a statement fails.
pub fn insert(
    connection: &mut Db,
    context: WriteContext<'_>,
    writing: ItemWrite<'_>,
    origin: Origin,
) -> Result<Item, Problem> {
    insert_with_links(connection, context, writing, origin).map(|(item, _)| item)
}

/// Creates an item as [`insert`] does, and returns its links too.
///
/// # Errors
///
/// Fails as [`insert`] does.
pub fn insert_with_links(
    connection: &mut Db,
    context: WriteContext<'_>,
    writing: ItemWrite<'_>,
    origin: Origin,
) -> Result<(Item, Vec<Link>), Problem> {
    let mut group = InsertGroup::default();
    group.add(connection, context, writing, origin)?;
    let inserted = group.store_each(connection, context)?.pop();
    let NewItem { item, links, refusal } = inserted.ok_or_else(|| Problem::internal(&"an inserted item is missing"))?;
    refusal.map_or(Ok((item, links)), Err)
}

/// An item of a group after its insertion.
#[derive(Debug)]
pub struct NewItem {
    pub item: Item,
    pub links: Vec<Link>,
    /// The reason if the item is refused. The transaction must be rolled back then.
    pub refusal: Option<Problem>,
}

/// New items that are stored together.
#[derive(Debug, Default)]
pub struct InsertGroup<'c> {
    rows: Vec<NewRow<'c>>,
    /// The slugs of the group, by kind.
    slugs: HashSet<(&'static str, String)>,
    /// Slugs that no item has or had, by kind.
    free: HashSet<(&'static str, String)>,
    /// The parents of the items of the group, by the item's id.
    parents: HashMap<String, Option<String>>,
    /// The items of the group that the public will see.
    live: HashSet<String>,
}

#[derive(Debug)]
struct NewRow<'c> {
    item: Item,
    links: Vec<Link>,
    content_type: &'static ContentType,
    content: Cow<'c, Map<String, Value>>,
    /// Whether no item had the slug before.
    is_slug_new: bool,
    /// Whether references to items of the same kind follow.
    is_incomplete: bool,
    /// The requested slugs of several locales.
    slugs: SlugsByLocale,
}

impl<'c> InsertGroup<'c> {
    /// Computes an item and adds it to the group. Nothing is written.
    ///
    /// # Errors
    ///
    /// Fails with `Conflict` if the requested slug is taken, with `Invalid` if the item would stand below itself,
    /// and if a query fails.
    pub fn add(
        &mut self,
        connection: &mut Db,
        context: WriteContext<'_>,
        writing: ItemWrite<'c>,
        origin: Origin,
    ) -> Result<(), Problem> {
        let id = origin.id.clone().unwrap_or_else(new_id);
        let content_type = writing.content_type;
        let default_locale = context.site.default_locale();
        let (slug, is_slug_new) = self.default_slug(connection, context.site, &id, &writing)?;
        refuse_circle_among(connection, content_type, &id, &writing.content, &self.parents)?;
        let parent_live = !origin.is_incomplete
            && match owner_of(content_type, &writing.content) {
                Some(owner) if self.parents.contains_key(owner) => self.live.contains(owner),
                Some(owner) => is_live(connection, owner)?,
                None => true,
            };
        let is_incomplete = origin.is_incomplete;
        let mut item = new_item(id, slug, writing.status.clone(), origin);
        item.kind = content_type.kind.to_owned();
        item.created_by.clone_from(&context.author.account_id);
        slugs::assign_all(&mut item, default_locale, &writing.slugs, |item, slug| {
            self.require_free(connection, content_type.kind, &item.id, slug).map(drop)
        })?;
        projection::fill(&mut item, content_type, &writing.content, context.site, parent_live);
        let links = projection::links_of_row(&item, content_type, &writing.content, context.site);
        if item.live {
            item.shown_at = now();
            self.live.insert(item.id.clone());
        }
        let own = writing.slugs.values().flatten().chain([&item.slug]);
        self.slugs.extend(own.map(|slug| (content_type.kind, slug.clone())));
        self.parents.insert(item.id.clone(), item.parent_id.clone());
        let ItemWrite { content, slugs, .. } = writing;
        self.rows.push(NewRow { item, links, content_type, content, is_slug_new, is_incomplete, slugs });
        Ok(())
    }

    /// Returns the slug of a new item in the default locale: the requested one, or one made from its title. Also
    /// returns whether no item had it before.
    fn default_slug(
        &self,
        connection: &mut Db,
        site: &Site,
        id: &str,
        writing: &ItemWrite<'_>,
    ) -> Result<(String, bool), Problem> {
        let ItemWrite { content_type, slug, slugs: by_locale, content, .. } = writing;
        // `slugs::assign_all` checks it together with those of the other locales.
        if let Some(Some(slug)) = by_locale.get(site.default_locale()) {
            return Ok((slug.clone(), false));
        }
        match slug {
            Some(slug) => Ok((slug.clone(), self.require_free(connection, content_type.kind, id, slug)?)),
            None => {
                let title = projection::label(content_type, content, site);
                let chosen = slugs::choose(content_type.kind, id, &title, |slug| {
                    self.is_free(connection, content_type.kind, slug)
                })?;
                Ok((chosen, true))
            }
        }
    }

    /// Looks up which of the slugs are free that the items of the group will ask for first, with one query for each
    /// kind.
    ///
    /// # Errors
    ///
    /// Fails if a query fails.
    pub fn look_up_slugs<'a>(
        &mut self,
        connection: &mut Db,
        site: &Site,
        new: impl Iterator<Item = (&'static ContentType, Option<&'a str>, &'a Map<String, Value>)>,
    ) -> QueryResult<()> {
        let mut wanted: HashMap<&'static str, Vec<String>> = HashMap::new();
        for (content_type, requested, content) in new {
            let made = || from_title(&projection::label(content_type, content, site));
            wanted.entry(content_type.kind).or_default().push(requested.map_or_else(made, str::to_owned));
        }
        for (kind, wanted) in wanted {
            let held = slugs::find_held(connection, kind, &wanted)?;
            self.free.extend(wanted.into_iter().filter(|slug| !held.contains(slug)).map(|slug| (kind, slug)));
        }
        Ok(())
    }

    /// Returns whether no item has or had a slug, and none of the group has it.
    fn is_free(&self, connection: &mut Db, kind: &'static str, slug: &str) -> QueryResult<bool> {
        let key = (kind, slug.to_owned());
        Ok(!self.slugs.contains(&key) && (self.free.contains(&key) || slugs::is_free(connection, kind, slug)?))
    }

    /// Refuses a requested slug that another item has, stored or of the group. Returns whether no item had it before.
    fn require_free(&self, connection: &mut Db, kind: &'static str, id: &str, slug: &str) -> Result<bool, Problem> {
        let key = (kind, slug.to_owned());
        let is_new = self.free.contains(&key) || slugs::require_free(connection, kind, id, slug)?;
        if self.slugs.contains(&key) { Err(slugs::slug_taken(slug)) } else { Ok(is_new) }
    }

    /// Removes items from the group.
    pub fn retain(&mut self, is_kept: impl Fn(&str) -> bool) {
        self.rows.retain(|row| is_kept(&row.item.id));
    }

    /// Stores the items of the group, in the order in which they were added: rows, slugs, links, and the journal
    /// entries.
    ///
    /// # Errors
    ///
    /// Fails with the first refusal if an item is refused, and if a statement fails. The transaction must be rolled back
    /// then.
    pub fn store(self, connection: &mut Db, context: WriteContext<'_>) -> Result<Vec<Item>, Problem> {
        let inserted = self.store_each(connection, context)?.into_iter();
        inserted.map(|NewItem { item, refusal, .. }| refusal.map_or(Ok(item), Err)).collect()
    }

    /// Stores the items of the group, and returns them, each with the reason if it is refused: its path is that of another
    /// one, or there is no room for it. The transaction must be rolled back if one is.
    ///
    /// # Errors
    ///
    /// Fails if a statement fails.
    pub fn store_each(self, connection: &mut Db, context: WriteContext<'_>) -> Result<Vec<NewItem>, Problem> {
        self.insert(connection, context)?;
        for NewRow { item, content_type, is_slug_new, slugs, .. } in &self.rows {
            if !is_slug_new {
                slugs::keep(connection, content_type.kind, &item.id, &item.slug)?;
            }
            slugs::keep_all(connection, item, slugs)?;
            zone_rules::mark_if_behind(connection, content_type)?;
        }
        // The item at fault can be one of the group that is below the one whose paths are written.
        let mut refusals: HashMap<String, Problem> = HashMap::new();
        for NewRow { item, .. } in self.rows.iter().filter(|row| !row.is_incomplete) {
            if let Some(fault) = branches::try_paths(connection, context, item)? {
                let at_fault =
                    self.rows.iter().find(|row| row.item.id == fault.item_id()).map_or(item, |row| &row.item);
                refusals.entry(at_fault.id.clone()).or_insert_with(|| branches::problem(at_fault, fault));
            }
            collect_refusal(&mut refusals, item, menu_limit::require_room(connection, item))?;
        }
        refusals.extend(redirects::refusals(connection, context.site, self.rows.iter().map(|row| &row.item))?);
        Ok(self
            .rows
            .into_iter()
            .map(|NewRow { item, links, .. }| {
                let refusal = refusals.remove(&item.id);
                NewItem { item, links, refusal }
            })
            .collect())
    }

    /// Inserts all rows of the items but those of slugs that other items may have had.
    fn insert(&self, connection: &mut Db, context: WriteContext<'_>) -> QueryResult<()> {
        let items: Vec<&Item> = self.rows.iter().map(|row| &row.item).collect();
        let links: Vec<&Link> = self.rows.iter().flat_map(|row| &row.links).collect();
        let new = self.rows.iter().map(|row| (&row.item, row.content_type, &*row.content));
        let NewRows { words, places, redirects } = side_tables::of_new(context.site, new);
        // A slug that was found to be new cannot have been taken since: write transactions exclude each other. So the
        // look-up of a former holder is saved.
        let new = self.rows.iter().filter(|row| row.is_slug_new);
        let slugs: Vec<SlugRow> = new.map(|row| SlugRow::new(row.content_type.kind, &row.item)).collect();
        let entry = ItemEntry { action: "create", ..ItemEntry::default() };
        let (only, several) = match &*items {
            [] => return Ok(()),
            [item] => (Some(journal::row_of_item(context.author, item, &entry)), Vec::new()),
            items => {
                let entries = items.iter().map(|item| (*item, entry));
                (None, journal::rows_of_items(connection, context.author, entries)?)
            }
        };
        let mut inserts = RowInserts::default();
        inserts.add(&items);
        inserts.add(&links);
        inserts.add(&words);
        inserts.add(&places);
        inserts.add(&redirects);
        inserts.add(&slugs);
        inserts.add(only.as_slice());
        inserts.add(&several);
        inserts.run(connection)
    }
}

/// Returns the row of a new item, without what follows from its kind and its content.
fn new_item(id: String, slug: String, status: Option<String>, origin: Origin) -> Item {
    let at = now();
    let status = status.unwrap_or_else(|| "draft".to_owned());
    let published_at = match origin.published_at {
        Some(given) => given,
        None if status == "published" => at,
        None => 0,
    };
    Item {
        id,
        slug,
        status,
        version: origin.version.unwrap_or(1),
        created_at: origin.created_at.unwrap_or(at),
        updated_at: origin.updated_at.unwrap_or(at),
        published_at,
        trashed_at: origin.trashed_at.unwrap_or(0),
        translations: origin.translations.to_json(),
        ..Item::new_draft()
    }
}

/// Adds the problem of an item to those of the others of its group.
///
/// # Errors
/// The problem, if it is no fault of the item.
fn collect_refusal(
    refusals: &mut HashMap<String, Problem>,
    item: &Item,
    outcome: Result<(), Problem>,
) -> Result<(), Problem> {
    match outcome {
        Err(problem) if problem.kind.status() < 500 => drop(refusals.insert(item.id.clone(), problem)),
        other => return other,
    }
    Ok(())
}
