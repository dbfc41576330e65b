use super::*;
use crate::model::deployment::{EnvValue, Stage};

/// The text of `path` once the edits are made.
fn applied(file: &File, edits: &[Edit]) -> String {
    let mut text = file.text.as_str().to_owned();
    let mut replaced: Vec<_> = edits
        .iter()
        .map(|edit| match edit {
            Edit::Replace { path, span, text } => {
                assert_eq!(*path, file.path);
                (*span, text.clone())
            }
            Edit::Line { line, .. } => (crate::text::Span::at(text.len()), format!("{line}\n")),
            other => panic!("{other:?}"),
        })
        .collect();
    replaced.sort();
    for (span, new) in replaced.into_iter().rev() {
        text.replace_range(span.start..span.end, &new);
    }
    text
}

/// Sets the variable, and checks that reading again gives it and that a second time does nothing.
#[track_caller]
fn set(path: &str, text: &str, name: &str, value: &str) -> String {
    set_among(&[(path, text)], path, name, value)
}

#[track_caller]
fn set_among(files: &[(&str, &str)], path: &str, name: &str, value: &str) -> String {
    let repo = Repository::from_texts(files.iter().copied());
    let deployment = Deployment::read(&repo);
    let edits = set_environment(&repo, &deployment, path, name, value);
    assert!(!edits.is_empty(), "no edit");
    let new = applied(repo.file(path).unwrap(), &edits);
    let repo = repo.with_texts([(Arc::from(path), new.clone())]);
    let deployment = Deployment::read(&repo);
    let own = deployment
        .settings(name)
        .filter(|it| *it.location.path == *path && !it.build_only);
    let values: Vec<_> = own.map(|it| it.literal().map(str::to_owned)).collect();
    assert!(!values.is_empty(), "reading again gives nothing:\n{new}");
    assert!(
        values.iter().any(|it| it.as_deref() == Some(value)),
        "{values:?}\n{new}"
    );
    let again = set_environment(&repo, &deployment, path, name, value);
    assert!(again.is_empty(), "a second time changes {again:?}");
    new
}

/// `set` on a text with FLASK_DEBUG, to 0; only `from` becomes `to`.
#[track_caller]
fn changes(path: &str, text: &str, from: &str, to: &str) {
    assert_eq!(text.matches(from).count(), 1, "the test's own text");
    assert_eq!(set(path, text, "FLASK_DEBUG", "0"), text.replace(from, to));
}

#[track_caller]
fn adds(path: &str, text: &str, expected: &str) {
    assert_eq!(set(path, text, "FLASK_DEBUG", "0"), expected);
}

