//! A SIP message as plain text: read, and answered.

/// A request or a response.
#[derive(Clone)]
pub struct Message {
    start: String,
    headers: Vec<(String, String)>,
    /// What stands behind the headers.
    pub body: String,
}

impl Message {
    /// `None`: not SIP.
    pub fn parse(text: &str) -> Option<Self> {
        let (head, body) = text.split_once("\r\n\r\n")?;
        let mut lines = head.split("\r\n");
        let start = lines.next()?.to_owned();
        let split = |line: &str| {
            line.split_once(':').map(|(k, v)| (k.trim().to_owned(), v.trim().to_owned()))
        };
        let headers = lines.filter_map(split).collect();
        Some(Self { start, headers, body: body.to_owned() })
    }

    /// The first header of this name; empty where there is none.
    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map_or("", |(_, value)| value)
    }

    /// The method of a request.
    pub fn method(&self) -> &str {
        self.start.split(' ').next().unwrap_or_default()
    }

    /// The code of a response; `None` for a request.
    pub fn code(&self) -> Option<u16> {
        self.start.strip_prefix("SIP/2.0 ")?.get(..3)?.parse().ok()
    }

    /// The response to this request. An empty `tag` leaves To as it came.
    pub fn answer(&self, code: u16, tag: &str, extra: &str, body: &str) -> String {
        let mut text = format!("SIP/2.0 {code} {}\r\n", if code < 300 { "OK" } else { "No" });
        for (name, value) in &self.headers {
            let name = name.to_ascii_lowercase();
            if name == "to" && !tag.is_empty() && !value.contains("tag=") {
                text += &format!("to: {value};tag={tag}\r\n");
            } else if ["via", "record-route", "from", "to", "call-id", "cseq"]
                .contains(&name.as_str())
            {
                text += &format!("{name}: {value}\r\n");
            }
        }
        let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        text + &format!("{extra}{kind}Content-Length: {}\r\n\r\n{body}", body.len())
    }
}

/// What stands between `<` and `>`, else the whole.
pub fn uri(header: &str) -> &str {
    let inside = header.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
    inside.map_or(header, |(uri, _)| uri)
}

/// The name before `<`, with its quotes and escapes taken off (RFC 3261, 25.1).
pub fn display_name(header: &str) -> String {
    let name = header.split_once('<').map_or("", |(name, _)| name).trim();
    let Some(quoted) = name.strip_prefix('"').and_then(|n| n.strip_suffix('"')) else {
        return name.to_owned();
    };
    let mut plain = String::new();
    let mut letters = quoted.chars();
    while let Some(letter) = letters.next() {
        plain.extend(if letter == '\\' { letters.next() } else { Some(letter) });
    }
    plain
}

#[test]
fn a_name_is_shown_without_its_quotes_and_escapes() {
    for (header, name) in [
        ("\"Иван Петров\" <sip:1@a>;tag=x", "Иван Петров"),
        (r#""Say \"hi\"" <sip:1@a>"#, r#"Say "hi""#),
        ("Ivan <sip:1@a>", "Ivan"),
        ("<sip:1@a>", ""),
    ] {
        assert_eq!(display_name(header), name);
    }
}
