//! A deployment file that takes a key from outside, in the words of that file.

mod cloud;

use crate::discover::File;
use crate::edit::{entries, environment, imports};
use crate::finding::Edit;
use crate::model::Model;
use crate::model::deployment::{EnvSetting, EnvValue, Surface};
use crate::text::Span;

/// What changes, and what somebody has to do before the file works again.
#[derive(Debug)]
pub(super) struct Outside {
    pub edits: Vec<Edit>,
    pub needs: Option<String>,
}

impl Outside {
    fn new(edit: Edit) -> Self {
        Self {
            edits: vec![edit],
            needs: None,
        }
    }

    fn needing(mut self, needs: impl Into<String>) -> Self {
        self.needs = Some(needs.into());
        self
    }
}

/// Nothing where no edit says it.
pub(super) fn instead(model: &Model, setting: &EnvSetting) -> Option<Outside> {
    let file = model.repo.file(&setting.location.path)?;
    let place = Place {
        model,
        file,
        setting,
    };
    let name = &setting.name;
    if is_template(&file.path) {
        return place.vault();
    }
    match setting.surface {
        Surface::Dotenv => Some(Outside::new(Edit::replace(
            &file.path,
            setting.location.span,
            "",
        ))),
        Surface::Compose => place.expansion(&format!("${{{name}:?}}")),
        Surface::GithubActions => place.expansion(&format!("${{{{ secrets.{name} }}}}")),
        Surface::Shell | Surface::Procfile => place.shell("$"),
        // make takes the first dollar.
        Surface::Makefile => place.shell("$$"),
        Surface::Dockerfile => place.dockerfile(),
        Surface::Unit => place.unit(),
        Surface::Supervisor => place.supervisor(),
        Surface::GitlabCi | Surface::CircleCi => place.project(),
        Surface::Helm => place.chart(),
        Surface::Kubernetes => place.cluster(),
        Surface::Ansible => place.vault(),
        Surface::AppJson => place.generated(),
        Surface::Platform => place.platform(),
        Surface::Jenkins => place.credentials(),
        Surface::Terraform => place.declared(),
        Surface::Fabric => place.operator(),
        Surface::UwsgiConfig | Surface::GunicornConfig | Surface::Apache => None,
    }
}

/// Ansible fills it in.
fn is_template(path: &str) -> bool {
    [".j2", ".jinja2", ".jinja"]
        .iter()
        .any(|ending| path.ends_with(ending))
}

struct Place<'m> {
    model: &'m Model,
    file: &'m std::sync::Arc<File>,
    setting: &'m EnvSetting,
}

