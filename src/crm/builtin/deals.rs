//! Deals.

use std::collections::BTreeMap;

use super::apply::Fail;
use super::desk::{Desk, said};
use super::records::{self, NewDeal, PIPELINE, STAGE};
use crate::core::action::{Bound, Made};
use crate::core::case::DealFact;
use crate::core::ids::EmployeeId;
use crate::crm::Done;

impl Desk<'_> {
    pub(super) async fn deal(
        &mut self,
        title: &str,
        owner: &EmployeeId,
        (pipeline, stage): (Option<&str>, Option<&str>),
        tags: &[String],
        fields: &BTreeMap<String, String>,
    ) -> Result<Done, Fail> {
        if let Some(made) = &self.work.bound.deal
            && self.held(made).await?.is_some()
        {
            return Ok(said(format!("nothing: this call made deal {made}")));
        }
        let client = self.needed_client("a deal").await?;
        // The rules were told of none; another call of the client was quicker.
        if self.work.case.deal_fact() != DealFact::Open
            && let Some(open) = client.open_deal()
        {
            let what = format!("nothing: deal {} was opened meanwhile", open.id);
            let deal = Some(open.id.clone());
            let bound = Bound { client: Some(client.id), deal, ..Bound::default() };
            return Ok(Done { bound, what });
        }
        self.employee(owner).await?;
        let new = NewDeal {
            client: client.id.as_str(),
            title,
            owner: owner.as_str(),
            pipeline: pipeline.unwrap_or(PIPELINE),
            stage: stage.unwrap_or(STAGE),
            tags,
            fields,
            call: Some(self.call()),
            now: self.now,
        };
        let id = records::make_deal(self.db, &new).await?;
        self.matters = true;
        let what = format!("made deal {id}");
        let deal = Some(id.as_str().into());
        let made = Made { client: None, deal: deal.clone() };
        Ok(Done { bound: Bound { client: Some(client.id), deal, made, ..Bound::default() }, what })
    }
}
