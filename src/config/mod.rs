//! Configuration: defaults, then a file, then the environment. One struct per concern.
//!
//! The environment spells a key with two underscores between section and name:
//! `DOZVON_CALLS__LISTEN=0.0.0.0:8084`.

#![allow(clippy::result_large_err, reason = "made once, at start, and read by a person")]

mod error;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use figment::Figment;
use figment::providers::{Env, Format, Serialized, Toml};
use serde::{Deserialize, Serialize};

pub use error::ConfigError;

use crate::callback::CallbackConfig;
use crate::crm::config::Crms;
use crate::directory::DirectoryConfig;
use crate::directory::config::human_duration;
use crate::outbox::config::{JournalConfig, OutboxConfig, WebhookConfig};
use crate::recording::config::{RecordingConfig, wrong_url};
use crate::sales::SalesConfig;
use crate::switch::dial::Dial;
use crate::traces::TraceConfig;

/// The file that is read where none is named, if it exists.
pub const DEFAULT_FILE: &str = "dozvon.toml";
/// The environment's prefix.
pub const PREFIX: &str = "DOZVON_";

/// Everything that can be set.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Calls handed over by FreeSWITCH.
    pub calls: Calls,
    /// How numbers become endpoints.
    pub dial: Dial,
    /// FreeSWITCH nodes, for the control link. None: one on this machine, stock settings.
    pub node: Vec<Node>,
    /// Who is calling.
    pub directory: DirectoryConfig,
    /// CRMs behind HTTP, by name. None: the built-in one.
    pub crm: Crms,
    /// Where data is kept.
    pub store: Store,
    /// What occurred in calls, and for how long it is kept.
    pub journal: JournalConfig,
    /// How the CRM is told.
    pub outbox: OutboxConfig,
    /// How other systems are told.
    pub webhook: WebhookConfig,
    /// Callbacks.
    pub callbacks: CallbackConfig,
    /// Deals that were won go back to their source. Not there: nobody asks for them.
    pub sales: Option<SalesConfig>,
    /// Metrics and health.
    pub http: Http,
    /// Recordings of talks.
    pub recording: RecordingConfig,
    /// Rule files.
    pub rules: Rules,
    /// Logs.
    pub log: Log,
    /// Where traces go.
    pub traces: TraceConfig,
}

/// `[calls]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Calls {
    /// Where FreeSWITCH's `socket` application connects to.
    pub listen: SocketAddr,
    /// How long a connection may take to say who calls.
    #[serde(with = "human_duration::positive")]
    pub handshake: Duration,
    /// How long calls in hand may go on after a signal, before they are left to FreeSWITCH.
    #[serde(with = "human_duration")]
    pub drain: Duration,
}

impl Default for Calls {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8084)),
            handshake: Duration::from_secs(5),
            drain: Duration::from_secs(30),
        }
    }
}

/// `[[node]]`: a FreeSWITCH.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Node {
    /// Its name in logs and metrics.
    pub name: String,
    /// `host:port` of mod_event_socket.
    pub address: String,
    /// The password of event_socket.conf.xml.
    pub password: Secret,
    /// Connections to keep open.
    pub links: usize,
}

impl Default for Node {
    fn default() -> Self {
        Self {
            name: "local".into(),
            address: "127.0.0.1:8021".into(),
            password: Secret("ClueCon".into()),
            links: 2,
        }
    }
}

/// A text that is never printed.
#[derive(Clone, Serialize, Deserialize, PartialEq, Eq)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// The text itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

/// `[store]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Store {
    /// The SQLite file; made where it is missing.
    pub path: PathBuf,
}

impl Default for Store {
    fn default() -> Self {
        Self { path: PathBuf::from("dozvon.sqlite") }
    }
}

/// `[http]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Http {
    /// Where `/metrics`, `/healthz`, `/readyz` and recordings are served.
    pub listen: SocketAddr,
    /// The same as people reach it, for links. Not set: `http://` and `listen`.
    pub public_url: Option<String>,
    /// Proxies before `listen`, `10.0.0.0/8` or single addresses: only what they say of where a
    /// request came from (`X-Forwarded-For`) is believed.
    pub trusted_proxies: Vec<Proxy>,
}

/// An address or a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Proxy(ipnet::IpNet);

impl Proxy {
    /// Whether this address is one of them.
    pub fn holds(self, address: std::net::IpAddr) -> bool {
        self.0.contains(&address)
    }
}

