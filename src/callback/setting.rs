//! What the rules in force say of an order, and the words of FreeSWITCH for what a manager is told.

use crate::core::calendar::Calendar;
use crate::core::campaign::Told;
use crate::core::campaign::order::{Order, Prompt};
use crate::core::phone::Phone;
use crate::core::staff::Staff;
use crate::rules::Routing;

/// When those who are to call are at work; `None`: always.
pub(super) fn working<'r>(rules: &'r Routing, order: &Order) -> Option<&'r Calendar> {
    rules.working(order)
}

/// When the client may be rung, by his own clock; `None`: always.
pub(super) fn legal(rules: &Routing, order: &Order) -> Option<Calendar> {
    rules.legal(order)
}

/// What is shown on legs that leave by a gateway (E11).
pub(super) fn caller_id<'r>(rules: &'r Routing, line: Option<&str>) -> Option<&'r Phone> {
    rules.caller_id(line)
}

/// What a missed call asks for; `None`: it is not returned by itself.
pub(super) fn missed(
    rules: &Routing,
    phone: Phone,
    line: Option<&str>,
    staff: &Staff,
) -> Option<Order> {
    rules.missed(line).map(|missed| missed.order(phone, line, staff))
}

/// What a manager hears before he is let go. A tone for all of them: three short ones, unlike the
/// one at the beginning.
pub(super) fn told(told: Told) -> Prompt {
    let tones = match told {
        Told::ClientLater => "%(150,100,425);%(150,100,425)",
        Told::ClientUnreached | Told::ClientGone => "%(150,100,425);%(150,100,425);%(150,100,425)",
        Told::ClientCalled | Told::Cancelled => "%(150,100,650);%(150,100,650)",
    };
    Prompt::File(format!("tone_stream://{tones}"))
}
