use super::*;

#[test]
fn circleci_jobs_deploy_or_test() {
    let read = read([(
        ".circleci/config.yml",
        "version: 2.1\njobs:\n  test:\n    docker:\n      - image: a\n        environment:\n          FLASK_DEBUG: 1\n    steps:\n      - checkout\n      - run: pytest\n  ship:\n    docker:\n      - image: a\n        environment:\n          A: b\n    environment:\n      FLASK_DEBUG: \"1\"\n    steps:\n      - run:\n          name: Deploy\n          environment:\n            B: $C\n          command: ./ship.sh\n      - when:\n          condition: x\n          steps:\n            - run:\n                environment: {D: e}\n                command: true\n",
    )]);
    assert_eq!(
        read.settings(),
        [
            "test FLASK_DEBUG=1",
            "production A=b",
            "production FLASK_DEBUG=1",
            "production B=outside",
            "production D=e",
        ]
    );
}

#[test]
fn kustomize_generates_variables() {
    let read = read([
        (
            "k8s/kustomization.yaml",
            "configMapGenerator:\n  - name: web\n    literals:\n      - FLASK_DEBUG=1\n    envs: [web.env]\nsecretGenerator:\n  - name: keys\n    literals: ['A=b=c']\n",
        ),
        ("k8s/web.env", "D=e\n"),
        (
            "k8s/overlays/dev/kustomization.yml",
            "configMapGenerator:\n  - name: web\n    literals: [FLASK_DEBUG=1]\n",
        ),
    ]);
    assert_eq!(
        read.settings(),
        [
            "production FLASK_DEBUG=1",
            "production A=b=c",
            "development FLASK_DEBUG=1",
            "production D=e",
        ]
    );
}

#[test]
fn amazons_files() {
    let read = read([
        (
            "infra/task-definition.json",
            "{\"containerDefinitions\": [{\"name\": \"web\", \"environment\": [{\"name\": \"FLASK_DEBUG\", \"value\": \"1\"}], \"secrets\": [{\"name\": \"SECRET_KEY\", \"valueFrom\": \"arn:x\"}]}]}\n",
        ),
        (
            "serverless.yml",
            "provider:\n  environment:\n    A: ${ssm:/a}\n    FLASK_DEBUG: '1'\nfunctions:\n  web:\n    environment:\n      B: c\n",
        ),
        (
            "zappa_settings.json",
            "{\"dev\": {\"s3_bucket\": \"b\", \"environment_variables\": {\"A\": \"d\"}}, \"web\": {\"app_function\": \"a.a\", \"environment_variables\": {\"A\": \"e\"}}}\n",
        ),
    ]);
    assert_eq!(
        read.settings(),
        [
            "production FLASK_DEBUG=1",
            "production A=outside",
            "production FLASK_DEBUG=1",
            "production B=c",
            "development A=d",
            "production A=e",
        ]
    );
}

/// A variable of Ansible's own counts where it becomes one of the environment.
#[test]
fn variables_of_plays_are_followed_to_the_environment() {
    let template = (
        "roles/web/templates/env.j2",
        "FLASK_DEBUG={{ debug }}\nSECRET_KEY={{ key }}\n",
    );
    let vars = (
        "group_vars/all.yml",
        "debug: true\nkey: \"{{ vault_key }}\"\nsecret_key: unused\n",
    );
    let vault = ("group_vars/vault.yml", "vault_key: text\n");
    assert_eq!(
        read([template, vars, vault]).settings(),
        [
            "production FLASK_DEBUG=true",
            "production SECRET_KEY=outside",
            "production SECRET_KEY=text",
            "production FLASK_DEBUG=outside",
            "production SECRET_KEY=outside",
        ]
    );
    assert_eq!(read([vars]).settings(), Vec::<String>::new());
}

