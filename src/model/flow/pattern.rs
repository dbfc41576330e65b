//! Regular expressions: which characters a match can hold.

use super::facts::Facts;

/// A set of ASCII characters, and whether others belong to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Chars {
    ascii: u128,
    others: bool,
}

impl Chars {
    const NONE: Self = Self {
        ascii: 0,
        others: false,
    };
    const ALL: Self = Self {
        ascii: u128::MAX,
        others: true,
    };

    fn one(c: char) -> Self {
        match u32::from(c) {
            code if code < 128 => Self {
                ascii: 1 << code,
                others: false,
            },
            _ => Self {
                ascii: 0,
                others: true,
            },
        }
    }

    fn of(chars: impl IntoIterator<Item = char>) -> Self {
        chars
            .into_iter()
            .fold(Self::NONE, |all, c| all.with(Self::one(c)))
    }

    const fn with(self, other: Self) -> Self {
        Self {
            ascii: self.ascii | other.ascii,
            others: self.others || other.others,
        }
    }

    const fn complement(self) -> Self {
        Self {
            ascii: !self.ascii,
            others: true,
        }
    }

    fn has(self, c: char) -> bool {
        Self::one(c).ascii & self.ascii != 0
    }

    fn words() -> Self {
        Self {
            others: true,
            ..Self::of(('a'..='z').chain('A'..='Z').chain('0'..='9').chain(['_']))
        }
    }

    fn facts(self) -> Facts {
        let mut facts = Facts::NONE;
        if !self.has('/') {
            facts |= Facts::NO_SEPARATOR | Facts::NOT_ABSOLUTE;
        }
        if !self.has('.') {
            facts |= Facts::NO_DOTDOT;
        }
        if !self.has('<') {
            facts |= Facts::NO_MARKUP;
        }
        if !self.has('"') && !self.has('\'') {
            facts |= Facts::NO_QUOTE;
        }
        if !self.has('{') {
            facts |= Facts::NO_BRACE;
        }
        if !self.has(':') {
            facts |= Facts::LINK;
        }
        if !self.has(' ') && !self.has('>') && !self.has('=') {
            facts |= Facts::ONE_WORD;
        }
        facts
    }
}

/// What holds of any part of `text`.
pub(super) fn facts_of_text(text: &str) -> Facts {
    let mut facts = Chars::of(text.chars()).facts();
    if !text.contains("..") && text.contains('.') {
        // A single character of it, repeated, can still make two dots.
        facts = facts.without(Facts::NO_DOTDOT);
    }
    facts
}

/// What a text satisfies that `pattern` matches as `method` does (`match`, `fullmatch`,
/// `search`). Nothing is known of a pattern that leaves an end open.
pub(super) fn facts_of_match(pattern: &str, method: &str, is_multiline: bool) -> Facts {
    let anchored_start = method != "search"
        || pattern.starts_with('^') && !is_multiline
        || pattern.starts_with("\\A");
    let anchored_end = method == "fullmatch"
        || pattern.ends_with("\\Z")
        || pattern.ends_with("\\z")
        || pattern.ends_with('$') && !pattern.ends_with("\\$") && !is_multiline;
    if !anchored_start {
        return Facts::NONE;
    }
    let Some(parsed) = parse(pattern) else {
        return Facts::NONE;
    };
    // An alternation outside of any group leaves the anchors to its ends.
    if parsed.splits && method != "fullmatch" {
        return Facts::NONE;
    }
    if !anchored_end {
        return parsed.beginning();
    }
    let mut facts = parsed.chars.facts() | parsed.beginning() | parsed.absent;
    if !parsed.can_repeat_dots {
        facts |= Facts::NO_DOTDOT;
    }
    facts
}

/// What holds of a text from which `re.sub(pattern, replacement)` has taken every match.
pub(super) fn facts_of_removal(pattern: &str, replacement: &str) -> Facts {
    let trimmed = pattern.trim_end_matches(['+', '*']);
    let Some(removed) = single_class(trimmed) else {
        return Facts::NONE;
    };
    removed
        .complement()
        .with(Chars::of(replacement.chars()))
        .facts()
}

