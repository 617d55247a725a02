//! What can be wrong with the store, where, and what to do.

use std::path::{Path, PathBuf};

use miette::Diagnostic;
use sqlx::migrate::MigrateError;

/// Why the store cannot be used. Every case names the file and a way out.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum StoreError {
    /// The folder of the file is not there.
    #[error("the store {path} cannot be made: there is no folder {folder}")]
    #[diagnostic(help("make the folder (mkdir -p {folder}), or name another file for the store"))]
    NoFolder {
        /// The file.
        path: String,
        /// Its folder.
        folder: String,
    },
    /// The file is not there, and was only to be looked at.
    #[error("there is no store {path}")]
    #[diagnostic(help(
        "`dozvon serve` and `dozvon crm import` make it; or name another file: store.path"
    ))]
    Missing {
        /// The file.
        path: String,
    },
    /// A folder, a device or the like.
    #[error("the store {path} is not a file")]
    #[diagnostic(help("name a file for the store, such as {path}/dozvon.sqlite"))]
    NotAFile {
        /// What was named.
        path: String,
    },
    /// The file or its folder may not be written.
    #[error("the store {path} is read-only")]
    #[diagnostic(help(
        "let this user write the file and its folder (chmod u+w), or name another file; SQLite writes {path}-wal beside it"
    ))]
    ReadOnly {
        /// The file.
        path: String,
    },
    /// The file may not be opened, though it is there.
    #[error("the store {path} cannot be opened: {why}")]
    #[diagnostic(help(
        "see that this user may read and write the file, its folder and {path}-wal"
    ))]
    CannotOpen {
        /// The file.
        path: String,
        /// What the system says.
        why: String,
    },
    /// Somebody else holds it.
    #[error("the store {path} is locked by another process")]
    #[diagnostic(help("wait until that process is done, or end it; to find it: fuser {path}"))]
    Locked {
        /// The file.
        path: String,
    },
    /// Some other file.
    #[error("the store {path} is not a database")]
    #[diagnostic(help(
        "it is another kind of file, or damaged: move it away and an empty store is made, or name another file"
    ))]
    NotADatabase {
        /// The file.
        path: String,
    },
    /// A database of another program.
    #[error("{path} is a database of another program: it has the table `{table}`")]
    #[diagnostic(help("name another file for the store"))]
    Foreign {
        /// The file.
        path: String,
        /// One of its tables.
        table: String,
    },
    /// Damaged.
    #[error("the store {path} is damaged: {why}")]
    #[diagnostic(help(
        "restore it from a backup; or save what can be saved: sqlite3 {path} .recover | sqlite3 new.sqlite"
    ))]
    Damaged {
        /// The file.
        path: String,
        /// What SQLite says.
        why: String,
    },
    /// Made by a newer version of this program.
    #[error("the store {path} was made by a newer version: it has schema {version}")]
    #[diagnostic(help("install that version again, or name another file for the store"))]
    Newer {
        /// The file.
        path: String,
        /// The schema this version does not know.
        version: i64,
    },
    /// No room.
    #[error("the store {path} cannot grow: the disk is full")]
    #[diagnostic(help("make room on the disk that holds it"))]
    Full {
        /// The file.
        path: String,
    },
    /// Anything else.
    #[error("the store {path} failed: {why}")]
    #[diagnostic(help(
        "see what SQLite says above; if the file is at fault, restore it from a backup"
    ))]
    Other {
        /// The file.
        path: String,
        /// What SQLite says.
        why: String,
    },
}

impl StoreError {
    /// Reads SQLite's result code (<https://www.sqlite.org/rescode.html>).
    pub(crate) fn from_sqlx(path: &Path, error: &sqlx::Error) -> Self {
        let path = shown(path);
        let why = error.to_string();
        if matches!(error, sqlx::Error::PoolTimedOut) {
            return Self::Other { path, why: "no connection was free in time".into() };
        }
        let code = error
            .as_database_error()
            .and_then(|e| e.code())
            .and_then(|code| code.parse::<u32>().ok())
            // The low byte is the primary code, the rest says more of the same.
            .map(|code| code & 0xff);
        match code {
            Some(5 | 6) => Self::Locked { path },
            Some(8) => Self::ReadOnly { path },
            Some(11) => Self::Damaged { path, why },
            Some(13) => Self::Full { path },
            Some(3 | 14) => Self::CannotOpen { path, why },
            Some(26) => Self::NotADatabase { path },
            _ => Self::Other { path, why },
        }
    }

    pub(super) fn from_migration(path: &Path, error: &MigrateError) -> Self {
        match error {
            MigrateError::VersionMissing(version) => {
                Self::Newer { path: shown(path), version: *version }
            }
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => {
                Self::from_sqlx(path, error)
            }
            other => Self::Other { path: shown(path), why: other.to_string() },
        }
    }
}

/// The path as a person can use it.
pub(super) fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// The folder a file is in; `.` for a bare name.
pub(super) fn folder(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}
