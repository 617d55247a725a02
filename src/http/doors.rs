//! What the doors of callbacks need: who takes orders, the rules and the staff of this moment, the
//! key of the clients' tokens.

use std::sync::Arc;

use tokio::sync::Semaphore;

use super::callbacks::limits::Limits;
use super::crm::Caller;
use crate::callback::Callbacks;
use crate::config::{Http, Proxy};
use crate::core::staff::Staff;
use crate::recording::Key;
use crate::rules::Routing;
use crate::switch::engine::Engine;

/// Pages that may follow their callbacks at once: each holds a connection.
const STREAMS: usize = 2000;

/// The rules in force and the employees, as of now.
pub type Now = Arc<dyn Fn() -> (Arc<Routing>, Arc<Staff>) + Send + Sync>;

/// The employees of the CRM that serves a line, as of now.
type StaffOf = Arc<dyn Fn(Option<&str>) -> Arc<Staff> + Send + Sync>;

/// Where forms and buttons come in.
pub struct Doors {
    pub(super) callbacks: Arc<dyn Callbacks>,
    pub(super) key: Key,
    pub(super) public_url: String,
    pub(super) proxies: Vec<Proxy>,
    pub(super) limits: Limits,
    pub(super) streams: Arc<Semaphore>,
    pub(super) crms: Vec<Caller>,
    now: Now,
    /// `None`: one CRM serves all lines.
    staff_of: Option<StaffOf>,
}

impl Doors {
    /// `public_url` is how people reach this engine, without a `/` at its end; the clients'
    /// tokens are signed with `key`.
    pub fn new(
        callbacks: Arc<dyn Callbacks>,
        now: Now,
        key: Key,
        public_url: &str,
        config: &Http,
    ) -> Self {
        Self {
            callbacks,
            key,
            public_url: public_url.trim_end_matches('/').to_owned(),
            proxies: config.trusted_proxies.clone(),
            limits: Limits::default(),
            streams: Arc::new(Semaphore::new(STREAMS)),
            crms: Vec::new(),
            now,
            staff_of: None,
        }
    }

    /// The doors of an engine: its rules and its employees, as they are when a form comes.
    pub fn of_engine(
        callbacks: Arc<dyn Callbacks>,
        engine: &Arc<Engine>,
        key: Key,
        public_url: &str,
        config: &Http,
    ) -> Self {
        let (engine, directory) = (engine.clone(), engine.directory.clone());
        let now = Arc::new(move || (engine.rules.load_full(), engine.directory.staff()));
        let staff_of: StaffOf = Arc::new(move |line: Option<&str>| directory.of(line).staff());
        let doors = Self::new(callbacks, now, key, public_url, config);
        Self { staff_of: Some(staff_of), ..doors }
    }

    /// These CRMs may call.
    #[must_use]
    pub fn with_crms(self, crms: Vec<Caller>) -> Self {
        Self { crms, ..self }
    }

    pub(super) fn now(&self) -> (Arc<Routing>, Arc<Staff>) {
        (self.now)()
    }

    /// Who works in the CRM of this line.
    pub(super) fn staff(&self, line: Option<&str>) -> Arc<Staff> {
        self.staff_of.as_ref().map_or_else(|| self.now().1, |staff_of| staff_of(line))
    }

    /// Our own pages: the demo and the page to try the API.
    pub(super) fn is_own(&self, origin: &str) -> bool {
        let rest = self.public_url.strip_prefix(origin);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// Whether a page from there may read our answers: one of any site, or our own.
    pub(super) fn knows(&self, origin: &str) -> bool {
        let (rules, _) = self.now();
        let named = rules.sites().any(|site| site.origins.iter().any(|own| own == origin));
        named || self.is_own(origin)
    }
}
