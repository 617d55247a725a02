//! Registers our telephony module in the account.

use std::collections::BTreeMap;

use serde_json::json;

use super::wire::{Installed, UserCode};
use super::{NAME, Retail};
use crate::core::staff::Number;
use crate::crm::remote::{Class, Fault};

/// Shown in the list of modules.
const TITLE: &str = "Dozvon";

/// What was registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Module {
    /// Its code.
    pub code: String,
    /// Extensions by user, as they stand there now.
    pub codes: BTreeMap<String, Vec<String>>,
    /// What the CRM said about users or shops it does not know.
    pub remarks: Vec<String>,
}

impl Retail {
    /// Registers it, or changes it. `base` is where the CRM reaches its addresses of ours,
    /// without `/` at its end; `client` tells this engine from others; `phones` are the
    /// company's numbers.
    ///
    /// The CRM replaces the whole list of extensions: those that were given there stay, and the
    /// configuration's are put over them.
    ///
    /// # Errors
    /// [`Fault`].
    pub async fn install(
        &self,
        base: &str,
        client: &str,
        phones: &[String],
    ) -> Result<Module, Fault> {
        let before = self.module().await?.map(|(_, telephony)| telephony.additional_codes);
        let mut codes: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for UserCode { user_id, code } in before.unwrap_or_default() {
            codes.entry(user_id).or_default().push(code);
        }
        for user in self.users_of(Class::Delivery).await? {
            let id = user.id.to_string();
            if !user.active {
                codes.remove(&id);
                continue;
            }
            let ours = self.numbers_of(&user);
            let line = ours.into_iter().flatten().find_map(|number| match number {
                Number::Line(extension) => Some(extension.to_string()),
                Number::Outside(_) => None,
            });
            codes.extend(line.map(|line| (id, vec![line])));
        }
        let mut telephony = json!({
            "makeCallUrl": format!("{base}/call"),
            "changeUserStatusUrl": format!("{base}/status"),
            "allowEdit": true,
            "inputEventSupported": true,
            "outputEventSupported": true,
            "hangupEventSupported": true,
            "additionalCodes": codes
                .iter()
                .flat_map(|(user, codes)| codes.iter().map(move |code| (user, code)))
                .map(|(user_id, code)| json!({ "userId": user_id, "code": code }))
                .collect::<Vec<_>>(),
        });
        if let Some(site) = &self.config.site {
            let phones = phones.iter().map(|p| json!({ "siteCode": site, "externalPhone": p }));
            telephony["externalPhones"] = phones.collect();
        }
        let page = base.split_inclusive('/').take(3).collect::<String>();
        let code = self.config.module.clone();
        let module = json!({
            "code": code,
            "integrationCode": code,
            "active": true,
            "name": TITLE,
            "clientId": client,
            "baseUrl": format!("{base}/"),
            "actions": { "activity": "activity" },
            // The other addresses hold a secret, and this one people open.
            "accountUrl": page,
            "integrations": { "telephony": telephony },
        })
        .to_string();
        let path = format!("integration-modules/{code}/edit");
        let form = [("integrationModule", module.as_str())];
        let answer: Installed = self.api.post(Class::Delivery, &path, &form).await?;
        let remarks = answer.info.into_iter().filter(|(name, value)| {
            name.starts_with("notExist") && value.as_array().is_none_or(|list| !list.is_empty())
        });
        let remarks = remarks.map(|(name, value)| format!("{NAME} says {name}: {value}")).collect();
        Ok(Module { code, codes, remarks })
    }
}
