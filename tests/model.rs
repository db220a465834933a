//! Random sequences of editorial operations by random people, against a small model of the rules: no
//! state that the model forbids is ever reached, and nothing unpublished is ever read.

use plenary::auth::permissions::Role;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::client::{Client, Reply};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    Nobody,
    Viewer,
    /// The contributor whose item it is.
    Owner,
    /// Another contributor.
    Other,
    Editor,
    Administrator,
}

impl Who {
    const ALL: [Who; 6] = [Who::Nobody, Who::Viewer, Who::Owner, Who::Other, Who::Editor, Who::Administrator];

    fn publishes(self) -> bool {
        matches!(self, Who::Editor | Who::Administrator)
    }

    /// May change the item's drafts.
    fn writes(self) -> bool {
        self.publishes() || self == Who::Owner
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    Submit,
    Withdraw,
    Reject,
    Publish,
    PlanToPublish,
    PlanToUnpublish,
    Unschedule,
    Unpublish,
    Archive,
    Discard,
    Trash,
    Restore,
    Edit,
    EditBeside,
    SetStatus(&'static str),
}

const DEEDS: [Deed; 17] = [
    Deed::Submit,
    Deed::Withdraw,
    Deed::Reject,
    Deed::Publish,
    Deed::PlanToPublish,
    Deed::PlanToUnpublish,
    Deed::Unschedule,
    Deed::Unpublish,
    Deed::Archive,
    Deed::Discard,
    Deed::Trash,
    Deed::Restore,
    Deed::Edit,
    Deed::EditBeside,
    Deed::SetStatus("published"),
    Deed::SetStatus("draft"),
    Deed::SetStatus("archived"),
];

/// The rules in short.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Model {
    status: &'static str,
    stage: &'static str,
    title: String,
    working: Option<(String, Who)>,
    trashed: bool,
    to_publish: bool,
    to_unpublish: bool,
}

impl Model {
    fn live(&self) -> bool {
        self.status == "published" && !self.trashed
    }

    fn unpublished(&self) -> bool {
        self.status == "draft" || self.working.is_some()
    }

    /// Whether `view=draft` writes beside the item's own text.
    fn has_beside(&self) -> bool {
        self.status != "draft" || self.working.is_some()
    }

    /// The status of the answer.
    fn answer(&self, who: Who, deed: Deed) -> u16 {
        use Deed::*;
        let door = match deed {
            Submit | Withdraw | Discard | Edit | EditBeside | SetStatus(_) => who.writes() || who == Who::Other,
            _ => who.publishes(),
        };
        if who == Who::Nobody {
            return 401;
        }
        if !door {
            return 403;
        }
        match deed {
            Edit | EditBeside | SetStatus(_) => self.answer_to_write(who, deed),
            _ if !who.writes() => 403,
            _ if self.refuses(deed) => 409,
            Discard if !who.publishes() && self.working.as_ref().is_some_and(|(_, by)| *by != who) => 403,
            Trash => 204,
            _ => 200,
        }
    }

    fn answer_to_write(&self, who: Who, deed: Deed) -> u16 {
        let beside = deed == Deed::EditBeside && self.has_beside();
        let changes_status = matches!(deed, Deed::SetStatus(status) if status != self.status);
        let touches_public = (self.status == "published" && !beside) || self.stage == "scheduled" || changes_status;
        if self.trashed {
            409
        } else if (touches_public && !who.publishes()) || !who.writes() {
            403
        } else if self.working.is_some() && !beside {
            409
        } else {
            200
        }
    }

    fn refuses(&self, deed: Deed) -> bool {
        use Deed::*;
        if deed == Restore {
            return !self.trashed;
        }
        self.trashed
            || match deed {
                Submit => !(self.unpublished() && self.stage == "draft"),
                Withdraw | Reject => self.stage != "in_review",
                Publish | PlanToPublish => self.status == "published" && self.working.is_none(),
                PlanToUnpublish => self.status != "published",
                Unschedule => !(self.to_publish || self.to_unpublish),
                Unpublish => self.status == "draft",
                Archive => self.status == "archived",
                Discard => self.working.is_none(),
                _ => false,
            }
    }

    fn become_after(&mut self, who: Who, deed: Deed, title: &str) {
        use Deed::*;
        match deed {
            Submit => self.stage = "in_review",
            Withdraw | Reject => self.stage = "draft",
            Publish => {
                self.take_working();
                (self.status, self.stage, self.to_publish) = ("published", "draft", false);
            }
            PlanToPublish => (self.stage, self.to_publish) = ("scheduled", true),
            PlanToUnpublish => self.to_unpublish = true,
            Unschedule => self.forget_plans(),
            // The working draft stays: what was never public has no say in taking down.
            Unpublish => (self.status, self.to_unpublish) = ("draft", false),
            Archive => {
                self.forget_plans();
                (self.status, self.stage) = ("archived", "draft");
            }
            Discard => (self.working, self.stage, self.to_publish) = (None, "draft", false),
            Trash => {
                self.forget_plans();
                self.trashed = true;
            }
            Restore => self.trashed = false,
            EditBeside if self.has_beside() => self.working = Some((title.to_owned(), who)),
            Edit | EditBeside => self.title = title.to_owned(),
            SetStatus(status) if status != self.status => {
                self.forget_plans();
                (self.status, self.stage) = (status, "draft");
            }
            SetStatus(_) => {}
        }
    }