#[test]
fn settings_change_in_place_and_keep_their_quotes() {
    changes(
        "Dockerfile",
        "FROM x\nENV A=b FLASK_DEBUG=1 \\\n    C=d # e\nCMD flask run\n",
        "DEBUG=1",
        "DEBUG=0",
    );
    changes(
        "Dockerfile",
        "FROM x\nENV FLASK_DEBUG 1\nCMD flask run",
        "DEBUG 1",
        "DEBUG 0",
    );
    changes(
        "Dockerfile",
        "FROM x\r\nENV FLASK_DEBUG=\"true\"\r\n",
        "\"true\"",
        "\"0\"",
    );
    changes(
        "Dockerfile",
        "ARG FLASK_DEBUG=1\nFROM x\nENV FLASK_DEBUG=$FLASK_DEBUG\n",
        "=$FLASK_DEBUG",
        "=0",
    );
    changes(".env", "A=1\nexport FLASK_DEBUG='1' # on\n", "'1'", "'0'");
    changes(".flaskenv", "FLASK_DEBUG=${DEBUG:-1}\n", ":-1", ":-0");
    changes(
        "docker-compose.yml",
        "services:\n  web:\n    build: .\n    environment:\n      FLASK_DEBUG: 1  # why\n",
        "G: 1",
        "G: 0",
    );
    changes(
        "docker-compose.yml",
        "services:\n  web:\n    build: .\n    environment:\n      FLASK_DEBUG: 'true'\n",
        "'true'",
        "'0'",
    );
    changes(
        "docker-compose.yml",
        "services:\n  web:\n    build: .\n    environment:\n      FLASK_DEBUG: on\n",
        "G: on",
        "G: \"0\"",
    );
    changes(
        "docker-compose.yml",
        "services:\n  web:\n    build: .\n    environment:\n    - \"FLASK_DEBUG=1\"\n",
        "G=1",
        "G=0",
    );
    changes(
        "docker-compose.yml",
        "services:\n  web:\n    build: .\n    environment:\n    - FLASK_DEBUG\n",
        "G\n",
        "G=0\n",
    );
    changes(
        "docker-compose.yml",
        "services:\n  web:\n    build: .\n    environment:\n      FLASK_DEBUG:\n",
        "G:\n",
        "G: \"0\"\n",
    );
    changes(
        "docker-compose.yml",
        "services:\n  web:\n    build: .\n    environment:\n      FLASK_DEBUG: ${FLASK_DEBUG:-1}\n",
        ":-1",
        ":-0",
    );
    changes("Procfile", "web: FLASK_DEBUG=1 gunicorn a:b\n", "=1", "=0");
    changes(
        "run.sh",
        "export FLASK_DEBUG=\"1\"; flask run\n",
        "\"1\"",
        "\"0\"",
    );
    changes(
        "x.service",
        "[Service]\nEnvironment=\"FLASK_DEBUG=1\" A=b\nExecStart=gunicorn a:b\n",
        "G=1",
        "G=0",
    );
    changes(
        "s.conf",
        "[program:web]\ncommand=gunicorn a:b\nenvironment=A=\"b\",FLASK_DEBUG=\"1\"\n",
        "G=\"1\"",
        "G=\"0\"",
    );
    changes(
        "uwsgi.ini",
        "[uwsgi]\nmodule=a:b\nenv=FLASK_DEBUG=1\n",
        "G=1",
        "G=0",
    );
    changes(
        "gunicorn.conf.py",
        "raw_env = [\n    'FLASK_DEBUG=1',\n]\n",
        "G=1",
        "G=0",
    );
    changes(
        "Makefile",
        "export FLASK_DEBUG ?= 1\nrun:\n\tflask run\n",
        "?= 1",
        "?= 0",
    );
    changes(
        "app.json",
        "{\"env\": {\"FLASK_DEBUG\": {\"value\": \"1\"}}}\n",
        "\"1\"",
        "\"0\"",
    );
    changes("fly.toml", "[env]\nFLASK_DEBUG = \"1\"\n", "\"1\"", "\"0\"");
    changes(
        "Jenkinsfile",
        "pipeline {\n  environment {\n    FLASK_DEBUG = '1'\n  }\n}\n",
        "'1'",
        "'0'",
    );
    changes(
        ".gitlab-ci.yml",
        "variables:\n  FLASK_DEBUG: 1\ndeploy:\n  script: [x]\n",
        "G: 1",
        "G: 0",
    );
    changes(
        ".github/workflows/d.yml",
        "jobs:\n  deploy:\n    env: {FLASK_DEBUG: '1'}\n",
        "'1'",
        "'0'",
    );
    changes(
        "tasks/main.yml",
        "- shell: flask run\n  environment:\n    FLASK_DEBUG: yes\n",
        "G: yes",
        "G: \"0\"",
    );
    changes(
        "k8s/a.yaml",
        "apiVersion: v1\nkind: ConfigMap\ndata:\n  FLASK_DEBUG: 1\n",
        "G: 1",
        "G: \"0\"",
    );
    changes(
        "k8s/a.yaml",
        "apiVersion: v1\nkind: Secret\ndata:\n  FLASK_DEBUG: MQ==\n",
        "MQ==",
        "MA==",
    );
}

#[test]
fn a_value_from_a_store_is_left_alone() {
    let text = "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - name: web\n    env:\n    - name: KEY\n      valueFrom: {secretKeyRef: {name: s, key: k}}\n";
    let repo = Repository::from_texts([("k8s/a.yaml", text)]);
    let deployment = Deployment::read(&repo);
    assert!(set_environment(&repo, &deployment, "k8s/a.yaml", "KEY", "x").is_empty());
    assert_eq!(
        deployment.settings("KEY").next().unwrap().value,
        EnvValue::Outside
    );
}

