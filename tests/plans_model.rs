//! Random sequences of texts, slugs, references, plans, releases, takings-down and purges on two nodes, with a clock
//! that the test moves: everything due happens or is told as failed, no draft is lost, nothing that was taken down stays
//! public, nothing unpublished is read, every step is all or nothing, and a look ahead shows what will be.
//!
//! `PLENARY_MODEL_CASES` sets the number of sequences, `PLENARY_MODEL_SEED` the seed.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::plans_world::{EVENTS, Tally, World};
use crate::support::app::TestApp;

/// How many slugs the events want.
const SLUGS: usize = 3;

/// What somebody does to one of the events, or what happens.
#[derive(Debug, Clone)]
pub enum Deed {
    Write(usize),
    Slug(usize, usize),
    Relate(usize, Option<usize>),
    /// Names the speaker, who must be public for a publication.
    Cast(usize),
    /// Publishes the speaker, or unpublishes them.
    Toggle,
    Step(usize, &'static str),
    Plan(usize, Option<i64>, Option<i64>),
    /// Plans a publication that will be refused, since the speaker is not public any more then.
    Doom(usize, i64),
    Release(Vec<(usize, &'static str)>, i64),
    Pass(i64),
    Purge,
}

fn deed() -> impl Strategy<Value = Deed> {
    let event = 0..EVENTS;
    let ahead = 1..6_i64;
    let step = prop::sample::select(vec![
        "publish",
        "publish",
        "unpublish",
        "archive",
        "discard",
        "trash",
        "restore",
        "unschedule",
    ]);
    let member = (event.clone(), prop::sample::select(vec!["publish", "unpublish", "archive"]));
    prop_oneof![
        2 => event.clone().prop_map(Deed::Write),
        2 => event.clone().prop_map(Deed::Cast),
        1 => Just(Deed::Toggle),
        2 => (event.clone(), 0..SLUGS).prop_map(|(event, slug)| Deed::Slug(event, slug)),
        2 => (event.clone(), prop::option::of(0..EVENTS)).prop_map(|(event, other)| Deed::Relate(event, other)),
        5 => (event.clone(), step).prop_map(|(event, step)| Deed::Step(event, step)),
        6 => (event, prop::option::of(ahead.clone()), prop::option::of(ahead.clone()))
            .prop_map(|(event, from, until)| Deed::Plan(event, from, until)),
        1 => (0..EVENTS, ahead.clone()).prop_map(|(event, at)| Deed::Doom(event, at)),
        2 => (prop::collection::vec(member, 1..EVENTS), ahead.clone()).prop_map(|(items, at)| Deed::Release(items, at)),
        3 => ahead.prop_map(Deed::Pass),
        // So often that it finds something to purge in every few sequences.
        4 => Just(Deed::Purge),
    ]
}

/// An event as the rules have it.
#[derive(Debug, Clone)]
pub struct Event {
    pub id: String,
    pub status: String,
    pub title: String,
    pub related: Option<String>,
    /// Title and reference of the working draft.
    pub draft: Option<(String, Option<String>)>,
    pub trashed: bool,
    pub publish_at: Option<i64>,
    pub unpublish_at: Option<i64>,
    /// The last entry of the journal that is known.
    pub seen: i64,
    /// How many failures were told.
    pub told: usize,
}

impl Event {
    pub fn path(&self) -> String {
        format!("/api/v1/events/{}", self.id)
    }

    pub fn live(&self) -> bool {
        self.status == "published" && !self.trashed
    }

    pub fn newest(&self) -> &str {
        self.draft.as_ref().map_or(&self.title, |(title, _)| title)
    }

    /// What it names, be it public or in its draft.
    pub fn names(&self) -> BTreeSet<&str> {
        let drafted = self.draft.as_ref().and_then(|(_, related)| related.as_deref());
        self.related.as_deref().into_iter().chain(drafted).collect()
    }

    pub fn takes(&mut self, action: &str) {
        match action {
            "publish" => {
                if let Some((title, related)) = self.draft.take() {
                    (self.title, self.related) = (title, related);
                }
                (self.status, self.publish_at) = ("published".to_owned(), None);
            }
            "unpublish" => (self.status, self.unpublish_at) = ("draft".to_owned(), None),
            "archive" => {
                self.status = "archived".to_owned();
                (self.publish_at, self.unpublish_at) = (None, None);
            }
            "discard" => (self.draft, self.publish_at) = (None, None),
            "trash" => (self.trashed, self.publish_at, self.unpublish_at) = (true, None, None),
            "restore" => self.trashed = false,
            "unschedule" => (self.publish_at, self.unpublish_at) = (None, None),
            other => panic!("{other} is no step of the model"),
        }
    }

    /// Writes the newest text.
    pub fn rewrite(&mut self, change: impl FnOnce(&mut String, &mut Option<String>)) {
        if self.status == "draft" && self.draft.is_none() {
            return change(&mut self.title, &mut self.related);
        }
        let (title, related) = self.draft.get_or_insert_with(|| (self.title.clone(), self.related.clone()));
        change(title, related);
    }
}

fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|given| given.parse().ok()).unwrap_or(usual)
}

#[apply(api_test)]
fn plans_keep_their_promises(app: &TestApp) {
    let other = app.second_node();
    let editor = app.editor();
    let (cases, seed) = (number("PLENARY_MODEL_CASES", 8) as u32, number("PLENARY_MODEL_SEED", 20_261_128));
    eprintln!("{:?}: {cases} sequences of plans, seed {seed}", app.backend);
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let random = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 40, ..Config::default() };
    let deeds = prop::collection::vec((deed(), 0..2_usize), 10..40);
    let tally = Tally::default();
    let outcome = TestRunner::new_with_rng(config, random).run(&deeds, |deeds| {
        let mut world = World::new([app, &other], &editor, &tally);
        world.clear();
        for (deed, node) in &deeds {
            world.turn.set(*node);
            world.carry_out(deed);
            world.compare();
        }
        world.end();
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("seed {seed}: {failure}"));
    eprintln!("{:?}: {tally:?}", app.backend);
    let all = [&tally.refused, &tally.done, &tally.failed, &tally.released, &tally.purged];
    assert!(cases < 8 || all.iter().all(|count| count.get() > 0), "the model is too tame: {tally:?}");
}
