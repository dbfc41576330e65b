use super::*;

#[test]
fn a_procfile_starts_what_it_names() {
    let read = read([
        (
            "Procfile",
            "web: FLASK_DEBUG=1 gunicorn -w 4 --log-file - 'shop:create_app()'\nrelease: flask db upgrade\nworker: celery -A shop worker\n",
        ),
        ("Procfile.dev", "web: flask run --debug\n"),
    ]);
    assert_eq!(
        read.servers(),
        [
            "production gunicorn shop:create_app()",
            "production celery",
            "development flask run"
        ]
    );
    assert_eq!(read.settings(), ["production FLASK_DEBUG=1"]);
    let web = &read.deployment.processes[0];
    assert_eq!(web.name, "web");
    assert_eq!(web.form, Form::Shell(Quoting::Bare));
    assert_eq!(web.setting("FLASK_DEBUG").unwrap().literal(), Some("1"));
    assert!(
        read.slice(&web.location)
            .starts_with("FLASK_DEBUG=1 gunicorn")
    );
    assert_eq!(
        read.slice(&web.target.as_ref().unwrap().location),
        "shop:create_app()"
    );
}

#[test]
fn units_run_as_root_unless_they_say() {
    let read = read([
        (
            "deploy/shop.service",
            "[Service]\nUser=shop\nWorkingDirectory=/srv/shop\nEnvironment=\"FLASK_DEBUG=1\" A=2\nEnvironment=B=3\nEnvironmentFile=-/etc/shop.env\nExecStart=/srv/shop/venv/bin/gunicorn --workers 3 \\\n  --bind unix:shop.sock wsgi:app\n",
        ),
        ("shop.env", "C=4\n"),
        (
            "deploy/other.service",
            "[Service]\nExecStart=/usr/bin/python3 /srv/shop/app.py\n",
        ),
        ("app.py", "app.run()\n"),
    ]);
    assert_eq!(
        read.servers(),
        [
            "production python app.py app",
            "production gunicorn wsgi:app"
        ]
    );
    let [other, shop] = read.deployment.processes.as_slice() else {
        panic!("two units");
    };
    assert_eq!(other.user, User::Root);
    assert_eq!(shop.user, User::Named("shop".into()));
    assert_eq!(shop.name, "shop");
    assert_eq!(
        read.environment(shop),
        ["FLASK_DEBUG=1", "A=2", "B=3", "C=4"]
    );
    assert_eq!(shop.form, Form::Words(Quoting::Bare));
    assert_eq!(flags(shop), ["Workers=3", "Bind=unix:shop.sock"]);
    let setting = read.deployment.settings("FLASK_DEBUG").next().unwrap();
    assert_eq!(read.slice(&setting.statement), "\"FLASK_DEBUG=1\"");
}

#[test]
fn supervisor_programs() {
    let read = read([(
        "etc/supervisor.conf",
        "[supervisord]\nenvironment=A=\"1\"\n[program:web]\ncommand=/venv/bin/uwsgi --http :80 --wsgi-file app.py --callable app --py-autoreload 1\nenvironment=FLASK_DEBUG=\"1\",B='x,y',C=outside\nuser=www-data\ndirectory=/srv\n",
    )]);
    let process = read.only();
    assert_eq!(read.line(process), "production uWSGI app:app");
    assert_eq!(
        read.environment(process),
        ["A=1", "FLASK_DEBUG=1", "B=x,y", "C=outside"]
    );
    assert_eq!(flags(process), ["Bind=:80", "Reload"]);
    assert_eq!(process.name, "web");
    assert_eq!(
        read.slice(&process.flag(FlagKind::Reload).unwrap().location),
        "--py-autoreload 1"
    );
}

#[test]
fn an_image_runs_the_programs_of_its_supervisor() {
    let program = "[supervisord]\nuser=root\n[program:web]\ncommand=python3 /app/app.py\n";
    for (copy, start) in [
        (
            "COPY supervisord.conf /etc/supervisord.conf",
            "ENTRYPOINT [\"/usr/bin/supervisord\", \"-c\", \"/etc/supervisord.conf\"]",
        ),
        (
            "COPY supervisord.conf /etc/supervisor/conf.d/web.conf",
            "CMD supervisord -n",
        ),
    ] {
        let image = format!("FROM python:3.12\nWORKDIR /app\n{copy}\nCOPY src /app/\n{start}\n");
        let read = read([
            ("Dockerfile", image.as_str()),
            ("supervisord.conf", program),
            ("src/app.py", "app.run()\n"),
        ]);
        let process = read.only();
        assert_eq!(
            read.line(process),
            "production python src/app.py app",
            "{start}"
        );
        assert_eq!(process.folder, "src");
        assert_eq!(process.surface, Surface::Supervisor);
        assert_eq!(process.user, User::Root);
        assert!(process.in_container);
    }
}