#[test]
fn a_dockerfile_gets_an_env_where_it_belongs() {
    adds(
        "Dockerfile",
        "FROM x AS base\nENV B=1\nFROM base\nENV A=1 \\\n  C=2\nRUN x\nCMD flask run",
        "FROM x AS base\nENV B=1\nFROM base\nENV A=1 \\\n  C=2\nENV FLASK_DEBUG=0\nRUN x\nCMD flask run",
    );
    adds(
        "Dockerfile",
        "FROM x\r\nRUN y\r\n# start\r\nENTRYPOINT [\"a\"]\r\nCMD [\"b\"]\r\n",
        "FROM x\r\nRUN y\r\nENV FLASK_DEBUG=0\r\n# start\r\nENTRYPOINT [\"a\"]\r\nCMD [\"b\"]\r\n",
    );
    adds("Dockerfile", "FROM x", "FROM x\nENV FLASK_DEBUG=0");
    adds(
        "Dockerfile",
        "FROM x AS production\nCMD gunicorn a:b\nFROM x AS test\nCMD pytest\n",
        "FROM x AS production\nENV FLASK_DEBUG=0\nCMD gunicorn a:b\nFROM x AS test\nCMD pytest\n",
    );
}

#[test]
fn compose_services_get_it_in_their_style() {
    adds(
        "docker-compose.yml",
        "services:\n  web:\n    build: .\n    command: flask run\n    environment:\n      A: b # c\n    ports: [80]\n  db:\n    image: postgres\n    environment:\n      A: b\n",
        "services:\n  web:\n    build: .\n    command: flask run\n    environment:\n      A: b # c\n      FLASK_DEBUG: \"0\"\n    ports: [80]\n  db:\n    image: postgres\n    environment:\n      A: b\n",
    );
    adds(
        "compose.yml",
        "services:\n    web:\n        image: x\n        command: flask run\n        environment:\n        - A=b\n",
        "services:\n    web:\n        image: x\n        command: flask run\n        environment:\n        - A=b\n        - FLASK_DEBUG=0\n",
    );
    adds(
        "compose.yml",
        "services:\n  web:\n    image: x\n    command: flask run\n    ports:\n      - 80:80\n",
        "services:\n  web:\n    image: x\n    command: flask run\n    environment:\n      FLASK_DEBUG: \"0\"\n    ports:\n      - 80:80\n",
    );
    adds(
        "compose.yml",
        "services:\n  web:\n    image: x\n    command: flask run\n    environment: {A: b}\n",
        "services:\n  web:\n    image: x\n    command: flask run\n    environment: {A: b, FLASK_DEBUG: \"0\"}\n",
    );
    adds(
        "compose.yml",
        "services:\n  web:\n    image: x\n    command: flask run\n    environment: [\"A=b\"]",
        "services:\n  web:\n    image: x\n    command: flask run\n    environment: [\"A=b\", \"FLASK_DEBUG=0\"]",
    );
    adds(
        "compose.yml",
        "x: &env\n  A: b\nservices:\n  web:\n    build: .\n    environment: *env\n  job:\n    build: .\n    environment: *env\n",
        "x: &env\n  A: b\n  FLASK_DEBUG: \"0\"\nservices:\n  web:\n    build: .\n    environment: *env\n  job:\n    build: .\n    environment: *env\n",
    );
    adds(
        "compose.yml",
        "services:\n  web:\n    build: .\n    environment:\n",
        "services:\n  web:\n    build: .\n    environment:\n      FLASK_DEBUG: \"0\"\n",
    );
}

#[test]
fn services_for_development_keep_what_they_have() {
    changes(
        "docker-compose.yml",
        "services:\n  dev:\n    image: x\n    environment: {FLASK_DEBUG: 1}\n    command: flask run\n  web:\n    image: x\n    environment:\n      FLASK_DEBUG: yes\n",
        "G: yes",
        "G: \"0\"",
    );
    adds(
        "docker-compose.yml",
        "services:\n  dev:\n    image: x\n    command: flask run\n  web:\n    image: x\n    command: flask run\n",
        "services:\n  dev:\n    image: x\n    command: flask run\n  web:\n    image: x\n    command: flask run\n    environment:\n      FLASK_DEBUG: \"0\"\n",
    );
    changes(
        "docker-compose.dev.yml",
        "services:\n  web:\n    image: x\n    environment: {FLASK_DEBUG: 1}\n",
        "G: 1",
        "G: 0",
    );
}

