//! Operations on API keys.

use actix_web::http::Method;
use serde::Serialize;
use utoipa::ToSchema;

use super::credentials::confirm;
use super::forms::{Form, MACHINE_KEY, PERSONAL_KEY};
use super::keys::{self, ApiKey, Wanted};
use super::permissions::{Action, Area, Role};
use crate::content::fault::Faults;
use crate::content::moment::utc_text;
use crate::database::Db;
use crate::http::body::json;
use crate::http::desk_api::author;
use crate::http::openapi::schemas::{example_of, reference};
use crate::http::parameters::path_id;
use crate::http::route::{Access, Answer, JSON, Request, Route};
use crate::problem::{Kind, Problem};

/// A key, as it is answered: never the key itself.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ApiKey)]
pub struct KeyBody {
    /// Its id.
    #[schema(format = "uuid")]
    pub id: String,
    /// What it is for.
    #[schema(example = "Website build")]
    pub name: String,
    /// `personal` or `machine`.
    #[schema(example = "machine")]
    pub kind: String,
    /// The account whose it is, or that answers for it, if it is a machine's.
    #[schema(format = "uuid")]
    pub account: String,
    /// Its last four characters.
    pub hint: String,
    /// The most that it may do. It never does more than its account may now.
    pub role: Role,
    /// The collections that it is for; all, if none is named.
    pub collections: Vec<String>,
    /// When it was made.
    #[schema(format = "date-time")]
    pub created_at: String,
    /// When it ends.
    #[schema(required = true, format = "date-time")]
    pub expires_at: Option<String>,
    /// When it was last used, to five minutes.
    #[schema(required = true, format = "date-time")]
    pub last_used_at: Option<String>,
}

/// A key that was just made.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewKey {
    /// For `Authorization: Bearer`. It is shown now and never again.
    pub token: String,
    /// What it is.
    pub key: KeyBody,
}

/// Keys that are not revoked.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyList {
    /// The keys, the newest first.
    pub data: Vec<KeyBody>,
}

/// What operations on keys of machines and of others want.
const MANAGE: (Area, Action) = (Area::Accounts, Action::Manage);

/// All routes of this room.
pub fn routes() -> Vec<Route> {
    const TAG: &str = "Keys";
    let manage = Access::May(MANAGE.0, MANAGE.1);
    vec![
        Route::new(Method::GET, "/api/v1/auth/keys", "listMyKeys", list_own)
            .about(TAG, "List my keys", "Those for my own programs.")
            .access(Access::Session)
            .answers(200, "The keys.", reference("KeyList"), &[]),
        Route::new(Method::POST, "/api/v1/auth/keys", "createMyKey", create_own)
            .about(TAG, "Create a key for my own program", "It acts as me, with no more than this role.")
            .access(Access::Session)
            .body(JSON, reference("PersonalKey"), example_of(&PERSONAL_KEY))
            .answers(201, "Created.", reference("NewKey"), &[]),
        Route::new(Method::DELETE, "/api/v1/auth/keys/{id}", "revokeMyKey", revoke_own)
            .about(
                TAG,
                "Revoke one of my keys",
                "It is good for nothing from now on; on other nodes within a second.",
            )
            .access(Access::Session)
            .parameters([path_id()])
            .answers_as(204, "Revoked.", None, &[])
            .problems(&[Kind::NotFound]),
        Route::new(Method::GET, "/api/v1/api-keys", "listKeys", list)
            .about(TAG, "List all keys", "Of machines and of people.")
            .access(manage)
            .answers(200, "The keys.", reference("KeyList"), &[]),
        Route::new(Method::POST, "/api/v1/api-keys", "createKey", create)
            .about(TAG, "Create a key for a machine", "I answer for it: it never does more than I may, and nothing once my account is closed, unless somebody else takes it over.")
            .access(manage)
            .body(JSON, reference("MachineKey"), example_of(&MACHINE_KEY))
            .answers(201, "Created.", reference("NewKey"), &[]),
        Route::new(Method::POST, "/api/v1/api-keys/{id}/take-over", "takeOverKey", take_over)
            .about(
                TAG,
                "Take over a key of a machine",
                "From now on I answer for it, instead of the account that did: before that one is closed, or after.",
            )
            .access(manage)
            .parameters([path_id()])
            .answers(200, "Taken over.", reference("ApiKey"), &[])
            .problems(&[Kind::NotFound]),
        Route::new(Method::DELETE, "/api/v1/api-keys/{id}", "revokeKey", revoke)
            .about(TAG, "Revoke a key", "Of a machine or of a person.")
            .access(manage)
            .parameters([path_id()])
            .answers_as(204, "Revoked.", None, &[])
            .problems(&[Kind::NotFound]),
    ]
}

