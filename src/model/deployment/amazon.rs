//! Files for AWS: the Serverless Framework's, Zappa's, task definitions of ECS, options of
//! Elastic Beanstalk.

use std::sync::Arc;

use super::files::{self, Judged};
use super::reader::Reader;
use super::scope::Scope;
use super::servers::{self, Invocation};
use super::yaml_env::{self, Expansion};
use super::{EnvValue, Server, Stage, Surface, gunicorn, rules};
use crate::discover::File;
use crate::parse::yaml::{Node, Yaml};
use crate::text::Location;

/// `provider: environment:` and those of the functions.
pub(super) fn read_serverless(reader: &mut Reader<'_>, file: &Arc<File>) {
    let yaml = Yaml::parse(file.text.as_str());
    let Some(root) = yaml.root() else {
        return;
    };
    let scope = scope_of(file, "the Serverless Framework deploys it");
    variables(reader, file, root.at(&["provider", "environment"]), &scope);
    for function in root.get("functions").map_or(Vec::new(), Node::entries) {
        let own = scope
            .clone()
            .named(function.key.as_str().unwrap_or_default());
        variables(reader, file, function.value.get("environment"), &own);
    }
}

/// Zappa's stages, or the containers of a task definition. JSON is YAML as far as this goes.
pub(super) fn read_json(reader: &mut Reader<'_>, file: &Arc<File>) {
    let yaml = Yaml::parse(file.text.as_str());
    let Some(root) = yaml.root() else {
        return;
    };
    let scope = scope_of(file, "AWS starts it");
    let task = root.get("taskDefinition").unwrap_or(root);
    if let Some(containers) = task.get("containerDefinitions") {
        for container in containers.items() {
            let own = scope
                .clone()
                .named(container.text("name").unwrap_or_default());
            variables(reader, file, container.get("environment"), &own);
        }
        return;
    }
    for stage in root.entries() {
        let name = stage.key.as_str().unwrap_or_default();
        let mut own = scope.clone().named(name);
        if let Some((told, word)) = rules::stage_of_name(name)
            && told != Stage::Production
        {
            own.judged = Judged::new(told, format!("the stage is called \"{word}\""));
        }
        for key in ["environment_variables", "aws_environment_variables"] {
            variables(reader, file, stage.value.get(key), &own);
        }
    }
}

/// `option_settings:` by namespace, or as a list of options; saved environments have the
/// former as `OptionSettings:`.
pub(super) fn read_beanstalk(reader: &mut Reader<'_>, file: &Arc<File>) {
    const ENVIRONMENT: &str = "aws:elasticbeanstalk:application:environment";
    const PYTHON: &str = "aws:elasticbeanstalk:container:python";
    let yaml = Yaml::parse(file.text.as_str());
    let Some(root) = yaml.root() else {
        return;
    };
    let scope = scope_of(file, "Elastic Beanstalk starts it");
    let options = root
        .get("option_settings")
        .or_else(|| root.get("OptionSettings"));
    let Some(options) = options else {
        return;
    };
    let mut application = options.get(PYTHON).and_then(|it| it.get("WSGIPath"));
    variables(reader, file, options.get(ENVIRONMENT), &scope);
    for option in options.items() {
        let name = option.text("option_name").unwrap_or_default();
        match option.text("namespace") {
            Some(ENVIRONMENT) | None => {
                let setting = option.entry("value").and_then(|value| {
                    yaml_env::of_entry(value, &file.path, &scope, Expansion::Templates)
                });
                if let Some(mut setting) = setting {
                    name.clone_into(&mut setting.name);
                    setting.statement = Location::new(&file.path, option.span());
                    reader.set(setting);
                }
            }
            Some(PYTHON) if name == "WSGIPath" => application = option.get("value"),
            Some(_) => {}
        }
    }
    // A path of a file was for mod_wsgi, on systems that Amazon has retired; gunicorn is given a
    // module since.
    let Some((node, text)) = application.and_then(|it| Some((it, it.as_str()?))) else {
        return;
    };
    let server = match text.contains(':') {
        true => Server::Gunicorn,
        false => Server::ModWsgi,
    };
    let mut invocation = Invocation::new(server);
    let place = Location::new(&file.path, node.span());
    invocation.target = servers::target(text, place, Some("application"));
    if invocation.target.is_some() {
        let process = gunicorn::of_keys(reader, file, invocation, scope);
        reader.out.processes.push(process);
    }
}

fn scope_of(file: &Arc<File>, what: &str) -> Scope {
    let judged = files::judge_plain(file, what);
    let folder = files::folder_of(&file.path);
    Scope::checkout(file, Surface::Platform, judged, folder)
}

fn variables(reader: &mut Reader<'_>, file: &Arc<File>, node: Option<Node<'_>>, scope: &Scope) {
    let Some(node) = node else {
        return;
    };
    for mut setting in yaml_env::of_node(node, &file.path, scope, Expansion::Dollar) {
        // `${self:custom.key}`, `${ssm:/path}`: from elsewhere.
        let refers = |text: &str| text.contains("${");
        if setting.literal().is_some_and(refers) {
            setting.value = EnvValue::Outside;
        }
        reader.set(setting);
    }
}
