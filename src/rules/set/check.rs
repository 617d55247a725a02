//! What a set says that cannot be meant.

use super::cx::Cx;
use super::model::Chapter;

pub(super) fn set(cx: &mut Cx, chapters: &[Chapter]) {
    unused(cx);
    let _ = chapters;
}

fn unused(cx: &mut Cx) {
    for (place, setting) in cx.settings.iter().enumerate() {
        if !cx.used.contains(&place) {
            let message = format!("the setting `{}` is used by no rule", setting.name);
            cx.reader.warn(&setting.span.clone(), message, "use it as $name, or take it out");
        }
    }
}