/// What holds of a text in which `pattern` is found nowhere.
pub(super) fn facts_of_absence(pattern: &str) -> Facts {
    let Some(alternatives) = alternatives(pattern) else {
        return Facts::NONE;
    };
    let absent = alternatives.iter().map(|one| {
        if let Some(chars) = single_class(one.trim_end_matches('+')) {
            return chars.complement().facts();
        }
        literal(one).map_or(Facts::NONE, |text| super::guard::absence(&text))
    });
    absent.fold(Facts::NONE, |all, one| all | one)
}

/// The alternatives of a pattern without groups.
fn alternatives(pattern: &str) -> Option<Vec<&str>> {
    let (mut found, mut start, mut in_class, mut escaped) = (Vec::new(), 0, false, false);
    for (at, c) in pattern.char_indices() {
        match c {
            _ if escaped => {}
            '[' => in_class = true,
            ']' => in_class = false,
            '(' if !in_class => return None,
            '|' if !in_class => {
                found.push(&pattern[start..at]);
                start = at + 1;
            }
            _ => {}
        }
        escaped = c == '\\' && !escaped;
    }
    found.push(&pattern[start..]);
    Some(found)
}

/// The text that a pattern without any operator stands for.
fn literal(pattern: &str) -> Option<String> {
    let mut text = String::new();
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => text.push(chars.next().filter(|c| !c.is_alphanumeric())?),
            '.' | '^' | '$' | '*' | '+' | '?' | '[' | ']' | '{' | '}' => return None,
            c => text.push(c),
        }
    }
    Some(text)
}

/// The patterns of the capturing groups in order, each with its name.
pub(super) fn groups(pattern: &str) -> Vec<(Option<&str>, &str)> {
    let mut found: Vec<(Option<&str>, &str)> = Vec::new();
    // Where each open group begins, and its number if it captures.
    let mut open: Vec<(usize, Option<usize>)> = Vec::new();
    let (mut in_class, mut escaped) = (false, false);
    for (at, c) in pattern.char_indices() {
        match c {
            _ if escaped => {}
            '[' => in_class = true,
            ']' => in_class = false,
            '(' if !in_class => {
                let inside = &pattern[at + 1..];
                let name = inside
                    .strip_prefix("?P<")
                    .and_then(|rest| rest.split_once('>'));
                let captures = name.is_some() || !inside.starts_with('?');
                let start = name.map_or(at + 1, |(name, _)| at + "(?P<>".len() + name.len());
                open.push((start, captures.then_some(found.len())));
                if captures {
                    found.push((name.map(|(name, _)| name), ""));
                }
            }
            ')' if !in_class => {
                if let Some((start, Some(number))) = open.pop() {
                    found[number].1 = &pattern[start..at];
                }
            }
            _ => {}
        }
        escaped = c == '\\' && !escaped;
    }
    found
}

/// The characters of a pattern that is one class or one literal character.
fn single_class(pattern: &str) -> Option<Chars> {
    let mut scanner = Scanner {
        rest: pattern.chars().collect::<Vec<_>>(),
        at: 0,
    };
    let chars = scanner.atom()?;
    (scanner.at == scanner.rest.len()).then_some(chars)
}

struct Parsed {
    chars: Chars,
    can_repeat_dots: bool,
    /// What a match can begin with.
    first: Chars,
    can_be_empty: bool,
    splits: bool,
    /// What look-aheads exclude.
    absent: Facts,
}

impl Parsed {
    fn beginning(&self) -> Facts {
        let mut facts = Facts::NONE;
        if !self.first.has('/') {
            facts |= Facts::NOT_ABSOLUTE;
        }
        if !self.first.has('.') && !self.can_be_empty {
            facts |= Facts::NOT_PARENT;
        }
        facts
    }
}

