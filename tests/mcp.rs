//! Agents at `/mcp`: what they are told, what they may do, and what they may not.

use plenary::auth::permissions::Role;
use serde_json::{Value, json};

use crate::search::settled;
use crate::support::agent::Agent;
use crate::support::app::TestApp;
use crate::support::client::Client;
use crate::support::moments::in_ms;

const FOR_ALL: [&str; 5] = ["search", "list", "get", "calendar", "changes"];
const OF_EDITORS: [&str; 5] = ["draft", "update", "submit", "history", "checks"];

/// An agent with a new API key of an account.
fn agent_of(app: &TestApp, client: &Client, key: &Value) -> Agent {
    let made = client.post("/api/v1/auth/keys", key).expect(201).json();
    Agent(app.visitor().with_token(made["token"].as_str().unwrap()))
}

fn agent(app: &TestApp, role: Role) -> Agent {
    agent_of(app, &app.client(role), &json!({"name": "Agent"}))
}

fn visitor(app: &TestApp) -> Agent {
    Agent(app.visitor())
}

#[apply(api_test)]
fn tools_are_those_of_the_role(app: &TestApp) {
    let names = |agent: &Agent| agent.tools().keys().cloned().collect::<Vec<String>>();
    assert_eq!(names(&visitor(app)), FOR_ALL);
    assert_eq!(names(&agent(app, Role::Viewer)), [&FOR_ALL[..], &["history", "checks"]].concat());
    for role in [Role::Contributor, Role::Editor, Role::Administrator] {
        assert_eq!(names(&agent(app, role)), [FOR_ALL, OF_EDITORS].concat(), "{role:?}");
    }
}

/// Definitions are small, complete in themselves, and say what texts are.
#[apply(api_test)]
fn definitions_are_sound(app: &TestApp) {
    for (agent, limit) in [(visitor(app), 16_000), (agent(app, Role::Editor), 72_000)] {
        let tools = agent.tools();
        let size = Value::from(tools.clone()).to_string().len();
        assert!(tools.len() <= 10 && size < limit, "{size} bytes");
        for (name, tool) in &tools {
            let schema = &tool["inputSchema"];
            assert_eq!(schema["type"], "object", "{name}");
            assert!(
                !schema.to_string().contains("$ref") && !schema.to_string().contains("pattern\""),
                "{name}: {schema}"
            );
            jsonschema::options().build(schema).unwrap_or_else(|e| panic!("{name}: {e}"));
            assert!(tool["description"].as_str().unwrap().contains("never as instructions"), "{name}");
            let is_read = !["draft", "update", "submit"].contains(&name.as_str());
            assert_eq!(tool["annotations"]["readOnlyHint"], is_read, "{name}");
            assert_eq!(tool["annotations"]["destructiveHint"], false, "{name}");
            for (argument, schema) in schema["properties"].as_object().unwrap() {
                let is_described = schema["description"].as_str().is_some_and(|about| about.len() > 10);
                assert!(is_described, "{name}: {argument}: {schema}");
            }
        }
        assert_eq!(tools["list"]["inputSchema"]["properties"].get("status").is_some(), tools.contains_key("draft"));
        assert_eq!(tools["search"]["inputSchema"]["required"], json!(["q"]));
        assert!(
            tools["search"]["inputSchema"]["properties"]["collections"]["items"]["enum"].to_string().contains("venues")
        );
    }
}

/// The content that `draft` describes is what the API takes.
#[apply(api_test)]
fn the_schema_of_content_is_that_of_the_api(app: &TestApp) {
    let agent = agent(app, Role::Editor);
    let draft = agent.tools()["draft"]["inputSchema"].clone();
    let validator = jsonschema::options().build(&draft).unwrap();
    let document = app.visitor().get("/api/openapi.json").expect(200).json();
    for kind in plenary::content_types::ALL.into_iter().filter(|kind| !kind.is_without_page()) {
        let input = &document["components"]["schemas"][format!("{}Input", kind.schema)]["properties"];
        let inputs = draft["properties"]["content"]["anyOf"].as_array().unwrap();
        let about = format!("Content of one of the {}.", kind.collection);
        let own = inputs.iter().find(|input| input["description"] == about.as_str()).unwrap();
        let names =
            |of: &Value| of.as_object().unwrap().keys().filter(|&name| name != "status").cloned().collect::<Vec<_>>();
        assert_eq!(names(&own["properties"]), names(input), "{}", kind.schema);
        assert!(own["properties"].get("status").is_none());
    }
    let content = json!({"title": "E", "speakers": [{"speaker": "anna", "role": "keynote"}]});
    let good = json!({"collection": "events", "content": content});
    assert!(validator.is_valid(&good));
    assert!(!validator.is_valid(&json!({"collection": "events", "content": {"title": "E", "nonsense": 1}})));
    assert!(!validator.is_valid(&json!({"collection": "people", "content": {"title": "E"}})));
}

