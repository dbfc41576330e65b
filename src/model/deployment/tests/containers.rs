use super::*;

#[test]
fn the_last_stage_is_production() {
    let read = read([(
        "Dockerfile",
        "ARG KEY=dev\nFROM python:3.12 AS base\nENV A=1\nWORKDIR /app\nFROM base AS development\nENV FLASK_DEBUG=1\n\
         CMD flask run\nFROM base AS production\nENV FLASK_DEBUG=0 KEY=$KEY\nUSER app\n\
         CMD [\"gunicorn\", \"-w\", \"2\", \"--bind=0.0.0.0:80\", \"shop:create_app('x')\"]\n",
    )]);
    assert_eq!(
        read.servers(),
        [
            "development flask run",
            "production gunicorn shop:create_app('x')"
        ]
    );
    assert_eq!(
        read.settings(),
        [
            "production KEY=?dev",
            "production A=1",
            "development FLASK_DEBUG=1",
            "production FLASK_DEBUG=0",
            "production KEY=?dev"
        ]
    );
    let gunicorn = &read.deployment.processes[1];
    assert_eq!(
        read.environment(gunicorn),
        ["A=1", "FLASK_DEBUG=0", "KEY=dev"]
    );
    assert_eq!(gunicorn.user, User::Named("app".into()));
    assert_eq!(gunicorn.chdir.as_deref(), Some("/app"));
    assert_eq!(flags(gunicorn), ["Workers=2", "Bind=0.0.0.0:80"]);
    assert_eq!(gunicorn.form, Form::Array);
    assert!(gunicorn.target.as_ref().unwrap().factory);
    assert_eq!(
        read.slice(&gunicorn.target.as_ref().unwrap().location),
        "shop:create_app('x')"
    );
    assert_eq!(
        read.slice(&gunicorn.flags[1].location),
        "\"--bind=0.0.0.0:80\""
    );
    assert_eq!(read.slice(&gunicorn.flags[0].location), "\"-w\", \"2\"");
    assert!(read.slice(&gunicorn.location).starts_with("[\"gunicorn\""));
    assert_eq!(read.deployment.processes[0].user, User::Root);
}

#[test]
fn names_of_dockerfiles_tell_the_stage() {
    let stage = |path: &str| {
        read([(path, "FROM python\nCMD flask run --debug\n")])
            .only()
            .stage
    };
    assert_eq!(stage("Dockerfile"), Stage::Production);
    assert_eq!(stage("Dockerfile.dev"), Stage::Development);
    assert_eq!(stage("docker/dev/Dockerfile"), Stage::Development);
    assert_eq!(stage("Dockerfile.test"), Stage::Test);
    assert_eq!(stage("tests/Dockerfile"), Stage::Test);
    assert_eq!(stage(".devcontainer/Dockerfile"), Stage::Development);
    assert_eq!(stage("examples/Dockerfile"), Stage::Unknown);
}

#[test]
fn an_entrypoint_script_is_followed() {
    let read = read([
        (
            "deploy/Dockerfile",
            "FROM python:3\nWORKDIR /srv\nCOPY . .\nCOPY deploy/entrypoint.sh /entrypoint.sh\nENTRYPOINT [\"/entrypoint.sh\"]\nCMD [\"web\"]\n",
        ),
        (
            "deploy/entrypoint.sh",
            "#!/bin/sh\nset -e\nexport FLASK_APP=shop.wsgi:app\nflask db upgrade\npython wait_for_db.py\ncase \"$1\" in\n  web) exec gosu shop gunicorn -c gunicorn.conf.py \"$FLASK_APP\" ;;\n  dev) exec flask run --debug ;;\n  worker) exec celery -A shop worker ;;\nesac\n",
        ),
        (
            "gunicorn.conf.py",
            "bind = '0.0.0.0:8000'\nworkers = 4\nreload = True\nraw_env = ['FLASK_DEBUG=1']\n",
        ),
        ("wait_for_db.py", "import time\n"),
    ]);
    assert_eq!(read.servers(), ["production gunicorn shop.wsgi:app"]);
    let process = read.only();
    assert_eq!(
        process.route(),
        "deploy/Dockerfile → deploy/entrypoint.sh → gunicorn.conf.py"
    );
    assert_eq!(process.surface, Surface::Shell);
    assert_eq!(process.user, User::Named("shop".into()));
    assert_eq!(
        flags(process),
        [
            "Bind=0.0.0.0:8000",
            "Workers=4",
            "Reload",
            "Config=gunicorn.conf.py"
        ]
    );
    assert_eq!(
        read.slice(&process.flag(FlagKind::Reload).unwrap().location),
        "reload = True"
    );
    assert_eq!(process.setting("FLASK_DEBUG").unwrap().literal(), Some("1"));
    assert_eq!(
        process.setting("FLASK_DEBUG").unwrap().surface,
        Surface::GunicornConfig
    );
    assert_eq!(
        read.settings(),
        [
            "production FLASK_APP=shop.wsgi:app",
            "production FLASK_DEBUG=1"
        ]
    );
    assert!(
        read.slice(&process.location)
            .starts_with("exec gosu shop gunicorn")
    );
}

