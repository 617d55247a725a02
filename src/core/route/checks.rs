//! What is looked at before anybody is rung: the caller, blocked numbers, the client, the hours.

use std::sync::Arc;

use super::Way;
use crate::core::calendar::{Because, Calendar};
use crate::core::client::{Lookup, Source};
use crate::core::phone::Caller;
use crate::core::plan::HangupCause;
use crate::core::trace::{Fallback, Place, Verdict};
use crate::rules::model::Line;

impl<'r> Way<'r, '_> {
    pub(super) fn between_employees(&mut self, why: &str) {
        self.out.internal = true;
        self.out.fallback = Some(Fallback::Employee);
        let mut why = format!("{why}: it is internal and not registered (E02)");
        if let Some(caller) = &self.caller {
            self.out.caller_name = Some(Arc::from(caller.name.as_str()));
            why = format!("{}: {why}", caller.name);
        }
        self.note("caller", why, None);
    }

    pub(super) fn blocked(&mut self) -> bool {
        let blocked = &self.rules.blocked;
        let found = match self.facts.from {
            Caller::Phone(phone) => blocked.numbers.get(phone).or_else(|| {
                let begins = |p: &&(String, Place)| phone.e164().starts_with(&p.0);
                blocked.prefixes.iter().find(begins).map(|(_, place)| place)
            }),
            Caller::Anonymous => blocked.anonymous.as_ref(),
            Caller::Extension(_) | Caller::Unreadable(_) => None,
        };
        let Some(place) = found else {
            self.note("blocked", format!("{} is not blocked", self.facts.from), None);
            return false;
        };
        self.out.fallback = Some(Fallback::Blocked);
        let why = format!("{} is blocked", self.facts.from);
        self.push("blocked", Verdict::Taken, why, Some(place));
        if blocked.then.is_empty() {
            self.hang_up(HangupCause::REJECTED, "a blocked caller is rejected", Some(place));
        }
        self.run(&blocked.then);
        true
    }

    pub(super) fn client(&mut self) {
        let why = match self.facts.lookup {
            Lookup::NotAsked => "the CRM was not asked".to_owned(),
            Lookup::Unknown { source } => {
                format!("the CRM knows nobody with this number{}", freshness(*source))
            }
            Lookup::Slow => "the CRM did not answer in time (E09)".to_owned(),
            Lookup::Down => "the CRM is down (E09)".to_owned(),
            Lookup::Found { client, source } => {
                let name = client.display_name();
                if !self.out.internal && !name.is_empty() {
                    self.out.caller_name = Some(Arc::from(name.as_str()));
                }
                let deal = match client.open_deal() {
                    Some(deal) => format!("oldest open deal {} (D03)", deal.id),
                    None => "no open deal".to_owned(),
                };
                format!("{name}: {deal}{}", freshness(*source))
            }
        };
        self.note("client", why, None);
        if let Some(choice) = self.facts.lookup.client().and_then(|c| c.choice.clone()) {
            self.note("client", choice, None);
        }
    }

    pub(super) fn by_hours(&mut self, line: &'r Arc<Line>) {
        let route = &line.route;
        let open = match &line.calendar {
            None => {
                let why = format!("line {} has no calendar: always open", line.name);
                self.note("hours", why, Some(&line.place));
                true
            }
            Some(calendar) => self.hours(calendar),
        };
        let (steps, which) = if open {
            (&route.steps, "steps")
        } else {
            self.out.fallback.get_or_insert(Fallback::Closed);
            (&route.closed, "closed")
        };
        let why = format!("`{which}` of route {}: {}", route.id, route.title);
        self.note("route", why, Some(&route.place));
        self.run(steps);
        self.out.fallback.get_or_insert(Fallback::NoOwnerStep);
    }

    pub(super) fn hours(&mut self, calendar: &'r Calendar) -> bool {
        let state = calendar.state(self.facts.at);
        let wall = calendar.zone.to_datetime(self.facts.at);
        let zone = calendar.zone.iana_name().unwrap_or("UTC");
        let now = format!("{} {zone}", wall.strftime("%a %Y-%m-%d %H:%M"));
        let because = match (state.open, state.because) {
            (true, Because::WorkDay) => "a work day with hours of its own",
            (true, _) => "within working hours",
            (false, Because::WorkDay) => "outside the hours of this very day",
            (false, Because::Hours) => "outside working hours",
            (false, Because::DayOff) => "a day without working hours",
            (false, Because::Holiday) => "a holiday",
        };
        let (verdict, word) =
            if state.open { (Verdict::Noted, "open") } else { (Verdict::Refused, "closed") };
        let mut why = format!("{now}: {} is {word}, {because}", calendar.name);
        if !state.open
            && let Some(opens) = calendar.opens(self.facts.at)
        {
            let opens = calendar.zone.to_datetime(opens);
            why = format!("{why}; opens {}", opens.strftime("%a %Y-%m-%d %H:%M"));
        }
        self.push("hours", verdict, why, Some(state.place));
        state.open
    }
}

fn freshness(source: Source) -> &'static str {
    match source {
        Source::Fresh | Source::Cached => "",
        Source::Stale => " (an old copy: the CRM does not answer now)",
    }
}
