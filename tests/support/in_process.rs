//! An engine in the test's own process, on free ports, with a CRM in memory.

#![allow(clippy::unwrap_used, dead_code, reason = "every test uses a part of it")]

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use dozvon::app::App;
use dozvon::config::{Config, Node};
use dozvon::core::case::{Clerk, NoClerk};
use dozvon::core::client::{Client, Deal};
use dozvon::core::ids::{EmployeeId, Extension};
use dozvon::core::phone::{Phone, Region};
use dozvon::core::record::CallRecord;
use dozvon::core::staff::{Employee, Number, Status};
use dozvon::crm::{Crm, CrmError};
use dozvon::rules::Routing;
use dozvon::switch::engine::CallNews;
use tokio::sync::broadcast;

/// Clients by number, employees by extension: 101 to 106, ids e101 to e106.
#[derive(Default)]
pub struct MemoryCrm {
    clients: HashMap<Phone, Client>,
    mobiles: HashMap<u32, Phone>,
}

impl MemoryCrm {
    /// A client with an open deal of this employee.
    pub fn client(mut self, phone: &str, name: &str, owner: &str) -> Self {
        let deal = Deal {
            id: format!("deal of {phone}").as_str().into(),
            title: String::new(),
            owner: Some(owner.into()),
            created: "2026-01-01T00:00:00Z".parse().unwrap(),
            open: true,
        };
        let client = Client {
            id: phone.into(),
            name: name.into(),
            company: None,
            owner: Some(owner.into()),
            deals: vec![deal],
            choice: None,
        };
        self.clients.insert(self::phone(phone), client);
        self
    }

    /// The employee with this extension has a mobile as well.
    pub fn mobile(mut self, line: u32, phone: &str) -> Self {
        self.mobiles.insert(line, self::phone(phone));
        self
    }
}

#[async_trait]
impl Crm for MemoryCrm {
    fn name(&self) -> &'static str {
        "memory"
    }

    async fn find(&self, phone: &Phone) -> Result<Option<Client>, CrmError> {
        Ok(self.clients.get(phone).cloned())
    }

    async fn employees(&self) -> Result<Vec<Employee>, CrmError> {
        let employee = |line: u32| Employee {
            id: EmployeeId::new(format!("e{line}")),
            name: format!("Employee {line}"),
            numbers: std::iter::once(Number::Line(Extension::parse(&line.to_string()).unwrap()))
                .chain(self.mobiles.get(&line).cloned().map(Number::Outside))
                .collect(),
            groups: vec!["sales".into()],
            deputy: None,
            status: Status::Active,
            online: None,
        };
        Ok((101..=106).map(employee).collect())
    }
}

/// A number, or the test is wrong.
pub fn phone(text: &str) -> Phone {
    Phone::parse(text, Region::default()).unwrap()
}

fn config(control: Option<SocketAddr>) -> Config {
    let mut config = Config::default();
    config.calls.listen = SocketAddr::from(([127, 0, 0, 1], 0));
    config.calls.handshake = Duration::from_secs(2);
    config.http.listen = config.calls.listen;
    // They would need a store of their own.
    config.callbacks.enabled = false;
    // Port 9 is nobody's: the link stays down.
    let address = control.map_or_else(|| "127.0.0.1:9".to_owned(), |a| a.to_string());
    config.node = vec![Node { address, ..Node::default() }];
    config
}

/// A running engine.
pub struct Engine {
    pub app: App,
    news: broadcast::Receiver<CallNews>,
}

impl Engine {
    /// With this CRM and the shipped rules, without a control link.
    pub async fn start(crm: impl Crm + 'static) -> Self {
        Self::start_with(crm, Routing::default_rules().unwrap(), None).await
    }

    /// With these rules, and a control link to this address.
    pub async fn start_with(
        crm: impl Crm + 'static,
        rules: Routing,
        control: Option<SocketAddr>,
    ) -> Self {
        Self::start_told(crm, rules, control, Arc::new(NoClerk)).await
    }

    /// With somebody who takes the cases down.
    pub async fn start_told(
        crm: impl Crm + 'static,
        rules: Routing,
        control: Option<SocketAddr>,
        clerk: Arc<dyn Clerk>,
    ) -> Self {
        let calls = SocketAddr::from(([127, 0, 0, 1], 0));
        Self::start_at(calls, crm, rules, control, clerk).await
    }

    /// With an address of its own for calls.
    pub async fn start_at(
        calls: SocketAddr,
        crm: impl Crm + 'static,
        rules: Routing,
        control: Option<SocketAddr>,
        clerk: Arc<dyn Clerk>,
    ) -> Self {
        let mut config = config(control);
        config.calls.listen = calls;
        Self::start_as(&config, crm, rules, clerk).await
    }

    /// With more in its configuration.
    pub async fn start_configured(
        crm: impl Crm + 'static,
        rules: Routing,
        change: impl FnOnce(&mut Config),
    ) -> Self {
        let mut config = config(None);
        change(&mut config);
        Self::start_as(&config, crm, rules, Arc::new(NoClerk)).await
    }

    async fn start_as(
        config: &Config,
        crm: impl Crm + 'static,
        rules: Routing,
        clerk: Arc<dyn Clerk>,
    ) -> Self {
        let app = App::start_with(config, Arc::new(crm), rules, clerk).await.unwrap();
        let news = app.engine.news.subscribe();
        Self { app, news }
    }

    /// The next record.
    pub async fn record(&mut self) -> Arc<CallRecord> {
        let next = async {
            loop {
                if let CallNews::Closed(record) = self.news.recv().await.unwrap() {
                    return record;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(60), next).await.unwrap()
    }

    /// One line of `/metrics`, by its whole name and labels.
    pub fn metric(&self, name: &str) -> f64 {
        let text = self.app.engine.metrics.render();
        let line = text.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(' '));
        line.map_or(0.0, |value| value.parse().unwrap())
    }

    /// Waits until a metric has this value.
    pub async fn until_metric(&self, name: &str, value: f64) {
        let reached = async {
            while self.metric(name) != value {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(30), reached).await;
        assert!(waited.is_ok(), "{name} is {}, not {value}", self.metric(name));
    }
}
