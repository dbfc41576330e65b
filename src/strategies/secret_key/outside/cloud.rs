//! Clusters and clouds: where their manifests refer to instead of holding a key.

use super::super::keys;
use super::{Outside, Place};
use crate::edit::entries;
use crate::finding::Edit;
use crate::parse::yaml::{Node, Yaml};
use crate::text::Span;

impl Place<'_> {
    /// The document that the value stands in.
    fn document<'y>(&self, yaml: &'y Yaml) -> Option<Node<'y>> {
        let at = self.value().start;
        let mut documents = yaml.documents();
        documents.find(|it| it.span().start <= at && at <= it.span().end)
    }

    /// Whoever installs the chart gives it.
    pub(super) fn chart(&self) -> Option<Outside> {
        let is_values = self
            .file
            .path
            .rsplit('/')
            .next()
            .is_some_and(|name| name.starts_with("values"));
        let edit = self.replace(self.whole_value(), "\"\"");
        let needs = "Give the value at installation, from a file that is in no repository \
                     (`helm upgrade --values`), or refer to a Secret.";
        is_values.then(|| Outside::new(edit).needing(needs))
    }

    /// A manifest: of a pod, of a Secret or a ConfigMap, or kustomize's.
    pub(super) fn cluster(&self) -> Option<Outside> {
        let yaml = Yaml::parse(self.text());
        let document = self.document(&yaml)?;
        match document.text("kind") {
            Some(kind @ ("Secret" | "ConfigMap")) => self.of_manifest(kind, document),
            _ if self.is_assigned() => self.literal(document),
            _ => self.container(document),
        }
    }

    /// An entry of a Secret or a ConfigMap goes; the cluster gets a new key by hand, which later
    /// applies leave alone.
    fn of_manifest(&self, kind: &str, document: Node<'_>) -> Option<Outside> {
        let (key, _) = self
            .file
            .text
            .slice(self.setting.statement.span)
            .split_once(':')?;
        let key = key.trim().trim_matches(['"', '\'']);
        let plain = |text: &str| {
            text.chars()
                .all(|c| c.is_alphanumeric() || "_.-".contains(c))
        };
        let name = document.at(&["metadata", "name"]).and_then(Node::as_str);
        let name = name.filter(|name| plain(name) && plain(key))?;
        let namespace = document
            .at(&["metadata", "namespace"])
            .and_then(Node::as_str);
        let namespace = namespace
            .filter(|it| plain(it))
            .map_or_else(String::new, |it| format!(" -n {it}"));
        let path = &self.file.path;
        let needs = match kind {
            "Secret" => format!(
                "Apply {path} without the key, then give the Secret a new one that no file holds: \
                 `kubectl patch secret {name}{namespace} -p '{{\"stringData\":{{\"{key}\":\"…\"}}}}'`. \
                 Later applies leave it alone."
            ),
            _ => format!(
                "Make a Secret outside of the repository, `kubectl create secret generic \
                 {name}-keys{namespace} --from-literal={key}=…`, and name it where the ConfigMap is \
                 named: `envFrom:` takes a `secretRef:`, `valueFrom:` a `secretKeyRef:`."
            ),
        };
        Some(Outside::new(self.without_entry()?).needing(needs))
    }

    /// `literals: [KEY=value]` of kustomize's generators: a file that git ignores has it instead.
    fn literal(&self, document: Node<'_>) -> Option<Outside> {
        let at = self.value().start;
        let holds = |node: &Node<'_>| node.span().start <= at && at < node.span().end;
        let generator = ["secretGenerator", "configMapGenerator"]
            .into_iter()
            .filter_map(|key| document.get(key))
            .flat_map(Node::items)
            .find(holds)?;
        let literals = generator
            .entry("literals")
            .filter(|it| !it.value.is_flow())?;
        let own = generator.get("envs").into_iter().flat_map(Node::items);
        let own = own.filter_map(Node::as_str).next();
        let name = own.unwrap_or("keys.env");
        let text = &self.file.text;
        let from = literals.span().start;
        let indent = " ".repeat(from - text.line_start(text.line_of(from)));
        let newline = text.newline();
        let is_only = literals.value.items().count() == 1;
        let rest_of_line = text.next_line_start(from);
        let envs = format!("envs:{newline}{indent}- {name}{newline}");
        let end = self.line().end;
        let mut edits = vec![match (is_only, own) {
            (true, Some(_)) => self.replace(Span::new(from - indent.len(), end), ""),
            (true, None) => self.replace(Span::new(from, end), envs.clone()),
            (false, _) => self.replace(self.line(), ""),
        }];
        if !is_only && own.is_none() {
            edits.push(Edit::insert(
                &self.file.path,
                from,
                format!("{envs}{indent}"),
            ));
        }
        // `- literals:` begins its item: without the key nothing would be left of the dash.
        let begins = text.as_str()[..from].trim_end().ends_with('-');
        if (begins && is_only && own.is_some()) || rest_of_line > self.line().start {
            return None;
        }
        let folder = self
            .file
            .path
            .rsplit_once('/')
            .map_or("", |(folder, _)| folder);
        let path = match folder {
            "" => name.to_owned(),
            folder => format!("{folder}/{name}"),
        };
        if own.is_none() {
            edits.push(self.ignored(&path));
        }
        let key = &self.setting.name;
        Some(Outside {
            edits,
            needs: Some(format!(
                "Write {key}=… into {path} wherever the cluster is built from; git must not hold it."
            )),
        })
    }

    fn ignored(&self, path: &str) -> Edit {
        Edit::Line {
            path: ".gitignore".into(),
            line: format!("/{path}"),
        }
    }

    /// `- name: KEY` with `value:` refers to a Secret.
    fn container(&self, document: Node<'_>) -> Option<Outside> {
        let text = self.text();
        let before = &text[..self.whole_value().start];
        let key = before.trim_end().strip_suffix("value:")?;
        let column = key.len() - key.rfind('\n').map_or(0, |at| at + 1);
        let is_block = key.ends_with([' ', '\n'])
            && !text[self.file.text.line_start(self.file.text.line_of(key.len()))..key.len()]
                .contains('{');
        let owner = document.at(&["metadata", "name"]).and_then(Node::as_str)?;
        let name = &self.setting.name;
        let secret = format!("{owner}-keys");
        let indent = " ".repeat(column);
        let newline = self.file.text.newline();
        let reference = format!(
            "valueFrom:{newline}{indent}  secretKeyRef:{newline}{indent}    name: {secret}{newline}\
             {indent}    key: {name}"
        );
        let span = Span::new(key.len(), self.whole_value().end);
        let needs = format!(
            "Make the Secret outside of the repository: `kubectl create secret generic {secret} \
             --from-literal={name}=…`."
        );
        is_block.then(|| Outside::new(self.replace(span, reference)).needing(needs))
    }

    pub(super) fn platform(&self) -> Option<Outside> {
        let path = &*self.file.path;
        let file = path.rsplit('/').next().unwrap_or(path);
        let name = &self.setting.name;
        match file {
            "render.yaml" | "render.yml" => {
                let before = self.text()[..self.whole_value().start].trim_end();
                let key = before.strip_suffix("value:")?;
                let span = Span::new(key.len(), self.whole_value().end);
                let needs = format!("Set {name} in the service's settings.");
                Some(Outside::new(self.replace(span, "sync: false")).needing(needs))
            }
            "serverless.yml" | "serverless.yaml" => {
                let expansion = format!("${{env:{name}}}");
                let edit = self.replace(self.value(), expansion);
                let needs = format!("Deploy with {name} in the environment.");
                Some(Outside::new(edit).needing(needs))
            }
            _ if path.contains(".ebextensions/") => {
                let written = self.file.text.slice(self.setting.statement.span);
                if !written.trim_start_matches(['"', '\'']).starts_with(name) {
                    return None;
                }
                let needs = format!(
                    "Set it once: `eb setenv {name}=…`, or refer to a secret of AWS Secrets Manager \
                     in the environment's configuration."
                );
                Some(Outside::new(self.without_entry()?).needing(needs))
            }
            _ if file.ends_with(".toml") => {
                let needs = match file.starts_with("fly.") {
                    true => format!("Set it once: `fly secrets set {name}=…`."),
                    false => format!("Set {name} in the service's settings."),
                };
                Some(Outside::new(self.replace(self.line(), "")).needing(needs))
            }
            "vercel.json" | "now.json" => {
                let edit = entries::remove(self.file, self.setting.statement.span, self.value());
                let needs = format!("Set it once: `vercel env add {name} production`.");
                Some(Outside::new(edit).needing(needs))
            }
            _ if file.ends_with(".json") => self.amazon(),
            _ => self.app_engine(),
        }
    }

    /// A task definition of ECS refers to a parameter; Zappa's file leaves the variable out.
    fn amazon(&self) -> Option<Outside> {
        let yaml = Yaml::parse(self.text());
        let root = yaml.root()?;
        let name = &self.setting.name;
        let task = root.get("taskDefinition").unwrap_or(root);
        let Some(containers) = task.get("containerDefinitions") else {
            let edit = entries::remove(self.file, self.setting.statement.span, self.value());
            let needs = format!(
                "Set {name} once in the Lambda function's own configuration (Zappa keeps what \
                 stands there), or in a file that `remote_env` names."
            );
            return Some(Outside::new(edit).needing(needs));
        };
        let at = self.value().start;
        let holds = |node: &Node<'_>| node.span().start <= at && at < node.span().end;
        let container = containers.items().find(holds)?;
        let variables = container.entry("environment")?;
        // All keys of the container go at once: two patches would each make a list of secrets.
        let items: Vec<Node<'_>> = variables.value.items().collect();
        let is_key = |item: &Node<'_>| {
            let own = item.span().start <= at && at < item.span().end;
            let key = item.text("name").is_some_and(keys::is_key_variable);
            let value = item.text("value");
            own || (key && value.is_some_and(|value| !keys::is_blank_to_fill(value)))
        };
        let taken: Vec<bool> = items.iter().map(is_key).collect();
        let mut edits: Vec<Edit> = without(&items, &taken)
            .into_iter()
            .map(|span| self.replace(span, ""))
            .collect();
        let names = items.iter().zip(&taken).filter(|(_, taken)| **taken);
        let references: Vec<String> = names
            .filter_map(|(item, _)| item.text("name"))
            .map(|name| format!("{{\"name\": \"{name}\", \"valueFrom\": \"{name}\"}}"))
            .collect();
        let reference = references.join(", ");
        let with = match container.entry("secrets") {
            Some(secrets) if secrets.value.is_null() => {
                self.replace(secrets.value.span(), format!("[{reference}]"))
            }
            Some(secrets) => {
                let comma = match secrets.value.items().next() {
                    Some(_) => ", ",
                    None => "",
                };
                let open = secrets.value.span().start + 1;
                Edit::insert(&self.file.path, open, format!("{reference}{comma}"))
            }
            None => {
                let text = &self.file.text;
                let start = variables.span().start;
                let line = text.line_start(text.line_of(start));
                let before = &text.as_str()[line..start];
                let gap = match before.trim().is_empty() {
                    true => format!("{}{before}", text.newline()),
                    false => " ".to_owned(),
                };
                let added = format!("\"secrets\": [{reference}],{gap}");
                Edit::insert(&self.file.path, start, added)
            }
        };
        edits.push(with);
        Some(Outside {
            edits,
            needs: Some(format!(
                "Store it once, `aws ssm put-parameter --type SecureString --name {name} --value …`, \
                 and let the task's execution role read it (ssm:GetParameters)."
            )),
        })
    }

    /// App Engine reads what an included file of variables adds when it is deployed.
    fn app_engine(&self) -> Option<Outside> {
        let yaml = Yaml::parse(self.text());
        let root = yaml.root()?;
        root.get("runtime")?;
        let mut edits = vec![self.without_entry()?];
        let included = root.get("includes").into_iter().flat_map(Node::items);
        let included = included.filter_map(Node::as_str).next();
        let name = included.unwrap_or("keys.yaml");
        let folder = self
            .file
            .path
            .rsplit_once('/')
            .map_or("", |(folder, _)| folder);
        let path = match folder {
            "" => name.to_owned(),
            folder => format!("{folder}/{name}"),
        };
        if included.is_none() {
            let newline = self.file.text.newline();
            let text = self.text();
            let open = if text.ends_with('\n') { "" } else { newline };
            let added = format!("{open}{newline}includes:{newline}- {name}{newline}");
            edits.push(Edit::insert(&self.file.path, text.len(), added));
            edits.push(self.ignored(&path));
        }
        let key = &self.setting.name;
        Some(Outside {
            edits,
            needs: Some(format!(
                "Write `env_variables: {{{key}: …}}` into {path} on the machine that deploys; git must \
                 not hold it."
            )),
        })
    }
}

