//! The way of a request: its token, and what came back.

use std::sync::Arc;

use form_urlencoded::Serializer;
use reqwest::{Method, RequestBuilder, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::tokens::{Token, Tokens};
use super::wire::{List, Problem};
use crate::crm::remote::{Answer, Class, Fault, Remote, quiet};

/// Requests to one account.
pub(super) struct Api {
    remote: Arc<Remote>,
    pub tokens: Tokens,
    base: Url,
}

/// Keys and values of a query.
pub(super) type Query<'a> = &'a [(&'a str, &'a str)];

impl Api {
    pub(super) fn new(remote: Arc<Remote>, tokens: Tokens, base: Url) -> Self {
        Self { remote, tokens, base }
    }

    /// `None`: there is none. amoCRM says 204 to an empty list and to a missing record, and 404
    /// at times.
    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        class: Class,
        path: &str,
        query: Query<'_>,
    ) -> Result<Option<T>, Fault> {
        let request = self.request(Method::GET, path, query)?;
        match self.send(class, request).await {
            Ok(answer) => answer.json_if_any(),
            Err(Fault::Refused { status: 404, .. }) => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// One page of a list; no page is an empty one.
    pub(super) async fn list<T: DeserializeOwned>(
        &self,
        class: Class,
        path: &str,
        query: Query<'_>,
    ) -> Result<Vec<T>, Fault> {
        Ok(self.get::<List<T>>(class, path, query).await?.map(List::items).unwrap_or_default())
    }

    /// All pages of a list. A 504 says that they are too large.
    pub(super) async fn all<T: DeserializeOwned>(
        &self,
        class: Class,
        path: &str,
        query: Query<'_>,
    ) -> Result<Vec<T>, Fault> {
        match self.pages(class, path, query, super::PAGE).await {
            Err(Fault::Later { why, .. }) if why.starts_with("amoCRM answered 504") => {
                self.pages(class, path, query, super::SMALL_PAGE).await
            }
            all => all,
        }
    }

    async fn pages<T: DeserializeOwned>(
        &self,
        class: Class,
        path: &str,
        query: Query<'_>,
        size: &str,
    ) -> Result<Vec<T>, Fault> {
        let mut all = Vec::new();
        for page in 1..=super::PAGES {
            let page = page.to_string();
            let mut query = query.to_vec();
            query.extend([("page", page.as_str()), ("limit", size)]);
            let Some(list) = self.get::<List<T>>(class, path, &query).await? else { break };
            let more = list.has_next();
            all.extend(list.items());
            if !more {
                break;
            }
        }
        Ok(all)
    }

    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<Option<T>, Fault> {
        let request = self.request(Method::POST, path, &[])?.json(body);
        self.send(Class::Delivery, request).await?.json_if_any()
    }

    /// The records that were made, in order. None at all is no answer.
    pub(super) async fn make<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, Fault> {
        let made: Option<List<T>> = self.post(path, body).await?;
        let first = made.and_then(|list| list.items().into_iter().next());
        first.ok_or_else(|| Fault::Strange("it does not say what it made".to_owned()))
    }

    pub(super) async fn patch(&self, path: &str, body: &impl Serialize) -> Result<(), Fault> {
        let request = self.request(Method::PATCH, path, &[])?.json(body);
        self.send(Class::Delivery, request).await.map(drop)
    }

    /// What the answer says of what is gone nobody needs.
    pub(super) async fn delete(&self, path: &str, body: &impl Serialize) -> Result<(), Fault> {
        let request = self.request(Method::DELETE, path, &[])?.json(body);
        self.send(Class::Delivery, request).await.map(drop)
    }

    /// A request whose answer says nothing.
    pub(super) async fn tell(&self, path: &str, body: &impl Serialize) -> Result<(), Fault> {
        let request = self.request(Method::POST, path, &[])?.json(body);
        let token = self.tokens.get(Class::Delivery).await.map_err(unsent)?;
        let again = request.try_clone();
        let send = |request: RequestBuilder, token: Token| {
            self.remote.send_unread(Class::Delivery, request.bearer_auth(token.secret.reveal()))
        };
        match (send(request, token.clone()).await, again) {
            (Err(Fault::Access(_)), Some(again)) => {
                let token = self.tokens.renew(Class::Delivery, &token).await.map_err(unsent)?;
                send(again, token).await.map_err(plain)
            }
            (told, _) => told.map_err(plain),
        }
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        query: Query<'_>,
    ) -> Result<RequestBuilder, Fault> {
        let mut address =
            self.base.join(path).map_err(|error| Fault::Unreachable(error.to_string()))?;
        if !query.is_empty() {
            let query = Serializer::new(String::new()).extend_pairs(query).finish();
            address.set_query(Some(&query));
        }
        Ok(self.remote.client().request(method, address))
    }

    /// 401: the token is renewed once, and the request sent once more.
    async fn send(&self, class: Class, request: RequestBuilder) -> Result<Answer, Fault> {
        let token = self.tokens.get(class).await.map_err(unsent)?;
        let again = request.try_clone();
        let send = |request: RequestBuilder, token: Token| {
            self.remote.send(class, request.bearer_auth(token.secret.reveal()))
        };
        match (send(request, token.clone()).await, again) {
            (Err(Fault::Access(_)), Some(again)) => {
                let token = self.tokens.renew(class, &token).await.map_err(unsent)?;
                send(again, token).await.map_err(plain)
            }
            (answer, _) => answer.map_err(plain),
        }
    }
}

/// Without a token nothing was sent, however the question for one ended.
fn unsent(fault: Fault) -> Fault {
    match fault {
        Fault::Lost(why) | Fault::Strange(why) => {
            Fault::Later { after: None, why: format!("there is no token: {why}") }
        }
        other => other,
    }
}

/// The same fault in words a person can read.
fn plain(fault: Fault) -> Fault {
    match fault {
        Fault::Refused { status, body, .. } => {
            Fault::Refused { status, why: told(status, &body), body }
        }
        other => other,
    }
}

/// What a refusal says: `amoCRM answered 400: Request validation failed; name: …`.
pub(super) fn told(status: u16, body: &[u8]) -> String {
    let problem: Problem = serde_json::from_slice(body).unwrap_or_default();
    let mut said = vec![match problem.detail.is_empty() {
        true => problem.title,
        false => problem.detail,
    }];
    said.push(problem.hint);
    for error in problem.validation.into_iter().flat_map(|invalid| invalid.errors) {
        let text = if error.detail.is_empty() { error.code } else { error.detail };
        said.push(format!("{}: {text}", error.path));
    }
    said.retain(|text| !text.is_empty());
    match said.is_empty() {
        true => format!("amoCRM answered {status}"),
        false => quiet(&format!("amoCRM answered {status}: {}", said.join("; "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_told_in_words_and_without_a_whole_number() {
        let body = r#"{"title":"Bad Request","detail":"Request validation failed","validation-errors":
            [{"request_id":"0","errors":[{"code":"NotSupportedChoice","path":"0.phone",
            "detail":"+79129876543 is wrong"}]}]}"#;
        assert_eq!(
            told(400, body.as_bytes()),
            "amoCRM answered 400: Request validation failed; 0.phone: +7912***6543 is wrong"
        );
        assert_eq!(told(404, b"<html>"), "amoCRM answered 404");
    }
}
