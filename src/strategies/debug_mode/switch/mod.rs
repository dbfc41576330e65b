//! Whether the value of a `debug=` argument is on: constants are followed through names,
//! settings, parameters and the options of a command line; nothing is guessed.

mod calls;
mod options;
use ruff_python_ast::statement_visitor::{StatementVisitor, walk_stmt};
use ruff_python_ast::{
    CmpOp, Expr, ExprAttribute, ExprCompare, Number, Stmt, StmtFunctionDef, UnaryOp,
};
use ruff_text_size::Ranged as _;

use super::logic::{combined, first_read, negated, strings_of};
use super::walk::{Entries, Returns, calls_in};
use crate::model::Model;
use crate::model::modules::ModuleId;
use crate::model::names::{Binding, BindingKind, Qualified, ScopeKind};
use crate::text::{Location, Span};

/// Longest chain of names that is followed.
const MAX_STEPS: usize = 12;

/// What a switch is set to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Switch {
    /// On whatever happens; `at` is the constant that makes it so.
    On {
        at: Location,
    },
    Off,
    /// Off, unless whoever starts the program says otherwise; how, as half a sentence.
    OnRequest(String),
    /// Production's command line asks for it: the option, and the word in the command.
    Passed {
        flag: String,
        word: Location,
    },
    /// Any text turns it on, "False" as well: the variable's name and the reading expression.
    Trap {
        variable: String,
        at: Location,
        /// On as well when the variable is not set.
        by_default: bool,
    },
    /// On unless the variable is one of these words, or anything at all where there are none;
    /// the reading expression.
    Unless {
        variable: String,
        words: Vec<String>,
        at: Location,
    },
    /// What the configuration's `DEBUG` says.
    Configuration,
    /// Static reading cannot tell; why, as half a sentence.
    Unknown(String),
}

impl Switch {
    pub fn unknown(why: impl Into<String>) -> Self {
        Self::Unknown(why.into())
    }

    fn constant(on: bool, at: Location) -> Self {
        if on { Self::On { at } } else { Self::Off }
    }
}

/// What `expr` of `module` is as a switch.
pub(super) fn follow(model: &Model, module: ModuleId, expr: &Expr) -> Switch {
    Follower { model }.expression(module, expr, MAX_STEPS)
}

/// The values that `**mapping` gives the keyword `name`; `None` when the mapping cannot be
/// followed.
pub(super) fn in_mapping<'m>(
    model: &'m Model,
    module: ModuleId,
    mapping: &'m Expr,
    name: &str,
) -> Option<Vec<&'m Expr>> {
    Follower { model }.mapping(module, mapping, name, MAX_STEPS)
}

struct Follower<'m> {
    model: &'m Model,
}

impl<'m> Follower<'m> {
    fn location(&self, module: ModuleId, node: &Expr) -> Location {
        self.model.modules.get(module).location(node.range())
    }

    fn expression(&self, module: ModuleId, expr: &Expr, steps: usize) -> Switch {
        let Some(steps) = steps.checked_sub(1) else {
            return Switch::unknown("it is passed on too often to be followed");
        };
        let constant = |on| Switch::constant(on, self.location(module, expr));
        match expr {
            Expr::BooleanLiteral(value) => constant(value.value),
            Expr::NumberLiteral(number) => match &number.value {
                Number::Int(int) => constant(*int != ruff_python_ast::Int::ZERO),
                Number::Float(float) => constant(*float != 0.0),
                Number::Complex { .. } => constant(true),
            },
            Expr::StringLiteral(text) => constant(!text.value.is_empty()),
            Expr::NoneLiteral(_) => Switch::Off,
            Expr::UnaryOp(not) if not.op == UnaryOp::Not => {
                let operand = self.expression(module, &not.operand, steps);
                negated(operand, self.location(module, expr))
            }
            Expr::Name(_) => self.name(module, expr, steps),
            Expr::Attribute(attribute) => self.attribute(module, attribute, expr, steps),
            Expr::Subscript(subscript) => match &*subscript.slice {
                Expr::StringLiteral(key) => {
                    self.entry(module, &subscript.value, key.value.to_str(), steps)
                }
                _ => Switch::unknown("it is looked up by a key that is not constant"),
            },
            Expr::Call(call) => self.call(module, call, self.location(module, expr), steps),
            Expr::Compare(compare) => self.compare(module, compare, steps),
            Expr::BoolOp(operation) => {
                let is_and = operation.op == ruff_python_ast::BoolOp::And;
                let values = operation.values.iter();
                combined(
                    is_and,
                    values.map(|value| self.expression(module, value, steps)),
                )
            }
            Expr::If(either) => {
                let branches = [&either.body, &either.orelse];
                let [then, otherwise] =
                    branches.map(|branch| self.expression(module, branch, steps));
                if then == otherwise {
                    return then;
                }
                Switch::unknown("a condition decides")
            }
            Expr::Named(named) => self.expression(module, &named.value, steps),
            _ => Switch::unknown("it is computed"),
        }
    }

