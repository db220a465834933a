//! What redirects, the list for servers at the edge, and slugs must not do: hide pages, take each other's addresses, tell of
//! slugs that nobody saw, or bring line breaks into a header.

use plenary::content_types::with_lists;
use plenary::transfer::Outcome;
use plenary::transfer::read::Mapping;
use serde_json::{Value, json};

use crate::redirects::{of_type, redirect, resolve, with_pages};
use crate::support::app::TestApp;
use crate::support::client::Client;
use crate::support::import::{bring, bring_bytes, options, write_export};
use crate::support::kinds;

const REDIRECTS: &str = "/api/v1/redirects";

fn location(client: &Client, path: &str) -> Value {
    let reply = resolve(client, path);
    if reply.status == 404 { Value::Null } else { reply.expect(200).json()["location"].clone() }
}

/// The lines of the list that redirect, and its comments.
fn list(client: &Client) -> (Vec<String>, Vec<String>) {
    let text = String::from_utf8(client.get("/api/v1/redirects.txt").expect(200).body).unwrap();
    text.lines().map(str::to_owned).partition(|line| !line.starts_with('#'))
}

fn batch_of(bodies: &[Value]) -> Value {
    let entry = |body: &Value| json!({"operation": "create", "collection": "redirects", "content": body});
    json!({"entries": bodies.iter().map(entry).collect::<Vec<_>>()})
}

/// A server that carries out the list redirects before it looks for a page.
#[apply(api_test)]
fn the_list_hides_no_page(app: &TestApp) {
    let site = with_pages(app);
    let (editor, public) = (site.editor(), site.visitor());
    let topic =
        json!({"name": {"en": "Water", "nl": "Waterbeheer"}, "slugs": {"nl": "waterbeheer"}, "status": "published"});
    editor.post("/api/v1/topics?locale=*", &topic).expect(201);
    editor.create("events", &json!({"title": "Rivers", "status": "published"}));
    editor.patch("/api/v1/events/rivers", "\"v1\"", &json!({"slug": "seas"})).expect(200);
    editor.create("sessions", &json!({"title": "Opening", "event": "seas", "status": "published"}));
    editor.create("pages", &json!({"title": "Home", "role": "home", "status": "published"}));
    editor.create("pages", &json!({"title": "About", "status": "published"}));
    editor.create("pages", &json!({"title": "Team", "parent": "about", "status": "published"}));
    let bodies = [
        redirect("/EN/", "/x"),
        redirect("/EN/events/seas/", "/x"),
        redirect("/topics/waterbeheer", "/x"),
        redirect("/en/about/team", "/x"),
        redirect("/nl/events/seas/opening", "/x"),
        redirect("/en/events/rivers", "/former"),
        redirect("/en/events/none", "/none"),
        of_type("prefix", "/en/about", "/x"),
        of_type("prefix", "/en/abo", "/y"),
        of_type("prefix", "/topics/wat", "/z"),
        of_type("prefix", "/en/events/seas/opening", "/x"),
        of_type("pattern", "/nl/{x}/seas", "/x/{x}"),
        of_type("pattern", "/nl/{x}/none", "/n/{x}"),
        of_type("pattern", "/en/events/se{x}", "/x/{x}"),
        of_type("pattern", "/{x}/{y}/team", "/x/{y}"),
        of_type("pattern", "/en/events/{x}.html", "/h/{x}"),
        of_type("pattern", "/en/events/so{x}/{y}", "/s/{x}"),
    ];
    let made: Vec<Value> = bodies.iter().map(|body| editor.create("redirects", body)).collect();
    let mut draft = of_type("prefix", "/nl/about", "/x");
    draft["status"] = json!("draft");
    let draft = editor.create("redirects", &draft);
    // The desk tells the same, also of drafts.
    let warned: Vec<&str> = made.iter().chain([&draft]).filter(|item| is_warned(&editor, item)).map(source).collect();
    let hidden = [
        &["/EN/", "/EN/events/seas/", "/topics/waterbeheer", "/en/about/team", "/nl/events/seas/opening"][..],
        &["/en/about", "/en/events/seas/opening", "/nl/{x}/seas", "/en/events/se{x}", "/{x}/{y}/team", "/nl/about"],
    ];
    assert_eq!(warned, hidden.concat());
    let (lines, comments) = list(&public);
    let fixed = ["/en/events/none /none 301", "/en/events/rivers /former 301"];
    assert_eq!(
        lines,
        [&fixed[..], &["/topics/wat/* /z/:splat 301", "/en/abo/* /y/:splat 301", "/nl/:x/none /n/:x 301"]].concat()
    );
    let among = "public pages are among its addresses, so the website decides";
    for comment in [
        "# /EN/ 301: a public page has this address",
        "# /EN/events/seas/ 301: a public page has this address",
        "# /topics/waterbeheer 301: a public page has this address",
        "# /en/about/team 301: a public page has this address",
        "# /nl/events/seas/opening 301: a public page has this address",
        &format!("# /en/about 301: {among}"),
        &format!("# /en/events/seas/opening 301: {among}"),
        &format!("# /nl/{{x}}/seas 301: {among}"),
        "# /en/events/se{x} 301: a placeholder is a part of a segment",
        &format!("# /{{x}}/{{y}}/team 301: {among}"),
        "# /en/events/{x}.html 301: a placeholder is a part of a segment",
        "# /en/events/so{x}/{y} 301: a placeholder is a part of a segment",
    ] {
        assert!(comments.iter().any(|line| line == comment), "{comment}\n{comments:#?}");
    }
    for line in lines.iter().filter(|line| !line.contains('*')) {
        let (source, rest) = line.split_once(' ').unwrap();
        assert_eq!(location(&public, source), rest.split(' ').next().unwrap());
    }
    editor.act("/api/v1/pages/about/unpublish", "\"v1\"").expect(200);
    let (lines, _) = list(&public);
    assert!(lines.iter().any(|line| line == "/en/about/* /x/:splat 301"), "{lines:#?}");
    assert!(lines.iter().any(|line| line == "/en/about/team /x 301"), "{lines:#?}");
    assert!(!is_warned(&editor, &draft));
}

