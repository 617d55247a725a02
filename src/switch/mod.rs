//! FreeSWITCH: the control link to each node, and what is known of its phones.

pub mod control;
pub mod presence;
