//! Who asks an engine by HTTP: a page, a browser without scripts, a program.

use dozvon::core::ids::CampaignId;
use dozvon::tokens::{Scope, Tokens};
use jiff::Timestamp;
use reqwest::{Client, RequestBuilder, Response};
use serde_json::Value;

use crate::house::{House, Life};

/// The site of the house.
pub const SHOP: &str = "\n[sites.shop]\nkey = \"shop-4711\"\norigins = [\"https://shop.example\"]\nline = \"main\"\n\
    targets = [\"owner\", { group = \"sales\", order = \"in_turn\" }]\n\
    departments = { service = [{ employee = \"103\" }] }\ncountries = [\"RU\"]\nhoneypot = \"website\"\n\
    ring = \"5s\"\nretry = \"1s\"\ngive_up = \"4s\"\nclient_ring = \"10s\"\nclient_pause = \"1s\"\n\
    [sites.letters]\nkey = \"letters-4711\"\ncall = false\n";

/// Asks one engine.
pub struct Web<'l> {
    life: &'l Life,
    client: Client,
}

/// A form that was taken.
pub struct Ticket {
    pub id: CampaignId,
    pub status: String,
    pub events: String,
    pub cancel: String,
}

impl<'l> Web<'l> {
    pub fn of(life: &'l Life) -> Self {
        let none = reqwest::redirect::Policy::none();
        let client = dozvon::http::client().redirect(none).build().unwrap();
        Self { life, client }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.life.app.as_ref().unwrap().http)
    }

    pub fn ask(
        &self,
        what: impl FnOnce(&Client, &dyn Fn(&str) -> String) -> RequestBuilder,
    ) -> Got {
        let request = what(&self.client, &|path| self.url(path));
        self.life.block_on(async { Got::read(request.send().await.unwrap()).await })
    }

    pub fn get(&self, url: &str) -> Got {
        self.ask(|client, _| client.get(url))
    }

    /// What a script sends.
    pub fn send(&self, form: &Value) -> Got {
        self.ask(|client, url| {
            let origin = ("origin", "https://shop.example");
            client.post(url("/v1/callbacks")).header(origin.0, origin.1).json(form)
        })
    }

    /// A form that has to be taken.
    pub fn take(&self, form: &Value) -> Ticket {
        let got = self.send(form);
        assert_eq!(got.status, 202, "{}", got.text);
        let taken = got.json();
        let text = |key: &str| taken[key].as_str().unwrap().to_owned();
        let (id, status) = (text("id").as_str().into(), text("status"));
        Ticket { id, status, events: text("events"), cancel: text("cancel") }
    }

    /// The stages a page is told of, to the end of the callback.
    pub fn stages(&self, ticket: &Ticket) -> Vec<String> {
        let told = self.get(&ticket.events);
        assert_eq!(told.status, 200, "{}", told.text);
        told.text.lines().filter_map(|l| l.strip_prefix("event: ")).map(str::to_owned).collect()
    }

    /// As the CRM asks, with its token.
    pub fn call(&self, token: &str, path: &str, body: Option<&Value>) -> Got {
        self.ask(|client, url| {
            let request = match body {
                Some(body) => client.post(url(path)).json(body),
                None => client.post(url(path)),
            };
            request.header("authorization", format!("Bearer {token}"))
        })
    }

    pub fn metrics(&self) -> String {
        self.ask(|client, url| client.get(url("/metrics"))).text
    }

    /// A token of the API.
    pub fn token(&self, house: &House, scope: Scope) -> String {
        let tokens = Tokens::new(house.store.clone());
        house.block_on(tokens.make(scope.as_str(), &[scope], Timestamp::now())).unwrap()
    }
}

/// What came back.
pub struct Got {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub text: String,
}

impl Got {
    async fn read(response: Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Self { status, headers, text: response.text().await.unwrap() }
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|why| panic!("{why}: {}", self.text))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}