fn parse(pattern: &str) -> Option<Parsed> {
    let mut scanner = Scanner {
        rest: pattern.chars().collect(),
        at: 0,
    };
    let mut parsed = Parsed {
        chars: Chars::NONE,
        can_repeat_dots: false,
        first: Chars::NONE,
        can_be_empty: true,
        splits: false,
        absent: Facts::NONE,
    };
    let mut depth = 0u32;
    let mut repeats_group = false;
    let mut is_start = true;
    let mut dot_before = false;
    // Of each open group, whether it is where matches begin, and whether one of its
    // alternatives is empty.
    let mut open: Vec<(bool, bool)> = Vec::new();
    let mut may_be_empty = false;
    while let Some(c) = scanner.peek() {
        match c {
            '^' | '$' => scanner.at += 1,
            '(' if scanner.looks_around() => {
                let is_first = is_start && parsed.chars == Chars::NONE && !parsed.splits;
                let excluded = scanner.look_around()?;
                if let (true, Some(text)) = (is_first && depth == 0, excluded) {
                    parsed.absent |= super::guard::absence(&text);
                }
            }
            '(' => {
                depth += 1;
                scanner.at += 1;
                scanner.group_head()?;
                open.push((is_start, false));
                // A dot in a group that repeats may meet itself.
                repeats_group |= scanner.group_repeats();
            }
            ')' => {
                depth = depth.checked_sub(1)?;
                scanner.at += 1;
                let (_, may_vanish) = scanner.quantifier();
                let (was_start, has_empty) = open.pop()?;
                is_start = was_start && (is_start || has_empty || may_vanish);
            }
            '|' => {
                scanner.at += 1;
                dot_before = false;
                match open.last_mut() {
                    Some((was_start, has_empty)) => {
                        *has_empty |= is_start;
                        is_start = *was_start;
                    }
                    None => {
                        parsed.splits = true;
                        may_be_empty |= is_start;
                        is_start = true;
                    }
                }
            }
            '\\' if matches!(
                scanner.rest.get(scanner.at + 1),
                Some('A' | 'Z' | 'z' | 'b' | 'B')
            ) =>
            {
                scanner.at += 2;
            }
            _ => {
                let chars = scanner.atom()?;
                let (repeats, may_vanish) = scanner.quantifier();
                parsed.chars = parsed.chars.with(chars);
                if is_start {
                    parsed.first = parsed.first.with(chars);
                }
                is_start &= may_vanish;
                if chars.has('.') {
                    if repeats || repeats_group || dot_before {
                        parsed.can_repeat_dots = true;
                    }
                    dot_before = true;
                } else if !may_vanish {
                    dot_before = false;
                }
            }
        }
    }
    parsed.can_be_empty = is_start || may_be_empty;
    (depth == 0).then_some(parsed)
}

struct Scanner {
    rest: Vec<char>,
    at: usize,
}

impl Scanner {
    fn peek(&self) -> Option<char> {
        self.rest.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += 1;
        Some(c)
    }

    /// Whether a group that takes no characters starts here.
    fn looks_around(&self) -> bool {
        let head: String = self.rest[self.at..].iter().take(4).collect();
        ["(?!", "(?=", "(?<!", "(?<="]
            .iter()
            .any(|it| head.starts_with(it))
    }

    /// Goes past such a group. The text that `(?!.*text)` excludes.
    fn look_around(&mut self) -> Option<Option<String>> {
        let start = self.at;
        let (mut depth, mut in_class) = (0u32, false);
        loop {
            match self.next()? {
                '\\' => self.at += 1,
                '[' => in_class = true,
                ']' => in_class = false,
                '(' if !in_class => depth += 1,
                ')' if !in_class => {
                    depth -= 1;
                    if depth == 0 {
                        break;
                    }
                }
                _ => {}
            }
        }
        let group: String = self.rest[start..self.at].iter().collect();
        let inside = group
            .strip_prefix("(?!.*")
            .and_then(|it| it.strip_suffix(')'));
        Some(inside.and_then(literal))
    }

    /// `?:`, `?P<name>`; back references are beyond this reader.
    fn group_head(&mut self) -> Option<()> {
        if self.peek() != Some('?') {
            return Some(());
        }
        self.at += 1;
        match self.next()? {
            ':' => Some(()),
            'P' if self.peek() == Some('<') => {
                while self.next()? != '>' {}
                Some(())
            }
            _ => None,
        }
    }