    fn take_working(&mut self) {
        if let Some((title, _)) = self.working.take() {
            self.title = title;
        }
    }

    fn forget_plans(&mut self) {
        (self.to_publish, self.to_unpublish) = (false, false);
        if self.stage == "scheduled" {
            self.stage = "draft";
        }
    }
}

/// The people, and an event that is public and names the item that is tried.
struct Stage {
    people: Vec<(Who, Client)>,
}

impl Stage {
    fn new(app: &TestApp) -> Self {
        let person = |who: Who| match who {
            Who::Nobody => app.visitor(),
            Who::Viewer => app.client(Role::Viewer),
            Who::Owner | Who::Other => app.client(Role::Contributor),
            Who::Editor => app.client(Role::Editor),
            Who::Administrator => app.client(Role::Administrator),
        };
        Self { people: Who::ALL.map(|who| (who, person(who))).into() }
    }

    fn as_one(&self, who: Who) -> &Client {
        &self.people.iter().find(|(known, _)| *known == who).expect("everybody is there").1
    }

    fn try_out(&self, deeds: &[(Who, Deed)]) {
        let owner = self.as_one(Who::Owner);
        let made = owner.create("events", &json!({"title": "Title 0"}));
        let id = made["id"].as_str().unwrap();
        let related = json!({"title": "Public neighbour", "status": "published", "related": [id]});
        let neighbour = self.as_one(Who::Editor).create("events", &related);
        let neighbour = format!("/api/v1/events/{}", neighbour["id"].as_str().unwrap());
        let mut model = Model {
            status: "draft",
            stage: "draft",
            title: "Title 0".to_owned(),
            working: None,
            trashed: false,
            to_publish: false,
            to_unpublish: false,
        };
        self.compare(&model, id, &neighbour);
        for (number, (who, deed)) in deeds.iter().enumerate() {
            let title = format!("Title {}", number + 1);
            let expected = model.answer(*who, *deed);
            let reply = self.carry_out(id, *who, *deed, &title);
            assert_eq!(
                reply.status,
                expected,
                "{who:?} {deed:?} on {model:?}: {}",
                String::from_utf8_lossy(&reply.body)
            );
            if expected < 300 {
                model.become_after(*who, *deed, &title);
            }
            self.compare(&model, id, &neighbour);
        }
    }

    fn carry_out(&self, id: &str, who: Who, deed: Deed, title: &str) -> Reply {
        use Deed::*;
        let client = self.as_one(who);
        let path = format!("/api/v1/events/{id}");
        let etag = self.as_one(Who::Editor).get(&format!("{path}/desk")).expect(200).etag().to_owned();
        let plan = |body: Value| client.act_with(&format!("{path}/schedule"), &etag, &body);
        let step = |word: &str| client.act(&format!("{path}/{word}"), &etag);
        match deed {
            Submit => step("submit"),
            Withdraw => step("withdraw"),
            Reject => step("reject"),
            Publish => step("publish"),
            PlanToPublish => plan(json!({"publish_at": "2090-01-01"})),
            PlanToUnpublish => plan(json!({"unpublish_at": "2091-01-01"})),
            Unschedule => step("unschedule"),
            Unpublish => step("unpublish"),
            Archive => step("archive"),
            Discard => step("discard"),
            Restore => step("restore"),
            Trash => client.trash(&path, &etag),
            Edit => client.patch(&path, &etag, &json!({"title": title})),
            EditBeside => client.patch(&format!("{path}?view=draft"), &etag, &json!({"title": title})),
            SetStatus(status) => client.patch(&path, &etag, &json!({"status": status})),
        }
    }

