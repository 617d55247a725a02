//! Campaigns in virtual time, on an office and a FreeSWITCH that are made up.

mod office;
mod props;
mod script;
mod switch;
mod timelines;
