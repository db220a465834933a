//! The command `plenary mail`.

use std::io::Read;
use std::sync::Arc;

use clap::Subcommand;

use super::report;
use crate::app::{App, StartError};
use crate::database::Db;
use crate::mail::bounce::{self, MOST_BYTES};
use crate::newsletter::subscribers;
use crate::problem::Problem;

/// The subcommands of `plenary mail`.
#[derive(Debug, Subcommand)]
pub enum MailCommand {
    /// Note that a mail came back: reads the notice of a mail server (RFC 3464) from standard input, as a pipe of a mail server
    /// delivers it. A message that is no such notice is accepted and has no effect
    Bounce {
        /// Address to which the notice came, such as $ORIGINAL_RECIPIENT; by default its headers tell
        #[arg(long)]
        recipient: Option<String>,
    },
}

/// Runs a subcommand.
///
/// # Errors
/// Fails if standard input cannot be read or the database fails; the mail server then delivers the notice again.
pub async fn run(app: &Arc<App>, command: MailCommand) -> Result<(), StartError> {
    let MailCommand::Bounce { recipient } = command;
    let mut message = Vec::new();
    let limit = u64::try_from(MOST_BYTES).unwrap_or(u64::MAX);
    std::io::stdin().take(limit).read_to_end(&mut message).map_err(|error| format!("standard input: {error}"))?;
    let Some((mail_id, notice)) = bounce::read(&app.site_key, &message, recipient.as_deref()) else {
        report("this is no notice about a mail of this site");
        return Ok(());
    };
    let (here, id) = (Arc::clone(app), mail_id.clone());
    let store = move |c: &mut Db| {
        let mail = bounce::record(c, &id, &notice)?;
        if let Some(mail) = &mail {
            subscribers::record_bounce(c, here.subscriber_context(), mail, &notice)?;
        }
        Ok::<_, Problem>(mail.is_some())
    };
    let is_known = app.database.write(store).await.map_err(|problem| problem.detail)?;
    report(&match is_known {
        true => format!("noted for mail {mail_id}"),
        false => format!("mail {mail_id} is not in the log any more, or came back before"),
    });
    Ok(())
}
