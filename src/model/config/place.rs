//! Where to write a key so that production gets it and nothing overrides it.

use std::sync::Arc;

use ruff_python_ast::AnyNodeRef;
use ruff_text_size::Ranged as _;

use super::{Configuration, Environment, Form, Home, Resolved, Source, Write};
use crate::model::app::{AppId, Apps};
use crate::model::modules::{ModuleId, Modules};
use crate::text::{Location, Span};

/// A place for a key. [`crate::edit::config`] turns it into edits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placement {
    pub path: Arc<str>,
    pub module: ModuleId,
    pub container: Container,
    /// What a finding points at: the class's name, the last constant, the last write.
    pub location: Location,
    /// The environments that get what is written there: development too when they share it.
    pub environments: Vec<Environment>,
}

/// What takes the key in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Container {
    /// `KEY = value` in the body of the class with that span.
    Class(Span),
    /// `KEY = value` behind the statement with that span, at module level.
    Module { after: Option<Span> },
    /// `"KEY": value` in the dictionary display with that span.
    Dict(Span),
    /// `KEY=value` in the call with that span.
    Call(Span),
    /// `receiver["KEY"] = value` at the start of the line at `offset`.
    Statement {
        receiver: String,
        offset: usize,
        indentation: String,
    },
}

/// A place, and between which writes of production it is executed.
struct Spot {
    placement: Placement,
    /// Writes of the key before this position are overridden by the place.
    position: usize,
}

impl Write {
    /// Whether only a module that is started itself (`python app.py`) makes it: a WSGI server
    /// does not get to `if __name__ == "__main__":`.
    pub fn is_in_main(&self, modules: &Modules) -> bool {
        modules.get(self.module).is_under_main(self.statement.span)
    }
}

impl Configuration {
    /// The best place to set `key` for production. A key that is set already is overridden
    /// there; where only its value has to change, [`crate::edit::config::replace_value`] does.
    pub fn best_place(
        &self,
        modules: &Modules,
        apps: &Apps,
        app: AppId,
        key: &str,
    ) -> Option<Placement> {
        let goal = Environment::Production;
        let last_write = self
            .in_order(app, goal)
            .enumerate()
            .filter(|(_, write)| &*write.key == key && !write.is_in_main(modules))
            .map(|(position, _)| position)
            .last();
        let fits = |place: &Spot| last_write.is_none_or(|last| place.position > last);
        let objects: Vec<Spot> = self
            .sources(app)
            .filter_map(|source| self.in_object(modules, app, goal, source, key))
            .filter(fits)
            .collect();
        let only_production =
            |place: &&Spot| place.placement.environments == [Environment::Production];
        let exclusive = objects.iter().rfind(only_production);
        if let Some(place) = exclusive.or(objects.last()) {
            return Some(place.placement.clone());
        }
        let made_in = apps.get(app).module;
        // What another module adds to an application that it imports, production may never load.
        let is_own = |write: &Write| write.module == made_in || !write.via.is_empty();
        self.beside_writes(modules, app, |place, write| is_own(write) && fits(place))
            .or_else(|| {
                let is_set = last_write.is_some();
                self.beside_writes(modules, app, |place, _| is_set && fits(place))
            })
            .or_else(|| self.at_the_end(modules, apps, app))
    }

    /// The class or module that only the tests load, to set `key` for them.
    pub fn place_for_tests(&self, modules: &Modules, app: AppId, key: &str) -> Option<Placement> {
        let goal = Environment::Testing;
        let of_tests = self
            .sources(app)
            .filter(|source| source.environments == [goal]);
        let places = of_tests.filter_map(|source| self.in_object(modules, app, goal, source, key));
        places.last().map(|spot| spot.placement)
    }

    /// Whether the write is production's alone, so that changing its value leaves development
    /// and tests as they are.
    pub fn is_production_only(&self, write: &Write) -> bool {
        let others = [Environment::Development, Environment::Testing];
        !others
            .iter()
            .any(|other| self.is_shared_with(write, *other))
    }