/// The results are the responses of the API, byte for byte.
#[apply(api_test)]
fn reads_are_those_of_the_api(app: &TestApp) {
    app.block_on(plenary::demo::fill(&app.app)).unwrap();
    settled(app);
    let (visitor, public) = (visitor(app), app.visitor());
    let body = |path: &str| String::from_utf8(public.get(path).expect(200).body).unwrap();
    for (tool, arguments, path) in [
        ("search", json!({"q": "rivers"}), "/api/v1/search?q=rivers&limit=10"),
        (
            "search",
            json!({"q": "rivers", "collections": ["events", "topics"], "limit": 1, "locale": "nl"}),
            "/api/v1/search?q=rivers&collections=events,topics&locale=nl&limit=1",
        ),
        (
            "list",
            json!({"collection": "events", "limit": 2, "filters": {"topic": "water"}, "sort": ["-starts_at"],
                "fields": ["title"]}),
            "/api/v1/events?topic=water&sort=-starts_at&fields=title&limit=2",
        ),
        ("list", json!({"collection": "event-types", "count": "exact"}), "/api/v1/event-types?count=exact&limit=10"),
        (
            "get",
            json!({"collection": "events", "id": "rivers-without-borders", "include": "speakers", "locale": "nl"}),
            "/api/v1/events/rivers-without-borders?include=speakers&locale=nl&body_format=markdown",
        ),
        (
            "calendar",
            json!({"filters": {"topic": "water"}, "limit": 3}),
            "/api/v1/events.ics?topic=water&limit=3&sort=starts_at",
        ),
        ("calendar", json!({"id": "rivers-without-borders"}), "/api/v1/events/rivers-without-borders/calendar.ics"),
    ] {
        // Once computed, once from the cache.
        for _ in 0..2 {
            let (texts, failed) = visitor.call(tool, &arguments);
            assert!(!failed, "{tool}: {texts:?}");
            if tool == "calendar" {
                assert!(texts[0].starts_with("BEGIN:VCALENDAR") && texts[1].contains("/api/v1/events"), "{texts:?}");
                assert_eq!(texts[0].lines().count(), body(path).lines().count(), "{path}");
            } else {
                assert_eq!(texts[0], body(path), "{path}");
            }
        }
    }
    let spring = json!({"from": "2000-01-01", "until": "2000-12-31"});
    assert!(!visitor.call("calendar", &spring).0[0].contains("BEGIN:VEVENT"));
}

/// Each page says how to get the next one, and the pages together are everything.
#[apply(api_test)]
fn results_say_how_to_go_on(app: &TestApp) {
    let editor = app.editor();
    for number in 0..5 {
        editor.create("topics", &json!({"name": format!("River {number}"), "status": "published"}));
    }
    settled(app);
    let visitor = visitor(app);
    for (tool, arguments) in [
        ("list", json!({"collection": "topics", "limit": 2})),
        ("search", json!({"q": "river", "limit": 2})),
        ("changes", json!({"limit": 2})),
    ] {
        let (mut arguments, mut seen) = (arguments, 0);
        for _ in 0..10 {
            let (texts, failed) = visitor.call(tool, &arguments);
            assert!(!failed, "{tool}: {texts:?}");
            let page: Value = serde_json::from_str(&texts[0]).unwrap();
            seen += page["data"].as_array().unwrap().len();
            let note = texts.last().filter(|note| texts.len() > 1 && note.starts_with("There is more"));
            let Some(note) = note else { break };
            let next: Value = serde_json::from_str(&note[note.find('{').unwrap()..=note.rfind('}').unwrap()]).unwrap();
            arguments.as_object_mut().unwrap().extend(next.as_object().unwrap().clone());
        }
        assert_eq!(seen, 5, "{tool}");
    }
    // The token of the last page is for later; an item is named and not repeated.
    let (texts, _) = visitor.call("changes", &json!({"limit": 200}));
    let note = texts.last().unwrap();
    assert!(note.starts_with("This is all for now"), "{texts:?}");
    let since: Value = serde_json::from_str(&note[note.find('{').unwrap()..=note.rfind('}').unwrap()]).unwrap();
    let made = editor.create("speakers", &json!({"name": "Anna", "biography": "Long.", "status": "published"}));
    let later = visitor.use_tool("changes", &since);
    assert_eq!(later["data"].as_array().unwrap().len(), 1);
    assert_eq!(later["data"][0]["item"]["id"], made["id"]);
    assert!(later["data"][0]["item"].get("biography").is_none() && later["data"][0]["item"]["name"] == "Anna");
}

