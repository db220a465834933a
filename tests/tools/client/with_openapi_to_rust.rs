//! An editor's and a reader's first steps with the client of openapi-to-rust.

mod plenary;

use plenary::{ApiOpError, CreateEventApiError, EventSort, HttpClient, LocaleOrAll, LoginInput};

/// The tag for `If-Match`: the client does not give out the headers of a response, and the version is enough.
fn tag(version: i64) -> String {
    format!("\"v{version}\"")
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let [_, server, email, password] = std::env::args().collect::<Vec<_>>().try_into().expect("SERVER EMAIL PASSWORD");
    let anonymous = HttpClient::new().with_base_url(server.clone());
    let tokens = anonymous.login(LoginInput::new(email, password)).await.expect("tokens");
    let client = HttpClient::new().with_base_url(server).with_api_key(tokens.access_token);

    let made = client
        .create_event_builder("By openapi-to-rust".to_owned())
        .starts_at("2027-04-07T09:30".to_owned())
        .time_zone("Europe/Brussels".to_owned())
        .send()
        .await
        .expect("an event");
    assert_eq!(made.starts_at.as_deref(), Some("2027-04-07T09:30:00+02:00"));

    // It sends the first media type only, so the second language is a second request.
    let changed = client
        .update_event_builder(&made.slug, tag(made.version))
        .locale(LocaleOrAll::Nl)
        .title("Met openapi-to-rust".to_owned())
        .send()
        .await
        .expect("a change");
    client.publish_event_builder(&made.slug, tag(changed.version)).send().await.expect("a publication");
    for (locale, title) in [(LocaleOrAll::En, "By openapi-to-rust"), (LocaleOrAll::Nl, "Met openapi-to-rust")] {
        let seen = anonymous.get_event_builder(&made.slug).locale(locale).send().await.expect("the event");
        assert_eq!(seen.title, title);
    }

    let list = || anonymous.list_events_builder().limit(1).sort(vec![EventSort::StartsAt, EventSort::Title]);
    let page = list().send().await.expect("a page");
    let next = page.page.next.expect("a next page");
    let following = list().cursor(next).send().await.expect("the next page");
    assert_ne!(following.data[0].id, page.data[0].id);

    let refused = client.create_event_builder(String::new()).starts_at("tomorrow".to_owned()).send().await;
    let Err(ApiOpError::Api(refused)) = refused else { panic!("{refused:?}") };
    let Some(CreateEventApiError::Status422(problem)) = refused.typed else { panic!("{refused:?}") };
    assert_eq!(problem.errors.iter().flatten().map(|fault| &*fault.pointer).next(), Some("/title"));
    println!("openapi-to-rust: done; texts: one language a request; offsets: kept");
}
