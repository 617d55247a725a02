//! Blocks of channel variables taken from the transcripts, with gaps for what differs per call.

use std::sync::LazyLock;

/// A block cut at its gaps: literal, gap, literal, gap, …
pub(super) struct Template(Vec<(&'static str, &'static str)>);

impl Template {
    fn new(text: &'static str) -> Self {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((literal, behind)) = rest.split_once('{') {
            let (gap, behind) = behind.split_once('}').unwrap_or((behind, ""));
            parts.push((literal, gap));
            rest = behind;
        }
        parts.push((rest, ""));
        Self(parts)
    }

    /// Fills the gaps with encoded values.
    pub(super) fn fill(&self, values: &[(&str, &str)]) -> String {
        let mut out = String::with_capacity(self.0.iter().map(|p| p.0.len() + 24).sum());
        for (literal, gap) in &self.0 {
            out.push_str(literal);
            if let Some((_, value)) = values.iter().find(|(name, _)| name == gap) {
                out.push_str(value);
            }
        }
        out
    }
}

macro_rules! templates {
    ($($(#[$doc:meta])* $name:ident $file:literal;)*) => {
        $($(#[$doc])* pub(super) static $name: LazyLock<Template> =
            LazyLock::new(|| Template::new(include_str!(concat!("templates/", $file))));)*
    };
}

templates! {
    /// The caller's leg at `connect`.
    CALLER "a_vars.txt";
    /// What media adds to it.
    CALLER_MEDIA "a_media.txt";
    /// What the ACK adds to it.
    CALLER_DIALOG "a_dialog.txt";
    /// A leg we dial.
    CALLEE "b_vars.txt";
    /// What its first provisional answer adds.
    CALLEE_PROGRESS "b_progress.txt";
    /// What its media add.
    CALLEE_MEDIA "b_media.txt";
    /// What the end of a leg with media adds.
    RTP_STATS "rtp_stats.txt";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_filled() {
        let block = CALLER.fill(&[("uuid", "u-1"), ("from", "7916"), ("to", "100")]);
        assert!(block.contains("variable_uuid: u-1\n"), "{block}");
        assert!(block.contains("variable_sip_req_user: 100\n"));
        assert!(!block.contains(['{', '}']));
    }
}
