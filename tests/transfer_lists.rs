//! Lists in CSV: dates, encodings, delimiters, conditions, and what is created or found along the way.

use plenary::transfer::Outcome;
use plenary::transfer::read::Mapping;
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::import::{Said, bring_bytes, strip_nulls};

fn bring_csv(app: &TestApp, name: &str, bytes: &[u8], mapping: &str) -> Said {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mapping.toml");
    std::fs::write(&path, mapping).unwrap();
    let mapping = Mapping::load(&path).unwrap();
    bring_bytes(app, name, bytes, |options| options.settings.mapping = Some(mapping))
}

fn event(app: &TestApp, slug: &str) -> Value {
    app.visitor().get(&format!("/api/v1/events/{slug}?include=venue,topics,speakers,type")).expect(200).json()
}

const GERMAN: &str = "kind = \"event\"\nid = \"{Titel}/{Datum}\"\ndelimiter = \";\"\nwhen = \"{Status} == fest\"\n[fields]\ntitle = \"{Titel}\"\nstarts_at = { from = \"{Datum}\", format = \"%d.%m.%Y\" }\nvenue = { from = \"{Ort}\", create = true }\n\"venue.address.country\" = \"{Land}\"\n\"venue.address.city\" = \"{Ort}\"\n";

#[apply(api_test)]
fn a_german_list(app: &TestApp) {
    let text = "Titel;Datum;Ort;Land;Status\r\n\"Grüße; Tag\";04.03.2027;Köln;DEU;fest\r\n\"Mit\r\nUmbruch\";05.03.2027;Köln;DEU;fest\r\nVielleicht;06.03.2027;Bonn;DE;unklar\r\nFalsch;2027-99-01;Bonn;DE;fest\r\n;07.03.2027;Bonn;DE;fest\r\n";
    let said = bring_csv(app, "liste.csv", text.as_bytes(), GERMAN);
    assert_eq!(said.report.of(Outcome::Created, "event"), 2, "{:?}", said.lines);
    // Lines are counted right, with CRLF and with line ends within a value.
    let places: Vec<&str> = said.lines(Outcome::Refused).map(|line| line.place.as_str()).collect();
    assert_eq!(places, ["line 6", "line 7"]);
    assert_eq!(said.report.count_notes("on_purpose", "row"), 1);
    let tag = event(app, "grusse-tag");
    assert_eq!(
        (&tag["starts_on"], &strip_nulls(&tag["venue"]["address"])),
        (&json!("2027-03-04"), &json!({"city": "Köln", "country": "DE"}))
    );
    let latin: Vec<u8> = text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    let other = TestApp::start(app.backend);
    let said = bring_csv(&other, "liste.csv", &latin, GERMAN);
    assert_eq!(
        (said.report.of(Outcome::Created, "event"), said.report.count_notes("encoding", "")),
        (2, 1),
        "{:?}",
        said.lines
    );
    assert_eq!(event(&other, "grusse-tag")["venue"]["name"], "Köln");
    let other = TestApp::start(app.backend);
    let said =
        bring_csv(&other, "liste.csv", &latin, &GERMAN.replace("[fields]", "encoding = \"iso-8859-1\"\n[fields]"));
    assert_eq!(
        (said.report.of(Outcome::Created, "event"), said.report.count_notes("encoding", "")),
        (2, 0),
        "{:?}",
        said.lines
    );
}

