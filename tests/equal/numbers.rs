//! Numbers of a page of metrics.

use std::collections::BTreeMap;

/// The samples by name and labels.
pub struct Page(BTreeMap<String, f64>);

impl Page {
    pub fn read(text: &str) -> Self {
        let samples = text.lines().filter(|line| !line.starts_with('#'));
        let samples = samples.map(|line| line.rsplit_once(' ').unwrap());
        Self(samples.map(|(name, value)| (name.to_owned(), value.parse().unwrap())).collect())
    }

    fn of<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (&'a str, f64)> {
        self.0.iter().filter_map(move |(sample, value)| {
            let rest = sample.strip_prefix(name)?;
            let labels = match rest.strip_prefix('{') {
                Some(labels) => labels.strip_suffix('}')?,
                None if rest.is_empty() => "",
                None => return None,
            };
            Some((labels, *value))
        })
    }

    /// Counts by labels, those that are not 0.
    pub fn series(&self, name: &str) -> BTreeMap<String, u64> {
        let counted = self.of(name).filter(|(_, value)| *value > 0.0);
        counted.map(|(labels, value)| (labels.to_owned(), value as u64)).collect()
    }

    /// All series together. It has to be there.
    pub fn sum(&self, name: &str) -> u64 {
        assert!(self.of(name).next().is_some(), "{name} is not on the page");
        self.of(name).map(|(_, value)| value).sum::<f64>() as u64
    }

    /// Whether a series with this label has counted something.
    pub fn is_some(&self, label: &str) -> bool {
        self.0.iter().any(|(sample, value)| sample.contains(label) && *value > 0.0)
    }
}