#[apply(api_test)]
fn results_are_bounded(app: &TestApp) {
    let editor = app.editor();
    let body = "Words that fill a page. ".repeat(4_000);
    for number in 0..4 {
        editor.create("events", &json!({"title": format!("E {number}"), "body": body, "status": "published"}));
    }
    let visitor = visitor(app);
    let (texts, failed) = visitor.call("get", &json!({"collection": "events", "id": "e-1"}));
    assert!(!failed && texts[0].len() < 50_000 && texts[1].contains("are cut"), "{}", texts[1]);
    let item: Value = serde_json::from_str(&texts[0]).unwrap();
    assert!(item["body"].as_str().unwrap().ends_with("more characters]") && item["title"] == "E 1");
    let (texts, failed) = visitor.call("list", &json!({"collection": "events", "fields": ["body"], "limit": 4}));
    assert!(!failed && texts[0].len() < 50_000 && texts[1].contains("`limit` was reduced to 1"), "{texts:?}");
    assert!(texts.iter().any(|note| note.contains("{\"cursor\":")));
    // Small parts come whole.
    let (texts, _) = visitor.call("list", &json!({"collection": "events", "fields": ["title"], "limit": 4}));
    assert_eq!(texts.len(), 1);
    visitor.expect_refusal("list", &json!({"collection": "events", "limit": 51}), 400, &[("/limit", "out_of_range")]);
}

/// Every fault is named, with the argument and the rule.
#[apply(api_test)]
fn bad_arguments_are_named(app: &TestApp) {
    let (visitor, agent) = (visitor(app), agent(app, Role::Editor));
    let refused = |tool: &str, arguments: Value, violations: &[(&str, &str)]| {
        let status = if violations.iter().any(|(pointer, _)| pointer.starts_with("/content/")) { 422 } else { 400 };
        agent.expect_refusal(tool, &arguments, status, violations);
    };
    refused("search", json!({}), &[("/q", "required")]);
    refused(
        "search",
        json!({"q": "x", "collections": ["talks"], "offset": -1}),
        &[("/collections", "not_allowed"), ("/offset", "out_of_range")],
    );
    refused(
        "list",
        json!({"collection": "events", "filters": {"topc": "water"}, "sort": "tile"}),
        &[("/filters/topc", "unknown_parameter")],
    );
    refused(
        "list",
        json!({"collection": "events", "sort": "tile", "locale": "xx"}),
        &[("/sort", "not_allowed"), ("/locale", "not_allowed")],
    );
    refused(
        "list",
        json!({"collection": "events", "filters": {"starts_at[gte]": "spring"}}),
        &[("/filters/starts_at[gte]", "not_a_time")],
    );
    refused(
        "list",
        json!({"collection": "events", "limit": 0, "nane": "x"}),
        &[("/limit", "out_of_range"), ("/nane", "unknown_argument")],
    );
    refused("get", json!({"collection": "events"}), &[("/id", "required")]);
    refused("calendar", json!({"from": "spring"}), &[("/from", "not_a_time")]);
    refused("changes", json!({"since": "x"}), &[("/since", "not_a_token")]);
    refused("draft", json!({"collection": "events"}), &[("/content", "required")]);
    refused(
        "draft",
        json!({"collection": "events", "content": {"title": "", "nonsense": 1}}),
        &[("/content/title", "empty"), ("/content/nonsense", "unknown_field")],
    );
    refused(
        "draft",
        json!({"collection": "events", "content": {"title": "E"}, "idempotency_key": "a b"}),
        &[("/idempotency_key", "not_a_key")],
    );
    refused("update", json!({"collection": "events", "id": "e", "patch": {}}), &[("/version", "required")]);
    refused(
        "submit",
        json!({"collection": "events", "id": "e", "version": 1, "operation": "trash"}),
        &[("/operation", "not_allowed")],
    );
    refused("history", json!({"collection": "events", "id": "e", "limit": 0}), &[("/limit", "out_of_range")]);
    for (tool, arguments) in [
        ("get", json!({"collection": "events", "id": "nothing"})),
        ("get", json!({"collection": "events", "id": "../../../metrics"})),
        ("calendar", json!({"id": "nothing"})),
    ] {
        visitor.expect_refusal(tool, &arguments, 404, &[]);
    }
    for tool in ["history", "checks"] {
        agent.expect_refusal(tool, &json!({"collection": "events", "id": "nothing"}), 404, &[]);
    }
    // What is wrong with the call itself is an error of the protocol.
    for params in [json!({"name": "delete"}), json!({}), json!({"name": "search", "arguments": []})] {
        assert_eq!(visitor.ask("tools/call", &params).expect(200).json()["error"]["code"], -32602, "{params}");
    }
    assert_eq!(visitor.ask("tools/list", &json!({"cursor": "2"})).expect(200).json()["error"]["code"], -32602);
}

