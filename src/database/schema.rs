//! The tables, identical on both databases. Keys, checks and indexes are defined in `migrations/`.

diesel::table! {
    items (id) {
        id -> Text,
        kind -> Text,
        slug -> Text,
        status -> Text,
        live -> Bool,
        version -> BigInt,
        created_at -> BigInt,
        updated_at -> BigInt,
        published_at -> BigInt,
        trashed_at -> BigInt,
        created_by -> Nullable<Text>,
        parent_id -> Nullable<Text>,
        starts_at -> BigInt,
        ends_at -> BigInt,
        position -> BigInt,
        label -> Text,
        country -> Nullable<Text>,
        variant -> Nullable<Text>,
        content -> Binary,
        card -> Text,
        detail -> Binary,
        reference -> Text,
        stage -> Text,
        draft_version -> BigInt,
        translations -> Text,
        untranslated -> Text,
        outdated -> Text,
        shown_at -> BigInt,
    }
}

diesel::table! {
    links (source_id, relation, position) {
        source_id -> Text,
        relation -> Text,
        position -> Integer,
        target_id -> Text,
        card -> Text,
        starts_at -> BigInt,
    }
}

diesel::table! {
    sources (kind, source) {
        kind -> Text,
        source -> Text,
        item_id -> Text,
        fingerprint -> Text,
        version -> BigInt,
        origin -> Text,
        revision -> Text,
        ids -> Text,
        fields -> Text,
    }
}

diesel::table! {
    slugs (kind, locale, slug) {
        kind -> Text,
        locale -> Text,
        slug -> Text,
        item_id -> Text,
        was_shown -> Bool,
    }
}

diesel::table! {
    taken_slugs (kind, slug, item_id) {
        kind -> Text,
        slug -> Text,
        item_id -> Text,
        taken_at -> BigInt,
    }
}

diesel::table! {
    paths (locale, path, item_id) {
        locale -> Text,
        path -> Text,
        item_id -> Text,
        is_current -> Bool,
        shown_at -> BigInt,
    }
}

diesel::table! {
    page_versions (item_id, version) {
        item_id -> Text,
        version -> BigInt,
        periods -> Text,
        slug -> Text,
        translations -> Text,
        content -> Text,
    }
}

diesel::table! {
    redirect_rules (item_id) {
        item_id -> Text,
        match_type -> Text,
        key -> Text,
        source -> Text,
        status_code -> BigInt,
        url -> Text,
        target_id -> Text,
        leads_to -> Text,
        position -> BigInt,
    }
}

diesel::table! {
    redirect_hits (item_id) {
        item_id -> Text,
        hits -> BigInt,
        last_hit_at -> BigInt,
    }
}

diesel::table! {
    accounts (id) {
        id -> Text,
        email -> Text,
        name -> Text,
        role -> Text,
        password_hash -> Text,
        active -> Bool,
        version -> BigInt,
        created_at -> BigInt,
        updated_at -> BigInt,
        totp_secret -> Text,
        totp_active -> Bool,
        totp_step -> BigInt,
    }
}

diesel::table! {
    refresh_tokens (token_hash) {
        token_hash -> Text,
        family_id -> Text,
        account_id -> Text,
        created_at -> BigInt,
        expires_at -> BigInt,
        used_at -> BigInt,
        agent -> Text,
        begun_at -> BigInt,
    }
}

diesel::table! {
    login_failures (email_hash) {
        email_hash -> Text,
        failures -> BigInt,
        last_at -> BigInt,
        locked_until -> BigInt,
    }
}

diesel::table! {
    signing_keys (id) {
        id -> Text,
        purpose -> Text,
        secret -> Text,
        created_at -> BigInt,
    }
}

diesel::table! {
    idempotency_keys (account_id, key) {
        account_id -> Text,
        key -> Text,
        fingerprint -> Text,
        item_id -> Text,
        created_at -> BigInt,
    }
}

diesel::table! {
    journal (sequence) {
        sequence -> BigInt,
        at -> BigInt,
        actor -> Nullable<Text>,
        action -> Text,
        kind -> Text,
        item_id -> Text,
        version -> BigInt,
        request_id -> Text,
        snapshot -> Binary,
        reason -> Nullable<Text>,
        changed -> Text,
        via -> Nullable<Text>,
        batch -> Nullable<Text>,
    }
}

diesel::table! {
    drafts (item_id) {
        item_id -> Text,
        slug -> Text,
        updated_at -> BigInt,
        updated_by -> Nullable<Text>,
        content -> Text,
    }
}

diesel::table! {
    draft_links (source_id, target_id) {
        source_id -> Text,
        target_id -> Text,
    }
}

diesel::table! {
    schedules (item_id, operation) {
        item_id -> Text,
        operation -> Text,
        due_at -> BigInt,
        actor -> Nullable<Text>,
    }
}

diesel::table! {
    releases (id) {
        id -> Text,
        name -> Text,
        status -> Text,
        due_at -> BigInt,
        version -> BigInt,
        created_at -> BigInt,
        updated_at -> BigInt,
        created_by -> Nullable<Text>,
        failure -> Nullable<Text>,
    }
}