#[test]
fn terraform_sets_variables() {
    let read = read([(
        "infra/main.tf",
        "# FLASK_DEBUG = \"1\"\nresource \"aws_lambda_function\" \"web\" {\n  function_name = \"shop\"\n  \
         environment {\n    variables = {\n      FLASK_DEBUG = \"1\"\n      \"A_KEY\" = \"b = c\"\n      \
         SECRET_KEY = var.secret_key\n      B_URL = \"https://${var.host}\"\n    }\n  }\n}\nlocals {\n  web = \
         jsonencode([{ name = \"web\", environment = [{ name = \"FLASK_ENV\", value = \"development\" }] }])\n  \
         old = [{\n    name  = \"C_D\"\n    value = \"e\"\n  }]\n}\n",
    )]);
    assert_eq!(
        read.settings(),
        [
            "production FLASK_DEBUG=1",
            "production A_KEY=b = c",
            "production B_URL=outside",
            "production FLASK_ENV=development",
            "production C_D=e",
        ]
    );
}

#[test]
fn beanstalk_options() {
    let read = read([
        (
            "shop/app.py",
            "from flask import Flask\napp = Flask(__name__)\n",
        ),
        (
            ".ebextensions/01_flask.config",
            "option_settings:\n  aws:elasticbeanstalk:application:environment:\n    FLASK_ENV: development\n    KEY: '`{\"Ref\": \"X\"}`'\n  \"aws:elasticbeanstalk:container:python\":\n    WSGIPath: shop.app:app\n",
        ),
        (
            ".ebextensions/02.config",
            "option_settings:\n  - namespace: aws:elasticbeanstalk:container:python\n    option_name: WSGIPath\n    value: shop/app.py\n  - option_name: FLASK_DEBUG\n    value: 1\n  - namespace: aws:autoscaling:asg\n    option_name: MinSize\n    value: 2\ncontainer_commands:\n  01:\n    command: flask db upgrade\n",
        ),
        (
            ".elasticbeanstalk/saved_configs/prod.cfg.yml",
            "OptionSettings:\n  aws:elasticbeanstalk:application:environment:\n    A: b\n",
        ),
    ]);
    assert_eq!(
        read.settings(),
        [
            "production FLASK_ENV=development",
            "production KEY=outside",
            "production FLASK_DEBUG=1",
            "production A=b",
        ]
    );
    assert_eq!(
        read.servers(),
        [
            "production gunicorn shop.app:app",
            "production mod_wsgi shop.app:application"
        ]
    );
}

#[test]
fn more_platforms() {
    let read = read([
        (
            ".do/app.yaml",
            "name: shop\nenvs:\n  - key: A\n    value: b\nservices:\n  - name: web\n    run_command: gunicorn shop:app\n    envs:\n      - key: FLASK_DEBUG\n        value: '1'\n      - key: KEY\n        type: SECRET\n",
        ),
        (
            "vercel.json",
            "{\"builds\": [{\"src\": \"app.py\", \"use\": \"@vercel/python\"}], \"env\": {\"I\": \"j\", \"KEY\": \"@key\"}}\n",
        ),
        (
            "apprunner.yaml",
            "version: 1.0\nruntime: python3\nrun:\n  command: gunicorn shop:app\n  env:\n    - name: C\n      value: d\n",
        ),
        (
            "cloudbuild.yaml",
            "steps:\n  - name: gcr.io/cloud-builders/docker\n    args: [build, --build-arg, E=f, .]\n  - name: gcr.io/google.com/cloudsdktool/cloud-sdk\n    entrypoint: gcloud\n    args:\n      - run\n      - deploy\n      - shop\n      - --set-env-vars=FLASK_ENV=development,KEY=${_KEY}\n  - name: python\n    entrypoint: bash\n    args: ['-c', 'export G=h; pytest']\n",
        ),
    ]);
    assert_eq!(
        read.settings(),
        [
            "production A=b",
            "production FLASK_DEBUG=1",
            "production KEY=outside",
            "production C=d",
            "production E=f",
            "production FLASK_ENV=development",
            "production KEY=outside",
            "production G=h",
            "production I=j",
            "production KEY=outside",
        ]
    );
    assert_eq!(
        read.servers(),
        [
            "production gunicorn shop:app",
            "production gunicorn shop:app"
        ]
    );
}