    fn name(&self, module: ModuleId, expr: &Expr, steps: usize) -> Switch {
        let Expr::Name(name) = expr else {
            return Switch::unknown("it is computed");
        };
        let scopes = self.model.names.scopes(module);
        let found = scopes.lookup(&name.id, name.range.start().to_usize());
        let Some((scope, bindings)) = found else {
            return Switch::unknown(format!("{} is not defined here", name.id));
        };
        if let [binding] = bindings
            && matches!(binding.kind, BindingKind::Parameter(_))
            && scope.kind == ScopeKind::Function
        {
            return self.parameter(module, &name.id, binding.span, steps);
        }
        if let Some(BindingKind::Import(_)) = bindings.last().map(|binding| &binding.kind) {
            let model = self.model;
            return match model.names.qualify(&model.modules, module, expr) {
                Some(found) => self.global(&found, steps),
                None => Switch::unknown(format!("{} is imported from elsewhere", name.id)),
            };
        }
        self.bindings(module, &name.id, bindings, steps)
    }

    /// The value after the last of several assignments, where they agree or where the last one
    /// is made whatever happens.
    fn bindings(&self, module: ModuleId, name: &str, bindings: &[Binding], steps: usize) -> Switch {
        let tree = self.model.modules.get(module);
        let values: Option<Vec<Switch>> = bindings
            .iter()
            .map(|binding| match binding.kind {
                BindingKind::Value(span) => {
                    let value = tree.expression_at(span)?;
                    Some(self.expression(module, value, steps))
                }
                _ => None,
            })
            .collect();
        let Some(mut values) = values else {
            return Switch::unknown(format!("{name} is not a constant"));
        };
        let Some(last) = values.pop() else {
            return Switch::unknown(format!("{name} is never set"));
        };
        let agree = values.iter().all(|value| {
            *value == last || matches!((value, &last), (Switch::On { .. }, Switch::On { .. }))
        });
        let certain = bindings.last().is_some_and(|binding| {
            tree.ancestors(binding.span).iter().all(|node| {
                let span = Span::from(node.range());
                span == binding.span
                    || !matches!(
                        node,
                        ruff_python_ast::AnyNodeRef::StmtIf(_)
                            | ruff_python_ast::AnyNodeRef::StmtFor(_)
                            | ruff_python_ast::AnyNodeRef::StmtWhile(_)
                            | ruff_python_ast::AnyNodeRef::StmtTry(_)
                            | ruff_python_ast::AnyNodeRef::StmtMatch(_)
                    )
            })
        });
        if agree || certain {
            return last;
        }
        Switch::unknown(format!("a condition decides what {name} is"))
    }

    /// Something of a module or of a class of the repository.
    fn global(&self, name: &Qualified, steps: usize) -> Switch {
        let Some(definition) = self.model.names.definition(name) else {
            return Switch::unknown(format!("{name} comes from a library"));
        };
        if let Qualified::Internal(module, path) = name
            && !path.contains('.')
        {
            let scopes = self.model.names.scopes(*module);
            if let Some(bindings) = scopes.module().bindings.get(path.as_str()) {
                return self.bindings(*module, path, bindings, steps);
            }
        }
        let binding = std::slice::from_ref(&definition.binding);
        self.bindings(definition.module, &name.to_string(), binding, steps)
    }