    /// Whether the group that starts here has a quantifier that repeats it.
    fn group_repeats(&self) -> bool {
        let (mut depth, mut at, mut in_class) = (1u32, self.at, false);
        while let Some(c) = self.rest.get(at) {
            match c {
                '\\' => at += 1,
                '[' => in_class = true,
                ']' => in_class = false,
                '(' if !in_class => depth += 1,
                ')' if !in_class => {
                    depth -= 1;
                    if depth == 0 {
                        return matches!(self.rest.get(at + 1), Some('+' | '*' | '{'));
                    }
                }
                _ => {}
            }
            at += 1;
        }
        false
    }

    fn atom(&mut self) -> Option<Chars> {
        match self.next()? {
            '.' => Some(Chars::ALL),
            '[' => self.class(),
            '\\' => self.escape(),
            '(' | ')' | '|' | '*' | '+' | '?' => None,
            c => Some(Chars::one(c)),
        }
    }

    fn escape(&mut self) -> Option<Chars> {
        let digits = || Chars {
            others: true,
            ..Chars::of('0'..='9')
        };
        Some(match self.next()? {
            'w' => Chars::words(),
            'W' => Chars {
                others: true,
                ..Chars::words().complement()
            },
            'd' => digits(),
            'D' => Chars {
                others: true,
                ..digits().complement()
            },
            's' => Chars {
                others: true,
                ..Chars::of([' ', '\t', '\n', '\r'])
            },
            'S' => Chars::of([' ', '\t', '\n', '\r']).complement(),
            'n' => Chars::one('\n'),
            't' => Chars::one('\t'),
            'r' => Chars::one('\r'),
            'x' | 'u' | 'N' | '1'..='9' => return None,
            c => Chars::one(c),
        })
    }

    fn class(&mut self) -> Option<Chars> {
        let is_negated = self.peek() == Some('^');
        if is_negated {
            self.at += 1;
        }
        let mut chars = Chars::NONE;
        let mut is_first = true;
        loop {
            let c = self.next()?;
            if c == ']' && !is_first {
                break;
            }
            is_first = false;
            if c == '\\' {
                chars = chars.with(self.escape()?);
                continue;
            }
            let is_range = self.peek() == Some('-')
                && self
                    .rest
                    .get(self.at + 1)
                    .is_some_and(|end| *end != ']' && *end != '\\');
            if is_range {
                self.at += 1;
                let end = self.next()?;
                if end < c || u32::from(end) > 127 {
                    chars.others = true;
                }
                chars = chars.with(Chars::of((c..=end).take(128)));
                continue;
            }
            chars = chars.with(Chars::one(c));
        }
        Some(if is_negated {
            chars.complement()
        } else {
            chars
        })
    }

