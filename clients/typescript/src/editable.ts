/** Attributes by which the editor in the page (`/edit.js` of the server) finds the fields of items. */
import type { components } from "./schema.js";
import type { Collection, Item } from "./index.js";

/** The items that can be edited in a page: those of the collections, and the settings of the site. */
type EditableItems = { [C in Collection]: Item<C> } & { site: components["schemas"]["SiteSettings"] };
/** The collections with items that can be edited in a page. */
export type EditableCollection = keyof EditableItems;
/** The members that the server sets itself. */
type SetByServer =
  | "alternates" | "children" | "configuration" | "created_at" | "current_year" | "excerpt" | "fallbacks" | "id" | "locale" | "path"
  | "published_at" | "reading_minutes" | "sessions" | "slug" | "status" | "table_of_contents" | "trashed_at" | "updated_at" | "version";
type Names<C extends EditableCollection> = Exclude<keyof EditableItems[C] & string, SetByServer>;
/** A field of an item, such as `title`, or a text within it, such as `newsletter/lead` or `blocks/2/heading` (RFC 6901, without the first slash). */
export type EditablePath<C extends EditableCollection> = Names<C> | `${Names<C>}/${string}`;

/** The attributes of an element that shows one field. */
export interface EditableAttributes {
  "data-plenary": string;
  "data-plenary-locale"?: string;
  "data-plenary-label"?: string;
}

/**
 * Returns the attributes of the element that shows a field of an item and nothing else. References have no language of their
 * own, so name the one in which they were read in `options.locale`; `options.label` is what the editor calls the field.
 */
export function editable<C extends EditableCollection>(
  collection: C,
  item: { id: string; locale?: string | null },
  field: EditablePath<C>,
  options: { locale?: string; label?: string } = {},
): EditableAttributes {
  const locale = options.locale ?? item.locale;
  return {
    "data-plenary": `${collection}/${item.id}#${field}`,
    ...(locale ? { "data-plenary-locale": locale } : {}),
    ...(options.label ? { "data-plenary-label": options.label } : {}),
  };
}