    fn attribute(
        &self,
        module: ModuleId,
        attribute: &ExprAttribute,
        whole: &Expr,
        steps: usize,
    ) -> Switch {
        let model = self.model;
        let found = model.names.qualify(&model.modules, module, whole);
        if let Some(found) = &found
            && model.names.definition(found).is_some()
        {
            return self.global(found, steps);
        }
        let class = model
            .names
            .type_of(&model.modules, module, &attribute.value);
        if let Some(class) = class {
            if model
                .names
                .is_subclass(&model.modules, &class, "flask.Flask")
            {
                return match attribute.attr.as_str() {
                    "debug" => Switch::Configuration,
                    _ => Switch::unknown("it is an attribute of the app"),
                };
            }
            if let Some(value) = self.class_attribute(&class, &attribute.attr, steps) {
                return value;
            }
        }
        if let Some(value) = self.own_attribute(module, attribute, steps) {
            return value;
        }
        let option = self.declared_option(module, &attribute.attr, steps);
        option.unwrap_or_else(|| {
            let source = model.modules.get(module).source(attribute.range());
            Switch::unknown(format!("{source} is not set in this repository"))
        })
    }

    /// `Settings().debug`: the class's default.
    fn class_attribute(&self, class: &Qualified, name: &str, steps: usize) -> Option<Switch> {
        let Qualified::Internal(module, path) = class else {
            return None;
        };
        let member = Qualified::Internal(*module, format!("{path}.{name}"));
        self.model.names.definition(&member)?;
        Some(self.global(&member, steps))
    }

    /// `self.debug`, by what the methods of its class set it to.
    fn own_attribute(
        &self,
        module: ModuleId,
        attribute: &ExprAttribute,
        steps: usize,
    ) -> Option<Switch> {
        let Expr::Name(owner) = &*attribute.value else {
            return None;
        };
        if owner.id.as_str() != "self" {
            return None;
        }
        let tree = self.model.modules.get(module);
        let ancestors = tree.ancestors(attribute.range().into());
        let class = ancestors.iter().rev().find_map(|node| match node {
            ruff_python_ast::AnyNodeRef::StmtClassDef(class) => Some(*class),
            _ => None,
        })?;
        let mut set = SelfAttributes {
            name: &attribute.attr,
            values: Vec::new(),
        };
        set.visit_body(&class.body);
        let mut switches: Vec<Switch> = set
            .values
            .into_iter()
            .map(|value| self.expression(module, value, steps))
            .collect();
        let worst = switches.iter().position(|switch| {
            matches!(
                switch,
                Switch::On { .. } | Switch::Trap { .. } | Switch::Unless { .. }
            )
        });
        match worst {
            Some(index) => Some(switches.swap_remove(index)),
            None => switches.pop(),
        }
    }

    /// `mapping["debug"]`.
    fn entry(&self, module: ModuleId, mapping: &Expr, key: &str, steps: usize) -> Switch {
        let class = self
            .model
            .names
            .type_of(&self.model.modules, module, mapping);
        let is_config = class.is_some_and(|class| class.is("flask.Config"));
        if is_config {
            return match key {
                "DEBUG" => Switch::Configuration,
                _ => Switch::unknown(format!("the setting {key} decides")),
            };
        }
        let source = self.model.modules.get(module).source(mapping.range());
        if source == "os.environ" || source == "environ" {
            return Switch::Trap {
                variable: key.to_owned(),
                at: self.location(module, mapping),
                by_default: false,
            };
        }
        let values = self.mapping(module, mapping, key, steps);
        let values = values.unwrap_or_default();
        let mut switches = values
            .into_iter()
            .map(|value| self.expression(module, value, steps));
        switches
            .next_back()
            .unwrap_or_else(|| Switch::unknown(format!("{source} is not followed")))
    }