#[test]
fn containers_get_an_item() {
    let head = "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - name: web\n    image: x\n    command: [flask, run]\n";
    adds(
        "k8s/a.yaml",
        &format!("{head}    env:\n    - name: A\n      value: b\n"),
        &format!(
            "{head}    env:\n    - name: A\n      value: b\n    - name: FLASK_DEBUG\n      value: \"0\"\n"
        ),
    );
    adds(
        "k8s/a.yaml",
        &format!("{head}  - name: other\n    image: y\n"),
        &format!(
            "{head}    env:\n      - name: FLASK_DEBUG\n        value: \"0\"\n  - name: other\n    image: y\n"
        ),
    );
    let new = set_among(
        &[
            ("c/Chart.yaml", "name: c\n"),
            ("c/values.yaml", "image: x\nenv:\n  A: b\nport: 1\n"),
        ],
        "c/values.yaml",
        "FLASK_DEBUG",
        "0",
    );
    assert_eq!(
        new,
        "image: x\nenv:\n  A: b\n  FLASK_DEBUG: \"0\"\nport: 1\n"
    );
    let new = set_among(
        &[
            ("c/Chart.yaml", "name: c\n"),
            ("c/values.yaml", "extraEnv:\n  - name: A\n    value: b\n"),
        ],
        "c/values.yaml",
        "FLASK_DEBUG",
        "0",
    );
    assert_eq!(
        new,
        "extraEnv:\n  - name: A\n    value: b\n  - name: FLASK_DEBUG\n    value: \"0\"\n"
    );
}

#[test]
fn a_chart_without_variables_is_left_alone() {
    let repo = Repository::from_texts([
        ("c/Chart.yaml", "name: c\n"),
        ("c/values.yaml", "image: x\n"),
    ]);
    let deployment = Deployment::read(&repo);
    assert!(set_environment(&repo, &deployment, "c/values.yaml", "A", "b").is_empty());
}

#[test]
fn scripts_and_procfiles() {
    adds(
        "Procfile",
        "web: gunicorn a:b\nworker: celery\n",
        "web: export FLASK_DEBUG=0 && gunicorn a:b\nworker: celery\n",
    );
    adds(
        "Procfile",
        "web: flask db upgrade && exec gunicorn a:b\n",
        "web: flask db upgrade && export FLASK_DEBUG=0 && exec gunicorn a:b\n",
    );
    adds(
        "Makefile",
        "run:\n\t@flask run\n",
        "run:\n\t@export FLASK_DEBUG=0 && flask run\n",
    );
    adds(
        "run.sh",
        "#!/bin/sh\nset -e\nexport A=1 # a\nflask db upgrade\nexec gunicorn a:b\n",
        "#!/bin/sh\nset -e\nexport A=1 # a\nexport FLASK_DEBUG=0\nflask db upgrade\nexec gunicorn a:b\n",
    );
    adds(
        "run.sh",
        "#!/bin/sh\nset -e\ncd x\nexec gunicorn \\\n  a:b\n",
        "#!/bin/sh\nset -e\ncd x\nexport FLASK_DEBUG=0\nexec gunicorn \\\n  a:b\n",
    );
    adds(
        "run.sh",
        "#!/bin/sh\nset -e\nif x; then\n  gunicorn a:b\nelse\n  gunicorn c:d\nfi\n",
        "#!/bin/sh\nset -e\nexport FLASK_DEBUG=0\nif x; then\n  gunicorn a:b\nelse\n  gunicorn c:d\nfi\n",
    );
    adds(
        "run.sh",
        "#!/bin/sh\nfoo || gunicorn a:b",
        "#!/bin/sh\nexport FLASK_DEBUG=0\nfoo || gunicorn a:b",
    );
}

#[test]
fn units_and_ini_files() {
    adds(
        "x.service",
        "[Unit]\nA=b\n[Service]\nUser=x\nExecStart=gunicorn \\\n  a:b\n[Install]\n",
        "[Unit]\nA=b\n[Service]\nUser=x\nEnvironment=FLASK_DEBUG=0\nExecStart=gunicorn \\\n  a:b\n[Install]\n",
    );
    adds(
        "x.service",
        "[Service]\nEnvironment=A=b\nExecStart=gunicorn a:b\n",
        "[Service]\nEnvironment=A=b\nEnvironment=FLASK_DEBUG=0\nExecStart=gunicorn a:b\n",
    );
    adds(
        "s.conf",
        "[program:web]\ncommand=gunicorn a:b\nenvironment=A=\"b\",\n  B=\"c\"\nuser=x\n[program:w]\ncommand=celery\n",
        "[program:web]\ncommand=gunicorn a:b\nenvironment=A=\"b\",\n  B=\"c\",FLASK_DEBUG=\"0\"\nuser=x\n[program:w]\ncommand=celery\n",
    );
    adds(
        "s.conf",
        "[program:web]\ncommand=gunicorn a:b\nuser=x\n",
        "[program:web]\ncommand=gunicorn a:b\nenvironment=FLASK_DEBUG=\"0\"\nuser=x\n",
    );
    adds(
        "uwsgi.ini",
        "[uwsgi]\nmodule = a:b\n\n[x]\n",
        "[uwsgi]\nmodule = a:b\nenv = FLASK_DEBUG=0\n\n[x]\n",
    );
    adds(
        "gunicorn.conf.py",
        "bind = 'x'\n",
        "bind = 'x'\nraw_env = [\"FLASK_DEBUG=0\"]\n",
    );
    adds(
        "gunicorn.conf.py",
        "raw_env = ['A=b']\n",
        "raw_env = ['A=b', 'FLASK_DEBUG=0']\n",
    );
    adds(".env", "A=1\n", "A=1\nFLASK_DEBUG=0\n");
}

