//! Tokens to simple commands, with the conditions that they stand under.

use super::lexer::{Lexer, Operator, Token};
use super::{Command, Follows, Word};
use crate::parse::mapped::Mapped;
use crate::text::Span;

/// The simple commands of a script, in their order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Script {
    pub commands: Vec<Command>,
}

/// A condition, function or case label that encloses a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Branch {
    /// The condition (`[ $FLASK_ENV = development ]`), the label (`dev`), the function's name.
    pub text: String,
    /// It stands in the `else` of the condition.
    pub negated: bool,
    /// For a case label: what is compared (`$1`).
    pub subject: Option<String>,
    /// For a case label: the labels in front of it, which win.
    pub earlier: Vec<String>,
}

impl Branch {
    /// Whether at most one of the two is taken: condition and `else`, two labels of one `case`.
    pub fn excludes(&self, other: &Self) -> bool {
        match (&self.subject, &other.subject) {
            (Some(own), Some(other_subject)) => own == other_subject && self.text != other.text,
            (None, None) => self.text == other.text && self.negated != other.negated,
            _ => false,
        }
    }
}

/// Reads the commands of `text`.
pub fn parse(text: &Mapped) -> Script {
    let mut reader = Reader {
        text,
        lexer: Lexer::new(text),
        commands: Vec::new(),
        open: Open::default(),
        follows: Follows::Sequence,
        blocks: Vec::new(),
    };
    reader.run();
    Script {
        commands: reader.commands,
    }
}

struct Reader<'a> {
    text: &'a Mapped,
    lexer: Lexer<'a>,
    commands: Vec<Command>,
    open: Open,
    follows: Follows,
    blocks: Vec<Block>,
}

/// The command that is being read.
#[derive(Default)]
struct Open {
    words: Vec<Word>,
    writes: Vec<String>,
    /// Places in the file of a redirection in it.
    redirected: Option<Span>,
}

#[derive(Debug)]
struct Block {
    kind: BlockKind,
    branch: Branch,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BlockKind {
    /// Between `if` and `then`: commands are the condition.
    Condition,
    /// Between `then` or `else` and `fi`.
    If,
    /// Between `case … in` and `esac`, in front of a label.
    Case,
    /// Behind a label.
    Label,
    /// `{ … }` of a function.
    Function,
    /// Loops and groups: no condition worth telling.
    Plain,
}

impl Reader<'_> {
    fn run(&mut self) {
        while let Some(token) = self.lexer.next_token() {
            match token {
                Token::Word(word) => self.word(word),
                Token::Newline => self.end(Follows::Sequence),
                Token::Redirection { end, writes } => self.redirection(end, writes),
                Token::HereDocument(body) => self.here_document(body),
                Token::Operator(operator, span) => self.operator(operator, span),
            }
        }
        self.end(Follows::Sequence);
    }

    fn redirection(&mut self, end: usize, writes: Option<String>) {
        let place = self.text.source(Span::new(end.saturating_sub(1), end));
        self.open.redirected = Some(place);
        self.open.writes.extend(writes);
    }

    fn here_document(&mut self, body: Span) {
        let body = self.text.source(body);
        self.end(Follows::Sequence);
        if let Some(last) = self.commands.last_mut() {
            last.here_document = Some(body);
        }
    }

    fn operator(&mut self, operator: Operator, span: Span) {
        match operator {
            Operator::Semicolon => self.end(Follows::Sequence),
            Operator::Background => self.end(Follows::Background),
            Operator::And => self.end(Follows::And),
            Operator::Or => self.end(Follows::Or),
            Operator::Pipe if self.in_case_label() => {}
            Operator::Pipe => self.end(Follows::Pipe),
            Operator::DoubleSemicolon => {
                self.end(Follows::Sequence);
                self.leave_label();
            }
            Operator::Open => self.open_bracket(span),
            Operator::Close => self.close_bracket(),
        }
    }

    /// `name(` opens a function, `(` a subshell.
    fn open_bracket(&mut self, span: Span) {
        if self.in_case_label() {
            return;
        }
        if self.open.words.last().is_some_and(is_array) {
            self.skip_array();
            return;
        }
        let glued = self.text.as_str()[..span.start].ends_with(|c: char| !c.is_whitespace());
        if glued && self.open.words.len() == 1 {
            let name = self.open.words.remove(0).value.into_string();
            self.open = Open::default();
            self.block(BlockKind::Function, name);
            return;
        }
        self.end(Follows::Sequence);
    }

    /// `NAME=(a b c)`: its items are no commands.
    fn skip_array(&mut self) {
        while let Some(token) = self.lexer.next_token() {
            if matches!(token, Token::Operator(Operator::Close, _)) {
                return;
            }
        }
    }

    fn close_bracket(&mut self) {
        if self.in_case_label() {
            let words = std::mem::take(&mut self.open).words;
            let labels: Vec<&str> = words.iter().map(Word::text).collect();
            let label = labels.join("|");
            let Some(case) = self.blocks.last_mut() else {
                return;
            };
            let mut branch = case.branch.clone();
            case.branch.earlier.push(label.clone());
            branch.text = label;
            self.blocks.push(Block {
                kind: BlockKind::Label,
                branch,
            });
            return;
        }
        self.end(Follows::Sequence);
    }