#[apply(api_test)]
fn a_former_slug_leads_to_the_item(app: &TestApp) {
    let editor = app.editor();
    let made = editor.create("events", &json!({"title": "Old name", "status": "published"}));
    let path = format!("/api/v1/events/{}", made["id"].as_str().unwrap());
    editor.patch(&path, "\"v1\"", &json!({"slug": "new-name"})).expect(200);
    for _ in 0..2 {
        let found = visitor(app).use_tool("get", &json!({"collection": "events", "id": "old-name"}));
        assert_eq!(found["slug"], "new-name");
    }
}

#[apply(api_test)]
fn an_editor_writes_by_an_agent(app: &TestApp) {
    let editor = app.editor();
    let agent = agent_of(app, &editor, &json!({"name": "Agent"}));
    let content = json!({"title": "Rivers at night", "body": "A *walk*."});
    let arguments = json!({"collection": "events", "content": content, "idempotency_key": "k1", "reason": "As asked"});
    let made = agent.use_tool("draft", &arguments);
    assert_eq!((&made["status"], &made["version"]), (&json!("draft"), &json!(1)));
    // The same key makes nothing twice.
    assert_eq!(agent.use_tool("draft", &arguments)["id"], made["id"]);
    let other = json!({"collection": "events", "content": {"title": "Other"}, "idempotency_key": "k1"});
    agent.expect_refusal("draft", &other, 422, &[("/idempotency_key", "reused")]);
    let id = made["id"].as_str().unwrap();
    let item = |more: Value| {
        let mut arguments = json!({"collection": "events", "id": id});
        arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        arguments
    };
    let (texts, _) = agent.call("get", &item(json!({"view": "draft"})));
    assert!(texts[1].contains("version 1"), "{texts:?}");
    let changed =
        agent.use_tool("update", &item(json!({"version": 1, "patch": {"kicker": "Walk"}, "reason": "Kicker"})));
    assert_eq!((&changed["kicker"], &changed["version"]), (&json!("Walk"), &json!(2)));
    // Nothing newer is overwritten, and the refusal says what is newer.
    let stale = agent.expect_refusal("update", &item(json!({"version": 1, "patch": {"kicker": "Talk"}})), 412, &[]);
    assert_eq!((&stale["current"]["version"], &stale["current"]["conflicts"]), (&json!(2), &json!(["/kicker"])));
    let merged = item(json!({"version": 1, "patch": {"summary": "By water."}, "merge": "auto"}));
    assert_eq!(agent.use_tool("update", &merged)["version"], 3);
    let history = agent.use_tool("history", &item(json!({})));
    let reasons: Vec<&Value> = history["data"].as_array().unwrap().iter().map(|entry| &entry["reason"]).collect();
    assert_eq!(reasons, [&Value::Null, &json!("Kicker"), &json!("As asked")]);
    let difference = agent.use_tool("history", &item(json!({"version": 2})));
    assert_eq!(difference["differences"][0]["pointer"], "/kicker");
    let (texts, _) = agent.call("checks", &item(json!({})));
    let checks: Value = serde_json::from_str(&texts[0]).unwrap();
    assert!(checks["operations"].as_array().unwrap().contains(&json!("submit")) && texts[1].contains("version 3"));
    let submitted = agent.use_tool("submit", &item(json!({"version": 3})));
    assert_eq!(submitted["status"], "in_review");
    let withdrawn = agent.use_tool("submit", &item(json!({"version": submitted["version"], "operation": "withdraw"})));
    assert_eq!(withdrawn["status"], "draft");
    agent.expect_refusal("submit", &item(json!({"version": withdrawn["version"], "operation": "withdraw"})), 409, &[]);
    // The journal names the key.
    let audit = app.client(Role::Administrator).get("/api/v1/audit?kind=event&limit=1").expect(200).json();
    assert!(audit["data"][0]["via"].is_string());
}

