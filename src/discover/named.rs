//! Files whose own names tell nothing, and to which another file gives a meaning: what compose
//! hands to a service (`env_file: web-settings`), what pip is told to install (`-r reqs.pip`),
//! what the code loads as its configuration (`from_file("shop.json")`).

use std::collections::{BTreeMap, HashSet};

use memchr::memmem;

use super::{File, FileKind};

/// A file that another one names, and what it is to that one.
struct Mention<'a> {
    target: &'a str,
    kind: FileKind,
}

/// No command is further from the file that it is given.
const COMMAND_WINDOW: usize = 240;

/// Longer literals are no paths.
const LONGEST_PATH: usize = 200;

/// Which of `others` the `readers` name, with what they are.
pub(super) fn named<'a>(
    readers: impl Iterator<Item = &'a File>,
    others: &HashSet<&str>,
) -> BTreeMap<String, FileKind> {
    let mut found = BTreeMap::new();
    for reader in readers {
        for mention in mentions(reader) {
            let Some(path) = resolved(&reader.path, &mention, others) else {
                continue;
            };
            found.entry(path).or_insert(mention.kind);
        }
    }
    found
}

fn mentions(file: &File) -> Vec<Mention<'_>> {
    let text = file.text.as_str();
    match file.kind {
        FileKind::Python => loaded(text),
        FileKind::Requirements => included(text),
        FileKind::Compose | FileKind::Yaml => {
            let mut found = commands(text);
            found.extend(listed(text));
            found
        }
        FileKind::Shell
        | FileKind::Dockerfile
        | FileKind::Makefile
        | FileKind::Jenkinsfile
        | FileKind::Procfile
        | FileKind::Unit
        | FileKind::Toml => commands(text),
        _ => Vec::new(),
    }
}

/// `json.load(open("shop.json"))`, `app.config.from_file("shop.json", …)`.
fn loaded(text: &str) -> Vec<Mention<'_>> {
    const LOADERS: [&str; 3] = ["from_file(", "from_json(", "json.load"];
    let mut ends = memmem::find_iter(text.as_bytes(), ".json").peekable();
    if ends.peek().is_none() || !LOADERS.iter().any(|loader| text.contains(loader)) {
        return Vec::new();
    }
    ends.filter_map(|at| {
        let end = at + ".json".len();
        let quote = text[end..].chars().next().filter(|c| "\"'".contains(*c))?;
        let line = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
        let open = line + text[line..at].rfind(quote)? + 1;
        let target = &text[open..end];
        (target.len() <= LONGEST_PATH).then_some(Mention {
            target,
            kind: FileKind::Json,
        })
    })
    .collect()
}

/// What a list of requirements includes.
fn included(text: &str) -> Vec<Mention<'_>> {
    const FLAGS: [&str; 4] = ["--requirement", "--constraint", "-r", "-c"];
    let lines = text.lines().filter_map(|line| {
        let line = line.trim();
        FLAGS.iter().find_map(|flag| line.strip_prefix(flag))
    });
    lines
        .map(|rest| Mention {
            target: plain(rest.trim_start_matches('=')),
            kind: FileKind::Requirements,
        })
        .collect()
}

/// The words behind `--env-file` and, where pip is called, `-r`.
fn commands(text: &str) -> Vec<Mention<'_>> {
    let speaks = ["env-file", "EnvironmentFile", "pip"];
    if !speaks.iter().any(|word| text.contains(word)) {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut flag: Option<FileKind> = None;
    let mut next = 0;
    for word in text.split_inclusive(char::is_whitespace) {
        let at = next;
        next += word.len();
        let bare = plain(word);
        if bare.is_empty() {
            continue;
        }
        if let Some(kind) = flag.take() {
            found.push(Mention { target: bare, kind });
            continue;
        }
        let glued = [
            ("--env-file=", FileKind::Dotenv),
            ("EnvironmentFile=", FileKind::Dotenv),
            ("--requirement=", FileKind::Requirements),
        ];
        if let Some((target, kind)) = glued
            .into_iter()
            .find_map(|(prefix, kind)| Some((bare.strip_prefix(prefix)?, kind)))
        {
            let target = plain(target.trim_start_matches('-'));
            found.push(Mention { target, kind });
            continue;
        }
        flag = match bare {
            "--env-file" => Some(FileKind::Dotenv),
            "-r" | "--requirement" if follows_pip(text, at) => Some(FileKind::Requirements),
            _ => None,
        };
    }
    found
}

/// Whether pip is called shortly before `at`.
fn follows_pip(text: &str, at: usize) -> bool {
    let mut start = at.saturating_sub(COMMAND_WINDOW);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    text.get(start..at).is_some_and(|it| it.contains("pip"))
}

/// The values of YAML keys that name such files, on their line or as the list below.
fn listed(text: &str) -> Vec<Mention<'_>> {
    const KEYS: [(&str, FileKind); 4] = [
        ("env_file:", FileKind::Dotenv),
        ("envs:", FileKind::Dotenv),
        ("env:", FileKind::Dotenv),
        ("requirements:", FileKind::Requirements),
    ];
    let mut found = Vec::new();
    let mut below: Option<FileKind> = None;
    for line in text.lines() {
        let line = line.trim();
        let item = line.strip_prefix("- ").map(str::trim_start);
        if let (Some(kind), Some(item)) = (below, item) {
            let target = plain(item.strip_prefix("path:").unwrap_or(item));
            found.push(Mention { target, kind });
            continue;
        }
        let entry = item.unwrap_or(line);
        let key = KEYS
            .iter()
            .find_map(|(key, kind)| Some((entry.strip_prefix(key)?, *kind)));
        below = match key {
            Some((rest, kind)) if rest.trim().is_empty() => Some(kind),
            Some((rest, kind)) => {
                let items = rest.split(',').map(plain);
                found.extend(items.map(|target| Mention { target, kind }));
                None
            }
            // `required: false` beside `path:`.
            None if entry.starts_with("required:") || entry.is_empty() => below,
            None => None,
        };
    }
    found
}

