//! Times: local in, RFC 3339 with offset and zone out; what does not exist is refused.

use serde_json::json;

use crate::support::app::TestApp;
use crate::tests;

tests![
    local_times_get_their_offset,
    impossible_times_are_refused,
    spans_run_forward,
    days_without_hours,
    filters_by_time
];

fn local_times_get_their_offset(app: &TestApp) {
    let editor = app.editor();
    let cases = [
        ("2015-07-01T09:00", "Europe/Brussels", "2015-07-01T09:00:00+02:00"),
        ("2015-12-01 09:00", "Europe/Brussels", "2015-12-01T09:00:00+01:00"),
        ("2015-07-01T09:00:00+05:30", "Asia/Kolkata", "2015-07-01T09:00:00+05:30"),
        ("2015-07-01T09:00:00Z", "America/New_York", "2015-07-01T05:00:00-04:00"),
        ("2025-10-26T02:30:00+01:00", "Europe/Brussels", "2025-10-26T02:30:00+01:00"),
        ("2025-10-26T02:30:00+02:00", "Europe/Brussels", "2025-10-26T02:30:00+02:00"),
    ];
    for (given, zone, shown) in cases {
        let made = editor.create("events", &json!({"title": "T", "starts_at": given, "time_zone": zone}));
        assert_eq!(made["starts_at"], shown);
        assert_eq!(made["time_zone"], zone);
    }
    // Without a zone it is the site's.
    assert_eq!(editor.create("events", &json!({"title": "T"}))["time_zone"], "Europe/Brussels");
}

fn impossible_times_are_refused(app: &TestApp) {
    let editor = app.editor();
    let cases = [
        (
            "2025-03-30T02:30",
            "Europe/Brussels",
            "nonexistent_time",
            "2025-03-30T01:30:00+01:00 or 2025-03-30T03:30:00+02:00",
        ),
        (
            "2025-10-26T02:30",
            "Europe/Brussels",
            "ambiguous_time",
            "2025-10-26T02:30:00+02:00 or 2025-10-26T02:30:00+01:00",
        ),
        ("2015-07-01T09:00:00+05:00", "Europe/Brussels", "wrong_offset", "2015-07-01T09:00:00+02:00"),
        ("2015-02-30", "Europe/Brussels", "not_a_time", "2015-02-30"),
        ("tomorrow", "Europe/Brussels", "not_a_time", "tomorrow"),
    ];
    for (given, zone, code, named) in cases {
        let problem = editor
            .post("/api/v1/events", &json!({"title": "T", "starts_at": given, "time_zone": zone}))
            .problem(422, &[("/starts_at", code)]);
        assert!(problem["errors"][0]["message"].as_str().unwrap().contains(named), "{problem}");
    }
    let problem = editor
        .post("/api/v1/events", &json!({"title": "T", "time_zone": "Europe/Brusels"}))
        .problem(422, &[("/time_zone", "unknown_zone")]);
    assert!(problem["errors"][0]["message"].as_str().unwrap().contains("Europe/Brussels"));
}

fn spans_run_forward(app: &TestApp) {
    let editor = app.editor();
    let post = |starts: &str, ends: &str| {
        editor.post("/api/v1/events", &json!({"title": "T", "starts_at": starts, "ends_at": ends}))
    };
    post("2027-01-02T10:00", "2027-01-02T09:00").problem(422, &[("/ends_at", "before_start")]);
    post("2027-01-02", "2027-01-01").problem(422, &[("/ends_at", "before_start")]);
    post("2027-01-02", "2027-01-02").expect(201);
    post("2027-01-02T10:00", "2027-01-02").expect(201);
    editor
        .post("/api/v1/events", &json!({"title": "T", "ends_at": "2027-01-01"}))
        .problem(422, &[("/ends_at", "without_start")]);
    editor.create("events", &json!({"title": "P", "starts_at": "2027-01-02T10:00", "ends_at": "2027-01-02T12:00"}));
    editor
        .patch("/api/v1/events/p", "\"v1\"", &json!({"ends_at": "2027-01-02T08:00"}))
        .problem(422, &[("/ends_at", "before_start")]);
}

fn days_without_hours(app: &TestApp) {
    let editor = app.editor();
    let made = editor.create("events", &json!({"title": "T", "starts_at": "2015-07-01", "ends_at": "2015-07-03"}));
    assert_eq!(made["date_precision"], "day");
    assert_eq!(made["starts_at"], "2015-07-01T00:00:00+02:00");
    assert_eq!(made["ends_at"], "2015-07-04T00:00:00+02:00");
    assert_eq!((&made["starts_on"], &made["ends_on"]), (&json!("2015-07-01"), &json!("2015-07-03")));
    editor
        .post("/api/v1/events", &json!({"title": "T", "all_day": true, "starts_at": "2015-07-01T10:00"}))
        .problem(422, &[("/starts_at", "not_a_date")]);
}

fn filters_by_time(app: &TestApp) {
    let editor = app.editor();
    for (title, starts, ends) in [
        ("past", "2001-01-01T10:00", "2001-01-01T12:00"),
        ("ongoing", "2001-06-01", "2901-01-01"),
        ("upcoming", "2900-01-01T10:00", "2900-01-01T12:00"),
    ] {
        editor.create("events", &json!({"title": title, "status": "published", "starts_at": starts, "ends_at": ends}));
    }
    editor.create("events", &json!({"title": "undated", "status": "published"}));
    let titles = |query: &str| {
        let list = app.public().get(&format!("/api/v1/events?{query}")).expect(200).json();
        list["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|e| e["title"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(titles("when=past"), "past");
    assert_eq!(titles("when=ongoing"), "ongoing");
    assert_eq!(titles("when=upcoming"), "upcoming undated");
    assert_eq!(titles("starts_at[gte]=2001-06-01&starts_at[lt]=2002-01-01"), "ongoing");
    assert_eq!(
        titles("starts_at%5Bgt%5D=2001-01-01T09:00:00Z&starts_at[lte]=2001-05-31T22:00:00Z&sort=starts_at"),
        "ongoing"
    );
    assert_eq!(titles("ends_at[lte]=2001-01-01T11:00:00%2B00:00"), "past");
    assert_eq!(titles("sort=title"), "ongoing past undated upcoming");
    app.public().get("/api/v1/events?starts_at[gte]=soon").problem(400, &[("?starts_at[gte]", "not_a_time")]);
    app.public()
        .get("/api/v1/events?starts_at[after]=2001-01-01")
        .problem(400, &[("?starts_at[after]", "unknown_parameter")]);
    app.public().get("/api/v1/events?when=soon").problem(400, &[("?when", "not_allowed")]);
}