#[test]
fn a_supervisor_of_the_host_is_in_no_container() {
    let read = read([
        (
            "Dockerfile",
            "FROM python:3.12\nCOPY . /app\nCMD [\"cron\", \"-f\"]\n",
        ),
        (
            "supervisord.conf",
            "[program:web]\ncommand=gunicorn app:app\n",
        ),
    ]);
    let web = read.deployment.processes.iter().find(|it| it.name == "web");
    assert!(!web.unwrap().in_container);
}

#[test]
fn a_script_alone_is_what_starts() {
    let text = "#!/bin/bash\nset -euo pipefail\nexport FLASK_APP=shop FLASK_ENV=development\nLOCAL=1\ncd backend\npython manage.py migrate\nflask run --host=0.0.0.0 --no-debugger\n";
    let read = read([
        ("start.sh", text),
        ("backend/shop/__init__.py", ""),
        ("backend/manage.py", "cli()\n"),
    ]);
    assert_eq!(read.servers(), ["production flask run shop"]);
    assert_eq!(
        read.settings(),
        [
            "production FLASK_APP=shop",
            "production FLASK_ENV=development"
        ]
    );
    let process = read.only();
    assert_eq!(process.folder, "backend");
    assert_eq!(flags(process), ["Host=0.0.0.0", "!Debugger"]);
}

#[test]
fn a_script_beside_a_dockerfile_is_nobodys() {
    let read = read([
        ("Dockerfile", "FROM python\nCMD gunicorn a:b\n"),
        ("run.sh", "flask run --debug\n"),
        ("scripts/dev.sh", "flask run --debug\n"),
        (
            "deploy.sh",
            "ssh host\nexport FLASK_DEBUG=1\ngunicorn a:b\n",
        ),
    ]);
    assert_eq!(
        read.servers(),
        [
            "production gunicorn a:b",
            "production gunicorn a:b",
            "unknown flask run",
            "development flask run"
        ]
    );
}

#[test]
fn conditions_tell_development_from_production() {
    let script = "if [ \"$FLASK_ENV\" = \"development\" ]; then\n  flask run --debug\nelse\n  gunicorn a:b\nfi\nif [ \"$APP_ENV\" != production ]; then flask run; fi\n";
    let alone = read([("start.sh", script)]);
    assert_eq!(
        alone.servers(),
        [
            "development flask run",
            "production gunicorn a:b",
            "development flask run"
        ]
    );
    let declared = read([
        ("start.sh", script),
        (
            "Dockerfile",
            "FROM python\nENV FLASK_ENV=development APP_ENV=production\nCOPY start.sh /\nCMD /start.sh\n",
        ),
    ]);
    assert_eq!(declared.servers(), ["production flask run"]);
}

#[test]
fn branches_keep_their_exports_to_themselves() {
    let read = read([(
        "start.sh",
        "if [ \"$ENV\" = dev ]; then debug=--debug; export A=1; fi\ncase $1 in\n  develop) export FLASK_DEBUG=1; exec flask run;;\n  '') exec gunicorn a:b;;\nesac\nexport B=2\nflask run $debug\n",
    )]);
    let [develop, gunicorn, last] = read.deployment.processes.as_slice() else {
        panic!("three: {:?}", read.servers());
    };
    assert_eq!(develop.stage, Stage::Development);
    assert_eq!(read.environment(develop), ["FLASK_DEBUG=1"]);
    assert!(gunicorn.environment.is_empty());
    assert_eq!(read.environment(last), ["B=2"]);
    assert!(!last.switched_on(FlagKind::Debug));
}

