//! Kubernetes manifests, and Helm charts with the values that their templates read.

use std::rc::Rc;
use std::sync::Arc;

use super::compose::words_of;
use super::files::{self, Judged};
use super::image::{self, Container, Image};
use super::place::{self, Place};
use super::reader::Reader;
use super::scope::Scope;
use super::yaml_env::{self, Expansion};
use super::{EnvSetting, EnvValue, Stage, Surface, User, dotenv, rules, values};
use crate::discover::{File, Repository};
use crate::parse::dotenv as dotenv_parser;
use crate::parse::yaml::{Entry, Node, Yaml};
use crate::text::{Location, Span};

/// Deeper nesting holds no containers.
const MAX_DEPTH: usize = 12;

/// Reads every document of a manifest or of a chart's template.
pub(super) fn read(reader: &mut Reader<'_>, file: &Arc<File>, surface: Surface, images: &[Image]) {
    let yaml = Yaml::parse(file.text.as_str());
    let what = if surface == Surface::Helm {
        "a Helm chart"
    } else {
        "a Kubernetes manifest"
    };
    let judged = files::judge_plain(file, what);
    for document in yaml.documents() {
        let judged = judge_document(&judged, document);
        let mut scope = Scope::checkout(file, surface, judged, "");
        scope.one_shot = matches!(document.text("kind"), Some("Job" | "CronJob"));
        match document.text("kind") {
            Some("ConfigMap") => {
                for key in ["data", "binaryData"] {
                    config_data(reader, file, document.get(key), &scope, false);
                }
            }
            Some("Secret") => {
                config_data(reader, file, document.get("stringData"), &scope, false);
                config_data(reader, file, document.get("data"), &scope, true);
            }
            Some("Kustomization") => kustomization(reader, file, document, &scope),
            None if files::is_kustomization(&file.path) => {
                kustomization(reader, file, document, &scope);
            }
            Some(_) => containers(reader, file, document, &scope, images, 0),
            None => {}
        }
    }
}

/// A namespace or a name may say what the file does not.
fn judge_document(file: &Judged, document: Node<'_>) -> Judged {
    if file.stage != Stage::Production {
        return file.clone();
    }
    let said = ["namespace", "name"]
        .into_iter()
        .filter_map(|key| Some((key, document.at(&["metadata", key])?.as_str()?)))
        .find_map(|(key, name)| Some((key, rules::stage_of_name(name)?)));
    match said {
        Some((key, (stage, word))) if stage != Stage::Production => {
            Judged::new(stage, format!("its {key} says \"{word}\""))
        }
        _ => file.clone(),
    }
}

/// `data:` of a ConfigMap or a Secret: variables, and whole files of `NAME=value` lines.
fn config_data(
    reader: &mut Reader<'_>,
    file: &Arc<File>,
    data: Option<Node<'_>>,
    scope: &Scope,
    base64: bool,
) {
    for entry in data.into_iter().flat_map(Node::entries) {
        let (Some(name), Some(scalar)) = (entry.key.as_str(), entry.value.scalar()) else {
            continue;
        };
        if name.ends_with(".env") || name == "env" {
            for line in dotenv_parser::parse(scalar.value.as_str()) {
                let location = |span| Location::new(&file.path, scalar.value.source(span));
                let value = values::expanded(&line.value);
                let setting = scope.setting(
                    &line.name,
                    value,
                    location(line.value_span),
                    location(line.span),
                );
                reader.set(setting);
            }
            continue;
        }
        // `nginx.conf: |` holds a file, not a variable.
        let is_file = name.contains('.') || scalar.value.as_str().trim_end().contains('\n');
        if is_file && !yaml_env::is_variable_name(name) {
            continue;
        }
        let Some(mut setting) = yaml_env::of_entry(entry, &file.path, scope, Expansion::Templates)
        else {
            continue;
        };
        // `secret-key` is SECRET_KEY to whoever maps it.
        if !yaml_env::is_variable_name(name) {
            setting.name = name.to_ascii_uppercase().replace('-', "_");
        }
        if base64 {
            setting.base64 = true;
            setting.value = match setting.literal().map(decoded) {
                Some(Some(text)) if !text.is_empty() => EnvValue::Literal(text),
                Some(Some(_)) => EnvValue::Empty,
                _ => EnvValue::Outside,
            };
        }
        reader.set(setting);
        if surface_is_helm(scope) {
            chart_value(reader, file, name, entry, scope);
        }
    }
}

