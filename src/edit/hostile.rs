//! No deployment file, however broken, makes an edit panic.

use proptest::prelude::*;

use super::{command, environment};
use crate::discover::Repository;
use crate::model::deployment::{Deployment, FlagKind};

/// Pieces of deployment files, put together without sense.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "FROM x\n",
        "ENV A=1\n",
        "CMD ",
        "ENTRYPOINT ",
        "[\"sh\", \"-c\", \"flask run\"]",
        "\n",
        "  ",
        "services:\n",
        "web:\n",
        "command: ",
        "- ",
        "environment:\n",
        "A: 1\n",
        "flask run --debug",
        "gunicorn a:b",
        "./run.sh \"$@\"",
        "$A",
        "'",
        "\"",
        "exec ",
        "export A=$A\n",
        "case $1 in a) ",
        ";; esac\n",
        "if [ $A = 1 ]; then ",
        "; fi\n",
        "[Service]\n",
        "ExecStart=",
        "web: ",
        "run:\n\t",
        "make run",
        "{{ x }}",
        "kind: Pod\napiVersion: v1\n",
        "containers:\n",
        "stage('x') {",
        "}",
        "sh '",
        "environment {",
        "bind = ",
        "raw_env = ['A=1']\n",
        "ü",
    ]);
    prop::collection::vec(piece, 0..25).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_files_are_read_and_edited(text in pieces(), other in pieces()) {
        let paths = [
            "Dockerfile", "docker-compose.yml", "Procfile", "x.service", "app.json", "Jenkinsfile", "Makefile", ".env", "k8s/a.yaml",
            ".gitlab-ci.yml", ".github/workflows/a.yml", "tasks/a.yml", "render.yaml", "fly.toml", "gunicorn.conf.py", "uwsgi.ini",
        ];
        let texts = paths.iter().map(|path| (*path, text.as_str())).chain([("run.sh", other.as_str())]);
        let repo = Repository::from_texts(texts);
        let deployment = Deployment::read(&repo);
        for path in paths {
            environment::set_environment(&repo, &deployment, path, "A", "2");
            environment::set_environment(&repo, &deployment, path, "NEW", "2");
        }
        for process in &deployment.processes {
            command::start_command(&repo, process, "a:create_app()");
            command::insert_before_start(&repo, process, &["python", "p.py"]);
            command::start_command_after(&repo, process, ("a:b", "0.0.0.0:1"), &["python", "p.py"]);
            command::remove_flag(&repo, process, FlagKind::Debug);
        }
    }
}