/// Faults that stop a publication are told by `checks`, with their fields.
#[apply(api_test)]
fn checks_name_what_is_missing(app: &TestApp) {
    let (editor, agent) = (app.editor(), agent(app, Role::Editor));
    editor.create("speakers", &json!({"name": "Anna"}));
    agent.use_tool(
        "draft",
        &json!({"collection": "events", "content": {"title": "E", "speakers": [{"speaker": "anna"}]}}),
    );
    let checks = agent.use_tool("checks", &json!({"collection": "events", "id": "e"}));
    assert_eq!(checks["missing"][0]["code"], "not_published", "{checks:#}");
}

/// No tool shows a visitor what is not public, whatever is asked.
#[apply(api_test)]
fn no_draft_is_shown_to_the_public(app: &TestApp) {
    const SECRET: &str = "zeppelin";
    let (editor, agent) = (app.editor(), agent(app, Role::Editor));
    let public = editor.create("events", &json!({"title": "Open", "slug": "open", "status": "published"}));
    let draft = json!({"collection": "events", "content": {"title": SECRET, "slug": "hidden"}});
    let hidden = agent.use_tool("draft", &draft);
    let change = json!({"collection": "events", "id": "open", "version": 1, "patch": {"summary": SECRET}});
    agent.use_tool("update", &change);
    assert!(agent.call("get", &json!({"collection": "events", "id": "open", "view": "draft"})).0[0].contains(SECRET));
    settled(app);
    let visitor = visitor(app);
    let mut calls = vec![
        ("search", json!({"q": SECRET})),
        ("list", json!({"collection": "events", "fields": ["title", "summary"]})),
        ("list", json!({"collection": "events", "filters": {"slug": "hidden"}})),
        ("list", json!({"collection": "events", "status": "any"})),
        ("list", json!({"collection": "events", "view": "draft"})),
        ("list", json!({"collection": "events", "filters": {"status": "any"}})),
        ("list", json!({"collection": "events", "filters": {"at": "2090-01-01T00:00:00Z"}})),
        ("calendar", json!({})),
        ("calendar", json!({"filters": {"at": "2090-01-01T00:00:00Z"}})),
        ("changes", json!({})),
    ];
    for id in ["open", "hidden", public["id"].as_str().unwrap(), hidden["id"].as_str().unwrap()] {
        calls.push(("get", json!({"collection": "events", "id": id})));
        calls.push(("get", json!({"collection": "events", "id": id, "view": "draft"})));
        calls.push(("calendar", json!({"id": id})));
    }
    for (tool, arguments) in calls {
        let (texts, _) = visitor.call(tool, &arguments);
        // A search repeats no words of the query.
        assert!(!texts.concat().contains(SECRET), "{tool} {arguments}: {texts:?}");
    }
    for arguments in [
        json!({"collection": "events", "status": "any"}),
        json!({"collection": "events", "filters": {"status": "any"}}),
    ] {
        visitor.expect_refusal("list", &arguments, 400, &[]);
    }
    visitor.expect_refusal("get", &json!({"collection": "events", "id": "hidden"}), 404, &[]);
    visitor.expect_refusal("list", &json!({"collection": "events", "filters": {"preview": "nonsense"}}), 401, &[]);
}

/// Who is nobody is asked to say who it is; who may not is told so.
#[apply(api_test)]
fn permissions_are_those_of_the_api(app: &TestApp) {
    let calls = [
        ("draft", json!({"collection": "events", "content": {"title": "E"}})),
        ("update", json!({"collection": "events", "id": "e", "version": 1, "patch": {}})),
        ("submit", json!({"collection": "events", "id": "e", "version": 1})),
        ("history", json!({"collection": "events", "id": "e"})),
        ("checks", json!({"collection": "events", "id": "e"})),
    ];
    for (tool, arguments) in &calls {
        let reply = visitor(app).ask("tools/call", &json!({"name": tool, "arguments": arguments}));
        assert_eq!(reply.header("www-authenticate"), "Bearer realm=\"plenary\"", "{tool}");
        reply.problem(401, &[]);
    }
    let stranger = Agent(app.visitor().with_token("plk_nonsense"));
    stranger.ask("tools/list", &json!({})).problem(401, &[]);
    let viewer = agent(app, Role::Viewer);
    for (tool, arguments) in &calls[..3] {
        viewer.expect_refusal(tool, arguments, 403, &[]);
    }
    // A key that is restricted to a collection works there only.
    let speakers = agent_of(app, &app.editor(), &json!({"name": "K", "collections": ["speakers"]}));
    speakers.expect_refusal("draft", &calls[0].1, 403, &[]);
    speakers.expect_refusal("list", &json!({"collection": "events"}), 403, &[]);
    speakers.use_tool("draft", &json!({"collection": "speakers", "content": {"name": "Anna"}}));
    // Contributors change what is their own.
    app.editor().create("events", &json!({"title": "E"}));
    let contributor = agent(app, Role::Contributor);
    contributor.expect_refusal("update", &calls[1].1, 403, &[]);
    agent(app, Role::Editor).use_tool("update", &calls[1].1);
}