#[test]
fn the_command_reaches_the_entrypoints_arguments() {
    let read = read([
        (
            "Dockerfile",
            "FROM python\nCOPY start.sh /usr/local/bin/\nENTRYPOINT [\"start.sh\"]\nCMD [\"flask\", \"run\", \"--debug\"]\n",
        ),
        (
            "start.sh",
            "#!/bin/bash\nexport FLASK_DEBUG=1\nexec \"$@\"\n",
        ),
    ]);
    let process = read.only();
    assert_eq!(process.server, Server::FlaskRun);
    assert!(process.switched_on(FlagKind::Debug));
    assert_eq!(process.form, Form::Array);
    assert_eq!(
        read.slice(&process.location),
        "[\"flask\", \"run\", \"--debug\"]"
    );
    assert_eq!(process.setting("FLASK_DEBUG").unwrap().literal(), Some("1"));
}

#[test]
fn a_shell_entrypoint_hides_the_command() {
    let read = read([(
        "Dockerfile",
        "FROM python\nENTRYPOINT gunicorn a:b\nCMD [\"flask\", \"run\"]\n",
    )]);
    assert_eq!(read.servers(), ["production gunicorn a:b"]);
}

#[test]
fn an_entrypoint_drops_an_inherited_command() {
    let read = read([(
        "Dockerfile",
        "FROM python AS base\nCMD [\"flask\", \"run\"]\nFROM base\nENTRYPOINT [\"gunicorn\", \"a:b\"]\n",
    )]);
    assert_eq!(
        read.servers(),
        ["unknown flask run", "production gunicorn a:b"]
    );
}

#[test]
fn a_shell_inside_an_array_is_read() {
    let read = read([(
        "Dockerfile",
        "FROM python\nCMD [\"sh\", \"-c\", \"flask db upgrade && exec gunicorn -b 0.0.0.0:$PORT app:app\"]\n",
    )]);
    let process = read.only();
    assert_eq!(process.form, Form::Shell(Quoting::Json));
    assert_eq!(
        read.slice(&process.location),
        "exec gunicorn -b 0.0.0.0:$PORT app:app"
    );
    assert_eq!(flags(process), ["Bind=0.0.0.0:$PORT"]);
}

#[test]
fn here_documents_may_hold_the_script() {
    let read = read([(
        "Dockerfile",
        "FROM python\nCOPY --chmod=755 <<EOF /start.sh\n#!/bin/sh\nexport FLASK_DEBUG=1\nflask run\nEOF\nCMD [\"/start.sh\"]\n",
    )]);
    assert_eq!(read.servers(), ["production flask run"]);
    assert_eq!(read.settings(), ["production FLASK_DEBUG=1"]);
    assert_eq!(read.slice(&read.only().location), "flask run");
}

#[test]
fn python_scripts_are_found_through_copies() {
    let read = read([
        (
            "backend/Dockerfile",
            "FROM python\nWORKDIR /app\nCOPY src/ .\nCMD [\"python\", \"-u\", \"main.py\", \"--debug\"]\n",
        ),
        ("backend/src/main.py", "app.run()\n"),
        ("main.py", ""),
    ]);
    let process = read.only();
    assert_eq!(
        process.server,
        Server::PythonScript {
            path: "backend/src/main.py".into()
        }
    );
    assert_eq!(process.folder, "backend/src");
    assert_eq!(process.target.as_ref().unwrap().module, "main");
    assert!(process.switched_on(FlagKind::Debug));
}

