//! What a connection has asked for: events, filters, a format.

use super::event::Wanted;

/// A filter: only events with this header value; a leading `-` turns it round.
#[derive(Clone, Debug)]
pub(super) struct Filter {
    header: String,
    value: String,
}

/// Subscriptions and filters.
#[derive(Debug, Default)]
pub(super) struct Interest {
    pub(super) wanted: Wanted,
    pub(super) filters: Vec<Filter>,
    pub(super) json: bool,
    pub(super) my_events: bool,
}

impl Interest {
    /// Whether an event passes the filters. Several are OR-ed; a negative one that matches wins.
    pub(super) fn passes<'a>(
        &self,
        header: impl Fn(&str) -> Option<std::borrow::Cow<'a, str>>,
    ) -> bool {
        let mut pass = self.filters.is_empty();
        for filter in &self.filters {
            let negative = filter.value.starts_with('-');
            if pass && !negative {
                continue;
            }
            let value = filter.value.trim_start_matches(['+', '-', ' ']);
            if header(&filter.header).is_some_and(|have| have.eq_ignore_ascii_case(value)) {
                pass = !negative;
                if negative {
                    break;
                }
            }
        }
        pass
    }

    /// Commands about events, the same on both kinds of connection. `None`: some other command.
    pub(super) fn command(&mut self, verb: &str, rest: &str) -> Option<String> {
        Some(match verb {
            "event" => {
                let (format, names) = rest.split_once(' ').unwrap_or((rest, ""));
                let names = match format {
                    "plain" | "json" | "xml" => {
                        self.json = format == "json";
                        names
                    }
                    _ => rest,
                };
                if self.wanted.change(names, true) {
                    let format = if self.json { "json" } else { "plain" };
                    format!("+OK event listener enabled {format}")
                } else {
                    "-ERR no keywords supplied".to_owned()
                }
            }
            "nixevent" => {
                self.wanted.change(rest, false);
                "+OK events nixed".to_owned()
            }
            "noevents" => {
                self.wanted = Wanted::default();
                "+OK no longer listening for events".to_owned()
            }
            "filter" => match rest.split_once(' ') {
                Some(("delete", rest)) => {
                    let (header, value) = rest.split_once(' ').unwrap_or((rest, ""));
                    self.filters.retain(|f| {
                        !(header == "all"
                            || f.header.eq_ignore_ascii_case(header)
                                && (value.is_empty() || f.value == value))
                    });
                    format!("+OK filter deleted. [{header}][{value}]")
                }
                Some((header, value)) => {
                    self.filters
                        .push(Filter { header: header.to_owned(), value: value.to_owned() });
                    format!("+OK filter added. [{header}]=[{value}]")
                }
                None => "-ERR invalid syntax".to_owned(),
            },
            "divert_events" => {
                format!("+OK events {}diverted", if rest == "off" { "not " } else { "" })
            }
            _ => return None,
        })
    }
}
