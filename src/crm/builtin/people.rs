//! Actions on contacts and companies, and on what a deal shares with them: owner, tags, fields.

use std::collections::BTreeMap;

use super::apply::Fail;
use super::desk::{Desk, Spot, nobody, said};
use super::records::{self, NewContact, Of};
use crate::core::action::{Bound, Made, On, Touch};
use crate::core::ids::EmployeeId;
use crate::crm::Done;

impl Desk<'_> {
    pub(super) async fn contact(
        &mut self,
        name: &str,
        owner: &EmployeeId,
        tags: &[String],
        fields: &BTreeMap<String, String>,
    ) -> Result<Done, Fail> {
        // By number too, and inside this transaction: of two calls at once one makes it.
        if let Some(client) = self.client().await? {
            let what = format!("nothing: client {} is known", client.id);
            let bound = Bound { client: Some(client.id), ..Bound::default() };
            return Ok(Done { bound, what });
        }
        self.employee(owner).await?;
        let new = NewContact {
            name,
            owner: owner.as_str(),
            number: self.number(),
            tags,
            call: Some(self.call()),
            now: self.now,
        };
        let id = records::make_contact(self.db, &new).await?;
        records::set_fields(self.db, Of::Client(&id), Touch::Last, fields).await?;
        self.matters = true;
        let what = format!("made contact {id}");
        let client = Some(id.as_str().into());
        let made = Made { client: client.clone(), deal: None };
        Ok(Done { bound: Bound { client, made, ..Bound::default() }, what })
    }

    pub(super) async fn company(&mut self, name: &str) -> Result<Done, Fail> {
        let name = name.trim();
        if name.is_empty() {
            return Ok(said("nothing: the company has no name"));
        }
        let client = self.needed_client("a company").await?;
        let bound = Bound { client: Some(client.id.clone()), ..Bound::default() };
        let is_company: bool =
            sqlx::query_scalar("SELECT kind = 'company' FROM client WHERE id = ?")
                .bind(client.id.as_str())
                .fetch_one(&mut *self.db)
                .await?;
        if is_company {
            let what = format!("nothing: client {} is a company itself", client.id);
            return Ok(Done { bound, what });
        }
        if client.company.as_deref() == Some(name) {
            let what = format!("nothing: contact {} belongs to it", client.id);
            return Ok(Done { bound, what });
        }
        let call = self.call();
        let (company, made) = records::company(self.db, name, call, self.now).await?;
        sqlx::query("UPDATE client SET company = ? WHERE id = ?")
            .bind(&company)
            .bind(client.id.as_str())
            .execute(&mut *self.db)
            .await?;
        let spot = Spot { client: Some(client.id.to_string()), deal: None };
        self.record("company", &format!("belongs to {name}"), &spot).await?;
        self.matters = true;
        let made = if made { "made" } else { "found" };
        let what = format!("{made} company {company}, contact {} belongs to it", client.id);
        Ok(Done { bound, what })
    }

    pub(super) async fn change_owner(&mut self, of: On, to: &EmployeeId) -> Result<Done, Fail> {
        self.employee(to).await?;
        let spot = self.spot(of).await?;
        let (read, write, id) = match (&spot.deal, &spot.client) {
            (Some(deal), _) => (
                "SELECT owner FROM deal WHERE id = ?",
                "UPDATE deal SET owner = ? WHERE id = ?",
                deal.clone(),
            ),
            (None, Some(client)) => (
                "SELECT owner FROM client WHERE id = ?",
                "UPDATE client SET owner = ? WHERE id = ?",
                client.clone(),
            ),
            (None, None) => return Err(nobody("a change of owner")),
        };
        let was: Option<String> =
            sqlx::query_scalar(read).bind(&id).fetch_one(&mut *self.db).await?;
        if was.as_deref() == Some(to.as_str()) {
            return Ok(said(format!("nothing: {to} owns {} already", spot.words())));
        }
        sqlx::query(write).bind(to.as_str()).bind(&id).execute(&mut *self.db).await?;
        let was = was.unwrap_or_else(|| "nobody".to_owned());
        self.record("owner", &format!("owner of {}: {was} → {to}", spot.words()), &spot).await?;
        self.matters = true;
        Ok(said(format!("owner of {}: {was} → {to}", spot.words())))
    }

    pub(super) async fn reactivate(&mut self) -> Result<Done, Fail> {
        let client = self.needed_client("being active again").await?;
        let changed = sqlx::query("UPDATE client SET active = 1 WHERE id = ? AND active = 0")
            .bind(client.id.as_str())
            .execute(&mut *self.db)
            .await?
            .rows_affected();
        if changed == 0 {
            return Ok(said(format!("nothing: client {} is active", client.id)));
        }
        let spot = Spot { client: Some(client.id.to_string()), deal: None };
        self.record("active", "active again", &spot).await?;
        Ok(said(format!("client {} is active again", client.id)))
    }

    pub(super) async fn tag(&mut self, on: On, tags: &[String]) -> Result<Done, Fail> {
        let spot = self.spot(on).await?;
        let of = spot.of().ok_or_else(|| nobody("a tag"))?;
        let new = records::add_tags(self.db, of, tags).await?;
        Ok(said(match new {
            0 => format!("nothing: {} has these tags", spot.words()),
            new => format!("{} has {new} more tags", spot.words()),
        }))
    }

    pub(super) async fn fields(
        &mut self,
        on: On,
        touch: Touch,
        fields: &BTreeMap<String, String>,
    ) -> Result<Done, Fail> {
        let spot = self.spot(on).await?;
        let of = spot.of().ok_or_else(|| nobody("a field"))?;
        let written = records::set_fields(self.db, of, touch, fields).await?;
        Ok(said(match written {
            0 => format!("nothing: {} keeps its first values", spot.words()),
            written => format!("{written} fields of {} written", spot.words()),
        }))
    }
}

impl Spot {
    fn of(&self) -> Option<Of<'_>> {
        match (&self.deal, &self.client) {
            (Some(deal), _) => Some(Of::Deal(deal)),
            (None, Some(client)) => Some(Of::Client(client)),
            (None, None) => None,
        }
    }
}
