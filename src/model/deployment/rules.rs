//! The rules that all surfaces share: which names mean which stage, which values mean "on".

use super::Stage;

/// Whether Flask turns debug mode on for this value of `FLASK_DEBUG`: it is off only for an
/// empty value, `0`, `false` and `no`, in any case of letters. `off`, `n` and a blank are on
/// (facts 1.4, all versions).
pub fn flask_debug_on(value: &str) -> bool {
    !["", "0", "false", "no"]
        .iter()
        .any(|off| value.eq_ignore_ascii_case(off))
}

/// Whether this value of `FLASK_ENV` turns debug mode on, in Flask below 2.3 (facts 1.1, 1.7):
/// it is compared as it stands.
pub fn flask_env_debug_on(value: &str) -> bool {
    value == "development"
}

/// Words in names that tell the stage. A word counts where it stands alone: `prod` in
/// `docker-compose.prod.yml` and `web_prod`, not in `products.yml`.
const DEVELOPMENT: &[&str] = &[
    "dev",
    "devel",
    "develop",
    "development",
    "devcontainer",
    "local",
    "localhost",
    "debug",
    "override",
    "vagrant",
    "watch",
    "hotreload",
    "sandbox",
];
const TEST: &[&str] = &[
    "test",
    "tests",
    "testing",
    "pytest",
    "tox",
    "ci",
    "e2e",
    "integration",
    "molecule",
    "qa",
    "unittest",
    "unittests",
    "lint",
    "coverage",
    "bench",
    "benchmark",
];
const PRODUCTION: &[&str] = &["prod", "production", "live", "release"];
/// A pattern for a person to copy, never loaded itself.
const TEMPLATE: &[&str] = &[
    "example", "examples", "sample", "template", "dist", "default", "defaults", "model", "tmpl",
    "skeleton", "copy",
];
/// Reachable from outside, but not what users see.
const STAGING: &[&str] = &["staging", "stage", "preprod", "uat", "demo", "preview"];

/// What a name (of a file, a service, a build stage, a job) says about the stage, with the word
/// that says it; `None` where it says nothing.
pub fn stage_of_name(name: &str) -> Option<(Stage, &str)> {
    let mut found = None;
    for word in words(name) {
        let is_in = |list: &[&str]| list.iter().any(|known| word.eq_ignore_ascii_case(known));
        let stage = if is_in(PRODUCTION) {
            Stage::Production
        } else if is_in(TEST) {
            Stage::Test
        } else if is_in(DEVELOPMENT) {
            Stage::Development
        } else if is_in(STAGING) {
            Stage::Unknown
        } else {
            continue;
        };
        // "test-prod" and "prod-dev" exist; what is not production wins.
        match found {
            Some((known, _)) if known != Stage::Production => {}
            _ => found = Some((stage, word)),
        }
    }
    found
}

/// Whether a file name is that of a template for a person to copy (`.env.example`).
pub fn is_template_name(name: &str) -> bool {
    words(name).any(|word| {
        TEMPLATE
            .iter()
            .any(|known| word.eq_ignore_ascii_case(known))
    })
}

/// What a path says about the stage: the file's own name first, then its folders, innermost
/// first (`overlays/dev/web.yaml`).
pub fn stage_of_path(path: &str) -> Option<(Stage, &str)> {
    path.rsplit('/').find_map(stage_of_name)
}

/// The words of a name: split at everything but letters and digits.
fn words(name: &str) -> impl Iterator<Item = &str> {
    name.split(|character: char| !character.is_alphanumeric())
        .filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_values_follow_flask() {
        for on in [
            "1",
            "true",
            "True",
            "off",
            "n",
            "f",
            " ",
            "yes",
            "production",
        ] {
            assert!(flask_debug_on(on), "{on}");
        }
        for off in ["", "0", "false", "False", "NO", "no"] {
            assert!(!flask_debug_on(off), "{off}");
        }
        assert!(flask_env_debug_on("development"));
        assert!(!flask_env_debug_on("Development"));
    }

    #[test]
    fn names_tell_the_stage() {
        let stage = |name| stage_of_name(name).map(|(stage, _)| stage);
        assert_eq!(stage("docker-compose.prod.yml"), Some(Stage::Production));
        assert_eq!(
            stage("docker-compose.override.yml"),
            Some(Stage::Development)
        );
        assert_eq!(stage("Dockerfile.dev"), Some(Stage::Development));
        assert_eq!(stage("test_prod"), Some(Stage::Test));
        assert_eq!(stage("prod-dev"), Some(Stage::Development));
        assert_eq!(stage("products.yml"), None);
        assert_eq!(stage("docker-compose.yml"), None);
        assert_eq!(stage("latest"), None);
        assert!(is_template_name(".env.example"));
        assert!(is_template_name("whoogle.template.env"));
        assert!(!is_template_name(".env"));
        assert_eq!(
            stage_of_path("k8s/overlays/dev/web.yaml").map(|(stage, _)| stage),
            Some(Stage::Development)
        );
    }
}
