//! Who makes a commit, by the rules of `git help commit` ("Commit Information").

use git2::{Config, Signature, Time};

use super::Repo;
use crate::error::GitError;

/// The two people of a commit.
#[derive(Debug, Clone, Copy)]
enum Role {
    Author,
    Committer,
}

impl Repo {
    /// Author and committer: the environment first, then `author.*` and `committer.*`, then
    /// `user.*`, and for addresses `EMAIL` at last.
    pub(super) fn identity(&self) -> Result<(Signature<'static>, Signature<'static>), GitError> {
        let config = self.git().config().and_then(|mut config| config.snapshot());
        let config =
            config.map_err(|error| GitError::from_git("reading git's configuration", &error))?;
        let environment = |name: &str| std::env::var(name).ok();
        let sign = |role, dated: Result<Signature<'_>, git2::Error>| {
            let (name, email) = person(role, &config, environment)?;
            // libgit2 reads the date from the environment, but gives it with the person only.
            let when = dated.map_or_else(|_| now(), |dated| dated.when());
            Signature::new(&name, &email, &when)
                .map_err(|error| GitError::from_git("composing the author", &error))
        };
        let author = sign(Role::Author, self.git().author_from_env())?;
        let committer = sign(Role::Committer, self.git().committer_from_env())?;
        Ok((author, committer))
    }
}

fn now() -> Time {
    Signature::now("nobody", "nobody").map_or_else(|_| Time::new(0, 0), |now| now.when())
}

fn person(
    role: Role,
    config: &Config,
    environment: impl Fn(&str) -> Option<String>,
) -> Result<(String, String), GitError> {
    let (variable, section) = match role {
        Role::Author => ("GIT_AUTHOR", "author"),
        Role::Committer => ("GIT_COMMITTER", "committer"),
    };
    let set = |value: &String| !value.trim().is_empty();
    let look_up = |what: &str| {
        let upper = what.to_uppercase();
        environment(&format!("{variable}_{upper}"))
            .filter(set)
            .or_else(|| config.get_string(&format!("{section}.{what}")).ok())
            .filter(set)
            .or_else(|| config.get_string(&format!("user.{what}")).ok())
            .filter(set)
    };
    let email = look_up("email").or_else(|| environment("EMAIL").filter(set));
    match (look_up("name"), email) {
        (Some(name), Some(email)) => Ok((name, email)),
        _ => Err(GitError::NoIdentity),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discover::scratch::repository;

    fn people(settings: &[(&str, &str)], environment: &[(&str, &str)]) -> [String; 2] {
        let (_folder, raw) = repository(&[("app.py", "")]);
        let mut config = raw.config().unwrap();
        for (name, value) in settings {
            config.set_str(name, value).unwrap();
        }
        let variable = |name: &str| {
            let found = environment.iter().find(|(known, _)| *known == name)?;
            Some(found.1.to_owned())
        };
        [Role::Author, Role::Committer].map(|role| match person(role, &config, variable) {
            Ok((name, email)) => format!("{name} <{email}>"),
            Err(error) => error.to_string(),
        })
    }

    #[test]
    fn the_environment_comes_before_the_configuration() {
        let ada = "Ada Example <ada@example.org>";
        assert_eq!(people(&[], &[]), [ada, ada]);
        assert_eq!(
            people(
                &[("committer.name", "Bot")],
                &[
                    ("GIT_AUTHOR_NAME", "Bob"),
                    ("GIT_COMMITTER_EMAIL", "c@d"),
                    ("EMAIL", "x@y")
                ]
            ),
            ["Bob <ada@example.org>", "Bot <c@d>"]
        );
    }

    #[test]
    fn half_a_person_is_nobody() {
        let nobody = GitError::NoIdentity.to_string();
        let empty = [("user.name", "Ada"), ("user.email", "")];
        assert_eq!(people(&empty, &[]), [nobody.clone(), nobody.clone()]);
        let nameless = [("user.name", " "), ("user.email", "a@b")];
        let author = [("GIT_AUTHOR_NAME", "Bob")];
        assert_eq!(people(&nameless, &author), ["Bob <a@b>".to_owned(), nobody]);
        let address = [("EMAIL", "x@y")];
        assert_eq!(people(&empty, &address), ["Ada <x@y>", "Ada <x@y>"]);
    }
}
