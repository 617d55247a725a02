//! Hangup causes: their numbers, what SIP makes of them, and what `bridge` says about them.

/// A hangup cause by FreeSWITCH's name, such as `NORMAL_CLEARING`.
pub(super) type Cause = &'static str;

/// Name, Q.850 number.
const CAUSES: &[(Cause, u16)] = &[
    ("NORMAL_CLEARING", 16),
    ("NONE", 0),
    ("UNALLOCATED_NUMBER", 1),
    ("NO_ROUTE_DESTINATION", 3),
    ("USER_BUSY", 17),
    ("NO_USER_RESPONSE", 18),
    ("NO_ANSWER", 19),
    ("SUBSCRIBER_ABSENT", 20),
    ("CALL_REJECTED", 21),
    ("DESTINATION_OUT_OF_ORDER", 27),
    ("INVALID_NUMBER_FORMAT", 28),
    ("NORMAL_UNSPECIFIED", 31),
    ("NORMAL_CIRCUIT_CONGESTION", 34),
    ("NORMAL_TEMPORARY_FAILURE", 41),
    ("CHAN_NOT_IMPLEMENTED", 66),
    ("RECOVERY_ON_TIMER_EXPIRE", 102),
    ("INTERWORKING", 127),
    ("ORIGINATOR_CANCEL", 487),
    ("LOSE_RACE", 502),
    ("MANAGER_REQUEST", 503),
    ("BLIND_TRANSFER", 600),
    ("ATTENDED_TRANSFER", 601),
    ("ALLOTTED_TIMEOUT", 602),
    ("USER_NOT_REGISTERED", 606),
    ("PROGRESS_TIMEOUT", 607),
    ("INVALID_GATEWAY", 608),
    ("INVALID_PROFILE", 609),
];

/// The cause of this name in any case; an unknown one is `NORMAL_CLEARING`, as in FreeSWITCH.
pub(super) fn parse(name: &str) -> Cause {
    let name = name.trim();
    CAUSES
        .iter()
        .find(|(known, number)| {
            known.eq_ignore_ascii_case(name) || (!name.is_empty() && name.parse() == Ok(*number))
        })
        .map_or("NORMAL_CLEARING", |(known, _)| known)
}

/// `hangup_cause_q850`: causes above 127 have none and are told as 16.
pub(super) fn q850(cause: &str) -> u16 {
    match CAUSES.iter().find(|(known, _)| *known == cause) {
        Some((_, number)) if *number <= 127 => *number,
        _ => 16,
    }
}

/// The cause of a final SIP answer (transcript 04a).
pub(super) fn of_sip(status: u16) -> Cause {
    match status {
        486 | 600 => "USER_BUSY",
        603 | 401 | 402 | 403 | 407 => "CALL_REJECTED",
        480 | 408 => "NO_USER_RESPONSE",
        404 | 485 | 604 => "UNALLOCATED_NUMBER",
        484 => "INVALID_NUMBER_FORMAT",
        487 => "ORIGINATOR_CANCEL",
        500 | 503 => "NORMAL_TEMPORARY_FAILURE",
        _ => "NORMAL_UNSPECIFIED",
    }
}

/// The phrase of a final SIP answer.
pub(super) fn phrase(status: u16) -> &'static str {
    match status {
        486 => "Busy Here",
        603 => "Decline",
        480 => "Temporarily Unavailable",
        404 => "Not Found",
        503 => "Service Unavailable",
        487 => "CANCEL",
        _ => "Failure",
    }
}

/// `DIALSTATUS` for an `originate_disposition` (transcripts 04a, 05a).
pub(super) fn dial_status(disposition: &str) -> &str {
    match disposition {
        "USER_BUSY" => "BUSY",
        "CALL_REJECTED" => "DONTCALL",
        "NO_ANSWER" => "NOANSWER",
        "ORIGINATOR_CANCEL" => "CANCEL",
        "INVALID_PROFILE" => "INVALIDARGS",
        other => other,
    }
}
