//! Where a dialplan hands calls over, read from its XML.

use std::net::SocketAddr;

/// A `socket` application of the dialplan.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Hand {
    pub(super) context: String,
    pub(super) extension: String,
    /// `host:port|host:port async full`.
    pub(super) data: String,
    /// `socket_resume=true` stands before it.
    pub(super) resumes: bool,
    /// Only where `dozvon_leaves` is not set.
    pub(super) minds_leaving: bool,
    /// Callers are passed on into this context, by a phone that knows no other.
    pub(super) takes_transfers: bool,
    /// An application stands behind it.
    pub(super) falls_through: bool,
}

impl Hand {
    pub(super) fn place(&self) -> String {
        format!("extension `{}` in context `{}`", self.extension, self.context)
    }

    pub(super) fn hosts(&self) -> &str {
        self.data.split_whitespace().next().unwrap_or_default()
    }

    pub(super) fn leads_to(&self, calls: SocketAddr) -> bool {
        self.hosts().split('|').any(|host| match host.parse::<SocketAddr>() {
            Ok(address) if calls.ip().is_unspecified() => address.port() == calls.port(),
            Ok(address) => address == calls,
            // A name: whose it is cannot be told from here.
            Err(_) => host.rsplit(':').next() == Some(&calls.port().to_string()),
        })
    }
}

/// All `socket` applications, in the order of the dialplan. An extension with `continue` before
/// the one with `socket` may hold the settings, so they count for the rest of the context.
pub(super) fn hands(xml: &str) -> Vec<Hand> {
    let (mut hands, mut open) = (Vec::<Hand>::new(), Hand::default());
    // Where the hands of the present extension begin.
    let mut begin = 0;
    let (mut asked, mut transfers) = (false, Vec::new());
    for tag in tags(xml) {
        match tag.name {
            "context" => {
                open = Hand { context: tag.get("name"), ..Hand::default() };
                begin = hands.len();
            }
            "extension" => {
                open.extension = tag.get("name");
                (begin, asked) = (hands.len(), false);
            }
            "condition" => asked = tag.get("field").contains("dozvon_leaves"),
            "action" => {
                let (application, data) = (tag.get("application"), tag.get("data"));
                // A variable leads the caller nowhere.
                if application != "set" {
                    for hand in &mut hands[begin..] {
                        hand.falls_through = true;
                    }
                }
                match application.as_str() {
                    "set" if data.trim() == "socket_resume=true" => {
                        open.minds_leaving = asked && (open.minds_leaving || !open.resumes);
                        open.resumes = true;
                    }
                    "set" | "export" => {
                        let data = data.strip_prefix("nolocal:").unwrap_or(&data);
                        let context = data.strip_prefix("force_transfer_context=");
                        transfers.extend(context.map(str::to_owned));
                    }
                    "socket" => hands.push(Hand {
                        context: open.context.clone(),
                        extension: open.extension.clone(),
                        data,
                        resumes: open.resumes,
                        minds_leaving: open.minds_leaving,
                        takes_transfers: false,
                        falls_through: false,
                    }),
                    _ => {}
                }
            }
            _ => {}
        }
    }
    for hand in &mut hands {
        hand.takes_transfers = transfers.contains(&hand.context);
    }
    hands
}

struct Tag<'a> {
    name: &'a str,
    rest: &'a str,
}

impl Tag<'_> {
    /// An attribute, with the five entities of XML read; empty where there is none.
    fn get(&self, attribute: &str) -> String {
        let mut rest = self.rest;
        while let Some((name, after)) = rest.split_once("=\"") {
            let Some((value, after)) = after.split_once('"') else {
                break;
            };
            if name.trim() == attribute {
                let entities = [
                    ("&lt;", "<"),
                    ("&gt;", ">"),
                    ("&quot;", "\""),
                    ("&apos;", "'"),
                    ("&amp;", "&"),
                ];
                return entities.iter().fold(value.to_owned(), |text, (e, c)| text.replace(e, c));
            }
            rest = after;
        }
        String::new()
    }
}

/// The opening tags. FreeSWITCH writes attributes in double quotes and `<`, `>` as entities.
fn tags(xml: &str) -> impl Iterator<Item = Tag<'_>> {
    xml.split('<').filter_map(|text| {
        let tag = text.split('>').next()?;
        let (name, rest) = tag.split_once(char::is_whitespace)?;
        Some(Tag { name, rest: rest.trim_end_matches('/') })
    })
}