fn source(item: &Value) -> &str {
    item["source"].as_str().unwrap()
}

/// Whether the desk tells that public pages have the addresses of a redirect.
fn is_warned(editor: &Client, item: &Value) -> bool {
    let desk = editor.get(&format!("{REDIRECTS}/{}/desk", item["id"].as_str().unwrap())).expect(200).json();
    let warnings = desk["warnings"].as_array().unwrap();
    for warning in warnings {
        assert_eq!((&warning["code"], &warning["sessions"]), (&json!("page_at_source"), &json!([])));
        assert!(warning["message"].as_str().unwrap().starts_with(&format!("\"{}\" ", source(item))), "{warning}");
    }
    !warnings.is_empty()
}

/// All redirects of a request are compared with each other and with those that are there, whatever their number.
#[apply(api_test)]
fn many_redirects_are_compared_at_once(app: &TestApp) {
    let editor = app.editor();
    let single: Vec<Value> = (0..300).map(|n| redirect(&format!("/old/{n}"), &format!("/new/{n}"))).collect();
    editor.post("/api/v1/batch", &batch_of(&single)).expect(200);
    let mut wide: Vec<Value> =
        (0..120).map(|n| of_type("prefix", &format!("/area{n}"), &format!("/part{n}"))).collect();
    wide.extend((0..80).map(|n| of_type("pattern", &format!("/blog{n}/{{s}}.html"), &format!("/news{n}/{{s}}"))));
    editor.post("/api/v1/batch", &batch_of(&wide)).expect(200);
    assert_eq!(location(&app.visitor(), "/area7/a"), "/part7/a");
    let faults = |bodies: &[Value]| -> Vec<(String, String)> {
        let told = editor.post("/api/v1/batch", &batch_of(bodies)).problem(422, &[]);
        let fault = |fault: &Value| {
            let text = |name: &str| fault[name].as_str().unwrap().replace("/content", "");
            (text("pointer").replace("/entries/", ""), text("code"))
        };
        told["errors"].as_array().unwrap().iter().map(fault).collect()
    };
    let bad = [
        of_type("prefix", "/fine", "/well"),
        of_type("prefix", "/new", "/x"),
        of_type("pattern", "/new/{n}", "/y/{n}"),
        of_type("pattern", "/part{n}/{m}", "/z/{m}"),
        of_type("prefix", "/a", "/area3"),
        of_type("prefix", "/part4", "/area4"),
        redirect("/b", "/blog5/x.html"),
        redirect("/c", "/old/12"),
        redirect("/new/13", "/old/13"),
        redirect("/old/14/", "/d"),
        of_type("prefix", "/p", "/q"),
        of_type("prefix", "/q", "/r"),
    ];
    let at = |index: usize, place: &str, code: &str| (format!("{index}{place}"), code.to_owned());
    let wanted = [
        at(1, "/source", "chain"),
        at(2, "/source", "chain"),
        at(3, "/source", "chain"),
        at(4, "/destination/url", "chain"),
        at(5, "/destination/url", "loop"),
        at(6, "/destination/url", "chain"),
        at(7, "/destination/url", "chain"),
        at(8, "/destination/url", "loop"),
        at(9, "/source", "taken"),
        at(10, "/destination/url", "chain"),
        at(11, "/source", "chain"),
    ];
    assert_eq!(faults(&bad), wanted);
    // A pattern that leads to one path by its query alone is compared with that path.
    editor.create("redirects", &of_type("pattern", "/find/{word}", "/search?q={word}"));
    editor.post(REDIRECTS, &redirect("/search", "/s")).problem(422, &[("/source", "chain")]);
    let many: Vec<Value> = (0..1_000).map(|n| of_type("prefix", &format!("/many{n}"), &format!("/more{n}"))).collect();
    let told = editor.post("/api/v1/batch", &batch_of(&many)).problem(422, &[]);
    assert_eq!(told["errors"][0]["code"], "too_many");
}

