//! Jenkinsfiles: the environment blocks, the shell steps and the stages of a pipeline.
//!
//! Groovy is not parsed: strings, comments and braces are, and that is enough to know what
//! stands in which block.

use super::mapped::Mapped;
use crate::text::Span;

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Jenkinsfile {
    pub variables: Vec<Variable>,
    pub scripts: Vec<Script>,
    pub blocks: Vec<Block>,
}

/// `NAME = 'value'` in an `environment` block, or `'NAME=value'` of `withEnv`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    pub name: String,
    /// `None` for an expression (`credentials('x')`).
    pub value: Option<String>,
    /// Inside the quotes; the expression where there is no literal.
    pub value_span: Span,
    pub span: Span,
    /// The name of the innermost stage around it.
    pub stage: Option<String>,
}

/// `sh '…'`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    pub text: Mapped,
    /// A shell gets the text, and Groovy expands `$NAME` in it first (double quotes).
    pub interpolated: bool,
    /// `'''` or `"""`.
    pub triple: bool,
    pub stage: Option<String>,
    /// Inside the quotes.
    pub span: Span,
}

/// `name { … }` or `name('label') { … }`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    pub name: String,
    pub label: Option<String>,
    /// From the opening to the closing brace, both included.
    pub span: Span,
    /// The index of the block around it.
    pub parent: Option<usize>,
}

impl Jenkinsfile {
    pub fn parse(text: &str) -> Self {
        let mut scanner = Scanner {
            text,
            at: 0,
            open: Vec::new(),
            file: Self::default(),
            head: Head::default(),
        };
        scanner.run();
        scanner.file
    }
}

/// What has been read since the last line break or brace: the head of a block or a step.
#[derive(Default)]
struct Head {
    words: Vec<(String, Span)>,
    strings: Vec<GroovyString>,
    equals: bool,
}

struct GroovyString {
    text: Mapped,
    inner: Span,
    quote: u8,
    triple: bool,
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
    open: Vec<usize>,
    file: Jenkinsfile,
    head: Head,
}

