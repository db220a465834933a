"""A check of ours beside those of schemathesis: when a request that keeps to its schema is refused,
it is for a rule that no JSON Schema can state."""

import re

import schemathesis
from problem_statuses import put_statuses

UNSAYABLE = {
    # What is there: items, versions, tokens; what is missing for a publication.
    "not_published", "untranslated", "in_use", "changed_meanwhile", "not_found", "conflict", "forbidden",
    "dangling_reference", "taken", "reused", "circle", "wrong", "other_list", "not_a_cursor", "not_a_token", "not_a_tag",
    # What time is: zones, clocks that are put forward and back, spans.
    "unknown_zone", "not_a_time", "nonexistent_time", "ambiguous_time", "wrong_offset", "before_start", "without_start",
    "not_a_date", "out_of_range", "in_the_past",
    # Registers: countries, languages, addresses.
    "unknown_country", "not_a_language", "not_a_url", "not_an_email", "not_a_pointer",
    # One value that depends on another, or on the site.
    "with_all_locales", "with_cursor", "with_preview", "with_item", "one_item", "not_public", "not_in_draft", "duplicate", "empty", "wrong_type", "required", "unknown_locale", "not_declared",
    "without_text", "only_public", "not_complete",
    # Limits of texts in all locales: the schema of these is one for all fields.
    "too_long",
    # No text has U+0000, in whatever parameter.
    "not_a_value",
    # What a text or a place is, and what a query costs.
    "no_words", "too_many", "not_a_place", "query_too_expensive",
    "with_if_match", "beyond_own_role", "not_valid", "not_configured", "password_weak", "password_length",
}


@schemathesis.check
def only_unsayable_rules_are_broken(ctx, response, case):
    if case.meta is None or not case.meta.generation.mode.is_positive or response.status_code not in (400, 422):
        return
    errors = response.json().get("errors", [])
    assert errors, f"{response.status_code} without any fault named"
    codes = {error["code"] for error in errors if not is_field_of_form(case, error)}
    assert codes <= UNSAYABLE, f"the schema does not say what was broken: {sorted(codes - UNSAYABLE)}"


def is_field_of_form(case, error):
    """Whether a contact form of the site does not have the field: only the form says which fields it has."""
    is_name = re.fullmatch(r"/fields/[0-9]+/name", error["pointer"])
    return case.path == "/api/v1/contact/{form}" and error["code"] == "unknown_field" and is_name


@schemathesis.hook
def before_load_schema(context, raw_schema):
    """Replaces `default` by the statuses for which it stands, and leaves nested content out: every member of it is covered
    where it is written alone, and within every reference of every other content type it would take hundreds of thousands
    of requests."""
    put_statuses(raw_schema)
    nested = [schema for name, schema in raw_schema["components"]["schemas"].items() if name.endswith("NestedInput")]
    assert nested, "no content type has nested content"
    for schema in nested:
        del schema["properties"]["create"]
