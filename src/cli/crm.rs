//! `dozvon crm`: the built-in CRM's records, and other CRMs that learn of this engine.

mod install;
mod login;
mod records;

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use jiff::Timestamp;
use miette::{Diagnostic, IntoDiagnostic, miette};

use self::records::{How, Record, Records};
use super::out::print;
use crate::config::Config;
use crate::core::phone::{Phone, Region};
use crate::core::staff::{Employee, Number, Status};
use crate::crm::Crm;
use crate::crm::builtin::Builtin;
use crate::crm::builtin::import::{Format, ImportError, import};
use crate::store::Store;

/// `dozvon crm`
#[derive(Debug, clap::Args)]
pub struct CrmArgs {
    #[command(subcommand)]
    verb: CrmVerb,
}

#[derive(Debug, clap::Subcommand)]
enum CrmVerb {
    /// Give the engine access to an account of amoCRM, and have it tell us changes.
    Login(login::LoginArgs),
    /// Take employees, clients and deals over from a CSV or TOML file: all of it or nothing.
    Import {
        /// A table with the columns kind, id, name, numbers, company, client, owner, groups,
        /// deputy, status, leave_until, online, created (.csv), or [[employee]], [[contact]],
        /// [[company]], [[deal]] with the same keys (.toml).
        #[arg(value_name = "FILE.csv|FILE.toml")]
        file: PathBuf,
        /// The country whose numbers are written without a country code.
        #[arg(long, default_value = "RU")]
        region: Region,
    },
    /// Register this engine in a CRM behind HTTP: buttons, statuses, pop-ups.
    Install {
        /// Its name in the configuration, or its kind: retailcrm.
        crm: String,
    },
    /// Show records. Without a kind: the employees, and how many clients and deals there are.
    List {
        /// Which.
        what: Option<Records>,
        /// Only what belongs to this number.
        #[arg(long, requires = "what", allow_hyphen_values = true)]
        number: Option<String>,
        /// At most so many.
        #[arg(long, default_value_t = 50)]
        limit: u32,
        /// JSON instead of a table.
        #[arg(long)]
        json: bool,
    },
    /// Show a record and all that hangs on it, in order of time.
    Show {
        /// Of which kind.
        what: Record,
        /// Its id.
        id: String,
        /// JSON instead of text.
        #[arg(long)]
        json: bool,
    },
    /// Make contact and deal of an unsorted entry.
    Accept {
        /// Its id.
        id: i64,
        /// Who is responsible for both: an employee's id.
        #[arg(long)]
        owner: String,
    },
    /// Let nothing become of an unsorted entry.
    Decline {
        /// Its id.
        id: i64,
    },
    /// A deal is won.
    CloseDeal {
        /// Its id.
        id: String,
        /// Or lost.
        #[arg(long)]
        lost: bool,
    },
    /// A task is done.
    Done {
        /// Its id.
        id: i64,
    },
    /// A notification was read.
    Read {
        /// Its id.
        id: i64,
    },
    /// A contact or company is not found by its numbers any more. Its history stays.
    Delete {
        /// Of which kind.
        what: Deletable,
        /// Its id.
        id: String,
    },
    /// Nothing goes on with a contact any more, until it is active again.
    Deactivate {
        /// Its id.
        id: String,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Deletable {
    Contact,
}

/// What is wrong with the file as such.
#[derive(Debug, thiserror::Error, Diagnostic)]
enum FileError {
    #[error("{0} is neither a .csv nor a .toml file")]
    #[diagnostic(help("name the file by what is in it: clients.csv or clients.toml"))]
    Ending(String),
    #[error("{0} cannot be read: {1}")]
    #[diagnostic(help("see that the name is right and that this user may read the file"))]
    Unreadable(String, std::io::Error),
}

impl CrmArgs {
    /// Runs the verb, most of them on the store.
    ///
    /// # Errors
    /// What is wrong with the file or the store. The lines of a file to correct are printed to
    /// standard error before, each as `file:line: what is wrong; what to do`.
    pub async fn run(self, config: &Config) -> miette::Result<()> {
        let store_path = config.store.path.as_path();
        match self.verb {
            CrmVerb::Login(args) => args.run(config).await,
            CrmVerb::Install { crm } => install::install(config, &crm).await,
            CrmVerb::Import { file, region } => take_over(store_path, &file, region).await,
            verb => {
                let crm = Builtin::new(Store::open_existing(store_path).await?);
                verb.on(&crm).await
            }
        }
    }
}

impl CrmVerb {
    /// Everything but the import: with records that are there.
    async fn on(self, crm: &Builtin) -> miette::Result<()> {
        let said = match self {
            Self::Import { .. } | Self::Login(_) | Self::Install { .. } => return Ok(()),
            Self::List { what: None, json: true, .. } => return records::overview(crm).await,
            Self::List { what: None, .. } => return list(crm).await,
            Self::List { what: Some(what), number, limit, json } => {
                let number = number.map(|text| phone(&text)).transpose()?;
                let how = How { number: number.as_ref(), limit, json };
                return records::list(crm, what, &how).await;
            }
            Self::Show { what, id, json } => return records::show(crm, what, &id, json).await,
            Self::Accept { id, owner } => crm.accept(id, &owner, Timestamp::now()).await?,
            Self::Decline { id } => crm.decline(id).await?,
            Self::CloseDeal { id, lost } => crm.close_deal(&id, lost, Timestamp::now()).await?,
            Self::Done { id } => crm.complete_task(id).await?,
            Self::Read { id } => crm.read_notification(id).await?,
            Self::Delete { what: Deletable::Contact, id } => crm.delete_client(&id).await?,
            Self::Deactivate { id } => crm.deactivate_client(&id).await?,
        };
        print(&(said + "\n"))
    }
}

/// A number as a person writes it.
fn phone(text: &str) -> miette::Result<Phone> {
    Phone::parse(text, Region::default())
        .map_err(|error| miette!(help = "write it like +79161234567", "--number: {error}"))
}

async fn take_over(store_path: &Path, file: &Path, region: Region) -> miette::Result<()> {
    let name = file.display().to_string();
    let format = Format::of(file).ok_or_else(|| FileError::Ending(name.clone()))?;
    let bytes = match tokio::fs::read(file).await {
        Ok(bytes) => bytes,
        Err(error) => return Err(FileError::Unreadable(name, error).into()),
    };
    let store = Store::open(store_path).await?;
    let result = import(&store, &name, format, &bytes, region, Timestamp::now()).await;
    if let Err(ImportError::Refused { problems, .. }) = &result {
        for problem in problems {
            eprintln!("{problem}");
        }
    }
    let report = result?;
    print(&format!("{report}\n"))?;
    if !report.changed_anything() {
        print(&format!("the store {} already had all of it\n", store.path().display()))?;
    }
    Ok(())
}

async fn list(crm: &Builtin) -> miette::Result<()> {
    for employee in crm.employees().await.into_diagnostic()? {
        print(&(line(&employee) + "\n"))?;
    }
    let counts = crm.counts().await.into_diagnostic()?;
    print(&format!(
        "contacts: {}, companies: {}, open deals: {}, closed deals: {}\n",
        counts.contacts, counts.companies, counts.open_deals, counts.closed_deals
    ))
}

/// Whole numbers: this is asked for, and no log.
fn line(employee: &Employee) -> String {
    let numbers: Vec<&str> = employee
        .numbers
        .iter()
        .map(|number| match number {
            Number::Line(extension) => extension.as_str(),
            Number::Outside(phone) => phone.e164(),
        })
        .collect();
    let status = match employee.status {
        Status::Active => "active".to_owned(),
        Status::OnLeave(until) => {
            let until = until.map(|day| format!(" until {day}")).unwrap_or_default();
            let deputy = employee.deputy.as_ref().map(|id| format!(", deputy {id}"));
            format!("on leave{until}{}", deputy.unwrap_or_default())
        }
        Status::Gone => "gone".to_owned(),
    };
    let (id, name, groups) = (employee.id.as_str(), &employee.name, employee.groups.join(", "));
    format!("{id:<8} {name:<24} {:<24} {groups:<16} {status}", numbers.join(", "))
        .trim_end()
        .to_owned()
}

#[cfg(test)]
mod tests;
