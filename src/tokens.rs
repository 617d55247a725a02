//! Tokens of the API: made and revoked by a person, kept as hashes in the store.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::Serialize;
use sha2::{Digest, Sha256};
use sqlx::{query, query_as, query_scalar};

use crate::recording::{hex, random};
use crate::store::{Store, StoreError};

/// What every token begins with, so that one that got into a text is found.
const PREFIX: &str = "dzt_";

/// What a token is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// The button: call a number, look at the call, hang up.
    Calls,
    /// All callbacks, with their numbers; cancel them.
    Callbacks,
    /// The outbox.
    Outbox,
    /// Sales, and have the CRMs asked for them.
    Sales,
    /// The rules in force, and reload them.
    Rules,
    /// What is logged, and change it.
    Log,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Calls, Self::Callbacks, Self::Outbox, Self::Sales, Self::Rules, Self::Log];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Calls => "calls",
            Self::Callbacks => "callbacks",
            Self::Outbox => "outbox",
            Self::Sales => "sales",
            Self::Rules => "rules",
            Self::Log => "log",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Scope {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == text).ok_or_else(|| {
            let all = Self::ALL.map(Self::as_str).join(", ");
            format!("`{text}` is no scope: write one of {all}")
        })
    }
}

/// A token as it can be shown: without itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Token {
    /// Who uses it. Stands in the audit lines.
    pub name: String,
    /// What for.
    pub scopes: Vec<Scope>,
    /// When it was made.
    pub created: Timestamp,
    /// When it was revoked.
    pub revoked: Option<Timestamp>,
}

/// Why it was not done.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum TokenError {
    /// Another has this name.
    #[error("there is a token `{0}` already")]
    #[diagnostic(help("take another name, or revoke it first: dozvon token revoke {0}"))]
    Taken(String),
    /// None has this name.
    #[error("there is no token `{0}`, or it is revoked already")]
    #[diagnostic(help("`dozvon token list` shows them all"))]
    Unknown(String),
    /// The name cannot be shown.
    #[error("`{0}` is no name of a token")]
    #[diagnostic(help("letters, digits and - _ . are possible, 40 at most"))]
    Name(String),
    /// The store failed.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Store(#[from] StoreError),
}

/// The tokens in a store.
#[derive(Clone, Debug)]
pub struct Tokens {
    store: Store,
}

#[derive(sqlx::FromRow)]
struct Row {
    name: String,
    scopes: String,
    created: i64,
    revoked: Option<i64>,
}

impl From<Row> for Token {
    fn from(row: Row) -> Self {
        let time = |at| Timestamp::from_microsecond(at).unwrap_or_default();
        Self {
            name: row.name,
            // A word of a later version of this program is passed over: it opens nothing here.
            scopes: row.scopes.split(',').filter_map(|word| word.parse().ok()).collect(),
            created: time(row.created),
            revoked: row.revoked.map(time),
        }
    }
}

impl Tokens {
    /// Of this store.
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    /// Makes one. What is returned is the token itself: it is shown once and kept nowhere.
    ///
    /// # Errors
    /// [`TokenError`].
    pub async fn make(
        &self,
        name: &str,
        scopes: &[Scope],
        now: Timestamp,
    ) -> Result<String, TokenError> {
        let fits = |c: char| c.is_alphanumeric() || "-_.".contains(c);
        if !(1..=40).contains(&name.chars().count()) || !name.chars().all(fits) {
            return Err(TokenError::Name(name.chars().take(40).collect()));
        }
        let token = format!("{PREFIX}{}", hex(&random()));
        let mut scopes = scopes.to_vec();
        scopes.sort_unstable();
        scopes.dedup();
        let words: Vec<_> = scopes.iter().map(|scope| scope.as_str()).collect();
        let made = query("INSERT INTO api_token (name, hash, scopes, created) VALUES (?, ?, ?, ?)")
            .bind(name)
            .bind(hash(&token))
            .bind(words.join(","))
            .bind(now.as_microsecond())
            .execute(self.store.pool())
            .await;
        match made {
            Ok(_) => Ok(token),
            Err(sqlx::Error::Database(error)) if error.is_unique_violation() => {
                Err(TokenError::Taken(name.to_owned()))
            }
            Err(error) => Err(self.store.explain(&error).into()),
        }
    }

    /// All of them, in the order in which they were made.
    ///
    /// # Errors
    /// [`TokenError::Store`].
    pub async fn list(&self) -> Result<Vec<Token>, TokenError> {
        let rows: Vec<Row> =
            query_as("SELECT name, scopes, created, revoked FROM api_token ORDER BY id")
                .fetch_all(self.store.pool())
                .await
                .map_err(|error| self.store.explain(&error))?;
        Ok(rows.into_iter().map(Token::from).collect())
    }