const fn surface_is_helm(scope: &Scope) -> bool {
    matches!(scope.surface, Surface::Helm)
}

/// `configMapGenerator: - literals: [FLASK_DEBUG=1]`, `- envs: [web.env]`.
fn kustomization(reader: &mut Reader<'_>, file: &Arc<File>, document: Node<'_>, scope: &Scope) {
    for key in ["configMapGenerator", "secretGenerator"] {
        for generator in document.get(key).into_iter().flat_map(Node::items) {
            if let Some(literals) = generator.get("literals") {
                for setting in yaml_env::of_node(literals, &file.path, scope, Expansion::Templates)
                {
                    reader.set(setting);
                }
            }
            let listed = generator.get("envs").into_iter().flat_map(Node::items);
            let names = listed.chain(generator.get("env")).filter_map(Node::as_str);
            for name in names {
                generated_from(reader, files::folder_of(&file.path), name, scope);
            }
        }
    }
}

/// The variables of a file that a generator reads reach the cluster, whoever else reads it.
fn generated_from(reader: &mut Reader<'_>, folder: &str, name: &str, scope: &Scope) {
    let repo = reader.repo;
    let path = place::join_relative(folder, name);
    let Some(file) = repo.file(&path) else {
        return;
    };
    for mut setting in dotenv::read(file) {
        setting.surface = Surface::Kubernetes;
        setting.stage = scope.judged.stage;
        setting.because.clone_from(&scope.judged.because);
        reader.out.environment.push(setting);
    }
}

/// Every `containers:` list below `node`.
fn containers(
    reader: &mut Reader<'_>,
    file: &Arc<File>,
    node: Node<'_>,
    scope: &Scope,
    images: &[Image],
    depth: usize,
) {
    if depth > MAX_DEPTH {
        return;
    }
    let as_user = node
        .at(&["securityContext", "runAsUser"])
        .and_then(Node::as_str);
    for entry in node.entries() {
        match entry.key.as_str() {
            Some("containers" | "initContainers") if entry.value.is_sequence() => {
                let init = entry.key.as_str() == Some("initContainers");
                for item in entry.value.items() {
                    container(reader, file, item, scope, images, as_user, init);
                }
            }
            _ if entry.value.is_mapping() => {
                containers(reader, file, entry.value, scope, images, depth + 1);
            }
            _ => {
                for item in entry.value.items().filter(|item| item.is_mapping()) {
                    containers(reader, file, item, scope, images, depth + 1);
                }
            }
        }
    }
}

fn container(
    reader: &mut Reader<'_>,
    file: &Arc<File>,
    node: Node<'_>,
    outer: &Scope,
    images: &[Image],
    as_user: Option<&str>,
    init: bool,
) {
    let built = image_of(reader.repo, images, node.text("image").unwrap_or_default());
    let mut scope = built.as_ref().map_or_else(
        || {
            let mut scope = outer.clone();
            scope.place = Rc::new(Place::container(""));
            scope.cwd = "/".into();
            scope
        },
        |built| built.scope.clone(),
    );
    scope.judged = outer.judged.clone();
    scope.surface = outer.surface;
    scope.ignored = outer.ignored;
    scope.one_shot = outer.one_shot || init;
    scope.name = node.text("name").unwrap_or_default().to_owned();
    scope.main = !init;
    if let Some(user) = node
        .at(&["securityContext", "runAsUser"])
        .and_then(Node::as_str)
        .or(as_user)
    {
        scope.user = super::wrappers::user_named(user);
    }
    if scope.user == User::Root
        && node
            .at(&["securityContext", "runAsNonRoot"])
            .and_then(Node::as_str)
            == Some("true")
    {
        scope.user = User::Unknown;
    }
    if let Some(folder) = node.text("workingDir") {
        scope.change_folder(folder);
    }
    let variables = node
        .get("env")
        .map_or(Vec::new(), |env| env.items().collect());
    for item in variables {
        let Some(setting) = yaml_env::named_item(item, &file.path, &scope, Expansion::Templates)
        else {
            continue;
        };
        let mut own = reader.set(setting);
        if let Some(entry) = item.entry("value").filter(|_| surface_is_helm(&scope)) {
            let name = own.name.clone();
            own = chart_value(reader, file, &name, entry, &scope).unwrap_or(own);
        }
        scope.environment.push(own);
    }
    let list = |key: &str| {
        node.get(key)
            .map(|it| words_of(it, &file.path))
            .filter(|it| !it.is_empty())
    };
    let (command, args) = (list("command"), list("args"));
    match (command, args, built) {
        (Some(mut command), args, _) => {
            command.extend(args.unwrap_or_default());
            reader.command(command, &scope);
        }
        (None, Some(args), Some(built)) => {
            let mut words = built
                .entrypoint
                .as_ref()
                .map_or(Vec::new(), |it| it.args.clone());
            scope.via.extend(built.entrypoint.map(|it| it.location));
            words.extend(args);
            reader.command(words, &scope);
        }
        (None, Some(args), None) => reader.command(args, &scope),
        (None, None, Some(mut built)) => {
            scope.via.push(Location::new(
                &file.path,
                node.entry("name")
                    .map_or(Span::at(node.span().start), |it| it.span()),
            ));
            scope.surface = Surface::Dockerfile;
            built.scope = scope;
            image::start(reader, &built);
        }
        (None, None, None) => {}
    }
}

