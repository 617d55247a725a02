//! The token of a request. By OAuth it lives a day; then the pair is exchanged for a new one, and
//! the refresh token used for that is dead. So one exchange is under way at a time: one task in
//! this process, and one engine by a claim in the store. The new pair is in the store before it
//! is used, because an engine that dies with it in memory would lock all of them out.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use reqwest::Url;
use sqlx::FromRow;
use tokio::sync::Mutex as TaskMutex;
use tokio::time::{sleep, timeout};
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use super::config::{AmoConfig, LONGEST_ASKED};
use super::sent::{By, Grant};
use super::wire::Pair;
use crate::config::Secret;
use crate::crm::lazy::Lazy;
use crate::crm::remote::{Class, Fault, Key, Remote};
use crate::store::Store;

/// A token is exchanged so long before it runs out.
const EARLY: i64 = 5 * 60 * 1_000_000;
/// How long another engine is waited for that exchanges; then it is taken for dead.
const CLAIM: i64 = 60 * 1_000_000;
/// So long a refresh token that was refused is not tried again.
const DEAD: i64 = 10 * 60 * 1_000_000;
/// How often is looked whether it is done.
const LOOK: Duration = Duration::from_millis(200);

/// Those that are under way in this process.
static EXCHANGES: LazyLock<TaskTracker> = LazyLock::new(TaskTracker::new);

/// Waits for the exchanges that are under way, before this process ends: a refresh token can be
/// used once, and the answer is the only copy of the next one.
pub async fn exchanges_end() {
    EXCHANGES.close();
    drop(timeout(LONGEST_ASKED, EXCHANGES.wait()).await);
}

/// What to do about it.
const LOGIN: &str = "run `dozvon crm login amocrm`; it works again without a restart";

/// A token, and which pair it is from.
#[derive(Clone)]
pub(super) struct Token {
    pub secret: Secret,
    /// `None`: long-lived; only somebody who writes its file renews it.
    pub generation: Option<i64>,
}

/// Where tokens come from.
pub(super) enum Tokens {
    LongLived(Key),
    OAuth(Arc<OAuth>),
}

/// An integration's access to an account.
pub(super) struct OAuth {
    account: String,
    /// The account's address.
    base: Url,
    client_id: String,
    client_secret: Option<Arc<Key>>,
    redirect_uri: String,
    remote: Arc<Remote>,
    store: Arc<Lazy>,
    /// Who claims.
    me: String,
    held: Mutex<Option<Kept>>,
    /// One exchange at a time; inside is a pair that could not be stored yet.
    flight: TaskMutex<Option<(i64, Pair)>>,
    /// That it was refused was said.
    said: AtomicBool,
}

#[derive(Clone)]
struct Kept {
    access: Secret,
    expires: i64,
    generation: i64,
}

#[derive(FromRow)]
struct Row {
    access: String,
    refresh: String,
    expires: i64,
    generation: i64,
    dead: Option<String>,
    claimed_until: i64,
}

impl Row {
    fn kept(self) -> Kept {
        Kept {
            access: Secret::from(self.access),
            expires: self.expires,
            generation: self.generation,
        }
    }
}

impl Tokens {
    /// As the configuration says; it was checked before.
    ///
    /// # Errors
    /// [`Fault::Access`]: a secret's file that cannot be read.
    pub(super) fn new(
        config: &AmoConfig,
        base: &Url,
        remote: Arc<Remote>,
        store: Arc<Lazy>,
        integration_key: Option<Arc<Key>>,
    ) -> Result<Self, Fault> {
        if let Some(token) = config.long_lived()? {
            return Ok(Self::LongLived(token));
        }
        let client_id = config.client_id.clone().unwrap_or_default();
        let host = base.host_str().unwrap_or_default();
        Ok(Self::OAuth(Arc::new(OAuth {
            account: format!("{host}/{client_id}"),
            base: base.clone(),
            client_id,
            client_secret: integration_key,
            redirect_uri: config.redirect_uri.clone().unwrap_or_default(),
            remote,
            store,
            me: uuid::Uuid::new_v4().to_string(),
            held: Mutex::default(),
            flight: TaskMutex::default(),
            said: AtomicBool::new(false),
        })))
    }

    /// A token that is good as far as we know.
    pub(super) async fn get(&self, class: Class) -> Result<Token, Fault> {
        match self {
            Self::LongLived(key) => Ok(Token { secret: (*key.load()).clone(), generation: None }),
            Self::OAuth(oauth) => oauth.get(class, None).await,
        }
    }

    /// Another one than this, which was refused.
    pub(super) async fn renew(&self, class: Class, refused: &Token) -> Result<Token, Fault> {
        match (self, refused.generation) {
            (Self::OAuth(oauth), Some(generation)) => oauth.get(class, Some(generation)).await,
            (Self::LongLived(key), _) if renewed(key, &refused.secret) => self.get(class).await,
            _ => Err(Fault::Access(
                "the long-lived token is refused: make a new one in the integration's settings \
                 and put it into the configuration; in `token_file` it is seen without a restart"
                    .to_owned(),
            )),
        }
    }
}