/// The second one of a request is told, once, and steps are told in the same words.
#[apply(api_test)]
fn a_taken_source_is_told_once(app: &TestApp) {
    let editor = app.editor();
    let both = [redirect("/a", "/b"), redirect("/A/", "/c")];
    let told = editor.post("/api/v1/batch", &batch_of(&both)).problem(422, &[("/entries/1/content/source", "taken")]);
    assert_eq!(told["errors"].as_array().unwrap().len(), 1, "{told}");
    assert_eq!(told["errors"][0]["message"], "another redirect of this request has this source: \"/a\"");
    let first = editor.create("redirects", &both[0]);
    let mut draft = both[1].clone();
    draft["status"] = "draft".into();
    let draft = editor.create("redirects", &draft);
    let publish =
        json!({"entries": [{"operation": "publish", "collection": "redirects", "id": draft["id"], "version": 1}]});
    let told = editor.post("/api/v1/batch", &publish).problem(422, &[("/entries/0", "conflict")]);
    let message = told["errors"][0]["message"].as_str().unwrap();
    let has_it = format!("the public redirect of \"/a\" ({}) has this source", first["id"].as_str().unwrap());
    assert_eq!(message, format!("the source is taken; /source: {has_it}"));
}

/// An item whose slug is a segment of another address could not be reached by it.
#[apply(api_test)]
fn segments_of_addresses_are_no_slugs(app: &TestApp) {
    let editor = app.editor();
    for resource in with_lists() {
        for segment in resource.fixed_segments() {
            let path = format!("/api/v1/{}", resource.collection);
            let label = kinds::label(resource, segment);
            let mut body = json!({resource.label: label, "slug": segment});
            kinds::complete(resource, &mut body);
            if resource.kind == "session" {
                continue;
            }
            let told = editor.post(&path, &body).problem(422, &[("/slug", "not_a_slug")]);
            let message = told["errors"][0]["message"].as_str().unwrap();
            assert!(message.contains(segment) && message.contains(resource.collection), "{message}");
            body.as_object_mut().unwrap().remove("slug");
            let made = editor.create(resource.collection, &body);
            assert_eq!(made["slug"], format!("{segment}-2"), "{}", resource.collection);
            let own = format!("{path}/{segment}-2");
            assert_eq!(editor.get(&own).expect(200).json()["id"], made["id"]);
            editor.patch(&own, "\"v1\"", &json!({"slug": segment})).problem(422, &[("/slug", "not_a_slug")]);
            editor
                .patch(&format!("{own}?view=draft"), "\"v1\"", &json!({"slug": segment}))
                .problem(422, &[("/slug", "not_a_slug")]);
        }
    }
    let nested = json!({"title": "E", "venue": {"match": {"slug": "by-external-id"}, "create": {"name": "V"}}});
    editor.post("/api/v1/events", &nested).problem(422, &[("/venue/match/slug", "not_a_slug")]);
}

