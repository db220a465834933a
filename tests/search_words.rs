//! Words as the search knows them: scripts without spaces, names with signs, parts of compounds.

use serde_json::json;

use crate::search::{found, settled};
use crate::support::app::TestApp;
use crate::support::client::Client;

/// Publishes events with these slugs and titles.
fn publish(app: &TestApp, events: &[(&str, &str)]) -> Client {
    let editor = app.editor();
    for (slug, title) in events {
        editor.create("events", &json!({"slug": slug, "title": title, "status": "published"}));
    }
    settled(app);
    app.visitor()
}

fn assert_found(public: &Client, more: &str, expected: &[(&str, &[&str])]) {
    for (text, slugs) in expected {
        let mut found = found(public, text, more);
        found.sort();
        assert_eq!(found, *slugs, "{text}{more}");
    }
}

#[apply(api_test)]
fn scripts_without_spaces_are_searched(app: &TestApp) {
    let public = publish(
        app,
        &[
            ("ja", "飲料水と水道の国際会議2027 ガイドブック"),
            ("zh", "上海气候变化论坛"),
            ("ko", "서울에서 열리는 물 포럼"),
            ("th", "การประชุมเรื่องน้ำดื่ม"),
            ("lo", "ກອງປະຊຸມນ້ຳ"),
            ("km", "សន្និសីទទឹកស្អាត"),
            ("my", "ရေသန့်ညီလာခံ"),
        ],
    );
    assert_found(
        &public,
        "",
        &[
            ("水道", &["ja"]),
            ("飲料水", &["ja"]),
            ("国際会議2027", &["ja"]),
            ("国際会議２０２７", &["ja"]),
            ("会議　水道", &["ja"]),
            ("ｶﾞｲﾄﾞ", &["ja"]),
            ("ガイドブッ", &["ja"]),
            ("\"の国際\"", &["ja"]),
            ("料", &["ja"]),
            ("議", &["ja"]),
            ("水 ", &["ja"]),
            ("道水", &[]),
            ("会議 -水道", &[]),
            ("气候", &["zh"]),
            ("论坛 上海", &["zh"]),
            ("变化坛", &[]),
            ("서울", &["ko"]),
            ("\u{1109}\u{1165}\u{110b}\u{116e}\u{11af}", &["ko"]),
            ("물", &["ko"]),
            ("น้ำ", &["th"]),
            ("ประชุม", &["th"]),
            ("ດື່ມ", &[]),
            ("ນ້ຳ", &["lo"]),
            ("ទឹក", &["km"]),
            ("ရေ", &["my"]),
        ],
    );
    let all = app.visitor().get("/api/v1/search?q=%E6%B0%B4%E9%81%93").expect(200).json();
    assert_eq!(all["data"][0]["highlight"], "飲料水と<mark>水道</mark>の国際会議2027 ガイドブック");
    let phrase = app.visitor().get("/api/v1/search?q=%E9%A3%B2%E6%96%99%E6%B0%B4").expect(200).json();
    assert_eq!(phrase["data"][0]["highlight"], "<mark>飲料水</mark>と水道の国際会議2027 ガイドブック");
}

#[apply(api_test)]
fn signs_belong_to_short_names(app: &TestApp) {
    let public = publish(
        app,
        &[
            ("cpp", "C++ in a day"),
            ("c", "C in a day"),
            ("cs", "C# in a day"),
            ("dotnet", "Workshop on .NET"),
            ("net", "The net result"),
            ("rd", "R&D"),
            ("plus", "LGBTQ+ histories"),
        ],
    );
    assert_found(
        &public,
        "",
        &[
            ("C++", &["cpp"]),
            ("c++ day", &["cpp"]),
            ("C++17", &[]),
            ("c ", &["c"]),
            ("c day", &["c"]),
            ("C# ", &["cs"]),
            ("c♯ day", &["cs"]),
            ("day -c++", &["c", "cs"]),
            (".NET", &["dotnet"]),
            ("net ", &["dotnet", "net"]),
            ("R&D", &["rd"]),
            ("lgbtq ", &["plus"]),
            ("LGBTQ+ ", &["plus"]),
        ],
    );
}

#[apply(api_test)]
fn parts_of_compounds_are_found(app: &TestApp) {
    let german = TestApp::start_with(app.backend, |c| c.site.locales = vec!["de".into(), "en".into()]);
    let public = publish(
        &german,
        &[
            ("supply", "Die Trinkwasserversorgung von morgen"),
            ("water", "Wasser ist Leben"),
            ("law", "Streit um das Klimaschutzgesetz"),
            ("books", "Lesung: Kinderbücher und Märchen"),
            ("house", "Im Rathaus"),
        ],
    );
    assert_found(
        &public,
        "",
        &[
            ("Wasser ", &["supply", "water"]),
            ("Versorgung", &["supply"]),
            ("Versorgungen ", &["supply"]),
            ("Trinkwasser ", &["supply"]),
            ("Gesetze ", &["law"]),
            ("Schutz ", &["law"]),
            ("Klima Gesetz ", &["law"]),
            ("Buch ", &["books"]),
            ("Haus ", &["house"]),
            ("\"Wasser\"", &["water"]),
            ("Leben -Versorgung", &["water"]),
            ("morgen -Wasser", &["supply"]),
            ("Wassre ", &["water"]),
            ("Tonne ", &[]),
        ],
    );
    assert_eq!(found(&public, "Wasser ", ""), ["water", "supply"], "the whole word comes first");
    // Other languages have no compounds.
    assert_found(&public, "&locale=en", &[("Wasser ", &["water"]), ("Versorgung ", &[])]);
    let hits = public.get("/api/v1/search?q=schutz").expect(200).json();
    assert_eq!(hits["data"][0]["highlight"], "Streit um das <mark>Klimaschutzgesetz</mark>");
    let hits = public.get("/api/v1/search?q=versorgung").expect(200).json();
    assert_eq!(hits["data"][0]["highlight"], "Die <mark>Trinkwasserversorgung</mark> von morgen");
}

/// What an earlier version has written is left to it, and the next one makes its own.
#[apply(api_test)]
fn an_index_of_an_earlier_format_is_not_used(app: &TestApp) {
    publish(app, &[("cpp", "C++ in a day")]);
    let folder = format!("{}-earlier", app.config.search.folder);
    let earlier = std::path::Path::new(&folder).join("2-en-nl");
    std::fs::create_dir_all(&earlier).unwrap();
    std::fs::write(earlier.join("meta.json"), "of an earlier format").unwrap();
    let next = TestApp::start_with(app.backend, |config| {
        config.database_url = app.config.database_url.clone();
        config.search.folder = folder.clone();
    });
    settled(&next);
    assert_found(&next.visitor(), "", &[("C++", &["cpp"]), ("c ", &[])]);
    assert_eq!(std::fs::read_to_string(earlier.join("meta.json")).unwrap(), "of an earlier format");
}