/// What goes with the items that are taken out of a list: each with a comma.
fn without(items: &[Node<'_>], taken: &[bool]) -> Vec<Span> {
    let mut spans = Vec::new();
    let mut at = 0;
    for run in taken.chunk_by(|a, b| a == b) {
        let (first, behind) = (at, at + run.len());
        at = behind;
        if !run[0] {
            continue;
        }
        let end = items[behind - 1].span().end;
        spans.push(match (first.checked_sub(1), items.get(behind)) {
            (_, Some(next)) => Span::new(items[first].span().start, next.span().start),
            (Some(last), None) => Span::new(items[last].span().end, end),
            (None, None) => Span::new(items[first].span().start, end),
        });
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::super::super::hardcoded::SecretKeyHardcoded;
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
    fn manifests_lose_the_entry() {
        let manifest = |kind: &str, data: &str| {
            format!("apiVersion: v1\nkind: {kind}\nmetadata:\n  name: shop\n{data}")
        };
        for (kind, before, after) in [
            (
                "Secret",
                "type: Opaque\nstringData:\n  SECRET_KEY: x7\n  A: b\n",
                "type: Opaque\nstringData:\n  A: b\n",
            ),
            (
                "Secret",
                "data:\n  SECRET_KEY: eDc=\ntype: Opaque\n",
                "type: Opaque\n",
            ),
            (
                "Secret",
                "data:\n  secret-key: eDc=\n  a: Yg==\n",
                "data:\n  a: Yg==\n",
            ),
            (
                "ConfigMap",
                "data:\n  A: b\n  SECRET_KEY: \"x7\"\n",
                "data:\n  A: b\n",
            ),
        ] {
            becomes(
                "k8s/a.yaml",
                &manifest(kind, before),
                &manifest(kind, after),
            );
        }
    }

    #[test]
    fn generators_read_a_file() {
        becomes(
            "k8s/kustomization.yaml",
            "secretGenerator:\n- name: shop\n  literals:\n  - SECRET_KEY=x7\nresources: []\n",
            "secretGenerator:\n- name: shop\n  envs:\n  - keys.env\nresources: []\n",
        );
        becomes(
            "k8s/kustomization.yaml",
            "secretGenerator:\n- name: shop\n  literals:\n  - A=b\n  - SECRET_KEY=x7\n",
            "secretGenerator:\n- name: shop\n  envs:\n  - keys.env\n  literals:\n  - A=b\n",
        );
        becomes(
            "k8s/kustomization.yaml",
            "secretGenerator:\n- name: shop\n  envs:\n  - a.env\n  literals:\n  - SECRET_KEY=x7\n",
            "secretGenerator:\n- name: shop\n  envs:\n  - a.env\n",
        );
    }

    #[test]
    fn amazon() {
        becomes(
            "zappa_settings.json",
            "{\"production\": {\"app_function\": \"app.app\", \"environment_variables\": {\"A\": \"b\", \"SECRET_KEY\": \"x7\"}}}\n",
            "{\"production\": {\"app_function\": \"app.app\", \"environment_variables\": {\"A\": \"b\"}}}\n",
        );
        let task = |inner: &str| format!("{{\"containerDefinitions\": [{{\n  {inner}\n}}]}}\n");
        let variable = "{\"name\": \"SECRET_KEY\", \"value\": \"x7\"}";
        let secret = "{\"name\": \"SECRET_KEY\", \"valueFrom\": \"SECRET_KEY\"}";
        let other = "{\"name\": \"A\", \"value\": \"b\"}";
        becomes(
            "task-definition.json",
            &task(&format!("\"environment\": [{variable}]")),
            &task(&format!("\"secrets\": [{secret}],\n  \"environment\": []")),
        );
        becomes(
            "task-definition.json",
            &task(&format!(
                "\"secrets\": [{{\"name\": \"B\", \"valueFrom\": \"b\"}}], \"environment\": [{other}, {variable}]"
            )),
            &task(&format!(
                "\"secrets\": [{secret}, {{\"name\": \"B\", \"valueFrom\": \"b\"}}], \"environment\": [{other}]"
            )),
        );
        let second = |text: &str| text.replace("SECRET_KEY", "JWT_SECRET_KEY");
        becomes(
            "task-definition.json",
            &task(&format!(
                "\"environment\": [{variable}, {other}, {}]",
                second(variable)
            )),
            &task(&format!(
                "\"secrets\": [{secret}, {}],\n  \"environment\": [{other}]",
                second(secret)
            )),
        );
    }

    #[test]
    fn vercel() {
        becomes(
            "vercel.json",
            "{\n  \"env\": {\n    \"A\": \"b\",\n    \"SECRET_KEY\": \"x7\"\n  }\n}\n",
            "{\n  \"env\": {\n    \"A\": \"b\"\n  }\n}\n",
        );
    }

    #[test]
    fn beanstalk() {
        let options = |inner: &str| {
            format!("option_settings:\n  aws:elasticbeanstalk:application:environment:\n{inner}")
        };
        becomes(
            ".ebextensions/flask.config",
            &options("    SECRET_KEY: x7\n    A: b\n"),
            &options("    A: b\n"),
        );
    }

    #[test]
    fn app_engine_includes_a_file() {
        becomes(
            "app.yaml",
            "runtime: python312\nenv_variables:\n  SECRET_KEY: 'x7'\n  A: b\n",
            "runtime: python312\nenv_variables:\n  A: b\n\nincludes:\n- keys.yaml\n",
        );
        becomes(
            "app.yaml",
            "runtime: python312\nincludes:\n- own.yaml\nenv_variables:\n  SECRET_KEY: x7\n",
            "runtime: python312\nincludes:\n- own.yaml\n",
        );
    }
}