    /// Makes it good for nothing, at once and on every engine with this store.
    ///
    /// # Errors
    /// [`TokenError`].
    pub async fn revoke(&self, name: &str, now: Timestamp) -> Result<(), TokenError> {
        let done = query("UPDATE api_token SET revoked = ? WHERE name = ? AND revoked IS NULL")
            .bind(now.as_microsecond())
            .bind(name)
            .execute(self.store.pool())
            .await
            .map_err(|error| self.store.explain(&error))?;
        match done.rows_affected() {
            0 => Err(TokenError::Unknown(name.chars().take(40).collect())),
            _ => Ok(()),
        }
    }

    /// Whose token this is; `None`: nobody's, or revoked.
    ///
    /// # Errors
    /// [`TokenError::Store`].
    pub async fn whose(&self, token: &str) -> Result<Option<Token>, TokenError> {
        if !token.starts_with(PREFIX) {
            return Ok(None);
        }
        // Found by its hash: how long that takes tells nothing of a token.
        let row: Option<Row> = query_as(
            "SELECT name, scopes, created, revoked FROM api_token \
             WHERE hash = ? AND revoked IS NULL",
        )
        .bind(hash(token))
        .fetch_optional(self.store.pool())
        .await
        .map_err(|error| self.store.explain(&error))?;
        Ok(row.map(Token::from))
    }

    /// Whether there is any that is not revoked.
    ///
    /// # Errors
    /// [`TokenError::Store`].
    pub async fn any(&self) -> Result<bool, TokenError> {
        query_scalar("SELECT EXISTS (SELECT 1 FROM api_token WHERE revoked IS NULL)")
            .fetch_one(self.store.pool())
            .await
            .map_err(|error| self.store.explain(&error).into())
    }
}

fn hash(token: &str) -> Vec<u8> {
    Sha256::digest(token).to_vec()
}

/// A line for whoever has to know later who changed what.
pub fn audit(who: &str, what: impl fmt::Display) {
    tracing::info!(target: "audit", who, %what, "audit: something was changed");
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    #[tokio::test]
    async fn a_token_is_known_until_it_is_revoked_and_never_kept_itself() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s.sqlite");
        let tokens = Tokens::new(Store::open(&path).await.unwrap());
        assert!(!tokens.any().await.unwrap());
        let scopes = [Scope::Rules, Scope::Calls, Scope::Calls];
        let token = tokens.make("crm", &scopes, NOW).await.unwrap();
        assert_eq!(token.len(), PREFIX.len() + 64);
        let known = tokens.whose(&token).await.unwrap().unwrap();
        assert_eq!((known.name.as_str(), known.scopes), ("crm", vec![Scope::Calls, Scope::Rules]));
        let nearly = format!("{}0", &token[..token.len() - 1]);
        for other in ["", "dzt_", &token[4..], &nearly[..nearly.len() - 1], &format!("{token} ")] {
            assert_eq!(tokens.whose(other).await.unwrap(), None, "{other}");
        }
        let taken = tokens.make("crm", &[], NOW).await.unwrap_err().to_string();
        assert_eq!(taken, "there is a token `crm` already");
        assert!(tokens.any().await.unwrap());

        tokens.revoke("crm", NOW).await.unwrap();
        assert_eq!(tokens.whose(&token).await.unwrap(), None);
        assert!(matches!(tokens.revoke("crm", NOW).await, Err(TokenError::Unknown(_))));
        assert!(!tokens.any().await.unwrap());
        assert_ne!(
            tokens.make("crm", &scopes, NOW).await.unwrap(),
            token,
            "the name is free again"
        );
        let list = tokens.list().await.unwrap();
        assert_eq!(list.iter().map(|t| t.revoked.is_some()).collect::<Vec<_>>(), [true, false]);

        sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(tokens.store.pool()).await.unwrap();
        let kept = std::fs::read(&path).unwrap();
        assert!(!kept.windows(20).any(|bytes| bytes == &token.as_bytes()[4..24]));
    }

    #[tokio::test]
    async fn a_name_is_short_and_plain() {
        let folder = tempfile::tempdir().unwrap();
        let tokens = Tokens::new(Store::open(folder.path().join("s.sqlite")).await.unwrap());
        for name in ["", "a b", "a\nb", &"x".repeat(41)] {
            assert!(
                matches!(tokens.make(name, &[], NOW).await, Err(TokenError::Name(_))),
                "{name}"
            );
        }
        assert!(tokens.make("сайт-1", &[], NOW).await.is_ok());
    }

    #[test]
    fn a_scope_is_read_as_it_is_written() {
        for scope in Scope::ALL {
            assert_eq!(scope.as_str().parse(), Ok(scope));
        }
        assert!("all".parse::<Scope>().unwrap_err().contains("calls, callbacks"));
    }
}