#[test]
fn compose_overrides_the_image() {
    let read = read([
        (
            "web/Dockerfile",
            "FROM python\nENV FLASK_DEBUG=0 A=1\nCOPY . /app\nWORKDIR /app\nENTRYPOINT [\"python\", \"-m\"]\nCMD [\"gunicorn\", \"wsgi\"]\n",
        ),
        (
            "docker-compose.yml",
            "services:\n  web:\n    build: ./web\n    env_file: .env\n    environment:\n      - FLASK_DEBUG=1\n      - KEY=${KEY:-dev}\n      - OUT\n    command: flask run --host 0.0.0.0\n  db:\n    image: postgres\n    environment:\n      POSTGRES_PASSWORD: x\n",
        ),
        (".env", "B=2\nOUT=3\n"),
        ("web/wsgi.py", ""),
    ]);
    assert_eq!(
        read.servers(),
        [
            "production gunicorn wsgi:application",
            "production flask run wsgi"
        ]
    );
    let flask = &read.deployment.processes[1];
    assert_eq!(flask.surface, Surface::Dockerfile);
    assert_eq!(flask.name, "web");
    assert_eq!(flask.folder, "web");
    assert_eq!(flask.setting("FLASK_DEBUG").unwrap().literal(), Some("1"));
    assert_eq!(
        flask.setting("KEY").unwrap().value,
        EnvValue::Default("dev".into())
    );
    assert_eq!(flask.setting("OUT").unwrap().literal(), Some("3"));
    assert_eq!(flask.setting("B").unwrap().literal(), Some("2"));
    assert_eq!(
        flask.form,
        Form::Array,
        "the program comes from the image's ENTRYPOINT"
    );
    assert!(
        read.settings()
            .contains(&"production POSTGRES_PASSWORD=x".to_owned())
    );
}

#[test]
fn compose_without_a_command_starts_the_image() {
    let read = read([
        (
            "Dockerfile",
            "FROM python AS dev\nCMD flask run\nFROM python AS prod\nCMD gunicorn a:b\n",
        ),
        (
            "compose.yaml",
            "services:\n  web:\n    build:\n      context: .\n      target: dev\n    environment:\n      FLASK_ENV: development\n",
        ),
    ]);
    let of_compose: Vec<_> = read
        .deployment
        .processes
        .iter()
        .filter(|it| it.name == "web")
        .collect();
    assert_eq!(of_compose.len(), 1);
    assert_eq!(of_compose[0].server, Server::FlaskRun);
    assert_eq!(of_compose[0].stage, Stage::Development);
    assert!(of_compose[0].because.contains("dev"));
    assert_eq!(of_compose[0].route(), "compose.yaml → Dockerfile");
    assert_eq!(
        of_compose[0].setting("FLASK_ENV").unwrap().stage,
        Stage::Development
    );
}

#[test]
fn an_overlay_for_production_replaces_the_command() {
    let read = read([
        (
            "docker-compose.yml",
            "services:\n  web:\n    build: .\n    command: flask run --debug\n    environment:\n      FLASK_DEBUG: 1\n      A: 1\n",
        ),
        (
            "docker-compose.prod.yml",
            "services:\n  web:\n    command: gunicorn app:app\n    environment:\n      FLASK_DEBUG: 0\n",
        ),
        (
            "docker-compose.override.yml",
            "services:\n  web:\n    command: python app.py\n",
        ),
        ("Dockerfile", "FROM python\n"),
    ]);
    let mut servers = read.servers();
    servers.sort();
    assert_eq!(
        servers,
        [
            "development flask run",
            "development python app.py app",
            "production gunicorn app:app"
        ]
    );
    let gunicorn = read.deployment.production().next().unwrap();
    assert_eq!(
        gunicorn.setting("FLASK_DEBUG").unwrap().literal(),
        Some("0")
    );
    assert_eq!(gunicorn.setting("A").unwrap().literal(), Some("1"));
    assert_eq!(
        read.deployment.production_settings("FLASK_DEBUG").count(),
        1
    );
}

