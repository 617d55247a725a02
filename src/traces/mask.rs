//! Texts of others hold telephone numbers.

use crate::core::phone::mask;

/// The text with every number that may be a telephone's masked, however it is written.
pub(super) fn masked(text: &str) -> String {
    let part = |c: char| c.is_ascii_digit() || "+-() .".contains(c);
    let (mut done, mut rest) = (String::new(), text);
    while let Some(begin) = rest.find(part) {
        let (before, run) = rest.split_at(begin);
        let (run, after) = run.split_at(run.find(|c| !part(c)).unwrap_or(run.len()));
        done.push_str(before);
        if run.bytes().filter(u8::is_ascii_digit).count() < 8 {
            done.push_str(run);
        } else {
            let inner = run.trim();
            let number: String =
                inner.chars().filter(|c| c.is_ascii_digit() || *c == '+').collect();
            let (head, tail) = run.split_once(inner).unwrap_or_default();
            done.extend([head, &mask(&number), tail]);
        }
        rest = after;
    }
    done + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_masked_however_it_is_written() {
        for (text, shown) in [
            ("no answer from +79161234567", "no answer from +7916***4567"),
            ("call 8 (916) 123-45-67 back", "call 8916***4567 back"),
            ("ring 101, then 102 for 10 s", "ring 101, then 102 for 10 s"),
            ("Пн–Пт 9:00–18:00", "Пн–Пт 9:00–18:00"),
            ("79161234567", "7916***4567"),
            ("+79161***4567", "+79161***4567"),
            ("", ""),
        ] {
            assert_eq!(masked(text), shown, "{text}");
        }
    }
}