    /// Whether what came before may come twice, and whether it may be left out.
    fn quantifier(&mut self) -> (bool, bool) {
        let found = match self.peek() {
            Some('*') => (true, true),
            Some('+') => (true, false),
            Some('?') => (false, true),
            Some('{') => {
                let close = self.rest[self.at..].iter().position(|c| *c == '}');
                let Some(close) = close else {
                    return (false, false);
                };
                let inside: String = self.rest[self.at + 1..self.at + close].iter().collect();
                self.at += close + 1;
                if self.peek() == Some('?') {
                    self.at += 1;
                }
                return (inside != "1", inside.starts_with(['0', ',']));
            }
            _ => return (false, false),
        };
        self.at += 1;
        if matches!(self.peek(), Some('?' | '+')) {
            self.at += 1;
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path_facts() -> Facts {
        Facts::NO_SEPARATOR | Facts::NO_DOTDOT
    }

    #[test]
    fn tight_patterns_say_what_they_exclude() {
        for pattern in [
            r"^[A-Za-z0-9_-]+$",
            r"\w+",
            r"[a-z]{1,8}",
            r"^(?:abc|def)-\d+\Z",
        ] {
            let facts = facts_of_match(pattern, "fullmatch", false);
            assert!(
                facts.contains(path_facts() | Facts::NO_MARKUP | Facts::NO_BRACE),
                "{pattern}"
            );
        }
        let with_extension = facts_of_match(r"^[\w-]+\.(txt|pdf)$", "match", false);
        assert!(with_extension.contains(path_facts()));
    }

    #[test]
    fn loose_patterns_say_nothing_of_it() {
        assert!(!facts_of_match(r"[a-z]+", "match", false).contains(Facts::NO_SEPARATOR));
        assert!(facts_of_match(r"[a-z]+$", "search", false).is_empty());
        assert!(!facts_of_match(r"^[a-z]+$", "match", true).contains(Facts::NO_SEPARATOR));
        assert!(facts_of_match(r"^[a-z]+$|x", "match", false).is_empty());
        assert!(!facts_of_match(r"^[\w.]+$", "match", false).contains(Facts::NO_DOTDOT));
        assert!(!facts_of_match(r"^[\w./]+$", "match", false).contains(Facts::NO_SEPARATOR));
        assert!(!facts_of_match(r"^.+\.png$", "match", false).contains(Facts::NO_SEPARATOR));
        assert!(!facts_of_match(r"^(a|\.)+$", "match", false).contains(Facts::NO_DOTDOT));
    }

    #[test]
    fn a_beginning_is_known_without_an_end() {
        let uuid = facts_of_match(r"([a-f0-9]{8}-[a-f0-9]{4})(\.[\w.]*)", "match", false);
        assert_eq!(uuid, Facts::NOT_PARENT | Facts::NOT_ABSOLUTE);
        let name = facts_of_match(r"^[a-z0-9][\w.-]*$", "match", false);
        assert!(name.contains(Facts::NOT_PARENT | Facts::NO_SEPARATOR));
        for pattern in [r"[\w.]+x", r"(a)?\.", r"(a|)\.", r"(?:a|\.)x", "a*"] {
            let facts = facts_of_match(pattern, "match", false);
            assert!(!facts.contains(Facts::NOT_PARENT), "{pattern}");
        }
        assert!(facts_of_match("^[a-z]+", "search", true).is_empty());
    }

    #[test]
    fn look_aheads_exclude() {
        let path = facts_of_match(r"^(?!.*\.\.)[\w./-]+$", "match", false);
        assert!(path.contains(Facts::NO_DOTDOT));
        let other = facts_of_match(r"^(?!.*\.exe)[\w./-]+$", "match", false);
        assert!(!other.contains(Facts::NO_DOTDOT) && other.contains(Facts::NO_MARKUP));
        let late = facts_of_match(r"^\w(?!.*\.\.)[\w./-]+$", "match", false);
        assert!(!late.contains(Facts::NO_DOTDOT));
    }

    #[test]
    fn removal_of_a_class_leaves_the_rest() {
        assert!(facts_of_removal(r"[^\w-]", "_").contains(path_facts() | Facts::NO_MARKUP));
        assert!(facts_of_removal(r"[<>]", "").contains(Facts::NO_MARKUP));
        assert!(!facts_of_removal(r"[^\w.-]", "").contains(Facts::NO_DOTDOT));
        assert!(facts_of_removal(r"<[^>]*>", "").is_empty());
    }

    #[test]
    fn what_is_found_nowhere_is_absent() {
        for (pattern, facts) in [
            (
                r"[^\w.-]",
                Facts::NO_SEPARATOR | Facts::NO_MARKUP | Facts::NO_QUOTE,
            ),
            (r"[/\\]+", Facts::NO_SEPARATOR),
            (r"\.\.", Facts::NO_DOTDOT),
            (r"\.\.|/", Facts::NO_DOTDOT | Facts::NO_SEPARATOR),
            ("<", Facts::NO_MARKUP),
        ] {
            assert!(facts_of_absence(pattern).contains(facts), "{pattern}");
        }
        for pattern in ["[<>]", "^/", r"\.\./x", "(..|/)", r"\w/"] {
            let facts = facts_of_absence(pattern);
            assert!(
                !facts.intersects(Facts::NO_SEPARATOR | Facts::NO_DOTDOT),
                "{pattern}"
            );
        }
    }

    #[test]
    fn groups_are_found_in_order() {
        let found = groups(r"^(?P<year>\d{4})-(?:a|b)([^)/]+(x\)))$");
        let expected = [
            (Some("year"), r"\d{4}"),
            (None, r"[^)/]+(x\))"),
            (None, r"x\)"),
        ];
        assert_eq!(found, expected);
        assert_eq!(groups("(open"), [(None, "")]);
    }
}