    fn compare(&self, model: &Model, id: &str, neighbour: &str) {
        let path = format!("/api/v1/events/{id}");
        let desk = self.as_one(Who::Editor).get(&format!("{path}/desk")).expect(200).json();
        let state = if model.status == "draft" { model.stage } else { model.status };
        assert_eq!((&desk["status"], &desk["stage"]), (&json!(state), &json!(model.stage)), "{model:?}");
        assert_eq!(desk["live"], model.live(), "{model:?}");
        assert_eq!(desk["working_draft"].is_object(), model.working.is_some(), "{model:?}");
        assert_eq!(desk["publish_at"].is_string(), model.to_publish, "{model:?}");
        assert_eq!(desk["unpublish_at"].is_string(), model.to_unpublish, "{model:?}");
        // The newest text is there for editors.
        let newest = model.working.as_ref().map_or(&model.title, |(title, _)| title);
        let seen = self.as_one(Who::Viewer).get(&format!("{path}?view=draft")).expect(200).json();
        assert_eq!(seen["title"], newest.as_str(), "{model:?}");
        // What waits for its moment is shown as what it will be, and only to editors.
        let then = self.as_one(Who::Viewer).get(&format!("{path}?at=2090-06-01")).status;
        let live_then = !model.trashed && (model.to_publish || model.status == "published");
        assert_eq!(then == 200, live_then, "{model:?}");
        self.compare_public(model, &path, id, neighbour);
    }

    fn compare_public(&self, model: &Model, path: &str, id: &str, neighbour: &str) {
        let public = self.as_one(Who::Nobody);
        for query in ["", "?locale=nl", "?detail=card", "?include=related", "?body_format=text"] {
            let reply = public.get(&format!("{path}{query}"));
            assert_eq!(reply.status, if model.live() { 200 } else { 404 }, "{query} {model:?}");
            if model.live() {
                assert_eq!(reply.json()["title"], model.title.as_str(), "{query} {model:?}");
            }
        }
        let lists = [
            format!("/api/v1/events?ids={id}&count=exact"),
            format!("/api/v1/events?ids={id}&count=exact&status=published&detail=full"),
            format!("/api/v1/events?ids={id}&count=exact&locale=nl&sort=title"),
        ];
        for list in lists {
            let page = public.get(&list).expect(200).json();
            let titles: Vec<&str> =
                page["data"].as_array().unwrap().iter().map(|event| event["title"].as_str().unwrap()).collect();
            let wanted: Vec<&str> = if model.live() { vec![&model.title] } else { Vec::new() };
            assert_eq!((titles, &page["page"]["total"]), (wanted.clone(), &json!(wanted.len())), "{list} {model:?}");
        }
        for query in ["", "?include=related", "?locale=nl&include=related"] {
            let seen = public.get(&format!("{neighbour}{query}")).expect(200).json();
            let related = seen["related"].as_array().unwrap();
            assert_eq!(related.len(), usize::from(model.live()), "{query} {model:?}");
            assert!(related.iter().all(|event| event["title"] == model.title.as_str()), "{query} {model:?}");
        }
        let feed = public.get(&format!("/api/v1/events.json?ids={id}")).expect(200).json();
        let titles: Vec<&str> =
            feed["items"].as_array().unwrap().iter().map(|item| item["title"].as_str().unwrap()).collect();
        assert_eq!(titles, if model.live() { vec![model.title.as_str()] } else { Vec::new() }, "{model:?}");
        // A fresh copy, which has all that is public.
        let copy = public.get("/api/v1/changes?limit=1000").expect(200).json();
        let found = copy["data"].as_array().unwrap().iter().find(|change| change["item"]["id"] == id);
        assert_eq!(
            found.map(|change| change["item"]["title"].as_str().unwrap()),
            model.live().then_some(&*model.title)
        );
        // Whatever else is asked for, nothing comes of it.
        for query in [
            "status=any",
            "status=draft",
            "status=in_review",
            "status=scheduled",
            "status=changed",
            "status=trashed",
            "view=draft",
            "at=2095-01-01",
            "preview=x",
        ] {
            for path in [format!("/api/v1/events?ids={id}&{query}"), format!("{path}?{query}")] {
                let reply = public.get(&path);
                assert!([400, 401].contains(&reply.status), "{path}: {}", reply.status);
                assert!(!String::from_utf8_lossy(&reply.body).contains("Title "), "{path}");
            }
        }
        for inner in ["desk", "revisions", "revisions/1", "comments"] {
            public.get(&format!("{path}/{inner}")).expect(401);
        }
    }
}

#[apply(api_test)]
fn editors_never_leave_the_rules(app: &TestApp) {
    let stage = Stage::new(app);
    // Editors do most, so that sequences get somewhere.
    let who = prop_oneof![
        4 => Just(Who::Editor),
        3 => Just(Who::Owner),
        1 => prop::sample::select(Who::ALL.to_vec()),
    ];
    let deeds = prop::collection::vec((who, prop::sample::select(DEEDS.to_vec())), 1..16);
    let config = Config { cases: 24, failure_persistence: None, max_shrink_iters: 60, ..Config::default() };
    let seed = TestRng::from_seed(RngAlgorithm::ChaCha, b"plenary: editors and their rules");
    let outcome = TestRunner::new_with_rng(config, seed).run(&deeds, |deeds| {
        stage.try_out(&deeds);
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
}
