//! The settings of the site as an item that editors write: it is stored with the first request that writes or examines it.

use std::sync::Arc;

use crate::content::Site;
use crate::content_types::SITE_SETTINGS;
use crate::database::{Database, Db};
use crate::editorial::insert::{Origin, insert};
use crate::editorial::write::ItemWrite;
use crate::editorial::write_context::WriteContext;
use crate::items::unsaved_site::{self, SITE_ID, SITE_SLUG};
use crate::journal::Author;
use crate::problem::Problem;

/// Stores the settings as the configuration names them, unless they are stored.
///
/// # Errors
///
/// Fails if the database fails.
pub async fn ensure(database: &Database, site: &Arc<Site>, request_id: &str) -> Result<(), Problem> {
    if database.read(|c| Ok::<_, Problem>(unsaved_site::is_stored(c)?)).await? {
        return Ok(());
    }
    let (site, author) = (Arc::clone(site), Author { request_id: request_id.to_owned(), ..Author::default() });
    database.write_content(move |c: &mut Db| store(c, &site, &author)).await
}

fn store(connection: &mut Db, site: &Site, author: &Author) -> Result<(), Problem> {
    // Another request may have stored them since.
    if unsaved_site::is_stored(connection)? {
        return Ok(());
    }
    let (slug, status) = (Some(SITE_SLUG.to_owned()), Some("published".to_owned()));
    let writing = ItemWrite { slug, status, ..ItemWrite::of(&SITE_SETTINGS, unsaved_site::content(site)) };
    let origin = Origin { id: Some(SITE_ID.to_owned()), ..Origin::default() };
    insert(connection, WriteContext::without_role(site, author), writing, origin).map(drop)
}