impl TryFrom<String> for Proxy {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let single = || text.parse::<std::net::IpAddr>().map(ipnet::IpNet::from);
        let net = text.parse().or_else(|_| single());
        net.map(Self)
            .map_err(|_| format!("`{text}` is no address: write \"127.0.0.1\" or \"10.0.0.0/8\""))
    }
}

impl From<Proxy> for String {
    fn from(proxy: Proxy) -> Self {
        proxy.0.to_string()
    }
}

impl Default for Http {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            public_url: None,
            trusted_proxies: Vec::new(),
        }
    }
}

/// `[rules]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rules {
    /// The way of a call. Not set: `rules/routing.toml` if it exists, else the built-in one.
    pub routing: Option<PathBuf>,
    /// What the CRM learns: the name of a set, `rules/NAME.toml` if it exists, else the built-in
    /// one; or a path ending in `.toml`.
    pub set: String,
    /// Lines with a set of their own, by their names in `routing.toml`.
    pub lines: BTreeMap<String, String>,
    /// A set whose rulings are compared with the ones in force and never carried out.
    pub shadow: Option<String>,
}

impl Default for Rules {
    fn default() -> Self {
        let set = "amocrm-classic".into();
        Self { routing: None, set, lines: BTreeMap::new(), shadow: None }
    }
}

/// `[log]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// How lines are written.
    pub format: LogFormat,
    /// What is written: `info`, or by module `info,dozvon::switch=debug`.
    pub level: String,
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::Text, level: "info".into() }
    }
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One object a line.
    Json,
}

