//! The text behind `@@`: which definition a hunk lies in, found the way git finds it.

/// The nearest line in front of `line` (0-based) that opens a definition, or nothing.
///
/// For Python the pattern of git's own `python` driver (`userdiff.c`), else git's default:
/// a line that starts with a letter, `_` or `$`.
pub(super) fn section(path: &str, lines: &[&str], line: usize) -> String {
    let opens = match path.rsplit_once('.') {
        Some((_, "py" | "pyi" | "pyw")) => python,
        _ => unindented,
    };
    let above = lines.get(..line).unwrap_or_default();
    let found = above.iter().rev().find_map(|line| opens(line));
    found.unwrap_or_default().trim_end().to_owned()
}

fn python(line: &str) -> Option<&str> {
    let body = line.trim_start_matches([' ', '\t']);
    let mut rest = body;
    if let Some(behind) = rest.strip_prefix("async") {
        rest = behind.trim_start_matches([' ', '\t']);
    }
    let keyword = match rest.strip_prefix("def") {
        Some(behind) => Some(behind),
        None => body.strip_prefix("class"),
    };
    keyword?.starts_with([' ', '\t']).then_some(body)
}

fn unindented(line: &str) -> Option<&str> {
    let opens = |first: char| first.is_ascii_alphabetic() || first == '_' || first == '$';
    line.starts_with(opens).then_some(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn python_definitions_are_found_and_their_look_alikes_are_not() {
        let lines = [
            "class Shop:\n",
            "    async def sell(self):\n",
            "        default = 1\n",
            "        classes = 2\n",
            "        define()\n",
        ];
        assert_eq!(
            section("shop.py", &lines, 5),
            "async def sell(self):",
            "names that begin like a keyword open nothing"
        );
        assert_eq!(section("shop.py", &lines, 1), "class Shop:");
        assert_eq!(section("shop.py", &lines, 0), "");
    }

    #[test]
    fn other_files_use_unindented_lines() {
        let lines = ["services:\n", "  web:\n", "    image: x\r\n", "# note\n"];
        assert_eq!(section("compose.yml", &lines, 4), "services:");
    }
}