impl Scanner<'_> {
    fn byte(&self, ahead: usize) -> u8 {
        let bytes = self.text.as_bytes();
        bytes.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn run(&mut self) {
        while self.at < self.text.len() {
            match (self.byte(0), self.byte(1)) {
                (b'/', b'/') => self.skip_past("\n", false),
                (b'/', b'*') => self.skip_past("*/", true),
                (b'\'' | b'"', _) => self.string(),
                (b'{', _) => self.open_block(),
                (b'}', _) => self.close_block(),
                (b'\n' | b';', _) => {
                    self.end_statement();
                    self.at += 1;
                }
                (b'=', next) => {
                    self.head.equals |= next != b'=';
                    self.at += 1;
                }
                (byte, _) if byte.is_ascii_alphabetic() || byte == b'_' => self.word(),
                _ => self.at += 1,
            }
        }
        self.end_statement();
        let end = self.text.len();
        for index in std::mem::take(&mut self.open) {
            self.file.blocks[index].span.end = end;
        }
    }

    fn skip_past(&mut self, mark: &str, including: bool) {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let extra = if including { mark.len() } else { 0 };
        self.at += rest.find(mark).map_or(rest.len(), |len| len + extra);
    }

    fn word(&mut self) {
        let start = self.at;
        while self.byte(0).is_ascii_alphanumeric() || self.byte(0) == b'_' {
            self.at += 1;
        }
        let span = Span::new(start, self.at);
        let text = self.text[span.start..span.end].to_owned();
        self.head.words.push((text, span));
    }

    fn string(&mut self) {
        let quote = self.byte(0);
        let triple = self.byte(1) == quote && self.byte(2) == quote;
        let width = if triple { 3 } else { 1 };
        let start = self.at + width;
        let mut text = Mapped::default();
        self.at = start;
        while self.at < self.text.len() {
            let byte = self.byte(0);
            let closes =
                byte == quote && (!triple || (self.byte(1) == quote && self.byte(2) == quote));
            if closes || (byte == b'\n' && !triple) {
                break;
            }
            if byte == b'\\' {
                self.escape(&mut text);
                continue;
            }
            let rest = &self.text[self.at..];
            let len = rest.chars().next().map_or(1, char::len_utf8);
            text.push(&rest[..len], self.at);
            self.at += len;
        }
        let end = self.at.min(self.text.len());
        self.at = (end + width).min(self.text.len());
        while !self.text.is_char_boundary(self.at) {
            self.at += 1;
        }
        self.head.strings.push(GroovyString {
            text,
            inner: Span::new(start.min(end), end),
            quote,
            triple,
        });
    }

    fn escape(&mut self, text: &mut Mapped) {
        let rest = &self.text[self.at + 1..];
        let Some(escaped) = rest.chars().next() else {
            self.at += 1;
            return;
        };
        let place = Span::new(self.at, self.at + 1 + escaped.len_utf8());
        self.at = place.end;
        match escaped {
            'n' => text.push_decoded("\n", place),
            't' => text.push_decoded("\t", place),
            // A backslash at the end of a line joins it with the next one.
            '\n' => {}
            _ => text.push_decoded(escaped.encode_utf8(&mut [0; 4]), place),
        }
    }

    fn stage(&self) -> Option<String> {
        let blocks = self
            .open
            .iter()
            .rev()
            .map(|index| &self.file.blocks[*index]);
        blocks
            .filter(|block| block.name == "stage")
            .find_map(|block| block.label.clone())
    }

    fn open_block(&mut self) {
        let head = std::mem::take(&mut self.head);
        if head.words.iter().any(|(word, _)| word == "withEnv") {
            self.with_env(&head);
        }
        let name = head
            .words
            .first()
            .map_or(String::new(), |(word, _)| word.clone());
        let label = head.strings.first().map(|it| it.text.as_str().to_owned());
        self.file.blocks.push(Block {
            name,
            label,
            span: Span::new(self.at, self.at + 1),
            parent: self.open.last().copied(),
        });
        self.open.push(self.file.blocks.len() - 1);
        self.at += 1;
    }

    fn close_block(&mut self) {
        self.end_statement();
        self.at += 1;
        if let Some(index) = self.open.pop() {
            self.file.blocks[index].span.end = self.at;
        }
    }

    /// `withEnv(['A=1', 'B=2']) {`
    fn with_env(&mut self, head: &Head) {
        let stage = self.stage();
        for string in &head.strings {
            let Some((name, value)) = string.text.as_str().split_once('=') else {
                continue;
            };
            let start = name.len() + 1;
            let end = string.text.as_str().len();
            self.file.variables.push(Variable {
                name: name.to_owned(),
                value: Some(value.to_owned()),
                value_span: string.text.source(Span::new(start, end)),
                span: string.inner,
                stage: stage.clone(),
            });
        }
    }

    fn end_statement(&mut self) {
        // `sh(` and `withEnv([` may go on over lines.
        let open_call =
            matches!(self.head.words.first(), Some((word, _)) if word == "withEnv" || word == "sh");
        if open_call && self.head.strings.is_empty() && self.byte(0) == b'\n' {
            return;
        }
        if open_call && self.head.words[0].0 == "withEnv" && self.byte(0) == b'\n' {
            return;
        }
        let head = std::mem::take(&mut self.head);
        let Some((word, span)) = head.words.first() else {
            return;
        };
        let in_environment = self
            .open
            .last()
            .is_some_and(|index| self.file.blocks[*index].name == "environment");
        if in_environment && head.equals {
            self.variable(word.clone(), *span, &head);
            return;
        }
        let step = head
            .words
            .iter()
            .any(|(word, _)| word == "sh" || word == "bat");
        if let Some(string) = head.strings.last().filter(|_| step) {
            let stage = self.stage();
            self.file.scripts.push(Script {
                text: string.text.clone(),
                interpolated: string.quote == b'"',
                triple: string.triple,
                stage,
                span: string.inner,
            });
        }
    }

    fn variable(&mut self, name: String, name_span: Span, head: &Head) {
        let line_end = self.at;
        let written = &self.text[name_span.end..line_end];
        let equals = name_span.end + written.find('=').map_or(0, |at| at + 1);
        let expression = self.text[equals..line_end].trim();
        let start = line_end - self.text[equals..line_end].trim_start().len();
        let literal = head.strings.first().filter(|string| {
            let width = if string.triple { 3 } else { 1 };
            string.inner.start == start + width
                && string.inner.end + width >= start + expression.len()
        });
        let span = Span::new(name_span.start, start + expression.len());
        self.file.variables.push(Variable {
            name,
            value: literal.map(|string| string.text.as_str().to_owned()),
            value_span: literal.map_or(Span::new(start, span.end), |string| string.inner),
            span,
            stage: self.stage(),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn environment_steps_and_stages() {
        let text = "pipeline {\n  agent any // { \n  environment {\n    FLASK_DEBUG = '1'\n    KEY = credentials('key') // x\n    U = \"a=${B}\"\n  }\n  stages {\n    stage('Test') { steps { sh 'pytest' } }\n    stage(\"Deploy\") {\n      environment { FLASK_ENV = 'production' }\n      steps {\n        sh '''\n          set -e\n          flask run\n        '''\n        sh(script: \"docker run -e A=1 x\", returnStdout: true)\n        withEnv(['X=1',\n                 'Y=2']) {\n          sh \"./deploy.sh\"\n        }\n      }\n    }\n  }\n}\n";
        let file = Jenkinsfile::parse(text);
        let variables: Vec<_> = file
            .variables
            .iter()
            .map(|it| (it.name.as_str(), it.value.as_deref(), it.stage.as_deref()))
            .collect();
        assert_eq!(
            variables,
            [
                ("FLASK_DEBUG", Some("1"), None),
                ("KEY", None, None),
                ("U", Some("a=${B}"), None),
                ("FLASK_ENV", Some("production"), Some("Deploy")),
                ("X", Some("1"), Some("Deploy")),
                ("Y", Some("2"), Some("Deploy")),
            ]
        );
        let span = file.variables[0].value_span;
        assert_eq!(&text[span.start..span.end], "1");
        let span = file.variables[5].value_span;
        assert_eq!(&text[span.start..span.end], "2");
        let scripts: Vec<_> = file
            .scripts
            .iter()
            .map(|it| (it.text.as_str().trim(), it.stage.as_deref()))
            .collect();
        assert_eq!(scripts[0], ("pytest", Some("Test")));
        assert!(scripts[1].0.ends_with("flask run"));
        assert_eq!(scripts[2], ("docker run -e A=1 x", Some("Deploy")));
        assert_eq!(scripts[3], ("./deploy.sh", Some("Deploy")));
        let environment = file
            .blocks
            .iter()
            .find(|block| block.name == "environment")
            .unwrap();
        assert!(text[environment.span.start..environment.span.end].ends_with("  }"));
        assert_eq!(file.blocks[environment.parent.unwrap()].name, "pipeline");
    }

    #[test]
    fn broken_files_end() {
        for text in [
            "",
            "'",
            "\"\"\"",
            "{",
            "}",
            "sh '",
            "environment {\nA =",
            "\\",
            "sh 'é\\",
            "/*",
            "withEnv([",
            "environment {A='b'}",
        ] {
            let _ = Jenkinsfile::parse(text);
        }
    }
}
