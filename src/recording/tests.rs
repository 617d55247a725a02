use super::*;
use crate::core::facts::Direction;
use crate::core::ids::CallId;

fn file(config: &RecordingConfig, dialplan: Option<&str>) -> Result<Option<String>, PathError> {
    let recorder = Recorder::new(config, "http://x", Path::new("/nowhere/key"));
    let (call, date) = (CallId::new("a-1"), jiff::civil::date(2026, 11, 20));
    let direction = Direction::Inbound;
    recorder.file(dialplan, &Words { date, call: &call, line: None, direction })
}

#[test]
fn the_dialplan_says_where_else_the_template_else_nothing_is_recorded() {
    let none = RecordingConfig::default();
    let path = Some(Template::parse("/rec/{call}.wav").unwrap());
    let template = RecordingConfig { path, ..RecordingConfig::default() };
    let off = RecordingConfig { enabled: false, ..template.clone() };
    assert_eq!(file(&none, None), Ok(None));
    assert_eq!(file(&none, Some("/d/x.wav")), Ok(Some("/d/x.wav".into())));
    assert_eq!(file(&template, None), Ok(Some("/rec/a-1.wav".into())));
    assert_eq!(file(&template, Some("/d/x.wav")), Ok(Some("/d/x.wav".into())));
    assert_eq!(file(&off, Some("/d/x.wav")), Ok(None));
}

#[test]
fn a_path_of_the_dialplan_that_climbs_is_refused() {
    let none = RecordingConfig::default();
    for path in ["/rec/../../etc/x.wav", "rec/x.wav", "/rec/x", "/rec/a\nb.wav", "{a=b}/x.wav"] {
        assert!(file(&none, Some(path)).is_err(), "{path}");
    }
}

#[test]
fn a_recording_lasts_until_its_call_is_over() {
    let recorder = Arc::new(Recorder::default());
    let lasting = recorder.begin("/rec/a.wav");
    assert!(recorder.lasts(Path::new("/rec/a.wav")));
    drop(lasting);
    assert!(!recorder.lasts(Path::new("/rec/a.wav")));
}

#[test]
fn a12_a_callback_is_recorded_where_the_dialplan_puts_all_others() {
    let file = |config: &RecordingConfig| {
        let recorder = Recorder::new(config, "http://x", Path::new("/nowhere/key"));
        let (call, date) = (CallId::new("a-1"), jiff::civil::date(2026, 11, 20));
        recorder.own_file(&Words { date, call: &call, line: None, direction: Direction::Callback })
    };
    assert_eq!(file(&RecordingConfig::default()), None);
    let folder = RecordingConfig { folder: Some("/rec".into()), ..RecordingConfig::default() };
    assert_eq!(file(&folder).as_deref(), Some("/rec/2026-11-20/a-1.wav"));
    assert_eq!(file(&RecordingConfig { enabled: false, ..folder.clone() }), None);
    let path = Some(Template::parse("/rec/{direction}/{call}.wav").unwrap());
    let both = RecordingConfig { path, ..folder };
    assert_eq!(file(&both).as_deref(), Some("/rec/callback/a-1.wav"));
}