/// The image that this repository builds under that name: the folder of its Dockerfile or the
/// repository itself bears it, or the repository builds only one and the name is nobody else's.
fn image_of(repo: &Repository, images: &[Image], name: &str) -> Option<Container> {
    let plain = name.split(['@', ':']).next().unwrap_or(name);
    let last = plain.rsplit('/').next().unwrap_or(plain);
    const FOREIGN: &[&str] = &[
        "nginx",
        "redis",
        "postgres",
        "mysql",
        "mariadb",
        "busybox",
        "alpine",
        "python",
        "memcached",
        "rabbitmq",
        "mongo",
        "envoy",
        "traefik",
        "curl",
        "httpd",
        "node",
    ];
    if FOREIGN.contains(&last) {
        return None;
    }
    let candidates: Vec<&Image> = images
        .iter()
        .filter(|image| {
            image
                .last_stage()
                .is_some_and(|stage| image.judge(stage).stage == Stage::Production)
        })
        .collect();
    let named = candidates.iter().find(|image| {
        let folder = files::base_name(files::folder_of(&image.file.path));
        !folder.is_empty() && folder == last
    });
    let image = match (named, candidates.as_slice()) {
        (Some(image), _) => image,
        (None, [only]) => only,
        _ => return None,
    };
    Some(image.container(repo, image.last_stage()?, None))
}

/// `{{ .Values.app.debug | quote }}`: the setting as `values.yaml` of the chart gives it.
fn chart_value(
    reader: &mut Reader<'_>,
    file: &Arc<File>,
    name: &str,
    entry: Entry<'_>,
    scope: &Scope,
) -> Option<EnvSetting> {
    let path = values_path(entry.value.as_str()?)?;
    let keys: Vec<&str> = path.split('.').collect();
    let chart = chart_folder(reader.repo, &file.path)?.to_owned();
    let mut found = None;
    let repo = reader.repo;
    for (values_file, judged) in values_files(repo, &chart) {
        let yaml = Yaml::parse(values_file.text.as_str());
        let Some(node) = yaml.root().and_then(|root| root.at(&keys)) else {
            continue;
        };
        let Some(scalar) = node.scalar() else {
            continue;
        };
        let mut own = scope.clone();
        own.judged = judged;
        let statement = keys
            .split_last()
            .and_then(|(last, above)| yaml.root()?.at(above)?.entry(last));
        let statement = statement.map_or(node.span(), |entry| entry.span());
        let value = match node.is_null() {
            true => EnvValue::Empty,
            false => values::verbatim(scalar.value.as_str()),
        };
        let setting = own.setting(
            name,
            value,
            Location::new(&values_file.path, scalar.inner),
            Location::new(&values_file.path, statement),
        );
        let plain = files::base_name(&values_file.path).starts_with("values.y");
        let setting = reader.set(setting);
        if plain {
            found = Some(setting);
        }
    }
    found
}

