//! Can the engine read what its links lead to? Whether FreeSWITCH can write there is for it to
//! say: it may run as another user, or elsewhere.

use std::path::Path;

use super::Report;
use crate::recording::RecordingConfig;

/// Looks at the folders of recordings and messages.
pub(super) fn examine(config: &RecordingConfig, report: &mut Report) {
    let recordings = config.folder().filter(|_| config.enabled);
    if let Some(folder) = recordings {
        match config.base_url.as_deref() {
            // Another server reads it.
            Some(url) => report.good("recordings", format!("links lead to {url}")),
            None => look("recordings", &folder, report),
        }
    }
    if let Some(folder) = &config.voicemail {
        look("voicemail", folder, report);
    }
}

fn look(about: &str, folder: &Path, report: &mut Report) {
    let shown = folder.display();
    match std::fs::read_dir(folder) {
        Ok(_) => report.good(about, format!("{shown} can be read")),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let what =
                format!("there is no folder {shown} here: links to what is in it open nothing");
            let advice = "make it, writable for FreeSWITCH and readable for the engine; or mount it here; or set recording.base_url";
            report.bad(about, what, advice);
        }
        Err(error) => {
            let what = format!("{shown} cannot be read: {error}");
            let advice =
                "let the user of the engine read this folder, or name another in [recording]";
            report.bad(about, what, advice);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(config: &RecordingConfig) -> String {
        let mut report = Report::default();
        examine(config, &mut report);
        report.to_string()
    }

    #[test]
    fn a12_folders_that_are_not_there_or_no_folders_are_bad() {
        let here = tempfile::TempDir::new().unwrap();
        let folder = here.path().join("talks");
        let mut config = RecordingConfig { folder: Some(folder.clone()), ..Default::default() };
        assert!(told(&config).starts_with("BAD  recordings: there is no folder "));
        std::fs::write(&folder, "a file").unwrap();
        assert!(told(&config).contains("cannot be read: "), "{}", told(&config));
        std::fs::remove_file(&folder).unwrap();
        std::fs::create_dir(&folder).unwrap();
        assert_eq!(told(&config), format!("ok   recordings: {} can be read\n", folder.display()));
        config.voicemail = Some(here.path().join("messages"));
        assert!(told(&config).contains("BAD  voicemail: there is no folder "));
    }

    #[test]
    fn a12_what_the_engine_does_not_serve_it_need_not_read() {
        let nowhere = Some("/nowhere/at/all".into());
        let mut config = RecordingConfig { folder: nowhere, ..Default::default() };
        config.base_url = Some("https://talks.example.com".into());
        assert!(told(&config).starts_with("ok   recordings: links lead to "));
        (config.base_url, config.enabled) = (None, false);
        assert_eq!(told(&config), "");
        assert_eq!(told(&RecordingConfig::default()), "", "nothing is recorded by default");
    }
}