/// What a list says of the end is kept, with a note, although the API refuses it.
#[apply(api_test)]
fn a_date_as_the_end_of_a_time_is_noted(app: &TestApp) {
    let mapping = "kind = \"event\"\nid = \"{Id}\"\n[fields]\ntitle = \"{Title}\"\nstarts_at = \"{Start}\"\nends_at = \"{End}\"\ntime_zone = \"Europe/Brussels\"\n";
    let text =
        "Id,Title,Start,End\nmixed,Mixed,2027-11-03T12:00,2027-11-04\nreverse,Reverse,2027-11-03,2027-11-04T12:00\n";
    let said = bring_csv(app, "mixed.csv", text.as_bytes(), mapping);
    assert_eq!(said.report.of(Outcome::Created, "event"), 2, "{:?}", said.lines);
    assert_eq!(said.report.count_notes("not_a_time", "/ends_at"), 1, "{:?}", said.lines);
    assert_eq!(said.report.count_notes("not_a_date", "/ends_at"), 1, "{:?}", said.lines);
    let mixed = event(app, "mixed");
    assert_eq!((&mixed["ends_at"], &mixed["ends_on"]), (&json!("2027-11-05T00:00:00+01:00"), &json!("2027-11-04")));
    assert_eq!(event(app, "reverse")["date_precision"], "day");
}

#[apply(api_test)]
fn a_tab_for_tsv(app: &TestApp) {
    let mapping = "kind = \"event\"\nid = \"{Titel}\"\n[fields]\ntitle = \"{Titel}\"\nstarts_at = \"{Datum}\"\n";
    let said = bring_csv(app, "t.tsv", b"Titel\tDatum\nEins, zwei\t2027-03-04\n", mapping);
    assert_eq!(said.report.of(Outcome::Created, "event"), 1, "{:?}", said.lines);
    assert_eq!(event(app, "eins-zwei")["title"], "Eins, zwei");
}

/// The mapping of docs/import.md for the CSV files of The Events Calendar.
#[apply(api_test)]
fn the_events_calendar_in_csv(app: &TestApp) {
    let page = std::fs::read_to_string(crate::docs::root().join("docs/import.md")).unwrap();
    let mappings = page.split("```toml\n").skip(1).filter_map(|rest| rest.split_once("```"));
    let (mapping, _) = mappings.into_iter().find(|(mapping, _)| mapping.contains("{Event Name}")).unwrap();
    let text = "Event Name,Event Start Date,Event Start Time,Event End Date,Event End Time,All Day Event,Event Venue Name,Event Category,Event Excerpt,Event Description,Timezone,Event Featured Image,Event Organizer Name(s) or ID(s),Event Cost,Event Website\n\
                Evening,2027-05-03,18:00:00,2027-05-03,20:00:00,FALSE,Pump House,\"Water, Law\",,,,,,,\nWhole day,2027-05-04,,2027-05-05,,TRUE,Pump House,Law,,,,,,,\n";
    let said = bring_csv(app, "events.csv", text.as_bytes(), mapping);
    assert_eq!(
        (said.report.of(Outcome::Created, "event"), said.report.total(Outcome::Refused)),
        (2, 0),
        "{:?}",
        said.lines
    );
    let evening = event(app, "evening");
    assert_eq!(
        (&evening["starts_at"], &evening["ends_at"], &evening["venue"]["name"]),
        (&json!("2027-05-03T18:00:00+02:00"), &json!("2027-05-03T20:00:00+02:00"), &json!("Pump House"))
    );
    assert_eq!(evening["topics"].as_array().unwrap().iter().map(|t| &t["name"]).collect::<Vec<_>>(), ["Water", "Law"]);
    let day = event(app, "whole-day");
    assert_eq!((&day["all_day"], &day["ends_on"]), (&json!(true), &json!("2027-05-05")));
}