impl OAuth {
    async fn get(self: &Arc<Self>, class: Class, refused: Option<i64>) -> Result<Token, Fault> {
        if let Some(token) = self.good(refused) {
            return Ok(token);
        }
        // In a task of its own: who asks may give up, and the new pair must reach the store.
        let this = self.clone();
        let renewed = EXCHANGES.spawn(async move { this.renewed(class, refused).await }).await;
        renewed.unwrap_or_else(|error| Err(later(error.to_string())))
    }

    async fn renewed(&self, class: Class, refused: Option<i64>) -> Result<Token, Fault> {
        let mut flight = self.flight.lock().await;
        // Somebody may have been quicker.
        if let Some(token) = self.good(refused) {
            return Ok(token);
        }
        let kept = self.exchange(class, refused, &mut flight).await?;
        if self.said.swap(false, Ordering::Relaxed) {
            info!(account = self.account, "amoCRM gives access again");
        }
        let token = Token { secret: kept.access.clone(), generation: Some(kept.generation) };
        *self.held() = Some(kept);
        Ok(token)
    }

    fn good(&self, refused: Option<i64>) -> Option<Token> {
        let held = self.held();
        let kept = held.as_ref().filter(|kept| is_good(kept.generation, kept.expires, refused))?;
        Some(Token { secret: kept.access.clone(), generation: Some(kept.generation) })
    }

    fn held(&self) -> MutexGuard<'_, Option<Kept>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A pair from the store, or from amoCRM by way of the store.
    async fn exchange(
        &self,
        class: Class,
        refused: Option<i64>,
        unsaved: &mut Option<(i64, Pair)>,
    ) -> Result<Kept, Fault> {
        let store = self.store.open().await.map_err(|error| later(error.to_string()))?;
        if let Some((generation, pair)) = unsaved.take() {
            self.save(store, generation, pair, unsaved).await?;
        }
        loop {
            let Some(row) = self.row(store).await? else {
                return Err(self.without(format!("nobody has logged in yet: {LOGIN}")));
            };
            if is_good(row.generation, row.expires, refused) {
                return Ok(row.kept());
            }
            // Now and then it is tried all the same: what was wrong may have been ours.
            if let Some(why) = &row.dead
                && row.claimed_until > now()
            {
                return Err(self.without(format!("the refresh token is refused ({why}): {LOGIN}")));
            }
            if !self.claim(store, row.generation).await? {
                sleep(LOOK).await;
                continue;
            }
            let by = By::RefreshToken { refresh_token: &row.refresh };
            let secret = self.secret();
            match self.ask(class, &secret, by).await {
                Ok(pair) => {
                    return self.save(store, row.generation, pair, unsaved).await;
                }
                // Somebody made a new secret key and put it into its file.
                Err(Fault::Access(_) | Fault::Refused { .. })
                    if self.client_secret.as_ref().is_some_and(|key| renewed(key, &secret)) => {}
                Err(Fault::Access(why) | Fault::Refused { why, .. }) => {
                    // Another engine may have used it, if our claim ran out.
                    self.bury(store, row.generation, &why).await?;
                }
                Err(fault) => {
                    self.release(store).await?;
                    return Err(fault);
                }
            }
        }
    }

    /// Access that only a person can give; said once.
    fn without(&self, why: String) -> Fault {
        if !self.said.swap(true, Ordering::Relaxed) {
            warn!(account = self.account, why, "amoCRM gives no access");
        }
        Fault::Access(why)
    }

    /// The integration's key as it is now.
    fn secret(&self) -> Secret {
        let key = self.client_secret.as_ref().map(|key| (*key.load()).clone());
        key.unwrap_or_else(|| String::new().into())
    }

    /// Exchanges something for a pair.
    async fn ask(&self, class: Class, secret: &Secret, by: By<'_>) -> Result<Pair, Fault> {
        let grant = Grant {
            client_id: &self.client_id,
            client_secret: secret.reveal(),
            redirect_uri: &self.redirect_uri,
            by,
        };
        let address = self.base.join("oauth2/access_token");
        let address = address.map_err(|error| Fault::Unreachable(error.to_string()))?;
        let request = self.remote.client().post(address).json(&grant);
        let asked = self.remote.send(class, request).await;
        match asked {
            Ok(answer) => answer.json(),
            Err(Fault::Refused { status, body, .. }) => {
                let why = super::api::told(status, &body);
                Err(Fault::Refused { status, why, body })
            }
            Err(fault) => Err(fault),
        }
    }

    /// Where a person allows the integration to work in his account, and gets a code.
    pub(super) fn authorize_url(&self) -> String {
        let site = match self.base.host_str() {
            Some(host) if host.ends_with("kommo.com") => "https://www.kommo.com",
            _ => "https://www.amocrm.ru",
        };
        format!("{site}/oauth?client_id={}&state={}&mode=popup", self.client_id, self.me)
    }

