use std::process::Stdio;

use serde_json::Value;

use super::support::{
    APP, code, exit_code, flask_harden, folder, git, repository, sample, stderr, stdout,
    transcript, write,
};

const ONE: [&str; 3] = ["scan", "--control", "debug-run"];

fn with<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&ONE, more].concat()
}

#[test]
fn every_format() {
    let app = folder(&[("app.py", APP), ("requirements.txt", "flask==2.2.5\n")]);
    for format in ["text", "json", "github", "gitlab", "markdown"] {
        let name = format!("scan-{format}");
        let shown = transcript(app.path(), &with(&["--format", format]));
        insta::with_settings!({filters => vec![(r"\d{4}-\d\d-\d\d", "[DATE]")]}, {
            insta::assert_snapshot!(name, shown);
        });
    }
}

#[test]
fn sarif_has_what_code_scanning_needs() {
    let app = folder(&[("app.py", APP)]);
    let log: Value =
        serde_json::from_str(&stdout(app.path(), &with(&["--format", "sarif"]))).unwrap();
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    let result = &run["results"][0];
    assert_eq!(result["ruleId"], "debug-run");
    let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
    assert_eq!(run["tool"]["driver"]["rules"][index]["id"], "debug-run");
    let place = &result["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "app.py");
    assert_eq!(place["region"]["startLine"], 12);
    assert!(result["partialFingerprints"]["flaskHarden/v1"].is_string());
}

#[test]
fn pages_need_nothing_else() {
    let app = folder(&[("app.py", APP)]);
    for arguments in [
        vec!["scan", "--format", "html"],
        vec!["report", "--format", "html"],
    ] {
        let page = stdout(app.path(), &arguments);
        assert!(page.starts_with("<!doctype html>"));
        assert!(page.trim_end().ends_with("</html>"));
        for foreign in [
            "<script", "src=", "href=", "http:", "https:", "@import", "url(",
        ] {
            assert!(!page.contains(foreign), "{arguments:?} has {foreign}");
        }
    }
}

#[test]
fn the_analysis_has_every_section() {
    let report = stdout(sample().path(), &["report"]);
    let headings: Vec<&str> = report
        .lines()
        .filter(|line| line.starts_with("## "))
        .collect();
    let expected = [
        "## 1. Objective",
        "## 2. Scope",
        "## 3. Methodology",
        "## 4. Deep analysis",
        "## 5. Gap analysis",
        "## 6. Recommendations",
        "## 7. Threat impact reassessment",
        "## What this does not tell",
    ];
    assert_eq!(headings, expected);
}

#[test]
fn the_threshold_decides_the_exit_code() {
    let app = folder(&[("app.py", APP)]);
    let report: Value =
        serde_json::from_str(&stdout(app.path(), &with(&["--format", "json"]))).unwrap();
    let severity = report["findings"][0]["severity"]
        .as_str()
        .unwrap()
        .to_owned();
    let order = ["low", "medium", "high", "critical"];
    let own = order.iter().position(|level| *level == severity).unwrap();
    for (index, level) in order.iter().enumerate() {
        let expected = i32::from(index <= own);
        assert_eq!(
            exit_code(app.path(), &with(&["--fail-on", level])),
            expected,
            "{level}"
        );
    }
    assert_eq!(exit_code(app.path(), &with(&["--fail-on", "none"])), 0);
    assert_eq!(exit_code(app.path(), &ONE), 1);
}

#[test]
fn a_clean_application_is_0() {
    let app = folder(&[("app.py", &APP.replace("True", "False"))]);
    assert_eq!(exit_code(app.path(), &ONE), 0);
    assert!(stdout(app.path(), &ONE).contains("No findings."));
}

#[test]
fn the_baseline_hides_what_it_knows_and_nothing_else() {
    let app = folder(&[("app.py", APP)]);
    let written = with(&["--format", "json", "--output", "known.json"]);
    assert_eq!(exit_code(app.path(), &written), 1);
    let later = with(&["--baseline", "known.json"]);
    assert_eq!(exit_code(app.path(), &later), 0);
    assert!(stdout(app.path(), &later).contains("1 finding of the baseline left out."));
    // The same line once more is a second finding.
    let twice = format!("{APP}    app.run(debug=True)\n");
    write(app.path(), "app.py", &twice);
    assert_eq!(exit_code(app.path(), &later), 1);
    assert!(stdout(app.path(), &later).contains("1 finding:"));
}

#[test]
fn a_baseline_has_to_be_a_report() {
    let app = folder(&[("app.py", APP), ("notes.txt", "hello")]);
    let wrong = with(&["--baseline", "notes.txt"]);
    insta::assert_snapshot!("baseline-wrong", transcript(app.path(), &wrong));
    let missing = with(&["--baseline", "gone.json"]);
    insta::assert_snapshot!("baseline-missing", transcript(app.path(), &missing));
}

#[test]
fn unknown_ids_are_errors() {
    let app = folder(&[("app.py", APP)]);
    let control = ["scan", "--control", "debug-rnu"];
    insta::assert_snapshot!("scan-unknown-control", transcript(app.path(), &control));
    let strategy = ["scan", "--strategy", "debug"];
    insta::assert_snapshot!("scan-unknown-strategy", transcript(app.path(), &strategy));
}

#[test]
fn two_runs_give_the_same_bytes() {
    let app = sample();
    for format in ["text", "json", "sarif", "html", "markdown"] {
        let arguments = ["scan", "--format", format];
        let first = stdout(app.path(), &arguments);
        assert!(first.len() > 1000, "{format}");
        assert_eq!(first, stdout(app.path(), &arguments), "{format}");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let app = sample();
    let mut command = flask_harden(app.path(), &["scan", "--format", "json"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(code(&output), 1, "as many findings as ever");
    assert!(
        output.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn colour_is_asked_for() {
    let app = folder(&[("app.py", APP)]);
    let colored = |arguments: &[&str], variables: &[(&str, &str)]| {
        let mut command = flask_harden(app.path(), arguments);
        command.envs(variables.iter().copied());
        command.output().unwrap().stdout.contains(&0x1b)
    };
    assert!(!colored(&ONE, &[]));
    assert!(colored(&with(&["--color", "always"]), &[("NO_COLOR", "1")]));
    assert!(colored(&ONE, &[("CLICOLOR_FORCE", "1")]));
    assert!(!colored(
        &with(&["--color", "never"]),
        &[("CLICOLOR_FORCE", "1")]
    ));
    assert!(!colored(
        &ONE,
        &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]
    ));
}

#[test]
fn without_a_terminal_the_wizard_is_a_report() {
    let app = folder(&[("app.py", APP)]);
    assert_eq!(exit_code(app.path(), &[]), 0);
    assert!(
        stdout(app.path(), &[]).contains("high[debug-run]")
            || stdout(app.path(), &[]).contains("[debug-run]")
    );
    assert!(stderr(app.path(), &[]).contains("The wizard needs a terminal."));
}

#[test]
fn a_command_misspelt_is_a_path_that_is_not_there() {
    insta::assert_snapshot!("misspelt", transcript(folder(&[]).path(), &["scna"]));
}

/// A key that is found and shown in an excerpt, in a flow, in a patch: in none of them readable.
#[test]
fn no_output_shows_a_secret() {
    let key = format!("{}-{}", "not-a-real", "key-0123456789");
    let source = APP.replace(
        "Flask(__name__)\n",
        &format!("Flask(__name__)\napp.config[\"SECRET_KEY\"] = \"{key}\"\n"),
    );
    let env = format!("SECRET_KEY={key}\nFLASK_DEBUG=1\n");
    let app = folder(&[("app.py", &source), (".env", &env)]);
    for format in [
        "text", "json", "sarif", "markdown", "html", "github", "gitlab",
    ] {
        let report = stdout(app.path(), &["scan", "--format", format]);
        assert!(!report.contains(&key), "{format}");
    }
    // Accepting the finding does not show it either.
    let accepted = source.replace(
        &format!("\"{key}\"\n"),
        &format!("\"{key}\"  # flask-harden: ignore[secret-key-hardcoded] known\n"),
    );
    write(app.path(), "app.py", accepted);
    for arguments in [vec!["report"], vec![]] {
        assert!(
            !stdout(app.path(), &arguments).contains(&key),
            "{arguments:?}"
        );
    }
}

/// Every kind of file that can hold a key, each with one of its own.
const HOLDERS: &[(&str, &str)] = &[
    (
        "Dockerfile",
        "FROM python\nENV SECRET_KEY=@@\nCMD [\"gunicorn\", \"app:app\"]\n",
    ),
    (
        "docker-compose.yml",
        "services:\n  web:\n    build: .\n    environment:\n      SECRET_KEY: @@\n",
    ),
    ("Procfile", "web: SECRET_KEY=@@ gunicorn app:app\n"),
    (
        "start.sh",
        "#!/bin/sh\nexport SECRET_KEY=@@\nexec gunicorn app:app\n",
    ),
    (
        "shop.service",
        "[Service]\nEnvironment=SECRET_KEY=@@\nExecStart=gunicorn app:app\n",
    ),
    (
        "supervisord.conf",
        "[program:a]\nenvironment=SECRET_KEY=\"@@\"\ncommand=gunicorn app:app\n",
    ),
    (
        "k8s/pod.yaml",
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\nspec:\n  containers:\n    - name: web\n      env:\n        - name: SECRET_KEY\n          value: @@\n",
    ),
    (
        "k8s/secret.yaml",
        "apiVersion: v1\nkind: Secret\nstringData:\n  SECRET_KEY: @@\n",
    ),
    (
        "k8s/kustomization.yaml",
        "secretGenerator:\n  - name: a\n    literals: [SECRET_KEY=@@]\n",
    ),
    ("chart/Chart.yaml", "apiVersion: v2\nname: a\n"),
    ("chart/values.yaml", "env:\n  SECRET_KEY: @@\n"),
    (
        ".gitlab-ci.yml",
        "deploy:\n  variables:\n    SECRET_KEY: @@\n  script: [a]\n",
    ),
    (
        ".circleci/config.yml",
        "jobs:\n  deploy:\n    environment:\n      SECRET_KEY: @@\n",
    ),
    (
        ".github/workflows/deploy.yml",
        "jobs:\n  deploy:\n    env:\n      SECRET_KEY: @@\n    steps: []\n",
    ),
    (
        "Jenkinsfile",
        "pipeline {\n  environment { SECRET_KEY = '@@' }\n  stages { stage('Deploy') { steps { sh 'a' } } }\n}\n",
    ),
    ("app.json", "{\"env\": {\"SECRET_KEY\": \"@@\"}}\n"),
    (
        "app.yaml",
        "runtime: python312\nenv_variables:\n  SECRET_KEY: @@\n",
    ),
    (
        "render.yaml",
        "services:\n  - envVars:\n      - key: SECRET_KEY\n        value: @@\n",
    ),
    (
        "serverless.yml",
        "provider:\n  environment:\n    SECRET_KEY: @@\n",
    ),
    (
        "zappa_settings.json",
        "{\"web\": {\"app_function\": \"a.a\", \"environment_variables\": {\"SECRET_KEY\": \"@@\"}}}\n",
    ),
    ("fly.toml", "[env]\nSECRET_KEY = \"@@\"\n"),
    (
        "uwsgi.ini",
        "[uwsgi]\nmodule = app:app\nenv = SECRET_KEY=@@\n",
    ),
    (
        "playbooks/site.yml",
        "- hosts: all\n  tasks:\n    - shell: flask run\n      environment:\n        SECRET_KEY: @@\n",
    ),
    (
        "infra/main.tf",
        "resource \"a\" \"b\" {\n  variables = {\n    SECRET_KEY = \"@@\"\n  }\n}\n",
    ),
    (".env", "SECRET_KEY=@@\n"),
    ("conf.json", "{\"SECRET_KEY\": \"@@\", \"A\": 1}\n"),
    ("c.toml", "JWT_SECRET_KEY = \"@@\"\n"),
    ("c.ini", "[flask]\nkey = @@\n"),
    (
        "app.py",
        "import configparser, json, tomllib\nimport jwt\nfrom flask import Flask\nfrom itsdangerous import Signer\n\n\
         app = Flask(__name__)\napp.config[\"WTF_CSRF_SECRET_KEY\"] = \"@@\"\n\
         app.config.from_file(\"conf.json\", load=json.load)\n\
         app.config.from_file(\"c.toml\", load=tomllib.load, text=False)\n\
         ini = configparser.ConfigParser()\nini.read(\"c.ini\")\n\
         app.config[\"SECURITY_PASSWORD_SALT\"] = ini[\"flask\"][\"key\"]\nsigner = Signer(\"@@\")\n\n\n\
         def token(user):\n    return jwt.encode({\"u\": user}, \"@@\", algorithm=\"HS256\")\n",
    ),
];

/// No report, no commit message and no line that a patch writes holds one of them; a patch says
/// only what goes.
#[test]
fn no_output_shows_a_secret_whatever_file_holds_it() {
    let mut number = 0u32;
    let mut keys = Vec::new();
    let files: Vec<(&str, String)> = HOLDERS
        .iter()
        .map(|(path, text)| {
            let mut text = (*text).to_owned();
            while text.contains("@@") {
                number += 1;
                let digits = u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                let key = format!("no-secret-{digits:016x}");
                text = text.replacen("@@", &key, 1);
                keys.push(key);
            }
            (*path, text)
        })
        .collect();
    assert!(keys.len() > 25, "{}", keys.len());
    let texts: Vec<(&str, &str)> = files
        .iter()
        .map(|(path, text)| (*path, text.as_str()))
        .collect();
    let repo = repository(&texts);
    let shows = |text: &str| keys.iter().find(|key| text.contains(key.as_str())).cloned();
    for format in [
        "text", "json", "sarif", "markdown", "html", "github", "gitlab",
    ] {
        let report = stdout(repo.path(), &["scan", "--format", format]);
        assert_eq!(shows(&report), None, "{format}");
    }
    let report = stdout(repo.path(), &["report"]);
    assert_eq!(report.lines().find(|line| shows(line).is_some()), None);
    for arguments in [
        &["fix", "--review", "--diff"][..],
        &["fix", "--review", "--branch", "hardened"],
    ] {
        let output = flask_harden(repo.path(), arguments).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let written = text.lines().filter(|line| !line.starts_with(['-', ' ']));
        assert_eq!(shows(&written.collect::<Vec<_>>().join("\n")), None);
        assert_eq!(shows(&String::from_utf8_lossy(&output.stderr)), None);
    }
    let log = |arguments: &[&str]| git(repo.path(), arguments);
    assert_eq!(shows(&log(&["log", "--format=%s%n%b", "hardened"])), None);
    let changes = log(&["diff", "main", "hardened"]);
    let added = changes.lines().filter(|line| line.starts_with('+'));
    assert_eq!(shows(&added.collect::<Vec<_>>().join("\n")), None);
}