/// Outlook, Google and The Events Calendar write whole days as times, and times with AM and PM.
#[apply(api_test)]
fn whole_days_and_hours_of_twelve(app: &TestApp) {
    let mapping = "kind = \"event\"\nid = \"{Subject}\"\n[fields]\ntitle = \"{Subject}\"\ntime_zone = \"{Zone}\"\nall_day = \"{All day event}\"\nstarts_at = { from = \"{Start Date} {Start Time}\", format = [\"%m/%d/%Y %I:%M:%S %p\", \"%m/%d/%Y\"] }\nends_at = { from = \"{End Date} {End Time}\", format = [\"%m/%d/%Y %I:%M:%S %p\", \"%m/%d/%Y\"] }\n";
    let text = "Subject,Start Date,Start Time,End Date,End Time,All day event,Zone\n\
                Day,5/4/2027,12:00:00 AM,5/5/2027,12:00:00 AM,True,\nDays,5/4/2027,,5/6/2027,,True,\n\
                Evening,5/4/2027,6:30:00 PM,5/4/2027,8:00:00 PM,False,UTC+2\nOdd,5/4/2027,9:00:00 AM,5/4/2027,5:00:00 PM,True,\n\
                Wrong,5/4/2027,14h30,5/4/2027,,False,\n";
    let said = bring_csv(app, "outlook.csv", text.as_bytes(), mapping);
    assert_eq!(
        (said.report.of(Outcome::Created, "event"), said.report.total(Outcome::Refused)),
        (4, 1),
        "{:?}",
        said.lines
    );
    let days = |slug: &str| {
        let event = event(app, slug);
        assert_eq!(event["all_day"], json!(true), "{event:#}");
        [event["starts_on"].clone(), event["ends_on"].clone()]
    };
    assert_eq!(
        (days("day"), days("days")),
        ([json!("2027-05-04"), json!("2027-05-04")], [json!("2027-05-04"), json!("2027-05-06")])
    );
    let evening = event(app, "evening");
    assert_eq!(
        (&evening["starts_at"], &evening["time_zone"]),
        (&json!("2027-05-04T18:30:00+02:00"), &json!("Etc/GMT-2"))
    );
    // A day with office hours is none: its times are kept, and the note says what is not.
    assert_eq!(event(app, "odd")["starts_at"], "2027-05-04T09:00:00+02:00");
    assert_eq!(said.report.count_notes("not_a_date", "/all_day"), 1, "{:?}", said.report.notes);
    let note = said.report.notes.values().find(|note| note.code == "other_form").unwrap();
    assert!(note.message.contains("14h30") && note.message.contains("%I:%M:%S %p"), "{note:?}");
}

/// No row overwrites another one, and no column hides another one.
#[apply(api_test)]
fn rows_and_columns_of_one_name(app: &TestApp) {
    let mapping = "kind = \"event\"\nid = \"{Id}\"\n[fields]\ntitle = \"{Title}\"\nstarts_at = \"{Date}\"\n\"contact.name\" = \"{Name (2)}\"\n";
    let text = "Id,Title,Date,Name,Name\n1,One,2027-03-04,First,Ada\n1,Two,2027-03-05,First,Bo\n";
    for outcome in [Outcome::Created, Outcome::Unchanged] {
        let said = bring_csv(app, "list.csv", text.as_bytes(), mapping);
        assert_eq!(
            (said.report.of(outcome, "event"), said.report.of(Outcome::Refused, "event")),
            (1, 1),
            "{:?}",
            said.lines
        );
        assert_eq!(said.codes(Outcome::Refused), ["same_id"]);
        assert_eq!(said.report.count_notes("left_out", "column \"Name\""), 2, "{:?}", said.report.notes);
    }
    let one = event(app, "one");
    assert_eq!((&one["contact"]["name"], &one["version"]), (&json!("Ada"), &json!(1)));
}