#[test]
fn a_whole_file_for_production_makes_the_plain_one_development() {
    let web = "services:\n  web:\n    image: x\n    command: flask run\n";
    let read = read([
        ("docker-compose.yml", web),
        ("docker-compose.prod.yml", web),
    ]);
    assert_eq!(
        read.servers(),
        ["production flask run", "development flask run"]
    );
}

#[test]
fn services_and_profiles_tell_the_stage() {
    let read = read([(
        "docker-compose.yml",
        "x-env: &env\n  FLASK_DEBUG: \"1\"\nservices:\n  web:\n    image: x\n    command: [\"gunicorn\", \"a:b\"]\n    environment:\n      <<: *env\n  web-dev:\n    image: x\n    command:\n      - flask\n      - run\n  e2e:\n    image: x\n    profiles: [test]\n    entrypoint: sh -c 'waitress-serve a:b'\n",
    )]);
    assert_eq!(
        read.servers(),
        [
            "production gunicorn a:b",
            "development flask run",
            "test waitress a:b"
        ]
    );
    assert_eq!(read.deployment.processes[1].form, Form::Items);
    assert_eq!(
        read.deployment.processes[0]
            .setting("FLASK_DEBUG")
            .unwrap()
            .literal(),
        Some("1")
    );
}

#[test]
fn kubernetes_containers_see_their_variables() {
    let read = read([
        (
            "k8s/web.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: c\ndata:\n  FLASK_DEBUG: \"1\"\n  nginx.conf: |\n    a\n---\napiVersion: v1\nkind: Secret\nmetadata:\n  name: s\ndata:\n  secret-key: ZGV2LWtleQ==\nstringData:\n  TOKEN: t0ken\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  template:\n    spec:\n      initContainers:\n        - name: init\n          image: x\n          command: [flask, db, upgrade]\n      containers:\n        - name: web\n          image: shop:1\n          command: [\"flask\"]\n          args: [\"run\", \"--host=0.0.0.0\"]\n          env:\n            - name: FLASK_ENV\n              value: development\n            - name: KEY\n              valueFrom:\n                secretKeyRef:\n                  name: s\n                  key: secret-key\n          securityContext:\n            runAsUser: 1000\n",
        ),
        (
            "k8s/overlays/dev/web.yaml",
            "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n    - name: web\n      command: [sh, -c, \"python -m flask run --debugger\"]\n",
        ),
    ]);
    assert_eq!(
        read.servers(),
        ["development flask run", "production flask run"]
    );
    assert_eq!(
        read.settings(),
        [
            "production FLASK_DEBUG=1",
            "production SECRET_KEY=dev-key",
            "production TOKEN=t0ken",
            "production FLASK_ENV=development",
            "production KEY=outside"
        ]
    );
    let web = &read.deployment.processes[1];
    assert_eq!(flags(web), ["Host=0.0.0.0"]);
    assert_eq!(web.user, User::Named("1000".into()));
    assert_eq!(web.surface, Surface::Kubernetes);
    assert!(read.deployment.processes[0].switched_on(FlagKind::Debugger));
}

#[test]
fn a_manifest_without_a_command_starts_the_built_image() {
    let read = read([
        (
            "Dockerfile",
            "FROM python\nENV FLASK_DEBUG=1\nCMD flask run\n",
        ),
        (
            "deploy/web.yml",
            "apiVersion: apps/v1\nkind: Deployment\nspec:\n  template:\n    spec:\n      containers:\n      - name: web\n        image: registry.example/shop\n        env:\n        - name: FLASK_DEBUG\n          value: \"0\"\n",
        ),
    ]);
    assert_eq!(read.deployment.processes.len(), 2);
    let web = read
        .deployment
        .processes
        .iter()
        .find(|it| it.name == "web")
        .unwrap();
    assert_eq!(web.setting("FLASK_DEBUG").unwrap().literal(), Some("0"));
    assert_eq!(web.route(), "deploy/web.yml → Dockerfile");
}