/// A word without quotes, brackets and separators around it.
fn plain(word: &str) -> &str {
    word.trim()
        .trim_matches(['"', '\'', '[', ']', ',', ';', ')', '('])
}

/// The file that is meant: from the folder of the one that names it, from the root, or, where
/// the way there is not of this repository, by its name.
fn resolved(from: &str, mention: &Mention<'_>, others: &HashSet<&str>) -> Option<String> {
    let folder = from.rsplit_once('/').map_or("", |(folder, _)| folder);
    let target = mention.target;
    if target.is_empty() || target.len() > LONGEST_PATH {
        return None;
    }
    let is_foreign = target.starts_with('/') || target.contains(['$', '{', '~']);
    let name = target.rsplit(['/', '}']).next().unwrap_or(target);
    let targets: &[&str] = if is_foreign { &[name] } else { &[target] };
    let known = |path: &String| others.contains(path.as_str());
    let near = targets.iter().find_map(|target| {
        let beside = joined(folder, target).filter(known);
        beside.or_else(|| joined("", target).filter(known))
    });
    if near.is_some() || mention.kind != FileKind::Json {
        return near;
    }
    // `os.path.join(base, "conf", "shop.json")`: the folder is another word.
    let mut same = others.iter().filter(|path| {
        path.strip_suffix(target)
            .is_some_and(|it| it.ends_with('/'))
    });
    match (same.next(), same.next()) {
        (Some(only), None) => Some((*only).to_owned()),
        _ => None,
    }
}

/// `target` as seen from `folder`; `None` where it leads out of the repository.
fn joined(folder: &str, target: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use crate::discover::{FileKind, Repository};

    fn kind(texts: &[(&str, &str)], path: &str) -> FileKind {
        let repo = Repository::from_texts(texts.iter().copied());
        repo.file(path).unwrap().kind
    }

    #[test]
    fn environment_files_of_any_name() {
        let is = |path: &str, text: &str, name: &str, expected: FileKind| {
            let got = kind(&[(path, text), (name, "A=b\n")], name);
            assert_eq!(got, expected, "{path}: {text}");
        };
        let dotenv = FileKind::Dotenv;
        let compose = "services:\n  web:\n    env_file:\n      - conf/web\n      - b\n";
        is("docker-compose.yml", compose, "conf/web", dotenv);
        is("docker-compose.yml", compose, "b", dotenv);
        is("docker-compose.yml", compose, "web", FileKind::Lines);
        let long = "services:\n  web:\n    env_file:\n      - path: ./a\n        required: false\n";
        is("compose.yaml", long, "a", dotenv);
        is(
            "compose.yaml",
            "services: {}\n#\n  env_file: a\n",
            "a",
            dotenv,
        );
        let generator = "secretGenerator:\n- name: x\n  envs: [app.properties]\n";
        is(
            "k8s/kustomization.yaml",
            generator,
            "k8s/app.properties",
            dotenv,
        );
        is(
            "run.sh",
            "docker run --env-file ./vars.list web\n",
            "vars.list",
            dotenv,
        );
        is(
            "web.service",
            "[Service]\nEnvironmentFile=-/etc/shop/vars\n",
            "vars",
            dotenv,
        );
        is(
            "run.sh",
            "cp vars.list /tmp\n",
            "vars.list",
            FileKind::Lines,
        );
    }

    #[test]
    fn requirements_of_any_name() {
        let is = |path: &str, text: &str, expected: FileKind| {
            let got = kind(&[(path, text), ("reqs.pip", "flask\n")], "reqs.pip");
            assert_eq!(got, expected, "{path}: {text}");
        };
        let found = FileKind::Requirements;
        is("Dockerfile", "RUN pip install \\\n  -r reqs.pip\n", found);
        is(
            "Dockerfile",
            "RUN [\"pip\", \"install\", \"-r\", \"reqs.pip\"]\n",
            found,
        );
        is("requirements.txt", "-r reqs.pip\n", found);
        is(
            "deploy.yml",
            "- pip:\n    requirements: \"{{ home }}/reqs.pip\"\n",
            found,
        );
        is("run.sh", "cp -r reqs.pip /srv\n", FileKind::Lines);
    }

    #[test]
    fn configuration_that_the_code_loads() {
        let is = |text: &str, expected: FileKind| {
            let got = kind(
                &[("app.py", text), ("etc/shop.json", "{}")],
                "etc/shop.json",
            );
            assert_eq!(got, expected, "{text}");
        };
        is(
            "app.config.from_file('etc/shop.json', load=json.load)\n",
            FileKind::Json,
        );
        is(
            "with open(join(here, \"etc\", \"shop.json\")) as f:\n    json.load(f)\n",
            FileKind::Json,
        );
        is("URL = 'etc/shop.json'\n", FileKind::Lines);
        is("json.load(open('other/shop.json'))\n", FileKind::Lines);
    }
}