/// Countries have all names of Unicode CLDR; what is none is named.
#[apply(api_test)]
fn countries_have_many_names(app: &TestApp) {
    let mapping =
        "kind = \"venue\"\nid = \"{Name}\"\n[fields]\nname = \"{Name}\"\n\"address.country\" = \"{Country}\"\n";
    let text = "Name,Country\nHall a,Côte d’Ivoire\nHall b,Bosnia & Herzegovina\nHall c,Türkiye\nHall d,Kosovo\nHall e,XKX\nHall f,Vatican City\nHall g,Atlantis\n";
    let said = bring_csv(app, "halls.csv", text.as_bytes(), mapping);
    let country = |slug: &str| {
        app.visitor().get(&format!("/api/v1/venues/hall-{slug}")).expect(200).json()["address"]["country"].clone()
    };
    for (slug, code) in [("a", "CI"), ("b", "BA"), ("c", "TR"), ("d", "XK"), ("e", "XK"), ("f", "VA")] {
        assert_eq!(country(slug), code, "{slug}: {:?}", said.lines);
    }
    let note = said.report.notes.values().find(|note| note.subject == "/address/country").unwrap();
    assert!(note.message.contains("\"Atlantis\""), "{note:?}");
}

/// Only `true` and `false` are no texts in YAML.
#[apply(api_test)]
fn a_yaml_list_of_norway(app: &TestApp) {
    let text = "- {title: No, year: 2027, date: 4 March 2027, place: Oslo, country: NO}\n- {title: N, year: 2027, date: 5 March 2027, place: Oslo, country: NO}\n";
    let said = crate::support::import::bring_text(app, "list.yaml", text);
    assert_eq!(
        (said.report.of(Outcome::Created, "event"), said.report.total(Outcome::Refused)),
        (2, 0),
        "{:?}",
        said.lines
    );
    let events = app.visitor().get("/api/v1/events?include=venue").expect(200).json();
    for event in events["data"].as_array().unwrap() {
        assert_eq!(event["venue"]["address"]["country"], "NO", "{event:#}");
    }
}

/// What is there already is found by its slug or its name, and what is not there is told.
#[apply(api_test)]
fn references_are_found_by_name(app: &TestApp) {
    let editor = app.editor();
    editor.create("topics", &json!({"name": "Water", "slug": "wet", "status": "published"}));
    editor.create("event-types", &json!({"name": "Workshop", "status": "published"}));
    editor.create("speakers", &json!({"name": "Ada Example", "status": "published"}));
    let mapping = |create: bool| {
        format!(
            "kind = \"event\"\nid = \"{{Title}}\"\n[fields]\ntitle = \"{{Title}}\"\nstarts_at = \"{{Date}}\"\ntype = {{ from = \"{{Type}}\", create = {create} }}\ntopics = {{ from = \"{{Topics}}\", split = \";\", create = {create} }}\nspeakers = {{ from = \"{{Who}}\", create = {create} }}\n"
        )
    };
    let text = "Title,Date,Type,Topics,Who\nOne,2027-03-04,workshop,Water;Law,Ada Example\n";
    let said = bring_csv(app, "found.csv", text.as_bytes(), &mapping(false));
    assert_eq!(
        (said.report.of(Outcome::Created, "event"), said.report.total(Outcome::Refused)),
        (1, 0),
        "{:?}",
        said.lines
    );
    assert_eq!(said.report.count_notes("dangling_reference", "/topics/*"), 1, "{:?}", said.report.notes);
    let one = event(app, "one");
    assert_eq!(
        (&one["type"]["name"], &one["topics"][0]["slug"], one["topics"].as_array().unwrap().len()),
        (&json!("Workshop"), &json!("wet"), 1)
    );
    assert_eq!(one["speakers"][0]["speaker"]["slug"], "ada-example");
    let text = text.replace("One", "Two");
    bring_csv(app, "created.csv", text.as_bytes(), &mapping(true));
    let two = event(app, "two");
    assert_eq!(two["topics"].as_array().unwrap().iter().map(|t| &t["slug"]).collect::<Vec<_>>(), ["wet", "law"]);
    let count = |path: &str| editor.get(path).expect(200).json()["data"].as_array().unwrap().len();
    assert_eq!((count("/api/v1/topics"), count("/api/v1/event-types"), count("/api/v1/speakers")), (2, 1, 1));
}

