//! A document as GitHub-flavoured Markdown.

use super::document::{Block, Document, Inline};

/// The document with a final newline.
pub(super) fn render(document: &Document) -> String {
    let blocks: Vec<String> = document.blocks.iter().map(block).collect();
    blocks.join("\n")
}

fn block(block: &Block) -> String {
    match block {
        Block::Heading(level, title) => format!("{} {}\n", "#".repeat(*level), inlines(title)),
        Block::Paragraph(text) => format!("{}\n", inlines(text)),
        Block::List(items) => items
            .iter()
            .map(|item| format!("- {}\n", inlines(item)))
            .collect(),
        Block::Table { head, rows } => table(head, rows),
        Block::Code(text) => {
            let fence = fence(text);
            format!("{fence}text\n{}\n{fence}\n", text.trim_end_matches('\n'))
        }
    }
}

fn table(head: &[&str], rows: &[Vec<Vec<Inline>>]) -> String {
    let mut out = format!(
        "| {} |\n|{}\n",
        head.join(" | "),
        " --- |".repeat(head.len())
    );
    for row in rows {
        let cells: Vec<String> = row
            .iter()
            .map(|cell| inlines(cell).replace('|', "\\|"))
            .collect();
        out.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
    out
}

fn inlines(inlines: &[Inline]) -> String {
    inlines.iter().map(inline).collect()
}

fn inline(inline: &Inline) -> String {
    match inline {
        Inline::Text(text) => escape(text),
        Inline::Code(text) => code(text),
        Inline::Strong(text) => format!("**{}**", escape(text)),
        Inline::Severity(severity) => format!("**{severity}**"),
    }
}

/// Text of the repository must not become markup: neither Markdown nor HTML.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut before = ' ';
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let behind = characters.peek().copied().unwrap_or(' ');
        // Inside a word an underscore is only itself (GitHub-flavoured Markdown, 6.2).
        let in_word = before.is_alphanumeric() && behind.is_alphanumeric();
        before = character;
        match character {
            '_' if in_word => out.push('_'),
            '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '~' | '@' => {
                out.push('\\');
                out.push(character);
            }
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\n' => out.push(' '),
            _ => out.push(character),
        }
    }
    out
}

fn code(text: &str) -> String {
    let ticks = "`".repeat(longest_run(text) + 1);
    let pad = match text.starts_with('`') || text.ends_with('`') {
        true => " ",
        false => "",
    };
    format!("{ticks}{pad}{}{pad}{ticks}", text.replace('\n', " "))
}

/// A fence longer than any run of backticks in the text.
fn fence(text: &str) -> String {
    "`".repeat(longest_run(text).max(2) + 1)
}

fn longest_run(text: &str) -> usize {
    let runs = text.split(|character| character != '`');
    runs.map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::super::document::{code as code_inline, prose, text};
    use super::*;

    #[test]
    fn text_of_the_repository_is_no_markup() {
        assert_eq!(
            escape("<b> [x](y) *z* @team A_B _c_"),
            "&lt;b&gt; \\[x\\](y) \\*z\\* \\@team A_B \\_c\\_"
        );
        assert_eq!(code("a`b"), "``a`b``");
        assert_eq!(code("`"), "`` ` ``");
        assert_eq!(fence("```"), "````");
    }

    #[test]
    fn tables_keep_their_cells() {
        let mut document = Document::default();
        document.table(
            &["a", "b"],
            vec![vec![prose("x|y"), vec![code_inline("p|q")]]],
        );
        document.list(vec![vec![text("z")]]);
        assert_eq!(
            render(&document),
            "| a | b |\n| --- | --- |\n| x\\|y | `p\\|q` |\n\n- z\n"
        );
    }
}
