//! What whole repositories give, surface by surface.

mod ci;
mod cloud;
mod containers;
mod host;
mod queries;

use super::*;
use crate::discover::Repository;

/// A repository with what its deployment files say.
struct Read {
    repo: Repository,
    deployment: Deployment,
}

fn read<const N: usize>(files: [(&str, &str); N]) -> Read {
    let repo = Repository::from_texts(files);
    let deployment = Deployment::read(&repo);
    Read { repo, deployment }
}

impl Read {
    fn slice(&self, location: &crate::text::Location) -> &str {
        self.repo
            .file(&location.path)
            .unwrap()
            .text
            .slice(location.span)
    }

    /// `stage server target` of every process, in order.
    fn servers(&self) -> Vec<String> {
        let processes = self.deployment.processes.iter();
        processes.map(|it| self.line(it)).collect()
    }

    fn line(&self, process: &Process) -> String {
        let target = process.target.as_ref().map_or(String::new(), |target| {
            let expression = target.expression.as_deref();
            let expression = expression.map_or(String::new(), |it| format!(":{it}"));
            format!(" {}{expression}", target.module)
        });
        format!(
            "{} {}{target}",
            process.stage.word(),
            process.server.label()
        )
    }

    #[track_caller]
    fn only(&self) -> &Process {
        let [only] = self.deployment.processes.as_slice() else {
            panic!("not one process: {:?}", self.servers());
        };
        only
    }

    /// `stage NAME=value` of every setting, with the written value checked against its place.
    fn settings(&self) -> Vec<String> {
        let settings = self.deployment.environment.iter();
        settings.map(|it| self.setting(it)).collect()
    }

    fn setting(&self, setting: &EnvSetting) -> String {
        let value = match &setting.value {
            EnvValue::Literal(text) => text.clone(),
            EnvValue::Default(text) => format!("?{text}"),
            EnvValue::Outside => "outside".to_owned(),
            EnvValue::Empty => String::new(),
        };
        let written = self.slice(&setting.location);
        if let (EnvValue::Literal(text), false) = (&setting.value, setting.base64) {
            assert_eq!(written, text, "the place of {}", setting.name);
        }
        assert!(self.slice(&setting.statement).contains(written));
        format!("{} {}={value}", setting.stage.word(), setting.name)
    }

    /// `NAME=value` of what a process sees.
    fn environment(&self, process: &Process) -> Vec<String> {
        let settings = process.environment.iter();
        settings
            .map(|it| format!("{}={}", it.name, it.literal().unwrap_or("outside")))
            .collect()
    }
}

/// `Kind=value` of the flags.
fn flags(process: &Process) -> Vec<String> {
    let flags = process.flags.iter();
    flags
        .map(|flag| match (flag.on, flag.value.as_str()) {
            (false, _) => format!("!{:?}", flag.kind),
            (true, "") => format!("{:?}", flag.kind),
            (true, value) => format!("{:?}={value}", flag.kind),
        })
        .collect()
}