#[apply(api_test)]
fn mappings_are_checked(_: &TestApp) {
    let folder = tempfile::tempdir().unwrap();
    let load = |more: &str, fields: &str| {
        let path = folder.path().join("mapping.toml");
        std::fs::write(&path, format!("kind = \"event\"\nid = \"{{A}}\"\n{more}\n[fields]\n{fields}\n")).unwrap();
        Mapping::load(&path).map(drop)
    };
    assert!(load("", "title = \"{A}\"").is_ok());
    for (more, fields, message) in [
        ("encoding = \"klingon\"", "", "klingon"),
        ("when = \"{A}\"", "", "when"),
        ("", "\"venue.address.country\" = \"{A}\"", "venue.address.country"),
        ("", "starts_at = 7", "a template as text, or a table with `from`"),
        ("", "starts_at = { from = \"{A}\", format = 7 }", "a text or a list of texts"),
        ("", "starts_at = { from = \"{A}\", formats = [] }", "formats"),
        ("", "\"venue.mood\" = \"{A}\"\nvenue = { from = \"{A}\", create = true }", "venue.mood"),
    ] {
        let fault = load(more, fields).unwrap_err();
        assert!(fault.contains(message), "{fault}");
    }
}

/// Venues and partners at one address are told, whatever they are called, and those of one name.
#[apply(api_test)]
fn doubles_by_name_and_by_address_are_told(app: &TestApp) {
    let address = json!({"street": "Main Street 1", "city": "Ghent"});
    app.editor().create("venues", &json!({"name": "Town Hall", "address": address}));
    app.editor().create("partners", &json!({"name": "Town Council", "address": address}));
    let mapping = "kind = \"venue\"\nid = \"{Name}\"\n[fields]\nname = \"{Name}\"\n\"address.street\" = \"{Street}\"\n\"address.city\" = \"{City}\"\n";
    let text = "Name,Street,City\nStadhuis,MAIN street  1,Ghent\nAula,Side Street 2,Ghent\nSide Hall,Side Street 2,Ghent\nTown hall,,Ghent\nElsewhere,Main Street 1,Bruges\nNowhere,,\n";
    let said = bring_csv(app, "halls.csv", text.as_bytes(), mapping);
    assert_eq!(said.report.of(Outcome::Created, "venue"), 6, "{:?}", said.lines);
    let told: Vec<(&str, &str)> = said
        .lines(Outcome::Note)
        .flat_map(|line| line.faults.iter().map(|fault| (line.what.as_str(), fault.message.as_str())))
        .collect();
    assert_eq!(
        told,
        [
            ("Stadhuis", "the venue \"town-hall\" has the same address"),
            ("Side Hall", "the venue \"aula\" has the same address"),
            ("Town hall", "the venue \"town-hall\" has the same name"),
        ]
    );
}

/// A reference to another row says nothing about it, whether it may create what it names or not.
#[apply(api_test)]
fn a_parent_is_not_changed_by_its_name(app: &TestApp) {
    let list = b"Slug,Title,Parent\nm-a,Moth A,\nm-b,Moth B,m-a\n";
    for (kind, path, label, parent) in [
        ("page", "pages", "title", "\"{Parent}\""),
        ("topic", "topics", "name", "\"{Parent}\""),
        ("topic", "topics", "name", "{ from = \"{Parent}\", create = true }"),
    ] {
        let app = TestApp::start(app.backend);
        let mapping = format!(
            "kind = \"{kind}\"\nid = \"{{Slug}}\"\nslug = \"{{Slug}}\"\n[fields]\n{label} = \"{{Title}}\"\nparent = {parent}\n"
        );
        let said = bring_csv(&app, "tree.csv", list, &mapping);
        assert_eq!(said.report.of(Outcome::Created, kind), 2, "{:?}", said.lines);
        let said = bring_csv(&app, "tree.csv", list, &mapping);
        assert_eq!(said.report.of(Outcome::Unchanged, kind), 2, "{:?}", said.lines);
        let item = |slug: &str| app.editor().get(&format!("/api/v1/{path}/{slug}?include=parent")).expect(200).json();
        let (above, below) = (item("m-a"), item("m-b"));
        assert_eq!((&above[label], &above["version"]), (&json!("Moth A"), &json!(1)), "{above:#}");
        assert_eq!((&below["parent"]["slug"], &below["version"]), (&json!("m-a"), &json!(1)), "{below:#}");
    }
}