/// Only slugs that the public saw redirect, in all kinds and languages.
#[apply(api_test)]
fn slugs_that_nobody_saw_do_not_redirect(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    let event = editor.create("events", &json!({"title": "Home", "status": "published"}));
    for resource in with_lists() {
        let path = format!("/api/v1/{}", resource.collection);
        let mut body = json!({resource.label: kinds::label(resource, "first"), "slug": "first"});
        kinds::complete(resource, &mut body);
        if resource.kind == "session" {
            body["event"] = event["id"].clone();
        }
        let id = editor.create(resource.collection, &body)["id"].as_str().unwrap().to_owned();
        let own = format!("{path}/{id}");
        let tag = || editor.get(&own).expect(200).etag().to_owned();
        let patch = |body: &Value| editor.patch(&own, &tag(), body).expect(200);
        patch(&json!({"slugs": {"nl": "eerst"}}));
        patch(&json!({"slug": "second", "slugs": {"nl": "tweede"}}));
        editor.act(&format!("{own}/publish"), &tag()).expect(200);
        let seen = |slug: &str| public.get(&format!("{path}/{slug}")).status;
        let now = ["first", "eerst", "second", "tweede"].map(seen);
        assert_eq!(now, [404, 404, 200, 200], "{}", resource.collection);
        // Both have been seen now, and lead on for good, whatever becomes of the item in between.
        editor.act(&format!("{own}/unpublish"), &tag()).expect(200);
        patch(&json!({"slug": "third", "slugs": {"nl": "derde"}}));
        patch(&json!({"slug": "fourth", "slugs": {"nl": null}}));
        editor.act(&format!("{own}/publish"), &tag()).expect(200);
        let now = ["first", "second", "tweede", "third", "derde", "fourth"].map(seen);
        assert_eq!(now, [404, 308, 308, 404, 404, 200], "{}", resource.collection);
        // A change of a public item, and one with a working draft that had yet another slug.
        patch(&json!({"slug": "fifth"}));
        let draft = format!("{own}?view=draft");
        editor.patch(&draft, &tag(), &json!({"slug": "sixth"})).expect(200);
        let last = editor.patch(&draft, editor.get(&draft).etag(), &json!({"slug": "seventh"})).expect(200);
        editor.act(&format!("{own}/publish"), last.etag()).expect(200);
        let now = ["second", "fourth", "fifth", "sixth", "seventh"].map(seen);
        assert_eq!(now, [308, 308, 308, 404, 200], "{}", resource.collection);
        // Free slugs are free for others.
        let mut other = body.clone();
        other["slug"] = "sixth".into();
        other[resource.label] = kinds::label(resource, "other").into();
        editor.create(resource.collection, &other);
    }
}

