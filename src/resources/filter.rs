//! How lists are filtered and sorted: declarations only; `delivery` turns them into queries.

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
    /// An item that it refers to, by id or slug; several with commas. `common` says that a single
    /// target may have a large part of all items.
    Refers { relation: &'static str, target: &'static str, common: bool },
    /// An item that refers to it, by id or slug; several with commas.
    ReferredBy { relation: &'static str, source: &'static str },
    /// ISO 3166-1 alpha-2 code; several with commas.
    Country,
    /// The word by which items are told apart; several with commas.
    Variant(&'static [&'static str]),
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

pub(super) const CREATED: Sort = newest("created_at", Column::CreatedAt);
pub(super) const UPDATED: Sort = newest("updated_at", Column::UpdatedAt);
pub(super) const PUBLISHED: Sort = newest("published_at", Column::PublishedAt);
