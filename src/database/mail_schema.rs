//! The tables of mail, the newsletter and contact, identical on both databases. Keys, checks and indexes are defined in
//! `migrations/`.

diesel::table! {
    mails (id) {
        id -> Text,
        kind -> Text,
        recipient -> Text,
        domain -> Text,
        locale -> Text,
        priority -> BigInt,
        status -> Text,
        data -> Text,
        group_id -> Text,
        attempts -> BigInt,
        doubts -> BigInt,
        due_at -> BigInt,
        expires_at -> BigInt,
        node -> Text,
        lease_until -> BigInt,
        created_at -> BigInt,
        ended_at -> BigInt,
        code -> Text,
        detail -> Text,
    }
}

diesel::table! {
    mail_domain_seconds (domain, second) {
        domain -> Text,
        second -> BigInt,
        mails -> BigInt,
    }
}

diesel::table! {
    used_challenges (nonce) {
        nonce -> Text,
        expires_at -> BigInt,
    }
}

diesel::table! {
    visitor_counts (key) {
        key -> Text,
        requests -> BigInt,
        ends_at -> BigInt,
    }
}

diesel::table! {
    newsletter_signups (id) {
        id -> Text,
        email -> Text,
        name -> Text,
        locale -> Text,
        topics -> Text,
        consent_version -> BigInt,
        consent_text -> Text,
        created_at -> BigInt,
    }
}

diesel::table! {
    subscribers (id) {
        id -> Text,
        email -> Text,
        name -> Text,
        locale -> Text,
        status -> Text,
        consent_version -> BigInt,
        consent_text -> Text,
        consent_locale -> Text,
        consented_at -> BigInt,
        confirmed_at -> BigInt,
        proof -> Text,
        bounces -> BigInt,
        created_at -> BigInt,
        updated_at -> BigInt,
        ended_at -> BigInt,
    }
}

diesel::table! {
    subscriber_topics (subscriber_id, topic_id) {
        subscriber_id -> Text,
        topic_id -> Text,
    }
}

diesel::table! {
    newsletter_suppressions (address_hash) {
        address_hash -> Text,
        reason -> Text,
        created_at -> BigInt,
    }
}

diesel::table! {
    newsletter_issues (id) {
        id -> Text,
        name -> Text,
        status -> Text,
        editions -> Text,
        segment -> Text,
        send_at -> BigInt,
        version -> BigInt,
        created_at -> BigInt,
        updated_at -> BigInt,
        position -> Text,
        addressed -> BigInt,
        is_addressed -> Bool,
        ended_at -> BigInt,
        failure -> Text,
    }
}

diesel::table! {
    newsletter_renderings (issue_id, locale) {
        issue_id -> Text,
        locale -> Text,
        subject -> Text,
        html -> Text,
        text -> Text,
    }
}

diesel::table! {
    newsletter_deliveries (issue_id, subscriber_id) {
        issue_id -> Text,
        subscriber_id -> Text,
        mail_id -> Text,
    }
}

diesel::table! {
    subscriber_events (id) {
        id -> Text,
        kind -> Text,
        subscriber_id -> Text,
        address_hash -> Text,
        email -> Text,
        status -> Text,
        attempts -> BigInt,
        due_at -> BigInt,
        expires_at -> BigInt,
        lease_until -> BigInt,
        created_at -> BigInt,
        ended_at -> BigInt,
        detail -> Text,
    }
}

diesel::table! {
    subscriber_reports (id) {
        id -> Text,
        expires_at -> BigInt,
    }
}

diesel::table! {
    contact_forms (name) {
        name -> Text,
        definition -> Text,
        version -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::table! {
    contact_messages (id) {
        id -> Text,
        form -> Text,
        locale -> Text,
        content -> Text,
        email -> Text,
        status -> Text,
        assignee -> Text,
        note -> Text,
        answer -> Text,
        version -> BigInt,
        created_at -> BigInt,
        updated_at -> BigInt,
        delete_at -> BigInt,
        answers -> Text,
        desk -> Text,
    }
}

diesel::joinable!(subscriber_topics -> subscribers (subscriber_id));
diesel::allow_tables_to_appear_in_same_query!(subscribers, subscriber_topics);