impl Place<'_> {
    fn text(&self) -> &str {
        self.file.text.as_str()
    }

    fn value(&self) -> Span {
        self.setting.location.span
    }

    fn replace(&self, span: Span, text: impl Into<String>) -> Edit {
        Edit::replace(&self.file.path, span, text)
    }

    /// The quotes around the value, where it has some.
    fn quote(&self) -> Option<char> {
        let text = self.text();
        let open = text[..self.value().start].chars().next_back()?;
        let close = text[self.value().end..].chars().next()?;
        (open == close && "\"'".contains(open)).then_some(open)
    }

    /// The value with its quotes.
    fn whole_value(&self) -> Span {
        match self.quote() {
            Some(_) => Span::new(self.value().start - 1, self.value().end + 1),
            None => self.value(),
        }
    }

    /// `${NAME:?}` and its like, where the file expands them.
    fn expansion(&self, outside: &str) -> Option<Outside> {
        let written = self.file.text.slice(self.value());
        let is_expansion = written.starts_with("${") && written.ends_with('}');
        let edit = match &self.setting.value {
            // `${SECRET_KEY:-dev}` keeps its place: only what stands in it changes.
            EnvValue::Default(_) if is_expansion => Some(self.replace(self.value(), outside)),
            EnvValue::Literal(_) | EnvValue::Default(_) => {
                environment::change_setting(&self.model.repo, self.setting, outside)
            }
            _ => None,
        };
        edit.map(Outside::new)
    }

    /// `export SECRET_KEY="${SECRET_KEY:?}"`.
    fn shell(&self, dollar: &str) -> Option<Outside> {
        let expansion = format!("{dollar}{{{}:?}}", self.setting.name);
        let edit = match self.quote() {
            Some('"') => self.replace(self.value(), expansion),
            _ => self.replace(self.whole_value(), format!("\"{expansion}\"")),
        };
        self.is_assigned().then(|| Outside::new(edit))
    }

    /// Whether `NAME=` stands in front of the value.
    fn is_assigned(&self) -> bool {
        let before = &self.text()[..self.whole_value().start];
        before.ends_with(&format!("{}=", self.setting.name))
    }

    /// A string of a Fabric task: whoever runs the task provides it. In the text of a command it
    /// would be the server's, where nobody set it.
    fn operator(&self) -> Option<Outside> {
        let path = &self.file.path;
        let name = &self.setting.name;
        let quote = self.quote()?;
        let whole = self.whole_value();
        let prefix = self.text()[..whole.start].chars().next_back()?;
        if prefix.is_alphanumeric() || self.file.text.slice(self.value()).contains(quote) {
            return None;
        }
        let module = self.model.modules.by_path(path)?;
        let (os, import) = imports::module_for(self.model, module, whole.start, "os");
        let mut found = Outside::new(self.replace(whole, format!("{os}.environ[\"{name}\"]")));
        found.edits.extend(import);
        Some(found.needing(format!(
            "Set {name} where the task is run, from a store of secrets."
        )))
    }

    /// `NAME=value`, with quotes around the value or around both.
    fn word(&self) -> Option<Span> {
        let text = self.text();
        let mut span = self.whole_value();
        let assigned = format!("{}=", self.setting.name);
        if !text[..span.start].ends_with(&assigned) {
            return None;
        }
        span = Span::new(span.start - assigned.len(), span.end);
        let open = text[..span.start].chars().next_back();
        let close = text[span.end..].chars().next();
        let is_quoted = open == close && matches!(open, Some('"' | '\''));
        Some(match is_quoted {
            true => Span::new(span.start - 1, span.end + 1),
            false => span,
        })
    }

    /// A line or the words of an instruction, with backslashes at the ends of its lines.
    fn without_pair(&self, word: Span) -> Span {
        let text = self.text();
        let behind = &text[word.end..];
        let blank = behind.len() - behind.trim_start_matches([' ', '\t']).len();
        if let Some(rest) = behind[blank..].strip_prefix("\\\n") {
            let indent = rest.len() - rest.trim_start_matches([' ', '\t']).len();
            return Span::new(word.start, word.end + blank + 2 + indent);
        }
        if !behind[blank..].starts_with(['\n', '\r']) && !behind[blank..].is_empty() {
            return Span::new(word.start, word.end + blank);
        }
        let before = text[..word.start].trim_end_matches([' ', '\t', '\n', '\r', '\\']);
        Span::new(before.len(), word.end)
    }

    fn line(&self) -> Span {
        let text = &self.file.text;
        let start = text.line_start(text.line_of(self.setting.statement.span.start));
        let end = self.setting.statement.span.end.max(self.value().end);
        Span::new(start, text.next_line_start(end.saturating_sub(1)))
    }

    /// The lines of the instruction that the value stands in, joined by backslashes.
    fn instruction(&self) -> Span {
        let text = self.text();
        let Span { mut start, mut end } = self.line();
        while text[..start].trim_end_matches(['\n', '\r']).ends_with('\\') && start > 0 {
            start = self.file.text.line_start(self.file.text.line_of(start - 1));
        }
        while text[..end].trim_end_matches(['\n', '\r']).ends_with('\\') && end < text.len() {
            end = self.file.text.next_line_start(end);
        }
        Span::new(start, end)
    }

    /// `ENV` without the key; `ARG` without its default.
    fn dockerfile(&self) -> Option<Outside> {
        let name = &self.setting.name;
        let needs = format!(
            "Give {name} to the container at start (`docker run -e`, a secret of the platform): \
             what ENV and ARG set stays in the image."
        );
        let Some(word) = self.word() else {
            // `ENV NAME value`.
            let line = self.file.text.slice(self.line());
            let mut words = line.split_whitespace();
            let is_it = words
                .next()
                .is_some_and(|it| it.eq_ignore_ascii_case("env"))
                && words.next() == Some(name);
            return is_it.then(|| Outside::new(self.replace(self.line(), "")).needing(needs));
        };
        if self.setting.build_only {
            let start = word.start + name.len();
            let edit = self.replace(Span::new(start, word.end), "");
            return Some(Outside::new(edit).needing(needs));
        }
        let line = self.instruction();
        let source = self.text();
        let others = format!(
            "{}{}",
            &source[line.start..word.start],
            &source[word.end..line.end]
        );
        let is_alone = others
            .split_whitespace()
            .all(|it| it.eq_ignore_ascii_case("env") || it == "\\");
        let span = match is_alone {
            true => line,
            false => self.without_pair(word),
        };
        Some(Outside::new(self.replace(span, "")).needing(needs))
    }

    /// systemd reads the variable from a file that only root may read.
    fn unit(&self) -> Option<Outside> {
        let word = self.word()?;
        let text = self.text();
        let line = Span::new(
            self.file
                .text
                .line_start(self.file.text.line_of(word.start)),
            self.file.text.next_line_start(word.end),
        );
        let unit = self.file.path.rsplit('/').next().unwrap_or_default();
        let unit = unit.split('.').next().unwrap_or(unit);
        let newline = self.file.text.newline();
        let existing = text
            .lines()
            .find_map(|line| line.strip_prefix("EnvironmentFile="));
        let path = existing.map_or_else(
            || format!("/etc/{unit}/environment"),
            |it| it.trim_start_matches('-').trim().to_owned(),
        );
        let added = match existing {
            Some(_) => String::new(),
            None => format!("EnvironmentFile={path}{newline}"),
        };
        let others = format!(
            "{}{}",
            &text[line.start..word.start],
            &text[word.end..line.end]
        );
        let mut edits = Vec::new();
        if others.trim() == "Environment=" {
            edits.push(self.replace(line, added));
        } else {
            edits.push(self.replace(self.without_pair(word), ""));
            if !added.is_empty() {
                edits.push(Edit::insert(&self.file.path, line.end, added));
            }
        }
        let name = &self.setting.name;
        Some(Outside {
            edits,
            needs: Some(format!(
                "Put {name}=… into {path} on the server, readable by root only (mode 600), before \
                 the unit is started again."
            )),
        })
    }

    /// supervisor expands what its own environment has.
    fn supervisor(&self) -> Option<Outside> {
        let name = &self.setting.name;
        let expansion = format!("%(ENV_{name})s");
        let text = match self.quote() {
            Some(_) => expansion,
            None => format!("\"{expansion}\""),
        };
        let edit = self.replace(self.value(), text);
        let needs = format!("Start supervisord with {name} in its environment.");
        Some(Outside::new(edit).needing(needs))
    }

    /// The project's own settings hold it.
    fn project(&self) -> Option<Outside> {
        let name = &self.setting.name;
        let needs = format!("Set {name} in the project's settings, masked and protected.");
        Some(Outside::new(self.without_entry()?).needing(needs))
    }

    /// The file without the entry; a map that would be left empty goes as well.
    fn without_entry(&self) -> Option<Edit> {
        let text = self.text();
        let line = self.line();
        let statement = self.setting.statement.span;
        let edit = entries::remove(self.file, statement, self.value());
        let keeps_key = matches!(&edit, Edit::Replace { span, .. } if !span.contains(statement));
        if !keeps_key {
            return Some(edit);
        }
        let above = text[..line.start].trim_end();
        let last = self.file.text.line_of(above.len().saturating_sub(1));
        let start = self.file.text.line_start(last);
        let is_map = text[start..above.len()].trim_end().ends_with(':');
        is_map.then(|| self.replace(Span::new(start, line.end), ""))
    }

    /// A variable that ansible-vault encrypts.
    fn vault(&self) -> Option<Outside> {
        let variable = format!("vault_{}", self.setting.name.to_ascii_lowercase());
        let reference = format!("{{{{ {variable} }}}}");
        let is_yaml = self.setting.surface == Surface::Ansible;
        let is_item = self.is_assigned();
        let text = match self.quote() {
            None if is_yaml && !is_item => format!("\"{reference}\""),
            _ => reference,
        };
        let edit = self.replace(self.value(), text);
        let needs = format!(
            "Define {variable} in a file of variables that `ansible-vault encrypt` has encrypted."
        );
        Some(Outside::new(edit).needing(needs))
    }

    /// Heroku makes a key for every deployment.
    fn generated(&self) -> Option<Outside> {
        let before = self.text()[..self.whole_value().start]
            .trim_end()
            .strip_suffix(':')?;
        let edit = match before.trim_end().strip_suffix("\"value\"") {
            Some(key) => self.replace(
                Span::new(key.len(), self.whole_value().end),
                "\"generator\": \"secret\"",
            ),
            None => self.replace(self.whole_value(), "{\"generator\": \"secret\"}"),
        };
        Some(Outside::new(edit))
    }

    /// A variable of Terraform's that shows in no output.
    fn declared(&self) -> Option<Outside> {
        let variable = self.setting.name.to_ascii_lowercase();
        let before = self.text()[..self.whole_value().start].trim_end();
        let key = before.trim_end_matches('=').trim_end();
        let is_variable = self.file.path.ends_with(".tfvars") || key.ends_with("default");
        if is_variable {
            let needs = "Give the variable at every run (`TF_VAR_…`, from a store); it stays in \
                         Terraform's state, which has to be encrypted.";
            let is_alone = self.file.text.slice(self.line()).trim_end().ends_with('"');
            return is_alone.then(|| Outside::new(self.replace(self.line(), "")).needing(needs));
        }
        let edit = match before.ends_with(':') {
            true => self.replace(self.value(), format!("${{var.{variable}}}")),
            false => self.replace(self.whole_value(), format!("var.{variable}")),
        };
        let mut files = self.model.repo.files();
        let declaration = format!("variable \"{variable}\"");
        let is_declared = files
            .any(|file| file.path.ends_with(".tf") && file.text.as_str().contains(&declaration));
        let newline = self.file.text.newline();
        let text = self.text();
        let open = if text.ends_with('\n') { "" } else { newline };
        let block = format!(
            "{open}{newline}{declaration} {{{newline}  type      = string{newline}  sensitive = true\
             {newline}}}{newline}"
        );
        let mut edits = vec![edit];
        if !is_declared {
            edits.push(Edit::insert(&self.file.path, text.len(), block));
        }
        Some(Outside {
            edits,
            needs: Some(format!(
                "Give the value as TF_VAR_{variable}, or read it from a store; it stays in Terraform's \
                 state, which has to be encrypted."
            )),
        })
    }

    /// Jenkins' own store of credentials.
    fn credentials(&self) -> Option<Outside> {
        self.quote()?;
        let before = self.text()[..self.whole_value().start].trim_end();
        let is_declared = before.ends_with('=');
        let id = self.setting.name.to_ascii_lowercase().replace('_', "-");
        let edit = self.replace(self.whole_value(), format!("credentials('{id}')"));
        let needs = format!("Store the key in Jenkins as a secret text with the id {id}.");
        is_declared.then(|| Outside::new(edit).needing(needs))
    }
}

