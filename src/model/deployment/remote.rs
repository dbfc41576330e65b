//! Commands that set variables for something that runs elsewhere.

use super::argv::Arg;

/// `NAME=value` in a word.
pub(super) struct Assigned<'a> {
    pub word: &'a Arg,
    pub start: usize,
    pub end: usize,
}

impl<'a> Assigned<'a> {
    fn behind(word: &'a Arg, start: usize) -> Self {
        Self {
            word,
            start,
            end: word.text().len(),
        }
    }

    pub fn text(&self) -> &'a str {
        &self.word.text()[self.start..self.end]
    }
}

/// What such a command sets; `None` when it is another command.
pub(super) fn settings(args: &[Arg]) -> Option<Vec<Assigned<'_>>> {
    let words: Vec<&str> = args.iter().map(Arg::text).collect();
    let program = args.first()?.program();
    // `ssh host docker run -e NAME=value`.
    if program == "ssh" {
        let inner = args.iter().skip(2).position(|arg| {
            matches!(
                arg.program(),
                "docker" | "podman" | "kubectl" | "docker-compose"
            )
        })?;
        return settings(&args[inner + 2..]);
    }
    let flags: &[&str] = match (program, words.get(1).copied()) {
        ("docker" | "podman" | "nerdctl", Some("run" | "create" | "exec")) => &["-e", "--env"],
        ("docker" | "podman" | "docker-compose", _) if words.contains(&"run") => &["-e", "--env"],
        ("docker" | "podman", Some("build" | "buildx")) => &["--build-arg"],
        ("kubectl" | "oc", Some("create" | "apply")) => &["--from-literal"],
        ("kubectl" | "oc", Some("set")) => &[],
        ("heroku", Some(command)) if command.starts_with("config:") => &[],
        ("fly" | "flyctl", Some("secrets")) => &[],
        ("gcloud", _) => return Some(comma_lists(args, &["--set-env-vars", "--update-env-vars"])),
        ("az", _) => &["--settings"],
        ("eb", Some("setenv")) => &[],
        _ => return None,
    };
    let mut found = Vec::new();
    let mut rest = args.iter().skip(1);
    while let Some(arg) = rest.next() {
        let text = arg.text();
        let attached = flags.iter().find_map(|flag| {
            let value = text.strip_prefix(flag)?.strip_prefix('=')?;
            value.contains('=').then_some(text.len() - value.len())
        });
        if let Some(start) = attached {
            found.push(Assigned::behind(arg, start));
            continue;
        }
        let is_flag = flags.contains(&text);
        if is_flag {
            found.extend(rest.next().map(|value| Assigned::behind(value, 0)));
        } else if flags.is_empty() && !text.starts_with('-') {
            found.push(Assigned::behind(arg, 0));
        }
    }
    found.retain(|it| is_assignment(it.text()));
    Some(found)
}

/// `--set-env-vars A=1,B=2`.
fn comma_lists<'a>(args: &'a [Arg], flags: &[&str]) -> Vec<Assigned<'a>> {
    let mut found = Vec::new();
    for (at, arg) in args.iter().enumerate() {
        let text = arg.text();
        let attached = flags
            .iter()
            .find_map(|flag| text.strip_prefix(flag)?.strip_prefix('='));
        let (list, start) = match attached {
            Some(value) => (arg, text.len() - value.len()),
            None if flags.contains(&text) => match args.get(at + 1) {
                Some(value) => (value, 0),
                None => continue,
            },
            None => continue,
        };
        let mut from = start;
        for item in list.text()[start..].split(',') {
            found.push(Assigned {
                word: list,
                start: from,
                end: from + item.len(),
            });
            from += item.len() + 1;
        }
    }
    found
}

fn is_assignment(text: &str) -> bool {
    let Some((name, _)) = text.split_once('=') else {
        return false;
    };
    let starts = name.starts_with(|c: char| c.is_alphabetic() || c == '_');
    starts && name.chars().all(|c| c.is_alphanumeric() || c == '_')
}
