//! The built-in CRM and its store, on real files.

#![allow(clippy::unwrap_used)]

mod apply;
mod at_once;
mod find;
mod import;
mod import_errors;
mod office;
mod sets;
mod store;
mod tasks;
mod unsorted;
mod view;
mod won;

use dozvon::core::client::Client;
use dozvon::core::phone::{Phone, Region};
use dozvon::crm::Crm;
use dozvon::crm::builtin::Builtin;
use dozvon::crm::builtin::import::{Format, ImportError, ImportReport, import};
use dozvon::store::Store;
use tempfile::TempDir;

struct World {
    folder: TempDir,
    store: Store,
    crm: Builtin,
}

impl World {
    async fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let store = Store::open(folder.path().join("dozvon.sqlite")).await.unwrap();
        let crm = Builtin::new(store.clone());
        Self { folder, store, crm }
    }

    async fn import(&self, format: Format, text: &str) -> Result<ImportReport, ImportError> {
        let file = match format {
            Format::Csv => "clients.csv",
            Format::Toml => "clients.toml",
        };
        let now = "2026-11-20T12:00:00Z".parse().unwrap();
        let region = Region::default();
        import(&self.store, file, format, text.as_bytes(), region, now).await
    }

    async fn toml(&self, text: &str) -> ImportReport {
        self.import(Format::Toml, text).await.unwrap()
    }

    async fn find(&self, number: &str) -> Option<Client> {
        let phone = Phone::parse(number, Region::default()).unwrap();
        self.crm.find(&phone).await.unwrap()
    }

    async fn rows(&self, table: &'static str) -> i64 {
        let query = sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
        sqlx::query_scalar(query).fetch_one(self.store.pool()).await.unwrap()
    }
}

/// The lines of a refusal.
fn refused(result: Result<ImportReport, ImportError>) -> Vec<String> {
    match result {
        Err(ImportError::Refused { problems, .. }) => {
            problems.iter().map(ToString::to_string).collect()
        }
        other => panic!("not refused: {other:?}"),
    }
}
