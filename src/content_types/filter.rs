//! Declarations of the filters and sort keys of lists. `delivery` turns them into queries.

use crate::content::field::Enumeration;
use crate::content_types::ContentType;

/// A filter of a list, which is one query parameter or several with operators.
#[derive(Debug, PartialEq, Eq)]
pub struct Filter {
    /// Name of the parameter; operators follow in brackets.
    pub name: &'static str,
    /// The property by which the filter selects.
    pub on: FilterTarget,
    /// Description in the OpenAPI document.
    pub about: &'static str,
    /// Example of a value.
    pub example: &'static str,
}

/// The property by which a filter selects items. Unless stated otherwise, a filter takes several values,
/// separated by commas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FilterTarget {
    /// The slug.
    Slug,
    /// The id.
    Ids,
    /// The position of the item's span relative to now: one of upcoming, ongoing, past.
    When,
    /// The year in which the item's span starts, in the time zone of the site.
    Year,
    /// One time, with the operators gte, gt, lte, lt.
    Time(Column),
    /// The parent item of this content type, by id or slug.
    Parent(&'static str),
    /// An item that the relation refers to, by id or slug. `many` states whether there can be several.
    Refers { relation: &'static str, target: &'static str, many: bool },
    /// An item of the type `source` whose relation refers to this item, by id or slug.
    ReferredBy { relation: &'static str, source: &'static str },
    /// The country, as an ISO 3166-1 alpha-2 code.
    Country,
    /// The variant of the item, one of these words.
    Variant(&'static Enumeration),
    /// A word of a field.
    Word(WordField),
    /// The distance from one place: that of the item itself, or of the item to which this relation refers.
    Near(Option<&'static str>),
    /// A property of related items, by a filter of their content type.
    Through(RelatedFilter),
}

impl FilterTarget {
    /// Returns the content types besides `content_type` whose items decide what the filter selects. Lists that
    /// use the filter depend on these types, so that a change of their items invalidates the cached list.
    pub fn kinds(&self, content_type: &'static ContentType) -> Vec<&'static str> {
        match self {
            FilterTarget::Parent(kind) => vec![kind],
            FilterTarget::Refers { target, .. } => vec![target],
            FilterTarget::ReferredBy { source, .. } => vec![source],
            FilterTarget::Near(Some(relation)) => {
                content_type.relations().filter(|known| known.name == *relation).map(|known| known.target).collect()
            }
            FilterTarget::Through(through) => {
                let target = ContentType::of_kind(through.target);
                let inner = target.into_iter().flat_map(|target| through.filter.on.kinds(target));
                inner.chain([through.target]).collect()
            }
            FilterTarget::Slug
            | FilterTarget::Ids
            | FilterTarget::When
            | FilterTarget::Year
            | FilterTarget::Time(_)
            | FilterTarget::Country
            | FilterTarget::Variant(_)
            | FilterTarget::Word(_) => Vec::new(),
            FilterTarget::Near(None) => Vec::new(),
        }
    }

    /// Returns whether one item can have several of the values, so that the operator `all` is meaningful.
    pub fn is_many(&self) -> bool {
        match self {
            FilterTarget::Refers { many, .. } => *many,
            FilterTarget::Word(word) => word.many,
            _ => false,
        }
    }

    /// Returns whether the filter names items that form a tree, so that the operator `under` is meaningful.
    pub fn is_tree(&self) -> bool {
        match self {
            FilterTarget::Parent(kind) | FilterTarget::Refers { target: kind, .. } => {
                ContentType::of_kind(kind).is_some_and(ContentType::is_tree)
            }
            _ => false,
        }
    }
}

/// A field with words, which are stored in the table `item_words` for filters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WordField {
    /// The name of the field in `item_words`.
    pub field: &'static str,
    /// The path of the field in the content.
    pub path: &'static [&'static str],
    /// The possible words; `None` for BCP 47 language tags.
    pub words: Option<&'static Enumeration>,
    /// The most frequent word, which is not stored: items without a row have it.
    pub usual: Option<&'static str>,
    /// Whether an item can have several words.
    pub many: bool,
}

/// The languages in which an item has no title that visitors see. No parameter filters by it; feeds do, if their texts do
/// not fall back to other languages.
pub const UNTITLED: WordField = WordField { field: "untitled", path: &[], words: None, usual: None, many: true };

/// A filter on related items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RelatedFilter {
    /// Name of the relation.
    pub relation: &'static str,
    /// Content type of the related items.
    pub target: &'static str,
    /// Filter of that content type.
    pub filter: &'static Filter,
}

/// A column by which items are sorted or compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    /// Start of the span.
    StartsAt,
    /// End of the span.
    EndsAt,
    /// Time of creation.
    CreatedAt,
    /// Time of the last change.
    UpdatedAt,
    /// Time of the first publication.
    PublishedAt,
    /// Position in the order that editors set.
    Position,
    /// Title or name, transliterated, lower case.
    Label,
}

