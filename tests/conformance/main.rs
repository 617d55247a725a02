//! The simulator is right when the same script gives the same events, in the same order and with
//! the same decisive headers, as a real FreeSWITCH gave (`tests/transcripts/`).

mod compare;
mod player;
mod scenes;
mod timeline;
mod tolerated;
