use super::*;

fn read<const N: usize>(texts: [(&str, &str); N]) -> Ci {
    Ci::read(&Repository::from_texts(texts))
}

/// Tool, whether strict, whether it fails the build on every commit.
fn audits<const N: usize>(texts: [(&str, &str); N]) -> Vec<(&'static str, bool, bool)> {
    let ci = read(texts);
    let effective: Vec<Location> = ci.effective().map(|audit| audit.location.clone()).collect();
    let all = ci.audits.iter();
    all.map(|audit| {
        let fails = effective.contains(&audit.location);
        (audit.tool.label(), audit.strict, fails)
    })
    .collect()
}

fn workflow(steps: &str) -> String {
    format!("on: [push]\njobs:\n  a:\n    runs-on: x\n    steps:\n{steps}")
}

#[test]
fn steps_of_github_are_read() {
    for (steps, expected) in [
        (
            "      - run: pip-audit --strict -r requirements.txt\n",
            vec![("pip-audit", true, true)],
        ),
        (
            "      - run: |\n          pip install pip-audit\n          python -m pip_audit .\n",
            vec![("pip-audit", false, true)],
        ),
        (
            "      - run: pip-audit -S . || true\n",
            vec![("pip-audit", true, false)],
        ),
        (
            "      - run: uvx pip-audit --strict\n        continue-on-error: true\n",
            vec![("pip-audit", true, false)],
        ),
        (
            "      - uses: pypa/gh-action-pip-audit@v1.1.0\n        with:\n          inputs: .\n",
            vec![("gh-action-pip-audit", true, true)],
        ),
        (
            "      - run: poetry run safety check\n",
            vec![("safety", true, true)],
        ),
        (
            "      - run: uv run --with pip-audit pip-audit --strict\n",
            vec![("pip-audit", true, true)],
        ),
        // Look-alikes.
        (
            "      - name: pip-audit\n        run: pip install pip-audit\n",
            vec![],
        ),
        ("      - run: echo pip-audit\n", vec![]),
        ("      - uses: actions/checkout@v4\n", vec![]),
    ] {
        let source = workflow(steps);
        assert_eq!(
            audits([(".github/workflows/ci.yml", &source)]),
            expected,
            "{steps}"
        );
    }
}

#[test]
fn schedules_are_no_commits() {
    let on = "on:\n  schedule:\n    - cron: '1 2 * * 3'\njobs:\n  a:\n    steps:\n      - run: pip-audit --strict\n";
    let ci = read([(".github/workflows/audit.yml", on)]);
    assert!(!ci.audits[0].on_commit && ci.scheduled().is_some());
    assert_eq!(ci.effective().count(), 0);
    let gitlab = "audit:\n  script: pip-audit --strict\n  only: [schedules]\n";
    assert_eq!(read([(".gitlab-ci.yml", gitlab)]).effective().count(), 0);
}

#[test]
fn other_systems_are_read() {
    let expected = vec![("pip-audit", true, true)];
    let command = "pip-audit --strict -r requirements.txt";
    for (path, source) in [
        (
            ".gitlab-ci.yml",
            format!("audit:\n  script:\n    - {command}\n"),
        ),
        (
            ".circleci/config.yml",
            format!(
                "jobs:\n  a:\n    steps:\n      - run:\n          name: Audit\n          command: {command}\n"
            ),
        ),
        (
            "azure-pipelines.yml",
            format!("steps:\n- script: |\n    {command}\n  displayName: Audit\n"),
        ),
        (".travis.yml", format!("script:\n  - {command}\n")),
        (
            "bitbucket-pipelines.yml",
            format!(
                "pipelines:\n  default:\n    - step:\n        script:\n          - {command}\n"
            ),
        ),
        (
            "Jenkinsfile",
            format!("pipeline {{ stages {{ stage('a') {{ steps {{ sh '{command}' }} }} }} }}\n"),
        ),
    ] {
        assert_eq!(audits([(path, &source)]), expected, "{path}");
    }
    let forgiven = format!("audit:\n  allow_failure: true\n  script:\n    - {command}\n");
    assert_eq!(
        audits([(".gitlab-ci.yml", &forgiven)]),
        [("pip-audit", true, false)]
    );
}

#[test]
fn what_ci_calls_is_followed() {
    let ci = |run: &str| workflow(&format!("      - run: {run}\n"));
    let expected = [("pip-audit", true, true)];
    let make = ci("make lint audit");
    let makefile = "all:\n\techo\naudit: all\n\t@pip-audit --strict .\n";
    assert_eq!(
        audits([(".github/workflows/ci.yml", &make), ("Makefile", makefile)]),
        expected
    );
    let other = ci("make lint");
    assert!(audits([(".github/workflows/ci.yml", &other), ("Makefile", makefile)]).is_empty());
    let tox = ci("tox -e audit");
    let ini = "[testenv:audit]\ncommands =\n    pip-audit --strict .\n[testenv:x]\ncommands = safety check\n";
    assert_eq!(
        audits([(".github/workflows/ci.yml", &tox), ("tox.ini", ini)]),
        expected
    );
    let nox = ci("nox -s audit");
    let noxfile =
        "import nox\n@nox.session\ndef audit(session):\n    session.run('pip-audit', '--strict')\n";
    assert_eq!(
        audits([(".github/workflows/ci.yml", &nox), ("noxfile.py", noxfile)]),
        expected
    );
    let script = ci("./scripts/check.sh");
    assert_eq!(
        audits([
            (".github/workflows/ci.yml", &script),
            ("scripts/check.sh", "#!/bin/sh\npip-audit --strict .\n")
        ]),
        expected
    );
}

#[test]
fn hooks_count_where_ci_runs_them() {
    let hooks = "repos:\n  - repo: https://github.com/pypa/pip-audit\n    rev: v2.10.1\n    hooks:\n      - id: pip-audit\n        args: [--strict, -r, requirements.txt]\n";
    assert_eq!(
        audits([(".pre-commit-config.yaml", hooks)]),
        [("pip-audit", true, false)]
    );
    let ci = workflow("      - run: pre-commit run --all-files\n");
    assert_eq!(
        audits([
            (".pre-commit-config.yaml", hooks),
            (".github/workflows/ci.yml", &ci)
        ]),
        [("pip-audit", true, true)]
    );
}

#[test]
fn bots_that_watch_python_are_told() {
    let bots = |path: &str, source: &str| {
        let ci = read([(path, source)]);
        ci.bots.iter().map(|bot| bot.kind).collect::<Vec<_>>()
    };
    let pip = "version: 2\nupdates:\n  - package-ecosystem: pip\n    directory: /\n";
    assert_eq!(bots(".github/dependabot.yml", pip), [BotKind::Dependabot]);
    let npm = pip.replace("pip", "npm");
    assert_eq!(bots(".github/dependabot.yml", &npm), []);
    assert_eq!(
        bots("renovate.json", "{\"extends\": []}\n"),
        [BotKind::Renovate]
    );
    assert_eq!(bots("renovate.json", "{\"enabled\": false}\n"), []);
    assert_eq!(bots(".pyup.yml", "update: all\n"), [BotKind::PyUp]);
}
