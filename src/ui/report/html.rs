//! A document as one HTML page that needs nothing else: no script, no font, no image.

use super::document::{Block, Document, Inline};

const STYLE: &str = include_str!("../../../assets/report/style.css");

/// The whole page.
pub(super) fn render(document: &Document) -> String {
    let title = document.blocks.iter().find_map(|block| match block {
        Block::Heading(1, title) => Some(plain(title)),
        _ => None,
    });
    let title = escape(&title.unwrap_or_default());
    let body: String = document.blocks.iter().map(block).collect();
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" \
         content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n{body}</main>\n\
         </body>\n</html>\n"
    )
}

fn block(block: &Block) -> String {
    match block {
        Block::Heading(level, title) => {
            format!("<h{level}>{}</h{level}>\n", inlines(title))
        }
        Block::Paragraph(text) => format!("<p>{}</p>\n", inlines(text)),
        Block::List(items) => {
            let items: String = items
                .iter()
                .map(|item| format!("<li>{}</li>\n", inlines(item)))
                .collect();
            format!("<ul>\n{items}</ul>\n")
        }
        Block::Table { head, rows } => table(head, rows),
        Block::Code(text) => format!("<pre><code>{}</code></pre>\n", escape(text)),
    }
}

fn table(head: &[&str], rows: &[Vec<Vec<Inline>>]) -> String {
    let head: String = head
        .iter()
        .map(|name| format!("<th scope=\"col\">{}</th>", escape(name)))
        .collect();
    let rows: String = rows
        .iter()
        .map(|row| {
            let cells: String = row
                .iter()
                .map(|cell| format!("<td>{}</td>", inlines(cell)))
                .collect();
            format!("<tr>{cells}</tr>\n")
        })
        .collect();
    format!("<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table>\n")
}

fn inlines(inlines: &[Inline]) -> String {
    inlines.iter().map(inline).collect()
}

fn inline(inline: &Inline) -> String {
    match inline {
        Inline::Text(text) => escape(text),
        Inline::Code(text) => format!("<code>{}</code>", escape(text)),
        Inline::Strong(text) => format!("<strong>{}</strong>", escape(text)),
        Inline::Severity(severity) => {
            let class = severity.label().to_lowercase();
            format!("<span class=\"severity {class}\">{severity}</span>")
        }
    }
}

fn plain(inlines: &[Inline]) -> String {
    let texts = inlines.iter().map(|inline| match inline {
        Inline::Text(text) | Inline::Code(text) | Inline::Strong(text) => text.as_str(),
        Inline::Severity(severity) => severity.label(),
    });
    texts.collect()
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(character),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::document::{code, prose};
    use super::*;

    #[test]
    fn text_of_the_repository_is_no_markup() {
        let mut document = Document::default();
        document.heading(1, "A <b> \"title\"");
        document.inlines(vec![code("<script>alert(1)</script>")]);
        document.table(&["x"], vec![vec![prose("</td>")]]);
        document.code("</pre>".into());
        let page = render(&document);
        assert!(page.contains("<title>A &lt;b&gt; &quot;title&quot;</title>"));
        assert!(page.contains("<code>&lt;script&gt;alert(1)&lt;/script&gt;</code>"));
        assert!(page.contains("<td>&lt;/td&gt;</td>"));
        assert!(page.contains("<code>&lt;/pre&gt;</code>"));
    }
}