/// A hidden language, an item below one that is not public, and a merge: what nobody saw stays unseen.
#[apply(api_test)]
fn what_was_hidden_does_not_redirect(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    let body =
        json!({"title": {"en": "Rain", "nl": "Regen"}, "slugs": {"en": "rain", "nl": "regen"}, "status": "draft"});
    editor.post("/api/v1/events?locale=*", &body).expect(201);
    let tag = |path: &str| editor.get(path).expect(200).etag().to_owned();
    let act = |path: &str, step: &str| editor.act(&format!("{path}/{step}"), &tag(path)).expect(200);
    let patch = |path: &str, body: &Value| editor.patch(path, &tag(path), body).expect(200);
    let rain = "/api/v1/events/rain";
    act(rain, "translations/nl/unpublish");
    act(rain, "publish");
    patch(rain, &json!({"slugs": {"nl": "geheim"}}));
    act(rain, "translations/nl/publish");
    let seen = |path: &str| public.get(&format!("/api/v1/{path}")).status;
    assert_eq!(["events/regen", "events/geheim"].map(seen), [404, 200]);
    act(rain, "translations/nl/unpublish");
    patch(rain, &json!({"slugs": {"nl": "later"}}));
    assert_eq!(["events/geheim", "events/later"].map(seen), [308, 404]);
    // A session is seen with its event only.
    editor.create("events", &json!({"title": "Draft"}));
    editor.create("sessions", &json!({"title": "One", "event": "draft", "status": "published"}));
    editor.patch("/api/v1/sessions/one", "\"v1\"", &json!({"slug": "two"})).expect(200);
    act("/api/v1/events/draft", "publish");
    assert_eq!(["sessions/one", "sessions/two"].map(seen), [404, 200]);
    act("/api/v1/events/draft", "unpublish");
    patch("/api/v1/sessions/two", &json!({"slug": "three"}));
    act("/api/v1/events/draft", "publish");
    assert_eq!(["sessions/one", "sessions/two", "sessions/three"].map(seen), [404, 308, 200]);
    // The addresses of an item that is merged into another one.
    editor.create("topics", &json!({"name": "Water", "status": "published"}));
    let from = [("Seen", "published"), ("Unseen", "draft")]
        .map(|(name, status)| editor.create("topics", &json!({"name": name, "status": status}))["id"].clone());
    let water = "/api/v1/topics/water";
    editor.act_with(&format!("{water}/merge"), &tag(water), &json!({"from": from})).expect(200);
    assert_eq!(["topics/seen", "topics/unseen"].map(seen), [308, 404]);
    // An export knows what was seen.
    let folder = tempfile::tempdir().unwrap();
    let file = write_export(app, folder.path(), "all.jsonl");
    let other = TestApp::start(app.other_backend());
    bring(&other, &file, &options(&file));
    let again = other.visitor();
    let seen = |path: &str| again.get(&format!("/api/v1/{path}")).status;
    assert_eq!(["events/geheim", "sessions/one", "sessions/two", "topics/unseen"].map(seen), [308, 404, 308, 404]);
}

#[apply(api_test)]
fn a_request_for_headers_is_no_use(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    editor.create("redirects", &redirect("/a", "/x"));
    let path = format!("{REDIRECTS}/resolve?path=/a");
    for _ in 0..5 {
        assert!(public.send("HEAD", &path, &[], b"").expect(200).body.is_empty());
    }
    public.get(&path).expect(200);
    let uses = || editor.get(&format!("{REDIRECTS}/hits")).expect(200).json()["data"][0]["hits"].as_i64().unwrap();
    crate::support::moments::wait_for("the count", || uses() > 0);
    assert_eq!(uses(), 1);
}

/// A location can be copied into a header as it is.
#[apply(api_test)]
fn no_line_break_is_in_a_location(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    editor.create("redirects", &redirect("/a", "/Ünit#t"));
    editor.create("redirects", &of_type("prefix", "/b", "https://bücher.example/p"));
    for (path, wanted) in [
        ("/a?x=1%0d%0aSet-Cookie:%20b=c", "/%C3%9Cnit?x=1%0D%0ASet-Cookie:%20b=c#t"),
        ("/a?%E2%80%A8%85x%0A", "/%C3%9Cnit?%E2%80%A8%EF%BF%BDx%0A#t"),
        ("/a?%2B=%2526%250D", "/%C3%9Cnit?+=%26%0D#t"),
        ("/a%23%0d%0ax", "/%C3%9Cnit#t"),
        ("/b/c%2520d?%20%3C%3E%22", "https://xn--bcher-kva.example/p/c%20d?%20%3C%3E%22"),
    ] {
        let found = public.get(&format!("{REDIRECTS}/resolve?path={path}")).expect(200).json();
        let location = found["location"].as_str().unwrap();
        assert_eq!(location, wanted, "{path}");
        assert!(location.bytes().all(|byte| (0x21..0x7f).contains(&byte)), "{location}");
    }
    // A path has no control characters at all.
    let bad = format!("{REDIRECTS}/resolve?path=/a%250d%250a");
    public.get(&bad).problem(400, &[("?path", "not_a_path")]);
}