#[cfg(test)]
mod tests {
    use crate::strategies::secret_key::fallback::SecretKeyFallback;
    use crate::strategies::secret_key::hardcoded::SecretKeyHardcoded;
    use crate::strategies::testing;

    const APP: (&str, &str) = (
        "app.py",
        "import os\nfrom flask import Flask\napp = Flask(__name__)\napp.secret_key = os.environ['SECRET_KEY']\n",
    );

    #[track_caller]
    fn becomes(path: &str, before: &str, after: &str) {
        let texts = [APP, (path, before)];
        assert_eq!(testing::apply(&SecretKeyHardcoded, &texts, path), after);
        let found = testing::findings(&SecretKeyHardcoded, &[APP, (path, after)]);
        assert_eq!(found, Vec::<String>::new(), "{after}");
    }

    #[test]
    fn files_of_hosts() {
        becomes(
            "Procfile",
            "web: SECRET_KEY=x7 gunicorn app:app\n",
            "web: SECRET_KEY=\"${SECRET_KEY:?}\" gunicorn app:app\n",
        );
        becomes(
            "Makefile",
            "prod:\n\tSECRET_KEY=x7 gunicorn app:app\n",
            "prod:\n\tSECRET_KEY=\"$${SECRET_KEY:?}\" gunicorn app:app\n",
        );
        becomes(
            "start.sh",
            "#!/bin/sh\nexport SECRET_KEY=x7\nexec gunicorn app:app\n",
            "#!/bin/sh\nexport SECRET_KEY=\"${SECRET_KEY:?}\"\nexec gunicorn app:app\n",
        );
        becomes(
            "deploy/shop.service",
            "[Service]\nEnvironment=SECRET_KEY=x7\nExecStart=gunicorn app:app\n",
            "[Service]\nEnvironmentFile=/etc/shop/environment\nExecStart=gunicorn app:app\n",
        );
        becomes(
            "shop.service",
            "[Service]\nEnvironment=\"A=b\" \"SECRET_KEY=x7\"\nEnvironmentFile=-/etc/shop.env\nExecStart=gunicorn app:app\n",
            "[Service]\nEnvironment=\"A=b\"\nEnvironmentFile=-/etc/shop.env\nExecStart=gunicorn app:app\n",
        );
        becomes(
            "supervisord.conf",
            "[program:a]\nenvironment=A=\"b\",SECRET_KEY=\"x7\"\ncommand=gunicorn app:app\n",
            "[program:a]\nenvironment=A=\"b\",SECRET_KEY=\"%(ENV_SECRET_KEY)s\"\ncommand=gunicorn app:app\n",
        );
        becomes(
            "roles/a/templates/env.j2",
            "SECRET_KEY=x7\n",
            "SECRET_KEY={{ vault_secret_key }}\n",
        );
    }

