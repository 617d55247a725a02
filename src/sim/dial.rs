//! Dial strings: `{all=1}[one=2]user/101,sofia/gateway/gw/79…|user/102`.

/// Variables in the order they stand.
pub(super) type VarList = Vec<(String, String)>;

/// A parsed dial string: alternatives one after another, the legs of each at once.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Dial {
    pub(super) vars: VarList,
    pub(super) alternatives: Vec<Vec<Target>>,
}

/// One leg to dial.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Target {
    pub(super) vars: VarList,
    /// Written as `[…]user/…`: the leg is told twice (transcript 02c).
    pub(super) own_vars: bool,
    pub(super) endpoint: String,
}

impl Dial {
    pub(super) fn parse(text: &str) -> Self {
        let mut rest = text.trim();
        let mut dial = Self::default();
        while let Some((inside, behind)) = bracket(rest, '{', '}') {
            dial.vars.extend(var_list(inside));
            rest = behind.trim_start();
        }
        dial.alternatives = split(rest, '|')
            .into_iter()
            .map(|group| {
                split(group, ',')
                    .into_iter()
                    .flat_map(|leg| leg.split(":_:"))
                    .map(Target::parse)
                    .filter(|t| !t.endpoint.is_empty())
                    .collect()
            })
            .collect();
        dial
    }
}

impl Target {
    fn parse(text: &str) -> Self {
        let mut rest = text.trim();
        let mut target = Self::default();
        while let Some((inside, behind)) =
            bracket(rest, '[', ']').or_else(|| bracket(rest, '{', '}'))
        {
            target.own_vars = true;
            target.vars.extend(var_list(inside));
            rest = behind.trim_start();
        }
        target.endpoint = rest.trim().to_owned();
        target
    }
}

/// The inside of a leading bracket, and what stands behind it.
fn bracket(text: &str, open: char, close: char) -> Option<(&str, &str)> {
    let inside = text.strip_prefix(open)?;
    let mut quoted = false;
    for (at, c) in inside.char_indices() {
        match c {
            '\'' => quoted = !quoted,
            c if c == close && !quoted => return Some((&inside[..at], &inside[at + 1..])),
            _ => {}
        }
    }
    None
}

/// Splits outside of brackets and quotes.
fn split(text: &str, by: char) -> Vec<&str> {
    let (mut depth, mut quoted, mut from, mut parts) = (0_i32, false, 0, Vec::new());
    for (at, c) in text.char_indices() {
        match c {
            '\'' => quoted = !quoted,
            '[' | '{' if !quoted => depth += 1,
            ']' | '}' if !quoted => depth -= 1,
            c if c == by && depth == 0 && !quoted => {
                parts.push(&text[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[from..]);
    parts
}

/// `a=1,b='x,y'`, or with a separator of one's own: `^^;a=1;b=x,y`.
pub(super) fn var_list(text: &str) -> VarList {
    let (by, text) = match text.strip_prefix("^^") {
        Some(rest) => {
            let by = rest.chars().next().unwrap_or(',');
            (by, &rest[by.len_utf8().min(rest.len())..])
        }
        None => (',', text),
    };
    let (mut parts, mut part, mut quoted, mut escaped) = (Vec::new(), String::new(), false, false);
    for c in text.chars() {
        match c {
            _ if escaped => {
                if c != by && c != '\'' && c != '\\' {
                    part.push('\\');
                }
                part.push(c);
                escaped = false;
            }
            '\\' => escaped = true,
            '\'' => quoted = !quoted,
            c if c == by && !quoted => parts.push(std::mem::take(&mut part)),
            c => part.push(c),
        }
    }
    parts.push(part);
    parts
        .iter()
        .filter_map(|part| part.split_once('='))
        .map(|(name, value)| (name.trim().to_owned(), value.to_owned()))
        .collect()
}

/// The value of a variable in a list; the last one wins.
pub(super) fn var<'a>(list: &'a VarList, name: &str) -> Option<&'a str> {
    list.iter().rev().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn legs_at_once_and_one_after_another() {
        let dial = Dial::parse(
            "{a=1,leg_timeout=11}[leg_timeout=5]user/102@127.0.0.1,user/101|sofia/gateway/gw/7916",
        );
        assert_eq!(var(&dial.vars, "leg_timeout"), Some("11"));
        assert_eq!(dial.alternatives.len(), 2);
        assert_eq!(dial.alternatives[0][0].endpoint, "user/102@127.0.0.1");
        assert_eq!(var(&dial.alternatives[0][0].vars, "leg_timeout"), Some("5"));
        assert_eq!(dial.alternatives[1][0].endpoint, "sofia/gateway/gw/7916");
    }

    #[test]
    fn quotes_escapes_and_separators_keep_commas() {
        let list = var_list(r"origination_caller_id_name='Петров, Иван',x=a\,b");
        assert_eq!(var(&list, "origination_caller_id_name"), Some("Петров, Иван"));
        assert_eq!(var(&list, "x"), Some("a,b"));
        let list = var_list("^^;a=1,2;b=3");
        assert_eq!(var(&list, "a"), Some("1,2"));
        assert_eq!(var(&list, "b"), Some("3"));
    }

    #[test]
    fn an_empty_string_dials_nobody() {
        assert_eq!(Dial::parse("").alternatives, vec![Vec::new()]);
    }
}
