//! Which of several configurations an environment loads, and which branches it takes.

use ruff_python_ast::{BoolOp, CmpOp, Expr, ExprCompare, UnaryOp};
use ruff_text_size::Ranged as _;

use super::evaluate::Piece;
use super::load::text_of;
use super::trace::{Alternatives, Eval, Frame, Tracer};
use super::{Candidate, Chosen, Environment, Literal, Switch, Value};
use crate::model::deployment::Server;
use crate::model::modules::ModuleId;
use crate::text::Location;

/// What a name says it is for; "staging" and "default" say nothing.
pub(super) fn environment_of(name: &str) -> Option<Environment> {
    let mut found = None;
    for word in words(name) {
        let environment = match word.as_str() {
            "prod" | "production" | "live" | "release" | "prd" => Environment::Production,
            "dev" | "devel" | "develop" | "development" | "local" | "localhost" | "debug" => {
                Environment::Development
            }
            "test" | "tests" | "testing" | "unittest" | "pytest" | "ci" | "e2e" => {
                Environment::Testing
            }
            _ => continue,
        };
        // "TestProductionConfig" is for tests.
        if found != Some(Environment::Testing) && found != Some(Environment::Development) {
            found = Some(environment);
        }
    }
    found
}

/// The words of `DevelopmentConfig`, `dev_config`, `app.config.dev`, in lower case.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before_lower = false;
    for character in name.chars() {
        let starts = character.is_uppercase() && before_lower;
        if !character.is_alphanumeric() || starts {
            words.push(String::new());
        }
        before_lower = character.is_lowercase() || character.is_numeric();
        if character.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(character.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

impl<'a> Tracer<'a> {
    /// Whether `test` holds in the environment that is traced; `None`: it cannot be told.
    pub(super) fn truth(&mut self, frame: &mut Frame<'a>, test: &'a Expr) -> Option<bool> {
        match test {
            Expr::UnaryOp(operation) if operation.op == UnaryOp::Not => {
                Some(!self.truth(frame, &operation.operand)?)
            }
            Expr::BoolOp(operation) => {
                let mut all_known = true;
                let stops_at = operation.op == BoolOp::Or;
                for value in &operation.values {
                    match self.truth(frame, value) {
                        Some(truth) if truth == stops_at => return Some(stops_at),
                        Some(_) => {}
                        None => all_known = false,
                    }
                }
                all_known.then_some(!stops_at)
            }
            Expr::Compare(compare) => self.compared(frame, test, compare),
            Expr::Attribute(attribute)
                if matches!(attribute.attr.as_str(), "debug" | "testing")
                    && matches!(self.eval(frame, &attribute.value), Eval::App) =>
            {
                let key = attribute.attr.as_str().to_uppercase();
                Some(self.flag(&key))
            }
            Expr::Subscript(_) | Expr::Call(_) => {
                let text = self.source(frame.module, test);
                let value = self.eval(frame, test);
                match super::evaluate::truth_of(&value) {
                    Some(truth) if matches!(value, Eval::Value(_)) => Some(truth),
                    _ if reads_config_flag(text, "DEBUG") => Some(self.flag("DEBUG")),
                    _ if reads_config_flag(text, "TESTING") => Some(self.flag("TESTING")),
                    _ => self.environment_truth(&value),
                }
            }
            _ => {
                let value = self.eval(frame, test);
                super::evaluate::truth_of(&value).or_else(|| self.environment_truth(&value))
            }
        }
    }

    /// `DEBUG` and `TESTING`: what was written, else what the environment is.
    fn flag(&self, key: &str) -> bool {
        if let Some(Value::Known(literal)) = self.current(key) {
            return literal.is_truthy();
        }
        match key {
            "DEBUG" => self.goal == Environment::Development,
            _ => self.goal == Environment::Testing,
        }
    }

    /// A variable that production's own files set.
    fn environment_truth(&self, value: &Eval<'a>) -> Option<bool> {
        let Eval::Value(Value::Env(read)) = value else {
            return None;
        };
        if self.goal != Environment::Production {
            return None;
        }
        let mut settings = self.world.deployment.production_settings(&read.name);
        let text = settings.next()?.literal()?.to_owned();
        if settings.any(|other| other.literal() != Some(&text)) {
            return None;
        }
        Some(read.with(Some(&text))?.is_truthy())
    }

    fn compared(
        &mut self,
        frame: &mut Frame<'a>,
        test: &'a Expr,
        compare: &'a ExprCompare,
    ) -> Option<bool> {
        if crate::parse::python::is_main_test(test) {
            return self.runs_as_script(frame.module);
        }
        let value = self.eval(frame, test);
        if let Eval::Value(Value::Known(literal)) = &value {
            return Some(literal.is_truthy());
        }
        if let Some(truth) = self.environment_truth(&value) {
            return Some(truth);
        }
        let ([operator], [right]) = (&*compare.ops, &*compare.comparators) else {
            return None;
        };
        let negated = matches!(operator, CmpOp::NotEq | CmpOp::NotIn | CmpOp::IsNot);
        if matches!(operator, CmpOp::In | CmpOp::NotIn) {
            // `name in configs`, where one of them is for this environment.
            if let Eval::Table(module, table) = self.eval(frame, right) {
                let keys = table.items.iter().filter_map(|item| item.key.as_ref());
                let goal = self.goal;
                let mut names = keys.filter_map(|key| text_of(&self.eval_in(module, key)));
                return names
                    .any(|name| environment_of(&name) == Some(goal))
                    .then_some(!negated);
            }
            let modules = self.source(frame.module, right);
            let left = text_of(&self.eval(frame, &compare.left));
            if modules.ends_with("sys.modules")
                && left.is_some_and(|left| matches!(&*left, "pytest" | "unittest"))
            {
                return Some((self.goal == Environment::Testing) != negated);
            }
        }
        // `env == "production"`, whatever `env` is read from.
        let subject = self.source(frame.module, &*compare.left);
        let names = self.stage_names(frame, right);
        let (subject, names) = if names.is_empty() {
            let names = self.stage_names(frame, &compare.left);
            (self.source(frame.module, right), names)
        } else {
            (subject, names)
        };
        if names.is_empty() || !is_about_environment(subject) {
            return None;
        }
        let stages: Option<Vec<_>> = names.iter().map(|name| environment_of(name)).collect();
        Some(stages?.contains(&self.goal) != negated)
    }

    fn stage_names(&mut self, frame: &mut Frame<'a>, expr: &'a Expr) -> Vec<String> {
        match self.eval(frame, expr) {
            Eval::Value(Value::Known(Literal::Str(name))) => vec![name],
            Eval::Sequence(module, items) => items
                .iter()
                .filter_map(|item| text_of(&self.eval_in(module, item)))
                .collect(),
            _ => Vec::new(),
        }
    }

    /// Whether `if __name__ == "__main__"` of the module is reached.
    pub(super) fn runs_as_script(&self, module: ModuleId) -> Option<bool> {
        if self.goal == Environment::Testing {
            return Some(false);
        }
        if self.goal == Environment::Development {
            return None;
        }
        let path = self.tree(module).path();
        let servers: Vec<_> = self
            .world
            .deployment
            .production()
            .filter(|process| {
                process.may_be_dev_server()
                    || process.server.is_production_server()
                    || process.target.is_some()
            })
            .collect();
        let is_script = |server: &Server| match server {
            Server::PythonScript { path: script } => **script == **path,
            Server::PythonModule { name } => {
                let name = name.replace('.', "/");
                path.ends_with(&format!("{name}.py"))
                    || path.ends_with(&format!("{name}/__main__.py"))
            }
            _ => false,
        };
        if servers.iter().any(|process| is_script(&process.server)) {
            return Some(true);
        }
        (!servers.is_empty()).then_some(false)
    }

    /// What the environment takes of several: one, or all with their place in the switch.
    pub(super) fn choose(
        &mut self,
        module: ModuleId,
        argument: &'a Expr,
        alternatives: &Alternatives<'a>,
    ) -> Vec<(Eval<'a>, Option<(usize, usize)>)> {
        let candidates: Vec<Candidate> = alternatives
            .items
            .iter()
            .map(|(name, location, value)| Candidate {
                name: name.clone(),
                environment: environment_of(name).or_else(|| class_environment(value)),
                location: location.clone(),
            })
            .collect();
        let chosen = self.chosen(&candidates, &alternatives.selector);
        let variable = match &alternatives.selector {
            Eval::Value(Value::Env(read)) => Some(read.name.clone()),
            _ => None,
        };
        let location = self.location(module, argument.range());
        let index = chosen.as_ref().map(|chosen| chosen.candidate);
        let default = match &alternatives.selector {
            Eval::Value(Value::Env(read)) => default_of(&candidates, read),
            _ => None,
        };
        let switch = self.note_switch(Switch {
            app: self.app,
            location,
            candidates,
            variable,
            default,
            chosen: self.by_environment(chosen),
        });
        match index {
            Some(index) => vec![(alternatives.items[index].2.clone(), None)],
            None if alternatives.items.is_empty() => alternatives
                .fallback
                .iter()
                .map(|it| (it.clone(), None))
                .collect(),
            None => alternatives
                .items
                .iter()
                .enumerate()
                .map(|(index, item)| (item.2.clone(), Some((switch, index))))
                .collect(),
        }
    }

    /// What the environment that is traced chooses, at its place.
    fn by_environment(&self, chosen: Option<Chosen>) -> [Option<Chosen>; 3] {
        let mut all = [None, None, None];
        all[self.goal.index()] = chosen;
        all
    }

    fn note_switch(&mut self, switch: Switch) -> usize {
        let index = self.goal.index();
        let mut known = self.switches.iter();
        let known = known.position(|it| it.location == switch.location);
        let Some(known) = known else {
            self.switches.push(switch);
            return self.switches.len() - 1;
        };
        let mut chosen = switch.chosen.into_iter();
        self.switches[known].chosen[index] = chosen.nth(index).flatten();
        known
    }

    fn chosen(&self, candidates: &[Candidate], selector: &Eval<'a>) -> Option<Chosen> {
        let named = |name: &str| named(candidates, name);
        let choice = |candidate: usize, because: String, at: Option<Location>| {
            Some(Chosen {
                candidate,
                because,
                at,
            })
        };
        if let Some(name) = text_of(selector)
            && let Some(found) = named(&name)
        {
            return choice(found, format!("the code asks for {name:?}"), None);
        }
        let read = match selector {
            Eval::Value(Value::Env(read)) => Some(read),
            _ => None,
        };
        if let Some(read) = read.filter(|_| self.goal == Environment::Production) {
            let set = self.world.deployment.production_settings(&read.name);
            let set: Vec<_> = set.filter(|it| it.literal().is_some()).collect();
            let first = set.first().and_then(|it| it.literal());
            let agree = set.iter().all(|it| it.literal() == first);
            if let (Some(setting), Some(text), true) = (set.first(), first, agree)
                && let Some(found) = named(text)
            {
                let path = &setting.location.path;
                let because = format!("{} is {text} in {path}", read.name);
                return choice(found, because, Some(setting.location.clone()));
            }
        }
        let default = read
            .and_then(|read| Some((read, read.default.as_ref()?.as_str()?)))
            .and_then(|(read, name)| Some((read, name, named(name)?)));
        if let Some((read, name, found)) = default
            && matches!(
                candidates[found].environment,
                None | Some(Environment::Production)
            )
            && self.goal == Environment::Production
        {
            let because = format!("{name:?} is the default of {}", read.name);
            return choice(found, because, read.default_at.clone());
        }
        let mut by_name =
            (0..candidates.len()).filter(|index| candidates[*index].environment == Some(self.goal));
        if let Some(found) = by_name.next() {
            let same = |other: usize| candidates[other].location == candidates[found].location;
            if by_name.all(same) {
                let name = &candidates[found].name;
                let because = format!("its name is {name:?}, and nothing chooses another");
                return choice(found, because, Some(candidates[found].location.clone()));
            }
        }
        let (read, name, found) = default?;
        let because = format!("{name:?} is the default of {}", read.name);
        choice(found, because, read.default_at.clone())
    }

    /// The objects that a variable with a dotted name may mean: its default, what deployment
    /// files set, and the classes beside them. Without any of these, the repository's classes
    /// that are named after environments.
    pub(super) fn environment_candidates(
        &mut self,
        importer: ModuleId,
        argument: &'a Expr,
        read: &super::EnvRead,
    ) -> Option<Eval<'a>> {
        let settings = self.world.deployment.settings(&read.name);
        let mut names: Vec<String> = settings
            .filter_map(|it| it.literal())
            .map(str::to_owned)
            .collect();
        names.extend(
            read.default
                .as_ref()
                .and_then(|it| it.as_str())
                .map(str::to_owned),
        );
        let mut homes: Vec<ModuleId> = Vec::new();
        let mut items: Vec<(String, Location, Eval<'a>)> = Vec::new();
        for name in names {
            match self.object_named(importer, &name) {
                Some(Eval::Class(home, _) | Eval::Instance(home, _)) => homes.push(home),
                Some(value @ Eval::Module(home)) => {
                    let location = self.location(home, crate::text::Span::at(0));
                    items.push((name, location, value));
                }
                _ => {}
            }
        }
        if homes.is_empty() && items.is_empty() {
            let all = self.world.modules.iter().map(|(id, _)| id);
            homes = all.filter(|id| self.is_settings_module(*id)).collect();
        }
        homes.dedup();
        for home in homes {
            items.extend(self.members_of(home));
        }
        if items.is_empty() {
            return None;
        }
        Some(Eval::Candidates(std::rc::Rc::new(Alternatives {
            location: self.location(importer, argument.range()),
            selector: Eval::Value(Value::Env(read.clone())),
            items,
            fallback: None,
        })))
    }

    /// Whether a module has classes for several environments, production among them, and keys
    /// of Flask in it.
    fn is_settings_module(&self, module: ModuleId) -> bool {
        let tree = self.tree(module);
        let stem = tree.path().rsplit('/').next().unwrap_or_default();
        if !tree.file.purpose.is_application() || environment_of(stem) == Some(Environment::Testing)
        {
            return false;
        }
        let text = tree.file.text.as_str();
        if !text.contains("SECRET_KEY") && !text.contains("DEBUG") {
            return false;
        }
        let classes = tree
            .body()
            .iter()
            .filter_map(|stmt| stmt.as_class_def_stmt());
        let stages: Vec<_> = classes.filter_map(|it| environment_of(&it.name)).collect();
        stages.len() >= 2 && stages.contains(&Environment::Production)
    }

    /// The objects that a computed dotted name may mean.
    pub(super) fn pattern_candidates(
        &mut self,
        importer: ModuleId,
        argument: &'a Expr,
        pieces: &[Piece],
    ) -> Eval<'a> {
        let (before, hole, after) = match pieces {
            [Piece::Text(before), Piece::Hole(hole)] => (before.as_str(), hole, ""),
            [Piece::Hole(hole), Piece::Text(after)] => ("", hole, after.as_str()),
            [Piece::Text(before), Piece::Hole(hole), Piece::Text(after)] => {
                (before.as_str(), hole, after.as_str())
            }
            _ => return Eval::unknown("a computed name"),
        };
        let selector = Eval::Value(hole.clone());
        let location = self.location(importer, argument.range());
        let mut items = Vec::new();
        let (parent, prefix) = before.rsplit_once([':', '.']).unwrap_or(("", before));
        if let Some(home) = (!parent.is_empty())
            .then(|| self.module_named(importer, parent))
            .flatten()
        {
            for (name, location, value) in self.members_of(home) {
                let Some(middle) = name
                    .strip_prefix(prefix)
                    .and_then(|rest| rest.strip_suffix(after.split('.').next().unwrap_or(after)))
                else {
                    continue;
                };
                items.push((middle.to_owned(), location, value));
            }
        }
        if items.is_empty() {
            items = self.modules_matching(importer, before, after);
        }
        if items.is_empty() {
            return Eval::unknown("a computed name");
        }
        Eval::Candidates(std::rc::Rc::new(Alternatives {
            location,
            selector,
            items,
            fallback: None,
        }))
    }

    /// Modules (and members of modules) whose dotted name fits `before*after`.
    fn modules_matching(
        &mut self,
        importer: ModuleId,
        before: &str,
        after: &str,
    ) -> Vec<(String, Location, Eval<'a>)> {
        let folder = before.rsplit_once('.').map_or("", |(folder, _)| folder);
        let stem = before.rsplit('.').next().unwrap_or(before);
        let anchor = self.module_named(importer, folder);
        let mut found = Vec::new();
        let list: Vec<_> = self.world.modules.iter().map(|(id, _)| id).collect();
        for id in list {
            let path = self.tree(id).path();
            let Some((place, file)) = path.rsplit_once('/') else {
                continue;
            };
            let in_folder = match anchor {
                Some(anchor) => {
                    let home = self.tree(anchor).path();
                    home.strip_suffix("/__init__.py") == Some(place)
                }
                None => !folder.is_empty() && place.ends_with(&folder.replace('.', "/")),
            };
            let Some(name) = file.strip_suffix(".py").filter(|_| in_folder) else {
                continue;
            };
            let (own, member) = after.split_once('.').unwrap_or((after, ""));
            let Some(middle) = name.strip_prefix(stem).and_then(|it| it.strip_suffix(own)) else {
                continue;
            };
            if name == "__init__" {
                continue;
            }
            let value = if member.is_empty() {
                Eval::Module(id)
            } else {
                self.member(&Eval::Module(id), member)
            };
            if !matches!(value, Eval::Value(_)) {
                let location = self.location(id, crate::text::Span::at(0));
                found.push((middle.to_owned(), location, value));
            }
        }
        found
    }

    /// Classes that a module defines, with the places of their names.
    fn members_of(&self, module: ModuleId) -> Vec<(String, Location, Eval<'a>)> {
        self.tree(module)
            .body()
            .iter()
            .filter_map(|stmt| match stmt {
                ruff_python_ast::Stmt::ClassDef(class) => Some((
                    class.name.to_string(),
                    self.location(module, class.name.range),
                    Eval::Class(module, class),
                )),
                _ => None,
            })
            .collect()
    }

    /// `getattr(module, name)` over the module's classes.
    pub(super) fn classes_of(
        &mut self,
        module: ModuleId,
        at: ModuleId,
        argument: &'a Expr,
        selector: Eval<'a>,
    ) -> Eval<'a> {
        let items = self.members_of(module);
        if items.is_empty() {
            return Eval::unknown("getattr");
        }
        Eval::Candidates(std::rc::Rc::new(Alternatives {
            location: self.location(at, argument.range()),
            selector,
            items,
            fallback: None,
        }))
    }
}