    /// The first pair, by the code that amoCRM gave a person.
    pub(super) async fn login(&self, code: &str) -> Result<(), Fault> {
        let by = By::AuthorizationCode { code };
        let pair = self.ask(Class::Lookup, &self.secret(), by).await?;
        let store = self.store.open().await.map_err(|error| later(error.to_string()))?;
        sqlx::query(
            "INSERT INTO amocrm_token (account, access, refresh, expires, generation) \
             VALUES (?, ?, ?, ?, 1) ON CONFLICT (account) DO UPDATE SET \
             access = excluded.access, refresh = excluded.refresh, expires = excluded.expires, \
             generation = generation + 1, dead = NULL, claimed_by = NULL, claimed_until = 0",
        )
        .bind(&self.account)
        .bind(&pair.access_token)
        .bind(&pair.refresh_token)
        .bind(expires(&pair))
        .execute(store.pool())
        .await
        .map_err(|error| later(store.explain(&error).to_string()))?;
        Ok(())
    }

    async fn row(&self, store: &Store) -> Result<Option<Row>, Fault> {
        sqlx::query_as(
            "SELECT access, refresh, expires, generation, dead, claimed_until FROM amocrm_token \
             WHERE account = ?",
        )
        .bind(&self.account)
        .fetch_optional(store.pool())
        .await
        .map_err(|error| later(store.explain(&error).to_string()))
    }

    /// `false`: another engine exchanges this pair just now, or has done so.
    async fn claim(&self, store: &Store, generation: i64) -> Result<bool, Fault> {
        let now = now();
        let claimed = sqlx::query(
            "UPDATE amocrm_token SET claimed_by = ?1, claimed_until = ?2 WHERE account = ?3 \
             AND generation = ?4 AND (claimed_by IS NULL OR claimed_by = ?1 \
             OR claimed_until < ?5 OR claimed_until > ?6)",
        )
        .bind(&self.me)
        .bind(now + CLAIM)
        .bind(&self.account)
        .bind(generation)
        .bind(now)
        // The clock was set back. Not by a moment: whoever waited for the store has an older `now`.
        .bind(now + 2 * CLAIM)
        .execute(store.pool())
        .await
        .map_err(|error| later(store.explain(&error).to_string()))?;
        Ok(claimed.rows_affected() == 1)
    }

    async fn release(&self, store: &Store) -> Result<(), Fault> {
        self.write(
            store,
            sqlx::query(
                "UPDATE amocrm_token SET claimed_by = NULL WHERE account = ? AND claimed_by = ?",
            )
            .bind(&self.account)
            .bind(&self.me),
        )
        .await
    }

    /// The refresh token of this generation is of no use any more.
    async fn bury(&self, store: &Store, generation: i64, why: &str) -> Result<(), Fault> {
        self.write(
            store,
            sqlx::query(
                "UPDATE amocrm_token SET dead = ?, claimed_by = NULL, claimed_until = ? \
                 WHERE account = ? AND generation = ?",
            )
            .bind(why)
            .bind(now() + DEAD)
            .bind(&self.account)
            .bind(generation),
        )
        .await
    }

    async fn save(
        &self,
        store: &Store,
        generation: i64,
        pair: Pair,
        unsaved: &mut Option<(i64, Pair)>,
    ) -> Result<Kept, Fault> {
        let written = self
            .write(
                store,
                sqlx::query(
                    "UPDATE amocrm_token SET access = ?, refresh = ?, expires = ?, \
                     generation = generation + 1, dead = NULL, claimed_by = NULL, \
                     claimed_until = 0 \
                     WHERE account = ? AND generation = ?",
                )
                .bind(&pair.access_token)
                .bind(&pair.refresh_token)
                .bind(expires(&pair))
                .bind(&self.account)
                .bind(generation),
            )
            .await;
        if let Err(fault) = written {
            *unsaved = Some((generation, pair));
            return Err(fault);
        }
        Ok(Kept {
            expires: expires(&pair),
            access: Secret::from(pair.access_token),
            generation: generation + 1,
        })
    }

    async fn write(
        &self,
        store: &Store,
        query: sqlx::query::Query<'_, sqlx::Sqlite, sqlx::sqlite::SqliteArguments>,
    ) -> Result<(), Fault> {
        let done = query.execute(store.pool()).await;
        done.map(drop).map_err(|error| later(store.explain(&error).to_string()))
    }
}

/// Whether its file has another one than this by now, which was refused.
pub(super) fn renewed(key: &Key, refused: &Secret) -> bool {
    key.refused("amoCRM");
    *key.load() != *refused
}

fn is_good(generation: i64, expires: i64, refused: Option<i64>) -> bool {
    refused.is_none_or(|refused| generation > refused) && expires - EARLY > now()
}

fn now() -> i64 {
    Timestamp::now().as_microsecond()
}

fn expires(pair: &Pair) -> i64 {
    now().saturating_add(pair.expires_in.saturating_mul(1_000_000))
}

/// The store is mended one day.
fn later(why: String) -> Fault {
    Fault::Later { after: None, why: format!("tokens are kept in the store: {why}") }
}