#[test]
fn charts_read_their_values() {
    let read = read([
        ("chart/Chart.yaml", "name: shop\n"),
        (
            "chart/values.yaml",
            "flask:\n  debug: \"1\"\nenv:\n  FLASK_ENV: development\nextraEnv:\n  - name: SECRET_KEY\n    value: changeme\nimage: x\n",
        ),
        ("chart/values-dev.yaml", "flask:\n  debug: \"1\"\n"),
        (
            "chart/templates/web.yaml",
            "{{- if .Values.on }}\napiVersion: apps/v1\nkind: Deployment\nspec:\n  template:\n    spec:\n      containers:\n        - name: {{ .Chart.Name }}\n          command: [\"flask\", \"run\"]\n          env:\n            - name: FLASK_DEBUG\n              value: {{ .Values.flask.debug | quote }}\n            {{- toYaml .Values.extraEnv | nindent 12 }}\n{{- end }}\n",
        ),
    ]);
    assert_eq!(read.servers(), ["production flask run"]);
    assert_eq!(
        read.settings(),
        [
            "production FLASK_DEBUG=outside",
            "development FLASK_DEBUG=1",
            "production FLASK_DEBUG=1",
            "production FLASK_ENV=development",
            "production SECRET_KEY=changeme"
        ]
    );
    let setting = read.only().setting("FLASK_DEBUG").unwrap();
    assert_eq!(setting.literal(), Some("1"));
    assert_eq!(&*setting.location.path, "chart/values.yaml");
}

#[test]
fn a_command_picks_a_branch_of_the_entrypoint() {
    let read = read([
        (
            "Dockerfile",
            "FROM python\nCOPY entry.sh /\nENTRYPOINT [\"/entry.sh\"]\n",
        ),
        (
            "entry.sh",
            "case $1 in\n  develop) exec flask run \"$@\";;\n  '') exec gunicorn a:b;;\n  *) exec \"$@\";;\nesac\n",
        ),
        (
            "docker-compose.yml",
            "services:\n  web:\n    build: .\n    command: develop\n  job:\n    build: .\n    command: waitress-serve c:d\n",
        ),
    ]);
    let named: Vec<_> = read
        .deployment
        .processes
        .iter()
        .map(|it| format!("{} {}", it.name, read.line(it)))
        .collect();
    assert_eq!(
        named,
        [
            "job production waitress c:d",
            " development flask run",
            "web development flask run",
            " production gunicorn a:b",
        ]
    );
}

#[test]
fn chores_are_no_servers() {
    let job = "apiVersion: batch/v1\nkind: CronJob\nspec:\n  jobTemplate:\n    spec:\n      template:\n        spec:\n          containers:\n            - name: job\n              command: [python, sweep.py]\n";
    let read = read([
        ("k8s/job.yaml", job),
        (
            "Dockerfile",
            "FROM python\nCMD [\"python\", \"manage.py\", \"cleanup\"]\n",
        ),
        ("manage.py", "cli()\n"),
        ("Procfile", "web: python run.py\n"),
        ("run.py", "from shop import main\nmain()\n"),
    ]);
    assert_eq!(read.deployment.processes.len(), 3);
    let starting: Vec<&str> = read
        .deployment
        .starts_with_dev_server()
        .iter()
        .map(|it| it.name.as_str())
        .collect();
    assert_eq!(starting, ["web"]);
    assert_eq!(read.deployment.servers().count(), 1);
}

#[test]
fn a_shell_that_is_given_a_missing_script_starts_something_else() {
    let read = read([(
        "Dockerfile",
        "FROM python\nENTRYPOINT [\"/bin/bash\", \"scripts/start.sh\"]\nCMD [\"-c\", \"x.conf\"]\n",
    )]);
    assert_eq!(read.servers(), ["production start.sh"]);
}

#[test]
fn base64_goes_both_ways() {
    for text in ["", "a", "ab", "abc", "abcd", "dev-key ü"] {
        assert_eq!(
            kubernetes::decoded(&base64_encoded(text)).as_deref(),
            Some(text)
        );
    }
    assert_eq!(base64_encoded("dev-key"), "ZGV2LWtleQ==");
    assert_eq!(kubernetes::decoded("{{ .x }}"), None);
}
