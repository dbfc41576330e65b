use super::*;
use crate::finding::Edit;
use crate::model::deployment::{Deployment, FlagKind, Server, Stage};

/// The texts of the repository once the edits are made.
fn applied(repo: &Repository, edits: &[Edit]) -> Repository {
    let mut replaced: Vec<_> = edits
        .iter()
        .map(|edit| match edit {
            Edit::Replace { path, span, text } => (Arc::clone(path), *span, text.clone()),
            other => panic!("{other:?}"),
        })
        .collect();
    replaced.sort();
    let mut edited = repo.clone();
    for (path, span, new) in replaced.into_iter().rev() {
        let mut text = edited.file(&path).unwrap().text.as_str().to_owned();
        text.replace_range(span.start..span.end, &new);
        edited = edited.with_texts([(path, text)]);
    }
    edited
}

fn production(deployment: &Deployment) -> &Process {
    deployment
        .processes
        .iter()
        .find(|it| it.stage == Stage::Production)
        .unwrap()
}

#[track_caller]
fn edited(
    files: &[(&str, &str)],
    path: &str,
    edit: impl Fn(&Repository, &Process) -> Vec<Edit>,
) -> (String, Deployment) {
    let repo = Repository::from_texts(files.iter().copied());
    let deployment = Deployment::read(&repo);
    let edits = edit(&repo, production(&deployment));
    assert!(!edits.is_empty(), "no edit");
    let repo = applied(&repo, &edits);
    let text = repo.file(path).unwrap().text.as_str().to_owned();
    (text, Deployment::read(&repo))
}

/// Starts gunicorn instead, and sees that reading again finds it with its target.
#[track_caller]
fn starts(path: &str, text: &str, target: &str, expected: &str) {
    let (new, deployment) = edited(&[(path, text)], path, |repo, process| {
        start_command(repo, process, target)
    });
    assert_eq!(new, expected);
    let process = production(&deployment);
    assert_eq!(process.server, Server::Gunicorn, "{new}");
    let found = process.target.as_ref().unwrap();
    assert_eq!(
        format!("{}:{}", found.module, found.expression.as_deref().unwrap()),
        target
    );
    assert_eq!(process.flag(FlagKind::Workers).unwrap().value, "2");
}

#[test]
fn every_form_takes_gunicorn() {
    starts(
        "Dockerfile",
        "FROM x\nCMD [\"flask\", \"run\", \"--host=0.0.0.0\", \"--debug\"] # ?\n"
            .trim_end_matches(" # ?\n"),
        "app:app",
        "FROM x\nCMD [\"gunicorn\", \"--workers\", \"2\", \"--bind\", \"0.0.0.0:5000\", \"app:app\"]",
    );
    starts(
        "Dockerfile",
        "FROM x\nCMD exec flask run -p 80 > /dev/null\n",
        "app:create_app()",
        "FROM x\nCMD exec gunicorn --workers 2 --bind 0.0.0.0:80 'app:create_app()' > /dev/null\n",
    );
    starts(
        "Dockerfile",
        "FROM x\nEXPOSE 8000/tcp\nCMD [\"sh\", \"-c\", \"flask db upgrade && python app.py\"]\n",
        "app:create_app('prod')",
        "FROM x\nEXPOSE 8000/tcp\nCMD [\"sh\", \"-c\", \"flask db upgrade && gunicorn --workers 2 --bind 0.0.0.0:8000 \\\"app:create_app('prod')\\\"\"]\n",
    );
    starts(
        "Dockerfile",
        "FROM x\nENTRYPOINT [\"python\"]\nCMD [\"app.py\"]\nUSER x\n",
        "app:app",
        "FROM x\nENTRYPOINT [\"gunicorn\", \"--workers\", \"2\", \"--bind\", \"0.0.0.0:5000\", \"app:app\"]\nUSER x\n",
    );
    starts(
        "docker-compose.yml",
        "services:\n  web:\n    image: x\n    command: poetry run flask run --host 0.0.0.0  # go\n",
        "app:create_app()",
        "services:\n  web:\n    image: x\n    command: poetry run gunicorn --workers 2 --bind 0.0.0.0:5000 app:create_app()  # go\n",
    );
    starts(
        "docker-compose.yml",
        "services:\n  web:\n    image: x\n    command: 'bash -c \"flask run --port 80\"'\n    ports: []\n",
        "a.b:c",
        "services:\n  web:\n    image: x\n    command: 'bash -c \"gunicorn --workers 2 --bind 0.0.0.0:80 a.b:c\"'\n    ports: []\n",
    );
    starts(
        "docker-compose.yml",
        "services:\n  web:\n    image: x\n    command:\n      - python\n      - -m\n      - flask\n      - run\n    ports: []\n",
        "app:app",
        "services:\n  web:\n    image: x\n    command:\n      - gunicorn\n      - --workers\n      - \"2\"\n      - --bind\n      - \"0.0.0.0:5000\"\n      - \"app:app\"\n    ports: []\n",
    );
    starts(
        "k8s/a.yaml",
        "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - name: w\n    command: ['flask']\n    args: [run]\n    env: []\n",
        "app:app",
        "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - name: w\n    command: [\"gunicorn\", \"--workers\", \"2\", \"--bind\", \"0.0.0.0:5000\", \"app:app\"]\n    env: []\n",
    );
}