/// A row without a part of what it says would be another redirect.
#[apply(api_test)]
fn rows_with_a_bad_part_are_refused(app: &TestApp) {
    let mapping = "kind = \"redirect\"\nid = \"{from}\"\n[fields]\nsource = \"{from}\"\n\"destination.url\" = \"{to}\"\n\
                   status_code = \"{status}\"\nmatch_type = \"{type}\"\nposition = \"{place}\"\n";
    let mapping = Mapping::parse(mapping).unwrap();
    let rows = "from,to,status,type,place\n/a,/x,310,,\n/b,/x,3O1,,\n/c,/x,999,,\n/d,/x,,regexp,\n/e,mailto:a@b.example,,,\n\
                /f,/x,302,prefix,\n/g,/x,,,\n/h,/x,410,,\n/i,/x,308,,first\n";
    let said = bring_bytes(app, "redirects.csv", rows.as_bytes(), |options| options.settings.mapping = Some(mapping));
    let refused: Vec<(&str, &str)> = said
        .lines(Outcome::Refused)
        .flat_map(|line| &line.faults)
        .map(|fault| (fault.pointer.as_str(), fault.code.as_str()))
        .collect();
    let wanted = [
        ("/status_code", "not_a_value"),
        ("/status_code", "wrong_type"),
        ("/status_code", "out_of_range"),
        ("/match_type", "not_allowed"),
        ("/destination/url", "not_a_url"),
        ("/destination", "not_allowed"),
    ];
    assert_eq!(refused, wanted, "{:?}", said.lines);
    let public = app.visitor();
    assert!(["/a", "/b", "/c", "/d", "/e", "/h"].iter().all(|path| resolve(&public, path).status == 404));
    assert_eq!(["/f/y", "/g", "/i"].map(|path| location(&public, path)), ["/x/y", "/x", "/x"].map(Value::from));
}

/// Two sources are the same exactly if the same paths lead by them.
#[apply(api_test)]
fn spellings_of_a_source_are_one(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    for match_type in ["exact", "prefix", "pattern"] {
        let end = if match_type == "pattern" { "/{x}" } else { "" };
        let at = if match_type == "exact" { "" } else { "/y" };
        let words = ["/Ol%65%C3%A9", "/ole%c3%A9/", "//olee%CC%81", "/OLEe\u{301}", "/ole\u{e9}"];
        let spellings = words.map(|word| format!("/{match_type}{word}"));
        editor.create("redirects", &of_type(match_type, &format!("{}{end}", spellings[0]), "/x"));
        for spelling in &spellings {
            let source = format!("{}{end}", spelling.trim_end_matches('/'));
            editor.post(REDIRECTS, &of_type(match_type, &source, "/z")).problem(409, &[("/source", "taken")]);
            assert!(!location(&public, &format!("{spelling}{at}")).is_null(), "{match_type} {spelling}");
        }
    }
    // Others are others, for both.
    for source in ["/b%2fc", "/b/c", "/b%252fc", "/b%7Bc", "/B\u{f1}", "/B\u{d1}"] {
        editor.create("redirects", &redirect(source, &format!("/to?{}", source.len())));
        assert!(!location(&public, source).is_null(), "{source}");
    }
    editor.create("redirects", &of_type("pattern", "/%7Bq%7D/{x}", "/braces/{x}"));
    editor.create("redirects", &of_type("pattern", "/q/{x}", "/plain/{x}"));
    assert_eq!(location(&public, "/%7Bq%7D/1"), "/braces/1");
    assert_eq!(location(&public, "/q/1"), "/plain/1");
}
