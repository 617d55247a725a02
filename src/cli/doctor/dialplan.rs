//! Does the dialplan hand calls over? Read from what `xml_locate dialplan` answers: the section
//! as FreeSWITCH has loaded it, with all files included and `$${…}` filled in.

use std::net::SocketAddr;

use super::Report;
use super::hands::{Hand, hands};

/// Looks at the answer to `xml_locate dialplan`.
pub(super) fn examine(about: &str, xml: &str, calls: SocketAddr, report: &mut Report) {
    if !xml.trim_start().starts_with('<') {
        let what =
            "whether the dialplan hands calls over cannot be told: FreeSWITCH does not show it";
        let advice =
            format!("look for `socket` with `{calls} async full` where your dialplan comes from");
        report.note(about, what, advice);
        return;
    }
    let all = hands(xml);
    let ours: Vec<_> = all.iter().filter(|h| h.leads_to(calls)).collect();
    if ours.is_empty() {
        return nothing_leads_here(about, &all, calls, report);
    }
    let mut whole = Vec::new();
    for hand in ours {
        let words: Vec<_> = hand.data.split_whitespace().skip(1).collect();
        let place = hand.place();
        if !(words.contains(&"async") && words.contains(&"full")) {
            let what =
                format!("{place} runs `socket` with `{}`, the engine refuses that", hand.data);
            report.bad(about, what, format!("write `{} async full`", hand.hosts()));
        } else if !hand.falls_through {
            let what = format!(
                "nothing stands behind `socket` in {place}: without the engine the caller is dropped"
            );
            report.bad(about, what, "put the plain queue behind it, see freeswitch-conf/dialplan");
        } else if !hand.resumes {
            let what = format!(
                "socket_resume=true does not stand before `socket` in {place}: a caller can be left in silence when the engine stops"
            );
            report.bad(about, what, "set it, see freeswitch-conf/dialplan");
        } else if hand.takes_transfers && !hand.minds_leaving {
            let what = format!(
                "socket_resume=true stands before `socket` in {place} whether the engine is about to end or not: who is passed on just then can be left in silence"
            );
            let advice =
                "set it under a condition on ${dozvon_leaves}, see freeswitch-conf/dialplan";
            report.bad(about, what, advice);
        } else {
            whole.push(format!("{} ({})", hand.extension, hand.context));
        }
    }
    if !whole.is_empty() {
        report.good(about, format!("the dialplan hands calls over: {}", whole.join(", ")));
    }
}

fn nothing_leads_here(about: &str, all: &[Hand], calls: SocketAddr, report: &mut Report) {
    let elsewhere: Vec<_> = all.iter().map(|h| format!("`{}`", h.data)).collect();
    let what = match elsewhere.first() {
        None => "the dialplan hands no call over: no extension runs `socket`".to_owned(),
        Some(_) if elsewhere.iter().any(|data| data.contains("${")) => {
            let what = "whether the dialplan hands calls over cannot be told: the address stands in a channel variable";
            return report.note(about, what, format!("it has to become `{calls} async full`"));
        }
        Some(first) => format!("the dialplan hands calls to {first}, not to {calls}"),
    };
    let advice =
        format!("copy freeswitch-conf/dialplan, let dozvon_engine be {calls}, then `reloadxml`");
    report.bad(about, what, advice);
}