#[test]
fn pipelines_and_platforms() {
    adds(
        ".github/workflows/d.yml",
        "jobs:\n  test:\n    runs-on: x\n    steps:\n      - run: pytest\n  deploy:\n    runs-on: x\n    steps:\n      - run: |\n          gunicorn a:b\n",
        "jobs:\n  test:\n    runs-on: x\n    steps:\n      - run: pytest\n  deploy:\n    runs-on: x\n    env:\n      FLASK_DEBUG: \"0\"\n    steps:\n      - run: |\n          gunicorn a:b\n",
    );
    adds(
        ".gitlab-ci.yml",
        "deploy:\n  stage: deploy\n  variables:\n    A: b\n  script:\n    - gunicorn a:b\n",
        "deploy:\n  stage: deploy\n  variables:\n    A: b\n    FLASK_DEBUG: \"0\"\n  script:\n    - gunicorn a:b\n",
    );
    adds(
        "Jenkinsfile",
        "pipeline {\n    agent any\n    stages {\n    }\n}\n",
        "pipeline {\n    agent any\n    environment {\n        FLASK_DEBUG = '0'\n    }\n    stages {\n    }\n}\n",
    );
    adds(
        "Jenkinsfile",
        "pipeline {\n  environment {\n    A = credentials('a')\n  }\n}\n",
        "pipeline {\n  environment {\n    A = credentials('a')\n    FLASK_DEBUG = '0'\n  }\n}\n",
    );
    adds(
        "tasks/main.yml",
        "- name: x\n  shell: flask run\n- name: y\n  debug: msg=a\n",
        "- name: x\n  shell: flask run\n  environment:\n    FLASK_DEBUG: \"0\"\n- name: y\n  debug: msg=a\n",
    );
    adds(
        "app.json",
        "{\n  \"env\": {\n    \"A\": \"b\"\n  }\n}\n",
        "{\n  \"env\": {\n    \"A\": \"b\",\n    \"FLASK_DEBUG\": \"0\"\n  }\n}\n",
    );
    adds(
        "app.yaml",
        "runtime: python312\nentrypoint: gunicorn a:b\n",
        "runtime: python312\nentrypoint: gunicorn a:b\nenv_variables:\n  FLASK_DEBUG: \"0\"\n",
    );
    adds(
        "fly.toml",
        "[env]\nPORT = \"80\"\n",
        "[env]\nFLASK_DEBUG = \"0\"\nPORT = \"80\"\n",
    );
    adds(
        "render.yaml",
        "services:\n- name: web\n  startCommand: flask run\n  envVars:\n  - key: A\n    value: b\n",
        "services:\n- name: web\n  startCommand: flask run\n  envVars:\n  - key: A\n    value: b\n  - key: FLASK_DEBUG\n    value: \"0\"\n",
    );
}

#[test]
fn other_values_are_quoted_where_they_must_be() {
    let new = set(
        "docker-compose.yml",
        "services:\n  web:\n    build: .\n    environment:\n      FLASK_ENV: development\n",
        "FLASK_ENV",
        "production",
    );
    assert!(new.contains("FLASK_ENV: production\n"));
    let new = set("Dockerfile", "FROM x\nENV A=b\n", "GREETING", "two words");
    assert!(new.contains("ENV GREETING=\"two words\"\n"));
    let new = set("run.sh", "export A=b\n", "A", "two words");
    assert!(new.contains("export A=\"two words\"\n"));
    let repo = Repository::from_texts([(".env", "A='b'\n")]);
    let deployment = Deployment::read(&repo);
    assert!(set_environment(&repo, &deployment, ".env", "A", "it's").is_empty());
    assert_eq!(deployment.environment[0].stage, Stage::Production);
}