const PAGES: &str = "kind = \"page\"\nid = \"{Slug}\"\nslug = \"{Slug}\"\nwhen = \"{Use} != no\"\n[fields]\ntitle = \"{Title}\"\nparent = \"{Parent}\"\n";

/// A page can stand before the page above it, which it names by its slug or by its title.
#[apply(api_test)]
fn pages_come_after_the_pages_above_them(app: &TestApp) {
    let list = "Slug,Title,Parent,Use,Extra\nlab,Laboratory,Our team,,x\nteam,Our team,about,,\nskipped,Skipped,about,no,\nabout,About us,,,x\nbroken,Broken,,,,more\nboard,Board,About us,,\n";
    let said = bring_csv(app, "pages.csv", list.as_bytes(), PAGES);
    assert_eq!(said.report.of(Outcome::Created, "page"), 4, "{:?}", said.lines);
    // Each line is told once, however often the file is read.
    let refused: Vec<&str> = said.lines(Outcome::Refused).map(|line| line.place.as_str()).collect();
    let notes = said.codes(Outcome::Note);
    assert_eq!(refused, ["line 6"], "{:?}", said.lines);
    // A page that is named by its title stands for the one that has it.
    assert_eq!(notes, ["joined", "joined"], "{:?}", said.lines);
    assert_eq!(
        (said.report.count_notes("left_out", "column \"Extra\""), said.report.count_notes("on_purpose", "row")),
        (2, 1)
    );
    for path in ["about", "about/team", "about/team/lab", "about/board"] {
        app.visitor().get(&format!("/api/v1/pages/by-path/{path}")).expect(200);
    }
    let again = bring_csv(app, "pages.csv", list.as_bytes(), PAGES);
    assert_eq!(again.report.of(Outcome::Unchanged, "page"), 4, "{:?}", again.lines);
}

/// A page whose parent is never found, or that is above itself, is not public at the root.
#[apply(api_test)]
fn pages_without_their_parents_are_drafts(app: &TestApp) {
    let list = "Slug,Title,Parent,Use\nlost,Lost,nowhere,\nbelow,Below,lost,\nchick,Chick,egg,\nhen,Hen,egg,\negg,Egg,hen,\nself,Self,self,\n";
    let said = bring_csv(app, "pages.csv", list.as_bytes(), PAGES);
    assert_eq!(said.report.of(Outcome::Created, "page"), 6, "{:?}", said.lines);
    assert_eq!(app.visitor().get("/api/v1/pages").expect(200).json()["data"], json!([]));
    let page = |slug: &str| app.editor().get(&format!("/api/v1/pages/{slug}")).expect(200).json();
    assert_eq!((&page("lost")["status"], &page("self")["status"]), (&json!("draft"), &json!("draft")));
    assert_eq!((&page("below")["status"], &page("below")["parent"]["slug"]), (&json!("published"), &json!("lost")));
    assert_eq!(page("chick")["parent"]["slug"], "egg");
    assert_eq!((&page("hen")["status"], &page("egg")["parent"]["slug"]), (&json!("draft"), &json!("hen")));
    let noted = |code: &str| {
        let of_code = said.lines(Outcome::Note).filter(|line| line.faults.iter().any(|fault| fault.code == code));
        of_code.map(|line| line.what.as_str()).collect::<Vec<_>>()
    };
    assert_eq!(
        (noted("dangling_reference"), noted("not_public")),
        (vec!["Lost", "Self", "Hen"], vec!["Lost", "Self", "Hen"])
    );
}
