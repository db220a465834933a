//! Visibility of items: one rule for a requested item, for items embedded at any depth, and for items that
//! the filters of a list name.

use diesel::prelude::*;

use crate::content_types::ALL;
use crate::database::schema::items;
use crate::items::render::View;
use crate::items::summary::ItemSummary;
use crate::items::{Item, ItemScope};

/// The reader for whom a response is rendered.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Viewer {
    /// Anonymous reader, who sees live items.
    Public,
    /// Account or API key, which sees live items and all items of these content types.
    Editor {
        /// Every content type, or those of the collections to which the key is limited.
        kinds: Vec<&'static str>,
    },
    /// Holder of a preview link for one item, who sees live items, that item, and its children that are
    /// published and only wait for it.
    Link {
        /// Id of the item.
        item_id: String,
    },
}

/// Properties of an item that decide who sees it.
#[derive(Debug, Clone, Queryable)]
pub struct VisibilityState {
    pub id: String,
    pub kind: String,
    /// `draft`, `published` or `archived`.
    pub status: String,
    /// Whether the public sees the item now.
    pub live: bool,
    /// Time at which the item was moved to the trash (µs), or 0.
    pub trashed_at: i64,
    /// Id of the item under which it is filed.
    pub parent_id: Option<String>,
}

/// Columns of a [`VisibilityState`].
pub const VISIBILITY_COLUMNS: (
    items::id,
    items::kind,
    items::status,
    items::live,
    items::trashed_at,
    items::parent_id,
) = (items::id, items::kind, items::status, items::live, items::trashed_at, items::parent_id);

impl From<&Item> for VisibilityState {
    fn from(item: &Item) -> Self {
        Self {
            id: item.id.clone(),
            kind: item.kind.clone(),
            status: item.status.clone(),
            live: item.live,
            trashed_at: item.trashed_at,
            parent_id: item.parent_id.clone(),
        }
    }
}

impl From<&ItemSummary> for VisibilityState {
    fn from(item: &ItemSummary) -> Self {
        Self {
            id: item.id.clone(),
            kind: item.kind.clone(),
            status: item.status.clone(),
            live: item.live,
            trashed_at: item.trashed_at,
            parent_id: item.parent_id.clone(),
        }
    }
}

impl Viewer {
    /// Returns an editor of all content types.
    pub fn editor() -> Self {
        Self::Editor { kinds: ALL.iter().map(|content_type| content_type.kind).collect() }
    }

    /// Returns the editor with a key that is limited to these collections; an empty list means all.
    pub fn restricted_to(collections: &[String]) -> Self {
        let own = ALL.iter().filter(|content_type| collections.iter().any(|name| name == content_type.collection));
        match collections.is_empty() {
            true => Self::editor(),
            false => Self::Editor { kinds: own.map(|content_type| content_type.kind).collect() },
        }
    }

    /// Returns whether the viewer sees exactly what the public sees.
    pub fn is_public(&self) -> bool {
        *self == Self::Public
    }

    /// Returns whether the viewer sees drafts of all content types.
    pub fn sees_everything(&self) -> bool {
        ALL.iter().all(|content_type| self.edits(content_type.kind))
    }

    /// Returns whether the viewer sees all items of a content type, whatever their status. Lists by status
    /// require this.
    pub fn edits(&self, kind: &str) -> bool {
        matches!(self, Self::Editor { kinds } if kinds.contains(&kind))
    }

    /// Returns whether the viewer sees the unpublished text of an item: its working draft, and its hidden
    /// languages.
    pub fn sees_drafts_of(&self, kind: &str, id: &str) -> bool {
        match self {
            Self::Link { item_id } => item_id == id,
            _ => self.edits(kind),
        }
    }

    /// Returns whether the viewer sees the item embedded in others, or named by a filter.
    pub fn sees(&self, item: &VisibilityState) -> bool {
        if item.live || item.trashed_at != 0 {
            return item.live;
        }
        let waits_for = |id: &str| item.status == "published" && item.parent_id.as_deref() == Some(id);
        match self {
            Self::Link { item_id } => item_id == &item.id || waits_for(item_id),
            _ => self.edits(&item.kind),
        }
    }

    /// Returns whether the viewer sees the item when requesting it directly. Its editors also find it in the
    /// trash.
    pub fn finds(&self, item: &VisibilityState) -> bool {
        self.sees(item) || self.edits(&item.kind)
    }

    /// Returns the items of a content type among which filters look up names.
    pub fn lookup_scope(&self, kind: &str) -> ItemScope {
        if self.edits(kind) { ItemScope::Present } else { ItemScope::Live }
    }

    /// Returns the view of an item that is embedded in a response in `view`.
    pub fn view_of(&self, kind: &str, id: &str, view: &View) -> View {
        View { unpublished: self.sees_drafts_of(kind, id), ..view.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(id: &str, kind: &str, status: &str, trashed: bool, parent: Option<&str>) -> VisibilityState {
        VisibilityState {
            id: id.to_owned(),
            kind: kind.to_owned(),
            status: status.to_owned(),
            live: false,
            trashed_at: i64::from(trashed),
            parent_id: parent.map(str::to_owned),
        }
    }

    #[test]
    fn a_link_shows_its_item_and_what_waits_for_it() {
        let link = Viewer::Link { item_id: "a".to_owned() };
        assert!(link.sees(&state("a", "event", "draft", false, None)));
        assert!(link.sees(&state("s", "session", "published", false, Some("a"))));
        assert!(!link.sees(&state("s", "session", "draft", false, Some("a"))));
        assert!(!link.sees(&state("s", "session", "published", false, Some("b"))));
        assert!(!link.finds(&state("a", "event", "draft", true, None)));
        assert!(!link.edits("event") && link.sees_drafts_of("event", "a") && !link.sees_drafts_of("event", "b"));
    }

    #[test]
    fn a_key_shows_the_kinds_that_it_is_held_to() {
        let key = Viewer::restricted_to(&["events".to_owned()]);
        assert!(key.sees(&state("a", "event", "draft", false, None)));
        assert!(!key.sees(&state("b", "speaker", "draft", false, None)));
        assert!(!key.sees(&state("a", "event", "draft", true, None)));
        assert!(key.finds(&state("a", "event", "draft", true, None)));
        assert_eq!((key.lookup_scope("event"), key.lookup_scope("speaker")), (ItemScope::Present, ItemScope::Live));
        assert!(!key.sees_everything() && Viewer::restricted_to(&[]).sees_everything());
    }
}