#[test]
fn arguments_go_with_the_old_command() {
    starts(
        "start.sh",
        "#!/bin/sh\nexec flask run \"$@\"\n",
        "app:app",
        "#!/bin/sh\nexec gunicorn --workers 2 --bind 0.0.0.0:5000 app:app\n",
    );
}

#[test]
fn hosts_and_platforms() {
    starts(
        "Procfile",
        "web: python app.py\nworker: celery\n",
        "app:app",
        "web: gunicorn --workers 2 --bind 0.0.0.0:${PORT:-5000} app:app\nworker: celery\n",
    );
    starts(
        "x.service",
        "[Service]\nExecStart=/venv/bin/flask run --port 80\n",
        "app:app",
        "[Service]\nExecStart=/venv/bin/gunicorn --workers 2 --bind 127.0.0.1:80 app:app\n",
    );
    starts(
        "start.sh",
        "#!/bin/sh\nexport FLASK_RUN_PORT=9\nFLASK_DEBUG=0 flask run \\\n  --host=:: &\nwait\n",
        "app:app",
        "#!/bin/sh\nexport FLASK_RUN_PORT=9\nFLASK_DEBUG=0 gunicorn --workers 2 --bind '[::]:9' app:app &\nwait\n",
    );
    starts(
        ".github/workflows/deploy.yml",
        "jobs:\n  deploy:\n    steps:\n    - run: |\n        cd x\n        flask run\n",
        "app:app",
        "jobs:\n  deploy:\n    steps:\n    - run: |\n        cd x\n        gunicorn --workers 2 --bind 0.0.0.0:5000 app:app\n",
    );
    starts(
        "s.conf",
        "[program:a]\ncommand=flask run ; go\n",
        "app:app",
        "[program:a]\ncommand=gunicorn --workers 2 --bind 127.0.0.1:5000 app:app ; go\n",
    );
}

#[test]
fn a_command_of_several_files_is_left_alone() {
    let files = [
        (
            "Dockerfile",
            "FROM x\nENTRYPOINT [\"flask\"]\nCMD [\"run\"]\n",
        ),
        (
            "docker-compose.yml",
            "services:\n  web:\n    build: .\n    command: run --debug\n",
        ),
    ];
    let repo = Repository::from_texts(files);
    let deployment = Deployment::read(&repo);
    let web = deployment
        .processes
        .iter()
        .find(|it| it.name == "web")
        .unwrap();
    assert_eq!(web.server, Server::FlaskRun);
    assert!(start_command(&repo, web, "app:app").is_empty());
    assert!(insert_before_start(&repo, web, &["python", "p.py"]).len() == 1);
}