    /// The values of one key in a dictionary that is written out in this module.
    fn mapping(
        &self,
        module: ModuleId,
        mapping: &Expr,
        key: &str,
        steps: usize,
    ) -> Option<Vec<&'m Expr>> {
        let steps = steps.checked_sub(1)?;
        let tree = self.model.modules.get(module);
        match mapping {
            Expr::Dict(dict) => {
                // The tree is the model's own: found again, it lives as long as the model.
                let Some(Expr::Dict(dict)) = tree.expression_at(dict.range.into()) else {
                    return None;
                };
                let entries = dict.items.iter().filter(|item| {
                    matches!(&item.key, Some(Expr::StringLiteral(text)) if text.value.to_str() == key)
                });
                Some(entries.map(|item| &item.value).collect())
            }
            Expr::Call(call) => {
                if matches!(&*call.func, Expr::Name(name) if name.id.as_str() == "dict") {
                    let call = tree.call_at(call.range().into())?;
                    let keyword = call.arguments.find_keyword(key);
                    return Some(keyword.map(|keyword| &keyword.value).into_iter().collect());
                }
                let callee = self
                    .model
                    .names
                    .callee(&self.model.modules, module, &call.func)?;
                let (home, function) = self.model.names.function(&self.model.modules, &callee)?;
                if home != module {
                    return None;
                }
                let mut returned = Returns(Vec::new());
                returned.body(&function.body);
                let values = returned.0.into_iter();
                let lists: Option<Vec<_>> = values
                    .map(|value| self.mapping(module, value, key, steps))
                    .collect();
                Some(lists?.into_iter().flatten().collect())
            }
            Expr::Name(name) => {
                let offset = name.range.start().to_usize();
                let scopes = self.model.names.scopes(module);
                let (scope, bindings) = scopes.lookup(&name.id, offset)?;
                let mut found = Vec::new();
                for binding in bindings {
                    let BindingKind::Value(span) = binding.kind else {
                        return None;
                    };
                    let value = tree.expression_at(span)?;
                    found.extend(self.mapping(module, value, key, steps)?);
                }
                let mut entries = Entries {
                    name: &name.id,
                    key,
                    within: scope.span,
                    found,
                };
                entries.visit_statements(tree.body());
                Some(entries.found)
            }
            _ => None,
        }
    }

    /// A parameter: a click option's declared default, else what the callers pass, else its own
    /// default.
    fn parameter(&self, module: ModuleId, name: &str, span: Span, steps: usize) -> Switch {
        let tree = self.model.modules.get(module);
        let ancestors = tree.ancestors(span);
        let function = ancestors.iter().rev().find_map(|node| match node {
            ruff_python_ast::AnyNodeRef::StmtFunctionDef(function) => Some(*function),
            _ => None,
        });
        let Some(function) = function else {
            return Switch::unknown(format!("the caller decides what {name} is"));
        };
        if let Some(option) = self.click_option(module, function, name, steps) {
            return option;
        }
        let (mut passed, everywhere) = self.passed(module, function, name, steps);
        let default = function.parameters.iter_non_variadic_params();
        let default = default
            .filter(|parameter| parameter.name().as_str() == name)
            .find_map(|parameter| parameter.default());
        let default = default.map(|default| self.expression(module, default, steps));
        passed.extend(default.filter(|_| !everywhere));
        let on = passed
            .iter()
            .position(|switch| matches!(switch, Switch::On { .. } | Switch::Trap { .. }));
        match on {
            Some(index) => passed.swap_remove(index),
            None if !passed.is_empty() && passed.iter().all(|switch| *switch == Switch::Off) => {
                Switch::OnRequest(format!("when {}() is called so", function.name))
            }
            None => passed
                .into_iter()
                .find(|switch| !matches!(switch, Switch::Off | Switch::Unknown(_)))
                .unwrap_or_else(|| {
                    let function = function.name.as_str();
                    Switch::unknown(format!("whoever calls {function}() decides"))
                }),
        }
    }

    /// What the calls of `function` in its own module pass for `name`, and whether there are
    /// calls and all of them pass it. A class is called for its `__init__`.
    fn passed(
        &self,
        module: ModuleId,
        function: &StmtFunctionDef,
        name: &str,
        steps: usize,
    ) -> (Vec<Switch>, bool) {
        let tree = self.model.modules.get(module);
        let ancestors = tree.ancestors(function.range.into());
        let class = ancestors.iter().rev().find_map(|node| match node {
            ruff_python_ast::AnyNodeRef::StmtClassDef(class) => Some(class.name.as_str()),
            _ => None,
        });
        let class = class.filter(|_| function.name.as_str() == "__init__");
        let callee = class.unwrap_or(function.name.as_str());
        let parameters = function.parameters.iter_non_variadic_params();
        let position = parameters
            .skip(usize::from(class.is_some()))
            .map(|parameter| parameter.name().as_str())
            .position(|parameter| parameter == name);
        let calls = calls_in(
            tree.body(),
            |call| matches!(&*call.func, Expr::Name(called) if called.id.as_str() == callee),
        );
        let count = calls.len();
        let values: Vec<&Expr> = calls
            .into_iter()
            .filter_map(|call| {
                let position = position.unwrap_or(usize::MAX);
                call.arguments.find_argument_value(name, position)
            })
            .collect();
        let everywhere = count > 0 && values.len() == count;
        let values = values.into_iter();
        let switches = values.map(|value| self.expression(module, value, steps));
        (switches.collect(), everywhere)
    }

    /// `os.environ.get("DEBUG") == "1"`, `….lower() in ("1", "true")`: off unless it is set so.
    fn compare(&self, module: ModuleId, compare: &ExprCompare, steps: usize) -> Switch {
        let read = first_read(self.model, module, &compare.left);
        let Some((variable, default)) = read else {
            return Switch::unknown("a comparison decides");
        };
        let is_positive = matches!(&*compare.ops, [CmpOp::Eq | CmpOp::In | CmpOp::Is]);
        let is_set = |words: &Expr| match words {
            Expr::StringLiteral(word) => vec![word.value.to_str().to_lowercase()],
            Expr::Tuple(_) | Expr::List(_) | Expr::Set(_) => strings_of(words),
            _ => Vec::new(),
        };
        let words = compare.comparators.first().map(is_set).unwrap_or_default();
        if words.is_empty() {
            return Switch::unknown(format!("{variable} is compared with something computed"));
        }
        let Some(default) = default else {
            return match is_positive {
                true => Switch::OnRequest(format!("when {variable} says so")),
                false => Switch::Unless {
                    variable,
                    words,
                    at: self.model.modules.get(module).location(compare.range),
                },
            };
        };
        let at = self.location(module, default);
        match default {
            Expr::StringLiteral(text) => {
                let is_among = words.contains(&text.value.to_str().to_lowercase());
                match is_among == is_positive {
                    true => Switch::On { at },
                    false => Switch::OnRequest(format!("when {variable} says so")),
                }
            }
            other => match (self.expression(module, other, steps), is_positive) {
                (Switch::On { .. } | Switch::Off, true) => {
                    Switch::OnRequest(format!("when {variable} says so"))
                }
                _ => Switch::unknown(format!("{variable} decides")),
            },
        }
    }
}