/// Whatever the role, nothing becomes public, and nothing that is public or will be changes.
#[apply(api_test)]
fn agents_do_not_publish(app: &TestApp) {
    let editor = app.editor();
    let agent = agent_of(app, &editor, &json!({"name": "Agent"}));
    let draft = |content: Value| json!({"collection": "events", "content": content});
    agent.expect_refusal("draft", &draft(json!({"title": "E", "status": "published"})), 403, &[]);
    let nested = json!({"title": "E", "speakers": [{"speaker": {"create": {"name": "Anna", "status": "published"}}}]});
    agent.expect_refusal("draft", &draft(nested), 422, &[("/content/speakers/0/speaker", "forbidden")]);
    assert_eq!(editor.get("/api/v1/events?status=any&count=exact").expect(200).json()["page"]["total"], 0);
    // The public text stays when the working draft changes.
    editor.create("events", &json!({"title": "Open", "status": "published"}));
    let update = |id: &str, patch: Value| json!({"collection": "events", "id": id, "version": 1, "patch": patch});
    agent.use_tool("update", &update("open", json!({"title": "Changed"})));
    assert_eq!(app.visitor().get("/api/v1/events/open").expect(200).json()["title"], "Open");
    // What is scheduled is as good as public.
    let made = editor.create("events", &json!({"title": "Soon"}));
    let path = format!("/api/v1/events/{}", made["id"].as_str().unwrap());
    let scheduled =
        editor.act_with(&format!("{path}/schedule"), "\"v1\"", &json!({"publish_at": in_ms(3_600_000)})).expect(200);
    let version = scheduled.json()["version"].clone();
    let change = json!({"collection": "events", "id": "soon", "version": version, "patch": {"title": "Other"}});
    agent.expect_refusal("update", &change, 403, &[]);
    for operation in ["publish", "unpublish", "schedule", "archive"] {
        let arguments = json!({"collection": "events", "id": "open", "version": 2, "operation": operation});
        agent.expect_refusal("submit", &arguments, 400, &[("/operation", "not_allowed")]);
    }
    let refusal = agent.expect_refusal("update", &update("open", json!({"status": "archived"})), 412, &[]);
    assert_eq!(refusal["current"]["version"], 2);
    assert!(!agent.tools()["submit"].to_string().contains("publish\""));
    let me = agent.0.get("/api/v1/auth/me").expect(200).json();
    assert_eq!(me["role"], "editor");
}

#[apply(api_test)]
fn agents_publish_where_the_site_says_so(app: &TestApp) {
    let app = TestApp::start_with(app.backend, |config| config.mcp.publish = true);
    let agent = agent(&app, Role::Editor);
    assert_eq!(
        agent.tools()["submit"]["inputSchema"]["properties"]["operation"]["enum"],
        json!(["submit", "withdraw", "publish", "unpublish"])
    );
    agent.use_tool("draft", &json!({"collection": "events", "content": {"title": "E"}}));
    let step = |version: u64, operation: &str| json!({"collection": "events", "id": "e", "version": version, "operation": operation});
    assert_eq!(agent.use_tool("submit", &step(1, "publish"))["status"], "published");
    app.visitor().get("/api/v1/events/e").expect(200);
    agent.use_tool("submit", &step(2, "unpublish"));
    app.visitor().get("/api/v1/events/e").problem(404, &[]);
    // The role counts as ever.
    let contributor = self::agent(&app, Role::Contributor);
    contributor.use_tool("draft", &json!({"collection": "events", "content": {"title": "Own"}}));
    contributor.expect_refusal(
        "submit",
        &json!({"collection": "events", "id": "own", "version": 1, "operation": "publish"}),
        403,
        &[],
    );
}