    /// Whether `environment` gets the same statement's value, by whatever way it is loaded.
    pub fn is_shared_with(&self, write: &Write, environment: Environment) -> bool {
        self.writes(&write.key)
            .filter(|other| other.key_at == write.key_at)
            .any(|other| other.in_environment(environment))
    }

    /// The class or module that a load brings.
    fn in_object(
        &self,
        modules: &Modules,
        app: AppId,
        goal: Environment,
        source: &Source,
        key: &str,
    ) -> Option<Spot> {
        let start = source.position[goal.index()]?;
        let home = source.home.filter(|_| source.conditions.is_empty())?;
        let (Home::Class(module, _) | Home::Module(module)) = home;
        let tree = modules.get(module);
        if !tree.file.purpose.is_application() || !tree.is_valid() {
            return None;
        }
        let loaded: Vec<&Write> = self
            .in_order(app, goal)
            .skip(start)
            .take_while(|write| write.via.contains(&source.location))
            .collect();
        let own = |write: &&&Write| {
            write.module == module
                && match home {
                    Home::Class(_, span) => span.contains(write.statement.span),
                    Home::Module(_) => write.form == Form::ModuleConstant,
                }
        };
        // A key that stands in the container itself has its value replaced, not a second line.
        if loaded.iter().any(|write| own(&write) && &*write.key == key) {
            return None;
        }
        // Behind a constant of the module's own level, not of a branch in it.
        let is_plain = |write: &&&Write| write.conditions.is_empty();
        let last_own = loaded.iter().filter(own).rfind(is_plain);
        let (container, location) = match home {
            Home::Class(_, span) => {
                let class = tree.statement_exactly(span)?;
                let name = class.as_class_def_stmt()?.name.range;
                (Container::Class(span), tree.location(name))
            }
            Home::Module(_) => {
                let after = match last_own {
                    Some(write) => Some(outermost(tree, write.statement.span)?),
                    // Without constants nothing tells where the module's own load reads up to.
                    None if *tree.path() == source.location.path => return None,
                    None => None,
                };
                let at = after.unwrap_or_else(|| Span::at(0));
                (Container::Module { after }, tree.location(at))
            }
        };
        Some(Spot {
            placement: Placement {
                path: Arc::clone(tree.path()),
                module,
                container,
                location,
                environments: sorted(&source.environments),
            },
            position: start + loaded.len(),
        })
    }

    /// Next to the last certain write that stands in code.
    fn beside_writes(
        &self,
        modules: &Modules,
        app: AppId,
        fits: impl Fn(&Spot, &Write) -> bool,
    ) -> Option<Placement> {
        let goal = Environment::Production;
        let writes: Vec<&Write> = self.in_order(app, goal).collect();
        writes
            .iter()
            .enumerate()
            .rev()
            .find_map(|(position, write)| {
                if !write.is_certain() || !modules.get(write.module).file.purpose.is_application() {
                    return None;
                }
                if write.is_in_main(modules) {
                    return None;
                }
                let container = beside(modules, write)?;
                let place = Spot {
                    placement: Placement {
                        path: Arc::clone(&write.statement.path),
                        module: write.module,
                        container,
                        location: write.statement.clone(),
                        environments: sorted(&write.environments),
                    },
                    // A mapping is written as a whole, in any order.
                    position: position + 1,
                };
                fits(&place, write).then_some(place.placement)
            })
    }

    /// Behind everything else that configures the application.
    fn at_the_end(&self, modules: &Modules, apps: &Apps, app: AppId) -> Option<Placement> {
        let end = self.end_of_setup(app)?;
        let module = modules.by_path(&end.path)?;
        let holder = if apps.get(app).class.starts_with("connexion") {
            format!("{}.app", end.name)
        } else {
            end.name.clone()
        };
        Some(Placement {
            path: Arc::clone(&end.path),
            module,
            container: Container::Statement {
                receiver: format!("{holder}.config"),
                offset: end.offset,
                indentation: end.indentation.clone(),
            },
            location: Location::new(&end.path, end.last),
            environments: Environment::ALL.to_vec(),
        })
    }