/// Runs a check first, and sees that the server is still found.
#[track_caller]
fn checks(path: &str, text: &str, expected: &str) {
    let words = ["python", "preflight.py", "app:create_app()"];
    let (new, deployment) = edited(&[(path, text)], path, |repo, process| {
        insert_before_start(repo, process, &words)
    });
    assert_eq!(new, expected);
    let process = production(&deployment);
    assert!(matches!(process.server, Server::Gunicorn), "{new}");
    assert_eq!(process.target.as_ref().unwrap().module, "app", "{new}");
}

#[test]
fn a_check_runs_first() {
    checks(
        "Dockerfile",
        "FROM x\nCMD gunicorn -b :80 app:app\n",
        "FROM x\nCMD python preflight.py 'app:create_app()' && exec gunicorn -b :80 app:app\n",
    );
    checks(
        "Dockerfile",
        "FROM x\nCMD [\"tini\", \"--\", \"gunicorn\", \"-b\", \":80\", \"app:create_app()\"]\n",
        "FROM x\nCMD [\"tini\", \"--\", \"sh\", \"-c\", \"python preflight.py 'app:create_app()' && exec gunicorn -b :80 'app:create_app()'\"]\n",
    );
    checks(
        "Dockerfile",
        "FROM x\nENTRYPOINT [\"/v/bin/gunicorn\", \"-w\", \"4\"]\nCMD [\"app:app\"]\n",
        "FROM x\nENTRYPOINT [\"sh\", \"-c\", \"/v/bin/python preflight.py 'app:create_app()' && exec /v/bin/gunicorn -w 4 \\\"$0\\\" \\\"$@\\\"\"]\nCMD [\"app:app\"]\n",
    );
    checks(
        "Dockerfile",
        "FROM x\nCMD [\"sh\", \"-c\", \"exec gunicorn app:app\"]\n",
        "FROM x\nCMD [\"sh\", \"-c\", \"python preflight.py 'app:create_app()' && exec gunicorn app:app\"]\n",
    );
    checks(
        "start.sh",
        "#!/bin/sh\nset -e\nif true; then\n  exec poetry run gunicorn \\\n    app:app\nfi\n",
        "#!/bin/sh\nset -e\nif true; then\n  poetry run python preflight.py 'app:create_app()' && exec poetry run gunicorn \\\n    app:app\nfi\n",
    );
    checks(
        "Procfile",
        "web: A=1 B=2 gunicorn app:app\n",
        "web: export A=1 B=2 && python preflight.py 'app:create_app()' && exec gunicorn app:app\n",
    );
    checks(
        "s.conf",
        "[program:a]\ncommand=gunicorn app:create_app() -b 0.0.0.0:%(ENV_PORT)s\n",
        "[program:a]\ncommand=sh -c \"python preflight.py 'app:create_app()' && exec gunicorn 'app:create_app()' -b '0.0.0.0:%(ENV_PORT)s'\"\n",
    );
    checks(
        "roles/a/templates/a.service.j2",
        "[Service]\nExecStart={{ venv }}/bin/gunicorn app:app\n",
        "[Service]\nExecStartPre={{ venv }}/bin/python preflight.py 'app:create_app()'\nExecStart={{ venv }}/bin/gunicorn app:app\n",
    );
    checks(
        "x.service",
        "[Service]\nEnvironment=A=1\nExecStart=/v/bin/gunicorn \\\n  app:app\n",
        "[Service]\nEnvironment=A=1\nExecStartPre=/v/bin/python preflight.py 'app:create_app()'\nExecStart=/v/bin/gunicorn \\\n  app:app\n",
    );
    checks(
        "s.conf",
        "[program:a]\ncommand=gunicorn app:app\n",
        "[program:a]\ncommand=sh -c \"python preflight.py 'app:create_app()' && exec gunicorn app:app\"\n",
    );
    checks(
        "docker-compose.yml",
        "services:\n  web:\n    image: x\n    command: gunicorn 'app:create_app()' # go\n",
        "services:\n  web:\n    image: x\n    command: sh -c \"python preflight.py 'app:create_app()' && exec gunicorn 'app:create_app()'\" # go\n",
    );
    checks(
        "docker-compose.yml",
        "services:\n  web:\n    image: x\n    command: >-\n      gunicorn\n      app:app\n    ports: []\n",
        "services:\n  web:\n    image: x\n    command: >-\n      sh -c \"python preflight.py 'app:create_app()' && exec gunicorn\n      app:app\"\n    ports: []\n",
    );
    checks(
        "k8s/a.yaml",
        "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - name: w\n    command:\n    - gunicorn\n    - app:app\n    args:\n    - -b\n    - :80\n",
        "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - name: w\n    command:\n    - sh\n    - \"-c\"\n    - \"python preflight.py 'app:create_app()' && exec gunicorn app:app \\\"$0\\\" \\\"$@\\\"\"\n    args:\n    - -b\n    - :80\n",
    );
}