/// A sort key of a list.
#[derive(Debug, Clone, Copy)]
pub struct Sort {
    /// Name of the key in `sort`.
    pub name: &'static str,
    /// Column that is sorted.
    pub column: Column,
    /// Whether the order is descending if the key is the default one.
    pub descending: bool,
}

/// Declares a sort key that is ascending by default.
pub(super) const fn ascending_sort(name: &'static str, column: Column) -> Sort {
    Sort { name, column, descending: false }
}

/// Declares a sort key that is descending by default.
pub(super) const fn descending_sort(name: &'static str, column: Column) -> Sort {
    Sort { name, column, descending: true }
}

pub(super) const SLUG: Filter =
    Filter { name: "slug", on: FilterTarget::Slug, about: "Slug of the item.", example: "the-use-of-social-media" };
pub(super) const IDS: Filter = Filter {
    name: "ids",
    on: FilterTarget::Ids,
    about: "Ids of the items, at most 100.",
    example: "01890a5d-ac96-774b-bcce-b302099a8057",
};
pub(super) const UPDATED_AT: Filter = Filter {
    name: "updated_at",
    on: FilterTarget::Time(Column::UpdatedAt),
    about: "Time of the last change.",
    example: "2026-01-01T00:00:00Z",
};
pub(super) const STARTS_AT: Filter = Filter {
    name: "starts_at",
    on: FilterTarget::Time(Column::StartsAt),
    about: "Start of the item: an RFC 3339 time, or a date or local time in `time_zone`.",
    example: "2015-07-01",
};
pub(super) const ENDS_AT: Filter = Filter {
    name: "ends_at",
    on: FilterTarget::Time(Column::EndsAt),
    about: "End of the item: an RFC 3339 time, or a date or local time in `time_zone`.",
    example: "2015-07-02",
};
pub(super) const WHEN: Filter = Filter {
    name: "when",
    on: FilterTarget::When,
    about: "Position of the item relative to now: not started, started and not ended, ended, or not ended. Without an \
            end, an item lasts until the end of its day.",
    example: "upcoming",
};
pub(super) const YEAR: Filter = Filter {
    name: "year",
    on: FilterTarget::Year,
    about: "Year in which the item starts, of four digits, in the time zone of the site.",
    example: "2027",
};
pub(super) const COUNTRY: Filter =
    Filter { name: "country", on: FilterTarget::Country, about: "Country, ISO 3166-1 alpha-2 code.", example: "BE" };

pub(super) const SPEAKER_COUNTRY: Filter = related_filter(
    "speaker.country",
    "speakers",
    "speaker",
    &COUNTRY,
    "Country of a speaker, ISO 3166-1 alpha-2 code.",
);

pub(super) const CREATED_AT: Filter = Filter {
    name: "created_at",
    on: FilterTarget::Time(Column::CreatedAt),
    about: "Time of creation.",
    example: "2026-01-01T00:00:00Z",
};
pub(super) const PUBLISHED_AT: Filter = Filter {
    name: "published_at",
    on: FilterTarget::Time(Column::PublishedAt),
    about: "Time of the first publication.",
    example: "2026-01-01T00:00:00Z",
};

pub(super) const LANGUAGE: Filter = Filter {
    name: "language",
    on: FilterTarget::Word(WordField { field: "language", path: &["languages"], words: None, usual: None, many: true }),
    about: "Language spoken, BCP 47 tag.",
    example: "fr",
};

/// Declares a filter on related items.
pub(super) const fn related_filter(
    name: &'static str,
    relation: &'static str,
    target: &'static str,
    filter: &'static Filter,
    about: &'static str,
) -> Filter {
    Filter {
        name,
        on: FilterTarget::Through(RelatedFilter { relation, target, filter }),
        about,
        example: filter.example,
    }
}

/// The words of a field that is true or false.
pub(super) const BOOLEANS: &Enumeration = &Enumeration { schema: "BooleanWord", words: &["true", "false"] };

/// Declares a filter on the word of a field; `usual` is the most frequent one, which is not stored.
pub(super) const fn word(
    path: &'static [&'static str],
    words: &'static Enumeration,
    usual: &'static str,
    about: &'static str,
) -> Filter {
    let name = path[path.len() - 1];
    Filter {
        name,
        on: FilterTarget::Word(WordField { field: name, path, words: Some(words), usual: Some(usual), many: false }),
        about,
        example: words.words[0],
    }
}

pub(super) const BY_NAME: Sort = ascending_sort("name", Column::Label);
pub(super) const BY_POSITION: Sort = ascending_sort("position", Column::Position);
pub(super) const BY_TITLE: Sort = ascending_sort("title", Column::Label);
pub(super) const CREATED: Sort = descending_sort("created_at", Column::CreatedAt);
pub(super) const UPDATED: Sort = descending_sort("updated_at", Column::UpdatedAt);
pub(super) const PUBLISHED: Sort = descending_sort("published_at", Column::PublishedAt);
