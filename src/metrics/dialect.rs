//! How a scraper wants the page.

/// How the page is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Version 0.0.4.
    Prometheus,
    /// OpenMetrics 1.0.0.
    OpenMetrics,
}

impl Dialect {
    /// What a scraper asks for by its `Accept`. OpenMetrics where that is named and not less
    /// wanted than plain text.
    pub fn asked(accept: &str) -> Self {
        let (mut open, mut plain) = (0.0, 0.0);
        for range in accept.split(',') {
            let mut parts = range.split(';').map(str::trim);
            let best = match parts.next() {
                Some("application/openmetrics-text") => &mut open,
                Some("text/plain") => &mut plain,
                _ => continue,
            };
            let quality = parts.find_map(|part| part.strip_prefix("q=")?.parse().ok());
            *best = f32::max(*best, quality.unwrap_or(1.0));
        }
        if open > 0.0 && open >= plain { Self::OpenMetrics } else { Self::Prometheus }
    }

    /// The media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scraper_gets_what_it_asks_for() {
        for (accept, dialect) in [
            ("", Dialect::Prometheus),
            ("*/*", Dialect::Prometheus),
            ("text/plain;version=0.0.4", Dialect::Prometheus),
            ("application/openmetrics-text", Dialect::OpenMetrics),
            ("application/openmetrics-text;q=0", Dialect::Prometheus),
            ("application/openmetrics-text;q=0.3, text/plain;q=0.5", Dialect::Prometheus),
            // Prometheus 2.42.
            (
                "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                Dialect::OpenMetrics,
            ),
        ] {
            assert_eq!(Dialect::asked(accept), dialect, "{accept}");
        }
    }
}