    fn in_case_label(&self) -> bool {
        self.blocks
            .last()
            .is_some_and(|block| block.kind == BlockKind::Case)
    }

    fn leave_label(&mut self) {
        if self
            .blocks
            .last()
            .is_some_and(|block| block.kind == BlockKind::Label)
        {
            self.blocks.pop();
        }
    }

    fn block(&mut self, kind: BlockKind, text: impl Into<String>) {
        self.blocks.push(Block {
            kind,
            branch: Branch {
                text: text.into(),
                negated: false,
                subject: None,
                earlier: Vec::new(),
            },
        });
    }

    fn word(&mut self, word: Word) {
        let first = self.open.words.is_empty() && self.open.redirected.is_none();
        if !first || word.span.len() != word.text().len() {
            let ends_head = word.text() == "in" && self.at_case_head();
            self.open.words.push(word);
            if ends_head {
                self.end(Follows::Sequence);
            }
            return;
        }
        match word.text() {
            "if" => self.block(BlockKind::Condition, ""),
            "elif" => self.next_condition(),
            "then" => self.begin_branch(),
            "else" => self.negate(),
            "fi" | "done" | "esac" => self.close_block(word.text() == "esac"),
            "do" | "!" | "time" => {}
            "while" | "until" => self.block(BlockKind::Plain, ""),
            "{" if self.function_awaits_body() => {}
            "{" => self.block(BlockKind::Plain, ""),
            "}" => drop(self.blocks.pop()),
            _ => self.open.words.push(word),
        }
    }

    /// `case word` has been read: `in` is to come, and labels behind it.
    fn at_case_head(&self) -> bool {
        let words = &self.open.words;
        words.len() == 2 && words[0].text() == "case"
    }

    /// `name()` stands open, and this brace begins its body.
    fn function_awaits_body(&self) -> bool {
        self.blocks
            .last()
            .is_some_and(|block| block.kind == BlockKind::Function)
    }

    /// `elif`: the condition so far does not hold, another one is to come.
    fn next_condition(&mut self) {
        if let Some(block) = self.blocks.last_mut() {
            block.kind = BlockKind::Condition;
            block.branch = Branch {
                text: String::new(),
                negated: false,
                subject: None,
                earlier: Vec::new(),
            };
        }
    }

    fn begin_branch(&mut self) {
        if let Some(block) = self.blocks.last_mut()
            && block.kind == BlockKind::Condition
        {
            block.kind = BlockKind::If;
        }
    }

    fn negate(&mut self) {
        if let Some(block) = self.blocks.last_mut()
            && block.kind == BlockKind::If
        {
            block.branch.negated = true;
        }
    }

    fn close_block(&mut self, is_case: bool) {
        if is_case {
            self.leave_label();
        }
        self.blocks.pop();
    }

    /// Ends the command that is being read; `next` says how the following one is connected.
    fn end(&mut self, next: Follows) {
        let open = std::mem::take(&mut self.open);
        let follows = self.follows;
        if open.words.is_empty() {
            // A line break behind `&&` does not undo it.
            if next != Follows::Sequence || follows == Follows::Sequence {
                self.follows = next;
            }
            return;
        }
        self.follows = next;
        if self.begins_loop_or_case(&open.words) {
            return;
        }
        let command = self.command(open, follows);
        if let Some(block) = self.blocks.last_mut()
            && block.kind == BlockKind::Condition
        {
            let text: Vec<&str> = command.words.iter().map(Word::text).collect();
            if !block.branch.text.is_empty() {
                block.branch.text.push(' ');
            }
            block.branch.text.push_str(&text.join(" "));
        }
        self.commands.push(command);
    }

    /// `for x in a b`, `case "$1" in`, `function name`: heads, not commands.
    fn begins_loop_or_case(&mut self, words: &[Word]) -> bool {
        match words.first().map(Word::text) {
            Some("for" | "select") => self.block(BlockKind::Plain, ""),
            Some("case") => {
                self.block(BlockKind::Case, "");
                if let Some(block) = self.blocks.last_mut() {
                    block.branch.subject = words.get(1).map(|word| word.text().to_owned());
                }
            }
            Some("function") => {
                let name = words.get(1).map_or("", Word::text).to_owned();
                self.block(BlockKind::Function, name);
            }
            _ => return false,
        }
        true
    }

    fn command(&self, open: Open, follows: Follows) -> Command {
        let start = open.words.first().map_or(0, |word| word.span.start);
        let last = open.words.last().map_or(start, |word| word.span.end);
        let end = open.redirected.map_or(last, |place| place.end.max(last));
        let mut words = open.words;
        let assigned = words
            .iter()
            .take_while(|word| word.assignment().is_some())
            .count();
        let rest = words.split_off(assigned);
        // Loops and groups are no conditions, nor is the head of a `case`; an empty label is one.
        let tells =
            |block: &&Block| block.kind == BlockKind::Label || !block.branch.text.is_empty();
        let blocks = self.blocks.iter().filter(tells);
        Command {
            span: Span::new(start, end.max(start)),
            assignments: words.iter().filter_map(Word::assignment).collect(),
            words: rest,
            follows,
            branches: blocks.map(|block| block.branch.clone()).collect(),
            writes: open.writes,
            here_document: None,
        }
    }
}

fn is_array(word: &Word) -> bool {
    word.assignment().is_some_and(|it| it.value.is_empty())
}