#[test]
fn variables_point_at_where_they_are_set() {
    let read = read([(
        "start.sh",
        "ARGS=\"-e FLASK_DEBUG=1 -w 3\"\nAPP=shop.wsgi:app\nexec gunicorn $ARGS --reload \"$APP\"\n",
    )]);
    let process = read.only();
    assert_eq!(read.line(process), "production gunicorn shop.wsgi:app");
    assert_eq!(
        read.slice(&process.target.as_ref().unwrap().location),
        "shop.wsgi:app"
    );
    assert_eq!(read.settings(), ["production FLASK_DEBUG=1"]);
    assert_eq!(
        read.slice(&read.deployment.environment[0].statement),
        "FLASK_DEBUG=1"
    );
    assert_eq!(
        read.slice(&process.flag(FlagKind::Workers).unwrap().location),
        "-w 3"
    );
    assert!(read.slice(&process.location).starts_with("exec gunicorn"));
}

#[test]
fn generated_scripts_are_passed_over() {
    let long = format!("gunicorn a:b\n{}", "X=1\n".repeat(40_000));
    assert!(
        read([("configure.sh", long.as_str())])
            .deployment
            .processes
            .is_empty()
    );
}

#[test]
fn sourced_files_and_docker_run() {
    let read = read([
        (
            "serve.sh",
            ". ./conf/env.sh\nset -a\nsource .env\nwaitress-serve --port=80 --call shop:create_app\n",
        ),
        ("conf/env.sh", "export A=1\nB=2\n"),
        (".env", "C=3\n"),
        (
            "up.sh",
            "KEY=abc\ndocker run -d -e SECRET_KEY=$KEY --env \"FLASK_DEBUG=1\" shop\nheroku config:set X=1 Y=2\n",
        ),
    ]);
    let process = read.only();
    assert_eq!(read.environment(process), ["A=1", "C=3"]);
    assert!(process.target.as_ref().unwrap().factory);
    let settings: Vec<_> = read
        .deployment
        .environment
        .iter()
        .filter(|it| &*it.location.path == "up.sh")
        .collect();
    let shown: Vec<_> = settings
        .iter()
        .map(|it| format!("{}={}", it.name, it.literal().unwrap()))
        .collect();
    assert_eq!(shown, ["SECRET_KEY=abc", "FLASK_DEBUG=1", "X=1", "Y=2"]);
}

#[test]
fn makefiles_are_for_whoever_calls_them() {
    let read = read([
        (
            "Makefile",
            "export FLASK_APP = shop\nPORT ?= 5000\ndev:\n\tFLASK_DEBUG=1 flask run\nrun:\n\tflask run\ndeploy:\n\tgunicorn -b :$(PORT) shop:app\ntest:\n\tpytest\n",
        ),
        (
            "Dockerfile",
            "FROM python\nCOPY . /app\nWORKDIR /app\nCMD [\"make\", \"run\"]\n",
        ),
    ]);
    assert_eq!(
        read.servers(),
        [
            "development flask run shop",
            "production flask run shop",
            "unknown flask run shop",
            "production gunicorn shop:app"
        ]
    );
    let called = read.deployment.production().next().unwrap();
    assert_eq!(called.route(), "Dockerfile → Makefile");
}

#[test]
fn configuration_files_that_nothing_names() {
    let read = read([
        (
            "conf/gunicorn_config.py",
            "import os\nbind = '0.0.0.0:80'\nreload = True\nraw_env = ['FLASK_DEBUG=1', 'A=b']\nuser = 'www'\nchdir = '/srv'\n",
        ),
        ("conf/gunicorn.dev.conf.py", "reload = True\n"),
        (
            "uwsgi.ini",
            "[uwsgi]\nmodule = wsgi\ncallable = app\nenv = FLASK_DEBUG=1\npy-autoreload = 1\ncatch-exceptions = true\nuid = www\nprocesses=4\n",
        ),
    ]);
    assert_eq!(
        read.servers(),
        [
            "development gunicorn",
            "production gunicorn",
            "production uWSGI wsgi:app"
        ]
    );
    let [_, gunicorn, uwsgi] = read.deployment.processes.as_slice() else {
        panic!("three");
    };
    assert_eq!(gunicorn.form, Form::Keys);
    assert_eq!(flags(gunicorn), ["Bind=0.0.0.0:80", "Reload"]);
    assert_eq!(gunicorn.user, User::Named("www".into()));
    assert_eq!(flags(uwsgi), ["Reload", "CatchExceptions", "Workers=4"]);
    assert_eq!(read.environment(uwsgi), ["FLASK_DEBUG=1"]);
    assert_eq!(
        read.settings(),
        [
            "production FLASK_DEBUG=1",
            "production A=b",
            "production FLASK_DEBUG=1"
        ]
    );
}