/// The candidate of that name: as a whole, or by its last part.
fn named(candidates: &[Candidate], name: &str) -> Option<usize> {
    let last = name.rsplit(['.', ':']).next().unwrap_or(name);
    let whole = candidates.iter().position(|it| it.name == name);
    whole.or_else(|| candidates.iter().position(|it| it.name == last))
}

fn default_of(candidates: &[Candidate], read: &super::EnvRead) -> Option<(usize, Location)> {
    let found = named(candidates, read.default.as_ref()?.as_str()?)?;
    Some((found, read.default_at.clone()?))
}

fn class_environment(value: &Eval<'_>) -> Option<Environment> {
    match value {
        Eval::Class(_, class) | Eval::Instance(_, class) => environment_of(&class.name),
        _ => None,
    }
}

/// `app.config["DEBUG"]`, `current_app.config.get("DEBUG")`.
fn reads_config_flag(text: &str, key: &str) -> bool {
    text.contains("config")
        && text.contains(&format!("{key}\"")) | text.contains(&format!("{key}'"))
}

/// Whether an expression is about the environment, by its words.
fn is_about_environment(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    [
        "env", "config", "stage", "setting", "mode", "profile", "tier",
    ]
    .iter()
    .any(|word| text.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_the_environment() {
        assert_eq!(
            environment_of("ProductionConfig"),
            Some(Environment::Production)
        );
        assert_eq!(environment_of("DevConfig"), Some(Environment::Development));
        assert_eq!(environment_of("TestingConfig"), Some(Environment::Testing));
        assert_eq!(environment_of("config.prod"), Some(Environment::Production));
        assert_eq!(
            environment_of("development"),
            Some(Environment::Development)
        );
        assert_eq!(environment_of("ProductConfig"), None);
        assert_eq!(environment_of("default"), None);
        assert_eq!(environment_of("LatestConfig"), None);
    }
}
