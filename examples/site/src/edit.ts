// The editor in the page: attributes of the fields that a page shows, and the script of the server, which is loaded when an
// editor asks for it. Visitors load nothing.
import { editable, type EditableCollection, type EditablePath } from "@plenary/client";
import { attributes, baseUrl, type Html, type Language, html, say } from "./site";

/** The attributes of an element that shows one field of an item. */
export const field = <C extends EditableCollection>(collection: C, item: { id: string; locale?: string | null }, path: EditablePath<C>): Html =>
  attributes(editable(collection, item, path));

/** The buttons "edit" and "close". */
export const editButtons = (language: Language): Html =>
  html`<p class="editing"><button type="button" class="link" data-plenary-edit>${say(language, "edit")}</button> /
    <button type="button" class="link" data-plenary-close>${say(language, "stopEditing")}</button></p>`;

let editor: Promise<{ open(): Promise<void> }> | undefined;

/** Loads the editor of the server and opens it. */
export async function openEditor(): Promise<void> {
  editor ??= import(/* @vite-ignore */ `${baseUrl}/edit.js`);
  await (await editor).open();
}

/** Opens the editor again on the next page that is loaded, until it is closed. */
export function reopenEditor(): void {
  if (sessionStorage.getItem("plenary:open")) void openEditor();
}