#[test]
fn gunicorn_reads_its_default_file_and_variable() {
    let read = read([
        ("Procfile", "web: gunicorn --bind :1 app:app\n"),
        ("gunicorn.conf.py", "bind = ':2'\nworkers = 3\n"),
        (".env", "GUNICORN_CMD_ARGS=--reload\n"),
        (
            "gunicorn.service",
            "[Service]\nEnvironment=\"GUNICORN_CMD_ARGS=--reload --workers 9\"\nExecStart=gunicorn app:app\n",
        ),
    ]);
    let web = read
        .deployment
        .processes
        .iter()
        .find(|it| it.name == "web")
        .unwrap();
    assert_eq!(web.flag(FlagKind::Bind).unwrap().value, ":1");
    assert_eq!(web.flag(FlagKind::Workers).unwrap().value, "3");
    let unit = read
        .deployment
        .processes
        .iter()
        .find(|it| it.name == "gunicorn")
        .unwrap();
    assert!(unit.switched_on(FlagKind::Reload));
    assert_eq!(unit.flag(FlagKind::Workers).unwrap().value, "9");
}

#[test]
fn wrappers_are_taken_off() {
    let server = |command: &str| {
        let text = format!("web: {command}\n");
        let read = read([("Procfile", text.as_str())]);
        read.servers().join(", ")
    };
    for command in [
        "exec gunicorn a:b",
        "env A=1 gunicorn a:b",
        "/usr/bin/env -i A=1 /x/bin/gunicorn a:b",
        "poetry run gunicorn a:b",
        "uv run --no-dev gunicorn a:b",
        "uv run -m gunicorn a:b",
        "python -m gunicorn a:b",
        "python3.11 -u -m gunicorn.app.wsgiapp a:b",
        "dumb-init -- gunicorn a:b",
        "tini -g -- gunicorn a:b",
        "newrelic-admin run-program gunicorn a:b",
        "ddtrace-run gunicorn a:b",
        "dockerize -wait tcp://db:1 -timeout 5s gunicorn a:b",
        "./wait-for-it.sh db:5432 -t 30 -- gunicorn a:b",
        "doppler run -- gunicorn a:b",
        "sh -c 'cd x && exec gunicorn a:b'",
        "su app -c 'gunicorn a:b'",
        "sudo -u app gunicorn a:b",
        "timeout 10 gunicorn a:b",
        "gunicorn -w4 -b:80 -k gevent --timeout 30 --preload --access-logfile - a:b",
    ] {
        assert_eq!(server(command), "production gunicorn a:b", "{command}");
    }
    assert_eq!(
        server("hypercorn shop:app --bind :80"),
        "production hypercorn shop:app"
    );
    assert_eq!(
        server("uvicorn --factory shop:make"),
        "production uvicorn shop:make"
    );
    assert_eq!(
        server("flask --app shop:create_app --debug run -p 80"),
        "production flask run shop:create_app"
    );
    assert_eq!(server("python -m flask run"), "production flask run");
    assert_eq!(server("python run.py"), "production python run.py run");
    assert_eq!(server("python -m shop"), "production python -m shop shop");
    assert_eq!(
        server("mod_wsgi-express start-server wsgi.py --port 80"),
        "production mod_wsgi wsgi:application"
    );
    assert_eq!(
        server("uwsgi --http :80 --module a:b --catch-exceptions"),
        "production uWSGI a:b"
    );
}

#[test]
fn installed_commands_lead_to_their_function() {
    let read = read([
        (
            "pyproject.toml",
            "[project.scripts]\nshop = \"shop.cli:main\"\n",
        ),
        ("Procfile", "web: shop serve --port 80\n"),
    ]);
    let process = read.only();
    assert_eq!(
        process.server,
        Server::ConsoleScript {
            name: "shop".into()
        }
    );
    assert_eq!(process.target.as_ref().unwrap().module, "shop.cli");
    assert_eq!(flags(process), ["Port=80"]);
}