    #[test]
    fn images() {
        let image = |line: &str| format!("FROM python\n{line}CMD [\"gunicorn\", \"app:app\"]\n");
        for (before, after) in [
            ("ENV SECRET_KEY=x7\n", ""),
            ("ENV SECRET_KEY x7\n", ""),
            ("ENV A=b SECRET_KEY=\"x7\"\n", "ENV A=b\n"),
            ("ENV SECRET_KEY=x7 A=b\n", "ENV A=b\n"),
            (
                "ENV A=b \\\n    SECRET_KEY=x7 \\\n    C=d\n",
                "ENV A=b \\\n    C=d\n",
            ),
            ("ENV A=b \\\n    SECRET_KEY=x7\n", "ENV A=b\n"),
            ("ARG SECRET_KEY=x7\n", "ARG SECRET_KEY\n"),
        ] {
            becomes("Dockerfile", &image(before), &image(after));
        }
    }

    #[test]
    fn pipelines_and_platforms() {
        becomes(
            ".gitlab-ci.yml",
            "deploy:\n  variables:\n    SECRET_KEY: x7\n  script: [a]\n",
            "deploy:\n  script: [a]\n",
        );
        becomes(
            ".circleci/config.yml",
            "jobs:\n  deploy:\n    environment:\n      A: b\n      SECRET_KEY: x7\n",
            "jobs:\n  deploy:\n    environment:\n      A: b\n",
        );
        becomes(
            "app.json",
            "{\"env\": {\"SECRET_KEY\": {\"value\": \"x7\"}}}\n",
            "{\"env\": {\"SECRET_KEY\": {\"generator\": \"secret\"}}}\n",
        );
        becomes(
            "render.yaml",
            "services:\n  - envVars:\n      - key: SECRET_KEY\n        value: x7\n",
            "services:\n  - envVars:\n      - key: SECRET_KEY\n        sync: false\n",
        );
        becomes(
            "serverless.yml",
            "provider:\n  environment:\n    SECRET_KEY: x7\n",
            "provider:\n  environment:\n    SECRET_KEY: ${env:SECRET_KEY}\n",
        );
        becomes(
            "fly.toml",
            "[env]\nA = \"b\"\nSECRET_KEY = \"x7\"\n",
            "[env]\nA = \"b\"\n",
        );
        becomes(
            "infra/main.tf",
            "resource \"a\" \"b\" {\n  variables = {\n    SECRET_KEY = \"x7\"\n  }\n}\n",
            "resource \"a\" \"b\" {\n  variables = {\n    SECRET_KEY = var.secret_key\n  }\n}\n\n\
             variable \"secret_key\" {\n  type      = string\n  sensitive = true\n}\n",
        );
        let used = ("main.tf", "app_settings = {\n  SECRET_KEY = var.key\n}\n");
        for (path, before, after) in [
            ("prod.tfvars", "a = \"b\"\nkey = \"x7\"\n", "a = \"b\"\n"),
            (
                "variables.tf",
                "variable \"key\" {\n  type    = string\n  default = \"x7\"\n}\n",
                "variable \"key\" {\n  type    = string\n}\n",
            ),
        ] {
            let texts = [APP, used, (path, before)];
            let hard = testing::findings(&SecretKeyHardcoded, &texts).is_empty();
            let patched = match hard {
                true => testing::apply(&SecretKeyFallback, &texts, path),
                false => testing::apply(&SecretKeyHardcoded, &texts, path),
            };
            assert_eq!(patched, after, "{path}");
        }
        becomes(
            "Jenkinsfile",
            "pipeline {\n  environment { SECRET_KEY = 'x7' }\n  stages { stage('Deploy') { steps { sh 'a' } } }\n}\n",
            "pipeline {\n  environment { SECRET_KEY = credentials('secret-key') }\n  stages { stage('Deploy') { steps { sh 'a' } } }\n}\n",
        );
    }

    #[test]
    fn clusters() {
        let pod = |value: &str| {
            format!(
                "apiVersion: v1\nkind: Pod\nmetadata:\n  name: shop\nspec:\n  containers:\n    - name: web\n      \
                 env:\n        - name: SECRET_KEY\n          {value}\n"
            )
        };
        becomes(
            "k8s/pod.yaml",
            &pod("value: \"x7\""),
            &pod(
                "valueFrom:\n            secretKeyRef:\n              name: shop-keys\n              key: SECRET_KEY",
            ),
        );
        let chart = ("chart/Chart.yaml", "apiVersion: v2\nname: a\n");
        let values = ("chart/values.yaml", "env:\n  SECRET_KEY: x7\n");
        let after = testing::apply(&SecretKeyHardcoded, &[APP, chart, values], values.0);
        assert_eq!(after, "env:\n  SECRET_KEY: \"\"\n");
        becomes(
            "playbooks/site.yml",
            "- hosts: all\n  tasks:\n    - shell: flask run\n      environment:\n        SECRET_KEY: x7\n",
            "- hosts: all\n  tasks:\n    - shell: flask run\n      environment:\n        SECRET_KEY: \"{{ vault_secret_key }}\"\n",
        );
    }
}