#[track_caller]
fn removes(path: &str, text: &str, kind: FlagKind, gone: &str) {
    assert_eq!(text.matches(gone).count(), 1, "the test's own text");
    let (new, deployment) = edited(&[(path, text)], path, |repo, process| {
        remove_flag(repo, process, kind)
    });
    assert_eq!(new, text.replace(gone, ""));
    assert!(!production(&deployment).switched_on(kind), "{new}");
}

#[test]
fn flags_go_with_what_parts_them() {
    removes(
        "Dockerfile",
        "FROM x\nCMD [\"flask\", \"run\", \"--debug\", \"-p\", \"80\"]\n",
        FlagKind::Debug,
        ", \"--debug\"",
    );
    removes(
        "Dockerfile",
        "FROM x\nCMD [\"gunicorn\", \\\n  \"--reload\", \\\n  \"a:b\"]\n",
        FlagKind::Reload,
        ", \\\n  \"--reload\"",
    );
    removes(
        "Dockerfile",
        "FROM x\nCMD flask --debug run\n",
        FlagKind::Debug,
        " --debug",
    );
    removes(
        "Dockerfile",
        "FROM x\nCMD gunicorn a:b \\\n    --reload \\\n    -w 4\n",
        FlagKind::Reload,
        " \\\n    --reload",
    );
    removes(
        "run.sh",
        "gunicorn a:b \\\n  --reload\n",
        FlagKind::Reload,
        " \\\n  --reload",
    );
    removes(
        "docker-compose.yml",
        "services:\n  w:\n    image: x\n    command:\n      - flask\n      - run\n      - --debugger\n      - -p\n",
        FlagKind::Debugger,
        "      - --debugger\n",
    );
    removes(
        "docker-compose.yml",
        "services:\n  w:\n    image: x\n    command: [flask, run, --debug]\n",
        FlagKind::Debug,
        ", --debug",
    );
    removes(
        "docker-compose.yml",
        "services:\n  w:\n    image: x\n    command: flask run --reload # x\n",
        FlagKind::Reload,
        " --reload",
    );
    removes(
        "gunicorn.conf.py",
        "bind = 'x'\nreload = True  # dev\nworkers = 2\n",
        FlagKind::Reload,
        "reload = True  # dev\n",
    );
    removes(
        "uwsgi.ini",
        "[uwsgi]\nmodule = a:b\npy-autoreload = 1\n",
        FlagKind::Reload,
        "py-autoreload = 1\n",
    );
    removes(
        "Procfile",
        "web: uwsgi --http :80 -w a:b --py-autoreload 1\n",
        FlagKind::Reload,
        " --py-autoreload 1",
    );
    removes(
        "x.service",
        "[Service]\nEnvironment=\"GUNICORN_CMD_ARGS=-w 4 --reload\"\nExecStart=gunicorn a:b\n",
        FlagKind::Reload,
        " --reload",
    );
}
