//! How lists are filtered and sorted: declarations only; `delivery` turns them into queries.

use super::Resource;

/// One query parameter of a list.
#[derive(Debug)]
pub struct Filter {
    /// The parameter's name; operators follow in brackets where `on` has some.
    pub name: &'static str,
    /// What it selects by.
    pub on: On,
    /// One sentence for the OpenAPI document.
    pub about: &'static str,
    /// An example of its value.
    pub example: &'static str,
}

/// What a filter selects by.
#[derive(Debug, Clone, Copy)]
pub enum On {
    /// The slug; several with commas.
    Slug,
    /// The id; several with commas.
    Ids,
    /// Where the item's span lies around now: upcoming, ongoing, past.
    When,
    /// A time, with the operators gte, gt, lte, lt.
    Time(Column),
    /// The item under which it is filed, by id or slug, of this kind; several with commas.
    Parent(&'static str),
    /// An item that it refers to, by id or slug; several with commas. `many` says that it may refer to several.
    Refers { relation: &'static str, target: &'static str, many: bool },
    /// An item that refers to it, by id or slug; several with commas.
    ReferredBy { relation: &'static str, source: &'static str },
    /// ISO 3166-1 alpha-2 code; several with commas.
    Country,
    /// The word by which items are told apart; several with commas.
    Variant(&'static [&'static str]),
    /// A word of a field; several with commas.
    Word(Word),
    /// Within a distance of a place: its own, or that of the item to which this relation leads.
    Near(Option<&'static str>),
    /// What the items of a relation are like, by a filter of theirs.
    Through(Through),
}

impl On {
    /// The kinds beside `resource` itself whose items decide what it selects.
    pub fn kinds(&self, resource: &'static Resource) -> Vec<&'static str> {
        match self {
            On::Parent(kind) => vec![kind],
            On::Refers { target, .. } => vec![target],
            On::ReferredBy { source, .. } => vec![source],
            On::Near(Some(relation)) => {
                resource.relations().filter(|known| known.name == *relation).map(|known| known.target).collect()
            }
            On::Through(through) => {
                let target = Resource::of_kind(through.target);
                let inner = target.into_iter().flat_map(|target| through.filter.on.kinds(target));
                inner.chain([through.target]).collect()
            }
            On::Slug | On::Ids | On::When | On::Time(_) | On::Country | On::Variant(_) | On::Word(_) => Vec::new(),
            On::Near(None) => Vec::new(),
        }
    }

    /// Whether one item can have several of its values, so that it can have all of some.
    pub fn is_many(&self) -> bool {
        match self {
            On::Refers { many, .. } => *many,
            On::Word(word) => word.many,
            _ => false,
        }
    }
}

/// A word of a field.
#[derive(Debug, Clone, Copy)]
pub struct Word {
    /// The name under which it is written down.
    pub field: &'static str,
    /// Where it is in the content.
    pub path: &'static [&'static str],
    /// What it can be; empty for BCP 47 tags of languages.
    pub words: &'static [&'static str],
    /// What most items have: it is not written down.
    pub usual: Option<&'static str>,
    /// Whether there can be several.
    pub many: bool,
}

/// A filter on the items of a relation.
#[derive(Debug, Clone, Copy)]
pub struct Through {
    /// The relation.
    pub relation: &'static str,
    /// The kind of its items.
    pub target: &'static str,
    /// The filter of that kind.
    pub filter: &'static Filter,
}

/// A sortable column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    /// Start of the span.
    StartsAt,
    /// End of the span.
    EndsAt,
    /// When it was made.
    CreatedAt,
    /// When it was last written.
    UpdatedAt,
    /// When it was first published.
    PublishedAt,
    /// The editors' order.
    Position,
    /// Title or name, transliterated, lower case.
    Label,
}

/// A sort key that a list offers.
#[derive(Debug, Clone, Copy)]
pub struct Sort {
    /// The name in `sort`.
    pub name: &'static str,
    /// The column behind it.
    pub column: Column,
    /// When it is the default: from large to small.
    pub descending: bool,
}

/// A sort key, ascending by default.
pub(super) const fn by(name: &'static str, column: Column) -> Sort {
    Sort { name, column, descending: false }
}

/// A sort key, descending by default.
pub(super) const fn newest(name: &'static str, column: Column) -> Sort {
    Sort { name, column, descending: true }
}

pub(super) const SLUG: Filter =
    Filter { name: "slug", on: On::Slug, about: "Items with one of these slugs.", example: "the-use-of-social-media" };
pub(super) const IDS: Filter = Filter {
    name: "ids",
    on: On::Ids,
    about: "Items with one of these ids, at most 100.",
    example: "01890a5d-ac96-774b-bcce-b302099a8057",
};
pub(super) const UPDATED_AT: Filter = Filter {
    name: "updated_at",
    on: On::Time(Column::UpdatedAt),
    about: "When the item was last written.",
    example: "2026-01-01T00:00:00Z",
};
pub(super) const STARTS_AT: Filter = Filter {
    name: "starts_at",
    on: On::Time(Column::StartsAt),
    about: "When it starts. A date or local time is read in the site's time zone.",
    example: "2015-07-01",
};
pub(super) const ENDS_AT: Filter = Filter {
    name: "ends_at",
    on: On::Time(Column::EndsAt),
    about: "When it ends. A date or local time is read in the site's time zone.",
    example: "2015-07-02",
};
pub(super) const WHEN: Filter =
    Filter { name: "when", on: On::When, about: "Where its span lies around this moment.", example: "upcoming" };
pub(super) const COUNTRY: Filter =
    Filter { name: "country", on: On::Country, about: "ISO 3166-1 alpha-2 country code.", example: "BE" };

pub(super) const CREATED_AT: Filter = Filter {
    name: "created_at",
    on: On::Time(Column::CreatedAt),
    about: "When the item was made.",
    example: "2026-01-01T00:00:00Z",
};
pub(super) const PUBLISHED_AT: Filter = Filter {
    name: "published_at",
    on: On::Time(Column::PublishedAt),
    about: "When the item was first published.",
    example: "2026-01-01T00:00:00Z",
};

/// Languages spoken, by their tags.
pub(super) const LANGUAGE: Filter = Filter {
    name: "language",
    on: On::Word(Word { field: "language", path: &["languages"], words: &[], usual: None, many: true }),
    about: "A language that is spoken (BCP 47).",
    example: "fr",
};

/// A filter on the items of a relation.
pub(super) const fn through(
    name: &'static str,
    relation: &'static str,
    target: &'static str,
    filter: &'static Filter,
    about: &'static str,
) -> Filter {
    Filter { name, on: On::Through(Through { relation, target, filter }), about, example: filter.example }
}

/// A filter on a word of a field.
pub(super) const fn word(
    path: &'static [&'static str],
    words: &'static [&'static str],
    usual: &'static str,
    about: &'static str,
) -> Filter {
    let name = path[path.len() - 1];
    Filter {
        name,
        on: On::Word(Word { field: name, path, words, usual: Some(usual), many: false }),
        about,
        example: words[0],
    }
}

pub(super) const CREATED: Sort = newest("created_at", Column::CreatedAt);
pub(super) const UPDATED: Sort = newest("updated_at", Column::UpdatedAt);
pub(super) const PUBLISHED: Sort = newest("published_at", Column::PublishedAt);