/// The values that a class's methods assign to one attribute of `self`.
struct SelfAttributes<'a> {
    name: &'a str,
    values: Vec<&'a Expr>,
}

impl<'a> StatementVisitor<'a> for SelfAttributes<'a> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        let (targets, value) = match stmt {
            Stmt::Assign(assign) => (&assign.targets[..], Some(&*assign.value)),
            Stmt::AnnAssign(assign) => (
                std::slice::from_ref(&*assign.target),
                assign.value.as_deref(),
            ),
            _ => (&[][..], None),
        };
        // `self.host, self.debug = host, debug`.
        let pairs =
            targets
                .iter()
                .zip(std::iter::repeat(value))
                .flat_map(|(target, value)| match (target, value) {
                    (Expr::Tuple(names), Some(Expr::Tuple(values)))
                        if names.elts.len() == values.elts.len() =>
                    {
                        names.elts.iter().zip(&values.elts).collect()
                    }
                    (target, Some(value)) => vec![(target, value)],
                    _ => Vec::new(),
                });
        for (target, value) in pairs {
            if let Expr::Attribute(attribute) = target
                && attribute.attr.as_str() == self.name
                && matches!(&*attribute.value, Expr::Name(owner) if owner.id.as_str() == "self")
            {
                self.values.push(value);
            }
        }
        walk_stmt(self, stmt);
    }
}
