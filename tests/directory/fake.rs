//! A CRM that does as it is told, and counts what it is asked.

use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use dozvon::core::client::{Client, Deal};
use dozvon::core::phone::{Phone, Region};
use dozvon::core::staff::{Employee, Status};
use dozvon::crm::{Changed, Crm, CrmError};
use dozvon::directory::{Directory, DirectoryConfig};
use dozvon::metrics::Metrics;

/// What the CRM does with the next requests.
#[derive(Clone)]
pub enum Does {
    Answers(Option<Client>),
    Fails,
    Denies,
    Panics,
}

pub struct Fake {
    does: Mutex<(Duration, Does)>,
    asked: AtomicUsize,
    staff: Mutex<Result<Vec<Employee>, CrmError>>,
    pub revision: AtomicI64,
    /// Looks at what changed: so far, and at once.
    pub looks: AtomicUsize,
    pub looking: AtomicUsize,
}

impl Fake {
    pub fn set(&self, after: Duration, does: Does) {
        *self.does.lock().unwrap() = (after, does);
    }

    pub fn set_staff(&self, staff: Result<Vec<Employee>, CrmError>) {
        *self.staff.lock().unwrap() = staff;
    }

    /// Look-ups so far.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Crm for Fake {
    fn name(&self) -> &'static str {
        "fake"
    }

    async fn find(&self, _: &Phone) -> Result<Option<Client>, CrmError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let (after, does) = self.does.lock().unwrap().clone();
        tokio::time::sleep(after).await;
        match does {
            Does::Answers(client) => Ok(client),
            Does::Fails => Err(CrmError::Fault("503 Service Unavailable".into())),
            Does::Denies => Err(CrmError::Access("it refuses our access: 401".into())),
            Does::Panics => panic!("a mistake in a CRM's code"),
        }
    }

    async fn employees(&self) -> Result<Vec<Employee>, CrmError> {
        self.staff.lock().unwrap().clone()
    }

    async fn revision(&self) -> Result<Option<i64>, CrmError> {
        Ok(Some(self.revision.load(Ordering::SeqCst)))
    }

    async fn changed(&self) -> Result<Changed, CrmError> {
        assert_eq!(self.looking.fetch_add(1, Ordering::SeqCst), 0, "one at a time");
        self.looks.fetch_add(1, Ordering::SeqCst);
        let after = self.does.lock().unwrap().0;
        tokio::time::sleep(after).await;
        self.looking.fetch_sub(1, Ordering::SeqCst);
        Ok(Changed::default())
    }
}

pub struct World {
    pub crm: Arc<Fake>,
    pub directory: Arc<Directory>,
    pub metrics: Arc<Metrics>,
}

impl World {
    pub fn new() -> Self {
        Self::with(DirectoryConfig::default())
    }

    pub fn with(config: DirectoryConfig) -> Self {
        let crm = Arc::new(Fake {
            does: Mutex::new((Duration::ZERO, Does::Answers(None))),
            asked: AtomicUsize::new(0),
            staff: Mutex::new(Ok(Vec::new())),
            revision: AtomicI64::new(1),
            looks: AtomicUsize::new(0),
            looking: AtomicUsize::new(0),
        });
        let metrics = Arc::new(Metrics::new().unwrap());
        let directory = Directory::new(crm.clone(), config, metrics.clone());
        Self { crm, directory, metrics }
    }

    /// How often look-ups ended this way.
    pub fn counted(&self, result: &str) -> u64 {
        self.metrics.lookups.with_label_values(&[result]).get()
    }
}

pub fn phone(last: u32) -> Phone {
    Phone::parse(&format!("+7916111{last:04}"), Region::default()).unwrap()
}

pub fn client(owner: &str, deal_owner: Option<&str>) -> Client {
    Client {
        id: "c1".into(),
        name: "Ольга".into(),
        company: None,
        owner: Some(owner.into()),
        choice: None,
        deals: deal_owner
            .map(|owner| Deal {
                id: "d1".into(),
                title: "Окна".into(),
                owner: Some(owner.into()),
                created: "2026-01-01T00:00:00Z".parse().unwrap(),
                open: true,
            })
            .into_iter()
            .collect(),
    }
}

pub fn employee(id: &str, status: Status) -> Employee {
    Employee {
        id: id.into(),
        name: id.into(),
        numbers: Vec::new(),
        groups: Vec::new(),
        deputy: None,
        status,
        online: None,
    }
}