fn shown(key: ApiKey) -> KeyBody {
    let time = |at: i64| (at > 0).then(|| utc_text(at));
    KeyBody {
        role: Role::from_word(&key.role).unwrap_or(Role::Viewer),
        collections: key.collections.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect(),
        created_at: utc_text(key.created_at),
        expires_at: time(key.expires_at),
        last_used_at: time(key.last_used_at),
        id: key.id,
        name: key.name,
        kind: key.kind,
        account: key.account_id,
        hint: key.hint,
    }
}

async fn answer(request: Request, own: bool) -> Result<Answer, Problem> {
    let account = own.then(|| request.actor().map(|actor| actor.account_id.clone())).transpose()?;
    let rows = request.app.database.read(move |c| Ok::<_, Problem>(keys::all(c, account.as_deref())?)).await?;
    Ok(Answer::of(200, &KeyList { data: rows.into_iter().map(shown).collect() })?.private())
}

async fn list_own(request: Request) -> Result<Answer, Problem> {
    answer(request, true).await
}

async fn list(request: Request) -> Result<Answer, Problem> {
    answer(request, false).await
}

async fn create_own(request: Request) -> Result<Answer, Problem> {
    let form = Form::read(&PERSONAL_KEY, &json(&request)?, &request.app.site)?;
    make(request, form, false).await
}

async fn create(request: Request) -> Result<Answer, Problem> {
    let form = Form::read(&MACHINE_KEY, &json(&request)?, &request.app.site)?;
    make(request, form, true).await
}

async fn make(request: Request, form: Form, machine: bool) -> Result<Answer, Problem> {
    let actor = request.actor()?.clone();
    if actor.key.is_some() {
        return Err(Problem::new(Kind::Forbidden, "keys are made by people who are logged in, not with keys"));
    }
    let mut faults = Faults::new();
    let role = form.get("role").and_then(|word| Role::from_word(&word)).unwrap_or(actor.role);
    check_role(role, actor.role, &mut faults);
    let expires_at = form.ahead("expires_at", &mut faults).unwrap_or(0);
    if !faults.is_empty() {
        return Err(Problem::invalid(faults));
    }
    let wanted = Wanted { machine, name: form.text("name"), role, collections: form.words("collections"), expires_at };
    let author = author(&request)?;
    let write = move |c: &mut Db| {
        let now = confirm(c, &actor, machine.then_some(MANAGE))?;
        let mut faults = Faults::new();
        check_role(role, now.role, &mut faults);
        if !faults.is_empty() {
            return Err(Problem::invalid(faults));
        }
        Ok(keys::create(c, &author, &actor.account_id, wanted)?)
    };
    let (key, token) = request.app.database.write_content(write).await?;
    Ok(Answer::of(201, &NewKey { token, key: shown(key) })?.private())
}

fn check_role(wanted: Role, own: Role, faults: &mut Faults) {
    if wanted > own {
        faults.add("/role", "beyond_own_role", "a key may do no more than the account that makes it");
    }
}

async fn take_over(request: Request) -> Result<Answer, Problem> {
    let (author, actor, id) = (author(&request)?, request.actor()?.clone(), request.path("id").to_owned());
    if actor.key.is_some() {
        return Err(Problem::new(Kind::Forbidden, "keys are taken over by people who are logged in, not with keys"));
    }
    let write = move |c: &mut Db| {
        confirm(c, &actor, Some(MANAGE))?;
        keys::take_over(c, &author, &id, &actor.account_id)
    };
    let key = request.app.database.write_content(write).await?;
    Ok(Answer::of(200, &shown(key))?.private())
}

async fn revoke_own(request: Request) -> Result<Answer, Problem> {
    let account = request.actor()?.account_id.clone();
    end(request, Some(account)).await
}

async fn revoke(request: Request) -> Result<Answer, Problem> {
    end(request, None).await
}

async fn end(request: Request, account: Option<String>) -> Result<Answer, Problem> {
    let (author, actor, id) = (author(&request)?, request.actor()?.clone(), request.path("id").to_owned());
    let write = move |c: &mut Db| {
        confirm(c, &actor, account.is_none().then_some(MANAGE))?;
        keys::revoke(c, &author, &id, account.as_deref())
    };
    request.app.database.write_content(write).await?;
    Ok(Answer::empty(204).private())
}