diesel::table! {
    release_items (release_id, position) {
        release_id -> Text,
        position -> Integer,
        item_id -> Text,
        operation -> Text,
    }
}

diesel::table! {
    comments (id) {
        id -> Text,
        item_id -> Text,
        version -> BigInt,
        author -> Nullable<Text>,
        created_at -> BigInt,
        resolved_at -> BigInt,
        resolved_by -> Nullable<Text>,
        pointer -> Nullable<Text>,
        body -> Text,
    }
}

diesel::table! {
    assignments (item_id) {
        item_id -> Text,
        account_id -> Text,
        assigned_by -> Nullable<Text>,
        assigned_at -> BigInt,
    }
}

diesel::table! {
    presences (item_id, account_id) {
        item_id -> Text,
        account_id -> Text,
        since -> BigInt,
        expires_at -> BigInt,
    }
}

diesel::table! {
    preview_links (id) {
        id -> Text,
        item_id -> Nullable<Text>,
        view_at -> BigInt,
        created_by -> Nullable<Text>,
        created_at -> BigInt,
        expires_at -> BigInt,
        revoked_at -> BigInt,
    }
}

diesel::table! {
    api_keys (id) {
        id -> Text,
        account_id -> Text,
        kind -> Text,
        name -> Text,
        token_hash -> Text,
        hint -> Text,
        role -> Text,
        collections -> Text,
        created_at -> BigInt,
        expires_at -> BigInt,
        last_used_at -> BigInt,
        revoked_at -> BigInt,
    }
}

diesel::table! {
    mailed_tokens (token_hash) {
        token_hash -> Text,
        account_id -> Text,
        purpose -> Text,
        created_at -> BigInt,
        expires_at -> BigInt,
    }
}

diesel::table! {
    recovery_codes (account_id, code_hash) {
        account_id -> Text,
        code_hash -> Text,
    }
}

diesel::table! {
    identities (issuer, subject) {
        issuer -> Text,
        subject -> Text,
        account_id -> Text,
        created_at -> BigInt,
    }
}

diesel::table! {
    item_words (item_id, field, value) {
        item_id -> Text,
        field -> Text,
        value -> Text,
    }
}

diesel::table! {
    places (item_id) {
        item_id -> Text,
        latitude -> BigInt,
        longitude -> BigInt,
    }
}

diesel::table! {
    commits (node) {
        node -> Text,
        number -> BigInt,
        at -> BigInt,
    }
}

diesel::table! {
    merges (item_id) {
        item_id -> Text,
        target_id -> Text,
        batch -> Text,
        merged_at -> BigInt,
        record -> Text,
    }
}

diesel::table! {
    settings (name) {
        name -> Text,
        value -> Text,
    }
}

diesel::table! {
    imports (id) {
        id -> Text,
        status -> Text,
        file -> Text,
        format -> Text,
        options -> Text,
        bytes -> BigInt,
        created_at -> BigInt,
        created_by -> Nullable<Text>,
        via -> Nullable<Text>,
        started_at -> BigInt,
        ended_at -> BigInt,
        node -> Text,
        lease_until -> BigInt,
        attempts -> BigInt,
        program -> Text,
        pass -> BigInt,
        entries -> BigInt,
        bytes_read -> BigInt,
        report -> Text,
        line_count -> BigInt,
        failure -> Text,
        detail -> Text,
    }
}

diesel::table! {
    import_parts (import_id, position) {
        import_id -> Text,
        position -> BigInt,
        bytes -> Binary,
    }
}

diesel::table! {
    import_lines (import_id, position) {
        import_id -> Text,
        position -> BigInt,
        line -> Text,
    }
}

diesel::joinable!(links -> items (target_id));
diesel::joinable!(item_words -> items (item_id));
diesel::joinable!(places -> items (item_id));
diesel::joinable!(paths -> items (item_id));
diesel::joinable!(taken_slugs -> items (item_id));
diesel::joinable!(redirect_hits -> items (item_id));
diesel::joinable!(drafts -> items (item_id));
diesel::joinable!(schedules -> items (item_id));
diesel::joinable!(release_items -> items (item_id));
diesel::joinable!(comments -> items (item_id));
diesel::joinable!(assignments -> items (item_id));
diesel::joinable!(assignments -> accounts (account_id));
diesel::joinable!(presences -> accounts (account_id));
diesel::allow_tables_to_appear_in_same_query!(
    items,
    redirect_hits,
    sources,
    links,
    item_words,
    places,
    slugs,
    taken_slugs,
    paths,
    drafts,
    draft_links,
    schedules,
    releases,
    release_items,
    comments,
    assignments,
    presences,
    accounts,
    journal
);
diesel::joinable!(api_keys -> accounts (account_id));
diesel::joinable!(refresh_tokens -> accounts (account_id));
diesel::allow_tables_to_appear_in_same_query!(accounts, refresh_tokens, api_keys);