impl Config {
    /// Reads defaults, file and environment.
    ///
    /// # Errors
    /// [`ConfigError`] names file, line and key, with a hint.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        let path = file.map_or_else(|| PathBuf::from(DEFAULT_FILE), Path::to_path_buf);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if file.is_none() && error.kind() == std::io::ErrorKind::NotFound => {
                String::new()
            }
            Err(error) => return Err(ConfigError::unreadable(&path, &error)),
        };
        let config = Self::read(&path, &text, Env::prefixed(PREFIX).split("__"))?;
        config.check(&path, &text)?;
        Ok(config)
    }

    fn read(path: &Path, text: &str, env: Env) -> Result<Self, ConfigError> {
        // Verbs and tests have variables of their own with this prefix.
        let env = env.filter(|key| key.as_str().contains('.'));
        let figment = Figment::from(Serialized::defaults(Self::default()))
            .merge(Toml::string(text))
            .merge(env);
        figment.extract().map_err(|error| ConfigError::figment(path, text, error))
    }

    fn check(&self, path: &Path, text: &str) -> Result<(), ConfigError> {
        let mut wrong = Vec::new();
        if let Err(why) = self.dial.check() {
            wrong.push((vec!["dial".to_owned()], why));
        }
        if let Some(why) = self.http.public_url.as_deref().and_then(wrong_url) {
            wrong.push((vec!["http".to_owned(), "public_url".to_owned()], why));
        }
        for (key, why) in self.recording.check() {
            wrong.push((vec!["recording".to_owned(), key.to_owned()], why));
        }
        for (name, key, why) in crate::crm::config::check(&self.crm) {
            wrong.push((vec!["crm".to_owned(), name, key.to_owned()], why));
        }
        if let Some(sales) = self.sales() {
            wrong.extend(
                sales.check().map(|(key, why)| (vec!["sales".to_owned(), key.to_owned()], why)),
            );
            if !self.outbox.enabled {
                let why = "sales are found by the journal, which the outbox writes: set \
                           outbox.enabled to true, or sales.enabled to false";
                wrong.push((vec!["sales".to_owned(), "enabled".to_owned()], why.to_owned()));
            }
        }
        for (key, why) in self.traces.check() {
            wrong.push((vec!["traces".to_owned(), key.to_owned()], why));
        }
        for (index, node) in self.node.iter().enumerate() {
            let mut complain = |key: &str, why| {
                wrong.push((vec!["node".to_owned(), index.to_string(), key.to_owned()], why));
            };
            if self.node.iter().take(index).any(|other| other.name == node.name) {
                complain("name", format!("two nodes have the name `{}`", node.name));
            }
            let port = node.address.rsplit_once(':').map(|(_, port)| port.parse::<u16>());
            if !matches!(port, Some(Ok(_))) {
                let why = format!(
                    "node `{}` has the address `{}`: write host:port",
                    node.name, node.address
                );
                complain("address", why);
            }
        }
        if wrong.is_empty() { Ok(()) } else { Err(ConfigError::wrong(path, text, wrong)) }
    }

    /// `[sales]`, where it is switched on.
    pub fn sales(&self) -> Option<&SalesConfig> {
        self.sales.as_ref().filter(|sales| sales.enabled)
    }

    /// The nodes, or the one on this machine.
    pub fn nodes(&self) -> Vec<Node> {
        if self.node.is_empty() { vec![Node::default()] } else { self.node.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Config, ConfigError> {
        let path = Path::new("dozvon.toml");
        let config = Config::read(path, text, Env::prefixed("NOTHING_HAS_THIS_PREFIX_"))?;
        config.check(path, text)?;
        Ok(config)
    }

    #[test]
    fn it_works_with_no_file_at_all() {
        let config = read("").unwrap();
        assert_eq!(config.calls.listen.to_string(), "127.0.0.1:8084");
        assert_eq!(config.nodes()[0].address, "127.0.0.1:8021");
        assert_eq!(config.http.listen.to_string(), "127.0.0.1:8080");
    }

    #[test]
    fn a_wrong_key_is_named_with_file_and_line_and_a_hint() {
        let error =
            read("[calls]\nlisten = \"0.0.0.0:1\"\n\n[directory]\ndeadlin = \"1s\"\n").unwrap_err();
        let text = format!("{:?}", miette::Report::new(error));
        assert!(text.contains("dozvon.toml:5"), "{text}");
        assert!(text.contains("`deadline`"), "{text}");
    }

    #[test]
    fn a_wrong_value_is_named_with_file_and_line() {
        for (text, place, word) in [
            ("[calls]\nlisten = \"here\"\n", "dozvon.toml:2", "listen"),
            ("[calls]\ndrain = 5\n", "dozvon.toml:2", "drain"),
            ("[dial]\nline = \"user/101\"\n", "dozvon.toml:1", "{line}"),
            ("[[node]]\naddress = \"host\"\n", "dozvon.toml:2", "host:port"),
            ("[calls\n", "dozvon.toml:1", ""),
            ("[log]\nformat = \"jsn\"\n", "dozvon.toml:2", "`json`"),
            (
                "[[node]]\nname = \"a\"\n[[node]]\nadress = \"h:1\"\n",
                "dozvon.toml:4",
                "`node.1.adress`",
            ),
            ("[[node]]\nname = \"a\"\n[[node]]\nname = \"a\"\n", "dozvon.toml:4", "two nodes"),
            ("[[node]]\nname = \"a\"\n[[node]]\naddress = \"x\"\n", "dozvon.toml:4", "host:port"),
            ("[[nod]]\n", "dozvon.toml:1", "`node`"),
            ("[recording]\npath = \"/rec/{cal}.wav\"\n", "dozvon.toml:2", "`{call}`"),
            ("[recording]\nfolder = \"rec\"\n", "dozvon.toml:2", "begin with `/`"),
            ("[recording]\nsecret = \"short\"\n", "dozvon.toml:2", "openssl rand"),
            ("[recording]\nbase_url = \"rec.example\"\n", "dozvon.toml:2", "https://"),
            ("[http]\ntrusted_proxies = [\"here\"]\n", "dozvon.toml:2", "10.0.0.0/8"),
            ("[http]\npublic_url = \"pbx\"\n", "dozvon.toml:2", "https://"),
            ("[crm.shop]\nkind = \"retail\"\n", "dozvon.toml:2", "`retailcrm`"),
            (
                "[crm.a]\nkind = \"amocrm\"\nurl = \"http://a.amocrm.ru\"\ntoken = \"t\"\n",
                "dozvon.toml:3",
                "TLS only",
            ),
            (
                "[crm.a]\nkind = \"amocrm\"\nurl = \"https://a.amocrm.ru/api/v4\"\ntoken = \"t\"\n",
                "dozvon.toml:3",
                "without a path",
            ),
            (
                "[crm.a]\nkind = \"amocrm\"\nurl = \"https://a.amocrm.ru\"\n",
                "dozvon.toml:1",
                "`token_file`",
            ),
            (
                "[crm.a]\nkind = \"amocrm\"\nurl = \"https://a.amocrm.ru\"\nclient_id = \"i\"\n\
                 client_secret_file = \"key\"\n",
                "dozvon.toml",
                "`redirect_uri` is missing",
            ),
            (
                "[crm.a]\nkind = \"amocrm\"\nurl = \"https://a.amocrm.ru\"\ntokn = \"t\"\n",
                "dozvon.toml:4",
                "`token`",
            ),
            (
                "[crm.a]\nkind = \"amocrm\"\nurl = \"https://a.amocrm.ru\"\ntoken = \"t\"\n\
                 hook_secret = \"short\"\n",
                "dozvon.toml:5",
                "openssl rand",
            ),
            (
                "[crm.a]\nkind = \"amocrm\"\nurl = \"https://a.amocrm.ru\"\ntoken = \"t\"\n\
                 timeout = \"90s\"\n",
                "dozvon.toml:5",
                "30s at most",
            ),
            (
                "[crm.a]\nkind = \"amocrm\"\nurl = \"https://a.amocrm.ru\"\ntoken = \"t\"\n\
                 [crm.a.numbers]\n\"5\" = [\"somebody\"]\n",
                "dozvon.toml:5",
                "the numbers of 5",
            ),
            (
                "[crm.shop]\nkind = \"keycrm\"\nkey = \"k\"\ndeals = \"orders\"\n",
                "dozvon.toml",
                "without a source",
            ),
            (
                "[crm.shop]\nkind = \"retailcrm\"\nurl = \"http://x\"\nkey = \"k\"\n",
                "dozvon.toml:3",
                "https://",
            ),
            (
                "[crm.shop]\nkind = \"retailcrm\"\nurl = \"https://x.retailcrm.ru\"\n",
                "dozvon.toml:1",
                "key_file",
            ),
            (
                "[crm.shop]\nkind = \"retailcrm\"\nurl = \"https://x\"\nkye = \"k\"\n",
                "dozvon.toml:4",
                "key_file",
            ),
            (
                "[crm.a]\nkind = \"retailcrm\"\nurl = \"https://a\"\nkey = \"k\"\nlines = [\"m\"]\n\
                 [crm.b]\nkind = \"retailcrm\"\nurl = \"https://b\"\nkey = \"k\"\nlines = [\"m\"]\n",
                "dozvon.toml:10",
                "`a` already",
            ),
            ("[sales]\nat = \"25:00\"\n", "dozvon.toml:2", "03:00"),
            ("[sales]\nby_hand = \"newest\"\n", "dozvon.toml:2", "first, last"),
            ("[sales]\nwithin = \"0d\"\n", "dozvon.toml:2", "above zero"),
            ("[sales]\nfield = \" \"\n", "dozvon.toml:2", "communication_id"),
            ("[sales]\nfeild = \"x\"\n", "dozvon.toml:2", "`field`"),
            ("[outbox]\nenabled = false\n[sales]\n", "dozvon.toml:3", "journal"),
            ("[traces]\nendpoint = \"tempo:4318\"\n", "dozvon.toml:2", "https://"),
            ("[traces]\nratio = 10\n", "dozvon.toml:2", "every tenth"),
            ("[traces.headers]\n\"a b\" = \"c\"\n", "dozvon.toml:1", "`a b`"),
        ] {
            let error = format!("{:?}", miette::Report::new(read(text).unwrap_err()));
            assert!(error.contains(place) && error.contains(word), "{text:?}: {error}");
        }
    }

    #[test]
    fn sales_are_asked_for_where_the_section_is_there_and_on() {
        assert!(read("").unwrap().sales().is_none());
        assert!(read("[sales]\nenabled = false\n").unwrap().sales().is_none());
        let config = read("[sales]\nat = \"04:30\"\n").unwrap();
        let sales = config.sales().unwrap();
        assert_eq!(sales.at, jiff::civil::time(4, 30, 0, 0));
        assert_eq!(sales.field, "communication_id");
    }

    #[test]
    fn an_amocrm_account_is_entered_by_either_kind_of_token() {
        let with = |rest: &str| {
            read(&format!("[crm.a]\nkind = \"amocrm\"\nurl = \"https://a.amocrm.ru\"\n{rest}"))
        };
        for good in [
            "token = \"t\"\n",
            "token_file = \"token\"\n",
            // What stands in the environment goes before the file.
            "token = \"t\"\ntoken_file = \"token\"\n",
            "client_id = \"i\"\nclient_secret = \"s\"\nredirect_uri = \"https://x\"\n",
            // The key is for the buttons of its pages.
            "token_file = \"token\"\nclient_secret_file = \"key\"\n",
            "token = \"t\"\ncreate_fields = true\n",
            "token = \"t\"\ncreate_fields = [\"roistat\"]\n",
        ] {
            with(good).unwrap();
        }
    }

    #[test]
    fn a_password_is_never_printed() {
        let text = "[[node]]\npassword = \"hush\"\n[traces.headers]\nauthorization = \"hush\"\n";
        let config = read(text).unwrap();
        assert!(!format!("{config:?}").contains("hush"));
    }
}
