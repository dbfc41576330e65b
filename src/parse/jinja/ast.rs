//! The tree of an expression.

use crate::text::Span;

#[derive(Debug, Clone, PartialEq)]
pub struct Expr {
    pub span: Span,
    pub kind: ExprKind,
}

#[derive(Debug, Clone, PartialEq)]
pub enum ExprKind {
    Name(String),
    /// The text between the quotes, escapes as written.
    String(String),
    Integer(String),
    Float(String),
    /// `true`, `false`, `none`.
    Constant(String),
    /// `value.name`.
    Attribute {
        value: Box<Expr>,
        name: String,
    },
    /// `value[index]`; a slice has no index.
    Index {
        value: Box<Expr>,
        index: Option<Box<Expr>>,
    },
    Call {
        function: Box<Expr>,
        arguments: Vec<Argument>,
    },
    /// `value|name(arguments)`.
    Filter {
        value: Box<Expr>,
        name: String,
        /// From the bar to the end of the arguments.
        filter: Span,
        arguments: Vec<Argument>,
    },
    /// `value is name(arguments)`.
    Test {
        value: Box<Expr>,
        name: String,
    },
    List(Vec<Expr>),
    Dict(Vec<(Expr, Expr)>),
    /// `not`, `-`, `+`.
    Unary {
        operator: Operator,
        value: Box<Expr>,
    },
    Binary {
        operator: Operator,
        left: Box<Expr>,
        right: Box<Expr>,
    },
    /// `then if test else other`.
    Conditional {
        test: Box<Expr>,
        then: Box<Expr>,
        other: Option<Box<Expr>>,
    },
    /// What could not be read.
    Unknown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    Or,
    And,
    Not,
    /// `==`, `<`, `in`, …
    Compare,
    /// `~`.
    Concat,
    Add,
    /// `-`, `/`, `//`, `**`.
    Arithmetic,
    /// `*`: may repeat a text.
    Multiply,
    /// `%`: may format a text.
    Modulo,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Argument {
    /// The keyword; "*" and "**" for what is unpacked.
    pub name: Option<String>,
    pub value: Expr,
}

impl Expr {
    /// The arguments, where it is a call.
    pub fn arguments(&self) -> &[Argument] {
        match &self.kind {
            ExprKind::Call { arguments, .. } => arguments,
            _ => &[],
        }
    }

    /// The text, where it is a string.
    pub fn as_str(&self) -> Option<&str> {
        match &self.kind {
            ExprKind::String(text) => Some(text),
            _ => None,
        }
    }

    /// `a.b.c` for a chain of attributes and constant keys.
    pub fn dotted(&self) -> Option<String> {
        match &self.kind {
            ExprKind::Name(name) => Some(name.clone()),
            ExprKind::Attribute { value, name } => Some(format!("{}.{name}", value.dotted()?)),
            ExprKind::Index { value, index } => {
                let index = index.as_ref()?;
                let key = match &index.kind {
                    ExprKind::String(key) | ExprKind::Integer(key) => key,
                    _ => return None,
                };
                Some(format!("{}.{key}", value.dotted()?))
            }
            _ => None,
        }
    }

    /// Calls `see` with this expression and everything in it.
    pub fn walk<'e>(&'e self, see: &mut impl FnMut(&'e Self)) {
        see(self);
        match &self.kind {
            ExprKind::Attribute { value, .. }
            | ExprKind::Test { value, .. }
            | ExprKind::Unary { value, .. } => value.walk(see),
            ExprKind::Index { value, index } => {
                value.walk(see);
                if let Some(index) = index {
                    index.walk(see);
                }
            }
            ExprKind::Call {
                function: value,
                arguments,
            }
            | ExprKind::Filter {
                value, arguments, ..
            } => {
                value.walk(see);
                for argument in arguments {
                    argument.value.walk(see);
                }
            }
            ExprKind::List(items) => items.iter().for_each(|item| item.walk(see)),
            ExprKind::Dict(items) => {
                for (key, value) in items {
                    key.walk(see);
                    value.walk(see);
                }
            }
            ExprKind::Binary { left, right, .. } => {
                left.walk(see);
                right.walk(see);
            }
            ExprKind::Conditional { test, then, other } => {
                test.walk(see);
                then.walk(see);
                if let Some(other) = other {
                    other.walk(see);
                }
            }
            ExprKind::Name(_)
            | ExprKind::String(_)
            | ExprKind::Integer(_)
            | ExprKind::Float(_)
            | ExprKind::Constant(_)
            | ExprKind::Unknown => {}
        }
    }
}
