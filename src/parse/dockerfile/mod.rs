//! Dockerfiles: instructions with spans, build stages, and the forms that a server may see.
//!
//! Follows the reference of the builder: parser directives, continuations with comments and
//! blank lines between them, here-documents, `ENV` in both forms, exec and shell form.

mod instruction;
mod lines;

use super::mapped::Mapped;
use crate::text::Span;

/// A Dockerfile as its instructions.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Dockerfile {
    pub instructions: Vec<Instruction>,
    pub stages: Vec<BuildStage>,
    /// The character that continues a line: a backslash unless `# escape=` says otherwise.
    pub escape: char,
}

/// One instruction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instruction {
    /// In capitals.
    pub keyword: String,
    /// From the keyword to the end of the last line (here-documents included), without its line
    /// end.
    pub span: Span,
    /// What stands behind the keyword, continuations joined.
    pub arguments: Mapped,
    pub body: Body,
    pub here_documents: Vec<HereDocument>,
    /// The index of its build stage; `None` in front of the first `FROM`.
    pub stage: Option<usize>,
}

/// What an instruction says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    From {
        image: String,
        image_span: Span,
        name: Option<String>,
    },
    /// `ENV`: every pair has a value.
    Env(Vec<Pair>),
    /// `ARG`: a pair without a value has no default.
    Arg(Vec<Pair>),
    /// `CMD` and `ENTRYPOINT` and `RUN`.
    Command(CommandForm),
    User(String, Span),
    Workdir(String, Span),
    Copy {
        /// `--from=`.
        from: Option<String>,
        sources: Vec<String>,
        target: String,
    },
    Expose(Vec<String>),
    /// Any other instruction.
    Other,
}

/// `NAME=value`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    pub name: String,
    pub name_span: Span,
    pub value: Option<String>,
    /// The value as written, inside its quotes where one pair encloses it; empty behind the name
    /// where there is none.
    pub value_span: Span,
    /// The pair as a whole.
    pub span: Span,
    /// `ENV NAME value`: all of the rest is the value, and there is no `=`.
    pub legacy: bool,
}

/// How `CMD`, `ENTRYPOINT` or `RUN` is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommandForm {
    /// `["a", "b"]`: the items, and the span of the array.
    Exec(Vec<Item>, Span),
    /// Text for `/bin/sh -c`.
    Shell(Mapped),
}

/// One string of an exec form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    pub value: Mapped,
    /// Quotes included.
    pub span: Span,
}

/// A here-document of `RUN`, `COPY` or `ADD`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HereDocument {
    pub delimiter: String,
    pub body: Span,
}

/// A build stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildStage {
    /// `AS name`, as written.
    pub name: Option<String>,
    /// The image as written (`python:3.12-slim`, `${BASE}`, the name of an earlier stage).
    pub image: String,
    /// The earlier stage that it builds on.
    pub base: Option<usize>,
    /// The indices of its instructions, its `FROM` first.
    pub instructions: std::ops::Range<usize>,
}

impl Dockerfile {
    /// Reads every instruction; what makes no sense becomes [`Body::Other`].
    pub fn parse(text: &str) -> Self {
        let lines = lines::Lines::new(text);
        let escape = lines.escape();
        let mut file = Self {
            escape,
            ..Self::default()
        };
        for raw in lines {
            file.push(instruction::read(raw));
        }
        file
    }

    fn push(&mut self, mut instruction: Instruction) {
        let index = self.instructions.len();
        if let Body::From { image, name, .. } = &instruction.body {
            let stage = BuildStage {
                name: name.clone(),
                image: image.clone(),
                base: self.stage_named(image),
                instructions: index..index,
            };
            self.stages.push(stage);
        }
        if let Some(stage) = self.stages.last_mut() {
            stage.instructions.end = index + 1;
        }
        instruction.stage = self.stages.len().checked_sub(1);
        self.instructions.push(instruction);
    }

    /// The last stage of that name so far; names compare without regard to case.
    pub fn stage_named(&self, name: &str) -> Option<usize> {
        let named = |stage: &BuildStage| {
            let own = stage.name.as_deref();
            own.is_some_and(|own| own.eq_ignore_ascii_case(name))
        };
        self.stages.iter().rposition(named)
    }

    /// The instructions that make up an image: those of the stages it builds on, then its own.
    pub fn instructions_of(&self, stage: usize) -> Vec<&Instruction> {
        let chain = self.chain(stage);
        let stages = chain.into_iter().rev();
        stages
            .flat_map(|stage| &self.instructions[stage.instructions.clone()])
            .collect()
    }

    /// The image that the first stage of the chain starts from.
    pub fn base_image(&self, stage: usize) -> Option<&str> {
        self.chain(stage).last().map(|stage| stage.image.as_str())
    }

    /// The stage and those it builds on, itself first. A stage can only build on an earlier one,
    /// so the chain ends.
    fn chain(&self, stage: usize) -> Vec<&BuildStage> {
        let start = self.stages.get(stage);
        std::iter::successors(start, |stage| self.stages.get(stage.base?)).collect()
    }
}

#[cfg(test)]
mod tests;
