//! The store: one SQLite file, by default beside the engine. Nothing to install.

mod error;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use sqlx::ConnectOptions;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};

pub use error::StoreError;

static MIGRATIONS: Migrator = sqlx::migrate!("src/store/migrations");

/// How long a statement waits for another process that writes.
const BUSY: Duration = Duration::from_secs(5);

/// An open store. Cheap to clone: the connections are shared.
#[derive(Clone, Debug)]
pub struct Store {
    pool: SqlitePool,
    path: PathBuf,
    /// Connections opened before this are of no use any more.
    spoiled: Arc<Mutex<Option<Instant>>>,
}

impl Store {
    /// Opens the file, makes it if it is missing, and brings its schema up to date.
    ///
    /// A fault of the store after this is told by each use of it; the store recovers by itself
    /// once the fault is gone.
    ///
    /// # Errors
    /// [`StoreError`]: what is wrong, where, and what to do.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::open_within(path, BUSY).await
    }

    /// Opens the file only if it is there: for those who only look.
    ///
    /// # Errors
    /// As [`Store::open`], and [`StoreError::Missing`].
    pub async fn open_existing(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::look(path.as_ref())?;
        Self::open(path).await
    }

    /// Whether the file is there.
    ///
    /// # Errors
    /// [`StoreError::Missing`].
    pub fn look(path: &Path) -> Result<(), StoreError> {
        match path.exists() {
            true => Ok(()),
            false => Err(StoreError::Missing { path: error::shown(path) }),
        }
    }

    /// The same as [`Store::open`], with another limit to the wait for a process that holds the file.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub async fn open_within(path: impl AsRef<Path>, busy: Duration) -> Result<Self, StoreError> {
        let path = path.as_ref();
        look_at(path)?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // What was said to be written is on the disk, also after the power failed.
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(busy)
            .foreign_keys(true)
            // The worker looks every second: a line for each look would bury the others.
            .disable_statement_logging();
        let spoiled = Arc::new(Mutex::new(None::<Instant>));
        let spoiled_by = spoiled.clone();
        let pool = SqlitePoolOptions::new()
            .max_connections(4)
            .acquire_timeout(busy.saturating_add(BUSY))
            // A file has no connection that could have gone dead; testing doubles each look-up.
            .test_before_acquire(false)
            // A full disk may end a transaction behind the library's back: a connection to which
            // that happened would refuse every further one.
            .before_acquire(move |_, connection| {
                let opened = Instant::now().checked_sub(connection.age);
                let sound = spoiled_by.lock().is_ok_and(|at| at.is_none_or(|at| opened > Some(at)));
                Box::pin(async move { Ok(sound) })
            })
            .connect_with(options)
            .await
            .map_err(|e| StoreError::from_sqlx(path, &e))?;
        let store = Self { pool, path: path.to_owned(), spoiled };
        store.refuse_foreign().await?;
        store.migrate().await?;
        Ok(store)
    }

    /// The connections.
    pub fn pool(&self) -> &SqlitePool {
        &self.pool
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What went wrong, said for a person. Every failure of a transaction is to be explained:
    /// after some of them the connections are made anew.
    pub fn explain(&self, error: &sqlx::Error) -> StoreError {
        let told = StoreError::from_sqlx(&self.path, error);
        if matches!(told, StoreError::Full { .. } | StoreError::Other { .. })
            && let Ok(mut spoiled) = self.spoiled.lock()
        {
            *spoiled = Some(Instant::now());
        }
        told
    }

    /// A database of another program would be written into otherwise.
    async fn refuse_foreign(&self) -> Result<(), StoreError> {
        let table: Option<String> = sqlx::query_scalar(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND NOT EXISTS \
             (SELECT 1 FROM sqlite_schema WHERE name = '_sqlx_migrations') LIMIT 1",
        )
        .fetch_optional(&self.pool)
        .await
        .map_err(|e| self.explain(&e))?;
        match table {
            None => Ok(()),
            Some(table) => Err(StoreError::Foreign { path: error::shown(&self.path), table }),
        }
    }

    async fn migrate(&self) -> Result<(), StoreError> {
        let mut done = MIGRATIONS.run(&self.pool).await;
        for _ in MIGRATIONS.iter() {
            // Two processes may have opened a new file at once: the other one has done this step.
            match done {
                Err(MigrateError::ExecuteMigration(..)) => done = MIGRATIONS.run(&self.pool).await,
                _ => break,
            }
        }
        done.map_err(|e| StoreError::from_migration(&self.path, &e))
    }
}

/// SQLite says "unable to open" to all of these; a person needs to know which.
fn look_at(path: &Path) -> Result<(), StoreError> {
    match std::fs::metadata(path) {
        Ok(found) if !found.is_file() => Err(StoreError::NotAFile { path: error::shown(path) }),
        // SQLite would open it for reading only, and fail later.
        Ok(found) if found.permissions().readonly() => {
            Err(StoreError::ReadOnly { path: error::shown(path) })
        }
        Ok(_) => Ok(()),
        Err(_) => {
            let folder = error::folder(path);
            if folder.is_dir() {
                Ok(())
            } else {
                Err(StoreError::NoFolder {
                    path: error::shown(path),
                    folder: error::shown(&folder),
                })
            }
        }
    }
}
