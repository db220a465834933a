//! Who is shown what: the one rule for an item that is asked for, for what is embedded in it at any depth, and
//! for what the filters of a list name.

use diesel::prelude::*;

use crate::content::render::View;
use crate::database::schema::items;
use crate::items::{Among, Item};
use crate::resources::ALL;

/// Somebody who reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Viewer {
    /// Anybody: what is live.
    Public,
    /// An account or a key: what is live, and everything of these kinds.
    Editor {
        /// All kinds, or those of the collections that the key is held to.
        kinds: Vec<&'static str>,
    },
    /// The holder of a preview link of one item: what is live, that item, and what is filed under it and only
    /// waits for it.
    Link {
        /// The item.
        item_id: String,
    },
}

/// What of an item decides who is shown it.
#[derive(Debug, Clone, Queryable)]
pub struct Standing {
    /// Its id.
    pub id: String,
    /// Its kind.
    pub kind: String,
    /// draft, published or archived.
    pub status: String,
    /// The public can see it now.
    pub live: bool,
    /// When it was moved to the trash (µs), or 0.
    pub trashed_at: i64,
    /// The item that it is filed under.
    pub parent_id: Option<String>,
}

/// The columns of a [`Standing`].
pub const STANDING: (items::id, items::kind, items::status, items::live, items::trashed_at, items::parent_id) =
    (items::id, items::kind, items::status, items::live, items::trashed_at, items::parent_id);

impl From<&Item> for Standing {
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

impl Viewer {
    /// An account that is trusted with everything.
    pub fn editor() -> Self {
        Self::Editor { kinds: ALL.iter().map(|resource| resource.kind).collect() }
    }

    /// An account by a key that is held to these collections; to none means to all.
    pub fn held_to(collections: &[String]) -> Self {
        let own = ALL.iter().filter(|resource| collections.iter().any(|name| name == resource.collection));
        match collections.is_empty() {
            true => Self::editor(),
            false => Self::Editor { kinds: own.map(|resource| resource.kind).collect() },
        }
    }

    /// Whether anybody would see the same.
    pub fn is_public(&self) -> bool {
        *self == Self::Public
    }

    /// Whether drafts of all kinds are shown.
    pub fn sees_everything(&self) -> bool {
        ALL.iter().all(|resource| self.edits(resource.kind))
    }

    /// Whether all items of a kind are shown, whatever their state: lists by state are for these alone.
    pub fn edits(&self, kind: &str) -> bool {
        matches!(self, Self::Editor { kinds } if kinds.contains(&kind))
    }

    /// Whether the text of an item is shown that is not public: its working draft, its hidden languages.
    pub fn sees_drafts_of(&self, kind: &str, id: &str) -> bool {
        match self {
            Self::Link { item_id } => item_id == id,
            _ => self.edits(kind),
        }
    }

    /// Whether the item is shown within others, or named by a filter.
    pub fn sees(&self, item: &Standing) -> bool {
        if item.live || item.trashed_at != 0 {
            return item.live;
        }
        let waits_for = |id: &str| item.status == "published" && item.parent_id.as_deref() == Some(id);
        match self {
            Self::Link { item_id } => item_id == &item.id || waits_for(item_id),
            _ => self.edits(&item.kind),
        }
    }

    /// Whether the item is shown where it is asked for itself: who edits it finds it in the trash too.
    pub fn finds(&self, item: &Standing) -> bool {
        self.sees(item) || self.edits(&item.kind)
    }

    /// Among which items of a kind filters look for what they name.
    pub fn among(&self, kind: &str) -> Among {
        if self.edits(kind) { Among::Present } else { Among::Live }
    }

    /// The view in which an item of an answer in `view` is shown.
    pub fn view_of(&self, kind: &str, id: &str, view: &View) -> View {
        View { unpublished: self.sees_drafts_of(kind, id), ..view.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(id: &str, kind: &str, status: &str, trashed: bool, parent: Option<&str>) -> Standing {
        Standing {
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
        assert!(link.sees(&standing("a", "event", "draft", false, None)));
        assert!(link.sees(&standing("s", "session", "published", false, Some("a"))));
        assert!(!link.sees(&standing("s", "session", "draft", false, Some("a"))));
        assert!(!link.sees(&standing("s", "session", "published", false, Some("b"))));
        assert!(!link.finds(&standing("a", "event", "draft", true, None)));
        assert!(!link.edits("event") && link.sees_drafts_of("event", "a") && !link.sees_drafts_of("event", "b"));
    }

    #[test]
    fn a_key_shows_the_kinds_that_it_is_held_to() {
        let key = Viewer::held_to(&["events".to_owned()]);
        assert!(key.sees(&standing("a", "event", "draft", false, None)));
        assert!(!key.sees(&standing("b", "speaker", "draft", false, None)));
        assert!(!key.sees(&standing("a", "event", "draft", true, None)));
        assert!(key.finds(&standing("a", "event", "draft", true, None)));
        assert_eq!((key.among("event"), key.among("speaker")), (Among::Present, Among::Live));
        assert!(!key.sees_everything() && Viewer::held_to(&[]).sees_everything());
    }
}
