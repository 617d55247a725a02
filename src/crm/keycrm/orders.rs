//! Orders, where they are the deals.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::json;

use super::desk::{Desk, id_of};
use super::fields::Sorted;
use super::records::{comment, put_some};
use super::wire::{Id, Ref};
use crate::crm::ApplyError;
use crate::crm::remote::{afterwards, refused};

impl Desk<'_> {
    pub(super) async fn make_order(
        &self,
        (title, name): (&str, &str),
        owner: Option<Id>,
        stage: Option<&str>,
        tags: &[String],
        fields: &BTreeMap<String, String>,
    ) -> Result<(Id, String), ApplyError> {
        let Sorted { own, utm, rest } = self.crm.sorted(fields);
        let Some(source) = self.crm.config.source else {
            return Err(refused("KeyCRM makes no order without a source: set `source`"));
        };
        let (_, unknown) = self.order_tags(tags).await?;
        let full_name = if name.trim().is_empty() { self.number().unwrap_or(title) } else { name };
        let mut buyer = json!({ "full_name": full_name });
        put_some(&mut buyer, "phone", self.number().map(|number| json!(number)));
        let mut new = json!({
            "source_id": source, "source_uuid": self.mark(), "buyer": buyer,
            "manager_comment": comment(title, &unknown, rest.iter()),
        });
        put_some(&mut new, "manager_id", owner.map(|id| json!(id)));
        put_some(&mut new, "marketing", (!utm.is_empty()).then(|| json!(utm)));
        put_some(&mut new, "custom_fields", own);
        let made: Ref = self.crm.api.post("order", &new).await?;
        self.crm.keep_deal(made.id, None, self.number()).await;
        let mut what = format!("made order {}", made.id);
        // The order is there by now: it is looked for, not made again.
        self.dress_order(made.id, stage, tags, &mut what).await?;
        Ok((made.id, what))
    }

    /// Stage and tags of an order that is there already.
    pub(super) async fn dress_order(
        &self,
        order: Id,
        stage: Option<&str>,
        tags: &[String],
        what: &mut String,
    ) -> Result<(), ApplyError> {
        if let Some(stage) = stage {
            afterwards(self.move_order(order, stage).await, what, "its stage")?;
        }
        // What there is no tag for stands in its comment.
        let tagged = match self.order_tags(tags).await {
            Ok((known, _)) => self.tag_order(order, &known).await,
            Err(error) => Err(error),
        };
        afterwards(tagged, what, "its tags")
    }

    async fn move_order(&self, order: Id, stage: &str) -> Result<(), ApplyError> {
        let change = json!({ "status_id": id_of(stage, "status")? });
        let path = format!("order/{order}");
        Ok(self.crm.api.change(Method::PUT, &path, Some(&change)).await?)
    }

    /// Tags that there are, and words that are none.
    pub(super) async fn order_tags(
        &self,
        tags: &[String],
    ) -> Result<(Vec<Id>, Vec<String>), ApplyError> {
        let (mut known, mut unknown) = (Vec::new(), Vec::new());
        for tag in tags {
            match self.crm.by_name("order/tag", tag).await? {
                Some(id) => known.push(id),
                None => unknown.push(tag.clone()),
            }
        }
        Ok((known, unknown))
    }

    pub(super) async fn tag_order(&self, order: Id, tags: &[Id]) -> Result<(), ApplyError> {
        for tag in tags {
            let path = format!("order/{order}/tag/{tag}");
            self.crm.api.change(Method::POST, &path, None).await?;
        }
        Ok(())
    }
}