    /// Where the value of `key` in `environment` is decided, for a person to look at: the write
    /// in force, else the best place to add one.
    pub fn where_to_look(&self, modules: &Modules, apps: &Apps, app: AppId, key: &str) -> Location {
        if let Resolved::Set { write, .. } = self.resolved(app, key, Environment::Production) {
            return write.statement.clone();
        }
        self.best_place(modules, apps, app, key).map_or_else(
            || apps.get(app).construction.clone(),
            |place| place.location,
        )
    }
}

/// The container that holds `write`, or the line behind it.
fn beside(modules: &Modules, write: &Write) -> Option<Container> {
    let tree = modules.get(write.module);
    if !tree.is_valid() {
        return None;
    }
    match write.form {
        Form::DictEntry => {
            let path = tree.ancestors(write.key_at.span);
            let dict = path.iter().rev().find_map(|node| match node {
                AnyNodeRef::ExprDict(dict) => Some(dict.range.into()),
                _ => None,
            });
            dict.map(Container::Dict)
        }
        Form::Keyword => {
            let path = tree.ancestors(write.key_at.span);
            let call = path.iter().rev().find_map(|node| match node {
                AnyNodeRef::ExprCall(call) => Some(call.range().into()),
                _ => None,
            });
            call.map(Container::Call)
        }
        Form::Subscript | Form::Attribute => statement_behind(modules, write),
        _ => None,
    }
}

fn statement_behind(modules: &Modules, write: &Write) -> Option<Container> {
    let tree = modules.get(write.module);
    let text = &tree.file.text;
    let source = tree.source(Span::new(
        write.statement.span.start,
        write.key_at.span.start,
    ));
    let receiver = match write.form {
        Form::Attribute => format!("{}.config", source.trim_end().strip_suffix('.')?),
        _ => {
            let receiver = source.trim_end_matches(['[', '(', ' ']);
            receiver
                .strip_suffix(".setdefault")
                .unwrap_or(receiver)
                .to_owned()
        }
    };
    // Chained and unpacked assignments have more than the receiver in front of the key.
    if receiver.contains(['=', ',', '\n', '(', '[']) {
        return None;
    }
    let stmt = tree.statement_at(write.statement.span)?;
    let around = out_of_blocks(tree, stmt.range().into());
    Some(Container::Statement {
        receiver,
        offset: text.next_line_start(around.end.saturating_sub(1)),
        indentation: text.indentation(around.start).to_owned(),
    })
}

/// The outermost `with` or `try` around a statement that is executed whenever they are: new
/// statements have no business in them.
fn out_of_blocks(tree: &crate::parse::python::Module, statement: Span) -> Span {
    let ancestors = tree.ancestors(statement);
    let around = ancestors
        .iter()
        .rev()
        .map(|node| (node, Span::from(node.range())))
        .skip_while(|(_, span)| *span == statement || statement.contains(*span))
        .take_while(|(node, _)| {
            matches!(
                node,
                AnyNodeRef::StmtWith(_)
                    | AnyNodeRef::StmtTry(_)
                    | AnyNodeRef::ExceptHandlerExceptHandler(_)
            )
        });
    around.last().map_or(statement, |(_, span)| span)
}

/// The statement of the module's own level that holds `span`.
fn outermost(tree: &crate::parse::python::Module, span: Span) -> Option<Span> {
    tree.body()
        .iter()
        .map(|stmt| Span::from(stmt.range()))
        .find(|stmt| stmt.contains(span))
}

fn sorted(environments: &[Environment]) -> Vec<Environment> {
    let mut list = environments.to_vec();
    list.sort_unstable();
    list
}