#[test]
fn templates_of_roles_are_read() {
    let read = read([
        (
            "roles/web/templates/shop.service.j2",
            "[Service]\nUser={{ user }}\nEnvironment=SECRET_KEY={{ key | default('dev') }}\nExecStart={{ venv }}/bin/gunicorn -b {{ host }}:{{ port }} shop:app\n",
        ),
        (
            "roles/web/templates/env.j2",
            "FLASK_DEBUG=1\nKEY={{ key }}\n",
        ),
        (
            "roles/web/tasks/main.yml",
            "- name: Start\n  ansible.builtin.shell: |\n    cd /srv\n    flask run --debug\n  environment:\n    FLASK_ENV: development\n- name: Line\n  lineinfile:\n    path: /etc/shop.env\n    line: 'FLASK_DEBUG=\"1\"'\n- docker_container:\n    name: shop\n    env:\n      A: \"1\"\n    command: gunicorn shop:app\n",
        ),
        ("group_vars/all.yml", "FLASK_DEBUG: \"1\"\nport: 80\n"),
    ]);
    assert_eq!(
        read.servers(),
        [
            "production flask run",
            "production gunicorn shop:app",
            "production gunicorn shop:app"
        ]
    );
    let settings: Vec<String> = read
        .deployment
        .environment
        .iter()
        .map(|it| format!("{}={:?}", it.name, it.value.text()))
        .collect();
    assert_eq!(
        settings,
        [
            "FLASK_DEBUG=Some(\"1\")",
            "FLASK_ENV=Some(\"development\")",
            "FLASK_DEBUG=Some(\"1\")",
            "A=Some(\"1\")",
            "FLASK_DEBUG=Some(\"1\")",
            "KEY=None",
            "SECRET_KEY=Some(\"dev\")"
        ]
    );
}

#[test]
fn fabric_runs_on_servers() {
    let read = read([(
        "fabfile.py",
        "from fabric.api import cd, env, local, prefix, run, shell_env, sudo\n\n\
         def deploy():\n    with cd('/srv/shop'), prefix('. venv/bin/activate'):\n        run('git pull')\n        with shell_env(FLASK_ENV='development', KEY=env.key):\n            sudo('FLASK_DEBUG=1 gunicorn -b 0.0.0.0:80 shop:app')\n            run('flask run')\n\n\
         def start():\n    run('PORT=%s SECRET_KEY=%(key)s gunicorn shop:app' % env.port)\n    run(f\"SECRET_KEY={env.key} A=\\\"b\\\" gunicorn \" 'shop:app')\n    local('FLASK_DEBUG=1 flask run')\n\n\
         def dev():\n    run('FLASK_DEBUG=1 flask run')\n",
    )]);
    assert_eq!(
        read.servers(),
        [
            "production gunicorn shop:app",
            "production flask run",
            "production gunicorn shop:app",
            "production gunicorn shop:app",
            "development flask run",
        ]
    );
    assert_eq!(
        read.settings(),
        [
            "production FLASK_ENV=development",
            "production KEY=outside",
            "production FLASK_DEBUG=1",
            "production PORT=outside",
            "production SECRET_KEY=outside",
            "production SECRET_KEY=outside",
            "production A=b",
            "development FLASK_DEBUG=1",
        ]
    );
    let gunicorn = &read.deployment.processes[0];
    assert_eq!(gunicorn.form, Form::Shell(Quoting::Python('\'')));
    assert_eq!(
        read.slice(&gunicorn.location),
        "FLASK_DEBUG=1 gunicorn -b 0.0.0.0:80 shop:app"
    );
}

#[test]
fn newer_fabric_needs_a_host() {
    let task = "@task\ndef web(c):\n    c.run('gunicorn shop:app', env={'FLASK_DEBUG': '1'})\n";
    let hosts = format!(
        "from fabric import task\n{}",
        task.replace("@task", "@task(hosts=['shop'])")
    );
    let with = read([("fabfile.py", hosts.as_str())]);
    assert_eq!(with.servers(), ["production gunicorn shop:app"]);
    assert_eq!(with.settings(), ["production FLASK_DEBUG=1"]);
    let alone = format!("from fabric import task\n{task}");
    assert!(read([("fabfile.py", alone.as_str())]).servers().is_empty());
    let deploys = alone.replace("def web", "def deploy_web");
    assert_eq!(
        read([("fabfile.py", deploys.as_str())]).servers(),
        ["production gunicorn shop:app"]
    );
    let invoke = format!("from invoke import task\n{task}");
    assert!(read([("tasks.py", invoke.as_str())]).servers().is_empty());
}
