use super::*;

#[test]
fn dotenv_reaches_production_only_where_something_loads_it() {
    let flaskenv = (".flaskenv", "FLASK_DEBUG=1\n");
    let count = |files: &[(&str, &str)]| {
        let repo = Repository::from_texts(files.iter().copied());
        Deployment::read(&repo)
            .production_settings("FLASK_DEBUG")
            .count()
    };
    assert_eq!(count(&[flaskenv]), 1, "nothing says what starts");
    assert_eq!(count(&[flaskenv, ("Procfile", "web: flask run\n")]), 1);
    assert_eq!(count(&[flaskenv, ("Procfile", "web: python app.py\n")]), 1);
    assert_eq!(
        count(&[flaskenv, ("Procfile", "web: gunicorn app:app\n")]),
        0
    );
    let loads = ("app.py", "from dotenv import load_dotenv\nload_dotenv()\n");
    assert_eq!(
        count(&[flaskenv, ("Procfile", "web: gunicorn app:app\n"), loads]),
        1
    );
    let compose = (
        "compose.yml",
        "services:\n  web:\n    image: x\n    env_file: .flaskenv\n    command: gunicorn a:b\n",
    );
    assert_eq!(count(&[flaskenv, compose]), 1);
}

#[test]
fn the_flask_command_sees_the_environment_files() {
    let read = read([
        (
            "Dockerfile",
            "FROM python\nENV FLASK_DEBUG=0\nCMD flask run\n",
        ),
        (".flaskenv", "FLASK_APP=a\nFLASK_DEBUG=1\nB=1\n"),
        (".env", "FLASK_APP=b\n"),
    ]);
    let process = read.only();
    assert_eq!(process.target.as_ref().unwrap().module, "b");
    assert_eq!(process.setting("FLASK_DEBUG").unwrap().literal(), Some("0"));
    assert_eq!(process.setting("B").unwrap().literal(), Some("1"));
}

#[test]
fn dockerignore_keeps_environment_files_out() {
    let read = read([
        ("Dockerfile", "FROM python\nCMD flask run\n"),
        (".flaskenv", "FLASK_DEBUG=1\n"),
        (".dockerignore", ".flaskenv\n"),
    ]);
    assert!(read.only().environment.is_empty());
}

#[test]
fn development_servers_are_listed_once() {
    let read = read([
        ("Dockerfile", "FROM python\nCMD flask run\n"),
        ("docker-compose.yml", "services:\n  web:\n    build: .\n"),
        ("Procfile", "web: gunicorn a:b\n"),
    ]);
    assert_eq!(read.deployment.processes.len(), 3);
    assert_eq!(read.deployment.starts_with_dev_server().len(), 1);
    assert_eq!(read.deployment.server_files(), ["Dockerfile", "Procfile"]);
    assert_eq!(read.deployment.production().count(), 3);
}

#[test]
fn a_repository_without_deployment_says_nothing() {
    let read = read([
        ("app.py", "app.run()\n"),
        ("openapi/a.yml", "get:\n  tags: [x]\n"),
    ]);
    assert!(read.deployment.processes.is_empty());
    assert!(read.deployment.environment.is_empty());
    assert!(read.deployment.starts_with_dev_server().is_empty());
}

#[test]
fn broken_files_end() {
    let texts = [
        "",
        "{",
        "[",
        "FROM",
        "CMD [\"",
        "- - -",
        "a: &a *a",
        "\"",
        "[Service]\nExecStart=",
        "web: '",
        "$(",
        "{{",
        "case $1 in",
    ];
    let paths = [
        "Dockerfile",
        "docker-compose.yml",
        "Procfile",
        "x.service",
        "run.sh",
        "app.json",
        "Jenkinsfile",
        "Makefile",
        ".env",
        ".gitlab-ci.yml",
        ".github/workflows/a.yml",
        "playbooks/a.yml",
        "render.yaml",
        "fly.toml",
        "gunicorn.conf.py",
        "app.yaml",
    ];
    for path in paths {
        for text in texts {
            let repo = Repository::from_texts([(path, text)]);
            let _ = Deployment::read(&repo);
        }
    }
}

#[test]
fn scripts_that_call_each_other_end() {
    let read = read([
        ("a.sh", "./b.sh\ngunicorn a:b\n"),
        ("b.sh", "./a.sh\n"),
        ("Dockerfile", "FROM python\nCOPY . .\nCMD ./a.sh\n"),
    ]);
    assert!(
        read.deployment
            .processes
            .iter()
            .all(|it| it.server == Server::Gunicorn)
    );
}