/// The path in `{{ .Values.a.b | quote }}`.
fn values_path(text: &str) -> Option<&str> {
    let inner = text
        .trim()
        .trim_matches('"')
        .strip_prefix("{{")?
        .strip_suffix("}}")?;
    let inner = inner.trim_matches(['-', ' ']);
    let at = inner.find(".Values.")?;
    let path = &inner[at + ".Values.".len()..];
    let end = path.find(|c: char| !c.is_alphanumeric() && !"._-".contains(c));
    Some(&path[..end.unwrap_or(path.len())])
}

/// The folder of the `Chart.yaml` that a template belongs to.
fn chart_folder<'a>(repo: &Repository, path: &'a str) -> Option<&'a str> {
    let mut folder = files::folder_of(path);
    loop {
        if repo
            .file(&place::join_relative(folder, "Chart.yaml"))
            .is_some()
        {
            return Some(folder);
        }
        if folder.is_empty() {
            return None;
        }
        folder = files::folder_of(folder);
    }
}

fn values_files<'a>(repo: &'a Repository, chart: &str) -> Vec<(&'a Arc<File>, Judged)> {
    let is_values = |file: &&Arc<File>| {
        let name = files::base_name(&file.path);
        let below = files::folder_of(&file.path) == chart;
        below && name.starts_with("values") && (name.ends_with(".yaml") || name.ends_with(".yml"))
    };
    repo.files()
        .filter(is_values)
        .map(|file| (file, files::judge_plain(file, "the chart's values")))
        .collect()
}

/// `values.yaml`: variables under any key, as maps, as lists of `{name, value}`, as flags.
pub(super) fn read_values(reader: &mut Reader<'_>, file: &Arc<File>) {
    let yaml = Yaml::parse(file.text.as_str());
    let judged = files::judge_plain(file, "the chart's values");
    let scope = Scope::checkout(file, Surface::Helm, judged, "");
    for document in yaml.documents() {
        variables_below(reader, file, document, &scope, 0);
    }
}

fn variables_below(
    reader: &mut Reader<'_>,
    file: &Arc<File>,
    node: Node<'_>,
    scope: &Scope,
    depth: usize,
) {
    if depth > MAX_DEPTH {
        return;
    }
    for entry in node.own_entries() {
        let name = entry.key.as_str().unwrap_or_default();
        if yaml_env::is_variable_name(name) {
            if let Some(setting) =
                yaml_env::of_entry(entry, &file.path, scope, Expansion::Templates)
            {
                reader.set(setting);
            }
        } else {
            variables_below(reader, file, entry.value, scope, depth + 1);
        }
    }
    for item in node.items() {
        let name = item.text("name").unwrap_or_default();
        let has_value = item.get("value").is_some() || item.get("valueFrom").is_some();
        if yaml_env::is_variable_name(name) && has_value {
            if let Some(setting) =
                yaml_env::named_item(item, &file.path, scope, Expansion::Templates)
            {
                reader.set(setting);
            }
        } else {
            variables_below(reader, file, item, scope, depth + 1);
        }
    }
}

/// Text of a Secret's `data:`.
pub(super) fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len() * 3 / 4);
    let (mut buffer, mut bits) = (0u32, 0u32);
    for byte in text.bytes() {
        let digit = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            b'=' | b'\n' | b'\r' | b' ' => continue,
            _ => return None,
        };
        buffer = (buffer << 6) | u32::from(digit);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from((buffer >> bits) & 0xff).unwrap_or_default());
        }
    }
    String::from_utf8(bytes).ok()
}

/// The text as a Secret's `data:` holds it.
pub fn encoded(text: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(text.len().div_ceil(3) * 4);
    for chunk in text.as_bytes().chunks(3) {
        let mut group = [0u8; 3];
        group[..chunk.len()].copy_from_slice(chunk);
        let number = u32::from_be_bytes([0, group[0], group[1], group[2]]);
        for index in 0..4u32 {
            let digit = (number >> (18 - 6 * index)) & 0x3f;
            let used = index as usize <= chunk.len();
            out.push(if used {
                char::from(DIGITS[digit as usize])
            } else {
                '='
            });
        }
    }
    out
}
